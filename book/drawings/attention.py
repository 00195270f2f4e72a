"""Experiments and figures of the chapter on attention."""

import matplotlib.pyplot as plt
import numpy as np
from miniconv import attention
from miniconv.layer import conv2d
from matplotlib.colors import PowerNorm

# --- where to look ----------------------------------------------------------------------------------------------------


def channels(photograph, size=16):
    """Return a feature map of a photograph: brightness, contrast and edges in four directions, a mean per tile.

    Each channel has mean 0 and variance 1 over the places; then each place's features are scaled to length 1.
    """
    edges = np.array([[[-1, 0, 1]] * 3, np.transpose([[-1, 0, 1]] * 3), [[0, 1, 1], [-1, 0, 1], [-1, -1, 0]]], float)
    kernels = np.concatenate([edges, edges[2:, :, ::-1]])[:, None]
    responses = np.abs(conv2d(photograph[None, None], kernels, padding=1))[0]
    maps = np.stack([photograph, (photograph - photograph.mean()) ** 2, *responses])
    height, width = (n // size for n in photograph.shape)
    tiles = maps[:, : height * size, : width * size].reshape(len(maps), height, size, width, size).mean((2, 4))
    features = (tiles - tiles.mean((1, 2), keepdims=True)) / tiles.std((1, 2), keepdims=True)
    return features / np.linalg.norm(features, axis=0)


def glimpses(photograph, place, weights, titles):
    """Show the photograph with the place asked for, and the weights of soft attention over it."""
    figure, axes = plt.subplots(1, 1 + len(weights), figsize=(7.6, 2.4))
    height, width = photograph.shape
    step = height / weights[0].shape[0]
    axes[0].imshow(photograph)
    corner = place[1] * step, place[0] * step
    axes[0].add_patch(plt.Rectangle(corner, step, step, fill=False, edgecolor="#ff7a33", linewidth=2.5))
    axes[0].set_title("query: the frame", fontsize=9)
    for axis, picture, title in zip(axes[1:], weights, titles, strict=True):
        axis.imshow(photograph, alpha=0.35)
        shown = axis.imshow(picture, cmap="magma", alpha=0.8, norm=PowerNorm(0.5, 0), extent=(0, width, height, 0))
        axis.set_title(title, fontsize=9)
        figure.colorbar(shown, ax=axis, shrink=0.62).ax.tick_params(labelsize=7)
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])
    return figure


def marked_scenes(count, seed, side=4):
    """Return scenes of side x side places: a value, a mark at one place, a mark of another kind at another.

    The channels are mixed by a fixed rotation, so that no channel is the mark. The target is the marked value.
    """
    rng = np.random.default_rng(seed)
    scenes = 0.3 * rng.standard_normal((count, 4, side * side))
    scenes[:, 0] = rng.standard_normal((count, side * side))
    rows, places = np.arange(count), rng.permuted(np.tile(np.arange(side * side), (count, 1)), axis=1)
    scenes[rows, 1, places[:, 0]] += 3
    scenes[rows, 2, places[:, 1]] += 3
    rotation = np.linalg.qr(np.random.default_rng(99).standard_normal((4, 4)))[0]
    target = scenes[rows, 0, places[:, 0]]
    return np.einsum("ij,njp->nip", rotation, scenes).reshape(count, 4, side, side), target, places[:, 0]


def learn_to_look(seed, steps=300, rate=0.1):
    """Train the scores' kernel (1 x 1) and the reading of a soft glimpse by gradient descent.

    Returns
    -------
    errors : (steps,) array
        Mean squared error on the training scenes.
    share : float
        Weight at the marked place, a mean over new scenes.
    """
    x, target, _ = marked_scenes(400, seed)
    rng = np.random.default_rng(seed + 1000)
    look, read, errors = 0.1 * rng.standard_normal(4), 0.1 * rng.standard_normal(4), []
    flat = x.reshape(len(x), 4, -1)
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
    weights = attention.soft_glimpse(new, np.einsum("c,nchw->nhw", look, new))[1].reshape(len(new), -1)
    return np.array(errors), weights[np.arange(len(new)), marked].mean()


def learning_curves(curves):
    """Plot the error while the glimpse learns where to look, one curve for each seed."""
    figure, axis = plt.subplots(figsize=(5.4, 2.8))
    for curve in curves:
        axis.plot(curve, color="#0b6fa4", linewidth=1)
    axis.axhline(1, color="#c4470b", linestyle="--", label="variance of the value asked for")
    axis.set_xlabel("step of gradient descent")
    axis.set_ylabel("mean squared error")
    axis.set_ylim(0, None)
    axis.legend(frameon=False, fontsize=8)
    return figure


# --- the scale --------------------------------------------------------------------------------------------------------


def largest_and_slope(size, scale, seed, keys=32):
    """Return the mean over random queries of the largest weight, and the mean size of the softmax's slope."""
    rng = np.random.default_rng(seed)
    query, key = rng.standard_normal((200, size)), rng.standard_normal((keys, size))
    weights = attention.attention_weights(query, key, scale=scale)
    slope = (weights * (1 - weights)).sum(-1)
    return weights.max(-1).mean(), slope.mean()


def scale_curves(sizes, table):
    """Plot largest weight and slope against the number of features; `table` maps a name to (seeds, sizes, 2)."""
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 2.9))
    for name, values in table.items():
        for axis, column in zip(axes, np.moveaxis(values, -1, 0), strict=True):
            axis.errorbar(sizes, column.mean(0), column.std(0), marker="o", markersize=4, capsize=2, label=name)
    for axis, label in zip(axes, ("largest of 32 weights", "slope: sum of y (1 - y)"), strict=True):
        axis.set_xscale("log", base=2)
        axis.set_ylim(0, 1)
        axis.set_xlabel("features E of query and key")
        axis.set_ylabel(label)
    axes[0].legend(frameon=False, fontsize=8)
    return figure


# --- positions --------------------------------------------------------------------------------------------------------


def position_codes(codes):
    """Show codes of positions, and the dot product of two codes against the difference of their positions."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.8))
    figure.get_layout_engine().set(wspace=0.08)
    shown = left.imshow(codes, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    left.set_xlabel("feature of the code")
    left.set_ylabel("position")
    figure.colorbar(shown, ax=left, label="value")
    for start in (8, 20, 32):
        right.plot(np.arange(len(codes)) - start, codes @ codes[start], label=f"from position {start}", alpha=0.7)
    right.set_xlabel("difference of positions")
    right.set_ylabel("dot product of the codes")
    right.legend(frameon=False, fontsize=8)
    return figure


# --- more than attention ----------------------------------------------------------------------------------------------


def distance_from_equal_rows(x):
    """Return how far the rows of x are from being all alike: 0 when they are, near 1 for random rows."""
    return np.linalg.norm(x - x.mean(0)) / np.linalg.norm(x)


def stack(seed, depth, residual, places=16, size=32, heads=4):
    """Return the distance from equal rows after 0 to `depth` attention layers with random weights."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((1, places, size))
    distances = [distance_from_equal_rows(x[0])]
    for _layer in range(depth):
        w_in, w_out = (rng.standard_normal((n, size)) / np.sqrt(size) for n in (3 * size, size))
        y = attention.multi_head_attention(x, x, x, heads, w_in, np.zeros(3 * size), w_out, np.zeros(size))
        y = x + y if residual else y
        x = (y - y.mean(-1, keepdims=True)) / y.std(-1, keepdims=True)  # layer norm
        distances.append(distance_from_equal_rows(x[0]))
    return distances


def collapse(table):
    """Plot the distance from equal rows against depth, one curve for each seed."""
    figure, axis = plt.subplots(figsize=(5.4, 2.9))
    for (name, runs), colour in zip(table.items(), ("#c4470b", "#0b6fa4"), strict=True):
        for index, run in enumerate(runs):
            axis.plot(np.maximum(run, 1e-17), color=colour, linewidth=1, label=name if not index else None)
    axis.set_yscale("log")
    axis.set_xlabel("attention layers")
    axis.set_ylabel("distance from equal rows")
    axis.legend(frameon=False, fontsize=8)
    return figure


# --- convolution as attention -----------------------------------------------------------------------------------------


def heads_and_error(maps, query, shown, sharpness, errors):
    """Show where one head looks from the place `query`, at each sharpness of `shown`, and the error."""
    figure, axes = plt.subplots(1, len(maps) + 1, figsize=(7.8, 2.3), width_ratios=[1] * len(maps) + [1.7])
    for axis, weights, sharp in zip(axes[:-1], maps, shown, strict=True):
        axis.imshow(weights.reshape(6, 6), cmap="Blues", vmin=0, vmax=1)
        axis.plot(query[1], query[0], marker="*", markersize=11, color="#c4470b")
        axis.set_title(f"sharpness {sharp}", fontsize=8)
        axis.set_xticks([])
        axis.set_yticks([])
    axes[-1].plot(sharpness, np.maximum(errors, 1e-17), marker="o", markersize=3)
    axes[-1].set_xscale("log")
    axes[-1].set_yscale("log")
    axes[-1].set_xlabel("sharpness (1 / pixel squared)")
    axes[-1].set_ylabel("largest error")
    return figure


# --- near and far -----------------------------------------------------------------------------------------------------

KEYS, PLACES = 6, 13


def near(count, rng):
    """Return sequences and the value just before the last place: its place counts, its key does not."""
    x = _records(count, rng)
    return x, x[:, -2, -1].copy()


def far(count, rng):
    """Return sequences and the value of the place whose key is that of the last place: its content counts."""
    x = _records(count, rng)
    match = (x[:, :-1, :KEYS] * x[:, -1:, :KEYS]).sum(-1)
    return x, (match * x[:, :-1, -1]).sum(-1)


def _records(count, rng):
    """Return (N, L, KEYS + 1): a one-hot key and a value at each place; no value, and one known key, at the last.

    Each key stands once among the places before the last; the others hold a value alone. Their order is random.
    """
    x = np.zeros((count, PLACES, KEYS + 1))
    x[:, :KEYS, :KEYS] = np.eye(KEYS)
    x[:, :-1, -1] = rng.standard_normal((count, PLACES - 1))
    order = rng.permuted(np.tile(np.arange(PLACES - 1), (count, 1)), axis=1)
    x[:, :-1] = np.take_along_axis(x[:, :-1], order[:, :, None], 1)
    x[:, -1, :KEYS] = np.eye(KEYS)[rng.integers(KEYS, size=count)]
    return x


def fit_convolution(x, y, new, width=3):
    """Fit, by ridge regression, a linear convolution kernel at the last place; return predictions for `new`."""
    window = x[:, -width:].reshape(len(x), -1)
    kernel = np.linalg.solve(window.T @ window + 1e-3 * np.eye(window.shape[1]), window.T @ y)
    return new[:, -width:].reshape(len(new), -1) @ kernel


def fit_attention(x, y, new, positions, seed, steps=300, rate=0.03):
    """Train one head that answers at the last place, by Adam on our own gradients; return predictions for `new`."""
    rng = np.random.default_rng(seed)
    codes = attention.sinusoidal_positions(PLACES, 8) if positions else np.zeros((PLACES, 0))
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


MODELS = {
    "convolution, width 3": lambda x, y, new, seed: fit_convolution(x, y, new),
    "convolution, full width": lambda x, y, new, seed: fit_convolution(x, y, new, PLACES),
    "attention, no positions": lambda x, y, new, seed: fit_attention(x, y, new, False, seed),
    "attention, positions": lambda x, y, new, seed: fit_attention(x, y, new, True, seed),
}


def compare(task, counts, seeds):
    """Return the test error (share of the target's variance) of every model: (seeds, counts) each."""
    table = {name: np.zeros((len(seeds), len(counts))) for name in MODELS}
    for i, seed in enumerate(seeds):
        rng = np.random.default_rng(seed)
        x, y = task(max(counts), rng)
        new, truth = task(1000, rng)
        for j, count in enumerate(counts):
            for name, fit in MODELS.items():
                guess = fit(x[:count], y[:count], new, seed)
                table[name][i, j] = np.mean((guess - truth) ** 2) / np.var(truth)
    return table


def near_and_far(counts, tables, titles):
    """Plot test error against the number of training sequences, a panel for each task; bars span the seeds."""
    figure, axes = plt.subplots(1, len(tables), figsize=(7.6, 3.7), sharey=True)
    for axis, table, title in zip(axes, tables, titles, strict=True):
        for (name, values), mark in zip(table.items(), "os^D", strict=True):
            middle = np.median(values, 0)
            span = [middle - values.min(0), values.max(0) - middle]
            axis.errorbar(counts, middle, span, marker=mark, markersize=4, capsize=2, label=name)
        axis.set_xscale("log", base=2)
        axis.set_yscale("symlog", linthresh=0.01)
        axis.set_xlabel("training sequences")
        axis.set_title(title, fontsize=9)
    axes[0].set_ylabel("test error (share of variance)")
    figure.legend(*axes[0].get_legend_handles_labels(), frameon=False, fontsize=8, loc="outside lower center", ncols=2)
    return figure
