"""Drawings of the chapter on attention."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import PowerNorm


def glimpses(photograph, place, weights, titles):
    """Show the photograph with the place asked for, and the weights of soft attention over it."""
    figure, axes = plt.subplots(1, 1 + len(weights), figsize=(7.2, 2.4))
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
        figure.colorbar(shown, ax=axis, shrink=0.62).ax.tick_params(labelsize=9)
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])
    return figure


def learning_curves(curves):
    """Plot the error while the glimpse learns where to look, one curve for each seed."""
    figure, axis = plt.subplots(figsize=(5.4, 2.8))
    for curve in curves:
        axis.plot(curve, color="#0b6fa4", linewidth=1)
    axis.axhline(1, color="#c4470b", linestyle="--", label="variance of the value asked for")
    axis.set_xlabel("step of gradient descent")
    axis.set_ylabel("mean squared error")
    axis.set_ylim(0, None)
    axis.legend(frameon=False, fontsize=9)
    return figure


def scale_curves(sizes, table):
    """Plot largest weight and slope against the number of features; `table` maps a name to (seeds, sizes, 2)."""
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 2.9))
    for name, values in table.items():
        for axis, column in zip(axes, np.moveaxis(values, -1, 0), strict=True):
            axis.errorbar(sizes, column.mean(0), column.std(0), marker="o", markersize=4, capsize=2, label=name)
    for axis, label in zip(axes, ("largest of 32 weights", "slope: sum of y (1 - y)"), strict=True):
        axis.set_xscale("log", base=2)
        axis.set_ylim(0, 1)
        axis.set_xlabel("features E of query and key")
        axis.set_ylabel(label)
    axes[0].legend(frameon=False, fontsize=9)
    return figure


def position_codes(codes):
    """Show codes of positions, and the dot product of two codes against the difference of their positions."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.8))
    figure.get_layout_engine().set(wspace=0.08)
    shown = left.imshow(codes, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    left.set_xlabel("feature of the code")
    left.set_ylabel("position")
    figure.colorbar(shown, ax=left, label="value")
    for start in (8, 20, 32):
        right.plot(np.arange(len(codes)) - start, codes @ codes[start], label=start, alpha=0.7)
    right.set_xlabel("difference of positions")
    right.set_ylabel("dot product of the codes")
    right.set_ylim(top=21)
    right.legend(frameon=False, fontsize=9, title="from position", loc="upper center", ncols=3, handlelength=1)
    return figure


def collapse(table):
    """Plot the distance from equal rows against depth, one curve for each seed."""
    figure, axis = plt.subplots(figsize=(5.4, 2.9))
    for (name, runs), colour in zip(table.items(), ("#c4470b", "#0b6fa4"), strict=True):
        for index, run in enumerate(runs):
            axis.plot(np.maximum(run, 1e-17), color=colour, linewidth=1, label=name if not index else None)
    axis.set_yscale("log")
    axis.set_xlabel("attention layers")
    axis.set_ylabel("distance from equal rows")
    axis.legend(frameon=False, fontsize=9)
    return figure


def heads_and_error(maps, query, shown, sharpness, errors):
    """Show where one head looks from the place `query`, at each sharpness of `shown`, and the error."""
    figure, axes = plt.subplots(1, len(maps) + 1, figsize=(7.2, 2.3), width_ratios=[1] * len(maps) + [1.7])
    for axis, weights, sharp in zip(axes[:-1], maps, shown, strict=True):
        axis.imshow(weights.reshape(6, 6), cmap="Blues", vmin=0, vmax=1)
        axis.plot(query[1], query[0], marker="*", markersize=11, color="#c4470b")
        axis.set_title(f"sharpness {sharp}", fontsize=9)
        axis.set_xticks([])
        axis.set_yticks([])
    axes[-1].plot(sharpness, np.maximum(errors, 1e-17), marker="o", markersize=3)
    axes[-1].set_xscale("log")
    axes[-1].set_yscale("log")
    axes[-1].set_xlabel("sharpness (1 / pixel squared)")
    axes[-1].set_ylabel("largest error")
    return figure


def near_and_far(counts, tables, titles):
    """Plot test error against the number of training sequences, a panel for each task; bars span the seeds."""
    figure, axes = plt.subplots(1, len(tables), figsize=(7.2, 3.7), sharey=True)
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
    figure.legend(*axes[0].get_legend_handles_labels(), frameon=False, fontsize=9, loc="outside lower center", ncols=2)
    return figure


def vision_transformer(photograph, patches=8):
    """Draw a vision transformer from the picture to the classes, and one of its blocks enlarged."""
    figure, (above, below) = plt.subplots(2, 1, figsize=(6.4, 4.4), height_ratios=[1, 1.15])
    for axis in (above, below):
        axis.set(xlim=(0, 100), ylim=(0, 34), aspect="equal")
        axis.axis("off")

    def box(axis, left, text, colour, width=13, low=9, high=21):
        axis.add_patch(plt.Rectangle((left, low), width, high - low, facecolor=colour, edgecolor="#333333"))
        axis.text(left + width / 2, (low + high) / 2, text, ha="center", va="center", fontsize=9)

    def arrow(axis, start, end):
        axis.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": "#333333", "shrinkA": 0, "shrinkB": 0})

    def add(axis, x):
        axis.add_patch(plt.Circle((x, 15), 2.4, facecolor="white", edgecolor="#333333"))
        axis.text(x, 14.8, "+", ha="center", va="center", fontsize=11)

    above.imshow(photograph, extent=(0, 22, 4, 26), aspect="equal")
    for cut in np.linspace(0, 22, patches + 1):
        above.plot([cut, cut], [4, 26], color="white", lw=0.8)
        above.plot([0, 22], [4 + cut, 4 + cut], color="white", lw=0.8)
    above.set(xlim=(0, 100), ylim=(0, 34))
    above.text(11, 29.5, "patches", ha="center", fontsize=9)
    box(above, 27, "linear\nmap", "#cfe3f1")
    add(above, 45.5)
    above.text(45.5, 29.5, "positions", ha="center", fontsize=9)
    arrow(above, (45.5, 28), (45.5, 17.4))
    for shift in (2, 1, 0):
        above.add_patch(plt.Rectangle((53 + shift, 8 + shift), 13, 12, facecolor="#dcefdc", edgecolor="#333333"))
    above.text(59.5, 14, "blocks", ha="center", va="center", fontsize=9)
    box(above, 73, "mean", "#eeeeee", width=10)
    box(above, 88, "linear\nmap", "#cfe3f1", width=11)
    for start, end in ((22, 27), (40, 43.1), (47.9, 53), (68, 73), (83, 88)):
        arrow(above, (start, 15), (end, 15))

    below.add_patch(plt.Rectangle((5, 1), 91, 31, facecolor="#f2f8f2", edgecolor="#2f7d32", linestyle="--"))
    below.text(6.5, 28.4, "one block", fontsize=9, color="#2f7d32")
    for left, first, second, colour in ((13, "norm", "attention", "#f6d9c8"), (55, "norm", "MLP", "#cfe3f1")):
        box(below, left, first, "#eeeeee", width=9)
        box(below, left + 12, second, colour, width=14)
        add(below, left + 31.5)
        below.plot([left - 4, left - 4, left + 31.5], [15, 26, 26], color="#333333", lw=1)
        arrow(below, (left + 31.5, 26), (left + 31.5, 17.4))
        for start, end in ((left + 9, left + 12), (left + 26, left + 29.1)):
            arrow(below, (start, 15), (end, 15))
    for start, end in ((0, 13), (46.9, 55), (88.9, 100)):
        arrow(below, (start, 15), (end, 15))
    below.text(32, 5, "places see each other", ha="center", va="center", fontsize=9)
    below.text(74, 5, "each place by itself", ha="center", va="center", fontsize=9)
    return figure
