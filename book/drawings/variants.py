"""Figures of the chapter on variants."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

COLOURS = ["#0b6fa4", "#c4470b", "#2f7d32", "#8a3ab9", "#8a6d00", "#444444"]


def wirings(inputs=7, taps=3):
    """Draw three wirings of one layer: every place its own kernel, two kernels taking turns, one kernel for all."""
    outputs = inputs - taps + 1
    kinds = {
        f"locally connected: {outputs * taps} weights": lambda p: p,
        f"tiled, t = 2: {2 * taps} weights": lambda p: p % 2,
        f"shared: {taps} weights": lambda p: 0,
    }
    figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.6))
    for axis, (title, kernel) in zip(axes, kinds.items(), strict=True):
        for p in range(outputs):
            for i, dashes in zip(range(taps), ("-", "--", ":"), strict=True):
                axis.plot([p + i, p + (taps - 1) / 2], [0, 1], dashes, color=COLOURS[kernel(p)], lw=2.2)
        axis.scatter(range(inputs), np.zeros(inputs), s=90, color="white", edgecolor="black", zorder=3)
        axis.scatter(
            np.arange(outputs) + (taps - 1) / 2, np.ones(outputs), s=90, color="white", edgecolor="black", zorder=3
        )
        axis.set_title(title, fontsize=11)
        axis.axis("off")
    axes[0].text(-0.9, 0, "x", fontsize=12)
    axes[0].text(-0.9, 1, "y", fontsize=12)
    return figure


def checkerboards(pictures):
    """Show how often each output pixel was painted, for several kernels and strides."""
    figure, axes = plt.subplots(1, len(pictures), figsize=(7.2, 2.6))
    for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
        image = axis.imshow(picture, cmap="viridis", vmin=0, vmax=max(p.max() for p in pictures.values()))
        axis.set_title(title, fontsize=9)
        axis.set(xticks=[], yticks=[])
        figure.colorbar(image, ax=axis, fraction=0.046)
    return figure


def reach(seen, dilations):
    """Draw causal layers with kernels of two, and in colour the lines to units in `seen` (1 + layers, length)."""
    figure, axis = plt.subplots(figsize=(7.2, 2.6))
    length = seen.shape[1]
    for depth, d in enumerate(dilations, 1):
        for t, used in enumerate(seen[depth]):
            colour, width = (COLOURS[0], 1.8) if used else ("#dddddd", 0.7)
            for past in (t, t - d):
                if past >= 0:
                    axis.plot([past, t], [depth - 1, depth], color=colour, lw=width, zorder=1 + used)
    for depth in range(len(dilations) + 1):
        axis.scatter(range(length), [depth] * length, s=16, color="black", zorder=3)
    labels = ["input", *(f"d = {d}" for d in dilations)]
    axis.set(yticks=range(len(labels)), yticklabels=labels, xlabel="time, in steps", xlim=(-0.8, length - 0.2))
    axis.spines[:].set_visible(False)
    return figure


def hearing(sound, rate, spans, fields, errors, stacked, turn):
    """Draw a sound with what stacks see of it, and errors of free weights and of stacks against the samples seen.

    `errors` is (fields, seeds); `stacked` holds for each name the errors (seeds,) of a stack that sees as many samples
    as the last field.
    """
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.6), width_ratios=[1.3, 1])
    ms, low, step = 1000 / rate, sound.min(), 0.22 * np.ptp(sound)
    axes[0].plot(ms * np.arange(sound.size), sound, color=COLOURS[5], lw=0.9)
    for row, (name, span) in enumerate(spans.items(), 1):
        ends = ms * (span.min() - 0.5), ms * (span.max() + 0.5)
        axes[0].plot(ends, [low - row * step] * 2, color=COLOURS[row - 1], lw=6, solid_capstyle="butt")
        axes[0].text(
            ends[0] - 3 * ms, low - row * step, name, color=COLOURS[row - 1], ha="right", va="center", fontsize=10
        )
    axes[0].set(xlabel="time, in milliseconds", ylabel="sound", yticks=[])
    axes[1].plot(fields, errors.mean(1), color=COLOURS[0])
    axes[1].plot(fields, errors, ".", color=COLOURS[0], markersize=4)
    axes[1].plot([], [], ".-", color=COLOURS[0], label="free weights")
    for (name, values), colour, mark in zip(stacked.items(), COLOURS[1:], "^x", strict=False):
        axes[1].plot([fields[-1]] * len(values), values, mark, color=colour, markersize=5, label=f"6 layers, {name}")
    axes[1].axvline(turn, color=COLOURS[5], ls="--", lw=0.8)
    axes[1].set(xscale="log", xlabel="samples seen", ylabel="error, share of the sound", ylim=(0, None))
    axes[1].set_xticks(fields, [str(field) for field in fields], minor=False)
    axes[1].minorticks_off()
    axes[1].legend(fontsize=9, loc="lower left")
    return figure


def channel_wirings(inputs, outputs, side):
    """Draw which maps a full, a depthwise and a pointwise layer join, and how many weights each joining carries.

    The full and the depthwise layer have windows of `side` x `side` pixels, the pointwise layer of one.
    """
    everyone = [(c, f) for c in range(inputs) for f in range(outputs)]
    kinds = {
        "full": (side, outputs, everyone),
        "depthwise": (side, inputs, [(c, c) for c in range(inputs)]),
        "pointwise": (1, outputs, everyone),
    }
    figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.4))
    for axis, (name, (window, above, pairs)) in zip(axes, kinds.items(), strict=True):
        colour = COLOURS[int(window == 1)]
        for c, f in pairs:
            ends = _left(c, inputs, outputs) + 0.5, _left(f, above, outputs) + 0.5
            axis.plot(ends, [0.5, 3.0], color=colour, lw=2 if window > 1 else 1, zorder=2)
        for count, bottom, marked in ((inputs, 0, window), (above, 2.5, 1)):
            for i in range(count):
                _map(axis, _left(i, count, outputs), bottom, marked, colour)
        axis.set_title(f"{name}:\n{len(pairs)} x {window**2} = {len(pairs) * window**2} weights", fontsize=10)
        axis.set(xlim=(-0.1, 1.35 * outputs), ylim=(-0.05, 3.55), aspect="equal")
        axis.axis("off")
    return figure


def _left(i, count, room):
    """Return where map `i` of a row of `count` begins, the row in the middle of what `room` maps need."""
    return 1.35 * (i + (room - count) / 2)


def _map(axis, left, bottom, marked, colour):
    """Draw a map of 5 x 5 pixels, one unit wide, with a window of `marked` pixels a side in its middle."""
    axis.add_patch(Rectangle((left, bottom), 1, 1, facecolor="white", edgecolor="black", zorder=1))
    start, size = (5 - marked) / 10, marked / 5
    axis.add_patch(
        Rectangle((left + start, bottom + start), size, size, facecolor=colour, alpha=0.55, edgecolor="none", zorder=3)
    )
