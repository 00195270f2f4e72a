"""What the chapter on pooling measures: how outputs react to shifts and turns, and what learned pooling learns."""

import numpy as np
from scipy import ndimage
from sklearn.datasets import load_digits

from experiments.recording import experiment
from miniconv import pooling
from miniconv.layer import conv2d


def unchanged(pool, images, shift):
    """Return the share of outputs that a shift leaves exactly as they were.

    `pool` maps images (N, C, H, W) to outputs. The images move right by
    `shift` pixels; what enters on the left and leaves on the right are real
    pixels, since both crops come from the same larger image.
    """
    width = images.shape[3] - shift
    before, after = pool(images[..., shift:]), pool(images[..., :width])
    return np.mean(before == after)


def moved_crops(image, shift, seed, count=100, size=48):
    """Cut crops at random places, and again with the image moved right.

    The image is (1, 1, H, W) and moves by `shift` pixels. Pooling windows
    start at the corner of a crop, so they lie differently on the scene in
    every one of them. Returns two arrays (count, 1, size, size).
    """
    rng = np.random.default_rng(seed)
    height, width = image.shape[2:]
    tops = rng.integers(height - size + 1, size=count)
    lefts = rng.integers(shift, width - size + 1, size=count)

    def cut(t):
        corners = zip(tops, lefts - t)
        return [image[0, :, i : i + size, j : j + size] for i, j in corners]

    return np.stack(cut(0)), np.stack(cut(shift))


def moved_digits(top, left, size=24):
    """Lay every scanned digit on an empty canvas with its corner at (top, left), and again one pixel further right.

    Returns two arrays (1797, 1, size, size).
    """
    digits = load_digits().images / 16
    canvases = np.zeros((2, len(digits), 1, size, size))
    for step, canvas in enumerate(canvases):
        canvas[:, 0, top : top + 8, left + step : left + step + 8] = digits
    return tuple(canvases)


def reaction(pool, before, after):
    """Return how outputs react when images (N, C, H, W) become others.

    Returns
    -------
    same : float
        Share of the outputs that are not zero, before or after, and stay
        exactly the same.
    other : float
        The change relative to the distance of two different images of the
        set, both as roots of mean squares: 0 when nothing changes, 1 when each
        image changes as much as if another one took its place.
    """
    old, new = pool(before), pool(after)
    change, seen = np.linalg.norm(new - old), (old != 0) | (new != 0)
    pairs = 2 * len(old) / (len(old) - 1)  # of the mean over all pairs
    apart = np.sqrt(pairs) * np.linalg.norm(old - old.mean(0))
    same = np.mean((old == new)[seen])
    return same, change / apart


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


SIZES = (1, 2, 4, 8, 12, 24)  # sides of the pooling windows, in pixels; the last is global


PENALTIES = (1e-4, 1e-2, 1, 100, 1000)  # of the ridge regression, for the control; 1e-2 is the one otherwise


@experiment(seeds=5, within=0.02)
def two_questions(seed, sizes=SIZES, train=300, test=600):
    """Ask "which digit?" and "in the left half?" of pooled random features.

    The features are twelve random 5 x 5 kernels with ReLU, max pooled; the
    answers are read off them linearly. Four controls: global *average* pooling
    (is it the maximum?), twelve random mixtures of the features before pooling
    (is it the small number?), global max pooling with four times the pictures
    to train (is it the few data?), and other penalties in the place of pooling
    (would they do as well against overfitting?).

    Returns
    -------
    dict
        `which` and `where`, (sizes, 2) accuracies on the training and the test
        set; for the controls `average`, `mixtures` and `more`, (2, 2):
        question, and training or test set; `penalties`, those of *which*
        without pooling: (penalties, 2).
    """
    rng = np.random.default_rng(seed)
    kernels = rng.standard_normal((12, 1, 5, 5))
    kernels -= kernels.mean((2, 3), keepdims=True)
    sets = [digit_scenes(4 * train, seed), digit_scenes(test, 100 + seed)]

    def maps(scenes):
        return np.maximum(conv2d(scenes, kernels, padding=2), 0)

    many, tested = (maps(scenes) for scenes, *_ in sets)
    mix = rng.standard_normal((tested[0].size, 12))

    def read(features, question, count=train, penalty=0.01):
        """Return the accuracy of a linear reading, training and test."""
        a, b = features(many[:count]), features(tested)
        a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
        labels, answers = sets[0][question][:count], sets[1][question]
        return ridge_accuracy(a, labels, b, answers, penalty)

    def both(features, count=train):
        return [read(features, question, count) for question in (1, 2)]

    def pooled(k):
        return lambda v: pooling.max_pool2d(v, k)

    which, where = zip(*(both(pooled(k)) for k in sizes))
    return {
        "which": which,
        "where": where,
        "average": both(pooling.global_avg_pool2d),
        "mixtures": both(lambda v: v.reshape(len(v), -1) @ mix),
        "more": both(pooled(sizes[-1]), 4 * train),
        "penalties": [read(pooled(1), 1, penalty=p) for p in PENALTIES],
    }


def rotation_accuracy(pools, angles, seed):
    """Return how often the nearest upright class mean names a turned digit: (pools, angles), angles in degrees.

    Each pool maps pictures (N, 1, 8, 8) to features of any shape. The means come from one half of the digits, drawn by
    the seed, the turned ones from the other.
    """
    digits = load_digits()
    halves = np.array_split(np.random.default_rng(seed).permutation(len(digits.images)), 2)
    (upright, names), (held, truth) = ((digits.images[half][:, None] / 16, digits.target[half]) for half in halves)
    turned = [ndimage.rotate(held, angle, axes=(2, 3), reshape=False, order=1) for angle in angles]
    rates = []
    for pool in pools:
        means = np.array([pool(upright[names == c]).mean(0).ravel() for c in range(10)])
        features = [pool(pictures).reshape(len(held), 1, -1) for pictures in turned]
        rates.append([np.mean(((v - means) ** 2).sum(-1).argmin(1) == truth) for v in features])
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


def paid_alike(grad_output, x, pool_size):
    """Return what is no gradient of a maximum: every channel gets the same share, whichever won."""
    return np.repeat(grad_output / pool_size, pool_size, axis=1)


def train_detectors(
    x,
    labels,
    count,
    seed,
    steps=600,
    rate=2.0,
    backward=pooling.channel_max_pool_backward,
):
    """Train `count` linear detectors, the largest of which is the score.

    By gradient descent with momentum, on the logistic loss in which both
    classes weigh alike. `x` is (N, D), `labels` (N,) holds 0 and 1; `backward`
    says what the detectors are paid. Returns the weights (count, D) and the
    offset of the score.
    """
    rng = np.random.default_rng(seed)
    weights, offset = 0.3 * rng.standard_normal((count, x.shape[1])), 0.0
    share = labels.mean()
    balance = np.where(labels == 1, 0.5 / share, 0.5 / (1 - share)) / len(x)
    velocity = np.zeros_like(weights)
    for _ in range(steps):
        channels = (x @ weights.T)[:, :, None, None]
        largest = pooling.channel_max_pool(channels, count)[:, 0, 0, 0]
        slope = balance * (1 / (1 + np.exp(-largest - offset)) - labels)
        grad = backward(slope[:, None, None, None], channels, count)
        step = grad[:, :, 0, 0].T @ x + 3e-3 * weights
        velocity = 0.9 * velocity - rate * step
        weights, offset = weights + velocity, offset - rate * slope.sum()
    return weights, offset


def balanced_accuracy(x, labels, weights, offset):
    """Return the mean of the shares of both classes that the largest of the detectors names right."""
    said, truth = (x @ weights.T).max(1) + offset > 0, labels == 1
    return (np.mean(said[truth]) + np.mean(~said[~truth])) / 2


def guessed_from_angle(winners, angles, width=30):
    """Return how often the winner is right if for each range of angles its most frequent winner is named.

    `winners` (N,) are detectors, `angles` (N,) degrees between -180 and 180; a range has `width` degrees.
    """
    ranges = ((angles + 180) // width).astype(int)
    return sum(np.bincount(winners[ranges == r]).max() for r in np.unique(ranges)) / len(winners)


def sevens_at_any_angle(seed, fitted=1200):
    """Return the digits (1797, 64) turned by any angle, 1.0 for the sevens, the angles, and how many are fitted."""
    turned, is_seven, angles = rotated_digits(seed, target=7)
    x = turned.reshape(len(turned), -1)
    return x - x[:fitted].mean(0), is_seven, angles, fitted


@experiment(seeds=5, within=0.03)
def learned_angles(seed):
    """Tell sevens at any angle from other digits by the largest of detectors.

    Controls: one detector for four; twice the steps; detectors that were not
    trained, that were trained on shuffled labels, or that were all paid alike
    (would they share the angles too?); angles left out of the training.

    Returns
    -------
    dict
        `train`, `test` : (2,) balanced accuracies of one detector and of four.
        `longer` : the training accuracy of four after twice the steps.
        `alike` : that of four that were all paid alike.
        `wins` : (4,) how many sevens each of the four wins.
        `guessed` : (4,) how often the angle tells the winner: trained,
            untrained, shuffled labels, all paid alike.
        `always` : how often the most frequent winner wins.
        `angles` : (2,) accuracy of four that saw angles up to 60 degrees
            alone: on such, and on those beyond 120.
    """
    x, y, angles, n = sevens_at_any_angle(seed)
    first = np.arange(len(x)) < n  # what is trained on
    small, large = np.abs(angles) < 60, np.abs(angles) > 120
    mixed = y.copy()
    mixed[:n] = np.random.default_rng(seed).permutation(y[:n])

    def fit(count=4, labels=y, seen=first, **how):
        return train_detectors(x[seen], labels[seen], count, seed, **how)

    def right(net, seen):
        return balanced_accuracy(x[seen], y[seen], *net)

    one, four, alike = fit(1), fit(), fit(backward=paid_alike)
    narrow, longer = fit(seen=first & small), fit(steps=1200)
    nets = four, fit(steps=0), fit(labels=mixed), alike
    winners = [(x[y == 1] @ weights.T).argmax(1) for weights, _ in nets]
    wins = np.bincount(winners[0], minlength=4)
    return {
        "train": [right(net, first) for net in (one, four)],
        "test": [right(net, ~first) for net in (one, four)],
        "longer": right(longer, first),
        "alike": right(alike, first),
        "wins": wins,
        "guessed": [guessed_from_angle(w, angles[y == 1]) for w in winners],
        "always": wins.max() / wins.sum(),
        "angles": [right(narrow, ~first & part) for part in (small, large)],
    }


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


def rare_or_weak(seed, count=4000):
    """Return how well max, L2 and mean tell 64 noisy detectors with a pattern from those without.

    The result is a list of four rows, for a rare strong pattern, for one that is weak everywhere, for one that is rare
    and faint, and for none at all (the control), of three areas under the ROC curve each, from `count` cases with and
    `count` without the pattern.
    """
    rng = np.random.default_rng(seed)
    rare, weak, faint, empty, none = np.abs(rng.standard_normal((5, count, 1, 8, 8)))
    place = np.arange(count), 0, *rng.integers(8, size=(2, count))
    rare[place] += 3
    faint[place] += 1
    weak += 0.3
    pools = (
        lambda v: pooling.max_pool2d(v, 8),
        lambda v: pooling.lp_pool2d(v, 2, 8),
        lambda v: pooling.avg_pool2d(v, 8),
    )
    return [[area_under_roc(pool(v).ravel(), pool(empty).ravel()) for pool in pools] for v in (rare, weak, faint, none)]
