"""The experiments of the chapter on the visual cortex: pictures rebuilt from glimpses."""

import numpy as np

from experiments import visual_cortex as experiments
from miniconv.visual_cortex import foveate

GLIMPSE = np.array([[[1, 2], [3, 4]], [[50, 60], [70, 80]]], float)
NAN = np.nan


def test_levels_by_hand():
    picture = experiments.paste(GLIMPSE, (6, 5), (3, 3))
    expected = [
        [NAN, NAN, NAN, NAN, NAN],
        [NAN, 50, 50, 60, 60],
        [NAN, 50, 1, 2, 60],
        [NAN, 70, 3, 4, 80],
        [NAN, 70, 70, 80, 80],
        [NAN, NAN, NAN, NAN, NAN],
    ]
    assert np.array_equal(picture, expected, equal_nan=True)


def test_levels_are_cut_at_the_corner():
    picture = experiments.paste(GLIMPSE, (3, 2), (0, 0))
    assert np.array_equal(picture, [[4, 80], [80, 80], [NAN, NAN]], equal_nan=True)
    picture = experiments.paste(GLIMPSE, (3, 2), (3, 2))
    assert np.array_equal(picture, [[NAN, NAN], [50, 50], [50, 1]], equal_nan=True)


def test_the_fovea_is_exact_and_the_rest_is_not():
    image = np.random.default_rng(0).random((64, 64))
    wrong = np.abs(experiments.paste(foveate(image, (30, 34), size=8, levels=3), image.shape, (30, 34)) - image)
    row, column = np.indices(image.shape)
    distance = np.maximum(np.abs(row + 0.5 - 30), np.abs(column + 0.5 - 34))
    assert wrong[distance < 4].max() < 1e-12
    assert wrong[(distance > 4) & (distance < 16)].min() > 1e-6
    assert np.isnan(wrong[distance > 16]).all()


def test_a_flat_picture_loses_nothing():
    image = np.full((40, 40), 0.3)
    picture = experiments.paste(foveate(image, (20, 20), size=8, levels=3), image.shape, (20, 20))
    covered = ~np.isnan(picture)
    assert covered.sum() == 32**2
    assert np.allclose(picture[covered], 0.3)
