"""An error of ours is nbgrader's error with the same sentence, and all others stay what they are."""

import logging

import pytest
from nbgrader.converters.base import NbGraderException
from sqlalchemy.exc import IntegrityError, OperationalError

from convcourse.errors import UsageError
from convgrader.errors import DatabaseError, IsolationError
from convgrader.nbgrader_plugin.error_translation import as_nbgrader_error, database_errors


@pytest.mark.parametrize("error", [UsageError("no such thing"), IsolationError("no such thing")], ids=repr)
def test_an_error_of_ours_is_logged_and_ends_the_command(error, caplog):
    with pytest.raises(NbGraderException, match="no such thing"), as_nbgrader_error(logging.getLogger()):
        raise error
    assert [record.getMessage() for record in caplog.records] == ["no such thing"]


def test_a_fault_of_the_code_keeps_its_traceback(caplog):
    with pytest.raises(ZeroDivisionError), as_nbgrader_error(logging.getLogger()):
        1 / 0  # noqa: B018
    assert not caplog.records


def test_a_database_is_named():
    with (
        pytest.raises(DatabaseError, match="cannot use the database sqlite:///x: it is locked"),
        database_errors("sqlite:///x"),
    ):
        raise OperationalError("SELECT 1", {}, Exception("it is locked"))


def test_a_row_that_the_database_refuses_is_a_fault_of_the_code():
    with pytest.raises(IntegrityError), database_errors("sqlite:///x"):
        raise IntegrityError("INSERT", {}, Exception("UNIQUE constraint failed"))
