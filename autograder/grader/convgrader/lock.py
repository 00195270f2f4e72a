"""One at a time: an assignment is graded or released by one process, and the others are told."""

import contextlib

from convcourse.errors import UsageError


@contextlib.contextmanager
def held(folder, assignment):
    """Keep others out of an assignment; the lock, a file in `folder`, goes with this process."""
    import fcntl

    path = folder / f".grading-{assignment}.lock"
    try:
        file = open(path, "w")  # noqa: SIM115 (held until the end)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"{assignment} is being graded already (lock {path})") from None
        yield
