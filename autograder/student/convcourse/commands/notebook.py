"""Read a student's notebook, and find the folders of the course around it; what is wrong is said in a sentence."""

import contextlib
import json
import os
import re
import shlex
import warnings
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from convcourse import grade_ids
from convcourse.errors import UsageError
from convcourse.limits import MAX_CELLS, MAX_FILE

if TYPE_CHECKING:
    from nbformat import NotebookNode

    SubmittedNotebook: TypeAlias = NotebookNode  # a student's: any cell may lack, or hold, anything
    ReleasedNotebook: TypeAlias = NotebookNode  # as it was handed out

CHECK_CELL = re.compile(r"""check\(\s*["'](?P<name>\w+)["']\s*,\s*points\s*=\s*(?P<points>[0-9.]+)\s*\)""")
DEFINED = re.compile(r"^(?:async )?def\s+(\w+)", re.MULTILINE)
IS_WINDOWS = os.name == "nt"
HELP = "the notebook, work/pooling/pooling.ipynb for example"


# --- folders -----------------------------------------------------------------------------------------------------


def find_root(here: str | Path | None = None) -> Path:
    """Return the folder that holds ``exercises``: this one or the nearest above it."""
    here = Path(here or Path.cwd()).resolve()
    for folder in [here, *here.parents]:
        if (folder / "exercises").is_dir():
            return folder
    raise UsageError(
        f"there is no folder `exercises` in {here} or above it: go to the folder of the course (or of the unpacked kit)"
    )


def assignments(root: Path) -> list[str]:
    """List the assignments below a root."""
    return sorted(path.stem for path in root.glob("exercises/*/*.ipynb") if path.stem == path.parent.name)


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Say in a sentence why a file or folder could not be written."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"cannot write {short(path)}: {error.strerror or error}") from None


def short(path: str | Path) -> Path:
    """Return a path as it is named from here, if it lies below."""
    path = Path(path)
    try:
        return path.resolve().relative_to(Path.cwd().resolve())
    except ValueError:
        return path


def quoted(path: str | Path) -> str:
    """Write a path as a shell takes it, blanks and all."""
    text = str(short(path))
    return (f'"{text}"' if " " in text else text) if IS_WINDOWS else shlex.quote(text)


# --- notebooks ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CheckCell:
    """A check cell of a notebook: which cell, the task it checks, its points."""

    index: int
    name: str
    points: float


def read_notebook(path: str | Path) -> "SubmittedNotebook":
    """Read a notebook file, and mend what grading does not mind either; what cannot be graded is said in a sentence."""
    path = Path(path)
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name the notebook in it, {path / path.resolve().name}.ipynb for example")
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    if path.stat().st_size > MAX_FILE:
        raise UsageError(f"{path} is larger than {MAX_FILE >> 20} MB: clear its outputs, and save it")
    try:
        text = path.read_bytes().decode("utf-8-sig", "replace")
        data = json.loads(text)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{path} is not a notebook: it does not hold JSON. Was it saved by JupyterLab?") from None
    cells = _cells(data)
    if cells is None:
        raise UsageError(f"{path} is not a notebook: it has no list of cells")
    if len(cells) > MAX_CELLS:
        raise UsageError(f"{path} has more than {MAX_CELLS} cells")
    return _valid(text) or _mended(data, cells)


def _cells(data: Any) -> list[dict[str, Any]] | None:
    """Return the cells of a notebook given as JSON, also of one of format 3; None if it has none."""
    if not isinstance(data, dict):
        return None
    cells = data.get("cells")
    if cells is None and isinstance(data.get("worksheets"), list):
        cells = [c for sheet in data["worksheets"] if isinstance(sheet, dict) for c in sheet.get("cells") or ()]
    return [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else None


def _valid(text: str) -> "SubmittedNotebook | None":
    """Return a notebook if its file is all that it should be, else None."""
    import nbformat

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            notebook: SubmittedNotebook = nbformat.reads(text, as_version=4)
            nbformat.validate(notebook)
        except Exception:  # nbformat raises what its JSON schema library raises
            return None
    return notebook


def _mended(data: dict[str, Any], cells: list[dict[str, Any]]) -> "SubmittedNotebook":
    """Make a notebook of the texts, kinds and metadata of its cells, without their outputs."""
    from nbformat import v4

    notebook: SubmittedNotebook = v4.new_notebook(
        metadata=data["metadata"] if isinstance(data.get("metadata"), dict) else {}
    )
    new: dict[str, Any] = {"code": v4.new_code_cell, "raw": v4.new_raw_cell}
    for cell in cells:
        source = cell.get("source", cell.get("input", ""))
        lines = source if isinstance(source, list) else [source]
        text = "".join(line for line in lines if isinstance(line, str))
        metadata = cell["metadata"] if isinstance(cell.get("metadata"), dict) else {}
        kind = cell.get("cell_type")
        new_cell = new.get(kind if isinstance(kind, str) else "", v4.new_markdown_cell)
        notebook.cells.append(new_cell(text, metadata=metadata))
    return notebook


def assignment_of(notebook: "SubmittedNotebook", path: str | Path, names: Collection[str] = ()) -> str:
    """Return the stem that a notebook belongs to: its metadata, its first cell, or its name among `names` says it."""
    course = notebook.metadata.get("course", {})
    stem = course.get("assignment") if isinstance(course, dict) else None
    if not isinstance(stem, str):
        text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
        match = re.search(r"""checker\(\s*["'](\w+)["']""", text)
        stem = match.group(1) if match else None
    if stem is None and Path(path).stem in names:
        stem = Path(path).stem
    if stem is None:
        raise UsageError(f"{path} is not an assignment of this course: it has no cell `check = checker(...)`")
    return stem


def name_of(cell: "NotebookNode") -> str | None:
    """Return the grade_id that a cell's metadata give it, or None."""
    metadata = cell.metadata.get("nbgrader")
    name = metadata.get("grade_id") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else None


def names_of(notebook: "SubmittedNotebook", released: "ReleasedNotebook") -> list[str | None]:
    """Return the name of each cell of a student's notebook, None for the student's own.

    Of several cells of one name the last one has it, as in grading. A cell whose metadata are gone, as after some
    editors, is known by its text: by that of a released cell, by its line ``check(...)``, or by a function it defines.
    """
    cells = {name: cell for cell in released.cells if (name := name_of(cell))}
    names = _last_of_each(name if name in cells else None for name in map(name_of, notebook.cells))
    texts = {(cell.cell_type, cell.source.strip()): name for name, cell in cells.items()}
    functions = {name for name, cell in cells.items() if cell.metadata.nbgrader.get("solution")}
    guesses: list[str | None] = [None] * len(names)
    for number, cell in enumerate(notebook.cells):
        if names[number] is None:
            match = CHECK_CELL.fullmatch(cell.source.strip())
            guess = f"{grade_ids.CHECK}{match['name']}" if match else texts.get((cell.cell_type, cell.source.strip()))
            if guess is None and cell.cell_type == "code":
                guess = next((name for name in reversed(DEFINED.findall(cell.source)) if name in functions), None)
            guesses[number] = guess if guess in cells and guess not in names else None
    return [name or guess for name, guess in zip(names, _last_of_each(guesses), strict=True)]


def _last_of_each(candidates: Iterable[str | None]) -> list[str | None]:
    names = list(candidates)
    last = {name: number for number, name in enumerate(names)}
    return [name if last[name] == number else None for number, name in enumerate(names)]


def check_cells(notebook: "SubmittedNotebook") -> list[CheckCell]:
    """List the check cells of a notebook."""
    cells = []
    for index, cell in enumerate(notebook.cells):
        match = CHECK_CELL.fullmatch(cell.source.strip()) if cell.cell_type == "code" else None
        if match:
            cells.append(CheckCell(index, match.group("name"), float(match.group("points"))))
    return cells
