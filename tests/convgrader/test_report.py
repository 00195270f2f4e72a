"""What a batch says in the end."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from convgrader.jobs import NotebookResult, SubmissionResult
from convgrader.notebooks.source import SourceCell, SourceNotebook
from convgrader.report import Summary


@pytest.mark.parametrize(("count", "line"), [(1, "1 submission graded before"), (2, "2 submissions graded before")])
def test_where_all_were_graded_before_no_empty_table_is_shown(count, line, capsys):
    summary = Summary(SimpleNamespace(name="pooling", sources={}))
    summary.skipped = count
    summary.print(Console())
    assert capsys.readouterr().out == f"{line} and not changed since: left out.\n"


def test_what_other_checks_had_graded_is_said(capsys):
    summary = Summary(SimpleNamespace(name="pooling", sources={}))
    summary.outdated = 1
    summary.print(Console())
    assert capsys.readouterr().out == "1 submission graded before with other checks: graded again.\n"
    assert summary.as_dict()["outdated"] == 1


def test_where_other_checks_have_graded_some_it_says_so(capsys):
    summary = Summary(SimpleNamespace(name="pooling", sources={}))
    summary.by_other_checks = 2
    summary.print(Console(width=200))
    line = "2 submissions graded by other checks than these: autograder grade pooling --resume brings them up to date."
    assert capsys.readouterr().out == f"{line}\n"
    assert summary.as_dict()["of_other_checks"] == 2


def test_what_could_not_be_graded_waits_for_nobody(source):
    """A submission on which the grader failed has no score: it is named, and changes neither means nor counts."""
    summary = Summary(SimpleNamespace(name="pooling", sources={"pooling": source}))
    check, words = "check-max_pool2d", "written-pooling"
    points = source.by_name()[check].points
    summary.add(SubmissionResult("ada", [NotebookResult("pooling", {check: points, words: None})]))
    summary.add(SubmissionResult("eve", [NotebookResult("pooling", source.scores(None), status="failed", reason="?")]))
    tasks = {task["task"]: task for task in summary.as_dict()["tasks"]}
    assert [tasks[check][key] for key in ("scored", "sum", "full", "nothing", "by_hand")] == [1, points, 1, 0, 0]
    assert [tasks[words][key] for key in ("scored", "by_hand")] == [0, 1]
    assert summary.as_dict()["failed"] == 1


def test_a_name_is_no_markup_and_no_control_character(source, capsys):
    summary = Summary(SimpleNamespace(name="pooling", sources={"pooling": source}))
    odd, reason = "[/bold]\x1b[2J[red]eve", "a [/link] that\nends nothing"
    summary.add(SubmissionResult(odd, [NotebookResult("pooling", source.scores(0.0), status="failed", reason=reason)]))
    summary.print(Console(width=200))
    assert "not graded: [/bold] [2J[red]eve, pooling: a [/link] that ends nothing" in capsys.readouterr().out


def test_what_was_odd_about_a_graded_submission_is_said_and_fails_nobody(source, capsys):
    summary = Summary(SimpleNamespace(name="pooling", sources={"pooling": source}))
    summary.add(SubmissionResult("ada", [NotebookResult("pooling", source.scores(0.0), reason="Nothing was written.")]))
    summary.print(Console(width=200))
    assert "worth a look: ada, pooling: Nothing was written." in capsys.readouterr().out
    assert summary.failures == [] and summary.as_dict()["submissions"][0]["reason"] == "Nothing was written."


def test_who_handed_in_nothing_is_named_and_counted(source, capsys):
    summary = Summary(SimpleNamespace(name="pooling", sources={"pooling": source}))
    summary.absent = [f"s{number:02}" for number in range(12)]
    summary.print(Console(width=200))
    lines = capsys.readouterr().out
    assert "handed in nothing: s00, s01" in lines and "s09, ... (12 of the gradebook)" in lines and "s11" not in lines
    assert summary.as_dict()["absent"] == summary.absent


@pytest.mark.parametrize("width", [80, 60])
def test_no_name_is_cut_in_a_narrow_terminal(width):
    names = [f"check-scaled_dot_product_attention{end}" for end in ("", "_backward", "_backward_again")]
    cells = tuple(SourceCell(name, "code", "", None, True, grade=True, points=1) for name in names)
    summary = Summary(SimpleNamespace(name="attention", sources={"attention": SourceNotebook("attention", cells)}))
    summary.add(SubmissionResult("ada", [NotebookResult("attention", dict.fromkeys(names, 0.5))]))
    console = Console(width=width, record=True, file=io.StringIO())
    summary.print(console)
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width and "…" not in "".join(lines)
    column = "".join(line.split("│")[1].strip() for line in lines if line.startswith("│"))
    assert column == "".join(names)
    assert [line.split("│")[3].strip() for line in lines if "0.50" in line] == ["0.50"] * 3
