"""Drawings of the chapter on priors."""

import matplotlib.pyplot as plt
import numpy as np

COLORS = plt.rcParams["axes.prop_cycle"].by_key()["color"]


def spread(axis, x, runs, color, label, style="-"):
    """Draw the mean over runs (axis 0) as a line and their range as a band."""
    runs = np.asarray(runs)
    axis.plot(x, runs.mean(axis=0), style, color=color, label=label, marker="o", markersize=3)
    axis.fill_between(x, runs.min(axis=0), runs.max(axis=0), color=color, alpha=0.18, linewidth=0)


def gaussian_beliefs(grid, beliefs, data, prior_variances):
    """Show prior, likelihood and posterior, one panel per prior; beliefs is (priors, 3, points of the grid)."""
    figure, axes = plt.subplots(1, len(beliefs), figsize=(7.2, 2.5), sharey=True)
    for axis, (prior, likelihood, posterior), variance in zip(axes, beliefs, prior_variances, strict=True):
        axis.plot(grid, prior, "--", color=COLORS[1], label="prior")
        axis.plot(grid, likelihood, ":", color=COLORS[5], label="likelihood")
        axis.plot(grid, posterior, color=COLORS[0], label="posterior")
        axis.plot(data, np.zeros(len(data)), "|", color="black", markersize=14, clip_on=False)
        axis.set_title(f"prior variance {variance:g}", fontsize=9)
        axis.set_xlabel("quantity μ")
    axes[0].set_ylabel("density")
    axes[0].legend(frameon=False, fontsize=8, loc="upper right")
    return figure


def matrices(matrices, titles):
    """Show matrices on one diverging scale, with a grid of hair lines between the entries."""
    bound = max(np.abs(m).max() for m in matrices)
    figure, axes = plt.subplots(1, len(matrices), figsize=(2.15 * len(matrices), 2.3))
    for axis, matrix, title in zip(axes, matrices, titles, strict=True):
        axis.imshow(matrix, cmap="RdBu_r", vmin=-bound, vmax=bound)
        axis.set_xticks(np.arange(0.5, matrix.shape[1] - 1), [])
        axis.set_yticks(np.arange(0.5, matrix.shape[0] - 1), [])
        axis.grid(color="#bbbbbb", linewidth=0.4)
        axis.tick_params(length=0)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("pixel")
    axes[0].set_ylabel("output")
    return figure


def limit(strengths, distances):
    """Show the distance to the limit against the strength of the prior, one line per seed: (seeds, strengths)."""
    figure, axis = plt.subplots(figsize=(5.2, 3.2))
    lines = axis.loglog(strengths, distances.T, "o-", markersize=3, linewidth=1, color=COLORS[0], alpha=0.5)
    lines[0].set_label(f"{len(distances)} seeds, nearly one line")
    axis.loglog(strengths, 8 / strengths, "--", color=COLORS[1], label="slope −1")
    axis.set_xlabel("strength of the prior λ")
    axis.set_ylabel("distance from the convolution")
    axis.legend(frameon=False)
    return figure


def price(strengths, errors, floor):
    """Show training and test error against the strength, one panel per world; errors[world] is (runs, strengths, 2)."""
    figure, axes = plt.subplots(1, len(errors), figsize=(7.2, 3.1), sharey=True)
    for axis, (world, runs) in zip(axes, errors.items(), strict=True):
        spread(axis, strengths, runs[..., 0], COLORS[0], "training")
        spread(axis, strengths, runs[..., 1], COLORS[1], "test", "--")
        axis.axhline(floor[world], color=COLORS[5], linewidth=1, linestyle=":", label="noise + price of the prior")
        axis.set(xscale="log", yscale="log", xlabel="strength of the prior λ", title=world)
    axes[0].set_ylabel("mean squared error")
    axes[0].legend(frameon=False, fontsize=8)
    return figure


def accuracies(panels, networks, chance):
    """Show test accuracies filled and training accuracies open, one panel per world, one dot per seed.

    `panels` is {world: {"train", "test"}}, both arrays (seeds, networks, orders): as scanned, and one new order.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(7.2, 3.3), sharey=True)
    for axis, (world, runs) in zip(axes, panels.items(), strict=True):
        for row in range(len(networks)):
            for order in range(2):
                place = 2.6 * row + order + np.linspace(-0.2, 0.2, len(runs["test"]))
                axis.plot(place, runs["train"][:, row, order], "o", color=COLORS[row], fillstyle="none", markersize=4)
                axis.plot(place, runs["test"][:, row, order], "o", color=COLORS[row], markersize=4)
        axis.axhline(chance, color=COLORS[5], linewidth=1, linestyle=":")
        axis.text(-0.4, chance + 0.015, "chance", fontsize=8, color=COLORS[5])
        places = [2.6 * row + order for row in range(len(networks)) for order in range(2)]
        axis.set_xticks(places, ["as scanned", "one order"] * len(networks), rotation=60, fontsize=8)
        for row, name in enumerate(networks):
            axis.text(2.6 * row + 0.5, 0.16, name.replace(", ", ",\n"), color=COLORS[row], fontsize=8, ha="center")
        axis.set_title(world, fontsize=10)
        axis.set_ylim(0, 1.04)
    axes[0].set_ylabel("accuracy")
    return figure
