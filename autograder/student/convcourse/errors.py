"""All errors of this package, and what they are for.

::

    CourseError
    ├── UsageError        what was asked for on the command line cannot be done: printed, and the exit status is 2
    ├── VersionError      a notebook needs another version of this package
    └── ModelError        a network that was handed in cannot be graded; also a ValueError
"""

from collections.abc import Sequence


def not_provided(name: str, names: Sequence[str]) -> str:
    """Say that a notebook does not hand out a function.

    Examples
    --------
    >>> not_provided("conv2d", [])
    'conv2d is not handed out with this notebook, which hands out nothing: write your own.'
    """
    handed_out = ", ".join(names) or "nothing"
    return f"{name} is not handed out with this notebook, which hands out {handed_out}: write your own."


class CourseError(Exception):
    """Something that a person has to mend; the message says what, in one sentence."""


class UsageError(CourseError):
    """What is wrong with what was asked for: printed, and the exit status is 2."""


class VersionError(CourseError):
    """A notebook and the installed package do not fit each other."""


class ModelError(CourseError, ValueError):
    """What is wrong with a network that was handed in."""
