import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def pair(value):
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def taps(kernel, size, stride, padding, dilation):
    """Yield (i, j, slices) of the padded image that kernel element (i, j) meets."""
    (sh, sw), (ph, pw), (dh, dw) = map(pair, (stride, padding, dilation))
    rows = (size[0] + 2 * ph - dh * (kernel[0] - 1) - 1) // sh + 1
    columns = (size[1] + 2 * pw - dw * (kernel[1] - 1) - 1) // sw + 1
    for i, j in np.ndindex(*kernel):
        down = slice(i * dh, i * dh + (rows - 1) * sh + 1, sh)
        yield i, j, (..., down, slice(j * dw, j * dw + (columns - 1) * sw + 1, sw))


# --- fold ---


def fold__taps(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    kernel, (ph, pw), (height, width) = pair(kernel_size), pair(padding), output_size
    channels = x.shape[1] // (kernel[0] * kernel[1])
    padded = np.zeros((len(x), channels, height + 2 * ph, width + 2 * pw), x.dtype)
    for i, j, place in taps(kernel, output_size, stride, padding, dilation):
        seen = padded[place]
        seen += x.reshape(len(x), channels, *kernel, *seen.shape[2:])[:, :, i, j]
    return padded[:, :, ph : ph + height, pw : pw + width].copy()


def fold__windows(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Lay window after window."""
    (kh, kw), (ph, pw), (dh, dw), (sh, sw) = map(pair, (kernel_size, padding, dilation, stride))
    height, width = output_size
    padded = np.zeros((len(x), x.shape[1] // (kh * kw), height + 2 * ph, width + 2 * pw), x.dtype)
    per_row = (width + 2 * pw - dw * (kw - 1) - 1) // sw + 1
    for place in range(x.shape[2]):
        top, left = place // per_row * sh, place % per_row * sw
        rows, columns = top + dh * np.arange(kh), left + dw * np.arange(kw)
        padded[:, :, rows[:, None], columns] += x[:, :, place].reshape(*padded.shape[:2], kh, kw)
    return padded[:, :, ph : ph + height, pw : pw + width].copy()


def fold__add_at(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Number the pixels, unfold the numbers, add at them."""
    kernel, (ph, pw), (height, width) = pair(kernel_size), pair(padding), output_size
    size = (height + 2 * ph, width + 2 * pw)
    numbers = np.arange(size[0] * size[1]).reshape(size)
    index = np.array([numbers[p].ravel() for _, _, p in taps(kernel, output_size, stride, padding, dilation)])
    columns = x.reshape(len(x), -1, index.size)
    flat = np.zeros((*columns.shape[:2], numbers.size), x.dtype)
    np.add.at(flat, (slice(None), slice(None), index.ravel()), columns)
    return flat.reshape(*flat.shape[:2], *size)[:, :, ph : ph + height, pw : pw + width].copy()


# --- conv2d_weight ---


def conv2d_weight__loops(x, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    filters, depth, kh, kw = weight_size
    (sh, sw), (ph, pw), (dh, dw) = map(pair, (stride, padding, dilation))
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    result = np.zeros(weight_size, np.result_type(x, grad_output))
    for n, f, p, q in np.ndindex(grad_output.shape):
        first = f // (filters // groups) * depth
        rows = slice(p * sh, p * sh + dh * (kh - 1) + 1, dh)
        columns = slice(q * sw, q * sw + dw * (kw - 1) + 1, dw)
        result[f] += grad_output[n, f, p, q] * x[n, first : first + depth, rows, columns]
    return result


def conv2d_weight__taps(x, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    filters, depth, *kernel = weight_size
    (ph, pw), n = pair(padding), len(x)
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    g = grad_output.reshape(n, groups, filters // groups, *grad_output.shape[2:])
    result = np.zeros(weight_size, np.result_type(x, grad_output))
    for i, j, place in taps(kernel, x.shape[2:], stride, padding, dilation):
        seen = padded[place].reshape(n, groups, depth, *grad_output.shape[2:])
        result[:, :, i, j] = np.einsum("ngfpq,ngcpq->gfc", g, seen).reshape(filters, depth)
    return result


def conv2d_weight__matrix(x, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The columns, transposed, times the gradient: one product per sample and group."""
    (sh, sw), (ph, pw), (dh, dw) = map(pair, (stride, padding, dilation))
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    span = dh * (weight_size[2] - 1) + 1, dw * (weight_size[3] - 1) + 1
    view = sliding_window_view(padded, span, (2, 3))[:, :, ::sh, ::sw, ::dh, ::dw]
    columns = view.transpose(0, 2, 3, 1, 4, 5).reshape(len(x), -1, groups, int(np.prod(weight_size[1:])))
    g = grad_output.reshape(len(x), groups, weight_size[0] // groups, -1)
    return sum(a @ b.swapaxes(0, 1) for a, b in zip(g, columns)).reshape(weight_size)


# --- conv2d_input ---


def conv2d_input__loops(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    filters, depth, kh, kw = weight.shape
    (sh, sw), (ph, pw), (dh, dw) = map(pair, (stride, padding, dilation))
    n, c, height, width = input_size
    padded = np.zeros((n, c, height + 2 * ph, width + 2 * pw), np.result_type(weight, grad_output))
    for b, f, p, q in np.ndindex(grad_output.shape):
        first = f // (filters // groups) * depth
        rows = slice(p * sh, p * sh + dh * (kh - 1) + 1, dh)
        columns = slice(q * sw, q * sw + dw * (kw - 1) + 1, dw)
        padded[b, first : first + depth, rows, columns] += grad_output[b, f, p, q] * weight[f]
    return padded[:, :, ph : ph + height, pw : pw + width].copy()


def conv2d_input__fold(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    n, filters = grad_output.shape[:2]
    g = grad_output.reshape(n, groups, filters // groups, -1)
    columns = weight.reshape(groups, filters // groups, -1).swapaxes(1, 2) @ g
    columns = columns.reshape(n, -1, g.shape[-1])
    return fold__taps(columns, input_size[2:], weight.shape[2:], dilation, padding, stride)


def conv2d_input__full_convolution(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """Spread the gradient, put zeros around it, slide the turned kernel over it."""
    (sh, sw), (ph, pw), (dh, dw) = map(pair, (stride, padding, dilation))
    (n, c, height, width), (filters, depth, kh, kw) = input_size, weight.shape
    reach = dh * (kh - 1), dw * (kw - 1)
    spread = np.zeros((n, filters, height + 2 * ph + reach[0], width + 2 * pw + reach[1]), grad_output.dtype)
    rows, columns = (np.arange(m) * s + r for m, s, r in zip(grad_output.shape[2:], (sh, sw), reach))
    spread[:, :, rows[:, None], columns] = grad_output
    windows = sliding_window_view(spread, (reach[0] + 1, reach[1] + 1), (2, 3))[..., ::dh, ::dw]
    turned = weight[:, :, ::-1, ::-1].reshape(groups, filters // groups, depth, kh, kw)
    windows = windows.reshape(n, groups, filters // groups, *windows.shape[2:])
    result = np.einsum("ngfuvij,gfcij->ngcuv", windows, turned).reshape(n, c, height + 2 * ph, width + 2 * pw)
    return result[:, :, ph : ph + height, pw : pw + width].copy()


# --- conv2d_backward ---


def conv2d_backward__loops(grad_output, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    options = (stride, padding, dilation, groups)
    db = None
    if bias is not None:
        db = np.zeros(len(bias), grad_output.dtype)
        for n, f, p, q in np.ndindex(grad_output.shape):
            db[f] += grad_output[n, f, p, q]
    dx = conv2d_input__loops(x.shape, weight, grad_output, *options)
    return dx, conv2d_weight__loops(x, weight.shape, grad_output, *options), db


def conv2d_backward__matrix(grad_output, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return (
        conv2d_input__fold(x.shape, weight, grad_output, **options),
        conv2d_weight__matrix(x, weight.shape, grad_output, **options),
        None if bias is None else grad_output.sum((0, 2, 3)),
    )


def conv2d_backward__taps(grad_output, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    options = (stride, padding, dilation, groups)
    dx = conv2d_input__full_convolution(x.shape, weight, grad_output, *options)
    dw = conv2d_weight__taps(x, weight.shape, grad_output, *options)
    db = np.einsum("nfpq->f", grad_output) if bias is not None else None
    return dx, dw, db


# --- numerical_gradient ---


def numerical_gradient__loops(function, x, grad_output=1.0, step=None):
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        h = step or 6e-6 * max(1, abs(x[index]))
        up, down = x.astype(float), x.astype(float)
        up[index] += h
        down[index] -= h
        gradient[index] = np.sum(grad_output * (function(up) - function(down))) / (2 * h)
    return gradient


def numerical_gradient__scaled(function, x, grad_output=1.0, step=None):
    x, result = np.asarray(x, dtype=np.float64), []
    for k, value in enumerate(x.ravel()):
        h = step if step is not None else np.cbrt(np.finfo(float).eps) * max(1.0, abs(value))
        unit = np.zeros(x.size)
        unit[k] = h
        unit = unit.reshape(x.shape)
        result.append(np.vdot(np.broadcast_to(grad_output, np.shape(function(x))), function(x + unit)))
        result[-1] -= np.vdot(np.broadcast_to(grad_output, np.shape(function(x))), function(x - unit))
        result[-1] /= 2 * h
    return np.array(result).reshape(x.shape)


def numerical_gradient__richardson(function, x, grad_output=1.0, step=None):
    """A better formula, where the step is left open: two steps, the leading error taken out."""
    x = x.astype(np.float64)

    def central(h):
        moves = (h * np.eye(x.size)).reshape(x.size, *x.shape)
        return np.array([np.sum((function(x + m) - function(x - m)) * grad_output) for m in moves]) / (2 * h)

    near = 1e-4 * np.maximum(1, np.abs(x.ravel()))
    slopes = central(step) if step is not None else (4 * central(near) - central(2 * near)) / 3
    return slopes.reshape(x.shape)


# --- adjoint_gap ---


def adjoint_gap__sums(forward, adjoint, x, y):
    left, right = forward(x) * y, x * adjoint(y)
    scale = max(np.abs(left).sum(), np.abs(right).sum())
    return float(abs(left.sum() - right.sum()) / scale) if scale > 0 else 0.0


def adjoint_gap__dots(forward, adjoint, x, y):
    image, back = forward(x).ravel(), adjoint(y).ravel()
    difference = np.dot(image, y.ravel()) - np.dot(x.ravel(), back)
    scale = max(np.dot(abs(image), abs(y.ravel())), np.dot(abs(x.ravel()), abs(back)))
    return 0.0 if scale == 0 else abs(difference) / scale


def adjoint_gap__loops(forward, adjoint, x, y):
    sums, sizes = [0.0, 0.0], [0.0, 0.0]
    for k, (a, b) in enumerate(((forward(x), y), (adjoint(y), x))):
        for one, two in zip(a.flat, b.flat):
            sums[k] += one * two
            sizes[k] += abs(one * two)
    return abs(sums[0] - sums[1]) / max(*sizes, 1e-300)


# --- claims ---


def claim_spread__slices(grad_output, kernel_size, stride):
    (sh, sw), (kh, kw), (n, f, height, width) = pair(stride), kernel_size, grad_output.shape
    spread = np.zeros((n, f, (height - 1) * sh + 2 * kh - 1, (width - 1) * sw + 2 * kw - 1), grad_output.dtype)
    spread[:, :, kh - 1 : kh - 1 + (height - 1) * sh + 1 : sh, kw - 1 : kw - 1 + (width - 1) * sw + 1 : sw] = (
        grad_output
    )
    return True, spread


def claim_spread__kron(grad_output, kernel_size, stride):
    (sh, sw), (kh, kw) = pair(stride), kernel_size
    unit = np.zeros((sh, sw), grad_output.dtype)
    unit[0, 0] = 1
    spread = np.kron(grad_output, unit)
    spread = spread[:, :, : spread.shape[2] - sh + 1, : spread.shape[3] - sw + 1]
    return True, np.pad(spread, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))


def claim_undoes__edge():
    return False, (np.array([[[[-1.0, 1.0]]]]), np.ones((1, 1, 3, 4)))


def claim_undoes__checkerboard():
    x = np.indices((5, 6)).sum(axis=0) % 2 * 2.0 - 1
    return False, (np.ones((1, 1, 2, 2)), x[None, None])
