"""Drawings of the chapter on attention."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import PowerNorm


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
