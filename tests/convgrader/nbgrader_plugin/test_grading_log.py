"""The record of a grade says by which checks it was given, also in a gradebook that an earlier version made."""

from nbgrader.api import Gradebook

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
