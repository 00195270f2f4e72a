"""A table of scores holds texts and numbers, and nothing that a spreadsheet computes."""

import contextlib
import csv
import sqlite3

import pytest
from nbgrader.api import Gradebook

from tests.helpers.grading_fixtures import FULL

pytestmark = pytest.mark.slow

IDS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "ada", "b-c", 'comma, "quoted"']


@pytest.fixture
def table(course):
    """The rows that `nbgrader export` writes of students whose ids and names are odd, and the header."""
    with Gradebook(course.url, "test") as gradebook:
        for student in IDS:
            gradebook.add_student(student, first_name=student, last_name="=2", email="")
        gradebook.update_or_create_submission("pooling", "ada")
    status, output = course.nbgrader("export")
    assert status == 0, output
    with open(course.root / "grades.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_no_text_is_a_formula_and_all_come_back(table):
    texts = [text for row in table for text in row.values()]
    assert not [text for text in texts if text.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert sorted(row["student_id"].removeprefix("'") for row in table) == sorted(IDS)
    assert {row["student_id"]: row["first_name"] for row in table}["ada"] == "ada"
    assert {row["last_name"] for row in table} == {"'=2"}


@pytest.mark.full
def test_nbgraders_columns_come_first(course, table):
    status, output = course.nbgrader("export", "--exporter=nbgrader.plugins.CsvExportPlugin", "--to=theirs.csv")
    assert status == 0, output
    nbgrader_columns = (course.root / "theirs.csv").read_text().split("\n")[0].split(",")
    assert list(table[0])[: len(nbgrader_columns)] == nbgrader_columns


def exported(course):
    """Return {student: row} of what `nbgrader export` writes."""
    status, output = course.nbgrader("export")
    assert status == 0, output
    with open(course.root / "grades.csv", newline="", encoding="utf-8") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def test_each_task_has_its_points_and_the_state_says_what_they_are_worth(handed_in, in_process_pool):
    with Gradebook(handed_in.url, "test") as gradebook:
        gradebook.add_student("knuth", last_name="Knuth, Jr.", first_name="Donald")
    handed_in.submit("broken", "{")
    handed_in.grade(pool=in_process_pool, students=["all", "none", "broken"])
    with Gradebook(handed_in.url, "test") as gradebook:
        gradebook.add_student("half")  # handed in, and not graded
    table = exported(handed_in)
    words = "pooling/written-pooling"
    keys = ("state", "to_grade_by_hand", "pooling/max_pool2d", words)
    states = {student: tuple(row[key] for key in keys) for student, row in table.items()}
    assert states == {
        "all": ("to be graded by hand", "1", "8.0", ""), "none": ("graded", "0", "0.0", "0.0"),
        "broken": ("not graded", "0", "0.0", "0.0"), "half": ("handed in, not graded", "0", "", ""),
        "knuth": ("not handed in", "0", "", ""),
    }  # fmt: skip
    assert table["knuth"]["last_name"] == "Knuth, Jr." and table["all"]["score"] == str(FULL)
    points = [float(text or 0) for name, text in table["all"].items() if name.startswith("pooling/")]
    assert sum(points) == FULL
    handed_in.query("UPDATE grade SET manual_score = 1.5, needs_manual_grade = 0 WHERE auto_score IS NULL")
    row = exported(handed_in)["all"]
    assert (row["state"], row[words], row["score"]) == ("graded", "1.5", str(FULL + 1.5))


def test_a_sum_of_tenths_is_a_tenth(handed_in, in_process_pool):
    handed_in.grade(pool=in_process_pool, students=["none"])
    count = len(handed_in.query("SELECT 1 FROM grade"))
    tenths = next(n for n in range(1, 10) if sum([n / 10] * count) != n * count / 10)
    handed_in.query(f"UPDATE grade SET manual_score = {tenths / 10}")
    assert exported(handed_in)["none"]["score"] == str(tenths * count / 10)


def test_times_say_their_zone_and_an_extension_is_seen(handed_in, in_process_pool):
    handed_in.grade(pool=in_process_pool, students=["all", "half"])
    handed_in.query("UPDATE assignment SET duedate = '2030-01-01 00:00:00.000000'")
    with Gradebook(handed_in.url, "test") as gradebook:
        gradebook.grant_extension("pooling", "half", days=3)
    table = exported(handed_in)
    assert table["all"]["timestamp"] == "2030-01-02 03:04:05+00:00"
    assert [table[name]["duedate"] for name in ("all", "half")] == [
        "2030-01-01 00:00:00+00:00",
        "2030-01-04 00:00:00+00:00",
    ]


def test_a_penalty_goes_with_the_due_date(handed_in, in_process_pool):
    with (handed_in.root / "nbgrader_config.py").open("a") as config:
        config.write("c.LateSubmissionPlugin.penalty_method = 'zero'\n")
    handed_in.grade(pool=in_process_pool, students=["all", "half"])
    expected = {}
    for due, scores in (("'2030-01-01 00:00:00.000000'", {0.0}), ("NULL", {FULL, handed_in.total("half")})):
        handed_in.query(f"UPDATE assignment SET duedate = {due}")
        expected[due] = {float(row["score"]) for row in exported(handed_in).values()} == scores
    assert all(expected.values()), expected


def test_students_can_be_chosen(course, table):
    status, output = course.nbgrader("export", "--student=['ada']", "--to=one.csv")
    assert status == 0, output
    assert len((course.root / "one.csv").read_text().splitlines()) == 2


@pytest.mark.full
def test_a_database_that_somebody_holds_is_named_in_a_sentence(course):
    with contextlib.closing(sqlite3.connect(course.root / "gradebook.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        status, output = course.nbgrader("export")
    assert status == 1 and "cannot use the database sqlite:" in output and "Traceback" not in output
