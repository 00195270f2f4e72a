"""Convolution: sizes and modes, both operations in one and two dimensions, three matrices, and five claims on trial."""

import numpy as np
import scipy.signal
import torch.nn.functional as F

from convcourse.engine import kinds
from convcourse.engine.builders import Arrays, claim_mistakes
from convcourse.engine.check import Check
from convcourse.engine.evidence import verdict_and_evidence
from convcourse.engine.model import DTYPE, Case, Mistake, Property
from convcourse.engine.oracles import tensor

_MODES = ("full", "same", "valid")


def _f(*shape):
    return _x(*shape, dtype=np.float32)


# --- how many outputs ----------------------------------------------------------------------------------------------


def _count(n, kernel_size, mode):
    return len(scipy.signal.convolve(np.ones(n), np.ones(kernel_size), mode))


def _padding(kernel_size, mode):
    """Find the padding by where an impulse comes out."""
    n = kernel_size + 2
    impulse = np.zeros(n)
    impulse[0] = 1
    first = scipy.signal.convolve(impulse, np.arange(1, kernel_size + 1), mode)[0]
    before = kernel_size - int(first) if first else 0
    return before, _count(n, kernel_size, mode) + kernel_size - 1 - n - before


def _padding_as(full=lambda k: (k - 1, k - 1), same=lambda k: (k // 2, (k - 1) // 2), valid=lambda k: (0, 0)):
    return lambda kernel_size, mode: {"full": full, "same": same, "valid": valid}[mode](kernel_size)


MODE_PADDING = Check(
    "mode_padding",
    section="convolution#convolution-modes",
    oracle=_padding,
    parts={"odd kernels": 1, "even kernels": 1},
    cases=tuple(
        Case((k, mode), {}, "odd kernels" if k % 2 else "even kernels")
        for k in (3, 4, 2, 7, 6, 1, 9, 16)
        for mode in ("valid", "same", "full")
    ),
    draw_case=lambda d: (lambda k: Case((k, d.choice(_MODES)), {}, "odd kernels" if k % 2 else "even kernels"))(
        d.integer(1, 12)
    ),
    mistakes=(
        Mistake(
            "gives the larger half to the end",
            'For an even kernel in the mode "same" you put the larger half after the input; it belongs before it.',
            _padding_as(same=lambda k: ((k - 1) // 2, k // 2)),
            share=0.5,
        ),
        Mistake(
            "pads both sides alike",
            "You pad both sides alike: with an even kernel the output gets one too long. Both sides together get k - 1.",
            _padding_as(same=lambda k: (k // 2, k // 2)),
            share=0.5,
        ),
        Mistake(
            "pads (k - 1) // 2 twice",
            "You pad (k - 1) // 2 on both sides: with an even kernel the output gets one too short.",
            _padding_as(same=lambda k: ((k - 1) // 2, (k - 1) // 2)),
            share=0.5,
        ),
        Mistake(
            "pads k for full",
            'In the mode "full" you pad k zeros: a window that lies in zeros alone does not touch the input. k - 1.',
            _padding_as(full=lambda k: (k, k)),
        ),
        Mistake(
            "pads full on one side",
            'In the mode "full" you pad at the start only; the kernel hangs over at both ends.',
            _padding_as(full=lambda k: (k - 1, 0)),
        ),
        Mistake(
            "swaps full and valid",
            'You swapped "full" and "valid": valid windows lie inside the input and need no zeros.',
            lambda kernel_size, mode: _padding(kernel_size, {"full": "valid", "valid": "full"}.get(mode, mode)),
        ),
    ),
)


def _draw_size(sampler):
    k = sampler.integer(1, 9)
    mode = sampler.choice(_MODES)
    n = sampler.integer(k if mode == "valid" else 1, 20)
    return Case((n, k, mode), {}, "odd kernels" if k % 2 else "even kernels")


def _size_as(full=lambda n, k: n + k - 1, same=lambda n, k: n, valid=lambda n, k: n - k + 1):
    return lambda n, kernel_size, mode: {"full": full, "same": same, "valid": valid}[mode](n, kernel_size)


OUTPUT_SIZE = Check(
    "output_size",
    builds_on=("mode_padding",),
    section="convolution#convolution-modes",
    oracle=_count,
    parts={"odd kernels": 1, "even kernels": 1},
    cases=tuple(
        Case((n, k, mode), {}, "odd kernels" if k % 2 else "even kernels")
        for n, k in ((5, 3), (6, 4), (7, 1), (9, 2), (4, 4), (11, 7), (3, 7), (2, 6))
        for mode in ("valid", "same", "full")
        if k <= n or mode != "valid"
    ),
    draw_case=_draw_size,
    mistakes=(
        Mistake(
            "valid without + 1",
            "You forgot a window: n - k + 1 windows of k samples fit into n, the one at the start included.",
            _size_as(valid=lambda n, k: n - k),
        ),
        Mistake(
            "shrinks by 1 - k",
            'For "valid" you count as for "full": a valid convolution makes the output shorter, by k - 1.',
            _size_as(valid=lambda n, k: n + k - 1),
        ),
        Mistake(
            "full adds k",
            "In the mode full you count one window too many: it does not touch the input any more.",
            _size_as(full=lambda n, k: n + k),
        ),
        Mistake(
            "full adds both overhangs twice",
            "Full pads k - 1 on both sides, and the window takes k - 1 away again: n + k - 1 are left.",
            _size_as(full=lambda n, k: n + 2 * (k - 1)),
        ),
        Mistake(
            "ignores the mode",
            "You ignore the mode: every output has the input's size.",
            _size_as(*[lambda n, k: n] * 3),
        ),
        Mistake(
            "same by (k - 1) // 2",
            'For "same" and an even kernel you have one output too few: (k - 1) // 2 zeros on both sides are not enough.',
            _size_as(same=lambda n, k: n - (k + 1) % 2),
            share=0.5,
        ),
        Mistake(
            "same by k // 2",
            'For "same" and an even kernel you have one output too many: k // 2 zeros on both sides are one zero too many.',
            _size_as(same=lambda n, k: n + (k + 1) % 2),
            share=0.5,
        ),
        Mistake(
            "is as long as the longer",
            'For "same" you take the longer of input and kernel, as NumPy does; it is the size of the input.',
            _size_as(same=max),
        ),
    ),
)

# --- both operations -----------------------------------------------------------------------------------------------


def _convolve(x, h, mode="full"):
    return scipy.signal.convolve(x, h, mode, method="direct")


def _convolve_signals(x, h, mode="full"):
    """Convolve signals alone: a helper that took images would give the answer to a later task away."""
    if np.ndim(x) != 1 or np.ndim(h) != 1:
        raise ValueError(f"x and h are signals, with one axis each: got {np.ndim(x)} and {np.ndim(h)}")
    return _convolve(x, h, mode)


def _correlate(x, h, mode="full"):
    return scipy.signal.correlate(x, h, mode, method="direct")


def _turned(a):
    return a[tuple([slice(None, None, -1)] * a.ndim)]


def _later_centre(function, side):
    """In the mode same: keep the other one of two central choices; `side` says where it lies in full."""

    def wrong(x, h, mode="full"):
        if mode != "same":
            return function(x, h, mode)
        full = function(x, h, "full")
        starts = [k // 2 if side == "later" else (k - 1) // 2 for k in h.shape]
        return full[tuple(slice(s, s + n) for s, n in zip(starts, x.shape))].copy()

    return wrong


def _always(function, fixed):
    return lambda x, h, mode="full": function(x, h, fixed)


def _largest(function):
    """Size of what is added up, the largest in any window for each: a right answer by FFT errs by that much."""

    def scale(x, h, *mode, **option):
        return np.full(function(x, h, *mode, **option).shape, function(x, h).max())

    return scale


def _cut(function):
    """Store the result in an array of the first argument's dtype."""
    return lambda x, *rest, **options: function(x, *rest, **options).astype(x.dtype)


def _padded(function, how):
    """Put something other than zeros beyond the ends."""

    def wrong(x, h, mode="full"):
        widths = [{"full": (k - 1, k - 1), "same": (k // 2, (k - 1) // 2), "valid": (0, 0)}[mode] for k in h.shape]
        return function(np.pad(x, widths, mode=how), h, "valid")

    return wrong


def _longer(function):
    """NumPy's rule: same is as long as the longer of both."""

    def wrong(x, h, mode="full"):
        if mode == "same" and len(h) > len(x):
            return _convolve(h, x, "same") if function is _convolve else _convolve(h[::-1], x, "same")
        return function(x, h, mode)

    return wrong


_LONG = np.array([1.0, 10, 100, 1000])
_x = Arrays("convolution", "spread")
_SPREAD = _x(2, 16)[:, ::2]


def _signal_cases():
    return (
        Case((np.array([1.0, 2, 4]), np.array([1.0, 10, 100])), {}, "full"),
        Case((_x(7), _x(3)), {}, "full"),
        Case((_x(6), _x(4)), {"mode": "full"}, "full", "an even kernel"),
        Case((_x(1), _x(5)), {}, "full", "one sample"),
        Case((_x(9, dtype=np.float32), _x(2, dtype=np.float32), "full"), {}, "full", "float32"),
        Case((np.array([2, 0, 3]), np.array([0.5, 0.25])), {}, "full", "a signal of whole numbers"),
        Case((_x(5), _x(1)), {}, "full", "one tap"),
        Case((np.array([1.0, 2, 4]), np.array([1.0, 10, 100]), "same"), {}, "same"),
        Case((_f(8), _f(5)), {"mode": "same"}, "same", "float32"),
        Case((_SPREAD[0], _x(3), "same"), {}, "same", "an array that is not contiguous"),
        Case((_x(4), _x(1), "same"), {}, "same", "one tap"),
        Case((np.array([0.0, 0, 1, 0, 0]), np.array([1.0, 2]), "same"), {}, "same with an even kernel", "an impulse"),
        Case((_f(7), _f(4), "same"), {}, "same with an even kernel", "float32"),
        Case((_x(6), _x(6), "same"), {}, "same with an even kernel"),
        Case((_LONG, np.array([2.0, 3, 5]), "valid"), {}, "valid"),
        Case((_x(6), _x(6)), {"mode": "valid"}, "valid", "kernel and signal of one length"),
        Case((_f(9), _f(2), "valid"), {}, "valid", "float32"),
        Case((_x(5), _x(1), "valid"), {}, "valid", "one tap"),
        Case((_x(3), _x(5), "same"), {}, "long kernel", "the kernel is longer than the signal"),
        Case((_x(2), _x(7), "same"), {}, "long kernel"),
        Case((_x(3), _x(6), "same"), {}, "long kernel", "an even kernel"),
        Case((_f(2), _f(4)), {}, "long kernel", "float32"),
        Case((_x(1), _x(3)), {}, "long kernel", "one sample"),
        Case((_x(6), np.ones(1)), {}, "full", "one tap of 1: the signal itself"),
        Case((_x(6), np.ones(1), "same"), {}, "same", "one tap of 1: the signal itself"),
        Case((_x(6), np.ones(1), "valid"), {}, "valid", "one tap of 1: the signal itself"),
    )


def _tenths(sampler, *shape):
    """Draw numbers with one decimal: whether sums of their products are rounded must not hang on the draw."""
    return np.round(sampler.array(*shape), 1)


def _draw_signal(sampler):
    part = sampler.choice(("full", "same", "same with an even kernel", "valid", "long kernel"))
    k = 2 * sampler.integer(1, 3) if part == "same with an even kernel" else 2 * sampler.integer(1, 2) + 1
    n = sampler.integer(1, k - 1) if part == "long kernel" else sampler.integer(k, 10)
    mode = {"same with an even kernel": "same", "long kernel": sampler.choice(("same", "full"))}.get(part, part)
    return Case((_tenths(sampler, n), _tenths(sampler, k), mode), {}, part)


_SIGNAL_PARTS = {"full": 2, "same": 2, "same with an even kernel": 1, "valid": 1, "long kernel": 1}


def _linear_in_both(call, sampler):
    x, y, h = sampler.array(7), sampler.array(7), sampler.array(3)
    return np.allclose(call(2 * x - y, h), 2 * np.asarray(call(x, h)) - call(y, h))


_LINEAR = Property("linear", "It is not linear in the signal.", _linear_in_both)

_x = Arrays("convolution", "convolve1d")
CONVOLVE1D = Check(
    "convolve1d",
    builds_on=("mode_padding", "output_size"),
    section="convolution#convolution-average",
    oracle=_convolve_signals,
    scale=_largest(_convolve),
    parts=_SIGNAL_PARTS,
    cases=_signal_cases(),
    draw_case=_draw_signal,
    properties=(_LINEAR,),
    mistakes=(
        Mistake(
            "does not turn the kernel",
            "You slide the kernel as it is: that is a cross-correlation. In a convolution the kernel is turned round.",
            _correlate,
        ),
        Mistake(
            "keeps the later centre",
            'With an even kernel in the mode "same" there are two central choices; you keep the later, the earlier is'
            " asked for.",
            _later_centre(_convolve, "later"),
            share=5 / 7,
        ),
        Mistake(
            "is as long as the longer",
            'In the mode "same" your output is as long as the longer of both, as NumPy has it; it must be as long as x.',
            _longer(_convolve),
            share=6 / 7,
        ),
        Mistake(
            "turns the result",
            "Your result comes out reversed in time. Of signal, kernel and output the kernel alone is turned round.",
            lambda x, h, mode="full": _convolve(x, h, mode)[::-1].copy(),
        ),
        Mistake(
            "wraps round",
            "Beyond its ends the signal is 0; you let it wrap round.",
            _padded(_convolve, "wrap"),
            share=1 / 7,
        ),
        Mistake(
            "repeats the ends",
            "Beyond its ends the signal is 0; you repeat its first and last sample.",
            _padded(_convolve, "edge"),
            share=1 / 7,
        ),
        Mistake(
            "multiplies sample by sample",
            "You multiply sample by sample without sliding: each output is a sum over the kernel.",
            lambda x, h, mode="full": x * h,
        ),
        Mistake(
            "ignores the mode",
            'You ignore the mode: the result is always "full".',
            _always(_convolve, "full"),
            share=2 / 7,
        ),
        Mistake(
            "is always same",
            'Your result is always as long as the signal, which is right for "same" only.',
            _always(_convolve, "same"),
            share=3 / 7,
        ),
        Mistake(
            "cuts to whole numbers",
            "Your result has the dtype of x: with a signal of whole numbers the fractions of the kernel are lost.",
            _cut(_convolve),
            share=5 / 7,
        ),
        Mistake(
            "turns the signal",
            "Your result is that of the signal turned round, or of a cross-correlation with signal and kernel exchanged."
            " It is the kernel that is turned.",
            lambda x, h, mode="full": _convolve(x[::-1], h, mode),
        ),
    ),
)

_REVERSED = (
    "Your result comes out reversed: signal and kernel have changed places, or both are turned. Cross-correlation does not"
    " commute."
)

_x = Arrays("convolution", "cross_correlate1d")
CROSS_CORRELATE1D = Check(
    "cross_correlate1d",
    builds_on=("convolve1d",),
    section="convolution#convolution-algebra",
    oracle=_correlate,
    scale=_largest(_correlate),
    parts=_SIGNAL_PARTS,
    cases=_signal_cases(),
    draw_case=_draw_signal,
    properties=(_LINEAR,),
    mistakes=(
        Mistake(
            "turns the kernel",
            "You turn the kernel round: that is a convolution. A cross-correlation slides it as it is.",
            _convolve,
        ),
        Mistake(
            "exchanges the arguments",
            _REVERSED,
            lambda x, h, mode="full": _correlate(x, h, mode)[::-1].copy(),
        ),
        Mistake("turns both", _REVERSED, lambda x, h, mode="full": _correlate(x[::-1], h[::-1], mode)),
        Mistake(
            "keeps the later centre",
            'With an even kernel in the mode "same" you keep the later of two central choices, as PyTorch does; the'
            " earlier is asked for.",
            _later_centre(_correlate, "later"),
            share=5 / 7,
        ),
        Mistake(
            "cuts to whole numbers",
            "Your result has the dtype of x: with a signal of whole numbers the fractions of the kernel are lost.",
            _cut(_correlate),
            share=5 / 7,
        ),
        Mistake(
            "wraps round",
            "Beyond its ends the signal is 0; you let it wrap round.",
            _padded(_correlate, "wrap"),
            share=1 / 7,
        ),
        Mistake(
            "ignores the mode",
            'You ignore the mode: the result is always "full".',
            _always(_correlate, "full"),
            share=2 / 7,
        ),
        Mistake(
            "is always valid where it fits",
            'You keep only the windows that lie inside the signal, which is the mode "valid".',
            lambda x, h, mode="full": _correlate(x, h, "valid" if len(h) <= len(x) else mode),
            share=2 / 7,
        ),
    ),
)

_x = Arrays("convolution", "strided")
_STRIDED = _x(8, 15)[::2, ::3]


def _image_cases():
    return (
        Case((np.array([[1.0, 2], [3, 5]]), np.array([[1.0, 10], [100, 1000]])), {}, "full"),
        Case((_x(4, 6), _x(3, 2)), {}, "full", "nothing is square"),
        Case((_x(3, 5, dtype=np.float32), _x(2, 3, dtype=np.float32)), {"mode": "full"}, "full", "float32"),
        Case((_x(6, 3), _x(1, 2)), {}, "full", "a kernel of one row"),
        Case((_x(2, 3), _x(3, 4)), {}, "full", "the kernel is larger than the image"),
        Case((_x(4, 5), _x(3, 3), "same"), {}, "same"),
        Case((_f(5, 6), _f(3, 5)), {"mode": "same"}, "same", "float32"),
        Case((_STRIDED, _x(5, 1), "same"), {}, "same", "an array that is not contiguous, a kernel of one column"),
        Case((_x(2, 3), _x(3, 5), "same"), {}, "same", "the kernel is larger than the image"),
        Case((_x(4, 3), _x(1, 1), "same"), {}, "same", "one tap"),
        Case((np.eye(5)[2:3].repeat(3, 0), np.array([[1.0, 2]]), "same"), {}, "same with an even kernel"),
        Case((_f(5, 6), _f(2, 4), "same"), {}, "same with an even kernel", "float32"),
        Case((_x(4, 7), _x(4, 3), "same"), {}, "same with an even kernel"),
        Case((_x(5, 4), _x(3, 2), "same"), {}, "same with an even kernel", "odd and even"),
        Case((_x(1, 3), _x(2, 6), "same"), {}, "same with an even kernel", "the kernel is larger than the image"),
        Case((np.arange(12.0).reshape(3, 4) ** 2, np.array([[1.0, 2], [3, 4]]), "valid"), {}, "valid"),
        Case((_f(6, 7), _f(3, 2)), {"mode": "valid"}, "valid", "float32"),
        Case((_x(4, 3), _x(4, 3), "valid"), {}, "valid", "kernel and image of one size"),
        Case((_x(5, 3), _x(1, 2), "valid"), {}, "valid", "a kernel of one row"),
        Case((_x(3, 2), _x(1, 1), "valid"), {}, "valid", "one tap"),
        Case((_x(4, 3), np.ones((1, 1))), {}, "full", "one tap of 1: the image itself"),
        Case((_x(4, 3), np.ones((1, 1)), "same"), {}, "same", "one tap of 1: the image itself"),
        Case((_x(4, 3), np.ones((1, 1)), "valid"), {}, "valid", "one tap of 1: the image itself"),
    )


def _draw_image(sampler):
    part = sampler.choice(("full", "same", "same with an even kernel", "valid"))
    even = part == "same with an even kernel"
    shape = [2 * sampler.integer(1, 2) - 1 if part == "same" else sampler.integer(1, 3) for _ in range(2)]
    if even:
        shape[sampler.integer(0, 1)] = 2 * sampler.integer(1, 2)
    image = _tenths(sampler, sampler.integer(4, 6), sampler.integer(4, 7))
    return Case((image, _tenths(sampler, *shape), part.split()[0]), {}, part)


_IMAGE_PARTS = {"full": 2, "same": 2, "same with an even kernel": 1, "valid": 1}

_x = Arrays("convolution", "convolve2d")
CONVOLVE2D = Check(
    "convolve2d",
    builds_on=("mode_padding", "output_size"),
    section="convolution#convolution-turn",
    oracle=lambda image, kernel, mode="full": _convolve(image, kernel, mode),
    scale=_largest(_convolve),
    photographs=True,
    parts=_IMAGE_PARTS,
    cases=_image_cases(),
    draw_case=_draw_image,
    mistakes=(
        Mistake(
            "does not turn the kernel",
            "You slide the kernel as it is: that is a cross-correlation. In a convolution it is turned by 180 degrees.",
            _correlate,
        ),
        Mistake(
            "mirrors the rows alone",
            "You mirror the kernel top to bottom only; it is turned by 180 degrees, so columns are mirrored too.",
            lambda x, w, mode="full": _convolve(x, w[:, ::-1], mode),
        ),
        Mistake(
            "turns the image",
            "Your result is that of the image turned round, or of a cross-correlation with image and kernel exchanged. It is"
            " the kernel that is turned.",
            lambda x, w, mode="full": _convolve(x[::-1, ::-1], w, mode),
        ),
        Mistake(
            "mirrors the columns alone",
            "You mirror the kernel left to right only; it is turned by 180 degrees, so rows are mirrored too.",
            lambda x, w, mode="full": _convolve(x, w[::-1], mode),
        ),
        Mistake(
            "keeps the later centre",
            'With an even kernel in the mode "same" there are two central choices; you keep the later, the earlier is'
            " asked for.",
            _later_centre(_convolve, "later"),
            share=5 / 6,
        ),
        Mistake("cuts to whole numbers", kinds.WHOLE.message, _cut(_convolve), share=3 / 4),
        Mistake(
            "convolves the rows alone",
            "You slide along rows only and add up the rows of the kernel; it moves down the image too.",
            lambda x, w, mode="full": _convolve(x, w.sum(0, keepdims=True), mode),
        ),
        Mistake(
            "wraps round",
            "Beyond its borders the image is 0; you let it wrap round.",
            _padded(_convolve, "wrap"),
            share=1 / 6,
        ),
        Mistake(
            "repeats the border",
            "Beyond its borders the image is 0; you repeat the outermost pixels.",
            _padded(_convolve, "edge"),
            share=1 / 6,
        ),
        Mistake(
            "ignores the mode",
            'You ignore the mode: the result is always "full".',
            _always(_convolve, "full"),
            share=2 / 6,
        ),
        Mistake(
            "is always same",
            'Your result always has the size of the image, which is right for "same" only.',
            _always(_convolve, "same"),
            share=3 / 6,
        ),
    ),
)

_x = Arrays("convolution", "cross_correlate2d")
CROSS_CORRELATE2D = Check(
    "cross_correlate2d",
    builds_on=("convolve2d",),
    section="convolution#convolution-images",
    oracle=_correlate,
    scale=_largest(_correlate),
    photographs=True,
    parts=_IMAGE_PARTS,
    cases=_image_cases(),
    draw_case=_draw_image,
    mistakes=(
        Mistake(
            "turns the kernel",
            "You turn the kernel: that is a convolution. A cross-correlation slides it as it is.",
            _convolve,
        ),
        Mistake(
            "mirrors the rows",
            "You mirror the kernel top to bottom; it must lie on the image as it is.",
            lambda x, w, mode="full": _correlate(x, w[::-1], mode),
        ),
        Mistake(
            "exchanges the arguments",
            "Your result comes out turned by 180 degrees: image and kernel have changed places, or both are turned."
            " Cross-correlation does not commute.",
            lambda x, w, mode="full": _turned(_correlate(x, w, mode)).copy(),
        ),
        Mistake(
            "keeps the later centre",
            'With an even kernel in the mode "same" you keep the later of two central choices, as PyTorch does; the'
            " earlier is asked for.",
            _later_centre(_correlate, "later"),
            share=5 / 6,
        ),
        Mistake(
            "wraps round",
            "Beyond its borders the image is 0; you let it wrap round.",
            _padded(_correlate, "wrap"),
            share=1 / 6,
        ),
        Mistake(
            "ignores the mode",
            'You ignore the mode: the result is always "full".',
            _always(_correlate, "full"),
            share=2 / 6,
        ),
        Mistake("cuts to whole numbers", kinds.WHOLE.message, _cut(_correlate), share=3 / 4),
        Mistake(
            "divides by the size",
            "You divide by the number of taps: a sum is asked for, not an average.",
            lambda x, w, mode="full": (_correlate(x, w, mode) / np.float32(w.size)).astype(x.dtype),
        ),
    ),
)

# --- periodic signals and matrices -----------------------------------------------------------------------------------


def _circular(x, h):
    periodic = F.pad(tensor(x)[None, None], (len(h) - 1, 0), mode="circular") if len(h) > 1 else tensor(x)[None, None]
    return F.conv1d(periodic, tensor(h).flip(0)[None, None])[0, 0].numpy()


def _folded_at_the_end(x, h):
    full, over = _convolve(x, h), len(h) - 1
    y = full[: len(x)].copy()
    y[len(x) - over :] += full[len(x) :]
    return y


def _draw_period(sampler):
    n = sampler.integer(3, 9)
    k = sampler.choice((n, sampler.integer(1, n - 1)))
    part = "kernel of a whole period" if k == n else "short kernel"
    return Case((_tenths(sampler, n), _tenths(sampler, k)), {}, part)


_x = Arrays("convolution", "circular_convolve1d")
CIRCULAR_CONVOLVE1D = Check(
    "circular_convolve1d",
    builds_on=("convolve1d",),
    section="convolution#convolution-circulant",
    oracle=_circular,
    scale=_largest(_circular),
    parts={"short kernel": 2, "kernel of a whole period": 1},
    cases=(
        Case((np.array([1.0, 10, 100, 1000]), np.array([2.0, 3])), {}, "short kernel"),
        Case((_x(7), _x(3)), {}, "short kernel"),
        Case((_x(8, dtype=np.float32), _x(4, dtype=np.float32)), {}, "short kernel", "float32"),
        Case((_SPREAD[1], _x(5)), {}, "short kernel", "an array that is not contiguous"),
        Case((_x(5), np.array([0.0, 2])), {}, "short kernel"),
        Case((_x(5), _x(1)), {}, "short kernel", "one tap"),
        Case((np.array([1.0, 10, 100]), np.array([2.0, 3, 5])), {}, "kernel of a whole period"),
        Case((_f(6), _f(6)), {}, "kernel of a whole period", "float32"),
        Case((_x(1), _x(1)), {}, "kernel of a whole period", "a period of one sample"),
        Case((_x(6), np.ones(1)), {}, "short kernel", "one tap of 1: the signal itself"),
        Case((_x(4), np.eye(4)[0]), {}, "kernel of a whole period", "an impulse: the signal itself"),
    ),
    draw_case=_draw_period,
    mistakes=(
        Mistake(
            "does not wrap",
            "Nothing wraps round: you let the signal be 0 before its start. It is periodic: x[-1] is its last sample.",
            lambda x, h: _convolve(x, h)[: len(x)].copy(),
        ),
        Mistake(
            "does not turn the kernel",
            "You add indices where they are subtracted, x[t + n]: that is a circular cross-correlation.",
            lambda x, h: _circular(x[::-1], h)[::-1].copy(),
        ),
        Mistake(
            "keeps the middle",
            "Your result is moved: y[0] uses x[0], x[-1], x[-2], ..., without centring the kernel.",
            lambda x, h: np.roll(_circular(x, h), -((len(h) - 1) // 2)),
        ),
        Mistake(
            "wraps one sample short",
            "You count the period as N - 1: after x[N - 1] comes x[0].",
            lambda x, h: x[(np.arange(len(x))[:, None] - np.arange(len(h))) % (len(x) - 1)] @ h,
        ),
        Mistake(
            "wraps at the wrong end",
            "You fold the end that hangs over onto the last outputs; what leaves on the right comes in on the left.",
            _folded_at_the_end,
        ),
        Mistake("cuts to whole numbers", kinds.WHOLE.message, _cut(_circular), share=3 / 4),
    ),
)


def _matrix1d(h, n, mode="full"):
    return np.stack([_convolve(unit, h, mode) for unit in np.eye(n, dtype=h.dtype)], axis=1)


def _matrix_with(h, n, mode, keep):
    return np.stack([keep(unit, h, mode) for unit in np.eye(n, dtype=h.dtype)], axis=1)


def _wrapped_matrix(h, n, mode="full"):
    """Every row is the one above, wrapped round, in all modes."""
    first = _matrix1d(h, n, mode)
    row = first[min(len(h) - 1, len(first) - 1)]
    return np.stack([np.roll(row, t - min(len(h) - 1, len(first) - 1)) for t in range(len(first))])


_x = Arrays("convolution", "convolution_matrix1d")
CONVOLUTION_MATRIX1D = Check(
    "convolution_matrix1d",
    builds_on=("mode_padding", "output_size"),
    section="convolution#convolution-matrix",
    oracle=_matrix1d,
    parts={"full": 2, "same": 1, "same with an even kernel": 1, "valid": 1},
    cases=(
        Case((np.array([1.0, 2, 4]), 4), {}, "full"),
        Case((_x(4), 6), {"mode": "full"}, "full"),
        Case((_x(3, dtype=np.float32), 5), {}, "full", "float32"),
        Case((_x(5), 2), {}, "full", "more taps than samples"),
        Case((_x(1), 3), {}, "full", "one tap"),
        Case((np.array([1.0, 2, 4]), 4, "same"), {}, "same"),
        Case((_f(5), 7), {"mode": "same"}, "same", "float32"),
        Case((_x(5), 3, "same"), {}, "same", "more taps than samples"),
        Case((_x(1), 4, "same"), {}, "same", "one tap"),
        Case((_x(3), 1, "same"), {}, "same", "one sample"),
        Case((np.array([1.0, 2]), 4, "same"), {}, "same with an even kernel"),
        Case((_f(4), 6, "same"), {}, "same with an even kernel", "float32"),
        Case((_x(6), 3, "same"), {}, "same with an even kernel", "more taps than samples"),
        Case((np.array([1.0, 2, 4]), 5, "valid"), {}, "valid"),
        Case((_f(2), 6), {"mode": "valid"}, "valid", "float32"),
        Case((_x(5), 5, "valid"), {}, "valid", "one row"),
        Case((_x(1), 3, "valid"), {}, "valid", "one tap"),
    ),
    draw_case=lambda d: (
        lambda part: Case(
            (
                d.array(2 * d.integer(1, 2) if "even" in part else 2 * d.integer(1, 2) + 1),
                d.integer(5, 8),
                part.split()[0],
            ),
            {},
            part,
        )
    )(d.choice(("full", "same", "same with an even kernel", "valid"))),
    mistakes=(
        Mistake(
            "has the kernel along the rows",
            "Your rows hold the kernel from left to right: that is the matrix of a cross-correlation. T[t, a] = h[t - a]"
            " holds it down the columns.",
            lambda h, n, mode="full": _matrix1d(h[::-1], n, mode),
        ),
        Mistake(
            "is transposed",
            "Your matrix is transposed: it needs a row per output and a column per input.",
            lambda h, n, mode="full": _matrix1d(h, n, mode).T.copy(),
        ),
        Mistake(
            "wraps round",
            "Your rows wrap round: that is a circulant matrix, for a periodic signal. Beyond the ends there are zeros.",
            _wrapped_matrix,
            share=1 / 5,
        ),
        Mistake(
            "is always full",
            'Your matrix is always that of "full": the other modes keep some of its rows.',
            lambda h, n, mode="full": _matrix1d(h, n, "full"),
            share=2 / 5,
        ),
        Mistake(
            "keeps the first rows",
            'You keep the first rows of the "full" matrix; "same" keeps the middle ones, and "valid" those without a cut.',
            lambda h, n, mode="full": _matrix1d(h, n, "full")[: len(_matrix1d(h, n, mode))].copy(),
            share=2 / 5,
        ),
        Mistake(
            "keeps the later centre",
            'With an even kernel in the mode "same" you keep the later of two central choices; the earlier is asked for.',
            lambda h, n, mode="full": _matrix_with(h, n, mode, _later_centre(_convolve, "later")),
            share=4 / 5,
        ),
    ),
)


def _matrix2d(kernel, image_shape, mode="full", convolve=_convolve, order="C"):
    columns = []
    for number in range(image_shape[0] * image_shape[1]):
        unit = np.zeros(image_shape, kernel.dtype)
        unit[np.unravel_index(number, image_shape, order)] = 1
        columns.append(convolve(unit, kernel, mode).ravel(order))
    return np.stack(columns, axis=1)


def _one_long_row(kernel, image_shape, mode="full"):
    """Treat the image as one long signal: windows run from the end of a row into the next."""
    height, width = image_shape
    long = np.zeros((kernel.shape[0] - 1) * width + kernel.shape[1], kernel.dtype)
    for row, taps in enumerate(kernel):
        long[row * width : row * width + len(taps)] += taps
    starts = [{"full": 0, "same": (k - 1) // 2, "valid": k - 1}[mode] for k in kernel.shape]
    down, right = (np.arange(_count(n, k, mode)) + s for n, k, s in zip(image_shape, kernel.shape, starts))
    return _matrix1d(long, height * width)[(width * down[:, None] + right).ravel()]


_x = Arrays("convolution", "convolution_matrix2d")
CONVOLUTION_MATRIX2D = Check(
    "convolution_matrix2d",
    builds_on=("convolve2d", "convolution_matrix1d"),
    section="convolution#convolution-doubly-block",
    oracle=_matrix2d,
    parts={"full": 2, "same": 2, "same with an even kernel": 1, "valid": 2},
    cases=(
        Case((np.array([[1.0, 2], [3, 5]]), (2, 3)), {}, "full"),
        Case((_x(3, 2), (3, 4)), {"mode": "full"}, "full"),
        Case((_x(2, 3, dtype=np.float32), (4, 2)), {}, "full", "float32"),
        Case((_x(3, 4), (2, 3)), {}, "full", "the kernel is larger than the image"),
        Case((_x(1, 1), (4, 3)), {}, "full", "one tap"),
        Case((_f(3, 3), (3, 4), "same"), {}, "same", "float32"),
        Case((_x(1, 3), (4, 3), "same"), {}, "same", "a kernel of one row"),
        Case((_x(3, 1), (2, 5)), {"mode": "same"}, "same", "a kernel of one column"),
        Case((_x(3, 5), (2, 3), "same"), {}, "same", "the kernel is larger than the image"),
        Case((_x(1, 1), (2, 3), "same"), {}, "same", "one tap"),
        Case((_x(2, 2), (3, 4), "same"), {}, "same with an even kernel"),
        Case((_f(2, 4), (4, 5), "same"), {}, "same with an even kernel", "float32"),
        Case((_x(3, 2), (4, 3), "same"), {}, "same with an even kernel", "odd and even"),
        Case((_x(2, 6), (1, 3), "same"), {}, "same with an even kernel", "the kernel is larger than the image"),
        Case((np.array([[1.0, 2], [3, 5]]), (2, 3), "valid"), {}, "valid"),
        Case((_f(2, 3), (4, 5), "valid"), {}, "valid", "float32"),
        Case((_x(3, 2), (3, 2)), {"mode": "valid"}, "valid", "one row"),
        Case((_x(2, 2), (5, 3), "valid"), {}, "valid"),
        Case((_x(1, 2), (2, 4), "valid"), {}, "valid", "a kernel of one row"),
        Case((_x(1, 1), (2, 3), "valid"), {}, "valid", "one tap"),
    ),
    draw_case=lambda d: (
        lambda part: Case(
            (
                d.array(*[2 if "even" in part else 2 * d.integer(1, 2) - 1 for _ in range(2)]),
                (d.integer(3, 4), d.integer(3, 5)),
                part.split()[0],
            ),
            {},
            part,
        )
    )(d.choice(("full", "same", "same with an even kernel", "valid"))),
    mistakes=(
        Mistake(
            "does not turn the kernel",
            "Your rows hold the kernel as it is: that is the matrix of a cross-correlation. It lies turned by 180 degrees.",
            lambda k, shape, mode="full": _matrix2d(k[::-1, ::-1], shape, mode),
        ),
        Mistake(
            "turns within the blocks alone",
            "Each block is right and they stand in the wrong order: the kernel is mirrored top to bottom as well.",
            lambda k, shape, mode="full": _matrix2d(k[::-1], shape, mode),
        ),
        Mistake(
            "is transposed",
            "Your matrix is transposed: it needs a row per output and a column per pixel.",
            lambda k, shape, mode="full": _matrix2d(k, shape, mode).T.copy(),
        ),
        Mistake(
            "turns the order of blocks alone",
            "The blocks stand in the right order and are wrong inside: the kernel is mirrored left to right as well.",
            lambda k, shape, mode="full": _matrix2d(k[:, ::-1], shape, mode),
        ),
        Mistake(
            "goes column by column",
            "You number pixels down the columns; ravel goes row by row.",
            lambda k, shape, mode="full": _matrix2d(k, shape, mode, order="F"),
        ),
        Mistake(
            "is one long row",
            "Your windows run from the end of an image row into the next; beyond the end of each row there are zeros.",
            _one_long_row,
            share=2 / 7,
        ),
        Mistake(
            "wraps round",
            "Your windows wrap round the borders; beyond them the image is 0.",
            lambda k, shape, mode="full": _matrix2d(k, shape, mode, _padded(_convolve, "wrap")),
            share=2 / 7,
        ),
        Mistake(
            "is always full",
            'Your matrix is always that of "full": the other modes keep some of its rows.',
            lambda k, shape, mode="full": _matrix2d(k, shape, "full"),
            share=2 / 7,
        ),
        Mistake(
            "keeps the later centre",
            'With an even kernel in the mode "same" you keep the later of two central choices; the earlier is asked for.',
            lambda k, shape, mode="full": _matrix2d(k, shape, mode, _later_centre(_convolve, "later")),
            share=6 / 7,
        ),
    ),
)

# --- the kernel of an edge ----------------------------------------------------------------------------------------


def _judge_edge(value, case):
    kernel = np.asarray(value, dtype=float)
    if kernel.shape != (1, 2):
        return f"The kernel must have the shape (1, 2), one row of two numbers, got {kernel.shape}."
    (operation,) = case.args
    image = np.random.default_rng(5).integers(0, 9, (3, 6)).astype(float)
    apply = _convolve if operation == "convolution" else _correlate
    got, wanted = apply(image, kernel, "valid"), image[:, 1:] - image[:, :-1]
    if np.allclose(got, wanted, rtol=0, atol=1e-9):
        return None
    if np.allclose(got, -wanted, rtol=0, atol=1e-9):
        return f"As a {operation} this kernel gives the left pixel minus the right one: the sign is turned."
    return f"As a {operation} this kernel does not give the right pixel minus the left one."


def _edge_both(kernel):
    return lambda operation: np.array(kernel, dtype=float)


EDGE_KERNEL = Check(
    "edge_kernel",
    section="convolution#convolution-edges",
    judge=_judge_edge,
    parts={"both": 1},
    cases=(Case(("cross-correlation",), {}, "both"), Case(("convolution",), {}, "both")),
    mistakes=(
        Mistake(
            "takes the other for both",
            "You give one kernel for both operations, the one for convolution: a cross-correlation does not turn it round.",
            _edge_both([[1, -1]]),
        ),
        Mistake(
            "has them swapped",
            "You have the two kernels swapped: it is the convolution that turns its kernel round.",
            lambda operation: np.array([[1.0, -1.0] if operation == "cross-correlation" else [-1.0, 1.0]]),
        ),
        Mistake(
            "is flat",
            "Your kernel has one axis; an image's kernel has two, here one row and two columns.",
            _edge_both([-1, 1]),
        ),
        Mistake(
            "stands upright",
            "Your kernel stands upright: it compares pixels below each other.",
            _edge_both([[-1], [1]]),
        ),
        Mistake(
            "takes one for both",
            "You give one kernel for both operations, the one for cross-correlation: a convolution turns it round.",
            _edge_both([[-1, 1]]),
        ),
        Mistake(
            "halves",
            "You take half the difference; the difference itself is asked for.",
            lambda operation: np.array([[-0.5, 0.5] if operation == "cross-correlation" else [0.5, -0.5]]),
        ),
    ),
)

# --- claims on trial -----------------------------------------------------------------------------------------------


def _numbers(evidence, ndim, most):
    a = np.asarray(evidence, dtype=float)
    if a.ndim != ndim or not 1 <= a.size <= most or not np.isfinite(a).all():
        raise ValueError(f"the evidence must be a finite array with {ndim} axes and at most {most} numbers")
    return a


def _judge_commutes(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. Slide two short signals over each other by hand, in both orders."
    x, h = evidence
    x, h = _numbers(x, 1, 64), _numbers(h, 1, 64)
    one, other = _correlate(x, h), _correlate(h, x)
    if np.all(np.abs(one - other) <= 1e-12 * np.correlate(np.abs(x), np.abs(h), "full").max()):
        return "No counterexample: these two signals give the same in both orders."
    return None


def _judge_associates(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. Take three short signals, the last one not a palindrome, and try both brackets by hand."
    a, b, c = (_numbers(signal, 1, 64) for signal in evidence)
    one, other = _correlate(_correlate(a, b), c), _correlate(a, _correlate(b, c))
    size = _correlate(_correlate(np.abs(a), np.abs(b)), np.abs(c)).max()
    if np.all(np.abs(one - other) <= 1e-12 * size):
        return "No counterexample: these three signals give the same with both brackets."
    return None


def _judge_merge(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if not verdict:
        return "You judged it false. Write out two small kernels one after the other, and collect the factor of each pixel."
    first, second = case.args
    merged = _numbers(evidence, 2, 400)
    image = np.random.default_rng(6).standard_normal((12, 13))
    twice = _correlate(_correlate(image, first, "valid"), second, "valid")
    if merged.shape != tuple(a + b - 1 for a, b in zip(first.shape, second.shape)):
        return f"A kernel of shape {merged.shape} gives an output of another size than the two in a row."
    size = _correlate(_correlate(np.abs(image), np.abs(first), "valid"), np.abs(second), "valid").max()
    if np.any(np.abs(_correlate(image, merged, "valid") - twice) > 1e-9 * size):
        return "This single kernel gives another output than the two in a row."
    return None


def _draw_merge(d):
    if d.choice(("square kernels", "other kernels")) == "square kernels":
        a, b = d.integer(2, 3), d.integer(2, 3)
        return Case((d.array(a, a), d.array(b, b)), {}, "square kernels")
    sizes = [(d.integer(1, 3), d.integer(1, 4)) for _ in range(2)]
    return Case(tuple(d.array(*size) for size in sizes), {}, "other kernels")


def _merge_keeps_single(call, sampler):
    _, merged = call(sampler.array(2, 3).astype(np.float32), sampler.array(3, 2).astype(np.float32))
    return not isinstance(merged, np.ndarray) or merged.dtype == np.float32


def _judge_circulant(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. Look at the first and the last row of such a matrix."
    h, n = evidence
    h = _numbers(h, 1, 64)
    if isinstance(n, bool) or np.size(n) != 1 or int(n) != n or not len(h) <= n <= 64:
        return "The evidence is a kernel and the length of the signal, at least as long as the kernel and at most 64."
    matrix = _matrix1d(h, int(n), "same")
    if np.array_equal(matrix, np.roll(matrix, (1, 1), (0, 1))):
        return "No counterexample: the matrix of this kernel is circulant."
    return None


def _judge_agree(value, case):
    verdict, agree = verdict_and_evidence(value)
    if not verdict:
        return "You judged it false. Try a kernel of ones."
    if not isinstance(agree, bool | np.bool_):
        raise TypeError("the evidence must be True or False")
    (kernel,) = case.args
    impulse = np.ones((1, 1))  # its results are the kernel's taps, without any rounding
    right = np.array_equal(_convolve(impulse, kernel), _correlate(impulse, kernel))
    if bool(agree) != right:
        return f"For this kernel the two operations {'agree' if right else 'differ'}."
    return None


def _draw_agree(d):
    """Make a kernel symmetric about its centre; change one of its taps, or none."""
    part = d.choice(("3 x 3", "other shapes"))
    kernel = d.array(*(3, 3) if part == "3 x 3" else (d.integer(1, 3), d.choice((2, 4, 5))))
    kernel = kernel + kernel[::-1, ::-1]
    kernel.flat[d.integer(0, kernel.size // 2 - 1)] += d.integer(0, 1)
    return Case((kernel,), {}, part)


_POINT = np.array([[1.0, 2, 3], [4, 5, 4], [3, 2, 1]])
_MIRROR = np.array([[1.0, 0, 1], [2, 7, 2], [3, 0, 3]])
_WHOLE, _FRACTIONS = np.array([[1, 2], [3, 5]]), np.array([[0.5, 0.25], [-0.75, 1.5]])

_x = Arrays("convolution", "claims")
CLAIMS = (
    Check(
        "claim_commutes",
        section="convolution#convolution-algebra",
        judge=_judge_commutes,
        cases=(Case(),),
        mistakes=(
            *claim_mistakes(
                False,
                "You judged it true. Slide two short signals over each other by hand, in both orders.",
                lambda: (np.array([1.0, 2]), np.array([3.0, 4])),
            ),
            Mistake(
                "gives no evidence",
                "You judged it and gave no signals: a verdict convinces together with its evidence.",
                lambda: (False, None),
            ),
            Mistake(
                "takes two palindromes",
                "Your signals read the same in both directions: for those the order does not show.",
                lambda: (False, (np.array([1.0, 2, 1]), np.array([3.0, 3]))),
            ),
            Mistake(
                "takes one signal twice reversed",
                "You took the same signal twice: exchanging the two changes nothing.",
                lambda: (False, (np.ones(3), np.ones(3))),
            ),
        ),
    ),
    Check(
        "claim_associates",
        section="convolution#convolution-algebra",
        judge=_judge_associates,
        cases=(Case(),),
        mistakes=(
            *claim_mistakes(
                False,
                "You judged it true. Take three short signals, the last one not a palindrome, and try both brackets by hand.",
                lambda: (np.array([1.0, 2]), np.array([3.0, 4]), np.array([5.0, 6])),
            ),
            Mistake(
                "takes a palindrome last",
                "Your last signal reads the same in both directions: then the brackets do not show.",
                lambda: (False, (np.array([1.0, 2]), np.array([3.0, 4]), np.array([5.0, 6, 5]))),
            ),
            Mistake(
                "takes zeros",
                "One of your signals is all zeros: everything is 0 then.",
                lambda: (False, (np.zeros(2), np.array([3.0, 4]), np.array([5.0, 6]))),
            ),
            Mistake(
                "gives two signals",
                "You gave two signals; three are asked for.",
                lambda: (False, (np.array([1.0, 2]), np.array([3.0, 4]))),
            ),
        ),
    ),
    Check(
        "claim_merge",
        builds_on=("convolve2d",),
        section="convolution#convolution-algebra",
        judge=_judge_merge,
        parts={"square kernels": 1, "other kernels": 1},
        cases=(
            Case((np.array([[1.0, 2], [3, 5]]), np.array([[1.0, 10], [100, 1000]])), {}, "square kernels"),
            Case((_x(2, 2), _x(2, 2)), {}, "square kernels"),
            Case((_x(3, 3), _x(3, 3)), {}, "square kernels"),
            Case((_x(3, 1), _x(1, 3)), {}, "other kernels"),
            Case((_x(3, 1), _x(1, 3)), {}, "other kernels"),
            Case((_x(2, 3), _x(3, 2)), {}, "other kernels"),
            Case((_WHOLE, _FRACTIONS), {}, "square kernels", "whole numbers, then fractions"),
            Case((_FRACTIONS, _WHOLE), {}, "square kernels", "fractions, then whole numbers"),
            Case((_WHOLE[:1], _FRACTIONS), {}, "other kernels", "whole numbers, then fractions"),
            Case((_FRACTIONS[:, :1], _WHOLE), {}, "other kernels", "fractions, then whole numbers"),
            Case((1e-9 * _x(2, 2), _x(3, 3)), {}, "square kernels", "small numbers"),
            Case((_x(1, 3), 1e-9 * _x(2, 1)), {}, "other kernels", "small numbers"),
            Case((_x(3, 3), np.ones((1, 1))), {}, "square kernels", "the second changes nothing"),
            Case((np.ones((1, 1)), _x(2, 4)), {}, "other kernels", "the first changes nothing"),
            Case((_x(2, 4), np.ones((1, 1))), {}, "other kernels", "the second changes nothing"),
        ),
        draw_case=_draw_merge,
        properties=(Property("float32", DTYPE, _merge_keeps_single),),
        mistakes=(
            *claim_mistakes(
                True,
                "You judged it false. Write out two small kernels one after the other, and collect the factor of each pixel.",
                lambda a, b: None,
            ),
            Mistake(
                "correlates the kernels",
                "You cross-correlated the kernels with each other. Collect the factor of each pixel: whose indices add up?",
                lambda a, b: (True, _correlate(a, b)),
            ),
            Mistake(
                "adds up the kernels",
                "You added the kernels: that is what two layers side by side do, not one after the other.",
                lambda a, b: (True, a + b),
            ),
            Mistake(
                "keeps the size",
                "Your kernel keeps the first one's size; two windows in a row reach further than one.",
                lambda a, b: (True, _convolve(a, b, "same")),
            ),
            Mistake(
                "turns the result",
                "Your kernel lies the wrong way round.",
                lambda a, b: (True, _convolve(a, b)[::-1, ::-1]),
            ),
            Mistake(
                "keeps the first kernel's dtype",
                "Your kernel has the dtype of the first one: where that holds whole numbers, the fractions are cut off.",
                lambda a, b: (True, _convolve(a, b).astype(a.dtype)),
            ),
            Mistake("is always of float64", DTYPE, lambda a, b: (True, _convolve(a, b).astype(float)), share=3 / 4),
        ),
    ),
    Check(
        "claim_circulant",
        section="convolution#convolution-circulant",
        judge=_judge_circulant,
        cases=(Case(),),
        mistakes=(
            *claim_mistakes(
                False,
                "You judged it true. Look at the first and the last row of such a matrix.",
                lambda: (np.ones(3), 5),
            ),
            Mistake(
                "takes one tap",
                "A kernel of one tap gives a multiple of the identity, which is circulant.",
                lambda: (False, (np.array([2.0]), 5)),
            ),
            Mistake(
                "takes a tap in the middle",
                "A kernel whose only tap is in the middle gives the identity, which is circulant.",
                lambda: (False, (np.array([0.0, 1, 0]), 5)),
            ),
            Mistake(
                "gives no length",
                "You gave a kernel alone; the length of the signal is asked for, too.",
                lambda: (False, np.ones(3)),
            ),
            Mistake(
                "has a kernel that is too long",
                "Your kernel is longer than the signal.",
                lambda: (False, (np.ones(3), 2)),
            ),
        ),
    ),
    Check(
        "claim_agree",
        section="convolution#convolution-flip",
        judge=_judge_agree,
        parts={"3 x 3": 1, "other shapes": 1},
        cases=(
            Case((np.ones((3, 3)),), {}, "3 x 3"),
            Case((_POINT,), {}, "3 x 3"),
            Case((_MIRROR,), {}, "3 x 3"),
            Case((np.array([[1.0, 2, 1], [2, 4, 5], [1, 5, 3]]),), {}, "3 x 3", "equal to its transpose"),
            Case((np.array([[1.0, 0, -1]] * 3),), {}, "3 x 3"),
            Case((np.array([[1.0, 2, 2, 1]]),), {}, "other shapes"),
            Case((np.array([[1.0, 2, 3], [4, 5, 6], [3, 2, 1]]),), {}, "3 x 3", "equal corners"),
            Case((np.array([[1.0, 4, 3], [2, 5, 2], [3, 6, 1]]),), {}, "3 x 3", "only the middle column"),
            Case((np.array([[1.0, 0, 0], [0, 0, 1], [0, 1, 0]]),), {}, "3 x 3", "equal sums"),
            Case((np.array([[1.0, 2, 3, 1]]),), {}, "other shapes"),
            Case((np.array([[1.0, 2], [2, 1]]),), {}, "other shapes"),
            Case((np.array([[1.0, 2], [1, 2]]),), {}, "other shapes"),
            Case((np.array([[1.0, 2, 3], [3, 2, 1]]),), {}, "other shapes"),
            Case((np.array([[1.0, 2, 1], [3, 4, 3]]),), {}, "other shapes"),
            Case((np.array([[1.0, 2, 3], [3, 7, 1]]),), {}, "other shapes", "only the middle column"),
            Case((np.array([[1.0, 2], [3, 4], [2, 1]]),), {}, "other shapes", "only the middle row"),
            Case((1e-9 * np.arange(9.0).reshape(3, 3),), {}, "3 x 3", "small numbers"),
            Case((1e-10 * np.array([[1.0, 2, 3]]),), {}, "other shapes", "small numbers"),
            Case((_MIRROR[:, [0, 1, 0]] + 1e-7 * np.eye(3)[:1],), {}, "3 x 3", "a small difference"),
            Case((np.array([[1.0, 2, 2, 1 + 1e-7]]),), {}, "other shapes", "a small difference"),
            Case((np.array([[1, 2, 3], [0, 5, 0], [3, 2, 1]]),), {}, "3 x 3", "whole numbers"),
            Case((np.array([[1, 2, 1], [1, 3, 1]]),), {}, "other shapes", "whole numbers"),
        ),
        draw_case=_draw_agree,
        draw_count=16,
        mistakes=(
            *claim_mistakes(True, "You judged it false. Try a kernel of ones.", lambda k: False),
            Mistake(
                "thinks all agree",
                "You say that all kernels agree; take one whose first tap differs from its last.",
                lambda k: (True, True),
            ),
            Mistake("thinks none agrees", "You say that no kernel agrees; take one of ones.", lambda k: (True, False)),
            Mistake(
                "asks for a mirror image left to right",
                "You ask for a mirror image left to right; what counts is the kernel turned by 180 degrees.",
                lambda k: (True, bool(np.array_equal(k, k[:, ::-1]))),
            ),
            Mistake(
                "asks for equality with the transpose",
                "You compare with the transpose; what counts is the kernel turned by 180 degrees.",
                lambda k: (True, bool(k.shape == k.T.shape and np.array_equal(k, k.T))),
            ),
            Mistake(
                "looks at the corners alone",
                "You compare the corners alone; every tap counts.",
                lambda k: (
                    True,
                    bool(
                        np.array_equal(
                            k[:: len(k) - 1 or 1, :: k.shape[1] - 1], k[:: 1 - len(k) or -1, :: 1 - k.shape[1]]
                        )
                    ),
                ),
            ),
            Mistake(
                "asks for a mirror image top to bottom",
                "You ask for a mirror image top to bottom; what counts is the kernel turned by 180 degrees.",
                lambda k: (True, bool(np.array_equal(k, k[::-1]))),
            ),
            Mistake(
                "asks for both mirror images",
                "You ask for a mirror image both ways; a kernel can be the same after 180 degrees without being either.",
                lambda k: (True, bool(np.array_equal(k, k[::-1]) and np.array_equal(k, k[:, ::-1]))),
            ),
            Mistake(
                "compares with a tolerance",
                "You compare with a tolerance: taps that are tiny, or that differ a little, are different taps all the same.",
                lambda k: (True, bool(np.allclose(_convolve(np.ones((1, 1)), k), _correlate(np.ones((1, 1)), k)))),
            ),
        ),
    ),
)

CHECKS = (
    MODE_PADDING,
    OUTPUT_SIZE,
    CONVOLVE1D,
    CROSS_CORRELATE1D,
    CONVOLVE2D,
    CROSS_CORRELATE2D,
    CIRCULAR_CONVOLVE1D,
    CONVOLUTION_MATRIX1D,
    CONVOLUTION_MATRIX2D,
    EDGE_KERNEL,
    *CLAIMS,
)
