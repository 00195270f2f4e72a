/* Convolution and cross-correlation of small arrays (arrays of rows). Same numbers as miniconv.convolution and layer. */

import { convOutput, span } from "./shapes.js";
import { plural, product, show } from "./words.js";

export const zeros = (rows, columns) => Array.from({ length: rows }, () => new Array(columns).fill(0));

/** A kernel turned by half a circle: both axes reversed. */
export const flip = (kernel) => [...kernel].reverse().map((row) => [...row].reverse());

/** Cross-correlation y[p][q] = sum x[ps + id - pad][qs + jd - pad] w[i][j], what a layer computes. */
export function crossCorrelate(x, w, { stride = 1, padding = 0, dilation = 1 } = {}) {
  const rows = convOutput(x.length, w.length, stride, padding, dilation);
  const columns = convOutput(x[0].length, w[0].length, stride, padding, dilation);
  const y = zeros(rows, columns);
  for (let p = 0; p < rows; p++) {
    for (let q = 0; q < columns; q++) {
      for (const { r, c, i, j } of taps(p, q, w.length, w[0].length, { stride, padding, dilation })) {
        y[p][q] += (x[r]?.[c] ?? 0) * w[i][j];
      }
    }
  }
  return y;
}

/** Where output (p, q) reads: input place (r, c) under kernel place (i, j). */
export function taps(p, q, kernelRows, kernelColumns, { stride = 1, padding = 0, dilation = 1 } = {}) {
  const places = [];
  for (let i = 0; i < kernelRows; i++) {
    for (let j = 0; j < kernelColumns; j++) {
      places.push({ r: p * stride + i * dilation - padding, c: q * stride + j * dilation - padding, i, j });
    }
  }
  return places;
}

/** Convolution: cross-correlation with the flipped kernel. */
export function convolve(x, w, options) {
  return crossCorrelate(x, flip(w), options);
}

/** Transposed convolution: every input spreads the kernel, what overlaps adds. */
export function transpose(x, w, { stride = 1, padding = 0, dilation = 1 } = {}) {
  const rows = (x.length - 1) * stride - 2 * padding + span(w.length, dilation);
  const columns = (x[0].length - 1) * stride - 2 * padding + span(w[0].length, dilation);
  if (rows < 1 || columns < 1) throw new RangeError(`Padding ${padding} cuts the whole output away.`);
  const y = zeros(rows, columns);
  x.forEach((row, p) =>
    row.forEach((value, q) => {
      for (const { r, c, i, j } of taps(p, q, w.length, w[0].length, { stride, padding, dilation })) {
        if (r >= 0 && r < rows && c >= 0 && c < columns) y[r][c] += value * w[i][j];
      }
    }),
  );
  return y;
}

/** How often each output of a transposed convolution is painted by the first `inputs` of n x n inputs. */
export function strokes(inputs, n, kernel, options) {
  const x = zeros(n, n).map((row, p) => row.map((_, q) => (p * n + q < inputs ? 1 : 0)));
  const ones = zeros(kernel, kernel).map((row) => row.map(() => 1));
  return transpose(x, ones, options);
}

/** Zeros before an axis and number of outputs, for the modes of convolution. */
export function modeOf(n, k, mode) {
  if (mode === "full") return { before: k - 1, outputs: n + k - 1 };
  if (mode === "same") return { before: Math.floor(k / 2), outputs: n };
  if (k > n) throw new RangeError(`A kernel of ${k} does not fit into ${n}.`);
  return { before: 0, outputs: n - k + 1 };
}

/** Rows of the matrix of a 1-D convolution: T[t][a] = h[t - a]. */
export function matrix1d(h, n, mode = "full") {
  return matrix2d([h], [1, n], mode);
}

/** Rows of the matrix of a 2-D convolution of images of `shape`, raveled row by row. */
export function matrix2d(kernel, shape, mode = "full") {
  const [height, width] = shape;
  const [kh, kw] = [kernel.length, kernel[0].length];
  const vertical = first(height, kh, mode);
  const horizontal = first(width, kw, mode);
  const matrix = [];
  for (let p = 0; p < vertical.outputs; p++) {
    for (let q = 0; q < horizontal.outputs; q++) {
      const row = new Array(height * width).fill(0);
      for (let r = 0; r < height; r++) {
        for (let c = 0; c < width; c++) {
          row[r * width + c] = kernel[p + vertical.first - r]?.[q + horizontal.first - c] ?? 0;
        }
      }
      matrix.push(row);
    }
  }
  return matrix;
}

/** What the other operation gives at output (p, q), in words; valid, stride 1. `mode` is the operation in use. */
export function compareOperations(image, kernel, mode, [p, q]) {
  const [convolved, correlated] = [convolve(image, kernel), crossCorrelate(image, kernel)];
  const equal = (a, b) => a.flat().every((value, index) => Math.abs(value - b.flat()[index]) < 1e-9);
  if (equal(kernel, flip(kernel))) return "This kernel is the same when it is turned, so both operations give the same for every image.";
  if (equal(convolved, correlated)) return "The kernel changes when it is turned, but for this image both operations give the same.";
  const turns = mode === "convolution";
  return `${turns ? "Cross-correlation" : "Convolution"} gives ${show((turns ? correlated : convolved)[p][q])} here.`;
}

/** How row `row` of the matrix of a kernel makes its output from an input (arrays of rows): {sentence, sum}, in words. */
export function describeRow(kernel, input, mode, row) {
  const shape = [input.length, input[0].length];
  const weights = matrix2d(kernel, shape, mode)[row];
  // The same matrix for a kernel of ones marks the places where a tap meets the input, also a tap of 0.
  const meets = matrix2d(kernel.map((taps) => taps.map(() => 1)), shape, mode)[row];
  const count = meets.filter(Boolean).length;
  const all = kernel.flat().length;
  const zero = meets.filter((meet, index) => meet && weights[index] === 0).length;
  const columns = modeOf(shape[1], kernel[0].length, mode).outputs;
  const place = shape[0] === 1 ? row : `(${Math.floor(row / columns)}, ${row % columns})`;
  const sum = input.flat().reduce((total, value, index) => total + value * weights[index], 0);
  const terms = input.flat().flatMap((value, index) => (meets[index] ? [product(value, weights[index])] : []));
  const laid =
    count === all
      ? `the whole kernel, turned, lies on the input`
      : `the kernel hangs over, and ${count} of its ${plural(all, "tap")} ${count === 1 ? "meets" : "meet"} the input`;
  const none = zero ? `; ${plural(zero, "tap")} there ${zero === 1 ? "is" : "are"} 0` : "";
  return { sentence: `Row ${row} makes output ${place}: ${laid}${none}.`, sum: `${terms.join(" + ")} = ${show(sum)}` };
}

/** Index in "full" of the first output that a mode keeps. */
function first(n, k, mode) {
  const { outputs } = modeOf(n, k, mode);
  return { outputs, first: { full: 0, same: Math.floor((k - 1) / 2), valid: k - 1 }[mode] };
}
