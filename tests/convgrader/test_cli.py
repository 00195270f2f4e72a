"""The command ``autograder grade``: plugged into convcourse's, and what it says where it cannot work."""

import subprocess
import sys

import pytest

from convcourse import cli

WINDOWS = """
import asyncio, ctypes, multiprocessing.connection, os, sys
import IPython, nbformat, nbgrader.apps, numpy, rich.progress  # what others import differently there is not the point

opened = ctypes.CDLL
def refuse_none(name, *arguments, **options):
    if name is None:
        raise TypeError("bad argument type for built-in operation")
    return opened(name, *arguments, **options)

ctypes.CDLL, sys.platform = refuse_none, "win32"
sys.modules.update(dict.fromkeys(["resource", "fcntl", "pwd", "grp", "termios"]))
del os.fork
from convcourse import cli
for command in (["grade", "pooling"], ["grade", "pooling", "--unconfined"]):
    print(cli.main(command))
"""


def test_it_is_plugged_in():
    assert cli.commands()["grade"] == "convgrader.cli"


def test_its_usage_can_be_typed_as_it_stands(capsys):
    with pytest.raises(SystemExit):
        cli.main(["grade", "--help"])
    assert "grade [-h] ASSIGNMENT [--students ID ...]" in capsys.readouterr().out  # --students takes all that follows


def test_where_nbgrader_is_not_installed_it_says_so(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "nbgrader", None)
    monkeypatch.setitem(sys.modules, "nbgrader.apps.baseapp", None)
    assert cli.main(["grade", "pooling"]) == 2
    assert "grade needs nbgrader" in capsys.readouterr().err


def test_on_windows_it_says_where_it_works():
    """No module of the grader fails to be imported for want of what only Unix has."""
    result = subprocess.run([sys.executable, "-c", WINDOWS], capture_output=True, text=True)
    assert result.stdout.split() == ["2", "2"], result.stderr
    confined, unconfined = result.stderr.splitlines()
    assert "confined on Linux only; this is win32" in confined
    assert "use Linux, or WSL 2 on Windows" in unconfined
