"""Right answers to the assignment on why convolution, in several styles."""

from math import prod

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def pair(value):
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def units(value):
    return prod(value) if isinstance(value, tuple | list) else value


# --- counts ---


def dense_parameters__product(inputs, outputs, bias=True):
    weights = units(inputs) * units(outputs)
    return weights + units(outputs) if bias else weights


def dense_parameters__numpy(inputs, outputs, bias=True):
    return int(np.prod(inputs, dtype=np.int64) + bias) * int(np.prod(outputs, dtype=np.int64))


def dense_parameters__matrix(inputs, outputs, bias=True):
    def count(shape):
        total = 1
        for size in shape if isinstance(shape, tuple) else [shape]:
            total *= size
        return total

    rows, columns = count(outputs), count(inputs) + (1 if bias else 0)
    return np.int64(rows) * np.int64(columns)


def conv_parameters__formula(in_channels, out_channels, kernel_size, bias=True, groups=1):
    rows, columns = pair(kernel_size)
    return out_channels * (in_channels // groups * rows * columns + int(bias))


def conv_parameters__array(in_channels, out_channels, kernel_size, bias=True, groups=1):
    weight = np.empty((out_channels, in_channels // groups, *pair(kernel_size)))
    return weight.size + (out_channels if bias else 0)


def conv_parameters__groups(in_channels, out_channels, kernel_size, bias=True, groups=1):
    total = 0
    for _ in range(groups):
        total += in_channels // groups * (out_channels // groups) * np.prod(pair(kernel_size))
    return total + out_channels * bias


def local_parameters__formula(in_channels, output_shape, kernel_size, bias=True):
    return prod(output_shape) * (in_channels * prod(pair(kernel_size)) + bool(bias))


def local_parameters__array(in_channels, output_shape, kernel_size, bias=True):
    weight = np.zeros((*output_shape, in_channels, *pair(kernel_size)), dtype=np.int8)
    return weight.size + (np.zeros(output_shape).size if bias else 0)


def local_parameters__loops(in_channels, output_shape, kernel_size, bias=True):
    return sum(in_channels * np.prod(pair(kernel_size)) + bias for _ in np.ndindex(*output_shape))


def conv_operations__formula(in_channels, output_shape, kernel_size, groups=1):
    window = in_channels // groups * prod(pair(kernel_size))
    return prod(output_shape) * (2 * window - 1)


def conv_operations__apart(in_channels, output_shape, kernel_size, groups=1):
    rows, columns = pair(kernel_size)
    channels, height, width = output_shape
    outputs = channels * height * width
    multiplications = outputs * (in_channels // groups) * rows * columns
    return multiplications + multiplications - outputs


def conv_operations__counting(in_channels, output_shape, kernel_size, groups=1):
    operations = 0
    for tap in range(in_channels // groups * int(np.prod(pair(kernel_size)))):
        operations += 1 if tap == 0 else 2
    return np.prod(output_shape) * operations


# --- receptive fields ---


def receptive_field__forward(layers):
    size, jump, start = 1, 1, 0
    for layer in layers:
        kernel, stride, padding, dilation = [*layer, *(1, 1, 0, 1)[len(layer) :]]
        size, start, jump = size + (kernel - 1) * dilation * jump, start - padding * jump, jump * stride
    return size, jump, start


def receptive_field__backward(layers):
    """Follow the first and the last input of outputs 0 and 1 down through the layers."""
    spans = [[0, 0], [1, 1]]
    for layer in layers[::-1]:
        kernel, stride, padding, dilation = [*layer, *(1, 1, 0, 1)[len(layer) :]]
        spans = [[a * stride - padding, b * stride - padding + (kernel - 1) * dilation] for a, b in spans]
    (first, last), (second, _) = spans
    return last - first + 1, second - first, first


def receptive_field__sets(layers):
    def inputs_of(output):
        seen = {output}
        for layer in reversed(layers):
            kernel, stride, padding, dilation = [*layer, *(1, 1, 0, 1)[len(layer) :]]
            seen = {t * stride - padding + n * dilation for t in seen for n in range(kernel)}
        return seen

    zero, one = inputs_of(0), inputs_of(1)
    return [max(zero) - min(zero) + 1, min(one) - min(zero), min(zero)]


def connectivity__sets(layers, length):
    reads = [{a} for a in range(length)]
    for layer in layers:
        kernel, stride, padding, dilation = [*layer, *(1, 1, 0, 1)[len(layer) :]]
        padded = [set()] * padding + reads + [set()] * padding
        span = (kernel - 1) * dilation
        reads = [
            set().union(*padded[first : first + span + 1 : dilation]) for first in range(0, len(padded) - span, stride)
        ]
    return np.array([[a in seen for a in range(length)] for seen in reads])


def connectivity__matrices(layers, length):
    total = np.eye(length, dtype=int)
    for layer in layers:
        kernel, stride, padding, dilation = [*layer, *(1, 1, 0, 1)[len(layer) :]]
        n = len(total)
        outputs = (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        one = np.zeros((outputs, n), dtype=int)
        for t in range(outputs):
            for tap in range(kernel):
                a = t * stride - padding + tap * dilation
                if 0 <= a < n:
                    one[t, a] = 1
        total = one @ total
    return total > 0


def connectivity__windows(layers, length):
    reads = np.eye(length, dtype=bool)
    for layer in layers:
        kernel, stride, padding, dilation = [*layer, *(1, 1, 0, 1)[len(layer) :]]
        padded = np.pad(reads, ((padding, padding), (0, 0)))
        windows = sliding_window_view(padded, dilation * (kernel - 1) + 1, axis=0)[::stride, :, ::dilation]
        reads = windows.any(axis=-1)
    return reads


# --- shifts ---


def shift2d__loops(x, shift, boundary="zeros"):
    height, width = x.shape[-2:]
    moved = np.zeros_like(x)
    for i in range(height):
        for j in range(width):
            to_row, to_column = i + shift[0], j + shift[1]
            if boundary == "circular":
                to_row, to_column = to_row % height, to_column % width
            if 0 <= to_row < height and 0 <= to_column < width:
                moved[..., to_row, to_column] = x[..., i, j]
    return moved


def shift2d__slices(x, shift, boundary="zeros"):
    if boundary == "circular":
        return np.roll(x, shift, axis=(-2, -1))
    moved = np.zeros_like(x)
    if all(abs(s) < n for s, n in zip(shift, x.shape[-2:])):
        to = tuple(slice(max(s, 0), n + min(s, 0)) for s, n in zip(shift, x.shape[-2:]))
        source = tuple(slice(max(-s, 0), n + min(-s, 0)) for s, n in zip(shift, x.shape[-2:]))
        moved[(..., *to)] = x[(..., *source)]
    return moved


def shift2d__matrices(x, shift, boundary="zeros"):
    if boundary == "circular":
        down, right = (np.roll(np.eye(n, dtype=x.dtype), s, axis=0) for s, n in zip(shift, x.shape[-2:]))
    else:
        down, right = (np.eye(n, k=-s, dtype=x.dtype) for s, n in zip(shift, x.shape[-2:]))
    return down @ x @ right.T


def shift2d__fourier(x, shift, boundary="zeros"):
    """With zeros all around, going round the edge is no different from leaving the image."""
    edge = [0, 0] if boundary == "circular" else [abs(s) for s in shift]
    padded = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(n, n) for n in edge])
    height, width = padded.shape[-2:]
    phase = shift[0] * np.fft.fftfreq(height)[:, None] + shift[1] * np.fft.fftfreq(width)
    moved = np.fft.ifft2(np.fft.fft2(padded) * np.exp(-2j * np.pi * phase)).real
    moved = moved[..., edge[0] : height - edge[0], edge[1] : width - edge[1]]
    return (np.rint(moved) if x.dtype.kind in "iu" else moved).astype(x.dtype)


def commuting_shifts__slices(jump, shape):
    down, right = pair(jump)
    table = np.zeros(shape, dtype=bool)
    table[::down, ::right] = True
    return table


def commuting_shifts__loops(jump, shape):
    down, right = pair(jump)
    return np.array(
        [[row % down == 0 and column % right == 0 for column in range(shape[1])] for row in range(shape[0])]
    )


def commuting_shifts__generated(jump, shape):
    """Add the two generators until nothing new is found."""
    down, right = pair(jump)
    found, new = set(), {(0, 0)}
    while new:
        found |= new
        new = {((r + a) % shape[0], (c + b) % shape[1]) for r, c in new for a, b in ((down, 0), (0, right))} - found
    table = np.zeros(shape, dtype=bool)
    table[tuple(zip(*found))] = True
    return table


def answered_shifts__loops(outputs, tolerance=1e-9):
    height, width = outputs.shape[2:]
    still = outputs[0, 0]
    table = np.zeros(outputs.shape[:2], dtype=bool)
    for index in np.ndindex(*table.shape):
        for move in np.ndindex(height, width):
            error = np.abs(np.roll(still, move, axis=(0, 1)) - outputs[index]).max()
            table[index] |= error <= tolerance * np.abs(still).max()
    return table


def answered_shifts__stacked(outputs, tolerance=1e-9):
    rows, columns = outputs.shape[2:]
    tiled = np.tile(outputs[0, 0], (2, 2))
    copies = sliding_window_view(tiled, (rows, columns))[:rows, :columns].reshape(-1, rows * columns)
    flat = outputs.reshape(*outputs.shape[:2], 1, -1)
    return np.abs(copies - flat).max(axis=-1).min(axis=-1) <= tolerance * np.abs(outputs[0, 0]).max()


def answered_shifts__any(outputs, tolerance=1e-9):
    still = outputs[0, 0]
    allowed = tolerance * max(still.max(), -still.min())

    def answered(y):
        return any((abs(np.roll(np.roll(still, r, 0), c, 1) - y) <= allowed).all() for r, c in np.ndindex(*y.shape))

    return np.array([[answered(y) for y in row] for row in outputs])


# --- claims ---


def claim_linear__diagonal():
    return False, np.diag([1.0, 2.0, 3.0])


def claim_linear__list():
    return False, [[1, 0], [0, 0]]


def claim_average__rolled(matrix):
    return True, sum(np.roll(matrix, (c, c), (0, 1)) for c in range(len(matrix))) / len(matrix)


def claim_average__diagonals(matrix):
    n = len(matrix)
    places = (np.arange(n)[:, None] - np.arange(n)) % n
    return np.True_, np.array([[matrix[places == places[i, j]].mean() for j in range(n)] for i in range(n)])


def claim_average__fourier(matrix):
    """A convolution is diagonal in the Fourier basis: keep the diagonal."""
    waves = np.fft.fft(np.eye(len(matrix)), norm="ortho")
    gains = np.diag(waves @ matrix @ waves.conj().T)
    return True, (waves.conj().T @ np.diag(gains) @ waves).real


def claim_order__first():
    return False, ([(3, 2), (3, 1)], [(3, 1), (3, 2)])


def claim_order__arrays():
    return False, (np.array([[1, 5], [2, 1]]), np.array([[2, 1], [1, 5]]))


def claim_depth__half(n):
    return True, (n - 1) // 2


def claim_depth__loop(n):
    depth, size = 0, 1
    while size < n:
        depth, size = depth + 1, size + 2
    return True, np.int64(depth)
