"""Workers are replaced when they die, and a submission that ends two of them is given up."""

import os
import signal
import subprocess
import sys

import pytest

from convgrader import pool
from tests.helpers.grading_fixtures import FULL

pytestmark = pytest.mark.slow


def test_whoever_starts_workers_waits_for_nothing_that_they_import():
    asked = "import sys, convgrader.pool; print({'torch', 'IPython', 'nbgrader'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", asked], text=True) == "set()\n"


def test_a_worker_that_dies_twice_costs_one_submission(handed_in, monkeypatch):
    monkeypatch.setattr(pool, "SLACK", 5.0)
    with (handed_in.root / "nbgrader_config.py").open("a") as config:
        config.write("c.GradeCells.notebook_seconds = 40\n")
    real = pool.Worker.assign

    def give(self, job, seconds):
        real(self, job, seconds)
        if job.student == "half":
            os.kill(self.pid, signal.SIGKILL)

    monkeypatch.setattr(pool.Worker, "assign", give)
    summary = handed_in.grade(workers=1)
    assert [(s, r) for s, _, r in summary.failures] == [("half", "the process that graded it ended twice")]
    assert handed_in.total("all") == FULL and handed_in.total("half") == 0
    assert "ended twice" in handed_in.graded("half").cells[0].source, "there is a page that says why"


def test_a_worker_that_is_late_costs_one_submission_and_is_not_tried_again(handed_in, monkeypatch):
    monkeypatch.setattr(pool, "SLACK", 3.0)
    with (handed_in.root / "nbgrader_config.py").open("a") as config:
        config.write("c.GradeCells.notebook_seconds = 3\n")
    real, assigned = pool.Worker.assign, []

    def give(self, job, seconds):
        assigned.append((job.student, seconds))
        real(self, job, seconds)
        if job.student == "half":
            os.kill(self.pid, signal.SIGSTOP)

    monkeypatch.setattr(pool.Worker, "assign", give)
    summary = handed_in.grade(workers=1)
    assert [(s, r) for s, _, r in summary.failures] == [("half", "it took far longer than its budget")]
    assert [seconds for student, seconds in assigned if student == "half"] == [6.0]
    assert handed_in.total("all") == FULL
