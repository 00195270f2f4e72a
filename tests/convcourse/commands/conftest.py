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
    text = HEAD + "".join(
        f"```{{code-cell}}\n#: solve {name}\n```\n\n```{{code-cell}}\n#: check {name} {points}\n```\n\n"
        for name, points in TASKS
    )
    (root / "solutions/assignments/pooling.md").write_text(text)
    weave.write(root, "pooling")
    return root


@pytest.fixture
def started(project, tmp_path, monkeypatch):
    """A student's folder with the released assignment, started; the path of the copy."""
    shutil.copytree(project / "exercises", tmp_path / "exercises")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["start", "pooling"]) == 0
    return tmp_path / "work/pooling/pooling.ipynb"
