"""The one writer: puts results into nbgrader's database as ``nbgrader autograde`` would, one transaction for each.

nbgrader opens the database nine times per submission; this opens it once and leaves the same rows behind.
"""

from pathlib import Path

from nbgrader import api, utils
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import insert, select, update

from convgrader.nbgrader_plugin import grading_log
from convgrader.nbgrader_plugin.telling import naming

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
        with naming(self.url):
            self.gradebook = api.Gradebook(url, course)
            try:
                found = self.gradebook.find_assignment(assignment)
            except api.MissingEntry:
                self.gradebook.close()
                raise
            self.assignment_id, self.config = found.id, config
            self.sources = {
                row.name: grading_log.source_of(self.gradebook, row.name, assignment) for row in found.notebooks
            }
            self.cells = {row.name: _cells(row) for row in found.notebooks}
            self.seed = grading_log.seed_of(self.gradebook, assignment)

    def close(self):
        """Let go of the database."""
        self.gradebook.close()

    def students(self):
        """Return the ids of all students of the course."""
        with naming(self.url):
            return set(self.gradebook.db.scalars(select(_STUDENTS.c.id)))

    def graded_before(self):
        """Return {(student, notebook): Record} of what was graded before."""
        with naming(self.url):
            return grading_log.records(self.gradebook, self.name)

    def write(self, result, checks=""):
        """Record one submission, graded by `checks`: all of it or, if this process is killed, nothing.

        Return {(notebook, grade_id): (mark or None, whether somebody has to look)} of what a person grades.
        """
        with naming(self.url):
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
        for graded in result.notebooks:
            notebook_id, grades, comments = self.cells[graded.notebook]
            own = submitted.get(notebook_id) or self._add_notebook(db, submission, graded.notebook)
            changed = grading_log.save_answers(self.gradebook, result.student, self.name, graded)
            scores = {grades[n]: score for n, score in graded.scores.items() if n in grades}
            found = self._write_grades(db, own, scores, {grades[n] for n in changed if n in grades})
            marks |= {(graded.notebook, n): found[grades[n]] for n in graded.scores if grades.get(n) in found}
            self._write_comments(db, own, {comments[n]: says for n, says in graded.comments.items() if n in comments})
            grading_log.save(
                self.gradebook,
                grading_log.Record(
                    result.student, self.name, graded.notebook, graded.digest, self.seed, graded.status,
                    graded.reason, graded.score, graded.seconds, checks,
                ),
            )  # fmt: skip
        return marks

    def _submission(self, result, timestamp, db):
        """Return the id of the student's submission; make it, with all that hangs on it, if there is none."""
        own = (_SUBMISSIONS.c.assignment_id == self.assignment_id) & (_SUBMISSIONS.c.student_id == result.student)
        found = db.execute(select(_SUBMISSIONS.c.id).where(own)).scalar()
        if found is None:
            found = api.new_uuid()
            row = {"id": found, "assignment_id": self.assignment_id, "student_id": result.student}
            db.execute(insert(_SUBMISSIONS), row | {"timestamp": timestamp})
            for name in self.cells:
                self._add_notebook(db, found, name)
        elif timestamp is not None:
            db.execute(update(_SUBMISSIONS).where(_SUBMISSIONS.c.id == found).values(timestamp=timestamp))
        return found

    def _add_notebook(self, db, submission, name):
        notebook_id, grades, comments = self.cells[name]
        own = api.new_uuid()
        row = {"id": own, "assignment_id": submission, "notebook_id": notebook_id, "flagged": False}
        db.execute(insert(_NOTEBOOKS), row)
        for table, cells in ((_GRADES, grades), (_COMMENTS, comments)):
            _add_rows(db, table, own, cells.values())
        return own

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
            is_news = row.needs_manual_grade or cell in changed or row.auto_score != score
            values = {"auto_score": score, "needs_manual_grade": by_hand and is_news}
            db.execute(update(_GRADES).where(_GRADES.c.id == row.id), values)
            if by_hand:
                marks[cell] = (row.manual_score, values["needs_manual_grade"])
        return marks

    def _write_comments(self, db, notebook, comments):
        for cell, says in comments.items():
            own = (_COMMENTS.c.notebook_id == notebook) & (_COMMENTS.c.cell_id == cell)
            db.execute(update(_COMMENTS).where(own).values(auto_comment=says))

    def assign_penalties(self):
        """Bring what being late costs up to date; see the function of this name."""
        with naming(self.url):
            assign_penalties(self.gradebook, self.name, self.config)


def assign_penalties(gradebook, assignment, config=None):
    """Have nbgrader's plugin say what being late costs, for all submissions of an assignment.

    Due dates, extensions and marks by hand change after grading: whatever scores leave by brings them up to date.
    """
    rule = AssignLatePenalties(config=config)
    rule.init_plugin()
    for submission in gradebook.find_assignment(assignment).submissions:
        late = submission.total_seconds_late
        for row in submission.notebooks:
            found = rule.plugin_inst.late_submission_penalty(submission.student_id, row.score, late) if late else None
            row.late_submission_penalty = None if found is None else rule._check_late_penalty(row, round(found, 6))
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
