"""Right answers to the tasks of `structured_outputs` in several styles."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def pair(value):
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def _float_of(x):
    """Return the dtype of what is computed from x: its own, or float64 for whole numbers."""
    return np.result_type(x, 0.0)


# --- pixelwise_cross_entropy ---


def _probabilities(logits):
    logits = logits.astype(_float_of(logits))
    power = np.exp(logits - logits.max(axis=1, keepdims=True))
    return power / power.sum(axis=1, keepdims=True)


def pixelwise_cross_entropy__loops(logits, target, weight=None, ignore_index=-100, reduction="mean"):
    cost, total = np.zeros(target.shape), 0.0
    for n, i, j in np.ndindex(target.shape):
        label = int(target[n, i, j])
        if label == ignore_index:
            continue
        scores = [float(v) for v in logits[n, :, i, j]]
        top = max(scores)
        factor = 1.0 if weight is None else float(weight[label])
        cost[n, i, j] = factor * (top + math.log(sum(math.exp(s - top) for s in scores)) - scores[label])
        total += factor
    cost = cost.astype(_float_of(logits))
    if reduction == "none":
        return cost
    return cost.sum() if reduction == "sum" else cost.sum() / cost.dtype.type(total or math.nan)


def pixelwise_cross_entropy__flat(logits, target, weight=None, ignore_index=-100, reduction="mean"):
    """Lay the labelled pixels out as rows, in the dtype of the scores."""
    logits, kept = logits.astype(_float_of(logits)), target != ignore_index
    rows, labels = np.moveaxis(logits, 1, -1)[kept], target[kept]
    factors = np.ones(len(labels)) if weight is None else np.asarray(weight)[labels]
    factors = factors.astype(logits.dtype)
    costs = factors * (np.logaddexp.reduce(rows, axis=1) - rows[np.arange(len(rows)), labels])
    if reduction == "none":
        result = np.zeros(target.shape, logits.dtype)
        result[kept] = costs
        return result
    return costs.sum() if reduction == "sum" else costs.sum() / factors.sum()


def pixelwise_cross_entropy__one_hot(logits, target, weight=None, ignore_index=-100, reduction="mean"):
    classes = logits.shape[1]
    hot = (target[:, None] == np.arange(classes).reshape(1, -1, 1, 1)) & (target != ignore_index)[:, None]
    logits = logits.astype(_float_of(logits))
    scaled = hot * (1 if weight is None else np.reshape(weight, (1, -1, 1, 1)))
    top = logits.max(axis=1, keepdims=True)
    logs = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
    costs = -(scaled * logs).sum(axis=1)
    if reduction == "mean":
        costs = costs.sum() / scaled.sum()
    elif reduction == "sum":
        costs = costs.sum()
    return costs.astype(_float_of(logits))


# --- pixelwise_cross_entropy_backward ---


def pixelwise_cross_entropy_backward__loops(
    grad_output, logits, target, weight=None, ignore_index=-100, reduction="mean"
):
    result, total = np.zeros(logits.shape), 0.0
    for n, i, j in np.ndindex(target.shape):
        label = int(target[n, i, j])
        if label == ignore_index:
            continue
        scores = [float(v) for v in logits[n, :, i, j]]
        powers = [math.exp(s - max(scores)) for s in scores]
        factor = 1.0 if weight is None else float(weight[label])
        upstream = float(grad_output[n, i, j] if reduction == "none" else grad_output)
        for k, power in enumerate(powers):
            result[n, k, i, j] = upstream * factor * (power / sum(powers) - (k == label))
        total += factor
    if reduction == "mean":
        result /= total
    return result.astype(_float_of(logits))


def pixelwise_cross_entropy_backward__one_hot(
    grad_output, logits, target, weight=None, ignore_index=-100, reduction="mean"
):
    kept = target != ignore_index
    hot = np.moveaxis(np.eye(logits.shape[1])[np.where(kept, target, 0)], -1, 1)
    factors = kept * (1.0 if weight is None else np.tensordot(hot, weight, (1, 0)))
    if reduction == "mean":
        factors = factors / factors.sum()
    slope = (_probabilities(logits) - hot) * (grad_output * factors)[:, None]
    return slope.astype(_float_of(logits))


def pixelwise_cross_entropy_backward__in_place(
    grad_output, logits, target, weight=None, ignore_index=-100, reduction="mean"
):
    """Subtract 1 at the labels with fancy indices, in the dtype of the scores."""
    dtype = _float_of(logits)
    kept = target != ignore_index
    factors = np.zeros(target.shape, dtype)
    factors[kept] = 1 if weight is None else np.asarray(weight, dtype)[target[kept]]
    slope = _probabilities(logits)
    n, i, j = np.nonzero(kept)
    slope[n, target[kept], i, j] -= 1
    if reduction == "mean":
        factors /= factors.sum()
    return slope * (np.asarray(grad_output, dtype) * factors)[:, None]


# --- intersection_over_union ---


def intersection_over_union__loops(prediction, target, num_classes, ignore_index=-100):
    scores = np.full(num_classes, np.nan)
    for k in range(num_classes):
        both = either = 0
        for p, t in zip(np.ravel(prediction), np.ravel(target)):
            if t != ignore_index:
                both += p == k and t == k
                either += p == k or t == k
        if either:
            scores[k] = both / either
    return scores


def intersection_over_union__masks(prediction, target, num_classes, ignore_index=-100):
    kept = np.asarray(target) != ignore_index
    classes = np.arange(num_classes).reshape(-1, *[1] * np.ndim(target))
    p, t = (np.asarray(prediction) == classes) & kept, (np.asarray(target) == classes) & kept
    axes = tuple(range(1, p.ndim))
    with np.errstate(invalid="ignore"):
        return (p & t).sum(axis=axes) / (p | t).sum(axis=axes)


def intersection_over_union__sets(prediction, target, num_classes, ignore_index=-100):
    p, t = np.ravel(prediction), np.ravel(target)
    labelled = set(np.flatnonzero(t != ignore_index).tolist())
    result = []
    for k in range(num_classes):
        a = set(np.flatnonzero(p == k).tolist()) & labelled
        b = set(np.flatnonzero(t == k).tolist()) & labelled
        result.append(len(a & b) / len(a | b) if a | b else float("nan"))
    return np.array(result)


# --- upsample_nearest2d and its gradient ---


def _out(x, size, scale_factor):
    if size is None:
        return tuple(n * f for n, f in zip(x.shape[2:], pair(scale_factor)))
    return pair(size)


def upsample_nearest2d__loops(x, size=None, scale_factor=None):
    out = _out(x, size, scale_factor)
    y = np.zeros((*x.shape[:2], *out), x.dtype)
    for p in range(out[0]):
        for q in range(out[1]):
            y[:, :, p, q] = x[:, :, p * x.shape[2] // out[0], q * x.shape[3] // out[1]]
    return y


def upsample_nearest2d__take(x, size=None, scale_factor=None):
    for axis, m in zip((2, 3), _out(x, size, scale_factor)):
        n = x.shape[axis]
        x = np.take(x, [i * n // m for i in range(m)], axis=axis)
    return x


def upsample_nearest2d__counts(x, size=None, scale_factor=None):
    """Repeat each row and column as often as positions fall on it."""
    for axis, m in zip((2, 3), _out(x, size, scale_factor)):
        counts = np.bincount([i * x.shape[axis] // m for i in range(m)], minlength=x.shape[axis])
        x = np.repeat(x, counts, axis=axis)
    return x


def upsample_nearest2d_backward__loops(grad_output, x, size=None, scale_factor=None):
    result = np.zeros(x.shape, grad_output.dtype)
    (h, w), (oh, ow) = x.shape[2:], grad_output.shape[2:]
    for p in range(oh):
        for q in range(ow):
            result[:, :, p * h // oh, q * w // ow] += grad_output[:, :, p, q]
    return result


def _selection(n, m, dtype):
    return np.eye(n, dtype=dtype)[[i * n // m for i in range(m)]]


def upsample_nearest2d_backward__matrix(grad_output, x, size=None, scale_factor=None):
    rows = _selection(x.shape[2], grad_output.shape[2], grad_output.dtype)
    columns = _selection(x.shape[3], grad_output.shape[3], grad_output.dtype)
    return rows.T @ grad_output @ columns


def upsample_nearest2d_backward__slices(grad_output, x, size=None, scale_factor=None):
    """Sum the block of outputs that belongs to each input."""
    result = np.zeros(x.shape, grad_output.dtype)
    edges = [[-(-i * m // n) for i in range(n + 1)] for n, m in zip(x.shape[2:], grad_output.shape[2:])]
    for p, q in np.ndindex(x.shape[2:]):
        block = grad_output[:, :, edges[0][p] : edges[0][p + 1], edges[1][q] : edges[1][q + 1]]
        result[:, :, p, q] = block.sum(axis=(2, 3))
    return result


def upsample_nearest2d_backward__counted(grad_output, x, size=None, scale_factor=None):
    """Count the pixels of the output that come of each pixel of the input, each with its gradient as a weight."""
    (h, w), (oh, ow) = x.shape[2:], grad_output.shape[2:]
    source = (np.arange(oh) * h // oh)[:, None] * w + np.arange(ow) * w // ow
    flat = grad_output.reshape(-1, oh * ow)
    sums = [np.bincount(source.ravel(), weights=gradient, minlength=h * w) for gradient in flat]
    return np.reshape(sums, x.shape).astype(grad_output.dtype)


# --- upsample_bilinear2d ---


def _place(i, n, m, align_corners):
    if align_corners:
        return i * (n - 1) / (m - 1) if m > 1 else 0.0
    return min(max((2 * i + 1) * n / (2 * m) - 0.5, 0.0), n - 1.0)


def upsample_bilinear2d__loops(x, size=None, scale_factor=None, align_corners=False):
    out, (h, w) = _out(x, size, scale_factor), x.shape[2:]
    y = np.zeros((*x.shape[:2], *out), _float_of(x))
    for p in range(out[0]):
        for q in range(out[1]):
            a, b = _place(p, h, out[0], align_corners), _place(q, w, out[1], align_corners)
            i, j = int(a), int(b)
            s, t = a - i, b - j
            top, bottom = x[:, :, i], x[:, :, min(i + 1, h - 1)]
            right = min(j + 1, w - 1)
            y[:, :, p, q] = (1 - s) * ((1 - t) * top[..., j] + t * top[..., right])
            y[:, :, p, q] += s * ((1 - t) * bottom[..., j] + t * bottom[..., right])
    return y


def _tents(n, m, align_corners, dtype):
    """Each input element has a tent of width 2 around its place."""
    at = np.array([_place(i, n, m, align_corners) for i in range(m)])
    return np.clip(1 - np.abs(at[:, None] - np.arange(n)), 0, None).astype(dtype)


def upsample_bilinear2d__matrix(x, size=None, scale_factor=None, align_corners=False):
    out = _out(x, size, scale_factor)
    rows = _tents(x.shape[2], out[0], align_corners, _float_of(x))
    columns = _tents(x.shape[3], out[1], align_corners, _float_of(x))
    return rows @ x @ columns.T


def upsample_bilinear2d__interp(x, size=None, scale_factor=None, align_corners=False):
    """Let NumPy draw the straight lines, along one axis after the other."""
    y = x.astype(float)
    for axis, m in zip((2, 3), _out(x, size, scale_factor)):
        n = y.shape[axis]
        at = [_place(i, n, m, align_corners) for i in range(m)]
        y = np.apply_along_axis(lambda line, at=at, n=n: np.interp(at, np.arange(n), line), axis, y)
    return y.astype(_float_of(x))


def upsample_bilinear2d__corners(x, size=None, scale_factor=None, align_corners=False):
    """Mix whole pictures: the four neighbours of every output pixel, each with the area opposite to it."""
    height, width = _out(x, size, scale_factor)
    at = [[_place(i, n, m, align_corners) for i in range(m)] for n, m in zip(x.shape[2:], (height, width))]
    i, j = (np.floor(places).astype(int) for places in at)
    s, t = np.subtract(at[0], i)[:, None], np.subtract(at[1], j)
    below, right = np.minimum(i + 1, x.shape[2] - 1), np.minimum(j + 1, x.shape[3] - 1)
    top = x[:, :, i][..., j] * ((1 - s) * (1 - t)) + x[:, :, i][..., right] * ((1 - s) * t)
    bottom = x[:, :, below][..., j] * (s * (1 - t)) + x[:, :, below][..., right] * (s * t)
    return (top + bottom).astype(_float_of(x))


# --- dense_to_conv ---


def dense_to_conv__reshape(weight, input_shape):
    return weight.reshape(len(weight), *input_shape).copy()


def dense_to_conv__loops(weight, input_shape):
    channels, height, width = input_shape
    kernels = np.zeros((len(weight), channels, height, width), weight.dtype)
    for c, i, j in np.ndindex(channels, height, width):
        kernels[:, c, i, j] = weight[:, (c * height + i) * width + j]
    return kernels


def dense_to_conv__split(weight, input_shape):
    channels, height, _ = input_shape
    rows = [np.stack(np.split(part, height, axis=1), axis=1) for part in np.split(weight, channels, axis=1)]
    return np.stack(rows, axis=1)


# --- spatial_pyramid_pool ---


def _edges(n, bins):
    return [(i * n // bins, -(-(i + 1) * n // bins)) for i in range(bins)]


def spatial_pyramid_pool__loops(x, levels=(1, 2, 4)):
    rows = []
    for picture in x:
        values = []
        for n in levels:
            for channel in picture:
                for top, bottom in _edges(x.shape[2], n):
                    for left, right in _edges(x.shape[3], n):
                        values.append(channel[top:bottom, left:right].mean(dtype=float))
        rows.append(values)
    return np.array(rows, dtype=_float_of(x))


def _averages(n, bins, dtype):
    matrix = np.zeros((bins, n), dtype)
    for row, (start, end) in zip(matrix, _edges(n, bins)):
        row[start:end] = 1 / (end - start)
    return matrix


def spatial_pyramid_pool__matrix(x, levels=(1, 2, 4)):
    dtype = _float_of(x)
    parts = [_averages(x.shape[2], n, dtype) @ x @ _averages(x.shape[3], n, dtype).T for n in levels]
    return np.hstack([part.reshape(len(x), -1) for part in parts])


def spatial_pyramid_pool__sums(x, levels=(1, 2, 4)):
    """A table of running sums gives each bin from its four corners."""
    table = np.zeros((*x.shape[:2], x.shape[2] + 1, x.shape[3] + 1))
    table[:, :, 1:, 1:] = x.astype(float).cumsum(2).cumsum(3)
    parts = []
    for n in levels:
        (t, b), (l, r) = (np.array(_edges(size, n)).T for size in x.shape[2:])
        at = lambda i, j: table[:, :, i[:, None], j]  # noqa: E731
        sums = at(b, r) - at(t, r) - at(b, l) + at(t, l)
        parts.append((sums / np.outer(b - t, r - l)).reshape(len(x), -1))
    return np.concatenate(parts, axis=1).astype(_float_of(x))


# --- refine ---


def _same(x, weight):
    kh, kw = weight.shape[2:]
    top, left = (kh - 1) // 2, (kw - 1) // 2
    padded = np.pad(x, ((0, 0), (0, 0), (top, kh - 1 - top), (left, kw - 1 - left)))
    return np.einsum("nchwij,fcij->nfhw", sliding_window_view(padded, (kh, kw), (2, 3)), weight)


def _same_loops(x, weight):
    kh, kw = weight.shape[2:]
    y = np.zeros((len(x), len(weight), *x.shape[2:]))
    for p, q in np.ndindex(x.shape[2:]):
        for i, j in np.ndindex(kh, kw):
            r, c = p + i - (kh - 1) // 2, q + j - (kw - 1) // 2
            if 0 <= r < x.shape[2] and 0 <= c < x.shape[3]:
                y[:, :, p, q] += x[:, :, r, c].astype(float) @ weight[:, :, i, j].T.astype(float)
    return y


def refine__windows(x, input_weight, hidden_weight, label_weight, steps):
    drive, labels, rounds = _same(x, input_weight), None, []
    for _ in range(steps):
        hidden = drive if labels is None else drive + _same(labels, label_weight)
        rounds.append(_same(hidden.clip(0), hidden_weight))
        labels = _probabilities(rounds[-1])
    return np.array(rounds)


def refine__loops(x, input_weight, hidden_weight, label_weight, steps):
    labels = np.zeros((len(x), len(hidden_weight), *x.shape[2:]))
    rounds = np.zeros((steps, *labels.shape))
    for t in range(steps):
        hidden = np.maximum(0, _same_loops(x, input_weight) + _same_loops(labels, label_weight))
        rounds[t] = _same_loops(hidden, hidden_weight)
        for n, i, j in np.ndindex(len(x), *x.shape[2:]):
            powers = np.exp(rounds[t, n, :, i, j] - rounds[t, n, :, i, j].max())
            labels[n, :, i, j] = powers / powers.sum()
    return rounds.astype(_float_of(x))


def refine__recursion(x, input_weight, hidden_weight, label_weight, steps):
    """The rounds before, and one more on top of them, in the dtype of x."""
    hidden = _same(x, input_weight)
    before = refine__recursion(x, input_weight, hidden_weight, label_weight, steps - 1) if steps > 1 else None
    if before is not None:
        hidden = hidden + _same(_probabilities(before[-1]), label_weight)
    scores = _same(np.where(hidden > 0, hidden, hidden.dtype.type(0)), hidden_weight)[None]
    return scores if before is None else np.concatenate([before, scores])


def _same_by_fourier(x, weight):
    (h, w), (kh, kw) = x.shape[2:], weight.shape[2:]
    size = (h + kh - 1, w + kw - 1)
    product = np.fft.rfft2(x, size)[:, None] * np.fft.rfft2(weight[..., ::-1, ::-1], size)
    return np.fft.irfft2(product.sum(axis=2), size)[..., kh // 2 : kh // 2 + h, kw // 2 : kw // 2 + w]


def refine__fourier(x, input_weight, hidden_weight, label_weight, steps):
    """Convolve by the Fourier transform, whose sums of nothing are not quite 0."""
    drive = hidden = _same_by_fourier(x, input_weight)
    rounds = []
    for _ in range(steps):
        rounds.append(_same_by_fourier(np.maximum(hidden, 0), hidden_weight))
        hidden = drive + _same_by_fourier(_probabilities(rounds[-1]), label_weight)
    return np.array(rounds).astype(_float_of(x))


# --- refinement_reach ---


def refinement_reach__formula(input_size, hidden_size, label_size, steps):
    return input_size + hidden_size - 1 + (steps - 1) * (hidden_size + label_size - 2)


def refinement_reach__loop(input_size, hidden_size, label_size, steps):
    pixels = 1
    for size in [hidden_size, label_size] * (steps - 1) + [hidden_size, input_size]:
        pixels += size - 1
    return pixels


def refinement_reach__recursion(input_size, hidden_size, label_size, steps):
    if steps == 1:
        return input_size + hidden_size - 1
    return refinement_reach__recursion(input_size, hidden_size, label_size, steps - 1) + hidden_size + label_size - 2


# --- claims ---


def claim_scores__rare(target):
    blind = np.zeros_like(target)
    careful = target.copy()
    rare = np.count_nonzero(target)
    careful.ravel()[np.flatnonzero(target.ravel() == 0)[: rare + 1]] = 1
    return True, (blind, careful)


def claim_scores__one_class(target):
    """Miss the last class in one map; in the other call a few pixels too many by its name."""
    rare = target.max()
    missed = np.where(target == rare, 0, target)
    generous = target.copy()
    row = np.flatnonzero(target == 0)[-np.count_nonzero(target == rare) - 1 :]
    generous.ravel()[row] = rare
    return True, (missed, generous)


def claim_doubling__spot():
    x = np.zeros((1, 1, 3, 3))
    x[0, 0, 1, 1] = 1
    return False, x


def claim_doubling__large_numbers():
    return False, 10**7 * np.eye(4, dtype=int)[None, None]


def claim_doubling__random():
    return False, np.random.default_rng(0).standard_normal((1, 2, 4, 5))
