"""Every assignment of the course can be graded: its reference solution earns all points, with a sandbox."""

import ast
import json
import os

import pytest

from convcourse.grade_ids import CHECK
from convgrader.grade import NotebookGrader
from convgrader.jobs import Budget
from convgrader.notebooks import reader
from tests.helpers.courses import ROOT, as_source
from tools import weave

STEMS = weave.ProjectPaths(ROOT).stems()


@pytest.mark.parametrize("stem", STEMS)
def test_the_reference_solution_earns_all_points(stem, zygote):
    path = weave.ProjectPaths(ROOT).source(stem)
    if not path.is_file():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("not run: weave the assignments first (make weave)")
    source = as_source(json.loads(path.read_text()), stem)
    nb = reader.compose(reader.read(path.read_bytes()), source)
    trained = ROOT / "solutions" / "networks"  # the files handed in with the last assignment
    scores = NotebookGrader(source.plan, zygote, 7, Budget(cell=30, notebook=240), trained).run(nb.cells)
    assert scores == {cell.name: cell.points for cell in source.cells if cell.grade and not cell.solution} != {}


@pytest.mark.parametrize("stem", STEMS)
def test_checks_are_called_by_what_is_in_the_notebook(stem):
    plan = as_source(weave.woven(ROOT, stem).notebook, stem).plan
    for source in plan.locked.values():
        ast.parse(source)
    assert set(plan.topics) == {stem}
    assert all(name.removeprefix(CHECK) in plan.names for name in plan.graded)
