"""What is no notebook gets a sentence."""

import copy
import errno
import os
from pathlib import Path

import pytest
from nbformat import v4

from convcourse import cli
from convcourse.commands import notebook
from convcourse.commands.notebook import assignment_of, names_of, quoted, read_notebook
from convcourse.errors import UsageError
from tests.helpers.notebooks import by_name

BAD = {
    "no file": (None, "there is no file"),
    "not JSON": ("x = 1\n", "it does not hold JSON"),
    "not text": (b"\xff\xfe\x00", "it does not hold JSON"),
    "deep": ("[" * 100_000, "is not a notebook"),
    "no cells": ("{}", "it has no list of cells"),
    "no notebook": ('{"cells": 3}', "it has no list of cells"),
    "cells that are none": (
        '{"cells": [{"x": 1}, 2], "metadata": 3, "nbformat": 4}',
        "not an assignment of this course",
    ),
    "many cells": ('{"cells": [' + ", ".join(["{}"] * 2001) + "]}", "has more than 2000 cells"),
    "another": (
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
        "not an assignment of this course",
    ),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("command", ["check", "submit"])
def test_what_is_not_a_notebook_gets_a_sentence(started, command, content, message, capsys):
    path = started.parent / "other.ipynb"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert cli.main([command, str(path)]) == 2
    err = capsys.readouterr().err
    assert message in err and "Traceback" not in err


@pytest.mark.parametrize("command", ["check", "submit"])
def test_a_folder_is_not_a_notebook(started, command, capsys):
    assert cli.main([command, "work/pooling"]) == 2
    assert "work/pooling is a folder: name the notebook in it, work/pooling/pooling.ipynb" in capsys.readouterr().err


def test_a_notebook_that_cannot_be_read(started, monkeypatch, capsys):
    def refused(self):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert cli.main(["submit", "work/pooling/pooling.ipynb"]) == 2
    assert capsys.readouterr().err == "autograder: cannot read work/pooling/pooling.ipynb: Permission denied\n"


def test_a_notebook_whose_metadata_are_gone_is_known_by_its_first_cell(started):
    """As Colab or another editor may save it."""
    found = read_notebook(started)
    del found.metadata["course"]
    assert assignment_of(found, started) == "pooling"


def test_a_notebook_without_any_metadata_is_known_by_its_name_where_that_is_an_assignments(started):
    found = read_notebook(started)
    del found.metadata["course"]
    found.cells = [cell for cell in found.cells if "checker(" not in cell.source]
    assert assignment_of(found, started, names=["pooling"]) == "pooling"
    with pytest.raises(UsageError, match="is not an assignment of this course"):
        assignment_of(found, started, names=["layer"])


def test_a_file_that_is_too_large_is_not_read(started, monkeypatch):
    monkeypatch.setattr(notebook, "MAX_FILE", 1000)
    with pytest.raises(UsageError, match="clear its outputs"):
        read_notebook(started)


def test_of_several_cells_of_one_name_the_last_has_it_and_text_names_what_lost_its_metadata(started):
    released = read_notebook(started)
    mine = read_notebook(started)
    mine.cells += [v4.new_code_cell("def avg_pool2d(x):\n    return x"), copy.deepcopy(mine.cells[0])]
    by_name(mine, "avg_pool2d").metadata.clear()
    names = names_of(mine, released)
    assert (names[0], names[-1], names[-2]) == (None, "setup", "avg_pool2d")
    assert names.count("avg_pool2d") == 1, "the later definition is the one that counts"


@pytest.mark.parametrize(
    ("path", "shell", "quoted_path"),
    [
        ("work/pooling/pooling.ipynb", "posix", "work/pooling/pooling.ipynb"),
        ("Meine Übungen/pooling.ipynb", "posix", "'Meine Übungen/pooling.ipynb'"),
        ("Meine Übungen/pooling.ipynb", "nt", '"Meine Übungen/pooling.ipynb"'),
    ],
)
def test_a_path_in_a_command_can_be_pasted(path, shell, quoted_path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(notebook, "IS_WINDOWS", shell == "nt")
    assert quoted(path) == quoted_path
