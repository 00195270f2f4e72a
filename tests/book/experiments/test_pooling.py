"""The experiments of the chapter on pooling, against cases counted by hand and against their controls."""

import numpy as np
import pytest
from scipy import ndimage
from sklearn.datasets import load_digits

from experiments import pooling as experiments
from miniconv.pooling import lp_pool2d, max_pool2d


def identity(v):
    return v


def row(*values):
    """Return an image (1, 1, 1, W)."""
    return np.array(values, float)[None, None, None]


def test_unchanged_by_hand():
    assert experiments.unchanged(identity, row(0, 0, 1, 1), 1) == pytest.approx(2 / 3)
    assert experiments.unchanged(identity, row(1, 1, 1, 1), 2) == 1
    assert experiments.unchanged(identity, row(1, 2, 3, 4), 1) == 0


@pytest.mark.parametrize(("window", "shift"), [(2, 1), (4, 1), (4, 3), (8, 2)])
def test_unchanged_on_noise_follows_the_formula(window, shift):
    noise = np.random.default_rng(0).standard_normal((1, 1, 400, 400 + shift))
    share = experiments.unchanged(lambda v: max_pool2d(v, window), noise, shift)
    assert share == pytest.approx((window - shift) / (window + shift), abs=0.03)


def test_unchanged_after_a_whole_window_is_nothing():
    noise = np.random.default_rng(0).standard_normal((1, 1, 200, 204))
    assert experiments.unchanged(lambda v: max_pool2d(v, 4), noise, 4) < 0.001


def test_relative_change_by_hand():
    assert experiments.relative_change(identity, row(0, 2, 0), 1) == pytest.approx(np.sqrt(2))


def test_relative_change_is_0_along_rows_and_1_for_unrelated_images():
    noise = np.random.default_rng(0).standard_normal((1, 1, 200, 201))
    stripes = np.broadcast_to(noise[..., :1], noise.shape)
    assert experiments.relative_change(identity, stripes, 3) == 0
    assert experiments.relative_change(identity, 5 + noise, 1) == pytest.approx(1, abs=0.02)


def test_digits_shifted_without_pooling_by_counting():
    digits = np.pad(load_digits().images / 16, ((0, 0), (1, 1), (1, 1)))
    moved = np.roll(digits, 1, axis=2)
    ink = (digits > 0) | (moved > 0)
    change = np.linalg.norm(digits - moved, axis=(1, 2)) / np.linalg.norm(digits, axis=(1, 2))
    expected = np.mean(digits[ink] == moved[ink]), change.mean(), change.std()
    assert experiments.digits_shifted(identity) == pytest.approx(expected)


def test_digits_shifted_is_nothing_to_a_global_maximum():
    assert experiments.digits_shifted(lambda v: v.max((2, 3), keepdims=True)) == (1, 0, 0)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_mismatches_vanish_at_multiples_of_the_stride(stride):
    image = np.random.default_rng(0).standard_normal((1, 1, 80, 80))
    found = experiments.mismatches(lambda v: v[..., ::stride, ::stride], image, range(9), size=64)
    assert [t for t, gap in enumerate(found) if gap == 0] == list(range(0, 9, stride))
    assert all(gap > 0.5 for t, gap in enumerate(found) if t % stride)


def test_digit_scenes_depend_on_the_seed_alone():
    first, again, other = (experiments.digit_scenes(5, seed, size=12) for seed in (0, 0, 1))
    assert [v.shape for v in first] == [(5, 1, 12, 12), (5,), (5,)]
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not np.allclose(first[0], other[0])


def test_digit_scenes_are_named_as_the_digits_are():
    scenes, names, _ = experiments.digit_scenes(30, 0, size=8)  # no room to move
    digits = load_digits()
    distances = np.linalg.norm(scenes - digits.images / 16, axis=(2, 3))
    assert set(names) == {0, 1}
    assert np.array_equal(digits.target[distances.argmin(1)], names)


def test_digit_scenes_lie_where_they_say():
    scenes, _, left = experiments.digit_scenes(500, 0)
    ink = scenes.sum((1, 2))
    heavier = ink[:, :12].sum(1) > ink[:, 12:].sum(1)
    assert np.mean(heavier == left) > 0.95
    assert 0.4 < left.mean() < 0.55  # corners 0 to 7 of 0 to 16


def test_ridge_accuracy_reads_a_sign_and_sees_it_turned():
    train, test = np.random.default_rng(0).standard_normal((2, 200, 3))
    labels, answers = (v[:, 0] > 0 for v in (train, test))
    assert min(experiments.ridge_accuracy(train, labels, test, answers)) > 0.95
    fitted, turned = experiments.ridge_accuracy(train, labels, test, ~answers)
    assert fitted > 0.95 and turned < 0.05


def test_ridge_accuracy_of_shuffled_labels_is_chance_on_the_test_set():
    rng = np.random.default_rng(0)
    train, test = rng.standard_normal((2, 400, 500))
    labels, answers = rng.integers(2, size=(2, 400))
    fitted, read = experiments.ridge_accuracy(train, labels, test, answers)
    assert fitted == 1 and read == pytest.approx(0.5, abs=0.08)


def test_ridge_accuracy_without_information_is_the_majority():
    labels, blank = np.arange(10) < 7, np.zeros((10, 2))
    assert experiments.ridge_accuracy(blank, labels, blank, ~labels) == (0.7, 0.3)


def test_two_questions_about_what_and_where():
    scores = experiments.two_questions((1, 24), [0], train=300, test=300)
    assert scores.shape == (2, 1, 2, 2)
    what, where = scores[:, 0]
    assert what[1, 1] > what[0, 1] + 0.1  # global pooling closes the gap
    assert where[0].min() > 0.9
    assert where[1, 1] == pytest.approx(0.5, abs=0.12)  # chance


def test_two_questions_depend_on_the_seed_alone():
    few = {"train": 20, "test": 30}
    a, b = (experiments.two_questions((8, 24), seeds, **few) for seeds in ((0, 1), (1, 0)))
    assert np.array_equal(a, b[:, ::-1])
    assert not np.array_equal(a, b)


def test_two_questions_draw_kernels_and_scenes_of_their_own_for_every_seed(monkeypatch):
    scenes, drawn = experiments.digit_scenes(60, 0), []

    def same_scenes(count, seed):
        drawn.append(seed)
        return scenes

    monkeypatch.setattr(experiments, "digit_scenes", same_scenes)
    scores = experiments.two_questions((8, 24), [0, 1])
    assert drawn == [0, 100, 1, 101]
    assert not np.array_equal(scores[:, 0], scores[:, 1])


def test_rotation_accuracy_of_features_that_ignore_quarter_turns():
    rates = experiments.rotation_accuracy(lambda v: np.sort(v.reshape(len(v), -1)), (0, 90, 180))
    assert rates[0] > 0.15  # chance is 0.1
    assert rates[1:] == pytest.approx(rates[0], abs=0.01)


def test_rotation_accuracy_of_pixels_falls_with_the_angle():
    upright, quarter, whole = experiments.rotation_accuracy(identity, (0, 90, 360))
    assert upright == whole > 0.8 > 0.3 > quarter


def test_rotation_accuracy_of_constant_features_is_the_share_of_one_class():
    rates = experiments.rotation_accuracy(lambda v: np.ones((len(v), 1)), (0, 30))
    assert rates == pytest.approx(np.mean(load_digits().target[898:] == 0))


def test_rotated_digits_can_be_turned_back():
    turned, is_target, angles = experiments.rotated_digits(0, target=7)
    digits = load_digits()
    assert turned.shape == digits.images.shape
    assert np.array_equal(is_target, digits.target == 7)
    assert angles.min() < -170 and angles.max() > 170

    def likeness(sign):
        back = [ndimage.rotate(d, sign * a, reshape=False, order=1) for d, a in zip(turned[:200], angles)]
        return np.corrcoef(np.ravel(back), digits.images[:200].ravel())[0, 1]

    assert likeness(-1) > 0.8 > 0.6 > likeness(1)


def test_rotated_digits_depend_on_the_seed_alone():
    (_, _, first), (_, _, again), (_, _, other) = (experiments.rotated_digits(seed, 3) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.allclose(first, other)


def cross():
    """Return points (80, 2) around (1, 0), (-1, 0), (0, 1) and (0, -1), with label 1 for the first two."""
    centres = np.repeat([[1, 0], [-1, 0], [0, 1], [0, -1]], 20, axis=0)
    return centres + 0.1 * np.random.default_rng(0).standard_normal((80, 2)), np.repeat([1.0, 0.0], 40)


def test_train_detectors_needs_two_where_no_line_separates():
    x, labels = cross()

    def accuracy(count):
        weights, offset = experiments.train_detectors(x, labels, count, seed=0, steps=200)
        assert weights.shape == (count, 2)
        return np.mean(((x @ weights.T).max(1) + offset > 0) == labels)

    assert accuracy(1) <= 0.8 < 1 == accuracy(2)


def test_train_detectors_depends_on_the_seed_alone():
    first, again, other = (experiments.train_detectors(*cross(), 3, seed, steps=5)[0] for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.allclose(first, other)


def test_train_detectors_weighs_a_rare_class_as_much_as_the_other():
    blank, labels = np.zeros((20, 1)), np.arange(20) < 2.0
    _, offset = experiments.train_detectors(blank, labels, 1, seed=0, steps=50)
    assert offset == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("start", [1.2, 8.0])
def test_train_exponent_finds_the_teachers(start):
    x = np.random.default_rng(0).uniform(0.05, 1, (8, 1, 6, 6))
    path = experiments.train_exponent(x, lp_pool2d(x, 3, 3, 1), start)
    assert len(path) == 121 and path[0] == start
    assert path[-1] == pytest.approx(3, abs=0.05)


def test_train_exponent_stays_where_it_is_right():
    x = np.random.default_rng(0).uniform(0.05, 1, (8, 1, 6, 6))
    assert experiments.train_exponent(x, lp_pool2d(x, 3, 3, 1), 3.0, steps=5) == [3.0] * 6


def test_area_under_roc_by_hand():
    assert experiments.area_under_roc([3, 4], [1, 2]) == 1
    assert experiments.area_under_roc([1, 2], [3, 4, 5]) == 0
    assert experiments.area_under_roc([1, 3], [2, 4]) == 0.25  # only 3 > 2


def test_area_under_roc_of_one_distribution_is_chance():
    first, second = np.random.default_rng(0).standard_normal((2, 2000))
    assert experiments.area_under_roc(first, second) == pytest.approx(0.5, abs=0.02)


def test_rare_or_weak_turns_the_order_round():
    rare, weak = experiments.rare_or_weak(0)
    assert 1 > rare[0] > rare[1] > rare[2] > 0.5
    assert 0.5 < weak[0] < weak[1] < weak[2] < 1


def test_rare_or_weak_depends_on_the_seed_alone():
    assert experiments.rare_or_weak(0, 50) == experiments.rare_or_weak(0, 50) != experiments.rare_or_weak(1, 50)
