"""What a revision says; what it does to a gradebook is tried in test_releasing.py."""

from convgrader.nbgrader_plugin.revising import Revision
from convgrader.notebooks.source import SourceCell, SourceNotebook


def notebook(**points):
    """Return a notebook with a function and its check for each name."""
    cells = []
    for name, each in points.items():
        cells.append(SourceCell(name, "code", f"def {name}(): ...", None, locked=False, solution=True))
        cells.append(SourceCell(f"check-{name}", "code", "check", None, locked=True, grade=True, points=each))
    return SourceNotebook("small", tuple(cells))


def test_the_same_notebook_says_nothing():
    assert Revision(notebook(area=4, half=1.5), notebook(area=4, half=1.5)).sentences() == []


def test_the_first_release_counts():
    assert Revision(None, notebook(area=4, half=1.5)).sentences() == ["new in the gradebook: 2 tasks, 5.5 points"]


def test_all_that_changes_is_said_once():
    old, new = notebook(area=4, half=1, gone=1, once=2), notebook(fresh=1, half=2, area=4, now=2)
    marks = {"gone": [("ada", 1.0)], "half": [("ada", 1.0), ("bela", 3.0)]}
    assert Revision(old, new, {"now": "once"}, marks).sentences() == [
        "renamed: once is now now; who handed in a function once earns nothing for it when graded again",
        "added: fresh, 1 point",
        "points: half had 1, and has 2 now; 2 marked by hand, above the new points: bela (3)",
        "removed: gone, 1 point; what was graded is kept aside and comes back with it; 1 marked by hand",
        "order: the tasks stand in another order",
        "together: 4 tasks, 8 points before; 4 tasks, 9 points now",
    ]


def test_another_text_is_said_of_answers_alone():
    old = notebook(area=4)
    first, check = old.cells
    changed = SourceCell(**{**vars(first), "source": "def area(x): ..."})
    assert Revision(old, SourceNotebook("small", (changed, check))).sentences()[0] == "text: area reads otherwise now"
    changed = SourceCell(**{**vars(check), "source": "check again"})
    assert Revision(old, SourceNotebook("small", (first, changed))).sentences() == []
