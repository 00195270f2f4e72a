"""Drawings of the chapter on the layer."""

import matplotlib.pyplot as plt
import numpy as np


def planes_and_maps(planes, weight, maps, names):
    """One row per output channel: the kernel's slice for each input plane, and the map that they sum to."""
    figure, axes = plt.subplots(
        1 + len(weight), len(planes) + 1, figsize=(8.6, 5.6), width_ratios=[1, 1, 1, 1.25], squeeze=False
    )
    for axis, plane, name in zip(axes[0], planes, ("red plane", "green plane", "blue plane")):
        axis.imshow(plane, vmin=0, vmax=1)
        axis.set_title(f"input, {name}", fontsize=9)
    axes[0, -1].imshow(np.moveaxis(planes, 0, -1))
    axes[0, -1].set_title("all three together", fontsize=9)
    bound = np.abs(weight).max()
    for row, kernel, feature, name in zip(axes[1:], weight, maps, names):
        for c, (axis, part) in enumerate(zip(row, kernel)):
            axis.imshow(part, cmap="RdBu_r", vmin=-bound, vmax=bound)
            axis.set_title(f"weight of {['red', 'green', 'blue'][c]}", fontsize=9)
            for (i, j), value in np.ndenumerate(part):
                shade = "white" if abs(value) > 0.6 * bound else "black"
                axis.text(j, i, f"{value:+.2f}", ha="center", va="center", fontsize=8, color=shade)
        limit = np.quantile(np.abs(feature), 0.995)
        row[-1].imshow(feature, cmap="RdBu_r", vmin=-limit, vmax=limit)
        row[-1].set_title(f"output: {name}", fontsize=9)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    return figure


def dark_edge(counts, profiles):
    """Left: how many pixels each output of a 3x3 window sees. Right: brightness along a row after several layers."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.3), width_ratios=[1, 1.6])
    left.imshow(counts, cmap="viridis", vmin=0, vmax=12)
    left.set_title("pixels that each output sees", fontsize=9)
    left.set_xticks([])
    left.set_yticks([])
    for (i, j), value in np.ndenumerate(counts):
        left.text(j, i, value, ha="center", va="center", color="white" if value < 9 else "black")
    for layers, profile in profiles.items():
        right.plot(profile, "o-", ms=3, label=f"{layers} layer{'s' * (layers > 1)}")
    right.set_xlabel("column of the image (pixels)")
    right.set_ylabel("brightness, 1 = as put in")
    right.set_ylim(0, 1.05)
    right.legend(frameon=False, fontsize=9, loc="lower center")
    return figure


def phases(image, stride):
    """Left: which outputs a strided layer keeps, as colours of the pixel grid. Right: the kept map."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.6, 3.2), width_ratios=[stride, 1])
    bound = np.abs(image).max()
    left.imshow(image, cmap="RdBu_r", vmin=-bound, vmax=bound)
    rows, columns = (np.arange(0, n, stride) for n in image.shape)
    where = np.stack(np.meshgrid(columns, rows)).reshape(2, -1)
    left.plot(*where, "s", ms=9, mfc="none", mec="black", mew=1.3)
    left.set_title(f"stride 1: {image.shape[0]} x {image.shape[1]} outputs", fontsize=9)
    kept = image[::stride, ::stride]
    right.imshow(kept, cmap="RdBu_r", vmin=-bound, vmax=bound)
    right.set_title(f"stride {stride}: {kept.shape[0]} x {kept.shape[1]}", fontsize=9)
    for axis in (left, right):
        axis.set_xticks([])
        axis.set_yticks([])
    return figure


def image_and_columns(image, columns, kernel_size, places):
    """Left: an image with some windows outlined. Right: its columns, the same windows outlined."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.2), width_ratios=[1, 2.2])
    colours = ["#c4470b", "#0b6fa4", "#2f7d32"]
    for axis, values in ((left, image), (right, columns)):
        axis.imshow(values, cmap="Greys", vmin=0, vmax=2.2 * image.max())
        for (i, j), value in np.ndenumerate(values):
            axis.text(j, i, f"{value:g}", ha="center", va="center", fontsize=8)
        axis.set_yticks([])
        axis.set_xticks([])
    width = image.shape[1] - kernel_size[1] + 1
    for shift, (colour, (p, q)) in enumerate(zip(colours, places)):
        inset = 0.04 * shift
        size = np.array(kernel_size[::-1]) - 2 * inset
        left.add_patch(plt.Rectangle((q - 0.5 + inset, p - 0.5 + inset), *size, fill=False, ec=colour, lw=2.5))
        right.add_patch(plt.Rectangle((p * width + q - 0.46, -0.5), 0.92, len(columns), fill=False, ec=colour, lw=2.5))
    left.set_title("image", fontsize=9)
    right.set_xlabel("place of the output, row by row")
    right.set_ylabel("element of the kernel")
    right.set_title("columns", fontsize=9)
    return figure


def connections(patterns):
    """Which input channel reaches which output channel, one panel per number of groups."""
    figure, axes = plt.subplots(1, len(patterns), figsize=(2.5 * len(patterns), 2.9), squeeze=False)
    for axis, (groups, (pattern, weights)) in zip(axes[0], patterns.items()):
        axis.imshow(pattern, cmap="Blues", vmin=0, vmax=1.4)
        axis.set_title(f"groups = {groups}: {weights} weights", fontsize=9)
        axis.set_xlabel("input channel")
        axis.set_xticks(range(pattern.shape[1]))
        axis.set_yticks(range(pattern.shape[0]))
        axis.tick_params(length=0, labelsize=8)
    axes[0, 0].set_ylabel("output channel")
    return figure


def error_curves(numbers, panels):
    """One panel per situation: error against the number of training images, mean and range over seeds."""
    figure, axes = plt.subplots(1, len(panels), figsize=(8.4, 3.3), sharey=False, squeeze=False)
    for axis, (title, curves) in zip(axes[0], panels.items()):
        for name, runs in curves.items():
            axis.plot(numbers, runs.mean(0), "o-", ms=4, label=name)
            axis.fill_between(numbers, runs.min(0), runs.max(0), alpha=0.2)
        axis.set_xscale("log", base=2)
        axis.set_xlabel("training images")
        axis.set_title(title, fontsize=9)
        axis.set_ylim(0, None)
        axis.legend(frameon=False, fontsize=9)
    axes[0, 0].set_ylabel("error on new images (r.m.s. brightness)")
    return figure


def loss_curves(curves):
    """Training loss against the step: a line per seed, a colour per way to start."""
    figure, axis = plt.subplots(figsize=(5.6, 3.2))
    for (name, runs), colour in zip(curves.items(), ("#0b6fa4", "#c4470b")):
        for n, run in enumerate(runs):
            axis.plot(run, color=colour, lw=1.3, ls="-" if colour == "#0b6fa4" else "--", label=None if n else name)
    axis.set_yscale("log")
    axis.set_xlabel("step of gradient descent")
    axis.set_ylabel("mean squared error")
    axis.legend(frameon=False, fontsize=9)
    return figure
