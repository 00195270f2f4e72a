"""``nbgrader export``: a table that a spreadsheet shows and does not run, whatever a student's name is."""

import csv

from nbgrader.api import MissingEntry
from nbgrader.plugins import CsvExportPlugin

COLUMNS = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
    "late_submission_penalty", "score", "max_score",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a text begins with that a spreadsheet computes


class PlainCsvExport(CsvExportPlugin):
    """Writes nbgrader's columns: texts quoted where they must be, and none that is a formula."""

    def export(self, gradebook):
        """Write a row for each student and assignment; see nbgrader's CsvExportPlugin."""
        with open(self.to or "grades.csv", "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(COLUMNS)
            for assignment in gradebook.assignments:
                for student in gradebook.students:
                    if _is_wanted(assignment.name, self.assignment) and _is_wanted(student.id, self.student):
                        table.writerow(map(as_cell, _row(gradebook, assignment, student)))


def _is_wanted(name, wanted):
    return not wanted or name in map(str, wanted)


def _row(gradebook, assignment, student):
    """Return what `COLUMNS` names."""
    try:
        submission = gradebook.find_submission(assignment.name, student.id)
        time, score, penalty = submission.timestamp, submission.score, submission.late_submission_penalty
    except MissingEntry:
        time, score, penalty = None, 0.0, 0.0
    return (
        assignment.name, assignment.duedate, time, student.id, student.last_name, student.first_name, student.email,
        score, penalty, max(0.0, score - penalty), assignment.max_score,
    )  # fmt: skip


def as_cell(value):
    """Return what stands in a cell; a text that would be computed gets an apostrophe, which spreadsheets do not show.

    Examples
    --------
    >>> as_cell("=1+1"), as_cell("ada"), as_cell(-1.5), as_cell(None)
    ("'=1+1", 'ada', -1.5, '')
    """
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value
