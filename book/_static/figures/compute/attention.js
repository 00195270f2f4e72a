/* Soft attention. Same numbers as miniconv.attention. */

/** exp(x) / sum exp(x), without overflow. */
export function softmax(scores) {
  const top = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - top));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

export const dot = (a, b) => a.reduce((sum, value, index) => sum + value * b[index], 0);

/** Scores q.k / (temperature sqrt(d)), weights and output for one query. Temperature 0 picks the largest score. */
export function attend(query, keys, values, temperature = 1) {
  const products = keys.map((key) => dot(query, key) / Math.sqrt(query.length));
  let weights;
  if (temperature === Infinity) weights = keys.map(() => 1 / keys.length);
  else if (temperature === 0) {
    const top = Math.max(...products);
    const winners = products.filter((product) => product === top).length;
    weights = products.map((product) => (product === top ? 1 / winners : 0));
  } else weights = softmax(products.map((product) => product / temperature));
  const output = values[0].map((_, axis) => values.reduce((sum, value, n) => sum + weights[n] * value[axis], 0));
  return { scores: products, weights, output };
}

/** Entropy of the weights in bits, and the number of equal weights that would have it. */
export function spread(weights) {
  const bits = weights.reduce((sum, weight) => (weight > 0 ? sum - weight * Math.log2(weight) : sum), 0);
  return { bits, effective: 2 ** bits };
}

/** The keys that have the largest weight: one, several that tie, or all. */
export function leaders(weights) {
  const top = Math.max(...weights);
  return weights.flatMap((weight, index) => (top - weight < 1e-9 ? [index] : []));
}
