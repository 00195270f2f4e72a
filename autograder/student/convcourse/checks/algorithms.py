"""One kernel, five algorithms: each equal to the others; exact counts; the best by count; separation; the FFT's wrap."""

import numpy as np
import scipy.signal

from convcourse.engine.builders import Arrays, claim_mistakes
from convcourse.engine.check import Check
from convcourse.engine.evidence import verdict_and_evidence
from convcourse.engine.model import DTYPE, Case, Mistake, Property

_MODES = ("full", "same", "valid")


def _conv(image, kernel, mode="full"):
    """SciPy's direct convolution; its mode "valid" would swap a kernel that is larger than the image."""
    return scipy.signal.convolve2d(image, kernel, mode).astype(np.result_type(image, kernel))


def _whole(image, kernel, mode="full"):
    """Bound every output by what all pixels and all taps could add up to: the FFT's error is relative to that."""
    return np.full(_conv(image, kernel, mode).shape, image.sum() * kernel.sum())


_x = Arrays("algorithms", "edges")
_EDGES = (
    Case((np.array([[1.0, 2.0]]), np.array([[1.0, 10.0]])), {}, "full"),
    Case((_x(4, 6), _x(3, 2)), {}, "full", "even and odd kernel sizes"),
    Case((_x(3, 5, dtype=np.float32), _x(2, 3, dtype=np.float32)), {}, "full", "float32"),
    Case((np.swapaxes(_x(7, 4), 0, 1), _x(1, 3)), {}, "full", "an array that is not contiguous"),
    Case((_x(2, 3), _x(4, 5)), {}, "full", "a kernel larger than the image"),
    Case((_x(1, 1), _x(2, 3)), {}, "full", "an image of one pixel"),
    Case((1e-8 * _x(4, 5), 1e-6 * _x(2, 3)), {}, "full", "tiny numbers"),
    Case((_x(3, 70), _x(2, 5)), {}, "full", "a wide image"),
    Case((_x(5, 7), _x(3, 3)), {"mode": "same"}, "same"),
    Case((_x(6, 4), _x(2, 4)), {"mode": "same"}, "same", "even kernels: which half is cut off?"),
    Case((_x(2, 3), _x(7, 4)), {"mode": "same"}, "same", "a kernel larger than the image"),
    Case((_x(5, 3), _x(1, 4)), {"mode": "same"}, "same", "a kernel wider than the image"),
    Case((_x(1, 1), _x(2, 3)), {"mode": "same"}, "same", "an image of one pixel"),
    Case((_x(5, 7), _x(3, 2)), {"mode": "valid"}, "valid"),
    Case((_x(4, 5), _x(4, 5)), {"mode": "valid"}, "valid", "the kernel as large as the image"),
    Case((_x(6, 9), _x(1, 4)), {"mode": "valid"}, "valid"),
)


def _draw(d):
    h, w, kh, kw = d.integer(3, 7), d.integer(3, 7), d.integer(1, 3), d.integer(1, 3)
    mode = d.choice(_MODES)
    return Case((d.array(h, w), d.array(kh, kw)), {"mode": mode}, mode)


def _cut(full, image, kernel, mode, starts):
    sizes = {
        "full": tuple(n + k - 1 for n, k in zip(image.shape, kernel.shape)),
        "same": image.shape,
        "valid": tuple(n - k + 1 for n, k in zip(image.shape, kernel.shape)),
    }[mode]
    return full[starts[0] : starts[0] + sizes[0], starts[1] : starts[1] + sizes[1]].copy()


def _same_by_other_half(image, kernel, mode="full"):
    starts = {"full": (0, 0), "valid": tuple(k - 1 for k in kernel.shape)}
    starts["same"] = tuple(k // 2 for k in kernel.shape)
    return _cut(_conv(image, kernel), image, kernel, mode, starts[mode])


def _top_left(image, kernel, mode="full"):
    return _cut(_conv(image, kernel), image, kernel, mode, (0, 0))


def _wrapped(image, kernel, mode="full", period=None):
    period = period or tuple(max(n, k) for n, k in zip(image.shape, kernel.shape))
    y = np.fft.irfft2(np.fft.rfft2(image, period) * np.fft.rfft2(kernel, period), period)
    full = np.pad(y, [(0, max(0, n + k - 1 - p)) for n, k, p in zip(image.shape, kernel.shape, period)])
    starts = {
        "full": (0, 0),
        "same": tuple((k - 1) // 2 for k in kernel.shape),
        "valid": tuple(k - 1 for k in kernel.shape),
    }
    return _cut(full, image, kernel, mode, starts[mode]).astype(image.dtype)


_COMMON = (
    Mistake("does not flip", "You did not flip the kernel: that is cross-correlation.", lambda i, k, mode="full": _conv(i, k[::-1, ::-1], mode)),
    Mistake("flips the rows alone", "You flipped the kernel along one axis only; convolution turns it by 180 degrees.", lambda i, k, mode="full": _conv(i, k[:, ::-1], mode)),
    Mistake("flips the columns alone", "You flipped the kernel along one axis only; convolution turns it by 180 degrees.", lambda i, k, mode="full": _conv(i, k[::-1], mode)),
    Mistake("ignores the mode", "You ignored `mode`: your output is always the full one.", lambda i, k, mode="full": _conv(i, k), share=1 / 3),
    Mistake('keeps the wrong half in "same"', 'For an even kernel, "same" keeps the part of the full output that starts at (k - 1) // 2.', _same_by_other_half, share=2 / 3),
    Mistake("cuts at the top left", 'You kept the top left part of the full output; "same" and "valid" keep its middle.', _top_left, share=1 / 3),
    Mistake("swaps the axes of the kernel", "You transposed the kernel.", lambda i, k, mode="full": _conv(i, k.T, mode)),
)  # fmt: skip
_ALWAYS_VALID = Mistake(
    "computes the valid part",
    "Where is the padding? Your output has only the places where the kernel fits.",
    lambda i, k, mode="full": _conv(i, k, "valid"),
    share=1 / 3,
)


def _convolver(name, section, *more, scale=None):
    return Check(
        name,
        section=f"algorithms#algorithms-{section}",
        oracle=_conv,
        scale=scale,
        parts={"full": 1, "same": 1, "valid": 1},
        cases=_EDGES,
        draw_case=_draw,
        photographs=True,
        mistakes=(*_COMMON, *more),
    )


LOOP = _convolver("loop_convolve2d", "loops", _ALWAYS_VALID)
IM2COL = _convolver("im2col_convolve2d", "im2col", _ALWAYS_VALID)
FFT = _convolver(
    "fft_convolve2d",
    "fft",
    Mistake(
        "wraps round",
        "The product of transforms belongs to the circular convolution: pad both with zeros to at least n + k - 1.",
        _wrapped,
        share=1 / 3,
    ),
    Mistake(
        "pads to twice the image",
        "Twice the image is not enough for a kernel that is larger than the image: n + k - 1 is.",
        lambda i, k, mode="full": _wrapped(i, k, mode, tuple(2 * n for n in i.shape)),
        share=1 / 3,
    ),
    Mistake(
        "one period for all",
        "Your transform has a fixed size. The image may be larger: work it out from the shapes.",
        lambda i, k, mode="full": _wrapped(i, k, mode, (64, 64)),
        share=2 / 3,
    ),
    scale=_whole,
)

# --- separable kernels ---------------------------------------------------------------------------------------------


def _separable(image, column, row, mode="full"):
    return _conv(image, np.outer(column, row), mode)


def _separable_case(h, w, kh, kw, mode="full", note="", dtype=np.float64):
    return Case((_x(h, w, dtype=dtype), _x(kh, dtype=dtype), _x(kw, dtype=dtype)), {"mode": mode}, mode, note)


def _with_np_convolve(image, column, row, mode="full"):
    between = np.array([np.convolve(line, column, mode) for line in image.T]).T
    return np.array([np.convolve(line, row, mode) for line in between])


_x = Arrays("algorithms", "separable")
SEPARABLE = Check(
    "separable_convolve2d",
    builds_on=("loop_convolve2d", "im2col_convolve2d"),
    section="algorithms#algorithms-separable",
    oracle=_separable,
    parts={"full": 1, "same": 1, "valid": 1},
    cases=(
        Case((np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 1.0]), np.array([1.0, 10.0])), {}, "full"),
        _separable_case(4, 6, 3, 2),
        _separable_case(5, 3, 2, 4, note="float32", dtype=np.float32),
        _separable_case(2, 1, 4, 3, note="longer than the image"),
        _separable_case(5, 7, 3, 3, "same"),
        _separable_case(6, 4, 2, 4, "same", "even sizes"),
        _separable_case(3, 4, 5, 6, "same", "longer than the image"),
        _separable_case(5, 3, 2, 4, "same", "the row is longer, the column is not"),
        _separable_case(5, 7, 3, 2, "valid"),
        _separable_case(4, 6, 4, 1, "valid"),
    ),
    photographs=True,
    draw_case=lambda d: (lambda mode: Case((d.array(d.integer(3, 6), d.integer(3, 6)), d.array(d.integer(1, 3)), d.array(d.integer(1, 3))), {"mode": mode}, mode))(d.choice(_MODES)),
    mistakes=(
        Mistake("swaps column and row", "You swapped the two: `column` runs down, `row` runs to the right.", lambda i, c, r, mode="full": _separable(i, r, c, mode)),
        Mistake("does not flip", "You did not flip: that is cross-correlation.", lambda i, c, r, mode="full": _separable(i, c[::-1], r[::-1], mode)),
        Mistake("adds the passes", "You added the two passes; the second one runs on the output of the first.", lambda i, c, r, mode="full": _conv(i, c[:, None], mode) + _conv(i, r[None], mode)),
        Mistake("forgets the second pass", "You made one pass alone, down the columns.", lambda i, c, r, mode="full": _conv(i, c[:, None], mode)),
        Mistake("ignores the mode", "You ignored `mode`: your output is always the full one.", lambda i, c, r, mode="full": _separable(i, c, r), share=1 / 3),
        Mistake("takes the longer size", 'In "same" the output has the size of the image, also where column or row are longer: `np.convolve` gives the longer of the two.', _with_np_convolve, share=2 / 3),
    ),
)  # fmt: skip


def _judge_separation(value, case):
    """Any pair whose outer product is the best approximation will do, however the size and the sign are shared."""
    (kernel,) = case.args
    column, row, error = value
    column, row, error = np.asarray(column, float), np.asarray(row, float), float(np.asarray(error).item())
    if column.shape != kernel.shape[:1] or row.shape != kernel.shape[1:]:
        return f"The column has shape {column.shape} and the row {row.shape}, expected {kernel.shape[:1]} and {kernel.shape[1:]}."
    norm, largest = np.linalg.norm(kernel.astype(float)), np.linalg.norm(kernel.astype(float), 2)
    best = np.linalg.norm(np.linalg.svd(kernel.astype(float), compute_uv=False)[1:]) / norm
    tolerance = 1e-4 if kernel.dtype == np.float32 else 1e-7

    def missed(factor):
        return np.linalg.norm(kernel - factor * np.outer(column, row)) / norm

    if not missed(1) <= best + tolerance:
        if missed(largest) <= best + tolerance:
            return "You left the singular value out: both vectors of the decomposition have length 1."
        if missed(1 / largest) <= best + tolerance:
            return "Column and row both have the whole singular value: it must enter their product once."
        return f"outer(column, row) misses the kernel by {missed(1):.4f} of its norm; {best:.4f} is possible."
    if abs(error - best) <= (tolerance if kernel.dtype == np.float32 else 1e-9):
        return None
    if best < 1e-12 and 0 <= error < 1e-6:
        return (
            f"This kernel is separable, and your error of {error:.3g} is more than rounding: a small difference of large "
            "numbers has few right digits, and its root has fewer. Measure what is left of the kernel itself."
        )
    if abs(error - best**2) <= tolerance:
        return "You returned the square of the error: take the root."
    if abs(error - best * norm) <= tolerance * norm:
        return "You returned the error itself: divide it by the norm of the kernel."
    return f"The error returned is {error:.6g}; outer(column, row) misses the kernel by {missed(1):.6g} of its norm."


def _svd(kernel):
    u, s, v = np.linalg.svd(kernel.astype(float))
    return u[:, 0] * np.sqrt(s[0]), v[0] * np.sqrt(s[0]), float(np.sqrt(np.sum(s[1:] ** 2) / np.sum(s**2)))


def _root_of_difference(kernel):
    s = np.linalg.svd(kernel.astype(float), compute_uv=False)
    return float(np.sqrt(abs(1 - s[0] ** 2 / np.sum(s**2))))


def _separation_by(change):
    return lambda kernel: change(kernel, *_svd(kernel))


def _through_largest(kernel):
    i, j = np.unravel_index(np.abs(kernel).argmax(), kernel.shape)
    return kernel[:, j].copy(), kernel[i] / kernel[i, j], _svd(kernel)[2]


def _draw_kernel(d):
    part, height, width = d.choice(("rank 1", "any rank")), d.integer(2, 5), d.integer(2, 5)
    kernel = np.outer(d.array(height), d.array(width)) if part == "rank 1" else d.array(height, width)
    return Case((kernel,), {}, part)


def _keeps_single(call, sampler):
    column, row, _ = call(sampler.array(3, 4, dtype=np.float32))
    return all(isinstance(vector, list) or vector.dtype == np.float32 for vector in (column, row))


_x = Arrays("algorithms", "separate")
SEPARATE = Check(
    "separate_kernel",
    section="algorithms#algorithms-separable",
    judge=_judge_separation,
    parts={"rank 1": 1, "any rank": 2},
    cases=(
        Case((np.outer(_x(2), _x(3)),), {}, "rank 1"),
        Case((np.outer([1.0, 2.0, 1.0], [1.0, 0.0, -1.0]),), {}, "rank 1", "Sobel's kernel"),
        Case((np.outer([-0.3, -0.6, -0.3, 0.7], [-0.6, 0.5, -0.5]),), {}, "rank 1", "an error of rounding alone"),
        Case((1e6 * np.outer(_x(4), _x(2)),), {}, "rank 1", "large numbers"),
        Case((_x(1, 4),), {}, "rank 1", "one row"),
        Case((1e-3 * np.outer([0.0, 1.0, 3.0], [0.0, 2.0, -1.0]),), {}, "rank 1", "a corner of 0, small numbers"),
        Case((_x(2, 3),), {}, "any rank"),
        Case((1e-3 * _x(3, 3),), {}, "any rank", "small numbers"),
        Case((np.outer(_x(3), _x(4)) + 1e-3 * _x(3, 4),), {}, "any rank", "nearly separable"),
        Case((np.outer(_x(3), _x(4)) + 1e-9 * _x(3, 4),), {}, "any rank", "separable to nine digits"),
        Case((np.array([[5, 1], [1, 0], [2, 3]]),), {}, "any rank", "whole numbers"),
        Case((_x(4, 3, dtype=np.float32),), {}, "any rank", "float32"),
    ),
    draw_case=_draw_kernel,
    properties=(Property("float32", DTYPE, _keeps_single),),
    mistakes=(
        Mistake("takes the first column and row", "You took the first column and the first row: that fails for a corner of 0, and the best vectors come nearer.", lambda k: (k[:, 0].copy(), k[0] / (k[0, 0] or 1.0), _svd(k)[2])),
        Mistake("takes the column and the row of the largest entry", "You took the column and the row of one entry: that is right for rank 1, else the best vectors come nearer.", _through_largest, share=1 / 3),
        Mistake("forgets the singular value", "You left the singular value out", lambda k: (np.linalg.svd(k)[0][:, 0], np.linalg.svd(k)[2][0], _svd(k)[2])),
        Mistake("takes the sums", "The sums of the rows and of the columns are right for separable kernels that add up to 1, and for no others.", lambda k: (k.sum(1), k.sum(0), 0.0)),
        Mistake("uses the whole singular value twice", "Column and row both have the whole singular value", lambda k: (_svd(k)[0] * np.linalg.norm(_svd(k)[0]), _svd(k)[1] * np.linalg.norm(_svd(k)[0]), _svd(k)[2])),
        Mistake("says no error", "The error returned is 0", _separation_by(lambda k, c, r, e: (c, r, 0.0)), share=1 / 3),
        Mistake("takes the root of a small difference", "is more than rounding", lambda k: (*_svd(k)[:2], _root_of_difference(k))),
        Mistake("swaps column and row", "The column has shape", _separation_by(lambda k, c, r, e: (r, c, e))),
        Mistake("gives the error squared", "You returned the square of the error", _separation_by(lambda k, c, r, e: (c, r, e**2)), share=1 / 3),
        Mistake("gives float64 for float32", DTYPE, _svd, share=3 / 4),
        Mistake("does not divide by the norm", "You returned the error itself", _separation_by(lambda k, c, r, e: (c, r, e * np.linalg.norm(k))), share=1 / 3),
    ),
)  # fmt: skip

# --- the wrap ------------------------------------------------------------------------------------------------------


def _circular(image, kernel):
    wrapped = np.pad(image, [(k - 1, 0) for k in kernel.shape], mode="wrap")
    return scipy.signal.convolve2d(wrapped, kernel, "valid")


_x = Arrays("algorithms", "circular")
CIRCULAR = Check(
    "circular_fft_convolve2d",
    section="algorithms#algorithms-fft",
    oracle=_circular,
    scale=lambda image, kernel: np.full(image.shape, image.sum() * kernel.sum()),
    cases=(
        Case((np.array([[1.0, 2.0, 0.0, 4.0]]), np.array([[1.0, 10.0]]))),
        Case((_x(4, 6), _x(3, 2)), note="even and odd kernel sizes"),
        Case((_x(5, 3), _x(5, 3)), note="the kernel as large as the image"),
        Case((_x(3, 5), _x(1, 4))),
        Case((_x(1, 1), _x(1, 1)), note="one pixel"),
    ),
    photographs=True,
    exempt={"large kernels": "no kernel is larger than the image, its docstring says"},
    draw_case=lambda d: Case((d.array(d.integer(3, 6), d.integer(3, 6)), d.array(d.integer(1, 3), d.integer(1, 3)))),
    mistakes=(
        Mistake("pads", "You padded with zeros: asked for is what happens without.", lambda i, k: _conv(i, k)[: i.shape[0], : i.shape[1]]),
        Mistake("correlates", "You took the conjugate of a transform: that is cross-correlation.", lambda i, k: np.fft.ifft2(np.fft.fft2(i) * np.conj(np.fft.fft2(k, i.shape))).real),
        Mistake("divides", "You divided by the transform of the kernel; a convolution multiplies.", lambda i, k: np.fft.ifft2(np.fft.fft2(i) / np.fft.fft2(k, i.shape)).real),
        Mistake("wraps the rows alone", "You transformed one axis alone; both wrap round.", lambda i, k: np.pad(_circular(np.pad(i, ((0, k.shape[0]), (0, 0))), k)[: i.shape[0]], 0)),
        Mistake("forgets to go back", "You stayed in the Fourier domain: transform back.", lambda i, k: (np.fft.fft2(i) * np.fft.fft2(k, i.shape)).real),
    ),
)  # fmt: skip

# --- counting ------------------------------------------------------------------------------------------------------


def _power_of_two(n):
    p = 1
    while p < n:
        p *= 2
    return p


def _sizes(image_shape, kernel_shape, mode):
    (h, w), (kh, kw) = image_shape, kernel_shape
    rows, columns = {"full": (h + kh - 1, w + kw - 1), "same": (h, w), "valid": (h - kh + 1, w - kw + 1)}[mode]
    return h, w, kh, kw, rows, columns


def _count(algorithm, image_shape, kernel_shape, mode="full", *, ffts=3, first_pass=None, period=None):
    """Return (multiplications, additions, memory); `ffts`, `first_pass` and `period` let mistakes count wrongly."""
    h, w, kh, kw, rows, columns = _sizes(image_shape, kernel_shape, mode)
    outputs, taps = rows * columns, kh * kw
    if algorithm == "loops":
        return outputs * taps, outputs * (taps - 1), 0
    if algorithm == "im2col":
        return outputs * taps, outputs * (taps - 1), outputs * taps
    if algorithm == "matrix":
        return outputs * h * w, outputs * (h * w - 1), outputs * h * w
    if algorithm == "separable":
        between = rows * w if first_pass is None else first_pass(h, w, rows, columns)
        return between * kh + outputs * kw, between * (kh - 1) + outputs * (kw - 1), between
    size = period or _power_of_two(h + kh - 1) * _power_of_two(w + kw - 1)
    log = size.bit_length() - 1
    products = ffts * (size // 2) * log + size
    return 4 * products + 2 * size, 2 * products + 2 * ffts * size * log, 4 * size


def _count_by(change):
    def wrong(algorithm, image_shape, kernel_shape, mode="full"):
        return change(_count(algorithm, image_shape, kernel_shape, mode), algorithm, image_shape, kernel_shape, mode)

    return wrong


_COUNT_CASES = tuple(
    Case((name, *call), {}, name)
    for name in ("loops", "im2col", "matrix", "separable", "fft")
    for call in (
        ((4, 6), (3, 2), "valid"),
        ((5, 4), (2, 3)),
        ((7, 9), (3, 5), "same"),
        ((28, 30), (5, 3), "full"),
        ((60, 9), (5, 6), "same"),
        ((2, 3), (5, 4), "same"),
        ((1, 1), (1, 1)),
    )
)

COUNT = Check(
    "operation_count",
    section="algorithms#algorithms-counts",
    oracle=_count,
    scale=lambda *args: None,
    parts={"loops": 1, "im2col": 1, "matrix": 1, "separable": 1, "fft": 2},
    cases=_COUNT_CASES,
    draw_case=lambda d: (lambda name: Case((name, (d.integer(6, 40), d.integer(6, 40)), (d.integer(1, 6), d.integer(1, 6)), d.choice(_MODES)), {}, name))(d.choice(("loops", "im2col", "matrix", "separable", "fft"))),
    mistakes=(
        Mistake("counts an addition too many", "K products are added by K - 1 additions, not K.", _count_by(lambda n, a, i, k, m: (n[0], n[0], n[2]) if a in ("loops", "im2col", "matrix") else n), share=3 / 6),
        Mistake("ignores the mode", "You ignored `mode`: the number of outputs depends on it.", lambda a, i, k, mode="full": _count(a, i, k), share=2 / 6),
        Mistake("multiplies the sides for separable", "A separable kernel costs kH + kW per output, not kH kW.", _count_by(lambda n, a, i, k, m: (*_count("loops", i, k, m)[:2], n[2]) if a == "separable" else n), share=5 / 6),
        Mistake("shrinks the first pass in both axes", "After the first pass, down the columns, the width is still that of the image.", lambda a, i, k, mode="full": _count(a, i, k, mode, first_pass=lambda h, w, r, c: r * c), share=5 / 6),
        Mistake("counts two transforms", "Three transforms: image, kernel, and back.", lambda a, i, k, mode="full": _count(a, i, k, mode, ffts=2), share=4 / 6),
        Mistake("counts a complex product as one", "A complex multiplication is 4 real ones and 2 additions.", _count_by(lambda n, a, i, k, m: ((n[0] - 2 * (n[2] // 4)) // 4 + 2 * (n[2] // 4), n[1], n[2]) if a == "fft" else n), share=4 / 6),
        Mistake("does not pad to a power of two", "The radix-2 algorithm needs sizes that are powers of two, at least n + k - 1.", lambda a, i, k, mode="full": _count(a, tuple(_power_of_two(n) for n in i), (1, 1), mode) if a == "fft" else _count(a, i, k, mode), share=4 / 6),
        Mistake("squares the period of one axis", "Each axis has a period of its own: P = P1 P2, the larger side is not taken twice.", lambda a, i, k, mode="full": _count(a, i, k, mode, period=max(_power_of_two(n + t - 1) for n, t in zip(i, k)) ** 2), share=4 / 6),
        Mistake("counts only entries of the matrix that are not zero", "The dense matrix has H W entries per row; zeros are multiplied, too.", _count_by(lambda n, a, i, k, m: (*_count("loops", i, k, m)[:2], n[2]) if a == "matrix" else n), share=5 / 6),
        Mistake("stores the columns of the kernel alone", "im2col stores every window of the image: as many numbers as outputs times taps.", _count_by(lambda n, a, i, k, m: (n[0], n[1], k[0] * k[1]) if a == "im2col" else n), share=5 / 6),
    ),
)  # fmt: skip


_ALGORITHMS = ("loops", "matrix", "im2col", "fft", "separable")


def _best(image_shape, kernel_shape, mode="full", rank=None, names=_ALGORITHMS, cost=lambda count: count[0]):
    possible = [n for n in names if n != "separable" or rank == 1]
    return min(possible, key=lambda n: cost(_count(n, image_shape, kernel_shape, mode)))


def _judge_best(value, case):
    """Accept any kind of string, NumPy's too."""
    right = _best(*case.args, **case.kwargs)
    if isinstance(value, str) and value == right:
        return None
    shown = repr(str(value)) if isinstance(value, str) else f"a value of type {type(value).__name__}"
    return f"It returned {shown[:60]}, expected {right!r}."


def _is_clear(image_shape, kernel_shape, mode, rank):
    """Say whether the best algorithm needs a tenth less than all others: a draw is no place for a tie."""
    counts = [_count(name, image_shape, kernel_shape, mode)[0] for name in ("loops", "matrix", "fft", "separable")]
    least, second = sorted(counts if rank == 1 else counts[:-1])[:2]
    return 1.1 * least <= second


def _draw_best(d):
    image, rank = (d.integer(20, 90), d.integer(20, 90)), d.choice((None, 1, 2))
    mode, drawn = d.choice(_MODES), [(d.integer(2, 15), d.integer(2, 15)) for _ in range(4)]
    kernel = next((kernel for kernel in drawn if _is_clear(image, kernel, mode, rank)), (2, 3))
    return Case((image, kernel, mode, rank), {}, "rank not known" if rank is None else "rank known")


BEST = Check(
    "best_algorithm",
    builds_on=("operation_count",),
    section="algorithms#algorithms-counts",
    judge=_judge_best,
    parts={"rank not known": 2, "rank known": 1},
    cases=(
        Case(((64, 64), (3, 3)), {}, "rank not known"),
        Case(((64, 64), (31, 31)), {}, "rank not known"),
        Case(((100, 80), (9, 9)), {"mode": "valid"}, "rank not known"),
        Case(((60, 60), (60, 60)), {"mode": "valid"}, "rank not known", "one output"),
        Case(((20, 500), (3, 21)), {"mode": "same"}, "rank not known"),
        Case(((3, 4), (7, 6)), {}, "rank not known", "a kernel larger than the image"),
        Case(((19, 13), (8, 13)), {}, "rank not known", "close to a tie"),
        Case(((20, 71), (8, 17)), {}, "rank not known", "close to a tie"),
        Case(((46, 92), (17, 18), "valid"), {}, "rank not known", "close to a tie"),
        Case(((39, 39), (15, 14), "same"), {}, "rank not known", "close to a tie"),
        Case(((50, 51), (16, 15)), {}, "rank not known", "one pixel more than a power of two"),
        Case(((20, 29), (12, 13)), {}, "rank not known", "many more outputs than pixels"),
        Case(((4, 6), (3, 8)), {}, "rank not known", "a tie"),
        Case(((54, 11), (11, 6)), {}, "rank not known", "a tie"),
        Case(((64, 64), (3, 3)), {"rank": 1}, "rank known"),
        Case(((64, 64), (3, 3)), {"rank": 2}, "rank known", "not separable"),
        Case(((64, 64), (31, 31)), {"rank": 1}, "rank known"),
        Case(((64, 64), (31, 31)), {"rank": 5}, "rank known"),
        Case(((19, 13), (8, 13)), {"rank": 2}, "rank known", "close to a tie"),
        Case(((15, 43), (7, 17)), {"rank": 2}, "rank known", "close to a tie"),
        Case(((20, 29), (12, 13)), {"rank": 2}, "rank known", "many more outputs than pixels"),
        Case(((2, 3), (7, 6)), {"rank": 1}, "rank known", "a kernel larger than the image"),
        Case(((64, 64), (1, 1)), {"rank": 1}, "rank known", "nothing to separate"),
        Case(((20, 30), (5, 1)), {"rank": 1}, "rank known", "one column"),
        Case(((20, 30), (1, 5)), {"rank": 1}, "rank known", "one row"),
        Case(((20, 30), (2, 2)), {"mode": "same", "rank": 1}, "rank known", "a tie"),
        Case(((40, 50), (40, 50)), {"mode": "valid", "rank": 1}, "rank known", "one output"),
    ),
    draw_case=_draw_best,
    draw_count=16,
    exempt={"ties": "what ties are the counts of a case, not numbers in it"},
    mistakes=(
        Mistake("believes in the FFT", "The FFT is not always faster: for small kernels a few products per pixel beat three transforms.", lambda i, k, mode="full", rank=None: "fft" if rank != 1 else "separable"),
        Mistake("never takes the FFT", "For large kernels the transforms cost less than a product per tap and pixel.", lambda i, k, mode="full", rank=None: _best(i, k, mode, rank, ("loops", "matrix", "im2col", "separable"))),
        Mistake("separates without asking", "A kernel can be separated only if its rank is 1.", lambda i, k, mode="full", rank=None: _best(i, k, mode, 1)),
        Mistake("separates whatever it costs", "A kernel of rank 1 need not be separated: for one row, one column or a few pixels another algorithm needs no more multiplications.", lambda i, k, mode="full", rank=None: "separable" if rank == 1 else _best(i, k, mode, rank), share=2 / 3),
        Mistake("never separates", "A kernel of rank 1 is two short passes.", lambda i, k, mode="full", rank=None: _best(i, k, mode), share=2 / 3),
        Mistake("ignores the mode", "You ignored `mode`: with one output the direct sum wins.", lambda i, k, mode="full", rank=None: _best(i, k, "full", rank)),
        Mistake("decides by memory", "Asked for is the algorithm with the fewest multiplications, not with the least memory.", lambda i, k, mode="full", rank=None: _best(i, k, mode, rank, cost=lambda count: count[2])),
        Mistake("counts the additions, too", "You added the additions to the multiplications; asked for are the fewest multiplications.", lambda i, k, mode="full", rank=None: _best(i, k, mode, rank, cost=lambda count: count[0] + count[1])),
        Mistake("forgets the dense matrix", 'You left "matrix" out: for a kernel larger than the image it has the fewest multiplications.', lambda i, k, mode="full", rank=None: _best(i, k, mode, rank, ("loops", "im2col", "fft", "separable"))),
        Mistake("separates on a tie", 'On a tie the algorithm that comes first wins, and "separable" comes last.', lambda i, k, mode="full", rank=None: _best(i, k, mode, rank, ("separable", *_ALGORITHMS[:-1])), share=2 / 3),
    ),
)  # fmt: skip

# --- claims on trial -----------------------------------------------------------------------------------------------


def _judge_orthogonal(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. Is the kernel [1, 2, 1] times [1, 2, 1] separable?"
    column, row = (np.asarray(part, dtype=float) for part in evidence)
    if column.ndim != 1 or column.shape != row.shape or not 2 <= column.size <= 50:
        return "The evidence must be two vectors of the same length, 2 to 50."
    with np.errstate(all="ignore"):
        kernel = np.outer(column, row)
    if not (np.isfinite(kernel).all() and np.any(kernel)):
        return "The outer product of your vectors must be a finite kernel that is not zero."
    if abs(column @ row) <= 1e-9 * np.linalg.norm(column) * np.linalg.norm(row):
        return "Your two vectors are orthogonal: they show nothing."
    return None


def _judge_wrap(value, case):
    """True: without padding, as many rows and columns are wrong as the kernel has taps less one."""
    verdict, evidence = verdict_and_evidence(value)
    if not verdict:
        return (
            "You judged it false. Compare the product of unpadded transforms with the full convolution, place by place."
        )
    (h, w), (kh, kw) = case.args
    wrong = np.zeros((h, w), dtype=bool)
    wrong[: kh - 1], wrong[:, : kw - 1] = True, True
    evidence = np.asarray(evidence).item()
    if int(evidence) != evidence:
        raise TypeError("the evidence must be a whole number")
    if int(evidence) != int(wrong.sum()):
        return f"For an image {(h, w)} and a kernel {(kh, kw)}, {int(evidence)} is not the number of spoilt outputs."
    return None


CLAIM_ORTHOGONAL = Check(
    "claim_orthogonal",
    section="algorithms#algorithms-separable",
    judge=_judge_orthogonal,
    cases=(Case(),),
    mistakes=(
        *claim_mistakes(False, "You judged it true.", lambda: (np.ones(2), np.ones(2))),
        Mistake("gives orthogonal vectors", "Your two vectors are orthogonal", lambda: (False, (np.array([1.0, 1.0]), np.array([1.0, -1.0])))),
        Mistake("overflows", "keep the numbers of the evidence between", lambda: (False, (np.array([1e200, -1e200]), np.array([1e200, 1e200])))),
        Mistake("gives zeros", "not zero", lambda: (False, (np.zeros(3), np.ones(3)))),
        ),
)  # fmt: skip

CLAIM_WRAP = Check(
    "claim_wrap",
    builds_on=("circular_fft_convolve2d",),
    section="algorithms#algorithms-fft",
    judge=_judge_wrap,
    cases=(Case(((8, 8), (3, 3))), Case(((6, 9), (1, 4))), Case(((10, 7), (5, 2))), Case(((5, 5), (1, 1)))),
    draw_case=lambda d: Case(((d.integer(6, 12), d.integer(6, 12)), (d.integer(1, 5), d.integer(2, 5)))),
    mistakes=(
        *claim_mistakes(True, "You judged it false.", lambda i, k: 0),
        Mistake("counts both borders", "is not the number of spoilt outputs", lambda i, k: (True, i[0] * i[1] - (i[0] - 2 * (k[0] - 1)) * (i[1] - 2 * (k[1] - 1)))),
        Mistake("counts the corner twice", "is not the number of spoilt outputs", lambda i, k: (True, (k[0] - 1) * i[1] + (k[1] - 1) * i[0])),
        Mistake("counts the corner alone", "is not the number of spoilt outputs", lambda i, k: (True, (k[0] - 1) * (k[1] - 1))),
    ),
)  # fmt: skip

CHECKS = (LOOP, IM2COL, FFT, SEPARABLE, SEPARATE, CIRCULAR, COUNT, BEST, CLAIM_ORTHOGONAL, CLAIM_WRAP)
