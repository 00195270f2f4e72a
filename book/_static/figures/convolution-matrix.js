/* The convolution matrix: choose a row, see the window it is; one axis (Toeplitz) or two (doubly block Toeplitz). */

import { matrix1d, matrix2d, modeOf } from "./compute/convolution.js";
import { BEHIND_TEXT, CourseFigure, define, grid, h, frame, plural, show, signed } from "./base.js";

class ConvolutionMatrix extends CourseFigure {
  static defaults = { axes: "1", mode: "valid", n: 8, height: 4, width: 5, taps: [[1, 2, -1]], kernel: [[1, 2], [-1, 3]], row: 1 };

  build() {
    this.choice({ label: "Input", key: "axes", options: { 1: "signal (1-D)", 2: "image (2-D)" } });
    this.choice({ label: "Mode", key: "mode", options: { valid: "valid", same: "same", full: "full" } });
    this.matrix({
      label: "kernel",
      read: () => (this.flat ? this.state.taps : this.state.kernel),
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
    this.inputPanel = this.panel("Input, with the weights of this row", {});
    this.outputPanel = this.panel("Output of this row", { hover: (r, c) => go(r * this.shape[1] + c), pick: (r, c) => go(r * this.shape[1] + c) });
  }

  get flat() {
    return this.state.axes === "1";
  }

  normalize() {
    const { n, height, width, taps, kernel, mode } = this.state;
    this.input = this.flat ? [1, n] : [height, width];
    const used = this.flat ? taps : kernel;
    this.rows = this.flat ? matrix1d(taps[0], n, mode) : matrix2d(kernel, this.input, mode);
    this.shape = [this.flat ? 1 : modeOf(height, used.length, mode).outputs, modeOf(this.input[1], used[0].length, mode).outputs];
    this.state.row = Math.max(0, Math.min(this.rows.length - 1, this.state.row));
  }

  draw() {
    const { row, mode, taps, kernel } = this.state;
    const columns = this.rows[0].length;
    const top = Math.max(...this.rows.flat().map(Math.abs), 1e-9);
    const size = Math.min(30, 330 / columns, 420 / this.rows.length);
    const cell = (value, classes = "") => ({
      fill: signed((value / top) * BEHIND_TEXT),
      text: value !== 0 ? show(value, 1) : "",
      classes,
    });
    const blocks = [];
    if (!this.flat) {
      for (let r = 0; r < this.shape[0]; r++) {
        for (let c = 0; c < this.input[0]; c++) {
          blocks.push(frame(r * this.shape[1], c * this.input[1], (r + 1) * this.shape[1] - 1, (c + 1) * this.input[1] - 1, size, { classes: "cf-axis" }));
        }
      }
    }
    this.matrixPanel.draw(
      columns * size,
      this.rows.length * size,
      grid(this.rows.length, columns, size, (r, c) => cell(this.rows[r][c])),
      blocks,
      frame(row, 0, row, columns - 1, size),
    );
    const weights = this.rows[row];
    this.inputPanel.draw(this.input[1] * 30, this.input[0] * 30, grid(...this.input, 30, (r, c) => cell(weights[r * this.input[1] + c])));
    const [p, q] = [Math.floor(row / this.shape[1]), row % this.shape[1]];
    this.outputPanel.draw(
      this.shape[1] * 30,
      this.shape[0] * 30,
      grid(...this.shape, 30, (r, c) => ({ fill: "var(--course-good-soft)", classes: r === p && c === q ? "current" : "" })),
    );
    const entries = this.rows.length * columns;
    const filled = this.rows.flat().filter((value) => value !== 0).length;
    const used = (this.flat ? taps : kernel).flat().length;
    this.say(
      `Row ${row} makes output ${this.flat ? q : `(${p}, ${q})`}: its ${plural(weights.filter((value) => value !== 0).length, "weight")} other than zero are the flipped kernel, laid on the input there. ` +
        `${this.rows.length} × ${columns} = ${entries} entries, ${filled} not zero, ${used} different numbers to learn.`,
      h("p", { class: "cf-formula" }, `mode ${mode}: ${this.input.filter((_, axis) => !this.flat || axis).join(" × ")} inputs → ${this.shape.filter((_, axis) => !this.flat || axis).join(" × ")} outputs`),
    );
  }
}

define("convolution-matrix", ConvolutionMatrix);
