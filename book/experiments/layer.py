"""What the chapter on the layer measures: what two kinds of bias learn, and how kernels become different."""

import numpy as np
from sklearn.datasets import load_digits, load_sample_image

from experiments.recording import experiment
from miniconv.layer import conv2d, unfold

BOX = np.full((1, 1, 3, 3), 1 / 9)
NUMBERS = (1, 2, 4, 8, 16, 32, 64)  # of training images
SIDE = 12  # pixels of a crop


def _grey(name):
    return load_sample_image(name).mean(axis=2) / 255


def crops(photo, rng, count):
    """Return `count` random crops of 12 x 12 pixels with one pixel of their surroundings: (count, 1, 14, 14)."""
    windows = np.lib.stride_tricks.sliding_window_view(photo, (SIDE + 2, SIDE + 2))
    rows, columns = (rng.integers(0, size, count) for size in windows.shape[:2])
    return windows[rows, columns][:, None]


def dark_rim(photo, rng, count):
    """Return what zero padding takes from a 3 x 3 blur of `count` random crops: (count, 1, 12, 12).

    This is the blur with the true surroundings of each crop, minus the blur of the crop padded with zeros.
    """
    views = crops(photo, rng, count)
    return conv2d(views, BOX) - conv2d(views[:, :, 1:-1, 1:-1], BOX, padding=1)


def same_everywhere(rng, count):
    """Return what is missing where no place differs from another: 0.1, with noise of standard deviation 0.1."""
    return 0.1 + 0.1 * rng.standard_normal((count, 1, SIDE, SIDE))


@experiment(seeds=20, within=1e-4)
def biases(seed):
    """Fit a bias per channel and one per place to some images, and measure their errors on others.

    Both are fitted exactly: the best bias is a mean, over images alone or over images and places. The error is the root
    mean square of what it lacks to the best bias per place of 2,000 new images, their mean; `none` is the error of no
    bias at all.

    There are three situations. "same photograph": the bias is to mend the dark rim of zero padding, on the half of a
    photograph that it was not fitted to. "another photograph": the same, on a photograph of another subject and another
    brightness. "same everywhere", the control: no place differs from another.
    """
    rng = np.random.default_rng(seed)
    city, flower = _grey("china.jpg"), _grey("flower.jpg")
    halves = [city[:, :320], city[:, 320:]][:: 1 if seed % 2 else -1]
    draws = {
        "same photograph": [lambda n, photo=half: dark_rim(photo, rng, n) for half in halves],
        "another photograph": [lambda n, photo=photo: dark_rim(photo, rng, n) for photo in (city, flower)],
        "same everywhere": [lambda n: same_everywhere(rng, n)] * 2,
    }
    found = {}
    for situation, (draw_seen, draw_new) in draws.items():
        wanted = draw_new(2000).mean(axis=0)
        seen = [draw_seen(n) for n in NUMBERS]
        found[f"{situation}: channel"] = [_error(wanted, images.mean()) for images in seen]
        found[f"{situation}: place"] = [_error(wanted, images.mean(axis=0)) for images in seen]
        found[f"{situation}: none"] = _error(wanted, 0)
    return found


def _error(wanted, bias):
    return np.sqrt(np.mean((wanted - bias) ** 2))


def _windows():
    """Return the windows of 32 scanned digits, one a row: (1152, 9)."""
    return unfold(load_digits().images[:32, None] / 16, 3).transpose(0, 2, 1).reshape(-1, 9)


def fit(kernels, outgoing, rate, steps):
    """Fit kernels so that a weighted sum of their rectified maps is that of two edge detectors; return losses, kernels.

    Parameters
    ----------
    kernels : (K, 9) array
        Where gradient descent begins.
    outgoing : (K,) array
        The weights of the sum; they stay as they are.

    Returns
    -------
    losses : (steps,) array
        Mean squared error before each step, on 32 scanned digits.
    kernels : (K, 9) array
    """
    windows = _windows()
    right = np.array([[-1.0, 0.0, 1.0]] * 3) / 3
    wanted = np.maximum(windows @ np.stack([right.ravel(), right.T.ravel()]).T, 0).sum(axis=1)
    losses = []
    for _ in range(steps):
        z = windows @ kernels.T
        gap = np.maximum(z, 0) @ outgoing - wanted
        losses.append(np.mean(gap**2))
        grad_z = 2 / len(gap) * gap[:, None] * outgoing * (z > 0)
        kernels = kernels - rate * grad_z.T @ windows
    return np.array(losses), kernels


STEPS = 6000
SHOWN = np.unique(np.geomspace(1, STEPS, 60).astype(int)) - 1  # the steps whose losses are kept


@experiment(seeds=20, within=1e-3)
def starts(seed):
    """Fit two kernels from different and from identical starts, until the losses have stopped falling.

    The controls are one kernel alone, its map counted twice (with half the step, as its gradient is twice as large),
    and two identical kernels whose maps count differently in the sum. `distances` is the largest difference between
    the two kernels at the end, for each of the three pairs; `awake` is the share of windows on which each kernel of the
    two pairs that may part ends above zero.
    """
    two = 0.3 * np.random.default_rng(seed).standard_normal((2, 9))
    twins, equal, unlike = np.repeat(two[:1], 2, axis=0), np.ones(2), np.array([1.5, 0.5])
    runs = {
        "different start": fit(two, equal, 0.3, STEPS),
        "identical start": fit(twins, equal, 0.3, STEPS),
        "one kernel, counted twice": fit(two[:1], np.array([2.0]), 0.15, STEPS),
        "identical start, unlike weights behind": fit(twins, unlike, 0.3, STEPS),
    }
    parting = ("different start", "identical start, unlike weights behind")
    distances = [np.abs(np.diff(kernels, axis=0)).max() for name, (_, kernels) in runs.items() if "one" not in name]
    return {name: losses[SHOWN] for name, (losses, _) in runs.items()} | {
        "distances": distances,
        **{f"awake: {name}": (_windows() @ runs[name][1].T > 0).mean(axis=0) for name in parting},
    }
