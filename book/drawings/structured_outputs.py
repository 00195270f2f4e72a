"""Figures of the chapter on structured outputs."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

COLORS = plt.rcParams["axes.prop_cycle"].by_key()["color"]
LABELS = ListedColormap(["#e8e8e8", "#0b6fa4", "#c4470b"])


def panels(images, titles, *, labels=(), size=2.0, columns=None):
    """Show grey pictures and, at the places in `labels`, label maps in the three colours of the chapter."""
    columns = columns or len(images)
    rows = -(-len(images) // columns)
    height, width = images[0].shape
    figure, axes = plt.subplots(rows, columns, figsize=(size * columns, rows * (size * height / width + 0.25)))
    for i, (axis, image) in enumerate(zip(np.ravel(axes), images, strict=True)):
        axis.imshow(image, **({"cmap": LABELS, "vmin": 0, "vmax": 2} if i in labels else {}))
        axis.set(xticks=[], yticks=[])
        if i < len(titles):
            axis.set_title(titles[i], fontsize=9)
    return figure


def sample_grids(size, positions):
    """Show, for each name in `positions`, a square of `size` x `size` pixels with the places of outputs per axis."""
    figure, axes = plt.subplots(1, len(positions), figsize=(3.1 * len(positions), 3.2), sharey=True)
    for axis, (name, places) in zip(axes, positions.items(), strict=True):
        for place in range(size):
            axis.plot([place] * size, range(size), "s", color="#bbbbbb", markersize=9, zorder=1)
        for edge in range(size + 1):
            axis.axhline(edge - 0.5, 0.5 / (size + 1), 1 - 0.5 / (size + 1), color="#888888", linewidth=0.8)
            axis.axvline(edge - 0.5, 0.5 / (size + 1), 1 - 0.5 / (size + 1), color="#888888", linewidth=0.8)
        across, down = np.meshgrid(places, places)
        axis.plot(across.ravel(), down.ravel(), "o", color=COLORS[1], markersize=4, zorder=2)
        axis.set(xlim=(-1, size), ylim=(size, -1), xticks=range(size), yticks=range(size), aspect="equal")
        axis.set(title=name, xlabel="column (input pixels)")
    axes[0].set_ylabel("row (input pixels)")
    return figure


def encoder_decoder(encoder, decoder):
    """Draw a network that shrinks maps and enlarges scores again; both are [(channels, side), ...], the finest first.

    Solid arrows are layers that both networks have, dashed ones the skips.
    """
    figure, axis = plt.subplots(figsize=(6.6, 3.9))
    down = 1.55
    for level, ((channels, side), (classes, same)) in enumerate(zip(encoder, decoder, strict=True)):
        for x, count, colour in ((2.2, channels, COLORS[0]), (6.4, classes, COLORS[2])):
            high, wide = 0.2 + 0.026 * side, 0.3 + 0.03 * count
            axis.add_patch(
                plt.Rectangle((x - wide / 2, -down * level - high / 2), wide, high, color=colour, alpha=0.75)
            )
        axis.text(1.6, -down * level, f"{channels} × {side} × {side}", ha="right", va="center")
        axis.text(6.8, -down * level, f"{classes} × {same} × {same}", ha="left", va="center")
    arrow = {"arrowstyle": "->", "color": "#333333", "linewidth": 1.4}
    last = len(encoder) - 1
    for level in range(last):
        high, low = -down * level - 0.55, -down * (level + 1) + 0.5
        axis.annotate("", (2.2, low), (2.2, high), arrowprops=arrow)
        axis.text(2.05, (high + low) / 2, "pool, convolve", ha="right", va="center", fontsize=9)
        axis.annotate("", (6.4, high), (6.4, low), arrowprops=arrow)
        axis.text(6.55, (high + low) / 2, "enlarge 2 ×", ha="left", va="center", fontsize=9)
    for level in range(last + 1):
        style = arrow | ({"linestyle": "--", "color": COLORS[1]} if level < last else {})
        axis.annotate("", (6.1, -down * level), (2.8, -down * level), arrowprops=style)
        words = "1 × 1 convolution" if level == last else "skip: 1 × 1 convolution, added"
        axis.text(4.45, -down * level + 0.12, words, ha="center", va="bottom", fontsize=9)
    axis.text(2.2, 0.75, "encoder", ha="center", weight="bold")
    axis.text(6.4, 0.75, "decoder: scores", ha="center", weight="bold")
    axis.set(xlim=(-0.6, 8.9), ylim=(-down * last - 0.6, 1.1))
    axis.axis("off")
    return figure


def sliding(canvas, scores, best):
    """Show a canvas above the map of its best class per window, with the class written where the score is high."""
    figure, axes = plt.subplots(2, 1, figsize=(6.4, 4.0))
    axes[0].imshow(canvas)
    axes[0].set_title("input", fontsize=9)
    shown = axes[1].imshow(scores, cmap="viridis")
    axes[1].set_title("highest probability at each window, one pass", fontsize=9)
    for row, column, digit in best:
        axes[1].text(column, row, digit, color="black", ha="center", va="center", fontsize=11, weight="bold")
    for axis in axes:
        axis.set_ylabel("row (pixels)")
    axes[1].set_xlabel("column (pixels)")
    figure.colorbar(shown, ax=axes[1], label="probability")
    return figure


def resize_table(accuracy, names):
    """Show mean accuracy for each way of resizing in training (row) and in use (column), with the range over runs."""
    mean, low, high = accuracy.mean(axis=0), accuracy.min(axis=0), accuracy.max(axis=0)
    figure, axis = plt.subplots(figsize=(4.6, 3.1))
    shown = axis.imshow(mean, cmap="viridis", vmin=mean.min() - 0.02, vmax=1)
    for (i, j), value in np.ndenumerate(mean):
        shade = "white" if shown.norm(value) < 0.5 else "black"
        words = f"{value:.2f}\n({low[i, j]:.2f} to {high[i, j]:.2f})"
        axis.text(j, i, words, ha="center", va="center", color=shade, fontsize=8)
    axis.set_xticks(range(len(names)), names)
    axis.set_yticks(range(len(names)), names)
    axis.set(xlabel="resized in use by", ylabel="resized in training by")
    figure.colorbar(shown, ax=axis, label="test accuracy")
    return figure


def scores(results, names):
    """Show one dot per seed for every score of two networks; results[network] is (seeds, scores)."""
    figure, axis = plt.subplots(figsize=(6.6, 3.0))
    for row, (network, values) in enumerate(results.items()):
        for column, runs in enumerate(np.transpose(values)):
            place = column + 0.2 * (row - 0.5)
            label = network if column == 0 else None
            axis.plot(np.full(len(runs), place), runs, "o", color=COLORS[row], alpha=0.7, label=label)
            axis.plot([place - 0.07, place + 0.07], [np.mean(runs)] * 2, color=COLORS[row])
    axis.set_xticks(range(len(names)), names, fontsize=9)
    axis.set(ylim=(0, 1.03), ylabel="score")
    axis.legend(frameon=False, fontsize=9, loc="lower left")
    return figure


def rounds(curves, trained):
    """Show the intersection over union after each round, one line per seed, and the round where training stopped."""
    figure, axis = plt.subplots(figsize=(5.0, 3.0))
    for run, curve in enumerate(curves):
        axis.plot(range(1, len(curve) + 1), curve, "o-", markersize=3, color=COLORS[run], label=f"seed {run}")
    axis.axvline(trained, color=COLORS[5], linestyle=":", linewidth=1, label="rounds in training")
    axis.set(xlabel="round", ylabel="intersection over union")
    axis.legend(frameon=False, fontsize=8)
    return figure
