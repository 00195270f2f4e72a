"""Two sources of the same draws: NumPy, to find a failure fast, and Hypothesis, to make it small."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from hypothesis import strategies as st
from numpy.typing import DTypeLike

from convcourse.calls.values import Array

T = TypeVar("T")


class Sampler:
    """Random choices from a NumPy generator.

    Examples
    --------
    >>> Sampler(np.random.default_rng(0)).array(2, 3).shape
    (2, 3)
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def integer(self, low: int, high: int) -> int:
        """Draw an integer from `low` to `high`, both included."""
        return int(self.rng.integers(low, high + 1))

    def choice(self, options: Sequence[T]) -> T:
        """Draw one of `options`, simplest first."""
        return options[self.integer(0, len(options) - 1)]

    def array(self, *shape: int, dtype: DTypeLike = np.float64) -> Array:
        """Draw normal numbers."""
        return self.rng.standard_normal(shape).astype(dtype)


class SmallSampler(Sampler):
    """The same choices drawn by Hypothesis, which prefers small ones; arrays hold small whole numbers."""

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
        self.draw = draw

    def integer(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def array(self, *shape: int, dtype: DTypeLike = np.float64) -> Array:
        rng = np.random.default_rng(self.integer(0, 9))
        return rng.integers(-9, 10, shape).astype(dtype)
