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
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from autograder.authoring import reference
from autograder.grading.task import TRAIN

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
DIRECTIVE = re.compile(r"#:\s*(?P<word>\w+)\s*(?P<rest>.*)$")
KNOWN = ("solve", "check", "given", "answer", "written", "train")
WHEEL = "autograder-0.1.0-py3-none-any.whl"
SETUP = """\
from importlib.util import find_spec

if find_spec("autograder") is None:  # on Colab: upload the .whl file of the course first, then run this cell
    get_ipython().run_line_magic("pip", "install --quiet hypothesis")
    get_ipython().run_line_magic("pip", "install --quiet --no-deps {wheel}")

import numpy as np

from autograder import checker

check = checker("{stem}")
"""


class WeaveError(Exception):
    """What is wrong with an assignment, with its file and line."""


@dataclass(frozen=True)
class Task:
    """One graded cell: the function or question, its points, and the heading that it stands under."""

    name: str
    points: float
    title: str
    by_hand: bool = False


@dataclass
class Assignment:
    """A woven source notebook and what it asks for."""

    stem: str
    notebook: nbformat.NotebookNode
    tasks: list = field(default_factory=list)

    @property
    def points(self):
        return sum(task.points for task in self.tasks)


# --- from text to the source notebook ----------------------------------------------------------------------------


def weave(path, package):
    """Read the assignment `path` and return its source notebook, solutions included, as an `Assignment`."""
    from jupytext.myst import myst_to_notebook

    path = Path(path)
    read = myst_to_notebook(path.read_text(encoding="utf-8"), code_directive="{code-cell}", add_source_map=True)
    weaver = _Weaver(path, Path(package))
    weaver.add("setup", nbformat.v4.new_code_cell(SETUP.format(stem=path.stem, wheel=WHEEL).rstrip()), locked=True)
    for cell, line in zip(read.cells, read.metadata["source_map"], strict=True):
        weaver.line = line + 1
        if cell.cell_type == "code":
            weaver.code(cell.source)
        else:
            weaver.prose(cell.source)
    return weaver.finished()


class _Weaver:
    """The cells of one notebook as they are made, and the line of the source that is being read."""

    def __init__(self, path, package):
        self.path, self.package, self.line = path, package, 1
        self.stem = path.stem
        self.cells, self.tasks = [], []
        self.known, self.ids, self.asked, self.given_names = [], {}, {}, []
        self.title = ""

    def fail(self, message):
        raise WeaveError(f"{self.path}:{self.line}: {message}")

    def add(self, grade_id, cell, *, grade=False, solution=False, locked=False, points=None):
        """Append a cell that nbgrader knows under `grade_id`."""
        if grade_id in self.ids:
            self.fail(f"{grade_id} stands here already, in line {self.ids[grade_id]}: every cell needs its own name")
        if not re.fullmatch(r"[a-zA-Z0-9_\-]+", grade_id):
            self.fail(f"{grade_id!r} cannot name a cell: use letters, digits, - and _")
        self.ids[grade_id] = self.line
        about = {"schema_version": 3, "grade_id": grade_id, "grade": grade, "solution": solution, "locked": locked}
        about["task"] = False
        if points is not None:
            about["points"] = points
        cell.metadata["nbgrader"] = about
        self.cells.append(cell)

    def prose(self, text):
        if BEGIN in text:
            self.fail("a solution stands in prose, where nbgrader would not take it out")
        for heading in re.findall(r"^#+\s+(.*)$", text, re.MULTILINE):
            self.title = heading.strip()
        self.cells.append(nbformat.v4.new_markdown_cell(text))

    def code(self, source):
        lines = source.split("\n")
        directives = [(n, DIRECTIVE.match(line)) for n, line in enumerate(lines) if line.startswith("#:")]
        if not directives:
            if BEGIN in source:
                self.fail("a solution in a cell without a directive: begin the cell with `#: answer NAME`")
            self.known += [n.asname or n.name for node in _imports(source) for n in node.names]
            self.cells.append(nbformat.v4.new_code_cell(source))
            return
        words = [match.group("word") if match else "" for _, match in directives]
        for word in words:
            if word not in KNOWN:
                self.fail(f"unknown directive `#: {word}`; there are {', '.join(KNOWN)}")
        if len(words) > 1 and set(words) != {"given"}:
            self.fail("one directive per cell (only `given` may stand in several lines)")
        if directives[0][0] != 0:
            self.fail("a directive stands in the first line of its cell")
        rest = "\n".join(line for line in lines if not line.startswith("#:")).strip("\n")
        getattr(self, words[0])([match.group("rest").split() for _, match in directives], rest)

    def solve(self, arguments, rest):
        (name,) = self.take(arguments[0], "solve NAME", 1)
        self.nothing_else(rest)
        found = self.function(name)
        text = f"{found.head}\n    {BEGIN}\n{_indent(found.body)}\n    {END}"
        self.ask(name, text)

    def answer(self, arguments, rest):
        (name,) = self.take(arguments[0], "answer NAME", 1)
        if rest.count(BEGIN) != 1 or rest.count(END) != 1:
            self.fail(f"the answer to {name} stands between `{BEGIN}` and `{END}`, once")
        try:
            tree = ast.parse(rest)
        except SyntaxError as error:
            self.fail(f"the answer to {name} is not Python: {error.msg}, {error.lineno} lines below the directive")
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        if name not in functions:
            self.fail(f"the cell does not define {name}")
        if not ast.get_docstring(functions[name]):
            self.fail(f"{name} has no docstring: it is what tells a student what is asked for")
        if rest.index(BEGIN) < rest.index(ast.get_source_segment(rest, functions[name].body[0])):
            self.fail(f"the docstring of {name} stands inside the solution: students would not get it")
        self.ask(name, rest)

    def ask(self, name, text):
        self.asked[name] = self.line
        self.add(name, nbformat.v4.new_code_cell(text), solution=True)
        self.known.append(name)

    def check(self, arguments, rest):
        name, points = self.take(arguments[0], "check NAME POINTS", 2)
        self.nothing_else(rest)
        if name not in self.asked:
            self.fail(f"a check of {name}, which no cell above asks for")
        points = self.number(points)
        cell = nbformat.v4.new_code_cell(f'check("{name}", points={points})')
        self.add(f"check-{name}", cell, grade=True, locked=True, points=points)
        self.tasks.append(Task(name, points, self.title))

    def given(self, arguments, rest):
        from autograder import given as offered

        self.nothing_else(rest)
        names = []
        for words in arguments:
            if len(words) not in (1, 3) or (len(words) == 3 and words[1] != "from"):
                self.fail("write `#: given NAME` or `#: given NAME from STEM`")
            if words[0] not in offered.NAMES:
                self.fail(f"autograder.given has no {words[0]}; it has {', '.join(offered.NAMES)}")
            names.append(words[0])
        cell = nbformat.v4.new_code_cell(f"from autograder.given import {', '.join(names)}")
        self.add("given-" + "-".join(names), cell, locked=True)
        self.known += names
        self.given_names += names

    def written(self, arguments, rest):
        name, points = self.take(arguments[0], "written NAME POINTS", 2)
        if not rest.strip():
            self.fail(f"the question {name} needs a model answer below its directive: graders and instructors read it")
        points = self.number(points)
        self.add(name, nbformat.v4.new_markdown_cell(rest), grade=True, solution=True, points=points)
        self.tasks.append(Task(name, points, self.title, by_hand=True))

    def train(self, arguments, rest):
        (task,) = self.take(arguments[0], "train TASK", 1)
        self.nothing_else(rest)
        if f"{task}_network" not in self.asked:
            self.fail(f"nothing above asks for {task}_network, the layers that are to be trained")
        line = f'train("{task}", {task}_network(), **{task}_settings);'
        cell = nbformat.v4.new_code_cell(f"from autograder.training import train\n\n{line}")
        self.add(f"{TRAIN}{task}", cell, locked=True)

    def take(self, words, form, count):
        if len(words) != count:
            self.fail(f"write `#: {form}`")
        return words

    def number(self, text):
        try:
            value = float(text)
        except ValueError:
            value = -1
        if not 0 < value < 1000:
            self.fail(f"{text!r} is not a number of points")
        return int(value) if value == int(value) else value

    def nothing_else(self, rest):
        if rest.strip():
            self.fail("nothing else stands in the cell of this directive")

    def function(self, name):
        try:
            return reference.function(self.package, self.stem, name, self.known)
        except reference.UnknownReference as error:
            self.fail(str(error))

    def finished(self):
        unchecked = set(self.asked) - {task.name for task in self.tasks}
        if unchecked:
            name = min(unchecked, key=self.asked.get)
            self.line = self.asked[name]
            self.fail(f"nothing checks {name}: add `#: check {name} POINTS` below it")
        for position, cell in enumerate(self.cells):
            cell["id"] = f"{self.stem}-{position:02d}"[-64:].lstrip("-_")
        notebook = nbformat.v4.new_notebook(
            cells=self.cells,
            metadata={
                "course": {"assignment": self.stem, "given": self.given_names},
                "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                "language_info": {"name": "python"},
            },
        )
        nbformat.validate(notebook)
        return Assignment(self.stem, notebook, self.tasks)


def _imports(source):
    try:
        return [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    except SyntaxError:
        return []  # a cell with a magic


def _indent(body):
    return "\n".join(f"    {line}" if line.strip() else "" for line in body.split("\n"))


# --- from the source notebook to the student's -------------------------------------------------------------------


def release(notebook, stem):
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


def text_of(notebook):
    """Return a notebook as the text of its file, the same for the same notebook."""
    return nbformat.writes(notebook).rstrip("\n") + "\n"


@dataclass(frozen=True)
class Tree:
    """Where the parts of the project lie."""

    root: Path

    @property
    def assignments(self):
        return self.root / "solutions" / "assignments"

    @property
    def package(self):
        return self.root / "solutions" / reference.PACKAGE

    def source(self, stem):
        return self.root / "course" / "source" / stem / f"{stem}.ipynb"

    def released(self, stem):
        return self.root / "exercises" / stem / f"{stem}.ipynb"

    def stems(self):
        return sorted(path.stem for path in self.assignments.glob("*.md"))

    def assignment(self, stem):
        path = self.assignments / f"{stem}.md"
        if not path.is_file():
            raise WeaveError(f"there is no assignment {stem!r}; there are {', '.join(self.stems()) or 'none yet'}")
        return path


def tasks(root, stem):
    """List the tasks of an assignment with their points, in order: the table on the site is made from it."""
    tree = Tree(Path(root))
    return weave(tree.assignment(stem), tree.package).tasks


def write(root, stem):
    """Weave one assignment into the two notebooks; return the files that changed."""
    tree = Tree(Path(root))
    woven = weave(tree.assignment(stem), tree.package)
    texts = {tree.source(stem): text_of(woven.notebook), tree.released(stem): release(woven.notebook, stem)}
    changed = [path for path, text in texts.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path], encoding="utf-8", newline="\n")
    return changed


def stale(root, stem):
    """Say whether the student's notebook differs from what its sources give now."""
    tree = Tree(Path(root))
    path = tree.released(stem)
    woven = weave(tree.assignment(stem), tree.package)
    return not path.is_file() or path.read_text(encoding="utf-8") != release(woven.notebook, stem)


def main(arguments=None):
    """Weave the assignments named on the command line, or all of them; errors are sentences with file and line."""
    parser = argparse.ArgumentParser(prog="python -m autograder.authoring.weaver", description=main.__doc__)
    parser.add_argument("stems", nargs="*", metavar="STEM")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the project (default: this folder)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a notebook is stale")
    options = parser.parse_args(arguments)
    failed = False
    for stem in options.stems or Tree(options.root).stems():
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
