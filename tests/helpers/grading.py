"""What the tests of grading and of attacks share: the `pooling` assignment, generated once; one warm template."""

import json
import os
import shutil

import nbformat
import pytest
from grading.courses import CONFINES, ROOT, Course, right_answers

from autograder.grading import notebook, records, worker
from autograder.grading.examiner import Examination
from autograder.grading.results import Budget
from autograder.grading.template import Template

SEED = 4242


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    """A course with the pooling assignment generated and nothing handed in; not to be changed."""
    os.environ["PATH"] = f"{os.path.dirname(os.sys.executable)}:{os.environ['PATH']}"  # nbgrader calls alembic
    course = Course(tmp_path_factory.mktemp("generated"))
    source = ROOT / "course" / "source" / "pooling" / "pooling.ipynb"
    if not source.exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("not run: weave the assignments first (make weave)")
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
    return Course(root, plugin)


@pytest.fixture(scope="session")
def released(generated):
    """The student's notebook."""
    return generated.released("pooling")


@pytest.fixture(scope="session")
def answers():
    """Right answers by function, and the helper cell that they need."""
    return right_answers("pooling")


@pytest.fixture(scope="session")
def source(generated):
    """The instructor's notebook, as the database has it."""
    from nbgrader.api import Gradebook

    with Gradebook(generated.url, "test") as gradebook:
        return records.source_of(gradebook, "pooling", "pooling")


@pytest.fixture(scope="session")
def template():
    """A warm template, for all tests of a session."""
    import torch

    torch.set_num_threads(1)
    warm = Template(is_confined=CONFINES)
    warm.wait()
    yield warm
    warm.stop()


class Here:
    """A pool that grades in this process: tests that are not about processes need no others."""

    def __init__(self, template):
        self.template = template

    def map(self, assignment, jobs):
        """Grade one job after the other."""
        grader = worker.Grader(assignment, self.template)
        yield from map(grader.grade, jobs)

    def close(self):
        """Keep the template for the next test."""


@pytest.fixture(scope="session")
def here(template):
    """Grade without further processes: ``course.grade(pool=here)``."""
    return Here(template)


@pytest.fixture(scope="session")
def examine(source, template):
    """Grade a notebook here and now; return ({grade_id: score}, the graded notebook)."""

    def grade(submitted, budget=None, seed=SEED):
        text = submitted if isinstance(submitted, str | bytes) else json.dumps(submitted)
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        nb = notebook.compose(notebook.read(data), source)
        Examination(source.task, template, seed, budget or Budget(cell=3, notebook=30)).run(nb.cells)
        graded = worker.Graded("pooling")
        worker.read_off(nb.cells, source, graded)
        return graded.scores, nbformat.from_dict(nb)

    return grade
