"""Drawings of the chapter on priors."""

import matplotlib.pyplot as plt
import numpy as np

COLORS = plt.rcParams["axes.prop_cycle"].by_key()["color"]


def spread(axis, x, runs, color, label, style="-"):
    """Draw the mean over runs (axis 0) as a line and their range as a band."""
    runs = np.asarray(runs)
    axis.plot(x, runs.mean(axis=0), style, color=color, label=label, marker="o", markersize=3)
    axis.fill_between(x, runs.min(axis=0), runs.max(axis=0), color=color, alpha=0.18, linewidth=0)


def gaussian_beliefs(data, noise_variance, prior_mean, prior_variances, posterior_means):
    """Show the prior, the likelihood and the posterior for priors of different strength."""

    def density(value, mean, variance):
        return np.exp(-((value - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)

    grid = np.linspace(-2.2, 6.5, 600)
    figure, axes = plt.subplots(1, len(prior_variances), figsize=(7.2, 2.5), sharey=True)
    measured = noise_variance / len(data)
    for axis, variance, mean in zip(axes, prior_variances, posterior_means, strict=True):
        posterior = 1 / (1 / variance + 1 / measured)
        axis.plot(grid, density(grid, prior_mean, variance), "--", color=COLORS[1], label="prior")
        axis.plot(grid, density(grid, np.mean(data), measured), ":", color=COLORS[5], label="measurements")
        axis.plot(grid, density(grid, mean, posterior), color=COLORS[0], label="posterior")
        axis.plot(data, np.zeros(len(data)), "|", color="black", markersize=14, clip_on=False)
        axis.set_title(f"prior variance {variance:g}", fontsize=9)
        axis.set_xlabel("quantity")
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
    """Show the distance to the limit against the strength of the prior, one line per seed."""
    figure, axis = plt.subplots(figsize=(5.2, 3.2))
    for run, distance in enumerate(distances):
        axis.loglog(
            strengths, distance, "o-", markersize=3, color=COLORS[0], alpha=0.6, label="one run" if not run else None
        )
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


def windows(sizes, errors):
    """Show training and test error against the pooling window; errors[question] is (runs, sizes, 2)."""
    figure, axes = plt.subplots(1, len(errors), figsize=(7.2, 3.0), sharey=True)
    for axis, (question, runs) in zip(axes, errors.items(), strict=True):
        spread(axis, range(len(sizes)), runs[..., 0], COLORS[0], "training")
        spread(axis, range(len(sizes)), runs[..., 1], COLORS[1], "test", "--")
        axis.axhline(0.25, color=COLORS[5], linewidth=1, linestyle=":", label="always answer 1/2")
        axis.set_xticks(range(len(sizes)), sizes)
        axis.set_xlabel("side of the pooling window (pixels)")
        axis.set_title(question, fontsize=10)
    axes[0].set_ylabel("mean squared error")
    axes[0].legend(frameon=False, fontsize=8)
    return figure


def accuracies(results, conditions, chance):
    """Show one dot per run for every model and condition; results[model] is (conditions, runs)."""
    figure, axis = plt.subplots(figsize=(7.2, 3.2))
    for row, (model, values) in enumerate(results.items()):
        for column, runs in enumerate(np.asarray(values)):
            place = column + 0.2 * (row - (len(results) - 1) / 2)
            axis.plot(
                np.full(len(runs), place),
                runs,
                "o",
                color=COLORS[row],
                alpha=0.7,
                label=model.replace("_", " ") if column == 0 else None,
            )
            axis.plot([place - 0.07, place + 0.07], [np.mean(runs)] * 2, color=COLORS[row])
    axis.axhline(chance, color=COLORS[5], linewidth=1, linestyle=":", label="chance")
    axis.set_xticks(range(len(conditions)), conditions)
    axis.set_ylim(0, 1.03)
    axis.set_ylabel("accuracy on test digits")
    axis.legend(frameon=False, fontsize=8, loc="upper right")
    return figure
