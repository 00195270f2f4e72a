/* The receptive field of a stack of layers that the reader edits. Choose a unit at the top, see the inputs that reach it. */

import { cone, describe, paths, receptiveFields, sizes } from "./compute/receptive.js";
import { CourseFigure, define, h, s, show } from "./base.js";

const LENGTH = 32;

class ReceptiveField extends CourseFigure {
  static defaults = {
    layers: [
      { kernel: 3, stride: 1, padding: 1, dilation: 1 },
      { kernel: 2, stride: 2, padding: 0, dilation: 1 },
      { kernel: 3, stride: 1, padding: 1, dilation: 1 },
    ],
    unit: 7,
  };

  build() {
    this.table = h("div", { class: "cf-wide cf-layers" });
    this.controls.append(this.table);
    this.refreshers.push(() => this.buildTable());
    this.slider({ label: "unit at the top", key: "unit", min: 0, max: () => Math.max(0, this.top - 1) });
    const go = (unit) => this.set({ unit: Math.max(0, Math.min(this.top - 1, unit)) });
    this.picture = this.panel("Units of every level, the input at the bottom", {
      label: "The stack of layers",
      help: "Arrow keys choose a unit at the top.",
      key: (name) => {
        if (name === "left" || name === "right") go(this.state.unit + (name === "left" ? -1 : 1));
        else if (name === "home" || name === "end") go(name === "home" ? 0 : this.top - 1);
        else return false;
        return true;
      },
      hover: (r, c) => r === this.state.layers.length && go(c),
      pick: (r, c) => r === this.state.layers.length && go(c),
    });
  }

  addButtons() {
    this.adder = this.button("Add a layer", () => this.set({ layers: [...this.state.layers, { kernel: 3, stride: 1, padding: 1, dilation: 1 }] }));
    this.remover = this.button("Remove the last", () => this.set({ layers: this.state.layers.slice(0, -1) }), "quiet");
  }

  buildTable() {
    const { layers } = this.state;
    if (this.table.children.length !== layers.length) {
      this.table.replaceChildren(
        ...layers.map((_, index) => {
          const line = h("fieldset", { class: "cf-layer" }, h("legend", {}, `Layer ${index + 1}`));
          for (const [name, low, high] of [["kernel", 1, 7], ["stride", 1, 4], ["padding", 0, 6], ["dilation", 1, 8]]) {
            const input = h("input", {
              type: "number",
              min: low,
              max: high,
              "data-name": name,
              oninput: () => {
                const value = Math.round(Number(input.value));
                if (input.value === "" || value < low || value > high) return;
                this.set({ layers: this.state.layers.map((layer, i) => (i === index ? { ...layer, [name]: value } : layer)) });
              },
              onblur: () => (input.value = this.state.layers[index]?.[name] ?? input.value),
            });
            line.append(h("label", {}, `${name} `, input));
          }
          return line;
        }),
      );
    }
    [...this.table.children].forEach((line, index) => {
      for (const input of line.querySelectorAll("input")) {
        if (document.activeElement !== input) input.value = layers[index][input.dataset.name];
      }
    });
    if (this.adder) {
      this.adder.disabled = layers.length >= 5;
      this.remover.disabled = layers.length <= 1;
    }
  }

  normalize() {
    this.problem = null;
    try {
      this.counts = sizes(this.state.layers, LENGTH);
      this.top = this.counts.at(-1);
    } catch (error) {
      this.problem = error.message;
      this.counts = [LENGTH];
      this.top = 1;
    }
    this.state.unit = Math.max(0, Math.min(this.top - 1, this.state.unit));
  }

  draw() {
    const { layers, unit } = this.state;
    const width = Math.min(660, Math.max(280, this.stage.clientWidth || 600));
    if (this.problem) {
      this.picture.draw(width, 20);
      this.say(this.problem);
      return;
    }
    const step = width / LENGTH;
    const fields = receptiveFields(layers);
    const reached = cone(layers, LENGTH, unit);
    const ways = paths(layers, LENGTH, unit);
    const most = Math.max(...ways, 1);
    const lift = 52;
    const height = layers.length * lift + 66;
    // Every unit stands above the middle of what it sees.
    const place = (level, index) => {
      const { size, jump, start } = fields[level];
      return (start + index * jump + (size - 1) / 2 + 0.5) * step;
    };
    const row = (level) => height - 46 - level * lift;
    const nodes = [];
    layers.forEach(({ kernel, stride, padding, dilation }, level) => {
      for (const above of reached[level + 1]) {
        for (let tap = 0; tap < kernel; tap++) {
          const below = above * stride - padding + tap * dilation;
          if (below < 0 || below >= this.counts[level]) continue;
          nodes.push(s("line", { x1: place(level + 1, above), y1: row(level + 1), x2: place(level, below), y2: row(level), class: "cf-link strong", opacity: 0.5 }));
        }
      }
    });
    this.counts.forEach((count, level) => {
      for (let index = 0; index < count; index++) {
        const inside = reached[level].has(index);
        const chosen = level === layers.length && index === unit;
        nodes.push(
          s("g", { "data-r": level, "data-c": index },
            s("circle", { cx: place(level, index), cy: row(level), r: step * 0.62, style: "fill:transparent" }),
            s("circle", {
              cx: place(level, index), cy: row(level), r: Math.min(7, step * 0.4),
              style: `fill:var(--course-${chosen ? "violet" : inside ? "violet-soft" : "accent-soft"});stroke:var(--course-${inside ? "violet" : "line"});stroke-width:1.5`,
            })),
        );
      }
    });
    ways.forEach((way, index) => {
      const bar = (28 * way) / most;
      nodes.push(s("rect", { x: (index + 0.15) * step, y: height - 30, width: step * 0.7, height: bar, style: "fill:var(--course-accent)" }));
    });
    this.picture.draw(width, height, nodes);
    const { size, start } = fields.at(-1);
    this.say(
      describe(layers, LENGTH, unit),
      h("p", { class: "cf-formula" }, `size = 1 + Σ (k − 1)·d·(product of strides before) = 1${layers.map((layer, level) => ` + ${(layer.kernel - 1) * layer.dilation}·${fields[level].jump}`).join("")} = ${size}`),
      h("p", { class: "cf-formula" }, `start = −Σ p·(product of strides before) = 0${layers.map((layer, level) => ` − ${layer.padding}·${fields[level].jump}`).join("")} = ${show(start)}`),
      h("p", {}, "The bars count the paths from each input."),
    );
    this.picture.svg.setAttribute("aria-label", `Stack with ${this.counts.join(", ")} units from the input up; unit ${unit} at the top sees ${size} places.`);
  }
}

define("receptive-field", ReceptiveField);
