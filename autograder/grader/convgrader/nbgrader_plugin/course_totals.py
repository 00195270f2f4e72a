"""What the gradebook says about a whole course: what each student has of it, and where the rules do not fit it."""

import difflib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime

from nbgrader import api
from nbgrader.api import Gradebook
from sqlalchemy import select
from traitlets.config import Config

from convcourse.grade_ids import CHECK
from convgrader.nbgrader_plugin import course_rules
from convgrader.rules.late import shown
from convgrader.rules.model import CourseRules
from convgrader.rules.total import Earned


def students(gradebook: Gradebook) -> dict[str, tuple[str, str]]:
    """Return {student: (last name, first name)} of the gradebook."""
    rows = gradebook.db.execute(select(api.Student.id, api.Student.last_name, api.Student.first_name))
    return {str(name): (last or "", first or "") for name, last, first in sorted(rows)}


def tasks(gradebook: Gradebook, assignment: str) -> dict[str, float]:
    """Return {task: its points} of an assignment that was released."""
    return _all_tasks(gradebook).get(assignment, {})


def _all_tasks(gradebook: Gradebook) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for kind in (api.GradeCell, api.TaskCell):
        query = select(api.Assignment.name, kind.name, kind.max_score).select_from(kind)
        query = query.join(api.Notebook, api.Notebook.id == kind.notebook_id).join(api.Assignment)
        for assignment, cell, points in gradebook.db.execute(query):
            task = _task(cell)
            found[assignment][task] = found[assignment].get(task, 0.0) + points
    return found


def _task(cell: str) -> str:
    return cell.removeprefix(CHECK)


def earned(rules: CourseRules, gradebook: Gradebook, now: datetime) -> dict[str, dict[str, Earned]]:
    """Return {student: {assignment: what the student has of it}}, penalties by the rules.

    What is due by now counts, and what was graded; without a due date what anybody has handed in.
    """
    maxima, penalties = _all_tasks(gradebook), {}
    for each in course_rules.submissions(gradebook):
        penalties[each.student, each.assignment] = each.penalty
    for (assignment, student), one in course_rules.work_out(rules, gradebook).items():
        penalties[student, assignment] = one.penalty
    points = _points(gradebook)
    handed_in = {assignment for _, assignment in penalties}
    found: dict[str, dict[str, Earned]] = {}
    for student in students(gradebook):
        for name in (name for name in rules.assignments if name in maxima):
            due, key = rules.due(name, student), (student, name)
            is_due = key in penalties or (due < now if due is not None else name in handed_in)
            theirs = Earned(points.get(key, {}), maxima[name], penalties.get(key, 0.0), is_due)
            found.setdefault(student, {})[name] = theirs
    return found


def _points(gradebook: Gradebook) -> dict[tuple[str, str], dict[str, float]]:
    """Return {(student, assignment): {task: points}}."""
    query = (
        select(api.SubmittedAssignment.student_id, api.Assignment.name, api.BaseCell.name, api.Grade.score)
        .select_from(api.Grade)
        .join(api.SubmittedNotebook, api.SubmittedNotebook.id == api.Grade.notebook_id)
        .join(api.SubmittedAssignment, api.SubmittedAssignment.id == api.SubmittedNotebook.assignment_id)
        .join(api.Assignment, api.Assignment.id == api.SubmittedAssignment.assignment_id)
        .join(api.BaseCell, api.BaseCell.id == api.Grade.cell_id)
    )
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for student, assignment, cell, score in gradebook.db.execute(query):
        theirs, task = found[student, assignment], _task(cell)
        theirs[task] = theirs.get(task, 0.0) + score
    return found


def slips(rules: CourseRules, gradebook: Gradebook) -> list[str]:
    """Return what the file names and the gradebook does not know: students, and tasks."""
    known, found = students(gradebook), list[str]()
    for student in rules.extensions:
        found += _unknown(rules, f"extensions.{student}", [student], known, "student of the gradebook")
    seen: set[str] = set()
    for about in rules.assignments.values():
        for name, members in about.groups.items():
            if (key := f"group {name}: {members}") not in seen:
                seen.add(key)
                found += _unknown(rules, f"the group {name}", members, known, "student of the gradebook")
        if there_are := tasks(gradebook, about.name):
            for key, names in (("extra_credit", about.extra_tasks), ("left_out", about.left_out)):
                place = f"assignments.{about.name}.{key}"
                found += _unknown(rules, place, names, there_are, f"task of {about.name}")
    return found


def _unknown(rules: CourseRules, place: str, names: Iterable[str], known: Collection[str], what: str) -> Iterator[str]:
    for name in names:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {nearest[0]}?" if nearest else ""
            yield f"{rules.file}: {place} names {name}, which is no {what}.{hint}"


def remarks(rules: CourseRules, gradebook: Gradebook, config: Config | None, now: datetime) -> list[str]:
    """Return what may not be meant so: dates that are past, or missing, and what the file goes before."""
    found, submitted = [], course_rules.submissions(gradebook)
    handed_in = {each.assignment for each in submitted}
    for name in rules.assignments:
        due = rules.due(name)
        if due is not None and due < now and name not in handed_in:
            found.append(f"{name} was due on {shown(due.astimezone(rules.zone))}, and nothing of it is graded.")
    open_ended = [name for name, about in rules.assignments.items() if about.late is not None and about.due is None]
    if open_ended:
        found.append(f"Without a due date, so that nobody is late: {', '.join(open_ended)}.")
    for each in submitted:
        due = rules.due(each.assignment)
        if due is None or each.extension is None or rules.due(each.assignment, each.student) != due:
            continue
        found.append(
            f"The gradebook has an extension of {each.student} for {each.assignment}, and {rules.file} has none: "
            "grading takes it back."
        )
    plugin = config.AssignLatePenalties.get("plugin_class") if config is not None else None
    if plugin and any(about.late is not None for about in rules.assignments.values()):
        name = plugin if isinstance(plugin, str) else plugin.__name__
        found.append(
            f"nbgrader_config.py names a plugin for late penalties, {name}: where {rules.file} has a rule for it, the "
            "rule counts."
        )
    return found


def now() -> datetime:
    """Return what time it is."""
    return datetime.now(UTC)
