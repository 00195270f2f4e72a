"""Why convolution: what sparse connections and shared weights save, how far a unit sees, and what a shift does.

A layer of a stack is a tuple (kernel_size, stride, padding, dilation) along one axis, in PyTorch's order; what is
left out at its end is 1, 0, 1.
"""

from math import prod

import numpy as np

from ._arguments import as_array, as_int, as_pair


def dense_parameters(inputs, outputs, bias=True):
    """Count the parameters of a layer that connects every input with every output.

    Parameters
    ----------
    inputs, outputs : int or tuple of int
        Number of units, or the shape they are arranged in; there are fewer than 2**63 parameters.
    bias : bool
        Whether every output has a bias.

    Raises
    ------
    TypeError, ValueError
        If a size is not an integer of at least 1.

    References
    ----------
    Goodfellow et al. (2016), section 9.2: m x n parameters.

    Examples
    --------
    >>> dense_parameters((2, 3), 4), dense_parameters((2, 3), 4, bias=False)
    (28, 24)
    """
    return _units(outputs, "outputs") * (_units(inputs, "inputs") + bool(bias))


def local_parameters(in_channels, output_shape, kernel_size, bias=True):
    """Count the parameters of a locally connected layer: a window per output, and no two outputs share a weight.

    Parameters
    ----------
    in_channels : int
    output_shape : (out_channels, H, W) tuple of int
        Of the output.
    kernel_size : int or (kH, kW) pair of int
    bias : bool
        Whether every output has a bias.

    Raises
    ------
    TypeError, ValueError
        If a size is not an integer of at least 1.

    References
    ----------
    Goodfellow et al. (2016), equation 9.9, unshared convolution.

    Examples
    --------
    >>> local_parameters(1, (1, 4, 5), 3)
    200
    """
    return _units(output_shape, "output_shape") * (_window(in_channels, kernel_size) + bool(bias))


def conv_parameters(in_channels, out_channels, kernel_size, bias=True, groups=1):
    """Count the parameters of a convolutional layer: one kernel per output channel, whatever the image's size.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or (kH, kW) pair of int
    bias : bool
        Whether every output channel has a bias.
    groups : int
        The kernels of a group see in_channels / groups channels.

    Raises
    ------
    TypeError, ValueError
        If a size is not an integer of at least 1, or `groups` does not divide both channel counts.

    References
    ----------
    Goodfellow et al. (2016), section 9.2 and equation 9.7; ``torch.nn.Conv2d`` for groups.

    Examples
    --------
    >>> conv_parameters(3, 8, 5), conv_parameters(4, 8, 3, bias=False, groups=4)
    (608, 72)
    """
    out_channels, groups = as_int(out_channels, "out_channels", 1), as_int(groups, "groups", 1)
    window = _window(in_channels, kernel_size)
    if in_channels % groups or out_channels % groups:
        raise ValueError(f"groups must divide both channel counts, got {groups} for {in_channels} and {out_channels}")
    return out_channels * (window // groups + bool(bias))


def dense_operations(inputs, outputs):
    """Count multiplications and additions of a matrix times a vector: m products and m - 1 sums per output.

    Parameters
    ----------
    inputs, outputs : int or tuple of int
        Number of units, or the shape they are arranged in.

    Raises
    ------
    TypeError, ValueError
        If a size is not an integer of at least 1.

    Examples
    --------
    >>> dense_operations(3, 2)
    10
    """
    return _units(outputs, "outputs") * (2 * _units(inputs, "inputs") - 1)


def conv_operations(in_channels, output_shape, kernel_size, groups=1):
    """Count multiplications and additions of a convolutional layer without bias.

    An output that sums w products costs w multiplications and w - 1 additions. Products with padded zeros count too.

    Parameters
    ----------
    in_channels : int
    output_shape : (out_channels, H, W) tuple of int
        Of the output.
    kernel_size : int or (kH, kW) pair of int
    groups : int
        The kernels of a group see in_channels / groups channels.

    Raises
    ------
    TypeError, ValueError
        If a size is not an integer of at least 1, or `groups` does not divide both channel counts.

    References
    ----------
    Goodfellow et al. (2016), figure 9.6: two multiplications and one addition per output pixel.

    Examples
    --------
    >>> conv_operations(1, (1, 4, 4), 3)
    272
    """
    if not isinstance(output_shape, tuple | list) or len(output_shape) != 3:
        raise ValueError(f"output_shape must be (out_channels, H, W), got {output_shape!r}")
    filters = as_int(output_shape[0], "out_channels", 1)
    window = conv_parameters(in_channels, filters, kernel_size, bias=False, groups=groups) // filters
    return _units(output_shape, "output_shape") * (2 * window - 1)


def receptive_field(layers):
    """Return what one output of a stack of layers sees: how many inputs, how far apart, from where on.

    A kernel of k taps, d apart, adds (k - 1) * d steps of the grid it works on; one step of that grid is as many
    inputs as the product of all strides before it.

    Parameters
    ----------
    layers : sequence of tuples (kernel_size, stride, padding, dilation)
        Along one axis, first layer first; stride 1, padding 0 and dilation 1 may be left out at the end.

    Returns
    -------
    (size, jump, start) : tuple of int
        Inputs from the first to the last that an output sees; inputs between the fields of two neighbouring outputs;
        index of the first input that output 0 sees, below 0 where it begins in the padding.

    Raises
    ------
    TypeError, ValueError
        If a layer is not one to four integers, or one of them is too small.

    References
    ----------
    Araujo, Norris and Sim (2019), "Computing Receptive Fields of Convolutional Neural Networks", Distill.

    Examples
    --------
    >>> receptive_field([(3,), (3,)])
    (5, 1, 0)
    >>> receptive_field([(3, 1, 1), (2, 2), (3, 1, 1)])
    (8, 2, -3)
    """
    size, jump, start = 1, 1, 0
    for kernel, stride, padding, dilation in _complete(layers):
        size += (kernel - 1) * dilation * jump
        start -= padding * jump
        jump *= stride
    return size, jump, start


def connectivity(layers, length):
    """Return which inputs each output of a stack of layers depends on, along one axis.

    Parameters
    ----------
    layers : sequence of tuples (kernel_size, stride, padding, dilation)
        Along one axis, first layer first; stride 1, padding 0 and dilation 1 may be left out at the end.
    length : int
        Number of inputs.

    Returns
    -------
    reads : (outputs, length) array of bool

    Raises
    ------
    TypeError, ValueError
        As `receptive_field`; also if a layer's kernel does not fit into its padded input.

    Examples
    --------
    >>> connectivity([(2,), (2, 2)], 5).astype(int)
    array([[1, 1, 1, 0, 0],
           [0, 0, 1, 1, 1]])
    """
    reads = np.eye(as_int(length, "length", 1), dtype=bool)
    for kernel, stride, padding, dilation in _complete(layers):
        padded = np.pad(reads, ((padding, padding), (0, 0)))
        span = (kernel - 1) * dilation + 1
        if span > len(padded):
            raise ValueError(f"a kernel that spans {span} does not fit into {len(padded)} padded inputs")
        starts = np.arange(0, len(padded) - span + 1, stride)
        reads = padded[starts[:, None] + dilation * np.arange(kernel)].any(axis=1)
    return reads


def shift2d(x, shift, boundary="zeros"):
    """Move an image down and to the right; the inverse moves are negative.

    Parameters
    ----------
    x : (..., H, W) array of finite numbers
    shift : (rows, columns) pair of int
        How far the content moves, in pixels.
    boundary : {"zeros", "circular"}
        What comes in at the side that is left: zeros, or what went out at the other.

    Returns
    -------
    moved : array of the shape and dtype of x

    Raises
    ------
    TypeError, ValueError
        If x has fewer than two axes or holds no real numbers, the shift is no pair of integers, or the boundary is
        unknown.

    Examples
    --------
    >>> image = np.array([[1, 2], [3, 4]])
    >>> shift2d(image, (1, 0))
    array([[0, 0],
           [1, 2]])
    >>> shift2d(image, (0, -1), boundary="circular")
    array([[2, 1],
           [4, 3]])
    """
    x, (rows, columns) = _as_images(x), _as_shift(shift)
    if boundary not in ("zeros", "circular"):
        raise ValueError(f'boundary must be "zeros" or "circular", got {boundary!r}')
    moved = np.roll(x, (rows, columns), axis=(-2, -1))
    if boundary == "circular":
        return moved
    height, width = x.shape[-2:]
    from_row, from_column = np.arange(height)[:, None] - rows, np.arange(width) - columns
    inside = (from_row >= 0) & (from_row < height) & (from_column >= 0) & (from_column < width)
    return np.where(inside, moved, x.dtype.type(0))


def equivariance_error(function, x, shift, output_shift=None, boundary="circular", margin=0):
    """Return how far a function is from moving its output when its input moves: max |f(shift(x)) - shift(f(x))|.

    Parameters
    ----------
    function : callable
        Maps an (..., H, W) array to an array (..., outH, outW).
    x : (..., H, W) array of numbers
    shift : (rows, columns) pair of int
        How far the input moves, in pixels.
    output_shift : pair of int or None
        How far the output is expected to move; None means as far as the input.
    boundary : {"zeros", "circular"}
        As for `shift2d`, at input and output.
    margin : int
        Rows and columns of the output to leave out at each border.

    Returns
    -------
    error : float
        0.0 where the function commutes with the shift.

    Raises
    ------
    TypeError, ValueError
        As `shift2d`; also if the margin leaves nothing of the output.

    References
    ----------
    Goodfellow et al. (2016), section 9.2: f(g(x)) = g(f(x)).

    Examples
    --------
    >>> image = np.arange(6.0).reshape(2, 3)
    >>> equivariance_error(np.square, image, (1, 2)), equivariance_error(lambda x: x * image, image, (0, 1))
    (0.0, 10.0)
    """
    moved_first = _as_images(function(shift2d(x, shift, boundary)))
    moved_last = shift2d(function(_as_images(x)), shift if output_shift is None else output_shift, boundary)
    height, width = moved_last.shape[-2:]
    margin = as_int(margin, "margin", 0)
    if 2 * margin >= min(height, width):
        raise ValueError(f"a margin of {margin} leaves nothing of an output of shape {(height, width)}")
    inner = (..., slice(margin, height - margin), slice(margin, width - margin))
    return float(np.abs(np.subtract(moved_first[inner], moved_last[inner], dtype=float)).max())


def commuting_shifts(jump, shape):
    """Predict which circular shifts of the input a stack of layers answers with a shift of its output.

    The stack has circular borders, and its jump, the product of all strides, divides the size of the image. The
    shifts that have an answer form a group: the sum of two of them, wrapped round, is one of them.

    Parameters
    ----------
    jump : int or pair of int
        Product of the strides along each axis; one number serves for both.
    shape : (H, W) pair of int
        Of the input; a multiple of the jump.

    Returns
    -------
    commutes : (H, W) array of bool
        Entry [rows, columns] is True where that shift has an answering shift.

    Raises
    ------
    TypeError, ValueError
        If a size is not an integer of at least 1, or the jump does not divide the shape.

    References
    ----------
    Goodfellow et al. (2016), section 9.2; Cohen and Welling (2016) for groups of shifts.

    Examples
    --------
    >>> commuting_shifts((1, 2), (2, 4)).astype(int)
    array([[1, 0, 1, 0],
           [1, 0, 1, 0]])
    """
    jump, shape = as_pair(jump, "jump", 1), as_pair(shape, "shape", 1)
    if shape[0] % jump[0] or shape[1] % jump[1]:
        raise ValueError(f"the jump must divide the shape, got {jump} and {shape}")
    rows, columns = np.indices(shape)
    return (rows % jump[0] == 0) & (columns % jump[1] == 0)


def measured_shifts(function, x, tolerance=1e-9):
    """Measure which circular shifts of the input a function answers with some circular shift of its output.

    Parameters
    ----------
    function : callable
        Maps an (H, W) array to an (outH, outW) array.
    x : (H, W) array of numbers
        Without symmetries of its own, which would commute by accident: noise serves.
    tolerance : float
        Largest deviation that counts as equal, as a share of the largest output.

    Returns
    -------
    commutes : (H, W) array of bool
        Entry [rows, columns] is True where that shift has an answering shift.

    Raises
    ------
    TypeError, ValueError
        If x is not an (H, W) array of real numbers.

    Examples
    --------
    >>> measured_shifts(lambda x: x[:, ::2], np.arange(8).reshape(2, 4)).astype(int)
    array([[1, 0, 1, 0],
           [1, 0, 1, 0]])
    """
    x = as_array(x, "x", "(H, W)")
    y = as_array(function(x), "the function's output", "(outH, outW)")
    answers = np.stack([np.roll(y, shift, (0, 1)) for shift in np.ndindex(y.shape)])
    allowed = tolerance * np.abs(y).max()
    commutes = np.zeros(x.shape, dtype=bool)
    for shift in np.ndindex(x.shape):
        error = np.abs(answers - function(np.roll(x, shift, (0, 1)))).max(axis=(1, 2))
        commutes[shift] = error.min() <= allowed
    return commutes


def _units(sizes, name):
    """Number of units: an int, or the product of a shape."""
    return prod(as_int(size, name, 1) for size in (sizes if isinstance(sizes, tuple | list) else (sizes,)))


def _window(in_channels, kernel_size):
    """Number of inputs that one output of a layer with one group sums."""
    return as_int(in_channels, "in_channels", 1) * prod(as_pair(kernel_size, "kernel_size", 1))


def _complete(layers):
    """Layers with the defaults of stride, padding and dilation filled in."""
    complete = []
    for layer in layers:
        layer = tuple(layer) if isinstance(layer, tuple | list) else (layer,)
        if not 1 <= len(layer) <= 4:
            raise ValueError(f"a layer must be (kernel_size, stride, padding, dilation), got {layer!r}")
        values = layer + (None, 1, 0, 1)[len(layer) :]
        names = (("kernel_size", 1), ("stride", 1), ("padding", 0), ("dilation", 1))
        complete.append(tuple(as_int(value, name, least) for value, (name, least) in zip(values, names)))
    return complete


def _as_images(x):
    x = as_array(x, "x", None)
    if x.ndim < 2:
        raise ValueError(f"x must have shape (..., H, W), got shape {x.shape}")
    return x


def _as_shift(shift):
    if not isinstance(shift, tuple | list) or len(shift) != 2:
        raise ValueError(f"shift must be a pair (rows, columns), got {shift!r}")
    return tuple(as_int(value, "shift", -(2**31)) for value in shift)
