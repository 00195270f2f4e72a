"""The experiments of the chapter on convolution: functions of time with a convolution known in closed form."""

import numpy as np
import pytest

from experiments import convolution as experiments

LAGS = [0.5, 1.0, 1.5]


def box(t):
    """Return 1 in the first second and 0 elsewhere."""
    return ((t >= 0) & (t < 1)).astype(float)


def decay(t):
    """Return a decay that starts at time 0."""
    return np.exp(-np.maximum(t, 0)) * (t >= 0)


def test_shapes_and_times():
    t, x, turned, y = experiments.slide(box, decay, LAGS, 0.01)
    assert t[[0, -1]] == pytest.approx([-1, 3.99])
    assert x.shape == y.shape == t.shape == (500,)
    assert turned.shape == (3, 500)


def test_the_sums_by_hand():
    _, x, _, y = experiments.slide(lambda t: (t + 1) * (t >= 0), lambda t: 0.5 ** (t + 1) * (t >= 0), LAGS, 1)
    assert x.tolist() == [0, 1, 2, 3, 4]
    assert y.tolist() == [0, 0.5, 1.25, 2.125, 3.0625]


def test_two_boxes_give_a_triangle():
    t, x, _, y = experiments.slide(box, box, LAGS, 0.01)
    assert np.array_equal(x, box(t))
    assert y == pytest.approx(np.maximum(0, 1 - np.abs(t - 1)), abs=0.011)


def test_the_error_falls_with_the_step():
    errors = []
    for dt in (0.1, 0.01, 0.001):
        t, _, _, y = experiments.slide(box, decay, LAGS, dt)
        exact = np.where(t < 1, 1 - decay(t), decay(t - 1) - decay(t)) * (t >= 0)
        errors.append(np.abs(y - exact).max())
    assert errors[0] > 8 * errors[1] > 64 * errors[2] > 0


def test_the_kernel_is_turned_round_at_its_lag():
    t, _, turned, _ = experiments.slide(box, decay, LAGS, 0.01)
    for kernel, lag in zip(turned, LAGS, strict=True):
        before = t < lag - 1e-6
        assert kernel[before] == pytest.approx(np.exp(t[before] - lag))
        assert not kernel[t > lag + 1e-6].any()


def test_the_area_of_the_product_is_the_convolution_at_the_lag():
    t, x, turned, y = experiments.slide(box, decay, LAGS, 0.01)
    assert 0.01 * turned @ x == pytest.approx(np.interp(LAGS, t, y), abs=0.011)
    assert np.abs(0.01 * turned[:, ::-1] @ x - np.interp(LAGS, t, y)).max() > 0.3
