/* One output of a layer: the block that it reads, its slices, its column, its sum. Choose the filter and the place. */

import { block, cost, inPadding, layer, slices, unfold } from "./compute/layer.js";
import { BEHIND_TEXT, CourseFigure, define, frame, grid, h, plural, s, show, signed } from "./base.js";

const X = [
  [[1, 3, 0, 2, 1], [2, 5, 1, 0, 4], [0, 1, 4, 2, 1], [3, 0, 2, 5, 0], [1, 4, 1, 0, 2]],
  [[0, 1, 2, 0, 3], [1, 0, 3, 1, 0], [4, 2, 0, 1, 5], [0, 1, 1, 3, 2], [2, 0, 5, 1, 0]],
  [[2, 0, 1, 4, 0], [0, 3, 1, 2, 1], [1, 0, 5, 0, 2], [2, 1, 0, 1, 3], [0, 2, 4, 1, 1]],
];
const WEIGHT = [
  [[[1, 0, -1], [2, 1, -2], [1, 0, -1]], [[0, 1, 0], [1, -2, 1], [0, 1, 0]], [[-1, 0, 0], [0, 2, 0], [0, 0, 1]]],
  [[[0, -1, 1], [1, 2, 0], [0, 1, -2]], [[1, 1, 0], [-1, 1, 2], [0, -1, 0]], [[0, 2, -1], [1, -1, 0], [1, 0, -1]]],
];
const CELL = 26;
const DEPTH = [56, 24]; // how far the next channel stands to the right of this one, and above it

class LayerExplorer extends CourseFigure {
  static defaults = { filter: "0", channels: 3, kernel: 3, stride: 1, padding: 0, p: 1, q: 1 };

  build() {
    this.choice({ label: "Output channel (filter)", key: "filter", options: { 0: "0", 1: "1" } });
    this.slider({ label: "channels C", key: "channels", min: 1, max: X.length });
    this.slider({ label: "kernel k", key: "kernel", min: 1, max: 3 });
    this.slider({ label: "stride s", key: "stride", min: 1, max: 2 });
    this.slider({ label: "padding", key: "padding", min: 0, max: 1 });
    const key = (name) => {
      const { p, q } = this.state;
      const move = { left: [0, -1], right: [0, 1], up: [-1, 0], down: [1, 0] }[name];
      if (name === "home") this.set({ p: 0, q: 0 });
      else if (name === "end") this.set({ p: this.m - 1, q: this.m - 1 });
      else if (name === "press") this.set({ filter: this.state.filter === "0" ? "1" : "0" });
      else this.set({ p: p + move[0], q: q + move[1] });
    };
    const help = "Arrow keys move the block, Enter takes the other filter.";
    const over = (r, c) => {
      const at = (place) => Math.round((place + this.state.padding - (this.state.kernel - 1) / 2) / this.state.stride);
      this.set({ p: at(r), q: at(c) });
    };
    this.stack = this.panel("Input", { help, key, pick: over });
    this.products = this.panel("Slices of block and filter", {});
    this.output = this.panel("Output", { pick: (p, q) => this.set({ p, q }) });
    this.columns = this.panel("As a matrix product", { pick: (_, place) => this.set({ p: Math.floor(place / this.m), q: place % this.m }) });
  }

  normalize() {
    const state = this.state;
    const { channels, kernel, stride, padding } = state;
    const from = kernel === 1 ? 1 : 0; // a kernel of 1 x 1 is the middle of the largest one
    this.x = X.slice(0, channels);
    this.weight = WEIGHT.map((filter) => filter.slice(0, channels).map((slice) => slice.slice(from, from + kernel).map((row) => row.slice(from, from + kernel))));
    this.options = { stride, padding };
    this.y = layer(this.x, this.weight, this.options);
    this.m = this.y[0].length;
    state.p = Math.max(0, Math.min(this.m - 1, state.p));
    state.q = Math.max(0, Math.min(this.m - 1, state.q));
    this.filter = Number(state.filter);
    this.window = block(this.x, state.p, state.q, kernel, this.options);
  }

  draw() {
    this.drawStack();
    this.drawProducts();
    this.drawOutput();
    this.drawColumns();
    this.report();
  }

  /** The channels one behind the other, and through all of them the block. */
  drawStack() {
    const { channels, kernel, stride, padding, p, q } = this.state;
    const side = X[0].length + 2 * padding;
    const corner = (c) => ({ x: c * DEPTH[0], y: (channels - 1 - c) * DEPTH[1] });
    const [top, left] = [p * stride, q * stride];
    const inBlock = (r, c) => r >= top && r < top + kernel && c >= left && c < left + kernel;
    const nodes = [];
    const edges = [];
    for (let c = channels - 1; c >= 0; c--) {
      const at = corner(c);
      const cells = grid(side, side, CELL, (r, column) => {
        const value = this.x[c][r - padding]?.[column - padding];
        const paint = inBlock(r, column) ? "var(--course-violet-soft)" : "var(--course-paper)";
        return { fill: paint, text: c ? "" : (value ?? 0), classes: value === undefined ? "pad" : "" };
      }, { ...at, font: 0.42 });
      for (const cell of cells) for (const axis of ["r", "c"]) cell.dataset[axis] -= padding;
      nodes.push(cells);
      edges.push(frame(top, left, top + kernel - 1, left + kernel - 1, CELL, { ...at, classes: c ? "cf-link strong" : "cf-frame" }));
      if (c === 0) break;
      const next = corner(c - 1);
      for (const [down, right] of [[0, 0], [0, kernel], [kernel, 0], [kernel, kernel]]) {
        const [dx, dy] = [(left + right) * CELL, (top + down) * CELL];
        edges.push(s("line", { x1: at.x + dx, y1: at.y + dy, x2: next.x + dx, y2: next.y + dy, class: "cf-link strong" }));
      }
    }
    const title = `Input: ${plural(channels, "channel")} of ${X[0].length} × ${X[0].length}${padding ? ", padding dashed" : ""}`;
    this.stack.caption.textContent = title;
    this.stack.svg.setAttribute("aria-label", `${title}. The block starts at row ${top - padding}, column ${left - padding}.`);
    const [width, height] = [0, 1].map((axis) => side * CELL + (channels - 1) * DEPTH[axis]);
    this.stack.draw(width, height, nodes, edges);
  }

  /** A row per channel: its slice of the block, its slice of the filter, and what they add to the sum. */
  drawProducts() {
    const { channels, kernel } = this.state;
    const wide = kernel * CELL;
    const nodes = [];
    const parts = slices(this.window, this.weight[this.filter]);
    for (let c = 0; c < channels; c++) {
      const y = c * (wide + 10);
      const middle = y + wide / 2;
      const cells = (rows, bound, x) => grid(kernel, kernel, CELL, (i, j) => ({ fill: signed((rows[i][j] / bound) * BEHIND_TEXT), text: show(rows[i][j]) }), { x, y, font: 0.42 });
      nodes.push(cells(this.window[c], 5, 0), cells(this.weight[this.filter][c], 2, wide + 24));
      nodes.push(s("text", { x: wide + 12, y: middle, "font-size": 16 }, "·"));
      nodes.push(s("text", { x: 2 * wide + 34, y: middle, "font-size": 14, class: "cf-left" }, `= ${show(parts[c])}`));
    }
    this.products.caption.textContent = `Slices of the block and of filter ${this.filter}`;
    this.products.svg.setAttribute("aria-label", `What the channels add: ${parts.map((part, c) => `channel ${c} ${show(part)}`).join(", ")}.`);
    this.products.draw(2 * wide + 84, channels * (wide + 10), nodes);
  }

  drawOutput() {
    const map = this.y[this.filter];
    const bound = Math.max(...map.flat().map(Math.abs), 1);
    const size = CELL + 6;
    const cells = grid(this.m, this.m, size, (p, q) => ({
      fill: signed((map[p][q] / bound) * BEHIND_TEXT),
      text: show(map[p][q]),
      classes: p === this.state.p && q === this.state.q ? "current" : "",
    }));
    this.output.caption.textContent = `Output channel ${this.filter}: ${this.m} × ${this.m}`;
    this.output.svg.setAttribute("aria-label", `Output channel ${this.filter}, ${this.m} by ${this.m} values.`);
    this.output.draw(this.m * size, this.m * size, cells);
  }

  /** The filters as rows, and beside them the windows as columns, the chosen one framed. */
  drawColumns() {
    const { kernel, p, q } = this.state;
    const matrix = unfold(this.x, kernel, [this.m, this.m], this.options);
    const [rows, places] = [matrix.length, this.m ** 2];
    const size = Math.min(14, 300 / places, 240 / rows);
    const filters = this.weight.map((filter) => filter.flat(2));
    const left = rows * size + 18;
    const middle = ((rows - filters.length) * size) / 2;
    const plain = (values, bound) => (r, c) => ({ fill: signed((values[r][c] / bound) * 0.8) });
    const weights = grid(filters.length, rows, size, plain(filters, 2), { y: middle, gap: 0 });
    for (const cell of weights) for (const axis of ["r", "c"]) delete cell.dataset[axis];
    this.columns.caption.textContent = `Filters ${filters.length} × ${rows}, times columns ${rows} × ${places}`;
    this.columns.svg.setAttribute("aria-label", `The filters as ${filters.length} rows of ${rows}, and the windows as ${places} columns of ${rows}; row ${this.filter} meets column ${p * this.m + q}.`);
    this.columns.draw(
      left + places * size,
      rows * size,
      weights,
      frame(this.filter, 0, this.filter, rows - 1, size, { y: middle }),
      grid(rows, places, size, plain(matrix, 5), { x: left, gap: 0 }),
      frame(0, p * this.m + q, rows - 1, p * this.m + q, size, { x: left }),
    );
  }

  report() {
    const { channels, kernel, padding, p, q } = this.state;
    const filters = this.weight.length;
    const { products, weights, multiplyAdds, columns } = cost(channels, filters, kernel, this.m ** 2);
    const zeros = inPadding(this.x, p, q, kernel, this.options);
    const parts = slices(this.window, this.weight[this.filter]);
    const value = this.y[this.filter][p][q];
    const dense = ` A 1 × 1 kernel is a dense layer at each place by itself: one ${filters} × ${channels} matrix takes ${plural(channels, "channel")} to ${filters}.`;
    const term = (number) => (number < 0 ? `(${show(number)})` : show(number));
    const sum = (c) => this.window[c].flat().map((number, at) => `${show(number)}·${term(this.weight[this.filter][c].flat()[at])}`).join(" + ");
    this.say(
      `Output (${this.filter}, ${p}, ${q}) is ${show(value)}: the block has ${channels} × ${kernel} × ${kernel} = ${plural(products, "number")}` +
        (zeros ? `, ${zeros} of them padding` : "") +
        `, and filter ${this.filter} as many weights.` +
        ` The layer has ${weights} weights and makes ${filters * this.m ** 2} outputs with ${multiplyAdds} multiply-adds; its columns hold ${columns} numbers, the image ${channels * X[0].length ** 2}.` +
        (kernel === 1 ? dense : ""),
      ...this.window.map((_, c) => h("p", { class: "cf-formula" }, `channel ${c}: ${sum(c)} = ${show(parts[c])}`)),
      h("p", { class: "cf-formula" }, `sum over channels: ${parts.map((part, c) => (c ? term(part) : show(part))).join(" + ")} = ${show(value)}`),
    );
  }
}

define("layer-explorer", LayerExplorer);
