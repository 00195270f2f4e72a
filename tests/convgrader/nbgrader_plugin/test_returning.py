"""Feedback says what the gradebook says now, and comes as one archive."""

import contextlib
import shutil
import sqlite3
import zipfile

import pytest
from nbgrader.api import Gradebook

from convgrader.nbgrader_plugin.returning import OPEN

pytestmark = pytest.mark.slow


def returned(course):
    """Return {name: text} of the pages in the archive that `nbgrader generate_feedback` makes."""
    status, output = course.nbgrader("generate_feedback", "pooling")
    assert status == 0, output
    with zipfile.ZipFile(course.root / "feedback" / "pooling.zip") as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_pages_follow_the_gradebook_without_being_asked_twice(handed_in, in_process_pool):
    handed_in.grade(pool=in_process_pool, students=["all", "wrong"])
    pages = returned(handed_in)
    assert sorted(pages) == ["all__pooling.html", "wrong__pooling.html"]
    page = pages["all__pooling.html"]
    assert "all, pooling (Score: 48.0 / 50.0)" in page and "(not graded yet / 2.0)" in page and OPEN in page
    assert page.count("not graded yet / 2.0") == 2 and "0.0 / 2.0" not in page, "in the list and at the answer"
    with Gradebook(handed_in.url, "test") as gradebook:
        grade = gradebook.find_grade("written-pooling", "pooling", "pooling", "all")
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        gradebook.find_comment("written-pooling", "pooling", "pooling", "all").manual_comment = "Well said."
        gradebook.db.commit()
    page = returned(handed_in)["all__pooling.html"]
    assert "all, pooling (Score: 49.5 / 50.0)" in page and "Well said." in page and "not graded yet" not in page


def test_a_page_whose_graded_notebook_is_gone_is_not_returned_as_it_was(handed_in, in_process_pool):
    handed_in.grade(pool=in_process_pool, students=["all", "wrong"])
    assert sorted(returned(handed_in)) == ["all__pooling.html", "wrong__pooling.html"]
    shutil.rmtree(handed_in.root / "autograded" / "all")
    status, output = handed_in.nbgrader("generate_feedback", "pooling")
    assert status == 0 and "the graded notebook is gone: all. autograder grade pooling --resume" in output
    with zipfile.ZipFile(handed_in.root / "feedback" / "pooling.zip") as archive:
        assert archive.namelist() == ["wrong__pooling.html"]


def test_a_tenth_is_a_tenth(handed_in, in_process_pool):
    """4.8 and not 4.800000000000001 on pages and in tables."""
    with (handed_in.root / "nbgrader_config.py").open("a") as config:
        config.write(
            "from nbgrader.plugins import LateSubmissionPlugin\n"
            "class TenthOfTheScore(LateSubmissionPlugin):\n"
            "    def late_submission_penalty(self, student_id, score, total_seconds_late): return score * 0.1\n"
            "c.AssignLatePenalties.plugin_class = TenthOfTheScore\n"
        )
    handed_in.grade(pool=in_process_pool, students=["all"])
    handed_in.query("UPDATE assignment SET duedate = '2020-01-01 00:00:00.000000'")
    returned(handed_in)
    assert handed_in.query("SELECT late_submission_penalty FROM submitted_notebook") == [(4.8,)]


def test_whoever_could_not_be_graded_gets_a_page_that_says_why(course, in_process_pool):
    (course.root / "submitted" / "dora" / "pooling").mkdir(parents=True)
    course.submit("broken", "{")
    course.grade(pool=in_process_pool)
    pages = returned(course)
    assert "Nothing was handed in" in pages["dora__pooling.html"] and "not a notebook" in pages["broken__pooling.html"]


def test_a_penalty_on_a_page_goes_with_the_due_date(handed_in, in_process_pool):
    with (handed_in.root / "nbgrader_config.py").open("a") as config:
        config.write("c.LateSubmissionPlugin.penalty_method = 'zero'\n")
    handed_in.grade(pool=in_process_pool, students=["all"])
    for due, message in (("'2030-01-01 00:00:00.000000'", "(Score: 0.0 / 50.0)"), ("NULL", "(Score: 48.0 / 50.0)")):
        handed_in.query(f"UPDATE assignment SET duedate = {due}")
        assert message in returned(handed_in)["all__pooling.html"]


def test_a_database_that_somebody_holds_is_named_in_a_sentence(course, released, in_process_pool):
    course.submit("ada", released)
    course.grade(pool=in_process_pool)
    with contextlib.closing(sqlite3.connect(course.root / "gradebook.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        status, output = course.nbgrader("generate_feedback", "pooling")
    assert status == 1 and "cannot use the database sqlite:" in output and "Traceback" not in output


def test_pages_that_did_not_come_by_the_exchange_are_named_and_the_others_released(
    handed_in, in_process_pool, tmp_path
):
    exchange = tmp_path / "exchange"
    exchange.mkdir(mode=0o777)
    exchange.chmod(0o777)
    with (handed_in.root / "nbgrader_config.py").open("a") as config:
        config.write(f"c.Exchange.root = {str(exchange)!r}\n")
    for student, secret in (("all", b"secret"), ("half", b"\xff")):  # a student may have written it
        (handed_in.root / "submitted" / student / "pooling" / "submission_secret.txt").write_bytes(secret)
    handed_in.grade(pool=in_process_pool, students=["all", "half", "none"])
    returned(handed_in)
    status, output = handed_in.nbgrader("release_feedback", "pooling")
    assert status == 0 and "Traceback" not in output, output
    assert "did not come by nbgrader's exchange: half, none" in output
    assert len(list(exchange.glob("test/feedback/*.html"))) == 1
