/* The receptive field of a stack of layers along one axis. Same numbers as miniconv.motivation.receptive_field. */

import { convOutput } from "./shapes.js";

/** layers: {kernel, stride, padding, dilation}. Returns size, jump, start as in miniconv, for the whole stack. */
export function receptiveField(layers) {
  return receptiveFields(layers).at(-1);
}

/** The same after no layer, after one, after two, ... */
export function receptiveFields(layers) {
  const fields = [{ size: 1, jump: 1, start: 0 }];
  for (const { kernel, stride = 1, padding = 0, dilation = 1 } of layers) {
    const { size, jump, start } = fields.at(-1);
    fields.push({
      size: size + (kernel - 1) * dilation * jump,
      jump: jump * stride,
      start: start - padding * jump,
    });
  }
  return fields;
}

/** Number of units on every level, the input first. */
export function sizes(layers, length) {
  const result = [length];
  for (const { kernel, stride = 1, padding = 0, dilation = 1 } of layers) {
    result.push(convOutput(result.at(-1), kernel, stride, padding, dilation));
  }
  return result;
}

/** For unit `index` of the last level: the set of units it depends on, on every level (the input first). */
export function cone(layers, length, index) {
  const counts = sizes(layers, length);
  const levels = [new Set([index])];
  for (let level = layers.length - 1; level >= 0; level--) {
    const { kernel, stride = 1, padding = 0, dilation = 1 } = layers[level];
    const below = new Set();
    for (const unit of levels[0]) {
      for (let tap = 0; tap < kernel; tap++) {
        const place = unit * stride - padding + tap * dilation;
        if (place >= 0 && place < counts[level]) below.add(place);
      }
    }
    levels.unshift(below);
  }
  return levels;
}

/** In how many ways each input reaches unit `index`: the number of paths, the weight of the input at the start of training. */
export function paths(layers, length, index) {
  const counts = sizes(layers, length);
  let ways = new Array(counts.at(-1)).fill(0);
  ways[index] = 1;
  for (let level = layers.length - 1; level >= 0; level--) {
    const { kernel, stride = 1, padding = 0, dilation = 1 } = layers[level];
    const below = new Array(counts[level]).fill(0);
    ways.forEach((way, unit) => {
      for (let tap = 0; tap < kernel && way; tap++) {
        const place = unit * stride - padding + tap * dilation;
        if (place >= 0 && place < counts[level]) below[place] += way;
      }
    });
    ways = below;
  }
  return ways;
}
