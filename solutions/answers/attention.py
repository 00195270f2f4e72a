import math

import numpy as np
from scipy.special import softmax as scipy_softmax


def softmax__shifted(x, axis=-1):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def softmax__logsumexp(x, axis=-1):
    top = x.max(axis=axis, keepdims=True)
    return np.exp(x - top - np.log(np.exp(x - top).sum(axis=axis, keepdims=True)))


def softmax__loops(x, axis=-1):
    moved = np.moveaxis(x, axis, -1)
    y = np.empty(moved.shape, np.result_type(x, np.float32))
    for index in np.ndindex(moved.shape[:-1]):
        row = [float(v) for v in moved[index]]
        e = [math.exp(v - max(row)) for v in row]
        y[index] = [v / sum(e) for v in e]
    return np.moveaxis(y, -1, axis).copy()


def softmax__scipy(x, axis=-1):
    return scipy_softmax(x, axis=axis)


def softmax_backward__formula(grad_output, x, axis=-1):
    y = softmax__shifted(x, axis)
    return y * (grad_output - (grad_output * y).sum(axis=axis, keepdims=True))


def softmax_backward__jacobian(grad_output, x, axis=-1):
    g, y = np.moveaxis(grad_output, axis, -1), np.moveaxis(softmax__shifted(x, axis), axis, -1)
    jacobian = y[..., :, None] * np.eye(y.shape[-1], dtype=y.dtype) - y[..., :, None] * y[..., None, :]
    return np.moveaxis((jacobian @ g[..., None])[..., 0], -1, axis).copy()


def softmax_backward__loops(grad_output, x, axis=-1):
    g, y = np.moveaxis(grad_output, axis, -1), np.moveaxis(softmax__shifted(x, axis), axis, -1)
    out = np.zeros_like(y)
    for index in np.ndindex(y.shape[:-1]):
        for i in range(y.shape[-1]):
            for j in range(y.shape[-1]):
                out[index][i] += g[index][j] * y[index][j] * ((i == j) - y[index][i])
    return np.moveaxis(out, -1, axis).copy()


def _mask(shape, attn_mask, is_causal):
    add = np.zeros(shape)
    if is_causal:
        add[..., np.triu_indices(shape[-2], 1, shape[-1])[0], np.triu_indices(shape[-2], 1, shape[-1])[1]] = -np.inf
    if attn_mask is not None:
        add = add + (np.where(attn_mask, 0, -np.inf) if attn_mask.dtype == bool else attn_mask)
    return add


def scaled_dot_product_attention__matmul(query, key, value, attn_mask=None, is_causal=False, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = query @ key.swapaxes(-1, -2) * scale
    return softmax__shifted((scores + _mask(scores.shape, attn_mask, is_causal)).astype(scores.dtype)) @ value


def scaled_dot_product_attention__einsum(query, key, value, attn_mask=None, is_causal=False, scale=None):
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = np.einsum("...le,...se->...ls", query.astype(float), key.astype(float)) * scale
    scores = scores + _mask(scores.shape, attn_mask, is_causal)
    y = np.einsum("...ls,...sv->...lv", softmax__logsumexp(scores), value.astype(float))
    return y.astype(np.result_type(query, key, value, np.float32))


def scaled_dot_product_attention__loops(query, key, value, attn_mask=None, is_causal=False, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    length, size = query.shape[-2], key.shape[-2]
    y = np.zeros((*query.shape[:-1], value.shape[-1]), np.result_type(query, key, value, np.float32))
    add = _mask((*query.shape[:-1], size), attn_mask, is_causal)
    for index in np.ndindex(query.shape[:-2]):
        for row in range(length):
            s = [scale * float(query[index][row] @ key[index][c]) + add[index][row, c] for c in range(size)]
            e = [math.exp(v - max(s)) for v in s]
            for c in range(size):
                y[index][row] += e[c] / sum(e) * value[index][c]
    return y


def scaled_dot_product_attention_backward__formula(
    grad_output, query, key, value, attn_mask=None, is_causal=False, scale=None
):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = query @ key.swapaxes(-1, -2) * scale
    a = softmax__shifted(scores + _mask(scores.shape, attn_mask, is_causal))
    ga = grad_output @ value.swapaxes(-1, -2)
    gs = a * (ga - (ga * a).sum(-1, keepdims=True)) * scale
    grads = gs @ key, gs.swapaxes(-1, -2) @ query, a.swapaxes(-1, -2) @ grad_output
    dtype = np.result_type(grad_output, query, key, value, np.float32)
    return tuple(g.astype(dtype) for g in grads)


def scaled_dot_product_attention_backward__einsum(
    grad_output, query, key, value, attn_mask=None, is_causal=False, scale=None
):
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    q, k, v, g = (a.astype(float) for a in (query, key, value, grad_output))
    scores = np.einsum("...le,...se->...ls", q, k) * scale
    a = softmax__logsumexp(scores + _mask(scores.shape, attn_mask, is_causal))
    gs = softmax_backward__formula(np.einsum("...lv,...sv->...ls", g, v), np.log(np.maximum(a, 1e-300)))
    gq = scale * np.einsum("...ls,...se->...le", gs, k)
    gk = scale * np.einsum("...ls,...le->...se", gs, q)
    gv = np.einsum("...ls,...lv->...sv", a, g)
    dtype = np.result_type(grad_output, query, key, value, np.float32)
    return [gq.astype(dtype), gk.astype(dtype), gv.astype(dtype)]


def scaled_dot_product_attention_backward__of_the_identity(
    grad_output, query, key, value, attn_mask=None, is_causal=False, scale=None
):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    dtype = np.result_type(grad_output, query, key, value, np.float32)
    grad_output, query, key, value = (a.astype(dtype) for a in (grad_output, query, key, value))
    identity = np.zeros((*key.shape[:-1], key.shape[-2]), dtype) + np.eye(key.shape[-2], dtype=dtype)
    # The values of one key alone, one column for each: what comes out are the weights.
    weights = scaled_dot_product_attention__matmul(query, key, identity, attn_mask, is_causal, scale)
    grad_weights = grad_output @ value.swapaxes(-1, -2)
    grad_scores = weights * (grad_weights - (grad_weights * weights).sum(-1, keepdims=True)) * scale
    grads = grad_scores @ key, grad_scores.swapaxes(-1, -2) @ query, weights.swapaxes(-1, -2) @ grad_output
    return tuple(grad.astype(dtype) for grad in grads)


def scaled_dot_product_attention_backward__loops(
    grad_output, query, key, value, attn_mask=None, is_causal=False, scale=None
):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    dtype = np.result_type(grad_output, query, key, value, np.float32)
    grads = [np.zeros(a.shape, dtype) for a in (query, key, value)]
    scores = query.astype(float) @ key.astype(float).swapaxes(-1, -2) * scale
    weights = softmax__shifted(scores + _mask(scores.shape, attn_mask, is_causal))
    for index in np.ndindex(query.shape[:-2]):
        for row in range(query.shape[-2]):
            a, g = weights[index][row], grad_output[index][row].astype(float)
            ga = [float(g @ value[index][c]) for c in range(len(a))]
            mean = sum(w * v for w, v in zip(a, ga))
            for c in range(len(a)):
                gs = a[c] * (ga[c] - mean) * scale
                grads[0][index][row] += gs * key[index][c]
                grads[1][index][c] += gs * query[index][row]
                grads[2][index][c] += a[c] * g
    return tuple(grads)


def multi_head_attention__reshape(
    query, key, value, num_heads, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias, attn_mask=None
):
    def split(x, w, b):
        return (x @ w.T + b).reshape(len(x), x.shape[1], num_heads, -1).swapaxes(1, 2)

    ws, bs = np.split(in_proj_weight, 3), np.split(in_proj_bias, 3)
    heads = [split(*item) for item in zip((query, key, value), ws, bs)]
    y = scaled_dot_product_attention__matmul(*heads, attn_mask=attn_mask)
    return y.swapaxes(1, 2).reshape(query.shape) @ out_proj_weight.T + out_proj_bias


def multi_head_attention__head_by_head(
    query, key, value, num_heads, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias, attn_mask=None
):
    e = query.shape[2]
    d = e // num_heads
    parts = []
    for h in range(num_heads):
        cut = [slice(i * e + h * d, i * e + (h + 1) * d) for i in range(3)]
        q, k, v = (x @ in_proj_weight[c].T + in_proj_bias[c] for x, c in zip((query, key, value), cut))
        parts.append(scaled_dot_product_attention__einsum(q, k, v, attn_mask))
    return np.concatenate(parts, 2) @ out_proj_weight.T + out_proj_bias


def multi_head_attention__sum_of_heads(
    query, key, value, num_heads, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias, attn_mask=None
):
    """Add the heads, each through its own columns of the last projection."""
    e = query.shape[2]
    d = e // num_heads
    y = out_proj_bias
    for start in range(0, e, d):
        q, k, v = (
            np.einsum("nle,de->nld", x, in_proj_weight[i * e + start : i * e + start + d])
            + in_proj_bias[i * e + start : i * e + start + d]
            for i, x in enumerate((query, key, value))
        )
        y = y + scaled_dot_product_attention__matmul(q, k, v, attn_mask) @ out_proj_weight[:, start : start + d].T
    return y


def soft_glimpse__flat(features, scores):
    n, c = features.shape[:2]
    weights = softmax__shifted(scores.reshape(n, -1))
    glimpse = (features.reshape(n, c, -1) @ weights[..., None])[..., 0]
    return glimpse, weights.reshape(scores.shape)


def soft_glimpse__two_axes(features, scores):
    e = np.exp(scores - scores.max((1, 2), keepdims=True))
    weights = e / e.sum((1, 2), keepdims=True)
    return (features * weights[:, None]).sum((2, 3)), weights


def soft_glimpse__loops(features, scores):
    weights = np.empty(scores.shape, np.result_type(scores, np.float32))
    glimpse = np.zeros(features.shape[:2], np.result_type(features, weights))
    for n, score in enumerate(scores):
        weights[n] = softmax__loops(score.reshape(1, -1)).reshape(score.shape)
        for c, i, j in np.ndindex(features.shape[1:]):
            glimpse[n, c] += weights[n, i, j] * features[n, c, i, j]
    return [glimpse, weights]


def _padded(x, padding):
    ph, pw = (padding, padding) if isinstance(padding, int) else padding
    return np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))


def convolution_as_attention__loops(x, weight, padding=0, sharpness=1000.0):
    """Every query by itself, with its own scores."""
    x = _padded(x, padding)
    n, _, h, w = x.shape
    kh, kw = weight.shape[2:]
    y = np.zeros((n, len(weight), h - kh + 1, w - kw + 1), np.result_type(x, weight, np.float32))
    for p, q in np.ndindex(y.shape[2:]):
        for i, j in np.ndindex(kh, kw):
            scores = [[-sharpness * ((r - p - i) ** 2 + (s - q - j) ** 2) for s in range(w)] for r in range(h)]
            attention = np.exp(np.array(scores))
            attention /= attention.sum()
            y[:, :, p, q] += (x * attention).sum((2, 3)) @ weight[:, :, i, j].T
    return y


def convolution_as_attention__softmax(x, weight, padding=0, sharpness=1000.0):
    x = _padded(x, padding)
    n, c, h, w = x.shape
    kh, kw = weight.shape[2:]
    oh, ow = h - kh + 1, w - kw + 1
    rows, columns = np.divmod(np.arange(h * w), w)
    out_rows, out_columns = np.divmod(np.arange(oh * ow), ow)
    y = 0
    for i, j in np.ndindex(kh, kw):
        far = (rows - out_rows[:, None] - i) ** 2 + (columns - out_columns[:, None] - j) ** 2
        attention = softmax__shifted(-sharpness * far)
        y = y + np.einsum("fc,nck,ok->nfo", weight[:, :, i, j], x.reshape(n, c, -1), attention)
    return y.reshape(n, len(weight), oh, ow).astype(np.result_type(x, weight, np.float32))


def convolution_as_attention__dot_products(x, weight, padding=0, sharpness=1000.0):
    """Scores as dot products of codes: |k - q|^2 = |k|^2 - 2 k q + |q|^2, the last the same for all keys."""
    dtype, x = np.result_type(x, weight, np.float32), _padded(x, padding).astype(float)
    n, c, h, w = x.shape
    kh, kw = weight.shape[2:]
    oh, ow = h - kh + 1, w - kw + 1
    key = np.stack(np.mgrid[:h, :w], -1).reshape(-1, 2).astype(float)
    query = np.stack(np.mgrid[:oh, :ow], -1).reshape(-1, 2).astype(float)
    codes = sharpness * np.hstack([2 * key, -np.sum(key**2, 1, keepdims=True)])
    values = x.reshape(n, c, -1).swapaxes(1, 2)
    y = np.zeros((n, oh * ow, len(weight)))
    for i, j in np.ndindex(kh, kw):
        asked = np.hstack([query + np.array([i, j]), np.ones((len(query), 1))])
        seen = [scaled_dot_product_attention__matmul(asked, codes, v, scale=1) for v in values]
        y += np.array(seen) @ weight[:, :, i, j].T
    return y.swapaxes(1, 2).reshape(n, len(weight), oh, ow).astype(dtype)


def claim_order__attention(query, key, value, queries, keys):
    return True, scaled_dot_product_attention__matmul(query[queries], key[keys], value[keys])


def claim_order__equivariance(query, key, value, queries, keys):
    return np.bool_(True), scaled_dot_product_attention__einsum(query, key, value)[queries]


def claim_learned_kernels__noise():
    return False, np.random.default_rng(0).standard_normal((5, 3))


def claim_learned_kernels__identity():
    return False, np.eye(3)
