"""The one writer: puts results into nbgrader's database as ``nbgrader autograde`` would, one transaction for each.

nbgrader opens the database nine times per submission; this opens it once and leaves the same rows behind.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from nbgrader import api
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import Table, insert, select, update
from sqlalchemy.orm import Session
from traitlets.config import Config

from convgrader.jobs import Marks, SubmissionResult
from convgrader.nbgrader_plugin import course_rules, grading_log
from convgrader.nbgrader_plugin.error_translation import database_errors
from convgrader.nbgrader_plugin.times import time_of
from convgrader.notebooks.files import StrPath

_STUDENTS, _SUBMISSIONS, _NOTEBOOKS = (
    api.Student.__table__, api.SubmittedAssignment.__table__, api.SubmittedNotebook.__table__,
)  # fmt: skip
_GRADES, _COMMENTS = api.Grade.__table__, api.Comment.__table__


def url_of(path: StrPath) -> str:
    """Return how nbgrader names a gradebook that is a file.

    Examples
    --------
    >>> url_of("/course/gradebook.db")
    'sqlite:////course/gradebook.db'
    """
    return f"sqlite:///{Path(path).resolve().as_posix()}"


class NotebookIds(NamedTuple):
    """What the database calls a notebook of an assignment, and its cells."""

    notebook: str
    graded: dict[str, str]  # grade_id -> id of a cell that is graded
    commented: dict[str, str]  # grade_id -> id of a cell that can be commented on


class GradebookWriter:
    """An assignment in the gradebook.

    Parameters
    ----------
    url : str
        The database, as nbgrader names it.
    assignment : str
    course : str
    config : traitlets.config.Config or None
        Where a plugin for late penalties may be set.
    """

    def __init__(self, url: str, assignment: str, course: str = "default_course", config: Config | None = None) -> None:
        self.url, self.name = url, assignment
        with database_errors(self.url):
            self.gradebook = api.Gradebook(url, course)
            try:
                assignment_row = self.gradebook.find_assignment(assignment)
            except api.MissingEntry:
                self.gradebook.close()
                raise
            self.assignment_id, self.config = assignment_row.id, config
            self.sources = {
                row.name: grading_log.source_of(self.gradebook, row.name, assignment)
                for row in assignment_row.notebooks
            }
            self.cells = {row.name: _cells(row) for row in assignment_row.notebooks}
            self.seed = grading_log.seed_of(self.gradebook, assignment)

    def close(self) -> None:
        """Let go of the database."""
        self.gradebook.close()

    def students(self) -> set[str]:
        """Return the ids of all students of the course."""
        with database_errors(self.url):
            return set(self.gradebook.db.scalars(select(_STUDENTS.c.id)))

    def graded_before(self) -> dict[tuple[str, str], grading_log.Record]:
        """Return {(student, notebook): Record} of what was graded before."""
        with database_errors(self.url):
            return grading_log.records(self.gradebook, self.name)

    def write(self, result: SubmissionResult, checks: str = "") -> Marks:
        """Record one submission, graded by `checks`: all of it or, if this process is killed, nothing.

        Return {(notebook, grade_id): (mark or None, whether somebody has to look)} of what a person grades.
        """
        with database_errors(self.url):
            try:
                marks = self._write(result, checks, self.gradebook.db)
                self.gradebook.db.commit()
            except BaseException:
                self.gradebook.db.rollback()
                raise
            self.gradebook.db.expunge_all()
        return marks

    def _write(self, result: SubmissionResult, checks: str, db: Session) -> Marks:
        if db.execute(select(_STUDENTS.c.id).where(_STUDENTS.c.id == result.student)).first() is None:
            db.execute(insert(_STUDENTS), {"id": result.student})
        submission = self._submission(result, time_of(result.timestamp), db)
        rows = db.execute(
            select(_NOTEBOOKS.c.notebook_id, _NOTEBOOKS.c.id).where(_NOTEBOOKS.c.assignment_id == submission)
        )
        submitted = {row.notebook_id: row.id for row in rows}
        marks: Marks = {}
        for notebook_result in result.notebooks:
            notebook_id, grades, comments = self.cells[notebook_result.notebook]
            row_id = submitted.get(notebook_id) or self._add_notebook(db, submission, notebook_result.notebook)
            changed = grading_log.save_answers(self.gradebook, result.student, self.name, notebook_result)
            scores = {grades[n]: score for n, score in notebook_result.scores.items() if n in grades}
            by_cell = self._write_grades(db, row_id, scores, {grades[n] for n in changed if n in grades})
            names = [n for n in notebook_result.scores if grades.get(n) in by_cell]
            marks |= {(notebook_result.notebook, n): by_cell[grades[n]] for n in names}
            texts = {comments[n]: comment for n, comment in notebook_result.comments.items() if n in comments}
            self._write_comments(db, row_id, texts)
            grading_log.save_verdicts(self.gradebook, result.student, self.name, notebook_result)
            grading_log.save(
                self.gradebook,
                grading_log.Record(
                    result.student, self.name, notebook_result.notebook, notebook_result.digest, self.seed,
                    notebook_result.status, notebook_result.reason, notebook_result.score, notebook_result.seconds,
                    checks,
                ),
            )  # fmt: skip
        return marks

    def _submission(self, result: SubmissionResult, timestamp: datetime | None, db: Session) -> str:
        """Return the id of the student's submission; make it, with all that hangs on it, if there is none."""
        of_assignment = _SUBMISSIONS.c.assignment_id == self.assignment_id
        query = select(_SUBMISSIONS.c.id).where(of_assignment & (_SUBMISSIONS.c.student_id == result.student))
        submission_id: str | None = db.execute(query).scalar()
        if submission_id is None:
            submission_id = str(api.new_uuid())
            row = {"id": submission_id, "assignment_id": self.assignment_id, "student_id": result.student}
            db.execute(insert(_SUBMISSIONS), row | {"timestamp": timestamp})
            for name in self.cells:
                self._add_notebook(db, submission_id, name)
        elif timestamp is not None:
            db.execute(update(_SUBMISSIONS).where(_SUBMISSIONS.c.id == submission_id).values(timestamp=timestamp))
        return submission_id

    def _add_notebook(self, db: Session, submission: str, name: str) -> str:
        notebook_id, grades, comments = self.cells[name]
        row_id = str(api.new_uuid())
        row = {"id": row_id, "assignment_id": submission, "notebook_id": notebook_id, "flagged": False}
        db.execute(insert(_NOTEBOOKS), row)
        for table, cells in ((_GRADES, grades), (_COMMENTS, comments)):
            _add_rows(db, table, row_id, cells.values())
        return row_id

    def _write_grades(
        self, db: Session, notebook: str, scores: dict[str, float | None], changed: Collection[str]
    ) -> dict[str, tuple[float | None, bool]]:
        """Write the scores; a person looks at an answer that is graded by hand once, and again when it has changed.

        Return {cell id: (mark or None, whether somebody has to look)} of what a person grades.
        """
        names = ("cell_id", "id", "auto_score", "manual_score", "needs_manual_grade")
        query = select(*(_GRADES.c[name] for name in names)).where(_GRADES.c.notebook_id == notebook)
        rows = {row.cell_id: row for row in db.execute(query)}
        missing = [cell for cell in scores if cell not in rows]
        if missing:
            _add_rows(db, _GRADES, notebook, missing)
            return self._write_grades(db, notebook, scores, changed)
        marks = {}
        for cell, score in scores.items():
            row = rows[cell]
            by_hand = row.manual_score is not None or score is None
            is_to_be_read = row.needs_manual_grade or cell in changed or row.auto_score != score
            needs_person = bool(by_hand and is_to_be_read)
            values = {"auto_score": score, "needs_manual_grade": needs_person}
            db.execute(update(_GRADES).where(_GRADES.c.id == row.id), values)
            if by_hand:
                marks[cell] = (row.manual_score, needs_person)
        return marks

    def _write_comments(self, db: Session, notebook: str, comments: dict[str, str | None]) -> None:
        for cell, comment in comments.items():
            of_cell = (_COMMENTS.c.notebook_id == notebook) & (_COMMENTS.c.cell_id == cell)
            db.execute(update(_COMMENTS).where(of_cell).values(auto_comment=comment))

    def assign_penalties(self) -> None:
        """Bring what being late costs up to date; see the function of this name."""
        with database_errors(self.url):
            assign_penalties(self.gradebook, self.name, self.config)


def assign_penalties(gradebook: api.Gradebook, assignment: str, config: Config | None = None) -> dict[str, str]:
    """Say what being late costs, for all submissions of an assignment; return {student: which rule was applied, why}.

    The rules of the course decide, or nbgrader's plugin where they say nothing about late work. Due dates, extensions
    and marks by hand change after grading: whatever scores leave by brings penalties up to date.
    """
    rules = course_rules.rules_of(config, gradebook)
    applied = course_rules.apply(rules, gradebook) if rules else {}
    if rules is None or rules.rules_of(assignment).late is None:
        _ask_plugin(gradebook, assignment, config)
    told = {student: one.sentence for (name, student), one in applied.items() if name == assignment}
    for name, members in (rules.rules_of(assignment).groups if rules else {}).items():
        for student in members:
            together = f"Handed in for the group {name}: {', '.join(members)}."
            told[student] = " ".join(filter(None, (told.get(student), together)))
    return told


def _ask_plugin(gradebook: api.Gradebook, assignment: str, config: Config | None) -> None:
    """Have nbgrader's plugin say what being late costs."""
    preprocessor = AssignLatePenalties(config=config)
    preprocessor.init_plugin()
    plugin = preprocessor.plugin_inst
    for submission in gradebook.find_assignment(assignment).submissions:
        seconds_late = submission.total_seconds_late
        for row in submission.notebooks:
            penalty = None
            if seconds_late:
                penalty = plugin.late_submission_penalty(submission.student_id, row.score, seconds_late)
            if penalty is not None:
                penalty = preprocessor._check_late_penalty(row, round(penalty, 6))
            row.late_submission_penalty = penalty
    gradebook.db.commit()


def _cells(row: api.Notebook) -> NotebookIds:
    """Return the ids of a notebook and its cells."""
    graded = {cell.name: cell.id for cell in (*row.grade_cells, *row.task_cells)}
    commented = {cell.name: cell.id for cell in (*row.solution_cells, *row.task_cells)}
    return NotebookIds(row.id, graded, commented)


def _add_rows(db: Session, table: Table, notebook: str, cells: Iterable[str]) -> None:
    rows = [{"id": api.new_uuid(), "notebook_id": notebook, "cell_id": cell} for cell in cells]
    if rows and table is _GRADES:
        rows = [row | {"needs_manual_grade": True} for row in rows]
    if rows:
        db.execute(insert(table), rows)
