/* Gabor functions, gratings, simple and complex cells. Same numbers as miniconv.visual_cortex. */

/** Sample f(along, across) on a grid, in a frame turned by `angle` (from the x axis towards y, which points down). */
function sample(size, angle, f, center = [0, 0]) {
  const middle = (size - 1) / 2;
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  return Array.from({ length: size }, (_, row) =>
    Array.from({ length: size }, (_, column) => {
      const x = column - middle - center[0];
      const y = row - middle - center[1];
      return f(x * cosine + y * sine, -x * sine + y * cosine);
    }),
  );
}

/** A plane wave under a Gaussian window; frequency in cycles per pixel, angles in radians, sigma in pixels. */
export function gabor(size, { frequency, angle, phase = 0, sigma = [2, 2], center = [0, 0], amplitude = 1 }) {
  return sample(
    size,
    angle,
    (along, across) =>
      amplitude *
      Math.exp(-((along / sigma[0]) ** 2 + (across / sigma[1]) ** 2) / 2) *
      Math.cos(2 * Math.PI * frequency * along + phase),
    center,
  );
}

/** A plane wave that fills the picture. */
export function grating(size, { frequency, angle, phase = 0 }) {
  return sample(size, angle, (along) => Math.cos(2 * Math.PI * frequency * along + phase));
}

/** The weighted sum of a picture: what a linear cell computes. */
export function response(kernel, picture) {
  let sum = 0;
  kernel.forEach((row, r) => row.forEach((weight, c) => (sum += weight * picture[r][c])));
  return sum;
}

/** The pair of a complex cell: a cosine and a sine under one window. */
export function quadraturePair(size, parameters) {
  return [gabor(size, { ...parameters, phase: 0 }), gabor(size, { ...parameters, phase: -Math.PI / 2 })];
}

/** sqrt(even^2 + odd^2): hardly depends on the phase of what is seen. */
export function complexResponse(pair, picture) {
  return Math.hypot(response(pair[0], picture), response(pair[1], picture));
}

/** The largest response of a kernel to gratings of one frequency, over all their phases, for each angle. */
export function tuningCurve(kernel, frequency, angles) {
  return angles.map((angle) => {
    const even = response(kernel, grating(kernel.length, { frequency, angle }));
    const odd = response(kernel, grating(kernel.length, { frequency, angle, phase: -Math.PI / 2 }));
    return Math.hypot(even, odd);
  });
}

/** The smallest and the largest of 72 answers of a simple and of a complex cell, while the bars of a grating move once through their cycle. */
export function overPhases(kernel, pair, { frequency, angle }) {
  const simple = [];
  const complex = [];
  for (let step = 0; step < 72; step += 1) {
    const picture = grating(kernel.length, { frequency, angle, phase: (2 * Math.PI * step) / 72 });
    simple.push(Math.max(0, response(kernel, picture)));
    complex.push(complexResponse(pair, picture));
  }
  const ends = (values) => ({ low: Math.min(...values), high: Math.max(...values) });
  return { simple: ends(simple), complex: ends(complex) };
}

/** (high - low) / (high + low): 0 for an answer that stays, 1 for one that falls silent; null where there is none. */
export function modulation({ low, high }, least = 1e-9) {
  return high > least ? (high - low) / (high + low) : null;
}
