"""Compare values up to rounding, element by element, and say in a sentence how they differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convcourse.calls.values import Array, SubmittedValue

NOISE, NOISE32 = 1e-14, 1e-6  # allowed where an element adds nothing up, relative to the largest that does


@dataclass(frozen=True)
class Difference:
    """How a value differs from what is right; `where` is the index of the worst element of output number `output`."""

    message: str
    where: tuple[int, ...] | None = None
    output: int | None = None


def compare(actual: SubmittedValue, expected: Any, scale: Any = None, tolerance: float = 1e-10) -> Difference | None:
    """Return None if |actual - expected| <= tolerance * scale element by element, else a Difference.

    Whole numbers, strings, booleans and shapes must be equal; a tuple is compared item by item. NumPy's numbers are as
    good as Python's, and an array of one axis is as good as a tuple.

    Examples
    --------
    >>> compare(np.array([1.0, 2.0]), np.array([1.0, 2.0 + 1e-14]))
    >>> compare(np.array([1.0, 2.0]), np.array([1.0, 3.0])).message
    'The values differ: the largest error is 1, at index (1,), got 2, expected 3.'
    >>> compare(np.array([2.0000001]), np.array([2.0])).message
    'The values differ: the largest error is 1e-07, at index (0,), got 2.0000001, expected 2.'
    >>> compare(np.zeros((2, 3)), np.zeros((3, 2))).message
    'The shape is (2, 3), expected (3, 2).'
    >>> compare(np.array([3, 4]), (3, 4))
    """
    if isinstance(expected, tuple | list):
        return _compare_items(actual, expected, scale, tolerance)
    if actual is None and expected is not None:
        return Difference("It returned None: is the return statement missing?")
    if expected is None or isinstance(expected, str | bool | np.bool_):
        return None if _equal(actual, expected) else Difference(f"It returned {_short(actual)}, expected {expected}.")
    if isinstance(actual, np.ndarray) and actual.shape == (1,) and np.ndim(expected) == 0:
        actual = actual[0]
    if isinstance(expected, int | np.integer):
        return _compare_whole(actual, int(expected))
    return _compare_arrays(actual, np.asarray(expected), scale, tolerance)


def _equal(actual: SubmittedValue, expected: str | bool | np.bool_ | None) -> bool:
    if isinstance(actual, np.ndarray) and actual.ndim == 0:
        actual = actual[()]
    if isinstance(expected, bool | np.bool_):
        return isinstance(actual, bool | np.bool_) and bool(actual) == bool(expected)
    if isinstance(expected, str):
        return isinstance(actual, str) and actual == expected  # np.str_ is a str
    return actual is None and expected is None


def _compare_items(actual: SubmittedValue, expected: Sequence[Any], scale: Any, tolerance: float) -> Difference | None:
    items = _items_in(actual, is_split=not any(isinstance(item, np.ndarray) for item in expected))
    if items is None:
        return Difference(f"It returned {_short(actual)}, expected a tuple of {len(expected)} values.")
    if len(items) != len(expected):
        return Difference(f"It returned {len(items)} values, expected {len(expected)}.")
    items = tuple(items) if isinstance(items, np.ndarray) else items  # no more of them than are expected
    scales = scale if isinstance(scale, tuple | list) else [scale] * len(expected)
    for number, (item, right, size) in enumerate(zip(items, expected, scales, strict=True)):
        difference = compare(item, right, size, tolerance)
        if difference is not None:
            if all(isinstance(each, int | np.integer) for each in expected):
                message = f"It returned {_short(items)}, expected {_short(expected)}."
            else:
                which = f"Of the {len(expected)} results that it returns, number {number + 1} is wrong. "
                message = which + difference.message
            return Difference(message, difference.where, number)
    return None


def _items_in(actual: SubmittedValue, is_split: bool) -> Sequence[Any] | Array | None:
    """Return the items of a tuple or a list; if it `is_split`, those of an array, too, along its first axis."""
    if is_split and isinstance(actual, np.ndarray) and actual.ndim and actual.dtype.kind in "iufb":
        return actual
    return actual if isinstance(actual, tuple | list) else None


def _compare_whole(actual: SubmittedValue, expected: int) -> Difference | None:
    number = actual if type(actual) is int else _number_in(actual)
    if number == expected:  # of Python's numbers, which does not round
        return None
    return Difference(f"It returned {_short(actual)}, expected {expected}.")


def _number_in(actual: SubmittedValue) -> int | float | None:
    """Return the one number that a value of NumPy's, or of Python's, is; None where it is something else."""
    try:
        number: Array = np.asarray(actual)
    except ValueError:  # a ragged list
        return None
    return number.item() if number.ndim == 0 and number.dtype.kind in "iuf" else None


def _compare_arrays(actual: SubmittedValue, expected: Array, scale: Any, tolerance: float) -> Difference | None:
    wanted = f"an array of shape {expected.shape}" if expected.ndim else f"a number, {distinct(expected, np.nan)[0]}"
    try:
        array: Array = np.asarray(actual)
    except Exception:
        return Difference(f"It returned {_short(actual)}, expected {wanted}.")
    if array.dtype.kind == "c":
        return Difference("It returned complex numbers, expected real ones: take the real part where that is right.")
    if array.dtype.kind not in "iufb":
        return Difference(f"It returned {_short(actual)}, expected {wanted}.")
    if array.shape != expected.shape:
        return Difference(f"The shape is {array.shape}, expected {expected.shape}.")
    return _largest_error(array, expected, scale, tolerance)


def _largest_error(array: Array, expected: Array, scale: Any, tolerance: float) -> Difference | None:
    a, b = array.astype(float), expected.astype(float)
    size = np.abs(b).max(initial=0.0, where=np.isfinite(b)) if scale is None else np.asarray(scale, dtype=float)
    alike = (a == b) | (np.isnan(a) & np.isnan(b))
    if alike.all():
        return None
    with np.errstate(all="ignore"):
        error = np.where(alike, 0.0, np.abs(a - b))
        size = np.broadcast_to(np.where(np.isfinite(size), np.abs(size), 0.0), a.shape)
        # Where nothing is added up, as where a window lies in the padding alone, rounding may still come from beside.
        noise = (NOISE if tolerance < NOISE32 else NOISE32) * size.max(initial=0.0)
        allowed = np.where(size == 0, noise, tolerance * size) + 1e-300
        excess = np.where(np.isnan(error), np.inf, error / allowed)
    if not excess.size or excess.max() <= 1:
        return None
    where = tuple(int(i) for i in np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error)), a.shape))
    if excess[where] <= 1:
        where = tuple(int(i) for i in np.unravel_index(np.argmax(excess), a.shape))
    at = f" at index {where}," if where else ""
    got, right = distinct(a[where], b[where])
    if array.dtype.kind == expected.dtype.kind == "b":
        return Difference(f"The values differ:{at} got {array[where]}, expected {expected[where]}.", where)
    largest = "" if np.isnan(error[where]) else f" the largest error is {error[where]:.3g},"
    return Difference(f"The values differ:{largest}{at} got {got}, expected {right}.", where)


def distinct(one: Any, other: Any) -> tuple[str, str]:
    """Write two numbers that differ with as many digits as it takes to see that; NaN and infinity in words.

    Examples
    --------
    >>> distinct(2.0, 3.0), distinct(2.0, 2.0 + 1e-9), distinct(float("nan"), -float("inf"))
    (('2', '3'), ('2', '2.000000001'), ('NaN (not a number)', 'minus infinity'))
    """
    words = {"nan": "NaN (not a number)", "inf": "infinity", "-inf": "minus infinity"}
    for digits in (6, 9, 12, 15, 17):
        first, second = f"{float(one):.{digits}g}", f"{float(other):.{digits}g}"
        if first != second:
            break
    return words.get(first, first), words.get(second, second)


def same(one: object, other: object, noise: float = 1e-12, tolerance: float = 1e-6) -> bool:
    """Say whether two values of any kind are equal up to rounding; numbers below `noise` are as good as zero."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key], noise, tolerance) for key in one)
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(same(a, b, noise, tolerance) for a, b in pairs)
    numbers = (int, float, np.number, np.ndarray)
    if isinstance(one, numbers) and isinstance(other, numbers):
        a: Array = np.asarray(one)
        b: Array = np.asarray(other)
        if a.shape != b.shape:
            return False
        if a.dtype.kind in "iuO" and b.dtype.kind in "iuO":  # "O": integers of more than 64 bits
            return bool(np.all(a == b))
        if a.dtype.kind == "O" or b.dtype.kind == "O":
            return False
        b = b.astype(float)
        largest = np.abs(b).max(initial=noise / tolerance, where=np.isfinite(b))
        return compare(a, b, largest, tolerance) is None
    return type(one) is type(other) and isinstance(one, str | bool | None.__class__) and one == other


def _short(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    value = _plain(value)
    try:
        text = " ".join(repr(value).split()) if isinstance(value, int | float | str | tuple | list) else ""
    except ValueError:  # Python writes no integer of more than 4,300 digits
        text = ""
    return text if text and len(text) <= 80 else f"a value of type {type(value).__name__}"


def _plain(value: Any) -> Any:
    """Return Python's numbers for NumPy's, inside of tuples and lists too."""
    if isinstance(value, tuple | list):
        return type(value)(map(_plain, value))
    return value.item() if isinstance(value, np.generic) else value
