"""The record of a grade says by which checks it was given, also in a gradebook that an earlier version made."""

from dataclasses import replace

import pytest
from nbgrader.api import Gradebook
from sqlalchemy import text

from convgrader.jobs import NotebookResult, TaskVerdict
from convgrader.nbgrader_plugin import grading_log
from convgrader.nbgrader_plugin.grading_log import Record

RECORD = Record("ada", "pooling", "pooling", "d" * 64, 7, "graded", "", 3.5, 0.25, "c" * 64)
VERDICT = TaskVerdict(
    "check-max_pool2d", "max_pool2d", 8.0, 2.5, {"plain": True, "stride": False}, ("It changes its input.",),
    ("You ignored the stride.",), "The shape is (2, 3), expected (1, 2).", "max_pool2d(array(2, 3), 2)", "rrwe-", "0f",
    "pooling#pooling-max",
)  # fmt: skip
EARLIER = """CREATE TABLE autograder_record (
    student TEXT NOT NULL, assignment TEXT NOT NULL, notebook TEXT NOT NULL, digest TEXT NOT NULL,
    seed INTEGER NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, score REAL NOT NULL, seconds REAL NOT NULL,
    PRIMARY KEY (student, assignment, notebook))"""


def test_a_record_comes_back_as_it_was_saved(course):
    with Gradebook(course.url, "test") as gradebook:
        grading_log.prepare(gradebook)
        grading_log.save(gradebook, RECORD)
        gradebook.db.commit()
        assert grading_log.records(gradebook, "pooling") == {("ada", "pooling"): RECORD}
        grading_log.save(gradebook, Record(*["ada", "pooling", "pooling", "", 7, "failed", "why", 0.0, 0.1]))
        gradebook.db.commit()
        assert grading_log.records(gradebook, "pooling") == {}


def test_a_gradebook_of_an_earlier_version_is_migrated(course):
    course.query("DROP TABLE autograder_record")
    course.query(EARLIER)
    course.query("INSERT INTO autograder_record VALUES ('ada', 'pooling', 'pooling', 'd', 7, 'graded', '', 3.5, 0.25)")
    with Gradebook(course.url, "test") as gradebook:
        for _ in range(2):
            (record,) = grading_log.records(gradebook, "pooling").values()
            assert (record.digest, record.score, record.checks) == ("d", 3.5, "")
        grading_log.save(gradebook, RECORD)
        gradebook.db.commit()
        assert grading_log.records(gradebook, "pooling") == {("ada", "pooling"): RECORD}


def save_verdicts(gradebook, *verdicts, student="ada"):
    grading_log.save_verdicts(gradebook, student, "pooling", NotebookResult("pooling", verdicts=list(verdicts)))
    gradebook.db.commit()


def test_verdicts_come_back_as_they_were_saved_and_a_regrade_replaces_them(course):
    with Gradebook(course.url, "test") as gradebook:
        grading_log.prepare(gradebook)
        other = TaskVerdict("check-avg_pool2d", "avg_pool2d", 4.0, 4.0)
        save_verdicts(gradebook, VERDICT, other)
        save_verdicts(gradebook, VERDICT, student="bob")
        key = ("ada", "pooling")
        found = grading_log.verdicts(gradebook, "pooling")
        assert found == {key: [VERDICT, other], ("bob", "pooling"): [VERDICT]}
        save_verdicts(gradebook, replace(VERDICT, earned=8.0))
        assert grading_log.verdicts(gradebook, "pooling")[key] == [replace(VERDICT, earned=8.0)]
        save_verdicts(gradebook)  # it could not be graded
        assert key not in grading_log.verdicts(gradebook, "pooling")
        assert grading_log.verdicts(gradebook, "layer") == {}


def test_a_gradebook_without_verdicts_has_none_and_gets_their_table(course):
    course.query("DROP TRIGGER autograder_removal")
    course.query("DROP TABLE autograder_verdict")
    with Gradebook(course.url, "test") as gradebook:
        assert grading_log.verdicts(gradebook, "pooling") == {}
        assert course.query("SELECT name FROM sqlite_master WHERE name = 'autograder_verdict'") == [], "only read"
        grading_log.prepare(gradebook)
        save_verdicts(gradebook, VERDICT)
        assert grading_log.verdicts(gradebook, "pooling") == {("ada", "pooling"): [VERDICT]}


def test_a_renamed_task_takes_its_verdicts_along(course):
    with Gradebook(course.url, "test") as gradebook:
        grading_log.prepare(gradebook)
        save_verdicts(gradebook, VERDICT)
        for _ in range(2):
            grading_log.rename_verdicts(gradebook.db, "pooling", "pooling", "max_pool2d", "pool")
            renamed = replace(VERDICT, cell="check-pool", task="pool")
            assert grading_log.verdicts(gradebook, "pooling") == {("ada", "pooling"): [renamed]}


@pytest.mark.parametrize("remove", ["remove_student", "remove_submission"])
def test_what_nbgrader_removes_of_a_student_goes_here_too(course, remove):
    with Gradebook(course.url, "test") as gradebook:
        for student in ("ada", "bob"):
            gradebook.add_student(student)
            gradebook.add_submission("pooling", student)
            save_verdicts(gradebook, VERDICT, student=student)
            grading_log.save(gradebook, replace(RECORD, student=student))
        gradebook.db.commit()
        getattr(gradebook, remove)(*(["ada"] if remove == "remove_student" else ["pooling", "ada"]))
    for table in ("autograder_verdict", "autograder_record"):
        assert course.query(f"SELECT student FROM {table}") == [("bob",)]


def test_the_trigger_of_an_earlier_version_is_replaced(course):
    course.query("DROP TRIGGER autograder_removal")
    course.query("CREATE TRIGGER autograder_removal AFTER DELETE ON submitted_assignment BEGIN SELECT 1; END")
    with Gradebook(course.url, "test") as gradebook:
        grading_log.prepare(gradebook)
    ((trigger,),) = course.query("SELECT sql FROM sqlite_master WHERE type = 'trigger'")
    assert "autograder_shared" in trigger


def test_the_seed_is_drawn_once(course):
    with Gradebook(course.url, "test") as gradebook:
        seed = grading_log.seed_of(gradebook, "pooling")
        assert seed == grading_log.seed_of(gradebook, "pooling") != grading_log.seed_of(gradebook, "layer")


def test_what_is_forgotten_of_a_student_is_all_and_of_nobody_else(course):
    with Gradebook(course.url, "test") as gradebook:
        grading_log.prepare(gradebook)
        for student in ("ada", "bob"):
            graded = NotebookResult("pooling", answer_digests={"max_pool2d": "d"})
            grading_log.save(gradebook, replace(RECORD, student=student))
            grading_log.save_answers(gradebook, student, "pooling", graded)
            save_verdicts(gradebook, VERDICT, student=student)
            aside = f"('pooling', 'pooling', 'max_pool2d', 'grade', '{student}', '{{}}')"
            gradebook.db.execute(text(f"INSERT INTO autograder_aside VALUES {aside}"))
            shared = f"('{student}', 'pooling', 'pooling', 'written-pooling', 'grade', '[]')"
            gradebook.db.execute(text(f"INSERT INTO autograder_shared VALUES {shared}"))
        gradebook.db.commit()
        grading_log.forget(gradebook, "ada", "layer")
        grading_log.forget(gradebook, "ada", "pooling")
    tables = course.query(
        "SELECT name FROM sqlite_master WHERE name LIKE 'autograder_%' AND type = 'table' AND name != 'autograder_seed'"
    )
    tables = [name for (name,) in tables if "autoindex" not in name]
    assert len(tables) == 5
    assert [course.query(f"SELECT student FROM {name}") for name in tables] == [[("bob",)]] * 5
