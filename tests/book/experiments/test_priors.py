"""The experiments of the chapter on priors, in small, against what must be so and against their controls."""

import numpy as np
import pytest
import torch

from experiments import priors as experiments
from miniconv.priors import inverse_permutation, permute_pixels


@pytest.mark.parametrize("name", experiments.NETWORKS)
@pytest.mark.parametrize("side", [8, 9, 12])
def test_a_network_names_ten_digits(name, side):
    assert experiments.network(name, side)(torch.zeros(3, 1, side, side)).shape == (3, 10)


def test_the_convnets_differ_in_their_end_alone():
    ends = [experiments.network(name, 8) for name in experiments.NETWORKS[1:]]
    kernels = [[weight.shape for weight in end.parameters()][:4] for end in ends]
    assert kernels[0] == kernels[1] and len(kernels[0]) == 4


def test_training_learns_what_can_be_learned_by_heart():
    rng = np.random.default_rng(0)
    x, labels = torch.tensor(rng.standard_normal((60, 1, 8, 8)), dtype=torch.float32), torch.arange(60) % 10
    torch.manual_seed(0)
    model = experiments.network("MLP", 8)
    assert experiments.accuracy(model, x, labels) < 0.4
    losses = experiments.train(model, x, labels, seed=0, epochs=60, rate=0.01)
    assert len(losses) == 60 and losses[-1] < 0.05 * losses[0]
    assert experiments.accuracy(model, x, labels) == 1


def test_a_step_follows_the_gradient_of_its_own_batch():
    torch.manual_seed(0)
    x, labels, model = torch.randn(60, 1, 8, 8), torch.arange(60) % 10, experiments.network("MLP", 8)
    experiments.train(model, x, labels, seed=0, epochs=3, rate=0.0)
    gradients = torch.autograd.grad(torch.nn.functional.cross_entropy(model(x), labels), [*model.parameters()])
    for parameter, gradient in zip(model.parameters(), gradients):
        assert torch.allclose(parameter.grad, gradient, atol=1e-6)


def test_accuracy_by_counting():
    answers = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [2.0, 1.0]])
    assert experiments.accuracy(torch.nn.Identity(), answers, torch.tensor([1, 1, 1, 0])) == 0.75


def test_what_is_learned_of_pictures_with_other_labels_carries_nothing_over():
    shuffled = np.random.default_rng(0).permutation(experiments.digits())
    train, test = experiments.scores("MLP", shuffled, seed=0, epochs=150)
    assert train > 0.7 and test < 0.15


def test_digits_have_paper_and_ink():
    digits = experiments.digits()
    assert digits.shape == (1797, 1, 8, 8)
    assert (digits.min(), digits.max()) == pytest.approx((-0.3, 0.7))


def test_moved_digits_keep_their_ink_and_lie_everywhere():
    pictures = experiments.digits()[:400]
    canvas = experiments.moved(pictures, 12, np.random.default_rng(0))
    assert canvas.shape == (400, 1, 12, 12)
    ink = [np.sort(v.reshape(400, -1) + 0.3)[:, -64:] for v in (pictures, canvas)]
    assert ink[0] == pytest.approx(ink[1])
    squares = experiments.moved(np.ones((400, 1, 8, 8)), 12, np.random.default_rng(0))
    assert np.all((squares == 1).any(axis=(0, 1))) and np.all((squares == 1).sum((1, 2, 3)) == 64)
    assert np.array_equal(experiments.moved(pictures, 8, np.random.default_rng(0)), pictures)


def test_both_orders_hold_the_same_pixels_and_the_seed_draws_the_second():
    pictures = experiments.digits()[:5]
    same, ordered = experiments.both_orders(pictures, 0)
    assert same is pictures and not np.array_equal(ordered, pictures)
    order = np.random.default_rng([0, 1]).permutation(64)
    assert np.array_equal(permute_pixels(ordered, inverse_permutation(order)), pictures)
    assert not np.array_equal(ordered, experiments.both_orders(pictures, 1)[1])


@pytest.mark.parametrize(
    ("trial", "shape", "trainings"),
    [("pixel_order", (3, 2), 6), ("moved_digits", (2, 3, 2), 12), ("own_orders", (6,), 6)],
)
def test_an_experiment_puts_every_score_where_it_says(trial, shape, trainings, monkeypatch):
    calls = []

    def numbered(name, pictures, seed, epochs):
        calls.append((name, pictures.shape[-1], seed, epochs))
        return len(calls), -len(calls)

    monkeypatch.setattr(experiments, "scores", numbered)
    found = getattr(experiments, trial)(3)
    assert found["train"].shape == found["test"].shape == shape
    assert found["train"].ravel().tolist() == list(range(1, trainings + 1))
    assert np.array_equal(found["test"], -found["train"])
    assert {seed for _, _, seed, _ in calls} == {3}


def test_the_wide_mlp_gets_the_pictures_and_the_split_of_the_small_one(monkeypatch):
    seen, trained = [], []
    monkeypatch.setattr(experiments, "accuracy", lambda model, x, labels: seen.append((x, labels)) or len(seen))
    monkeypatch.setattr(experiments, "train", lambda *given, rate: trained.append((*given[3:], rate)))
    found = experiments.wide_mlp(2)
    assert found["train"].tolist() == [[1, 3], [5, 7]] and found["test"].tolist() == [[2, 4], [6, 8]]
    assert trained == [(2, 40, 0.01)] * 2 + [(2, 100, 0.01)] * 2  # seed, epochs, rate
    wide, seen[:] = list(seen), []
    pictures = experiments.moved(experiments.digits(), 12, np.random.default_rng([2, 2]))
    for world in (experiments.digits(), pictures):
        for x in experiments.both_orders(world, 2):
            experiments.scores("MLP", x, 2, epochs=1)
    assert all(torch.equal(a, b) for one, other in zip(wide, seen, strict=True) for a, b in zip(one, other))


def test_an_order_of_its_own_for_every_picture_leaves_its_grey_values(monkeypatch):
    seen = []
    monkeypatch.setattr(experiments, "scores", lambda name, x, seed, epochs: seen.append(x) or (0, 0))
    experiments.own_orders(0)
    shuffled, sorted_values, unlabelled = seen[0], seen[3], seen[5]
    rows = [np.sort(v.reshape(len(v), -1)) for v in (experiments.digits(), shuffled)]
    assert np.array_equal(*rows) and np.array_equal(sorted_values.reshape(len(rows[1]), -1), rows[1])
    assert np.mean(shuffled == experiments.digits()) < 0.6
    assert not np.array_equal(unlabelled, shuffled)
    assert np.array_equal(np.sort(unlabelled, axis=0), np.sort(shuffled, axis=0))
