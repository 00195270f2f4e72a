"""Reads what a class earned out of the gradebook: scores as they count now, and the verdicts that are kept of them."""

from pathlib import Path

from nbgrader import api
from sqlalchemy import make_url, select, text

from convcourse.errors import UsageError
from convcourse.grade_ids import CHECK
from convgrader.class_statistics import AssignmentResults, TaskResults
from convgrader.jobs import TaskVerdict
from convgrader.nbgrader_plugin import grading_log
from convgrader.nbgrader_plugin.error_translation import database_errors

Cell = tuple[str, str]  # notebook, grade_id


def read(url: str, course: str, assignments: list[str]) -> list[AssignmentResults]:
    """Return what a class earned in assignments; UsageError says why there is nothing to tell of one.

    Where none are named it is all that are graded, in the order of a term. Nothing is written into the gradebook.
    """
    path = make_url(url).database
    if url.startswith("sqlite") and path and not Path(path).is_file():
        raise UsageError(f"there is no gradebook {path}: `autograder release` makes it, in the folder of the course")
    with database_errors(url), api.Gradebook(url, course) as gradebook:
        return [_read(gradebook, name) for name in dict.fromkeys(assignments or graded(gradebook))]


def folder_of(url: str) -> Path:
    """Return the folder of a gradebook; the current one where it is no file."""
    path = make_url(url).database
    return Path(path).parent if url.startswith("sqlite") and path else Path()


def graded(gradebook: api.Gradebook) -> list[str]:
    """Return the assignments of which something is graded: by due date, and by release where there is none."""
    release = [text("assignment.rowid")] if gradebook.engine.dialect.name == "sqlite" else []
    due = api.Assignment.duedate
    handed_in = api.Assignment.id.in_(select(api.SubmittedAssignment.assignment_id))
    statement = select(api.Assignment.name).where(handed_in).order_by(due.is_(None), due, *release)
    found = list(gradebook.db.scalars(statement))
    if not found:
        raise UsageError("no submission is graded yet: `autograder grade` grades what was handed in")
    return found


def _read(gradebook: api.Gradebook, name: str) -> AssignmentResults:
    try:
        assignment = gradebook.find_assignment(name)
    except api.MissingEntry:
        names = ", ".join(row.name for row in gradebook.assignments) or "none"
        raise UsageError(f"the gradebook has no assignment {name}; it has {names}") from None
    ids = gradebook.db.scalars(
        select(api.SubmittedAssignment.student_id).where(api.SubmittedAssignment.assignment_id == assignment.id)
    )
    submitted = set(ids)
    failed = submitted & grading_log.failed_students(gradebook, name)
    students = submitted - failed
    if not submitted:
        raise UsageError(f"no submission of {name} is graded yet: `autograder grade {name}` grades what was handed in")
    if not students:
        raise UsageError(f"no submission of {name} could be graded: `autograder grade {name}` says why")
    verdicts = {key: each for key, each in grading_log.verdicts(gradebook, name).items() if key[0] in students}
    with_checks = [row.name for row in assignment.notebooks if any(map(_is_check, row.grade_cells))]
    bare = {student for student in students if any((student, notebook) not in verdicts for notebook in with_checks)}
    if bare == students:
        raise UsageError(
            f"{name} was graded before verdicts were kept: `autograder grade {name}` grades it again, and keeps them"
        )
    tasks = _tasks(gradebook, assignment, students, _by_cell(verdicts))
    missing = set(gradebook.db.scalars(select(api.Student.id))) - submitted
    return AssignmentResults(
        name,
        tuple(sorted(students)),
        tasks,
        failed=tuple(sorted(failed)),
        without_verdicts=tuple(sorted(bare)),
        missing=tuple(sorted(missing)),
    )


def _is_check(cell: api.GradeCell) -> bool:
    return str(cell.name).startswith(CHECK)


def _by_cell(verdicts: dict[tuple[str, str], list[TaskVerdict]]) -> dict[Cell, dict[str, TaskVerdict]]:
    """Return {cell: {student: verdict}}; of several verdicts of one cell the first that lost points stands for all."""
    found: dict[Cell, dict[str, TaskVerdict]] = {}
    for (student, notebook), each in verdicts.items():
        for verdict in sorted(each, key=lambda one: one.earned < one.points):
            found.setdefault((notebook, verdict.cell), {})[student] = verdict
    return found


def _tasks(
    gradebook: api.Gradebook,
    assignment: api.Assignment,
    students: set[str],
    verdicts: dict[Cell, dict[str, TaskVerdict]],
) -> tuple[TaskResults, ...]:
    """Return the tasks of an assignment in the order of its notebooks."""
    rows = gradebook.db.execute(
        select(
            api.SubmittedAssignment.student_id, api.Grade.cell_id, api.Grade.auto_score, api.Grade.manual_score,
            api.Grade.needs_manual_grade,
        )
        .join(api.SubmittedNotebook, api.SubmittedNotebook.id == api.Grade.notebook_id)
        .join(api.SubmittedAssignment, api.SubmittedAssignment.id == api.SubmittedNotebook.assignment_id)
        .where(api.SubmittedAssignment.assignment_id == assignment.id)
    )  # fmt: skip
    checks = {cell.id for notebook in assignment.notebooks for cell in notebook.grade_cells if _is_check(cell)}
    scores: dict[str, dict[str, float | None]] = {}
    waiting: dict[str, set[str]] = {}
    for student, cell, by_machine, by_hand, needs_person in rows:
        if student in students:
            scores.setdefault(cell, {})[student] = by_machine if by_hand is None else by_hand
            is_new = by_machine is None and cell in checks  # a task that was released since
            if needs_person and not is_new:
                waiting.setdefault(cell, set()).add(student)
    found: list[TaskResults] = []
    for notebook in sorted(assignment.notebooks, key=lambda row: str(row.name)):
        order = [cell.name for cell in grading_log.source_of(gradebook, notebook.name, assignment.name).cells]
        cells = [*notebook.grade_cells, *notebook.task_cells]
        cells.sort(key=lambda cell: order.index(cell.name) if cell.name in order else len(order))
        found += [
            TaskResults(
                notebook.name,
                cell.name.removeprefix(CHECK),
                cell.max_score,
                scores.get(cell.id, {}),
                verdicts.get((notebook.name, cell.name), {}),
                frozenset(waiting.get(cell.id, ())),
            )
            for cell in cells
        ]
    return tuple(found)
