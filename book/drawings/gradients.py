"""Drawings of the chapter on gradients."""

import matplotlib.pyplot as plt
import numpy as np

from drawings import style


def training_losses(curves, every):
    """Training loss of each program against the step: a line per seed, a point after each `every` steps."""
    figure, axis = plt.subplots(figsize=(5.6, 3.1))
    for (name, runs), dash, colour in zip(curves.items(), ("-", "--"), ("C0", "C1")):
        for n, run in enumerate(runs):
            axis.plot(every * np.arange(len(run)), run, dash, color=colour, lw=1.2, label=None if n else name)
    axis.set(xlabel="step of gradient descent", ylabel="training loss (nats)", yscale="log")
    axis.legend(frameon=False, fontsize=9)
    return figure


def block():
    """Draw one block of a network: what goes through it forward, and which gradients come back."""
    figure, axis = plt.subplots(figsize=(6.2, 2.1))
    axis.add_patch(plt.Rectangle((-1, -0.6), 2, 1.2, fc="#eef2f6", ec="#222", lw=1))
    axis.text(0, 0, "layer", ha="center", va="center")
    arrows = (  # text, its place, and where its arrow begins and ends
        ("$x$", (-2.2, 0.5), (-3, 0.25), (-1, 0.25), False),
        ("$y$", (2.2, 0.5), (1, 0.25), (3, 0.25), False),
        ("$w$", (-0.65, -1.2), (-0.4, -1.5), (-0.4, -0.6), False),
        ("$\\partial J/\\partial x$", (-2.2, -0.58), (-1, -0.25), (-3, -0.25), True),
        ("$g=\\partial J/\\partial y$", (2.2, -0.58), (3, -0.25), (1, -0.25), True),
        ("$\\partial J/\\partial w$", (1.05, -1.2), (0.4, -0.6), (0.4, -1.5), True),
    )
    for text, place, begin, end, back in arrows:
        colour = "C1" if back else "C0"
        line = {"arrowstyle": "->", "color": colour, "ls": "--" if back else "-", "lw": 1.6, "shrinkA": 0, "shrinkB": 0}
        axis.annotate("", end, begin, arrowprops=line)
        axis.text(*place, text, ha="center", va="center", color=colour, fontsize=11)
    axis.text(3.15, 0, "to the loss $J$", va="center")
    axis.text(-3.15, 0, "from the block\nin front", va="center", ha="right")
    axis.set(xlim=(-5, 5), ylim=(-1.55, 0.75), aspect="equal")
    axis.axis("off")
    return figure


def matrices(panels):
    """Small matrices with their entries, side by side, widths in proportion."""
    widths = [m.shape[1] for m in panels.values()]
    figure, axes = plt.subplots(1, len(panels), figsize=(6.2, 2.6), width_ratios=widths)
    for axis, (title, matrix) in zip(axes, panels.items()):
        style.show_matrix(matrix, title, axis=axis, annotate=True)
    return figure


def grids(panels):
    """Small images with every entry written in, zeros too; one scale, pixels of one size."""
    widths = [m.shape[1] for m in panels.values()]
    figure, axes = plt.subplots(1, len(panels), figsize=(6.2, 2.9), width_ratios=widths)
    for axis, (title, values) in zip(axes, panels.items()):
        bound = np.abs(values).max() or 1.0
        axis.imshow(values, cmap="RdBu_r", vmin=-bound, vmax=bound)
        axis.set_title(title, fontsize=9)
        axis.set_xticks([])
        axis.set_yticks([])
        for (i, j), value in np.ndenumerate(values):
            shade = "white" if abs(value) > 0.6 * bound else "#999" if value == 0 else "black"
            axis.text(j, i, f"{value:g}", ha="center", va="center", fontsize=8, color=shade)
    return figure


def images(panels, correlations):
    """Grey images, each with its correlation with the first."""
    figure, axes = plt.subplots(1, len(panels), figsize=(6.2, 2.1))
    for axis, (title, image), correlation in zip(axes, panels.items(), correlations):
        low, high = np.quantile(image, [0.01, 0.99])
        axis.imshow(image, vmin=low, vmax=high)
        axis.set_title(f"{title}\ncorrelation {correlation:.2f}", fontsize=9)
        axis.set_xticks([])
        axis.set_yticks([])
    return figure


def photograph_and_gradient(image, gradient):
    """A photograph, and beside it the gradient for its pixels on a scale centred on zero."""
    figure, axes = plt.subplots(1, 2, figsize=(6.2, 3.0))
    bound = np.abs(gradient).max()
    axes[0].imshow(image)
    shown = axes[1].imshow(gradient, cmap="RdBu_r", vmin=-bound, vmax=bound)
    figure.colorbar(shown, ax=axes[1], shrink=0.7, label="score per light")
    for axis, title in zip(axes, ("photograph", "gradient")):
        axis.set_title(title, fontsize=9)
        axis.set(xlabel="column (pixels)", ylabel="row (pixels)", xticks=(0, 20, 40, 60), yticks=(0, 20, 40, 60))
    return figure


def step_curves(steps, curves, marked):
    """Relative error of a numerical gradient against the step: median and range over seeds."""
    figure, axis = plt.subplots(figsize=(6.0, 3.5))
    for (name, runs), marker in zip(curves.items(), "osv"):
        axis.plot(steps, np.median(runs, axis=0), marker + "-", ms=4, label=name)
        axis.fill_between(steps, runs.min(axis=0), runs.max(axis=0), alpha=0.2)
    for name, step in marked.items():
        axis.axvline(step, color="#444", ls=":", lw=1)
        axis.text(step, 6, name, fontsize=8, va="bottom", ha="center")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_ylim(1e-12, 5)
    axis.set_xlabel("step h (in units of the weights)")
    axis.set_ylabel("relative error of the gradient")
    axis.legend(frameon=False, fontsize=9, loc="lower right")
    return figure
