"""What would take long or much memory is refused before it is computed; what assignments need is not."""

import numpy as np
import pytest

from convcourse.functional import FUNCTIONS
from convgrader.sandbox.bounds import bound_arrays, bound_lent, bound_work, bounded_memory

X, G = np.ones((1, 1, 512, 512)), np.ones((2, 4, 16, 16))
HARMLESS = [
    ("conv2d", (np.ones((2, 8, 32, 32)), np.ones((16, 8, 3, 3)), None, 1, 1), {}),
    ("conv2d_input", ((2, 3, 32, 32), np.ones((8, 3, 3, 3)), np.ones((2, 8, 32, 32))), {"padding": (1, 1)}),
    ("conv2d_weight", (np.ones((2, 3, 32, 32)), (8, 3, 3, 3), np.ones((2, 8, 32, 32))), {"padding": 1}),
    ("max_pool2d", (X, 2), {"return_indices": True}),
    ("unfold", (G, np.array([3, 3])), {"padding": 1}),
    ("fold", (np.ones((2, 36, 256)), (18, 18), 3), {}),
    ("softmax", (G,), {"axis": -1}),
]
DEAR = {
    "function": ("relu", (lambda: 0,), {}),
    "number": ("softmax", (G, 1 << 20), {}),
    "nested": ("conv_output_shape", ([[1 << 20]], 3), {}),
    "float": ("conv2d", (G, G), {"padding": 9000.0}),
    "not a number": ("lp_pool2d", (G, np.nan, 2), {}),
    "array": ("conv2d", (G, G), {"padding": np.array([10_000, 10_000])}),
    "smallest integer": ("softmax", (G, np.int64(-(2**63))), {}),
    "window": ("max_pool2d", (X, 1023, 1, 511), {}),
    "window by name": ("avg_pool2d", (X,), {"kernel_size": (301, 301), "stride": 1, "padding": (150, 150)}),
    "padding": ("conv2d", (np.ones((1, 1, 1, 1)), np.ones((1, 1, 64, 64)), None, 1, 4096), {}),
    "input size": ("conv2d_input", ((1, 1, 4096, 4096), np.ones((1, 1, 64, 64)), np.ones((1, 1, 2, 2))), {}),
    "weight size": ("conv2d_weight", (X, (64, 1, 256, 256), np.ones((1, 64, 257, 257))), {}),
}


@pytest.mark.parametrize("name", DEAR)
def test_what_would_take_long_is_refused(name):
    function, args, kwargs = DEAR[name]
    with pytest.raises((TypeError, ValueError)):
        bound_work(FUNCTIONS[function], args, kwargs)


@pytest.mark.parametrize("call", HARMLESS, ids=lambda call: call[0])
def test_what_assignments_need_is_not(call):
    function, args, kwargs = call
    bound_arrays(args, kwargs)
    bound_work(FUNCTIONS[function], args, kwargs)
    FUNCTIONS[function](*args, **kwargs)


@pytest.mark.parametrize("kwargs", [{}, {"x": [X, (np.ones(1 << 19),)]}])
def test_large_arrays_are_not_taken(kwargs):
    with pytest.raises(ValueError, match="too large"):
        bound_arrays([np.ones((1024, 512))] if not kwargs else [X], kwargs)


LAYERS = [{"kind": "conv_transpose2d", "kernel_size": 2, "stride": 64}] * 3
DEAR_TO_LEND = {
    "function": ((lambda: 0,), {}),
    "window": ((X, 1023, 1, 511), {}),
    "window by name": ((X,), {"kernel_size": (301, 301), "stride": np.array([1, 1])}),
    "padding": ((np.ones((1, 1, 1, 1)), np.ones((1, 1, 64, 64)), None, 1, 4096), {}),
    "padding in an array": ((np.ones((1, 1)), np.ones((64, 64))), {"padding": np.array([4096, -4096])}),
    "number in an array": ((np.ones((64, 64)), np.array(4096)), {}),
    "sizes": (((1, 1, 4096, 4096), (64, 64)), {}),
    "sizes in sizes": (([(4096, 4096), (4096, 4096)],), {}),
    "maps": ((X, X), {}),
    "layers that grow": ((LAYERS, {"0.weight": np.ones((1, 1, 2, 2))}, np.ones((1, 1, 4, 4))), {}),
    "weights": (([{"stride": 4}], {"0.weight": X, "1.weight": X}, X), {}),
}


@pytest.mark.parametrize("name", DEAR_TO_LEND)
def test_what_would_take_a_helper_long_is_refused(name):
    args, kwargs = DEAR_TO_LEND[name]
    with pytest.raises((TypeError, ValueError)):
        bound_lent(args, kwargs)


def test_what_a_helper_needs_is_not_refused():
    """That this is true of all assignments, `test_grade_assignments` shows."""
    bound_lent(
        (np.ones((2, 4, 9, 8)), np.ones((6, 2, 3, 2)), np.ones(6)), {"stride": (2, 1), "padding": 2, "groups": 2}
    )
    bound_lent((np.ones((2, 9), np.float32), [[1, 2, 3]] * 50, None, "same", True, 1e9, {}, [], False), {})
    bound_lent(([{"kind": "relu"}, {"kind": "conv2d", "stride": 2}], {"1.weight": G}, G), {})


def test_memory_is_bounded_in_the_body_alone():
    function, weight = FUNCTIONS["conv2d"], np.ones((1, 1, 32, 32))
    bound_work(function, (X, weight), {})
    function(np.ones((1, 1, 2, 2)), np.ones((1, 1, 1, 1)))  # the first call imports PyTorch
    with bounded_memory(), pytest.raises(RuntimeError, match="allocate"):
        function(X, weight)  # PyTorch makes 2 GB of it
    with bounded_memory(), pytest.raises(MemoryError):
        bytearray(1 << 30)  # far more than whatever is freed meanwhile
    bytearray(300 << 20)
