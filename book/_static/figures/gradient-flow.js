/* Gradient flow: point at an output, see where its gradient goes; point at an input, see what its gradient is made of. */

import { crossCorrelate, taps } from "./compute/convolution.js";
import { averagePoolBackward, convBackward, maxPoolBackward, termsOfInput, winner } from "./compute/gradients.js";
import { pool } from "./compute/pooling.js";
import { BEHIND_TEXT, CourseFigure, define, grid, h, plural, show, signed } from "./base.js";

const X = [
  [1, 3, 0, 2, 1, 0],
  [2, 5, 1, 0, 4, 2],
  [0, 1, 6, 2, 1, 3],
  [3, 0, 2, 5, 0, 1],
  [1, 4, 1, 0, 2, 6],
  [0, 2, 3, 1, 1, 0],
];
const G = [
  [1, -2, 3, 0.5, 2, -1],
  [2, 1, -1, 3, 1, 0.5],
  [-1, 2, 2, -2, 1, 3],
  [0.5, 1, -1, 2, -3, 1],
  [3, -1, 2, 1, 0.5, 2],
  [1, 2, -2, 0.5, 1, -1],
];
const KERNEL = [[1, 0, -1], [2, 1, 0], [0, -1, 3]];
const SIZE = 36;

class GradientFlow extends CourseFigure {
  static defaults = { layer: "conv", stride: 1, padding: 0, side: "input", r: 2, c: 2 };

  build() {
    this.choice({ label: "Layer", key: "layer", options: { conv: "convolution 3 × 3", max: "max pooling 2 × 2", average: "average pooling 2 × 2" } });
    this.slider({ label: "stride", key: "stride", min: 1, max: 3 });
    this.padding = this.slider({ label: "padding", key: "padding", min: 0, max: 2 });
    const key = (side) => (name) => {
      if (this.state.side !== side) {
        this.set({ side, r: 0, c: 0 });
        return true;
      }
      const move = { left: [0, -1], right: [0, 1], up: [-1, 0], down: [1, 0] }[name];
      if (name === "home") this.set({ r: 0, c: 0 });
      else if (move) this.set({ r: this.state.r + move[0], c: this.state.c + move[1] });
      else return false;
      return true;
    };
    const at = (side) => (r, c) => this.set({ side, r, c });
    this.input = this.panel("Gradient for the input", {
      label: "Gradient for the input",
      help: "Point at an input, or use the arrow keys.",
      key: key("input"),
      hover: at("input"),
      pick: at("input"),
    });
    this.weights = this.panel("Kernel", {});
    this.output = this.panel("Gradient from above", {
      label: "Gradient for the output",
      help: "Point at an output, or use the arrow keys.",
      key: key("output"),
      hover: at("output"),
      pick: at("output"),
    });
  }

  normalize() {
    const state = this.state;
    const conv = state.layer === "conv";
    this.options = { stride: state.stride, padding: conv ? state.padding : 0 };
    this.kernel = conv ? 3 : 2;
    this.y = conv ? crossCorrelate(X, KERNEL, this.options) : pool(X, state.layer, 2, state.stride);
    this.g = this.y.map((row, p) => row.map((_, q) => G[p % 6][q % 6]));
    if (conv) this.gradX = convBackward(this.g, X, KERNEL, this.options).gradX;
    else this.gradX = (state.layer === "max" ? maxPoolBackward : averagePoolBackward)(this.g, X, 2, state.stride);
    const rows = state.side === "input" ? 6 : this.y.length;
    state.r = Math.max(0, Math.min(rows - 1, state.r));
    state.c = Math.max(0, Math.min(rows - 1, state.c));
  }

  /** Every (input, output, factor) that the chosen place takes part in. */
  terms() {
    const { side, r, c, layer } = this.state;
    const shape = [this.kernel, this.kernel];
    let links;
    if (side === "input") links = termsOfInput(r, c, [6, 6], shape, this.options).map((term) => ({ ...term, r, c }));
    else {
      links = taps(r, c, ...shape, this.options)
        .filter((tap) => X[tap.r]?.[tap.c] !== undefined)
        .map((tap) => ({ ...tap, p: r, q: c }));
    }
    return links.map((link) => {
      let factor = 1 / 4;
      if (layer === "conv") factor = KERNEL[link.i][link.j];
      if (layer === "max") {
        const best = winner(X, link.p, link.q, 2, this.state.stride);
        factor = best.r === link.r && best.c === link.c ? 1 : 0;
      }
      return { ...link, factor };
    });
  }

  draw() {
    const { side, r, c, layer } = this.state;
    const conv = layer === "conv";
    for (const node of [this.padding.closest(".cf-control"), this.weights.node]) node.hidden = !conv;
    const terms = this.terms();
    const inputs = new Set(terms.filter((term) => side === "input" || term.factor).map((term) => `${term.r} ${term.c}`));
    const outputs = new Set(terms.filter((term) => side === "output" || term.factor).map((term) => `${term.p} ${term.q}`));
    const used = new Set(terms.map((term) => `${term.i} ${term.j}`));
    const bound = (rows) => Math.max(...rows.flat().map(Math.abs), 1e-9);
    const mark = (set, here) => (row, column) =>
      side === here && row === r && column === c ? "current" : set.has(`${row} ${column}`) ? "linked" : "";
    const picture = (rows, classes, digits = 2) => (row, column) => {
      const share = rows[row][column] / bound(rows);
      return { fill: signed(share * BEHIND_TEXT), text: show(rows[row][column], digits), classes: classes(row, column) };
    };
    this.input.draw(6 * SIZE, 6 * SIZE, grid(6, 6, SIZE, picture(this.gradX, mark(inputs, "input")), { font: 0.34 }));
    const m = this.y.length;
    const size = Math.min(SIZE, 250 / m);
    this.output.draw(m * size, m * size, grid(m, m, size, picture(this.g, mark(outputs, "output")), { font: 0.34 }));
    this.weights.draw(3 * SIZE, 3 * SIZE, grid(3, 3, SIZE, picture(KERNEL, (i, j) => (used.has(`${i} ${j}`) ? "linked" : ""))));
    const product = ({ p, q, factor }) => `${this.number(this.g[p][q])}·${this.number(factor)}`;
    if (side === "input") {
      const live = terms.filter((term) => term.factor !== 0);
      this.say(
        `The gradient for input (${r}, ${c}) is ${show(this.gradX[r][c])}: ` +
          (terms.length === 0
            ? "no output reads this input, so none sends it a gradient."
            : `${plural(terms.length, "output")} read${terms.length === 1 ? "s" : ""} it${layer === "max" ? `, and it is the largest in ${plural(live.length, "window")}` : ""}. What comes from above adds up.`),
        h("p", { class: "cf-formula" }, `${live.map(product).join(" + ") || "no term"} = ${show(this.gradX[r][c])}`),
      );
    } else {
      const way = {
        conv: "is handed to every input it read, times the weight between them",
        max: "goes, whole, to the largest input of the window",
        average: "is shared equally by the inputs of the window",
      }[layer];
      this.say(
        `The gradient ${show(this.g[r][c])} of output (${r}, ${c}) ${way}: ${plural(terms.filter((term) => term.factor).length, "input")} get${terms.filter((term) => term.factor).length === 1 ? "s" : ""} a share.`,
        h("p", { class: "cf-formula" }, terms.filter((term) => term.factor).map((term) => `(${term.r}, ${term.c}): ${product(term)}`).join("   ")),
      );
    }
  }

  number(value) {
    return value < 0 ? `(${show(value)})` : show(value);
  }
}

define("gradient-flow", GradientFlow);
