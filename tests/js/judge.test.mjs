/* Answers to self-checks. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { judge, readings } from "../../book/_static/self-check-judge.js";

test("numbers as people and the book write them", () => {
  const one = [
    ["9", 9], [" 0,5 ", 0.5], [".5", 0.5], ["1/4", 0.25], ["-1 / 3", -1 / 3], ["−2", -2], ["+2", 2],
    ["73728", 73728], ["73 728", 73728], ["73\u202f728", 73728], ["1,048,577,000", 1048577000], ["73,728.5", 73728.5],
    ["0,333", 0.333], ["2,5", 2.5], ["1,0485", 1.0485],
    ["1e3", 1000], ["7.4e4", 74000], ["7,4E4", 74000], ["7.4 × 10^4", 74000], ["7.4·10⁴", 74000], ["1e-3", 0.001], ["2 · 10⁻³", 0.002],
  ];
  for (const [text, value] of one) assert.deepEqual(readings(text), [value], text);
  assert.deepEqual(readings("73,728"), [73728, 73.728]);
  assert.deepEqual(readings("25 %"), [0.25, 25]);
  for (const text of ["", "nine", "1,2,3", "12,34,567", "1 2", "1/0", "1/2/3", "0x10", "Infinity", "5 pixels"]) {
    assert.deepEqual(readings(text), [], text);
  }
});

test("a comma is read as the question needs it", () => {
  const data = (answer, tolerance) => ({ kind: "number", answer, tolerance });
  assert.ok(judge(data("73728.0", "7e-5"), "73,728").right);
  assert.ok(!judge(data("73728.0", "7e-5"), "73,729").right);
  assert.ok(judge(data("2.303", "0.001"), "2,303").right);
  assert.ok(!judge(data("333.0", "3e-7"), "0,333").right);
  assert.ok(judge(data("73728.0", "500"), "7.4e4").right);
  assert.ok(!judge(data("73728.0", "7e-5"), "7.4e4").right, "no rounding where none is allowed");
  assert.ok(judge(data("0.75", "1e-9"), "75 %").right);
  assert.ok(judge(data("75.0", "1e-9"), "75 %").right);
});

test("every self-check of the book takes its number in each form that the book prints", () => {
  const book = new URL("../../book/", import.meta.url);
  const block = /^`{3,}\{self-check\}\n((?::.*\n)+)/gm;
  let seen = 0;
  for (const page of readdirSync(book).filter((name) => name.endsWith(".md"))) {
    for (const [, options] of readFileSync(new URL(page, book), "utf8").matchAll(block)) {
      const answer = options.match(/^:answer: *(.*)$/m)[1];
      if (options.includes(":choices:") || !/^-?\d[\d.]*$/.test(answer)) continue;
      const wanted = Number(answer);
      const tolerance = options.match(/^:tolerance: *(.*)$/m)?.[1] ?? 1e-9 * Math.max(1, Math.abs(wanted));
      const data = { kind: "number", answer, tolerance: String(tolerance) };
      const forms = [answer, wanted.toLocaleString("en-US", { maximumFractionDigits: 9 }), answer.replace(".", ","), wanted.toExponential()];
      for (const form of [...forms, forms[1].replaceAll(",", "\u202f")]) assert.ok(judge(data, form).right, `${page}: ${form}`);
      seen += 1;
    }
  }
  assert.ok(seen > 40);
});

test("a number within the tolerance is right", () => {
  const data = { kind: "number", answer: "0.3333", tolerance: "0.001" };
  assert.ok(judge(data, "1/3").right);
  assert.ok(!judge(data, "0.34").right);
  assert.match(judge(data, "-0.3333").hint, /sign/);
  assert.ok(judge(data, "many").empty);
  assert.ok(judge(data, "").empty);
});

test("a choice is right by its place, a word by its letters", () => {
  assert.ok(judge({ kind: "choice", answer: "0" }, "0").right);
  assert.ok(!judge({ kind: "choice", answer: "0" }, "1").right);
  assert.ok(judge({ kind: "choice", answer: "0" }, "").empty);
  assert.ok(judge({ kind: "text", answer: "Toeplitz" }, " toeplitz ").right);
  assert.ok(!judge({ kind: "text", answer: "Toeplitz" }, "circulant").right);
});
