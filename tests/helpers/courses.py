"""Small courses in a temporary folder, for the tests of grading: nbgrader's folders, a gradebook, submissions."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import nbformat

from autograder.grading import confine

ROOT = Path(__file__).parents[2]
CONFIG = """\
c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.course_id = "test"
c.CourseDirectory.db_url = {url!r}
"""
CONFINES = not confine.why_not()
PLUGIN = f"""\
from autograder.grading.preprocessor import use_examiner
use_examiner(c, unconfined={not CONFINES})
"""
GRADE = [sys.executable, "-m", "autograder", "grade", "pooling", *([] if CONFINES else ["--unconfined"])]


def right_answers(topic="pooling"):
    """Return ({function: a cell that defines it rightly}, a helper cell), from tests/answers."""
    text = (ROOT / "tests" / "answers" / f"{topic}.py").read_text()
    styles = re.findall(r"^def (\w+?)__(\w+)\(", text, re.MULTILINE)
    return {name: f"{name} = {name}__{style}" for name, style in reversed(styles)}, text


class Course:
    """A course in `root` with one generated assignment."""

    def __init__(self, root, plugin=True):
        self.root = Path(root)
        self.url = f"sqlite:///{self.root / 'gradebook.db'}"
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / "submitted").mkdir(exist_ok=True)
        self.configure(plugin)

    def configure(self, plugin):
        """Write the configuration, with our plug-in or as stock nbgrader has it."""
        text = CONFIG.format(root=str(self.root), url=self.url) + (PLUGIN if plugin else "")
        (self.root / "nbgrader_config.py").write_text(text)

    def generate(self, source):
        """Have nbgrader make the assignment from a source notebook; return the student's notebook."""
        name = Path(source).stem
        (self.root / "source" / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(source, self.root / "source" / name)
        self.nbgrader("generate_assignment", name, "--force")
        return self.released(name)

    def released(self, name):
        """Return the student's notebook."""
        return nbformat.read(self.root / "release" / name / f"{name}.ipynb", as_version=4)

    def nbgrader(self, *arguments):
        """Run an nbgrader command in this process's environment; return its output."""
        env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "nbgrader", *arguments]
        found = subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True, timeout=280)
        return found.returncode, found.stdout + found.stderr

    def submit(self, student, notebook, name="pooling"):
        """Hand in a notebook: a NotebookNode, or the text of the file."""
        folder = self.root / "submitted" / student / name
        folder.mkdir(parents=True, exist_ok=True)
        text = notebook if isinstance(notebook, str) else json.dumps(notebook)
        (folder / f"{name}.ipynb").write_text(text, errors="surrogatepass")
        return folder

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

        from autograder.grading import batch

        os.chdir(self.root)
        quiet = Console(stderr=True, quiet=True)
        options.setdefault("confined", CONFINES)
        return batch.grade(batch.Course.here(), name, console=quiet, **options)

    def graded(self, student, name="pooling"):
        """Return a student's graded notebook."""
        return nbformat.read(self.root / "autograded" / student / name / f"{name}.ipynb", as_version=4)


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
