/* Kernels as sums of outer products. Singular values by one-sided Jacobi rotations; the same as numpy's. */

import { gabor } from "./gabor.js";
import { plural, show } from "./words.js";

/** {columns, values, rows} with matrix = sum of values[r] * columns[r] * rows[r]^T, the largest value first. */
export function decompose(matrix) {
  const size = matrix[0].length;
  const a = Array.from({ length: size }, (_, c) => matrix.map((row) => row[c])); // by columns
  const v = a.map((_, c) => a.map((__, r) => (r === c ? 1 : 0)));
  for (let turned = true, sweep = 0; turned && sweep < 60; sweep++) {
    turned = false;
    for (let p = 0; p < size - 1; p++) {
      for (let q = p + 1; q < size; q++) {
        const [alpha, beta, gamma] = [dot(a[p], a[p]), dot(a[q], a[q]), dot(a[p], a[q])];
        if (Math.abs(gamma) <= 1e-15 * Math.sqrt(alpha * beta) || gamma === 0) continue;
        turned = true;
        const zeta = (beta - alpha) / (2 * gamma);
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        rotate(a, p, q, t);
        rotate(v, p, q, t);
      }
    }
  }
  const lengths = a.map((column) => Math.sqrt(dot(column, column)));
  const order = lengths.map((_, i) => i).sort((i, j) => lengths[j] - lengths[i]);
  return {
    columns: order.map((i) => a[i].map((value) => (lengths[i] ? value / lengths[i] : 0))),
    values: order.map((i) => lengths[i]),
    rows: order.map((i) => v[i]),
  };
}

const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);

/** Turn two columns by the angle whose tangent is t. */
function rotate(columns, p, q, t) {
  const cosine = 1 / Math.hypot(1, t);
  const [x, y] = [columns[p], columns[q]];
  columns[p] = x.map((value, i) => cosine * (value - t * y[i]));
  columns[q] = y.map((value, i) => cosine * (value + t * x[i]));
}

/** One term of the sum, as a matrix. */
export const term = ({ columns, values, rows }, r) => columns[r].map((x) => rows[r].map((y) => values[r] * x * y));

/** The nearest kernel of a rank: the first terms of the sum. */
export function nearest(parts, rank) {
  const zero = parts.columns[0].map(() => parts.rows[0].map(() => 0));
  return parts.values.slice(0, rank).reduce((sum, _, r) => plus(sum, term(parts, r), 1), zero);
}

/** a + factor * b, for matrices. */
export const plus = (a, b, factor) => a.map((row, i) => row.map((value, j) => value + factor * b[i][j]));

/** What a rank misses, as a share of the kernel's length. */
export function missed({ values }, rank) {
  const energy = (list) => list.reduce((sum, value) => sum + value ** 2, 0);
  return Math.sqrt(energy(values.slice(rank)) / energy(values));
}

/** How many singular values are not zero, up to rounding. */
export const rankOf = ({ values }) => values.filter((value) => value > 1e-9 * values[0]).length;

/** The kernel of a name: k x k, an angle in degrees for the Gabor function. */
export function kernelOf(name, k, angle = 0) {
  const middle = (k - 1) / 2;
  const fill = (f) => Array.from({ length: k }, (_, r) => Array.from({ length: k }, (__, c) => f(r - middle, c - middle)));
  const shapes = {
    blur: () => fill((y, x) => Math.exp(-(x ** 2 + y ** 2) / (k / 2.2) ** 2)),
    gabor: () => gabor(k, { frequency: 1.4 / k, angle: (angle * Math.PI) / 180, phase: -Math.PI / 2, sigma: [k / 4, k / 4] }),
    disc: () => fill((y, x) => (Math.hypot(x, y) <= middle + 0.3 ? 1 : 0)),
    diagonal: () => fill((y, x) => (x === y ? 1 : 0)),
    noise: () => fill((y, x) => Math.sin(12.9898 * (x + middle + 1) + 78.233 * (y + middle + 1) ** 2) * Math.cos(4.1 * x * y + 1)),
  };
  return shapes[name]();
}

/** What is to be said of a rank: what it misses, and what it costs beside the definition. */
export function sentence(parts, rank) {
  const k = parts.values.length;
  const [direct, passes] = [k * k, 2 * k * rank];
  const full = rankOf(parts);
  const error = missed(parts, rank);
  const misses = rank >= full ? "is exact, up to rounding" : `misses ${show(100 * error, 1)} % of the kernel's length`;
  const cost = passes < direct ? `${show(100 * (1 - passes / direct), 0)} % fewer than` : passes === direct ? "as many as" : "more than";
  return (
    `This kernel of ${k} × ${k} has rank ${full}. A sum of ${plural(rank, "outer product")} ${misses}. ` +
    `Its two passes take ${rank} · (${k} + ${k}) = ${plural(passes, "product")} for each output, ${cost} the ${direct} of the definition.`
  );
}
