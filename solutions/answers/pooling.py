import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


def floats(x):
    """Return the dtype of a mean: that of x, or float64 for whole numbers."""
    return x.dtype if x.dtype.kind == "f" else float


def lowest(x):
    """Return the number of the dtype of x that no other is below."""
    return -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min


# --- pool_output_shape ---


def pool_output_shape__formula(input_shape, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    k, p, d = pair(kernel_size), pair(padding), pair(dilation)
    s = k if stride is None else pair(stride)
    sizes = []
    for axis, n in enumerate(input_shape):
        steps = (n + 2 * p[axis] - d[axis] * (k[axis] - 1) - 1) / s[axis]
        size = (math.ceil(steps) if ceil_mode else math.floor(steps)) + 1
        if ceil_mode and (size - 1) * s[axis] >= n + p[axis]:
            size -= 1
        sizes.append(size)
    return tuple(sizes)


def pool_output_shape__counting(input_shape, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    def count(n, k, s, p, d):
        """Place windows one by one; ceil mode places one more if it meets the input."""
        span, end, placed, start = d * (k - 1) + 1, n + p, 0, -p
        while start + span <= end:
            placed, start = placed + 1, start + s
        left_over = start - s + span < end
        return placed + (ceil_mode and left_over and start < n)

    stride = kernel_size if stride is None else stride
    return tuple(map(count, input_shape, pair(kernel_size), pair(stride), pair(padding), pair(dilation)))


def pool_output_shape__numpy(input_shape, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    n, k, p, d = (np.array(pair(v)) for v in (input_shape, kernel_size, padding, dilation))
    s = k if stride is None else np.array(pair(stride))
    free = n + 2 * p - d * (k - 1) - 1
    m = (-(-free // s) if ceil_mode else free // s) + 1
    return tuple(np.where(ceil_mode & ((m - 1) * s >= n + p), m - 1, m))


# --- max_pool2d ---


def _geometry(x, kernel_size, stride, padding, dilation, ceil_mode):
    out = pool_output_shape__formula(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    kernel = pair(kernel_size)
    return out, kernel, kernel if stride is None else pair(stride), pair(padding), pair(dilation)


def max_pool2d__loops(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    out, (kh, kw), (sh, sw), (ph, pw), (dh, dw) = _geometry(x, kernel_size, stride, padding, dilation, ceil_mode)
    n, c, height, width = x.shape
    y = np.full((n, c, *out), lowest(x), dtype=x.dtype)
    indices = np.zeros((n, c, *out), dtype=int)
    for index in np.ndindex(n, c, *out):
        b, ch, i, j = index
        first = True
        for a in range(kh):
            for e in range(kw):
                row, column = i * sh - ph + a * dh, j * sw - pw + e * dw
                if 0 <= row < height and 0 <= column < width:
                    value = x[b, ch, row, column]
                    if first or value > y[index] or np.isnan(value):
                        y[index], indices[index], first = value, row * width + column, False
    return (y, indices) if return_indices else y


def max_pool2d__windows(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    out, (kh, kw), (sh, sw), (ph, pw), (dh, dw) = _geometry(x, kernel_size, stride, padding, dilation, ceil_mode)
    after = [(m - 1) * s + d * (k - 1) + 1 for m, s, d, k in zip(out, (sh, sw), (dh, dw), (kh, kw))]
    extra = [max(0, a - n - p) for a, n, p in zip(after, x.shape[2:], (ph, pw))]
    widths = ((0, 0), (0, 0), (ph, extra[0]), (pw, extra[1]))
    padded = np.pad(x, widths, constant_values=lowest(x))
    inside = np.pad(np.ones((1, 1, *x.shape[2:]), bool), widths)
    places = np.pad(np.arange(x.shape[2] * x.shape[3]).reshape(1, 1, *x.shape[2:]), widths)

    def windows(a):
        view = sliding_window_view(a, (dh * (kh - 1) + 1, dw * (kw - 1) + 1), (2, 3))
        view = view[:, :, ::sh, ::sw, ::dh, ::dw][:, :, : out[0], : out[1]]
        return view.reshape(*view.shape[:4], -1)

    seen = windows(padded)
    y = seen.max(-1)
    if not return_indices:
        return y
    best = (((seen == y[..., None]) | np.isnan(seen)) & windows(inside)).argmax(-1)[..., None]
    return y, np.take_along_axis(np.broadcast_to(windows(places), seen.shape), best, -1)[..., 0]


def max_pool2d__taps(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """Go through the taps of the window; each is compared for all windows at once, in the dtype of x."""
    out, kernel, (sh, sw), (ph, pw), (dh, dw) = _geometry(x, kernel_size, stride, padding, dilation, ceil_mode)
    rows, columns = np.arange(out[0]) * sh - ph, np.arange(out[1]) * sw - pw
    y = np.full((*x.shape[:2], *out), lowest(x), dtype=x.dtype)
    indices, found = np.zeros(y.shape, dtype=int), np.zeros(y.shape, dtype=bool)
    for a, e in np.ndindex(kernel):
        r, c = rows + a * dh, columns + e * dw
        inside = ((r >= 0) & (r < x.shape[2]))[:, None] & ((c >= 0) & (c < x.shape[3]))[None]
        rr, cc = np.clip(r, 0, x.shape[2] - 1)[:, None], np.clip(c, 0, x.shape[3] - 1)[None]
        tap = x[:, :, rr, cc]
        better = inside & ((tap > y) | np.isnan(tap) | ~found)
        y, indices = np.where(better, tap, y), np.where(better, rr * x.shape[3] + cc, indices)
        found |= inside
    return (y, indices) if return_indices else y


# --- avg_pool2d ---


def _avg_windows(x, kernel_size, stride, padding, ceil_mode):
    """Yield output index, the slices of the input that it sees, and its area in the padded image."""
    out, (kh, kw), (sh, sw), (ph, pw), _ = _geometry(x, kernel_size, stride, padding, 1, ceil_mode)
    height, width = x.shape[2:]
    for i, j in np.ndindex(out):
        top, left = i * sh - ph, j * sw - pw
        bottom, right = min(top + kh, height + ph), min(left + kw, width + pw)
        cut = slice(max(top, 0), min(bottom, height)), slice(max(left, 0), min(right, width))
        yield (i, j), cut, (bottom - top) * (right - left)


def _divisor(cut, area, count_include_pad, divisor_override):
    seen = (cut[0].stop - cut[0].start) * (cut[1].stop - cut[1].start)
    return divisor_override or (area if count_include_pad else seen)


def avg_pool2d__loops(
    x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    out = pool_output_shape__formula(x.shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    y = np.empty((*x.shape[:2], *out), dtype=floats(x))
    for (i, j), cut, area in _avg_windows(x, kernel_size, stride, padding, ceil_mode):
        d = _divisor(cut, area, count_include_pad, divisor_override)
        for b, c in np.ndindex(x.shape[:2]):
            total = 0.0
            for value in x[b, c][cut].ravel():
                total += value
            y[b, c, i, j] = total / d
    return y


def avg_pool2d__slices(
    x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    out = pool_output_shape__formula(x.shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    y = np.empty((*x.shape[:2], *out), dtype=floats(x))
    for (i, j), cut, area in _avg_windows(x, kernel_size, stride, padding, ceil_mode):
        seen = x[(slice(None), slice(None), *cut)]
        y[:, :, i, j] = seen.sum((2, 3)) / _divisor(cut, area, count_include_pad, divisor_override)
    return y


def avg_pool2d__integral(
    x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """Take every window's sum from four corners of the integral image."""
    out = pool_output_shape__formula(x.shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    total = np.pad(x.astype(float).cumsum(2).cumsum(3), ((0, 0), (0, 0), (1, 0), (1, 0)))
    y = np.empty((*x.shape[:2], *out), dtype=floats(x))
    for (i, j), (r, c), area in _avg_windows(x, kernel_size, stride, padding, ceil_mode):
        box = total[:, :, r.stop, c.stop] - total[:, :, r.start, c.stop] - total[:, :, r.stop, c.start]
        box = box + total[:, :, r.start, c.start]
        y[:, :, i, j] = box / _divisor((r, c), area, count_include_pad, divisor_override)
    return y


# --- lp_pool2d ---


def lp_pool2d__loops(x, norm_type, kernel_size, stride=None, ceil_mode=False):
    out, (kh, kw), (sh, sw), _, _ = _geometry(x, kernel_size, stride, 0, 1, ceil_mode)
    y = np.empty((*x.shape[:2], *out), dtype=floats(x))
    for b, c, i, j in np.ndindex(y.shape):
        total, seen = 0.0, 0
        for row in range(i * sh, min(i * sh + kh, x.shape[2])):
            for column in range(j * sw, min(j * sw + kw, x.shape[3])):
                total += float(x[b, c, row, column]) ** norm_type
                seen += 1
        y[b, c, i, j] = (total * kh * kw / seen) ** (1 / norm_type)
    return y


def _room(x, kernel_size, stride, ceil_mode):
    """Add zeros where the last window hangs over the end; return the windows as a view."""
    out, kernel, (sh, sw), _, _ = _geometry(x, kernel_size, stride, 0, 1, ceil_mode)
    missing = [max(0, (m - 1) * s + k - n) for m, s, k, n in zip(out, (sh, sw), kernel, x.shape[2:])]
    padded = np.pad(x, ((0, 0), (0, 0), (0, missing[0]), (0, missing[1])))
    return sliding_window_view(padded, kernel, (2, 3))[:, :, ::sh, ::sw]


def lp_pool2d__windows(x, norm_type, kernel_size, stride=None, ceil_mode=False):
    share = _room(np.ones_like(x), kernel_size, stride, ceil_mode).mean((-2, -1))
    powers = _room(np.abs(x).astype(floats(x)) ** norm_type, kernel_size, stride, ceil_mode).sum((-2, -1)) / share
    return (powers ** (1 / norm_type)).astype(floats(x))


def lp_pool2d__scaled(x, norm_type, kernel_size, stride=None, ceil_mode=False):
    """Take the largest magnitude out first, so that no power overflows."""
    x = x.astype(floats(x))
    seen = _room(np.abs(x), kernel_size, stride, ceil_mode)
    share = _room(np.ones_like(x), kernel_size, stride, ceil_mode).mean((-2, -1))
    top = np.maximum(seen.max((-2, -1)), np.finfo(x.dtype).tiny)
    sums = ((seen / top[..., None, None]) ** norm_type).sum((-2, -1)) / share
    return top * sums ** x.dtype.type(1 / norm_type)


# --- adaptive_avg_pool2d ---


def adaptive_avg_pool2d__loops(x, output_size):
    rows, columns = pair(output_size)
    height, width = x.shape[2:]
    y = np.empty((*x.shape[:2], rows, columns), dtype=floats(x))
    for i in range(rows):
        for j in range(columns):
            top, bottom = math.floor(i * height / rows), math.ceil((i + 1) * height / rows)
            left, right = math.floor(j * width / columns), math.ceil((j + 1) * width / columns)
            y[:, :, i, j] = x[:, :, top:bottom, left:right].mean(axis=(2, 3))
    return y


def adaptive_avg_pool2d__matrices(x, output_size):
    def averaging(n, m):
        matrix = np.zeros((m, n), dtype=floats(x))
        for i in range(m):
            cut = slice(i * n // m, -(-(i + 1) * n // m))
            matrix[i, cut] = 1 / (cut.stop - cut.start)
        return matrix

    rows, columns = pair(output_size)
    return averaging(x.shape[2], rows) @ x @ averaging(x.shape[3], columns).T


def adaptive_avg_pool2d__reduceat(x, output_size):
    for axis, m in zip((2, 3), pair(output_size)):
        n = x.shape[axis]
        totals = np.concatenate([np.zeros_like(np.take(x, [0], axis), dtype=float), x.cumsum(axis, dtype=float)], axis)
        start, stop = np.arange(m) * n // m, -(-np.arange(1, m + 1) * n // m)
        shape = [1] * 4
        shape[axis] = m
        means = (np.take(totals, stop, axis) - np.take(totals, start, axis)) / (stop - start).reshape(shape)
        x = means.astype(floats(x))
    return x


# --- channel_max_pool ---


def channel_max_pool__reshape(x, pool_size):
    n, c, h, w = x.shape
    return x.reshape(n, c // pool_size, pool_size, h, w).max(axis=2)


def channel_max_pool__loops(x, pool_size):
    y = np.empty((x.shape[0], x.shape[1] // pool_size, *x.shape[2:]), dtype=x.dtype)
    for b, c, i, j in np.ndindex(y.shape):
        y[b, c, i, j] = max(x[b, c * pool_size + k, i, j] for k in range(pool_size))
    return y


def channel_max_pool__reduceat(x, pool_size):
    return np.maximum.reduceat(x, np.arange(0, x.shape[1], pool_size), axis=1)


# --- backward passes ---


def max_pool2d_backward__loops(grad_output, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    _, indices = max_pool2d__loops(x, kernel_size, stride, padding, dilation, ceil_mode, return_indices=True)
    gx = np.zeros(x.shape, floats(grad_output))
    for b, c, i, j in np.ndindex(grad_output.shape):
        row, column = divmod(indices[b, c, i, j], x.shape[3])
        gx[b, c, row, column] += grad_output[b, c, i, j]
    return gx


def max_pool2d_backward__add_at(grad_output, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    _, indices = max_pool2d__windows(x, kernel_size, stride, padding, dilation, ceil_mode, return_indices=True)
    planes = x.shape[0] * x.shape[1]
    gx = np.zeros((planes, x.shape[2] * x.shape[3]), floats(grad_output))
    np.add.at(gx, (np.arange(planes)[:, None], indices.reshape(planes, -1)), grad_output.reshape(planes, -1))
    return gx.reshape(x.shape)


def max_pool2d_backward__bincount(grad_output, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    _, indices = max_pool2d__taps(x, kernel_size, stride, padding, dilation, ceil_mode, return_indices=True)
    area = x.shape[2] * x.shape[3]
    planes = np.arange(x.shape[0] * x.shape[1]).reshape(*x.shape[:2], 1, 1)
    flat = np.bincount((planes * area + indices).ravel(), grad_output.ravel(), minlength=x.size)
    return flat.reshape(x.shape).astype(floats(grad_output))


def avg_pool2d_backward__loops(
    grad_output, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    gx = np.zeros(x.shape, floats(grad_output))
    for (i, j), cut, area in _avg_windows(x, kernel_size, stride, padding, ceil_mode):
        share = _divisor(cut, area, count_include_pad, divisor_override)
        for b, c in np.ndindex(x.shape[:2]):
            gx[b, c][cut] += grad_output[b, c, i, j] / share
    return gx


def avg_pool2d_backward__slices(
    grad_output, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    gx = np.zeros(x.shape)
    for (i, j), cut, area in _avg_windows(x, kernel_size, stride, padding, ceil_mode):
        d = _divisor(cut, area, count_include_pad, divisor_override)
        gx[(slice(None), slice(None), *cut)] += grad_output[:, :, i, j, None, None] / d
    return gx.astype(floats(grad_output))


def avg_pool2d_backward__matrix(
    grad_output, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """Write pooling as a matrix, one row per output, and multiply by its transpose."""
    matrix = np.zeros((grad_output.shape[2] * grad_output.shape[3], x.shape[2], x.shape[3]), floats(grad_output))
    windows = _avg_windows(x, kernel_size, stride, padding, ceil_mode)
    for row, (_, cut, area) in zip(matrix, windows):
        row[cut] = 1 / _divisor(cut, area, count_include_pad, divisor_override)
    return np.einsum("bco,ohw->bchw", grad_output.reshape(*grad_output.shape[:2], -1), matrix)


# --- claims ---


def claim_shift__peak():
    x = np.zeros((1, 1, 4, 4))
    x[0, 0, 0, 1] = 1
    return False, x


def claim_shift__noise():
    return False, np.random.default_rng(0).standard_normal((1, 1, 8, 8))


def claim_shift__ramp():
    return np.bool_(False), np.arange(8.0).reshape(1, 1, 2, 4)


def claim_relu__average():
    return False, ("average", np.array([[[[1.0, -1.0], [1.0, -1.0]]]]))


def claim_relu__l2():
    return False, ("l2", np.array([[[[-3.0, 4.0], [0.0, 0.0]]]]))


def claim_relu__noise():
    return False, ["average", np.random.default_rng(1).standard_normal((1, 2, 4, 4))]


def claim_trainable__formula(x, p):
    s = np.sum(x**p)
    y = s ** (1 / p)
    return True, y * (np.sum(x**p * np.log(x)) / (p * s) - np.log(s) / p**2)


def claim_trainable__difference(x, p):
    def norm(q):
        return np.sum(x**q) ** (1 / q)

    return True, (norm(p + 1e-5) - norm(p - 1e-5)) / 2e-5


def claim_trainable__complex_step(x, p):
    q = p + 1e-20j
    return True, float((np.sum(x**q) ** (1 / q)).imag / 1e-20)


def claim_equivariance__predicate(shift, stride):
    return True, shift // stride if shift % stride == 0 else None


def claim_equivariance__divmod(shift, stride):
    steps, rest = divmod(shift, stride)
    return True, None if rest else steps


def claim_equivariance__measured(shift, stride):
    x = np.random.default_rng(0).standard_normal(12 * stride)

    def pool(signal):
        return np.stack([np.roll(signal, -i) for i in range(stride + 1)]).max(0)[::stride]

    moved = pool(np.roll(x, shift))
    return True, next((m for m in range(-6, 6) if np.array_equal(np.roll(pool(x), m), moved)), None)
