"""One kernel, five algorithms: loops, matrix, columns, FFT, separable passes; and what each costs."""

from typing import NamedTuple

import numpy as np

from miniconv._arguments import as_array, as_int, as_pair
from miniconv.convolution import convolution_matrix2d, mode_padding, output_size

ALGORITHMS = ("loops", "matrix", "im2col", "fft", "separable")


def loop_convolve2d(image, kernel, mode="full"):
    """Return the convolution of an image with a kernel by the definition: four loops.

    Parameters
    ----------
    image : (H, W) float
    kernel : (kH, kW) float
        Not of bytes as well: NumPy's products of two bytes (uint8) wrap round at 256.
    mode : {"full", "same", "valid"}
        The outputs kept along an axis of n pixels and k taps: all n + k - 1, the n of them that start at (k - 1) // 2,
        or the n - k + 1 for which the kernel lies inside of the image.

    Returns
    -------
    (oH, oW) array

    Raises
    ------
    TypeError, ValueError
        If an argument is not 2-D or not of real numbers, or "valid" is asked with a kernel that does not fit.

    References
    ----------
    Goodfellow et al. (2016), equation 9.5.

    Examples
    --------
    >>> loop_convolve2d(np.array([[1.0, 2.0]]), np.array([[1.0, 10.0]]))
    array([[ 1., 12., 20.]])
    """
    padded, kernel, (rows, columns) = _prepared(image, kernel, mode)
    y = np.zeros((rows, columns), np.result_type(padded, kernel))
    height, width = kernel.shape
    for p, q in np.ndindex(rows, columns):
        total = padded[p, q] * kernel[height - 1, width - 1]
        for i, j in list(np.ndindex(height, width))[1:]:
            total = total + padded[p + i, q + j] * kernel[height - 1 - i, width - 1 - j]
        y[p, q] = total
    return y


def matrix_convolve2d(image, kernel, mode="full"):
    """Return the convolution as one product with the doubly block Toeplitz matrix of the kernel.

    Parameters
    ----------
    image : (H, W) float
    kernel : (kH, kW) float
        Not of bytes as well: NumPy's products of two bytes (uint8) wrap round at 256.
    mode : {"full", "same", "valid"}
        The outputs kept along an axis of n pixels and k taps: all n + k - 1, the n of them that start at (k - 1) // 2,
        or the n - k + 1 for which the kernel lies inside of the image.

    Returns
    -------
    (oH, oW) array

    Raises
    ------
    TypeError, ValueError
        If an argument is not 2-D or not of real numbers, or "valid" is asked with a kernel that does not fit.

    Examples
    --------
    >>> matrix_convolve2d(np.array([[1.0, 2.0]]), np.array([[1.0, 10.0]]))
    array([[ 1., 12., 20.]])
    """
    _, kernel, shape = _prepared(image, kernel, mode)
    image = np.asarray(image)
    return (convolution_matrix2d(kernel, image.shape, mode) @ image.ravel()).reshape(shape)


def im2col_convolve2d(image, kernel, mode="full"):
    """Return the convolution as one product of the flipped kernel with the columns of the image's windows.

    Parameters
    ----------
    image : (H, W) float
    kernel : (kH, kW) float
        Not of bytes as well: NumPy's products of two bytes (uint8) wrap round at 256.
    mode : {"full", "same", "valid"}
        The outputs kept along an axis of n pixels and k taps: all n + k - 1, the n of them that start at (k - 1) // 2,
        or the n - k + 1 for which the kernel lies inside of the image.

    Returns
    -------
    (oH, oW) array

    Raises
    ------
    TypeError, ValueError
        If an argument is not 2-D or not of real numbers, or "valid" is asked with a kernel that does not fit.

    References
    ----------
    Chellapilla, Puri and Simard (2006).

    Examples
    --------
    >>> im2col_convolve2d(np.array([[1.0, 2.0]]), np.array([[1.0, 10.0]]))
    array([[ 1., 12., 20.]])
    """
    padded, kernel, shape = _prepared(image, kernel, mode)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    columns = windows.transpose(2, 3, 0, 1).reshape(kernel.size, -1)
    return (kernel[::-1, ::-1].reshape(1, -1) @ columns).reshape(shape)


def fft_convolve2d(image, kernel, mode="full"):
    """Return the convolution by the Fourier transform: there, it is a product of numbers.

    The product of two transforms of size P belongs to the *circular* convolution of period P. With zeros up to
    P >= H + kH - 1 nothing wraps round. Any such P will do, one without large prime factors is fast.

    Parameters
    ----------
    image : (H, W) float
    kernel : (kH, kW) float
    mode : {"full", "same", "valid"}
        The outputs kept along an axis of n pixels and k taps: all n + k - 1, the n of them that start at (k - 1) // 2,
        or the n - k + 1 for which the kernel lies inside of the image.

    Returns
    -------
    (oH, oW) array
        Rounding errors are relative to the largest outputs: small ones lose digits.

    Raises
    ------
    TypeError, ValueError
        If an argument is not 2-D or not of real numbers, or "valid" is asked with a kernel that does not fit.

    References
    ----------
    Cooley and Tukey (1965); Mathieu, Henaff and LeCun (2014).

    Examples
    --------
    >>> fft_convolve2d(np.array([[1.0, 2.0]]), np.array([[1.0, 10.0]])).round(9)
    array([[ 1., 12., 20.]])
    """
    _, kernel, shape = _prepared(image, kernel, mode)
    image = np.asarray(image)
    period = [fast_length(n + k - 1) for n, k in zip(image.shape, kernel.shape, strict=True)]
    product = np.fft.rfft2(image, period) * np.fft.rfft2(kernel, period)
    full = np.fft.irfft2(product, period).astype(np.result_type(image, kernel, np.float32), copy=False)
    first = [k - 1 - mode_padding(k, mode)[0] for k in kernel.shape]
    return full[first[0] : first[0] + shape[0], first[1] : first[1] + shape[1]].copy()


def fast_length(n):
    """Return the smallest number, n or more, without prime factors but 2, 3 and 5.

    A transform falls apart into short ones along the factors of its length. Such a number is often much nearer than the
    next power of two, for which `operation_count` counts: 540 beside 1,024, for example.

    Examples
    --------
    >>> fast_length(7), fast_length(539)
    (8, 540)
    """
    while pow(30, n.bit_length(), n):  # 0 if n divides a high power of 2 * 3 * 5: if it has no other factors
        n += 1
    return n


def fft_period(image_shape, kernel_shape):
    """Return, per axis, the smallest power of two in which the full convolution finds room.

    Examples
    --------
    >>> fft_period((28, 30), (5, 3))
    (32, 32)
    """
    sizes = zip(as_pair(image_shape, "image_shape", 1), as_pair(kernel_shape, "kernel_shape", 1), strict=True)
    return tuple(1 << (n + k - 2).bit_length() for n, k in sizes)


def circular_fft_convolve2d(image, kernel):
    """Return the product in the Fourier domain without any padding: the circular convolution, whose ends meet.

    Parameters
    ----------
    image : (H, W) float
    kernel : (kH, kW) float
        Not larger than the image.

    Returns
    -------
    (H, W) array

    Raises
    ------
    TypeError, ValueError
        If an argument is not 2-D or not of real numbers, or the kernel is larger than the image.

    Examples
    --------
    >>> circular_fft_convolve2d(np.array([[1.0, 2.0, 0.0, 4.0]]), np.array([[1.0, 10.0]])).round(9)
    array([[41., 12., 20.,  4.]])
    """
    image, kernel = as_array(image, "image", "(H, W)"), as_array(kernel, "kernel", "(kH, kW)")
    if any(k > n for n, k in zip(image.shape, kernel.shape, strict=True)):
        raise ValueError(f"the kernel, of shape {kernel.shape}, must not be larger than the image, {image.shape}")
    return np.fft.irfft2(np.fft.rfft2(image) * np.fft.rfft2(kernel, image.shape), image.shape)


def separate_kernel(kernel):
    """Return the column and the row whose outer product comes nearest to the kernel, and how near.

    The best approximation of rank 1 in the Frobenius norm: the first term of the singular value decomposition.

    Parameters
    ----------
    kernel : (kH, kW) float

    Returns
    -------
    column : (kH,) array
    row : (kW,) array
        How length and sign are shared does not matter to the product: here both have length sqrt(s_1), s_1 the largest
        singular value, and the largest entry of `column` is positive.
    error : float
        ||kernel - outer(column, row)|| / ||kernel||: 0, up to rounding, if and only if the kernel is separable.

    Raises
    ------
    TypeError, ValueError
        If the kernel is not 2-D, not of real numbers, or zero everywhere.

    References
    ----------
    Eckart and Young (1936).

    Examples
    --------
    >>> column, row, error = separate_kernel(np.outer([1.0, 2.0, 1.0], [1.0, 0.0, -1.0]))
    >>> (column / column[0]).round(9), (row / row[0]).round(9) + 0.0, round(error, 9)
    (array([1., 2., 1.]), array([ 1.,  0., -1.]), 0.0)
    """
    kernel = as_array(kernel, "kernel", "(kH, kW)")
    kernel = kernel if kernel.dtype.kind == "f" else kernel.astype(float)
    if not kernel.any():
        raise ValueError("the kernel must not be zero everywhere")
    left, values, right = np.linalg.svd(kernel, full_matrices=False)
    column, row = left[:, 0] * np.sqrt(values[0]), right[0] * np.sqrt(values[0])
    sign = 1 if column[np.argmax(np.abs(column))] > 0 else -1
    return sign * column, sign * row, float(np.sqrt(np.sum(values[1:] ** 2) / np.sum(values**2)))


def separable_convolve2d(image, column, row, mode="full"):
    """Return the convolution with outer(column, row) as two passes: down the columns, then along the rows.

    Parameters
    ----------
    image : (H, W) float
    column : (kH,) float
    row : (kW,) float
    mode : {"full", "same", "valid"}
        The outputs kept along an axis of n pixels and k taps: all n + k - 1, the n of them that start at (k - 1) // 2,
        or the n - k + 1 for which the kernel lies inside of the image.

    Returns
    -------
    (oH, oW) array
        What ``loop_convolve2d(image, np.outer(column, row), mode)`` gives. Column and row may be longer than the image.

    Raises
    ------
    TypeError, ValueError
        If the image is not 2-D, column or row not 1-D, or "valid" is asked with a kernel that does not fit.

    References
    ----------
    Goodfellow et al. (2016), section 9.8.

    Examples
    --------
    >>> image, column, row = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 1.0]), np.array([1.0, 10.0])
    >>> separable_convolve2d(image, column, row, "valid")
    array([[46.]])
    """
    column, row = as_array(column, "column", "(kH,)"), as_array(row, "row", "(kW,)")
    return im2col_convolve2d(im2col_convolve2d(image, column[:, None], mode), row[None], mode)


class Operations(NamedTuple):
    """What an algorithm costs: real multiplications and additions, and numbers stored beside input and output."""

    multiplications: int
    additions: int
    memory: int


def operation_count(algorithm, image_shape, kernel_shape, mode="full"):
    """Return the exact number of operations of an algorithm for one image and one kernel of real numbers.

    Every multiplication counts, also those by zeros of the padding. With M = oH oW outputs and K = kH kW:

    - "loops", "im2col": M K multiplications, M (K - 1) additions; im2col stores M K numbers.
    - "matrix": every entry of the dense matrix, M H W multiplications and M (H W - 1) additions, M H W numbers.
    - "separable": two passes, down the columns first, of kH and kW multiplications and kH - 1 and kW - 1 additions per
      output of each; stores what is between them.
    - "fft": three complex transforms of P = P1 P2 numbers by the radix-2 algorithm, (P / 2) log2 P complex
      multiplications and P log2 P complex additions each, P complex products, and P divisions by P (counted as
      multiplications, of both parts); a complex multiplication is 4 real ones and 2 additions, a complex addition 2.
      P1 is the smallest power of two that is at least H + kH - 1, P2 likewise, in every mode. Stores two transforms.

    Parameters
    ----------
    algorithm : {"loops", "matrix", "im2col", "fft", "separable"}
    image_shape, kernel_shape : (int, int)
    mode : {"full", "same", "valid"}

    Returns
    -------
    Operations
        (multiplications, additions, memory); memory in numbers, a complex one counting as two.

    Raises
    ------
    TypeError, ValueError
        If the algorithm or the mode is unknown or the shapes do not fit.

    References
    ----------
    Cooley and Tukey (1965) for the transform.

    Examples
    --------
    >>> operation_count("loops", (4, 4), (3, 3), "valid")
    Operations(multiplications=36, additions=32, memory=0)
    >>> operation_count("separable", (4, 4), (3, 3), "valid")
    Operations(multiplications=36, additions=24, memory=8)
    """
    (h, w), (kh, kw) = as_pair(image_shape, "image_shape", 1), as_pair(kernel_shape, "kernel_shape", 1)
    rows, columns = output_size(h, kh, mode), output_size(w, kw, mode)
    outputs, taps = rows * columns, kh * kw
    if algorithm == "loops":
        return Operations(outputs * taps, outputs * (taps - 1), 0)
    if algorithm == "im2col":
        return Operations(outputs * taps, outputs * (taps - 1), outputs * taps)
    if algorithm == "matrix":
        return Operations(outputs * h * w, outputs * (h * w - 1), outputs * h * w)
    if algorithm == "separable":
        between = rows * w
        return Operations(between * kh + outputs * kw, between * (kh - 1) + outputs * (kw - 1), between)
    if algorithm == "fft":
        return _fft_operations(fft_period((h, w), (kh, kw)))
    raise ValueError(f"the algorithm must be one of {', '.join(ALGORITHMS)}, got {algorithm!r}")


def _fft_operations(period):
    size = period[0] * period[1]
    steps = size.bit_length() - 1  # log2 of the size
    products = 3 * (size // 2) * steps + size
    additions = 3 * size * steps
    return Operations(4 * products + 2 * size, 2 * products + 2 * additions, 4 * size)


def radix2_fft(x, inverse=False):
    """Return the discrete Fourier transform of a sequence by halves: even and odd samples, then n/2 products.

    The textbook algorithm that `operation_count` counts; ``np.fft`` is the one to use.

    Parameters
    ----------
    x : (n,) complex
        n a power of two.
    inverse : bool
        Conjugate roots of unity; the division by n is left to the caller.

    Returns
    -------
    (n,) complex array

    Raises
    ------
    TypeError, ValueError
        If x does not hold numbers, or n is not a power of two.

    References
    ----------
    Cooley and Tukey (1965).

    Examples
    --------
    >>> radix2_fft(np.array([1.0, 0.0, 0.0, 0.0])).real
    array([1., 1., 1., 1.])
    """
    x = np.asarray(x)
    if x.dtype.kind not in "iufc":
        raise TypeError(f"x must hold numbers, got dtype {x.dtype}")
    if x.ndim != 1 or not x.size or x.size & (x.size - 1):
        raise ValueError(f"x must have shape (n,), n a power of two, got shape {x.shape}")
    if x.size == 1:
        return x.astype(np.result_type(x, np.complex64))
    even, odd = radix2_fft(x[::2], inverse), radix2_fft(x[1::2], inverse)
    roots = np.exp((2j if inverse else -2j) * np.pi * np.arange(x.size // 2) / x.size)
    turned = roots.astype(odd.dtype) * odd
    return np.concatenate([even + turned, even - turned])


def best_algorithm(image_shape, kernel_shape, mode="full", rank=None):
    """Return the algorithm with the fewest multiplications; on a tie the one that `operation_count` lists first.

    Parameters
    ----------
    image_shape, kernel_shape : (int, int)
    mode : {"full", "same", "valid"}
    rank : int or None
        Of the kernel; "separable" is possible for rank 1 only. None: not known, so not possible.

    Returns
    -------
    str

    Raises
    ------
    TypeError, ValueError
        As `operation_count`, and if the rank is not between 1 and the smaller side of the kernel.

    Examples
    --------
    >>> best_algorithm((64, 64), (3, 3)), best_algorithm((64, 64), (3, 3), rank=1), best_algorithm((64, 64), (31, 31))
    ('loops', 'separable', 'fft')
    """
    kernel = as_pair(kernel_shape, "kernel_shape", 1)
    if rank is not None and as_int(rank, "rank", 1) > min(kernel):
        raise ValueError(f"a kernel of shape {kernel} has no rank {rank}")
    possible = [name for name in ALGORITHMS if name != "separable" or rank == 1]
    return min(possible, key=lambda name: operation_count(name, image_shape, kernel, mode)[0])


def winograd_multiplications(outputs, taps):
    """Return the multiplications of a minimal filter F(m, r) per tile of m outputs with r taps: (m + r - 1) per axis.

    Parameters
    ----------
    outputs, taps : int or (int, int)
        m and r along each axis.

    Returns
    -------
    winograd, direct : int
        Multiplications per tile by Winograd's algorithm and by the definition.

    References
    ----------
    Winograd (1980); Lavin and Gray (2016).

    Examples
    --------
    >>> winograd_multiplications(2, 3)
    (16, 36)
    """
    (m1, m2), (r1, r2) = as_pair(outputs, "outputs", 1), as_pair(taps, "taps", 1)
    return (m1 + r1 - 1) * (m2 + r2 - 1), m1 * m2 * r1 * r2


def _prepared(image, kernel, mode):
    """Return the padded image, the kernel, both as arrays, and the output's shape."""
    image, kernel = as_array(image, "image", "(H, W)"), as_array(kernel, "kernel", "(kH, kW)")
    shape = tuple(output_size(n, k, mode) for n, k in zip(image.shape, kernel.shape, strict=True))
    return np.pad(image, [mode_padding(k, mode) for k in kernel.shape]), kernel, shape
