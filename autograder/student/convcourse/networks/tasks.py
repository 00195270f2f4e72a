"""The three tasks, all drawn from a seed: digits on a canvas, a label per pixel, questions about two objects.

Pictures are float32 tensors (N, C, 32, 32) with values near 0 to 1. The same seed gives the same pictures on every
machine: they are drawn on the CPU.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from convcourse.calls.values import Shape

SIZE = 32
SPLITS = ("train", "validation")
TEST = "test"  # drawn by the grader alone, with the course's secret seed
_SCANS: dict[str, slice] = {"train": slice(0, 1150), "validation": slice(1150, 1297), TEST: slice(1297, None)}


Batch = tuple[torch.Tensor, torch.Tensor]  # pictures and targets


@dataclass(frozen=True)
class Task:
    """What is to be learned.

    Parameters
    ----------
    name : str
    description : str
        The task in one sentence.
    channels, classes : int
        Of the pictures, and of the answers.
    per_pixel : bool
        Whether every pixel gets a label: the score is then the mean intersection over union, else the accuracy.
    budget : int
        The parameters that a network may have.
    paint : callable
        ``paint(count, generator, split) -> (x, target)``.
    """

    name: str
    description: str
    channels: int
    classes: int
    per_pixel: bool
    budget: int
    paint: Callable[[int, torch.Generator, str], Batch]

    @property
    def input_shape(self) -> Shape:
        """Shape of a batch of one picture."""
        return (1, self.channels, SIZE, SIZE)

    @property
    def output_shape(self) -> Shape:
        """Shape of the logits for a batch of one picture."""
        return (1, self.classes, SIZE, SIZE) if self.per_pixel else (1, self.classes)

    @property
    def measure(self) -> str:
        """What the score is called."""
        return "mean IoU" if self.per_pixel else "accuracy"

    def draw(self, count: int, seed: int | Sequence[int], split: str = "train") -> Batch:
        """Draw pictures and targets of the training or validation split.

        Parameters
        ----------
        count : int
        seed : int or sequence of int
        split : {"train", "validation"}

        Returns
        -------
        x : (count, C, 32, 32) float32 tensor
        target : (count,) or (count, 32, 32) int64 tensor
        """
        if split not in SPLITS:
            raise ValueError(
                f"the split must be 'train' or 'validation', got {split!r}: the test is drawn when grading"
            )
        return self.paint(count, _generator(self.name, split, seed), split)

    def draw_test(self, count: int, seed: int | Sequence[int]) -> Batch:
        """Draw the test pictures of a grading seed: for the grader."""
        return self.paint(count, _generator(self.name, TEST, seed), TEST)

    def score(self, prediction: torch.Tensor, target: torch.Tensor) -> float:
        """Return the accuracy, or the mean intersection over union, of predicted labels, from 0 to 1."""
        if not self.per_pixel:
            return float((prediction == target).double().mean())
        pairs = torch.bincount((target * self.classes + prediction).flatten(), minlength=self.classes**2)
        pairs = pairs.reshape(self.classes, self.classes).double()
        union = pairs.sum(0) + pairs.sum(1) - pairs.diagonal()
        return float((pairs.diagonal() / union)[union > 0].mean())


def _generator(*names: object) -> torch.Generator:
    """Return a generator seeded by all of `names`."""
    words = np.frombuffer(repr(names).encode(), np.uint8)
    state = np.random.SeedSequence(words.tolist()).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) & (2**63 - 1))


def _uniform(generator: torch.Generator, low: float, high: float, *shape: int) -> torch.Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)


def _normal(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=generator)


# --- digits --------------------------------------------------------------------------------------------------------


@functools.cache
def _scans() -> Batch:
    """Return the 1,797 scans of scikit-learn (N, 1, 8, 8), 0 to 1, and their labels, in a shuffled order of ours."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(20).permutation(len(digits.target))
    images = torch.from_numpy(digits.images[order] / 16).float()[:, None]
    return images, torch.from_numpy(digits.target[order]).long()


def distort(scans: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Put scans (N, 1, 8, 8) on a canvas of 32 x 32: moved, turned, sheared, scaled, bent, with strokes and noise."""
    n = len(scans)
    angle = _uniform(generator, -0.45, 0.45, n)
    width, height = _uniform(generator, 0.5, 0.8, n), _uniform(generator, 0.5, 0.8, n)  # shares of the canvas
    shear = _uniform(generator, -0.3, 0.3, n)
    at = _uniform(generator, -1, 1, n, 2) * (0.85 - torch.stack([width, height], 1)).clamp(min=0)
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], 1)
    stretch = torch.zeros(n, 2, 2)
    stretch[:, 0, 0], stretch[:, 1, 1], stretch[:, 0, 1] = 1 / width, 1 / height, shear / width
    matrix = stretch @ turn
    grid = F.affine_grid(torch.cat([matrix, -(matrix @ at[:, :, None])], 2), [n, 1, SIZE, SIZE], align_corners=False)
    bend = F.interpolate(_normal(generator, n, 2, 5, 5), (SIZE, SIZE), mode="bilinear", align_corners=True)
    grid = grid + 0.14 * bend.permute(0, 2, 3, 1)
    return F.grid_sample(scans, grid, mode="bilinear", align_corners=False)


def _strokes(generator: torch.Generator, n: int, each: int = 1) -> torch.Tensor:
    """Draw short straight strokes (N, 1, 32, 32): clutter."""
    rows, columns = _pixels()
    picture = torch.zeros(n, SIZE, SIZE)
    for _ in range(each):
        y, x = _uniform(generator, 0, SIZE, 2, n, 1, 1)
        angle, length = _uniform(generator, 0, np.pi, n, 1, 1), _uniform(generator, 2, 4, n, 1, 1)
        along = (columns - x) * angle.cos() + (rows - y) * angle.sin()
        across = (rows - y) * angle.cos() - (columns - x) * angle.sin()
        picture = torch.maximum(picture, ((along.abs() < length) & (across.abs() < 0.8)).float())
    return picture[:, None]


def _paint_digits(count: int, generator: torch.Generator, split: str) -> Batch:
    scans, labels = (array[_SCANS[split]] for array in _scans())
    rounds = -(-count // len(scans))
    picked = torch.cat([torch.randperm(len(scans), generator=generator) for _ in range(rounds)])[:count]
    x = distort(scans[picked], generator)
    x = torch.maximum(x, _strokes(generator, count)) * _uniform(generator, 0.5, 1, count, 1, 1, 1)
    return x + 0.1 * _normal(generator, *x.shape), labels[picked]


# --- shapes --------------------------------------------------------------------------------------------------------


def _pixels() -> tuple[torch.Tensor, torch.Tensor]:
    at = torch.arange(SIZE, dtype=torch.float32)
    return at[:, None], at[None, :]


def _shape(
    kind: torch.Tensor, y: torch.Tensor, x: torch.Tensor, radius: torch.Tensor, angle: torch.Tensor
) -> torch.Tensor:
    """Say which pixels (N, 32, 32) lie in a disc (kind 0), a square (1) or a triangle (2); all else is (N,)."""
    rows, columns = _pixels()
    kind, y, x, radius, angle = (value[:, None, None] for value in (kind, y, x, radius, angle))
    down, right = rows - y, columns - x
    down, right = down * angle.cos() - right * angle.sin(), down * angle.sin() + right * angle.cos()
    disc = down**2 + right**2 < radius**2
    square = torch.maximum(down.abs(), right.abs()) < 0.88 * radius
    triangle = (down < 0.7 * radius) & (1.7 * right.abs() - down < 1.2 * radius)
    return torch.where(kind == 0, disc, torch.where(kind == 1, square, triangle))


def _paint_shapes(count: int, generator: torch.Generator, split: str) -> Batch:
    x, labels = torch.zeros(count, SIZE, SIZE), torch.zeros(count, SIZE, SIZE, dtype=torch.long)
    x += _uniform(generator, -0.2, 0.2, count, 1, 1)
    for _ in range(2):
        kind = torch.randint(0, 3, (count,), generator=generator)
        y, along, radius = (_uniform(generator, low, high, count) for low, high in ((6, 26), (6, 26), (5.5, 9)))
        inside = _shape(kind, y, along, radius, _uniform(generator, -0.4, 0.4, count))
        x = torch.where(inside, _uniform(generator, 0.4, 1, count)[:, None, None], x)
        labels = torch.where(inside, 1 + kind[:, None, None], labels)
    return (x + 0.15 * _normal(generator, *x.shape))[:, None], labels


# --- scenes --------------------------------------------------------------------------------------------------------


def _paint_scenes(count: int, generator: torch.Generator, split: str) -> Batch:
    """Paint a disc and a hollow square; two further planes ask if the disc is left of the square, or above it."""
    places = torch.empty(count, 2, 2)  # (scene, object, row and column)
    missing = torch.ones(count, dtype=torch.bool)
    while missing.any():
        drawn = _uniform(generator, 5, SIZE - 5, int(missing.sum()), 2, 2)
        places[missing] = drawn
        missing = ((places[:, 0] - places[:, 1]).abs() < 3).any(1) | ((places[:, 0] - places[:, 1]).abs().amax(1) < 9)
    question = torch.randint(0, 2, (count,), generator=generator)  # 0 left of, 1 above
    size = _uniform(generator, 3.5, 4.5, count)
    still = torch.zeros(count)
    disc = _shape(still, places[:, 0, 0], places[:, 0, 1], size, still)
    square = _shape(still + 1, places[:, 1, 0], places[:, 1, 1], size, still)
    square &= ~_shape(still + 1, places[:, 1, 0], places[:, 1, 1], size - 1.9, still)
    picture = (disc | square).float() + 0.1 * _normal(generator, count, SIZE, SIZE)
    planes = F.one_hot(question, 2).float()[:, :, None, None].expand(-1, -1, SIZE, SIZE)
    axis = 1 - question
    rows = torch.arange(count)
    return torch.cat([picture[:, None], planes], 1), (places[rows, 0, axis] < places[rows, 1, axis]).long()


TASKS = {
    task.name: task
    for task in (
        Task("digits", "Say which digit stands somewhere on the canvas.", 1, 10, False, 20_000, _paint_digits),
        Task("shapes", "Label every pixel: background, disc, square, triangle.", 1, 4, True, 20_000, _paint_shapes),
        Task("scenes", "Is the disc left of the square? Is it above?", 3, 2, False, 20_000, _paint_scenes),
    )
}


def find(name: str) -> Task:
    """Return the task of that name, or raise ValueError."""
    if name not in TASKS:
        raise ValueError(f"there is no task {name!r}; there are {', '.join(TASKS)}")
    return TASKS[name]
