import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


# --- conv2d_by_index ---


def conv2d_by_index__loops(x, weight, stride=1):
    n, c, h, w = x.shape
    f, _, kh, kw = weight.shape
    y = np.zeros((n, f, (h - kh) // stride + 1, (w - kw) // stride + 1), np.result_type(x, weight))
    for b, g, p, q in np.ndindex(y.shape):
        total = 0.0
        for ch, i, j in np.ndindex(c, kh, kw):
            total += x[b, ch, p * stride + i, q * stride + j] * weight[g, ch, i, j]
        y[b, g, p, q] = total
    return y


def conv2d_by_index__windows(x, weight, stride=1):
    windows = sliding_window_view(x, weight.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    return np.einsum("ncpqij,fcij->nfpq", windows, weight)


def conv2d_by_index__taps(x, weight, stride=1):
    kh, kw = weight.shape[2:]
    rows, columns = (x.shape[2] - kh) // stride + 1, (x.shape[3] - kw) // stride + 1
    y = 0
    for i in range(kh):
        for j in range(kw):
            seen = x[:, :, i : i + rows * stride : stride, j : j + columns * stride : stride][:, :, :rows, :columns]
            y = y + np.tensordot(seen, weight[:, :, i, j], (1, 1)).transpose(0, 3, 1, 2)
    return y


# --- unfold ---


def unfold__loops(x, kernel_size, dilation=1, padding=0, stride=1):
    (kh, kw), (dh, dw), (ph, pw), (sh, sw) = map(pair, (kernel_size, dilation, padding, stride))
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    rows = (padded.shape[2] - dh * (kh - 1) - 1) // sh + 1
    columns = (padded.shape[3] - dw * (kw - 1) - 1) // sw + 1
    result = [
        padded[:, :, p * sh : p * sh + dh * (kh - 1) + 1 : dh, q * sw : q * sw + dw * (kw - 1) + 1 : dw]
        for p in range(rows)
        for q in range(columns)
    ]
    return np.stack([window.reshape(len(x), -1) for window in result], axis=-1)


def unfold__windows(x, kernel_size, dilation=1, padding=0, stride=1):
    (kh, kw), (dh, dw), (ph, pw), (sh, sw) = map(pair, (kernel_size, dilation, padding, stride))
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    view = sliding_window_view(padded, (dh * (kh - 1) + 1, dw * (kw - 1) + 1), (2, 3))[:, :, ::sh, ::sw, ::dh, ::dw]
    return view.transpose(0, 1, 4, 5, 2, 3).reshape(len(x), x.shape[1] * kh * kw, -1)


def unfold__index_arrays(x, kernel_size, dilation=1, padding=0, stride=1):
    (kh, kw), (dh, dw), (ph, pw), (sh, sw) = map(pair, (kernel_size, dilation, padding, stride))
    n, c, h, w = x.shape
    padded = np.zeros((n, c, h + 2 * ph, w + 2 * pw), x.dtype)
    padded[:, :, ph : ph + h, pw : pw + w] = x
    rows = np.arange(0, h + 2 * ph - dh * (kh - 1), sh)
    columns = np.arange(0, w + 2 * pw - dw * (kw - 1), sw)
    i = np.repeat(np.arange(kh) * dh, kw)[:, None] + np.repeat(rows, len(columns))[None]
    j = np.tile(np.arange(kw) * dw, kh)[:, None] + np.tile(columns, len(rows))[None]
    return padded[:, :, i, j].reshape(n, c * kh * kw, -1)


# --- conv2d ---


def zeros_around(x, weight, padding, dilation):
    if padding == "valid":
        return x
    if padding == "same":
        totals = [d * (k - 1) for k, d in zip(weight.shape[2:], pair(dilation))]
        widths = [(t // 2, t - t // 2) for t in totals]
    else:
        widths = [(p, p) for p in pair(padding)]
    return np.pad(x, ((0, 0), (0, 0), *widths))


def sizes(x, weight, stride, dilation):
    return [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(x.shape[2:], weight.shape[2:], pair(stride), pair(dilation))
    ]


def conv2d__loops(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    x = zeros_around(x, weight, padding, dilation)
    (sh, sw), (dh, dw) = pair(stride), pair(dilation)
    filters, depth, kh, kw = weight.shape
    y = np.zeros((len(x), filters, *sizes(x, weight, stride, dilation)), np.result_type(x, weight))
    for n, f, p, q in np.ndindex(y.shape):
        first = f // (filters // groups) * depth
        rows = slice(p * sh, p * sh + dh * (kh - 1) + 1, dh)
        columns = slice(q * sw, q * sw + dw * (kw - 1) + 1, dw)
        y[n, f, p, q] = np.sum(x[n, first : first + depth, rows, columns] * weight[f])
    return y if bias is None else y + bias[:, None, None]


def conv2d__im2col(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    x = zeros_around(x, weight, padding, dilation)
    height, width = sizes(x, weight, stride, dilation)
    columns = unfold__windows(x, weight.shape[2:], dilation, 0, stride).reshape(len(x), groups, -1, height * width)
    y = weight.reshape(groups, len(weight) // groups, -1) @ columns
    y = y.reshape(len(x), len(weight), height, width)
    return y if bias is None else y + bias.reshape(-1, 1, 1)


def conv2d__taps(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    x = zeros_around(x, weight, padding, dilation)
    (sh, sw), (dh, dw), (height, width) = pair(stride), pair(dilation), sizes(x, weight, stride, dilation)
    n, (filters, depth, kh, kw) = len(x), weight.shape
    y = np.zeros((n, groups, filters // groups, height, width), np.result_type(x, weight))
    for i, j in np.ndindex(kh, kw):
        rows, columns = i * dh + sh * np.arange(height), j * dw + sw * np.arange(width)
        seen = x[:, :, rows[:, None], columns].reshape(n, groups, depth, height, width)
        y += np.einsum("ngchw,gfc->ngfhw", seen, weight[:, :, i, j].reshape(groups, -1, depth))
    y = y.reshape(n, filters, height, width)
    if bias is not None:
        y = y + bias[None, :, None, None]
    return y


def conv2d__strides_float32(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    x = np.ascontiguousarray(zeros_around(x, weight, padding, dilation))
    (sh, sw), (dh, dw), (height, width) = pair(stride), pair(dilation), sizes(x, weight, stride, dilation)
    a, b, c, d = x.strides
    view = as_strided(x, (*x.shape[:2], *weight.shape[2:], height, width), (a, b, c * dh, d * dw, c * sh, d * sw))
    parts = [
        np.tensordot(w, v, ([1, 2, 3], [1, 2, 3])).swapaxes(0, 1)
        for v, w in zip(np.split(view, groups, 1), np.split(weight, groups))
    ]
    y = np.concatenate(parts, axis=1)
    return y if bias is None else y + bias[:, None, None]


def conv2d__fourier(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Correlate by Fourier transforms: the outputs that the stride skips are thrown away."""
    dtype = np.result_type(x, weight, np.float32)
    x = zeros_around(x, weight, padding, dilation)
    (sh, sw), (dh, dw), size = pair(stride), pair(dilation), x.shape[2:]
    filters, depth, kh, kw = weight.shape
    wide = np.zeros((filters, depth, dh * (kh - 1) + 1, dw * (kw - 1) + 1))
    wide[:, :, ::dh, ::dw] = weight
    images = np.fft.rfft2(x).reshape(len(x), groups, depth, size[0], -1)
    kernels = np.fft.rfft2(wide, size).conj().reshape(groups, filters // groups, depth, size[0], -1)
    products = np.einsum("ngcuv,gfcuv->ngfuv", images, kernels).reshape(len(x), filters, size[0], -1)
    y = np.fft.irfft2(products, size)[:, :, : size[0] - dh * (kh - 1) : sh, : size[1] - dw * (kw - 1) : sw]
    return (y if bias is None else y + bias[:, None, None]).astype(dtype)


# --- dense_weight ---


def dense_weight__loops(weight, groups):
    filters, depth, kh, kw = weight.shape
    dense = np.zeros((filters, depth * groups, kh, kw), weight.dtype)
    for f in range(filters):
        g = f // (filters // groups)
        for c in range(depth):
            dense[f, g * depth + c] = weight[f, c]
    return dense


def dense_weight__mask(weight, groups):
    filters, depth = weight.shape[:2]
    belongs = np.kron(np.eye(groups), np.ones((filters // groups, depth))).astype(weight.dtype)
    return np.tile(weight, (1, groups, 1, 1)) * belongs[:, :, None, None]


def dense_weight__einsum(weight, groups):
    filters, depth, kh, kw = weight.shape
    blocks = weight.reshape(groups, -1, depth, kh, kw)
    return np.einsum("gfcij,gh->gfhcij", blocks, np.eye(groups, dtype=weight.dtype)).reshape(filters, -1, kh, kw)


# --- conv2d_untied_bias ---


def conv2d_untied_bias__loops(x, weight, bias, stride=1, padding=0, dilation=1, groups=1):
    y = conv2d__loops(x, weight, None, stride, padding, dilation, groups)
    return np.stack([image + bias for image in y])


def conv2d_untied_bias__im2col(x, weight, bias, stride=1, padding=0, dilation=1, groups=1):
    return conv2d__im2col(x, weight, None, stride, padding, dilation, groups) + bias[None]


def conv2d_untied_bias__taps(x, weight, bias, stride=1, padding=0, dilation=1, groups=1):
    return np.add(bias, conv2d__taps(x, weight, np.zeros(len(weight), x.dtype), stride, padding, dilation, groups))


# --- window_counts ---


def window_counts__loops(input_shape, kernel_size, stride=1, padding=0, dilation=1):
    (h, w), (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (input_shape, kernel_size, stride, padding, dilation))
    rows, columns = (h + 2 * ph - dh * (kh - 1) - 1) // sh + 1, (w + 2 * pw - dw * (kw - 1) - 1) // sw + 1
    counts = np.zeros((rows, columns), int)
    for p, q, i, j in np.ndindex(rows, columns, kh, kw):
        counts[p, q] += 0 <= p * sh + i * dh - ph < h and 0 <= q * sw + j * dw - pw < w
    return counts


def window_counts__outer(input_shape, kernel_size, stride=1, padding=0, dilation=1):
    def axis(n, k, s, p, d):
        starts = np.arange(-p, n + p - d * (k - 1), s)
        taps = starts[:, None] + d * np.arange(k)
        return ((taps >= 0) & (taps < n)).sum(axis=1)

    return np.outer(*map(axis, *map(pair, (input_shape, kernel_size, stride, padding, dilation))))


def window_counts__conv(input_shape, kernel_size, stride=1, padding=0, dilation=1):
    ones = np.ones((1, 1, *input_shape)), np.ones((1, 1, *pair(kernel_size)))
    return conv2d__im2col(*ones, None, stride, padding, dilation)[0, 0]


# --- layer_parameters ---


def layer_parameters__formula(in_channels, out_channels, kernel_size, groups=1, bias=True):
    kh, kw = pair(kernel_size)
    return out_channels * (in_channels // groups * kh * kw + bool(bias))


def layer_parameters__arrays(in_channels, out_channels, kernel_size, groups=1, bias=True):
    weight = np.empty((out_channels, in_channels // groups, *pair(kernel_size)))
    return weight.size + (np.empty(out_channels).size if bias else 0)


def layer_parameters__sum(in_channels, out_channels, kernel_size, groups=1, bias=True):
    per_kernel = int(np.prod(pair(kernel_size))) * (in_channels // groups)
    return sum(per_kernel + (1 if bias else 0) for _ in range(out_channels))


# --- claims ---


def claim_commute__one_by_one():
    swap, scale = np.array([[0.0, 1], [1, 0]]), np.array([[1.0, 0], [0, 2]])
    return False, (swap[:, :, None, None], scale[:, :, None, None])


def claim_commute__random():
    return False, tuple(np.random.default_rng(0).standard_normal((2, 4, 4, 3, 3)))


def claim_merge__loops(first, second):
    (_, c, a, b), (f, _, d, e) = first.shape, second.shape
    merged = np.zeros((f, c, a + d - 1, b + e - 1), np.result_type(first, second))
    for i, j in np.ndindex(d, e):
        for k, l in np.ndindex(a, b):
            merged[:, :, i + k, j + l] += second[:, :, i, j] @ first[:, :, k, l]
    return True, merged


def claim_merge__fourier(first, second):
    size = [a + b - 1 for a, b in zip(first.shape[2:], second.shape[2:])]
    product = np.einsum("fmij,mcij->fcij", np.fft.fft2(second, size), np.fft.fft2(first, size))
    return True, np.fft.ifft2(product).real.astype(np.result_type(first, second, np.float32))
