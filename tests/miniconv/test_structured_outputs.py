"""The structured_outputs module against PyTorch, SciPy, scikit-image and scikit-learn."""

import doctest

import numpy as np
import pytest
import scipy.ndimage
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from miniconv import structured_outputs as so
from tests.helpers.arrays import assert_close

QUICK = settings(max_examples=30, deadline=None)
SEED = st.integers(0, 2**32 - 1)
SHAPE = st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(1, 6), st.integers(1, 6))
SIZE = st.tuples(st.integers(1, 11), st.integers(1, 11))


def unusual(array):
    """Return the same values as a read-only view whose memory is not contiguous."""
    wide = np.repeat(array[..., None], 2, axis=-1)
    view = np.moveaxis(wide, -1, 0)[0]
    view.flags.writeable = False
    return view


def central_difference(function, x, step=1e-6):
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        moved = np.zeros_like(x)
        moved[index] = step
        gradient[index] = (function(x + moved) - function(x - moved)) / (2 * step)
    return gradient


def test_doctests():
    result = doctest.testmod(so)
    assert result.attempted > 15 and result.failed == 0


KERNEL = np.arange(-4, 5).reshape(1, 1, 3, 3)
ON_PICTURES = {
    "nearest": lambda x: so.upsample_nearest2d(x, size=(7, 3)),
    "bilinear": lambda x: so.upsample_bilinear2d(x, size=(7, 3)),
    "pyramid": so.spatial_pyramid_pool,
    "loss": lambda x: so.pixelwise_cross_entropy(x, np.zeros((2, 5, 4), int), reduction="none"),
    "gradient": lambda x: so.pixelwise_cross_entropy_backward(2, x, np.zeros((2, 5, 4), int)),
    "refine": lambda x: so.refine(x[:, :1], KERNEL, KERNEL, KERNEL, 3),
}


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
@pytest.mark.parametrize("name", ON_PICTURES)
def test_whole_numbers_and_bytes_are_as_good_as_fractions(name, dtype):
    x = np.random.default_rng(0).integers(256, size=(2, 3, 5, 4)).astype(dtype)
    expected = ON_PICTURES[name](x.astype(float))
    assert_close(ON_PICTURES[name](x), expected, np.abs(expected).max())


def test_labels_in_bytes_do_not_wrap_around():
    prediction, target = np.random.default_rng(0).integers(30, size=(2, 2, 9, 8)).astype(np.uint8)
    expected = so.intersection_over_union(prediction.astype(int), target.astype(int), 30, ignore_index=29)
    assert np.array_equal(so.intersection_over_union(prediction, target, 30, ignore_index=29), expected, equal_nan=True)


def bilinear_corners(x, **sizes):
    return so.upsample_bilinear2d(x, align_corners=True, **sizes)


def bilinear_corners_backward(grad_output, x, **sizes):
    return so.upsample_bilinear2d_backward(grad_output, x, align_corners=True, **sizes)


UPSAMPLERS = {
    "nearest": (so.upsample_nearest2d, so.upsample_nearest2d_backward, {"mode": "nearest"}),
    "bilinear": (so.upsample_bilinear2d, so.upsample_bilinear2d_backward, {"mode": "bilinear"}),
    "bilinear, corners aligned": (
        bilinear_corners,
        bilinear_corners_backward,
        {"mode": "bilinear", "align_corners": True},
    ),
}


@pytest.mark.parametrize("name", UPSAMPLERS)
class TestUpsampling:
    @QUICK
    @given(SHAPE, SIZE, SEED)
    def test_any_size_against_torch(self, name, shape, size, seed):
        forward, backward, options = UPSAMPLERS[name]
        rng = np.random.default_rng(seed)
        x = rng.standard_normal(shape)
        leaf = torch.tensor(x, requires_grad=True)
        expected = F.interpolate(leaf, size=size, **options)
        assert_close(forward(x, size=size), expected.detach().numpy(), np.abs(x).max())
        grad_output = rng.standard_normal(expected.shape)
        (expected * torch.tensor(grad_output)).sum().backward()
        scale = backward(np.abs(grad_output), x, size=size) + 1e-300
        assert_close(backward(grad_output, x, size=size), leaf.grad.numpy(), scale + np.abs(grad_output).max())

    @QUICK
    @given(SHAPE, st.tuples(st.integers(1, 4), st.integers(1, 4)), SEED)
    def test_scale_factor_against_torch(self, name, shape, factor, seed):
        forward, _, options = UPSAMPLERS[name]
        x = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
        expected = F.interpolate(torch.tensor(x), scale_factor=factor, **options).numpy()
        actual = forward(x, scale_factor=factor)
        assert actual.dtype == np.float32
        assert_close(actual, expected, np.abs(x).max())

    @QUICK
    @given(SHAPE, SIZE, SEED)
    def test_backward_is_the_adjoint(self, name, shape, size, seed):
        forward, backward, _ = UPSAMPLERS[name]
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal(shape), rng.standard_normal((*shape[:2], *size))
        left, right = np.sum(forward(x, size=size) * y), np.sum(x * backward(y, x, size=size))
        assert abs(left - right) < 1e-12 * np.sum(forward(np.abs(x), size=size) * np.abs(y))

    def test_constants_stay_and_unusual_memory_works(self, name):
        forward, backward, _ = UPSAMPLERS[name]
        assert_close(forward(np.full((1, 1, 3, 4), 5.0), size=(7, 5)), np.full((1, 1, 7, 5), 5.0))
        x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
        before = x.copy()
        assert np.array_equal(forward(unusual(x), size=(6, 9)), forward(x, size=(6, 9)))
        grad_output = np.random.default_rng(1).standard_normal((2, 3, 6, 9))
        expected = backward(grad_output, x, size=(6, 9))
        assert np.array_equal(backward(unusual(grad_output), unusual(x), size=(6, 9)), expected)
        assert np.array_equal(x, before)
        assert backward(grad_output.astype(np.float32), x.astype(np.float32), size=(6, 9)).dtype == np.float32

    def test_nan_reaches_what_torch_lets_it_reach(self, name):
        forward, _, options = UPSAMPLERS[name]
        x = np.zeros((1, 1, 4, 4))
        x[0, 0, 1, 2] = np.nan
        for size in ((8, 8), (4, 4), (3, 5)):
            assert np.array_equal(
                np.isnan(forward(x, size=size)), F.interpolate(torch.tensor(x), size=size, **options).isnan().numpy()
            )

    @pytest.mark.parametrize(
        ("shape", "sizes", "error"),
        [
            ((1, 1, 2, 2), {}, ValueError),
            ((1, 1, 2, 2), {"size": 4, "scale_factor": 2}, ValueError),
            ((1, 1, 2, 2), {"size": 0}, ValueError),
            ((1, 1, 2, 2), {"scale_factor": 0}, ValueError),
            ((1, 1, 2, 2), {"scale_factor": 1.5}, TypeError),
            ((1, 2, 2), {"size": 4}, ValueError),
            ((1, 1, 0, 2), {"size": 4}, ValueError),
        ],
        ids=["neither", "both", "size 0", "scale 0", "fraction", "rank", "empty"],
    )
    def test_refuses(self, name, shape, sizes, error):
        forward, backward, _ = UPSAMPLERS[name]
        with pytest.raises(error):
            forward(np.zeros(shape), **sizes)
        with pytest.raises(error):
            backward(np.zeros((1, 1, 4, 4)), np.zeros(shape), **sizes)

    def test_refuses_a_gradient_of_the_wrong_shape(self, name):
        with pytest.raises(ValueError, match="grad_output must have shape"):
            UPSAMPLERS[name][1](np.zeros((1, 1, 4, 5)), np.zeros((1, 1, 2, 2)), size=4)


class TestPixelwiseCrossEntropy:
    def case(self, seed, shape=(2, 3, 4, 5), ignored=0.2):
        rng = np.random.default_rng(seed)
        target = rng.integers(shape[1], size=(shape[0], *shape[2:]))
        target[rng.random(target.shape) < ignored] = -100
        return 3 * rng.standard_normal(shape), target, rng.uniform(0.2, 2, shape[1])

    @QUICK
    @given(
        st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
        st.sampled_from(["mean", "sum", "none"]),
        st.booleans(),
        SEED,
    )
    def test_loss_and_gradient_against_torch(self, shape, reduction, weighted, seed):
        logits, target, weight = self.case(seed, shape)
        target[0, 0, 0] = 0
        options = {"weight": weight if weighted else None, "reduction": reduction}
        leaf = torch.tensor(logits, requires_grad=True)
        tensors = {"weight": torch.tensor(weight) if weighted else None, "reduction": reduction}
        expected = F.cross_entropy(leaf, torch.tensor(target), **tensors)
        actual = so.pixelwise_cross_entropy(logits, target, **options)
        assert_close(actual, expected.detach().numpy(), 30.0 * target.size)
        grad_output = np.random.default_rng(seed).standard_normal(expected.shape)
        (expected * torch.tensor(grad_output)).sum().backward()
        gradient = so.pixelwise_cross_entropy_backward(grad_output, logits, target, **options)
        assert_close(gradient, leaf.grad.numpy(), 10.0)

    def test_gradient_against_central_differences(self):
        logits, target, weight = self.case(0, (2, 3, 2, 2))
        gradient = so.pixelwise_cross_entropy_backward(1.0, logits, target, weight)
        numeric = central_difference(lambda x: so.pixelwise_cross_entropy(x, target, weight), logits)
        assert_close(gradient, numeric, tolerance=1e-7)
        assert_close(gradient.sum(axis=1), np.zeros(target.shape), 1.0)

    def test_large_scores_other_ignore_index_and_float32(self):
        logits = np.array([1e4, -1e4, 0.0], np.float32).reshape(1, 3, 1, 1)
        for label, expected in ((0, 0.0), (1, 2e4), (2, 1e4)):
            loss = so.pixelwise_cross_entropy(logits, np.array([[[label]]]))
            assert loss.dtype == np.float32 and loss == pytest.approx(expected)
        logits, target, _ = self.case(1)
        target[target == -100] = 7
        expected = F.cross_entropy(torch.tensor(logits), torch.tensor(target), ignore_index=7).item()
        assert so.pixelwise_cross_entropy(logits, target, ignore_index=7) == pytest.approx(expected, rel=1e-12)
        for dtype in (np.float32, np.float64):
            assert so.pixelwise_cross_entropy_backward(1.0, logits.astype(dtype), target, None, 7).dtype == dtype

    def test_nothing_but_ignored_pixels(self):
        logits, target = np.zeros((1, 2, 2, 2)), np.full((1, 2, 2), -100)
        assert np.isnan(so.pixelwise_cross_entropy(logits, target))
        assert so.pixelwise_cross_entropy(logits, target, reduction="sum") == 0
        assert not so.pixelwise_cross_entropy_backward(1.0, logits, target).any()

    def test_nan_scores_spoil_only_their_own_pixel(self):
        logits, target, _ = self.case(2, ignored=0)
        logits[0, 1, 0, 0], target[1, 0, 0], logits[1, :, 0, 0] = np.nan, -100, np.nan
        loss = so.pixelwise_cross_entropy(logits, target, reduction="none")
        expected = F.cross_entropy(torch.tensor(logits), torch.tensor(target), reduction="none").numpy()
        assert_close(loss, expected, 1.0)
        gradient = so.pixelwise_cross_entropy_backward(np.ones(target.shape), logits, target, reduction="none")
        assert np.argwhere(np.isnan(gradient).any(axis=1)).tolist() == [[0, 0, 0]]

    def test_unusual_memory_and_unmodified_input(self):
        logits, target, weight = self.case(3)
        copies = logits.copy(), target.copy()
        expected = so.pixelwise_cross_entropy(logits, target, weight)
        assert so.pixelwise_cross_entropy(unusual(logits), unusual(target), weight) == pytest.approx(
            expected, rel=1e-13
        )
        so.pixelwise_cross_entropy_backward(1.0, unusual(logits), unusual(target), weight)
        assert np.array_equal(logits, copies[0]) and np.array_equal(target, copies[1])

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"target": np.zeros((1, 2, 3), int)}, ValueError),
            ({"target": np.zeros((1, 1, 2, 2), int)}, ValueError),
            ({"target": np.full((1, 2, 2), 3)}, ValueError),
            ({"target": np.full((1, 2, 2), -1)}, ValueError),
            ({"target": np.zeros((1, 2, 2))}, TypeError),
            ({"weight": np.ones(2)}, ValueError),
            ({"reduction": "average"}, ValueError),
            ({"logits": np.zeros((3, 2, 2))}, ValueError),
        ],
        ids=["size", "one-hot rank", "too large", "negative", "float labels", "weight", "reduction", "rank"],
    )
    def test_refuses(self, change, error):
        arguments = {"logits": np.zeros((1, 3, 2, 2)), "target": np.zeros((1, 2, 2), int)} | change
        with pytest.raises(error):
            so.pixelwise_cross_entropy(**arguments)
        with pytest.raises(error):
            so.pixelwise_cross_entropy_backward(1.0, **arguments)

    def test_refuses_a_gradient_of_the_wrong_shape(self):
        with pytest.raises(ValueError, match="grad_output"):
            so.pixelwise_cross_entropy_backward(np.ones((1, 2, 2)), np.zeros((1, 3, 2, 2)), np.zeros((1, 2, 2), int))


class TestScores:
    @QUICK
    @given(st.integers(1, 5), st.integers(1, 30), SEED)
    @pytest.mark.filterwarnings("ignore:A single label was found")
    def test_against_scikit_learn(self, classes, pixels, seed):
        from sklearn.metrics import confusion_matrix, jaccard_score

        rng = np.random.default_rng(seed)
        prediction, target = rng.integers(classes, size=(2, pixels))
        expected = confusion_matrix(target, prediction, labels=range(classes))
        assert np.array_equal(so.confusion_matrix(prediction, target, classes), expected)
        scores = so.intersection_over_union(prediction, target, classes)
        present = np.isin(np.arange(classes), [prediction, target])
        assert np.array_equal(np.isnan(scores), ~present)
        expected = jaccard_score(target, prediction, labels=np.arange(classes), average=None, zero_division=0)
        assert_close(scores[present], expected[present], 1.0)

    def test_ignored_pixels_leave_both_pictures(self):
        prediction, target = np.array([[0, 1], [9, -3]]), np.array([[0, 1], [255, 255]])
        assert so.intersection_over_union(prediction, target, 3, 255).tolist()[:2] == [1.0, 1.0]
        assert np.isnan(so.intersection_over_union(prediction, target, 3, 255)[2])

    @pytest.mark.parametrize(
        ("prediction", "target", "error"),
        [
            ([0, 3], [0, 1], ValueError),
            ([0, 1], [0, 3], ValueError),
            ([0], [0, 1], ValueError),
            ([0.0], [0], TypeError),
        ],
    )
    def test_refuses(self, prediction, target, error):
        for function in (so.confusion_matrix, so.intersection_over_union):
            with pytest.raises(error):
                function(prediction, target, 3)

    @QUICK
    @given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 3), SEED)
    def test_band_against_scipy(self, height, width, reach, seed):
        labels = np.random.default_rng(seed).integers(3, size=(2, height, width)) // 2
        size = (1, 2 * reach + 1, 2 * reach + 1)
        expected = scipy.ndimage.maximum_filter(labels, size, mode="nearest") != scipy.ndimage.minimum_filter(
            labels, size, mode="nearest"
        )
        assert np.array_equal(so.boundary_band(labels, reach), expected)

    def test_band_of_width_one_is_the_thick_boundary(self):
        from skimage.segmentation import find_boundaries

        _, labels = so.shape_scenes(3, seed=2)
        expected = np.array([find_boundaries(one, connectivity=2, mode="thick") for one in labels])
        assert np.array_equal(so.boundary_band(labels, 1), expected)

    def test_band_accuracy(self):
        _, labels = so.shape_scenes(3, seed=2)
        wrong_inside = np.where(so.boundary_band(labels, 2), labels, 9)
        assert so.band_accuracy(labels, labels, 1) == 1.0
        assert so.band_accuracy(wrong_inside, labels, 2) == 1.0
        assert so.band_accuracy(wrong_inside, labels, 3) < 1.0
        assert np.isnan(so.band_accuracy(np.zeros((1, 3, 3), int), np.zeros((1, 3, 3), int), 1))
        with pytest.raises(ValueError, match="must have one shape"):
            so.band_accuracy(labels, labels[:, 1:], 1)
        with pytest.raises(ValueError, match="width"):
            so.boundary_band(labels, 0)


class TestAnySize:
    @QUICK
    @given(st.tuples(*[st.integers(1, 3)] * 4), st.integers(0, 3), st.integers(0, 3), SEED)
    def test_convolution_gives_the_dense_answer_at_every_position(self, sizes, more_rows, more_columns, seed):
        outputs, channels, height, width = sizes
        rng = np.random.default_rng(seed)
        weight = rng.standard_normal((outputs, channels * height * width))
        x = rng.standard_normal((2, channels, height + more_rows, width + more_columns))
        kernel = so.dense_to_conv(weight, (channels, height, width))
        actual = F.conv2d(torch.tensor(x), torch.tensor(kernel)).numpy()
        for row in range(more_rows + 1):
            for column in range(more_columns + 1):
                crop = x[:, :, row : row + height, column : column + width].reshape(2, -1)
                scale = np.abs(crop) @ np.abs(weight).T
                assert_close(actual[:, :, row, column], crop @ weight.T, scale)

    def test_dense_to_conv_refuses(self):
        for shape in ((1, 2, 3), (2, 2), (0, 2, 2)):
            with pytest.raises(ValueError, match=r"weight must have|input_shape"):
                so.dense_to_conv(np.ones((2, 4)), shape)

    @QUICK
    @given(SHAPE, st.lists(st.integers(1, 5), min_size=1, max_size=3), SEED)
    def test_pyramid_against_torch(self, shape, levels, seed):
        x = np.random.default_rng(seed).standard_normal(shape)
        parts = [F.adaptive_avg_pool2d(torch.tensor(x), n).flatten(1) for n in levels]
        assert_close(so.spatial_pyramid_pool(x, levels), torch.cat(parts, 1).numpy(), np.abs(x).max())

    def test_pyramid_gives_one_length_for_all_sizes_and_refuses(self):
        lengths = {so.spatial_pyramid_pool(np.ones((1, 3, h, w))).shape for h, w in ((4, 4), (9, 5), (1, 17))}
        assert lengths == {(1, 63)}
        for levels in ((), (0,), (1, -2)):
            with pytest.raises(ValueError, match=r"levels|output_size|must"):
                so.spatial_pyramid_pool(np.ones((1, 1, 4, 4)), levels)


class TestRefine:
    def case(self, seed, channels=2, hidden=4, classes=3, kernels=((3, 3), (1, 1), (5, 3)), shape=(5, 6)):
        rng = np.random.default_rng(seed)
        u = rng.standard_normal((hidden, channels, *kernels[0]))
        v = rng.standard_normal((classes, hidden, *kernels[1]))
        w = rng.standard_normal((hidden, classes, *kernels[2]))
        return rng.standard_normal((2, channels, *shape)), u, v, w

    def torch_refine(self, x, u, v, w, steps):
        x, u, v, w = (torch.tensor(a) for a in (x, u, v, w))
        probabilities, scores = torch.zeros(len(x), len(v), *x.shape[2:], dtype=x.dtype), []
        for _ in range(steps):
            hidden = F.relu(F.conv2d(x, u, padding="same") + F.conv2d(probabilities, w, padding="same"))
            scores.append(F.conv2d(hidden, v, padding="same"))
            probabilities = scores[-1].softmax(1)
        return torch.stack(scores).numpy()

    @settings(max_examples=20, deadline=None)
    @given(
        st.tuples(*[st.integers(1, 3)] * 3),
        st.lists(st.sampled_from([(1, 1), (3, 3), (1, 3), (2, 2), (5, 3)]), min_size=3, max_size=3),
        st.integers(1, 4),
        SEED,
    )
    @pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
    def test_against_torch(self, channels, kernels, steps, seed):
        arguments = self.case(seed, *channels, kernels)
        expected = self.torch_refine(*arguments, steps)
        assert_close(so.refine(*arguments, steps), expected, np.abs(expected).max() + 100, 1e-11)

    def test_rounds_share_weights_and_the_first_does_not_depend_on_the_last(self):
        arguments = self.case(0)
        assert_close(so.refine(*arguments, 2), so.refine(*arguments, 5)[:2])

    def test_each_round_lets_a_pixel_see_farther(self):
        x, u, v, w = self.case(1, kernels=((1, 1), (1, 1), (3, 3)), shape=(1, 13))
        moved = x.copy()
        moved[:, :, 0, 6] += 1
        change = np.abs(so.refine(moved, u, v, w, 4) - so.refine(x, u, v, w, 4)).max(axis=(1, 2, 3)) > 1e-15
        reach = [np.abs(np.nonzero(step)[0] - 6).max() for step in change]
        assert reach == [0, 1, 2, 3]

    def test_float32_and_unusual_memory(self):
        arguments = self.case(2)
        expected = so.refine(*arguments, 3)
        assert_close(so.refine(*(unusual(a) for a in arguments), 3), expected)
        single = so.refine(*(a.astype(np.float32) for a in arguments), 3)
        assert single.dtype == np.float32
        assert_close(single, expected, np.abs(expected).max() + 100)

    def test_refuses(self):
        x, u, v, w = self.case(0)
        for arguments in ((x[:, :1], u, v, w, 1), (x, u[:2], v, w, 1), (x, u, v[:2], w, 1), (x, u, v, w, 0)):
            with pytest.raises(ValueError, match=r"channels|must|rounds"):
                so.refine(*arguments)


class TestShapeScenes:
    def test_labels_fit_the_picture(self):
        scenes, labels = so.shape_scenes(30, size=(20, 32), noise=0.0, seed=1)
        assert scenes.shape == (30, 1, 20, 32) and labels.shape == (30, 20, 32)
        assert np.array_equal(scenes[:, 0] != 0, labels > 0)
        assert set(np.unique(labels)) == {0, 1, 2}
        share = [(labels == k).mean() for k in (1, 2)]
        assert 0.5 < share[0] / share[1] < 2

    def test_seed_and_noise(self):
        assert np.array_equal(so.shape_scenes(2, seed=3)[0], so.shape_scenes(2, seed=3)[0])
        quiet, noisy = so.shape_scenes(9, noise=0.0, seed=3)[0], so.shape_scenes(9, noise=0.5, seed=3)[0]
        assert 0.45 < (noisy - quiet).std() < 0.55
        with pytest.raises(ValueError, match="size"):
            so.shape_scenes(1, size=8)
