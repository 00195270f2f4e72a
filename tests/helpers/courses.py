"""Small courses in a temporary folder, for the tests of grading: nbgrader's folders, a gradebook, submissions."""

import json
import os
import sqlite3
import sys
from pathlib import Path

import nbformat

from convgrader.notebooks.source import SourceCell, SourceNotebook
from convgrader.sandbox import isolation
from tools import answers
from tools.small_course import SmallCourse

ROOT = Path(__file__).parents[2]
CONFINES = not isolation.unsupported_reason()
GRADE = [sys.executable, "-m", "convcourse", "grade", "pooling", *([] if CONFINES else ["--unconfined"])]


def right_answers(topic="pooling"):
    """Return ({function: a cell that defines it rightly}, a helper cell), from solutions/answers."""
    found = answers.styles(ROOT, topic)
    return {task: f"{task} = {names[0]}" for task, names in found.items()}, answers.path_of(ROOT, topic).read_text()


class CourseUnderTest(SmallCourse):
    """A course that can be asked what is in its gradebook, and graded from this process."""

    def __init__(self, root, plugin=True):
        super().__init__(root, plugin, unconfined=not CONFINES)

    def scores(self, student=None):
        """Return {student: {grade_id: auto score}}, or one student's."""
        rows = self.query(
            "SELECT s.student_id, b.name, g.auto_score FROM grade g JOIN submitted_notebook n ON g.notebook_id = n.id "
            "JOIN submitted_assignment s ON n.assignment_id = s.id JOIN base_cell b ON b.id = g.cell_id"
        )
        found = {}
        for who, name, score in rows:
            found.setdefault(who, {})[name] = score
        return found.get(student, {}) if student else found

    def total(self, student):
        """Return the sum of a student's scores."""
        return sum(score or 0 for score in self.scores(student).values())

    def query(self, sql, *values):
        """Ask the database."""
        connection = sqlite3.connect(self.root / "gradebook.db")
        try:
            found = connection.execute(sql, values).fetchall()
            connection.commit()
            return found
        finally:
            connection.close()

    def grade(self, name="pooling", **options):
        """Grade as ``autograder grade`` does, from this process; return the Summary."""
        from rich.console import Console

        from convgrader import batch

        os.chdir(self.root)
        quiet = Console(stderr=True, quiet=True)
        options.setdefault("confined", CONFINES)
        return batch.grade(batch.CourseFolders.here(), name, console=quiet, **options)


def as_source(notebook, name):
    """Return a woven notebook as the instructor's, as nbgrader would enter it into the gradebook."""
    cells = []
    for cell in notebook["cells"]:
        about = cell["metadata"].get("nbgrader")
        if about:
            flags = {key: about.get(key, False) for key in ("locked", "grade", "solution", "task")}
            text = "".join(cell["source"])
            cells.append(
                SourceCell(about["grade_id"], cell["cell_type"], text, None, **flags, points=about.get("points"))
            )
    return SourceNotebook(name, tuple(cells))


def answer(notebook, answers, extra=()):
    """Fill in a released notebook: {grade_id: source}; `extra` cells go before the first answer."""
    notebook = nbformat.from_dict(json.loads(json.dumps(notebook)))
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in answers:
            cell.source = answers[name]
    first = next(i for i, c in enumerate(notebook.cells) if c.metadata.get("nbgrader", {}).get("solution"))
    notebook.cells[first:first] = [nbformat.v4.new_code_cell(source) for source in extra]
    return notebook
