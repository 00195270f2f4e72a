"""What being late costs a student, by the rules of the course: times and points in, points and a sentence out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from convgrader.rules.model import SECONDS, CourseRules, LateRule

DAY = SECONDS["day"]


@dataclass(frozen=True)
class Lateness:
    """How late one student was with one assignment.

    `late_days` are those that are spent on it, `left` those that the term has left then (None: it has no such number),
    `units` the days or hours that are paid for. `due` counts the extension.
    """

    due: datetime
    rule: LateRule
    seconds: float = 0.0
    late_days: int = 0
    left: int | None = None
    units: int = 0
    is_extended: bool = False

    @property
    def is_in_grace(self) -> bool:
        """Say whether it was late by no more than the grace period."""
        return 0 < self.seconds <= self.rule.grace.total_seconds()

    @property
    def is_closed(self) -> bool:
        """Say whether it came after the assignment was closed."""
        return _is_closed(self.rule, self.seconds)


def lateness(rules: CourseRules, student: str, times: Mapping[str, datetime]) -> dict[str, Lateness]:
    """Return how late a student was with each assignment; late days are spent in the order of due dates.

    Parameters
    ----------
    times : mapping
        assignment -> when it was handed in, with its zone.
    """
    left, found = rules.late_days, {}
    for name in rules.in_order():
        rule, due = rules.rules_of(name).late, rules.due(name, student)
        if rule is None or due is None or name not in times:
            continue
        seconds = max(0.0, (times[name].astimezone(UTC) - due).total_seconds())
        is_extended, due = due != rules.due(name), due.astimezone(rules.zone)
        if seconds <= rule.grace.total_seconds() or _is_closed(rule, seconds):
            found[name] = Lateness(due, rule, seconds, left=left, is_extended=is_extended)
            continue
        spent = min(math.ceil(seconds / DAY), _allowed(rule, left))
        left = None if left is None else left - spent
        units = math.ceil(max(0.0, seconds - spent * DAY) / SECONDS[rule.per])
        found[name] = Lateness(due, rule, seconds, spent, left, units, is_extended)
    return found


def _is_closed(rule: LateRule, seconds: float) -> bool:
    return rule.closes_after is not None and seconds > max(rule.closes_after, rule.grace).total_seconds()


def _allowed(rule: LateRule, left: int | None) -> int:
    """Return how many late days an assignment may take now."""
    bounds = [each for each in (rule.late_days, left) if each is not None]
    return min(bounds, default=0)


def penalty(late: Lateness, score: float, maximum: float) -> float:
    """Return the points that an assignment loses: never more than its score, and no more than the floor leaves."""
    if late.is_closed:
        return max(0.0, score)
    whole = score if late.rule.of == "score" else maximum
    floor = late.rule.floor.of(whole) if late.rule.floor else 0.0
    asked = late.rule.penalty.times(late.units).of(whole)
    return round(max(0.0, min(asked, score - floor)), 6)


def sentence(late: Lateness, score: float, maximum: float) -> str:
    """Say which rule was applied and why, "" to somebody in time without an extension.

    Examples
    --------
    >>> from convgrader.rules.model import Amount
    >>> rule = LateRule(penalty=Amount(10, is_percent=True))
    >>> sentence(Lateness(datetime(2027, 1, 31), rule, 2 * DAY, late_days=1, left=0, units=1), 15, 20)
    '2 days late, 1 of them a late day: 10 % = 1.5 points. No late days are left.'
    """
    rule = late.rule
    if not late.seconds:
        return f"In time: an extension until {shown(late.due)}." if late.is_extended else ""
    how_late = f"{_counted_time(late)} late"
    if late.is_extended:
        how_late += f", after an extension until {shown(late.due)}"
    if late.is_in_grace:
        return f"{how_late}: within {length(rule.grace)} nothing is lost."
    if late.is_closed and rule.closes_after is not None:
        return f"{how_late}: after more than {length(rule.closes_after)} nothing is earned."
    if late.late_days:
        kind = "a late day" if late.late_days == 1 else "late days"
        covered = f"covered by {_counted(late.late_days, 'late day')}"
        how_late += f", {late.late_days} of them {kind}" if late.units else f", {covered}"
        if late.units and rule.per == "hour":
            how_late += f", and {_counted(late.units, 'hour')} beyond"
    left = _left(late)
    if not late.units or not rule.penalty.value:
        return f"{how_late}: nothing is lost.{left}"
    asked, lost = rule.penalty.times(late.units), penalty(late, score, maximum)
    base = " of the maximum" if rule.penalty.is_percent and rule.of == "maximum" else ""
    cost = f"{asked}{base} = {_counted(lost, 'point')}" if rule.penalty.is_percent else _counted(lost, "point")
    if lost < round(asked.of(score if rule.of == "score" else maximum), 6):
        keeps = f"the score keeps at least {rule.floor}{base}" if rule.floor and lost < score else ""
        why = keeps or "no more than the score is lost"
        return f"{how_late}: {asked}{base}, but {why}: {_counted(lost, 'point')}.{left}"
    return f"{how_late}: {cost}.{left}"


def _left(late: Lateness) -> str:
    if not late.late_days or late.left is None:
        return ""
    if late.left == 1:
        return " 1 late day is left."
    return f" {late.left or 'No'} late days are left."


def _counted_time(late: Lateness) -> str:
    """Return how late it was in begun days, or in what the rule counts by."""
    unit = "hour" if late.rule.per == "hour" and not late.late_days else "day"
    if late.is_in_grace:
        unit = "minute"
    seconds = 60 if unit == "minute" else SECONDS[unit]
    return _counted(math.ceil(late.seconds / seconds), unit)


def length(duration: timedelta) -> str:
    """Return a length of time in the largest unit that it is a number of.

    Examples
    --------
    >>> length(timedelta(days=1)), length(timedelta(minutes=90))
    ('1 day', '90 minutes')
    """
    seconds = int(duration.total_seconds())
    for name, size in (("day", DAY), ("hour", 3600), ("minute", 60)):
        if seconds % size == 0:
            return _counted(seconds // size, name)
    return f"{seconds} seconds"


def _counted(number: float, what: str) -> str:
    return f"{number:g} {what}{'' if number == 1 else 's'}"


def shown(time: datetime) -> str:
    """Return a time for readers, in its own zone.

    Examples
    --------
    >>> shown(datetime(2027, 1, 31, 16, 0, tzinfo=UTC))
    '31 January 2027, 16:00 UTC'
    """
    return f"{time.day} {time:%B %Y, %H:%M %Z}".strip()


def describe(rule: LateRule | None) -> str:
    """Say a rule in words.

    Examples
    --------
    >>> from convgrader.rules.model import Amount
    >>> describe(LateRule(Amount(10, is_percent=True), late_days=2))
    '10 % of the score for each day that has begun; an assignment takes 2 late days at most.'
    >>> describe(LateRule())
    'costs nothing.'
    """
    if rule is None:
        return "nbgrader_config.py decides."
    base = f" of the {rule.of}" if rule.penalty.is_percent else ""
    said = [f"{rule.penalty}{base} for each {rule.per} that has begun"] if rule.penalty.value else ["costs nothing"]
    if rule.floor:
        said.append(f"the score keeps at least {rule.floor}")
    if rule.grace:
        said.append(f"within {length(rule.grace)} nothing is lost")
    if rule.closes_after:
        said.append(f"after more than {length(rule.closes_after)} nothing is earned")
    if rule.late_days is not None:
        said.append(f"an assignment takes {_counted(rule.late_days, 'late day')} at most")
    return "; ".join(said) + "."
