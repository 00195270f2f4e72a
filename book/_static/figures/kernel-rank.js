/* A kernel as a sum of outer products: drag the rank, and see what is kept, what is missed, and what it costs. */

import { LEARNED } from "./compute/recorded.js";
import { decompose, kernelOf, nearest, plus, sentence, term } from "./compute/rank.js";
import { CourseFigure, define, grid, s, show, signed } from "./base.js";

const [WIDE, STEP] = [132, 168]; // of a picture of a kernel, and to the next

class KernelRank extends CourseFigure {
  static defaults = { kernel: "disc", side: 9, angle: 30, learned: 1, rank: 1 };

  build() {
    const options = { blur: "blur", gabor: "Gabor", disc: "disc", diagonal: "diagonal", noise: "noise", learned: "learned" };
    this.choice({ label: "Kernel", key: "kernel", options });
    this.slider({ label: "rank R", key: "rank", min: 1, max: () => this.parts.values.length });
    this.side = this.slider({ label: "side k", key: "side", min: 3, max: 11 });
    this.angle = this.slider({ label: "angle", key: "angle", min: 0, max: 90, step: 5, format: (value) => `${value}°` });
    this.which = this.slider({ label: "which one", key: "learned", min: 1, max: LEARNED.length });
    this.pictures = this.panel("The kernel, what is kept of it, and what is missed", {});
    this.bars = this.panel("Singular values: choose how many are kept", {
      help: "Left and right change the rank.",
      key: (name) => {
        const { rank } = this.state;
        const next = { left: rank - 1, right: rank + 1, home: 1, end: this.parts.values.length }[name];
        if (next === undefined) return false;
        this.set({ rank: next });
        return true;
      },
      drag: (dx, dy, phase, point) => this.set({ rank: 1 + Math.floor(point[0] / this.step) }),
    });
  }

  normalize() {
    const { kernel, side, angle, learned } = this.state;
    this.kernel = kernel === "learned" ? LEARNED[learned - 1] : kernelOf(kernel, side, angle);
    this.parts = decompose(this.kernel);
    this.state.rank = Math.max(1, Math.min(this.parts.values.length, this.state.rank));
  }

  draw() {
    const { kernel, rank } = this.state;
    const show_ = (input, shown) => (input.parentElement.style.display = shown ? "" : "none");
    show_(this.side, kernel !== "learned");
    show_(this.angle, kernel === "gabor");
    show_(this.which, kernel === "learned");
    const kept = nearest(this.parts, rank);
    const matrices = [this.kernel, term(this.parts, rank - 1), kept, plus(this.kernel, kept, -1)];
    const bound = Math.max(...this.kernel.flat().map(Math.abs));
    const captions = ["Kernel", `Term ${rank} of the sum`, `The first ${rank === 1 ? "term" : `${rank} terms`}`, "Missed"];
    const k = this.kernel.length;
    const largest = matrices.map((matrix) => Math.max(...matrix.flat().map(Math.abs)) / bound);
    this.pictures.svg.setAttribute("aria-label", captions.map((caption, i) => `${caption}: the largest number is ${show(largest[i])} of the kernel's largest`).join("; ") + ".");
    this.pictures.draw(STEP + WIDE, 2 * STEP - 8, matrices.map((matrix, i) => {
      const [x, y] = [(i % 2) * STEP, Math.floor(i / 2) * STEP];
      const paint = (r, c) => ({ fill: signed(Math.max(-1, Math.min(1, matrix[r][c] / bound))) });
      return [s("text", { x, y: y + 10, "font-size": 12, class: "cf-left" }, captions[i]), grid(k, k, WIDE / k, paint, { x, y: y + 22 })];
    }));
    const { values } = this.parts;
    this.step = 300 / values.length;
    this.bars.draw(300, 120, values.map((value, r) => {
      const high = (88 * value) / values[0];
      const colour = r < rank ? "accent" : "line";
      return [
        s("rect", { x: r * this.step, y: 0, width: this.step, height: 120, style: "fill:transparent" }),
        s("rect", { x: r * this.step + 3, y: 96 - high, width: this.step - 6, height: Math.max(1, high), style: `fill:var(--course-${colour})` }),
        s("text", { x: (r + 0.5) * this.step, y: 109, "font-size": 12 }, String(r + 1)),
      ];
    }));
    this.bars.svg.setAttribute("aria-label", `Singular values, as shares of the largest: ${values.map((value) => show(value / values[0], 2)).join(", ")}; ${rank} kept.`);
    this.say(sentence(this.parts, rank));
  }
}

define("kernel-rank", KernelRank);
