"""The whole assignment through the examiner: a right notebook, handed in with the reference models."""

import copy
import json
import shutil
from pathlib import Path

import pytest

from autograder.authoring import weaver
from autograder.grading import notebook, worker
from autograder.grading.examiner import Examination
from autograder.grading.results import Budget
from autograder.training import files, tasks

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def woven():
    """The notebook with its solutions."""
    return weaver.weave(ROOT / "solutions/assignments/training.md", ROOT / "solutions/miniconv").notebook


@pytest.fixture(scope="module")
def source(woven):
    """What the examiner knows of it."""
    cells = []
    for cell in woven.cells:
        about = cell.metadata.get("nbgrader")
        if about:
            flags = {key: about[key] for key in ("locked", "grade", "solution", "task")}
            known = notebook.SourceCell(
                about["grade_id"], cell.cell_type, cell.source, None, **flags, points=about.get("points")
            )
            cells.append(known)
    return notebook.Source("training", tuple(cells))


def examine(woven, source, template, folder):
    """Grade the notebook with what lies beside it; return the scores of the checks and all that was shown."""
    nb = notebook.compose(notebook.parts_of(woven), source)
    Examination(source.task, template, 99, Budget(cell=60, notebook=400), folder).run(nb.cells)
    graded = worker.Graded("training")
    worker.read_off(nb.cells, source, graded)
    return {name: score for name, score in graded.scores.items() if name.startswith("check-")}, json.dumps(nb.cells)


def test_a_right_notebook_with_the_reference_models_gets_every_point(woven, source, template, tmp_path):
    for task in tasks.TASKS.values():
        for name in files.names(task):
            shutil.copy(ROOT / "solutions" / "training" / name, tmp_path)
    scores, shown = examine(woven, source, template, tmp_path)
    assert scores == source.task.graded, shown[shown.index("scenes_network: ") :][:900]
    assert "gives its losses" in shown and '"output_type": "error"' not in shown


def test_the_lines_that_train_are_locked_and_inert(woven, source, template, tmp_path, monkeypatch):
    """Whatever a student writes into them, and even where the student's settings are gone."""
    import autograder.training

    lines = {
        name: cell
        for cell in woven.cells
        if (name := cell.metadata.get("nbgrader", {}).get("grade_id", "")) in {f"train-{task}" for task in tasks.TASKS}
    }
    assert len(lines) == 3 and not set(lines) & set(source.task.locked)
    handed_in = copy.deepcopy(woven)
    kept = [cell for cell in handed_in.cells if "_settings = dict(" not in cell.source]
    assert len(kept) == len(handed_in.cells) - 3
    handed_in.cells = kept
    for cell in kept:
        if cell.metadata.get("nbgrader", {}).get("grade_id") in lines:
            cell.source = "open('digits.json', 'w').write('trained here')"
    monkeypatch.setattr(autograder.training, "train", lambda *rest, **more: pytest.fail("it trained"))
    scores, shown = examine(handed_in, source, template, tmp_path)
    assert "trained here" not in shown and not list(tmp_path.iterdir())
    assert sum(score > 0 for score in scores.values()) == len(scores) - 3


def test_without_the_files_the_models_earn_nothing_and_all_else_does(woven, source, template, tmp_path):
    scores, shown = examine(woven, source, template, tmp_path)
    models = {f"check-{name}_network" for name in tasks.TASKS}
    assert {name for name, score in scores.items() if score < source.task.graded[name]} == models
    assert all(scores[name] == 0 for name in models) and "There is no file digits.json" in shown
