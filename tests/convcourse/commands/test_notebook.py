"""What is no notebook gets a sentence."""

import errno
import os
from pathlib import Path

import pytest

from convcourse import cli
from convcourse.commands.notebook import assignment_of, read_notebook

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


def test_a_notebook_whose_metadata_are_gone_is_known_by_its_first_cell(started):
    """As Colab or another editor may save it."""
    notebook = read_notebook(started)
    del notebook.metadata["course"]
    assert assignment_of(notebook, started) == "pooling"
