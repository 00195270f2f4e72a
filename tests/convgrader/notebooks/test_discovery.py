"""A notebook is recognised by what it holds; where it is not clear which one is meant, a sentence says so."""

import json
import os

import pytest

from convgrader.errors import MalformedNotebookError
from convgrader.notebooks import discovery, reader
from tests.helpers.courses import ROOT, answer, as_source


@pytest.fixture(scope="module")
def works(released, answers):
    """Notebooks by what they are."""
    right, helpers = answers
    full = answer(released, right, [helpers])
    bare = json.loads(json.dumps(full))
    for cell in bare["cells"]:
        cell["metadata"] = {}
    without_setup = json.loads(json.dumps(full))
    del without_setup["cells"][0]
    function_alone = {"cells": [{"cell_type": "code", "source": "def max_pool2d(x):\n    return x", "metadata": {}}]}
    exercises = ROOT / "exercises"
    other_works = {
        name: json.loads((exercises / name / f"{name}.ipynb").read_text()) for name in ("shapes", "convolution")
    }
    return {
        "full": full, "half": answer(released, {"max_pool2d": right["max_pool2d"]}, [helpers]), "blank": released,
        "bare": bare, "without setup": without_setup, "own": function_alone, "empty": {"cells": []},
        "setup": {"cells": full["cells"][:1]}, **other_works,
    }  # fmt: skip


@pytest.fixture
def discovered(works, source, tmp_path):
    """Hand in {path: what it is}; return what it is that is graded, and the remark."""

    def find(handed_in):
        for name, work in handed_in.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(work if work.startswith("{") else json.dumps(works[work]))
        parts, remark = discovery.discover_notebook(tmp_path, source, ["pooling"])
        names = [name for name, work in works.items() if reader.read(json.dumps(work).encode()) == parts]
        return names[0], remark

    return find


@pytest.mark.parametrize("work", ["full", "half", "bare", "without setup", "own"])
def test_work_under_the_right_name_is_graded_without_a_word(discovered, work):
    assert discovered({"pooling.ipynb": work}) == (work, "")


CLEAR = {
    "another name": {"pooling (1).ipynb": "full"},
    "a folder": {"my work/pooling.ipynb": "full"},
    "a folder of the notebook's name": {"pooling.ipynb/pooling.ipynb": "full"},
    "words in the name": {"Pooling final.ipynb": "bare"},
    "a name in another script": {"пулинг.ipynb": "full"},
    "beside one of another assignment": {"pooling.ipynb": "convolution", "other.ipynb": "full"},
    "beside the notebook as it was handed out": {"pooling.ipynb": "blank", "pooling (1).ipynb": "full"},
    "beside what is no notebook": {"pooling.ipynb": "{", "pooling (1).ipynb": "full"},
    "twice the same": {"a.ipynb": "full", "b/a.ipynb": "full"},
    "beside a related assignment": {"shapes.ipynb": "shapes", "mine.ipynb": "full"},
}


@pytest.mark.parametrize("case", CLEAR)
def test_it_is_recognised_where_it_is_clear_and_said(discovered, case):
    work, remark = discovered(CLEAR[case])
    assert work in ("full", "bare") and "was graded, since" in remark


def test_the_right_name_goes_before_others_and_they_are_named(discovered):
    work, remark = discovered({"pooling.ipynb": "half", "pooling (1).ipynb": "full"})
    assert work == "half" and "pooling (1).ipynb" in remark


def test_a_notebook_that_nobody_wrote_in_is_told(discovered):
    assert discovered({"pooling.ipynb": "blank"}) == ("blank", discovery.BLANK)
    assert discovered({"pooling.ipynb": "blank", "b.ipynb": "blank"}) == ("blank", discovery.BLANK)


UNCLEAR = {
    "nothing": ({}, "Nothing was handed in"),
    "files of another kind": ({"notes.txt": "{}"}, "Nothing was handed in"),
    "another assignment": ({"pooling.ipynb": "convolution"}, "pooling.ipynb is a notebook of convolution"),
    "another assignment, under its name": ({"shapes.ipynb": "shapes"}, "shapes.ipynb is a notebook of shapes"),
    "its first cell alone": ({"pooling.ipynb": "setup"}, "pooling.ipynb holds no task of pooling"),
    "no task": ({"pooling.ipynb": "empty"}, "holds no task of pooling"),
    "two that differ": ({"a.ipynb": "full", "b.ipynb": "half"}, r"Several .* \(a.ipynb, b.ipynb\)"),
    "no notebook": ({"pooling.ipynb": "{}"}, "not a notebook"),
    "no notebook, beside another assignment": ({"pooling.ipynb": "{}", "x.ipynb": "shapes"}, "not a notebook.*shapes"),
    "no notebook, under another name": ({"a.ipynb": "{}"}, "nothing that can be read"),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_where_it_is_not_clear_nothing_is_guessed(discovered, case):
    handed_in, message = UNCLEAR[case]
    with pytest.raises(MalformedNotebookError, match=message):
        discovered(handed_in)


def test_every_assignment_is_told_from_every_other():
    notebooks = {path.stem: path for path in ROOT.glob("exercises/*/*.ipynb")}
    assert len(notebooks) > 10
    parts = {name: tuple(reader.read(path.read_bytes())) for name, path in notebooks.items()}
    for name, path in notebooks.items():
        source = as_source(json.loads(path.read_text()), name)
        belonging = [
            other for other, its in parts.items() if discovery.Candidate(other, its, source).is_of_assignment()
        ]
        assert belonging == [name]


def test_odd_names_can_be_said_and_written(discovered, works, source, tmp_path):
    name = os.fsencode(str(tmp_path)) + b"/\xff\n\x1b[2J" + b"x" * 200 + b".ipynb"
    with open(name, "w") as file:
        json.dump(works["full"], file)
    _, remark = discovery.discover_notebook(tmp_path, source)
    assert remark.encode() and remark.isprintable() and len(remark) < 200


def test_so_much_is_read_and_no_more(discovered, monkeypatch):
    monkeypatch.setattr(discovery, "MAX_READ", 10)
    with pytest.raises(MalformedNotebookError):
        discovered({"a.ipynb": "full"})
