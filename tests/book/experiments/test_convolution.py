"""The experiments of the chapter on convolution: functions of time with a known convolution, and turned kernels."""

import numpy as np
import pytest
import torch

from experiments import convolution as experiments

LAGS = [0.5, 1.0, 1.5]


def box(t):
    """Return 1 in the first second and 0 elsewhere."""
    return ((t >= 0) & (t < 1)).astype(float)


def decay(t):
    """Return a decay that starts at time 0."""
    return np.exp(-np.maximum(t, 0)) * (t >= 0)


def test_shapes_and_times():
    t, x, turned, areas, ends, y = experiments.slide(box, decay, LAGS, 0.01)
    assert t[[0, -1]] == pytest.approx([-0.995, 3.995])
    assert ends[[0, -1]] == pytest.approx([-1, 3.99])
    assert x.shape == y.shape == t.shape == ends.shape == (500,)
    assert turned.shape == (3, 500) and areas.shape == (3,)


def test_the_sums_by_hand():
    rise = lambda t: (t + 1) * (t >= 0)  # noqa: E731
    half = lambda t: 0.5**t * (t >= 0)  # noqa: E731
    t, x, _, _, ends, y = experiments.slide(rise, half, LAGS, 1)
    assert t.tolist() == [-0.5, 0.5, 1.5, 2.5, 3.5] and ends.tolist() == [-1, 0, 1, 2, 3]
    assert x.tolist() == [0, 1.5, 2.5, 3.5, 4.5]
    root = 0.5**0.5
    assert y == pytest.approx([0, 0, 1.5 * root, (1.5 / 2 + 2.5) * root, (1.5 / 4 + 2.5 / 2 + 3.5) * root])


def test_two_boxes_give_a_triangle():
    t, x, _, areas, ends, y = experiments.slide(box, box, LAGS, 0.01)
    assert np.array_equal(x, box(t))
    assert y == pytest.approx(np.maximum(0, 1 - np.abs(ends - 1)), abs=1e-12)
    assert areas == pytest.approx([0.5, 1, 0.5])


def test_the_areas_that_the_figure_prints_are_right_in_every_digit():
    """A box of height 2 and a decay: the figure prints 0.79, not the 0.78 of a coarse sum."""
    *_, areas, ends, y = experiments.slide(lambda t: 2 * box(t), decay, LAGS, 0.01)
    exact = 2 * np.array([1 - np.exp(-0.5), 1 - np.exp(-1), np.exp(-0.5) - np.exp(-1.5)])
    assert areas == pytest.approx(exact, abs=1e-4)
    assert np.interp(LAGS, ends, y) == pytest.approx(areas)


def test_the_error_falls_with_the_square_of_the_step():
    errors = []
    for dt in (0.1, 0.01, 0.001):
        *_, t, y = experiments.slide(box, decay, LAGS, dt)
        exact = np.where(t < 1, 1 - decay(t), decay(t - 1) - decay(t)) * (t >= 0)
        errors.append(np.abs(y - exact).max())
    assert errors[0] > 80 * errors[1] > 6400 * errors[2] > 0


def test_the_kernel_is_turned_round_at_its_lag():
    t, _, turned, *_ = experiments.slide(box, decay, LAGS, 0.01)
    for kernel, lag in zip(turned, LAGS, strict=True):
        before = t < lag
        assert kernel[before] == pytest.approx(np.exp(t[before] - lag))
        assert not kernel[~before].any()


@pytest.mark.parametrize("seed", [0, 1])
def test_from_the_turned_start_both_conventions_learn_the_same(seed):
    run = experiments.turned_start.function(seed, steps=60)
    assert run["loss"][0] == pytest.approx(run["loss"][1], abs=1e-9)
    assert run["kernels"][0] < 1e-6
    assert abs(run["loss"][0] - run["loss"][2]) > 1e-4 and run["kernels"][1] > 0.1  # the control: the same start


def test_a_network_that_convolves_is_one_with_turned_kernels():
    draw = torch.Generator().manual_seed(0)
    x, *weights = (torch.randn(shape, generator=draw) for shape in ((2, 1, 7, 7), (4, 1, 3, 3), (1, 4, 3, 3)))
    turned = [experiments.flip(w) for w in weights]
    assert torch.equal(turned[0][0, 0], torch.rot90(weights[0][0, 0], 2))
    assert torch.equal(experiments.network(x, weights, turn=True), experiments.network(x, turned))
    assert not torch.allclose(experiments.network(x, weights, turn=True), experiments.network(x, weights))
