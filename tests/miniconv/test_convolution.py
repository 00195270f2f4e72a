"""The module `convolution` against SciPy, NumPy, PyTorch and the identities that define it."""

import doctest

import numpy as np
import pytest
import scipy.linalg
import scipy.ndimage
import scipy.signal
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from miniconv import convolution
from miniconv.convolution import (
    MODES,
    circulant_matrix,
    circular_convolve1d,
    convolution_matrix1d,
    convolution_matrix2d,
    convolve1d,
    convolve2d,
    convolve_sampled,
    cross_correlate1d,
    cross_correlate2d,
    is_circulant,
    is_doubly_block_toeplitz,
    is_toeplitz,
    mode_padding,
    output_size,
    visits2d,
)
from tests.helpers.arrays import assert_close

LENGTHS = [(7, 3), (7, 4), (6, 4), (5, 1), (1, 1), (4, 4), (3, 3), (1, 4), (3, 6)]
SHAPES = [((5, 7), (3, 2)), ((6, 4), (2, 3)), ((4, 4), (4, 4)), ((1, 6), (1, 3)), ((5, 3), (4, 1)), ((2, 3), (3, 5))]
SIGNAL_CASES = [(n, k, mode) for n, k in LENGTHS for mode in MODES if mode != "valid" or k <= n]
FITTING = [(shape, kernel) for shape, kernel in SHAPES if kernel[0] <= shape[0] and kernel[1] <= shape[1]]
IMAGE_CASES = [(*case, mode) for mode in MODES for case in (FITTING if mode == "valid" else SHAPES)]
random_case = settings(max_examples=40, deadline=None)


def signals(n, k, dtype=np.float64):
    rng = np.random.default_rng(100 * n + k)
    return rng.standard_normal(n).astype(dtype), rng.standard_normal(k).astype(dtype)


def images(shape, kernel_shape, dtype=np.float64):
    rng = np.random.default_rng([*shape, *kernel_shape])
    return rng.standard_normal(shape).astype(dtype), rng.standard_normal(kernel_shape).astype(dtype)


def absolute(function, *arrays, **options):
    """f(|x|, |w|): what a backward error is measured against."""
    return function(*(np.abs(a).astype(float) for a in arrays), **options)


def test_doctests():
    assert doctest.testmod(convolution).failed == 0


# Hand values


def test_four_taps_by_hand():
    """y[3] = h3 x0 + h2 x1 + h1 x2 + h0 x3, with numbers that tell every pair apart."""
    x, h = np.array([1, 10, 100, 1000]), np.array([2, 3, 5, 7])
    assert convolve1d(x, h)[3] == 7 * 1 + 5 * 10 + 3 * 100 + 2 * 1000


def test_first_output_of_a_flipped_kernel_by_hand():
    """Top-left window a b / e f under w x / y z: a z + b y + e x + f w."""
    image, kernel = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]), np.array([[13, 14], [15, 16]])
    assert convolve2d(image, kernel, "valid")[0, 0] == 1 * 16 + 2 * 15 + 5 * 14 + 6 * 13
    assert cross_correlate2d(image, kernel, "valid")[0, 0] == 1 * 13 + 2 * 14 + 5 * 15 + 6 * 16


def test_a_patch_and_a_kernel_by_hand():
    patch = np.array([[200, 150, 150], [100, 50, 100], [25, 25, 10]])
    kernel = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    assert cross_correlate2d(patch, kernel, "valid").item() == 65
    assert convolve2d(patch, kernel, "valid").item() == -65


# Against others


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize(("n", "k", "mode"), SIGNAL_CASES)
def test_signals_equal_scipy(n, k, mode, dtype):
    x, h = signals(n, k, dtype)
    for ours, theirs in [(convolve1d, scipy.signal.convolve), (cross_correlate1d, scipy.signal.correlate)]:
        actual = ours(x, h, mode)
        assert actual.dtype == dtype
        assert_close(actual, theirs(x, h, mode, method="direct"), scale=absolute(ours, x, h, mode=mode))


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize(("shape", "kernel_shape", "mode"), IMAGE_CASES)
def test_images_equal_scipy(shape, kernel_shape, mode, dtype):
    image, kernel = images(shape, kernel_shape, dtype)
    for ours, theirs in [(convolve2d, scipy.signal.convolve), (cross_correlate2d, scipy.signal.correlate)]:
        actual = ours(image, kernel, mode)
        assert actual.dtype == dtype
        assert_close(
            actual, theirs(image, kernel, mode, method="direct"), scale=absolute(ours, image, kernel, mode=mode)
        )


@pytest.mark.parametrize(("shape", "kernel_shape"), SHAPES[:5])
def test_full_and_valid_equal_pytorch(shape, kernel_shape):
    image, kernel = images(shape, kernel_shape)
    x, w = torch.from_numpy(image)[None, None], torch.from_numpy(kernel)[None, None]
    padding = tuple(k - 1 for k in kernel_shape)
    assert_close(cross_correlate2d(image, kernel, "valid"), F.conv2d(x, w)[0, 0].numpy())
    assert_close(cross_correlate2d(image, kernel), F.conv2d(x, w, padding=padding)[0, 0].numpy())
    assert_close(convolve2d(image, kernel), F.conv_transpose2d(x, w)[0, 0].numpy())


@pytest.mark.parametrize(("n", "k"), [(7, 3), (7, 5), (3, 3)])
def test_same_of_an_odd_kernel_equals_pytorch(n, k):
    x, h = signals(n, k)
    expected = F.conv1d(torch.from_numpy(x)[None, None], torch.from_numpy(h)[None, None], padding="same")
    assert_close(cross_correlate1d(x, h, "same"), expected[0, 0].numpy())


def test_same_of_an_even_kernel_keeps_the_earlier_centre():
    """SciPy has both: signal.correlate the earlier, as here; signal.correlate2d the later, as PyTorch."""
    impulse, h = np.array([[0.0, 0, 0, 1, 0, 0, 0]]), np.array([[1.0, 2, 3, 4]])
    assert cross_correlate2d(impulse, h, "same").tolist() == [[0, 0, 4, 3, 2, 1, 0]]
    assert scipy.signal.correlate2d(impulse, h, "same").tolist() == [[0, 4, 3, 2, 1, 0, 0]]


@pytest.mark.parametrize(("n", "k"), [(7, 3), (6, 6), (5, 1), (1, 1), (8, 5)])
def test_circular_equals_the_dft_and_ndimage(n, k):
    x, h = signals(n, k)
    scale = absolute(circular_convolve1d, x, h)
    assert_close(circular_convolve1d(x, h), np.fft.ifft(np.fft.fft(x) * np.fft.fft(h, n)).real, scale=scale)
    shifted = scipy.ndimage.convolve1d(x, h, mode="wrap", origin=-((k - 1) // 2) if k % 2 else -(k // 2 - 1) - 1)
    assert_close(circular_convolve1d(x, h), shifted, scale=scale)


@pytest.mark.parametrize(("n", "k", "mode"), SIGNAL_CASES)
def test_matrix_equals_scipys_and_gives_the_same_output(n, k, mode):
    x, h = signals(n, k)
    matrix = convolution_matrix1d(h, n, mode)
    assert_close(matrix @ x, convolve1d(x, h, mode), scale=absolute(convolve1d, x, h, mode=mode))
    if k <= n:
        assert np.array_equal(matrix, scipy.linalg.convolution_matrix(h, n, mode))


@pytest.mark.parametrize(("shape", "kernel_shape", "mode"), IMAGE_CASES)
def test_image_matrix_gives_the_same_output(shape, kernel_shape, mode):
    image, kernel = images(shape, kernel_shape)
    matrix = convolution_matrix2d(kernel, shape, mode)
    expected = scipy.signal.convolve2d(image, kernel, mode)
    assert_close((matrix @ image.ravel()).reshape(expected.shape), expected, scale=np.abs(expected).max() + 10)


def test_matrices_keep_the_dtype_of_the_kernel():
    for dtype in (np.float32, np.float64, np.int64):
        assert convolution_matrix1d(np.ones(2, dtype), 4).dtype == dtype
        assert convolution_matrix2d(np.ones((2, 3), dtype), (4, 4)).dtype == dtype
        assert circulant_matrix(np.ones(2, dtype), 4).dtype == dtype


# Structure: which matrix is what


@pytest.mark.parametrize("mode", MODES)
def test_1d_matrices_are_toeplitz_and_only_the_periodic_one_is_circulant(mode):
    _, h = signals(7, 3)
    matrix = convolution_matrix1d(h, 7, mode)
    assert is_toeplitz(matrix) and not is_circulant(matrix)
    assert is_toeplitz(circulant_matrix(h, 7)) and is_circulant(circulant_matrix(h, 7))


@pytest.mark.parametrize("mode", MODES)
def test_2d_matrices_are_doubly_block_toeplitz_and_not_toeplitz(mode):
    image, kernel = images((4, 5), (2, 3))
    matrix = convolution_matrix2d(kernel, image.shape, mode)
    output_shape = convolve2d(image, kernel, mode).shape
    assert is_doubly_block_toeplitz(matrix, output_shape, image.shape)
    assert not is_toeplitz(matrix)
    for a, b in ((0, 0), (-1, -1)):
        broken = matrix.copy()
        broken[a, b] += 1
        assert not is_doubly_block_toeplitz(broken, output_shape, image.shape)


def test_block_toeplitz_needs_both_levels():
    blocks = np.zeros((2, 3, 2, 3))
    blocks[0, :, 0, :] = blocks[1, :, 1, :] = [[1, 2, 3], [4, 1, 2], [9, 4, 8]]
    assert not is_doubly_block_toeplitz(blocks.reshape(6, 6), (2, 3), (2, 3))
    blocks[0, :, 0, :], blocks[1, :, 1, :] = np.eye(3), 2 * np.eye(3)
    assert not is_doubly_block_toeplitz(blocks.reshape(6, 6), (2, 3), (2, 3))


def test_circulant_wants_a_square():
    assert not is_circulant([[1, 1, 1], [1, 1, 1]])
    assert not is_circulant([[1, 2], [1, 2]])


def test_dft_diagonalises_a_circulant_matrix():
    _, h = signals(6, 4)
    dft = np.fft.fft(np.eye(6))
    diagonal = dft @ circulant_matrix(h, 6) @ np.linalg.inv(dft)
    assert np.abs(diagonal - np.diag(np.fft.fft(h, 6))).max() < 1e-12


def test_row_shifts_of_the_2d_matrix():
    """With a 4 x 5 image and a 2 x 2 kernel the rows move by 1, 1, 1, then by 2 at the end of an image row."""
    matrix = convolution_matrix2d([[1, 2], [3, 4]], (4, 5), "valid")
    starts = (matrix != 0).argmax(axis=1)
    assert np.diff(starts).tolist() == [1, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("shape", "kernel_shape"), SHAPES[:5])
def test_visits_are_what_the_matrix_reads(shape, kernel_shape, mode):
    matrix = convolution_matrix2d(np.ones(kernel_shape, int), shape, mode)
    assert np.array_equal(visits2d(shape, kernel_shape, mode), matrix.sum(axis=0).reshape(shape))


@pytest.mark.parametrize(("kernel_shape", "visits"), [((2, 2), 4), ((3, 3), 9), ((3, 5), 15)])
def test_full_visits_every_pixel_once_per_tap(kernel_shape, visits):
    assert (visits2d((4, 6), kernel_shape) == visits).all()


def test_sampled_convolution_tends_to_the_integral():
    """A box with itself is a triangle: height 1 at t = 1. The error shrinks with the step."""
    errors = []
    for n in (10, 100, 1000):
        y = convolve_sampled(np.ones(n), np.ones(n), 1 / n)
        t = (np.arange(y.size) + 1) / n
        errors.append(np.abs(y - np.minimum(t, 2 - t)).max())
        assert_close(y.sum() / n, np.array(1.0))
    assert max(errors) < 1e-12
    t = np.arange(0, 5, 0.001)
    decay = np.exp(-t)
    assert np.abs(convolve_sampled(decay, decay, 0.001)[: t.size] - t * np.exp(-t)).max() < 1.1e-3


# Properties


numbers = st.integers(-9, 9)


@random_case
@given(st.lists(numbers, min_size=1, max_size=8), st.lists(numbers, min_size=1, max_size=5), st.data())
def test_convolution_commutes_and_cross_correlation_comes_back_reversed(x, h, data):
    assert np.array_equal(convolve1d(x, h), convolve1d(h, x))
    assert np.array_equal(cross_correlate1d(x, h), cross_correlate1d(h, x)[::-1])
    g = data.draw(st.lists(numbers, min_size=1, max_size=4))
    assert np.array_equal(convolve1d(convolve1d(x, h), g), convolve1d(x, convolve1d(h, g)))
    assert np.array_equal(cross_correlate1d(cross_correlate1d(x, h), g), cross_correlate1d(x, convolve1d(h, g)))


def test_cross_correlation_neither_commutes_nor_associates():
    x, h, g = np.array([1, 2, 3]), np.array([1, 5]), np.array([2, 7])
    assert not np.array_equal(cross_correlate1d(x, h), cross_correlate1d(h, x))
    nested = cross_correlate1d(x, cross_correlate1d(h, g))
    assert not np.array_equal(cross_correlate1d(cross_correlate1d(x, h), g), nested)


sizes = st.tuples(*[st.integers(1, 6)] * 2, *[st.integers(1, 4)] * 2)


@random_case
@given(sizes, st.sampled_from(MODES), st.integers(0, 2**32 - 1))
def test_image_properties(size, mode, seed):
    rng = np.random.default_rng(seed)
    shape, kernel_shape = size[:2], size[2:]
    if mode == "valid":
        shape = tuple(n + k for n, k in zip(shape, kernel_shape))
    x, z, w = rng.standard_normal(shape), rng.standard_normal(shape), rng.standard_normal(kernel_shape)
    y = convolve2d(x, w, mode)
    scale = absolute(convolve2d, x, w, mode=mode) + absolute(convolve2d, z, w, mode=mode)
    assert y.shape == tuple(output_size(n, k, mode) for n, k in zip(shape, kernel_shape))
    assert_close(y, scipy.signal.convolve2d(x, w, mode), scale=scale)
    assert_close(convolve2d(2 * x - z, w, mode), 2 * y - convolve2d(z, w, mode), scale=3 * scale)
    assert_close(cross_correlate2d(x, w[::-1, ::-1], mode), y, scale=scale)
    full = convolve2d(x, w)
    start = [k - 1 - mode_padding(k, mode)[0] for k in kernel_shape]
    assert_close(full[start[0] :, start[1] :][: y.shape[0], : y.shape[1]], y, scale=scale)


@random_case
@given(st.integers(1, 9), st.integers(1, 5), st.sampled_from(MODES), st.integers(0, 2**32 - 1))
def test_transposed_matrix_is_cross_correlation(n, k, mode, seed):
    """<T x, y> = <x, T' y>, and T' of "full" is the "valid" cross-correlation."""
    rng = np.random.default_rng(seed)
    n += k if mode == "valid" else 0
    x, h = rng.standard_normal(n), rng.standard_normal(k)
    matrix = convolution_matrix1d(h, n, mode)
    y = rng.standard_normal(matrix.shape[0])
    assert_close(convolve1d(x, h, mode) @ y, x @ (matrix.T @ y), scale=np.abs(x) @ np.abs(matrix.T) @ np.abs(y) + 1)
    if mode == "full":
        assert_close(cross_correlate1d(y, h, "valid"), matrix.T @ y, scale=np.abs(matrix.T) @ np.abs(y) + 1)


@random_case
@given(st.integers(1, 9), st.data())
def test_circular_shift_moves_the_output(n, data):
    k, shift = data.draw(st.integers(1, n)), data.draw(st.integers(0, n))
    x, h = signals(n, k)
    y = circular_convolve1d(x, h)
    assert_close(circular_convolve1d(np.roll(x, shift), h), np.roll(y, shift), scale=10)
    assert_close(circulant_matrix(h, n) @ x, y, scale=absolute(circular_convolve1d, x, h))


# Arguments


@pytest.mark.parametrize(
    ("n", "k", "mode", "padding", "size"),
    [
        (5, 3, "full", (2, 2), 7),
        (5, 3, "same", (1, 1), 5),
        (5, 3, "valid", (0, 0), 3),
        (5, 4, "same", (2, 1), 5),
        (5, 2, "same", (1, 0), 5),
        (2, 5, "same", (2, 2), 2),
        (1, 1, "full", (0, 0), 1),
    ],
)
def test_padding_and_size(n, k, mode, padding, size):
    assert mode_padding(k, mode) == padding
    assert output_size(n, k, mode) == size
    assert size == n + sum(padding) - k + 1


def test_inputs_are_left_alone_read_only_and_strided_ones_work():
    rng = np.random.default_rng(0)
    whole, kernel = rng.standard_normal((8, 12)), rng.standard_normal((3, 4))
    image, weight = whole[::2, ::3], np.asfortranarray(kernel)[:, ::2]
    for array in (whole, kernel):
        array.setflags(write=False)
    before = whole.copy()
    for function in (convolve2d, cross_correlate2d):
        actual = function(image, weight, "same")
        assert_close(actual, function(image.copy(), weight.copy(), "same"))
        assert actual.flags.writeable and not np.shares_memory(actual, whole)
    for function in (convolve1d, cross_correlate1d, circular_convolve1d):
        assert_close(function(whole[:, 0][::-1], kernel[0]), function(whole[::-1, 0].copy(), kernel[0]))
    assert np.array_equal(whole, before)


def test_a_one_by_one_kernel_returns_a_copy():
    x = np.ones((2, 2))
    convolve2d(x, [[1.0]])[0, 0] = 5
    assert x[0, 0] == 1


def test_nan_reaches_every_output_that_reads_it_and_no_other():
    image, kernel = images((6, 5), (3, 2))
    image[2, 3] = np.nan
    x, w = torch.from_numpy(image)[None, None], torch.from_numpy(kernel)[None, None]
    expected = F.conv2d(x, w, padding=(2, 1))[0, 0].numpy()
    assert np.isnan(expected).sum() == 6
    assert np.array_equal(np.isnan(cross_correlate2d(image, kernel)), np.isnan(expected))


@pytest.mark.parametrize(
    "kernel", [[1, 2], (1.0, 2.0), np.array([1, 2], np.float32)], ids=["ints", "floats", "float32"]
)
def test_dtype_is_numpys_promotion(kernel):
    for x in ([1, 2, 3], np.arange(3, dtype=np.float32), np.arange(3.0)):
        assert convolve1d(x, kernel).dtype == np.result_type(np.asarray(x), np.asarray(kernel))
        assert convolve2d([x], [kernel]).dtype == np.result_type(np.asarray(x), np.asarray(kernel))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        pytest.param(lambda: convolve1d([[1.0]], [1.0]), ValueError, r"x must have shape \(n,\).*\(1, 1\)", id="x 2-D"),
        pytest.param(lambda: cross_correlate1d([1.0], 1.0), ValueError, r"h must have shape \(k,\)", id="h scalar"),
        pytest.param(lambda: convolve1d([], [1.0]), ValueError, "x must not be empty", id="x empty"),
        pytest.param(lambda: convolve1d([1.0], [1.0], "wrap"), ValueError, "mode must be", id="mode"),
        pytest.param(lambda: convolve1d([1.0], [1.0], ["full"]), ValueError, "mode must be", id="mode a list"),
        pytest.param(lambda: convolve1d([1.0], [1.0, 2.0], "valid"), ValueError, "fits.*2.*1", id="valid too long"),
        pytest.param(lambda: convolve1d(["a"], [1.0]), TypeError, "real numbers", id="strings"),
        pytest.param(lambda: convolve1d([None], [1.0]), TypeError, "real numbers", id="objects"),
        pytest.param(lambda: convolve1d([True], [1.0]), TypeError, "real numbers", id="bools"),
        pytest.param(lambda: convolve2d(np.ones((2, 3, 3)), np.ones((2, 2))), ValueError, "image must", id="3-D"),
        pytest.param(lambda: cross_correlate2d(np.ones((3, 3)), [1, 2]), ValueError, "kernel must", id="kernel 1-D"),
        pytest.param(lambda: convolve2d(np.ones((3, 3)), np.ones((1, 4)), "valid"), ValueError, "fits", id="too wide"),
        pytest.param(lambda: convolve2d(np.ones((3, 3)), np.ones((4, 1)), "valid"), ValueError, "fits", id="too tall"),
        pytest.param(lambda: circular_convolve1d([1.0], [1.0, 2.0]), ValueError, "period.*2 and 1", id="period"),
        pytest.param(lambda: circulant_matrix([1.0, 2.0], 1), ValueError, "period.*2 and 1", id="matrix period"),
        pytest.param(lambda: convolution_matrix1d([1.0], 0), ValueError, "n must be at least 1", id="n 0"),
        pytest.param(lambda: convolution_matrix1d([1.0], 2.0), TypeError, "integer", id="n float"),
        pytest.param(lambda: convolution_matrix2d([[1.0]], (2, 0)), ValueError, "image_shape", id="shape 0"),
        pytest.param(lambda: convolution_matrix2d([[1.0]], (2, 3, 4)), ValueError, "pair", id="shape of three"),
        pytest.param(lambda: convolution_matrix2d([1.0], (2, 3)), ValueError, "kernel must", id="matrix kernel 1-D"),
        pytest.param(lambda: mode_padding(0, "full"), ValueError, "kernel_size", id="kernel size 0"),
        pytest.param(lambda: is_doubly_block_toeplitz(np.ones((4, 4)), (2, 3), (2, 2)), ValueError, "map", id="blocks"),
        pytest.param(lambda: convolve_sampled([1.0], [1.0], 0), ValueError, "step", id="step"),
        pytest.param(lambda: output_size(0, 1, "full"), ValueError, "n must", id="output of nothing"),
    ],
)
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()
