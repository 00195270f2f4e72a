"""Convolution and pooling as priors: what they assume, the limit in which they arise, and what they cost when wrong.

A layer that looks at one picture (one channel, no bias) is a matrix of shape (oH * oW, H * W): a row per output,
a column per pixel, both counted row by row. A convolution layer is such a matrix with zeros and equal entries.
Deep Learning (Goodfellow, Bengio and Courville, 2016), section 9.4.
"""

import numpy as np

from miniconv._arguments import as_array, as_int, as_pair
from miniconv.pooling import avg_pool2d, max_pool2d

__all__ = [
    "conv_prior_cost",
    "correlation_matrix",
    "fit_with_conv_prior",
    "gaussian_map",
    "inverse_permutation",
    "nearest_kernel",
    "permute_dense_weight",
    "permute_pixels",
    "pooling_prior_gap",
    "project_to_convolution",
    "readout_error",
    "two_object_scenes",
]


def gaussian_map(data, noise_variance, prior_mean=0.0, prior_variance=np.inf):
    """Return the most probable value of a quantity that was measured with noise, under a Gaussian prior.

    Each measurement is the quantity plus independent Gaussian noise of variance `noise_variance`. The prior says that
    the quantity itself was drawn from a Gaussian of mean `prior_mean` and variance `prior_variance`. The most probable
    value is the average of the prior's mean and the measurements, each weighted by one over its variance. A prior of
    variance 0 is infinitely strong: the result is `prior_mean`, whatever was measured. A prior of infinite variance
    says nothing: the result is the mean of the measurements.

    Parameters
    ----------
    data : (n,) float
        The measurements.
    noise_variance : float
        Above 0 and finite, in the square of the data's unit.
    prior_mean : float
    prior_variance : float
        0 or more; may be infinite.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a variance is outside its range.

    References
    ----------
    Bishop, Pattern Recognition and Machine Learning (2006), equation 2.141.

    Examples
    --------
    >>> gaussian_map(np.array([3.0, 5.0]), noise_variance=1.0, prior_mean=0.0, prior_variance=0.5)
    2.0
    >>> gaussian_map(np.array([3.0, 5.0]), noise_variance=1.0, prior_mean=0.0, prior_variance=0.0)
    0.0
    """
    data = as_array(data, "data", "(n,)")
    if not 0 < noise_variance < np.inf:
        raise ValueError(f"noise_variance must be above 0 and finite, got {noise_variance}")
    if not prior_variance >= 0:
        raise ValueError(f"prior_variance must be at least 0, got {prior_variance}")
    if np.isinf(prior_variance):
        return float(data.mean())
    total = noise_variance + data.size * prior_variance
    return float(noise_variance / total * prior_mean + data.size * prior_variance / total * data.mean())


def _sizes(input_shape, kernel_shape):
    """Return H, W, kH, kW, oH, oW of a valid cross-correlation, or raise."""
    height, width = as_pair(input_shape, "input_shape", 1)
    k_height, k_width = as_pair(kernel_shape, "kernel_shape", 1)
    if k_height > height or k_width > width:
        raise ValueError(f"kernel {(k_height, k_width)} does not fit into the input {(height, width)}")
    return height, width, k_height, k_width, height - k_height + 1, width - k_width + 1


def _tap_columns(input_shape, kernel_shape):
    """Return (oH * oW, kH * kW) int: the pixel that each kernel element meets at each output."""
    _, width, k_height, k_width, out_height, out_width = _sizes(input_shape, kernel_shape)
    corner = width * np.arange(out_height)[:, None] + np.arange(out_width)
    offset = width * np.arange(k_height)[:, None] + np.arange(k_width)
    return corner.reshape(-1, 1) + offset.reshape(1, -1)


def _as_layer(matrix, input_shape, kernel_shape):
    """Return `matrix` and its (oH * oW, kH * kW) columns, or raise if it is no layer of these sizes."""
    matrix = as_array(matrix, "matrix", "(oH * oW, H * W)")
    height, width, _, _, out_height, out_width = _sizes(input_shape, kernel_shape)
    if matrix.shape != (out_height * out_width, height * width):
        raise ValueError(
            f"matrix must have shape {(out_height * out_width, height * width)} for input {(height, width)} "
            f"and kernel {tuple(as_pair(kernel_shape, 'kernel_shape', 1))}, got shape {matrix.shape}"
        )
    return matrix, _tap_columns(input_shape, kernel_shape)


def correlation_matrix(kernel, input_shape):
    """Return the matrix of the layer that slides `kernel` over a picture without flipping or padding it.

    Multiplied with the picture's pixels (row by row) it gives what ``conv2d`` gives for one channel in and one out.
    Row r belongs to output r; it holds the kernel's elements in the columns of the pixels under the kernel, and
    zeros elsewhere.

    Parameters
    ----------
    kernel : (kH, kW) float
    input_shape : int or (int, int)
        Height and width of the picture.

    Returns
    -------
    (oH * oW, H * W) float
        With oH = H - kH + 1 and oW = W - kW + 1.

    Raises
    ------
    ValueError
        If the kernel does not fit into the picture.

    Examples
    --------
    >>> correlation_matrix(np.array([[1, 2]]), (1, 4))
    array([[1, 2, 0, 0],
           [0, 1, 2, 0],
           [0, 0, 1, 2]])
    """
    kernel = as_array(kernel, "kernel", "(kH, kW)")
    height, width, *_ = _sizes(input_shape, kernel.shape)
    columns = _tap_columns(input_shape, kernel.shape)
    matrix = np.zeros((len(columns), height * width), kernel.dtype)
    np.put_along_axis(matrix, columns, kernel.reshape(1, -1), axis=1)
    return matrix


def nearest_kernel(matrix, input_shape, kernel_shape):
    """Return the kernel whose layer is nearest to `matrix` in the sum of squared differences.

    Parameters
    ----------
    matrix : (oH * oW, H * W) float
        Any layer from a picture of `input_shape` to a picture of (H - kH + 1, W - kW + 1).
    input_shape : int or (int, int)
    kernel_shape : int or (int, int)

    Returns
    -------
    (kH, kW) float

    Raises
    ------
    ValueError
        If the matrix does not have the shape that the two sizes ask for.

    Examples
    --------
    Two outputs, a kernel of two: the first element meets entries 1 and 3, the second 5 and 7. The 9 is no part of it.

    >>> nearest_kernel(np.array([[1.0, 5.0, 9.0], [0.0, 3.0, 7.0]]), (1, 3), (1, 2))
    array([[2., 6.]])
    """
    matrix, columns = _as_layer(matrix, input_shape, kernel_shape)
    return np.take_along_axis(matrix, columns, axis=1).mean(axis=0).reshape(as_pair(kernel_shape, "kernel_shape", 1))


def project_to_convolution(matrix, input_shape, kernel_shape):
    """Return the convolution layer nearest to `matrix`: its orthogonal projection on the layers with a shared kernel.

    Of all matrices with the zeros and the equal entries of a valid cross-correlation, this one has the smallest sum
    of squared differences from `matrix`. A matrix that is such a layer already comes back unchanged.

    Parameters
    ----------
    matrix : (oH * oW, H * W) float
    input_shape : int or (int, int)
        Height and width of the picture.
    kernel_shape : int or (int, int)
        Height and width of the kernel.

    Returns
    -------
    (oH * oW, H * W) float

    Raises
    ------
    ValueError
        If the matrix does not have the shape that the two sizes ask for.

    Examples
    --------
    >>> project_to_convolution(np.array([[1.0, 5.0, 9.0], [0.0, 3.0, 7.0]]), (1, 3), (1, 2))
    array([[2., 6., 0.],
           [0., 2., 6.]])
    """
    return correlation_matrix(nearest_kernel(matrix, input_shape, kernel_shape), input_shape)


def conv_prior_cost(matrix, input_shape, kernel_shape):
    """Return the training error that no convolution can go below when `matrix` is the truth.

    The pictures are white noise: pixels independent, mean 0, variance 1. The targets are ``matrix @ pixels``, without
    noise. The best convolution layer of this kernel size is left with this mean squared error per output, however
    many examples it sees. It is 0 exactly when the prior is right.

    Parameters
    ----------
    matrix : (oH * oW, H * W) float
    input_shape : int or (int, int)
    kernel_shape : int or (int, int)

    Returns
    -------
    float
        In the square of the output's unit, up to rounding errors of squares as large as those of the matrix.

    Examples
    --------
    The entries miss their means by 1 (four of them), and 9 should have been 0: (4 * 1 + 81) / 2 outputs.

    >>> conv_prior_cost(np.array([[1.0, 5.0, 9.0], [0.0, 3.0, 7.0]]), (1, 3), (1, 2))
    42.5
    """
    matrix = as_array(matrix, "matrix", "(oH * oW, H * W)")
    gap = matrix - project_to_convolution(matrix, input_shape, kernel_shape)
    return float(np.sum(gap**2) / len(matrix))


def fit_with_conv_prior(x, y, strength):
    """Fit a dense layer that is pulled towards the convolution layers, and return its matrix.

    The matrix A minimises ``mean over samples of |A x - y|^2 + strength * |A - P(A)|^2``, where P(A) is the nearest
    convolution layer (`project_to_convolution`) and ``|.|^2`` sums squares. This is the most probable A when the noise
    is Gaussian and the prior is a Gaussian around the convolution layers, of variance proportional to 1 / strength,
    which prefers no kernel to another. Strength 0 is least squares without a prior (the solution of least norm);
    ``np.inf`` is the infinitely strong prior, the best convolution layer.

    Parameters
    ----------
    x : (S, H, W) float
        S pictures.
    y : (S, oH, oW) float
        The targets; the kernel's size is (H - oH + 1, W - oW + 1).
    strength : float
        0 or more; may be infinite.

    Returns
    -------
    (oH * oW, H * W) float
        float32 if x and y are, however it is computed in between.

    Raises
    ------
    ValueError
        If x and y hold different numbers of samples, y is larger than x, or `strength` is negative or NaN.

    Examples
    --------
    One sample, two pixels, two outputs: a kernel of one element must serve 2 and 4 at once; a dense layer need not.

    >>> x, y = np.array([[[1.0, 1.0]]]), np.array([[[2.0, 4.0]]])
    >>> fit_with_conv_prior(x, y, np.inf)
    array([[3., 0.],
           [0., 3.]])
    >>> fit_with_conv_prior(x, y, 0.0)
    array([[1., 1.],
           [2., 2.]])
    """
    x, y = as_array(x, "x", "(S, H, W)"), as_array(y, "y", "(S, oH, oW)")
    if len(x) != len(y):
        raise ValueError(f"x and y must hold equally many samples, got {len(x)} and {len(y)}")
    if not strength >= 0:
        raise ValueError(f"strength must be at least 0, got {strength}")
    if y.shape[1] > x.shape[1] or y.shape[2] > x.shape[2]:
        raise ValueError(f"y must not be larger than x, got {y.shape[1:]} outputs for {x.shape[1:]} pixels")
    kernel_shape = tuple(n - o + 1 for n, o in zip(x.shape[1:], y.shape[1:], strict=True))
    pixels, targets = x.reshape(len(x), -1), y.reshape(len(y), -1)
    # products of bytes would wrap around
    pixels = pixels.astype(np.result_type(pixels, targets, np.float32))
    if strength == 0:
        return np.linalg.lstsq(pixels, targets)[0].T
    return _fit_kernel_and_deviation(pixels, targets, float(strength), x.shape[1:], kernel_shape)


def _fit_kernel_and_deviation(pixels, targets, strength, input_shape, kernel_shape):
    """Solve for a shared kernel plus a deviation of each weight, of which the penalty charges the deviation.

    Given the kernel, the deviation is a ridge regression of what the kernel leaves, so each output's residuals weigh
    as if their covariance were I + X X^T / (S * strength). Nothing here grows with `strength`: no digits are lost.
    """
    samples = len(pixels)
    covariance = np.eye(samples, dtype=np.result_type(pixels, 0.0)) + pixels @ pixels.T / (samples * strength)
    whitener = np.linalg.inv(np.linalg.cholesky(covariance))
    windows = pixels[:, _tap_columns(input_shape, kernel_shape)]
    taps = np.tensordot(whitener, windows, axes=1).reshape(-1, windows.shape[2])
    kernel = np.linalg.lstsq(taps, (whitener @ targets).reshape(-1))[0]
    residual = targets - windows @ kernel
    deviation = np.linalg.solve(covariance, residual).T @ pixels / (samples * strength)
    return correlation_matrix(kernel.reshape(kernel_shape), input_shape) + deviation


def _as_permutation(permutation, size):
    """Return `permutation` as an (n,) or (N, n) integer array whose rows are orders of 0 ... n - 1, or raise."""
    order = np.asarray(permutation)
    if order.dtype.kind not in "iu":
        raise TypeError(f"permutation must hold integers, got dtype {order.dtype}")
    if order.ndim not in (1, 2) or order.size == 0:
        raise ValueError(f"permutation must have shape (n,) or (N, n), got shape {order.shape}")
    if size is not None and order.shape[-1] != size:
        raise ValueError(f"permutation must order {size} pixels, got shape {order.shape}")
    if not np.array_equal(np.sort(order, axis=-1), np.broadcast_to(np.arange(order.shape[-1]), order.shape)):
        raise ValueError(f"permutation must hold each of 0 ... {order.shape[-1] - 1} once in every row")
    return order


def permute_pixels(x, permutation):
    """Rearrange the pixels of pictures: pixel i of the result is pixel ``permutation[i]`` of the picture.

    Pixels are counted row by row. The channels of a pixel stay together.

    Parameters
    ----------
    x : (N, C, H, W) float
    permutation : (H * W,) int or (N, H * W) int
        One order for all pictures, or an order for each.

    Returns
    -------
    (N, C, H, W) float

    Raises
    ------
    ValueError
        If a row of `permutation` is not an order of 0 ... H * W - 1, or there are neither one nor N of them.
    TypeError
        If `permutation` does not hold integers.

    Examples
    --------
    >>> x = np.array([[[[10, 11], [12, 13]]]])
    >>> permute_pixels(x, np.array([3, 0, 1, 2]))
    array([[[[13, 10],
             [11, 12]]]])
    """
    x = as_array(x, "x", "(N, C, H, W)")
    order = _as_permutation(permutation, x.shape[2] * x.shape[3])
    if order.ndim == 2 and len(order) != len(x):
        raise ValueError(f"permutation must have one row for each of the {len(x)} pictures, got shape {order.shape}")
    flat = x.reshape(*x.shape[:2], -1)
    index = np.broadcast_to(order[..., None, :] if order.ndim == 2 else order, flat.shape)
    return np.take_along_axis(flat, index, axis=2).reshape(x.shape)


def inverse_permutation(permutation):
    """Return the order that undoes `permutation`: ``permute_pixels(permute_pixels(x, p), inverse) == x``.

    Parameters
    ----------
    permutation : (n,) int or (N, n) int

    Returns
    -------
    int array of the same shape

    Raises
    ------
    ValueError
        If a row does not hold each of 0 ... n - 1 once.

    Examples
    --------
    >>> inverse_permutation(np.array([3, 0, 1, 2]))
    array([1, 2, 3, 0])
    """
    return np.argsort(_as_permutation(permutation, None), axis=-1)


def permute_dense_weight(weight, permutation, channels=1):
    """Return the dense weights that answer for permuted pictures as `weight` answers for the original ones.

    ``flatten(permute_pixels(x, p)) @ permute_dense_weight(w, p).T`` equals ``flatten(x) @ w.T``.

    Parameters
    ----------
    weight : (D, C * H * W) float
        A dense layer on flattened (C, H, W) pictures.
    permutation : (H * W,) int
        Pixel i of the permuted pictures is pixel ``permutation[i]`` of the original ones.
    channels : int
        C, the number of channels.

    Returns
    -------
    (D, C * H * W) float

    Raises
    ------
    ValueError
        If the weights are not `channels` times as many as the pixels that `permutation` orders.

    Examples
    --------
    >>> permute_dense_weight(np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([3, 0, 1, 2]))
    array([[4., 1., 2., 3.]])
    """
    weight = as_array(weight, "weight", "(D, C * H * W)")
    channels = as_int(channels, "channels", 1)
    order = _as_permutation(permutation, None)
    if order.ndim != 1:
        raise ValueError(f"permutation must have shape (H * W,), got shape {order.shape}")
    if weight.shape[1] != channels * order.size:
        raise ValueError(
            f"weight must have {channels} * {order.size} columns for permutation {order.shape}, "
            f"got shape {weight.shape}"
        )
    return weight.reshape(len(weight), channels, -1)[:, :, order].reshape(weight.shape)


def readout_error(features, targets):
    """Return the mean squared error of the best affine function from features to targets, on these same samples.

    Parameters
    ----------
    features : (N, ...) float
        Flattened per sample.
    targets : (N,) or (N, K) float

    Returns
    -------
    float
        Mean over samples and targets, in the square of the targets' unit.

    Raises
    ------
    ValueError
        If features and targets hold different numbers of samples.

    Examples
    --------
    A straight line through (0, 0), (1, 0), (2, 3) misses by 0.5, -1, 0.5.

    >>> round(readout_error([[0.0], [1.0], [2.0]], [0.0, 0.0, 3.0]), 6)
    0.5
    """
    features, targets = as_array(features, "features", None), as_array(targets, "targets", None)
    if features.ndim < 2 or targets.ndim not in (1, 2) or len(features) != len(targets):
        raise ValueError(
            f"features (N, ...) and targets (N,) or (N, K) must hold equally many samples, "
            f"got shapes {features.shape} and {targets.shape}"
        )
    inputs, outputs = features.reshape(len(features), -1), targets.reshape(len(targets), -1)
    inputs, outputs = inputs - inputs.mean(0), outputs - outputs.mean(0)  # the constant of the affine function
    return float(np.mean((outputs - inputs @ np.linalg.lstsq(inputs, outputs)[0]) ** 2))


def pooling_prior_gap(features, targets, kernel_size, mode="avg"):
    """Return by how much pooling raises the training error of the best affine readout.

    The readout is the affine function, weights and a constant, of least mean squared error on these samples; the mean
    runs over samples and targets. Windows do not overlap: the stride is the window. Average pooling ties the readout's
    weights: all pixels of a window must get the same one. A positive gap is the price of that prior, in the square of
    the targets' unit.

    Parameters
    ----------
    features : (N, C, H, W) float
    targets : (N,) or (N, K) float
    kernel_size : int or (int, int)
        Must divide H and W; (H, W) pools globally.
    mode : {"avg", "max"}

    Returns
    -------
    float
        Error with pooling minus error without.

    Raises
    ------
    ValueError
        If the windows do not divide the pictures or `mode` is unknown.

    Examples
    --------
    The target is the left pixel minus the right one: their average knows nothing of it.

    >>> features = np.array([[[[1.0, 0.0]]], [[[0.0, 1.0]]]])
    >>> pooling_prior_gap(features, np.array([1.0, -1.0]), (1, 2))
    1.0
    """
    features = as_array(features, "features", "(N, C, H, W)")
    k_height, k_width = as_pair(kernel_size, "kernel_size", 1)
    if features.shape[2] % k_height or features.shape[3] % k_width:
        raise ValueError(f"windows {(k_height, k_width)} must divide the pictures {features.shape[2:]}")
    if mode not in ("avg", "max"):
        raise ValueError(f"mode must be 'avg' or 'max', got {mode!r}")
    pool = avg_pool2d if mode == "avg" else max_pool2d
    return readout_error(pool(features, (k_height, k_width)), targets) - readout_error(features, targets)


_SHAPES = np.array(
    [
        [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
        [[1, 1, 1], [1, 0, 1], [1, 1, 1]],
        [[0, 1, 0], [1, 1, 1], [0, 1, 0]],
    ],
    dtype=float,
)


def two_object_scenes(count, size=12, seed=0, noise=0.0):
    """Draw scenes of two objects, with the answers to two questions: what is there, and what is left of what.

    Each scene holds a filled 3x3 square and one other object, a 3x3 ring or a 3x3 cross, with at least one empty
    column between the two.

    Parameters
    ----------
    count : int
        Number of scenes.
    size : int
        Height and width in pixels, at least 7.
    seed : int
    noise : float
        Standard deviation of the Gaussian noise on each pixel; the objects are 1 on 0.

    Returns
    -------
    scenes : (count, 1, size, size) float
    is_cross : (count,) int
        1 where the other object is a cross: the question *what*.
    square_is_left : (count,) int
        1 where the square is left of the other object: the question *where*.

    Examples
    --------
    A square has 9 bright pixels, a ring 8, a cross 5.

    >>> scenes, is_cross, square_is_left = two_object_scenes(3, size=8)
    >>> is_cross, scenes.sum(axis=(1, 2, 3))
    (array([0, 1, 0]), array([17., 14., 17.]))
    """
    count, size = as_int(count, "count", 1), as_int(size, "size", 7)
    rng = np.random.default_rng(seed)
    scenes = noise * rng.standard_normal((count, 1, size, size))
    is_cross, square_is_left = rng.integers(2, size=(2, count))
    for scene, cross, left in zip(scenes[:, 0], is_cross, square_is_left, strict=True):
        first = rng.integers(size - 6)
        second = rng.integers(first + 4, size - 2)
        columns = (first, second) if left else (second, first)
        for shape, column in zip(_SHAPES[[0, 1 + cross]], columns, strict=True):
            row = rng.integers(size - 2)
            scene[row : row + 3, column : column + 3] += shape
    return scenes, is_cross, square_is_left
