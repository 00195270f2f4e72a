"""``autograder submit``: a whole notebook, packed under a name that nbgrader reads."""

import errno
import json
import os
import zipfile

import nbformat
import pytest

from convcourse import cli
from tests.helpers.notebooks import by_name, edit


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
