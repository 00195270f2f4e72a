/* Paths of four optimisers down one loss: a line fitted to examples with two features. Same steps as torch.optim. */

import { normal } from "./priors.js";

export const NAMES = ["sgd", "momentum", "adam", "adamw"];
const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];

const dot = (a, b) => a[0] * b[0] + a[1] * b[1];

/** 64 examples {x, y}: two features, one four times as large as the other, turned by 30 degrees; y is noisy. */
export function examples(count = 64, noise = 0.3) {
  const drawn = normal(3, 3 * count);
  const [cos, sin] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
  const x = Array.from({ length: count }, (_, i) => {
    const [large, small] = [1.2 * drawn[3 * i], 0.3 * drawn[3 * i + 1]];
    return [cos * large - sin * small, sin * large + cos * small];
  });
  return { x, y: x.map((features, i) => dot(features, [1, 0.5]) + noise * drawn[3 * i + 2]) };
}

/** Half the mean squared error of the weights w. */
export function loss({ x, y }, w) {
  return x.reduce((total, features, i) => total + (dot(features, w) - y[i]) ** 2, 0) / (2 * x.length);
}

/** The gradient of the loss over the examples of these numbers. */
export function gradient({ x, y }, w, rows = x.map((_, i) => i)) {
  const sum = [0, 0];
  for (const i of rows) {
    const miss = dot(x[i], w) - y[i];
    sum[0] += miss * x[i][0];
    sum[1] += miss * x[i][1];
  }
  return sum.map((value) => value / rows.length);
}

/** The smallest and the largest curvature of the loss: the eigenvalues of the features' second moments. */
export function curvatures({ x }) {
  const moment = (i, j) => x.reduce((total, features) => total + features[i] * features[j], 0) / x.length;
  const [a, b, d] = [moment(0, 0), moment(0, 1), moment(1, 1)];
  const [middle, half] = [(a + d) / 2, Math.hypot((a - d) / 2, b)];
  return [middle - half, middle + half];
}

/** The weights with the least loss. */
export function lowest(data) {
  const zero = gradient(data, [0, 0]);
  const [first, second] = [gradient(data, [1, 0]), gradient(data, [0, 1])].map((g) => [g[0] - zero[0], g[1] - zero[1]]);
  const determinant = first[0] * second[1] - first[1] * second[0];
  return [(second[0] * zero[1] - second[1] * zero[0]) / determinant, (first[1] * zero[0] - first[0] * zero[1]) / determinant];
}

/** The examples of each step: `batch` of them, the next ones in an order drawn anew for every round; all of them if it is no less. */
export function batches(count, batch, steps, seed = 5) {
  const all = Array.from({ length: count }, (_, i) => i);
  if (batch >= count) return Array.from({ length: steps }, () => all);
  const rows = [];
  for (let round = 0; rows.length < batch * steps; round++) {
    const keys = normal(seed + round, count);
    rows.push(...all.toSorted((i, j) => keys[i] - keys[j]));
  }
  return Array.from({ length: steps }, (_, step) => rows.slice(step * batch, (step + 1) * batch));
}

/** All places on the way: steps + 1 pairs of weights. `decay` pulls towards 0: through the gradient, by adamw beside it. */
export function path(data, name, { start, rate, momentum, batch, decay, steps }) {
  let w = [...start];
  const places = [w];
  const [velocity, first, second] = [[0, 0], [0, 0], [0, 0]];
  batches(data.x.length, batch, steps).forEach((rows, step) => {
    const beside = name === "adamw";
    const g = gradient(data, w, rows).map((value, i) => value + (beside ? 0 : decay * w[i]));
    w = w.map((value, i) => {
      if (name === "sgd") return value - rate * g[i];
      if (name === "momentum") {
        velocity[i] = momentum * velocity[i] + g[i];
        return value - rate * velocity[i];
      }
      first[i] = BETA1 * first[i] + (1 - BETA1) * g[i];
      second[i] = BETA2 * second[i] + (1 - BETA2) * g[i] ** 2;
      const [m, v] = [first[i] / (1 - BETA1 ** (step + 1)), second[i] / (1 - BETA2 ** (step + 1))];
      return value * (beside ? 1 - rate * decay : 1) - (rate * m) / (Math.sqrt(v) + EPSILON);
    });
    places.push(w);
  });
  return places;
}
