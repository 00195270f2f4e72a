"""``autograder check``: the verdicts and points of a notebook, in the terminal."""

import os
import re
import shutil
import subprocess
import sys

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
@pytest.mark.full
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
@pytest.mark.full
def test_check_gives_a_notebook_the_time_of_grading_and_names_the_cell_that_took_it(started, project, capfd):
    shutil.copyfile(project / "course/source/pooling/pooling.ipynb", started)
    edit(started, lambda nb: nb.cells.insert(-1, nbformat.v4.new_code_cell("import time\ntime.sleep(120)")))
    assert cli.main(["check", str(started), "--notebook-seconds", "20", "--cell-seconds", "100"]) == 1
    out = " ".join(capfd.readouterr().out.split())
    assert "✓ pool_output_shape: 2 of 2 points" in out
    assert "It was not reached: the notebook took longer than 20 s." in out
    assert re.search(r"The notebook took \d+ s here, most of it in cell \[5\] \(`import time`\): \d+ s\.", out)
    assert "When it is graded it has 20 s" in out


@pytest.mark.slow
def test_check_says_that_a_cell_which_trains_belongs_into_jupyter_and_gives_it_none_of_the_notebooks_time(
    started, capfd
):
    trains = nbformat.v4.new_code_cell("while True:\n    pass", metadata={"nbgrader": {"grade_id": "train-digits"}})
    edit(started, lambda notebook: notebook.cells.insert(2, trains))
    cli.main(["check", str(started), "--cell-seconds", "6", "--notebook-seconds", "10"])
    out = " ".join(capfd.readouterr().out.split())
    assert "(`while True:`) raised: took too long and was stopped. Run it in Jupyter" in out
    assert not re.search(r"most of it in cell \[\d+\] \(`while True:`\)", out)


@pytest.mark.slow
@pytest.mark.full
def test_check_gives_a_check_more_than_the_time_of_a_cell_as_grading_does(started, project, capfd):
    shutil.copyfile(project / "course/source/pooling/pooling.ipynb", started)
    slow = "\n\n_quick = avg_pool2d\n\ndef avg_pool2d(*a, **k):\n    time.sleep(0.2)\n    return _quick(*a, **k)"
    edit(started, lambda nb: by_name(nb, "avg_pool2d").update(source=by_name(nb, "avg_pool2d").source + slow))
    edit(
        started, lambda nb: by_name(nb, "avg_pool2d").update(source="import time\n" + by_name(nb, "avg_pool2d").source)
    )
    assert cli.main(["check", str(started), "--cell-seconds", "5", "--notebook-seconds", "200"]) == 0
    assert "✓ avg_pool2d: 4 of 4 points" in capfd.readouterr().out


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


ENCODINGS = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "no locale": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
}


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.sample(1)
def test_check_through_a_pipe_prints_all_it_has_in_any_encoding(started, encoding):
    """Also in a folder with blanks and umlauts, where Python does not take UTF-8 for granted."""
    folder = started.parents[2] / "Meine Übungen für SS 27"
    for name in ("exercises", "work"):
        shutil.move(started.parents[2] / name, folder / name)
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONIOENCODING", "LANG", "LC_CTYPE")}
    command = [sys.executable, "-m", "convcourse", "check", str(folder / "work/pooling/pooling.ipynb"), "avg_pool2d"]
    done = subprocess.run(
        command, env={**kept, "PYTHONUTF8": "0", "NO_COLOR": "1", **encoding}, capture_output=True, timeout=200
    )
    out = done.stdout.decode("ascii")
    assert done.returncode == 1 and done.stderr == b""
    assert "x avg_pool2d: 0 of 4 points" in out and "| avg_pool2d |      0 |  4 |" in out


@pytest.mark.slow
@pytest.mark.parametrize("wanted", [True, False])
def test_check_has_no_colours_where_they_are_not_wanted(started, wanted, monkeypatch, capfd):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if not wanted:
        monkeypatch.setenv("NO_COLOR", "1")
    assert cli.main(["check", str(started), "avg_pool2d"]) == 1
    assert bool(re.search(r"\x1b\[3[0-7]m", capfd.readouterr().out)) == wanted


def test_check_of_a_notebook_by_itself_needs_no_folder_of_the_course(started, tmp_path_factory, monkeypatch, capfd):
    alone = tmp_path_factory.mktemp("alone")
    shutil.copyfile(started, alone / "mine.ipynb")
    monkeypatch.chdir(alone)
    assert cli.main(["check", "mine.ipynb", "avg_pool2d"]) == 1
    assert "✗ avg_pool2d: 0 of 4 points" in capfd.readouterr().out


def test_check_of_a_task_that_is_not_there(started, capsys):
    assert cli.main(["check", str(started), "max_pool"]) == 2
    assert "has no check of max_pool; it has pool_output_shape, avg_pool2d" in capsys.readouterr().err
