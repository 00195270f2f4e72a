"""Drawings of the chapter on why convolution."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

INPUT, OUTPUT, FAINT = "#0b6fa4", "#c4470b", "#b8c4cc"


def graph(axis, reads, title, output=None, source=None):
    """Units of two layers as dots, a line per connection; those of one output or one input in colour."""
    outputs, inputs = reads.shape
    for t, a in np.argwhere(reads):
        chosen = t == output or a == source
        colour = (OUTPUT if t == output else INPUT) if chosen else FAINT
        axis.plot(
            [a, t + (inputs - outputs) / 2], [0, 1], color=colour, lw=2 if chosen else 0.8, zorder=2 if chosen else 1
        )
    axis.scatter(np.arange(inputs), np.zeros(inputs), s=90, color=INPUT, zorder=3)
    axis.scatter(np.arange(outputs) + (inputs - outputs) / 2, np.ones(outputs), s=90, color=OUTPUT, zorder=3)
    axis.set_title(title, fontsize=9)
    axis.set_ylim(-0.25, 1.25)
    axis.set_yticks([0, 1], ["inputs", "outputs"])
    axis.set_xticks([])
    for side in ("left", "bottom"):
        axis.spines[side].set_visible(False)
    axis.tick_params(length=0)


def graphs(sparse, output, source):
    """Dense connectivity above, sparse below; what one output sees on the left, whom one input reaches on the right."""
    figure, axes = plt.subplots(2, 2, figsize=(8.5, 3.8))
    dense = np.ones_like(sparse)
    for row, reads, name in ((axes[0], dense, "dense"), (axes[1], sparse, "sparse")):
        seen, reached = reads[output].sum(), reads[:, source].sum()
        graph(row[0], reads, f"{name}: one output sees {seen} inputs", output=output)
        graph(row[1], reads, f"{name}: one input reaches {reached} outputs", source=source)
    return figure


def bill(counts):
    """Dots on a logarithmic axis, where the length of a bar would mean nothing, each with its number."""
    figure, axis = plt.subplots(figsize=(8, 2.6))
    names = list(counts)[::-1]
    axis.plot([counts[name] for name in names], names, "o", ms=8, color=INPUT)
    for row, name in enumerate(names):
        axis.text(counts[name] * 1.6, row, f"{counts[name]:,}", va="center", fontsize=9)
    axis.set_xscale("log")
    axis.set_xlim(1, max(counts.values()) * 300)
    axis.set_ylim(-0.5, len(names) - 0.5)
    axis.grid(axis="y", lw=0.5)
    axis.set_xlabel("parameters")
    return figure


def locality(distances, correlations, left):
    """Left: correlation over distance, per photograph. Right: what is left of pixels that others predict, per set."""
    figure, (near, axis) = plt.subplots(1, 2, figsize=(9, 3.4), width_ratios=[1, 1.1])
    for (name, values), marker in zip(correlations.items(), "osd^vx"):
        near.plot(distances, values, marker + "-", ms=4, label=name)
    near.set_xscale("log", base=2)
    near.set_xticks(distances, distances)
    near.minorticks_off()
    near.set(xlabel="distance in a row (pixels)", ylabel="correlation")
    near.legend(fontsize=7, frameon=False)
    for row, shares in enumerate(reversed(left.values())):
        axis.plot(shares.mean(axis=0), [row] * shares.shape[1], "o", ms=5, color=INPUT, alpha=0.6)
    axis.set_yticks(range(len(left)), list(left)[::-1], fontsize=8)
    axis.set(xscale="log", xlabel="share of the variance left", xlim=(1e-3, 2))
    axis.grid(axis="y", lw=0.5)
    return figure


def learning_curves(examples, curves):
    """One panel per kind of truth; test error of each model over examples, with the range over seeds."""
    figure, axes = plt.subplots(1, len(curves), figsize=(8.5, 3.3), sharey=True)
    for axis, (truth, models) in zip(axes, curves.items()):
        for name, errors in models.items():
            axis.plot(examples, np.median(errors, axis=0), "o-", ms=3, label=name)
            axis.fill_between(examples, *np.quantile(errors, [0.1, 0.9], axis=0), alpha=0.2)
        axis.set(xscale="log", yscale="log", title=truth, xlabel="training examples (signals)")
        axis.set_xticks(examples[::2], examples[::2])
        axis.minorticks_off()
    axes[0].set_ylabel("mean squared error, new signals")
    axes[1].legend(fontsize=8, frameon=False)
    return figure


def cone(levels, masks, titles):
    """Stacks of layers: which units one output at the top depends on.

    `levels` holds per stack the connectivity of each layer, `masks` the units that count, from the input up.
    """
    figure, axes = plt.subplots(1, len(levels), figsize=(9, 3.0))
    for axis, layers, seen, title in zip(axes, levels, masks, titles):
        counts = [len(mask) for mask in seen]
        width = counts[0]
        places = [np.linspace(0, width - 1, n + 2)[1:-1] if n < width else np.arange(n) for n in counts]
        for depth in range(len(layers), -1, -1):
            colours = np.where(seen[depth], OUTPUT if depth else INPUT, "#dfe6ea")
            axis.scatter(places[depth], np.full(counts[depth], depth), c=colours, s=28, zorder=3)
            if depth:
                for t, a in np.argwhere(layers[depth - 1]):
                    chosen = seen[depth][t]
                    line = [places[depth - 1][a], places[depth][t]], [depth - 1, depth]
                    axis.plot(
                        *line, color=OUTPUT if chosen else "#e3e9ec", lw=1.2 if chosen else 0.5, zorder=1 + chosen
                    )
        axis.set_title(f"{title}: {seen[0].sum()} inputs", fontsize=9)
        axis.set_yticks(range(len(layers) + 1), ["input"] + [f"layer {d + 1}" for d in range(len(layers))])
        axis.set_xticks([])
        for side in ("left", "bottom"):
            axis.spines[side].set_visible(False)
    return figure


def growth(fields, influence):
    """Left: receptive field over depth per stack. Right: how much each input of the field counts."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
    for (name, sizes), marker in zip(fields.items(), "osd^"):
        left.plot(range(1, len(sizes) + 1), sizes, marker + "-", ms=4, label=name)
    left.set(xlabel="depth (layers)", ylabel="receptive field (pixels)", yscale="log")
    left.legend(fontsize=8, frameon=False)
    offset = np.arange(influence.shape[1]) - influence.shape[1] // 2
    middle, low, high = np.median(influence, axis=0), *np.quantile(influence, [0.1, 0.9], axis=0)
    right.fill_between(offset, low, high, alpha=0.25, label="10% to 90% of the stacks")
    right.plot(offset, middle, "o-", ms=3, label="median")
    right.set(xlabel="input, from the middle of the field (pixels)", ylabel="share of all influence")
    right.set_xticks(range(-10, 11, 5))
    right.set_ylim(0, 1.4 * high.max())
    right.legend(fontsize=8, frameon=False, loc="upper center")
    return figure


def shift_tables(tables, titles):
    """Per function: a square per circular shift, filled where some shift of the output answers it."""
    figure, axes = plt.subplots(1, len(tables), figsize=(2.3 * len(tables), 2.7))
    for axis, table, title in zip(axes, tables, titles):
        for (row, column), commutes in np.ndenumerate(table):
            colour = "#2f7d32" if commutes else "#eef3f6"
            axis.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, edgecolor="#8899a6", lw=0.6))
        axis.set_xlim(-0.5, table.shape[1] - 0.5)
        axis.set_ylim(table.shape[0] - 0.5, -0.5)
        axis.set_aspect("equal")
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("columns (pixels)")
        axis.set_xticks(range(0, table.shape[1], 2))
        axis.set_yticks(range(0, table.shape[0], 2))
    axes[0].set_ylabel("shift by rows (pixels)")
    return figure
