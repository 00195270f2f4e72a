"""Figures of the book: one style, and the few plots that several chapters share."""

import matplotlib.pyplot as plt
import numpy as np

plt.rcParams.update(
    {
        "figure.dpi": 110,
        "savefig.facecolor": "white",
        "figure.facecolor": "white",
        "figure.constrained_layout.use": True,
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": plt.cycler(color=["#0b6fa4", "#c4470b", "#2f7d32", "#8a3ab9", "#8a6d00", "#444444"]),
        "image.cmap": "gray",
        "image.interpolation": "nearest",
    }
)


def show_images(images, titles, *, signed=False, cmap=None, size=2.2):
    """Show 2-D arrays side by side; `signed` centres a diverging map on zero, on one scale for all.

    Examples
    --------
    >>> figure = show_images([np.eye(3)], ["identity"])
    >>> len(figure.axes)
    1
    """
    figure, axes = plt.subplots(1, len(images), figsize=(size * len(images), size * 1.15), squeeze=False)
    limits = {}
    if signed:
        bound = max(np.abs(image).max() for image in images) or 1.0
        limits = {"vmin": -bound, "vmax": bound, "cmap": cmap or "RdBu_r"}
    for axis, image, title in zip(axes[0], images, titles, strict=True):
        axis.imshow(image, **(limits or {"cmap": cmap}))
        axis.set_title(title, fontsize=9)
        axis.set_xticks([])
        axis.set_yticks([])
        for spine in axis.spines.values():
            spine.set_visible(True)
    return figure


def show_matrix(matrix, title, *, axis=None, annotate=False):
    """Show a matrix on a diverging map centred on zero, with its entries written in when `annotate`."""
    if axis is None:
        _, axis = plt.subplots(figsize=(3.2, 3.2))
    bound = np.abs(matrix).max() or 1.0
    axis.imshow(matrix, cmap="RdBu_r", vmin=-bound, vmax=bound)
    axis.set_title(title, fontsize=9)
    axis.set_xticks([])
    axis.set_yticks([])
    if annotate:
        for (i, j), value in np.ndenumerate(matrix):
            if value:
                shade = "white" if abs(value) > 0.6 * bound else "black"
                axis.text(j, i, f"{value:g}", ha="center", va="center", fontsize=8, color=shade)
    return axis
