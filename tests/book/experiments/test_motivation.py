"""The experiments of the chapter on why convolution: what a unit depends on, and pictures whose locality is known."""

import numpy as np
import pytest

from experiments import motivation as experiments
from miniconv.motivation import connectivity, receptive_field


def chain(stack, length):
    """Return the connectivity of each layer of a stack."""
    layers = []
    for layer in stack:
        layers.append(connectivity([layer], length))
        length = len(layers[-1])
    return layers


def test_two_layers_by_hand():
    first = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]], bool)
    second = np.array([[1, 1, 0], [0, 0, 1]], bool)
    masks = experiments.dependence([first, second])
    assert [mask.tolist() for mask in masks] == [[0, 0, 1, 1], [0, 0, 1], [0, 1]]
    masks = experiments.dependence([first, second[:1]])
    assert [mask.tolist() for mask in masks] == [[1, 1, 1, 0], [1, 1, 0], [1]]


@pytest.mark.parametrize(
    ("stack", "inputs"),
    [
        ([(3,), (3,), (3,)], 7),
        ([(3, 2), (3, 2), (3,)], 15),
        ([(3, 1, 0, 1), (3, 1, 0, 2), (3, 1, 0, 4)], 15),
    ],
)
def test_the_stacks_of_the_chapter(stack, inputs):
    masks = experiments.dependence(chain(stack, 27))
    assert np.ptp(np.flatnonzero(masks[0])) + 1 == masks[0].sum() == inputs == receptive_field(stack)[0]
    assert masks[-1].sum() == 1


def test_random_stacks_reach_what_the_whole_stack_reads():
    rng = np.random.default_rng(0)
    for _ in range(20):
        stack = [tuple(rng.integers(1, 4, size=2).tolist()) for _ in range(3)]
        masks = experiments.dependence(chain(stack, 60))
        whole = connectivity(stack, 60)
        assert np.array_equal(masks[0], whole[len(whole) // 2])


def test_a_dense_layer_sees_everything():
    sparse, dense = connectivity([(3,)], 9), np.ones((4, 7), bool)
    masks = experiments.dependence([sparse, dense])
    assert [mask.sum() for mask in masks] == [9, 7, 1]


def test_the_correlation_of_a_picture_with_a_known_one():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(400, 401))
    photo = noise[:, 1:] + noise[:, :-1]  # neighbours share one of their two summands
    found = experiments.correlation(photo, [1, 2, 5])
    assert found == pytest.approx([0.5, 0, 0], abs=0.02)


def test_what_is_left_of_a_pixel_that_others_determine_in_part():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(200, 301))
    photo = noise[:, 1:] / 2 + noise[:, :-1]  # neighbours correlate with 0.4
    assert experiments.unexplained(photo, [(0, -1)], 1, 4000) == pytest.approx(1 - 0.4**2, abs=0.03)
    assert experiments.unexplained(photo, [(25, 25)], 1, 4000) == pytest.approx(1, abs=0.05)
    ramp = np.add.outer(np.arange(100.0), np.arange(200.0))
    assert experiments.unexplained(ramp, experiments.nearest(1), 1, 1000) == pytest.approx(0, abs=1e-12)


def test_what_is_fitted_on_the_left_is_tested_on_the_right():
    rows = np.random.default_rng(0).normal(size=(120, 1))
    photo = rows * np.where(np.arange(200) < 100, 1, (-1) ** np.arange(200))  # a neighbour is equal, or the negative
    assert experiments.unexplained(photo, [(0, -1)], 0, 2000) == pytest.approx(4, abs=0.2)


def test_shuffling_keeps_the_pixels_and_takes_the_neighbours():
    photo = experiments.photographs()["coins"]
    mixed = experiments.shuffled(photo)
    assert np.array_equal(np.sort(mixed, axis=None), np.sort(photo, axis=None))
    assert experiments.correlation(photo, [1])[0] > 0.9 > 0.05 > abs(experiments.correlation(mixed, [1])[0])


def test_noise_keeps_the_spectrum_of_a_photograph_and_no_place_of_it():
    photo = experiments.photographs()["coins"]
    noise, other = (experiments.noise_like(photo, seed) for seed in (0, 1))
    strengths = [np.abs(np.fft.fft2(picture)) for picture in (photo, noise, other)]
    assert np.allclose(strengths[0], strengths[1]) and np.allclose(strengths[0], strengths[2])
    assert noise.mean() == pytest.approx(photo.mean())
    pictures = [picture.ravel() for picture in (photo, noise, other)]
    assert np.abs(np.corrcoef(pictures) - np.eye(3)).max() < 0.5


def test_neighbours_tell_what_far_pixels_do_not():
    left = experiments.locality(0, pixels=1500)
    assert all(shares.shape == (5,) for shares in left.values())
    assert (left["8 nearest"] < 0.15 * left["24 far"]).all()
    assert (left["8 nearest, shuffled"] > 0.9).all()
    assert (left["8 nearest, noise"] < 0.15).all()
    assert len(experiments.nearest(1)) == 8 and len(experiments.nearest(2)) == 24
