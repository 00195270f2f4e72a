"""Why convolution: counting parameters and operations, receptive fields, shifts, and four claims on trial."""

from math import lcm, prod

import numpy as np
import scipy.ndimage
import torch
import torch.nn.functional as F

from convcourse.engine.builders import Arrays, claim_mistakes, pair
from convcourse.engine.check import Check
from convcourse.engine.evidence import verdict_and_evidence
from convcourse.engine.model import Case, Mistake


def _size(value):
    return prod(value) if isinstance(value, tuple | list) else value


def _count(module):
    return sum(parameter.numel() for parameter in module.parameters())


# --- parameters and operations ---------------------------------------------------------------------------------------


def _dense(inputs, outputs, bias=True):
    return _count(torch.nn.Linear(_size(inputs), _size(outputs), bias=bias, device="meta"))


DENSE_PARAMETERS = Check(
    "dense_parameters",
    section="motivation#motivation-dense",
    oracle=_dense,
    parts={"numbers of units": 1, "shapes": 2},
    cases=(
        Case((5, 2), {}, "numbers of units"),
        Case((2, 5), {"bias": False}, "numbers of units"),
        Case((7, 1), {}, "numbers of units"),
        Case((1, 9, False), {}, "numbers of units"),
        Case(((4, 6), 5), {}, "shapes"),
        Case(((3, 4, 2), (2, 7)), {"bias": False}, "shapes"),
        Case((9, (2, 3, 5)), {"bias": True}, "shapes"),
        Case(((7,), (3, 2)), {}, "shapes", "a shape of one number"),
        Case(((280, 320), (280, 319)), {"bias": False}, "shapes", "the book's picture of an edge"),
        Case(((17, 241), 8193), {}, "shapes", "more than float32 can count"),
    ),
    draw_case=lambda d: Case(
        ((d.integer(2, 9), d.integer(2, 9)), (d.integer(2, 4), d.integer(2, 9)), d.choice((True, False))), {}, "shapes"
    ),
    mistakes=(
        Mistake("forgets the bias", "You forgot the biases.", lambda i, o, bias=True: _size(i) * _size(o)),
        Mistake(
            "gives each input a bias",
            "You count a bias for every input; every output has one.",
            lambda i, o, bias=True: _size(i) * _size(o) + bias * _size(i),
        ),
        Mistake(
            "has one bias",
            "You count a single bias; every output has its own.",
            lambda i, o, bias=True: _size(i) * _size(o) + bool(bias),
        ),
        Mistake(
            "always counts biases",
            "You count biases when bias=False, too.",
            lambda i, o, bias=True: _size(o) * (_size(i) + 1),
        ),
        Mistake(
            "adds", "You add inputs and outputs; every pair has a weight.", lambda i, o, bias=True: _size(i) + _size(o)
        ),
        Mistake(
            "adds up the sides of a shape",
            "You add up the numbers of a shape; the number of units is their product.",
            lambda i, o, bias=True: _dense(*(int(np.sum(v)) for v in (i, o)), bias),
            share=1 / 3,
        ),
    ),
)


def _conv(in_channels, out_channels, kernel_size, bias=True, groups=1):
    module = torch.nn.Conv2d(in_channels, out_channels, pair(kernel_size), bias=bias, groups=groups, device="meta")
    return _count(module)


def _draw_conv(sampler):
    groups = sampler.integer(1, 3)
    args = (
        groups * sampler.integer(1, 4),
        groups * sampler.integer(1, 4),
        (sampler.integer(1, 5), sampler.integer(1, 5)),
    )
    bias = sampler.choice((True, False))
    part = "one group" if groups == 1 else "groups"
    return Case(args, {"bias": bias, "groups": groups}, part)


CONV_PARAMETERS = Check(
    "conv_parameters",
    section="motivation#motivation-sharing",
    oracle=_conv,
    parts={"one group": 3, "groups": 1},
    cases=(
        Case((1, 1, 3), {}, "one group"),
        Case((1, 5, 3, False), {}, "one group"),
        Case((3, 8, 5), {}, "one group"),
        Case((16, 32, (3, 2)), {}, "one group", "a kernel that is not square"),
        Case((4, 2, (1, 7)), {"bias": False}, "one group"),
        Case((4, 6, 3), {"groups": 2}, "groups"),
        Case((6, 6, (3, 2), False), {"groups": 6}, "groups", "depthwise"),
        Case((4, 8, 1, True, 4), {}, "groups"),
        Case((8, 4, 3), {"groups": 4}, "groups", "as many groups as outputs, two inputs in each"),
        Case((6, 2, (2, 5), False), {"groups": 2}, "groups", "as many groups as outputs, three inputs in each"),
        Case((2, 6, (4, 3)), {"groups": 2}, "groups", "as many groups as inputs, three outputs in each"),
        Case((12, 18, (1, 2)), {"bias": False, "groups": 3}, "groups", "several inputs and outputs in each group"),
    ),
    draw_case=_draw_conv,
    mistakes=(
        Mistake(
            "forgets the input channels",
            "You forgot the input channels: a kernel has a slice for each.",
            lambda i, o, k, bias=True, groups=1: o * (prod(pair(k)) + bool(bias)),
        ),
        Mistake(
            "counts one kernel",
            "You count one kernel; every output channel has its own.",
            lambda i, o, k, bias=True, groups=1: i // groups * prod(pair(k)) + bool(bias),
        ),
        Mistake(
            "forgets the bias",
            "You forgot the biases.",
            lambda i, o, k, bias=True, groups=1: _conv(i, o, k, False, groups),
        ),
        Mistake(
            "has one bias",
            "You count a single bias; every output channel has its own.",
            lambda i, o, k, bias=True, groups=1: _conv(i, o, k, False, groups) + bool(bias),
        ),
        Mistake(
            "has a bias per slice",
            "You count a bias for every pair of channels; every output channel has one.",
            lambda i, o, k, bias=True, groups=1: i // groups * o * (prod(pair(k)) + bool(bias)),
        ),
        Mistake(
            "takes every kernel for square",
            "You take the kernel for square: it has kH times kW taps.",
            lambda i, o, k, bias=True, groups=1: _conv(i, o, pair(k)[0], bias, groups),
        ),
        Mistake(
            "ignores groups",
            "You ignore groups: a kernel sees in_channels / groups channels.",
            lambda i, o, k, bias=True, groups=1: _conv(i, o, k, bias),
            share=3 / 4,
        ),
        Mistake(
            "divides by groups twice",
            "You divide both channel counts by groups; there are still out_channels kernels.",
            lambda i, o, k, bias=True, groups=1: i // groups * (o // groups) * prod(pair(k)) + bool(bias) * o,
            share=3 / 4,
        ),
        Mistake(
            "always depthwise",
            "You give every kernel of a layer with groups one input channel; it sees in_channels / groups of them.",
            lambda i, o, k, bias=True, groups=1: _conv(groups if groups > 1 else i, o, k, bias, groups),
            share=3 / 4,
        ),
    ),
)


def _local(in_channels, output_shape, kernel_size, bias=True):
    unit = torch.nn.Linear(in_channels * prod(pair(kernel_size)), 1, bias=bias, device="meta")
    return _count(unit) * prod(output_shape)


LOCAL_PARAMETERS = Check(
    "local_parameters",
    section="motivation#motivation-sharing",
    oracle=_local,
    parts={"one channel": 1, "channels": 2},
    cases=(
        Case((1, (1, 4, 5), 3), {}, "one channel"),
        Case((1, (1, 6, 2), (2, 5)), {}, "one channel"),
        Case((1, (1, 3, 7), (1, 2), False), {}, "one channel"),
        Case((3, (2, 4, 5), 3), {}, "channels"),
        Case((2, (5, 3, 2), (4, 1)), {"bias": False}, "channels"),
        Case((4, (3, 1, 6), 2), {}, "channels"),
    ),
    draw_case=lambda d: Case(
        (d.integer(2, 4), (d.integer(1, 4), d.integer(2, 6), d.integer(2, 6)), (d.integer(1, 4), d.integer(1, 4))),
        {"bias": d.choice((True, False))},
        "channels",
    ),
    mistakes=(
        Mistake(
            "shares",
            "You share the weights: here every place has weights of its own.",
            lambda i, shape, k, bias=True: _conv(i, shape[0], k, bias),
        ),
        Mistake(
            "shares the bias",
            "You count a bias per channel; without sharing every output has its own.",
            lambda i, shape, k, bias=True: _local(i, shape, k, False) + bool(bias) * shape[0],
        ),
        Mistake(
            "forgets the bias",
            "You forgot the biases.",
            lambda i, shape, k, bias=True: _local(i, shape, k, False),
        ),
        Mistake(
            "forgets the input channels",
            "You forgot the input channels: a window reaches through all of them.",
            lambda i, shape, k, bias=True: _local(1, shape, k, bias),
            share=1 / 3,
        ),
        Mistake(
            "forgets the output channels",
            "You forgot the output channels: each has windows of its own.",
            lambda i, shape, k, bias=True: _local(i, (1, *shape[1:]), k, bias),
            share=1 / 3,
        ),
        Mistake(
            "takes every kernel for square",
            "You take the kernel for square: it has kH times kW taps.",
            lambda i, shape, k, bias=True: _local(i, shape, pair(k)[0], bias),
        ),
    ),
)


def _operations(in_channels, output_shape, kernel_size, groups=1):
    weight = torch.nn.Conv2d(in_channels, output_shape[0], pair(kernel_size), groups=groups, device="meta").weight
    products = weight[0].numel()
    return prod(output_shape) * (products + products - 1)


CONV_OPERATIONS = Check(
    "conv_operations",
    builds_on=("conv_parameters",),
    section="motivation#motivation-edges",
    oracle=_operations,
    parts={"one channel": 2, "channels": 2, "groups": 1},
    cases=(
        Case((1, (1, 4, 4), 3), {}, "one channel"),
        Case((1, (1, 5, 2), (2, 4)), {}, "one channel"),
        Case((1, (1, 280, 319), (1, 2)), {}, "one channel", "the book's picture of an edge"),
        Case((1, (1, 3, 5), 1), {}, "one channel", "a single product: nothing is added"),
        Case((3, (4, 5, 2), 3), {}, "channels"),
        Case((2, (6, 3, 7), (1, 4)), {}, "channels"),
        Case((5, (1, 3, 4), 1), {}, "channels", "a 1 x 1 kernel"),
        Case((4, (6, 3, 5), 3), {"groups": 2}, "groups"),
        Case((3, (3, 4, 2), (2, 3), 3), {}, "groups", "depthwise"),
        Case((3, (3, 4, 2), 1, 3), {}, "groups", "a single product: nothing is added"),
        Case((6, (3, 4, 2), (2, 3), 3), {}, "groups", "as many groups as outputs, two inputs in each"),
        Case((2, (6, 3, 5), (3, 1), 2), {}, "groups", "as many groups as inputs, three outputs in each"),
        Case((12, (18, 2, 3), (1, 2)), {"groups": 3}, "groups", "several inputs and outputs in each group"),
    ),
    draw_case=lambda d: (
        lambda groups: Case(
            (
                groups * d.integer(2, 5),
                (groups * d.integer(1, 3), d.integer(2, 9), d.integer(2, 9)),
                (d.integer(1, 4), d.integer(1, 4)),
            ),
            {"groups": groups} if groups > 1 else {},
            "groups" if groups > 1 else "channels",
        )
    )(d.integer(1, 3)),
    mistakes=(
        Mistake(
            "counts multiplications alone",
            "You count multiplications only; the additions that make a sum of them count too.",
            lambda i, shape, k, groups=1: (_operations(i, shape, k, groups) + prod(shape)) // 2,
        ),
        Mistake(
            "counts an addition too many",
            "You count as many additions as products; a sum of w numbers takes w - 1.",
            lambda i, shape, k, groups=1: _operations(i, shape, k, groups) + prod(shape),
        ),
        Mistake(
            "forgets the input channels",
            "You forgot the input channels: every output sums over all of them.",
            lambda i, shape, k, groups=1: _operations(groups, shape, k, groups),
            share=2 / 5,
        ),
        Mistake(
            "forgets the output channels",
            "You forgot the output channels: each has a map of its own to fill.",
            lambda i, shape, k, groups=1: _operations(i, shape, k, groups) // shape[0],
            share=2 / 5,
        ),
        Mistake(
            "sums each channel by itself",
            "You forgot the additions that join the channels: w - 1 additions, w counted over all channels.",
            lambda i, shape, k, groups=1: prod(shape) * (i // groups) * (2 * prod(pair(k)) - 1),
            share=2 / 5,
        ),
        Mistake(
            "ignores groups",
            "You ignore groups: an output sums over in_channels / groups channels.",
            lambda i, shape, k, groups=1: _operations(i, shape, k),
            share=4 / 5,
        ),
        Mistake(
            "always adds",
            "You count an addition where there is a single product: w - 1 is 0 then.",
            lambda i, shape, k, groups=1: (
                _operations(i, shape, k, groups) + (prod(shape) if i // groups * prod(pair(k)) == 1 else 0)
            ),
            share=2 / 5,
        ),
        Mistake(
            "always depthwise",
            "You give every kernel of a layer with groups one input channel; it sees in_channels / groups of them.",
            lambda i, shape, k, groups=1: _operations(groups if groups > 1 else i, shape, k, groups),
            share=4 / 5,
        ),
    ),
)

# --- receptive fields ------------------------------------------------------------------------------------------------


def _layers(layers):
    return [tuple(layer) + (1, 1, 0, 1)[len(layer) :] for layer in layers]


def _run(x, layers):
    for kernel, stride, padding, dilation in _layers(layers):
        weight = torch.ones(1, 1, kernel, dtype=torch.float64)
        x = F.conv1d(x, weight, stride=stride, padding=padding, dilation=dilation)
    return x


def _field(layers):
    """Measure by autograd what two neighbouring outputs in the middle depend on."""
    steps = prod(stride for _, stride, _, _ in _layers(layers))
    length = 6 * steps + 2 + 2 * steps * sum(k * d + p for k, _, p, d in _layers(layers))
    x = torch.zeros(1, 1, length, dtype=torch.float64, requires_grad=True)
    y = _run(x, layers)[0, 0]
    middle = len(y) // 2
    seen = []
    for output in (middle, middle + 1):
        (influence,) = torch.autograd.grad(y[output] * 1, x, retain_graph=True)
        seen.append(np.flatnonzero(influence[0, 0].numpy()))
    jump = int(seen[1][0] - seen[0][0])
    return int(seen[0][-1] - seen[0][0]) + 1, jump, int(seen[0][0]) - jump * middle


def _field_by(step):
    """Build a wrong field: `step` takes (size, jump, start) and a layer to the next."""

    def wrong(layers):
        state = (1, 1, 0)
        for layer in _layers(layers):
            state = step(*state, *layer)
        return state

    return wrong


def _right_step(size, jump, start, k, s, p, d):
    return size + (k - 1) * d * jump, jump * s, start - p * jump


def _draw_layers(sampler):
    part = sampler.choice(("kernels", "strides", "padding", "dilation"))
    layers = []
    for _ in range(sampler.integer(1, 3)):
        layer = [sampler.integer(1, 4)]
        if part != "kernels":
            layer += [sampler.integer(1, 3), sampler.integer(0, 2) if part != "strides" else 0]
            layer += [sampler.integer(1, 3)] if part == "dilation" else []
        layers.append(tuple(layer))
    return Case((layers,), {}, part)


RECEPTIVE_FIELD = Check(
    "receptive_field",
    section="motivation#motivation-receptive",
    oracle=_field,
    parts={"kernels": 2, "strides": 3, "padding": 1, "dilation": 1},
    cases=(
        Case(([(3,)],), {}, "kernels"),
        Case(([(3,), (4,)],), {}, "kernels"),
        Case(([],), {}, "kernels", "no layer at all: an output is an input"),
        Case(([(3,)] * 5,), {}, "kernels"),
        Case(([(1,), (6,), (2,)],), {}, "kernels"),
        Case(([(3, 2), (3,)],), {}, "strides"),
        Case((((2, 2), (3,), (2, 3)),), {}, "strides", "a tuple of layers"),
        Case(([(3,), (2, 2), (3,), (2, 2), (3,)],), {}, "strides", "convolutions and poolings"),
        Case(([(5, 3), (1, 2), (4, 2)],), {}, "strides"),
        Case(([(2, 4), (2, 3)],), {}, "strides"),
        Case(([(1, 2, 1)],), {}, "padding", "one tap sees no more, and steps and pads all the same"),
        Case(([(3, 1, 1)],), {}, "padding"),
        Case(([(7, 2, 3), (3, 2, 1)],), {}, "padding"),
        Case(([(2, 3, 0), (5, 1, 2), (3, 2, 1)],), {}, "padding"),
        Case(([(3, 1, 0, 2)],), {}, "dilation"),
        Case(([(2, 1, 0, 1), (2, 1, 0, 2), (2, 1, 0, 4)],), {}, "dilation"),
        Case(([(1, 2, 0, 3), (3, 1, 1, 2)],), {}, "dilation"),
        Case(([(3, 2, 2, 2), (4, 3, 3, 3)],), {}, "dilation"),
    ),
    draw_case=_draw_layers,
    mistakes=(
        Mistake(
            "ignores the strides",
            "You ignore the strides: a step of a layer is as many inputs as the product of all strides before it.",
            _field_by(lambda r, j, b, k, s, p, d: (r + (k - 1) * d, 1, b - p)),
            share=2 / 7,
        ),
        Mistake(
            "counts a layer's own stride",
            "You let a layer's stride count for its own kernel; it counts for the layers above it.",
            _field_by(lambda r, j, b, k, s, p, d: (r + (k - 1) * d * j * s, j * s, b - p * j)),
            share=2 / 7,
        ),
        Mistake(
            "adds the kernels",
            "You add k for every layer; a window of k taps has k - 1 steps.",
            _field_by(lambda r, j, b, k, s, p, d: (r + k * d * j, j * s, b - p * j)),
        ),
        Mistake(
            "multiplies the kernels",
            "You multiply the kernel sizes; each layer adds to the field.",
            _field_by(lambda r, j, b, k, s, p, d: (r * k, j * s, b - p * j)),
        ),
        Mistake(
            "adds the strides",
            "You add up strides; the jump is their product.",
            _field_by(lambda r, j, b, k, s, p, d: (r + (k - 1) * d * j, j + s - 1, b - p * j)),
            share=2 / 7,
        ),
        Mistake(
            "ignores dilation",
            "You ignore the dilation: k taps, d apart, span (k - 1) d + 1.",
            _field_by(lambda r, j, b, k, s, p, d: _right_step(r, j, b, k, s, p, 1)),
            share=6 / 7,
        ),
        Mistake(
            "ignores padding",
            "You ignore the padding: it moves the start below 0.",
            _field_by(lambda r, j, b, k, s, p, d: _right_step(r, j, b, k, s, 0, d)),
            share=5 / 7,
        ),
        Mistake(
            "counts padding in steps of its own",
            "You take a padded position for one input; it is as many as the product of the strides before it.",
            _field_by(lambda r, j, b, k, s, p, d: (r + (k - 1) * d * j, j * s, b - p)),
            share=5 / 7,
        ),
        Mistake(
            "counts a layer's own stride for its padding",
            "You let a layer's stride count for its own padding; it counts for the layers above it.",
            _field_by(lambda r, j, b, k, s, p, d: (r + (k - 1) * d * j, j * s, b - p * j * s)),
            share=5 / 7,
        ),
        Mistake(
            "starts above 0",
            "Your start has the wrong sign: padding begins before the first input.",
            _field_by(lambda r, j, b, k, s, p, d: (r + (k - 1) * d * j, j * s, b + p * j)),
            share=5 / 7,
        ),
        Mistake(
            "begins at the top",
            "You go through the layers from the last to the first with a rule for the other direction.",
            lambda layers: _field_by(_right_step)(layers[::-1]),
            share=2 / 7,
        ),
    ),
)


def _reads(layers, length):
    units = torch.eye(length, dtype=torch.float64)[:, None]
    return np.ascontiguousarray((_run(units, layers)[:, 0].T != 0).numpy())


def _with_layers(change):
    return lambda layers, length: _reads([change(*layer) for layer in _layers(layers)], length)


def _hulls(layers, length):
    """Fill the gaps between the first and the last input that an output reads."""
    reads = _reads(layers, length)
    return np.maximum.accumulate(reads, 1) & np.maximum.accumulate(reads[:, ::-1], 1)[:, ::-1]


def _reads_through_padding(layers, length):
    """Go back from every output to the inputs, through places of the layers between that do not exist."""
    layers = _layers(layers)
    reads = np.zeros((len(_reads(layers, length)), length), bool)
    for output, row in enumerate(reads):
        places = {output}
        for k, s, p, d in reversed(layers):
            places = {place * s - p + t * d for place in places for t in range(k)}
        row[[place for place in places if 0 <= place < length]] = True
    return reads


def _safe(function):
    """Give a matrix of the right shape where a mistake would run out of inputs."""

    def wrong(layers, length):
        try:
            return function(layers, length)
        except RuntimeError:
            return np.zeros((1, length), bool)

    return wrong


CONNECTIVITY = Check(
    "connectivity",
    section="motivation#motivation-receptive",
    oracle=_reads,
    parts={"one layer": 2, "strides": 2, "padding": 1, "dilation": 1},
    cases=(
        Case(([(3,)], 5), {}, "one layer"),
        Case(([(2,)], 6), {}, "one layer"),
        Case(([(4,)], 4), {}, "one layer", "one output"),
        Case(([], 3), {}, "one layer", "no layer at all: outputs are inputs"),
        Case(([(1,)], 6), {}, "one layer", "a kernel of one tap"),
        Case(([(2, 2)], 7), {}, "strides", "the stride does not divide"),
        Case(([(2,), (2, 2)], 5), {}, "strides"),
        Case(([(3, 2), (2, 3), (2,)], 20), {}, "strides"),
        Case(([(8,), (8,), (4,), (18,)], 35), {}, "strides", "an input that is read 256 times"),
        Case(([(1, 3)], 8), {}, "strides"),
        Case(([(3, 1, 1)], 4), {}, "padding"),
        Case(([(3, 2, 1), (3, 1, 1)], 9), {}, "padding"),
        Case(([(2, 1, 2), (2, 1, 1)], 4), {}, "padding", "outputs that see padding only"),
        Case(([(1, 2, 1), (2, 1, 0)], 7), {}, "padding", "inputs that are skipped"),
        Case(([(5, 1, 2)], 3), {}, "padding", "a kernel larger than the signal"),
        Case(([(3,), (1, 1, 1)], 4), {}, "padding", "padding of the second layer, outside of which inputs lie"),
        Case((((2,), (3, 2, 1)), 6), {}, "padding", "a tuple of layers"),
        Case(([(3, 1, 0, 2)], 7), {}, "dilation"),
        Case(([(2, 1, 0, 2), (2, 1, 1, 2)], 7), {}, "dilation", "an input that is read twice"),
        Case(([(2, 2, 1, 3), (2, 1, 0, 2)], 13), {}, "dilation"),
        Case(([(1, 2, 2, 3), (3, 1, 2, 2), (2, 1, 1)], 8), {}, "dilation", "more padding than a kernel is long"),
        Case(([(3, 1, 1, 2), (2, 1, 1, 1)], 5), {}, "dilation", "padding of the second layer"),
        Case(([(3, 1, 1, 1), (2, 2, 2, 1)], 23), {}, "dilation", "a dilation of 1, padding of the second layer"),
    ),
    draw_case=lambda d: (
        lambda part: Case(
            (
                [
                    (
                        d.integer(1, 3),
                        d.integer(1, 3) if part != "one layer" else 1,
                        d.integer(0, 2) if part in ("padding", "dilation") else 0,
                        d.integer(1, 3) if part == "dilation" else 1,
                    )
                    for _ in range(1 if part == "one layer" else 2)
                ],
                d.integer(22, 26),
            ),
            {},
            part,
        )
    )(d.choice(("one layer", "strides", "padding", "dilation"))),
    mistakes=(
        Mistake(
            "is transposed",
            "Your matrix is transposed: it needs a row per output and a column per input.",
            lambda layers, length: _reads(layers, length).T.copy(),
        ),
        Mistake(
            "ignores the strides",
            "You ignore the strides: only every s-th window has an output.",
            _with_layers(lambda k, s, p, d: (k, 1, p, d)),
            share=2 / 6,
        ),
        Mistake(
            "ignores padding",
            "You ignore the padding: windows may begin before the first input and end behind the last.",
            _safe(_with_layers(lambda k, s, p, d: (k, s, 0, d))),
            share=4 / 6,
        ),
        Mistake(
            "ignores dilation",
            "You ignore the dilation: taps lie d apart.",
            _with_layers(lambda k, s, p, d: (k, s, p, 1)),
            share=5 / 6,
        ),
        Mistake(
            "fills the gaps",
            "You fill a whole window; with dilation, or a stride larger than the kernel above it, inputs in between are not read.",
            _hulls,
            share=2 / 6,
        ),
        Mistake(
            "goes through the layers backwards",
            "You go through the layers from the last to the first.",
            _safe(lambda layers, length: _reads(layers[::-1], length)),
            share=2 / 6,
        ),
        Mistake(
            "pads the input alone",
            "You let a padded position of a layer read inputs: it is a zero, whatever lies under its window.",
            _reads_through_padding,
            share=4 / 6,
        ),
        Mistake(
            "stops after the first layer",
            "You stop after the first layer: its outputs are the next one's inputs.",
            lambda layers, length: _reads(layers[:1], length),
            share=2 / 6,
        ),
    ),
)

# --- shifts ----------------------------------------------------------------------------------------------------------


def _shift(x, shift, boundary="zeros"):
    whole = (0,) * (x.ndim - 2) + tuple(shift)
    return scipy.ndimage.shift(x, whole, order=0, mode={"zeros": "constant", "circular": "grid-wrap"}[boundary])


def _draw_shift(sampler):
    part = sampler.choice(("zeros", "circular", "beyond the edge"))
    height, width = sampler.integer(2, 5), sampler.integer(2, 5)
    far = 6 if part == "beyond the edge" else 0
    shift = (sampler.integer(1 - height, height - 1) + far, sampler.integer(1 - width, width - 1) - far)
    x = sampler.array(*[sampler.integer(1, 2)] * sampler.integer(0, 2), height, width)
    return Case((x, shift, "circular" if part == "circular" else "zeros"), {}, part)


_x = Arrays("motivation", "shift2d")
SHIFT2D = Check(
    "shift2d",
    section="motivation#motivation-equivariance",
    oracle=_shift,
    scale=lambda x, *rest, **options: np.abs(x).max(),
    photographs=True,
    parts={"zeros": 2, "circular": 2, "beyond the edge": 1},
    cases=(
        Case((np.array([[1.0, 2], [3, 4]]), (1, 0)), {}, "zeros"),
        Case((np.arange(1.0, 13).reshape(3, 4), (0, 1)), {}, "zeros"),
        Case((_x(4, 5), (-1, 2), "zeros"), {}, "zeros"),
        Case((_x(2, 3, 4, 3, dtype=np.float32), (2, -1)), {}, "zeros", "a batch of stacks of maps, float32"),
        Case((_x(3, 4), (0, 0)), {}, "zeros", "no shift"),
        Case((_x(2, 5, 3), (-4, 2)), {}, "zeros"),
        Case((_x(5, 2), (1, 0)), {}, "zeros"),
        Case((np.arange(1.0, 13).reshape(3, 4), (1, 0)), {"boundary": "circular"}, "circular"),
        Case((_x(4, 6)[:, ::2], (-1, 2), "circular"), {}, "circular", "an array that is not contiguous"),
        Case((_x(2, 3, 5, dtype=np.float32), (1, -3), "circular"), {}, "circular", "float32"),
        Case((_x(3, 5), (4, -7), "circular"), {}, "circular", "more than once round"),
        Case((_x(2, 3, 1, 1), (1, -1), "circular"), {}, "circular", "maps of one pixel"),
        Case((_x(3, 4), (3, 0)), {}, "beyond the edge"),
        Case((_x(3, 4), (0, -4), "zeros"), {}, "beyond the edge"),
        Case((_x(3, 4), (1, -5)), {}, "beyond the edge"),
        Case((_x(2, 3, 2, dtype=np.float32), (-1, 1)), {}, "beyond the edge", "float32"),
        Case((_x(2, 5), (-4, 1)), {}, "beyond the edge"),
    ),
    draw_case=_draw_shift,
    mistakes=(
        Mistake(
            "wraps round",
            'With boundary="zeros" what leaves the image is gone; you let it come in on the other side.',
            lambda x, shift, boundary="zeros": _shift(x, shift, "circular"),
            share=2 / 5,
        ),
        Mistake(
            "never wraps",
            'With boundary="circular" what leaves on one side comes in on the other; you fill with zeros.',
            lambda x, shift, boundary="zeros": _shift(x, shift),
            share=3 / 5,
        ),
        Mistake(
            "moves the other way",
            "You move the other way: (1, 0) moves the image down by one row.",
            lambda x, shift, boundary="zeros": _shift(x, (-shift[0], -shift[1]), boundary),
        ),
        Mistake(
            "swaps rows and columns",
            "You swapped rows and columns: the first number moves the image down.",
            lambda x, shift, boundary="zeros": _shift(x, shift[::-1], boundary),
        ),
        Mistake(
            "moves the first two axes",
            "You move the first two axes; the rows and columns of an image are the last two.",
            lambda x, shift, boundary="zeros": scipy.ndimage.shift(
                x,
                tuple(shift) + (0,) * (x.ndim - 2),
                order=0,
                mode={"zeros": "constant", "circular": "grid-wrap"}[boundary],
            ),
            share=0,
        ),
        Mistake(
            "repeats the border",
            "You fill with the outermost pixels; zeros come in.",
            lambda x, shift, boundary="zeros": scipy.ndimage.shift(
                x,
                (0,) * (x.ndim - 2) + tuple(shift),
                order=0,
                mode={"zeros": "nearest", "circular": "grid-wrap"}[boundary],
            ),
            share=2 / 5,
        ),
        Mistake(
            "wraps large shifts",
            "You reduce shifts that are larger than the image: with zeros such a shift leaves nothing.",
            lambda x, shift, boundary="zeros": (
                _shift(x, shift, boundary)
                if boundary == "circular"
                else _shift(x, [int(np.fmod(s, n)) for s, n in zip(shift, x.shape[-2:])])
            ),
            share=4 / 5,
        ),
    ),
)


def _answers(outputs, tolerance=1e-9, size=None):
    still = outputs[0, 0]
    allowed = tolerance * (np.abs(still).max() if size is None else size)
    copies = np.stack([np.roll(still, shift, (0, 1)) for shift in np.ndindex(still.shape)])
    table = np.zeros(outputs.shape[:2], bool)
    for index in np.ndindex(table.shape):
        table[index] = np.abs(copies - outputs[index]).max((1, 2)).min() <= allowed
    return table


def _outputs_of(function, x):
    return np.stack(
        [np.stack([function(np.roll(x, (r, c), (0, 1))) for c in range(x.shape[1])]) for r in range(x.shape[0])]
    )


def _commuting(jump, shape):
    """Measure with noise and a layer that does nothing but subsample."""
    down, right = pair(jump)
    noise = np.random.default_rng(8).standard_normal(shape)
    return _answers(_outputs_of(lambda x: x[::down, ::right], noise))


def _table(holds):
    def wrong(jump, shape):
        rows, columns = np.indices(shape)
        return np.array(holds(rows, columns, *pair(jump)), dtype=bool)

    return wrong


COMMUTING_SHIFTS = Check(
    "commuting_shifts",
    section="motivation#motivation-groups",
    oracle=_commuting,
    parts={"one jump": 1, "two jumps": 2},
    cases=(
        Case((2, (2, 4)), {}, "one jump"),
        Case((1, (2, 3)), {}, "one jump", "every shift is answered"),
        Case((3, (6, 15)), {}, "one jump"),
        Case(((1, 2), (2, 4)), {}, "two jumps"),
        Case(((2, 3), (4, 6)), {}, "two jumps"),
        Case(((3, 2), (6, 4)), {}, "two jumps"),
        Case(((2, 1), (2, 3)), {}, "two jumps"),
        Case(((1, 2), (3, 6)), {}, "two jumps"),
    ),
    draw_case=lambda d: (lambda a, b: Case(((a, b), (a * d.integer(1, 3), b * d.integer(2, 3))), {}, "two jumps"))(
        d.integer(1, 3), d.integer(2, 3)
    ),
    draw_count=4,
    mistakes=(
        Mistake(
            "marks the shifts that are not answered",
            "Your table is the wrong way round: it is to be True where a shift is answered.",
            lambda jump, shape: ~_commuting(jump, shape),
        ),
        Mistake(
            "looks at the rows alone",
            "You look at the shift of rows only; both have to be multiples of the jump.",
            _table(lambda r, c, a, b: r % a == 0),
        ),
        Mistake(
            "asks for one of the two",
            "You take shifts of which one part is a multiple of the jump; both have to be.",
            _table(lambda r, c, a, b: (r % a == 0) | (c % b == 0)),
        ),
        Mistake(
            "swaps the jumps",
            "You swapped the jumps: the first is for the rows.",
            _table(lambda r, c, a, b: (r % b == 0) & (c % a == 0)),
            share=1 / 3,
        ),
        Mistake(
            "takes the common multiple",
            "You take one jump for both axes; rows and columns have their own.",
            _table(lambda r, c, a, b: (r % lcm(a, b) == 0) & (c % lcm(a, b) == 0)),
            share=1 / 3,
        ),
        Mistake(
            "takes the divisors",
            "You take shifts that divide the jump; the answered ones are its multiples.",
            _table(lambda r, c, a, b: (a % np.maximum(r, 1) == 0) & (b % np.maximum(c, 1) == 0)),
        ),
        Mistake(
            "takes no shift at all",
            "You mark the shift by nothing alone; there are as many more as the jump fits into the image.",
            _table(lambda r, c, a, b: (r == 0) & (c == 0)),
        ),
    ),
)


def _stack(x, kernel, stride, centred=False):
    """Give the outputs, for all shifts, of a correlation with periodic borders, a tanh and a stride."""

    def function(image):
        y = np.tanh(scipy.ndimage.correlate(image, kernel, mode="wrap"))[:: stride[0], :: stride[1]]
        return y - y.mean() if centred else y

    return _outputs_of(function, x)


def _draw_answered(d):
    part, a, b = d.choice(("strides", "other functions", "rounding")), d.integer(1, 2), d.integer(1, 2)
    x = d.array(2 * a, 2 * b)
    if part == "other functions":
        factors = d.array(2 * b)
        return Case((_outputs_of(lambda image: image * factors, x),), {}, part)
    outputs = _stack(x, d.array(2, 2), (a, b))
    if part == "rounding":
        outputs = 1e7 * outputs + 1e-6 * np.sin(np.arange(outputs.size)).reshape(outputs.shape)
    return Case((outputs,), {}, part)


_x = Arrays("motivation", "signals")
_DENSE = _x(6, 6)
_NOISE = _x(4, 6)
_ROUNDED = _stack(_NOISE, _x(2, 2), (2, 2)) * 1e7
_ROUNDED += 1e-6 * np.random.default_rng(9).uniform(-1, 1, _ROUNDED.shape)
_SILENT = np.maximum(_stack(_x(4, 6), _x(2, 3), (2, 1)), 0) * 1e7
_SILENT += 1e-6 * np.random.default_rng(10).uniform(-1, 1, _SILENT.shape)
_FAINT = -np.abs(_stack(_x(4, 4), _x(3, 2), (2, 1))) * 1e-8
_FLAG = _x(2, 3)
_EVEN = np.array([[2.0, 1.9, -1.8], [1.7, -2.0, 1.6]])
_UNEVEN = np.roll(_EVEN, (1, 1), (0, 1))
_UNEVEN[0, 0] += 3e-9
_LOUD = np.array([[[[1.0, 2.0]], [[2.0, 1.5]], [[1e10, 0.0]]]])

_x = Arrays("motivation", "answered_shifts")
ANSWERED_SHIFTS = Check(
    "answered_shifts",
    section="motivation#motivation-groups",
    oracle=_answers,
    parts={"strides": 2, "other functions": 1, "rounding": 1},
    cases=(
        Case((_outputs_of(lambda x: x[:, ::2], np.arange(8.0).reshape(2, 4) ** 2),), {}, "strides"),
        Case((_stack(_x(4, 6), _x(2, 3), (2, 3)),), {}, "strides"),
        Case((_stack(_x(4, 6), _x(3, 2), (2, 2), centred=True),), {}, "strides", "every output has the mean 0"),
        Case((_stack(_x(4, 3), _x(3, 3), (1, 1)),), {}, "strides", "stride 1: every shift is answered"),
        Case((-np.abs(_stack(_x(6, 4), _x(1, 2), (3, 2))),), {}, "strides", "outputs below 0"),
        Case((_outputs_of(lambda x: np.kron(x, np.ones((2, 2))), _x(2, 3)),), {}, "strides", "larger outputs"),
        Case(
            (_outputs_of(lambda x: (_DENSE @ x.ravel()).reshape(2, 3), _x(2, 3)),),
            {},
            "other functions",
            "a dense layer",
        ),
        Case((-np.abs(_outputs_of(lambda x: x * np.arange(1, 5), _x(3, 4))),), {}, "other functions"),
        Case(
            (np.stack([[_FLAG, _FLAG[:, ::-1]], [_FLAG[::-1], _FLAG[::-1, ::-1]]]),), {}, "other functions", "mirrored"
        ),
        Case(
            (_outputs_of(lambda x: np.stack([np.roll(row, i) for i, row in enumerate(x)]), _x(3, 4)),),
            {},
            "other functions",
            "row i moves by i: the same numbers, in other places",
        ),
        Case((_outputs_of(lambda x: np.array([[x.max()]]), _x(3, 2)),), {}, "other functions", "invariant"),
        Case((np.zeros((2, 3, 2, 1)),), {}, "other functions", "a function that always gives zeros"),
        Case((1e-3 * _outputs_of(lambda x: x * np.arange(1, 5), _x(3, 4)),), {}, "other functions", "faint outputs"),
        Case((_outputs_of(lambda x: x.T, _x(2, 3)),), {}, "other functions", "the output moves along the other axis"),
        Case((_ROUNDED,), {}, "rounding", "large outputs, rounded"),
        Case((_SILENT,), {}, "rounding", "large outputs with zeros among them, rounded"),
        Case((_FAINT,), {}, "rounding", "faint outputs"),
        Case((_LOUD,), {}, "rounding", "one output is much larger than the first"),
        Case((_stack(_x(2, 4), _x(2, 2), (1, 2)) + 1e-8 * _x(2, 4, 2, 2),), {}, "rounding", "nearly, but not quite"),
        Case((np.stack([[_EVEN, _UNEVEN]]),), {}, "rounding", "one number is not quite the same"),
        Case((_stack(_x(2, 4), _x(2, 2), (1, 2)) + 1e-6 * _x(2, 4, 2, 2), 1e-3), {}, "rounding", "a larger tolerance"),
        Case((np.array([[[[1.0, 2.0]], [[2.9, 1.0]], [[1.0, 3.2]]]]), 0.5), {}, "rounding", "a very large tolerance"),
    ),
    draw_case=_draw_answered,
    mistakes=(
        Mistake(
            "asks for invariance",
            "You ask for outputs that do not change; a shifted copy is an answer, too.",
            lambda o, tolerance=1e-9: np.abs(o - o[0, 0]).max((2, 3)) <= tolerance * np.abs(o[0, 0]).max(),
        ),
        Mistake(
            "moves the output by the input's shift",
            "You move the output as far as the input; behind a stride it moves less. Try all shifts of the output.",
            lambda o, tolerance=1e-9: np.array(
                [
                    [
                        np.abs(np.roll(o[0, 0], (r, c), (0, 1)) - o[r, c]).max() <= tolerance * np.abs(o[0, 0]).max()
                        for c in range(o.shape[1])
                    ]
                    for r in range(o.shape[0])
                ]
            ),
        ),
        Mistake(
            "compares exactly",
            "You compare with ==: the last digits of a float may differ.",
            lambda o, tolerance=1e-9: _answers(o, 0.0),
            share=1 / 4,
        ),
        Mistake(
            "has a tolerance of its own",
            "You always allow for 1e-9: `tolerance` says how much.",
            lambda o, tolerance=1e-9: _answers(o),
            share=3 / 4,
        ),
        Mistake(
            "takes the largest of all",
            "You take the tolerance as a share of a number in other outputs; the largest in outputs[0, 0] is meant.",
            lambda o, tolerance=1e-9: _answers(o, tolerance, size=np.abs(o).max()),
            share=3 / 4,
        ),
        Mistake(
            "forgets the sign",
            "You take the largest number of outputs[0, 0]; its largest magnitude is meant, for outputs may be below 0.",
            lambda o, tolerance=1e-9: _answers(o, tolerance, size=o[0, 0].max()),
        ),
        Mistake(
            "sorts",
            "You compare numbers without their places: the copy has to be a shifted one.",
            lambda o, tolerance=1e-9: (
                np.abs(np.sort(o.reshape(*o.shape[:2], -1)) - np.sort(o[0, 0].ravel())).max(-1)
                <= tolerance * np.abs(o[0, 0]).max()
            ),
            share=3 / 4,
        ),
        Mistake(
            "has an absolute tolerance",
            "Your tolerance does not know how large the outputs are: it is a share of the largest one.",
            lambda o, tolerance=1e-9: _answers(o, tolerance, size=1.0),
            share=3 / 4,
        ),
        Mistake(
            "compares sums",
            "You compare sums; two outputs with one sum need not be shifted copies.",
            lambda o, tolerance=1e-9: (
                np.abs(o.sum((2, 3)) - o[0, 0].sum()) <= tolerance * np.abs(o[0, 0]).max() * o[0, 0].size
            ),
        ),
        Mistake(
            "shifts along rows alone",
            "You try shifts of the output by columns only; try rows and columns.",
            lambda o, tolerance=1e-9: np.array(
                [
                    [
                        min(np.abs(np.roll(o[0, 0], c, 1) - y).max() for c in range(o.shape[3]))
                        <= tolerance * np.abs(o[0, 0]).max()
                        for y in row
                    ]
                    for row in o
                ]
            ),
        ),
    ),
)

# --- claims on trial -----------------------------------------------------------------------------------------------


def _square(evidence, most=32):
    matrix = np.asarray(evidence, dtype=float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not 2 <= len(matrix) <= most:
        raise ValueError(f"the evidence must be a square matrix of 2 to {most} rows")
    if not np.isfinite(matrix).all():
        raise ValueError("the evidence must be finite")
    return matrix


def _judge_linear(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. Does every matrix treat all places alike?"
    matrix = _square(evidence)
    if np.all(np.abs(np.roll(matrix, (1, 1), (0, 1)) - matrix) <= 1e-12 * np.abs(matrix).max()):
        return "No counterexample: your matrix commutes with every shift."
    return None


def _judge_average(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if not verdict:
        return "You judged it false. Average a small matrix over its shifts, and shift the result."
    (matrix,) = case.args
    n = len(matrix)
    right = np.array([[matrix[(np.arange(n) + d) % n, np.arange(n)].mean() for d in range(n)]])
    right = right[0][(np.arange(n)[:, None] - np.arange(n)) % n]
    got = np.asarray(evidence, dtype=float)
    if got.shape != right.shape:
        return f"The averaged matrix must have the shape {right.shape}, got {got.shape}."
    allowed = 1e-9 * np.abs(matrix).max()
    if not np.abs(got - right).max() <= allowed:
        commutes = np.abs(np.roll(got, (1, 1), (0, 1)) - got).max() <= allowed
        return (
            "Your matrix commutes with shifts and is not the average of the given one."
            if commutes
            else "Your matrix does not commute with a shift by one."
        )
    return None


def _stack_of(evidence):
    layers = [tuple(int(v) for v in layer) for layer in evidence]
    if not 1 <= len(layers) <= 6 or any(len(layer) != 2 or not 1 <= min(layer) <= max(layer) <= 7 for layer in layers):
        raise ValueError("a stack is a list of at most six layers (kernel_size, stride), numbers from 1 to 7")
    return layers


def _judge_order(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. Put a stride first, and then last."
    one, other = map(_stack_of, evidence)
    if sorted(one) != sorted(other):
        return "Your two stacks do not consist of the same layers."
    sizes = [_field_by(_right_step)(stack)[0] for stack in (one, other)]
    if sizes[0] == sizes[1]:
        return f"No counterexample: both stacks have a receptive field of {sizes[0]} inputs."
    return None


def _judge_depth(value, case):
    verdict, depth = verdict_and_evidence(value)
    if not verdict:
        return "You judged it false. How many inputs does each further layer of three taps add?"
    (n,) = case.args
    number = np.asarray(depth)
    if number.size != 1 or number.dtype.kind not in "iuf" or not 0 <= number.item() <= 10_000 or number.item() % 1:
        raise TypeError("the evidence must be a whole number of layers")
    depth = int(number.item())
    size = _field_by(_right_step)([(3,)] * depth)[0]
    return None if size == n else f"{depth} layers of three taps have a receptive field of {size} inputs, not {n}."


def _averaged(matrix):
    return np.mean([np.roll(matrix, (c, c), (0, 1)) for c in range(len(matrix))], axis=0)


_x = Arrays("motivation", "claims")
CLAIMS = (
    Check(
        "claim_linear",
        section="motivation#motivation-equivariance",
        judge=_judge_linear,
        cases=(Case(),),
        mistakes=(
            *claim_mistakes(
                False, "You judged it true. Does every matrix treat all places alike?", lambda: np.diag([1.0, 2, 3])
            ),
            Mistake(
                "takes the identity",
                "The identity gives back every signal, shifted or not: it commutes with shifts.",
                lambda: (False, np.eye(4)),
            ),
            Mistake(
                "takes a constant matrix",
                "A matrix of equal numbers treats all places alike: it commutes with shifts.",
                lambda: (False, np.ones((3, 3))),
            ),
            Mistake(
                "takes a matrix that is not square",
                "Your matrix is not square: input and output are signals of one length here.",
                lambda: (False, np.arange(6.0).reshape(2, 3)),
            ),
            Mistake(
                "gives no evidence",
                "You gave no matrix: a verdict convinces together with its evidence.",
                lambda: (False, None),
            ),
        ),
    ),
    Check(
        "claim_average",
        section="motivation#motivation-equivariance",
        judge=_judge_average,
        parts={"small": 1, "large": 1},
        cases=(
            Case((np.array([[1, 2], [3, 5]]),), {}, "small", "whole numbers"),
            Case((np.diag([3.0, 0, 0]),), {}, "small"),
            Case((_x(3, 3),), {}, "small", "once more of the same shape"),
            Case((_x(5, 5),), {}, "large"),
            Case((1e-3 * _x(5, 5),), {}, "large", "once more of the same shape, small numbers"),
            Case((_x(8, 8),), {}, "large"),
        ),
        draw_case=lambda d: (lambda n: Case((d.array(n, n),), {}, "small" if n < 4 else "large"))(d.integer(2, 6)),
        mistakes=(
            *claim_mistakes(
                True,
                "You judged it false. Average a small matrix over its shifts, and shift the result.",
                lambda m: None,
            ),
            Mistake(
                "gives the matrix back",
                "You give the matrix back as it is; average it over all shifts.",
                lambda m: (True, m.copy()),
            ),
            Mistake(
                "averages everything",
                "You take the mean of all numbers; shifts move numbers along their diagonal only.",
                lambda m: (True, np.full_like(m, m.mean())),
            ),
            Mistake(
                "shifts the rows alone",
                "You shift the rows only; rows and columns move together.",
                lambda m: (True, np.mean([np.roll(m, c, 0) for c in range(len(m))], axis=0)),
            ),
            Mistake(
                "sums",
                "You forgot to divide by the number of shifts.",
                lambda m: (True, _averaged(m) * len(m)),
            ),
            Mistake(
                "symmetrises",
                "You average the matrix with its transpose; average it over shifts.",
                lambda m: (True, (m + m.T) / 2),
            ),
        ),
    ),
    Check(
        "claim_order",
        section="motivation#motivation-receptive",
        judge=_judge_order,
        cases=(Case(),),
        mistakes=(
            *claim_mistakes(
                False,
                "You judged it true. Put a stride first, and then last.",
                lambda: ([(3, 2), (3, 1)], [(3, 1), (3, 2)]),
            ),
            Mistake(
                "takes equal strides",
                "Your two stacks are the same, in the same order.",
                lambda: (False, ([(3, 2), (5, 2)], [(3, 2), (5, 2)])),
            ),
            Mistake(
                "takes stride 1",
                "With stride 1 everywhere the order does not matter: let one layer have a stride.",
                lambda: (False, ([(3, 1), (5, 1)], [(5, 1), (3, 1)])),
            ),
            Mistake(
                "takes other layers",
                "Your two stacks have different layers; only their order may differ.",
                lambda: (False, ([(3, 2)], [(5, 2)])),
            ),
            Mistake(
                "gives kernels alone",
                "You gave kernel sizes alone; a layer is a pair (kernel size, stride).",
                lambda: (False, ([3, 2], [2, 3])),
            ),
        ),
    ),
    Check(
        "claim_depth",
        section="motivation#motivation-receptive",
        judge=_judge_depth,
        parts={"small fields": 1, "large fields": 1},
        cases=(
            Case((1,), {}, "small fields"),
            Case((3,), {}, "small fields"),
            Case((5,), {}, "small fields"),
            Case((17,), {}, "small fields"),
            Case((101,), {}, "large fields"),
            Case((301,), {}, "large fields"),
        ),
        draw_case=lambda d: (lambda n: Case((2 * n + 1,), {}, "small fields" if n < 20 else "large fields"))(
            d.choice((d.integer(2, 19), d.integer(20, 150)))
        ),
        mistakes=(
            *claim_mistakes(
                True, "You judged it false. How many inputs does each further layer of three taps add?", lambda n: 0
            ),
            Mistake(
                "divides by three",
                "You divide by three: a layer adds two inputs to the field, and the first one is there already.",
                lambda n: (True, n // 3),
            ),
            Mistake(
                "takes the logarithm",
                "You take a logarithm: with stride 1 fields grow by addition.",
                lambda n: (True, int(np.log2(n))),
            ),
            Mistake(
                "has a layer too many",
                "You have a layer too many: without any layer a unit sees one input.",
                lambda n: (True, (n + 1) // 2),
            ),
            Mistake(
                "takes a layer per input",
                "You take a layer for each further input; a layer adds two.",
                lambda n: (True, n - 1 or 1),
            ),
        ),
    ),
)

CHECKS = (
    DENSE_PARAMETERS,
    CONV_PARAMETERS,
    LOCAL_PARAMETERS,
    CONV_OPERATIONS,
    RECEPTIVE_FIELD,
    CONNECTIVITY,
    SHIFT2D,
    COMMUTING_SHIFTS,
    ANSWERED_SHIFTS,
    *CLAIMS,
)
