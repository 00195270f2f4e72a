/* <self-check>: a question with an answer that says why. What the reader answered stays in this browser. */

import { judge } from "./self-check-judge.js";

const PREFIX = "course:self-check:";

function recall(key) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + key));
  } catch {
    return null;
  }
}

function remember(key, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    /* Private windows may refuse: the check still answers. */
  }
}

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

class SelfCheck extends HTMLElement {
  connectedCallback() {
    if (this.form) return;
    const { kind, key } = this.dataset;
    this.details = this.querySelector("details");
    if (kind === "open") return;
    this.form = make("form", { class: "self-check-form", novalidate: "" });
    this.verdict = make("p", { class: "self-check-verdict", role: "status" });
    const question = this.querySelector(".self-check-question");
    question.id = `${this.id}-question`;
    if (kind === "choice") this.buildChoices(question.id);
    else this.buildField(question.id);
    const button = make("button", { type: "submit", class: "course-button" }, "Check");
    const reset = make("button", { type: "button", class: "course-button quiet" }, "Clear");
    reset.addEventListener("click", () => this.clear());
    this.form.append(make("span", { class: "self-check-buttons" }, button, reset));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.answer(this.value());
    });
    this.details.before(this.form, this.verdict);
    const kept = recall(key);
    if (kept) {
      this.put(kept.given);
      this.show(kept.given, false);
    }
  }

  buildField(labelId) {
    this.input = make("input", {
      type: "text",
      "aria-labelledby": labelId,
      autocomplete: "off",
      spellcheck: "false",
      class: "course-input",
    });
    if (this.dataset.kind === "number") this.input.setAttribute("inputmode", "text");
    this.form.append(this.input);
  }

  buildChoices(labelId) {
    const list = this.querySelector("ul.self-check-choices");
    const set = make("fieldset", { "aria-labelledby": labelId });
    [...list.children].forEach((item, index) => {
      // Named here: once formulas are drawn, their text is no longer found by every screen reader.
      const name = item.textContent.trim().replaceAll(/\\[()]/g, "");
      const radio = make("input", { type: "radio", name: this.dataset.key, value: index, "aria-label": name });
      const text = make("span");
      text.append(...(item.querySelector("p") ?? item).childNodes);
      set.append(make("label", {}, radio, text));
    });
    list.remove();
    this.form.append(set);
  }

  value() {
    if (this.input) return this.input.value;
    return this.form.querySelector("input:checked")?.value ?? "";
  }

  put(given) {
    if (this.input) this.input.value = given;
    else {
      const radio = this.form.querySelector(`input[value="${Number(given)}"]`);
      if (radio) radio.checked = true;
    }
  }

  answer(given) {
    const { right, empty } = judge(this.dataset, given);
    if (!empty) remember(this.dataset.key, { given, right });
    this.show(given, true);
    document.dispatchEvent(new CustomEvent("self-check", { detail: this.dataset.key }));
  }

  show(given, opening) {
    const { right, empty, hint } = judge(this.dataset, given);
    this.classList.toggle("right", right);
    this.classList.toggle("wrong", !right && !empty);
    this.verdict.textContent = right ? "Right." : hint;
    if (right && opening) this.details.open = true;
  }

  clear() {
    if (this.input) this.input.value = "";
    this.form.querySelectorAll("input:checked").forEach((radio) => (radio.checked = false));
    this.classList.remove("right", "wrong");
    this.verdict.textContent = "";
    this.details.open = false;
    remember(this.dataset.key, null);
    document.dispatchEvent(new CustomEvent("self-check", { detail: this.dataset.key }));
  }
}

customElements.define("self-check", SelfCheck);

/* The progress mark of a chapter: under its title, how many self-checks are answered right. */
function progress() {
  const checks = [...document.querySelectorAll("self-check[data-answer]")];
  const mark = document.querySelector(".self-check-progress");
  if (!mark) return;
  const right = checks.filter((check) => recall(check.dataset.key)?.right).length;
  mark.firstChild.textContent = `Self-checks: ${right} of ${checks.length} right`;
  mark.querySelectorAll("a").forEach((link, index) => {
    const kept = recall(checks[index].dataset.key);
    const state = kept ? (kept.right ? "right" : "wrong") : "open";
    const word = { right: "right", wrong: "not yet right", open: "not answered" }[state];
    link.className = state;
    link.title = `Self-check ${index + 1}: ${word}`;
    link.setAttribute("aria-label", link.title);
  });
}

progress();
document.addEventListener("self-check", progress);
