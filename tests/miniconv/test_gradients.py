"""The module `gradients` against autograd, torch.nn.grad, central differences and the adjoint identity."""

import doctest

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from miniconv import gradients
from miniconv.gradients import (
    adjoint_gap,
    conv2d_backward,
    conv2d_input,
    conv2d_weight,
    fold,
    numerical_gradient,
)
from miniconv.layer import conv2d, unfold
from tests.helpers.arrays import assert_close
from tests.helpers.layer_cases import TABLE, Layer, dtypes, layers, table

# PyTorch says that an even kernel with padding="same" costs it a copy.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")
random_layer = settings(max_examples=40, deadline=None)


def autograd(layer, arrays, grad_output):
    tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
    y = F.conv2d(*tensors, **layer.options)
    return [g.numpy() for g in torch.autograd.grad((y * torch.tensor(grad_output)).sum(), tensors)]


def grad_like(layer, arrays, seed=9):
    y = conv2d(*arrays, **layer.options)
    return np.random.default_rng(seed).standard_normal(y.shape).astype(y.dtype)


def absolute(layer, arrays, grad_output):
    """The gradients of |x|, |w|, |b| and |grad_output| in float64: the scale of the backward error."""
    return autograd(layer, [np.abs(a).astype(float) for a in arrays], np.abs(grad_output).astype(float))


def options_without_groups(layer):
    return {k: v for k, v in layer.options.items() if k != "groups"}


def test_doctests():
    assert doctest.testmod(gradients).failed == 0


def test_hand_value():
    x, weight = np.array([[[[1.0, 2.0], [3.0, 4.0]]]]), np.array([[[[5.0, 6.0]]]])
    grad_x, grad_weight, grad_bias = conv2d_backward(np.array([[[[10.0], [100.0]]]]), x, weight, np.zeros(1))
    np.testing.assert_array_equal(grad_x, [[[[50.0, 60.0], [500.0, 600.0]]]])
    np.testing.assert_array_equal(grad_weight, [[[[310.0, 420.0]]]])
    np.testing.assert_array_equal(grad_bias, [110.0])


@dtypes
@table
def test_backward_is_autograd(layer, dtype):
    arrays = layer.arrays(dtype)
    grad_output = grad_like(layer, arrays)
    ours = conv2d_backward(grad_output, *arrays, **layer.options)
    for a, b, c in zip(ours, autograd(layer, arrays, grad_output), absolute(layer, arrays, grad_output), strict=True):
        assert a.dtype == dtype
        assert_close(a, b, c)


@random_layer
@given(layers())
def test_backward_is_autograd_at_random(layer):
    arrays = layer.arrays()
    grad_output = grad_like(layer, arrays)
    ours = conv2d_backward(grad_output, *arrays, **layer.options)
    for a, b, c in zip(ours, autograd(layer, arrays, grad_output), absolute(layer, arrays, grad_output), strict=True):
        assert_close(a, b, c)


@table
def test_backward_is_the_central_difference(layer):
    arrays = layer.arrays()
    grad_output = grad_like(layer, arrays)
    ours = conv2d_backward(grad_output, *arrays, **layer.options)
    for position, (a, c) in enumerate(zip(ours, absolute(layer, arrays, grad_output), strict=True)):

        def function(array, position=position):
            return conv2d(*arrays[:position], array, *arrays[position + 1 :], **layer.options)

        assert_close(a, numerical_gradient(function, arrays[position], grad_output), c.max() + 1, tolerance=1e-8)


@pytest.mark.parametrize("name", ["all of it", "stem", "depthwise", "dilation"])
def test_pieces_are_torch_nn_grad(name):
    layer = TABLE[name]
    x, weight, bias = layer.arrays()
    grad_output = grad_like(layer, (x, weight, bias))
    tensors = [torch.tensor(a) for a in (x, weight, grad_output)]
    expected = torch.nn.grad.conv2d_input(x.shape, tensors[1], tensors[2], **layer.options)
    assert_close(conv2d_input(x.shape, weight, grad_output, **layer.options), expected.numpy())
    expected = torch.nn.grad.conv2d_weight(tensors[0], weight.shape, tensors[2], **layer.options)
    assert_close(conv2d_weight(x, weight.shape, grad_output, **layer.options), expected.numpy())


@random_layer
@given(layers())
def test_adjoints(layer):
    x, weight, bias = layer.arrays()
    grad_output = grad_like(layer, (x, weight, bias))
    assert (
        adjoint_gap(
            lambda a: conv2d(a, weight, **layer.options),
            lambda g: conv2d_input(x.shape, weight, g, **layer.options),
            x,
            grad_output,
        )
        < 1e-14
    )
    assert (
        adjoint_gap(
            lambda w: conv2d(x, w, **layer.options),
            lambda g: conv2d_weight(x, weight.shape, g, **layer.options),
            weight,
            grad_output,
        )
        < 1e-14
    )


@random_layer
@given(layers())
def test_fold_is_the_adjoint_of_unfold(layer):
    x, _, _ = layer.arrays()
    kernel, options = layer.weight[2:], options_without_groups(layer)
    columns = unfold(x, kernel, **options)
    y = np.random.default_rng(4).standard_normal(columns.shape)
    back = fold(y, x.shape[2:], kernel, **options)
    assert adjoint_gap(lambda a: unfold(a, kernel, **options), lambda b: back, x, y) < 1e-14
    expected = F.fold(torch.tensor(y), x.shape[2:], kernel, **options).numpy()
    assert_close(back, expected, F.fold(torch.tensor(abs(y)), x.shape[2:], kernel, **options).numpy())


def test_fold_of_unfold_counts_the_windows():
    x = np.random.default_rng(0).standard_normal((1, 2, 5, 6))
    ones = np.ones_like(x)
    counts = fold(unfold(ones, 3), (5, 6), 3)
    np.testing.assert_array_equal(counts[0, 0, 2], [3, 6, 9, 9, 6, 3])
    assert_close(fold(unfold(x, 3), (5, 6), 3), x * counts)


def test_gradient_for_x_is_a_full_convolution_with_the_flipped_kernel():
    layer = Layer((2, 3, 6, 5), (4, 3, 3, 2))
    x, weight, bias = layer.arrays()
    grad_output = grad_like(layer, (x, weight, bias))
    flipped = weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
    assert_close(conv2d_input(x.shape, weight, grad_output), conv2d(grad_output, flipped, padding=(2, 1)))


def by_the_recipe(size, w, g, stride, padding, dilation, groups):
    """The gradient for x by a layer of stride 1, with each option as the chapter's list says."""
    parts, filters = [], len(w) // groups
    for n in range(0, len(w), filters):
        spread, kernels = g[:, n : n + filters], w[n : n + filters]
        for axis in (2, 3):
            reach = dilation * (w.shape[axis] - 1)
            gaps = np.repeat(np.arange(1, g.shape[axis]), stride - 1)
            spread = np.insert(spread, gaps, 0, axis=axis)
            rest = (size[axis] + 2 * padding - reach - 1) % stride
            around = np.zeros((4, 2), int)
            around[axis] = reach - padding, reach - padding + rest
            spread = np.pad(spread, np.maximum(around, 0))
            first, last = np.maximum(-around[axis], 0)
            spread = spread.take(range(first, spread.shape[axis] - last), axis=axis)
        parts.append(conv2d(spread, kernels[:, :, ::-1, ::-1].swapaxes(0, 1), dilation=dilation))
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", range(5))  # more than the kernel reaches, too: then the gradient is cut
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("groups", [1, 2])
def test_gradient_for_x_is_what_the_chapter_says_of_each_option(stride, padding, dilation, groups):
    rng, options = np.random.default_rng(5), (stride, padding, dilation, groups)
    w, size = rng.standard_normal((6, 4 // groups, 3, 2)), (2, 4, 9, 8)
    g = rng.standard_normal(conv2d(np.zeros(size), w, None, *options).shape)
    assert np.allclose(by_the_recipe(size, w, g, *options), conv2d_input(size, w, g, *options), atol=1e-12)


def test_gradient_for_the_weight_is_a_cross_correlation_of_input_and_gradient():
    layer = Layer((2, 3, 6, 5), (4, 3, 3, 2))
    x, weight, bias = layer.arrays()
    grad_output = grad_like(layer, (x, weight, bias))
    swapped = conv2d(x.swapaxes(0, 1), grad_output.swapaxes(0, 1)).swapaxes(0, 1)
    assert_close(conv2d_weight(x, weight.shape, grad_output), swapped)


def test_no_bias_no_gradient():
    layer = TABLE["plain"]
    x, weight, bias = layer.arrays()
    assert conv2d_backward(grad_like(layer, (x, weight, bias)), x, weight)[2] is None


def test_inputs_untouched_and_any_layout():
    layer = TABLE["all of it"]
    arrays = [np.asfortranarray(a) for a in layer.arrays()]
    grad_output = np.asfortranarray(grad_like(layer, arrays))
    copies = [a.copy() for a in (grad_output, *arrays)]
    for a in (grad_output, *arrays):
        a.flags.writeable = False
    ours = conv2d_backward(grad_output, *arrays, **layer.options)
    for a, b in zip(ours, conv2d_backward(*copies, **layer.options), strict=True):
        assert_close(a, b)
    assert all(np.array_equal(a, c) for a, c in zip((grad_output, *arrays), copies, strict=True))
    columns = np.random.default_rng(0).standard_normal((4, 9, 1))[::-1].transpose(2, 1, 0)
    np.testing.assert_array_equal(fold(columns, (4, 4), 3), fold(columns.copy(), (4, 4), 3))


def test_nan_in_the_gradient_spreads_as_in_pytorch():
    layer = Layer((1, 1, 4, 4), (1, 1, 2, 2))
    arrays = layer.arrays()
    grad_output = grad_like(layer, arrays)
    grad_output[0, 0, 1, 1] = np.nan
    for a, b in zip(conv2d_backward(grad_output, *arrays), autograd(layer, arrays, grad_output), strict=True):
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))


@random_layer
@given(st.integers(1, 3), st.integers(1, 4), st.integers(0, 1000))
def test_numerical_gradient_of_a_smooth_function(rows, columns, seed):
    x = np.random.default_rng(seed).standard_normal((rows, columns))
    assert_close(
        numerical_gradient(np.sin, x, np.arange(1.0, columns + 1)),
        np.cos(x) * np.arange(1.0, columns + 1),
        tolerance=1e-8,
        scale=10.0,
    )
    assert_close(numerical_gradient(lambda a: np.sum(a**3), x), 3 * x**2, tolerance=1e-8, scale=10.0)


def test_numerical_gradient_leaves_x_and_takes_a_step():
    x = np.array([1, 2])
    assert numerical_gradient(lambda a: np.sum(a**3), x, step=0.5).tolist() == [3.25, 12.25]
    assert x.tolist() == [1, 2]


def test_numerical_gradient_scales_its_step_with_the_element():
    x = np.array([1e-3, 1.0, 1e6])
    slopes = numerical_gradient(lambda a: a**3, x, np.ones(3))
    assert_close(slopes, 3 * x**2, scale=1 + 3 * x**2, tolerance=1e-8)


def test_adjoint_gap_sees_a_planted_error():
    layer = TABLE["padding"]
    x, weight, bias = layer.arrays()
    grad_output = grad_like(layer, (x, weight, bias))

    def unflipped(g):
        return conv2d_input(x.shape, weight[:, :, ::-1, ::-1], g, **layer.options)

    assert adjoint_gap(lambda a: conv2d(a, weight, **layer.options), unflipped, x, grad_output) > 1e-3
    assert adjoint_gap(lambda a: a, lambda a: a, np.zeros(3), np.ones(3)) == 0.0
    assert adjoint_gap(lambda a: a, lambda a: 0 * a, np.ones(2), np.ones(2)) == 1.0


X, W, G = np.ones((1, 4, 5, 5)), np.ones((2, 4, 3, 3)), np.ones((1, 2, 3, 3))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: conv2d_backward(G[:, :, :2], X, W), ValueError, r"\(1, 2, 3, 3\), got shape \(1, 2, 2, 3\)"),
        (lambda: conv2d_backward(G[0], X, W), ValueError, "grad_output must have shape"),
        (lambda: conv2d_backward(G, X, W, stride=2), ValueError, "output's shape"),
        (lambda: conv2d_backward(G, X, W, np.ones(3)), ValueError, r"bias must have shape \(F,\) = \(2,\)"),
        (lambda: conv2d_backward(G, X, W, groups=3), ValueError, "groups must divide"),
        (lambda: conv2d_backward(G, X > 0, W), TypeError, "real numbers"),
        (lambda: conv2d_backward(G.astype(object), X, W), TypeError, "real numbers"),
        (lambda: conv2d_input((4, 5, 5), W, G), ValueError, "input_size must be a shape of 4"),
        (lambda: conv2d_input((1, 3, 5, 5), W, G), ValueError, "needs 4 input channels"),
        (lambda: conv2d_weight(X, (2, 4, 0, 3), G), ValueError, "weight_size must be at least 1"),
        (lambda: conv2d_weight(X, (2, 4, 6, 3), G), ValueError, "does not fit"),
        (lambda: conv2d_weight(X[0], (2, 4, 3, 3), G), ValueError, "x must have shape"),
        (lambda: fold(np.ones((1, 8, 9)), (4, 4), 3), ValueError, r"\(N, C \* 9, 4\).*got shape \(1, 8, 9\)"),
        (lambda: fold(np.ones((1, 9, 3)), (4, 4), 3), ValueError, r"got shape \(1, 9, 3\)"),
        (lambda: fold(np.ones((9, 4)), (4, 4), 3), ValueError, "x must have shape"),
        (lambda: fold(np.ones((1, 9, 4)), 4, 3), ValueError, "output_size must be a shape"),
        (lambda: numerical_gradient(np.sum, X, step=0.0), ValueError, "step must be positive"),
        (lambda: numerical_gradient(np.sum, np.ones(0)), ValueError, "empty"),
        (lambda: adjoint_gap(np.sum, lambda y: y, np.ones(3), np.ones(3)), ValueError, "shapes"),
    ],
)
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_numerical_gradient_refuses_weights_that_do_not_fit():
    with pytest.raises(ValueError, match=r"\(3,\), got shape \(2, 1\)"):
        numerical_gradient(lambda x: x, np.ones(3), np.ones((2, 1)))
