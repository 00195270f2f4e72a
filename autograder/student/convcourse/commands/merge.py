"""Bring a student's notebook up to a new release, cell by cell: nothing that the student wrote is lost."""

import copy
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from convcourse import grade_ids
from convcourse.commands.notebook import name_of, names_of

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from convcourse.commands.notebook import ReleasedNotebook, SubmittedNotebook

TO_FILL = "# YOUR CODE HERE"  # what nbgrader puts where a solution was


@dataclass
class Merged:
    """A notebook brought up to a new release, and what became of its tasks."""

    notebook: "SubmittedNotebook"
    added: list[str] = field(default_factory=list)  # new tasks
    restored: list[str] = field(default_factory=list)  # cells that the student's notebook lacked
    reset: list[str] = field(default_factory=list)  # locked cells that the student had changed
    changed: list[str] = field(default_factory=list)  # tasks with another text or other points
    to_compare: list[str] = field(
        default_factory=list
    )  # of those: the new description could not be put over the answer
    dropped: list[str] = field(default_factory=list)  # tasks that there are no more, and that were blank
    orphaned: list[str] = field(
        default_factory=list
    )  # tasks that there are no more: answers are the student's own cells

    def sentences(self, released: Path) -> list[str]:
        """Say what became of the tasks, a sentence each."""
        return [
            f"{message}: {', '.join(names)}."
            for message, names in (
                ("New tasks", self.added),
                ("Put back, since they were missing", self.restored),
                ("Locked cells that had been changed, and are the course's again", self.reset),
                ("Changed tasks; your answers are kept", self.changed),
                (f"Their description is another now, compare it with {released}", self.to_compare),
                ("No tasks any more, and you had not begun them", self.dropped),
                ("No tasks any more; your answers stay, as cells of your own", self.orphaned),
            )
            if names
        ]


def merge(mine: "SubmittedNotebook", base: "ReleasedNotebook | None", new: "ReleasedNotebook") -> Merged:
    """Return a Merged of a student's notebook.

    Parameters
    ----------
    mine : NotebookNode
        The student's.
    base : NotebookNode or None
        The release that it was started from, if that is known: what is unchanged since then is the course's.
    new : NotebookNode
        The release that it is to follow.
    """
    return _Merger(mine, base, new).run()


class _Merger:
    """A three-way merge: the student's cells, by number, and where each has its place in the new notebook.

    `base` is the release that both sides come from: what only one side has changed since then is that side's.
    """

    def __init__(self, mine: "SubmittedNotebook", base: "ReleasedNotebook | None", new: "ReleasedNotebook") -> None:
        self.mine, self.new = mine.cells, new
        self.base = {name_of(cell): cell for cell in base.cells if name_of(cell)} if base else {}
        self.plain = [cell for cell in base.cells if not name_of(cell)] if base else []
        self.names = self._names(mine, base, new)
        self.by_name = {name: number for number, name in enumerate(self.names) if name}
        self.edited = self._edited()
        self.places: dict[int, int] = {}  # number of a student's cell -> of the new cell in whose place it stands
        notebook = copy.deepcopy(new)
        notebook.metadata = copy.deepcopy({**mine.metadata, "course": new.metadata.get("course", {})})
        self.merged = Merged(notebook)

    @staticmethod
    def _names(mine: "SubmittedNotebook", base: "ReleasedNotebook | None", new: "ReleasedNotebook") -> list[str | None]:
        """Return the names of the student's cells, those of tasks that are gone included."""
        names = names_of(mine, new)
        earlier = names_of(mine, base) if base else names
        present = {name_of(cell) for cell in new.cells}
        return [name or (None if before in present else before) for name, before in zip(names, earlier, strict=True)]

    def _edited(self) -> "dict[int, NotebookNode]":
        """Return {number: the released cell} of the student's plain cells that once were the course's."""
        by_id = {cell.get("id"): cell for cell in self.plain if cell.get("id")}
        by_text = {_text(cell): cell for cell in [*self.plain, *self.new.cells] if not name_of(cell)}
        edited = {}
        for number, cell in enumerate(self.mine):
            if not self.names[number]:
                released = by_text.get(_text(cell)) or by_id.get(cell.get("id"))
                if released is not None and released.cell_type == cell.cell_type:
                    edited[number] = released
        return edited

    def run(self) -> Merged:
        """Put the new release's cells in their order, and the student's own beside them."""
        cells = self.merged.notebook.cells
        for place, cell in enumerate(cells):
            if name := name_of(cell):
                self._take_named(place, name, cell)
            else:
                self._take_plain(place, cell)
        before: dict[int | None, list[NotebookNode]] = {}
        after: dict[int | None, list[NotebookNode]] = {}
        own = self._own_cells()
        used_ids = {cell.id for cell in cells}
        for number in own:
            where, neighbour = self._position_of(number, own)
            (after if where == "after" else before).setdefault(neighbour, []).append(
                _as_own(self.mine[number], used_ids)
            )
        self.merged.notebook.cells = [
            *before.get(None, ()),
            *(c for place, cell in enumerate(cells) for c in (*before.get(place, ()), cell, *after.get(place, ()))),
            *after.get(None, ()),
        ]
        self.merged.notebook.nbformat_minor = 5
        return self.merged

    def _take_named(self, place: int, name: str, cell: "NotebookNode") -> None:
        """Put what the student has of a named cell into the new release's."""
        metadata = cell.metadata.nbgrader
        before = self.base.get(name)
        number = self.by_name.get(name)
        task = name.removeprefix(grade_ids.CHECK)
        is_task = metadata.get("solution") or metadata.get("grade")
        if number is None:
            if is_task:
                _note(self.merged.added if before is None else self.merged.restored, task)
            return
        submitted = self.mine[number]
        self.places[number] = place
        if is_task and before is not None and (before.source != cell.source or _points(before) != _points(cell)):
            _note(self.merged.changed, task)
        if before is not None and submitted.source == before.source:
            pass  # what the student has not touched is the course's
        elif metadata.get("solution"):
            cell.source, fits = _answer(submitted.source, before, cell)
            if not fits:
                _note(self.merged.to_compare, task)
        elif before is not None and submitted.source != cell.source:
            _note(self.merged.reset, name)
        _keep_outputs(submitted, cell)

    def _take_plain(self, place: int, cell: "NotebookNode") -> None:
        """Put the student's edition of a plain cell into its place, with its outputs."""
        for number, released in self.edited.items():
            if number not in self.places and _text(released) == _text(cell):
                self.places[number] = place
                cell.source = self.mine[number].source
                _keep_outputs(self.mine[number], cell)
                return

    def _own_cells(self) -> list[int]:
        """List the numbers of the cells that stay as the student's own."""
        own = []
        for number, cell in enumerate(self.mine):
            if number in self.places or not cell.source.strip():
                continue
            name = self.names[number]
            before = self.base.get(name) if name else self.edited.get(number)
            if _is_locked(cell) or (before is not None and _text(before) == _text(cell)):
                if name and _is_task(before):
                    _note(self.merged.dropped, name)
                continue  # the course's, of the release before
            own.append(number)
            if name:
                _note(self.merged.orphaned, name)
        return own

    def _position_of(self, number: int, own: Collection[int]) -> tuple[str, int | None]:
        """Say where a cell of the student's own goes: ("after" or "before", place), place None for an end."""
        first = number
        while first - 1 in own and first not in self.edited:
            first -= 1
        if first == 0:
            return "before", None
        if first - 1 in self.places and first not in self.edited:
            return "after", self.places[first - 1]
        # Before it stood what the course has put something else for, or it was the course's itself.
        following = [place for other, place in sorted(self.places.items()) if other > number]
        return ("before", following[0]) if following else ("after", None)


def _text(cell: "NotebookNode") -> tuple[str, str]:
    return cell.cell_type, cell.source.strip()


def _is_locked(cell: "NotebookNode") -> bool:
    metadata = cell.metadata.get("nbgrader")
    return isinstance(metadata, dict) and metadata.get("locked") is True


def _is_task(cell: "NotebookNode | None") -> bool:
    return cell is not None and bool(cell.metadata.get("nbgrader", {}).get("solution"))


def _note(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _points(cell: "NotebookNode") -> object:
    return cell.metadata.nbgrader.get("points")


def _answer(source: str, before: "NotebookNode | None", cell: "NotebookNode") -> tuple[str, bool]:
    """Return a student's answer under the new description of its task, and whether it could be put there."""
    if before is None or before.source == cell.source or source == cell.source:
        return source, True
    old, new = (text.partition(TO_FILL)[0].rstrip() for text in (before.source, cell.source))
    if old == new:
        return source, True
    if cell.cell_type == "code" and source.startswith(old + "\n"):
        return new + source.removeprefix(old), True
    return source, False


def _keep_outputs(submitted: "NotebookNode", cell: "NotebookNode") -> None:
    """Take over outputs where the code is the same, and pictures of text."""
    if submitted.cell_type == cell.cell_type == "code" and submitted.source == cell.source:
        cell.outputs, cell.execution_count = copy.deepcopy(submitted.outputs), submitted.get("execution_count")
    if cell.cell_type == "markdown" and submitted.get("attachments") and submitted.source == cell.source:
        cell.attachments = copy.deepcopy(submitted.attachments)


def _as_own(cell: "NotebookNode", used_ids: set[str]) -> "NotebookNode":
    """Return a student's own cell as it is, without a name of the course's, under an id that is not used."""
    from nbformat.corpus.words import generate_corpus_id

    cell = copy.deepcopy(cell)
    cell.metadata.pop("nbgrader", None)
    while cell.get("id") in {None, *used_ids}:
        cell["id"] = generate_corpus_id()
    used_ids.add(cell.id)
    return cell
