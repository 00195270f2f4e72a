"""The gradients of the convolution layer, written by hand, and two ways to find out whether a gradient is right.

Every gradient is the adjoint (the transposed matrix) of a map that is linear in one of its arguments.
"""

import numpy as np

from miniconv._arguments import as_array, as_int, as_pair
from miniconv.layer import check_channels, columns_per_sample, padding_pairs, window_view
from miniconv.shapes import conv_output_shape


def _shape(value, name, axes):
    """Return a shape of `axes` positive ints as a tuple, or raise."""
    if not isinstance(value, tuple | list) or len(value) != axes:
        raise ValueError(f"{name} must be a shape of {axes} integers, got {value!r}")
    return tuple(as_int(size, name, 1) for size in value)


def _geometry(input_size, weight_size, grad_output, stride, padding, dilation, groups):
    """Check everything that the gradients of one layer share, or raise; return it, the integers as pairs."""
    input_size, weight_size = _shape(input_size, "input_size", 4), _shape(weight_size, "weight_size", 4)
    groups = check_channels(input_size, weight_size, groups)
    stride, dilation = as_pair(stride, "stride", 1), as_pair(dilation, "dilation", 1)
    spatial = conv_output_shape(input_size[2:], weight_size[2:], stride, padding, dilation)
    expected = (input_size[0], weight_size[0], *spatial)
    grad_output = as_array(grad_output, "grad_output", "(N, F, oH, oW)")
    if grad_output.shape != expected:
        raise ValueError(f"grad_output must have the output's shape {expected}, got shape {grad_output.shape}")
    return input_size, weight_size, grad_output, stride, dilation, groups


def fold(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Return images onto which every column is laid as a window, adding where windows overlap (col2im).

    The adjoint of `unfold`, not its inverse: <unfold(a), b> = <a, fold(b)> for all a and b.

    Parameters
    ----------
    x : (N, C kH kW, oH oW) array
        Columns, ordered as those of `unfold`.
    output_size : (int, int)
        H and W of the images, without padding.
    kernel_size, dilation, stride : int or (int, int)
    padding : int, (int, int), "same" or "valid"
        What lands on the padding is dropped.

    Returns
    -------
    (N, C, H, W) array of x's dtype

    Raises
    ------
    TypeError, ValueError
        If `x` does not have the shape that `unfold` would give, or the window does not fit.

    References
    ----------
    Order of arguments and result: `torch.nn.functional.fold`.

    Examples
    --------
    Two windows of two pixels, one step apart; they share the middle pixel.

    >>> fold(np.array([[[1.0, 10.0], [2.0, 20.0]]]), (1, 3), (1, 2))
    array([[[[ 1., 12., 20.]]]])
    """
    x, kernel_size = as_array(x, "x", "(N, C kH kW, oH oW)"), as_pair(kernel_size, "kernel_size", 1)
    stride, dilation = as_pair(stride, "stride", 1), as_pair(dilation, "dilation", 1)
    height, width = _shape(output_size, "output_size", 2)
    places = conv_output_shape((height, width), kernel_size, stride, padding, dilation)
    taps = kernel_size[0] * kernel_size[1]
    if x.shape[1] % taps or x.shape[2] != places[0] * places[1]:
        raise ValueError(
            f"x must have shape (N, C * {taps}, {places[0] * places[1]}) for kernel_size={kernel_size} and "
            f"output_size={(height, width)}, got shape {x.shape}"
        )
    (top, bottom), (left, right) = padding_pairs(padding, kernel_size, dilation)
    padded = np.zeros((len(x), x.shape[1] // taps, height + top + bottom, width + left + right), x.dtype)
    windows = window_view(padded, kernel_size, stride, dilation)
    add_windows(windows, x.reshape(windows.shape))
    return padded[:, :, top : top + height, left : left + width]


def add_windows(windows, values):
    """Add to each window, one kernel element at a time: overlapping windows are views of the same pixels.

    Parameters
    ----------
    windows : (..., kH, kW, oH, oW) view
        From `window_view`; written to.
    values : (..., kH, kW, oH, oW) array

    Examples
    --------
    >>> line = np.zeros((1, 3))
    >>> add_windows(window_view(line, (1, 2), (1, 1), (1, 1)), np.ones((1, 2, 1, 2)))
    >>> line
    array([[1., 2., 1.]])
    """
    for i, j in np.ndindex(windows.shape[-4:-2]):
        windows[..., i, j, :, :] += values[..., i, j, :, :]


def conv2d_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """Return the gradient of a convolution layer for its input.

    ``dx[n, c, p s + i d - padding, q s + j d - padding]`` receives ``weight[f, c, i, j] grad_output[n, f, p, q]`` from
    every f, i, j, p, q that leads there.

    Parameters
    ----------
    input_size : (int, int, int, int)
        Shape (N, C, H, W) of the input.
    weight : (F, C / groups, kH, kW) array
    grad_output : (N, F, oH, oW) array
        Gradient of the loss for the layer's output.
    stride, dilation : int or (int, int)
        The layer's: distance between neighbouring outputs, and between neighbouring kernel elements.
    padding : int, (int, int), "same" or "valid"
        The layer's: zeros added on either side of each axis.
    groups : int

    Returns
    -------
    (N, C, H, W) array

    Raises
    ------
    TypeError, ValueError
        If `grad_output` is not of the output's shape, or as `conv2d`.

    References
    ----------
    Goodfellow, Bengio and Courville (2016), Deep Learning, equation 9.13. Order of arguments:
    `torch.nn.grad.conv2d_input`.

    Examples
    --------
    The middle pixel was met by both kernel elements: 10 * 5 + 3 * 7.

    >>> conv2d_input((1, 1, 1, 3), np.array([[[[3.0, 10.0]]]]), np.array([[[[5.0, 7.0]]]]))
    array([[[[15., 71., 70.]]]])
    """
    weight = as_array(weight, "weight", "(F, C / groups, kH, kW)")
    input_size, (filters, _, *kernel_size), grad_output, stride, dilation, groups = _geometry(
        input_size, weight.shape, grad_output, stride, padding, dilation, groups
    )
    n, channels, height, width = input_size
    (top, bottom), (left, right) = padding_pairs(padding, kernel_size, dilation)
    dtype = np.result_type(weight, grad_output)
    padded = np.zeros((n, channels, height + top + bottom, width + left + right), dtype)
    windows = window_view(padded, kernel_size, stride, dilation)
    matrix = weight.reshape(groups, filters // groups, -1).astype(dtype, copy=False).transpose(0, 2, 1)
    columns = np.empty(windows.shape[1:], dtype)
    for sample, grad in zip(windows, grad_output.astype(dtype, copy=False), strict=True):
        grad = grad.reshape(groups, filters // groups, -1)
        np.matmul(matrix, grad, out=columns.reshape(groups, -1, grad.shape[-1]))
        add_windows(sample, columns)
    return padded[:, :, top : top + height, left : left + width]


def conv2d_weight(x, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """Return the gradient of a convolution layer for its weight.

    ``dw[f, c, i, j] = sum over n, p, q of grad_output[n, f, p, q] x[n, c, p s + i d - padding, q s + j d - padding]``

    Parameters
    ----------
    x : (N, C, H, W) array
        The layer's input.
    weight_size : (int, int, int, int)
        Shape (F, C / groups, kH, kW) of the weight.
    grad_output : (N, F, oH, oW) array
        Gradient of the loss for the layer's output.
    stride, dilation : int or (int, int)
        The layer's: distance between neighbouring outputs, and between neighbouring kernel elements.
    padding : int, (int, int), "same" or "valid"
        The layer's: zeros added on either side of each axis.
    groups : int

    Returns
    -------
    (F, C / groups, kH, kW) array

    Raises
    ------
    TypeError, ValueError
        If `grad_output` is not of the output's shape, or as `conv2d`.

    References
    ----------
    Goodfellow, Bengio and Courville (2016), Deep Learning, equation 9.11. Order of arguments:
    `torch.nn.grad.conv2d_weight`.

    Examples
    --------
    Left kernel element: met 1 and 2; right one: met 2 and 4.

    >>> conv2d_weight(np.array([[[[1.0, 2.0, 4.0]]]]), (1, 1, 1, 2), np.array([[[[5.0, 7.0]]]]))
    array([[[[19., 38.]]]])
    """
    x = as_array(x, "x", "(N, C, H, W)")
    _, weight_size, grad_output, stride, dilation, groups = _geometry(
        x.shape, weight_size, grad_output, stride, padding, dilation, groups
    )
    dtype = np.result_type(x, grad_output)
    grads = grad_output.astype(dtype, copy=False).reshape(len(x), groups, weight_size[0] // groups, -1)
    per_sample = columns_per_sample(x, weight_size[2:], stride, padding, dilation, dtype)
    total = 0
    for columns, grad in zip(per_sample, grads, strict=True):
        total = total + columns.reshape(groups, -1, grad.shape[-1]) @ grad.transpose(0, 2, 1)
    return total.transpose(0, 2, 1).reshape(weight_size)


def conv2d_backward(grad_output, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Return the gradients of a convolution layer for its input, its weight and its bias.

    Parameters
    ----------
    grad_output : (N, F, oH, oW) array
        Gradient of the loss for the layer's output.
    x : (N, C, H, W) array
    weight : (F, C / groups, kH, kW) array
    bias : (F,) array, optional
    stride, dilation : int or (int, int)
    padding : int, (int, int), "same" or "valid"
    groups : int
        With x, weight and bias what the layer was called with.

    Returns
    -------
    grad_x : (N, C, H, W) array
    grad_weight : (F, C / groups, kH, kW) array
    grad_bias : (F,) array or None
        The sum of `grad_output` over images and places; None if the layer has no bias.

    Raises
    ------
    TypeError, ValueError
        If `grad_output` is not of the output's shape, or as `conv2d`.

    References
    ----------
    Goodfellow, Bengio and Courville (2016), Deep Learning, equations 9.11 and 9.13.

    Examples
    --------
    >>> grad_output, x = np.array([[[[5.0, 7.0]]]]), np.array([[[[1.0, 2.0, 4.0]]]])
    >>> grads = conv2d_backward(grad_output, x, np.array([[[[3.0, 10.0]]]]), np.array([0.5]))
    >>> [grad.ravel().tolist() for grad in grads]
    [[15.0, 71.0, 70.0], [19.0, 38.0], [12.0]]
    """
    x, weight = as_array(x, "x", "(N, C, H, W)"), as_array(weight, "weight", "(F, C / groups, kH, kW)")
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    grad_x = conv2d_input(x.shape, weight, grad_output, **options)
    grad_weight = conv2d_weight(x, weight.shape, grad_output, **options)
    if bias is None:
        return grad_x, grad_weight, None
    if as_array(bias, "bias", "(F,)").shape != weight.shape[:1]:
        raise ValueError(f"bias must have shape (F,) = {weight.shape[:1]}, got shape {np.shape(bias)}")
    return grad_x, grad_weight, np.sum(grad_output, axis=(0, 2, 3))


def numerical_gradient(function, x, grad_output=1.0, step=None):
    """Return the gradient of <function(x), grad_output> for `x` by central differences in float64.

    ``(f(x + h e) - f(x - h e)) / (2 h)`` for every element: the truncation error falls as h^2, the rounding error
    grows as 1 / h.

    Parameters
    ----------
    function : callable
        Takes a float64 array of x's shape, returns a number or an array of grad_output's shape.
    x : array
        Its elements are moved in float64, whatever its dtype.
    grad_output : number or array
        Weights of the outputs, of their shape or broadcast to it.
    step : float, optional
        h; by default the cube root of the machine precision (6.06e-6) times max(1, |element|).

    Returns
    -------
    float64 array of x's shape
        Also for an x of float32 or of whole numbers, which could not move by so small a step.

    Raises
    ------
    TypeError, ValueError
        If `x` is not numeric or is empty, `step` is not positive, or `grad_output` does not fit the output.

    References
    ----------
    Press, Teukolsky, Vetterling and Flannery (2007), Numerical Recipes, section 5.7.

    Examples
    --------
    >>> numerical_gradient(lambda x: np.sum(x**2), np.array([1.0, -3.0])).round(6)
    array([ 2., -6.])
    """
    x = as_array(x, "x", None).astype(np.float64)
    if step is not None and not step > 0:
        raise ValueError(f"step must be positive, got {step!r}")
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        h = step or np.cbrt(np.finfo(np.float64).eps) * max(1.0, abs(x[index]))
        above, below = x.copy(), x.copy()
        above[index] += h
        below[index] -= h
        rise = np.asarray(function(above), np.float64) - np.asarray(function(below), np.float64)
        if np.broadcast_shapes(np.shape(grad_output), rise.shape) != rise.shape:
            raise ValueError(f"grad_output must fit the output, {rise.shape}, got shape {np.shape(grad_output)}")
        gradient[index] = np.sum(rise * grad_output) / (above[index] - below[index])
    return gradient


def adjoint_gap(forward, adjoint, x, y):
    """Return how far <forward(x), y> is from <x, adjoint(y)>, relative to the terms of those two sums.

    Of the order of the machine precision when `adjoint` is the adjoint of the linear map `forward`.

    Parameters
    ----------
    forward : callable
        From arrays of x's shape to arrays of y's shape.
    adjoint : callable
        From arrays of y's shape to arrays of x's shape.
    x, y : array
        Random ones; a fault in one place may hide behind zeros or equal values.

    Returns
    -------
    float
        |<forward(x), y> - <x, adjoint(y)>| divided by the larger of the two sums of absolute products; 0 if both
        are 0.

    Raises
    ------
    ValueError
        If forward(x) does not have y's shape or adjoint(y) not x's.

    Examples
    --------
    >>> matrix = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> x, y = np.array([1.0, 1.0]), np.array([1.0, 0.0])
    >>> adjoint_gap(lambda x: matrix @ x, lambda y: matrix.T @ y, x, y)
    0.0
    >>> round(adjoint_gap(lambda x: matrix @ x, lambda y: matrix @ y, x, y), 3)  # |3 - 4| / 4
    0.25
    """
    x, y = as_array(x, "x", None), as_array(y, "y", None)
    image, back = np.asarray(forward(x)), np.asarray(adjoint(y))
    if image.shape != y.shape or back.shape != x.shape:
        raise ValueError(
            f"forward must map shape {x.shape} to {y.shape} and adjoint back, got shapes {image.shape}, {back.shape}"
        )
    left, right = image.astype(float) * y, x * back.astype(float)
    scale = max(np.abs(left).sum(), np.abs(right).sum())
    return float(abs(left.sum() - right.sum()) / scale) if scale else 0.0
