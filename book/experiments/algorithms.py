"""What the chapter on algorithms measures: seconds, products of a layer, and how near to low rank kernels come."""

import time

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from experiments.recording import experiment
from miniconv.algorithms import separate_kernel


def seconds(function, *args, repeats=5):
    """Return the times of `repeats` calls function(*args), a list in seconds, after one call that is not counted."""
    function(*args)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function(*args)
        times.append(time.perf_counter() - start)
    return times


def layer_products(images, channels, filters, side, kernel, period):
    """Return the real multiplications of a "same" layer of stride 1: by the definition, and by complex transforms.

    Every image is transformed once in each channel, every kernel once, every output once on the way back. A transform
    of P = period ** 2 numbers is counted with 2 P log2 P real products, exact where the period is a power of two.
    With a transform for real numbers the second count is half as large.
    """
    size = period**2
    pairs = images * channels * filters
    transforms = images * channels + channels * filters + images * filters
    direct = pairs * side**2 * kernel**2
    by_frequency = 4 * pairs * size
    back = 2 * images * filters * size
    return direct, transforms * 2 * size * np.log2(size) + by_frequency + back


def digits():
    """Return the scanned digits in two parts: [(x, y) of the first 1500, (x, y) of the others]; x is (N, 1, 8, 8)."""
    found = load_digits()
    x = torch.tensor(found.images / 16, dtype=torch.float32)[:, None]
    y = torch.tensor(found.target)
    return [(x[:1500], y[:1500]), (x[1500:], y[1500:])]


def train(net, x, y, steps):
    """Train a network in place by Adam on batches of 128, with a rate that sinks to 0."""
    optimiser = torch.optim.Adam(net.parameters(), lr=0.005)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1, 0, steps)
    for _ in range(steps):
        batch = torch.randint(0, len(x), (128,))
        loss = nn.functional.cross_entropy(net(x[batch]), y[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def accuracy(net, x, y):
    """Return the share of the digits that a network names."""
    with torch.no_grad():
        return float((net(x).argmax(1) == y).float().mean())


def digit_network(filters, kernel):
    """Return a network for digits (N, 1, 8, 8): one convolution layer, ReLU, max pooling and a dense layer."""
    return nn.Sequential(
        nn.Conv2d(1, filters, kernel, padding=kernel // 2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(filters * 16, 10),
    )


@experiment(seeds=5, within=0.3, rerun=False)
def rank_one(seed, filters=8, steps=800):
    """Train one layer of 5 x 5 kernels on the digits, and separate each kernel. Control: the same layer's random start.

    `before` and `after` are the relative errors of the nearest kernels of rank 1; `kernels` are those at the end.
    """
    torch.manual_seed(seed)
    known, new = digits()
    net = digit_network(filters, 5)
    before = errors_of_rank_one(net)
    train(net, *known, steps)
    found = {"before": before, "after": errors_of_rank_one(net), "kernels": net[0].weight.detach().numpy()[:, 0]}
    return found | {"train": accuracy(net, *known), "test": accuracy(net, *new)}


def errors_of_rank_one(net):
    """Return by how much separable kernels miss those of a network's first layer at best, as shares of their length."""
    return [separate_kernel(kernel)[2] for kernel in net[0].weight.detach().numpy()[:, 0].astype(float)]


RANKS = (1, 2, 4, 8, 16, 32)


def columns_and_rows(weight):
    """Return a layer's kernels (F, C, kH, kW) as the matrix (C kH, F kW): its rank counts the maps between two passes.

    Of rank R, the layer is one of R kernels of kH x 1 and one of F kernels of 1 x kW behind it.
    """
    filters, channels, height, width = weight.shape
    return weight.transpose(1, 2, 0, 3).reshape(channels * height, filters * width)


def truncated(weight, rank):
    """Return the kernels nearest to a layer's that two passes with `rank` maps between can compute."""
    return from_terms(weight, np.arange(rank))


def from_terms(weight, terms):
    """Return the kernels that are left of a layer's when only the terms of these numbers are kept, the largest is 0."""
    filters, channels, height, width = weight.shape
    u, s, v = np.linalg.svd(columns_and_rows(weight), full_matrices=False)
    matrix = (u[:, terms] * s[terms]) @ v[terms]
    return matrix.reshape(channels, height, filters, width).transpose(2, 0, 1, 3)


@experiment(seeds=5, within=0.1, rerun=False)
def low_rank_layer(seed, steps=800, draws=20):
    """Train two layers on the digits, and bring the whole second one, (32, 16, 5, 5), to each of the ranks `RANKS`.

    `after`: the relative error of the kernels; `test`: the accuracy with these kernels in place, the full ones last.
    Controls of the error: `before`, the same layer untrained, and `shuffled`, the learned numbers in a random order.
    Controls of the accuracy, means over draws: `drawn`, as many terms drawn at random in place of the largest, and
    `noise`, the learned kernels with noise that is as large as what the rank misses.
    """
    torch.manual_seed(seed)
    known, new = digits()
    net = nn.Sequential(
        *(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * 4, 10)),
    )
    before = net[3].weight.detach().numpy().copy()
    train(net, *known, steps)
    after = net[3].weight.detach().numpy().copy()
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(after.ravel()).reshape(after.shape)
    found = {"train": accuracy(net, *known), "test": [], "drawn": [], "noise": []}
    for name, weight in (("before", before), ("after", after), ("shuffled", shuffled)):
        misses = [np.linalg.norm(weight - truncated(weight, rank)) for rank in RANKS]
        found[name] = misses / np.linalg.norm(weight)

    def right(weight):
        net[3].weight.data = torch.tensor(weight, dtype=torch.float32)
        return accuracy(net, *new)

    for rank in (*RANKS, 80):
        kept = truncated(after, rank)
        drawn = [from_terms(after, rng.permutation(80)[:rank]) for _ in range(draws)]
        noisy = [after + like(after - kept, rng) for _ in range(draws)]
        found["test"].append(right(kept))
        found["drawn"].append(np.mean([right(weight) for weight in drawn]))
        found["noise"].append(np.mean([right(weight) for weight in noisy]))
    return found


def like(array, rng):
    """Return white noise of the shape and the length of an array."""
    noise = rng.standard_normal(array.shape)
    return noise * np.linalg.norm(array) / np.linalg.norm(noise)
