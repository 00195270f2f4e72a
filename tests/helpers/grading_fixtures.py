"""Fixtures of the tests that grade: the `pooling` assignment, generated once, and one warm zygote."""

import dataclasses
import json
import os
import shutil

import nbformat
import pytest

from convgrader import worker
from convgrader.grade import NotebookGrader
from convgrader.jobs import Budget, NotebookResult
from convgrader.nbgrader_plugin import grading_log
from convgrader.notebooks import reader
from convgrader.sandbox.zygote import SandboxZygote
from tests.helpers.courses import CONFINES, ROOT, CourseUnderTest, answer, right_answers
from tools.small_course import environment

SEED = 4242
FULL = 48.0  # points that a machine gives for `pooling`
BUDGET = Budget(cell=3, notebook=30)


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    """A course with the pooling assignment generated and nothing handed in; not to be changed."""
    os.environ.update(environment())  # nbgrader calls alembic
    course = CourseUnderTest(tmp_path_factory.mktemp("generated"))
    source = ROOT / "course" / "source" / "pooling" / "pooling.ipynb"
    if not source.exists():
        pytest.skip("not run: weave the assignments first (make weave)")
    course.generate(source)
    return course


@pytest.fixture
def course(generated, tmp_path, monkeypatch):
    """A fresh copy of that course to hand in to."""
    monkeypatch.chdir(tmp_path)
    return copy_of(generated, tmp_path / "course")


def copy_of(course, root, plugin=True):
    """Copy a course."""
    shutil.copytree(course.root, root)
    return CourseUnderTest(root, plugin)


@pytest.fixture(scope="session")
def released(generated):
    """The student's notebook."""
    return generated.released("pooling")


@pytest.fixture(scope="session")
def answers():
    """Right answers by function, and the helper cell that they need."""
    return right_answers("pooling")


@pytest.fixture(scope="session")
def source(generated, released):
    """The instructor's notebook, as the database has it, and what students were handed."""
    from nbgrader.api import Gradebook

    with Gradebook(generated.url, "test") as gradebook:
        found = grading_log.source_of(gradebook, "pooling", "pooling")
    return dataclasses.replace(found, released=tuple(cell.source for cell in released.cells))


@pytest.fixture(scope="session")
def zygote():
    """A warm zygote, for all tests of a session."""
    import torch

    torch.set_num_threads(1)
    warm = SandboxZygote(is_confined=CONFINES)
    warm.wait()
    yield warm
    warm.stop()


class InProcessPool:
    """A pool that grades in this process: tests that are not about processes need no others."""

    def __init__(self, zygote):
        self.zygote = zygote

    def map(self, assignment, jobs):
        """Grade one job after the other."""
        grader = worker.SubmissionGrader(assignment, self.zygote)
        yield from map(grader.grade, jobs)

    def close(self):
        """Do nothing: there are no processes to end."""


@pytest.fixture(scope="session")
def in_process_pool(zygote):
    """Grade without further processes: ``course.grade(pool=in_process_pool)``."""
    return InProcessPool(zygote)


@pytest.fixture(scope="session")
def examine(source, zygote):
    """Grade a notebook here and now; return ({grade_id: score}, the graded notebook)."""

    def grade(submitted, budget=None, seed=SEED):
        text = submitted if isinstance(submitted, str | bytes) else json.dumps(submitted)
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        nb = reader.compose(reader.read(data), source)
        graded = NotebookResult("pooling")
        earned = NotebookGrader(source.plan, zygote, seed, budget or BUDGET).run(nb.cells)
        worker.collect_scores(nb.cells, source, earned, graded)
        return graded.scores, nbformat.from_dict(nb)

    return grade


def variants(released, answers):
    """Return honest submissions of several kinds."""
    right, helpers = answers
    half = {name: source for name, source in right.items() if name < "claim"}
    wrong = {**right, "max_pool2d": "def max_pool2d(x, *a, **k):\n    return x", "written-pooling": "What stays."}
    return {
        "all": answer(released, {**right, "written-pooling": "It keeps what, not where."}, [helpers]),
        "half": answer(released, half, [helpers]),
        "none": released,
        "wrong": answer(released, wrong, [helpers]),
        "fails": answer(released, {**right, "avg_pool2d": "raise ValueError('no')"}, [helpers]),
    }


@pytest.fixture
def handed_in(course, released, answers):
    """A course with a few submissions, one of them late."""
    for student, nb in variants(released, answers).items():
        folder = course.submit(student, nb)
        (folder / "timestamp.txt").write_text("2030-01-02 03:04:05 UTC")
        (folder / "notes.txt").write_text("mine")
    return course
