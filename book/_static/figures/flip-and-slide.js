/* Flip and slide: convolution beside cross-correlation, on a small image, with a kernel that the reader edits. */

import { compareOperations, convolve, crossCorrelate, flip } from "./compute/convolution.js";
import { BEHIND_TEXT, CourseFigure, define, frame, grid, h, show, signed } from "./base.js";
import { product } from "./compute/words.js";

const IMAGE = [
  [0, 0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0, 0],
  [0, 0, 0, 4, 4, 0, 0],
  [0, 0, 0, 1, 0, 0, 0],
  [0, 0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0, 0],
];

const KERNELS = {
  corner: [[1, 2, 0], [3, 0, 0], [0, 0, 0]],
  "edge ↔": [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
  blur: [[1, 2, 1], [2, 4, 2], [1, 2, 1]],
  shift: [[0, 0, 0], [0, 0, 1], [0, 0, 0]],
};

class FlipAndSlide extends CourseFigure {
  static defaults = { mode: "convolution", kernel: KERNELS.corner, position: 6 };

  build() {
    this.choice({
      label: "Operation",
      key: "mode",
      options: { convolution: "convolution (flips)", correlation: "cross-correlation (does not)" },
    });
    this.matrix({
      label: "kernel",
      read: () => this.state.kernel,
      write: (r, c, value) => this.set({ kernel: this.state.kernel.map((row, i) => row.map((old, j) => (i === r && j === c ? value : old))) }),
    });
    const presets = h("div", { class: "cf-buttons" });
    for (const [name, kernel] of Object.entries(KERNELS)) {
      presets.append(h("button", { type: "button", class: "course-button quiet", onclick: () => this.set({ kernel }) }, name));
    }
    this.controls.append(presets);
    const columns = IMAGE[0].length - 2;
    const count = columns * (IMAGE.length - 2);
    const go = (position) => (this.stop(), this.set({ position: Math.max(0, Math.min(count - 1, position)) }));
    const key = (name) => {
      const by = { left: -1, right: 1, up: -columns, down: columns, press: 0 }[name];
      if (name === "home") go(0);
      else if (name === "end") go(count - 1);
      else go(this.state.position + by);
    };
    this.image = this.panel("Image, the window framed", {
      label: "Image of 6 by 7 numbers. Arrow keys move the window.",
      help: "Arrow keys move the window.",
      key,
      pick: (r, c) => go(Math.max(0, Math.min(3, r - 1)) * columns + Math.max(0, Math.min(columns - 1, c - 1))),
    });
    this.used = this.panel("Kernel as it lies on the window", {});
    this.output = this.panel("Output", { pick: (r, c) => go(r * columns + c) });
  }

  addButtons() {
    this.addPlayer("position", () => 20);
  }

  draw() {
    const { mode, kernel, position } = this.state;
    const flips = mode === "convolution";
    const [p, q] = [Math.floor(position / 5), position % 5];
    const output = flips ? convolve(IMAGE, kernel) : crossCorrelate(IMAGE, kernel);
    const other = flips ? crossCorrelate(IMAGE, kernel) : convolve(IMAGE, kernel);
    const laid = flips ? flip(kernel) : kernel;
    const most = (rows) => Math.max(...rows.flat().map(Math.abs), 1e-9);
    const size = 34;
    const picture = (rows, top, classes) => (r, c) => {
      const share = rows[r][c] / top;
      return { fill: signed(share * BEHIND_TEXT), text: show(rows[r][c], 1), classes: classes?.(r, c) ?? "" };
    };
    this.image.draw(7 * size, 6 * size, grid(6, 7, size, picture(IMAGE, 4)), frame(p, q, p + 2, q + 2, size));
    this.used.caption.textContent = flips ? "Kernel as it lies there: flipped on both axes" : "Kernel as it lies there: as you wrote it";
    this.used.draw(3 * 42, 3 * 42, grid(3, 3, 42, picture(laid, most(kernel))));
    const top = Math.max(most(output), most(other));
    this.output.draw(5 * size, 4 * size, grid(4, 5, size, picture(output, top, (r, c) => (r === p && c === q ? "current" : "")), { font: 0.36 }));
    const terms = [];
    laid.forEach((row, i) =>
      row.forEach((weight, j) => {
        if (weight && IMAGE[p + i][q + j]) terms.push(product(IMAGE[p + i][q + j], weight));
      }),
    );
    this.say(
      `Output (${p}, ${q}): ${show(output[p][q])}. ${compareOperations(IMAGE, kernel, mode, [p, q])}`,
      h("p", { class: "cf-formula" }, `${terms.join(" + ") || "no product other than 0"} = ${show(output[p][q])}`),
    );
    this.output.svg.setAttribute("aria-label", `Output, ${flips ? "convolution" : "cross-correlation"}: rows ${output.map((row) => row.map((v) => show(v)).join(" ")).join("; ")}`);
  }
}

define("flip-and-slide", FlipAndSlide);
