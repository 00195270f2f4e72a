"""The experiments of the chapter on why convolution: what a unit depends on, against receptive fields."""

import numpy as np
import pytest

from experiments import motivation as experiments
from miniconv.motivation import connectivity, receptive_field


def chain(stack, length):
    """Return the connectivity of each layer of a stack."""
    layers = []
    for layer in stack:
        layers.append(connectivity([layer], length))
        length = len(layers[-1])
    return layers


def test_two_layers_by_hand():
    first = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]], bool)
    second = np.array([[1, 1, 0], [0, 0, 1]], bool)
    masks = experiments.dependence([first, second])
    assert [mask.tolist() for mask in masks] == [[0, 0, 1, 1], [0, 0, 1], [0, 1]]
    masks = experiments.dependence([first, second[:1]])
    assert [mask.tolist() for mask in masks] == [[1, 1, 1, 0], [1, 1, 0], [1]]


@pytest.mark.parametrize(
    ("stack", "inputs"),
    [
        ([(3,), (3,), (3,)], 7),
        ([(3, 2), (3, 2), (3,)], 15),
        ([(3, 1, 0, 1), (3, 1, 0, 2), (3, 1, 0, 4)], 15),
    ],
)
def test_the_stacks_of_the_chapter(stack, inputs):
    masks = experiments.dependence(chain(stack, 27))
    assert np.ptp(np.flatnonzero(masks[0])) + 1 == masks[0].sum() == inputs == receptive_field(stack)[0]
    assert masks[-1].sum() == 1


def test_random_stacks_reach_what_the_whole_stack_reads():
    rng = np.random.default_rng(0)
    for _ in range(20):
        stack = [tuple(rng.integers(1, 4, size=2).tolist()) for _ in range(3)]
        masks = experiments.dependence(chain(stack, 60))
        whole = connectivity(stack, 60)
        assert np.array_equal(masks[0], whole[len(whole) // 2])


def test_a_dense_layer_sees_everything():
    sparse, dense = connectivity([(3,)], 9), np.ones((4, 7), bool)
    masks = experiments.dependence([sparse, dense])
    assert [mask.sum() for mask in masks] == [9, 7, 1]
