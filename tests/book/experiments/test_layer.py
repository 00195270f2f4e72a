"""The experiments of the chapter on the layer: biases that are means, and kernels that follow their gradients."""

import numpy as np
import pytest
import torch

from experiments import layer as experiments
from miniconv.layer import window_counts


def test_the_dark_rim_of_a_flat_photograph_is_what_the_missing_pixels_would_have_added():
    missing = experiments.dark_rim(np.full((40, 50), 0.6), np.random.default_rng(0), 3)
    share = 1 - window_counts((12, 12), 3, padding=1) / 9
    assert missing == pytest.approx(np.broadcast_to(0.6 * share, (3, 1, 12, 12)))


def test_where_no_place_differs_the_missing_is_a_tenth_and_noise():
    missing = experiments.same_everywhere(np.random.default_rng(0), 5000)
    assert missing.mean(axis=0) == pytest.approx(0.1, abs=0.01)
    assert missing.std(axis=0) == pytest.approx(0.1, abs=0.01)


def test_without_noise_both_biases_are_exact_where_no_place_differs(monkeypatch):
    monkeypatch.setattr(experiments, "same_everywhere", lambda rng, count: np.full((count, 1, 12, 12), 0.1))
    found = experiments.biases(0)
    assert found["same everywhere: channel"] == pytest.approx(0)
    assert found["same everywhere: place"] == pytest.approx(0)
    assert found["same everywhere: none"] == pytest.approx(0.1)


def test_the_halves_of_the_photograph_change_places_with_the_seed(monkeypatch):
    seen = []
    monkeypatch.setattr(
        experiments, "dark_rim", lambda photo, rng, count: seen.append(photo) or np.zeros((count, 1, 12, 12))
    )
    for seed in (0, 1):
        experiments.biases(seed)
    new, fitted = ([photos[at] for photos in (seen[:16], seen[16:])] for at in (0, 1))
    assert np.array_equal(new[0], fitted[1]) and np.array_equal(new[1], fitted[0])
    assert not np.array_equal(new[0], fitted[0])


def test_a_step_is_that_of_autograd():
    kernels, outgoing = np.random.default_rng(0).standard_normal((2, 9)), np.array([1.5, 0.5])
    losses, after = experiments.fit(kernels, outgoing, 0.3, 1)
    windows, w = torch.tensor(experiments._windows()), torch.tensor(kernels, requires_grad=True)
    right = torch.tensor([[-1.0, 0.0, 1.0]] * 3).double() / 3
    wanted = torch.relu(windows @ torch.stack([right.ravel(), right.T.ravel()]).T).sum(dim=1)
    loss = torch.mean((torch.relu(windows @ w.T) @ torch.tensor(outgoing) - wanted) ** 2)
    loss.backward()
    assert losses[0] == pytest.approx(loss.item())
    assert after == pytest.approx(kernels - 0.3 * w.grad.numpy())


def test_the_two_edge_detectors_themselves_have_no_loss():
    right = np.array([[-1.0, 0.0, 1.0]] * 3) / 3
    losses, kernels = experiments.fit(np.stack([right.ravel(), right.T.ravel()]), np.ones(2), 0.3, 3)
    assert losses.tolist() == [0, 0, 0]
    assert kernels[0].tolist() == right.ravel().tolist()


def test_twins_stay_twins_and_do_the_work_of_one(monkeypatch):
    monkeypatch.setattr(experiments, "STEPS", 200)
    monkeypatch.setattr(experiments, "SHOWN", np.array([0, 50, 199]))
    found = experiments.starts(3)
    assert found["identical start"] == pytest.approx(found["one kernel, counted twice"])
    different, identical, unlike = found["distances"]
    assert identical == 0 and different > 0.1 and unlike > 0
    assert not np.allclose(found["identical start"], found["identical start, unlike weights behind"])


def test_more_steps_change_no_sentence_of_the_chapter():
    found = experiments.starts.recorded(rerun=False)
    half = np.searchsorted(experiments.SHOWN, experiments.STEPS / 2)
    runs = {name: losses for name, losses in found.items() if losses.shape[1:] == experiments.SHOWN.shape}
    assert len(runs) == 4
    for name, losses in runs.items():
        assert np.array_equal(losses[:, half] < 1e-3, losses[:, -1] < 1e-3), name


def test_crops_lie_in_the_photograph_with_one_pixel_around_them():
    photo = np.arange(20.0 * 30).reshape(20, 30)
    views = experiments.crops(photo, np.random.default_rng(0), 50)
    assert views.shape == (50, 1, 14, 14)
    for view in views[:, 0]:
        row, column = divmod(int(view[0, 0]), 30)
        assert np.array_equal(view, photo[row : row + 14, column : column + 14])


def test_a_kernel_is_awake_on_the_windows_where_it_ends_above_zero():
    found = experiments.starts(10)
    first, second = found["awake: different start"]
    assert 0 < first < 1 and second == 0  # drawn so that no window of a digit answers
    assert (found["awake: identical start, unlike weights behind"] > 0.1).all()
