/* Shape calculator: the size of an output, axis by axis, with the windows drawn over the padded input. */

import { convOutput, poolOutput, span, transposeOutput, unread, windowStart } from "./compute/shapes.js";
import { CourseFigure, define, h, named, plural, s } from "./base.js";

class ShapeCalculator extends CourseFigure {
  static defaults = { kind: "pool", height: 9, width: 12, kernel: 3, stride: 2, padding: 0, dilation: 1, ceil: false };

  build() {
    this.choice({
      label: "Layer",
      key: "kind",
      options: { conv: "convolution", pool: "pooling", transposed: "transposed convolution" },
    });
    this.slider({ label: "height", key: "height", min: 1, max: 32 });
    this.slider({ label: "width", key: "width", min: 1, max: 32 });
    this.slider({ label: "kernel k", key: "kernel", min: 1, max: 9 });
    this.slider({ label: "stride s", key: "stride", min: 1, max: 6 });
    this.slider({ label: "padding p", key: "padding", min: 0, max: 4 });
    this.slider({ label: "dilation d", key: "dilation", min: 1, max: 4 });
    this.ceil = this.toggle({ label: "ceil mode", key: "ceil" });
    this.picture = this.panel("Along the width: every window over the padded input", {});
  }

  size(n) {
    const { kind, kernel, stride, padding, dilation, ceil } = this.state;
    if (kind === "conv") return convOutput(n, kernel, stride, padding, dilation);
    if (kind === "pool") return poolOutput(n, kernel, stride, padding, dilation, ceil);
    return transposeOutput(n, kernel, stride, padding, 0, dilation);
  }

  draw() {
    const { kind, height, width, kernel, stride, padding, dilation, ceil } = this.state;
    this.ceil.hidden = kind !== "pool";
    let out;
    try {
      out = [this.size(height), this.size(width)];
    } catch (error) {
      this.picture.draw(200, 10);
      this.say(error.message, h("p", { class: "cf-formula" }, `${height} × ${width} → nothing`));
      return;
    }
    const transposed = kind === "transposed";
    const up = kind === "pool" && ceil;
    const line = (n, m) => {
      if (transposed) return `(${n} − 1)·${stride} − 2·${padding} + ${dilation}·(${kernel} − 1) + 1 = ${m}`;
      const [open, close] = up ? ["⌈", "⌉"] : ["⌊", "⌋"];
      const full = Math.ceil((n + 2 * padding - span(kernel, dilation)) / stride) + 1;
      const less = up && m < full ? ` − 1 (a last window would start beyond the input)` : "";
      return `${open}(${n} + 2·${padding} − ${dilation}·(${kernel} − 1) − 1) / ${stride}${close} + 1${less} = ${m}`;
    };
    this.say(
      `A ${height} × ${width} input gives a ${out[0]} × ${out[1]} output.` + (transposed ? "" : ` ${this.leftOver(width, out[1])}`),
      h("p", { class: "cf-formula" }, `height: ${line(height, out[0])}`),
      h("p", { class: "cf-formula" }, `width: ${line(width, out[1])}`),
    );
    if (transposed) this.drawWindows(out[1], width, "output");
    else this.drawWindows(width, out[1], "input");
  }

  /** Which columns no window reads, and how far the last window hangs over the padded input. */
  leftOver(n, outputs) {
    const { kernel, stride, padding, dilation } = this.state;
    const missed = unread(n, outputs, kernel, stride, padding, dilation);
    const over = (outputs - 1) * stride + span(kernel, dilation) - n - 2 * padding;
    let text = missed.length ? `No window reads ${named(missed, "column")}.` : "Every column is read.";
    if (missed.length === n) text = "No window reads any column.";
    return over > 0 ? `${text} The last window reaches ${plural(over, "column")} beyond the padded input.` : text;
  }

  /** One row of cells for the padded long axis, and below it one bar with taps per window. */
  drawWindows(n, windows, name) {
    const { kernel, stride, padding, dilation } = this.state;
    this.picture.caption.textContent = `Along the width: every window over the ${name}, padding dashed`;
    const last = windowStart(windows - 1, stride, padding) + span(kernel, dilation);
    const cells = Math.max(n + padding, last) + padding;
    const room = Math.min(680, Math.max(260, this.stage.clientWidth || 600));
    const size = Math.min(26, room / cells);
    const nodes = [];
    const missed = name === "input" ? unread(n, windows, kernel, stride, padding, dilation) : [];
    for (let place = -padding; place < Math.max(n + padding, last); place++) {
      const inside = place >= 0 && place < n;
      nodes.push(
        s("g", { class: `cf-cell ${inside ? "" : "pad"}` },
          s("rect", { x: (place + padding) * size + 0.5, y: 1, width: size - 1, height: 22, rx: 3, style: `fill:var(--course-${missed.includes(place) ? "warm-soft" : inside ? "accent-soft" : "paper"})` }),
          inside && size > 15 ? s("text", { x: (place + padding + 0.5) * size, y: 12, "font-size": 10 }, String(place)) : null),
      );
    }
    const step = windows > 12 ? 9 : 14;
    for (let index = 0; index < windows; index++) {
      const left = (windowStart(index, stride, padding) + padding) * size;
      const y = 36 + index * step;
      nodes.push(s("line", { x1: left + 2, x2: left + span(kernel, dilation) * size - 2, y1: y, y2: y, class: "cf-link strong" }));
      for (let tap = 0; tap < kernel; tap++) {
        nodes.push(s("circle", { cx: left + (tap * dilation + 0.5) * size, cy: y, r: Math.min(4, size / 4), style: "fill:var(--course-violet)" }));
      }
    }
    this.picture.svg.setAttribute("aria-label", `${plural(windows, "window")} of ${kernel} taps over ${n} columns, ${stride} apart.`);
    this.picture.draw(cells * size, 36 + windows * step, nodes);
  }
}

define("shape-calculator", ShapeCalculator);
