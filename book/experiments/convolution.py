"""What the chapter on convolution computes: functions of time that slide, and networks that turn their kernels."""

import numpy as np
import torch
import torch.nn.functional as F

from experiments.recording import experiment


def slide(first, second, lags, dt):
    """Slide one function of time over another; both are 0 before time 0.

    The functions are read in the middle of steps of `dt`, from -1 s to 4 s, so that a jump between two
    steps is no error.

    Returns
    -------
    t : (T,) array
        The middles of the steps.
    x : (T,) array
        The first function there.
    turned : (lags, T) array
        The second function, turned round and moved to each lag.
    areas : (lags,) array
        The area under the product of both, at each lag.
    ends, y : (T,) arrays
        The beginning of each step, and the convolution there.
    """
    t = np.arange(-1, 4, dt) + dt / 2
    ends, x = t - dt / 2, first(t)
    turned = second(np.reshape(lags, (-1, 1)) - t)
    y = second(ends[:, None] - t) @ x
    return t, x, turned, dt * turned @ x, ends, dt * y


@experiment(seeds=8, within=0.002)
def turned_start(seed, steps=1500):
    """Train three networks on the same examples: two cross-correlations with four kernels each, a ReLU between them.

    The first network cross-correlates. The other two convolve: one starts from the kernels of the first, all of them
    turned, and one, the control, from the same kernels as they are.

    Returns
    -------
    dict of arrays
        "loss": the training losses at the end, (3,). "fell": by which share each loss fell in the last tenth of the
        steps. "kernels": how far the kernels of the first network are from those of the other two, turned, (2,): the
        largest difference.
    """
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    def pair():
        return [normal(4, 1, 3, 3) / 3, normal(1, 4, 3, 3) / 6]

    x, teacher, start = normal(4, 1, 10, 10), pair(), pair()
    target = network(x, teacher)
    target = target + 0.1 * normal(*target.shape)
    flipped = [flip(w) for w in start]
    runs = [fit(x, target, *case, steps) for case in [(start, False), (flipped, True), (start, True)]]
    plain, *others = [weights for weights, _ in runs]
    apart = [max((flip(a) - b).abs().max().item() for a, b in zip(plain, other)) for other in others]
    losses = np.array([losses for _, losses in runs])
    fell = 1 - losses[:, -1] / losses[:, -steps // 10]
    return {"loss": losses[:, -1], "fell": fell, "kernels": np.array(apart)}


@experiment(seeds=8, within=0.002, rerun=False)
def turned_longer(seed):
    """Train the three networks of `turned_start` for four times as many steps, and return their losses at the end."""
    return {"loss": turned_start.function(seed, 6000)["loss"]}


def network(x, weights, turn=False):
    """Return what two layers with a ReLU between them make of images; if they turn their kernels, they convolve."""
    first, second = (flip(w) if turn else w for w in weights)
    return F.conv2d(torch.relu(F.conv2d(x, first)), second)


def flip(weight):
    """Turn every kernel of a layer by 180 degrees."""
    return weight.flip(2, 3)


def fit(x, target, start, turn, steps):
    """Train a network from its start, in steps that grow smaller; return its weights, and the loss before each step."""
    weights = [w.clone().requires_grad_() for w in start]
    optimiser = torch.optim.Adam(weights, lr=0.02)
    smaller = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    losses = []
    for _ in range(steps):
        loss = ((network(x, weights, turn) - target) ** 2).mean()
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        smaller.step()
    return [w.detach() for w in weights], losses
