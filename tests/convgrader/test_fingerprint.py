"""What decides a score has a fingerprint, which changes with it and with nothing else."""

import dataclasses
import shutil

import pytest

import convcourse
import convgrader
from convgrader import fingerprint as module
from convgrader.fingerprint import fingerprint
from convgrader.jobs import Budget


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Copies of convcourse and convgrader that the fingerprint is taken of; the folder that holds them."""
    for package in (convcourse, convgrader):
        copy = tmp_path / package.__name__
        shutil.copytree(package.__path__[0], copy, ignore=shutil.ignore_patterns("__pycache__"))
        monkeypatch.setattr(package, "__file__", str(copy / "__init__.py"))
    return tmp_path


@pytest.fixture
def of(source):
    """Return the fingerprint of an assignment whose checks are a topic's."""

    def taken(topic="pooling", budget=None, **changes):
        cells = [dataclasses.replace(cell, source=cell.source.replace("pooling", topic)) for cell in source.cells]
        sources = {topic: dataclasses.replace(source, name=topic, cells=tuple(cells), **changes)}
        return fingerprint(sources, budget or Budget())

    return taken


def append(path):
    with path.open("a") as file:
        file.write("\n# mended\n")


@pytest.mark.full
def test_it_is_the_same_for_the_same(of, packages):
    assert of() == of()
    assert len(of()) == 64


@pytest.mark.parametrize(
    "name",
    [
        "convcourse/checks/pooling.py", "convcourse/engine/trial.py", "convcourse/engine/compare.py",
        "convcourse/engine/context.py", "convcourse/calls/call.py", "convcourse/functional.py",
        "convgrader/grade.py", "convgrader/worker.py", "convgrader/sandbox/server.py", "convgrader/sandbox/bounds.py",
        "convgrader/sandbox/zygote.py", "convgrader/sandbox/isolation.py",
        "convgrader/notebooks/plan.py", "convgrader/notebooks/reader.py",
    ],
)  # fmt: skip
@pytest.mark.slow
def test_what_judges_differently_is_another(of, packages, name):
    before = of()
    append(packages / name)
    assert of() != before


@pytest.mark.parametrize(
    "name",
    [
        "convcourse/checks/layer.py", "convcourse/networks/layers.py", "convcourse/commands/check.py",
        "convcourse/cli.py", "convcourse/__init__.py", "convgrader/cli.py",
        "convgrader/report.py", "convgrader/nbgrader_plugin/feedback.py",
    ],
)  # fmt: skip
@pytest.mark.slow
def test_what_does_not_judge_this_assignment_does_not_count(of, packages, name):
    before = of()
    append(packages / name)
    assert of() == before


@pytest.mark.parametrize(
    ("topic", "used"), [("shapes", "checks/pooling.py"), ("training", "networks/layers.py")], ids=["cases", "networks"]
)
def test_what_some_topics_rest_on_counts_for_them_alone(of, packages, topic, used):
    """The checks of `shapes` take cases from those of `pooling`; those of `training` measure networks."""
    before = {name: of(name) for name in (topic, "layer")}
    append(packages / "convcourse" / used)
    assert of(topic) != before[topic]
    assert of("layer") == before["layer"]


def test_other_points_other_questions_another_oracle_and_less_time_are_another(of, source, packages, monkeypatch):
    before = of()
    more = tuple(dataclasses.replace(cell, points=9.0) if cell.grade else cell for cell in source.cells)
    assert fingerprint({"pooling": dataclasses.replace(source, cells=more)}, Budget()) != before
    fewer = tuple(cell for cell in source.cells if cell.name != "written-pooling")
    assert fingerprint({"pooling": dataclasses.replace(source, cells=fewer)}, Budget()) != before
    assert of(budget=Budget(cell=1.0)) != before
    monkeypatch.setattr(module.metadata, "version", lambda name: "99.0")
    assert of() != before
