"""All errors of this package, and what they are for.

::

    CourseError
    ├── UsageError        what was asked for on the command line cannot be done: printed, and the exit status is 2
    ├── VersionError      a notebook needs another version of this package
    └── ModelError        a network that was handed in cannot be graded; also a ValueError
"""


class CourseError(Exception):
    """Something that a person has to mend; the message says what, in one sentence."""


class UsageError(CourseError):
    """What is wrong with what was asked for: printed, and the exit status is 2."""


class VersionError(CourseError):
    """A notebook and the installed package do not fit each other."""


class ModelError(CourseError, ValueError):
    """What is wrong with a network that was handed in."""
