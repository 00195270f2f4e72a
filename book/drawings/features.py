"""Drawings of the chapter on kernels without labels."""

import matplotlib.pyplot as plt
import numpy as np


def mosaic(kernels, columns=8):
    """Tile (K, H, W) kernels into one picture, each scaled to the range [-1, 1], with a gap of zeros between."""
    count, height, width = kernels.shape
    rows = -(-count // columns)
    picture = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for index, kernel in enumerate(kernels):
        top, left = (index // columns) * (height + 1), (index % columns) * (width + 1)
        picture[top : top + height, left : left + width] = kernel / np.abs(kernel).max()
    return picture


def banks(banks, titles, columns=4):
    """Show several banks of kernels side by side on a diverging map centred on zero."""
    width, rows = min(2.1 * len(banks), 7.2), -(-len(banks[0]) // columns)
    figure, axes = plt.subplots(1, len(banks), figsize=(width, width / len(banks) * rows / columns + 0.4))
    for axis, kernels, title in zip(axes, banks, titles, strict=True):
        shown = axis.imshow(mosaic(kernels, columns), cmap="RdBu_r", vmin=-1, vmax=1)
        axis.set_title(title, fontsize=9)
        axis.set_xticks([])
        axis.set_yticks([])
    figure.colorbar(shown, ax=axes, label="weight / largest", shrink=0.7, ticks=[-1, 0, 1])
    return figure


def whitening_pictures(before, after, row):
    """Show two covariance matrices, and the row of the whitening matrix that makes one pixel."""
    figure, axes = plt.subplots(1, 3, figsize=(7.6, 2.6))
    titles = ["covariance before", "covariance after", "one row of the matrix"]
    for axis, picture, title in zip(axes, [before, after, row], titles, strict=True):
        bound = np.abs(picture).max()
        shown = axis.imshow(picture, cmap="RdBu_r", vmin=-bound, vmax=bound)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("pixel of the patch" if picture is not row else "column (pixels)")
        figure.colorbar(shown, ax=axis, shrink=0.75)
    axes[0].set_ylabel("pixel of the patch")
    axes[2].set_ylabel("row (pixels)")
    return figure


def comparison(results, pixels, chance, counts, titles):
    """Plot accuracy against the number of kernels, a panel for each data set: mean, smallest and largest over seeds."""
    figure, axes = plt.subplots(1, len(results), figsize=(7.6, 3.3), sharey=False)
    for axis, table, flat, low, title in zip(axes, results, pixels, chance, titles, strict=True):
        for shift, (name, runs) in enumerate(table.items()):
            runs = 100 * np.asarray(runs)
            middle = runs.mean(axis=1)
            spread = [middle - runs.min(axis=1), runs.max(axis=1) - middle]
            where = np.asarray(counts) * 2 ** ((shift - 2) / 12)
            axis.errorbar(where, middle, yerr=spread, marker="o", markersize=4, capsize=2, label=name)
        axis.axhline(100 * np.mean(flat), color="black", linestyle="--", linewidth=1)
        axis.text(counts[-1], 100 * np.mean(flat) + 0.4, "pixels", ha="right", va="bottom")
        if low * 100 > axis.get_ylim()[0]:
            axis.axhline(100 * low, color="#888888", linestyle=":", linewidth=1)
        axis.set_xscale("log", base=2)
        axis.set_xticks(counts, [str(count) for count in counts])
        axis.set_xlabel("number of kernels")
        axis.set_title(title, fontsize=10)
    axes[0].set_ylabel("test accuracy (%)")
    figure.legend(*axes[0].get_legend_handles_labels(), frameon=False, ncols=5, loc="outside upper center")
    return figure


def rotation(degrees, single, pooled, across):
    """Plot three responses to an edge against the angle of the edge."""
    figure, axis = plt.subplots(figsize=(6.4, 3.0))
    axis.plot(degrees, single, linewidth=4, alpha=0.5, label="one kernel")
    axis.plot(degrees, pooled, linestyle="--", label="one kernel, max over space")
    axis.plot(degrees, across, label="max over 16 kernels")
    axis.set_xlabel("direction in which the picture brightens (degrees)")
    axis.set_ylabel("response (brightness per pixel)")
    axis.set_xticks(range(0, 361, 90))
    axis.set_ylim(-0.02, 1.45 * max(across))
    axis.legend(frameon=False, fontsize=8, ncols=3, loc="upper center")
    return figure


def probes(runs):
    """Plot what a linear probe reads from each layer, trained and untrained: the local edge, and the class."""
    figure, axes = plt.subplots(1, 2, figsize=(7.6, 3.0), sharey=True)
    panels = [("edge", "edge at a pixel: variance explained", 1), ("class", "digit: accuracy", 0)]
    for axis, (what, title, first) in zip(axes, panels, strict=True):
        for shift, when in ((-0.04, "untrained"), (0.04, "trained")):
            values = 100 * runs[f"{when}, {what}"]
            middle, where = values.mean(axis=0), np.arange(first, first + values.shape[1])
            spread = [middle - values.min(axis=0), values.max(axis=0) - middle]
            axis.errorbar(where + shift, middle, yerr=spread, marker="o", capsize=3, label=when)
        axis.set_xticks(range(first, 5), ["input", "1", "2", "3", "4"][first:])
        axis.set_xlabel("layer")
        axis.set_title(title, fontsize=10)
        axis.set_ylim(0, 105)
    axes[0].set_ylabel("read by a linear probe (%)")
    axes[0].legend(frameon=False, loc="lower left")
    return figure
