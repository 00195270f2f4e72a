"""Read what was handed in, however malformed, and make a notebook of it whose frame is the instructor's.

Of a submission only text is taken over: the student's cells in their order, with their attached pictures. Ids, locked
cells, points, tags and all other metadata are the instructor's, from the database.
"""

import json
import re

from convcourse.limits import MAX_CELLS, MAX_FILE
from convgrader.errors import MalformedNotebookError
from convgrader.notebooks.sanitize import harmless

MAX_SOURCES = 1 << 20  # characters of all cells
MAX_ATTACHMENTS = 8 << 20  # characters of all attachments
TOO_LONG = "# This cell is left out: the notebook was longer than one may be."


class Node(dict):
    """A dict whose items are attributes too, as nbformat's, which would double what starting a worker costs."""

    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


def read(data):
    """Read a notebook file's bytes into a list of (cell_type, source, grade_id, attachments)."""
    if len(data) > MAX_FILE:
        raise MalformedNotebookError(f"The file is larger than {MAX_FILE >> 20} MB.")
    try:
        return parts_of(json.loads(data.decode("utf-8-sig", "replace")))
    except (ValueError, RecursionError) as error:
        raise MalformedNotebookError(f"The file is not a notebook ({str(error)[:200]}).") from None


def parts_of(notebook):
    """Take from a notebook, given as JSON or by nbformat, what counts; see `read`."""
    if not isinstance(notebook, dict):
        raise MalformedNotebookError("The file is not a notebook.")
    cells = notebook.get("cells")
    if cells is None and isinstance(notebook.get("worksheets"), list):  # nbformat 3
        sheets = [sheet for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets for cell in sheet.get("cells") or ()]
    if not isinstance(cells, list):
        raise MalformedNotebookError("The file is not a notebook: it has no cells.")
    if len(cells) > MAX_CELLS:
        raise MalformedNotebookError(f"The notebook has more than {MAX_CELLS} cells.")
    room = {"sources": MAX_SOURCES, "attachments": MAX_ATTACHMENTS}
    return [_part(cell, room) for cell in cells if isinstance(cell, dict)]


def _part(cell, room):
    """Take a cell apart; `room` says how many characters the notebook may still have, and is brought up to date."""
    kind = cell.get("cell_type")
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    source = source if isinstance(source, str) else ""
    if len(source) > room["sources"]:
        source = TOO_LONG
    room["sources"] -= len(source)
    metadata = cell.get("metadata")
    claimed = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = claimed.get("grade_id") if isinstance(claimed, dict) else None
    kind = kind if kind in ("code", "markdown", "raw") else "markdown"
    return kind, _text(source), name if isinstance(name, str) else None, _pictures(cell.get("attachments"), room)


def _text(text):
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def _pictures(attachments, room):
    """Keep attached pictures: files of a plain name and base64."""
    kept = {}
    for name, bundle in attachments.items() if isinstance(attachments, dict) else ():
        for kind in ("image/png", "image/jpeg", "image/gif"):
            data = bundle.get(kind) if isinstance(bundle, dict) else None
            if (
                not isinstance(data, str)
                or len(data) > room["attachments"]
                or not re.fullmatch(r"[\w. -]{1,100}", str(name))
            ):
                continue
            if re.fullmatch(r"[A-Za-z0-9+/=\s]*", data):
                kept[str(name)] = {kind: data}
                room["attachments"] -= len(data)
    return kept


def compose(parts, source, note=None):
    """Make the notebook that is graded.

    Parameters
    ----------
    parts : list
        What `read` found. Of several cells with one id the last one counts, as in nbgrader; the others become the
        student's own.
    source : SourceNotebook
        What is missing of the locked cells and of those that a person grades is put back where it stands here.
    note : str or None
        A sentence for the top: why there is nothing else.
    """
    frame = source.by_name()
    last = {name: number for number, (_, _, name, _) in enumerate(parts) if name in frame}
    cells = [
        _instructors(frame[name], text, pictures) if last.get(name) == number else _students(kind, text, pictures)
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


def _instructors(ours, text, pictures):
    """Make one of the instructor's cells: the text is the student's where students are to write."""
    make = _cell if ours.locked or text == ours.source else _students
    cell = make(ours.cell_type, ours.source if ours.locked else text, pictures)
    cell.metadata = ours.metadata()
    return cell


def _put_back(cells, source):
    """Insert the instructor's cells that are missing, each after the one that precedes it in the source."""
    names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in cells]
    at = 0
    for ours in source.cells:
        if ours.name not in names:
            if not (ours.locked or ours.grade or ours.task):
                continue  # what a student deleted or moved to a cell of their own
            cells.insert(at, _instructors(ours, ours.source, {}))
            names.insert(at, ours.name)
        at = names.index(ours.name) + 1
