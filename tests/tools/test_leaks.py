"""No solution leaves by another door: not in exercises/, the student kit, the wheel, nor the built site."""

import json
import zipfile
from pathlib import Path

import pytest

from tests.helpers.leaks import Searcher, solutions
from tools import kit, weave

ROOT = Path(__file__).parents[2]
STEMS = weave.ProjectPaths(ROOT).stems()
SAMPLE = {
    "small.f": """\
total = np.zeros(x.shape)
for i in range(3):
    total += x[i : i + 1] * weight[i] + bias
return total / 3""",
    "small.g": 'return False, ("average", np.array([[[[1.0, -1.0]]]]))',
}


@pytest.fixture(scope="module")
def searcher():
    return Searcher(solutions(ROOT))


# --- the search itself finds what it should ----------------------------------------------------------------------

RENAMED = """
def other(a, w, b):
    '''Another name for everything.'''
    a = np.asarray(a)
    s = np.zeros(a.shape)
    for k in range(3):
        s += a[k : k + 1] * w[k] + b
    return s / 3
"""


NOTEBOOK = json.dumps({"cells": [{"source": ["s = 1\n", "def g():\n", "    " + SAMPLE["small.g"]]}]})


def page(code):
    return "<div class='highlight'><pre><span></span>" + code.replace("<", "&lt;").replace("np", "<b>np</b>") + "</pre>"


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.py", RENAMED, {"small.f"}),
        ("a.html", page(RENAMED), {"small.f"}),
        ("a.md", f"Text\n\n```python\n{RENAMED}\n```\n", {"small.f"}),
        ("a.ipynb", NOTEBOOK, {"small.g"}),
        ("a.html", "<p>" + SAMPLE["small.g"].replace('"', "&quot;") + "</p>", {"small.g"}),
        ("a.py", "for i in range(3):\n    total += 1", set()),
        ("a.py", "def f(:", set()),
    ],
    ids=["renamed", "page", "fence", "notebook", "text", "another loop", "not Python"],
)
def test_the_search_finds_a_solution(name, text, found):
    assert Searcher(SAMPLE).in_file(name, text.encode()) == found


def test_the_search_looks_into_archives(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as file:
        file.writestr("pkg/a.py", RENAMED)
    assert Searcher(SAMPLE).in_folder(tmp_path) == {"a.whl": ["small.f"]}


def test_the_search_knows_the_solutions(searcher):
    assert searcher.in_folder(ROOT / "solutions" / "miniconv"), "the reference package itself must be found"
    assert searcher.trees and searcher.texts


# --- the doors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stem", STEMS)
def test_the_released_notebook_is_fresh(stem):
    assert not weave.stale(ROOT, stem), f"exercises/{stem}/{stem}.ipynb is stale: run `make weave` and commit it"


def test_every_released_notebook_has_a_source():
    assert sorted(path.stem for path in ROOT.glob("exercises/*/*.ipynb")) == STEMS


def test_no_solution_in_exercises(searcher):
    assert searcher.in_folder(ROOT / "exercises") == {}


@pytest.mark.slow
def test_no_solution_in_the_student_kit(searcher, built_kit):
    assert (built_kit / kit.wheel_name(ROOT)).is_file()
    assert searcher.in_folder(built_kit) == {}


def test_no_solution_in_the_package_that_students_fill(searcher):
    assert searcher.in_folder(ROOT / "autograder" / "package") == {}


def test_no_solution_in_the_site(searcher):
    site = ROOT / "_build" / "html"
    if not (site / "index.html").is_file():
        pytest.skip("the site is not built: make book")
    assert searcher.in_folder(site) == {}


# --- and what must not be told apart otherwise -------------------------------------------------------------------


def test_no_outputs_in_committed_notebooks():
    for path in ROOT.glob("exercises/*/*.ipynb"):
        assert '"outputs": []' in path.read_text(encoding="utf-8")
        assert '"output_type"' not in path.read_text(encoding="utf-8"), path
