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


PLANES = ("#f6d3cd", "#d6ebd0", "#cfe0f3")  # red, green and blue planes, and what a block holds of them
BLOCKS = ("#cc5044", "#4f9a4a", "#3b78b8")


def volume(input_shape, weight_shape, place):
    """Draw a stack of three planes with the block that output (f, p, q) reads, filter f, and the stack of outputs."""
    channels, height, width = input_shape
    filters, _, *kernel = weight_shape
    f, p, q = place
    figure, axis = plt.subplots(figsize=(8.6, 3.3))
    maps = (height - kernel[0] + 1, width - kernel[1] + 1)
    second, third = width + 4.2, width + 11
    _stack(axis, (0, 0), (height, width), PLANES, BLOCKS, (p, q, *kernel), range(channels))
    _stack(axis, (second, 1), kernel, PLANES, BLOCKS, (0, 0, *kernel), range(channels))
    _stack(axis, (third, 1), maps, ["#e4e4e4"] * filters, ["#333333"] * filters, (p, q, 1, 1), [f])
    axis.text(second - 0.9, 2.5, "times", ha="center", va="center")
    axis.text(third - 0.9, 2.5, "sum", ha="center", va="center")
    for x, text in (
        (0, f"input: C = {channels} channels,\n{height} x {width} pixels each"),
        (second, f"filter f = {f}: {channels} slices,\n{kernel[0]} x {kernel[1]} weights each"),
        (third, f"output: F = {filters} maps,\n{maps[0]} x {maps[1]}; one number dark"),
    ):
        axis.text(x, height + 0.3, text, va="top", fontsize=9)
    axis.set(xlim=(-0.1, third + maps[1] + 2), ylim=(height + 1.8, -1.7), aspect="equal")
    axis.axis("off")
    return figure


def _stack(axis, corner, shape, planes, blocks, block, marked):
    """Draw a plane per colour, one behind the other, and over the marked ones the same block, joined by its edges."""
    depth = np.array([0.95, -0.75])  # how far the next plane stands to the right and up
    top, left, rows, columns = block

    def squares(c, at, size, colour):
        x, y = corner + c * depth + at
        for r, col in np.ndindex(*size):
            axis.add_patch(plt.Rectangle((x + col, y + r), 1, 1, fc=colour, ec="white", lw=0.8))

    for c in reversed(range(len(planes))):
        squares(c, (0, 0), shape, planes[c])
    for c in reversed(marked):
        squares(c, (left, top), (rows, columns), blocks[c])
    corners = [(left, top), (left + columns, top), (left, top + rows), (left + columns, top + rows)]
    for at in corners[: 4 * (len(marked) > 1)]:
        ends = np.array([corner + c * depth + at for c in (marked[0], marked[-1])])
        axis.plot(*ends.T, color="#222222", lw=0.8)
    for c in marked:
        axis.add_patch(plt.Rectangle(corner + c * depth + (left, top), columns, rows, fill=False, ec="#222222", lw=0.8))


def dark_edge(counts, profiles):
    """Left: how many pixels each output of a 3x3 window sees. Right: brightness along a row after several layers."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.3), width_ratios=[1, 1.6])
    left.imshow(counts, cmap="Blues", vmin=0, vmax=9)
    left.set_title("pixels that each output sees", fontsize=9)
    left.set_xticks([])
    left.set_yticks([])
    for (i, j), value in np.ndenumerate(counts):
        left.text(j, i, value, ha="center", va="center", color="white" if value > 5 else "black")
    for layers, profile in profiles.items():
        right.plot(profile, "o-", ms=3, label=f"{layers} layer{'s' * (layers > 1)}")
    right.set_xlabel("column of the image (pixels)")
    right.set_ylabel("brightness, 1 = as put in")
    right.set_ylim(0, 1.05)
    right.legend(frameon=False, fontsize=9, loc="lower center")
    figure.get_layout_engine().set(wspace=0.06)
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
    figure, axes = plt.subplots(1, len(panels), figsize=(8.6, 3.3), sharey=True)
    for axis, (title, curves) in zip(axes, panels.items()):
        for name, runs in curves.items():
            if runs.ndim == 1:  # the same for any number of images
                axis.axhline(runs.mean(), color="#444444", lw=1, ls=":", label=name)
                continue
            axis.plot(numbers, runs.mean(0), "o-", ms=4, label=name)
            axis.fill_between(numbers, runs.min(0), runs.max(0), alpha=0.2)
        axis.set_xscale("log", base=2)
        axis.set_xticks(numbers, [f"{n}" for n in numbers])
        axis.set_xlabel("training images")
        axis.set_title(title, fontsize=9)
    axes[0].set_ylim(0, None)
    axes[0].set_ylabel("error of the bias\n(r.m.s., brightness)")
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def loss_curves(steps, panels):
    """One panel per way to start: training loss against the step, a line per seed."""
    figure, axes = plt.subplots(1, len(panels), figsize=(8.6, 3.1), sharey=True)
    for axis, (name, runs) in zip(axes, panels.items()):
        axis.plot(steps, runs.T, lw=1, color="#0b6fa4", alpha=0.7)
        axis.set(xscale="log", yscale="log", ylim=(1e-9, 1), xlabel="step of gradient descent")
        axis.set_title(name, fontsize=9)
    axes[0].set_ylabel("mean squared error")
    return figure
