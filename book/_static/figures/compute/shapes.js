/* Sizes of outputs along one axis. Same numbers as miniconv.shapes. */

/** Positions that a dilated kernel spans. */
export function span(kernel, dilation = 1) {
  return dilation * (kernel - 1) + 1;
}

/** floor((n + 2p - d(k - 1) - 1) / s) + 1, or an error that names the rule. */
export function convOutput(n, kernel, stride = 1, padding = 0, dilation = 1) {
  const room = n + 2 * padding - span(kernel, dilation);
  if (room < 0) {
    throw new RangeError(`The kernel spans ${span(kernel, dilation)}, the padded input only ${n + 2 * padding}.`);
  }
  return Math.floor(room / stride) + 1;
}

/** As convOutput, with the rule of ceil mode: a last window counts if it starts inside the input or the padding before it. */
export function poolOutput(n, kernel, stride = kernel, padding = 0, dilation = 1, ceil = false) {
  if (padding > Math.floor(kernel / 2)) {
    throw new RangeError(`Padding ${padding} is more than half the window of ${kernel}.`);
  }
  const room = n + 2 * padding - span(kernel, dilation);
  let count = Math.floor(room / stride) + 1;
  if (ceil) {
    count = Math.ceil(room / stride) + 1;
    if ((count - 1) * stride >= n + padding) count -= 1;
  }
  if (count < 1) {
    throw new RangeError(`The window spans ${span(kernel, dilation)}, the padded input only ${n + 2 * padding}.`);
  }
  return count;
}

/** (n - 1)s - 2p + d(k - 1) + output padding + 1: the size that the convolution would map to n. */
export function transposeOutput(n, kernel, stride = 1, padding = 0, outputPadding = 0, dilation = 1) {
  if (outputPadding >= Math.max(stride, dilation)) {
    throw new RangeError(`Output padding ${outputPadding} must be below the stride or the dilation.`);
  }
  const size = (n - 1) * stride - 2 * padding + span(kernel, dilation) + outputPadding;
  if (size < 1) throw new RangeError(`Padding ${padding} cuts the whole output away.`);
  return size;
}

/** Index of the input under the first tap of output `index`; below 0 it lies in the padding. */
export function windowStart(index, stride, padding) {
  return index * stride - padding;
}

/** The positions of an axis of n that none of the windows reads: after the last one, or in the gaps between two. */
export function unread(n, windows, kernel, stride = 1, padding = 0, dilation = 1) {
  const read = new Set();
  for (let index = 0; index < windows; index++) {
    for (let tap = 0; tap < kernel; tap++) read.add(windowStart(index, stride, padding) + tap * dilation);
  }
  return Array.from({ length: n }, (_, place) => place).filter((place) => !read.has(place));
}
