"""Read what was handed in, however malformed, and make a notebook of it whose frame is the instructor's.

Of a submission only text is taken over: the student's cells in their order, with their attached pictures. Ids, locked
cells, points, tags and all other metadata are the instructor's, from the database.
"""

import functools
import json
import re
from dataclasses import dataclass, field

from autograder.grading.files import MAX_FILE
from autograder.grading.harmless import harmless
from autograder.grading.task import TRAIN, Task

MAX_CELLS = 2000
MAX_SOURCE = 1 << 20  # characters of a cell
MAX_ATTACHMENTS = 8 << 20  # characters of all attachments of a cell


class Node(dict):
    """A dict whose items are attributes too, as nbformat's, which would double what starting a worker costs."""

    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


class MalformedError(ValueError):
    """The file is not a notebook; the message says why."""


@dataclass(frozen=True)
class SourceCell:
    """One of the instructor's cells."""

    name: str
    cell_type: str
    source: str
    checksum: str | None
    locked: bool
    grade: bool = False
    solution: bool = False
    task: bool = False
    points: float | None = None

    def metadata(self):
        """Return the metadata that nbgrader expects in the notebook."""
        known = {
            "grade": self.grade, "grade_id": self.name, "locked": self.locked, "solution": self.solution,
            "task": self.task, "schema_version": 3, "cell_type": self.cell_type,
        }  # fmt: skip
        if self.checksum:
            known["checksum"] = self.checksum
        if self.points is not None:
            known["points"] = self.points
        return {"nbgrader": known}


@dataclass(frozen=True)
class Source:
    """An assignment's notebook as the instructor wrote it."""

    name: str
    cells: tuple = ()
    kernelspec: dict = field(default_factory=dict)

    def by_name(self):
        """Return the cells by their grade_id."""
        return {cell.name: cell for cell in self.cells}

    @functools.cached_property
    def task(self):
        """What an examiner must know."""
        code = [cell for cell in self.cells if cell.locked and cell.cell_type == "code"]
        locked = {cell.name: cell.source for cell in code if not cell.name.startswith(TRAIN)}
        graded = {cell.name: cell.points for cell in self.cells if cell.grade and cell.name in locked}
        return Task(locked, graded, tuple(cell.name for cell in self.cells if cell.solution))


def read(data):
    """Read a notebook file's bytes into a list of (cell_type, source, grade_id, attachments)."""
    if len(data) > MAX_FILE:
        raise MalformedError(f"The file is larger than {MAX_FILE >> 20} MB.")
    try:
        return parts_of(json.loads(data.decode("utf-8-sig", "replace")))
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"The file is not a notebook ({str(error)[:200]}).") from None


def parts_of(notebook):
    """Take from a notebook, given as JSON or by nbformat, what counts; see `read`."""
    if not isinstance(notebook, dict):
        raise MalformedError("The file is not a notebook.")
    cells = notebook.get("cells")
    if cells is None and isinstance(notebook.get("worksheets"), list):  # nbformat 3
        sheets = [sheet for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets for cell in sheet.get("cells") or ()]
    if not isinstance(cells, list):
        raise MalformedError("The file is not a notebook: it has no cells.")
    if len(cells) > MAX_CELLS:
        raise MalformedError(f"The notebook has more than {MAX_CELLS} cells.")
    return [_part(cell) for cell in cells if isinstance(cell, dict)]


def _part(cell):
    kind = cell.get("cell_type")
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    source = source if isinstance(source, str) else ""
    if len(source) > MAX_SOURCE:
        source = "# This cell was longer than a cell may be."
    metadata = cell.get("metadata")
    known = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = known.get("grade_id") if isinstance(known, dict) else None
    kind = kind if kind in ("code", "markdown", "raw") else "markdown"
    return kind, _text(source), name if isinstance(name, str) else None, _pictures(cell.get("attachments"))


def _text(text):
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def _pictures(attachments):
    """Keep attached pictures: files of a plain name and base64."""
    kept, left = {}, MAX_ATTACHMENTS
    for name, bundle in attachments.items() if isinstance(attachments, dict) else ():
        for kind in ("image/png", "image/jpeg", "image/gif"):
            data = bundle.get(kind) if isinstance(bundle, dict) else None
            if not isinstance(data, str) or len(data) > left or not re.fullmatch(r"[\w. -]{1,100}", str(name)):
                continue
            if re.fullmatch(r"[A-Za-z0-9+/=\s]*", data):
                kept[str(name)] = {kind: data}
                left -= len(data)
    return kept


def compose(parts, source, note=None):
    """Make the notebook that is graded.

    Parameters
    ----------
    parts : list
        What `read` found. Of several cells with one id the last one counts, as in nbgrader; the others become the
        student's own.
    source : Source
        What is missing of the locked cells and of those that a person grades is put back where it stands here.
    note : str or None
        A sentence for the top: why there is nothing else.
    """
    known = source.by_name()
    last = {name: number for number, (_, _, name, _) in enumerate(parts) if name in known}
    cells = [
        _instructors(known[name], text, pictures) if last.get(name) == number else _students(kind, text, pictures)
        for number, (kind, text, name, pictures) in enumerate(parts)
    ]
    _put_back(cells, source)
    if note:
        cells.insert(0, _students("markdown", f"**{note}**", {}))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    metadata = {"kernelspec": source.kernelspec} if source.kernelspec else {}
    return Node(cells=cells, metadata=metadata, nbformat=4, nbformat_minor=5)


def _students(kind, text, pictures):
    """Make a cell of a student's: text is made harmless, since formgrader renders it."""
    text = text if kind == "code" else harmless(text, pictures)
    return _cell(kind, text, pictures)


def _cell(kind, text, pictures):
    cell = Node(cell_type=kind, id="", metadata={}, source=text)
    if kind == "code":
        cell.outputs, cell.execution_count = [], None
    if kind == "markdown" and pictures:
        cell.attachments = pictures
    return cell


def _instructors(known, text, pictures):
    """Make one of the instructor's cells: the text is the student's where students are to write."""
    make = _cell if known.locked or text == known.source else _students
    cell = make(known.cell_type, known.source if known.locked else text, pictures)
    cell.metadata = known.metadata()
    return cell


def _put_back(cells, source):
    """Insert the instructor's cells that are missing, each after the one that precedes it in the source."""
    names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in cells]
    at = 0
    for known in source.cells:
        if known.name not in names:
            if not (known.locked or known.grade or known.task):
                continue  # what a student deleted or moved to a cell of their own
            cells.insert(at, _instructors(known, known.source, {}))
            names.insert(at, known.name)
        at = names.index(known.name) + 1
