"""A course in a folder of its own, with one assignment and whoever hands it in: for tests, measurements, trials."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from convgrader.nbgrader_plugin.gradebook import url_of

CONFIG = """\
c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.course_id = "test"
c.CourseDirectory.db_url = {url!r}
c.CourseFile.path = {rules!r}
"""
PLUGIN = """\
from convgrader.nbgrader_plugin.autograding import use_convgrader
use_convgrader(c, unconfined={unconfined})
"""


def environment(**more: str) -> dict[str, str]:
    """Return the environment for a command: nbgrader calls alembic by name, which lies beside this Python."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", **more}


def nbgrader(root: Path, *arguments: str, timeout: float | None = None) -> tuple[int, str]:
    """Run one nbgrader command in the folder of a course; return its status and what it printed."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(
        command, cwd=root, check=False, capture_output=True, text=True, env=environment(), timeout=timeout
    )
    return done.returncode, done.stdout + done.stderr


class SmallCourse:
    """A course in `root`: nbgrader's folders and a gradebook.

    Parameters
    ----------
    root : path
    plugin : bool
        With convgrader plugged in, or as stock nbgrader has it.
    unconfined : bool
        Students' code runs with our own rights, for machines that cannot confine it.
    """

    def __init__(self, root: Path, plugin: bool = True, unconfined: bool = False) -> None:
        self.root, self.unconfined = Path(root), unconfined
        self.url = url_of(self.root / "gradebook.db")
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / "submitted").mkdir(exist_ok=True)
        self.configure(plugin)

    def configure(self, plugin: bool) -> None:
        """Write the configuration, with convgrader plugged in or without."""
        text = CONFIG.format(root=str(self.root), url=self.url, rules=str(self.root / "course.toml"))
        text += PLUGIN.format(unconfined=self.unconfined) if plugin else ""
        (self.root / "nbgrader_config.py").write_text(text)

    def generate(self, source: Path) -> NotebookNode:
        """Have nbgrader make the assignment from a source notebook; return the student's notebook."""
        name = Path(source).stem
        (self.root / "source" / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(source, self.root / "source" / name)
        status, output = self.nbgrader("generate_assignment", name, "--force")
        if status:
            raise RuntimeError(f"{name} could not be generated:\n{output}")
        return self.released(name)

    def released(self, name: str) -> NotebookNode:
        """Return an assignment's notebook as students get it."""
        return nbformat.read(self.root / "release" / name / f"{name}.ipynb", as_version=4)

    def nbgrader(self, *arguments: str) -> tuple[int, str]:
        """Run an nbgrader command; return its status and what it printed."""
        return nbgrader(self.root, *arguments, timeout=280)

    def submit(self, student: str, notebook: NotebookNode | str, name: str = "pooling") -> Path:
        """Hand in a notebook: a NotebookNode, or the text of the file. Return the folder it lies in."""
        folder = self.root / "submitted" / student / name
        folder.mkdir(parents=True, exist_ok=True)
        text = notebook if isinstance(notebook, str) else json.dumps(notebook)
        (folder / f"{name}.ipynb").write_text(text, errors="surrogatepass")
        return folder

    def graded(self, student: str, name: str = "pooling") -> NotebookNode:
        """Return a student's graded notebook."""
        return nbformat.read(self.root / "autograded" / student / name / f"{name}.ipynb", as_version=4)
