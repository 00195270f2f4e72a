"""Attention: from soft selection to several heads, and convolution as attention over relative positions."""

import numpy as np

from miniconv._arguments import as_array, as_int, as_pair
from miniconv.layer import padding_pairs


def softmax(x, axis=-1):
    """Return positive weights that add up to 1 along `axis`: ``exp(x) / sum(exp(x))``.

    Adding a number to all of x changes nothing, so the largest can be made 0 and no exponential overflows. An entry
    of -inf gets weight 0; where all are -inf there is nothing to choose from, and the result is NaN, as in PyTorch.

    Parameters
    ----------
    x : array of float, any shape
        Not of bytes: NumPy's differences of int8 wrap round.
    axis : int

    Returns
    -------
    array of the shape and dtype of x (float64 for integers)

    Raises
    ------
    TypeError, ValueError
        If x does not hold real numbers, is empty, or has no such axis.

    References
    ----------
    Goodfellow et al. (2016), equation 4.1 and section 6.2.2.3.

    Examples
    --------
    >>> softmax(np.array([1000.0, 1000.0])), softmax(np.log([1.0, 3.0]))
    (array([0.5, 0.5]), array([0.25, 0.75]))
    """
    x = _as_float(x, "x")
    _check_axis(axis, x)
    wide = _wide(x)
    # All in one array: where scores are many, a new one costs more time than the arithmetic.
    with np.errstate(invalid="ignore"):
        weights = wide - wide.max(axis=axis, keepdims=True)
        np.exp(weights, out=weights)
    weights /= weights.sum(axis=axis, keepdims=True)
    return weights.astype(x.dtype, copy=False)


def softmax_backward(grad_output, x, axis=-1):
    """Return the gradient of `softmax` for its input: ``y (g - sum(g y))``, where y is the softmax of x.

    The sum is there because all weights share one total: raising one score lowers all other weights.

    Parameters
    ----------
    grad_output : array of the shape of x
    x : array of float, any shape
        The scores, before the softmax.
    axis : int
        Along which the weights add up to 1.

    Returns
    -------
    array of the shape of x

    Raises
    ------
    TypeError, ValueError
        As `softmax`, and if the shapes differ.

    Examples
    --------
    >>> softmax_backward(np.array([1.0, 0.0]), np.array([0.0, 0.0]))
    array([ 0.25, -0.25])
    """
    x, g = _as_float(x, "x"), _as_float(grad_output, "grad_output")
    if g.shape != x.shape:
        raise ValueError(f"grad_output must have the shape of x, {x.shape}, got shape {g.shape}")
    y = softmax(_wide(x), axis)
    return (y * (g - (g * y).sum(axis=axis, keepdims=True))).astype(np.result_type(x, g))


def attention_weights(query, key, attn_mask=None, is_causal=False, scale=None):
    """Return how much each query takes of each value: ``softmax(scale * query key^T)`` along the keys.

    Parameters
    ----------
    query : (..., L, E) float
    key : (..., S, E) float
    attn_mask : (L, S) bool or float, or with the leading axes, optional
        bool: True where a query may look. float: added to the scores.
    is_causal : bool
        Query l looks at keys 0 to l only; not together with `attn_mask`.
    scale : float, optional
        Default ``1 / sqrt(E)``: a dot product of E independent standard normal pairs has variance E, and softmax of
        scores that large is almost one-hot.

    Returns
    -------
    (..., L, S) array
        Rows add up to 1; a query that may look nowhere has a row of zeros.

    Raises
    ------
    TypeError, ValueError
        If the sizes do not fit.

    References
    ----------
    Vaswani et al. (2017), section 3.2.1.

    Examples
    --------
    >>> attention_weights(np.array([[0.0], [1.0]]), np.array([[0.0], [np.log(3)]]), is_causal=True)
    array([[1.  , 0.  ],
           [0.25, 0.75]])
    """
    query, key = _as_float(query, "query"), _as_float(key, "key")
    _check_sizes(query, key)
    dtype, query, key = np.result_type(query, key), _wide(query), _wide(key)
    # To scale the L E numbers of the queries takes less time than the L S scores.
    scores = query * _scale_of(np.result_type(query, key), query.shape[-1], scale) @ np.swapaxes(key, -1, -2)
    mask = _mask(scores.shape, attn_mask, is_causal)
    if mask is not None:
        scores += mask.astype(scores.dtype)
    weights = softmax(scores)
    weights[scores.max(axis=-1) == -np.inf] = 0
    return weights.astype(dtype, copy=False)


def scaled_dot_product_attention(query, key, value, attn_mask=None, is_causal=False, scale=None):
    """Return, for each query, the mean of the values weighted by ``softmax(scale * query key^T)`` along the keys.

    Parameters
    ----------
    query : (..., L, E) float
    key : (..., S, E) float
    value : (..., S, Ev) float
    attn_mask : (L, S) bool or float, or with the leading axes, optional
        bool: True where a query may look. float: added to the scores.
    is_causal : bool
        Query l looks at keys 0 to l only; not together with `attn_mask`.
    scale : float, optional
        Default ``1 / sqrt(E)``.

    Returns
    -------
    (..., L, Ev) array
        Zeros for a query that may look nowhere. The notebook does not ask for them: the softmax of nothing is NaN.

    Raises
    ------
    TypeError, ValueError
        If the leading axes, L, S or E do not fit, or a mask comes with `is_causal`.

    References
    ----------
    Vaswani et al. (2017), equation 1.

    Examples
    --------
    A query far along the first key takes its value; a query of zeros takes the mean.

    >>> key, value = np.eye(2), np.array([[10.0], [20.0]])
    >>> scaled_dot_product_attention(np.array([[1000.0, 0.0], [0.0, 0.0]]), key, value)
    array([[10.],
           [15.]])
    """
    query, key, value = _as_float(query, "query"), _as_float(key, "key"), _as_float(value, "value")
    weights = attention_weights(_wide(query), _wide(key), attn_mask, is_causal, scale)
    _check_values(value, key)
    return (weights @ _wide(value)).astype(np.result_type(query, key, value), copy=False)


def scaled_dot_product_attention_backward(grad_output, query, key, value, attn_mask=None, is_causal=False, scale=None):
    """Return the gradients of `scaled_dot_product_attention` for query, key and value.

    Two matrix products and a softmax, each with its own backward: through the weights A = softmax(S),
    ``d value = A^T g``, ``dS = softmax backward of (g value^T)``, ``d query = scale dS key``,
    ``d key = scale dS^T query``.

    Parameters
    ----------
    grad_output : (..., L, Ev) float
    query : (..., L, E) float
    key : (..., S, E) float
    value : (..., S, Ev) float
    attn_mask : (L, S) bool or float, or with the leading axes, optional
        bool: True where a query may look. float: added to the scores.
    is_causal : bool
        Query l looks at keys 0 to l only; not together with `attn_mask`.
    scale : float, optional
        Default ``1 / sqrt(E)``.

    Returns
    -------
    grad_query, grad_key, grad_value : arrays of the shapes of query, key, value

    Raises
    ------
    TypeError, ValueError
        As the forward pass, and if grad_output does not have the shape of its output.

    Examples
    --------
    With a single key there is nothing to choose, so that the scores have no gradient:

    >>> one = np.ones((1, 1))
    >>> scaled_dot_product_attention_backward(2 * one, one, one, one)
    (array([[0.]]), array([[0.]]), array([[2.]]))
    """
    query, key, value = _as_float(query, "query"), _as_float(key, "key"), _as_float(value, "value")
    g = _as_float(grad_output, "grad_output")
    dtype = np.result_type(g, query, key, value)
    g, query, key, value = (_wide(x.astype(dtype, copy=False)) for x in (g, query, key, value))
    weights = attention_weights(query, key, attn_mask, is_causal, scale)
    _check_values(value, key)
    expected = (*query.shape[:-1], value.shape[-1])
    if g.shape != expected:
        raise ValueError(f"grad_output must have the shape of the output, {expected}, got shape {g.shape}")
    grad_weights = g @ np.swapaxes(value, -1, -2)
    # The sum over the keys without an array of the products, and the gradient of the scores where that of the weights
    # was: as in `softmax`, a new array would cost more than the arithmetic.
    grad_weights -= np.einsum("...ls,...ls->...l", grad_weights, weights)[..., None]
    grad_scores = np.multiply(grad_weights, weights, out=grad_weights)
    scale = _scale_of(query.dtype, query.shape[-1], scale)
    grad_query, grad_key = scale * (grad_scores @ key), scale * (np.swapaxes(grad_scores, -1, -2) @ query)
    grads = grad_query, grad_key, np.swapaxes(weights, -1, -2) @ g
    return tuple(grad.astype(dtype, copy=False) for grad in grads)


def split_heads(x, num_heads):
    """Cut the last axis into heads: (N, L, heads * D) becomes (N, heads, L, D), head after head.

    Examples
    --------
    >>> split_heads(np.arange(4.0).reshape(1, 1, 4), 2)[0, 1]
    array([[2., 3.]])
    """
    x = _as_float(x, "x")
    if x.ndim != 3 or x.shape[2] % as_int(num_heads, "num_heads", 1):
        raise ValueError(f"x must have shape (N, L, E) with E divisible by {num_heads} heads, got shape {x.shape}")
    return x.reshape(*x.shape[:2], num_heads, -1).swapaxes(1, 2)


def multi_head_attention(
    query, key, value, num_heads, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias, attn_mask=None
):
    """Return attention by several heads, each in a subspace of its own, joined by a last linear map.

    Query, key and value are projected, cut into heads along the features, attended head by head, put side by side
    and projected again.

    Parameters
    ----------
    query : (N, L, E) float
    key, value : (N, S, E) float
    num_heads : int
        Divides E.
    in_proj_weight : (3 E, E) float
        The projections of query, key and value, one below the other; each as in a linear layer, ``x W^T + b``.
    in_proj_bias : (3 E,) float
    out_proj_weight : (E, E) float
    out_proj_bias : (E,) float
    attn_mask : (L, S) bool, optional
        True where a query may look. (PyTorch's layer means the opposite by True.)

    Returns
    -------
    (N, L, E) array

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, naming both.

    References
    ----------
    Vaswani et al. (2017), section 3.2.2; the layout of the weights is that of ``torch.nn.MultiheadAttention``.

    Examples
    --------
    Heads that see one feature each, projections that change nothing:

    >>> x, eye, zero = np.array([[[1.0, 0.0], [0.0, 1.0]]]), np.eye(2), np.zeros(2)
    >>> multi_head_attention(x, x, x, 2, np.vstack([eye] * 3), np.zeros(6), eye, zero).round(2)
    array([[[0.73, 0.5 ],
            [0.5 , 0.73]]])
    """
    query = _as_float(as_array(query, "query", "(N, L, E)"))
    size = query.shape[2]
    weights = [in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias]
    shapes = [(3 * size, size), (3 * size,), (size, size), (size,)]
    names = ["in_proj_weight", "in_proj_bias", "out_proj_weight", "out_proj_bias"]
    w, b, w_out, b_out = (_of_shape(*item) for item in zip(weights, names, shapes, strict=True))
    key, value = as_array(key, "key", "(N, S, E)"), as_array(value, "value", "(N, S, E)")
    inputs = [query, _as_float(key), _as_float(value)]
    if any(x.shape[2] != size for x in inputs):
        raise ValueError(f"query, key and value must have the same E, got shapes {[x.shape for x in inputs]}")
    dtype = np.result_type(*inputs, w, b, w_out, b_out)
    w, b, w_out, b_out = map(_wide, (w, b, w_out, b_out))
    parts = zip(map(_wide, inputs), np.split(w, 3), np.split(b, 3), strict=True)
    heads = [split_heads(x @ weight.T + bias, num_heads) for x, weight, bias in parts]
    joined = scaled_dot_product_attention(*heads, attn_mask).swapaxes(1, 2).reshape(query.shape)
    return (joined @ w_out.T + b_out).astype(dtype)


def soft_glimpse(features, scores):
    """Return the mean of a feature map under soft attention: a glimpse that is everywhere, mostly at one place.

    Parameters
    ----------
    features : (N, C, H, W) float
    scores : (N, H, W) float
        How interesting each place is; softmax over all places makes them weights.

    Returns
    -------
    glimpse : (N, C) array
    weights : (N, H, W) array
        Positive, adding up to 1 in each sample.

    Raises
    ------
    TypeError, ValueError
        If the shapes do not fit.

    References
    ----------
    Xu et al. (2015), section 4.2: the soft, deterministic attention of image captioning.

    Examples
    --------
    >>> features = np.array([[[[1.0, 5.0]]]])
    >>> soft_glimpse(features, np.array([[[0.0, 0.0]]]))[0], soft_glimpse(features, np.array([[[0.0, 99.0]]]))[0]
    (array([[3.]]), array([[5.]]))
    """
    features, scores = as_array(features, "features", "(N, C, H, W)"), as_array(scores, "scores", "(N, H, W)")
    if scores.shape != (len(features), *features.shape[2:]):
        raise ValueError(
            f"scores must have shape (N, H, W) of the features, {features.shape}, got shape {scores.shape}"
        )
    features, scores = _as_float(features), _as_float(scores)
    weights = softmax(_wide(scores).reshape(len(scores), -1)).reshape(scores.shape)
    glimpse = (_wide(features) * weights[:, None]).sum((2, 3))
    return glimpse.astype(np.result_type(features, scores)), weights.astype(scores.dtype)


def relative_position_weights(shape, output_shape, offset, sharpness):
    """Return attention weights that depend on relative position alone: each query looks near itself plus `offset`.

    The score of key place k for query place q is ``-sharpness |k - q - offset|^2``, the form that a dot product of
    quadratic position codes can take. The sharper, the nearer to picking a single place.

    Parameters
    ----------
    shape : (int, int)
        H, W: the places of the keys.
    output_shape : (int, int)
        oH, oW: the places of the queries, from (0, 0).
    offset : (int, int)
        In pixels.
    sharpness : float
        Per pixel squared.

    Returns
    -------
    (oH oW, H W) array
        Rows add up to 1.

    References
    ----------
    Cordonnier, Loukas and Jaggi (2020), theorem 1.

    Examples
    --------
    >>> relative_position_weights((1, 3), (1, 2), (0, 1), 1000)
    array([[0., 1., 0.],
           [0., 0., 1.]])
    """
    keys = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, 2)
    queries = np.stack(np.meshgrid(*map(np.arange, output_shape), indexing="ij"), -1).reshape(-1, 2)
    distance = keys[None] - queries[:, None] - np.asarray(offset)
    return softmax(-float(sharpness) * (distance**2).sum(-1))


def convolution_as_attention(x, weight, padding=0, sharpness=1000.0):
    """Return the output of a convolution layer, computed by attention: one head per element of the kernel.

    Head (i, j) looks from each place to the one (i, j) pixels on, takes what stands there, and maps its channels by
    ``weight[:, :, i, j]``; the heads are added. As `sharpness` grows this tends to `conv2d` with stride 1; from about
    750 the other weights are 0 in float64.

    Parameters
    ----------
    x : (N, C, H, W) float
    weight : (F, C, kH, kW) float
    padding : int, (int, int) or "same"
        Zeros around the images: places like any other, to be looked at.
    sharpness : float
        Per pixel squared.

    Returns
    -------
    (N, F, oH, oW) array

    Raises
    ------
    TypeError, ValueError
        If the shapes do not fit.

    References
    ----------
    Cordonnier, Loukas and Jaggi (2020), On the relationship between self-attention and convolutional layers.

    Examples
    --------
    >>> convolution_as_attention(np.array([[[[1.0, 2.0, 4.0]]]]), np.array([[[[-1.0, 1.0]]]]))
    array([[[[1., 2.]]]])
    """
    x = _as_float(as_array(x, "x", "(N, C, H, W)"))
    weight = _as_float(as_array(weight, "weight", "(F, C, kH, kW)"))
    if x.shape[1] != weight.shape[1]:
        raise ValueError(f"weight must have the channels of x, {x.shape}, got shape {weight.shape}")
    kernel = weight.shape[2:]
    dtype, x, weight = np.result_type(x, weight), _wide(x), _wide(weight)
    padded = np.pad(x, ((0, 0), (0, 0), *padding_pairs(padding, kernel, (1, 1))))
    output = tuple(n - k + 1 for n, k in zip(padded.shape[2:], as_pair(kernel, "kernel", 1), strict=True))
    if min(output) < 1:
        raise ValueError(f"the kernel {kernel} does not fit into the padded input {padded.shape[2:]}")
    values = padded.reshape(*padded.shape[:2], -1)
    y = np.zeros((len(x), len(weight), output[0] * output[1]), np.result_type(x, weight))
    for i, j in np.ndindex(kernel):
        attended = values @ relative_position_weights(padded.shape[2:], output, (i, j), sharpness).T.astype(x.dtype)
        y += weight[:, :, i, j] @ attended
    return y.reshape(len(x), len(weight), *output).astype(dtype)


def sinusoidal_positions(length, size):
    """Return codes of positions 0 to length - 1: sines and cosines of wavelengths from 2 pi to 20,000 pi.

    Parameters
    ----------
    length, size : int
        `size` is even: half sines (even columns), half cosines (odd columns).

    Returns
    -------
    (length, size) array

    References
    ----------
    Vaswani et al. (2017), section 3.5.

    Examples
    --------
    >>> sinusoidal_positions(2, 2).round(3)
    array([[0.   , 1.   ],
           [0.841, 0.54 ]])
    """
    length, size = as_int(length, "length", 1), as_int(size, "size", 2)
    if size % 2:
        raise ValueError(f"size must be even, got {size}")
    angles = np.arange(length)[:, None] / 10000.0 ** (np.arange(0, size, 2) / size)
    return np.stack([np.sin(angles), np.cos(angles)], -1).reshape(length, size)


def _as_float(x, name="the array"):
    array = as_array(x, name, None)
    return array if array.dtype.kind == "f" else array.astype(float)


def _wide(x):
    """Return float16 as float32, in which products and sums of its numbers do not overflow; all else as it is."""
    return x.astype(np.result_type(x, np.float32), copy=False)


def _of_shape(x, name, shape):
    array = _as_float(x, name)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got shape {array.shape}")
    return array


def _check_axis(axis, x):
    if not -x.ndim <= as_int(axis, "axis", -x.ndim) < x.ndim:
        raise ValueError(f"x has no axis {axis}, got shape {x.shape}")


def _check_sizes(query, key):
    if query.ndim < 2 or key.ndim < 2 or query.shape[:-2] != key.shape[:-2] or query.shape[-1] != key.shape[-1]:
        raise ValueError(
            f"query (..., L, E) and key (..., S, E) must agree in the leading axes and in E, got shapes {query.shape} "
            f"and {key.shape}"
        )


def _check_values(value, key):
    if value.ndim < 2 or value.shape[:-1] != key.shape[:-1]:
        raise ValueError(
            f"value must have shape (..., S, Ev) with the leading axes and S of key, {key.shape}, "
            f"got shape {value.shape}"
        )


def _scale_of(dtype, size, scale):
    return dtype.type(1 / np.sqrt(size) if scale is None else scale)


def _mask(shape, attn_mask, is_causal):
    """Return what is added to the scores: 0 where a query may look, -inf where not; None if all may look everywhere."""
    if not isinstance(is_causal, bool | np.bool_):
        raise TypeError(f"is_causal must be True or False, got {is_causal!r}; there is no dropout_p before it")
    if attn_mask is not None and is_causal:
        raise ValueError("give attn_mask or is_causal, not both")
    if is_causal:
        attn_mask = np.tri(*shape[-2:], dtype=bool)
    if attn_mask is None:
        return None
    mask = np.asarray(attn_mask)
    if mask.dtype.kind not in "bf":
        raise TypeError(f"attn_mask must hold bools (who may look) or floats (what is added), got {mask.dtype}")
    if mask.ndim < 2 or mask.shape[-2:] != shape[-2:] or np.broadcast_shapes(mask.shape, shape) != shape:
        raise ValueError(f"attn_mask must have shape (L, S) or that of the scores, {shape}, got shape {mask.shape}")
    return np.where(mask, 0.0, -np.inf) if mask.dtype == bool else mask
