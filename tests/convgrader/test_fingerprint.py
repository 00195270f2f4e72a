"""What decides a score has a fingerprint, which changes with it and with nothing else."""

import dataclasses
import shutil

import pytest

import convcourse
from convgrader import fingerprint as module
from convgrader.fingerprint import fingerprint


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of convcourse that the fingerprint is taken of."""
    copy = tmp_path / "convcourse"
    shutil.copytree(convcourse.__path__[0], copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(convcourse, "__file__", str(copy / "__init__.py"))
    return copy


def test_it_is_the_same_for_the_same(source, package):
    assert fingerprint({"pooling": source}) == fingerprint({"pooling": source})
    assert len(fingerprint({"pooling": source})) == 64


@pytest.mark.parametrize(
    "name",
    ["checks/pooling.py", "engine/trial.py", "engine/compare.py", "calls/call.py", "networks/layers.py", "provided.py"],
)
def test_a_mended_check_is_another(source, package, name):
    before = fingerprint({"pooling": source})
    with (package / name).open("a") as file:
        file.write("\n# mended\n")
    assert fingerprint({"pooling": source}) != before


@pytest.mark.parametrize("name", ["checks/layer.py", "commands/check.py", "cli.py"])
def test_what_does_not_judge_this_assignment_does_not_count(source, package, name):
    before = fingerprint({"pooling": source})
    with (package / name).open("a") as file:
        file.write("\n# changed\n")
    assert fingerprint({"pooling": source}) == before


def test_other_points_and_another_oracle_are_another(source, package, monkeypatch):
    before = fingerprint({"pooling": source})
    cells = tuple(dataclasses.replace(cell, points=9.0) if cell.grade else cell for cell in source.cells)
    assert fingerprint({"pooling": dataclasses.replace(source, cells=cells)}) != before
    monkeypatch.setattr(module.metadata, "version", lambda name: "99.0")
    assert fingerprint({"pooling": source}) != before
