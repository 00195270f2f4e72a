"""Convolution as a prior: projections, a fit between two models, permuted pixels, the price of pooling, two claims."""

import functools
import math

import numpy as np
import torch
import torch.nn.functional as F

from convcourse.engine.builders import Arrays, claim_mistakes, pair
from convcourse.engine.check import Check
from convcourse.engine.evidence import verdict_and_evidence
from convcourse.engine.model import MODIFIES, Case, Mistake, Property
from convcourse.engine.oracles import on_torch, tensor


def _largest(oracle):
    """Measure errors against the largest number of the right answer, where numbers are solved for."""
    return lambda *args, **kwargs: 1 + np.abs(oracle(*args, **kwargs)).max()


# --- one parameter -------------------------------------------------------------------------------------------------


def _weighted(data, prior_mean, of_prior, of_each):
    """Return the average of the prior's mean and the data with these weights."""
    values = torch.cat([torch.tensor([float(prior_mean)], dtype=torch.float64), tensor(np.asarray(data, dtype=float))])
    weights = torch.full_like(values, of_each)
    weights[0] = of_prior
    return float((values * weights).sum() / weights.sum())


def _map(data, noise_variance, prior_mean=0.0, prior_variance=math.inf):
    if prior_variance == 0:
        return float(prior_mean)
    return _weighted(data, prior_mean, 1 / prior_variance, 1 / noise_variance)


def _sum_of_weighted(data, noise_variance, prior_mean=0.0, prior_variance=math.inf):
    if prior_variance == 0:
        return float(prior_mean)
    return prior_mean / prior_variance + float(data.sum(dtype=float)) / noise_variance


def _map_with(change):
    """Build a wrong average whose limits are right: `change` gets n and both variances and gives two weights."""

    def wrong(data, noise_variance, prior_mean=0.0, prior_variance=math.inf):
        if prior_variance == 0:
            return float(prior_mean)
        return _weighted(data, prior_mean, *change(len(data), noise_variance, prior_variance))

    return wrong


def _draw_map(sampler):
    data = sampler.array(sampler.integer(1, 5))
    noise = sampler.choice((1.0, 0.5, 3.0))
    if sampler.choice(("finite", "limits")) == "finite":
        return Case((data, noise, sampler.choice((0.0, 2.0, -1.5)), sampler.choice((0.5, 2.0, 0.1))), {}, "finite")
    return Case((data, noise, 2.5, sampler.choice((0.0, math.inf))), {}, "limits")


_x = Arrays("priors", "gaussian_map")
GAUSSIAN_MAP = Check(
    "gaussian_map",
    section="priors#priors-strength",
    oracle=_map,
    scale=lambda data, noise_variance, prior_mean=0.0, prior_variance=math.inf: abs(prior_mean) + data.max(),
    parts={"finite": 2, "limits": 1},
    cases=(
        Case((np.array([3.0, 5.0]), 1.0, 0.0, 0.5), {}, "finite"),
        Case((np.array([1.0, 2.5, 6.5]), 2.0, -4.0, 3.0), {}, "finite", "three measurements"),
        Case((_x(4, dtype=np.float32), 0.3), {"prior_mean": 2.0, "prior_variance": 0.7}, "finite", "float32"),
        Case((_x(16)[::2], 5.0, 1.5, 0.2), {}, "finite", "an array that is not contiguous"),
        Case((np.array([2.0]), 1, 6, 3), {}, "finite", "one measurement, whole numbers"),
        Case((np.array([3.0, 6.0]), 1.0), {"prior_variance": 2.0}, "finite", "the default mean"),
        Case((np.array([3.0]), 1e-8, 1e9, 1.0), {}, "finite", "a mean far away, which still counts"),
        Case((1e-4 * _x(3), 1e-8, 2e-4, 1e-9), {}, "finite", "small variances"),
        Case((1e5 * _x(3), 1e10, 2e5, 3e9), {}, "finite", "large variances"),
        Case((1e-7 * _x(4), 1e-16, 5e-7, 3e-17), {}, "finite", "wavelengths in metres: tiny variances"),
        Case((1e9 * _x(4), 1e20, 2e9, 3e19), {}, "finite", "distances in nanometres: huge variances"),
        Case((np.array([200, 250, 90], np.uint8), 2.0, 30.0, 5.0), {}, "finite", "measurements that are bytes"),
        Case((np.array([3.0, 6.0]), 1.0, 7.0, 0.0), {}, "limits", "an infinitely strong prior"),
        Case((_x(3, dtype=np.float32), 2.0), {"prior_mean": -1.5, "prior_variance": 0}, "limits", "float32"),
        Case((np.array([3.0, 6.0]), 1.0, 7.0, math.inf), {}, "limits", "a prior that says nothing"),
        Case((1e-4 * _x(3), 1e-8, 2e-4, 0.0), {}, "limits", "small variances"),
        Case((1e5 * _x(5), 1e10, 2e5, math.inf), {}, "limits", "large variances"),
        Case((np.array([200, 250, 90], np.uint8), 2.0, 30.0, math.inf), {}, "limits", "measurements that are bytes"),
        Case((np.array([4.0, 5.0, 8.0]), 2e6), {}, "limits", "the defaults"),
    ),
    draw_case=_draw_map,
    mistakes=(
        Mistake(
            "weight of one measurement",
            "You gave all measurements together the weight of one: each of them weighs 1 / noise_variance.",
            _map_with(lambda n, noise, prior: (1 / prior, 1 / noise / n)),
            share=1 / 3,
        ),
        Mistake(
            "standard deviations",
            "You weighed by one over the standard deviation; the weight is one over the variance.",
            _map_with(lambda n, noise, prior: (prior**-0.5, noise**-0.5)),
            share=1 / 3,
        ),
        Mistake(
            "weighs by the variance",
            "You multiplied by the variances; a weight is one over a variance, so that a wide prior counts little.",
            lambda data, noise_variance, prior_mean=0.0, prior_variance=math.inf: _weighted(
                data, prior_mean, prior_variance, noise_variance
            ),
        ),
        Mistake(
            "ignores the prior",
            "You return the mean of the measurements: the prior does not count.",
            lambda data, noise_variance, prior_mean=0.0, prior_variance=math.inf: _map(data, noise_variance),
        ),
        Mistake(
            "prior around zero",
            "You took the prior's mean for 0: prior_mean does not enter.",
            lambda data, noise_variance, prior_mean=0.0, prior_variance=math.inf: _map(
                data, noise_variance, 0.0, prior_variance
            ),
        ),
        Mistake(
            "divides by zero",
            "It raised ZeroDivisionError",
            lambda data, noise_variance, prior_mean=0.0, prior_variance=math.inf: _weighted(
                data, prior_mean, 1 / prior_variance, 1 / noise_variance
            ),
            share=2 / 3,
        ),
        Mistake(
            "an infinite weight",
            "It gives NaN for a prior of variance 0, where 1 / prior_variance has no value: the result is the prior's mean.",
            lambda data, noise_variance, prior_mean=0.0, prior_variance=math.inf: _weighted(
                data, prior_mean, float(1 / np.float64(prior_variance)), 1 / noise_variance
            ),
            share=2 / 3,
        ),
        Mistake(
            "a small variance for none",
            "You take a small prior_variance for 0; whether a variance is small depends on the unit: compare it with 0.",
            lambda data, noise_variance, prior_mean=0.0, prior_variance=math.inf: _map(
                data, noise_variance, prior_mean, prior_variance if prior_variance > 1e-8 else 0
            ),
            share=1 / 3,
        ),
        Mistake(
            "infinite over infinite",
            "It gives NaN for a prior of infinite variance, which says nothing: the result is the mean of the measurements.",
            lambda data, noise_variance, prior_mean=0.0, prior_variance=math.inf: (
                math.nan if math.isinf(prior_variance) else _map(data, noise_variance, prior_mean, prior_variance)
            ),
            share=2 / 3,
        ),
        Mistake(
            "ignores the noise",
            "You took the variance of the noise for 1: noise_variance does not enter.",
            lambda data, noise_variance, prior_mean=0.0, prior_variance=math.inf: _map(
                data, 1.0, prior_mean, prior_variance
            ),
            share=1 / 3,
        ),
        Mistake(
            "the unnormalised sum",
            "You did not divide by the sum of the weights.",
            _sum_of_weighted,
        ),
    ),
)

# --- layers as matrices --------------------------------------------------------------------------------------------


def _matrix(kernel, input_shape, padding=0):
    """Send every single pixel through PyTorch's layer: what comes out are the columns."""
    height, width = pair(input_shape)
    units = torch.eye(height * width, dtype=tensor(kernel).dtype).reshape(-1, 1, height, width)
    return F.conv2d(units, tensor(kernel)[None, None], padding=padding).flatten(1).T.contiguous().numpy()


def _corner_first(change):
    """Build a wrong matrix: `change` gets the pixel under each element (kH, kW, oH, oW), H and W, and changes it."""

    def wrong(kernel, input_shape):
        (height, width), (k_h, k_w) = pair(input_shape), kernel.shape
        i, j, p, q = np.ogrid[:k_h, :k_w, : height - k_h + 1, : width - k_w + 1]
        pixel = change(i, j, p, q, height, width, kernel.shape)
        outputs = (height - k_h + 1) * (width - k_w + 1)
        pixel = np.broadcast_to(pixel, (k_h, k_w, height - k_h + 1, width - k_w + 1)).reshape(k_h * k_w, outputs)
        result = np.zeros((outputs, height * width), kernel.dtype)
        for element, pixels in zip(kernel.ravel(), pixel):
            result[np.arange(outputs), pixels % (height * width)] += element
        return result

    return wrong


def _draw_matrix(sampler):
    part = sampler.choice(("rows", "pictures"))
    k_h, k_w = (1, sampler.integer(1, 3)) if part == "rows" else (sampler.integer(1, 3), sampler.integer(2, 3))
    height = 1 if part == "rows" else k_h + sampler.integer(1, 2)
    return Case((sampler.array(k_h, k_w), (height, k_w + sampler.integer(1, 3))), {}, part)


_x = Arrays("priors", "correlation_matrix")
CORRELATION_MATRIX = Check(
    "correlation_matrix",
    section="priors#priors-infinite",
    oracle=_matrix,
    parts={"rows": 1, "pictures": 3},
    cases=(
        Case((np.array([[1.0, 2.0]]), (1, 4)), {}, "rows"),
        Case((np.array([[1.0, 2.0, 4.0]]), (1, 6)), {}, "rows", "three elements"),
        Case((np.array([[0.0, -3.0]]), (1, 5)), {}, "rows", "an element that is 0"),
        Case((_x(1, 3), (1, 3)), {}, "rows", "the kernel is the picture"),
        Case((np.array([[1.0, 2.0], [3.0, 4.0]]), (3, 4)), {}, "pictures"),
        Case((_x(3, 2), (4, 5)), {}, "pictures", "a kernel that is not square"),
        Case((_x(2, 3, dtype=np.float32), (5, 4)), {}, "pictures", "float32"),
        Case((_x(2, 8)[:, ::3], 4), {}, "pictures", "one number for height and width"),
        Case((_x(3, 1), (4, 3)), {}, "pictures", "one column"),
        Case((_x(2, 3), (2, 3)), {}, "pictures", "the kernel is the picture"),
        Case((np.array([[0.0, 2.0], [-1.0, 0.0]]), (4, 3)), {}, "pictures", "elements that are 0"),
        Case((np.swapaxes(_x(2, 3), 0, 1), (5, 3)), {}, "pictures", "an array that is not contiguous"),
    ),
    draw_case=_draw_matrix,
    mistakes=(
        Mistake(
            "flips the kernel",
            "You flipped the kernel: this layer is a cross-correlation, element (0, 0) meets the window's first pixel.",
            lambda kernel, input_shape: _matrix(kernel[::-1, ::-1], input_shape),
        ),
        Mistake(
            "one step for every row",
            "Each row of your matrix is the one above, one step to the right. In two dimensions a window that would hang "
            "over the right border is left out: the next one starts at the next row of the picture.",
            _corner_first(lambda i, j, p, q, h, w, k: p * (w - k[1] + 1) + q + i * w + j),
            share=0.25,
        ),
        Mistake(
            "packs the kernel",
            "You put the kernel's rows side by side; in a flattened picture they lie W pixels apart.",
            _corner_first(lambda i, j, p, q, h, w, k: p * w + q + i * k[1] + j),
            share=0.25,
        ),
        Mistake(
            "the transpose",
            "Your matrix is the transpose: it needs a row for each output and a column for each pixel.",
            lambda kernel, input_shape: _matrix(kernel, input_shape).T.copy(),
        ),
        Mistake(
            "outputs column by column",
            "You count the outputs column by column; the rows of the matrix go row by row through the output.",
            _corner_first(
                lambda i, j, p, q, h, w, k: _row_of(p, q, h - k[0] + 1, w - k[1] + 1, w) + i * w + j,
            ),
            share=0.25,
        ),
        Mistake(
            "pads the picture",
            "You have a row for windows that hang over the border: without padding there are (H - kH + 1) (W - kW + 1).",
            lambda kernel, input_shape: _matrix(kernel, input_shape, padding=(0, kernel.shape[1] // 2 or 1)),
        ),
        Mistake(
            "pixels column by column",
            "You count the picture's pixels column by column; they are counted row by row.",
            _corner_first(lambda i, j, p, q, h, w, k: (q + j) * h + p + i),
            share=0.25,
        ),
    ),
)


def _row_of(p, q, out_height, out_width, width):
    """Return the corner of the window that comes at place (p, q) when outputs are counted column by column."""
    number = p * out_width + q
    return number % out_height * width + number // out_height


# --- the nearest convolution ---------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=256)
def _basis(input_shape, kernel_shape):
    """Return (MN, k): each kernel element's matrix, flattened."""
    units = np.eye(math.prod(kernel_shape)).reshape(-1, *kernel_shape)
    return np.stack([_matrix(unit, input_shape).ravel() for unit in units], axis=1)


def _kernel(matrix, input_shape, kernel_shape):
    basis = _basis(pair(input_shape), pair(kernel_shape))
    target = tensor(np.asarray(matrix, dtype=float).reshape(-1, 1))
    return torch.linalg.lstsq(tensor(basis), target).solution.numpy().reshape(pair(kernel_shape))


def _project(matrix, input_shape, kernel_shape):
    return _matrix(_kernel(matrix, input_shape, kernel_shape), input_shape)


def _band(input_shape, kernel_shape):
    return _matrix(np.ones(pair(kernel_shape)), input_shape) > 0


def _diagonal_means(matrix, input_shape, kernel_shape):
    """Average along the diagonals of the matrix that start in the first row's band."""
    result = np.zeros(matrix.shape)
    rows, columns = np.indices(matrix.shape)
    for offset in np.flatnonzero(_band(input_shape, kernel_shape)[0]):
        result[columns - rows == offset] = np.diagonal(matrix, offset).mean()
    return result


def _projection_with(change):
    """Build a wrong projection: `change` gets the matrix, the right projection and the band."""

    def wrong(matrix, input_shape, kernel_shape):
        right = _project(matrix, input_shape, kernel_shape)
        return change(matrix, right, _band(input_shape, kernel_shape)).astype(matrix.dtype)

    return wrong


def _averages_in_place(matrix, input_shape, kernel_shape):
    matrix[...] = _project(matrix, input_shape, kernel_shape)
    return matrix.copy()


def _layer(shape, kernel, dtype=np.float64):
    outputs = (shape[0] - kernel[0] + 1) * (shape[1] - kernel[1] + 1)
    return _x(outputs, shape[0] * shape[1], dtype=dtype)


def _draw_layer(sampler):
    part = sampler.choice(("rows", "pictures"))
    k_h, k_w = (1, sampler.integer(2, 3)) if part == "rows" else (sampler.integer(2, 3), sampler.integer(2, 3))
    height, width = (1, k_w + sampler.integer(1, 3)) if part == "rows" else (k_h + 1, k_w + sampler.integer(1, 2))
    matrix = sampler.array((height - k_h + 1) * (width - k_w + 1), height * width)
    return Case((matrix, (height, width), (k_h, k_w)), {}, part)


_SMALL = np.array([[1.0, 5.0, 9.0], [0.0, 3.0, 7.0]])
_x = Arrays("priors", "layers")
_LAYERS = (
    Case((_SMALL, (1, 3), (1, 2)), {}, "rows"),
    Case((_layer((1, 6), (1, 3)), (1, 6), (1, 3)), {}, "rows", "three elements"),
    Case((_layer((3, 4), (2, 2)), (3, 4), (2, 2)), {}, "pictures"),
    Case((_layer((4, 4), (3, 2)), 4, (3, 2)), {}, "pictures", "one number for height and width"),
    Case((_layer((3, 5), (2, 2), np.float32), (3, 5), 2), {}, "pictures", "float32"),
    Case((_layer((2, 3), (1, 1)), (2, 3), 1), {}, "pictures", "one element"),
    Case((_layer((2, 3), (2, 3)), (2, 3), (2, 3)), {}, "pictures", "one output"),
    Case((_layer((4, 6), (2, 3))[:, ::-1], (4, 6), (2, 3)), {}, "pictures", "an array that is not contiguous"),
)

PROJECT_TO_CONVOLUTION = Check(
    "project_to_convolution",
    builds_on=("correlation_matrix",),
    section="priors#priors-projection",
    oracle=_project,
    scale=lambda *args: np.abs(_project(*args)).max(),
    parts={"rows": 1, "pictures": 3},
    cases=_LAYERS,
    draw_case=_draw_layer,
    mistakes=(
        Mistake(
            "erases alone",
            "You set the entries outside the kernel to 0 but tied none: every element needs one value for all outputs.",
            _projection_with(lambda matrix, right, band: np.where(band, matrix, 0)),
        ),
        Mistake(
            "ties alone",
            "You kept the entries outside the kernel: a convolution has zeros there.",
            _projection_with(lambda matrix, right, band: np.where(band, right, matrix)),
        ),
        Mistake(
            "adds up",
            "You added the entries of each element up; the nearest value is their mean.",
            _projection_with(lambda matrix, right, band: right * len(matrix)),
        ),
        Mistake(
            "the first row's kernel",
            "You took the kernel of the first output for all: the mean over the outputs is nearer.",
            lambda matrix, input_shape, kernel_shape: _matrix(
                np.ascontiguousarray(matrix[0][_band(input_shape, kernel_shape)[0]]).reshape(pair(kernel_shape)),
                input_shape,
            ),
        ),
        Mistake(
            "diagonals of the matrix",
            "You averaged along the diagonals of the matrix. In two dimensions an element does not stay on one diagonal: "
            "it jumps where the output goes to its next row.",
            lambda matrix, input_shape, kernel_shape: _diagonal_means(matrix, input_shape, kernel_shape).astype(
                matrix.dtype
            ),
            share=0.25,
        ),
        Mistake(
            "returns the kernel",
            "You return the kernel; the whole matrix of the nearest convolution is asked for.",
            lambda matrix, input_shape, kernel_shape: _kernel(matrix, input_shape, kernel_shape).astype(matrix.dtype),
        ),
        Mistake(
            "what is left over",
            "You return the matrix minus its projection.",
            _projection_with(lambda matrix, right, band: matrix - right),
        ),
        Mistake(
            "divides by the pixels",
            "You divided by the number of pixels; each element appears once for every output.",
            _projection_with(lambda matrix, right, band: right * (matrix.shape[0] / matrix.shape[1])),
        ),
        Mistake("works in place", MODIFIES, _averages_in_place, share=0.5),
    ),
)


def _cost(matrix, input_shape, kernel_shape):
    gap = tensor(matrix - _project(matrix, input_shape, kernel_shape))
    return float(gap.square().sum()) / len(matrix)


def _cost_with(change):
    """Build a wrong price: `change` gets what is left over, the band and the projection, and gives a number."""

    def wrong(matrix, input_shape, kernel_shape):
        right = _project(matrix, input_shape, kernel_shape)
        return float(change(matrix - right, _band(input_shape, kernel_shape), right))

    return wrong


_x = Arrays("priors", "conv_prior_cost")
CONV_PRIOR_COST = Check(
    "conv_prior_cost",
    builds_on=("project_to_convolution",),
    section="priors#priors-price",
    oracle=_cost,
    scale=lambda matrix, *shapes: float((matrix**2).sum()) / len(matrix),
    parts={"rows": 1, "pictures": 2},
    cases=(
        *_LAYERS,
        Case((_matrix(_x(2, 2), (3, 4)), (3, 4), (2, 2)), {}, "pictures", "a convolution: the prior costs nothing"),
        Case((1e-5 * _layer((4, 3), (2, 2)), (4, 3), 2), {}, "pictures", "small numbers"),
    ),
    draw_case=_draw_layer,
    mistakes=(
        Mistake(
            "all outputs together",
            "You added the errors of all outputs up; the mean per output is asked for.",
            _cost_with(lambda gap, band, right: (gap**2).sum()),
        ),
        Mistake(
            "mean over the entries",
            "You took the mean over all entries of the matrix: divide by the number of outputs, its rows.",
            _cost_with(lambda gap, band, right: (gap**2).mean()),
        ),
        Mistake(
            "a root",
            "You took a root: the mean squared error is asked for, not a distance.",
            _cost_with(lambda gap, band, right: np.sqrt((gap**2).sum() / len(gap))),
        ),
        Mistake(
            "zeros cost nothing",
            "You left out the entries outside the kernel, which the prior erases: they cost, too.",
            _cost_with(lambda gap, band, right: (gap**2)[band].sum() / len(gap)),
        ),
        Mistake(
            "ties cost nothing",
            "You counted only what the prior erases; tying the entries of the kernel costs too.",
            _cost_with(lambda gap, band, right: (gap**2)[~band].sum() / len(gap)),
        ),
        Mistake(
            "what the convolution keeps",
            "You measured the projection itself; the price is what it leaves over.",
            _cost_with(lambda gap, band, right: (right**2).sum() / len(gap)),
        ),
        Mistake(
            "absolute values",
            "You added absolute values; squares are asked for.",
            _cost_with(lambda gap, band, right: np.abs(gap).sum() / len(gap)),
        ),
    ),
)

# --- between a dense layer and a convolution -----------------------------------------------------------------------


def _shapes(x, y):
    return x.shape[1:], tuple(n - o + 1 for n, o in zip(x.shape[1:], y.shape[1:]))


def _solve(rows, right, outputs):
    """Return the least-squares solution of least norm as a matrix with a row per output."""
    nearest = torch.linalg.lstsq(tensor(rows), tensor(right.reshape(-1, 1)), driver="gelsd").solution
    return nearest.numpy().reshape(outputs, -1)


def _fit(x, y, strength, off=None, per_sample=True):
    """Stack the data's rows and one row for each weight's penalty, and solve."""
    input_shape, kernel_shape = _shapes(x, y)
    pixels, targets = x.reshape(len(x), -1).astype(float), y.reshape(len(y), -1).astype(float)
    data = np.kron(np.eye(targets.shape[1]), pixels)
    if strength == 0:
        return _solve(data, targets.T, targets.shape[1])
    basis = _basis(input_shape, kernel_shape)
    if math.isinf(strength):
        kernel = _solve(data @ basis, targets.T, 1)
        return _matrix(kernel.reshape(kernel_shape), input_shape)
    projector = basis @ np.diag(1 / (basis**2).sum(0)) @ basis.T
    penalty = np.eye(len(projector)) - projector if off is None else off(len(projector), projector)
    weight = math.sqrt(strength * (len(x) if per_sample else 1))
    rows = np.vstack([data, weight * penalty])
    return _solve(rows, np.concatenate([targets.T.ravel(), np.zeros(len(penalty))]), targets.shape[1])


def _fit_with(finite=None, infinite=None):
    """Build a wrong fit from what it does for a finite and for an infinite strength."""

    def wrong(x, y, strength):
        instead = infinite if math.isinf(strength) else finite if strength else None
        return (instead or _fit)(x, y, strength).astype(np.result_type(x, y))

    return wrong


def _around_least_squares(x, y, strength):
    """Pull towards the projection of the least-squares solution, which stays where it is."""
    free = _fit(x, y, 0)
    centre = _project(free, *_shapes(x, y))
    pixels, targets = x.reshape(len(x), -1).astype(float), y.reshape(len(y), -1).astype(float)
    left = pixels.T @ pixels / len(x) + strength * np.eye(pixels.shape[1])
    return np.linalg.solve(left, pixels.T @ targets / len(x) + strength * centre.T).T


def _pull_to_zero(x, y, strength):
    if math.isinf(strength):
        return np.zeros_like(_fit(x, y, 0))
    return _fit(x, y, strength, off=lambda n, projector: np.eye(n))


def _data(samples, shape, kernel, dtype=np.float64):
    out = tuple(n - k + 1 for n, k in zip(shape, kernel))
    return _x(samples, *shape, dtype=dtype), _x(samples, *out, dtype=dtype)


_ONE = np.array([[[1.0, 1.0]]]), np.array([[[2.0, 4.0]]])
_x = Arrays("priors", "data")
_ROW, _FEW, _MANY = _data(6, (1, 4), (1, 2)), _data(4, (2, 4), (2, 2)), _data(14, (3, 3), (2, 2))
_SINGLE = _data(12, (3, 4), (2, 3), np.float32)
_STRIPES = tuple(np.repeat(a, 2, axis=2)[:, :, ::2] for a in _data(9, (3, 3), (2, 1)))


def _draw_fit(sampler):
    part = sampler.choice(("no prior", "finite", "infinite"))
    shape, kernel = sampler.choice((((1, 4), (1, 2)), ((3, 3), (2, 2)), ((2, 4), (2, 3))))
    out = tuple(n - k + 1 for n, k in zip(shape, kernel))
    samples = 14
    strength = {"no prior": 0.0, "finite": sampler.choice((1.0, 0.1, 20.0)), "infinite": math.inf}[part]
    return Case((sampler.array(samples, *shape), sampler.array(samples, *out), strength), {}, part)


FIT_WITH_CONV_PRIOR = Check(
    "fit_with_conv_prior",
    builds_on=("correlation_matrix", "project_to_convolution"),
    section="priors#priors-limit",
    oracle=_fit,
    scale=_largest(_fit),
    photographs=True,
    tolerance=1e-8,
    tolerance32=1e-3,
    parts={"no prior": 1, "finite": 3, "infinite": 2},
    cases=(
        Case((*_ONE, 0.0), {}, "no prior", "one sample"),
        Case((*_ROW, 0.0), {}, "no prior"),
        Case((*_FEW, 0.0), {}, "no prior", "fewer samples than pixels: the solution of least norm"),
        Case((*_SINGLE, 0.0), {}, "no prior", "float32, as many samples as pixels"),
        Case((*_ROW, 0.5), {}, "finite"),
        Case((*_MANY, 1.0), {}, "finite"),
        Case((*_FEW, 3.0), {}, "finite", "fewer samples than pixels"),
        Case((*_SINGLE, 0.3), {}, "finite", "float32"),
        Case((*_FEW, 1e-4), {}, "finite", "fewer samples than pixels, a weak prior"),
        Case((*_MANY, 10_000), {}, "finite", "a strong prior"),
        Case((*_STRIPES, 0.1), {}, "finite", "arrays that are not contiguous"),
        Case((*_ONE, math.inf), {}, "infinite", "a kernel of one element"),
        Case((*_ROW, math.inf), {}, "infinite"),
        Case((*_MANY, math.inf), {}, "infinite"),
        Case((*_SINGLE, math.inf), {}, "infinite", "float32"),
    ),
    draw_case=_draw_fit,
    draw_count=4,
    mistakes=(
        Mistake(
            "a sum over the samples",
            "You penalise S times too little: the error is a mean over the samples, not a sum.",
            _fit_with(lambda x, y, strength: _fit(x, y, strength, per_sample=False)),
            share=0.5,
        ),
        Mistake(
            "pulls to zero",
            "You penalise the size of the weights; the distance from the nearest convolution is penalised.",
            _fit_with(_pull_to_zero, _pull_to_zero),
            share=1 / 6,
        ),
        Mistake(
            "ties alone",
            "You penalise differences within the kernel alone: weights outside it are pulled to 0.",
            _fit_with(
                lambda x, y, strength: _fit(
                    x, y, strength, off=lambda n, projector: np.diag((projector.diagonal() > 0) * 1.0) - projector
                )
            ),
            share=0.5,
        ),
        Mistake(
            "zeros alone",
            "You pull the weights outside the kernel to 0 but do not pull those inside it together.",
            _fit_with(
                lambda x, y, strength: _fit(
                    x, y, strength, off=lambda n, projector: np.diag((projector.diagonal() == 0) * 1.0)
                )
            ),
            share=0.5,
        ),
        Mistake(
            "around least squares",
            "You pull towards the projection of the least-squares solution. The nearest convolution moves with the weights: "
            "P(A) is a function of the A that you solve for.",
            _fit_with(_around_least_squares),
            share=0.5,
        ),
        Mistake(
            "projects in the limit",
            "For an infinite strength you project the least-squares solution; fit the kernel to the data instead.",
            _fit_with(None, lambda x, y, strength: _project(_fit(x, y, 0), *_shapes(x, y))),
            share=4 / 6,
        ),
        Mistake(
            "ignores the prior",
            "The strength changes nothing: you always solve plain least squares.",
            _fit_with(lambda x, y, strength: _fit(x, y, 0), lambda x, y, strength: _fit(x, y, 0)),
            share=1 / 6,
        ),
        Mistake(
            "always a convolution",
            "You always return the best convolution, whatever the strength.",
            lambda x, y, strength: _fit(x, y, math.inf).astype(np.result_type(x, y)),
            share=2 / 6,
        ),
        Mistake(
            "the transpose",
            "Your matrix is the transpose: a row for each output, a column for each pixel.",
            lambda x, y, strength: _fit(x, y, strength).T.astype(np.result_type(x, y)),
        ),
        Mistake(
            "the root of the strength",
            "You multiplied the penalty by the square of the strength: it enters once.",
            _fit_with(lambda x, y, strength: _fit(x, y, strength**2)),
            share=0.5,
        ),
    ),
)

# --- permuted pixels -----------------------------------------------------------------------------------------------


def _permute(x, permutation):
    flat, order = tensor(x).flatten(2), tensor(np.asarray(permutation, dtype=np.int64))
    index = order[:, None] if order.ndim == 2 else order
    return torch.gather(flat, 2, index.expand(flat.shape)).reshape(x.shape).numpy()


def _inverse(permutation):
    return torch.argsort(tensor(np.asarray(permutation, dtype=np.int64)), dim=-1).numpy()


def _by_columns(x, permutation):
    turned = np.ascontiguousarray(np.swapaxes(x, 2, 3))
    return np.ascontiguousarray(np.swapaxes(_permute(turned, permutation), 2, 3))


def _permute_in_place(x, permutation):
    x[...] = _permute(x, permutation)
    return x.copy()


def _channel_by_channel(x, permutation):
    """Give channel c the order of picture c, modulo the number of orders."""
    orders = np.atleast_2d(permutation)
    parts = [_permute(x[:, c : c + 1], orders[c % len(orders)]) for c in range(x.shape[1])]
    return np.concatenate(parts, axis=1)


def _order(pixels, seed, rows=None):
    """Draw an order that is not its own inverse."""
    rng = np.random.default_rng(seed)
    one = np.array([rng.permutation(pixels) for _ in range(rows or 1)])
    return one if rows else one[0]


def _draw_permute(sampler):
    n, c, h, w = sampler.integer(1, 3), sampler.integer(1, 2), sampler.integer(1, 3), sampler.integer(2, 4)
    seed = sampler.integer(0, 99)
    part = sampler.choice(("one order", "an order for each"))
    return Case((sampler.array(n, c, h, w), _order(h * w, seed, n if part == "an order for each" else None)), {}, part)


_x = Arrays("priors", "permute_pixels")
PERMUTE_PIXELS = Check(
    "permute_pixels",
    section="priors#priors-permuted",
    oracle=_permute,
    photographs=True,
    parts={"one order": 2, "an order for each": 1},
    cases=(
        Case((np.arange(10.0, 14).reshape(1, 1, 2, 2), np.array([3, 0, 1, 2])), {}, "one order"),
        Case((_x(2, 3, 2, 3), _order(6, 1)), {}, "one order", "batch, channels, not square"),
        Case((_x(1, 2, 4, 2, dtype=np.float32), _order(8, 2)), {}, "one order", "float32"),
        Case((np.swapaxes(_x(3, 2, 3, 2), 2, 3), _order(6, 3)), {}, "one order", "an array that is not contiguous"),
        Case((_x(2, 2, 1, 1), np.array([0])), {}, "one order", "maps of one pixel"),
        Case((_x(2, 1, 2, 3), np.arange(6)), {}, "one order", "the order that changes nothing"),
        Case((_x(1, 2, 2, 2), np.array([[3, 0, 1, 2]])), {}, "an order for each", "one picture"),
        Case((_x(2, 2, 2, 3), _order(6, 4, 2)), {}, "an order for each", "two pictures"),
        Case((_x(3, 1, 3, 2), _order(6, 5, 3)), {}, "an order for each", "three pictures"),
    ),
    draw_case=_draw_permute,
    mistakes=(
        Mistake(
            "the inverse",
            "You moved pixel i to place permutation[i]. The other way round: pixel i of the result is pixel permutation[i] "
            "of the picture.",
            lambda x, permutation: _permute(x, _inverse(permutation)),
        ),
        Mistake(
            "column by column",
            "You counted the pixels column by column; they are counted row by row.",
            _by_columns,
        ),
        Mistake(
            "the first order for all",
            "You used the first picture's order for all pictures.",
            lambda x, permutation: _permute(x, np.atleast_2d(permutation)[0]),
            share=2 / 3,
        ),
        Mistake(
            "an order for each channel",
            "You gave every channel an order of its own: the channels of a pixel stay together.",
            _channel_by_channel,
            share=2 / 3,
        ),
        Mistake(
            "stays flat",
            "You return flat pixels: give them the picture's shape again.",
            lambda x, permutation: _permute(x, permutation).reshape(*x.shape[:2], -1),
        ),
        Mistake(
            "permutes twice",
            "You applied the order twice.",
            lambda x, permutation: _permute(_permute(x, permutation), permutation),
        ),
        Mistake("works in place", MODIFIES, _permute_in_place, share=0.75),
    ),
)


_FLOATS = "Your order is made of floats, which cannot index an array: places are whole numbers."


def _draw_inverse(sampler):
    part = sampler.choice(("one order", "one in each row"))
    order = _order(
        sampler.integer(3, 8), sampler.integer(0, 99), sampler.integer(2, 3) if part == "one in each row" else None
    )
    return Case((order,), {}, part)


INVERSE_PERMUTATION = Check(
    "inverse_permutation",
    section="priors#priors-same-curve",
    oracle=_inverse,
    parts={"one order": 2, "one in each row": 1},
    cases=(
        Case((np.array([3, 0, 1, 2]),), {}, "one order"),
        Case((np.array([1, 3, 0, 2]),), {}, "one order", "once more of the same shape"),
        Case((np.array([2, 4, 1, 5, 0, 3]),), {}, "one order"),
        Case((np.array([0]),), {}, "one order", "one pixel"),
        Case((_order(300, 6),), {}, "one order"),
        Case((np.array([[1, 2, 3, 0], [2, 0, 3, 1]]),), {}, "one in each row"),
        Case((np.array([[1, 3, 0, 2], [3, 0, 1, 2]]),), {}, "one in each row", "once more of the same shape"),
        Case((_order(4, 9, 4),), {}, "one in each row", "as many orders as pixels"),
        Case((_order(7, 8, 3),), {}, "one in each row"),
    ),
    draw_case=_draw_inverse,
    properties=(
        Property(
            "whole numbers",
            _FLOATS,
            lambda call, sampler: np.asarray(call(_order(5, sampler.integer(0, 99)))).dtype.kind in "iu",
        ),
    ),
    mistakes=(
        Mistake("returns floats", _FLOATS, lambda permutation: _inverse(permutation).astype(float), share=0.75),
        Mistake("the order itself", "You return the order itself.", lambda permutation: permutation.copy()),
        Mistake(
            "backwards",
            "You reversed the order; the inverse says where each pixel went.",
            lambda permutation: permutation[..., ::-1].copy(),
        ),
        Mistake(
            "counts from the end",
            "You subtracted the order from its largest entry; that is not what undoes it.",
            lambda permutation: permutation.max() - permutation,
        ),
        Mistake(
            "applies it twice",
            "You applied the order to itself.",
            lambda permutation: np.take_along_axis(permutation, permutation, axis=-1),
        ),
        Mistake(
            "the first row's inverse",
            "You give every row the inverse of the first: each row has its own.",
            lambda permutation: np.broadcast_to(_inverse(np.atleast_2d(permutation)[0]), permutation.shape).copy(),
            share=2 / 3,
        ),
        Mistake(
            "sorts down the columns",
            "You treat the columns of the array as orders: each row is one.",
            lambda permutation: np.argsort(permutation, axis=0),
            share=2 / 3,
        ),
        Mistake(
            "counts from one",
            "Your places count from 1: the first is 0.",
            lambda permutation: _inverse(permutation) + 1,
        ),
    ),
)


def _permute_weight(weight, permutation, channels=1):
    blocks = tensor(weight).unflatten(1, (channels, -1))
    return blocks.index_select(2, tensor(np.asarray(permutation, dtype=np.int64))).flatten(1).numpy()


def _first_block(weight, permutation, channels=1):
    result = weight.copy()
    result[:, : len(permutation)] = weight[:, : len(permutation)][:, permutation]
    return result


def _interleaved(weight, permutation, channels=1):
    blocks = tensor(weight).unflatten(1, (-1, channels))
    return blocks.index_select(1, tensor(np.asarray(permutation, dtype=np.int64))).flatten(1).numpy()


def _permute_weight_in_place(weight, permutation, channels=1):
    weight[...] = _permute_weight(weight, permutation, channels)
    return weight.copy()


def _draw_weight(sampler):
    channels, pixels = sampler.integer(1, 3), sampler.integer(2, 5)
    part = "one channel" if channels == 1 else "several channels"
    weight = sampler.array(sampler.integer(1, 3), channels * pixels)
    return Case((weight, _order(pixels, sampler.integer(0, 99)), channels), {}, part)


_x = Arrays("priors", "permute_dense_weight")
PERMUTE_DENSE_WEIGHT = Check(
    "permute_dense_weight",
    builds_on=("permute_pixels",),
    section="priors#priors-same-curve",
    oracle=_permute_weight,
    parts={"one channel": 2, "several channels": 2},
    cases=(
        Case((np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([3, 0, 1, 2])), {}, "one channel"),
        Case((_x(6, 6), np.array([2, 4, 1, 5, 0, 3])), {}, "one channel", "as many outputs as pixels"),
        Case((_x(3, 6, dtype=np.float32), np.array([1, 2, 3, 4, 5, 0])), {}, "one channel", "float32"),
        Case((_x(2, 3), np.array([1, 2, 0])), {}, "one channel"),
        Case((np.array([[1.0, 2, 3, 10, 20, 30]]), np.array([1, 2, 0]), 2), {}, "several channels"),
        Case((_x(4, 24)[:, ::2], np.array([1, 3, 0, 2])), {"channels": 3}, "several channels", "not contiguous"),
    ),
    draw_case=_draw_weight,
    mistakes=(
        Mistake(
            "the inverse",
            "You undid the permutation instead of following it: column i must be the old column permutation[i].",
            lambda weight, permutation, channels=1: _permute_weight(weight, _inverse(permutation), channels),
        ),
        Mistake(
            "the first channel alone",
            "You permuted the columns of the first channel alone.",
            _first_block,
            share=0.5,
        ),
        Mistake(
            "channels last",
            "You took the channels of a pixel for neighbours: all pixels of the first channel come first.",
            _interleaved,
            share=0.5,
        ),
        Mistake(
            "backwards",
            "You reversed the columns.",
            lambda weight, permutation, channels=1: weight[:, ::-1].copy(),
        ),
        Mistake(
            "leaves it",
            "You return the weights as they were.",
            lambda weight, permutation, channels=1: weight.copy(),
        ),
        Mistake("works in place", MODIFIES, _permute_weight_in_place, share=0.75),
    ),
)

# --- the price of pooling ------------------------------------------------------------------------------------------


def _error(features, targets, constant=True, mean=True):
    """Return the least mean squared error of an affine readout."""
    inputs = tensor(np.asarray(features, dtype=float)).flatten(1)
    if constant:
        inputs = torch.cat([inputs, torch.ones(len(inputs), 1, dtype=inputs.dtype)], dim=1)
    outputs = tensor(np.asarray(targets, dtype=float)).reshape(len(inputs), -1)
    left = (outputs - inputs @ torch.linalg.lstsq(inputs, outputs, driver="gelsd").solution).square()
    return float(left.mean() if mean else left.sum())


_POOLS = {"avg": on_torch(F.avg_pool2d), "max": on_torch(F.max_pool2d)}


def _gap(features, targets, kernel_size, mode="avg", **options):
    pooled = _POOLS[mode](np.ascontiguousarray(features), kernel_size)
    return _error(pooled, targets, **options) - _error(features, targets, **options)


def _draw_gap(sampler):
    h, w = sampler.choice(((1, 2), (2, 2), (2, 4)))
    features, targets = sampler.array(24, sampler.integer(1, 2), h, w), sampler.array(24)
    mode = sampler.choice(("avg", "max"))
    window = (h, 2) if sampler.integer(0, 1) else (1, 2)
    return Case((features, targets, window, mode), {}, {"avg": "average", "max": "maximum"}[mode])


def _gap_scale(features, targets, *rest, **options):
    """Measure errors against the squares of the targets; far from 0, against how much they vary."""
    size, spread = float(np.square(targets).mean()), float(targets.var(axis=0).mean())
    return size if spread < 1e-12 * size else min(size, 1e3 * spread)


_x = Arrays("priors", "maps")
_MAPS = (_x(20, 2, 2, 4), _x(20))

_x = Arrays("priors", "pooling_prior_gap")
POOLING_PRIOR_GAP = Check(
    "pooling_prior_gap",
    section="priors#priors-pooling",
    oracle=_gap,
    scale=_gap_scale,
    photographs=True,
    tolerance=1e-8,
    tolerance32=1e-4,
    parts={"average": 2, "maximum": 1},
    cases=(
        Case((np.array([1.0, 0, 0, 1]).reshape(2, 1, 1, 2), np.array([1.0, -1.0]), (1, 2)), {}, "average"),
        Case((*_MAPS, 2), {}, "average", "square windows"),
        Case((_MAPS[0], _MAPS[1] + 3, (2, 4)), {}, "average", "targets far from 0, global pooling"),
        Case((_x(18, 3, 2, 3), _x(18, 2), (2, 1)), {}, "average", "two targets"),
        Case((_x(16, 2, 2, 2, dtype=np.float32), _x(16, dtype=np.float32), (1, 2)), {}, "average", "float32"),
        Case((np.swapaxes(_x(15, 1, 4, 2), 2, 3), _x(15), (1, 4)), {"mode": "avg"}, "average", "not contiguous"),
        Case((_x(6, 2, 1, 1), _x(6, 1), 1), {}, "average", "maps of one pixel: nothing is pooled"),
        Case((_x(5, 2, 2, 2), 1e-3 * _x(5, 1), 2), {}, "average", "fewer samples than pixels, small targets"),
        Case((_MAPS[0], _MAPS[1] + 1e6, (2, 1)), {}, "average", "targets that are millions, nearly all the same"),
        Case((_MAPS[0] - 2000, _MAPS[1], 2, "max"), {}, "maximum", "all features far below 0"),
        Case(
            (_MAPS[0], _MAPS[1] + 1e6, (2, 1), "max"), {}, "maximum", "targets that are millions, nearly all the same"
        ),
        Case((_x(16, 2, 2, 2), _x(16, 2), (2, 1), "max"), {}, "maximum", "two targets"),
        Case((_MAPS[0], _MAPS[1] + 3, (1, 4)), {"mode": "max"}, "maximum"),
        Case(
            (np.array([0.0, 0, 1, 0, 0, 1, 1, 1]).reshape(4, 1, 1, 2), np.array([0.0, 1, 1, 1]), (1, 2), "max"),
            {},
            "maximum",
            "the error falls",
        ),
    ),
    draw_case=_draw_gap,
    draw_count=4,
    mistakes=(
        Mistake(
            "the other way round",
            "You subtracted the other way round: error with pooling minus error without.",
            lambda features, targets, kernel_size, mode="avg": -_gap(features, targets, kernel_size, mode),
        ),
        Mistake(
            "no constant",
            "Your readout has no constant: an affine function has one beside the weights.",
            lambda features, targets, kernel_size, mode="avg": _gap(
                features, targets, kernel_size, mode, constant=False
            ),
        ),
        Mistake(
            "a sum of squares",
            "You added the squared errors up; the mean over samples and targets is asked for.",
            lambda features, targets, kernel_size, mode="avg": _gap(features, targets, kernel_size, mode, mean=False),
        ),
        Mistake(
            "adds the targets up",
            "You added the errors of all targets up; the mean over samples and targets is asked for.",
            lambda features, targets, kernel_size, mode="avg": (
                _gap(features, targets, kernel_size, mode) * (targets.size / len(targets))
            ),
        ),
        Mistake(
            "the error with pooling",
            "You return the error with pooling; subtract the error without.",
            lambda features, targets, kernel_size, mode="avg": _error(
                _POOLS[mode](np.ascontiguousarray(features), kernel_size), targets
            ),
        ),
        Mistake(
            "always averages",
            'You always average: with mode "max" the largest value of each window is kept.',
            lambda features, targets, kernel_size, mode="avg": _gap(features, targets, kernel_size),
            share=2 / 3,
        ),
        Mistake(
            "always the maximum",
            "You always take the maximum: the default is the average.",
            lambda features, targets, kernel_size, mode="avg": _gap(features, targets, kernel_size, "max"),
            share=1 / 3,
        ),
        Mistake(
            "an absolute value",
            "You keep the gap from being negative: max pooling may lower the error, too.",
            lambda features, targets, kernel_size, mode="avg": abs(_gap(features, targets, kernel_size, mode)),
            share=2 / 3,
        ),
        Mistake(
            "at least 0",
            "You keep the gap from being negative: max pooling may lower the error, too.",
            lambda features, targets, kernel_size, mode="avg": max(0.0, _gap(features, targets, kernel_size, mode)),
            share=2 / 3,
        ),
        Mistake(
            "a root",
            "You compared roots of the errors: mean squared errors are asked for.",
            lambda features, targets, kernel_size, mode="avg": (
                math.sqrt(_error(_POOLS[mode](np.ascontiguousarray(features), kernel_size), targets))
                - math.sqrt(_error(features, targets))
            ),
        ),
        Mistake(
            "a ratio",
            "You return a ratio; the difference of the errors is asked for.",
            lambda features, targets, kernel_size, mode="avg": (
                _error(_POOLS[mode](np.ascontiguousarray(features), kernel_size), targets)
                / (_error(features, targets) + 1e-9)
            ),
        ),
    ),
)

# --- claims on trial -----------------------------------------------------------------------------------------------


def _judge_average(value, case):
    verdict, weight = verdict_and_evidence(value)
    if not verdict:
        return "You judged it false. Whatever a linear readout does with averages, it could do without them."
    given, input_shape, kernel_size = case.args
    weight = np.asarray(weight, dtype=float)
    wanted = (len(given), math.prod(input_shape))
    if weight.shape != wanted or not np.isfinite(weight).all():
        return f"The weights must be finite and of shape {wanted}, one for each feature: their shape is {weight.shape}."
    maps = np.random.default_rng(7).standard_normal((5, *input_shape))
    expected = _POOLS["avg"](maps, kernel_size).reshape(5, -1) @ given.T
    gaps = np.abs(maps.reshape(5, -1) @ weight.T - expected).max(axis=0)
    if (gaps > 1e-6 * np.abs(expected).max(axis=0)).any():  # output by output: some of them may be small
        gap = gaps.max()
        return f"Your readout of the maps gives other answers than the pooled one: the largest difference is {gap:.3g}."
    return None


def _judge_nearest(value, case):
    verdict, extra = verdict_and_evidence(value)
    if not verdict:
        return "You judged it false. Multiply the squares out: what the matrix has beside its mean kernel falls out."
    extra = np.asarray(extra, dtype=float)
    if extra.size != 1 or not np.isfinite(extra).all():
        raise ValueError("the evidence must be one finite number")
    extra = extra.item()
    mean, rival, input_shape = case.args
    step = _matrix(mean, input_shape) - _matrix(rival, input_shape)
    rest = np.random.default_rng(11).standard_normal(step.shape) * np.abs(step).max()
    rest -= _project(rest, input_shape, mean.shape)  # the nearest convolution plus this has the same mean kernel
    expected = (step * (step + 2 * rest)).sum()  # of two squared distances, without losing digits in the difference
    size = np.square(rival, dtype=float).sum() if expected == 0 else 0.0
    if abs(extra - expected) > 1e-6 * abs(expected) + 1e-12 * size:
        return (
            f"For a matrix with this mean kernel the rival is farther by {expected:.6g} (squared), not by {extra:.6g}."
        )
    return None


def _judge_max(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. The maximum is not linear: it can compute what no linear readout can."
    features, targets = (np.asarray(item, dtype=float) for item in evidence)
    if features.ndim != 4 or targets.shape != features.shape[:1] or features.size > 4096:
        raise ValueError("the evidence must be features (N, C, H, W) of at most 4,096 numbers, and N targets")
    if features.shape[2] % 2 or features.shape[3] % 2:
        raise ValueError("H and W must be even")
    if not np.isfinite(features).all() or not np.isfinite(targets).all() or targets.var() == 0:
        raise ValueError("features and targets must be finite, and the targets must not be all the same")
    sizes = np.abs(features[features != 0])
    if sizes.max(initial=1) > 1e4 or sizes.min(initial=1) < 1e-4 or np.abs(targets).max() > 1e4:
        raise ValueError("keep the numbers between 0.0001 and 10,000, or 0: others cannot be fitted reliably")
    gap = _gap(features, targets, 2, "max") / targets.var()
    if gap > -0.01:
        return (
            "No counterexample: for your features the error with max pooling is not lower "
            f"(by {gap:+.3g} of the targets' variance; -0.01 is asked for)."
        )
    return None


def _spread(weight, input_shape, kernel_size, divide=True, fill=True):
    """Hand each window's weight to its pixels, by PyTorch; the keywords build wrong ways."""
    c, h, w = input_shape
    k_h, k_w = pair(kernel_size)
    pooled = tensor(weight).reshape(len(weight), c, h // k_h, w // k_w)
    window = torch.ones(k_h, k_w, dtype=pooled.dtype)
    if not fill:
        window[:] = 0
        window[0, 0] = 1
    spread = torch.kron(pooled, window)
    return (spread / (k_h * k_w) if divide else spread).flatten(1).numpy()


def _draw_nearest(d):
    part = d.choice(("rows", "pictures"))
    height, width = 1 if part == "rows" else d.integer(2, 3), d.integer(2, 3)
    shape = (1 if part == "rows" else height + d.integer(1, 2), width + d.integer(1, 3))
    return Case((d.array(height, width), d.array(height, width), shape), {}, part)


def _draw_average(d):
    part = d.choice(("square windows", "other windows"))
    outputs, c, rows, columns = (d.integer(1, 3) for _ in range(4))
    height, width = (2, 2) if part == "square windows" else (d.integer(1, 2), d.integer(3, 4))
    size = 2 if part == "square windows" else (height, width)
    return Case((d.array(outputs, c * rows * columns), (c, height * rows, width * columns), size), {}, part)


def _places(kernel, input_shape):
    height, width = pair(input_shape)
    return (height - kernel.shape[0] + 1) * (width - kernel.shape[1] + 1)


_PAIR = np.zeros((4, 1, 2, 2))
_PAIR[[1, 3], 0, 0, 0] = 1
_PAIR[[2, 3], 0, 0, 1] = 1

_x = Arrays("priors", "claims")
_RIVAL = _x(2, 3)
CLAIMS = (
    Check(
        "claim_nearest",
        builds_on=("correlation_matrix",),
        section="priors#priors-projection",
        judge=_judge_nearest,
        parts={"rows": 1, "pictures": 1},
        cases=(
            Case((np.array([[2, 6]]), np.array([[1, 4]]), (1, 3)), {}, "rows", "whole numbers"),
            Case((_x(1, 3), _x(1, 3), (1, 7)), {}, "rows"),
            Case((_x(2, 2), _x(2, 2), (3, 4)), {}, "pictures"),
            Case((_x(3, 2), _x(3, 2), (4, 6)), {}, "pictures"),
            Case((1e-3 * _x(2, 3), 1e-3 * _x(2, 3), (5, 6)), {}, "pictures", "small numbers"),
            Case((np.array([[3, 1, 2]]), _x(1, 3), (1, 5)), {}, "rows", "whole numbers and fractions"),
            Case((_x(2, 2), np.array([[2, 0], [1, 5]]), (4, 3)), {}, "pictures", "fractions and whole numbers"),
            Case((_RIVAL, _RIVAL.copy(), (4, 4)), {}, "pictures", "the rival is the nearest itself"),
        ),
        draw_case=_draw_nearest,
        mistakes=(
            *claim_mistakes(True, "You judged it false.", lambda mean, rival, shape: 0.0),
            Mistake(
                "one output alone",
                "the rival is farther by",
                lambda mean, rival, shape: (True, ((mean - rival) ** 2).sum()),
            ),
            Mistake(
                "a distance",
                "the rival is farther by",
                lambda mean, rival, shape: (True, np.sqrt(_places(mean, shape) * ((mean - rival) ** 2).sum())),
            ),
            Mistake(
                "a difference of squares",
                "the rival is farther by",
                lambda mean, rival, shape: (True, _places(mean, shape) * ((rival**2).sum() - (mean**2).sum())),
            ),
            Mistake(
                "once for each pixel",
                "the rival is farther by",
                lambda mean, rival, shape: (True, math.prod(pair(shape)) * ((mean - rival) ** 2).sum()),
            ),
            Mistake("no number", "not of the form", lambda mean, rival, shape: (True, None)),
        ),
    ),
    Check(
        "claim_average",
        section="priors#priors-max-pooling",
        judge=_judge_average,
        parts={"square windows": 1, "other windows": 1},
        cases=(
            Case((np.array([[3, -1, 2, 5], [0, 7, 1, 2]]), (1, 4, 4), 2), {}, "square windows", "whole numbers"),
            Case((_x(2, 4), (1, 4, 4), 2), {}, "square windows"),
            Case((_x(1, 18), (2, 6, 6), 2), {}, "square windows"),
            Case((_x(3, 6), (1, 2, 6), (1, 2)), {}, "other windows"),
            Case((_x(3, 6), (1, 2, 6), (1, 2)), {}, "other windows", "once more of the same shape"),
            Case((_x(2, 8), (2, 6, 4), (3, 2)), {}, "other windows"),
            Case((_x(1, 3), (3, 2, 5), (2, 5)), {}, "other windows"),
            Case((_x(3, 4) * [[1], [0], [1e-9]], (1, 4, 4), 2), {}, "square windows", "outputs that are 0 or faint"),
            Case(
                (_x(3, 4) * [[1], [0], [1e-9]], (2, 4, 3), (2, 3)), {}, "other windows", "outputs that are 0 or faint"
            ),
            Case((_x(2, 4), (1, 2, 2), 1), {}, "square windows", "windows of one pixel: the weights as they are"),
        ),
        draw_case=_draw_average,
        mistakes=(
            *claim_mistakes(True, "You judged it false.", lambda weight, shape, size: None),
            Mistake(
                "does not divide",
                "gives other answers",
                lambda weight, shape, size: (True, _spread(weight, shape, size, divide=False)),
            ),
            Mistake(
                "one pixel of each window",
                "gives other answers",
                lambda weight, shape, size: (True, _spread(weight, shape, size, divide=False, fill=False)),
            ),
            Mistake(
                "repeats along the line",
                "gives other answers",
                lambda weight, shape, size: (
                    True,
                    np.repeat(weight, math.prod(pair(size)), axis=1) / math.prod(pair(size)),
                ),
            ),
            Mistake("the weights as they are", "one for each feature", lambda weight, shape, size: (True, weight)),
            Mistake("no weights", "one for each feature", lambda weight, shape, size: (True, None)),
        ),
    ),
    Check(
        "claim_max",
        section="priors#priors-max-pooling",
        judge=_judge_max,
        cases=(Case(),),
        mistakes=(
            *claim_mistakes(False, "You judged it true.", lambda: (_PAIR, np.array([0.0, 1, 1, 1]))),
            Mistake(
                "a question about a place",
                "No counterexample",
                lambda: (False, (_PAIR, np.array([0.0, 1, 0, 1]))),
            ),
            Mistake(
                "as good as before",
                "No counterexample",
                lambda: (False, (np.arange(8.0).reshape(2, 1, 2, 2), np.array([0.0, 1]))),
            ),
            Mistake(
                "overflows",
                "keep the numbers",
                lambda: (False, (1e200 * np.random.default_rng(0).standard_normal((20, 1, 2, 2)), np.arange(20.0))),
            ),
            Mistake(
                "drowns a pixel",
                "keep the numbers",
                lambda: (
                    False,
                    (_PAIR - 1e20 * np.eye(2)[:, ::-1] * [[1], [0]] * (1 + _PAIR), np.array([0.0, 1, 0, 1])),
                ),
            ),
            Mistake("one target for all", "must not be all the same", lambda: (False, (_PAIR, np.ones(4)))),
            Mistake("a matrix", "the evidence must be features", lambda: (False, (_PAIR[:, 0, 0], np.arange(4.0)))),
        ),
    ),
)

CHECKS = (
    GAUSSIAN_MAP,
    CORRELATION_MATRIX,
    PROJECT_TO_CONVOLUTION,
    CONV_PRIOR_COST,
    FIT_WITH_CONV_PRIOR,
    PERMUTE_PIXELS,
    INVERSE_PERMUTATION,
    PERMUTE_DENSE_WEIGHT,
    POOLING_PRIOR_GAP,
    *CLAIMS,
)
