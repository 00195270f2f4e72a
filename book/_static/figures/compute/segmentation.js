/* Scores of a painted mask, 1 for the object. Same numbers as miniconv.structured_outputs. NaN where nothing counts. */

import { plural, show } from "./words.js";

/** How many pixels are marked, are the object's, are both, are either, and in how many mask and label agree. */
export function counts(mask, label) {
  const found = { marked: 0, object: 0, both: 0, either: 0, right: 0, pixels: 0 };
  mask.forEach((row, r) =>
    row.forEach((value, c) => {
      const other = label[r][c];
      found.marked += value;
      found.object += other;
      found.both += value && other;
      found.either += value || other;
      found.right += value === other ? 1 : 0;
      found.pixels += 1;
    }),
  );
  return found;
}

/** Where a pixel sees both labels within `width` pixels: true in the band along the borders. */
export function band(label, width) {
  return label.map((row, r) =>
    row.map((value, c) => {
      const near = label.slice(Math.max(0, r - width), r + width + 1).flatMap((line) => line.slice(Math.max(0, c - width), c + width + 1));
      return near.some((other) => other !== value);
    }),
  );
}

/** The four scores, with the counts that they are made of. */
export function scores(mask, label, width) {
  const found = counts(mask, label);
  const inside = band(label, width);
  const near = mask.flatMap((row, r) => row.map((value, c) => [inside[r][c], value === label[r][c]])).filter(([within]) => within);
  const nearRight = near.filter(([, right]) => right).length;
  return {
    ...found,
    near: near.length,
    nearRight,
    iou: found.both / found.either,
    dice: (2 * found.both) / (found.marked + found.object),
    share: found.right / found.pixels,
    border: nearRight / near.length,
  };
}

/** What a coarse map could say: blocks of `side` pixels, marked where at least half of the block is the object. */
export function blocks(label, side) {
  const mean = (r, c) => {
    const block = label.slice(r - (r % side), r - (r % side) + side).flatMap((row) => row.slice(c - (c % side), c - (c % side) + side));
    return block.reduce((sum, value) => sum + value, 0) / block.length;
  };
  return label.map((row, r) => row.map((_, c) => (mean(r, c) >= 0.5 ? 1 : 0)));
}

/** One pixel more all around where `value` is 1, one less where it is 0; a pixel has eight neighbours. */
export function grow(mask, value = 1) {
  const edge = band(mask, 1);
  return mask.map((row, r) => row.map((old, c) => (edge[r][c] ? value : old)));
}

/** The mask moved to the right; what comes in is unmarked. */
export const moved = (mask, by = 1) => mask.map((row) => row.map((_, c) => row[c - by] ?? 0));

/** What the scores say of a mask. */
export function sentence(mask, label, width) {
  const is = scores(mask, label, width);
  const ratio = (a, b) => `${a}/${b} = ${show(a / b, 3)}`;
  const overlap = is.either
    ? `${is.both} in both and ${is.either} in either: IoU ${ratio(is.both, is.either)}, Dice ${ratio(2 * is.both, is.marked + is.object)}. `
    : "IoU and Dice are 0/0: the object is in neither, and the picture is left out of their mean. ";
  const border = is.near
    ? `In the band of ${plural(width, "pixel")} ${ratio(is.nearRight, is.near)} are right.`
    : "There is no border, so the band is empty.";
  return (
    `${plural(is.marked, "pixel")} marked, ${plural(is.object, "pixel")} in the label; ${overlap}` +
    `Right pixels: ${ratio(is.right, is.pixels)}. ${border}`
  );
}
