/* Pooling and shift: drag the image, watch which outputs of a pooling layer change. */

import { compareInk, pool, shift } from "./compute/pooling.js";
import { CourseFigure, define, grey, grid, h, plural, show } from "./base.js";

/* A three on 16 x 16 pixels, 0 to 9. */
const DIGIT = [
  "................",
  "................",
  "....257862......",
  "...49999993.....",
  "...62...4993....",
  ".........993....",
  "........5990....",
  ".....269983.....",
  ".....7999991....",
  ".........3995...",
  "..........899...",
  "...1......899...",
  "...73....4996...",
  "...4996799970...",
  ".....478752.....",
  "................",
].map((line) => [...line].map((sign) => (sign === "." ? 0 : Number(sign) / 9)));

const CELL = 15;

class PoolingShift extends CourseFigure {
  static defaults = { kind: "max", kernel: 2, stride: 2, down: 0, right: 0 };

  build() {
    this.choice({ label: "Pooling", key: "kind", options: { max: "max", average: "average", l2: "L2 norm" } });
    this.slider({ label: "window", key: "kernel", min: 1, max: 8 });
    this.slider({ label: "stride", key: "stride", min: 1, max: 8 });
    this.slider({ label: "shift right", key: "right", min: -8, max: 8 });
    this.slider({ label: "shift down", key: "down", min: -8, max: 8 });
    const key = (name) => {
      const move = { left: [0, -1], right: [0, 1], up: [-1, 0], down: [1, 0] }[name];
      if (name === "home") this.move(0, 0);
      else if (move) this.move(this.state.down + move[0], this.state.right + move[1]);
      else return false;
      return true;
    };
    this.input = this.panel("Input: drag it", {
      label: "The input, a handwritten three. Drag it, or move it with the arrow keys.",
      help: "Arrow keys move the image, Home puts it back.",
      key,
      drag: (dx, dy, phase) => {
        if (phase === "start") this.origin = [this.state.down, this.state.right];
        else this.move(this.origin[0] + Math.round(dy / CELL), this.origin[1] + Math.round(dx / CELL));
      },
    });
    this.before = this.panel("Pooled, before", {});
    this.after = this.panel("After: changes framed", {});
  }

  move(down, right) {
    const bound = (value) => Math.max(-8, Math.min(8, value));
    this.set({ down: bound(down), right: bound(right) });
  }

  draw() {
    const { kind, kernel, stride, down, right } = this.state;
    const moved = shift(DIGIT, down, right);
    const before = pool(DIGIT, kind, kernel, stride);
    const after = pool(moved, kind, kernel, stride);
    const top = Math.max(...before.flat(), 1e-9);
    this.input.draw(16 * CELL, 16 * CELL, grid(16, 16, CELL, (r, c) => ({ fill: grey(moved[r][c]), classes: "plain" }), { gap: 0 }));
    const size = Math.min(28, 168 / before.length);
    const picture = (values, changed) =>
      grid(values.length, values[0].length, size, (r, c) => ({
        fill: grey(values[r][c] / top),
        classes: changed && Math.abs(before[r][c] - values[r][c]) > 1e-12 ? "changed" : "",
      }));
    this.before.draw(size * before[0].length, size * before.length, picture(before, false));
    this.after.draw(size * after[0].length, size * after.length, picture(after, true));
    const ink = compareInk(before, after);
    const share = ink.seen ? ` (${show((100 * ink.changed) / ink.seen, 0)} %)` : "";
    const regular = down % stride === 0 && right % stride === 0 && (down || right);
    this.say(
      down || right
        ? `Moved ${show(down)} down and ${show(right)} to the right. Of the ${plural(ink.seen, "output")} that ${ink.seen === 1 ? "sees" : "see"} ink before or after, ` +
            `${ink.changed} changed${share}; empty ground is not counted.` +
            (regular ? " The shift is a multiple of the stride: away from the border the outputs are the old ones, moved." : "")
        : "Not moved yet: drag the image, or use the arrow keys.",
      h("p", { class: "cf-formula" }, `window ${kernel} × ${kernel}, stride ${stride}: 16 × 16 → ${before.length} × ${before[0].length}`),
    );
    this.after.svg.setAttribute("aria-label", `Pooled outputs after the shift: ${ink.changed} of the ${ink.seen} that see ink changed.`);
  }
}

define("pooling-shift", PoolingShift);
