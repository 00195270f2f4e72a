"""The operation itself: convolution and cross-correlation of signals and images, and their matrices.

Notation: input x, kernel h (signals) or K (images), output y. Modes are named, and centred, as in SciPy.
"""

import numpy as np

from ._arguments import as_array, as_int, as_pair

MODES = ("full", "same", "valid")


def mode_padding(kernel_size, mode):
    """Return how many zeros a mode puts before and after the input of a convolution.

    With that many zeros, the windows that lie inside the padded input are those of the mode: for "full" all that
    touch the input, for "same" as many as the input has samples, for "valid" those that lie inside the input.

    Parameters
    ----------
    kernel_size : int
        Number of taps k along the axis, at least 1.
    mode : {"full", "same", "valid"}

    Returns
    -------
    (before, after) : pair of int
        Along the axis. If "same" needs an odd number of zeros in all, the larger half goes before.

    Raises
    ------
    ValueError
        If `mode` is unknown or `kernel_size` is below 1.

    References
    ----------
    Goodfellow et al. (2016), section 9.5, the three padding rules; centring as in ``scipy.signal.convolve``.

    Examples
    --------
    >>> mode_padding(3, "full"), mode_padding(3, "same"), mode_padding(3, "valid")
    ((2, 2), (1, 1), (0, 0))
    >>> mode_padding(4, "same")
    (2, 1)
    """
    k = as_int(kernel_size, "kernel_size", 1)
    _check_mode(mode)
    if mode == "full":
        return k - 1, k - 1
    return (k // 2, (k - 1) // 2) if mode == "same" else (0, 0)


def output_size(n, kernel_size, mode):
    """Return the number of outputs of a convolution along an axis.

    "full" has an output for every window that touches the input, "same" one for every sample of the input, "valid" one
    for every window that lies inside.

    Parameters
    ----------
    n, kernel_size : int
        Input length n and kernel length k, both at least 1.
    mode : {"full", "same", "valid"}

    Raises
    ------
    ValueError
        If the mode is unknown, a size is below 1, or the mode is "valid" and the kernel does not fit.

    References
    ----------
    Goodfellow et al. (2016), section 9.5.

    Examples
    --------
    >>> [output_size(5, 3, mode) for mode in ("full", "same", "valid")]
    [7, 5, 3]
    """
    n, kernel_size = as_int(n, "n", 1), as_int(kernel_size, "kernel_size", 1)
    size = n + sum(mode_padding(kernel_size, mode)) - kernel_size + 1
    if size < 1:
        raise ValueError(f'mode "valid" needs a kernel that fits into the input, got size {kernel_size} and input {n}')
    return size


def cross_correlate1d(x, h, mode="full"):
    """Slide the kernel over a signal as it is, and sum the products: what CNN layers compute.

    y[t] = sum_n x[t + n] h[n], x being 0 outside its ends. "full" starts at t = -(k - 1), where the last tap meets
    the first sample; "valid" keeps the t whose window lies inside x; "same" keeps the n central outputs of "full".
    Of two central choices, for even k, it takes the earlier, as ``scipy.signal.correlate``; PyTorch takes the later.

    Parameters
    ----------
    x : (n,) array of numbers
    h : (k,) array of numbers
    mode : {"full", "same", "valid"}

    Returns
    -------
    y : (n + k - 1,), (n,) or (n - k + 1,) array
        Of the dtype that NumPy promotes x and h to.

    Raises
    ------
    TypeError
        If x or h holds anything but real numbers.
    ValueError
        If x or h is not 1-D or is empty, the mode is unknown, or "valid" is asked with k > n.

    References
    ----------
    Goodfellow et al. (2016), equation 9.6 in one dimension.

    Examples
    --------
    >>> cross_correlate1d(np.array([1, 2, 3]), np.array([1, 0, 10]))
    array([10, 20, 31,  2,  3])
    >>> cross_correlate1d(np.array([1, 2, 3]), np.array([1, 0, 10]), mode="valid")
    array([31])
    """
    h = as_array(h, "h", "(k,)")
    return convolve1d(x, h[::-1], mode)


def convolve1d(x, h, mode="full"):
    """Convolve a signal with a kernel: turn the kernel round, slide it, and sum the products.

    y[t] = sum_n x[t - n] h[n], x being 0 outside its ends. "full" starts at t = 0; "valid" keeps the t from k - 1 on
    whose window lies inside x; "same" keeps the n central outputs of "full" (of two central choices, for even k, the
    earlier), as ``scipy.signal.convolve``.

    Parameters
    ----------
    x : (n,) array of numbers
    h : (k,) array of numbers
    mode : {"full", "same", "valid"}

    Returns
    -------
    y : (n + k - 1,), (n,) or (n - k + 1,) array
        Of the dtype that NumPy promotes x and h to.

    Raises
    ------
    TypeError
        If x or h holds anything but real numbers.
    ValueError
        If x or h is not 1-D or is empty, the mode is unknown, or "valid" is asked with k > n.

    References
    ----------
    Goodfellow et al. (2016), equation 9.3.

    Examples
    --------
    >>> convolve1d(np.array([1, 2, 3]), np.array([1, 0, 10]))
    array([ 1,  2, 13, 20, 30])
    >>> convolve1d(np.array([1, 2, 3]), np.array([1, 0, 10]), mode="same")
    array([ 2, 13, 20])
    """
    x, h = as_array(x, "x", "(n,)"), as_array(h, "h", "(k,)")
    output_size(x.size, h.size, mode)
    padded = np.pad(x, mode_padding(h.size, mode))
    windows = np.lib.stride_tricks.sliding_window_view(padded, h.size)
    return windows @ h[::-1]


def cross_correlate2d(image, kernel, mode="full"):
    """Slide the kernel over an image as it is, and sum the products: one channel of a CNN layer.

    y[i, j] = sum_{m, n} x[i + m, j + n] K[m, n], x being 0 outside. On each axis "full" starts where the last tap
    meets the first pixel, "valid" keeps the windows that lie inside the image, and "same" keeps as many central outputs
    of "full" as the image has pixels (of two central choices, for an even side of the kernel, the earlier).

    Parameters
    ----------
    image : (H, W) array of numbers
    kernel : (kH, kW) array of numbers
    mode : {"full", "same", "valid"}

    Returns
    -------
    y : (H + kH - 1, W + kW - 1), (H, W) or (H - kH + 1, W - kW + 1) array
        Of the dtype that NumPy promotes image and kernel to.

    Raises
    ------
    TypeError
        If image or kernel holds anything but real numbers.
    ValueError
        If image or kernel is not 2-D or is empty, the mode is unknown, or "valid" is asked with a kernel that does
        not fit into the image.

    References
    ----------
    Goodfellow et al. (2016), equation 9.6.

    Examples
    --------
    >>> cross_correlate2d(np.array([[1, 2], [3, 4]]), np.array([[1, 10]]), mode="valid")
    array([[21],
           [43]])
    """
    kernel = as_array(kernel, "kernel", "(kH, kW)")
    return convolve2d(image, kernel[::-1, ::-1], mode)


def convolve2d(image, kernel, mode="full"):
    """Convolve an image with a kernel: turn the kernel by 180 degrees, slide it, and sum the products.

    y[i, j] = sum_{m, n} x[i - m, j - n] K[m, n], x being 0 outside. On each axis "full" starts where the first tap
    meets the first pixel, "valid" keeps the windows that lie inside the image, and "same" keeps as many central outputs
    of "full" as the image has pixels (of two central choices, for an even side of the kernel, the earlier).

    Parameters
    ----------
    image : (H, W) array of numbers
    kernel : (kH, kW) array of numbers
    mode : {"full", "same", "valid"}

    Returns
    -------
    y : (H + kH - 1, W + kW - 1), (H, W) or (H - kH + 1, W - kW + 1) array
        Of the dtype that NumPy promotes image and kernel to.

    Raises
    ------
    TypeError
        If image or kernel holds anything but real numbers.
    ValueError
        If image or kernel is not 2-D or is empty, the mode is unknown, or "valid" is asked with a kernel that does
        not fit into the image.

    References
    ----------
    Goodfellow et al. (2016), equation 9.5.

    Examples
    --------
    >>> convolve2d(np.array([[1, 2], [3, 4]]), np.array([[1, 10]]), mode="valid")
    array([[12],
           [34]])
    """
    image, kernel = as_array(image, "image", "(H, W)"), as_array(kernel, "kernel", "(kH, kW)")
    for n, k in zip(image.shape, kernel.shape, strict=True):
        output_size(n, k, mode)
    padded = np.pad(image, [mode_padding(k, mode) for k in kernel.shape])
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return np.einsum("ijmn,mn->ij", windows, kernel[::-1, ::-1])


def circular_convolve1d(x, h):
    """Convolve a periodic signal with a kernel: what leaves on one side comes back on the other.

    y[t] = sum_n x[(t - n) mod N] h[n] for t = 0 ... N - 1.

    Parameters
    ----------
    x : (N,) array of numbers
        One period of the signal.
    h : (k,) array of numbers
        Not longer than the period: k <= N.

    Returns
    -------
    y : (N,) array
        Of the dtype that NumPy promotes x and h to.

    Raises
    ------
    TypeError
        If x or h holds anything but real numbers.
    ValueError
        If x or h is not 1-D or is empty, or k > N.

    References
    ----------
    Oppenheim and Schafer (2010), section 8.6.5: the inverse DFT of the product of two DFTs.

    Examples
    --------
    >>> circular_convolve1d(np.array([1, 2, 3, 4]), np.array([1, 10]))
    array([41, 12, 23, 34])
    """
    x, h = as_array(x, "x", "(N,)"), as_array(h, "h", "(k,)")
    _check_period(h.size, x.size)
    return x[_period_index(x.size, h.size)] @ h


def convolution_matrix1d(h, n, mode="full"):
    """Return the matrix T for which T @ x is the convolution of any signal of length n with h.

    T[t, a] = h[t - a] where that tap exists, else 0: the same numbers down every diagonal, a Toeplitz matrix.
    In the modes "same" and "valid" the rows are those of "full" that the mode keeps.

    Parameters
    ----------
    h : (k,) array of numbers
    n : int
        Length of the signal, at least 1.
    mode : {"full", "same", "valid"}

    Returns
    -------
    matrix : (n + k - 1, n), (n, n) or (n - k + 1, n) array
        Of the dtype of h.

    Raises
    ------
    TypeError
        If h holds anything but real numbers.
    ValueError
        If h is not 1-D or is empty, n < 1, the mode is unknown, or "valid" is asked with k > n.

    References
    ----------
    Goodfellow et al. (2016), section 9.1, on Toeplitz matrices.

    Examples
    --------
    >>> convolution_matrix1d(np.array([1, 2]), 3)
    array([[1, 0, 0],
           [2, 1, 0],
           [0, 2, 1],
           [0, 0, 2]])
    """
    h, n = as_array(h, "h", "(k,)"), as_int(n, "n", 1)
    tap = _tap_index(n, h.size, mode)
    return np.where(tap >= 0, h[tap], h.dtype.type(0))


def convolution_matrix2d(kernel, image_shape, mode="full"):
    """Return the matrix T for which T @ image.ravel() is the convolution of any image with the kernel, raveled.

    The matrix consists of blocks, one per pair (output row, image row). Blocks repeat along block diagonals, and each
    is Toeplitz itself: a doubly block Toeplitz matrix. Rows of the image follow each other, as ``ravel`` has it.

    Parameters
    ----------
    kernel : (kH, kW) array of numbers
    image_shape : (H, W) pair of int
    mode : {"full", "same", "valid"}

    Returns
    -------
    matrix : (outH * outW, H * W) array
        Of the dtype of the kernel. The output has H + kH - 1 by W + kW - 1 pixels for "full", H by W for "same",
        H - kH + 1 by W - kW + 1 for "valid".

    Raises
    ------
    TypeError
        If the kernel holds anything but real numbers.
    ValueError
        If the kernel is not 2-D or is empty, a size is below 1, the mode is unknown, or "valid" is asked with a
        kernel that does not fit into the image.

    References
    ----------
    Goodfellow et al. (2016), section 9.1, on doubly block circulant matrices.

    Examples
    --------
    >>> convolution_matrix2d(np.array([[1, 2], [3, 4]]), (2, 3), mode="valid")
    array([[4, 3, 0, 2, 1, 0],
           [0, 4, 3, 0, 2, 1]])
    """
    kernel = as_array(kernel, "kernel", "(kH, kW)")
    height, width = as_pair(image_shape, "image_shape", 1)
    row = _tap_index(height, kernel.shape[0], mode)[:, None, :, None]
    column = _tap_index(width, kernel.shape[1], mode)[None, :, None, :]
    blocks = np.where((row >= 0) & (column >= 0), kernel[row, column], kernel.dtype.type(0))
    return blocks.reshape(-1, height * width)


def circulant_matrix(h, n):
    """Return the square matrix C for which C @ x is the circular convolution of any signal of period n with h.

    C[t, a] = h[(t - a) mod n] where that tap exists, else 0: each row is the one above it, moved right by one and
    wrapped round.

    Parameters
    ----------
    h : (k,) array of numbers
        Not longer than the period: k <= n.
    n : int

    Returns
    -------
    matrix : (n, n) array
        Of the dtype of h.

    Raises
    ------
    TypeError
        If h holds anything but real numbers.
    ValueError
        If h is not 1-D or is empty, n < 1, or k > n.

    References
    ----------
    Goodfellow et al. (2016), section 9.1; Gray (2006), chapter 3.

    Examples
    --------
    >>> circulant_matrix([1, 2], 3)
    array([[1, 0, 2],
           [2, 1, 0],
           [0, 2, 1]])
    """
    h, n = as_array(h, "h", "(k,)"), as_int(n, "n", 1)
    _check_period(h.size, n)
    return np.pad(h, (0, n - h.size))[_period_index(n, n)]


def is_toeplitz(matrix):
    """Say whether a matrix repeats itself down its diagonals: M[i + 1, j + 1] = M[i, j] everywhere.

    Parameters
    ----------
    matrix : (m, n) array of numbers

    Examples
    --------
    >>> is_toeplitz([[1, 2, 3], [0, 1, 2]]), is_toeplitz([[1, 2], [0, 3]])
    (True, False)
    """
    matrix = as_array(matrix, "matrix", "(m, n)")
    return np.array_equal(matrix[1:, 1:], matrix[:-1, :-1])


def is_circulant(matrix):
    """Say whether a matrix is square and each row is the one above it, moved right by one and wrapped round.

    Parameters
    ----------
    matrix : (m, n) array of numbers

    Examples
    --------
    >>> is_circulant([[1, 2, 3], [3, 1, 2], [2, 3, 1]]), is_circulant([[1, 2, 3], [0, 1, 2], [0, 0, 1]])
    (True, False)
    """
    matrix = as_array(matrix, "matrix", "(m, n)")
    return matrix.shape[0] == matrix.shape[1] and np.array_equal(matrix, np.roll(matrix, (1, 1), (0, 1)))


def is_doubly_block_toeplitz(matrix, output_shape, image_shape):
    """Say whether the blocks of a matrix repeat down block diagonals and each block is Toeplitz.

    Parameters
    ----------
    matrix : (outH * outW, H * W) array of numbers
        Cut into outH x H blocks of outW x W entries.
    output_shape : (outH, outW) pair of int
    image_shape : (H, W) pair of int

    Raises
    ------
    ValueError
        If the shapes do not multiply to the matrix's.

    Examples
    --------
    >>> is_doubly_block_toeplitz(convolution_matrix2d([[1, 2], [3, 4]], (3, 4)), (4, 5), (3, 4))
    True
    """
    matrix = as_array(matrix, "matrix", "(m, n)")
    output_shape, image_shape = as_pair(output_shape, "output_shape", 1), as_pair(image_shape, "image_shape", 1)
    if matrix.shape != (np.prod(output_shape), np.prod(image_shape)):
        raise ValueError(f"matrix of shape {matrix.shape} does not map shape {image_shape} to shape {output_shape}")
    blocks = matrix.reshape(output_shape + image_shape)
    blocks_repeat = np.array_equal(blocks[1:, :, 1:, :], blocks[:-1, :, :-1, :])
    return blocks_repeat and np.array_equal(blocks[:, 1:, :, 1:], blocks[:, :-1, :, :-1])


def visits2d(image_shape, kernel_shape, mode="full"):
    """Count, for every pixel, how many outputs of a convolution read it.

    Parameters
    ----------
    image_shape, kernel_shape : pair of int
    mode : {"full", "same", "valid"}

    Returns
    -------
    visits : (H, W) array of int

    Raises
    ------
    ValueError
        As `convolve2d` for these shapes.

    Examples
    --------
    >>> visits2d((3, 3), (2, 2), mode="valid")
    array([[1, 2, 1],
           [2, 4, 2],
           [1, 2, 1]])
    """
    shapes = zip(as_pair(image_shape, "image_shape", 1), as_pair(kernel_shape, "kernel_shape", 1), strict=True)
    return np.outer(*((_tap_index(n, k, mode) >= 0).sum(axis=0) for n, k in shapes))


def convolve_sampled(x, h, step):
    """Approximate the continuous convolution of two functions from samples taken `step` apart.

    The integral of x(a) w(t - a) da becomes a sum of samples times the width of a sample.

    Parameters
    ----------
    x, h : (n,), (k,) arrays of numbers
        Samples from t = 0 on; both functions are 0 elsewhere.
    step : float
        Distance of two samples, in the unit of t; above 0.

    Returns
    -------
    y : (n + k - 1,) array of float
        Samples from t = 0 on, `step` apart.

    Raises
    ------
    ValueError
        If step is not above 0, or x or h is not 1-D or is empty.

    References
    ----------
    Goodfellow et al. (2016), equations 9.1 and 9.3.

    Examples
    --------
    >>> convolve_sampled([1.0, 1.0], [1.0, 1.0], 0.5)
    array([0.5, 1. , 0.5])
    """
    if not step > 0:
        raise ValueError(f"step must be above 0, got {step!r}")
    return step * convolve1d(x, h, mode="full")


def _check_mode(mode):
    if not isinstance(mode, str) or mode not in MODES:
        raise ValueError(f'mode must be "full", "same" or "valid", got {mode!r}')


def _check_period(k, n):
    if k > n:
        raise ValueError(f"the kernel must not be longer than the period, got sizes {k} and {n}")


def _tap_index(n, k, mode):
    """Which tap meets input a in output t, as an (outputs, n) array; -1 where none does."""
    first = k - 1 - mode_padding(k, mode)[0]
    tap = first + np.arange(output_size(n, k, mode))[:, None] - np.arange(n)
    return np.where((tap >= 0) & (tap < k), tap, -1)


def _period_index(n, k):
    """Index (t - a) mod n of a signal of period n, as an (n, k) array over t and a."""
    return (np.arange(n)[:, None] - np.arange(k)) % n
