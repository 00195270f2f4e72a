"""Variants: unshared, tiled, dilated, transposed, depthwise separable and causal layers, two gradients, a test for leaks."""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from convcourse.engine.builders import Arrays, claim_mistakes, handed, pair
from convcourse.engine.check import Check
from convcourse.engine.evidence import verdict_and_evidence
from convcourse.engine.kinds import WHOLE
from convcourse.engine.model import VIEW, Case, Mistake, Property
from convcourse.engine.oracles import gradient, on_torch

_conv = on_torch(F.conv2d)

# --- locally connected and tiled -----------------------------------------------------------------------------------


def _local(x, weight, bias=None, stride=1, padding=0, dilation=1):
    """Unfold, then multiply by a matrix of its own at every place."""
    columns = F.unfold(x, weight.shape[4:], dilation, padding, stride)
    w = weight.reshape(*weight.shape[:3], -1).flatten(1, 2)
    y = torch.einsum("nkl,flk->nfl", columns, w).reshape(len(x), *weight.shape[:3])
    return y if bias is None else y + bias


_local_np = on_torch(_local)


def _places(x, kernel, stride=1, padding=0, dilation=1):
    return tuple(
        F.conv2d(
            torch.empty(1, 1, *x.shape[2:]),
            torch.empty(1, 1, *kernel),
            None,
            stride,
            padding,
            dilation,
        ).shape[2:]
    )


def _local_case(part, shape, filters, kernel, note="", bias=True, dtype=np.float64, **options):
    x = _x(*shape, dtype=dtype)
    places = _places(x, kernel, **options)
    weight = _x(filters, *places, shape[1], *kernel, dtype=dtype)
    args = (x, weight, _x(filters, *places, dtype=dtype)) if bias else (x, weight)
    return Case(args, options, part, note)


def _no_bias(case, at=2):
    """Return the case with a bias of zeros, which is not the same as none."""
    return replace(case, args=(*case.args[:at], 0 * case.args[at]))


_CONVOLVED = "x, weight, bias=None, stride=1, padding=0, dilation=1"


def _local_with(change):
    return handed(_CONVOLVED, change)


def _fit(weight, places):
    """Cut or tile kernels to the number of places that a wrong geometry gives."""
    reps = [-(-m // n) for m, n in zip(places, weight.shape[1:3], strict=True)]
    return np.tile(weight, (1, *reps, 1, 1, 1))[:, : places[0], : places[1]]


def _local_geometry(x, w, b, stride, padding, dilation):
    places = _places(x, w.shape[4:], stride, padding, dilation)
    return _local_np(
        x,
        _fit(w, places),
        None if b is None else _fit(b[..., None, None, None], places)[..., 0, 0, 0],
        stride,
        padding,
        dilation,
    )


_NUMBERS_ALONE = {"words": "the notebook says that the checks give padding as numbers"}
_ALL_THREE = {"stride": (3, 2), "padding": (2, 1), "dilation": (2, 3)}
_ONE_NUMBER = {"stride": 2, "padding": 1, "dilation": 2}

_x = Arrays("variants", "local_cases")
_LOCAL_CASES = (
    Case((np.array([[[[1.0, 2.0, 4.0]]]]), np.array([[1.0, 1.0], [10.0, 0.0]]).reshape(1, 1, 2, 1, 1, 2)), {}, "plain"),
    _local_case("plain", (2, 3, 4, 5), 2, (2, 3), "batch, channels, not square", bias=False),
    _local_case("plain", (2, 2, 5, 4), 3, (3, 2), "float32", bias=False, dtype=np.float32),
    Case((np.swapaxes(_x(2, 3, 5, 4), 2, 3), _x(2, 3, 3, 3, 2, 3)), {}, "plain", "an array that is not contiguous"),
    Case((_x(2, 1, 3, 4), np.ones((1, 3, 4, 1, 1, 1))), {}, "plain", "every pixel comes out as it went in"),
    _local_case("bias", (2, 2, 4, 5), 3, (2, 2), "a number for every place"),
    _no_bias(_local_case("bias", (2, 2, 3, 4), 2, (2, 3), "a bias of zeros")),
    _local_case("stride, padding, dilation", (2, 2, 6, 7), 2, (2, 3), stride=(2, 3), bias=False),
    _local_case(
        "stride, padding, dilation", (2, 1, 4, 5), 2, (3, 2), "columns padded by a kernel", bias=False, padding=(0, 2)
    ),
    _local_case("stride, padding, dilation", (2, 2, 1, 1), 3, (3, 5), "a single pixel", bias=False, padding=(1, 2)),
    _local_case(
        "stride, padding, dilation", (1, 2, 2, 3), 2, (2, 3), "both axes padded by a kernel", bias=False, padding=(2, 3)
    ),
    _local_case("stride, padding, dilation", (1, 2, 6, 8), 2, (2, 3), dilation=(2, 3), bias=False),
    _local_case("stride, padding, dilation", (1, 1, 7, 6), 1, (3, 2), "all three", bias=False, **_ALL_THREE),
    _local_case("bias", (1, 2, 7, 6), 2, (3, 2), "with stride, padding and dilation", **_ALL_THREE),
    _local_case(
        "stride, padding, dilation", (2, 2, 5, 4), 2, (2, 2), "one number for both axes", bias=False, **_ONE_NUMBER
    ),
)


def _for_rows(stride, padding, dilation):
    """What is left of the options if those for the columns are forgotten."""
    return (pair(stride)[0], 1), (pair(padding)[0], 0), (pair(dilation)[0], 1)


_ROWS_ALONE = "You used stride, padding or dilation for the rows alone: a pair holds one number for the rows, one for the columns."


def _draw_local(d):
    shape, kernel, filters = (
        (d.integer(1, 2), d.integer(1, 2), d.integer(3, 5), d.integer(3, 5)),
        (d.integer(1, 3), d.integer(1, 3)),
        d.integer(1, 2),
    )
    stride = (d.integer(1, 2), d.integer(1, 2))
    x = d.array(*shape)
    places = _places(x, kernel, stride)
    return Case((x, d.array(filters, *places, shape[1], *kernel)), {"stride": stride}, "stride, padding, dilation")


_LOCAL_PARTS = {"plain": 2, "bias": 1, "stride, padding, dilation": 2}

LOCALLY_CONNECTED2D = Check(
    "locally_connected2d",
    section="variants#variants-locally-connected",
    oracle=_local_np,
    photographs=True,
    exempt=_NUMBERS_ALONE,
    parts=_LOCAL_PARTS,
    cases=_LOCAL_CASES,
    draw_case=_draw_local,
    mistakes=(
        Mistake("shares the first kernel", "You used one kernel everywhere: that is a convolution. Here every place has its own.", _local_with(lambda x, w, b, s, p, d: _local_np(x, np.broadcast_to(w[:, :1, :1], w.shape).copy(), b, s, p, d))),
        Mistake("swaps the places", "You looked the kernel up by column and row; its places are [row, column].", _local_with(lambda x, w, b, s, p, d: _local_np(x, _fit(np.swapaxes(w, 1, 2), w.shape[1:3]), b, s, p, d))),
        Mistake("flips the kernels", "You flipped the kernels; like the layer of a network, this one does not.", _local_with(lambda x, w, b, s, p, d: _local_np(x, w[..., ::-1, ::-1].copy(), b, s, p, d))),
        Mistake("forgets the bias", "You forgot the bias.", _local_with(lambda x, w, b, s, p, d: _local_np(x, w, None, s, p, d)), share=4 / 5),
        Mistake("shares the bias", "Your bias is one number per channel; here every place has its own.", _local_with(lambda x, w, b, s, p, d: _local_np(x, w, None if b is None else np.broadcast_to(b.mean((1, 2), keepdims=True), b.shape).copy(), s, p, d)), share=4 / 5),
        Mistake("sums no channels", "You left the sum over the input channels out.", _local_with(lambda x, w, b, s, p, d: _local_np(x[:, :1], w[:, :, :, :1], b, s, p, d)), share=0.0),
        Mistake("ignores stride", "You ignored the stride: window (p, q) starts at (p s, q s).", _local_with(lambda x, w, b, s, p, d: _local_np(x[:, :, : None if s == 1 else w.shape[1] + w.shape[4] - 1, : None if s == 1 else w.shape[2] + w.shape[5] - 1], w, b, 1, p, d)), share=2 / 5),
        Mistake("ignores dilation", "You ignored the dilation: a kernel of k taps spans d (k - 1) + 1 pixels.", _local_with(lambda x, w, b, s, p, d: _local_geometry(x, w, b, s, p, 1)), share=2 / 5),
        Mistake("ignores padding", "You ignored the padding.", _local_with(lambda x, w, b, s, p, d: _local_geometry(x, w, b, s, 0, d)), share=2 / 5),
        Mistake("reads the options for rows alone", _ROWS_ALONE, _local_with(lambda x, w, b, *options: _local_geometry(x, w, b, *_for_rows(*options))), share=2 / 5),
    ),
)  # fmt: skip

_local_grads = {
    True: gradient(_local, (0, 1, 2)),
    False: gradient(lambda x, w, b, *rest, **k: _local(x, w, None, *rest, **k), (0, 1)),
}


def _local_backward(g, x, weight, bias=None, stride=1, padding=0, dilation=1):
    """Return (grad_x, grad_weight, grad_bias); the last is None without a bias."""
    gradients = _local_grads[bias is not None](g, x, weight, bias, stride, padding, dilation)
    return gradients if bias is not None else (*gradients, None)


def _with_gradient(function, cases):
    return tuple(
        Case(
            (_x(*function(*case.args, **case.kwargs).shape, dtype=case.args[0].dtype), *case.args),
            case.kwargs,
            case.part,
            case.note,
        )
        for case in cases
    )


def _grads_by(change):
    def wrong(g, x, weight, bias=None, stride=1, padding=0, dilation=1):
        return change(_local_backward, g, x, weight, bias, stride, padding, dilation)

    return wrong


def _mean_over_batch(right, g, x, w, b, *rest):
    gx, gw, gb = right(g, x, w, b, *rest)
    return gx, gw / len(x), None if gb is None else gb / len(x)


_x = Arrays("variants", "locally_connected2d_backward")
LOCALLY_CONNECTED2D_BACKWARD = Check(
    "locally_connected2d_backward",
    section="variants#variants-gradients",
    oracle=_local_backward,
    exempt=_NUMBERS_ALONE,
    outputs=("grad_x", "grad_weight", "grad_bias"),
    parts=_LOCAL_PARTS,
    cases=_with_gradient(_local_np, _LOCAL_CASES),
    draw_case=lambda d: (lambda case: Case((d.array(*_local_np(*case.args, **case.kwargs).shape), *case.args), case.kwargs, case.part))(_draw_local(d)),
    mistakes=(
        Mistake("sums over places", "You summed the weight's gradient over the places; nothing is shared here, every kernel has a gradient of its own.", _grads_by(lambda right, g, x, w, b, *r: (right(g, x, w, b, *r)[0], np.broadcast_to(right(g, x, w, b, *r)[1].sum((1, 2), keepdims=True), w.shape).copy(), right(g, x, w, b, *r)[2]))),
        Mistake("ignores the upstream gradient", "You ignored grad_output.", _grads_by(lambda right, g, *r: right(np.ones_like(g), *r))),
        Mistake("averages over the batch", "You averaged over the batch; the gradient is the sum over all samples.", _grads_by(_mean_over_batch), share=0.0),
        Mistake("returns the first sample's", "You used the first sample alone for the weights.", _grads_by(lambda right, g, x, w, b, *r: (right(g, x, w, b, *r)[0], *right(g[:1], x[:1], w, b, *r)[1:]))),
        Mistake("sums the bias over places", "You summed the bias's gradient over the places; every place has a bias of its own.", _grads_by(lambda right, g, x, w, b, *r: (*right(g, x, w, b, *r)[:2], None if b is None else np.broadcast_to(g.sum((0, 2, 3))[:, None, None], b.shape).copy())), share=4 / 5),
        Mistake("flips the kernels", "You flipped the kernels on the way back: a window's gradient goes back to where its kernel element met it.", _grads_by(lambda right, g, x, w, b, *r: (right(g, x, w[..., ::-1, ::-1].copy(), b, *r)[0], *right(g, x, w, b, *r)[1:]))),
    ),
)  # fmt: skip


def _untiled(x, weight, stride=1, padding=0, dilation=1):
    places = _places(x, tuple(weight.shape[2:4]), stride, padding, dilation)
    rows, columns = (torch.arange(m) % t for m, t in zip(places, weight.shape[4:], strict=True))
    return weight[:, :, :, :, rows][..., columns].permute(0, 4, 5, 1, 2, 3), rows, columns


def _tiled(x, weight, bias=None, stride=1, padding=0, dilation=1):
    local, rows, columns = _untiled(x, weight, stride, padding, dilation)
    return _local(x, local, None if bias is None else bias[:, rows][:, :, columns], stride, padding, dilation)


_tiled_np = on_torch(_tiled)


def _tiled_with(change):
    return handed(_CONVOLVED, change)


def _in_blocks(x, weight, bias, stride, padding, dilation):
    """Give each kernel a contiguous block of places in place of taking turns."""
    places = _places(x, weight.shape[2:4], stride, padding, dilation)
    rows, columns = (np.arange(m) * t // m for m, t in zip(places, weight.shape[4:], strict=True))
    local = np.moveaxis(weight[:, :, :, :, rows][..., columns], (4, 5), (1, 2))
    return _local_np(x, local, None if bias is None else bias[:, rows][:, :, columns], stride, padding, dilation)


_TILED_PARTS = {"tiles": 3, "bias": 1, "stride, padding, dilation": 1}
_x = Arrays("variants", "tiled_conv2d")
TILED_CONV2D = Check(
    "tiled_conv2d",
    builds_on=("locally_connected2d",),
    section="variants#variants-tiled",
    oracle=_tiled_np,
    photographs=True,
    exempt=_NUMBERS_ALONE,
    parts=_TILED_PARTS,
    cases=(
        Case((np.array([[[[1.0, 2.0, 3.0, 4.0]]]]), np.array([1.0, 10.0]).reshape(1, 1, 1, 1, 1, 2)), {}, "tiles"),
        Case((_x(2, 1, 3, 4), np.ones((1, 1, 1, 1, 1, 1))), {}, "tiles", "every pixel comes out as it went in"),
        Case((_x(2, 2, 6, 7), _x(3, 2, 2, 3, 2, 3)), {}, "tiles", "2 x 3 kernels take turns"),
        Case((np.swapaxes(_x(2, 2, 5, 6), 2, 3), _x(2, 2, 3, 2, 2, 2)), {}, "tiles", "an array that is not contiguous"),
        Case((_x(2, 1, 7, 5, dtype=np.float32), _x(2, 1, 2, 2, 3, 2, dtype=np.float32)), {}, "tiles", "float32"),
        Case((_x(2, 2, 6, 5), _x(2, 2, 2, 2, 2, 3), _x(2, 2, 3)), {}, "bias", "a number for every kernel"),
        Case((_x(1, 1, 5, 4), _x(2, 1, 2, 3, 2, 2), _x(2, 2, 2)), {}, "bias", "as many turns along both axes"),
        Case((_x(2, 2, 4, 5), _x(2, 2, 2, 2, 2, 3), np.zeros((2, 2, 3))), {}, "bias", "a bias of zeros"),
        Case((_x(1, 2, 2, 3), _x(2, 2, 2, 3, 2, 3)), {"padding": (2, 3)}, "stride, padding, dilation", "both axes padded by a kernel"),
        Case((_x(2, 2, 9, 8), _x(2, 2, 2, 3, 2, 2)), {"stride": (2, 1)}, "stride, padding, dilation", "turns are counted in outputs, not pixels"),
        Case((_x(1, 2, 4, 5), _x(2, 2, 3, 2, 3, 2)), {"padding": (0, 2)}, "stride, padding, dilation", "columns padded by a kernel"),
        Case((_x(2, 2, 1, 1), _x(3, 2, 2, 3, 3, 2)), {"padding": 1}, "stride, padding, dilation", "a single pixel, and more kernels than places"),
        Case((_x(1, 2, 6, 8), _x(2, 2, 2, 3, 2, 2)), {"dilation": (2, 3)}, "stride, padding, dilation"),
        Case((_x(1, 1, 7, 6), _x(1, 1, 3, 2, 2, 2)), _ALL_THREE, "stride, padding, dilation", "all three"),
        Case((_x(2, 2, 5, 6), _x(2, 2, 2, 2, 3, 2), _x(2, 3, 2)), _ONE_NUMBER, "stride, padding, dilation", "one number for both axes, and a bias"),
    ),
    draw_case=lambda d: Case((d.array(d.integer(1, 2), 2, d.integer(4, 6), d.integer(4, 6)), d.array(d.integer(1, 2), 2, d.integer(1, 3), d.integer(1, 3), d.integer(2, 3), d.integer(2, 3))), {}, "tiles"),
    mistakes=(
        Mistake("uses one kernel", "You used the first kernel everywhere; neighbours take turns through all of them.", _tiled_with(lambda x, w, b, *r: _tiled_np(x, w[..., :1, :1].copy(), None if b is None else b[:, :1, :1].copy(), *r))),
        Mistake("works in blocks", "Each of your kernels has a block of neighbouring places; kernels take turns: place p has kernel p mod t.", _tiled_with(_in_blocks)),
        Mistake("swaps the turns", "You took turns by the column where the row counts, and the other way round.", _tiled_with(lambda x, w, b, *r: _tiled_np(x, np.swapaxes(w, 4, 5).copy(), None if b is None else np.swapaxes(b, 1, 2).copy(), *r))),
        Mistake("starts with the second kernel", "Place (0, 0) has kernel (0, 0); yours start one further.", _tiled_with(lambda x, w, b, *r: _tiled_np(x, np.roll(w, -1, (4, 5)), None if b is None else np.roll(b, -1, (1, 2)), *r))),
        Mistake("counts turns in pixels", "You count turns in pixels of the input; they are counted in outputs.", _tiled_with(lambda x, w, b, s, p, d: _tiled_np(x, w[:, :, :, :, (np.arange(w.shape[4]) * pair(s)[0]) % w.shape[4]][..., (np.arange(w.shape[5]) * pair(s)[1]) % w.shape[5]].copy(), b, s, p, d)), share=4 / 5),
        Mistake("forgets the bias", "You forgot the bias.", _tiled_with(lambda x, w, b, *r: _tiled_np(x, w, None, *r)), share=3 / 5),
        Mistake("ignores dilation", "You ignored the dilation.", _tiled_with(lambda x, w, b, s, p, d: _tiled_np(x, w, b, s, p, 1)), share=4 / 5),
        Mistake("reads the options for rows alone", _ROWS_ALONE, _tiled_with(lambda x, w, b, *options: _tiled_np(x, w, b, *_for_rows(*options))), share=4 / 5),
        Mistake("averages the kernels", "You averaged the kernels: every place uses exactly one.", _tiled_with(lambda x, w, b, *r: _tiled_np(x, w.mean((4, 5), keepdims=True), b, *r))),
    ),
)  # fmt: skip

# --- transposed ----------------------------------------------------------------------------------------------------

_transposed = on_torch(
    lambda x, weight, bias=None, *rest, **options: F.conv_transpose2d(x, weight, bias, *rest, **options)
)


def _transposed_with(change):
    signature = "x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1"
    return handed(signature, change, 3)


def _overwritten(x, weight, bias, o):
    """Paint the pixels one after the other, the later over the earlier."""
    y = _transposed(x, weight, bias, **o)
    result = np.zeros_like(y) if bias is None else np.broadcast_to(bias[:, None, None], y.shape).astype(y.dtype).copy()
    for i, j in np.ndindex(x.shape[2:]):
        one = np.zeros_like(x)
        one[:, :, i, j] = x[:, :, i, j]
        painted = _transposed(one, weight, bias, **o)
        reach = _transposed((one != 0).astype(x.dtype), np.ones_like(weight), None, **o) != 0
        result = np.where(reach, painted, result)
    return result


def _zeros_for_output_padding(x, weight, bias, o):
    room = [(0, n) for n in pair(o["output_padding"])]
    y = np.pad(_transposed(x, weight, None, **(o | {"output_padding": 0})), ((0, 0), (0, 0), *room))
    return y if bias is None else y + bias[:, None, None]


def _never_negative(x, weight, bias, o):
    """Put zeros between the pixels and around them as if the padding were never larger than what the kernel adds."""
    for k, p, d in zip(weight.shape[2:], pair(o["padding"]), pair(o["dilation"]), strict=True):
        if p > d * (k - 1):
            raise ValueError("index can't contain negative values")
    return _transposed(x, weight, bias, **o)


def _draw_transposed(d):
    part = d.choice(("plain", "stride"))
    stride = (d.integer(1, 3), d.integer(1, 3)) if part == "stride" else 1
    x, w = (
        d.array(d.integer(1, 2), 2, d.integer(1, 4), d.integer(1, 4)),
        d.array(2, d.integer(1, 2), d.integer(1, 3), d.integer(1, 3)),
    )
    return Case((x, w), {"stride": stride}, part)


_x = Arrays("variants", "conv_transpose2d")
CONV_TRANSPOSE2D = Check(
    "conv_transpose2d",
    builds_on=("dilate_kernel",),
    section="variants#variants-transposed",
    oracle=_transposed,
    photographs=True,
    parts={"plain": 2, "stride": 2, "padding": 1, "output padding": 1, "dilation and groups": 1},
    cases=(
        Case((np.array([[[[1.0, 10.0]]]]), np.array([[[[1.0, 2.0, 3.0]]]])), {}, "plain", "two pixels paint, and what overlaps adds up"),
        Case((_x(2, 3, 3, 4), _x(3, 2, 2, 3), _x(2)), {}, "plain", "batch, channels, bias, not square"),
        Case((_x(2, 2, 3, 2, dtype=np.float32), _x(2, 3, 3, 2, dtype=np.float32)), {}, "plain", "float32"),
        Case((_x(2, 2, 3, 2), _x(2, 3, 2, 2), np.zeros(3)), {}, "plain", "a bias of zeros"),
        Case((_x(2, 1, 3, 4), np.ones((1, 1, 1, 1))), {}, "plain", "every pixel comes out as it went in"),
        Case((np.ones((1, 1, 1, 3)), np.ones((1, 1, 1, 3))), {"stride": (1, 2)}, "stride", "overlaps: the checkerboard"),
        Case((np.swapaxes(_x(2, 2, 4, 3), 2, 3), _x(2, 3, 3, 2)), {"stride": (2, 3)}, "stride", "an array that is not contiguous"),
        Case((_x(2, 2, 1, 2), _x(2, 2, 3, 2)), {"stride": (1, 1)}, "stride", "a single row"),
        Case((_x(1, 2, 3, 1), _x(2, 2, 2, 1)), {"stride": (2, 1)}, "stride", "a single column, and a kernel of one"),
        Case((_x(1, 2, 4, 2), _x(2, 2, 3, 3)), {"stride": 2}, "stride", "one number for both axes"),
        Case((_x(2, 2, 4, 5), _x(2, 2, 3, 4)), {"padding": (0, 2)}, "padding", "padding cuts off, here columns alone"),
        Case((_x(2, 2, 1, 1), _x(2, 3, 3, 3)), {"padding": 1}, "padding", "a single pixel in, a single pixel out"),
        Case((_x(1, 2, 3, 4), _x(2, 1, 3, 3)), {"stride": 2, "padding": 1}, "padding"),
        Case((_x(2, 2, 4, 5), _x(2, 2, 1, 2)), {"padding": 1}, "padding", "cuts off more than a kernel of one row adds"),
        Case((_x(1, 2, 4, 3), _x(2, 1, 3, 2)), {"stride": (1, 2), "padding": (2, 1), "dilation": (2, 3)}, "padding", "with dilation"),
        Case((_x(2, 2, 3, 4), _x(2, 2, 3, 3)), {"stride": 2, "padding": 1, "output_padding": (1, 0)}, "output padding"),
        Case((_x(1, 2, 3, 2), _x(2, 1, 2, 2), _x(1)), {"stride": 3, "output_padding": (1, 2)}, "output padding", "bias there, too"),
        Case((_x(1, 2, 3, 2), _x(2, 2, 2, 2), _x(2)), {"dilation": (2, 3), "padding": 1, "output_padding": (1, 2)}, "output padding", "of the stride or more, below the dilation"),
        Case((_x(2, 2, 3, 4), _x(2, 2, 2, 3)), {"dilation": (2, 3)}, "dilation and groups"),
        Case((_x(2, 4, 3, 2), _x(4, 3, 2, 2)), {"groups": 2, "stride": 2}, "dilation and groups"),
        Case((_x(2, 4, 2, 3), _x(4, 2, 3, 2), _x(4)), {"groups": 2, "stride": (3, 2), "dilation": (2, 3)}, "dilation and groups", "both, and a bias"),
        Case((_x(2, 4, 3, 2), _x(4, 2, 3, 3)), {"groups": 2, "stride": (2, 3), "padding": (1, 0), "output_padding": (1, 2)}, "dilation and groups", "all but dilation"),
    ),
    draw_case=_draw_transposed,
    properties=(
        Property(
            "adjoint",
            "It is not the adjoint of conv2d: <conv2d(a, w), b> must equal <a, conv_transpose2d(b, w)>.",
            lambda call, d: _is_adjoint(call, d.array(2, 2, 5, 6), d.array(3, 2, 2, 3), d.array(2, 3, 4, 4)),
        ),
    ),
    mistakes=(
        Mistake("overwrites", "You overwrote what was painted before; where kernels overlap, they add up.", _transposed_with(_overwritten)),
        Mistake("flips the kernel", "You flipped the kernel: each pixel paints it as it is.", _transposed_with(lambda x, w, b, o: _transposed(x, w[..., ::-1, ::-1].copy(), b, **o)), share=0.0),
        Mistake("ignores stride", "You ignored the stride: neighbouring pixels paint s pixels apart.", _transposed_with(lambda x, w, b, o: _transposed(x, w, b, **(o | {"stride": 1, "output_padding": 0}))), share=2 / 7),
        Mistake("ignores padding", "You ignored the padding: here it cuts pixels off on every side.", _transposed_with(lambda x, w, b, o: _transposed(x, w, b, **(o | {"padding": 0}))), share=4 / 7),
        Mistake("adds padding", "You added the padding; in a transposed convolution it cuts off.", _transposed_with(lambda x, w, b, o: np.pad(_transposed(x, w, b, **(o | {"padding": 0})), ((0, 0), (0, 0), *((p, p) for p in pair(o["padding"]))))), share=4 / 7),
        Mistake("ignores output padding", "You ignored output_padding: rows at the bottom and columns at the right.", _transposed_with(lambda x, w, b, o: _transposed(x, w, b, **(o | {"output_padding": 0}))), share=5 / 7),
        Mistake("adds zeros for output padding", "You added zeros at the bottom and the right; output_padding cuts less off there, and what was painted stays.", _transposed_with(_zeros_for_output_padding), share=5 / 7),
        Mistake("cannot cut below zero", "index can't contain negative values", _transposed_with(_never_negative), share=6 / 7),
        Mistake("dilates the rows alone", "You dilated along the rows alone; a pair holds one number for the rows, one for the columns.", _transposed_with(lambda x, w, b, o: _transposed(x, w, b, **(o | {"dilation": (pair(o["dilation"])[0], 1)}))), share=4 / 7),
        Mistake("ignores dilation", "You ignored the dilation.", _transposed_with(lambda x, w, b, o: _transposed(x, w, b, **(o | {"dilation": 1}))), share=4 / 7),
        Mistake("forgets the bias", "You forgot the bias.", _transposed_with(lambda x, w, b, o: _transposed(x, w, None, **o)), share=3 / 7),
        Mistake("repeats pixels", "You enlarged the image by repeating pixels and convolved it: that is another way of upsampling.", _transposed_with(lambda x, w, b, o: _transposed(x.repeat(pair(o["stride"])[0], 2).repeat(pair(o["stride"])[1], 3), w, b, **(o | {"stride": 1, "output_padding": 0}))), share=2 / 7),
        Mistake("averages overlaps", "You divided by the number of kernels that overlap; they add up.", _transposed_with(lambda x, w, b, o: (lambda y, c: np.where(c > 0, y / np.maximum(c, 1), y).astype(x.dtype))(_transposed(x, w, b, **o), _transposed(np.ones_like(x[:1, : o["groups"]]), np.ones_like(w[: o["groups"], :1]), None, **o).max(1, keepdims=True)))),
    ),
)  # fmt: skip


def _is_adjoint(call, a, w, b):
    left, right = np.sum(_conv(a, w) * b), np.sum(a * call(b, w))
    return abs(left - right) <= 1e-9 * np.abs(a).sum()


_transposed_grads = {n: gradient(F.conv_transpose2d, tuple(range(n))) for n in (2, 3)}


def _transposed_backward(g, x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    gradients = _transposed_grads[2 + (bias is not None)](
        g, x, weight, bias, stride, padding, output_padding, groups, dilation
    )
    return gradients if bias is not None else (*gradients, None)


def _transposed_grads_by(change):
    def wrong(g, x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
        return change(
            lambda *a: _transposed_backward(*a, stride, padding, output_padding, groups, dilation), g, x, weight, bias
        )

    return wrong


def _only(number, new):
    def change(right, g, x, w, b):
        grads = list(right(g, x, w, b))
        if grads[number] is not None:
            grads[number] = new(grads[number], right, g, x, w, b)
        return tuple(grads)

    return _transposed_grads_by(change)


_x = Arrays("variants", "conv_transpose2d_backward")
CONV_TRANSPOSE2D_BACKWARD = Check(
    "conv_transpose2d_backward",
    builds_on=("conv_transpose2d",),
    section="variants#variants-gradients",
    oracle=_transposed_backward,
    outputs=("grad_x", "grad_weight", "grad_bias"),
    parts=CONV_TRANSPOSE2D.parts,
    cases=tuple(case for case in _with_gradient(_transposed, CONV_TRANSPOSE2D.cases)),
    draw_case=lambda d: (lambda case: Case((d.array(*_transposed(*case.args, **case.kwargs).shape), *case.args), case.kwargs, case.part))(_draw_transposed(d)),
    mistakes=(
        Mistake("flips the kernel", "You flipped the kernel for x: the transpose of a transpose is the plain convolution.", _only(0, lambda gx, right, g, x, w, b: right(g, x, w[..., ::-1, ::-1].copy(), b)[0])),
        Mistake("swaps gradients of bias and weight", "Your gradients stand in the wrong order: for x, for the weight, for the bias.", lambda g, x, w, b=None, *r, **k: (lambda f: (f[0], f[2], f[1]))(_transposed_backward(g, x, w, b, *r, **k))),
        Mistake("ignores the upstream gradient", "You ignored grad_output.", _transposed_grads_by(lambda right, g, *r: right(np.ones_like(g), *r))),
        Mistake("flips the weight's gradient", "Your gradient for the weight is flipped.", _only(1, lambda gw, *r: gw[..., ::-1, ::-1].copy())),
        Mistake("averages the bias's gradient", "You averaged for the bias; it receives the sum over samples and places.", _only(2, lambda gb, right, g, *r: g.mean((0, 2, 3))), share=3 / 7),
        Mistake("uses the first sample alone", "You used the first sample alone for the weight.", _only(1, lambda gw, right, g, x, w, b: right(g[:1], x[:1], w, b)[1])),
    ),
)  # fmt: skip

# --- depthwise separable, causal, dilated --------------------------------------------------------------------------


def _separable(x, depthwise, pointwise, bias=None, stride=1, padding=0, dilation=1):
    return F.conv2d(F.conv2d(x, depthwise, None, stride, padding, dilation, groups=x.shape[1]), pointwise, bias)


_separable_np = on_torch(_separable)


def _separable_with(change):
    return handed("x, depthwise_weight, pointwise_weight, bias=None, stride=1, padding=0, dilation=1", change, 4)


def _separable_case(part, shape, filters, kernel, note="", bias=False, dtype=np.float64, **options):
    c = shape[1]
    args = (_x(*shape, dtype=dtype), _x(c, 1, *kernel, dtype=dtype), _x(filters, c, 1, 1, dtype=dtype))
    return Case((*args, _x(filters, dtype=dtype)) if bias else args, options, part, note)


_x = Arrays("variants", "depthwise_separable")
DEPTHWISE_SEPARABLE = Check(
    "depthwise_separable_conv2d",
    section="variants#variants-depthwise",
    oracle=_separable_np,
    photographs=True,
    exempt=_NUMBERS_ALONE,
    parts={"plain": 2, "bias": 1, "geometry": 2},
    cases=(
        Case((np.array([[[[1.0, 2.0]], [[10.0, 20.0]]]]), np.ones((2, 1, 1, 2)), np.array([-1.0, 1.0]).reshape(1, 2, 1, 1)), {}, "plain"),
        Case((_x(2, 1, 3, 4), np.ones((1, 1, 1, 1)), np.ones((1, 1, 1, 1))), {}, "plain", "every pixel comes out as it went in"),
        _separable_case("plain", (2, 3, 4, 5), 4, (2, 3), "more channels out than in"),
        _separable_case("plain", (2, 2, 4, 5), 2, (2, 3), "as many channels out as in"),
        _separable_case("plain", (2, 4, 5, 4), 2, (3, 2), "float32", dtype=np.float32),
        _separable_case("bias", (2, 3, 4, 5), 2, (2, 2), bias=True),
        _separable_case("bias", (2, 3, 4, 5), 3, (2, 2), "as many channels out as in", bias=True),
        _no_bias(_separable_case("bias", (2, 2, 3, 4), 3, (2, 3), "a bias of zeros", bias=True), 3),
        _separable_case("geometry", (1, 2, 2, 3), 3, (2, 3), "both axes padded by a kernel", padding=(2, 3)),
        _separable_case("geometry", (2, 2, 7, 6), 3, (2, 3), stride=(3, 2)),
        _separable_case("geometry", (2, 3, 4, 5), 2, (3, 2), "columns padded by a kernel", padding=(0, 2)),
        _separable_case("geometry", (2, 3, 1, 1), 2, (2, 3), "a single pixel", padding=1),
        _separable_case("geometry", (1, 2, 6, 8), 3, (2, 3), dilation=(2, 3)),
        _separable_case("geometry", (1, 2, 7, 6), 2, (3, 2), "all three", **_ALL_THREE),
        _separable_case("bias", (2, 2, 6, 7), 3, (3, 2), "with stride, padding and dilation", bias=True, **_ALL_THREE),
        _separable_case("geometry", (2, 3, 5, 6), 2, (2, 2), "one number for both axes", **_ONE_NUMBER),
    ),
    draw_case=lambda d: (lambda c: Case((d.array(d.integer(1, 2), c, d.integer(3, 5), d.integer(3, 5)), d.array(c, 1, d.integer(1, 3), d.integer(1, 3)), d.array(d.integer(1, 3), c, 1, 1)), {}, "plain"))(d.integer(2, 3)),
    mistakes=(
        Mistake("forgets the pointwise step", "You made the first step alone: the second mixes the channels at each pixel.", _separable_with(lambda x, d, p, b, o: _conv(x, d, None, **o, groups=x.shape[1]))),
        Mistake("takes one kernel for all channels", "Every channel has a kernel of its own in the first step; you used the first one for all.", _separable_with(lambda x, d, p, b, o: _separable_np(x, np.broadcast_to(d[:1], d.shape).copy(), p, b, **o))),
        Mistake("mixes channels in the first step", "Your first step adds up the channels; it must keep them apart.", _separable_with(lambda x, d, p, b, o: (lambda y: _conv(np.broadcast_to(y, (len(y), x.shape[1], *y.shape[2:])).copy(), p, b))(_conv(x, np.swapaxes(d, 0, 1).copy(), None, **o)))),
        Mistake("strides twice", "You applied stride, padding and dilation in the second step, too; they belong to the first.", _separable_with(lambda x, d, p, b, o: _conv(_conv(x, d, None, **o, groups=x.shape[1]), p, b, o["stride"], o["padding"])), share=2 / 5),
        Mistake("reads the options for rows alone", _ROWS_ALONE, _separable_with(lambda x, d, p, b, o: _separable_np(x, d, p, b, *_for_rows(**o))), share=2 / 5),
        Mistake("forgets the bias", "You forgot the bias.", _separable_with(lambda x, d, p, b, o: _separable_np(x, d, p, None, **o)), share=4 / 5),
        Mistake("flips the kernels", "You flipped the kernels; layers of a network do not.", _separable_with(lambda x, d, p, b, o: _separable_np(x, d[..., ::-1, ::-1].copy(), p, b, **o))),
        Mistake("ignores the geometry", "You ignored stride, padding and dilation.", _separable_with(lambda x, d, p, b, o: _separable_np(x, d, p, b)), share=2 / 5),
    ),
)  # fmt: skip


def _causal(x, weight, bias=None, dilation=1, groups=1):
    return F.conv1d(F.pad(x, ((weight.shape[2] - 1) * dilation, 0)), weight, bias, dilation=dilation, groups=groups)


_causal_np = on_torch(_causal)


def _causal_padded(before, after):
    """Build a wrong causal convolution with other padding before and after."""

    def wrong(x, weight, bias=None, dilation=1, groups=1):
        span = (weight.shape[2] - 1) * dilation
        padded = np.pad(
            x, ((0, 0), (0, 0), (before(span, dilation, weight.shape[2]), after(span, dilation, weight.shape[2])))
        )
        return on_torch(F.conv1d)(padded, weight, bias, dilation=dilation, groups=groups)

    return wrong


def _in_turns(x, weight, bias=None, dilation=1, groups=1):
    """Let filter f read group f mod groups."""
    order = np.arange(len(weight)).reshape(groups, -1).T.ravel()  # where the filters of each group end up
    y = _causal_np(x, weight[np.argsort(order)], None, dilation, groups)[:, order]
    return y if bias is None else y + bias[:, None]


_x = Arrays("variants", "causal_conv1d")
CAUSAL_CONV1D = Check(
    "causal_conv1d",
    section="variants#variants-causal",
    oracle=_causal_np,
    parts={"plain": 2, "dilation": 2, "bias and groups": 1},
    cases=(
        Case((np.array([[[1.0, 2.0, 4.0, 8.0]]]), np.array([[[10.0, 1.0]]])), {}, "plain"),
        Case((_x(2, 1, 4), np.ones((1, 1, 1))), {}, "plain", "every step comes out as it went in"),
        Case((_x(2, 3, 7), _x(2, 3, 3)), {}, "plain", "batch and channels"),
        Case((_x(2, 2, 6, dtype=np.float32), _x(3, 2, 4, dtype=np.float32)), {}, "plain", "float32"),
        Case((_x(2, 2, 5), _x(3, 2, 1)), {}, "plain", "a kernel of one element: nothing to pad"),
        Case((_x(2, 2, 3), _x(3, 2, 5)), {}, "plain", "a kernel longer than the signal"),
        Case((_x(2, 2, 1), _x(2, 2, 3)), {"dilation": 2}, "dilation", "a signal of one step"),
        Case((np.swapaxes(_x(2, 9, 2), 1, 2), _x(2, 2, 3)), {"dilation": 2}, "dilation", "an array that is not contiguous"),
        Case((_x(1, 2, 8), _x(2, 2, 2)), {"dilation": 5}, "dilation"),
        Case((_x(1, 1, 3), _x(1, 1, 3)), {"dilation": 4}, "dilation", "reaches back beyond the beginning"),
        Case((_x(2, 2, 6), _x(3, 2, 3), _x(3)), {}, "bias and groups"),
        Case((_x(2, 2, 5), _x(3, 2, 2), np.zeros(3)), {}, "bias and groups", "a bias of zeros"),
        Case((_x(2, 4, 6), _x(4, 2, 3)), {"groups": 2}, "bias and groups"),
        Case((_x(1, 4, 7), _x(6, 2, 2), _x(6)), {"dilation": 3, "groups": 2}, "bias and groups", "with dilation"),
    ),
    draw_case=lambda d: (lambda c: Case((d.array(d.integer(1, 2), c, d.integer(3, 8)), d.array(d.integer(1, 2), c, d.integer(2, 4))), {"dilation": d.integer(1, 3)}, "dilation"))(d.integer(1, 2)),
    mistakes=(
        Mistake("pads both sides", "You padded both sides: outputs see the future. All zeros stand before the signal.", _causal_padded(lambda s, d, k: s - s // 2, lambda s, d, k: s // 2), share=0.0),
        Mistake("pads after", "You padded after the signal: every output sees only its future.", _causal_padded(lambda s, d, k: 0, lambda s, d, k: s)),
        Mistake("forgets the dilation in the padding", "The padding grows with the dilation: d (k - 1) zeros, not k - 1.", _causal_padded(lambda s, d, k: k - 1, lambda s, d, k: s - (k - 1)), share=2 / 5),
        Mistake("sees the past alone", "Your output is one step late: it may see the present.", lambda x, w, b=None, dilation=1, groups=1: _causal_np(np.pad(x, ((0, 0), (0, 0), (1, 0)))[:, :, :-1], w, b, dilation, groups)),
        Mistake("flips the kernel", "Your kernel is flipped: its last element meets the present.", lambda x, w, b=None, dilation=1, groups=1: _causal_np(x, w[..., ::-1].copy(), b, dilation, groups)),
        Mistake("does not pad", "Your output is shorter than the signal: the padding before it is missing.", lambda x, w, b=None, dilation=1, groups=1: on_torch(F.conv1d)(x, w, b, dilation=dilation, groups=groups)),
        Mistake("ignores dilation", "You ignored the dilation.", lambda x, w, b=None, dilation=1, groups=1: _causal_np(x, w, b, 1, groups), share=2 / 5),
        Mistake("forgets the bias", "You forgot the bias.", lambda x, w, b=None, dilation=1, groups=1: _causal_np(x, w, None, dilation, groups), share=4 / 5),
        Mistake("cuts off [:-0]", "For a kernel of one element there is nothing to cut off, and y[..., :-0] is empty.", lambda x, w, b=None, dilation=1, groups=1: _causal_np(x, w, b, dilation, groups) if w.shape[2] > 1 else np.zeros((len(x), len(w), 0), x.dtype), share=3 / 5),
        Mistake("deals the filters out in turns", "Filter f belongs to group f // (F / groups): the filters of a group stand together. You dealt them out in turns.", _in_turns, share=4 / 5),
    ),
)  # fmt: skip


def _dilated(weight, dilation):
    eye = np.zeros((*pair(dilation),), dtype=weight.dtype)
    eye[0, 0] = 1
    wide = np.kron(weight, eye)
    return wide[..., : wide.shape[-2] - pair(dilation)[0] + 1, : wide.shape[-1] - pair(dilation)[1] + 1]


_x = Arrays("variants", "dilate_kernel")
DILATE_KERNEL = Check(
    "dilate_kernel",
    section="variants#variants-dilated",
    oracle=_dilated,
    cases=(
        Case((np.array([[1.0, 2.0]]), 3)),
        Case((_x(3, 2), (2, 3)), note="not square"),
        Case((_x(2, 3, 2, 3, dtype=np.float32), 2), note="a stack of kernels, float32"),
        Case((_x(2, 4), (1, 2)), note="one axis"),
        Case((_x(2, 3, 1, 1), 4), note="one element has no gaps"),
        Case((_x(2, 3), 1), note="no gaps asked for"),
    ),
    draw_case=lambda d: Case((d.array(d.integer(1, 3), d.integer(1, 3)), (d.integer(1, 3), d.integer(1, 3)))),
    mistakes=(
        Mistake("puts d zeros between", "You put d zeros between neighbours; d pixels apart means d - 1 zeros between.", lambda w, d: _dilated(w, tuple(a + 1 for a in pair(d)))),
        Mistake("keeps zeros at the end", "No zeros follow the last element: the size is d (k - 1) + 1.", lambda w, d: np.kron(w, np.eye(pair(d)[0], 1)[:, :1] @ np.eye(1, pair(d)[1])).astype(w.dtype)),
        Mistake("repeats the elements", "You repeated the elements: between them stand zeros.", lambda w, d: w.repeat(pair(d)[0], -2).repeat(pair(d)[1], -1)[..., : _dilated(w, d).shape[-2], : _dilated(w, d).shape[-1]]),
        Mistake("swaps the axes", "You swapped the axes: the first number of a pair is for the rows.", lambda w, d: _dilated(w, pair(d)[::-1])),
        Mistake("hands the kernel back", VIEW, lambda w, d: w if pair(d) == (1, 1) else _dilated(w, d), share=0.75),
        Mistake("dilates the columns alone", "You dilated along the columns alone; both axes are dilated.", lambda w, d: _dilated(w, (1, pair(d)[1]))),
    ),
)  # fmt: skip

# --- a test that proves causality ------------------------------------------------------------------------------------


def _layer(kind, weight):
    """Make a layer whose outputs are the same numbers, to the last bit, in whatever batch their sample stands."""

    def keep(x):
        """See the present and the past: element i of the kernel looks k - 1 - i steps back."""
        length, size = x.shape[2], weight.shape[2]
        past = np.pad(np.asarray(x, dtype=float), ((0, 0), (0, 0), (size - 1, 0)))[:, None]
        return sum((weight[:, :, i, None] * past[..., i : i + length]).sum(2) for i in range(size))

    def centred(x):
        ahead = weight.shape[2] // 2
        return keep(np.pad(x, ((0, 0), (0, 0), (0, ahead))))[:, :, ahead:].copy()

    def reversed_time(x):
        return keep(np.asarray(x)[:, :, ::-1])[:, :, ::-1].copy()

    def late_leak(x):
        """Leak once, in samples that begin with a positive number: from the end of the last channel."""
        y, x = keep(x), np.asarray(x, dtype=float)
        y[:, -1, 2] += np.where(x[:, 0, 0] > 0, np.tanh(x[:, -1, -1]), 0.0)
        return y

    def in_two_channels(x):
        """Leak with one sign into the first channel and with the other into the second."""
        y, leak = keep(x), np.asarray(x, dtype=float)[:, 0, 1:]
        y[:, 0, :-1] += leak
        y[:, 1, :-1] -= leak
        return y

    def faintly(x):
        """Leak a ten-millionth of the next input."""
        y = keep(x)
        y[:, 0, :-1] += 1e-7 * np.asarray(x, dtype=float)[:, 0, 1:]
        return y

    def above(x):
        """Leak only what is larger than 5."""
        y = keep(x)
        y[:, 0, :-1] += np.maximum(np.asarray(x, dtype=float)[:, 0, 1:] - 5, 0)
        return y

    return {
        "causal": keep,
        "leaking with two signs": in_two_channels,
        "leaking large values alone": above,
        "leaking faintly": faintly,
        "centred": centred,
        "centred, with tiny weights": lambda x: 1e-9 * centred(x),
        "backward in time": reversed_time,
        "a single leak": late_leak,
    }[kind]


def _add(x, t, size):
    x[:, :, t] += size


def _set(x, t, size):
    x[:, :, t] = size


def _leaks(function, x, size=1.0, move=_add):
    x, leaks = np.asarray(x, dtype=float), []
    before = function(x)
    for t in range(1, x.shape[2]):
        moved = x.copy()
        move(moved, t, size)
        leaks += [(int(s), t) for s in np.flatnonzero(np.any(function(moved) != before, axis=(0, 1))[:t])]
    return sorted(leaks)


def _leaks_to(alike, function, x, size):
    """List the leaks that `alike` tells from none."""
    return [(s, t) for s, t in _leaks(function, x, size) if not alike(*_outputs(function, x, size, s, t))]


def _outputs(function, x, size, s, t):
    moved = np.array(x, dtype=float)
    moved[:, :, t] += size
    return function(moved)[:, :, s], function(np.asarray(x, dtype=float))[:, :, s]


def _leak_case(kind, part, channels=2, length=6, k=3, samples=1, special=None, draw=None, **options):
    """`special` are numbers that stand at the last times of x."""
    draw = draw or _x
    x = draw(samples, channels, length)
    if special is not None:
        x[:, :, -len(special) :] = special
    if kind == "a single leak":
        x[:, 0, 0] = (1 + np.abs(x[:, 0, 0])) * np.where(np.arange(samples) < samples - 1, -1, 1)
    return Case((_layer(kind, draw(channels, channels, k)), x), options, part, kind)


def _draw_leaks(d):
    part = d.choice(("causal and not", "hidden leaks"))
    kinds = {
        "causal and not": ("centred", "causal"),
        "hidden leaks": ("a single leak", "backward in time", "leaking with two signs", "leaking large values alone"),
    }
    kind = d.choice(kinds[part])
    options = {"size": 10.0} if kind == "leaking large values alone" else {}
    return _leak_case(kind, part, length=d.integer(4, 7), samples=d.integer(1, 2), draw=d.array, **options)


def _as_pairs(value):
    return [(int(a), int(b)) for a, b in value]


def _judge_leaks(value, case):
    got, right = _as_pairs(value), _leaks(*case.args, **case.kwargs)
    if sorted(got) != right:
        missing, wrong = [p for p in right if p not in got], [p for p in got if p not in right]
        words = []
        if missing:
            words.append(f"it misses {len(missing)} of {len(right)} leaks, for example (t_out, t_in) = {missing[0]}")
        if wrong:
            words.append(f"it reports {len(wrong)} that are none, for example {wrong[0]}")
        return f"For a layer that is {case.note}, {'; '.join(words) or 'it reports a leak more than once'}."
    if got != right:
        return "The pairs must stand in ascending order."
    return None


def _finds_leaks_of_whole_numbers(call, d):
    """Move integers by a half: what comes of it is no integer."""
    x, function = np.rint(3 * d.array(1, 2, 5)).astype(int), _layer("centred", d.array(2, 2, 3))
    return _as_pairs(call(function, x, 0.5)) == _leaks(function, x, 0.5)


_ONE_FOR_ALL = "You looked at one sample or one channel alone: move all of them, and compare all of them."

_x = Arrays("variants", "future_leaks")
FUTURE_LEAKS = Check(
    "future_leaks",
    section="variants#variants-causal",
    judge=_judge_leaks,
    parts={"causal and not": 2, "hidden leaks": 1},
    cases=(
        _leak_case("causal", "causal and not"),
        _leak_case("centred", "causal and not"),
        _leak_case("centred", "causal and not", channels=1, length=5, k=5),
        _leak_case("causal", "causal and not", channels=1),
        _leak_case("a single leak", "hidden leaks", samples=2),
        _leak_case("backward in time", "hidden leaks", k=4),
        _leak_case("centred", "hidden leaks", special=(0.0, 0.0, 0.0)),
        _leak_case("centred", "hidden leaks", special=(1.0, 1.0, 1.0)),
        _leak_case("centred", "hidden leaks", special=(2.5, 2.5), size=2.5),
        _leak_case("leaking with two signs", "hidden leaks"),
        _leak_case("leaking large values alone", "hidden leaks", special=(7.0, 0.0, -0.2), size=5.5),
        _leak_case("leaking faintly", "hidden leaks"),
        _leak_case("centred, with tiny weights", "hidden leaks"),
    ),
    draw_case=_draw_leaks,
    properties=(Property("whole numbers", WHOLE.message, _finds_leaks_of_whole_numbers),),
    mistakes=(
        Mistake("says all is well", "Your list is empty: it names no leak of any layer.", lambda f, x, size=1.0: []),
        Mistake("looks at the last input alone", "You moved the last input alone; every input may leak.", lambda f, x, size=1.0: [p for p in _leaks(f, x, size) if p[1] == x.shape[2] - 1]),
        Mistake("reports every reaction", "You report reactions to the present and the past, too: a leak is a reaction to the future.", lambda f, x, size=1.0: sorted({(s, t) for t in range(x.shape[2]) for s in range(t, x.shape[2])} | set(_leaks(f, x, size)))),
        Mistake("looks one step ahead alone", "You looked one step ahead alone; a leak may come from further.", lambda f, x, size=1.0: [p for p in _leaks(f, x, size) if p[1] == p[0] + 1]),
        Mistake("compares the first channel alone", _ONE_FOR_ALL, lambda f, x, size=1.0: _leaks(lambda moved: f(moved)[:, :1], x, size), share=2 / 3),
        Mistake("compares the first sample alone", _ONE_FOR_ALL, lambda f, x, size=1.0: _leaks(lambda moved: f(moved)[:1], x, size), share=2 / 3),
        Mistake("lists them by input", "ascending order", lambda f, x, size=1.0: sorted(_leaks(f, x, size), key=lambda pair: pair[::-1]), share=2 / 3),
        Mistake("moves the first channel alone", _ONE_FOR_ALL, lambda f, x, size=1.0: _leaks(lambda moved: f(np.concatenate([moved[:, :1], x[:, 1:]], 1)), x, size), share=2 / 3),
        Mistake("ignores size", "You ignored `size`: this layer reacts to large moves alone.", lambda f, x, size=1.0: _leaks(f, x), share=2 / 3),
        Mistake("sets the input", "You set the input to `size`; where it has that value already nothing moves: add `size`.", lambda f, x, size=1.0: _leaks(f, x, size, _set), share=2 / 3),
        Mistake("takes the input away", "You set the input to 0; where it is 0 already nothing moves: add `size`.", lambda f, x, size=1.0: _leaks(f, x, 0.0, _set), share=2 / 3),
        Mistake("adds the changes up", "You added the changes of all channels and samples up: changes of opposite signs cancel.", lambda f, x, size=1.0: _leaks(lambda moved: f(moved).sum((0, 1), keepdims=True).round(9), x, size), share=2 / 3),
        Mistake("takes small changes for none", "You took small changes for none: `np.allclose` calls equal what differs by a hundred-thousandth, or by 1e-8.", lambda f, x, size=1.0: _leaks_to(np.allclose, f, x, size), share=2 / 3),
        Mistake("swaps the pair", "Your pairs are the wrong way round: (t_out, t_in).", lambda f, x, size=1.0: [(t, s) for s, t in _leaks(f, x, size)]),
        Mistake("cannot move whole numbers", WHOLE.message, lambda f, x, size=1.0: _leaks(f, x, size if x.dtype.kind == "f" else int(size)), share=3 / 4),
    ),
)  # fmt: skip

# --- claims on trial -----------------------------------------------------------------------------------------------


def _judge_deconvolution(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. Convolve an image, transpose-convolve the result with the same kernel, and compare."
    x, w = (np.asarray(part, dtype=float) for part in evidence)
    if (
        x.ndim != 4
        or w.ndim != 4
        or x.size > 4096
        or w.size > 4096
        or not (np.isfinite(x).all() and np.isfinite(w).all())
    ):
        raise ValueError("the evidence must be an image (N, C, H, W) and a weight (F, C, kH, kW) of finite numbers")
    if max(np.abs(x).max(), np.abs(w).max()) > 1e6:
        return "Your numbers are too large to be compared: keep them below a million."
    if np.abs(x).max() < 1e-200 or np.abs(w).max() < 1e-200:
        return "An image or a kernel of zeros shows nothing."
    x, w = x / np.abs(x).max(), w / np.abs(w).max()
    back = _transposed(_conv(x, w), w)
    best = np.sum(back * x) / max(np.sum(back * back), 1e-300)
    if np.linalg.norm(best * back - x) <= 1e-6 * np.linalg.norm(x):
        return "For your image and kernel the transposed convolution does give the image back, up to a factor."
    return None


def _judge_parameters(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if not verdict:
        return "You judged it false. Count the weights of both steps and divide by the weights of the full kernel."
    c, f, k = case.args
    right = (c * k * k + c * f) / (f * c * k * k)
    if np.ndim(evidence) or not abs(float(evidence) - right) <= 1e-9:
        return f"For C = {c}, F = {f}, k = {k}, the ratio is not {float(evidence):.6g}."
    return None


_IMAGE = Arrays("variants", "claim_deconvolution")(1, 1, 4, 4)
CLAIM_DECONVOLUTION = Check(
    "claim_deconvolution",
    section="variants#variants-transposed",
    judge=_judge_deconvolution,
    cases=(Case(),),
    mistakes=(
        *claim_mistakes(False, "You judged it true.", lambda: (np.ones((1, 1, 4, 4)), np.ones((1, 1, 2, 2)))),
        Mistake("takes a single pixel kernel", "does give the image back", lambda: (False, (_IMAGE, np.full((1, 1, 1, 1), 3.0)))),
        Mistake("overflows", "keep the numbers of the evidence between", lambda: (False, (np.full((1, 1, 4, 4), 1e200), np.full((1, 1, 1, 1), 1e200)))),
        Mistake("gives zeros", "shows nothing", lambda: (False, (np.zeros((1, 1, 4, 4)), np.ones((1, 1, 2, 2))))),
        ),
)  # fmt: skip

CLAIM_RATIO = Check(
    "claim_ratio",
    section="variants#variants-depthwise",
    judge=_judge_parameters,
    cases=(Case((16, 32, 3)), Case((8, 8, 5)), Case((3, 64, 7)), Case((5, 2, 1))),
    draw_case=lambda d: Case((d.integer(2, 64), d.integer(2, 64), d.integer(2, 9))),
    mistakes=(
        *claim_mistakes(True, "You judged it false.", lambda c, f, k: 0.1),
        Mistake("uses the channels in", "the ratio is not", lambda c, f, k: (True, 1 / c + 1 / k**2)),
        Mistake("uses the kernel's side", "the ratio is not", lambda c, f, k: (True, 1 / f + 1 / k)),
        Mistake("inverts", "the ratio is not", lambda c, f, k: (True, 1 / (1 / f + 1 / k**2))),
        Mistake("forgets the second step", "the ratio is not", lambda c, f, k: (True, 1 / f)),
    ),
)  # fmt: skip

CHECKS = (
    LOCALLY_CONNECTED2D,
    LOCALLY_CONNECTED2D_BACKWARD,
    TILED_CONV2D,
    DILATE_KERNEL,
    CONV_TRANSPOSE2D,
    CONV_TRANSPOSE2D_BACKWARD,
    DEPTHWISE_SEPARABLE,
    CAUSAL_CONV1D,
    FUTURE_LEAKS,
    CLAIM_DECONVOLUTION,
    CLAIM_RATIO,
)
