/* Products of a layer. Same numbers as layer_products in book/experiments/algorithms.py. */

/** The smallest power of two that is at least `room`. */
export const powerOfTwo = (room) => 2 ** Math.ceil(Math.log2(room));

/** Transforms of images, of kernels and of outputs. */
export const transforms = (images, channels, filters) => images * channels + channels * filters + images * filters;

/** Real multiplications of a "same" layer of stride 1: by the definition, and by complex transforms of a period. */
export function layerProducts(images, channels, filters, side, kernel, period) {
  const size = period ** 2;
  const pairs = images * channels * filters;
  const one = 2 * size * Math.log2(size);
  return [pairs * side ** 2 * kernel ** 2, transforms(images, channels, filters) * one + 4 * pairs * size + 2 * images * filters * size];
}
