"""The module `motivation`: counts against PyTorch's layers, fields against gradients, shifts against all shifts."""

import doctest

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from miniconv import motivation
from miniconv.convolution import convolution_matrix2d
from miniconv.motivation import (
    commuting_shifts,
    connectivity,
    conv_operations,
    conv_parameters,
    dense_operations,
    dense_parameters,
    equivariance_error,
    local_parameters,
    measured_shifts,
    receptive_field,
    shift2d,
)

random_case = settings(max_examples=40, deadline=None)
layer = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(1, 3))


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def torch_fields(layers, length):
    """What each output reads, from PyTorch: inputs with a gradient that is not zero, all weights being 1."""
    x = torch.zeros(1, 1, length, dtype=torch.float64, requires_grad=True)
    y = x
    for kernel, stride, padding, dilation in layers:
        weight = torch.ones(1, 1, kernel, dtype=torch.float64)
        y = torch.conv1d(y, weight, stride=stride, padding=padding, dilation=dilation)
    rows = [torch.autograd.grad(value, x, retain_graph=True)[0][0, 0] for value in y[0, 0]]
    return torch.stack(rows).numpy() != 0


def circular_stack(*layers):
    """A stack of correlations with circular borders, each followed by a rectifier and subsampled."""

    def function(x):
        for kernel, stride in layers:
            x = np.maximum(ndimage.correlate(x, kernel, mode="wrap"), 0)[:: stride[0], :: stride[1]]
        return x

    return function


def test_doctests():
    assert doctest.testmod(motivation).failed == 0


# Counts


def test_the_edge_example_by_hand():
    """A 280 x 320 image, a kernel of two taps, 280 x 319 outputs."""
    assert conv_operations(1, (1, 280, 319), (1, 2)) == 319 * 280 * 3 == 267_960
    assert dense_parameters((280, 320), (280, 319), bias=False) == 8_003_072_000
    assert dense_operations((280, 320), (280, 319)) == 2 * 8_003_072_000 - 280 * 319


def test_a_million_inputs_and_a_thousand_units():
    assert dense_parameters((1024, 1024), 1000) == 1_048_577_000
    assert dense_parameters((256, 256, 3), 1000, bias=False) == 196_608_000
    assert dense_parameters((256, 256), (256, 256), bias=False) == 4_294_967_296
    assert conv_parameters(1, 1, 3, bias=False) == 9


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize(("inputs", "outputs"), [(5, 3), (1, 1), (20, 7)])
def test_dense_equals_pytorch(inputs, outputs, bias):
    assert dense_parameters(inputs, outputs, bias) == count(torch.nn.Linear(inputs, outputs, bias=bias))


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize(
    ("channels", "out_channels", "kernel", "groups"),
    [(1, 1, 3, 1), (3, 8, (5, 2), 1), (4, 6, 3, 2), (6, 6, (1, 4), 6), (4, 8, 1, 4)],
)
def test_conv_equals_pytorch(channels, out_channels, kernel, groups, bias):
    module = torch.nn.Conv2d(channels, out_channels, kernel, bias=bias, groups=groups)
    assert conv_parameters(channels, out_channels, kernel, bias, groups) == count(module)


@pytest.mark.parametrize("kernel", [(2, 3), (1, 1), (4, 5)])
def test_local_counts_the_entries_of_the_matrix(kernel):
    """Without sharing, every entry of the convolution matrix that is not zero is a parameter of its own."""
    matrix = convolution_matrix2d(np.ones(kernel), (4, 6), "valid")
    outputs = (1, 4 - kernel[0] + 1, 6 - kernel[1] + 1)
    assert local_parameters(1, outputs, kernel, bias=False) == np.count_nonzero(matrix)
    assert local_parameters(1, outputs, kernel) == np.count_nonzero(matrix) + len(matrix)
    assert local_parameters(5, (3, 2, 2), kernel, bias=False) == 60 * kernel[0] * kernel[1]


@random_case
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5), st.integers(1, 3), st.integers(1, 3))
def test_operations_are_those_of_plain_loops(channels, filters, height, width, rows, columns):
    products = sums = 0
    for _ in np.ndindex(filters, height, width):
        products += channels * rows * columns
        sums += channels * rows * columns - 1
    assert conv_operations(channels, (filters, height, width), (rows, columns)) == products + sums
    inputs, outputs = channels * rows * columns, filters * height * width
    assert dense_operations(inputs, outputs) == products + sums


def test_grouped_operations_are_those_of_the_groups():
    assert conv_operations(6, (4, 5, 5), 3, groups=2) == 2 * conv_operations(3, (2, 5, 5), 3)


# Receptive field


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        pytest.param([], (1, 1, 0), id="nothing"),
        pytest.param([(3,)] * 5, (11, 1, 0), id="five 3-tap layers"),
        pytest.param([(3,), (2, 2), (3,), (2, 2), (3,)], (18, 4, 0), id="3 2 3 2 3 with stride 2 in the 2s"),
        pytest.param([(7, 2, 3), (3, 2, 1)], (11, 4, -5), id="start of a ResNet"),
        pytest.param([(2, 1, 0, 1), (2, 1, 0, 2), (2, 1, 0, 4), (2, 1, 0, 8)], (16, 1, 0), id="doubling dilation"),
        pytest.param([3, 3], (5, 1, 0), id="bare kernel sizes"),
    ],
)
def test_receptive_field_by_hand(layers, expected):
    assert receptive_field(layers) == expected


@random_case
@given(st.lists(layer, min_size=1, max_size=4))
def test_receptive_field_is_what_pytorch_reads(layers):
    size, jump, start = receptive_field(layers)
    length = size + 3 * jump + 2
    fields = torch_fields(layers, length)
    assert np.array_equal(connectivity(layers, length), fields)
    for output, reads in enumerate(fields):
        first, last = start + jump * output, start + jump * output + size - 1
        seen = np.flatnonzero(reads)
        assert seen.size == 0 or (seen[0] >= first and seen[-1] <= last)


@random_case
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), min_size=1, max_size=4))
def test_an_inner_output_sees_its_whole_field(layers):
    size, jump, start = receptive_field(layers)
    assume(size < 200)
    reads = connectivity(layers, size + jump)
    assert start == 0 and reads[0, 0] and reads[0, size - 1] and not reads[0, size:].any()
    assert np.array_equal(np.flatnonzero(reads[1])[[0, -1]], [jump, jump + size - 1])


# Shifts


@pytest.mark.parametrize(("boundary", "mode"), [("zeros", "constant"), ("circular", "grid-wrap")])
@pytest.mark.parametrize("shift", [(0, 0), (1, 0), (-2, 1), (3, -4), (4, 5), (-9, 0), (0, 7), (1, -11)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_shift_equals_scipy(shift, boundary, mode, dtype):
    x = np.random.default_rng(0).integers(1, 100, (4, 5)).astype(dtype)
    actual = shift2d(x, shift, boundary)
    assert actual.dtype == dtype and not np.shares_memory(actual, x)
    assert np.array_equal(actual, ndimage.shift(x, shift, order=0, mode=mode))


def test_shift_of_a_batch_moves_the_last_two_axes_alone():
    x = np.arange(24.0).reshape(2, 1, 3, 4)
    x.setflags(write=False)
    for boundary in ("zeros", "circular"):
        moved = shift2d(x[..., ::-1], (1, -1), boundary)
        assert np.array_equal(moved[1, 0], shift2d(x[1, 0, :, ::-1], (1, -1), boundary))


@random_case
@given(*[st.integers(-5, 5)] * 4)
def test_circular_shifts_are_a_group(a, b, c, d):
    x = np.arange(12.0).reshape(3, 4)
    twice = shift2d(shift2d(x, (a, b), "circular"), (c, d), "circular")
    assert np.array_equal(twice, shift2d(x, (a + c, b + d), "circular"))
    assert np.array_equal(shift2d(shift2d(x, (a, b), "circular"), (-a, -b), "circular"), x)


def test_nan_moves_and_is_reported():
    x = np.ones((3, 3))
    x[0, 0] = np.nan
    assert np.isnan(shift2d(x, (1, 1))[1, 1]) and not np.isnan(shift2d(x, (-1, 0))).any()
    assert np.isnan(equivariance_error(lambda x: 2 * x, x, (1, 0)))


def test_equivariance_error_by_hand():
    x = np.array([[1.0, 2.0, 4.0]])
    assert equivariance_error(lambda x: x**2, x, (0, 1)) == 0
    position = np.array([[1.0, 2.0, 3.0]])
    assert equivariance_error(lambda x: x * position, x, (0, 1)) == 8.0  # [4 2 6] against [12 1 4]
    assert equivariance_error(lambda x: x[:, ::2], x, (0, 2), output_shift=(0, 1), boundary="zeros") == 0


def test_zero_padding_breaks_equivariance_at_the_border_alone():
    x = np.random.default_rng(1).standard_normal((9, 8))
    kernel = np.random.default_rng(2).standard_normal((3, 3))

    def same(x):
        return ndimage.correlate(x, kernel, mode="constant")

    assert equivariance_error(same, x, (1, 2)) > 0.1
    assert equivariance_error(same, x, (1, 2), margin=3) == 0
    assert equivariance_error(same, x, (1, 2), boundary="zeros", margin=3) == 0


def test_unsigned_outputs_do_not_wrap():
    x = np.array([[0, 255]], np.uint8)
    assert equivariance_error(lambda x: np.minimum(x, np.array([[9, 255]], np.uint8)), x, (0, 1)) == 246


@pytest.mark.parametrize("strides", [[(1, 1)], [(2, 1)], [(2, 2), (1, 3)], [(1, 2), (2, 2)]])
def test_predicted_shifts_are_measured(strides):
    rng = np.random.default_rng(3)
    function = circular_stack(*[(rng.standard_normal((3, 3)), stride) for stride in strides])
    jump = tuple(np.prod(strides, axis=0).tolist())
    x = rng.standard_normal((4, 12))
    predicted = commuting_shifts(jump, x.shape)
    assert predicted.dtype == bool and np.array_equal(measured_shifts(function, x), predicted)
    assert predicted.sum() == x.size // np.prod(jump)


@pytest.mark.parametrize(("jump", "shape"), [(2, (4, 6)), ((1, 3), (2, 6)), (1, (2, 3))])
def test_predicted_shifts_are_a_group(jump, shape):
    commutes = commuting_shifts(jump, shape)
    members = np.argwhere(commutes)
    assert commutes[0, 0]
    for a in members:
        assert all(commutes[tuple((a + b) % shape)] for b in members)
        assert commutes[tuple(-a % shape)]


def test_a_symmetric_input_commutes_by_accident():
    assert measured_shifts(lambda x: x[:, ::2], np.ones((2, 4))).all()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        pytest.param(lambda: dense_parameters(0, 3), ValueError, "inputs must be at least 1", id="no inputs"),
        pytest.param(lambda: dense_parameters((2, 0), 3), ValueError, "inputs", id="empty shape"),
        pytest.param(lambda: dense_parameters(2.0, 3), TypeError, "inputs must be an integer", id="float"),
        pytest.param(lambda: dense_operations(2, True), TypeError, "outputs", id="bool"),
        pytest.param(lambda: conv_parameters(4, 6, 3, groups=4), ValueError, "groups.*4 for 4 and 6", id="groups out"),
        pytest.param(lambda: conv_parameters(6, 4, 3, groups=4), ValueError, "groups.*4 for 6 and 4", id="groups in"),
        pytest.param(lambda: conv_parameters(1, 1, (3, 3, 3)), ValueError, "pair", id="three kernel sizes"),
        pytest.param(lambda: conv_parameters(1, 1, 0), ValueError, "kernel_size", id="kernel 0"),
        pytest.param(lambda: conv_operations(1, (4, 4), 3), ValueError, "out_channels, H, W", id="output of two sizes"),
        pytest.param(lambda: local_parameters(1, (1, 4, -4), 3), ValueError, "output_shape", id="negative output"),
        pytest.param(lambda: receptive_field([(3, 0)]), ValueError, "stride", id="stride 0"),
        pytest.param(lambda: receptive_field([()]), ValueError, "layer must be", id="empty layer"),
        pytest.param(lambda: receptive_field([(3, 1, 0, 1, 1)]), ValueError, "layer must be", id="five numbers"),
        pytest.param(lambda: receptive_field([(3, 1, -1)]), ValueError, "padding", id="negative padding"),
        pytest.param(lambda: connectivity([(3,), (3,)], 4), ValueError, "spans 3 .* 2 padded", id="does not fit"),
        pytest.param(lambda: connectivity([(3,)], 0), ValueError, "length", id="length 0"),
        pytest.param(lambda: shift2d([1, 2], (0, 1)), ValueError, r"\(2,\)", id="1-D"),
        pytest.param(lambda: shift2d([[1, 2]], 1), ValueError, "pair", id="shift not a pair"),
        pytest.param(lambda: shift2d([[1, 2]], (1, 0.5)), TypeError, "integer", id="half a pixel"),
        pytest.param(lambda: shift2d([[1, 2]], (1, 0), "wrap"), ValueError, "boundary", id="boundary"),
        pytest.param(lambda: shift2d([["a"]], (1, 0)), TypeError, "real numbers", id="strings"),
        pytest.param(
            lambda: equivariance_error(abs, np.ones((2, 4)), (0, 1), margin=1), ValueError, "margin", id="margin"
        ),
        pytest.param(lambda: commuting_shifts(2, (4, 5)), ValueError, r"divide.*\(4, 5\)", id="jump"),
        pytest.param(lambda: measured_shifts(abs, np.ones((2, 2, 2))), ValueError, r"\(H, W\)", id="3-D"),
    ],
)
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_small_integers_do_not_overflow():
    tiny = np.int8
    assert receptive_field([(tiny(100), tiny(2)), (tiny(100),)]) == receptive_field([(100, 2), (100,)])
    assert conv_operations(np.uint8(3), (np.uint8(4), 5, 5), 3) == conv_operations(3, (4, 5, 5), 3)
