"""Kernels without labels: random ones, oriented edges, and k-means on whitened patches."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from miniconv._arguments import as_array, as_int, as_pair


def _as_float(x, name, shape):
    """Return `x` as a checked array of floats: float32 and float64 stay, integers become float64."""
    array = as_array(x, name, shape)
    return array if array.dtype.kind == "f" else array.astype(float)


def _as_positive(value, name, *, zero=False):
    """Return `value` as a float above zero (or at zero, when `zero`), or raise."""
    if isinstance(value, bool | np.bool_ | str) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not (value > 0 or (zero and value == 0)) or not math.isfinite(value):
        raise ValueError(f"{name} must be {'at least' if zero else 'above'} 0 and finite, got {value}")
    return float(value)


def _same_columns(a, b, names):
    """Raise unless two matrices have the same number of columns."""
    if a.shape[1] != b.shape[-1]:
        raise ValueError(f"{names[0]} {a.shape} and {names[1]} {b.shape} must have the same number of columns")


def extract_patches(images, size, stride=1):
    """Cut every window of a batch of images into a row of a matrix.

    Parameters
    ----------
    images : (N, C, H, W) array
    size : int or pair of int
        Height kH and width kW of a patch, in pixels.
    stride : int or pair of int
        Pixels between the corners of neighbouring patches, down and across.

    Returns
    -------
    (N * oH * oW, C * kH * kW) array
        The rows run through the first image from left to right and from top to bottom, then through the second; inside
        a row the channels come first, then the rows of the patch, then its columns. oH = (H - kH) // stride + 1.

    Raises
    ------
    ValueError
        If a patch is larger than the image, or `images` does not have four axes.

    Notes
    -----
    Coates, Lee and Ng (2011), section 3.1. The matrix times ``kernels.reshape(K, -1).T`` is a convolutional layer: the
    rows are the columns of PyTorch's ``unfold``.

    Examples
    --------
    >>> extract_patches(np.array([[[[1, 2, 3], [4, 5, 6]]]]), (2, 2))
    array([[1, 2, 4, 5],
           [2, 3, 5, 6]])
    """
    images = as_array(images, "images", "(N, C, H, W)")
    size, stride = as_pair(size, "size", 1), as_pair(stride, "stride", 1)
    if size[0] > images.shape[2] or size[1] > images.shape[3]:
        raise ValueError(f"a patch of size {size} does not fit into images of shape {images.shape}")
    windows = sliding_window_view(images, size, axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
    rows = windows.transpose(0, 2, 3, 1, 4, 5).copy()  # never a view of the images
    return rows.reshape(-1, images.shape[1] * size[0] * size[1])


def normalize_patches(patches, epsilon=0.01):
    """Give every patch mean zero and a spread near one: same brightness, same contrast.

    Parameters
    ----------
    patches : (P, D) array
        One patch in each row.
    epsilon : float
        Added to the variance before the square root, in the unit of the pixels squared. It keeps a flat patch from
        being blown up to noise.

    Returns
    -------
    (P, D) float array
        Row p is ``(x - mean(x)) / sqrt(var(x) + epsilon)``; `var` divides by D.

    Raises
    ------
    ValueError
        If `epsilon` is not above zero, or `patches` does not have two axes.

    Notes
    -----
    Coates, Lee and Ng (2011), section 3.1.1. The same as ``torch.nn.functional.layer_norm``.

    Examples
    --------
    >>> normalize_patches([[1.0, 5.0], [7.0, 7.0]], epsilon=12.0)
    array([[-0.5,  0.5],
           [ 0. ,  0. ]])
    """
    patches = _as_float(patches, "patches", "(P, D)")
    epsilon = _as_positive(epsilon, "epsilon")
    centred = patches - patches.mean(axis=1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + epsilon)


def whiten(patches, epsilon=0.01):
    """Remove the correlations between pixels and keep the picture: ZCA whitening.

    Parameters
    ----------
    patches : (P, D) array
        One patch in each row, at least two rows.
    epsilon : float
        Added to every eigenvalue of the covariance, in the unit of the pixels squared. Directions with a variance far
        below it are damped instead of amplified.

    Returns
    -------
    whitened : (P, D) float array
        ``(patches - mean) @ matrix``
    mean : (D,) float array
        The mean patch.
    matrix : (D, D) float array
        U diag(1 / sqrt(eigenvalue + epsilon)) U.T, where U holds the eigenvectors of the covariance (which divides by
        P - 1) in its columns. It is symmetric.

    Raises
    ------
    ValueError
        If there are fewer than two patches, `epsilon` is not above zero, or a value is not finite.

    Notes
    -----
    Bell and Sejnowski (1997), section 3; Coates, Lee and Ng (2011), section 3.1.2.

    Examples
    --------
    >>> whitened, mean, matrix = whiten(np.array([[0.0, 3.0], [2.0, 3.0]]), epsilon=2.0)
    >>> mean, matrix.round(3)
    (array([1., 3.]), array([[0.5  , 0.   ],
           [0.   , 0.707]]))
    >>> whitened
    array([[-0.5,  0. ],
           [ 0.5,  0. ]])
    """
    patches = _as_float(patches, "patches", "(P, D)")
    epsilon = _as_positive(epsilon, "epsilon")
    if len(patches) < 2:
        raise ValueError(f"a covariance needs at least two patches, got shape {patches.shape}")
    if not np.isfinite(patches).all():
        raise ValueError("patches must be finite: one NaN or infinity would spoil every whitened patch")
    mean = patches.mean(axis=0)
    centred = patches - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / (len(patches) - 1))
    matrix = (vectors / np.sqrt(np.maximum(values, 0) + epsilon)) @ vectors.T
    return centred @ matrix, mean, matrix


def fold_whitening(kernels, mean, matrix):
    """Give the kernels and biases that do whitening and filtering of a patch in one step.

    Parameters
    ----------
    kernels : (K, D) array
        One kernel in each row, made for whitened patches.
    mean : (D,) array
        The mean patch, which whitening takes off.
    matrix : (D, D) array
        What the rest of a patch, a row, is then multiplied by. It need not be symmetric.

    Returns
    -------
    folded : (K, D) array
    bias : (K,) array
        Such that ``patches @ folded.T + bias`` equals ``(patches - mean) @ matrix @ kernels.T`` for every patch.

    Raises
    ------
    ValueError
        If the numbers of columns differ or `matrix` is not square.

    Examples
    --------
    >>> fold_whitening(np.array([[1.0, 1.0]]), np.array([1.0, 3.0]), np.array([[0.5, 0.0], [0.0, 2.0]]))
    (array([[0.5, 2. ]]), array([-6.5]))
    """
    kernels, mean = _as_float(kernels, "kernels", "(K, D)"), _as_float(mean, "mean", "(D,)")
    matrix = _as_float(matrix, "matrix", "(D, D)")
    if matrix.shape != (mean.size, mean.size) or kernels.shape[1] != mean.size:
        raise ValueError(
            f"kernels {kernels.shape}, mean {mean.shape} and matrix {matrix.shape} must agree: (K, D), (D,), (D, D)"
        )
    folded = kernels @ matrix.T
    return folded, -folded @ mean


def squared_distances(points, centroids):
    """Measure the squared Euclidean distance from every point to every centroid.

    Parameters
    ----------
    points : (P, D) array
    centroids : (K, D) array

    Returns
    -------
    (P, K) float array, in the unit of the points squared

    Raises
    ------
    ValueError
        If the numbers of columns differ.

    Examples
    --------
    >>> squared_distances([[0.0, 0.0], [3.0, 4.0]], [[0.0, 0.0], [3.0, 0.0]])
    array([[ 0.,  9.],
           [25., 16.]])
    """
    points, centroids = _as_float(points, "points", "(P, D)"), _as_float(centroids, "centroids", "(K, D)")
    _same_columns(points, centroids, ("points", "centroids"))
    # ||p||^2 - 2 p.c + ||c||^2 by one matrix product is faster, but loses half of the digits of a small distance.
    differences = (points - centroid for centroid in centroids)
    return np.stack([np.einsum("pd,pd->p", d, d) for d in differences], axis=1)


def assign_clusters(points, centroids):
    """Give every point the index of its nearest centroid.

    Parameters
    ----------
    points : (P, D) array
    centroids : (K, D) array

    Returns
    -------
    (P,) int array
        In 0..K-1, by Euclidean distance; of two centroids at the same distance the one with the lower index.

    Raises
    ------
    ValueError
        If the numbers of columns differ.

    Examples
    --------
    >>> assign_clusters([[0.0], [1.0], [9.0]], [[0.0], [2.0], [8.0]])
    array([0, 0, 2])
    """
    return squared_distances(points, centroids).argmin(axis=1)


def kmeans(points, centroids, steps=10):
    """Move the centroids to the means of their clusters, again and again (Lloyd's algorithm).

    Parameters
    ----------
    points : (P, D) array
    centroids : (K, D) array
        Where to start.
    steps : int
        How often to assign every point to its nearest centroid and then move every centroid to the mean of its points.
        A centroid without points stays where it is.

    Returns
    -------
    centroids : (K, D) float array
        After the last move. The arrays passed in stay as they are.
    labels : (P,) int array
        The nearest of these final centroids; of two at the same distance the one with the lower index.

    Raises
    ------
    ValueError
        If the numbers of columns differ or `steps` is below one.

    Notes
    -----
    Lloyd (1982); for patches: Coates, Lee and Ng (2011), section 3.2.3. Far from 0, ||p||^2 - 2 p.c + ||c||^2 has
    few right digits.

    Examples
    --------
    >>> points, start = np.array([[0.0], [2.0], [10.0]]), np.array([[0.0], [1.5]])
    >>> kmeans(points, start, steps=1)
    (array([[0.],
           [6.]]), array([0, 0, 1]))
    >>> kmeans(points, start, steps=2)[0]
    array([[ 1.],
           [10.]])
    """
    points, centroids = _as_float(points, "points", "(P, D)"), _as_float(centroids, "centroids", "(K, D)")
    centroids = centroids.astype(np.result_type(points, centroids))  # a copy
    labels = assign_clusters(points, centroids)
    for _ in range(as_int(steps, "steps", 1)):
        for k in np.unique(labels):
            centroids[k] = points[labels == k].mean(axis=0)
        previous, labels = labels, assign_clusters(points, centroids)
        if (labels == previous).all():  # the next steps would change nothing
            break
    return centroids, labels


def kmeans_loss(points, centroids):
    """Sum the squared distances of the points to their nearest centroids: what k-means makes small.

    Parameters
    ----------
    points : (P, D) array
    centroids : (K, D) array

    Returns
    -------
    float, in the unit of the points squared

    Raises
    ------
    ValueError
        If the numbers of columns differ.

    Examples
    --------
    >>> kmeans_loss([[0.0], [2.0], [10.0]], [[1.0], [10.0]])
    2.0
    """
    return float(squared_distances(points, centroids).min(axis=1).sum())


def encode_patches(patches, centroids, kind="triangle"):
    """Describe every patch by how near it is to each centroid.

    Parameters
    ----------
    patches : (P, D) array
    centroids : (K, D) array
    kind : {"triangle", "hard"}
        "triangle": ``max(0, m - z)``, where z are the Euclidean distances of this patch to the K centroids and m is the
        mean of those K distances. "hard": 1 for the nearest centroid, 0 for all others; of two at the same distance
        the one with the lower index counts as the nearest.

    Returns
    -------
    (P, K) float array; the hard code may be of integers

    Raises
    ------
    ValueError
        If the numbers of columns differ or `kind` is unknown.

    Notes
    -----
    Coates, Lee and Ng (2011), section 3.2.3. Far from 0, ||p||^2 - 2 p.c + ||c||^2 has few right digits.

    Examples
    --------
    >>> patches, centroids = np.array([[0.0]]), np.array([[1.0], [2.0], [6.0]])
    >>> encode_patches(patches, centroids)
    array([[2., 1., 0.]])
    >>> encode_patches(patches, centroids, kind="hard")
    array([[1., 0., 0.]])
    """
    distances = np.sqrt(squared_distances(patches, centroids))
    if kind == "hard":
        return np.eye(distances.shape[1], dtype=distances.dtype)[distances.argmin(axis=1)]
    if kind != "triangle":
        raise ValueError(f"kind must be 'triangle' or 'hard', got {kind!r}")
    return np.maximum(0, distances.mean(axis=1, keepdims=True) - distances)


def pool_codes(codes, grid, cells=2):
    """Average the codes of each image's patches over a coarse grid of cells.

    Parameters
    ----------
    codes : (N * oH * oW, K) array
        One row for each patch: those of the first image from left to right and from top to bottom, then those of the
        second.
    grid : int or pair of int
        oH and oW: how many patches an image has down and across.
    cells : int
        The image is cut into cells x cells regions; cell i spans the rows floor(i oH / cells) up to (not including)
        ceil((i + 1) oH / cells), so neighbours may share a row, and the same across.

    Returns
    -------
    (N, K * cells * cells) float array
        For each image: code 0 in all cells (row by row), then code 1, ...

    Raises
    ------
    ValueError
        If the number of rows is not a multiple of oH * oW, or there are more cells than patches.

    Notes
    -----
    Coates, Lee and Ng (2011), section 3.3 (they add; the average differs by a factor). The regions are those of
    PyTorch's ``adaptive_avg_pool2d``.

    Examples
    --------
    >>> codes = np.array([[1.0], [3.0], [5.0], [7.0]])
    >>> pool_codes(codes, (2, 2), cells=1)
    array([[4.]])
    >>> pool_codes(codes, (2, 2), cells=2)
    array([[1., 3., 5., 7.]])
    """
    codes = _as_float(codes, "codes", "(N * oH * oW, K)")
    (rows, columns), cells = as_pair(grid, "grid", 1), as_int(cells, "cells", 1)
    if len(codes) % (rows * columns):
        raise ValueError(f"codes {codes.shape} must have a multiple of {rows} * {columns} rows, one for each patch")
    if cells > min(rows, columns):
        raise ValueError(f"{cells} x {cells} cells do not fit a grid of {rows} x {columns} patches")
    maps = codes.reshape(-1, rows, columns, codes.shape[1])
    pooled = np.empty((len(maps), codes.shape[1], cells, cells), codes.dtype)
    for i, j in np.ndindex(cells, cells):
        top, bottom = i * rows // cells, -(-(i + 1) * rows // cells)  # rounded down and up
        left, right = j * columns // cells, -(-(j + 1) * columns // cells)
        pooled[:, :, i, j] = maps[:, top:bottom, left:right].mean((1, 2))
    return pooled.reshape(len(maps), -1)


def random_kernels(count, channels, size, seed=0):
    """Draw kernels from a Gaussian, each then given mean zero and length one.

    Parameters
    ----------
    count, channels : int
    size : int or pair of int
        Height and width in pixels.
    seed : int
        Same seed, same kernels.

    Returns
    -------
    (count, channels, kH, kW) float64 array

    Raises
    ------
    ValueError
        If a kernel has only one element: its mean cannot be zero and its length one.

    Notes
    -----
    Jarrett, Kavukcuoglu, Ranzato and LeCun (2009); Saxe et al. (2011).

    Examples
    --------
    >>> kernels = random_kernels(2, 3, (4, 5))
    >>> kernels.shape, bool(abs(kernels[0].mean()) < 1e-12), round(float((kernels[0] ** 2).sum()), 6)
    ((2, 3, 4, 5), True, 1.0)
    """
    shape = (as_int(count, "count", 1), as_int(channels, "channels", 1), *as_pair(size, "size", 1))
    if math.prod(shape[1:]) < 2:
        raise ValueError(f"a kernel of shape {shape[1:]} has one element: it cannot have mean 0 and length 1")
    kernels = np.random.default_rng(as_int(seed, "seed", 0)).normal(size=shape)
    kernels -= kernels.mean(axis=(1, 2, 3), keepdims=True)
    return kernels / np.sqrt((kernels**2).sum(axis=(1, 2, 3), keepdims=True))


def edge_kernels(size, angles, sigma=1.0):
    """Make kernels that measure how fast an image brightens in given directions: derivatives of a Gaussian.

    Parameters
    ----------
    size : int
        Height and width in pixels, at least 2.
    angles : (K,) array or list
        Directions in radians: 0 is to the right, pi / 2 is down (image rows count downwards).
    sigma : float
        Standard deviation of the Gaussian, in pixels.

    Returns
    -------
    (K, 1, size, size) float64 array, whatever the dtype of `angles`
        Kernel k is u * exp(-(x**2 + y**2) / (2 * sigma**2)) divided by a number: x is the column and y the row,
        measured from the centre of the kernel; u = x * cos(angle) + y * sin(angle). The divisor makes the
        cross-correlation with the image u itself, which brightens by 1 for each pixel along `angle`, equal to 1.

    Raises
    ------
    ValueError
        If `size` is below 2 or `sigma` is not above zero.

    Notes
    -----
    Freeman and Adelson (1991), section 2: the kernel at any angle is a weighted sum of the two at 0 and pi / 2.

    Examples
    --------
    >>> edge_kernels(2, [0.0])[0, 0]
    array([[-0.5,  0.5],
           [-0.5,  0.5]])
    """
    size, sigma = as_int(size, "size", 2), _as_positive(sigma, "sigma")
    angles = _as_float(angles, "angles", "(K,)").astype(float)
    y, x = np.indices((size, size)) - (size - 1) / 2
    along = x * np.cos(angles)[:, None, None] + y * np.sin(angles)[:, None, None]
    squares = x**2 + y**2
    nearest = squares[squares > 0].min()  # a common factor drops out below; without it, a small sigma gives 0 / 0
    kernels = along * np.exp(-np.maximum(squares - nearest, 0) / (2 * sigma**2))
    return (kernels / (kernels * along).sum(axis=(1, 2), keepdims=True))[:, None]


def kernel_features(images, kernels, cells=2):
    """Filter images with a bank of kernels, keep the positive part, and average it over a coarse grid.

    Parameters
    ----------
    images : (N, C, H, W) array
    kernels : (K, C, kH, kW) array
    cells : int
        As in `pool_codes`.

    Returns
    -------
    (N, K * cells * cells) float array
        Valid cross-correlation, max(0, .), average over cells x cells regions; the order is that of `pool_codes`.

    Raises
    ------
    ValueError
        If the channels differ, a kernel is larger than the images, or the cells do not fit.

    Examples
    --------
    >>> kernel_features([[[[1, 2, 3], [6, 5, 4]]]], [[[[-1, 1]]]], cells=1)
    array([[0.5]])
    """
    images, kernels = _as_float(images, "images", "(N, C, H, W)"), _as_float(kernels, "kernels", "(K, C, kH, kW)")
    if images.shape[1] != kernels.shape[1]:
        raise ValueError(f"images {images.shape} and kernels {kernels.shape} must have the same number of channels")
    responses = extract_patches(images, kernels.shape[2:]) @ kernels.reshape(len(kernels), -1).T
    grid = tuple(n - k + 1 for n, k in zip(images.shape[2:], kernels.shape[2:], strict=True))
    return pool_codes(np.maximum(0, responses), grid, cells)


def centroid_features(images, centroids, size, cells=2, *, mean=None, matrix=None, epsilon=0.01):
    """Run the whole pipeline of k-means features: patches, normalising, whitening, triangle code, pooling.

    Parameters
    ----------
    images : (N, C, H, W) array
    centroids : (K, D) array
        D = C * kH * kW, learned on patches prepared in the same way.
    size : int or pair of int
        kH and kW of a patch, in pixels.
    cells : int
        As in `pool_codes`.
    mean, matrix : arrays or None
        The whitening, as returned by `whiten`; None leaves it out.
    epsilon : float
        As in `normalize_patches`.

    Returns
    -------
    (N, K * cells * cells) float array

    Raises
    ------
    ValueError
        As the steps do, or if there is only one of mean and matrix, or they do not fit the patches.

    Examples
    --------
    >>> centroid_features([[[[0.0, 1.0], [0.0, 1.0]]]], [[-1.0, 1.0], [1.0, -1.0]], (1, 2), 1, epsilon=0.75).round(3)
    array([[0.707, 0.   ]])
    """
    images, size = as_array(images, "images", "(N, C, H, W)"), as_pair(size, "size", 1)
    patches = normalize_patches(extract_patches(images, size), epsilon)
    if (mean is None) != (matrix is None):
        raise ValueError("mean and matrix belong together: give both or none")
    if matrix is not None:
        mean, matrix = _as_float(mean, "mean", "(D,)"), _as_float(matrix, "matrix", "(D, D)")
        if (*mean.shape, *matrix.shape) != (patches.shape[1],) * 3:
            raise ValueError(f"mean {mean.shape} and matrix {matrix.shape} must fit patches {patches.shape}")
        patches = (patches - mean) @ matrix
    grid = (images.shape[2] - size[0] + 1, images.shape[3] - size[1] + 1)
    return pool_codes(encode_patches(patches, centroids), grid, cells)


def ridge_fit(features, labels, penalty=1.0):
    """Fit a linear classifier by least squares with a penalty: one score for each class.

    Parameters
    ----------
    features : (N, F) array
    labels : (N,) int array
        Classes 0..K-1.
    penalty : float
        Weight of the sum of the squared weights, at least 0; the intercepts are not penalised.

    Returns
    -------
    weight : (K, F) float array
    bias : (K,) float array
        The scores ``features @ weight.T + bias`` come as near as they can to 1 for the right class, -1 for the others.

    Raises
    ------
    ValueError
        If there are not as many labels as rows, a label is negative, or the penalty is.

    Notes
    -----
    scikit-learn's ``RidgeClassifier`` solves the same problem.

    Examples
    --------
    >>> weight, bias = ridge_fit([[0.0], [2.0]], [0, 1], penalty=2.0)
    >>> weight, bias
    (array([[-0.5],
           [ 0.5]]), array([ 0.5, -0.5]))
    """
    features, labels = _as_float(features, "features", "(N, F)"), as_array(labels, "labels", "(N,)")
    penalty = _as_positive(penalty, "penalty", zero=True)
    if labels.dtype.kind not in "iu" or labels.min() < 0 or len(labels) != len(features):
        raise ValueError(
            f"labels {labels.shape} must be classes 0, 1, ..., one for each row of features {features.shape}"
        )
    targets = 2 * np.eye(int(labels.max()) + 1, dtype=features.dtype)[labels] - 1
    mean = features.mean(axis=0)
    centred = features - mean
    gram = centred.T @ centred + penalty * np.eye(features.shape[1], dtype=features.dtype)
    moments = centred.T @ (targets - targets.mean(axis=0))
    weight = (np.linalg.solve(gram, moments) if penalty else np.linalg.pinv(gram) @ moments).T
    return weight, targets.mean(axis=0) - weight @ mean


def ridge_predict(features, weight, bias):
    """Return the class with the highest score.

    Parameters
    ----------
    features : (N, F) array
    weight : (K, F) array
    bias : (K,) array

    Returns
    -------
    (N,) int array

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> ridge_predict([[0.0], [2.0]], [[-0.5], [0.5]], [0.5, -0.5])
    array([0, 1])
    """
    features, weight = _as_float(features, "features", "(N, F)"), _as_float(weight, "weight", "(K, F)")
    bias = _as_float(bias, "bias", "(K,)")
    _same_columns(features, weight, ("features", "weight"))
    if len(bias) != len(weight):
        raise ValueError(f"weight {weight.shape} and bias {bias.shape} must have the same number of classes")
    return (features @ weight.T + bias).argmax(axis=1)
