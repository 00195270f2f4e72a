/* The convolution matrix: choose a row, see the window it is; one axis (Toeplitz) or two (doubly block Toeplitz). */

import { describeRow, matrix2d, modeOf } from "./compute/convolution.js";
import { BEHIND_TEXT, CourseFigure, define, grid, h, frame, show, signed } from "./base.js";

const SIGNAL = [[3, 1, 4, 1, 5, 9, 2, 6]];
const IMAGE = [[3, 1, 4, 1, 5], [9, 2, 6, 5, 3], [5, 8, 9, 7, 9], [3, 2, 3, 8, 4]];

class ConvolutionMatrix extends CourseFigure {
  static defaults = { axes: "1", mode: "valid", taps: [[1, 2, -1]], kernel: [[1, 2], [-1, 3]], row: 1 };

  build() {
    this.choice({ label: "Input", key: "axes", options: { 1: "signal (1-D)", 2: "image (2-D)" } });
    this.choice({ label: "Mode", key: "mode", options: { valid: "valid", same: "same", full: "full" } });
    this.matrix({
      label: "kernel",
      read: () => this.kernel,
      write: (r, c, value) => {
        const name = this.flat ? "taps" : "kernel";
        this.set({ [name]: this.state[name].map((line, i) => line.map((old, j) => (i === r && j === c ? value : old))) });
      },
    });
    this.slider({ label: "row of the matrix", key: "row", min: 0, max: () => this.rows.length - 1, format: (value) => show(value) });
    const go = (row) => this.set({ row: Math.max(0, Math.min(this.rows.length - 1, row)) });
    const key = (name) => {
      const by = { up: -1, left: -1, down: 1, right: 1 }[name];
      if (name === "home") go(0);
      else if (name === "end") go(this.rows.length - 1);
      else if (by) go(this.state.row + by);
      else return false;
      return true;
    };
    this.matrixPanel = this.panel("Matrix: point at a row", {
      label: "The matrix of the convolution",
      help: "Arrow keys choose a row.",
      key,
      hover: go,
      pick: go,
    });
    this.inputPanel = this.panel("Input, coloured by weight", {});
    this.outputPanel = this.panel("Output", { hover: (r, c) => go(r * this.shape[1] + c), pick: (r, c) => go(r * this.shape[1] + c) });
  }

  get flat() {
    return this.state.axes === "1";
  }

  normalize() {
    const { taps, kernel, mode } = this.state;
    this.input = this.flat ? SIGNAL : IMAGE;
    this.kernel = this.flat ? taps : kernel;
    const [height, width] = [this.input.length, this.input[0].length];
    this.rows = matrix2d(this.kernel, [height, width], mode);
    this.shape = [this.flat ? 1 : modeOf(height, this.kernel.length, mode).outputs, modeOf(width, this.kernel[0].length, mode).outputs];
    this.state.row = Math.max(0, Math.min(this.rows.length - 1, this.state.row));
  }

  draw() {
    const { row, mode } = this.state;
    const [height, width] = [this.input.length, this.input[0].length];
    const columns = this.rows[0].length;
    const top = Math.max(...this.rows.flat().map(Math.abs), 1e-9);
    const size = Math.min(30, 330 / columns, 420 / this.rows.length);
    const paint = (value) => signed((value / top) * BEHIND_TEXT);
    const blocks = [];
    if (!this.flat) {
      for (let r = 0; r < this.shape[0]; r++) {
        for (let c = 0; c < height; c++) {
          blocks.push(frame(r * this.shape[1], c * width, (r + 1) * this.shape[1] - 1, (c + 1) * width - 1, size, { classes: "cf-axis" }));
        }
      }
    }
    this.matrixPanel.draw(
      columns * size,
      this.rows.length * size,
      grid(this.rows.length, columns, size, (r, c) => ({ fill: paint(this.rows[r][c]), text: this.rows[r][c] ? show(this.rows[r][c], 1) : "" })),
      blocks,
      frame(row, 0, row, columns - 1, size),
    );
    const weights = this.rows[row];
    this.inputPanel.draw(width * 34, height * 34, grid(height, width, 34, (r, c) => ({ fill: paint(weights[r * width + c]), text: this.input[r][c] })));
    const [p, q] = [Math.floor(row / this.shape[1]), row % this.shape[1]];
    const pixels = this.input.flat();
    const outputs = this.rows.map((line) => line.reduce((sum, weight, index) => sum + weight * pixels[index], 0));
    this.outputPanel.draw(
      this.shape[1] * 34,
      this.shape[0] * 34,
      grid(...this.shape, 34, (r, c) => ({ fill: "var(--course-good-soft)", text: show(outputs[r * this.shape[1] + c], 1), classes: r === p && c === q ? "current" : "" })),
    );
    const entries = this.rows.length * columns;
    const filled = this.rows.flat().filter((value) => value !== 0).length;
    const { sentence, sum } = describeRow(this.kernel, this.input, mode, row);
    const extent = (shape) => shape.filter((_, axis) => !this.flat || axis).join(" × ");
    this.say(
      `${sentence} The matrix has ${this.rows.length} × ${columns} = ${entries} entries, ${filled} of them not 0, and ${this.kernel.flat().length} taps to learn.`,
      h("p", { class: "cf-formula" }, sum),
      h("p", { class: "cf-formula" }, `mode ${mode}: ${extent([height, width])} inputs → ${extent(this.shape)} outputs`),
    );
  }
}

define("convolution-matrix", ConvolutionMatrix);
