"""A student's folder with one assignment in it."""

import shutil

import pytest

from convcourse import cli
from tests.helpers.notebooks import ROOT
from tools import weave

HEAD = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# Pooling

"""
TASKS = [("pool_output_shape", 2), ("avg_pool2d", 4)]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose one assignment asks for two functions of pooling."""
    root = tmp_path_factory.mktemp("project")
    (root / "solutions/assignments").mkdir(parents=True)
    shutil.copytree(ROOT / "solutions/miniconv", root / "solutions/miniconv")
    weave_tasks(root, TASKS)
    return root


def weave_tasks(root, tasks):
    """Weave the assignment of a project from functions of pooling and their points."""
    text = HEAD + "".join(
        f"```{{code-cell}}\n#: solve {name}\n```\n\n```{{code-cell}}\n#: check {name} {points}\n```\n\n"
        for name, points in tasks
    )
    (root / "solutions/assignments/pooling.md").write_text(text)
    weave.write(root, "pooling")


def write_release(project, folder, tasks):
    """Release the assignment anew, with these tasks, into `folder`; the project is as it was afterwards."""
    weave_tasks(project, tasks)
    shutil.copytree(project / "exercises", folder / "exercises", dirs_exist_ok=True)
    weave_tasks(project, TASKS)


@pytest.fixture
def started(project, tmp_path, monkeypatch):
    """A student's folder with the released assignment, started; the path of the copy."""
    shutil.copytree(project / "exercises", tmp_path / "exercises")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["start", "pooling"]) == 0
    return tmp_path / "work/pooling/pooling.ipynb"
