"""Functions of earlier topics: the signatures of the reference package, PyTorch's values, imported late."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from convcourse import functional

PACKAGE = Path(__file__).parents[2] / "solutions" / "miniconv"
rng = np.random.default_rng(0)
x, w, b = rng.normal(size=(2, 4, 7, 6)), rng.normal(size=(6, 2, 3, 2)), rng.normal(size=6)
image_size = {"stride": (2, 1), "padding": (1, 0)}
CALLS = {
    "conv_output_shape": [((7, 6), (3, 2)), ((7, 6), (3, 2), (2, 1), 1, (1, 2)), ((7, 6), 3, 1, "same"), ((9,), 2, 2)],
    "pool_output_shape": [((7, 6), (3, 2)), ((7, 6), 3, 2, 1, 1, True)],
    "conv_transpose_output_shape": [((7, 6), 3, 2, 1, 1)],
    "conv1d": [(x[:, :, 0], w[:, :, 0], b, 2, 1, 1, 2)],
    "conv2d": [(x, w, b, (2, 1), (1, 0), 1, 2)],
    "conv2d_input": [((2, 4, 7, 6), w, rng.normal(size=(2, 6, 5, 5)), 1, 0, 1, 2)],
    "conv2d_weight": [(x, (6, 2, 3, 2), rng.normal(size=(2, 6, 5, 5)), 1, 0, 1, 2)],
    "unfold": [(x, (3, 2), 1, (1, 0), (2, 1))],
    "fold": [(rng.normal(size=(2, 24, 25)), (7, 6), (3, 2))],
    "max_pool2d": [(x, 2), (x, (3, 2), 2, 1, 1, True, True)],
    "avg_pool2d": [(x, 2), (x, 3, 2, 1, True, False)],
    "lp_pool2d": [(np.abs(x), 2, 3, 1)],
    "adaptive_avg_pool2d": [(x, (3, 2))],
    "softmax": [(x,), (x, 1)],
    "relu": [(x,)],
    "conv_transpose2d": [(x, rng.normal(size=(4, 3, 3, 2)), None, 2, 1)],
}


def homes():
    """Map each name of the reference package to the module that defines it."""
    found = {}
    for path in sorted(PACKAGE.glob("[a-z]*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                found[node.name] = path.stem
    return found


HOMES = homes()


@pytest.mark.parametrize("name", functional.FUNCTIONS)
def test_same_signature_and_values_as_the_reference(name):
    if name not in HOMES:
        if name == "relu":
            np.testing.assert_array_equal(functional.relu(x), np.maximum(x, 0))
            return
        pytest.fail(f"{name} is in no module of the reference package")
    ours = getattr(importlib.import_module(f"miniconv.{HOMES[name]}"), name)
    function = getattr(functional, name)
    assert [(p.name, p.default) for p in inspect.signature(function).parameters.values()] == [
        (p.name, p.default) for p in inspect.signature(ours).parameters.values()
    ]
    for args in CALLS[name]:
        for got, expected in zip(*(np.atleast_1d(f(*args)) for f in (function, ours)), strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", functional.FUNCTIONS)
def test_every_function_says_what_it_does(name):
    assert inspect.getdoc(getattr(functional, name)).endswith(".")


def test_arrays_in_arrays_out_and_the_dtype_stays():
    y = functional.conv2d(x.astype(np.float32), w, b, groups=2)
    assert type(y) is np.ndarray and y.dtype == np.float32
    assert functional.relu(np.array([-1, 2])).tolist() == [0.0, 2.0]


def test_input_is_left_alone_and_may_be_read_only():
    frozen = x.copy()
    frozen.flags.writeable = False
    functional.max_pool2d(frozen[:, :, ::-1], 2)[...] = 0
    np.testing.assert_array_equal(frozen, x)


def test_importing_does_not_import_torch():
    code = "import sys, convcourse.provided; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
