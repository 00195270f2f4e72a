/* The strength of a prior: a dense layer, pulled towards the convolutions until it is one. */

import { departures, expectedError, fitWithConvPrior, project, squares, subtract, trainingError, world } from "./compute/priors.js";
import { BEHIND_TEXT, CourseFigure, define, grid, h, s, show, signed } from "./base.js";

/* From a dense layer to a convolution; in between four steps for every factor of ten. */
const STRENGTHS = [0, ...Array.from({ length: 29 }, (_, step) => 10 ** ((step - 12) / 4)), Infinity];
const CELL = 38;

const strengthName = (value) => (value === Infinity ? "infinite" : value === 0 ? "0" : value < 0.1 ? show(value, 4) : show(value, value < 10 ? 2 : 0));
/** A size that is not 0 is never shown as 0. */
const size = (value) => (value > 1e-9 && value < 0.005 ? "less than 0.01" : show(value));

/** An entry in its cell: empty where it is 0, and not "0" where it is only small. */
const entry = (value) => (Math.abs(value) < 1e-9 ? "" : Math.abs(value) < 0.005 ? "≈0" : show(value));

class PriorStrength extends CourseFigure {
  static defaults = { world: "same", examples: 8, step: 13 };

  build() {
    this.choice({ label: "The truth", key: "world", options: { same: "one kernel everywhere", place: "a kernel for each place" } });
    this.slider({ label: "strength λ", key: "step", min: 0, max: STRENGTHS.length - 1, format: (step) => strengthName(STRENGTHS[step]) });
    this.slider({ label: "examples", key: "examples", min: 8, max: 24 });
    const go = (step) => this.set({ step: Math.max(0, Math.min(STRENGTHS.length - 1, step)) });
    const key = (name) => {
      const by = { left: -1, down: -1, right: 1, up: 1 }[name];
      if (name === "home") go(0);
      else if (name === "end") go(STRENGTHS.length - 1);
      else if (by) go(this.state.step + by);
      else return false;
      return true;
    };
    this.fitted = this.panel("Fitted layer A", {
      label: "The fitted layer, a matrix",
      help: "Arrow keys change the strength, Home and End go to 0 and to infinity.",
      key,
    });
    this.nearest = this.panel("Nearest convolution P(A)", {});
    this.left = this.panel("What is left, A − P(A)", {});
    this.curve = this.panel("Mean squared error by strength", {});
  }

  /** The examples that are fitted, and the truth behind them. */
  get data() {
    return world(this.state.world, this.state.examples);
  }

  /** Fit the layer under every strength, once for each world and number of examples. */
  get fits() {
    const name = `${this.state.world} ${this.state.examples}`;
    if (this.known?.name !== name) {
      const { truth, x, y, noise } = this.data;
      const found = STRENGTHS.map((strength) => {
        const matrix = fitWithConvPrior(x, y, strength);
        return { matrix, training: trainingError(matrix, x, y), fresh: expectedError(matrix, truth, noise) };
      });
      this.known = { name, noise, found };
    }
    return this.known;
  }

  draw() {
    const { noise, found } = this.fits;
    const { matrix, training, fresh } = found[this.state.step];
    const strength = STRENGTHS[this.state.step];
    const near = project(matrix);
    const rest = subtract(matrix, near);
    const top = Math.max(...matrix.flat().map(Math.abs));
    const draw = (panel, values) =>
      panel.draw(
        values[0].length * CELL,
        values.length * CELL,
        grid(values.length, values[0].length, CELL, (r, c) => ({
          fill: signed((values[r][c] / top) * BEHIND_TEXT),
          text: entry(values[r][c]),
        }), { font: 0.32 }),
      );
    draw(this.fitted, matrix);
    draw(this.nearest, near);
    draw(this.left, rest);
    this.drawCurve(found);
    const { outside, along } = departures(matrix);
    const what =
      outside < 1e-9 && along < 1e-9
        ? `Every entry outside the band is 0, and along each diagonal all are equal: a convolution with ${near[0].length - near.length + 1} weights.`
        : `Outside the band the largest entry is ${size(outside)}; along a diagonal, entries differ by up to ${size(along)}. ` +
          `The nearest convolution leaves ${size((100 * squares(rest)) / squares(matrix))} % of the sum of squares.`;
    this.say(
      `Strength ${strengthName(strength)}. ${what} The training error is ${show(training)}, the error on new pictures ${show(fresh)}, ${show(noise)} of it noise. ` +
        `On new pictures a dense layer without a prior gets ${show(found[0].fresh)}, and the best convolution ${show(found.at(-1).fresh)}.`,
      h("p", { class: "cf-formula" }, `${matrix[0].length} pixels → ${matrix.length} outputs, ${matrix.flat().length} entries, ${this.state.examples} examples`),
    );
    this.fitted.svg.setAttribute("aria-label", `The fitted layer under strength ${strengthName(strength)}, a matrix of ${matrix.length} rows and ${matrix[0].length} columns. Arrow keys change the strength.`);
    this.left.svg.setAttribute("aria-label", `What the nearest convolution leaves: up to ${size(Math.max(...rest.flat().map(Math.abs)))} in an entry.`);
  }

  drawCurve(found) {
    const [width, height, left, bottom] = [300, 190, 34, 34];
    const [low, high] = [0.25, 12];
    const px = (step) => left + 6 + ((width - left - 20) * step) / (STRENGTHS.length - 1);
    const py = (value) => 8 + ((height - bottom - 8) * Math.log(high / value)) / Math.log(high / low);
    const line = (name) => found.map((fit, step) => `${step ? "L" : "M"}${px(step).toFixed(1)},${py(fit[name]).toFixed(1)}`).join("");
    const { step } = this.state;
    const nodes = [
      s("path", { d: `M${left},${height - bottom}H${width - 8}`, class: "cf-axis" }),
      s("path", { d: `M${left},8V${height - bottom}`, class: "cf-axis" }),
      s("path", { d: line("training"), class: "cf-curve" }),
      s("path", { d: line("fresh"), class: "cf-curve second" }),
      s("path", { d: `M${px(step)},8V${height - bottom}`, class: "cf-axis" }),
      s("circle", { cx: px(step), cy: py(found[step].training), r: 5, style: "fill:var(--course-accent)" }),
      s("circle", { cx: px(step), cy: py(found[step].fresh), r: 5, style: "fill:var(--course-warm)" }),
    ];
    for (const [at, name] of [[0, "0"], [5, "0.01"], [13, "1"], [21, "100"], [30, "∞"]]) {
      nodes.push(s("text", { x: px(at), y: height - bottom + 12, "font-size": 11, class: "cf-muted" }, name));
    }
    nodes.push(s("text", { x: (left + width) / 2, y: height - 6, "font-size": 11, class: "cf-muted" }, "strength λ"));
    for (const value of [0.5, 1, 2, 5, 10]) nodes.push(s("text", { x: left - 4, y: py(value), "font-size": 11, class: "cf-muted cf-right" }, show(value)));
    this.curve.caption.textContent = "Mean squared error: on the examples (solid), on new pictures (dashed)";
    this.curve.svg.setAttribute("aria-label", `Two curves against the strength. Now the training error is ${show(found[step].training)}, and the error on new pictures ${show(found[step].fresh)}.`);
    this.curve.draw(width, height, nodes);
  }
}

define("prior-strength", PriorStrength);
