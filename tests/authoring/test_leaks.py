"""No solution leaves by another door: not in exercises/, the student kit, the wheel, nor the built site."""

import json
import os
import re
import zipfile
from pathlib import Path

import pytest
from leaks import Searcher, solutions

from autograder.authoring import student_kit, weaver

ROOT = Path(__file__).parents[2]
STEMS = weaver.Tree(ROOT).stems()
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


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return student_kit.build(ROOT, tmp_path_factory.mktemp("kit") / "student-kit")


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
    "name, text, found",
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
    assert not weaver.stale(ROOT, stem), f"exercises/{stem}/{stem}.ipynb is stale: run `make weave` and commit it"


def test_every_released_notebook_has_a_source():
    assert sorted(path.stem for path in ROOT.glob("exercises/*/*.ipynb")) == STEMS


def test_no_solution_in_exercises(searcher):
    assert searcher.in_folder(ROOT / "exercises") == {}


def test_no_solution_in_the_student_kit(searcher, kit):
    assert (kit / weaver.WHEEL).is_file()
    assert searcher.in_folder(kit) == {}


def test_the_kit_holds_what_it_should_and_nothing_else(kit):
    top = {"README.md", "LICENSE", "requirements.txt", weaver.WHEEL, "exercises"}
    assert {path.name for path in kit.iterdir()} == top
    with zipfile.ZipFile(kit / weaver.WHEEL) as wheel:
        names = wheel.namelist()
    assert "autograder/checks/engine.py" in names
    assert not [n for n in names if n.startswith(("miniconv", "solutions", "tests", "autograder/authoring"))]


def test_the_kit_lists_the_topics_in_the_order_of_the_course(kit):
    listed = re.findall(r"^- `(\w+)`: .* \(\d+ points\)$", (kit / "README.md").read_text(), re.MULTILINE)
    assert listed == re.findall(r"exercises/(\w+)/", (ROOT / "_toc.yml").read_text()) and len(listed) == len(STEMS)


def test_the_commands_in_the_kit_can_be_pasted(kit):
    commands = re.findall(r"^    (.*)", (kit / "README.md").read_text(), re.MULTILINE)
    assert {"python3", "source", "autograder", "jupyter"} <= {line.split()[0] for line in commands}
    assert [line for line in commands if re.search(r"   [^# ]|\(", line)] == []


def test_a_published_kit_fetches_its_wheel_and_is_the_same_otherwise(kit, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_KIT", "https://github.com/owner/kit.git")
    there = student_kit.build(ROOT, tmp_path / "student-kit")
    wheel = f"https://github.com/owner/kit/raw/main/{weaver.WHEEL}"
    for stem in STEMS:
        here, other = ((k / f"exercises/{stem}/{stem}.ipynb").read_text(encoding="utf-8") for k in (kit, there))
        assert f"--no-deps {weaver.WHEEL}" in here and other.count(wheel) == 1
        assert student_kit.UPLOAD in here
        assert other.replace(wheel, weaver.WHEEL).replace(student_kit.FETCHED, student_kit.UPLOAD) == here
    assert "Upload" in (kit / "README.md").read_text() and "Upload" not in (there / "README.md").read_text()


def test_the_wheel_knows_where_the_site_is(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_SITE", "https://school.example/convnets/")
    with zipfile.ZipFile(student_kit.build_wheel(ROOT, tmp_path)) as wheel:
        assert wheel.read("autograder/site.txt") == b"https://school.example/convnets/\n"


def test_no_solution_in_the_site(searcher):
    site = ROOT / "_build" / "html"
    if not (site / "index.html").is_file():
        if os.environ.get("CI"):
            pytest.fail("the site is not built: make book")
        pytest.skip("the site is not built: make book")
    assert searcher.in_folder(site) == {}


# --- and what must not be told apart otherwise -------------------------------------------------------------------


def test_the_autograder_never_imports_the_reference():
    for path in (ROOT / "autograder").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "import miniconv" not in text and "from miniconv" not in text, path


def test_no_outputs_in_committed_notebooks():
    for path in ROOT.glob("exercises/*/*.ipynb"):
        assert '"outputs": []' in path.read_text(encoding="utf-8")
        assert '"output_type"' not in path.read_text(encoding="utf-8"), path


def test_two_kits_are_the_same_bytes(kit, tmp_path):
    again = student_kit.build(ROOT, tmp_path / "student-kit")
    archives = [student_kit.pack(f, f.with_suffix(".zip")) for f in (kit, again)]
    assert archives[0].read_bytes() == archives[1].read_bytes()
