/* Judges an answer to a self-check. No page needed: tested on its own. */

/** The number written in `text` ("9", "-0,5", "1/3", "3e-4"), or NaN. */
export function parseNumber(text) {
  const clean = String(text).trim().replaceAll("−", "-").replace(/\s+/g, "").replace(/^(-?\d+),(\d+)$/, "$1.$2");
  const match = clean.match(/^([^/]+)\/([^/]+)$/);
  if (match) return Number(match[1]) / Number(match[2]);
  if (clean.endsWith("%")) return Number(clean.slice(0, -1)) / 100;
  return clean === "" ? NaN : Number(clean);
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
    const value = parseNumber(text);
    if (!Number.isFinite(value)) {
      return { right: false, empty: true, hint: "A number, please: 9, 0.25 or 1/4." };
    }
    const wanted = Number(data.answer);
    const right = Math.abs(value - wanted) <= Number(data.tolerance);
    const hint =
      value === -wanted && wanted !== 0 ? "The size is right, the sign is not." : "Not yet. Try again, or open the answer.";
    return { right, empty: false, hint };
  }
  const plain = (word) => word.toLowerCase().replace(/[\s.]+/g, " ").trim();
  return { right: plain(text) === plain(data.answer), empty: false, hint: "Not yet. Try again, or open the answer." };
}
