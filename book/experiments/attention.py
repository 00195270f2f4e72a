"""What the chapter on attention measures: where a glimpse learns to look, the scale, depth, and near against far."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.linalg import hadamard
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from experiments.recording import experiment
from miniconv import attention
from miniconv.layer import conv2d

KEYS, PLACES = 6, 13  # of the sequences of `near` and `far`


def channels(photograph, size):
    """Return a feature map of a photograph: brightness, contrast and edges in four directions, a mean per tile.

    The photograph is (H, W), the map (6, H // size, W // size). Each channel has mean 0 and variance 1 over the places;
    then each place's features are scaled to length 1.
    """
    edges = np.array([[[-1, 0, 1]] * 3, np.transpose([[-1, 0, 1]] * 3), [[0, 1, 1], [-1, 0, 1], [-1, -1, 0]]], float)
    kernels = np.concatenate([edges, edges[2:, :, ::-1]])[:, None]
    responses = np.abs(conv2d(photograph[None, None], kernels, padding=1))[0]
    maps = np.stack([photograph, (photograph - photograph.mean()) ** 2, *responses])
    height, width = (n // size for n in photograph.shape)
    tiles = maps[:, : height * size, : width * size].reshape(len(maps), height, size, width, size).mean((2, 4))
    features = (tiles - tiles.mean((1, 2), keepdims=True)) / tiles.std((1, 2), keepdims=True)
    return features / np.linalg.norm(features, axis=0)


def marked_scenes(count, seed, side=4):
    """Draw scenes with a value at each place, and marks at three.

    One place has a mark, two have marks of another kind, of both signs. The
    channels are mixed: each is half the sum of all four, with signs. So the
    mark stands out in no channel: with either sign, one of the others stands
    out there as well.

    Returns
    -------
    scenes : (count, 4, side, side) array
    target : (count,) array
        The value at the place with the first mark.
    marked : (count,) array of int
        The number of that place, row by row.
    """
    rng = np.random.default_rng(seed)
    scenes = 0.3 * rng.standard_normal((count, 4, side * side))
    scenes[:, 0] = rng.standard_normal((count, side * side))
    rows, numbers = np.arange(count), np.arange(side * side)
    places = rng.permuted(np.tile(numbers, (count, 1)), axis=1)
    for channel, place, mark in ((1, 0, 3), (2, 1, 3), (2, 2, -3)):
        scenes[rows, channel, places[:, place]] += mark
    mixture = hadamard(4) / 2  # a rotation whose entries are all of one size
    target = scenes[rows, 0, places[:, 0]]
    scenes = np.einsum("ij,njp->nip", mixture, scenes)
    return scenes.reshape(count, 4, side, side), target, places[:, 0]


def best_channel(scenes, marked):
    """Return the most weight that one channel puts on the marked place.

    It is a mean over the scenes. Each channel is tried as the scores of a
    softmax, with either sign and at several temperatures.
    """
    flat, rows = scenes.reshape(len(scenes), 4, -1), np.arange(len(scenes))
    return max(
        attention.softmax(scale * flat[:, channel])[rows, marked].mean()
        for channel in range(4)
        for scale in (-16, -8, -4, -2, -1, 1, 2, 4, 8, 16)
    )


def learn_to_look(seed, steps=300, rate=0.1):
    """Train the scores' kernel (1 x 1) and the reading of a soft glimpse.

    Returns
    -------
    errors : (steps,) array
        Mean squared error on the training scenes.
    share : float
        Weight at the marked place, a mean over new scenes.
    """
    x, target, _ = marked_scenes(400, seed)
    rng = np.random.default_rng(seed + 1000)
    look, read = 0.1 * rng.standard_normal((2, 4))
    errors, flat = [], x.reshape(len(x), 4, -1)
    for _step in range(steps):
        scores = np.einsum("c,ncp->np", look, flat)
        weights = attention.softmax(scores)
        glimpse = np.einsum("np,ncp->nc", weights, flat)
        error = glimpse @ read - target
        errors.append(np.mean(error**2))
        grad = 2 * error / len(error)
        grad_weights = np.einsum("n,c,ncp->np", grad, read, flat)
        grad_scores = attention.softmax_backward(grad_weights, scores)
        read = read - rate * grad @ glimpse
        look = look - rate * np.einsum("np,ncp->c", grad_scores, flat)
    new, _, marked = marked_scenes(400, seed + 1)
    scores = np.einsum("c,nchw->nhw", look, new)
    weights = attention.soft_glimpse(new, scores)[1].reshape(len(new), -1)
    return np.array(errors), weights[np.arange(len(new)), marked].mean()


def largest_and_slope(size, scale, seed, keys=32):
    """Attend with 200 random queries of `size` features to random keys, the scores multiplied by `scale`.

    Returns two numbers, each a mean over the queries: the largest weight, and the slope of the softmax, the sum of
    y (1 - y) over the keys. A `scale` of None stands for the one of the reference package, 1 / sqrt(size).
    """
    rng = np.random.default_rng(seed)
    query, key = rng.standard_normal((200, size)), rng.standard_normal((keys, size))
    weights = attention.attention_weights(query, key, scale=scale)
    slope = (weights * (1 - weights)).sum(-1)
    return weights.max(-1).mean(), slope.mean()


def distance_from_equal_rows(x):
    """Return how far the rows of x (L, E) are from being all alike: 0 when they are, near 1 for random rows."""
    return np.linalg.norm(x - x.mean(0)) / np.linalg.norm(x)


def stack(seed, depth, residual, places=16, size=32, heads=4):
    """Send random places through attention layers with random weights, each followed by layer normalization.

    With `residual` the input of each layer is added to its output. Returns a list of ``depth + 1`` numbers: the
    distance from equal rows after 0 to `depth` layers.
    """
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((1, places, size))
    distances = [distance_from_equal_rows(x[0])]
    for _layer in range(depth):
        w_in, w_out = (rng.standard_normal((n, size)) / np.sqrt(size) for n in (3 * size, size))
        y = attention.multi_head_attention(x, x, x, heads, w_in, np.zeros(3 * size), w_out, np.zeros(size))
        y = x + y if residual else y
        x = (y - y.mean(-1, keepdims=True)) / y.std(-1, keepdims=True)
        distances.append(distance_from_equal_rows(x[0]))
    return distances


def near(count, rng):
    """Return sequences and targets: the value just before the last place.

    The shapes are (count, PLACES, KEYS + 1) and (count,). The place of the
    value counts, its key does not. `rng` is a generator of random numbers.
    """
    x = _records(count, rng)
    return x, x[:, -2, -1].copy()


def far(count, rng):
    """Return sequences and targets: the value with the key of the last place.

    The shapes are (count, PLACES, KEYS + 1) and (count,). The key of the
    value counts, its place does not. `rng` is a generator of random numbers.
    """
    x = _records(count, rng)
    match = (x[:, :-1, :KEYS] * x[:, -1:, :KEYS]).sum(-1)
    return x, (match * x[:, :-1, -1]).sum(-1)


def _records(count, rng):
    """Return sequences (count, PLACES, KEYS + 1) of keys, one-hot, and values.

    The last place holds a key alone. Each key stands once among the places
    before it; the others hold a value alone. Their order is random.
    """
    x = np.zeros((count, PLACES, KEYS + 1))
    x[:, :KEYS, :KEYS] = np.eye(KEYS)
    x[:, :-1, -1] = rng.standard_normal((count, PLACES - 1))
    order = rng.permuted(np.tile(np.arange(PLACES - 1), (count, 1)), axis=1)
    x[:, :-1] = np.take_along_axis(x[:, :-1], order[:, :, None], 1)
    x[:, -1, :KEYS] = np.eye(KEYS)[rng.integers(KEYS, size=count)]
    return x


def fit_convolution(x, y, new, width=3):
    """Fit a linear convolution kernel at the last place by ridge regression.

    `x` (N, L, C) and `y` (N,) are to learn from. Returns predictions (M,) for `new` (M, L, C).
    """
    window = x[:, -width:].reshape(len(x), -1)
    kernel = np.linalg.solve(window.T @ window + 1e-3 * np.eye(window.shape[1]), window.T @ y)
    return new[:, -width:].reshape(len(new), -1) @ kernel


def fit_attention(x, y, new, positions, seed, steps=300, rate=0.03):
    """Train one head that answers at the last place, by Adam on the gradients of the reference package.

    `x` (N, L, C) and `y` (N,) are to learn from. With `positions` sinusoidal codes are joined to the features.
    Returns predictions (M,) for `new` (M, L, C).
    """
    rng = np.random.default_rng(seed)
    codes = attention.sinusoidal_positions(x.shape[1], 8) if positions else np.zeros((x.shape[1], 0))
    x, new = (np.concatenate([v, np.broadcast_to(codes, (len(v), *codes.shape))], -1) for v in (x, new))
    size, width = x.shape[-1], 16
    w = [rng.standard_normal((size, n)) * s for n, s in ((width, 0.5), (width, 0.5), (1, 0.1))]
    moments = [[np.zeros_like(v), np.zeros_like(v)] for v in w]
    for step in range(1, steps + 1):
        batch = rng.integers(len(x), size=64)
        xb = x[batch]
        last = xb[:, -1:]
        q, k, v = last @ w[0], xb @ w[1], xb @ w[2]
        error = attention.scaled_dot_product_attention(q, k, v) - y[batch, None, None]
        dq, dk, dv = attention.scaled_dot_product_attention_backward(2 * error / len(batch), q, k, v)
        flat = xb.reshape(-1, size)
        grads = [last[:, 0].T @ dq[:, 0], flat.T @ dk.reshape(-1, width), flat.T @ dv.reshape(-1, 1)]
        for parameter, grad, (first, second) in zip(w, grads, moments, strict=True):
            first += 0.1 * (grad - first)
            second += 0.01 * (grad**2 - second)
            parameter -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
    return attention.scaled_dot_product_attention(new[:, -1:] @ w[0], new @ w[1], new @ w[2])[:, 0, 0]


def fit_nonlinear_convolution(x, y, new, seed, width=256, steps=5000):
    """Train a convolution as wide as the sequence, with ReLUs and two layers of one tap behind it, by Adam, to the end.

    It answers at the last place, where it sees all of `x` (N, L, C). Returns predictions (M,) for `new` (M, L, C).
    """
    torch.manual_seed(seed)
    size = x.shape[1] * x.shape[2]
    layers = nn.Linear(size, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
    network = nn.Sequential(*layers)
    optimizer = torch.optim.Adam(network.parameters(), 0.003)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    inputs, targets = (torch.tensor(v.reshape(len(v), -1), dtype=torch.float32) for v in (x, y))
    for _step in range(steps):
        batch = torch.randint(len(inputs), (256,))
        loss = ((network(inputs[batch]) - targets[batch]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        return network(torch.tensor(new.reshape(len(new), -1), dtype=torch.float32))[:, 0].numpy()


MODELS = {
    "convolution, width 3": lambda x, y, new, seed: fit_convolution(x, y, new),
    "convolution, full width": lambda x, y, new, seed: fit_convolution(x, y, new, PLACES),
    "attention, no positions": lambda x, y, new, seed: fit_attention(x, y, new, False, seed),
    "attention, positions": lambda x, y, new, seed: fit_attention(x, y, new, True, seed),
}


def compare(task, counts, seeds):
    """Train every model on a task, `near` or `far`, with several counts.

    Returns a dict from the names of `MODELS` to arrays (2, seeds, counts): the
    mean squared error on the training sequences and on 1,000 new ones, as a
    share of the target's variance.
    """
    table = {name: np.zeros((2, len(seeds), len(counts))) for name in MODELS}
    for i, seed in enumerate(seeds):
        rng = np.random.default_rng(seed)
        x, y = task(max(counts), rng)
        new, truth = task(1000, rng)
        for j, count in enumerate(counts):
            for name, fit in MODELS.items():
                sets = x[:count], y[:count], new, truth
                table[name][:, i, j] = errors_of(fit, *sets, seed)
    return table


def errors_of(fit, x, y, new, truth, seed):
    """Return the mean squared error on what was learned from and on new sequences, as shares of the variance."""
    guess = fit(x, y, np.concatenate([x, new]), seed)
    return [
        np.mean((part - right) ** 2) / np.var(right) for part, right in ((guess[: len(x)], y), (guess[len(x) :], truth))
    ]


@experiment(seeds=3, within=0.05, rerun=False)
def far_with_data(seed):
    """Train a nonlinear convolution of full width on the far task, with 512, 8,192 and 65,536 sequences.

    Its control is attention without positions, on the first 512 of the same sequences.
    """
    rng = np.random.default_rng(seed)
    x, y = far(65536, rng)
    new, truth = far(1000, rng)
    found = [errors_of(fit_nonlinear_convolution, x[:n], y[:n], new, truth, seed) for n in (512, 8192, 65536)]
    attended = errors_of(MODELS["attention, no positions"], x[:512], y[:512], new, truth, seed)
    return {"train": [one[0] for one in found], "test": [one[1] for one in found], "attention": attended}


# --- one block, and what mixes its places ----------------------------------------------------------------------------


class SelfAttention(nn.Module):
    """Attention of several heads among the rows of x (N, L, E)."""

    def __init__(self, size, heads=4):
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(size, 3 * size)
        self.join = nn.Linear(size, size)

    def forward(self, x):
        n, length, size = x.shape
        width = size // self.heads
        parts = self.project(x).reshape(n, length, 3, self.heads, width)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(2, 3) / width**0.5).softmax(-1)
        return self.join((weights @ v).transpose(1, 2).reshape(x.shape))


class Depthwise(nn.Module):
    """A k x k kernel for each feature of x (N, L, E).

    The L places form a square.
    """

    def __init__(self, size, k):
        super().__init__()
        self.kernels = nn.Conv2d(size, size, k, padding=k // 2, groups=size)

    def forward(self, x):
        n, length, size = x.shape
        side = round(length**0.5)
        maps = x.transpose(1, 2).reshape(n, size, side, side)
        return self.kernels(maps).flatten(2).transpose(1, 2)


class Block(nn.Module):
    """Mix the places of x (N, L, E) by `mixer`, then the features of each."""

    def __init__(self, size, mixer):
        super().__init__()
        self.mixer = mixer
        self.norms = nn.ModuleList([nn.LayerNorm(size), nn.LayerNorm(size)])
        self.mlp = nn.Sequential(
            nn.Linear(size, 4 * size),
            nn.GELU(),
            nn.Linear(4 * size, size),
        )

    def forward(self, x):
        x = x + self.mixer(self.norms[0](x))
        return x + self.mlp(self.norms[1](x))


class TwoConvolutions(nn.Module):
    """The block of a residual network, on maps (N, E, H, W)."""

    def __init__(self, size):
        super().__init__()
        layers = []
        for last in (nn.ReLU(), nn.Identity()):
            kernels = nn.Conv2d(size, size, 3, padding=1, bias=False)
            layers += [kernels, nn.BatchNorm2d(size), last]
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return torch.relu(x + self.layers(x))


def price(block, x):
    """Return a block's number of parameters, and its multiply-adds on x."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        block.eval()(x)
    parameters = sum(p.numel() for p in block.parameters())
    return parameters, counter.get_total_flops() // 2


class Nothing(nn.Module):
    """Mix nothing: the control of every mixer."""

    def forward(self, x):
        return torch.zeros_like(x)


MIXERS = {
    "attention": SelfAttention,
    "3 x 3 depthwise": lambda size: Depthwise(size, 3),
    "nothing": lambda size: Nothing(),
}


class DigitNetwork(nn.Module):
    """Patches of 2 x 2, learned positions, two blocks, mean, ten classes."""

    def __init__(self, mixer, size=32):
        super().__init__()
        self.embed = nn.Conv2d(1, size, 2, stride=2)
        self.positions = nn.Parameter(0.2 * torch.randn(16, size))
        blocks = [Block(size, MIXERS[mixer](size)) for _ in range(2)]
        self.blocks = nn.Sequential(*blocks, nn.LayerNorm(size))
        self.classes = nn.Linear(size, 10)

    def forward(self, x):
        places = self.embed(x).flatten(2).transpose(1, 2) + self.positions
        return self.classes(self.blocks(places).mean(1))


def digits(seed, shuffled):
    """Return scans of digits (1797, 1, 8, 8) in random order, and what they are.

    With `shuffled` their pixels have changed places, in all of them in the same way.
    """
    rng = np.random.default_rng(seed)
    x, y = load_digits(return_X_y=True)
    order, pixels = rng.permutation(len(x)), rng.permutation(64)
    x = (x[order] - x.mean()) / x.std()
    x = x[:, pixels] if shuffled else x
    return torch.tensor(x).float().reshape(-1, 1, 8, 8), torch.tensor(y[order])


def train_digits(mixer, count, seed, shuffled, steps):
    """Train a `DigitNetwork` on `count` scans by AdamW.

    The rate rises and sinks to 0. Returns the loss at three quarters of
    the steps and at the end (means of 50 steps), and the accuracy on these
    scans and on 797 others.
    """
    torch.set_num_threads(1)
    x, y = digits(seed, shuffled)
    torch.manual_seed(seed)
    network, losses = DigitNetwork(mixer), []
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        0.003,
        total_steps=steps,
    )
    for _step in range(steps):
        batch = torch.randint(count, (64,))
        loss = F.cross_entropy(network(x[batch]), y[batch])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    late = [
        np.mean(losses[end - 50 : end])
        for end in (3 * steps // 4, steps)  # at rest?
    ]
    with torch.no_grad():
        right = network(x).argmax(1) == y
    return [
        *late,
        *(
            part.float().mean().item()
            for part in (right[:count], right[1000:])  # learned, new
        ),
    ]


@experiment(seeds=3, within=0.08, rerun=False)
def mixers(seed, count=100, steps=600):
    """Train one network on 100 digits with attention, with a depthwise convolution, or nothing to mix its places.

    Nothing else is exchanged. The control: pixels that have changed places, in all scans alike, so that nearness means
    nothing. For each: loss at three quarters, loss at the end, accuracy in training, accuracy on new scans.
    """
    return {
        name + (", shuffled" if shuffled else ""): train_digits(name, count, seed, shuffled, steps)
        for name in MIXERS
        for shuffled in (False, True)
    }


@experiment(seeds=3, within=0.04, rerun=False)
def mixers_with_data(seed, counts=(100, 1000), steps=1800):
    """Train attention, and its control that mixes nothing, on ten times the scans: is attention still behind?

    That takes three times the steps of `mixers`, until both are at rest; so that it is not the steps that count, they
    train as long on 100 scans. For each: a row of the four numbers of `mixers` per count.
    """
    return {name: [train_digits(name, n, seed, False, steps) for n in counts] for name in ("attention", "nothing")}
