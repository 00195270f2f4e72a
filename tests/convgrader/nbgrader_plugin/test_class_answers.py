"""What a class wrote is read out of its submissions: no blanks, and helpers in cells of their own with the answers."""

import json

import nbformat
import pytest

from convcourse.errors import UsageError
from convgrader.batch import CourseFolders
from convgrader.nbgrader_plugin import class_answers
from tests.helpers.courses import answer

POOL = "def max_pool2d(x, *a, **k):\n    return biggest(x)"
HELPER = "def biggest(x):\n    return x.max()"


def read(course, *also, students=None):
    folders = CourseFolders.here()
    return class_answers.read(folders.directory, "pooling", folders.submissions("pooling", students), also)


def of_task(found, name):
    return next(task for task in found.tasks if task.task == name)


@pytest.fixture
def at_home(course, monkeypatch):
    monkeypatch.chdir(course.root)
    return course


def test_answers_stand_under_their_tasks_and_blanks_are_left_out(at_home, released):
    at_home.submit("ada", answer(released, {"max_pool2d": POOL, "written-pooling": "It forgets where."}))
    at_home.submit("bob", released)
    found = read(at_home)
    assert of_task(found, "max_pool2d").answers == {"ada": POOL} and of_task(found, "max_pool2d").is_code
    assert of_task(found, "written-pooling").answers == {"ada": "It forgets where."}
    assert not of_task(found, "written-pooling").is_code and of_task(found, "lp_pool2d").answers == {}
    assert found.submissions == 2 and found.unread == {}
    assert any("NotImplementedError" in text for text in of_task(found, "lp_pool2d").given)


def test_a_helper_in_a_cell_of_ones_own_goes_with_the_answer_that_calls_it(at_home, released):
    plot = "x = np.arange(3)\nplt.plot(x)"
    at_home.submit("ada", answer(released, {"max_pool2d": POOL, "lp_pool2d": "def lp_pool2d(x): pass"}, [HELPER, plot]))
    found = read(at_home)
    assert of_task(found, "max_pool2d").answers["ada"] == f"{POOL}\n\n\n{HELPER}"
    assert "biggest" not in of_task(found, "lp_pool2d").answers["ada"]


def test_an_answer_in_a_cell_of_ones_own_is_found(at_home, released):
    at_home.submit("ada", answer(released, {}, [POOL, HELPER]))
    assert of_task(read(at_home), "max_pool2d").answers["ada"] == f"{POOL}\n\n\n{HELPER}"


def test_what_cannot_be_read_is_told_with_its_reason(at_home, released):
    at_home.submit("ada", "no notebook")
    found = read(at_home)
    assert "not a notebook" in found.unread["ada"] and of_task(found, "max_pool2d").answers == {}


def test_notebooks_of_other_terms_lie_anywhere_in_a_folder(at_home, released, tmp_path):
    old = tmp_path / "last year"
    (old / "zoe" / "hand-in").mkdir(parents=True)
    nbformat.write(answer(released, {"max_pool2d": POOL}), old / "zoe" / "hand-in" / "my work.ipynb")
    (old / "other.ipynb").write_text(json.dumps({"cells": []}))
    (old / "broken.ipynb").write_text("{")
    (old / "link.ipynb").symlink_to(old / "zoe" / "hand-in" / "my work.ipynb")
    at_home.submit("ada", answer(released, {"max_pool2d": POOL}))
    found = read(at_home, old)
    task = of_task(found, "max_pool2d")
    assert set(task.answers) == {"ada", "last year/zoe/hand-in/my work"}
    assert task.beside == {"last year/zoe/hand-in/my work"} and found.beside == 1
    assert list(found.unread) == ["last year/broken"]


def test_who_hands_in_one_folder_together_is_one(at_home, released):
    at_home.submit("ada", answer(released, {"max_pool2d": POOL}))
    folders = CourseFolders.here()
    folder = folders.submissions("pooling")["ada"]
    found = class_answers.read(folders.directory, "pooling", {"ada": folder, "bob": folder})
    assert list(of_task(found, "max_pool2d").answers) == ["ada + bob"] and found.submissions == 1


def test_an_assignment_or_a_folder_that_is_not_there_is_told(at_home, tmp_path):
    directory = CourseFolders.here().directory
    with pytest.raises(UsageError, match="has no assignment nothing; it has pooling"):
        class_answers.read(directory, "nothing", {})
    with pytest.raises(UsageError, match="no folder"):
        class_answers.read(directory, "pooling", {}, [tmp_path / "gone"])
    (at_home.root / "gradebook.db").unlink()
    with pytest.raises(UsageError, match="no gradebook"):
        class_answers.read(directory, "pooling", {})
