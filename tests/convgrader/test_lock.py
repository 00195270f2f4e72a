"""One process at a time has an assignment."""

import pytest
from nbgrader.coursedir import CourseDirectory

from convcourse.errors import UsageError
from convgrader import lock


def test_a_second_one_is_told_and_another_assignment_is_free(tmp_path):
    course = CourseDirectory(root=str(tmp_path))
    with lock.exclusive(course, "pooling"):
        refused = pytest.raises(UsageError, match="pooling is being graded or released already")
        with refused, lock.exclusive(CourseDirectory(root=str(tmp_path)), "pooling"):
            raise AssertionError("two have it")
        with lock.exclusive(course, "layer"):
            pass
    with lock.exclusive(course, "pooling"):
        pass


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    nowhere = CourseDirectory(root=str(tmp_path / "none"))
    with pytest.raises(UsageError, match="cannot write"), lock.exclusive(nowhere, "pooling"):
        raise AssertionError("there is no such folder")
