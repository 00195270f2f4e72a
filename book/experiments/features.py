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


SIDES = (2, 3, 4, 5, 6, 7)  # of a kernel


@experiment(seeds=5, within=0.04, rerun=False)
def architectures(seed, count=16):
    """Try kernels of several sides, random and trained: does what is best with random ones do well when trained?

    Each entry is an accuracy on new pictures, one for each side. The control is a side chosen by chance.
    """
    found = {}
    for data, (x, labels, *rows) in {"digits": (*digits(), *split(seed, 400)), "textures": textures(seed)}.items():
        found[f"{data}, random"], found[f"{data}, trained"] = [], []
        for side in SIDES:
            weight, bias = trained_bank(x[rows[0]], labels[rows[0]], count, side, seed)
            random = kit.random_kernels(count, 1, side, seed)
            for name, values in (("random", bank_features(x, random)), ("trained", bank_features(x, weight, bias))):
                found[f"{data}, {name}"].append(accuracy(values, labels, *rows)[1])
    return found


# --- early and late layers -------------------------------------------------------------------------------------------


def deep_network(seed, epochs):
    """Return four convolutions and a linear layer after so many epochs on digits, and the two sets of rows."""
    torch.manual_seed(seed)
    images, labels = digits()
    x, y = torch.tensor(images).float(), torch.tensor(labels)
    convs = [torch.nn.Conv2d(a, b, 3, padding=1) for a, b in ((1, 16), (16, 16), (16, 32), (32, 32))]
    head, (train, test) = torch.nn.Linear(32, 10), split(seed, 900)
    optimiser = torch.optim.Adam(torch.nn.ModuleList([*convs, head]).parameters(), lr=0.005)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, epochs))
    for _ in range(epochs):
        for rows in torch.randperm(len(train)).split(50):
            optimiser.zero_grad()
            F.cross_entropy(head(maps(convs, x[train[rows]])[-1].mean((2, 3))), y[train[rows]]).backward()
            optimiser.step()
        schedule.step()
    return convs, head, train, test


def maps(convs, x):
    """Return the pictures, and what each layer in turn makes of them."""
    outputs = [x]
    for conv in convs:
        outputs.append(torch.relu(conv(outputs[-1])))
    return outputs


def layers(seed, epochs):
    """Return what four layers give for all digits after so many epochs, the accuracies, and the two sets of rows."""
    convs, head, train, test = deep_network(seed, epochs)
    images, labels = digits()
    with torch.no_grad():
        outputs = maps(convs, torch.tensor(images).float())
        right = (head(outputs[-1].mean((2, 3))).argmax(1).numpy() == labels).astype(float)
    return [v.double().numpy() for v in outputs], [right[train].mean(), right[test].mean()], train, test


def read_edge(layer, images, train, test):
    """Read the slope of the picture at (3, 3) from a layer, by a linear probe.

    Return the share of its variance that is explained on the test rows.
    """
    edges = kit.edge_kernels(3, [0.0, np.pi / 2]).reshape(2, 9)
    slope = images[:, 0, 2:5, 2:5].reshape(-1, 9) @ edges.T
    x = layer[:, :, 3, 3] - layer[train, :, 3, 3].mean(axis=0)
    target = slope - slope[train].mean(axis=0)
    penalty = 0.1 * np.eye(x.shape[1])
    square, mixed = x[train].T @ x[train], x[train].T @ target[train]
    weight = np.linalg.solve(square + penalty, mixed)
    missed = np.sum((target[test] - x[test] @ weight) ** 2)
    return 1 - missed / np.sum(target[test] ** 2)


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


# --- what single units look for --------------------------------------------------------------------------------------

SHOWN = 6  # digits that excite a unit most
UNITS = 8  # of a layer that the figure shows


def strongest(layer, count=SHOWN):
    """Return where each map of a layer (N, K, H, W) is largest: its `count` pictures, one place in each, the values.

    Three arrays (K, count), the largest value first; a place is a row times the width plus a column.
    """
    flat = layer.reshape(*layer.shape[:2], -1)
    peaks, places = flat.max(axis=2), flat.argmax(axis=2)
    rows = np.argsort(-peaks, axis=0, kind="stable")[:count].T
    units = np.arange(layer.shape[1])[:, None]
    return rows, places[rows, units], peaks[rows, units]


def purity(labels):
    """Return the share of the commonest label in each row, as a mean over the rows."""
    return np.mean([np.bincount(row).max() / len(row) for row in labels])


def ascend(convs, depth, unit, place, start, steps=150, rate=0.3):
    """Return the picture that excites a unit most at a place, of those that gradient ascent meets, and its value.

    Ascent begins at the pictures `start` (S, 1, H, W) and keeps the ink between 0 and 1.
    """
    x = torch.tensor(start, dtype=torch.float32)
    best, found = -np.inf, None
    for _ in range(steps + 1):
        x.requires_grad_(True)
        outputs = maps(convs[: depth - 1], x)[-1]
        value = convs[depth - 1](outputs)[:, unit].flatten(1)[:, place]
        (slope,) = torch.autograd.grad(value.sum(), x)
        value, top = value.detach(), int(value.argmax())
        if value[top] > best:
            best, found = float(value[top]), x[top, 0].detach().numpy().copy()
        length = slope.flatten(1).norm(dim=1)[:, None, None, None]
        x = (x.detach() + rate * slope / (length + 1e-12)).clamp(0, 1)
    return found, best


def slope_share(kernels):
    """Return the share of the energy of 3 x 3 kernels that an edge explains: a slope across it and along it."""
    kernels = np.asarray(kernels, float).reshape(-1, 9)
    basis, _ = np.linalg.qr(kit.edge_kernels(3, [0.0, np.pi / 2]).reshape(2, 9).T)
    return np.sum((kernels @ basis) ** 2) / np.sum(kernels**2)


@experiment(seeds=5, within=0.1, rerun=False)
def units(seed):
    """Find, for every unit of four layers, the six new digits that excite it most: how often are they of one class?

    The controls are the same network untrained, and six digits by chance. Beside it, how much of the first kernels
    is an edge. Units that no digit excites are left out, and counted as `silent`.
    """
    images, labels = digits()
    found = {}
    for name, epochs in (("untrained", 0), ("trained", 60)):
        convs, _, _, test = deep_network(seed, epochs)
        with torch.no_grad():
            outputs = [v.numpy() for v in maps(convs, torch.tensor(images[test]).float())[1:]]
        tops = [strongest(v) for v in outputs]
        alive = [values[:, -1] > 0 for *_, values in tops]
        found[f"{name}, silent"] = [np.sum(~rows) for rows in alive]
        found[f"{name}, one class"] = [
            purity(labels[test][top[0][rows]]) for top, rows in zip(tops, alive, strict=True)
        ]
        found[f"{name}, edge"] = slope_share(convs[0].weight.detach().numpy())
    drawn = np.random.default_rng(seed).permuted(np.tile(labels[test], (2000, 1)), axis=1)[:, :SHOWN]
    return found | {"by chance": purity(drawn)}


@experiment(seeds=1, within=np.inf, rerun=False)
def unit_pictures(seed):
    """Keep what excites eight units of each layer most, before training and after: six new digits and a picture.

    The units are the first eight that six digits excite, both before and after. `digits` are numbers among all
    digits, `places` where in them, `values` the excitation there and, last, that of the `picture` that ascent found
    at the place of the first digit, from which and from three pictures of noise it began.
    Another machine trains another network, so nothing is compared with the record.
    """
    images, _ = digits()
    noise = np.random.default_rng(seed).random((3, 1, 8, 8))
    nets, tops = {}, {}
    for name, epochs in (("untrained", 0), ("trained", 60)):
        nets[name], _, _, test = deep_network(seed, epochs)
        with torch.no_grad():
            outputs = maps(nets[name], torch.tensor(images[test]).float())[1:]
        tops[name] = [strongest(v.numpy()) for v in outputs]
    found = {"units": []}
    for depth in range(4):
        alive = [tops[name][depth][2][:, -1] > 0 for name in nets]
        found["units"].append(np.flatnonzero(np.logical_and(*alive))[:UNITS])
    for name, convs in nets.items():
        parts = {"digits": [], "places": [], "values": [], "picture": []}
        for depth, chosen in enumerate(found["units"], 1):
            rows, places, values = (array[chosen] for array in tops[name][depth - 1])
            starts = [np.concatenate([images[test[row[:1]]], noise]) for row in rows]
            best = [ascend(convs, depth, *rest) for rest in zip(chosen, places[:, 0], starts, strict=True)]
            parts["digits"].append(test[rows])
            parts["places"].append(places)
            parts["values"].append(np.column_stack([values, [value for _, value in best]]))
            parts["picture"].append([np.round(16 * picture) for picture, _ in best])
        found |= {f"{name}, {what}": array for what, array in parts.items()}
    return found
