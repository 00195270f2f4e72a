"""Drawings of the chapter on shapes."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle


def _cells(axis, y, start, stop, **style):
    for i in range(start, stop):
        axis.add_patch(Rectangle((i - 0.5, y - 0.32), 1, 0.64, edgecolor="white", lw=1, **style))


def windows_on_axis(settings, counts, names):
    """One panel per (n, k, s, p, d): the padded axis, below it each window's taps; unseen pixels in orange."""
    figure, axes = plt.subplots(len(settings), 1, figsize=(6.2, 0.9 + 1.05 * len(settings)), sharex=True)
    for axis, (n, k, s, p, d), count, name in zip(axes, settings, counts, names):
        taps = [[i * s - p + a * d for a in range(k)] for i in range(count)]
        seen = {t for window in taps for t in window}
        _cells(axis, 0, -p, n + p, facecolor="#e6e6e6")
        for i in range(n):
            _cells(axis, 0, i, i + 1, facecolor="#8fbcd6" if i in seen else "#e9a06f")
        for row, window in enumerate(taps, 1):
            axis.plot([window[0], window[-1]], [-row * 0.55] * 2, color="#444444", lw=1)
            axis.plot(window, [-row * 0.55] * k, "o", color="#0b6fa4", ms=5)
        axis.set(xlim=(-1.6, 8.6), ylim=(-0.55 * 7 - 0.4, 0.5), yticks=[])
        axis.spines[["left", "bottom"]].set_visible(False)
        axis.tick_params(bottom=axis is axes[-1])
        axis.set_ylabel(f"{name}\n{count} outputs", rotation=0, ha="right", va="center", fontsize=9)
    axes[-1].set_xlabel("position on the axis (pixels)")
    return figure


def sizes_by_depth(curves):
    """Draw the side of the image against the number of layers, one curve per way to pad."""
    figure, axis = plt.subplots(figsize=(5.6, 2.8))
    for (name, sizes), style in zip(curves.items(), ("o-", "s-", "^-")):
        axis.plot(range(len(sizes)), sizes, style, ms=4, label=name)
    axis.set(xlabel="layers", ylabel="side of the image (pixels)", ylim=(0, None))
    axis.legend(frameon=False)
    return figure


def visits(maps, titles):
    """Draw how many windows see each pixel, with the counts written in."""
    figure, axes = plt.subplots(1, len(maps), figsize=(6.4, 6.4 / len(maps) + 0.3))
    top = max(v.max() for v in maps)
    for axis, values, title in zip(axes, maps, titles):
        axis.imshow(values, cmap="Blues", vmin=0, vmax=top)
        for (i, j), value in np.ndenumerate(values):
            shade = "white" if value > 0.6 * top else "black" if value else "#c4470b"
            axis.text(j, i, f"{value:g}", ha="center", va="center", fontsize=7, color=shade)
        axis.set_title(title, fontsize=9)
        axis.set(xticks=[], yticks=[])
    return figure


def staircases(sizes, steps):
    """Draw output size against input size, one staircase per stride."""
    figure, axis = plt.subplots(figsize=(5.6, 3))
    for (stride, outputs), mark in zip(steps.items(), "os^"):
        axis.plot(sizes, outputs, f"{mark}-", ms=4, label=f"stride {stride}", lw=0.8, drawstyle="steps-mid")
    axis.set(xlabel="input size n (pixels)", ylabel="output size m (pixels)")
    axis.legend(frameon=False)
    return figure


def network_dots(traces):
    """Draw two numbers per layer of each network, on a log axis: outputs and, where there are any, parameters."""
    figure, axes = plt.subplots(1, len(traces), figsize=(6.8, 3))
    for axis, (name, (kinds, trace)) in zip(axes, traces.items()):
        rows = range(len(trace))
        axis.plot([np.prod(shape) for shape, _ in trace], rows, "o", label="outputs")
        axis.plot([count or np.nan for _, count in trace], rows, "s", ms=5, label="parameters")
        axis.set_yticks(rows, kinds, fontsize=7)
        axis.set_title(name, fontsize=9)
        axis.set(xscale="log", xlim=(300, 1e8), xlabel="how many", ylim=(6.6, -0.6))
        axis.set_xticks([1e3, 1e5, 1e7])
        axis.minorticks_off()
        axis.grid(axis="x", lw=0.4)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return figure
