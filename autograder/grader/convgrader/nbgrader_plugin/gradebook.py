"""The one writer: puts results into nbgrader's database as ``nbgrader autograde`` would, one transaction for each.

nbgrader opens the database nine times per submission; this opens it once and leaves the same rows behind.
"""

from pathlib import Path

from nbgrader import api, utils
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import insert, select, update

from convgrader.nbgrader_plugin import grading_log
from convgrader.nbgrader_plugin.error_translation import database_errors

_STUDENTS, _SUBMISSIONS, _NOTEBOOKS = (
    api.Student.__table__, api.SubmittedAssignment.__table__, api.SubmittedNotebook.__table__,
)  # fmt: skip
YEARS = range(1970, 2200)  # others cannot be shown in every zone of time
_GRADES, _COMMENTS = api.Grade.__table__, api.Comment.__table__


def url_of(path):
    """Return how nbgrader names a gradebook that is a file.

    Examples
    --------
    >>> url_of("/course/gradebook.db")
    'sqlite:////course/gradebook.db'
    """
    return f"sqlite:///{Path(path).resolve().as_posix()}"


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

    def __init__(self, url, assignment, course="default_course", config=None):
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

    def close(self):
        """Let go of the database."""
        self.gradebook.close()

    def students(self):
        """Return the ids of all students of the course."""
        with database_errors(self.url):
            return set(self.gradebook.db.scalars(select(_STUDENTS.c.id)))

    def graded_before(self):
        """Return {(student, notebook): Record} of what was graded before."""
        with database_errors(self.url):
            return grading_log.records(self.gradebook, self.name)

    def write(self, result, checks=""):
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

    def _write(self, result, checks, db):
        if db.execute(select(_STUDENTS.c.id).where(_STUDENTS.c.id == result.student)).first() is None:
            db.execute(insert(_STUDENTS), {"id": result.student})
        submission = self._submission(result, time_of(result.timestamp), db)
        rows = db.execute(
            select(_NOTEBOOKS.c.notebook_id, _NOTEBOOKS.c.id).where(_NOTEBOOKS.c.assignment_id == submission)
        )
        submitted, marks = dict(rows.all()), {}
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
            grading_log.save(
                self.gradebook,
                grading_log.Record(
                    result.student, self.name, notebook_result.notebook, notebook_result.digest, self.seed,
                    notebook_result.status, notebook_result.reason, notebook_result.score, notebook_result.seconds,
                    checks,
                ),
            )  # fmt: skip
        return marks

    def _submission(self, result, timestamp, db):
        """Return the id of the student's submission; make it, with all that hangs on it, if there is none."""
        of_assignment = _SUBMISSIONS.c.assignment_id == self.assignment_id
        query = select(_SUBMISSIONS.c.id).where(of_assignment & (_SUBMISSIONS.c.student_id == result.student))
        submission_id = db.execute(query).scalar()
        if submission_id is None:
            submission_id = api.new_uuid()
            row = {"id": submission_id, "assignment_id": self.assignment_id, "student_id": result.student}
            db.execute(insert(_SUBMISSIONS), row | {"timestamp": timestamp})
            for name in self.cells:
                self._add_notebook(db, submission_id, name)
        elif timestamp is not None:
            db.execute(update(_SUBMISSIONS).where(_SUBMISSIONS.c.id == submission_id).values(timestamp=timestamp))
        return submission_id

    def _add_notebook(self, db, submission, name):
        notebook_id, grades, comments = self.cells[name]
        row_id = api.new_uuid()
        row = {"id": row_id, "assignment_id": submission, "notebook_id": notebook_id, "flagged": False}
        db.execute(insert(_NOTEBOOKS), row)
        for table, cells in ((_GRADES, grades), (_COMMENTS, comments)):
            _add_rows(db, table, row_id, cells.values())
        return row_id

    def _write_grades(self, db, notebook, scores, changed):
        """Write the scores; a person looks at an answer that is graded by hand once, and again when it has changed.

        Return {cell id: (mark or None, whether somebody has to look)} of what a person grades.
        """
        columns = (_GRADES.c.cell_id, _GRADES.c.id, _GRADES.c.auto_score, _GRADES.c.manual_score)
        columns = (*columns, _GRADES.c.needs_manual_grade)
        rows = {row.cell_id: row for row in db.execute(select(*columns).where(_GRADES.c.notebook_id == notebook))}
        missing = [cell for cell in scores if cell not in rows]
        if missing:
            _add_rows(db, _GRADES, notebook, missing)
            return self._write_grades(db, notebook, scores, changed)
        marks = {}
        for cell, score in scores.items():
            row = rows[cell]
            by_hand = row.manual_score is not None or score is None
            is_to_be_read = row.needs_manual_grade or cell in changed or row.auto_score != score
            values = {"auto_score": score, "needs_manual_grade": by_hand and is_to_be_read}
            db.execute(update(_GRADES).where(_GRADES.c.id == row.id), values)
            if by_hand:
                marks[cell] = (row.manual_score, values["needs_manual_grade"])
        return marks

    def _write_comments(self, db, notebook, comments):
        for cell, comment in comments.items():
            of_cell = (_COMMENTS.c.notebook_id == notebook) & (_COMMENTS.c.cell_id == cell)
            db.execute(update(_COMMENTS).where(of_cell).values(auto_comment=comment))

    def assign_penalties(self):
        """Bring what being late costs up to date; see the function of this name."""
        with database_errors(self.url):
            assign_penalties(self.gradebook, self.name, self.config)


def assign_penalties(gradebook, assignment, config=None):
    """Have nbgrader's plugin say what being late costs, for all submissions of an assignment.

    Due dates, extensions and marks by hand change after grading: whatever scores leave by brings them up to date.
    """
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


def time_of(text):
    """Read when something was handed in, as nbgrader writes it; None if that is no time of a course.

    Examples
    --------
    >>> time_of("2027-01-31 12:00:00 UTC"), time_of("9999-12-31 23:00:00 UTC"), time_of("9" * 33 + "m")
    (datetime.datetime(2027, 1, 31, 12, 0), None, None)
    """
    try:
        time = utils.parse_utc(text) if text else None
    except Exception:  # a student may have written it, and what reads it raises many things
        return None
    return time if time and time.year in YEARS else None


def _cells(row):
    """Return (id, {grade_id: cell id} of what is graded, and of what can be commented on) of a notebook."""
    graded = {cell.name: cell.id for cell in (*row.grade_cells, *row.task_cells)}
    commented = {cell.name: cell.id for cell in (*row.solution_cells, *row.task_cells)}
    return row.id, graded, commented


def _add_rows(db, table, notebook, cells):
    rows = [{"id": api.new_uuid(), "notebook_id": notebook, "cell_id": cell} for cell in cells]
    if rows and table is _GRADES:
        rows = [row | {"needs_manual_grade": True} for row in rows]
    if rows:
        db.execute(insert(table), rows)
