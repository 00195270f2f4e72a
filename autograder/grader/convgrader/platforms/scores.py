"""The scores of an assignment that are fit to leave the gradebook: what is not finished says why."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nbgrader import api
from sqlalchemy import func, select

from convgrader.nbgrader_plugin import grading_log
from convgrader.nbgrader_plugin.error_translation import database_errors
from convgrader.nbgrader_plugin.gradebook import assign_penalties

if TYPE_CHECKING:
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

GRADED, BY_HAND, FAILED = "graded", "to be graded by hand", "not graded"
UNREAD, ABSENT = "handed in, not graded", "not handed in"


@dataclass(frozen=True)
class Score:
    """What a student has earned, late penalties taken off, and what that is worth."""

    points: float
    penalty: float = 0.0
    state: str = GRADED


@dataclass(frozen=True)
class AssignmentScores:
    """The scores of a class in one assignment."""

    assignment: str
    points: float  # that it is worth
    scores: dict[str, Score]

    def of(self, student: str) -> Score:
        """Return a student's score."""
        return self.scores.get(student, Score(0.0, state=ABSENT))


def read_scores(directory: "CourseDirectory", config: "Config", assignment: str) -> AssignmentScores:
    """Read the scores of an assignment that the gradebook has, with penalties as due dates and marks say now."""
    with database_errors(directory.db_url), api.Gradebook(directory.db_url, directory.course_id) as gradebook:
        assign_penalties(gradebook, assignment, config)
        row = gradebook.find_assignment(assignment)
        failed = grading_log.failed_students(gradebook, assignment)
        waiting = _waiting(gradebook, row)
        found = {}
        for submission in row.submissions:
            student = submission.student_id
            state = FAILED if student in failed else BY_HAND if student in waiting else GRADED
            penalty = submission.late_submission_penalty or 0.0
            found[student] = Score(max(0.0, submission.score - penalty), penalty, state)
        for one in gradebook.students:
            folder = directory.format_path(directory.submitted_directory, one.id, assignment)
            if one.id not in found and Path(folder).is_dir():
                found[one.id] = Score(0.0, state=UNREAD)
        return AssignmentScores(assignment, row.max_score, found)


def _waiting(gradebook: api.Gradebook, assignment: api.Assignment) -> set[str]:
    """Return who has an answer that waits for a person."""
    rows = gradebook.db.execute(
        select(api.SubmittedAssignment.student_id, func.count(api.Grade.id))
        .join(api.SubmittedNotebook, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id)
        .join(api.Grade, api.Grade.notebook_id == api.SubmittedNotebook.id)
        .where(api.SubmittedAssignment.assignment_id == assignment.id, api.Grade.needs_manual_grade)
        .group_by(api.SubmittedAssignment.student_id)
    )
    return {student for student, _ in rows}
