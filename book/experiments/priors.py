"""What the chapter on priors measures with trained networks: what a new order of the pixels costs each of them."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from experiments.recording import experiment
from miniconv.priors import permute_pixels

NETWORKS = ("MLP", "convnet, dense end", "convnet, global average")
TRAINING = 1200  # digits that are trained on; the other 597 are the test


def network(name, side):
    """Return an untrained network for pictures (N, 1, side, side).

    The two convnets differ in their end alone.
    """
    if name == "MLP":
        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(side**2, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )
    layers = [
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 48, 3, stride=2, padding=1),
        nn.ReLU(),
    ]
    if name == "convnet, dense end":
        return nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Linear(48 * ((side + 1) // 2) ** 2, 10),
        )
    return nn.Sequential(
        *layers,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(48, 10),
    )


def train(model, x, labels, seed, epochs, rate):
    """Train with Adam, in batches of 100.

    The step size rises to `rate` and then falls to nothing. Returns the loss
    of every step: (steps,) array.
    """
    order, losses = torch.Generator().manual_seed(seed), []
    optimiser = torch.optim.Adam(model.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        rate,
        epochs * -(-len(x) // 100),
    )
    for _ in range(epochs):
        for batch in torch.randperm(len(x), generator=order).split(100):
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(model(x[batch]), labels[batch])
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
    return np.array(losses)


@torch.no_grad()
def accuracy(model, x, labels):
    """Return the share of pictures that the model names rightly."""
    return (model(x).argmax(dim=1) == labels).double().mean().item()


def scores(name, pictures, seed, epochs):
    """Train a network on 1,200 of the scanned digits; return two accuracies.

    The digits are pictured as (1797, 1, side, side). The first accuracy is on
    those that it was trained on, the second on the others. The seed chooses
    the digits and the first weights.
    """
    x, labels = (
        torch.tensor(pictures, dtype=torch.float32),
        torch.tensor(load_digits().target),
    )
    chosen, rest = torch.tensor(
        np.random.default_rng(seed).permutation(len(x)),
    ).split([TRAINING, len(x) - TRAINING])
    torch.manual_seed(seed)
    model = network(name, pictures.shape[-1])
    train(
        model,
        x[chosen],
        labels[chosen],
        seed,
        epochs,
        rate=0.03 if name == "convnet, global average" else 0.01,
    )
    return (
        accuracy(model, x[chosen], labels[chosen]),
        accuracy(model, x[rest], labels[rest]),
    )


def digits():
    """Return the scanned digits as (1797, 1, 8, 8), from -0.3 (paper) to 0.7 (ink)."""
    return load_digits().images[:, None] / 16 - 0.3


def moved(pictures, side, rng):
    """Put every picture (N, 1, H, W) at a random place of a larger one (N, 1, side, side), on empty paper."""
    height, width = pictures.shape[2:]
    canvas = np.full((len(pictures), 1, side, side), -0.3)
    rows, columns = rng.integers(0, [side - height + 1, side - width + 1], (len(pictures), 2)).T
    for i, (r, c) in enumerate(zip(rows, columns)):
        canvas[i, :, r : r + height, c : c + width] = pictures[i]
    return canvas


def both_orders(pictures, seed):
    """Return the pictures as they are, and with the pixels of all of them in one new order, which the seed draws."""
    order = np.random.default_rng([seed, 1]).permutation(pictures.shape[2] * pictures.shape[3])
    return pictures, permute_pixels(pictures, order)


@experiment(seeds=5, within=0.04)
def pixel_order(seed):
    """Train three networks on the centred digits as scanned, and on the same digits in one new order of the pixels.

    The control of a loss of accuracy is the MLP, to which all orders are alike; that of the test accuracies are the
    training accuracies beside them. Both are (networks, orders).
    """
    found = [[scores(name, x, seed, epochs=40) for x in both_orders(digits(), seed)] for name in NETWORKS]
    return dict(zip(("train", "test"), np.moveaxis(found, -1, 0)))


@experiment(seeds=5, within=0.06, rerun=False)
def moved_digits(seed):
    """Do the same with digits at random places of 12 by 12 pixels.

    The controls are those of `pixel_order`, and a second training of twice the length. The accuracies are
    (lengths of training, networks, orders).
    """
    pictures = moved(digits(), 12, np.random.default_rng([seed, 2]))
    found = [
        [[scores(name, x, seed, epochs) for x in both_orders(pictures, seed)] for name in NETWORKS]
        for epochs in (100, 200)
    ]
    return dict(zip(("train", "test"), np.moveaxis(found, -1, 0)))


@experiment(seeds=5, within=0.06, rerun=False)
def wide_mlp(seed):
    """Train an MLP with 1,024 units in the place of 64: was the small one too small to be fair?

    The accuracies are (worlds, orders): centred digits, and digits at random places of 12 by 12 pixels.
    """
    labels, split = torch.tensor(load_digits().target), np.random.default_rng(seed).permutation(1797)
    chosen, rest = split[:TRAINING], split[TRAINING:]
    found = []
    for pictures, epochs in ((digits(), 40), (moved(digits(), 12, np.random.default_rng([seed, 2])), 100)):
        for x in (torch.tensor(v, dtype=torch.float32) for v in both_orders(pictures, seed)):
            torch.manual_seed(seed)
            model = nn.Sequential(nn.Flatten(), nn.Linear(x[0].numel(), 1024), nn.ReLU(), nn.Linear(1024, 10))
            train(model, x[chosen], labels[chosen], seed, epochs, rate=0.01)
            found.append([accuracy(model, x[part], labels[part]) for part in (chosen, rest)])
    return dict(zip(("train", "test"), np.reshape(found, (2, 2, 2)).transpose(2, 0, 1)))


@experiment(seeds=5, within=0.1, rerun=False)
def own_orders(seed):
    """Train the networks on digits that each have their pixels in an order of their own.

    Beside them an MLP that gets the sorted grey values, all that such a picture has left, once more trained four times
    as long, and one that gets the shuffled digits with shuffled labels, which nobody can learn. The accuracies are
    (networks and the three,).
    """
    rng = np.random.default_rng([seed, 3])
    shuffled = permute_pixels(digits(), np.array([rng.permutation(64) for _ in digits()]))
    grey_values = np.sort(shuffled.reshape(-1, 64)).reshape(shuffled.shape)
    found = [scores(name, shuffled, seed, epochs=150) for name in NETWORKS]
    found += [scores("MLP", grey_values, seed, epochs) for epochs in (150, 600)]
    found.append(scores("MLP", rng.permutation(shuffled), seed, epochs=150))
    return dict(zip(("train", "test"), np.transpose(found)))
