"""Scores in the tables of platforms: by each platform's rules, and with nothing else changed there."""

import pytest

from convcourse.errors import UsageError
from convgrader.platforms.gradebooks import Rules, for_canvas, for_csv, for_moodle
from convgrader.platforms.roster import Roster, Student
from convgrader.platforms.scores import BY_HAND, FAILED, AssignmentScores, Score
from convgrader.platforms.tables import read_table

CLASS = Roster(
    (
        Student("ada", "Ada", "Lovelace", "", "ada@x.org", "alove", "s1", "4711", "71"),
        Student("bob", "Bob", "Müller", "", "bob@x.org", "", "s2", "4712", "72"),
        Student("cy", "Cy", "Young", "", "cy@x.org", "", "", "", "73"),
        Student("dee", "=cmd", "Dee", "", "", "", "", "4714", "74"),
    ),
    "a list",
)
SCORES = AssignmentScores(
    "pooling", 50.0,
    {"ada": Score(47.996), "bob": Score(30.0, 5.0), "cy": Score(12.5, state=BY_HAND), "eve": Score(1.0)},
)  # fmt: skip
CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Pooling (88),Layer (89),Current Score,Final Score
,,,,,Manual Posting,,,
    Points Possible,,,,,50.00,10,(read only),(read only)
"Lovelace, Ada",4711,s1,alove,S1,48.00,9,,
"Müller, Bob",,s2,,S1,3,,,
"Young, Cy",,,,S1,7.5,,,
"Dee, =cmd",4714,,,=S1,EX,,,
"Student, Test",99,,,S1,,,,
"Eve, E",98,,,S1,,,,
"""
WORKSHEET = """\
Identifier,Full name,Email address,Status,Grade,Maximum grade,Grade can be changed,Last modified (grade),Comments
Participant 71,Ada Lovelace,ada@x.org,Submitted,,"50,00",Yes,-,
Participant 72,Bob Müller,bob@x.org,Submitted,"30,00","50,00",Yes,"Monday, 1 February 2027, 1:04 PM",<b>good</b>
Participant 73,Cy Young,cy@x.org,Submitted,"7,50","50,00",Yes,-,
Participant 74,=cmd Dee,,Submitted,"1,00","50,00",No,-,
"""


def table(tmp_path, text):
    path = tmp_path / "platform.csv"
    path.write_text(text, encoding="utf-8")
    return read_table(str(path))


def outcome(filled):
    """Return {student: (old, new, why it stays)}."""
    return {change.student: (change.old, change.new, change.reason) for change in filled.changes}


def test_canvas_gets_one_column_and_keeps_what_is_excused_or_not_finished(tmp_path):
    filled = for_canvas(SCORES, CLASS, table(tmp_path, CANVAS), Rules())
    assert filled.rows == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Pooling (88)"],
        ["", "", "", "", "", "Manual Posting"],
        ["Points Possible", "", "", "", "", "50.00"],
        ["Lovelace, Ada", "4711", "s1", "alove", "S1", "48.00"],
        ["Müller, Bob", "", "s2", "", "S1", "30.00"],
        ["Young, Cy", "", "", "", "S1", "7.5"],
        ["Dee, =cmd", "4714", "", "", "'=S1", "EX"],
    ]
    assert outcome(filled) == {
        "ada": ("48.00", "48.00", ""), "bob": ("3", "30.00", ""), "cy": ("7.5", "7.5", BY_HAND),
        "dee": ("EX", "EX", "excused in Canvas"),
    }  # fmt: skip
    assert [change.student for change in filled.changes if change.is_change] == ["bob"]
    assert filled.strangers == {"E Eve (98)": "nobody in the class is called so."} and filled.missing == ["eve"]


def test_what_is_not_finished_and_who_handed_in_nothing_go_if_somebody_says_so(tmp_path):
    into = table(tmp_path, CANVAS.replace(",EX,", ",,"))
    assert outcome(for_canvas(SCORES, CLASS, into, Rules(unfinished=True)))["cy"] == ("7.5", "12.50", "")
    assert outcome(for_canvas(SCORES, CLASS, into, Rules()))["dee"] == ("", "", "not handed in")
    assert outcome(for_canvas(SCORES, CLASS, into, Rules(zero=True)))["dee"] == ("", "0.00", "")


def test_canvas_is_not_told_scores_out_of_other_points(tmp_path):
    into = table(tmp_path, CANVAS.replace("50.00", "10"))
    with pytest.raises(UsageError, match=r"Canvas has 10 points .* the gradebook 50: .*--scale"):
        for_canvas(SCORES, CLASS, into, Rules())
    assert outcome(for_canvas(SCORES, CLASS, into, Rules(scale=True)))["bob"] == ("3", "6.00", "")


@pytest.mark.parametrize(
    ("text", "rules", "message"),
    [
        ("id,name,mark\nada,A,3\n", Rules(), "no gradebook of Canvas's: its columns begin with id, name, mark"),
        (CANVAS.replace("Pooling (88)", "Week 4 (88)"), Rules(), r"no column pooling.* There are Week 4 \(88\), Layer"),
        (CANVAS.replace("Layer (89)", "pooling (89)"), Rules(), "several columns pooling"),
        (CANVAS.replace("50.00", "(read only)"), Rules(), r"its column Pooling \(88\) is read only"),
        (CANVAS, Rules(column="Final Scor"), "no column Final Scor"),
    ],
)
def test_what_is_no_gradebook_of_canvass_is_said_in_a_sentence(tmp_path, text, rules, message):
    with pytest.raises(UsageError, match=message):
        for_canvas(SCORES, CLASS, table(tmp_path, text), rules)


def test_a_column_of_canvass_is_chosen_by_its_title(tmp_path):
    into = table(tmp_path, CANVAS.replace("Pooling (88)", "Week 4: pooling (88)").replace(",", ";").replace('"', ""))
    assert into.delimiter == ";"
    into = table(tmp_path, CANVAS.replace("Pooling (88)", "Week 4: pooling (88)"))
    for title in ("Week 4: pooling (88)", "week 4: POOLING"):
        assert for_canvas(SCORES, CLASS, into, Rules(column=title)).rows[0][-1] == "Week 4: pooling (88)"


def test_without_canvass_gradebook_its_numbers_name_the_students():
    filled = for_canvas(SCORES, CLASS, None, Rules())
    assert filled.rows == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "pooling"],
        ["    Points Possible", "", "", "", "", "50.00"],
        ["Ada Lovelace", "4711", "s1", "alove", "", "48.00"],
        ["Bob Müller", "4712", "s2", "", "", "30.00"],
    ]
    assert "not known here" in filled.notes[0]
    with pytest.raises(UsageError, match="Canvas needs its own numbers"):
        for_canvas(SCORES, Roster((Student("ada"),), "a list"), None, Rules())


def test_moodles_worksheet_keeps_all_but_the_grade(tmp_path):
    into = table(tmp_path, WORKSHEET)
    filled = for_moodle(SCORES, CLASS, into, Rules())
    rows = [list(row) for row in into.rows]
    rows[0][4] = "48,00"
    rows[3][1] = "'=cmd Dee"
    assert filled.rows == [list(into.columns), *rows]
    assert outcome(filled) == {
        "ada": ("", "48,00", ""), "bob": ("30,00", "30,00", ""), "cy": ("7,50", "7,50", BY_HAND),
        "dee": ("1,00", "1,00", "locked in Moodle"),
    }  # fmt: skip
    with pytest.raises(UsageError, match="Moodle has 100 points"):
        for_moodle(SCORES, CLASS, table(tmp_path, WORKSHEET.replace('"50,00"', "100")), Rules())
    scaled = for_moodle(SCORES, CLASS, table(tmp_path, WORKSHEET.replace('"50,00"', "100")), Rules(scale=True))
    assert outcome(scaled)["bob"] == ("30,00", "60,00", "")
    with pytest.raises(UsageError, match=r"no grading worksheet of Moodle's: it needs the columns Identifier, Grade"):
        for_moodle(SCORES, CLASS, table(tmp_path, WORKSHEET.replace(",Grade,", ",Bewertung,")), Rules())


def test_moodles_gradebook_gets_finished_scores_alone_and_no_feedback(tmp_path):
    text = """\
First name,Last name,ID number,Email address,Assignment: Pooling (Real),Assignment: Pooling (Feedback),Total
Ada,Lovelace,s1,ada@x.org,-,well done,-
Bob,Müller,s2,bob@x.org,3.00,,
Cy,Young,,cy@x.org,7.50,,
"""
    filled = for_moodle(SCORES, CLASS, table(tmp_path, text), Rules())
    assert filled.rows == [
        ["Email address", "ID number", "Assignment: Pooling (Real)"],
        ["ada@x.org", "s1", "48.00"],
        ["bob@x.org", "s2", "30.00"],
    ]
    assert outcome(filled)["ada"] == ("-", "48.00", "") and outcome(filled)["cy"] == ("7.50", "7.50", BY_HAND)
    with pytest.raises(UsageError, match="no table of Moodle's: it has name, mark"):
        for_moodle(SCORES, CLASS, table(tmp_path, "name,mark\nada,3\n"), Rules())
    with pytest.raises(UsageError, match=r"no column layer: say which by --column TITLE. There are First name"):
        for_moodle(SCORES, CLASS, table(tmp_path, text), Rules(column="layer"))


def test_without_a_table_of_moodles_addresses_name_the_students():
    filled = for_moodle(SCORES, CLASS, None, Rules())
    assert filled.rows == [
        ["Email address", "ID number", "Username", "pooling"],
        ["ada@x.org", "s1", "alove", "48.00"],
        ["bob@x.org", "s2", "", "30.00"],
    ]
    with pytest.raises(UsageError, match="Moodle needs e-mail addresses"):
        for_moodle(SCORES, Roster((Student("ada"),), "a list"), None, Rules())


def test_a_row_too_many_is_told_and_not_filled(tmp_path):
    text = CANVAS + '"Lovelace, Ada",4711,s1,alove,S2,1,,,\n"Müller, Bob",4711,,,S1,,,,\n'
    filled = for_canvas(SCORES, CLASS, table(tmp_path, text), Rules())
    assert filled.strangers["Ada Lovelace (4711, s1, alove)"] == "the table has two rows for this student."
    assert filled.strangers["Bob Müller (4711)"] == "4711 is ada, and the name is that of bob."
    assert sum(row[1] == "4711" for row in filled.rows) == 1


def test_a_spreadsheet_gets_everybody_with_what_the_score_is_worth():
    failed = AssignmentScores("pooling", 50.0, {**SCORES.scores, "dee": Score(0.0, state=FAILED)})
    filled = for_csv(failed, CLASS, Rules())
    rows = {row[0]: dict(zip(filled.rows[0], row, strict=True)) for row in filled.rows[1:]}
    bob = {"score": "30.00", "max_score": "50.00", "late_submission_penalty": "5.00", "state": "graded"}
    assert rows["bob"].items() >= bob.items() and rows["cy"]["score"] == "" and rows["cy"]["state"] == BY_HAND
    assert rows["dee"]["first_name"] == "'=cmd" and rows["dee"]["state"] == FAILED and filled.missing == ["eve"]
