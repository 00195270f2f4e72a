"""One submission is graded, and its files are written whole or not at all."""

import os
from dataclasses import replace

import nbformat
import pytest

from convgrader.grade import MAX_KEPT
from convgrader.jobs import AssignmentSpec, Budget, Job, NotebookResult
from convgrader.notebooks.answers import ELSEWHERE
from convgrader.worker import SubmissionGrader, collect_scores, give_up
from tests.helpers.courses import answer
from tests.helpers.grading_fixtures import BUDGET, FULL, SEED


@pytest.fixture
def grader(source, zygote):
    return SubmissionGrader(AssignmentSpec("pooling", {"pooling": source}, SEED, budget=BUDGET), zygote)


def hand_in(folder, notebook=None):
    """Make the folder of a submission; return the job that grades it."""
    (folder / "submitted").mkdir()
    if notebook is not None:
        nbformat.write(notebook, folder / "submitted" / "pooling.ipynb")
    (folder / "submitted" / "timestamp.txt").write_text("2030-01-02 03:04:05 UTC\n")
    return Job("ada", str(folder / "submitted"), str(folder / "graded"))


@pytest.mark.slow
def test_scores_comments_and_files(grader, released, answers, tmp_path):
    right, helpers = answers
    job = hand_in(tmp_path, answer(released, right, [helpers]))
    result = grader.grade(job)
    (graded,) = result.notebooks
    assert (graded.status, graded.score, result.timestamp) == ("graded", FULL, "2030-01-02 03:04:05 UTC")
    assert graded.scores["written-pooling"] == 0.0 and graded.comments["written-pooling"] == "No response."
    assert graded.comments["max_pool2d"] is None
    assert sorted(os.listdir(tmp_path / "graded")) == ["pooling.ipynb", "timestamp.txt"]
    nb = nbformat.read(tmp_path / "graded" / "pooling.ipynb", as_version=4)
    shown = {
        cell.metadata.nbgrader.grade_id: float(cell.outputs[-1].data["text/plain"])
        for cell in nb.cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade")
    }
    assert shown.items() < graded.scores.items(), "nbgrader reads the same numbers off the notebook"


WRONG = {
    "max_pool2d": "def max_pool2d(x, *a, **k):\n    raise ValueError('\\ud800\\x1b[2J' + 'long ' * 1000)",
    "avg_pool2d": "def avg_pool2d(x, *a, **k):\n    return x",
}


def test_the_verdicts_are_kept_in_short_and_plain_words(grader, released, answers, tmp_path):
    right, helpers = answers
    given = {name: text for name, text in {**right, **WRONG}.items() if name != "claim_relu"}
    (graded,) = grader.grade(hand_in(tmp_path, answer(released, given, [helpers]))).notebooks
    kept = {verdict.cell: verdict for verdict in graded.verdicts}
    assert {cell: verdict.earned for cell, verdict in kept.items()}.items() <= graded.scores.items()
    assert sum(verdict.points for verdict in kept.values()) == FULL
    raised, wrong, blank, good = (
        kept[f"check-{name}"] for name in ("max_pool2d", "avg_pool2d", "claim_relu", "lp_pool2d")
    )
    assert "ValueError" in raised.problem and raised.problem.isprintable() and len(raised.problem) <= MAX_KEPT
    assert set(raised.outcomes) == {"e"} and set(blank.outcomes) == {"b"} and set(good.outcomes) == {"r"}
    assert wrong.call.startswith("avg_pool2d(array(") and "w" in wrong.outcomes and wrong.digest
    assert wrong.section.startswith("pooling#") and wrong.task == "avg_pool2d" and not all(wrong.parts.values())
    assert good.parts and all(good.parts.values()) and (good.problem, good.digest, good.mistakes) == ("", "", ())


def test_a_check_that_came_to_no_verdict_says_why(grader, released, answers, tmp_path):
    right, helpers = answers
    loop = {**right, "max_pool2d": "while True:\n    pass"}
    grader.assignment = replace(grader.assignment, budget=Budget(cell=20, notebook=1))
    (graded,) = grader.grade(hand_in(tmp_path, answer(released, loop, [helpers]))).notebooks
    kept = {verdict.cell: verdict for verdict in graded.verdicts}
    assert kept.keys() == {name for name in graded.scores if name.startswith("check-")}
    assert "not reached" in kept["check-lp_pool2d"].problem and kept["check-lp_pool2d"].earned == 0


def test_words_wait_for_a_person(grader, released, tmp_path):
    graded = grader.grade(hand_in(tmp_path, answer(released, {"written-pooling": "It forgets where."}))).notebooks[0]
    assert graded.scores["written-pooling"] is None and graded.comments["written-pooling"] is None


@pytest.mark.parametrize("emptied", ["", " \n"])
@pytest.mark.parametrize(
    ("written", "score", "comment"), [([], 0.0, "No response."), (["It forgets."], None, ELSEWHERE)]
)
def test_an_answer_that_was_emptied_is_as_one_that_was_left_blank(
    grader, released, tmp_path, emptied, written, score, comment
):
    """Whoever deletes "write your answer here", and writes the answer into another cell."""
    notebook = answer(released, {"written-pooling": emptied})
    notebook.cells += map(nbformat.v4.new_markdown_cell, written)
    graded = grader.grade(hand_in(tmp_path, notebook)).notebooks[0]
    assert (graded.scores["written-pooling"], graded.comments["written-pooling"]) == (score, comment)


def test_nothing_that_was_handed_in_earns_nothing(grader, tmp_path):
    graded = grader.grade(hand_in(tmp_path)).notebooks[0]
    assert (graded.score, graded.status) == (0.0, "failed") and "Nothing was handed in" in graded.reason
    page = nbformat.read(tmp_path / "graded" / "pooling.ipynb", as_version=4)
    assert "Nothing was handed in" in page.cells[0].source


def test_what_is_no_notebook_is_that_students_result(grader, tmp_path):
    job = hand_in(tmp_path)
    (tmp_path / "submitted" / "pooling.ipynb").write_text("%PDF-1.4")
    graded = grader.grade(job).notebooks[0]
    assert graded.status == "failed" and "not a notebook" in graded.reason and graded.score == 0


def test_what_is_given_up_has_a_page_that_says_why(grader, released, tmp_path):
    job = hand_in(tmp_path, released)
    result = give_up(grader.assignment, job, "it took far longer than its budget")
    (graded,) = result.notebooks
    assert (graded.status, graded.score, result.timestamp) == ("failed", 0.0, "2030-01-02 03:04:05 UTC")
    page = nbformat.read(tmp_path / "graded" / "pooling.ipynb", as_version=4)
    assert "far longer than its budget" in page.cells[0].source


@pytest.mark.parametrize("fault", [ZeroDivisionError("of ours"), FileNotFoundError("of the machine")], ids=repr)
def test_a_fault_of_ours_is_seen_and_scores_nothing(grader, released, tmp_path, monkeypatch, fault):
    def broken(self, cells):
        raise fault

    monkeypatch.setattr("convgrader.grade.NotebookGrader.run", broken)
    graded = grader.grade(hand_in(tmp_path, released)).notebooks[0]
    assert (graded.status, graded.reason) == ("failed", f"{type(fault).__name__}: {fault}")
    assert set(graded.scores.values()) == {None}


def test_a_folder_that_cannot_be_written_stops_the_batch(grader, released, tmp_path):
    (tmp_path / "file").write_text("in the way")
    job = hand_in(tmp_path, released)
    result = grader.grade(Job(job.student, job.submitted_folder, str(tmp_path / "file" / "graded")))
    assert "cannot write" in result.fatal_error and "Not a directory" in result.fatal_error


def test_scores_are_those_that_the_grader_gave_not_those_that_are_shown(source):
    """A number in the outputs is not believed: only what the checks earned counts."""
    from convgrader.notebooks import reader

    cells = reader.compose([], source).cells
    for cell in cells:
        if cell.cell_type == "code":
            cell.outputs = [{"output_type": "execute_result", "data": {"text/plain": "99.0"}}]
    graded = NotebookResult("pooling")
    collect_scores(cells, source, dict.fromkeys(source.plan.points, 0.5), graded)
    assert {score for name, score in graded.scores.items() if name.startswith("check-")} == {0.5}
