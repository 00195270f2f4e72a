"""Measure a trained network on pictures that a seed draws; what its log says is not taken."""

import functools
import math
from pathlib import Path

import torch
from torch import nn

from convcourse.errors import ModelError
from convcourse.networks import files, trainer
from convcourse.networks.layers import build, put_weights
from convcourse.networks.tasks import Task

TEST_PICTURES = 1000  # pictures
TOO_LARGE = "numbers become too large in its layers, and what overflows cannot be graded."


def load(folder: str | Path, task: Task) -> tuple[files.Model, nn.Sequential]:
    """Return (model, network with its weights) of what was handed in, or raise ModelError."""
    model = files.read_model(folder, task)
    return model, put_weights(build(model.layers, task), model.weights)


def measure(net: nn.Module, task: Task, seed: int, split: str = "test", count: int = TEST_PICTURES) -> float:
    """Return the score of a network on pictures drawn by `seed`."""
    draw = task.draw_test if split == "test" else functools.partial(task.draw, split=split)
    x, target = draw(count, seed)
    logits = trainer.predict(net, x)
    if not torch.isfinite(logits).all():
        raise ModelError(f"The network answers with NaN or infinity: {TOO_LARGE}")
    return task.score(logits.argmax(1), target)


def standard_error(score: float, count: int = TEST_PICTURES) -> float:
    """Return the standard error of a share of `count` independent pictures."""
    return math.sqrt(max(score * (1 - score), 1e-4) / count)
