"""Convolution layers that several tests share: a readable table, and a Hypothesis strategy."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import strategies as st


@dataclass(frozen=True)
class Layer:
    """One configuration of conv2d; `arrays` draws an input, a weight and a bias for it."""

    x: tuple
    weight: tuple
    options: dict = field(default_factory=dict)

    def arrays(self, dtype=np.float64, seed=0):
        rng = np.random.default_rng(seed)
        return tuple(rng.standard_normal(shape).astype(dtype) for shape in (self.x, self.weight, self.weight[:1]))


TABLE = {
    "plain": Layer((2, 3, 5, 7), (4, 3, 3, 2)),
    "one pixel out": Layer((1, 2, 3, 4), (3, 2, 3, 4)),
    "1x1": Layer((3, 4, 2, 5), (2, 4, 1, 1)),
    "1x1 strided": Layer((2, 3, 5, 4), (2, 3, 1, 1), {"stride": 2}),
    "even kernel": Layer((2, 2, 6, 5), (3, 2, 2, 4)),
    "stride leaves a rest": Layer((2, 3, 8, 9), (2, 3, 3, 2), {"stride": (3, 2)}),
    "stride beyond kernel": Layer((1, 2, 9, 8), (2, 2, 2, 1), {"stride": 4}),
    "padding": Layer((2, 2, 4, 3), (3, 2, 3, 3), {"padding": (2, 1)}),
    "padding beyond image": Layer((1, 1, 2, 2), (2, 1, 3, 3), {"padding": 4}),
    "stem": Layer((1, 3, 11, 12), (4, 3, 7, 7), {"stride": 2, "padding": 3}),
    "dilation": Layer((2, 2, 9, 8), (3, 2, 3, 2), {"dilation": (2, 3)}),
    "all of it": Layer((2, 4, 10, 9), (6, 2, 3, 2), {"stride": (2, 3), "padding": (1, 2), "dilation": 2, "groups": 2}),
    "depthwise": Layer((2, 3, 6, 5), (3, 1, 3, 3), {"padding": 1, "groups": 3}),
    "depthwise times two": Layer((1, 3, 5, 6), (6, 1, 2, 3), {"groups": 3}),
    "same, odd": Layer((2, 2, 5, 6), (3, 2, 3, 5), {"padding": "same"}),
    "same, even and dilated": Layer((1, 2, 7, 6), (2, 2, 4, 2), {"padding": "same", "dilation": (1, 3)}),
    "valid": Layer((1, 2, 5, 6), (2, 2, 2, 2), {"padding": "valid", "stride": 2}),
}
table = pytest.mark.parametrize("layer", TABLE.values(), ids=TABLE.keys())
dtypes = pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])


@st.composite
def layers(draw):
    """Draw a layer whose output is not empty."""

    def size(low, high):
        return draw(st.integers(low, high))

    groups, depth, filters = size(1, 3), size(1, 2), size(1, 2)
    kernel, stride, dilation = (tuple(size(1, high) for _ in range(2)) for high in (3, 3, 2))
    padding = (size(0, 2), size(0, 2))
    least = [max(1, d * (k - 1) + 1 - 2 * p) for k, d, p in zip(kernel, dilation, padding, strict=True)]
    image = [n + size(0, 4) for n in least]
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return Layer((size(1, 2), groups * depth, *image), (groups * filters, depth, *kernel), options)
