"""Figures of the chapter on algorithms."""

import matplotlib.pyplot as plt
import numpy as np

NAMES = {"loops": "direct", "matrix": "dense matrix", "im2col": "columns", "fft": "FFT", "separable": "two passes"}
DASHES = {"loops": "-", "matrix": ":", "im2col": "-", "fft": "--", "separable": "-."}


def counts_and_times(sizes, counts, times):
    """Draw multiplications and measured milliseconds (with their range) against the side of the kernel."""
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.2))
    for name, values in counts.items():
        axes[0].plot(sizes, values, DASHES[name], label=NAMES[name])
    for name, values in times.items():
        (line,) = axes[1].plot(
            sizes, 1e3 * np.median(values, 1), DASHES[name], marker="o", markersize=3, label=NAMES[name]
        )
        axes[1].fill_between(sizes, 1e3 * values.min(1), 1e3 * values.max(1), color=line.get_color(), alpha=0.2, lw=0)
    for axis, label in zip(axes, ("multiplications, counted", "milliseconds, measured here"), strict=True):
        axis.set(yscale="log", xlabel="side of the kernel, in pixels", ylabel=label)
        axis.legend(fontsize=9.5)
    return figure


def best_map(best, image_sizes, kernel_sizes):
    """Colour each pair of a kernel's (row) and an image's side (column) by the name in `best`, None in grey."""
    names = [None, "loops", "matrix", "fft"]
    grid = np.array([[names.index(name) for name in row] for row in best])
    figure, axis = plt.subplots(figsize=(5.4, 3.4))
    colours = plt.matplotlib.colors.ListedColormap(["#eeeeee", "#0b6fa4", "#2f7d32", "#c4470b"])
    axis.pcolormesh(image_sizes, kernel_sizes, grid, cmap=colours, vmin=-0.5, vmax=3.5, shading="nearest")
    axis.set(xlabel="side of the image, in pixels", ylabel="side of the kernel, in pixels")
    axis.text(70, 3.2, "direct", color="white", weight="bold")
    axis.text(70, 26, "FFT", color="white", weight="bold")
    return figure


def layer_maps(ratios, kernel_sizes, channels):
    """Colour ratios of products (channels, kernels) by their logarithm, one map a name; a line where they are 1."""
    figure, axes = plt.subplots(1, len(ratios), figsize=(7.4, 3.1), sharey=True, layout="constrained")
    rows = np.log2(channels)
    for axis, (name, ratio) in zip(axes, ratios.items(), strict=True):
        image = axis.pcolormesh(kernel_sizes, rows, np.log2(ratio), cmap="RdBu", vmin=-5, vmax=5, shading="nearest")
        axis.contour(kernel_sizes, rows, np.log2(ratio), levels=[0], colors="black")
        axis.set(title=name, xlabel="side of the kernel, in pixels", xticks=range(1, 16, 4))
    axes[0].set(ylabel="channels", yticks=rows[::2])
    axes[0].set_yticklabels([str(c) for c in channels[::2]])
    bar = figure.colorbar(image, ax=axes, label="FFT / direct", ticks=[-4, -2, 0, 2, 4])
    bar.ax.set_yticklabels(["1/16", "1/4", "1", "4", "16"])
    return figure


def wrap(image, circular, full):
    """Show the image, the circular result, and where it differs from the first rows and columns of the full one."""
    figure, axes = plt.subplots(1, 3, figsize=(7.4, 2.8))
    wrong = np.abs(circular - full[: image.shape[0], : image.shape[1]])
    titles = ("image", "without padding", "difference")
    for axis, picture, title in zip(axes, (image, circular, wrong), titles, strict=True):
        axis.imshow(picture, cmap="gray" if picture is not wrong else "magma")
        axis.set_title(title, fontsize=10)
        axis.set(xticks=[], yticks=[])
    return figure


def ranks(kernels, nearest, errors):
    """Show kernels above their best approximations of rank 1, each with its relative error."""
    figure, axes = plt.subplots(2, len(kernels), figsize=(0.92 * len(kernels), 2.4))
    bound = np.abs(kernels).max()
    for column, kernel, approximation, error in zip(axes.T, kernels, nearest, errors, strict=True):
        for axis, picture in zip(column, (kernel, approximation), strict=True):
            axis.imshow(picture, cmap="RdBu_r", vmin=-bound, vmax=bound)
            axis.set(xticks=[], yticks=[])
        column[1].set_xlabel(f"{error:.2f}", fontsize=10)
    axes[0, 0].set_ylabel("learned", fontsize=10)
    axes[1, 0].set_ylabel("rank 1", fontsize=10)
    return figure
