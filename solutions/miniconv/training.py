"""A whole convnet in NumPy: the layers of the earlier topics one after the other, the loss, its gradient, and a step.

A network is a list of layers, as in `miniconv.shapes.trace_shapes`, and a dict of weights with the names of
`torch.nn.Sequential`: "0.weight" and "0.bias" belong to layer 0.
"""

import numpy as np

from miniconv._arguments import as_array, as_int
from miniconv.attention import (
    multi_head_attention,
    scaled_dot_product_attention,
    scaled_dot_product_attention_backward,
    split_heads,
)
from miniconv.gradients import conv2d_backward
from miniconv.layer import conv2d
from miniconv.pooling import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_backward,
    adaptive_max_pool2d,
    adaptive_max_pool2d_backward,
    avg_pool2d,
    avg_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
)
from miniconv.shapes import trace_shapes
from miniconv.variants import conv_transpose2d, conv_transpose2d_backward

EPSILON = 1e-5  # what batch normalisation adds to the variance, in PyTorch too


def _relu(x):
    return np.maximum(as_array(x, "x", None), 0)


def relu_backward(grad_output, x):
    """Return the gradient of a loss with respect to the input of max(x, 0).

    Parameters
    ----------
    grad_output, x : array of float, of one shape

    Returns
    -------
    array of float
        What came from above, but 0 where x is 0 or less; where x is NaN it passes, as in PyTorch.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> relu_backward(np.array([5.0, 6.0, 7.0]), np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 7.])
    """
    grad_output, x = as_array(grad_output, "grad_output", None), as_array(x, "x", None)
    if grad_output.shape != x.shape:
        raise ValueError(f"grad_output must have the shape of x, {x.shape}, got {grad_output.shape}")
    return np.where(x <= 0, 0, grad_output).astype(grad_output.dtype)


def linear(x, weight, bias=None):
    """Return the output of a dense layer, ``x @ weight.T + bias``, on the last axis of x.

    Parameters
    ----------
    x : (N, ..., D) float
    weight : (K, D) float
    bias : (K,) float, optional

    Returns
    -------
    (N, ..., K) float

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    `torch.nn.functional.linear`.

    Examples
    --------
    >>> linear(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.array([0.5]))
    array([[11.5]])
    """
    x, weight = as_array(x, "x", None), as_array(weight, "weight", "(K, D)")
    if x.ndim < 2 or x.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"x (N, ..., D) must end in the {weight.shape[1]} features of weight, {weight.shape}: {x.shape}"
        )
    if bias is None:
        return x @ weight.T
    bias = as_array(bias, "bias", "(K,)")
    if bias.shape != weight.shape[:1]:
        raise ValueError(f"bias must have shape {weight.shape[:1]}, one per output, got {bias.shape}")
    return x @ weight.T + bias


def linear_backward(grad_output, x, weight, bias=None):
    """Return the gradients of `linear` for x, weight and bias (None if there is none).

    Parameters
    ----------
    grad_output : (N, ..., K) float
        Gradient of the loss with respect to the output.
    x, weight, bias
        As in the forward pass.

    Returns
    -------
    grad_x : (N, ..., D) float
    grad_weight : (K, D) float
    grad_bias : (K,) float or None

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> linear_backward(np.array([[2.0]]), np.array([[1.0, 3.0]]), np.array([[5.0, 7.0]]))
    (array([[10., 14.]]), array([[2., 6.]]), None)
    """
    grad_output = _like_output(grad_output, linear(x, weight, bias))
    rows = grad_output.reshape(-1, grad_output.shape[-1])
    grad_weight = rows.T @ np.reshape(x, (len(rows), -1))
    return grad_output @ weight, grad_weight, None if bias is None else rows.sum(0)


# --- batch normalisation -------------------------------------------------------------------------------------------


def batch_norm(x, running_mean, running_var, weight, bias, training=False, momentum=0.1, eps=1e-5):
    """Return batch normalisation of x, and the running statistics after it.

    Every channel is moved and scaled by two numbers: ``(x - mean) / sqrt(var + eps) * weight + bias``. In evaluation
    these are the running statistics, which stay. In training they are the mean and the variance of the channel over
    the batch and all pixels, and the running statistics move towards them: ``(1 - momentum) * old + momentum * new``.
    With n numbers in a channel, y takes the variance that divides by n, and running_var the one that divides by n - 1.

    Parameters
    ----------
    x : (N, C, H, W) or (N, C) float
    running_mean, running_var : (C,) float
        The running statistics; no variance is negative.
    weight, bias : (C,) float
    training : bool
        Whether to take the statistics of this batch.
    momentum : float
        How much of the new statistics goes into the running ones, 0 to 1.
    eps : float
        What is added to the variance, so that a channel of one value is not divided by 0.

    Returns
    -------
    y : array of float, of the shape of x
    running_mean, running_var : (C,) float
        New arrays; those passed in stay as they are.

    Raises
    ------
    ValueError
        If the shapes do not fit, or if there is one number per channel in training: its variance says nothing.

    References
    ----------
    Ioffe and Szegedy (2015), algorithms 1 and 2; `torch.nn.functional.batch_norm`.

    Examples
    --------
    A channel holds 1 and 3: the mean is 2, the variance 1, or 2 where the sum of squares is divided by n - 1.

    >>> x, one = np.array([[1.0], [3.0]]), np.ones(1)
    >>> y, mean, var = batch_norm(x, 0 * one, one, one, 0 * one, training=True, eps=0.0)
    >>> y.ravel(), mean, var
    (array([-1.,  1.]), array([0.2]), array([1.1]))
    >>> batch_norm(x, 2 * one, 4 * one, one, one, eps=0.0)[0].ravel()
    array([0.5, 1.5])
    """
    x, mean, var, scale, shift = _by_channel(x, running_mean, running_var, weight, bias)
    running_mean, running_var = np.array(running_mean), np.array(running_var)
    if training:
        (mean, var), count = _batch_statistics(x), x.size / x.shape[1]
        running_mean = (1 - momentum) * running_mean + momentum * mean.ravel()
        running_var = (1 - momentum) * running_var + momentum * var.ravel() * (count / (count - 1))
    return (x - mean) / np.sqrt(var + eps) * scale + shift, running_mean, running_var


def batch_norm_backward(grad_output, x, running_mean, running_var, weight, bias, training=False, eps=1e-5):
    """Return the gradients of the output of `batch_norm` for x, weight and bias.

    In evaluation the statistics are constants. In training they depend on every number of their channel, so that each
    input has a part in all outputs of its channel.

    Parameters
    ----------
    grad_output : array of float, of the shape of x
        Gradient of the loss with respect to y.
    x : (N, C, H, W) or (N, C) float
    running_mean, running_var, weight, bias : (C,) float
    training : bool
    eps : float
        As in the forward pass; momentum has no part in y.

    Returns
    -------
    grad_x : array of float, of the shape of x
    grad_weight, grad_bias : (C,) float

    Raises
    ------
    ValueError
        As in the forward pass, or if grad_output does not have the shape of x.

    References
    ----------
    Ioffe and Szegedy (2015), section 3.

    Examples
    --------
    In evaluation 6 * 2 / 3 reaches x. In training a gradient that is the same everywhere moves the mean alone, and
    the mean is taken away:

    >>> x, one = np.array([[1.0], [3.0]]), np.ones(1)
    >>> grads = batch_norm_backward(np.full((2, 1), 6.0), x, one, 9 * one, 2 * one, one, eps=0.0)
    >>> [grad.ravel().round(3).tolist() for grad in grads]
    [[4.0, 4.0], [4.0], [12.0]]
    >>> grads = batch_norm_backward(np.full((2, 1), 6.0), x, one, 9 * one, 2 * one, one, training=True, eps=0.0)
    >>> [grad.ravel().round(3).tolist() for grad in grads]
    [[0.0, 0.0], [0.0], [12.0]]
    """
    x, mean, var, scale, _ = _by_channel(x, running_mean, running_var, weight, bias)
    grad_output = _like_output(grad_output, x)
    axes = (0, *range(2, x.ndim))
    if training:
        mean, var = _batch_statistics(x)
    deviation = np.sqrt(var + eps)
    normal = (x - mean) / deviation
    grad = grad_output * scale
    if training:
        grad = grad - grad.mean(axes, keepdims=True) - normal * (grad * normal).mean(axes, keepdims=True)
    return grad / deviation, (grad_output * normal).sum(axes), grad_output.sum(axes)


def _by_channel(x, running_mean, running_var, weight, bias):
    """Return x (N, C, ...) and, in a shape that goes with it, the four numbers of every channel, or raise."""
    x = as_array(x, "x", None)
    if x.ndim < 2:
        raise ValueError(f"x must have shape (N, C) or (N, C, H, W), got {x.shape}")
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    given = {name: as_array(value, name, "(C,)") for name, value in given.items()}
    for name, value in given.items():
        if value.shape != x.shape[1:2]:
            raise ValueError(f"{name} must have shape {x.shape[1:2]}, one per channel, got {value.shape}")
    return x, *(value.reshape(-1, *[1] * (x.ndim - 2)) for value in given.values())


def _batch_statistics(x):
    """Return mean and variance of every channel over the batch and all pixels, or raise where they say nothing."""
    if x.size == x.shape[1]:
        raise ValueError(f"training needs more than one number per channel to have a variance, x has shape {x.shape}")
    axes = (0, *range(2, x.ndim))
    return x.mean(axes, keepdims=True), x.var(axes, keepdims=True)


def batch_norm2d(x, weight, bias, running_mean, running_var):
    """Return the output of batch normalisation after training: each channel moved and scaled by fixed numbers.

    ``(x - running_mean) / sqrt(running_var + 1e-5) * weight + bias``, channel by channel: `batch_norm` in evaluation,
    with its arguments in the order in which a layer has its weights.

    Parameters
    ----------
    x : (N, C, H, W) float
    weight, bias, running_mean, running_var : (C,) float

    Returns
    -------
    (N, C, H, W) float

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Ioffe and Szegedy (2015), algorithm 2; `torch.nn.BatchNorm2d` in evaluation mode.

    Examples
    --------
    >>> x = np.array([3.0, 5.0]).reshape(1, 1, 1, 2)
    >>> batch_norm2d(x, np.array([2.0]), np.array([1.0]), np.array([3.0]), np.array([1.0])).round(3).ravel()
    array([1., 5.])
    """
    x = as_array(x, "x", "(N, C, H, W)")
    return batch_norm(x, running_mean, running_var, weight, bias, eps=EPSILON)[0]


def batch_norm2d_backward(grad_output, x, weight, bias, running_mean, running_var):
    """Return the gradients of `batch_norm2d` for x, weight and bias; the running statistics are constants.

    Parameters
    ----------
    grad_output : (N, C, H, W) float
    x, weight, bias, running_mean, running_var
        As in the forward pass.

    Returns
    -------
    grad_x : (N, C, H, W) float
    grad_weight, grad_bias : (C,) float

    Examples
    --------
    >>> x, one = np.ones((1, 1, 1, 2)), np.ones(1)
    >>> [g.round(3).ravel().tolist() for g in batch_norm2d_backward(2 * x, 3 * x, 4 * one, one, one, one)]
    [[8.0, 8.0], [8.0], [4.0]]
    """
    x = as_array(x, "x", "(N, C, H, W)")
    return batch_norm_backward(grad_output, x, running_mean, running_var, weight, bias, eps=EPSILON)


# --- attention among places ----------------------------------------------------------------------------------------


def attention2d(x, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias, num_heads=1):
    """Return a feature map plus attention among all of its places: any place may look at any other.

    The H * W places are the sequence, the channels at a place its features; see `miniconv.attention`.

    Parameters
    ----------
    x : (N, C, H, W) float
    in_proj_weight : (3 C, C) float
    in_proj_bias : (3 C,) float
    out_proj_weight : (C, C) float
    out_proj_bias : (C,) float
    num_heads : int
        Divides C.

    Returns
    -------
    (N, C, H, W) float

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Vaswani et al. (2017), sections 3.1 and 3.2.2, without the normalisation; Wang et al. (2018), equation 6.

    Examples
    --------
    Queries and keys of zeros look at all places alike, so the mean, 2, is added:

    >>> x, w = np.array([1.0, 3.0]).reshape(1, 1, 1, 2), np.array([[0.0], [0.0], [1.0]])
    >>> attention2d(x, w, np.zeros(3), np.ones((1, 1)), np.zeros(1)).ravel()
    array([3., 5.])
    """
    flat = _places_first(as_array(x, "x", "(N, C, H, W)"))
    attended = multi_head_attention(
        flat, flat, flat, num_heads, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias
    )
    return x + attended.swapaxes(1, 2).reshape(np.shape(x))


def attention2d_backward(grad_output, x, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias, num_heads=1):
    """Return the gradients of `attention2d` for x and its four weights.

    Parameters
    ----------
    grad_output : (N, C, H, W) float
    x, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias, num_heads
        As in the forward pass.

    Returns
    -------
    grad_x, grad_in_proj_weight, grad_in_proj_bias, grad_out_proj_weight, grad_out_proj_bias : arrays

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    Nothing is let through the last projection, so the gradient of x is that of the sum alone:

    >>> x, w = np.ones((1, 1, 1, 2)), np.array([[0.0], [0.0], [1.0]])
    >>> grads = attention2d_backward(2 * x, x, w, np.zeros(3), np.zeros((1, 1)), np.zeros(1))
    >>> grads[0].ravel(), grads[3], grads[4]
    (array([2., 2.]), array([[4.]]), array([4.]))
    """
    weights = in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias = [
        np.asarray(w) for w in (in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias)
    ]
    x = np.asarray(x)
    g = _places_first(_like_output(grad_output, attention2d(x, *weights, num_heads)))
    flat = _places_first(x)
    projected = flat @ in_proj_weight.T + in_proj_bias
    heads = [split_heads(part, num_heads) for part in np.split(projected, 3, -1)]
    attended = _joined(scaled_dot_product_attention(*heads))
    grad_heads = scaled_dot_product_attention_backward(split_heads(g @ out_proj_weight, num_heads), *heads)
    grad_projected = np.concatenate([_joined(grad) for grad in grad_heads], -1)
    grad_x = grad_output + (grad_projected @ in_proj_weight).swapaxes(1, 2).reshape(x.shape)
    return (
        grad_x,
        np.einsum("nli,nlj->ij", grad_projected, flat),
        grad_projected.sum((0, 1)),
        np.einsum("nli,nlj->ij", g, attended),
        g.sum((0, 1)),
    )


def _places_first(x):
    """Turn a feature map (N, C, H, W) into a sequence (N, H W, C)."""
    return x.reshape(*x.shape[:2], -1).swapaxes(1, 2)


def _joined(heads):
    """Put heads (N, heads, L, D) side by side: the inverse of `split_heads`."""
    return heads.swapaxes(1, 2).reshape(len(heads), heads.shape[2], -1)


def _like_output(grad_output, output):
    """Return grad_output as an array of the output's shape, or raise."""
    grad_output = as_array(grad_output, "grad_output", None)
    if grad_output.shape != np.shape(output):
        raise ValueError(f"grad_output must have the shape of the output, {np.shape(output)}, got {grad_output.shape}")
    return grad_output


# --- layers by their kind ------------------------------------------------------------------------------------------

_WITH_WEIGHTS = {  # kind: (forward, backward, names of its weights, those among them that are trained)
    "conv2d": (conv2d, conv2d_backward, ("weight", "bias"), 2),
    "conv_transpose2d": (conv_transpose2d, conv_transpose2d_backward, ("weight", "bias"), 2),
    "linear": (linear, linear_backward, ("weight", "bias"), 2),
    "batch_norm2d": (batch_norm2d, batch_norm2d_backward, ("weight", "bias", "running_mean", "running_var"), 2),
    "attention": (
        attention2d,
        attention2d_backward,
        ("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"),
        4,
    ),
}
_WITHOUT = {  # kind: (forward, backward)
    "max_pool2d": (max_pool2d, max_pool2d_backward),
    "avg_pool2d": (avg_pool2d, avg_pool2d_backward),
    "adaptive_avg_pool2d": (adaptive_avg_pool2d, adaptive_avg_pool2d_backward),
    "adaptive_max_pool2d": (adaptive_max_pool2d, adaptive_max_pool2d_backward),
    "relu": (_relu, relu_backward),
    "dropout": (np.array, lambda grad_output, x: np.array(_like_output(grad_output, x))),
    "flatten": (lambda x: np.array(x).reshape(len(x), -1), lambda grad_output, x: np.reshape(grad_output, np.shape(x))),
}


def _options(layer):
    """Return what the function of a layer takes beside its weights, which say kernel and channels themselves."""
    said = {"kind", "out_channels", "out_features", "bias"} | (
        {"kernel_size"} if layer["kind"] in _WITH_WEIGHTS else set()
    )
    return {name: value for name, value in layer.items() if name not in said}


def _weights_of(position, layer, weights):
    """Return the weights of one layer in the order of its function's arguments; None for a bias that is not there."""
    names = _WITH_WEIGHTS[layer["kind"]][2]
    missing = [f"{position}.{name}" for name in names if f"{position}.{name}" not in weights]
    if not layer.get("bias", True):
        missing = [name for name in missing if not name.endswith("bias")]
    if missing:
        raise ValueError(f"layer {position} ({layer['kind']}) needs {missing[0]!r}; there are {sorted(weights)}")
    return [
        weights.get(f"{position}.{name}") if layer.get("bias", True) or not name.endswith("bias") else None
        for name in names
    ]


def layer_forward(position, layer, weights, x):
    """Return the output of one layer of a network.

    Parameters
    ----------
    position : int
        Which layer it is, counted from 0: its weights are ``weights[f"{position}.weight"]`` and so on.
    layer : dict
        Its "kind" and options.
    weights : dict of str to array
        The weights of the whole network.
    x : array of float
        What comes out of the layer before.

    Returns
    -------
    array of float

    Raises
    ------
    ValueError
        If the kind is unknown, or a weight is missing or does not fit.

    Examples
    --------
    >>> layer_forward(1, {"kind": "linear", "out_features": 1}, {"1.weight": [[2.0]], "1.bias": [1.0]}, [[5.0]])
    array([[11.]])
    """
    kind = layer.get("kind")
    if kind in _WITH_WEIGHTS:
        return _WITH_WEIGHTS[kind][0](x, *_weights_of(position, layer, weights), **_options(layer))
    if kind in _WITHOUT:
        return _WITHOUT[kind][0](x, **_options(layer))
    known = sorted(_WITH_WEIGHTS | _WITHOUT)
    raise ValueError(f"layer {position} must be of a kind among {known}, got {kind!r}")


def layer_backward(grad_output, position, layer, weights, x):
    """Return the gradients of one layer of a network for its weights and for its input.

    Parameters
    ----------
    grad_output : array of float
        Gradient of the loss with respect to this layer's output.
    position, layer, weights, x
        As in `layer_forward`.

    Returns
    -------
    grad_weights : dict of str to array
        For the trained weights of this layer, under the names they have in `weights`; empty for a layer without.
    grad_x : array of float

    Raises
    ------
    ValueError
        As in `layer_forward`, or if grad_output does not have the shape of the output.

    Examples
    --------
    >>> layer_backward(np.array([[1.0, 1.0]]), 3, {"kind": "relu"}, {}, np.array([[-1.0, 2.0]]))
    ({}, array([[0., 1.]]))
    """
    if layer.get("kind") not in _WITH_WEIGHTS:
        layer_forward(position, layer, weights, x)  # refuses what is unknown
        return {}, _WITHOUT[layer["kind"]][1](grad_output, x, **_options(layer))
    _, backward, names, trained = _WITH_WEIGHTS[layer["kind"]]
    grad_x, *grads = backward(grad_output, x, *_weights_of(position, layer, weights), **_options(layer))
    found = zip(names[:trained], grads, strict=True)
    return {f"{position}.{name}": grad for name, grad in found if grad is not None}, grad_x


# --- the network ---------------------------------------------------------------------------------------------------


def network_summary(layers, input_shape):
    """Return the output shape of a network and how many parameters it has, from its description alone.

    Parameters
    ----------
    layers : list of dict
        As in `convnet_forward`.
    input_shape : tuple of int
        (N, C, H, W).

    Returns
    -------
    output_shape : tuple of int
    parameters : int
        Everything that is trained: kernels, matrices, biases; of batch normalisation the scale and the shift; of
        attention four matrices with biases.

    Raises
    ------
    TypeError, ValueError
        If a layer is unknown or cannot take the shape before it.

    Examples
    --------
    Eight 3 x 3 kernels and their biases, then 8 x 13 x 13 numbers into 10 outputs:

    >>> net = [{"kind": "conv2d", "out_channels": 8, "kernel_size": 3}, {"kind": "max_pool2d", "kernel_size": 2}]
    >>> net += [{"kind": "flatten"}, {"kind": "linear", "out_features": 10}]
    >>> network_summary(net, (1, 1, 28, 28))
    ((1, 10), 13610)
    """
    looks = [
        isinstance(layer, dict) and layer.get("kind") == "attention" for layer in layers
    ]  # `trace_shapes` does not know it: the shape stays
    trace = trace_shapes([{"kind": "relu"} if own else layer for own, layer in zip(looks, layers)], input_shape)
    shapes, parameters = [tuple(input_shape), *[shape for shape, _ in trace]], sum(found for _, found in trace)
    for position, (own, layer, shape) in enumerate(zip(looks, layers, shapes)):
        if own and (len(shape) != 4 or shape[1] % as_int(layer.get("num_heads", 1), "num_heads", 1)):
            raise ValueError(f"layer {position} (attention) takes (N, C, H, W) and heads that divide C, got {shape}")
        parameters += own and 4 * shape[1] * (shape[1] + 1)
    return shapes[-1], parameters


def convnet_forward(layers, weights, x):
    """Return the output of a network: every layer takes what the one before it gives.

    Parameters
    ----------
    layers : list of dict
        Each with a "kind" and its options, named and with defaults as in `torch.nn`: "conv2d", "conv_transpose2d",
        "linear", "batch_norm2d" (with its running statistics), "attention" (with "num_heads", see `attention2d`),
        "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "relu", "flatten", "dropout" (which
        does nothing after training).
    weights : dict of str to array
        The weights, named as in the state dict of `torch.nn.Sequential`: ``"0.weight"``, ``"0.bias"``, ...
    x : (N, C, H, W) float

    Returns
    -------
    array of float
        The logits: (N, K), or (N, K, H, W) for a network that labels pixels.

    Raises
    ------
    ValueError
        If a layer is unknown, or a weight is missing or does not fit.

    Examples
    --------
    A kernel that sums 2 x 2 pixels, ReLU, then twice the result:

    >>> net = [{"kind": "conv2d", "out_channels": 1, "kernel_size": 2, "bias": False}, {"kind": "relu"}]
    >>> net += [{"kind": "flatten"}, {"kind": "linear", "out_features": 1, "bias": False}]
    >>> weights = {"0.weight": np.ones((1, 1, 2, 2)), "3.weight": np.array([[2.0]])}
    >>> convnet_forward(net, weights, np.array([[[[1.0, 2.0], [3.0, 4.0]]]]))
    array([[20.]])
    """
    for position, layer in enumerate(layers):
        x = layer_forward(position, layer, weights, x)
    return x


def convnet_activations(layers, weights, x):
    """Return the network's input and the output of every layer: one more array than there are layers.

    Parameters
    ----------
    layers, weights, x
        As in `convnet_forward`.

    Returns
    -------
    list of array

    Examples
    --------
    >>> convnet_activations([{"kind": "relu"}, {"kind": "flatten"}], {}, np.array([[[[-1.0, 2.0]]]]))[1:]
    [array([[[[0., 2.]]]]), array([[0., 2.]])]
    """
    outputs = [x]
    for position, layer in enumerate(layers):
        outputs.append(layer_forward(position, layer, weights, outputs[-1]))
    return outputs


def convnet_backward(grad_output, layers, weights, x):
    """Return the gradients of a network for all its weights and for its input.

    Parameters
    ----------
    grad_output : array of float
        Gradient of the loss with respect to the network's output.
    layers, weights, x
        As in `convnet_forward`.

    Returns
    -------
    grad_weights : dict of str to array
        A gradient for every trained weight, under its name.
    grad_x : (N, C, H, W) float

    Raises
    ------
    ValueError
        As in `convnet_forward`, or if grad_output does not have the shape of the output.

    References
    ----------
    Goodfellow, Bengio and Courville (2016), sections 6.5 and 9.5.

    Examples
    --------
    For y = 2 relu(3 x) at x = 5: 2 * 3 for x, 2 * 5 for the first weight, 15 for the second.

    >>> net = [{"kind": "linear", "out_features": 1, "bias": False}, {"kind": "relu"}] + [
    ...        {"kind": "linear", "out_features": 1, "bias": False}]
    >>> weights = {"0.weight": np.array([[3.0]]), "2.weight": np.array([[2.0]])}
    >>> grads, grad_x = convnet_backward(np.array([[1.0]]), net, weights, np.array([[5.0]]))
    >>> grad_x, grads["0.weight"], grads["2.weight"]
    (array([[6.]]), array([[10.]]), array([[15.]]))
    """
    inputs = convnet_activations(layers, weights, x)
    grad = _like_output(grad_output, as_array(inputs[-1], "x", None))
    grad_weights = {}
    for position in reversed(range(len(layers))):
        found, grad = layer_backward(grad, position, layers[position], weights, inputs[position])
        grad_weights = found | grad_weights
    return grad_weights, grad


# --- pictures ------------------------------------------------------------------------------------------------------


def shift_and_flip(images, masks, shifts, flips, ignore_index=-100):
    """Return images and their masks, each pair mirrored or not and then shifted, both of them alike.

    A sample is first mirrored left to right where its flip is True, and then moved by its shift. What comes in from
    outside is 0 in the image and `ignore_index` in the mask: nobody knows what is there, and no loss counts it.

    Parameters
    ----------
    images : (N, C, H, W) float
    masks : (N, H, W) int
        A label for every pixel.
    shifts : (N, 2) int
        Pixels down and to the right; negative: up and to the left. Of any size.
    flips : (N,) bool
    ignore_index : int
        The label of what comes in; `torch.nn.functional.cross_entropy` leaves out -100.

    Returns
    -------
    images : (N, C, H, W) float
        A new array of the same dtype.
    masks : (N, H, W) int64
        A new array, in which `ignore_index` has room, whatever the dtype of the masks was.

    Raises
    ------
    TypeError, ValueError
        If the shapes do not fit, if masks or shifts hold no integers, or if flips are not True or False.

    References
    ----------
    Simard, Steinkraus and Platt (2003), section 2.

    Examples
    --------
    Mirrored, the row 1, 2, 3 is 3, 2, 1; one pixel to the right it is 0, 3, 2.

    >>> row = np.array([1, 2, 3]).reshape(1, 1, 3)
    >>> images, masks = shift_and_flip(row[None] / 2, row, np.array([[0, 1]]), np.array([True]))
    >>> images.ravel(), masks.ravel()
    (array([0. , 1.5, 1. ]), array([-100,    3,    2]))
    """
    images, masks, shifts, flips = _as_samples(images, masks, shifts, flips)
    height, width = masks.shape[1:]
    n = np.arange(len(images))[:, None, None]
    rows = np.arange(height)[:, None] - shifts[:, 0, None, None]  # where each pixel comes from: (N, H, 1), (N, 1, W)
    columns = np.arange(width) - shifts[:, 1, None, None]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    columns = np.where(flips[:, None, None], width - 1 - columns, columns)
    rows, columns = rows.clip(0, height - 1), columns.clip(0, width - 1)
    moved = np.moveaxis(images, 1, -1)[n, rows, columns]
    moved = np.where(inside[..., None], moved, 0).astype(images.dtype)
    return np.moveaxis(moved, -1, 1).copy(), np.where(inside, masks[n, rows, columns].astype(np.int64), ignore_index)


def _as_samples(images, masks, shifts, flips):
    """Return images, masks, shifts and flips as arrays of as many samples, or raise."""
    images, masks = as_array(images, "images", "(N, C, H, W)"), as_array(masks, "masks", "(N, H, W)")
    shifts, flips = as_array(shifts, "shifts", "(N, 2)"), np.asarray(flips)
    n, _, *size = images.shape
    for name, array, shape in (("masks", masks, (n, *size)), ("shifts", shifts, (n, 2)), ("flips", flips, (n,))):
        if array.shape != shape:
            raise ValueError(f"{name} must have shape {shape} for images {images.shape}, got {array.shape}")
    for name, array in (("masks", masks), ("shifts", shifts)):
        if array.dtype.kind not in "iu":
            raise TypeError(f"{name} must hold integers, got dtype {array.dtype}")
    if flips.dtype != bool:
        raise TypeError(f"flips must be True or False, got dtype {flips.dtype}")
    return images, masks, shifts.astype(np.int64), flips


# --- the loss and the step -----------------------------------------------------------------------------------------


def _as_logits(logits, target):
    """Return float logits (N, K, ...) and labels (N, ...) that fit, or raise."""
    logits, target = as_array(logits, "logits", None), as_array(target, "target", None)
    if logits.ndim < 2 or target.shape != (logits.shape[0], *logits.shape[2:]):
        raise ValueError(f"logits (N, K, ...) need a target (N, ...), got shapes {logits.shape} and {target.shape}")
    if target.dtype.kind not in "iu":
        raise TypeError(f"target must hold integers, got dtype {target.dtype}")
    if target.min() < 0 or target.max() >= logits.shape[1]:
        raise ValueError(f"target must be 0 ... {logits.shape[1] - 1}, got {target.min()} ... {target.max()}")
    return logits.astype(np.result_type(logits, 0.0), copy=False), target


def _log_probabilities(logits):
    shifted = logits - logits.max(1, keepdims=True)  # so that no exponential overflows
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def cross_entropy(logits, target):
    """Return the mean over samples (and pixels) of minus the logarithm of the probability that the label gets.

    The probabilities are the softmax of the logits over the classes, axis 1. Logits of any size give a finite loss.

    Parameters
    ----------
    logits : (N, K) or (N, K, H, W) float
    target : (N,) or (N, H, W) int
        Labels from 0 to K - 1.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    TypeError, ValueError
        If the shapes do not fit, or a label is not an integer from 0 to K - 1.

    References
    ----------
    `torch.nn.functional.cross_entropy`; Goodfellow, Bengio and Courville (2016), section 6.2.2.3.

    Examples
    --------
    Two classes with equal scores: log 2.

    >>> round(float(cross_entropy(np.zeros((3, 2)), np.array([0, 1, 1]))), 4)
    0.6931
    """
    logits, target = _as_logits(logits, target)
    return -np.take_along_axis(_log_probabilities(logits), target[:, None], 1).mean(dtype=logits.dtype)


def cross_entropy_backward(grad_output, logits, target):
    """Return the gradient of a loss with respect to the logits of `cross_entropy`.

    Parameters
    ----------
    grad_output : float
        Gradient of the loss with respect to the cross-entropy: 1 where that is the loss.
    logits : (N, K) or (N, K, H, W) float
    target : (N,) or (N, H, W) int
        Labels from 0 to K - 1.

    Returns
    -------
    array of float, of the shape of the logits
        It sums to 0 over the classes.

    Raises
    ------
    TypeError, ValueError
        As in the forward pass, or if grad_output is not a single number.

    Examples
    --------
    Probabilities (1/2, 1/2), label 1:

    >>> cross_entropy_backward(1.0, np.zeros((1, 2)), np.array([1]))
    array([[ 0.5, -0.5]])
    """
    logits, target = _as_logits(logits, target)
    if np.size(grad_output) != 1:
        raise ValueError(f"grad_output must be a number, as the loss is, got shape {np.shape(grad_output)}")
    slope = np.exp(_log_probabilities(logits))
    is_label = np.expand_dims(target, 1) == np.arange(logits.shape[1]).reshape(-1, *[1] * (logits.ndim - 2))
    return ((slope - is_label) * (grad_output / target.size)).astype(logits.dtype)


def sgd_step(weights, grads, velocity=None, lr=0.01, momentum=0.0, weight_decay=0.0):
    """Return the weights after one step of gradient descent with momentum, and the new velocity.

    For every weight w that has a gradient g: ``g + weight_decay * w`` is added to `momentum` times the old velocity,
    which gives the new velocity v, and the new weight is ``w - lr * v``. A weight without a gradient keeps its value
    and its velocity; a velocity that is not there yet counts as zeros.

    Parameters
    ----------
    weights, grads : dict of str to array
    velocity : dict of str to array, optional
        What the last step returned; None before the first step stands for zeros.
    lr, momentum, weight_decay : float
        Not negative.

    Returns
    -------
    weights, velocity : dict of str to array
        New arrays; those passed in stay as they are.

    Raises
    ------
    ValueError
        If a gradient or a velocity belongs to no weight or has another shape, or a number is negative.

    References
    ----------
    `torch.optim.SGD` (without dampening); Goodfellow, Bengio and Courville (2016), section 8.3.2.

    Examples
    --------
    >>> weights, velocity = sgd_step({"w": np.array([1.0])}, {"w": np.array([2.0])}, None, lr=0.1, momentum=0.5)
    >>> weights["w"], velocity["w"]
    (array([0.8]), array([2.]))
    >>> sgd_step(weights, {"w": np.array([2.0])}, velocity, lr=0.1, momentum=0.5)[0]["w"]
    array([0.5])
    """
    if min(lr, momentum, weight_decay) < 0:
        raise ValueError(f"lr, momentum and weight_decay must not be negative, got {lr}, {momentum}, {weight_decay}")
    _check_like_weights(weights, grads, "gradient")
    _check_like_weights(weights, velocity or {}, "velocity")
    new_weights = {name: np.array(w) for name, w in weights.items()}
    new_velocity = {name: np.array(v) for name, v in (velocity or {}).items()}
    for name, grad in grads.items():
        w = new_weights[name]
        v = momentum * new_velocity.get(name, np.zeros_like(w)) + (grad + weight_decay * w)
        dtype = np.result_type(w, np.float32)
        new_velocity[name], new_weights[name] = v.astype(dtype), (w - lr * v).astype(dtype)
    return new_weights, new_velocity


def _check_like_weights(weights, given, words):
    for name, array in given.items():
        if name not in weights or np.shape(array) != np.shape(weights[name]):
            shape = np.shape(weights[name]) if name in weights else "no weight"
            raise ValueError(f"the {words} {name!r} has shape {np.shape(array)}, its weight {shape}")


def adamw_step(weights, grads, state=None, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    """Return the weights after one step of AdamW, and the new state, from which the next step goes on.

    The state holds two running means for every weight: of its gradients, and of their squares. They forget by the two
    factors in `betas`. Both started at zeros and are too small at first; what is used is corrected for that, what is
    kept in the state is not. The weight moves by `lr` times the first mean, divided by the root of the second plus
    `eps`. Weight decay is no part of the gradient: it multiplies the weight by ``1 - lr * weight_decay`` before the
    step. With ``weight_decay=0`` this is Adam. A weight without a gradient keeps its value and its state.

    Parameters
    ----------
    weights, grads : dict of str to array
    state : dict of str to (int, array, array), optional
        What the last step returned: for each weight how many steps it has done, the mean of its gradients, and the
        mean of their squares. A weight that is not there has done none; with None, no weight has.
    lr : float
        Not negative.
    betas : (float, float)
        From 0 to below 1, for the gradients and for their squares.
    eps, weight_decay : float
        Not negative.

    Returns
    -------
    weights : dict of str to array
    state : dict of str to (int, array, array)
        New arrays; those passed in stay as they are.

    Raises
    ------
    ValueError
        If a gradient or a mean belongs to no weight or has another shape, or a number is out of bounds.

    References
    ----------
    `torch.optim.AdamW`; Kingma and Ba (2015), algorithm 1; Loshchilov and Hutter (2019), algorithm 2.

    Examples
    --------
    >>> weights, state = adamw_step({"w": np.array([1.0])}, {"w": np.array([2.0])}, None, 0.1, (0.5, 0.75), 1e-8, 0.5)
    >>> weights["w"], state["w"]
    (array([0.85]), (1, array([1.]), array([1.])))
    """
    if min(lr, eps, weight_decay, *betas) < 0 or max(betas) >= 1:
        raise ValueError(
            f"lr, eps and weight_decay must not be negative, and betas be from 0 to below 1, "
            f"got {lr}, {eps}, {weight_decay} and {betas}"
        )
    old = state or {}
    _check_like_weights(weights, grads, "gradient")
    for number, words in ((1, "mean of the gradients"), (2, "mean of the squares")):
        _check_like_weights(weights, {name: kept[number] for name, kept in old.items()}, words)
    new_weights = {name: np.array(w) for name, w in weights.items()}
    new_state = {name: (step, np.array(mean), np.array(square)) for name, (step, mean, square) in old.items()}
    for name, grad in grads.items():
        dtype = np.result_type(new_weights[name], np.float32)
        w, g = new_weights[name].astype(dtype), np.asarray(grad).astype(dtype)
        step, mean, square = new_state.get(name, (0, np.zeros_like(w), np.zeros_like(w)))
        step = step + 1
        mean = betas[0] * mean + (1 - betas[0]) * g
        square = betas[1] * square + (1 - betas[1]) * g**2
        size = np.sqrt(square / (1 - betas[1] ** step)) + eps
        w = w - lr * weight_decay * w - lr * mean / (1 - betas[0] ** step) / size
        new_weights[name], new_state[name] = w.astype(dtype), (step, mean.astype(dtype), square.astype(dtype))
    return new_weights, new_state


# --- how training begins, goes on and ends -------------------------------------------------------------------------


def cosine_schedule(step, steps, lr, warmup=0, lr_min=0.0):
    """Return the learning rate of one step: it rises in a straight line, then falls along half a cosine.

    The first `warmup` steps have the rates ``lr / warmup``, ``2 lr / warmup``, ..., `lr`. The step after them, number
    `warmup`, has the rate `lr` too: there the cosine begins. It would reach `lr_min` at step number `steps`, the one
    after the last.

    Parameters
    ----------
    step : int
        Which step, counted from 0: 0 to ``steps - 1``.
    steps : int
        How many steps the training has, 1 or more.
    lr : float
        The largest rate.
    warmup : int
        How many of the steps are warm-up: 0 to `steps`.
    lr_min : float
        Where the cosine ends: 0 to `lr`. The warm-up does not depend on it.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If there are no steps, the warm-up is longer than the training, or another number is out of its bounds.

    References
    ----------
    Loshchilov and Hutter (2017), equation 5, without restarts; in PyTorch, `LinearLR` and `CosineAnnealingLR` one after
    the other.

    Examples
    --------
    Half of the way from 1 down to 0.5:

    >>> cosine_schedule(2, 4, 1.0, lr_min=0.5)
    0.75
    """
    step, steps, warmup = as_int(step, "step", 0), as_int(steps, "steps", 1), as_int(warmup, "warmup", 0)
    if warmup > steps:
        raise ValueError(f"a warm-up of {warmup} steps is longer than the whole training of {steps}")
    if step >= steps:
        raise ValueError(f"of {steps} steps the last is number {steps - 1}, got {step}")
    if not 0 <= lr_min <= lr:
        raise ValueError(f"lr_min must be from 0 to lr, {lr}, got {lr_min}")
    if step < warmup:
        return lr * (step + 1) / warmup
    share = (step - warmup) / (steps - warmup)
    return float(lr_min + (lr - lr_min) * (1 + np.cos(np.pi * share)) / 2)


def kaiming_normal(z, mode="fan_in", nonlinearity="relu"):
    """Return the first weights of a layer: standard normal numbers, scaled to the variance that He et al. derive.

    The variance is ``gain**2 / fan``. The fan is how many inputs an output has ("fan_in"), or to how many outputs an
    input goes ("fan_out", the edges of the picture left aside). The gain is 1 for a layer without nonlinearity,
    the root of 2 before ReLU, 5/3 before tanh.

    Parameters
    ----------
    z : (K, D) or (F, C, kH, kW) float
        Drawn from a normal distribution of mean 0 and variance 1, in the shape of the weights.
    mode : {"fan_in", "fan_out"}
    nonlinearity : {"linear", "relu", "tanh"}
        What follows the layer.

    Returns
    -------
    array of float, of the shape of z

    Raises
    ------
    ValueError
        If z has another number of axes, or a word is not one of these.

    References
    ----------
    `torch.nn.init.kaiming_normal_`; He, Zhang, Ren and Sun (2015), section 2.2.

    Examples
    --------
    Eight inputs for each output, so the factor is the root of 2/8:

    >>> kaiming_normal(np.array([[[[1.0, -2.0], [3.0, 0.0]], [[0.0, 2.0], [1.0, -1.0]]]]))[0, 0]
    array([[ 0.5, -1. ],
           [ 1.5,  0. ]])
    """
    z = as_array(z, "z", None)
    if z.ndim not in (2, 4):
        raise ValueError(f"z must have shape (K, D) or (F, C, kH, kW), got shape {z.shape}")
    fans = {"fan_in": z[0].size, "fan_out": z[:, 0].size}
    gains = {"linear": 1.0, "relu": np.sqrt(2.0), "tanh": 5 / 3}
    if mode not in fans or nonlinearity not in gains:
        raise ValueError(
            f"mode must be among {list(fans)}, nonlinearity among {list(gains)}, got {mode!r} and {nonlinearity!r}"
        )
    return (z * (gains[nonlinearity] / np.sqrt(fans[mode]))).astype(np.result_type(z, np.float32))


def early_stopping(losses, patience, min_delta=0.0):
    """Return which measurement's weights are kept, and after which measurement training stops.

    A measurement makes progress if its loss lies more than `min_delta` below that of the last measurement that made
    progress, or if none has made any before it. A loss of NaN or plus infinity never makes progress. Training stops as
    soon as `patience` measurements in a row have made none.

    Parameters
    ----------
    losses : (n,) float
        Of data that the network is not trained on, in the order of the measurements.
    patience : int
        1 or more.
    min_delta : float
        In the unit of the losses; not negative.

    Returns
    -------
    kept : int
        Number of the last measurement that made progress before training stopped, counted from 0; 0 if none did.
    stopped : int
        Number of the measurement after which training stopped; ``n - 1``, the last, if it did not.

    Raises
    ------
    TypeError, ValueError
        If there is no loss, patience is not 1 or more, or min_delta is negative.

    References
    ----------
    Goodfellow, Bengio and Courville (2016), algorithm 7.1; in PyTorch, `ReduceLROnPlateau` counts in this way, with a
    patience that is smaller by 1.

    Examples
    --------
    >>> early_stopping(np.array([3.0, 2.0, 2.5, 2.25, 1.0]), patience=2)
    (1, 3)
    """
    losses, patience = as_array(losses, "losses", "(n,)"), as_int(patience, "patience", 1)
    if not min_delta >= 0:
        raise ValueError(f"min_delta must not be negative, got {min_delta}")
    best, kept, waited = np.inf, 0, 0
    for measurement, loss in enumerate(losses.tolist()):
        waited += 1
        if loss < best - min_delta:
            best, kept, waited = loss, measurement, 0
        if waited == patience:
            return kept, measurement
    return kept, len(losses) - 1
