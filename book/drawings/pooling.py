"""Data and drawings of the chapter on pooling."""

import matplotlib.pyplot as plt
import numpy as np
from miniconv import pooling
from miniconv.layer import conv2d
from matplotlib.patches import Rectangle
from scipy import ndimage
from sklearn.datasets import load_digits


def unchanged(pool, images, shift):
    """Return the share of outputs that stay exactly the same when the images move right by `shift` pixels.

    The pixels that enter on the left and leave on the right are real ones: both crops come from the same larger image.
    """
    width = images.shape[3] - shift
    before, after = pool(images[..., shift:]), pool(images[..., :width])
    return np.mean(before == after)


def relative_change(pool, images, shift):
    """Return the norm of the change of the outputs over the norm of the outputs, their mean taken off."""
    width = images.shape[3] - shift
    before, after = pool(images[..., shift:]), pool(images[..., :width])
    return np.linalg.norm(before - after) / (np.sqrt(2) * np.linalg.norm(before - before.mean()))


def digits_shifted(pool):
    """Return, for all digits moved by one pixel: share of inked outputs that stay, mean and spread of the change."""
    canvas = np.pad(load_digits().images[:, None] / 16, ((0, 0), (0, 0), (4, 4), (4, 5)))
    old, new = pool(canvas[..., 1:]), pool(canvas[..., :-1])
    ink = (old > 0) | (new > 0)
    change, size = (np.sqrt((v**2).sum((1, 2, 3))) for v in (old - new, old))
    return np.mean((old == new)[ink]), np.mean(change / size), np.std(change / size)


def digit_scenes(count, seed, size=24):
    """Return pictures of one digit, 0 or 1, on a canvas, which digit it is, and whether it lies in the left half."""
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


def ridge_accuracy(train, labels, test, answers, penalty=1.0):
    """Return the accuracy, on both sets, of a linear reading of the features."""
    mean, spread = train.mean(0), train.std(0) + 1e-9
    a, b = ((v - mean) / spread for v in (train, test))
    kernel = a @ a.T + penalty * len(a) * 0.01 * np.eye(len(a))
    weights = a.T @ np.linalg.solve(kernel, 2.0 * labels - 1 - np.mean(2.0 * labels - 1))
    offset = np.mean(2.0 * labels - 1)
    return np.mean((a @ weights + offset > 0) == labels), np.mean((b @ weights + offset > 0) == answers)


def rotated_digits(seed, target=3):
    """Return digits turned by a random angle (degrees), whether each is `target`, and the angles."""
    rng = np.random.default_rng(seed)
    digits = load_digits()
    angles = rng.uniform(-180, 180, len(digits.images))
    turned = [ndimage.rotate(d / 16, a, reshape=False, order=1) for d, a in zip(digits.images, angles)]
    return np.array(turned), (digits.target == target).astype(float), angles


def mismatches(layer, image, shifts, size=256, margin=16):
    """Return, per shift of the image in pixels, how far the output is from the best shift of the old output."""
    old, found = layer(image[..., margin : margin + size]), []
    for t in shifts:
        new = layer(image[..., margin - t : margin - t + size])
        pairs = [(new[..., u:], old[..., : old.shape[3] - u]) for u in range(t + 1)]
        found.append(min(np.linalg.norm(a - b) / np.linalg.norm(a) for a, b in pairs))
    return found


def two_questions(sizes, seeds, train=300, test=600):
    """Return accuracies (seed, window, (train, test)) of "which digit?" and of "in the left half?"."""
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


def train_exponent(x, target, start, steps=120):
    """Return the path of the exponent p of Lp pooling, 3 x 3 with stride 1, under gradient descent on log p."""
    path = [start]
    for _ in range(steps):
        error = pooling.lp_pool2d(x, path[-1], 3, 1) - target
        _, slope = pooling.lp_pool2d_backward(2 * error / error.size, x, path[-1], 3, 1)
        path.append(path[-1] * np.exp(-0.1 * np.clip(path[-1] * slope, -0.3, 0.3)))
    return path


def rare_or_weak(seed, count=1000):
    """Return how well max, L2 and mean tell 64 noisy detectors with a pattern from those without: rare, then weak."""
    rng = np.random.default_rng(seed)
    rare, weak, empty = np.abs(rng.standard_normal((3, count, 1, 8, 8)))
    rare[np.arange(count), 0, *rng.integers(8, size=(2, count))] += 3
    pools = (
        lambda v: pooling.max_pool2d(v, 8),
        lambda v: pooling.lp_pool2d(v, 2, 8),
        lambda v: pooling.avg_pool2d(v, 8),
    )
    return [[chance_to_tell_apart(pool(v).ravel(), pool(empty).ravel()) for pool in pools] for v in (rare, weak + 0.3)]


def train_detectors(x, labels, count, seed, steps=600, rate=2.0):
    """Return weights (count, D) and offset: the largest of `count` linear detectors, trained by gradient descent."""
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


def rotation_accuracy(pool, angles):
    """Return, per angle in degrees, how often the nearest upright class mean names a turned digit."""
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


def chance_to_tell_apart(with_pattern, without):
    """Return how often a value of the first exceeds one of the second (1 is perfect, 0.5 a guess)."""
    ranks = np.argsort(np.argsort(np.concatenate([with_pattern, without])))
    n, m = len(with_pattern), len(without)
    return (ranks[:n].sum() - n * (n - 1) / 2) / (n * m)


def figure_9_8(before, after, pooled_before, pooled_after):
    """Draw detector outputs below and pooled outputs above, before and after the shift; what changed is orange."""
    figure, axes = plt.subplots(1, 2, figsize=(6.2, 2.2), sharey=True)
    rows = ((before, pooled_before, "before"), (after, pooled_after, "one pixel to the right"))
    for axis, (detectors, pooled, title) in zip(axes, rows):
        for y, values, old in ((1, pooled, pooled_before), (0, detectors, before)):
            for i, (value, was) in enumerate(zip(values, old)):
                colour = "#f6cfb4" if value != was else "#d7e7f0"
                axis.add_patch(Rectangle((i - 0.38, y - 0.2), 0.76, 0.4, facecolor=colour, edgecolor="#444444"))
                axis.text(i, y, f"{value:g}", ha="center", va="center")
        for i in range(len(pooled)):
            for j in range(max(0, i - 1), min(len(detectors), i + 2)):
                axis.plot([j, i], [0.2, 0.8], color="#999999", lw=0.8, zorder=0)
        axis.set(xlim=(-0.6, len(pooled) - 0.4), ylim=(-0.4, 1.4), yticks=(0, 1), xlabel="position (pixels)")
        axis.set_yticklabels(["detector", "pooled"])
        axis.set_title(title, fontsize=9)
    return figure


def unchanged_curves(sizes, noise, photographs, shift=1):
    """Draw the share of unchanged outputs against the window size, with the formula for noise."""
    figure, axis = plt.subplots(figsize=(5.6, 3.2))
    axis.plot(sizes, [(k - shift) / (k + shift) for k in sizes], color="#444444", lw=1, label="(k − 1) / (k + 1)")
    axis.errorbar(sizes, noise.mean(0), noise.std(0), fmt="o", capsize=3, label="noise, 5 seeds")
    for (name, values), mark in zip(photographs.items(), "s^"):
        axis.plot(sizes, values, mark, label=name)
    axis.set(xlabel="window k (pixels), stride k", ylabel="unchanged outputs", ylim=(0, 1))
    axis.legend(frameon=False, fontsize=9)
    return figure


def presence_and_place(sizes, what, where):
    """Draw the accuracies of the two questions against the window; arrays (seed, window, (train, test))."""
    figure, axes = plt.subplots(1, 2, figsize=(6.2, 2.6), sharey=True)
    for axis, values, title in zip(axes, (what, where), ("which digit is it?", "is it in the left half?")):
        for column, name, style in ((0, "training", "o--"), (1, "test", "s-")):
            mean, spread = values[..., column].mean(0), values[..., column].std(0)
            axis.errorbar(range(len(sizes)), mean, spread, fmt=style, capsize=3, label=name)
        axis.axhline(0.5, color="#999999", lw=0.8)
        axis.set_xticks(range(len(sizes)), sizes)
        axis.set(xlabel="max pooling window (pixels)", title=title)
    axes[0].set_ylabel("accuracy")
    axes[0].legend(frameon=False)
    return figure


def detectors_by_angle(weights, angles, winners):
    """Draw each learned detector, and below how often it wins at every angle of the digit."""
    count = len(weights)
    figure, axes = plt.subplots(2, count, figsize=(1.55 * count, 3.1), sharey="row")
    bound = np.abs(weights).max()
    for i, (top, bottom) in enumerate(axes.T):
        top.imshow(weights[i].reshape(8, 8), cmap="RdBu_r", vmin=-bound, vmax=bound)
        top.set(xticks=[], yticks=[], title=f"detector {i + 1}")
        bottom.hist(angles[winners == i], bins=np.arange(-180, 181, 30), color="#0b6fa4")
        bottom.set(xlabel="angle (degrees)", xticks=(-180, 0, 180))
    axes[1, 0].set_ylabel("sevens it wins")
    return figure


def gradients_on_image(image, gradients, titles):
    """Draw a patch, and the root of the gradient that each kind of pooling sends back to it."""
    figure, axes = plt.subplots(1, len(gradients) + 1, figsize=(1.55 * (len(gradients) + 1), 1.8))
    axes[0].imshow(image)
    axes[0].set_title("input", fontsize=9)
    bound = max(g.max() for g in gradients)
    for axis, gradient, title in zip(axes[1:], gradients, titles):
        axis.imshow(np.sqrt(gradient), cmap="Blues", vmin=0, vmax=np.sqrt(bound))
        axis.set_title(title, fontsize=9)
    for axis in axes:
        axis.set(xticks=[], yticks=[])
    return figure
