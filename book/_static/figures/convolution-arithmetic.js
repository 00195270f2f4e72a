/* Convolution arithmetic: any kernel, stride, padding, dilation; ordinary and transposed; step through the outputs. */

import { strokes, taps } from "./compute/convolution.js";
import { convOutput, span, transposeOutput, unread } from "./compute/shapes.js";
import { CourseFigure, define, frame, grid, h, named, plural } from "./base.js";

class ConvolutionArithmetic extends CourseFigure {
  static defaults = { kind: "conv", n: 5, kernel: 3, stride: 2, padding: 1, dilation: 1, position: 0 };

  build() {
    this.choice({ label: "Layer", key: "kind", options: { conv: "convolution", transposed: "transposed convolution" } });
    this.slider({ label: "input n", key: "n", min: 1, max: 9 });
    this.slider({ label: "kernel k", key: "kernel", min: 1, max: 5 });
    this.slider({ label: "stride s", key: "stride", min: 1, max: 4 });
    this.slider({ label: "padding p", key: "padding", min: 0, max: 4 });
    this.slider({ label: "dilation d", key: "dilation", min: 1, max: 3 });
    const key = (name) => {
      const by = { left: -1, right: 1, up: -this.steps, down: this.steps, press: 1 }[name];
      if (name === "home") this.go(0);
      else if (name === "end") this.go(this.steps ** 2 - 1);
      else this.go(this.state.position + by);
    };
    this.input = this.panel("Input", {
      label: "Input with its padding",
      help: "Arrow keys move the window.",
      key,
      pick: (r, c) => this.picked(r, c, "input"),
    });
    this.output = this.panel("Output", { pick: (r, c) => this.picked(r, c, "output") });
  }

  addButtons() {
    this.addPlayer("position", () => this.steps ** 2);
  }

  go(position) {
    this.stop();
    this.set({ position: Math.max(0, Math.min(this.steps ** 2 - 1, position)) });
  }

  /** The player walks over outputs; in the transposed layer over inputs. */
  picked(r, c, where) {
    const walks = this.state.kind === "conv" ? "output" : "input";
    if (where === walks) this.go(r * this.steps + c);
  }

  normalize() {
    const { kind, n, kernel, stride, padding, dilation } = this.state;
    this.problem = null;
    try {
      this.m = kind === "conv" ? convOutput(n, kernel, stride, padding, dilation) : transposeOutput(n, kernel, stride, padding, 0, dilation);
    } catch (error) {
      this.problem = error.message;
      this.m = 0;
    }
    this.steps = kind === "conv" ? this.m : n;
    this.unread = unread(n, this.m, kernel, stride, padding, dilation);
    this.state.position = Math.max(0, Math.min(this.steps ** 2 - 1, this.state.position));
  }

  draw() {
    const { kind, n, kernel, stride, padding, dilation, position } = this.state;
    if (this.problem) {
      this.input.draw(1, 1);
      this.output.draw(1, 1);
      this.say(this.problem);
      return;
    }
    const [p, q] = [Math.floor(position / this.steps), position % this.steps];
    const places = taps(p, q, kernel, kernel, { stride, padding, dilation });
    const touched = new Set(places.map(({ r, c }) => `${r} ${c}`));
    if (kind === "conv") this.drawConv(p, q, touched);
    else {
      this.counts = strokes(position + 1, n, kernel, { stride, padding, dilation });
      this.drawTransposed(p, q, touched);
    }
    const reads = places.filter(({ r, c }) => r >= 0 && c >= 0 && r < (kind === "conv" ? n : this.m) && c < (kind === "conv" ? n : this.m)).length;
    const formula =
      kind === "conv"
        ? `m = ⌊(n + 2p − d(k − 1) − 1) / s⌋ + 1 = ⌊(${n} + ${2 * padding} − ${dilation * (kernel - 1)} − 1) / ${stride}⌋ + 1 = ${this.m}`
        : `m = (n − 1)s − 2p + d(k − 1) + 1 = ${(n - 1) * stride} − ${2 * padding} + ${dilation * (kernel - 1)} + 1 = ${this.m}`;
    this.say(
      kind === "conv"
        ? `Output (${p}, ${q}) reads ${plural(reads, "input")}${reads < kernel ** 2 ? ` and ${kernel ** 2 - reads} of the padding` : ""}. ` +
            `The output is ${this.m} × ${this.m}. ${this.leftOut()}`
        : `Input (${p}, ${q}) adds to ${plural(reads, "output")}${reads < kernel ** 2 ? `; ${kernel ** 2 - reads} fall outside and are cut away` : ""}. The output is ${this.m} × ${this.m}. ` +
            `After ${plural(position + 1, "input")}, outputs: ${this.painted()}.`,
      h("p", { class: "cf-formula" }, formula),
    );
  }

  /** Which input pixels no window reads: rows and columns alike, as the input and the layer are square. */
  leftOut() {
    const { n } = this.state;
    const { length } = this.unread;
    if (length === 0) return "Every input is read by some window.";
    if (length === n) return "No window reads any of the inputs: they see the padding alone.";
    const count = n ** 2 - (n - length) ** 2;
    return `No window reads ${named(this.unread, "row")} and ${named(this.unread, "column")}: ${count} of the ${n ** 2} inputs, in orange.`;
  }

  /** How many outputs have had how many strokes, in words. */
  painted() {
    const counts = this.counts.flat();
    const sizes = [...new Set(counts)].sort((a, b) => a - b);
    return `${sizes.map((size) => `${counts.filter((count) => count === size).length} with ${size}`).join(", ")} strokes`;
  }

  size(cells) {
    return Math.min(34, 300 / cells);
  }

  drawConv(p, q, touched) {
    const { n, padding, kernel, stride, dilation } = this.state;
    const total = n + 2 * padding;
    const size = this.size(total);
    const cells = grid(total, total, size, (r, c) => {
      const [row, column] = [r - padding, c - padding];
      const inside = row >= 0 && column >= 0 && row < n && column < n;
      const read = touched.has(`${row} ${column}`);
      const missed = this.unread.includes(row) || this.unread.includes(column);
      const paint = read ? "violet" : missed ? "warm" : "accent";
      return { fill: inside || read ? `var(--course-${paint}-soft)` : "var(--course-paper)", classes: inside ? "" : "pad", text: read ? "●" : "" };
    }, { font: 0.28 });
    const far = span(kernel, dilation) - 1;
    this.input.caption.textContent = padding ? "Input, its padding dashed" : "Input";
    this.input.draw(total * size, total * size, cells, frame(p * stride, q * stride, p * stride + far, q * stride + far, size));
    const side = this.size(Math.max(total, this.m));
    this.output.draw(this.m * side, this.m * side, grid(this.m, this.m, side, (r, c) => ({ fill: "var(--course-good-soft)", classes: r === p && c === q ? "current" : "" })));
  }

  drawTransposed(p, q, touched) {
    const { n, padding } = this.state;
    const total = this.m + 2 * padding;
    const size = this.size(Math.max(total, n));
    this.input.caption.textContent = "Input";
    this.input.draw(n * size, n * size, grid(n, n, size, (r, c) => ({ fill: "var(--course-accent-soft)", classes: r === p && c === q ? "current" : "" })));
    const cells = grid(total, total, size, (r, c) => {
      const [row, column] = [r - padding, c - padding];
      const inside = row >= 0 && column >= 0 && row < this.m && column < this.m;
      const read = touched.has(`${row} ${column}`);
      return { fill: `var(--course-${read ? "violet-soft" : inside ? "good-soft" : "paper"})`, classes: inside ? "" : "pad", text: (inside && this.counts[row][column]) || "" };
    }, { font: 0.42 });
    this.output.draw(total * size, total * size, cells);
  }
}

define("convolution-arithmetic", ConvolutionArithmetic);
