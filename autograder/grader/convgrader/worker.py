"""What a worker process does: grade one student's submission and write its files; the database is not its business."""

import contextlib
import json
import math
import os
import shutil
import time
from pathlib import Path

from convcourse import checks
from convgrader.errors import MalformedNotebookError
from convgrader.grade import NotebookGrader
from convgrader.jobs import NotebookResult, SubmissionResult
from convgrader.notebooks import files, finding, reader
from convgrader.notebooks.answers import ELSEWHERE, Answers, is_blank


class SubmissionGrader:
    """Grades submissions one after the other, with one zygote."""

    def __init__(self, assignment, zygote):
        self.assignment, self.zygote = assignment, zygote

    def warm(self):
        """Compute what is right once, before workers are forked, and try an empty submission."""
        for source in self.assignment.sources.values():
            for topic in source.plan.topics:
                for check in checks.load(topic).values():
                    check.warm(self.assignment.seed)
            nb = reader.compose([], source)
            NotebookGrader(source.plan, self.zygote, self.assignment.seed, self.assignment.budget).run(nb.cells)

    def grade(self, job):
        """Grade one submission. Nothing in it stops the batch; a folder that cannot be written does."""
        result = SubmissionResult(job.student, timestamp=files.timestamp(job.submitted))
        written = []
        for source in self.assignment.sources.values():
            graded, text = self.grade_notebook(source, Path(job.submitted))
            result.notebooks.append(graded)
            written.append((f"{source.name}.ipynb", text))
        return self._with_files(result, job, written)

    def _with_files(self, result, job, written):
        """Write what is kept of a submission; return the result, which says whether that could be done."""
        try:
            self.write_files(job, written)
        except OSError as error:
            result.stopped = f"cannot write {job.graded}: {error.strerror or error}"
        return result

    def give_up(self, job, reason):
        """Return what is recorded of a submission whose grading was ended, and write a page that says why."""
        result = SubmissionResult(job.student, timestamp=files.timestamp(job.submitted))
        written = []
        for source in self.assignment.sources.values():
            scores = source.scores(0.0)
            result.notebooks.append(NotebookResult(source.name, scores, status="failed", reason=reason))
            text = json.dumps(reader.compose([], source, f"This could not be graded: {reason}."), ensure_ascii=False)
            written.append((f"{source.name}.ipynb", text))
        return self._with_files(result, job, written)

    def grade_notebook(self, source, folder):
        """Grade one notebook of a submission; return (NotebookResult, text of the graded notebook)."""
        start = time.monotonic()
        graded = NotebookResult(source.name)
        try:
            text = self._grade(source, folder, graded)
        except Exception as error:  # ours, or of the machine: not the student's fault, so it must be seen
            graded.status, graded.reason = "failed", f"{type(error).__name__}: {str(error)[:300]}"
            graded.scores = source.scores(None)
            text = json.dumps(reader.compose([], source, "This notebook could not be graded."), ensure_ascii=False)
        graded.seconds = time.monotonic() - start
        return graded, text

    def _grade(self, source, folder, graded):
        """Fill in what one notebook earned; return the graded notebook's text."""
        parts, assignment = [], self.assignment
        grader = NotebookGrader(
            source.plan, self.zygote, assignment.seed, assignment.budget, folder, assignment.site
        )  # its time has begun
        try:
            graded.digest = files.digest(folder, assignment.sources)
            parts, graded.reason = finding.notebook_of(folder, source, assignment.sources)
        except (OSError, MalformedNotebookError) as error:
            graded.status, graded.reason = "failed", str(error)
        nb = reader.compose(parts, source, graded.reason)
        answers = Answers(parts, source)
        graded.answers = answers.digests()
        collect_scores(nb.cells, source, grader.run(nb.cells), graded, bool(answers.elsewhere))
        return json.dumps(nb, ensure_ascii=False)

    def write_files(self, job, written):
        """Write the graded copy beside the place where it goes, and then put it there."""
        target = Path(job.graded)
        fresh = target.with_name(f".{target.name}.{os.getpid()}")
        _remove(fresh)
        fresh.mkdir(parents=True)
        if self.assignment.extra:  # the instructor's go before the student's
            files.copy_files(self.assignment.extra, fresh, self.assignment.ignore, math.inf)
        files.copy_files(job.submitted, fresh, self.assignment.ignore)
        for name, text in written:
            (fresh / name).write_text(text, encoding="utf-8")
        for folder, _, names in os.walk(fresh):
            for name in names:
                os.chmod(os.path.join(folder, name), self.assignment.permissions)
        _remove(target)
        fresh.rename(target)


def _remove(folder):
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)


def collect_scores(cells, source, earned, graded, is_elsewhere=False):
    """Fill in the scores and comments of a graded notebook.

    `earned` holds the points of its check cells; `is_elsewhere` says that cells which are no answers hold text of the
    student's: then a person decides on answers in words that were left as they were, or emptied.
    """
    frame = source.by_name()
    for cell in cells:
        ours = frame.get(cell["metadata"].get("nbgrader", {}).get("grade_id"))
        if ours is None:
            continue
        nothing = is_blank(cell["source"], ours)
        in_words = ours.grade and ours.solution
        if ours.grade:
            graded.scores[ours.name] = earned[ours.name] if not in_words else _without_a_person(nothing, is_elsewhere)
        if ours.task or ours.solution:
            says = ELSEWHERE if in_words and is_elsewhere else "No response."
            graded.comments[ours.name] = says if nothing and not ours.task else None


def _without_a_person(nothing, is_elsewhere):
    """Return the points for an answer in words: none where nothing was written, else None."""
    return 0.0 if nothing and not is_elsewhere else None
