import numpy as np
import pytest
import scipy.fft
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from miniconv import algorithms as A
from tests.helpers.arrays import assert_close

rng = np.random.default_rng(11)
MODES = ["full", "same", "valid"]
SHAPES = [((5, 7), (3, 2)), ((4, 4), (4, 4)), ((6, 3), (1, 3)), ((8, 9), (2, 5)), ((1, 6), (1, 1))]
ALL = {
    "loops": A.loop_convolve2d,
    "matrix": A.matrix_convolve2d,
    "im2col": A.im2col_convolve2d,
    "fft": A.fft_convolve2d,
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_algorithm_equals_scipy(name, shapes, mode, dtype):
    image, kernel = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    expected = scipy.signal.convolve2d(image.astype(float), kernel.astype(float), mode)
    y = ALL[name](image, kernel, mode)
    assert y.dtype == dtype
    assert_close(y, expected, scale=np.abs(image).sum() * np.abs(kernel).max())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_separable_equals_the_outer_product(shapes, mode):
    image, column, row = (
        rng.standard_normal(shapes[0]),
        rng.standard_normal(shapes[1][0]),
        rng.standard_normal(shapes[1][1]),
    )
    expected = scipy.signal.convolve2d(image, np.outer(column, row), mode)
    assert_close(A.separable_convolve2d(image, column, row, mode), expected, scale=100.0)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.sampled_from(MODES[:2]))
def test_algorithms_agree_on_any_shape(h, w, kh, kw, mode):
    r = np.random.default_rng(h + 10 * w + 100 * kh + 1000 * kw)
    image, kernel = r.standard_normal((h, w)), r.standard_normal((kh, kw))
    expected = A.loop_convolve2d(image, kernel, mode)
    for other in (A.matrix_convolve2d, A.im2col_convolve2d, A.fft_convolve2d):
        assert_close(other(image, kernel, mode), expected, scale=np.abs(image).sum() * np.abs(kernel).sum())


def test_without_padding_the_fft_wraps_round():
    image, kernel = rng.standard_normal((6, 7)), rng.standard_normal((3, 2))
    wrapped = A.circular_fft_convolve2d(image, kernel)
    expected = scipy.signal.convolve2d(np.pad(image, ((2, 0), (1, 0)), mode="wrap"), kernel, "valid")
    assert_close(wrapped, expected, scale=20.0)
    same = scipy.signal.convolve2d(image, kernel)[:6, :7]
    assert_close(wrapped[2:, 1:], same[2:, 1:], scale=20.0)
    assert np.abs(wrapped - same)[:2].max() > 0.1


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (1, 5), (5, 5)], ids=str)
def test_separation_is_the_nearest_of_rank_one(shape):
    kernel = rng.standard_normal(shape)
    column, row, error = A.separate_kernel(kernel)
    assert_close(np.linalg.norm(kernel - np.outer(column, row)) / np.linalg.norm(kernel), error, scale=1.0)
    for _ in range(50):
        nearby = np.outer(column + 0.1 * rng.standard_normal(shape[0]), row + 0.1 * rng.standard_normal(shape[1]))
        assert np.linalg.norm(kernel - nearby) >= error * np.linalg.norm(kernel) - 1e-12
    _, _, none = A.separate_kernel(np.outer(column, row))
    assert none < 1e-7


class Counted:
    """A number that counts what is done with it."""

    multiplications = additions = 0

    def __init__(self, value):
        self.value = value

    def __mul__(self, other):
        Counted.multiplications += 1
        return Counted(self.value * other.value)

    def __add__(self, other):
        Counted.additions += 1
        return Counted(self.value + other.value)


def counted(shape):
    return np.array([Counted(v) for v in rng.standard_normal(int(np.prod(shape)))], dtype=object).reshape(shape)


def count(function):
    Counted.multiplications = Counted.additions = 0
    function()
    return Counted.multiplications, Counted.additions


def by_definition(padded, kernel):
    """The arithmetic of the loops on any kind of number."""
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    out = np.empty(windows.shape[:2], dtype=object)
    for p, q in np.ndindex(out.shape):
        terms = [a * b for a, b in zip(windows[p, q].ravel(), kernel[::-1, ::-1].ravel(), strict=True)]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        out[p, q] = total
    return out


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_counts_of_loops_columns_matrix_and_separable_are_exact(shapes):
    (h, w), (kh, kw) = shapes
    image, kernel = counted((h, w)), counted((kh, kw))
    for name in ("loops", "im2col"):
        assert count(lambda: by_definition(image, kernel)) == A.operation_count(name, *shapes, "valid")[:2]
    separable = count(lambda: by_definition(by_definition(image, kernel[:, :1]), kernel[:1]))
    assert separable == A.operation_count("separable", *shapes, "valid")[:2]
    outputs = (h - kh + 1) * (w - kw + 1)
    matrix = counted((outputs, h * w))
    dense = count(lambda: [by_definition(row[None], image.reshape(1, -1)) for row in matrix])
    assert dense == A.operation_count("matrix", *shapes, "valid")[:2]


class CountedComplex:
    multiplications = additions = 0

    def __init__(self, value):
        self.value = value

    def __mul__(self, other):
        CountedComplex.multiplications += 1
        return CountedComplex(self.value * getattr(other, "value", other))

    __rmul__ = __mul__

    def __add__(self, other):
        CountedComplex.additions += 1
        return CountedComplex(self.value + other.value)

    def __sub__(self, other):
        CountedComplex.additions += 1
        return CountedComplex(self.value - other.value)


def radix2(x):
    if len(x) == 1:
        return x
    even, odd, half = radix2(x[::2]), radix2(x[1::2]), len(x) // 2
    turned = [np.exp(-2j * np.pi * k / len(x)) * odd[k] for k in range(half)]
    return [even[k] + turned[k] for k in range(half)] + [even[k] - turned[k] for k in range(half)]


@pytest.mark.parametrize("period", [(2, 4), (8, 8), (1, 16)], ids=str)
def test_count_of_the_fft_is_that_of_the_radix_two_algorithm(period):
    size = period[0] * period[1]

    def transform(grid):
        rows = [radix2(row) for row in grid]
        return [radix2(list(column)) for column in zip(*rows, strict=True)]

    grid = [[CountedComplex(complex(i, j)) for j in range(period[1])] for i in range(period[0])]
    CountedComplex.multiplications = CountedComplex.additions = 0
    one, other = transform(grid), transform(grid)
    transform([[a * b for a, b in zip(x, y, strict=True)] for x, y in zip(one, other, strict=True)])
    products, additions = CountedComplex.multiplications, CountedComplex.additions
    counted = A.operation_count("fft", period, (1, 1))
    assert counted.multiplications == 4 * products + 2 * size
    assert counted.additions == 2 * products + 2 * additions


@pytest.mark.parametrize("n", [1, 2, 8, 32])
def test_radix2_equals_numpy(n):
    x = rng.standard_normal(n) + 1j * rng.standard_normal(n)
    assert np.allclose(A.radix2_fft(x), np.fft.fft(x))
    assert np.allclose(A.radix2_fft(x, inverse=True) / n, np.fft.ifft(x))


def test_memory_counts_are_the_sizes_of_what_is_stored():
    shapes = (6, 7), (3, 2)
    outputs = 4 * 6
    assert (
        A.operation_count("matrix", *shapes, "valid").memory
        == A.convolution_matrix2d(np.ones((3, 2)), (6, 7), "valid").size
    )
    assert A.operation_count("im2col", *shapes, "valid").memory == outputs * 6
    assert A.operation_count("separable", *shapes, "valid").memory == 4 * 7
    assert A.operation_count("fft", *shapes).memory == 4 * 8 * 8


def test_the_best_algorithm_changes_with_the_kernel():
    assert A.best_algorithm((64, 64), (3, 3)) == "loops"
    assert A.best_algorithm((64, 64), (3, 3), rank=1) == "separable"
    assert A.best_algorithm((64, 64), (33, 33)) == "fft"
    first = next(k for k in range(1, 60) if A.best_algorithm((64, 64), (k, k)) == "fft")
    direct, fft = (A.operation_count(name, (64, 64), (first, first)).multiplications for name in ("loops", "fft"))
    assert fft < direct


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: A.loop_convolve2d(np.ones(3), np.ones((1, 1))), r"\(H, W\), got shape \(3,\)"),
        (lambda: A.fft_convolve2d(np.ones((2, 2)), np.array([["a"]])), "real numbers"),
        (lambda: A.im2col_convolve2d(np.ones((2, 2)), np.ones((3, 3)), "valid"), "fits"),
        (lambda: A.matrix_convolve2d(np.ones((2, 2)), np.ones((1, 1)), "half"), "mode"),
        (lambda: A.circular_fft_convolve2d(np.ones((2, 2)), np.ones((3, 1))), "larger"),
        (lambda: A.separate_kernel(np.zeros((2, 2))), "zero everywhere"),
        (lambda: A.separable_convolve2d(np.ones((3, 3)), np.ones((2, 2)), np.ones(2)), "column must"),
        (lambda: A.operation_count("magic", (4, 4), (2, 2)), "magic"),
        (lambda: A.operation_count("loops", (4, 0), (2, 2)), "at least 1"),
        (lambda: A.best_algorithm((4, 4), (2, 3), rank=3), "no rank 3"),
        (lambda: A.radix2_fft(np.ones(3)), "power of two"),
        (lambda: A.radix2_fft(np.array(["a"])), "numbers"),
    ],
)
def test_errors_name_the_rule(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()


@pytest.mark.parametrize("name", ALL)
def test_inputs_may_be_read_only_and_strided_and_nan_passes_through(name):
    image = np.swapaxes(rng.standard_normal((6, 5)), 0, 1)
    image.flags.writeable = False
    before = image.copy()
    ALL[name](image, np.ones((2, 2)))
    assert np.array_equal(image, before)
    holed = before.copy()
    holed[0, 0] = np.nan
    assert np.isnan(ALL[name](holed, np.ones((2, 2)))[0, 0])


def test_the_fft_of_single_precision_stays_single():
    for n in (1, 8):
        assert A.radix2_fft(np.ones(n, np.float32)).dtype == np.fft.fft(np.ones(n, np.float32)).dtype


def test_a_fast_length_is_the_next_one_with_small_factors():
    lengths = range(1, 2000)
    assert [A.fast_length(n) for n in lengths] == [scipy.fft.next_fast_len(n, real=True) for n in lengths]
