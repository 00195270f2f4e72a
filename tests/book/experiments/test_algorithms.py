"""The experiments of the chapter on algorithms: the clock, and the kernels learned on the digits."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from experiments import algorithms as experiments
from miniconv.algorithms import separate_kernel


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Keep PyTorch to one thread: with layers as small as these, more only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def mean_error(kernels):
    """Return the mean relative error of the best approximations of rank 1."""
    return np.mean([separate_kernel(kernel)[2] for kernel in kernels])


@pytest.fixture(scope="module")
def trained():
    """Return the kernels and the accuracy of the chapter's first seed."""
    return experiments.learned_kernels(0)


def test_seconds_leaves_out_the_first_call(monkeypatch):
    clock, durations, seen = [0.0], iter([50.0, 1.0, 4.0, 2.0]), []
    monkeypatch.setattr(experiments, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def call(*args):
        seen.append(args)
        clock[0] += next(durations)

    assert experiments.seconds(call, "image", 3, repeats=3) == [1.0, 4.0, 2.0]
    assert seen == [("image", 3)] * 4


def test_the_same_seed_learns_the_same_kernels():
    first, again, other = (experiments.learned_kernels(seed, steps=3)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.01


def test_kernels_have_the_asked_number_and_size():
    kernels, _ = experiments.learned_kernels(0, kernel=3, filters=2, steps=0)
    assert kernels.shape == (2, 3, 3) and kernels.dtype == float


def test_training_names_the_digits_and_no_training_does_not(trained):
    kernels, accuracy = trained
    untrained, chance = experiments.learned_kernels(0, steps=0)
    assert accuracy > 0.85
    assert chance < 0.25
    assert np.abs(kernels - untrained).max() > 0.1


def test_learned_kernels_are_hardly_nearer_to_rank_one_than_noise(trained):
    noise = np.random.default_rng(0).standard_normal((200, 5, 5))
    learned, random = mean_error(trained[0]), mean_error(noise)
    assert random - 0.15 < learned < random
    assert mean_error([np.outer(kernel[0], kernel[1]) for kernel in noise]) < 1e-6
