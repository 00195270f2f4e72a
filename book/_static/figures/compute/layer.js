/* A convolution layer on one image of several channels (arrays of planes of rows). Same numbers as miniconv.layer. */

import { crossCorrelate, taps } from "./convolution.js";

/** The block of the image that output (p, q) reads, a slice per channel; zeros where it hangs over the border. */
export function block(x, p, q, kernel, options = {}) {
  return x.map((plane) => {
    const slice = Array.from({ length: kernel }, () => new Array(kernel).fill(0));
    for (const { r, c, i, j } of taps(p, q, kernel, kernel, options)) slice[i][j] = plane[r]?.[c] ?? 0;
    return slice;
  });
}

/** How many numbers of that block lie in the padding. */
export function inPadding(x, p, q, kernel, options = {}) {
  return x.length * taps(p, q, kernel, kernel, options).filter(({ r, c }) => x[0][r]?.[c] === undefined).length;
}

/** The sum of a block times a filter, slice by slice: what each input channel adds to the output. */
export function slices(window, filter) {
  return window.map((slice, c) => slice.flat().reduce((sum, value, at) => sum + value * filter[c].flat()[at], 0));
}

/** The output maps: each filter's slices, laid over their planes and added up. */
export function layer(x, weight, options = {}) {
  return weight.map((filter) => {
    const maps = x.map((plane, c) => crossCorrelate(plane, filter[c], options));
    return maps[0].map((row, p) => row.map((_, q) => maps.reduce((sum, map) => sum + map[p][q], 0)));
  });
}

/** Every window as a column: row c k k + i k + j, one column per place of the output, row by row. */
export function unfold(x, kernel, [rows, columns], options = {}) {
  const windows = [];
  for (let p = 0; p < rows; p++) {
    for (let q = 0; q < columns; q++) windows.push(block(x, p, q, kernel, options).flat(2));
  }
  return windows[0].map((_, element) => windows.map((window) => window[element]));
}

/** What the layer costs: its weights, the products of one output, all multiply-adds, the numbers in the columns. */
export function cost(channels, filters, kernel, places) {
  const products = channels * kernel ** 2;
  return { products, weights: filters * products, multiplyAdds: filters * places * products, columns: products * places };
}
