"""What a worker process does: grade one student's submission and write its files; the database is not its business."""

import contextlib
import json
import math
import os
import shutil
import time
from pathlib import Path

from autograder.checks import engine, load
from autograder.grading import files, notebook
from autograder.grading.examiner import Examination
from autograder.grading.results import Graded, Result
from autograder.grading.template import warm_template


class Grader:
    """Grades submissions one after the other, with one warm template."""

    def __init__(self, assignment, template=None):
        self.assignment = assignment
        self.template = template or warm_template(assignment.is_confined)

    def warm(self):
        """Compute what is right once, before workers are forked, and try an empty submission."""
        for source in self.assignment.sources.values():
            for topic in source.task.topics:
                for check in load(topic).values():
                    if getattr(check, "oracle", None) is not None:
                        for case in (*check.cases, *engine.drawn(check, self.assignment.seed)):
                            engine.truth(check, case)
            nb = notebook.compose([], source)
            Examination(source.task, self.template, self.assignment.seed, self.assignment.budget).run(nb.cells)

    def grade(self, job):
        """Grade one submission. Nothing in it stops the batch; a folder that cannot be written does."""
        result = Result(job.student, timestamp=_timestamp(job.submitted))
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
        """Grade one notebook file; return (Graded, the graded notebook's text or None if nothing was handed in)."""
        start = time.monotonic()
        graded = Graded(source.name)
        try:
            text = self._examine(source, path, graded)
        except FileNotFoundError:
            graded.reason = "nothing was handed in"
            graded.scores = dict.fromkeys((cell.name for cell in source.cells if cell.grade or cell.task), 0.0)
            return graded, None
        except Exception as error:  # ours, or of the machine: not the student's fault, so it must be seen
            graded.status, graded.reason = "failed", f"{type(error).__name__}: {str(error)[:300]}"
            graded.scores = {cell.name: None for cell in source.cells if cell.grade or cell.task}
            text = json.dumps(notebook.compose([], source, "This notebook could not be graded."), ensure_ascii=False)
        graded.seconds = time.monotonic() - start
        return graded, text

    def _examine(self, source, path, graded):
        """Fill in what one notebook earned; return the graded notebook's text."""
        note, parts = None, []
        try:
            data = files.read_regular(path)
            graded.digest = files.digest(path.parent, data)
            parts = notebook.read(data)
        except FileNotFoundError:
            raise
        except (OSError, notebook.MalformedError) as error:
            graded.status, graded.reason = "failed", str(error)
            note = graded.reason
        nb = notebook.compose(parts, source, note)
        seed, budget = self.assignment.seed, self.assignment.budget
        Examination(source.task, self.template, seed, budget, path.parent, self.assignment.site).run(nb.cells)
        read_off(nb.cells, source, graded)
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


def _timestamp(folder):
    """Read when the submission was handed in."""
    with contextlib.suppress(OSError, ValueError):
        return files.read_regular(Path(folder) / "timestamp.txt")[:100].decode().strip()
    return ""


def read_off(cells, source, graded):
    """Read scores and comments off a graded notebook, as nbgrader does."""
    known = source.by_name()
    for cell in cells:
        own = known.get(cell["metadata"].get("nbgrader", {}).get("grade_id"))
        if own is None:
            continue
        is_blank = cell["source"] == own.source
        if own.grade:
            graded.scores[own.name] = (0.0 if is_blank else None) if own.solution else _score(cell, own.points)
        if own.task or own.solution:
            graded.comments[own.name] = "No response." if is_blank and not own.task else None


def _score(cell, points):
    for output in cell["outputs"]:
        if output["output_type"] == "error":
            return 0.0
        if output["output_type"] == "execute_result":
            return min(float(output["data"]["text/plain"]), points)
    return points  # a check that asserts and gives no number
