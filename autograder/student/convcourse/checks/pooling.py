"""Pooling: output shapes, five kinds of pooling, two gradients, and four claims on trial."""

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from convcourse.engine import kinds
from convcourse.engine.builders import Arrays, claim_mistakes, handed, lopsided, pair
from convcourse.engine.check import Check
from convcourse.engine.evidence import verdict_and_evidence
from convcourse.engine.model import Case, Mistake, Property
from convcourse.engine.oracles import gradient, on_torch, tensor

# --- output shapes -------------------------------------------------------------------------------------------------


def _pool_shape(input_shape, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    x = torch.empty(1, 1, *input_shape)
    return tuple(F.max_pool2d(x, kernel_size, stride, padding, dilation, ceil_mode).shape[2:])


def _shape_by(count):
    """Build a wrong shape function out of a wrong formula for one axis."""

    def wrong(input_shape, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
        stride = kernel_size if stride is None else stride
        axes = zip(input_shape, pair(kernel_size), pair(stride), pair(padding), pair(dilation), strict=True)
        return tuple(count(*axis, ceil_mode) for axis in axes)

    return wrong


def _round(numerator, s, ceil):
    return (-(-numerator // s) if ceil else numerator // s) + 1


def _right(n, k, s, p, d, ceil):
    count = _round(n + 2 * p - d * (k - 1) - 1, s, ceil)
    return count - 1 if ceil and (count - 1) * s >= n + p else count


def _span(kernel_size, dilation):
    return tuple(d * (k - 1) + 1 for k, d in zip(pair(kernel_size), pair(dilation), strict=True))


def _draw_shape(sampler):
    kernel = (sampler.integer(1, 4), sampler.integer(1, 4))
    kwargs: dict[str, Any] = {
        "stride": (sampler.integer(1, 4), sampler.integer(1, 4)),
        "padding": tuple(k // 2 for k in kernel),
    }
    part = sampler.choice(("stride and padding", "dilation", "ceil mode"))
    if part == "dilation":
        kwargs["dilation"] = (sampler.integer(1, 3), 2)
    if part == "ceil mode":
        kwargs |= {"dilation": (sampler.integer(1, 3), sampler.integer(1, 2)), "ceil_mode": True}
    return Case(((sampler.integer(11, 20), sampler.integer(11, 20)), kernel), kwargs, part)


POOL_OUTPUT_SHAPE = Check(
    "pool_output_shape",
    section="pooling#pooling-shapes",
    oracle=_pool_shape,
    parts={"stride and padding": 2, "dilation": 1, "ceil mode": 2},
    cases=(
        Case(((6, 8), 2), {}, "stride and padding", "stride None stands for the window's own size"),
        Case(((5, 8), 2), {"stride": 1}, "stride and padding"),
        Case(((7, 10), (3, 2)), {}, "stride and padding", "a window that is not square"),
        Case(((8, 5), 3, 2), {"padding": 1}, "stride and padding"),
        Case(((9, 4), (4, 1), (3, 2), (2, 0)), {}, "stride and padding"),
        Case(((8, 7), (2, 3), (1, 2), (1, 0)), {}, "stride and padding"),
        Case(((8, 12), (2, 5)), {"padding": (1, 2)}, "stride and padding", "stride None, with padding"),
        Case(((9, 12), 3), {"dilation": 2}, "dilation"),
        Case(((12, 10), 3, 3, 1, 2), {}, "dilation"),
        Case(((11, 8), (2, 3), (1, 2), 1, (4, 1)), {}, "dilation"),
        Case(((14, 15), (2, 3)), {"dilation": (3, 2)}, "dilation", "stride None is the window's size, not its span"),
        Case(((5, 6), 2), {"ceil_mode": True}, "ceil mode"),
        Case(((3, 3), 2, 2, 1), {"ceil_mode": True}, "ceil mode", "the last window would start past input and padding"),
        Case(((4, 7), 1, 2), {"ceil_mode": True}, "ceil mode", "the last window would start past the input"),
        Case(((10, 11), 3, (3, 4), 1, 2), {"ceil_mode": True}, "ceil mode"),
        Case(((12, 13), (4, 3), (5, 2), (2, 0), (1, 2), True), {}, "ceil mode", "all options"),
        Case(((11, 12), (1, 4), (3, 4), (0, 2), (2, 1), True), {}, "ceil mode", "all options"),
        Case(((13, 13), (3, 1), (4, 3), (1, 0), (3, 2), True), {}, "ceil mode", "all options"),
        Case(((13, 19), (4, 2), (3, 1), (2, 1), (1, 2), True), {}, "ceil mode", "all options"),
    ),
    draw_case=_draw_shape,
    draw_count=16,
    mistakes=(
        Mistake(
            "adds the padding once",
            "You added the padding once; it lies on both sides of an axis, so the size grows by 2p.",
            _shape_by(lambda n, k, s, p, d, ceil: _round(n + p - d * (k - 1) - 1, s, ceil)),
        ),
        Mistake(
            "forgets the + 1",
            "You forgot the + 1: the first window sits at position 0 before any step is made.",
            _shape_by(lambda n, k, s, p, d, ceil: _right(n, k, s, p, d, ceil) - 1),
        ),
        Mistake(
            "ignores dilation",
            "You ignored the dilation: a window of k taps spans d(k - 1) + 1 positions.",
            _shape_by(lambda n, k, s, p, d, ceil: _right(n, k, s, p, 1, ceil)),
            share=0.4,
        ),
        Mistake(
            "spans d k",
            "Your window spans d k positions; k taps have k - 1 gaps, so it spans d(k - 1) + 1.",
            _shape_by(lambda n, k, s, p, d, ceil: _right(n, d * k, s, p, 1, ceil)),
            share=0.4,
        ),
        Mistake(
            "ignores ceil_mode",
            "You ignored ceil_mode: with it the division rounds up.",
            _shape_by(lambda n, k, s, p, d, ceil: _right(n, k, s, p, d, False)),
            share=0.6,
        ),
        Mistake(
            "keeps a window that starts outside",
            "With ceil_mode you kept a last window that starts past the input and the padding before it; it sees no pixel"
            " and is dropped.",
            _shape_by(lambda n, k, s, p, d, ceil: _round(n + 2 * p - d * (k - 1) - 1, s, ceil)),
            share=0.6,
        ),
        Mistake(
            "floors before padding",
            "You divided before adding the padding; add first, then round once.",
            _shape_by(lambda n, k, s, p, d, ceil: _round(n - d * (k - 1) - 1, s, ceil) + 2 * p // s),
        ),
        Mistake(
            "stride defaults to 1",
            "With stride=None you stepped by 1; None stands for the size of the window.",
            lambda shape, kernel, stride=None, padding=0, dilation=1, ceil_mode=False: _shape_by(_right)(
                shape, kernel, 1 if stride is None else stride, padding, dilation, ceil_mode
            ),
        ),
        Mistake(
            "stride defaults to the span",
            "With stride=None you stepped by the span d(k - 1) + 1; None stands for the number of taps, k.",
            lambda shape, kernel, stride=None, padding=0, dilation=1, ceil_mode=False: _shape_by(_right)(
                shape, kernel, _span(kernel, dilation) if stride is None else stride, padding, dilation, ceil_mode
            ),
            share=0.8,
        ),
        Mistake(
            "height and width swapped",
            "You swapped height and width: the first number of a pair is for the rows.",
            lambda *args, **kwargs: _pool_shape(*args, **kwargs)[::-1],
        ),
    ),
)

# --- max pooling ---------------------------------------------------------------------------------------------------

_max = on_torch(lambda x, *sizes, **options: F.max_pool2d(x, *sizes, **options))
_MAX = "x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False"


def _max_with(change):
    """Build a wrong max pooling that changes its settings, then pools rightly."""
    return handed(_MAX, lambda x, settings: _max(x, **change(settings)), 1)


def _max_on(transform, after=lambda y, x: y):
    """Build a wrong max pooling that transforms the input first, or the output afterwards."""

    def wrong(x, *args, **kwargs):
        y = _max(transform(x), *args, **kwargs)
        return (after(y[0], x), y[1]) if isinstance(y, tuple) else after(y, x)

    return wrong


def _zero_padded(x, kernel_size, stride=None, padding=0, *rest, **kwargs):
    top, left = pair(padding)
    padded = np.pad(x, ((0, 0), (0, 0), (top, top), (left, left)))
    return _max(padded, kernel_size, stride, 0, *rest, **kwargs)


def _padded_as_far_as_windows_reach(place, fill=0.0):
    """Build a wrong max pooling with `fill` around the input and below the last window; `place` numbers the winners."""

    def wrong(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
        stride = kernel_size if stride is None else stride
        counts = _pool_shape(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
        axes = zip(x.shape[2:], counts, *map(pair, (kernel_size, stride, padding, dilation)), strict=True)
        widths = [(p, max(0, (m - 1) * s + d * (k - 1) + 1 - n - p)) for n, m, k, s, p, d in axes]
        padded = np.pad(x, ((0, 0), (0, 0), *widths), constant_values=fill)
        y, index = _max(padded, kernel_size, stride, 0, dilation, False, True)
        row, column = index // padded.shape[3] - widths[0][0], index % padded.shape[3] - widths[1][0]
        return (y, place(row, column, *x.shape[2:])) if return_indices else y

    return wrong


def _outside_is_first(row, column, height, width):
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    return np.where(inside, row * width + column, 0)


_far_padded = _padded_as_far_as_windows_reach(_outside_is_first)


def _outside_is_nearest(row, column, height, width):
    return np.clip(row, 0, height - 1) * width + np.clip(column, 0, width - 1)


def _last_of_window(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """Return the bottom right pixel that each window sees."""
    height, width = x.shape[2:]
    ramp = np.arange(height * width, dtype=float).reshape(1, 1, height, width)
    _, index = _max(ramp, kernel_size, stride, padding, dilation, ceil_mode, True)
    y = x.reshape(*x.shape[:2], -1)[:, :, index[0, 0]]
    return (y, np.broadcast_to(index, y.shape)) if return_indices else y


def _indices_as(change):
    def wrong(x, *args, **kwargs):
        y = _max(x, *args, **kwargs)
        return (y[0], change(y[1], x)) if isinstance(y, tuple) else y

    return wrong


def _swapped(settings):
    return {key: value[::-1] if isinstance(value, tuple) else value for key, value in settings.items()}


def _column_by_column(x, settings):
    """Take the first of equals down the columns."""
    y = _max(x.swapaxes(2, 3), **_swapped(settings))
    if not isinstance(y, tuple):
        return y.swapaxes(2, 3)
    y, index = (each.swapaxes(2, 3) for each in y)
    return y, index % x.shape[2] * x.shape[3] + index // x.shape[2]


def _nearly_the_maximum(x, *args, **kwargs):
    y = _max(x, *args, **kwargs)
    return (y[0], _max(np.round(x, 7), *args, **kwargs)[1]) if isinstance(y, tuple) else y


def _last_of_ties(x, *args, **kwargs):
    y = _max(x, *args, **kwargs)
    if not isinstance(y, tuple):
        return y
    _, index = _max(x[..., ::-1, ::-1], *args, **kwargs)
    return y[0], (x.shape[2] * x.shape[3] - 1 - index)[..., ::-1, ::-1]


def _draw_max(sampler):
    kernel = (sampler.integer(1, 3), sampler.integer(1, 3))
    part = sampler.choice(("stride", "padding", "dilation", "ceil mode", "indices"))
    kwargs: dict[str, Any] = {"stride": (sampler.integer(1, 3), sampler.integer(1, 3))}
    if part in ("padding", "indices"):
        kwargs["padding"] = (kernel[0] // 2, kernel[1] // 2)
    if part in ("dilation", "indices"):
        kwargs["dilation"] = (sampler.integer(1, 2), sampler.integer(1, 2))
    if part in ("ceil mode", "indices"):
        kwargs["ceil_mode"] = True
    if part == "indices":
        kwargs["return_indices"] = True
    x = sampler.array(sampler.integer(1, 2), sampler.integer(1, 2), sampler.integer(5, 8), sampler.integer(5, 8))
    return Case((x, kernel), kwargs, part)


def _keeps_nan(call, sampler):
    x = sampler.array(1, 2, 4, 6)
    x[0, 1, 2, 3] = np.nan
    return bool(np.isnan(np.asarray(call(x, 2, 2))).any())


_CLOSE = "You took what is nearly as large for the maximum: np.isclose allows for a difference, and == does not."
_ZEROS = "You padded with zeros: a zero wins over every negative input. Pad with minus infinity."
_STAND_IN = (
    "You took some number, such as -1e9, for minus infinity: inputs may lie below it. NumPy has -np.inf; whole numbers"
    " have np.iinfo(x.dtype).min."
)
_x = Arrays("pooling", "ties")
_TIES = np.rint(_x(1, 2, 5, 6))  # equals side by side, one below the other, and across a window
_x = Arrays("pooling", "strided")
_STRIDED = np.swapaxes(_x(2, 2, 7, 6), 2, 3)


def _low(x):
    """Return numbers below every stand-in for minus infinity."""
    return -1e12 * (0.1 + np.abs(x))


def _nearly_equal(x):
    """Return numbers that all differ, but by less than np.isclose sees."""
    return 1 + 1e-9 * x


def _with_infinity(x):
    """Let the top left corner be minus infinity: the first window sees nothing else."""
    return np.where(np.add.outer(np.arange(x.shape[2]), np.arange(x.shape[3])) < 4, -np.inf, x)


_x = Arrays("pooling", "max_pool2d")
MAX_POOL2D = Check(
    "max_pool2d",
    builds_on=("pool_output_shape",),
    section="pooling#pooling-max",
    oracle=_max,
    photographs=True,
    parts={"plain": 2, "stride": 2, "padding": 1, "dilation": 1, "ceil mode": 1, "indices": 1},
    cases=(
        Case((np.array([[[[1.0, 5, 2, 0], [3, 4, 1, 7]]]]), 2), {}, "plain"),
        Case((_x(2, 3, 4, 6), 2), {}, "plain", "batch, channels, not square"),
        Case((_x(1, 2, 6, 6, dtype=np.float32), (3, 2)), {}, "plain", "a window that is not square, float32"),
        Case((_x(2, 3, 1, 1), 1), {}, "plain", "one pixel"),
        Case((_low(_x(1, 2, 4, 4)), 2), {}, "plain", "every input far below zero"),
        Case((_low(_x(2, 2, 5, 4)), (2, 3), 1), {}, "stride", "windows overlap"),
        Case((_x(2, 2, 8, 7, dtype=np.float32), (2, 3), (3, 2)), {}, "stride", "the stride does not divide, float32"),
        Case((_STRIDED, 3, 2), {}, "stride", "an array that is not contiguous"),
        Case((_x(2, 1, 1, 1), 3, 1, 1), {}, "padding", "one pixel, and padding all around it"),
        Case((-np.abs(_x(1, 2, 4, 5)), 3), {"stride": 2, "padding": 1}, "padding", "every input negative"),
        Case((_low(_x(2, 2, 4, 6)), (1, 3), 2, (0, 1)), {}, "padding", "far below zero; one axis is padded"),
        Case((_x(2, 1, 6, 5, dtype=np.float32), (2, 4), 1, (1, 2)), {}, "padding", "float32"),
        Case((_x(2, 2, 7, 8), (2, 3), (1, 2), 0, (2, 1)), {}, "dilation"),
        Case((_x(1, 1, 9, 7, dtype=np.float32), 3, 2), {"dilation": 2}, "dilation", "float32"),
        Case((_x(2, 2, 5, 7, dtype=np.float32), (3, 2)), {"ceil_mode": True}, "ceil mode", "float32"),
        Case((_low(_x(1, 2, 6, 7)), (2, 3), (1, 3)), {"ceil_mode": True}, "ceil mode", "far below zero"),
        Case((_x(2, 1, 8, 5), (1, 2), (3, 1)), {"ceil_mode": True}, "ceil mode", "windows of one row, far apart"),
        Case((_x(1, 1, 3, 3), 2, 2, 1), {"ceil_mode": True}, "ceil mode", "the last window would start past the end"),
        Case((_x(2, 2, 6, 5, dtype=np.float32), (3, 2), (2, 1)), {"return_indices": True}, "indices", "float32"),
        Case((_TIES, 2, 1), {"return_indices": True}, "indices", "ties: the first of equals, row by row"),
        Case((_TIES, (3, 2), 1), {"return_indices": True}, "indices", "ties in windows of three rows"),
        Case((-np.abs(_x(1, 2, 5, 5)), 3, 2, 1), {"return_indices": True}, "indices", "positions count in the input"),
        Case((_with_infinity(_x(1, 2, 5, 6)), 3, 2, 1), {"return_indices": True}, "indices", "minus infinity"),
        Case((_x(2, 2, 7, 8), (3, 2), (2, 3), (1, 0), (2, 3), True, True), {}, "indices", "all options"),
        Case((-np.abs(_x(1, 2, 9, 8)), 2, 2, 1, 3), {"ceil_mode": True, "return_indices": True}, "indices"),
        Case((_x(2, 1, 11, 9), (3, 2)), {"dilation": (2, 3)}, "dilation", "stride None is the window, not its span"),
        Case((_x(1, 2, 3, 25), (2, 4), (1, 3), 1, (4, 2)), {}, "padding", "all taps lie in the padding"),
        Case((_x(2, 2, 6, 7), (2, 4)), {"padding": (1, 2), "ceil_mode": True}, "ceil mode", "with padding"),
        Case((_x(1, 2, 4, 5), (1, 3), (2, 1), (0, 1)), {"return_indices": True}, "indices", "a window of one row"),
        Case((_x(1, 2, 7, 6), 1, (2, 3), 0, (2, 1), True, True), {}, "indices", "windows of one pixel, far apart"),
        Case((_nearly_equal(_x(1, 2, 4, 7)), 2), {"return_indices": True}, "indices", "nearly equal is not equal"),
        Case(
            (_x(1, 2, 1, 1), 2, 1, 1, 2), {}, "padding", "all taps lie in the padding, above, below and at both sides"
        ),
        Case((np.array([[[[-7, 3], [0, -2]]]]), 2, 1, 1, 3), {}, "padding", "whole numbers, all taps in the padding"),
    ),
    draw_case=_draw_max,
    properties=(
        Property("NaN", "A NaN in a window is lost: like PyTorch's, a maximum over NaN is NaN.", _keeps_nan, cost=0.1),
    ),
    mistakes=(
        Mistake(
            "stride defaults to 1",
            "With stride=None you slid by 1; None stands for the size of the window, so that windows lie side by side.",
            _max_with(lambda s: s | {"stride": 1 if s["stride"] is None else s["stride"]}),
            share=3 / 8,
        ),
        Mistake(
            "stride defaults to the span",
            "With stride=None you stepped by the span d(k - 1) + 1; None stands for the number of taps, k.",
            _max_with(lambda s: s | {"stride": s["stride"] or _span(s["kernel_size"], s["dilation"])}),
            share=7 / 8,
        ),
        Mistake(
            "ignores stride",
            "You ignored the stride: your windows always lie side by side.",
            _max_with(lambda s: s | {"stride": None}),
            share=0.25,
        ),
        Mistake("pads with zeros", _ZEROS, _zero_padded, share=5 / 8),
        Mistake(
            "pads with a number for minus infinity",
            _STAND_IN,
            _padded_as_far_as_windows_reach(_outside_is_first, -1e9),
            share=5 / 8,
        ),
        Mistake(
            "starts from a number for minus infinity",
            _STAND_IN,
            _max_on(lambda x: x, lambda y, x: np.maximum(y, -1e9)),
            share=1 / 8,
        ),
        Mistake(
            "pads with zeros for ceil_mode too, which lie at position 0",
            _ZEROS,
            _far_padded,
            share=5 / 8,
        ),
        Mistake(
            "pads with zeros for ceil_mode too, which lie at the border",
            _ZEROS,
            _padded_as_far_as_windows_reach(_outside_is_nearest),
            share=5 / 8,
        ),
        Mistake(
            "pads with zeros for ceil_mode too, which lie outside",
            _ZEROS,
            _padded_as_far_as_windows_reach(lambda row, column, height, width: row * width + column),
            share=5 / 8,
        ),
        Mistake(
            "swaps height and width",
            "You swapped height and width: the first number of a pair is for the rows.",
            _max_with(_swapped),
        ),
        Mistake(
            "ignores dilation",
            "You ignored the dilation: a window looks at every d-th pixel.",
            _max_with(lambda s: s | {"dilation": 1}),
            share=5 / 8,
        ),
        Mistake(
            "ignores ceil_mode",
            "You ignored ceil_mode: with it a last window may hang over the edge.",
            _max_with(lambda s: s | {"ceil_mode": False}),
            share=6 / 8,
        ),
        Mistake(
            "ignores padding",
            "You ignored the padding.",
            _max_with(lambda s: s | {"padding": 0}),
            share=5 / 8,
        ),
        Mistake(
            "takes the bottom right pixel",
            "You return the last pixel of each window, whatever it holds; the largest is asked for.",
            _last_of_window,
        ),
        Mistake(
            "takes the largest magnitude",
            "You compare magnitudes: the maximum of -3 and 1 is 1.",
            _max_on(np.abs),
        ),
        Mistake(
            "averages",
            "You return the average of each window, not its maximum.",
            lambda x, k, s=None, p=0, d=1, c=False, r=False, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False: (
                on_torch(F.avg_pool2d)(x, k, s or stride, p or padding, c or ceil_mode)
            ),
        ),
        Mistake(
            "takes the minimum",
            "You return the smallest value of each window.",
            _max_on(np.negative, lambda y, x: -y),
        ),
        Mistake(
            "mixes channels",
            "Your maximum runs over the channels too; every channel is pooled by itself.",
            _max_on(lambda x: x, lambda y, x: np.broadcast_to(y.max(1, keepdims=True), y.shape).copy()),
        ),
        Mistake(
            "pools the first sample alone",
            "Every sample of your batch has the output of the first one.",
            _max_on(lambda x: x, lambda y, x: np.broadcast_to(y[:1], y.shape).copy()),
        ),
        Mistake(
            "clips at zero",
            "Your maximum starts from 0, so that it never gets below: start from minus infinity.",
            _max_on(lambda x: x, lambda y, x: np.maximum(y, 0)),
        ),
        Mistake(
            "pads whole numbers with zeros",
            kinds.WHOLE.message,
            lambda x, *args, **kwargs: (_max if x.dtype.kind == "f" else _far_padded)(x, *args, **kwargs),
            share=7 / 8,
        ),
        Mistake(
            "indices from 1",
            "Your indices count from 1; positions count from 0.",
            _indices_as(lambda i, x: i + 1),
            share=7 / 8,
        ),
        Mistake(
            "indices column by column",
            "Your indices count down the columns; a position is row times width plus column.",
            _indices_as(lambda i, x: i % x.shape[3] * x.shape[2] + i // x.shape[3]),
            share=7 / 8,
        ),
        Mistake(
            "pays the last of equals",
            "Among equal maxima you report the last; the first one counts, row by row.",
            _last_of_ties,
            share=7 / 8,
        ),
        Mistake("takes nearly equal for equal", _CLOSE, _nearly_the_maximum, share=7 / 8),
        Mistake(
            "goes column by column",
            "Among equal maxima you report the first one column by column; the first one counts row by row.",
            handed(_MAX, _column_by_column, 1),
            share=7 / 8,
        ),
    ),
)

# --- average and Lp pooling ----------------------------------------------------------------------------------------

_avg = on_torch(F.avg_pool2d)


def _cut(right):
    """Build a wrong pooling that is right for floats and gives whole numbers for whole numbers."""
    return lambda x, *args, **kwargs: right(x.astype(float), *args, **kwargs).astype(x.dtype)


def _floats(x):
    return x if x.dtype.kind == "f" else x.astype(float)


_AVG = "x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None"


def _avg_with(change):
    return handed(_AVG, lambda x, settings: _avg(x, **change(settings)), 1)


def _adds_bytes(x, settings):
    """Let the sums of bytes wrap around, before they are divided."""
    y, sums = _avg(_floats(x), **settings), _avg(_floats(x), **(settings | {"divisor_override": 1}))
    return y * (sums % 256) / np.maximum(sums, 1) if x.dtype == np.uint8 else y


def _area(kernel_size):
    kernel = pair(kernel_size)
    return kernel[0] * kernel[1]


def _draw_avg(sampler):
    kernel = (sampler.integer(1, 3), sampler.integer(1, 3))
    part = sampler.choice(("stride", "padding", "ceil mode", "divisor"))
    kwargs: dict[str, Any] = {"stride": (sampler.integer(1, 3), sampler.integer(1, 3))}
    if part != "stride":
        kwargs["padding"] = (kernel[0] // 2, kernel[1] // 2)
    if part in ("padding", "divisor"):
        kwargs["count_include_pad"] = sampler.choice((True, False))
    if part == "divisor":
        kwargs["divisor_override"] = sampler.integer(1, 7)
    if part == "ceil mode" or kwargs.get("count_include_pad") is False:
        kwargs["ceil_mode"] = True
    x = sampler.array(sampler.integer(1, 2), sampler.integer(1, 2), sampler.integer(4, 7), sampler.integer(4, 7))
    return Case((x, kernel), kwargs, part)


def _is_linear(call, sampler):
    x, y = sampler.array(1, 2, 5, 6), sampler.array(1, 2, 5, 6)
    return np.allclose(call(2 * x - 3 * y, 2), 2 * call(x, 2) - 3 * call(y, 2))


_x = Arrays("pooling", "avg_pool2d")
AVG_POOL2D = Check(
    "avg_pool2d",
    builds_on=("pool_output_shape",),
    section="pooling#pooling-average",
    oracle=_avg,
    photographs=True,
    parts={"plain": 2, "stride": 1, "padding": 2, "ceil mode": 1, "divisor": 1},
    cases=(
        Case((np.array([[[[200.0, 150, 150], [100, 50, 100], [25, 25, 10]]]]), 3), {}, "plain"),
        Case((_x(2, 3, 4, 6), 2), {}, "plain", "batch, channels, not square"),
        Case((_x(1, 2, 6, 6, dtype=np.float32), (3, 2)), {}, "plain", "a window that is not square, float32"),
        Case((_x(2, 3, 1, 1), 1), {}, "plain", "one pixel"),
        Case((_x(2, 2, 5, 4), (2, 3), 1), {}, "stride", "windows overlap"),
        Case((_x(2, 2, 8, 7, dtype=np.float32), (2, 3), (3, 2)), {}, "stride", "the stride does not divide, float32"),
        Case((_STRIDED, 3, 2), {}, "stride", "an array that is not contiguous"),
        Case((_x(1, 2, 4, 5, dtype=np.float32), 3, 2, 1), {}, "padding", "float32"),
        Case((_x(1, 1, 5, 6), (1, 2), (2, 2), (0, 1)), {"count_include_pad": True}, "padding", "one axis is padded"),
        Case((_x(1, 1, 4, 5), 2, None, (1, 0), True), {}, "ceil mode", "the other axis is padded"),
        Case((_x(2, 1, 1, 1), 3, 1, 1), {}, "padding", "one pixel, and padding all around it"),
        Case((_x(2, 2, 4, 6), (1, 3), 2, (0, 1)), {"count_include_pad": False}, "padding", "one axis is padded"),
        Case((_x(1, 1, 4, 5), 3, 1, 1), {"count_include_pad": False}, "padding", "pads are not counted"),
        Case((_x(1, 1, 6, 5), (2, 4), 1, (1, 2)), {"count_include_pad": False}, "padding"),
        Case(
            (_x(2, 2, 5, 7), (3, 2)), {"ceil_mode": True}, "ceil mode", "a window that hangs over counts what is there"
        ),
        Case(
            (_x(1, 1, 6, 6, dtype=np.float32), 3, 2, 1),
            {"ceil_mode": True},
            "ceil mode",
            "hanging over, beyond the padding, float32",
        ),
        Case((_x(2, 1, 4, 6, dtype=np.float32), (1, 3)), {"divisor_override": 5}, "divisor", "float32"),
        Case((_x(1, 2, 5, 5), 3, 1, 1), {"divisor_override": 1}, "divisor"),
        Case((_x(1, 2, 6, 5), (3, 2), 2, 1, True, False), {}, "padding", "pads are not counted, ceil mode"),
        Case((_x(1, 2, 6, 5), (3, 2), 2, 1, False, False, 4), {}, "divisor"),
        Case((_x(1, 2, 5, 6), (2, 4), 3, 0, True, True, 3), {}, "ceil mode", "with a divisor"),
        Case((_x(2, 2, 6, 7), (2, 4)), {"padding": (1, 2), "ceil_mode": True}, "ceil mode", "with padding"),
        Case((_x(2, 2, 7, 6), (4, 2), (2, 3), (2, 1), False, False), {}, "padding", "pads are not counted"),
        Case((_x(2, 2, 5, 7), (2, 3), 3, 1, True, False), {}, "padding", "a last window that sees one column"),
        Case((_x(2, 2, 5, 4), (1, 3), (1, 2), (0, 1), True), {}, "ceil mode", "a last window that sees one column"),
        Case((_x(1, 2, 5, 5), (3, 1), (2, 3), (1, 0), True), {}, "ceil mode", "one axis is padded"),
        Case((_x(1, 2, 7, 4), (1, 3), (3, 2), (0, 1)), {"divisor_override": 2}, "divisor", "one axis is padded"),
        Case((_x(1, 2, 5, 7), (3, 1), (3, 1), (1, 0), True, False, 7), {}, "divisor", "the last window is dropped"),
        Case((_x(2, 1, 5, 5), 3, (3, 1), 1, True, False, 1), {}, "divisor", "windows overlap along the rows alone"),
        Case((lopsided(_x(1, 2, 9, 6)), 2), {}, "plain", "running sums of float32 lose digits"),
        Case((_x(2, 2, 6, 7), (3, 2), (2, 3), (1, 0), True, False, 5), {}, "divisor", "all options"),
    ),
    draw_case=_draw_avg,
    properties=(Property("linear", "It is not linear, and an average is.", _is_linear),),
    mistakes=(
        Mistake(
            "sums",
            "You return sums: divide by the number of elements.",
            lambda x, k, *args, **kwargs: _avg(x, k, *args, **(kwargs | {"divisor_override": 1})),
        ),
        Mistake(
            "stride defaults to 1",
            "With stride=None you slid by 1; None stands for the size of the window.",
            _avg_with(lambda s: s | {"stride": 1 if s["stride"] is None else s["stride"]}),
            share=3 / 7,
        ),
        Mistake(
            "ignores stride",
            "You ignored the stride: your windows always lie side by side.",
            _avg_with(lambda s: s | {"stride": None}),
            share=2 / 7,
        ),
        Mistake(
            "never counts pads",
            "You never count the pads; by default (count_include_pad=True) a padded zero counts like any other value.",
            _avg_with(lambda s: s | {"count_include_pad": False}),
            share=4 / 7,
        ),
        Mistake(
            "always counts pads",
            "With count_include_pad=False you still divide by the pads: divide by the number of real pixels alone.",
            _avg_with(lambda s: s | {"count_include_pad": True}),
            share=5 / 7,
        ),
        Mistake(
            "ignores ceil_mode",
            "You ignored ceil_mode: with it a last window may hang over the edge.",
            _avg_with(lambda s: s | {"ceil_mode": False}),
            share=3 / 7,
        ),
        Mistake(
            "ignores the divisor",
            "You ignored divisor_override: when it is given, it takes the place of the number of elements.",
            _avg_with(lambda s: s | {"divisor_override": None}),
            share=5 / 7,
        ),
        Mistake(
            "divides by the whole window",
            "A window that hangs over the edge is divided by its full area; what lies beyond the padding does not count.",
            _avg_with(
                lambda s: (
                    s | {"divisor_override": s["divisor_override"] or _area(s["kernel_size"])}
                    if s["count_include_pad"]
                    else s
                )
            ),
            share=6 / 7,
        ),
        Mistake(
            "swaps height and width",
            "You swapped height and width: the first number of a pair is for the rows.",
            _avg_with(_swapped),
        ),
        Mistake("cuts to whole numbers", kinds.WHOLE.message, _cut(_avg), share=0.75),
        Mistake("adds bytes", kinds.BYTES.message, handed(_AVG, _adds_bytes, 1), share=0.75),
        Mistake(
            "takes the maximum",
            "You return the maximum of each window, not its average.",
            lambda x, k, s=None, p=0, *args, stride=None, padding=0, ceil_mode=False, **kwargs: _max(
                x, k, s or stride, p or padding, 1, ceil_mode
            ),
        ),
    ),
)


def _lp(x, norm_type, kernel_size, stride=None, ceil_mode=False):
    power = F.avg_pool2d(tensor(x).abs() ** norm_type, kernel_size, stride, 0, ceil_mode) * _area(kernel_size)
    return (power ** (1 / norm_type)).numpy()


def _lp_by(before, after):
    def wrong(x, norm_type, kernel_size, stride=None, ceil_mode=False):
        area = _area(kernel_size)
        summed = _avg(before(x, norm_type), kernel_size, stride, 0, ceil_mode) * area
        return after(summed, norm_type, area).astype(x.dtype)

    return wrong


def _squares_bytes(x, norm_type, *args, **kwargs):
    wraps = x.dtype == np.uint8
    return _lp((_floats(x) ** norm_type % 256) ** (1 / norm_type) if wraps else _floats(x), norm_type, *args, **kwargs)


def _not_scaled_up(x, norm_type, kernel_size, stride=None, ceil_mode=False):
    summed = _avg(_power(x, norm_type), kernel_size, stride, 0, ceil_mode, divisor_override=1)
    return (summed ** (1 / norm_type)).astype(x.dtype)


def _power(x, p):
    return np.abs(x) ** p


def _draw_lp(sampler):
    kernel = (sampler.integer(1, 3), sampler.integer(1, 3))
    part = sampler.choice(("p = 2", "any p", "ceil mode"))
    p = 2.0 if part == "p = 2" else sampler.choice((1.0, 2.0, 3.0, 2.5))
    x = sampler.array(sampler.integer(1, 2), sampler.integer(1, 2), sampler.integer(4, 7), sampler.integer(4, 7))
    kwargs = {"ceil_mode": True} if part == "ceil mode" else {}
    stride = (sampler.integer(1, 3), sampler.integer(1, 3))
    return Case((x if part == "p = 2" else np.abs(x), p, kernel, stride), kwargs, part)


_x = Arrays("pooling", "lp_pool2d")
LP_POOL2D = Check(
    "lp_pool2d",
    builds_on=("pool_output_shape",),
    section="pooling#pooling-lp",
    oracle=_lp,
    photographs=True,
    exempt={"infinity": "a norm adds up, and looks for no largest number"},
    parts={"p = 2": 2, "any p": 2, "ceil mode": 1},
    cases=(
        Case((np.array([[[[3.0, 4, 0, 6], [0, 0, 8, 0]]]]), 2, 2), {}, "p = 2"),
        Case((_x(2, 3, 1, 1), 2, 1), {}, "p = 2", "one pixel"),
        Case((_x(2, 3, 4, 6), 2.0, 2), {}, "p = 2", "inputs of both signs"),
        Case((_x(1, 2, 7, 5, dtype=np.float32), 2.0, (3, 2), (2, 1)), {}, "p = 2", "windows overlap, float32"),
        Case((np.abs(_x(1, 2, 4, 6)), 1.0, 2), {}, "any p"),
        Case((np.abs(_x(1, 2, 3, 2)), 1.0, 1), {}, "any p", "windows of one pixel: what goes in comes out"),
        Case((np.abs(_x(2, 1, 5, 7)), 3, (2, 3), 1), {}, "any p"),
        Case((np.abs(_x(1, 2, 4, 5)), 0.5, (2, 1)), {}, "any p", "p below 1"),
        Case((np.abs(_x(1, 1, 4, 4, dtype=np.float32)), 1.5, 2), {}, "any p", "p need not be whole, float32"),
        Case((np.abs(_x(1, 1, 4, 6)), 8.0, 2), {}, "any p", "a large p comes close to the maximum"),
        Case(
            (_x(2, 2, 5, 7, dtype=np.float32), 2.0, (3, 2)),
            {"ceil_mode": True},
            "ceil mode",
            "a window that hangs over is scaled up, float32",
        ),
        Case((np.abs(_x(1, 2, 6, 7)), 3.0, (2, 3), (1, 3), True), {}, "ceil mode"),
        Case(
            (np.abs(_x(2, 1, 4, 7)), 1.5, (1, 2), (2, 3), True),
            {},
            "ceil mode",
            "a window that would start past the end",
        ),
        Case((np.abs(_x(2, 2, 7, 5)), 2.5, (3, 2), (2, 3), True), {}, "ceil mode"),
    ),
    draw_case=_draw_lp,
    mistakes=(
        Mistake("cuts to whole numbers", kinds.WHOLE.message, _cut(_lp), share=0.75),
        Mistake("squares bytes", kinds.BYTES.message, _squares_bytes, share=0.75),
        Mistake(
            "takes the mean",
            "You took the mean of the powers; the norm, like PyTorch's, has their sum.",
            _lp_by(_power, lambda y, p, area: (y / area) ** (1 / p)),
        ),
        Mistake(
            "forgets the root", "You forgot the root: take the sum to the power 1/p.", _lp_by(_power, lambda y, p, a: y)
        ),
        Mistake(
            "is always 2",
            "You ignored norm_type: your p is always 2.",
            _lp_by(lambda x, p: x**2, lambda y, p, a: np.sqrt(y)),
            share=2 / 5,
        ),
        Mistake(
            "takes the square root",
            "Your root is always the square root; it must be the p-th.",
            _lp_by(_power, lambda y, p, a: np.sqrt(y)),
            share=2 / 5,
        ),
        Mistake(
            "averages magnitudes",
            "You average magnitudes; raise them to p first.",
            _lp_by(lambda x, p: np.abs(x), lambda y, p, a: y / a),
        ),
        Mistake(
            "sums before the power",
            "You raised the sum to the power p; each element must be raised before they are added.",
            _lp_by(lambda x, p: x, lambda y, p, a: np.abs(y)),
        ),
        Mistake(
            "ignores stride",
            "You ignored the stride: your windows always lie side by side.",
            lambda x, p, k, stride=None, ceil_mode=False: _lp(x.astype(float), p, k, None, ceil_mode).astype(x.dtype),
        ),
        Mistake(
            "ignores ceil_mode",
            "You ignored ceil_mode: with it a last window may hang over the edge.",
            lambda x, p, k, stride=None, ceil_mode=False: _lp(x, p, k, stride),
            share=4 / 5,
        ),
        Mistake(
            "does not scale up",
            "With ceil_mode a window that hangs over the end sees fewer positions: scale its sum up to a whole window's.",
            _not_scaled_up,
            share=4 / 5,
        ),
    ),
)

# --- gradients -----------------------------------------------------------------------------------------------------


def _like_output(function, *args, **kwargs):
    """Draw an upstream gradient of the output's shape: random, never ones."""
    y = function(torch.empty(args[0].shape), *args[1:], **kwargs)
    return _x(*y.shape, dtype=args[0].dtype)


def _backward_case(function, args, kwargs, part, note=""):
    return Case((_like_output(function, *args, **kwargs), *args), kwargs, part, note)


def _spread(grad_output, x, kernel_size, *args, **kwargs):
    """Bound what one input pixel can receive: all its windows at once."""
    return np.full(x.shape, grad_output.max() * _area(kernel_size))


_DTYPE_OF_GRADIENT = "The gradient has another dtype than grad_output: it keeps that one, whatever the dtype of x."


def _has_dtype_of_gradient(call, sampler):
    x, g = sampler.array(1, 2, 4, 6), sampler.array(1, 2, 2, 3)
    kinds_of_float = ((np.float32, np.float64), (np.float64, np.float32))
    return all(np.asarray(call(g.astype(one), x.astype(other), 2)).dtype == one for one, other in kinds_of_float)


def _in_dtype_of_input(right):
    """Build a wrong backward whose gradient has the dtype of the input, where that holds fractions."""

    def wrong(grad_output, x, *args, **kwargs):
        gx = right(_floats(grad_output), _floats(x), *args, **kwargs)
        return gx.astype(x.dtype) if x.dtype.kind == "f" else gx

    return wrong


def _max_settings(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    return kernel_size, stride, padding, dilation, ceil_mode


def _scatter(assign):
    """Build a wrong backward of max pooling: `assign(gx, index, g)` puts gradients at winning positions."""

    def wrong(grad_output, x, *args, **kwargs):
        index = _max(x, *_max_settings(x, *args, **kwargs), return_indices=True)[1]
        gx = np.zeros((x.shape[0] * x.shape[1], x.shape[2] * x.shape[3]), grad_output.dtype)
        for plane, at, g in zip(gx, index.reshape(len(gx), -1), grad_output.reshape(len(gx), -1), strict=True):
            assign(plane, at, g)
        return gx.reshape(x.shape)

    return wrong


def _assign(plane, at, g):
    plane[at] = g


def _every_tie(grad_output, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Pay every tied maximum in full: the gradient of a maximum over taps, each compared with the output."""
    xt = tensor(x, True)
    (kh, kw), (top, left) = pair(kernel_size), pair(padding)
    y = F.max_pool2d(xt, kernel_size, stride, padding, dilation, ceil_mode).detach()
    (sh, sw), (dh, dw) = pair(kernel_size if stride is None else stride), pair(dilation)
    low, room = float("-inf"), 2 * max(kh * dh, kw * dw, sh, sw)
    padded = F.pad(xt, (left, room, top, room), value=low)
    total: Any = 0
    for i in range(kh):
        for j in range(kw):
            tap = padded[:, :, i * dh :: sh, j * dw :: sw][:, :, : y.shape[2], : y.shape[3]]
            total = total + (torch.where(tap == y, tap, 0.0) * tensor(grad_output)).sum()
    total.backward()
    return xt.grad.numpy()


def _max_backward_with(change):
    right = gradient(F.max_pool2d)

    def wrong(grad_output, x, *args, **kwargs):
        return change(right, grad_output, x, args, kwargs)

    return wrong


def _columns_first(grad_output, x, settings):
    settings = {key: value for key, value in _swapped(settings).items() if key != "return_indices"}
    turned = (np.ascontiguousarray(each.swapaxes(2, 3)) for each in (grad_output, x))
    return np.ascontiguousarray(gradient(F.max_pool2d)(*turned, **settings).swapaxes(2, 3))


def _pays_above(number):
    """Build a wrong backward that pays no maximum below a number."""
    return _max_backward_with(lambda right, g, x, args, kwargs: right(g, x, *args, **kwargs) * (x > number))


def _side_by_side(grad_output, x, *args, **kwargs):
    """Pay the winners of windows that lie side by side, as far as there are such."""
    kernel_size, _, padding, dilation, ceil_mode = _max_settings(x, *args, **kwargs)
    height, width = _pool_shape(x.shape[2:], kernel_size, None, padding, dilation, ceil_mode)
    room = np.zeros((*x.shape[:2], height, width), grad_output.dtype)
    seen = grad_output[:, :, :height, :width]
    room[:, :, : seen.shape[2], : seen.shape[3]] = seen
    return gradient(F.max_pool2d)(room, x, kernel_size, None, padding, dilation, ceil_mode)


def _draw_max_backward(sampler):
    case = _draw_max(sampler)
    if case.part == "ceil mode":
        case = Case((case.args[0], 2), {}, "plain")
    part = {"stride": "overlap", "plain": "plain"}.get(case.part, "padding and dilation")
    kwargs = {key: value for key, value in case.kwargs.items() if key != "return_indices"}
    y = _max(*case.args, **kwargs)
    return Case((sampler.array(*y.shape), *case.args), kwargs, part)


_MAX_PARTS = {"plain": 2, "overlap": 2, "ties": 1, "padding and dilation": 2}

_x = Arrays("pooling", "max_pool2d_backward")
MAX_POOL2D_BACKWARD = Check(
    "max_pool2d_backward",
    builds_on=("max_pool2d",),
    section="pooling#pooling-gradients",
    oracle=gradient(F.max_pool2d),
    scale=_spread,
    parts=_MAX_PARTS,
    cases=(
        _backward_case(F.max_pool2d, (np.array([[[[1.0, 5, 2, 0], [3, 4, 1, 7]]]]), 2), {}, "plain"),
        _backward_case(F.max_pool2d, (_x(2, 3, 5, 6), 2), {}, "plain", "the last row is in no window"),
        _backward_case(F.max_pool2d, (_x(1, 2, 6, 4, dtype=np.float32), (3, 2)), {}, "plain", "float32"),
        _backward_case(F.max_pool2d, (_x(2, 3, 1, 1), 1), {}, "plain", "one pixel"),
        _backward_case(F.max_pool2d, (_low(_x(1, 2, 5, 4)), 3, 1), {}, "overlap", "a maximum wins several windows"),
        _backward_case(F.max_pool2d, (_x(2, 1, 7, 6, dtype=np.float32), (2, 3), (1, 2)), {}, "overlap", "float32"),
        _backward_case(F.max_pool2d, (_TIES, 2), {}, "ties", "the first of equals, row by row"),
        _backward_case(F.max_pool2d, (_TIES, (3, 2), 1), {}, "ties", "ties in windows that overlap"),
        _backward_case(F.max_pool2d, (-np.abs(_x(1, 2, 5, 5)), 3, 2, 1), {}, "padding and dilation", "all negative"),
        _backward_case(F.max_pool2d, (_low(_x(1, 2, 5, 4)), 2, 2, 1), {}, "padding and dilation", "far below zero"),
        _backward_case(F.max_pool2d, (_x(1, 2, 1, 1), 3, 1, 1), {}, "padding and dilation", "one pixel"),
        _backward_case(F.max_pool2d, (_x(1, 1, 7, 8), 2, 1, 0, (2, 3)), {}, "padding and dilation"),
        _backward_case(F.max_pool2d, (_x(2, 1, 5, 8), 1, (3, 1), 0, 2, True), {}, "padding and dilation"),
        _backward_case(F.max_pool2d, (_x(1, 2, 5, 7), 2), {"ceil_mode": True}, "padding and dilation", "ceil mode"),
        _backward_case(F.max_pool2d, (_x(2, 2, 7, 8), (3, 2), (2, 3), 1, (2, 3), True), {}, "padding and dilation"),
        _backward_case(F.max_pool2d, (-np.abs(_x(1, 1, 9, 8)), 2, 2, 1, 3, True), {}, "padding and dilation"),
        _backward_case(
            F.max_pool2d,
            (_x(2, 2, 9, 8, dtype=np.float32), (2, 4)),
            {"padding": (0, 2), "ceil_mode": True},
            "padding and dilation",
            "float32",
        ),
        _backward_case(F.max_pool2d, (_x(2, 1, 11, 9), (3, 2)), {"dilation": (2, 3)}, "padding and dilation"),
        _backward_case(F.max_pool2d, (_x(1, 2, 7, 6), (1, 3), (2, 3), (0, 1)), {}, "padding and dilation"),
        _backward_case(F.max_pool2d, (_nearly_equal(_x(1, 2, 4, 7)), 2, 1), {}, "ties", "nearly equal is not equal"),
        _backward_case(
            F.max_pool2d, (_with_infinity(_x(1, 2, 5, 6)), 3, 2, 1), {}, "padding and dilation", "minus infinity"
        ),
    ),
    draw_case=_draw_max_backward,
    properties=(Property("dtype", _DTYPE_OF_GRADIENT, _has_dtype_of_gradient),),
    mistakes=(
        Mistake(
            "assigns where windows overlap",
            "You assigned where windows overlap; a pixel that wins several windows gets the sum of their gradients.",
            _scatter(_assign),
            share=2 / 7,
        ),
        Mistake(
            "pays every tied maximum",
            "You paid every tied maximum; PyTorch pays the first one alone, row by row.",
            _every_tie,
            share=4 / 7,
        ),
        Mistake(
            "ignores the upstream gradient",
            "You ignored grad_output: what reaches a winner is the gradient that came from above, not 1.",
            _max_backward_with(lambda right, g, x, args, kwargs: right(np.ones_like(g), x, *args, **kwargs)),
        ),
        Mistake(
            "multiplies by the value",
            "You multiplied by the maximum; its derivative with respect to the winning pixel is 1.",
            _max_backward_with(lambda right, g, x, args, kwargs: x * right(g, x, *args, **kwargs)),
        ),
        Mistake(
            "pays the last of equals",
            "Among equal maxima you pay the last; PyTorch pays the first, row by row.",
            lambda g, x, *args, **kwargs: _scatter(lambda plane, at, values: np.add.at(plane, at, values))(
                g, x - 1e-9 * np.arange(x.shape[2] * x.shape[3])[::-1].reshape(x.shape[2:]), *args, **kwargs
            ),
            share=6 / 7,
        ),
        Mistake(
            "takes nearly equal for equal",
            _CLOSE,
            _max_backward_with(lambda right, g, x, args, kwargs: right(g, np.round(x, 7), *args, **kwargs)),
            share=6 / 7,
        ),
        Mistake("has the dtype of x", _DTYPE_OF_GRADIENT, _in_dtype_of_input(gradient(F.max_pool2d)), share=3 / 4),
        Mistake(
            "goes column by column",
            "Among equal maxima you pay the first one column by column; PyTorch pays the first row by row.",
            handed("g, " + _MAX, _columns_first, 2),
            share=6 / 7,
        ),
        Mistake(
            "pads with a number for minus infinity",
            _STAND_IN,
            _pays_above(-1e9),
            share=3 / 7,
        ),
        Mistake(
            "shares like an average",
            "You shared each gradient out over the window, as average pooling does; max pooling gives it to the winner.",
            lambda g, x, k, s=None, p=0, d=1, c=False, ceil_mode=False: (
                gradient(F.avg_pool2d)(g, x, k, s, p, c or ceil_mode) if d == 1 else np.zeros_like(x)
            ),
        ),
        Mistake(
            "is too large",
            "You multiplied by the area of the window; nothing is averaged here.",
            _max_backward_with(lambda right, g, x, args, kwargs: right(g, x, *args, **kwargs) * _area(args[0])),
        ),
        Mistake(
            "ignores stride",
            "You ignored the stride: you look for winners in windows that lie side by side.",
            _side_by_side,
            share=2 / 7,
        ),
        Mistake(
            "clips at zero",
            "Negative maxima get no gradient from you: that is ReLU's rule, not the maximum's.",
            _max_backward_with(lambda right, g, x, args, kwargs: right(g, x, *args, **kwargs) * (x > 0)),
        ),
    ),
)


def _avg_backward_with(change):
    right = gradient(F.avg_pool2d)
    return handed(f"g, {_AVG}", lambda g, x, settings: change(right, g, x, settings), 2)


def _draw_avg_backward(sampler):
    case = _draw_avg(sampler)
    part = "overlap" if case.part == "stride" else "padding"
    return Case((sampler.array(*_avg(*case.args, **case.kwargs).shape), *case.args), case.kwargs, part)


def _assigned(right, g, x, settings):
    """Give each pixel the gradient of the last window that sees it."""
    gx = np.zeros_like(x)
    ramp = np.arange(1, g.shape[2] * g.shape[3] + 1, dtype=float).reshape(g.shape[2:])
    for n in range(g.shape[2]):
        for m in range(g.shape[3]):
            one = np.where(ramp == ramp[n, m], g, 0.0).astype(g.dtype)
            reach = right((one != 0).astype(float), x.astype(float), **settings) != 0
            gx = np.where(reach, right(one, x, **settings), gx)
    return gx


_x = Arrays("pooling", "avg_pool2d_backward")
AVG_POOL2D_BACKWARD = Check(
    "avg_pool2d_backward",
    builds_on=("pool_output_shape",),
    section="pooling#pooling-gradients",
    oracle=gradient(F.avg_pool2d),
    scale=_spread,
    parts={"plain": 2, "overlap": 2, "padding": 1},
    cases=(
        _backward_case(F.avg_pool2d, (_x(1, 1, 2, 4), 2), {}, "plain"),
        _backward_case(F.avg_pool2d, (_x(2, 3, 5, 6), 2), {}, "plain", "the last row is in no window"),
        _backward_case(F.avg_pool2d, (_x(1, 2, 6, 4, dtype=np.float32), (3, 2)), {}, "plain", "float32"),
        _backward_case(F.avg_pool2d, (_x(2, 3, 1, 1), 1), {}, "plain", "one pixel"),
        _backward_case(F.avg_pool2d, (_x(1, 2, 1, 1), 3, 1, 1), {}, "padding", "one pixel"),
        _backward_case(F.avg_pool2d, (_x(1, 2, 5, 4), 3, 1), {}, "overlap", "a pixel belongs to several windows"),
        _backward_case(F.avg_pool2d, (_x(2, 1, 7, 6, dtype=np.float32), (2, 3), (1, 2)), {}, "overlap", "float32"),
        _backward_case(F.avg_pool2d, (_x(1, 1, 4, 5, dtype=np.float32), 3, 2, 1), {}, "padding", "float32"),
        _backward_case(F.avg_pool2d, (_x(1, 1, 4, 5), 3, 1, 1), {"count_include_pad": False}, "padding"),
        _backward_case(F.avg_pool2d, (_x(1, 2, 5, 7), 2), {"ceil_mode": True}, "padding", "ceil mode"),
        _backward_case(F.avg_pool2d, (_x(1, 1, 4, 4), 2), {"divisor_override": 3}, "padding", "a divisor of its own"),
        _backward_case(F.avg_pool2d, (_x(1, 2, 6, 5), (3, 2), 2, 1, True), {}, "padding", "ceil mode and padding"),
        _backward_case(
            F.avg_pool2d, (_x(1, 2, 6, 5), (3, 2), 2, 1, True, False), {}, "padding", "pads are not counted"
        ),
        _backward_case(F.avg_pool2d, (_x(1, 2, 6, 5), (3, 2), 2, 1, True, False, 4), {}, "padding", "all options"),
        _backward_case(
            F.avg_pool2d, (_x(2, 2, 6, 7), (2, 4)), {"padding": (1, 2), "ceil_mode": True}, "padding", "stride None"
        ),
        _backward_case(F.avg_pool2d, (_x(2, 2, 7, 6), (1, 2), (3, 1), (0, 1), False, False), {}, "padding"),
        _backward_case(F.avg_pool2d, (_x(2, 1, 9, 7), (2, 3), (3, 5)), {}, "plain", "the stride skips pixels"),
        _backward_case(F.avg_pool2d, (_x(1, 2, 7, 7), (1, 3), (2, 3)), {}, "overlap", "no window sees the odd rows"),
    ),
    draw_case=_draw_avg_backward,
    properties=(
        Property(
            "adjoint",
            "It is not the adjoint of the forward pass: <avg_pool2d(x), g> must equal <x, avg_pool2d_backward(g, x)>.",
            lambda call, sampler: _adjoint(call, sampler.array(1, 2, 5, 6), sampler.array(1, 2, 4, 5)),
        ),
        Property("dtype", _DTYPE_OF_GRADIENT, _has_dtype_of_gradient),
    ),
    mistakes=(
        Mistake("has the dtype of x", _DTYPE_OF_GRADIENT, _in_dtype_of_input(gradient(F.avg_pool2d)), share=3 / 4),
        Mistake(
            "forgets to divide",
            "You gave every pixel the whole gradient; each has a share of 1/area in the average.",
            _avg_backward_with(lambda right, g, x, s: right(g, x, **(s | {"divisor_override": 1}))),
        ),
        Mistake(
            "ignores the upstream gradient",
            "You ignored grad_output: what is shared out is the gradient that came from above, not 1.",
            _avg_backward_with(lambda right, g, x, s: right(np.ones_like(g), x, **s)),
        ),
        Mistake(
            "assigns where windows overlap",
            "You assigned where windows overlap; a pixel in several windows gets the sum of its shares.",
            _avg_backward_with(_assigned),
            share=2 / 5,
        ),
        Mistake(
            "pays the maximum alone",
            "You gave the gradient to the largest pixel, as max pooling does; an average shares it out.",
            lambda g, x, k, s=None, p=0, ceil_mode=False, **kwargs: gradient(F.max_pool2d)(g, x, k, s, p, 1, ceil_mode),
        ),
        Mistake(
            "multiplies by the input",
            "You multiplied by the input; an average is linear, so that its gradient does not depend on x.",
            _avg_backward_with(lambda right, g, x, s: x * right(g, x, **s)),
        ),
        Mistake(
            "always counts pads",
            "You ignored count_include_pad: where pads are not counted, a window at the edge has fewer pixels to share with.",
            _avg_backward_with(lambda right, g, x, s: right(g, x, **(s | {"count_include_pad": True}))),
            share=4 / 5,
        ),
        Mistake(
            "divides by the size of the input",
            "You divided by the size of the whole input; divide by that of the window.",
            _avg_backward_with(
                lambda right, g, x, s: right(g, x, **(s | {"divisor_override": x.shape[2] * x.shape[3]}))
            ),
        ),
    ),
)


def _adjoint(call, x, g):
    return math.isclose(np.sum(_avg(x, 2, 1) * g), np.sum(x * call(g, x, 2, 1)), rel_tol=1e-9, abs_tol=1e-9)


# --- pooling to a fixed size, and over channels ----------------------------------------------------------------------

_adaptive = on_torch(F.adaptive_avg_pool2d)


def _adaptive_by(start, end, reduce=np.mean):
    """Build a wrong adaptive pooling out of wrong window borders for one axis of n pixels and m outputs."""

    def wrong(x, output_size):
        (height, width), (rows, columns) = x.shape[2:], pair(output_size)
        tops, lefts = [start(i, height, rows) for i in range(rows)], [start(j, width, columns) for j in range(columns)]
        bottoms = [max(end(i, height, rows), top + 1) for i, top in enumerate(tops)]
        rights = [max(end(j, width, columns), left + 1) for j, left in enumerate(lefts)]
        y = [
            [reduce(x[:, :, top:bottom, left:right], (2, 3)) for left, right in zip(lefts, rights, strict=True)]
            for top, bottom in zip(tops, bottoms, strict=True)
        ]
        return np.moveaxis(np.array(y), (0, 1), (2, 3)).astype(x.dtype)

    return wrong


def _draw_adaptive(sampler):
    x = sampler.array(sampler.integer(1, 2), sampler.integer(1, 2), sampler.integer(5, 9), sampler.integer(5, 9))
    return Case((x, (sampler.integer(1, 5), sampler.integer(1, 5))), {}, "any size")


_x = Arrays("pooling", "adaptive_avg_pool2d")
ADAPTIVE_AVG_POOL2D = Check(
    "adaptive_avg_pool2d",
    section="pooling#pooling-adaptive",
    oracle=_adaptive,
    photographs=True,
    parts={"global": 2, "any size": 2},
    cases=(
        Case((_x(1, 2, 2, 3), 1), {}, "global", "one output: the mean of each channel"),
        Case((_x(2, 3, 5, 4), 1), {}, "global"),
        Case((_x(2, 1, 7, 3, dtype=np.float32), 1), {}, "global", "float32"),
        Case((_x(1, 2, 6, 4), (3, 2)), {}, "any size", "sizes that divide"),
        Case((_x(1, 1, 5, 7), (3, 2)), {}, "any size", "sizes that do not divide: windows overlap"),
        Case((_x(1, 2, 4, 7), 3), {}, "any size", "one number for both"),
        Case((_x(2, 2, 4, 7, dtype=np.float32), (3, 5)), {}, "any size", "float32"),
        Case((lopsided(_x(1, 2, 9, 6)), (6, 4)), {}, "any size", "running sums of float32 lose digits"),
        Case((_x(2, 2, 10, 7), (4, 5)), {}, "any size"),
        Case((_x(1, 1, 2, 36), (1, 28)), {}, "any size", "36 / 28, seven times, is a little more than 9"),
        Case((_x(1, 1, 3, 4), (5, 4)), {}, "any size", "more outputs than inputs"),
        Case((_x(2, 3, 1, 1), 1), {}, "global", "one pixel"),
        Case((_x(2, 1, 1, 1), (2, 3)), {}, "any size", "one pixel, which all outputs see"),
        Case((_x(1, 2, 21, 2), (19, 1)), {}, "any size", "21 * (19 / 21) is a little more than 19"),
        Case((_x(1, 2, 1, 22), (1, 22)), {}, "any size", "as many outputs as inputs"),
        Case((_x(1, 1, 42, 14), (14, 18)), {}, "any size", "42 / 14 and 14 / 18: fractions that round up or down"),
        Case((_x(1, 1, 13, 30), (9, 22)), {}, "any size", "30 / 22: 11 (30 / 22) is a little less than 15"),
    ),
    draw_case=_draw_adaptive,
    mistakes=(
        Mistake("cuts to whole numbers", kinds.WHOLE.message, _cut(_adaptive), share=0.75),
        Mistake(
            "takes the maximum",
            "You return maxima; averages are asked for.",
            on_torch(F.adaptive_max_pool2d),
        ),
        Mistake(
            "averages over channels",
            "You averaged over the channels too; every channel keeps its own mean.",
            lambda x, size: np.broadcast_to(
                _adaptive(x, size).mean(1, keepdims=True), (*x.shape[:2], *pair(size))
            ).copy(),
        ),
        Mistake(
            "averages over the batch",
            "You averaged over the batch too; every sample keeps its own mean.",
            lambda x, size: np.broadcast_to(
                _adaptive(x, size).mean(0, keepdims=True), (*x.shape[:2], *pair(size))
            ).copy(),
        ),
        Mistake(
            "sums",
            "You return sums: divide by the number of pixels in each window.",
            _adaptive_by(lambda i, n, m: i * n // m, lambda i, n, m: -(-(i + 1) * n // m), np.sum),
        ),
        Mistake(
            "rounds the end down",
            "Output i ends at floor((i + 1) n / m); round up, or pixels between two windows belong to none.",
            _adaptive_by(lambda i, n, m: i * n // m, lambda i, n, m: (i + 1) * n // m),
            share=0.5,
        ),
        Mistake(
            "divides first",
            "You divided before multiplying: the border of a window may then lie just beside a whole number, and is rounded"
            " to the wrong side. Multiply first, then divide whole numbers.",
            _adaptive_by(lambda i, n, m: math.floor(i * (n / m)), lambda i, n, m: math.ceil((i + 1) * (n / m))),
            share=0.5,
        ),
        Mistake(
            "uses windows of one size",
            "Your windows all have the size floor(n / m), side by side: the last pixels belong to none.",
            _adaptive_by(
                lambda i, n, m: min(i * max(n // m, 1), n - 1), lambda i, n, m: min((i + 1) * max(n // m, 1), n)
            ),
            share=0.5,
        ),
        Mistake(
            "swaps height and width",
            "You swapped height and width: the first number of output_size is for the rows.",
            lambda x, size: _adaptive(x, pair(size)[::-1]),
            share=0.5,
        ),
    ),
)


def _over_channels(x, pool_size):
    n, c, h, w = x.shape
    return (
        F.max_pool1d(tensor(x).permute(0, 2, 3, 1).reshape(-1, 1, c), pool_size)
        .reshape(n, h, w, c // pool_size)
        .permute(0, 3, 1, 2)
        .numpy()
    )


_x = Arrays("pooling", "channel_max_pool")
CHANNEL_MAX_POOL = Check(
    "channel_max_pool",
    section="pooling#pooling-channels",
    oracle=_over_channels,
    photographs=True,
    parts={"values": 1},
    cases=(
        Case((np.array([1.0, 5, 3, 2]).reshape(1, 4, 1, 1), 2)),
        Case((_x(2, 6, 3, 4), 3), note="two groups of three"),
        Case((-np.abs(_x(2, 6, 2, 3, dtype=np.float32)), 2), note="every input negative, float32"),
        Case((_x(1, 4, 3, 2), 4), note="one group"),
        Case((_low(_x(2, 4, 2, 3)), 2), note="far below zero"),
        Case((_x(2, 3, 2, 4), 1), note="groups of one channel"),
    ),
    draw_case=lambda d: (
        lambda size: Case((d.array(d.integer(1, 2), size * d.integer(1, 3), d.integer(1, 4), d.integer(1, 4)), size))
    )(d.integer(2, 3)),
    mistakes=(
        Mistake(
            "strides over the channels",
            "Your groups take every k-th channel; a group is `pool_size` neighbours.",
            lambda x, k: x.reshape(x.shape[0], k, x.shape[1] // k, *x.shape[2:]).max(1),
        ),
        Mistake(
            "starts from a number for minus infinity",
            "Your maximum starts from some number, such as -1e9: inputs may lie below it.",
            lambda x, k: np.maximum(_over_channels(x, k), -1e9),
        ),
        Mistake("pools all channels", "You pooled all channels into one.", lambda x, k: x.max(1, keepdims=True)),
        Mistake(
            "averages",
            "You averaged each group; the maximum is asked for.",
            lambda x, k: x.reshape(x.shape[0], -1, k, *x.shape[2:]).mean(2),
        ),
        Mistake(
            "pools over space",
            "You pooled over space; here the window runs over the channels at one pixel.",
            lambda x, k: _max(x, (min(k, x.shape[2]), min(k, x.shape[3]))),
        ),
        Mistake(
            "slides by one",
            "Your groups overlap: the next group starts `pool_size` channels further.",
            lambda x, k: np.maximum.reduce([x[:, i : x.shape[1] - k + 1 + i] for i in range(k)]),
        ),
    ),
)

# --- claims on trial -----------------------------------------------------------------------------------------------


def _image(evidence):
    x = np.asarray(evidence, dtype=float)
    if x.ndim != 4 or not 1 <= x.size <= 4096 or not np.isfinite(x).all():
        raise ValueError(f"the evidence must be a finite array (N, C, H, W) of at most 4,096 numbers, got {x.shape}")
    return x


def _judge_shift_invariance(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. Pool a few images and their shifted copies: do all outputs stay?"
    x = _image(evidence)
    before, after = _max(x, 2), _max(np.roll(x, 1, axis=3), 2)
    if np.array_equal(before, after):
        return "Your image is no counterexample: 2 x 2 max pooling gives the same for it and its copy shifted by one pixel."
    return None


def _pool_by_name(name, x):
    if name not in ("max", "average", "l2"):
        raise ValueError(f"the pooling must be 'max', 'average' or 'l2', got {name!r}")
    return {"max": lambda: _max(x, 2), "average": lambda: _avg(x, 2), "l2": lambda: _lp(x, 2.0, 2)}[name]()


def _judge_relu(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. Try a window that holds numbers of both signs."
    name, x = evidence[0], _image(evidence[1])
    gap = np.abs(np.maximum(_pool_by_name(name, x), 0) - _pool_by_name(name, np.maximum(x, 0)))
    if np.all(gap <= 1e-12 * np.abs(x).max()):
        return f"No counterexample: for your image, ReLU and {name} pooling give the same in both orders."
    return None


def _slope(x, p):
    exponent = torch.tensor(float(p), dtype=torch.float64, requires_grad=True)
    norm = (tensor(x) ** exponent).sum().pow(1 / exponent)
    return float(torch.autograd.grad(norm, exponent)[0])


def _judge_trainable(value, case):
    verdict, slope = verdict_and_evidence(value)
    if not verdict:
        return "You judged it false. Is the output a smooth function of p?"
    right = _slope(*case.args)
    slope = float(np.asarray(slope, dtype=float).reshape(()))
    if abs(slope - right) <= 1e-4 * abs(right) + 1e-9 * np.max(case.args[0]):
        return None
    if abs(slope - right) <= 1e-2 * abs(right):
        return f"Your slope, {slope:.6g}, is nearly right, but not to four digits: move p both up and down."
    return f"The slope for this window is not {slope:.6g}: move p a little and watch the output."


def _draw_trainable(d):
    x, part = 0.2 + np.abs(d.array(d.integer(2, 5))), d.choice(("p = 2", "other p"))
    return Case((x, 2.0 if part == "p = 2" else d.integer(21, 50) / 10), {}, part)


def _draw_equivariance(d):
    part, stride = d.choice(("to the right", "to the left")), d.integer(2, 7)
    shift = d.integer(1, 5) * stride - d.choice((0, d.integer(1, stride - 1)))
    return Case((shift if part == "to the right" else -shift, stride), {}, part)


def _output_shift(shift, stride):
    return shift // stride if shift % stride == 0 else None


def _judge_equivariance(value, case):
    verdict, moved = verdict_and_evidence(value)
    shift, stride = case.args
    if not verdict:
        return "You judged it false. Shift a periodic image by the stride and compare the outputs."
    right, moved = _output_shift(shift, stride), None if moved is None else _whole(moved)
    if moved == right:
        return None
    if moved is None:
        return f"For a shift of {shift} and stride {stride} there is a shift of the output that matches."
    message = "no shift of the output matches" if right is None else "some shift of the output matches, but another"
    return f"For a shift of {shift} and stride {stride}, {message}."


def _whole(moved):
    number = np.asarray(moved)
    if number.size != 1 or number.dtype.kind not in "iuf":
        raise TypeError("the evidence must be a whole number or None")
    return number.item()


_HIDDEN = np.array([[[[0.0, 1, 0, 0], [0, 0, 0, 0]]]])

_IMAGE = Arrays("pooling", "claim_relu")(1, 1, 4, 4)
CLAIMS = (
    Check(
        "claim_shift",
        section="pooling#pooling-invariance",
        judge=_judge_shift_invariance,
        cases=(Case(),),
        mistakes=(
            *claim_mistakes(False, "You judged it true.", lambda: _HIDDEN),
            Mistake("gives no evidence", "", lambda: (False, None)),
            Mistake(
                "gives a constant image", "Your image is no counterexample", lambda: (False, np.ones((1, 1, 4, 4)))
            ),
        ),
    ),
    Check(
        "claim_relu",
        section="pooling#pooling-relu",
        judge=_judge_relu,
        cases=(Case(),),
        mistakes=(
            *claim_mistakes(False, "You judged it true.", lambda: ("average", -_HIDDEN)),
            Mistake("takes max pooling", "No counterexample", lambda: (False, ("max", _IMAGE))),
            Mistake("takes positive numbers", "No counterexample", lambda: (False, ("average", np.ones((1, 1, 2, 2))))),
        ),
    ),
    Check(
        "claim_trainable",
        section="pooling#pooling-lp",
        judge=_judge_trainable,
        parts={"p = 2": 1, "other p": 1},
        cases=(
            Case((np.array([3.0, 4.0]), 2.0), {}, "p = 2"),
            Case((np.array([1.0, 2.0, 3.0]), 2.0), {}, "p = 2"),
            Case((np.array([3.0, 4.0]), 3.0), {}, "other p"),
            Case((np.array([0.5, 2.0, 1.0, 4.0]), 1.5), {}, "other p"),
            Case((np.array([2.0]), 3.0), {}, "other p", "one number: the norm is that number, whatever p"),
            Case((np.array([1.0, 2.0]), 1.0), {}, "other p", "the smallest p"),
            Case((1e-6 * np.array([1.0, 3.0]), 2.0), {}, "p = 2", "small numbers"),
        ),
        draw_case=_draw_trainable,
        mistakes=(
            *claim_mistakes(True, "You judged it false.", lambda x, p: 0.0),
            Mistake("says no slope", "The slope for this window is not 0", lambda x, p: (True, 0.0)),
            Mistake("has the wrong sign", "The slope for this window is not", lambda x, p: (True, -_slope(x, p))),
            Mistake(
                "takes the slope for x",
                "The slope for this window is not",
                lambda x, p: (True, float((x[0] / np.sum(x**p) ** (1 / p)) ** (p - 1))),
            ),
        ),
    ),
    Check(
        "claim_equivariance",
        section="pooling#pooling-equivariance",
        judge=_judge_equivariance,
        parts={"to the right": 1, "to the left": 1},
        cases=(
            Case((2, 2), {}, "to the right"),
            Case((1, 2), {}, "to the right"),
            Case((6, 3), {}, "to the right"),
            Case((4, 1), {}, "to the right"),
            Case((4, 3), {}, "to the right"),
            Case((3, 6), {}, "to the right"),
            Case((10, 2), {}, "to the right"),
            Case((15, 3), {}, "to the right"),
            Case((15, 5), {}, "to the right"),
            Case((4, 5), {}, "to the right"),
            Case((-4, 2), {}, "to the left"),
            Case((-14, 7), {}, "to the left"),
            Case((-16, 5), {}, "to the left"),
            Case((-3, 2), {}, "to the left"),
            Case((-5, 1), {}, "to the left"),
            Case((0, 3), {}, "to the right", "no shift at all"),
        ),
        draw_case=_draw_equivariance,
        draw_count=16,
        mistakes=(
            *claim_mistakes(True, "You judged it false.", lambda m, s: None),
            Mistake("rounds", "For a shift of", lambda m, s: (True, m // s)),
            Mistake("moves by the input's shift", "For a shift of", lambda m, s: (True, m)),
            Mistake("never moves", "For a shift of", lambda m, s: (True, None)),
            Mistake("multiplies", "For a shift of", lambda m, s: (True, m * s)),
        ),
    ),
)

CHECKS = (
    POOL_OUTPUT_SHAPE,
    MAX_POOL2D,
    AVG_POOL2D,
    LP_POOL2D,
    ADAPTIVE_AVG_POOL2D,
    CHANNEL_MAX_POOL,
    MAX_POOL2D_BACKWARD,
    AVG_POOL2D_BACKWARD,
    *CLAIMS,
)
