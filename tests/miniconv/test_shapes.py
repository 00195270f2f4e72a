"""Shapes against PyTorch's own layers, mostly on the meta device, which computes shapes and nothing else."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from miniconv import shapes

SETTINGS = settings(max_examples=60, deadline=None)


pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")


def meta(layer, *shape):
    """Return the shape that a PyTorch layer gives, or None where it refuses."""
    try:
        return tuple(layer(torch.empty(shape, device="meta")).shape)
    except RuntimeError:
        return None


def pairs(smallest, largest):
    return st.tuples(st.integers(smallest, largest), st.integers(smallest, largest))


def ours(function, *arguments, **options):
    """Return the shape that one of our functions gives, or None where it refuses."""
    try:
        return function(*arguments, **options)
    except ValueError:
        return None


class TestConv:
    @pytest.mark.parametrize(
        ("arguments", "expected"),
        {
            "valid": (((32, 32), 3), (30, 30)),
            "same": (((32, 32), 5, 1, "same"), (32, 32)),
            "same, even": (((10,), 4, 1, "same", 3), (10,)),
            "half padding of an even kernel": (((10,), 4, 1, 2), (11,)),
            "full": (((5, 7), (3, 2), 1, (2, 1)), (7, 8)),
            "floor drops the last column": (((224, 224), 7, 2, 3), (112, 112)),
            "stride 3 over 5": (((5, 5), 3, 3), (1, 1)),
            "dilated": (((9, 9), 3, 1, 0, 2), (5, 5)),
            "kernel as large as the image": (((4, 6), (4, 6)), (1, 1)),
            "signal": (((16000,), 400, 160), (98,)),
            "volume": (((8, 9, 10), 3, (1, 2, 3), 1), (8, 5, 4)),
        }.values(),
        ids=lambda v: str(v)[:40],
    )
    def test_by_hand(self, arguments, expected):
        assert shapes.conv_output_shape(*arguments) == expected

    @given(n=pairs(1, 30), k=pairs(1, 6), s=pairs(1, 5), p=pairs(0, 6), d=pairs(1, 4))
    @SETTINGS
    def test_against_torch(self, n, k, s, p, d):
        expected = meta(nn.Conv2d(1, 1, k, s, p, d, device="meta"), 1, 1, *n)
        assert ours(shapes.conv_output_shape, n, k, s, p, d) == (expected and expected[2:])

    @given(n=pairs(1, 30), k=pairs(1, 8), d=pairs(1, 4))
    @SETTINGS
    def test_same_against_torch(self, n, k, d):
        layer = nn.Conv2d(1, 1, k, padding="same", dilation=d, device="meta")
        assert shapes.conv_output_shape(n, k, padding="same", dilation=d) == n == meta(layer, 1, 1, *n)[2:]
        left_right = layer._reversed_padding_repeated_twice
        assert shapes.same_padding(k, d) == (tuple(left_right[2:]), tuple(left_right[:2]))

    @given(n=pairs(1, 40), k=pairs(1, 8), s=pairs(1, 5), d=pairs(1, 3))
    @SETTINGS
    def test_same_with_stride_gives_the_ceiling_with_the_fewest_zeros(self, n, k, s, d):
        before_after = shapes.same_padding_strided(n, k, s, d)
        for size, kernel, stride, step, (before, after) in zip(n, k, s, d, before_after):
            total, wanted, span = before + after, -(-size // stride), step * (kernel - 1) + 1
            assert after - before in (0, 1)
            assert (size + total - span) // stride + 1 >= wanted
            assert total == 0 or (size + total - 1 - span) // stride + 1 < wanted
            if span >= stride:
                assert (size + total - span) // stride + 1 == wanted

    @given(m=pairs(1, 12), k=pairs(1, 5), s=pairs(1, 4), p=pairs(0, 4), d=pairs(1, 3))
    @SETTINGS
    def test_input_range_is_exact(self, m, k, s, p, d):
        span = ours(shapes.conv_input_range, m, k, s, p, d)
        for axis in range(2):
            one = (k[axis], s[axis], p[axis], d[axis])
            right = [n for n in range(1, 80) if ours(shapes.conv_output_shape, (n,), *one) == (m[axis],)]
            if not right:
                assert span is None
                return
            if span is not None:
                assert right == list(range(span[0][axis], span[1][axis] + 1))


class TestPool:
    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (((5, 6), 2), (2, 3)),
            (((5, 6), 2, None, 0, 1, True), (3, 3)),
            (((5, 5), 3, 2), (2, 2)),
            (((3,), 2, 2, 1, 1, True), (2,)),
            (((1,), 2, 2, 1, 1, True), (1,)),
            (((7,), 2, 4, 0, 1, True), (2,)),
            (((6,), 2, 4, 0, 1, True), (2,)),
            (((5,), 2, 5, 0, 1, True), (1,)),
        ],
        ids=str,
    )
    def test_by_hand(self, arguments, expected):
        assert shapes.pool_output_shape(*arguments) == expected

    @given(n=pairs(1, 20), k=pairs(1, 6), s=pairs(1, 6), p=pairs(0, 3), d=pairs(1, 4), ceil=st.booleans())
    @settings(max_examples=150, deadline=None)
    def test_max_against_torch(self, n, k, s, p, d, ceil):
        expected = meta(nn.MaxPool2d(k, s, p, d, ceil_mode=ceil), 1, 1, *n)
        assert ours(shapes.pool_output_shape, n, k, s, p, d, ceil) == (expected and expected[2:])

    @given(n=pairs(1, 20), k=pairs(1, 6), s=pairs(1, 6), p=pairs(0, 3), ceil=st.booleans())
    @settings(max_examples=100, deadline=None)
    def test_average_against_torch(self, n, k, s, p, ceil):
        expected = meta(nn.AvgPool2d(k, s, p, ceil), 1, 1, *n)
        assert ours(shapes.pool_output_shape, n, k, s, p, 1, ceil) == (expected and expected[2:])

    @given(n=st.integers(1, 20), k=st.integers(1, 6), s=st.integers(1, 6), data=st.data())
    @SETTINGS
    def test_ceil_mode_keeps_each_window_that_starts_in_the_input_or_the_padding_before(self, n, k, s, data):
        p = data.draw(st.integers(0, k // 2))
        count = ours(shapes.pool_output_shape, (n,), k, s, p, 1, True)
        assume(count is not None)
        starts = [i * s - p for i in range(count[0])]
        assert all(start < n for start in starts)
        covered = starts[-1] + k >= n + p
        assert covered or starts[-1] + s >= n


class TestTranspose:
    @given(n=pairs(1, 12), k=pairs(1, 5), s=pairs(1, 4), p=pairs(0, 3), extra=pairs(0, 4), d=pairs(1, 3))
    @settings(max_examples=100, deadline=None)
    def test_against_torch(self, n, k, s, p, extra, d):
        layer = nn.ConvTranspose2d(1, 1, k, s, p, extra, dilation=d)
        try:  # not on the meta device, which lets any output padding pass
            expected = tuple(layer(torch.empty(1, 1, *n)).shape[2:])
        except RuntimeError:
            expected = None
        if expected is not None and min(expected) == 0:
            expected = None  # an empty output is refused here
        assert ours(shapes.conv_transpose_output_shape, n, k, s, p, extra, d) == expected

    @given(n=pairs(1, 30), k=pairs(1, 5), s=pairs(1, 4), p=pairs(0, 2), d=pairs(1, 3))
    @SETTINGS
    def test_output_padding_restores_the_size_that_the_convolution_had(self, n, k, s, p, d):
        m = ours(shapes.conv_output_shape, n, k, s, p, d)
        assume(m is not None)
        lost = tuple(
            (size + 2 * pad - step * (kernel - 1) - 1) % stride
            for size, pad, step, kernel, stride in zip(n, p, d, k, s)
        )
        assert shapes.conv_transpose_output_shape(m, k, s, p, lost, d) == n
        smallest, largest = shapes.conv_input_range(m, k, s, p, d)
        assert all(a <= size <= b for a, size, b in zip(smallest, n, largest))


LAYERS = {
    "conv2d": lambda c, o: nn.Conv2d(c, **o),
    "conv_transpose2d": lambda c, o: nn.ConvTranspose2d(c, **o),
    "max_pool2d": lambda c, o: nn.MaxPool2d(**o),
    "avg_pool2d": lambda c, o: nn.AvgPool2d(**o),
    "lp_pool2d": lambda c, o: nn.LPPool2d(2, **o),
    "adaptive_avg_pool2d": lambda c, o: nn.AdaptiveAvgPool2d(**o),
    "adaptive_max_pool2d": lambda c, o: nn.AdaptiveMaxPool2d(**o),
    "flatten": lambda c, o: nn.Flatten(),
    "linear": lambda c, o: nn.Linear(c, **o),
    "batch_norm2d": lambda c, o: nn.BatchNorm2d(c),
    "relu": lambda c, o: nn.ReLU(),
    "dropout": lambda c, o: nn.Dropout(),
    "softmax": lambda c, o: nn.Softmax(-1),
}


def random_network(rng, depth):
    """Return a description of a network that is often, not always, possible."""

    def conv(kind):
        groups = int(rng.choice([1, 1, 2]))
        size = {"kernel_size": (int(rng.integers(1, 5)), int(rng.integers(1, 5)))}
        more = {
            "stride": int(rng.integers(1, 3)),
            "padding": int(rng.integers(0, 3)),
            "dilation": int(rng.integers(1, 3)),
        }
        chosen = {key: value for key, value in more.items() if rng.random() < 0.5}
        return {
            "kind": kind,
            "out_channels": 2 * int(rng.integers(1, 5)),
            "groups": groups,
            "bias": bool(rng.integers(2)),
            **size,
            **chosen,
        }

    makers = [
        lambda: conv("conv2d"),
        lambda: conv("conv2d"),
        lambda: conv("conv_transpose2d"),
        lambda: {
            "kind": str(rng.choice(["max_pool2d", "avg_pool2d", "lp_pool2d"])),
            "kernel_size": int(rng.integers(1, 4)),
            "ceil_mode": bool(rng.integers(2)),
        },
        lambda: {
            "kind": "max_pool2d",
            "kernel_size": 3,
            "stride": 2,
            "padding": 1,
            "dilation": int(rng.integers(1, 3)),
        },
        lambda: {"kind": "adaptive_avg_pool2d", "output_size": (int(rng.integers(1, 9)), 5)},
        lambda: {"kind": str(rng.choice(["relu", "dropout", "batch_norm2d"]))},
    ]
    body = [makers[rng.integers(len(makers))]() for _ in range(depth)]
    return [*body, {"kind": "flatten"}, {"kind": "linear", "out_features": 10, "bias": bool(rng.integers(2))}]


class TestTrace:
    def test_lenet_by_hand(self):
        """Filter counts of LeCun et al. (1998), figure 2, with full connections between maps."""
        conv = [{"kind": "conv2d", "out_channels": c, "kernel_size": 5} for c in (6, 16, 120)]
        pool = {"kind": "avg_pool2d", "kernel_size": 2}
        dense = [{"kind": "linear", "out_features": f} for f in (84, 10)]
        net = [conv[0], pool, conv[1], pool, conv[2], {"kind": "flatten"}, *dense]
        trace = shapes.trace_shapes(net, (1, 1, 32, 32))
        assert [shape[1:] for shape, _ in trace[:5]] == [
            (6, 28, 28),
            (6, 14, 14),
            (16, 10, 10),
            (16, 5, 5),
            (120, 1, 1),
        ]
        assert [count for _, count in trace] == [156, 0, 2416, 0, 48120, 0, 10164, 850]

    @pytest.mark.parametrize("seed", range(60))
    def test_random_networks_against_torch(self, seed):
        rng = np.random.default_rng(seed)
        net = random_network(rng, int(rng.integers(1, 7)))
        shape = (2, 4, int(rng.integers(8, 40)), int(rng.integers(8, 40)))
        try:
            trace = shapes.trace_shapes(net, shape)
        except ValueError as error:
            position, trace = int(str(error).split()[1]), None
        for i, layer in enumerate(net):
            try:
                module = LAYERS[layer["kind"]](shape[1], {k: v for k, v in layer.items() if k != "kind"}).to("meta")
                output = meta(module, *shape)
            except ValueError:  # groups that do not divide
                output = None
            if output is None:
                assert trace is None and position == i
                return
            shape = output
            if trace is not None:
                assert trace[i] == (shape, sum(p.numel() for p in module.parameters()))
        assert trace is not None

    def test_does_not_change_the_description(self):
        net = [{"kind": "conv2d", "out_channels": 2, "kernel_size": 3}]
        before = [dict(layer) for layer in net]
        shapes.trace_shapes(net, (1, 1, 8, 8))
        assert net == before


CONV = {"kind": "conv2d", "out_channels": 4, "kernel_size": 3}
REFUSED = {
    "kernel does not fit": (lambda: shapes.conv_output_shape((4, 9), 5), r"spans \(5, 5\).*\(4, 9\)"),
    "dilated kernel does not fit": (lambda: shapes.conv_output_shape((6,), 3, dilation=3), r"\(7,\)"),
    "size 0": (lambda: shapes.conv_output_shape((0, 9), 1), "input_shape must be at least 1"),
    "stride 0": (lambda: shapes.conv_output_shape((9,), 1, 0), "stride must be at least 1"),
    "padding negative": (lambda: shapes.conv_output_shape((9,), 1, 1, -1), "padding must be at least 0"),
    "three strides": (lambda: shapes.conv_output_shape((9, 9), 1, (1, 1, 1)), "2 integers"),
    "same with stride": (lambda: shapes.conv_output_shape((9, 9), 3, 2, "same"), "needs stride 1"),
    "unknown padding": (lambda: shapes.conv_output_shape((9, 9), 3, 1, "full"), '"same" or "valid"'),
    "impossible output": (lambda: shapes.conv_input_range((1,), 1, 1, 3), "no input gives"),
    "pool padding": (lambda: shapes.pool_output_shape((9,), 3, 1, 2), "at most half"),
    "pool padding, dilated": (lambda: shapes.pool_output_shape((9,), 3, 1, 2, 4), "at most half"),
    "pool does not fit": (lambda: shapes.pool_output_shape((2, 2), 3), "does not fit"),
    "output padding": (lambda: shapes.conv_transpose_output_shape((4,), 3, 2, 0, 2), "below stride or dilation"),
    "nothing left": (lambda: shapes.conv_transpose_output_shape((1,), 2, 1, 1), "cuts everything off"),
    "unknown kind": (lambda: shapes.trace_shapes([{"kind": "conv3d"}], (1, 1, 9, 9)), "layer 0 must be"),
    "unknown option": (lambda: shapes.trace_shapes([CONV | {"strides": 2}], (1, 1, 9, 9)), "does not know.*strides"),
    "missing option": (lambda: shapes.trace_shapes([{"kind": "linear"}], (1, 9)), "lacks 'out_features'"),
    "later layer": (
        lambda: shapes.trace_shapes([CONV] * 5, (1, 1, 9, 9)),
        r"layer 4 \(conv2d\) after shape \(1, 4, 1, 1\)",
    ),
    "groups": (lambda: shapes.trace_shapes([CONV | {"groups": 3}], (1, 3, 9, 9)), "groups must divide"),
    "flat image": (
        lambda: shapes.trace_shapes([{"kind": "flatten"}, CONV], (1, 3, 9, 9)),
        r"\(N, C, H, W\), got shape \(1, 243\)",
    ),
    "dilated average": (
        lambda: shapes.trace_shapes([{"kind": "avg_pool2d", "kernel_size": 2, "dilation": 2}], (1, 3, 9, 9)),
        "does not know",
    ),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses_values(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: shapes.conv_output_shape(9, 3),
        lambda: shapes.conv_output_shape((9.0,), 3),
        lambda: shapes.conv_output_shape((9,), "3"),
        lambda: shapes.conv_output_shape((9,), 3, True),
        lambda: shapes.pool_output_shape((9,), 3, ceil_mode=1),
        lambda: shapes.conv_output_shape((), 3),
        lambda: shapes.trace_shapes([CONV | {"kernel_size": 2.5}], (1, 1, 9, 9)),
    ],
    ids=["bare size", "float size", "string", "bool", "integer flag", "no axes", "in a network"],
)
def test_refuses_types(call):
    with pytest.raises(TypeError):
        call()
