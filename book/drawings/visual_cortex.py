"""Figures of the chapter on the visual cortex."""

import matplotlib.pyplot as plt
import numpy as np


def _picture(axis, picture, bound, title=None):
    """Show one signed picture on a diverging map centred on zero, without ticks."""
    shown = axis.imshow(picture, cmap="RdBu_r", vmin=-bound, vmax=bound)
    axis.set_xticks([])
    axis.set_yticks([])
    if title:
        axis.set_title(title, fontsize=9)
    return shown


def gallery(rows, names):
    """Show rows of (title, kernel) pairs, one row for each name."""
    figure, axes = plt.subplots(
        len(rows), len(rows[0]), figsize=(min(7.2, 1.5 * len(rows[0]) + 1.2), 1.62 * len(rows)), squeeze=False
    )
    for line, pairs, name in zip(axes, rows, names, strict=True):
        for axis, (title, kernel) in zip(line, pairs, strict=True):
            _picture(axis, kernel, 1, title)
        line[0].set_ylabel(name.replace(" ", "\n"), fontsize=9)
    return figure


def estimates(planted, found, trials):
    """Show the planted receptive field beside estimates from more and more trials."""
    figure, axes = plt.subplots(1, 1 + len(found), figsize=(7.2, 1.9))
    bound = np.abs(planted).max()
    titles = ["planted"] + [f"{count:,} trials" for count in trials]
    for axis, picture, title in zip(axes, [planted, *found], titles, strict=True):
        shown = _picture(axis, picture, bound, title)
    figure.colorbar(shown, ax=axes, shrink=0.7, label="weight")
    return figure


def errors(trials, measured, predicted):
    """Plot the relative error against the number of trials, both on logarithmic axes, with the prediction."""
    figure, axis = plt.subplots(figsize=(5.4, 3.1))
    for runs in np.asarray(measured).T:
        axis.plot(trials, runs, marker="o", linestyle="", color="#0b6fa4", alpha=0.6)
    axis.plot([], [], marker="o", linestyle="", color="#0b6fa4", label="measured, one point for each seed")
    axis.plot(trials, predicted, color="#c4470b", label="predicted")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("number of trials")
    axis.set_ylabel("error (share of the energy)")
    axis.legend(frameon=False, fontsize=9)
    return figure


def tuning(curves):
    """Plot tuning curves side by side: (x values, responses, label of the x axis) each."""
    figure, axes = plt.subplots(1, len(curves), figsize=(7.2, 2.6), sharey=True)
    for axis, (x, lines, label) in zip(axes, curves, strict=True):
        for name, values in lines.items():
            axis.plot(x, values, label=name)
        axis.set_xlabel(label, fontsize=9)
        if len(lines) > 1:
            axis.legend(frameon=False, fontsize=9, loc="center", handlelength=1)
    axes[0].set_ylabel("response (share of largest)", fontsize=9)
    return figure


def kernels_and_nulls(banks):
    """Show a row for each bank: its kernels, and right of them their nulls, each scaled to a largest weight of 1."""
    count = len(next(iter(banks.values()))[0])
    ratios = [1] * count + [0.4] + [1] * count
    figure, axes = plt.subplots(len(banks), 2 * count + 1, figsize=(7.2, 0.85 * len(banks) + 0.3), width_ratios=ratios)
    for line, (name, pairs) in zip(axes, banks.items(), strict=True):
        line[count].set_axis_off()
        for axis, kernel in zip([*line[:count], *line[count + 1 :]], [*pairs[0], *pairs[1]], strict=True):
            _picture(axis, kernel, np.abs(kernel).max())
        line[0].set_ylabel(name, fontsize=9)
    axes[0][count // 2].set_title("kernels", fontsize=10)
    axes[0][count + 1 + count // 2].set_title("nulls", fontsize=10)
    return figure


def fixations(image, views, points):
    """Show a photograph and the views that remain of it when one point after the other is looked at."""
    figure, axes = plt.subplots(1, 1 + len(points), figsize=(7.2, 2.7))
    titles = ["photograph", "looking at the head", "looking at the tripod"]
    for axis, view, title in zip(axes, [image, *views], titles, strict=True):
        axis.imshow(view, cmap="gray", vmin=0, vmax=1)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("column (pixels)", fontsize=9)
        axis.tick_params(labelsize=9)
    axes[0].set_ylabel("row (pixels)", fontsize=9)
    for axis, (row, column) in zip(axes[1:], points, strict=True):
        axis.plot(column, row, marker="+", color="#ff8c1a", markersize=11, markeredgewidth=2)
    return figure


def space_time(fields):
    """Show fields over position and delay, by their names, each scaled to a largest weight of 1."""
    figure, axes = plt.subplots(1, len(fields), figsize=(7.2, 2.4), sharey=True)
    for axis, (name, field) in zip(axes, fields.items(), strict=True):
        shown = axis.imshow(field / np.abs(field).max(), cmap="RdBu_r", vmin=-1, vmax=1)
        axis.set_title(name, fontsize=9)
        axis.set_xlabel("position (pixels)", fontsize=9)
        axis.set_xticks(range(0, field.shape[1], 7))
        axis.set_yticks(range(0, field.shape[0], 4))
    axes[0].set_ylabel("delay (frames)", fontsize=9)
    figure.colorbar(shown, ax=axes, shrink=0.8, label="weight (of the largest)")
    return figure


def quartiles(tables):
    """Draw a bar from the lower to the upper quartile for each bank, a mark at the median, and its null below it.

    `tables` maps a name to one or two triples of quartiles: those of the bank and those of its null.
    """
    figure, axis = plt.subplots(figsize=(7.2, 0.36 * len(tables) + 0.8))
    colours = ("#0b6fa4", "#c4470b")
    for row, triples in enumerate(tables.values()):
        for index, (low, middle, high) in enumerate(triples):
            height = row + (0.3 * index - 0.15 if len(triples) > 1 else 0)
            axis.plot([low, high], [height, height], color=colours[index], linewidth=4, alpha=0.5)
            axis.plot(middle, height, marker="o", color=colours[index], markersize=5)
    axis.plot([], [], marker="o", color=colours[0], label="kernels")
    axis.plot([], [], marker="o", color=colours[1], label="same spectrum, random phases")
    axis.set_yticks(range(len(tables)), list(tables), fontsize=9)
    axis.invert_yaxis()
    axis.set_xlim(0, 1)
    axis.set_xlabel("share of the kernel's energy that the best Gabor explains", fontsize=9)
    axis.legend(frameon=False, fontsize=9, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return figure
