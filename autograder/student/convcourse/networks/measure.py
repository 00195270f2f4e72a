"""Measure a trained network on pictures that a seed draws; what its log says is not taken."""

import functools
import math

import torch

from convcourse.errors import ModelError
from convcourse.networks import files, trainer
from convcourse.networks.layers import build, put_weights

TESTED = 1000  # pictures
TOO_LARGE = "numbers become too large in its layers, and what overflows cannot be graded."


def load(folder, task):
    """Return (model, network with its weights) of what was handed in, or raise ModelError."""
    model = files.read_model(folder, task)
    return model, put_weights(build(model.layers, task), model.weights)


def measure(net, task, seed, split="test", count=TESTED):
    """Return the score of a network on pictures drawn by `seed`."""
    draw = task.draw_test if split == "test" else functools.partial(task.draw, split=split)
    x, target = draw(count, seed)
    logits = trainer.predict(net, x)
    if not torch.isfinite(logits).all():
        raise ModelError(f"The network answers with NaN or infinity: {TOO_LARGE}")
    return task.score(logits.argmax(1), target)


def standard_error(score, count=TESTED):
    """Return the standard error of a share of `count` independent pictures."""
    return math.sqrt(max(score * (1 - score), 1e-4) / count)
