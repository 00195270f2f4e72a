"""The whole assignment through the grader: a right notebook, handed in with the reference models."""

import copy
import json
import shutil
from pathlib import Path

import pytest

from convcourse import networks
from convcourse.networks import files, tasks
from convgrader.grade import NotebookGrader
from convgrader.jobs import Budget
from convgrader.notebooks import reader
from tests.helpers.courses import as_source
from tools import weave

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def woven():
    """The notebook with its solutions."""
    return weave.weave(ROOT / "solutions/assignments/training.md", ROOT / "solutions/miniconv").notebook


@pytest.fixture(scope="module")
def source(woven):
    """What the grader knows of it."""
    return as_source(woven, "training")


def examine(woven, source, zygote, folder):
    """Grade the notebook with what lies beside it; return the scores of the checks and all that was shown."""
    nb = reader.compose(reader.submitted_cells(woven), source)
    scores = NotebookGrader(source.plan, zygote, 99, Budget(cell=60, notebook=400), folder).run(nb.cells)
    return scores, json.dumps(nb.cells)


def test_a_right_notebook_with_the_reference_models_gets_every_point(woven, source, zygote, tmp_path):
    for task in tasks.TASKS.values():
        for name in files.names(task):
            shutil.copy(ROOT / "solutions" / "networks" / name, tmp_path)
    scores, shown = examine(woven, source, zygote, tmp_path)
    assert scores == source.plan.points, shown[shown.index("scenes_network: ") :][:900]
    assert "gives its losses" in shown and '"output_type": "error"' not in shown


def test_the_lines_that_train_are_locked_and_inert(woven, source, zygote, tmp_path, monkeypatch):
    """Whatever a student writes into them, and even where the student's settings are gone."""
    lines = {
        name: cell
        for cell in woven.cells
        if (name := cell.metadata.get("nbgrader", {}).get("grade_id", "")) in {f"train-{task}" for task in tasks.TASKS}
    }
    assert len(lines) == 3 and not set(lines) & set(source.plan.locked)
    handed_in = copy.deepcopy(woven)
    kept = [cell for cell in handed_in.cells if "_settings = dict(" not in cell.source]
    assert len(kept) == len(handed_in.cells) - 3
    handed_in.cells = kept
    for cell in kept:
        if cell.metadata.get("nbgrader", {}).get("grade_id") in lines:
            cell.source = "open('digits.json', 'w').write('trained here')"
    monkeypatch.setattr(networks, "train", lambda *rest, **more: pytest.fail("it trained"))
    scores, shown = examine(handed_in, source, zygote, tmp_path)
    assert "trained here" not in shown and not list(tmp_path.iterdir())
    assert sum(score > 0 for score in scores.values()) == len(scores) - 3


def test_without_the_files_the_models_earn_nothing_and_all_else_does(woven, source, zygote, tmp_path):
    scores, shown = examine(woven, source, zygote, tmp_path)
    models = {f"check-{name}_network" for name in tasks.TASKS}
    assert {name for name, score in scores.items() if score < source.plan.points[name]} == models
    assert all(scores[name] == 0 for name in models) and "There is no file digits.json" in shown
