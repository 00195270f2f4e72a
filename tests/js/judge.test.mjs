/* Answers to self-checks. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { judge, parseNumber } from "../../book/_static/self-check-judge.js";

test("numbers as people write them", () => {
  for (const [text, value] of [["9", 9], [" 0,5 ", 0.5], ["1/4", 0.25], ["−2", -2], ["1e3", 1000], ["25 %", 0.25]]) {
    assert.equal(parseNumber(text), value);
  }
  assert.ok(Number.isNaN(parseNumber("nine")));
  assert.ok(Number.isNaN(parseNumber("")));
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
