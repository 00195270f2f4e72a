"""What keeps a command of nbgrader's from its work is told as nbgrader tells it: in a sentence, without a traceback."""

import contextlib
from collections.abc import Iterator
from logging import Logger

from nbgrader.converters.base import NbGraderException
from sqlalchemy import exc

from convcourse.errors import UsageError
from convgrader.errors import DatabaseError, GraderError

_UNUSABLE = (exc.OperationalError, exc.DatabaseError)  # locked, or no database; its other kinds are faults of the code


@contextlib.contextmanager
def as_nbgrader_error(log: Logger) -> Iterator[None]:
    """Write the sentence of an error of ours to a log, and raise nbgrader's error, which its commands end with."""
    try:
        yield
    except (UsageError, GraderError) as error:
        log.error(str(error))
        raise NbGraderException(str(error)) from None


@contextlib.contextmanager
def database_errors(url: str) -> Iterator[None]:
    """Say of what cannot be done with a database which one it is: DatabaseError."""
    try:
        yield
    except exc.DatabaseError as error:
        if type(error) not in _UNUSABLE:
            raise
        raise DatabaseError(f"cannot use the database {url}: {error.orig}") from error
