"""What a claim on trial is answered with: a verdict and its evidence."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from convcourse.calls.values import SubmittedValue

MAX_NUMBERS = 10_000  # numbers in the evidence: what a judge computes with them may take a multiple of their memory
MAX_MAGNITUDE = 1e9  # evidence with larger numbers could overflow a judge's arithmetic, and NaN differs from everything


def verdict_and_evidence(value: SubmittedValue) -> tuple[bool, Any]:
    """Take what a claim on trial was answered with apart: (True or False, evidence); raise for anything else."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError("return the verdict and the evidence, in this order")
    verdict, evidence = value
    if not isinstance(verdict, bool | np.bool_):
        raise TypeError("the verdict must be True or False")
    if _count(evidence) > MAX_NUMBERS:
        raise ValueError(f"keep the evidence to {MAX_NUMBERS:,} numbers")
    if any(abs(number) > MAX_MAGNITUDE for number in _extremes(evidence)):
        raise ValueError(f"keep the numbers of the evidence between {-MAX_MAGNITUDE:g} and {MAX_MAGNITUDE:g}")
    return bool(verdict), evidence


def _count(evidence: SubmittedValue) -> int:
    """Return how many numbers the evidence holds, whatever holds them; a text counts as one."""
    if isinstance(evidence, dict):
        evidence = [*evidence.values()]
    if isinstance(evidence, tuple | list):
        return sum(map(_count, evidence))
    return evidence.size if isinstance(evidence, np.ndarray) else 1


def _extremes(evidence: SubmittedValue) -> Iterator[float]:
    """Yield the largest and the smallest number of whatever holds numbers in the evidence."""
    if isinstance(evidence, tuple | list):
        for item in evidence:
            yield from _extremes(item)
    elif isinstance(evidence, int | float | np.number | np.ndarray):
        array = np.asarray(evidence)
        if array.dtype.kind in "iuf" and array.size:
            yield from (float(array.max()), float(array.min()))
