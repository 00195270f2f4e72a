"""Sixteen things that happen to a right notebook between the student and the grader; none of them may cost a point.

    python -m tests.attacks.harmless book/_harmless.md

The command hands each of them in, here and to stock nbgrader, and writes the table of the site.
"""

import copy
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat

from tests.helpers.courses import ROOT, CourseUnderTest, answer, right_answers
from tests.helpers.grading_fixtures import FULL, copy_of
from tools.small_course import environment

TASK = "max_pool2d"
CHECK = f"check-{TASK}"
HARMLESS = []


@dataclass(frozen=True)
class Harmless:
    """One damage; `make` changes a right notebook."""

    name: str
    description: str
    make: object


def harmless(description):
    """Add a damage, a function that changes the notebook that it gets."""

    def add(function):
        HARMLESS.append(Harmless(function.__name__, description, function))
        return function

    return add


def place(nb, grade_id):
    """Return where the cell of a grade_id stands."""
    return next(i for i, cell in enumerate(nb.cells) if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def code(nb, at, source):
    """Put a code cell into a notebook."""
    nb.cells.insert(at, nbformat.v4.new_code_cell(source))


@harmless("old outputs, errors among them, are still in it")
def outputs(nb):
    for number, cell in enumerate(cell for cell in nb.cells if cell.cell_type == "code"):
        cell.execution_count = 90 - number
        cell.outputs = [nbformat.v4.new_output("error", ename="NameError", evalue="x", traceback=["NameError: x"])]


@harmless("a check was deleted")
def check_deleted(nb):
    del nb.cells[place(nb, CHECK)]


@harmless("a check was changed")
def check_changed(nb):
    nb.cells[place(nb, CHECK)].source = f"# {TASK}: done"


@harmless("a check was copied and pasted, with its id")
def check_copied(nb):
    nb.cells.insert(place(nb, CHECK), copy.deepcopy(nb.cells[place(nb, CHECK)]))


@harmless("an answer was copied and pasted, with its id")
def answer_copied(nb):
    nb.cells.insert(place(nb, TASK), copy.deepcopy(nb.cells[place(nb, TASK)]))


@harmless("an answer stands in a cell of the student's own; the cell for it was deleted")
def answer_elsewhere(nb):
    cell = nb.cells.pop(place(nb, TASK))
    code(nb, place(nb, CHECK), cell.source)


@harmless("an answer was cut in two: its helper function stands in the next cell")
def answer_cut(nb):
    at = place(nb, TASK)
    code(nb, at + 1, nb.cells[at].source.replace(TASK, "_same", 1))
    nb.cells[at].source = f"def {TASK}(*args, **kwargs):\n    return _same(*args, **kwargs)"


@harmless("a helper function stands below its first use")
def helper_below(nb):
    helper = next(cell for cell in nb.cells if "__" in cell.source and "nbgrader" not in cell.metadata)
    nb.cells.remove(helper)
    nb.cells.append(helper)
    for cell in nb.cells:
        task, _, style = cell.source.partition(" = ")
        if style.startswith(f"{task}__"):
            cell.source = f"def {task}(*args, **kwargs):\n    return {style}(*args, **kwargs)"


@harmless("the checks stand above their answers")
def checks_first(nb):
    check = nb.cells.pop(place(nb, CHECK))
    nb.cells.insert(place(nb, TASK), check)


@harmless("a cell of the student's own fails")
def cell_fails(nb):
    code(nb, place(nb, TASK), "1 / 0")


@harmless("a cell imports what is not there where it is graded")
def absent_import(nb):
    code(nb, place(nb, TASK), "import scipy.signal\nimport cv2")


@harmless("a cell asks for input")
def asks(nb):
    code(nb, place(nb, TASK), 'name = input("Your name? ")')


@harmless("magics, shell commands and a plot")
def magics(nb):
    code(nb, place(nb, TASK), "%matplotlib inline\n!ls\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()")


@harmless("nbgrader's metadata of an answer is lost")
def metadata_lost(nb):
    del nb.cells[place(nb, TASK)].metadata["nbgrader"]


@harmless("it was saved for another kernel, without cell ids")
def other_kernel(nb):
    nb.metadata.kernelspec = {"name": "my-conda-env", "display_name": "Python (my-conda-env)", "language": "python"}
    nb.nbformat_minor = 2
    for cell in nb.cells:
        cell.pop("id", None)


@harmless("a name of ours is overwritten (`check = None`)")
def name_overwritten(nb):
    code(nb, place(nb, TASK), "check = None")


def submission(released, answers, damage):
    """Return a right notebook with one damage."""
    right, helpers = answers
    nb = answer(released, right, [helpers])
    damage.make(nb)
    return nb


# --- the table -----------------------------------------------------------------------------------------------------


def stock(generated, released, answers, damage, folder):
    """Return what stock nbgrader makes of a damage, handed in beside a right notebook."""
    course = copy_of(generated, folder / damage.name, plugin=False)
    course.submit("ada", submission(released, answers, damage))
    course.submit("zoe", submission(released, answers, Harmless("none", "", lambda nb: None)))
    command = [sys.executable, "-m", "nbgrader", "autograde", "pooling"]
    done = subprocess.run(command, cwd=course.root, env=environment(HOME=str(folder)), capture_output=True, timeout=300)
    if course.total("zoe") != FULL:
        return "the batch stops"
    return "no score" if done.returncode or "ada" not in course.scores() else f"{course.total('ada'):g}"


def main(target):
    """Write the table."""
    target, folder = Path(target).resolve(), Path(tempfile.mkdtemp(prefix="harmless-"))
    os.environ.update(environment())
    generated = CourseUnderTest(folder / "generated")
    generated.generate(ROOT / "course" / "source" / "pooling" / "pooling.ipynb")
    released, answers = generated.released("pooling"), right_answers()
    ours = copy_of(generated, folder / "ours")
    for damage in HARMLESS:
        ours.submit(damage.name, submission(released, answers, damage))
    ours.grade(workers=2)
    rows = [
        (damage.description, stock(generated, released, answers, damage, folder), f"{ours.total(damage.name):g}")
        for damage in HARMLESS
    ]
    full = f"{FULL:g}"
    kept = [sum(row[column] == full for row in rows) for column in (1, 2)]
    lines = [
        (
            f"A right notebook of {full} points keeps them in {kept[1]} of {len(rows)} cases here, and in {kept[0]} "
            "with stock nbgrader."
        ),
        "",
        "| what happened to it | stock nbgrader | here |",
        "|---|---|---|",
        *(f"| {description} | {theirs} | {mine} |" for description, theirs, mine in rows),
    ]
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
