"""The command ``autograder rules``: what it prints and writes before anything is graded, and its sentences."""

import csv

import pytest
from nbgrader.api import Gradebook

from convcourse import cli
from tests.convgrader.nbgrader_plugin.test_course_rules import LATE, PENALTIES, hand_in

pytestmark = pytest.mark.slow

RULES = """\
zone = "Europe/Berlin"
[assignments.pooling]
due = 2020-01-31T17:00:00
extra_credit = ["max_pool2d"]
left_out = ["lp_pool2d"]
[late]
penalty = "10 %"
floor = "50 %"
grace = "15 minutes"
closes_after = "7 days"
late_days = 4
late_days_each = 1
[extensions.ada]
pooling = "2 days"
[groups]
red = ["ada", "bob"]
"""


@pytest.fixture
def taught(course, monkeypatch):
    """A course with a file of rules; ada was in time by her extension, bob two days late, eve handed in nothing."""
    monkeypatch.chdir(course.root)
    monkeypatch.setenv("COLUMNS", "160")
    hand_in(course, "ada", "2020-02-01 17:00:00")
    hand_in(course, "bob", "2020-02-02 12:00:00", 4.0)
    with Gradebook(course.url, "test") as gradebook:
        gradebook.add_student("eve", last_name="Lovelace")
    (course.root / "course.toml").write_text(RULES)
    return course


def rules(capsys, *arguments):
    """Run the command; return its status and the lines that it printed."""
    status = cli.main(["rules", *arguments])
    printed = capsys.readouterr()
    return status, (printed.out + printed.err).splitlines()


def test_it_says_what_the_file_means(taught, capsys):
    status, lines = rules(capsys)
    late_work = (
        "Late work: 10 % of the score for each day that has begun; the score keeps at least 50 %; within 15 minutes "
        "nothing is lost; after more than 7 days nothing is earned; an assignment takes 1 late day at most."
    )
    assert status == 0 and lines[:5] == [
        "course/course.toml. The course has: pooling.",
        late_work,
        "Each student has 4 late days, spent in the order of due dates.",
        "Extension: ada, pooling: until 2 February 2020, 17:00 CET",
        "Group red: ada, bob",
    ]
    (row,) = (line for line in lines if line.startswith(" pooling "))
    assert "31 January 2020, 17:00 CET" in row and "max_pool2d is extra, without lp_pool2d" in row


def test_it_says_what_the_rules_come_to_for_each_student_and_writes_nothing(taught, capsys):
    """Bob was two days late, one of them free, and loses 0.4 of 4 points."""
    before = taught.query(PENALTIES)
    status, lines = rules(capsys, "pooling", "--csv", "late.csv")
    assert status == 0 and taught.query(PENALTIES) == before == [("ada", "pooling", None), ("bob", "pooling", None)]
    with open("late.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["student"], row["score"], row["penalty"]) for row in rows] == [
        ("ada", "5.0", "0.0"),
        ("bob", "4.0", "0.4"),
    ]
    why = "2 days late, 1 of them a late day: 10 % = 0.4 points. 3 late days are left."
    assert rows[1]["why"] == why and "10 % = 0.4 points." in " ".join(lines)
    assert len(rules(capsys, "pooling", "--students", "bob")[1]) < len(lines)


def test_apply_writes_it_into_the_gradebook(taught, capsys):
    status, lines = rules(capsys, "--apply")
    assert status == 0 and lines[-1] == "Due dates, extensions and penalties are in the gradebook."
    assert taught.query(PENALTIES) == [("ada", "pooling", None), ("bob", "pooling", 0.4)]


def test_the_total_counts_what_is_due_with_the_penalty(taught, capsys):
    """Of 50 points 3 are left out and 8 are extra: 5 of 39, and 3.6 of 39; eve has nothing."""
    status, lines = rules(capsys, "--total", "--csv", "total.csv")
    with open("total.csv", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert {student: row["total"] for student, row in rows.items()} == {"ada": "12.82", "bob": "9.23", "eve": "0.0"}
    assert status == 0 and rows["eve"]["last_name"] == "Lovelace" and rows["bob"]["pooling"] == "9.2"
    assert any("12.82" in line and "ada" in line for line in lines)


def test_what_is_not_due_yet_counts_for_nobody_who_has_not_handed_in(taught, capsys):
    (taught.root / "course.toml").write_text("assignments.pooling.due = 2190-01-31T17:00:00Z")
    rules(capsys, "--total", "--csv", "total.csv")
    with open("total.csv", newline="") as file:
        assert [row["total"] for row in csv.DictReader(file)] == ["10.0", "8.0", ""]


SLIPS = {
    'extensions.adda.pooling = "2 days"': "adda names adda, which is no student of the gradebook. Did you mean ada?",
    'groups.red = ["zoe", "bob"]': "the group red names zoe, which is no student of the gradebook.",
    'assignments.pooling.left_out = ["max_pool"]': "max_pool, which is no task of pooling. Did you mean max_pool2d?",
    'assignments.pooling.extra_credit = ["x"]': "extra_credit names x, which is no task of pooling.",
}


@pytest.mark.parametrize(("text", "message"), SLIPS.items())
def test_what_the_gradebook_does_not_know_is_named_and_the_status_says_so(taught, capsys, text, message):
    (taught.root / "course.toml").write_text(f"assignments.pooling.due = 2020-01-31T17:00:00Z\n{text}")
    status, lines = rules(capsys)
    assert status == 1 and [line for line in lines if message in line]


def test_what_may_not_be_meant_is_remarked_on(course, capsys, monkeypatch):
    monkeypatch.chdir(course.root)
    (course.root / "course.toml").write_text(LATE.replace("2027", "2020"))
    status, lines = rules(capsys)
    assert status == 0 and "pooling was due on 31 January 2020, 17:00 CET, and nothing of it is graded." in lines
    (course.root / "course.toml").write_text("late.penalty = 1")
    assert "Without a due date, so that nobody is late: pooling." in rules(capsys)[1]
    hand_in(course, "ada", "2027-01-31 12:00:00")
    with Gradebook(course.url, "test") as gradebook:
        gradebook.grant_extension("pooling", "ada", days=2)
    with (course.root / "nbgrader_config.py").open("a") as file:
        file.write("c.AssignLatePenalties.plugin_class = 'nbgrader.plugins.LateSubmissionPlugin'\n")
    (course.root / "course.toml").write_text(LATE)
    lines = rules(capsys)[1]
    assert any(line.startswith("The gradebook has an extension of ada for pooling,") for line in lines)
    assert any(line.startswith("nbgrader_config.py names a plugin for late penalties,") for line in lines)


def test_the_template_is_written_once(course, capsys, monkeypatch):
    monkeypatch.chdir(course.root)
    status, lines = rules(capsys)
    assert status == 2 and lines[0].endswith("course.toml: autograder rules --template writes one to begin with")
    assert rules(capsys, "--template")[0] == 0 and "drop_lowest" in (course.root / "course.toml").read_text()
    assert rules(capsys)[0] == 0
    status, lines = rules(capsys, "--template")
    assert status == 2 and "stays as it is" in lines[0]


def test_unknown_names_and_files_that_cannot_be_written_are_sentences(taught, capsys):
    assert rules(capsys, "layer") == (
        2,
        ["autograder: layer is no assignment of course/course.toml: there are pooling"],
    )
    assert rules(capsys, "--students", "zoe")[1] == [
        "autograder: zoe is no student of the gradebook: there are ada, bob, eve"
    ]
    assert rules(capsys, "--csv", "no/where.csv")[1][-1].startswith("autograder: cannot write no/where.csv:")


def test_without_a_gradebook_the_file_is_explained_and_none_is_made(course, capsys, monkeypatch):
    monkeypatch.chdir(course.root)
    (course.root / "gradebook.db").unlink()
    (course.root / "course.toml").write_text('[extensions.ada]\n"*" = "2 days"')
    status, lines = rules(capsys)
    assert "Extension: ada, all others: 2 days longer" in lines and not (course.root / "gradebook.db").exists()
    assert status == 1 and "ada, which is no student of the gradebook." in lines[-1]
    assert rules(capsys, "--apply")[1] == [
        "autograder: there is no gradebook yet to write into: autograder release makes it"
    ]
