"""Draws by NumPy and by Hypothesis."""

import numpy as np

from convcourse.engine import sampling


def test_draws_reach_both_ends_and_keep_the_dtype():
    source = sampling.Sampler(np.random.default_rng(0))
    assert {source.integer(1, 3) for _ in range(99)} == {1, 2, 3}
    assert source.array(2, dtype=np.float32).dtype == np.float32


def test_small_draws_prefer_small_numbers():
    source = sampling.SmallSampler(lambda strategy: 0)
    assert source.integer(0, 5) == 0
    assert source.array(2, 2).dtype == np.float64
    assert np.array_equal(source.array(9), source.array(9).round())
