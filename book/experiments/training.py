"""What the chapter on training measures: how networks start, move, settle and are judged, on the scanned digits."""

import functools
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from convcourse.networks import files, measure, tasks, trainer
from experiments.recording import experiment

NETWORKS = Path(__file__).parents[2] / "solutions" / "networks"
DEEP = 20  # convolutions in a row, in the experiments on first weights and on normalisation
STARTS = {  # the variance of a first weight, times the numbers that a unit reads
    "PyTorch's default": 1 / 3,
    "Xavier": 1.0,
    "He": 2.0,
    "twice He": 4.0,
}
RATES = np.geomspace(0.001, 3, 8)  # learning rates that are tried
OPTIMIZERS = {
    "SGD": torch.optim.SGD,
    "momentum": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9),
    "Adam": torch.optim.Adam,
}


# --- the data and the network ----------------------------------------------------------------------------------------


def digits(seed, count=1000):
    """Return the scanned digits in three parts, {name: (x, y)}: `count` to train on, 297 to validate, 500 to test.

    x is (N, 1, 8, 8), from -0.3 (paper) to 0.7 (ink). The seed chooses which digits are where.
    """
    found = load_digits()
    x, y = torch.tensor(found.images / 16 - 0.3, dtype=torch.float32)[:, None], torch.tensor(found.target)
    order = torch.tensor(np.random.default_rng(seed).permutation(len(x)))
    parts = {"train": order[797 : 797 + count], "validation": order[:297], "test": order[297:797]}
    return {name: (x[rows], y[rows]) for name, rows in parts.items()}


def reader(width=16, drop=0.0):
    """Return an untrained network for digits (N, 1, 8, 8): two convolutions and a dense layer."""
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1), nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Dropout(drop), nn.Linear(32 * width, 10),
    )  # fmt: skip


def fit(net, x, y, steps, optimizer, seed, batch=64, schedule=None, smoothing=0.0, change=None, watch=None):
    """Train a network in place on batches drawn at random; return the loss of every step: (steps,) array.

    Parameters
    ----------
    net : torch.nn.Module
    x, y : tensors
    steps, seed, batch : int
    optimizer : torch.optim.Optimizer
    schedule : callable, optional
        ``schedule(step / steps)``: what the rate is multiplied by.
    smoothing : float
        Of the labels.
    change : callable, optional
        ``change(x, generator)``: an augmentation of every batch.
    watch : callable, optional
        Called with (step, net) before every step.
    """
    generator, losses = torch.Generator().manual_seed(seed), []
    torch.manual_seed(seed)  # what dropout drops
    rates = [group["lr"] for group in optimizer.param_groups]
    for step in range(steps):
        if watch:
            watch(step, net)
        rows = torch.randint(0, len(x), (batch,), generator=generator)
        pictures = change(x[rows], generator) if change else x[rows]
        if schedule:
            for group, rate in zip(optimizer.param_groups, rates):
                group["lr"] = rate * schedule(step / steps)
        net.train()
        loss = F.cross_entropy(net(pictures), y[rows], label_smoothing=smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses)


def cosine(done):
    """Return the factor of a rate that rises in the first tenth of the steps and then falls to 0 by a cosine."""
    return done / 0.1 + 0.01 if done < 0.1 else 0.5 + 0.5 * np.cos(np.pi * (done - 0.1) / 0.9)


@torch.no_grad()
def judged(net, x, y):
    """Return the loss and the accuracy of a network, in evaluation mode."""
    net.eval()
    logits = net(x)
    return F.cross_entropy(logits, y).item(), (logits.argmax(1) == y).double().mean().item()


# --- where to start --------------------------------------------------------------------------------------------------


def chain(width, depth=DEEP, norm=None, first=1):
    """Return `depth` convolutions of 3 x 3, each with ReLU, and between the two what `norm` makes for `width` maps.

    The edges are joined, so that every unit reads nine full places and the arithmetic of variances is exact.
    """
    layers = []
    for i in range(depth):
        layers.append(nn.Conv2d(width if i else first, width, 3, padding=1, padding_mode="circular"))
        layers += [norm(width)] if norm else []
        layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def start(net, factor):
    """Draw the weights of all convolutions anew, with the variance `factor` over the numbers read; biases are 0."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=(factor / module.weight[0].numel()) ** 0.5)
            nn.init.zeros_(module.bias)


@experiment(seeds=5, within=0.5)
def depth(seed, width=64):
    """Send noise through an untrained chain, and a gradient back.

    The mean squares after each layer, log 10: `out, NAME` of the activations,
    over that of the first layer; `back, NAME` of the gradient, over that of
    the last.
    """
    found = {}
    for name, factor in STARTS.items():
        torch.manual_seed(seed)
        net = chain(width)
        start(net, factor)
        x, outputs = torch.randn(4, 1, 8, 8), []
        for module in net:
            x = module(x)
            if isinstance(module, nn.ReLU):
                x.retain_grad()
                outputs.append(x)
        (x * torch.randn(x.shape)).sum().backward()
        gradients = [output.grad for output in outputs]
        for what, arrays in (("out", outputs), ("back", gradients)):
            squares = [array.detach().double().square() for array in arrays]
            size = np.log10([square.mean().item() for square in squares])
            found[f"{what}, {name}"] = size - size[0 if what == "out" else -1]
    return found


@experiment(seeds=5, within=0.5)
def as_drawn(seed, width=64):
    """Send four pictures of noise through the chain as PyTorch draws it, biases and all, and from He's start.

    `out, NAME`, `back, NAME`: log 10 of the mean squares of activations and gradients, end over beginning of the way.
    `apart, NAME`: that of what differs between the pictures.
    """
    found = {}
    for name in ("PyTorch", "He"):
        torch.manual_seed(seed)
        net = chain(width)
        if name == "He":
            start(net, STARTS["He"])
        x, outputs = torch.randn(4, 1, 8, 8), []
        for module in net:
            x = module(x)
            if isinstance(module, nn.ReLU):
                x.retain_grad()
                outputs.append(x)
        (x * torch.randn(x.shape)).sum().backward()
        first, last = outputs[0], outputs[-1]
        for what, ends in (
            ("out", (first, last)),
            ("apart", (first - first.mean(0), last - last.mean(0))),
            ("back", (last.grad, first.grad)),
        ):
            begin, end = (float(each.detach().double().square().mean()) for each in ends)
            found[f"{what}, {name}"] = np.log10(end / begin)
    return found


def deep_reader(norm=None, width=8):
    """Return a chain of 20 convolutions that ends in a dense layer for ten digits."""
    return nn.Sequential(chain(width, norm=norm), nn.Flatten(), nn.Linear(64 * width, 10))


def best_of(make, seed, rates, steps=250, momentum=0.9):
    """Train a network that `make` builds at every rate; return the (final training losses, test accuracies)."""
    data, losses, right = digits(seed), [], []
    for rate in rates:
        torch.manual_seed(seed)
        net = make()
        optimizer = torch.optim.SGD(net.parameters(), rate, momentum=momentum)
        last = fit(net, *data["train"], steps, optimizer, seed)[-20:].mean()
        losses.append(last if np.isfinite(last) else np.inf)
        right.append(judged(net, *data["test"])[1])
    return np.minimum(losses, 10.0), right


DEEP_RATES = (0.003, 0.01, 0.03, 0.1)


def started(make, factor):
    """Make a network and draw its weights by `start`."""
    net = make()
    start(net, factor)
    return net


@experiment(seeds=3, within=0.1, rerun=False)
def deep_starts(seed):
    """Train the chain of 20 convolutions from each start, at four rates: `loss, NAME` and `test, NAME`."""
    found = {}
    for name, factor in STARTS.items():
        make = functools.partial(started, deep_reader, factor)
        found[f"loss, {name}"], found[f"test, {name}"] = best_of(make, seed, DEEP_RATES)
    return found


@experiment(seeds=3, within=0.1, rerun=False)
def shallow_starts(seed):
    """Train the reader, two convolutions, from each start at the same four rates: the accuracies, `NAME`."""
    found = {}
    for name, factor in STARTS.items():
        found[name] = best_of(functools.partial(started, reader, factor), seed, DEEP_RATES)[1]
    return found


SCALES = {"from -0.3 to 0.7": (0.0, 1.0), "from 0 to 16": (0.3, 16.0), "from 0 to 255": (0.3, 255.0)}
SCALE_RATES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)


@experiment(seeds=3, within=0.1, rerun=False)
def scales(seed):
    """Train the reader on grey values of three ranges, by momentum at six rates: the accuracies, `NAME`."""
    data, found = digits(seed), {}
    for name, (added, times) in SCALES.items():
        parts, found[name] = {part: ((x + added) * times, y) for part, (x, y) in data.items()}, []
        for rate in SCALE_RATES:
            torch.manual_seed(seed)
            net = reader()
            fit(net, *parts["train"], 300, OPTIMIZERS["momentum"](net.parameters(), lr=rate), seed)
            found[name].append(judged(net, *parts["test"])[1])
    return found


NORMS = {
    "none": None,
    "batch": nn.BatchNorm2d,
    "layer": lambda width: nn.GroupNorm(1, width),  # one group: all channels and places of a picture
    "group": lambda width: nn.GroupNorm(2, width),
}


@experiment(seeds=3, within=0.1, rerun=False)
def normalised(seed):
    """Train the chain from PyTorch's default start with each normalisation, at four rates."""
    found = {}
    for name, norm in NORMS.items():
        found[f"loss, {name}"], found[f"test, {name}"] = best_of(lambda n=norm: deep_reader(n), seed, DEEP_RATES)
    return found


# --- how to move -----------------------------------------------------------------------------------------------------


@experiment(seeds=5, within=0.1, rerun=False)
def optimizers(seed, steps=300):
    """Train the reader of digits by each optimiser at each of `RATES`: the training loss at the end, at most 10."""
    data, found = digits(seed), {}
    for name, make in OPTIMIZERS.items():
        losses = []
        for rate in RATES:
            torch.manual_seed(seed)
            net = reader()
            losses.append(fit(net, *data["train"], steps, make(net.parameters(), lr=float(rate)), seed)[-20:].mean())
        found[name] = np.minimum(np.nan_to_num(losses, nan=10.0), 10.0)
    return found


SCHEDULES = {
    "constant": None,
    "cosine, no warm-up": lambda done: 0.5 + 0.5 * np.cos(np.pi * done),
    "warm-up and cosine": cosine,
}
PEAKS = np.geomspace(0.001, 0.1, 5)


@experiment(seeds=5, within=0.1, rerun=False)
def schedules(seed, steps=600):
    """Train the reader by Adam with each schedule, at each of `PEAKS`: `loss, NAME` on validation, `test, NAME`."""
    data, found = digits(seed), {}
    for name, schedule in SCHEDULES.items():
        scores = []
        for rate in PEAKS:
            torch.manual_seed(seed)
            net = reader()
            optimizer = torch.optim.Adam(net.parameters(), float(rate))
            fit(net, *data["train"], steps, optimizer, seed, schedule=schedule)
            scores.append((judged(net, *data["validation"])[0], judged(net, *data["test"])[1]))
        found[f"loss, {name}"], found[f"test, {name}"] = np.transpose(scores)
    return found


BATCHES = (1, 4, 16, 64, 256)


@experiment(seeds=5, within=0.2)
def batch_noise(seed, draws=40):
    """How far the gradient of a batch lies from that of all training digits, over its length, before any training."""
    x, y = digits(seed)["train"]
    torch.manual_seed(seed)
    net = reader()

    def gradient(rows):
        parameters = [*net.parameters()]
        grads = torch.autograd.grad(F.cross_entropy(net(x[rows]), y[rows]), parameters)
        return torch.cat([g.flatten() for g in grads])

    whole = gradient(slice(None))
    far = [
        [float((gradient(torch.randint(0, len(x), (size,))) - whole).square().sum()) for _ in range(draws)]
        for size in BATCHES
    ]
    return {"noise": np.sqrt(np.mean(far, axis=1)) / float(whole.norm())}


@experiment(seeds=3, within=0.1, rerun=False)
def batch_sizes(seed, pictures=32_000):
    """Train by momentum on the same number of pictures in batches of each size, at its best rate by validation.

    `steps`; `rate`: the best; `test`: the accuracy there; `alone`: the accuracy at the rate that is best for 64.
    """
    data, sizes = digits(seed), (4, 16, 64, 256)
    table = []
    rates = np.geomspace(0.001, 0.3, 6)
    for size in sizes:
        row = []
        for rate in rates:
            torch.manual_seed(seed)
            net = reader()
            optimizer = torch.optim.SGD(net.parameters(), float(rate), momentum=0.9)
            fit(net, *data["train"], pictures // size, optimizer, seed, batch=size, schedule=cosine)
            loss, right = judged(net, *data["validation"])[0], judged(net, *data["test"])[1]
            row.append((loss if np.isfinite(loss) else np.inf, right))
        table.append(row)
    table = np.array(table)  # (sizes, rates, loss or accuracy)
    best = table[:, :, 0].argmin(axis=1)
    return {
        "steps": [pictures // size for size in sizes],
        "rate": rates[best],
        "test": table[np.arange(len(sizes)), best, 1],
        "alone": table[:, best[2], 1],
    }


# --- batch normalisation: what it does to the other pictures of a batch -----------------------------------------------


def small_reader(norm=None, width=16):
    """Return the reader of digits with a normalisation after each convolution."""
    layers = []
    for channels, out, stride in ((1, width, 1), (width, 2 * width, 2)):
        layers += [nn.Conv2d(channels, out, 3, stride=stride, padding=1), *([norm(out)] if norm else []), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * width, 10))


# --- few pictures ----------------------------------------------------------------------------------------------------


def shifted(x, generator):
    """Move every picture by -1, 0 or 1 pixel down and across, each at random; paper comes in."""
    padded = F.pad(x, (1, 1, 1, 1), value=-0.3)
    down, right = torch.randint(0, 3, (2, len(x)), generator=generator)
    rows, columns = torch.arange(8)[:, None] + down[:, None, None], torch.arange(8) + right[:, None, None]
    return padded[torch.arange(len(x))[:, None, None], 0, rows, columns][:, None]


def flipped(x, generator):
    """Mirror half of the pictures, left for right."""
    chosen = torch.rand(len(x), generator=generator) < 0.5
    return torch.where(chosen[:, None, None, None], x.flip(3), x)


def turned(x, generator):
    """Turn half of the pictures upside down."""
    chosen = torch.rand(len(x), generator=generator) < 0.5
    return torch.where(chosen[:, None, None, None], x.flip(2, 3), x)


CHANGES = {"as they are": None, "moved by a pixel": shifted, "mirrored": flipped, "turned round": turned}
COUNTS = (50, 100, 200, 400, 800)


@experiment(seeds=5, within=0.1, rerun=False)
def augmented(seed, steps=800):
    """Train the reader on few digits under each of `CHANGES`: the accuracy on the test, for each of `COUNTS`."""
    found = {name: [] for name in CHANGES}
    for count in COUNTS:
        data = digits(seed, count)
        for name, change in CHANGES.items():
            torch.manual_seed(seed)
            net = reader()
            optimizer = torch.optim.Adam(net.parameters(), 0.003)
            fit(net, *data["train"], steps, optimizer, seed, schedule=cosine, change=change)
            found[name].append(judged(net, *data["test"])[1])
    return found


@experiment(seeds=5, within=0.1, rerun=False)
def moved_test(seed, steps=800):
    """Train the reader with and without moves, on 100 and 800 digits; accuracy on the test, and on a moved test.

    `NAME`: (100 or 800 digits) x (test as it is, every test digit moved by up to a pixel).
    """
    found = {}
    for name in ("as they are", "moved by a pixel"):
        found[name] = []
        for count in (100, 800):
            data = digits(seed, count)
            torch.manual_seed(seed)
            net = reader()
            optimizer = torch.optim.Adam(net.parameters(), 0.003)
            fit(net, *data["train"], steps, optimizer, seed, schedule=cosine, change=CHANGES[name])
            x, y = data["test"]
            moved = shifted(x, torch.Generator().manual_seed(100 + seed))
            found[name].append([judged(net, x, y)[1], judged(net, moved, y)[1]])
    return found


def calibration_error(net, x, y, bins=10):
    """Return the expected calibration error: how far confidence and accuracy lie apart, over bins of confidence."""
    net.eval()
    with torch.no_grad():
        sure, said = F.softmax(net(x), 1).max(1)
    right, place = (said == y).double(), (sure * bins).long().clamp(max=bins - 1)
    gaps = [(sure[place == b].sum() - right[place == b].sum()).abs() for b in range(bins)]
    return float(sum(gaps) / len(x))


def temperature(net, x, y):
    """Return the temperature, of a grid, by which the logits are divided for the lowest loss."""
    net.eval()
    with torch.no_grad():
        logits = net(x)
    grid = np.geomspace(0.25, 8, 81)
    return float(grid[np.argmin([F.cross_entropy(logits / t, y).item() for t in grid])])


REMEDIES = ("nothing", "stopped early", "weight decay", "dropout", "smoothed labels", "moved by a pixel")
FEW = 100


@experiment(seeds=10, within=0.1, rerun=False)
def remedies(seed, steps=1000):
    """Train the reader on 100 digits with each of `REMEDIES`; its strength is chosen on the validation digits.

    `train`, `test`: accuracies; `loss`: on the test; `error`: of calibration on the test; `tempered`: that error once
    the logits are divided by the best temperature on validation.
    """
    data = digits(seed, FEW)
    strengths = {
        "nothing": [0], "stopped early": [0], "weight decay": [0.03, 0.1, 0.3, 1.0], "dropout": [0.25, 0.5, 0.75],
        "smoothed labels": [0.03, 0.1, 0.3], "moved by a pixel": [0],
    }  # fmt: skip
    found = {name: [] for name in ("train", "test", "loss", "error", "tempered")}
    for name in REMEDIES:
        runs = []
        for strength in strengths[name]:
            torch.manual_seed(seed)
            net = reader(drop=strength if name == "dropout" else 0.0)
            decay = strength if name == "weight decay" else 0.0
            optimizer = torch.optim.AdamW(net.parameters(), 0.003, weight_decay=decay)
            best = {"loss": np.inf}

            def watch(step, net, best=best):
                if step % 20 == 0 and (loss := judged(net, *data["validation"])[0]) < best["loss"]:
                    best |= {"loss": loss, "weights": {k: v.clone() for k, v in net.state_dict().items()}}

            fit(
                net, *data["train"], steps, optimizer, seed,
                smoothing=strength if name == "smoothed labels" else 0.0,
                change=shifted if name == "moved by a pixel" else None,
                watch=watch if name == "stopped early" else None,
            )  # fmt: skip
            if name == "stopped early":
                net.load_state_dict(best["weights"])
            runs.append((judged(net, *data["validation"])[0], net))
        net = min(runs, key=lambda run: run[0])[1]
        loss, right = judged(net, *data["test"])
        found["train"].append(judged(net, *data["train"])[1])
        found["test"].append(right)
        found["loss"].append(loss)
        found["error"].append(calibration_error(net, *data["test"]))
        t = temperature(net, *data["validation"])
        found["tempered"].append(calibration_error(nn.Sequential(net, Divide(t)), *data["test"]))
    return found


@experiment(seeds=5, within=0.1, rerun=False)
def sureness(seed, steps=1000):
    """How sure readers of 100 digits are, trained on labels as they are and on smoothed ones, and how often right.

    `NAME`: [mean confidence, accuracy, calibration error, that with the best temperature, that of perfect calibration].
    The last: each label of the test is drawn anew from the probabilities that the network gives, 50 times.
    """
    data, found = digits(seed, FEW), {}
    x, y = data["test"]
    for name, smoothing in (("nothing", 0.0), ("smoothed labels", 0.3)):
        torch.manual_seed(seed)
        net = reader()
        fit(net, *data["train"], steps, torch.optim.Adam(net.parameters(), 0.003), seed, smoothing=smoothing)
        cooled = nn.Sequential(net, Divide(temperature(net, *data["validation"]))).eval()
        with torch.no_grad():
            sure, chances = F.softmax(net(x), 1).amax(1).mean(), F.softmax(cooled(x), 1)
        generator = torch.Generator().manual_seed(seed)
        drawn = [torch.multinomial(chances, 1, generator=generator)[:, 0] for _ in range(50)]
        least = np.mean([calibration_error(cooled, x, labels) for labels in drawn])
        found[name] = [
            float(sure), judged(net, x, y)[1], calibration_error(net, x, y), calibration_error(cooled, x, y), least,
        ]  # fmt: skip
    return found


class Divide(nn.Module):
    """Divide by a number."""

    def __init__(self, by):
        super().__init__()
        self.by = by

    def forward(self, x):
        """Return the quotient."""
        return x / self.by


# --- curves ----------------------------------------------------------------------------------------------------------

CURVES = {  # what is wrong: (training digits, width, rate)
    "too weak": (1000, 2, 0.001),
    "as it should be": (1000, 16, 0.003),
    "too few pictures": (60, 16, 0.003),
    "too high a rate": (1000, 16, 0.1),
}
WATCHED = 20  # steps between two measurements


@experiment(seeds=3, within=0.2)
def curves(seed, steps=400):
    """Train four networks by Adam and measure every 20 steps: `train, NAME` and `validation, NAME`, (loss, accuracy).

    The training loss is that of all training digits, in evaluation mode.
    """
    found = {}
    for name, (count, width, rate) in CURVES.items():
        data, rows = digits(seed, count), []
        torch.manual_seed(seed)
        net = reader(width)

        def watch(step, net, data=data, rows=rows):
            if step % WATCHED == 0:
                rows.append([judged(net, *data[part]) for part in ("train", "validation")])

        fit(net, *data["train"], steps, torch.optim.Adam(net.parameters(), rate), seed, watch=watch)
        watch(steps, net)
        for i, part in enumerate(("train", "validation")):
            found[f"{part}, {name}"] = np.minimum(np.array(rows)[:, i], 10.0)
    return found


CURES = {  # (training digits, width, rate, steps, moved by a pixel)
    "too weak": {
        "as it was": (1000, 2, 0.001, 400, False),
        "half the pictures": (500, 2, 0.001, 400, False),
        "three times the steps": (1000, 2, 0.001, 1200, False),
        "ten times the rate": (1000, 2, 0.01, 400, False),
        "eight times the width": (1000, 16, 0.001, 400, False),
    },
    "too few pictures": {
        "as it was": (60, 16, 0.003, 400, False),
        "three times the steps": (60, 16, 0.003, 1200, False),
        "moved by a pixel": (60, 16, 0.003, 400, True),
        "twice the pictures": (120, 16, 0.003, 400, False),
    },
    "too high a rate": {
        "as it was": (1000, 16, 0.1, 400, False),
        "three times the steps": (1000, 16, 0.1, 1200, False),
        "a third of the rate": (1000, 16, 0.03, 400, False),
        "a tenth of the rate": (1000, 16, 0.01, 400, False),
    },
}


@experiment(seeds=5, within=0.3, rerun=False)
def cures(seed):
    """Train three of the networks of `CURVES` with one thing changed: [loss, accuracy] on validation at the end.

    `loss, NAME` and `right, NAME`: an entry per change.
    """
    found = {}
    for name, changes in CURES.items():
        rows = []
        for count, width, rate, steps, moved in changes.values():
            data = digits(seed, count)
            torch.manual_seed(seed)
            net = reader(width)
            optimizer = torch.optim.Adam(net.parameters(), rate)
            fit(net, *data["train"], steps, optimizer, seed, change=shifted if moved else None)
            rows.append(judged(net, *data["validation"]))
        found[f"loss, {name}"], found[f"right, {name}"] = np.transpose(rows)
    return found


@experiment(seeds=5, within=0.1, rerun=False)
def dead_units(seed, steps=200):
    """The share of units of the last maps that are 0 for all test digits, before training and after, by rate."""
    data, found = digits(seed), {"before": [], "after": []}
    for rate in RATES:
        torch.manual_seed(seed)
        net = reader()
        optimizer = OPTIMIZERS["momentum"](net.parameters(), lr=float(rate))
        for when in ("before", "after"):
            if when == "after":
                fit(net, *data["train"], steps, optimizer, seed)
            with torch.no_grad():
                found[when].append(float((net[:4](data["test"][0]) <= 0).all(0).double().mean()))
    return found


# --- the three networks of the assignment ----------------------------------------------------------------------------

RECIPES = {  # what is changed in a recipe
    "as it is": {},
    "the rate stays": {"schedule": "constant"},
    "SGD with momentum": {"optimizer": "sgd", "lr": 0.1},
    "AdamW with decay": {"optimizer": "adamw", "weight_decay": 0.1},
    "labels as they are": {"label_smoothing": 0.0},
}


@experiment(seeds=5, within=0.1, rerun=False)
def ablation(seed, steps=1000):
    """Train the reference network for digits, 32 x 32 pixels, with one thing changed; accuracy on 4,000 pictures."""
    task = tasks.find("digits")
    _, layers, settings = files.read_recipe(NETWORKS / "digits.json")
    found = {}
    for name, changed in RECIPES.items():
        trained = trainer.Trainer(
            task, layers, trainer.Settings.read(settings | changed | {"seed": seed, "steps": steps})
        )
        while not trained.is_done:
            trained.advance()
        trained.net.load_state_dict(trained.best, strict=False)
        found[name] = [measure.measure(trained.net, task, seed, count=4000)]
    return found


HELD = (0.006, 0.003, 0.0015)


@experiment(seeds=3, within=0.1, rerun=False)
def held_rates(seed, steps=1000):
    """Train the reference network for digits at rates that stay as they are; accuracy on 4,000 pictures."""
    task = tasks.find("digits")
    _, layers, settings = files.read_recipe(NETWORKS / "digits.json")
    scores = []
    for rate in HELD:
        changed = {"schedule": "constant", "lr": rate, "seed": seed, "steps": steps}
        trained = trainer.Trainer(task, layers, trainer.Settings.read(settings | changed))
        while not trained.is_done:
            trained.advance()
        trained.net.load_state_dict(trained.best, strict=False)
        scores.append(measure.measure(trained.net, task, seed, count=4000))
    return {"held": scores}


def _conv(channels, kernel=3, **more):
    return [{"kind": "conv2d", "out_channels": channels, "kernel_size": kernel, "padding": kernel // 2, **more},
            {"kind": "relu"}]  # fmt: skip


_POOL, _ENDS = (
    {"kind": "max_pool2d", "kernel_size": 2},
    {
        "flatten": [{"kind": "flatten"}],
        "average": [{"kind": "adaptive_avg_pool2d", "output_size": 1}, {"kind": "flatten"}],
    },
)
_HEAD = [{"kind": "linear", "out_features": 20}, {"kind": "relu"}, {"kind": "linear", "out_features": 2}]
ENDS = {  # networks for scenes, and how many pixels one of their last units sees across
    "flatten": ([*_conv(8, 5, stride=2), *_conv(12), _POOL, *_ENDS["flatten"], *_HEAD], 11),
    "average": ([*_conv(8, 5, stride=2), *_conv(12), _POOL, *_ENDS["average"], *_HEAD], 11),
    "average, deeper": (
        [*_conv(8, 5, stride=2), *_conv(12), _POOL, *_conv(12), _POOL, *_conv(16), *_ENDS["average"], *_HEAD], 39,
    ),
}  # fmt: skip


@experiment(seeds=3, within=0.1, rerun=False)
def ends(seed, steps=500):
    """Train networks for scenes that end in different ways: [accuracy on their last training pictures, on a test]."""
    task, found = tasks.find("scenes"), {}
    _, _, settings = files.read_recipe(NETWORKS / "scenes.json")
    for name, (layers, _) in ENDS.items():
        trained = trainer.Trainer(task, layers, trainer.Settings.read(settings | {"seed": seed, "steps": steps}))
        while not trained.is_done:
            trained.advance()
        x, target = (torch.cat(parts) for parts in zip(*(task.draw(64, (seed, steps - 1 - i)) for i in range(8))))
        known = (trainer.predict(trained.net, x).argmax(1) == target).double().mean().item()
        trained.net.load_state_dict(trained.best, strict=False)
        found[name] = [known, measure.measure(trained.net, task, seed)]
    return found


@experiment(seeds=3, within=0.15, rerun=False)
def slow_average(seed, steps=2500):
    """Train the network for scenes that ends in an average, 11 pixels to a unit, five times as long: `test`."""
    task = tasks.find("scenes")
    _, _, settings = files.read_recipe(NETWORKS / "scenes.json")
    layers = ENDS["average"][0]
    trained = trainer.Trainer(task, layers, trainer.Settings.read(settings | {"seed": seed, "steps": steps}))
    while not trained.is_done:
        trained.advance()
    trained.net.load_state_dict(trained.best, strict=False)
    return {"test": measure.measure(trained.net, task, seed)}
