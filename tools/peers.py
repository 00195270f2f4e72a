"""Hand the known wrong answers to `conv2d` to public graders of the same task, beside ours.

    python -m tools.peers --tinytorch FOLDER --deep-ml FOLDER [--page FILE]

FOLDER is a checkout of MLSysBook/TinyTorch, of Open-Deep-ML/DML-OpenProblem. Their tests run as they are. Of minitorch,
whose repository holds no solution, the two-dimensional tests are modelled: they compare the gradients with central
differences, and no value with anything. An answer counts for a grader if it is wrong on inputs that the grader's own
interface admits.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcourse import checks
from convcourse.calls.call import LocalFunction
from tools.mutation import verdict_on

Arguments = tuple[Any, ...]  # of conv2d: x, weight, and perhaps bias, stride, padding

HEAD = """\
| grader | its test | wrong answers | accepted |
|---|---|---|---|
"""


class TensorStub:
    """What TinyTorch's test knows of a tensor."""

    def __init__(self, data: NDArray[Any]) -> None:
        self.data, self.shape = data, data.shape


def layer_of(function: Callable[..., Any]) -> type:
    """Make a layer with the interface of TinyTorch's Conv2d, that computes with a function."""

    class Conv2d:
        def __init__(
            self,
            in_channels: int,
            out_channels: int,
            kernel_size: int,
            stride: int = 1,
            padding: int = 0,
            bias: bool = True,
        ) -> None:
            rng = np.random.default_rng(0)
            self.weight = TensorStub(rng.standard_normal((out_channels, in_channels, kernel_size, kernel_size)))
            self.bias = TensorStub(rng.standard_normal(out_channels)) if bias else None
            self.options = stride, padding

        def __call__(self, x: TensorStub) -> TensorStub:
            bias = None if self.bias is None else self.bias.data
            return TensorStub(function(x.data, self.weight.data, bias, *self.options))

        def parameters(self) -> list[TensorStub]:
            return [self.weight] if self.bias is None else [self.weight, self.bias]

    return Conv2d


def wrong_answers() -> dict[str, Callable[..., Any]]:
    """Return {name: function}: the mistakes that our check knows, and three with right shapes, of squares at least."""
    check = checks.of_functions("layer")["conv2d"]
    right = check.oracle_needed

    def exchanged(*args: Any, **kwargs: Any) -> NDArray[Any]:
        output = right(*args, **kwargs)
        return output.reshape(*output.shape[:2], *output.shape[:1:-1])

    return {mistake.name: mistake.function for mistake in check.mistakes} | {
        "zeros of the right shape": lambda *args, **kwargs: np.zeros_like(right(*args, **kwargs)),
        "ones of the right shape": lambda *args, **kwargs: np.ones_like(right(*args, **kwargs)),
        "height and width of the output exchanged": exchanged,
    }


def is_wrong(function: Callable[..., Any], inputs: Iterable[Arguments]) -> bool:
    """Say whether a function differs from what is right on any of the inputs."""
    right = checks.of_functions("layer")["conv2d"].oracle_needed
    for args in inputs:
        outcome = LocalFunction(function).call(tuple(map(_copy, args)), {}, 2.0)
        expected = right(*args)
        if not outcome.ok:
            return True
        actual = np.asarray(outcome.value)
        if actual.shape != expected.shape or not np.allclose(actual, expected):
            return True
    return False


def inputs(channels: int, options: Iterable[tuple[int, int]]) -> Iterator[Arguments]:
    """Draw arguments of `conv2d` for an interface: how many channels, which (stride, padding)."""
    rng = np.random.default_rng(0)
    for stride, padding in options:
        for (h, w), (kh, kw) in (((6, 8), (3, 2)), ((9, 5), (2, 4))):
            bias = rng.standard_normal(3) if channels > 1 else None
            weight = rng.standard_normal((3 if channels > 1 else 1, channels, kh, kw))
            yield rng.standard_normal((channels, channels, h, w)), weight, bias, stride, padding


OPTIONS = [(1, 0), (1, 1), (2, 0), (2, 1), (3, 2)]


def ours() -> list[str]:
    """Return the names that our check of `conv2d` accepts."""
    check = checks.of_functions("layer")["conv2d"]
    return [name for name, function in wrong_answers().items() if verdict_on(check, function).passed]


def tinytorch(root: Path) -> list[str]:
    """Run the graded cell of TinyTorch's convolution, on layers of its interface."""
    source = (root / "src/09_spatial/09_spatial.py").read_text(encoding="utf-8")
    start = source.index("def test_unit_conv2d")
    test = source[start : source.index("if __name__", start)]
    accepted = []
    for name, function in wrong_answers().items():
        space: dict[str, Any] = {"np": np, "Tensor": TensorStub, "Conv2d": layer_of(function), "print": lambda *_: None}
        exec(test, space)
        try:
            space["test_unit_conv2d"]()
            accepted.append(name)
        except Exception:
            continue
    return accepted


def deep_ml(root: Path) -> list[str]:
    """Run the tests of deep-ml's problem 41, a convolution of one channel; what they print is compared as numbers."""
    tests = json.loads((root / "questions/41_simple-convolutional-2d-layer/tests.json").read_text(encoding="utf-8"))
    accepted = []
    for name, function in wrong_answers().items():

        def simple_conv2d(
            matrix: NDArray[Any],
            kernel: NDArray[Any],
            padding: int,
            stride: int,
            function: Callable[..., Any] = function,
        ) -> NDArray[Any]:
            return function(matrix[None, None], kernel[None, None], None, stride, padding)[0, 0]

        def passes(test: dict[str, str], simple_conv2d: Callable[..., Any] = simple_conv2d) -> bool:
            space: dict[str, Any] = {"np": np, "simple_conv2d": simple_conv2d, "print": lambda *_: None}
            try:
                exec(test["test"], space)
            except Exception:
                return False
            expected = [float(number) for number in re.findall(r"-?\d+\.?\d*", test["expected_output"])]
            actual = np.ravel(space["output"])
            return actual.size == len(expected) and np.allclose(actual, expected, atol=1e-3)

        accepted += [name] if all(map(passes, tests)) else []
    return accepted


def minitorch() -> list[str]:
    """Model minitorch's two-dimensional tests: an answer passes if central differences agree with its own gradient."""
    return [name for name, function in wrong_answers().items() if _differences_agree(function)]


def _differences_agree(function: Callable[..., Any], step: float = 1e-3) -> bool:
    """Compare the gradient of an answer that is linear in each argument with central differences of its sum."""
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((2, 2, 6, 6)), rng.standard_normal((3, 2, 2, 4))

    def total(x: NDArray[Any], weight: NDArray[Any]) -> Any:
        return function(x, weight).sum()

    for number, array in enumerate((x, weight)):
        for index in [tuple(rng.integers(array.shape)) for _ in range(5)]:
            unit = np.zeros_like(array)
            unit[index] = 1
            both = [
                total(*(a + sign * step * unit if n == number else a for n, a in enumerate((x, weight))))
                for sign in (1, -1)
            ]
            gradient = total(*(unit if n == number else a for n, a in enumerate((x, weight)))) - total(
                *(np.zeros_like(a) if n == number else a for n, a in enumerate((x, weight)))
            )
            if not np.isclose((both[0] - both[1]) / (2 * step), gradient, rtol=1e-2, atol=1e-2):
                return False
    return True


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, or write it into a page."""
    parser = argparse.ArgumentParser(prog="python -m tools.peers", description=main.__doc__)
    parser.add_argument("--tinytorch", type=Path, required=True)
    parser.add_argument("--deep-ml", type=Path, required=True)
    parser.add_argument("--page", type=Path)
    options = parser.parse_args(arguments)
    many, one = list(inputs(2, OPTIONS)), list(inputs(1, OPTIONS))
    plain = [(x, weight) for x, weight, *_ in inputs(2, [(1, 0)])]
    wrong = wrong_answers()
    rows = [
        ("this course, `conv2d`", "values against PyTorch", list(wrong), ours()),
        (
            "TinyTorch, `test_unit_conv2d`, 15 points",
            "shapes, and numbers of parameters",
            _wrong(many),
            tinytorch(options.tinytorch),
        ),
        (
            "deep-ml, problem 41",
            "two printed results, of a square image and kernel",
            _wrong(one),
            deep_ml(options.deep_ml),
        ),
        ("minitorch, `Conv2dFun` (a model of its tests)", "central differences", _wrong(plain), minitorch()),
    ]
    table = HEAD
    for grader, test, counted, passed in rows:
        accepted = [name for name in passed if name in counted]
        table += f"| {grader} | {test} | {len(counted)} | {len(accepted)} |\n"
        print(grader, accepted, file=sys.stderr)
    if options.page:
        options.page.write_text(table, encoding="utf-8")
    else:
        print(table)


def _wrong(inputs: Iterable[Arguments]) -> list[str]:
    return [name for name, function in wrong_answers().items() if is_wrong(function, inputs)]


if __name__ == "__main__":
    main()
