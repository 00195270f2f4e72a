"""`autograder new-task`: the skeleton that it writes, and the worked example of the manual."""

import ast
import json

import pytest

from tests.helpers.courses import CONFINES
from tests.helpers.own_course import blocks, command, copy_of_the_course, fill_in
from tools import new_task, weave
from tools.draft import AuthorError, Places, todo

pytestmark = pytest.mark.slow

NEW = ("convcourse", "new-task", "pooling", "loudness")
MISTAKE = "def loudness(x, size):\n    return np.sqrt(np.convolve(x**2, np.ones(size), 'valid'))"
SENTENCE = "You took the root of the sum; divide by the size of the window before the root."


@pytest.fixture
def root(tmp_path):
    return copy_of_the_course(tmp_path)


def test_a_skeleton_can_be_woven_and_says_where_something_is_to_be_filled_in(root):
    lines = new_task.write(root, "pooling", "loudness", points=3)
    places = Places(root, "pooling")
    assert [line.split(",")[0] for line in lines] == [
        f"written: {path.relative_to(root)}" for path in (places.text, places.checks, places.answers)
    ]
    task = weave.woven(root, "pooling").tasks[-1]
    assert (task.name, task.points, task.title[:4]) == ("loudness", 3, "11. ")
    for path in (places.checks, places.answers):
        ast.parse(path.read_text())
    marked = [sentence for path in (places.text, places.checks, places.answers) for sentence in todo(path, "loudness")]
    for word in ("title", "by hand", "right answer", "what is right", "calls at the edges", "label"):
        assert any(word in sentence for sentence in marked), word


def test_a_skeleton_is_written_once_and_what_was_lost_of_it_again(root):
    new_task.write(root, "pooling", "loudness")
    places = Places(root, "pooling")
    before = places.text.read_text(), places.checks.read_text()
    assert new_task.write(root, "pooling", "loudness") == []
    places.answers.write_text("import numpy as np\n")
    assert len(new_task.write(root, "pooling", "loudness")) == 1
    assert (places.text.read_text(), places.checks.read_text()) == before


@pytest.mark.parametrize("listed", ["()", "(ONE,)", "(ONE, *TWO)", "(\n    ONE,\n    *TWO,\n)"])
def test_a_check_is_listed_whatever_the_form_of_the_list(tmp_path, listed):
    text = f"import numpy as np\n\nONE = None\nTWO = ()\nCHECKS = {listed}\n"
    found = ast.parse(new_task.with_check(tmp_path / "sound.py", text, "sound", "loudness"))
    names = [ast.unparse(item) for item in found.body[-1].value.elts]
    assert names == [item.strip() for item in listed.strip("()\n").split(",") if item.strip()] + ["LOUDNESS"]


@pytest.mark.parametrize("name", ["Loudness", "max-pool", "class", "2d", "np.mean"])
def test_a_name_that_no_function_can_have_is_refused(root, name):
    with pytest.raises(AuthorError, match="cannot name a task"):
        new_task.write(root, "pooling", name)


def test_a_name_that_stands_for_something_else_is_refused(root):
    places = Places(root, "pooling")
    before = places.text.read_text()
    with pytest.raises(AuthorError, match=r"pooling\.py has a CLAIMS already"):
        new_task.write(root, "pooling", "claims")
    assert places.text.read_text() == before


@pytest.mark.full
def test_the_example_of_the_manual_is_finished_is_graded_and_names_its_mistake(root):
    shown = blocks()
    status, said = command(root, *NEW, "--points", "2")
    assert status == 1 and "loudness in pooling is not finished:" in said
    for caption in (name for name in shown if "pooling" in name):
        fill_in(root / caption, "loudness", shown[caption])
    status, said = command(root, *NEW)
    assert (status, said) == (0, shown["what it says now"])
    assert command(root, "tools.weave")[0] == 0
    assert "sliding_window_view(x, size)" not in (root / "exercises/pooling/pooling.ipynb").read_text()
    status, said = command(root, "convcourse", "release", "pooling")
    assert status == 0, said
    right = shown["solutions/answers/pooling.py"].replace("loudness__loops", "loudness")
    for student, answer in (("ada", right), ("grace", MISTAKE)):
        hand_in(root, student, answer)
    unconfined = [] if CONFINES else ["--unconfined"]
    status, said = command(root, "convcourse", "grade", "pooling", "--json", *unconfined)
    assert status == 0, said
    pages = {who: (root / f"course/autograded/{who}/pooling/pooling.ipynb").read_text() for who in ("ada", "grace")}
    assert "loudness: 2 of 2 points" in pages["ada"] and SENTENCE not in pages["ada"]
    assert "loudness: 0 of 2 points" in pages["grace"] and SENTENCE in pages["grace"]


def hand_in(root, student, answer):
    """Hand in the released notebook, with one answer."""
    notebook = json.loads((root / "exercises/pooling/pooling.ipynb").read_text())
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "loudness":
            cell["source"] = answer
    folder = root / "course/submitted" / student / "pooling"
    folder.mkdir(parents=True)
    (folder / "pooling.ipynb").write_text(json.dumps(notebook))


def test_outside_of_a_course_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert new_task.main(["pooling", "loudness"]) == 2
    assert "this folder holds no course" in capsys.readouterr().err


def test_the_checks_of_another_checkout_are_not_tried(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    assert new_task.main(["pooling", "loudness"]) == 2
    assert "the checks that are installed here are not this folder's" in capsys.readouterr().err
