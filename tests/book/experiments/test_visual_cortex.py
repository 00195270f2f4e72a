"""The experiments of the chapter on the visual cortex: kernels and their nulls, pictures rebuilt from glimpses."""

import numpy as np

from experiments import visual_cortex as experiments
from miniconv.visual_cortex import foveate, gabor

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


def test_a_null_has_the_spectrum_of_its_kernel_and_nothing_of_its_arrangement():
    rng = np.random.default_rng(0)
    kernels = np.stack([gabor(11, 0.2, angle, sigma=1.5) for angle in (0.3, 1.2)])
    nulls = experiments.scramble(kernels, rng)
    assert np.allclose(np.abs(np.fft.fft2(nulls)), np.abs(np.fft.fft2(kernels)))
    assert not np.allclose(nulls, kernels, atol=0.1)
    assert not np.allclose(nulls, experiments.scramble(kernels, rng), atol=0.1)


def test_gabors_explain_a_gabor_and_not_its_null_or_white_noise():
    rng = np.random.default_rng(1)
    kernels = np.stack([gabor(11, 0.2, angle, sigma=1.5) for angle in (0.3, 1.2)])
    shares = [[experiments.gabor_share(k) for k in bank] for bank in (kernels, experiments.scramble(kernels, rng))]
    assert min(shares[0]) > 0.99 and max(shares[1]) < 0.8
    assert experiments.gabor_share(rng.normal(size=(11, 11))) < 0.3


def test_the_wider_the_blur_the_nearer_is_noise_to_a_gabor():
    rng = np.random.default_rng(0)
    shares = [
        np.median([experiments.gabor_share(kernel) for kernel in experiments.blurred_noise(5, sigma, rng)])
        for sigma in (0.5, 2)
    ]
    assert shares[0] < 0.35 < 0.6 < shares[1]


def test_a_filter_gives_a_component_and_a_basis_function_puts_it_back():
    patches = experiments.natural_patches(0, count=2000)
    filters, basis = (bank.reshape(experiments.COUNT, -1) for bank in experiments.independent_filters(patches, 0))
    assert np.allclose(filters @ basis.T, np.eye(experiments.COUNT), atol=1e-6)
    assert not np.allclose(filters, basis)


def test_rotated_axes_span_what_the_axes_span():
    patches = experiments.natural_patches(0, count=500)
    axes, turned = (bank.reshape(-1, 121) for bank in experiments.principal_axes(patches, 8))
    for bank in (axes, turned):
        assert np.allclose(bank @ bank.T, np.eye(8))
    assert np.allclose(axes.T @ axes, turned.T @ turned)


def test_crops_of_training_and_test_share_no_pixel(monkeypatch):
    border = np.tile(np.arange(512) >= 320, (4, 512, 1)).astype(float)  # seen by crops on both sides alone
    monkeypatch.setattr(experiments, "photographs", lambda: border)
    for left, right, seen in ((0, 320, False), (320, 512, False), (0, 512, True)):
        assert experiments.photo_crops(0, 100, left, right)[0].any() == seen


def test_training_changes_the_kernels_and_tells_photographs_apart():
    x, labels = experiments.photo_crops(0, 3, 0, 320)
    assert x.shape == (12, 1, experiments.CROP, experiments.CROP) and labels.bincount().tolist() == [3, 3, 3, 3]
    assert np.allclose(x.mean((2, 3)), 0, atol=1e-5)
    before, after, accuracy = experiments.texture_network(0, epochs=10)
    assert before.shape == after.shape == (experiments.COUNT, experiments.SIZE, experiments.SIZE)
    assert np.abs(after - before).max() > 0.01 and accuracy[0] > 0.4


def test_the_recorded_banks_beat_their_nulls_and_the_networks_had_come_to_rest():
    runs = experiments.gabor_fits.recorded(rerun=False)
    for name in ("k-means", "ICA filters", "ICA basis"):
        assert np.all(runs[name][:, 1] > runs[f"{name}, null"][:, 1])
    assert np.abs(runs["accuracy"] - runs["accuracy, half as long again"]).max() < 0.05
