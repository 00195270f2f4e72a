"""What keeps a command of nbgrader's from its work is told as nbgrader tells it: in a sentence, without a traceback."""

import contextlib

from nbgrader.converters.base import NbGraderException
from sqlalchemy.exc import OperationalError

from convcourse.errors import UsageError
from convgrader.errors import DatabaseError, GraderError


@contextlib.contextmanager
def in_a_sentence(log):
    """Write the sentence of an error of ours to a log, and raise nbgrader's error, which its commands end with."""
    try:
        yield
    except (UsageError, GraderError) as error:
        log.error(str(error))
        raise NbGraderException(str(error)) from None


@contextlib.contextmanager
def naming(url):
    """Say of what cannot be done with a database which one it is: DatabaseError."""
    try:
        yield
    except OperationalError as error:
        raise DatabaseError(f"cannot use the database {url}: {error.orig}") from error
