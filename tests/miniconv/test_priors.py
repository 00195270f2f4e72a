"""The priors module against PyTorch, a stacked least-squares problem, and what a projection must obey."""

import doctest

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from miniconv import priors
from tests.helpers.arrays import assert_close

SIZES = st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 3), st.integers(1, 4)).filter(
    lambda s: s[2] <= s[0] and s[3] <= s[1]
)
QUICK = settings(max_examples=30, deadline=None)


def layer_case(sizes, seed):
    height, width, k_height, k_width = sizes
    outputs = (height - k_height + 1) * (width - k_width + 1)
    matrix = np.random.default_rng(seed).standard_normal((outputs, height * width))
    return matrix, (height, width), (k_height, k_width)


def fit_case(seed, samples=7, shape=(3, 4), kernel=(2, 2), dtype=float):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((samples, *shape)).astype(dtype)
    out = (shape[0] - kernel[0] + 1, shape[1] - kernel[1] + 1)
    return x, rng.standard_normal((samples, *out)).astype(dtype)


def stacked_fit(x, y, strength, kernel_shape):
    """The same minimum from one big least-squares problem: data rows, then one row per weight for the penalty."""
    pixels, targets = x.reshape(len(x), -1), y.reshape(len(y), -1)
    outputs, inputs = targets.shape[1], pixels.shape[1]
    units = np.eye(outputs * inputs).reshape(-1, outputs, inputs)
    off = np.array([u - priors.project_to_convolution(u, x.shape[1:], kernel_shape) for u in units])
    rows = np.vstack([np.kron(np.eye(outputs), pixels), np.sqrt(strength * len(x)) * off.reshape(len(off), -1).T])
    right = np.concatenate([targets.T.reshape(-1), np.zeros(outputs * inputs)])
    return np.linalg.lstsq(rows, right)[0].reshape(outputs, inputs)


def test_doctests():
    result = doctest.testmod(priors)
    assert result.attempted > 12 and result.failed == 0


class TestGaussianMap:
    def test_hand_value(self):
        # Weights 1/4 (prior) and 2/1 (two measurements): (0.25 * 10 + 1 + 3) / 2.25.
        assert priors.gaussian_map([1.0, 3.0], 1.0, 10.0, 4.0) == pytest.approx(6.5 / 2.25, rel=1e-14)

    def test_is_the_maximum_of_the_posterior(self):
        rng = np.random.default_rng(0)
        data, noise, mean, variance = rng.standard_normal(5), 0.7, 2.0, 0.3
        grid = torch.linspace(-1, 3, 400_001, dtype=torch.float64)
        log_posterior = torch.distributions.Normal(mean, variance**0.5).log_prob(grid)
        for value in data:
            log_posterior += torch.distributions.Normal(grid, noise**0.5).log_prob(torch.tensor(value))
        assert abs(priors.gaussian_map(data, noise, mean, variance) - grid[log_posterior.argmax()].item()) < 1e-5

    def test_limits_and_monotone_pull(self):
        data = [1.0, 2.0]
        values = [priors.gaussian_map(data, 1.0, 9.0, v) for v in (0.0, 1e-6, 0.1, 1.0, 1e9, np.inf)]
        assert values[0] == 9.0 and values[-1] == 1.5
        assert np.all(np.diff(values) < 0)
        assert priors.gaussian_map([1.0], 1e20, 0.0, 1.0) == pytest.approx(1e-20, rel=1e-12, abs=0)
        assert values[1] == pytest.approx(9.0, abs=1e-4) and values[-2] == pytest.approx(1.5, abs=1e-7)

    @pytest.mark.parametrize(
        "arguments", [(0.0, 0.0, 1.0), (np.inf, 0.0, 1.0), (-1.0, 0.0, 1.0), (1.0, 0.0, -1.0), (1.0, 0.0, np.nan)]
    )
    def test_refuses_variances_out_of_range(self, arguments):
        with pytest.raises(ValueError, match="variance"):
            priors.gaussian_map([1.0], *arguments)


class TestConvolutionLayers:
    @QUICK
    @given(SIZES, st.integers(0, 2**32 - 1))
    def test_matrix_times_pixels_is_the_layer(self, sizes, seed):
        rng = np.random.default_rng(seed)
        image, kernel = rng.standard_normal(sizes[:2]), rng.standard_normal(sizes[2:])
        expected = torch.nn.functional.conv2d(torch.tensor(image)[None, None], torch.tensor(kernel)[None, None])
        matrix = priors.correlation_matrix(kernel, sizes[:2])
        assert_close(
            matrix @ image.reshape(-1), expected.numpy().reshape(-1), np.abs(matrix) @ np.abs(image).reshape(-1)
        )

    @QUICK
    @given(SIZES, st.integers(0, 2**32 - 1))
    def test_projection_is_orthogonal(self, sizes, seed):
        matrix, shape, kernel_shape = layer_case(sizes, seed)
        projected = priors.project_to_convolution(matrix, shape, kernel_shape)
        assert_close(priors.project_to_convolution(projected, shape, kernel_shape), projected)
        other = priors.correlation_matrix(np.random.default_rng(seed + 1).standard_normal(kernel_shape), shape)
        size = np.abs(matrix).max() * np.abs(other).max() * other.size
        assert abs(np.sum((matrix - projected) * other)) < 1e-12 * size
        assert np.sum((matrix - projected) ** 2) <= np.sum((matrix - other) ** 2) + 1e-12 * size

    @QUICK
    @given(SIZES, st.integers(0, 2**32 - 1))
    def test_kernel_is_the_least_squares_solution(self, sizes, seed):
        matrix, shape, kernel_shape = layer_case(sizes, seed)
        units = np.eye(kernel_shape[0] * kernel_shape[1]).reshape(-1, *kernel_shape)
        basis = np.array([priors.correlation_matrix(u, shape).reshape(-1) for u in units])
        expected = torch.linalg.lstsq(torch.tensor(basis.T), torch.tensor(matrix.reshape(-1, 1))).solution
        kernel = priors.nearest_kernel(matrix, shape, kernel_shape)
        assert_close(kernel, expected.numpy().reshape(kernel_shape), np.abs(matrix).max(), 1e-11)

    def test_cost_is_the_error_left_on_white_noise(self):
        matrix, shape, kernel_shape = layer_case((4, 5, 2, 3), 3)
        gap = matrix - priors.project_to_convolution(matrix, shape, kernel_shape)
        pixels = np.linalg.qr(np.random.default_rng(0).standard_normal((20, 20)))[0] * np.sqrt(20)  # white exactly
        assert_close(priors.conv_prior_cost(matrix, shape, kernel_shape), np.mean((pixels @ gap.T) ** 2), 1.0, 1e-10)
        assert priors.conv_prior_cost(priors.correlation_matrix(np.ones(kernel_shape), shape), shape, kernel_shape) == 0

    def test_float32_views_and_nan(self):
        matrix, shape, kernel_shape = layer_case((3, 4, 2, 2), 0)
        assert priors.project_to_convolution(matrix.astype(np.float32), shape, kernel_shape).dtype == np.float32
        view = np.asfortranarray(matrix)
        view.flags.writeable = False
        assert_close(
            priors.project_to_convolution(view, shape, kernel_shape),
            priors.project_to_convolution(matrix, shape, kernel_shape),
        )
        spoiled = matrix.copy()
        spoiled[0, 0] = np.nan  # kernel element (0, 0) alone meets it
        assert np.isnan(priors.nearest_kernel(spoiled, shape, kernel_shape)).tolist() == [[True, False], [False, False]]

    @pytest.mark.parametrize(
        ("matrix", "shape", "kernel"),
        [
            (np.ones((2, 4)), (1, 4), (1, 2)),
            (np.ones((3, 5)), (1, 4), (1, 2)),
            (np.ones(12), (1, 4), (1, 2)),
            (np.ones((1, 4)), (1, 4), (2, 2)),
            (np.ones((1, 4)), (1, 4), (1, 0)),
            (np.ones((0, 4)), (1, 4), (1, 5)),
        ],
        ids=["rows", "columns", "rank", "kernel too tall", "empty kernel", "empty"],
    )
    def test_refuses(self, matrix, shape, kernel):
        for function in (priors.project_to_convolution, priors.nearest_kernel, priors.conv_prior_cost):
            with pytest.raises(ValueError, match=r"kernel|matrix"):
                function(matrix, shape, kernel)

    def test_refuses_a_kernel_that_does_not_fit(self):
        with pytest.raises(ValueError, match="does not fit"):
            priors.correlation_matrix(np.ones((3, 1)), (2, 4))
        with pytest.raises(TypeError):
            priors.correlation_matrix(np.array([["a"]]), (2, 4))


class TestFitWithConvPrior:
    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.sampled_from([1e-3, 0.1, 1.0, 30.0]), st.integers(1, 15))
    def test_equals_the_stacked_problem(self, seed, strength, samples):
        x, y = fit_case(seed, samples)
        expected = stacked_fit(x, y, strength, (2, 2))
        if samples == 1:  # one picture does not always determine a kernel of four elements
            x, y = np.concatenate([x, x[:, ::-1]]), np.concatenate([y, y[:, ::-1]])
            expected = stacked_fit(x, y, strength, (2, 2))
        actual = priors.fit_with_conv_prior(x, y, strength)

        def loss(a):
            penalty = np.sum((a - priors.project_to_convolution(a, (3, 4), (2, 2))) ** 2)
            error = y.reshape(len(y), -1) - x.reshape(len(x), -1) @ a.T
            return np.sum(error**2) / len(x) + strength * penalty

        assert loss(actual) <= loss(expected) * (1 + 1e-9) + 1e-12
        assert_close(actual, expected, np.abs(expected).max() + 1, 1e-6)

    def test_strength_zero_is_plain_least_squares(self):
        x, y = fit_case(0, samples=30)
        expected = torch.linalg.lstsq(torch.tensor(x.reshape(30, -1)), torch.tensor(y.reshape(30, -1))).solution.T
        assert_close(priors.fit_with_conv_prior(x, y, 0), expected.numpy(), 1.0, 1e-10)

    def test_the_limit_is_a_convolution_and_the_distance_falls_as_one_over_the_strength(self):
        x, y = fit_case(1, samples=30)
        limit = priors.fit_with_conv_prior(x, y, np.inf)
        assert_close(priors.project_to_convolution(limit, (3, 4), (2, 2)), limit)
        distances = [np.linalg.norm(priors.fit_with_conv_prior(x, y, s) - limit) for s in (1e4, 1e6, 1e8)]
        assert_close(np.array(distances) / distances[0], [1, 1e-2, 1e-4], [1, 1e-2, 1e-4], 1e-3)

    def test_the_limit_is_the_best_kernel(self):
        x, y = fit_case(2, samples=30)
        windows = torch.nn.functional.unfold(torch.tensor(x)[:, None], (2, 2)).transpose(1, 2).reshape(-1, 4)
        kernel = torch.linalg.lstsq(windows, torch.tensor(y.reshape(-1, 1))).solution.reshape(2, 2).numpy()
        assert_close(priors.fit_with_conv_prior(x, y, np.inf), priors.correlation_matrix(kernel, (3, 4)), 1.0, 1e-10)

    def test_training_error_never_falls_as_the_prior_grows(self):
        x, y = fit_case(3, samples=30)
        errors = [
            np.mean((y.reshape(30, -1) - x.reshape(30, -1) @ priors.fit_with_conv_prior(x, y, s).T) ** 2)
            for s in (0, 1e-3, 1e-1, 1, 10, 1e3, np.inf)
        ]
        assert np.all(np.diff(errors) > 0)

    def test_float32_views_read_only(self):
        x, y = fit_case(4, samples=12)
        expected = priors.fit_with_conv_prior(x, y, 2.0)
        for array in (x, y):
            array.flags.writeable = False
        view = np.asfortranarray(x)
        assert_close(priors.fit_with_conv_prior(view, y, 2.0), expected, 1.0)
        single = priors.fit_with_conv_prior(x.astype(np.float32), y.astype(np.float32), np.float64(2.0))
        assert single.dtype == np.float32
        assert_close(single, expected, 1.0, 1e-4)

    @pytest.mark.parametrize(
        ("x_shape", "y_shape", "strength"),
        [
            ((3, 2, 2), (2, 2, 2), 1.0),
            ((3, 2, 2), (3, 3, 2), 1.0),
            ((3, 2, 2), (3, 2, 3), 1.0),
            ((3, 4), (3, 4), 1.0),
            ((3, 2, 2), (3, 2, 2), -1.0),
            ((3, 2, 2), (3, 2, 2), np.nan),
        ],
    )
    def test_refuses(self, x_shape, y_shape, strength):
        with pytest.raises(ValueError, match="must"):
            priors.fit_with_conv_prior(np.ones(x_shape), np.ones(y_shape), strength)


class TestPermutations:
    @QUICK
    @given(st.tuples(*[st.integers(1, 4)] * 4), st.booleans(), st.integers(0, 2**32 - 1))
    def test_permute_against_torch_and_back(self, shape, one_each, seed):
        rng = np.random.default_rng(seed)
        x, pixels = rng.standard_normal(shape), shape[2] * shape[3]
        order = np.array([rng.permutation(pixels) for _ in range(shape[0])]) if one_each else rng.permutation(pixels)
        index = torch.tensor(np.broadcast_to(order[:, None] if one_each else order, (*shape[:2], pixels)).copy())
        expected = torch.gather(torch.tensor(x).flatten(2), 2, index).reshape(shape).numpy()
        actual = priors.permute_pixels(x, order)
        assert np.array_equal(actual, expected)
        assert np.array_equal(priors.permute_pixels(actual, priors.inverse_permutation(order)), x)

    @QUICK
    @given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(0, 2**32 - 1))
    def test_dense_layer_with_permuted_weights_answers_the_same(self, channels, height, width, seed):
        rng = np.random.default_rng(seed)
        x, order = rng.standard_normal((4, channels, height, width)), rng.permutation(height * width)
        weight = rng.standard_normal((3, channels * height * width))
        moved = priors.permute_dense_weight(weight, order, channels)
        actual = priors.permute_pixels(x, order).reshape(4, -1) @ moved.T
        assert_close(actual, x.reshape(4, -1) @ weight.T, np.abs(x).reshape(4, -1) @ np.abs(weight).T)

    def test_pixels_keep_their_channels_and_nan_and_type(self):
        x = np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2)
        x[0, 1, 0, 0] = np.nan
        x.flags.writeable = False
        actual = priors.permute_pixels(x, [1, 0, 3, 2])
        assert actual.dtype == np.float32
        assert np.array_equal(actual, [[[[1, 0], [3, 2]], [[5, np.nan], [7, 6]]]], equal_nan=True)
        assert not np.shares_memory(actual, x)

    @pytest.mark.parametrize(
        ("order", "error"),
        [
            ([0, 1, 2], ValueError),
            ([0, 1, 2, 2], ValueError),
            ([1, 2, 3, 4], ValueError),
            ([[0, 1, 2, 3]] * 3, ValueError),
            ([0.0, 1.0, 2.0, 3.0], TypeError),
            (3, ValueError),
        ],
        ids=["short", "repeated", "one-based", "wrong count", "floats", "scalar"],
    )
    def test_refuses_what_is_no_permutation(self, order, error):
        with pytest.raises(error):
            priors.permute_pixels(np.ones((2, 1, 2, 2)), order)

    def test_weight_must_fit(self):
        with pytest.raises(ValueError, match="columns"):
            priors.permute_dense_weight(np.ones((2, 5)), [0, 1, 2, 3])
        with pytest.raises(ValueError, match="permutation must have shape"):
            priors.permute_dense_weight(np.ones((2, 4)), [[0, 1, 2, 3]])


class TestPoolingPrior:
    def test_readout_error_against_scikit_learn(self):
        from sklearn.linear_model import LinearRegression

        rng = np.random.default_rng(0)
        features, targets = rng.standard_normal((20, 2, 3)), rng.standard_normal((20, 2))
        model = LinearRegression().fit(features.reshape(20, -1), targets)
        expected = np.mean((model.predict(features.reshape(20, -1)) - targets) ** 2)
        for brightness in (0, 1e7):
            found = priors.readout_error(features + brightness, targets)
            assert_close(found, expected, tolerance=1e-10 if brightness == 0 else 1e-7)

    @QUICK
    @given(st.integers(1, 2), st.sampled_from([(1, 2), (2, 1), (2, 2), (4, 4), (4, 2)]), st.integers(0, 2**32 - 1))
    def test_average_pooling_never_lowers_the_training_error(self, channels, window, seed):
        rng = np.random.default_rng(seed)
        features, targets = rng.standard_normal((40, channels, 4, 4)), rng.standard_normal(40)
        gap = priors.pooling_prior_gap(features, targets, window)
        pooled = torch.nn.functional.avg_pool2d(torch.tensor(features), window).flatten(1)
        design = torch.cat([pooled, torch.ones(40, 1)], 1)
        solution = torch.linalg.lstsq(design, torch.tensor(targets)[:, None]).solution
        error = ((design @ solution)[:, 0] - torch.tensor(targets)).square().mean().item()
        assert gap == pytest.approx(error - priors.readout_error(features, targets), abs=1e-9)
        assert gap > -1e-12

    def test_max_pooling_can_lower_it(self):
        features = np.array([[[[0.0, 0.0]]], [[[1.0, 0.0]]], [[[0.0, 1.0]]], [[[1.0, 1.0]]]])
        either = [0.0, 1.0, 1.0, 1.0]
        assert priors.pooling_prior_gap(features, either, (1, 2), mode="max") == pytest.approx(-1 / 16)
        assert priors.pooling_prior_gap(features, either, (1, 2)) == pytest.approx(0.0, abs=1e-15)

    def test_refuses(self):
        features = np.ones((2, 1, 4, 4))
        for window, mode in ((3, "avg"), (2, "sum"), (0, "avg")):
            with pytest.raises(ValueError, match="must"):
                priors.pooling_prior_gap(features, [0, 1], window, mode)
        with pytest.raises(ValueError, match="equally many"):
            priors.readout_error(features, [0, 1, 2])


class TestTwoObjectScenes:
    def test_scenes_hold_what_the_answers_say(self):
        scenes, is_cross, square_is_left = priors.two_object_scenes(200, size=9, seed=4)
        square = torch.ones(1, 1, 3, 3, dtype=torch.float64)
        response = torch.nn.functional.conv2d(torch.tensor(scenes), square).numpy()[:, 0]
        assert np.array_equal(scenes.sum(axis=(1, 2, 3)), np.where(is_cross, 14, 17))
        for scene, full, left in zip(scenes[:, 0], response, square_is_left, strict=True):
            rows, columns = np.nonzero(full == 9)
            assert len(rows) == 1
            rest = scene.copy()
            rest[rows[0] : rows[0] + 3, columns[0] : columns[0] + 3] = 0
            other = np.nonzero(rest.any(axis=0))[0]
            assert (columns[0] + 2 < other.min()) if left else (columns[0] > other.max())
        assert 0.35 < is_cross.mean() < 0.65 and 0.35 < square_is_left.mean() < 0.65

    def test_seed_noise_and_size(self):
        first, again = priors.two_object_scenes(5, seed=1), priors.two_object_scenes(5, seed=1)
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
        assert priors.two_object_scenes(50, noise=0.5)[0].std() > 0.4
        with pytest.raises(ValueError, match="size"):
            priors.two_object_scenes(5, size=6)
