"""Read what was handed in, however malformed, and make a notebook of it whose frame is the instructor's.

Of a submission only text is taken over: the student's cells in their order, with their attached pictures. Ids, locked
cells, points, tags and all other metadata are the instructor's, from the database.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from convcourse.calls.values import SubmittedValue
from convcourse.limits import MAX_CELLS, MAX_FILE
from convgrader.errors import MalformedNotebookError
from convgrader.notebooks.sanitize import sanitize_markdown
from convgrader.notebooks.source import SourceCell, SourceNotebook

MAX_SOURCES = 1 << 20  # characters of all cells
MAX_ATTACHMENTS = 8 << 20  # characters of all attachments
TOO_LONG = "# This cell is left out: the notebook was longer than one may be."


Attachments: TypeAlias = dict[str, dict[str, str]]  # name of a picture -> {its kind: its bytes in base64}


class SubmittedCell(NamedTuple):
    """What is taken over of a student's cell. All of it is the student's: the id is a claim, and no text is trusted."""

    kind: str
    text: str
    grade_id: str | None
    attachments: Attachments


class Node(dict[str, Any]):
    """A dict whose items are attributes too, as nbformat's, which would double what starting a worker costs."""

    def __getattr__(self, name: str) -> Any:
        return self[name]

    def __setattr__(self, name: str, value: object) -> None:
        self[name] = value


def read(data: bytes) -> list[SubmittedCell]:
    """Read a notebook file's bytes into a list of SubmittedCells."""
    if len(data) > MAX_FILE:
        raise MalformedNotebookError(f"The file is larger than {MAX_FILE >> 20} MB.")
    try:
        return submitted_cells(json.loads(data.decode("utf-8-sig", "replace")))
    except (ValueError, RecursionError) as error:
        raise MalformedNotebookError(f"The file is not a notebook ({str(error)[:200]}).") from None


def submitted_cells(notebook: SubmittedValue) -> list[SubmittedCell]:
    """Take from a notebook, given as JSON or by nbformat, what counts; see `read`."""
    if not isinstance(notebook, dict):
        raise MalformedNotebookError("The file is not a notebook.")
    cells, worksheets = notebook.get("cells"), notebook.get("worksheets")
    if cells is None and isinstance(worksheets, list):  # nbformat 3
        sheets = [sheet for sheet in worksheets if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets for cell in sheet.get("cells") or ()]
    if not isinstance(cells, list):
        raise MalformedNotebookError("The file is not a notebook: it has no cells.")
    if len(cells) > MAX_CELLS:
        raise MalformedNotebookError(f"The notebook has more than {MAX_CELLS} cells.")
    remaining = {"sources": MAX_SOURCES, "attachments": MAX_ATTACHMENTS}
    return [_submitted_cell(cell, remaining) for cell in cells if isinstance(cell, dict)]


def _submitted_cell(cell: dict[str, SubmittedValue], remaining: dict[str, int]) -> SubmittedCell:
    """Take a cell apart; `remaining` says how many characters the notebook may still have, and is kept up to date."""
    kind = cell.get("cell_type")
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    source = source if isinstance(source, str) else ""
    if len(source) > remaining["sources"]:
        source = TOO_LONG
    remaining["sources"] -= len(source)
    metadata = cell.get("metadata")
    claimed_metadata = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = claimed_metadata.get("grade_id") if isinstance(claimed_metadata, dict) else None
    kind = kind if kind in ("code", "markdown", "raw") else "markdown"
    grade_id = name if isinstance(name, str) else None
    return SubmittedCell(kind, _clean_text(source), grade_id, _valid_pictures(cell.get("attachments"), remaining))


def _clean_text(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def _valid_pictures(attachments: SubmittedValue, remaining: dict[str, int]) -> Attachments:
    """Keep attached pictures: files of a plain name and base64."""
    pictures: Attachments = {}
    for name, bundle in attachments.items() if isinstance(attachments, dict) else ():
        for kind in ("image/png", "image/jpeg", "image/gif"):
            data = bundle.get(kind) if isinstance(bundle, dict) else None
            if (
                not isinstance(data, str)
                or len(data) > remaining["attachments"]
                or not re.fullmatch(r"[\w. -]{1,100}", str(name))
            ):
                continue
            if re.fullmatch(r"[A-Za-z0-9+/=\s]*", data):
                pictures[str(name)] = {kind: data}
                remaining["attachments"] -= len(data)
    return pictures


def compose(submitted: Sequence[SubmittedCell], source: SourceNotebook, note: str | None = None) -> Node:
    """Make the notebook that is graded.

    Parameters
    ----------
    submitted : list of SubmittedCell
        What `read` found. Of several cells with one id the last one counts, as in nbgrader; the others become the
        student's own.
    source : SourceNotebook
        What is missing of the locked cells and of those that a person grades is put back where it stands here.
    note : str or None
        A sentence for the top: why there is nothing else.
    """
    frame = source.by_name()
    last = {cell.grade_id: number for number, cell in enumerate(submitted)}
    cells = []
    for number, (kind, text, name, pictures) in enumerate(submitted):
        if name in frame and last[name] == number:
            cells.append(_source_cell(frame[name], text, pictures))
        else:
            cells.append(_student_cell(kind, text, pictures))
    _restore_missing(cells, source)
    if note:
        cells.insert(0, _student_cell("markdown", f"**{note}**", {}))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    metadata = {"kernelspec": source.kernelspec} if source.kernelspec else {}
    return Node(cells=cells, metadata=metadata, nbformat=4, nbformat_minor=5)


def _student_cell(kind: str, text: str, pictures: Attachments) -> Node:
    """Make a cell of a student's: text is made harmless, since formgrader renders it."""
    text = text if kind == "code" else sanitize_markdown(text, pictures)
    return _cell(kind, text, pictures)


def _cell(kind: str, text: str, pictures: Attachments) -> Node:
    cell = Node(cell_type=kind, id="", metadata={}, source=text)
    if kind == "code":
        cell.outputs, cell.execution_count = [], None
    if kind == "markdown" and pictures:
        cell.attachments = pictures
    return cell


def _source_cell(source_cell: SourceCell, text: str, pictures: Attachments) -> Node:
    """Make one of the instructor's cells: the text is the student's where students are to write."""
    make = _cell if source_cell.locked or text == source_cell.source else _student_cell
    cell = make(source_cell.cell_type, source_cell.source if source_cell.locked else text, pictures)
    cell.metadata = source_cell.metadata()
    return cell


def _restore_missing(cells: list[Node], source: SourceNotebook) -> None:
    """Insert the instructor's cells that are missing, each after the one that precedes it in the source."""
    names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in cells]
    position = 0
    for source_cell in source.cells:
        if source_cell.name not in names:
            if not (source_cell.locked or source_cell.grade or source_cell.task):
                continue  # what a student deleted or moved to a cell of their own
            cells.insert(position, _source_cell(source_cell, source_cell.source, {}))
            names.insert(position, source_cell.name)
        position = names.index(source_cell.name) + 1
