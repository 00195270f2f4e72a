"""Read a student's notebook, and find the folders of the course around it; what is wrong is said in a sentence."""

import contextlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from convcourse.errors import UsageError

CHECK_CELL = re.compile(r"""check\(\s*["'](?P<name>\w+)["']\s*,\s*points\s*=\s*(?P<points>[0-9.]+)\s*\)""")
HELP = "the notebook, work/pooling/pooling.ipynb for example"


# --- folders -----------------------------------------------------------------------------------------------------


def find_root(here=None):
    """Return the folder that holds ``exercises``: this one or the nearest above it."""
    here = Path(here or Path.cwd()).resolve()
    for folder in [here, *here.parents]:
        if (folder / "exercises").is_dir():
            return folder
    raise UsageError(
        f"there is no folder `exercises` in {here} or above it: go to the folder of the course (or of the unpacked kit)"
    )


def assignments(root):
    """List the assignments below a root."""
    return sorted(path.stem for path in root.glob("exercises/*/*.ipynb") if path.stem == path.parent.name)


@contextlib.contextmanager
def writing(path):
    """Say in a sentence why a file or folder could not be written."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"cannot write {short(path)}: {error.strerror or error}") from None


def short(path):
    try:
        return path.resolve().relative_to(Path.cwd().resolve())
    except ValueError:
        return path


# --- notebooks ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CheckCell:
    """A check cell of a notebook: which cell, the task it checks, its points."""

    index: int
    name: str
    points: float


def read_notebook(path):
    """Read a notebook file; everything that can be wrong with it is said in a sentence."""
    import nbformat

    path = Path(path)
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name the notebook in it, {path / path.resolve().name}.ipynb for example")
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise UsageError(f"{path} is not a notebook: it does not hold JSON. Was it saved by JupyterLab?") from None
    if not isinstance(data, dict) or not isinstance(data.get("cells"), list):
        raise UsageError(f"{path} is not a notebook: it has no list of cells")
    try:
        notebook = nbformat.reads(text, as_version=4)
        nbformat.validate(notebook)
    except Exception as error:  # nbformat raises what its JSON schema library raises
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"{path} is not a valid notebook: {reason}") from None
    return notebook


def assignment_of(notebook, path):
    """Return the stem that a notebook belongs to: its metadata say it, or its first cell."""
    course = notebook.metadata.get("course", {})
    stem = course.get("assignment") if isinstance(course, dict) else None
    if not isinstance(stem, str):
        text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
        match = re.search(r"""checker\(\s*["'](\w+)["']""", text)
        stem = match.group(1) if match else None
    if stem is None:
        raise UsageError(f"{path} is not an assignment of this course: it has no cell `check = checker(...)`")
    return stem


def check_cells(notebook):
    """List the check cells of a notebook."""
    found = []
    for index, cell in enumerate(notebook.cells):
        match = CHECK_CELL.fullmatch(cell.source.strip()) if cell.cell_type == "code" else None
        if match:
            found.append(CheckCell(index, match.group("name"), float(match.group("points"))))
    return found
