import tracemalloc

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from miniconv import attention as A
from miniconv.gradients import numerical_gradient
from miniconv.layer import conv2d
from tests.helpers.arrays import assert_close

rng = np.random.default_rng(3)
sizes = st.integers(1, 5)


def tensors(*arrays, grad=False):
    return [torch.tensor(a, requires_grad=grad) for a in arrays]


def qkv(*lead, n=3, s=4, e=5, v=2, dtype=float):
    return [rng.standard_normal((*lead, *shape)).astype(dtype) for shape in ((n, e), (s, e), (s, v))]


def test_softmax_by_hand():
    assert_close(A.softmax(np.log([[1.0, 1.0, 2.0]])), np.array([[0.25, 0.25, 0.5]]))


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_equals_torch(axis, dtype):
    x = (50 * rng.standard_normal((3, 4, 5))).astype(dtype)
    y = A.softmax(x, axis)
    assert y.dtype == dtype
    assert_close(y, torch.softmax(torch.tensor(x, dtype=torch.float64), axis).numpy(), scale=1.0)


def test_softmax_survives_huge_and_hidden_scores():
    assert_close(A.softmax(np.array([1e308, 1e308, -np.inf])), np.array([0.5, 0.5, 0.0]))
    assert np.isnan(A.softmax(np.array([-np.inf, -np.inf]))).all()
    assert np.isnan(A.softmax(np.array([np.nan, 1.0]))).all()


@settings(max_examples=30, deadline=None)
@given(n=sizes, m=sizes, shift=st.floats(-100, 100))
def test_softmax_ignores_a_common_shift_and_adds_up_to_one(n, m, shift):
    x = np.random.default_rng(n * 7 + m).standard_normal((n, m))
    assert_close(A.softmax(x + shift), A.softmax(x), tolerance=1e-11)
    assert_close(A.softmax(x).sum(-1), np.ones(n))


def test_softmax_backward_equals_autograd():
    x, g = rng.standard_normal((2, 3, 4, 5))
    (xt,) = tensors(x, grad=True)
    (torch.softmax(xt, 1) * torch.tensor(g)).sum().backward()
    assert_close(A.softmax_backward(g, x, 1), xt.grad.numpy(), scale=1.0)
    assert_close(A.softmax_backward(g, x, 1), numerical_gradient(lambda a: A.softmax(a, 1), x, g), tolerance=1e-7)


@pytest.mark.parametrize("lead", [(), (2,), (2, 3)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 0.7}], ids=str)
def test_attention_equals_torch(lead, dtype, options):
    q, k, v = qkv(*lead, dtype=dtype)
    y = A.scaled_dot_product_attention(q, k, v, **options)
    expected = F.scaled_dot_product_attention(*(t.double() for t in tensors(q, k, v)), **options)
    assert y.dtype == dtype
    assert_close(y, expected.numpy(), scale=np.abs(v).max())


@pytest.mark.parametrize("kind", ["bool", "float", "row without keys", "per sample"])
def test_masks_equal_torch(kind):
    q, k, v = qkv(2)
    mask = np.array([[1, 1, 0, 1], [1, 0, 0, 0], [0, 1, 1, 1]], dtype=bool)
    if kind == "float":
        mask = rng.standard_normal((3, 4))
    if kind == "row without keys":
        mask[1] = False
    if kind == "per sample":
        mask = np.stack([mask, ~mask])
    expected = F.scaled_dot_product_attention(*tensors(q, k, v), attn_mask=torch.tensor(mask))
    assert_close(A.scaled_dot_product_attention(q, k, v, mask), expected.numpy(), scale=np.abs(v).max())


@pytest.mark.parametrize(
    "options", [{}, {"is_causal": True}, {"attn_mask": np.eye(3, 4, dtype=bool)}], ids=["plain", "causal", "mask"]
)
def test_backward_equals_autograd(options):
    q, k, v = qkv(2)
    g = rng.standard_normal((2, 3, 2))
    ts = tensors(q, k, v, grad=True)
    torch_options = {key: torch.tensor(value) if key == "attn_mask" else value for key, value in options.items()}
    (F.scaled_dot_product_attention(*ts, **torch_options) * torch.tensor(g)).sum().backward()
    for ours, t in zip(A.scaled_dot_product_attention_backward(g, q, k, v, **options), ts, strict=True):
        assert_close(ours, t.grad.numpy(), scale=10.0)
    numeric = numerical_gradient(lambda a: A.scaled_dot_product_attention(q, a, v, **options), k, g)
    assert_close(A.scaled_dot_product_attention_backward(g, q, k, v, **options)[1], numeric, tolerance=1e-6)


@settings(max_examples=25, deadline=None)
@given(n=sizes, s=sizes, e=sizes, v=sizes, seed=st.integers(0, 99))
def test_without_positions_attention_is_permutation_equivariant(n, s, e, v, seed):
    r = np.random.default_rng(seed)
    q, k, val = r.standard_normal((n, e)), r.standard_normal((s, e)), r.standard_normal((s, v))
    y, order, keys = A.scaled_dot_product_attention(q, k, val), r.permutation(n), r.permutation(s)
    assert_close(A.scaled_dot_product_attention(q[order], k[keys], val[keys]), y[order], scale=np.abs(val).max())


def test_no_information_from_the_future():
    q, k, v = qkv(n=4)
    y = A.scaled_dot_product_attention(q, k, v, is_causal=True)
    k[2:], v[2:] = 9.0, -9.0
    assert_close(A.scaled_dot_product_attention(q, k, v, is_causal=True)[:2], y[:2])


@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("masked", [False, True], ids=["plain", "masked"])
def test_multi_head_equals_torch(heads, masked):
    layer = torch.nn.MultiheadAttention(8, heads, batch_first=True, dtype=torch.float64)
    torch.nn.init.normal_(layer.in_proj_bias), torch.nn.init.normal_(layer.out_proj.bias)
    q, kv = rng.standard_normal((2, 3, 8)), rng.standard_normal((2, 5, 8))
    mask = np.tri(3, 5, 1, dtype=bool) if masked else None
    expected, _ = layer(*tensors(q, kv, kv), attn_mask=None if mask is None else torch.tensor(~mask))
    weights = [
        p.detach().numpy()
        for p in (layer.in_proj_weight, layer.in_proj_bias, layer.out_proj.weight, layer.out_proj.bias)
    ]
    assert_close(A.multi_head_attention(q, kv, kv, heads, *weights, mask), expected.detach().numpy(), scale=5.0)


def test_glimpse_is_a_weighted_mean():
    features, scores = rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((2, 4, 5))
    glimpse, weights = A.soft_glimpse(features, scores)
    assert_close(weights.sum((1, 2)), np.ones(2))
    assert_close(glimpse, np.einsum("nchw,nhw->nc", features, weights))
    assert_close(A.soft_glimpse(features, 0 * scores)[0], features.mean((2, 3)), scale=1.0)


@pytest.mark.parametrize(
    ("kernel", "padding"), [((3, 3), 1), ((2, 3), 0), ((1, 1), 0), ((3, 2), (2, 0)), ((3, 3), "same")], ids=str
)
def test_convolution_as_attention_equals_conv2d(kernel, padding):
    x, w = rng.standard_normal((2, 3, 5, 6)), rng.standard_normal((4, 3, *kernel))
    scale = conv2d(np.abs(x), np.abs(w), padding=padding)
    assert_close(A.convolution_as_attention(x, w, padding), conv2d(x, w, padding=padding), scale)


def test_blunt_attention_blurs_the_convolution_and_sharpness_cures_it():
    x, w = rng.standard_normal((1, 1, 6, 6)), rng.standard_normal((1, 1, 3, 3))
    errors = [np.abs(A.convolution_as_attention(x, w, sharpness=s) - conv2d(x, w)).max() for s in (1, 5, 20)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-6 * errors[0]


def test_sines_are_orthogonal_shifts():
    codes = A.sinusoidal_positions(40, 16)
    products = codes @ codes.T
    for offset in (1, 5):
        assert_close(np.diag(products, offset), np.full(40 - offset, products[0, offset]), tolerance=1e-10)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: A.softmax(np.array(["a"])), "real numbers"),
        (lambda: A.softmax(np.zeros((0,))), "empty"),
        (lambda: A.softmax(np.zeros(3), 1), "no axis"),
        (lambda: A.softmax_backward(np.zeros(2), np.zeros(3)), r"\(3,\), got shape \(2,\)"),
        (
            lambda: A.scaled_dot_product_attention(np.ones((2, 3)), np.ones((2, 4)), np.ones((2, 4))),
            r"\(2, 3\) and \(2, 4\)",
        ),
        (lambda: A.scaled_dot_product_attention(np.ones((2, 3)), np.ones((4, 3)), np.ones((2, 3))), "value must"),
        (lambda: A.scaled_dot_product_attention(*qkv(), np.ones((2, 2), bool)), "attn_mask must"),
        (lambda: A.scaled_dot_product_attention(*qkv(), np.ones((3, 4), bool), is_causal=True), "not both"),
        (lambda: A.scaled_dot_product_attention(*qkv(), np.ones((3, 4), int)), "bools"),
        (lambda: A.scaled_dot_product_attention(*qkv(), None, 0.0, True), "dropout_p"),
        (lambda: A.scaled_dot_product_attention_backward(np.ones((1, 1)), *qkv()), "grad_output"),
        (lambda: A.split_heads(np.ones((1, 2, 5)), 2), "divisible"),
        (lambda: A.soft_glimpse(np.ones((1, 2, 3, 3)), np.ones((1, 3, 4))), "scores"),
        (lambda: A.convolution_as_attention(np.ones((1, 2, 3, 3)), np.ones((1, 3, 2, 2))), "channels"),
        (lambda: A.convolution_as_attention(np.ones((1, 1, 2, 2)), np.ones((1, 1, 3, 3))), "does not fit"),
        (lambda: A.sinusoidal_positions(3, 5), "even"),
    ],
)
def test_errors_name_the_rule(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()


def test_inputs_are_left_alone_and_may_be_read_only():
    arrays = [np.asfortranarray(a) for a in qkv(2)]
    for a in arrays:
        a.flags.writeable = False
    before = [a.copy() for a in arrays]
    A.scaled_dot_product_attention(*arrays, is_causal=True)
    A.scaled_dot_product_attention_backward(np.ones((2, 3, 2)), *arrays)
    assert all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True))


def test_whole_numbers_may_be_attended_softly():
    x, kernel = np.arange(9).reshape(1, 1, 3, 3), np.ones((1, 1, 1, 1))
    softly = A.convolution_as_attention(x, kernel, sharpness=1.0)
    assert_close(softly, A.convolution_as_attention(x.astype(float), kernel, sharpness=1.0))


def half(*shape, scale=1.0):
    return (scale * rng.standard_normal(shape)).astype(np.float16)


def assert_half(found, wide):
    """The values are those of float32, rounded once."""
    assert found.dtype == np.float16
    assert np.array_equal(found, wide.astype(np.float16))


def assert_computed_in_float32(function, *arrays, **options):
    found = function(*arrays, **options)
    wide = function(*(a.astype(np.float32) if isinstance(a, np.ndarray) else a for a in arrays), **options)
    for one, other in zip(found, wide) if isinstance(found, tuple) else [(found, wide)]:
        assert np.isfinite(one).all()
        assert_half(one, other)


def test_attention_in_float16_equals_torch_where_scores_overflow():
    q, k, v = half(3, 64, scale=100.0), half(70, 64, scale=100.0), half(70, 2)
    assert np.abs(q.astype(float) @ k.T.astype(float)).max() > np.finfo(np.float16).max
    expected = F.scaled_dot_product_attention(*tensors(q, k, v)).numpy()
    found = A.scaled_dot_product_attention(q, k, v)
    assert found.dtype == expected.dtype == np.float16
    assert_close(found, expected, scale=np.abs(v).max(), tolerance=1e-2)


def test_softmax_in_float16_survives_more_places_than_float16_can_count():
    x = np.zeros((1, 70_000), np.float16)
    assert_half(A.softmax(x), torch.softmax(torch.tensor(x), -1).numpy())


@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"attn_mask": np.tri(3, 70, dtype=bool)}], ids=str)
def test_attention_computes_float16_in_float32(options):
    q, k, v = half(2, 3, 64, scale=100.0), half(2, 70, 64, scale=100.0), half(2, 70, 2)
    assert_computed_in_float32(A.attention_weights, q, k, **options)
    assert_computed_in_float32(A.scaled_dot_product_attention, q, k, v, **options)
    small = half(2, 3, 64), half(2, 70, 64), half(2, 70, 2)
    assert_computed_in_float32(A.scaled_dot_product_attention_backward, half(2, 3, 2, scale=1000.0), *small, **options)


def test_everything_else_computes_float16_in_float32():
    assert_computed_in_float32(A.softmax_backward, half(3, 5, scale=1e4), half(3, 5))
    x, weights = half(2, 3, 8, scale=300.0), (half(24, 8), half(24), half(8, 8) / np.float16(100), half(8))
    assert_computed_in_float32(A.multi_head_attention, x, x, x, 2, *weights)
    assert_computed_in_float32(A.soft_glimpse, half(2, 3, 40, 50, scale=1e4), half(2, 40, 50))
    ones = np.full((1, 3, 2, 3), 3e4, np.float16), np.full((1, 3, 1, 2), 0.3, np.float16)
    assert_computed_in_float32(A.convolution_as_attention, *ones)


def test_attention_holds_its_scores_twice_and_no_more():
    query = np.random.default_rng(0).standard_normal((4, 128, 4)).astype(np.float32)
    scores = 4 * 128 * 128 * query.itemsize
    tracemalloc.start()
    A.scaled_dot_product_attention_backward(query, query, query, query)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2.3 * scores


def test_attention_in_two_precisions_has_the_better_one():
    rng = np.random.default_rng(0)
    query, key, value = (rng.standard_normal((5, 3)).astype(dtype) for dtype in (np.float32, np.float64, np.float32))
    found = A.scaled_dot_product_attention(query, key, value)
    expected = A.scaled_dot_product_attention(query.astype(float), key, value.astype(float))
    assert found.dtype == np.float64
    assert np.abs(found - expected).max() < 1e-12
