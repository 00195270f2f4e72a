"""Scores that leave the gradebook: penalties are taken off, and what is not finished says so."""

import pytest

from convgrader.batch import CourseFolders
from convgrader.platforms.scores import ABSENT, BY_HAND, FAILED, UNREAD, Score, read_scores
from tests.convgrader.nbgrader_plugin.test_class_results import verdict, write


@pytest.fixture
def graded(course, monkeypatch):
    """Ada is graded, bob waits for a mark, eve could not be graded, fay has handed in since, gus has not."""
    monkeypatch.chdir(course.root)
    write(course, "ada", verdict("max_pool2d", 7.5, 8.0), words=1.5)
    write(course, "bob", verdict("max_pool2d", 2.0, 8.0), words=None)
    write(course, "eve", status="failed")
    finish(course, "ada", "eve")
    for student in ("fay", "gus"):
        course.query("INSERT INTO student (id) VALUES (?)", student)
    course.submit("fay", "{}")
    return course


def finish(course, *students):
    """Have nothing of these students wait for a person."""
    for student in students:
        course.query(
            "UPDATE grade SET needs_manual_grade = 0 WHERE notebook_id IN (SELECT n.id FROM submitted_notebook n JOIN "
            "submitted_assignment s ON n.assignment_id = s.id WHERE s.student_id = ?)", student,
        )  # fmt: skip


def read():
    course = CourseFolders.here()
    return read_scores(course.directory, course.config, "pooling")


def test_a_score_says_what_it_is_worth(graded):
    found = read()
    assert found.points == 50.0
    assert {student: (score.points, score.state) for student, score in found.scores.items()} == {
        "ada": (9.0, "graded"), "bob": (2.0, BY_HAND), "eve": (0.0, FAILED), "fay": (0.0, UNREAD),
    }  # fmt: skip
    assert found.of("gus") == Score(0.0, state=ABSENT)


def test_a_penalty_is_taken_off_as_the_due_date_says_now(graded):
    with (graded.root / "nbgrader_config.py").open("a") as config:
        config.write("c.LateSubmissionPlugin.penalty_method = 'zero'\n")
    graded.query("UPDATE submitted_assignment SET timestamp = '2027-02-02 12:00:00.000000' WHERE student_id = 'ada'")
    for due, points in (("2027-02-01", 0.0), ("2027-02-03", 9.0)):
        graded.query("UPDATE assignment SET duedate = ?", f"{due} 12:00:00.000000")
        assert read().of("ada").points == points and read().of("ada").penalty == 9.0 - points
