"""A table of scores holds texts and numbers, and nothing that a spreadsheet computes."""

import csv

import pytest
from nbgrader.api import Gradebook

IDS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "ada", "b-c", 'comma, "quoted"']


@pytest.fixture
def table(course):
    """The rows that `nbgrader export` writes of students whose ids and names are odd, and the header."""
    with Gradebook(course.url, "test") as gradebook:
        for student in IDS:
            gradebook.add_student(student, first_name=student, last_name="=2", email="")
        gradebook.update_or_create_submission("pooling", "ada")
    status, said = course.nbgrader("export")
    assert status == 0, said
    with open(course.root / "grades.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_no_text_is_a_formula_and_all_come_back(table):
    texts = [text for row in table for text in row.values()]
    assert not [text for text in texts if text.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert sorted(row["student_id"].removeprefix("'") for row in table) == sorted(IDS)
    assert {row["student_id"]: row["first_name"] for row in table}["ada"] == "ada"
    assert {row["last_name"] for row in table} == {"'=2"}


def test_the_columns_are_nbgraders(course, table):
    status, said = course.nbgrader("export", "--exporter=nbgrader.plugins.CsvExportPlugin", "--to=theirs.csv")
    assert status == 0, said
    assert (course.root / "theirs.csv").read_text().split("\n")[0] == ",".join(table[0])


def test_students_can_be_chosen(course, table):
    status, said = course.nbgrader("export", "--student=['ada']", "--to=one.csv")
    assert status == 0, said
    assert len((course.root / "one.csv").read_text().splitlines()) == 2
