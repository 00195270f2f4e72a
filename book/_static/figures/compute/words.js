/* Numbers and counts in the sentences of the figures. No page needed, so that sentences can be tested. */

/** A number for people: a true minus sign, at most `digits` decimals, no trailing zeros. */
export function show(value, digits = 2) {
  const text = String(Number(value.toFixed(digits)));
  return (text === "-0" ? "0" : text).replace("-", "−");
}

export const plural = (count, word, many = `${word}s`) => `${count} ${count === 1 ? word : many}`;

/** A list in words: "row 3", "rows 3, 7 and 8". */
export function named(values, word) {
  if (values.length < 2) return `${word} ${values.join()}`;
  return `${word}s ${values.slice(0, -1).join(", ")} and ${values.at(-1)}`;
}

/** A product or a sum of products as text; negative factors behind the first stand in brackets. */
export const product = (a, b) => `${show(a)}·${b < 0 ? `(${show(b)})` : show(b)}`;
