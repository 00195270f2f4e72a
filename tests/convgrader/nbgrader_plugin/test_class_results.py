"""What a report is made of is read from the gradebook: the scores that count now, and the verdicts beside them."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from convcourse.errors import UsageError
from convgrader.errors import DatabaseError
from convgrader.jobs import NotebookResult, SubmissionResult, TaskVerdict
from convgrader.nbgrader_plugin import class_results
from convgrader.nbgrader_plugin.gradebook import GradebookWriter


def verdict(task, earned, points=4.0, **options):
    return TaskVerdict(f"check-{task}", task, points, earned, **options)


def write(course, student, *verdicts, words=0.0, status="graded"):
    """Write what a student earned into the gradebook, as grading does."""
    scores = {one.cell: one.earned for one in verdicts} | {"written-pooling": words}
    graded = NotebookResult("pooling", scores, verdicts=list(verdicts), digest="d", status=status)
    with contextlib.closing(GradebookWriter(course.url, "pooling", "test")) as writer:
        writer.write(SubmissionResult(student, [graded]), "checks")


def read(course, *assignments):
    return class_results.read(course.url, "test", list(assignments or ("pooling",)))


def test_scores_and_verdicts_stand_under_their_tasks_in_the_order_of_the_notebook(course):
    ada, bob = verdict("max_pool2d", 8.0, 8.0), verdict("max_pool2d", 2.5, 8.0, mistakes=("You slipped.",))
    write(course, "ada", ada, words=None)
    write(course, "bob", bob, verdict("lp_pool2d", 3.0))
    (results,) = read(course)
    assert (results.name, results.students, results.failed, results.without_verdicts) == (
        "pooling",
        ("ada", "bob"),
        (),
        (),
    )
    names = [task.name for task in results.tasks]
    assert names[0] == "pool_output_shape" and names.index("max_pool2d") < names.index("lp_pool2d")
    tasks = {task.name: task for task in results.tasks}
    assert tasks["max_pool2d"].scores == {"ada": 8.0, "bob": 2.5} and tasks["max_pool2d"].points == 8.0
    assert tasks["max_pool2d"].verdicts == {"ada": ada, "bob": bob}
    assert tasks["written-pooling"].scores == {"ada": None, "bob": 0.0} and tasks["written-pooling"].waiting == {"ada"}
    assert tasks["avg_pool2d"].scores == {"ada": None, "bob": None}, "it was released since"
    assert not tasks["avg_pool2d"].waiting
    assert tasks["lp_pool2d"].verdicts == {"bob": verdict("lp_pool2d", 3.0)}


def test_a_mark_by_hand_counts_in_place_of_the_machines(course):
    write(course, "ada", verdict("max_pool2d", 2.5, 8.0))
    course.query("UPDATE grade SET manual_score = 7, extra_credit = 1 WHERE auto_score = 2.5")
    tasks = {task.name: task for task in read(course)[0].tasks}
    assert tasks["max_pool2d"].scores == {"ada": 7.0} and tasks["max_pool2d"].verdicts["ada"].earned == 2.5


def test_who_could_not_be_graded_does_not_count_and_who_has_no_verdicts_is_named(course):
    for student in ("ada", "bob"):
        write(course, student, verdict("max_pool2d", 2.5, 8.0))
    write(course, "eve", status="failed")
    course.query("DELETE FROM autograder_verdict WHERE student = 'bob'")
    (results,) = read(course)
    assert (results.students, results.failed, results.without_verdicts) == (("ada", "bob"), ("eve",), ("bob",))
    assert all("eve" not in task.scores for task in results.tasks)


def test_who_is_of_the_class_and_has_handed_in_nothing_is_missing(course):
    write(course, "ada", verdict("max_pool2d", 2.5, 8.0))
    write(course, "eve", status="failed")
    course.query("INSERT INTO student (id) VALUES ('zoe')")
    assert read(course)[0].missing == ("zoe",)


def test_where_no_assignment_is_named_it_is_all_that_are_graded_in_the_order_of_the_term(course):
    """The one of pooling stays without a due date: those with one stand before it."""
    write(course, "ada", verdict("max_pool2d", 2.5, 8.0))
    for name, due in (("late", "'2026-03-01 00:00:00'"), ("early", "'2026-02-01 00:00:00'"), ("more", "NULL")):
        course.query(
            f"INSERT INTO assignment (id, name, duedate, course_id) VALUES ('{name}', '{name}', {due}, 'test')"
        )
        course.query(
            f"INSERT INTO submitted_assignment (id, assignment_id, student_id) VALUES ('s-{name}', '{name}', 'ada')"
        )
    course.query("INSERT INTO assignment (id, name, course_id) VALUES ('n', 'nobody yet', 'test')")
    with Gradebook(course.url, "test") as gradebook:
        assert class_results.graded(gradebook) == ["early", "late", "pooling", "more"]


def test_where_nothing_at_all_is_graded_a_sentence_says_so(course):
    with pytest.raises(UsageError, match="no submission is graded yet: `autograder grade` grades"):
        class_results.read(course.url, "test", [])


def test_the_folder_of_a_gradebook_is_the_current_one_where_it_is_no_file(course):
    assert class_results.folder_of(course.url) == course.root
    assert class_results.folder_of("postgresql://host/name") == Path()


def test_who_was_removed_is_in_no_report(course):
    for student in ("ada", "bob"):
        write(course, student, verdict("max_pool2d", 2.5, 8.0))
    with Gradebook(course.url, "test") as gradebook:
        gradebook.remove_student("bob")
    (results,) = read(course)
    assert results.students == ("ada",) and "bob" not in repr(results)


def of_before(course):
    """Make the gradebook one of a version that kept no verdicts."""
    write(course, "ada", verdict("max_pool2d", 2.5, 8.0))
    course.query("DROP TRIGGER autograder_removal")
    course.query("DROP TABLE autograder_verdict")


def failed(course):
    write(course, "ada", status="failed")


NOTHING_TO_TELL = [
    (lambda course: None, "no submission of pooling is graded yet: `autograder grade pooling`"),
    (failed, "no submission of pooling could be graded: `autograder grade pooling` says why"),
    (of_before, "pooling was graded before verdicts were kept: `autograder grade pooling` grades it again"),
    (lambda course: (course.root / "gradebook.db").unlink(), "there is no gradebook"),
]


@pytest.mark.parametrize(("prepare", "message"), NOTHING_TO_TELL, ids=["empty", "failed", "of before", "missing"])
def test_where_there_is_nothing_to_tell_a_sentence_says_so(course, prepare, message):
    prepare(course)
    with pytest.raises(UsageError, match=message):
        read(course)
    assert not (course.root / "gradebook.db").exists() or course.query("PRAGMA user_version"), "and makes nothing"


def test_an_assignment_that_is_not_there_is_refused(course):
    write(course, "ada", verdict("max_pool2d", 2.5, 8.0))
    with pytest.raises(UsageError, match="the gradebook has no assignment poling; it has pooling"):
        read(course, "pooling", "poling")
    assert len(read(course, "pooling", "pooling")) == 1, "named twice, it is told once"


@pytest.mark.slow
def test_a_database_that_cannot_be_read_is_told_in_a_sentence(course):
    write(course, "ada", verdict("max_pool2d", 2.5, 8.0))
    with contextlib.closing(sqlite3.connect(course.root / "gradebook.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseError, match=r"cannot use the database .*locked"):
            read(course)
    (course.root / "gradebook.db").write_bytes(b"no database " * 100)
    with pytest.raises(DatabaseError, match="not a database"):
        read(course)
