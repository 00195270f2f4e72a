"""A fault in one helper is paid once: a check that fails runs again with right helpers in the place of wrong ones.

Many answers call functions of earlier tasks, their helpers. Where one of those is wrong, its own task has lost the
points, and what is built on it must not lose them again. So a check that fails runs once more while right helpers,
which are the oracles of their checks, are lent in the place of the student's own, and the better of both verdicts
counts. This is the rule, at home and where submissions are graded:

- A helper of a task is what `Check.builds_on` names, and what those build on. It is a graded task that stands earlier
  in the notebook and has an oracle, and right answers to the task call it. It must not give the task away: what a
  helper gives for the task's own arguments, in any order, is no answer to it, nor to a later task that is lent others.
- Lent are those helpers alone that fail their own checks. Their own tasks stay failed.
- Both runs are the same check: it compares with its oracle, and never with a helper, whoever wrote that. Values that
  are right have earned their points, also where two faults cancel.
- A network's check asks for the student's own functions, so none is lent to it.
- Where submissions are graded, the second runs come after all first ones, in the notebook's order. What a student's
  code learns from a helper that is lent comes too late for the helper's own task and for all before it. A helper
  answers during that one run and at no other time, and it is the grader's side that sees to this.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from convcourse.calls.call import arrays_in, mapped
from convcourse.calls.values import Array
from convcourse.engine.check import Check, Gradable
from convcourse.engine.model import Verdict


def helper_names(checks: Mapping[str, Gradable], name: str) -> list[str]:
    """Return the names of all helpers of a task; `checks` are those of its topic, by name.

    Examples
    --------
    >>> from convcourse import checks
    >>> helper_names(checks.load("convolution"), "cross_correlate1d")
    ['convolve1d', 'mode_padding', 'output_size']
    """
    names = list(checks[name].builds_on)
    for helper in names:  # grows while it is gone through
        names += [more for more in checks[helper].builds_on if more not in names]
    return names


def right_function(check: Check) -> Callable[..., Any]:
    """Return a right function for the task of a check: its oracle, whatever kind of numbers it is called with.

    float32 gives float32, lists count as arrays, and whole numbers as fractions where an oracle needs them so.
    """
    oracle, dtype_kinds = check.oracle_needed, _dtype_kinds(check)
    signature = inspect.signature(oracle)

    def function(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        dtypes = [array.dtype for array in arrays_in(bound.arguments) if array.dtype.kind == "f"]
        for name, value in bound.arguments.items():
            is_array = name in dtype_kinds and value is not None
            bound.arguments[name] = _as_double(_as_array(value, dtype_kinds[name]) if is_array else value)
        value = oracle(*bound.args, **bound.kwargs)
        return _of_dtype(value, np.result_type(*dtypes) if dtypes else None)

    function.__name__ = check.name
    return function


def _dtype_kinds(check: Check) -> dict[str, set[str]]:
    """Return which arguments of a check's cases are arrays: name -> the kinds of their dtypes."""
    signature = inspect.signature(check.oracle_needed)
    kinds: dict[str, set[str]] = {}
    for case in check.cases:
        for name, value in signature.bind(*case.args, **case.kwargs).arguments.items():
            if isinstance(value, np.ndarray):
                kinds.setdefault(name, set()).add(value.dtype.kind)
    return kinds


def _as_array(value: Any, kinds: set[str]) -> Array:
    """Return an argument as an array; `kinds` are those of its dtypes in the cases of the task.

    Where there are fractions among them, bytes become fractions, and so do whole numbers if there are none of these.
    """
    array: Array = np.asarray(value)
    is_whole = array.dtype.kind == "u" or (array.dtype.kind == "i" and "i" not in kinds)
    return array.astype(float) if is_whole and "f" in kinds else array


def _as_double(value: Any) -> Any:
    """Return a value with float64 in the place of its arrays of fractions: what is right is computed so."""
    return mapped(value, lambda array: array.astype(np.float64) if array.dtype.kind == "f" else array)


def _of_dtype(value: Any, dtype: np.dtype[Any] | None) -> Any:
    """Return a copy of a value, its arrays of fractions of this dtype if one is given."""
    return mapped(value, lambda a: a.astype(dtype if dtype is not None and a.dtype.kind == "f" else a.dtype))


def with_note(verdict: Verdict, names: Sequence[str]) -> Verdict:
    """Return the verdict of a second run: it says which helpers were lent.

    Examples
    --------
    >>> print(with_note(Verdict("convolve1d", 5, 5, {}), ["mode_padding"]))
    ✓ convolve1d: 5 of 5 points
      This counts with a right mode_padding in the place of yours, which fails its own check.
    >>> print(with_note(Verdict("convolve1d", 5, 5, {}), ["mode_padding", "output_size"]))
    ✓ convolve1d: 5 of 5 points
      This counts with a right mode_padding and output_size in the place of yours, which fail their own checks.
    """
    *first_names, last = names
    listed = f"{', '.join(first_names)} and {last}" if first_names else last
    fails = "fail their own checks" if first_names else "fails its own check"
    note = f"This counts with a right {listed} in the place of yours, which {fails}."
    return replace(verdict, notes=(note, *verdict.notes))
