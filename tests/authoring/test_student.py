"""A student's path in the terminal: start, check, submit, and what bad input gets."""

import errno
import json
import os
import shutil
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from autograder import cli
from autograder.authoring import weaver

HEAD = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# Pooling

"""
TASKS = [("pool_output_shape", 2), ("avg_pool2d", 4)]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose one assignment asks for two functions of pooling."""
    root = tmp_path_factory.mktemp("project")
    (root / "solutions/assignments").mkdir(parents=True)
    shutil.copytree(Path(__file__).parents[2] / "solutions/miniconv", root / "solutions/miniconv")
    text = HEAD + "".join(
        f"```{{code-cell}}\n#: solve {name}\n```\n\n```{{code-cell}}\n#: check {name} {points}\n```\n\n"
        for name, points in TASKS
    )
    (root / "solutions/assignments/pooling.md").write_text(text)
    weaver.write(root, "pooling")
    return root


@pytest.fixture
def started(project, tmp_path, monkeypatch):
    """A student's folder with the released assignment, started; the path of the copy."""
    shutil.copytree(project / "exercises", tmp_path / "exercises")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["start", "pooling"]) == 0
    return tmp_path / "work/pooling/pooling.ipynb"


def edit(path, change):
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)


def by_name(notebook, name):
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def test_start_copies_and_never_overwrites(started, capsys):
    started.write_text("mine")
    assert cli.main(["start", "pooling"]) == 2
    assert "is there already and is left alone" in capsys.readouterr().err
    assert started.read_text() == "mine"


def test_start_of_an_unknown_assignment_lists_the_known(started, capsys):
    assert cli.main(["start", "poling"]) == 2
    assert "there is no assignment 'poling'; there are pooling" in capsys.readouterr().err


def test_start_of_nothing_lists_the_known(started, capsys):
    assert cli.main(["start"]) == 2
    assert "name an assignment: pooling" in capsys.readouterr().err


def test_start_where_nothing_can_be_written(started, capsys):
    shutil.rmtree("work")
    with open("work", "w"):
        assert cli.main(["start", "pooling"]) == 2
    assert capsys.readouterr().err == "autograder: cannot write work/pooling: Not a directory\n"


def test_start_outside_of_a_course(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["start", "pooling"]) == 2
    assert "there is no folder `exercises`" in capsys.readouterr().err


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


BAD = {
    "no file": (None, "there is no file"),
    "not JSON": ("x = 1\n", "it does not hold JSON"),
    "not text": (b"\xff\xfe\x00", "it does not hold JSON"),
    "deep": ("[" * 100_000, "is not a notebook"),
    "no cells": ("{}", "it has no list of cells"),
    "no notebook": ('{"cells": 3}', "it has no list of cells"),
    "bad cells": ('{"cells": [{"x": 1}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "not a valid notebook"),
    "another": (
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
        "not an assignment of this course",
    ),
}


@pytest.mark.parametrize("content, says", BAD.values(), ids=BAD)
@pytest.mark.parametrize("command", ["check", "submit"])
def test_what_is_not_a_notebook_gets_a_sentence(started, command, content, says, capsys):
    path = started.parent / "other.ipynb"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert cli.main([command, str(path)]) == 2
    err = capsys.readouterr().err
    assert says in err and "Traceback" not in err


@pytest.mark.parametrize("command", ["check", "submit"])
def test_a_folder_is_not_a_notebook(started, command, capsys):
    assert cli.main([command, "work/pooling"]) == 2
    assert "work/pooling is a folder: name the notebook in it, work/pooling/pooling.ipynb" in capsys.readouterr().err


def test_a_notebook_that_cannot_be_read(started, monkeypatch, capsys):
    def refused(self, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "read_text", refused)
    assert cli.main(["submit", "work/pooling/pooling.ipynb"]) == 2
    assert capsys.readouterr().err == "autograder: cannot read work/pooling/pooling.ipynb: Permission denied\n"


def test_submit_leaves_no_half_archive_on_a_full_disc(started, monkeypatch, capsys):
    def full(self, *arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(zipfile.ZipFile, "write", full)
    assert cli.main(["submit", str(started), "--student", "ada"]) == 2
    err = capsys.readouterr().err
    assert "cannot write work/pooling/ada__" in err and "No space left on device" in err
    assert not list(started.parent.glob("*.zip"))


def test_submit_packs_the_notebook_under_a_name_that_nbgrader_reads(started, capsys):
    assert cli.main(["submit", str(started), "--student", "ada"]) == 0
    (archive,) = started.parent.glob("ada__*__pooling.zip")
    assert archive.name in capsys.readouterr().out
    with zipfile.ZipFile(archive) as file:
        assert file.namelist() == [archive.stem + ".ipynb"]
        assert file.read(file.namelist()[0]) == started.read_bytes()


def test_submit_refuses_what_is_not_whole(started, capsys):
    def change(notebook):
        notebook.cells.remove(by_name(notebook, "avg_pool2d"))
        copy = nbformat.from_dict(json.loads(json.dumps(by_name(notebook, "check-avg_pool2d"))))
        copy["id"] = "copied"
        notebook.cells.append(copy)

    edit(started, change)
    assert cli.main(["submit", str(started), "--student", "ada"]) == 2
    err = capsys.readouterr().err
    assert "the cell avg_pool2d is missing" in err
    assert "the cell check-avg_pool2d is there 2 times" in err
    assert "copy the cells from there" in err
    assert not list(started.parent.glob("*.zip"))


def test_submit_tells_of_changed_locked_cells(started, capsys):
    edit(started, lambda nb: by_name(nb, "check-avg_pool2d").update(source="4.0"))
    assert cli.main(["submit", str(started), "--student", "ada"]) == 0
    assert "the locked cell check-avg_pool2d was changed" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["../ada", "a b", "", "ada__x"])
def test_submit_refuses_names_that_nbgrader_could_not_read_back(started, name, monkeypatch, capsys):
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    assert cli.main(["submit", str(started), "--student", name]) == 2
    assert "cannot name a student" in capsys.readouterr().err


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert all(command in out for command in cli.commands())
    assert {"start", "check", "submit", "grade"} <= set(cli.commands())


@pytest.mark.parametrize("command", ["", *cli.COMMANDS])
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
