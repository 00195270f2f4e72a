"""Time the report on a large class: `python -m tools.benchmarks.reporting [--students N] [--keep FOLDER]`.

A seeded class of made-up scores and verdicts is written into the gradebook of two assignments, then `autograder report`
writes all its files, start-up included.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import numpy as np
from nbgrader import api
from sqlalchemy import insert

from convcourse import checks
from convcourse.grade_ids import CHECK
from convgrader.jobs import NotebookResult, TaskVerdict
from convgrader.nbgrader_plugin import grading_log
from tools.small_course import SmallCourse, environment

ROOT = Path(__file__).parents[2]
STEMS = ("pooling", "layer")
TARGET = 20  # seconds on two processors, for 5,000 students
SEED = 2026


class MadeUpClass:
    """Writes a class into a gradebook: every student has a skill, which changes from one assignment to the next."""

    def __init__(self, gradebook, students):
        self.gradebook, self.rng = gradebook, np.random.default_rng(SEED)
        self.names = [f"s{number:05}" for number in range(students)]
        self.skills = self.rng.normal(0.5, 1.0, students)
        rows = [{"id": name, "lms_user_id": ""} for name in self.names]
        gradebook.db.execute(insert(api.Student.__table__), rows)

    def hand_in(self, stem):
        """Write the scores and verdicts of an assignment; one in twenty hands in nothing."""
        assignment = self.gradebook.find_assignment(stem)
        (notebook,) = assignment.notebooks
        known = checks.load(stem)
        self.skills += self.rng.normal(0.0, 0.6, len(self.skills))
        submissions, notebooks, grades = [], [], []
        for name, skill in zip(self.names, self.skills):
            if self.rng.random() < 0.05:
                continue
            submission, submitted = uuid4().hex, uuid4().hex
            submissions.append({"id": submission, "assignment_id": assignment.id, "student_id": name})
            notebooks.append({"id": submitted, "assignment_id": submission, "notebook_id": notebook.id})
            verdicts = []
            for cell in notebook.grade_cells:
                task = cell.name.removeprefix(CHECK)
                score, is_check = None, cell.name.startswith(CHECK)
                if is_check:
                    verdicts.append(self.verdict(known[task], cell, skill))
                    score = verdicts[-1].earned
                grades.append(
                    {"id": uuid4().hex, "cell_id": cell.id, "notebook_id": submitted, "auto_score": score,
                     "needs_manual_grade": not is_check}
                )  # fmt: skip
            result = NotebookResult(notebook.name, verdicts=verdicts)
            grading_log.save_verdicts(self.gradebook, name, stem, result)
        for table, rows in ((api.SubmittedAssignment, submissions), (api.SubmittedNotebook, notebooks)):
            self.gradebook.db.execute(insert(table.__table__), rows)
        self.gradebook.db.execute(insert(api.Grade.__table__), grades)
        self.gradebook.db.commit()

    def verdict(self, check, cell, skill):
        """Return a verdict: right, with a known mistake, wrong in one of some ways or in a way of its own, or blank."""
        points, luck = float(cell.max_score), skill + self.rng.normal(0.0, 1.0)
        cases = 12
        mistakes = [one for one in getattr(check, "mistakes", ()) if one.message]
        about = {"section": check.section}
        if luck > 0 or not mistakes:
            return TaskVerdict(cell.name, check.name, points, points, {"values": True}, outcomes="r" * cases, **about)
        if luck < -2.5:
            return TaskVerdict(cell.name, check.name, points, 0.0, {"values": False}, outcomes="b" * cases, **about)
        about["call"] = f"{check.name}(array(1, 2, {self.rng.integers(3, 9)}, 5))"
        earned = float(np.floor(points * self.rng.random() * 100) / 100)
        letters = "".join(self.rng.choice(list("rw"), cases - 1)) + "w"
        if self.rng.random() < 0.7:
            mistake = mistakes[min(self.rng.geometric(0.4), len(mistakes)) - 1]
            return TaskVerdict(
                cell.name, check.name, points, earned, {"values": False}, mistakes=(mistake.message,),
                problem=mistake.message, outcomes=letters, **about,
            )  # fmt: skip
        digest = str(self.rng.integers(5)) if self.rng.random() < 0.6 else uuid4().hex[:16]
        letters = "rrw" * (cases // 3) if len(digest) == 1 else letters
        problem = "The value at (0, 1) is 3.0, expected 2.5."
        return TaskVerdict(
            cell.name, check.name, points, earned, {"values": False}, problem=problem, outcomes=letters, digest=digest,
            **about,
        )  # fmt: skip


def make_course(folder, students):
    """Make a course whose gradebook holds a made-up class; return it."""
    course = SmallCourse(folder)
    for stem in STEMS:
        course.generate(ROOT / "course" / "source" / stem / f"{stem}.ipynb")
    with api.Gradebook(course.url, "test") as gradebook:
        grading_log.prepare(gradebook)
        made_up = MadeUpClass(gradebook, students)
        for stem in STEMS:
            made_up.hand_in(stem)
    return course


def report(course):
    """Run the command in the folder of a course; return how many seconds it took."""
    files = ["--html", "report.html", "--json", "report.json", "--csv", "report.csv"]
    command = [sys.executable, "-m", "convcourse", "report", *STEMS, *files]
    start = time.monotonic()
    subprocess.run(command, cwd=course.root, env=environment(), check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def main():
    """Print how long the report takes, and how large its files are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=5000)
    parser.add_argument("--keep", help="make the course in this folder, and leave it there")
    options = parser.parse_args()
    os.environ.update(environment())  # nbgrader calls alembic
    with contextlib.ExitStack() as stack:
        folder = options.keep or stack.enter_context(tempfile.TemporaryDirectory())
        course = make_course(Path(folder), options.students)
        seconds = report(course)
        print(f"{options.students:,} students, {len(STEMS)} assignments: {seconds:.1f} s (target: {TARGET} s)")
        for name in ("report.html", "report.json", "report.csv"):
            print(f"{name}: {(course.root / name).stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
