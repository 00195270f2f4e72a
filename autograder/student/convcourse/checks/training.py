"""Checks of the topic `training`: a network from a layer list, the loss, the steps and what belongs to them, two claims, three models.

Oracles are PyTorch: ``F.cross_entropy``, ``torch.optim``, its schedulers, ``torch.nn.init``, and a network built from
the same list by its functions.
"""

from dataclasses import dataclass
from operator import index
from typing import Any

import numpy as np
import scipy.ndimage
import torch
import torch.nn.functional as F

from convcourse.calls.call import arrays_in
from convcourse.engine.builders import Arrays, altered, claim_mistakes, handed, pair
from convcourse.engine.check import Check
from convcourse.engine.evidence import verdict_and_evidence
from convcourse.engine.kinds import WHOLE
from convcourse.engine.model import DTYPE, MODIFIES, Case, Mistake, Property
from convcourse.engine.network_check import Bounds, NetworkCheck
from convcourse.engine.oracles import array, gradient, tensor
from convcourse.networks import tasks
from convcourse.networks.layers import as_modules

# --- networks that are tried ---------------------------------------------------------------------------------------

_HEAD = [{"kind": "flatten"}, {"kind": "linear", "out_features": 3}]
_PLAIN = [{"kind": "conv2d", "out_channels": 3, "kernel_size": 3}, {"kind": "relu"}, *_HEAD]
_POOLED = [
    {"kind": "conv2d", "out_channels": 4, "kernel_size": 3, "stride": (2, 1), "padding": 1},
    {"kind": "relu"},
    {"kind": "max_pool2d", "kernel_size": 2},
    {"kind": "conv2d", "out_channels": 3, "kernel_size": (1, 2), "padding": (0, 1), "bias": False},
    {"kind": "relu"},
    {"kind": "flatten"},
    {"kind": "linear", "out_features": 4},
    {"kind": "relu"},
    {"kind": "linear", "out_features": 2, "bias": False},
]
_OVERLAPPING = [
    {"kind": "conv2d", "out_channels": 2, "kernel_size": 3, "dilation": 2, "padding": 2},
    {"kind": "max_pool2d", "kernel_size": 3, "stride": 2, "padding": 1},
    {"kind": "relu"},
    {"kind": "max_pool2d", "kernel_size": 2, "stride": 1},
    *_HEAD,
]
_PAIRS = [
    {
        "kind": "conv2d",
        "out_channels": 4,
        "kernel_size": (3, 2),
        "stride": (2, 1),
        "padding": (1, 0),
        "dilation": (1, 2),
        "bias": True,
    },
    {"kind": "relu"},
    {"kind": "max_pool2d", "kernel_size": (2, 3), "stride": (1, 2), "padding": (0, 1)},
    *_HEAD,
]
_BLACK = [
    {"kind": "conv2d", "out_channels": 2, "kernel_size": 2},
    {"kind": "max_pool2d", "kernel_size": (3, 2), "stride": 2},
    *_HEAD,
]
_RELU_FIRST = [{"kind": "relu"}, *_PLAIN[:1], {"kind": "relu"}, *_HEAD]
_FLAT_FIRST = [{"kind": "flatten"}, {"kind": "relu"}, {"kind": "linear", "out_features": 3}]
_OBLONG = [
    {"kind": "max_pool2d", "kernel_size": (2, 3), "padding": (0, 1)},
    {"kind": "conv2d", "out_channels": 3, "kernel_size": 2},
    {"kind": "max_pool2d", "kernel_size": (3, 2), "padding": (1, 0)},
    *_HEAD,
]
_MARGINS = [
    {"kind": "conv2d", "out_channels": 3, "kernel_size": (1, 2), "stride": (2, 1), "padding": (2, 3)},
    {"kind": "relu"},
    {"kind": "conv2d", "out_channels": 2, "kernel_size": 5, "padding": 2},
    *_HEAD,
]
_LONG = [
    *[{"kind": "conv2d", "out_channels": n, "kernel_size": size} for n, size in ((3, 2), (2, 1), (4, (1, 2)), (2, 1))],
    {"kind": "relu"},
    *_HEAD,
    *[{"kind": "relu"}, {"kind": "linear", "out_features": 5}] * 3,
]
_UP = [
    {"kind": "conv2d", "out_channels": 4, "kernel_size": 3, "stride": 2, "padding": 1},
    {"kind": "relu"},
    {"kind": "conv_transpose2d", "out_channels": 3, "kernel_size": 4, "stride": 2, "padding": 1},
    {"kind": "relu"},
    {"kind": "conv_transpose2d", "out_channels": 2, "kernel_size": (1, 3), "padding": (0, 1)},
]
_UP_PAIRS: list[Any] = [
    {"kind": "conv2d", "out_channels": 3, "kernel_size": 3, "stride": 2, "padding": 1},
    {"kind": "relu"},
    {
        "kind": "conv_transpose2d",
        "out_channels": 2,
        "kernel_size": (4, 3),
        "stride": (2, 1),
        "padding": (1, 0),
        "bias": False,
    },
    {"kind": "conv_transpose2d", "out_channels": 2, "kernel_size": 2},
]
_UP_GAPS = [
    {"kind": "conv2d", "out_channels": 3, "kernel_size": 2},
    {"kind": "conv_transpose2d", "out_channels": 2, "kernel_size": (2, 1), "stride": (3, 2), "padding": (1, 0)},
]


def _normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


def _weights(layers, input_shape, draw=_normal):
    """Draw weights for a network, all of them far from zero in size."""
    weights = {}
    for position, module in enumerate(as_modules(layers, input_shape)):
        for name, parameter in module.named_parameters():
            scale = 1 if parameter.ndim == 1 else 1.5 / np.sqrt(parameter[0].numel())
            weights[f"{position}.{name}"] = scale * draw(*parameter.shape)
    return weights


def _case(layers, shape, part, note="", dtype=np.float64, seed=0, black=0, bright=True):
    """Make a network, its weights and pictures that do not lie in one piece of memory, `black` rows of them black.

    Pictures that are not bright have values below 0 alone, and biases of -9 keep them there; the last bias is 0.
    """
    drawn = _weights(layers, shape, lambda *sizes: _normal(*sizes, seed=seed))
    n, c, h, w = shape
    x = _normal(n, c, w, h, seed=seed, dtype=dtype).swapaxes(2, 3)
    x[:, :, :black] = 0
    if not bright:
        x = -np.abs(x)
        biases = [name for name in drawn if name.endswith("bias")]
        drawn |= {name: np.full_like(drawn[name], -9.0 * (name != biases[-1])) for name in biases}
    return layers, {name: w.astype(dtype) for name, w in drawn.items()}, x, part, note


_TRIED = (
    _case(_PLAIN, (2, 2, 4, 5), "one after the other"),
    _case(_PLAIN, (2, 2, 4, 5), "one after the other", "the same shapes", seed=1),
    _case(_RELU_FIRST, (1, 2, 3, 4), "one after the other", "the first layer is ReLU"),
    _case(_FLAT_FIRST, (2, 1, 2, 3), "one after the other", "without a convolution"),
    _case(_PLAIN, (3, 1, 5, 4), "one after the other", "float32", np.float32),
    _case(_LONG, (2, 1, 3, 4), "one after the other", "more than ten layers"),
    _case(_POOLED, (2, 3, 7, 6), "strides, pads, pooling", "a convolution and a dense layer without bias"),
    _case(_OVERLAPPING, (3, 2, 6, 7), "strides, pads, pooling", "dilation; windows overlap, also with stride 1"),
    _case(_PAIRS, (2, 2, 7, 9), "strides, pads, pooling", "sizes are pairs; float32", np.float32),
    _case(_BLACK, (2, 1, 7, 6), "strides, pads, pooling", "black rows: ties where pixels are pooled", black=5),
    _case(_OBLONG, (2, 2, 12, 17), "strides, pads, pooling", "negative numbers are pooled", bright=False),
    _case(
        _MARGINS,
        (2, 2, 3, 2),
        "strides, pads, pooling",
        "windows that lie in the padding, a kernel larger than the map",
    ),
    _case(_UP, (2, 2, 9, 10), "a label per pixel"),
    _case(_UP_GAPS, (2, 1, 3, 4), "a label per pixel", "strides larger than the kernel"),
    _case(_UP_PAIRS, (2, 3, 5, 6), "a label per pixel", "sizes are pairs, no bias; float32", np.float32),
    _case(_UP, (1, 2, 8, 6), "a label per pixel", "an even number of rows in the middle"),
)


def _photographs(layers, shape, part):
    layers, weights, x, *_ = _case(layers, shape, part)
    return layers, weights, np.clip(np.rint(60 * np.abs(x)), 0, 255).astype(np.uint8), part, "photographs: bytes"


_PHOTOS = (
    _photographs(_PLAIN, (2, 1, 4, 5), "one after the other"),
    _photographs(_OBLONG, (1, 3, 12, 17), "strides, pads, pooling"),
    _photographs(_UP, (1, 2, 5, 6), "a label per pixel"),
)


def _works_with_whole_numbers(judge, case):
    """Say for a property whether all is well with integers in all arrays of a case, and in each of them alone."""
    return lambda call, sampler: all(
        judge(call(*given.args, **given.kwargs), meant) is None for given, meant in WHOLE.vary(case)
    )


def _keeps_single(cases):
    """Say for a property whether what comes of cases with float32 is of float32."""
    return lambda call, sampler: all(
        found.dtype == np.float32 for case in cases for found in arrays_in(call(*case.args))
    )


def _judged_properties(judge, whole, *single):
    """Return what `kinds` tries where there is an oracle, for a check that has a judge."""
    return (
        Property("whole numbers", WHOLE.message, _works_with_whole_numbers(judge, whole)),
        Property("float32", DTYPE, _keeps_single(single)),
    )


# --- network_summary -----------------------------------------------------------------------------------------------


def _summary(layers, input_shape):
    modules = as_modules(layers, input_shape)
    shape = torch.nn.Sequential(*modules)(torch.empty(input_shape, device="meta")).shape
    return tuple(int(n) for n in shape), sum(p.numel() for module in modules for p in module.parameters())


def _summary_without(*ends):
    """Count only the parameters whose names do not end in `ends`."""

    def wrong(layers, input_shape):
        modules = as_modules(layers, input_shape)
        counted = [p.numel() for m in modules for name, p in m.named_parameters() if not name.endswith(ends)]
        return _summary(layers, input_shape)[0], sum(counted)

    return wrong


def _changed(layers, input_shape, **changes):
    """Summarise a network with some options left out or changed; what does not fit any more gives zeros."""
    layers = [{k: changes.get(k, v) for k, v in layer.items() if changes.get(k, v) is not None} for layer in layers]
    try:
        return _summary(layers, input_shape)
    except (RuntimeError, ValueError):
        return (0,), 0


def _pooling_by(stride):
    """Summarise a network whose pooling layers step by ``stride(kernel_size)`` where they do not say how far."""
    return lambda layers, input_shape: _changed(
        [
            {"stride": stride(layer["kernel_size"])} | layer if layer["kind"] == "max_pool2d" else layer
            for layer in layers
        ],
        input_shape,
    )


_DEEP = [
    {"kind": "conv2d", "out_channels": 6, "kernel_size": (3, 5), "padding": (1, 2)},
    {"kind": "relu"},
    {"kind": "max_pool2d", "kernel_size": 3, "stride": 2},
    {"kind": "conv2d", "out_channels": 4, "kernel_size": 3, "stride": 2, "padding": 1},
    {"kind": "relu"},
    *_HEAD,
]

NETWORK_SUMMARY = Check(
    "network_summary",
    section="training#training-network",
    oracle=_summary,
    draw_count=3,
    parts={"convolutions and dense layers": 2, "strides, pads, pooling": 2, "transposed": 1},
    cases=(
        Case((_PLAIN, (1, 2, 4, 5)), {}, "convolutions and dense layers"),
        Case((_PLAIN, (7, 1, 9, 3)), {}, "convolutions and dense layers", "a batch of 7"),
        Case((_LONG, (2, 1, 3, 4)), {}, "convolutions and dense layers", "more than ten layers"),
        Case((_POOLED, (2, 3, 7, 6)), {}, "strides, pads, pooling", "layers without bias"),
        Case((_OVERLAPPING, (1, 2, 6, 7)), {}, "strides, pads, pooling", "dilation"),
        Case((_PAIRS, (2, 2, 7, 9)), {}, "strides, pads, pooling", "sizes are pairs"),
        Case((_DEEP, (4, 3, 12, 17)), {}, "strides, pads, pooling"),
        Case((_OBLONG, (2, 2, 12, 17)), {}, "strides, pads, pooling", "pooling windows that are not square"),
        Case((_MARGINS, (2, 2, 3, 2)), {}, "strides, pads, pooling", "a kernel larger than the map"),
        Case((_UP, (3, 2, 9, 10)), {}, "transposed"),
        Case((_UP_PAIRS, (2, 3, 5, 6)), {}, "transposed", "sizes are pairs, no bias"),
        Case((_UP_GAPS, (2, 1, 3, 4)), {}, "transposed", "strides larger than the kernel"),
    ),
    draw_case=lambda d: Case(
        (_DEEP, (d.integer(1, 3), d.integer(1, 4), d.integer(9, 14), d.integer(9, 14))), {}, "strides, pads, pooling"
    ),
    mistakes=(
        Mistake(
            "forgets biases",
            "You counted no biases: a layer has one for each output channel unless it says `bias: False`.",
            _summary_without("bias"),
        ),
        Mistake(
            "counts biases that are not there",
            "You counted a bias where the layer says `bias: False`.",
            lambda layers, shape: (
                _summary(layers, shape)[0],
                _summary([{k: v for k, v in layer.items() if k != "bias"} for layer in layers], shape)[1],
            ),
            share=2 / 5,
        ),
        Mistake(
            "ignores the batch",
            "You gave the shape for one picture: the first axis is the batch, and no layer changes it.",
            lambda layers, shape: ((1, *_summary(layers, shape)[0][1:]), _summary(layers, shape)[1]),
        ),
        Mistake(
            "ignores padding",
            "You ignored the padding: it makes maps larger, and the dense layer after them too.",
            lambda layers, shape: _changed(layers, shape, padding=None),
            share=2 / 5,
        ),
        Mistake(
            "ignores input channels",
            "You counted each kernel once: it has a slice for every input channel.",
            lambda layers, shape: (
                _summary(layers, shape)[0],
                sum(
                    p[:, :1].numel() if p.ndim == 4 else p.numel()
                    for m in as_modules(layers, shape)
                    for p in m.parameters()
                ),
            ),
        ),
        Mistake(
            "ignores strides",
            "You ignored the strides of the layers.",
            lambda layers, shape: _changed(layers, shape, stride=None),
            share=2 / 5,
        ),
        Mistake(
            "pools in steps of 1",
            "You let pooling windows step by one pixel where no stride is given: then they stand side by side.",
            _pooling_by(lambda size: 1),
            share=3 / 5,
        ),
        Mistake(
            "pools in square steps",
            "You let pooling windows step by their height along both axes: without a stride they step by height and width.",
            _pooling_by(lambda size: pair(size)[0]),
            share=3 / 5,
        ),
    ),
)

# --- convnet_forward -----------------------------------------------------------------------------------------------


def _apply(
    layers, weights, x, skip=(), bias=True, channels_last=False, plain=(), relu=torch.relu, max_pool2d=F.max_pool2d
):
    """Run a network by PyTorch's functions; the keywords build known mistakes."""
    for position, layer in enumerate(layers):
        kind = layer["kind"]
        w, b = weights.get(f"{position}.weight"), weights.get(f"{position}.bias") if bias else None
        if kind in skip:
            continue
        options = {
            name: v for name, v in layer.items() if name in ("stride", "padding", "dilation") and name not in plain
        }
        if kind == "conv2d":
            x = F.conv2d(x, w, b, **options)
        elif kind == "conv_transpose2d":
            x = F.conv_transpose2d(x, w, b, **options)
        elif kind == "max_pool2d":
            x = max_pool2d(x, layer["kernel_size"], **options)
        elif kind == "relu":
            x = relu(x)
        elif kind == "flatten":
            x = (x.permute(0, 2, 3, 1) if channels_last and x.ndim == 4 else x).flatten(1)
        else:
            x = F.linear(x, w, b)
    return x


def _forward(layers, weights, x, **changes):
    x = x.astype(np.result_type(x, np.float32))  # PyTorch does not convolve bytes
    dtype = np.result_type(x, *weights.values())
    return array(
        _apply(
            layers, {name: tensor(w.astype(dtype)) for name, w in weights.items()}, tensor(x.astype(dtype)), **changes
        )
    )


def _pool_with_zeros(x, kernel_size, stride=None, padding=0):
    (ph, pw), size = pair(padding), pair(kernel_size)
    return F.max_pool2d(F.pad(x, (pw, pw, ph, ph)), size, stride)


def _draw_forward(sampler):
    layers, part = sampler.choice([(_PLAIN, "one after the other"), (_UP, "a label per pixel")])
    shape = (sampler.integer(1, 3), sampler.integer(1, 3), 2 * sampler.integer(2, 4), 2 * sampler.integer(2, 4))
    return Case((layers, _weights(layers, shape, sampler.array), sampler.array(*shape)), {}, part)


CONVNET_FORWARD = Check(
    "convnet_forward",
    section="training#training-network",
    oracle=_forward,
    parts={"one after the other": 3, "strides, pads, pooling": 3, "a label per pixel": 2},
    cases=tuple(Case((layers, weights, x), {}, part, note) for layers, weights, x, part, note in (*_TRIED, *_PHOTOS)),
    draw_case=_draw_forward,
    draw_count=4,
    mistakes=(
        Mistake(
            "forgets biases",
            "You left the biases out.",
            lambda layers, weights, x: _forward(layers, weights, x, bias=False),
        ),
        Mistake(
            "forgets ReLU",
            "You left ReLU out: without it the layers collapse into one linear map.",
            lambda layers, weights, x: _forward(layers, weights, x, skip=("relu",)),
        ),
        Mistake(
            "flattens channels last",
            "You flattened with the channels last; PyTorch joins (C, H, W) in this order, and so do the weights.",
            lambda layers, weights, x: _forward(layers, weights, x, channels_last=True),
            share=2 / 8,
        ),
        Mistake(
            "adds a last ReLU",
            "You put a ReLU after the last layer: logits may be negative.",
            lambda layers, weights, x: np.maximum(_forward(layers, weights, x), 0),
        ),
        Mistake(
            "returns probabilities",
            "You returned probabilities; the network gives logits, and the loss takes the softmax.",
            lambda layers, weights, x: array(torch.softmax(tensor(_forward(layers, weights, x)), 1)),
        ),
        Mistake(
            "runs the first layer alone",
            "You returned what comes out of the first layer: go through all of them.",
            lambda layers, weights, x: _forward(layers[:1], weights, x),
        ),
        Mistake(
            "pools padded zeros",
            "Your pooling pads with zeros, and they win over negative numbers: nothing in the padding may win.",
            lambda layers, weights, x: _forward(layers, weights, x, max_pool2d=_pool_with_zeros),
            share=5 / 8,
        ),
    ),
)

# --- cross_entropy -------------------------------------------------------------------------------------------------


def _labels(shape, classes, seed=0):
    return np.random.default_rng([seed, classes]).integers(0, classes, shape)


def _cross_entropy(logits, target):
    return np.asarray(array(F.cross_entropy(tensor(logits), tensor(target).long())))


def _draw_loss(sampler):
    n, k = sampler.integer(1, 4), sampler.integer(2, 5)
    space, part = sampler.choice([((), "one label"), ((2, 3), "a label per pixel")])
    labels = np.array([sampler.integer(0, k - 1) for _ in range(n * int(np.prod(space)))]).reshape(n, *space)
    return sampler.array(n, k, *space), labels, part


_LOSSES = (
    (_normal(2, 3), np.array([2, 0]), "one label", "two samples, three classes"),
    (_normal(5, 4, dtype=np.float32), _labels(5, 4), "one label", "float32"),
    (_normal(1, 4), np.array([3], np.uint8), "one label", "one sample; labels are bytes"),
    (3 * _normal(2, 3, 2, 4), _labels((2, 2, 4), 3).astype(np.uint8), "a label per pixel", "a label per pixel"),
    (_normal(3, 2, 1, 1), _labels((3, 1, 1), 2), "a label per pixel", "pictures of one pixel"),
    (1e4 * _normal(3, 2, 1, 2), _labels((3, 1, 2), 2), "huge logits", "exp(10,000) is infinite"),
    (1e4 * _normal(4, 3), _labels(4, 3), "huge logits", ""),
    (1e4 * _normal(1, 3), _labels(1, 3), "huge logits", "one sample"),
    (-2e9 - 1e9 * np.abs(_normal(2, 3)), _labels(2, 3), "huge logits", "all far below 0"),
)


def _loss_scale(logits, target):
    return np.asarray(np.abs(logits).max() + 1.0)


def _naive(logits, target):
    with np.errstate(all="ignore"):
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        return -np.log(np.take_along_axis(p, target[:, None], 1)).mean()


def _from_the_largest(logits, target):
    with np.errstate(all="ignore"):
        shifted = logits - logits.max()
        of_target = np.take_along_axis(shifted, target[:, None].astype(int), 1)[:, 0]
        return (np.log(np.exp(shifted).sum(1)) - of_target).mean()


CROSS_ENTROPY = Check(
    "cross_entropy",
    section="training#training-loss",
    oracle=_cross_entropy,
    scale=_loss_scale,
    parts={"one label": 2, "a label per pixel": 1, "huge logits": 1},
    cases=tuple(Case((logits, target), {}, part, note) for logits, target, part, note in _LOSSES),
    draw_case=lambda d: (lambda logits, target, part: Case((logits, target), {}, part))(*_draw_loss(d)),
    mistakes=(
        Mistake(
            "overflows",
            "Your loss is infinite or NaN for large logits: subtract the largest logit of each sample before taking exponentials.",
            _naive,
            share=3 / 4,
        ),
        Mistake(
            "subtracts the largest of all",
            "You subtract the largest of all logits; where a sample's own are far below it, their exponentials are all 0.",
            _from_the_largest,
            share=3 / 4,
        ),
        Mistake(
            "sums",
            "You summed over the samples; the mean is asked for.",
            lambda logits, target: _cross_entropy(logits, target) * target.size,
        ),
        Mistake(
            "forgets the sign",
            "The sign is wrong: the loss is minus the logarithm of a probability, so it is never negative.",
            lambda logits, target: -_cross_entropy(logits, target),
        ),
        Mistake(
            "divides by samples, not pixels",
            "You divided by the number of pictures; the mean is over all pixels.",
            lambda logits, target: _cross_entropy(logits, target) * target.size / len(target),
            share=2 / 4,
        ),
        Mistake(
            "takes bits",
            "You took the logarithm to base 2; nats are asked for, the natural logarithm.",
            lambda logits, target: _cross_entropy(logits, target) / np.log(2),
        ),
        Mistake(
            "averages over classes",
            "You divided by the number of classes as well: only the label's probability counts.",
            lambda logits, target: _cross_entropy(logits, target) / logits.shape[1],
        ),
    ),
)


def _loss_slope(grad_output, logits, target):
    return gradient(F.cross_entropy)(np.asarray(grad_output, float), logits, tensor(target).long())


def _softmax_alone(grad_output, logits, target):
    return array(torch.softmax(tensor(logits), 1)) * grad_output / target.size


CROSS_ENTROPY_BACKWARD = Check(
    "cross_entropy_backward",
    section="training#training-loss",
    oracle=_loss_slope,
    scale=lambda g, logits, target: np.ones_like(logits) * abs(g),
    parts={"one label": 2, "a label per pixel": 1, "huge logits": 1},
    cases=(
        *(Case((2.5, logits, target), {}, part, note) for logits, target, part, note in _LOSSES),
        Case((0.0, *_LOSSES[0][:2]), {}, _LOSSES[0][2], "nothing arrives from above"),
    ),
    draw_case=lambda d: (lambda logits, target, part: Case((-0.7, logits, target), {}, part))(*_draw_loss(d)),
    mistakes=(
        Mistake(
            "forgets the label",
            "You returned the probabilities; subtract 1 where the label is.",
            _softmax_alone,
        ),
        Mistake(
            "forgets the mean",
            "You forgot that the loss is a mean: divide by the number of labels.",
            lambda g, logits, target: _loss_slope(g, logits, target) * (target.size + (target.size == 1)),
        ),
        Mistake(
            "ignores the upstream gradient",
            "You ignored grad_output: it multiplies the whole gradient.",
            lambda g, logits, target: _loss_slope(1.0, logits, target),
        ),
        Mistake(
            "has the wrong sign",
            "The sign is wrong: a step against the gradient must raise the label's probability.",
            lambda g, logits, target: -_loss_slope(g, logits, target),
        ),
        Mistake(
            "divides by samples, not pixels",
            "You divided by the number of pictures; the loss is a mean over all pixels.",
            lambda g, logits, target: _loss_slope(g, logits, target) * (target.size / len(target)),
            share=2 / 4,
        ),
    ),
)

# --- convnet_backward ----------------------------------------------------------------------------------------------


def _gradients(grad_output, layers, weights, x, **changes):
    """Return ({name: gradient}, gradient of x) by autograd, in float32 if all arrays are."""
    dtype = np.result_type(np.float32, grad_output, x, *weights.values())
    tensors = {name: tensor(w.astype(dtype), requires_grad=True) for name, w in weights.items()}
    x = tensor(x.astype(dtype), requires_grad=True)
    (_apply(layers, tensors, x, **changes) * tensor(grad_output)).sum().backward()
    zero = torch.zeros_like
    return {name: array(zero(w) if w.grad is None else w.grad) for name, w in tensors.items()}, array(
        zero(x) if x.grad is None else x.grad
    )


def _judge_backward(value, case):
    if not isinstance(value, tuple | list) or len(value) != 2 or not isinstance(value[0], dict):
        return "Return two things: a dict with a gradient for every weight, and the gradient of x."
    grads, grad_x = _gradients(*case.args)
    if missing := sorted(set(grads) - set(value[0])):
        return f"There is no gradient {missing[0]!r}: every weight has one, under its own name."
    if odd := sorted(map(str, set(value[0]) - set(grads))):
        return f"There is a gradient {odd[0]!r}, but no such weight."
    for name, actual, right in [*((n, value[0][n], g) for n, g in grads.items()), ("x", value[1], grad_x)]:
        actual = np.asarray(actual)
        if actual.dtype.kind not in "iuf":
            return f"The gradient of {name} holds no numbers."
        if actual.shape != right.shape:
            return f"The gradient of {name} has shape {actual.shape}, expected {right.shape}."
        gap = np.abs(actual - right).max()
        if not gap <= (1e-3 if right.dtype == np.float32 else 1e-9) * max(np.abs(right).max(), 1e-3):
            return f"The gradient of {name} differs from autograd's by {gap:.3g}."
    return None


def _half_black():
    """Return a network without biases and pictures with a black half: what ReLU gets from there is exactly 0."""
    layers, weights, x, _, _ = _case([_UP_PAIRS[0] | {"bias": False}, {"kind": "relu"}, *_HEAD], (2, 2, 6, 8), "")
    x[..., :4] = 0
    return layers, weights, x


class _Straight(torch.autograd.Function):
    """ReLU forward, identity backward."""

    @staticmethod
    def forward(context, x):
        return x.clamp(min=0)

    @staticmethod
    def backward(context, grad_output):
        return grad_output


def _pay(count):
    """Return max pooling that pays ``1 / count(number of winners)`` of the gradient to each winner of a window."""

    def max_pool2d(x, kernel_size, stride=None, padding=0):
        (kh, kw), (ph, pw), (sh, sw) = map(pair, (kernel_size, padding, stride or kernel_size))
        padded = F.pad(x, (pw, pw, ph, ph), value=-torch.inf)
        windows = padded.unfold(2, kh, sh).unfold(3, kw, sw).flatten(4)
        largest = windows.detach().amax(-1, keepdim=True)
        wins = windows == largest
        paid = (torch.where(wins, windows, 0) / count(wins.sum(-1, keepdim=True))).sum(-1)
        return largest[..., 0] + paid - paid.detach()

    return max_pool2d


def _upstream(layers, weights, x):
    output = _forward(layers, weights, x)
    return _normal(*output.shape, seed=3, dtype=output.dtype)


def _every_gradient(change):
    """Build a mistake that spoils all the gradients in one way."""

    def wrong(grad_output, layers, weights, x):
        grads, grad_x = _gradients(grad_output, layers, weights, x)
        return {name: change(grad, x) for name, grad in grads.items()}, change(grad_x, x)

    return wrong


def _draw_backward(sampler):
    case = _draw_forward(sampler)
    return Case((sampler.array(*_forward(*case.args).shape), *case.args), {}, case.part)


_BACKWARD_CASES = tuple(
    Case((_upstream(layers, weights, x), layers, weights, x), {}, part, note)
    for layers, weights, x, part, note in (*_TRIED, *_PHOTOS, (*_half_black(), "ReLU at 0", "a black half and no bias"))
)


def _large_behind(kind):
    """Build a mistake that gives float64 for a network with a layer of this kind."""
    return lambda g, layers, weights, x: _gradients(
        g, layers, weights, x.astype(float) if any(layer["kind"] == kind for layer in layers) else x
    )


CONVNET_BACKWARD = Check(
    "convnet_backward",
    builds_on=("convnet_forward",),
    section="training#training-backward",
    judge=_judge_backward,
    parts={"one after the other": 3, "strides, pads, pooling": 2, "a label per pixel": 2, "ReLU at 0": 1},
    cases=_BACKWARD_CASES,
    properties=_judged_properties(
        _judge_backward,
        _BACKWARD_CASES[0],
        *(case for case in _BACKWARD_CASES if case.args[-1].dtype == np.float32),
    ),
    draw_case=_draw_backward,
    draw_count=4,
    mistakes=(
        Mistake(
            "ignores the upstream gradient",
            "You ignored grad_output: start from it, not from ones.",
            lambda g, layers, weights, x: _gradients(np.ones_like(g), layers, weights, x),
        ),
        Mistake(
            "lets ReLU pass everything",
            "Your ReLU lets every gradient pass: where its input was negative, nothing flows back.",
            lambda g, layers, weights, x: _gradients(g, layers, weights, x, relu=_Straight.apply),
        ),
        Mistake(
            "lets ReLU pass at 0",
            "Your ReLU lets the gradient pass where its input is exactly 0; there it is 0.",
            lambda g, layers, weights, x: _gradients(g, layers, weights, x, relu=lambda v: v.clamp(min=0)),
            share=7 / 8,
        ),
        Mistake(
            "pays all winners",
            "Where pixels of a pooling window are equally large you pay all of them: the first alone gets the gradient.",
            lambda g, layers, weights, x: _gradients(g, layers, weights, x, max_pool2d=_pay(torch.ones_like)),
            share=6 / 8,
        ),
        Mistake(
            "shares among winners",
            "Where pixels of a pooling window are equally large you share among them: the first gets all the gradient.",
            lambda g, layers, weights, x: _gradients(g, layers, weights, x, max_pool2d=_pay(lambda number: number)),
            share=6 / 8,
        ),
        Mistake(
            "pools padded zeros",
            "Your pooling pads with zeros, and they win over negative numbers: nothing in the padding may win.",
            lambda g, layers, weights, x: _gradients(g, layers, weights, x, max_pool2d=_pool_with_zeros),
            share=6 / 8,
        ),
        Mistake(
            "cuts off fractions",
            WHOLE.message,
            lambda g, layers, weights, x: (
                lambda grads, grad_x: (grads, grad_x.astype(x.dtype) if x.dtype.kind == "i" else grad_x)
            )(*_gradients(g, layers, weights, x)),
            share=3 / 4,
        ),
        Mistake(
            "gives float64 for float32",
            DTYPE,
            lambda g, layers, weights, x: _gradients(g, layers, weights, x.astype(float)),
            share=3 / 4,
        ),
        Mistake("goes through zeros of float64 where it pools", DTYPE, _large_behind("max_pool2d"), share=3 / 4),
        Mistake("gives float64 of what is transposed", DTYPE, _large_behind("conv_transpose2d"), share=3 / 4),
        Mistake(
            "averages over the batch",
            "You divided by the size of the batch: the mean is in the loss's gradient already.",
            _every_gradient(lambda grad, x: grad / len(x)),
        ),
        Mistake(
            "has the wrong sign",
            "Every sign is wrong: return the gradient itself; the step subtracts it.",
            _every_gradient(lambda grad, x: -grad),
        ),
        Mistake(
            "forgets biases",
            "There is no gradient",
            lambda g, layers, weights, x: (
                {n: v for n, v in _gradients(g, layers, weights, x)[0].items() if n.endswith("weight")},
                _gradients(g, layers, weights, x)[1],
            ),
        ),
        Mistake(
            "returns x first",
            "Return two things: a dict with a gradient for every weight",
            lambda g, layers, weights, x: _gradients(g, layers, weights, x)[::-1],
        ),
    ),
)


# --- sgd_step ------------------------------------------------------------------------------------------------------


def _step(weights, grads, velocity=None, lr=0.01, momentum=0.0, weight_decay=0.0):
    """Do a step as ``torch.optim.SGD`` does."""
    weights, grads, old = (
        {name: a.astype(np.result_type(a, np.float32)) for name, a in (arrays or {}).items()}
        for arrays in (weights, grads, velocity)
    )
    parameters = {name: torch.nn.Parameter(tensor(w)) for name, w in weights.items()}
    optimizer = torch.optim.SGD(parameters.values(), lr=lr, momentum=momentum, weight_decay=weight_decay)
    for name, parameter in parameters.items():
        parameter.grad = tensor(grads[name].astype(weights[name].dtype)) if name in grads else None
        if name in old:
            optimizer.state[parameter]["momentum_buffer"] = tensor(old[name])
    optimizer.step()
    updated = {name: array(p) for name, p in parameters.items()}
    moved = {name: momentum * old.get(name, 0) + grad + weight_decay * weights[name] for name, grad in grads.items()}
    return updated, {name: np.array(v) for name, v in (old | moved).items()}


def _judge_step(value, case):
    if not isinstance(value, tuple | list) or len(value) != 2 or not all(isinstance(v, dict) for v in value):
        return "Return two dicts: the new weights and the new velocity."
    for words, actual, right in zip(("weights", "velocity"), value, _step(*case.args, **case.kwargs), strict=True):
        if words == "velocity":  # one of zeros, for a weight without a gradient, changes nothing
            actual = {name: v for name, v in actual.items() if name in right or name not in case.args[0] or np.any(v)}
        if problem := _differs(words, actual, right, case.args[words == "velocity"], case.args[1]):
            return problem
    return None


def _differs(words, found, right, others, grads):
    """Say how a dict of arrays differs from what is right, measured by its numbers and those of `others`, if it does."""
    if lost := sorted(set(right) - set(found) - set(grads)):
        return f"In the new {words}, {lost[0]!r} is gone: it had no gradient this time, and keeps what it has."
    if set(found) != set(right):
        return f"The names in the new {words} are {sorted(map(str, found))}, expected {sorted(right)}."
    for name in right:
        got = np.asarray(found[name], dtype=float)
        if got.shape != right[name].shape:
            return f"In the new {words}, {name!r} has shape {got.shape}, expected {right[name].shape}."
        gap = np.abs(got - right[name]).max()
        size = max(np.abs(part[name]).max() for part in (right, others) if name in part)
        if not gap <= (1e-5 if right[name].dtype == np.float32 else 1e-10) * size:
            alone = "" if name in grads else ", though it had no gradient this time"
            return f"In the new {words}, {name!r} is off by {gap:.3g}{alone}."
    return None


def _without(arrays, name):
    return {n: a for n, a in arrays.items() if n != name}


def _as_large(factor, arrays):
    return {name: factor * array for name, array in arrays.items()}


def _draw_step(sampler):
    outputs, inputs = sampler.integer(1, 3), sampler.integer(2, 4)
    shapes = {"0.weight": (outputs, inputs), "0.bias": (outputs,), "2.weight": (2, outputs, 1, 3)}
    weights, grads, velocity = ({name: sampler.array(*shape) for name, shape in shapes.items()} for _ in range(3))
    part = sampler.choice(("a plain step", "momentum", "weight decay", "no gradient"))
    rate, momentum = sampler.integer(1, 9) / 20, sampler.integer(1, 9) / 10
    if part == "a plain step":
        return Case((weights, grads), {"lr": rate}, part)
    if part == "no gradient":
        grads = _without(grads, sampler.choice(sorted(shapes)))
    decay = sampler.integer(1, 9) / 10 if part == "weight decay" else 0.0
    return Case((weights, grads, velocity, rate, momentum, decay), {}, part)


_W = {"0.weight": _normal(2, 1, 3, 2), "0.bias": _normal(2), "2.weight": _normal(3, 4)}
_G = {name: _normal(*w.shape, seed=1) for name, w in _W.items()}
_V = {name: _normal(*w.shape, seed=2) for name, w in _W.items()}
_WIDE = {name: _normal(*(n + 1 for n in w.shape), seed=3) for name, w in _W.items()}
_W32, _G32, _V32 = ({n: a.astype(np.float32) for n, a in d.items()} for d in (_W, _G, _V))


SGD_STEP = Check(
    "sgd_step",
    section="training#training-step",
    judge=_judge_step,
    parts={"a plain step": 1, "momentum": 1, "weight decay": 1, "no gradient": 1},
    cases=(
        Case((_W, _G), {"lr": 0.1}, "a plain step"),
        Case((_W, _G, _V), {}, "a plain step", "nothing but defaults: no momentum"),
        Case((_WIDE, _as_large(2.0, _WIDE)), {"lr": 0.1}, "a plain step", "other shapes: no earlier velocity fits"),
        Case((_as_large(1e6, _W), _as_large(1e6, _G)), {"lr": 0.1}, "a plain step", "large numbers"),
        Case((_as_large(1e-3, _W), _as_large(1e-6, _G)), {"lr": 0.1}, "a plain step", "small numbers"),
        Case((_W | {"1.mean": _normal(4)}, _G, None, 0.2), {}, "no gradient", "a weight without a gradient stays"),
        Case((_W, _without(_G, "2.weight"), _V, 0.1, 0.9), {}, "no gradient", "and keeps its velocity"),
        Case((_W, _G, _without(_V, "0.bias"), 0.1, 0.9), {}, "no gradient", "its first one: no velocity yet"),
        Case((_W, _without(_G, "0.bias"), _V, 0.1, 0.9, 0.2), {}, "no gradient", "and does not decay"),
        Case((_W, {}, _V, 0.1, 0.9, 0.2), {}, "no gradient", "no weight has one"),
        Case((_W, _G, {}, 0.1, 0.9), {}, "momentum", "no weight has a velocity yet"),
        Case((_W, _G, _as_large(0.0, _V), 0.1, 0.9), {}, "momentum", "velocities of zeros"),
        Case((_W, _G, _V, 0.0, 0.9), {}, "momentum", "a rate of 0: velocities change alone"),
        Case((_W, _G, _V, 0.1, 0.9), {}, "momentum"),
        Case((_W32, _G32, _V32, 0.1, 0.5), {}, "momentum", "float32"),
        Case((_W, _G, None, 0.1, 0.9), {}, "momentum", "the first step: there is no velocity yet"),
        Case((_W, _G), {"lr": 0.1, "momentum": 0.9}, "momentum", "none is given, and none of an earlier call is kept"),
        Case((_W, _G, _V, 0.1, 0.9, 0.2), {}, "weight decay"),
        Case((_W, _G, None, 0.1, 0.0, 0.3), {}, "weight decay"),
    ),
    properties=_judged_properties(
        _judge_step,
        Case((_W, _G, _V, 0.1, 0.9, 0.2)),
        Case((_W32, _G32, _V32, 0.1, 0.5, 0.2)),
        Case((_W32, _G32, None, 0.1, 0.5, 0.2)),
    ),
    draw_case=_draw_step,
    mistakes=(
        Mistake(
            "goes uphill",
            "You added the gradient: the loss falls in the other direction.",
            lambda w, g, v=None, lr=0.01, momentum=0.0, weight_decay=0.0: (
                lambda new, moved: ({n: 2 * w[n] - new[n] for n in new}, moved)
            )(*_step(w, g, v, lr, momentum, weight_decay)),
        ),
        Mistake(
            "forgets momentum",
            "You ignored the old velocity: `momentum` times it is added to the gradient.",
            lambda w, g, v=None, lr=0.01, momentum=0.0, weight_decay=0.0: _step(w, g, None, lr, 0.0, weight_decay),
            share=1 / 4,
        ),
        Mistake(
            "forgets weight decay",
            "You ignored weight_decay: it adds `weight_decay * w` to the gradient.",
            lambda w, g, v=None, lr=0.01, momentum=0.0, weight_decay=0.0: _step(w, g, v, lr, momentum, 0.0),
            share=1 / 2,
        ),
        Mistake(
            "puts the rate into the velocity",
            "You put lr into the velocity; here, as in PyTorch, the velocity holds gradients and lr multiplies it at the end.",
            lambda w, g, v=None, lr=0.01, momentum=0.0, weight_decay=0.0: (
                lambda new, moved: (new, {n: lr * u for n, u in moved.items()})
            )(*_step(w, g, v, lr, momentum, weight_decay)),
        ),
        Mistake(
            "decays without a gradient",
            ", though it had no gradient this time.",
            lambda w, g, v=None, lr=0.01, momentum=0.0, weight_decay=0.0: (
                lambda new, moved: ({n: a if n in g else a - lr * weight_decay * a for n, a in new.items()}, moved)
            )(*_step(w, g, v, lr, momentum, weight_decay)),
            share=3 / 4,
        ),
        Mistake(
            "loses a velocity",
            "is gone: it had no gradient this time, and keeps what it has.",
            lambda w, g, v=None, lr=0.01, momentum=0.0, weight_decay=0.0: (
                lambda new, moved: (new, {n: moved[n] for n in g})
            )(*_step(w, g, v, lr, momentum, weight_decay)),
            share=3 / 4,
        ),
        Mistake(
            "cuts off fractions",
            WHOLE.message,
            lambda w, g, v=None, lr=0.01, momentum=0.0, weight_decay=0.0: (
                lambda new, moved: ({n: a.astype(w[n].dtype) for n, a in new.items()}, moved)
            )(*_step(w, g, v, lr, momentum, weight_decay)),
            share=3 / 4,
        ),
        Mistake(
            "gives float64 for float32",
            DTYPE,
            lambda w, g, v=None, lr=0.01, momentum=0.0, weight_decay=0.0: _step(
                _as_large(np.float64(1), w), g, v, lr, momentum, weight_decay
            ),
            share=3 / 4,
        ),
        Mistake(
            "begins with zeros of float64",
            DTYPE,
            lambda w, g, v=None, lr=0.01, momentum=0.0, weight_decay=0.0: _step(
                w if v else _as_large(np.float64(1), w), g, v, lr, momentum, weight_decay
            ),
            share=3 / 4,
        ),
        Mistake(
            "averages gradient and velocity",
            "You weighed the gradient by 1 - momentum: PyTorch's SGD adds it in full.",
            lambda w, g, v=None, lr=0.01, momentum=0.0, weight_decay=0.0: _step(
                w, {n: (1 - momentum) * u for n, u in g.items()}, v, lr, momentum, weight_decay
            ),
            share=1 / 4,
        ),
    ),
)

# --- adamw_step ----------------------------------------------------------------------------------------------------

_ADAMW = "weights, grads, state=None, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01"


def _adamw(weights, grads, state=None, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    """Do a step as ``torch.optim.AdamW`` does."""
    weights = {name: w.astype(np.result_type(w, np.float32)) for name, w in weights.items()}
    parameters = {name: torch.nn.Parameter(tensor(w)) for name, w in weights.items()}
    optimizer = torch.optim.AdamW(parameters.values(), lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
    for name, parameter in parameters.items():
        parameter.grad = tensor(grads[name].astype(weights[name].dtype)) if name in grads else None
        if name in (state or {}):
            steps, *means = state[name]
            mean, square = (tensor(np.asarray(m).astype(weights[name].dtype)) for m in means)
            kept = {"step": torch.tensor(float(steps)), "exp_avg": mean, "exp_avg_sq": square}
            optimizer.state[parameter].update(kept)
    optimizer.step()
    kept = {name: optimizer.state[p] for name, p in parameters.items() if p in optimizer.state}
    moved = {name: (int(s["step"]), array(s["exp_avg"]), array(s["exp_avg_sq"])) for name, s in kept.items()}
    return {name: array(p) for name, p in parameters.items()}, moved


def _judge_adamw(value, case):
    if not isinstance(value, tuple | list) or len(value) != 2 or not all(isinstance(v, dict) for v in value):
        return "Return two dicts: the new weights and the new state."
    weights, grads = case.args[:2]
    right, right_state = _adamw(*case.args, **case.kwargs)
    if problem := _differs("weights", value[0], right, weights, grads):
        return problem
    if any(not isinstance(kept, tuple | list) or len(kept) != 3 for kept in value[1].values()):
        return "The state of a weight is three things: how many steps, the mean of gradients, the mean of squares."
    state = {  # of a weight that has done no step there may be one, too
        name: kept for name, kept in value[1].items() if name in right_state or name not in weights or kept[0] != 0
    }
    for number, words in enumerate(("counts of steps", "means of gradients", "means of squares")):
        found, true = ({name: np.asarray(kept[number]) for name, kept in s.items()} for s in (state, right_state))
        if problem := _differs(words, found, true, {}, grads):
            return problem
    return None


def _squares(arrays):
    return {name: array**2 for name, array in arrays.items()}


def _adam_state(means, squares, steps, apart=0):
    """Return a state from means and mean squares, each weight with `apart` steps more than the one before."""
    return {name: (steps + apart * n, mean, squares[name]) for n, (name, mean) in enumerate(means.items())}


def _draw_adamw(sampler):
    outputs, inputs = sampler.integer(1, 3), sampler.integer(2, 4)
    shapes = {"0.weight": (outputs, inputs), "0.bias": (outputs,), "2.weight": (2, outputs, 1, 3)}
    weights, grads, means, squares = ({name: sampler.array(*shape) for name, shape in shapes.items()} for _ in range(4))
    part = sampler.choice(("the first step", "later steps", "weight decay", "no gradient"))
    state = _adam_state(means, _squares(squares), sampler.integer(1, 9), int(part == "no gradient"))
    rate, betas = sampler.integer(1, 9) / 20, (sampler.integer(1, 9) / 10, sampler.integer(91, 99) / 100)
    if part == "no gradient":
        grads = _without(grads, sampler.choice(sorted(shapes)))
    decay = sampler.integer(1, 9) / 10 if part == "weight decay" else 0.0
    state = None if part == "the first step" else state
    eps = 10.0 ** -sampler.integer(2, 8) if part == "later steps" else 0.0
    return Case((weights, grads, state, rate, betas, eps, decay), {}, part)


def _adamw_by(change, keeps=True):
    """Build a mistake: `change` alters what goes into the step of one weight; what comes into the state may stay right.

    ``change(arguments) -> arguments``: a dict with w, g, steps, mean, square and the options.
    """

    def wrong(weights, grads, state, lr, betas, eps, weight_decay):
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        found, kept = _adamw(weights, grads, state, **options)
        for name, grad in grads.items():
            zeros = np.zeros(grad.shape)
            steps, mean, square = (state or {}).get(name, (0, zeros, zeros))
            given_arguments = {"w": weights[name], "g": grad, "steps": steps, "mean": mean, "square": square}
            arguments = change(given_arguments | options)
            entry = tuple(arguments.pop(key) for key in ("steps", "mean", "square"))
            new, changed = _adamw({name: arguments.pop("w")}, {name: arguments.pop("g")}, {name: entry}, **arguments)
            found |= new
            kept |= {} if keeps else changed
        return found, kept

    return handed(_ADAMW, wrong)


def _adamw_after(change):
    """Build a mistake in what comes of the step of one weight: ``change(w, new w, its new state, options)``."""

    def wrong(weights, grads, state, options):
        new, kept = _adamw(weights, grads, state, **options)
        for name in grads:
            new[name], kept[name] = change(weights[name], new[name], kept[name], options)
        return new, kept

    return handed(_ADAMW, wrong, 3)


def _shrunk(w, options):
    return w * (1 - options["lr"] * options["weight_decay"])


def _adamw_over(divisor):
    """Build a mistake that divides the step by something else: ``divisor(corrected mean square, mean square, eps)``."""

    def wrong(w, new, kept, options):
        steps, _, square = kept
        corrected, eps = square / (1 - options["betas"][1] ** steps), options["eps"]
        step = (new - _shrunk(w, options)) * (np.sqrt(corrected) + eps)
        return _shrunk(w, options) + step / divisor(corrected, square, eps), kept

    return _adamw_after(wrong)


def _decays_all(weights, grads, state, options):
    new, kept = _adamw(weights, grads, state, **options)
    return {name: w if name in grads else _shrunk(w, options) for name, w in new.items()}, kept


def _forgets_the_others(weights, grads, state, options):
    new, kept = _adamw(weights, grads, state, **options)
    return new, {name: kept[name] for name in grads}


def _corrected(w, new, kept, options):
    steps, *means = kept
    return new, (steps, *(m / (1 - beta**steps) for m, beta in zip(means, options["betas"], strict=True)))


def _one_step_behind(arguments):
    if arguments["steps"] == 0:  # it divides by 1 - 1
        return arguments | {"w": np.full(arguments["w"].shape, np.nan)}
    return arguments | {"steps": arguments["steps"] - 1}


def _one_count(weights, grads, state, lr, betas, eps, weight_decay):
    most = max((steps for steps, _, _ in (state or {}).values()), default=0)
    zeros = {name: np.zeros(w.shape) for name, w in weights.items()}
    state = {name: (most, *(state or {}).get(name, (0, zeros[name], zeros[name]))[1:]) for name in weights}
    return _adamw(weights, grads, state, lr, betas, eps, weight_decay)


_S = _adam_state(_V, _squares(_G), 3)
_APART = _adam_state(_V, _squares(_G), 3, apart=2)
_TINY = _as_large(1e-8, _G)
_TINY_S = _adam_state(_as_large(1e-8, _V), _squares(_as_large(1e-8, _G)), 1)
_S32 = _adam_state(_V32, _squares(_G32), 2)

ADAMW_STEP = Check(
    "adamw_step",
    section="training#training-adam",
    judge=_judge_adamw,
    parts={"the first step": 1, "later steps": 1, "weight decay": 1, "no gradient": 1},
    cases=(
        Case((_W, _G, None, 0.1), {"eps": 0.0, "weight_decay": 0.0}, "the first step"),
        Case((_W, _G, None, 0.1, (0.5, 0.75), 0.0, 0.0), {}, "the first step", "other betas"),
        Case((_WIDE, _WIDE, {}, 0.1, (0.5, 0.75), 0.0, 0.0), {}, "the first step", "other shapes"),
        Case((_as_large(1e6, _W), _as_large(1e6, _G), None, 0.1, (0.9, 0.99), 0.0, 0.0), {}, "the first step", "large"),
        Case((_W, _as_large(0.0, _G)), {"lr": 0.1, "weight_decay": 0.0}, "the first step", "gradients of zeros"),
        Case((_W, _G, _S), {"lr": 0.1, "weight_decay": 0.0}, "later steps"),
        Case((_W, _G, _S, 0.1, (0.5, 0.75), 1e-3, 0.0), {}, "later steps", "other betas, and a large eps"),
        Case((_W, _TINY, _TINY_S, 0.1, (0.9, 0.999), 1e-8, 0.0), {}, "later steps", "gradients as small as eps"),
        Case((_as_large(1e-3, _W), _G, _S, 1e-4, (0.9, 0.999), 1e-8, 0.0), {}, "later steps", "small weights"),
        Case((_W32, _G32, _S32, 0.1, (0.8, 0.9), 1e-8, 0.0), {}, "later steps", "float32"),
        Case((_W, _G, _S, 0.1, (0.0, 0.0), 1e-8, 0.0), {}, "later steps", "nothing is remembered"),
        Case((_W, _G, _S, 0.0, (0.9, 0.999), 1e-8, 0.0), {}, "later steps", "a rate of 0: the state changes alone"),
        Case(
            (_W, _G, _adam_state(_V, _squares(_G), 500), 0.1, (0.9, 0.999), 1e-8, 0.0), {}, "later steps", "much later"
        ),
        Case((_W, _as_large(1e6, _G)), {}, "weight decay", "nothing but defaults, large gradients"),
        Case((_W, _G, None, 0.1, (0.9, 0.999), 0.0, 0.3), {}, "weight decay", "the first step"),
        Case((_W, _G, _S, 0.1, (0.8, 0.9), 0.0, 0.5), {}, "weight decay"),
        Case((_W32, _G32, _S32, 0.1, (0.8, 0.9), 0.0, 0.5), {}, "weight decay", "float32"),
        Case(
            (_W, _as_large(0.0, _G), _S, 0.1), {"eps": 0.0, "weight_decay": 0.5}, "weight decay", "gradients of zeros"
        ),
        Case((_W | {"1.mean": _normal(4)}, _G, None, 0.2, (0.9, 0.99), 0.0, 0.0), {}, "no gradient", "a weight stays"),
        Case((_W, _without(_G, "2.weight"), _APART, 0.1, (0.9, 0.99), 0.0, 0.0), {}, "no gradient", "a state stays"),
        Case((_W, _G, _without(_APART, "0.bias"), 0.1, (0.9, 0.99), 0.0, 0.0), {}, "no gradient", "one has its first"),
        Case((_W, _without(_G, "0.bias"), _APART, 0.1, (0.9, 0.99), 0.0, 0.2), {}, "no gradient", "and no decay"),
        Case((_W, {}, _APART, 0.1, (0.9, 0.99), 0.0, 0.2), {}, "no gradient", "no weight has one"),
    ),
    properties=_judged_properties(
        _judge_adamw,
        Case(
            (
                {"w": _W["0.bias"]},
                {"w": _G["0.bias"]},
                {"w": (2, _V["0.bias"], _G["0.bias"] ** 2)},
                0.1,
                (0.5, 0.75),
                1e-3,
                0.2,
            )
        ),
        Case((_W32, _G32, _S32, 0.1, (0.8, 0.9), 1e-8, 0.5)),
        Case((_W32, _G32, None, 0.1, (0.8, 0.9), 1e-8, 0.5)),
    ),
    draw_case=_draw_adamw,
    mistakes=(
        Mistake(
            "does not correct the means",
            "You did not correct the means for their start at zeros: divide them by 1 - beta**t.",
            _adamw_by(lambda arguments: arguments | {"steps": 10**9}),
        ),
        Mistake(
            "corrects the first mean alone",
            "You corrected the mean of the gradients alone: that of the squares started at zeros, too.",
            _adamw_over(lambda corrected, square, eps: np.sqrt(square) + eps),
        ),
        Mistake(
            "does not count the steps",
            "You corrected the means as at the first step: the number of steps stands in the state, and grows by 1.",
            _adamw_by(lambda arguments: arguments | {"steps": 0}, keeps=False),
            share=1 / 4,
        ),
        Mistake(
            "counts the steps from 0",
            "You corrected the means by the number of steps before this one: the first step has the number 1.",
            _adamw_by(_one_step_behind),
        ),
        Mistake(
            "counts the steps of all weights together",
            "You gave all weights one count of steps: each has its own, and one that had no gradient has done fewer.",
            handed(_ADAMW, _one_count),
            share=3 / 4,
        ),
        Mistake(
            "decays through the gradient",
            "You added weight_decay to the gradient, as Adam with L2 does: AdamW shrinks the weight itself.",
            _adamw_by(
                lambda arguments: (
                    arguments | {"g": arguments["g"] + arguments["weight_decay"] * arguments["w"], "weight_decay": 0.0}
                ),
                False,
            ),
            share=1 / 2,
        ),
        Mistake(
            "decays without the rate",
            "You shrank the weight by weight_decay alone: it is multiplied by 1 - lr * weight_decay.",
            _adamw_by(
                lambda arguments: (
                    arguments | {"w": arguments["w"] * (1 - arguments["weight_decay"]), "weight_decay": 0.0}
                )
            ),
            share=1 / 2,
        ),
        Mistake(
            "decays after the step",
            "You shrank the weight after the step: the old weight shrinks, then it moves.",
            _adamw_after(lambda w, new, kept, arguments: (_shrunk(new + w - _shrunk(w, arguments), arguments), kept)),
            share=1 / 2,
        ),
        Mistake(
            "forgets weight decay",
            "You ignored weight_decay.",
            handed(_ADAMW, lambda *arguments: _adamw(*arguments[:-1], 0.0)),
            share=1 / 2,
        ),
        Mistake(
            "decays without a gradient",
            ", though it had no gradient this time.",
            handed(_ADAMW, _decays_all, 3),
            share=3 / 4,
        ),
        Mistake(
            "adds eps under the root",
            "You added eps under the root: it is added to the root.",
            _adamw_over(lambda corrected, square, eps: np.sqrt(corrected + eps)),
            share=3 / 4,
        ),
        Mistake(
            "adds eps before it corrects",
            "You added eps to the root before the mean of squares was corrected: correct it, take the root, add eps.",
            _adamw_by(
                lambda arguments: (
                    arguments
                    | {"eps": arguments["eps"] / np.sqrt(1 - arguments["betas"][1] ** (arguments["steps"] + 1))}
                )
            ),
            share=3 / 4,
        ),
        Mistake(
            "forgets eps",
            "You forgot eps: where all gradients were 0, it keeps the step from being 0/0.",
            _adamw_by(lambda arguments: arguments | {"eps": 0.0}),
            share=1 / 2,
        ),
        Mistake(
            "takes no root",
            "You divided by the mean of squares: take its root.",
            _adamw_over(lambda corrected, square, eps: corrected + eps),
        ),
        Mistake(
            "exchanges the betas",
            "You exchanged the two betas: the first is for the gradients, the second for their squares.",
            _adamw_by(lambda arguments: arguments | {"betas": arguments["betas"][::-1]}, keeps=False),
        ),
        Mistake(
            "follows the gradient alone",
            "You moved by the gradient itself: the mean of the gradients is what is divided.",
            _adamw_by(lambda arguments: arguments | {"betas": (0.0, arguments["betas"][1])}),
            share=1 / 4,
        ),
        Mistake(
            "keeps the corrected means",
            "You put the corrected means into the state: the next step goes on from the means themselves.",
            _adamw_after(_corrected),
        ),
        Mistake(
            "goes uphill",
            "You added the step: the loss falls in the other direction.",
            _adamw_after(lambda w, new, kept, arguments: (2 * _shrunk(w, arguments) - new, kept)),
        ),
        Mistake(
            "loses a state",
            "is gone: it had no gradient this time, and keeps what it has.",
            handed(_ADAMW, _forgets_the_others, 3),
            share=3 / 4,
        ),
        Mistake(
            "cuts off fractions",
            WHOLE.message,
            _adamw_after(lambda w, new, kept, arguments: (new.astype(w.dtype), kept)),
            share=3 / 4,
        ),
        Mistake(
            "gives float64 for float32",
            DTYPE,
            handed(_ADAMW, lambda weights, *arguments: _adamw(_as_large(np.float64(1), weights), *arguments)),
            share=3 / 4,
        ),
        Mistake(
            "begins with zeros of float64",
            DTYPE,
            handed(
                _ADAMW,
                lambda weights, grads, state, *arguments: _adamw(
                    weights if state else _as_large(np.float64(1), weights), grads, state, *arguments
                ),
            ),
            share=3 / 4,
        ),
    ),
)

# --- cosine_schedule -----------------------------------------------------------------------------------------------


def _optimizer(lr):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def _rate(step, steps, lr, warmup=0, lr_min=0.0):
    """Return the rate that PyTorch's two schedulers, one after the other, have at a step."""
    optimizer = _optimizer(lr)
    rise = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / max(warmup, 1), total_iters=max(warmup - 1, 0))
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps - warmup, 1), lr_min)
    both = torch.optim.lr_scheduler.SequentialLR(optimizer, [rise, fall], [warmup])
    for _ in range(step):
        optimizer.step()
        both.step()
    return float(optimizer.param_groups[0]["lr"])


_SCHEDULE = "step, steps, lr, warmup=0, lr_min=0.0"


def _rate_by(change):
    return altered(_rate, _SCHEDULE, change)


def _after_warmup(change):
    """Build a mistake in what comes after the warm-up: ``change(share of the way, arguments) -> rate``."""

    def wrong(arguments):
        if arguments["step"] < arguments["warmup"]:
            return _rate(**arguments)
        return change((arguments["step"] - arguments["warmup"]) / (arguments["steps"] - arguments["warmup"]), arguments)

    return handed(_SCHEDULE, wrong, 0)


def _in_warmup(change):
    """Build a mistake in the warm-up: ``change(arguments) -> rate``."""
    return handed(
        _SCHEDULE,
        lambda arguments: change(arguments) if arguments["step"] < arguments["warmup"] else _rate(**arguments),
        0,
    )


def _draw_schedule(sampler):
    part = sampler.choice(("no warm-up", "the warm-up", "after the warm-up"))
    warmup = sampler.integer(2, 8) if part != "no warm-up" else 0
    steps = warmup + sampler.integer(4, 12)
    step = sampler.integer(0, warmup - 1) if part == "the warm-up" else warmup + sampler.integer(1, steps - warmup - 1)
    rate = sampler.integer(1, 9) / 10
    return Case((step, steps, rate, warmup, rate * sampler.integer(0, 3) / 8), {}, part)


COSINE_SCHEDULE = Check(
    "cosine_schedule",
    section="training#training-schedule",
    oracle=_rate,
    scale=lambda step, steps, lr, warmup=0, lr_min=0.0: lr,
    parts={"no warm-up": 1, "the warm-up": 1, "after the warm-up": 1},
    cases=(
        Case((0, 4, 0.8), {}, "no warm-up", "the first step"),
        Case((1, 4, 0.8), {}, "no warm-up"),
        Case((2, 4, 0.8), {}, "no warm-up", "half of the way"),
        Case((3, 4, 0.8), {}, "no warm-up", "the last step"),
        Case((2, 6, 0.8), {"lr_min": 0.2}, "no warm-up", "a smallest rate"),
        Case((5, 6, 0.8, 0, 0.2), {}, "no warm-up", "a smallest rate, the last step"),
        Case((0, 1, 0.5), {}, "no warm-up", "a training of one step"),
        Case((3, 5, 0.25, 0, 0.25), {}, "no warm-up", "the rate stays what it is"),
        Case((700, 1000, 1e-3), {}, "no warm-up", "a long training"),
        Case((0, 10, 0.8, 4), {}, "the warm-up", "the first step"),
        Case((2, 10, 0.8), {"warmup": 4}, "the warm-up"),
        Case((3, 10, 0.8, 4), {}, "the warm-up", "its last step"),
        Case((1, 10, 0.8, 4, 0.3), {}, "the warm-up", "a smallest rate, which the warm-up does not know"),
        Case((0, 10, 0.8, 1), {}, "the warm-up", "of one step"),
        Case((2, 5, 0.6, 5), {}, "the warm-up", "nothing comes after it"),
        Case((4, 5, 0.6, 5), {}, "the warm-up", "nothing comes after it: the last step"),
        Case((4, 10, 0.8, 4), {}, "after the warm-up", "its first step"),
        Case((5, 10, 0.8, 4), {}, "after the warm-up"),
        Case((9, 10, 0.8, 4), {}, "after the warm-up", "the last step"),
        Case((8, 11, 0.8), {"warmup": 3, "lr_min": 0.2}, "after the warm-up", "a smallest rate"),
        Case((3, 5, 0.6, 1, 0.1), {}, "after the warm-up", "half of the way"),
        Case((5, 6, 0.6, 5, 0.1), {}, "after the warm-up", "which is one step long"),
        Case((60, 90, 2.5, 20, 0.5), {}, "after the warm-up", "a longer training"),
    ),
    draw_case=_draw_schedule,
    mistakes=(
        Mistake(
            "forgets the warm-up",
            "You ignored the warm-up: the rate begins with the cosine at once.",
            _rate_by(lambda arguments: arguments | {"warmup": 0}),
            share=1 / 3,
        ),
        Mistake(
            "begins at 0",
            "Your warm-up begins with a rate of 0: the first step, number 0, has lr / warmup.",
            _in_warmup(lambda arguments: arguments["lr"] * arguments["step"] / arguments["warmup"]),
            share=2 / 3,
        ),
        Mistake(
            "warms up for one step too long",
            "Your warm-up reaches lr a step too late: its last step has the rate lr.",
            _in_warmup(lambda arguments: arguments["lr"] * (arguments["step"] + 1) / (arguments["warmup"] + 1)),
            share=2 / 3,
        ),
        Mistake(
            "rises from lr_min",
            "Your warm-up rises from lr_min: it does not depend on it.",
            _in_warmup(
                lambda arguments: (
                    arguments["lr_min"]
                    + (arguments["lr"] - arguments["lr_min"]) * (arguments["step"] + 1) / arguments["warmup"]
                )
            ),
            share=2 / 3,
        ),
        Mistake(
            "warms up along the cosine",
            "You took the smaller of warm-up and a cosine that began with the training: it begins where the warm-up ends.",
            handed(
                _SCHEDULE,
                lambda arguments: min(
                    arguments["lr"] * (arguments["step"] + 1) / max(arguments["warmup"], 1),
                    _rate(**arguments | {"warmup": 0}),
                ),
                0,
            ),
            share=1 / 3,
        ),
        Mistake(
            "counts the cosine from the first step",
            "You counted the cosine's steps from the beginning of the training: they begin after the warm-up.",
            _after_warmup(lambda share, arguments: _rate(**arguments | {"warmup": 0})),
            share=2 / 3,
        ),
        Mistake(
            "divides by all steps",
            "You divided by all steps: the cosine has those that the warm-up left.",
            _after_warmup(
                lambda share, arguments: _rate(
                    **arguments | {"step": arguments["step"] - arguments["warmup"], "warmup": 0}
                )
            ),
            share=2 / 3,
        ),
        Mistake(
            "reaches the end a step early",
            "You reach lr_min with the last step: the formula divides by steps - warmup, and would reach it one step later.",
            _after_warmup(
                lambda share, arguments: _rate(
                    **arguments | {"steps": max(arguments["steps"] - 1, arguments["warmup"] + 1)}
                )
            ),
            share=1 / 3,
        ),
        Mistake(
            "goes down and up again",
            "You went along a whole cosine: in the end the rate is up again. Half of it, from 0 to pi, is asked for.",
            _after_warmup(
                lambda share, arguments: (
                    arguments["lr_min"] + (arguments["lr"] - arguments["lr_min"]) * (1 + np.cos(2 * np.pi * share)) / 2
                )
            ),
            share=1 / 3,
        ),
        Mistake(
            "stops at a quarter",
            "You went along a quarter of the cosine, to half of pi: go on to pi, and halve 1 + cos.",
            _after_warmup(
                lambda share, arguments: (
                    arguments["lr_min"] + (arguments["lr"] - arguments["lr_min"]) * np.cos(np.pi * share / 2)
                )
            ),
            share=1 / 3,
        ),
        Mistake(
            "forgets the half",
            "Your rates begin at twice lr: the cosine goes from 1 to -1, so 1 + cos is halved.",
            _after_warmup(
                lambda share, arguments: (
                    arguments["lr_min"] + (arguments["lr"] - arguments["lr_min"]) * (1 + np.cos(np.pi * share))
                )
            ),
            share=1 / 3,
        ),
        Mistake(
            "falls in a straight line",
            "Your rate falls in a straight line: it follows a cosine.",
            _after_warmup(lambda share, arguments: arguments["lr"] + (arguments["lr_min"] - arguments["lr"]) * share),
            share=1 / 3,
        ),
        Mistake(
            "forgets lr_min",
            "You ignored lr_min: the cosine ends there, and not at 0.",
            _rate_by(lambda arguments: arguments | {"lr_min": 0.0}),
            share=1 / 3,
        ),
        Mistake(
            "adds lr_min on top",
            "You added lr_min to a cosine from lr to 0: now it begins above lr. It spans lr - lr_min.",
            _after_warmup(lambda share, arguments: arguments["lr_min"] + _rate(**arguments | {"lr_min": 0.0})),
            share=1 / 3,
        ),
    ),
)

# --- kaiming_normal ------------------------------------------------------------------------------------------------

_INIT = 'z, mode="fan_in", nonlinearity="relu"'


def _kaiming(z, mode="fan_in", nonlinearity="relu"):
    """Scale z as ``torch.nn.init.kaiming_normal_`` scales the numbers that it draws."""
    drawn, scaled = (torch.empty(z.shape, dtype=torch.float64) for _ in range(2))
    drawn.normal_(generator=torch.Generator().manual_seed(0))
    torch.nn.init.kaiming_normal_(scaled, 0, mode, nonlinearity, torch.Generator().manual_seed(0))
    return z * float(scaled.norm() / drawn.norm())


def _kaiming_by(change):
    return altered(_kaiming, _INIT, change)


def _times(factor):
    """Build a mistake that gives something else: ``factor(z, right factor, mode, nonlinearity)`` times z."""

    def wrong(z, mode, nonlinearity):
        right = float(_kaiming(np.ones(z.shape), mode, nonlinearity).flat[0])
        return z * factor(z, right, mode, nonlinearity)

    return handed(_INIT, wrong)


_OTHER = {"fan_in": "fan_out", "fan_out": "fan_in"}


def _draw_init(sampler):
    part = sampler.choice(("fan_in", "fan_out", "other gains"))
    sizes = [sampler.integer(2, 4), sampler.integer(2, 5), sampler.integer(1, 3), sampler.integer(2, 4)]
    z = sampler.array(*(sizes if sampler.integer(0, 1) else sizes[:2]))
    if part == "other gains":
        return Case((z, sampler.choice(("fan_in", "fan_out")), sampler.choice(("linear", "tanh"))), {}, part)
    return Case((z, part), {}, part)


_HE = Arrays("training", "kaiming_normal")

KAIMING_NORMAL = Check(
    "kaiming_normal",
    section="training#training-init",
    oracle=_kaiming,
    parts={"fan_in": 1, "fan_out": 1, "other gains": 1},
    cases=(
        Case((_HE(2, 3),), {}, "fan_in", "a dense layer"),
        Case((_HE(3, 2, 2, 4),), {}, "fan_in", "kernels"),
        Case((_HE(5, 1, 3, 3), "fan_in", "relu"), {}, "fan_in", "one channel"),
        Case((_HE(4, 3, 1, 1),), {}, "fan_in", "kernels of one pixel"),
        Case((_HE(2, 4, 3, 2, dtype=np.float32),), {}, "fan_in", "float32"),
        Case((_HE(3, 8)[:, ::2],), {}, "fan_in", "an array that does not lie in one piece"),
        Case((_HE(3, 2) + 5,), {}, "fan_in", "numbers whose mean is not 0, by chance"),
        Case((np.zeros((2, 3)),), {}, "fan_in", "zeros"),
        Case((_HE(2, 3), "fan_out"), {}, "fan_out", "a dense layer"),
        Case((_HE(3, 2, 2, 4),), {"mode": "fan_out"}, "fan_out", "kernels"),
        Case((_HE(1, 5, 3, 3), "fan_out"), {}, "fan_out", "one kernel"),
        Case((_HE(2, 4, 3, 2, dtype=np.float32), "fan_out"), {}, "fan_out", "float32"),
        Case((_HE(2, 3), "fan_in", "linear"), {}, "other gains"),
        Case((_HE(2, 3),), {"nonlinearity": "tanh"}, "other gains"),
        Case((_HE(3, 2, 2, 4), "fan_out", "linear"), {}, "other gains", "kernels"),
        Case((_HE(3, 2, 2, 4), "fan_out", "tanh"), {}, "other gains", "kernels"),
        Case((_HE(4, 1), "fan_in", "linear"), {}, "other gains", "one input: the numbers stay, in a new array"),
        Case((_HE(2, 4, 3, 2, dtype=np.float32), "fan_in", "tanh"), {}, "other gains", "float32"),
    ),
    draw_case=_draw_init,
    mistakes=(
        Mistake(
            "forgets the size of the kernel",
            "You counted channels alone: an output of a convolution adds kH * kW products from each of them.",
            _times(lambda z, right, mode, gain: right * np.sqrt(z[0, 0].size)),
        ),
        Mistake(
            "takes kernels for square",
            "You squared one side of the kernel: multiply its height by its width.",
            _times(
                lambda z, right, mode, gain: right * np.sqrt(z[0, 0].size / (z.shape[-1] ** 2 if z.ndim > 2 else 1))
            ),
        ),
        Mistake(
            "exchanges the fans",
            "You exchanged the axes: the first counts the outputs, the second the inputs.",
            _kaiming_by(lambda arguments: arguments | {"mode": _OTHER[arguments["mode"]]}),
        ),
        Mistake(
            "ignores mode",
            "You ignored mode: by fan_out it is the outputs that count.",
            _kaiming_by(lambda arguments: arguments | {"mode": "fan_in"}),
            share=1 / 3,
        ),
        Mistake(
            "averages the fans",
            "You took the mean of both fans, as Glorot and Bengio do: mode says which one counts.",
            _times(lambda z, right, mode, gain: right * np.sqrt((z.shape[mode == "fan_in"]) / np.mean(z.shape[:2]))),
        ),
        Mistake(
            "counts all weights",
            "You divided by the number of all weights: count those that one output adds up.",
            _times(lambda z, right, mode, gain: right / np.sqrt(z.shape[mode == "fan_out"])),
        ),
        Mistake(
            "takes the variance",
            "You multiplied by the variance: the numbers are scaled by its root.",
            _times(lambda z, right, mode, gain: right**2),
        ),
        Mistake(
            "takes no root of the fan",
            "You divided by the fan itself: the standard deviation is the gain over the root of the fan.",
            _times(lambda z, right, mode, gain: right / np.sqrt(z[0].size if mode == "fan_in" else z[:, 0].size)),
        ),
        Mistake(
            "takes no root of 2",
            "Your gain for ReLU is 2: its square is 2, as half of the mean square is lost.",
            _times(lambda z, right, mode, gain: right * (np.sqrt(2) if gain == "relu" else 1)),
            share=1 / 3,
        ),
        Mistake(
            "forgets the gain",
            "You forgot the gain: ReLU leaves half of the mean square, so the factor has a root of 2.",
            _kaiming_by(lambda arguments: arguments | {"nonlinearity": "linear"}),
        ),
        Mistake(
            "always takes the gain of ReLU",
            "You took the gain of ReLU in all cases: it is 1 for linear and 5/3 for tanh.",
            _kaiming_by(lambda arguments: arguments | {"nonlinearity": "relu"}),
            share=2 / 3,
        ),
        Mistake(
            "takes tanh for linear",
            "You took 1 as the gain of tanh: it is 5/3.",
            _kaiming_by(
                lambda arguments: (
                    arguments
                    | {"nonlinearity": "linear" if arguments["nonlinearity"] == "tanh" else arguments["nonlinearity"]}
                )
            ),
            share=2 / 3,
        ),
        Mistake(
            "divides by the deviation that it finds",
            "You divided by the standard deviation of z: it is 1 by how z was drawn, and by chance a little more or less.",
            _times(lambda z, right, mode, gain: right / (z.std() or 1)),
        ),
        Mistake(
            "spreads evenly",
            "You multiplied by the root of 3, which belongs to an even distribution from -1 to 1: z is normal.",
            _times(lambda z, right, mode, gain: right * np.sqrt(3)),
        ),
        Mistake(
            "cuts off fractions",
            WHOLE.message,
            handed(_INIT, lambda z, mode, gain: _kaiming(z, mode, gain).astype(z.dtype)),
            share=3 / 4,
        ),
        Mistake(
            "gives float64 for float32",
            DTYPE,
            handed(_INIT, lambda z, mode, gain: _kaiming(z.astype(float), mode, gain)),
            share=3 / 4,
        ),
    ),
)

# --- batch_norm ----------------------------------------------------------------------------------------------------

_NORM = "x, running_mean, running_var, weight, bias, training=False, momentum=0.1, eps=1e-5"
_NORM_BACKWARD = "grad_output, x, running_mean, running_var, weight, bias, training=False, eps=1e-5"
_drawn_norm = Arrays("training", "batch_norm")


def _batch_norm(x, running_mean, running_var, weight, bias, training=False, momentum=0.1, eps=1e-5):
    dtype = np.result_type(np.float32, x, running_mean, running_var, weight, bias)
    x, mean, var, weight, bias = (tensor(a.astype(dtype)) for a in (x, running_mean, running_var, weight, bias))
    y = F.batch_norm(x, mean, var, weight, bias, training, momentum, eps)  # changes mean and var
    return array(y), array(mean), array(var)


def _in_place(axes, *arrays):
    """Return arrays of one number per channel in a shape that goes with an x of so many axes."""
    return (a.reshape(-1, *[1] * (axes - 2)) for a in arrays)


def _norm_sizes(x, running_mean, running_var, weight, bias, training=False, eps=1e-5):
    """Return the sizes of what is normalised, of the standard deviation, and the axes of a channel."""
    axes = (0, *range(2, x.ndim))
    mean, var = (x.mean(axes), x.var(axes)) if training else (running_mean, running_var)
    mean, deviation = _in_place(x.ndim, mean, np.sqrt(var + eps))
    return (x + mean) / deviation, deviation, axes


def _norm_scale(x, running_mean, running_var, weight, bias, training=False, momentum=0.1, eps=1e-5):
    normal, _, axes = _norm_sizes(x, running_mean, running_var, weight, bias, training, eps)
    weight, bias = _in_place(x.ndim, weight, bias)
    return normal * weight + bias, running_mean + x.max(axes), running_var + x.max(axes) ** 2


def _channels(*shape, draw=_drawn_norm, dtype=np.float64):
    """Draw an input whose channels differ, running statistics, weights and biases."""
    c = shape[1]
    offset, width = (value.reshape(-1, *[1] * (len(shape) - 2)) for value in (2 * draw(c), 0.5 + np.arange(c)))
    x = width * draw(*shape) + offset
    statistics = draw(c), 0.5 + np.abs(draw(c))
    return tuple(value.astype(dtype) for value in (x, *statistics, draw(c), draw(c)))


def _flat_channel():
    """Return an input with a channel of one value, the other arguments, and running variances of 0."""
    x, mean, _, weight, bias = _channels(2, 3, 2, 3)
    x[:, 1] = 0.25
    return x, mean, np.array([2.0, 0.0, 1.0]), weight, bias


def _upright(x, *others):
    """Return the same arguments, x as it lies in memory for (N, C, W, H)."""
    return np.ascontiguousarray(x.swapaxes(2, 3)).swapaxes(2, 3), *others


def _nothing_to_do(*shape):
    """Return arguments with which, in evaluation and with an eps of 0, batch normalisation changes nothing."""
    c = shape[1]
    return _drawn_norm(*shape), np.zeros(c), np.ones(c), np.ones(c), np.zeros(c)


def _draw_norm(sampler):
    part = sampler.choice(("evaluation", "training", "running statistics", "a matrix (N, C)"))
    n, c = sampler.integer(2, 3), sampler.integer(1, 3)
    size = () if part == "a matrix (N, C)" else (sampler.integer(1, 3), sampler.integer(1, 3))
    training = part in ("training", "running statistics") or (not size and sampler.choice((True, False)))
    momentum = 0.0 if part == "training" else sampler.integer(1, 9) / 10
    return Case(
        _channels(n, c, *size, draw=sampler.array), {"training": training, "momentum": momentum, "eps": 0.25}, part
    )


def _statistics(x, biased=False):
    """Return the mean and the variance of every channel, PyTorch's; `biased` divides by n."""
    c, n = x.shape[1], x.size // x.shape[1]
    _, mean, var = _batch_norm(x, *np.zeros((2, c)), np.ones(c), np.zeros(c), True, 1.0)
    return mean, var * ((n - 1) / n if biased else 1)


def _with_output(other):
    """Build a mistake that returns another y, ``other(y, x, running_mean, ...)``, in training; the rest is right."""

    def change(*arguments):
        y, *running = _batch_norm(*arguments)
        return (other(*arguments).astype(y.dtype) if arguments[5] else y), *running

    return handed(_NORM, change)


def _with_running_var(x, running_mean, running_var, weight, bias, training, momentum, eps):
    y, mean, var = _batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
    n, old = x.size // x.shape[1], (1 - momentum) * running_var
    return y, mean, old + (var - old) * ((n - 1) / n) if training else var


def _as_one_channel(x, running_mean, running_var, weight, bias, training, momentum, eps):
    one = torch.ones(1, dtype=torch.float64)
    y = F.batch_norm(tensor(x.astype(float).reshape(len(x), 1, -1)), None, None, one, 0 * one, True, 0.0, eps)
    weight, bias = _in_place(x.ndim, weight, bias)
    return array(y).reshape(x.shape) * weight + bias


def _by_sample(x, running_mean, running_var, weight, bias, training, momentum, eps):
    y = array(F.layer_norm(tensor(x.astype(float)), x.shape[1:], eps=eps))
    weight, bias = _in_place(x.ndim, weight, bias)
    return y * weight + bias


def _of_deviation(change):
    """Build a mistake that divides by another number than the root: ``change(var, eps)`` stands below it."""

    def wrong(x, running_mean, running_var, weight, bias, training, momentum, eps):
        mean, var = _statistics(x, biased=True) if training else (running_mean, running_var)
        arguments = x, running_mean, running_var, weight, bias, training, momentum, eps
        return _batch_norm(x, mean, change(var, eps), weight, bias, eps=0.0)[0], *_batch_norm(*arguments)[1:]

    return handed(_NORM, wrong)


def _writes_into_its_arguments(x, running_mean, running_var, weight, bias, training, momentum, eps):
    y, mean, var = _batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
    running_mean[...], running_var[...] = mean, var
    return y, mean, var


BATCH_NORM = Check(
    "batch_norm",
    section="training#training-batch-norm",
    oracle=_batch_norm,
    scale=_norm_scale,
    outputs=("y", "running_mean", "running_var"),
    photographs=True,
    parts={"evaluation": 1, "training": 1, "running statistics": 1, "a matrix (N, C)": 1},
    cases=(
        Case(_channels(2, 3, 2, 4), {}, "evaluation"),
        Case(_channels(1, 2, 2, 3), {}, "evaluation", "a batch of one"),
        Case(_channels(3, 2, 1, 1), {}, "evaluation", "maps of one pixel"),
        Case(_channels(2, 2, 3, 2, dtype=np.float32), {}, "evaluation", "float32"),
        Case(_nothing_to_do(2, 2, 2, 3), {"eps": 0.0}, "evaluation", "nothing changes"),
        Case(_upright(*_channels(2, 3, 3, 2)), {"momentum": 0.4, "eps": 0.5}, "evaluation", "a large eps"),
        Case(_flat_channel(), {}, "evaluation", "a running variance of 0"),
        Case(_channels(2, 3, 2, 4), {"training": True, "momentum": 0.0}, "training", "the running statistics stay"),
        Case(_channels(1, 2, 3, 2), {"training": True, "momentum": 0.0}, "training", "a batch of one"),
        Case(_channels(3, 2, 1, 1), {"training": True, "momentum": 0.0}, "training", "maps of one pixel"),
        Case(_flat_channel(), {"training": True, "momentum": 0.0}, "training", "a channel of one value"),
        Case(_upright(*_channels(3, 2, 2, 3)), {"training": True, "momentum": 0.0, "eps": 0.5}, "training"),
        Case(_channels(2, 3, 4, 3, dtype=np.float32), {"training": True, "momentum": 0.0}, "training", "float32"),
        Case(_channels(2, 3, 2, 4), {"training": True}, "running statistics"),
        Case(_channels(3, 1, 2, 2), {"training": True, "momentum": 0.3}, "running statistics", "one channel"),
        Case(_channels(2, 2, 1, 1), {"training": True}, "running statistics", "two numbers in a channel"),
        Case(_channels(2, 2, 3, 1), {"training": True, "momentum": 1.0, "eps": 0.5}, "running statistics"),
        Case(_channels(3, 2, 2, 3, dtype=np.float32), {"training": True}, "running statistics", "float32"),
        Case(_channels(3, 4), {}, "a matrix (N, C)"),
        Case(_channels(4, 3), {"training": True}, "a matrix (N, C)"),
        Case(_channels(2, 3), {"training": True, "momentum": 0.7, "eps": 0.1}, "a matrix (N, C)"),
        Case(_channels(5, 2, dtype=np.float32), {"training": True}, "a matrix (N, C)", "float32"),
    ),
    draw_case=_draw_norm,
    mistakes=(
        Mistake(
            "normalises every sample",
            "You took mean and variance of every sample by itself, which is layer normalisation: here a channel has one "
            "mean over the batch and all pixels.",
            _with_output(_by_sample),
            share=1 / 4,
        ),
        Mistake(
            "takes one mean for all channels",
            "You took one mean and one variance for all channels: every channel has its own.",
            _with_output(_as_one_channel),
            share=1 / 4,
        ),
        Mistake(
            "normalises by n - 1",
            "You normalised by the variance that divides by n - 1: that one goes into running_var alone.",
            _with_output(
                lambda x, mean, var, w, b, training, momentum, eps: _batch_norm(x, *_statistics(x), w, b, eps=eps)[0]
            ),
            share=1 / 4,
        ),
        Mistake(
            "keeps the variance by n",
            "Into running_var you put the variance that divides by n: there, as in PyTorch, it is n - 1.",
            handed(_NORM, _with_running_var),
            share=2 / 4,
        ),
        Mistake(
            "does not update",
            "Your running statistics stay as they are: in training they move towards those of the batch.",
            altered(_batch_norm, _NORM, lambda arguments: arguments | {"momentum": 0.0}),
            share=2 / 4,
        ),
        Mistake(
            "has momentum the wrong way round",
            "Your momentum is the wrong way round: `momentum` is the share of the new statistics, not of the old ones.",
            altered(_batch_norm, _NORM, lambda arguments: arguments | {"momentum": 1 - arguments["momentum"]}),
            share=1 / 4,
        ),
        Mistake(
            "ignores momentum",
            "You ignored the argument momentum, and took 0.1 for it.",
            altered(_batch_norm, _NORM, lambda arguments: arguments | {"momentum": 0.1}),
            share=1 / 4,
        ),
        Mistake(
            "normalises by running statistics in training",
            "In training you normalised by the running statistics: there it is the batch's own.",
            _with_output(
                lambda x, mean, var, w, b, training, momentum, eps: _batch_norm(x, mean, var, w, b, eps=eps)[0]
            ),
            share=1 / 4,
        ),
        Mistake(
            "updates first",
            "In training you updated the running statistics first and normalised by these: it is the batch's own that y takes.",
            _with_output(
                lambda x, *arguments: _batch_norm(
                    x, *_batch_norm(x, *arguments)[1:], *arguments[2:4], eps=arguments[6]
                )[0],
            ),
            share=1 / 4,
        ),
        Mistake(
            "takes the batch in evaluation",
            "In evaluation you normalised by the batch: there it is the running statistics, so that no picture's result "
            "hangs on the others.",
            handed(
                _NORM,
                lambda *arguments: (_batch_norm(*arguments[:5], True, *arguments[6:])[0], *_batch_norm(*arguments)[1:]),
            ),
            share=2 / 4,
        ),
        Mistake(
            "adds eps outside the root",
            "You added eps to the standard deviation: it is added to the variance, below the root.",
            _of_deviation(lambda var, eps: (np.sqrt(var) + eps) ** 2),
        ),
        Mistake(
            "divides by the variance",
            "You divided by the variance: it is the standard deviation, its root, that has the unit of x.",
            _of_deviation(lambda var, eps: (var + eps) ** 2),
        ),
        Mistake(
            "forgets weight and bias",
            "You left weight and bias out: they are what the network learns here.",
            altered(
                _batch_norm,
                _NORM,
                lambda arguments: (
                    arguments | {"weight": np.ones_like(arguments["weight"]), "bias": np.zeros_like(arguments["bias"])}
                ),
            ),
        ),
        Mistake(
            "writes into its arguments",
            MODIFIES,
            handed(_NORM, _writes_into_its_arguments),
            share=3 / 4,
        ),
    ),
)


# --- batch_norm_backward -------------------------------------------------------------------------------------------


def _norm_of(x, running_mean, running_var, weight, bias, training=False, eps=1e-5):
    return F.batch_norm(x, running_mean.clone(), running_var.clone(), weight, bias, training, 0.0, eps)


def _norm_gradients(grad_output, x, running_mean, running_var, weight, bias, training=False, eps=1e-5, of=_norm_of):
    """Return the gradients for x, weight and bias by autograd; `of` is the function in the place of the right one."""
    values = grad_output, x, running_mean, running_var, weight, bias
    g, *arguments = (a.astype(np.result_type(np.float32, *values)) for a in values)
    return gradient(of, (0, 3, 4))(g, *arguments, training=training, eps=eps)


def _norm_gradient_scale(grad_output, x, running_mean, running_var, weight, bias, training=False, eps=1e-5):
    normal, deviation, axes = _norm_sizes(x, running_mean, running_var, weight, bias, training, eps)
    (weight,), g = _in_place(x.ndim, weight), grad_output
    around = g.mean(axes, keepdims=True) + normal * (g * normal).mean(axes, keepdims=True)
    return (g + around) * weight / deviation, (g * normal).sum(axes), g.sum(axes)


def _moments_held(mean=True, var=True):
    """Return batch normalisation that takes the batch's mean, its variance or both for constants in training."""

    def held(x, running_mean, running_var, weight, bias, training=False, eps=1e-5):
        if not training:
            return _norm_of(x, running_mean, running_var, weight, bias, False, eps)
        axes = (0, *range(2, x.ndim))
        moments = torch.var_mean(x, axes, correction=0, keepdim=True)
        deviation, center = (moments[0] + eps).sqrt(), moments[1]
        center, deviation = center.detach() if mean else center, deviation.detach() if var else deviation
        w, b = (value.reshape(-1, *[1] * (x.ndim - 2)) for value in (weight, bias))
        return (x - center) / deviation * w + b

    return held


def _backward_by(of):
    return handed(_NORM_BACKWARD, lambda *arguments: _norm_gradients(*arguments, of=of))


def _spoiled(change):
    """Build a mistake that spoils the right gradients: ``change(found, arguments)``."""
    return handed(_NORM_BACKWARD, lambda *arguments: change(_norm_gradients(*arguments), arguments))


def _upstream_of(x, *others):
    return _drawn_norm(*x.shape, dtype=x.dtype), x, *others


def _draw_norm_backward(sampler):
    part = sampler.choice(("evaluation", "training", "a matrix (N, C)"))
    n, c = sampler.integer(2, 3), sampler.integer(1, 3)
    size = () if part == "a matrix (N, C)" else (sampler.integer(1, 3), sampler.integer(1, 3))
    training = part == "training" or (not size and sampler.choice((True, False)))
    args = _channels(n, c, *size, draw=sampler.array)
    return Case((sampler.array(*args[0].shape), *args), {"training": training, "eps": 0.25}, part)


BATCH_NORM_BACKWARD = Check(
    "batch_norm_backward",
    section="training#training-batch-norm",
    oracle=_norm_gradients,
    scale=_norm_gradient_scale,
    outputs=("grad_x", "grad_weight", "grad_bias"),
    parts={"evaluation": 2, "training": 2, "a matrix (N, C)": 1},
    cases=(
        Case(_upstream_of(*_channels(2, 3, 2, 4)), {}, "evaluation"),
        Case(_upstream_of(*_channels(1, 2, 2, 3)), {}, "evaluation", "a batch of one"),
        Case(_upstream_of(*_channels(3, 2, 1, 1)), {}, "evaluation", "maps of one pixel"),
        Case(_upstream_of(*_channels(2, 2, 3, 2, dtype=np.float32)), {}, "evaluation", "float32"),
        Case(_upstream_of(*_nothing_to_do(2, 2, 2, 3)), {"eps": 0.0}, "evaluation", "nothing changes"),
        Case(_upstream_of(*_upright(*_channels(2, 3, 3, 2))), {"eps": 0.5}, "evaluation", "a large eps"),
        Case(_upstream_of(*_flat_channel()), {}, "evaluation", "a running variance of 0"),
        Case(_upstream_of(*_channels(2, 3, 2, 4)), {"training": True}, "training"),
        Case(_upstream_of(*_channels(1, 2, 3, 2)), {"training": True}, "training", "a batch of one"),
        Case(_upstream_of(*_channels(3, 2, 1, 1)), {"training": True}, "training", "maps of one pixel"),
        Case(_upstream_of(*_flat_channel()), {"training": True}, "training", "a channel of one value"),
        Case(_upstream_of(*_upright(*_channels(3, 2, 2, 3))), {"training": True, "eps": 0.5}, "training"),
        Case(_upstream_of(*_channels(2, 3, 4, 3, dtype=np.float32)), {"training": True}, "training", "float32"),
        Case(_upstream_of(*_channels(3, 4)), {}, "a matrix (N, C)"),
        Case(_upstream_of(*_channels(4, 3)), {"training": True}, "a matrix (N, C)"),
        Case(_upstream_of(*_channels(5, 2, dtype=np.float32)), {"training": True, "eps": 0.1}, "a matrix (N, C)"),
    ),
    draw_case=_draw_norm_backward,
    mistakes=(
        Mistake(
            "holds the statistics",
            "In training you took mean and variance for constants: every number of a channel is part of both.",
            _backward_by(_moments_held()),
            share=2 / 5,
        ),
        Mistake(
            "holds the variance",
            "In training you left out the way over the variance: it changes with every number, too.",
            _backward_by(_moments_held(mean=False)),
            share=2 / 5,
        ),
        Mistake(
            "holds the mean",
            "In training you left out the way over the mean: it changes with every number, too.",
            _backward_by(_moments_held(var=False)),
            share=2 / 5,
        ),
        Mistake(
            "takes the running statistics in training",
            "In training you took the running statistics: there the forward pass has those of the batch.",
            _backward_by(lambda *args, training, eps: _norm_of(*args, False, eps)),
            share=2 / 5,
        ),
        Mistake(
            "takes the batch in evaluation",
            "In evaluation you went back over the batch's mean and variance: there the running statistics are constants.",
            _backward_by(lambda *args, training, eps: _norm_of(*args, True, eps)),
            share=2 / 5,
        ),
        Mistake(
            "forgets the weight",
            "On the way to x you left out weight: it multiplies the normalised numbers.",
            handed(
                _NORM_BACKWARD,
                lambda *arguments: (
                    _norm_gradients(*arguments[:4], np.ones_like(arguments[4]), *arguments[5:])[0],
                    *_norm_gradients(*arguments)[1:],
                ),
            ),
        ),
        Mistake(
            "multiplies by x",
            "For weight you multiplied grad_output by x: what weight multiplies is the normalised x.",
            _spoiled(
                lambda found, arguments: (
                    found[0],
                    (arguments[0] * arguments[1]).sum((0, *range(2, arguments[1].ndim))).astype(found[1].dtype),
                    found[2],
                )
            ),
        ),
        Mistake(
            "averages",
            "For weight and bias you took the mean: they have a part in every number of their channel, so their gradients add up.",
            _spoiled(
                lambda found, arguments: (
                    found[0],
                    *(grad * arguments[1].shape[1] / arguments[1].size for grad in found[1:]),
                )
            ),
        ),
        Mistake(
            "forgets eps",
            "You left eps out: the root is that of var + eps, as in the forward pass.",
            altered(_norm_gradients, _NORM_BACKWARD, lambda arguments: arguments | {"eps": 0.0}),
        ),
        Mistake(
            "ignores the upstream gradient",
            "You ignored grad_output: it multiplies everything.",
            altered(
                _norm_gradients,
                _NORM_BACKWARD,
                lambda arguments: arguments | {"grad_output": np.ones_like(arguments["grad_output"])},
            ),
        ),
        Mistake(
            "returns x last",
            "The order is gradient for x, for weight, for bias: that of the arguments.",
            _spoiled(lambda found, arguments: (*found[1:], found[0])),
        ),
    ),
)


# --- shift_and_flip ------------------------------------------------------------------------------------------------

_drawn_pairs = Arrays("training", "shift_and_flip")
_SHIFT = "images, masks, shifts, flips, ignore_index=-100"
_UPSIDE, _SIDES = -2, -1  # the axes of a picture, and of its mask


def _moved(array, shift, outside, mode="constant"):
    """Move a picture or a mask of any axes before its rows and columns."""
    steps = (*[0] * (array.ndim - 2), *shift)
    return scipy.ndimage.shift(array, steps, order=0, mode=mode, cval=outside, prefilter=False)


def _shift_and_flip(
    images, masks, shifts, flips, ignore_index=-100, axes=(_SIDES, _SIDES), mode="constant", label=None
):
    """Do it sample by sample with SciPy; `axes` are those along which picture and mask are mirrored."""
    fill, masks = ignore_index if label is None else label, masks.astype(np.int64)
    pairs = [
        [np.flip(one, axis) if flip else one for one, axis in zip(pair, axes)]
        for *pair, flip in zip(images, masks, flips)
    ]
    return (
        np.stack([_moved(image, shift, 0, mode) for (image, _), shift in zip(pairs, shifts)]),
        np.stack([_moved(mask, shift, fill, mode) for (_, mask), shift in zip(pairs, shifts)]),
    )


def _pictures(*shape, dtype=np.float64, labels=np.int64, classes=4):
    """Draw pictures and masks of as many pixels."""
    n, _, *size = shape
    masks = _drawn_pairs.generator(*shape, "labels").integers(0, classes, (n, *size)).astype(labels)
    return _drawn_pairs(*shape, dtype=dtype), masks


def _moves(*pairs):
    return np.array(pairs)


def _standing(images, masks):
    """Return pictures that lie in memory as (N, H, W, C), and masks as (N, W, H)."""
    images = np.ascontiguousarray(np.moveaxis(images, 1, -1))
    return np.moveaxis(images, -1, 1), np.ascontiguousarray(masks.swapaxes(1, 2)).swapaxes(1, 2)


_NO, _YES = np.array([False, False]), np.array([True, True])
_ONE = np.array([True, False])


def _draw_pairs(sampler):
    part = sampler.choice(("moved", "mirrored", "both"))
    n, c, h, w = sampler.integer(1, 3), sampler.integer(1, 2), sampler.integer(2, 4), sampler.integer(2, 5)
    masks = np.array([sampler.integer(0, 3) for _ in range(n * h * w)]).reshape(n, h, w)
    shifts = np.array([[sampler.integer(-3, 3), sampler.integer(-3, 3)] for _ in range(n)])
    flips = np.array([part == "mirrored" or sampler.choice((True, False)) for _ in range(n)])
    if part == "both":
        shifts[:, 1], flips[0] = np.where(shifts[:, 1] == 0, 1, shifts[:, 1]), True
    return Case(
        (sampler.array(n, c, h, w), masks, 0 * shifts if part == "mirrored" else shifts, flips & (part != "moved")),
        {},
        part,
    )


SHIFT_AND_FLIP = Check(
    "shift_and_flip",
    section="training#training-augmentation",
    oracle=_shift_and_flip,
    scale=lambda images, masks, shifts, flips, ignore_index=-100: (np.abs(images).max(), np.asarray(1.0)),
    outputs=("images", "masks"),
    photographs=True,
    parts={"moved": 1, "mirrored": 1, "both": 1},
    cases=(
        Case((*_pictures(2, 1, 2, 3), _moves((0, 1), (1, 0)), _NO), {}, "moved", "one pixel right, one pixel down"),
        Case((*_pictures(2, 3, 4, 5), _moves((1, -2), (-2, 1)), _NO), {}, "moved"),
        Case((*_pictures(2, 2, 3, 4), _moves((0, 0), (0, 0)), _NO), {}, "moved", "nothing changes"),
        Case((*_pictures(2, 2, 3, 2), _moves((3, 0), (-7, 9)), _NO), {}, "moved", "by more than the picture is large"),
        Case((*_pictures(2, 2, 3, 4), _moves((4, 0), (-4, 1)), _NO), {}, "moved", "by a row more than there are"),
        Case(
            (*_pictures(2, 2, 3, 4), _moves((0, 6), (1, -6)), _NO), {}, "moved", "by a few columns more than there are"
        ),
        Case((*_pictures(2, 2, 1, 1), _moves((0, 0), (1, 0)), _NO), {}, "moved", "pictures of one pixel"),
        Case((*_pictures(2, 2, 3, 4, labels=np.uint8), _moves((1, 1), (0, -1)), _NO), {}, "moved", "masks of bytes"),
        Case((*_pictures(2, 1, 4, 3), _moves((1, 0), (0, -1)), _NO, 255), {}, "moved", "another ignore_index"),
        Case((*_pictures(2, 2, 3, 4, dtype=np.float32), _moves((1, 2), (0, -1)), _NO), {}, "moved", "float32"),
        Case(
            (-1e10 * (1 + np.abs(_drawn_pairs(2, 1, 3, 4))), _pictures(2, 1, 3, 4)[1], _moves((1, 2), (0, -1)), _NO),
            {},
            "moved",
            "numbers far below 0",
        ),
        Case((*_pictures(2, 1, 2, 3), _moves((0, 0), (0, 0)), _YES), {}, "mirrored"),
        Case((*_pictures(2, 3, 5, 3), _moves((0, 0), (0, 0)), _ONE), {}, "mirrored", "one of two"),
        Case((*_pictures(2, 2, 3, 4, dtype=np.float32), _moves((0, 0), (0, 0)), _ONE[::-1]), {}, "mirrored", "float32"),
        Case((*_pictures(2, 2, 4, 3), _moves((0, 1), (2, -1)), _ONE), {}, "both"),
        Case((*_pictures(2, 3, 3, 5), _moves((-1, 2), (1, 1)), _YES), {}, "both"),
        Case(
            (*_standing(*_pictures(2, 3, 5, 4)), _moves((1, -2), (-1, 1)), _YES, 7), {}, "both", "another ignore_index"
        ),
        Case((*_pictures(2, 2, 4, 3, dtype=np.float32), _moves((1, 1), (0, -1)), _YES), {}, "both", "float32"),
    ),
    draw_case=_draw_pairs,
    mistakes=(
        Mistake(
            "moves first",
            "You moved first and mirrored then: the order is the other one, and the shift to the right becomes one to the left.",
            handed(
                _SHIFT,
                lambda images, masks, shifts, flips, ignore: _shift_and_flip(
                    images, masks, np.where(flips[:, None], shifts * (1, -1), shifts), flips, ignore
                ),
            ),
            share=2 / 3,
        ),
        Mistake(
            "moves the other way",
            "You moved the other way: a shift of (1, 2) is one pixel down and two to the right.",
            altered(_shift_and_flip, _SHIFT, lambda arguments: arguments | {"shifts": -arguments["shifts"]}),
            share=1 / 3,
        ),
        Mistake(
            "moves right, then down",
            "You took the shifts for (right, down): they are (down, right), as rows and columns are.",
            altered(_shift_and_flip, _SHIFT, lambda arguments: arguments | {"shifts": arguments["shifts"][:, ::-1]}),
            share=1 / 3,
        ),
        Mistake(
            "rolls",
            "What leaves the picture comes in again on the other side, as with np.roll: there it has to be 0, and ignore_index in the mask.",
            handed(_SHIFT, lambda *arguments: _shift_and_flip(*arguments, mode="grid-wrap")),
            share=1 / 3,
        ),
        Mistake(
            "repeats the border",
            "You repeated the pixels of the border: what comes in is 0, and ignore_index in the mask.",
            handed(_SHIFT, lambda *arguments: _shift_and_flip(*arguments, mode="nearest")),
            share=1 / 3,
        ),
        Mistake(
            "leaves the mask where it is",
            "You moved the pictures and left the masks where they were: every label belongs to a pixel.",
            handed(_SHIFT, lambda *arguments: (_shift_and_flip(*arguments)[0], arguments[1].astype(np.int64))),
        ),
        Mistake(
            "calls what comes in background",
            "In the masks you filled in 0, which is a class: nobody has seen what is there, so it is ignore_index.",
            handed(_SHIFT, lambda *arguments: _shift_and_flip(*arguments, label=0)),
            share=1 / 3,
        ),
        Mistake(
            "ignores ignore_index",
            "You ignored the argument ignore_index, and took -100 for it.",
            altered(_shift_and_flip, _SHIFT, lambda arguments: arguments | {"ignore_index": -100}),
            share=1 / 3,
        ),
        Mistake(
            "mirrors upside down",
            "You mirrored top to bottom: it is left to right, along the last axis.",
            handed(_SHIFT, lambda *arguments: _shift_and_flip(*arguments, axes=(_UPSIDE, _UPSIDE))),
            share=1 / 3,
        ),
        Mistake(
            "mirrors the picture alone",
            "You mirrored the pictures and not their masks.",
            handed(
                _SHIFT,
                lambda images, masks, shifts, flips, ignore: (
                    _shift_and_flip(images, masks, shifts, flips, ignore)[0],
                    _shift_and_flip(images, masks, shifts, flips & False, ignore)[1],
                ),
            ),
            share=1 / 3,
        ),
        Mistake(
            "mirrors all",
            "You mirrored every picture: only those whose flip is True.",
            altered(_shift_and_flip, _SHIFT, lambda arguments: arguments | {"flips": arguments["flips"] | True}),
        ),
        Mistake(
            "moves all by the first shift",
            "You moved all pictures by the first shift: each one has its own.",
            altered(
                _shift_and_flip,
                _SHIFT,
                lambda arguments: (
                    arguments | {"shifts": np.broadcast_to(arguments["shifts"][:1], arguments["shifts"].shape)}
                ),
            ),
            share=1 / 3,
        ),
        Mistake(
            "writes into bytes",
            "Masks of bytes have no room for ignore_index: -100 became 156. Make the new masks int64.",
            handed(
                _SHIFT,
                lambda *arguments: (lambda images, masks: (images, masks.astype(arguments[1].dtype)))(
                    *_shift_and_flip(*arguments)
                ),
            ),
            share=2 / 3,
        ),
    ),
)


# --- early_stopping ------------------------------------------------------------------------------------------------


_STOPPING = "losses, patience, min_delta=0.0"


def _stopping(losses, patience, min_delta=0.0, threshold_mode="abs"):
    """Let PyTorch's ReduceLROnPlateau, which waits for one measurement more, say when the rate would fall."""
    optimizer, kept = _optimizer(1.0), 0
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, patience=patience - 1, threshold=min_delta, threshold_mode=threshold_mode
    )
    for measurement, loss in enumerate(losses):
        plateau.step(float(loss))
        if optimizer.param_groups[0]["lr"] < 1:
            return kept, measurement
        kept = measurement if plateau.num_bad_epochs == 0 else kept
    return kept, len(losses) - 1


def _curve(*losses, dtype=np.float64):
    return np.array(losses, dtype)


def _stopping_by(change):
    return altered(_stopping, _STOPPING, change)


def _stopping_after(change):
    """Build a mistake that alters what is right: ``change(losses, patience, min_delta, kept, stopped)``."""
    return handed(_STOPPING, lambda *arguments: change(*arguments, *_stopping(*arguments)))


def _stops_where(losses, patience, is_bad):
    """Return the measurement where `patience` of them, in a row, were bad, or the last."""
    row = 0
    for measurement, bad in enumerate(is_bad):
        row = row + 1 if bad else 0
        if row == patience:
            return measurement
    return len(losses) - 1


def _against_the_one_before(losses, patience, min_delta):
    rises = [False, *~(np.diff(losses) < -min_delta)]
    stopped = _stops_where(losses, patience, rises)
    return max(m for m in range(stopped + 1) if not rises[m]), stopped


def _in_all(losses, patience, min_delta):
    """Never begin to count anew."""
    kept = [_stopping(losses[: m + 1], len(losses) + 1, min_delta)[0] for m in range(len(losses))]
    bad = [m for m in range(len(losses)) if kept[m] != m or not np.isfinite(losses[m])]
    stopped = bad[patience - 1] if len(bad) >= patience else len(losses) - 1
    return kept[stopped], stopped


def _best_of_all_so_far(losses, patience, min_delta):
    """Let every lower loss be the one to beat, though it is no progress."""
    lowest = np.fmin.accumulate(np.append(np.inf, losses))[:-1]
    bad = [not loss < best - min_delta for loss, best in zip(losses, lowest, strict=True)]
    stopped = _stops_where(losses, patience, bad)
    return max((m for m in range(stopped + 1) if not bad[m]), default=0), stopped


def _nan_is_progress(losses, patience, min_delta):
    """Take NaN for progress, and with it whatever is compared with NaN later."""
    falling = -1e12 * np.arange(1, len(losses) + 1)
    return _stopping(np.where(np.cumsum(np.isnan(losses)) > 0, falling, losses), patience, min_delta)


def _nan_stops(losses, patience, min_delta):
    number = int(np.argmax(np.isnan(np.append(losses, np.nan))))
    kept, stopped = _stopping(losses[: number + 1], patience, min_delta)
    return kept, stopped


def _lowest(losses):
    return int(np.argmin(np.where(np.isnan(losses), np.inf, losses)))


def _first_is_progress(arguments):
    """Take the first loss for the mark: nothing lies below NaN."""
    first = np.nan_to_num(arguments["losses"][:1], nan=-1e300, posinf=1e300)
    return arguments | {"losses": np.append(first, arguments["losses"][1:])}


def _draw_stopping(sampler):
    part = sampler.choice(("patience", "min_delta", "no number"))
    losses = np.array([sampler.integer(0, 16) / 8 for _ in range(sampler.integer(4, 12))])
    if part == "no number":
        losses[sampler.integer(0, len(losses) - 1)] = sampler.choice((np.nan, np.inf))
    return Case((losses, sampler.integer(1, 4), sampler.integer(1, 4) / 8 if part == "min_delta" else 0.0), {}, part)


_NAN, _INF = np.nan, np.inf

EARLY_STOPPING = Check(
    "early_stopping",
    section="training#training-early-stopping",
    oracle=_stopping,
    parts={"patience": 1, "min_delta": 1, "no number": 1},
    cases=(
        Case((_curve(3, 2, 2.5, 2.25, 1), 2), {}, "patience"),
        Case((_curve(3, 2, 2.5, 1.5, 2, 1), 2), {}, "patience", "never two in a row"),
        Case((_curve(4, 3, 2, 1), 1), {}, "patience", "it falls to the end"),
        Case((_curve(1, 2, 3, 4), 1), {}, "patience", "it rises from the first on"),
        Case((_curve(2, 2, 2, 2, 1), 3), {}, "patience", "equal losses are no progress"),
        Case((_curve(5, 3, 4, 3.5, 3.25, 2), 3), {}, "patience", "each lower than the one before, none than the best"),
        Case((_curve(3, 1, 2, 2), 5), {}, "patience", "it ends before patience does"),
        Case((_curve(3, 1, 2, 2), 2, 0.0), {}, "patience", "stopped by the last"),
        Case((_curve(2.0), 1), {}, "patience", "one measurement"),
        Case((_curve(8e12, 9e12, 5e12, 7e12, 6e12, 1e12), 2), {}, "patience", "large losses"),
        Case((_curve(0.5, 0.25, 0.375, 0.125, 0.25, 0.5, dtype=np.float32), 2), {}, "patience", "float32"),
        Case((_curve(3, 2, 4, 2, 5, 2, 1), 4), {}, "patience", "as low as before, again and again"),
        Case((_curve(-1, -2, -1.5, -3, -2), 1), {}, "patience", "below 0"),
        Case((_curve(3, 2, 2.5, 2.25, 1), 2, 1.5), {}, "min_delta"),
        Case((_curve(4, 3.75, 3.5, 3.25, 3, 2.75), 2), {"min_delta": 0.5}, "min_delta", "it creeps"),
        Case((_curve(4, 3.75, 3.5, 3.25, 3, 2.75), 3, 0.5), {}, "min_delta", "it creeps, and is waited for"),
        Case((_curve(2, 1.75, 1.5, 1.5, 1.25), 2, 0.25), {}, "min_delta", "just as much is not more"),
        Case((_curve(8, 7, 6, 7, 5.5, 5.25, 5), 2, 0.5), {}, "min_delta", "it falls far, then less"),
        Case((_curve(0.5, 0.25, 0.125, 0.0, -0.5, dtype=np.float32), 2, 0.25), {}, "min_delta", "float32"),
        Case((_curve(1, 1.25, 1.5, 0.75, 1), 3, 0.125), {}, "min_delta", "higher is no progress"),
        Case((_curve(3, _NAN, 2, _NAN, _NAN, 1), 2), {}, "no number", "NaN is no progress"),
        Case((_curve(3, 2, _NAN, 1, 1.5, 1.25), 2), {}, "no number", "one NaN does not stop it"),
        Case((_curve(_NAN, 3, 2, 4, 5), 2), {}, "no number", "the first is NaN"),
        Case((_curve(_NAN, _NAN, 1), 2), {}, "no number", "none makes progress before it stops"),
        Case((_curve(_NAN, _NAN), 3), {}, "no number", "none at all"),
        Case((_curve(_INF, 4, 3, _INF, _INF, 1), 2), {}, "no number", "infinity"),
        Case((_curve(_INF, _INF, 3, 2), 2), {}, "no number", "two of infinity at first"),
        Case((_curve(2, _NAN, 2, 1), 2), {}, "no number", "and an equal loss"),
        Case((_curve(3, _NAN, 2.75, 1, _NAN, 2), 3, 0.5), {}, "no number", "and min_delta"),
    ),
    draw_case=_draw_stopping,
    mistakes=(
        Mistake(
            "waits for one more",
            "You stop one measurement too late: after `patience` of them without progress, not after one more.",
            _stopping_by(lambda arguments: arguments | {"patience": arguments["patience"] + 1}),
        ),
        Mistake(
            "waits for one less",
            "You stop one measurement too early: `patience` of them without progress are waited for.",
            _stopping_by(lambda arguments: arguments | {"patience": max(arguments["patience"] - 1, 1)}),
        ),
        Mistake(
            "never begins to count anew",
            "You counted all measurements without progress: those in a row count, and progress sets them back to 0.",
            handed(_STOPPING, _in_all),
        ),
        Mistake(
            "compares with the one before",
            "You compared each loss with the one before it: compare it with that of the last progress.",
            handed(_STOPPING, _against_the_one_before),
        ),
        Mistake(
            "takes equal losses for progress",
            "You took an equal loss for progress: it has to lie below.",
            _stopping_by(lambda arguments: arguments | {"min_delta": arguments["min_delta"] - 1e-9}),
        ),
        Mistake(
            "keeps the last weights",
            "You kept the weights of the last measurement: those of the last progress are asked for.",
            _stopping_after(lambda losses, patience, delta, kept, stopped: (stopped, stopped)),
        ),
        Mistake(
            "keeps the lowest of all",
            "You looked for the lowest loss of all: after the stop there are no measurements any more.",
            _stopping_after(lambda losses, patience, delta, kept, stopped: (_lowest(losses), stopped)),
        ),
        Mistake(
            "keeps the lowest, progress or not",
            "You kept the lowest loss: by less than min_delta it is no progress.",
            _stopping_after(lambda losses, patience, delta, kept, stopped: (_lowest(losses[: stopped + 1]), stopped)),
            share=2 / 3,
        ),
        Mistake(
            "forgets min_delta",
            "You ignored min_delta: a loss has to lie more than that below.",
            _stopping_by(lambda arguments: arguments | {"min_delta": 0.0}),
            share=2 / 3,
        ),
        Mistake(
            "takes min_delta for a fraction",
            "You took min_delta for a fraction of the best loss: it is in the unit of the losses.",
            _stopping_by(lambda arguments: arguments | {"threshold_mode": "rel"}),
            share=2 / 3,
        ),
        Mistake(
            "forgives rises below min_delta",
            "You added min_delta: so a loss that lies a little above passes for progress.",
            _stopping_by(lambda arguments: arguments | {"min_delta": -arguments["min_delta"]}),
            share=2 / 3,
        ),
        Mistake(
            "lets the mark creep",
            "You lowered the mark to losses that made no progress: steps below min_delta then never add up to one.",
            handed(_STOPPING, _best_of_all_so_far),
            share=2 / 3,
        ),
        Mistake(
            "takes NaN for progress",
            "You took NaN for progress: every comparison with it is false, so ask whether the loss lies below.",
            handed(_STOPPING, _nan_is_progress),
            share=2 / 3,
        ),
        Mistake(
            "stops at NaN",
            "You stopped at the first NaN: it is a measurement without progress, as others are.",
            handed(_STOPPING, _nan_stops),
            share=2 / 3,
        ),
        Mistake(
            "takes the first for progress",
            "You took the first loss for progress whatever it is: NaN and infinity make none.",
            _stopping_by(_first_is_progress),
            share=2 / 3,
        ),
        Mistake(
            "counts from 1",
            "You counted the measurements from 1: the first is number 0.",
            _stopping_after(lambda losses, patience, delta, kept, stopped: (kept + 1, stopped + 1)),
        ),
    ),
)

# --- judge_logs ----------------------------------------------------------------------------------------------------

# fmt: off
LOGS = {  # made by tools/training_logs.py: training loss, validation loss, validation accuracy
    "A": (
        (
            2.30, 2.29, 2.29, 2.27, 2.22, 2.16, 2.13, 2.02, 1.90, 1.81, 1.62, 1.50,
            1.37, 1.28, 1.22, 1.12, 1.07, 1.02, 0.98, 0.96, 0.95, 0.94, 0.94, 0.94,
        ),
        (
            2.30, 2.32, 2.32, 2.33, 2.37, 2.39, 2.55, 2.50, 2.51, 2.59, 2.66, 2.77,
            2.78, 2.83, 2.97, 3.03, 3.05, 3.09, 3.15, 3.17, 3.19, 3.19, 3.19, 3.19,
        ),
        (
            0.09, 0.06, 0.09, 0.05, 0.08, 0.08, 0.09, 0.08, 0.07, 0.12, 0.08, 0.08,
            0.09, 0.08, 0.10, 0.10, 0.10, 0.10, 0.12, 0.10, 0.11, 0.11, 0.11, 0.11,
        ),
    ),
    "B": (
        (
            2.30, 2.26, 1.95, 1.71, 1.48, 1.12, 0.87, 0.67, 0.51, 0.43, 0.33, 0.27,
            0.22, 0.16, 0.14, 0.11, 0.09, 0.08, 0.07, 0.07, 0.06, 0.06, 0.06, 0.06,
        ),
        (
            2.30, 2.31, 2.12, 1.99, 1.82, 1.71, 1.63, 1.61, 1.60, 1.64, 1.84, 1.87,
            1.91, 2.01, 1.99, 2.04, 2.19, 2.14, 2.16, 2.23, 2.20, 2.19, 2.20, 2.19,
        ),
        (
            0.14, 0.14, 0.28, 0.30, 0.38, 0.43, 0.48, 0.53, 0.53, 0.54, 0.52, 0.52,
            0.56, 0.52, 0.56, 0.57, 0.54, 0.56, 0.55, 0.55, 0.56, 0.57, 0.57, 0.56,
        ),
    ),
    "C": (
        (
            2.30, 2.24, 1.89, 1.69, 1.63, 2.01, 1.91, 1.68, 1.43, 1.35, 1.39, 1.44,
            1.33, 1.15, 1.14, 1.06, 0.84, 0.82, 0.75, 0.65, 0.63, 0.60, 0.60, 0.60,
        ),
        (
            2.30, 2.25, 1.94, 1.80, 1.74, 2.17, 2.01, 1.91, 1.51, 1.67, 1.53, 1.52,
            1.70, 1.43, 1.55, 1.33, 1.27, 1.40, 1.25, 1.34, 1.29, 1.26, 1.27, 1.27,
        ),
        (
            0.09, 0.17, 0.32, 0.38, 0.42, 0.34, 0.32, 0.32, 0.52, 0.51, 0.51, 0.48,
            0.48, 0.54, 0.52, 0.55, 0.60, 0.57, 0.62, 0.61, 0.63, 0.63, 0.63, 0.63,
        ),
    ),
}
# fmt: on
_CHANCE = 0.1  # the accuracy of who knows nothing about ten classes; the loss is log 10


@dataclass(frozen=True)
class _Measured:
    """One measurement of a log."""

    number: int
    training: float
    validation: float
    accuracy: float


_LOG10 = float(np.log(10))
_SHOWN = {  # diagnosis -> what two measurements show: what is said where they do not, and the condition
    "overfits": (
        ("the training loss does not fall by half", lambda one, two: two.training <= 0.5 * one.training),
        ("the validation loss does not rise by a quarter", lambda one, two: two.validation >= 1.25 * one.validation),
        (
            "the validation accuracy is not at least 0.3 at both, so nothing was learned that could be lost",
            lambda one, two: min(one.accuracy, two.accuracy) >= 3 * _CHANCE,
        ),
    ),
    "rate too high": (
        ("the second does not follow the first at once", lambda one, two: two.number == one.number + 1),
        ("the training loss does not rise by 0.25", lambda one, two: two.training >= one.training + 0.25 - 1e-9),
    ),
    "shuffled labels": (
        (
            "the training loss at the first is not within 0.05 of log 10: there the network knows something",
            lambda one, two: abs(one.training - _LOG10) <= 0.05,
        ),
        ("the training loss at the second is not below half of log 10", lambda one, two: two.training < 0.5 * _LOG10),
        ("the validation loss at the second is not above log 10", lambda one, two: two.validation > _LOG10),
        (
            "the validation accuracy is above 0.15: it did learn something true",
            lambda one, two: max(one.accuracy, two.accuracy) <= 1.5 * _CHANCE,
        ),
    ),
}


def _is_pair(value):
    return isinstance(value, tuple | list | np.ndarray) and len(value) == 2


def _judge_logs(value, case):
    """Judge one diagnosis: the log is not compared with the right one, the evidence is computed in it."""
    if not isinstance(value, dict) or case.part not in value:
        return f"Return a dict that has for {case.part!r} the name of a log and two measurements."
    named = {which: entry for which, entry in value.items() if _is_pair(entry) and _is_pair(entry[1])}
    if case.part not in named:
        return f"A name alone proves nothing: for {case.part!r} give it with two measurements, (name, (first, second))."
    name, (first, second) = named[case.part]
    if name not in LOGS:
        return f"There is no log of that name: they are called {', '.join(LOGS)}."
    if [other for other, _ in named.values()].count(name) > 1:
        return f"Log {name} has two diagnoses: each log has one."
    first, second = index(first), index(second)
    last = len(LOGS[name][0]) - 1
    if not 0 <= first < second <= last:
        return (
            f"Measurements are numbered 0 to {last}, and the first comes before the second: got {first} and {second}."
        )
    one, two = (_Measured(number, *(series[number] for series in LOGS[name])) for number in (first, second))
    lacking = next((message for message, holds in _SHOWN[case.part] if not holds(one, two)), None)
    return None if lacking is None else f"From {first} to {second}, log {name} does not show it: {lacking}."


def _told(overfits=("B", (8, 20)), rate=("C", (4, 5)), shuffled=("A", (1, 22))):
    """Build an answer, right where nothing else is said."""
    return lambda: {"overfits": overfits, "rate too high": rate, "shuffled labels": shuffled}


JUDGE_LOGS = Check(
    "judge_logs",
    section="training#training-logs",
    judge=_judge_logs,
    parts={"overfits": 2, "rate too high": 2, "shuffled labels": 1},  # least for what is guessed most easily
    cases=tuple(Case(part=part) for part in _SHOWN),
    mistakes=(
        Mistake(
            "gives names alone",
            "A name alone proves nothing",
            lambda: {"overfits": "B", "rate too high": "C", "shuffled labels": "A"},
        ),
        Mistake(
            "takes first and last for everything",
            "the validation loss does not rise by a quarter",
            _told(("B", (0, 23)), ("C", (0, 23)), ("A", (0, 23))),
            share=1 / 5,
        ),
        Mistake(
            "takes the highest last loss for a rate that is too high",
            "the training loss does not rise by 0.25",
            _told(rate=("A", (22, 23)), shuffled=("C", (0, 23))),
            share=2 / 5,
        ),
        Mistake(
            "takes shuffled labels for overfitting",
            "so nothing was learned that could be lost",
            _told(overfits=("A", (8, 23)), shuffled=("B", (0, 23))),
            share=2 / 5,
        ),
        Mistake(
            "takes a bumpy validation loss for overfitting",
            "the training loss does not fall by half",
            _told(overfits=("C", (8, 12)), rate=("B", (22, 23))),
            share=1 / 5,
        ),
        Mistake(
            "starts where the validation loss still falls",
            "the validation loss does not rise by a quarter",
            _told(overfits=("B", (3, 23))),
            share=3 / 5,
        ),
        Mistake(
            "takes any rise for a jump",
            "the training loss does not rise by 0.25",
            _told(rate=("C", (10, 11))),
            share=3 / 5,
        ),
        Mistake(
            "starts when it has learned by heart already",
            "there the network knows something",
            _told(shuffled=("A", (12, 23))),
            share=4 / 5,
        ),
        Mistake(
            "counts steps",
            "Measurements are numbered 0 to 23",
            _told(("B", (270, 720)), ("C", (150, 180)), ("A", (30, 720))),
        ),
        Mistake(
            "gives one log every diagnosis",
            "has two diagnoses",
            _told(("B", (8, 20)), ("B", (4, 5)), ("B", (1, 22))),
        ),
    ),
)

# --- claims on trial -----------------------------------------------------------------------------------------------


def _judge_loss_accuracy(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. How much does one very wrong answer cost, and how many nearly right ones?"
    first, second, target = (np.asarray(item) for item in evidence)
    if first.ndim != 2 or first.shape != second.shape or target.shape != first.shape[:1] or first.size > 4096:
        raise ValueError("two arrays (N, K) of logits and N labels are asked for")
    if not (np.isfinite(first).all() and np.isfinite(second).all()) or target.dtype.kind not in "iu":
        raise ValueError("logits are finite numbers, labels whole ones")
    if target.size == 0 or target.min() < 0 or target.max() >= first.shape[1]:
        raise ValueError(f"labels go from 0 to {first.shape[1] - 1}")
    losses = [float(_cross_entropy(np.asarray(z, float), target.astype(np.int64))) for z in (first, second)]
    right = [float(np.mean(z.argmax(1) == target)) for z in (first, second)]
    if losses[0] < (1 - 1e-9) * losses[1] and right[0] < right[1]:
        return None
    return (
        f"No counterexample: losses {losses[0]:.3g} and {losses[1]:.3g}, accuracies {right[0]:.3g} and {right[1]:.3g}; "
        "the first must have the lower loss and the lower accuracy."
    )


def _two_layers(weights, x):
    return np.maximum(x @ weights["0.weight"].T + weights["0.bias"], 0) @ weights["2.weight"].T + weights["2.bias"]


def _judge_rescale(value, case):
    verdict, evidence = verdict_and_evidence(value)
    weights, factor = case.args
    if not verdict:
        return "You judged it false. What does ReLU do to a positive multiple of its input?"
    if set(evidence) != set(weights):
        raise ValueError(f"the weights are called {', '.join(weights)}")
    evidence = {name: np.asarray(w, dtype=float) for name, w in evidence.items()}
    if any(evidence[name].shape != w.shape for name, w in weights.items()):
        return "Your weights have other shapes than those given."
    if not np.allclose(evidence["0.weight"], factor * weights["0.weight"], rtol=1e-9, atol=0):
        return "The first layer's kernel is not `factor` times the one given."
    x = _normal(20, weights["0.weight"].shape[1], seed=9)
    if not np.allclose(_two_layers(evidence, x), _two_layers(weights, x), rtol=1e-8, atol=1e-10):
        return "The network with your weights gives other outputs."
    return None


def _scaled(weights, factor, first_bias=True, second=True, last_bias=False):
    return {
        "0.weight": factor * weights["0.weight"],
        "0.bias": weights["0.bias"] * (factor if first_bias else 1),
        "2.weight": weights["2.weight"] / (factor if second else 1),
        "2.bias": weights["2.bias"] / (factor if last_bias else 1),
    }


_PAIR_SHAPES = {"0.weight": (4, 3), "0.bias": (4,), "2.weight": (2, 4), "2.bias": (2,)}


def _dense_pair(seed):
    return {name: _normal(*shape, seed=seed) for name, shape in _PAIR_SHAPES.items()}


def _draw_rescale(sampler):
    weights = {name: sampler.array(*shape) for name, shape in _PAIR_SHAPES.items()}
    part, factor = sampler.choice(("large factors", "small factors")), sampler.integer(3, 40) / 2
    return Case((weights, factor if part == "large factors" else 1 / factor), {}, part)


CLAIMS = (
    Check(
        "claim_loss",
        section="training#training-loss-accuracy",
        judge=_judge_loss_accuracy,
        cases=(Case(),),
        mistakes=(
            *claim_mistakes(False, "You judged it true.", lambda: None, "The answer is not of the form asked for"),
            Mistake(
                "gives equal networks",
                "No counterexample: losses",
                lambda: (False, (np.eye(2), np.eye(2), np.array([0, 1]))),
            ),
            Mistake(
                "swaps the two",
                "No counterexample: losses",
                lambda: (False, (np.array([[1.0, 0], [1, 0], [1, 0]]), np.zeros((3, 2)), np.array([0, 0, 1]))),
            ),
            Mistake(
                "gives labels of no class",
                "labels go from 0 to 1",
                lambda: (False, (np.array([[9.0, 0], [9, 0]]), np.array([[0.1, 0], [0, 0.1]]), np.array([0, -100]))),
            ),
        ),
    ),
    Check(
        "claim_rescale",
        section="training#training-rescale",
        judge=_judge_rescale,
        views_allowed=True,  # the last bias stays as it is
        parts={"large factors": 1, "small factors": 1},
        cases=(
            Case((_dense_pair(1), 3.0), {}, "large factors"),
            Case((_dense_pair(2), 10.0), {}, "large factors"),
            Case((_dense_pair(3), 0.25), {}, "small factors"),
            Case((_dense_pair(4), 0.01), {}, "small factors"),
            Case((_dense_pair(5), 1e6), {}, "large factors", "a very large one"),
            Case((_dense_pair(6), 1e-6), {}, "small factors", "a very small one"),
        ),
        draw_case=_draw_rescale,
        mistakes=(
            *claim_mistakes(True, "You judged it false.", lambda w, a: w),
            Mistake("returns the same weights", "The first layer's kernel is not", lambda w, a: (True, w)),
            Mistake(
                "forgets the first bias",
                "The network with your weights gives other outputs.",
                lambda w, a: (True, _scaled(w, a, first_bias=False)),
            ),
            Mistake(
                "divides the last bias",
                "The network with your weights gives other outputs.",
                lambda w, a: (True, _scaled(w, a, last_bias=True)),
            ),
            Mistake(
                "scales one layer alone",
                "The network with your weights gives other outputs.",
                lambda w, a: (True, _scaled(w, a, second=False)),
            ),
        ),
    ),
)

BOUNDS = {  # from tools/calibrate.py: the floor is what a network with all but its last layer frozen reaches
    "digits": Bounds(0.40, 0.82),
    "shapes": Bounds(0.50, 0.73),
    "scenes": Bounds(0.60, 0.97),
}

NETWORKS = tuple(
    NetworkCheck(f"{name}_network", task, BOUNDS[name], f"training#training-{name}")
    for name, task in tasks.TASKS.items()
)

CHECKS = (
    NETWORK_SUMMARY,
    CONVNET_FORWARD,
    CROSS_ENTROPY,
    CROSS_ENTROPY_BACKWARD,
    CONVNET_BACKWARD,
    SGD_STEP,
    ADAMW_STEP,
    COSINE_SCHEDULE,
    KAIMING_NORMAL,
    BATCH_NORM,
    BATCH_NORM_BACKWARD,
    SHIFT_AND_FLIP,
    EARLY_STOPPING,
    JUDGE_LOGS,
    *CLAIMS,
    *NETWORKS,
)
