/* The receptive field of a stack of layers along one axis. Same numbers as miniconv.motivation.receptive_field. */

import { convOutput } from "./shapes.js";
import { plural } from "./words.js";

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

/** In how many ways each input reaches unit `index`: the number of paths. */
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

/** What unit `index` of the last level sees, in words: its field, what of it is read, its neighbour, and the paths. */
export function describe(layers, length, index) {
  const { size, jump, start } = receptiveField(layers);
  const first = start + index * jump;
  const last = first + size - 1;
  const inside = Math.max(0, Math.min(length, last + 1) - Math.max(0, first));
  const ways = paths(layers, length, index);
  const read = ways.filter((way) => way > 0).length;
  const where = size === 1 ? `place ${first}` : `${size} places, from ${first} to ${last}`;
  const hidden = size - inside;
  const outside = hidden ? (size === 1 ? ", in the padding" : `, ${hidden} of them in the padding`) : "";
  const gaps = read < inside ? ` Of the ${plural(inside, "input")} there it reads only ${read}.` : "";
  return (
    `Unit ${index} at the top sees ${where}${outside}.${gaps}` +
    ` The field of its right neighbour begins ${plural(jump, "place")} further on. ${describePaths(ways)}`
  );
}

/** Which inputs most paths come from, in words. */
function describePaths(ways) {
  const read = ways.map((way, place) => ({ way, place })).filter(({ way }) => way > 0);
  if (read.length === 0) return "No path leads from an input to it.";
  const counts = read.map(({ way }) => way);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  if (read.length === 1) return `${plural(most, "path leads", "paths lead")} to it from input ${read[0].place}.`;
  if (least === most) return `From each of the ${read.length} inputs ${plural(most, "path leads", "paths lead")} to it.`;
  const top = read.filter(({ way }) => way === most).map(({ place }) => place);
  const places = top.length === 1 ? `input ${top[0]}` : `each of the inputs ${top.slice(0, -1).join(", ")} and ${top.at(-1)}`;
  return `Most paths, ${most}, lead to it from ${places}; fewest, ${least}, from ${plural(counts.filter((way) => way === least).length, "input")}.`;
}
