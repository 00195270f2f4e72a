/* Attention: one query among keys in the plane. Move them, turn the temperature, from averaging to hard selection. */

import { attend, leaders, spread } from "./compute/attention.js";
import { CourseFigure, define, h, s, show } from "./base.js";

const SIDE = 280;
const REACH = 3.2;
const COLOURS = ["accent", "warm", "good", "violet", "muted"];
const VALUES = [8, 2, 5, 10, 1];
const LETTERS = ["a", "b", "c", "d", "e"];

/* The slider runs from hard selection over 1 to averaging. */
const temperature = (position) => (position === -20 ? 0 : position === 20 ? Infinity : 10 ** (position / 10));
const word = (position) => ({ "-20": "0", 20: "∞" })[position] ?? show(temperature(position), 2);

/** Say which keys have the largest weight: one, several that tie, or all alike. */
function first(best, weights) {
  const weight = show(weights[best[0]], 2);
  if (best.length === weights.length) return `All keys have the same weight, ${weight}.`;
  const names = best.map((index) => LETTERS[index]);
  if (names.length === 1) return `Key ${names[0]} has the largest weight, ${weight}.`;
  return `Keys ${names.slice(0, -1).join(", ")} and ${names.at(-1)} tie with the largest weight, ${weight} each.`;
}

/** Say over how many keys the weights are spread. */
function concentration(effective, count) {
  const number = show(effective, 1);
  if (number === "1") return `${effective < 1 + 1e-9 ? "All" : "Nearly all"} of the weight is with one key.`;
  return effective > count - 1e-9 ? "" : `The weights are spread as over ${number} equal keys of ${count}.`;
}

class AttentionExplorer extends CourseFigure {
  static defaults = {
    query: [1.5, 1],
    keys: [[2, 0.5], [0.5, 2], [-1.5, 1.5], [-1, -2], [2, -1.5]],
    position: 0,
    chosen: "query",
  };

  build() {
    this.slider({ label: "temperature", key: "position", min: -20, max: 20, format: word });
    this.choice({
      label: "Arrow keys move",
      key: "chosen",
      options: { query: "the query", a: "key a", b: "key b", c: "key c", d: "key d", e: "key e" },
    });
    this.plane = this.panel("Query (star) and keys: drag them", {
      label: "The plane of queries and keys",
      help: "Arrow keys move what is chosen above.",
      key: (name) => {
        const move = { left: [-0.1, 0], right: [0.1, 0], up: [0, 0.1], down: [0, -0.1] }[name];
        if (!move) return false;
        const [x, y] = this.place(this.state.chosen);
        this.move(this.state.chosen, x + move[0], y + move[1]);
        return true;
      },
      drag: (dx, dy, phase, point) => {
        const [x, y] = [((point[0] / SIDE) * 2 - 1) * REACH, (1 - (point[1] / SIDE) * 2) * REACH];
        if (phase === "start") this.set({ chosen: this.nearest(x, y) });
        else this.move(this.state.chosen, x, y);
      },
    });
    this.bars = this.panel("Weight of every key, and its value", {});
  }

  place(name) {
    return name === "query" ? this.state.query : this.state.keys[LETTERS.indexOf(name)];
  }

  nearest(x, y) {
    const names = ["query", ...LETTERS];
    const gap = (name) => Math.hypot(this.place(name)[0] - x, this.place(name)[1] - y);
    return names.reduce((best, name) => (gap(name) < gap(best) ? name : best));
  }

  move(name, x, y) {
    const place = [x, y].map((value) => Math.max(-3, Math.min(3, Math.round(value * 20) / 20)));
    if (name === "query") this.set({ query: place });
    else this.set({ keys: this.state.keys.map((key, index) => (LETTERS[index] === name ? place : key)) });
  }

  draw() {
    const { query, keys, position, chosen } = this.state;
    const values = VALUES.map((value) => [value]);
    const { scores, weights, output } = attend(query, keys, values, temperature(position));
    const { effective } = spread(weights);
    const letter = (index) => LETTERS[index];
    const px = (x) => ((x / REACH + 1) / 2) * SIDE;
    const py = (y) => ((1 - y / REACH) / 2) * SIDE;
    const nodes = [
      s("rect", { x: 0, y: 0, width: SIDE, height: SIDE, rx: 6, style: "fill:var(--course-soft)" }),
      s("path", { d: `M0,${py(0)}H${SIDE}M${px(0)},0V${SIDE}`, class: "cf-axis", opacity: 0.5 }),
      ...keys.map((key, index) =>
        s("line", { x1: px(query[0]), y1: py(query[1]), x2: px(key[0]), y2: py(key[1]), style: `stroke:var(--course-${COLOURS[index]});stroke-width:${1 + 9 * weights[index]};opacity:${0.25 + 0.6 * weights[index]}` }),
      ),
      ...keys.map((key, index) =>
        s("g", {},
          s("circle", { cx: px(key[0]), cy: py(key[1]), r: 12, style: `fill:var(--course-paper);stroke:var(--course-${COLOURS[index]});stroke-width:${chosen === letter(index) ? 4 : 2.5}` }),
          s("text", { x: px(key[0]), y: py(key[1]), "font-size": 13 }, letter(index))),
      ),
      s("path", { d: star(px(query[0]), py(query[1]), 13), style: `fill:var(--course-ink);stroke:var(--course-paper);stroke-width:${chosen === "query" ? 2.5 : 1}` }),
    ];
    this.plane.draw(SIDE, SIDE, nodes);
    const row = 34;
    const long = 150;
    this.bars.draw(
      280,
      row * keys.length + 26,
      weights.map((weight, index) => [
        s("text", { x: 8, y: (index + 0.5) * row, "font-size": 13 }, letter(index)),
        s("rect", { x: 22, y: index * row + 7, width: long, height: 20, rx: 3, style: "fill:var(--course-soft)" }),
        s("rect", { x: 22, y: index * row + 7, width: Math.max(0.5, long * weight), height: 20, rx: 3, style: `fill:var(--course-${COLOURS[index]})` }),
        s("text", { x: long + 30, y: (index + 0.5) * row, "font-size": 12, class: "cf-left" }, `${show(weight, 3)} · value ${VALUES[index]}`),
      ]),
      s("text", { x: 22, y: row * keys.length + 14, "font-size": 13, class: "cf-left", "font-weight": 600 }, `output = ${show(output[0], 2)}`),
    );
    const hardness = { 0: "Temperature 0: the largest score takes all.", Infinity: "Infinite temperature: a plain average, whatever the query asks." }[temperature(position)];
    const rule = { 0: "weights = the limit of softmax(scores / T) for T → 0", Infinity: "weights = the limit of softmax(scores / T) for T → ∞" }[temperature(position)];
    this.say(
      `${first(leaders(weights), weights)} ${concentration(effective, keys.length)} ${hardness ?? "The lower the temperature, the harder the selection."}`,
      h("p", { class: "cf-formula" }, `scores q·k/√2: ${scores.map((score, index) => `${letter(index)} ${show(score)}`).join(", ")}; ${rule ?? `weights = softmax(scores / ${word(position)})`}`),
    );
    this.plane.svg.setAttribute("aria-label", `Query at ${query.map((value) => show(value)).join(", ")}; keys at ${keys.map((key, index) => `${letter(index)} ${key.map((value) => show(value)).join(", ")}`).join("; ")}.`);
    this.bars.svg.setAttribute("aria-label", `Weights ${weights.map((weight, index) => `${letter(index)} ${show(weight, 3)}`).join(", ")}; output ${show(output[0], 2)}.`);
  }
}

function star(x, y, radius) {
  const points = Array.from({ length: 10 }, (_, index) => {
    const reach = index % 2 ? radius * 0.45 : radius;
    const angle = (index * Math.PI) / 5 - Math.PI / 2;
    return `${(x + reach * Math.cos(angle)).toFixed(1)},${(y + reach * Math.sin(angle)).toFixed(1)}`;
  });
  return `M${points.join("L")}Z`;
}

define("attention-explorer", AttentionExplorer);
