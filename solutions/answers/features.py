"""Right answers to the tasks of `features` in several styles."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def pair(value):
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def fractions(*arrays):
    """Name a dtype that holds fractions: float32 alone where all arrays do."""
    return np.result_type(*arrays, np.float32)


# --- extract_patches ---


def extract_patches__loops(images, size, stride=1):
    (kh, kw), (sh, sw) = pair(size), pair(stride)
    rows = []
    for image in images:
        for top in range(0, image.shape[1] - kh + 1, sh):
            for left in range(0, image.shape[2] - kw + 1, sw):
                rows.append(image[:, top : top + kh, left : left + kw].ravel())
    return np.array(rows)


def extract_patches__windows(images, size, stride=1):
    sh, sw = pair(stride)
    windows = sliding_window_view(images, pair(size), axis=(2, 3))[:, :, ::sh, ::sw]
    rows = np.array(np.moveaxis(windows, 1, 3), order="C")
    return rows.reshape(-1, rows.shape[3] * rows.shape[4] * rows.shape[5])


def extract_patches__indices(images, size, stride=1):
    (kh, kw), (sh, sw) = pair(size), pair(stride)
    n, c, h, w = images.shape
    corners = np.arange(0, h - kh + 1, sh)[:, None] * w + np.arange(0, w - kw + 1, sw)
    inside = np.arange(c)[:, None, None] * h * w + np.arange(kh)[:, None] * w + np.arange(kw)
    at = corners.reshape(-1, 1) + inside.reshape(1, -1)
    return images.reshape(n, -1)[:, at].reshape(-1, c * kh * kw)


# --- edge_kernels ---


def edge_kernels__loops(size, angles, sigma=1.0):
    kernels = np.zeros((len(angles), 1, size, size))
    middle = (size - 1) / 2
    for k, angle in enumerate(angles):
        total = 0.0
        for i in range(size):
            for j in range(size):
                x, y = j - middle, i - middle
                u = x * math.cos(angle) + y * math.sin(angle)
                kernels[k, 0, i, j] = u * math.exp(-(x * x + y * y) / (2 * sigma**2))
                total += kernels[k, 0, i, j] * u
        kernels[k] /= total
    return kernels


def edge_kernels__steered(size, angles, sigma=1.0):
    """Mix every kernel from the two along the axes."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    window = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    right, down = x * window / (x * x * window).sum(), y * window / (y * y * window).sum()
    return np.stack([[math.cos(a) * right + math.sin(a) * down] for a in angles])


def edge_kernels__separable(size, angles, sigma=1.0):
    """Make the Gaussian of two one-dimensional ones."""
    t = np.arange(size) - (size - 1) / 2
    g = np.exp(-(t**2) / (2 * sigma**2))
    right = np.outer(g, t * g)
    angles = np.array(angles, float)
    kernels = np.multiply.outer(np.cos(angles), right) + np.multiply.outer(np.sin(angles), right.T)
    return (kernels / ((t**2 * g).sum() * g.sum()))[:, None]


def edge_kernels__complex(size, angles, sigma=1.0):
    """Turn the plane back by the angle."""
    t = np.arange(size) - (size - 1) / 2
    z = t + 1j * t[:, None]
    u = np.real(z * np.exp(-1j * np.asarray(angles, dtype=float))[:, None, None])
    kernels = u * np.exp(-(np.abs(z) ** 2) / (2 * sigma**2))
    return (kernels / (kernels * u).sum((1, 2), keepdims=True)).reshape(-1, 1, size, size)


# --- whiten ---


def whiten__eigenvectors(patches, epsilon=0.01):
    mean = patches.mean(0)
    values, vectors = np.linalg.eigh(np.cov(patches.T.astype(float)).reshape(patches.shape[1], -1))
    matrix = ((vectors / np.sqrt(np.maximum(values, 0) + epsilon)) @ vectors.T).astype(mean.dtype)
    return (patches - mean) @ matrix, mean, matrix


def whiten__singular(patches, epsilon=0.01):
    mean = patches.mean(axis=0)
    _, singular, rows = np.linalg.svd(patches - mean, full_matrices=True)
    values = np.zeros(len(rows), mean.dtype)
    values[: len(singular)] = singular**2 / (len(patches) - 1)
    matrix = rows.T @ np.diag((values + mean.dtype.type(epsilon)) ** -0.5) @ rows
    return (patches - mean) @ matrix, mean, matrix


def whiten__directions(patches, epsilon=0.01):
    """Add the outer product of each eigenvector, one after the other."""
    patches = patches.astype(fractions(patches))
    count, size = patches.shape
    mean = sum(patches) / patches.dtype.type(count)
    covariance = np.zeros((size, size))
    for patch in patches.astype(float):
        covariance += np.outer(patch - mean, patch - mean) / (count - 1)
    matrix = np.zeros((size, size))
    for value, vector in zip(*map(np.transpose, np.linalg.eigh(covariance))):
        matrix += np.outer(vector, vector) / math.sqrt(max(value, 0) + epsilon)
    return ((patches - mean) @ matrix).astype(patches.dtype), mean, matrix.astype(patches.dtype)


# --- fold_whitening ---


def fold_whitening__product(kernels, mean, matrix):
    folded = kernels @ matrix.T
    return folded, -(folded @ mean)


def fold_whitening__loops(kernels, mean, matrix):
    dtype = fractions(kernels, mean, matrix)
    folded, bias = np.zeros(kernels.shape, dtype), np.zeros(len(kernels), dtype)
    for k, i, j in np.ndindex(*kernels.shape, len(mean)):
        folded[k, i] += matrix[i, j] * kernels[k, j]
    for k, i in np.ndindex(*kernels.shape):
        bias[k] -= folded[k, i] * mean[i]
    return folded, bias


def fold_whitening__probing(kernels, mean, matrix):
    """Read bias and weights off the responses to zero and to unit patches."""

    def responses(patches):
        return (patches - mean) @ matrix @ kernels.T

    bias = responses(np.zeros((1, len(mean)), mean.dtype))[0]
    return (responses(np.eye(len(mean), dtype=mean.dtype)) - bias).T.copy(), bias


# --- kmeans ---


def kmeans__loops(points, centroids, steps=10):
    points = points.astype(fractions(points, centroids))
    moved = np.array(centroids, points.dtype)

    def assign():
        labels = []
        for point in points:
            distances = [sum((a - b) ** 2 for a, b in zip(point, c)) for c in moved]
            labels.append(distances.index(min(distances)))
        return np.array(labels)

    for _ in range(steps):
        labels = assign()
        for k in range(len(moved)):
            mine = [point for point, label in zip(points, labels) if label == k]
            if mine:
                moved[k] = sum(mine) / len(mine)
    return moved, assign()


def kmeans__one_hot(points, centroids, steps=10):
    points = points.astype(fractions(points))
    moved = centroids.copy()
    for step in range(steps + 1):
        labels = ((points[:, None] - moved) ** 2).sum(-1).argmin(1)
        if step == steps:
            return moved, labels
        members = np.eye(len(moved), dtype=points.dtype)[labels]
        counts = members.sum(0)[:, None]
        moved = np.where(counts > 0, members.T @ points / np.maximum(counts, 1), moved)


def kmeans__bincount(points, centroids, steps=10):
    def assign(moved):
        return np.linalg.norm(points[:, None] - moved[None], axis=2).argmin(axis=1)

    moved = np.array(centroids, fractions(points, centroids))
    for _ in range(steps):
        labels = assign(moved)
        counts = np.bincount(labels, minlength=len(moved))
        sums = np.stack([np.bincount(labels, column, len(moved)) for column in points.T], axis=1)
        moved[counts > 0] = (sums[counts > 0] / counts[counts > 0, None]).astype(moved.dtype)
    return moved, assign(moved)


def kmeans__products(points, centroids, steps=10):
    """Measure distances by |p|^2 - 2 p.c + |c|^2, seen from the first point."""
    origin = points[0] * 1.0
    points, moved = points - origin, centroids - origin

    def assign():
        return ((moved**2).sum(1) - 2 * points @ moved.T).argmin(1)

    for _ in range(steps):
        labels = assign()
        for k in set(labels.tolist()):
            moved[k] = np.average(points[labels == k], axis=0)
    return moved + origin, assign()


# --- encode_patches ---


def encode_patches__broadcast(patches, centroids, kind="triangle"):
    patches = patches.astype(fractions(patches))
    z = np.sqrt(((patches[:, None] - centroids) ** 2).sum(-1))
    if kind == "hard":
        return np.eye(len(centroids), dtype=patches.dtype)[z.argmin(1)]
    return np.maximum(0, z.mean(1, keepdims=True) - z)


def encode_patches__loops(patches, centroids, kind="triangle"):
    codes = np.zeros((len(patches), len(centroids)), fractions(patches, centroids))
    for row, patch in zip(codes, patches):
        z = [math.dist(patch, c) for c in centroids]
        if kind == "hard":
            row[z.index(min(z))] = 1
        else:
            row[:] = [max(0.0, sum(z) / len(z) - distance) for distance in z]
    return codes


def encode_patches__norms(patches, centroids, kind="triangle"):
    patches = patches.astype(fractions(patches, centroids))
    z = np.stack([np.linalg.norm(patches - c, axis=1) for c in centroids], axis=-1)
    if kind == "hard":
        codes = np.zeros_like(z)
        np.put_along_axis(codes, z.argmin(1)[:, None], 1, axis=1)
        return codes
    return (z.mean(1)[:, None] - z).clip(min=0)


def encode_patches__products(patches, centroids, kind="triangle"):
    origin = centroids[0] * 1.0
    patches, centroids = patches - origin, centroids - origin
    squares = (patches**2).sum(1)[:, None] - 2 * patches @ centroids.T + (centroids**2).sum(1)
    if kind == "hard":
        return (np.arange(len(centroids)) == squares.argmin(1)[:, None]) * 1
    z = np.sqrt(np.maximum(squares, 0))
    return np.maximum(0, z.mean(1)[:, None] - z)


# --- pool_codes ---


def _cells(n, cells):
    return [slice(i * n // cells, math.ceil((i + 1) * n / cells)) for i in range(cells)]


def pool_codes__slices(codes, grid, cells=2):
    rows, columns = pair(grid)
    maps = codes.reshape(-1, rows, columns, codes.shape[1])
    means = [[maps[:, r, c].mean(axis=(1, 2)) for c in _cells(columns, cells)] for r in _cells(rows, cells)]
    return np.moveaxis(np.array(means), (2, 3), (0, 1)).reshape(len(maps), -1)


def pool_codes__loops(codes, grid, cells=2):
    rows, columns = pair(grid)
    count, k = len(codes) // (rows * columns), codes.shape[1]
    pooled = np.zeros((count, k * cells * cells), fractions(codes))
    for image in range(count):
        for code in range(k):
            at = code * cells * cells
            for r in _cells(rows, cells):
                for c in _cells(columns, cells):
                    total, seen = 0.0, 0
                    for i in range(r.start, r.stop):
                        for j in range(c.start, c.stop):
                            total += codes[(image * rows + i) * columns + j, code]
                            seen += 1
                    pooled[image, at] = total / seen
                    at += 1
    return pooled


def pool_codes__matrix(codes, grid, cells=2):
    rows, columns = pair(grid)

    def averaging(n):
        matrix = np.zeros((cells, n), fractions(codes))
        for i, cut in enumerate(_cells(n, cells)):
            matrix[i, cut] = 1 / (cut.stop - cut.start)
        return matrix

    both = np.kron(averaging(rows), averaging(columns))
    per_image = codes.reshape(-1, rows * columns, codes.shape[1])
    return np.swapaxes(both @ per_image, 1, 2).reshape(len(per_image), -1)


def pool_codes__summed(codes, grid, cells=2):
    """Read the sum of every cell off running sums over rows and columns."""
    (rows, columns), k = pair(grid), codes.shape[1]
    maps = codes.reshape(-1, rows, columns, k)
    sums = np.zeros((len(maps), rows + 1, columns + 1, k))
    sums[:, 1:, 1:] = maps.cumsum(1, dtype=float).cumsum(2)
    pooled = np.zeros((len(maps), k, cells, cells), fractions(codes))
    for i, r in enumerate(_cells(rows, cells)):
        for j, c in enumerate(_cells(columns, cells)):
            across = sums[:, :, c.stop] - sums[:, :, c.start]
            size = (r.stop - r.start) * (c.stop - c.start)
            pooled[:, :, i, j] = (across[:, r.stop] - across[:, r.start]) / size
    return pooled.reshape(len(maps), -1)


# --- dice_features ---


def dice_features__kernels(images, seed):
    kernels = np.random.default_rng(seed).standard_normal((100, 25))
    kernels -= kernels.mean(axis=1, keepdims=True)
    responses = np.maximum(0, extract_patches__windows(images, 5) @ kernels.T)
    return pool_codes__matrix(responses, (images.shape[2] - 4, images.shape[3] - 4))


def dice_features__codes(images, seed):
    """Random points as centroids, and the triangle code of normalised patches."""
    centroids = np.random.default_rng(seed).standard_normal((80, 9)) / 3
    patches = extract_patches__windows(images, 3)
    patches = (patches - patches.mean(1, keepdims=True)) / (patches.std(1, keepdims=True) + 0.1)
    return pool_codes__slices(encode_patches__broadcast(patches, centroids), (6, 6))


def dice_features__one_by_one(images, seed):
    """One kernel of 4 x 4 after the other, the magnitude of its responses."""
    rng, columns = np.random.default_rng(seed), []
    patches = extract_patches__loops(images, 4)
    for _ in range(90):
        kernel = rng.uniform(-1, 1, 16)
        maps = np.abs(patches @ (kernel - kernel.mean())).reshape(len(images), 5, 5)
        columns += [maps[:, r, c].mean((1, 2)) for r in (slice(0, 3), slice(2, 5)) for c in (slice(0, 3), slice(2, 5))]
    return np.stack(columns, axis=1)


# --- claims ---


def claim_start__rectangle():
    square = np.array([[0.0, 0], [0, 1], [4, 0], [4, 1]])
    return False, (square, np.array([[0, 0.5], [4, 0.5]]), np.array([[2.0, 0], [2, 1]]))


def claim_start__line():
    points = np.array([[0.0], [1.0], [10.0], [11.0], [20.0], [21.0]])
    return np.bool_(False), [points, points[:3], points[::2]]


def claim_steering__formula(angle):
    b = math.sin(angle) / math.sin(1)
    return True, (math.cos(angle) - b * math.cos(1), b)


def claim_steering__solve(angle):
    basis = np.array([[math.cos(0), math.cos(1)], [math.sin(0), math.sin(1)]])
    return True, np.linalg.solve(basis, [math.cos(angle), math.sin(angle)])


def claim_steering__fitted(angle):
    kernel, first, second = (k.ravel() for k in edge_kernels__loops(7, [angle, 0.0, 1.0]))
    return True, np.linalg.lstsq(np.stack([first, second], 1), kernel, rcond=None)[0]
