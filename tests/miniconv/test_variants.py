import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from miniconv import variants as V
from miniconv.gradients import numerical_gradient
from miniconv.layer import conv2d
from tests.helpers.arrays import assert_close

rng = np.random.default_rng(8)
GEOMETRY = [
    {},
    {"stride": 2},
    {"padding": (1, 0)},
    {"dilation": (2, 1)},
    {"stride": (2, 3), "padding": 1, "dilation": (1, 2)},
    {"padding": "same"},
]


def local_case(options, kernel=(2, 3), dtype=float):
    x = rng.standard_normal((2, 3, 7, 8)).astype(dtype)
    places = conv2d(x, np.zeros((1, 3, *kernel)), **options).shape[2:]
    return (
        x,
        rng.standard_normal((4, *places, 3, *kernel)).astype(dtype),
        rng.standard_normal((4, *places)).astype(dtype),
    )


def local_by_torch(x, weight, bias, stride=1, padding=0, dilation=1):
    """Unfold, then a matrix of its own at every place."""
    kernel = weight.shape[4:]
    if padding == "same":
        total = [d * (k - 1) for k, d in zip(kernel, np.broadcast_to(dilation, 2), strict=True)]
        x = F.pad(x, (total[1] // 2, total[1] - total[1] // 2, total[0] // 2, total[0] - total[0] // 2))
        padding = 0
    columns = F.unfold(x, kernel, dilation, padding, stride)
    w = weight.reshape(*weight.shape[:3], -1).flatten(1, 2)
    return torch.einsum("nkl,flk->nfl", columns, w).reshape(len(x), *weight.shape[:3]) + bias


@pytest.mark.parametrize("options", GEOMETRY, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_locally_connected_and_its_gradients_equal_torch(options, dtype):
    arrays = local_case(options, dtype=dtype)
    ts = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in arrays]
    expected = local_by_torch(*ts, **options)
    y = V.locally_connected2d(*arrays, **options)
    assert y.dtype == dtype
    scale = V.locally_connected2d(*map(np.abs, arrays), **options)
    assert_close(y, expected.detach().numpy(), scale)
    g = rng.standard_normal(y.shape).astype(dtype)
    (expected * torch.tensor(g)).sum().backward()
    scales = V.locally_connected2d_backward(*map(np.abs, (g, *arrays)), **options)
    for ours, t, s in zip(V.locally_connected2d_backward(g, *arrays, **options), ts, scales, strict=True):
        assert_close(ours, t.grad.numpy(), s)


@pytest.mark.parametrize("options", GEOMETRY, ids=str)
def test_one_kernel_everywhere_is_a_convolution(options):
    x, _, _ = local_case(options)
    w = rng.standard_normal((4, 3, 2, 3))
    expected, scale = conv2d(x, w, **options), conv2d(np.abs(x), np.abs(w), **options)
    shared = np.broadcast_to(w[:, None, None], (4, *expected.shape[2:], 3, 2, 3))
    assert_close(V.locally_connected2d(x, shared, **options), expected, scale)
    assert_close(V.tiled_conv2d(x, w[..., None, None], **options), expected, scale)


@settings(max_examples=25, deadline=None)
@given(th=st.integers(1, 3), tw=st.integers(1, 3), stride=st.integers(1, 2), seed=st.integers(0, 99))
def test_tiled_kernels_cycle(th, tw, stride, seed):
    r = np.random.default_rng(seed)
    x, w, b = r.standard_normal((2, 2, 6, 7)), r.standard_normal((3, 2, 2, 2, th, tw)), r.standard_normal((3, th, tw))
    y = V.tiled_conv2d(x, w, b, stride)
    for p, q in np.ndindex(y.shape[2:]):
        own = conv2d(x, w[..., p % th, q % tw], b[:, p % th, q % tw], stride)
        assert_close(y[:, :, p, q], own[:, :, p, q], scale=20.0)


def test_tiled_gradients_equal_autograd():
    x, w, b = rng.standard_normal((2, 2, 5, 6)), rng.standard_normal((3, 2, 2, 3, 2, 3)), rng.standard_normal((3, 2, 3))
    ts = [torch.tensor(a, requires_grad=True) for a in (x, w, b)]
    rows, columns = np.arange(4) % 2, np.arange(4) % 3
    local = ts[1][:, :, :, :, rows][..., columns].permute(0, 4, 5, 1, 2, 3)
    y = local_by_torch(ts[0], local, ts[2][:, rows][:, :, columns])
    g = rng.standard_normal(y.shape)
    (y * torch.tensor(g)).sum().backward()
    for ours, t in zip(V.tiled_conv2d_backward(g, x, w, b), ts, strict=True):
        assert_close(ours, t.grad.numpy(), scale=50.0)
    assert V.tiled_conv2d_backward(g, x, w)[2] is None


TRANSPOSED = [
    {},
    {"stride": 2, "output_padding": 1},
    {"stride": (2, 3), "padding": 1, "output_padding": (0, 2)},
    {"dilation": 2, "padding": (0, 1)},
    {"dilation": 3, "stride": 1, "output_padding": 2},
    {"groups": 2, "stride": 2},
]


@pytest.mark.parametrize("options", TRANSPOSED, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_transposed_and_its_gradients_equal_torch(options, dtype):
    groups = options.get("groups", 1)
    x, w = rng.standard_normal((2, 4, 3, 5)).astype(dtype), rng.standard_normal((4, 3, 2, 3)).astype(dtype)
    b = rng.standard_normal(3 * groups).astype(dtype)
    ts = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in (x, w, b)]
    expected = F.conv_transpose2d(*ts, **options)
    y = V.conv_transpose2d(x, w, b, **options)
    assert y.dtype == dtype
    assert_close(y, expected.detach().numpy(), V.conv_transpose2d(np.abs(x), np.abs(w), np.abs(b), **options))
    g = rng.standard_normal(y.shape).astype(dtype)
    (expected * torch.tensor(g)).sum().backward()
    scales = V.conv_transpose2d_backward(*map(np.abs, (g, x, w, b)), **options)
    for ours, t, s in zip(V.conv_transpose2d_backward(g, x, w, b, **options), ts, scales, strict=True):
        assert_close(ours, t.grad.numpy(), s)


def test_transposed_is_the_adjoint_and_not_the_inverse():
    x, w = rng.standard_normal((1, 2, 7, 8)), rng.standard_normal((3, 2, 3, 3))
    y = conv2d(x, w, stride=2)
    back = V.conv_transpose2d(y, w, stride=2, output_padding=(0, 1))
    assert back.shape == x.shape
    assert not np.allclose(back, x)
    z = rng.standard_normal(y.shape)
    left, right = np.sum(y * z), np.sum(x * V.conv_transpose2d(z, w, stride=2, output_padding=(0, 1)))
    assert_close(left, right, scale=np.abs(x).sum())


@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"dilation": (2, 1), "padding": "same"}], ids=str)
def test_depthwise_separable_and_its_gradients_equal_torch(options):
    x, d = rng.standard_normal((2, 3, 6, 7)), rng.standard_normal((3, 1, 3, 2))
    p, b = rng.standard_normal((5, 3, 1, 1)), rng.standard_normal(5)
    ts = [torch.tensor(a, requires_grad=True) for a in (x, d, p, b)]
    expected = F.conv2d(F.conv2d(ts[0], ts[1], None, **options, groups=3), ts[2], ts[3])
    y = V.depthwise_separable_conv2d(x, d, p, b, **options)
    assert_close(y, expected.detach().numpy(), scale=50.0)
    g = rng.standard_normal(y.shape)
    (expected * torch.tensor(g)).sum().backward()
    for ours, t in zip(V.depthwise_separable_conv2d_backward(g, x, d, p, b, **options), ts, strict=True):
        assert_close(ours, t.grad.numpy(), scale=500.0)
    numeric = numerical_gradient(lambda a: V.depthwise_separable_conv2d(x, a, p, b, **options), d, g)
    assert_close(V.depthwise_separable_conv2d_backward(g, x, d, p, b, **options)[1], numeric, tolerance=1e-6)


def test_depthwise_separable_is_one_convolution_of_low_rank():
    x, d, p = rng.standard_normal((1, 3, 5, 5)), rng.standard_normal((3, 1, 3, 3)), rng.standard_normal((4, 3, 1, 1))
    assert_close(V.depthwise_separable_conv2d(x, d, p), conv2d(x, p * d[:, 0]), scale=30.0)


@pytest.mark.parametrize(("k", "dilation"), [(2, 1), (3, 1), (3, 2), (1, 4), (2, 5)])
def test_causal_equals_torch_with_padding_before(k, dilation):
    x, w, b = rng.standard_normal((2, 3, 9)), rng.standard_normal((4, 3, k)), rng.standard_normal(4)
    padded = F.pad(torch.tensor(x), ((k - 1) * dilation, 0))
    expected = F.conv1d(padded, torch.tensor(w), torch.tensor(b), dilation=dilation).numpy()
    assert_close(V.causal_conv1d(x, w, b, dilation), expected, scale=20.0)


def test_leaks_are_found_and_a_causal_layer_has_none():
    x, w = rng.standard_normal((1, 2, 8)), rng.standard_normal((2, 2, 3))
    assert V.future_leaks(lambda a: V.causal_conv1d(a, w, dilation=2), x) == []
    same = V.future_leaks(lambda a: conv2d(a[:, :, None], w[:, :, None], padding=(0, 1))[:, :, 0], x)
    assert same == [(t, t + 1) for t in range(7)]


@pytest.mark.parametrize("dilation", [1, 2, (3, 1)], ids=str)
def test_dilated_convolution_is_a_plain_one_with_zeros_in_the_kernel(dilation):
    x, w = rng.standard_normal((1, 2, 9, 8)), rng.standard_normal((3, 2, 2, 3))
    assert_close(conv2d(x, V.dilate_kernel(w, dilation)), conv2d(x, w, dilation=dilation), scale=20.0)


X = np.ones((1, 2, 4, 4))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: V.locally_connected2d(X, np.ones((1, 3, 2, 2, 2, 2))), r"\(3, 3\) places"),
        (lambda: V.locally_connected2d(X, np.ones((1, 3, 3, 1, 2, 2))), "2 channels"),
        (lambda: V.locally_connected2d(X, np.ones((1, 3, 3, 2, 2, 2)), np.ones(1)), "bias must have shape"),
        (lambda: V.locally_connected2d_backward(np.ones((1, 1, 3, 3)), X, np.ones((1, 3, 3, 2, 2, 2)), X), "bias must"),
        (lambda: V.tiled_conv2d_backward(np.ones((1, 1, 3, 3)), X, np.ones((1, 2, 2, 2, 2, 2)), X), "bias must"),
        (lambda: V.locally_connected2d_backward(np.ones(3), X, np.ones((1, 3, 3, 2, 2, 2))), "grad_output"),
        (lambda: V.locally_connected2d(X, np.ones((1, 1, 1, 2, 5, 5))), "5"),
        (lambda: V.tiled_conv2d(X, np.ones((1, 2, 2, 2, 2))), "weight must have shape"),
        (lambda: V.tiled_conv2d(X, np.ones((1, 2, 2, 2, 2, 2)), np.ones((1, 3, 3))), "bias must have shape"),
        (lambda: V.conv_transpose2d(X, np.ones((3, 1, 2, 2))), "C = 2"),
        (lambda: V.conv_transpose2d(X, np.ones((2, 1, 2, 2)), output_padding=1), "output_padding"),
        (lambda: V.conv_transpose2d_backward(X, X, np.ones((2, 1, 2, 2))), "grad_output"),
        (lambda: V.depthwise_separable_conv2d(X, np.ones((1, 2, 2, 2)), np.ones((1, 2, 1, 1))), r"\(2, 1, kH, kW\)"),
        (lambda: V.depthwise_separable_conv2d(X, np.ones((2, 1, 2, 2)), np.ones((1, 2, 2, 1))), r"\(F, 2, 1, 1\)"),
        (lambda: V.causal_conv1d(np.ones((1, 2, 5)), np.ones((1, 3, 2))), "channels"),
        (lambda: V.causal_conv1d(np.array([[["a"]]]), np.ones((1, 1, 1))), "real numbers"),
        (lambda: V.future_leaks(lambda x: x[:, :, 1:], np.ones((1, 1, 3))), "keep the length"),
        (lambda: V.dilate_kernel(np.ones(3), 2), "weight must"),
    ],
)
def test_errors_name_the_rule(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()


def test_inputs_may_be_read_only_and_strided_and_are_left_alone():
    x = np.swapaxes(rng.standard_normal((1, 2, 6, 5)), 2, 3)
    w = rng.standard_normal((3, 2, 2, 2, 2, 2))
    for a in (x, w):
        a.flags.writeable = False
    before = x.copy(), w.copy()
    V.tiled_conv2d_backward(np.ones(V.tiled_conv2d(x, w).shape), x, w)
    assert np.array_equal(x, before[0])
    assert np.array_equal(w, before[1])
