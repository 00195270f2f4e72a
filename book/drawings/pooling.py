"""Drawings of the chapter on pooling."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle


def windows(panels):
    """Draw arrays of numbers side by side, the quarters of each in four colours: a window and its summary share one."""
    widths = [len(values) + 0.6 for values in panels.values()]
    figure, axes = plt.subplots(1, len(panels), figsize=(6.2, 2.5), width_ratios=widths)
    for axis, (name, values) in zip(axes, panels.items()):
        size = len(values)
        for (i, j), value in np.ndenumerate(values):
            colour = ("#d7e7f0", "#f6cfb4", "#d5ead6", "#e6dbf0")[2 * (2 * i // size) + 2 * j // size]
            axis.add_patch(Rectangle((j, i), 1, 1, facecolor=colour, edgecolor="#444444"))
            axis.text(j + 0.5, i + 0.5, f"{value:g}", ha="center", va="center", fontsize=12)
        axis.set(xlim=(-0.05, size + 0.05), ylim=(size + 0.05, -0.05), aspect="equal")
        axis.set_title(name, fontsize=10)
        axis.axis("off")
    return figure


def summaries(panels):
    """Draw a photograph and its summaries, in pixels of the photograph, and the brightness along the middle row."""
    figure, axes = plt.subplots(2, 3, figsize=(7.2, 4.8))
    height, width = next(iter(panels.values())).shape
    for axis, (name, values) in zip(axes.flat, panels.items()):
        axis.imshow(values, vmin=0, vmax=255, extent=(0, width, height, 0))
        axis.set_title(name, fontsize=9)
        axis.set(xticks=(0, width // 2, width), yticks=(0, height // 2, height))
    axis, middle = axes[1, 2], height // 2
    for name, colour in (("photograph", "#999999"), ("maximum", "C1"), ("minimum", "C0"), ("mean", "C2")):
        values = panels[name]
        scale = width // values.shape[1]
        axis.step(scale * np.arange(values.shape[1]), values[middle // scale], where="post", color=colour, lw=1)
        axis.text(
            1.02,
            {"maximum": 0.9, "photograph": 0.65, "mean": 0.4, "minimum": 0.15}[name],
            name,
            color=colour,
            transform=axis.transAxes,
            fontsize=8,
        )
    axis.set(xlabel="column (pixels)", ylabel="brightness", ylim=(0, 255), xticks=(0, width // 2, width))
    return figure


def figure_9_8(before, after, pooled_before, pooled_after):
    """Draw detector outputs below and pooled outputs above, before and after the shift; what changed is orange."""
    figure, axes = plt.subplots(1, 2, figsize=(6.2, 2.2), sharey=True)
    rows = ((before, pooled_before, "before"), (after, pooled_after, "one pixel to the right"))
    for axis, (detectors, pooled, title) in zip(axes, rows):
        for y, values, old in ((1, pooled, pooled_before), (0, detectors, before)):
            for i, (value, was) in enumerate(zip(values, old)):
                colour = "#f6cfb4" if value != was else "#d7e7f0"
                axis.add_patch(Rectangle((i - 0.38, y - 0.2), 0.76, 0.4, facecolor=colour, edgecolor="#444444"))
                axis.text(i, y, f"{value:g}", ha="center", va="center")
        for i in range(len(pooled)):
            for j in range(max(0, i - 1), min(len(detectors), i + 2)):
                axis.plot([j, i], [0.2, 0.8], color="#999999", lw=0.8, zorder=0)
        axis.set(xlim=(-0.6, len(pooled) - 0.4), ylim=(-0.4, 1.4), yticks=(0, 1), xlabel="position (pixels)")
        axis.set_yticklabels(["detector", "pooled"])
        axis.set_title(title, fontsize=9)
    return figure


def unchanged_curves(sizes, formula, noise, photographs):
    """Draw the share of unchanged outputs against the window size: by the formula, for noise and for photographs."""
    figure, axis = plt.subplots(figsize=(5.6, 3.2))
    axis.plot(sizes, formula, color="#444444", lw=1, label="(k − 1) / (k + 1)")
    for (name, values), mark in zip({"noise": noise, **photographs}.items(), "os^"):
        axis.errorbar(sizes, values.mean(0), values.std(0), fmt=mark, capsize=3, label=name)
    axis.set(xlabel="window k (pixels), stride k", ylabel="unchanged outputs", ylim=(0, 1))
    axis.legend(frameon=False, fontsize=9)
    return figure


def presence_and_place(sizes, what, where):
    """Draw the accuracies of the two questions against the window; arrays (seed, window, (train, test))."""
    figure, axes = plt.subplots(1, 2, figsize=(6.2, 2.6), sharey=True)
    for axis, values, title in zip(axes, (what, where), ("which digit is it?", "is it in the left half?")):
        for column, name, style in ((0, "training", "o--"), (1, "test", "s-")):
            mean, spread = values[..., column].mean(0), values[..., column].std(0)
            axis.errorbar(range(len(sizes)), mean, spread, fmt=style, capsize=3, label=name)
        axis.axhline(0.5, color="#999999", lw=0.8)
        axis.set_xticks(range(len(sizes)), sizes)
        axis.set(xlabel="max pooling window (pixels)", title=title)
    axes[0].set_ylabel("accuracy")
    axes[0].legend(frameon=False)
    return figure


def detectors_by_angle(weights, angles, winners):
    """Draw each learned detector, and below how often it wins at every angle of the digit."""
    count = len(weights)
    figure, axes = plt.subplots(2, count, figsize=(1.55 * count, 3.1), sharey="row")
    bound = np.abs(weights).max()
    for i, (top, bottom) in enumerate(axes.T):
        top.imshow(weights[i].reshape(8, 8), cmap="RdBu_r", vmin=-bound, vmax=bound)
        top.set(xticks=[], yticks=[], title=f"detector {i + 1}")
        bottom.hist(angles[winners == i], bins=np.arange(-180, 181, 30), color="#0b6fa4")
        bottom.set(xlabel="angle (degrees)", xticks=(-180, 0, 180))
    axes[1, 0].set_ylabel("sevens it wins")
    return figure


def gradients_on_image(image, gradients, titles):
    """Draw a patch, and the root of the gradient that each kind of pooling sends back to it, on one scale."""
    figure, axes = plt.subplots(2, 2, figsize=(5.6, 5.0))
    axes = axes.ravel()
    axes[0].imshow(image)
    axes[0].set_title("input", fontsize=9)
    bound = max(g.max() for g in gradients)
    for axis, gradient, title in zip(axes[1:], gradients, titles):
        shown = axis.imshow(np.sqrt(gradient), cmap="Blues", vmin=0, vmax=np.sqrt(bound))
        axis.set_title(title, fontsize=9)
    for axis in axes:
        axis.set(xticks=(0, 12, 24), yticks=(0, 12, 24))
    figure.colorbar(shown, ax=axes[1:], shrink=0.7, label="root of the gradient")
    figure.supxlabel("column (pixels)", fontsize=9)
    figure.supylabel("row (pixels)", fontsize=9)
    return figure
