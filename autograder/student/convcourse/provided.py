"""What a notebook hands out of earlier topics: ``from convcourse.provided import conv2d``.

The same names can be imported at home and where submissions are graded: those that the notebook itself imports. When a
submission is graded, a stand-in for this module calls the functions on the grader's side: a student's has no PyTorch.
"""

from collections.abc import Callable, Sequence
from typing import Any

from convcourse.errors import not_provided
from convcourse.functional import FUNCTIONS

_names: tuple[str, ...] | None = None  # what may be imported; everything, where no notebook has said what it hands out


def hand_out(names: Sequence[str]) -> None:
    """Let these functions be imported, and no others."""
    global _names  # noqa: PLW0603 (an import has no other place to ask)
    _names = tuple(names)


def __getattr__(name: str) -> Callable[..., Any]:
    if name not in FUNCTIONS:
        raise AttributeError(f"module 'convcourse.provided' has no attribute {name!r}")
    if _names is not None and name not in _names:
        raise ImportError(not_provided(name, _names))
    return FUNCTIONS[name]
