"""What a function gave on the table of a check, in a few characters: so that answers that are wrong alike are found."""

import hashlib
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from convcourse.calls.call import Outcome
from convcourse.calls.values import Array, SubmittedValue

RIGHT, WRONG, ERROR, BLANK, NOT_CALLED = "r", "w", "e", "b", "-"
BITS, BITS32 = 10, 5  # of the largest number of an array: what differs by less is the same value
OFFSET = 0.382  # no boundary between two values lies where short fractions are


def letters_of(outcomes: Sequence[Outcome | None], wrong_cases: Collection[int]) -> str:
    """Return a letter for each case of the table: right, wrong, an error, blank or not called.

    Examples
    --------
    >>> letters_of([Outcome(), Outcome(), Outcome("raised"), Outcome("blank"), None], {1})
    'rweb-'
    """
    return "".join(_letter(outcome, number in wrong_cases) for number, outcome in enumerate(outcomes))


def _letter(outcome: Outcome | None, is_wrong: bool) -> str:
    if outcome is None:
        return NOT_CALLED
    if outcome.kind == "blank":
        return BLANK
    if not outcome.ok:
        return ERROR
    return WRONG if is_wrong else RIGHT


def digest_of(outcomes: Sequence[Outcome | None], wrong_cases: Collection[int]) -> str:
    """Return 16 hexadecimal digits that answers share whose wrong values are alike; "" where nothing is wrong.

    Values count up to rounding, errors by their kind.
    """
    sha256, is_right = hashlib.sha256(), True
    for number, outcome in enumerate(outcomes):
        if outcome is not None and (not outcome.ok or number in wrong_cases):
            is_right = False
            sha256.update(f"case {number}: {outcome.kind}".encode())
            for text in _texts(outcome.value) if outcome.ok else [outcome.problem.split(":")[0].encode()]:
                sha256.update(text)
    return "" if is_right else sha256.hexdigest()[:16]


def _texts(value: SubmittedValue) -> Iterator[bytes]:
    """Yield what tells a value from others that differ by more than rounding."""
    if isinstance(value, list | tuple | dict):
        items = [item for pair in value.items() for item in pair] if isinstance(value, dict) else value
        yield f"{len(items)} items".encode()
        for item in items:
            yield from _texts(item)
    elif isinstance(value, np.ndarray | np.number | float) and np.asarray(value).dtype.kind in "biufc":
        yield from _array_texts(np.asarray(value))
    elif isinstance(value, int) and not isinstance(value, bool):
        yield hex(value).encode()
    else:
        yield repr(value)[:1000].encode("utf-8", "backslashreplace")


def _array_texts(array: Array) -> Iterator[bytes]:
    yield str(array.shape).encode()
    if array.dtype.kind == "c":
        array = np.stack([array.real, array.imag])
    bits = BITS32 if array.dtype in (np.float32, np.float16) else BITS
    numbers = array.astype(np.float64)
    finite = np.abs(numbers[np.isfinite(numbers)])
    largest = finite.max(initial=0.0)
    exponent = round(float(np.log2(largest))) if largest else 0
    steps = np.floor(np.ldexp(numbers, bits - exponent) + OFFSET)
    yield np.where(np.isnan(steps), np.nan, steps + 0.0).tobytes()
