"""What is right for the cases of a check, and what its known mistakes give: computed once, and kept on the check."""

import contextlib
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from convcourse.calls.call import LocalFunction, Outcome, mapped
from convcourse.calls.values import Array, SubmittedValue
from convcourse.engine.compare import compare, same
from convcourse.engine.model import Case, Mistake
from convcourse.engine.sampling import Sampler

if TYPE_CHECKING:
    from convcourse.engine.check import Check

PATIENCE = 60.0  # seconds for a known mistake, which ends: what it gave must not hang on how busy a machine is


class Expectation(NamedTuple):
    """What is right for a case: the value, the size of what was added up for it, and how far rounding may go."""

    value: Any
    scale: Any
    tolerance: float


def rng_of(seed: int, *names: object) -> np.random.Generator:
    """Return the generator that belongs to a seed and some names."""
    # Not hash(): that of a text differs from process to process, and a seed must draw the same cases everywhere.
    return np.random.default_rng([seed, zlib.crc32(repr(names).encode())])


def drawn(check: "Check", seed: int) -> tuple[Case, ...]:
    """Return the further cases that `seed` draws, the same ones every time.

    ValueError where one of them belongs to no part of the points: it could not cost any.
    """
    if check.draw_case is None:
        return ()
    if seed not in check.cache.drawn:
        sampler = Sampler(rng_of(seed, check.name))
        cases = tuple(check.draw_case(sampler) for _ in range(check.draw_count))
        unknown = {case.part for case in cases} - set(check.parts)
        if unknown:
            raise ValueError(f"{check.name}: drawn cases are of the parts {sorted(unknown)}, which there are not")
        check.cache.drawn[seed] = cases
    return check.cache.drawn[seed]


def expectation(check: "Check", case: Case) -> Expectation:
    """Return what is right for a case, computed once."""
    if case not in check.cache.expectations:
        wide, absolute = _map_floats(case, np.float64, lambda a: a), _map_floats(case, np.float64, np.abs)
        value = check.oracle_needed(*wide.args, **wide.kwargs)
        scale = (check.scale or check.oracle_needed)(*absolute.args, **absolute.kwargs)
        tolerance = check.tolerance32 if has_single(case) else check.tolerance
        check.cache.expectations[case] = Expectation(value, scale, tolerance)
    return check.cache.expectations[case]


def has_single(case: Case) -> bool:
    """Say whether any array in the arguments of a case is of float32."""
    return any(array.dtype == np.float32 for array in case.arrays)


def is_double(case: Case) -> bool:
    """Say whether the arguments of a case ask for float64: it is among their arrays, and float32 is not."""
    return not has_single(case) and any(array.dtype == np.float64 for array in case.arrays)


def _map_floats(case: Case, dtype: DTypeLike, function: Callable[[Array], Array]) -> Case:
    def convert(array: Array) -> Array:
        return function(array.astype(dtype)) if array.dtype.kind == "f" else array

    return replace(case, args=mapped(case.args, convert), kwargs=mapped(case.kwargs, convert))


def as_expected(value: SubmittedValue, expected: Any) -> tuple[SubmittedValue, bool]:
    """Return (value, was it a list?) with a list turned into an array where an array is expected."""
    if isinstance(expected, np.ndarray) and isinstance(value, list):
        with contextlib.suppress(ValueError, TypeError):
            return np.asarray(value), True
    if isinstance(expected, tuple) and isinstance(value, tuple | list) and len(value) == len(expected):
        pairs = [as_expected(v, e) for v, e in zip(value, expected)]
        return tuple(v for v, _ in pairs), any(was_list for _, was_list in pairs)
    return value, False


def dtype_kept(value: SubmittedValue, expected: Any, case: Case) -> bool:
    """Say whether arrays of fractions come out as float32 or float64, as arrays went in; not asked of numbers."""
    floats = [array.dtype for array in case.arrays if array.dtype.kind == "f"]
    if isinstance(expected, tuple) and isinstance(value, tuple | list):
        return all(dtype_kept(item, right, case) for item, right in zip(value, expected, strict=False))
    if not floats or not isinstance(value, np.ndarray) or value.ndim == 0 or value.dtype.kind != "f":
        return True
    is_of_fractions = isinstance(expected, np.ndarray) and expected.dtype.kind == "f"
    return not is_of_fractions or value.dtype == np.result_type(*floats)


def mistake_outcomes(check: "Check", mistake: Mistake) -> list[Outcome]:
    """Return what a known mistake gives on the table, computed once."""
    if mistake not in check.cache.mistake_outcomes:
        local = LocalFunction(mistake.function)
        check.cache.mistake_outcomes[mistake] = [local.call(case.args, case.kwargs, PATIENCE) for case in check.cases]
    return check.cache.mistake_outcomes[mistake]


def mistake_cases(check: "Check", mistake: Mistake) -> set[int] | None:
    """Return in which cases of the table a known mistake is seen, by number; None where a judge decides."""
    if check.judge is not None:
        return None
    if mistake not in check.cache.mistake_cases:
        outcomes = zip(check.cases, mistake_outcomes(check, mistake), strict=True)
        check.cache.mistake_cases[mistake] = {
            number for number, (case, outcome) in enumerate(outcomes) if not _is_right(check, case, outcome)
        }
    return check.cache.mistake_cases[mistake]


def _is_right(check: "Check", case: Case, outcome: Outcome) -> bool:
    right, scale, tolerance = expectation(check, case)
    return outcome.ok and compare(as_expected(outcome.value, right)[0], right, scale, tolerance) is None


def rounding_floor(check: "Check", case: Case) -> float:
    """Return the size below which a number that a case leads to is rounding."""
    scale = expectation(check, case).scale if check.oracle is not None else None
    if not isinstance(scale, int | float | np.ndarray | np.generic):
        return 1e-12
    sizes = np.abs(np.asarray(scale, dtype=float))
    return float(1e-12 * sizes.max(initial=0.0, where=np.isfinite(sizes))) or 1e-12


def agree(one: Outcome, other: Outcome, noise: float = 1e-12) -> bool:
    """Say whether two outcomes are the same: both failed alike, or values equal up to rounding."""
    if one.ok and other.ok:
        return same(one.value, other.value, noise)
    return one.kind == other.kind
