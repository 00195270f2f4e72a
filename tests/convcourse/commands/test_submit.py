"""``autograder submit``: every notebook that can be graded, packed under a name that nbgrader reads."""

import errno
import json
import os
import zipfile

import nbformat
import pytest

from convcourse import cli, student_ids
from convcourse.commands.notebook import name_of, read_notebook
from convcourse.commands.submit import remarks
from convgrader.notebooks import reader
from tests.helpers.notebooks import by_name, edit
from tests.helpers.releases import TASKS, write_release


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


def as_format_3(text):
    notebook = json.loads(text)
    cells = [
        {**cell, "input": cell["source"], "language": "python"} if cell["cell_type"] == "code" else cell
        for cell in notebook["cells"]
    ]
    return json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]})


def changed(change):
    """Return what makes another text of a notebook's by a change of its JSON."""

    def apply(text):
        notebook = json.loads(text)
        change(notebook)
        return json.dumps(notebook)

    return apply


def on_cells(change):
    return changed(lambda notebook: [change(cell) for cell in notebook["cells"]])


def split(notebook):
    number = next(n for n, c in enumerate(notebook["cells"]) if c["metadata"].get("nbgrader", {}).get("solution"))
    notebook["cells"].insert(number, {**notebook["cells"][number], "id": "half", "source": "ONE = 1"})


KINDS = {  # what editors, students and versions make of a notebook, and grading takes
    "a newer minor": changed(lambda nb: nb.update(nbformat_minor=9)),
    "a byte order mark": lambda text: "\ufeff" + text,
    "format 3": as_format_3,
    "no metadata of cells": on_cells(lambda cell: cell["metadata"].clear()),
    "no metadata at all": changed(lambda nb: [nb.pop("metadata"), [cell.pop("metadata") for cell in nb["cells"]]]),
    "a split cell": changed(split),
    "no check cells": changed(lambda nb: nb.update(cells=[c for c in nb["cells"] if "check(" not in c["source"]])),
    "markdown for code": on_cells(lambda c: c.update(cell_type="markdown") if "def avg" in "".join(c["source"]) else 0),
    "outputs that are none": on_cells(lambda cell: cell.update(outputs=[{"x": 1}]) if "outputs" in cell else None),
    "no outputs": on_cells(lambda cell: cell.pop("outputs", None)),
    "fields of others": on_cells(lambda cell: cell.update(colab={"x": 1}, id="the same")),
    "a cell that is none": changed(lambda nb: nb["cells"].append(7)),
    "other bytes": lambda text: text.replace("Pooling", "P\udcf6\udcf6ling"),
}


@pytest.mark.parametrize("change", KINDS.values(), ids=KINDS)
def test_submit_takes_every_notebook_that_grading_takes(started, change, capsys):
    """Cells in the place of others, an editor's bytes: grading makes the best of it, so it is packed as it is."""
    started.write_bytes(change(started.read_text(encoding="utf-8")).encode("utf-8", "surrogateescape"))
    assert reader.read(started.read_bytes())
    assert cli.main(["submit", str(started), "--student", "ada"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and "delete the copies" not in out
    (archive,) = started.parent.glob("ada__*.zip")
    with zipfile.ZipFile(archive) as file:
        assert file.read(file.namelist()[0]) == started.read_bytes()


@pytest.mark.parametrize("change", KINDS.values(), ids=KINDS)
def test_check_and_update_read_it_too(started, change):
    started.write_bytes(change(started.read_text(encoding="utf-8")).encode("utf-8", "surrogateescape"))
    assert cli.main(["update", str(started)]) == 0
    now = read_notebook(started)
    nbformat.validate(now)
    assert [name_of(cell) for cell in now.cells if name_of(cell)] == [
        "setup", "pool_output_shape", "check-pool_output_shape", "avg_pool2d", "check-avg_pool2d",
    ]  # fmt: skip


def test_submit_says_which_tasks_nothing_defines(started, capsys):
    edit(started, lambda nb: nb.cells.remove(by_name(nb, "avg_pool2d")))
    assert cli.main(["submit", str(started), "--student", "ada"]) == 0
    out = capsys.readouterr().out
    assert "Note: nothing defines avg_pool2d: its check will earn nothing." in out
    assert "pool_output_shape" not in out


def test_a_deleted_cell_is_not_taken_for_an_earlier_release(started, capsys):
    """Of a notebook outside of work/ nobody knows which release it follows."""
    path = started.with_name("mine.ipynb")
    started.rename(path)
    edit(path, lambda nb: nb.cells.remove(by_name(nb, "avg_pool2d")))
    assert cli.main(["submit", str(path), "--student", "ada"]) == 0
    out = capsys.readouterr().out
    assert "lacks tasks that pooling has here (avg_pool2d)" in out and "earlier release" not in out


def test_submit_says_that_nothing_is_written_in_a_notebook(started, capsys):
    """Whoever hands in the copy in exercises/, or did not save, learns it while there is time."""
    message = "Note: nothing is written in this notebook"
    edit(started, lambda nb: nb.cells.append(nbformat.v4.new_code_cell()))  # as Jupyter does, at the end
    assert cli.main(["submit", str(started), "--student", "ada"]) == 0
    assert message in capsys.readouterr().out
    edit(started, lambda nb: by_name(nb, "avg_pool2d").update(source="def avg_pool2d(x):\n    return x"))
    assert cli.main(["submit", str(started), "--student", "ada"]) == 0
    assert message not in capsys.readouterr().out


def test_submit_says_that_words_without_their_cell_count_as_blank():
    words = nbformat.v4.new_markdown_cell("YOUR ANSWER HERE")
    words.metadata["nbgrader"] = {"grade_id": "written", "grade": True, "solution": True, "locked": False}
    released = nbformat.v4.new_notebook(cells=[words])
    (message,) = remarks(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("My words.")]), released)
    assert message.startswith("the cell written is missing, so your answer there counts as blank")
    assert list(remarks(released, released)) == []


def test_submit_says_what_is_behind_and_what_grading_has_not(started, project, capsys):
    write_release(project, started.parents[2], [*TASKS, ("channel_max_pool", 3)])
    edit(started, lambda nb: nb.cells.append(nbformat.v4.new_code_cell("import torch")))
    assert cli.main(["submit", str(started), "--student", "ada"]) == 0
    out = capsys.readouterr().out
    assert "with new tasks (channel_max_pool)" in out and "Note: torch: imported here" in out


def test_submit_tells_of_changed_locked_cells(started, capsys):
    edit(started, lambda nb: by_name(nb, "check-avg_pool2d").update(source="4.0"))
    assert cli.main(["submit", str(started), "--student", "ada"]) == 0
    assert "the locked cell check-avg_pool2d was changed" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["../ada", "a b", "", "ada__x", "o_neil", "ada@school.example"])
def test_submit_refuses_names_that_could_not_be_read_back_and_says_the_rule(started, name, monkeypatch, capsys):
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    assert cli.main(["submit", str(started), "--student", name]) == 2
    err = capsys.readouterr().err
    assert "cannot name a student" in err and student_ids.RULE in err and "ask your instructor" in err
