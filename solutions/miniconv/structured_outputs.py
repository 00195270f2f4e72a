"""Outputs that are pictures: a label per pixel, upsampling, inputs of any size, recurrent refinement, and their scores.

Deep Learning (Goodfellow, Bengio and Courville, 2016), section 9.6.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from miniconv._arguments import as_array, as_int, as_pair
from miniconv.layer import conv2d
from miniconv.pooling import adaptive_avg_pool2d

__all__ = [
    "band_accuracy",
    "boundary_band",
    "confusion_matrix",
    "dense_to_conv",
    "intersection_over_union",
    "pixelwise_cross_entropy",
    "pixelwise_cross_entropy_backward",
    "refine",
    "shape_scenes",
    "spatial_pyramid_pool",
    "upsample_bilinear2d",
    "upsample_bilinear2d_backward",
    "upsample_nearest2d",
    "upsample_nearest2d_backward",
]


def _output_size(x, size, scale_factor):
    """Return the (oH, oW) that `size` or `scale_factor` asks for; exactly one of the two must be given."""
    if (size is None) == (scale_factor is None):
        raise ValueError(f"give either size or scale_factor, got size={size} and scale_factor={scale_factor}")
    if size is not None:
        return as_pair(size, "size", 1)
    vertical, horizontal = as_pair(scale_factor, "scale_factor", 1)
    return x.shape[2] * vertical, x.shape[3] * horizontal


def _check_grad(grad_output, x, size):
    """Return `grad_output` as an array of the output's shape, or raise."""
    grad_output = as_array(grad_output, "grad_output", "(N, C, oH, oW)")
    if grad_output.shape != (*x.shape[:2], *size):
        raise ValueError(f"grad_output must have shape {(*x.shape[:2], *size)}, got shape {grad_output.shape}")
    return grad_output


def _nearest(n_in, n_out):
    """Return (n_out,) int: the input element that each output element copies."""
    return np.arange(n_out) * n_in // n_out


def _neighbours(n_in, n_out, align_corners, dtype):
    """Return the two input elements between which each output element lies, and how far towards the second."""
    if n_in == n_out:
        return np.arange(n_in), np.arange(n_in), np.zeros(n_in, dtype)
    if align_corners:
        position = np.arange(n_out) * ((n_in - 1) / max(n_out - 1, 1))
    else:
        position = np.maximum((np.arange(n_out) + 0.5) * (n_in / n_out) - 0.5, 0)
    first = position.astype(int)
    return first, np.minimum(first + 1, n_in - 1), (position - first).astype(dtype)


def _copying(n_in, n_out, dtype):
    """Return the (n_out, n_in) matrix by which an axis is enlarged: each row has a 1 at what its output copies."""
    return (_nearest(n_in, n_out)[:, None] == np.arange(n_in)).astype(dtype)


def _interpolation(n_in, n_out, align_corners, dtype):
    """Return the (n_out, n_in) matrix by which an axis is interpolated: each row has the weights of two neighbours."""
    first, second, towards = (part[:, None] for part in _neighbours(n_in, n_out, align_corners, dtype))
    inputs = np.arange(n_in)
    return (first == inputs) * (1 - towards) + (second == inputs) * towards


def upsample_nearest2d(x, size=None, scale_factor=None):
    """Enlarge pictures by repeating pixels: output (p, q) is input (floor(p H / oH), floor(q W / oW)).

    Parameters
    ----------
    x : (N, C, H, W) float
    size : int or (int, int), optional
        Height and width of the output, oH and oW; may be smaller than the input's too.
    scale_factor : int or (int, int), optional
        oH = scale * H, oW = scale * W. Give either this or `size`.

    Returns
    -------
    (N, C, oH, oW) array of x's dtype

    Raises
    ------
    ValueError
        If both or neither of `size` and `scale_factor` are given, or one of them is below 1.

    References
    ----------
    `torch.nn.functional.interpolate`, mode "nearest", with the index computed in integers.

    Examples
    --------
    >>> upsample_nearest2d(np.array([[[[1.0, 2.0]]]]), scale_factor=(1, 2))
    array([[[[1., 1., 2., 2.]]]])
    """
    x = as_array(x, "x", "(N, C, H, W)")
    height, width = _output_size(x, size, scale_factor)
    return x[:, :, _nearest(x.shape[2], height)[:, None], _nearest(x.shape[3], width)]


def upsample_nearest2d_backward(grad_output, x, size=None, scale_factor=None):
    """Return the gradient of a loss with respect to the input of `upsample_nearest2d`.

    Every input pixel was copied to some outputs; its gradient is the sum of theirs.

    Parameters
    ----------
    grad_output : (N, C, oH, oW) float
        Gradient of the loss with respect to the output. Finite numbers: how far a NaN spreads is left open.
    x : (N, C, H, W) float
        The forward pass's input; only its shape matters.
    size : int or (int, int), optional
        Height and width of the output, oH and oW; may be smaller than the input's too.
    scale_factor : int or (int, int), optional
        oH = scale * H, oW = scale * W. Either this or `size` is given.

    Returns
    -------
    (N, C, H, W) float

    Examples
    --------
    >>> upsample_nearest2d_backward(np.array([[[[1.0, 2.0, 3.0, 4.0]]]]), np.zeros((1, 1, 1, 2)), scale_factor=(1, 2))
    array([[[[3., 7.]]]])
    """
    x = as_array(x, "x", "(N, C, H, W)")
    height, width = _output_size(x, size, scale_factor)
    grad_output = _check_grad(grad_output, x, (height, width))
    # Along each axis the forward pass is a product with a matrix of zeros and ones, and the gradient one with its
    # transpose. Two products take a tenth of the time of additions pixel by pixel.
    rows, columns = (_copying(n, m, grad_output.dtype) for n, m in zip(x.shape[2:], (height, width), strict=True))
    return rows.T @ (grad_output @ columns)


def upsample_bilinear2d(x, size=None, scale_factor=None, align_corners=False):
    """Enlarge pictures by drawing straight lines between pixels, along rows and along columns.

    Along an axis of n input and m output elements, output i lies at the position ``(i + 1/2) n / m - 1/2`` of the
    input (pixels are squares whose borders are aligned), or, with `align_corners`, at ``i (n - 1) / (m - 1)`` (pixels
    are points, the first and the last of them aligned; 0 when m is 1). Positions below 0 count as 0. At position
    k + t, with 0 <= t < 1, the value is ``(1 - t)`` times element k plus ``t`` times element k + 1, or the last
    element where there is no k + 1.

    Parameters
    ----------
    x : (N, C, H, W) float
    size : int or (int, int), optional
        Height and width of the output, oH and oW; may be smaller than the input's too (nothing is averaged then).
    scale_factor : int or (int, int), optional
        oH = scale * H, oW = scale * W. Give either this or `size`.
    align_corners : bool

    Returns
    -------
    (N, C, oH, oW) float

    Raises
    ------
    ValueError
        If both or neither of `size` and `scale_factor` are given, or one of them is below 1.

    References
    ----------
    `torch.nn.functional.interpolate`, mode "bilinear".

    Examples
    --------
    Four outputs from two pixels lie at -1/4 (counts as 0), 1/4, 3/4 and 5/4 (past the last pixel).

    >>> upsample_bilinear2d(np.array([[[[0.0, 8.0]]]]), scale_factor=(1, 2))
    array([[[[0., 2., 6., 8.]]]])
    >>> upsample_bilinear2d(np.array([[[[0.0, 9.0]]]]), scale_factor=(1, 2), align_corners=True)
    array([[[[0., 3., 6., 9.]]]])
    """
    x = as_array(x, "x", "(N, C, H, W)")
    height, width = _output_size(x, size, scale_factor)
    dtype = np.result_type(x, 0.0)
    above, below, down = _neighbours(x.shape[2], height, align_corners, dtype)
    left, right, across = _neighbours(x.shape[3], width, align_corners, dtype)
    rows = x[:, :, above] * (1 - down)[:, None] + x[:, :, below] * down[:, None]
    return rows[..., left] * (1 - across) + rows[..., right] * across


def upsample_bilinear2d_backward(grad_output, x, size=None, scale_factor=None, align_corners=False):
    """Return the gradient of a loss with respect to the input of `upsample_bilinear2d`.

    Each output is a weighted sum of up to four inputs; it hands its gradient to them with the same weights.

    Parameters
    ----------
    grad_output : (N, C, oH, oW) float
        Gradient of the loss with respect to the output. Finite numbers: how far a NaN spreads is left open.
    x : (N, C, H, W) float
        The forward pass's input; only its shape matters.
    size, scale_factor, align_corners
        As in the forward pass.

    Returns
    -------
    (N, C, H, W) float

    Examples
    --------
    >>> upsample_bilinear2d_backward(np.array([[[[1.0, 0.0, 4.0, 0.0]]]]), np.zeros((1, 1, 1, 2)), scale_factor=(1, 2))
    array([[[[2., 3.]]]])
    """
    x = as_array(x, "x", "(N, C, H, W)")
    height, width = _output_size(x, size, scale_factor)
    grad_output = _check_grad(grad_output, x, (height, width))
    dtype = np.result_type(grad_output, 0.0)
    # As in `upsample_nearest2d_backward`, a product with the transpose along each axis in the place of many additions.
    rows = _interpolation(x.shape[2], height, align_corners, dtype)
    columns = _interpolation(x.shape[3], width, align_corners, dtype)
    return rows.T @ (grad_output @ columns)


def _log_softmax(logits):
    """Return the logarithm of the softmax over axis 1, safe for large logits."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _as_labels(labels, name, shape, num_classes, ignore_index):
    """Return integer `labels` of `shape` between 0 and num_classes - 1 or equal to ignore_index, or raise."""
    labels = as_array(labels, name, None)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, got dtype {labels.dtype}")
    if labels.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got shape {labels.shape}")
    wrong = (labels != ignore_index) & ((labels < 0) | (labels >= num_classes))
    if wrong.any():
        raise ValueError(f"{name} must be 0 ... {num_classes - 1} or {ignore_index}, got {labels[wrong][0]}")
    return labels


def _cross_entropy_arguments(logits, target, weight, ignore_index, reduction):
    """Return logits, safe labels and each pixel's weight (0 where ignored), all checked."""
    logits = as_array(logits, "logits", "(N, K, H, W)")
    logits = logits.astype(np.result_type(logits, 0.0), copy=False)
    classes = logits.shape[1]
    target = _as_labels(target, "target", (logits.shape[0], *logits.shape[2:]), classes, ignore_index)
    weight = np.ones(classes) if weight is None else as_array(weight, "weight", "(K,)")
    if weight.shape != (classes,):
        raise ValueError(f"weight must have shape {(classes,)}, one per class, got shape {weight.shape}")
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    kept = target != ignore_index
    labels = np.where(kept, target, 0)
    return logits, labels, kept, np.where(kept, weight[labels], 0).astype(logits.dtype)


def pixelwise_cross_entropy(logits, target, weight=None, ignore_index=-100, reduction="mean"):
    """Return the cross-entropy between the class scores of every pixel and its label.

    A pixel of label k costs ``-weight[k] * log(softmax(scores)[k])``, with the softmax over the classes of that pixel.
    Pixels whose label is `ignore_index` cost nothing. The mean divides by the sum of the weights of the labels of the
    pixels that count, as PyTorch does, not by the number of pixels; where no pixel counts it is NaN.

    Parameters
    ----------
    logits : (N, K, H, W) float
        Score of each of K classes at each pixel: any number, however large.
    target : (N, H, W) int
        The label of each pixel, 0 ... K - 1, or `ignore_index`.
    weight : (K,) float, optional
        Weight of each class; 1 for all by default.
    ignore_index : int
        The label of the pixels that do not count; a class can be left out by it too.
    reduction : {"mean", "sum", "none"}
        "none" gives the cost of each pixel, "sum" their sum, "mean" the mean as it is said above.

    Returns
    -------
    float, or (N, H, W) float for "none"
        In nats.

    Raises
    ------
    ValueError
        If the shapes do not fit, a label is out of range, or `reduction` is unknown.
    TypeError
        If `target` does not hold integers.

    References
    ----------
    `torch.nn.functional.cross_entropy`. Long, Shelhamer and Darrell (2015), section 4.

    Examples
    --------
    One pixel, two classes with equal scores: log 2.

    >>> loss = pixelwise_cross_entropy(np.zeros((1, 2, 1, 1)), np.array([[[1]]]))
    >>> round(float(loss), 4)
    0.6931
    """
    logits, labels, kept, weights = _cross_entropy_arguments(logits, target, weight, ignore_index, reduction)
    picked = np.take_along_axis(_log_softmax(logits), labels[:, None], axis=1)[:, 0]
    cost = np.where(kept, -weights * picked, 0).astype(logits.dtype)
    if reduction == "none":
        return cost
    with np.errstate(invalid="ignore", divide="ignore"):
        return cost.sum() if reduction == "sum" else cost.sum() / weights.sum()


def pixelwise_cross_entropy_backward(grad_output, logits, target, weight=None, ignore_index=-100, reduction="mean"):
    """Return the gradient of a loss with respect to the logits of `pixelwise_cross_entropy`.

    Parameters
    ----------
    grad_output : float, or (N, H, W) float
        Gradient of the loss with respect to the cross-entropy; one number for each pixel if `reduction` is "none".
    logits : (N, K, H, W) float
        Score of each of K classes at each pixel: any number, however large.
    target : (N, H, W) int
        The label of each pixel, 0 ... K - 1, or `ignore_index`.
    weight : (K,) float, optional
        Weight of each class; 1 for all by default.
    ignore_index : int
        The label of the pixels that do not count; a class can be left out by it too.
    reduction : {"mean", "sum", "none"}
        What the forward pass returned: the mean of the costs, their sum, or the cost of each pixel.

    Returns
    -------
    (N, K, H, W) float
        0 at ignored pixels; at every other pixel it sums to 0 over the classes.

    Raises
    ------
    ValueError
        If the shapes do not fit, a label is out of range, or `reduction` is unknown.
    TypeError
        If `target` does not hold integers.

    Examples
    --------
    Probabilities (1/2, 1/2) minus the label (0, 1):

    >>> pixelwise_cross_entropy_backward(1.0, np.zeros((1, 2, 1, 1)), np.array([[[1]]])).ravel()
    array([ 0.5, -0.5])
    """
    logits, labels, kept, weights = _cross_entropy_arguments(logits, target, weight, ignore_index, reduction)
    grad_output = as_array(grad_output, "grad_output", None)
    if grad_output.shape != (labels.shape if reduction == "none" else ()):
        words = f"{labels.shape}" if reduction == "none" else "()"
        raise ValueError(f"grad_output must have shape {words} for reduction {reduction!r}, got {grad_output.shape}")
    slope = np.exp(_log_softmax(logits)) - (np.arange(logits.shape[1])[:, None, None] == labels[:, None])
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = grad_output * weights / (weights.sum() if reduction == "mean" else 1)
    return np.where(kept[:, None], slope * scale[:, None], 0).astype(logits.dtype)


def confusion_matrix(prediction, target, num_classes, ignore_index=-100):
    """Count the pixels of every pair of label (row) and predicted label (column).

    Parameters
    ----------
    prediction, target : int arrays of one shape
        Labels 0 ... num_classes - 1.
    num_classes : int
    ignore_index : int
        Pixels whose *target* is this are not counted, whatever is predicted there.

    Returns
    -------
    (num_classes, num_classes) int

    Raises
    ------
    ValueError
        If the shapes differ or a label is out of range.
    TypeError
        If the labels are not integers.

    Examples
    --------
    >>> confusion_matrix([0, 1, 1, 0], [0, 0, 1, -100], 2)
    array([[1, 1],
           [0, 1]])
    """
    num_classes = as_int(num_classes, "num_classes", 1)
    target = _as_labels(target, "target", np.shape(target), num_classes, ignore_index)
    kept = target != ignore_index
    prediction = as_array(prediction, "prediction", None)
    if prediction.shape != target.shape:
        raise ValueError(f"prediction and target must have one shape, got {prediction.shape} and {target.shape}")
    prediction = _as_labels(np.where(kept, prediction, 0), "prediction", target.shape, num_classes, 0)
    pairs = num_classes * target[kept].astype(int) + prediction[kept].astype(int)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def intersection_over_union(prediction, target, num_classes, ignore_index=-100):
    """Return, for each class, the pixels that are it in both pictures over the pixels that are it in either.

    Parameters
    ----------
    prediction, target : int arrays of one shape
        Labels 0 ... num_classes - 1, integers of any type, bytes (uint8) too; a whole data set may be counted at once.
    num_classes : int
    ignore_index : int
        Pixels whose *target* is this are left out of both, whatever is predicted there. It can be a class.

    Returns
    -------
    (num_classes,) float
        Between 0 and 1; NaN for a class that is in neither picture, so that ``np.nanmean`` leaves it out.

    Raises
    ------
    ValueError
        If the shapes differ or a label is out of range.
    TypeError
        If the labels are not integers.

    References
    ----------
    Everingham et al. (2010), The PASCAL Visual Object Classes challenge, section 4.3; for one class, the index of
    Jaccard.

    Examples
    --------
    Class 0: one common pixel of two. Class 1: two of three. Class 2 is nowhere.

    >>> intersection_over_union(np.array([0, 1, 1, 1]), np.array([0, 0, 1, 1]), 3).round(3)
    array([0.5  , 0.667,   nan])
    """
    counts = confusion_matrix(prediction, target, num_classes, ignore_index)
    common = np.diag(counts)
    union = counts.sum(axis=0) + counts.sum(axis=1) - common
    return np.divide(common, union, out=np.full(len(counts), np.nan), where=union > 0)


def boundary_band(labels, width):
    """Return where a border between labels is near: True at pixels that see two labels within `width` pixels.

    A pixel sees the square of side 2 * width + 1 around it, cut off at the border of the picture.

    Parameters
    ----------
    labels : (N, H, W) int
    width : int
        At least 1, in pixels.

    Returns
    -------
    (N, H, W) bool

    References
    ----------
    Kohli, Ladický and Torr (2009), section 5: the band around the borders in which segmentations are compared.

    Examples
    --------
    >>> boundary_band([[[0, 0, 0, 7, 7, 7]]], 1).astype(int)
    array([[[0, 0, 1, 1, 0, 0]]])
    """
    labels, width = as_array(labels, "labels", "(N, H, W)"), as_int(width, "width", 1)
    padded = np.pad(labels, ((0, 0), (width, width), (width, width)), mode="edge")
    windows = sliding_window_view(padded, (2 * width + 1, 2 * width + 1), axis=(1, 2))
    return windows.max(axis=(3, 4)) != windows.min(axis=(3, 4))


def band_accuracy(prediction, target, width):
    """Return the share of right pixels among those within `width` pixels of a border of the target.

    Parameters
    ----------
    prediction, target : (N, H, W) int
    width : int
        At least 1, in pixels (see `boundary_band`).

    Returns
    -------
    float
        NaN where the target has no border.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    The border is one pixel too far right: half of the band of width 1 is wrong, a quarter of the band of width 2.

    >>> target, prediction = [[[0, 0, 0, 1, 1, 1]]], [[[0, 0, 0, 0, 1, 1]]]
    >>> band_accuracy(prediction, target, 1), band_accuracy(prediction, target, 2)
    (0.5, 0.75)
    """
    prediction, target = as_array(prediction, "prediction", "(N, H, W)"), as_array(target, "target", "(N, H, W)")
    if prediction.shape != target.shape:
        raise ValueError(f"prediction and target must have one shape, got {prediction.shape} and {target.shape}")
    band = boundary_band(target, width)
    return float(np.mean((prediction == target)[band])) if band.any() else float("nan")


def dense_to_conv(weight, input_shape):
    """Return the kernels of the convolution layer that does what a dense layer does, on pictures of any size.

    On pictures of exactly `input_shape` the convolution has one output per channel, the dense layer's. On a larger
    picture it gives the dense layer's answer at every position of a window of that shape, in one pass.

    Parameters
    ----------
    weight : (K, C * H * W) float
        Weights of a dense layer on flattened (C, H, W) pictures.
    input_shape : (int, int, int)
        C, H and W.

    Returns
    -------
    (K, C, H, W) float

    Raises
    ------
    ValueError
        If the dense layer does not have C * H * W inputs.

    References
    ----------
    Long, Shelhamer and Darrell (2015), section 3.1.

    Examples
    --------
    >>> dense_to_conv(np.array([[1, 2, 3, 4]]), (1, 2, 2))
    array([[[[1, 2],
             [3, 4]]]])
    """
    weight = as_array(weight, "weight", "(K, C * H * W)")
    if len(input_shape) != 3:
        raise ValueError(f"input_shape must be (C, H, W), got {input_shape}")
    shape = tuple(as_int(n, "input_shape", 1) for n in input_shape)
    if weight.shape[1] != np.prod(shape):
        raise ValueError(f"weight must have {np.prod(shape)} columns for inputs of shape {shape}, got {weight.shape}")
    return weight.reshape(-1, *shape).copy()


def spatial_pyramid_pool(x, levels=(1, 2, 4)):
    """Return a vector of the same length for pictures of any size: averages over 1, 2 x 2, 4 x 4 ... bins.

    At a level of n, the picture is cut into n x n bins that scale with it: bin i of an axis of H pixels covers the
    pixels from floor(i H / n) up to, not including, ceil((i + 1) H / n). Neighbouring bins overlap where n does not
    divide H.

    Parameters
    ----------
    x : (N, C, H, W) float
    levels : sequence of int
        Bins along each axis, level by level.

    Returns
    -------
    (N, C * sum of n * n) float
        Level after level; within a level channel after channel, each bin row by row.

    Raises
    ------
    ValueError
        If there is no level or a level is below 1.

    References
    ----------
    He, Zhang, Ren and Sun (2014), section 2.2, with averages in place of maxima. The bins are those of
    `torch.nn.functional.adaptive_avg_pool2d`.

    Examples
    --------
    >>> spatial_pyramid_pool(np.array([[[[1.0, 3.0], [5.0, 7.0]]]]), levels=(1, 2))
    array([[4., 1., 3., 5., 7.]])
    """
    x = as_array(x, "x", "(N, C, H, W)")
    levels = [as_int(n, "level", 1) for n in levels]
    if not levels:
        raise ValueError("levels must name at least one number of bins")
    return np.concatenate([adaptive_avg_pool2d(x, n).reshape(len(x), -1) for n in levels], axis=1)


def refine(x, input_weight, hidden_weight, label_weight, steps):
    """Label every pixel in several rounds, each of which sees the picture and the labels of the round before.

    The hidden maps of round t are ``H_t = relu(U * x + W * P_{t-1})``, the scores ``Y_t = V * H_t``, the probabilities
    ``P_t = softmax(Y_t)`` over the classes of each pixel, and ``P_0 = 0``. The star is a convolution layer without
    bias, zero-padded so that pictures keep their size (padding "same"). All rounds share U, V and W: this is a
    recurrent network that runs over rounds, not over time.

    Parameters
    ----------
    x : (N, C, H, W) float
    input_weight : (M, C, kH, kW) float
        U, from the picture to M hidden maps.
    hidden_weight : (K, M, kH, kW) float
        V, from the hidden maps to the scores of K classes. Kernels of the three may differ in size; all sizes are odd.
    label_weight : (M, K, kH, kW) float
        W, from the probabilities of the round before to the hidden maps.
    steps : int
        Number of rounds, at least 1.

    Returns
    -------
    (steps, N, K, H, W) float
        The scores Y_1 ... Y_steps, before the softmax.

    Raises
    ------
    ValueError
        If channels do not fit or `steps` is below 1.

    References
    ----------
    Goodfellow, Bengio and Courville (2016), Deep Learning, figure 9.17; Pinheiro and Collobert (2014).

    Examples
    --------
    One pixel, one class: its probability is always 1. Round 1 gives 2 * 3; round 2 gives 2 * (3 + 10 * 1).

    >>> one = np.ones((1, 1, 1, 1))
    >>> refine(3 * one, one, 2 * one, 10 * one, steps=2).ravel()
    array([ 6., 26.])
    """
    x = as_array(x, "x", "(N, C, H, W)")
    hidden_weight = as_array(hidden_weight, "hidden_weight", "(K, M, kH, kW)")
    label_weight = as_array(label_weight, "label_weight", "(M, K, kH, kW)")
    if label_weight.shape[:2] != hidden_weight.shape[1::-1]:
        raise ValueError(
            f"label_weight (M, K, kH, kW) must lead back from K to M channels, got shape {label_weight.shape} "
            f"beside hidden_weight (K, M, kH, kW) of shape {hidden_weight.shape}"
        )
    drive, scores = conv2d(x, input_weight, padding="same"), []
    for _ in range(as_int(steps, "steps", 1)):
        labels = conv2d(np.exp(_log_softmax(scores[-1])), label_weight, padding="same") if scores else 0
        scores.append(conv2d(np.maximum(drive + labels, 0), hidden_weight, padding="same"))
    return np.stack(scores)


def shape_scenes(count, size=32, seed=0, noise=0.3):
    """Draw noisy scenes of discs and squares, with the label of every pixel.

    Each scene holds two to four objects, each brighter or darker than the background; a later one covers an
    earlier one.

    Parameters
    ----------
    count : int
    size : int or (int, int)
        Height and width in pixels, at least 16 each.
    seed : int
    noise : float
        Standard deviation of the Gaussian noise on every pixel; objects differ from the background by 0.6 to 1.2.

    Returns
    -------
    scenes : (count, 1, H, W) float
    labels : (count, H, W) int
        0 background, 1 disc, 2 square.

    Examples
    --------
    >>> scenes, labels = shape_scenes(5, size=(16, 24), noise=0.0)
    >>> scenes.shape, labels.shape, np.unique(scenes[:, 0][labels == 0])
    ((5, 1, 16, 24), (5, 16, 24), array([0.]))
    """
    count, (height, width) = as_int(count, "count", 1), as_pair(size, "size", 16)
    rng = np.random.default_rng(seed)
    scenes, labels = np.zeros((count, 1, height, width)), np.zeros((count, height, width), int)
    rows, columns = np.mgrid[:height, :width]
    for scene, label in zip(scenes[:, 0], labels, strict=True):
        for _ in range(rng.integers(2, 5)):
            kind, sign, radius = rng.integers(1, 3), rng.choice([-1, 1]), rng.uniform(3.5, 6.5)
            down = np.abs(rows - rng.uniform(0, height))
            across = np.abs(columns - rng.uniform(0, width))
            half = radius * np.sqrt(np.pi) / 2  # a square as large as the disc: area does not tell them apart
            inside = np.hypot(down, across) <= radius if kind == 1 else np.maximum(down, across) <= half
            scene[inside], label[inside] = sign * rng.uniform(0.6, 1.2), kind
    return scenes + noise * rng.standard_normal(scenes.shape), labels
