"""What a student of the course on convolutional networks installs: the checks, the networks, the commands.

A notebook begins with ``check = convcourse.checker("pooling", needs="0.3")``. Importing this package imports nothing
else: a sandbox, where grading runs a student's code, must not find PyTorch in it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcourse.notebook_check import NotebookCheck

COURSE = "Convolutional networks, computed"  # a notebook looks at this: another package of our name is not ours
__version__ = "0.3.0"


def checker(topic: str, needs: str | None = None, provided: Sequence[str] = ()) -> "NotebookCheck":
    """Return the function `check` of a topic's notebook: see ``convcourse.notebook_check.checker``."""
    from convcourse.notebook_check import checker

    return checker(topic, needs, provided)
