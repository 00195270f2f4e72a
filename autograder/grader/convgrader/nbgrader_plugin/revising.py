"""Takes an assignment into the gradebook, again if need be: what was graded stays, whatever has changed.

nbgrader refuses to add or remove a task once somebody has handed in. Here an added task gets an empty grade for every
submission, points are changed where they stand, and the marks and comments of a task that goes are kept aside, in a
table of their own: they come back with the task.
"""

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from nbgrader import api
from sqlalchemy import Result, inspect, text
from sqlalchemy.orm import Session

from convcourse.errors import UsageError
from convcourse.grade_ids import CHECK
from convgrader.nbgrader_plugin import grading_log
from convgrader.notebooks.source import SourceCell, SourceNotebook

Dependent: TypeAlias = type[api.Grade] | type[api.Comment]  # what hangs on a cell, for every submission

_FLAG = "needs_manual_grade"
_KEPT = {  # what hangs on a cell -> what of it is kept aside
    api.Grade: ("auto_score", "manual_score", "extra_credit", _FLAG),
    api.Comment: ("auto_comment", "manual_comment"),
}
_CELLS = {  # a kind of cell -> its mark in a SourceCell, and what hangs on it for every submission
    api.GradeCell: ("grade", (api.Grade,)),
    api.SolutionCell: ("solution", (api.Comment,)),
    api.TaskCell: ("task", (api.Grade, api.Comment)),
}


@dataclass(frozen=True)
class Revision:
    """How a notebook that is released differs from the one in the gradebook.

    Parameters
    ----------
    old, new : SourceNotebook
        `old` is None where the gradebook has none.
    renamed : dict
        Which tasks have another name now: new -> old.
    marks : dict
        What was marked by hand: task -> [(student, mark)], under the names in the gradebook.
    """

    old: SourceNotebook | None
    new: SourceNotebook
    renamed: dict[str, str] = field(default_factory=dict)
    marks: dict[str, list[tuple[str, float]]] = field(default_factory=dict)

    def sentences(self) -> list[str]:
        """Say line by line what changes for those who grade; nothing if nothing does."""
        new_names = {old: new for new, old in self.renamed.items()}
        before = {new_names.get(name, name): points for name, points in points_of(self.old).items()}
        after = points_of(self.new)
        total = f"{len(after)} tasks, {_points_text(sum(after.values()))}"
        if self.old is None:
            return [f"new in the gradebook: {total}"]
        functions = {name.removeprefix(CHECK) for name in self.new.by_name() if name.startswith(CHECK)}
        lines = []
        for new, old in self.renamed.items():
            lost = (
                f"; who handed in a function {old} earns nothing for it when graded again" if new in functions else ""
            )
            lines.append(f"renamed: {old} is {new} now{lost}")
        lines += [f"added: {name}, {_points_text(after[name])}" for name in after if name not in before]
        for name, points in before.items():
            if name not in after:
                kept = self._kept_text(name, "comes back with it")
                lines.append(f"removed: {name}, {_points_text(points)}; what was graded is kept aside and {kept}")
            elif points != after[name]:
                kept = self._kept_text(name, "", max_points=after[name])
                lines.append(f"points: {name} had {points:g}, and has {after[name]:g} now{kept}")
        texts = {
            new_names.get(cell.name, cell.name): cell.source for cell in self.old.cells if cell.name not in new_names
        }
        for cell in self.new.cells:
            if cell.solution and cell.name in texts and texts[cell.name] != cell.source:
                lines.append(f"text: {cell.name} reads otherwise now")
        if [name for name in before if name in after] != [name for name in after if name in before]:
            lines.append("order: the tasks stand in another order")
        if lines:
            lines.append(f"together: {len(before)} tasks, {_points_text(sum(before.values()))} before; {total} now")
        return lines

    def _kept_text(self, name: str, suffix: str, max_points: float = float("inf")) -> str:
        marks = self.marks.get(self.renamed.get(name, name), [])
        sentence = suffix + (f"; {len(marks)} marked by hand" if marks else "")
        above = [f"{student} ({mark:g})" for student, mark in sorted(marks) if mark > max_points]
        return sentence + (f", above the new points: {', '.join(above)}" if above else "")


def points_of(notebook: SourceNotebook | None) -> dict[str, float]:
    """Return the points of a notebook's tasks, in their order: name -> points."""
    cells = notebook.cells if notebook else ()
    return {cell.name.removeprefix(CHECK): cell.points or 0.0 for cell in cells if cell.grade or cell.task}


def _points_text(points: float) -> str:
    return f"{points:g} point" + ("" if points == 1 else "s")


def compare(
    gradebook: api.Gradebook, assignment: str, notebooks: Mapping[str, SourceNotebook], renamed: dict[str, str]
) -> list[Revision]:
    """Return the Revisions of an assignment, one for each notebook; refuse what cannot be taken into the gradebook."""
    notebook_rows = _notebooks(gradebook.db, assignment)
    for name in sorted(notebook_rows.keys() - notebooks.keys()):
        if notebook_rows[name].submissions:
            raise UsageError(f"the notebook {name} is gone, and students have handed it in: put it back")
    revisions = []
    for name, new in notebooks.items():
        old = grading_log.source_of(gradebook, name, assignment) if name in notebook_rows else None
        revision = Revision(old, new, renamed, _manual_marks(notebook_rows[name]) if old else {})
        _validate_names(revision, _cells_kept_aside(gradebook.db, assignment, name))
        revisions.append(revision)
    return revisions


def _validate_names(revision: Revision, aside: Set[str]) -> None:
    """Refuse a new name that nothing had before, or that something else has."""
    before, after = points_of(revision.old), points_of(revision.new)
    for new, old in revision.renamed.items():
        if new not in after:
            raise UsageError(f"the assignment has no task {new}; it has {', '.join(after)}")
        if old in after or (old in before and new in before):
            raise UsageError(f"{old} cannot be called {new} now: there are both")
        if old not in before and not {old, CHECK + old} & aside:
            raise UsageError(f"the gradebook has no task {old}; it has {', '.join(before) or 'none'}")


def _notebooks(db: Session, assignment: str) -> dict[str, api.Notebook]:
    row = db.query(api.Assignment).filter_by(name=assignment).one_or_none()
    return {notebook.name: notebook for notebook in row.notebooks} if row else {}


def _manual_marks(notebook: api.Notebook) -> dict[str, list[tuple[str, float]]]:
    """Return what was marked by hand: task -> [(student, mark)]."""
    marks: dict[str, list[tuple[str, float]]] = {}
    for submission in notebook.submissions:
        for grade in submission.grades:
            if grade.manual_score is not None:
                mark = (submission.student.id, grade.manual_score)
                marks.setdefault(grade.name.removeprefix(CHECK), []).append(mark)
    return marks


def _cells_kept_aside(db: Session, assignment: str, notebook: str) -> set[str]:
    """Return the names of the cells of which something is kept aside."""
    if not inspect(db.connection()).has_table("autograder_aside"):
        return set()
    statement = text("SELECT DISTINCT cell FROM autograder_aside WHERE assignment = :a AND notebook = :n")
    return set(db.execute(statement, {"a": assignment, "n": notebook}).scalars())


def submission_count(gradebook: api.Gradebook, assignment: str) -> int:
    """Count the submissions of an assignment that the gradebook knows."""
    row = gradebook.db.query(api.Assignment).filter_by(name=assignment).one_or_none()
    return len(row.submissions) if row else 0


# --- into the gradebook ------------------------------------------------------------------------------------------


def enter(gradebook: api.Gradebook, assignment: str, revisions: Sequence[Revision]) -> None:
    """Write an assignment into the gradebook, without committing."""
    db = gradebook.db
    grading_log.make_tables(db)
    row = db.query(api.Assignment).filter_by(name=assignment).one_or_none()
    if row is None:
        row = api.Assignment(name=assignment, course_id=gradebook.course_id)
        db.add(row)
    before = {notebook.name: notebook for notebook in row.notebooks}
    for name in before.keys() - {revision.new.name for revision in revisions}:
        _remove(db, before[name])
    for revision in revisions:
        notebook = before.get(revision.new.name)
        if notebook is None:
            notebook = api.Notebook(name=revision.new.name)
            row.notebooks.append(notebook)
        notebook.kernelspec = json.dumps(revision.new.kernelspec)
        db.flush()
        _NotebookEntry(db, assignment, notebook).write(revision)


def _remove(db: Session, notebook: api.Notebook) -> None:
    """Remove a notebook that nobody has handed in."""
    for cell in (*notebook.grade_cells, *notebook.solution_cells, *notebook.task_cells, *notebook.source_cells):
        db.delete(cell)
    db.flush()
    db.delete(notebook)


class _NotebookEntry:
    """A notebook in the gradebook, and what hangs on its cells."""

    def __init__(self, db: Session, assignment: str, notebook: api.Notebook) -> None:
        self.db, self.assignment, self.notebook = db, assignment, notebook

    def write(self, revision: Revision) -> None:
        """Make the cells those of the new notebook."""
        for new, old in revision.renamed.items():
            self.rename(old, new)
        kept_aside = _cells_kept_aside(self.db, self.assignment, self.notebook.name)
        for kind, (flag, dependents) in _CELLS.items():
            new_cells = {cell.name: cell for cell in revision.new.cells if getattr(cell, flag)}
            rows = {cell.name: cell for cell in self.db.query(kind).filter_by(notebook_id=self.notebook.id)}
            for name in rows.keys() - new_cells.keys():
                self.remove(rows[name], dependents)
            for name, cell in new_cells.items():
                row = rows.get(name) or kind(name=name, notebook_id=self.notebook.id)
                if kind is not api.SolutionCell:
                    row.max_score, row.cell_type = cell.points, cell.cell_type
                self.db.add(row)
                if name not in rows or name in kept_aside:
                    self.fill(row, dependents)
        self.write_sources(revision.new.cells)

    def rename(self, old: str, new: str) -> None:
        """Give a task's cells, and what is kept aside of it, another name."""
        for before, after in ((old, new), (CHECK + old, CHECK + new)):
            for row in self.db.query(api.BaseCell).filter_by(notebook_id=self.notebook.id, name=before):
                row.name = after
            self.execute_aside("UPDATE autograder_aside SET cell = :new WHERE {own}", before, new=after)
        self.db.flush()

    def write_sources(self, cells: Iterable[SourceCell]) -> None:
        """Replace the texts of all cells: their order in the table is that of the notebook."""
        self.db.query(api.SourceCell).filter_by(notebook_id=self.notebook.id).delete()
        for cell in cells:
            row = api.SourceCell(
                name=cell.name, notebook_id=self.notebook.id, cell_type=cell.cell_type, source=cell.source,
                checksum=cell.checksum, locked=cell.locked,
            )  # fmt: skip
            self.db.add(row)
            self.db.flush()  # one by one, in this order

    def fill(self, cell: api.BaseCell, dependents: Iterable[Dependent]) -> None:
        """See to it that every submission has what hangs on a cell, as it was where it was kept aside."""
        self.db.flush()
        for kind in dependents:
            rows = self.execute_aside(
                "SELECT student, content FROM autograder_aside WHERE {own} AND kind = :kind",
                cell.name, kind=kind.__tablename__,
            )  # fmt: skip
            kept = {row.student: json.loads(row.content) for row in rows}
            existing = {row.notebook_id: row for row in self.db.query(kind).filter_by(cell_id=cell.id)}
            for submission in self.notebook.submissions:
                row = existing.get(submission.id) or kind(cell_id=cell.id, notebook_id=submission.id)
                self.db.add(row)
                student = submission.assignment.student_id
                for name, value in kept.get(student, {}).items():
                    if getattr(row, name) is None or name == _FLAG:
                        setattr(row, name, value)
                if student in kept:
                    self.execute_aside(
                        "DELETE FROM autograder_aside WHERE {own} AND kind = :kind AND student = :student",
                        cell.name, kind=kind.__tablename__, student=student,
                    )  # fmt: skip
        self.db.flush()

    def remove(self, cell: api.BaseCell, dependents: Iterable[Dependent]) -> None:
        """Remove a cell, and keep aside what hangs on it."""
        for kind in dependents:
            for row in self.db.query(kind).filter_by(cell_id=cell.id):
                values = {name: getattr(row, name) for name in _KEPT[kind]}
                if any(value is not None for name, value in values.items() if name != _FLAG):
                    self.execute_aside(
                        "INSERT OR REPLACE INTO autograder_aside VALUES (:a, :n, :cell, :kind, :student, :content)",
                        cell.name, kind=kind.__tablename__, student=row.notebook.assignment.student_id,
                        content=json.dumps(values),
                    )  # fmt: skip
                self.db.delete(row)
        self.db.flush()
        self.db.delete(cell)
        self.db.flush()

    def execute_aside(self, statement: str, cell: str, **values: str) -> Result[Any]:
        """Run a statement on what is kept aside of a cell of this notebook."""
        condition = "assignment = :a AND notebook = :n AND cell = :cell"
        values |= {"a": self.assignment, "n": self.notebook.name, "cell": cell}
        return self.db.execute(text(statement.replace("{own}", condition)), values)
