"""The kinds of inputs that every check tries beside its own cases, made from those cases.

What students get wrong without noticing is much the same everywhere: integers that cut off fractions, bytes that wrap
around, a step that is right for numbers near 1 alone, a result that is remembered or handed out twice. A check need not
list such cases; it says in ``exempt`` which kinds make no sense for its function, and why.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from convcourse.calls.call import mapped
from convcourse.calls.values import Array
from convcourse.engine.model import Case

if TYPE_CHECKING:
    from convcourse.engine.check import Check


class Variation(NamedTuple):
    """A case that the function is called with, and the case whose right answer is its own."""

    case: Case
    reference: Case


@dataclass(frozen=True)
class Kind:
    """A kind of input: its name, what a student reads when it goes wrong, and how it is made of a case.

    ``vary(case)`` lists the variations of a case.
    """

    name: str
    message: str
    vary: Callable[[Case], list[Variation]]


def map_floats(case: Case, change: Callable[[Array], Array], only: tuple[int, ...] | None = None) -> Case:
    """Return a case with its arrays of floating-point numbers changed, of those that `only` counts if it is given.

    Examples
    --------
    >>> map_floats(Case((np.array([0.5, 1.5]), 2)), np.rint).args
    (array([0., 2.]), 2)
    """
    number = iter(range(10_000))

    def convert(array: Array) -> Array:
        is_meant = array.dtype.kind == "f" and (only is None or next(number) in only)
        return change(array) if is_meant else array

    return replace(case, args=mapped(case.args, convert), kwargs=mapped(case.kwargs, convert))


def floats_in(case: Case) -> list[Array]:
    """List the arrays of floating-point numbers in the arguments of a case."""
    return [array for array in case.arrays if array.dtype.kind == "f"]


def _whole(case: Case) -> list[Variation]:
    """All arrays hold integers, then each of them alone, then all others but it."""
    every = range(len(floats_in(case)))
    single = [(number,) for number in every] if len(every) > 1 else []
    others = [tuple(set(every) - {number}) for number in every] if len(every) > 2 else []
    return [_of_dtype(case, _rounded, np.int64, only) for only in (tuple(every), *single, *others)]


def _bytes(case: Case) -> list[Variation]:
    return [_of_dtype(case, lambda array: np.clip(np.rint(60 * np.abs(array)), 0, 255), np.uint8, (0,))]


def _of_dtype(case: Case, values: Callable[[Array], Array], dtype: DTypeLike, only: tuple[int, ...]) -> Variation:
    changed = map_floats(case, lambda array: values(array.astype(np.float64)), only)
    reference = map_floats(changed, lambda array: array.astype(float))
    return Variation(map_floats(changed, lambda array: array.astype(dtype), only), reference)


def _rounded(array: Array) -> Array:
    rounded: Array = np.rint(3 * array)
    return rounded


def _single(case: Case) -> list[Variation]:
    single = map_floats(case, lambda array: array.astype(np.float32))
    return [Variation(single, single)]


def _scaled(case: Case) -> list[Variation]:
    def scaled(factor: float) -> Case:
        return map_floats(case, lambda array: factor * array, (0,))

    return [Variation(each, each) for each in (scaled(1e6), scaled(1e-3))]


def _again(case: Case) -> list[Variation]:
    """The same call twice in a row, then one with other values, where these are sure to be of the same kind."""
    other = map_floats(case, lambda array: array[(slice(None, None, -1),) * array.ndim].copy())
    return [Variation(each, each) for each in (case, case, *([other] if is_plain(case) else []))]


WHOLE = Kind(
    "whole numbers",
    "It goes wrong with whole numbers: an array of integers cuts off fractions, and it holds no infinity.",
    _whole,
)
BYTES = Kind(
    "bytes",
    "It goes wrong with bytes (uint8), as photographs have them: sums and differences of them wrap around at 256.",
    _bytes,
)
SCALE = Kind(
    "scale",
    "It goes wrong when the numbers are much larger or smaller: is a step, a bound or a tolerance of yours absolute?",
    _scaled,
)
AGAIN = Kind(
    "again",
    "It goes wrong when it is called once more, with arrays of the same shapes: it must not remember an earlier call.",
    _again,
)
SINGLE = Kind("float32", "It goes wrong with float32.", _single)
KINDS = (SINGLE, WHOLE, BYTES, SCALE, AGAIN)


def variations(check: "Check", kind: Kind) -> list[Variation]:
    """List the variations of a kind for a check: made of the smallest case with arrays of every part.

    There are none where the check is exempt, or of bytes where no photograph goes in. A judge knows what it was written
    for: it is asked about other values of the same shape alone.
    """
    if kind.name in check.exempt or (kind is BYTES and not check.photographs):
        return []
    if check.judge is not None and kind is not AGAIN:
        return []
    if kind.name not in check.cache.variations:
        check.cache.variations[kind.name] = _variations(check, kind)
    return check.cache.variations[kind.name]


def is_plain(case: Case) -> bool:
    """Say whether a case has arrays of fractions, and these hold finite numbers, and more than one."""
    arrays = floats_in(case)
    return bool(arrays) and all(np.isfinite(array).all() and array.size > 1 for array in arrays)


def _variations(check: "Check", kind: Kind) -> list[Variation]:
    chosen: dict[str, Case] = {}
    for case in check.cases:
        if is_plain(case) or kind is AGAIN:
            best = chosen.setdefault(case.part, case)
            chosen[case.part] = min(best, case, key=lambda one: (not is_plain(one), one.size < 8, one.size))
    return [variation for case in chosen.values() for variation in kind.vary(case)]
