"""Two sources of the same draws: NumPy, to find a failure fast, and Hypothesis, to make it small."""

import numpy as np
from hypothesis import strategies as st


class Sampler:
    """Random choices from a NumPy generator.

    Examples
    --------
    >>> Sampler(np.random.default_rng(0)).array(2, 3).shape
    (2, 3)
    """

    def __init__(self, rng):
        self.rng = rng

    def integer(self, low, high):
        """Draw an integer from `low` to `high`, both included."""
        return int(self.rng.integers(low, high + 1))

    def choice(self, options):
        """Draw one of `options`, simplest first."""
        return options[self.integer(0, len(options) - 1)]

    def array(self, *shape, dtype=np.float64):
        """Draw normal numbers."""
        return self.rng.standard_normal(shape).astype(dtype)


class SmallSampler(Sampler):
    """The same choices drawn by Hypothesis, which prefers small ones; arrays hold small whole numbers."""

    def __init__(self, draw):
        self.draw = draw

    def integer(self, low, high):
        return self.draw(st.integers(low, high))

    def array(self, *shape, dtype=np.float64):
        rng = np.random.default_rng(self.integer(0, 9))
        return rng.integers(-9, 10, shape).astype(dtype)
