"""Who is in the class, and until when each of them has time: from the list of the course and from the gradebook."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from nbgrader import api
from sqlalchemy.engine import make_url

from convcourse.errors import UsageError
from convgrader.nbgrader_plugin import course_rules
from convgrader.nbgrader_plugin.error_translation import database_errors
from convgrader.platforms.roster import Roster, Student, read_roster

if TYPE_CHECKING:
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

ROSTER = "students.csv"  # beside what students have handed in


@dataclass(frozen=True)
class ClassList:
    """A class, and its time for one assignment."""

    roster: Roster
    due: datetime | None
    extensions: dict[str, timedelta]
    registered: frozenset[str]  # whom the gradebook knows
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # member -> all who hand in together
    zone: tzinfo | None = None  # of the course, None where nothing says it

    def due_for(self, student: str) -> datetime | None:
        """Return when the time of a student ends."""
        return self.due + self.extensions.get(student, timedelta()) if self.due else None


def read_class(
    directory: "CourseDirectory", config: "Config | None", assignment: str, path: str | None = None
) -> ClassList:
    """Read the class from the table at `path`, else from ``students.csv`` of the course, else from the gradebook.

    Due dates, extensions and groups are those of the rules of the course, else of the gradebook.
    """
    url = directory.db_url
    database = make_url(url).database
    if url.startswith("sqlite") and database and not Path(database).is_file():
        raise UsageError(
            f"there is no gradebook {database}: `autograder release` makes it, in the folder of the course"
        )
    with database_errors(url), api.Gradebook(url, directory.course_id) as gradebook:
        try:
            row = gradebook.find_assignment(assignment)
        except api.MissingEntry:
            names = ", ".join(sorted(row.name for row in gradebook.assignments)) or "none"
            raise UsageError(f"the gradebook has no assignment {assignment}; it has {names}") from None
        students = tuple(
            Student(one.id, one.first_name or "", one.last_name or "", email=one.email or "")
            for one in gradebook.students
        )
        extensions = {each.student_id: each.extension for each in row.submissions if each.extension}
        due = row.duedate.replace(tzinfo=UTC) if row.duedate else None
        rules = course_rules.rules_of(config, gradebook)
    groups: dict[str, tuple[str, ...]] = {}
    zone = rules.zone if rules is not None else None
    if rules is not None:
        due = rules.due(assignment)
        times = {student: rules.due(assignment, student) for student in rules.extensions}
        extensions = {student: time - due for student, time in times.items() if time and due}
        groups = {member: members for members in rules.rules_of(assignment).groups.values() for member in members}
    known = frozenset(student.id for student in students)
    submitted = Path(directory.format_path(directory.submitted_directory, ".", ".")).resolve()
    default = submitted.parent / ROSTER
    if path is None and default.is_file():
        path = str(default)
    if path is not None:
        return ClassList(read_roster(path, known), due, extensions, known, groups, zone)
    if not students:
        raise UsageError(
            f"nobody is known of the class: write its list to {default}, give it by --roster FILE, or enter the "
            "students by `nbgrader db student import FILE`"
        )
    return ClassList(Roster(students, "the gradebook"), due, extensions, known, groups, zone)
