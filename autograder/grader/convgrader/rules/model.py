"""What ``course/course.toml`` says, as values; knows no file, no gradebook and no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

EVERY = "*"  # stands for all assignments among the extensions of a student
SECONDS = {"day": 86400, "hour": 3600}


@dataclass(frozen=True)
class Amount:
    """Points, or percent of something."""

    value: float
    is_percent: bool = False

    def of(self, whole: float) -> float:
        """Return the points that it comes to.

        Examples
        --------
        >>> Amount(10, is_percent=True).of(15), Amount(2).of(15)
        (1.5, 2)
        """
        return self.value * whole / 100 if self.is_percent else self.value

    def times(self, count: int) -> "Amount":
        """Return a multiple."""
        return Amount(self.value * count, self.is_percent)

    def __str__(self) -> str:
        if self.is_percent:
            return f"{self.value:g} %"
        return f"{self.value:g} point{'' if self.value == 1 else 's'}"


@dataclass(frozen=True)
class LateRule:
    """What being late costs.

    Parameters
    ----------
    penalty : Amount
        For each `per` that has begun.
    per : str
        "day" or "hour".
    of : str
        What percent are taken of: the "score", or the "maximum" of the assignment.
    floor : Amount or None
        What of the score is left at least.
    grace : datetime.timedelta
        Who is late by no more than this is in time; who is later is late from the due date on.
    closes_after : datetime.timedelta or None
        Who is later than this earns nothing.
    late_days : int or None
        How many free days an assignment may take; None: as many as the term has left.
    """

    penalty: Amount = Amount(0)
    per: str = "day"
    of: str = "score"
    floor: Amount | None = None
    grace: timedelta = timedelta(0)
    closes_after: timedelta | None = None
    late_days: int | None = None


@dataclass(frozen=True)
class AssignmentRules:
    """What holds for one assignment.

    `late` is None where the course has no rule for late work: then nbgrader's own plugin decides. `weight` is None
    where an assignment weighs as much as it has points. Of the tasks that are `left_out` neither the points nor the
    maximum count, of those in `extra_tasks` the points alone.
    """

    name: str
    due: datetime | None = None
    late: LateRule | None = None
    weight: float | None = None
    extra_credit: bool = False
    extra_tasks: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class CourseRules:
    """What holds for a course; assignments stand in the order of its topics.

    `topics` is empty where the file names none: then all count. `late_days` are those of the whole term, None if there
    are none but what single assignments have. `extensions` holds {student: {assignment or EVERY: how much longer, or
    until when}}.
    """

    file: str
    zone: tzinfo = UTC
    path: str = ""
    topics: tuple[str, ...] = ()
    late_days: int | None = None
    drop_lowest: int = 0
    assignments: Mapping[str, AssignmentRules] = field(default_factory=dict)
    extensions: Mapping[str, Mapping[str, timedelta | datetime]] = field(default_factory=dict)

    def rules_of(self, assignment: str) -> AssignmentRules:
        """Return what holds for an assignment, also for one that the file says nothing about."""
        return self.assignments.get(assignment) or AssignmentRules(assignment)

    def due(self, assignment: str, student: str = "") -> datetime | None:
        """Return when an assignment is due in UTC, for a student with the extension that was given.

        An extension of two days ends at the same time of day, also where the clocks change in between.
        """
        due = self.rules_of(assignment).due
        given = self.extensions.get(student, {})
        extension = given.get(assignment, given.get(EVERY))
        if due is None:
            return None
        if isinstance(extension, timedelta):
            return (due + extension).astimezone(UTC)
        return max(due, extension).astimezone(UTC) if extension else due.astimezone(UTC)

    def last_due(self, assignment: str) -> datetime | None:
        """Return when the last student has to have handed in, extensions and all."""
        times = [self.due(assignment, student) for student in ("", *self.extensions)]
        return max((time for time in times if time is not None), default=None)

    def members(self, assignment: str, student: str) -> tuple[str, ...]:
        """Return the students of a student's group, or nobody for one who works alone."""
        groups = self.rules_of(assignment).groups.values()
        return next((members for members in groups if student in members), ())

    def group_name(self, assignment: str, student: str) -> str:
        """Return the name of a student's group, "" for one who works alone."""
        groups = self.rules_of(assignment).groups.items()
        return next((name for name, members in groups if student in members), "")

    def in_order(self) -> list[str]:
        """Return the assignments by their due dates: the order in which late days are spent."""
        dated = [(due, name) for name in self.assignments if (due := self.due(name)) is not None]
        return [name for _, name in sorted(dated)]
