"""Kernels without labels: patches, edges, whitening, k-means, codes, pooling, a contest, and two claims on trial."""

import functools
import math
import warnings
import weakref
from itertools import combinations

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier

from convcourse.engine import kinds
from convcourse.engine.builders import Arrays, claim_mistakes, lopsided, pair
from convcourse.engine.check import Check
from convcourse.engine.evidence import verdict_and_evidence
from convcourse.engine.model import MODIFIES, Case, Mistake, Property
from convcourse.engine.oracles import array, on_torch, tensor


def _takes_bytes(*shapes, **options):
    """Ask for the same results of bytes as of larger integers, in every array at once."""

    def holds(call, sampler):
        arrays = [np.clip(np.rint(120 + 60 * sampler.array(*shape)), 0, 255) for shape in shapes]
        dtypes = float, int, np.uint8
        right, whole, ours = (call(*(array.astype(dtype) for array in arrays), **options) for dtype in dtypes)
        return _near(ours, whole) or not _near(whole, right)  # what all integers spoil is another matter

    return Property("bytes", kinds.BYTES.message, holds)


def _near(some, others):
    pairs = zip(some, others, strict=True) if isinstance(others, tuple | list) else [(some, others)]
    return all(np.allclose(a, b, rtol=0, atol=1e-4 * max(1, np.abs(b).max())) for a, b in pairs)


def _cut_to(number, right):
    """Build the mistake of storing results in the dtype of an argument, which may be one of integers."""

    def wrong(*args, **kwargs):
        found, dtype = right(*args, **kwargs), args[number].dtype
        return tuple(each.astype(dtype) for each in found) if isinstance(found, tuple) else found.astype(dtype)

    return Mistake("cuts off fractions", kinds.WHOLE.message, wrong, share=0.75)


# --- patches -------------------------------------------------------------------------------------------------------


def _patches(images, size, stride=1):
    columns = F.unfold(tensor(images), pair(size), stride=pair(stride))
    return columns.transpose(1, 2).reshape(-1, columns.shape[1]).numpy()


def _reordered(change):
    """Build wrong patches out of right ones: `change` gets (N, oH, oW, C, kH, kW)."""

    def wrong(images, size, stride=1):
        (kh, kw), (sh, sw) = pair(size), pair(stride)
        grid = (images.shape[2] - kh) // sh + 1, (images.shape[3] - kw) // sw + 1
        right = _patches(images, size, stride)
        changed = change(right.reshape(len(images), *grid, images.shape[1], kh, kw))
        return np.ascontiguousarray(changed).reshape(right.shape)

    return wrong


def _draw_patches(sampler):
    x = sampler.array(sampler.integer(1, 2), sampler.integer(1, 3), sampler.integer(4, 7), sampler.integer(4, 7))
    size = (sampler.integer(1, 3), sampler.integer(1, 4))
    if sampler.choice(("plain", "stride")) == "plain":
        return Case((x, size), {}, "plain")
    return Case((x, size, (sampler.integer(1, 3), sampler.integer(1, 3))), {}, "stride")


_x = Arrays("features", "extract_patches")
EXTRACT_PATCHES = Check(
    "extract_patches",
    section="features#features-patches",
    oracle=_patches,
    parts={"plain": 3, "stride": 1},
    photographs=True,
    cases=(
        Case((np.arange(1.0, 7).reshape(1, 1, 2, 3), (2, 2)), {}, "plain"),
        Case((_x(2, 3, 1, 1), 1), {}, "plain", "images of one pixel"),
        Case((_x(2, 3, 4, 5), (3, 2)), {}, "plain", "batch, channels, not square"),
        Case((_x(1, 2, 4, 6, dtype=np.float32), (2, 3)), {}, "plain", "float32"),
        Case((np.swapaxes(_x(3, 2, 6, 4), 2, 3), 3), {}, "plain", "an array that is not contiguous"),
        Case((_x(2, 2, 3, 4), (3, 4)), {}, "plain", "the patch is the image"),
        Case((_x(2, 3, 6, 5), (3, 2), (1, 3)), {}, "stride", "the last places count"),
        Case((_x(1, 2, 6, 9), (1, 3)), {"stride": 2}, "stride", "a stride that does not divide"),
        Case((_x(2, 2, 4, 3), 2), {"stride": 5}, "stride", "a stride larger than the image"),
    ),
    draw_case=_draw_patches,
    mistakes=(
        Mistake(
            "columns instead of rows",
            "Your patches are the columns of the matrix: one row for each patch is asked for.",
            lambda images, size, stride=1: _patches(images, size, stride).T.copy(),
        ),
        Mistake(
            "channels last",
            "Inside a row you put the channels last: all pixels of the first channel come first.",
            _reordered(lambda p: p.transpose(0, 1, 2, 4, 5, 3)),
        ),
        Mistake(
            "places before images",
            "Your rows run through the images at each place; run through all places of the first image, then the second.",
            _reordered(lambda p: p.transpose(1, 2, 0, 3, 4, 5)),
        ),
        Mistake(
            "down before across",
            "Your rows run down the columns of the image; they run from left to right, then from top to bottom.",
            _reordered(lambda p: p.transpose(0, 2, 1, 3, 4, 5)),
        ),
        Mistake(
            "pixels column by column",
            "You read each patch column by column; its rows come one after the other.",
            _reordered(lambda p: p.transpose(0, 1, 2, 3, 5, 4)),
        ),
        Mistake(
            "ignores stride",
            "You ignored the stride: every window is cut out.",
            lambda images, size, stride=1: _patches(images, size),
            share=0.75,
        ),
        Mistake(
            "swaps height and width",
            "You swapped height and width: the first number of a pair is for the rows.",
            lambda images, size, stride=1: _patches(images, pair(size)[::-1], pair(stride)[::-1]),
        ),
        Mistake(
            "side by side",
            "You moved by the size of the patch: with stride 1, neighbouring patches overlap.",
            lambda images, size, stride=1: _patches(images, size, size if stride == 1 else stride),
            share=0.25,
        ),
        Mistake(
            "misses the last place",
            "You miss the last place: there are H - kH + 1 rows of windows, not H - kH.",
            lambda images, size, stride=1: _patches(images[:, :, :-1, :-1], size, stride),
        ),
    ),
)

# --- edges ---------------------------------------------------------------------------------------------------------


def _edges(size, angles, sigma=1.0, *, middle=None, turn=lambda a: a, spread=None, divide=None):
    """Compute edge kernels in PyTorch; the keywords build wrong ones."""
    place = torch.arange(size, dtype=torch.float64) - ((size - 1) / 2 if middle is None else middle(size))
    y, x = place[:, None], place[None]
    angle = tensor(turn(np.asarray(angles, dtype=float)))[:, None, None]
    u = x * torch.cos(angle) + y * torch.sin(angle)
    window = torch.exp(-(x**2 + y**2) / (2 * sigma**2)) if spread is None else spread(x, y, sigma)
    kernel = u * window
    total = (kernel * u).sum((1, 2), keepdim=True) if divide is None else divide(kernel)
    return (kernel / total)[:, None].numpy()


def _edges_with(**change):
    return lambda size, angles, sigma=1.0: _edges(size, angles, sigma, **change)


def _narrow(size, angles, sigma=1.0):
    """Let the window fall off along the angle alone."""

    def one(angle):
        return _edges_with(
            spread=lambda x, y, s: torch.exp(-((x * math.cos(angle) + y * math.sin(angle)) ** 2) / (2 * s**2))
        )

    return np.concatenate([one(float(angle))(size, np.array([angle]), sigma) for angle in angles])


def _cosines_as_they_are(size, angles, sigma):
    """Take cosines and sines in the dtype of the angles."""
    right, down = _edges(size, [0.0, np.pi / 2], sigma)
    cosines, sines = (function(angles).astype(float)[:, None, None, None] for function in (np.cos, np.sin))
    return cosines * right + sines * down


def _draw_edges(sampler):
    angles = sampler.array(sampler.integer(1, 3))
    part = sampler.choice(("odd sizes", "even sizes"))
    size = 2 * sampler.integer(1, 4) + (part == "odd sizes")
    return Case((size, angles), {"sigma": sampler.choice((1.5, 2.0, 0.7))}, part)


def _ignores_brightness(call, sampler):
    kernels = np.asarray(call(6, sampler.array(3), 1.3))
    return np.allclose(kernels.sum((1, 2, 3)), 0, atol=1e-9)


def _steers(call, sampler):
    angle = float(sampler.array(1)[0])
    kernel, right, down = np.asarray(call(5, np.array([angle, 0.0, np.pi / 2]), 1.4))[:, 0]
    return np.allclose(kernel, math.cos(angle) * right + math.sin(angle) * down, atol=1e-9)


def _keeps_digits(call, sampler):
    """Angles that float16, float32 and int8 hold exactly: the kernels are those of the same numbers in float64."""
    angles = np.array([1.0, 2.0, -3.0])
    right = _edges(4, angles, 1.5)
    results = [call(4, angles.astype(dtype), 1.5) for dtype in (np.float32, np.int8, np.float16)]
    kept = all(isinstance(found, list) or found.dtype == np.float64 for found in results)
    return kept and all(np.allclose(found, right, rtol=0, atol=1e-6) for found in results)


_DIGITS_LOST = (
    "It loses digits where the angles are of another dtype than float64: NumPy takes the cosine of small integers and of "
    "float16 with 3 digits alone. Turn the angles into float64 first."
)
_ANGLES = np.array([0.3, 2.0, -1.1])
_OFF = (
    "Your middle is half a pixel off: pixels are counted from 0 to size - 1, so it lies at (size - 1) / 2, "
    "for even sizes between two of them."
)

EDGE_KERNELS = Check(
    "edge_kernels",
    section="features#features-edges",
    oracle=_edges,
    scale=lambda size, angles, sigma=1.0: np.array(1.0),
    parts={"odd sizes": 3, "even sizes": 1},
    cases=(
        Case((3, np.array([0.0])), {}, "odd sizes", "brighter to the right"),
        Case((3, np.array([np.pi / 2])), {"sigma": 2}, "odd sizes", "brighter below"),
        Case((5, _ANGLES), {"sigma": 1.5}, "odd sizes", "three directions at once"),
        Case((5, _ANGLES - 0.5), {"sigma": 1.5}, "odd sizes", "other directions"),
        Case((7, np.array([0.4, 4.0])), {"sigma": 0.7}, "odd sizes"),
        Case((2, [0.0]), {}, "even sizes", "the angles in a list"),
        Case((4, np.array([0.7, -2.0])), {}, "even sizes", "the default sigma"),
        Case((6, _ANGLES[::-1]), {"sigma": 1.5}, "even sizes", "the middle lies between the pixels"),
        Case((6, _ANGLES + 0.5), {"sigma": 1.5}, "even sizes", "other directions"),
    ),
    draw_case=_draw_edges,
    exempt={
        "float32": "the angles are settings: the docstring asks for float64 whatever they are",
        "scale": "an angle of a million radians means nothing",
    },
    properties=(
        Property(
            "balance", "Its kernels do not add up to zero, so that they answer to brightness.", _ignores_brightness
        ),
        Property("steers", "A kernel at any angle must be a weighted sum of those at 0 and pi / 2.", _steers),
        Property("digits", _DIGITS_LOST, _keeps_digits),
    ),
    mistakes=(
        Mistake(
            "swaps x and y",
            "You swapped x and y: angle 0 points to the right, along the columns.",
            _edges_with(turn=lambda a: np.pi / 2 - a),
        ),
        Mistake(
            "y upwards",
            "You let y point up: rows of an image count downwards, so that pi / 2 points down.",
            _edges_with(turn=lambda a: -a),
        ),
        Mistake(
            "the other way",
            "Your kernels have the opposite sign: a picture that brightens along the angle must give +1.",
            _edges_with(turn=lambda a: a + np.pi),
        ),
        Mistake(
            "degrees",
            "You took the angles for degrees: they are in radians.",
            _edges_with(turn=np.radians),
        ),
        Mistake(
            "not scaled",
            "You did not divide by anything: the response to u itself must be 1.",
            _edges_with(divide=lambda kernel: 1.0),
        ),
        Mistake(
            "scaled to length one",
            "You divided by the kernel's length; the response to u itself must be 1.",
            _edges_with(divide=lambda kernel: kernel.square().sum((1, 2), keepdim=True).sqrt()),
        ),
        Mistake(
            "scaled by its weights",
            "You divided by the sum of the magnitudes; the response to u itself must be 1.",
            _edges_with(divide=lambda kernel: kernel.abs().sum((1, 2), keepdim=True)),
        ),
        Mistake(
            "no window",
            "The Gaussian is missing: far pixels must count less.",
            _edges_with(spread=lambda x, y, sigma: torch.ones(1, dtype=torch.float64)),
        ),
        Mistake(
            "ignores sigma",
            "You ignored sigma.",
            lambda size, angles, sigma=1.0: _edges(size, angles),
        ),
        Mistake(
            "window along the angle alone",
            "Your Gaussian takes u alone: it falls off in every direction, with x^2 + y^2.",
            _narrow,
        ),
        Mistake(
            "sigma not squared",
            "You divided by 2 sigma; the Gaussian has 2 sigma squared.",
            _edges_with(spread=lambda x, y, sigma: torch.exp(-(x**2 + y**2) / (2 * sigma))),
        ),
        Mistake(
            "factor two",
            "You divided by sigma squared; the Gaussian has 2 sigma squared.",
            _edges_with(spread=lambda x, y, sigma: torch.exp(-(x**2 + y**2) / sigma**2)),
        ),
        Mistake(
            "digits of the angles",
            _DIGITS_LOST,
            lambda size, angles, sigma=1.0: _cosines_as_they_are(size, np.asarray(angles), sigma),
            share=0.75,
        ),
        Mistake(
            "middle at size // 2",
            _OFF,
            _edges_with(middle=lambda size: size // 2),
            share=0.75,
        ),
        Mistake(
            "middle at size / 2",
            _OFF,
            _edges_with(middle=lambda size: size / 2),
        ),
    ),
)

# --- whitening -----------------------------------------------------------------------------------------------------


def _whiten(patches, epsilon=0.01, *, power=None, dof=1, centre=True, matrix_of=None):
    """Whiten by singular values in PyTorch; the keywords build wrong ones."""
    x = tensor(np.asarray(patches, dtype=float))
    mean = x.mean(0)
    centred = x - mean
    _, singular, right = torch.linalg.svd(centred, full_matrices=True)
    values = torch.zeros(x.shape[1], dtype=torch.float64)
    values[: len(singular)] = singular**2 / (len(x) - dof)
    gains = (values + epsilon) ** -0.5 if power is None else power(values, epsilon)
    matrix = right.T @ torch.diag(gains) @ right if matrix_of is None else matrix_of(centred, right, gains, epsilon)
    whitened = (centred if centre else x) @ matrix
    return tuple(array(value.to(tensor(patches).dtype)) for value in (whitened, mean, matrix))


def _whiten_with(**change):
    return lambda patches, epsilon=0.01: _whiten(patches, epsilon, **change)


def _whiten_sizes(patches, epsilon=0.01):
    """What is added up in each output: the matrix is at most 1 / sqrt(epsilon)."""
    bound = np.abs(patches).max() * patches.shape[1] / math.sqrt(epsilon)
    return np.array(10 * bound), np.array(np.abs(patches).max()), np.array(10 / math.sqrt(epsilon))


def _own_means(patches, epsilon=0.01):
    rows = patches - patches.mean(1, keepdims=True)
    return _whiten(rows, epsilon)


def _standardised(patches, epsilon=0.01):
    matrix = np.diag(1 / np.sqrt(patches.var(0, ddof=1) + epsilon)).astype(patches.dtype)
    mean = patches.mean(0)
    return (patches - mean) @ matrix, mean, matrix


def _cholesky(centred, right, gains, epsilon):
    covariance = centred.T @ centred / (len(centred) - 1) + epsilon * torch.eye(centred.shape[1], dtype=torch.float64)
    return torch.linalg.inv(torch.linalg.cholesky(covariance)).T


def _by_moments(patches, epsilon=0.01):
    """Take the product of the means off the mean of the products."""
    x, mean = patches.astype(float), patches.mean(0, dtype=float)
    covariance = (x.T @ x - len(x) * np.outer(mean, mean)) / (len(x) - 1)
    values, vectors = np.linalg.eigh(covariance)
    matrix = (vectors / np.sqrt(np.maximum(values, 0) + epsilon)) @ vectors.T
    return tuple(each.astype(np.result_type(patches, np.float32)) for each in ((x - mean) @ matrix, mean, matrix))


def _thin(patches, epsilon=0.01):
    """Sum over as many directions as there are singular values."""
    few = min(patches.shape)
    keep = lambda centred, right, gains, epsilon: right[:few].T @ torch.diag(gains[:few]) @ right[:few]  # noqa: E731
    return _whiten(patches, epsilon, matrix_of=keep)


_MIX = np.array([[1.0, 0.6, 0.2], [0.0, 0.8, 0.5], [0.0, 0.0, 0.7]])


def _draw_whiten(sampler):
    part = sampler.choice(("many patches", "few patches"))
    columns = sampler.integer(2, 4)
    rows = sampler.integer(12, 20) if part == "many patches" else sampler.integer(3, columns + 1)
    return Case((sampler.array(rows, columns) + 2, sampler.choice((0.5, 0.1))), {}, part)


def _is_white(call, sampler):
    whitened = np.asarray(call(sampler.array(40, 3) @ _MIX + 5, 1e-9)[0], dtype=float)
    return np.allclose(np.cov(whitened.T), np.eye(3), atol=1e-5)


def _is_finite(call, sampler):
    return all(np.isfinite(each).all() for each in call(1e3 * sampler.array(3, 14), 1e-13))


def _unclipped(patches, epsilon=0.01):
    mean = patches.mean(0)
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov((patches - mean).T)))
    matrix = ((vectors * (values + epsilon) ** -0.5) @ vectors.T).astype(mean.dtype)
    return (patches - mean) @ matrix, mean, matrix


_NEGATIVE = (
    "An eigenvalue that should be 0 came out a little below 0, and its root is not a number: put 0 in its place."
)
_x = Arrays("features", "whiten")
WHITEN = Check(
    "whiten",
    section="features#features-whitening",
    oracle=_whiten,
    scale=_whiten_sizes,
    outputs=("whitened", "mean", "matrix"),
    parts={"few pixels": 1, "many patches": 3, "few patches": 1},
    cases=(
        Case((np.array([[0.0, 3.0], [2.0, 3.0]]), 2.0), {}, "few pixels"),
        Case((np.array([[1.0], [4.0], [5.5]]), 0.5), {}, "few pixels", "one pixel"),
        Case((np.array([[1.0, 1.0], [3.0, 2.0], [2.0, 4.0], [6.0, 5.0]]), 0.5), {}, "few pixels"),
        Case((_x(4, 2) + 1e5, 0.5), {}, "few pixels", "a mean that is large beside the spread"),
        Case((_x(12, 3) @ _MIX + 2, 0.1), {}, "many patches", "neighbours vary together"),
        Case((1e-3 * _x(12, 3) @ _MIX, 1e-7), {}, "many patches", "small numbers, a small epsilon"),
        Case((_x(20, 5)[:, ::-1] + 1,), {}, "many patches", "an array that is not contiguous, the default epsilon"),
        Case(((_x(15, 4) + 1).astype(np.float32), 0.3), {}, "many patches", "float32"),
        Case((_x(3, 5) + 2, 0.2), {}, "few patches", "fewer patches than pixels: some variances are zero"),
        Case((_x(2, 3) - 1, 1.0), {}, "few patches"),
    ),
    draw_case=_draw_whiten,
    photographs=True,
    exempt={"scale": "beside variances of 1e12 an epsilon of 0.2 is rounding; the table has small numbers"},
    properties=(
        Property("finite", _NEGATIVE, _is_finite),
        Property("white", "With a tiny epsilon the covariance of the result must be the identity.", _is_white),
    ),
    mistakes=(
        Mistake(
            "divides by P",
            "Your covariance divides by P; it divides by P - 1.",
            _whiten_with(dof=0),
        ),
        Mistake(
            "does not turn back",
            "You stopped in the frame of the eigenvectors (PCA whitening); ZCA multiplies by U.T once more.",
            _whiten_with(matrix_of=lambda centred, right, gains, epsilon: right.T @ torch.diag(gains)),
        ),
        Mistake(
            "does not centre",
            "You multiplied the patches as they are: take the mean patch off first.",
            _whiten_with(centre=False),
        ),
        Mistake(
            "epsilon after the root",
            "You added epsilon to the standard deviation; it is added to the eigenvalue, under the root.",
            _whiten_with(power=lambda values, epsilon: 1 / (values.sqrt() + epsilon)),
        ),
        Mistake(
            "another epsilon",
            "You ignored epsilon and added 0.01, whatever it is.",
            lambda patches, epsilon=0.01: _whiten(patches),
        ),
        Mistake(
            "drops flat directions",
            "Your matrix drops the directions in which the patches do not vary: their eigenvalue is 0, their factor 1 / sqrt(epsilon).",
            _thin,
            share=0.8,
        ),
        Mistake(
            "no root",
            "You divided by the eigenvalues; divide by their square roots.",
            _whiten_with(power=lambda values, epsilon: 1 / (values + epsilon)),
        ),
        Mistake(
            "colours instead",
            "You multiplied by the square roots of the eigenvalues: that makes correlations stronger.",
            _whiten_with(power=lambda values, epsilon: (values + epsilon).sqrt()),
        ),
        Mistake(
            "mean of each patch",
            "You took each patch's own mean off; the mean patch, one mean for each pixel, is asked for.",
            _own_means,
        ),
        Mistake(
            "each pixel on its own",
            "You divided each pixel by its own spread: that leaves the correlations between pixels.",
            _standardised,
        ),
        Mistake(
            "Cholesky",
            "Your matrix whitens, but is not symmetric (Cholesky); U diag U.T is asked for.",
            _whiten_with(matrix_of=_cholesky),
        ),
        Mistake("root of a negative number", _NEGATIVE, _unclipped, share=0.75),
        Mistake(
            "covariance by moments",
            "You took the product of the means off the mean of the products: where the mean is large beside the spread, their "
            "difference has few right digits. Take the mean patch off first.",
            _by_moments,
            share=0.8,
        ),
        _cut_to(0, _whiten),
    ),
)


def _fold(kernels, mean, matrix):
    folded = tensor(kernels) @ tensor(matrix).T
    return folded.numpy(), -(folded @ tensor(mean)).numpy()


def _fold_sizes(kernels, mean, matrix):
    folded = kernels @ matrix.T
    return folded, folded @ mean


def _fold_with(change):
    return lambda kernels, mean, matrix: change(kernels, mean, matrix, *_fold(kernels, mean, matrix))


def _fold_case(count, size, part, note="", dtype=np.float64):
    return Case((_x(count, size, dtype=dtype), _x(size, dtype=dtype), _x(size, size, dtype=dtype)), {}, part, note)


def _draw_fold(sampler):
    size, count = sampler.integer(2, 5), sampler.integer(1, 4)
    part = "one kernel" if count == 1 else "several kernels"
    return Case((sampler.array(count, size), sampler.array(size), sampler.array(size, size)), {}, part)


_x = Arrays("features", "fold_whitening")
FOLD_WHITENING = Check(
    "fold_whitening",
    section="features#features-whitening",
    oracle=_fold,
    scale=_fold_sizes,
    outputs=("folded", "bias"),
    parts={"one kernel": 1, "several kernels": 2},
    cases=(
        Case((np.array([[1.0, 1.0]]), np.array([1.0, 3.0]), np.array([[0.5, 0.0], [0.0, 2.0]])), {}, "one kernel"),
        _fold_case(1, 3, "one kernel", "a matrix that is not symmetric shows on which side it stands"),
        _fold_case(4, 3, "several kernels"),
        _fold_case(2, 5, "several kernels", "float32", np.float32),
        Case((_x(3, 8)[:, ::2], _x(4), _x(4, 4).T), {}, "several kernels", "arrays that are not contiguous"),
    ),
    draw_case=_draw_fold,
    mistakes=(
        Mistake(
            "the other side",
            "You multiplied by the matrix from its other side: write (p - mean) @ matrix @ w out for two pixels.",
            lambda kernels, mean, matrix: _fold(kernels, mean, matrix.T),
        ),
        Mistake(
            "sign of the bias",
            "Your bias has the wrong sign: the mean is taken off.",
            _fold_with(lambda w, m, a, folded, bias: (folded, -bias)),
        ),
        Mistake(
            "no bias",
            "Your bias is zero: the mean patch must not get a response from the folded kernel and its bias.",
            _fold_with(lambda w, m, a, folded, bias: (folded, np.zeros_like(bias))),
        ),
        Mistake(
            "bias of the plain kernel",
            "Your bias uses the kernel before it was folded: the mean is taken off before the matrix, so it passes through it.",
            _fold_with(lambda w, m, a, folded, bias: (folded, -(w @ m))),
        ),
        Mistake(
            "undoes whitening",
            "You used the inverse of the matrix: the folded kernel has to whiten, not to undo it.",
            _fold_with(lambda w, m, a, folded, bias: _fold(w, m, np.linalg.inv(a).astype(a.dtype))),
        ),
        Mistake(
            "kernels as they are",
            "You returned the kernels as they were, with the bias alone.",
            _fold_with(lambda w, m, a, folded, bias: (w.copy(), bias)),
        ),
        _cut_to(0, _fold),
    ),
)

# --- k-means -------------------------------------------------------------------------------------------------------


def _distances(points, centroids, p=2.0):
    exact = "donot_use_mm_for_euclid_dist"
    return torch.cdist(tensor(points).double(), tensor(centroids).double(), p=p, compute_mode=exact)


def _by_products(points, centroids, p):
    """Take the roots of |p|^2 - 2 p.c + |c|^2, some of which are below 0 by rounding."""
    points, centroids = tensor(points).double(), tensor(centroids).double()
    return (points.square().sum(1)[:, None] - 2 * points @ centroids.T + centroids.square().sum(1)).sqrt()


def _by_clipped_products(points, centroids, p):
    return _by_products(points, centroids, p).nan_to_num(0.0)


def _of_bytes(points, centroids, p):
    """Let differences of bytes be bytes."""
    differences = tensor(points)[:, None] - tensor(centroids)
    return differences.double().square().sum(2).sqrt()


def _nearest(points, centroids, p=2.0):
    return _distances(points, centroids, p).numpy().argmin(1)


def _lloyd(
    points, centroids, steps=10, *, centre=np.mean, empty="stay", p=2.0, last=True, pick=_nearest, dtype=None, rest=-1.0
):
    """Run Lloyd's algorithm cluster by cluster; the keywords build wrong ones."""
    moved = np.array(centroids, dtype or np.result_type(points, centroids, np.float32))
    for _ in range(steps):
        labels, before = pick(points, moved, p), moved.copy()
        for k in range(len(moved)):
            if (labels == k).any():
                moved[k] = centre(points[labels == k], axis=0)
            elif empty != "stay":
                moved[k] = empty
        if np.abs(moved - before).max() <= rest:
            break
    return moved, pick(points, moved, p) if last else labels


def _kmeans(points, centroids, steps=10):
    """Ask scikit-learn; where a centroid has no points or ties are exact, which it settles otherwise, the definition."""
    moved, labels = _lloyd(points, centroids, steps)
    whole = np.array_equal(points, np.round(points))
    if whole or any(len(np.unique(_lloyd(points, centroids, n)[1])) < len(centroids) for n in range(steps)):
        return moved, labels
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = KMeans(len(centroids), init=centroids, n_init=1, max_iter=steps, tol=0, algorithm="lloyd").fit(points)
    return model.cluster_centers_, model.labels_.astype(int)


def _kmeans_with(**change):
    return lambda points, centroids, steps=10: _lloyd(points, centroids, steps, **change)


def _clouds(points, columns, clusters, dtype=np.float64):
    """Draw one cloud and start at its last points, so that many steps are needed."""
    x = _x(points, columns)
    return x.astype(dtype), x[-clusters:].astype(dtype)


def _draw_kmeans(sampler):
    points, clusters = sampler.integer(8, 14), sampler.integer(2, 3)
    x = sampler.array(points, sampler.integer(1, 3))
    part = sampler.choice(("one step", "several steps"))
    return Case((x, x[-clusters:].copy(), 1 if part == "one step" else sampler.integer(2, 5)), {}, part)


def _farthest(points, centroids, p):
    return _distances(points, centroids, p).numpy().argmax(1)


def _nearest_by_products(points, centroids, p):
    return np.array(np.square(centroids).sum(1) - 2 * np.dot(points, centroids.T)).argmin(1)


def _last_tie(points, centroids, p):
    return len(centroids) - 1 - _distances(points, centroids, p).numpy()[:, ::-1].argmin(1)


def _changes_start(points, centroids, steps=10):
    moved, labels = _lloyd(points, centroids, steps)
    centroids[...] = moved
    return moved, labels


def _wrapping(points, centroids, p):
    """Take differences of bytes as bytes, once the centroids are such."""
    same = centroids.astype(np.uint8) if points.dtype == np.uint8 else centroids
    return _of_bytes(points, same, p).numpy().argmin(1)


def _as_near_far_away(call, sampler):
    points, start = (each + 1e8 for each in _OVERLAP)
    moved, labels = _lloyd(points, start, 3)
    centers = call(points, start, 3)
    return np.array_equal(centers[1], labels) and np.allclose(centers[0], moved, rtol=0, atol=1e-5)


_FAR_AWAY = "It goes wrong far from 0: |p|^2 - 2 p.c + |c|^2 is a small difference of large numbers. Take the differences p - c first."
_FRACTIONS = "Your labels are not integers, so nobody can index with them."
_LINE = np.array([[0.0], [2.0], [10.0]])
_LONG_LINE = np.outer([0, 0.4, 3, 4, 6], [1.0, 0.0])
_x = Arrays("features", "overlap")
_OVERLAP = _clouds(40, 2, 3)
_SLOW = np.random.default_rng(3).standard_normal((150, 2))

_x = Arrays("features", "kmeans")
KMEANS = Check(
    "kmeans",
    section="features#features-kmeans",
    oracle=_kmeans,
    scale=lambda points, centroids, steps=10: (np.array(np.abs(points).max()), np.array(1e-3)),
    outputs=("centroids", "labels"),
    parts={"one step": 2, "several steps": 3, "no points": 1, "ties": 1},
    cases=(
        Case((_LINE, np.array([[0.0], [1.5]]), 1), {}, "one step", "2 changes its centroid after the move"),
        Case((_LINE, np.array([[1.0]]), 1), {}, "one step", "one cluster"),
        Case((*_OVERLAP, 1), {}, "one step"),
        Case((*_clouds(23, 4, 2), 1), {}, "one step"),
        Case((_LINE, np.array([[0.0], [1.5]]), 2), {}, "several steps"),
        Case((*_OVERLAP, 3), {}, "several steps"),
        Case((*(1e-9 * array for array in _OVERLAP), 3), {}, "several steps", "small numbers"),
        Case((*_clouds(41, 3, 4, np.float32), 2), {}, "several steps", "float32"),
        Case((_SLOW, _SLOW[-4:].copy()), {}, "several steps", "the default number of steps: not yet at rest"),
        Case((np.array([[1.0], [2.0]]), np.array([[0.0], [100.0]]), 2), {}, "no points", "nobody is near 100"),
        Case(
            (np.array([[7.0], [9], [1], [1], [3]]), np.array([[9.0], [-1], [6]]), 3),
            {},
            "no points",
            "in the second step",
        ),
        Case((_LONG_LINE, np.array([[0.0, 0], [50, 0], [0.5, 0]]), 3), {}, "no points", "on one line"),
        Case((np.array([[0.0], [1.0], [3.0]]), np.array([[0.0], [2.0]]), 1), {}, "ties", "1 is as near to 0 as to 2"),
        Case((np.array([[0.0, 0], [2, 0], [1, 3], [0, 5]]), np.array([[0.0, 1], [2, 1], [0, 5]]), 1), {}, "ties"),
    ),
    draw_case=_draw_kmeans,
    exempt={"scale": "points alone that are larger make ties that rounding decides; the table has small numbers"},
    properties=(
        _takes_bytes((30, 2), (3, 2), steps=2),
        Property("far away", _FAR_AWAY, _as_near_far_away),
        Property("labels", _FRACTIONS, lambda call, sampler: np.asarray(call(*_OVERLAP, 2)[1]).dtype.kind in "iu"),
    ),
    mistakes=(
        Mistake(
            "labels before the move",
            "Your labels are those of the last assignment, before the centroids moved: assign once more at the end.",
            _kmeans_with(last=False),
            share=2 / 7,
        ),
        Mistake(
            "one step alone",
            "You made one step whatever `steps` says.",
            lambda points, centroids, steps=10: _lloyd(points, centroids, 1),
            share=3 / 7,
        ),
        Mistake(
            "one step too many",
            "You made one step too many.",
            lambda points, centroids, steps=10: _lloyd(points, centroids, steps + 1),
            share=2 / 7,
        ),
        Mistake(
            "runs to rest",
            "You went on until nothing changed: make as many steps as `steps` says.",
            lambda points, centroids, steps=10: _lloyd(points, centroids, 300),
            share=2 / 7,
        ),
        Mistake(
            "another default",
            "Where `steps` is left out you make another number of steps: the default is 10.",
            lambda points, centroids, steps=100: _lloyd(points, centroids, steps),
            share=4 / 7,
        ),
        Mistake(
            "starts at the first points",
            "You started at the first points: start at the centroids that are given.",
            lambda points, centroids, steps=10: _lloyd(points, points[: len(centroids)], steps),
        ),
        Mistake(
            "medians",
            "You moved each centroid to the median of its points; the mean is asked for.",
            _kmeans_with(centre=np.median),
            share=1 / 7,
        ),
        Mistake(
            "sums",
            "You added the points of each cluster up: divide by their number.",
            _kmeans_with(centre=np.sum),
        ),
        Mistake(
            "absolute differences",
            "You measured distances by absolute differences; Euclidean distance is asked for.",
            _kmeans_with(p=1.0),
            share=2 / 7,
        ),
        Mistake(
            "farthest",
            "You gave each point to its farthest centroid.",
            _kmeans_with(pick=_farthest),
        ),
        Mistake(
            "nan without points",
            "A centroid without points became NaN (0 / 0): it stays where it is.",
            _kmeans_with(empty=np.nan),
            share=6 / 7,
        ),
        Mistake(
            "zero without points",
            "A centroid without points was moved to zero: it stays where it is.",
            _kmeans_with(empty=0.0),
            share=6 / 7,
        ),
        Mistake(
            "higher index on ties",
            "Of two centroids at the same distance you took the one with the higher index.",
            _kmeans_with(pick=_last_tie),
            share=5 / 7,
        ),
        Mistake(
            "stops too early",
            "You stop once the centroids hardly move: where all numbers are small, they do so from the first step on.",
            _kmeans_with(rest=1e-4),
            share=4 / 7,
        ),
        Mistake("products", _FAR_AWAY, _kmeans_with(pick=_nearest_by_products), share=0.75),
        Mistake("changes the start", MODIFIES, _changes_start, share=0.75),
        Mistake(
            "whole centroids",
            kinds.WHOLE.message,
            lambda points, centroids, steps=10: _lloyd(points, centroids, steps, dtype=centroids.dtype),
            share=0.75,
        ),
        Mistake("bytes wrap around", kinds.BYTES.message, _kmeans_with(pick=_wrapping), share=0.75),
    ),
)

# --- codes and pooling ---------------------------------------------------------------------------------------------


def _triangle(z):
    return torch.relu(z.mean(1, keepdim=True) - z)


def _hard(z, pick=torch.argmin):
    return F.one_hot(pick(z, 1), z.shape[1]).to(z.dtype)


def _codes_by(triangle=_triangle, hard=_hard, p=2.0, distances=_distances):
    def codes(patches, centroids, kind="triangle"):
        z = distances(patches, centroids, p)
        dtype = np.result_type(patches, centroids, np.float32)
        return (triangle(z) if kind == "triangle" else hard(z)).numpy().astype(dtype)

    return codes


def _last_of_ties(z):
    return _hard(z.flip(1)).flip(1)


def _coincide(call, sampler):
    patches = sampler.array(40, 6) - 1
    return np.isfinite(call(patches, patches)).all()


def _encodes_far_away(call, sampler):
    patches, centroids = sampler.array(20, 3) + 1e8, sampler.array(5, 3) + 1e8
    return np.allclose(call(patches, centroids), _codes_by()(patches, centroids), rtol=0, atol=1e-5)


def _similar(patches, centroids, kind="triangle"):
    if kind == "triangle":
        return np.maximum(0, patches @ centroids.T)
    return _codes_by()(patches, centroids, kind)


def _by_mean_squares(patches, centroids, kind="triangle"):
    codes = _codes_by()(patches, centroids, kind)
    return codes if kind == "hard" else codes / codes.dtype.type(math.sqrt(patches.shape[1]))


def _draw_codes(sampler):
    part = sampler.choice(("triangle", "hard"))
    columns = sampler.integer(2, 4)
    patches, centroids = (
        sampler.array(sampler.integer(2, 6), columns),
        sampler.array(sampler.integer(3, 5), columns) + 0.3,
    )
    return Case((patches, centroids), {} if part == "triangle" else {"kind": "hard"}, part)


_BELOW_ZERO = "Where a patch is a centroid its distance is 0; by rounding your square comes out below 0, and its root is not a number."
_x = Arrays("features", "encode_patches")
ENCODE_PATCHES = Check(
    "encode_patches",
    section="features#features-codes",
    oracle=_codes_by(),
    scale=lambda patches, centroids, kind="triangle": np.array(
        (patches.max() + centroids.max()) * math.sqrt(patches.shape[1])
    ),
    parts={"triangle": 3, "hard": 1},
    cases=(
        Case((np.array([[0.0]]), np.array([[1.0], [2.0], [6.0]])), {}, "triangle"),
        Case((_x(7, 3), _x(5, 3)), {}, "triangle"),
        Case((_x(12, 4)[::2], np.asfortranarray(_x(3, 4))), {}, "triangle", "arrays that are not contiguous"),
        Case((_x(5, 6, dtype=np.float32), _x(4, 6, dtype=np.float32)), {}, "triangle", "float32"),
        Case((np.array([[0.0]]), np.array([[1.0], [2.0], [6.0]]), "hard"), {}, "hard"),
        Case((np.zeros((1, 2)), np.array([[5.0, 0], [3, 3], [9, 9]]), "hard"), {}, "hard", "Euclidean distance"),
        Case((np.ones((1, 2)), np.array([[4.0, 1], [2, 1], [1, 0], [0, 1]]), "hard"), {}, "hard", "three are nearest"),
        Case((_x(8, 3), _x(5, 3)), {"kind": "hard"}, "hard"),
    ),
    draw_case=_draw_codes,
    properties=(
        Property("coincide", _BELOW_ZERO, _coincide),
        Property("far away", _FAR_AWAY, _encodes_far_away),
        _takes_bytes((6, 3), (4, 3)),
    ),
    mistakes=(
        Mistake(
            "no clipping",
            "You did not clip: centroids farther than the mean get 0.",
            _codes_by(lambda z: z.mean(1, keepdim=True) - z),
            share=0.25,
        ),
        Mistake(
            "squared distances",
            "You used squared distances: take the root first.",
            _codes_by(lambda z: _triangle(z**2)),
            share=0.25,
        ),
        Mistake(
            "mean of the squares",
            "You divided by the number of pixels under the root: a distance is the root of the sum of squares.",
            _by_mean_squares,
            share=0.25,
        ),
        Mistake(
            "the far ones speak",
            "You subtracted the other way round: near centroids get large codes, far ones 0.",
            _codes_by(lambda z: torch.relu(z - z.mean(1, keepdim=True))),
            share=0.25,
        ),
        Mistake(
            "mean over the patches",
            "You took the mean over the patches; it runs over the centroids, one mean for each patch.",
            _codes_by(lambda z: torch.relu(z.mean(0, keepdim=True) - z)),
            share=0.25,
        ),
        Mistake(
            "one mean for all",
            "You took one mean of all distances; each patch has its own.",
            _codes_by(lambda z: torch.relu(z.mean() - z)),
            share=0.25,
        ),
        Mistake(
            "median",
            "You compared with the median; the mean of the distances is asked for.",
            _codes_by(lambda z: torch.relu(z.quantile(0.5, 1, keepdim=True) - z)),
            share=0.25,
        ),
        Mistake(
            "inner products",
            "You took inner products; the triangle code compares distances.",
            _similar,
            share=0.25,
        ),
        Mistake(
            "ignores the kind",
            'With "hard" you return the triangle code: there the nearest centroid gets 1, all others 0.',
            _codes_by(hard=_triangle),
            share=0.75,
        ),
        Mistake(
            "always hard",
            'With "triangle", the default, you return the hard code.',
            _codes_by(triangle=_hard),
            share=0.25,
        ),
        Mistake(
            "marks the farthest",
            "Your hard code marks the farthest centroid, not the nearest.",
            _codes_by(hard=functools.partial(_hard, pick=torch.argmax)),
            share=0.75,
        ),
        Mistake(
            "absolute differences",
            "You measured distances by absolute differences; Euclidean distance is asked for.",
            _codes_by(p=1.0),
        ),
        Mistake(
            "higher index on ties",
            "Of two centroids at the same distance you took the one with the higher index.",
            _codes_by(hard=_last_of_ties),
            share=0.75,
        ),
        Mistake(
            "all of the nearest",
            "Where several centroids are equally near you marked all of them: the first alone gets 1.",
            _codes_by(hard=lambda z: (z == z.min(1, keepdim=True).values).to(z.dtype)),
            share=0.75,
        ),
        Mistake("root of a negative number", _BELOW_ZERO, _codes_by(distances=_by_products), share=0.5),
        Mistake("products", _FAR_AWAY, _codes_by(distances=_by_clipped_products), share=0.75),
        Mistake("bytes wrap around", kinds.BYTES.message, _codes_by(distances=_of_bytes), share=0.75),
        _cut_to(0, _codes_by()),
    ),
)


def _maps(codes, grid):
    rows, columns = pair(grid)
    return codes.reshape(-1, rows, columns, codes.shape[1])


_adaptive = on_torch(F.adaptive_avg_pool2d)


def _pool(codes, grid, cells=2):
    pooled = _adaptive(np.ascontiguousarray(_maps(codes, grid).transpose(0, 3, 1, 2)), cells)
    return pooled.reshape(len(pooled), -1)


def _pool_with(change):
    """Build a wrong pooling: `change` gets the right maps (N, K, oH, oW) and the number of cells."""

    def wrong(codes, grid, cells=2):
        maps = np.ascontiguousarray(_maps(codes, grid).transpose(0, 3, 1, 2))
        pooled = change(maps, cells)
        return np.ascontiguousarray(pooled).reshape(len(maps), -1).astype(np.result_type(codes, np.float32))

    return wrong


def _floored(maps, cells):
    """Cells of one size, side by side, which drop what is left over."""
    return _adaptive(maps[:, :, : maps.shape[2] // cells * cells, : maps.shape[3] // cells * cells], cells)


def _side_by_side(maps, cells):
    """Let each cell end where the next one begins."""
    down, across = ([i * n // cells for i in range(1, cells)] for n in maps.shape[2:])
    blocks = [[block.mean((2, 3)) for block in np.split(strip, across, 3)] for strip in np.split(maps, down, 2)]
    return np.moveaxis(np.array(blocks), (0, 1), (2, 3))


def _by_floats(begins, ends):
    """Build cells whose borders are fractions of floating-point numbers, rounded down and up."""

    def change(maps, cells):
        rows, columns = (
            [slice(math.floor(begins(i, n, cells)), math.ceil(ends(i + 1, n, cells))) for i in range(cells)]
            for n in maps.shape[2:]
        )
        means = [[maps[:, :, r, c].mean((2, 3)) for c in columns] for r in rows]
        return np.moveaxis(np.array(means), (0, 1), (2, 3))

    return _pool_with(change)


_BORDERS = (
    "You divide before you multiply, and a border that should be a whole number is rounded up or down: i * n // cells "
    "has no fractions."
)


def _draw_pool(sampler):
    grid = sampler.integer(2, 6), sampler.integer(3, 6)
    codes = sampler.array(sampler.integer(1, 2) * grid[0] * grid[1], sampler.integer(1, 3))
    cells = sampler.integer(1, 2)
    part = "one cell" if cells == 1 else "even" if not (grid[0] % 2 or grid[1] % 2) else "uneven"
    return Case((codes, grid, cells), {}, part)


_x = Arrays("features", "pool_codes")
POOL_CODES = Check(
    "pool_codes",
    section="features#features-patches",
    oracle=_pool,
    parts={"one cell": 1, "even": 2, "uneven": 1},
    cases=(
        Case((np.array([[1.0], [3.0], [5.0], [8.0]]), (2, 2), 1), {}, "one cell"),
        Case((_x(2 * 12, 3), (3, 4), 1), {}, "one cell", "two images, three codes"),
        Case((np.array([[1.0], [3.0], [5.0], [8.0]]), (2, 2)), {}, "even", "cells of one patch"),
        Case((lopsided(_x(36, 2)), 6, 3), {}, "even", "running sums of float32 lose digits"),
        Case((_x(3 * 8, 2), (2, 4)), {}, "even", "a grid that is not square"),
        Case((_x(2 * 24, 3, dtype=np.float32), (4, 6)), {}, "even", "float32"),
        Case((_x(2 * 36, 4)[:, ::2], 6, 3), {}, "even", "an array that is not contiguous"),
        Case((_x(2 * 15, 2), (3, 5)), {}, "uneven", "neighbours share a row and a column"),
        Case((_x(35, 3), (5, 7), 3), {}, "uneven"),
        Case((_x(660, 1), (22, 30), 22), {}, "uneven", "22 / 30 has no exact fraction"),
        Case((_x(525, 1), (25, 21), 19), {}, "uneven", "21 / 19 has no exact fraction"),
        Case((_x(625, 1), 25, 25), {}, "uneven", "a cell for every patch"),
        Case((_x(1008, 1), (36, 28), 28), {}, "uneven", "36 / 28 has no exact fraction"),
    ),
    draw_case=_draw_pool,
    mistakes=(
        Mistake(
            "adds",
            "You added the codes of each cell up; divide by the number of its patches.",
            _pool_with(lambda m, c: _adaptive(m, c) * (-(-m.shape[2] // c) * -(-m.shape[3] // c))),
        ),
        Mistake(
            "largest",
            "You took the largest code of each cell; the average is asked for.",
            _pool_with(on_torch(F.adaptive_max_pool2d)),
        ),
        Mistake(
            "cells first",
            "Your columns run through the codes of the first cell, then of the second; all cells of code 0 come first.",
            _pool_with(lambda m, c: _adaptive(m, c).transpose(0, 2, 3, 1)),
            share=0.25,
        ),
        Mistake(
            "cells column by column",
            "Your cells run down the columns; they run row by row.",
            _pool_with(lambda m, c: _adaptive(m, c).swapaxes(2, 3)),
            share=0.25,
        ),
        Mistake(
            "swaps height and width",
            "You swapped height and width of the grid: the first number is how many patches there are down.",
            lambda codes, grid, cells=2: _pool(codes, pair(grid)[::-1], cells),
            share=0.25,
        ),
        Mistake(
            "drops what is left over",
            "Your cells all have the same size, so that the last patches belong to none: round the end of a cell up.",
            _pool_with(_floored),
            share=0.75,
        ),
        Mistake(
            "rounds the end down",
            "Your cells do not overlap: where a cell ends between two patches, round its end up.",
            _pool_with(_side_by_side),
            share=0.75,
        ),
        Mistake(
            "divides before it multiplies",
            _BORDERS,
            _by_floats(lambda i, n, cells: i / cells * n, lambda i, n, cells: i / cells * n),
            share=0.75,
        ),
        Mistake(
            "counts in sizes of a cell",
            _BORDERS,
            _by_floats(lambda i, n, cells: i * (n / cells), lambda i, n, cells: i * (n / cells)),
            share=0.75,
        ),
        Mistake(
            "rounds the beginnings",
            _BORDERS,
            _by_floats(lambda i, n, cells: i / cells * n, lambda i, n, cells: i * n / cells),
            share=0.75,
        ),
        Mistake(
            "rounds the ends",
            _BORDERS,
            _by_floats(lambda i, n, cells: i * n / cells, lambda i, n, cells: i / cells * n),
            share=0.75,
        ),
        Mistake(
            "ignores cells",
            "You averaged over the whole image: there are cells x cells averages.",
            _pool_with(lambda m, c: np.broadcast_to(m.mean((2, 3), keepdims=True), (*m.shape[:2], c, c))),
            share=0.25,
        ),
        Mistake(
            "mixes images",
            "You mixed the patches of different images: the first oH * oW rows are those of the first image.",
            lambda codes, grid, cells=2: _pool(
                codes.reshape(pair(grid)[0] * pair(grid)[1], -1, codes.shape[1]).swapaxes(0, 1).reshape(codes.shape),
                grid,
                cells,
            ),
        ),
        _cut_to(0, _pool),
    ),
)

# --- a contest: features without labels ----------------------------------------------------------------------------

_DIGITS = load_digits()
_TRAIN, _TEST, _MARGIN = 100, 400, 0.07
_SHOWN = (2, 3, 4)  # on other digits it is enough to do better than the pixels: chance moves the margin by 0.025
_NUMBERS: weakref.WeakKeyDictionary[Case, int] = weakref.WeakKeyDictionary()  # case -> the number of its contest


@functools.lru_cache(32)
def _contest(number):
    order = np.random.default_rng(number).permutation(len(_DIGITS.target))[: _TRAIN + _TEST]
    return _DIGITS.images[order, None] / 16, _DIGITS.target[order]


def _contest_case(number, seed, part, note=""):
    case = Case((_contest(number)[0], seed), {}, part, note)
    _NUMBERS[case] = number
    return case


def _accuracy(values, labels):
    values = values - values[:_TRAIN].mean(0)
    values = values / (values[:_TRAIN].std(0) + 1e-3)
    model = RidgeClassifier(alpha=1.0).fit(values[:_TRAIN], labels[:_TRAIN])
    return float((model.predict(values[_TRAIN:]) == labels[_TRAIN:]).mean())


@functools.lru_cache(1024)
def _pixel_accuracy(number):
    images, labels = _contest(number)
    return _accuracy(images.reshape(len(images), -1), labels)


def _judge_contest(value, case):
    values = np.asarray(value, dtype=float)
    images = case.args[0]
    if values.ndim != 2 or len(values) != len(images) or not 1 <= values.shape[1] <= 400:
        return f"Return one row for each image and at most 400 columns: the shape is {values.shape}."
    if not np.isfinite(values).all():
        return "Some features are not finite."
    number = _NUMBERS[case]
    reached, pixels = _accuracy(values, _contest(number)[1]), _pixel_accuracy(number)
    if reached <= pixels + (_MARGIN if number in _SHOWN else 0):
        return (
            f"A linear classifier reaches {reached:.1%} on your features and {pixels:.1%} on the pixels: "
            "7 points more than on the pixels are asked for."
        )
    return None


def _draw_contest(d):
    return _contest_case(d.integer(5, 2**30), d.integer(3, 1000), "other digits")


def _random_maps(images, count, seed, size=5):
    kernels = np.random.default_rng(seed).standard_normal((count, 1, size, size))
    kernels -= kernels.mean((1, 2, 3), keepdims=True)
    return F.conv2d(tensor(images), tensor(kernels))


def _pooled(maps):
    return F.adaptive_avg_pool2d(torch.relu(maps), 2).flatten(1).numpy()


def _seed_matters(call, sampler):
    images = _contest(2)[0][:5]
    results = [np.asarray(call(images, seed), dtype=float) for seed in (5, *_SEEDS)]
    differ = all(not np.array_equal(one, other) for one, other in combinations(results[1:], 2))
    return np.array_equal(results[0], results[1]) and differ


def _each_on_its_own(call, sampler):
    images = _contest(2)[0][:20]
    return all(
        np.allclose(call(images, 5)[some], call(images[some], 5)) for some in (slice(3), slice(3, 6), slice(9, 10))
    )


def _by_largest(features):
    return features / (features.max(0) + 1e-3)


_SEEDS = (5, 4, 6, 0, 15, 105, 261, 1005, 65541)  # neighbours, and what is the same in the last digits or bits
_ALONE = "The features of an image must not depend on the other images."
_SEED = "The same seed must give the same features, and another seed others."

DICE_FEATURES = Check(
    "dice_features",
    builds_on=("extract_patches", "encode_patches", "pool_codes"),
    section="features#features-random",
    judge=_judge_contest,
    parts={"first digits": 1, "other digits": 3},
    cases=(
        _contest_case(2, 0, "first digits", f"{_TRAIN} digits to fit the classifier, {_TEST} to test it"),
        _contest_case(3, 1, "other digits"),
        _contest_case(4, 1, "other digits", "other digits, the same seed"),
    ),
    exempt={"again": "the judge knows the digits of its cases alone; two of them have the same seed"},
    limit=5.0,
    draw_case=_draw_contest,
    draw_count=1,
    properties=(Property("seed", _SEED, _seed_matters), Property("alone", _ALONE, _each_on_its_own)),
    mistakes=(
        Mistake(
            "hands in the pixels",
            "These are the pixels themselves.",
            lambda images, seed: images.reshape(len(images), -1).copy(),
        ),
        Mistake(
            "stays linear",
            "Your features are a linear map of the pixels, and the classifier is linear too: rectify before you average.",
            lambda images, seed: F.adaptive_avg_pool2d(_random_maps(images, 64, seed), 2).flatten(1).numpy(),
        ),
        Mistake(
            "two kernels",
            "Two kernels are too few: many are cheap.",
            lambda images, seed: F.adaptive_avg_pool2d(torch.relu(_random_maps(images, 2, seed)), 2).flatten(1).numpy(),
        ),
        Mistake(
            "noise",
            "Your features do not depend on the images.",
            lambda images, seed: np.random.default_rng(seed).standard_normal((len(images), 64)),
        ),
        Mistake(
            "too many columns",
            "You kept the responses at every place, which is more than 400 columns: average them over a few cells.",
            lambda images, seed: torch.relu(_random_maps(images, 64, seed)).flatten(1).numpy(),
        ),
        Mistake(
            "always the same kernels",
            _SEED,
            lambda images, seed: _pooled(_random_maps(images, 64, 0)),
            share=0.75,
        ),
        Mistake(
            "the same kernels for two seeds",
            _SEED,
            lambda images, seed: _pooled(_random_maps(images, 64, seed // 2)),
            share=0.75,
        ),
        Mistake(
            "the last byte of the seed",
            _SEED,
            lambda images, seed: _pooled(_random_maps(images, 64, seed % 256)),
            share=0.75,
        ),
        Mistake(
            "divides by the largest of all images",
            _ALONE,
            lambda images, seed: _by_largest(_pooled(_random_maps(images, 64, seed))),
            share=0.75,
        ),
    ),
)

# --- claims on trial -----------------------------------------------------------------------------------------------


def _final_loss(points, start):
    moved, labels = _lloyd(points, start, 100, rest=0.0)
    return float(((points - moved[labels]) ** 2).sum())


def _judge_start(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. Try four points at the corners of a flat rectangle, and two centroids."
    points, *starts = (np.asarray(item, dtype=float) for item in evidence)
    if points.ndim != 2 or len(starts) != 2 or not all(np.isfinite(item).all() for item in (points, *starts)):
        raise ValueError("the evidence must be three finite matrices: points, one start, another start")
    if points.size > 2000 or any(s.shape[1:] != points.shape[1:] or s.size > 2000 for s in starts):
        raise ValueError("points and starts have the same number of columns, and at most 2,000 numbers each")
    if len(starts[0]) != len(starts[1]):
        return "Both starts need the same number of centroids: with more of them the loss is lower, of course."
    middle = points.mean(0)
    points, starts = points - middle, [start - middle for start in starts]
    low, high = sorted(_final_loss(points, start) for start in starts)
    if high < 1.5 * low * (1 - 1e-9) or high <= 1e-9 * (points**2).sum():
        return f"No counterexample: k-means ends at the losses {low:.6g} and {high:.6g}, whose ratio is below 1.5."
    return None


def _judge_steering(value, case):
    verdict, weights = verdict_and_evidence(value)
    if not verdict:
        return "You judged it false. The direction enters the kernel through a cosine and a sine alone."
    weights = np.asarray(weights, dtype=float)
    if weights.shape != (2,) or not np.isfinite(weights).all():
        raise ValueError("the evidence must be two finite numbers")
    (angle,) = case.args
    kernel, first, second = _edges(5, [angle, 0.0, 1.0], 1.3)[:, 0]
    gap = np.abs(kernel - weights[0] * first - weights[1] * second).max()
    if gap > 1e-6 * np.abs(kernel).max():
        return f"For the angle {angle:.4g} your weights give another kernel: the largest difference is {gap:.3g}."
    return None


def _draw_angle(d):
    angle = d.integer(10, 150) / 100
    part = d.choice(("small angles", "other angles"))
    return Case((angle if part == "small angles" else d.choice((-angle, angle + 1.6, angle + 3.2)),), {}, part)


_SQUARE = np.array([[0.0, 0], [0, 1], [4, 0], [4, 1]])

CLAIMS = (
    Check(
        "claim_start",
        section="features#features-kmeans",
        judge=_judge_start,
        cases=(Case(),),
        mistakes=(
            *claim_mistakes(
                False,
                "You judged it true: two starts on a flat rectangle already tell.",
                lambda: (_SQUARE, _SQUARE[:2], _SQUARE[2:]),
            ),
            Mistake(
                "overflows",
                "keep the numbers of the evidence between",
                lambda: (False, (np.full((3, 2), 1e308), np.full((1, 2), 1e308), np.full((1, 2), -1e308))),
            ),
            Mistake(
                "starts that meet",
                "Both of your starts end at the same clustering, the good one.",
                lambda: (False, (_SQUARE, _SQUARE[[0, 2]], _SQUARE[[1, 3]])),
            ),
            Mistake(
                "more centroids",
                "Both starts need the same number of centroids",
                lambda: (False, (_SQUARE, _SQUARE[:2], _SQUARE[:3])),
            ),
            Mistake(
                "one point",
                "One point has only one clustering.",
                lambda: (False, (_SQUARE[:1], _SQUARE[:1], _SQUARE[1:2])),
            ),
        ),
    ),
    Check(
        "claim_steering",
        builds_on=("edge_kernels",),
        section="features#features-edges",
        judge=_judge_steering,
        parts={"small angles": 1, "other angles": 1},
        cases=(
            Case((0.5,), {}, "small angles"),
            Case((0.9,), {}, "small angles"),
            Case((2.4,), {}, "other angles"),
            Case((-1.3,), {}, "other angles"),
            Case((4.0,), {}, "other angles"),
        ),
        draw_case=_draw_angle,
        mistakes=(
            *claim_mistakes(True, "You judged it false.", lambda angle: (0.0, 0.0)),
            Mistake(
                "takes the second for pi / 2",
                "Cosine and sine are the weights for the kernels at 0 and pi / 2; here the second stands at 1.",
                lambda angle: (True, (math.cos(angle), math.sin(angle))),
            ),
            Mistake(
                "mixes evenly",
                "You mixed in proportion to the angle: the direction enters through cosine and sine.",
                lambda angle: (True, (1 - angle, angle)),
            ),
            Mistake(
                "fades over",
                "Nearly: your weights lack a common factor.",
                lambda angle: (True, (math.sin(1 - angle), math.sin(angle))),
            ),
            Mistake(
                "no weights", "A verdict needs its evidence: two weights are asked for.", lambda angle: (True, None)
            ),
        ),
    ),
)

CHECKS = (
    EXTRACT_PATCHES,
    EDGE_KERNELS,
    WHITEN,
    FOLD_WHITENING,
    KMEANS,
    ENCODE_PATCHES,
    POOL_CODES,
    DICE_FEATURES,
    *CLAIMS,
)
