"""Right answers to the tasks of `priors` in several styles."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def pair(value):
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


# --- gaussian_map ---


def gaussian_map__precisions(data, noise_variance, prior_mean=0.0, prior_variance=np.inf):
    if prior_variance == 0:
        return float(prior_mean)
    of_prior, of_each = 1 / prior_variance, 1 / noise_variance
    return float((of_prior * prior_mean + of_each * np.sum(data)) / (of_prior + of_each * len(data)))


def gaussian_map__loops(data, noise_variance, prior_mean=0.0, prior_variance=math.inf):
    """Let the measurements arrive one by one: each posterior is the next prior."""
    mean, variance = prior_mean, prior_variance
    for value in data:
        if math.isinf(variance):
            mean, variance = float(value), noise_variance
            continue
        gain = variance / (variance + noise_variance)
        mean, variance = mean + gain * (float(value) - mean), (1 - gain) * variance
    return mean


def gaussian_map__derivative(data, noise_variance, prior_mean=0.0, prior_variance=np.inf):
    """One Newton step on a parabola, with both sides multiplied by the product of the variances."""
    if np.isinf(prior_variance):
        return np.mean(data, dtype=float)
    slope = lambda mu: prior_variance * np.sum(mu - data, dtype=float) + noise_variance * (mu - prior_mean)  # noqa: E731
    return 0.0 - slope(0.0) / (prior_variance * len(data) + noise_variance)


def gaussian_map__average(data, noise_variance, prior_mean=0.0, prior_variance=np.inf):
    if prior_variance == 0:
        return prior_mean
    weights = [1 / prior_variance] + [1 / noise_variance] * len(data)
    return np.average([prior_mean, *data], weights=weights)


# --- correlation_matrix ---


def correlation_matrix__loops(kernel, input_shape):
    (h, w), (kh, kw) = pair(input_shape), kernel.shape
    matrix = np.zeros(((h - kh + 1) * (w - kw + 1), h * w), kernel.dtype)
    row = 0
    for p in range(h - kh + 1):
        for q in range(w - kw + 1):
            for i in range(kh):
                for j in range(kw):
                    matrix[row, (p + i) * w + q + j] = kernel[i, j]
            row += 1
    return matrix


def correlation_matrix__pictures(kernel, input_shape):
    """Paste the kernel into an empty picture at each place: its pixels are a row."""
    (h, w), (kh, kw) = pair(input_shape), kernel.shape
    rows = []
    for p, q in np.ndindex(h - kh + 1, w - kw + 1):
        picture = np.zeros((h, w), kernel.dtype)
        picture[p : p + kh, q : q + kw] = kernel
        rows.append(picture.ravel())
    return np.stack(rows)


def correlation_matrix__windows(kernel, input_shape):
    h, w = pair(input_shape)
    units = np.eye(h * w, dtype=kernel.dtype).reshape(-1, h, w)
    windows = sliding_window_view(units, kernel.shape, axis=(1, 2))
    return np.einsum("npqij,ij->pqn", windows, kernel).reshape(-1, h * w)


def correlation_matrix__kron(kernel, input_shape):
    """Let rows and columns of the picture move apart from each other: the matrix of one element is a product."""
    (h, w), (kh, kw) = pair(input_shape), kernel.shape
    down = [np.eye(h - kh + 1, h, k=i) for i in range(kh)]
    right = [np.eye(w - kw + 1, w, k=j) for j in range(kw)]
    whole = sum(kernel[i, j] * np.kron(down[i], right[j]) for i, j in np.ndindex(kh, kw))
    return whole.astype(kernel.dtype)


# --- project_to_convolution ---


def project_to_convolution__loops(matrix, input_shape, kernel_shape):
    (h, w), (kh, kw) = pair(input_shape), pair(kernel_shape)
    result = np.zeros(matrix.shape, np.result_type(matrix, np.float32))
    places = list(np.ndindex(h - kh + 1, w - kw + 1))
    for i, j in np.ndindex(kh, kw):
        total = 0.0
        for row, (p, q) in enumerate(places):
            total += float(matrix[row, (p + i) * w + q + j])
        for row, (p, q) in enumerate(places):
            result[row, (p + i) * w + q + j] = total / len(places)
    return result


def project_to_convolution__basis(matrix, input_shape, kernel_shape):
    """Project on the orthogonal matrices of the unit kernels, in the matrix's dtype where that holds fractions."""
    dtype = np.result_type(matrix, np.float32)
    result = np.zeros(matrix.shape, dtype)
    for unit in np.eye(math.prod(pair(kernel_shape)), dtype=dtype):
        part = correlation_matrix__windows(unit.reshape(pair(kernel_shape)), input_shape)
        result += part * (np.vdot(part, matrix) / np.vdot(part, part))
    return result


def project_to_convolution__shifts(matrix, input_shape, kernel_shape):
    """Move each row's picture back to the first place, average there, and paste the mean everywhere."""
    (h, w), (kh, kw) = pair(input_shape), pair(kernel_shape)
    places = list(np.ndindex(h - kh + 1, w - kw + 1))
    pictures = matrix.reshape(-1, h, w)
    kernel = np.mean([x[p : p + kh, q : q + kw] for x, (p, q) in zip(pictures, places)], axis=0)
    return correlation_matrix__pictures(kernel, input_shape)


# --- conv_prior_cost ---


def conv_prior_cost__norm(matrix, input_shape, kernel_shape):
    gap = matrix - project_to_convolution__basis(matrix, input_shape, kernel_shape)
    return np.linalg.norm(gap) ** 2 / len(matrix)


def conv_prior_cost__pythagoras(matrix, input_shape, kernel_shape):
    matrix = matrix.astype(float)
    near = project_to_convolution__loops(matrix, input_shape, kernel_shape)
    return (np.sum(matrix**2) - np.sum(near**2)) / matrix.shape[0]


def conv_prior_cost__loops(matrix, input_shape, kernel_shape):
    """Add what lies outside and the variance of each element, entry by entry."""
    near = project_to_convolution__shifts(matrix, input_shape, kernel_shape)
    total = 0.0
    for a, b in zip(matrix.ravel().tolist(), near.ravel().tolist()):
        total += (a - b) ** 2
    return total / len(matrix)


# --- fit_with_conv_prior ---


def _kernel_shape(x, y):
    return tuple(n - o + 1 for n, o in zip(x.shape[1:], y.shape[1:]))


def fit_with_conv_prior__stacked(x, y, strength):
    """One least-squares problem: the data's rows, and one row for each weight's distance from its projection."""
    shape, kernel_shape = x.shape[1:], _kernel_shape(x, y)
    pixels, targets = x.reshape(len(x), -1).astype(float), y.reshape(len(y), -1).astype(float)
    m, n = targets.shape[1], pixels.shape[1]
    data, right = np.kron(np.eye(m), pixels), targets.T.ravel()
    units = np.eye(math.prod(kernel_shape)).reshape(-1, *kernel_shape)
    basis = np.stack([correlation_matrix__pictures(unit, shape).ravel() for unit in units], axis=1)
    if strength == np.inf:
        found = basis @ np.linalg.lstsq(data @ basis, right)[0]
    else:
        off = np.eye(m * n) - basis @ basis.T / m
        rows = np.vstack([data, math.sqrt(strength * len(x)) * off])
        found = np.linalg.lstsq(rows, np.concatenate([right, np.zeros(m * n)]))[0]
    return found.reshape(m, n).astype(np.result_type(x, y, np.float32))


def fit_with_conv_prior__normal(x, y, strength):
    """Set the derivative to zero: Sylvester's equation, written out with Kronecker products."""
    shape, kernel_shape = x.shape[1:], _kernel_shape(x, y)
    pixels, targets = x.reshape(len(x), -1).astype(float), y.reshape(len(y), -1).astype(float)
    m, n = targets.shape[1], pixels.shape[1]
    dtype = np.result_type(x, np.float32)
    if strength == 0:
        return (np.linalg.pinv(pixels) @ targets).T.astype(dtype)
    gram, moment = pixels.T @ pixels / len(x), (targets.T @ pixels / len(x)).ravel()
    mask = np.stack(
        [project_to_convolution__loops(unit.reshape(m, n), shape, kernel_shape).ravel() for unit in np.eye(m * n)], 1
    )
    if math.isinf(strength):
        inside = np.linalg.pinv(mask @ np.kron(np.eye(m), gram) @ mask)
        return (inside @ mask @ moment).reshape(m, n).astype(dtype)
    left = np.kron(np.eye(m), gram) + strength * (np.eye(m * n) - mask)
    return np.linalg.solve(left, moment).reshape(m, n).astype(dtype)


def fit_with_conv_prior__deviation(x, y, strength):
    """A shared kernel plus a penalised deviation for each weight, in the dtype of the data."""
    shape, kernel_shape = x.shape[1:], _kernel_shape(x, y)
    pixels, targets = x.reshape(len(x), -1), y.reshape(len(y), -1)
    samples, (m, n) = len(x), (targets.shape[1], pixels.shape[1])
    dtype = np.result_type(x, np.float32)
    if strength == 0:
        return np.linalg.lstsq(pixels, targets)[0].T
    windows = sliding_window_view(x, kernel_shape, axis=(1, 2)).reshape(samples * m, -1)
    free = np.einsum("ab,sn->sabn", np.eye(m, dtype=dtype), pixels).reshape(samples * m, m * n)
    free = free / dtype.type(math.sqrt(strength))
    count = windows.shape[1]
    ridge = np.hstack([np.zeros((m * n, count), dtype), math.sqrt(samples) * np.eye(m * n, dtype=dtype)])
    rows = np.vstack([np.hstack([windows, free]), ridge.astype(dtype)])
    right = np.concatenate([targets.ravel(), np.zeros(m * n, dtype)])
    found = np.linalg.lstsq(rows, right)[0]
    deviation = found[count:].reshape(m, n) / dtype.type(math.sqrt(strength))
    return correlation_matrix__loops(found[:count].reshape(kernel_shape), shape) + deviation


# --- permute_pixels ---


def permute_pixels__loops(x, permutation):
    result = np.empty_like(x)
    width = x.shape[3]
    for n in range(len(x)):
        order = permutation[n] if permutation.ndim == 2 else permutation
        for i, source in enumerate(order):
            result[n, :, i // width, i % width] = x[n, :, source // width, source % width]
    return result


def permute_pixels__take(x, permutation):
    flat = x.reshape(*x.shape[:2], -1)
    if permutation.ndim == 1:
        return np.take(flat, permutation, axis=2).reshape(x.shape)
    return np.stack([f[:, p] for f, p in zip(flat, permutation)]).reshape(x.shape)


def permute_pixels__matrix(x, permutation):
    """Multiply with permutation matrices, in the dtype of x."""
    pixels = x.shape[2] * x.shape[3]
    matrices = np.eye(pixels, dtype=x.dtype)[np.atleast_2d(permutation)]
    return (matrices[:, None] @ x.reshape(*x.shape[:2], pixels, 1)).reshape(x.shape)


# --- inverse_permutation ---


def inverse_permutation__loops(permutation):
    result = np.zeros(permutation.shape, int)
    for row in np.ndindex(permutation.shape[:-1]):
        for place, source in enumerate(permutation[row]):
            result[row][source] = place
    return result


def inverse_permutation__scatter(permutation):
    result = np.empty_like(permutation)
    places = np.broadcast_to(np.arange(permutation.shape[-1]), permutation.shape)
    np.put_along_axis(result, permutation, places, axis=-1)
    return result


def inverse_permutation__matrix(permutation):
    """The inverse of a permutation matrix is its transpose."""
    return np.eye(permutation.shape[-1], dtype=int)[permutation].swapaxes(-1, -2).argmax(-1)


# --- permute_dense_weight ---


def permute_dense_weight__loops(weight, permutation, channels=1):
    result = np.empty_like(weight)
    pixels = len(permutation)
    for c in range(channels):
        for i in range(pixels):
            result[:, c * pixels + i] = weight[:, c * pixels + permutation[i]]
    return result


def permute_dense_weight__index(weight, permutation, channels=1):
    columns = np.concatenate([c * len(permutation) + permutation for c in range(channels)])
    return weight[:, columns]


def permute_dense_weight__pictures(weight, permutation, channels=1):
    """A row of weights is a picture too: permute it as one."""
    pictures = weight.reshape(len(weight), channels, 1, -1)
    return permute_pixels__take(pictures, permutation).reshape(weight.shape)


# --- pooling_prior_gap ---


def _blocks(features, kernel_size, mode):
    (n, c, h, w), (kh, kw) = features.shape, pair(kernel_size)
    windows = features.reshape(n, c, h // kh, kh, w // kw, kw)
    return windows.mean((3, 5)) if mode == "avg" else windows.max((3, 5))


def _residual(features, targets):
    inputs = np.hstack([features.reshape(len(features), -1), np.ones((len(features), 1))])
    return targets - inputs @ (np.linalg.pinv(inputs) @ targets)


def pooling_prior_gap__pinv(features, targets, kernel_size, mode="avg"):
    pooled = _blocks(features, kernel_size, mode)
    return np.mean(_residual(pooled, targets) ** 2) - np.mean(_residual(features, targets) ** 2)


def _centred_error(features, targets):
    """Take means away in place of a constant; what an orthogonal basis does not explain is the error."""
    inputs = features.reshape(len(features), -1).astype(float)
    u, s, _ = np.linalg.svd(inputs - inputs.mean(0), full_matrices=False)
    u = u[:, s > 1e-10 * max(s.max(initial=0), 1e-300)]
    left = targets.astype(float).reshape(len(targets), -1)
    left = left - left.mean(0)
    return np.mean((left - u @ (u.T @ left)) ** 2)


def pooling_prior_gap__centred(features, targets, kernel_size, mode="avg"):
    pooled = _blocks(features, kernel_size, mode)
    return float(_centred_error(pooled, targets) - _centred_error(features, targets))


def pooling_prior_gap__loops(features, targets, kernel_size, mode="avg"):
    """Pool window by window; one least-squares problem for each target."""
    (n, c, h, w), (kh, kw) = features.shape, pair(kernel_size)
    pooled = np.zeros((n, c, h // kh, w // kw))
    for index in np.ndindex(pooled.shape):
        b, ch, i, j = index
        window = features[b, ch, i * kh : i * kh + kh, j * kw : j * kw + kw]
        pooled[index] = sum(window.ravel().tolist()) / (kh * kw) if mode == "avg" else max(window.ravel())
    gap = 0.0
    columns = targets.reshape(n, -1).T
    for sign, inputs in ((1, pooled), (-1, features)):
        matrix = np.column_stack([inputs.reshape(n, -1), np.ones(n)])
        for column in columns:
            solution = np.linalg.lstsq(matrix, column)[0]
            gap += sign * float(np.mean((matrix @ solution - column) ** 2)) / len(columns)
    return gap


# --- claims ---


def claim_nearest__formula(mean_kernel, rival, input_shape):
    (h, w), (kh, kw) = pair(input_shape), rival.shape
    return True, (h - kh + 1) * (w - kw + 1) * np.sum((mean_kernel - rival) ** 2)


def claim_nearest__matrices(mean_kernel, rival, input_shape):
    """Pythagoras: the difference does not depend on the matrix, so take the projection itself."""
    gap = correlation_matrix__loops(mean_kernel, input_shape) - correlation_matrix__loops(rival, input_shape)
    return True, float(np.vdot(gap, gap))


def claim_average__repeat(weight, input_shape, kernel_size):
    c, h, w = input_shape
    kh, kw = pair(kernel_size)
    pooled = weight.reshape(len(weight), c, h // kh, w // kw) / (kh * kw)
    return True, pooled.repeat(kh, axis=2).repeat(kw, axis=3).reshape(len(weight), -1)


def claim_average__loops(weight, input_shape, kernel_size):
    c, h, w = input_shape
    kh, kw = pair(kernel_size)
    full = np.zeros((len(weight), c, h, w))
    pooled = weight.reshape(len(weight), c, h // kh, w // kw)
    for i, j in np.ndindex(h, w):
        full[:, :, i, j] = pooled[:, :, i // kh, j // kw] / (kh * kw)
    return True, full.reshape(len(weight), -1)


def claim_max__either():
    features = np.zeros((4, 1, 2, 2))
    features[1, 0, 0, 0] = features[2, 0, 1, 1] = features[3, 0, 0, 0] = features[3, 0, 1, 1] = 1
    return False, (features, np.array([0.0, 1.0, 1.0, 1.0]))


def claim_max__random():
    features = np.random.default_rng(0).standard_normal((200, 1, 2, 2))
    return False, (features, features.max(axis=(1, 2, 3)))
