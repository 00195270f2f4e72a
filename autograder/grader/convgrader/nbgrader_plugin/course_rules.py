"""``course/course.toml`` goes into the gradebook: due dates, extensions, and what being late costs.

``nbgrader_config.py`` says where the file is, ``c.CourseFile.path``. Where there is no such file, or where it says
nothing about late work, the plugin that ``c.AssignLatePenalties.plugin_class`` names decides, as it does in nbgrader.
"""

import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nbgrader.api import Assignment, Grade, Gradebook, SubmittedAssignment, SubmittedNotebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import LateSubmissionPlugin
from sqlalchemy import func, make_url, select, update
from traitlets import Unicode
from traitlets.config import Config, Configurable

from convgrader.nbgrader_plugin import groups
from convgrader.nbgrader_plugin.error_translation import database_errors
from convgrader.rules import late, reader
from convgrader.rules.model import AssignmentRules, CourseRules


class CourseFile(Configurable):
    """Where the rules of the course stand: an option in ``nbgrader_config.py``."""

    path = Unicode("", help="The file of rules, course/course.toml; there need not be one.").tag(config=True)


def path_of(config: Config | None) -> Path | None:
    """Return where the file of rules is, or would be; None where the configuration does not say."""
    path = CourseFile(config=config).path if config is not None else ""
    return Path(path) if path else None


def url_to_read(directory: CourseDirectory) -> str:
    """Return the gradebook for what only reads; an empty one in memory where there is none, and none is made."""
    path = make_url(directory.db_url).database
    is_missing = directory.db_url.startswith("sqlite") and path and not Path(path).is_file()
    if not is_missing:
        return str(directory.db_url)
    here = str(Path(sys.executable).parent)  # nbgrader calls alembic by name for a new gradebook: it lies beside Python
    os.environ["PATH"] = os.pathsep.join([here, os.environ.get("PATH", "")])
    return "sqlite:///:memory:"


def rules_of(config: Config | None, gradebook: Gradebook) -> CourseRules | None:
    """Return the rules of the course, None where there is no file; UsageError says what is wrong in it.

    Due dates and extensions that the file does not give are those of the gradebook.
    """
    path = path_of(config)
    if path is None or not path.exists():
        return None
    return _with_dates_of(gradebook, reader.read(path, known_assignments(config, gradebook)))


def rules_here(config: Config | None, directory: CourseDirectory) -> CourseRules | None:
    """Return the rules as `rules_of` does, for what has no gradebook open."""
    url = url_to_read(directory)
    with database_errors(url), Gradebook(url, directory.course_id) as gradebook:
        return rules_of(config, gradebook)


def rules_of_gradebook(config: Config | None, gradebook: Gradebook) -> CourseRules:
    """Return what a gradebook says without a file of rules: due dates and extensions."""
    names = known_assignments(config, gradebook)
    return _with_dates_of(gradebook, CourseRules("", assignments={name: AssignmentRules(name) for name in names}))


def known_assignments(config: Config | None, gradebook: Gradebook) -> list[str]:
    """List the assignments of the checkout and of the gradebook, in the order of the longest course."""
    directory = CourseDirectory(config=config)
    folders = Path(directory.format_path(directory.source_directory, ".", "*")).parent
    found = {path.name for path in folders.glob("[!.]*") if path.is_dir()} | set(_due_dates(gradebook))
    order = max(reader.paths().values(), key=len)
    return sorted(found, key=lambda name: (order.index(name) if name in order else len(order), name))


def _due_dates(gradebook: Gradebook) -> dict[str, datetime | None]:
    return {str(row.name): row.duedate for row in gradebook.db.execute(select(Assignment.name, Assignment.duedate))}


def _with_dates_of(gradebook: Gradebook, rules: CourseRules) -> CourseRules:
    """Take the due dates that the file does not give, and the extensions of these assignments, from the gradebook."""
    missing = {
        name: due.replace(tzinfo=UTC)
        for name, due in _due_dates(gradebook).items()
        if due is not None and name in rules.assignments and rules.assignments[name].due is None
    }
    dated = {name: replace(rules.assignments[name], due=due) for name, due in missing.items()}
    extensions: dict[str, dict[str, timedelta | datetime]] = {
        student: dict(given) for student, given in rules.extensions.items()
    }
    query = select(SubmittedAssignment.student_id, Assignment.name, SubmittedAssignment.extension).join(Assignment)
    for student, name, extension in gradebook.db.execute(query.where(SubmittedAssignment.extension.isnot(None))):
        if name in missing:
            extensions.setdefault(student, {})[name] = extension
    return replace(rules, assignments={**rules.assignments, **dated}, extensions=extensions)


@dataclass(frozen=True)
class Submitted:
    """What the gradebook has of one submission; `notebooks` holds {id: (score, penalty)}."""

    id: str
    student: str
    assignment: str
    time: datetime | None
    extension: timedelta | None
    notebooks: dict[str, tuple[float, float | None]]

    @property
    def score(self) -> float:
        """The points, marks by hand and extra credit included, before a penalty."""
        return sum(score for score, _ in self.notebooks.values())

    @property
    def penalty(self) -> float:
        """What being late costs by the gradebook."""
        return sum(penalty or 0.0 for _, penalty in self.notebooks.values())


def submissions(gradebook: Gradebook) -> list[Submitted]:
    """Return all that was graded."""
    query = (
        select(
            SubmittedAssignment.id, SubmittedAssignment.student_id, Assignment.name, SubmittedAssignment.timestamp,
            SubmittedAssignment.extension, SubmittedNotebook.id, SubmittedNotebook.late_submission_penalty,
            func.coalesce(func.sum(Grade.score), 0.0),
        )
        .select_from(SubmittedAssignment)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .outerjoin(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .group_by(SubmittedNotebook.id)
        .order_by(SubmittedAssignment.student_id, Assignment.name, SubmittedNotebook.id)
    )  # fmt: skip
    found: dict[str, Submitted] = {}
    for row_id, student, name, time, extension, notebook, penalty, score in gradebook.db.execute(query):
        zoned = time and time.replace(tzinfo=UTC)
        submitted = found.setdefault(row_id, Submitted(row_id, student, name, zoned, extension, {}))
        submitted.notebooks[notebook] = (score, penalty)
    return list(found.values())


@dataclass(frozen=True)
class Applied:
    """What the rules come to for one submission: how late it was, the points before and the penalty, in a sentence."""

    student: str
    assignment: str
    lateness: late.Lateness
    score: float
    penalty: float
    sentence: str


def work_out(rules: CourseRules, gradebook: Gradebook) -> dict[tuple[str, str], Applied]:
    """Return {(assignment, student): what the rules come to}, and write nothing."""
    return _work_out(rules, submissions(gradebook), _maxima(gradebook))


def _maxima(gradebook: Gradebook) -> dict[str, float]:
    return {str(row.name): float(row.max_score) for row in gradebook.assignments}


def _work_out(
    rules: CourseRules, submitted: Iterable[Submitted], maxima: Mapping[str, float]
) -> dict[tuple[str, str], Applied]:
    of_student: dict[str, list[Submitted]] = defaultdict(list)
    for each in submitted:
        of_student[each.student].append(each)
    found = {}
    for student, theirs in of_student.items():
        times = {each.assignment: each.time for each in theirs if each.time is not None}
        by_name = {each.assignment: each for each in theirs}
        for name, how_late in late.lateness(rules, student, times).items():
            score, maximum = by_name[name].score, maxima[name]
            penalty = late.penalty(how_late, score, maximum)
            words = late.sentence(how_late, score, maximum)
            found[name, student] = Applied(student, name, how_late, score, penalty, words)
    return found


def apply(rules: CourseRules, gradebook: Gradebook) -> dict[tuple[str, str], Applied]:
    """Write due dates, extensions, penalties and the marks of groups into the gradebook; return what was applied.

    The assignments that have no rule for late work keep the penalties that they have.
    """
    groups.share_marks(gradebook, rules)
    db, submitted = gradebook.db, submissions(gradebook)
    for name, due in _due_dates(gradebook).items():
        wanted = _naive(rules.due(name))
        if wanted is not None and wanted != due:
            db.execute(update(Assignment).where(Assignment.name == name).values(duedate=wanted))
    applied = _work_out(rules, submitted, _maxima(gradebook))
    for each in submitted:
        if (due := rules.due(each.assignment)) is None:
            continue
        extension = (rules.due(each.assignment, each.student) or due) - due or None
        if extension != each.extension:
            row = update(SubmittedAssignment).where(SubmittedAssignment.id == each.id)
            db.execute(row.values(extension=extension))
        if rules.rules_of(each.assignment).late is not None:
            one = applied.get((each.assignment, each.student))
            _write_penalty(gradebook, each, one.penalty if one and one.lateness.seconds else None)
    db.commit()
    db.expire_all()
    return applied


def _write_penalty(gradebook: Gradebook, submitted: Submitted, penalty: float | None) -> None:
    """Spread a penalty over the notebooks of a submission, by their scores."""
    left, last = penalty or 0.0, list(submitted.notebooks)[-1]
    for notebook, (score, before) in submitted.notebooks.items():
        share = score / submitted.score if submitted.score else 0.0
        part = left if notebook == last else round((penalty or 0.0) * share, 6)
        left -= part
        value = None if penalty is None else round(part, 6)
        if value != before:
            row = update(SubmittedNotebook).where(SubmittedNotebook.id == notebook)
            gradebook.db.execute(row.values(late_submission_penalty=value))


def _naive(time: datetime | None) -> datetime | None:
    """Return a time as the gradebook keeps it: in UTC, without saying so."""
    return time.astimezone(UTC).replace(tzinfo=None) if time is not None else None


class CourseLatePenalty(LateSubmissionPlugin):
    """The rules of the course as a plugin of nbgrader's, for courses that nbgrader itself grades.

    ``c.AssignLatePenalties.plugin_class = CourseLatePenalty``. Where convgrader grades it is not needed. nbgrader asks
    it about submissions alone that are late by the gradebook: `autograder rules --apply` writes due dates there.
    """

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """Return what being late costs one notebook; see nbgrader's LateSubmissionPlugin."""
        directory = _course_directory(self)
        with Gradebook(directory.db_url, directory.course_id) as gradebook:
            rules = rules_of(self.config, gradebook)
            if rules is None or rules.rules_of(directory.assignment_id).late is None:
                stock: float | None = super().late_submission_penalty(student_id, score, total_seconds_late)
                return stock
            one = work_out(rules, gradebook).get((directory.assignment_id, student_id))
            maximum = _maxima(gradebook)[directory.assignment_id]
        return late.penalty(one.lateness, score, maximum) if one and one.lateness.seconds else None


def _course_directory(plugin: Any) -> CourseDirectory:
    """Return the folders of the command that has made a plugin: nbgrader tells it the student alone."""
    owner = plugin
    while owner is not None:
        if isinstance(getattr(owner, "coursedir", None), CourseDirectory):
            return owner.coursedir
        owner = owner.parent
    return CourseDirectory(config=plugin.config)
