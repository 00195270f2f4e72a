"""Pooling against PyTorch, by hand, and by the properties that each kind has."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from miniconv import pooling
from tests.helpers.arrays import assert_close

# kernel, stride, padding, dilation, ceil_mode
WINDOWS = {
    "side by side": (2, None, 0, 1, False),
    "overlapping": (3, 2, 1, 1, False),
    "rectangular": ((2, 3), (1, 2), (1, 0), 1, False),
    "ceil": (2, 2, 0, 1, True),
    "ceil with a dropped window": (2, 2, 1, 1, True),
    "ceil, overlapping, padded": (3, 2, 1, 1, True),
    "gaps between windows": (2, 3, 0, 1, False),
    "gaps, ceil": ((2, 1), (4, 3), 0, 1, True),
    "one pixel": (1, 1, 0, 1, False),
    "whole image": ((7, 8), None, 0, 1, False),
    "larger than the image, ceil": (9, 3, 0, 1, True),
    "dilated": (2, 1, 0, 2, False),
    "dilated, padded, strided": ((3, 2), (2, 1), 1, (2, 3), False),
    "dilated, ceil": ((3, 2), 3, (1, 0), (1, 2), True),
}
WINDOW_TABLE = pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS.keys())
UNDILATED = pytest.mark.parametrize(
    "window", [w for w in WINDOWS.values() if w[3] == 1], ids=[k for k, w in WINDOWS.items() if w[3] == 1]
)


def image(seed=0, shape=(2, 3, 7, 8), dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def tied(seed=0, shape=(2, 3, 7, 8)):
    """Small negative integers: every window ties, and a zero from the padding would win."""
    return np.random.default_rng(seed).integers(-3, 0, shape).astype(float)


def torch_gradient(function, x, grad_output):
    x = torch.tensor(x, requires_grad=True)
    (function(x) * torch.tensor(grad_output)).sum().backward()
    return x.grad.numpy()


def random_like(y, seed=1):
    return np.random.default_rng(seed).standard_normal(y.shape).astype(y.dtype)


def numerical_gradient(function, x, grad_output, step=1e-6):
    gradient = np.zeros_like(x)
    for i in np.ndindex(*x.shape):
        moved = x.copy()
        moved[i] += step
        above = function(moved)
        moved[i] -= 2 * step
        gradient[i] = np.sum(grad_output * (above - function(moved))) / (2 * step)
    return gradient


class TestMax:
    def test_by_hand(self):
        x = np.array([[[[1.0, 5.0, 2.0], [4.0, 3.0, 6.0], [7.0, 0.0, 8.0]]]])
        np.testing.assert_array_equal(pooling.max_pool2d(x, 2, 1), [[[[5, 6], [7, 8]]]])

    @WINDOW_TABLE
    @pytest.mark.parametrize("make", [image, tied])
    def test_against_torch(self, window, make):
        x = make()
        expected, positions = F.max_pool2d(torch.tensor(x), *window, return_indices=True)
        y, indices = pooling.max_pool2d(x, *window, return_indices=True)
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(indices, positions)
        np.testing.assert_array_equal(pooling.max_pool2d(x, *window), y)

    @WINDOW_TABLE
    @pytest.mark.parametrize("make", [image, tied])
    def test_gradient_against_autograd(self, window, make):
        x = make()
        grad_output = random_like(pooling.max_pool2d(x, *window))
        expected = torch_gradient(lambda t: F.max_pool2d(t, *window), x, grad_output)
        scale = torch_gradient(lambda t: F.max_pool2d(t, *window), x, np.abs(grad_output))
        assert_close(pooling.max_pool2d_backward(grad_output, x, *window), expected, scale)

    @given(seed=st.integers(0, 2**32 - 1), data=st.data())
    @settings(max_examples=40, deadline=None)
    def test_any_window(self, seed, data):
        k, s, d = (data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4))) for _ in range(3))
        p = tuple(data.draw(st.integers(0, size // 2)) for size in k)
        ceil = data.draw(st.booleans())
        spans = [(size - 1) * step + 1 for size, step in zip(k, d)]
        low = [max(1, span - 2 * pad) for span, pad in zip(spans, p)]
        h, w = (data.draw(st.integers(size, size + 6)) for size in low)
        x = tied(seed, (2, 2, h, w)) if data.draw(st.booleans()) else image(seed, (2, 2, h, w))
        expected, positions = F.max_pool2d(torch.tensor(x), k, s, p, d, ceil, return_indices=True)
        y, indices = pooling.max_pool2d(x, k, s, p, d, ceil, return_indices=True)
        np.testing.assert_array_equal(y, expected)
        reached = np.isfinite(y)  # a dilated window can step over a small image: nothing is there to be the maximum
        np.testing.assert_array_equal(indices[reached], positions.numpy()[reached])

    @pytest.mark.parametrize("window", [(2, None), (3, 2, 1), (3, 1, 1, 1, True)], ids=str)
    def test_nan_and_infinity_as_in_torch(self, window):
        x = tied(3)
        x.flat[::7], x.flat[::11], x.flat[::13] = np.nan, -np.inf, np.inf
        x[0, 0] = -np.inf
        expected, positions = F.max_pool2d(torch.tensor(x), *window, return_indices=True)
        y, indices = pooling.max_pool2d(x, *window, return_indices=True)
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(indices, positions)
        grad_output = random_like(y)
        grad_output.flat[::5] = np.inf
        expected = torch_gradient(lambda t: F.max_pool2d(t, *window), x, grad_output)
        assert_close(pooling.max_pool2d_backward(grad_output, x, *window), expected, 4.0)

    def test_gradient_is_paid_once(self):
        x, grad_output = np.zeros((1, 1, 4, 4)), np.arange(4.0).reshape(1, 1, 2, 2)
        grad = pooling.max_pool2d_backward(grad_output, x, 2)
        np.testing.assert_array_equal(grad[0, 0, ::2, ::2], grad_output[0, 0])
        assert grad.sum() == grad_output.sum()

    def test_wide_windows_count_past_one_byte(self):
        x = -(np.arange(400.0)[::-1].reshape(1, 1, 20, 20) ** 2)
        grad = pooling.max_pool2d_backward(np.ones((1, 1, 1, 1)), x, 20)
        assert grad[0, 0, -1, -1] == 1 and grad.sum() == 1

    @pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.float16, np.float32], ids=lambda d: d.__name__)
    def test_keeps_the_dtype(self, dtype):
        x = np.arange(1, 10).reshape(1, 1, 3, 3).astype(dtype)
        y = pooling.max_pool2d(x, 2, 1, 1)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y[0, 0, :2, :2], [[1, 2], [4, 5]])

    def test_padding_never_wins_for_integers(self):
        x = np.full((1, 1, 2, 2), -128, np.int8)
        y, indices = pooling.max_pool2d(x, 2, 2, 1, return_indices=True)
        assert (y == -128).all()
        np.testing.assert_array_equal(indices.ravel(), [0, 1, 2, 3])

    def test_all_taps_of_a_dilated_window_may_lie_in_the_padding(self):
        x = image(shape=(1, 2, 2, 5))
        expected = F.max_pool2d(torch.tensor(x), (2, 1), 1, (1, 0), (3, 1)).numpy()
        np.testing.assert_array_equal(pooling.max_pool2d(x, (2, 1), 1, (1, 0), (3, 1)), expected)
        assert (expected == -np.inf).all()
        whole = pooling.max_pool2d(x.astype(np.int16), (2, 1), 1, (1, 0), (3, 1))
        assert (whole == np.iinfo(np.int16).min).all()


class TestAverage:
    @UNDILATED
    @pytest.mark.parametrize("options", [(True, None), (False, None), (True, 5), (False, -2)], ids=str)
    def test_against_torch(self, window, options):
        kernel, stride, padding, _, ceil = window
        x, arguments = image(), (kernel, stride, padding, ceil, *options)
        expected = F.avg_pool2d(torch.tensor(x), *arguments).numpy()
        scale = F.avg_pool2d(torch.tensor(np.abs(x)), *arguments).abs().numpy()
        assert_close(pooling.avg_pool2d(x, *arguments), expected, scale)
        grad_output = random_like(expected)
        expected = torch_gradient(lambda t: F.avg_pool2d(t, *arguments), x, grad_output)
        scale = np.abs(torch_gradient(lambda t: F.avg_pool2d(t, *arguments), x, np.abs(grad_output)))
        assert_close(pooling.avg_pool2d_backward(grad_output, x, *arguments), expected, scale)

    @given(seed=st.integers(0, 2**32 - 1), data=st.data())
    @settings(max_examples=40, deadline=None)
    def test_any_window_and_its_adjoint(self, seed, data):
        k, s = (data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4))) for _ in range(2))
        p = tuple(data.draw(st.integers(0, size // 2)) for size in k)
        h, w = (data.draw(st.integers(max(1, size - 2 * pad), size + 6)) for size, pad in zip(k, p))
        arguments = (k, s, p, data.draw(st.booleans()), data.draw(st.booleans()))
        x = image(seed, (2, 2, h, w))
        y = pooling.avg_pool2d(x, *arguments)
        assert_close(y, F.avg_pool2d(torch.tensor(x), *arguments).numpy())
        grad_output = random_like(y, seed)
        left, right = np.sum(y * grad_output), np.sum(x * pooling.avg_pool2d_backward(grad_output, x, *arguments))
        assert abs(left - right) <= 1e-12 * (np.sum(np.abs(y * grad_output)) + 1)

    def test_float32_stays_and_integers_become_float(self):
        assert pooling.avg_pool2d(image(dtype=np.float32), 2, padding=1).dtype == np.float32
        bright = np.full((1, 1, 2, 2), 200, np.uint8)
        assert pooling.avg_pool2d(bright, 2) == 200.0

    def test_lecture_example(self):
        x = np.array([[[[60.0, 90, 200], [50, 80, 100], [70, 30, 130]]]])
        assert pooling.avg_pool2d(x, 3) == 90
        assert pooling.max_pool2d(x, 3) == 200

    @pytest.mark.parametrize(
        ("x", "size"),
        [
            (np.full((1, 1, 300, 300), 0.01), 300),  # more pixels than float16 counts
            (np.zeros((1, 1, 300, 300)), 300),
            (np.full((1, 2, 4, 4), 60_000.0), 2),  # two of them are more than float16 holds
        ],
        ids=["count", "zeros", "sum"],
    )
    def test_half_precision_adds_up_in_single(self, x, size):
        x = x.astype(np.float16)
        y = pooling.avg_pool2d(x, size)
        assert y.dtype == np.float16
        np.testing.assert_allclose(y, F.avg_pool2d(torch.tensor(x), size).numpy(), rtol=1e-3)
        np.testing.assert_allclose(pooling.adaptive_avg_pool2d(x, y.shape[2:]), y, rtol=1e-3)

    def test_half_precision_shares_its_gradient_in_single(self):
        grad_output = np.full((1, 1, 1, 1), 100, np.float16)
        grad = pooling.avg_pool2d_backward(grad_output, np.zeros((1, 1, 300, 300)), 300)
        assert grad.dtype == np.float16
        np.testing.assert_allclose(grad.astype(float), 100 / 300**2, rtol=1e-3)


class TestLp:
    @pytest.mark.parametrize("p", [1, 2, 2.5, 3, 0.7, 8])
    @pytest.mark.parametrize("window", [(2, None, False), ((2, 3), 2, False), (3, 2, True), (2, 3, True)], ids=str)
    def test_against_torch(self, p, window):
        x = np.abs(image()) + 0.1
        y = pooling.lp_pool2d(x, p, *window)
        assert_close(y, F.lp_pool2d(torch.tensor(x), p, *window).numpy(), tolerance=1e-11)
        grad_output = random_like(y)
        exponent = torch.tensor(float(p), dtype=torch.float64, requires_grad=True)
        expected = torch_gradient(lambda t: F.lp_pool2d(t, exponent, *window), x, grad_output)
        grad_x, grad_p = pooling.lp_pool2d_backward(grad_output, x, p, *window)
        assert_close(grad_x, expected, tolerance=1e-11)
        assert_close(grad_p, exponent.grad.item(), np.abs(grad_output).sum() * np.abs(y).max(), 1e-11)

    def test_signed_input_as_in_torch(self):
        x = image()
        for p in (2, 3, 4):
            assert_close(pooling.lp_pool2d(x, p, 2), F.lp_pool2d(torch.tensor(x), p, 2).numpy(), tolerance=1e-11)

    def test_gradients_against_differences(self):
        x, p = np.abs(image(2, (1, 2, 4, 5))) + 0.1, 2.7
        grad_output = random_like(pooling.lp_pool2d(x, p, 3, 1))
        grad_x, grad_p = pooling.lp_pool2d_backward(grad_output, x, p, 3, 1)
        expected = numerical_gradient(lambda v: pooling.lp_pool2d(v, p, 3, 1), x, grad_output)
        assert_close(grad_x, expected, tolerance=1e-8)
        expected = numerical_gradient(lambda v: pooling.lp_pool2d(x, v[0], 3, 1), np.array([p]), grad_output)
        assert_close(np.array([grad_p]), expected, 1.0, 1e-7)

    def test_silent_windows_pay_nothing(self):
        x = np.zeros((1, 1, 2, 4))
        x[..., 2:] = 3.0
        grad_x, grad_p = pooling.lp_pool2d_backward(np.ones((1, 1, 1, 2)), x, 2, 2)
        np.testing.assert_array_equal(grad_x[0, 0, 0], [0, 0, 0.5, 0.5])
        assert np.isfinite(grad_p)

    def test_tends_to_the_maximum(self):
        x = np.abs(image())
        gaps = [np.abs(pooling.lp_pool2d(x, p, 2) - pooling.max_pool2d(x, 2)).max() for p in (1, 2, 8, 64)]
        assert gaps == sorted(gaps, reverse=True) and gaps[-1] < 0.1

    def test_float32_stays(self):
        x = np.abs(image(dtype=np.float32))
        y = pooling.lp_pool2d(x, 2, 2)
        grad_x, _ = pooling.lp_pool2d_backward(random_like(y), x, 2, 2)
        assert y.dtype == grad_x.dtype == np.float32
        assert_close(y, F.lp_pool2d(torch.tensor(x), 2, 2).numpy())


class TestAdaptiveAndGlobal:
    SIZES = pytest.mark.parametrize("size", [1, 3, (2, 5), (7, 8), (9, 3), (11, 16)], ids=str)

    @SIZES
    def test_average_against_torch(self, size):
        x = image()
        y = pooling.adaptive_avg_pool2d(x, size)
        scale = F.adaptive_avg_pool2d(torch.tensor(np.abs(x)), size).numpy()
        assert_close(y, F.adaptive_avg_pool2d(torch.tensor(x), size).numpy(), scale)
        grad_output = random_like(y)
        expected = torch_gradient(lambda t: F.adaptive_avg_pool2d(t, size), x, grad_output)
        assert_close(pooling.adaptive_avg_pool2d_backward(grad_output, x, size), expected)

    @SIZES
    @pytest.mark.parametrize("make", [image, tied])
    def test_maximum_against_torch(self, size, make):
        x = make()
        expected, positions = F.adaptive_max_pool2d(torch.tensor(x), size, return_indices=True)
        y, indices = pooling.adaptive_max_pool2d(x, size, return_indices=True)
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(indices, positions)
        np.testing.assert_array_equal(pooling.adaptive_max_pool2d(x, size), y)
        grad_output = random_like(y)
        expected = torch_gradient(lambda t: F.adaptive_max_pool2d(t, size), x, grad_output)
        assert_close(pooling.adaptive_max_pool2d_backward(grad_output, x, size), expected)

    @given(h=st.integers(1, 9), w=st.integers(1, 9), out=st.tuples(st.integers(1, 9), st.integers(1, 9)))
    @settings(max_examples=40, deadline=None)
    def test_any_size_and_the_adjoint(self, h, w, out):
        x = image(4, (2, 2, h, w))
        y = pooling.adaptive_avg_pool2d(x, out)
        assert_close(y, F.adaptive_avg_pool2d(torch.tensor(x), out).numpy())
        g = random_like(y)
        left, right = np.sum(y * g), np.sum(x * pooling.adaptive_avg_pool2d_backward(g, x, out))
        assert abs(left - right) <= 1e-12 * (np.sum(np.abs(y * g)) + 1)

    def test_nan_as_in_torch(self):
        x = image()
        x.flat[::17] = np.nan
        expected, positions = F.adaptive_max_pool2d(torch.tensor(x), (2, 3), return_indices=True)
        y, indices = pooling.adaptive_max_pool2d(x, (2, 3), return_indices=True)
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(indices, positions)

    @pytest.mark.parametrize("shape", [(2, 3, 7, 8), (1, 2, 1, 5)], ids=str)
    def test_global(self, shape):
        x = image(shape=shape)
        assert_close(pooling.global_avg_pool2d(x), torch.tensor(x).mean((2, 3)).numpy())
        np.testing.assert_array_equal(pooling.global_max_pool2d(x), x.reshape(*shape[:2], -1).max(-1))
        grad_output = random_like(x[:, :, 0, 0])
        expected = torch_gradient(lambda t: t.mean((2, 3)), x, grad_output)
        assert_close(pooling.global_avg_pool2d_backward(grad_output, x), expected)
        expected = torch_gradient(lambda t: F.adaptive_max_pool2d(t, 1)[:, :, 0, 0], x, grad_output)
        assert_close(pooling.global_max_pool2d_backward(grad_output, x), expected)


class TestChannels:
    @pytest.mark.parametrize("size", [1, 2, 3, 6])
    @pytest.mark.parametrize("make", [image, tied])
    def test_against_torch(self, size, make):
        def pool(t):
            return F.max_pool3d(t[:, None], (size, 1, 1))[:, 0]

        x = make(shape=(2, 6, 3, 4))
        y = pooling.channel_max_pool(x, size)
        np.testing.assert_array_equal(y, pool(torch.tensor(x)))
        grad_output = random_like(y)
        expected = torch_gradient(pool, x, grad_output)
        np.testing.assert_array_equal(pooling.channel_max_pool_backward(grad_output, x, size), expected)


class TestProperties:
    def test_maximum_commutes_with_every_increasing_function(self):
        x = image()
        for increasing in (lambda v: np.maximum(v, 0), np.tanh, np.exp):
            np.testing.assert_array_equal(
                pooling.max_pool2d(increasing(x), 3, 2, 1), increasing(pooling.max_pool2d(x, 3, 2, 1))
            )
        assert not np.allclose(pooling.max_pool2d(np.abs(x), 3), np.abs(pooling.max_pool2d(x, 3)))
        relu = np.maximum(x, 0)
        assert not np.allclose(pooling.avg_pool2d(relu, 2), np.maximum(pooling.avg_pool2d(x, 2), 0))

    @given(seed=st.integers(0, 2**32 - 1), s=st.integers(1, 4), k=st.integers(1, 4), t=st.integers(0, 3))
    @settings(max_examples=25, deadline=None)
    def test_equivariant_to_shifts_by_multiples_of_the_stride(self, seed, s, k, t):
        x = image(seed, (1, 1, 1, 24))
        x[..., -t * s :] = 0 if t else x[..., -t * s :]
        y, shifted = (pooling.max_pool2d(v, (1, k), s) for v in (x, np.roll(x, t * s, axis=3)))
        np.testing.assert_array_equal(shifted[..., t:], y[..., : y.shape[3] - t])

    def test_strided_is_subsampled(self):
        x = image()
        np.testing.assert_array_equal(pooling.max_pool2d(x, 3, 2), pooling.max_pool2d(x, 3, 1)[:, :, ::2, ::2])

    def test_average_is_linear(self):
        x, z = image(1), image(2)
        pool = lambda v: pooling.avg_pool2d(v, 3, 2, 1)  # noqa: E731
        assert_close(pool(2 * x - 3 * z), 2 * pool(x) - 3 * pool(z))


X, G = image(shape=(2, 4, 6, 6)), image(5, (2, 4, 3, 3))
CALLS = {
    "max": (pooling.max_pool2d, X, 2),
    "max, indices": (pooling.max_pool2d, X, 3, 1, 1, 1, False, True),
    "max backward": (pooling.max_pool2d_backward, G, X, 2),
    "average": (pooling.avg_pool2d, X, 2),
    "average, one pixel": (pooling.avg_pool2d, X, 1),
    "average backward": (pooling.avg_pool2d_backward, G, X, 2),
    "Lp": (pooling.lp_pool2d, X, 2, 2),
    "Lp backward": (pooling.lp_pool2d_backward, G, np.abs(X), 2, 2),
    "adaptive average": (pooling.adaptive_avg_pool2d, X, 3),
    "adaptive average backward": (pooling.adaptive_avg_pool2d_backward, G, X, 3),
    "adaptive max": (pooling.adaptive_max_pool2d, X, 6),
    "adaptive max backward": (pooling.adaptive_max_pool2d_backward, G, X, 3),
    "global average": (pooling.global_avg_pool2d, X),
    "global average backward": (pooling.global_avg_pool2d_backward, G[..., 0, 0], X),
    "global max": (pooling.global_max_pool2d, X),
    "global max backward": (pooling.global_max_pool2d_backward, G[..., 0, 0], X),
    "channels": (pooling.channel_max_pool, X, 1),
    "channels backward": (pooling.channel_max_pool_backward, G, X[:, :, :3, :3], 1),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_input_read_only_non_contiguous_and_unshared(call):
    function, *arguments = call
    frozen = []
    for a in arguments:
        if isinstance(a, np.ndarray):
            a = np.asfortranarray(np.repeat(a, 2, axis=-1))[..., ::2]
            a.flags.writeable = False
        frozen.append(a)
    for actual, expected in itertools.zip_longest(
        *([r] if not isinstance(r, tuple) else r for r in (function(*frozen), function(*arguments)))
    ):
        assert_close(actual, expected)
        assert not any(np.shares_memory(actual, a) for a in frozen if isinstance(a, np.ndarray))


REFUSED = {
    "three axes": (lambda: pooling.max_pool2d(X[0], 2), r"\(N, C, H, W\)"),
    "empty": (lambda: pooling.avg_pool2d(X[:0], 2), "must not be empty"),
    "window too large": (lambda: pooling.max_pool2d(X, 7), "does not fit"),
    "kernel 0": (lambda: pooling.avg_pool2d(X, 0), "kernel_size must be at least 1"),
    "stride 0": (lambda: pooling.max_pool2d(X, 2, 0), "stride must be at least 1"),
    "negative padding": (lambda: pooling.max_pool2d(X, 2, 2, -1), "padding must be at least 0"),
    "padding above half": (lambda: pooling.max_pool2d(X, 3, 1, 2), "at most half"),
    "padding above half, average": (lambda: pooling.avg_pool2d(X, (4, 3), 1, 2), "at most half"),
    "divisor 0": (lambda: pooling.avg_pool2d(X, 2, divisor_override=0), "must not be 0"),
    "p = 0": (lambda: pooling.lp_pool2d(X, 0, 2), "positive and finite"),
    "p infinite": (lambda: pooling.lp_pool2d(X, np.inf, 2), "positive and finite"),
    "output 0": (lambda: pooling.adaptive_avg_pool2d(X, 0), "output_size must be at least 1"),
    "huge output": (lambda: pooling.adaptive_avg_pool2d(X, 10**12), "more than 268,435,456 numbers"),
    "huge output, one axis": (lambda: pooling.adaptive_max_pool2d(X, (1, 10**9)), "more than 268,435,456 numbers"),
    "huge output, gradient": (lambda: pooling.adaptive_avg_pool2d_backward(X, X, 10**6), "more than 268,435,456"),
    "channels do not divide": (lambda: pooling.channel_max_pool(X, 3), "must divide"),
    "wrong gradient": (lambda: pooling.max_pool2d_backward(X, X, 2), r"\(2, 4, 3, 3\), got shape \(2, 4, 6, 6\)"),
    "wrong gradient, global": (lambda: pooling.global_avg_pool2d_backward(X, X), r"\(2, 4\)"),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses_values(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: pooling.max_pool2d(X > 0, 2),
        lambda: pooling.avg_pool2d(X.astype(object), 2),
        lambda: pooling.adaptive_max_pool2d(X.astype(str), 2),
        lambda: pooling.max_pool2d(X, 2.0),
        lambda: pooling.max_pool2d(X, 2, ceil_mode=1),
        lambda: pooling.lp_pool2d(X, "2", 2),
        lambda: pooling.avg_pool2d(X, 2, divisor_override=2.5),
    ],
    ids=["bool", "object", "string", "float kernel", "integer flag", "string power", "float divisor"],
)
def test_refuses_types(call):
    with pytest.raises(TypeError):
        call()


def test_the_gradient_of_max_pooling_looks_at_each_row_and_each_column_of_the_window(monkeypatch):
    steps, tap = [], pooling._tap
    monkeypatch.setattr(pooling, "_tap", lambda *arguments: steps.append(1) or tap(*arguments))
    x = np.random.default_rng(0).standard_normal((1, 1, 24, 22))
    pooling.max_pool2d_backward(np.ones((1, 1, 2, 2)), x, (12, 11))
    assert len(steps) == 2 * (12 + 11)  # there, and back


def test_where_whole_numbers_and_minus_infinity_tie_max_pooling_and_its_gradient_equal_torch():
    rng = np.random.default_rng(0)
    for options in ((3, 2, 1), (3, 1), ((2, 3), (1, 2), (1, 1)), (3, 3, 1, 1, True), (2, 1, 1, 3)):
        x = rng.integers(-1, 2, (2, 3, 13, 14)).astype(float)
        x[rng.random(x.shape) < 0.4] = -np.inf
        x[0, 0] = -np.inf
        x[1, rng.random(x.shape[1:]) < 0.03] = np.nan
        tensor = torch.tensor(x, requires_grad=True)
        y, places = F.max_pool2d(tensor, *options, return_indices=True)
        grad = rng.standard_normal(y.shape)
        y.backward(torch.tensor(grad))
        best, found = pooling.max_pool2d(x, *options, return_indices=True)
        np.testing.assert_array_equal(best, y.detach())
        np.testing.assert_array_equal(found, places)
        assert_close(pooling.max_pool2d_backward(grad, x, *options), tensor.grad.numpy())
