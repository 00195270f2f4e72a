"""Drawings of the chapter on convolution."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

TAP_COLOURS = ["#bcd9ea", "#f6cfb4", "#c5e3c6", "#dcc6ec", "#ece0b0"]


def flip_and_slide(x, h, times):
    """One column per time: the signal, the turned kernel where it stands, and the products that are summed."""
    figure, axes = plt.subplots(
        2, len(times), figsize=(2.1 * len(times), 3.6), sharex=True, sharey="row", squeeze=False
    )
    positions = np.arange(len(x))
    for (top, bottom), t in zip(axes.T, times):
        places = t - np.arange(len(h))
        top.bar(positions - 0.18, x, width=0.36, color="#0b6fa4", label="input x")
        top.bar(places + 0.18, h, width=0.36, color="#c4470b", label="kernel h, turned")
        products = [x[a] * h[n] if 0 <= a < len(x) else 0 for n, a in enumerate(places)]
        bottom.bar(places, products, width=0.72, color="#2f7d32")
        bottom.set_title(f"sum: y[{t}] = {sum(products)}", fontsize=9)
        top.set_title(f"t = {t}", fontsize=9)
        bottom.set_xlabel("position a (samples)")
        bottom.set_xticks(range(1 - len(h), len(x) + len(h) - 1, 2))
    for axis, name in zip(axes[:, 0], ("value", "product")):
        axis.set_ylabel(name)
        axis.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=9, frameon=False
    )
    return figure


def overlap(pairs, lags):
    """Rows: pairs of functions. Columns: the pair at a lag with its product filled, then the whole convolution.

    `pairs` holds per name what `experiments.convolution.slide` returns.
    """
    figure, axes = plt.subplots(len(pairs), len(lags) + 1, figsize=(9, 2.1 * len(pairs)), sharex=True, squeeze=False)
    for row, (name, (t, x, turned, areas, ends, y)) in zip(axes, pairs.items()):
        for axis, lag, kernel, area in zip(row, lags, turned, areas):
            axis.plot(t, x, color="#0b6fa4", lw=1.2)
            axis.plot(t, kernel, color="#c4470b", lw=1.2, ls="--")
            axis.fill_between(t, x * kernel, color="#2f7d32", alpha=0.6)
            axis.set_title(f"t = {lag:g} s: area {area:.2f}", fontsize=9)
        row[-1].plot(ends, y, color="#2f7d32")
        row[-1].plot(lags, areas, "o", ms=4, color="#2f7d32")
        row[-1].set_title("convolution y(t)", fontsize=9)
        row[0].set_ylabel(f"{name}", fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("time (s)")
    return figure


def modes(n, k, paddings, sizes):
    """Per mode: the image with its padding, the first and the last window, and the size of the output."""
    figure, axes = plt.subplots(1, len(paddings), figsize=(9, 3.4))
    for axis, (mode, (before, after)) in zip(axes, paddings.items()):
        for row, column in np.ndindex(n + before + after, n + before + after):
            inside = before <= row < before + n and before <= column < before + n
            colour = "#bcd9ea" if inside else "#ffffff"
            axis.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, edgecolor="#8899a6", lw=0.8))
            if not inside:
                axis.text(column + 0.5, row + 0.5, "0", ha="center", va="center", fontsize=8, color="#555555")
        last = n + before + after - k
        for corner, colour in ((0, "#c4470b"), (last, "#8a3ab9")):
            axis.add_patch(Rectangle((corner, corner), k, k, fill=False, edgecolor=colour, lw=2.5))
        axis.set_xlim(-0.2, n + 2 * k - 1.8)
        axis.set_ylim(n + 2 * k - 1.8, -0.2)
        axis.set_aspect("equal")
        axis.axis("off")
        axis.set_title(f'"{mode}": {n} x {n} gives {sizes[mode]} x {sizes[mode]}', fontsize=10)
    return figure


def number_grid(axis, values, title, colours=None):
    """A small matrix as a table of squares with numbers in them."""
    for (row, column), value in np.ndenumerate(values):
        colour = "#eef3f6" if colours is None else colours[row][column]
        axis.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, edgecolor="#8899a6", lw=0.8))
        axis.text(column + 0.5, row + 0.5, f"{value}", ha="center", va="center", fontsize=9, color="black")
    axis.set_xlim(0, values.shape[1])
    axis.set_ylim(values.shape[0], 0)
    axis.set_aspect("equal")
    axis.axis("off")
    axis.set_title(title, fontsize=9)


def turn_and_multiply(patch, kernel):
    """Patch, kernel, turned kernel, and their products with the sums, cell by cell."""
    figure, axes = plt.subplots(1, 5, figsize=(7.2, 2.0))
    turned = kernel[::-1, ::-1]
    shades = np.array(["#bcd9ea", "#eef3f6", "#f5c6bf"])
    number_grid(axes[0], patch, "patch")
    number_grid(axes[1], kernel, "kernel K", shades[np.sign(kernel) + 1])
    number_grid(axes[2], patch * kernel, f"patch times K:\ncross-correlation\nsum {np.sum(patch * kernel)}")
    number_grid(axes[3], turned, "K turned by 180°", shades[np.sign(turned) + 1])
    number_grid(axes[4], patch * turned, f"patch times turned K:\nconvolution\nsum {np.sum(patch * turned)}")
    return figure


def letters(axis, taps, names, title, lines=()):
    """A matrix whose entries are indices of taps (-1: none), one colour and letter each; rules at `lines`."""
    for (row, column), tap in np.ndenumerate(taps):
        colour = TAP_COLOURS[tap] if tap >= 0 else "#ffffff"
        axis.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, edgecolor="#c9d2d8", lw=0.6))
        if tap >= 0:
            axis.text(column + 0.5, row + 0.5, names[tap], ha="center", va="center", fontsize=8, color="black")
    rows, columns = taps.shape
    for step_rows, step_columns in lines:
        axis.hlines(range(0, rows + 1, step_rows), 0, columns, color="black", lw=1.4)
        axis.vlines(range(0, columns + 1, step_columns), 0, rows, color="black", lw=1.4)
    axis.set_xlim(-0.1, columns + 0.1)
    axis.set_ylim(rows + 0.1, -0.1)
    axis.set_aspect("equal")
    axis.axis("off")
    axis.set_title(title, fontsize=9)


def toeplitz_and_circulant(toeplitz, circulant):
    """The matrix of a signal beside the sums its rows stand for, and the circulant matrix; entries 1, 2, 3 are taps."""
    figure, axes = plt.subplots(1, 3, figsize=(8, 3.4), width_ratios=[1, 0.75, 1])
    names = ["$h_0$", "$h_1$", "$h_2$"]
    letters(axes[0], toeplitz - 1, names, "full convolution: Toeplitz")
    axes[1].axis("off")
    axes[1].set_xlim(0, 1)
    axes[1].set_ylim(len(toeplitz) + 0.1, -0.1)
    for t, row in enumerate(toeplitz):
        terms = [f"h_{row[a] - 1} x_{a}" for a in np.flatnonzero(row)]
        axes[1].text(0, t + 0.5, f"$y_{t} = {' + '.join(terms)}$", va="center", fontsize=10)
    letters(axes[2], circulant - 1, names, "periodic border: circulant")
    return figure


def doubly_block(matrix, output_shape, image_shape):
    """The matrix of a 2 x 2 kernel with entries 1 to 4 as letters a to d, blocks ruled, and the sum of each row."""
    rows, columns = matrix.shape
    figure, axis = plt.subplots(figsize=(0.3 * (columns + 9) + 0.4, 0.3 * rows + 0.7))
    letters(axis, matrix - 1, "abcd", "", lines=[(output_shape[1], image_shape[1])])
    axis.set_xlim(-0.8, columns + 9)
    for row, (i, j) in enumerate(np.ndindex(output_shape)):
        read = [(matrix[row, place], divmod(int(place), image_shape[1])) for place in np.flatnonzero(matrix[row])]
        terms = [f"{'abcd'[tap - 1]}\\,x_{{{m}{n}}}" for tap, (m, n) in read]
        axis.text(columns + 0.5, row + 0.5, f"$y_{{{i}{j}}} = {' + '.join(terms)}$", va="center", fontsize=9)
    axis.text(0, -0.5, "columns: pixels of image row 0, row 1, ...", fontsize=9)
    axis.text(-0.5, matrix.shape[0], "rows: outputs, row by row", rotation=90, va="bottom", ha="right", fontsize=9)
    return figure


def counts(images, titles):
    """Small tables of counts, shaded by value."""
    figure, axes = plt.subplots(1, len(images), figsize=(9, 2.6))
    top = max(image.max() for image in images)
    shades = plt.get_cmap("Blues")
    for axis, image, title in zip(axes, images, titles):
        number_grid(axis, image, title, [[shades(0.5 * value / top) for value in row] for row in image])
    return figure
