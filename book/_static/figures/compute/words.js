/* Numbers and counts in the sentences of the figures. No page needed, so that sentences can be tested. */

/** A number for people: a true minus sign, at most `digits` decimals, no trailing zeros. */
export function show(value, digits = 2) {
  const text = String(Number(value.toFixed(digits)));
  return (text === "-0" ? "0" : text).replace("-", "−");
}

export const plural = (count, word, many = `${word}s`) => `${count} ${count === 1 ? word : many}`;

/** A product or a sum of products as text; negative factors behind the first stand in brackets. */
export const product = (a, b) => `${show(a)}·${b < 0 ? `(${show(b)})` : show(b)}`;
