"""What the chapter on pooling measures: how outputs react to shifts and turns, and what learned pooling learns."""

import numpy as np
from scipy import ndimage
from sklearn.datasets import load_digits

from miniconv import pooling
from miniconv.layer import conv2d


def unchanged(pool, images, shift):
    """Return the share of outputs that stay exactly the same when the images move right by `shift` pixels.

    `pool` maps images (N, C, H, W) to outputs. The pixels that enter on the left and leave on the right are real ones:
    both crops come from the same larger image.
    """
    width = images.shape[3] - shift
    before, after = pool(images[..., shift:]), pool(images[..., :width])
    return np.mean(before == after)


def relative_change(pool, images, shift):
    """Return how much the outputs change when the images (N, C, H, W) move right by `shift` pixels.

    This is the norm of the change over the norm of the outputs, their mean taken off: 0 when nothing changes, 1 for
    two unrelated images.
    """
    width = images.shape[3] - shift
    before, after = pool(images[..., shift:]), pool(images[..., :width])
    return np.linalg.norm(before - after) / (np.sqrt(2) * np.linalg.norm(before - before.mean()))


def digits_shifted(pool):
    """Move all scanned digits right by one pixel.

    Returns
    -------
    same : float
        Share of the outputs that see ink, before or after, and stay exactly the same.
    mean, spread : float
        Mean and standard deviation over the digits of the change's norm over the output's norm.
    """
    canvas = np.pad(load_digits().images[:, None] / 16, ((0, 0), (0, 0), (4, 4), (4, 5)))
    old, new = pool(canvas[..., 1:]), pool(canvas[..., :-1])
    ink = (old > 0) | (new > 0)
    change, size = (np.sqrt((v**2).sum((1, 2, 3))) for v in (old - new, old))
    return np.mean((old == new)[ink]), np.mean(change / size), np.std(change / size)


def mismatches(layer, image, shifts, size=256, margin=16):
    """Return, per shift of the image in pixels, how far the output is from the best shift of the old output.

    `image` is (1, C, H, W), with H and W at least ``size + margin``; no shift exceeds the margin. The distance is
    relative to the norm of the new output.
    """
    old, found = layer(image[..., margin : margin + size]), []
    for t in shifts:
        new = layer(image[..., margin - t : margin - t + size])
        pairs = [(new[..., u:], old[..., : old.shape[3] - u]) for u in range(t + 1)]
        found.append(min(np.linalg.norm(a - b) / np.linalg.norm(a) for a, b in pairs))
    return found


def digit_scenes(count, seed, size=24):
    """Draw noisy pictures of one digit, 0 or 1, at a random place.

    Returns
    -------
    scenes : (count, 1, size, size) array
    names : (count,) array of int
        Which digit it is.
    left : (count,) array of int
        1 where the digit lies in the left half.
    """
    rng = np.random.default_rng(seed)
    digits = load_digits()
    pictures = digits.images[digits.target < 2] / 16
    names = digits.target[digits.target < 2]
    chosen = rng.integers(len(pictures), size=count)
    corners = rng.integers(0, size - 8 + 1, (count, 2))
    scenes = np.zeros((count, 1, size, size))
    for scene, i, (top, left) in zip(scenes[:, 0], chosen, corners):
        scene[top : top + 8, left : left + 8] = pictures[i]
    scenes += 0.1 * rng.standard_normal(scenes.shape)
    return scenes, names[chosen], (corners[:, 1] < (size - 8) / 2).astype(int)


def ridge_accuracy(train, labels, test, answers, penalty=0.01):
    """Return the accuracy of a linear reading, fitted by ridge regression, on its training set and on the test set.

    `train` (N, D) and `test` (M, D) are features; `labels` (N,) and `answers` (M,) are 0 or 1.
    """
    mean, spread = train.mean(0), train.std(0) + 1e-9
    a, b = ((v - mean) / spread for v in (train, test))
    signs = 2.0 * labels - 1
    kernel = a @ a.T + penalty * len(a) * np.eye(len(a))
    weights = a.T @ np.linalg.solve(kernel, signs - signs.mean())
    return tuple(np.mean((v @ weights + signs.mean() > 0) == truth) for v, truth in ((a, labels), (b, answers)))


def two_questions(sizes, seeds, train=300, test=600):
    """Ask "which digit?" and "in the left half?" of max pooled random features, and read the answers linearly.

    Returns
    -------
    (2, seeds, sizes, 2) array
        Accuracies: question, seed, side of the pooling window in pixels, and training or test set.
    """
    scores = []
    for seed in seeds:
        kernels = np.random.default_rng(seed).standard_normal((12, 1, 5, 5))
        kernels -= kernels.mean((2, 3), keepdims=True)
        sets = [digit_scenes(count, offset + seed) for count, offset in ((train, 0), (test, 100))]
        detectors = [np.maximum(conv2d(scenes, kernels, padding=2), 0) for scenes, *_ in sets]
        for k in sizes:
            a, b = (pooling.max_pool2d(v, k).reshape(len(v), -1) for v in detectors)
            scores.append([ridge_accuracy(a, sets[0][q], b, sets[1][q]) for q in (1, 2)])
    return np.array(scores).reshape(len(seeds), len(sizes), 2, 2).transpose(2, 0, 1, 3)


def rotation_accuracy(pool, angles):
    """Return, per angle in degrees, how often the nearest upright class mean names a turned digit.

    `pool` maps pictures (N, 1, 8, 8) to features of any shape. The means come from the first half of the digits, the
    turned ones from the second.
    """
    digits = load_digits()
    half = len(digits.images) // 2
    upright = pool(digits.images[:half, None] / 16).reshape(half, -1)
    means = np.array([upright[digits.target[:half] == c].mean(0) for c in range(10)])
    rates = []
    for angle in angles:
        turned = ndimage.rotate(digits.images[half:] / 16, angle, axes=(1, 2), reshape=False, order=1)
        features = pool(turned[:, None]).reshape(len(turned), -1)
        nearest = ((features[:, None] - means) ** 2).sum(-1).argmin(1)
        rates.append(np.mean(nearest == digits.target[half:]))
    return np.array(rates)


def rotated_digits(seed, target):
    """Turn every scanned digit by an angle of its own.

    Returns
    -------
    turned : (1797, 8, 8) array
    is_target : (1797,) array
        1.0 where the digit is `target`, else 0.0.
    angles : (1797,) array
        In degrees, between -180 and 180.
    """
    rng = np.random.default_rng(seed)
    digits = load_digits()
    angles = rng.uniform(-180, 180, len(digits.images))
    turned = [ndimage.rotate(d / 16, a, reshape=False, order=1) for d, a in zip(digits.images, angles)]
    return np.array(turned), (digits.target == target).astype(float), angles


def train_detectors(x, labels, count, seed, steps=600, rate=2.0):
    """Train `count` linear detectors, the largest of which is the score, by gradient descent on the logistic loss.

    `x` is (N, D), `labels` (N,) holds 0 and 1; both classes weigh alike. Returns the weights (count, D) and the offset
    of the score.
    """
    rng = np.random.default_rng(seed)
    weights, offset = 0.3 * rng.standard_normal((count, x.shape[1])), 0.0
    balance = np.where(labels == 1, 0.5 / labels.mean(), 0.5 / (1 - labels.mean())) / len(x)
    velocity = np.zeros_like(weights)
    for _ in range(steps):
        channels = (x @ weights.T)[:, :, None, None]
        score = pooling.channel_max_pool(channels, count)[:, 0, 0, 0] + offset
        slope = balance * (1 / (1 + np.exp(-score)) - labels)
        grad = pooling.channel_max_pool_backward(slope[:, None, None, None], channels, count)[:, :, 0, 0]
        velocity = 0.9 * velocity - rate * (grad.T @ x + 3e-3 * weights)
        weights, offset = weights + velocity, offset - rate * slope.sum()
    return weights, offset


def train_exponent(x, target, start, steps=120):
    """Return the path of the exponent p of Lp pooling, 3 x 3 with stride 1, under gradient descent on log p.

    `x` (N, C, H, W) is positive and `target` (N, C, H - 2, W - 2) is what the pooling should give. The path is a list
    of ``steps + 1`` numbers, the first of which is `start`.
    """
    path = [start]
    for _ in range(steps):
        error = pooling.lp_pool2d(x, path[-1], 3, 1) - target
        _, slope = pooling.lp_pool2d_backward(2 * error / error.size, x, path[-1], 3, 1)
        path.append(path[-1] * np.exp(-0.1 * np.clip(path[-1] * slope, -0.3, 0.3)))
    return path


def area_under_roc(positive, negative):
    """Return how often a value of the first (N,) exceeds one of the second (M,): 1 is perfect, 0.5 a guess.

    This is the area under the ROC curve, from the sum of the ranks of the first.
    """
    ranks = np.argsort(np.argsort(np.concatenate([positive, negative])))
    n, m = len(positive), len(negative)
    return (ranks[:n].sum() - n * (n - 1) / 2) / (n * m)


def rare_or_weak(seed, count=1000):
    """Return how well max, L2 and mean tell 64 noisy detectors with a pattern from those without.

    The result is a list of two rows, for a rare strong pattern and for one that is weak everywhere, of three areas
    under the ROC curve each, from `count` cases with and `count` without the pattern.
    """
    rng = np.random.default_rng(seed)
    rare, weak, empty = np.abs(rng.standard_normal((3, count, 1, 8, 8)))
    rare[np.arange(count), 0, *rng.integers(8, size=(2, count))] += 3
    pools = (
        lambda v: pooling.max_pool2d(v, 8),
        lambda v: pooling.lp_pool2d(v, 2, 8),
        lambda v: pooling.avg_pool2d(v, 8),
    )
    return [[area_under_roc(pool(v).ravel(), pool(empty).ravel()) for pool in pools] for v in (rare, weak + 0.3)]
