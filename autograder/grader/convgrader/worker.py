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
from convgrader.notebooks import files, reader


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
            graded, text = self.grade_notebook(source, Path(job.submitted) / f"{source.name}.ipynb")
            result.notebooks.append(graded)
            if text is not None:
                written.append((f"{source.name}.ipynb", text))
        try:
            self.write_files(job, written)
        except OSError as error:
            result.stopped = f"cannot write {job.graded}: {error.strerror or error}"
        return result

    def grade_notebook(self, source, path):
        """Grade one notebook file; return (NotebookResult, text of the graded notebook, None if nothing came in)."""
        start = time.monotonic()
        graded = NotebookResult(source.name)
        if not os.path.lexists(path):
            graded.reason, graded.scores = "nothing was handed in", source.scores(0.0)
            return graded, None
        try:
            text = self._grade(source, path, graded)
        except Exception as error:  # ours, or of the machine: not the student's fault, so it must be seen
            graded.status, graded.reason = "failed", f"{type(error).__name__}: {str(error)[:300]}"
            graded.scores = source.scores(None)
            text = json.dumps(reader.compose([], source, "This notebook could not be graded."), ensure_ascii=False)
        graded.seconds = time.monotonic() - start
        return graded, text

    def _grade(self, source, path, graded):
        """Fill in what one notebook earned; return the graded notebook's text."""
        note, parts, assignment = None, [], self.assignment
        grader = NotebookGrader(
            source.plan, self.zygote, assignment.seed, assignment.budget, path.parent, assignment.site
        )  # its time has begun
        try:
            data = files.read_regular(path)
            graded.digest = files.digest(path.parent, data)
            parts = reader.read(data)
        except (OSError, MalformedNotebookError) as error:
            graded.status, graded.reason = "failed", str(error)
            note = graded.reason
        nb = reader.compose(parts, source, note)
        collect_scores(nb.cells, source, grader.run(nb.cells), graded)
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


def collect_scores(cells, source, earned, graded):
    """Fill in the scores and comments of a graded notebook; `earned` holds the points of its check cells."""
    frame = source.by_name()
    for cell in cells:
        ours = frame.get(cell["metadata"].get("nbgrader", {}).get("grade_id"))
        if ours is None:
            continue
        is_blank = cell["source"] == ours.source
        if ours.grade:
            graded.scores[ours.name] = (0.0 if is_blank else None) if ours.solution else earned[ours.name]
        if ours.task or ours.solution:
            graded.comments[ours.name] = "No response." if is_blank and not ours.task else None
