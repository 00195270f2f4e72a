"""What the chapter on variants measures: what a stack of dilated causal layers sees, and what it makes of it."""

import functools
import itertools

import numpy as np
import torch
from torch import nn

from experiments.recording import experiment

LAYERS, TURN = 6, 40
REACH = 2**LAYERS  # a stack of two-tap layers with dilations 1, 2, ..., 32 sees 64 samples: more than one turn


def reached(length, dilations):
    """Return which units the last output of a stack of causal layers with two taps depends on.

    Every layer has one dilation. The mask (1 + layers, length) begins with the inputs and ends with the outputs.
    """
    seen = np.zeros((len(dilations) + 1, length), dtype=bool)
    seen[-1, -1] = True
    for depth in range(len(dilations), 0, -1):
        step = dilations[depth - 1]
        seen[depth - 1] = seen[depth]
        seen[depth - 1, :-step] |= seen[depth, step:]
    return seen


def pluck(count, seed, samples=600, folded=False):
    """Pluck strings: noise runs round a loop of `TURN` samples, and each turn smooths it.

    A folded loop sends the mean u of the two samples one turn back through 1 - 1.9 |u|, which is no linear map.

    Returns
    -------
    sounds : (count, samples) array
    """
    rng = np.random.default_rng(seed)
    y = np.zeros((count, TURN + 1 + samples))
    y[:, : TURN + 1] = rng.uniform(-1, 1, (count, TURN + 1)) if folded else rng.standard_normal((count, TURN + 1))
    for t in range(TURN + 1, y.shape[1]):
        u = (y[:, t - TURN] + y[:, t - TURN - 1]) / 2
        y[:, t] = 1 - 1.9 * np.abs(u) if folded else 0.996 * u
    return y[:, TURN + 1 :] + 0.003 * rng.standard_normal((count, samples))


def past(sounds, lags):
    """Return what a prediction sees, (lags, n), and what it predicts, (n,): whatever the lags, all but the start."""
    seen = np.stack([sounds[:, REACH - lag : sounds.shape[1] - lag].ravel() for lag in lags])
    return seen, sounds[:, REACH:].ravel()


def unfold_cores(cores):
    """Return the one kernel (taps,) of a stack of linear layers; core l is (channels in, 2 taps, channels out).

    Tap i of layer l looks back by i 2^l samples; the kernel's entry i_0 + 2 i_1 + 4 i_2 + ... is a product of matrices.
    """
    kernel = np.eye(cores[0].shape[0])[None]
    for core in cores:
        kernel = np.einsum("nab,bic->inac", kernel, core).reshape(-1, kernel.shape[1], core.shape[2])
    return kernel[:, 0, 0]


def fit_stack(seen, target, channels, rng, sweeps=60):
    """Fit linear dilated layers by least squares, one after the other.

    Returns
    -------
    kernel : (REACH,) array
        The weights with which the fitted stack sees the past.
    loss : float
        Mean squared error where it was fitted.
    """
    gram = seen @ seen.T / target.size
    moment = seen @ target / target.size
    sizes = [1, *[channels] * (LAYERS - 1), 1]
    shapes = [(a, 2, b) for a, b in itertools.pairwise(sizes)]
    cores = [rng.standard_normal(s) / np.sqrt(2 * s[0]) for s in shapes]
    for _ in range(sweeps):
        for layer, core in enumerate(cores):
            units = np.eye(core.size).reshape(core.size, *core.shape)
            below, above = cores[:layer], cores[layer + 1 :]
            kernels = [unfold_cores([*below, u, *above]) for u in units]
            basis = np.stack(kernels, axis=1)
            system = basis.T @ gram @ basis
            system += 1e-9 * np.trace(system) * np.eye(core.size)
            best = np.linalg.solve(system, basis.T @ moment)
            size = np.linalg.norm(best) if layer < LAYERS - 1 else 1
            cores[layer] = best.reshape(core.shape) / size
    kernel = unfold_cores(cores)
    loss = kernel @ gram @ kernel - 2 * moment @ kernel
    return kernel, loss + np.mean(target**2)


def error(kernel, lags, sounds):
    """Return the root mean square error of a linear prediction, as a share of the sounds' own size."""
    seen, target = past(sounds, lags)
    return np.sqrt(np.mean((kernel @ seen - target) ** 2) / np.mean(target**2))


def free_taps(lags, train):
    """Return the best weights (lags,) for a prediction from these lags: least squares, nothing shared or factored."""
    seen, target = past(train, lags)
    return np.linalg.lstsq(seen.T, target, rcond=None)[0]


@experiment(seeds=5, within=0.01)
def linear_stacks(seed, restarts=12):
    """Predict plucked strings by six linear layers that see 64 samples.

    Stacks with one channel and with two learn from ten strings, and are
    measured on ten others. Controls: the 7 latest samples with free weights,
    which no stack without gaps can beat; all 64 with free weights; and the two
    samples alone that the loop really uses.
    """
    train, new = pluck(10, [seed, 0]), pluck(10, [seed, 1])
    groups = {
        "seven": range(1, 8),
        "free": range(1, REACH + 1),
        "two": (TURN, TURN + 1),
    }
    found = {}
    for name, lags in groups.items():
        found[name] = error(free_taps(lags, train), lags, new)
    seen, target = past(train, groups["free"])
    for name, channels in (("one channel", 1), ("two channels", 2)):
        rng = np.random.default_rng(seed)
        fits = [
            fit_stack(seen, target, channels, rng)
            for _ in range(restarts)  # the loss is flat in places
        ]
        kernel, _ = min(fits, key=lambda fit: fit[1])
        found[name] = error(kernel, groups["free"], new)
        found[f"{name}, old"] = error(kernel, groups["free"], train)
    return found


class Stack(nn.Module):
    """Causal layers of two taps on sounds (N, 1, T), between two 1 x 1 layers.

    The ReLU, where there is one, lets a tenth of what is negative through: a
    single channel that gives nothing but 0 would learn no more.
    """

    def __init__(self, channels, dilations, relu):
        super().__init__()
        bend = functools.partial(nn.LeakyReLU, 0.1) if relu else nn.Identity
        layers = [nn.Conv1d(1, channels, 1)]
        for dilation in dilations:
            layers += [
                nn.Conv1d(channels, channels, 2, dilation=dilation),
                bend(),
            ]
        self.layers = nn.Sequential(
            *layers,
            nn.Conv1d(channels, channels, 1),
            bend(),
            nn.Conv1d(channels, 1, 1),
        )
        self.reach = 1 + sum(dilations)

    def loss(self, sounds):
        """Return the mean squared error of each sample's prediction."""
        guess = self.layers(sounds[..., :-1])
        return (
            # the first samples have too little past
            (guess[..., REACH - self.reach :] - sounds[..., REACH:]) ** 2
        ).mean()


def train_stack(model, sounds, steps):
    """Train by Adam, with a rate that rises and sinks to 0.

    Return the errors at three quarters of the steps and at the end.
    """
    optimiser = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        0.01,
        total_steps=steps,
    )
    errors = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = model.loss(sounds)
        errors.append(loss.item() ** 0.5)
        loss.backward()
        optimiser.step()
        schedule.step()
    return errors[3 * steps // 4], errors[-1]


STACKS = {  # name: channels, dilations, whether with ReLU
    "ReLU, 8 channels": (8, [1, 2, 4, 8, 16, 32], True),
    "no ReLU": (8, [1, 2, 4, 8, 16, 32], False),
    "1 channel": (1, [1, 2, 4, 8, 16, 32], True),
    "no dilation": (8, [1] * 6, True),
}


@experiment(seeds=3, within=0.15, rerun=False)
def folded_strings(seed, steps=1000):
    """Predict strings whose loop folds: the full stack, and three controls.

    Each control lacks one thing. For each stack of `STACKS`: the error at
    three quarters of the training, at its end, and on strings of other seeds,
    as shares of the sounds' spread.
    """
    torch.manual_seed(seed)
    sounds = [
        torch.tensor(
            pluck(16, [seed, part], 200, folded=True),
        ).float()[:, None]
        for part in (0, 1)  # to learn from, and new
    ]
    train, new = [(x - sounds[0].mean()) / sounds[0].std() for x in sounds]
    found = {}
    for name, options in STACKS.items():
        model = Stack(*options)
        early, late = train_stack(model, train, steps)
        with torch.no_grad():
            found[name] = [early, late, model.loss(new).item() ** 0.5]
    return found
