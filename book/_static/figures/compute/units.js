/* What excites units of a network: pictures as text, windows, and the sentence about a unit before and after training. */

import { show } from "./words.js";

const INK = "0123456789abcdefg";
const SIDE = 8;

/** A picture of 8 x 8 from its text, with values between 0 and 1. */
export const picture = (text) =>
  Array.from({ length: SIDE }, (_, r) => Array.from({ length: SIDE }, (__, c) => INK.indexOf(text[SIDE * r + c]) / 16));

/** Rows and columns that a unit of a layer (1, 2, ...) of 3 x 3 kernels sees from a place: first and last of each. */
export function windowOf(layer, place) {
  const clip = (value) => Math.max(0, Math.min(SIDE - 1, value));
  const [row, column] = [Math.floor(place / SIDE), place % SIDE];
  return [clip(row - layer), clip(column - layer), clip(row + layer), clip(column + layer)];
}

/** How many of these labels are the commonest one. */
export const commonest = (labels) => Math.max(...labels.map((label) => labels.filter((other) => other === label).length));

/** The commonest class among what excites a unit most, as a share, on average over units. */
export function purity(units, digits) {
  const shares = units.map((unit) => commonest(unit.digits.map((number) => digits[number][0])) / unit.digits.length);
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

/** What is to be said of unit `index` of a layer, before training and after: its window, what excites it, what ascent finds. */
export function sentence(layer, index, networks, digits) {
  const side = 2 * layer + 1;
  const part = (name) => {
    const { digits: numbers, values } = networks[name][layer - 1][index];
    const labels = numbers.map((number) => digits[number][0]);
    const most = commonest(labels);
    const same = most === 1 ? "no two of one class" : most === labels.length ? "all of one class" : `${most} of one class`;
    const factor = show(values.at(-1) / values[0], 2);
    return `the six digits that excite it most are ${labels.slice(0, -1).join(", ")} and ${labels.at(-1)}, ${same}; the picture that ascent found excites it ${factor} times as much as the first of them`;
  };
  const [before, after] = ["untrained", "trained"].map((name) => show(100 * purity(networks[name][layer - 1], digits), 0));
  return `Layer ${layer}, unit ${networks.trained[layer - 1][index].unit}: it sees a window of ${side} × ${side}${side > SIDE ? ", more than the picture" : ""}. Untrained, ${part("untrained")}. Trained, ${part("trained")}. Over the ${networks.trained[layer - 1].length} units shown of this layer, the commonest class makes up ${before} % of such digits before training and ${after} % after.`;
}
