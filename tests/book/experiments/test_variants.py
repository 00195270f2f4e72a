"""The experiments of the chapter on variants: what dilated causal layers see, against the layers themselves."""

import itertools

import numpy as np
import pytest
import torch

from experiments import variants as experiments
from miniconv.variants import causal_conv1d


def impulses(length, dilations):
    """Return which inputs change the last output, by a click at each time."""
    x = np.eye(length)[:, None]
    for dilation in dilations:
        x = causal_conv1d(x, np.ones((1, 1, 2)), dilation=dilation)
    return x[:, 0, -1] > 0


def test_two_layers_by_hand():
    assert experiments.reached(6, [1, 3]).astype(int).tolist() == [
        [0, 1, 1, 0, 1, 1],
        [0, 0, 1, 0, 0, 1],
        [0, 0, 0, 0, 0, 1],
    ]


@pytest.mark.parametrize(("dilations", "inputs"), [([1, 1, 1, 1], 5), ([1, 2, 4, 8], 16), ([1, 2, 4, 8, 16], 32)])
def test_doubled_dilations_double_the_reach(dilations, inputs):
    seen = experiments.reached(40, dilations)
    assert seen.shape == (len(dilations) + 1, 40)
    assert seen[0].tolist() == [False] * (40 - inputs) + [True] * inputs


def test_clicks_come_through_from_where_it_reaches():
    rng = np.random.default_rng(0)
    for _ in range(20):
        dilations = rng.integers(1, 9, size=3).tolist()
        assert np.array_equal(experiments.reached(12, dilations)[0], impulses(12, dilations))


def test_a_dilation_beyond_the_signal_reaches_nothing_more():
    assert experiments.reached(4, [7, 4]).sum(axis=1).tolist() == [1, 1, 1]


def test_a_plucked_string_repeats_the_mean_of_two_samples_one_turn_back():
    sounds = experiments.pluck(3, 0)
    again = (sounds[:, 1:-40] + sounds[:, :-41]) / 2
    assert np.abs(sounds[:, 41:] - 0.996 * again).max() < 0.03
    folded = experiments.pluck(3, 0, folded=True)
    assert np.abs(folded[:, 41:] - 1 + 1.9 * np.abs(folded[:, 1:-40] + folded[:, :-41]) / 2).max() < 0.05


def test_the_past_stands_before_what_is_predicted():
    seen, target = experiments.past(np.arange(140.0).reshape(2, 70), (1, 3))
    assert target.tolist() == [*range(64, 70), *range(134, 140)]
    assert np.array_equal(seen, [target - 1, target - 3])


def test_whatever_the_lags_the_same_samples_are_predicted():
    sounds = experiments.pluck(2, 0, samples=100)
    assert np.array_equal(experiments.past(sounds, (1, 2))[1], experiments.past(sounds, range(1, 65))[1])
    short, long = experiments.Stack(2, [1] * 6, True), experiments.Stack(2, [1, 2, 4, 8, 16, 32], True)
    assert (short.reach, long.reach) == (7, 64)
    sounds = torch.tensor(sounds).float()[:, None]
    for model in short, long:
        for parameter in model.parameters():
            parameter.data[:] = 0  # predicts 0
        assert np.isclose(model.loss(sounds).item(), (sounds[..., 64:] ** 2).mean().item())


@pytest.mark.parametrize("channels", [1, 3])
def test_a_stack_of_linear_layers_is_one_kernel(channels):
    rng = np.random.default_rng(0)
    sizes = [1, channels, channels, 1]
    cores = [rng.standard_normal((a, 2, b)) for a, b in itertools.pairwise(sizes)]
    y = np.eye(8)[:1, None]  # a click: the answer is the kernel
    for dilation, core in zip((1, 2, 4), cores, strict=True):
        y = causal_conv1d(y, core.transpose(2, 0, 1)[..., ::-1], dilation=dilation)
    assert np.allclose(y[0, 0], experiments.unfold_cores(cores))


def test_what_a_stack_can_compute_is_found_and_what_it_cannot_is_not():
    rng = np.random.default_rng(1)
    seen = rng.standard_normal((64, 2000))
    two = seen[39] + seen[40]  # 39 is 100111 in binary, 40 is 101000: no product of six factors
    product = np.array([1.0])
    for _ in range(6):
        product = np.kron(rng.standard_normal(2), product)
    losses = {
        name: min(experiments.fit_stack(seen, target, channels, rng)[1] for _ in range(6)) / np.mean(target**2)
        for name, target, channels in (("product", product @ seen, 1), ("two", two, 1), ("two, wide", two, 2))
    }
    assert losses["product"] < 1e-4 and losses["two, wide"] < 1e-2
    assert losses["two"] > 0.4


def test_a_trained_stack_is_causal_and_predicts_better_than_untrained():
    torch.manual_seed(0)
    model = experiments.Stack(4, [1, 2], True)
    sounds = torch.randn(4, 1, 90).cumsum(-1)
    x = sounds.clone()
    x[..., 60:] += 1
    with torch.no_grad():
        before = model.loss(sounds).item()
        assert torch.equal(model.layers(x)[..., : 60 - 3], model.layers(sounds)[..., : 60 - 3])
    assert experiments.train_stack(model, sounds, 60)[1] ** 2 < before / 2
