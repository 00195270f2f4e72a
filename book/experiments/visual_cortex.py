"""How well Gabors fit kernels and their nulls, and the pictures that are left of glimpses."""

import numpy as np
import skimage.data
import torch
import torch.nn.functional as F
from scipy import ndimage
from sklearn.decomposition import FastICA
from torch import nn

from experiments.recording import experiment
from miniconv import features
from miniconv import visual_cortex as v1

PHOTOGRAPHS = ("camera", "brick", "grass", "gravel")
SIZE = 11  # height and width of the kernels that are compared with Gabors
CROP = 16  # height and width of what the texture network sees
COUNT = 64  # kernels in a bank


def photographs():
    """Return four grey photographs as an array (4, 512, 512), from 0 to 1."""
    return np.stack([getattr(skimage.data, name)() / 255 for name in PHOTOGRAPHS])


# --- which kernels look like Gabors? ---------------------------------------------------------------------------------


def gabor_share(kernel):
    """Return the share of a kernel's energy that the best Gabor explains."""
    return v1.explained(kernel, v1.gabor(kernel.shape, **v1.fit_gabor(kernel)))


def scramble(kernels, rng):
    """Return kernels (n, H, W) that have the amplitude at every frequency, and the phases of white noise.

    Each is the null of its kernel: of the same spectrum, so just as smooth and as oriented, and otherwise random.
    """
    phases = np.fft.fft2(rng.normal(size=kernels.shape))
    return np.fft.ifft2(np.abs(np.fft.fft2(kernels)) * phases / np.abs(phases)).real


def blurred_noise(count, sigma, rng):
    """Return white noise (count, SIZE, SIZE) under a Gaussian blur of `sigma` pixels, cut out of wider pictures."""
    wide = rng.normal(size=(count, 3 * SIZE, 3 * SIZE))
    return ndimage.gaussian_filter(wide, (0, sigma, sigma))[:, SIZE:-SIZE, SIZE:-SIZE]


def natural_patches(seed, count=10000):
    """Return patches (count, SIZE * SIZE) of the photographs, each brought to mean 0 and variance 1."""
    patches = features.extract_patches(photographs()[:, None], SIZE, stride=3)
    chosen = np.random.default_rng(seed).permutation(len(patches))[:count]
    return features.normalize_patches(patches[chosen], 0.001)


def principal_axes(patches, count=COUNT):
    """Return the `count` directions of the largest variance, and the same subspace under a random rotation."""
    axes = np.linalg.svd(patches - patches.mean(axis=0), full_matrices=False)[2][:count]
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(count, count)))[0]
    return axes.reshape(-1, SIZE, SIZE), (turn @ axes).reshape(-1, SIZE, SIZE)


def centroids(patches, seed, steps=15):
    """Return the centroids of k-means on whitened patches: what a patch is compared with once it is whitened."""
    white = features.whiten(patches, 0.05)[0]
    first = white[np.random.default_rng(seed).permutation(len(white))[:COUNT]]
    return features.kmeans(white, first, steps)[0].reshape(-1, SIZE, SIZE)


def independent_filters(patches, seed):
    """Return the filters of independent component analysis, and its basis functions.

    A filter is what a patch is multiplied with to get a component; the basis function is what that component adds to
    a patch. A receptive field and the kernel of a network are filters.
    """
    ica = FastICA(COUNT, whiten="unit-variance", random_state=seed, max_iter=400, tol=0.01).fit(patches)
    return ica.components_.reshape(-1, SIZE, SIZE), ica.mixing_.T.reshape(-1, SIZE, SIZE)


def photo_crops(seed, count, left, right):
    """Return `count` crops of each photograph between two columns, each of mean 0 and variance 1, and which it is."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(PHOTOGRAPHS)), count)
    rows = rng.integers(0, 512 - CROP + 1, len(labels))
    columns = rng.integers(left, right - CROP + 1, len(labels))
    pictures = photographs()
    x = np.stack([pictures[k, r : r + CROP, c : c + CROP] for k, r, c in zip(labels, rows, columns, strict=True)])
    x = x - x.mean((1, 2), keepdims=True)
    x = x / (x.std((1, 2), keepdims=True) + 0.02)
    return torch.tensor(x[:, None]).float(), torch.tensor(labels)


def texture_network(seed, epochs=480):
    """Train one convolution, ReLU, mean and linear layer to tell which photograph a crop is from.

    Crops for training come from the left five eighths of the photographs, those for the test from the rest. The rate
    falls to 0. Returns the kernels before training, those after it, and accuracy (training, test).
    """
    torch.set_num_threads(1)
    x, y = photo_crops(seed, 300, 0, 320)
    new_x, new_y = photo_crops(seed + 1000, 300, 320, 512)
    torch.manual_seed(seed)
    convolution, head = nn.Conv2d(1, COUNT, SIZE), nn.Linear(COUNT, len(PHOTOGRAPHS))
    before = convolution.weight.detach().numpy()[:, 0].astype(float)
    optimiser = torch.optim.AdamW([*convolution.parameters(), *head.parameters()], lr=0.003, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)

    def scores(pictures):
        return head(torch.relu(convolution(pictures)).mean((2, 3)))

    for _ in range(epochs):
        for rows in torch.randperm(len(y)).split(100):
            optimiser.zero_grad()
            F.cross_entropy(scores(x[rows]), y[rows]).backward()
            optimiser.step()
        schedule.step()
    with torch.no_grad():
        accuracy = [(scores(a).argmax(1) == b).float().mean().item() for a, b in ((x, y), (new_x, new_y))]
    return before, convolution.weight.detach().numpy()[:, 0].astype(float), accuracy


@experiment(seeds=3, within=0.08, rerun=False)
def gabor_fits(seed, fitted=32):
    """Fit Gabors to kernels that nobody learned from pictures, to learned ones, and to the nulls of these.

    For each bank of 64 it gives the quartiles of the share of energy that a Gabor explains, over 32 kernels. The null
    of a learned kernel has the same amplitude spectrum and random phases; "beats" is the share of kernels that a Gabor
    fits better than its null. Accuracies (training, test) say whether the network had come to rest.
    """
    rng = np.random.default_rng(seed)
    patches = natural_patches(seed)
    untrained, trained, accuracy = texture_network(seed)
    axes, turned = principal_axes(patches)
    filters, basis = independent_filters(patches, seed)
    banks = {"white noise": rng.normal(size=(COUNT, SIZE, SIZE)), "untrained network": untrained}
    banks |= {f"noise, blurred by {sigma}": blurred_noise(COUNT, sigma, rng) for sigma in (1, 1.5, 2)}
    banks |= {"principal axes": axes, "principal axes, rotated": turned}
    learned = {
        "k-means": centroids(patches, seed),
        "ICA filters": filters,
        "ICA basis": basis,
        "trained network": trained,
    }
    found = {
        "accuracy": accuracy,
        "accuracy, half as long again": texture_network(seed, 720)[2],
        "trained kernels": trained[:5].round(3),
    }

    def shares(bank):
        return np.array([gabor_share(kernel) for kernel in bank])

    for name, bank in banks.items():
        found[name] = np.quantile(shares(bank[rng.permutation(COUNT)[:fitted]]), [0.25, 0.5, 0.75])
    for name, bank in learned.items():
        bank = bank[rng.permutation(COUNT)[:fitted]]
        own, null = shares(bank), shares(scramble(bank, rng))
        found[name] = np.quantile(own, [0.25, 0.5, 0.75])
        found[f"{name}, null"] = np.quantile(null, [0.25, 0.5, 0.75])
        found[f"{name}, beats"] = np.mean(own > null)
    return found


# --- pictures from glimpses ------------------------------------------------------------------------------------------


def paste(glimpse, shape, fixation):
    """Rebuild a picture from the levels of a glimpse: each pixel from the sharpest level that covers it.

    Parameters
    ----------
    glimpse : (levels, size, size) array
        Samples around the fixation; those of level l stand for blocks of 2**l by 2**l pixels.
    shape : (rows, columns)
    fixation : (row, column)

    Returns
    -------
    picture : (rows, columns) array
        NaN where no level covers a pixel.
    """
    levels, size, _ = glimpse.shape
    picture = np.full(shape, np.nan)
    for level in reversed(range(levels)):
        block = 2**level
        full = np.kron(glimpse[level], np.ones((block, block)))
        top, left = fixation[0] - size * block // 2, fixation[1] - size * block // 2
        rows = slice(max(top, 0), min(top + len(full), shape[0]))
        columns = slice(max(left, 0), min(left + len(full), shape[1]))
        picture[rows, columns] = full[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return picture
