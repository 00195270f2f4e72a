import math

import numpy as np
import scipy.fft
import scipy.signal
from numpy.lib.stride_tricks import sliding_window_view


def _pads(k, mode):
    return {"full": (k - 1, k - 1), "same": (k // 2, (k - 1) // 2), "valid": (0, 0)}[mode]


def _padded(image, kernel, mode):
    return np.pad(image, [_pads(k, mode) for k in kernel.shape])


def loop_convolve2d__four_loops(image, kernel, mode="full"):
    x = _padded(image, kernel, mode)
    kh, kw = kernel.shape
    y = np.zeros((x.shape[0] - kh + 1, x.shape[1] - kw + 1), dtype=np.result_type(x, kernel))
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            for m in range(kh):
                for n in range(kw):
                    y[i, j] += x[i + m, j + n] * kernel[kh - 1 - m, kw - 1 - n]
    return y


def loop_convolve2d__scatter(image, kernel, mode="full"):
    """Every pixel paints its copy of the kernel; then cut."""
    (h, w), (kh, kw) = image.shape, kernel.shape
    y = np.zeros((h + kh - 1, w + kw - 1), dtype=np.result_type(image, kernel))
    for i, j in np.ndindex(h, w):
        y[i : i + kh, j : j + kw] += image[i, j] * kernel
    top, left = {"full": (0, 0), "same": ((kh - 1) // 2, (kw - 1) // 2), "valid": (kh - 1, kw - 1)}[mode]
    rows, columns = {"full": y.shape, "same": (h, w), "valid": (h - kh + 1, w - kw + 1)}[mode]
    return y[top : top + rows, left : left + columns].copy()


def loop_convolve2d__two_loops(image, kernel, mode="full"):
    x, flipped = _padded(image, kernel, mode), kernel[::-1, ::-1]
    kh, kw = kernel.shape
    shape = x.shape[0] - kh + 1, x.shape[1] - kw + 1
    rows = [[np.sum(x[i : i + kh, j : j + kw] * flipped) for j in range(shape[1])] for i in range(shape[0])]
    return np.array(rows)


def im2col_convolve2d__windows(image, kernel, mode="full"):
    windows = sliding_window_view(_padded(image, kernel, mode), kernel.shape)
    return (windows.reshape(-1, kernel.size) @ kernel[::-1, ::-1].ravel()).reshape(windows.shape[:2])


def im2col_convolve2d__indices(image, kernel, mode="full"):
    x = _padded(image, kernel, mode)
    rows, columns = x.shape[0] - kernel.shape[0] + 1, x.shape[1] - kernel.shape[1] + 1
    i = np.arange(rows)[:, None, None, None] + np.arange(kernel.shape[0])[:, None]
    j = np.arange(columns)[None, :, None, None] + np.arange(kernel.shape[1])
    return np.einsum("pqij,ij->pq", x[i, j], kernel[::-1, ::-1])


def im2col_convolve2d__loops(image, kernel, mode="full"):
    x = _padded(image, kernel, mode)
    kh, kw = kernel.shape
    rows, columns = x.shape[0] - kh + 1, x.shape[1] - kw + 1
    cols = [x[i : i + kh, j : j + kw].ravel() for i in range(rows) for j in range(columns)]
    return (np.array(cols) @ kernel[::-1, ::-1].reshape(-1, 1)).reshape(rows, columns)


def _middle(full, image, kernel, mode):
    (h, w), (kh, kw) = image.shape, kernel.shape
    top, left = {"full": (0, 0), "same": ((kh - 1) // 2, (kw - 1) // 2), "valid": (kh - 1, kw - 1)}[mode]
    rows, columns = {"full": (h + kh - 1, w + kw - 1), "same": (h, w), "valid": (h - kh + 1, w - kw + 1)}[mode]
    return full[top : top + rows, left : left + columns].astype(np.result_type(image, kernel, np.float32))


def fft_convolve2d__rfft(image, kernel, mode="full"):
    size = [n + k - 1 for n, k in zip(image.shape, kernel.shape)]
    full = np.fft.irfft2(np.fft.rfft2(image, size) * np.fft.rfft2(kernel, size), size)
    return _middle(full, image, kernel, mode)


def fft_convolve2d__complex(image, kernel, mode="full"):
    size = [2 ** math.ceil(math.log2(n + k - 1)) for n, k in zip(image.shape, kernel.shape)]
    return _middle(np.fft.ifft2(np.fft.fft2(image, size) * np.fft.fft2(kernel, size)).real, image, kernel, mode)


def fft_convolve2d__single_precision(image, kernel, mode="full"):
    """SciPy's transform keeps float32."""
    size = [n + k - 1 for n, k in zip(image.shape, kernel.shape)]
    full = scipy.fft.ifft2(scipy.fft.fft2(image, size) * scipy.fft.fft2(kernel, size)).real
    return _middle(full, image, kernel, mode)


def separable_convolve2d__two_passes(image, column, row, mode="full"):
    return im2col_convolve2d__windows(im2col_convolve2d__windows(image, column[:, None], mode), row[None], mode)


def separable_convolve2d__numpy_lines(image, column, row, mode="full"):
    def cut(line, n, k):
        start = {"full": 0, "same": (k - 1) // 2, "valid": k - 1}[mode]
        return line[start : start + {"full": n + k - 1, "same": n, "valid": n - k + 1}[mode]]

    lines = [cut(np.convolve(line, column), len(line), len(column)) for line in image.T]
    between = np.array(lines).T
    return np.array([cut(np.convolve(line, row), len(line), len(row)) for line in between])


def separable_convolve2d__outer(image, column, row, mode="full"):
    """Not the fast way, but right."""
    return loop_convolve2d__two_loops(image, np.outer(column, row), mode)


def separate_kernel__svd(kernel):
    u, s, v = np.linalg.svd(kernel)
    return u[:, 0] * s[0], v[0].copy(), float(np.sqrt(np.sum(s[1:] ** 2) / np.sum(s**2)))


def separate_kernel__power_iteration(kernel):
    kernel = kernel.astype(np.result_type(kernel, np.float32))
    row = np.linspace(1, 2, kernel.shape[1]).astype(kernel.dtype)
    for _ in range(3000):
        column = kernel @ row / (row @ row)
        row = kernel.T @ column / (column @ column)
    return column, row, np.linalg.norm(kernel - np.outer(column, row)) / np.linalg.norm(kernel)


def separate_kernel__eigenvectors(kernel):
    _, vectors = np.linalg.eigh(kernel.T.astype(float) @ kernel)
    row = vectors[:, -1].astype(np.result_type(kernel, np.float32))
    column = kernel @ row
    error = np.linalg.norm(kernel - np.outer(column, row)) / np.linalg.norm(kernel)
    return (-column, -row, error)


def circular_fft_convolve2d__rfft(image, kernel):
    return np.fft.irfft2(np.fft.rfft2(image) * np.fft.rfft2(kernel, image.shape), image.shape)


def circular_fft_convolve2d__rolls(image, kernel):
    return sum(kernel[i, j] * np.roll(image, (i, j), (0, 1)) for i, j in np.ndindex(kernel.shape))


def circular_fft_convolve2d__modulo(image, kernel):
    y = np.zeros(image.shape, np.result_type(image, kernel))
    for i, j in np.ndindex(image.shape):
        for m, n in np.ndindex(kernel.shape):
            y[i, j] += kernel[m, n] * image[(i - m) % image.shape[0], (j - n) % image.shape[1]]
    return y


def _output_shape(image_shape, kernel_shape, mode):
    change = {"full": 1, "same": 0, "valid": -1}[mode]
    return tuple(n + change * (k - 1) for n, k in zip(image_shape, kernel_shape))


def operation_count__formulas(algorithm, image_shape, kernel_shape, mode="full"):
    (h, w), (kh, kw) = image_shape, kernel_shape
    rows, columns = _output_shape(image_shape, kernel_shape, mode)
    m, k = rows * columns, kh * kw
    if algorithm == "fft":
        p = 2 ** math.ceil(math.log2(h + kh - 1)) * 2 ** math.ceil(math.log2(w + kw - 1))
        log = round(math.log2(p))
        complex_products = 3 * p // 2 * log + p if p > 1 else 1
        return 4 * complex_products + 2 * p, 2 * complex_products + 6 * p * log, 4 * p
    return {
        "loops": (m * k, m * (k - 1), 0),
        "im2col": (m * k, m * (k - 1), m * k),
        "matrix": (m * h * w, m * (h * w - 1), m * h * w),
        "separable": (rows * w * kh + m * kw, rows * w * (kh - 1) + m * (kw - 1), rows * w),
    }[algorithm]


def operation_count__lists(algorithm, image_shape, kernel_shape, mode="full"):
    """The same, computed along another way: per output, then times outputs."""
    rows, columns = _output_shape(image_shape, kernel_shape, mode)
    terms = {"loops": math.prod(kernel_shape), "im2col": math.prod(kernel_shape), "matrix": math.prod(image_shape)}
    if algorithm in terms:
        per = terms[algorithm]
        memory = 0 if algorithm == "loops" else rows * columns * per
        return [rows * columns * per, rows * columns * (per - 1), memory]
    if algorithm == "separable":
        first = operation_count__lists("loops", image_shape, (kernel_shape[0], 1), "valid")
        first = [rows * image_shape[1] * kernel_shape[0], rows * image_shape[1] * (kernel_shape[0] - 1)]
        second = [rows * columns * kernel_shape[1], rows * columns * (kernel_shape[1] - 1)]
        return [a + b for a, b in zip(first, second)] + [rows * image_shape[1]]
    bits = [(n + k - 2).bit_length() for n, k in zip(image_shape, kernel_shape)]
    p, log = 2 ** sum(bits), sum(bits)
    per_transform = (p * log // 2, p * log)
    products, additions = 3 * per_transform[0] + p, 3 * per_transform[1]
    return [4 * products + 2 * p, 2 * products + 2 * additions, 4 * p]


def operation_count__numpy(algorithm, image_shape, kernel_shape, mode="full"):
    return tuple(np.int64(v) for v in operation_count__formulas(algorithm, image_shape, kernel_shape, mode))


def best_algorithm__minimum(image_shape, kernel_shape, mode="full", rank=None):
    names = ["loops", "matrix", "im2col", "fft"] + (["separable"] if rank == 1 else [])
    costs = [operation_count__formulas(name, image_shape, kernel_shape, mode)[0] for name in names]
    return names[costs.index(min(costs))]


def best_algorithm__numpy(image_shape, kernel_shape, mode="full", rank=None):
    names = np.array(["loops", "matrix", "im2col", "fft", "separable"])
    costs = np.array([operation_count__formulas(n, image_shape, kernel_shape, mode)[0] for n in names], dtype=float)
    costs[4] = costs[4] if rank == 1 else np.inf
    return names[np.argmin(costs)]


def best_algorithm__sorted(image_shape, kernel_shape, mode="full", rank=None):
    order = ("loops", "matrix", "im2col", "fft", "separable")
    possible = [(operation_count__lists(n, image_shape, kernel_shape, mode)[0], order.index(n)) for n in order]
    if rank != 1:
        possible = possible[:-1]
    return order[min(possible)[1]]


def best_algorithm__comparisons(image_shape, kernel_shape, mode="full", rank=None):
    best, least = "loops", operation_count__formulas("loops", image_shape, kernel_shape, mode)[0]
    for name in ("matrix", "im2col", "fft", "separable"):
        cost = operation_count__formulas(name, image_shape, kernel_shape, mode)[0]
        if cost < least and (name != "separable" or rank == 1):
            best, least = name, cost
    return best


def claim_orthogonal__binomial():
    return False, ([1.0, 2.0, 1.0], [1.0, 2.0, 1.0])


def claim_orthogonal__gaussian():
    g = np.exp(-(np.arange(-3, 4) ** 2) / 2)
    return np.bool_(False), (g, g)


def claim_wrap__formula(image_shape, kernel_shape):
    (h, w), (kh, kw) = image_shape, kernel_shape
    return True, h * w - (h - kh + 1) * (w - kw + 1)


def claim_wrap__measured(image_shape, kernel_shape):
    rng = np.random.default_rng(0)
    image, kernel = rng.random(image_shape), 1 + rng.random(kernel_shape)
    wrapped = circular_fft_convolve2d__rfft(image, kernel)
    full = scipy.signal.convolve2d(image, kernel)[: image_shape[0], : image_shape[1]]
    return True, int(np.sum(~np.isclose(wrapped, full)))
