"""Every assignment of the course can be graded: its reference solution earns all points, with a sandbox."""

import ast
import json

import pytest

from convcourse import checks
from convcourse.engine.check import Check
from convcourse.grade_ids import CHECK
from convgrader.grade import NotebookGrader
from convgrader.jobs import Budget
from convgrader.notebooks import reader
from tests.helpers.courses import ROOT, answer, as_source
from tools import weave

STEMS = weave.ProjectPaths(ROOT).stems()


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.slow
def test_the_reference_solution_earns_all_points(stem, zygote):
    path = weave.ProjectPaths(ROOT).source(stem)
    if not path.is_file():
        pytest.skip("not run: weave the assignments first (make weave)")
    source = as_source(json.loads(path.read_text()), stem)
    nb = reader.compose(reader.read(path.read_bytes()), source)
    trained = ROOT / "solutions" / "networks"  # the files handed in with the last assignment
    scores = NotebookGrader(source.plan, zygote, 7, Budget(cell=30, notebook=240), trained).run(nb.cells)
    assert scores == {cell.name: cell.points for cell in source.cells if cell.grade and not cell.solution} != {}


@pytest.mark.parametrize("stem", [stem for stem in STEMS if any(c.builds_on for c in checks.load(stem).values())])
@pytest.mark.slow
def test_wrong_helpers_cost_their_own_points_and_no_others(stem, zygote):
    woven = weave.woven(ROOT, stem).notebook
    source = as_source(woven, stem)
    wrong = {helper for cell in source.plan.tasks for helper in source.plan.helpers(cell)}
    broken = answer(woven, {name: f"def {name}(*args, **kwargs):\n    return None" for name in wrong})
    nb = reader.compose(reader.submitted_cells(broken), source)
    trained = ROOT / "solutions" / "networks"
    scores = NotebookGrader(source.plan, zygote, 7, Budget(cell=30, notebook=240), trained).run(nb.cells)
    asks_for_them = {name for name, check in checks.load(stem).items() if not isinstance(check, Check)}
    for cell, points in source.plan.points.items():
        name = cell.removeprefix(CHECK)
        if name not in asks_for_them:
            assert scores[cell] == (0 if name in wrong else points), name


@pytest.mark.parametrize("stem", STEMS)
def test_checks_are_called_by_what_is_in_the_notebook(stem):
    plan = as_source(weave.woven(ROOT, stem).notebook, stem).plan
    for source in plan.locked.values():
        ast.parse(source)
    assert set(plan.topics) == {stem}
    assert all(name.removeprefix(CHECK) in plan.names for name in plan.points)
