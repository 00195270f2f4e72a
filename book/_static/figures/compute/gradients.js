/* What the gradients of a layer are made of. Same numbers as miniconv.gradients and miniconv.pooling. */

import { taps, zeros } from "./convolution.js";
import { convOutput } from "./shapes.js";

/** Gradients of a cross-correlation layer: for its input and for its weights, given the gradient for its output. */
export function convBackward(grad, x, w, options = {}) {
  const gradX = zeros(x.length, x[0].length);
  const gradW = zeros(w.length, w[0].length);
  grad.forEach((row, p) =>
    row.forEach((g, q) => {
      for (const { r, c, i, j } of taps(p, q, w.length, w[0].length, options)) {
        if (r < 0 || r >= x.length || c < 0 || c >= x[0].length) continue;
        gradX[r][c] += g * w[i][j];
        gradW[i][j] += g * x[r][c];
      }
    }),
  );
  return { gradX, gradW };
}

/** The terms of the gradient for input (r, c): every output (p, q) that read it, through which weight. */
export function termsOfInput(r, c, shape, kernelShape, options = {}) {
  const terms = [];
  const { stride = 1, padding = 0, dilation = 1 } = options;
  const rows = convOutput(shape[0], kernelShape[0], stride, padding, dilation);
  const columns = convOutput(shape[1], kernelShape[1], stride, padding, dilation);
  for (let p = 0; p < rows; p++) {
    for (let q = 0; q < columns; q++) {
      for (const tap of taps(p, q, kernelShape[0], kernelShape[1], options)) {
        if (tap.r === r && tap.c === c) terms.push({ p, q, i: tap.i, j: tap.j });
      }
    }
  }
  return terms;
}

/** Gradient of max pooling for its input: the first largest of each window takes all; where windows overlap, gradients add. */
export function maxPoolBackward(grad, x, kernel, stride) {
  const gradX = zeros(x.length, x[0].length);
  grad.forEach((row, p) =>
    row.forEach((g, q) => {
      const { r, c } = winner(x, p, q, kernel, stride);
      gradX[r][c] += g;
    }),
  );
  return gradX;
}

/** The place of the first largest value in window (p, q). */
export function winner(x, p, q, kernel, stride) {
  let best = { r: p * stride, c: q * stride };
  for (const { r, c } of taps(p, q, kernel, kernel, { stride })) if (x[r][c] > x[best.r][best.c]) best = { r, c };
  return best;
}

/** Gradient of average pooling for its input: an equal share for everyone in the window. */
export function averagePoolBackward(grad, x, kernel, stride) {
  const gradX = zeros(x.length, x[0].length);
  grad.forEach((row, p) =>
    row.forEach((g, q) => {
      for (const { r, c } of taps(p, q, kernel, kernel, { stride })) gradX[r][c] += g / kernel ** 2;
    }),
  );
  return gradX;
}
