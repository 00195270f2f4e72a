"""A class to look at and to test with: sixteen made-up students hand in `pooling`, and are graded.

What they hand in is made from the released notebook and from the right answers in ``solutions/answers``, some with a
mistake put in. The seed decides who writes in which style; the story of each decides the score.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import numpy as np

from convcourse.grade_ids import CHECK
from convgrader.sandbox.isolation import why_not
from tools import answers, extract
from tools.small_course import environment, nbgrader
from tools.weave import ProjectPaths, woven

STEM = "pooling"
SEED = 2026
HANDED_IN = 1_790_000_000  # seconds since 1970, so that two builds are the same
WORDS = (
    "Pooling to one number keeps that a shape is there and forgets where. Left and right then look the same. "
    "I would read the last layer from the whole map, or add the coordinates as two channels.",
    "The position is lost. Pool less, or use strides instead.",
    "Because the network is too small. More layers would help.",
)


@dataclass(frozen=True)
class Edit:
    """A mistake: in the answer to `task` written in `style`, `old` becomes `new`; `earns` points are left."""

    task: str
    style: str
    old: str
    new: str
    earns: float


@dataclass(frozen=True)
class Student:
    """Who, in which style of answers, with which mistakes; `change` works on the finished notebook."""

    name: str
    story: str
    style: int | None = None
    edits: tuple = ()
    change: Callable | None = None
    earns: dict = field(default_factory=dict)
    unreadable: bool = False


def _cell(notebook, name):
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def _replace(name, text):
    def change(notebook):
        _cell(notebook, name).source = text

    return change


def _delete(name):
    def change(notebook):
        notebook.cells.remove(_cell(notebook, name))

    return change


def _raising(notebook):
    _cell(notebook, "max_pool2d").source = "def max_pool2d(x, kernel_size, stride=None:\n    return x"
    _cell(notebook, "lp_pool2d").source = "def lp_pool2d(*args, **kwargs):\n    raise ValueError('I give up')"


def _noisy(notebook):
    for name in ("avg_pool2d", "lp_pool2d"):
        cell = _cell(notebook, name)
        head, _, body = cell.source.rpartition("def ")
        first, rest = body.split("):\n", 1)
        loud = "    import warnings\n\n    warnings.warn('large')\n    print(x.shape)\n"
        cell.source = f"{head}def {first}):\n{loud}{rest}"


def _bare_verdicts(notebook):
    for name, arguments, verdict in (
        ("claim_shift", "", False),
        ("claim_equivariance", "shift, stride", True),
        ("claim_relu", "", False),
        ("claim_trainable", "x, p", True),
    ):
        _cell(notebook, name).source = f"def {name}({arguments}):\n    return {verdict}"


def _own_cells(notebook):
    """Helper functions in a cell of their own, another order of cells, a plot."""
    helper = nbformat.v4.new_code_cell("def biggest(window):\n    return window.max(axis=(-2, -1))", id="own-helper")
    plot = nbformat.v4.new_code_cell(
        "import matplotlib.pyplot as plt\n\nplt.plot(np.arange(3))\nplt.show()", id="own-plot"
    )
    notebook.cells.insert(1, helper)
    notebook.cells.append(plot)


TASKS = (
    "pool_output_shape",
    "max_pool2d",
    "avg_pool2d",
    "lp_pool2d",
    "adaptive_avg_pool2d",
    "max_pool2d_backward",
    "avg_pool2d_backward",
    "channel_max_pool",
    "claim_shift",
    "claim_equivariance",
    "claim_relu",
    "claim_trainable",
)
NOTHING = dict.fromkeys(TASKS, 0.0)
CLASS = (
    Student("ada", "right, the woven solution"),
    Student("bela", "right, in plain loops", style=0),
    Student("chen", "right, by views of windows", style=1),
    Student("dana", "right, in a third style", style=2),
    Student("emil", "max pooling pads with zeros", style=1, edits=(
        Edit("max_pool2d", "windows", "np.pad(x, widths, constant_values=lowest(x))", "np.pad(x, widths)", 5.0),
    )),
    Student("fay", "the gradient is assigned where windows overlap", style=0, edits=(
        Edit("max_pool2d_backward", "loops", "gx[b, c, row, column] +=", "gx[b, c, row, column] =", 2.0),
    )),
    Student("gus", "always counts the padding", style=0, edits=(
        Edit("avg_pool2d", "loops", "(area if count_include_pad else seen)", "area", 3.57),
        Edit("avg_pool2d_backward", "slices", "(area if count_include_pad else seen)", "area", 4.0),
    )),
    Student("hana", "never drops the window that starts past the input; forgets the root", style=2, edits=(
        Edit("pool_output_shape", "formula", "size -= 1", "pass", 3.0),
        Edit("lp_pool2d", "windows", "(powers ** (1 / norm_type))", "powers", 0.0),
    )),
    Student("ivo", "hands in a blank notebook", change=None, earns=NOTHING),
    Student("jun", "one cell is not Python, one function raises", style=0, change=_raising, earns={
        "max_pool2d": 0.0, "lp_pool2d": 0.0,
    }),
    Student("kim", "an endless loop in one function", style=1, earns={"lp_pool2d": 0.0}, change=_replace(
        "lp_pool2d", "def lp_pool2d(*args, **kwargs):\n    while True:\n        pass",
    )),
    Student("lena", "hands in something that is not a notebook", unreadable=True, earns=NOTHING),
    Student("max", "deleted the cell of a task", style=2, change=_delete("max_pool2d"), earns={"max_pool2d": 0.0}),
    Student("nora", "judges the claims without evidence", style=1, change=_bare_verdicts, earns=dict.fromkeys(
        ("claim_shift", "claim_equivariance", "claim_relu", "claim_trainable"), 0.0,
    )),
    Student("olga", "right, but prints and warns", style=0, change=_noisy),
    Student("pete", "right, with helper cells and a plot of their own", style=2, change=_own_cells),
)  # fmt: skip


# --- making what they hand in ------------------------------------------------------------------------------------


def submission(root, student, rng):
    """Return what a student hands in, as bytes."""
    if student.unreadable:
        return b"%PDF-1.4 this is not the file you are looking for"
    notebook = nbformat.read(ProjectPaths(Path(root)).released(STEM), as_version=4)
    words = str(rng.choice(WORDS))
    if student.earns != NOTHING:
        if student.style is None:
            codes = {solution.name: solution.code for solution in woven(root, STEM).solutions}
        else:
            codes = {name: _answer(root, student, name) for name in TASKS}
        for name, code in codes.items():
            _cell(notebook, name).source = code
        _cell(notebook, "written-pooling").source = words
    if student.change:
        student.change(notebook)
    return (json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _answer(root, student, task):
    """Return the code of a student's answer to a task: of their style, or with their mistake."""
    path = answers.path_of(root, STEM)
    for edit in student.edits:
        if edit.task == task:
            text = extract.standalone(path, f"{task}__{edit.style}", task)
            if text.count(edit.old) != 1:
                raise ValueError(f"{student.name}: {edit.old!r} stands {text.count(edit.old)} times in {task}")
            return text.replace(edit.old, edit.new)
    names = answers.styles(root, STEM)[task]
    return extract.standalone(path, names[student.style % len(names)], task)


def archives(root, folder, seed=SEED):
    """Write the archive of every student, as ``autograder submit`` would, into `folder`; return their paths."""
    rng = np.random.default_rng(seed)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, student in enumerate(CLASS):
        moment = time.gmtime(HANDED_IN + 600 * number)
        name = f"{student.name}__{time.strftime('%Y%m%dT%H%M%SZ', moment)}__{STEM}"
        paths.append(folder / f"{name}.zip")
        with zipfile.ZipFile(paths[-1], "w") as file:
            file.writestr(zipfile.ZipInfo(f"{name}.ipynb", moment[:6]), submission(root, student, rng))
    return paths


def expected(root):
    """Return {student: {task: points}} for all that is graded by machine."""
    full = {task.name: float(task.points) for task in woven(root, STEM).tasks if not task.by_hand}
    return {
        student.name: {**full, **student.earns, **{edit.task: edit.earns for edit in student.edits}}
        for student in CLASS
    }


# --- grading them ------------------------------------------------------------------------------------------------


def collect(root, seed=SEED):
    """Write the archives where a learning platform's download would lie, and let ``zip_collect`` take them in."""
    downloaded = Path(root) / "course" / "downloaded" / STEM
    shutil.rmtree(downloaded, ignore_errors=True)
    archives(root, downloaded / "archive", seed)
    _run(root, "zip_collect", STEM, "--force")


def _run(root, *arguments):
    status, said = nbgrader(root, *arguments)
    if status:
        raise RuntimeError(f"nbgrader {' '.join(arguments)} failed:\n{said}")


def grade(root):
    """Grade all submissions of the assignment with the course's own grader; return its status."""
    command = [sys.executable, "-m", "convcourse", "grade", STEM]
    if why_not():
        command.append("--unconfined")  # these submissions are ours
    return subprocess.run(command, cwd=root, env=environment()).returncode


def scores(root):
    """Return {student: {task: points}} from the gradebook; a task without a grade counts 0."""
    from nbgrader.api import Gradebook

    found = {}
    with Gradebook(f"sqlite:///{(Path(root) / 'course' / 'gradebook.db').resolve().as_posix()}") as gradebook:
        for handed_in in gradebook.assignment_submissions(STEM):
            found[handed_in.student.id] = {
                g.name.removeprefix(CHECK): float(g.auto_score or 0.0)
                for nb in handed_in.notebooks
                for g in nb.grades
                if g.name.startswith(CHECK)
            }
    return found


def strangers(root):
    """List students in the gradebook or among the submissions who are not of the sample class."""
    from nbgrader.api import Gradebook

    course, names = Path(root) / "course", set()
    if (course / "submitted").is_dir():
        names |= {path.name for path in (course / "submitted").iterdir() if path.is_dir()}
    if (course / "gradebook.db").is_file():
        with Gradebook(f"sqlite:///{(course / 'gradebook.db').resolve().as_posix()}") as gradebook:
            names |= {student.id for student in gradebook.students}
    return sorted(names - {student.name for student in CLASS})


def forget(root):
    """Remove the sample class: its submissions, grades and feedback, and the gradebook."""
    course = Path(root) / "course"
    for step in ("submitted", "autograded", "feedback", "downloaded"):
        for path in [course / step / STEM] if step == "downloaded" else [course / step / s.name for s in CLASS]:
            _remove(path)
    (course / "gradebook.db").unlink(missing_ok=True)


def _remove(folder):
    """Remove a folder that nbgrader made read-only."""
    if folder.exists():
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir():
                path.chmod(0o755)
        shutil.rmtree(folder)


def table(root):
    """Return the class's scores as a table in plain text."""
    found, right = scores(root), expected(root)
    lines = [f"{'student':8} {'points':>6}   what they handed in"]
    for student in CLASS:
        total = sum(found.get(student.name, {}).values())
        asked = sum(right[student.name].values())
        mark = "" if total == asked else f"   (expected {asked:g})"
        lines.append(f"{student.name:8} {total:6g}   {student.story}{mark}")
    full = sum(right[CLASS[0].name].values())
    lines.append(f"of {full:g} points given by machine; the question answered in words waits in formgrader")
    return "\n".join(lines)


def main(arguments=None):
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
    others = strangers(options.root)
    if others:
        print(f"course/ holds the work of other students ({', '.join(others[:5])}): the sample class stays out of it")
        return int(options.forget)  # `make course` goes on without it
    forget(options.root)
    if options.forget:
        return 0
    _run(options.root, "generate_assignment", STEM, "--force")
    collect(options.root)
    grade(options.root)
    nbgrader(options.root, "generate_feedback", STEM, "--force")
    text = table(options.root)
    (options.root / "course" / "sample-class.txt").write_text(text + "\n", encoding="utf-8")
    if not options.quiet:
        print(text)
    return 0 if scores_are_right(options.root) else 1


def scores_are_right(root):
    """Say whether every student has the expected points in every task."""
    found = scores(root)
    return all(found.get(name, NOTHING) == tasks for name, tasks in expected(root).items())


if __name__ == "__main__":
    sys.exit(main())
