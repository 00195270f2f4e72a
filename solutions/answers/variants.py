import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


def _cut(x, kernel, stride, padding, dilation):
    """Return the padded x and every window: (N, C, oH, oW, kH, kW)."""
    (ph, pw), (sh, sw), (dh, dw) = pair(padding), pair(stride), pair(dilation)
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    span = dh * (kernel[0] - 1) + 1, dw * (kernel[1] - 1) + 1
    return padded, sliding_window_view(padded, span, (2, 3))[:, :, ::sh, ::sw, ::dh, ::dw]


def locally_connected2d__einsum(x, weight, bias=None, stride=1, padding=0, dilation=1):
    windows = _cut(x, weight.shape[4:], stride, padding, dilation)[1]
    y = np.einsum("ncpqij,fpqcij->nfpq", windows, weight)
    return y if bias is None else y + bias


def locally_connected2d__places(x, weight, bias=None, stride=1, padding=0, dilation=1):
    windows = _cut(x, weight.shape[4:], stride, padding, dilation)[1]
    y = np.zeros((len(x), *weight.shape[:3]), np.result_type(x, weight, np.float32))
    for p, q in np.ndindex(weight.shape[1:3]):
        y[:, :, p, q] = windows[:, :, p, q].reshape(len(x), -1) @ weight[:, p, q].reshape(len(weight), -1).T
    return y if bias is None else y + bias[None]


def locally_connected2d__loops(x, weight, bias=None, stride=1, padding=0, dilation=1):
    (ph, pw), (sh, sw), (dh, dw) = pair(padding), pair(stride), pair(dilation)
    y = np.zeros((len(x), *weight.shape[:3]), np.result_type(x, weight, np.float32))
    for n, f, p, q in np.ndindex(y.shape):
        total = 0.0 if bias is None else float(bias[f, p, q])
        for c, i, j in np.ndindex(weight.shape[3:]):
            row, column = p * sh + i * dh - ph, q * sw + j * dw - pw
            if 0 <= row < x.shape[2] and 0 <= column < x.shape[3]:
                total += float(x[n, c, row, column]) * float(weight[f, p, q, c, i, j])
        y[n, f, p, q] = total
    return y


def _scatter(shape, windows, stride, padding, dilation):
    """Add windows (N, C, oH, oW, kH, kW) back onto an image of `shape`."""
    (ph, pw), (sh, sw), (dh, dw) = pair(padding), pair(stride), pair(dilation)
    n, c, h, w = shape
    image = np.zeros((n, c, h + 2 * ph, w + 2 * pw), windows.dtype)
    for i, j in np.ndindex(windows.shape[4:]):
        rows = slice(i * dh, i * dh + (windows.shape[2] - 1) * sh + 1, sh)
        columns = slice(j * dw, j * dw + (windows.shape[3] - 1) * sw + 1, sw)
        image[:, :, rows, columns] += windows[..., i, j]
    return image[:, :, ph : ph + h, pw : pw + w].copy()


def locally_connected2d_backward__einsum(grad_output, x, weight, bias=None, stride=1, padding=0, dilation=1):
    windows = _cut(x, weight.shape[4:], stride, padding, dilation)[1]
    gw = np.einsum("nfpq,ncpqij->fpqcij", grad_output, windows)
    gx = _scatter(x.shape, np.einsum("nfpq,fpqcij->ncpqij", grad_output, weight), stride, padding, dilation)
    return gx, gw, None if bias is None else grad_output.sum(0)


def locally_connected2d_backward__places(grad_output, x, weight, bias=None, stride=1, padding=0, dilation=1):
    (ph, pw), (sh, sw), (dh, dw) = pair(padding), pair(stride), pair(dilation)
    padded, windows = _cut(x, weight.shape[4:], stride, padding, dilation)
    dtype = np.result_type(grad_output, x, weight, np.float32)
    gx, gw = np.zeros(padded.shape, dtype), np.zeros(weight.shape, dtype)
    kh, kw = weight.shape[4:]
    for p, q in np.ndindex(weight.shape[1:3]):
        g = grad_output[:, :, p, q]
        gw[:, p, q] = np.tensordot(g, windows[:, :, p, q], (0, 0))
        rows, columns = slice(p * sh, p * sh + dh * (kh - 1) + 1, dh), slice(q * sw, q * sw + dw * (kw - 1) + 1, dw)
        gx[:, :, rows, columns] += np.tensordot(g, weight[:, p, q], (1, 0))
    gx = gx[:, :, ph : ph + x.shape[2], pw : pw + x.shape[3]].copy()
    return [gx, gw, None if bias is None else grad_output.sum(axis=0)]


def locally_connected2d_backward__loops(grad_output, x, weight, bias=None, stride=1, padding=0, dilation=1):
    (ph, pw), (sh, sw), (dh, dw) = pair(padding), pair(stride), pair(dilation)
    dtype = np.result_type(grad_output, x, weight, np.float32)
    gx, gw = np.zeros(x.shape, dtype), np.zeros(weight.shape, dtype)
    gb = None if bias is None else np.zeros(bias.shape, dtype)
    for n, f, p, q in np.ndindex(grad_output.shape):
        g = grad_output[n, f, p, q]
        if gb is not None:
            gb[f, p, q] += g
        for c, i, j in np.ndindex(weight.shape[3:]):
            row, column = p * sh + i * dh - ph, q * sw + j * dw - pw
            if 0 <= row < x.shape[2] and 0 <= column < x.shape[3]:
                gx[n, c, row, column] += g * weight[f, p, q, c, i, j]
                gw[f, p, q, c, i, j] += g * x[n, c, row, column]
    return gx, gw, gb


def tiled_conv2d__lay_out(x, weight, bias=None, stride=1, padding=0, dilation=1):
    windows = _cut(x, weight.shape[2:4], stride, padding, dilation)[1]
    rows, columns = (np.arange(m) % t for m, t in zip(windows.shape[2:4], weight.shape[4:]))
    local = weight[:, :, :, :, rows[:, None], columns]
    y = np.einsum("ncpqij,fcijpq->nfpq", windows, local)
    return y if bias is None else y + bias[:, rows[:, None], columns]


def tiled_conv2d__places(x, weight, bias=None, stride=1, padding=0, dilation=1):
    windows = _cut(x, weight.shape[2:4], stride, padding, dilation)[1]
    th, tw = weight.shape[4:]
    y = np.zeros((len(x), len(weight), *windows.shape[2:4]), np.result_type(x, weight, np.float32))
    for p, q in np.ndindex(y.shape[2:]):
        kernel = weight[..., p % th, q % tw].reshape(len(weight), -1)
        y[:, :, p, q] = windows[:, :, p, q].reshape(len(x), -1) @ kernel.T
        if bias is not None:
            y[:, :, p, q] += bias[:, p % th, q % tw]
    return y


def tiled_conv2d__interleaved(x, weight, bias=None, stride=1, padding=0, dilation=1):
    """Run one convolution per kernel, and keep every t-th output of each."""
    windows = _cut(x, weight.shape[2:4], stride, padding, dilation)[1]
    th, tw = weight.shape[4:]
    y = np.zeros((len(x), len(weight), *windows.shape[2:4]), np.result_type(x, weight, np.float32))
    for a, b in np.ndindex(th, tw):
        part = np.einsum("ncpqij,fcij->nfpq", windows[:, :, a::th, b::tw], weight[..., a, b])
        y[:, :, a::th, b::tw] = part if bias is None else part + bias[:, a, b][:, None, None]
    return y


def dilate_kernel__slices(weight, dilation):
    dh, dw = pair(dilation)
    *lead, kh, kw = weight.shape
    wide = np.zeros((*lead, dh * (kh - 1) + 1, dw * (kw - 1) + 1), dtype=weight.dtype)
    wide[..., ::dh, ::dw] = weight
    return wide


def dilate_kernel__loops(weight, dilation):
    dh, dw = pair(dilation)
    kh, kw = weight.shape[-2:]
    wide = np.zeros((*weight.shape[:-2], dh * (kh - 1) + 1, dw * (kw - 1) + 1), dtype=weight.dtype)
    for i in range(kh):
        for j in range(kw):
            wide[..., dh * i, dw * j] = weight[..., i, j]
    return wide


def dilate_kernel__insert(weight, dilation):
    for axis, d in zip((-2, -1), pair(dilation)):
        for place in range(weight.shape[axis] - 1, 0, -1):
            weight = np.insert(weight, [place] * (d - 1), 0, axis=axis)
    return weight.copy()


def _geometry(x, weight, stride, padding, output_padding, dilation):
    values = [pair(v) for v in (stride, padding, output_padding, dilation)]
    size = [
        (n - 1) * s - 2 * p + d * (k - 1) + o + 1 for n, k, s, p, o, d in zip(x.shape[2:], weight.shape[2:], *values)
    ]
    return size, *values


def conv_transpose2d__paint(x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    size, (sh, sw), (ph, pw), _, (dh, dw) = _geometry(x, weight, stride, padding, output_padding, dilation)
    per_group = x.shape[1] // groups
    filters = weight.shape[1] * groups
    y = np.zeros((len(x), filters, size[0] + 2 * ph, size[1] + 2 * pw), np.result_type(x, weight, np.float32))
    for c in range(x.shape[1]):
        first = c // per_group * weight.shape[1]
        for f in range(weight.shape[1]):
            for a, b in np.ndindex(x.shape[2:]):
                for i, j in np.ndindex(weight.shape[2:]):
                    y[:, first + f, a * sh + i * dh, b * sw + j * dw] += x[:, c, a, b] * weight[c, f, i, j]
    y = y[:, :, ph : ph + size[0], pw : pw + size[1]].copy()
    return y if bias is None else y + bias[:, None, None]


def conv_transpose2d__taps(x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    size, (sh, sw), (ph, pw), _, (dh, dw) = _geometry(x, weight, stride, padding, output_padding, dilation)
    n, c, h, w = x.shape
    shape = n, groups, weight.shape[1], size[0] + 2 * ph, size[1] + 2 * pw
    y = np.zeros(shape, np.result_type(x, weight, np.float32))
    xs, ws = x.reshape(n, groups, -1, h, w), weight.reshape(groups, c // groups, *weight.shape[1:])
    for i, j in np.ndindex(weight.shape[2:]):
        rows = slice(i * dh, i * dh + (h - 1) * sh + 1, sh)
        columns = slice(j * dw, j * dw + (w - 1) * sw + 1, sw)
        y[:, :, :, rows, columns] += np.einsum("ngchw,gcf->ngfhw", xs, ws[..., i, j])
    y = y.reshape(n, -1, *y.shape[3:])[:, :, ph : ph + size[0], pw : pw + size[1]].copy()
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


def conv_transpose2d__zero_stuffed(x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Put zeros between the pixels and around them, then convolve with the flipped kernel."""
    size, (sh, sw), (ph, pw), _, (dh, dw) = _geometry(x, weight, stride, padding, output_padding, dilation)
    n, c, h, w = x.shape
    wide = dilate_kernel__slices(weight, (dh, dw))[..., ::-1, ::-1]
    kh, kw = wide.shape[2:]
    stuffed = np.zeros((n, c, (h - 1) * sh + 1, (w - 1) * sw + 1), dtype=x.dtype)
    stuffed[:, :, ::sh, ::sw] = x
    stuffed = np.pad(
        stuffed, ((0, 0), (0, 0), (kh - 1, kh - 1 + 2 * ph + size[0]), (kw - 1, kw - 1 + 2 * pw + size[1]))
    )
    windows = sliding_window_view(stuffed, (kh, kw), (2, 3))[:, :, ph : ph + size[0], pw : pw + size[1]]
    y = [
        np.einsum("ncpqij,cfij->nfpq", windows[:, cut], wide[cut])
        for cut in (slice(g * c // groups, (g + 1) * c // groups) for g in range(groups))
    ]
    y = np.concatenate(y, 1)
    return y if bias is None else y + bias[:, None, None]


def _conv2d(x, weight, stride, padding, dilation, groups=1):
    windows = _cut(x, weight.shape[2:], stride, padding, dilation)[1]
    n, c = x.shape[:2]
    windows = windows.reshape(n, groups, c // groups, *windows.shape[2:])
    y = np.einsum("ngcpqij,gfcij->ngfpq", windows, weight.reshape(groups, -1, *weight.shape[1:]))
    return y.reshape(n, -1, *y.shape[3:])


def conv_transpose2d_backward__convolution(
    grad_output, x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    n, c, h, w = x.shape
    windows = _cut(grad_output, weight.shape[2:], stride, padding, dilation)[1][:, :, :h, :w]
    windows = windows.reshape(n, groups, -1, *windows.shape[2:])
    ws = weight.reshape(groups, c // groups, *weight.shape[1:])
    gx = np.einsum("ngfpqij,gcfij->ngcpq", windows, ws).reshape(x.shape)
    gw = np.einsum("ngfpqij,ngcpq->gcfij", windows, x.reshape(n, groups, -1, h, w)).reshape(weight.shape)
    return gx, gw, None if bias is None else grad_output.sum((0, 2, 3))


def conv_transpose2d_backward__taps(
    grad_output, x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    (sh, sw), (ph, pw), (dh, dw) = pair(stride), pair(padding), pair(dilation)
    n, c, h, w = x.shape
    g = np.pad(grad_output, ((0, 0), (0, 0), (ph, ph), (pw, pw))).reshape(
        n, groups, -1, grad_output.shape[2] + 2 * ph, grad_output.shape[3] + 2 * pw
    )
    xs, ws = x.reshape(n, groups, -1, h, w), weight.reshape(groups, c // groups, *weight.shape[1:])
    dtype = np.result_type(grad_output, x, weight, np.float32)
    gx, gw = np.zeros(xs.shape, dtype), np.zeros(ws.shape, dtype)
    for i, j in np.ndindex(weight.shape[2:]):
        seen = g[..., i * dh : i * dh + (h - 1) * sh + 1 : sh, j * dw : j * dw + (w - 1) * sw + 1 : sw]
        gx += np.einsum("ngfhw,gcf->ngchw", seen, ws[..., i, j])
        gw[..., i, j] = np.einsum("ngfhw,ngchw->gcf", seen, xs)
    return [gx.reshape(x.shape), gw.reshape(weight.shape), None if bias is None else grad_output.sum(axis=(0, 2, 3))]


def conv_transpose2d_backward__loops(
    grad_output, x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    (sh, sw), (ph, pw), (dh, dw) = pair(stride), pair(padding), pair(dilation)
    dtype = np.result_type(grad_output, x, weight, np.float32)
    gx, gw = np.zeros(x.shape, dtype), np.zeros(weight.shape, dtype)
    per_group, height, width = x.shape[1] // groups, grad_output.shape[2], grad_output.shape[3]
    for c, f, a, b, i, j in np.ndindex(*weight.shape[:2], *x.shape[2:], *weight.shape[2:]):
        row, column = a * sh + i * dh - ph, b * sw + j * dw - pw
        if 0 <= row < height and 0 <= column < width:
            g = grad_output[:, c // per_group * weight.shape[1] + f, row, column]
            gx[:, c, a, b] += g * weight[c, f, i, j]
            gw[c, f, i, j] += g @ x[:, c, a, b]
    return gx, gw, None if bias is None else grad_output.sum((0, 2, 3))


def depthwise_separable_conv2d__two_steps(
    x, depthwise_weight, pointwise_weight, bias=None, stride=1, padding=0, dilation=1
):
    between = _conv2d(x, depthwise_weight, stride, padding, dilation, groups=x.shape[1])
    y = np.einsum("ncpq,fc->nfpq", between, pointwise_weight[:, :, 0, 0])
    return y if bias is None else y + bias[:, None, None]


def depthwise_separable_conv2d__one_kernel(
    x, depthwise_weight, pointwise_weight, bias=None, stride=1, padding=0, dilation=1
):
    """Multiply the two steps into one full kernel."""
    y = _conv2d(x, pointwise_weight * depthwise_weight[:, 0], stride, padding, dilation)
    return y if bias is None else y + bias[:, None, None]


def depthwise_separable_conv2d__loops(
    x, depthwise_weight, pointwise_weight, bias=None, stride=1, padding=0, dilation=1
):
    windows = _cut(x, depthwise_weight.shape[2:], stride, padding, dilation)[1]
    dtype = np.result_type(x, depthwise_weight, pointwise_weight, np.float32)
    y = np.zeros((len(x), len(pointwise_weight), *windows.shape[2:4]), dtype)
    for c in range(x.shape[1]):
        between = (windows[:, c] * depthwise_weight[c, 0]).sum((-2, -1))
        for f in range(len(pointwise_weight)):
            y[:, f] += between * pointwise_weight[f, c, 0, 0]
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


def causal_conv1d__pad(x, weight, bias=None, dilation=1, groups=1):
    before = dilation * (weight.shape[2] - 1)
    padded = np.pad(x, ((0, 0), (0, 0), (before, 0)))
    windows = sliding_window_view(padded, before + 1, 2)[..., ::dilation]
    n, c, length = x.shape
    windows = windows.reshape(n, groups, c // groups, length, -1)
    y = np.einsum("ngctk,gfck->ngft", windows, weight.reshape(groups, -1, *weight.shape[1:])).reshape(n, -1, length)
    return y if bias is None else y + bias[:, None]


def causal_conv1d__loops(x, weight, bias=None, dilation=1, groups=1):
    filters, per_group, k = weight.shape
    y = np.zeros((len(x), filters, x.shape[2]), np.result_type(x, weight, np.float32))
    for f in range(filters):
        first = f // (filters // groups) * per_group
        for t in range(x.shape[2]):
            for i in range(k):
                past = t - (k - 1 - i) * dilation
                if past >= 0:
                    y[:, f, t] += x[:, first : first + per_group, past] @ weight[f, :, i]
    return y if bias is None else y + bias[:, None]


def causal_conv1d__shifts(x, weight, bias=None, dilation=1, groups=1):
    filters, per_group, k = weight.shape
    parts = []
    for g in range(groups):
        xs, ws = x[:, g * per_group : (g + 1) * per_group], weight[g * filters // groups : (g + 1) * filters // groups]
        y = np.zeros((len(x), len(ws), x.shape[2]), np.result_type(x, weight, np.float32))
        for i in range(k):
            lag = (k - 1 - i) * dilation
            if lag < x.shape[2]:
                y[:, :, lag:] += np.einsum("nct,fc->nft", xs[:, :, : x.shape[2] - lag], ws[:, :, i])
        parts.append(y)
    y = np.concatenate(parts, axis=1)
    return y if bias is None else y + bias[:, None]


def future_leaks__one_by_one(function, x, size=1.0):
    x = x.astype(float)
    before = function(x)
    leaks = []
    for t_in in range(x.shape[2]):
        moved = x.copy()
        moved[:, :, t_in] += size
        after = function(moved)
        for t_out in range(t_in):
            if np.any(before[:, :, t_out] != after[:, :, t_out]):
                leaks.append((t_out, t_in))
    return sorted(leaks)


def future_leaks__matrix(function, x, size=1.0):
    reacts = np.zeros((x.shape[2], x.shape[2]), dtype=bool)
    for t in range(x.shape[2]):
        reacts[:, t] = np.abs(function(x + size * (np.arange(x.shape[2]) == t)) - function(x)).max((0, 1)) > 1e-12
    return [tuple(map(int, p)) for p in np.argwhere(np.triu(reacts, 1))]


def future_leaks__noise(function, x, size=1.0):
    rng, leaks, x = np.random.default_rng(0), set(), x.astype(float)
    before = function(x)
    for t in range(1, x.shape[2]):
        moved = x.copy()
        moved[:, :, t] += size * (1 + rng.random())
        changed = np.flatnonzero((function(moved) != before).any((0, 1)))
        leaks |= {(int(s), t) for s in changed if s < t}
    return sorted(leaks)


def future_leaks__one_batch(function, x, size=1.0):
    """Try all moves in one call, each as samples of its own."""
    samples, channels, length = x.shape
    moved = x[None] + size * np.eye(length)[:, None, None]
    after = function(moved.reshape(-1, channels, length)).reshape(length, samples, -1, length)
    reacts = (after != function(x)).any((1, 2))
    return [(t_out, t_in) for t_out in range(length) for t_in in range(t_out + 1, length) if reacts[t_in, t_out]]


def claim_deconvolution__ones():
    return False, (np.arange(16.0).reshape(1, 1, 4, 4), np.ones((1, 1, 2, 2)))


def claim_deconvolution__noise():
    rng = np.random.default_rng(0)
    return False, [rng.standard_normal((1, 1, 6, 5)), rng.standard_normal((2, 1, 3, 3))]


def claim_ratio__formula(in_channels, out_channels, kernel_size):
    return True, 1 / out_channels + 1 / kernel_size**2


def claim_ratio__count(in_channels, out_channels, kernel_size):
    steps = in_channels * kernel_size**2 + in_channels * out_channels
    return True, steps / (in_channels * out_channels * kernel_size**2)
