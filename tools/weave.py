"""Weave assignments: prose with directives in, an nbgrader source notebook and the student's notebook out.

``solutions/assignments/<stem>.md`` says which functions a task asks for; the reference package has their code.
CONTRIBUTING.md describes the directives.
"""

import argparse
import ast
import logging
import re
import sys
import tempfile
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

import nbformat
from nbformat import NotebookNode

from convcourse import COURSE, grade_ids
from convcourse.functional import FUNCTIONS
from tools import extract
from tools.dependencies import needed_by

Arguments = list[list[str]]  # what stands behind the directives of a cell, one list each

HERE = Path(__file__).resolve().parents[1]
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
DIRECTIVE = re.compile(r"#:\s*(?P<word>\w+)\s*(?P<arguments>.*)$")
DIRECTIVES = ("solve", "check", "provided", "answer", "written", "train")
NEEDS = "0.3"  # the oldest version of convcourse whose checks are those that the notebooks ask for
HEADING = re.compile(r"(#+)\s+(.*?)\s*$")
POINTS = re.compile(r"\s*\(([\d.]+) points?\)$")  # what the weaver puts behind the heading of a task
SETUP = "setup"  # grade_id of a notebook's first cell
RULES = """\
**In every task.** Below it stands its check. Run it as often as you like: it says what is wrong, and shows the smallest
case that fails. You need Python and NumPy, and nothing else. Loops are welcome, and a function may use those before it.

- Arrays hold fractions (all of float32 or all of float64) or whole numbers of at most fifteen digits. What comes out of
  whole numbers may be a fraction, which an array of integers cannot hold; of which type of integers a result is, no
  check asks. float32 in gives float32 out.
- A result is a new array. No input is changed, and no call remembers an earlier one.
- Where submissions are graded there are NumPy and Matplotlib, and of this course what a cell of the notebook imports.
  Nothing else can be imported there.
- The errors that a docstring lists under Raises are good manners: no check asks for them."""
WHEEL = "convcourse-*.whl"  # of any version: a new one needs no new notebooks


class WeaveError(Exception):
    """What is wrong with an assignment, with its file and line."""


@dataclass(frozen=True)
class GradedTask:
    """One graded cell: the function or question, its points, and the heading that it stands under."""

    name: str
    points: float
    title: str
    by_hand: bool = False


@dataclass(frozen=True)
class Solution:
    """What a cell keeps from students: they get its `head`; `body` is the solution; `cell` is both, with the marks."""

    name: str
    title: str
    head: str
    body: str
    cell: str

    @property
    def code(self) -> str:
        """The cell as a student may write it, without the marks."""
        return "\n".join(line for line in self.cell.split("\n") if line.strip() not in (BEGIN, END))


@dataclass
class WovenAssignment:
    """A woven source notebook, what it asks for, and what is right."""

    stem: str
    notebook: nbformat.NotebookNode
    tasks: list[GradedTask] = field(default_factory=list)
    solutions: list[Solution] = field(default_factory=list)
    model_answers: dict[str, str] = field(default_factory=dict)  # of the questions graded by hand: name -> text


# --- from text to the source notebook ----------------------------------------------------------------------------


def weave(path: Path, package: Path) -> WovenAssignment:
    """Read the assignment `path` and return it woven, solutions included."""
    from jupytext.myst import myst_to_notebook

    path = Path(path)
    read = myst_to_notebook(path.read_text(encoding="utf-8"), code_directive="{code-cell}", add_source_map=True)
    weaver = _Weaver(path, Path(package))
    weaver.add(SETUP, nbformat.v4.new_code_cell(setup_cell(path.stem)), locked=True)
    for cell, line in zip(read.cells, read.metadata["source_map"], strict=True):
        weaver.line = line + 1
        if cell.cell_type == "code":
            weaver.code(cell.source)
        else:
            weaver.prose(cell.source)
    return weaver.finished()


def setup_cell(stem: str, provided: Sequence[str] = (), wheel: str = WHEEL) -> str:
    """Return the first cell of a notebook: it sees to it that this course is installed, in a version that fits.

    `provided` are the functions that the notebook hands out. `wheel` is where the course is found where it is not
    installed: beside the notebook, or at an address.
    """
    handed_out = f", provided={list(provided)!r}".replace("'", '"') if provided else ""
    first = "upload the .whl file of the course first, then run this cell" if wheel == WHEEL else "it is fetched"
    missing = " ".join(pin.name for pin in needed_by(HERE, "colab"))
    return f"""\
from importlib.util import find_spec

if find_spec("convcourse") is None:  # on Colab: {first}
    get_ipython().run_line_magic("pip", "install --quiet {missing}")
    get_ipython().run_line_magic("pip", "install --quiet --no-deps {wheel}")

import convcourse
import numpy as np

if getattr(convcourse, "COURSE", "") != "{COURSE}":
    raise ImportError("This convcourse is not the course's: uninstall it, and install the .whl file of the course.")

check = convcourse.checker("{stem}", needs="{NEEDS}"{handed_out})"""


@dataclass
class _Heading:
    """A heading of the assignment, where it stands, and what the tasks below it are worth together."""

    marks: str = ""
    text: str = ""
    cell: nbformat.NotebookNode | None = None
    line: int = 0
    points: float = 0

    def show_points(self) -> None:
        """Write the points behind the heading, unless it is the title, or no task stands under it."""
        if self.cell is not None and self.points and self.marks not in ("", "#"):
            self.text += f" ({self.points:g} {'point' if self.points == 1 else 'points'})"
            lines = self.cell.source.split("\n")
            lines[self.line] = f"{self.marks} {self.text}"
            self.cell.source = "\n".join(lines)


class _Weaver:
    """The cells of one notebook as they are made, and the line of the source that is being read."""

    def __init__(self, path: Path, package: Path) -> None:
        self.path, self.package, self.line = path, package, 1
        self.stem = path.stem
        self.cells: list[NotebookNode] = []
        self.tasks: list[GradedTask] = []
        self.solutions: list[Solution] = []
        self.model_answers: dict[str, str] = {}
        self.defined: list[str] = []
        self.provided_names: list[str] = []
        self.id_lines: dict[str, int] = {}  # grade_id of a cell -> the line in which it stands
        self.task_lines: dict[str, int] = {}  # function that a cell asks for -> the same
        self.headings = [_Heading()]  # those read so far
        self.task_headings: list[_Heading] = []  # the one that each task stands under

    @property
    def title(self) -> str:
        return self.headings[-1].text

    def fail(self, message: str) -> NoReturn:
        raise WeaveError(f"{self.path}:{self.line}: {message}")

    def add(
        self,
        grade_id: str,
        cell: NotebookNode,
        *,
        grade: bool = False,
        solution: bool = False,
        locked: bool = False,
        points: float | None = None,
    ) -> None:
        """Append a cell that nbgrader knows under `grade_id`."""
        if grade_id in self.id_lines:
            self.fail(
                f"{grade_id} stands here already, in line {self.id_lines[grade_id]}: every cell needs its own name"
            )
        if not re.fullmatch(r"[a-zA-Z0-9_\-]+", grade_id):
            self.fail(f"{grade_id!r} cannot name a cell: use letters, digits, - and _")
        self.id_lines[grade_id] = self.line
        metadata: dict[str, Any] = {
            "schema_version": 3,
            "grade_id": grade_id,
            "grade": grade,
            "solution": solution,
            "locked": locked,
            "task": False,
        }
        if points is not None:
            metadata["points"] = points
        cell.metadata["nbgrader"] = metadata
        self.cells.append(cell)

    def prose(self, text: str) -> None:
        """Take a cell of Markdown over, and remember its headings: points are written behind them in the end."""
        if BEGIN in text:
            self.fail("a solution stands in prose, where nbgrader would not take it out")
        if len(self.cells) == 1:  # the first after the setup: the rules follow what it says before its first task
            introduction, task, remainder = text.partition("\n## ")
            pieces = [introduction.strip(), RULES, *([f"## {remainder}"] if task else [])]
        else:
            pieces = [text]
        for piece in pieces:
            cell = nbformat.v4.new_markdown_cell(piece)
            self.cells.append(cell)
            matches = [(number, HEADING.match(line)) for number, line in enumerate(piece.split("\n"))]
            self.headings += [_Heading(match[1], match[2], cell, number) for number, match in matches if match]
        for heading in self.headings:
            if POINTS.search(heading.text):
                self.fail(f"take the points out of the heading {heading.text!r}: they are added up from the directives")

    def code(self, source: str) -> None:
        """Do what the directives of a cell of code say; without one, hand it out as it is."""
        lines = source.split("\n")
        directives = [(n, DIRECTIVE.match(line)) for n, line in enumerate(lines) if line.startswith("#:")]
        if not directives:
            if BEGIN in source:
                self.fail("a solution in a cell without a directive: begin the cell with `#: answer NAME`")
            self.defined += [n.asname or n.name for node in _imports(source) for n in node.names]
            self.cells.append(nbformat.v4.new_code_cell(source))
            return
        words = [match["word"] if match else "" for _, match in directives]
        for word in words:
            if word not in DIRECTIVES:
                self.fail(f"unknown directive `#: {word}`; there are {', '.join(DIRECTIVES)}")
        if len(words) > 1 and set(words) != {"provided"}:
            self.fail("one directive per cell (only `provided` may stand in several lines)")
        if directives[0][0] != 0:
            self.fail("a directive stands in the first line of its cell")
        cell_body = "\n".join(line for line in lines if not line.startswith("#:")).strip("\n")
        # Each word of DIRECTIVES, and no other comes here, is a method: what stands behind it, and the cell below.
        getattr(self, words[0])([match["arguments"].split() for _, match in directives if match], cell_body)

    def solve(self, arguments: Arguments, cell_body: str) -> None:
        """Ask for a function of the reference package."""
        (name,) = self.take(arguments[0], "solve NAME", 1)
        self.nothing_else(cell_body)
        function = self.function(name)
        body = textwrap.indent(function.body, "    ")
        self.ask(name, function.head, function.body, f"{function.head}\n    {BEGIN}\n{body}\n    {END}")

    def answer(self, arguments: Arguments, cell_body: str) -> None:
        """Ask for a function that the cell itself holds, whose docstring has to stand outside of the solution."""
        (name,) = self.take(arguments[0], "answer NAME", 1)
        if cell_body.count(BEGIN) != 1 or cell_body.count(END) != 1:
            self.fail(f"the answer to {name} stands between `{BEGIN}` and `{END}`, once")
        try:
            tree = ast.parse(cell_body)
        except SyntaxError as error:
            self.fail(f"the answer to {name} is not Python: {error.msg}, {error.lineno} lines below the directive")
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        if name not in functions:
            self.fail(f"the cell does not define {name}")
        if not ast.get_docstring(functions[name]):
            self.fail(f"{name} has no docstring: it is what tells a student what is asked for")
        if cell_body.index(BEGIN) < cell_body.index(ast.get_source_segment(cell_body, functions[name].body[0]) or ""):
            self.fail(f"the docstring of {name} stands inside the solution: students would not get it")
        head, _, after = cell_body.partition(BEGIN)
        self.ask(name, head.rstrip(), textwrap.dedent(after.partition(END)[0]).strip(), cell_body)

    def ask(self, name: str, head: str, body: str, cell: str) -> None:
        """Add the cell of a task, which students fill in."""
        self.task_lines[name] = self.line
        self.solutions.append(Solution(name, self.title, head, body, cell))
        self.add(name, nbformat.v4.new_code_cell(cell), solution=True)
        self.defined.append(name)

    def check(self, arguments: Arguments, cell_body: str) -> None:
        """Add the locked cell that checks a task and earns its points."""
        name, worth = self.take(arguments[0], "check NAME POINTS", 2)
        self.nothing_else(cell_body)
        if name not in self.task_lines:
            self.fail(f"a check of {name}, which no cell above asks for")
        points = self.number(worth)
        cell = nbformat.v4.new_code_cell(f'check("{name}", points={points})')
        self.add(f"{grade_ids.CHECK}{name}", cell, grade=True, locked=True, points=points)
        self.earn(GradedTask(name, points, self.title))

    def earn(self, task: GradedTask) -> None:
        self.tasks.append(task)
        self.task_headings.append(self.headings[-1])
        self.headings[-1].points += task.points

    def provided(self, arguments: Arguments, cell_body: str) -> None:
        """Add a locked cell that imports functions of earlier topics."""
        self.nothing_else(cell_body)
        names = []
        for words in arguments:
            if len(words) not in (1, 3) or (len(words) == 3 and words[1] != "from"):
                self.fail("write `#: provided NAME` or `#: provided NAME from STEM`")
            if words[0] not in FUNCTIONS:
                self.fail(f"convcourse.functional has no {words[0]}; it has {', '.join(FUNCTIONS)}")
            names.append(words[0])
        cell = nbformat.v4.new_code_cell(f"from convcourse.provided import {', '.join(names)}")
        self.add(grade_ids.PROVIDED + "-".join(names), cell, locked=True)
        self.defined += names
        self.provided_names += names

    def written(self, arguments: Arguments, cell_body: str) -> None:
        """Add a question that is answered in words and graded by hand; the cell is its model answer."""
        name, worth = self.take(arguments[0], "written NAME POINTS", 2)
        if not cell_body.strip():
            self.fail(f"the question {name} needs a model answer below its directive: graders and instructors read it")
        points = self.number(worth)
        self.add(name, nbformat.v4.new_markdown_cell(cell_body), grade=True, solution=True, points=points)
        self.earn(GradedTask(name, points, self.title, by_hand=True))
        self.model_answers[name] = cell_body

    def train(self, arguments: Arguments, cell_body: str) -> None:
        """Add the locked cell that trains the network of a task."""
        (task,) = self.take(arguments[0], "train TASK", 1)
        self.nothing_else(cell_body)
        if f"{task}_network" not in self.task_lines:
            self.fail(f"nothing above asks for {task}_network, the layers that are to be trained")
        line = f'train("{task}", {task}_network(), **{task}_settings);'
        cell = nbformat.v4.new_code_cell(f"from convcourse.networks import train\n\n{line}")
        self.add(f"{grade_ids.TRAIN}{task}", cell, locked=True)

    def take(self, words: list[str], form: str, count: int) -> list[str]:
        if len(words) != count:
            self.fail(f"write `#: {form}`")
        return words

    def number(self, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1
        if not 0 < value < 1000:
            self.fail(f"{text!r} is not a number of points")
        return int(value) if value == int(value) else value

    def nothing_else(self, cell_body: str) -> None:
        if cell_body.strip():
            self.fail("nothing else stands in the cell of this directive")

    def function(self, name: str) -> extract.ReferenceFunction:
        try:
            return extract.function(self.package, self.stem, name, self.defined)
        except extract.UnknownReferenceError as error:
            self.fail(str(error))

    def finished(self) -> WovenAssignment:
        """Return the notebook, once every task has its check, and points stand behind the headings."""
        unchecked = set(self.task_lines) - {task.name for task in self.tasks}
        if unchecked:
            name = min(unchecked, key=self.task_lines.__getitem__)
            self.line = self.task_lines[name]
            self.fail(f"nothing checks {name}: add `#: check {name} POINTS` below it")
        for heading in self.headings:
            heading.show_points()
        self.tasks = [
            replace(task, title=place.text) for task, place in zip(self.tasks, self.task_headings, strict=True)
        ]
        self.cells[0].source = setup_cell(self.stem, self.provided_names)
        for position, cell in enumerate(self.cells):
            cell["id"] = f"{self.stem}-{position:02d}"[-64:].lstrip("-_")
        notebook = nbformat.v4.new_notebook(
            cells=self.cells,
            metadata={
                "course": {"assignment": self.stem, "provided": self.provided_names},
                "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                "language_info": {"name": "python"},
            },
        )
        nbformat.validate(notebook)
        return WovenAssignment(self.stem, notebook, self.tasks, self.solutions, self.model_answers)


def _imports(source: str) -> list[ast.Import | ast.ImportFrom]:
    try:
        return [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    except SyntaxError:
        return []  # a cell with a magic


# --- from the source notebook to the student's -------------------------------------------------------------------


def release(notebook: NotebookNode, stem: str) -> str:
    """Return the text of the student's notebook: what ``nbgrader generate_assignment`` makes of `notebook`."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    logging.getLogger("traitlets").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        source = root / "source" / stem / f"{stem}.ipynb"
        source.parent.mkdir(parents=True)
        source.write_text(text_of(notebook), encoding="utf-8", newline="\n")
        config = Config()
        config.CourseDirectory.root = str(root)
        config.CourseDirectory.assignment_id = stem
        config.GenerateAssignment.no_database = True
        config.SaveCells.enabled = False
        converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config)
        converter.start()
        return (root / "release" / stem / f"{stem}.ipynb").read_text(encoding="utf-8")


def text_of(notebook: NotebookNode) -> str:
    """Return a notebook as the text of its file, the same for the same notebook."""
    return nbformat.writes(notebook).rstrip("\n") + "\n"


@dataclass(frozen=True)
class ProjectPaths:
    """Where the parts of the project lie."""

    root: Path

    @property
    def assignments(self) -> Path:
        return self.root / "solutions" / "assignments"

    @property
    def package(self) -> Path:
        return self.root / "solutions" / extract.PACKAGE

    def source(self, stem: str) -> Path:
        return self.root / "course" / "source" / stem / f"{stem}.ipynb"

    def released(self, stem: str) -> Path:
        return self.root / "exercises" / stem / f"{stem}.ipynb"

    def stems(self) -> list[str]:
        return sorted(path.stem for path in self.assignments.glob("*.md"))

    def assignment(self, stem: str) -> Path:
        path = self.assignments / f"{stem}.md"
        if not path.is_file():
            raise WeaveError(f"there is no assignment {stem!r}; there are {', '.join(self.stems()) or 'none yet'}")
        return path


def woven(root: Path, stem: str) -> WovenAssignment:
    """Weave one assignment of a project; return a WovenAssignment."""
    paths = ProjectPaths(Path(root))
    return weave(paths.assignment(stem), paths.package)


def write(root: Path, stem: str) -> list[Path]:
    """Weave one assignment into the two notebooks; return the files that changed."""
    paths, notebook = ProjectPaths(Path(root)), woven(root, stem).notebook
    texts = {paths.source(stem): text_of(notebook), paths.released(stem): release(notebook, stem)}
    changed = [path for path, text in texts.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    drafts = {path: path.with_suffix(".new") for path in changed}
    try:
        for path, draft in drafts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(texts[path], encoding="utf-8", newline="\n")
        for path, draft in drafts.items():
            draft.replace(path)  # never half a notebook, whoever stops it and when
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    return changed


def stale(root: Path, stem: str) -> bool:
    """Say whether the student's notebook differs from what its sources give now."""
    path = ProjectPaths(Path(root)).released(stem)
    return not path.is_file() or path.read_text(encoding="utf-8") != release(woven(root, stem).notebook, stem)


def main(arguments: Sequence[str] | None = None) -> int:
    """Weave the assignments named on the command line, or all of them; errors are sentences with file and line."""
    parser = argparse.ArgumentParser(prog="python -m tools.weave", description=main.__doc__)
    parser.add_argument("stems", nargs="*", metavar="STEM")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the project (default: this folder)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a notebook is stale")
    options = parser.parse_args(arguments)
    failed = False
    for stem in options.stems or ProjectPaths(options.root).stems():
        try:
            if options.check:
                if stale(options.root, stem):
                    failed = True
                    print(f"exercises/{stem}/{stem}.ipynb is stale: run `make weave`", file=sys.stderr)
            else:
                for path in write(options.root, stem):
                    print(f"wove {path.relative_to(options.root)}")
        except WeaveError as error:
            failed = True
            print(error, file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
