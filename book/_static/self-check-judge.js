/* Judges an answer to a self-check. No page needed: tested on its own. */

const GROUPED = String.raw`\d{1,3}(?:[, ]\d{3})+`; // 73,728 or 73 728
const PLAIN = String.raw`\d+(?:[.,]\d*)?|[.,]\d+`;
const POWER = String.raw`\s*(?:e|[·×*x]\s*10\s*\^?)\s*([+-]?\d+)`;
const NUMBER = new RegExp(`^([+-]?)(?:(${GROUPED})(\\.\\d+)?|(${PLAIN}))(?:${POWER})?$`, "i");
const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺";
const FLAT = "0123456789-+";

/**
 * The numbers that `text` may stand for, none if it is no number. "73,728" has two readings, since a comma before three
 * digits groups thousands for some and begins the decimals for others; "75 %" is 0.75, and 75 where percent are asked for.
 */
export function readings(text) {
  const clean = [...String(text).trim()]
    .map((letter) => FLAT[RAISED.indexOf(letter)] ?? letter)
    .join("")
    .replace(/[−–]/g, "-")
    .replace(/\s+/g, " ");
  if (clean.endsWith("%")) return readings(clean.slice(0, -1)).flatMap((value) => [value / 100, value]);
  const parts = clean.split("/");
  if (parts.length === 2) {
    const [above, below] = parts.map(readings);
    return above.flatMap((a) => below.map((b) => a / b)).filter(Number.isFinite);
  }
  const match = clean.match(NUMBER);
  if (!match) return [];
  const [, sign, grouped, decimals = "", plain, power = "0"] = match;
  const digits = grouped ? [grouped.replace(/[, ]/g, "") + decimals] : [plain.replace(",", ".")];
  if (grouped && !decimals && /^\d+,\d+$/.test(grouped)) {
    if (grouped.startsWith("0")) digits.pop(); // 0,333 is no thousand
    digits.push(grouped.replace(",", "."));
  }
  return digits.map((number) => Number(`${sign}${number}e${power}`)).filter(Number.isFinite);
}

/** What is to be said about `given`: {right, empty, hint}. `data` holds kind, answer, tolerance as strings. */
export function judge(data, given) {
  const text = String(given ?? "").trim();
  if (text === "") {
    const hint = data.kind === "choice" ? "Choose one first." : "Write an answer first.";
    return { right: false, empty: true, hint };
  }
  if (data.kind === "choice") {
    const right = Number(text) === Number(data.answer);
    return { right, empty: false, hint: "Not that one. Choose again, or open the answer." };
  }
  if (data.kind === "number") {
    const values = readings(text);
    if (values.length === 0) {
      return { right: false, empty: true, hint: "A number, please: 9, 0.25, 1/4 or 7,850." };
    }
    const wanted = Number(data.answer);
    const near = (value) => Math.abs(value - wanted) <= Number(data.tolerance);
    const right = values.some(near);
    const turned = values.some((value) => near(-value));
    const hint = turned ? "The size is right, the sign is not." : "Not yet. Try again, or open the answer.";
    return { right, empty: false, hint };
  }
  const plain = (word) => word.toLowerCase().replace(/[\s.]+/g, " ").trim();
  return { right: plain(text) === plain(data.answer), empty: false, hint: "Not yet. Try again, or open the answer." };
}
