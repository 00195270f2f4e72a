"""The experiments of the chapter on attention, against cases counted by hand and against their controls."""

import numpy as np
import pytest
import torch
from scipy.linalg import hadamard

from experiments import attention as experiments
from miniconv import attention, layer


def gratings(size=32):
    """Return a picture whose quadrants hold stripes that vary along x, y, x - y and x + y."""
    y, x = np.mgrid[:size, :size] * 1.0
    quadrants = [np.sin(v) for v in (x, y, (x - y) / np.sqrt(2), (x + y) / np.sqrt(2))]
    return np.block([quadrants[:2], quadrants[2:]])


def test_channels_are_unit_vectors_at_every_place():
    maps = experiments.channels(np.random.default_rng(0).random((50, 70)), 16)
    assert maps.shape == (6, 3, 4)
    assert np.linalg.norm(maps, axis=0) == pytest.approx(1)


def test_channels_find_the_direction_of_stripes():
    maps = experiments.channels(gratings(), 32).reshape(6, 4)
    assert maps[2:].argmax(0).tolist() == [0, 1, 2, 3]


def test_channels_find_what_is_bright_and_what_is_far_from_grey():
    picture = np.kron([[1.0, 0.5], [0.5, 0.2]], np.ones((8, 8)))
    maps = experiments.channels(picture + 0.01 * np.random.default_rng(0).random((16, 16)), 8)
    assert np.array_equal(np.sign(maps[0]), [[1, -1], [-1, -1]])
    assert np.array_equal(np.sign(maps[1]), [[1, -1], [-1, 1]])


def test_channels_of_a_mirrored_photograph():
    photograph = np.random.default_rng(0).random((48, 48))
    maps = experiments.channels(photograph, 16)
    across, mirrored = (experiments.channels(v, 16) for v in (photograph.T, photograph[:, ::-1]))
    assert across == pytest.approx(maps[[0, 1, 3, 2, 4, 5]].transpose(0, 2, 1))
    assert mirrored == pytest.approx(maps[[0, 1, 2, 3, 5, 4]][:, :, ::-1])


def at(scenes, places):
    """Return the channels (N, 4) of each scene at its place."""
    return scenes.reshape(len(scenes), 4, -1)[np.arange(len(scenes)), :, places]


def residual(features, target):
    """Return the mean squared error of the best linear reading."""
    return np.mean((features @ np.linalg.lstsq(features, target)[0] - target) ** 2)


def test_marked_scenes_hold_the_target_at_the_marked_place():
    scenes, target, marked = experiments.marked_scenes(200, 0)
    assert scenes.shape == (200, 4, 4, 4) and target.shape == marked.shape == (200,)
    assert residual(at(scenes, marked), target) < 1e-20
    assert residual(at(scenes, (marked + 1) % 16), target) > 0.7  # elsewhere nothing is known of it
    assert np.var(target) == pytest.approx(1, abs=0.2)


def test_marked_scenes_hide_mark_and_value_in_directions():
    scenes, target, marked = experiments.marked_scenes(500, 0)
    flat = scenes.reshape(500, 4, 16)
    direction = at(scenes, marked).mean(0) - flat.mean((0, 2))
    assert np.mean(np.einsum("c,ncp->np", direction, flat).argmax(1) == marked) > 0.95
    assert min(residual(at(scenes, marked)[:, [c]], target) for c in range(4)) > 0.2  # one channel is not enough


def test_no_single_channel_shows_the_mark():
    """Such a channel once gave the place away in 99.85 % of the scenes, while the page said that none did."""
    scenes, _, marked = experiments.marked_scenes(500, 0)
    unmixed = np.einsum("ij,njhw->nihw", hadamard(4) / 2, scenes)
    assert experiments.best_channel(scenes, marked) < 0.6 < 0.95 < experiments.best_channel(unmixed, marked)


def test_marked_scenes_have_marks_of_another_kind_with_both_signs():
    scenes, _, marked = experiments.marked_scenes(500, 0)
    unmixed = np.einsum("ij,njp->nip", hadamard(4) / 2, scenes.reshape(500, 4, 16))
    assert np.mean(unmixed[:, 1].argmax(1) == marked) > 0.99
    assert unmixed[:, 2].max(1).mean() == pytest.approx(3, abs=0.1)
    assert unmixed[:, 2].min(1).mean() == pytest.approx(-3, abs=0.1)
    assert (unmixed[:, 2].argmax(1) != marked).all() and (unmixed[:, 2].argmin(1) != marked).all()


def test_marked_scenes_depend_on_the_seed_alone():
    first, again, other = (experiments.marked_scenes(3, seed)[0] for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.allclose(first, other)


def test_learn_to_look_starts_blind_and_ends_at_the_mark():
    errors, share = experiments.learn_to_look(0)
    assert errors.shape == (300,)
    assert errors[-1] < 0.01 and share > 0.85
    assert experiments.learn_to_look(0, steps=1)[1] < 0.1  # the plain mean would be 1/16


@pytest.mark.parametrize("seed", [0, 1])
def test_learn_to_look_starts_from_the_variance_of_the_target(seed):
    errors, _ = experiments.learn_to_look(seed, steps=1)
    assert errors[0] == pytest.approx(np.mean(experiments.marked_scenes(400, seed)[1] ** 2), abs=0.03)


def test_learn_to_look_depends_on_the_seed_alone():
    first, again, other = (experiments.learn_to_look(seed, steps=3)[0] for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.allclose(first, other)


def test_largest_and_slope_of_equal_and_of_hard_choices():
    assert experiments.largest_and_slope(4, 0.0, seed=0) == pytest.approx((1 / 32, 31 / 32))
    assert experiments.largest_and_slope(4, 0.0, seed=0, keys=5) == pytest.approx((1 / 5, 4 / 5))
    assert experiments.largest_and_slope(64, 1e6, seed=0) == pytest.approx((1, 0), abs=1e-6)


def test_largest_and_slope_need_the_scale_for_many_features():
    assert experiments.largest_and_slope(1024, 1.0, seed=0)[1] < 0.15
    assert experiments.largest_and_slope(1024, None, seed=0)[1] > 0.85
    assert experiments.largest_and_slope(16, None, seed=0) == experiments.largest_and_slope(16, 0.25, seed=0)


def test_largest_and_slope_depend_on_the_seed_alone():
    first, again, other = (experiments.largest_and_slope(4, None, seed) for seed in (0, 0, 1))
    assert first == again != other


def test_distance_from_equal_rows_by_hand():
    assert experiments.distance_from_equal_rows(np.ones((3, 2))) == 0
    assert experiments.distance_from_equal_rows(np.array([[1.0, 0], [-1, 0]])) == 1
    assert experiments.distance_from_equal_rows(np.array([[3.0, 0], [1, 0]])) == pytest.approx(np.sqrt(2 / 10))


def test_stack_collapses_without_residuals_only():
    alone, kept = (experiments.stack(0, 12, residual) for residual in (False, True))
    assert len(alone) == len(kept) == 13
    assert alone[0] == kept[0] > 0.9
    assert alone[-1] < 1e-6 and kept[-1] > 0.05


def test_stack_depends_on_the_seed_alone():
    first, again, other = (experiments.stack(seed, 2, True) for seed in (0, 0, 1))
    assert first == again and not np.allclose(first, other)


def sequences(task, seed=0, count=200):
    return task(count, np.random.default_rng(seed))


@pytest.mark.parametrize("task", [experiments.near, experiments.far])
def test_sequences_hold_each_key_once_and_end_in_a_bare_one(task):
    x, y = sequences(task)
    assert x.shape == (200, 13, 7) and y.shape == (200,)
    keys = x[..., :6]
    assert set(np.unique(keys)) == {0, 1}
    assert (keys[:, :-1].sum(1) == 1).all() and keys.sum(2).max() == 1
    assert (keys[:, -1].sum(1) == 1).all() and (x[:, -1, 6] == 0).all()
    assert keys[:, :-1].any(2).mean(0) == pytest.approx(6 / 12, abs=0.15)  # keys stand anywhere
    assert keys[:, -1].mean(0) == pytest.approx(1 / 6, abs=0.08)


@pytest.mark.parametrize("task", [experiments.near, experiments.far])
def test_sequences_depend_on_the_seed_alone(task):
    first, again, other = (sequences(task, seed)[0] for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.allclose(first, other)


def test_targets_are_the_value_before_the_last_place_or_that_of_its_key():
    x, y = sequences(experiments.near)
    assert y.tolist() == [sequence[11, 6] for sequence in x]
    x, y = sequences(experiments.far)
    for sequence, target in zip(x, y):
        key = sequence[12, :6].argmax()
        (place,) = np.flatnonzero(sequence[:12, key])
        assert target == sequence[place, 6]


def test_fit_convolution_finds_a_kernel_within_its_width():
    x, new = np.random.default_rng(0).standard_normal((2, 100, 9, 2))
    y, truth = (v[:, -3, 0] - 2 * v[:, -1, 1] for v in (x, new))
    assert experiments.fit_convolution(x, y, new) == pytest.approx(truth, abs=1e-3)
    narrow = experiments.fit_convolution(x, y, new, width=2)  # does not see the first term
    assert np.mean((narrow - truth) ** 2) == pytest.approx(1, abs=0.3)


def test_fit_attention_is_blind_to_order_without_positions():
    x, y = sequences(experiments.near)
    shuffled = x[:, [*np.random.default_rng(1).permutation(12), 12]]
    for positions in (False, True):
        old, new = (experiments.fit_attention(x, y, v, positions, 0, steps=5) for v in (x, shuffled))
        assert old.shape == (200,)
        assert np.allclose(old, new) != positions


def test_fit_attention_depends_on_the_seed_alone():
    x, y = sequences(experiments.near)
    first, again, other = (experiments.fit_attention(x, y, x, True, seed, steps=2) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.allclose(first, other)


def test_compare_near_and_far():
    near = experiments.compare(experiments.near, (32,), [0])
    assert near["convolution, width 3"][1] < 0.01
    assert near["attention, no positions"][1] > 0.8
    far = experiments.compare(experiments.far, (512,), [0])
    assert far["convolution, full width"][1] > 0.8
    assert far["attention, no positions"][1] < 0.05


def test_a_nonlinear_convolution_learns_a_product_and_a_linear_one_does_not():
    x = np.random.default_rng(0).standard_normal((2000, 2, 1))
    y = x[:, 0, 0] * x[:, 1, 0]
    seen, y, new, truth = x[:1000], y[:1000], x[1000:], y[1000:]
    linear = experiments.errors_of(experiments.MODELS["convolution, full width"], seen, y, new, truth, 0)

    def quick(*arguments):
        return experiments.fit_nonlinear_convolution(*arguments, width=64, steps=300)

    assert experiments.errors_of(quick, seen, y, new, truth, 0)[1] < 0.1 and min(linear) > 0.9


def test_compare_measures_in_shares_of_the_variance(monkeypatch):
    seen = []

    def guess_the_mean(x, y, new, seed):
        seen.append((len(x), len(y), len(new), seed))
        return np.full(len(new), y.mean())

    monkeypatch.setattr(experiments, "MODELS", {"mean": guess_the_mean})
    table = experiments.compare(experiments.far, (400, 800), [3, 4, 5])
    assert table["mean"].shape == (2, 3, 2)
    assert table["mean"] == pytest.approx(1, abs=0.02)
    assert seen == [(count, count, count + 1000, seed) for seed in (3, 4, 5) for count in (400, 800)]


def rows(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).standard_normal(shape)).float()


def test_self_attention_is_that_of_the_reference_package():
    mixer, x = experiments.SelfAttention(8, 2), rows(3, 5, 8)
    weights = [v.detach().numpy() for v in mixer.parameters()]
    expected = attention.multi_head_attention(*[x.numpy()] * 3, 2, *weights)
    assert mixer(x).detach().numpy() == pytest.approx(expected, abs=1e-5)


def test_depthwise_is_that_of_the_reference_package():
    mixer, x = experiments.Depthwise(4, 3), rows(2, 25, 4)
    weight, bias = (v.detach().numpy() for v in mixer.parameters())
    maps = x.numpy().swapaxes(1, 2).reshape(2, 4, 5, 5)
    expected = layer.conv2d(maps, weight, bias, padding=1, groups=4).reshape(2, 4, 25).swapaxes(1, 2)
    assert mixer(x).detach().numpy() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("mixer", "reach"), [("attention", 16), ("3 x 3 depthwise", 9), ("nothing", 1)])
def test_a_block_mixes_places_by_its_mixer_alone(mixer, reach):
    torch.manual_seed(0)
    block, x = experiments.Block(8, experiments.MIXERS[mixer](8)), rows(1, 16, 8)
    moved = x.clone()
    moved[0, 5] += rows(8, seed=1)
    changes = (block(moved) - block(x)).abs().amax(2)
    assert int((changes > 1e-6).sum()) == reach


def test_a_block_adds_its_input_twice():
    block, x = experiments.Block(8, experiments.Nothing()), rows(1, 4, 8)
    torch.nn.init.zeros_(block.mlp[2].weight)
    torch.nn.init.zeros_(block.mlp[2].bias)
    assert torch.equal(block(x), x)


def test_prices_are_what_the_formulas_say():
    e, n = 12, 16
    x = torch.zeros(1, n, e)
    attended = experiments.price(experiments.Block(e, experiments.SelfAttention(e)), x)
    assert attended == (12 * e * e + 13 * e, 12 * n * e * e + 2 * n * n * e)
    assert experiments.price(experiments.Block(e, experiments.Depthwise(e, 7)), x) == (
        8 * e * e + 59 * e,
        8 * n * e * e + 49 * n * e,
    )
    maps = torch.zeros(1, e, 4, 4)
    assert experiments.price(experiments.TwoConvolutions(e), maps) == (18 * e * e + 4 * e, 18 * n * e * e)


def test_two_convolutions_add_their_input_before_the_last_relu():
    block, x = experiments.TwoConvolutions(2).eval(), rows(1, 2, 4, 4)
    torch.nn.init.zeros_(block.layers[3].weight)
    assert torch.equal(block(x), torch.relu(x))


def test_shuffled_digits_have_the_same_pixels_in_other_places():
    (x, y), (shuffled, same), (_, other) = (experiments.digits(*v) for v in ((0, False), (0, True), (1, False)))
    assert x.shape == (1797, 1, 8, 8) and torch.equal(y, same) and not torch.equal(y, other)
    flat, moved = x.flatten(1), shuffled.flatten(1)
    assert torch.equal(flat.sort(1).values, moved.sort(1).values)
    assert not torch.equal(flat, moved)
    place = [int(np.flatnonzero((flat == moved[:, [i]]).all(0))[0]) for i in range(64)]  # one order for all scans
    assert len(set(place)) >= 60  # a few pixels at the rim are black in all of them


def test_train_digits_learns_them_by_heart_and_depends_on_the_seed_alone():
    first = experiments.train_digits("3 x 3 depthwise", 50, 0, False, 150)
    early, late, learned, new = first
    assert late < early < 2.3 and learned > 0.95 and new > 0.4
    assert experiments.train_digits("3 x 3 depthwise", 50, 0, False, 150) == first
