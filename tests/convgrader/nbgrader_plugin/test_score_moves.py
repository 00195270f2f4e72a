"""What submissions earn is read cell by cell: marks by hand count, and verdicts stand beside their cells."""

import pytest
from nbgrader.api import Gradebook

from convgrader.moves import CellScore
from convgrader.nbgrader_plugin import score_moves
from tests.convgrader.nbgrader_plugin.test_class_results import verdict, write

pytestmark = pytest.mark.slow


def test_points_count_as_in_the_gradebook_and_verdicts_stand_beside_them(course):
    ada = verdict("max_pool2d", 5.0, 8.0)
    write(course, "ada", ada, words=None)
    write(course, "bob", verdict("max_pool2d", 8.0, 8.0))
    course.query("UPDATE grade SET manual_score = 6, extra_credit = 0.5 WHERE auto_score = 5")
    with Gradebook(course.url, "test") as gradebook:
        found = score_moves.scores(gradebook, "pooling", ["ada"])
    assert {student for student, *_ in found} == {"ada"}
    assert found["ada", "pooling", "check-max_pool2d"] == CellScore(6.5, {"max_pool2d": ada})
    assert found["ada", "pooling", "written-pooling"] == CellScore(None)
