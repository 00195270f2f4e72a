import math
from itertools import count

import numpy as np

from answers.pooling import (  # noqa: F401
    pool_output_shape__counting,
    pool_output_shape__formula,
    pool_output_shape__numpy,
)


def each(value, axes):
    return tuple(value) if isinstance(value, tuple | list) else (value,) * axes


# --- conv_output_shape ---


def conv_output_shape__formula(input_shape, kernel_size, stride=1, padding=0, dilation=1):
    axes = len(input_shape)
    if padding == "same":
        return tuple(input_shape)
    padding = 0 if padding == "valid" else padding
    options = (each(value, axes) for value in (kernel_size, stride, padding, dilation))
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(input_shape, *options))


def conv_output_shape__counting(input_shape, kernel_size, stride=1, padding=0, dilation=1):
    """Place every window and count it if its last tap is inside."""
    sizes = []
    for axis, n in enumerate(input_shape):
        k, s, d = (each(value, len(input_shape))[axis] for value in (kernel_size, stride, dilation))
        if padding == "same":
            before, after = (k - 1) * d, 0
        elif padding == "valid":
            before = after = 0
        else:
            before = after = each(padding, len(input_shape))[axis]
        sizes.append(sum(start + (k - 1) * d < n + after for start in range(-before, n + after, s)))
    return tuple(sizes)


def conv_output_shape__ranges(input_shape, kernel_size, stride=1, padding=0, dilation=1):
    sizes = np.array(input_shape)
    kernel, stride, dilation = (np.broadcast_to(v, sizes.shape) for v in (kernel_size, stride, dilation))
    span = dilation * (kernel - 1) + 1
    total = {"same": span - 1, "valid": 0}[padding] if isinstance(padding, str) else 2 * np.array(padding)
    return tuple(len(range(0, int(room), int(s))) for room, s in zip(sizes + total - span + 1, stride))


# --- same_padding ---


def same_padding__formula(kernel_size, dilation=1):
    kernel = each(kernel_size, 1)
    totals = [d * (k - 1) for k, d in zip(kernel, each(dilation, len(kernel)))]
    return tuple((total // 2, -(-total // 2)) for total in totals)


def same_padding__one_by_one(kernel_size, dilation=1):
    """Add zeros one at a time, first after, then before, until a size is kept."""
    kernel = each(kernel_size, 1)
    pairs = []
    for k, d in zip(kernel, each(dilation, len(kernel))):
        pair = [0, 0]
        for end in (1, 0) * k * d:
            if 50 + sum(pair) - d * (k - 1) == 50:
                break
            pair[end] += 1
        pairs.append(tuple(pair))
    return pairs


def same_padding__numpy(kernel_size, dilation=1):
    total = np.atleast_1d(np.array(dilation) * (np.array(kernel_size) - 1))
    return tuple((int(t) // 2, int(t) - int(t) // 2) for t in total)


# --- same_padding_strided ---


def same_padding_strided__formula(input_shape, kernel_size, stride=1, dilation=1):
    pairs = []
    options = (each(value, len(input_shape)) for value in (kernel_size, stride, dilation))
    for n, k, s, d in zip(input_shape, *options):
        total = max(0, (math.ceil(n / s) - 1) * s + d * (k - 1) + 1 - n)
        pairs.append((total // 2, total - total // 2))
    return tuple(pairs)


def same_padding_strided__remainder(input_shape, kernel_size, stride=1, dilation=1):
    """TensorFlow's own two cases: how far the last window starts from the end."""
    axes = len(input_shape)
    kernel, stride, dilation = each(kernel_size, axes), each(stride, axes), each(dilation, axes)
    pairs = []
    for axis, n in enumerate(input_shape):
        span = dilation[axis] * (kernel[axis] - 1) + 1
        rest = n % stride[axis] or stride[axis]
        total = span - rest if span > rest else 0
        pairs.append((total // 2, (total + 1) // 2))
    return pairs


def same_padding_strided__search(input_shape, kernel_size, stride=1, dilation=1):
    def smallest(n, k, s, d):
        for total in count():
            room = n + total - d * (k - 1) - 1
            if room >= 0 and room // s + 1 >= -(-n // s):
                return total // 2, total - total // 2

    axes = len(input_shape)
    return tuple(map(smallest, input_shape, each(kernel_size, axes), each(stride, axes), each(dilation, axes)))


# --- conv_transpose_output_shape ---


def conv_transpose_output_shape__formula(input_shape, kernel_size, stride=1, padding=0, output_padding=0, dilation=1):
    options = (each(v, len(input_shape)) for v in (kernel_size, stride, padding, output_padding, dilation))
    return tuple((n - 1) * s - 2 * p + d * (k - 1) + e + 1 for n, k, s, p, e, d in zip(input_shape, *options))


def conv_transpose_output_shape__painting(input_shape, kernel_size, stride=1, padding=0, output_padding=0, dilation=1):
    """Let every input paint its taps; what was painted, less the padding, is the output."""
    sizes = []
    for axis, n in enumerate(input_shape):
        k, s, p, e, d = (
            each(v, len(input_shape))[axis] for v in (kernel_size, stride, padding, output_padding, dilation)
        )
        last = max(i * s + a * d for i in range(n) for a in range(k))
        sizes.append(last + 1 + e - p - p)
    return tuple(sizes)


def conv_transpose_output_shape__inverse(input_shape, kernel_size, stride=1, padding=0, output_padding=0, dilation=1):
    smallest, _ = conv_input_range__search(input_shape, kernel_size, stride, padding, dilation, lowest=-999)
    return tuple(int(n) for n in np.array(smallest) + output_padding)


# --- conv_input_range ---


def conv_input_range__formula(output_shape, kernel_size, stride=1, padding=0, dilation=1):
    options = [each(v, len(output_shape)) for v in (kernel_size, stride, padding, dilation)]
    low = [(m - 1) * s - 2 * p + d * (k - 1) + 1 for m, k, s, p, d in zip(output_shape, *options)]
    return tuple(max(1, n) for n in low), tuple(n + s - 1 for n, s in zip(low, options[1]))


def conv_input_range__search(output_shape, kernel_size, stride=1, padding=0, dilation=1, lowest=1):
    """Try all sizes."""
    ends = []
    options = (each(v, len(output_shape)) for v in (kernel_size, stride, padding, dilation))
    for m, k, s, p, d in zip(output_shape, *options):
        sizes = range(lowest, m * s + d * k + s)
        right = [n for n in sizes if (n + 2 * p - d * (k - 1) - 1) // s + 1 == m]
        ends.append((right[0], right[-1]))
    return tuple(zip(*ends))


def conv_input_range__numpy(output_shape, kernel_size, stride=1, padding=0, dilation=1):
    m, k, s, p, d = (
        np.broadcast_to(v, len(output_shape)) for v in (output_shape, kernel_size, stride, padding, dilation)
    )
    last = m * s + d * (k - 1) - 2 * p
    return np.maximum(last - s + 1, 1).tolist(), last.tolist()


# --- trace_shapes ---


def trace_shapes__chain(layers, input_shape):
    """One function per family of layers."""
    shape, found = tuple(input_shape), []
    for layer in layers:
        kind, parameters = layer["kind"], 0
        if kind.startswith("conv"):
            groups, out = layer.get("groups", 1), layer["out_channels"]
            stride, dilation = layer.get("stride", 1), layer.get("dilation", 1)
            parameters = out * shape[1] // groups * math.prod(each(layer["kernel_size"], 2))
            parameters += out if layer.get("bias", True) else 0
            plane = (shape[2:], layer["kernel_size"], stride, layer.get("padding", 0))
            if kind == "conv2d":
                plane = conv_output_shape__formula(*plane, dilation)
            else:
                plane = conv_transpose_output_shape__formula(*plane, layer.get("output_padding", 0), dilation)
            shape = (shape[0], out, *plane)
        elif kind.startswith("adaptive"):
            shape = (*shape[:2], *each(layer["output_size"], 2))
        elif "pool" in kind:
            options = {key: layer[key] for key in ("stride", "padding", "dilation", "ceil_mode") if key in layer}
            shape = (*shape[:2], *pool_output_shape__formula(shape[2:], layer["kernel_size"], **options))
        elif kind == "flatten":
            shape = (shape[0], math.prod(shape[1:]))
        elif kind == "linear":
            parameters = (shape[-1] + layer.get("bias", True)) * layer["out_features"]
            shape = (*shape[:-1], layer["out_features"])
        elif kind == "batch_norm2d":
            parameters = 2 * shape[1]
        found.append((shape, parameters))
    return found


def trace_shapes__arrays(layers, input_shape):
    """Build the weights, and count what is in them."""
    shape, found = tuple(input_shape), []
    for layer in layers:
        weights = []
        if "out_channels" in layer:
            out = layer["out_channels"]
            weights = [np.empty((out, shape[1] // layer.get("groups", 1), *each(layer["kernel_size"], 2)))]
            weights += [np.empty(out)] * layer.get("bias", True)
        if "out_features" in layer:
            weights = [np.empty((layer["out_features"], shape[-1]))]
            weights += [np.empty(layer["out_features"])] * layer.get("bias", True)
        if layer["kind"] == "batch_norm2d":
            weights = [np.empty(shape[1]), np.empty(shape[1])]
        shape = trace_shapes__chain([layer], shape)[0][0]
        found.append((shape, sum(w.size for w in weights)))
    return found


def trace_shapes__recursive(layers, input_shape):
    if not layers:
        return []
    first = trace_shapes__chain(layers[:1], input_shape)[0]
    return [list(first), *trace_shapes__recursive(layers[1:], first[0])]


# --- claims ---


def claim_restored__formula(n, k, s, p):
    return True, (n + 2 * p - k) % s


def claim_restored__search(n, k, s, p):
    (m,) = conv_output_shape__counting((n,), k, s, p)
    for extra in range(s):
        if conv_transpose_output_shape__painting((m,), k, s, p, extra) == (n,):
            return True, extra


def claim_half_padding__smallest():
    return False, (10, 2)


def claim_half_padding__larger():
    return np.bool_(False), [33, 8]
