"""The types that all packages share: arrays, and whatever comes from a student.

On the untrusted side of grading, too, there is no more to import than NumPy.
"""

from typing import Any, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]
SubmittedValue: TypeAlias = object  # nothing is known of it before somebody has looked
