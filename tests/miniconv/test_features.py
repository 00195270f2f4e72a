"""The module `features` against PyTorch, scikit-learn, scikit-image and properties."""

import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeClassifier

from miniconv import features
from tests.helpers.arrays import assert_close

DTYPES = [np.float32, np.float64]


def rng(seed=0):
    return np.random.default_rng(seed)


def blobs(seed=0, points=60, clusters=4, columns=3):
    """Overlapping clouds, and a start chosen among the points."""
    draw = rng(seed)
    middles = 2 * draw.normal(size=(clusters, columns))
    x = draw.normal(size=(points, columns)) + middles[draw.integers(0, clusters, points)]
    return x, x[draw.choice(points, clusters, replace=False)].copy()


# patches ------------------------------------------------------------------------------------------------------------


PATCHES = [
    ((2, 3, 7, 5), (3, 2), 1),
    ((1, 1, 4, 6), (4, 6), 1),
    ((3, 2, 8, 5), (2, 3), (3, 2)),
    ((2, 1, 5, 9), 1, 4),
    ((1, 4, 6, 7), (1, 7), (5, 1)),
]


@pytest.mark.parametrize(("shape", "size", "stride"), PATCHES, ids=lambda v: str(v).replace(" ", ""))
@pytest.mark.parametrize("dtype", DTYPES)
def test_patches_are_the_columns_of_unfold(shape, size, stride, dtype):
    images = rng().normal(size=shape).astype(dtype)
    columns = F.unfold(torch.tensor(images), size, stride=stride).transpose(1, 2)
    expected = columns.reshape(-1, columns.shape[2])
    actual = features.extract_patches(images, size, stride)
    assert actual.dtype == dtype
    np.testing.assert_array_equal(actual, expected.numpy())


def test_patches_keep_integers_and_read_any_memory_layout():
    images = np.asfortranarray(rng().integers(0, 9, (2, 3, 6, 5)))[::-1, ::2, ::-1]
    images.flags.writeable = False
    patches = features.extract_patches(images, (2, 3))
    assert patches.dtype == images.dtype
    np.testing.assert_array_equal(patches[0], images[0, :, :2, :3].ravel())
    assert not np.shares_memory(patches, images)
    whole = np.ones((2, 1, 3, 4))
    assert not np.shares_memory(features.extract_patches(whole, (3, 4)), whole)


@pytest.mark.parametrize("dtype", DTYPES)
def test_normalising_is_layer_norm(dtype):
    patches = (10 + rng().normal(size=(9, 12))).astype(dtype)
    expected = F.layer_norm(torch.tensor(patches), (12,), eps=0.3).numpy()
    actual = features.normalize_patches(patches, 0.3)
    assert actual.dtype == dtype
    assert_close(actual, expected, scale=20.0)


def test_normalising_ignores_brightness_and_nearly_ignores_contrast():
    patches = rng(1).normal(size=(20, 9))
    plain = features.normalize_patches(patches, 1e-9)
    assert_close(features.normalize_patches(7 + patches, 1e-9), plain, scale=1e3)
    assert_close(features.normalize_patches(5 * patches, 1e-9), plain, tolerance=1e-6)
    assert np.all(features.normalize_patches(np.full((2, 4), 3.0)) == 0)


# whitening ----------------------------------------------------------------------------------------------------------


def torch_zca(patches, epsilon):
    """ZCA through the singular values of the centred data, not through the covariance."""
    x = torch.tensor(patches, dtype=torch.float64)
    centred = x - x.mean(0)
    _, singular, right = torch.linalg.svd(centred, full_matrices=True)
    values = torch.zeros(x.shape[1], dtype=torch.float64)
    values[: len(singular)] = singular**2 / (len(x) - 1)
    matrix = right.T @ torch.diag((values + epsilon) ** -0.5) @ right
    return (centred @ matrix).numpy(), x.mean(0).numpy(), matrix.numpy()


@pytest.mark.parametrize("shape", [(40, 5), (7, 12), (2, 1), (30, 30)], ids=str)
@pytest.mark.parametrize("epsilon", [0.01, 2.5])
def test_whitening_agrees_with_singular_values_in_torch(shape, epsilon):
    patches = rng(2).normal(size=shape) @ rng(3).normal(size=(shape[1], shape[1])) + 4
    for actual, expected in zip(features.whiten(patches, epsilon), torch_zca(patches, epsilon), strict=True):
        assert_close(actual, expected, tolerance=1e-10)


@settings(max_examples=30, deadline=None)
@given(st.integers(12, 60), st.integers(1, 8), st.integers(0, 99))
def test_whitened_covariance_is_the_identity_when_epsilon_vanishes(points, columns, seed):
    draw = rng(seed)
    patches = draw.normal(size=(points, columns)) @ (np.eye(columns) + 0.3 * draw.normal(size=(columns, columns)))
    whitened, mean, matrix = features.whiten(patches, 1e-12)
    assert_close(np.atleast_2d(np.cov(whitened.T)), np.eye(columns), scale=1.0, tolerance=1e-5)
    assert_close(matrix, matrix.T, tolerance=1e-10)
    assert_close(mean, patches.mean(axis=0), scale=np.abs(patches).max())


def test_whitening_damps_weak_directions_and_keeps_float32():
    patches = (rng(4).normal(size=(50, 2)) * [3.0, 0.01]).astype(np.float32)
    whitened, mean, matrix = features.whiten(patches, 0.1)
    assert {whitened.dtype, mean.dtype, matrix.dtype} == {np.dtype(np.float32)}
    spread = whitened.std(axis=0)
    assert spread[0] > 0.9
    assert spread[1] < 0.1


def test_folding_equals_whitening_first():
    patches, kernels = rng(5).normal(size=(40, 6)) + 2, rng(6).normal(size=(3, 6))
    whitened, mean, matrix = features.whiten(patches, 0.05)
    folded, bias = features.fold_whitening(kernels, mean, matrix)
    assert_close(patches @ folded.T + bias, whitened @ kernels.T, scale=1e3)


def test_folding_uses_the_matrix_on_the_right_side():
    matrix = np.array([[1.0, 2.0], [0.0, 1.0]])
    folded, bias = features.fold_whitening([[1.0, 10.0]], [1.0, 1.0], matrix)
    patch = np.array([[3.0, 5.0]])
    assert_close(patch @ folded.T + bias, (patch - 1) @ matrix @ np.array([[1.0], [10.0]]))


# k-means ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_distances_agree_with_cdist(dtype):
    points, centroids = (rng(7).normal(size=s).astype(dtype) for s in [(9, 4), (5, 4)])
    expected = torch.cdist(torch.tensor(points), torch.tensor(centroids), compute_mode="donot_use_mm_for_euclid_dist")
    actual = features.squared_distances(points, centroids)
    assert actual.dtype == dtype
    assert_close(actual, expected.numpy() ** 2, scale=100.0)


def test_distances_of_far_away_float32_data_keep_their_digits():
    points = (rng(8).normal(size=(20, 2)) + 3000).astype(np.float32)
    expected = ((points[:, None].astype(float) - points[None, :3]) ** 2).sum(-1)
    assert_close(features.squared_distances(points, points[:3]), expected, scale=60.0)


def test_a_tie_goes_to_the_lower_index():
    np.testing.assert_array_equal(features.assign_clusters([[0, 0], [1, 1]], [[1, 0], [-1, 0], [1, 0]]), [0, 0])


@pytest.mark.parametrize("steps", [1, 2, 3, 50])
@pytest.mark.parametrize("seed", range(4))
def test_kmeans_walks_with_scikit_learn_from_the_same_start(seed, steps):
    points, start = blobs(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KMeans(4, init=start, n_init=1, max_iter=steps, tol=0, algorithm="lloyd").fit(points)
    centroids, labels = features.kmeans(points, start, steps)
    assert_close(centroids, model.cluster_centers_, tolerance=1e-10)
    np.testing.assert_array_equal(labels, model.labels_)


@settings(max_examples=30, deadline=None)
@given(st.integers(5, 40), st.integers(1, 5), st.integers(1, 4), st.integers(0, 999))
def test_the_loss_never_rises(points, clusters, columns, seed):
    x, start = blobs(seed, points, min(clusters, points), columns)
    losses = [features.kmeans_loss(x, start)]
    losses += [features.kmeans_loss(x, features.kmeans(x, start, steps)[0]) for steps in range(1, 6)]
    assert np.all(np.diff(losses) <= 1e-9 * losses[0])


def test_kmeans_ends_at_a_fixed_point():
    x, start = blobs(3)
    centroids, labels = features.kmeans(x, start, 100)
    again, same = features.kmeans(x, centroids, 1)
    assert_close(again, centroids)
    np.testing.assert_array_equal(same, labels)
    for k, centroid in enumerate(centroids):
        assert_close(x[labels == k].mean(axis=0), centroid)


def test_an_empty_cluster_stays_and_the_start_is_not_changed():
    start = np.array([[0.0], [100.0]])
    centroids, labels = features.kmeans([[1.0], [2.0]], start, 3)
    np.testing.assert_array_equal(centroids, [[1.5], [100.0]])
    np.testing.assert_array_equal(labels, [0, 0])
    np.testing.assert_array_equal(start, [[0.0], [100.0]])


def test_an_infinite_point_spoils_its_own_cluster_alone():
    points = np.array([[9.0], [np.inf], [0.0], [1.0], [14.0], [15.0]])
    with np.errstate(invalid="ignore"):  # infinity minus infinity, in the cluster that is spoiled
        centroids, labels = features.kmeans(points, [[10.0], [0.4], [15.0]], steps=1)
    np.testing.assert_array_equal(centroids, [[np.inf], [0.5], [14.5]])
    np.testing.assert_array_equal(labels[2:], [1, 1, 2, 2])


def test_kmeans_keeps_what_is_finer_of_two_dtypes():
    points = np.array([[1.0], [1.0 + 1e-9]])
    for start in (np.zeros((1, 1), np.float32), np.zeros((1, 1), int)):
        assert_close(features.kmeans(points, start, 1)[0], [[1.0 + 5e-10]], tolerance=1e-15)


def test_of_equally_near_centroids_the_hard_code_marks_the_first():
    codes = features.encode_patches([[1, 1]], [[4, 1], [2, 1], [1, 0], [0, 1]], "hard")
    np.testing.assert_array_equal(codes, [[0, 1, 0, 0]])


def test_kmeans_keeps_float32():
    x, start = blobs(5)
    centroids, _ = features.kmeans(x.astype(np.float32), start.astype(np.float32), 5)
    assert centroids.dtype == np.float32
    assert_close(centroids, features.kmeans(x, start, 5)[0].astype(np.float32))


# codes and pooling --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_triangle_code_against_cdist(dtype):
    patches, centroids = (rng(9).normal(size=s).astype(dtype) for s in [(11, 5), (6, 5)])
    z = torch.cdist(torch.tensor(patches), torch.tensor(centroids), compute_mode="donot_use_mm_for_euclid_dist")
    expected = torch.relu(z.mean(1, keepdim=True) - z).numpy()
    actual = features.encode_patches(patches, centroids)
    assert actual.dtype == dtype
    assert_close(actual, expected, scale=20.0)


def test_codes_are_sparse_and_the_hard_one_is_the_label():
    patches, centroids = rng(10).normal(size=(200, 5)), rng(11).normal(size=(8, 5))
    triangle, hard = features.encode_patches(patches, centroids), features.encode_patches(patches, centroids, "hard")
    assert 0.3 < (triangle == 0).mean() < 0.7
    np.testing.assert_array_equal(hard.argmax(axis=1), features.assign_clusters(patches, centroids))
    np.testing.assert_array_equal(hard.sum(axis=1), 1)
    np.testing.assert_array_equal(triangle.argmax(axis=1), hard.argmax(axis=1))


POOLS = [((6, 4), 2), ((5, 7), 2), ((5, 7), 3), ((4, 9), 1), ((3, 3), 3)]


@pytest.mark.parametrize(("grid", "cells"), POOLS, ids=lambda v: str(v).replace(" ", ""))
@pytest.mark.parametrize("dtype", DTYPES)
def test_pooling_is_adaptive_average_pooling(grid, cells, dtype):
    maps = rng(12).normal(size=(2, 3, *grid)).astype(dtype)
    expected = F.adaptive_avg_pool2d(torch.tensor(maps), cells).numpy().reshape(2, -1)
    codes = maps.transpose(0, 2, 3, 1).reshape(-1, 3)
    actual = features.pool_codes(codes, grid, cells)
    assert actual.dtype == dtype
    assert_close(actual, expected, scale=4.0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_kernel_features_are_conv_relu_pool(dtype):
    images, kernels = (rng(13).normal(size=s).astype(dtype) for s in [(3, 2, 9, 7), (5, 2, 3, 4)])
    layer = torch.relu(F.conv2d(torch.tensor(images), torch.tensor(kernels)))
    actual = features.kernel_features(images, kernels, 3)
    assert actual.dtype == dtype
    assert_close(actual, F.adaptive_avg_pool2d(layer, 3).numpy().reshape(3, -1), scale=50.0)


def test_centroid_features_are_the_steps_in_a_row():
    images = rng(14).normal(size=(4, 2, 6, 5))
    patches = features.normalize_patches(features.extract_patches(images, (3, 2)), 0.1)
    whitened, mean, matrix = features.whiten(patches, 0.2)
    codes = features.encode_patches(whitened, whitened[::7])
    actual = features.centroid_features(images, whitened[::7], (3, 2), 2, mean=mean, matrix=matrix, epsilon=0.1)
    assert_close(actual, features.pool_codes(codes, (4, 4), 2))
    plain = features.centroid_features(images, patches[::7], (3, 2), 2, epsilon=0.1)
    assert_close(plain, features.pool_codes(features.encode_patches(patches, patches[::7]), (4, 4), 2))


# kernels ------------------------------------------------------------------------------------------------------------


def test_random_kernels_have_mean_zero_length_one_and_differ():
    kernels = features.random_kernels(40, 2, (3, 4), seed=5)
    assert_close(kernels.sum(axis=(1, 2, 3)), np.zeros(40), scale=1.0)
    assert_close((kernels**2).sum(axis=(1, 2, 3)), np.ones(40))
    flat = kernels.reshape(40, -1)
    assert np.abs(flat @ flat.T - np.eye(40)).max() < 0.95
    np.testing.assert_array_equal(kernels, features.random_kernels(40, 2, (3, 4), seed=5))
    assert not np.allclose(kernels, features.random_kernels(40, 2, (3, 4), seed=6))


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.floats(0.4, 5), st.floats(-7, 7), st.floats(-5, 5), st.floats(-5, 5))
def test_an_edge_kernel_measures_the_slope_along_its_angle(size, sigma, angle, right, down):
    kernel = features.edge_kernels(size, [angle], sigma)[0, 0]
    y, x = np.indices((size, size)).astype(float)
    response = (kernel * (right * x + down * y + 3)).sum()
    assert_close(response, right * np.cos(angle) + down * np.sin(angle), scale=500.0)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.floats(0.4, 5), st.floats(-7, 7))
def test_edge_kernels_steer(size, sigma, angle):
    kernel, horizontal, vertical = features.edge_kernels(size, [angle, 0, np.pi / 2], sigma)[:, 0]
    assert_close(kernel, np.cos(angle) * horizontal + np.sin(angle) * vertical, scale=1.0)
    assert_close(vertical, horizontal.T, scale=1.0)


@pytest.mark.parametrize("size", [5, 6])
def test_a_narrow_edge_kernel_does_not_vanish(size):
    kernel = features.edge_kernels(size, [0.0], 0.01)[0, 0]
    assert_close(np.abs(kernel).sum(), 1.0 if size == 5 else 2.0)


def test_edge_kernels_agree_with_gaussian_derivatives_of_scipy():
    impulse = np.zeros((17, 17))
    impulse[8, 8] = 1
    derivative = -gaussian_filter(impulse, 1.3, order=(0, 1), truncate=6.0)
    assert_close(features.edge_kernels(17, [0.0], 1.3)[0, 0], derivative, tolerance=1e-4)


# ridge --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("penalty", [0.01, 1.0, 30.0])
def test_ridge_agrees_with_scikit_learn(classes, penalty):
    x = rng(15).normal(size=(50, 7)) + 2
    labels = np.arange(50) % classes
    weight, bias = features.ridge_fit(x, labels, penalty)
    model = RidgeClassifier(alpha=penalty).fit(x, labels)
    coefficients, intercepts = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    assert_close(weight[-len(coefficients) :], coefficients, tolerance=1e-10)
    assert_close(bias[-len(coefficients) :], intercepts, tolerance=1e-9, scale=1.0)
    np.testing.assert_array_equal(features.ridge_predict(x, weight, bias), model.predict(x))


def test_ridge_without_penalty_fits_more_columns_than_rows():
    x, labels = rng(16).normal(size=(6, 20)), np.array([0, 1, 2, 0, 1, 2])
    weight, bias = features.ridge_fit(x, labels, 0)
    assert_close(x @ weight.T + bias, 2 * np.eye(3)[labels] - 1, tolerance=1e-9)


# errors -------------------------------------------------------------------------------------------------------------


IMAGES, ROWS = np.ones((1, 2, 4, 4)), np.ones((4, 3))
ERRORS = {
    "patches-rank": (ValueError, r"\(N, C, H, W\)", lambda: features.extract_patches(np.ones((4, 4)), 2)),
    "patches-too-large": (ValueError, "does not fit", lambda: features.extract_patches(IMAGES, (2, 5))),
    "patches-size-zero": (ValueError, "at least 1", lambda: features.extract_patches(IMAGES, 0)),
    "patches-stride": (ValueError, "at least 1", lambda: features.extract_patches(IMAGES, 2, 0)),
    "patches-bool": (TypeError, "real numbers", lambda: features.extract_patches(IMAGES > 0, 2)),
    "patches-object": (TypeError, "real numbers", lambda: features.extract_patches(IMAGES.astype(object), 2)),
    "normalize-rank": (ValueError, r"\(P, D\)", lambda: features.normalize_patches(IMAGES)),
    "normalize-epsilon": (ValueError, "above 0", lambda: features.normalize_patches(ROWS, 0)),
    "normalize-string": (TypeError, "must be a number", lambda: features.normalize_patches(ROWS, "1")),
    "whiten-one": (ValueError, "two patches", lambda: features.whiten(ROWS[:1])),
    "whiten-epsilon": (ValueError, "above 0", lambda: features.whiten(ROWS, -1.0)),
    "whiten-nan": (ValueError, "finite", lambda: features.whiten(ROWS * np.nan)),
    "fold-shapes": (ValueError, "must agree", lambda: features.fold_whitening(ROWS, np.ones(4), np.eye(4))),
    "fold-not-square": (ValueError, "must agree", lambda: features.fold_whitening(ROWS, np.ones(3), np.ones((3, 2)))),
    "distances": (ValueError, "same number of columns", lambda: features.squared_distances(ROWS, ROWS[:, :2])),
    "kmeans-columns": (ValueError, "same number of columns", lambda: features.kmeans(ROWS, ROWS[:, :1])),
    "kmeans-steps": (ValueError, "at least 1", lambda: features.kmeans(ROWS, ROWS, 0)),
    "kmeans-empty": (ValueError, "empty", lambda: features.kmeans(ROWS, ROWS[:0])),
    "encode-kind": (ValueError, "kind", lambda: features.encode_patches(ROWS, ROWS, "soft")),
    "pool-rows": (ValueError, "multiple of", lambda: features.pool_codes(ROWS, (3, 1))),
    "pool-cells": (ValueError, "do not fit", lambda: features.pool_codes(ROWS, (4, 1), 2)),
    "random-one": (ValueError, "one element", lambda: features.random_kernels(3, 1, 1)),
    "random-count": (ValueError, "at least 1", lambda: features.random_kernels(0, 1, 3)),
    "edge-size": (ValueError, "at least 2", lambda: features.edge_kernels(1, [0.0])),
    "edge-sigma": (ValueError, "above 0", lambda: features.edge_kernels(3, [0.0], 0.0)),
    "edge-angles": (ValueError, r"\(K,\)", lambda: features.edge_kernels(3, 0.0)),
    "features-channels": (ValueError, "channels", lambda: features.kernel_features(IMAGES, np.ones((1, 3, 2, 2)))),
    "features-size": (ValueError, "does not fit", lambda: features.kernel_features(IMAGES, np.ones((1, 2, 5, 2)))),
    "centroids-size": (ValueError, "columns", lambda: features.centroid_features(IMAGES, ROWS, 2)),
    "centroids-half": (
        ValueError,
        "both or none",
        lambda: features.centroid_features(IMAGES, np.ones((3, 8)), 2, mean=np.ones(8)),
    ),
    "centroids-mean": (
        ValueError,
        r"\(1,\)",
        lambda: features.centroid_features(IMAGES, np.ones((3, 8)), 2, mean=np.ones(1), matrix=np.eye(8)),
    ),
    "ridge-labels": (ValueError, "labels", lambda: features.ridge_fit(ROWS, [0, 1])),
    "ridge-negative": (ValueError, "labels", lambda: features.ridge_fit(ROWS, [0, 1, -1, 0])),
    "ridge-penalty": (ValueError, "at least 0", lambda: features.ridge_fit(ROWS, [0, 1, 0, 1], -1)),
    "predict": (ValueError, "classes", lambda: features.ridge_predict(ROWS, ROWS, np.ones(2))),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_name_the_rule(name):
    kind, words, call = ERRORS[name]
    with pytest.raises(kind, match=words):
        call()


def test_nothing_is_modified_and_any_layout_is_read():
    x = np.asfortranarray(rng(17).normal(size=(12, 8)))[:, ::2]
    x.flags.writeable = False
    copy = np.array(x)
    calls = [
        features.normalize_patches,
        lambda a: features.whiten(a)[0],
        lambda a: features.kmeans(a, a[:3], 4)[0],
        lambda a: features.encode_patches(a, a[:5]),
        lambda a: features.pool_codes(a, (3, 2)),
        lambda a: features.ridge_fit(a, np.arange(12) % 3)[0],
    ]
    for call in calls:
        assert_close(call(x), call(copy))
    np.testing.assert_array_equal(x, copy)


def test_small_integers_do_not_overflow():
    images, kernels = np.full((1, 1, 2, 2), 200, np.uint8), np.ones((1, 1, 2, 2), np.uint8)
    assert features.kernel_features(images, kernels, 1) == 800
    labels = np.array([0, 255, 1, 0], np.uint8)
    assert_close(features.ridge_fit(ROWS, labels)[0], features.ridge_fit(ROWS, labels.astype(int))[0])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_cell(value):
    codes = np.ones((16, 1))
    codes[0] = value
    np.testing.assert_array_equal(features.pool_codes(codes, (4, 4), 2), [[value, 1, 1, 1]])


def test_nan_stays_in_its_patch():
    patches = rng(18).normal(size=(4, 3))
    patches[1, 2] = np.nan
    for result in (features.normalize_patches(patches), features.encode_patches(patches, np.eye(3))):
        np.testing.assert_array_equal(np.isnan(result).all(axis=1), [False, True, False, False])
        assert not np.isnan(result[[0, 2, 3]]).any()
