"""What convolution becomes when its assumptions change: unshared, tiled, transposed, depthwise separable, causal."""

import numpy as np

from miniconv._arguments import as_array, as_int, as_pair
from miniconv.gradients import add_windows, conv2d_backward, conv2d_input, conv2d_weight
from miniconv.layer import conv1d, conv2d, padding_pairs, window_view
from miniconv.shapes import conv_output_shape, conv_transpose_output_shape


def locally_connected2d(x, weight, bias=None, stride=1, padding=0, dilation=1):
    """Return the output of a locally connected layer: windows as in a convolution, but a kernel for every place.

    ``y[n, f, p, q] = bias[f, p, q] + sum over c, i, j of x[n, c, p s + i d, q s + j d] weight[f, p, q, c, i, j]``

    Parameters
    ----------
    x : (N, C, H, W) float
    weight : (F, oH, oW, C, kH, kW) float
        The axes in the order of equation 9.9: output channel and place, input channel and offset.
    bias : (F, oH, oW) float, optional
    stride, dilation : int or (int, int)
        In pixels.
    padding : int, (int, int), "same" or "valid"
        Zeros on either side of each axis.

    Returns
    -------
    (N, F, oH, oW) array

    Raises
    ------
    TypeError, ValueError
        If the channels or the places of `weight` or `bias` do not fit.

    References
    ----------
    Goodfellow et al. (2016), equation 9.9; LeCun (1989).

    Examples
    --------
    Three pixels, two places, a kernel of its own at each:

    >>> weight = np.array([[1.0, 1.0], [10.0, 0.0]]).reshape(1, 1, 2, 1, 1, 2)
    >>> locally_connected2d(np.array([[[[1.0, 2.0, 4.0]]]]), weight)
    array([[[[ 3., 20.]]]])
    """
    x, weight = as_array(x, "x", "(N, C, H, W)"), as_array(weight, "weight", "(F, oH, oW, C, kH, kW)")
    windows = _windows(x, weight.shape[3:], stride, padding, dilation)
    places = windows.shape[-2:]
    if weight.shape[1:3] != places:
        raise ValueError(f"weight must have a kernel for each of the {places} places, got shape {weight.shape}")
    y = np.einsum("ncijpq,fpqcij->nfpq", windows, weight, optimize=True)
    return y if bias is None else y + _of_shape(bias, "bias", (len(weight), *places))


def locally_connected2d_backward(grad_output, x, weight, bias=None, stride=1, padding=0, dilation=1):
    """Return the gradients of `locally_connected2d` for x, weight and bias (None if there is none).

    As in a convolution, but nothing is shared, so that nothing is summed over places: each weight meets one window of
    each sample.

    Parameters
    ----------
    grad_output : (N, F, oH, oW) float
    x : (N, C, H, W) float
    weight : (F, oH, oW, C, kH, kW) float
    bias : (F, oH, oW) float, optional
    stride, dilation : int or (int, int)
        In pixels.
    padding : int, (int, int), "same" or "valid"
        Zeros on either side of each axis; they get no gradient.

    Returns
    -------
    grad_x, grad_weight, grad_bias : arrays of the shapes of x, weight, bias

    Raises
    ------
    TypeError, ValueError
        As the forward pass, and if grad_output does not have the shape of its output.

    Examples
    --------
    >>> weight = np.array([[1.0, 1.0], [10.0, 0.0]]).reshape(1, 1, 2, 1, 1, 2)
    >>> g, x = np.array([[[[1.0, 2.0]]]]), np.array([[[[1.0, 2.0, 4.0]]]])
    >>> locally_connected2d_backward(g, x, weight)[0]
    array([[[[ 1., 21.,  0.]]]])
    """
    x, weight = as_array(x, "x", "(N, C, H, W)"), as_array(weight, "weight", "(F, oH, oW, C, kH, kW)")
    windows = _windows(x, weight.shape[3:], stride, padding, dilation)
    if weight.shape[1:3] != windows.shape[-2:]:
        raise ValueError(
            f"weight must have a kernel for each of the {windows.shape[-2:]} places, got shape {weight.shape}"
        )
    g = _of_shape(grad_output, "grad_output", (len(x), len(weight), *weight.shape[1:3]))
    if bias is not None:
        _of_shape(bias, "bias", g.shape[1:])
    grad_windows = np.einsum("nfpq,fpqcij->ncijpq", g, weight, optimize=True)
    grad_x = _add_back(grad_windows, x.shape, stride, padding, dilation)
    grad_weight = np.einsum("nfpq,ncijpq->fpqcij", g, windows, optimize=True)
    return grad_x, grad_weight, None if bias is None else g.sum(0)


def tiled_conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1):
    """Return the output of a tiled convolution: neighbouring places cycle through t kernels in each direction.

    ``y[n, f, p, q]`` uses the kernel ``weight[f, :, :, :, p mod tH, q mod tW]``. With t = 1 this is `conv2d`; with
    t as large as the output it is `locally_connected2d`.

    Parameters
    ----------
    x : (N, C, H, W) float
    weight : (F, C, kH, kW, tH, tW) float
        The axes in the order of equation 9.10.
    bias : (F, tH, tW) float, optional
        One number per kernel.
    stride, dilation : int or (int, int)
        In pixels.
    padding : int, (int, int), "same" or "valid"
        Zeros on either side of each axis.

    Returns
    -------
    (N, F, oH, oW) array

    Raises
    ------
    TypeError, ValueError
        If the channels or the shape of `bias` do not fit.

    References
    ----------
    Goodfellow et al. (2016), equation 9.10; Gregor and LeCun (2010); Le et al. (2010).

    Examples
    --------
    Two kernels of one pixel take turns:

    >>> weight = np.array([1.0, 10.0]).reshape(1, 1, 1, 1, 1, 2)
    >>> tiled_conv2d(np.array([[[[1.0, 2.0, 3.0, 4.0]]]]), weight)
    array([[[[ 1., 20.,  3., 40.]]]])
    """
    x, weight = as_array(x, "x", "(N, C, H, W)"), as_array(weight, "weight", "(F, C, kH, kW, tH, tW)")
    local, tile = _untile(x, weight, stride, padding, dilation)
    if bias is not None:
        bias = _of_shape(bias, "bias", (len(weight), *weight.shape[4:]))[:, tile[0], tile[1]]
    return locally_connected2d(x, local, bias, stride, padding, dilation)


def tiled_conv2d_backward(grad_output, x, weight, bias=None, stride=1, padding=0, dilation=1):
    """Return the gradients of `tiled_conv2d` for x, weight and bias (None if there is none).

    Each kernel gathers what all the places that use it send back.

    Parameters
    ----------
    grad_output : (N, F, oH, oW) float
    x, weight, bias, stride, padding, dilation
        As in `tiled_conv2d`.

    Returns
    -------
    grad_x, grad_weight, grad_bias : arrays of the shapes of x, weight, bias

    Raises
    ------
    TypeError, ValueError
        As the forward pass, and if grad_output does not have the shape of its output.

    Examples
    --------
    >>> weight = np.array([1.0, 10.0]).reshape(1, 1, 1, 1, 1, 2)
    >>> x = np.array([[[[1.0, 2.0, 3.0, 4.0]]]])
    >>> tiled_conv2d_backward(np.ones((1, 1, 1, 4)), x, weight)[1].ravel()
    array([4., 6.])
    """
    x, weight = as_array(x, "x", "(N, C, H, W)"), as_array(weight, "weight", "(F, C, kH, kW, tH, tW)")
    local, tile = _untile(x, weight, stride, padding, dilation)
    grad_x, grad_local, _ = locally_connected2d_backward(grad_output, x, local, None, stride, padding, dilation)
    grad_weight = np.zeros(weight.shape, grad_local.dtype)
    np.add.at(np.moveaxis(grad_weight, (4, 5), (0, 1)), tile, np.moveaxis(grad_local, (1, 2), (0, 1)))
    if bias is None:
        return grad_x, grad_weight, None
    grad_bias = np.zeros(_of_shape(bias, "bias", (len(weight), *weight.shape[4:])).shape, grad_local.dtype)
    np.add.at(np.moveaxis(grad_bias, 0, 2), tile, np.moveaxis(np.asarray(grad_output).sum(0), 0, 2))
    return grad_x, grad_weight, grad_bias


def conv_transpose2d(x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Return the output of a transposed convolution: every input pixel paints its kernel, and what overlaps adds up.

    The transpose of the matrix of `conv2d`, not its inverse: it has the shape that undoes a convolution, not the
    values. Many sizes give the same output under a stride; `output_padding` says which of them is meant.

    Parameters
    ----------
    x : (N, C, H, W) float
    weight : (C, F / groups, kH, kW) float
        As the weight of the convolution whose transpose this is.
    bias : (F,) float, optional
    stride, dilation : int or (int, int)
        In pixels of the output.
    padding : int or (int, int)
        Pixels cut off on either side.
    output_padding : int or (int, int)
        Pixels added at the bottom and the right; smaller than the stride or the dilation.
    groups : int
        Divides C.

    Returns
    -------
    (N, F, oH, oW) array
        oH = (H - 1) stride - 2 padding + dilation (kH - 1) + output_padding + 1, oW likewise.

    Raises
    ------
    TypeError, ValueError
        If channels and groups do not fit or the output would be empty.

    References
    ----------
    Dumoulin and Visin (2016), chapter 4; Zeiler et al. (2010) for the name "deconvolution", which it is not.

    Examples
    --------
    Kernels of three, two apart: they overlap at every second pixel, which is the checkerboard.

    >>> conv_transpose2d(np.ones((1, 1, 1, 3)), np.ones((1, 1, 1, 3)), stride=(1, 2))
    array([[[[1., 1., 2., 1., 2., 1., 1.]]]])
    """
    x, weight = as_array(x, "x", "(N, C, H, W)"), as_array(weight, "weight", "(C, F / groups, kH, kW)")
    groups = as_int(groups, "groups", 1)
    if x.shape[1] != len(weight) or len(weight) % groups:
        raise ValueError(f"weight must have C = {x.shape[1]} kernels in {groups} groups, got shape {weight.shape}")
    filters = weight.shape[1] * groups
    size = conv_transpose_output_shape(x.shape[2:], weight.shape[2:], stride, padding, output_padding, dilation)
    places = conv_output_shape(size, weight.shape[2:], stride, padding, dilation)
    x = _with_room(x, places)
    y = conv2d_input((len(x), filters, *size), weight, x, stride, padding, dilation, groups)
    return y if bias is None else y + _of_shape(bias, "bias", (filters,))[:, None, None]


def conv_transpose2d_backward(
    grad_output, x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Return the gradients of `conv_transpose2d` for x, weight and bias (None if there is none).

    The transpose of a transpose is the convolution itself: the gradient for x is a plain `conv2d`.

    Parameters
    ----------
    grad_output : (N, F, oH, oW) float
    x : (N, C, H, W) float
    weight : (C, F / groups, kH, kW) float
    bias : (F,) float, optional
    stride, dilation : int or (int, int)
        In pixels of the output.
    padding : int or (int, int)
        Pixels that were cut off on either side.
    output_padding : int or (int, int)
        Pixels that were added at the bottom and the right.
    groups : int
        Divides C.

    Returns
    -------
    grad_x, grad_weight, grad_bias : arrays of the shapes of x, weight, bias

    Raises
    ------
    TypeError, ValueError
        As the forward pass, and if grad_output does not have the shape of its output.

    Examples
    --------
    >>> g = np.array([[[[1.0, 2.0, 4.0]]]])
    >>> conv_transpose2d_backward(g, np.ones((1, 1, 1, 2)), np.array([[[[1.0, 10.0]]]]))[0]
    array([[[[21., 42.]]]])
    """
    y = conv_transpose2d(x, weight, bias, stride, padding, output_padding, groups, dilation)
    g, x, weight = _of_shape(grad_output, "grad_output", y.shape), np.asarray(x), np.asarray(weight)
    grad_x = conv2d(g, weight, None, stride, padding, dilation, groups)
    grad_weight = conv2d_weight(g, weight.shape, _with_room(x, grad_x.shape[2:]), stride, padding, dilation, groups)
    grad_x = grad_x[:, :, : x.shape[2], : x.shape[3]].copy()
    return grad_x, grad_weight, None if bias is None else g.sum((0, 2, 3))


def depthwise_separable_conv2d(x, depthwise_weight, pointwise_weight, bias=None, stride=1, padding=0, dilation=1):
    """Return the output of a depthwise separable convolution: one kernel per channel, then a mix of the channels.

    Parameters
    ----------
    x : (N, C, H, W) float
    depthwise_weight : (C, 1, kH, kW) float
        The first step sees space and no other channel.
    pointwise_weight : (F, C, 1, 1) float
        The second step sees all channels and a single pixel.
    bias : (F,) float, optional
    stride, dilation : int or (int, int)
        In pixels, of the first step.
    padding : int, (int, int), "same" or "valid"
        Zeros on either side of each axis, in the first step.

    Returns
    -------
    (N, F, oH, oW) array

    Raises
    ------
    TypeError, ValueError
        If the shapes of the weights do not fit the channels.

    References
    ----------
    Sifre (2014); Howard et al. (2017), MobileNets, section 3.1; Chollet (2017), Xception.

    Examples
    --------
    Channels 1 and 2 are summed over pairs of pixels, then subtracted from each other:

    >>> x = np.array([[[[1.0, 2.0]], [[10.0, 20.0]]]])
    >>> mix = np.array([-1.0, 1.0]).reshape(1, 2, 1, 1)
    >>> depthwise_separable_conv2d(x, np.ones((2, 1, 1, 2)), mix)
    array([[[[27.]]]])
    """
    channels = as_array(x, "x", "(N, C, H, W)").shape[1]
    _check_separable(channels, depthwise_weight, pointwise_weight)
    between = conv2d(x, depthwise_weight, None, stride, padding, dilation, groups=channels)
    return conv2d(between, pointwise_weight, bias)


def depthwise_separable_conv2d_backward(
    grad_output, x, depthwise_weight, pointwise_weight, bias=None, stride=1, padding=0, dilation=1
):
    """Return the gradients of `depthwise_separable_conv2d` for x, both weights and bias (None if there is none).

    Parameters
    ----------
    grad_output : (N, F, oH, oW) float
    x, depthwise_weight, pointwise_weight, bias, stride, padding, dilation
        As in `depthwise_separable_conv2d`.

    Returns
    -------
    grad_x, grad_depthwise, grad_pointwise, grad_bias : arrays of the shapes of the arguments

    Raises
    ------
    TypeError, ValueError
        As the forward pass, and if grad_output does not have the shape of its output.

    Examples
    --------
    >>> x, one = np.array([[[[1.0, 2.0]]]]), np.ones((1, 1, 1, 1))
    >>> depthwise_separable_conv2d_backward(one, x, np.ones((1, 1, 1, 2)), 5 * one)[1]
    array([[[[ 5., 10.]]]])
    """
    channels = as_array(x, "x", "(N, C, H, W)").shape[1]
    _check_separable(channels, depthwise_weight, pointwise_weight)
    between = conv2d(x, depthwise_weight, None, stride, padding, dilation, groups=channels)
    grad_between, grad_pointwise, grad_bias = conv2d_backward(grad_output, between, pointwise_weight, bias)
    grad_x, grad_depthwise, _ = conv2d_backward(
        grad_between, x, depthwise_weight, None, stride, padding, dilation, groups=channels
    )
    return grad_x, grad_depthwise, grad_pointwise, grad_bias


def causal_conv1d(x, weight, bias=None, dilation=1, groups=1):
    """Return a convolution layer over time that never looks ahead: output t sees inputs t, t - d, t - 2 d, ...

    All of the padding, d (k - 1) zeros, stands before the signal; the length stays.

    Parameters
    ----------
    x : (N, C, L) float
    weight : (F, C / groups, k) float
        Its last element meets the present.
    bias : (F,) float, optional
    dilation : int
        d, in time steps.
    groups : int

    Returns
    -------
    (N, F, L) array

    Raises
    ------
    TypeError, ValueError
        If the channels or the groups do not fit.

    References
    ----------
    van den Oord et al. (2016), WaveNet, section 2.1.

    Examples
    --------
    Each output adds the present to what stood two steps before:

    >>> causal_conv1d(np.array([[[1.0, 2.0, 4.0, 8.0]]]), np.array([[[1.0, 1.0]]]), dilation=2)
    array([[[ 1.,  2.,  5., 10.]]])
    """
    x, weight = as_array(x, "x", "(N, C, L)"), as_array(weight, "weight", "(F, C / groups, k)")
    before = as_int(dilation, "dilation", 1) * (weight.shape[2] - 1)
    return conv1d(np.pad(x, ((0, 0), (0, 0), (before, 0))), weight, bias, dilation=dilation, groups=groups)


def future_leaks(function, x, size=1.0):
    """List the pairs (t_out, t_in), t_in later than t_out, in which an output reacts to the future, however little.

    Each input is moved by `size` in turn. A function that uses the future only where x has special values can hide
    from this; for layers that are linear, or linear and then monotone, random x finds every leak.

    Parameters
    ----------
    function : callable
        From (N, C, L) to (N, F, L), each sample by itself: several moves may go in as one batch.
    x : (N, C, L) float
    size : float
        How much is added to all channels of all samples at one time step.

    Returns
    -------
    list of (int, int)
        In ascending order; empty if the function is causal.

    Raises
    ------
    ValueError
        If the function changes the length.

    Examples
    --------
    >>> future_leaks(lambda x: np.roll(x, -1, axis=2), np.zeros((1, 1, 3)))
    [(0, 1), (1, 2)]
    """
    x = as_array(x, "x", "(N, C, L)").astype(float)
    before = np.asarray(function(x.copy()))
    if before.shape[-1] != x.shape[2]:
        raise ValueError(f"the function must keep the length {x.shape[2]}, its output has shape {before.shape}")
    leaks = []
    for t in range(1, x.shape[2]):
        moved = x.copy()
        moved[:, :, t] += size
        reacts = np.any(np.asarray(function(moved)) != before, axis=(0, 1))
        leaks += [(int(out), t) for out in np.flatnonzero(reacts[:t])]
    return sorted(leaks)


def dilate_kernel(weight, dilation):
    """Return the kernel with d - 1 zeros between its elements: a dilated convolution is a plain one with this kernel.

    Parameters
    ----------
    weight : (..., kH, kW) float
    dilation : int or (int, int)

    Returns
    -------
    (..., d (kH - 1) + 1, d (kW - 1) + 1) array

    References
    ----------
    Yu and Koltun (2016); Chen et al. (2015).

    Examples
    --------
    >>> dilate_kernel(np.array([[1.0, 2.0]]), 3)
    array([[1., 0., 0., 2.]])
    """
    weight, (dh, dw) = as_array(weight, "weight", None), as_pair(dilation, "dilation", 1)
    if weight.ndim < 2:
        raise ValueError(f"weight must have shape (..., kH, kW), got shape {weight.shape}")
    height, width = weight.shape[-2:]
    wide = np.zeros((*weight.shape[:-2], dh * (height - 1) + 1, dw * (width - 1) + 1), weight.dtype)
    wide[..., ::dh, ::dw] = weight
    return wide


def _windows(x, kernel_shape, stride, padding, dilation):
    """Return the view (N, C, kH, kW, oH, oW) of what every place of the padded x sees."""
    channels, *kernel = kernel_shape
    if x.shape[1] != channels:
        raise ValueError(f"weight must have the {x.shape[1]} channels of x, {x.shape}, got {channels}")
    stride, dilation = as_pair(stride, "stride", 1), as_pair(dilation, "dilation", 1)
    conv_output_shape(x.shape[2:], tuple(kernel), stride, padding, dilation)  # refuses what does not fit
    padded = np.pad(x, ((0, 0), (0, 0), *padding_pairs(padding, tuple(kernel), dilation)))
    return window_view(padded, kernel, stride, dilation)


def _add_back(grad_windows, input_shape, stride, padding, dilation):
    """Add windows back to where they were cut from, and cut the padding off: the adjoint of `_windows`."""
    kernel, dilation = grad_windows.shape[2:4], as_pair(dilation, "dilation", 1)
    (top, bottom), (left, right) = padding_pairs(padding, kernel, dilation)
    n, c, height, width = input_shape
    padded = np.zeros((n, c, height + top + bottom, width + left + right), grad_windows.dtype)
    add_windows(window_view(padded, kernel, as_pair(stride, "stride", 1), dilation), grad_windows)
    return padded[:, :, top : top + height, left : left + width].copy()


def _with_room(x, places):
    """Add zeros at the bottom and the right up to `places`: an output padding of a stride or more makes such room."""
    return np.pad(x, ((0, 0), (0, 0), *((0, m - n) for m, n in zip(places, x.shape[2:], strict=True))))


def _untile(x, weight, stride, padding, dilation):
    """Return the kernels laid out place by place, and which kernel each place uses."""
    places = _windows(x, weight.shape[1:4], stride, padding, dilation).shape[-2:]
    tile = np.ix_(*(np.arange(m) % t for m, t in zip(places, weight.shape[4:], strict=True)))
    local = weight[:, :, :, :, tile[0], tile[1]]
    return np.moveaxis(local, (4, 5), (1, 2)), tile


def _of_shape(array, name, shape):
    array = as_array(array, name, None)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got shape {array.shape}")
    return array


def _check_separable(channels, depthwise_weight, pointwise_weight):
    depthwise = as_array(depthwise_weight, "depthwise_weight", "(C, 1, kH, kW)").shape
    pointwise = as_array(pointwise_weight, "pointwise_weight", "(F, C, 1, 1)").shape
    if depthwise[:2] != (channels, 1):
        raise ValueError(f"depthwise_weight must have shape ({channels}, 1, kH, kW), got shape {depthwise}")
    if pointwise[1:] != (channels, 1, 1):
        raise ValueError(f"pointwise_weight must have shape (F, {channels}, 1, 1), got shape {pointwise}")
