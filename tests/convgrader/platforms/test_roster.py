"""The list of a class, and who of it is meant: nobody is guessed."""

import pytest

from convcourse.errors import UsageError
from convgrader.errors import StudentNotFoundError
from convgrader.platforms.roster import Account, Roster, Student, read_roster

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Pooling (88),Current Score
    Points Possible,,,,,50,(read only)
"Lovelace, Ada",4711,s1,ada@x.org,S,,
"Müller, Renée",4712,s2,renee@x.org,S,,
"Student, Test",99,,,S,,
"""
MOODLE = """\
Identifier,Full name,Email address,Status,Grade,Maximum grade,Last modified (submission),Last modified (grade)
Participant 4711,Ada Lovelace,ada@x.org,Submitted,,50,"Tuesday, 3 November 2026, 9:04 PM",-
"""


def roster(tmp_path, text, known=()):
    path = tmp_path / "students.csv"
    path.write_text(text, encoding="utf-8")
    return read_roster(str(path), known)


def by_number(value, name="", field="canvas_id"):
    return Account((((field,), value),), name)


def test_our_own_list_is_read_with_formulas_as_texts(tmp_path):
    found = roster(tmp_path, "\ufeffID;First Name;last_name;e-mail;canvas_id\nada;=cmd|' /C calc'!A0;Lovelace;;4711\n")
    assert found.students == (Student("ada", "=cmd|' /C calc'!A0", "Lovelace", canvas_id="4711"),)
    assert not found.notes


def test_canvass_gradebook_is_a_list_whose_logins_cannot_be_ids(tmp_path):
    found = roster(tmp_path, CANVAS)
    assert [(one.id, one.canvas_id, one.name) for one in found.students] == [
        ("s1", "4711", "Lovelace, Ada"), ("s2", "4712", "Müller, Renée"),
    ]  # fmt: skip
    assert "students are called by `SIS User ID`" in found.notes[0]


def test_of_several_columns_the_one_is_taken_that_the_gradebook_knows(tmp_path):
    assert [one.id for one in roster(tmp_path, CANVAS, known={"4712"}).students] == ["4711", "4712"]


def test_moodles_worksheet_is_a_list_with_times(tmp_path):
    (student,) = roster(tmp_path, MOODLE).students
    assert (student.id, student.moodle_id, student.email) == ("4711", "4711", "ada@x.org")
    assert student.handed_in == "Tuesday, 3 November 2026, 9:04 PM"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,mark\nAda,3\n", "has no column `id`; it has name, mark"),
        ("id,name\nada,A\nAda,B\n", "line 3: the id Ada stands in line 2 already"),
        ("id,canvas_id\nada,1\nbob,1\n", "line 3: the canvas_id 1 stands in line 2 already"),
        ("id,name\n=cmd,A\n", "line 2: '=cmd' cannot be the id of a student"),
        ("id,name\n,A\n", "line 2: '' cannot be the id"),
        ("id,id\nada,bob\n", "several columns `id`"),
        ("id,name\n", "has no students"),
        ("email,name\nada@x.org,A\n", "no other that names each student"),
        ("id\n" + "o_neil\n" * 9, "and 12 more"),
    ],
)
def test_what_cannot_be_a_list_is_said_line_by_line(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        roster(tmp_path, text)


CLASS = Roster(
    (
        Student("ada", "Ada", "Lovelace", email="Ada@x.org", canvas_id="4711"),
        Student("renee", "Renée", "Müller-Weiß"),
        Student("sam1", "Sam", "Lee"),
        Student("sam2", "Lee", "Sam"),
        Student("bjorn", full_name="Strøm, Bjørn"),
    ),
    "a list",
)


@pytest.mark.parametrize(
    ("account", "student"),
    [
        (by_number("4711", "adatheother"), "ada"),
        (by_number("9", "mullerweissrenee"), "renee"),
        (by_number("9", "müllerweißrenée"), "renee"),
        (by_number("9", "mu\u0308llerwei\u00dfrene\u0301e"), "renee"),
        (by_number("9", "mllerweirene"), "renee"),
        (by_number("9", "Group 2-B-Ada Lovelace", "moodle_id"), "ada"),
        (by_number("9", "strmbjrn"), "bjorn"),
        (by_number("9", "Bjørn Strøm"), "bjorn"),
        (Account(((("sis_id", "id"), "ADA"),)), "ada"),
        (Account(((("email",), "ada@X.org"),), "A. Byron"), "ada"),
    ],
)
def test_who_is_meant_is_found_by_number_or_by_name(account, student):
    assert CLASS.find(account).id == student


@pytest.mark.parametrize(
    ("account", "message"),
    [
        (by_number("9", "samlee"), "this is the name of sam1 and sam2"),
        (by_number("9", "nobody"), "nobody in the class is called so"),
        (by_number("9", ""), "nobody in the class"),
        (by_number("9", "lovelaceada"), "the name is that of ada, whose number is 4711"),
        (by_number("4711", "mullerweissrenee"), "4711 is ada, and the name is that of renee"),
    ],
)
def test_who_is_nobody_or_two_or_contradicted_is_not_guessed(account, message):
    with pytest.raises(StudentNotFoundError, match=message):
        CLASS.find(account)


def test_an_account_is_shown_as_the_platform_writes_it():
    assert str(by_number("9", "ada\x1b[2J")) == "ada [2J (9)" and str(by_number("9")) == "9"
