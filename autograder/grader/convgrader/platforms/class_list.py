"""Who is in the class, and until when each of them has time: from the list of the course and from the gradebook."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from nbgrader import api
from sqlalchemy.engine import make_url

from convcourse.errors import UsageError
from convgrader.nbgrader_plugin.error_translation import database_errors
from convgrader.platforms.roster import Roster, Student, read_roster

if TYPE_CHECKING:
    from nbgrader.coursedir import CourseDirectory

ROSTER = "students.csv"  # beside what students have handed in


@dataclass(frozen=True)
class ClassList:
    """A class, and its time for one assignment."""

    roster: Roster
    due: datetime | None
    extensions: dict[str, timedelta]
    registered: frozenset[str]  # whom the gradebook knows

    def due_for(self, student: str) -> datetime | None:
        """Return when the time of a student ends."""
        return self.due + self.extensions.get(student, timedelta()) if self.due else None


def read_class(directory: "CourseDirectory", assignment: str, path: str | None = None) -> ClassList:
    """Read the class from the table at `path`, else from ``students.csv`` of the course, else from the gradebook."""
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
    known = frozenset(student.id for student in students)
    submitted = Path(directory.format_path(directory.submitted_directory, ".", ".")).resolve()
    default = submitted.parent / ROSTER
    if path is None and default.is_file():
        path = str(default)
    if path is not None:
        return ClassList(read_roster(path, known), due, extensions, known)
    if not students:
        raise UsageError(
            f"nobody is known of the class: write its list to {default}, give it by --roster FILE, or enter the "
            "students by `nbgrader db student import FILE`"
        )
    return ClassList(Roster(students, "the gradebook"), due, extensions, known)
