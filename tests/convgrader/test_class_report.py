"""The command ``autograder report``: what it prints and writes, and sentences where there is nothing to tell."""

import csv
import json

import pytest

from convcourse import cli
from tests.convgrader.nbgrader_plugin.test_class_results import NOTHING_TO_TELL, verdict, write
from tests.helpers.courses import answer

STRIDE = "You ignored the stride."


@pytest.fixture
def taught(course, monkeypatch):
    """A course with a class of four: one right, two with a mistake that has a name, one with another."""
    monkeypatch.chdir(course.root)
    monkeypatch.setenv("COLUMNS", "160")
    about = {"section": "pooling#pooling-max", "outcomes": "rw", "parts": {"plain": True, "stride": False}}
    write(course, "ada1", verdict("max_pool2d", 8.0, 8.0, outcomes="rr", parts={"plain": True, "stride": True}))
    write(course, "bob1", verdict("max_pool2d", 5.0, 8.0, mistakes=(STRIDE,), call="max_pool2d([1, 2], 2)", **about))
    write(course, "=cmd", verdict("max_pool2d", 2.0, 8.0, mistakes=(STRIDE,), call="max_pool2d([1], 2)", **about))
    write(course, "eve1", verdict("max_pool2d", 4.0, 8.0, problem="It is [b]9[/b].\x1b[2J", **about), words=None)
    return course


def report(capsys, *arguments):
    """Run the command; return its status and what it printed."""
    status = cli.main(["report", *arguments])
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def test_the_terminal_shows_tasks_mistakes_and_what_to_do_next(taught, capsys):
    """Of max_pool2d the class earned 8, 5, 2 and 4 of 8: 4.75 on average."""
    status, output = report(capsys, "pooling")
    lines = output.splitlines()
    assert status == 0 and "pooling: 4 submissions" in lines[0].strip()
    (row,) = (line for line in lines if line.startswith(" max_pool2d "))
    assert row.split() == ["max_pool2d", "8", "4", "4.75", "2.50", "25", "%", "0", "%", "0.41", "-"]
    assert "written-pooling: 1 answer still to grade by hand." in lines
    assert "max_pool2d: plain 100 %; stride 25 %" in lines
    at = lines.index(f"  {STRIDE} (2 students, 9 points lost)")
    assert lines[at + 1 : at + 4] == [
        "    max_pool2d([1], 2)", "    Read: book/pooling.html#pooling-max", "    Made by: =cmd, bob1",
    ]  # fmt: skip
    assert "  No known mistake: 1 answer is wrong in its own way. It is [b]9[/b]. [2J" in lines
    assert lines[-6:] == [
        "Nobody.",
        "",
        "What to do in the next class",
        f"1. {STRIDE} (pooling, max_pool2d: 2 students, 9 points lost)",
        "   book/pooling.html#pooling-max",
        '   On trial: "max pooling makes the output invariant to shifts up to its stride"',
    ]


def test_nothing_is_cut_in_a_terminal_of_80_columns(taught, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = report(capsys, "pooling")[1].splitlines()
    first = next(number for number, line in enumerate(lines) if "max_pool2d_b" in line)
    assert [line[:14].strip() for line in lines[first : first + 2]] == ["max_pool2d_b", "ackward"]
    assert "4.75    2.50   25 %    0 %        0.41" in "\n".join(lines)


def test_who_wrote_nothing_is_counted(taught, capsys):
    write(taught, "gil1", verdict("max_pool2d", 0.0, 8.0, outcomes="bb", parts={"plain": False, "stride": False}))
    assert "  1 student wrote nothing." in report(capsys, "pooling")[1].splitlines()


def test_the_files_have_all_of_it_and_no_formula(taught, capsys):
    config = (taught.root / "nbgrader_config.py").open("a")
    with config:
        config.write("c.GradeCells.site = 'https://example.org/course'\n")
    status, _ = report(capsys, "pooling", "--json", "report.json", "--csv", "report.csv")
    assert status == 0
    found = json.loads((taught.root / "report.json").read_text(encoding="utf-8"))
    (mistake,) = found["next_class"]
    assert mistake["students"] == {"count": 2, "names": ["=cmd", "bob1"]} and mistake["points_lost"] == 9
    assert mistake["section"] == "https://example.org/course/book/pooling.html#pooling-max"
    tasks = {task["task"]: task for task in found["assignments"][0]["tasks"]}
    trial = mistake.pop("on_trial")
    assert trial["claim"].startswith("max pooling") and trial["page"].startswith("https://example.org/course/book/pool")
    assert tasks["max_pool2d"]["mean"] == 4.75 and tasks["max_pool2d"]["mistakes"] == [mistake]
    assert found["need_help"]["count"] == 0
    with (taught.root / "report.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["task"] == "max_pool2d"]
    assert [row["kind"] for row in rows] == ["task", "part", "part", "mistake", "wrong alike"]
    assert (rows[0]["mean"], rows[0]["students"], rows[2]["item"], rows[2]["share"]) == ("4.75", "4", "stride", "0.25")
    assert (rows[3]["item"], rows[3]["names"], rows[3]["points_lost"]) == (STRIDE, "'=cmd bob1", "9.0")


def test_an_anonymous_report_names_nobody(taught, capsys):
    names = ("ada1", "bob1", "=cmd", "eve1", "zoe1")
    taught.query("INSERT INTO student (id) VALUES ('zoe1')")
    files = ["--json", "report.json", "--csv", "report.csv", "--html", "report.html"]
    status, output = report(capsys, "pooling", "--anonymous", *files)
    texts = [output, *((taught.root / f"report.{kind}").read_text() for kind in ("json", "csv", "html"))]
    assert "1 student (not handed in: 1)" in output.splitlines()
    assert status == 0 and STRIDE in output and "2 students" in output
    assert not [name for name in names for text in texts if name in text]


@pytest.mark.parametrize(("prepare", "message"), NOTHING_TO_TELL, ids=["empty", "failed", "of before", "missing"])
def test_where_there_is_nothing_to_tell_it_ends_with_1(course, monkeypatch, capsys, prepare, message):
    monkeypatch.chdir(course.root)
    prepare(course)
    status, output = report(capsys, "pooling", "--json", "report.json")
    assert status == 1 and output.startswith("autograder: ") and message in output and output.count("\n") == 1
    assert not (course.root / "report.json").exists()


@pytest.mark.parametrize("kind", ["json", "csv", "html"])
def test_a_file_that_cannot_be_written_is_told_in_a_sentence(taught, capsys, kind):
    status, output = report(capsys, "pooling", f"--{kind}", f"nowhere/report.{kind}")
    assert (status, output) == (1, f"autograder: cannot write nowhere/report.{kind}: No such file or directory\n")


def test_who_needs_help_stands_above_what_to_do_and_in_the_files(taught, capsys):
    for name in ("xia1", "yan1", "zoe1"):
        taught.query(f"INSERT INTO student (id) VALUES ('{name}')")
    (taught.root / "submitted" / "yan1" / "pooling").mkdir(parents=True)
    (taught.root / "course.toml").write_text('groups.red = ["xia1", "yan1"]')
    with (taught.root / "nbgrader_config.py").open("a") as config:
        config.write("\nc.CourseFile.path = 'course.toml'\n")
    lines = report(capsys, "pooling", "--json", "report.json", "--csv", "report.csv")[1].splitlines()
    at = lines.index("Students who need help")
    told = ["1 student (not handed in: 1)", "  zoe1: not handed in: pooling"]
    assert lines[at + 1 : at + 3] == told, "yan has, and for xia too"
    found = json.loads((taught.root / "report.json").read_text(encoding="utf-8"))
    assert [one["student"] for one in found["need_help"]["students"]] == ["zoe1"]
    with (taught.root / "report.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "needs help"]
    assert [(row["names"], row["item"]) for row in rows] == [("zoe1", "not handed in")]


def test_a_page_without_a_name_lies_beside_the_gradebook(taught, capsys):
    assert report(capsys, "--html")[1].splitlines()[-1] == f"The page: {taught.root / 'report-pooling.html'}"
    assert (taught.root / "report-pooling.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    report(capsys, "pooling", "--student", "=cmd", "--html")
    assert "=cmd" in (taught.root / "report-student--cmd.html").read_text(encoding="utf-8")


def test_one_student_is_told_of_in_the_terminal_and_in_files(taught, capsys):
    taught.query("INSERT INTO student (id) VALUES ('zoe1')")
    status, output = report(capsys, "--student", "bob1", "--json", "bob.json", "--html", "bob.html")
    lines = [line.rstrip() for line in output.splitlines()]
    assert status == 0 and lines[0].strip() == "bob1"
    (row,) = (line.split() for line in lines if line.startswith(" pooling "))
    assert row == ["pooling", "5.00", "8", "62", "%", "2", "of", "4", "4.75", "2.50", "-"]
    at = lines.index(f"  max_pool2d: {STRIDE}")
    assert lines[at + 1 : at + 4] == [
        "    max_pool2d([1, 2], 2)", "  To read, the costliest first:", "    book/pooling.html#pooling-max",
    ]  # fmt: skip
    found = json.loads((taught.root / "bob.json").read_text(encoding="utf-8"))
    (assignment,) = found["assignments"]
    assert (assignment["standing"]["score"], assignment["to_read"]) == (5.0, ["book/pooling.html#pooling-max"])
    assert STRIDE in (taught.root / "bob.html").read_text(encoding="utf-8")
    output = report(capsys, "--student", "eve1")[1]
    assert "  1 answer still to grade by hand.\n  max_pool2d: It is [b]9[/b]. [2J\n" in output
    assert "not handed in: pooling: nothing was handed in for an assignment" in report(capsys, "--student", "zoe1")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pooling", "--student", "nobody"], "the gradebook has no student nobody"),
        (["--student", "ada1", "--anonymous"], "--student names a student: leave --anonymous out"),
        (["--student", "ada1", "--csv", "x.csv"], "--csv is a table of the class: of one student --json and --html"),
        (["--html", "pooling"], "--html pooling: the name of a page ends with .html; assignments stand before --html"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_sentence(taught, capsys, arguments, message):
    status, output = report(capsys, *arguments)
    assert status == 1 and output.startswith(f"autograder: {message}") and output.count("\n") == 1
    assert not (taught.root / "pooling").exists()


def test_a_class_that_was_graded_has_its_report(course, in_process_pool, released, answers, monkeypatch, capsys):
    """From notebooks to the report: nothing of a verdict is lost on the way."""
    right, helpers = answers
    wrong = "def max_pool2d(x, *a, **k):\n    return x"
    for student, cell in {"ada": {}, "bob": {"max_pool2d": wrong}, "cem": {"max_pool2d": wrong}}.items():
        course.submit(student, answer(released, {**right, **cell}, [helpers]))
    course.grade(pool=in_process_pool)
    monkeypatch.chdir(course.root)
    assert report(capsys, "pooling", "--json", "report.json")[0] == 0
    tasks = {
        task["task"]: task for task in json.loads((course.root / "report.json").read_text())["assignments"][0]["tasks"]
    }
    pool = tasks["max_pool2d"]
    alike = [each["students"] for each in (*pool["mistakes"], *pool["unnamed"])]
    assert alike == [{"count": 2, "names": ["bob", "cem"]}]
    assert pool["full"] == pytest.approx(1 / 3) and all(part["share"] < 1 for part in pool["parts"])
    assert all(task["full"] == 1 for name, task in tasks.items() if name not in ("max_pool2d", "written-pooling"))
