/* Four optimisers on one loss: their paths over two weights, and the loss step by step. */

import { curvatures, examples, loss, lowest, NAMES, path } from "./compute/descent.js";
import { CourseFigure, define, h, s, show } from "./base.js";

const RATES = Array.from({ length: 25 }, (_, step) => 10 ** ((step - 16) / 8)); // 0.01 to 10
const BATCHES = [1, 2, 4, 8, 16, 32, 64];
const MOMENTA = [0, 0.5, 0.8, 0.9, 0.95, 0.99];
const DECAYS = [0, 0.01, 0.03, 0.1, 0.3, 1];
const STEPS = 60;
const WORDS = { sgd: "SGD", momentum: "SGD with momentum", adam: "Adam", adamw: "AdamW" };
const LINES = { sgd: "━━", momentum: "╍╍", adam: "┈┈", adamw: "━·━" };
const START = [-1.4, 1.4];
const [SIDE, REACH] = [300, 3]; // pixels of the map, weights from -3 to 3
const [WIDE, HIGH, LEFT, BOTTOM] = [300, 210, 40, 30];
const [LEAST, MOST] = [0.01, 100]; // losses that are drawn

const data = examples();
const [slow, steep] = curvatures(data);
const bottom = lowest(data);
const size = (value) => (!Number.isFinite(value) || value > 1000 ? "more than 1000" : show(value, value < 1 ? 3 : 1));

class OptimizerPaths extends CourseFigure {
  static defaults = { chosen: "sgd", rate: 12, momentum: 3, batch: 6, decay: 0 };

  build() {
    this.choice({ label: "Optimiser", key: "chosen", options: WORDS });
    this.slider({ label: "rate η", key: "rate", min: 0, max: RATES.length - 1, format: (at) => show(RATES[at], RATES[at] < 0.1 ? 3 : 2) });
    this.slider({ label: "momentum μ", key: "momentum", min: 0, max: MOMENTA.length - 1, format: (at) => show(MOMENTA[at]) });
    this.slider({ label: "batch", key: "batch", min: 0, max: BATCHES.length - 1, format: (at) => `${BATCHES[at]} of ${data.x.length}` });
    this.slider({ label: "weight decay λ", key: "decay", min: 0, max: DECAYS.length - 1, format: (at) => show(DECAYS[at]) });
    const go = (rate) => this.set({ rate: Math.max(0, Math.min(RATES.length - 1, rate)) });
    this.map = this.panel("Two weights; ellipses join places of the same loss", {
      label: "Paths over two weights",
      help: "Arrow keys change the rate, Home and End go to the smallest and the largest.",
      key: (name) => {
        const to = { left: this.state.rate - 1, down: this.state.rate - 1, right: this.state.rate + 1, up: this.state.rate + 1, home: 0, end: RATES.length - 1 }[name];
        if (to === undefined) return false;
        go(to);
        return true;
      },
    });
    this.map.svg.style.overflow = "hidden"; // some paths leave it, and so do the ellipses
    this.curve = this.panel("Loss over all examples, step by step", {});
  }

  /** What the sliders say. */
  get options() {
    const { rate, momentum, batch, decay } = this.state;
    return { start: START, rate: RATES[rate], momentum: MOMENTA[momentum], batch: BATCHES[batch], decay: DECAYS[decay], steps: STEPS };
  }

  draw() {
    const { chosen } = this.state;
    const paths = Object.fromEntries(NAMES.map((name) => [name, path(data, name, this.options)]));
    const losses = Object.fromEntries(NAMES.map((name) => [name, paths[name].map((w) => loss(data, w))]));
    const order = [...NAMES.filter((name) => name !== chosen), chosen];
    this.drawMap(paths, order, chosen);
    this.drawCurve(losses, order, chosen);
    const { rate, batch, momentum, decay } = this.options;
    const last = Object.fromEntries(NAMES.map((name) => [name, losses[name].at(-1)]));
    const limit = ((chosen === "momentum" ? 1 + momentum : 1) * 2) / (steep + decay);
    const rule =
      chosen === "sgd" || chosen === "momentum"
        ? `The steepest curvature is ${show(steep + decay)}, so on the whole data ${WORDS[chosen]} comes to rest only below the rate ${show(limit)}` +
          `${batch < data.x.length ? "; here a batch adds noise." : "."}`
        : `The first step of Adam is as long as the rate in either weight, however steep the loss is. ` +
          (decay ? "Adam adds the decay to the gradient, and its denominator takes a part of it back; AdamW decays the weights beside the step." : "");
    const one = decay ? "" : " Without weight decay Adam and AdamW take one path.";
    this.say(
      `After ${STEPS} steps the loss is ${NAMES.map((name) => `${size(last[name])} by ${WORDS[name]}`).join(", ")}; the least is ${show(loss(data, bottom), 3)}. ${rule.trim()}${one}`,
      h("p", { class: "cf-legend" }, ...NAMES.map((name) => h("span", { class: name }, `${LINES[name]} ${WORDS[name]}`))),
      h("p", { class: "cf-formula" }, `curvatures ${show(slow)} and ${show(steep)}, start ${show(loss(data, START))}, rate ${show(rate, 3)}`),
    );
    this.map.svg.setAttribute("aria-label", `The paths of four optimisers over two weights; ${WORDS[chosen]} is drawn heavy and ends at a loss of ${size(last[chosen])}. Arrow keys change the rate.`);
    this.curve.svg.setAttribute("aria-label", `Four curves of the loss against the step; ${WORDS[chosen]} goes from ${show(losses[chosen][0])} to ${size(last[chosen])}.`);
  }

  drawMap(paths, order, chosen) {
    const at = (w) => w.map((value, i) => SIDE / 2 + ((i ? -1 : 1) * value * SIDE) / (2 * REACH));
    const nodes = [s("path", { d: `M0,${SIDE / 2}H${SIDE}M${SIDE / 2},0V${SIDE}`, class: "cf-axis" })];
    for (const level of [0.1, 0.3, 1, 2, 4]) nodes.push(s("path", { d: this.ellipse(level, at), class: "cf-link" }));
    for (const name of order) {
      // A place far outside is drawn at the edge of what an SVG can hold.
      const points = paths[name].map((w) => at(w.map((value) => Math.max(-1e4, Math.min(1e4, Number.isFinite(value) ? value : 1e4)))));
      const d = points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`).join("");
      nodes.push(s("path", { d, class: `cf-path ${name}${name === chosen ? " chosen" : ""}` }));
    }
    const [x, y] = at(bottom);
    nodes.push(s("path", { d: `M${x - 5},${y}H${x + 5}M${x},${y - 5}V${y + 5}`, class: "cf-mark" }));
    const [x0, y0] = at(START);
    nodes.push(s("text", { x: x0, y: y0 - 12, "font-size": 12, class: "cf-muted" }, "start"));
    this.map.draw(SIDE, SIDE, nodes);
  }

  /** Where the loss is `level` above the least: an ellipse. */
  ellipse(level, at) {
    const points = [];
    for (let i = 0; i <= 240; i++) {
      const direction = [Math.cos((i * Math.PI) / 120), Math.sin((i * Math.PI) / 120)];
      const rise = loss(data, bottom.map((value, k) => value + direction[k])) - loss(data, bottom);
      points.push(at(bottom.map((value, k) => value + direction[k] * Math.sqrt(level / rise))));
    }
    return points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`).join("");
  }

  drawCurve(losses, order, chosen) {
    const px = (step) => LEFT + ((WIDE - LEFT - 8) * step) / STEPS;
    const py = (value) => {
      const within = Math.max(LEAST, Math.min(MOST, Number.isFinite(value) ? value : MOST));
      return 8 + ((HIGH - BOTTOM - 8) * Math.log(MOST / within)) / Math.log(MOST / LEAST);
    };
    const nodes = [s("path", { d: `M${LEFT},8V${HIGH - BOTTOM}H${WIDE - 8}`, class: "cf-axis" })];
    for (const name of order) {
      const d = losses[name].map((value, step) => `${step ? "L" : "M"}${px(step).toFixed(1)},${py(value).toFixed(1)}`).join("");
      nodes.push(s("path", { d, class: `cf-path ${name}${name === chosen ? " chosen" : ""}` }));
    }
    for (const value of [0.01, 0.1, 1, 10, 100]) nodes.push(s("text", { x: LEFT - 4, y: py(value), "font-size": 11, class: "cf-muted cf-right" }, show(value)));
    for (const step of [0, 20, 40, 60]) nodes.push(s("text", { x: px(step), y: HIGH - BOTTOM + 12, "font-size": 11, class: "cf-muted" }, String(step)));
    nodes.push(s("text", { x: (LEFT + WIDE) / 2, y: HIGH - 6, "font-size": 11, class: "cf-muted" }, "step"));
    this.curve.draw(WIDE, HIGH, nodes);
  }
}

define("optimizer-paths", OptimizerPaths);
