"""Every assignment of the course can be graded: its reference solution earns all points by examiner and sandbox."""

import ast
import json

import pytest
from grading.courses import ROOT

from autograder.grading import notebook
from autograder.grading.examiner import Examination
from autograder.grading.results import Budget, Graded
from autograder.grading.worker import read_off

SOURCES = sorted((ROOT / "course" / "source").glob("*/*.ipynb"))


def instructors(path):
    """Make a Source of a woven notebook, as nbgrader would enter it into the gradebook."""
    cells = []
    for cell in json.loads(path.read_text())["cells"]:
        known = cell["metadata"].get("nbgrader")
        if known:
            text = "".join(cell["source"])
            cells.append(
                notebook.SourceCell(
                    known["grade_id"], cell["cell_type"], text, None, known["locked"], known["grade"],
                    known["solution"], known.get("task", False), known.get("points"),
                )
            )  # fmt: skip
    return notebook.Source(path.stem, tuple(cells))


@pytest.mark.parametrize("path", SOURCES, ids=[path.stem for path in SOURCES])
def test_the_reference_solution_earns_all_points(path, template):
    source = instructors(path)
    nb = notebook.compose(notebook.read(path.read_bytes()), source)
    trained = ROOT / "solutions" / "training"  # the files handed in with the last assignment
    Examination(source.task, template, 7, Budget(cell=30, notebook=240), trained).run(nb.cells)
    graded = Graded(path.stem)
    read_off(nb.cells, source, graded)
    expected = {cell.name: cell.points for cell in source.cells if cell.grade and not cell.solution}
    assert {name: score for name, score in graded.scores.items() if name in expected} == expected
    assert expected


@pytest.mark.parametrize("path", SOURCES, ids=[path.stem for path in SOURCES])
def test_checks_are_called_by_what_is_in_the_notebook(path):
    task = instructors(path).task
    for source in task.locked.values():
        ast.parse(source)
    assert set(task.topics) == {path.stem}
    assert all(name.removeprefix("check-") in task.names for name in task.graded)
