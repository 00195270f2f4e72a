"""The experiments of the chapter on variants: what dilated causal layers see, against the layers themselves."""

import numpy as np
import pytest

from experiments import variants as experiments
from miniconv.variants import causal_conv1d


def impulses(length, dilations):
    """Return which inputs change the last output, by a click at each time."""
    x = np.eye(length)[:, None]
    for dilation in dilations:
        x = causal_conv1d(x, np.ones((1, 1, 2)), dilation=dilation)
    return x[:, 0, -1] > 0


def test_two_layers_by_hand():
    assert experiments.reached(6, [1, 3]).astype(int).tolist() == [
        [0, 1, 1, 0, 1, 1],
        [0, 0, 1, 0, 0, 1],
        [0, 0, 0, 0, 0, 1],
    ]


@pytest.mark.parametrize(("dilations", "inputs"), [([1, 1, 1, 1], 5), ([1, 2, 4, 8], 16), ([1, 2, 4, 8, 16], 32)])
def test_doubled_dilations_double_the_reach(dilations, inputs):
    seen = experiments.reached(40, dilations)
    assert seen.shape == (len(dilations) + 1, 40)
    assert seen[0].tolist() == [False] * (40 - inputs) + [True] * inputs


def test_clicks_come_through_from_where_it_reaches():
    rng = np.random.default_rng(0)
    for _ in range(20):
        dilations = rng.integers(1, 9, size=3).tolist()
        assert np.array_equal(experiments.reached(12, dilations)[0], impulses(12, dilations))


def test_a_dilation_beyond_the_signal_reaches_nothing_more():
    assert experiments.reached(4, [7, 4]).sum(axis=1).tolist() == [1, 1, 1]
