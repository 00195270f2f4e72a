/* A dense layer under a penalty that pulls it towards the convolutions. Same numbers as miniconv.priors.
   A layer from a signal of n pixels to n - k + 1 outputs is a matrix: an array of rows. */

const zeros = (rows, columns) => Array.from({ length: rows }, () => new Array(columns).fill(0));
const sum = (values) => values.reduce((total, value) => total + value, 0);

/** The layer that slides `kernel` over n pixels. */
export function correlationMatrix(kernel, n) {
  const matrix = zeros(n - kernel.length + 1, n);
  matrix.forEach((row, r) => kernel.forEach((value, k) => (row[r + k] = value)));
  return matrix;
}

/** The convolution nearest to a layer: the mean of every diagonal of the band. */
export function project(matrix) {
  const size = matrix[0].length - matrix.length + 1;
  const kernel = Array.from({ length: size }, (_, k) => sum(matrix.map((row, r) => row[r + k])) / matrix.length);
  return correlationMatrix(kernel, matrix[0].length);
}

/** A - B. */
export function subtract(a, b) {
  return a.map((row, r) => row.map((value, c) => value - b[r][c]));
}

/** The sum of the squared entries. */
export function squares(matrix) {
  return sum(matrix.flat().map((value) => value * value));
}

/** Solve M z = b by elimination; the largest entry of a column is its pivot. */
function solve(matrix, right) {
  const rows = matrix.map((row, r) => [...row, right[r]]);
  const n = rows.length;
  for (let c = 0; c < n; c++) {
    const best = rows.slice(c).reduce((found, row, i) => (Math.abs(row[c]) > Math.abs(rows[found][c]) ? c + i : found), c);
    [rows[c], rows[best]] = [rows[best], rows[c]];
    if (Math.abs(rows[c][c]) < 1e-12) throw new Error("There are too few examples to fit this layer.");
    for (let r = c + 1; r < n; r++) {
      const share = rows[r][c] / rows[c][c];
      if (share) for (let j = c; j <= n; j++) rows[r][j] -= share * rows[c][j];
    }
  }
  const solution = new Array(n).fill(0);
  for (let r = n - 1; r >= 0; r--) {
    solution[r] = (rows[r][n] - sum(solution.map((value, c) => (c > r ? rows[r][c] * value : 0)))) / rows[r][r];
  }
  return solution;
}

/**
 * The matrix A with the least mean of |A x - y|^2 plus strength times |A - P(A)|^2.
 *
 * `x` holds the examples' pixels, at least as many examples as pixels, `y` their outputs. Strength 0 is least squares,
 * Infinity the best convolution.
 */
export function fitWithConvPrior(x, y, strength) {
  const [n, outputs] = [x[0].length, y[0].length];
  const size = n - outputs + 1;
  const second = zeros(n, n).map((row, i) => row.map((_, j) => sum(x.map((example) => example[i] * example[j])) / x.length));
  const cross = zeros(outputs, n).map((row, r) => row.map((_, i) => sum(x.map((example, s) => example[i] * y[s][r])) / x.length));
  if (strength === Infinity) {
    const normal = zeros(size, size).map((row, k) => row.map((_, l) => sum(cross.map((_, r) => second[r + k][r + l]))));
    const kernel = solve(normal, normal.map((_, k) => sum(cross.map((row, r) => row[r + k]))));
    return correlationMatrix(kernel, n);
  }
  // A's entries, row by row. The gradient of the penalty is that of |A|^2 less that of |P(A)|^2.
  const matrix = zeros(outputs * n, outputs * n);
  for (let r = 0; r < outputs; r++) {
    for (let i = 0; i < n; i++) {
      const place = r * n + i;
      for (let j = 0; j < n; j++) matrix[place][r * n + j] += second[i][j];
      matrix[place][place] += strength;
      const tap = i - r;
      if (tap >= 0 && tap < size) for (let q = 0; q < outputs; q++) matrix[place][q * n + q + tap] -= strength / outputs;
    }
  }
  const flat = solve(matrix, cross.flat());
  return zeros(outputs, n).map((row, r) => flat.slice(r * n, (r + 1) * n));
}

/** The mean of (A x - y)^2 over examples and outputs. */
export function trainingError(matrix, x, y) {
  const gaps = x.map((example, s) => matrix.map((row, r) => sum(row.map((value, i) => value * example[i])) - y[s][r]));
  return squares(gaps) / (x.length * y[0].length);
}

/** The error to be expected on new white pictures, whose targets are truth times pixels, plus noise of this variance. */
export function expectedError(matrix, truth, noise) {
  return squares(subtract(matrix, truth)) / matrix.length + noise;
}

/** Independent numbers of mean 0 and variance 1, always the same for a seed. */
export function normal(seed, count) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()));
}

/** What is true in a world, and `examples` noisy examples of it, on n pixels with a kernel of three. */
export function world(kind, examples, n = 6, noise = 1) {
  const kernel = [1.5, -1, 0.5];
  const outputs = n - kernel.length + 1;
  const truth = correlationMatrix(kernel, n);
  if (kind === "place") {
    const own = normal(3, outputs * kernel.length);
    truth.forEach((row, r) => kernel.forEach((_, k) => (row[r + k] = 1.5 * own[r * kernel.length + k])));
  }
  const rows = (values, width) => Array.from({ length: examples }, (_, s) => values.slice(s * width, (s + 1) * width));
  const x = rows(normal(1, examples * n), n);
  const errors = rows(normal(2, examples * outputs), outputs);
  const y = x.map((example, s) => truth.map((row, r) => sum(row.map((value, i) => value * example[i])) + Math.sqrt(noise) * errors[s][r]));
  return { truth, x, y, noise };
}

/** How far a layer is from a convolution: its largest entry outside the band, and the widest spread along a diagonal. */
export function departures(matrix) {
  const size = matrix[0].length - matrix.length + 1;
  const inside = (r, c) => c >= r && c < r + size;
  const outside = Math.max(0, ...matrix.flatMap((row, r) => row.filter((_, c) => !inside(r, c)).map(Math.abs)));
  const diagonals = Array.from({ length: size }, (_, k) => matrix.map((row, r) => row[r + k]));
  return { outside, along: Math.max(...diagonals.map((values) => Math.max(...values) - Math.min(...values))) };
}
