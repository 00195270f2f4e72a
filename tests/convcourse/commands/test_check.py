"""``autograder check``: the verdicts and points of a notebook, in the terminal."""

import re
import shutil

import nbformat
import pytest

from convcourse import cli
from convcourse.commands import check
from convcourse.limits import CELL_SECONDS, NOTEBOOK_SECONDS
from tests.helpers.notebooks import by_name, edit


def test_check_prints_verdicts_and_points(started, project, capfd):
    source = nbformat.read(project / "course/source/pooling/pooling.ipynb", as_version=4)

    def half(notebook):
        by_name(notebook, "pool_output_shape").source = by_name(source, "pool_output_shape").source

    edit(started, half)
    before = started.read_bytes()
    assert cli.main(["check", str(started)]) == 1
    out, err = capfd.readouterr()
    assert "✓ pool_output_shape: 2 of 2 points" in out
    assert "✗ avg_pool2d: 0 of 4 points" in out
    rows = [line.replace("│", " ").split() for line in out.splitlines() if "│" in line]
    assert rows == [["pool_output_shape", "2", "2"], ["avg_pool2d", "0", "4"], ["total", "2", "6"]]
    assert err == ""
    assert started.read_bytes() == before


def test_check_of_one_task_with_full_points_is_success(started, project, capfd):
    shutil.copyfile(project / "course/source/pooling/pooling.ipynb", started)
    assert cli.main(["check", str(started), "avg_pool2d"]) == 0
    assert "✓ avg_pool2d: 4 of 4 points" in capfd.readouterr().out


@pytest.mark.slow
def test_check_survives_an_endless_cell_and_says_which_cell_failed(started, capfd):
    def change(notebook):
        by_name(notebook, "pool_output_shape").source = "while True:\n    pass"
        by_name(notebook, "avg_pool2d").source = "avg_pool2d = undefined"

    edit(started, change)
    assert cli.main(["check", str(started), "--cell-seconds", "10"]) == 1
    out = capfd.readouterr().out
    assert "(`while True:`) raised: took too long and was stopped" in out
    assert "(`avg_pool2d = undefined`) raised: NameError: name 'undefined' is not defined" in out


@pytest.mark.slow
def test_check_gives_a_notebook_the_time_of_grading_and_names_the_cell_that_took_it(started, project, capfd):
    shutil.copyfile(project / "course/source/pooling/pooling.ipynb", started)
    edit(started, lambda nb: nb.cells.insert(-1, nbformat.v4.new_code_cell("import time\ntime.sleep(120)")))
    assert cli.main(["check", str(started), "--notebook-seconds", "20", "--cell-seconds", "100"]) == 1
    out = " ".join(capfd.readouterr().out.split())
    assert "✓ pool_output_shape: 2 of 2 points" in out
    assert "It was not reached: the notebook took longer than 20 s." in out
    assert re.search(r"The notebook took \d+ s here, most of it in cell \[5\] \(`import time`\): \d+ s\.", out)
    assert "When it is graded it has 20 s" in out


def test_check_has_the_limits_of_grading_unless_told_otherwise(monkeypatch):
    called = []
    monkeypatch.setattr(check, "check", lambda *arguments: called.append(arguments))
    cli.main(["check", "a.ipynb"])
    cli.main(["check", "a.ipynb", "--cell-seconds", "7.5", "--notebook-seconds", "60"])
    assert [arguments[2:] for arguments in called] == [(CELL_SECONDS, NOTEBOOK_SECONDS), (7.5, 60.0)]


def test_check_says_what_grading_has_not(started, capfd):
    """A helper file, data, and a module that is imported inside of a function alone."""
    (started.parent / "helpers.py").write_text("def windows(x):\n    return x\n")
    (started.parent / "numbers.npy").write_bytes(b"")

    def change(notebook):
        by_name(notebook, "avg_pool2d").source = "import helpers\n\ndef avg_pool2d(*a):\n    import scipy.signal"
        by_name(notebook, "pool_output_shape").source = "pool_output_shape = open('numbers.npy')"

    edit(started, change)
    assert cli.main(["check", str(started)]) == 1
    out = capfd.readouterr().out
    assert "copy what you need of helpers into a cell" in out
    assert "scipy: imported here, and not there where submissions are graded" in out
    assert "numbers.npy is named in a cell" in out


def test_check_of_a_notebook_by_itself_needs_no_folder_of_the_course(started, tmp_path_factory, monkeypatch, capfd):
    alone = tmp_path_factory.mktemp("alone")
    shutil.copyfile(started, alone / "mine.ipynb")
    monkeypatch.chdir(alone)
    assert cli.main(["check", "mine.ipynb", "avg_pool2d"]) == 1
    assert "✗ avg_pool2d: 0 of 4 points" in capfd.readouterr().out


def test_check_of_a_task_that_is_not_there(started, capsys):
    assert cli.main(["check", str(started), "max_pool"]) == 2
    assert "has no check of max_pool; it has pool_output_shape, avg_pool2d" in capsys.readouterr().err
