"""The shape of every layer's output: padding, stride, dilation, ceil mode, and a whole network traced layer by layer.

All functions here take the sizes of the spatial axes alone, (H, W) for an image, (L,) for a signal; `trace_shapes`
takes whole shapes (N, C, H, W).
"""

from miniconv._arguments import as_int


def per_axis(value, name, axes, minimum):
    """Return an int, or a sequence of `axes` ints, as a tuple of `axes` ints, or raise.

    Parameters
    ----------
    value : int or sequence of int
        An int is used for every axis.
    name : str
        What the error calls it.
    axes, minimum : int
        How many values are wanted, and the smallest that is allowed.

    Raises
    ------
    TypeError, ValueError
        If a value is not an integer; if one is below `minimum` or there are not `axes` of them.

    Examples
    --------
    >>> per_axis(2, "stride", 2, 1), per_axis((2, 1), "stride", 2, 1)
    ((2, 2), (2, 1))
    """
    if not isinstance(value, tuple | list):
        return (as_int(value, name, minimum),) * axes
    if len(value) != axes:
        raise ValueError(f"{name} must be an integer or {axes} integers, one per spatial axis, got {value!r}")
    return tuple(as_int(v, name, minimum) for v in value)


def _spatial(input_shape, name="input_shape"):
    """Return a tuple of positive ints, one per spatial axis, or raise."""
    if not isinstance(input_shape, tuple | list) or not input_shape:
        raise TypeError(f"{name} must be a tuple of integers, one per spatial axis, got {input_shape!r}")
    return per_axis(input_shape, name, len(input_shape), 1)


def effective_kernel_size(kernel_size, dilation=1):
    """Return how many positions a dilated kernel spans, from its first tap to its last: d (k - 1) + 1.

    Parameters
    ----------
    kernel_size, dilation : int
        Number of taps k, and distance d between neighbouring taps, in positions.

    Returns
    -------
    int

    References
    ----------
    Dumoulin and Visin (2016), section 5.1.

    Examples
    --------
    Three taps, two apart, at positions 0, 2 and 4:

    >>> effective_kernel_size(3, dilation=2)
    5
    """
    return as_int(dilation, "dilation", 1) * (as_int(kernel_size, "kernel_size", 1) - 1) + 1


def same_padding(kernel_size, dilation=1):
    """Return the zeros before and after each axis that keep its size at stride 1, as PyTorch's ``padding="same"``.

    Parameters
    ----------
    kernel_size : int or tuple of int
        k, one per spatial axis; an int stands for the one axis of a signal.
    dilation : int or tuple of int
        d, in positions: one for all axes, or one per axis of the kernel.

    Returns
    -------
    tuple of (int, int)
        A pair (before, after) per axis, ready for `numpy.pad`. Together they are d (k - 1); when that is odd, the
        extra zero goes after.

    Raises
    ------
    TypeError, ValueError
        If a size or dilation is not a positive integer.

    Examples
    --------
    >>> same_padding((3, 4))
    ((1, 1), (1, 2))
    >>> same_padding(3, dilation=2)
    ((2, 2),)
    """
    kernel = _spatial(kernel_size if isinstance(kernel_size, tuple | list) else (kernel_size,), "kernel_size")
    dilation = per_axis(dilation, "dilation", len(kernel), 1)
    totals = [effective_kernel_size(k, d) - 1 for k, d in zip(kernel, dilation, strict=True)]
    return tuple((total // 2, total - total // 2) for total in totals)


def same_padding_strided(input_shape, kernel_size, stride=1, dilation=1):
    """Return the zeros before and after each axis that give ceil(n / s) outputs, as TensorFlow's ``padding="SAME"``.

    Parameters
    ----------
    input_shape : tuple of int
        n, the size of each spatial axis.
    kernel_size, stride, dilation : int or tuple of int
        k, s and d, one per axis or one for all, in positions.

    Returns
    -------
    tuple of (int, int)
        A pair (before, after) per axis: together as few as it takes for the last of ceil(n / s) windows to fit, and
        never fewer than none; the extra zero goes after. Unlike `same_padding`, the amount depends on n.

    Raises
    ------
    TypeError, ValueError
        If a size, stride or dilation is not a positive integer, or their number is not that of the axes.

    Examples
    --------
    Stride 2 over an even size: one zero after, none before. Over an odd size: one on either side.

    >>> same_padding_strided((32, 33), 3, stride=2)
    ((0, 1), (1, 1))
    """
    sizes = _spatial(input_shape)
    kernel, stride, dilation = (
        per_axis(value, name, len(sizes), 1)
        for value, name in ((kernel_size, "kernel_size"), (stride, "stride"), (dilation, "dilation"))
    )
    pairs = []
    for n, k, s, d in zip(sizes, kernel, stride, dilation, strict=True):
        total = max(0, (-(-n // s) - 1) * s + effective_kernel_size(k, d) - n)
        pairs.append((total // 2, total - total // 2))
    return tuple(pairs)


def _total_padding(padding, kernel, stride, dilation):
    """Return how many positions padding adds to each axis, both ends together."""
    if padding == "valid":
        return (0,) * len(kernel)
    if padding == "same":
        if any(s != 1 for s in stride):
            raise ValueError(f'padding="same" needs stride 1, got stride {stride}: use same_padding_strided')
        return tuple(before + after for before, after in same_padding(kernel, dilation))
    if isinstance(padding, str):
        raise ValueError(f'padding must be integers, "same" or "valid", got {padding!r}')
    return tuple(2 * p for p in per_axis(padding, "padding", len(kernel), 0))


def conv_output_shape(input_shape, kernel_size, stride=1, padding=0, dilation=1):
    """Return the spatial shape of a convolution's output.

    Along each axis ``floor((n + 2 p - d (k - 1) - 1) / s) + 1``: the places where the kernel fits into the padded
    input, every s-th of them.

    Parameters
    ----------
    input_shape : tuple of int
        n, the size of each spatial axis: (H, W), or (L,).
    kernel_size, stride, dilation : int or tuple of int
        k, s and d, one per axis or one for all, in positions.
    padding : int, tuple of int, "same" or "valid"
        p zeros at *both* ends of an axis; "valid" is 0, "same" keeps the size and needs stride 1.

    Returns
    -------
    tuple of int

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer, if the kernel does not fit into the padded input, or if "same" meets a
        stride above 1.

    References
    ----------
    Dumoulin and Visin (2016), relationships 5 and 6 and section 5.1.

    Examples
    --------
    >>> conv_output_shape((32, 32), 3)
    (30, 30)
    >>> conv_output_shape((224, 224), 7, stride=2, padding=3)
    (112, 112)
    """
    sizes = _spatial(input_shape)
    kernel, stride, dilation = (
        per_axis(value, name, len(sizes), 1)
        for value, name in ((kernel_size, "kernel_size"), (stride, "stride"), (dilation, "dilation"))
    )
    padded = tuple(n + p for n, p in zip(sizes, _total_padding(padding, kernel, stride, dilation), strict=True))
    span = tuple(effective_kernel_size(k, d) for k, d in zip(kernel, dilation, strict=True))
    if any(n < k for n, k in zip(padded, span, strict=True)):
        raise ValueError(
            f"the kernel does not fit: it spans {span}, the padded input {padded} (input {sizes}, kernel {kernel})"
        )
    return tuple((n - k) // s + 1 for n, k, s in zip(padded, span, stride, strict=True))


def conv_input_range(output_shape, kernel_size, stride=1, padding=0, dilation=1):
    """Return the smallest and the largest spatial input shape from which a convolution makes `output_shape`.

    Parameters
    ----------
    output_shape : tuple of int
        m, the size of each spatial axis of the output.
    kernel_size, stride, padding, dilation : int or tuple of int
        k, s, p and d of the convolution, one per axis or one for all; p zeros lie at *both* ends of an axis.

    Returns
    -------
    smallest, largest : tuple of int
        Every size between them, both included, gives m; with stride s these are s sizes, fewer where the smallest
        would be below 1.

    Raises
    ------
    ValueError
        If no input of at least one position gives this output.

    Examples
    --------
    >>> conv_input_range((112, 112), 7, stride=2, padding=3)
    ((223, 223), (224, 224))
    """
    sizes = _spatial(output_shape, "output_shape")
    axes = len(sizes)
    kernel, stride, dilation = (
        per_axis(value, name, axes, 1)
        for value, name in ((kernel_size, "kernel_size"), (stride, "stride"), (dilation, "dilation"))
    )
    padding = per_axis(padding, "padding", axes, 0)
    smallest = tuple(
        (m - 1) * s + effective_kernel_size(k, d) - 2 * p
        for m, k, s, p, d in zip(sizes, kernel, stride, padding, dilation, strict=True)
    )
    largest = tuple(n + s - 1 for n, s in zip(smallest, stride, strict=True))
    if any(n < 1 for n in largest):
        raise ValueError(
            f"no input gives output shape {sizes}: padding {padding} alone makes more with kernel {kernel}"
        )
    return tuple(max(n, 1) for n in smallest), largest


def pool_output_shape(input_shape, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Return the spatial shape of a pooling's output, with PyTorch's rules.

    Along each axis ``floor((n + 2 p - d (k - 1) - 1) / s) + 1``. With `ceil_mode` the division rounds up, so that a
    last window may hang over the end, but such a window is dropped when it would start beyond the input and the
    padding before it: window i is kept only if i s < n + p.

    Parameters
    ----------
    input_shape : tuple of int
        n, the size of each spatial axis.
    kernel_size, dilation : int or tuple of int
        k and d, one per axis or one for all, in positions.
    stride : int, tuple of int or None
        s; None stands for `kernel_size`: windows side by side.
    padding : int or tuple of int
        p at both ends of an axis, at most half of k, rounded down, whatever the dilation.
    ceil_mode : bool
        Round up instead of down.

    Returns
    -------
    tuple of int

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer, the padding exceeds half the kernel, or the output would be empty.

    References
    ----------
    PyTorch, ``torch.nn.MaxPool2d``, section Shape, and the note on `ceil_mode`.

    Examples
    --------
    >>> pool_output_shape((5, 6), 2)
    (2, 3)
    >>> pool_output_shape((5, 6), 2, ceil_mode=True)
    (3, 3)

    Rounding up would give 3, but the third window would start at position 4, past the input's three and the one
    before:

    >>> pool_output_shape((3,), 2, stride=2, padding=1, ceil_mode=True)
    (2,)
    """
    sizes = _spatial(input_shape)
    if not isinstance(ceil_mode, bool):
        raise TypeError(f"ceil_mode must be True or False, got {ceil_mode!r}")
    axes = len(sizes)
    kernel = per_axis(kernel_size, "kernel_size", axes, 1)
    stride = kernel if stride is None else per_axis(stride, "stride", axes, 1)
    padding, dilation = per_axis(padding, "padding", axes, 0), per_axis(dilation, "dilation", axes, 1)
    span = tuple(effective_kernel_size(k, d) for k, d in zip(kernel, dilation, strict=True))
    if any(p > k // 2 for p, k in zip(padding, kernel, strict=True)):
        raise ValueError(f"padding must be at most half the window, got padding {padding} for kernel {kernel}")
    output = tuple(_pool_count(*axis, ceil_mode) for axis in zip(sizes, span, stride, padding, strict=True))
    if any(m < 1 for m in output):
        raise ValueError(f"the window does not fit: it spans {span}, the input {sizes} with padding {padding}")
    return output


def _pool_count(n, span, stride, padding, ceil_mode):
    """Return the number of windows along one axis, 0 or less when none fits."""
    room = n + 2 * padding - span
    if not ceil_mode:
        return room // stride + 1
    count = -(-room // stride) + 1
    return count - 1 if (count - 1) * stride >= n + padding else count


def conv_transpose_output_shape(input_shape, kernel_size, stride=1, padding=0, output_padding=0, dilation=1):
    """Return the spatial shape of a transposed convolution's output.

    It is the input shape of the convolution that is transposed. With stride s that convolution maps s input sizes to
    one n; without `output_padding` the smallest of them is meant, with it one that is larger by as much.

    Parameters
    ----------
    input_shape : tuple of int
        n, the size of each spatial axis.
    kernel_size, stride, dilation : int or tuple of int
        k, s and d of the convolution that is transposed, one per axis or one for all.
    padding : int or tuple of int
        p of that convolution: here positions *cut off* at both ends.
    output_padding : int or tuple of int
        Positions added at the end of an axis; smaller than the stride or smaller than the dilation.

    Returns
    -------
    tuple of int

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer, `output_padding` is too large, or the output would be empty.

    References
    ----------
    Dumoulin and Visin (2016), relationship 14.

    Examples
    --------
    >>> conv_transpose_output_shape((16, 16), 3, stride=2, padding=1)
    (31, 31)
    >>> conv_transpose_output_shape((16, 16), 3, stride=2, padding=1, output_padding=1)
    (32, 32)
    """
    sizes = _spatial(input_shape)
    axes = len(sizes)
    kernel, stride, dilation = (
        per_axis(value, name, axes, 1)
        for value, name in ((kernel_size, "kernel_size"), (stride, "stride"), (dilation, "dilation"))
    )
    padding, extra = per_axis(padding, "padding", axes, 0), per_axis(output_padding, "output_padding", axes, 0)
    if any(e >= s and e >= d for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ValueError(
            f"output_padding must be below stride or dilation, got {extra} for stride {stride}, dilation {dilation}"
        )
    output = tuple(
        (n - 1) * s - 2 * p + effective_kernel_size(k, d) + e
        for n, k, s, p, e, d in zip(sizes, kernel, stride, padding, extra, dilation, strict=True)
    )
    if any(m < 1 for m in output):
        raise ValueError(
            f"padding {padding} cuts everything off: input {sizes}, kernel {kernel} and stride {stride} give {output}"
        )
    return output


def _options(layer, *names):
    """Return the named options that a layer gives, for a function that has defaults for the others."""
    return {name: layer[name] for name in names if name in layer}


def _trace_conv2d(layer, shape):
    """Return (output shape, parameters) of a convolution, transposed or not."""
    n, c, *spatial = _image_shape(layer, shape)
    out, groups = as_int(layer["out_channels"], "out_channels", 1), as_int(layer.get("groups", 1), "groups", 1)
    if c % groups or out % groups:
        raise ValueError(f"groups must divide both channel counts, got {groups} groups, {c} in and {out} out")
    kernel = per_axis(layer["kernel_size"], "kernel_size", 2, 1)
    if layer["kind"] == "conv2d":
        spatial = conv_output_shape(spatial, kernel, **_options(layer, "stride", "padding", "dilation"))
    else:
        options = _options(layer, "stride", "padding", "output_padding", "dilation")
        spatial = conv_transpose_output_shape(spatial, kernel, **options)
    weights = out * (c // groups) * kernel[0] * kernel[1]
    return (n, out, *spatial), weights + out * bool(layer.get("bias", True))


def _trace_pool2d(layer, shape):
    """Return (output shape, parameters) of a pooling with a window."""
    n, c, *spatial = _image_shape(layer, shape)
    options = _options(layer, "stride", "padding", "dilation", "ceil_mode")
    if "dilation" in options and layer["kind"] != "max_pool2d":
        raise ValueError(f"only max_pool2d has a dilation, got {layer}")
    return (n, c, *pool_output_shape(spatial, layer["kernel_size"], **options)), 0


def _trace_adaptive(layer, shape):
    """Return (output shape, parameters) of an adaptive pooling."""
    n, c, *_ = _image_shape(layer, shape)
    return (n, c, *per_axis(layer["output_size"], "output_size", 2, 1)), 0


def _trace_flatten(layer, shape):
    """Return (output shape, parameters) of a layer that keeps the first axis and joins the others."""
    features = 1
    for size in shape[1:]:
        features *= size
    return (shape[0], features), 0


def _trace_linear(layer, shape):
    """Return (output shape, parameters) of a dense layer on the last axis."""
    out = as_int(layer["out_features"], "out_features", 1)
    return (*shape[:-1], out), out * (shape[-1] + bool(layer.get("bias", True)))


def _trace_batch_norm2d(layer, shape):
    """Return (output shape, parameters) of batch normalisation: a scale and a shift per channel."""
    return shape, 2 * _image_shape(layer, shape)[1]


def _trace_same(layer, shape):
    """Return (output shape, parameters) of a layer that acts on each element by itself."""
    return shape, 0


def _image_shape(layer, shape):
    """Return a shape (N, C, H, W), or raise."""
    if len(shape) != 4:
        raise ValueError(f"{layer['kind']} needs an input of shape (N, C, H, W), got shape {shape}")
    return shape


_CONV = {"kind", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias"}
_POOL = {"kind", "kernel_size", "stride", "padding", "ceil_mode"}
_LAYERS = {  # kind: (the options it knows, the rule)
    "conv2d": (_CONV, _trace_conv2d),
    "conv_transpose2d": (_CONV | {"output_padding"}, _trace_conv2d),
    "max_pool2d": (_POOL | {"dilation"}, _trace_pool2d),
    "avg_pool2d": (_POOL, _trace_pool2d),
    "lp_pool2d": (_POOL - {"padding"}, _trace_pool2d),
    "adaptive_avg_pool2d": ({"kind", "output_size"}, _trace_adaptive),
    "adaptive_max_pool2d": ({"kind", "output_size"}, _trace_adaptive),
    "flatten": ({"kind"}, _trace_flatten),
    "linear": ({"kind", "out_features", "bias"}, _trace_linear),
    "batch_norm2d": ({"kind"}, _trace_batch_norm2d),
    "relu": ({"kind"}, _trace_same),
    "dropout": ({"kind"}, _trace_same),
    "softmax": ({"kind"}, _trace_same),
}


def trace_shapes(layers, input_shape):
    """Return the output shape and the number of parameters of every layer of a network, from its description alone.

    Parameters
    ----------
    layers : list of dict
        Each has a "kind" and the options of that kind, named as in `torch.nn`:
        "conv2d" and "conv_transpose2d" (out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1,
        bias=True; output_padding=0 for the transposed one), "max_pool2d", "avg_pool2d", "lp_pool2d" (kernel_size,
        stride=kernel_size, padding=0, ceil_mode=False; dilation=1 for max, no padding for Lp),
        "adaptive_avg_pool2d", "adaptive_max_pool2d" (output_size), "flatten" (all axes but the first), "linear"
        (out_features, bias=True; on the last axis), "batch_norm2d", "relu", "dropout", "softmax". What has a default
        may be left out. Sizes, strides, paddings and dilations are an int or a pair (vertical, horizontal);
        the padding of "conv2d" may be "same" or "valid" too.
    input_shape : tuple of int
        (N, C, H, W), or any shape that the first layer accepts.

    Returns
    -------
    list of (tuple of int, int)
        Per layer: the shape of its output, and how many parameters it has, biases included.

    Raises
    ------
    TypeError, ValueError
        If a layer has an unknown kind or option, lacks one that it needs, or cannot take the shape before it; the
        error names the layer by its position, counted from 0, and that shape.

    Examples
    --------
    >>> net = [{"kind": "conv2d", "out_channels": 6, "kernel_size": 5}, {"kind": "max_pool2d", "kernel_size": 2}]
    >>> trace_shapes(net, (1, 1, 28, 28))
    [((1, 6, 24, 24), 156), ((1, 6, 12, 12), 0)]
    """
    shape, trace = _spatial(input_shape), []
    for position, layer in enumerate(layers):
        if not isinstance(layer, dict) or layer.get("kind") not in _LAYERS:
            raise ValueError(f"layer {position} must be a dict with a kind among {sorted(_LAYERS)}, got {layer!r}")
        known, rule = _LAYERS[layer["kind"]]
        if not known.issuperset(layer):
            raise ValueError(
                f"layer {position} has options that {layer['kind']} does not know: {sorted(set(layer) - known)}"
            )
        try:
            shape, parameters = rule(layer, shape)
        except KeyError as error:
            raise ValueError(f"layer {position} ({layer['kind']}) lacks {error}") from None
        except (TypeError, ValueError) as error:
            raise type(error)(f"layer {position} ({layer['kind']}) after shape {shape}: {error}") from None
        trace.append((shape, parameters))
    return trace
