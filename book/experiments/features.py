"""What the chapter on kernels without labels measures: five sources of kernels, and what layers of a network hold."""

import numpy as np
import skimage.data
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from experiments.recording import experiment
from miniconv import features as kit
from miniconv.visual_cortex import gabor

COUNTS = (4, 16, 64)  # kernels of a bank
SIZE = 5  # of a kernel
SOURCES = ("random", "edges", "Gabors", "k-means", "trained")


def digits():
    """Return the scanned digits (1797, 1, 8, 8), values between 0 and 1, and their labels."""
    found = load_digits()
    return found.images[:, None] / 16, found.target


def split(seed, count):
    """Return the numbers of `count` digits to train on and of 800 others to test on."""
    order = np.random.default_rng(seed).permutation(1797)
    return order[:count], order[count : count + 800]


def textures(seed, count=50):
    """Return crops of three textures: `count` each from the left halves to train, 200 from the right ones to test."""
    rng, crops = np.random.default_rng(seed), []
    for side, many in ((0, count), (256, 200)):
        for name in ("brick", "grass", "gravel"):
            picture = getattr(skimage.data, name)() / 255
            rows, columns = rng.integers(0, 497, many), side + rng.integers(0, 241, many)
            crops += [picture[r : r + 16, c : c + 16] for r, c in zip(rows, columns, strict=True)]
    crops = np.stack(crops)[:, None]
    crops = (crops - crops.mean(axis=(2, 3), keepdims=True)) / (crops.std(axis=(2, 3), keepdims=True) + 0.02)
    labels = np.repeat([0, 1, 2] * 2, [count] * 3 + [200] * 3)
    return crops, labels, np.arange(3 * count), np.arange(3 * count, len(labels))


def accuracy(values, labels, train, test, penalty=1.0):
    """Return the accuracy of a ridge classifier on standardised columns: on the training rows and on the test rows."""
    mean, spread = values[train].mean(axis=0), values[train].std(axis=0)
    values = (values - mean) / (spread + 1e-3)
    weight, bias = kit.ridge_fit(values[train], labels[train], penalty)
    return [np.mean(kit.ridge_predict(values[rows], weight, bias) == labels[rows]) for rows in (train, test)]


def gabor_bank(count, size=SIZE):
    """Return kernels made by hand: four directions, then four phases of each, then four frequencies of each phase."""
    frequencies = (0.2,) if count <= 16 else (0.1, 0.18, 0.26, 0.34)
    phases = (0.0,) if count <= 4 else np.arange(4) * np.pi / 2
    bank = [gabor(size, f, a, p, sigma=1.3) for f in frequencies for p in phases for a in np.arange(4) * np.pi / 4]
    return np.stack(bank)[:, None]


def centroid_bank(x, count, size=SIZE, seed=0):
    """Return the centroids of all whitened patches of pictures, as kernels for patches as they come."""
    rng = np.random.default_rng(seed)
    patches = kit.normalize_patches(kit.extract_patches(x, size))
    patches = patches[rng.permutation(len(patches))[:20_000]]
    white, _, matrix = kit.whiten(patches, 0.1)
    centroids, _ = kit.kmeans(white, white[rng.choice(len(white), count, replace=False)], 30)
    return (centroids @ matrix).reshape(-1, 1, size, size)


def trained_bank(x, labels, count, size=SIZE, seed=0, epochs=80):
    """Return kernels and biases of a convolution that was trained, a linear layer on top, until it came to rest."""
    torch.manual_seed(seed)
    kernels, head = torch.nn.Conv2d(1, count, size), torch.nn.Linear(4 * count, int(labels.max()) + 1)
    optimiser = torch.optim.Adam([*kernels.parameters(), *head.parameters()], lr=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    x, labels = torch.tensor(x, dtype=torch.float32), torch.tensor(labels)
    for _ in range(epochs):
        for rows in torch.randperm(len(labels)).split(50):
            pooled = F.adaptive_avg_pool2d(torch.relu(kernels(x[rows])), 2).flatten(1)
            loss = F.cross_entropy(head(pooled), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
    return [parameter.detach().numpy().astype(float) for parameter in (kernels.weight, kernels.bias)]


def bank_features(x, bank, bias=0.0):
    """Return what pictures give with a bank: responses and bias, rectified, averaged over the four quarters."""
    responses = kit.extract_patches(x, bank.shape[2:]) @ bank.reshape(len(bank), -1).T + bias
    grid = [n - k + 1 for n, k in zip(x.shape[2:], bank.shape[2:], strict=True)]
    return kit.pool_codes(np.maximum(0, responses), tuple(grid))


@experiment(seeds=5, within=0.03, rerun=False)
def sources(seed):
    """Compare five sources of 4, 16 and 64 kernels, with one classifier on top: on digits and on textures.

    The controls are the raw pixels, and a bank by hand with directions, phases and frequencies beside one of edges.
    Each entry is an accuracy on the training pictures and one on the test pictures.
    """
    found = {}
    for data, (x, labels, *rows) in {"digits": (*digits(), *split(seed, 400)), "textures": textures(seed)}.items():
        found[f"{data}, pixels"] = accuracy(x.reshape(len(x), -1), labels, *rows)
        for name in SOURCES:
            found[f"{data}, {name}"] = []
        for count in COUNTS:
            weight, bias = trained_bank(x[rows[0]], labels[rows[0]], count, seed=seed)
            banks = {
                "random": kit.random_kernels(count, 1, SIZE, seed),
                "edges": kit.edge_kernels(SIZE, np.arange(count) * 2 * np.pi / count),
                "Gabors": gabor_bank(count),
                "k-means": centroid_bank(x[rows[0]], count, seed=seed),
                "trained": weight,
            }
            for name, bank in banks.items():
                values = bank_features(x, bank, bias if name == "trained" else 0)
                found[f"{data}, {name}"].append(accuracy(values, labels, *rows))
    return found


# --- early and late layers -------------------------------------------------------------------------------------------


def layers(seed, epochs):
    """Return what four layers give for all digits after so many epochs, the accuracies, and the two sets of rows."""
    torch.manual_seed(seed)
    images, labels = digits()
    x, y = torch.tensor(images).float(), torch.tensor(labels)
    convs = [torch.nn.Conv2d(a, b, 3, padding=1) for a, b in ((1, 16), (16, 16), (16, 32), (32, 32))]
    head, (train, test) = torch.nn.Linear(32, 10), split(seed, 900)
    optimiser = torch.optim.Adam(torch.nn.ModuleList([*convs, head]).parameters(), lr=0.005)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, epochs))

    def run(x):
        outputs = [x]
        for conv in convs:
            outputs.append(torch.relu(conv(outputs[-1])))
        return outputs

    for _ in range(epochs):
        for rows in torch.randperm(len(train)).split(50):
            optimiser.zero_grad()
            F.cross_entropy(head(run(x[train[rows]])[-1].mean((2, 3))), y[train[rows]]).backward()
            optimiser.step()
        schedule.step()
    with torch.no_grad():
        outputs = run(x)
        right = (head(outputs[-1].mean((2, 3))).argmax(1) == y).double().numpy()
    return [v.double().numpy() for v in outputs], [right[train].mean(), right[test].mean()], train, test


def read_edge(layer, images, train, test):
    """Return the share of the slope of the picture at pixel (3, 3) that a layer explains there, by a linear probe."""
    edges = kit.edge_kernels(3, [0.0, np.pi / 2]).reshape(2, 9)
    slope = images[:, 0, 2:5, 2:5].reshape(-1, 9) @ edges.T
    x, target = layer[:, :, 3, 3] - layer[train, :, 3, 3].mean(axis=0), slope - slope[train].mean(axis=0)
    weight = np.linalg.solve(x[train].T @ x[train] + 0.1 * np.eye(x.shape[1]), x[train].T @ target[train])
    return 1 - np.sum((target[test] - x[test] @ weight) ** 2) / np.sum(target[test] ** 2)


@experiment(seeds=5, within=0.05, rerun=False)
def depth(seed):
    """Read edge and class from each of four layers of a network that is trained out; its control is never trained."""
    images, labels = digits()
    found = {}
    for name, epochs in (("untrained", 0), ("trained", 60)):
        outputs, found[f"{name}, accuracy"], train, test = layers(seed, epochs)
        found[f"{name}, edge"] = [read_edge(layer, images, train, test) for layer in outputs[1:]]
        means = [layer.mean(axis=(2, 3)) for layer in outputs]
        found[f"{name}, class"] = [accuracy(values, labels, train, test, 0.1)[1] for values in means]
    return found
