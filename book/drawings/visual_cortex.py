"""Figures of the chapter on the visual cortex."""

import matplotlib.pyplot as plt
import numpy as np


def _picture(axis, picture, bound, title=None):
    """Show one signed picture on a diverging map centred on zero, without ticks."""
    shown = axis.imshow(picture, cmap="RdBu_r", vmin=-bound, vmax=bound)
    axis.set_xticks([])
    axis.set_yticks([])
    if title:
        axis.set_title(title, fontsize=8)
    return shown


def gallery(rows, names):
    """Show rows of (title, kernel) pairs, one row for each name."""
    figure, axes = plt.subplots(len(rows), len(rows[0]), figsize=(1.5 * len(rows[0]) + 1.2, 1.62 * len(rows)))
    for line, pairs, name in zip(axes, rows, names, strict=True):
        for axis, (title, kernel) in zip(line, pairs, strict=True):
            _picture(axis, kernel, 1, title)
        line[0].set_ylabel(name.replace(" ", "\n"), fontsize=9)
    return figure


def estimates(planted, found, trials):
    """Show the planted receptive field beside estimates from more and more trials."""
    figure, axes = plt.subplots(1, 1 + len(found), figsize=(1.4 * (1 + len(found)), 1.9))
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
    axis.legend(frameon=False, fontsize=8)
    return figure


def tuning(curves):
    """Plot tuning curves side by side: (x values, responses, label of the x axis) each."""
    figure, axes = plt.subplots(1, len(curves), figsize=(2.7 * len(curves), 2.6), sharey=True)
    for axis, (x, lines, label) in zip(axes, curves, strict=True):
        for name, values in lines.items():
            axis.plot(x, values, label=name)
        axis.set_xlabel(label, fontsize=9)
        if len(lines) > 1:
            axis.legend(frameon=False, fontsize=7, loc="center")
    axes[0].set_ylabel("response (share of largest)", fontsize=9)
    return figure


def qualities(tables, banks):
    """Show a few kernels of each source, and how well a Gabor fits each of them."""
    figure, axes = plt.subplots(len(banks), 7, figsize=(7.6, 1.35 * len(banks)), width_ratios=[1] * 5 + [0.2, 4])
    for line, (name, kernels), values in zip(axes, banks.items(), tables.values(), strict=True):
        for axis, kernel in zip(line[:5], kernels, strict=False):
            _picture(axis, kernel, np.abs(kernel).max())
        line[0].set_ylabel(name, fontsize=8)
        line[5].set_axis_off()
        line[6].plot(np.sort(values), np.linspace(0, 1, len(values)), marker="|", linestyle="", markersize=12)
        line[6].axvline(np.median(values), color="#c4470b")
        line[6].set_xlim(0, 1)
        line[6].set_yticks([])
        line[6].spines["left"].set_visible(False)
    axes[-1][6].set_xlabel("share of the kernel's energy that a Gabor explains", fontsize=8)
    return figure


def fixations(image, views, points):
    """Show a photograph and the views that remain of it when one point after the other is looked at."""
    figure, axes = plt.subplots(1, 1 + len(points), figsize=(2.55 * (1 + len(points)), 2.8))
    titles = ["photograph", "looking at the head", "looking at the tripod"]
    for axis, view, title in zip(axes, [image, *views], titles, strict=True):
        axis.imshow(view, cmap="gray", vmin=0, vmax=1)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("column (pixels)", fontsize=8)
        axis.tick_params(labelsize=7)
    axes[0].set_ylabel("row (pixels)", fontsize=8)
    for axis, (row, column) in zip(axes[1:], points, strict=True):
        axis.plot(column, row, marker="+", color="#ff8c1a", markersize=11, markeredgewidth=2)
    return figure
