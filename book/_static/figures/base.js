/* What every interactive figure shares: state, controls, panels of SVG, a description that is read aloud. */

import { named, plural, show } from "./compute/words.js";

export { named, plural, show };

const SVG = "http://www.w3.org/2000/svg";
let serial = 0;

/** An HTML element. `attributes` may hold functions for events, as onclick. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** The strongest fill on which a number can still be read, in both themes. */
export const BEHIND_TEXT = 0.55;

/** Fill for a signed value in [-1, 1], as in the plots: red above zero, blue below, paper at zero. */
export function signed(value) {
  const share = Math.min(100, Math.round(Math.abs(value) * 100));
  return `color-mix(in oklab, var(--course-${value < 0 ? "negative" : "positive"}) ${share}%, var(--course-paper))`;
}

/** Fill for a brightness in [0, 1]: a photograph's grey, the same in both themes. */
export function grey(value) {
  const level = Math.round(255 * Math.min(1, Math.max(0, value)));
  return `rgb(${level} ${level} ${level})`;
}

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

const KEYS = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
  Home: "home",
  End: "end",
  " ": "press",
  Enter: "press",
};

/** One picture of a figure: a caption and an SVG whose cells know their row and column. */
export class Panel {
  constructor(caption, { label, help, key, pick, hover, drag } = {}) {
    this.caption = h("p", { class: "cf-caption" }, caption);
    this.svg = s("svg", { class: "cf-svg", "aria-label": label ?? caption });
    this.node = h("div", { class: "cf-panel" }, this.caption, this.svg);
    if (key) {
      const id = `cf-help-${++serial}`;
      fill(this.svg, { tabindex: 0, role: "application", "aria-roledescription": "picture", "aria-describedby": id }, []);
      this.node.append(h("p", { class: "cf-key-help", id }, help ?? "Arrow keys move."));
      this.svg.addEventListener("keydown", (event) => {
        const name = KEYS[event.key];
        if (name && !event.ctrlKey && !event.metaKey && !event.altKey && key(name, event) !== false) event.preventDefault();
      });
    } else this.svg.setAttribute("role", "img");
    const place = (event) => {
      const cell = event.target.closest?.("[data-r]");
      return cell ? [Number(cell.dataset.r), Number(cell.dataset.c)] : null;
    };
    if (pick) this.svg.addEventListener("pointerdown", (event) => place(event) && pick(...place(event), event));
    if (hover) {
      // Drawing anew puts a new cell under a resting pointer: that is no new place.
      let last = "";
      this.svg.addEventListener("pointerover", (event) => {
        const at = place(event);
        if (!at || String(at) === last) return;
        last = String(at);
        hover(...at, event);
      });
      this.svg.addEventListener("pointerleave", () => (last = ""));
    }
    if (drag) this.listenToDrag(drag);
  }

  /** Call drag(dx, dy, phase) in units of the picture while the pointer is down. */
  listenToDrag(drag) {
    this.svg.classList.add("cf-drag");
    let from = null;
    const scale = () => this.svg.viewBox.baseVal.width / this.svg.getBoundingClientRect().width || 1;
    this.svg.addEventListener("pointerdown", (event) => {
      from = [event.clientX, event.clientY];
      this.svg.setPointerCapture(event.pointerId);
      drag(0, 0, "start", this.point(event));
    });
    this.svg.addEventListener("pointermove", (event) => {
      if (from) drag((event.clientX - from[0]) * scale(), (event.clientY - from[1]) * scale(), "move", this.point(event));
    });
    for (const name of ["pointerup", "pointercancel"]) this.svg.addEventListener(name, () => (from = null));
  }

  /** The pointer's place in units of the picture. */
  point(event) {
    const box = this.svg.getBoundingClientRect();
    const scale = this.svg.viewBox.baseVal.width / box.width || 1;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  draw(width, height, ...children) {
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", height);
    this.node.style.width = `min(100%, ${Math.max(width, 176)}px)`;
    this.svg.replaceChildren(...children.flat(3).filter(Boolean));
  }
}

/**
 * The cells of a grid. `cell(r, c)` returns {fill, text, classes} for each place; `x`, `y` is the top left corner.
 */
export function grid(rows, columns, size, cell, { x = 0, y = 0, gap = 1, font = 0.4 } = {}) {
  const nodes = [];
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const { fill: paint = "var(--course-paper)", text = "", classes = "" } = cell(r, c) ?? {};
      const group = s("g", { "data-r": r, "data-c": c, class: `cf-cell ${classes}` });
      const box = { x: x + c * size + gap / 2, y: y + r * size + gap / 2, width: size - gap, height: size - gap };
      group.append(s("rect", { ...box, rx: gap ? 3 : 0, style: `fill:${paint}` }));
      if (text !== "") {
        const at = { x: x + (c + 0.5) * size, y: y + (r + 0.5) * size, "font-size": size * font };
        group.append(s("text", at, String(text)));
      }
      nodes.push(group);
    }
  }
  return nodes;
}

/** A frame around places (r0, c0) to (r1, c1) of a grid, the last ones included. */
export function frame(r0, c0, r1, c1, size, { x = 0, y = 0, classes = "cf-frame" } = {}) {
  return s("rect", {
    x: x + c0 * size,
    y: y + r0 * size,
    width: (c1 - c0 + 1) * size,
    height: (r1 - r0 + 1) * size,
    rx: 4,
    class: classes,
  });
}

export class CourseFigure extends HTMLElement {
  connectedCallback() {
    if (this.state) return;
    const options = JSON.parse(this.dataset.options || "{}");
    this.state = { ...structuredClone(this.constructor.defaults), ...options };
    this.initial = structuredClone(this.state);
    this.refreshers = [];
    this.controls = h("div", { class: "cf-controls" });
    this.stage = h("div", { class: "cf-stage" });
    this.readout = h("div", { class: "cf-readout" });
    this.live = h("p", { class: "cf-live", role: "status" });
    this.replaceChildren(h("div", { class: "cf" }, this.controls, this.stage, this.readout, this.live));
    this.build();
    this.buttons = h("div", { class: "cf-buttons" });
    this.controls.append(this.buttons);
    this.addButtons?.();
    this.button("Reset", () => this.set(structuredClone(this.initial)), "quiet");
    this.update();
    this.dataset.ready = "";
  }

  disconnectedCallback() {
    this.stop?.();
  }

  set(changes) {
    Object.assign(this.state, changes);
    this.update();
  }

  update() {
    this.normalize?.();
    this.refreshers.forEach((refresh) => refresh());
    this.draw();
  }

  /** Say in words what is seen now: shown under the picture, and announced once the reader pauses. */
  say(text, ...extra) {
    this.readout.replaceChildren(h("p", { class: "cf-say" }, text), ...extra);
    clearTimeout(this.pending);
    const announce = () => (this.live.textContent = text);
    this.pending = setTimeout(announce, 500);
  }

  panel(caption, options) {
    const panel = new Panel(caption, options);
    this.stage.append(panel.node);
    return panel;
  }

  slider({ label, key, min, max, step = 1, format = (value) => show(value), get, put, into = this.controls }) {
    const id = `cf-${++serial}`;
    const read = get ?? (() => this.state[key]);
    const write = put ?? ((value) => this.set({ [key]: value }));
    const input = h("input", { type: "range", id, step, oninput: () => write(Number(input.value)) });
    const value = h("span", { class: "cf-value", "aria-hidden": "true" });
    into.append(h("div", { class: "cf-control" }, h("label", { for: id }, label), input, value));
    this.refreshers.push(() => {
      input.min = typeof min === "function" ? min() : min;
      input.max = typeof max === "function" ? max() : max;
      input.value = read();
      value.textContent = format(read());
      input.setAttribute("aria-valuetext", format(read()));
    });
    return input;
  }

  choice({ label, key, options, put, into = this.controls }) {
    const name = `cf-${++serial}`;
    const set = h("fieldset", { class: "cf-choice" }, h("legend", {}, label));
    const row = h("div", { class: "cf-choice-row" });
    for (const [value, text] of Object.entries(options)) {
      const input = h("input", {
        type: "radio",
        name,
        value,
        onchange: () => (put ? put(value) : this.set({ [key]: value })),
      });
      row.append(h("label", {}, input, h("span", {}, text)));
    }
    set.append(row);
    into.append(set);
    this.refreshers.push(() => {
      for (const input of set.querySelectorAll("input")) input.checked = input.value === String(this.state[key]);
    });
    return set;
  }

  toggle({ label, key, into = this.controls }) {
    const input = h("input", { type: "checkbox", onchange: () => this.set({ [key]: input.checked }) });
    const node = h("label", { class: "cf-toggle" }, input, h("span", {}, label));
    into.append(node);
    this.refreshers.push(() => (input.checked = Boolean(this.state[key])));
    return node;
  }

  button(label, action, style = "") {
    const node = h("button", { type: "button", class: `course-button ${style}`, onclick: action }, label);
    this.buttons.append(node);
    return node;
  }

  /** A small matrix of numbers that the reader edits; `read()` returns its rows, `write(r, c, value)` changes one. */
  matrix({ label, read, write, step = 1, into = this.controls }) {
    const set = h("fieldset", { class: "cf-matrix" }, h("legend", {}, label));
    const table = h("div", { class: "cf-matrix-grid" });
    set.append(table);
    into.append(set);
    this.refreshers.push(() => {
      const rows = read();
      const shape = `${rows.length}x${rows[0].length}`;
      if (table.dataset.shape !== shape) {
        table.dataset.shape = shape;
        table.style.setProperty("--columns", rows[0].length);
        table.replaceChildren(
          ...rows.flatMap((row, r) =>
            row.map((_, c) => {
              const input = h("input", {
                type: "number",
                step,
                "aria-label": `${label}, row ${r}, column ${c}`,
                oninput: () => {
                  const value = Number(input.value);
                  if (input.value !== "" && Number.isFinite(value)) write(r, c, value);
                },
                onblur: () => (input.value = read()[r][c]),
              });
              return input;
            }),
          ),
        );
      }
      [...table.children].forEach((input, index) => {
        const value = rows[Math.floor(index / rows[0].length)][index % rows[0].length];
        if (document.activeElement !== input || Number(input.value) !== value) input.value = value;
      });
    });
    return set;
  }

  /** Step and play through positions 0 ... count() - 1 of `key`. Nothing moves by itself where motion is to be reduced. */
  addPlayer(key, count, delay = 600) {
    const move = (by) => {
      const total = count();
      this.set({ [key]: (this.state[key] + by + total) % total });
    };
    this.button("Back", () => (this.stop(), move(-1)), "quiet");
    this.button("Step", () => (this.stop(), move(1)));
    const play = this.button("Play", () => (this.timer ? this.stop() : this.start()), "quiet");
    if (calm()) play.hidden = true;
    this.start = () => {
      play.textContent = "Pause";
      this.timer = setInterval(() => move(1), delay);
    };
    this.stop = () => {
      clearInterval(this.timer);
      this.timer = null;
      play.textContent = "Play";
    };
  }
}

/** Register the figure `name` as the element <course-name>. */
export function define(name, constructor) {
  customElements.define(`course-${name}`, constructor);
}
