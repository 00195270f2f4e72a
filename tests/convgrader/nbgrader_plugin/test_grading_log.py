"""The record of a grade says by which checks it was given, also in a gradebook that an earlier version made."""

from dataclasses import replace

from nbgrader.api import Gradebook
from sqlalchemy import text

from convgrader.jobs import NotebookResult
from convgrader.nbgrader_plugin import grading_log
from convgrader.nbgrader_plugin.grading_log import Record

RECORD = Record("ada", "pooling", "pooling", "d" * 64, 7, "graded", "", 3.5, 0.25, "c" * 64)
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
            aside = f"('pooling', 'pooling', 'max_pool2d', 'grade', '{student}', '{{}}')"
            gradebook.db.execute(text(f"INSERT INTO autograder_aside VALUES {aside}"))
        gradebook.db.commit()
        grading_log.forget(gradebook, "ada", "layer")
        grading_log.forget(gradebook, "ada", "pooling")
    tables = course.query("SELECT name FROM sqlite_master WHERE name LIKE 'autograder_%' AND name != 'autograder_seed'")
    tables = [name for (name,) in tables if "autoindex" not in name]
    assert len(tables) == 3
    assert [course.query(f"SELECT student FROM {name}") for name in tables] == [[("bob",)]] * 3
