"""A class to look at and to test with: sixteen made-up students hand in `pooling`, and are graded.

What they hand in is made from the released notebook and from the right answers in ``solutions/answers``, some with a
mistake put in. The seed decides who writes in which style; the story of each decides the score.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from convcourse.grade_ids import CHECK
from convgrader.nbgrader_plugin.gradebook import url_of
from convgrader.sandbox.isolation import unsupported_reason
from tools import answers, extract
from tools.sample_traces import MARK, SampleTraces
from tools.small_course import environment, nbgrader
from tools.weave import ProjectPaths, Solution, WovenAssignment, woven

STEM = "pooling"
SEED = 2026
HANDED_IN = 1_790_000_000  # seconds since 1970, so that two builds are the same
WORDS = (
    (
        "Pooling to one number keeps that a shape is there and forgets where. Left and right then look the same. "
        "I would read the last layer from the whole map, or add the coordinates as two channels."
    ),
    "The position is lost. Pool less, or use strides instead.",
    "Because the network is too small. More layers would help.",
)


@dataclass(frozen=True)
class Edit:
    """A mistake: in the answer to `task` written in `style`, `old` becomes `new`; `share` of the points is left."""

    task: str
    style: str
    old: str
    new: str
    share: float


@dataclass(frozen=True)
class Student:
    """Who, in which style of answers, with which mistakes; `change` works on the finished notebook."""

    name: str
    story: str
    style: int | None = None
    edits: tuple[Edit, ...] = ()
    change: Callable[[NotebookNode], None] | None = None
    loses: tuple[str, ...] = ()  # tasks that earn nothing
    blank: bool = False
    unreadable: bool = False


def _cells(notebook: NotebookNode, *names: str) -> list[NotebookNode]:
    """Return the cells of these names, as far as the assignment has them."""
    return [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") in names]


def _replace(**texts: str) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        for name, text in texts.items():
            for cell in _cells(notebook, name):
                cell.source = text

    return change


def _delete(name: str) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        for cell in _cells(notebook, name):
            notebook.cells.remove(cell)

    return change


def _noisy(notebook: NotebookNode) -> None:
    for cell in _cells(notebook, "avg_pool2d", "lp_pool2d"):
        head, _, body = cell.source.rpartition("def ")
        first, rest = body.split("):\n", 1)
        loud = "    import warnings\n\n    warnings.warn('large')\n    print(x.shape)\n"
        cell.source = f"{head}def {first}):\n{loud}{rest}"


def _own_cells(notebook: NotebookNode) -> None:
    """Helper functions in a cell of their own, another order of cells, a plot."""
    helper = nbformat.v4.new_code_cell("def biggest(window):\n    return window.max(axis=(-2, -1))", id="own-helper")
    plot = nbformat.v4.new_code_cell(
        "import matplotlib.pyplot as plt\n\nplt.plot(np.arange(3))\nplt.show()", id="own-plot"
    )
    notebook.cells.insert(1, helper)
    notebook.cells.append(plot)


BARE = {
    "claim_shift": "def claim_shift():\n    return False",
    "claim_equivariance": "def claim_equivariance(shift, stride):\n    return True",
    "claim_relu": "def claim_relu():\n    return False",
    "claim_trainable": "def claim_trainable(x, p):\n    return True",
}
CLASS = (
    Student("ada", "right, the woven solution"),
    Student("bela", "right, in plain loops", style=0),
    Student("chen", "right, by views of windows", style=1),
    Student("dana", "right, in a third style", style=2),
    Student("emil", "max pooling pads with zeros", style=1, edits=(
        Edit("max_pool2d", "windows", "np.pad(x, widths, constant_values=lowest(x))", "np.pad(x, widths)", 5 / 8),
    )),
    Student("fay", "the gradient is assigned where windows overlap", style=0, edits=(
        Edit("max_pool2d_backward", "loops", "gx[b, c, row, column] +=", "gx[b, c, row, column] =", 2 / 7),
    )),
    Student("gus", "always counts the padding", style=0, edits=(
        Edit("avg_pool2d", "loops", "(area if count_include_pad else seen)", "area", 5 / 7),
        Edit("avg_pool2d_backward", "slices", "(area if count_include_pad else seen)", "area", 4 / 5),
    )),
    Student("hana", "never drops the window that starts past the input; forgets the root", style=2, edits=(
        Edit("pool_output_shape", "formula", "size -= 1", "pass", 3 / 5),
        Edit("lp_pool2d", "windows", "(powers ** (1 / norm_type))", "powers", 0),
    )),
    Student("ivo", "hands in a blank notebook", blank=True),
    Student("jun", "one cell is not Python, one function raises", style=0, change=_replace(
        max_pool2d="def max_pool2d(x, kernel_size, stride=None:\n    return x",
        lp_pool2d="def lp_pool2d(*args, **kwargs):\n    raise ValueError('I give up')",
    ), loses=("max_pool2d", "lp_pool2d")),
    Student("kim", "an endless loop in one function", style=1, loses=("lp_pool2d",), change=_replace(
        lp_pool2d="def lp_pool2d(*args, **kwargs):\n    while True:\n        pass",
    )),
    Student("lena", "hands in something that is not a notebook", blank=True, unreadable=True),
    Student("max", "deleted the cell of a task", style=2, change=_delete("max_pool2d"), loses=("max_pool2d",)),
    Student("nora", "judges the claims without evidence", style=1, change=_replace(**BARE), loses=tuple(BARE)),
    Student("olga", "right, but prints and warns", style=0, change=_noisy),
    Student("pete", "right, with helper cells and a plot of their own", style=2, change=_own_cells),
)  # fmt: skip


# --- making what they hand in ------------------------------------------------------------------------------------


def submission(
    root: Path, student: Student, rng: np.random.Generator, assignment: WovenAssignment | None = None
) -> bytes:
    """Return what a student hands in, as bytes; `assignment` is the woven one, if it is known already."""
    if student.unreadable:
        return b"%PDF-1.4 this is not the file you are looking for"
    notebook = nbformat.read(ProjectPaths(Path(root)).released(STEM), as_version=4)
    words = str(rng.choice(WORDS))
    if not student.blank:
        assignment = assignment or woven(root, STEM)
        codes = {solution.name: _answer(root, student, solution) for solution in assignment.solutions}
        _replace(**codes, **dict.fromkeys(assignment.model_answers, words))(notebook)
    if student.change:
        student.change(notebook)
    return (json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _answer(root: Path, student: Student, solution: Solution) -> str:
    """Return the code of a student's answer to a task: of their style, with their mistake, or else ours."""
    path, task = answers.path_of(root, STEM), solution.name
    names = answers.styles(root, STEM).get(task)
    if student.style is None or not names:  # not, for example, to a task that you have added
        return solution.code
    for edit in student.edits:
        if edit.task == task:
            text = extract.standalone(path, f"{task}__{edit.style}", task)
            if text.count(edit.old) != 1:
                raise ValueError(f"{student.name}: {edit.old!r} stands {text.count(edit.old)} times in {task}")
            return text.replace(edit.old, edit.new)
    return extract.standalone(path, names[student.style % len(names)], task)


def archives(root: Path, folder: Path, seed: int = SEED) -> list[Path]:
    """Write the archive of every student, as ``autograder submit`` would, into `folder`; return their paths."""
    rng = np.random.default_rng(seed)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths, assignment = [], woven(root, STEM)
    for number, student in enumerate(CLASS):
        moment = time.gmtime(HANDED_IN + 600 * number)
        name = f"{student.name}__{time.strftime('%Y%m%dT%H%M%SZ', moment)}__{STEM}"
        paths.append(folder / f"{name}.zip")
        with zipfile.ZipFile(paths[-1], "w") as file:
            file.writestr(zipfile.ZipInfo(f"{name}.ipynb", moment[:6]), submission(root, student, rng, assignment))
    return paths


def expected(root: Path) -> dict[str, dict[str, float]]:
    """Return {student: {task: points}} for all that is graded by machine."""
    full = {task.name: float(task.points) for task in woven(root, STEM).tasks if not task.by_hand}
    return {student.name: {task: _earned(student, task, points) for task, points in full.items()} for student in CLASS}


def _earned(student: Student, task: str, points: float) -> float:
    """Return what a student should earn: whole hundredths of a point, as checks pay them."""
    if student.blank or task in student.loses:
        return 0.0
    share = next((edit.share for edit in student.edits if edit.task == task), 1)
    return math.floor(points * share * 100 + 1e-6) / 100


# --- grading them ------------------------------------------------------------------------------------------------


def collect(root: Path, seed: int = SEED) -> None:
    """Write the archives where a learning platform's download would lie, and let ``zip_collect`` take them in."""
    written = archives(root, Path(root) / "course" / "downloaded" / STEM / "archive", seed)
    _run(root, "zip_collect", STEM, "--force")
    SampleTraces.of(root, STEM, written).write()
    with Gradebook(_gradebook(root)) as gradebook:
        for student in CLASS:
            gradebook.update_or_create_student(student.name, first_name=student.name.title(), last_name=MARK)


def _gradebook(root: Path) -> str:
    return url_of(Path(root) / "course" / "gradebook.db")


def _run(root: Path, *arguments: str) -> None:
    status, output = nbgrader(root, *arguments)
    if status:
        raise RuntimeError(f"nbgrader {' '.join(arguments)} failed:\n{output}")


def grade(root: Path) -> int:
    """Grade all submissions of the assignment with the course's own grader; return its status."""
    command = [sys.executable, "-m", "convcourse", "grade", STEM]
    if unsupported_reason():
        command.append("--unconfined")  # these submissions are ours
    return subprocess.run(command, cwd=root, env=environment(), check=False).returncode


def scores(root: Path) -> dict[str, dict[str, float]]:
    """Return {student: {task: points}} from the gradebook; a task without a grade counts 0."""
    earned = {}
    with Gradebook(_gradebook(root)) as gradebook:
        for handed_in in gradebook.assignment_submissions(STEM):
            earned[handed_in.student.id] = {
                g.name.removeprefix(CHECK): float(g.auto_score or 0.0)
                for nb in handed_in.notebooks
                for g in nb.grades
                if g.name.startswith(CHECK)
            }
    return earned


def traces(root: Path) -> SampleTraces:
    """Return what the sample class wrote; where an earlier version did not keep it, what it would write now."""
    kept = SampleTraces.read(root, STEM)
    if (
        kept
        or not (Path(root) / "course" / "submitted").is_dir()
        or not ProjectPaths(Path(root)).released(STEM).is_file()
    ):
        return kept or SampleTraces(Path(root), STEM)
    with tempfile.TemporaryDirectory() as folder:
        return SampleTraces.of(root, STEM, archives(root, Path(folder)), is_marked=False)


def table(root: Path) -> str:
    """Return the class's scores as a table in plain text."""
    earned, right = scores(root), expected(root)
    lines = [f"{'student':8} {'points':>6}   what they handed in"]
    for student in CLASS:
        total = sum(earned.get(student.name, {}).values())
        asked = sum(right[student.name].values())
        mark = "" if total == asked else f"   (expected {asked:g})"
        lines.append(f"{student.name:8} {total:6g}   {student.story}{mark}")
    full = sum(right[CLASS[0].name].values())
    lines.append(f"of {full:g} points given by machine; the question answered in words waits in formgrader")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the sample class, collect it, grade it and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tools.sample_class", description=main.__doc__)
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the project (default: this folder)")
    parser.add_argument("--archives", type=Path, help="only write the archives, into this folder")
    parser.add_argument("--quiet", action="store_true", help="do not print the table, only write it to course/")
    parser.add_argument("--forget", action="store_true", help="only remove the sample class from course/")
    options = parser.parse_args(arguments)
    if options.archives:
        print(*archives(options.root, options.archives), sep="\n")
        return 0
    written = traces(options.root)
    if options.forget:
        written.remove()
        return 0
    strangers = written.strangers()
    if strangers:
        print(
            f"course/ holds the work of other students ({', '.join(strangers[:5])}): the sample class stays out of it"
        )
        return 0  # `make course` goes on without it
    written.remove()
    _run(options.root, "generate_assignment", STEM, "--force")
    collect(options.root)
    grade(options.root)
    nbgrader(options.root, "generate_feedback", STEM, "--force")
    text = table(options.root)
    (options.root / "course" / "sample-class.txt").write_text(text + "\n", encoding="utf-8")
    if not options.quiet:
        print(text)
    return 0 if scores_are_right(options.root) else 1


def scores_are_right(root: Path) -> bool:
    """Say whether every student has the expected points in every task."""
    earned = scores(root)
    return all(earned.get(name, dict.fromkeys(tasks, 0.0)) == tasks for name, tasks in expected(root).items())


if __name__ == "__main__":
    sys.exit(main())
