"""Helpers that several tests share."""

import numpy as np


def assert_close(actual, expected, scale=None, tolerance=None):
    """Compare element by element within a backward error: |actual - expected| <= tolerance * scale.

    `scale` is f(|x|, |w|): the same function on absolute values (default: the largest |expected|).
    The tolerance is 1e-12 for float64 and 1e-5 for float32 unless given.
    """
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"shape {actual.shape}, expected {expected.shape}"
    if tolerance is None:
        tolerance = 1e-5 if actual.dtype == np.float32 else 1e-12
    if scale is None:
        scale = np.nanmax(np.abs(expected), initial=0.0)
    same = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        error = np.where(same, 0.0, np.abs(actual.astype(float) - expected.astype(float)))
    allowed = tolerance * np.maximum(np.asarray(scale, dtype=float), np.finfo(float).tiny)
    worst = np.nanmax(error / allowed, initial=0.0)
    assert np.all(error <= allowed), f"largest error is {worst:.3g} times what is allowed"
