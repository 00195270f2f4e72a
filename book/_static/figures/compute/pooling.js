/* Pooling of a small image (an array of rows), without padding. Same numbers as miniconv.pooling. */

import { poolOutput } from "./shapes.js";

export const POOLS = {
  max: (values) => Math.max(...values),
  average: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  l2: (values) => Math.hypot(...values),
};

/** Pool windows of `kernel` x `kernel`, every `stride` pixels. */
export function pool(image, kind, kernel, stride = kernel) {
  const rows = poolOutput(image.length, kernel, stride);
  const columns = poolOutput(image[0].length, kernel, stride);
  return Array.from({ length: rows }, (_, p) =>
    Array.from({ length: columns }, (_, q) => {
      const values = [];
      for (let i = 0; i < kernel; i++) for (let j = 0; j < kernel; j++) values.push(image[p * stride + i][q * stride + j]);
      return POOLS[kind](values);
    }),
  );
}

/** Move the content down and to the right; zeros come in. */
export function shift(image, down, right) {
  return image.map((row, r) => row.map((_, c) => image[r - down]?.[c - right] ?? 0));
}

/** Of the places where one of two arrays is not 0, how many there are and how many differ: empty ground tells nothing. */
export function compareInk(before, after, tolerance = 1e-12) {
  const pairs = before.flatMap((row, r) => row.map((value, c) => [value, after[r][c]]));
  const seen = pairs.filter(([a, b]) => a !== 0 || b !== 0);
  return { seen: seen.length, changed: seen.filter(([a, b]) => Math.abs(a - b) > tolerance).length };
}
