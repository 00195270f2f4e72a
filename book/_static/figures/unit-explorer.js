/* Choose a unit of a network: the digits and the picture that excite it most, before training and after. */

import { DIGITS, UNITS } from "./compute/recorded.js";
import { picture, sentence, windowOf } from "./compute/units.js";
import { CourseFigure, define, frame, grey, grid, s, show } from "./base.js";

const [PIXEL, ACROSS, STEP, DOWN] = [9, 4, 76, 98];

class UnitExplorer extends CourseFigure {
  static defaults = { layer: "4", index: 1 };

  build() {
    this.choice({ label: "Layer", key: "layer", options: { 1: "1", 2: "2", 3: "3", 4: "4" } });
    this.slider({ label: "unit", key: "index", min: 0, max: 7, format: () => String(this.unit("trained").unit) });
    const help = "Left and right change the unit, up and down the layer.";
    const key = (name) => {
      const { layer, index } = this.state;
      const clip = (value, low, high) => Math.max(low, Math.min(high, value));
      const by = { left: [0, -1], right: [0, 1], up: [1, 0], down: [-1, 0] }[name];
      if (!by) return false;
      this.set({ layer: String(clip(Number(layer) + by[0], 1, 4)), index: clip(index + by[1], 0, 7) });
      return true;
    };
    this.panels = {
      untrained: this.panel("Before training", { help, key }),
      trained: this.panel("After training", {}),
    };
  }

  unit(network) {
    return UNITS[network][Number(this.state.layer) - 1][this.state.index];
  }

  draw() {
    const layer = Number(this.state.layer);
    for (const [name, panel] of Object.entries(this.panels)) {
      const { digits, places, values, picture: ascended } = this.unit(name);
      const shown = digits.map((number, i) => ({ text: DIGITS[number][1], name: `a ${DIGITS[number][0]}`, place: places[i], value: values[i] }));
      shown.push({ text: ascended, name: "ascent", bare: true, place: places[0], value: values.at(-1) });
      panel.draw(ACROSS * STEP, 2 * DOWN, shown.map((one, i) => this.example(layer, one, (i % ACROSS) * STEP, Math.floor(i / ACROSS) * DOWN)));
      panel.svg.setAttribute("aria-label", `${panel.caption.textContent}: ${shown.map((one) => `${one.name} with ${show(one.value)}`).join(", ")}.`);
    }
    this.say(sentence(layer, this.state.index, UNITS, DIGITS));
  }

  /** One picture: what the unit does not see is pale, in a `bare` one blank; its window is framed, below stands what it is. */
  example(layer, { text, name, place, value, bare }, x, y) {
    const levels = picture(text);
    const [top, left, bottom, right] = windowOf(layer, place);
    const cells = grid(8, 8, PIXEL, (r, c) => {
      const seen = r >= top && r <= bottom && c >= left && c <= right;
      const ink = grey(levels[r][c]);
      const unseen = bare ? "var(--course-soft)" : `color-mix(in oklab, ${ink} 35%, var(--course-soft))`;
      return { fill: seen ? ink : unseen, classes: "plain" };
    }, { x, y, gap: 0 });
    const below = s("text", { x: x + 36, y: y + 82, "font-size": 12 }, `${name}: ${show(value, value < 10 ? 2 : 1)}`);
    return [cells, frame(top, left, bottom, right, PIXEL, { x, y }), below];
  }
}

define("unit-explorer", UnitExplorer);
