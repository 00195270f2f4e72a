"""The convolution layer: by indices, unfolded, as one product, groups, two kinds of bias, and two claims on trial."""

import warnings

import numpy as np
import torch
import torch.nn.functional as F

from convcourse.engine.builders import Arrays, altered, claim_mistakes, handed, pair, swapped
from convcourse.engine.check import Check
from convcourse.engine.evidence import verdict_and_evidence
from convcourse.engine.model import DTYPE, VIEW, Case, Mistake, Property
from convcourse.engine.oracles import on_torch


def _f(*shape):
    return _x(*shape, dtype=np.float32)


@on_torch
def _conv(x, weight, bias=None, *rest, **options):
    with warnings.catch_warnings():  # PyTorch says that "same" with an even kernel costs it a copy
        warnings.simplefilter("ignore")
        return F.conv2d(x, weight, bias, *rest, **options)


_x = Arrays("layer", "strided")
_STRIDED = np.swapaxes(_x(2, 3, 7, 6), 2, 3)  # not contiguous


_NUMBERS = {"words": "the assignment asks for padding in numbers"}
_STEPS = ((1, 2), (2, 1), (2, 3), (3, 2))  # what is drawn where the stride or the dilation is tried


def _sizes(sampler, kernel, extra=(1, 4)):
    return tuple(k + sampler.integer(*extra) for k in kernel)


# --- by indices ----------------------------------------------------------------------------------------------------


def _draw_by_index(sampler):
    kernel, channels = (sampler.integer(1, 3), sampler.integer(1, 3)), sampler.integer(1, 2)
    x = sampler.array(sampler.integer(1, 2), channels, *_sizes(sampler, kernel))
    weight = sampler.array(sampler.integer(1, 2), channels, *kernel)
    part = sampler.choice(("values", "stride"))
    return Case((x, weight), {"stride": sampler.integer(2, 3)} if part == "stride" else {}, part)


_x = Arrays("layer", "conv2d_by_index")
CONV2D_BY_INDEX = Check(
    "conv2d_by_index",
    section="layer#layer-sum",
    oracle=lambda x, weight, stride=1: _conv(x, weight, None, stride),
    parts={"values": 5, "stride": 2},
    cases=(
        Case((np.array([[[[1.0, 2], [3, 4]], [[5, 6], [7, 8]]]]), np.array([[[[1.0, 0], [0, -1]], [[2, 1], [0, 0]]]]))),
        Case((_x(2, 3, 4, 5), _x(4, 3, 2, 3)), note="batch, channels, a kernel that is not square"),
        Case((_x(1, 2, 5, 4, dtype=np.float32), _x(3, 2, 3, 2, dtype=np.float32)), note="float32"),
        Case((_x(2, 2, 3, 4), _x(2, 2, 3, 4)), note="a kernel as large as the image: one output"),
        Case((_STRIDED, _x(2, 3, 2, 4)), note="an array that is not contiguous"),
        Case((_x(1, 2, 1, 1), _x(3, 2, 1, 1)), note="one pixel"),
        Case((_x(2, 2, 2, 4), _x(1, 2, 1, 2)), note="two rows, three columns"),
        Case((_x(2, 2, 3, 4), np.eye(2).reshape(2, 2, 1, 1)), note="each channel goes through as it is"),
        Case(
            (_x(2, 2, 6, 7, dtype=np.float32), _x(3, 2, 3, 2, dtype=np.float32), 2),
            {},
            "stride",
            "the stride does not divide, float32",
        ),
        Case((_x(1, 3, 8, 9), _x(2, 3, 2, 3)), {"stride": 3}, "stride", "a stride longer than the kernel"),
        Case((_x(2, 2, 4, 5), _x(1, 2, 3, 3)), {"stride": 2}, "stride", "a single row"),
        Case((_x(1, 1, 3, 7), _x(2, 1, 2, 3)), {"stride": 2}, "stride"),
    ),
    draw_case=_draw_by_index,
    photographs=True,
    exempt={"large kernels": "a kernel larger than the image fits nowhere without padding"},
    mistakes=(
        Mistake(
            "turns the kernel",
            "You turned the kernel by 180 degrees: equation 9.8 adds the indices, it does not subtract them.",
            lambda x, w, stride=1: _conv(x, w[:, :, ::-1, ::-1], None, stride),
        ),
        Mistake(
            "uses the first channel alone",
            "You used the first input channel alone: the sum runs over all of them.",
            lambda x, w, stride=1: _conv(x[:, :1], w[:, :1], None, stride),
        ),
        Mistake(
            "gives every channel the first slice",
            "You used one slice of the kernel for all input channels: each channel has its own.",
            lambda x, w, stride=1: _conv(x.sum(1, keepdims=True), w[:, :1], None, stride),
        ),
        Mistake(
            "averages",
            "You divided by the size of the kernel: it is a sum, not a mean.",
            lambda x, w, stride=1: _conv(x, w / w[0].size, None, stride).astype(x.dtype),
        ),
        Mistake(
            "gives every output channel the first kernel",
            "All your output channels use the first kernel; channel f has the kernel weight[f].",
            lambda x, w, stride=1: _conv(x, np.broadcast_to(w[:1], w.shape), None, stride),
        ),
        Mistake(
            "repeats the first sample",
            "Every sample of your batch has the output of the first one.",
            lambda x, w, stride=1: _conv(np.broadcast_to(x[:1], x.shape), w, None, stride),
        ),
        Mistake(
            "ignores the stride",
            "You ignored the stride: outputs p and p + 1 look at windows that are `stride` pixels apart.",
            lambda x, w, stride=1: _conv(x, w),
            share=5 / 7,
        ),
        Mistake(
            "subsamples the input",
            "You subsampled the input first. The stride moves the window; inside it the pixels stay neighbours.",
            lambda x, w, stride=1: _conv(
                np.pad(x, ((0, 0), (0, 0), (0, 2 * w.shape[2] * (stride - 1)), (0, 2 * w.shape[3] * (stride - 1))))[
                    :, :, ::stride, ::stride
                ],
                w,
            )[:, :, : (x.shape[2] - w.shape[2]) // stride + 1, : (x.shape[3] - w.shape[3]) // stride + 1],
            share=5 / 7,
        ),
        Mistake(
            "pads",
            "You padded with zeros. Equation 9.8 does not: the output simply stops where the kernel no longer fits.",
            lambda x, w, stride=1: _conv(x, w, None, stride, (w.shape[2] // 2, w.shape[3] // 2)),
        ),
        Mistake(
            "forgets the + 1",
            "You forgot the + 1 in the output's size: the last row and column are missing.",
            lambda x, w, stride=1: _conv(x, w, None, stride)[:, :, :-1, :-1],
        ),
    ),
)

# --- unfold --------------------------------------------------------------------------------------------------------

_unfold = on_torch(lambda x, *sizes, **options: F.unfold(x, *sizes, **options))


def _unfold_with(change):
    """Build a wrong unfold that changes its settings, then unfolds rightly."""
    signature = "x, kernel_size, dilation=1, padding=0, stride=1"
    return handed(signature, lambda x, settings: _unfold(x, **change(settings)), 1)


def _unfold_then(change):
    """Build a wrong unfold that rearranges the right columns: change(columns as (N, C, kH, kW, L), x)."""

    def wrong(x, kernel_size, *args, **kwargs):
        columns = _unfold(x, kernel_size, *args, **kwargs)
        return change(columns.reshape(*x.shape[:2], *pair(kernel_size), -1), x)

    return wrong


def _flat(columns):
    return columns.reshape(len(columns), -1, columns.shape[-1])


def _unfold_rounded(x, kernel_size, dilation=1, padding=0, stride=1):
    """Count (n - span) // s + 1 + 2 p // s windows along an axis: right without padding, and with stride 1."""
    places = []
    for n, k, d, p, s in zip(x.shape[2:], *map(pair, (kernel_size, dilation, padding, stride)), strict=True):
        places.append(((n + 2 * p - d * (k - 1) - 1) // s + 1, (n - d * (k - 1) - 1) // s + 1 + 2 * p // s))
    (right_rows, rows), (right_columns, columns) = places
    right = _unfold(x, kernel_size, dilation, padding, stride)
    grid = right.reshape(*right.shape[:2], right_rows, right_columns)
    more = [(0, max(0, wrong - is_right)) for is_right, wrong in places]
    grid = np.pad(grid, ((0, 0), (0, 0), *more))[:, :, :rows, :columns]
    return np.ascontiguousarray(grid.reshape(*right.shape[:2], -1))


def _places_by_columns(x, kernel_size, dilation=1, padding=0, stride=1):
    right = _unfold(np.swapaxes(x, 2, 3), *map(swapped, (pair(kernel_size), dilation, padding, stride)))
    kernel = pair(kernel_size)
    columns = right.reshape(*x.shape[:2], kernel[1], kernel[0], -1)
    return _flat(np.swapaxes(columns, 2, 3))


def _unfold_or_view(x, *args, **kwargs):
    right = _unfold(x.astype(float), *args, **kwargs).astype(x.dtype)
    return x.reshape(right.shape) if right.size == x.size and np.array_equal(right.ravel(), x.ravel()) else right


def _draw_unfold(sampler):
    kernel = (sampler.integer(1, 3), sampler.integer(1, 3))
    part = sampler.choice(("plain", "stride", "padding", "dilation", "all together"))
    names = {"plain": (), "all together": ("stride", "padding", "dilation")}.get(part, (part,))
    kwargs = {name: sampler.choice(_STEPS) for name in names}
    size = _sizes(sampler, tuple(3 * k for k in kernel), (0, 3))
    return Case((sampler.array(sampler.integer(1, 2), sampler.integer(1, 2), *size), kernel), kwargs, part)


_x = Arrays("layer", "unfold")
UNFOLD = Check(
    "unfold",
    section="layer#layer-matrix",
    oracle=_unfold,
    parts={"plain": 3, "stride": 1, "padding": 2, "dilation": 1, "all together": 1},
    cases=(
        Case((np.arange(9.0).reshape(1, 1, 3, 3), 2), {}, "plain"),
        Case((_x(2, 3, 4, 5), (2, 3)), {}, "plain", "batch, channels, a window that is not square"),
        Case((_x(1, 2, 3, 4, dtype=np.float32), (3, 4)), {}, "plain", "one window: the whole image; float32"),
        Case((_STRIDED, (3, 1)), {}, "plain", "an array that is not contiguous"),
        Case((_x(2, 2, 6, 7), (3, 2)), {"stride": (2, 3)}, "stride", "the stride does not divide"),
        Case((_x(1, 2, 5, 8, dtype=np.float32), 2), {"stride": 3}, "stride", "float32"),
        Case((_x(2, 2, 3, 4), (3, 2)), {"padding": (2, 1)}, "padding"),
        Case((_x(1, 2, 4, 3, dtype=np.float32), 3, 1, 1), {}, "padding", "float32"),
        Case((_x(2, 2, 7, 8), (2, 3)), {"dilation": (3, 2)}, "dilation"),
        Case((_x(1, 2, 7, 6, dtype=np.float32), 3, 2), {}, "dilation", "float32"),
        Case((_x(1, 2, 5, 4), 1, 1, 0, 2), {}, "stride", "a stride longer than the window"),
        Case((_x(2, 1, 5, 12), (1, 3)), {"stride": (1, 2)}, "stride"),
        Case((_x(2, 1, 9, 3), (3, 1)), {"stride": (3, 1)}, "stride"),
        Case((_x(2, 2, 8, 8), (3, 3)), {"padding": (1, 2)}, "padding"),
        Case((_x(2, 1, 12, 4), (3, 1)), {"padding": (2, 3)}, "padding"),
        Case((_x(2, 2, 6, 7), (1, 2)), {"dilation": (1, 2)}, "dilation"),
        Case((_x(1, 2, 10, 9), (3, 2)), {"dilation": (2, 3)}, "dilation"),
        Case((_x(1, 2, 11, 4), (3, 1)), {"dilation": (3, 1)}, "dilation"),
        Case((_x(2, 2, 8, 10), (2, 3)), {"dilation": (1, 2), "padding": (3, 1), "stride": (2, 1)}, "all together"),
        Case((_x(1, 2, 12, 5), (3, 1)), {"dilation": (1, 2), "padding": (2, 3), "stride": (3, 2)}, "all together"),
        Case((_x(1, 1, 3, 4), (2, 1)), {"padding": (3, 1)}, "padding", "some windows see padding alone"),
        Case((_x(1, 2, 1, 1), (3, 2)), {"padding": (1, 2)}, "padding", "a window larger than the image of one pixel"),
        Case((_x(2, 2, 8, 9), (3, 2)), {"dilation": (2, 3), "padding": (1, 2), "stride": (2, 3)}, "all together"),
        Case((_x(1, 2, 7, 6, dtype=np.float32), 2, 3, 2, 2), {}, "all together", "float32"),
        Case((_x(2, 1, 9, 6), (4, 1), (2, 1), (2, 0), (1, 2)), {}, "all together"),
        Case((_x(2, 3, 4, 2), 1), {}, "plain", "windows of one pixel"),
    ),
    draw_case=_draw_unfold,
    photographs=True,
    exempt=_NUMBERS,
    mistakes=(
        Mistake(
            "kernel first, channels last",
            "Your rows run through the kernel first and the channels last; channel comes first, as in weight.reshape(F, -1).",
            _unfold_then(lambda c, x: _flat(np.moveaxis(c, 1, 3))),
        ),
        Mistake(
            "columns of the kernel first",
            "Your rows run down the columns of the kernel; go through it row by row.",
            _unfold_then(lambda c, x: _flat(np.swapaxes(c, 2, 3))),
        ),
        Mistake(
            "places column by column",
            "Your columns run down the image; the places go row by row.",
            _places_by_columns,
        ),
        Mistake(
            "transposed",
            "Your result is transposed: windows are columns, so its shape is (N, C kH kW, places).",
            _unfold_then(lambda c, x: np.swapaxes(_flat(c), 1, 2).copy()),
        ),
        Mistake(
            "windows turned",
            "Your windows are turned by 180 degrees; row i kW + j holds element (i, j).",
            _unfold_then(lambda c, x: _flat(c[:, :, ::-1, ::-1])),
        ),
        Mistake(
            "ignores the stride",
            "You ignored the stride.",
            _unfold_with(lambda s: s | {"stride": 1}),
            share=6 / 8,
        ),
        Mistake(
            "ignores the padding",
            "You ignored the padding.",
            _unfold_with(lambda s: s | {"padding": 0}),
            share=5 / 8,
        ),
        Mistake(
            "ignores dilation",
            "You ignored the dilation: neighbours in the window are `dilation` pixels apart.",
            _unfold_with(lambda s: s | {"dilation": 1}),
            share=6 / 8,
        ),
        Mistake(
            "rounds before padding",
            "You divided by the stride before adding the padding: pad first, then count the windows and round once.",
            _unfold_rounded,
            share=7 / 8,
        ),
        Mistake(
            "swaps stride and dilation",
            "You mixed up stride and dilation: the stride lies between windows, the dilation inside them.",
            _unfold_with(lambda s: s | {"stride": s["dilation"], "dilation": s["stride"]}),
            share=5 / 8,
        ),
        Mistake(
            "swaps height and width",
            "You swapped height and width: the first number of a pair is for the rows.",
            _unfold_with(lambda s: {k: swapped(v) for k, v in s.items()}),
        ),
        Mistake(
            "repeats the first sample",
            "Every sample of your batch has the windows of the first one.",
            _unfold_then(lambda c, x: np.broadcast_to(_flat(c)[:1], _flat(c).shape).copy()),
        ),
        Mistake("returns a view for windows of one pixel", VIEW, _unfold_or_view, share=3 / 4),
    ),
)

# --- the layer -----------------------------------------------------------------------------------------------------


def _conv_with(change):
    """Build a wrong layer that changes its settings, then computes rightly: change(dict of all arguments) -> dict."""
    return altered(_conv, "x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1", change)


def _padded(s, widths, **kwargs):
    """Return settings with the padding done by NumPy: widths((pH, pW)) gives ((top, bottom), (left, right))."""
    if s["padding"] == "same":
        spans = [d * (k - 1) for k, d in zip(s["weight"].shape[2:], pair(s["dilation"]), strict=True)]
        pads = widths(tuple((total // 2, total - total // 2) for total in spans))
    else:
        pads = widths(tuple((p, p) for p in pair(s["padding"])))
    return s | {"x": np.pad(s["x"], ((0, 0), (0, 0), *pads), **kwargs), "padding": 0}


def _interleaved(s):
    """Let group g have the channels g, g + groups, ... in place of a block."""
    order = np.arange(s["x"].shape[1]).reshape(-1, s["groups"]).T.ravel()
    return s | {"x": s["x"][:, order]}


def _first_biases(bias, groups):
    return np.tile(bias[: len(bias) // groups], groups)


def _first_group(s):
    depth = s["weight"].shape[1]
    return s | {"x": s["x"][:, :depth], "groups": 1}


def _draw_conv(sampler):
    kernel, groups = (sampler.integer(1, 3), sampler.integer(1, 3)), 1
    part = sampler.choice(("plain", "bias", "stride", "padding", "dilation", "groups", "all together"))
    together = part == "all together"
    kwargs, bias = {}, None
    if together or part == "groups":
        kwargs["groups"] = groups = sampler.integer(2, 3)
    if together or part == "padding":
        kwargs["padding"] = sampler.choice((1, (2, 1), (0, 2), "same"))
    for name in ("stride", "dilation"):
        if part == name or (together and (name, kwargs["padding"]) != ("stride", "same")):
            kwargs[name] = sampler.choice(_STEPS)
    depth, filters = sampler.integer(1, 2), sampler.integer(1, 2)
    if together or part == "bias":
        bias = sampler.array(groups * filters)
    size = _sizes(sampler, tuple(3 * k for k in kernel), (0, 2))
    x = sampler.array(sampler.integer(1, 2), groups * depth, *size)
    return Case((x, sampler.array(groups * filters, depth, *kernel), bias), kwargs, part)


_x = Arrays("layer", "conv2d")
CONV2D = Check(
    "conv2d",
    builds_on=("unfold",),
    section="layer#layer-matrix",
    oracle=_conv,
    parts={"plain": 3, "bias": 1, "stride": 2, "padding": 2, "dilation": 1, "groups": 2, "all together": 1},
    cases=(
        Case((np.array([[[[1.0, 2, 4]]]]), np.array([[[[10.0, 1]]]])), {}, "plain"),
        Case((_x(2, 3, 5, 4), _x(4, 3, 3, 2)), {}, "plain", "batch, channels, a kernel that is not square"),
        Case((_x(2, 2, 4, 6, dtype=np.float32), _x(3, 2, 2, 3, dtype=np.float32)), {}, "plain", "float32"),
        Case((_STRIDED, _x(2, 3, 1, 2)), {}, "plain", "an array that is not contiguous"),
        Case((_x(2, 3, 3, 4), _x(2, 3, 3, 4)), {}, "plain", "a kernel as large as the image"),
        Case((_x(2, 1, 7, 7), _x(2, 1, 2, 2)), {}, "plain"),
        Case((_x(2, 2, 4, 5), _x(3, 2, 2, 3), _x(3)), {}, "bias"),
        Case((_f(1, 1, 3, 4), _f(2, 1, 1, 1), _f(2)), {}, "bias", "1 x 1, float32"),
        Case((_x(2, 1, 7, 9), _x(2, 1, 2, 3), _x(2)), {}, "bias"),
        Case((_x(2, 1, 11, 7), _x(2, 1, 3, 2), _x(2)), {}, "bias"),
        Case((_x(1, 2, 9, 7), _x(1, 2, 3, 2), _x(1)), {}, "bias", "one output channel"),
        Case((_x(2, 2, 7, 8), _x(3, 2, 3, 2)), {"stride": (2, 3)}, "stride", "the stride does not divide"),
        Case((_f(2, 2, 9, 6), _f(2, 2, 2, 1), None, 3), {}, "stride", "a stride longer than the kernel, float32"),
        Case((_x(1, 1, 8, 11), _x(1, 1, 2, 3)), {"stride": (3, 1)}, "stride"),
        Case((_x(2, 1, 9, 10), _x(2, 1, 3, 3)), {"stride": (1, 2)}, "stride"),
        Case((_x(2, 2, 4, 3), _x(3, 2, 3, 2)), {"padding": (2, 1)}, "padding"),
        Case((_x(2, 1, 8, 9), _x(1, 1, 2, 3)), {"padding": (0, 2)}, "padding", "one axis alone"),
        Case((_x(2, 2, 9, 3), _x(1, 2, 3, 1)), {"padding": 1}, "padding"),
        Case((_f(2, 2, 4, 5), _f(2, 2, 3, 3)), {"padding": 1}, "padding", "float32"),
        Case((_x(1, 2, 3, 6), _x(2, 2, 4, 2)), {"padding": "same"}, "padding", "same, even, higher than the image"),
        Case((_x(2, 2, 1, 1), _x(3, 2, 3, 2)), {"padding": (1, 2)}, "padding", "a kernel larger than the one pixel"),
        Case((_x(2, 1, 6, 5), _x(2, 1, 3, 5)), {"padding": "same"}, "padding", "same, odd kernels"),
        Case((_x(1, 2, 6, 5), _x(2, 2, 3, 2)), {"padding": "valid"}, "padding", "valid"),
        Case((_x(2, 2, 9, 8), _x(3, 2, 3, 2)), {"dilation": (2, 3)}, "dilation"),
        Case((_x(2, 2, 6, 9), _x(1, 2, 2, 3)), {"dilation": (1, 2)}, "dilation"),
        Case((_x(1, 2, 9, 4), _x(2, 2, 3, 1)), {"dilation": (3, 1)}, "dilation"),
        Case((_x(2, 1, 3, 7), _x(2, 1, 1, 2)), {"dilation": (1, 2)}, "dilation"),
        Case((_x(2, 1, 8, 7), _x(1, 1, 2, 2)), {"dilation": (2, 1)}, "dilation"),
        Case((_f(1, 2, 7, 6), _f(2, 2, 2, 3)), {"dilation": 2}, "dilation", "float32"),
        Case((_f(2, 4, 5, 4), _f(6, 2, 2, 3)), {"groups": 2}, "groups", "float32"),
        Case((_x(2, 3, 4, 5), _x(6, 1, 3, 2)), {"groups": 3}, "groups", "depthwise, two kernels per channel"),
        Case((_x(2, 6, 4, 4), _x(3, 2, 2, 2)), {"groups": 3}, "groups", "one output channel per group"),
        Case((_x(2, 2, 5, 9), _x(4, 1, 1, 3)), {"groups": 2}, "groups"),
        Case((_x(2, 4, 3, 7), _x(2, 2, 1, 2)), {"groups": 2}, "groups"),
        Case((_x(1, 2, 5, 4), _x(2, 2, 1, 1)), {"stride": 2}, "stride", "1 x 1, a stride longer than the kernel"),
        Case((_x(1, 2, 3, 4), _x(2, 2, 1, 2)), {"padding": (2, 3)}, "padding", "more padding than the kernel overlaps"),
        Case(
            (_x(2, 4, 8, 9), _x(4, 2, 3, 2), _x(4)),
            {"stride": (2, 3), "padding": (1, 2), "dilation": (2, 3), "groups": 2},
            "all together",
        ),
        Case((_f(1, 3, 7, 6), _f(3, 1, 2, 3), _f(3), 2, 1, 2, 3), {}, "all together", "float32"),
        Case((_x(1, 2, 4, 9), _x(2, 1, 1, 3), _x(2), (2, 1), (0, 2), (1, 2), 2), {}, "all together"),
        Case(
            (_x(2, 6, 7, 5), _x(9, 2, 2, 4), _x(9)),
            {"padding": "same", "groups": 3},
            "all together",
            "same, with groups",
        ),
        Case(
            (_x(1, 2, 8, 9), _x(4, 1, 4, 2), _x(4)),
            {"padding": "same", "dilation": (3, 1), "groups": 2},
            "all together",
            "same, with dilation",
        ),
        Case((_x(2, 3, 4, 2), np.eye(3).reshape(3, 3, 1, 1)), {}, "plain", "each channel goes through as it is"),
        Case((_x(2, 2, 3, 4), _x(3, 2, 2, 2), np.zeros(3)), {}, "bias", "a bias of zeros"),
    ),
    draw_case=_draw_conv,
    draw_count=12,
    photographs=True,
    mistakes=(
        Mistake(
            "turns the kernel",
            "You turned the kernel by 180 degrees: a layer computes a cross-correlation.",
            _conv_with(lambda s: s | {"weight": s["weight"][:, :, ::-1, ::-1]}),
        ),
        Mistake(
            "transposes the kernel",
            "You transposed the kernels: the third axis of the weight is for rows.",
            _conv_with(lambda s: s | {"weight": np.swapaxes(s["weight"], 2, 3)}),
        ),
        Mistake(
            "averages",
            "You divided by the size of the kernel: it is a sum, not a mean.",
            _conv_with(lambda s: s | {"weight": (s["weight"] / s["weight"][0].size).astype(s["weight"].dtype)}),
        ),
        Mistake(
            "uses the first channel alone",
            "You used the first input channel alone: sum over all of them.",
            lambda x, w, bias=None, stride=1, padding=0, dilation=1, groups=1: _conv(
                x[:, :: w.shape[1]], w[:, :1], bias, stride, padding, dilation, groups
            ),
        ),
        Mistake(
            "ignores the bias",
            "You ignored the bias.",
            _conv_with(lambda s: s | {"bias": None}),
            share=10 / 12,
        ),
        Mistake(
            "adds the first bias everywhere",
            "You added the first bias to all channels: channel f has bias[f].",
            _conv_with(lambda s: s | {"bias": None if s["bias"] is None else np.full_like(s["bias"], s["bias"][0])}),
            share=10 / 12,
        ),
        Mistake(
            "gives every group the first biases",
            "Each of your groups adds the first biases: output channel f has bias[f], whatever its group.",
            _conv_with(lambda s: s if s["bias"] is None else s | {"bias": _first_biases(s["bias"], s["groups"])}),
            share=11 / 12,
        ),
        Mistake(
            "ignores the stride",
            "You ignored the stride.",
            _conv_with(lambda s: s | {"stride": 1}),
            share=9 / 12,
        ),
        Mistake(
            "swaps height and width of the stride",
            "You swapped height and width in the stride: the first number of a pair is for the rows.",
            _conv_with(lambda s: s | {"stride": swapped(s["stride"])}),
            share=9 / 12,
        ),
        Mistake(
            "ignores the padding",
            "You ignored the padding.",
            _conv_with(lambda s: s | {"padding": 0}),
            share=9 / 12,
        ),
        Mistake(
            "pads on one side",
            "You padded at the top and on the left only; zeros go on both sides of an axis.",
            _conv_with(lambda s: _padded(s, lambda pads: tuple((a, 0) for a, b in pads)) if s["padding"] else s),
            share=9 / 12,
        ),
        Mistake(
            "repeats the border",
            "You repeated the border's pixels; the padding is zero.",
            _conv_with(lambda s: _padded(s, lambda pads: pads, mode="edge") if s["padding"] not in (0, "valid") else s),
            share=9 / 12,
        ),
        Mistake(
            "puts the extra zero of same first",
            'With "same" and an even kernel the number of zeros is odd; the extra one goes to the end, as in PyTorch.',
            _conv_with(
                lambda s: _padded(s, lambda pads: tuple((b, a) for a, b in pads)) if s["padding"] == "same" else s
            ),
            share=9 / 12,
        ),
        Mistake(
            "ignores dilation",
            "You ignored the dilation: neighbours in the kernel meet pixels that are `dilation` apart.",
            _conv_with(lambda s: s | {"dilation": 1}),
            share=10 / 12,
        ),
        Mistake(
            "dilation counts the gaps",
            "Your kernel has `dilation` zeros between its elements; it has dilation - 1: dilation 1 is the plain kernel.",
            _conv_with(lambda s: s | {"dilation": tuple(d + 1 if d > 1 else d for d in pair(s["dilation"]))}),
            share=10 / 12,
        ),
        Mistake(
            "all groups see the first channels",
            "All your groups read the first input channels: group g reads the g-th block of them.",
            _conv_with(lambda s: _first_group(s)),
            share=9 / 12,
        ),
        Mistake(
            "interleaves the groups",
            "Your group g reads every groups-th channel; a group is a block of neighbouring channels.",
            _conv_with(_interleaved),
            share=9 / 12,
        ),
        Mistake(
            "interleaves the outputs",
            "Your output channels are interleaved: the first F / groups of them belong to the first group.",
            lambda *args, **kwargs: _interleaved_outputs(_conv(*args, **kwargs), kwargs.get("groups", 1)),
            share=9 / 12,
        ),
        Mistake(
            "repeats the first sample",
            "Every sample of your batch has the output of the first one.",
            _conv_with(lambda s: s | {"x": np.broadcast_to(s["x"][:1], s["x"].shape)}),
        ),
    ),
)


def _interleaved_outputs(y, groups):
    return y.reshape(len(y), groups, -1, *y.shape[2:]).swapaxes(1, 2).reshape(y.shape)


# --- groups as a dense weight ----------------------------------------------------------------------------------------


def _dense_weight(weight, groups):
    """Feed the layer one impulse per input channel: what comes out is its dense weight, turned round."""
    depth, height, width = weight.shape[1:]
    channels = depth * groups
    x = np.zeros((channels, channels, 2 * height - 1, 2 * width - 1), weight.dtype)
    x[np.arange(channels), np.arange(channels), height - 1, width - 1] = 1
    return np.ascontiguousarray(_conv(x, weight, None, 1, 0, 1, groups).swapaxes(0, 1)[:, :, ::-1, ::-1])


def _dense_by(place):
    """Build a wrong dense weight: place(dense, weight, groups) fills an array of zeros."""

    def wrong(weight, groups):
        filters, depth, *kernel = weight.shape
        dense = np.zeros((filters, depth * groups, *kernel), weight.dtype)
        place(dense, weight, groups)
        return dense

    return wrong


def _strided_channels(dense, weight, groups):
    right = _dense_weight(weight, groups)
    order = np.arange(dense.shape[1]).reshape(groups, -1).T.ravel()
    dense[...] = right[:, order]


def _first_block(dense, weight, groups):
    dense[:, : weight.shape[1]] = weight


def _every_block(dense, weight, groups):
    dense[...] = np.tile(weight, (1, groups, 1, 1))


def _strided_filters(dense, weight, groups):
    right = _dense_weight(weight, groups)
    dense[...] = right.reshape(groups, -1, *right.shape[1:]).swapaxes(0, 1).reshape(right.shape)


def _backwards(dense, weight, groups):
    right = _dense_weight(weight, groups)
    dense[...] = right.reshape(len(right), groups, -1, *right.shape[2:])[:, ::-1].reshape(right.shape)


def _blocks_of_inputs(dense, weight, groups):
    depth = weight.shape[1]
    for f in range(len(weight)):
        alike = np.repeat(weight[f : f + 1], groups, axis=0)  # the same kernel in every group
        dense[f] = _dense_weight(alike, groups)[min(f // depth, groups - 1)]


_x = Arrays("layer", "dense_weight")
DENSE_WEIGHT = Check(
    "dense_weight",
    section="layer#layer-groups",
    oracle=_dense_weight,
    parts={"depthwise": 2, "groups": 2},
    cases=(
        Case((np.array([5.0, 7.0]).reshape(2, 1, 1, 1), 2), {}, "depthwise"),
        Case((_x(4, 1, 2, 3), 4), {}, "depthwise"),
        Case((_x(6, 1, 3, 2, dtype=np.float32), 3), {}, "depthwise", "two kernels per channel, float32"),
        Case((_f(4, 2, 3, 2), 2), {}, "groups", "float32"),
        Case((_x(6, 3, 1, 2), 2), {}, "groups"),
        Case((_x(6, 2, 2, 2), 3), {}, "groups"),
        Case((_x(3, 2, 2, 1), 1), {}, "groups", "one group: the weight itself"),
        Case((_x(4, 3, 2, 1), 2), {}, "groups", "fewer outputs than inputs per group"),
        Case((_x(6, 2, 1, 2), 2), {}, "groups", "more outputs than inputs per group"),
        Case((_x(2, 3, 1, 2), 2), {}, "groups", "one output per group"),
        Case((_x(3, 1, 1, 2), 1), {}, "depthwise", "one channel"),
    ),
    draw_case=lambda d: (
        lambda groups, depth: Case(
            (d.array(groups * d.integer(1, 2), depth, d.integer(1, 3), d.integer(1, 3)), groups),
            {},
            "depthwise" if depth == 1 else "groups",
        )
    )(d.integer(2, 3), d.choice((1, 2, 3))),
    mistakes=(
        Mistake(
            "fills the first block",
            "You put all kernels on the first input channels: those of group g belong on the g-th block.",
            _dense_by(_first_block),
        ),
        Mistake(
            "repeats the kernels",
            "You repeated the kernels over all groups; where output and input belong to different groups the weight is zero.",
            _dense_by(_every_block),
        ),
        Mistake(
            "spreads a group over the channels",
            "Your groups take every groups-th input channel; a group is a block of neighbouring channels.",
            _dense_by(_strided_channels),
            share=0.5,
        ),
        Mistake(
            "spreads a group over the outputs",
            "Your groups take every groups-th output channel; a group is a block of neighbouring channels.",
            _dense_by(_strided_filters),
        ),
        Mistake(
            "counts the groups backwards",
            "Your first group reads the last channels.",
            _dense_by(_backwards),
        ),
        Mistake(
            "input and output swapped",
            "Your result has input and output channels swapped: its shape is (F, C, kH, kW).",
            lambda weight, groups: np.ascontiguousarray(_dense_weight(weight, groups).swapaxes(0, 1)),
        ),
        Mistake(
            "counts the inputs of a group as its outputs",
            "You found an output's group by the number of inputs per group: a group has F / groups outputs.",
            _dense_by(_blocks_of_inputs),
        ),
    ),
)

# --- a bias per place ------------------------------------------------------------------------------------------------


def _untied(x, weight, bias, *args, **kwargs):
    return _conv(x, weight, None, *args, **kwargs) + bias


def _untied_with(change):
    return lambda x, w, bias, *args, **kwargs: _untied(x, w, change(bias), *args, **kwargs)


def _draw_untied(sampler):
    kernel, channels, filters = (
        (sampler.integer(1, 3), sampler.integer(1, 3)),
        sampler.integer(1, 2),
        sampler.integer(1, 2),
    )
    part, groups, kwargs = sampler.choice(("plain", "options")), 1, {}
    if part == "options":
        groups = sampler.integer(1, 2)
        kwargs = {name: sampler.choice(_STEPS) for name in ("stride", "padding", "dilation")}
        kwargs["groups"] = groups
    size = _sizes(sampler, tuple(2 * k for k in kernel))
    x, weight = sampler.array(2, groups * channels, *size), sampler.array(groups * filters, channels, *kernel)
    return Case((x, weight, sampler.array(*_conv(x, weight, **kwargs).shape[1:])), kwargs, part)


_x = Arrays("layer", "conv2d_untied_bias")
CONV2D_UNTIED_BIAS = Check(
    "conv2d_untied_bias",
    builds_on=("conv2d",),
    section="layer#layer-bias",
    oracle=_untied,
    parts={"plain": 2, "options": 1},
    cases=(
        Case((np.ones((1, 1, 1, 2)), np.ones((1, 1, 1, 1)), np.array([[[0.5, 7]]])), {}, "plain"),
        Case((_x(2, 3, 4, 5), _x(2, 3, 2, 3), _x(2, 3, 3)), {}, "plain"),
        Case((_x(2, 1, 4, 6), _x(1, 1, 1, 2), _x(1, 4, 5)), {}, "plain"),
        Case((_x(2, 2, 8, 8), _x(1, 2, 3, 2), _x(1, 6, 7)), {}, "plain"),
        Case(
            (_x(3, 2, 4, 3, dtype=np.float32), _x(4, 2, 3, 2, dtype=np.float32), _x(4, 2, 2, dtype=np.float32)),
            {},
            "plain",
        ),
        Case((_x(2, 2, 6, 5), _x(2, 2, 3, 3), _x(2, 4, 3)), {"padding": 1, "dilation": 2}, "options"),
        Case(
            (_x(2, 2, 1, 1), _x(2, 2, 3, 2), _x(2, 1, 2)), {"padding": 1}, "options", "a kernel larger than the image"
        ),
        Case((_x(2, 2, 6, 5), _x(2, 2, 3, 3), _x(2, 4, 2), (2, 3), (2, 1)), {}, "options"),
        Case((_x(2, 1, 6, 9), _x(2, 1, 2, 3), _x(2, 3, 9), (2, 1), (1, 3), (2, 3)), {}, "options"),
        Case((_x(2, 4, 4, 9), _x(2, 2, 1, 3), _x(2, 4, 5), 2, (2, 1), (2, 1), 2), {}, "options"),
        Case((_x(2, 4, 5, 4), _x(2, 2, 2, 2), _x(2, 3, 2)), {"dilation": 2, "groups": 2}, "options"),
        Case((_x(2, 4, 7, 6), _x(2, 2, 2, 3), _x(2, 4, 2), 2, (1, 2), (1, 3), 2), {}, "options", "all options"),
        Case((_f(2, 4, 5, 6), _f(6, 2, 3, 2), _f(6, 5, 7), 1, 1, 1, 2), {}, "options", "float32"),
        Case(
            (_x(2, 2, 3, 4), np.eye(2).reshape(2, 2, 1, 1), np.zeros((2, 3, 4))),
            {},
            "plain",
            "each channel goes through as it is",
        ),
    ),
    draw_case=_draw_untied,
    photographs=True,
    exempt=_NUMBERS,
    mistakes=(
        Mistake(
            "ignores the bias",
            "You ignored the bias.",
            _untied_with(np.zeros_like),
        ),
        Mistake(
            "averages the bias over places",
            "You averaged the bias over the places: each place keeps its own.",
            _untied_with(lambda b: np.broadcast_to(b.mean((1, 2), keepdims=True), b.shape)),
        ),
        Mistake(
            "takes the bias of the first place",
            "You took the bias of the first place for all of them.",
            _untied_with(lambda b: np.broadcast_to(b[:, :1, :1], b.shape)),
        ),
        Mistake(
            "takes the bias of the first channel",
            "You took the bias of the first output channel for all of them.",
            _untied_with(lambda b: np.broadcast_to(b[:1], b.shape)),
        ),
        Mistake("subtracts the bias", "You subtracted the bias.", _untied_with(np.negative)),
        Mistake(
            "ignores the options",
            "You ignored stride, padding, dilation or groups.",
            lambda x, w, bias, *args, **kwargs: _untied(x, w, bias),
            share=2 / 3,
        ),
    ),
)

# --- what a window sees ----------------------------------------------------------------------------------------------


def _counts(input_shape, kernel_size, stride=1, padding=0, dilation=1):
    ones = np.ones((1, 1, *input_shape)), np.ones((1, 1, *pair(kernel_size)))
    return _conv(*ones, None, stride, padding, dilation)[0, 0].round().astype(int)


def _counts_with(change):
    return handed("input_shape, kernel_size, stride=1, padding=0, dilation=1", change)


def _counts_padding(shape, kernel, stride, padding, dilation):
    right = _counts(shape, kernel, stride, padding, dilation)
    return np.full_like(right, np.prod(pair(kernel)))


def _draw_counts(sampler):
    kernel = (sampler.integer(1, 4), sampler.integer(1, 3))
    part = sampler.choice(("padding", "stride and dilation"))
    kwargs = {"padding": (sampler.integer(0, 2), sampler.integer(1, 2))}
    if part != "padding":
        kwargs |= {"stride": sampler.choice(_STEPS), "dilation": sampler.choice(_STEPS[:2])}
    return Case((_sizes(sampler, tuple(2 * k for k in kernel)), kernel), kwargs, part)


WINDOW_COUNTS = Check(
    "window_counts",
    builds_on=("conv2d",),
    section="layer#layer-edge",
    oracle=_counts,
    parts={"padding": 2, "stride and dilation": 1},
    cases=(
        Case(((3, 4), 3), {"padding": 1}, "padding"),
        Case(((5, 6), (2, 3)), {}, "padding", "no padding"),
        Case(((5, 4), (4, 3)), {"padding": (3, 1)}, "padding", "a kernel that is not square"),
        Case(((2, 3), 3, 1, 3), {}, "padding", "some windows see nothing"),
        Case(((1, 4), (1, 3)), {"padding": (0, 2)}, "padding", "one axis padded"),
        Case(((8, 7), (3, 2)), {"padding": (1, 2)}, "padding"),
        Case(((9, 4), (3, 1)), {"padding": (1, 2)}, "padding", "windows beside the image"),
        Case(((2, 3), 1), {"padding": (2, 1)}, "padding", "windows in the padding of both axes"),
        Case(((16, 15), 3, 2, 1), {}, "stride and dilation"),
        Case(((3, 5), 1), {"stride": 2, "padding": 2}, "stride and dilation", "some windows see nothing"),
        Case(((12, 10), (4, 3), (1, 2), (0, 2), (1, 2)), {}, "stride and dilation"),
        Case(((6, 9), (3, 2), (1, 2), (2, 1), (2, 3)), {}, "stride and dilation"),
        Case(((8, 5), (2, 3)), {"stride": (3, 1), "padding": (1, 2), "dilation": 2}, "stride and dilation"),
        Case(((3, 2), 2, 1, (1, 2), 4), {}, "stride and dilation", "taps on both sides of the image"),
        Case(((2, 3), (2, 1), (1, 2), (4, 2), (2, 1)), {}, "stride and dilation", "padding of both axes"),
    ),
    draw_case=_draw_counts,
    exempt=_NUMBERS,
    mistakes=(
        Mistake(
            "counts the padding",
            "You counted the zeros of the padding too: only pixels of the image count.",
            _counts_with(_counts_padding),
        ),
        Mistake(
            "ignores the padding",
            "You ignored the padding: windows also stand half outside the image.",
            _counts_with(lambda n, k, s, p, d: _counts(n, k, s, 0, d) if np.all(np.array(n) > 2) else None),
        ),
        Mistake(
            "pads one side",
            "You padded at the top and on the left only.",
            _counts_with(
                lambda n, k, s, p, d: (
                    _conv(
                        np.pad(np.ones((1, 1, *n)), ((0, 0), (0, 0), *((q, 0) for q in pair(p)))),
                        np.ones((1, 1, *pair(k))),
                        None,
                        s,
                        0,
                        d,
                    )[0, 0]
                    .round()
                    .astype(int)
                )
            ),
        ),
        Mistake(
            "swaps rows and columns",
            "You swapped rows and columns: the first number of a pair is for the rows.",
            _counts_with(lambda n, k, s, p, d: _counts(n, *map(swapped, (k, s, p, d)))),
        ),
        Mistake(
            "ignores the stride",
            "You ignored the stride.",
            _counts_with(lambda n, k, s, p, d: _counts(n, k, 1, p, d)),
            share=2 / 3,
        ),
        Mistake(
            "ignores dilation",
            "You ignored the dilation.",
            _counts_with(lambda n, k, s, p, d: _counts(n, k, s, p, 1)),
            share=2 / 3,
        ),
    ),
)

# --- parameters ------------------------------------------------------------------------------------------------------


def _parameters(in_channels, out_channels, kernel_size, groups=1, bias=True):
    layer = torch.nn.Conv2d(in_channels, out_channels, kernel_size, groups=groups, bias=bias, device="meta")
    return sum(p.numel() for p in layer.parameters())


def _parameters_by(count):
    def wrong(in_channels, out_channels, kernel_size, groups=1, bias=True):
        return count(in_channels, out_channels, *pair(kernel_size), groups, bias)

    return wrong


def _draw_parameters(d):
    part = d.choice(("plain", "groups", "no bias"))
    groups = 1 if part == "plain" else d.integer(2, 4)
    layer = (groups * d.integer(1, 9), groups * d.integer(1, 9), (d.integer(1, 5), d.integer(1, 5)), groups)
    return Case(layer, {"bias": False} if part == "no bias" else {}, part)


LAYER_PARAMETERS = Check(
    "layer_parameters",
    section="layer#layer-bias",
    oracle=_parameters,
    parts={"plain": 1, "groups": 1, "no bias": 1},
    cases=(
        Case((3, 16, 5), {}, "plain"),
        Case((2, 7, (3, 4)), {}, "plain"),
        Case((1, 5, (1, 2)), {}, "plain"),
        Case((32, 32, 3, 32), {}, "groups", "depthwise"),
        Case((6, 9, (2, 5), 3), {}, "groups"),
        Case((4, 6, (3, 2)), {"bias": False}, "no bias"),
        Case((8, 4, 3, 2, False), {}, "no bias"),
    ),
    draw_case=_draw_parameters,
    mistakes=(
        Mistake(
            "forgets the bias",
            "You forgot the biases: one per output channel.",
            _parameters_by(lambda c, f, h, w, g, b: f * c // g * h * w),
            share=1 / 3,
        ),
        Mistake(
            "one bias per input channel",
            "You counted one bias per input channel; there is one per output channel.",
            _parameters_by(lambda c, f, h, w, g, b: f * c // g * h * w + c * b),
            share=1 / 3,
        ),
        Mistake(
            "one bias in all",
            "You counted a single bias; there is one per output channel.",
            _parameters_by(lambda c, f, h, w, g, b: f * c // g * h * w + b),
            share=1 / 3,
        ),
        Mistake(
            "forgets the input channels",
            "You forgot that each kernel is as deep as its input.",
            _parameters_by(lambda c, f, h, w, g, b: f * h * w + f * b),
        ),
        Mistake(
            "ignores groups",
            "You ignored the groups: a kernel is C / groups deep.",
            _parameters_by(lambda c, f, h, w, g, b: f * c * h * w + f * b),
            share=1 / 3,
        ),
        Mistake(
            "divides twice by the groups",
            "You divided by groups twice: only the depth of a kernel shrinks, all F kernels are there.",
            _parameters_by(lambda c, f, h, w, g, b: f // g * c // g * h * w + f * b),
            share=1 / 3,
        ),
        Mistake(
            "always adds the bias",
            "You counted biases where bias is False.",
            _parameters_by(lambda c, f, h, w, g, b: f * c // g * h * w + f),
            share=2 / 3,
        ),
        Mistake(
            "takes kernels as square",
            "You squared the first number of the kernel's size: kernels need not be square.",
            _parameters_by(lambda c, f, h, w, g, b: f * c // g * h * h + f * b),
        ),
    ),
)

# --- claims on trial -------------------------------------------------------------------------------------------------


def _kernels(evidence):
    """Return the two weights of the evidence as arrays (C, C, kH, kW) of one C, or raise."""
    pair = [np.asarray(w, dtype=float) for w in evidence]
    if len(pair) != 2 or any(w.ndim != 4 or w.shape[0] != w.shape[1] for w in pair) or len(pair[0]) != len(pair[1]):
        raise ValueError("the evidence must be two weights (C, C, kH, kW) with one number of channels")
    if any(not 1 <= w.size <= 4096 or not np.isfinite(w).all() or max(w.shape[2:]) > 8 for w in pair):
        raise ValueError("weights must be finite, with at most 4,096 numbers and kernels of at most 8 x 8")
    return pair


def _ring(x, w):
    return _conv(np.pad(x, ((0, 0), (0, 0), (0, w.shape[2] - 1), (0, w.shape[3] - 1)), mode="wrap"), w)


def _judge_commute(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. Try two layers whose kernels are 1 x 1: what do they do to one pixel?"
    a, b = _kernels(evidence)
    x = np.random.default_rng(0).standard_normal((1, len(a), 8, 9))
    one, other = _ring(_ring(x, a), b), _ring(_ring(x, b), a)
    size = _ring(_ring(np.abs(x), np.abs(a)), np.abs(b)) + _ring(_ring(np.abs(x), np.abs(b)), np.abs(a))
    if np.all(np.abs(one - other) <= 1e-9 * size):
        return "No counterexample: on a random periodic image your two layers give the same in both orders."
    return None


def _merged(first, second):
    """Return the weight of the one layer: what comes out of both for an impulse per input channel, turned round."""
    channels = first.shape[1]
    height, width = (a + b - 1 for a, b in zip(first.shape[2:], second.shape[2:], strict=True))
    x = np.zeros((channels, channels, 2 * height - 1, 2 * width - 1))
    x[np.arange(channels), np.arange(channels), height - 1, width - 1] = 1
    return _conv(_conv(x, first.astype(float)), second.astype(float)).swapaxes(0, 1)[:, :, ::-1, ::-1]


def _merge_keeps_single(call, sampler):
    _, merged = call(sampler.array(3, 2, 2, 1).astype(np.float32), sampler.array(2, 3, 1, 2).astype(np.float32))
    return not isinstance(merged, np.ndarray) or merged.dtype == np.float32


def _judge_merge(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if not verdict:
        return "You judged it false. Is a linear map after a linear map linear? Does it still commute with shifts?"
    first, second = case.args
    right, actual = _merged(first, second), np.asarray(evidence, dtype=float)
    if actual.shape != right.shape:
        return f"The one layer needs a weight of shape {right.shape}; yours has shape {actual.shape}."
    if not np.all(np.abs(actual - right) <= 1e-10 * _merged(np.abs(first), np.abs(second)).max()):
        return "With your weight the one layer does not compute what the two compute together."
    return None


def _draw_merge(d):
    part = d.choice(("one channel", "channels"))
    first, between, last = (1, 1, 1) if part == "one channel" else (d.integer(1, 3), d.integer(2, 3), d.integer(1, 3))
    weights = (d.array(f, c, d.integer(1, 3), d.integer(1, 3)) for f, c in ((between, first), (last, between)))
    return Case(tuple(weights), {}, part)


def _merge_by(combine):
    """Build a wrong merged weight out of a wrong way to combine two kernels."""

    def wrong(first, second):
        return True, combine(first, second)

    return wrong


_MIX, _SWAP = np.array([[1.0, 1], [0, 1]]).reshape(2, 2, 1, 1), np.array([[0.0, 1], [1, 0]]).reshape(2, 2, 1, 1)
_DIAGONAL = np.array([[2.0, 0], [0, 3]]).reshape(2, 2, 1, 1)

_x = Arrays("layer", "claim_commute")
_ONE_CHANNEL = _x(1, 1, 3, 3), _x(1, 1, 2, 2)
_TWO_TO_THREE = _x(3, 2, 1, 1), _x(2, 3, 1, 1)
_x = Arrays("layer", "claims")


def _whole(*shape):
    return np.rint(3 * _x(*shape)).astype(np.int64)


CLAIMS = (
    Check(
        "claim_commute",
        section="layer#layer-commute",
        judge=_judge_commute,
        cases=(Case(),),
        mistakes=(
            *claim_mistakes(False, "You judged it true.", lambda: (_MIX, _SWAP)),
            Mistake("takes depthwise layers", "No counterexample", lambda: (False, (_DIAGONAL, 2 * _DIAGONAL))),
            Mistake("takes one channel", "No counterexample", lambda: (False, _ONE_CHANNEL)),
            Mistake("takes the same layer twice", "No counterexample", lambda: (False, (_MIX, _MIX))),
            Mistake("changes the number of channels", "", lambda: (False, _TWO_TO_THREE)),
        ),
    ),
    Check(
        "claim_merge",
        section="layer#layer-commute",
        judge=_judge_merge,
        parts={"one channel": 1, "channels": 2},
        cases=(
            Case((np.array([[[[1.0, 2]]]]), np.array([[[[1.0, 10]]]])), {}, "one channel"),
            Case((_x(1, 1, 1, 3), _x(1, 1, 3, 2)), {}, "one channel"),
            *(Case((_x(1, 1, 3, 2), _x(1, 1, 2, 2)), {}, "one channel") for _ in range(2)),
            Case((_x(3, 2, 1, 1), _x(4, 3, 1, 1)), {}, "channels", "1 x 1: two matrices"),
            *(Case((_x(3, 2, 2, 3), _x(4, 3, 3, 1)), {}, "channels") for _ in range(2)),
            Case((_x(2, 2, 2, 2), _x(2, 2, 1, 3)), {}, "channels"),
            Case(
                (np.array([[[[1, 2]]]]), np.array([[[[0.5, 0.25]]]])),
                {},
                "one channel",
                "whole numbers, then fractions",
            ),
            Case(
                (np.array([[[[0.5, 0.25]]]]), np.array([[[[1, 2]]]])),
                {},
                "one channel",
                "fractions, then whole numbers",
            ),
            Case((_whole(3, 2, 1, 2), _x(4, 3, 2, 1)), {}, "channels", "whole numbers, then fractions"),
            Case((_x(3, 2, 1, 2), _whole(4, 3, 2, 1)), {}, "channels", "fractions, then whole numbers"),
            Case((1e-9 * _x(1, 1, 2, 2), 1e-3 * _x(1, 1, 1, 2)), {}, "one channel", "small numbers"),
            Case((1e-3 * _x(3, 2, 2, 1), 1e-9 * _x(2, 3, 1, 2)), {}, "channels", "small numbers"),
            Case((_x(1, 1, 3, 2), np.ones((1, 1, 1, 1))), {}, "one channel", "the second changes nothing"),
            Case((np.ones((1, 1, 1, 1)), _x(1, 1, 2, 3)), {}, "one channel", "the first changes nothing"),
            Case((_x(2, 3, 2, 2), np.eye(2).reshape(2, 2, 1, 1)), {}, "channels", "the second changes nothing"),
            Case((np.eye(2).reshape(2, 2, 1, 1), _x(3, 2, 2, 2)), {}, "channels", "the first changes nothing"),
        ),
        draw_case=_draw_merge,
        properties=(Property("float32", DTYPE, _merge_keeps_single),),
        mistakes=(
            *claim_mistakes(True, "You judged it false.", lambda a, b: _merged(a, b)),
            Mistake(
                "correlates the kernels",
                "does not compute what the two compute",
                _merge_by(lambda a, b: _merged(a, b[:, :, ::-1, ::-1])),
            ),
            Mistake(
                "turns the result",
                "does not compute what the two compute",
                _merge_by(lambda a, b: _merged(a, b)[:, :, ::-1, ::-1]),
            ),
            Mistake(
                "forgets the channels between",
                "does not compute what the two compute",
                _merge_by(lambda a, b: _merged(a[:1], b[:, :1])),
                share=1 / 3,
            ),
            Mistake(
                "keeps the first kernel's size",
                "The one layer needs a weight of shape",
                _merge_by(lambda a, b: a),
            ),
            Mistake(
                "crops to same size",
                "The one layer needs a weight of shape",
                _merge_by(lambda a, b: _merged(a, b)[:, :, :1, :1]),
            ),
            Mistake(
                "keeps the first weight's dtype",
                "Your weight has the dtype of the first one: where that holds whole numbers, the fractions are cut off.",
                _merge_by(lambda a, b: _merged(a, b).astype(a.dtype)),
            ),
            Mistake("is always of float64", DTYPE, _merge_by(lambda a, b: _merged(a, b).copy()), share=3 / 4),
        ),
    ),
)

CHECKS = (
    CONV2D_BY_INDEX,
    UNFOLD,
    CONV2D,
    DENSE_WEIGHT,
    CONV2D_UNTIED_BIAS,
    WINDOW_COUNTS,
    LAYER_PARAMETERS,
    *CLAIMS,
)
