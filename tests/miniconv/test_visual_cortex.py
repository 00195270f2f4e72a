"""The module `visual_cortex` against scikit-image, PyTorch, SciPy, planted cells and properties."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.filters import gabor_kernel

from miniconv import visual_cortex as v1
from tests.helpers.arrays import assert_close

ANGLES = st.floats(-7, 7)
FREQUENCIES = st.floats(0, 0.5)


def rng(seed=0):
    return np.random.default_rng(seed)


# gabor --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frequency", [0.05, 0.2, 0.4])
@pytest.mark.parametrize("angle", [0.0, 0.7, math.pi / 2, 2.5, -1.0])
@pytest.mark.parametrize(("phase", "sigma"), [(0.0, (2.0, 2.0)), (1.1, (1.5, 3.0)), (-2.0, (3.0, 1.0))])
def test_gabor_agrees_with_scikit_image(frequency, angle, phase, sigma):
    wave = gabor_kernel(frequency, theta=angle, sigma_x=sigma[0], sigma_y=sigma[1], offset=phase, n_stds=3)
    amplitude = 1 / (2 * math.pi * sigma[0] * sigma[1])
    actual = v1.gabor(wave.shape, frequency, angle, phase, sigma, amplitude=amplitude)
    assert_close(actual, wave.real, scale=amplitude)


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    FREQUENCIES,
    ANGLES,
    ANGLES,
    st.tuples(st.floats(0.3, 9), st.floats(0.3, 9)),
    st.tuples(st.floats(-6, 6), st.floats(-6, 6)),
)
def test_gabor_is_its_formula_pixel_by_pixel(shape, frequency, angle, phase, sigma, center):
    actual = v1.gabor(shape, frequency, angle, phase, sigma, center, amplitude=2.5)
    expected = np.empty(shape)
    for i, j in np.ndindex(*shape):
        x, y = j - (shape[1] - 1) / 2 - center[0], i - (shape[0] - 1) / 2 - center[1]
        u, v = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
        window = math.exp(-((u / sigma[0]) ** 2) / 2 - (v / sigma[1]) ** 2 / 2)
        expected[i, j] = 2.5 * window * math.cos(2 * math.pi * frequency * u + phase)
    assert_close(actual, expected, scale=2.5, tolerance=1e-11)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 11), FREQUENCIES, ANGLES, ANGLES)
def test_turning_by_pi_turns_the_phase_around(size, frequency, angle, phase):
    turned = v1.gabor(size, frequency, angle + math.pi, -phase, (1.5, 3.0))
    assert_close(turned, v1.gabor(size, frequency, angle, phase, (1.5, 3.0)), scale=1.0)
    half = v1.gabor(size, frequency, angle, phase + math.pi, (1.5, 3.0))
    assert_close(half, -v1.gabor(size, frequency, angle, phase, (1.5, 3.0)), scale=1.0)


def test_the_angle_turns_from_right_to_down():
    assert_close(v1.gabor((5, 7), 0.2, math.pi / 2), v1.gabor((7, 5), 0.2, 0.0).T, scale=1.0)
    shifted = v1.gabor((5, 7), 0.2, 0.0, center=(2.0, -1.0))
    assert np.unravel_index(shifted.argmax(), shifted.shape) == (1, 5)


def test_the_wave_is_plane_not_radial():
    _, across = v1.rotated_coordinates(21, 0.6)
    wave = v1.gabor(21, 0.15, 0.6, sigma=(1e6, 1e6))
    moved = v1.grating(21, 0.15, 0.6)
    assert_close(wave, moved, scale=1.0, tolerance=1e-9)
    rows, columns = np.gradient(wave[1:-1])
    along = np.abs(rows * math.cos(0.6) - columns * math.sin(0.6))  # slope along the bars
    assert along[2:-2, 2:-2].max() < 0.1 * np.abs(columns).max()
    assert across.shape == (21, 21)


@pytest.mark.parametrize("frequency", [0.1, 0.25, 0.5])
def test_a_grating_has_its_frequency(frequency):
    row = v1.grating((1, 40), frequency, 0.0, phase=0.4)[0]
    spectrum = np.abs(np.fft.rfft(row))
    assert spectrum.argmax() == round(40 * frequency)


def test_a_balanced_pair_ignores_a_constant():
    even, odd = v1.quadrature_pair((14, 17), 0.05, 0.3, (3.0, 4.0), balanced=True)
    assert_close(even.sum(), 0.0, scale=np.abs(even).sum())
    assert_close(odd.sum(), 0.0, scale=np.abs(odd).sum())
    plain, same = v1.quadrature_pair((14, 17), 0.05, 0.3, (3.0, 4.0))
    assert plain.sum() > 0.3 * np.abs(plain).sum()
    np.testing.assert_array_equal(odd, same)


# cells --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lead", [(), (4,), (2, 3)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_simple_cell_is_one_output_of_conv2d(lead, dtype):
    images, kernel = rng().normal(size=(*lead, 5, 7)).astype(dtype), rng(1).normal(size=(5, 7)).astype(dtype)
    flat = torch.tensor(images).reshape(-1, 1, 5, 7)
    expected = F.conv2d(flat, torch.tensor(kernel)[None, None]).reshape(lead).numpy()
    for rectify, value in [(False, expected), (True, np.maximum(expected, 0))]:
        actual = v1.simple_cell(images, kernel, rectify)
        assert actual.dtype == dtype
        assert_close(actual, value, scale=100.0)


def test_a_complex_cell_is_the_length_of_two_responses():
    images, even, odd = rng(2).normal(size=(6, 4, 5)), *rng(3).normal(size=(2, 4, 5))
    pair = torch.einsum("nij,kij->nk", torch.tensor(images), torch.tensor(np.stack([even, odd])))
    assert_close(v1.complex_cell(images, even, odd), torch.linalg.vector_norm(pair, dim=1).numpy())


@settings(max_examples=25, deadline=None)
@given(st.floats(0.12, 0.38), ANGLES)
def test_a_complex_cell_ignores_the_phase(frequency, angle):
    # The wave and its mirror image must both fit under the window: frequency * sigma > 0.4 on both sides of aliasing.
    pair = v1.quadrature_pair(31, frequency, angle, 4.0)
    phases = np.linspace(0, 2 * math.pi, 24, endpoint=False)
    stimuli = np.stack([v1.grating(31, frequency, angle, phase) for phase in phases])
    assert v1.modulation(v1.complex_cell(stimuli, *pair)) < 0.01
    assert v1.modulation(v1.simple_cell(stimuli, pair[0], rectify=True)) == 1


def test_modulation_of_nothing_is_zero():
    assert v1.modulation(np.zeros(4)) == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 9), FREQUENCIES, ANGLES)
def test_the_grating_response_is_the_largest_over_phases(size, frequency, angle):
    kernel = rng(size).normal(size=(size, size + 1))
    phases = np.linspace(0, 2 * math.pi, 720, endpoint=False)
    responses = [v1.simple_cell(v1.grating(kernel.shape, frequency, angle, phase), kernel) for phase in phases]
    assert_close(v1.grating_response(kernel, frequency, [angle])[0], max(responses), tolerance=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.12, 0.38), st.floats(0, 3.14), ANGLES, st.integers(0, 99))
def test_the_preferred_orientation_is_within_five_degrees(frequency, angle, phase, seed):
    kernel = v1.gabor(25, frequency, angle, phase, (4.0, 5.0))
    kernel += 0.1 * rng(seed).normal(size=kernel.shape)
    found, direction = v1.preferred_grating(kernel)
    gap = (direction - angle + math.pi / 2) % math.pi - math.pi / 2
    assert abs(gap) < math.radians(5)
    assert abs(found - frequency) < 0.02
    angles = np.radians(np.arange(180))
    gap = (v1.preferred_orientation(kernel, frequency, angles) - angle + math.pi / 2) % math.pi - math.pi / 2
    assert abs(gap) < math.radians(5)


# measuring ----------------------------------------------------------------------------------------------------------


def test_reverse_correlation_against_a_covariance():
    stimuli, responses = rng(4).normal(size=(50, 3, 4)) + 2, rng(5).normal(size=50) + 7
    x = torch.tensor(stimuli).reshape(50, -1)
    both = torch.cat([x, torch.tensor(responses)[:, None]], dim=1)
    expected = torch.cov(both.T, correction=0)[:-1, -1] / x.var(correction=0)
    assert_close(v1.reverse_correlation(stimuli, responses), expected.reshape(3, 4).numpy(), tolerance=1e-11)


def test_reverse_correlation_of_counts_keeps_the_dtype_of_the_stimuli():
    stimuli = np.random.default_rng(1).standard_normal((20, 2, 3))
    counts = np.arange(20) % 5
    expected = v1.reverse_correlation(stimuli, counts.astype(float))
    np.testing.assert_allclose(v1.reverse_correlation(stimuli, counts), expected, rtol=1e-12)
    single = v1.reverse_correlation(stimuli.astype(np.float32), counts)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, rtol=1e-4, atol=1e-6)
    whole = np.rint(3 * stimuli).astype(int)
    np.testing.assert_allclose(
        v1.reverse_correlation(whole, counts), v1.reverse_correlation(whole.astype(float), counts.astype(float))
    )


@pytest.mark.parametrize("seed", range(3))
def test_reverse_correlation_recovers_a_planted_field_better_with_more_trials(seed):
    planted = v1.gabor(13, 0.15, 0.8, 0.5, 2.5)
    errors = []
    for trials in (300, 3000, 30000):
        stimuli = rng(seed).normal(size=(trials, 13, 13))
        responses = v1.simple_cell(stimuli, planted) + rng(seed + 9).normal(size=trials)
        errors.append(1 - v1.explained(planted, v1.reverse_correlation(stimuli, responses)))
    assert errors[0] > 5 * errors[1] > 25 * errors[2]  # ten times the trials: a tenth of the error


def test_regression_is_exact_without_noise_whatever_the_stimuli():
    stimuli = np.cumsum(rng(6).normal(size=(200, 4, 5)), axis=2)
    planted = rng(7).normal(size=(4, 5))
    estimate = v1.regress_receptive_field(stimuli, v1.simple_cell(stimuli, planted) + 3)
    assert_close(estimate, planted, tolerance=1e-9)
    assert v1.explained(planted, v1.reverse_correlation(stimuli, v1.simple_cell(stimuli, planted))) < 0.5


def test_a_penalty_shrinks_the_estimate():
    stimuli, responses = rng(8).normal(size=(60, 3, 3)), rng(9).normal(size=60)
    sizes = [np.abs(v1.regress_receptive_field(stimuli, responses, p)).sum() for p in (0.0, 1.0, 10.0)]
    assert sizes[0] > sizes[1] > sizes[2]


@settings(max_examples=25, deadline=None)
@given(FREQUENCIES, ANGLES, st.floats(0.1, 5), st.floats(-3, 3), st.integers(0, 99))
def test_the_projection_is_the_least_squares_solution(frequency, angle, amplitude, phase, seed):
    planted = v1.gabor((9, 8), frequency, angle, phase, (2.0, 3.0), (0.5, -1.0), amplitude)
    noisy = planted + 0.3 * rng(seed).normal(size=planted.shape)
    for kernel in (planted, noisy):
        a, p = v1.project_on_gabor(kernel, frequency, angle, (2.0, 3.0), (0.5, -1.0))
        model = v1.gabor((9, 8), frequency, angle, p, (2.0, 3.0), (0.5, -1.0), a)
        basis = np.stack(v1.quadrature_pair((9, 8), frequency, angle, (2.0, 3.0), (0.5, -1.0))).reshape(2, -1)
        slope = basis @ (kernel - model).ravel()  # zero at the best amplitude and phase
        assert a >= 0
        # At a frequency near 0 the odd Gabor is nearly 0, and the best amplitude may be huge.
        assert_close(slope, np.zeros(2), scale=np.abs(basis).sum() * (1 + amplitude + a), tolerance=1e-9)


def test_the_search_finds_the_planted_pair_on_a_grid():
    frequencies, angles = np.arange(1, 6) / 16, np.arange(12) * math.pi / 12
    for f, a in [(1, 3), (3, 0), (4, 11)]:
        kernel = v1.gabor(15, frequencies[f], angles[a], 0.7, 3.0, amplitude=2.0)
        frequency, angle, phase, amplitude = v1.best_gabor(kernel, frequencies, angles, 3.0)
        assert (frequency, angle) == (frequencies[f], angles[a])
        assert_close([phase, amplitude], [0.7, 2.0], tolerance=1e-9)


def random_gabor(seed):
    draw = rng(seed)
    return {
        "frequency": draw.uniform(0.08, 0.35),
        "angle": draw.uniform(0, math.pi),
        "phase": draw.uniform(-3, 3),
        "sigma": tuple(draw.uniform(2.0, 3.5, 2)),
        "center": tuple(draw.uniform(-2, 2, 2)),
        "amplitude": draw.uniform(0.5, 3),
    }


@pytest.mark.parametrize("seed", range(12))
def test_the_fit_returns_the_planted_gabor(seed):
    planted = v1.gabor((19, 17), **random_gabor(seed))
    fit = v1.fit_gabor(planted)
    assert v1.explained(planted, v1.gabor((19, 17), **fit)) > 1 - 1e-8
    assert 0 <= fit["angle"] < math.pi
    assert abs(fit["phase"]) <= math.pi
    assert fit["amplitude"] > 0


@pytest.mark.parametrize("seed", range(6))
def test_the_fit_survives_noise(seed):
    truth = random_gabor(seed)
    planted = v1.gabor((19, 17), **truth)
    noisy = planted + 0.15 * truth["amplitude"] * rng(seed).normal(size=planted.shape)
    fit = v1.fit_gabor(noisy)
    assert v1.explained(planted, v1.gabor((19, 17), **fit)) > 0.9


def test_noise_is_not_a_gabor():
    qualities = [v1.explained(k, v1.gabor(k.shape, **v1.fit_gabor(k))) for k in rng(11).normal(size=(5, 11, 11))]
    assert max(qualities) < 0.4


# fovea --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fixation", [(0, 0), (5, 3), (11, 9)], ids=str)
@pytest.mark.parametrize(("size", "levels"), [(2, 3), (3, 2), (4, 4), (1, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_foveate_is_average_pooling_of_padded_windows(fixation, size, levels, dtype):
    image = rng(12).normal(size=(12, 10)).astype(dtype)
    padded = F.pad(torch.tensor(image)[None], (64, 64, 64, 64))
    actual = v1.foveate(image, fixation, size, levels)
    assert actual.dtype == dtype
    for level in range(levels):
        length = size * 2**level
        top, left = 64 + fixation[0] - length // 2, 64 + fixation[1] - length // 2
        expected = F.avg_pool2d(padded[:, top : top + length, left : left + length], 2**level)[0].numpy()
        assert_close(actual[level], expected, scale=4.0)


# errors -------------------------------------------------------------------------------------------------------------


K = np.ones((4, 3))
ERRORS = {
    "gabor-shape": (ValueError, "at least 1", lambda: v1.gabor(0, 0.1, 0.0)),
    "gabor-alias": (ValueError, "alias", lambda: v1.gabor(5, 0.6, 0.0)),
    "gabor-negative": (ValueError, r"\[0, 0.5\]", lambda: v1.gabor(5, -0.1, 0.0)),
    "gabor-sigma": (ValueError, "above 0", lambda: v1.gabor(5, 0.1, 0.0, sigma=(1.0, 0.0))),
    "gabor-triple": (ValueError, "pair", lambda: v1.gabor(5, 0.1, 0.0, sigma=(1.0, 1.0, 1.0))),
    "gabor-nan": (ValueError, "finite", lambda: v1.gabor(5, 0.1, math.nan)),
    "gabor-string": (TypeError, "number", lambda: v1.gabor(5, "0.1", 0.0)),
    "grating-shape": (TypeError, "integer", lambda: v1.grating(2.5, 0.1, 0.0)),
    "simple-shape": (ValueError, "height and width", lambda: v1.simple_cell(np.ones((2, 3, 4)), K)),
    "simple-rank": (ValueError, "height and width", lambda: v1.simple_cell(np.ones(3), K)),
    "simple-bool": (TypeError, "real numbers", lambda: v1.simple_cell(K > 0, K)),
    "complex-shape": (ValueError, "height and width", lambda: v1.complex_cell(K, K, K.T)),
    "modulation": (ValueError, "negative", lambda: v1.modulation([1.0, -1.0])),
    "response-angles": (ValueError, r"\(n,\)", lambda: v1.grating_response(K, 0.1, 0.0)),
    "preferred-steps": (ValueError, "at least 4", lambda: v1.preferred_grating(K, 3)),
    "reverse-trials": (ValueError, "same T", lambda: v1.reverse_correlation(np.ones((3, 2, 2)), np.ones(4))),
    "reverse-one": (ValueError, "at least 2", lambda: v1.reverse_correlation(np.ones((1, 2, 2)), np.ones(1))),
    "reverse-flat": (ValueError, "vary", lambda: v1.reverse_correlation(np.ones((3, 2, 2)), np.ones(3))),
    "regress": (
        ValueError,
        "at least 0",
        lambda: v1.regress_receptive_field(np.eye(4)[None].repeat(3, 0), np.ones(3), -1),
    ),
    "explained-shape": (ValueError, "same shape", lambda: v1.explained(K, K.T)),
    "explained-zero": (ValueError, "zero", lambda: v1.explained(0 * K, K)),
    "fit-small": (ValueError, "3 x 3", lambda: v1.fit_gabor(np.ones((2, 5)))),
    "fit-zero": (ValueError, "zero", lambda: v1.fit_gabor(0 * K)),
    "foveate-outside": (ValueError, "must be a pixel", lambda: v1.foveate(K, (4, 0))),
    "foveate-size": (ValueError, "at least 1", lambda: v1.foveate(K, (0, 0), 0)),
    "foveate-rank": (ValueError, r"\(H, W\)", lambda: v1.foveate(K[0], (0, 0))),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_name_the_rule(name):
    kind, words, call = ERRORS[name]
    with pytest.raises(kind, match=words):
        call()


def test_nothing_is_modified_and_any_layout_is_read():
    x = np.asfortranarray(rng(13).normal(size=(6, 10, 8)))[:, ::2, ::-1]
    x.flags.writeable = False
    copy, responses = np.array(x), rng(14).normal(size=6)
    calls = [
        lambda a: v1.simple_cell(a, a[0]),
        lambda a: v1.complex_cell(a, a[0], a[1]),
        lambda a: v1.grating_response(a[0], 0.2, [0.1, 0.2]),
        lambda a: v1.reverse_correlation(a, responses),
        lambda a: v1.regress_receptive_field(a, responses, 0.1),
        lambda a: v1.project_on_gabor(a[0], 0.2, 0.1),
        lambda a: v1.foveate(a[0], (2, 2), 2, 2),
    ]
    for call in calls:
        assert_close(np.asarray(call(x)), np.asarray(call(copy)))
    np.testing.assert_array_equal(x, copy)


def test_nan_passes_through():
    image = np.ones((4, 4))
    image[0, 0] = np.nan
    assert np.isnan(v1.simple_cell(image, np.ones((4, 4))))
    assert np.isnan(v1.foveate(image, (2, 2), 2, 2)).sum() == 1


def test_small_integers_do_not_overflow():
    picture = np.full((1, 2), 100, np.int8)
    assert v1.simple_cell(picture, np.ones((1, 2), np.int8)) == 200
    assert v1.complex_cell(picture, np.ones((1, 2), np.int8), np.zeros((1, 2), np.int8)) == 200
