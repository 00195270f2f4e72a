"""The command `autograder export`: what it says, and what it never writes over."""

import csv

import pytest

from convcourse import cli
from tests.convgrader.nbgrader_plugin.test_class_results import verdict, write
from tests.convgrader.platforms.test_scores import finish

GRADEBOOK = """\
Student,ID,SIS User ID,SIS Login ID,Section,Pooling (88)
Points Possible,,,,,50
"Lovelace, Ada",4711,,,S1,3.00
"Dee, =cmd",4712,,,S1,
"""
CLASS = "id,first_name,last_name,canvas_id\nada,Ada,Lovelace,4711\ndee,=cmd,Dee,\n"


@pytest.fixture
def graded(course, monkeypatch):
    """A course with ada graded and dee waiting for a mark."""
    monkeypatch.chdir(course.root)
    monkeypatch.setenv("COLUMNS", "120")
    (course.root / "students.csv").write_text(
        "id,first_name,last_name,canvas_id\nada,Ada,Lovelace,4711\ndee,=cmd,Dee,\n"
    )
    (course.root / "canvas.csv").write_text(GRADEBOOK)
    write(course, "ada", verdict("max_pool2d", 8.0, 8.0))
    write(course, "dee", verdict("max_pool2d", 8.0, 8.0), words=None)
    finish(course, "ada")
    return course


def export(capsys, *arguments):
    status = cli.main(["export", "pooling", *arguments])
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def test_the_preview_says_what_would_change_and_the_file_has_it(graded, capsys):
    arguments = ("out.csv", "--to", "canvas", "--into", "canvas.csv")
    status, output = export(capsys, *arguments, "--preview")
    assert status == 0 and not (graded.root / "out.csv").exists()
    (row,) = (line.split() for line in output.splitlines() if line.startswith(" ada"))
    assert row == ["ada", "Ada", "Lovelace", "3.00", "→", "8.00"]
    assert "0 new, 1 changed, 0 as before." in output and "nothing was written" in output
    assert "To be graded by hand, left as the platform has it: dee" in output
    assert export(capsys, *arguments)[0] == 0
    rows = list(csv.reader((graded.root / "out.csv").read_text().splitlines()))
    assert [row[-1] for row in rows] == ["Pooling (88)", "50", "8.00", ""]
    assert (graded.root / "canvas.csv").read_text() == GRADEBOOK


def test_no_file_is_written_over_unless_somebody_says_so(graded, capsys):
    (graded.root / "out.csv").write_text("mine")
    status, output = export(capsys, "out.csv", "--to", "csv")
    assert status == 2 and "out.csv is there already" in output and (graded.root / "out.csv").read_text() == "mine"
    assert export(capsys, "out.csv", "--to", "csv", "--replace")[0] == 0
    assert "'=cmd" in (graded.root / "out.csv").read_text()
    status, output = export(capsys, "canvas.csv", "--to", "canvas", "--into", "canvas.csv", "--replace")
    assert status == 2 and "is what the platform exported" in output


def test_what_makes_no_sense_is_said_in_a_sentence(graded, capsys):
    assert "--into goes with --to canvas" in export(capsys, "o.csv", "--to", "csv", "--into", "canvas.csv")[1]
    assert "there is no file nothing.csv" in export(capsys, "o.csv", "--to", "moodle", "--into", "nothing.csv")[1]
    status = cli.main(["export", "layer", "o.csv", "--to", "csv"])
    assert status == 2 and "no assignment layer; it has pooling" in capsys.readouterr().err


def test_a_score_without_a_row_is_told(graded, capsys):
    (graded.root / "canvas.csv").write_text(GRADEBOOK.replace('"Lovelace, Ada",4711', '"Byron, George",9'))
    status, output = export(capsys, "o.csv", "--to", "canvas", "--into", "canvas.csv")
    assert status == 1 and "With a score, and not in the table: ada" in output
    assert "George Byron (9): nobody in the class is called so." in output


def test_a_table_of_another_class_is_not_written(graded, capsys):
    (graded.root / "students.csv").write_text("id\nada\ndee\n")
    status, output = export(capsys, "o.csv", "--to", "canvas", "--into", "canvas.csv")
    assert status == 2 and "no row of canvas.csv is of the class" in output and not (graded.root / "o.csv").exists()
