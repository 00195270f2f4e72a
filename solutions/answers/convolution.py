"""Right answers to the assignment on convolution, in several styles."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

# --- mode_padding ---


def mode_padding__table(kernel_size, mode):
    both = kernel_size - 1
    return {"full": (both, both), "same": (both - both // 2, both // 2), "valid": (0, 0)}[mode]


def mode_padding__branches(kernel_size, mode):
    if mode == "valid":
        return 0, 0
    if mode == "full":
        return kernel_size - 1, kernel_size - 1
    after = 0
    while 2 * (after + 1) <= kernel_size - 1:
        after += 1
    return kernel_size - 1 - after, after


def mode_padding__numpy(kernel_size, mode):
    outputs = np.arange(1, kernel_size) if mode == "full" else np.arange(0)
    if mode == "same":
        return tuple(int(np.ceil(half)) for half in ((kernel_size - 1) / 2, kernel_size / 2 - 1))
    return [len(outputs), len(outputs)]


# --- output_size ---


def output_size__formula(n, kernel_size, mode):
    return {"full": n + kernel_size - 1, "same": n, "valid": n - kernel_size + 1}[mode]


def output_size__counting(n, kernel_size, mode):
    if mode == "same":
        return n
    starts = range(-kernel_size - 3, n + 3)
    if mode == "full":
        return sum(start + kernel_size > 0 and start < n for start in starts)
    return sum(start >= 0 and start + kernel_size <= n for start in starts)


def output_size__padding(n, kernel_size, mode):
    before, after = mode_padding__table(kernel_size, mode)
    return np.int64(before + n + after - kernel_size + 1)


# --- signals ---


def convolve1d__loops(x, h, mode="full"):
    n, k = len(x), len(h)
    y = np.zeros(n + k - 1, dtype=np.result_type(x, h))
    for i in range(n):
        for j in range(k):
            y[i + j] += x[i] * h[j]
    start = {"full": 0, "same": (k - 1) // 2, "valid": k - 1}[mode]
    return y[start : start + output_size__formula(n, k, mode)].copy()


def convolve1d__windows(x, h, mode="full"):
    padded = np.pad(x, mode_padding__table(len(h), mode))
    return sliding_window_view(padded, len(h)) @ h[::-1]


def convolve1d__matrix(x, h, mode="full"):
    return convolution_matrix1d__rolled(h, len(x), mode) @ x


def convolve1d__taps(x, h, mode="full"):
    size = output_size__formula(len(x), len(h), mode)
    padded = np.pad(x, mode_padding__table(len(h), mode))
    return sum(tap * padded[len(h) - 1 - n : len(h) - 1 - n + size] for n, tap in enumerate(h))


def convolve1d__fft(x, h, mode="full"):
    """What should be 0 is 1e-17 here."""
    size = len(x) + len(h) - 1
    full = np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(h, size), size)
    start = {"full": 0, "same": (len(h) - 1) // 2, "valid": len(h) - 1}[mode]
    part = full[start : start + output_size__formula(len(x), len(h), mode)]
    return part.astype(np.result_type(x, h, np.float32))


def cross_correlate1d__loops(x, h, mode="full"):
    n, k = len(x), len(h)
    before = mode_padding__table(k, mode)[0]
    y = np.zeros(output_size__formula(n, k, mode), dtype=np.result_type(x, h))
    for t in range(len(y)):
        for j in range(k):
            if 0 <= t - before + j < n:
                y[t] += x[t - before + j] * h[j]
    return y


def cross_correlate1d__windows(x, h, mode="full"):
    return np.einsum("tk,k->t", sliding_window_view(np.pad(x, mode_padding__table(len(h), mode)), len(h)), h)


def cross_correlate1d__turned(x, h, mode="full"):
    return convolve1d__loops(x, np.flip(h), mode)


def cross_correlate1d__numpy(x, h, mode="full"):
    """A view of what NumPy gives."""
    n, k = len(x), len(h)
    keep = {"full": slice(None), "same": slice((k - 1) // 2, (k - 1) // 2 + n), "valid": slice(k - 1, n)}[mode]
    return np.correlate(x, h, "full")[keep]


# --- images ---


def convolve2d__loops(image, kernel, mode="full"):
    (height, width), (rows, columns) = image.shape, kernel.shape
    full = np.zeros((height + rows - 1, width + columns - 1), dtype=np.result_type(image, kernel))
    for i in range(height):
        for j in range(width):
            for m in range(rows):
                for n in range(columns):
                    full[i + m, j + n] += image[i, j] * kernel[m, n]
    top, left = ({"full": 0, "same": (k - 1) // 2, "valid": k - 1}[mode] for k in kernel.shape)
    down, right = (output_size__formula(a, k, mode) for a, k in zip(image.shape, kernel.shape))
    return full[top : top + down, left : left + right].copy()


def convolve2d__im2col(image, kernel, mode="full"):
    padded = np.pad(image, [mode_padding__table(k, mode) for k in kernel.shape])
    windows = sliding_window_view(padded, kernel.shape)
    columns = windows.reshape(-1, kernel.size)
    return (columns @ kernel.ravel()[::-1]).reshape(windows.shape[:2])


def convolve2d__fft(image, kernel, mode="full"):
    shape = [n + k - 1 for n, k in zip(image.shape, kernel.shape)]
    full = np.fft.irfft2(np.fft.rfft2(image, shape) * np.fft.rfft2(kernel, shape), shape)
    starts = [{"full": 0, "same": (k - 1) // 2, "valid": k - 1}[mode] for k in kernel.shape]
    sizes = [output_size__formula(n, k, mode) for n, k in zip(image.shape, kernel.shape)]
    part = full[starts[0] : starts[0] + sizes[0], starts[1] : starts[1] + sizes[1]]
    dtype = np.result_type(image, kernel)
    return np.rint(part).astype(dtype) if dtype.kind in "iu" else part.astype(dtype)


def cross_correlate2d__loops(image, kernel, mode="full"):
    padded = np.pad(image, [mode_padding__table(k, mode) for k in kernel.shape])
    rows, columns = kernel.shape
    height, width = padded.shape[0] - rows + 1, padded.shape[1] - columns + 1
    y = np.empty((height, width), dtype=np.result_type(image, kernel))
    for i in range(height):
        for j in range(width):
            y[i, j] = (padded[i : i + rows, j : j + columns] * kernel).sum()
    return y


def cross_correlate2d__taps(image, kernel, mode="full"):
    padded = np.pad(image, [mode_padding__table(k, mode) for k in kernel.shape])
    height, width = (output_size__formula(n, k, mode) for n, k in zip(image.shape, kernel.shape))
    return sum(tap * padded[m : m + height, n : n + width] for (m, n), tap in np.ndenumerate(kernel))


def cross_correlate2d__turned(image, kernel, mode="full"):
    return convolve2d__im2col(image, np.rot90(kernel, 2), mode)


# --- periodic signals and matrices ---


def circular_convolve1d__loops(x, h):
    y = np.zeros(len(x), dtype=np.result_type(x, h))
    for t in range(len(x)):
        for n in range(len(h)):
            y[t] += x[t - n] * h[n]
    return y


def circular_convolve1d__rolled(x, h):
    return sum(tap * np.roll(x, n) for n, tap in enumerate(h))


def circular_convolve1d__folded(x, h):
    full = convolve1d__loops(x, h)
    y = full[: len(x)].copy()
    y[: len(full) - len(x)] += full[len(x) :]
    return y


def circular_convolve1d__two_periods(x, h):
    return np.convolve(np.tile(x, 2), h)[len(x) : 2 * len(x)]


def circular_convolve1d__fft(x, h):
    y = np.fft.ifft(np.fft.fft(x) * np.fft.fft(h, len(x))).real
    return y.astype(np.result_type(x, h, np.float32))


def convolution_matrix1d__loops(h, n, mode="full"):
    start = {"full": 0, "same": (len(h) - 1) // 2, "valid": len(h) - 1}[mode]
    matrix = np.zeros((output_size__formula(n, len(h), mode), n), dtype=h.dtype)
    for t in range(len(matrix)):
        for a in range(n):
            if 0 <= start + t - a < len(h):
                matrix[t, a] = h[start + t - a]
    return matrix


def convolution_matrix1d__rolled(h, n, mode="full"):
    tall = np.zeros((n + len(h) - 1, n), dtype=h.dtype)
    for a in range(n):
        tall[a : a + len(h), a] = h
    start = {"full": 0, "same": (len(h) - 1) // 2, "valid": len(h) - 1}[mode]
    return tall[start : start + output_size__formula(n, len(h), mode)].copy()


def convolution_matrix1d__diagonals(h, n, mode="full"):
    full = sum(np.eye(n + len(h) - 1, n, -k, dtype=h.dtype) * tap for k, tap in enumerate(h))
    cut = {"full": 0, "same": (len(h) - 1) // 2, "valid": len(h) - 1}[mode]
    return full[cut : cut + output_size__formula(n, len(h), mode)].astype(h.dtype)


def convolution_matrix2d__units(kernel, image_shape, mode="full"):
    columns = []
    for index in np.ndindex(*image_shape):
        unit = np.zeros(image_shape, dtype=kernel.dtype)
        unit[index] = 1
        columns.append(convolve2d__im2col(unit, kernel, mode).ravel())
    return np.array(columns).T.copy()


def convolution_matrix2d__kronecker(kernel, image_shape, mode="full"):
    height, width = image_shape
    total = 0
    for r, row in enumerate(kernel):
        tap = np.zeros(len(kernel), dtype=kernel.dtype)
        tap[r] = 1
        blocks = convolution_matrix1d__rolled(tap, height, mode)
        total = total + np.kron(blocks, convolution_matrix1d__rolled(row, width, mode))
    return total


def convolution_matrix2d__loops(kernel, image_shape, mode="full"):
    (height, width), (rows, columns) = image_shape, kernel.shape
    top, left = ({"full": 0, "same": (k - 1) // 2, "valid": k - 1}[mode] for k in kernel.shape)
    down, right = (output_size__formula(n, k, mode) for n, k in zip(image_shape, kernel.shape))
    matrix = np.zeros((down * right, height * width), dtype=kernel.dtype)
    for i in range(down):
        for j in range(right):
            for a in range(height):
                for b in range(width):
                    m, n = top + i - a, left + j - b
                    if 0 <= m < rows and 0 <= n < columns:
                        matrix[i * right + j, a * width + b] = kernel[m, n]
    return matrix


def convolution_matrix2d__blocks(kernel, image_shape, mode="full"):
    (height, width), rows = image_shape, len(kernel)
    inside = [convolution_matrix1d__rolled(row, width, mode) for row in kernel]
    start = {"full": 0, "same": (rows - 1) // 2, "valid": rows - 1}[mode]
    outputs = range(start, start + output_size__formula(height, rows, mode))
    nothing = np.zeros_like(inside[0])
    return np.block([[inside[i - a] if 0 <= i - a < rows else nothing for a in range(height)] for i in outputs])


# --- the kernel of an edge, and claims ---


def edge_kernel__table(operation):
    return np.array([[1.0, -1.0]]) if operation == "convolution" else np.array([[-1.0, 1.0]])


def edge_kernel__turned(operation):
    kernel = np.array([[-1, 1]])
    return kernel[:, ::-1] if operation == "convolution" else kernel


def claim_commutes__short():
    return False, (np.array([1.0, 2.0]), np.array([3.0, 4.0]))


def claim_commutes__lists():
    return False, ([1, 0, 0], [1])


def claim_associates__short():
    return False, (np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([5.0, 6.0]))


def claim_associates__lists():
    return False, ([1], [1], [1, 0])


def claim_merge__convolve(first, second):
    return True, convolve2d__im2col(first, second)


def claim_merge__loops(first, second):
    return np.True_, convolve2d__loops(second, first)


def claim_circulant__ones():
    return False, (np.array([1.0, 2.0, 3.0]), 5)


def claim_circulant__even():
    return False, ([0, 1], 3)


def claim_agree__turned(kernel):
    return True, bool(np.array_equal(kernel, np.rot90(kernel, 2)))


def claim_agree__raveled(kernel):
    return True, np.all(kernel.ravel() == kernel.ravel()[::-1])
