"""A student's folder with one assignment in it."""

import shutil

import pytest

from convcourse import cli
from tests.helpers.notebooks import ROOT
from tests.helpers.releases import TASKS, weave_tasks


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose one assignment asks for two functions of pooling."""
    root = tmp_path_factory.mktemp("project")
    (root / "solutions/assignments").mkdir(parents=True)
    shutil.copytree(ROOT / "solutions/miniconv", root / "solutions/miniconv")
    weave_tasks(root, TASKS)
    return root


@pytest.fixture
def started(project, tmp_path, monkeypatch):
    """A student's folder with the released assignment, started; the path of the copy."""
    shutil.copytree(project / "exercises", tmp_path / "exercises")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["start", "pooling"]) == 0
    return tmp_path / "work/pooling/pooling.ipynb"
