"""The module `layer` against PyTorch, its definition by indices, and the identities of layers."""

import doctest

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from miniconv import layer as module
from miniconv._arguments import as_pair
from miniconv.layer import (
    conv1d,
    conv2d,
    conv2d_by_index,
    conv2d_untied_bias,
    dense_weight,
    padding_pairs,
    unfold,
    window_counts,
)
from tests.helpers.arrays import assert_close
from tests.helpers.layer_cases import TABLE, Layer, dtypes, layers, table

random_layer = settings(max_examples=40, deadline=None)


# PyTorch says that an even kernel with padding="same" costs it a copy.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")


def oracle(x, weight, bias=None, **options):
    arrays = [None if a is None else torch.tensor(a) for a in (x, weight, bias)]
    return F.conv2d(*arrays, **options).numpy()


def scale(*arrays, **options):
    """f(|x|, |w|, |b|) in float64."""
    return oracle(*(np.abs(a).astype(np.float64) for a in arrays), **options)


def test_doctests():
    assert doctest.testmod(module).failed == 0


def test_hand_value():
    x = np.array([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]]])
    weight = np.array([[[[1.0, 0.0], [0.0, -1.0]], [[2.0, 2.0], [0.0, 0.0]]]])
    # first place: 1 - 5 + 2 (0 + 1); second: 2 - 6 + 2 (1 + 0)
    np.testing.assert_array_equal(conv2d(x, weight, [10.0]), [[[[8.0, 8.0]]]])


@dtypes
@table
def test_conv2d_is_pytorchs(layer, dtype):
    x, weight, bias = layer.arrays(dtype)
    y = conv2d(x, weight, bias, **layer.options)
    assert y.dtype == dtype
    assert_close(y, oracle(x, weight, bias, **layer.options), scale(x, weight, bias, **layer.options))


@random_layer
@given(layers())
def test_conv2d_is_pytorchs_at_random(layer):
    x, weight, _ = layer.arrays()
    assert_close(
        conv2d(x, weight, **layer.options),
        oracle(x, weight, **layer.options),
        scale(x, weight, **layer.options),
    )


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_by_index_is_pytorchs(stride):
    x, weight, _ = Layer((2, 3, 7, 6), (4, 3, 3, 2)).arrays()
    assert_close(conv2d_by_index(x, weight, stride), oracle(x, weight, stride=stride), scale(x, weight, stride=stride))


@dtypes
@table
def test_unfold_is_pytorchs(layer, dtype):
    x, _, _ = layer.arrays(dtype)
    options = {k: v for k, v in layer.options.items() if k != "groups"}
    ours = unfold(x, layer.weight[2:], **options)
    if "padding" in options:  # PyTorch's takes numbers only, the same on both sides
        (top, bottom), (left, right) = padding_pairs(
            options.pop("padding"), layer.weight[2:], as_pair(options.get("dilation", 1), "dilation", 1)
        )
        x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    np.testing.assert_array_equal(ours, F.unfold(torch.tensor(x), layer.weight[2:], **options).numpy(), strict=True)


@table
def test_one_matrix_product(layer):
    x, weight, _ = layer.arrays()
    options = dict(layer.options)
    dense = dense_weight(weight, options.pop("groups", 1))
    product = dense.reshape(len(dense), -1) @ unfold(x, weight.shape[2:], **options)
    expected = conv2d(x, weight, **layer.options)
    assert_close(product.reshape(expected.shape), expected, scale(x, weight, **layer.options))


@random_layer
@given(layers(), st.floats(-3, 3))
def test_linear_in_the_input(layer, factor):
    (x, weight, _), (other, _, _) = layer.arrays(seed=1), layer.arrays(seed=2)
    together = conv2d(x + factor * other, weight, **layer.options)
    apart = conv2d(x, weight, **layer.options) + factor * conv2d(other, weight, **layer.options)
    assert_close(together, apart, scale(abs(x) + abs(factor * other), weight, **layer.options))


@random_layer
@given(layers(), st.integers(1, 4))
def test_strided_is_subsampled(layer, stride):
    x, weight, _ = layer.arrays()
    options = {**layer.options, "stride": 1}
    full = conv2d(x, weight, **options)
    assert_close(
        conv2d(x, weight, **{**options, "stride": stride}),
        full[:, :, ::stride, ::stride],
        scale(x, weight, **options)[:, :, ::stride, ::stride],
    )


@random_layer
@given(layers())
def test_groups_are_layers_side_by_side(layer):
    x, weight, _ = layer.arrays()
    options = dict(layer.options)
    groups = options.pop("groups")
    parts = zip(np.split(x, groups, axis=1), np.split(weight, groups), strict=True)
    expected = np.concatenate([conv2d(a, w, **options) for a, w in parts], axis=1)
    assert_close(conv2d(x, weight, groups=groups, **options), expected, scale(x, weight, **layer.options))


def test_depthwise_commutes_where_full_channels_do_not():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 4, 9, 9))
    for shape, groups, commutes in (((4, 1, 3, 3), 4, True), ((4, 4, 3, 3), 1, False)):
        a, b = rng.standard_normal((2, *shape))
        one = conv2d(conv2d(x, a, groups=groups), b, groups=groups)
        other = conv2d(conv2d(x, b, groups=groups), a, groups=groups)
        assert np.allclose(one, other) == commutes


@pytest.mark.parametrize(
    "options",
    [{}, {"stride": 3}, {"padding": 2, "dilation": 2}, {"padding": "same"}, {"stride": 2, "padding": 1, "groups": 2}],
    ids=str,
)
def test_conv1d_is_pytorchs(options):
    rng = np.random.default_rng(1)
    x, bias = rng.standard_normal((2, 4, 11)), rng.standard_normal(6)
    weight = rng.standard_normal((6, 4 // options.get("groups", 1), 4))
    expected = F.conv1d(torch.tensor(x), torch.tensor(weight), torch.tensor(bias), **options).numpy()
    assert_close(conv1d(x, weight, bias, **options), expected)


@table
def test_untied_bias_adds_place_by_place(layer):
    x, weight, _ = layer.arrays()
    y = conv2d(x, weight, **layer.options)
    bias = np.random.default_rng(3).standard_normal(y.shape[1:])
    np.testing.assert_array_equal(conv2d_untied_bias(x, weight, bias, **layer.options), y + bias)


def test_window_counts_at_the_edge():
    counts = window_counts((5, 6), 3, padding=1)
    assert (counts[0, 0], counts[0, 2], counts[2, 2]) == (4, 6, 9)
    np.testing.assert_array_equal(window_counts((5, 6), (2, 3)), np.full((4, 4), 6))
    np.testing.assert_array_equal(window_counts((2, 2), 3, 2, 2, 2), oracle_counts(2, 3, 2, 2, 2))


def oracle_counts(size, kernel, *geometry):
    return oracle(np.ones((1, 1, size, size)), np.ones((1, 1, kernel, kernel)), None, **dict(zip(GEOMETRY, geometry)))[
        0, 0
    ]


GEOMETRY = ("stride", "padding", "dilation")


def test_dense_weight_is_zero_between_groups():
    dense = dense_weight(np.ones((6, 2, 1, 1)), 3)[:, :, 0, 0]
    np.testing.assert_array_equal(dense, np.kron(np.eye(3), np.ones((2, 2))))


def test_input_untouched_and_any_layout():
    layer = TABLE["all of it"]
    x, weight, bias = layer.arrays()
    expected = conv2d(x, weight, bias, **layer.options)
    read_only = [np.asfortranarray(a) for a in (x, weight, bias)]
    copies = [a.copy() for a in read_only]
    for a in read_only:
        a.flags.writeable = False
    assert_close(conv2d(*read_only, **layer.options), expected)
    assert all(np.array_equal(a, c) for a, c in zip(read_only, copies, strict=True))
    reverse = x[:, :, ::-1, ::-1]
    np.testing.assert_array_equal(unfold(reverse, 2), unfold(reverse.copy(), 2))


def test_integers_stay_integers():
    x, weight = np.arange(18).reshape(1, 2, 3, 3), np.ones((1, 2, 2, 2), int)
    assert conv2d(x, weight).dtype == int
    np.testing.assert_array_equal(conv2d(x, weight), oracle(x.astype(float), weight.astype(float)))


def test_nan_spreads_to_the_windows_that_see_it():
    x, weight = np.zeros((1, 2, 5, 5)), np.ones((3, 2, 3, 3))
    x[0, 1, 2, 4] = np.nan
    for options in ({}, {"padding": 1}, {"stride": 2, "padding": 1}, {"dilation": 2}):
        np.testing.assert_array_equal(np.isnan(conv2d(x, weight, **options)), np.isnan(oracle(x, weight, **options)))


def test_memory_is_one_samples_columns():
    import tracemalloc

    x, weight = np.zeros((16, 8, 32, 32), np.float32), np.zeros((8, 8, 3, 3), np.float32)
    tracemalloc.start()
    y = conv2d(x, weight, padding=1)
    extra = tracemalloc.get_traced_memory()[1] - y.nbytes
    tracemalloc.stop()
    columns = 8 * 9 * 32 * 32 * 4
    assert extra < 1.5 * columns


X, W = np.ones((1, 4, 5, 5)), np.ones((2, 4, 3, 3))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: conv2d(X[0], W), ValueError, r"x must have shape \(N, C, H, W\).*\(4, 5, 5\)"),
        (lambda: conv2d(X, W[0]), ValueError, r"weight must have shape"),
        (lambda: conv2d(X, W[:, :3]), ValueError, r"\(2, 3, 3, 3\).*needs 3 input channels.*\(1, 4, 5, 5\)"),
        (lambda: conv2d(X, W, groups=3), ValueError, "groups must divide"),
        (lambda: conv2d(X, W, groups=0), ValueError, "groups must be at least 1"),
        (lambda: conv2d(X, W[:1, :2], groups=2), ValueError, "groups must divide"),
        (lambda: conv2d(X, W, np.ones(3)), ValueError, r"bias must have shape \(F,\) = \(2,\), got shape \(3,\)"),
        (lambda: conv2d(X, W, np.ones((2, 1))), ValueError, "bias must have shape"),
        (lambda: conv2d(X, W, stride=0), ValueError, "stride must be at least 1"),
        (lambda: conv2d(X, W, stride=(1, 2, 3)), ValueError, "stride"),
        (lambda: conv2d(X, W, stride=1.5), TypeError, "stride must be an integer"),
        (lambda: conv2d(X, W, padding=-1), ValueError, "padding must be at least 0"),
        (lambda: conv2d(X, W, padding="full"), ValueError, "padding must be"),
        (lambda: conv2d(X, W, padding="same", stride=2), ValueError, "stride 1"),
        (lambda: conv2d(X, W, dilation=3), ValueError, "does not fit"),
        (lambda: conv2d(X[:0], W), ValueError, "must not be empty"),
        (lambda: conv2d(X > 0, W), TypeError, "real numbers"),
        (lambda: conv2d(X.astype(object), W), TypeError, "real numbers"),
        (lambda: conv2d(X, W.astype(str)), TypeError, "real numbers"),
        (lambda: conv2d(X, W.astype(complex)), TypeError, "real numbers"),
        (lambda: conv2d_by_index(X, W[:, :2]), ValueError, "input channels"),
        (lambda: conv2d_by_index(X, W, 0), ValueError, "stride"),
        (lambda: unfold(X, 6), ValueError, "does not fit"),
        (lambda: unfold(X[0], 2), ValueError, "x must have shape"),
        (lambda: conv1d(X, W), ValueError, r"x must have shape \(N, C, L\)"),
        (lambda: conv1d(X[0], W[0], padding=(1, 1)), TypeError, "padding must be an integer"),
        (lambda: conv2d_untied_bias(X, W, np.ones(2)), ValueError, r"bias must have shape \(F, oH, oW\)"),
        (lambda: conv2d_untied_bias(X, W, np.ones((2, 3, 1))), ValueError, r"\(2, 3, 3\), got shape \(2, 3, 1\)"),
        (lambda: dense_weight(W, 3), ValueError, "groups must divide"),
        (lambda: window_counts((2, 2), 3), ValueError, "does not fit"),
    ],
)
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()
