"""One at a time: an assignment is graded or released by one process, and the others are told."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from convcourse.errors import UsageError

if TYPE_CHECKING:  # what starts a batch need not wait for nbgrader
    from nbgrader.coursedir import CourseDirectory


@contextlib.contextmanager
def exclusive(directory: "CourseDirectory", assignment: str) -> Iterator[None]:
    """Keep others out of an assignment; the lock goes with this process.

    Parameters
    ----------
    directory : nbgrader.coursedir.CourseDirectory
        The lock is a file beside what students have handed in.
    assignment : str
    """
    import fcntl

    submitted = Path(directory.format_path(directory.submitted_directory, ".", ".")).resolve()
    path = submitted.parent / f".grading-{assignment}.lock"
    try:
        file = open(path, "w")  # noqa: SIM115 (held until the end)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"{assignment} is being graded or released already (lock {path})") from None
        yield
