"""The experiments of the chapter on pooling, against cases counted by hand and against their controls."""

import numpy as np
import pytest
from scipy import ndimage
from sklearn.datasets import load_digits

from experiments import pooling as experiments
from miniconv.pooling import avg_pool2d, lp_pool2d, max_pool2d


def two_questions(seed, **options):
    """Run the experiment smaller than it is recorded."""
    found = experiments.two_questions.function(seed, **options)
    return {name: np.asarray(values) for name, values in found.items()}


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


def images(*rows):
    """Return images (N, 1, 1, W)."""
    return np.array(rows, float)[:, None, None]


def test_reaction_by_hand():
    before, after = images([3, 0, 0], [0, 4, 0]), images([3, 0, 0], [0, 0, 4])
    same, other = experiments.reaction(identity, before, after)
    assert same == pytest.approx(1 / 3)  # of the 3, the 4 and where it went
    # A change of 4 * sqrt(2) in one of two images; the two were 5 apart.
    assert other == pytest.approx(np.sqrt(16) / 5)


def test_reaction_is_nothing_to_equal_images_and_one_to_exchanged_ones():
    noise = 7 + np.random.default_rng(0).standard_normal((300, 1, 4, 4))
    assert experiments.reaction(identity, noise, noise) == (1, 0)
    same, other = experiments.reaction(identity, noise, np.roll(noise, 1, axis=0))
    assert same == 0
    assert other == pytest.approx(1, abs=0.03)


def test_reaction_to_a_larger_contrast_is_the_same():
    before, after = np.random.default_rng(0).uniform(size=(2, 10, 1, 4, 4))
    doubled = experiments.reaction(lambda v: 2 * v, before, after)
    assert doubled == pytest.approx(experiments.reaction(identity, before, after))


def test_moved_crops_are_the_same_scene_moved():
    image = np.arange(60 * 70.0).reshape(1, 1, 60, 70)
    before, after = experiments.moved_crops(image, 3, seed=0, count=5, size=48)
    assert before.shape == after.shape == (5, 1, 48, 48)
    assert np.array_equal(before[..., :-3], after[..., 3:])
    assert not np.array_equal(before, experiments.moved_crops(image, 3, seed=1, count=5, size=48)[0])


def test_moved_crops_lie_differently_on_the_grid():
    image = np.tile(np.arange(4.0), (1, 1, 100, 30))
    before, _ = experiments.moved_crops(image, 1, seed=0)
    assert set(before[:, 0, 0, 0]) == {0, 1, 2, 3}


@pytest.mark.parametrize(("top", "left"), [(6, 7), (0, 15)])
def test_moved_digits_are_one_pixel_apart(top, left):
    before, after = experiments.moved_digits(top, left)
    digits = load_digits().images / 16
    assert np.array_equal(before[:, 0, top : top + 8, left : left + 8], digits)
    assert np.array_equal(np.roll(before, 1, axis=3), after)
    assert before.sum() == pytest.approx(digits.sum())


def test_which_pooling_is_steadier_is_an_accident_of_the_alignment():
    """What one alignment shows: where digits begin at the end of a window the maximum is ahead, elsewhere the mean."""
    sizes = [
        [
            experiments.reaction(pool, *experiments.moved_digits(8, left))[1]
            for pool in (lambda v: max_pool2d(v, 4), lambda v: avg_pool2d(v, 4))
        ]
        for left in (11, 8)
    ]
    assert sizes[0][0] < sizes[0][1] and sizes[1][0] > sizes[1][1]


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
    found = two_questions(0, sizes=(1, 24), train=300, test=300)
    assert {name: np.shape(values) for name, values in found.items()} == {
        "which": (2, 2),
        "where": (2, 2),
        "average": (2, 2),
        "mixtures": (2, 2),
        "more": (2, 2),
        "penalties": (5, 2),
    }
    which, where = found["which"], found["where"]
    assert which[1, 1] > which[0, 1] + 0.1  # global pooling closes the gap
    assert where[0].min() > 0.9
    assert where[1, 1] == pytest.approx(0.5, abs=0.12)  # chance


def test_two_questions_and_what_their_controls_say(monkeypatch):
    pictures, read = [], experiments.ridge_accuracy
    monkeypatch.setattr(experiments, "ridge_accuracy", lambda a, *rest: pictures.append(len(a)) or read(a, *rest))
    found = two_questions(1, sizes=(24,), train=200, test=300)
    assert pictures == [200] * 6 + [800] * 2 + [200] * 5  # the eight hundred are the control of few data
    assert found["average"][0, 1] > 0.85  # the mean does it too
    assert found["mixtures"][0, 1] < 0.65  # any twelve numbers do not
    assert found["more"][1, 0] < 0.65  # more pictures do not bring the place back
    assert found["penalties"][:, 1].max() < found["which"][0, 1] - 0.2  # no penalty does what pooling does


def test_two_questions_depend_on_the_seed_alone():
    few = {"sizes": (8, 24), "train": 20, "test": 30}
    a, again, b = (two_questions(seed, **few) for seed in (0, 0, 1))
    assert np.array_equal(a["which"], again["which"]) and np.array_equal(a["mixtures"], again["mixtures"])
    assert not np.array_equal(a["which"], b["which"])


def test_rotation_accuracy_of_features_that_ignore_quarter_turns():
    (rates,) = experiments.rotation_accuracy([lambda v: np.sort(v.reshape(len(v), -1))], (0, 90, 180), seed=0)
    assert rates[0] > 0.15  # chance is 0.1
    assert rates[1:] == pytest.approx(rates[0], abs=0.01)


def test_rotation_accuracy_of_pixels_falls_with_the_angle():
    ((upright, quarter, whole),) = experiments.rotation_accuracy([identity], (0, 90, 360), seed=1)
    assert upright == pytest.approx(whole) and whole > 0.8 > 0.3 > quarter


def test_rotation_accuracy_of_constant_features_is_the_share_of_one_class():
    (rates,) = experiments.rotation_accuracy([lambda v: np.ones((len(v), 1))], (0, 30), seed=0)
    assert rates == pytest.approx(0.1, abs=0.03)


def test_rotation_accuracy_draws_its_halves_by_the_seed():
    first, again, other = (experiments.rotation_accuracy([identity], (20,), seed) for seed in (0, 0, 1))
    assert first == again != other


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


def test_detectors_that_are_paid_alike_learn_alike():
    grad, channels = np.arange(2.0).reshape(2, 1, 1, 1), np.ones((2, 4, 1, 1))
    paid = experiments.paid_alike(grad, channels, 4)
    assert paid.shape == (2, 4, 1, 1) and paid[1] == pytest.approx(0.25)
    x, labels = cross()
    weights, _ = experiments.train_detectors(x, labels, 2, seed=0, steps=200, backward=experiments.paid_alike)
    start, _ = experiments.train_detectors(x, labels, 2, seed=0, steps=0)
    shared = (weights - weights.mean(0)).ravel()
    assert abs(shared @ (start - start.mean(0)).ravel()) == pytest.approx(
        np.linalg.norm(shared) * np.linalg.norm(start - start.mean(0))
    )  # what sets them apart is what they started with


def test_balanced_accuracy_by_hand():
    x, labels = np.array([[1.0], [2.0], [-1.0], [3.0]]), np.array([1, 1, 0, 0])
    assert experiments.balanced_accuracy(x, labels, np.ones((1, 1)), 0) == 0.75
    assert experiments.balanced_accuracy(x, labels, np.ones((1, 1)), -1.5) == 0.5
    never = experiments.balanced_accuracy(x, np.array([1, 0, 0, 0]), np.ones((1, 1)), -9)
    assert never == 0.5  # three in four are named right, but none of one class


def test_guessed_from_angle_by_hand():
    angles = np.array([-170, -160, -150.5, 10, 20, 25, -10, -20])
    assert experiments.guessed_from_angle(np.array([0, 0, 1, 1, 1, 1, 0, 0]), angles) == pytest.approx(7 / 8)
    assert experiments.guessed_from_angle(np.array([0, 0, 0, 1, 1, 1, 0, 0]), angles) == 1


def test_guessed_from_angle_of_winners_that_know_no_angle_is_the_most_frequent_one():
    rng = np.random.default_rng(0)
    winners, angles = rng.choice(3, 20000, p=(0.5, 0.3, 0.2)), rng.uniform(-180, 180, 20000)
    assert experiments.guessed_from_angle(winners, angles) == pytest.approx(0.5, abs=0.02)


def test_what_the_page_says_of_learned_angles():
    found = experiments.learned_angles.recorded()
    assert found["test"][:, 1].min() > found["test"][:, 0].max() + 0.05
    assert np.abs(found["longer"] - found["train"][:, 1]).max() < 0.002  # trained out
    assert found["alike"].max() < found["train"][:, 0].max() + 0.02  # no better than one detector
    trained, *controls = found["guessed"].T
    assert trained.min() > np.max(controls) + 0.1
    assert found["angles"][:, 0].min() > 0.85 > 0.55 > found["angles"][:, 1].max()
    assert found["wins"].sum(1).tolist() == [179] * 5


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


def test_rare_or_weak_turns_the_order_round_and_nothing_is_a_guess():
    rare, weak, faint, none = experiments.rare_or_weak(0)
    assert 1 > rare[0] > rare[1] > rare[2] > 0.5
    assert 0.5 < weak[0] < weak[1] < weak[2] < 1
    assert 0.5 < faint[0] < min(faint[1:]) < 0.6  # rare, but the noise is as strong
    assert none == pytest.approx([0.5] * 3, abs=0.05)


def test_rare_or_weak_depends_on_the_seed_alone():
    assert experiments.rare_or_weak(0, 50) == experiments.rare_or_weak(0, 50) != experiments.rare_or_weak(1, 50)
