"""Reads what submissions earn now, cell by cell with the verdicts: before a regrade and after it."""

from collections.abc import Collection

from nbgrader import api
from nbgrader.api import Gradebook
from sqlalchemy import select

from convgrader.jobs import TaskVerdict
from convgrader.moves import CellScore
from convgrader.nbgrader_plugin import grading_log


def scores(gradebook: Gradebook, assignment: str, students: Collection[str]) -> dict[tuple[str, str, str], CellScore]:
    """Return {(student, notebook, cell): what it earns}, marks by hand and extra credit included."""
    verdicts: dict[tuple[str, str, str], dict[str, TaskVerdict]] = {}
    for (student, notebook), theirs in grading_log.verdicts(gradebook, assignment).items():
        for verdict in theirs:
            verdicts.setdefault((student, notebook, verdict.cell), {})[verdict.task] = verdict
    rows = gradebook.db.execute(
        select(
            api.SubmittedAssignment.student_id, api.Notebook.name, api.BaseCell.name, api.Grade.score,
            api.Grade.auto_score, api.Grade.manual_score,
        )
        .select_from(api.Grade)
        .join(api.SubmittedNotebook, api.SubmittedNotebook.id == api.Grade.notebook_id)
        .join(api.SubmittedAssignment, api.SubmittedAssignment.id == api.SubmittedNotebook.assignment_id)
        .join(api.Assignment, api.Assignment.id == api.SubmittedAssignment.assignment_id)
        .join(api.Notebook, api.Notebook.id == api.SubmittedNotebook.notebook_id)
        .join(api.BaseCell, api.BaseCell.id == api.Grade.cell_id)
        .where(api.Assignment.name == assignment)
    )  # fmt: skip
    chosen, found = set(students), {}
    for student, notebook, cell, score, by_machine, by_hand in rows:
        if student in chosen:
            key = (student, notebook, cell)
            points = None if by_machine is None and by_hand is None else score
            found[key] = CellScore(points, verdicts.get(key, {}))
    return found
