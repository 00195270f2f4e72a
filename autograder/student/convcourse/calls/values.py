"""The types that all packages share: arrays, functions, and whatever comes from a student.

On the untrusted side of grading, too, there is no more to import than NumPy.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]
Function: TypeAlias = Callable[..., Any]
SubmittedValue: TypeAlias = object  # nothing is known of it before somebody has looked
