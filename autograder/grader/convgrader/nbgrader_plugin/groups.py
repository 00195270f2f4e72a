"""Groups: one member hands in, and each gets the score, the feedback, and the marks that a person gave one of them."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from nbgrader import api
from nbgrader.api import Comment, Grade, Gradebook
from sqlalchemy import select, text, update

from convgrader.nbgrader_plugin import grading_log
from convgrader.nbgrader_plugin.times import time_of
from convgrader.notebooks import files
from convgrader.rules.model import CourseRules

Given: TypeAlias = tuple[Any, ...]  # what a person gave: the values of `_COLUMNS`
_COLUMNS: dict[type[Grade] | type[Comment], tuple[str, ...]] = {
    Grade: ("manual_score", "extra_credit"),
    Comment: ("manual_comment",),
}


def with_members(rules: CourseRules | None, assignment: str, folders: Mapping[str, str]) -> dict[str, str]:
    """Return {student: folder of what counts for the student}: of a group what a member handed in last."""
    found = dict(folders)
    for members in rules.rules_of(assignment).groups.values() if rules else ():
        theirs = [folders[student] for student in members if student in folders]
        if theirs:
            last = max(theirs, key=_time)  # of equals the one of the member who is named first
            found |= dict.fromkeys(members, last)
    return dict(sorted(found.items()))


def _time(folder: str) -> datetime:
    return time_of(files.timestamp(folder)) or datetime.min  # noqa: DTZ901 (as nbgrader has its times)


def of_same_groups(rules: CourseRules | None, assignment: str, students: Iterable[str]) -> list[str]:
    """Return students with all who are in a group with one of them."""
    found = [member for student in students for member in (rules and rules.members(assignment, student)) or (student,)]
    return list(dict.fromkeys(found))


def share_marks(gradebook: Gradebook, rules: CourseRules) -> None:
    """Give the marks and comments of one member to the others, without committing.

    A mark that was given to one member is everybody's, and follows when it is changed. Where a person has given two
    members different ones, each keeps theirs: what was handed on is kept in a table, and so known from what was given.
    """
    for name, about in rules.assignments.items():
        groups = [members for members in about.groups.values() if len(members) > 1]
        if groups:
            grading_log.make_tables(gradebook.db)
        for model, columns in _COLUMNS.items() if groups else ():
            rows, shared = _rows(gradebook, name, model, columns), _shared(gradebook, name, model)
            for members in groups:
                for cell in {cell for student in members for cell in rows.get(student, {})}:
                    theirs = {student: rows[student][cell] for student in members if cell in rows.get(student, {})}
                    _share(gradebook, name, model, cell, theirs, shared)


Cell: TypeAlias = tuple[str, str]  # notebook, name
Row: TypeAlias = tuple[str, Given]  # id in the table, what a person gave


def _rows(
    gradebook: Gradebook, assignment: str, model: type[Grade] | type[Comment], columns: tuple[str, ...]
) -> dict[str, dict[Cell, Row]]:
    """Return {student: {cell: what a person gave}}."""
    query = (
        select(
            api.SubmittedAssignment.student_id, api.Notebook.name, api.BaseCell.name, model.id,
            *(getattr(model, column) for column in columns),
        )
        .select_from(model)
        .join(api.SubmittedNotebook, api.SubmittedNotebook.id == model.notebook_id)
        .join(api.SubmittedAssignment, api.SubmittedAssignment.id == api.SubmittedNotebook.assignment_id)
        .join(api.Assignment, api.Assignment.id == api.SubmittedAssignment.assignment_id)
        .join(api.Notebook, api.Notebook.id == api.SubmittedNotebook.notebook_id)
        .join(api.BaseCell, api.BaseCell.id == model.cell_id)
        .where(api.Assignment.name == assignment)
    )  # fmt: skip
    found: dict[str, dict[Cell, Row]] = defaultdict(dict)
    for student, notebook, cell, row, *values in gradebook.db.execute(query):
        found[student][notebook, cell] = (row, tuple(values))
    return found


def _shared(gradebook: Gradebook, assignment: str, model: type[Any]) -> dict[tuple[str, Cell], Given]:
    """Return {(student, cell): what was handed on to the student}."""
    statement = text(
        "SELECT student, notebook, cell, content FROM autograder_shared WHERE assignment = :a AND kind = :k"
    )
    rows = gradebook.db.execute(statement, {"a": assignment, "k": model.__tablename__})
    return {(student, (notebook, cell)): tuple(json.loads(content)) for student, notebook, cell, content in rows}


def _share(
    gradebook: Gradebook,
    assignment: str,
    model: type[Any],
    cell: Cell,
    theirs: Mapping[str, Row],
    shared: Mapping[tuple[str, Cell], Given],
) -> None:
    """Hand one mark on, if there is one."""
    nothing = (None,) * len(_COLUMNS[model])
    given = {
        student: values
        for student, (_, values) in theirs.items()
        if values != nothing and values != shared.get((student, cell))
    }
    if len(set(given.values())) > 1:
        return
    mark = next(iter(given.values()), nothing)
    for student, (row, values) in theirs.items():
        if student in given or values == mark:
            continue
        changes: dict[str, Any] = dict(zip(_COLUMNS[model], mark, strict=True))
        if model is Grade and mark[0] is not None:
            changes["needs_manual_grade"] = False
        gradebook.db.execute(update(model).where(model.id == row).values(**changes))
        key = {"s": student, "a": assignment, "n": cell[0], "c": cell[1], "k": model.__tablename__}
        gradebook.db.execute(
            text("INSERT OR REPLACE INTO autograder_shared VALUES (:s, :a, :n, :c, :k, :content)"),
            key | {"content": json.dumps(mark)},
        )
