"""Gradients: fold, the gradients of a layer, two ways to test them, and two claims on trial."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from convcourse.engine import kinds
from convcourse.engine.builders import Arrays, altered, claim_mistakes, handed, pair, swapped
from convcourse.engine.check import Check
from convcourse.engine.evidence import verdict_and_evidence
from convcourse.engine.model import DTYPE, MODIFIES, VIEW, Case, Mistake, Property
from convcourse.engine.oracles import array, gradient, on_torch, tensor


def _out(size, kernel, stride=1, padding=0, dilation=1):
    axes = zip(size, kernel, *map(pair, (stride, padding, dilation)), strict=True)
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in axes)


# --- fold ----------------------------------------------------------------------------------------------------------

_fold = on_torch(lambda x, *sizes, **options: F.fold(x, *sizes, **options))
_unfold = on_torch(F.unfold)
_FOLDED = "x, output_size, kernel_size, dilation=1, padding=0, stride=1"


def _fold_of(change):
    """Build a wrong fold that rearranges the columns (N, C, kH, kW, L) first."""

    def wrong(x, output_size, kernel_size, *args, **kwargs):
        height, width = pair(kernel_size)
        columns = change(x.reshape(len(x), -1, height, width, x.shape[2]))
        return _fold(columns.reshape(x.shape), output_size, kernel_size, *args, **kwargs)

    return wrong


def _fold_then(change):
    """Build a wrong fold that spoils the right result: change(images, columns, settings)."""
    return handed(_FOLDED, lambda x, size, settings: change(_fold(x, size, **settings), x, settings), 2)


def _last_wins(right, x, settings):
    """Keep the value of the last window that covers a pixel."""
    n, c, height, width = right.shape
    index = np.arange(1, x.shape[2] + 1, dtype=float)
    result = np.zeros(right.shape, x.dtype)
    taps = x.shape[1] // c
    order = np.tile(index, (1, taps, 1))
    padded = tuple(a + 2 * b for a, b in zip((height, width), pair(settings["padding"]), strict=True))
    places = _unfold(
        np.arange(padded[0] * padded[1], dtype=float).reshape(1, 1, *padded),
        settings["kernel_size"],
        settings["dilation"],
        0,
        settings["stride"],
    )[0].astype(int)
    flat = np.zeros((n, c, padded[0] * padded[1]), x.dtype)
    for column in np.argsort(order[0, 0], kind="stable"):
        flat[:, :, places[:, column]] = x.reshape(n, c, taps, -1)[..., column]
    top, left = pair(settings["padding"])
    result[...] = flat.reshape(n, c, *padded)[:, :, top : top + height, left : left + width]
    return result


def _averaged(right, x, settings):
    counts = _fold(np.ones((1, x.shape[1] // right.shape[1], x.shape[2])), right.shape[2:], **settings)
    return (right / np.maximum(counts, 1)).astype(right.dtype)


def _shifted_padding(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    (height, width), (top, left) = output_size, pair(padding)
    return _fold(x, (height + 2 * top, width + 2 * left), kernel_size, dilation, 0, stride)[:, :, :height, :width]


def _uncut(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    size = tuple(n + 2 * p for n, p in zip(output_size, pair(padding), strict=True))
    return _fold(x, size, kernel_size, dilation, 0, stride)


def _fold_case(part, n, c, size, kernel, dtype=np.float64, **options):
    places = int(np.prod(_out(size, pair(kernel), *(options.get(k, v) for k, v in _DEFAULTS.items()))))
    x = _x(n, c * int(np.prod(pair(kernel))), places, dtype=dtype)
    return Case((x, size, kernel), options, part)


_DEFAULTS = {"stride": 1, "padding": 0, "dilation": 1}
_NUMBERS = {"words": "the assignment asks for padding in numbers"}
_STEPS = ((1, 2), (2, 1), (2, 2))  # what is drawn where the stride or the dilation is tried


def _draw_fold(sampler):
    kernel = (sampler.integer(1, 3), sampler.integer(1, 3))
    part = sampler.choice(("plain", "stride", "padding", "dilation", "all together"))
    size = tuple(2 * k + sampler.integer(1, 3) for k in kernel)
    names = {"plain": (), "all together": ("stride", "padding", "dilation")}.get(part, (part,))
    options = {name: sampler.choice(_STEPS) for name in names}
    if "padding" in options:
        options["padding"] = (sampler.integer(0, 2), 1)
    n, c = sampler.integer(1, 2), sampler.integer(1, 2)
    places = int(np.prod(_out(size, kernel, *(options.get(k, v) for k, v in _DEFAULTS.items()))))
    return Case((sampler.array(n, c * kernel[0] * kernel[1], places), size, kernel), options, part)


_x = Arrays("gradients", "fold")
FOLD = Check(
    "fold",
    section="gradients#gradients-adjoint",
    oracle=_fold,
    parts={"plain": 2, "stride": 2, "padding": 2, "dilation": 1, "all together": 1},
    cases=(
        Case((np.array([[[1.0, 10], [2, 20]]]), (1, 3), (1, 2)), {}, "plain", "two windows share a pixel"),
        _fold_case("plain", 2, 3, (4, 5), (2, 3)),
        _fold_case("plain", 2, 2, (4, 3), (3, 2), dtype=np.float32),
        _fold_case("plain", 1, 2, (3, 4), 2),
        _fold_case("stride", 2, 2, (6, 8), (3, 4), stride=(2, 3)),
        _fold_case("stride", 1, 2, (7, 6), 3, dtype=np.float32, stride=2),
        _fold_case("padding", 2, 2, (3, 4), (3, 2), padding=(2, 1)),
        _fold_case("padding", 1, 2, (4, 3), 3, dtype=np.float32, padding=1),
        _fold_case("dilation", 2, 2, (8, 7), (3, 2), dilation=(2, 3)),
        _fold_case("dilation", 1, 1, (7, 8), 3, dtype=np.float32, dilation=2),
        _fold_case("stride", 1, 2, (5, 6), (1, 2), stride=3),
        _fold_case("stride", 2, 1, (6, 8), (2, 3), stride=(1, 2)),
        _fold_case("stride", 1, 2, (7, 5), (2, 2), stride=(2, 1)),
        _fold_case("padding", 1, 1, (5, 7), (2, 3), padding=(2, 1)),
        _fold_case("padding", 1, 2, (8, 5), (3, 2), padding=(0, 1)),
        _fold_case("dilation", 1, 1, (7, 3), (3, 1), dilation=(1, 2)),
        _fold_case("dilation", 2, 2, (6, 9), (2, 3), dilation=(2, 1)),
        _fold_case("all together", 2, 1, (5, 4), (2, 1), stride=(2, 1), padding=(0, 1), dilation=(1, 2)),
        _fold_case("all together", 2, 2, (3, 9), (1, 3), stride=(1, 2), padding=1, dilation=(2, 1)),
        _fold_case("all together", 1, 1, (9, 7), (3, 3), stride=(2, 1), padding=(2, 1), dilation=(1, 2)),
        _fold_case("all together", 1, 1, (6, 8), (2, 3), stride=(1, 2), padding=(2, 1), dilation=(1, 2)),
        _fold_case("padding", 1, 1, (3, 2), (1, 2), padding=(2, 3)),
        _fold_case("padding", 1, 2, (1, 1), (3, 2), padding=(1, 2)),
        _fold_case("all together", 2, 2, (8, 9), (3, 2), stride=(2, 3), padding=(1, 2), dilation=(2, 3)),
        _fold_case("all together", 1, 2, (7, 6), 2, dtype=np.float32, stride=2, padding=1, dilation=3),
        _fold_case("all together", 2, 2, (6, 9), (1, 4), stride=(2, 3), padding=(0, 2), dilation=(1, 2)),
        _fold_case("plain", 2, 3, (4, 2), 1),
    ),
    draw_case=_draw_fold,
    exempt=_NUMBERS,
    mistakes=(
        Mistake(
            "assigns where windows overlap",
            "You assigned where windows overlap; a pixel in several windows gets the sum.",
            _fold_then(_last_wins),
        ),
        Mistake(
            "averages where windows overlap",
            "You averaged where windows overlap. The adjoint of unfold adds; only an inverse would average.",
            _fold_then(_averaged),
        ),
        Mistake(
            "kernel first, channels last",
            "You read the rows with the channel last; row c kH kW + i kW + j belongs to channel c.",
            lambda x, size, kernel, *args, **kwargs: _fold(
                x.reshape(len(x), int(np.prod(pair(kernel))), -1, x.shape[2]).swapaxes(1, 2).reshape(x.shape),
                size,
                kernel,
                *args,
                **kwargs,
            ),
        ),
        Mistake(
            "columns of the kernel first",
            "You read the rows down the columns of the kernel; they go through it row by row.",
            lambda x, size, kernel, *args, **kwargs: _fold(
                x.reshape(len(x), -1, *swapped(pair(kernel)), x.shape[2]).swapaxes(2, 3).reshape(x.shape),
                size,
                kernel,
                *args,
                **kwargs,
            ),
        ),
        Mistake(
            "places backwards",
            "You laid the columns in the wrong order: column p oW + q belongs to place (p, q).",
            _fold_of(lambda c: c[..., ::-1]),
        ),
        Mistake(
            "windows turned",
            "You laid the windows turned by 180 degrees.",
            _fold_of(lambda c: c[:, :, ::-1, ::-1]),
        ),
        Mistake(
            "keeps the padding",
            "You returned the padding too: what lands on it is dropped.",
            _uncut,
            share=5 / 8,
        ),
        Mistake(
            "cuts the padding at the end alone",
            "You cut all the padding off at the end; half of it lies before the first row and column.",
            _shifted_padding,
            share=5 / 8,
        ),
        Mistake(
            "repeats the first sample",
            "Every sample of your batch is the first one.",
            _fold_then(lambda right, x, s: np.broadcast_to(right[:1], right.shape).copy()),
        ),
    ),
    properties=(
        Property(
            "adjoint",
            "It is not the adjoint of unfold: <unfold(a), b> must equal <a, fold(b)>.",
            lambda call, sampler: _adjoint_of_unfold(call, sampler),
        ),
    ),
)


def _adjoint_of_unfold(call, sampler):
    image = sampler.array(1, 2, 5, 6)
    forward = _unfold(image, (3, 2), 1, (0, 1), (2, 2))
    columns = sampler.array(*forward.shape)
    back = call(columns, (5, 6), (3, 2), 1, (0, 1), (2, 2))
    return bool(np.isclose(np.sum(forward * columns), np.sum(image * back)))


# --- the gradient for the weight -------------------------------------------------------------------------------------


def _weight(x, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    zeros = np.zeros(weight_size, x.dtype)
    return gradient(F.conv2d, (1,))(grad_output, x, zeros, None, stride, padding, dilation, groups)


def _weight_with(change):
    """Build a wrong gradient that changes its arguments first: change(dict of all arguments) -> dict."""
    return altered(_weight, "x, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1", change)


def _weight_then(change):
    return lambda x, *args, **kwargs: change(_weight(x, *args, **kwargs), x)


def _as_if(name, value):
    """Take stride or dilation as `value`: the input is padded by NumPy and grown or cut to the size that then fits."""

    def change(s):
        if pair(s[name]) == pair(value):
            return s
        s = s | {name: value}
        (top, left), kernel = pair(s["padding"]), s["weight_size"][2:]
        steps, gaps = pair(s["stride"]), pair(s["dilation"])
        need = [
            (m - 1) * a + d * (k - 1) + 1
            for m, a, d, k in zip(s["grad_output"].shape[2:], steps, gaps, kernel, strict=True)
        ]
        x = np.pad(s["x"], ((0, 0), (0, 0), (top, top + need[0]), (left, left + need[1])))
        return s | {"x": x[:, :, : need[0], : need[1]], "padding": 0}

    return change


def _padding_after(s):
    top, left = pair(s["padding"])
    return s | {"x": np.pad(s["x"], ((0, 0), (0, 0), (0, 2 * top), (0, 2 * left))), "padding": 0}


def _first_group(s):
    depth = s["weight_size"][1]
    return s | {"x": np.tile(s["x"][:, :depth], (1, s["groups"], 1, 1))}


def _layer_case(part, x, weight, dtype=np.float64, **options):
    """Return shapes' arrays (input, weight, grad_output) for a case."""
    geometry = {k: options.get(k, v) for k, v in _DEFAULTS.items()}
    grad_shape = (x[0], weight[0], *_out(x[2:], weight[2:], **geometry))
    return part, _x(*x, dtype=dtype), _x(*weight, dtype=dtype), _x(*grad_shape, dtype=dtype), options


_x = Arrays("gradients", "layers")
_LAYERS: tuple[tuple[Any, ...], ...] = (
    ("plain", np.array([[[[1.0, 2, 4]]]]), np.array([[[[3.0, 10]]]]), np.array([[[[5.0, 7]]]]), {}),
    _layer_case("plain", (2, 3, 4, 5), (4, 3, 2, 3)),
    _layer_case("plain", (2, 2, 5, 4), (3, 2, 3, 2), dtype=np.float32),
    _layer_case("plain", (1, 2, 4, 4), (2, 2, 3, 3)),
    _layer_case("stride", (2, 2, 8, 9), (3, 2, 3, 4), stride=(2, 3)),
    _layer_case("stride", (1, 2, 7, 6), (2, 2, 3, 3), dtype=np.float32, stride=2),
    _layer_case("padding", (2, 2, 4, 3), (3, 2, 3, 2), padding=(2, 1)),
    _layer_case("padding", (1, 3, 3, 4), (2, 3, 3, 3), dtype=np.float32, padding=1),
    _layer_case("dilation", (2, 2, 8, 9), (3, 2, 3, 2), dilation=(2, 3)),
    _layer_case("dilation", (1, 2, 6, 7), (2, 2, 2, 3), dtype=np.float32, dilation=2),
    _layer_case("groups", (2, 4, 5, 4), (6, 2, 2, 3), dtype=np.float32, groups=2),
    _layer_case("groups", (2, 3, 4, 5), (6, 1, 3, 2), groups=3, padding=1),
    _layer_case("plain", (2, 3, 3, 4), (2, 3, 1, 1)),
    _layer_case("stride", (1, 2, 5, 6), (2, 2, 1, 2), stride=3),
    _layer_case("padding", (1, 2, 3, 2), (2, 2, 1, 2), padding=(2, 3)),
    _layer_case("padding", (2, 2, 1, 1), (3, 2, 3, 2), padding=(1, 2)),
    _layer_case("plain", (2, 2, 3, 2), (3, 2, 3, 2)),
    _layer_case("all together", (2, 4, 8, 9), (4, 2, 3, 2), stride=(2, 3), padding=(1, 2), dilation=(2, 3), groups=2),
    _layer_case("all together", (1, 3, 7, 6), (3, 1, 2, 3), np.float32, stride=2, padding=1, dilation=2, groups=3),
    _layer_case("all together", (2, 6, 8, 9), (9, 2, 3, 1), stride=(1, 2), padding=(2, 0), dilation=(2, 1), groups=3),
    _layer_case("stride", (2, 1, 7, 9), (2, 1, 2, 3), stride=(1, 2)),
    _layer_case("stride", (1, 2, 8, 8), (2, 2, 3, 3), stride=(3, 2)),
    _layer_case("stride", (2, 1, 8, 8), (1, 1, 3, 3), stride=(2, 1)),
    _layer_case("padding", (2, 1, 5, 9), (1, 1, 2, 3), padding=(0, 1)),
    _layer_case("dilation", (2, 1, 6, 8), (2, 1, 2, 3), dilation=(3, 2)),
    _layer_case("dilation", (2, 1, 7, 8), (1, 1, 3, 3), dilation=(1, 2)),
    _layer_case("dilation", (2, 1, 7, 9), (1, 1, 2, 3), dilation=(2, 1)),
    _layer_case("groups", (2, 2, 7, 6), (4, 1, 3, 2), groups=2),
    _layer_case("all together", (2, 3, 8, 7), (3, 1, 3, 2), padding=(0, 1), stride=(1, 2), dilation=(1, 2), groups=3),
    _layer_case("all together", (1, 2, 7, 7), (4, 1, 2, 2), padding=1, stride=2, dilation=(3, 2), groups=2),
    _layer_case("all together", (1, 2, 6, 9), (2, 1, 2, 3), padding=1, stride=(2, 1), dilation=2, groups=2),
    _layer_case("all together", (1, 3, 5, 7), (6, 1, 2, 2), padding=1, stride=2, dilation=(2, 1), groups=3),
    _layer_case("plain", (1, 1, 7, 9), (2, 1, 2, 3)),
    _layer_case("plain", (1, 2, 8, 5), (2, 2, 3, 2)),
)
_ONE = np.ones((1, 1, 1, 1))
_THROUGH = np.eye(2).reshape(2, 2, 1, 1)  # each channel goes through as it is
_PARTS = {"plain": 3, "stride": 2, "padding": 2, "dilation": 1, "groups": 1, "all together": 1}


def _draw_layer(sampler):
    """Draw (part, input, weight, grad_output, options)."""
    part = sampler.choice(("plain", "stride", "padding", "dilation", "groups", "all together"))
    together = part == "all together"
    low = 1 if part == "plain" else 2  # kernels of one tap belong to one part, under every seed
    kernel, groups, options = (sampler.integer(low, 3), sampler.integer(low, 3)), 1, {}
    if together or part == "groups":
        options["groups"] = groups = sampler.integer(2, 3)
    if together or part == "padding":
        options["padding"] = (sampler.integer(0, 2), 1)
    for name in ("stride", "dilation"):
        if together or part == name:
            options[name] = sampler.choice(_STEPS)
    depth, filters, n = sampler.integer(1, 2), sampler.integer(1, 2), sampler.integer(1, 2)
    size = tuple(2 * k + sampler.integer(1, 3) for k in kernel)
    out = _out(size, kernel, *(options.get(k, v) for k, v in _DEFAULTS.items()))
    x, weight = sampler.array(n, groups * depth, *size), sampler.array(groups * filters, depth, *kernel)
    return part, x, weight, sampler.array(n, groups * filters, *out), options


def _weight_case(part, x, weight, grad, options):
    return Case((x, weight.shape, grad), options, part)


def _input_case(part, x, weight, grad, options):
    return Case((x.shape, weight, grad), options, part)


CONV2D_WEIGHT = Check(
    "conv2d_weight",
    section="gradients#gradients-weight",
    oracle=_weight,
    parts=_PARTS,
    cases=(
        *(_weight_case(*layer) for layer in _LAYERS),
        Case((_x(1, 2, 3, 4), (1, 2, 3, 4), _ONE), {}, "plain", "one window, weighed with 1: the input itself"),
        Case((_ONE, (1, 1, 1, 1), _x(1, 1, 1, 1)), {}, "plain", "one pixel of 1: the upstream gradient itself"),
    ),
    draw_case=lambda sampler: _weight_case(*_draw_layer(sampler)),
    exempt=_NUMBERS,
    photographs=True,
    mistakes=(
        Mistake(
            "ignores the upstream gradient",
            "You ignored grad_output: each input is weighed with what arrived for the output that used it.",
            _weight_with(lambda s: s | {"grad_output": np.ones_like(s["grad_output"])}),
        ),
        Mistake(
            "takes the first sample alone",
            "You used the first sample alone: the weight served the whole batch, so its gradient sums over it.",
            _weight_with(lambda s: s | {"x": s["x"][:1], "grad_output": s["grad_output"][:1]}),
        ),
        Mistake(
            "averages over the batch",
            "You averaged over the batch. The gradient sums; an average belongs into the loss, if anywhere.",
            _weight_then(lambda right, x: (right / len(x)).astype(right.dtype)),
        ),
        Mistake(
            "averages over the places",
            "You averaged over the places of the output; a shared weight sums over all of them.",
            lambda x, size, g, *args, **kwargs: (_weight(x, size, g, *args, **kwargs) / g[0, 0].size).astype(x.dtype),
        ),
        Mistake(
            "turns the result",
            "Your gradient is turned by 180 degrees: nothing is turned here, g slides over x as the kernel did.",
            _weight_then(lambda right, x: np.ascontiguousarray(right[:, :, ::-1, ::-1])),
        ),
        Mistake(
            "swaps the channels",
            "You swapped input and output channels: the gradient has the weight's shape (F, C / groups, kH, kW).",
            _weight_then(lambda right, x: np.ascontiguousarray(right.swapaxes(0, 1))),
        ),
        Mistake(
            "ignores the stride",
            "You ignored the stride: neighbours in grad_output met inputs that are `stride` pixels apart.",
            _weight_with(_as_if("stride", 1)),
            share=7 / 10,
        ),
        Mistake(
            "ignores dilation",
            "You ignored the dilation: neighbours in the kernel met inputs that are `dilation` pixels apart.",
            _weight_with(_as_if("dilation", 1)),
            share=8 / 10,
        ),
        Mistake(
            "pads after the input alone",
            "You put all the padding after the input, or forgot it: the kernel met zeros before the first row too.",
            _weight_with(_padding_after),
            share=6 / 10,
        ),
        Mistake(
            "all groups read the first channels",
            "All your groups read the first input channels: group g met the g-th block of them.",
            _weight_with(_first_group),
            share=8 / 10,
        ),
    ),
)

# --- the gradient for the input --------------------------------------------------------------------------------------


def _input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    zeros = np.zeros(input_size, weight.dtype)
    return gradient(F.conv2d)(grad_output, zeros, weight, None, stride, padding, dilation, groups)


def _input_with(change):
    """Build a wrong gradient that changes its arguments first."""
    return altered(_input, "input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1", change)


def _input_as_if(name):
    """Take stride or dilation as 1, then cut or fill up with zeros to the size of the input."""

    def wrong(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
        settings = {"stride": stride, "padding": padding, "dilation": dilation}
        if pair(settings[name]) == (1, 1):
            return _input(input_size, weight, grad_output, **settings, groups=groups)
        settings[name] = 1
        spans = zip(
            grad_output.shape[2:], weight.shape[2:], *(pair(settings[k]) for k in ("stride", "dilation")), strict=True
        )
        full = tuple((m - 1) * s + d * (k - 1) + 1 for m, k, s, d in spans)
        padded = _input(
            (*input_size[:2], *full), weight, grad_output, settings["stride"], 0, settings["dilation"], groups
        )
        result = np.zeros(input_size, weight.dtype)
        (top, left), (height, width) = pair(padding), input_size[2:]
        part = padded[:, :, top : top + height, left : left + width]
        result[:, :, : part.shape[2], : part.shape[3]] = part
        return result

    return wrong


def _with_padding(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    size = (*input_size[:2], *(n + 2 * p for n, p in zip(input_size[2:], pair(padding), strict=True)))
    return _input(size, weight, grad_output, stride, 0, dilation, groups)


def _cut_at_the_end(input_size, *args, **kwargs):
    return np.ascontiguousarray(_with_padding(input_size, *args, **kwargs)[:, :, : input_size[2], : input_size[3]])


def _input_assigned(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    filters, _, *kernel = weight.shape
    n, places = len(grad_output), grad_output.shape[2:]
    w = tensor(weight).reshape(groups, filters // groups, -1)
    g = tensor(grad_output).reshape(n, groups, filters // groups, -1)
    columns = torch.einsum("gfk,ngfl->ngkl", w, g).reshape(n, -1, places[0] * places[1]).numpy()
    settings = {"kernel_size": tuple(kernel), "stride": stride, "padding": padding, "dilation": dilation}
    return _last_wins(np.zeros(input_size, weight.dtype), columns, settings)


def _onto_first_group(input_size, weight, *args, **kwargs):
    right = _input(input_size, weight, *args, **kwargs)
    groups = kwargs.get("groups", 1)
    if groups == 1:
        return right
    result = np.zeros_like(right)
    result[:, : weight.shape[1]] = right.reshape(len(right), groups, -1, *right.shape[2:]).sum(1)
    return result


CONV2D_INPUT = Check(
    "conv2d_input",
    builds_on=("fold",),
    section="gradients#gradients-input",
    oracle=_input,
    parts=_PARTS,
    cases=(
        *(_input_case(*layer) for layer in _LAYERS),
        Case(((1, 2, 3, 4), _x(1, 2, 3, 4), _ONE), {}, "plain", "one window, weighed with 1: the weight itself"),
        Case(((2, 2, 3, 4), _THROUGH, _x(2, 2, 3, 4)), {}, "plain", "the upstream gradient goes through as it is"),
    ),
    draw_case=lambda sampler: _input_case(*_draw_layer(sampler)),
    exempt=_NUMBERS,
    mistakes=(
        Mistake(
            "does not turn the kernel",
            "You slid the kernel over grad_output as it is: the transpose slides it turned by 180 degrees.",
            _input_with(lambda s: s | {"weight": s["weight"][:, :, ::-1, ::-1]}),
        ),
        Mistake(
            "ignores the upstream gradient",
            "You ignored grad_output: what is handed back is the gradient that arrived, times the weights.",
            _input_with(lambda s: s | {"grad_output": np.ones_like(s["grad_output"])}),
        ),
        Mistake(
            "assigns where windows overlap",
            "You assigned where windows overlap; a pixel that took part in several outputs gets the sum.",
            _input_assigned,
        ),
        Mistake(
            "uses the first output channel alone",
            "You used the first output channel alone: an input feeds all of them, so its gradient sums over f.",
            _input_with(
                lambda s: (
                    s
                    | {
                        "grad_output": s["grad_output"]
                        * (np.arange(len(s["weight"])) % (len(s["weight"]) // s["groups"]) == 0)[:, None, None]
                    }
                    if len(s["weight"]) > 1
                    else s
                )
            ),
        ),
        Mistake(
            "averages over the batch",
            "You divided by the number of samples: each sample's input has its own gradient, whole.",
            lambda size, w, g, *args, **kwargs: (_input(size, w, g, *args, **kwargs) / size[0]).astype(w.dtype),
        ),
        Mistake(
            "ignores the stride",
            "You ignored the stride: outputs p and p + 1 send their gradients to windows that are `stride` pixels apart.",
            _input_as_if("stride"),
            share=7 / 10,
        ),
        Mistake(
            "ignores dilation",
            "You ignored the dilation: the elements of the kernel met pixels that are `dilation` apart.",
            _input_as_if("dilation"),
            share=8 / 10,
        ),
        Mistake(
            "keeps the padding",
            "You returned the gradient of the padding too: cut it off, the result has the input's size.",
            _with_padding,
            share=6 / 10,
        ),
        Mistake(
            "cuts the padding at the end alone",
            "You cut all the padding off at the end, or forgot it; half of it lies before the first row and column.",
            _cut_at_the_end,
            share=6 / 10,
        ),
        Mistake(
            "all groups write to the first channels",
            "All your groups send their gradients to the first input channels: group g feeds from the g-th block of them.",
            _onto_first_group,
            share=8 / 10,
        ),
    ),
)

# --- all three -------------------------------------------------------------------------------------------------------


def _backward(grad_output, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    tensors: list[Any] = [None if a is None else tensor(a, requires_grad=True) for a in (x, weight, bias)]
    y = F.conv2d(tensors[0], tensors[1], tensors[2], stride, padding, dilation, groups)
    (y * tensor(grad_output)).sum().backward()
    return tuple(None if t is None else array(t.grad) for t in tensors)


def _backward_with(change):
    """Build a wrong backward pass that spoils the right three: change(dx, dw, db, grad_output, arguments)."""

    def wrong(grad_output, *args, **kwargs):
        return change(*_backward(grad_output, *args, **kwargs), grad_output, args)

    return wrong


def _plain_backward(grad_output, x, weight, bias=None, **kwargs):
    """Ignore the options: cut or grow the gradient to what a plain layer gives."""
    shape = (len(x), len(weight), *_out(x.shape[2:], weight.shape[2:]))
    if weight.shape[1] != x.shape[1]:
        return None
    plain = np.zeros(shape, grad_output.dtype)
    part = grad_output[:, :, : shape[2], : shape[3]]
    plain[:, :, : part.shape[2], : part.shape[3]] = part
    return _backward(plain, x, weight, bias)


def _draw_backward(sampler):
    part, x, weight, grad, options = _draw_layer(sampler)
    bias = sampler.array(len(weight)) if part != "plain" or sampler.choice((True, False)) else None
    name = "options" if options else "with bias" if bias is not None else "no bias"
    return Case((grad, x, weight, bias), options, name)


def _backward_case(part, layer, bias=True):
    _, x, weight, grad, options = layer
    return Case((grad, x, weight, *([_x(len(weight), dtype=x.dtype)] if bias else [])), options, part)


def _without_value(part, layer):
    _, x, weight, grad, options = layer
    return Case((grad, x, weight, np.zeros(len(weight))), options, part, "a bias of zeros")


_x = Arrays("gradients", "conv2d_backward")
CONV2D_BACKWARD = Check(
    "conv2d_backward",
    builds_on=("conv2d_weight", "conv2d_input"),
    section="gradients#gradients-bias",
    oracle=_backward,
    outputs=("gradient for x", "gradient for weight", "gradient for bias"),
    parts={"with bias": 2, "options": 2, "no bias": 1},
    cases=(
        *(_backward_case("with bias", _LAYERS[i]) for i in (0, 1, 2, -2, -1)),
        *(_backward_case("options", _LAYERS[i]) for i in (4, 6, 8, 10, 15, 17, 18, 19)),
        *(_backward_case("no bias", _LAYERS[i], bias=False) for i in (1, 3, 16, -2, -1)),
        _without_value("with bias", _LAYERS[1]),
        _without_value("options", _LAYERS[4]),
        _without_value("options", _LAYERS[17]),
        Case((_x(2, 2, 3, 4), _x(2, 2, 3, 4), _THROUGH), {}, "no bias", "each channel goes through as it is"),
        Case((_x(2, 2, 3, 4), _x(2, 2, 3, 4), _THROUGH, _x(2)), {}, "with bias", "each channel goes through as it is"),
    ),
    draw_case=_draw_backward,
    exempt=_NUMBERS,
    mistakes=(
        Mistake(
            "order",
            "The order is gradient for x, for weight, for bias: that of the arguments.",
            _backward_with(lambda dx, dw, db, g, args: (dw, dx, db)),
        ),
        Mistake(
            "averages the bias over places",
            "You averaged for the bias: it was added at every place, so its gradient sums over them.",
            _backward_with(
                lambda dx, dw, db, g, args: (dx, dw, None if db is None else (db / g[:, 0].size).astype(db.dtype))
            ),
            share=1 / 5,
        ),
        Mistake(
            "sums the bias over the batch alone",
            "For the bias you summed over the batch alone: all places share it too.",
            _backward_with(lambda dx, dw, db, g, args: (dx, dw, None if db is None else g.sum(0))),
            share=1 / 5,
        ),
        Mistake(
            "uses the first sample for the bias",
            "For the bias you used the first sample alone: the batch shares it.",
            _backward_with(lambda dx, dw, db, g, args: (dx, dw, None if db is None else g[:1].sum((0, 2, 3)) + 0 * db)),
            share=1 / 5,
        ),
        Mistake(
            "bias gradient without a bias",
            "Without a bias there is no gradient for it: return None in its place.",
            _backward_with(lambda dx, dw, db, g, args: (dx, dw, g.sum((0, 2, 3)))),
            share=4 / 5,
        ),
        Mistake(
            "forgets the bias",
            "You returned no gradient for the bias.",
            _backward_with(lambda dx, dw, db, g, args: (dx, dw, None)),
            share=1 / 5,
        ),
        Mistake(
            "forgets the options",
            "You forgot to hand on stride, padding, dilation and groups.",
            _plain_backward,
            share=3 / 5,
        ),
        Mistake(
            "multiplies the bias in",
            "The gradient for the bias does not depend on the bias: it was added.",
            _backward_with(lambda dx, dw, db, g, args: (dx, dw, None if db is None else db * args[2])),
            share=1 / 5,
        ),
        Mistake(
            "takes a bias of zeros for none",
            "You take a bias of zeros for no bias: it has a gradient, too. Only None stands for none.",
            _backward_with(lambda dx, dw, db, g, args: (dx, dw, db if db is not None and np.any(args[2]) else None)),
            share=1 / 5,
        ),
    ),
)

# --- numerical gradients ---------------------------------------------------------------------------------------------


def sum_of_cubes(x):
    return (x**3).sum()


def cubes(x):
    return x**3


def decay(x):
    return 2.718281828459045**-x


def exp_of_sum(x):
    return 2.718281828459045 ** (x.sum() / 4)


def itself(x):
    return x


def running_products(x):
    """Two outputs per row, each a product of two neighbours: as many outputs as inputs, less one per row."""
    return x[:, 1:] * x[:, :-1]


def _numerical(function, x, grad_output=1.0, step=None):
    t = tensor(np.asarray(x, dtype=float), requires_grad=True)
    (function(t) * torch.as_tensor(grad_output)).sum().backward()
    slope = array(t.grad)
    is_cubic = function in (cubes, sum_of_cubes)  # of what is linear, differences are exact
    return slope + grad_output * step**2 if is_cubic and step is not None else slope


def _size(function, x, grad_output=1.0, step=None):
    """What an error is measured against: the slope, and what is added up, of which 1e-15 may be left by rounding."""
    added = np.sum(np.abs(function(x) * np.asarray(grad_output)))
    h = _step_of(x) if step is None else step
    return 1 + np.abs(_numerical(function, x, grad_output, step)) + 1e-8 * added / h


def _step_of(element):
    return 6e-6 * np.maximum(1.0, np.abs(element))


def _numerical_by(quotient, step_of=_step_of):
    """Build a wrong numerical gradient: quotient(function of a move along one element, step)."""

    def wrong(function, x, grad_output=1.0, step=None):
        x = np.asarray(x, dtype=float)
        result = np.empty_like(x)
        for index in np.ndindex(x.shape):

            def at(move, index=index):
                moved = x.copy()
                moved[index] += move
                return np.sum(function(moved) * np.asarray(grad_output))

            result[index] = quotient(at, step_of(x[index]) if step is None else step)
        return result

    return wrong


def _central(at, h):
    return (at(h) - at(-h)) / (2 * h)


def _all_at_once(function, x, grad_output=1.0, step=None):
    h = _step_of(x) if step is None else step
    rise = np.sum((function(x + h) - function(x - h)) * np.asarray(grad_output))
    return np.full(np.shape(x), rise / (2 * h))


def _leaves_moved(function, x, grad_output=1.0, step=None):
    result = _numerical_by(_central)(function, x, grad_output, step)
    x[...] = x + 1e-9
    return result


def _at_first_dtype(function, x, grad_output=1.0, step=None):
    """Move elements in arrays of x's own dtype: integers do not move at all, float32 not by that much."""

    def narrow(moved):
        return function(moved.astype(x.dtype))

    return _numerical_by(_central)(narrow, x, grad_output, step)


def _in_place(function, x, grad_output=1.0, step=None):
    """Give nothing where f(x + h) and f(x - h) are one array, as they are if x itself is moved."""
    if np.may_share_memory(function(x), x):
        return np.zeros(x.shape)
    return _numerical_by(_central)(function, x, grad_output, step)


def _holds_in_single(call, sampler):
    x = np.array([[0.3, -1.7], [2.6, 0.9]], dtype=np.float32)
    return np.allclose(call(cubes, x), 3.0 * x.astype(float) ** 2, rtol=0, atol=1e-5)


def _draw_numerical(d):
    part, height, width = d.choice(("a number", "an array", "step")), d.integer(1, 3), d.integer(2, 3)
    x = d.array(height, width)
    if part == "a number":
        return Case((d.choice((sum_of_cubes, exp_of_sum)), x), {}, part)
    if part == "step":
        return Case((cubes, x, d.array(height, width)), {"step": d.choice((1.0, 0.5, 0.25))}, part)
    function, columns = d.choice(((cubes, width), (running_products, width - 1)))
    return Case((function, x, d.array(height, columns)), {}, part)


_x = Arrays("gradients", "numerical_gradient")
NUMERICAL_GRADIENT = Check(
    "numerical_gradient",
    section="gradients#gradients-check",
    oracle=_numerical,
    scale=_size,
    tolerance=1e-7,
    parts={"a number": 2, "an array": 2, "step": 1},
    cases=(
        Case((sum_of_cubes, np.array([1.0, -2.0, 0.5])), {}, "a number"),
        Case((exp_of_sum, _x(2, 3)), {}, "a number", "elements act together"),
        Case((sum_of_cubes, np.array([[[0, -1.3, 7.9]], [[0.4, 2.6, -5.1]]])), {}, "a number", "three axes"),
        Case((cubes, np.array([[0, 1.3], [-7.9, 0.4]]), np.array([[4, -1.1], [0.7, 2]])), {}, "an array"),
        Case((cubes, _x(2, 3), _x(3)), {}, "an array", "weights that are broadcast"),
        Case((cubes, _x(3, 2).T, _x(2, 3)), {}, "an array", "an array that is not contiguous"),
        Case((decay, np.array([1000.0, 0.5, -0.3]), _x(3)), {}, "an array", "a large element beside small ones"),
        Case((running_products, _x(2, 3)), {}, "an array", "outputs that weigh the same"),
        Case((running_products, _x(2, 4), _x(2, 3)), {}, "an array", "fewer outputs than inputs"),
        Case((sum_of_cubes, np.array([1.0, 2.0])), {"step": 0.5}, "step", "a large step: 3 x^2 + h^2"),
        Case((cubes, _x(2, 2), _x(2, 2), 0.25), {}, "step"),
        Case((itself, _x(3, 2), _x(3, 2)), {}, "an array", "a function that returns its argument"),
        Case((itself, _x(3), _x(3)), {"step": 0.5}, "step", "a function that returns its argument"),
    ),
    draw_case=_draw_numerical,
    mistakes=(
        Mistake(
            "one-sided",
            "You took a one-sided difference: its error falls only as h, that of a central one as h squared.",
            _numerical_by(lambda at, h: (at(h) - at(0)) / h),
        ),
        Mistake(
            "divides by h",
            "You divided by h: from x - h to x + h it is 2h.",
            _numerical_by(lambda at, h: (at(h) - at(-h)) / h),
        ),
        Mistake(
            "wrong sign",
            "Your differences have the wrong sign: f(x + h) - f(x - h).",
            _numerical_by(lambda at, h: -_central(at, h)),
        ),
        Mistake(
            "step too small",
            "Your step is too small: rounding is magnified by 1 / h. The best one is near the cube root of 2.2e-16.",
            _numerical_by(_central, lambda element: 1e-13),
            share=1 / 5,
        ),
        Mistake(
            "step too large",
            "Your step is too large: the error grows as its square. The best one is near the cube root of 2.2e-16.",
            _numerical_by(_central, lambda element: 3e-2),
            share=1 / 5,
        ),
        Mistake(
            "ignores the upstream gradient",
            "You ignored grad_output: the outputs are weighed with it before they are summed.",
            lambda function, x, grad_output=1.0, step=None: _numerical_by(_central)(function, x, 1.0, step),
            share=2 / 5,
        ),
        Mistake(
            "ignores the step",
            "You ignored the argument step.",
            lambda function, x, grad_output=1.0, step=None: _numerical_by(_central)(function, x, grad_output),
            share=4 / 5,
        ),
        Mistake(
            "moves all elements at once",
            "You moved all elements at once; each has a slope of its own.",
            _all_at_once,
        ),
        Mistake("leaves x moved", MODIFIES, _leaves_moved, share=3 / 4),
        Mistake(
            "moves one array",
            "You move one array to and fro: a function that returns its argument then gives the same array twice, and no"
            " difference is left. Hand over a copy each time.",
            _in_place,
            share=2 / 5,
        ),
        Mistake("keeps x's dtype", kinds.WHOLE.message, _at_first_dtype, share=1 / 2),
        Mistake("one step for all", kinds.SCALE.message, _numerical_by(_central, lambda element: 6e-6), share=3 / 4),
    ),
    properties=(
        Property(
            "float32",
            "It loses its digits with float32: a step near 6e-6 is rounding there. Turn x into float64 first.",
            _holds_in_single,
        ),
    ),
    exempt={"float32": "the result is of float64, whatever goes in"},
)

# --- the adjoint test ------------------------------------------------------------------------------------------------

_x = Arrays("gradients", "linear_map")
_M = _x(3, 4)


def matrix(x):
    return _M @ x


def matrix_transposed(y):
    return _M.T @ y


def matrix_turned(y):
    return _M[::-1, ::-1].T @ y


_x = Arrays("gradients", "kernel")
_KERNEL = _x(2, 3, 2, 3)


def layer(x):
    return on_torch(F.conv2d)(x.astype(float), _KERNEL)


def layer_transposed(y):
    return _input((len(y), 3, y.shape[2] + 1, y.shape[3] + 2), _KERNEL, y.astype(float))


def layer_not_turned(y):
    return _input((len(y), 3, y.shape[2] + 1, y.shape[3] + 2), _KERNEL[:, :, ::-1, ::-1].copy(), y.astype(float))


def layer_averaged(y):
    return layer_transposed(y) / 2


def sum_of_parts(x):
    return x.sum(axis=0)


def spread_evenly(y):
    return np.stack([y, y, y]) / 3


def copied(y):
    return np.stack([y, y, y])


def _gap(forward, adjoint, x, y):
    left, right = forward(x) * y, x * adjoint(y)
    scale = max(np.abs(left).sum(), np.abs(right).sum())
    return float(abs(left.sum() - right.sum()) / scale) if scale else 0.0


def _gap_by(formula):
    """Build a wrong gap out of the products left = forward(x) y and right = x adjoint(y)."""

    def wrong(forward, adjoint, x, y):
        return float(formula(forward(x) * y, x * adjoint(y)))

    return wrong


def _scale_of(left, right):
    return max(np.abs(left).sum(), np.abs(right).sum()) or 1.0


def _there_and_back(forward, adjoint, x, y):
    back = adjoint(forward(x))
    return float(np.abs(back - x).sum() / (np.abs(x).sum() or 1.0))


def _draw_gap(d):
    part = d.choice(("matrices", "layers"))
    if part == "matrices":
        adjoint = d.choice((matrix_turned, matrix_transposed))
        return Case((matrix, adjoint, d.array(4), d.array(3)), {}, part)
    n, h, w = d.integer(1, 2), d.integer(2, 4), d.integer(3, 5)
    adjoint = d.choice((layer_averaged, layer_not_turned, layer_transposed))
    return Case((layer, adjoint, d.array(n, 3, h, w), d.array(n, 2, h - 1, w - 2)), {}, part)


_x = Arrays("gradients", "adjoint_gap")
ADJOINT_GAP = Check(
    "adjoint_gap",
    section="gradients#gradients-adjoint",
    oracle=_gap,
    scale=lambda *args: 1.0,
    parts={"matrices": 2, "layers": 2},
    cases=(
        Case((matrix, matrix_turned, np.array([1.0, 0, 2, 0]), np.array([1.0, -1, 0])), {}, "matrices", "a fault"),
        Case((matrix, matrix_turned, np.array([1.0, 0, 2, 0]), np.array([-1.0, 1, 0])), {}, "matrices", "a fault"),
        Case((matrix, matrix_transposed, _x(4), _x(3)), {}, "matrices", "no fault"),
        Case((matrix, matrix_turned, _x(4), _x(3)), {}, "matrices", "a fault"),
        Case((sum_of_parts, spread_evenly, _x(3, 4), _x(4)), {}, "matrices", "a fault: too small by a factor"),
        Case((sum_of_parts, copied, _x(3, 4), _x(4)), {}, "matrices", "no fault"),
        Case((matrix, matrix_turned, 0.3 * _x(4), 0.3 * _x(3)), {}, "matrices", "a fault in small numbers"),
        Case((layer, layer_not_turned, _x(1, 3, 3, 4), _x(1, 2, 2, 2)), {}, "layers", "a fault"),
        Case((layer, layer_averaged, _x(2, 3, 3, 4), _x(2, 2, 2, 2)), {}, "layers", "a fault"),
        Case((layer, layer_transposed, _x(2, 3, 4, 5), _x(2, 2, 3, 3)), {}, "layers", "no fault"),
        Case((layer, layer_transposed, np.zeros((1, 3, 4, 4)), np.zeros((1, 2, 3, 2))), {}, "layers", "only zeros"),
        Case((matrix, matrix_turned, 1e-9 * _x(4), 1e-9 * _x(3)), {}, "matrices", "a fault in tiny numbers"),
        Case((matrix, matrix_transposed, 1e-9 * _x(4), 1e-9 * _x(3)), {}, "matrices", "no fault in tiny numbers"),
        Case(
            (layer, layer_averaged, 1e-9 * _x(1, 3, 3, 4), 1e-9 * _x(1, 2, 2, 2)),
            {},
            "layers",
            "a fault in tiny numbers",
        ),
    ),
    draw_case=_draw_gap,
    mistakes=(
        Mistake(
            "not relative",
            "Your gap is not relative: divide by the larger of the two sums of absolute products.",
            _gap_by(lambda left, right: abs(left.sum() - right.sum())),
        ),
        Mistake(
            "keeps the sign",
            "Your gap can be negative, so that a large fault may pass for a small number: take the absolute value.",
            _gap_by(lambda left, right: (left.sum() - right.sum()) / _scale_of(left, right)),
        ),
        Mistake(
            "divides by the inner product",
            "You divided by an inner product, which may be near zero by chance: sum the absolute products.",
            _gap_by(
                lambda left, right: abs(left.sum() - right.sum()) / (max(abs(left.sum()), abs(right.sum())) or 1.0)
            ),
        ),
        Mistake(
            "divides by the smaller sum",
            "You divided by the smaller of the two sums; the larger one is asked for.",
            _gap_by(
                lambda left, right: (
                    abs(left.sum() - right.sum()) / (min(np.abs(left).sum(), np.abs(right).sum()) or 1.0)
                )
            ),
        ),
        Mistake(
            "goes there and back",
            "You compared adjoint(forward(x)) with x: an adjoint is no inverse.",
            _there_and_back,
        ),
        Mistake(
            "fails on zeros",
            "With nothing but zeros you divide 0 by 0: the gap is 0 then.",
            lambda forward, adjoint, x, y: float(_gap(forward, adjoint, x, y)) if np.any(x) else float("nan"),
            share=1 / 2,
        ),
        Mistake(
            "adds a small number to the sums",
            "You added a small number to the sum that you divide by: with small numbers it decides. Ask whether the sum is 0.",
            _gap_by(lambda left, right: abs(left.sum() - right.sum()) / (_scale_of(left, right) + 1e-12)),
        ),
        Mistake(
            "takes small sums for nothing",
            "You take small sums for nothing, so that a fault in small numbers has no gap: it is 0 only if both sums are 0.",
            lambda forward, adjoint, x, y: (
                _gap(forward, adjoint, x, y) if _scale_of(forward(x) * y, x * adjoint(y)) > 1e-12 else 0.0
            ),
        ),
    ),
)

# --- claims on trial -------------------------------------------------------------------------------------------------


def _spread(grad_output, kernel_size, stride):
    """A transposed convolution with one impulse as its kernel spreads; the padding comes after."""
    (height, width), (s, t) = kernel_size, pair(stride)
    channels = grad_output.shape[1]
    spread = F.conv_transpose2d(
        tensor(grad_output.astype(float)),
        torch.ones(channels, 1, 1, 1, dtype=torch.float64),
        stride=(s, t),
        groups=channels,
    )
    return F.pad(spread, (width - 1, width - 1, height - 1, height - 1)).numpy()


def _judge_spread(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if not verdict:
        return "You judged it false. Put zeros where the stride skipped outputs: what would have come back for them?"
    right, actual = _spread(*case.args), np.asarray(evidence, dtype=float)
    if actual.shape != right.shape:
        return f"The array for this case has shape {right.shape}; yours has shape {actual.shape}."
    if not np.allclose(actual, right, rtol=0, atol=1e-12 * np.abs(right).max()):
        return "A layer of stride 1 on your array does not give the gradient for the input."
    return None


def _spread_keeps_single(call, sampler):
    _, spread = call(sampler.array(1, 2, 2, 3).astype(np.float32), (2, 3), (1, 2))
    return not isinstance(spread, np.ndarray) or spread.dtype == np.float32


def _spread_by(build):
    return lambda grad_output, kernel_size, stride: (True, build(grad_output, kernel_size, *pair(stride)))


def _draw_spread(d):
    if d.choice(("one row", "images")) == "one row":
        return Case((d.array(1, 1, 1, d.integer(2, 4)), (1, d.integer(1, 4)), d.integer(1, 3)), {}, "one row")
    shape = (d.integer(1, 2), d.integer(1, 2), d.integer(2, 3), d.integer(2, 4))
    kernel_size, stride = ((d.integer(1, 3), d.integer(1, 3)) for _ in range(2))
    return Case((d.array(*shape), kernel_size, stride), {}, "images")


def _around(x, height, width):
    return np.pad(x, ((0, 0), (0, 0), (height, height), (width, width)))


def _judge_undoes(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. Is there an image, not zero, for which a kernel gives nothing but zeros?"
    weight, x = (np.asarray(a, dtype=float) for a in evidence)
    if weight.ndim != 4 or x.ndim != 4 or max(weight.size, x.size) > 4096 or not np.isfinite(x).all():
        raise ValueError("the evidence must be a weight (F, C, kH, kW) and an image (N, C, H, W)")
    if not np.any(weight) or not np.any(x):
        return "Neither the weight nor the image may be all zeros."
    weight, x = weight / np.abs(weight).max(), x / np.abs(x).max()  # so that nothing gets lost for being small
    back = _input(x.shape, weight, on_torch(F.conv2d)(x, weight))
    size = _input(x.shape, np.abs(weight), on_torch(F.conv2d)(np.abs(x), np.abs(weight)))
    if not np.all(np.abs(back) <= 1e-12 * (size + size.max() * 1e-3)):
        return "No counterexample: something comes back for your image, and the claim says that it comes from x."
    return None


_EDGE = np.array([[[[-1.0, 1]]]])

_IMAGE = Arrays("gradients", "claim_undoes")(1, 1, 3, 4)
_x = Arrays("gradients", "claims")
CLAIMS = (
    Check(
        "claim_spread",
        section="gradients#gradients-input",
        judge=_judge_spread,
        parts={"one row": 1, "images": 2},
        cases=(
            Case((np.array([[[[5.0, 7]]]]), (1, 2), 1), {}, "one row"),
            *(Case((np.array([[[g]]]), (1, 3), 2), {}, "one row") for g in ([5.0, 7, 9], [-2, 4, 0.5])),
            Case((_x(1, 1, 1, 4), (1, 4), 2), {}, "one row"),
            Case((_x(1, 1, 1, 3), (1, 4), 3), {}, "one row"),
            *(Case((_x(2, 3, 2, 3), (3, 2), (2, 3)), {}, "images") for _ in range(2)),
            Case((_x(1, 2, 3, 2), (2, 4), 3), {}, "images"),
            Case((_x(2, 2, 2, 4), (2, 2), 1), {}, "images"),
            Case((_x(2, 1, 3, 4), (1, 3), (1, 2)), {}, "images"),
            Case((_x(1, 1, 1, 3), (1, 1), 1), {}, "one row", "nothing to spread, and nothing around"),
            Case((_x(2, 2, 2, 3), (1, 1), 1), {}, "images", "nothing to spread, and nothing around"),
            Case((1e-13 * _x(1, 1, 1, 4), (1, 2), 2), {}, "one row", "small numbers"),
            Case((1e-13 * _x(1, 2, 3, 2), (2, 3), (2, 1)), {}, "images", "small numbers"),
            Case((np.array([[[[3, -2, 7]]]]), (1, 2), 2), {}, "one row", "whole numbers"),
            Case((np.arange(6).reshape(1, 1, 2, 3), (2, 3), (2, 1)), {}, "images", "whole numbers"),
        ),
        draw_case=_draw_spread,
        properties=(Property("float32", DTYPE, _spread_keeps_single),),
        mistakes=(
            *claim_mistakes(True, "You judged it false.", lambda g, k, s: _spread(g, k, s)),
            Mistake(
                "forgets the zeros around",
                "The array for this case has shape",
                _spread_by(lambda g, k, s, t: _spread(g, (1, 1), (s, t))),
            ),
            Mistake(
                "pads by k",
                "The array for this case has shape",
                _spread_by(lambda g, k, s, t: _around(_spread(g, (1, 1), (s, t)), *k)),
            ),
            Mistake(
                "repeats in place of zeros",
                "does not give the gradient",
                _spread_by(
                    lambda g, k, s, t: _around(
                        np.repeat(np.repeat(g, s, 2), t, 3)[
                            :, :, : (g.shape[2] - 1) * s + 1, : (g.shape[3] - 1) * t + 1
                        ],
                        k[0] - 1,
                        k[1] - 1,
                    )
                ),
            ),
            Mistake(
                "puts s zeros between",
                "The array for this case has shape",
                _spread_by(lambda g, k, s, t: _spread(g, k, (s + 1, t + 1))),
            ),
            Mistake(
                "turns the gradient",
                "does not give the gradient",
                _spread_by(lambda g, k, s, t: _spread(g[:, :, ::-1, ::-1].copy(), k, (s, t))),
            ),
            Mistake("is always of float64", DTYPE, _spread_by(lambda g, k, s, t: _spread(g, k, (s, t))), share=3 / 4),
            Mistake(
                "hands the gradient back",
                VIEW,
                _spread_by(
                    lambda g, k, s, t: g if (*k, s, t) == (1, 1, 1, 1) else _spread(g, k, (s, t)).astype(g.dtype)
                ),
                share=3 / 4,
            ),
        ),
    ),
    Check(
        "claim_undoes",
        section="gradients#gradients-adjoint",
        judge=_judge_undoes,
        cases=(Case(),),
        mistakes=(
            *claim_mistakes(False, "You judged it true.", lambda: (_EDGE, np.ones((1, 1, 3, 3)))),
            Mistake("takes a kernel of zeros", "all zeros", lambda: (False, (0 * _EDGE, np.ones((1, 1, 3, 3))))),
            Mistake("takes an image of zeros", "all zeros", lambda: (False, (_EDGE, np.zeros((1, 1, 3, 3))))),
            Mistake("takes any image", "No counterexample", lambda: (False, (_EDGE, _IMAGE))),
            Mistake(
                "lets the numbers underflow",
                "No counterexample",
                lambda: (False, (1e-200 * _EDGE, 1e-200 * np.arange(9.0).reshape(1, 1, 3, 3))),
            ),
        ),
    ),
)

CHECKS = (FOLD, CONV2D_WEIGHT, CONV2D_INPUT, CONV2D_BACKWARD, NUMERICAL_GRADIENT, ADJOINT_GAP, *CLAIMS)
