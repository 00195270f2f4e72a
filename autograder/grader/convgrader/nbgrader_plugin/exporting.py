"""``nbgrader export``: a table that a spreadsheet shows and does not run, whatever a student's name is."""

import csv
import os
from collections.abc import Collection
from datetime import UTC, datetime
from typing import TypeAlias

from nbgrader.api import Assignment, Grade, Gradebook, MissingEntry, Student, SubmittedAssignment, SubmittedNotebook
from nbgrader.plugins import CsvExportPlugin

from convcourse.grade_ids import CHECK
from convgrader.nbgrader_plugin import grading_log
from convgrader.nbgrader_plugin.gradebook import assign_penalties

COLUMNS = (  # nbgrader's
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
    "late_submission_penalty", "score", "max_score",
)  # fmt: skip
STATE = ("state", "to_grade_by_hand")  # what the scores are worth; how many answers a person is still to look at
Value: TypeAlias = str | int | float | None
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a text begins with that a spreadsheet computes


class PlainCsvExport(CsvExportPlugin):
    """Writes nbgrader's columns, what state the scores are in, and the points of each task.

    Texts are quoted where they must be, and none is a formula; times say their zone. A task that nobody has graded yet
    is an empty cell.
    """

    def export(self, gradebook: Gradebook) -> None:
        """Write a row for each student and assignment; see nbgrader's CsvExportPlugin."""
        assignments = [row for row in gradebook.assignments if _is_wanted(row.name, self.assignment)]
        tasks = [task for assignment in assignments for task in _tasks(assignment)]
        with open(self.to or "grades.csv", "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow([*COLUMNS, *STATE, *(name for _, name in tasks)])
            for assignment in assignments:
                assign_penalties(gradebook, assignment.name, self.config)
                grades = _grades(gradebook, assignment)
                failed = {student for student, _ in grading_log.records(gradebook, assignment.name, "failed")}
                for student in gradebook.students:
                    if _is_wanted(student.id, self.student):
                        student_grades = grades.get(student.id, {})
                        row = self._row(gradebook, assignment, student, student_grades, student.id in failed)
                        table.writerow(map(as_cell, (*row, *(_points(student_grades, cell) for cell, _ in tasks))))

    def _row(
        self, gradebook: Gradebook, assignment: Assignment, student: Student, grades: dict[str, Grade], is_failed: bool
    ) -> tuple[Value, ...]:
        """Return what `COLUMNS` and `STATE` name."""
        try:
            submission = gradebook.find_submission(assignment.name, student.id)
            time, score, penalty = submission.timestamp, submission.score, submission.late_submission_penalty
        except MissingEntry:
            submission, time, score, penalty = None, None, 0.0, 0.0
        due = submission.duedate if submission else assignment.duedate  # with an extension
        waiting = sum(grade.needs_manual_grade for grade in grades.values())
        return (
            assignment.name, _with_zone(due), _with_zone(time), student.id, student.last_name, student.first_name,
            student.email, score, penalty, max(0.0, score - penalty), assignment.max_score,
            "not graded" if is_failed else self._state(assignment, student, submission, waiting), waiting,
        )  # fmt: skip

    def _state(
        self, assignment: Assignment, student: Student, submission: SubmittedAssignment | None, waiting: int
    ) -> str:
        """Say what the scores of a student are worth."""
        if submission is not None:
            return "to be graded by hand" if waiting else "graded"
        directory = self.parent.coursedir
        folder = directory.format_path(directory.submitted_directory, student.id, assignment.name)
        return "handed in, not graded" if os.path.isdir(folder) else "not handed in"


def _is_wanted(name: str, wanted: Collection[object]) -> bool:
    return not wanted or name in map(str, wanted)


def _tasks(assignment: Assignment) -> list[tuple[str, str]]:
    """List (id of a graded cell, heading of its column) of an assignment."""
    columns: list[tuple[str, str]] = []
    for notebook in sorted(assignment.notebooks, key=lambda row: row.name):
        heading = assignment.name if notebook.name == assignment.name else f"{assignment.name}/{notebook.name}"
        cells = (*notebook.grade_cells, *notebook.task_cells)
        columns += [(cell.id, f"{heading}/{cell.name.removeprefix(CHECK)}") for cell in cells]
    return columns


def _grades(gradebook: Gradebook, assignment: Assignment) -> dict[str, dict[str, Grade]]:
    """Return {student: {id of a cell: its Grade}}."""
    rows = (
        gradebook.db.query(SubmittedAssignment.student_id, Grade)
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .filter(SubmittedAssignment.assignment_id == assignment.id)
    )
    grades: dict[str, dict[str, Grade]] = {}
    for student, grade in rows:
        grades.setdefault(student, {})[grade.cell_id] = grade
    return grades


def _points(grades: dict[str, Grade], cell: str) -> float | None:
    """Return the points of one task, None where nobody has given any."""
    grade = grades.get(cell)
    return None if grade is None or (grade.auto_score is None and grade.manual_score is None) else grade.score


def _with_zone(time: datetime | None) -> str | None:
    """Return a time of the gradebook, which keeps UTC and does not say so."""
    return time.replace(tzinfo=UTC).isoformat(" ") if time is not None else None


def as_cell(value: Value) -> str | int | float:
    """Return what stands in a cell; a text that would be computed gets an apostrophe, which spreadsheets do not show.

    Of a sum of points six digits behind the point are kept: the rest is what binary fractions lack.

    Examples
    --------
    >>> as_cell("=1+1"), as_cell("ada"), as_cell(-1.5), as_cell(0.1 + 0.2), as_cell(None)
    ("'=1+1", 'ada', -1.5, 0.3, '')
    """
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    if isinstance(value, float):
        return round(value, 6)
    return "" if value is None else value
