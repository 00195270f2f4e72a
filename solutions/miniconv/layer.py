"""The multi-channel convolution layer: by indices, as one matrix product, with groups and two kinds of bias.

What layers call a convolution is a cross-correlation: the kernel is not flipped.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from miniconv._arguments import as_array, as_int, as_pair
from miniconv.shapes import conv_output_shape, effective_kernel_size, same_padding


def padding_pairs(padding, kernel_size, dilation):
    """Return the zeros to add as ((top, bottom), (left, right)), from integers, "same" or "valid".

    Examples
    --------
    >>> padding_pairs((1, 0), (3, 3), (1, 1)), padding_pairs("same", (3, 4), (1, 1))
    (((1, 1), (0, 0)), ((1, 1), (1, 2)))
    """
    if padding == "same":
        return same_padding(kernel_size, dilation)
    if padding == "valid":
        return (0, 0), (0, 0)
    vertical, horizontal = as_pair(padding, "padding", 0)
    return (vertical, vertical), (horizontal, horizontal)


def window_view(padded, kernel_size, stride, dilation):
    """Return a view, not a copy, of everything that the kernel meets while it slides.

    Parameters
    ----------
    padded : (..., H, W) array
        A stack of images, with their padding.
    kernel_size, stride, dilation : (int, int)

    Returns
    -------
    (..., kH, kW, oH, oW) array
        Element [..., i, j, p, q] is padded[..., p sH + i dH, q sW + j dW]: what kernel element (i, j) meets at
        output (p, q). Writing to it writes to `padded`.

    Examples
    --------
    >>> window_view(np.array([[1, 2, 3], [4, 5, 6]]), (2, 2), (1, 1), (1, 1))[0, 1]
    array([[2, 3]])
    """
    span = tuple(effective_kernel_size(k, d) for k, d in zip(kernel_size, dilation, strict=True))
    windows = sliding_window_view(padded, span, axis=(-2, -1), writeable=padded.flags.writeable)
    windows = windows[..., :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]
    return np.moveaxis(windows, (-2, -1), (-4, -3))


def columns_per_sample(x, kernel_size, stride, padding, dilation, dtype):
    """Yield, sample after sample, the columns that the kernel multiplies, always in the same buffer.

    One buffer, of the columns of one sample, serves the whole batch: that is all the memory this takes.

    Yields
    ------
    (C kH kW, oH oW) array
        Column p oW + q is the window of output (p, q), flattened in the order channel, row, column of the kernel.

    Examples
    --------
    >>> x = np.arange(6).reshape(1, 1, 2, 3)
    >>> for columns in columns_per_sample(x, (2, 2), (1, 1), (0, 0), (1, 1), int):
    ...     print(columns.T)
    [[0 1 3 4]
     [1 2 4 5]]
    """
    channels, height, width = x.shape[1:]
    (top, bottom), (left, right) = padding_pairs(padding, kernel_size, dilation)
    padded = np.zeros((channels, height + top + bottom, width + left + right), dtype)
    inside = padded[:, top : top + height, left : left + width]
    windows = window_view(padded, kernel_size, stride, dilation)
    columns = np.empty(windows.shape, dtype)
    for sample in x:
        inside[...] = sample
        columns[...] = windows
        yield columns.reshape(-1, windows.shape[-2] * windows.shape[-1])


def check_channels(input_shape, weight_shape, groups):
    """Return `groups` as an int, or raise if the channels of input, weight and groups do not fit together.

    Examples
    --------
    >>> check_channels((1, 4, 5, 5), (6, 2, 3, 3), 2)
    2
    >>> check_channels((1, 3, 5, 5), (6, 2, 3, 3), 1)
    Traceback (most recent call last):
    ValueError: weight of shape (6, 2, 3, 3) with groups=1 needs 2 input channels, got x of shape (1, 3, 5, 5)
    """
    groups, channels, filters = as_int(groups, "groups", 1), input_shape[1], weight_shape[0]
    if channels % groups or filters % groups:
        raise ValueError(
            f"groups must divide input and output channels, got groups={groups}, "
            f"x of shape {tuple(input_shape)} and weight of shape {tuple(weight_shape)}"
        )
    if weight_shape[1] * groups != channels:
        raise ValueError(
            f"weight of shape {tuple(weight_shape)} with groups={groups} needs {weight_shape[1] * groups} "
            f"input channels, got x of shape {tuple(input_shape)}"
        )
    return groups


def _check_bias(bias, shape, words):
    """Return the bias as an array of exactly `shape`, or raise; `words` name its axes."""
    bias = as_array(bias, "bias", words)
    if bias.shape != shape:
        raise ValueError(f"bias must have shape {words} = {shape}, got shape {bias.shape}")
    return bias


def unfold(x, kernel_size, dilation=1, padding=0, stride=1):
    """Return every window of every image as a column (im2col).

    Parameters
    ----------
    x : (N, C, H, W) array
    kernel_size, dilation, stride : int or (int, int)
        Size of the window, distance between its elements, distance between windows: vertical, horizontal.
    padding : int, (int, int), "same" or "valid"
        Zeros added on either side of each axis.

    Returns
    -------
    (N, C kH kW, oH oW) array of x's dtype
        Row c kH kW + i kW + j holds what element (i, j) of channel c's kernel meets; column p oW + q belongs to
        output (p, q).

    Raises
    ------
    TypeError, ValueError
        If `x` is not 4-D and numeric, a size is not positive, or the window does not fit.

    References
    ----------
    Chellapilla, Puri and Simard (2006), section 2.1. Order of arguments and result: `torch.nn.functional.unfold`.

    Examples
    --------
    >>> unfold(np.arange(9).reshape(1, 1, 3, 3), 2)[0]
    array([[0, 1, 3, 4],
           [1, 2, 4, 5],
           [3, 4, 6, 7],
           [4, 5, 7, 8]])
    """
    x, kernel_size = as_array(x, "x", "(N, C, H, W)"), as_pair(kernel_size, "kernel_size", 1)
    stride, dilation = as_pair(stride, "stride", 1), as_pair(dilation, "dilation", 1)
    height, width = conv_output_shape(x.shape[2:], kernel_size, stride, padding, dilation)
    result = np.empty((len(x), x.shape[1] * kernel_size[0] * kernel_size[1], height * width), x.dtype)
    for n, columns in enumerate(columns_per_sample(x, kernel_size, stride, padding, dilation, x.dtype)):
        result[n] = columns
    return result


def conv2d_by_index(x, weight, stride=1):
    """Return the convolution layer's output as a sum over indices: slow, and the definition.

    ``y[n, f, p, q] = sum over c, i, j of x[n, c, p s + i, q s + j] weight[f, c, i, j]``, without padding.

    Parameters
    ----------
    x : (N, C, H, W) array
    weight : (F, C, kH, kW) array
        One kernel per output channel, as deep as the input.
    stride : int
        s, the same along both axes.

    Returns
    -------
    (N, F, oH, oW) array
        oH = (H - kH) // s + 1, oW likewise.

    Raises
    ------
    TypeError, ValueError
        If an array has the wrong number of axes, the channels differ, or the kernel does not fit.

    References
    ----------
    Goodfellow, Bengio and Courville (2016), Deep Learning, equation 9.8; with s = 1, equation 9.7. The book counts
    from 1, this from 0.

    Examples
    --------
    Two channels, one kernel: 1 * 1 + 2 * 10 + 3 * 100 + 4 * 1000.

    >>> x = np.array([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    >>> conv2d_by_index(x, np.array([[[[1.0, 10.0]], [[100.0, 1000.0]]]]))
    array([[[[4321.]]]])
    """
    x, weight = as_array(x, "x", "(N, C, H, W)"), as_array(weight, "weight", "(F, C, kH, kW)")
    stride = as_int(stride, "stride", 1)
    check_channels(x.shape, weight.shape, 1)
    filters, _, kernel_height, kernel_width = weight.shape
    height, width = conv_output_shape(x.shape[2:], weight.shape[2:], stride)
    y = np.empty((len(x), filters, height, width), np.result_type(x, weight))
    for n, f, p, q in np.ndindex(y.shape):
        top, left = p * stride, q * stride
        y[n, f, p, q] = np.sum(x[n, :, top : top + kernel_height, left : left + kernel_width] * weight[f])
    return y


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Return the output of a convolution layer: every kernel laid on every place of every image.

    ``y[n, f, p, q] = bias[f] + sum over c, i, j of x[n, c, u, v] weight[f, c, i, j]``, where u = p s + i d - padding
    and v = q s + j d - padding; x is zero outside the image. In groups, f sums over the channels of its own group.

    Parameters
    ----------
    x : (N, C, H, W) array
    weight : (F, C / groups, kH, kW) array
        One kernel per output channel. The kernel is not flipped.
    bias : (F,) array, optional
        One number per output channel, shared by all places.
    stride, dilation : int or (int, int)
        Distance between neighbouring outputs, and between neighbouring kernel elements, in pixels.
    padding : int, (int, int), "same" or "valid"
        Zeros added on either side of each axis. "valid" adds none; "same" adds d (k - 1) per axis, the odd one at the
        end, which keeps the size, and needs stride 1.
    groups : int
        Input and output channels are cut into this many groups, in order; outputs of a group see its inputs only.
        groups = C is a depthwise convolution.

    Returns
    -------
    (N, F, oH, oW) array
        oH = (H + 2 padding - dilation (kH - 1) - 1) // stride + 1, oW likewise.

    Raises
    ------
    TypeError, ValueError
        If an array has the wrong number of axes, the channels do not fit, groups does not divide them, or the
        output would be empty.

    References
    ----------
    Goodfellow, Bengio and Courville (2016), Deep Learning, equations 9.7 and 9.8.

    Examples
    --------
    Ones everywhere, padding 1: each output counts the pixels that its window meets.

    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 3, 3)), padding=1)[0, 0]
    array([[4., 6., 4.],
           [6., 9., 6.],
           [4., 6., 4.]])
    """
    x, weight = as_array(x, "x", "(N, C, H, W)"), as_array(weight, "weight", "(F, C / groups, kH, kW)")
    groups, filters = check_channels(x.shape, weight.shape, groups), len(weight)
    bias = np.zeros(filters, weight.dtype) if bias is None else _check_bias(bias, (filters,), "(F,)")
    stride, dilation = as_pair(stride, "stride", 1), as_pair(dilation, "dilation", 1)
    height, width = conv_output_shape(x.shape[2:], weight.shape[2:], stride, padding, dilation)
    dtype = np.result_type(x, weight, bias)
    matrix = weight.reshape(groups, filters // groups, -1).astype(dtype, copy=False)
    bias = bias.reshape(groups, -1, 1)
    y = np.empty((len(x), groups, filters // groups, height * width), dtype)
    for n, columns in enumerate(columns_per_sample(x, weight.shape[2:], stride, padding, dilation, dtype)):
        np.matmul(matrix, columns.reshape(groups, -1, height * width), out=y[n])
        y[n] += bias
    return y.reshape(len(x), filters, height, width)


def conv1d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Return the output of a convolution layer on signals.

    Parameters
    ----------
    x : (N, C, L) array
    weight : (F, C / groups, k) array
    bias : (F,) array, optional
    stride, dilation, groups : int
    padding : int, "same" or "valid"

    Returns
    -------
    (N, F, oL) array
        oL = (L + 2 padding - dilation (k - 1) - 1) // stride + 1.

    Raises
    ------
    TypeError, ValueError
        As `conv2d`.

    Examples
    --------
    >>> conv1d([[[1.0, 2.0, 4.0, 8.0]]], [[[-1.0, 1.0]]])
    array([[[1., 2., 4.]]])
    """
    x, weight = as_array(x, "x", "(N, C, L)"), as_array(weight, "weight", "(F, C / groups, k)")
    if not isinstance(padding, str):
        padding = (0, as_int(padding, "padding", 0))
    stride, dilation = (1, as_int(stride, "stride", 1)), (1, as_int(dilation, "dilation", 1))
    return conv2d(x[:, :, None], weight[:, :, None], bias, stride, padding, dilation, groups)[:, :, 0]


def conv2d_untied_bias(x, weight, bias, stride=1, padding=0, dilation=1, groups=1):
    """Return the output of a convolution layer whose bias differs from place to place.

    Parameters
    ----------
    x : (N, C, H, W) array
    weight : (F, C / groups, kH, kW) array
    bias : (F, oH, oW) array
        One number per output channel and place, shared by the images of a batch only.
    stride, dilation : int or (int, int)
        Distance between neighbouring outputs, and between neighbouring kernel elements, in pixels.
    padding : int, (int, int), "same" or "valid"
        Zeros added on either side of each axis.
    groups : int

    Returns
    -------
    (N, F, oH, oW) array

    Raises
    ------
    TypeError, ValueError
        As `conv2d`, and if `bias` is not of the shape of one output.

    References
    ----------
    Goodfellow, Bengio and Courville (2016), Deep Learning, section 9.5, on biases.

    Examples
    --------
    >>> conv2d_untied_bias(np.ones((1, 1, 1, 2)), np.ones((1, 1, 1, 1)), np.array([[[0.5, 7.0]]]))
    array([[[[1.5, 8. ]]]])
    """
    y = conv2d(x, weight, None, stride, padding, dilation, groups)
    return y + _check_bias(bias, y.shape[1:], "(F, oH, oW)")


def dense_weight(weight, groups):
    """Return the weight of the convolution without groups that computes the same as this one with groups.

    Parameters
    ----------
    weight : (F, C / groups, kH, kW) array
    groups : int

    Returns
    -------
    (F, C, kH, kW) array
        Zero wherever an output channel and an input channel belong to different groups.

    Raises
    ------
    TypeError, ValueError
        If `weight` is not 4-D or groups does not divide F.

    Examples
    --------
    Depthwise, two channels: each output keeps the one weight for its own input.

    >>> dense_weight(np.array([[[[5.0]]], [[[7.0]]]]), groups=2)[:, :, 0, 0]
    array([[5., 0.],
           [0., 7.]])
    """
    weight, groups = as_array(weight, "weight", "(F, C / groups, kH, kW)"), as_int(groups, "groups", 1)
    filters, depth, *kernel = weight.shape
    check_channels((1, depth * groups), weight.shape, groups)
    dense = np.zeros((groups, filters // groups, groups, depth, *kernel), weight.dtype)
    for g, block in enumerate(weight.reshape(groups, filters // groups, depth, *kernel)):
        dense[g, :, g] = block
    return dense.reshape(filters, groups * depth, *kernel)


def window_counts(input_shape, kernel_size, stride=1, padding=0, dilation=1):
    """Return how many pixels of the image, padding not counted, each output of a layer depends on.

    Parameters
    ----------
    input_shape : (int, int)
        H and W, in pixels.
    kernel_size, stride, dilation : int or (int, int)
        Size of the window, distance between windows, distance between the elements of one.
    padding : int, (int, int), "same" or "valid"
        Zeros added on either side of each axis.

    Returns
    -------
    (oH, oW) array of int

    Raises
    ------
    TypeError, ValueError
        If a size is not positive or the kernel does not fit.

    Examples
    --------
    >>> window_counts((3, 4), 3, padding=1)
    array([[4, 6, 6, 4],
           [6, 9, 9, 6],
           [4, 6, 6, 4]])
    """
    image = np.ones((1, 1, *as_pair(tuple(input_shape), "input_shape", 1)), int)
    kernel = np.ones((1, 1, *as_pair(kernel_size, "kernel_size", 1)), int)
    return conv2d(image, kernel, None, stride, padding, dilation)[0, 0]
