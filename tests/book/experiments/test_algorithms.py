"""The experiments of the chapter on algorithms: the clock, the products of a layer, and kernels of low rank."""

from types import SimpleNamespace

import numpy as np
import pytest

from experiments import algorithms as experiments
from miniconv.algorithms import operation_count
from miniconv.layer import conv2d


def test_seconds_leaves_out_the_first_call(monkeypatch):
    clock, durations, seen = [0.0], iter([50.0, 1.0, 4.0, 2.0]), []
    monkeypatch.setattr(experiments, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def call(*args):
        seen.append(args)
        clock[0] += next(durations)

    assert experiments.seconds(call, "image", 3, repeats=3) == [1.0, 4.0, 2.0]
    assert seen == [("image", 3)] * 4


def test_a_layer_of_one_channel_is_one_convolution():
    direct, by_transform = experiments.layer_products(1, 1, 1, 128, 3, 256)
    assert direct == operation_count("loops", (128, 128), (3, 3), "same").multiplications
    assert by_transform == operation_count("fft", (128, 128), (3, 3), "same").multiplications


def test_transforms_are_shared_and_sums_over_channels_are_not():
    one, layer = (np.array(experiments.layer_products(*sizes, 16, 3, 32)) for sizes in ((1, 1, 1), (2, 3, 4)))
    assert layer[0] == 24 * one[0]
    assert layer[1] == (6 + 12 + 8) * 2 * 1024 * 10 + 24 * 4 * 1024 + 8 * 2 * 1024 < 24 * one[1]


def test_training_names_the_digits_and_no_training_does_not():
    run, start = experiments.rank_one.function(0, steps=150), experiments.rank_one.function(0, steps=0)
    assert run["test"] > 0.85 and run["train"] > 0.9
    assert start["test"] < 0.25
    assert np.array_equal(run["before"], start["after"])
    assert not np.allclose(run["before"], run["after"], atol=0.01)


def test_the_same_seed_learns_the_same_kernels():
    first, again, other = (experiments.rank_one.function(seed, steps=3)["kernels"] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.01


def test_a_layer_of_rank_r_is_two_layers_with_r_maps_between():
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((1, 3, 9, 9)), rng.standard_normal((4, 3, 5, 5))
    u, s, v = np.linalg.svd(experiments.columns_and_rows(weight), full_matrices=False)
    down = (u[:, :2] * s[:2]).reshape(3, 5, 2).transpose(2, 0, 1)[..., None]
    along = v[:2].reshape(2, 4, 5).transpose(1, 0, 2)[:, :, None]
    assert np.allclose(conv2d(conv2d(x, down), along), conv2d(x, experiments.truncated(weight, 2)))
    assert np.allclose(experiments.truncated(weight, 15), weight)


def test_one_separable_kernel_has_rank_one():
    weight = np.outer([1.0, 2.0, 1.0], [1.0, 0.0, -1.0])[None, None]
    assert np.allclose(experiments.truncated(weight, 1), weight)
    assert not np.allclose(experiments.truncated(weight + np.eye(3), 1), weight + np.eye(3))


def test_the_largest_terms_miss_least_and_all_terms_miss_nothing():
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((4, 3, 5, 5))
    assert np.allclose(experiments.from_terms(weight, rng.permutation(15)), weight)
    missed = [
        np.linalg.norm(weight - experiments.from_terms(weight, terms)) for terms in ([0, 1, 2], [0, 1, 3], [14, 13, 12])
    ]
    assert missed == sorted(missed) and missed[0] == pytest.approx(
        np.linalg.norm(weight - experiments.truncated(weight, 3))
    )


def test_noise_is_as_long_as_what_it_stands_for_and_new_each_time():
    rng = np.random.default_rng(0)
    array = rng.standard_normal((3, 4))
    noise, other = experiments.like(array, rng), experiments.like(array, rng)
    assert np.linalg.norm(noise) == pytest.approx(np.linalg.norm(array)) and not np.allclose(noise, other)
    assert not np.any(experiments.like(np.zeros((3, 4)), rng))
