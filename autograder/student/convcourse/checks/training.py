"""Checks of the topic `training`: a network from a layer list, the loss, the step, two claims, three trained models.

Oracles are PyTorch: ``F.cross_entropy``, ``torch.optim.SGD``, and a network built from the same list by its functions.
"""

import numpy as np
import torch
import torch.nn.functional as F

from convcourse.calls.call import arrays_in
from convcourse.engine.builders import claim_mistakes, pair
from convcourse.engine.check import Check
from convcourse.engine.evidence import verdict_and_evidence
from convcourse.engine.kinds import WHOLE
from convcourse.engine.model import DTYPE, Case, Mistake, Property
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
_UP_PAIRS = [
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
    found = {}
    for position, module in enumerate(as_modules(layers, input_shape)):
        for name, parameter in module.named_parameters():
            scale = 1 if parameter.ndim == 1 else 1.5 / np.sqrt(parameter[0].numel())
            found[f"{position}.{name}"] = scale * draw(*parameter.shape)
    return found


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
    return lambda call, draws: all(
        judge(call(*given.args, **given.kwargs), meant) is None for given, meant in WHOLE.vary(case)
    )


def _keeps_single(case):
    """Say for a property whether what comes of a case with float32 is of float32."""
    return lambda call, draws: all(found.dtype == np.float32 for found in arrays_in(call(*case.args)))


def _judged_properties(judge, whole, single):
    """Return what `kinds` tries where there is an oracle, for a check that has a judge."""
    return (
        Property("whole numbers", WHOLE.says, _works_with_whole_numbers(judge, whole)),
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
    draws=3,
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
    draw=lambda d: Case(
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


def _draw_forward(draws):
    layers, part = draws.choice([(_PLAIN, "one after the other"), (_UP, "a label per pixel")])
    shape = (draws.integer(1, 3), draws.integer(1, 3), 2 * draws.integer(2, 4), 2 * draws.integer(2, 4))
    return Case((layers, _weights(layers, shape, draws.array), draws.array(*shape)), {}, part)


CONVNET_FORWARD = Check(
    "convnet_forward",
    section="training#training-network",
    oracle=_forward,
    parts={"one after the other": 3, "strides, pads, pooling": 3, "a label per pixel": 2},
    cases=tuple(Case((layers, weights, x), {}, part, note) for layers, weights, x, part, note in (*_TRIED, *_PHOTOS)),
    draw=_draw_forward,
    draws=4,
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


def _draw_loss(draws):
    n, k = draws.integer(1, 4), draws.integer(2, 5)
    space, part = draws.choice([((), "one label"), ((2, 3), "a label per pixel")])
    labels = np.array([draws.integer(0, k - 1) for _ in range(n * int(np.prod(space)))]).reshape(n, *space)
    return draws.array(n, k, *space), labels, part


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
        own = np.take_along_axis(shifted, target[:, None].astype(int), 1)[:, 0]
        return (np.log(np.exp(shifted).sum(1)) - own).mean()


CROSS_ENTROPY = Check(
    "cross_entropy",
    section="training#training-loss",
    oracle=_cross_entropy,
    scale=_loss_scale,
    parts={"one label": 2, "a label per pixel": 1, "huge logits": 1},
    cases=tuple(Case((logits, target), {}, part, note) for logits, target, part, note in _LOSSES),
    draw=lambda d: (lambda logits, target, part: Case((logits, target), {}, part))(*_draw_loss(d)),
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
    draw=lambda d: (lambda logits, target, part: Case((-0.7, logits, target), {}, part))(*_draw_loss(d)),
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
    own = {name: tensor(w.astype(dtype), requires_grad=True) for name, w in weights.items()}
    x = tensor(x.astype(dtype), requires_grad=True)
    (_apply(layers, own, x, **changes) * tensor(grad_output)).sum().backward()
    zero = torch.zeros_like
    return {name: array(zero(w) if w.grad is None else w.grad) for name, w in own.items()}, array(
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
    for name, found, right in [*((n, value[0][n], g) for n, g in grads.items()), ("x", value[1], grad_x)]:
        found = np.asarray(found)
        if found.dtype.kind not in "iuf":
            return f"The gradient of {name} holds no numbers."
        if found.shape != right.shape:
            return f"The gradient of {name} has shape {found.shape}, expected {right.shape}."
        gap = np.abs(found - right).max()
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


def _draw_backward(draws):
    case = _draw_forward(draws)
    return Case((draws.array(*_forward(*case.args).shape), *case.args), {}, case.part)


_BACKWARD_CASES = tuple(
    Case((_upstream(layers, weights, x), layers, weights, x), {}, part, note)
    for layers, weights, x, part, note in (*_TRIED, *_PHOTOS, (*_half_black(), "ReLU at 0", "a black half and no bias"))
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
        next(case for case in _BACKWARD_CASES if case.args[-1].dtype == np.float32),
    ),
    draw=_draw_backward,
    draws=4,
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
            WHOLE.says,
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
    found = {name: array(p) for name, p in parameters.items()}
    moved = {name: momentum * old.get(name, 0) + grad + weight_decay * weights[name] for name, grad in grads.items()}
    return found, {name: np.array(v) for name, v in (old | moved).items()}


def _judge_step(value, case):
    if not isinstance(value, tuple | list) or len(value) != 2 or not all(isinstance(v, dict) for v in value):
        return "Return two dicts: the new weights and the new velocity."
    for words, found, right in zip(("weights", "velocity"), value, _step(*case.args, **case.kwargs), strict=True):
        if words == "velocity":  # one of zeros, for a weight without a gradient, changes nothing
            found = {name: v for name, v in found.items() if name in right or name not in case.args[0] or np.any(v)}
        if lost := sorted(set(right) - set(found) - set(case.args[1])):
            return f"In the new {words}, {lost[0]!r} is gone: it had no gradient this time, and keeps what it has."
        if set(found) != set(right):
            return f"The names in the new {words} are {sorted(map(str, found))}, expected {sorted(right)}."
        for name in right:
            got = np.asarray(found[name], dtype=float)
            if got.shape != right[name].shape:
                return f"In the new {words}, {name!r} has shape {got.shape}, expected {right[name].shape}."
            gap = np.abs(got - right[name]).max()
            size = max(np.abs(part[name]).max() for part in (right, case.args[words == "velocity"]) if name in part)
            if not gap <= (1e-5 if right[name].dtype == np.float32 else 1e-10) * size:
                return f"In the new {words}, {name!r} is off by {gap:.3g}."
    return None


def _without(arrays, name):
    return {n: a for n, a in arrays.items() if n != name}


def _as_large(factor, arrays):
    return {name: factor * array for name, array in arrays.items()}


def _draw_step(draws):
    outputs, inputs = draws.integer(1, 3), draws.integer(2, 4)
    shapes = {"0.weight": (outputs, inputs), "0.bias": (outputs,), "2.weight": (2, outputs, 1, 3)}
    weights, grads, velocity = ({name: draws.array(*shape) for name, shape in shapes.items()} for _ in range(3))
    part = draws.choice(("a plain step", "momentum", "weight decay", "no gradient"))
    rate, momentum = draws.integer(1, 9) / 20, draws.integer(1, 9) / 10
    if part == "a plain step":
        return Case((weights, grads), {"lr": rate}, part)
    if part == "no gradient":
        grads = _without(grads, draws.choice(sorted(shapes)))
    decay = draws.integer(1, 9) / 10 if part == "weight decay" else 0.0
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
        _judge_step, Case((_W, _G, _V, 0.1, 0.9, 0.2)), Case((_W32, _G32, _V32, 0.1, 0.5, 0.2))
    ),
    draw=_draw_step,
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
            "is off by",
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
            WHOLE.says,
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
            "averages gradient and velocity",
            "You weighed the gradient by 1 - momentum: PyTorch's SGD adds it in full.",
            lambda w, g, v=None, lr=0.01, momentum=0.0, weight_decay=0.0: _step(
                w, {n: (1 - momentum) * u for n, u in g.items()}, v, lr, momentum, weight_decay
            ),
            share=1 / 4,
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
    verdict, found = verdict_and_evidence(value)
    weights, factor = case.args
    if not verdict:
        return "You judged it false. What does ReLU do to a positive multiple of its input?"
    if set(found) != set(weights):
        raise ValueError(f"the weights are called {', '.join(weights)}")
    found = {name: np.asarray(w, dtype=float) for name, w in found.items()}
    if any(found[name].shape != w.shape for name, w in weights.items()):
        return "Your weights have other shapes than those given."
    if not np.allclose(found["0.weight"], factor * weights["0.weight"], rtol=1e-9, atol=0):
        return "The first layer's kernel is not `factor` times the one given."
    x = _normal(20, weights["0.weight"].shape[1], seed=9)
    if not np.allclose(_two_layers(found, x), _two_layers(weights, x), rtol=1e-8, atol=1e-10):
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


def _draw_rescale(draws):
    weights = {name: draws.array(*shape) for name, shape in _PAIR_SHAPES.items()}
    part, factor = draws.choice(("large factors", "small factors")), draws.integer(3, 40) / 2
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
        draw=_draw_rescale,
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
    *CLAIMS,
    *NETWORKS,
)
