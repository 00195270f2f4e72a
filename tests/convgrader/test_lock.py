"""One process at a time has an assignment."""

import pytest

from convcourse.errors import UsageError
from convgrader import lock


def test_a_second_one_is_told_and_another_assignment_is_free(tmp_path):
    with lock.held(tmp_path, "pooling"):
        with pytest.raises(UsageError, match="pooling is being graded already"), lock.held(tmp_path, "pooling"):
            raise AssertionError("two have it")
        with lock.held(tmp_path, "layer"):
            pass
    with lock.held(tmp_path, "pooling"):
        pass


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(UsageError, match="cannot write"), lock.held(tmp_path / "none", "pooling"):
        raise AssertionError("there is no such folder")
