/* Paint a mask, and see what four scores say of it: IoU, Dice, the share of right pixels, the band at the borders. */

import { band, blocks, grow, moved, scores, sentence } from "./compute/segmentation.js";
import { CourseFigure, define, frame, grey, grid, s, show } from "./base.js";

const [ROWS, COLUMNS, CELL, SMALL] = [14, 20, 16, 10];
const OBJECTS = {
  coin: (r, c) => Math.hypot(r - 6.5, c - 9) <= 4.6,
  two: (r, c) => Math.hypot(r - 6, c - 6) <= 4.6 || (r >= 9 && r <= 10 && c >= 15 && c <= 16),
  rod: (r, c) => r === Math.round(2 + c / 2) && c >= 2 && c <= 17,
  nothing: () => false,
};
const LABELS = Object.fromEntries(
  Object.entries(OBJECTS).map(([name, inside]) => [name, Array.from({ length: ROWS }, (_, r) => Array.from({ length: COLUMNS }, (_, c) => (inside(r, c) ? 1 : 0)))]),
);
const EMPTY = LABELS.nothing;
const BARS = { iou: "IoU", dice: "Dice", share: "right pixels", border: "right in the band" };

/** Brightness of the picture: the object is brighter, and there is noise that is always the same. */
const brightness = (label, r, c) => 0.35 + 0.3 * label[r][c] + 0.16 * ((((r * 57 + c * 131) * 7919) % 101) / 101 - 0.5);

class MaskPainter extends CourseFigure {
  static defaults = { object: "coin", mask: blocks(LABELS.coin, 4), width: 1, brush: 1, r: 6, c: 9 };

  build() {
    this.choice({
      label: "Object",
      key: "object",
      options: { coin: "a coin", two: "a large and a small one", rod: "a thin rod", nothing: "nothing" },
      put: (object) => this.set({ object, mask: blocks(LABELS[object], 4) }),
    });
    this.choice({ label: "Brush", key: "brush", options: { 1: "1 pixel", 3: "3 × 3" }, put: (brush) => this.set({ brush: Number(brush) }) });
    this.slider({ label: "band width", key: "width", min: 1, max: 4 });
    this.canvas = this.panel("Paint here: blue is right, orange is not the object, the line is the label's border", {
      help: "Arrow keys move the brush, Enter paints or wipes.",
      key: (name) => {
        const { r, c, mask } = this.state;
        const by = { left: [0, -1], right: [0, 1], up: [-1, 0], down: [1, 0] }[name];
        if (name === "press") this.paint([[r, c]], 1 - mask[r][c]);
        else if (by) this.set({ r: Math.max(0, Math.min(ROWS - 1, r + by[0])), c: Math.max(0, Math.min(COLUMNS - 1, c + by[1])) });
        else return false;
        return true;
      },
      drag: (dx, dy, phase, point) => {
        const at = [point[1], point[0]].map((place, axis) => Math.max(0, Math.min([ROWS, COLUMNS][axis] - 1, Math.floor(place / CELL))));
        if (phase === "start") [this.value, this.last] = [1 - this.state.mask[at[0]][at[1]], at];
        this.paint(between(this.last, at), this.value);
        this.last = at;
      },
    });
    this.near = this.panel("", {});
  }

  addButtons() {
    const turn = (label, change) => this.button(label, () => this.set({ mask: change(this.state.mask) }), "quiet");
    turn("Grow by a pixel", (mask) => grow(mask));
    turn("Shrink by a pixel", (mask) => grow(mask, 0));
    turn("Move right", (mask) => moved(mask));
    turn("Take the label", () => structuredClone(this.label));
    turn("Clear", () => structuredClone(EMPTY));
  }

  get label() {
    return LABELS[this.state.object];
  }

  /** Set what the brush covers at these places to `value`; the brush stays at the last of them. */
  paint(places, value) {
    const reach = (this.state.brush - 1) / 2;
    const mask = this.state.mask.map((row) => [...row]);
    for (const [r, c] of places) {
      for (let y = Math.max(0, r - reach); y <= Math.min(ROWS - 1, r + reach); y++) {
        for (let x = Math.max(0, c - reach); x <= Math.min(COLUMNS - 1, c + reach); x++) mask[y][x] = value;
      }
    }
    const [r, c] = places.at(-1);
    this.set({ mask, r, c });
  }

  draw() {
    const { mask, width, r, c } = this.state;
    const label = this.label;
    const colour = (y, x) => (label[y][x] ? "accent" : "warm");
    const cells = grid(ROWS, COLUMNS, CELL, (y, x) => {
      const under = grey(brightness(label, y, x));
      return { fill: mask[y][x] ? `color-mix(in oklab, var(--course-${colour(y, x)}) 70%, ${under})` : under, classes: "plain" };
    }, { gap: 0 });
    this.canvas.draw(COLUMNS * CELL, ROWS * CELL, cells, border(label, CELL), frame(r, c, r, c, CELL));
    this.canvas.svg.setAttribute("aria-label", `A picture of ${ROWS} by ${COLUMNS} pixels and your mask; the brush is at row ${r}, column ${c}, which is ${mask[r][c] ? "marked" : "not marked"}.`);
    const inside = band(label, width);
    const strip = grid(ROWS, COLUMNS, SMALL, (y, x) => {
      const right = mask[y][x] === label[y][x];
      return { fill: inside[y][x] ? `var(--course-${right ? "accent" : "warm"})` : "var(--course-soft)", classes: "plain" };
    }, { gap: 0 });
    const is = scores(mask, label, width);
    this.near.caption.textContent = `The band of width ${width}: blue is right`;
    const names = Object.entries(BARS);
    const bars = names.map(([name, text], row) => bar(text, is[name], (ROWS + 1) * SMALL + row * 30));
    this.near.svg.setAttribute("aria-label", `${is.near} pixels are in the band, ${is.nearRight} of them right. ${names.map(([name, text]) => `${text} ${worded(is[name])}`).join(", ")}.`);
    this.near.draw(COLUMNS * SMALL, (ROWS + 1) * SMALL + names.length * 30, strip, border(label, SMALL), bars);
    this.say(sentence(mask, label, width));
  }
}

const worded = (value) => (Number.isNaN(value) ? "–" : show(value, 3));

/** A score from 0 to 1 as a bar, with its name above it. */
function bar(text, value, y) {
  return [
    s("text", { x: 0, y: y + 8, "font-size": 12, class: "cf-left" }, `${text}: ${worded(value)}`),
    s("rect", { x: 0, y: y + 17, width: 200, height: 9, rx: 3, style: "fill:var(--course-soft)" }),
    s("rect", { x: 0, y: y + 17, width: 200 * (value || 0), height: 9, rx: 3, style: "fill:var(--course-accent)" }),
  ];
}

/** The line along which a label changes. */
function border(label, size) {
  const parts = [];
  label.forEach((row, r) =>
    row.forEach((value, c) => {
      if (c && row[c - 1] !== value) parts.push(`M${c * size},${r * size}v${size}`);
      if (r && label[r - 1][c] !== value) parts.push(`M${c * size},${r * size}h${size}`);
    }),
  );
  return s("path", { d: parts.join("") || "M0,0", style: "stroke:var(--course-ink);stroke-width:2;fill:none;pointer-events:none" });
}

/** The places on the way from one to another, so that a fast stroke leaves no gaps. */
function between(from, to) {
  const steps = Math.max(1, ...[0, 1].map((axis) => Math.abs(to[axis] - from[axis])));
  return Array.from({ length: steps + 1 }, (_, i) => [0, 1].map((axis) => Math.round(from[axis] + ((to[axis] - from[axis]) * i) / steps)));
}

define("mask-painter", MaskPainter);
