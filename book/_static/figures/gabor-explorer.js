/* Gabor explorer: every parameter of a Gabor function, and how it answers a grating that the reader turns. */

import { complexResponse, gabor, grating, modulation, overPhases, quadraturePair, response, tuningCurve } from "./compute/gabor.js";
import { CourseFigure, define, grey, grid, h, s, show, signed } from "./base.js";

const SIZE = 25;
const CELL = 7;
const radians = (degrees) => (degrees * Math.PI) / 180;
const degrees = (value) => `${show(value, 0)}°`;
const ANGLES = Array.from({ length: 37 }, (_, index) => index * 5);

/** Say between which answers a cell runs while the bars move, and what its modulation is. */
function told(cell, { low, high }, silent) {
  const depth = modulation({ low, high }, silent);
  if (depth === null) return `${cell} stays silent`;
  if (show(low, 1) === show(high, 1)) return `${cell} keeps to ${show(low, 1)} (modulation ${show(depth, 2)})`;
  return `${cell} runs from ${show(low, 1)} to ${show(high, 1)} (modulation ${show(depth, 2)})`;
}

class GaborExplorer extends CourseFigure {
  static defaults = {
    frequency: 0.12,
    angle: 30,
    phase: 0,
    along: 3.5,
    across: 4.5,
    x: 0,
    y: 0,
    turn: 30,
    slide: 0,
    tune: 0.12,
  };

  build() {
    const group = (title) => {
      const set = h("fieldset", { class: "cf-wide cf-group" }, h("legend", {}, title));
      this.controls.append(set);
      return set;
    };
    const kernel = group("Gabor function");
    const cycles = (value) => show(value, 2);
    const pixels = (value) => `${show(value, 1)} px`;
    this.slider({ label: "frequency", key: "frequency", min: 0, max: 0.4, step: 0.01, format: cycles, into: kernel });
    this.slider({ label: "angle", key: "angle", min: 0, max: 180, step: 5, format: degrees, into: kernel });
    this.slider({ label: "phase", key: "phase", min: -180, max: 180, step: 15, format: degrees, into: kernel });
    this.slider({ label: "σ along wave", key: "along", min: 0.5, max: 8, step: 0.5, format: pixels, into: kernel });
    this.slider({ label: "σ along bars", key: "across", min: 0.5, max: 8, step: 0.5, format: pixels, into: kernel });
    this.slider({ label: "centre x", key: "x", min: -8, max: 8, step: 1, format: pixels, into: kernel });
    this.slider({ label: "centre y", key: "y", min: -8, max: 8, step: 1, format: pixels, into: kernel });
    const seen = group("Grating that it looks at");
    this.slider({ label: "angle", key: "turn", min: 0, max: 180, step: 5, format: degrees, into: seen });
    this.slider({ label: "phase", key: "slide", min: -180, max: 180, step: 15, format: degrees, into: seen });
    this.slider({ label: "frequency", key: "tune", min: 0, max: 0.4, step: 0.01, format: cycles, into: seen });
    this.kernelPanel = this.panel("Gabor: drag to move it", {
      label: "The Gabor function. Arrow keys move its centre.",
      help: "Arrow keys move the centre.",
      key: (name) => {
        const move = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] }[name];
        if (name === "home") this.set({ x: 0, y: 0 });
        else if (move) this.moveCentre(this.state.x + move[0], this.state.y + move[1]);
        else return false;
        return true;
      },
      drag: (dx, dy, phase) => {
        if (phase === "start") this.origin = [this.state.x, this.state.y];
        else this.moveCentre(this.origin[0] + Math.round(dx / CELL), this.origin[1] + Math.round(dy / CELL));
      },
    });
    this.gratingPanel = this.panel("Grating: drag to turn it", {
      label: "The grating. Arrow keys turn it.",
      help: "Left and right turn it, up and down move its bars.",
      key: (name) => {
        const { turn, slide } = this.state;
        const wrap = (value, full) => ((((value + full) % (2 * full)) + 2 * full) % (2 * full)) - full;
        if (name === "left" || name === "right") this.set({ turn: (turn + (name === "left" ? 175 : 5)) % 180 });
        else if (name === "up" || name === "down") this.set({ slide: wrap(slide + (name === "up" ? 15 : -15), 180) });
        else return false;
        return true;
      },
      drag: (dx, dy, phase, [x, y]) => {
        const middle = (SIZE * CELL) / 2;
        const at = (Math.atan2(y - middle, x - middle) * 180) / Math.PI;
        if (phase === "start") this.origin = [at, this.state.turn];
        else this.set({ turn: (((Math.round((this.origin[1] + at - this.origin[0]) / 5) * 5) % 180) + 180) % 180 });
      },
    });
    this.curve = this.panel("Largest response to a grating, by its angle", {});
  }

  moveCentre(x, y) {
    const bound = (value) => Math.max(-8, Math.min(8, value));
    this.set({ x: bound(x), y: bound(y) });
  }

  draw() {
    const { frequency, angle, phase, along, across, x, y, turn, slide, tune } = this.state;
    const parameters = { frequency, angle: radians(angle), phase: radians(phase), sigma: [along, across], center: [x, y] };
    const kernel = gabor(SIZE, parameters);
    const picture = grating(SIZE, { frequency: tune, angle: radians(turn), phase: radians(slide) });
    const simple = response(kernel, picture);
    const pair = quadraturePair(SIZE, parameters);
    const complex = complexResponse(pair, picture);
    const full = SIZE * CELL;
    const cells = (paint) => grid(SIZE, SIZE, CELL, paint, { gap: 0 });
    const edge = s("rect", { x: 0, y: 0, width: full, height: full, class: "cf-axis", opacity: 0.5 });
    this.kernelPanel.draw(full, full, cells((r, c) => ({ fill: signed(kernel[r][c]), classes: "plain" })), edge);
    this.gratingPanel.draw(full, full, cells((r, c) => ({ fill: grey((1 + picture[r][c]) / 2), classes: "plain" })));
    const top = kernel.flat().reduce((sum, value) => sum + Math.abs(value), 0);
    this.drawCurve(kernel, tune, turn, Math.max(0, simple), top);
    const wave = frequency ? `one wave is ${show(1 / frequency, 1)} pixels` : "frequency 0: a Gaussian bump, no wave";
    const swing = overPhases(kernel, pair, { frequency: tune, angle: radians(turn) });
    const [rate, silent] = [Math.max(0, simple), top / 1000];
    this.say(
      `The weighted sum is ${show(simple, 1)}, so the simple cell answers ${show(rate, 1)}: ${show((100 * rate) / top, 0)} % of the most that any picture within −1 to 1 can give. ` +
        `The complex cell answers ${show(complex, 1)}. While the bars move through one cycle, ${told("the simple cell", swing.simple, silent)}, and ${told("the complex cell", swing.complex, silent)}.`,
      h("p", { class: "cf-formula" }, `w(x, y) = exp(−x′² / (2·${show(along)}²) − y′² / (2·${show(across)}²)) · cos(2π·${show(frequency)}·x′ + ${show(phase, 0)}°); ${wave}`),
    );
    this.kernelPanel.svg.setAttribute("aria-label", `Gabor function at ${angle} degrees, phase ${phase} degrees, ${wave}. Arrow keys move its centre.`);
    this.gratingPanel.svg.setAttribute("aria-label", `Grating at ${turn} degrees, phase ${slide} degrees. Arrow keys turn it.`);
  }

  drawCurve(kernel, tune, turn, rate, top) {
    const [width, height, left, bottom] = [236, 175, 34, 30];
    const curve = tuningCurve(kernel, tune, ANGLES.map(radians));
    const limit = Math.max(...curve, rate, 0.25 * top, 1e-9);
    const px = (value) => left + ((width - left - 8) * value) / 180;
    const py = (value) => 8 + (height - bottom - 8) * (1 - value / limit);
    const line = (values) => values.map((value, index) => `${index ? "L" : "M"}${px(ANGLES[index]).toFixed(1)},${py(value).toFixed(1)}`).join("");
    const nodes = [
      s("path", { d: `M${left},${py(0)}H${width - 8}`, class: "cf-axis" }),
      s("path", { d: `M${left},8V${height - bottom}`, class: "cf-axis" }),
      s("path", { d: line(curve), class: "cf-curve" }),
      s("path", { d: `M${px(turn)},8V${height - bottom}`, class: "cf-curve second" }),
      s("circle", { cx: px(turn), cy: py(rate), r: 5.5, style: "fill:var(--course-violet)" }),
    ];
    for (const value of [0, 45, 90, 135, 180]) nodes.push(s("text", { x: px(value), y: height - bottom + 12, "font-size": 11, class: "cf-muted" }, `${value}°`));
    for (const value of [0, limit / 2, limit]) nodes.push(s("text", { x: left - 4, y: py(value), "font-size": 11, class: "cf-muted cf-right" }, show(value, 0)));
    this.curve.svg.setAttribute("aria-label", `Tuning curve: largest response ${show(Math.max(...curve), 1)}, near ${ANGLES[curve.indexOf(Math.max(...curve))]} degrees. The dot, the simple cell now: ${show(rate, 1)}.`);
    this.curve.caption.textContent = "Line: largest response over all phases, by the grating's angle. Dot: the simple cell now";
    this.curve.draw(width, height, nodes);
  }
}

define("gabor-explorer", GaborExplorer);
