"""Shapes: what comes out of convolutions, poolings and transposed convolutions, the way back, and whole networks."""

import warnings
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from convcourse.checks.pooling import POOL_OUTPUT_SHAPE
from convcourse.engine.builders import claim_mistakes
from convcourse.engine.check import Check
from convcourse.engine.evidence import verdict_and_evidence
from convcourse.engine.model import Case, Mistake

_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


def _per_axis(value, axes):
    return tuple(value) if isinstance(value, tuple | list) else (value,) * axes


def _blank(*shape):
    """Return zeros: the meta device would do without them, but its first use imports half of PyTorch."""
    return torch.zeros(shape)


def _conv_shape(input_shape, kernel_size, stride=1, padding=0, dilation=1):
    axes = len(input_shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of "same" with an even kernel
        weight = _blank(1, 1, *_per_axis(kernel_size, axes))
        return tuple(_CONV[axes](_blank(1, 1, *input_shape), weight, None, stride, padding, dilation).shape[2:])


# --- convolution ---------------------------------------------------------------------------------------------------


def _by_axis(count):
    """Build a wrong shape function from a wrong count(n, k, s, p, d) for one axis; "same" and "valid" stay right."""

    def wrong(input_shape, kernel_size, stride=1, padding=0, dilation=1):
        if isinstance(padding, str):
            return _conv_shape(input_shape, kernel_size, stride, padding, dilation)
        options = (_per_axis(value, len(input_shape)) for value in (kernel_size, stride, padding, dilation))
        return tuple(count(*axis) for axis in zip(input_shape, *options, strict=True))

    return wrong


def _room(n, k, p, d):
    return n + 2 * p - d * (k - 1) - 1


def _same_as(amount):
    """Build a wrong shape function that takes "same" for `amount(k, d)` zeros in all."""

    def wrong(input_shape, kernel_size, stride=1, padding=0, dilation=1):
        if padding != "same":
            return _conv_shape(input_shape, kernel_size, stride, padding, dilation)
        axes = len(input_shape)
        total = [amount(k, d) for k, d in zip(_per_axis(kernel_size, axes), _per_axis(dilation, axes), strict=True)]
        padded = tuple(n + t for n, t in zip(input_shape, total, strict=True))
        return _conv_shape(padded, kernel_size, stride, 0, dilation)

    return wrong


def _two_axes_at_most(input_shape, *args, **kwargs):
    return _conv_shape(input_shape, *args, **kwargs)[:2]


def _draw_conv(sampler):
    part = sampler.choice(("stride and padding", "dilation", "same and valid", "other numbers of axes"))
    axes = sampler.choice((1, 3)) if part == "other numbers of axes" else 2
    kernel = tuple(sampler.integer(1, 5) for _ in range(axes))
    kwargs = {"stride": tuple(sampler.integer(1, 4) for _ in range(axes)), "padding": sampler.integer(0, 3)}
    if part == "dilation":
        kwargs |= {"padding": (sampler.integer(0, 3), sampler.integer(0, 2)), "dilation": (sampler.integer(1, 4), 2)}
    if part == "same and valid":
        kwargs = {"padding": sampler.choice(("same", "valid")), "dilation": sampler.integer(1, 3)}
    return Case((tuple(sampler.integer(17, 40) for _ in range(axes)), kernel), kwargs, part)


CONV_OUTPUT_SHAPE = Check(
    "conv_output_shape",
    section="shapes#shapes-formula",
    oracle=_conv_shape,
    parts={"stride and padding": 2, "dilation": 2, "same and valid": 1, "other numbers of axes": 1},
    cases=(
        Case(((5, 6), 3), {}, "stride and padding"),
        Case(((5, 8), 3, 3), {}, "stride and padding", "the stride leaves pixels over"),
        Case(((6, 9), (2, 3)), {"padding": (1, 0)}, "stride and padding"),
        Case(((10, 7), 4, (2, 1), 1), {}, "stride and padding"),
        Case(((224, 223), 7, 2, 3), {}, "stride and padding"),
        Case(((9, 11), 3, (4, 3), 1), {}, "stride and padding"),
        Case(((12, 9), (5, 1), (2, 4), (1, 2)), {}, "stride and padding"),
        Case(((4, 6), (4, 6)), {}, "stride and padding", "the kernel is as large as the input"),
        Case(((2, 1), (5, 3), (1, 2), (2, 1)), {}, "stride and padding", "the kernel is larger than the input"),
        Case(((1, 3), 1, 1, (2, 0)), {}, "stride and padding", "windows in the padding alone"),
        Case(((9, 12), 3, 1, 0, 2), {}, "dilation"),
        Case(((11, 8), (2, 3), (1, 2), 1, (4, 1)), {}, "dilation"),
        Case(((13, 10), (3, 4), 3, 2), {"dilation": (3, 2)}, "dilation"),
        Case(((10, 9), 2, 4, 1, 2), {}, "dilation"),
        Case(((14, 12), (4, 2), (3, 2), (2, 1), (3, 5)), {}, "dilation", "all options"),
        Case(((4, 7), (3, 4), 1, (3, 1), (4, 2)), {}, "dilation", "the kernel spans more than the input"),
        Case(((9, 7), 3), {"padding": "same"}, "same and valid"),
        Case(((9, 7), (4, 2)), {"padding": "same"}, "same and valid", "even kernels"),
        Case(((12, 10), (3, 4)), {"padding": "same", "dilation": (3, 2)}, "same and valid"),
        Case(((3, 1), (6, 5)), {"padding": "same"}, "same and valid", "the kernel is larger than the input"),
        Case(((9, 7), (4, 3), 2), {"padding": "valid"}, "same and valid"),
        Case(((9, 17), (2, 3), (1, 4), "valid", (3, 2)), {}, "same and valid"),
        Case(((16000,), 400, 160), {}, "other numbers of axes", "a signal of one second"),
        Case(((8, 9, 10), 3, (1, 2, 3), 1), {}, "other numbers of axes", "a volume"),
    ),
    draw_case=_draw_conv,
    draw_count=12,
    mistakes=(
        Mistake(
            "adds the padding once",
            "You added the padding once; it lies at both ends of an axis, so the size grows by 2p.",
            _by_axis(lambda n, k, s, p, d: (_room(n, k, p, d) - p) // s + 1),
            share=1 / 6,
        ),
        Mistake(
            "forgets the + 1",
            "You forgot the + 1: the first window needs no step.",
            _by_axis(lambda n, k, s, p, d: _room(n, k, p, d) // s),
            share=1 / 6,
        ),
        Mistake(
            "ignores dilation",
            "You ignored the dilation: a kernel of k taps spans d(k - 1) + 1 positions.",
            _by_axis(lambda n, k, s, p, d: _room(n, k, p, 1) // s + 1),
            share=4 / 6,
        ),
        Mistake(
            "spans d k",
            "Your kernel spans d k positions; k taps have k - 1 gaps, so it spans d(k - 1) + 1.",
            _by_axis(lambda n, k, s, p, d: (n + 2 * p - d * k) // s + 1),
            share=4 / 6,
        ),
        Mistake(
            "rounds up",
            "You rounded up; a window that hangs over the end does not count, so round down.",
            _by_axis(lambda n, k, s, p, d: -(-_room(n, k, p, d) // s) + 1),
            share=1 / 6,
        ),
        Mistake(
            "floors before padding",
            "You divided before adding the padding; add first, then divide and round once.",
            _by_axis(lambda n, k, s, p, d: _room(n, k, 0, d) // s + 2 * p // s + 1),
            share=1 / 6,
        ),
        Mistake(
            "shrinks by k",
            "You subtracted k; n - k + 1 windows of size k fit into n positions.",
            _by_axis(lambda n, k, s, p, d: (_room(n, k, p, d) - 1) // s + 1),
            share=1 / 6,
        ),
        Mistake(
            "height and width swapped",
            "You swapped height and width: the first number of a tuple is for the first axis.",
            lambda *args, **kwargs: _conv_shape(*args, **kwargs)[::-1],
        ),
        Mistake(
            "takes (k - 1) / 2 for same",
            'For padding="same" you put (k - 1) // 2 zeros at both ends; an even kernel needs one more in all.',
            _same_as(lambda k, d: 2 * ((k - 1) // 2) * d),
            share=5 / 6,
        ),
        Mistake(
            "forgets dilation in same",
            'For padding="same" you took k - 1 zeros in all; with dilation d it takes d(k - 1).',
            _same_as(lambda k, d: k - 1),
            share=5 / 6,
        ),
        Mistake(
            "takes same for valid",
            'For padding="same" you added nothing: that is "valid".',
            _same_as(lambda k, d: 0),
            share=5 / 6,
        ),
        Mistake(
            "two axes at most",
            "You give two sizes at most; a volume has three axes, and the formula is the same for each.",
            _two_axes_at_most,
            share=5 / 6,
        ),
    ),
)

# --- padding that keeps the size -----------------------------------------------------------------------------------


def _tap_at(k, d, tap):
    """Return where, in the padded axis, PyTorch's "same" puts the first pixel: seen through a kernel of one tap."""
    span = d * (k - 1) + 1
    x, weight = torch.zeros(1, 1, span), torch.zeros(1, 1, k)
    x[..., 0 if tap == 0 else -1] = weight[..., tap] = 1
    return int(F.conv1d(x, weight, padding="same", dilation=d).argmax())


def _same_padding(kernel_size, dilation=1):
    kernel = _per_axis(kernel_size, 1)
    pairs = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for k, d in zip(kernel, _per_axis(dilation, len(kernel)), strict=True):
            pairs.append((_tap_at(k, d, 0), d * (k - 1) - _tap_at(k, d, -1)))
    return tuple(pairs)


def _pairs_by(split):
    """Build a wrong padding function from split(k, d), the pair for one axis."""

    def wrong(kernel_size, dilation=1):
        kernel = _per_axis(kernel_size, 1)
        return tuple(split(k, d) for k, d in zip(kernel, _per_axis(dilation, len(kernel)), strict=True))

    return wrong


def _draw_same(sampler):
    part = sampler.choice(("odd kernels", "even kernels", "dilation"))
    low = {"odd kernels": 0, "even kernels": 1}.get(part, sampler.integer(0, 1))
    kernel = tuple(2 * sampler.integer(1, 4) + 1 - low for _ in range(sampler.integer(1, 3)))
    return Case((kernel,), {"dilation": sampler.integer(2, 4)} if part == "dilation" else {}, part)


SAME_PADDING = Check(
    "same_padding",
    section="shapes#shapes-same",
    oracle=_same_padding,
    parts={"odd kernels": 1, "even kernels": 2, "dilation": 1},
    cases=(
        Case((3,), {}, "odd kernels", "an integer stands for one axis"),
        Case(((3, 5),), {}, "odd kernels"),
        Case(((1, 7, 3),), {}, "odd kernels"),
        Case(((15, 9),), {}, "odd kernels"),
        Case(((4,),), {}, "even kernels"),
        Case(((2, 4),), {}, "even kernels"),
        Case(((4, 3),), {}, "even kernels"),
        Case((16,), {}, "even kernels"),
        Case((3, 2), {}, "dilation"),
        Case(((4, 2),), {"dilation": (3, 2)}, "dilation"),
        Case(((5, 4), 3), {}, "dilation"),
        Case(((6, 1),), {"dilation": 5}, "dilation"),
    ),
    draw_case=_draw_same,
    mistakes=(
        Mistake(
            "puts the extra zero before",
            "You put the extra zero before; PyTorch puts it after.",
            _pairs_by(lambda k, d: (d * (k - 1) - d * (k - 1) // 2, d * (k - 1) // 2)),
            share=1 / 4,
        ),
        Mistake(
            "rounds down at both ends",
            "You padded both ends alike and rounded down: an odd number of zeros needs one more at one end.",
            _pairs_by(lambda k, d: (d * (k - 1) // 2, d * (k - 1) // 2)),
            share=1 / 4,
        ),
        Mistake(
            "halves before dilating",
            "You halved k - 1 before you multiplied by d; the whole is d(k - 1), split it last.",
            _pairs_by(lambda k, d: (d * ((k - 1) // 2), d * (k - 1 - (k - 1) // 2))),
            share=3 / 4,
        ),
        Mistake(
            "ignores dilation",
            "You ignored the dilation: it takes d(k - 1) zeros in all.",
            _pairs_by(lambda k, d: ((k - 1) // 2, k - 1 - (k - 1) // 2)),
            share=3 / 4,
        ),
        Mistake(
            "pads by k",
            "You shared out d k zeros; it takes d(k - 1), since the output shrinks by that many.",
            _pairs_by(lambda k, d: (d * k // 2, d * k - d * k // 2)),
        ),
        Mistake(
            "pads fully",
            "You put all d(k - 1) zeros at both ends: that is full padding, and the output grows.",
            _pairs_by(lambda k, d: (d * (k - 1), d * (k - 1))),
        ),
        Mistake(
            "axes swapped",
            "You gave the pairs in the reverse order of the axes.",
            lambda *args, **kwargs: _same_padding(*args, **kwargs)[::-1],
        ),
        Mistake(
            "gives totals",
            "You returned the number of zeros in all; a pair (before, after) is asked for on every axis.",
            _pairs_by(lambda k, d: d * (k - 1)),
        ),
    ),
)


def _strided(input_shape, kernel_size, stride=1, dilation=1):
    """Try numbers of zeros from none on, with PyTorch, until there are as many outputs as TensorFlow asks for."""
    axes, pairs = len(input_shape), []
    options = (_per_axis(value, axes) for value in (kernel_size, stride, dilation))
    for n, k, s, d in zip(input_shape, *options, strict=True):
        wanted, total = -(-n // s), max(0, d * (k - 1) + 1 - n)
        while _conv_shape((n + total,), k, s, 0, d)[0] < wanted:
            total += 1
        pairs.append((total // 2, total - total // 2))
    return tuple(pairs)


def _totals_by(total, split=lambda t: (t // 2, t - t // 2)):
    """Build a wrong padding function from total(n, k, s, d), and from how that is split."""

    def wrong(input_shape, kernel_size, stride=1, dilation=1):
        options = (_per_axis(value, len(input_shape)) for value in (kernel_size, stride, dilation))
        return tuple(split(total(*axis)) for axis in zip(input_shape, *options, strict=True))

    return wrong


def _enough(n, k, s, d):
    return (-(-n // s) - 1) * s + d * (k - 1) + 1 - n


def _draw_strided(sampler):
    part = sampler.choice(("stride 1", "stride", "dilation"))
    kwargs = {"stride": 1 if part == "stride 1" else (sampler.integer(2, 4), sampler.integer(1, 3))}
    if part == "dilation":
        kwargs["dilation"] = sampler.integer(2, 3)
    return Case(
        ((sampler.integer(5, 30), sampler.integer(5, 30)), (sampler.integer(1, 6), sampler.integer(2, 5))), kwargs, part
    )


SAME_PADDING_STRIDED = Check(
    "same_padding_strided",
    section="shapes#shapes-same-strided",
    oracle=_strided,
    parts={"stride 1": 1, "stride": 2, "dilation": 1},
    cases=(
        Case(((9, 6), 3), {}, "stride 1"),
        Case(((9, 6), (4, 5)), {}, "stride 1"),
        Case(((7,), 2), {}, "stride 1"),
        Case(((3, 1), (6, 4)), {}, "stride 1", "the kernel is larger than the input"),
        Case(((32, 33), 3, 2), {}, "stride", "an even and an odd size"),
        Case(((7, 10), (5, 2), (3, 4)), {}, "stride"),
        Case(((10,), 1, 4), {}, "stride", "the stride is larger than the kernel"),
        Case(((12, 9), (2, 3), (5, 4)), {}, "stride"),
        Case(((17, 28), (6, 4), (5, 3)), {}, "stride"),
        Case(((2, 1), (6, 4), (3, 2)), {}, "stride", "the kernel is larger than the input"),
        Case(((14, 11), (3, 4), 2, 2), {}, "dilation"),
        Case(((10, 9), (1, 3), (4, 2), 2), {}, "dilation"),
        Case(((13, 10), (2, 3)), {"stride": (2, 3), "dilation": (3, 2)}, "dilation"),
        Case(((5, 4), (4, 3), 2, 3), {}, "dilation", "the kernel spans more than the input"),
    ),
    draw_case=_draw_strided,
    mistakes=(
        Mistake(
            "ignores the stride",
            "You padded as for stride 1; with a stride fewer zeros do, and how many depends on the input size.",
            _totals_by(lambda n, k, s, d: d * (k - 1)),
            share=1 / 4,
        ),
        Mistake(
            "goes below zero",
            "Your number of zeros goes below 0 where the stride is larger than the kernel: take the maximum with 0.",
            _totals_by(_enough),
            share=1 / 4,
        ),
        Mistake(
            "rounds n / s down",
            "You rounded n / s down; ceil(n / s) outputs are asked for.",
            _totals_by(lambda n, k, s, d: max(0, (n // s - 1) * s + d * (k - 1) + 1 - n)),
            share=1 / 4,
        ),
        Mistake(
            "puts the extra zero before",
            "You put the extra zero before; it goes after.",
            _totals_by(lambda *axis: max(0, _enough(*axis)), lambda t: (t - t // 2, t // 2)),
        ),
        Mistake(
            "pads both ends alike",
            "You padded both ends alike: an odd number of zeros puts one more after.",
            _totals_by(lambda *axis: max(0, _enough(*axis)), lambda t: (t // 2, t // 2)),
        ),
        Mistake(
            "ignores dilation",
            "You ignored the dilation: the kernel spans d(k - 1) + 1 positions.",
            _totals_by(lambda n, k, s, d: max(0, _enough(n, k, s, 1))),
            share=3 / 4,
        ),
        Mistake(
            "axes swapped",
            "You gave the pairs in the reverse order of the axes.",
            lambda *args, **kwargs: _strided(*args, **kwargs)[::-1],
        ),
    ),
)


def _pool_shape(input_shape, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    return tuple(F.max_pool2d(_blank(1, 1, *input_shape), kernel_size, stride, padding, dilation, ceil_mode).shape[2:])


# --- the way back --------------------------------------------------------------------------------------------------


def _transposed(input_shape, kernel_size, stride=1, padding=0, output_padding=0, dilation=1):
    axes = len(input_shape)
    weight = _blank(1, 1, *_per_axis(kernel_size, axes))
    x = _blank(1, 1, *input_shape)
    return tuple(_TRANSPOSED[axes](x, weight, None, stride, padding, output_padding, 1, dilation).shape[2:])


def _back_by(size):
    """Build a wrong shape function from size(n, k, s, p, e, d) for one axis."""

    def wrong(input_shape, kernel_size, stride=1, padding=0, output_padding=0, dilation=1):
        values = (kernel_size, stride, padding, output_padding, dilation)
        options = (_per_axis(value, len(input_shape)) for value in values)
        return tuple(size(*axis) for axis in zip(input_shape, *options, strict=True))

    return wrong


def _draw_transposed(sampler):
    part = sampler.choice(("stride and padding", "output padding", "dilation"))
    kwargs = {
        "stride": (sampler.integer(2, 4), sampler.integer(2, 4)),
        "padding": (sampler.integer(0, 2), sampler.integer(0, 2)),
    }
    if part == "output padding":
        kwargs["output_padding"] = (sampler.integer(0, 1), 1)
    if part == "dilation":
        kwargs["dilation"] = (sampler.integer(1, 3), 2)
    return Case(
        ((sampler.integer(5, 12), sampler.integer(5, 12)), (sampler.integer(1, 5), sampler.integer(2, 5))), kwargs, part
    )


CONV_TRANSPOSE_OUTPUT_SHAPE = Check(
    "conv_transpose_output_shape",
    section="shapes#shapes-transpose",
    oracle=_transposed,
    parts={"stride and padding": 2, "output padding": 1, "dilation": 1},
    cases=(
        Case(((4, 7), 3), {}, "stride and padding"),
        Case(((16, 9), 4, 2, 1), {}, "stride and padding", "doubles every size"),
        Case(((5, 6), (2, 5), (3, 2), (0, 2)), {}, "stride and padding"),
        Case(((6,), 3, 4, 1), {}, "stride and padding"),
        Case(((12, 5), (4, 5), (3, 2)), {}, "stride and padding"),
        Case(((1, 1), (3, 2), (2, 1), (1, 0)), {}, "stride and padding", "one pixel"),
        Case(((3, 2, 4), 3, (1, 2, 3), 1), {}, "stride and padding", "a volume"),
        Case(((16, 9), 3, 2, 1, 1), {}, "output padding"),
        Case(((5, 8), (3, 4), 3), {"output_padding": (1, 2)}, "output padding"),
        Case(((5, 8), 3, 1, 1), {"dilation": 2}, "dilation"),
        Case(((6, 4), (2, 3), 2, (0, 1)), {"dilation": (3, 4)}, "dilation"),
        Case(((6, 12), (4, 5), (3, 4), (1, 2)), {"dilation": (3, 2)}, "dilation"),
        Case(((5, 4), (5, 1), (2, 3), (2, 0), (0, 2), (2, 3)), {}, "dilation", "all options"),
        Case(((6, 5), (2, 3), (2, 3), 1, (1, 2), (3, 2)), {}, "dilation", "all options"),
        Case(((5, 10), (5, 2), (4, 3), (1, 0)), {"dilation": (3, 2)}, "dilation"),
        Case(
            ((4, 5), 3, 1, 1, 1, 2), {}, "dilation", "output_padding may reach the stride where the dilation is larger"
        ),
    ),
    draw_case=_draw_transposed,
    mistakes=(
        Mistake(
            "adds the padding",
            "You added the padding; in a transposed convolution it cuts off, so the size falls by 2p.",
            _back_by(lambda n, k, s, p, e, d: (n - 1) * s + 2 * p + d * (k - 1) + 1 + e),
        ),
        Mistake(
            "cuts the padding once",
            "You cut the padding off once; it goes at both ends, so the size falls by 2p.",
            _back_by(lambda n, k, s, p, e, d: (n - 1) * s - p + d * (k - 1) + 1 + e),
        ),
        Mistake(
            "takes n s",
            "You took n s; n windows are n - 1 steps apart, so (n - 1) s.",
            _back_by(lambda n, k, s, p, e, d: n * s - 2 * p + d * (k - 1) + 1 + e),
        ),
        Mistake(
            "ignores output padding",
            "You ignored output_padding: it adds that many positions at the end.",
            _back_by(lambda n, k, s, p, e, d: (n - 1) * s - 2 * p + d * (k - 1) + 1),
            share=2 / 4,
        ),
        Mistake(
            "adds output padding twice",
            "You added output_padding at both ends; it lies at the end alone.",
            _back_by(lambda n, k, s, p, e, d: (n - 1) * s - 2 * p + d * (k - 1) + 1 + 2 * e),
            share=2 / 4,
        ),
        Mistake(
            "ignores dilation",
            "You ignored the dilation: the kernel spans d(k - 1) + 1 positions.",
            _back_by(lambda n, k, s, p, e, d: (n - 1) * s - 2 * p + k + e),
            share=3 / 4,
        ),
        Mistake(
            "spans d k",
            "Your kernel spans d k positions; it spans d(k - 1) + 1.",
            _back_by(lambda n, k, s, p, e, d: (n - 1) * s - 2 * p + d * k + e),
            share=3 / 4,
        ),
        Mistake(
            "height and width swapped",
            "You swapped height and width: the first number of a tuple is for the first axis.",
            lambda *args, **kwargs: _transposed(*args, **kwargs)[::-1],
        ),
        Mistake(
            "shrinks",
            "You gave the shape of the convolution itself; the transposed one goes the other way and grows.",
            _back_by(lambda n, k, s, p, e, d: (n + 2 * p - d * (k - 1) - 1) // s + 1 + e),
        ),
    ),
)


def _first_with(m, k, s, p, d):
    """Find by halving the smallest input size that a PyTorch convolution takes to `m` outputs or more."""

    def outputs(n):
        return _conv_shape((n,), k, s, p, d)[0] if n + 2 * p > d * (k - 1) else 0

    low, high = 0, 1
    while outputs(high) < m:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if outputs(middle) < m else (low, middle)
    return high


def _input_range(output_shape, kernel_size, stride=1, padding=0, dilation=1):
    options = (_per_axis(value, len(output_shape)) for value in (kernel_size, stride, padding, dilation))
    axes = list(zip(output_shape, *options, strict=True))
    return tuple(_first_with(*axis) for axis in axes), tuple(_first_with(m + 1, *rest) - 1 for m, *rest in axes)


def _range_by(ends):
    """Build a wrong inverse from ends(m, k, s, p, d), the smallest and the largest size on one axis."""

    def wrong(output_shape, kernel_size, stride=1, padding=0, dilation=1):
        options = (_per_axis(value, len(output_shape)) for value in (kernel_size, stride, padding, dilation))
        sizes = [ends(*axis) for axis in zip(output_shape, *options, strict=True)]
        return tuple(a for a, _ in sizes), tuple(b for _, b in sizes)

    return wrong


def _from(m, k, s, p, d):
    return (m - 1) * s + d * (k - 1) + 1 - 2 * p


def _clip(low, high):
    return max(low, 1), high


def _draw_range(sampler):
    part = sampler.choice(("stride", "padding and dilation"))
    kwargs = {"stride": (sampler.integer(2, 4), sampler.integer(1, 4))}
    if part == "padding and dilation":
        kwargs |= {"padding": (sampler.integer(1, 2), sampler.integer(0, 2)), "dilation": (sampler.integer(1, 3), 2)}
    return Case(
        ((sampler.integer(4, 20), sampler.integer(4, 20)), (sampler.integer(1, 5), sampler.integer(2, 5))), kwargs, part
    )


CONV_INPUT_RANGE = Check(
    "conv_input_range",
    section="shapes#shapes-output-padding",
    oracle=_input_range,
    parts={"stride": 2, "padding and dilation": 1, "at least one pixel": 1},
    cases=(
        Case(((3, 4), 3), {}, "stride", "stride 1: one size each"),
        Case(((3, 4), 3, 2), {}, "stride"),
        Case(((7,), 11, 4), {}, "stride"),
        Case(((5, 2), (2, 3), (3, 5)), {}, "stride"),
        Case(((4, 6), (1, 2), (2, 3)), {}, "stride", "a kernel of one tap"),
        Case(((15, 4, 3), 2, (3, 1, 2)), {}, "stride", "a volume"),
        Case(((112, 56), 7, 2, 3), {}, "padding and dilation"),
        Case(((12, 16), (3, 5), (3, 4), (0, 2), (1, 2)), {}, "padding and dilation"),
        Case(((5, 9), (5, 3), 2), {"dilation": 4}, "padding and dilation"),
        Case(((6, 5), (3, 2), (1, 3), (1, 2), (4, 3)), {}, "padding and dilation"),
        Case(((1, 2), 3, 4, 1), {}, "at least one pixel", "the padding alone takes the kernel's first tap"),
        Case(((1,), 2, 5, 2), {}, "at least one pixel"),
        Case(((1, 1), (3, 2), (3, 2), (2, 1)), {}, "at least one pixel"),
    ),
    draw_case=_draw_range,
    mistakes=(
        Mistake(
            "one too many",
            "Your largest size is one too large: it gives one output more. With the smallest, s sizes share an output size.",
            _range_by(lambda *axis: _clip(_from(*axis), _from(*axis) + axis[2])),
        ),
        Mistake(
            "one size only",
            "You found the smallest size and gave it twice: with stride s the next s - 1 sizes have the same output.",
            _range_by(lambda *axis: _clip(_from(*axis), max(1, _from(*axis)))),
        ),
        Mistake(
            "takes m s",
            "You took m s; m windows are m - 1 steps apart, so (m - 1) s.",
            _range_by(lambda m, *rest: _clip(_from(m + 1, *rest), _from(m + 1, *rest) + rest[1] - 1)),
        ),
        Mistake(
            "adds the padding",
            "You added the padding; the input needs 2p positions less when padding supplies them.",
            _range_by(lambda m, k, s, p, d: _clip(_from(m, k, s, -p, d), _from(m, k, s, -p, d) + s - 1)),
            share=2 / 4,
        ),
        Mistake(
            "ignores dilation",
            "You ignored the dilation: the kernel spans d(k - 1) + 1 positions.",
            _range_by(lambda m, k, s, p, d: _clip(_from(m, k, s, p, 1), _from(m, k, s, p, 1) + s - 1)),
            share=3 / 4,
        ),
        Mistake(
            "below one pixel",
            "Your smallest size goes below 1: there is no such image.",
            _range_by(lambda *axis: (_from(*axis), _from(*axis) + axis[2] - 1)),
            share=3 / 4,
        ),
        Mistake(
            "largest first",
            "You gave the largest size first: smallest, then largest.",
            lambda *args, **kwargs: _input_range(*args, **kwargs)[::-1],
        ),
    ),
)

# --- whole networks ------------------------------------------------------------------------------------------------

_MODULES = {
    "conv2d": lambda c, o: nn.Conv2d(c, **o),
    "conv_transpose2d": lambda c, o: nn.ConvTranspose2d(c, **o),
    "max_pool2d": lambda c, o: nn.MaxPool2d(**o),
    "avg_pool2d": lambda c, o: nn.AvgPool2d(**o),
    "lp_pool2d": lambda c, o: nn.LPPool2d(2, **o),
    "adaptive_avg_pool2d": lambda c, o: nn.AdaptiveAvgPool2d(**o),
    "adaptive_max_pool2d": lambda c, o: nn.AdaptiveMaxPool2d(**o),
    "flatten": lambda c, o: nn.Flatten(),
    "linear": lambda c, o: nn.Linear(c, **o),
    "batch_norm2d": lambda c, o: nn.BatchNorm2d(c),
    "relu": lambda c, o: nn.ReLU(),
    "dropout": lambda c, o: nn.Dropout(),
    "softmax": lambda c, o: nn.Softmax(-1),
}


def _trace(layers, input_shape, change=lambda layer, shape: layer, shape_of=None, count_of=None):
    """Build the network and send zeros through it; the last three arguments are where the known mistakes come in."""
    shape, sizes = tuple(input_shape), []
    for layer in layers:
        layer = change(dict(layer), shape)
        options = {key: value for key, value in layer.items() if key != "kind"}
        module = _MODULES[layer["kind"]](shape[-1 if layer["kind"] == "linear" else 1], options)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "same" with an even kernel
            before, shape = shape, tuple(module(_blank(*shape)).shape)
        if shape_of:
            shape = shape_of(layer, before, shape)
        count = sum(p.numel() for p in module.parameters())
        sizes.append((shape, count_of(layer, before, count) if count_of else count))
    return sizes


def _wrong_trace(**where):
    return lambda layers, input_shape: _trace(layers, input_shape, **where)


def _without_bias(layer, before, count):
    outputs = layer.get("out_channels", layer.get("out_features", 0))
    return count - outputs if outputs and layer.get("bias", True) else count


def _bias_always(layer, before, count):
    outputs = layer.get("out_channels", layer.get("out_features", 0))
    return count if layer.get("bias", True) else count + outputs


def _groups_ignored(layer, before, count):
    groups = layer.get("groups", 1)
    bias = layer["out_channels"] if groups > 1 and layer.get("bias", True) else 0
    return (count - bias) * groups + bias if groups > 1 else count


def _square_kernel(layer, before, count):
    kernel = layer.get("kernel_size")
    if "out_channels" not in layer or not isinstance(kernel, tuple | list):
        return count
    bias = layer["out_channels"] if layer.get("bias", True) else 0
    return (count - bias) // kernel[1] * kernel[0] + bias


def _pool_counts(layer, before, count):
    if layer["kind"] not in ("max_pool2d", "avg_pool2d"):
        return count
    height, width = _per_axis(layer["kernel_size"], 2)
    return before[1] * height * width


def _stride_one(layer, shape):
    return {"stride": 1} | layer if layer["kind"] in ("max_pool2d", "avg_pool2d") else layer


def _no_ceil(layer, shape):
    return {key: value for key, value in layer.items() if key != "ceil_mode"}


def _flat_batch(layer, before, shape):
    return (1, shape[0] * shape[1]) if layer["kind"] == "flatten" else shape


def _conv(channels, kernel, **more):
    return {"kind": "conv2d", "out_channels": channels, "kernel_size": kernel, **more}


_RELU, _FLAT, _NORM = {"kind": "relu"}, {"kind": "flatten"}, {"kind": "batch_norm2d"}


def _pool(kind, kernel, **more):
    return {"kind": f"{kind}_pool2d", "kernel_size": kernel, **more}


def _dense(features, **more):
    return {"kind": "linear", "out_features": features, **more}


_LENET = [_conv(6, 5), _RELU, _pool("avg", 2), _conv(16, 5), _RELU, _pool("avg", 2), _FLAT, _dense(120), _dense(10)]


def _draw_trace(sampler):
    part = sampler.choice(("convolutions", "pooling", "whole networks"))
    conv = _conv(
        2 * sampler.integer(1, 4),
        (sampler.integer(1, 4), sampler.integer(1, 4)),
        stride=sampler.integer(1, 2),
        padding=sampler.integer(0, 2),
        dilation=sampler.integer(1, 2),
        groups=sampler.choice((1, 2)),
        bias=sampler.choice((True, False)),
    )
    pool = _pool(sampler.choice(("max", "avg")), sampler.integer(2, 3), ceil_mode=sampler.choice((False, True)))
    layers = {"convolutions": [conv], "pooling": [pool]}.get(
        part, [conv, _RELU, pool, _FLAT, _dense(sampler.integer(2, 9))]
    )
    return Case((layers, (sampler.integer(2, 3), 4, sampler.integer(12, 20), sampler.integer(12, 20))), {}, part)


TRACE_SHAPES = Check(
    "trace_shapes",
    builds_on=("conv_output_shape", "pool_output_shape", "conv_transpose_output_shape"),
    section="shapes#shapes-trace",
    oracle=_trace,
    parts={"convolutions": 3, "pooling": 2, "whole networks": 3},
    cases=(
        Case(([_conv(4, 3)], (2, 3, 7, 8)), {}, "convolutions", "four kernels of 3 x 3"),
        Case(
            ([_conv(4, (3, 2), stride=2, padding=(1, 0))], (2, 3, 9, 8)), {}, "convolutions", "stride 2, padding (1, 0)"
        ),
        Case(([_conv(6, 3, groups=2, bias=False)], (2, 4, 6, 7)), {}, "convolutions", "groups=2, bias=False"),
        Case(
            ([_conv(8, (3, 4), groups=4, dilation=(2, 1), padding="same")], (3, 4, 9, 6)),
            {},
            "convolutions",
            'groups=4, dilation (2, 1), padding="same"',
        ),
        Case(
            ([_conv(5, 3, padding="valid"), _conv(7, 1)], (2, 3, 7, 8)),
            {},
            "convolutions",
            "the channels of the second come from the first",
        ),
        Case(
            ([{"kind": "conv_transpose2d", "out_channels": 3, "kernel_size": (4, 3), "stride": 2}], (2, 5, 6, 4)),
            {},
            "convolutions",
            "transposed, stride 2",
        ),
        Case(
            ([_conv(4, (3, 2), stride=(2, 1), padding=(2, 1), dilation=(2, 3))], (2, 3, 9, 8)),
            {},
            "convolutions",
            "stride, padding and dilation",
        ),
        Case(
            (
                [
                    _conv(
                        6,
                        (2, 3),
                        stride=(3, 2),
                        padding=(1, 0),
                        output_padding=(2, 1),
                        dilation=2,
                        groups=2,
                        bias=False,
                    )
                    | {"kind": "conv_transpose2d"}
                ],
                (2, 4, 5, 6),
            ),
            {},
            "convolutions",
            "transposed, all options",
        ),
        Case(([_pool("max", 2)], (2, 3, 7, 8)), {}, "pooling", "the stride is the window"),
        Case(
            ([_pool("avg", 3, stride=(2, 1), padding=(1, 0))], (2, 3, 7, 8)),
            {},
            "pooling",
            "stride (2, 1), padding (1, 0)",
        ),
        Case(
            ([_conv(4, 1, groups=2) | {"kind": "conv_transpose2d"}], (1, 4, 5, 6)),
            {},
            "convolutions",
            "transposed, groups and a bias",
        ),
        Case(
            ([_pool("max", 3, stride=1, padding=1)], (2, 3, 7, 8)), {}, "pooling", "stride 1 is not a stride left out"
        ),
        Case(([_pool("lp", (2, 3), stride=(1, 1))], (2, 3, 7, 8)), {}, "pooling", "stride (1, 1)"),
        Case(([_pool("max", 2, ceil_mode=True)], (2, 3, 7, 8)), {}, "pooling", "ceil_mode=True"),
        Case(
            ([_pool("max", 2), _pool("avg", 2, padding=1, ceil_mode=True)], (2, 3, 7, 10)),
            {},
            "pooling",
            "the second with ceil_mode",
        ),
        Case(([_pool("max", 3, dilation=2, padding=1)], (2, 3, 10, 14)), {}, "pooling", "dilation=2, padding=1"),
        Case(([_pool("lp", (2, 3), ceil_mode=True)], (2, 3, 7, 8)), {}, "pooling", "Lp pooling"),
        Case(([{"kind": "adaptive_max_pool2d", "output_size": 3}], (2, 4, 5, 8)), {}, "pooling", "adaptive, to 3 x 3"),
        Case(([_pool("max", (2, 3))], (2, 3, 9, 10)), {}, "pooling", "a window of 2 x 3 steps by (2, 3)"),
        Case(([_pool("avg", (3, 1), ceil_mode=True)], (2, 3, 8, 5)), {}, "pooling", "a window of 3 x 1, ceil_mode"),
        Case(
            ([_pool("max", (3, 2), dilation=(1, 3), padding=(1, 0), ceil_mode=True)], (2, 3, 9, 12)),
            {},
            "pooling",
            "a window of 3 x 2, dilation (1, 3), ceil_mode",
        ),
        Case(
            ([_pool("lp", 3, stride=(2, 1))], (2, 3, 9, 8)),
            {},
            "pooling",
            "Lp pooling with stride (2, 1)",
        ),
        Case(
            ([{"kind": "adaptive_avg_pool2d", "output_size": (2, 4)}], (2, 3, 7, 5)),
            {},
            "pooling",
            "adaptive, to 2 x 4",
        ),
        Case(([_FLAT, _dense(5)], (2, 3, 4, 2)), {}, "whole networks", "flatten, then linear to 5"),
        Case(([_dense(4)], (2, 3, 5)), {}, "whole networks", "linear acts on the last axis"),
        Case(([_dense(2), _FLAT], (2, 3, 4)), {}, "whole networks", "flatten joins all axes but the first"),
        Case(([_dense(2), _FLAT], (2, 3, 2, 5, 4)), {}, "whole networks", "flatten joins all axes but the first"),
        Case(([_NORM, _pool("max", (2, 3))], (2, 3, 8, 9)), {}, "whole networks", "a window of 2 x 3 steps by (2, 3)"),
        Case(([_NORM, _pool("max", 2)], (2, 3, 7, 8)), {}, "whole networks", "the last row is left out"),
        Case((_LENET, (2, 1, 28, 28)), {}, "whole networks", "two convolutions, two poolings, two dense layers"),
        Case(
            (
                [
                    _conv(4, (3, 2), bias=False),
                    _NORM,
                    _RELU,
                    _pool("max", 2, ceil_mode=True),
                    _conv(6, 3, groups=2),
                    _FLAT,
                    _dense(7, bias=False),
                    {"kind": "dropout"},
                    {"kind": "softmax"},
                ],
                (2, 3, 15, 14),
            ),
            {},
            "whole networks",
            "batch_norm2d, ceil_mode, groups=2, and layers without bias",
        ),
        Case(
            ([_conv(4, 2), _RELU, _pool("avg", 2, ceil_mode=True), _pool("lp", (2, 3), ceil_mode=True)], (2, 3, 8, 14)),
            {},
            "whole networks",
            "average and Lp pooling with ceil_mode",
        ),
        Case(
            ([_conv(4, 3), {"kind": "adaptive_avg_pool2d", "output_size": (3, 2)}, _FLAT, _dense(2)], (2, 3, 11, 9)),
            {},
            "whole networks",
            "an image of any size",
        ),
    ),
    draw_case=_draw_trace,
    mistakes=(
        Mistake(
            "forgets biases",
            "You left out the biases: one per output channel or feature.",
            _wrong_trace(count_of=_without_bias),
            share=2 / 8,
        ),
        Mistake(
            "counts biases that are not there",
            "You counted a bias where the layer says bias=False.",
            _wrong_trace(count_of=_bias_always),
            share=2 / 8,
        ),
        Mistake(
            "ignores groups",
            "You ignored the groups: each kernel sees the input channels of its own group alone.",
            _wrong_trace(count_of=_groups_ignored),
            share=2 / 8,
        ),
        Mistake(
            "squares the kernel",
            "You squared the kernel's first side; a kernel has height times width weights per channel.",
            _wrong_trace(count_of=_square_kernel),
            share=2 / 8,
        ),
        Mistake(
            "gives pooling weights",
            "You gave pooling layers weights; they have none.",
            _wrong_trace(count_of=_pool_counts),
            share=3 / 8,
        ),
        Mistake(
            "pools with stride 1",
            "A pooling layer without a stride steps by its window, not by 1.",
            _wrong_trace(change=_stride_one),
            share=3 / 8,
        ),
        Mistake(
            "ignores ceil_mode",
            "You ignored ceil_mode: with it the division rounds up.",
            _wrong_trace(change=_no_ceil),
            share=3 / 8,
        ),
        Mistake(
            "flattens the batch",
            "You flattened the samples too; the first axis stays.",
            _wrong_trace(shape_of=_flat_batch),
            share=5 / 8,
        ),
        Mistake(
            "counts every sample",
            "You multiplied the parameters by the number of samples; all samples share the same weights.",
            _wrong_trace(count_of=lambda layer, before, count: count * before[0]),
            share=2 / 8,
        ),
        Mistake(
            "gives shapes alone",
            "You returned the shapes alone; a pair (shape, parameters) is asked for per layer.",
            lambda layers, input_shape: [shape for shape, _ in _trace(layers, input_shape)],
        ),
    ),
)

# --- claims on trial -----------------------------------------------------------------------------------------------


def _whole(value, low, high, name):
    number = np.asarray(value)
    if number.size != 1 or number.dtype.kind not in "iuf" or number != np.rint(number) or not low <= number <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}, got {value!r}"[:90])
    return int(number.item())


def _judge_restored(value, case):
    verdict, extra = verdict_and_evidence(value)
    n, k, s, p = case.args
    if not verdict:
        return "You judged it false. List the sizes that give the same output, and what comes back for each output_padding."
    extra = _whole(extra, 0, 99, "output_padding")
    if extra >= s:
        return f"output_padding must be smaller than the stride, {s}; you gave {extra}."
    (back,) = _transposed(_conv_shape((n,), k, s, p), k, s, p, extra)
    return None if back == n else f"With output_padding={extra}, {n} pixels come back as {back}."


def _draw_restored(d):
    part = d.choice(("stride 2", "larger strides"))
    stride = 2 if part == "stride 2" else d.integer(3, 6)
    return Case((d.integer(7, 60), d.integer(2, 6), stride, d.integer(0, 1)), {}, part)


def _judge_half_padding(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. Try every kernel from 1 to 5 on ten pixels."
    n, k = evidence
    n, k = _whole(n, 1, 10000, "n"), _whole(k, 1, 10000, "k")
    p = (k - 1) // 2
    if k > n + 2 * p:
        return f"Your kernel of {k} does not fit into {n} pixels with {p} zeros at both ends."
    (m,) = _conv_shape((n,), k, 1, p)
    return (
        f"No counterexample: with a kernel of {k} and {p} zeros at both ends, {n} pixels stay {m}." if m == n else None
    )


CLAIMS = (
    Check(
        "claim_restored",
        builds_on=("conv_output_shape", "conv_transpose_output_shape"),
        section="shapes#shapes-output-padding",
        judge=_judge_restored,
        parts={"stride 2": 1, "larger strides": 1},
        cases=(
            Case((32, 3, 2, 1), {}, "stride 2"),
            Case((31, 3, 2, 1), {}, "stride 2"),
            Case((31, 4, 2, 1), {}, "stride 2"),
            Case((16, 5, 2, 0), {}, "stride 2"),
            Case((15, 5, 2, 0), {}, "stride 2"),
            Case((8, 2, 2, 0), {}, "stride 2"),
            Case((9, 3, 3, 0), {}, "larger strides"),
            Case((10, 3, 3, 1), {}, "larger strides"),
            Case((14, 2, 3, 0), {}, "larger strides"),
            Case((30, 5, 4, 2), {}, "larger strides"),
            Case((27, 6, 5, 1), {}, "larger strides"),
            Case((20, 3, 1, 1), {}, "larger strides"),
            Case((33, 4, 6, 2), {}, "larger strides"),
            Case((41, 3, 5, 1), {}, "larger strides"),
        ),
        draw_case=_draw_restored,
        draw_count=16,
        mistakes=(
            *claim_mistakes(True, "Each of the sizes has an output_padding of its own.", lambda n, k, s, p: 0),
            Mistake(
                "always 0",
                "You always gave 0: that restores the smallest of the sizes alone.",
                lambda n, k, s, p: (True, 0),
            ),
            Mistake(
                "always the largest",
                "You always gave s - 1: that restores the largest of the sizes alone.",
                lambda n, k, s, p: (True, s - 1),
            ),
            Mistake(
                "takes n mod s",
                "You took n mod s; what rounding down throws away is the rest of n + 2p - k.",
                lambda n, k, s, p: (True, n % s),
            ),
            Mistake(
                "forgets the padding",
                "You left the padding out: the rest is that of n + 2p - k.",
                lambda n, k, s, p: (True, (n - k) % s),
                share=1 / 2,
            ),
        ),
    ),
    Check(
        "claim_half_padding",
        section="shapes#shapes-same",
        judge=_judge_half_padding,
        cases=(Case(),),
        mistakes=(
            *claim_mistakes(
                False,
                "The claim does not hold for every kernel.",
                lambda: (10, 4),
                "A verdict alone is not enough: return (verdict, (n, k)).",
            ),
            Mistake(
                "takes an odd kernel",
                "Your kernel is odd, and for odd kernels the claim holds.",
                lambda: (False, (10, 3)),
            ),
            Mistake(
                "takes a kernel that does not fit",
                "The kernel must fit into the padded input.",
                lambda: (False, (1, 2)),
            ),
            Mistake("gives no evidence", "A verdict needs evidence: the pair (n, k).", lambda: (False, None)),
        ),
    ),
)

CHECKS = (
    CONV_OUTPUT_SHAPE,
    SAME_PADDING,
    SAME_PADDING_STRIDED,
    replace(POOL_OUTPUT_SHAPE, section="shapes#shapes-pooling", oracle=_pool_shape),
    CONV_TRANSPOSE_OUTPUT_SHAPE,
    CONV_INPUT_RANGE,
    TRACE_SHAPES,
    *CLAIMS,
)
