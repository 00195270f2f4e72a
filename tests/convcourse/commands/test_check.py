"""``autograder check``: the verdicts and points of a notebook, in the terminal."""

import shutil

import nbformat
import pytest

from convcourse import cli
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


def test_check_of_a_task_that_is_not_there(started, capsys):
    assert cli.main(["check", str(started), "max_pool"]) == 2
    assert "has no check of max_pool; it has pool_output_shape, avg_pool2d" in capsys.readouterr().err
