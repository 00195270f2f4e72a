"""The weaver: notebooks from prose and directives, the same bytes every time, and clear errors."""

import ast
import json
import re

import nbformat
import numpy as np
import pytest

from tools import extract, weave

MODULE = '''\
"""A small reference package."""

import math
from collections import namedtuple

import numpy as np

from miniconv._arguments import as_array, as_int, as_pair
from miniconv.other import helper

SCALE = 2.0
Box = namedtuple("Box", "side")


def _double(x, by=SCALE):
    """Say nothing of use."""
    return x * by  # by two


def area(x, side=1):
    """Return the area.

    See `miniconv.other.helper`.
    """
    x = as_array(x, "x", "(N,)")  # as an array
    sides = as_pair(as_int(side, "side", 1), "side", 1)
    return _double(helper(x)) * math.prod(sides) / Box(SCALE).side


def total(x):
    """Return the sum."""
    return area(x).sum()


def plain(x):
    return x


def empty(x):
    """Do nothing."""
'''
OTHER = '''\
def helper(x):
    """Return x + 1."""
    return x + 1
'''
HEAD = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# Small

"""
ANSWER = '''
def half():
    """Return one half."""
    ### BEGIN SOLUTION
    return 0.5
    ### END SOLUTION
'''


def cell(text):
    return f"```{{code-cell}}\n{text}\n```\n\n"


SMALL = (
    HEAD
    + cell("#: solve area")
    + cell("#: check area 4")
    + cell("#: provided conv2d from layer\n#: provided relu")
    + "## Half of it\n\nGive $1/2$.\n\n"
    + cell("#: answer half" + ANSWER.rstrip())
    + cell("#: check half 1.5")
    + cell("#: written why 2\nBecause it is so.")
    + cell("area(np.ones(3))")
)


@pytest.fixture
def project(tmp_path):
    """A project with one assignment, `small`; `write(text)` replaces the assignment."""
    package, assignments = tmp_path / "solutions/miniconv", tmp_path / "solutions/assignments"
    package.mkdir(parents=True)
    assignments.mkdir()
    (package / "small.py").write_text(MODULE)
    (package / "other.py").write_text(OTHER)
    (assignments / "small.md").write_text(SMALL)
    return tmp_path


def cells(path):
    found = nbformat.read(path, as_version=4).cells
    return {c.metadata.nbgrader.grade_id: c for c in found if "nbgrader" in c.metadata}


def test_the_source_notebook_has_the_solution_and_the_released_one_has_not(project):
    weave.write(project, "small")
    source = cells(project / "course/source/small/small.ipynb")
    released = cells(project / "exercises/small/small.ipynb")
    assert "helper(x)" in source["area"].source and "return x + 1" in source["area"].source
    assert list(source) == list(released)
    for name in ("area", "half"):
        assert "NotImplementedError" in released[name].source
        assert "SOLUTION" not in released[name].source
    assert "Return the area." in released["area"].source and "math" not in released["area"].source
    assert released["why"].source == "YOUR ANSWER HERE"
    assert 'checker("small", needs=' in released["setup"].source


def test_cells_carry_what_nbgrader_and_the_course_need(project):
    weave.write(project, "small")
    released = cells(project / "exercises/small/small.ipynb")
    about = {name: c.metadata.nbgrader for name, c in released.items()}
    assert released["check-area"].source == 'check("area", points=4)'
    assert (about["check-area"].points, about["check-half"].points, about["why"].points) == (4, 1.5, 2)
    assert about["check-area"].locked and about["check-area"].grade and not about["check-area"].solution
    assert about["why"].grade and about["why"].solution and released["why"].cell_type == "markdown"
    assert released["provided-conv2d-relu"].source == "from convcourse.provided import conv2d, relu"
    assert about["setup"].locked and about["provided-conv2d-relu"].locked
    notebook = nbformat.read(project / "exercises/small/small.ipynb", as_version=4)
    assert notebook.metadata.course == {"assignment": "small", "provided": ["conv2d", "relu"]}


def test_the_line_that_trains_is_locked_and_earns_nothing(project):
    text = HEAD + cell("#: answer half_network" + ANSWER.replace("half", "half_network").rstrip())
    (project / "solutions/assignments/small.md").write_text(
        text + cell("half_settings = {}") + cell("#: train half") + cell("#: check half_network 2")
    )
    weave.write(project, "small")
    released = cells(project / "exercises/small/small.ipynb")["train-half"]
    assert released.source.splitlines()[-1] == 'train("half", half_network(), **half_settings);'
    assert released.metadata.nbgrader.locked and not released.metadata.nbgrader.grade


def test_two_builds_are_the_same_bytes_and_the_second_writes_nothing(project):
    assert len(weave.write(project, "small")) == 2
    paths = [project / "course/source/small/small.ipynb", project / "exercises/small/small.ipynb"]
    before = [path.read_bytes() for path in paths]
    assert weave.write(project, "small") == []
    for path in paths:
        path.unlink()
    weave.write(project, "small")
    assert [path.read_bytes() for path in paths] == before
    assert not weave.stale(project, "small")
    (project / "solutions/assignments/small.md").write_text(SMALL + "More.\n")
    assert weave.stale(project, "small")


def test_a_solution_stands_alone(project):
    function = extract.function(project / "solutions/miniconv", "small", "area")
    assert "as_array" not in function.body and "as_int" not in function.body and "Say nothing" not in function.body
    assert "`helper`" in function.head
    space = {"np": np}
    exec(function.head + "\n" + "\n".join("    " + line for line in function.body.split("\n")), space)
    np.testing.assert_allclose(space["area"]([1, 2], (2, 3)[0]), [8.0, 12.0])


def test_a_solution_uses_what_the_notebook_has_already(project):
    package = project / "solutions/miniconv"
    assert "def area" in extract.function(package, "small", "total").body
    assert extract.function(package, "small", "total", defined=["area"]).body == "return area(x).sum()"


def test_tasks_come_with_points_and_headings(project):
    assert weave.woven(project, "small").tasks == [
        weave.GradedTask("area", 4, "Small"),
        weave.GradedTask("half", 1.5, "Half of it (3.5 points)"),
        weave.GradedTask("why", 2, "Half of it (3.5 points)", by_hand=True),
    ]


def test_points_stand_in_the_directives_alone_and_are_shown_in_headings(project):
    path = project / "solutions/assignments/small.md"
    path.write_text(
        SMALL.replace("## Half of it\n", "## Half of it\n\nWith no task.\n\n## Half of it\n")
        + "## A last one\n\n### Alone\n\nRead.\n\n"
        + cell("#: written alone 1\nSo.")
    )
    weave.write(project, "small")
    notebook = nbformat.read(project / "exercises/small/small.ipynb", as_version=4)
    lines = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown").split("\n")
    shown = [line for line in lines if line.startswith("#")]
    assert shown == ["# Small", "## Half of it", "## Half of it (3.5 points)", "## A last one", "### Alone (1 point)"]
    assert [task.title for task in weave.woven(project, "small").tasks][-1] == "Alone (1 point)"
    changed = path.read_text().replace("#: check half 1.5", "#: check half 4")
    path.write_text(changed)
    weave.write(project, "small")
    text = (project / "exercises/small/small.ipynb").read_text()
    assert "Half of it (6 points)" in text and 'check(\\"half\\", points=4)' in text and "3.5" not in text


def test_points_in_a_heading_are_refused(project, capsys):
    path = project / "solutions/assignments/small.md"
    path.write_text(SMALL.replace("## Half of it", "## Half of it (3 points)\n\n### And more"))
    assert weave.main(["small", "--root", str(project)]) == 1
    assert "take the points out of the heading 'Half of it (3 points)'" in capsys.readouterr().err


def test_weaving_that_is_stopped_leaves_both_notebooks_as_they_were(project, monkeypatch):
    weave.write(project, "small")
    paths = [project / "course/source/small/small.ipynb", project / "exercises/small/small.ipynb"]
    before = [path.read_bytes() for path in paths]
    (project / "solutions/assignments/small.md").write_text(SMALL + "More.\n")
    real, written = type(paths[0]).write_text, []

    def full(path, *arguments, **options):
        written.append(path)
        if len(written) == 2:
            raise OSError("No space left on device")
        return real(path, *arguments, **options)

    monkeypatch.setattr(type(paths[0]), "write_text", full)
    with pytest.raises(OSError, match="No space"):
        weave.write(project, "small")
    assert [path.read_bytes() for path in paths] == before
    assert [len(list(path.parent.iterdir())) for path in paths] == [1, 1]


ERRORS = {
    "unknown function": ("#: solve volume", "there is no function volume in miniconv.small; it has area"),
    "no docstring": ("#: solve plain", "has no docstring"),
    "no body": ("#: solve empty", "a docstring and no body"),
    "unknown directive": ("#: sovle area", "unknown directive `#: sovle`; there are solve, check"),
    "no directive": ("#:", "unknown directive"),
    "twice": ("#: solve area", "area stands here already, in line"),
    "no points": ("#: check area", "write `#: check NAME POINTS`"),
    "bad points": ("#: check area many", "'many' is not a number of points"),
    "negative points": ("#: check area -1", "not a number of points"),
    "check of nothing": ("#: check volume 3", "which no cell above asks for"),
    "never checked": ("#: solve total", "nothing checks total"),
    "unknown provided": ("#: provided magic", "convcourse.functional has no magic; it has conv_output_shape"),
    "train nothing": ("#: train digits", "nothing above asks for digits_network"),
    "given form": ("#: provided relu of layer", "write `#: provided NAME`"),
    "two in one": ("#: solve total\n#: check total 2", "one directive per cell"),
    "late": ("x = 1\n#: solve total", "first line"),
    "code beside": ("#: solve total\nx = 1", "nothing else stands"),
    "answer without markers": ('#: answer f\ndef f():\n    """Say."""\n    return 1', "stands between"),
    "answer without docstring": (
        "#: answer f\ndef f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION",
        "f has no docstring",
    ),
    "docstring inside the solution": (
        '#: answer f\ndef f():\n    ### BEGIN SOLUTION\n    """Say."""\n    return 1\n    ### END SOLUTION',
        "inside the solution",
    ),
    "answer to another": ("#: answer g" + ANSWER, "does not define g"),
    "answer not Python": ("#: answer f\ndef f(:\n    ### BEGIN SOLUTION\n    ### END SOLUTION", "is not Python"),
    "written without answer": ("#: written how 2", "needs a model answer"),
    "stray solution": ("### BEGIN SOLUTION\nx = 1\n### END SOLUTION", "without a directive"),
}


@pytest.mark.parametrize(("text", "message"), ERRORS.values(), ids=ERRORS)
def test_errors_name_file_and_line(project, text, message, capsys):
    path = project / "solutions/assignments/small.md"
    path.write_text(SMALL + cell(text))
    line = len(SMALL.splitlines()) + 2
    assert weave.main(["small", "--root", str(project)]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"{path}:{line}: "), printed
    assert message in printed
    assert not (project / "exercises").exists()


def test_a_solution_in_prose_is_refused(project, capsys):
    path = project / "solutions/assignments/small.md"
    path.write_text(SMALL + "### BEGIN SOLUTION\n")
    assert weave.main(["small", "--root", str(project)]) == 1
    assert "a solution stands in prose" in capsys.readouterr().err


def test_unknown_assignment(project, capsys):
    assert weave.main(["smal", "--root", str(project)]) == 1
    assert "there is no assignment 'smal'; there are small" in capsys.readouterr().err


def test_check_says_what_is_stale(project, capsys):
    assert weave.main(["--check", "--root", str(project)]) == 1
    assert "exercises/small/small.ipynb is stale" in capsys.readouterr().err
    weave.main(["--root", str(project)])
    assert weave.main(["--check", "--root", str(project)]) == 0


def test_the_setup_cell_is_plain_python(project):
    weave.write(project, "small")
    source = cells(project / "exercises/small/small.ipynb")["setup"].source
    ast.parse(source)
    assert weave.WHEEL in source


def test_cell_ids_are_valid_and_unique(project):
    weave.write(project, "small")
    ids = [c["id"] for c in json.loads((project / "exercises/small/small.ipynb").read_text())["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", i) for i in ids)
