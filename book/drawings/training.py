"""Figures of the chapter on training."""

import matplotlib.pyplot as plt
import numpy as np

WORDS = {"digits": "digits: accuracy", "shapes": "shapes: mean IoU", "scenes": "scenes: accuracy"}


def show_tasks(pictures):
    """Show six pictures of each task, with the answer above; a label per pixel is drawn as outlines."""
    figure, axes = plt.subplots(3, 6, figsize=(7.2, 4))
    for row, (name, (x, target)) in zip(axes, pictures.items(), strict=True):
        for axis, picture, label in zip(row, x, target, strict=False):
            axis.imshow(picture[0], vmin=-0.2, vmax=1.2)
            if label.ndim:
                for kind, colour in ((1, "#4fc3f7"), (2, "#ff8a50"), (3, "#9ccc65")):
                    axis.contour(label == kind, [0.5], colors=colour, linewidths=1)
            else:
                question = "" if len(picture) == 1 else ("left? ", "above? ")[int(picture[2, 0, 0])]
                axis.set_title(question + (("no", "yes")[int(label)] if question else str(int(label))), fontsize=9)
            axis.set_xticks([])
            axis.set_yticks([])
        row[0].set_ylabel(name)
    return figure


def show_curves(logs):
    """Show loss and score of three logs against the step."""
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 2.9))
    for name, log in logs.items():
        losses = np.array(log["losses"])
        smooth = np.convolve(losses, np.ones(20) / 20, "valid")
        axes[0].plot(np.arange(len(smooth)) + 10, smooth, label=name)
        axes[1].plot([m["step"] for m in log["validation"]], [m["score"] for m in log["validation"]], "o-", ms=3)
    axes[0].set(xlabel="step", ylabel="training loss (nats)", yscale="log")
    axes[1].set(xlabel="step", ylabel="validation score", ylim=(0, 1.02))
    axes[0].legend(frameon=False)
    return figure


def show_confusion(counts):
    """Show how often each true digit (row) was called what (column), in percent of the row."""
    percent = 100 * counts / counts.sum(1, keepdims=True)
    figure, axis = plt.subplots(figsize=(4.6, 4.2))
    axis.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    for (i, j), value in np.ndenumerate(percent):
        if value >= 1:
            axis.text(j, i, f"{value:.0f}", ha="center", va="center", fontsize=7, color="w" if value > 60 else "k")
    axis.set(xlabel="answer of the network", ylabel="digit on the canvas", xticks=range(10), yticks=range(10))
    return figure


def show_agreement(gaps):
    """Show the largest difference between two networks after every layer, for several precisions."""
    figure, axis = plt.subplots(figsize=(6.4, 2.8))
    for name, (kinds, values) in gaps.items():
        axis.semilogy(np.arange(len(values)), np.maximum(values, 1e-18), "o-", ms=4, label=name)
        axis.set_xticks(np.arange(len(kinds)), kinds, rotation=30, ha="right", fontsize=8)
    axis.set(ylabel="largest difference", ylim=(1e-18, 1e-3))
    axis.legend(frameon=False, fontsize=8)
    return figure


def show_calibration(table, bounds):
    """Show the scores of all seeds and of the controls, between what earns nothing and what earns everything."""
    figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.9), sharey=True)
    colours = {"shuffled": "C0", "frozen": "C1", "memorised": "C2", "looked up": "C4", "reference": "C5"}
    for axis, (name, found) in zip(axes, table.items(), strict=True):
        axis.axhspan(bounds[name].floor, bounds[name].full, color="#dddddd", zorder=0)
        kinds = [kind for kind in colours if found.get(kind)]
        for number, kind in enumerate(kinds):
            scores = list(found[kind].values())
            axis.plot([number] * len(scores), scores, "o", color=colours[kind], ms=4, alpha=0.7)
        axis.set_xticks(range(len(kinds)), kinds, rotation=40, ha="right", fontsize=8)
        axis.set(title=WORDS[name], ylim=(0, 1.03))
    axes[0].set_ylabel("score on the test")
    return figure


def show_depth(out, back):
    """Show the mean squares after each layer, of activations and gradients: {start: (seeds, layers)}, powers of ten."""
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 2.9), sharey=True)
    for axis, found, words in zip(axes, (out, back), ("activations", "gradients"), strict=True):
        for name, values in found.items():
            line = axis.plot(np.arange(1, values.shape[1] + 1), values.mean(0), label=name)[0]
            axis.fill_between(
                np.arange(1, values.shape[1] + 1),
                values.min(0),
                values.max(0),
                color=line.get_color(),
                alpha=0.25,
                lw=0,
            )
        axis.set(xlabel="layer", title=f"mean square of the {words}", xticks=(1, 5, 10, 15, 20))
    axes[0].set_ylabel("power of ten")
    axes[0].legend(frameon=False, fontsize=8)
    return figure


def show_rates(rates, found):
    """Show the loss at the end against the rate for several optimisers: {name: (seeds, rates)}."""
    figure, axis = plt.subplots(figsize=(6.4, 2.9))
    for name, losses in found.items():
        line = axis.loglog(rates, np.maximum(np.median(losses, 0), 1e-4), "o-", ms=4, label=name)[0]
        low, high = np.maximum(losses.min(0), 1e-4), np.maximum(losses.max(0), 1e-4)
        axis.fill_between(rates, low, high, color=line.get_color(), alpha=0.2, lw=0)
    axis.set(xlabel="learning rate", ylabel="training loss at the end (nats)")
    axis.legend(frameon=False, fontsize=9)
    return figure


def show_amounts(counts, found):
    """Show the accuracy against the number of training pictures for several augmentations: {name: (seeds, counts)}."""
    figure, axis = plt.subplots(figsize=(6.4, 2.9))
    for name, scores in found.items():
        line = axis.semilogx(counts, 100 * scores.mean(0), "o-", ms=4, label=name)[0]
        axis.fill_between(counts, 100 * scores.min(0), 100 * scores.max(0), color=line.get_color(), alpha=0.15, lw=0)
    axis.set(xlabel="training digits", ylabel="accuracy on the test (%)", xticks=counts)
    axis.set_xticks(counts, map(str, counts))
    axis.minorticks_off()
    axis.legend(frameon=False, fontsize=9)
    return figure


def show_four(steps, runs):
    """Show training and validation loss against the step for four networks: {name: (training, validation)}."""
    figure, axes = plt.subplots(1, 4, figsize=(7.2, 2.3), sharey=True)
    for axis, (name, (training, validation)) in zip(axes, runs.items(), strict=True):
        axis.semilogy(steps, training, label="training")
        axis.semilogy(steps, validation, "--", label="validation")
        axis.set_title(name, fontsize=9)
        axis.set(xlabel="step", xticks=(0, 200, 400), ylim=(2e-4, 12))
    axes[0].set_ylabel("loss (nats)")
    axes[0].legend(frameon=False, fontsize=8, loc="lower left")
    return figure
