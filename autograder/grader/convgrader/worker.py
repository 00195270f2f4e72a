"""What a worker process does: grade one student's submission and write its files; the database is not its business."""

import contextlib
import json
import math
import os
import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from convcourse import checks
from convgrader.errors import MalformedNotebookError
from convgrader.grade import NotebookGrader
from convgrader.jobs import AssignmentSpec, Job, NotebookResult, SubmissionResult
from convgrader.notebooks import discovery, files, reader
from convgrader.notebooks.answers import ELSEWHERE, Answers, is_blank
from convgrader.notebooks.reader import Node, SubmittedCell
from convgrader.notebooks.source import SourceNotebook
from convgrader.sandbox.zygote import SandboxZygote


class SubmissionGrader:
    """Grades submissions one after the other, with one zygote."""

    def __init__(self, assignment: AssignmentSpec, zygote: SandboxZygote) -> None:
        self.assignment, self.zygote = assignment, zygote

    def warm(self) -> None:
        """Compute what is right once, before workers are forked, and try an empty submission."""
        for source in self.assignment.sources.values():
            for topic in source.plan.topics:
                for check in checks.load(topic).values():
                    check.warm(self.assignment.seed)
            nb = reader.compose([], source)
            NotebookGrader(source.plan, self.zygote, self.assignment.seed, self.assignment.budget).run(nb.cells)

    def grade(self, job: Job) -> SubmissionResult:
        """Grade one submission. Nothing in it stops the batch; a folder that cannot be written does."""
        result = SubmissionResult(job.student, timestamp=files.timestamp(job.submitted_folder))
        notebook_texts = []
        for source in self.assignment.sources.values():
            notebook_result, text = self.grade_notebook(source, Path(job.submitted_folder))
            result.notebooks.append(notebook_result)
            notebook_texts.append((f"{source.name}.ipynb", text))
        return _finish(self.assignment, result, job, notebook_texts)

    def grade_notebook(self, source: SourceNotebook, folder: Path) -> tuple[NotebookResult, str]:
        """Grade one notebook of a submission; return (NotebookResult, text of the graded notebook)."""
        start = time.monotonic()
        notebook_result = NotebookResult(source.name)
        try:
            text = self._grade(source, folder, notebook_result)
        except Exception as error:  # ours, or of the machine: not the student's fault, so it must be seen
            notebook_result.status, notebook_result.reason = "failed", f"{type(error).__name__}: {str(error)[:300]}"
            notebook_result.scores = source.scores(None)
            text = json.dumps(reader.compose([], source, "This notebook could not be graded."), ensure_ascii=False)
        notebook_result.seconds = time.monotonic() - start
        return notebook_result, text

    def _grade(self, source: SourceNotebook, folder: Path, notebook_result: NotebookResult) -> str:
        """Fill in what one notebook earned; return the graded notebook's text."""
        submitted: list[SubmittedCell] = []
        assignment = self.assignment
        grader = NotebookGrader(
            source.plan, self.zygote, assignment.seed, assignment.budget, folder, assignment.site
        )  # its time has begun
        try:
            notebook_result.digest = files.digest(folder, assignment.sources)
            submitted, notebook_result.reason = discovery.discover_notebook(folder, source, assignment.sources)
        except (OSError, MalformedNotebookError) as error:
            notebook_result.status, notebook_result.reason = "failed", str(error)
        nb = reader.compose(submitted, source, notebook_result.reason)
        answers = Answers(submitted, source)
        notebook_result.answer_digests = answers.digests()
        collect_scores(nb.cells, source, grader.run(nb.cells), notebook_result, bool(answers.elsewhere))
        return json.dumps(nb, ensure_ascii=False)


def give_up(assignment: AssignmentSpec, job: Job, reason: str) -> SubmissionResult:
    """Return what is recorded of a submission whose grading was ended, and write a page that says why."""
    result = SubmissionResult(job.student, timestamp=files.timestamp(job.submitted_folder))
    notebook_texts = []
    for source in assignment.sources.values():
        scores = source.scores(0.0)
        result.notebooks.append(NotebookResult(source.name, scores, status="failed", reason=reason))
        text = json.dumps(reader.compose([], source, f"This could not be graded: {reason}."), ensure_ascii=False)
        notebook_texts.append((f"{source.name}.ipynb", text))
    return _finish(assignment, result, job, notebook_texts)


def _finish(
    assignment: AssignmentSpec, result: SubmissionResult, job: Job, notebook_texts: list[tuple[str, str]]
) -> SubmissionResult:
    """Write what is kept of a submission; return the result, which says whether that could be done."""
    try:
        _write_files(assignment, job, notebook_texts)
    except OSError as error:
        result.fatal_error = f"cannot write {job.graded_folder}: {error.strerror or error}"
    return result


def _write_files(assignment: AssignmentSpec, job: Job, notebook_texts: list[tuple[str, str]]) -> None:
    """Write the graded copy beside the place where it goes, and then put it there."""
    target = Path(job.graded_folder)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    _remove(draft)
    draft.mkdir(parents=True)
    if assignment.extra_folder:  # the instructor's go before the student's
        files.copy_files(assignment.extra_folder, draft, assignment.ignore, math.inf)
    files.copy_files(job.submitted_folder, draft, assignment.ignore)
    for name, text in notebook_texts:
        (draft / name).write_text(text, encoding="utf-8")
    for folder, _, names in os.walk(draft):
        for name in names:
            os.chmod(os.path.join(folder, name), assignment.permissions)
    _remove(target)
    draft.rename(target)


def _remove(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)


def collect_scores(
    cells: Iterable[Node],
    source: SourceNotebook,
    points: Mapping[str, float],
    notebook_result: NotebookResult,
    has_text_elsewhere: bool = False,
) -> None:
    """Fill in the scores and comments of a graded notebook.

    `points` are those of its check cells; `has_text_elsewhere` says that cells which are no answers hold text of the
    student's: then a person decides on answers in words that were left as they were, or emptied.
    """
    frame = source.by_name()
    for cell in cells:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if name not in frame:
            continue
        source_cell = frame[name]
        is_unanswered = is_blank(cell["source"], source_cell)
        in_words = source_cell.grade and source_cell.solution
        if source_cell.grade:
            by_hand = _score_in_words(is_unanswered, has_text_elsewhere)
            notebook_result.scores[name] = by_hand if in_words else points[name]
        if source_cell.task or source_cell.solution:
            comment = ELSEWHERE if in_words and has_text_elsewhere else "No response."
            notebook_result.comments[name] = comment if is_unanswered and not source_cell.task else None


def _score_in_words(is_unanswered: bool, has_text_elsewhere: bool) -> float | None:
    """Return the points for an answer in words: none where nothing was written, else None."""
    return 0.0 if is_unanswered and not has_text_elsewhere else None
