/* Hand values of the modules that compute what the figures show. `node --test tests/js` */

import assert from "node:assert/strict";
import { test } from "node:test";

import { attend, leaders, softmax, spread } from "../../book/_static/figures/compute/attention.js";
import { convolve, crossCorrelate, flip, matrix1d, matrix2d, modeOf, strokes, transpose } from "../../book/_static/figures/compute/convolution.js";
import { complexResponse, gabor, grating, modulation, overPhases, quadraturePair, response, tuningCurve } from "../../book/_static/figures/compute/gabor.js";
import { averagePoolBackward, convBackward, maxPoolBackward, termsOfInput, winner } from "../../book/_static/figures/compute/gradients.js";
import { block, cost, inPadding, layer, slices, unfold } from "../../book/_static/figures/compute/layer.js";
import { compareInk, pool, shift } from "../../book/_static/figures/compute/pooling.js";
import { departures, expectedError, fitWithConvPrior, project, squares, trainingError, world } from "../../book/_static/figures/compute/priors.js";
import { decompose, kernelOf, missed, nearest, rankOf, sentence as ofRank } from "../../book/_static/figures/compute/rank.js";
import { cone, paths, receptiveField, sizes } from "../../book/_static/figures/compute/receptive.js";
import { band, blocks, grow, moved, scores, sentence as ofMask } from "../../book/_static/figures/compute/segmentation.js";
import { convOutput, poolOutput, span, transposeOutput, unread, windowStart } from "../../book/_static/figures/compute/shapes.js";
import { commonest, picture, windowOf } from "../../book/_static/figures/compute/units.js";

const near = (a, b, tolerance = 1e-12) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

test("sizes by hand", () => {
  assert.equal(span(3, 2), 5);
  assert.equal(convOutput(7, 3, 2, 1), 4);
  assert.equal(poolOutput(5, 2, 2, 0, 1, false), 2);
  assert.equal(poolOutput(5, 2, 2, 0, 1, true), 3);
  assert.equal(transposeOutput(4, 3, 2, 1, 1), 8);
  assert.equal(windowStart(2, 3, 1), 5);
});

test("ceil mode drops a window that would start beyond the input", () => {
  assert.equal(poolOutput(3, 2, 2, 1, 1, true), 2);
});

test("what does not fit is refused, with the rule", () => {
  assert.throws(() => convOutput(2, 5), /spans 5/);
  assert.throws(() => poolOutput(8, 2, 2, 2), /half the window/);
  assert.throws(() => transposeOutput(3, 3, 1, 0, 1), /Output padding/);
  assert.throws(() => transposeOutput(1, 1, 1, 1), /cuts/);
});

test("what no window reads lies behind the last one, or between two", () => {
  assert.deepEqual(unread(6, 3, 3, 2, 1), []);
  assert.deepEqual(unread(9, 2, 3, 4), [3, 7, 8]);
  assert.deepEqual(unread(5, 1, 2, 1, 0, 3), [1, 2, 4]);
  assert.deepEqual(unread(1, 3, 1, 3, 4), [0]);
});

test("a layer adds over its channels", () => {
  const x = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]];
  const weight = [[[[1, 0], [0, -1]], [[2, 1], [0, 0]]]];
  assert.deepEqual(layer(x, weight), [[[13]]]);
  assert.deepEqual(block(x, 0, 0, 2, { padding: 1 }), [[[0, 0], [0, 1]], [[0, 0], [0, 5]]]);
  assert.equal(inPadding(x, 0, 0, 2, { padding: 1 }), 6);
  assert.deepEqual(slices(x, weight[0]), [-3, 16]);
  assert.deepEqual(unfold(x, 1, [2, 2]), [[1, 2, 3, 4], [5, 6, 7, 8]]);
  assert.deepEqual(cost(3, 2, 3, 9), { products: 27, weights: 54, multiplyAdds: 486, columns: 243 });
});

test("convolution flips, cross-correlation does not", () => {
  const image = [[0, 0, 0], [0, 1, 0], [0, 0, 0]];
  const kernel = [[1, 2], [3, 4]];
  assert.deepEqual(convolve(image, kernel), kernel);
  assert.deepEqual(crossCorrelate(image, kernel), flip(kernel));
});

test("strokes add up, and are even where the stride divides the kernel", () => {
  const at = (inputs, kernel) => strokes(inputs, 3, kernel, { stride: 2 })[2];
  assert.deepEqual(at(1, 3), [1, 1, 1, 0, 0, 0, 0]);
  assert.deepEqual(at(2, 3), [1, 1, 2, 1, 1, 0, 0]);
  assert.deepEqual(at(9, 3), [2, 2, 4, 2, 4, 2, 2]);
  assert.deepEqual(at(9, 4), [2, 2, 4, 4, 4, 4, 2, 2]);
});

test("a transposed convolution adds where kernels overlap", () => {
  assert.deepEqual(transpose([[1, 1]], [[1, 1]]), [[1, 2, 1]]);
  assert.deepEqual(transpose([[1, 2]], [[1, 1]], { stride: 2 }), [[1, 1, 2, 2]]);
});

test("matrices by hand", () => {
  assert.deepEqual(matrix1d([1, 2], 3, "full"), [[1, 0, 0], [2, 1, 0], [0, 2, 1], [0, 0, 2]]);
  assert.deepEqual(matrix2d([[1, 2], [3, 4]], [2, 3], "valid"), [[4, 3, 0, 2, 1, 0], [0, 4, 3, 0, 2, 1]]);
  assert.equal(modeOf(5, 3, "same").outputs, 5);
  assert.throws(() => modeOf(2, 3, "valid"), /does not fit/);
});

test("receptive fields by hand", () => {
  const layers = [{ kernel: 3, padding: 1 }, { kernel: 2, stride: 2 }, { kernel: 3, padding: 1 }];
  assert.deepEqual(receptiveField(layers), { size: 8, jump: 2, start: -3 });
  assert.deepEqual(sizes(layers, 16), [16, 16, 8, 8]);
  assert.deepEqual([...cone(layers, 16, 0)[0]].sort((a, b) => a - b), [0, 1, 2, 3, 4]);
  assert.deepEqual(paths([{ kernel: 3 }, { kernel: 3 }], 5, 0), [1, 2, 3, 2, 1]);
});

test("pooling, shifting, comparing", () => {
  const image = [[1, 2], [3, 4]];
  assert.deepEqual(pool(image, "max", 2), [[4]]);
  assert.deepEqual(pool(image, "average", 2), [[2.5]]);
  near(pool(image, "l2", 2)[0][0], Math.sqrt(30));
  assert.deepEqual(shift(image, 1, 0), [[0, 0], [1, 2]]);
  assert.deepEqual(compareInk([[0, 1, 0, 2]], [[0, 1, 3, 0]]), { seen: 3, changed: 2 });
  assert.deepEqual(compareInk([[0, 0]], [[0, 0]]), { seen: 0, changed: 0 });
});

test("the nearest convolution, and the layer between it and the data", () => {
  assert.deepEqual(project([[1, 5, 9], [0, 3, 7]]), [[2, 6, 0], [0, 2, 6]]);
  assert.deepEqual(departures([[1, 5, 9], [0, 3, 7]]), { outside: 9, along: 2 });
  assert.deepEqual(departures([[1, 2, 0], [0, 1, 2]]), { outside: 0, along: 0 });
  const [x, y] = [[[1, 0], [0, 1]], [[2, 0], [0, 4]]];
  assert.deepEqual(fitWithConvPrior(x, y, 0), [[2, 0], [0, 4]]);
  assert.deepEqual(fitWithConvPrior(x, y, Infinity), [[3, 0], [0, 3]]);
  assert.equal(trainingError([[3, 0], [0, 3]], x, y), 0.5);
  assert.equal(expectedError([[3, 0], [0, 3]], [[2, 0], [0, 4]], 1), 2);
  assert.throws(() => fitWithConvPrior([[1, 1]], [[2, 4]], 0), /too few examples/);
});

test("a world is what it says: one kernel everywhere, or one for each place", () => {
  const distance = (kind) => squares(world(kind, 8).truth) - squares(project(world(kind, 8).truth));
  near(distance("same"), 0);
  assert.ok(distance("place") > 1);
  assert.deepEqual(departures(world("place", 8).truth).outside, 0);
  assert.deepEqual(world("same", 8).x, world("place", 9).x.slice(0, 8));
});

test("gradients add where windows overlap", () => {
  const x = [[1, 5, 2], [0, 0, 0], [0, 0, 0]];
  const grad = [[1, 2], [0, 0]];
  assert.deepEqual(maxPoolBackward(grad, x, 2, 1)[0], [0, 3, 0]);
  assert.deepEqual(averagePoolBackward(grad, x, 2, 1)[0], [0.25, 0.75, 0.5]);
  assert.deepEqual(winner([[7, 7], [7, 7]], 0, 0, 2, 2), { r: 0, c: 0 });
  assert.deepEqual(convBackward([[2]], [[1, 2], [3, 4]], [[1, 0], [0, -1]]), { gradX: [[2, 0], [0, -2]], gradW: [[2, 4], [6, 8]] });
  assert.equal(termsOfInput(1, 1, [3, 3], [2, 2]).length, 4);
});

test("a Gabor function prefers its own angle, a complex cell forgets the phase", () => {
  const parameters = { frequency: 0.15, angle: 0.5, sigma: [3, 4] };
  const kernel = gabor(21, parameters);
  near(kernel[10][10], 1);
  const angles = [0.5, 1.2, 2];
  const curve = tuningCurve(kernel, 0.15, angles);
  assert.ok(curve[0] > 3 * curve[1] && curve[0] > 3 * curve[2]);
  const pair = quadraturePair(21, parameters);
  const seen = (phase) => grating(21, { ...parameters, phase });
  assert.ok(Math.abs(complexResponse(pair, seen(0)) - complexResponse(pair, seen(1.3))) < 0.05 * complexResponse(pair, seen(0)));
  assert.ok(Math.abs(response(kernel, seen(Math.PI / 2))) < 0.05 * response(kernel, seen(0)));
});

test("a complex cell of a very low frequency does notice the phase", () => {
  const swing = (frequency) => {
    const parameters = { frequency, angle: 0.5, sigma: [3.5, 4.5] };
    return overPhases(gabor(25, parameters), quadraturePair(25, parameters), parameters);
  };
  assert.ok(modulation(swing(0.15).complex) < 0.02);
  assert.ok(modulation(swing(0.02).complex) > 0.5);
  assert.equal(swing(0.15).simple.low, 0);
  assert.equal(modulation({ low: 0, high: 2 }), 1);
  assert.equal(modulation({ low: 0, high: 0 }), null);
});

test("attention, from averaging to selection", () => {
  assert.deepEqual(softmax([1000, 1000]), [0.5, 0.5]);
  const keys = [[1, 0], [0, 1]];
  const values = [[1], [3]];
  assert.deepEqual(attend([1, 0], keys, values, 0).output, [1]);
  assert.deepEqual(attend([1, 1], keys, values, 0).output, [2]);
  assert.deepEqual(attend([1, 0], keys, values, Infinity).output, [2]);
  near(attend([0, 0], keys, values).output[0], 2);
  near(spread([0.5, 0.5]).bits, 1);
  near(spread([1, 0]).effective, 1);
  assert.deepEqual(leaders([0.2, 0.5, 0.3]), [1]);
  assert.deepEqual(leaders([0.1 + 0.2, 0.3, 0.4 - 1e-3]), [2]);
  assert.deepEqual(leaders([0.1 + 0.2, 0.1, 0.3]), [0, 2]);
  assert.deepEqual(leaders([0.25, 0.25, 0.25, 0.25]), [0, 1, 2, 3]);
});

test("a mask by hand: 20 of 30 and 30 pixels", () => {
  const row = (from) => [Array.from({ length: 50 }, (_, c) => (c >= from && c < from + 30 ? 1 : 0))];
  const is = scores(row(0), row(10), 1);
  assert.deepEqual([is.both, is.either, is.iou], [20, 40, 0.5]);
  near(is.dice, 2 / 3);
  near(is.share, 30 / 50);
  assert.deepEqual([is.near, is.nearRight], [4, 2]);
});

test("IoU and Dice of nothing are not numbers, and a picture without a border has no band", () => {
  const none = [[0, 0], [0, 0]];
  const is = scores(none, none, 3);
  assert.deepEqual([is.iou, is.dice, is.border, is.share], [NaN, NaN, NaN, 1]);
  assert.match(ofMask(none, none, 3), /0\/0.*no border, so the band is empty/);
  assert.match(ofMask([[1, 0], [0, 0]], none, 3), /IoU 0\/1 = 0, Dice 0\/1 = 0/);
});

test("the band, blocks, and a mask that grows, shrinks and moves", () => {
  assert.deepEqual(band([[0, 0, 0, 1, 1, 1]], 1), [[false, false, true, true, false, false]]);
  assert.deepEqual(blocks([[1, 0, 0, 1, 1], [1, 0, 0, 0, 1]], 2), [[1, 1, 0, 0, 1], [1, 1, 0, 0, 1]]);
  assert.deepEqual(grow([[0, 0, 1, 0, 0]]), [[0, 1, 1, 1, 0]]);
  assert.deepEqual(grow([[0, 1, 1, 1, 0]], 0), [[0, 0, 1, 0, 0]]);
  assert.deepEqual(moved([[1, 0, 1]]), [[0, 1, 0]]);
});

test("a kernel as a sum of outer products", () => {
  const identity = decompose([[1, 0], [0, 1]]);
  assert.deepEqual(identity.values, [1, 1]);
  near(missed(identity, 1), Math.sqrt(0.5));
  assert.equal(rankOf(decompose([[1, 2, 1], [2, 4, 2], [0, 0, 0]])), 1);
  const parts = decompose([[1, 2], [3, 4]]);
  nearest(parts, 2).flat().forEach((value, i) => near(value, i + 1));
  near(parts.values[0] * parts.values[1], 2);
  for (const angle of [0, 30, 90]) assert.equal(rankOf(decompose(kernelOf("gabor", 9, angle))), angle % 90 ? 2 : 1);
  for (const k of [3, 6, 11]) assert.deepEqual(["blur", "diagonal", "noise"].map((name) => rankOf(decompose(kernelOf(name, k)))), [1, k, k]);
  assert.match(ofRank(identity, 1), /misses 70.7 %.*1 · \(2 \+ 2\) = 4 products for each output, as many as the 4/);
  assert.match(ofRank(identity, 2), /is exact.*8 products for each output, more than the 4/);
});

test("a unit sees as far as its layer's windows reach, not beyond the picture", () => {
  assert.deepEqual(windowOf(1, 9), [0, 0, 2, 2]);
  assert.deepEqual(windowOf(4, 0), [0, 0, 4, 4]);
  assert.deepEqual(windowOf(4, 36), [0, 0, 7, 7]);
  assert.deepEqual([commonest([3, 1, 3, 3]), commonest([1, 2])], [3, 1]);
  assert.deepEqual(picture("0g8" + "0".repeat(61))[0].slice(0, 3), [0, 1, 0.5]);
});
