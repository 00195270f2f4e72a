"""The command: its help, its errors, and what other packages plug into it."""

import sys

import pytest

from convcourse import cli


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert all(command in out for command in cli.commands())
    assert {"start", "check", "submit", "grade"} <= set(cli.commands())


@pytest.mark.parametrize("command", ["", *cli.commands()])
def test_help_is_plain_text_that_explains_every_argument(command, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([*command.split(), "--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert "`" not in out
    lines = out.split("positional arguments:")[1].splitlines()
    listed = [(line, below) for line, below in zip(lines, [*lines[1:], ""], strict=True) if line.startswith("  ")]
    bare = [line for line, below in listed if "  " not in line.strip() and not below.startswith("    ")]
    assert [line for line in bare if not line.startswith("     ")] == []


def test_the_usage_of_grade_can_be_typed_as_it_stands(capsys):
    with pytest.raises(SystemExit):
        cli.main(["grade", "--help"])
    assert "grade [-h] ASSIGNMENT [--students ID ...]" in capsys.readouterr().out  # --students takes all that follows


def test_a_command_that_needs_what_students_do_not_have_says_so(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "nbgrader", None)
    monkeypatch.setitem(sys.modules, "nbgrader.apps.baseapp", None)
    assert cli.main(["grade", "pooling"]) == 2
    assert "grade needs nbgrader" in capsys.readouterr().err


def test_an_unknown_command_lists_the_known(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["grad", "pooling"])
    assert stop.value.code == 2
    assert "start" in capsys.readouterr().err


def test_grade_is_plugged_in_by_another_package(monkeypatch, capsys):
    assert cli.commands()["grade"] == "convgrader.cli"
    monkeypatch.setattr(cli, "entry_points", lambda group: [])
    assert "grade" not in cli.commands()
    assert cli.main(["grade", "pooling"]) == 2
    assert "grade comes with convgrader, which is not installed here" in capsys.readouterr().err
