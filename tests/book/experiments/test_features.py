"""The experiments of the chapter on kernels without labels, against cases whose answer is known."""

import numpy as np
import pytest
import torch

from experiments import features as experiments
from miniconv import features as kit


def test_splits_share_no_digit_and_depend_on_the_seed():
    train, test = experiments.split(0, 400)
    assert len(train) == 400 and len(test) == 800 and not set(train) & set(test)
    assert not np.array_equal(train, experiments.split(1, 400)[0])


def test_textures_are_normalised_and_the_test_has_other_halves(monkeypatch):
    crops, labels, train, test = experiments.textures(0, count=5)
    assert crops.shape == (615, 1, 16, 16) and len(train) == 15 and len(test) == 600
    assert np.allclose(crops.mean(axis=(2, 3)), 0)
    assert np.bincount(labels).tolist() == [205] * 3
    half = np.zeros((512, 512))
    half[::2, 256:] = 255  # stripes on the right alone
    for name in ("brick", "grass", "gravel"):
        monkeypatch.setattr(experiments.skimage.data, name, lambda: half)
    crops, _, train, test = experiments.textures(0, count=5)
    assert not crops[train].any() and crops[test].any(axis=(1, 2, 3)).all()


def test_accuracy_of_what_is_separable_and_of_noise():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=300)
    rows = np.arange(200), np.arange(200, 300)
    assert experiments.accuracy(np.eye(3)[labels], labels, *rows) == [1, 1]
    turned = np.append(labels[:200], (labels[200:] + 1) % 3)
    assert experiments.accuracy(np.eye(3)[labels], turned, *rows) == [1, 0]  # learned on the first rows alone
    on, new = experiments.accuracy(rng.standard_normal((300, 5)), labels, *rows)
    assert new == pytest.approx(1 / 3, abs=0.15) and on < 0.6


def test_gabors_have_variety_and_edges_have_not():
    for count in experiments.COUNTS:
        bank = experiments.gabor_bank(count)
        assert bank.shape == (count, 1, 5, 5)
        assert np.linalg.matrix_rank(bank.reshape(count, -1)) > min(count, 15) / 2
    edges = kit.edge_kernels(5, np.arange(16) * np.pi / 8)
    assert np.linalg.matrix_rank(edges.reshape(16, -1)) == 2


def test_features_of_a_bank_are_those_of_the_reference_and_a_bias_counts():
    x, bank = np.random.default_rng(0).random((3, 1, 8, 8)), kit.random_kernels(4, 1, 5, 0)
    assert np.allclose(experiments.bank_features(x, bank), kit.kernel_features(x, bank))
    assert np.all(experiments.bank_features(x, bank, 1.0) > experiments.bank_features(x, bank))


def test_trained_kernels_depend_on_the_labels():
    x, labels = experiments.digits()
    runs = [experiments.trained_bank(x[:100], y[:100], 4, epochs=2)[0] for y in (labels, labels, labels[::-1].copy())]
    assert np.array_equal(runs[0], runs[1]) and not np.allclose(runs[0], runs[2])


def test_an_edge_is_read_from_a_layer_that_holds_it_and_not_from_one_that_does_not():
    images, _ = experiments.digits()
    train, test = experiments.split(0, 900)
    slopes = kit.extract_patches(images, 3) @ kit.edge_kernels(3, [0.0, np.pi / 2]).reshape(2, 9).T
    holds = np.zeros((1797, 2, 8, 8))
    holds[:, :, 1:7, 1:7] = slopes.reshape(1797, 6, 6, 2).transpose(0, 3, 1, 2)
    assert experiments.read_edge(holds, images, train, test) > 0.99
    noise = np.random.default_rng(0).standard_normal(holds.shape)
    assert experiments.read_edge(noise, images, train, test) < 0.05


def test_an_untrained_network_guesses():
    outputs, (on, new), *_ = experiments.layers(0, 0)
    assert [v.shape[1] for v in outputs] == [1, 16, 16, 32, 32]
    assert on < 0.25 and new < 0.25
    assert not np.array_equal(outputs[1], experiments.layers(0, 1)[0][1])  # after no step, not after one


def test_what_excites_a_unit_most_comes_first_once_for_each_picture():
    layer = np.zeros((4, 2, 3, 5))
    layer[2, 0, 1, 4], layer[2, 0, 0, 0], layer[0, 0, 2, 2] = 9, 8, 7  # twice in picture 2: it counts once
    layer[3, 1, 0, 3] = 1
    rows, places, values = experiments.strongest(layer, 2)
    assert rows[0].tolist() == [2, 0] and rows[1, 0] == 3
    assert places[0].tolist() == [9, 12] and places[1, 0] == 3
    assert values.tolist() == [[9, 7], [1, 0]]


def test_purity_is_the_share_of_the_commonest_label_averaged_over_units():
    assert experiments.purity(np.array([[7, 7, 7, 7], [1, 2, 1, 3]])) == 0.75


def test_ascent_finds_the_ink_that_a_first_layer_wants_and_never_falls_below_its_start():
    convs, *_ = experiments.deep_network(0, 0)
    start = np.random.default_rng(0).random((2, 1, 8, 8))
    weight, bias = convs[0].weight[3, 0].detach().numpy(), convs[0].bias[3].item()
    picture, value = experiments.ascend(convs, 1, 3, 8 * 4 + 5, start, steps=40)
    assert value == pytest.approx(weight[weight > 0].sum() + bias, abs=1e-5)
    assert np.array_equal(picture[3:6, 4:7] > 0.5, weight > 0)
    deep, value = experiments.ascend(convs, 4, 2, 36, start, steps=20)
    with torch.no_grad():
        answers = convs[3](experiments.maps(convs[:3], torch.tensor(start).float())[-1])[:, 2, 4, 4]
        again = convs[3](experiments.maps(convs[:3], torch.tensor(deep)[None, None])[-1])[0, 2, 4, 4]
    assert deep.min() >= 0 and deep.max() <= 1
    assert value == pytest.approx(float(again), abs=1e-5) and value > answers.max()
    far = experiments.ascend(convs, 4, 2, 36, deep[None, None], steps=3, rate=50)  # too far at each step
    assert far[1] == pytest.approx(value, abs=1e-5)


def test_the_share_of_an_edge_is_one_for_edges_none_for_brightness_and_two_ninths_by_chance():
    assert experiments.slope_share(kit.edge_kernels(3, [0.3, 2.0])) == pytest.approx(1)
    assert experiments.slope_share(np.ones((1, 3, 3))) == pytest.approx(0)
    noise = np.random.default_rng(0).standard_normal((5000, 3, 3))
    assert experiments.slope_share(noise) == pytest.approx(2 / 9, abs=0.01)


def test_training_changes_the_network_and_the_seed_decides_it():
    def kernels(seed, epochs):
        return experiments.deep_network(seed, epochs)[0][0].weight.detach().numpy()

    assert np.array_equal(kernels(0, 0), kernels(0, 0))
    assert not np.array_equal(kernels(0, 0), kernels(1, 0))
    assert not np.array_equal(kernels(0, 0), kernels(0, 1))


def test_sides_are_compared_with_random_and_with_trained_kernels_on_new_pictures(monkeypatch):
    """Trained kernels that are the random ones do as well; with a bias that silences them they guess."""
    for bias, same in ((0.0, True), (-99.0, False)):
        monkeypatch.setattr(
            experiments,
            "trained_bank",
            lambda x, y, count, side, seed, b=bias: (kit.random_kernels(count, 1, side, seed), b),
        )
        monkeypatch.setattr(experiments, "SIDES", (2, 5))
        found = experiments.architectures(0)
        for data, chance in (("digits", 0.1), ("textures", 1 / 3)):
            random, trained = found[f"{data}, random"], found[f"{data}, trained"]
            assert len(random) == len(trained) == 2 and min(random) > chance + 0.2
            assert np.allclose(random, trained) if same else np.allclose(trained, chance, atol=0.05)
    on = experiments.digits()
    train, test = experiments.split(0, 400)
    values = experiments.bank_features(on[0], kit.random_kernels(16, 1, 5, 0))
    assert experiments.architectures(0)["digits, random"][1] == experiments.accuracy(values, on[1], train, test)[1]
