"""The experiments of the chapter on structured outputs: the loop that trains, and the question put to a model."""

import numpy as np
import pytest
import torch
from torch.nn.functional import mse_loss

from experiments import structured_outputs as experiments


def line(slope=0.0, offset=0.0):
    """Return a linear model of one number."""
    model = torch.nn.Linear(1, 1)
    with torch.no_grad():
        model.weight.fill_(slope)
        model.bias.fill_(offset)
    return model


def batches(seed, epochs, count=20):
    """Return the targets 0, 1, ... in the order in which training meets them, a list per batch."""
    seen = []

    def loss(output, target):
        seen.append(target[:, 0].tolist())
        return mse_loss(output, target)

    x = np.arange(count, dtype=np.float32)[:, None]
    experiments.train(line(), x, x, seed, epochs, loss)
    return seen


def test_training_finds_the_line_behind_noise():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (200, 1))
    y = (3 * x - 2 + 0.1 * rng.standard_normal(x.shape)).astype(np.float32)
    model = experiments.train(line(), x, y, 0, 40, mse_loss, rate=0.05)
    assert model.weight.item() == pytest.approx(3, abs=0.1)
    assert model.bias.item() == pytest.approx(-2, abs=0.1)


def test_shuffled_targets_teach_nothing():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (200, 1))
    y = rng.permutation(3 * x).astype(np.float32)
    model = experiments.train(line(), x, y, 0, 40, mse_loss)
    assert abs(model.weight.item()) < 0.6


def test_no_epoch_changes_nothing_and_the_model_is_the_one_given():
    model, x = line(5, 1), np.ones((4, 1), np.float32)
    assert experiments.train(model, x, x, 0, 0, mse_loss) is model
    assert (model.weight.item(), model.bias.item()) == (5, 1)
    experiments.train(model, x, x, 0, 1, mse_loss)
    assert model.weight.item() != 5


def test_adam_moves_first_by_the_rate():
    x = np.ones((1, 1), np.float32)
    for rate in (0.01, 0.5):
        model = experiments.train(line(), x, x, 0, 1, mse_loss, rate=rate)
        assert model.weight.item() == pytest.approx(rate, rel=1e-4)


def test_every_epoch_meets_every_example_once_in_another_order():
    first, rest, second, _ = batches(0, 2)
    assert len(first) == 16 and len(rest) == 4
    assert sorted(first + rest) == list(range(20)) and first + rest != list(range(20))
    assert second != first


def test_the_seed_decides_the_order():
    assert batches(0, 1) == batches(0, 1)
    assert batches(0, 1) != batches(1, 1)


def test_predict_answers_in_arrays():
    answer = experiments.predict(line(2, 1), np.array([[0.0], [1.0], [-3.0]]))
    assert isinstance(answer, np.ndarray)
    assert answer.tolist() == [[1.0], [3.0], [-5.0]]


def test_a_falling_rate_comes_to_rest():
    x = np.ones((16, 1), np.float32)
    moved = {}
    for falling in (True, False):
        model = experiments.train(line(), x, 100 * x, 0, 50, mse_loss, rate=0.5, falling=falling)
        before = model.weight.item()
        experiments.train(model, x, 100 * x, 0, 0, mse_loss, falling=falling)
        moved[falling] = before
    assert abs(moved[True]) < abs(moved[False])  # it stopped on the way, as the rate went to 0


def test_scores_have_the_size_of_the_picture_and_the_coarse_network_has_no_skips():
    pictures = np.random.default_rng(0).standard_normal((2, 1, 20, 28))
    for skips in (False, True):
        model = experiments.Segmenter(skips)
        assert experiments.predict(model, pictures).shape == (2, 3, 20, 28)
    torch.nn.init.zeros_(model.score[2].weight)
    torch.nn.init.zeros_(model.score[2].bias)
    assert experiments.predict(model, pictures).any()
    model.skips = False
    assert not experiments.predict(model, pictures).any()


def test_what_a_map_holds_is_explained_and_noise_is_not():
    labels = np.random.default_rng(0).integers(3, size=(4, 8, 8))
    edges = (labels == 1).astype(float).ravel()

    class Holding:
        def features(self, x):
            noise = torch.randn(4, 2, 8, 8, generator=torch.Generator().manual_seed(0))
            maps = torch.tensor(np.stack([labels == 1, labels == 2], axis=1), dtype=torch.float32)
            return noise, maps, maps

    found = experiments.unexplained(Holding(), np.zeros((4, 1, 8, 8)), labels, edges)
    assert found.shape == (3, 2)
    assert np.all(found[1:] < 1e-3) and np.all(found[0] > 0.9)


def test_judging_the_truth_gives_ones():
    _, labels = experiments.shape_scenes(3, seed=0)
    truth = torch.nn.functional.one_hot(torch.tensor(labels), 3).movedim(3, 1).float()
    assert experiments.judge(lambda x: truth, np.zeros((3, 1, 32, 32)), labels) == [1] * 6


def test_a_scene_that_is_not_enlarged_is_the_same_on_both_ways(monkeypatch):
    monkeypatch.setattr(experiments, "train", lambda model, *given, **options: model)
    found = experiments.object_sizes(0)
    assert found["enlarged"].shape == found["averaged"].shape == (len(experiments.FACTORS),)
    assert found["enlarged"][0] == found["averaged"][0] != found["enlarged"][1]
