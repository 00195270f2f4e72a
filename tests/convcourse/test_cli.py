"""The command: its help, its errors, and what other packages plug into it."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from convcourse import cli

ROOT = Path(__file__).parents[2]


def status_of(words):
    """Return the exit status of a command, by whichever way it ends."""
    try:
        return cli.main(words)
    except SystemExit as stop:
        return stop.code


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert all(command in out for command in cli.commands())
    assert {"start", "check", "submit", "train"} <= set(cli.commands())


@pytest.mark.parametrize("command", ["", *cli.commands()])
def test_help_is_plain_text_that_explains_every_argument(command, capfd, monkeypatch):
    monkeypatch.chdir(ROOT)  # the commands of authors are tools of the course's folder
    assert status_of([*command.split(), "--help"]) == 0
    out = capfd.readouterr().out
    assert "`" not in out
    lines = out.split("positional arguments:")[1].splitlines()
    listed = [(line, below) for line, below in zip(lines, [*lines[1:], ""], strict=True) if line.startswith("  ")]
    bare = [line for line, below in listed if "  " not in line.strip() and not below.startswith("    ")]
    assert [line for line in bare if not line.startswith("     ")] == []


def test_a_command_that_needs_what_is_not_installed_says_so(tmp_path, monkeypatch, capsys):
    (tmp_path / "pooling.ipynb").write_text('{"cells": []}')
    monkeypatch.setitem(sys.modules, "nbformat", None)
    assert cli.main(["check", str(tmp_path / "pooling.ipynb")]) == 2
    assert "check needs nbformat, which is not installed here" in capsys.readouterr().err


def test_an_unknown_command_lists_the_known(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["grad", "pooling"])
    assert stop.value.code == 2
    assert "start" in capsys.readouterr().err


def test_what_another_package_plugs_in_takes_no_name_of_ours(monkeypatch):
    points = [EntryPoint("grade", "theirs.cli", cli.GROUP), EntryPoint("check", "theirs.check", cli.GROUP)]
    monkeypatch.setattr(cli, "entry_points", lambda group: points)
    assert cli.commands()["grade"] == "theirs.cli"
    assert cli.commands()["check"] == "convcourse.commands.check"


def test_grade_is_of_another_package(monkeypatch, capsys):
    monkeypatch.setattr(cli, "entry_points", lambda group: [])
    assert "grade" not in cli.commands()
    assert cli.main(["grade", "pooling"]) == 2
    assert "grade comes with convgrader, which is not installed here" in capsys.readouterr().err
