"""Pooling: a window's maximum, average or Lp norm, over space or over channels, and the gradient of each."""

from typing import NamedTuple

import numpy as np

from miniconv._arguments import as_array, as_int, as_pair
from miniconv.shapes import effective_kernel_size, pool_output_shape


class _Windows(NamedTuple):
    """Where the windows lie: a pair (vertical, horizontal) each, in pixels, and how many windows there are."""

    kernel: tuple
    stride: tuple
    padding: tuple
    dilation: tuple
    output: tuple


def _windows(x, kernel_size, stride, padding, dilation, ceil_mode):
    """Return the windows of a pooling of `x`, or raise."""
    kernel = as_pair(kernel_size, "kernel_size", 1)
    stride = kernel if stride is None else as_pair(stride, "stride", 1)
    padding, dilation = as_pair(padding, "padding", 0), as_pair(dilation, "dilation", 1)
    output = pool_output_shape(x.shape[2:], kernel, stride, padding, dilation, ceil_mode)
    return _Windows(kernel, stride, padding, dilation, output)


def _padded_shape(x, windows):
    """Return the spatial shape in which the padding before, the input and every window's end find room."""
    kernel, stride, padding, dilation, output = windows
    ends = [
        (m - 1) * s + effective_kernel_size(k, d) for m, s, k, d in zip(output, stride, kernel, dilation, strict=True)
    ]
    return tuple(max(n + p, end) for n, p, end in zip(x.shape[2:], padding, ends, strict=True))


def _pad(x, windows, fill):
    """Return `x` with `fill` around it so that every window lies inside; `x` itself where nothing is missing."""
    shape, (top, left) = _padded_shape(x, windows), windows.padding
    if shape == x.shape[2:]:
        return x
    padded = np.full(x.shape[:2] + shape, fill, x.dtype)
    padded[:, :, top : top + x.shape[2], left : left + x.shape[3]] = x
    return padded


def _tap(x, i, j, windows):
    """Return the view of what tap (i, j) of every window sees; None leaves that axis whole."""
    _, stride, _, dilation, output = windows
    cuts = [
        slice(None) if tap is None else slice(tap * d, tap * d + (m - 1) * s + 1, s)
        for tap, s, d, m in zip((i, j), stride, dilation, output, strict=True)
    ]
    return x[:, :, cuts[0], cuts[1]]


def _combine(ufunc, x, windows):
    """Return `ufunc` over every window of the padded `x`: over its rows, then over the columns of the result."""
    rows, columns = windows.kernel
    for taps in ([(i, None) for i in range(rows)], [(None, j) for j in range(columns)]):
        result = _tap(x, *taps[0], windows).copy()
        for tap in taps[1:]:
            ufunc(result, _tap(x, *tap, windows), out=result)
        x = result
    return x


def _grad_of(y_shape, grad_output):
    """Return `grad_output` as floats of the shape of the output, or raise."""
    grad_output = _as_float(as_array(grad_output, "grad_output", None))
    if grad_output.shape != y_shape:
        raise ValueError(f"grad_output must have the shape of the output, {y_shape}, got shape {grad_output.shape}")
    return grad_output


def _lowest(dtype):
    """Return the number of this dtype that no other is below: what padding holds when maxima are taken."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _taps(x, axis, windows):
    """Return a view for each tap along one axis, 0 down or 1 across: what that tap of every window sees."""
    return [_tap(x, *((t, None) if axis == 0 else (None, t)), windows) for t in range(windows.kernel[axis])]


def _first_inside(axis, windows):
    """Return the number, along one axis, of the first tap of every window that lies on the input, not before it."""
    _, stride, padding, dilation, output = (sizes[axis] for sizes in windows)
    first = np.maximum(0, -((np.arange(output) * stride - padding) // dilation))
    return first[:, None] if axis == 0 else first


def _winners(x, axis, windows):
    """Return the maximum of every window along one axis of the padded `x`, and which of its taps holds it.

    That is the first of equals and, as in PyTorch, the last NaN. The count of the taps before the first hit is its
    number.
    """
    # NumPy compares neighbours in memory several times as fast as every second number: hence copies.
    taps = [tap.copy() for tap in _taps(x, axis, windows)]
    best = taps[0].copy()
    for tap in taps[1:]:
        np.maximum(best, tap, out=best)
    missed, winner = np.ones(best.shape, bool), np.zeros(best.shape, np.min_scalar_type(len(taps)))
    for tap in taps[:-1]:
        missed &= tap != best
        winner += missed
    if windows.padding[axis]:
        np.copyto(winner, _first_inside(axis, windows), where=best == _lowest(x.dtype), casting="unsafe")
    if np.isnan(best).any():
        for t, tap in enumerate(taps):
            np.copyto(winner, t, where=np.isnan(tap))
    return best, winner


def _winners2d(x, windows):
    """Return the maxima of the rows of every window, which column of the row holds each, and which row wins.

    Across first, then down: so the first of equals is the first row by row, and kH + kW taps are looked at, not kH kW.
    """
    across, column = _winners(x, 1, windows)
    best, row = _winners(across, 0, windows)
    return across, column, best, row


def _indices(column, row, width, windows):
    """Return the position h W + w, in its plane, of each maximum."""
    _, stride, (top, left), dilation, output = windows
    rows = np.arange(output[0])[:, None] * stride[0] + row.astype(np.int64) * dilation[0]
    columns = np.arange(output[1]) * stride[1] + np.take_along_axis(column, rows, axis=2).astype(np.int64) * dilation[1]
    return (rows - top) * width + columns - left


def _pay(grad, winner, shape, axis, windows):
    """Return the gradient, of this shape, for what `_winners` was given: each window pays all of it to its winner."""
    paid, finite = np.zeros(shape, grad.dtype), np.isfinite(grad).all()
    for t, tap in enumerate(_taps(paid, axis, windows)):
        hit = winner == t
        # A product is the fastest choice, but 0 * inf would be NaN.
        tap += grad * hit if finite else np.where(hit, grad, 0)
    return paid


def max_pool2d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """Return the largest value that each window of every channel sees.

    ``y[n, c, i, j] = max over a, b of x[n, c, i s + a d - p, j s + b d - p]``, over the positions inside x.

    Parameters
    ----------
    x : (N, C, H, W) float or int
    kernel_size : int or (int, int)
        kH, kW of the window, in pixels.
    stride : int, (int, int) or None
        s, pixels from window to window; None stands for `kernel_size`.
    padding : int or (int, int)
        p, at most half the window. Padded positions never win, whatever the sign of x.
    dilation : int or (int, int)
        d, pixels between the taps of a window.
    ceil_mode : bool
        Keep a last window that hangs over the end, if it starts inside the input or the padding before it.
    return_indices : bool
        Return the position of each maximum too.

    Returns
    -------
    y : (N, C, H_out, W_out), dtype of x
        H_out, W_out from `miniconv.shapes.pool_output_shape`. NaN where a window holds a NaN. All taps of a dilated
        window may lie in the padding: it gives minus infinity, or the smallest number of the dtype for whole numbers.
    indices : (N, C, H_out, W_out) int
        Only with `return_indices`: h W + w of the maximum in its channel; the first, row by row, of equal ones.

    Raises
    ------
    TypeError, ValueError
        If x is not (N, C, H, W) or not of real numbers, a size is not positive, or the padding exceeds half the
        window.

    References
    ----------
    Zhou and Chellappa (1988); Goodfellow et al. (2016), section 9.3.

    Examples
    --------
    Windows of three, one apart, as in figure 9.8 of the Deep Learning book:

    >>> max_pool2d(np.array([[[[0.1, 1.0, 0.2, 0.1, 0.0]]]]), (1, 3), stride=1)
    array([[[[1. , 1. , 0.2]]]])
    """
    x = as_array(x, "x", "(N, C, H, W)")
    windows = _windows(x, kernel_size, stride, padding, dilation, ceil_mode)
    padded = _pad(x, windows, _lowest(x.dtype))
    if not return_indices:
        return _combine(np.maximum, padded, windows)
    _, column, best, row = _winners2d(padded, windows)
    return best, _indices(column, row, x.shape[3], windows)


def max_pool2d_backward(grad_output, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Return the gradient for the input of `max_pool2d`: each window pays all of it to the position of its maximum.

    Parameters
    ----------
    grad_output : (N, C, H_out, W_out) float or int
        The gradient for the output.
    x : (N, C, H, W) float or int
        What was pooled.
    kernel_size : int or (int, int)
        kH, kW of the window, in pixels.
    stride : int, (int, int) or None
        Pixels from window to window; None stands for `kernel_size`.
    padding : int or (int, int)
        At most half the window. Padded positions never win, and are paid nothing.
    dilation : int or (int, int)
        Pixels between the taps of a window.
    ceil_mode : bool
        Whether there is a last window that hangs over the end.

    Returns
    -------
    grad_x : (N, C, H, W), dtype of grad_output, whatever that of x
        Where windows overlap, what they pay adds up. Of equal maxima the first, row by row, is paid, and no other.

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d`, and if `grad_output` does not have the shape of the output.

    References
    ----------
    Goodfellow et al. (2016), section 9.3. Where maxima tie, the maximum has no derivative; this is one of its
    subgradients.

    Examples
    --------
    Both windows have their maximum at the 5, which receives 1 + 10:

    >>> max_pool2d_backward(np.array([[[[1.0, 10.0]]]]), np.array([[[[2.0, 5.0, 3.0]]]]), (1, 2), stride=1)
    array([[[[ 0., 11.,  0.]]]])
    """
    x = as_array(x, "x", "(N, C, H, W)")
    windows = _windows(x, kernel_size, stride, padding, dilation, ceil_mode)
    grad_output = _grad_of(x.shape[:2] + windows.output, grad_output)
    padded = _pad(x, windows, _lowest(x.dtype))
    across, column, _, row = _winners2d(padded, windows)
    # By the chain rule back through two maxima, of rows and of what they left: kH + kW steps are fewer than kH kW.
    rows = _pay(grad_output, row, across.shape, 0, windows)
    return _crop(_pay(rows, column, padded.shape, 1, windows), x, windows)


def _crop(grad, x, windows):
    """Return the part of a padded gradient that belongs to `x`."""
    (top, left), (height, width) = windows.padding, x.shape[2:]
    return np.ascontiguousarray(grad[:, :, top : top + height, left : left + width])


def _divisors(x, windows, count_include_pad, divisor_override):
    """Return by how much each window's sum is divided: an (H_out, W_out) array, or a number."""
    if divisor_override is not None:
        if as_int(divisor_override, "divisor_override", -np.inf) == 0:
            raise ValueError("divisor_override must not be 0")
        return divisor_override
    counts = []
    for n, k, s, p, m in zip(x.shape[2:], *windows[:3], windows.output, strict=True):
        start = np.arange(m) * s - p
        end = np.minimum(start + k, n + p)
        counts.append(end - start if count_include_pad else np.minimum(end, n) - np.maximum(start, 0))
    return np.multiply.outer(*counts)


def avg_pool2d(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    """Return the mean of what each window of every channel sees.

    Parameters
    ----------
    x : (N, C, H, W) float or int
        Finite numbers: how far a NaN spreads is left open.
    kernel_size : int or (int, int)
        kH, kW of the window, in pixels.
    stride : int, (int, int) or None
        Pixels from window to window; None stands for `kernel_size`.
    padding : int or (int, int)
        Zeros around x, at most half the window.
    ceil_mode : bool
        Keep a last window that hangs over the end, if it starts inside the input or the padding before it.
    count_include_pad : bool
        Divide by the number of positions of the window inside the *padded* input (True) or inside x (False). What
        hangs over the padded input by `ceil_mode` never counts.
    divisor_override : int or None
        Divide by this instead.

    Returns
    -------
    y : (N, C, H_out, W_out)
        dtype of x if that is float, else float64.

    Raises
    ------
    TypeError, ValueError
        If x is not (N, C, H, W) or not of real numbers, a size is not positive, the padding exceeds half the
        window, or the divisor is 0.

    References
    ----------
    Goodfellow et al. (2016), section 9.3; LeCun et al. (1989), who trained a factor for each mean.

    Examples
    --------
    >>> avg_pool2d(np.array([[[[3.0, 6.0, 9.0]]]]), (1, 2), stride=(1, 2), padding=(0, 1))
    array([[[[1.5, 7.5]]]])
    >>> avg_pool2d(np.array([[[[3.0, 6.0, 9.0]]]]), (1, 2), stride=(1, 2), padding=(0, 1), count_include_pad=False)
    array([[[[3. , 7.5]]]])
    """
    x = _as_float(as_array(x, "x", "(N, C, H, W)"))
    windows = _windows(x, kernel_size, stride, padding, 1, ceil_mode)
    divisors = _divisors(x, windows, count_include_pad, divisor_override)
    sums = _combine(np.add, _pad(_wide(x), windows, 0), windows)
    return (sums / np.asarray(divisors, sums.dtype)).astype(x.dtype)


def _as_float(x):
    """Return `x` itself if its dtype is float, else in float64."""
    return x if x.dtype.kind == "f" else x.astype(float)


def _wide(x):
    """Return `x` as sums are taken of it: float16 in float32, since it ends at 65,504 and holds three digits."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def avg_pool2d_backward(
    grad_output, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """Return the gradient for the input of `avg_pool2d`: each window pays every position the same share.

    Parameters
    ----------
    grad_output : (N, C, H_out, W_out) float or int
        The gradient for the output.
    x : (N, C, H, W) float or int
        What was pooled; only its shape matters, since the mean is linear.
    kernel_size : int or (int, int)
        kH, kW of the window, in pixels.
    stride : int, (int, int) or None
        Pixels from window to window; None stands for `kernel_size`.
    padding : int or (int, int)
        Zeros around x, at most half the window.
    ceil_mode : bool
        Whether there is a last window that hangs over the end.
    count_include_pad : bool
        Whether the mean was over the positions of the window inside the *padded* input (True) or inside x (False).
    divisor_override : int or None
        What the sum was divided by instead.

    Returns
    -------
    grad_x : (N, C, H, W)
        dtype of grad_output if that is float, else float64, whatever that of x. Where windows overlap, what they pay
        adds up.

    Raises
    ------
    TypeError, ValueError
        As `avg_pool2d`, and if `grad_output` does not have the shape of the output.

    Examples
    --------
    Windows (2, 5) and (5, 3); each pays half of its gradient to either position:

    >>> avg_pool2d_backward(np.array([[[[1.0, 10.0]]]]), np.array([[[[2.0, 5.0, 3.0]]]]), (1, 2), stride=1)
    array([[[[0.5, 5.5, 5. ]]]])
    """
    x = as_array(x, "x", "(N, C, H, W)")
    windows = _windows(x, kernel_size, stride, padding, 1, ceil_mode)
    grad_output = _grad_of(x.shape[:2] + windows.output, grad_output)
    wide = _wide(grad_output)
    share = wide / np.asarray(_divisors(x, windows, count_include_pad, divisor_override), wide.dtype)
    height, width = _padded_shape(x, windows)
    rows = np.zeros((*share.shape[:3], width), share.dtype)
    for j in range(windows.kernel[1]):
        _tap(rows, None, j, windows)[...] += share
    grad = np.zeros((*share.shape[:2], height, width), share.dtype)
    for i in range(windows.kernel[0]):
        _tap(grad, i, None, windows)[...] += rows
    return _crop(grad, x, windows).astype(grad_output.dtype)


def _power_sums(x, windows, divisors):
    """Return the sum over each window of `x`; one that hangs over the end is scaled up to a whole one."""
    scale = np.asarray(np.prod(windows.kernel) / divisors, x.dtype)
    return _combine(np.add, _pad(x, windows, 0), windows) * scale


def lp_pool2d(x, norm_type, kernel_size, stride=None, ceil_mode=False):
    """Return the Lp norm of what each window of every channel sees: ``(sum of x ** p) ** (1 / p)``.

    p = 1 is the sum, p = 2 the root of the sum of squares (not of their mean); the larger p, the nearer to the
    maximum.

    Parameters
    ----------
    x : (N, C, H, W) float or int
        As in PyTorch x itself is raised to the power, not |x|: for p other than even integers take x >= 0.
    norm_type : float
        p > 0, finite.
    kernel_size : int or (int, int)
        kH, kW of the window, in pixels.
    stride : int, (int, int) or None
        Pixels from window to window; None stands for `kernel_size`.
    ceil_mode : bool
        Keep a last window that hangs over the end; its sum is scaled up, as in PyTorch, by kH kW over the number of
        its positions inside x.

    Returns
    -------
    y : (N, C, H_out, W_out)
        dtype of x if that is float, else float64. NaN where a power does not exist.

    Raises
    ------
    TypeError, ValueError
        If x is not (N, C, H, W) or not of real numbers, a size is not positive, or p is not a positive number.

    References
    ----------
    Sermanet, Chintala and LeCun (2012), section 2.2.

    Examples
    --------
    >>> lp_pool2d(np.array([[[[3.0, 4.0]]]]), 2, (1, 2))
    array([[[[5.]]]])
    """
    x, p, windows, divisors = _lp_arguments(x, norm_type, kernel_size, stride, ceil_mode)
    with np.errstate(invalid="ignore"):
        return _power_sums(x**p, windows, divisors) ** (1 / p)


def _lp_arguments(x, norm_type, kernel_size, stride, ceil_mode):
    """Return x as floats, p, the windows and their divisors, or raise."""
    x = as_array(x, "x", "(N, C, H, W)")
    if isinstance(norm_type, bool) or not isinstance(norm_type, int | float | np.integer | np.floating):
        raise TypeError(f"norm_type must be a number, got {norm_type!r}")
    if not 0 < norm_type < np.inf:
        raise ValueError(f"norm_type must be positive and finite, got {norm_type!r}")
    windows = _windows(x, kernel_size, stride, 0, 1, ceil_mode)
    return _as_float(x), float(norm_type), windows, _divisors(x, windows, True, None)


def lp_pool2d_backward(grad_output, x, norm_type, kernel_size, stride=None, ceil_mode=False):
    """Return the gradients for the input and for the exponent p of `lp_pool2d`: p can be trained.

    With S the sum of x ** p over a window and y = S ** (1 / p):
    ``dy/dx = (x / y) ** (p - 1)`` and ``dy/dp = y ((sum of x ** p log x) / (p S) - log(S) / p ** 2)``.

    Parameters
    ----------
    grad_output : (N, C, H_out, W_out) float
        The gradient for the output.
    x, norm_type, kernel_size, stride, ceil_mode
        As in `lp_pool2d`.

    Returns
    -------
    grad_x : (N, C, H, W)
        Where windows overlap, what they pay adds up. A window whose sum S is 0, where for p > 1 the norm has no
        derivative, pays 0, as in PyTorch.
    grad_norm_type : float
        Summed over all outputs; a position with x = 0 adds nothing, one with x < 0 makes it NaN.

    Raises
    ------
    TypeError, ValueError
        As `lp_pool2d`, and if `grad_output` does not have the shape of the output.

    Examples
    --------
    For x = (3, 4) and p = 2, dy/dx = x / y:

    >>> grad_x, grad_p = lp_pool2d_backward(np.array([[[[1.0]]]]), np.array([[[[3.0, 4.0]]]]), 2, (1, 2))
    >>> grad_x
    array([[[[0.6, 0.8]]]])
    >>> round(grad_p, 4)
    -0.8168
    """
    x, p, windows, divisors = _lp_arguments(x, norm_type, kernel_size, stride, ceil_mode)
    grad_output = _grad_of(x.shape[:2] + windows.output, grad_output)
    with np.errstate(invalid="ignore", divide="ignore"):
        powers = x**p
        sums = _power_sums(powers, windows, divisors)
        weights = np.where(sums == 0, 0, sums ** (1 / p - 1)).astype(x.dtype)
        weighted_logs = _power_sums(np.where(x == 0, 0, powers * np.log(x)), windows, divisors)
        slope = weights * (weighted_logs - np.where(sums == 0, 0, sums * np.log(sums)) / p) / p
        scaled = grad_output * weights * np.asarray(np.prod(windows.kernel), x.dtype)
        grad_x = avg_pool2d_backward(scaled, x, kernel_size, stride, 0, ceil_mode) * x ** (p - 1)
    return grad_x, float(np.sum(grad_output * slope))


def _bins(size, count):
    """Return where each of `count` bins starts and ends: from floor(i n / m) to ceil((i + 1) n / m)."""
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def _adaptive_bins(x, output_size):
    """Return the bins of the rows and of the columns of `x`, or raise."""
    rows, columns = as_pair(output_size, "output_size", 1)
    largest = 2**28
    if x.shape[0] * x.shape[1] * rows * max(columns, x.shape[3]) > largest:
        raise ValueError(f"output_size {rows, columns} for x of shape {x.shape} needs more than {largest:,} numbers")
    return _bins(x.shape[2], rows), _bins(x.shape[3], columns)


def _membership(bins, size, dtype):
    """Return a row for each bin, 1 at its pixels: sums over bins are products with it, which are faster than slices."""
    rows = np.zeros((len(bins), size), dtype)
    for row, (start, end) in zip(rows, bins, strict=True):
        row[start:end] = 1
    return rows


def adaptive_avg_pool2d(x, output_size):
    """Return the means over a grid of `output_size` bins, whatever the size of the input.

    Bin i of m over n pixels goes from floor(i n / m) to ceil((i + 1) n / m): neighbours share a pixel where m does
    not divide n.

    Parameters
    ----------
    x : (N, C, H, W) float or int
        Finite numbers: how far a NaN spreads is left open.
    output_size : int or (int, int)
        H_out, W_out; may be larger than H, W (pixels then repeat).

    Returns
    -------
    y : (N, C, H_out, W_out)
        dtype of x if that is float, else float64.

    Raises
    ------
    TypeError, ValueError
        If x is not (N, C, H, W) or not of real numbers, or the output size is not positive or needs more than 2**28
        numbers.

    References
    ----------
    PyTorch, ``torch.nn.AdaptiveAvgPool2d``; He et al. (2014), the same idea as spatial pyramid pooling.

    Examples
    --------
    Five pixels in two bins: the middle one belongs to both.

    >>> adaptive_avg_pool2d(np.array([[[[1.0, 2.0, 6.0, 7.0, 8.0]]]]), (1, 2))
    array([[[[3., 7.]]]])
    """
    x = as_array(x, "x", "(N, C, H, W)")
    dtype, x = _as_float(x).dtype, _wide(_as_float(x))
    rows, columns = (
        _membership(bins, n, x.dtype) for bins, n in zip(_adaptive_bins(x, output_size), x.shape[2:], strict=True)
    )
    means = rows @ (x @ columns.T) / np.multiply.outer(rows.sum(axis=1), columns.sum(axis=1))
    return means.astype(dtype, copy=False)


def adaptive_avg_pool2d_backward(grad_output, x, output_size):
    """Return the gradient for the input of `adaptive_avg_pool2d`: each bin pays every pixel the same share.

    Parameters
    ----------
    grad_output : (N, C, H_out, W_out) float
        The gradient for the output. Finite numbers: how far a NaN spreads is left open.
    x, output_size
        As in `adaptive_avg_pool2d`; of x only the shape matters.

    Returns
    -------
    grad_x : (N, C, H, W), dtype of grad_output
        Where bins share pixels, what they pay adds up.

    Raises
    ------
    TypeError, ValueError
        As `adaptive_avg_pool2d`, and if `grad_output` does not have the shape of the output.

    Examples
    --------
    >>> adaptive_avg_pool2d_backward(np.array([[[[3.0, 6.0]]]]), np.zeros((1, 1, 1, 5)), (1, 2))
    array([[[[1., 1., 3., 2., 2.]]]])
    """
    x = as_array(x, "x", "(N, C, H, W)")
    rows, columns = _adaptive_bins(x, output_size)
    grad_output = _grad_of((*x.shape[:2], len(rows), len(columns)), grad_output)
    wide = _wide(grad_output)
    rows, columns = _membership(rows, x.shape[2], wide.dtype), _membership(columns, x.shape[3], wide.dtype)
    share = wide / np.multiply.outer(rows.sum(axis=1), columns.sum(axis=1))
    return (rows.T @ (share @ columns)).astype(grad_output.dtype, copy=False)


def _winner_of(values):
    """Return, along the last axis, the number of the maximum: the first of equals, the last NaN."""
    winner = values.argmax(axis=-1)
    missing = np.isnan(values)
    return np.where(missing.any(axis=-1), values.shape[-1] - 1 - missing[..., ::-1].argmax(axis=-1), winner)


def adaptive_max_pool2d(x, output_size, return_indices=False):
    """Return the maxima over a grid of `output_size` bins, whatever the size of the input.

    Parameters
    ----------
    x : (N, C, H, W) float or int
    output_size : int or (int, int)
        H_out, W_out; the bins are those of `adaptive_avg_pool2d`.
    return_indices : bool
        Return the position of each maximum too.

    Returns
    -------
    y : (N, C, H_out, W_out), dtype of x
    indices : (N, C, H_out, W_out) int
        Only with `return_indices`: h W + w of the maximum in its channel; the first, row by row, of equal ones.

    Raises
    ------
    TypeError, ValueError
        If x is not (N, C, H, W) or not of real numbers, or the output size is not positive or needs more than 2**28
        numbers.

    Examples
    --------
    >>> adaptive_max_pool2d(np.array([[[[1.0, 2.0, 6.0, 7.0, 8.0]]]]), (1, 2))
    array([[[[6., 8.]]]])
    """
    x = as_array(x, "x", "(N, C, H, W)")
    rows, columns = _adaptive_bins(x, output_size)
    maxima = np.stack([x[:, :, start:end].max(axis=2) for start, end in rows], axis=2)
    maxima = np.stack([maxima[:, :, :, start:end].max(axis=3) for start, end in columns], axis=3)
    return (maxima, _adaptive_indices(x, rows, columns)) if return_indices else maxima


def _adaptive_indices(x, rows, columns):
    """Return the position h W + w of the maximum of each bin."""
    indices = np.empty((*x.shape[:2], len(rows), len(columns)), np.int64)
    for i, (top, bottom) in enumerate(rows):
        for j, (left, right) in enumerate(columns):
            winner = _winner_of(x[:, :, top:bottom, left:right].reshape(*x.shape[:2], -1))
            row, column = divmod(winner, right - left)
            indices[:, :, i, j] = (top + row) * x.shape[3] + left + column
    return indices


def adaptive_max_pool2d_backward(grad_output, x, output_size):
    """Return the gradient for the input of `adaptive_max_pool2d`: each bin pays the position of its maximum.

    Parameters
    ----------
    grad_output : (N, C, H_out, W_out) float
        The gradient for the output.
    x, output_size
        As in `adaptive_max_pool2d`.

    Returns
    -------
    grad_x : (N, C, H, W), dtype of grad_output
        Where bins share their maximum, what they pay adds up. Of equal maxima the first, row by row, is paid.

    Raises
    ------
    TypeError, ValueError
        As `adaptive_max_pool2d`, and if `grad_output` does not have the shape of the output.

    Examples
    --------
    >>> adaptive_max_pool2d_backward(np.array([[[[3.0, 4.0]]]]), np.array([[[[1.0, 9.0, 5.0]]]]), (1, 2))
    array([[[[0., 7., 0.]]]])
    """
    x = as_array(x, "x", "(N, C, H, W)")
    rows, columns = _adaptive_bins(x, output_size)
    grad_output = _grad_of((*x.shape[:2], len(rows), len(columns)), grad_output)
    grad = np.zeros((x.shape[0] * x.shape[1], x.shape[2] * x.shape[3]), grad_output.dtype)
    indices = _adaptive_indices(x, rows, columns).reshape(len(grad), -1)
    np.add.at(grad, (np.arange(len(grad))[:, None], indices), grad_output.reshape(len(grad), -1))
    return grad.reshape(x.shape)


def global_avg_pool2d(x):
    """Return the mean of each channel: one number per channel, for inputs of any size.

    Parameters
    ----------
    x : (N, C, H, W) float or int

    Returns
    -------
    y : (N, C)
        dtype of x if that is float, else float64.

    Raises
    ------
    TypeError, ValueError
        If x is not (N, C, H, W), is empty, or is not of real numbers.

    References
    ----------
    Lin, Chen and Yan (2014), section 3.2.

    Examples
    --------
    >>> global_avg_pool2d(np.array([[[[1.0, 2.0], [3.0, 6.0]], [[0.0, 0.0], [0.0, 4.0]]]]))
    array([[3., 1.]])
    """
    return as_array(x, "x", "(N, C, H, W)").mean(axis=(2, 3))


def global_avg_pool2d_backward(grad_output, x):
    """Return the gradient for the input of `global_avg_pool2d`: every pixel of a channel receives the same share.

    Parameters
    ----------
    grad_output : (N, C) float
        The gradient for the output.
    x : (N, C, H, W) float or int
        Only its shape matters.

    Returns
    -------
    grad_x : (N, C, H, W), dtype of grad_output

    Raises
    ------
    TypeError, ValueError
        If x is not (N, C, H, W), or `grad_output` not (N, C).

    Examples
    --------
    >>> global_avg_pool2d_backward(np.array([[6.0]]), np.zeros((1, 1, 1, 3)))
    array([[[[2., 2., 2.]]]])
    """
    x = as_array(x, "x", "(N, C, H, W)")
    share = _grad_of(x.shape[:2], grad_output) / (x.shape[2] * x.shape[3])
    return np.broadcast_to(share[:, :, None, None], x.shape).copy()


def global_max_pool2d(x):
    """Return the maximum of each channel: one number per channel, for inputs of any size.

    Parameters
    ----------
    x : (N, C, H, W) float or int

    Returns
    -------
    y : (N, C), dtype of x

    Raises
    ------
    TypeError, ValueError
        If x is not (N, C, H, W), is empty, or is not of real numbers.

    Examples
    --------
    >>> global_max_pool2d(np.array([[[[1.0, 2.0], [3.0, 6.0]], [[0.0, 0.0], [0.0, 4.0]]]]))
    array([[6., 4.]])
    """
    return as_array(x, "x", "(N, C, H, W)").max(axis=(2, 3))


def global_max_pool2d_backward(grad_output, x):
    """Return the gradient for the input of `global_max_pool2d`: the channel's first maximum receives all of it.

    Parameters
    ----------
    grad_output : (N, C) float
        The gradient for the output.
    x : (N, C, H, W) float or int

    Returns
    -------
    grad_x : (N, C, H, W), dtype of grad_output

    Raises
    ------
    TypeError, ValueError
        If x is not (N, C, H, W), or `grad_output` not (N, C).

    Examples
    --------
    >>> global_max_pool2d_backward(np.array([[6.0]]), np.array([[[[4.0, 9.0, 9.0]]]]))
    array([[[[0., 6., 0.]]]])
    """
    x = as_array(x, "x", "(N, C, H, W)")
    return adaptive_max_pool2d_backward(_grad_of(x.shape[:2], grad_output)[:, :, None, None], x, 1)


def _channel_groups(x, pool_size):
    """Return `x` as (N, C / pool_size, pool_size, H, W), or raise."""
    x, size = as_array(x, "x", "(N, C, H, W)"), as_int(pool_size, "pool_size", 1)
    if x.shape[1] % size:
        raise ValueError(f"pool_size must divide the channels, got pool_size {size} for x of shape {x.shape}")
    return x.reshape(x.shape[0], -1, size, *x.shape[2:])


def channel_max_pool(x, pool_size):
    """Return, at each pixel, the maximum over every `pool_size` consecutive channels.

    Pooling over space gives some invariance to shifts; pooling over channels that answer to different versions of a
    pattern gives invariance to whatever makes the versions differ, rotation for example.

    Parameters
    ----------
    x : (N, C, H, W) float or int
        What a NaN does is left open.
    pool_size : int
        How many neighbouring channels are pooled; divides C.

    Returns
    -------
    y : (N, C / pool_size, H, W), dtype of x
        Channel c is the maximum over channels c pool_size to (c + 1) pool_size - 1.

    Raises
    ------
    TypeError, ValueError
        If x is not (N, C, H, W) or not of real numbers, or `pool_size` does not divide C.

    References
    ----------
    Goodfellow et al. (2013), maxout networks; Goodfellow et al. (2016), figure 9.9.

    Examples
    --------
    >>> channel_max_pool(np.array([1.0, 5.0, 3.0, 2.0]).reshape(1, 4, 1, 1), 2).ravel()
    array([5., 3.])
    """
    return _channel_groups(x, pool_size).max(axis=2)


def channel_max_pool_backward(grad_output, x, pool_size):
    """Return the gradient for the input of `channel_max_pool`: the first largest channel of each group receives it.

    Parameters
    ----------
    grad_output : (N, C / pool_size, H, W) float
        The gradient for the output.
    x, pool_size
        As in `channel_max_pool`.

    Returns
    -------
    grad_x : (N, C, H, W), dtype of grad_output

    Raises
    ------
    TypeError, ValueError
        As `channel_max_pool`, and if `grad_output` does not have the shape of the output.

    Examples
    --------
    >>> x = np.array([1.0, 5.0, 3.0, 3.0]).reshape(1, 4, 1, 1)
    >>> channel_max_pool_backward(np.array([7.0, 8.0]).reshape(1, 2, 1, 1), x, 2).ravel()
    array([0., 7., 8., 0.])
    """
    groups = _channel_groups(x, pool_size)
    grad_output = _grad_of((*groups.shape[:2], *groups.shape[3:]), grad_output)
    grad = np.zeros(groups.shape, grad_output.dtype)
    winner = _winner_of(np.moveaxis(groups, 2, -1))
    np.put_along_axis(grad, winner[:, :, None], grad_output[:, :, None], axis=2)
    return grad.reshape(np.shape(x))
