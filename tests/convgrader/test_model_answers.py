"""``autograder answers``: the solutions come out once nobody has time any more, and not before."""

from datetime import UTC, datetime, timedelta

import nbformat
import pytest
from nbgrader.api import Gradebook

from convcourse import cli
from convgrader.model_answers import reason_against
from convgrader.rules.model import AssignmentRules, CourseRules
from tests.helpers.notebooks import by_name

DUE = datetime(2027, 1, 31, 16, tzinfo=UTC)
HOUR = timedelta(hours=1)


def rules(**extensions):
    given = {student: {"pooling": duration} for student, duration in extensions.items()}
    assignments = {"pooling": AssignmentRules("pooling", DUE), "layer": AssignmentRules("layer")}
    return CourseRules("course.toml", assignments=assignments, extensions=given)


def test_the_answers_wait_for_the_due_date_and_for_the_last_extension():
    assert reason_against(rules(), "pooling", DUE - HOUR) == (
        "pooling is due on 31 January 2027, 16:00 UTC: its answers can be released then"
    )
    assert reason_against(rules(), "pooling", DUE) == ""
    late = rules(ada=2 * HOUR, bob=HOUR)
    assert "the last extension ends on 31 January 2027, 18:00 UTC" in reason_against(late, "pooling", DUE + HOUR)
    assert reason_against(late, "pooling", DUE + 2 * HOUR) == ""


def test_without_a_due_date_nobody_knows_when():
    assert reason_against(rules(), "layer", DUE).startswith("layer has no due date, so nobody knows")
    assert reason_against(rules(), "sound", DUE) == "the course has no assignment sound: there are pooling, layer"


@pytest.fixture
def there(course, monkeypatch):
    monkeypatch.chdir(course.root)
    return course


def answers(capsys, *arguments):
    status = cli.main(["answers", *arguments])
    printed = capsys.readouterr()
    return status, printed.out + printed.err


@pytest.mark.slow
def test_the_notebook_has_the_solutions_and_no_marks_of_nbgrader(there, capsys):
    (there.root / "course.toml").write_text("assignments.pooling.due = 2020-01-31T16:00:00Z")
    path = there.root / "solution" / "pooling" / "pooling.ipynb"
    assert answers(capsys, "pooling") == (0, f"{path}\n")
    cells = {name: by_name(nbformat.read(path, 4), name) for name in ("max_pool2d", "written-pooling")}
    source = nbformat.read(there.root / "source" / "pooling" / "pooling.ipynb", 4)
    whole = next(
        cell.source for cell in source.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "max_pool2d"
    )
    assert "### BEGIN SOLUTION" in whole
    body = whole.split("### BEGIN SOLUTION\n")[1].split("    ### END SOLUTION")[0]
    assert body in cells["max_pool2d"].source + "\n" and "SOLUTION" not in cells["max_pool2d"].source
    assert cells["written-pooling"].source.startswith("Global pooling keeps *whether*")


@pytest.mark.slow
def test_before_the_deadline_nothing_is_written_and_now_is_for_those_who_teach(there, capsys):
    (there.root / "course.toml").write_text("assignments.pooling.due = 2190-01-31T16:00:00Z")
    status, said = answers(capsys, "pooling")
    assert status == 2 and "autograder: pooling is due on 31 January 2190" in said
    assert not (there.root / "solution").exists()
    assert answers(capsys, "--passed") == (1, "\n")
    assert answers(capsys, "pooling", "--now")[0] == 0 and (there.root / "solution").exists()


@pytest.mark.slow
def test_without_a_file_of_rules_the_gradebook_knows_the_due_date_and_the_extensions(there, capsys):
    there.query("UPDATE assignment SET duedate = '2020-01-31 16:00:00.000000'")
    assert answers(capsys, "--passed") == (0, "pooling\n")
    with Gradebook(there.url, "test") as gradebook:
        gradebook.add_student("ada")
        gradebook.add_submission("pooling", "ada")
        gradebook.grant_extension("pooling", "ada", weeks=5000)
    status, said = answers(capsys, "pooling")
    assert status == 2 and "the last extension ends on" in said


@pytest.mark.slow
def test_a_command_without_a_name_says_what_it_needs(there, capsys):
    for words in ((), ("pooling", "--passed")):
        status, said = answers(capsys, *words)
        assert status == 2 and said == "autograder: answers needs the name of an assignment, or --passed without one\n"
