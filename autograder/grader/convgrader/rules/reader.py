"""Reads ``course/course.toml``, and says in a sentence what is wrong in it: the file, the key, and what is allowed."""

import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from convcourse.errors import UsageError
from convgrader.rules.model import EVERY, SECONDS, Amount, AssignmentRules, CourseRules, LateRule

T = TypeVar("T")
D = TypeVar("D")
TEMPLATE = "course.toml"  # beside this module, and commented
PATHS = "paths.toml"
YEARS = range(1990, 2200)
MAX_SIZE = 1 << 20  # bytes
_DURATION = re.compile(r"(\d{1,4}) (minute|hour|day|week)s?")
_AMOUNT = re.compile(r"(\d{1,4}(?:\.\d{1,6})?) ?(%|points?)")


def paths() -> dict[str, tuple[str, ...]]:
    """Return the courses that come ready-made: {name: their topics}."""
    text = resources.files(__package__).joinpath(PATHS).read_text(encoding="utf-8")
    return {name: tuple(about["topics"]) for name, about in tomllib.loads(text).items()}


def template() -> str:
    """Return a file of rules that says what can stand in it."""
    return resources.files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8")


def read(path: Path, known: Collection[str]) -> CourseRules:
    """Return the rules of a course; UsageError says what is wrong in the file.

    Parameters
    ----------
    path : pathlib.Path
    known : collection of str
        The names of the assignments that there are.
    """
    name = f"{path.parent.name}/{path.name}"
    try:
        with path.open("rb") as file:
            text = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    if len(text) > MAX_SIZE:
        raise UsageError(f"{name} is larger than 1 MB: that is no file of rules")
    try:
        values = tomllib.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not a text in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name} cannot be read as TOML: {error}") from None
    except RecursionError:
        raise UsageError(f"{name} cannot be read as TOML: it is nested too deep") from None
    if not values:
        raise UsageError(f"{name} says nothing: remove it, or see what can stand in it: autograder rules --template")
    return _course(_Table(name, values), known)


class _Table:
    """A table of the file, from which keys are taken one by one: what is left in the end is a key that is unknown."""

    def __init__(self, file: str, values: Mapping[str, Any], place: str = "") -> None:
        self.file, self.values, self.place = file, dict(values), place
        self.asked: list[str] = []

    def where(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key

    def wrong(self, key: str, message: str) -> UsageError:
        """Return the error about a key; the message goes on after its name."""
        return UsageError(f"{self.file}: {self.where(key)} {message}")

    def take(self, key: str, parse: Callable[[Any], T], allowed: str, default: D) -> T | D:
        """Return the value of a key, or the default where it is not there."""
        self.asked.append(key)
        if key not in self.values:
            return default
        value = self.values.pop(key)
        try:
            return parse(value)
        except (ValueError, TypeError):
            raise self.wrong(key, f"is {_shown(value)}; it has to be {allowed}") from None

    def take_table(self, key: str) -> "_Table":
        values: dict[str, Any] = self.take(key, _as_table, "a table", {})
        return _Table(self.file, values, self.where(key))

    def take_tables(self, key: str) -> dict[str, "_Table"]:
        table = self.take_table(key)
        return {name: table.take_table(name) for name in list(table.values)}

    def close(self) -> None:
        """Refuse the keys that nobody has asked for."""
        for key in self.values:
            raise self.wrong(key, f"is unknown. {_nearest(key, self.asked)}")


def _course(table: _Table, known: Collection[str]) -> CourseRules:
    zone = table.take("zone", _as_zone, 'a zone of time such as "Europe/Berlin"', None)
    path, topics = _topics(table, known)
    late = table.take_table("late")
    late_days = late.take("late_days", _as_count, "a number of days", None)
    has_late = bool(late.values) or late_days is not None
    rule = _late_rule(late, LateRule())
    groups = _groups(table.take_table("groups"))
    total = table.take_table("total")
    drop_lowest = total.take("drop_lowest", _as_count, "a number of assignments", 0)
    total.close()
    assignments = {}
    for name, about in table.take_tables("assignments").items():
        _require(about, "", name, topics or known, "assignment of this course" if topics else "assignment")
        assignments[name] = _assignment(about, name, zone, rule if has_late else None, groups)
    order = topics or tuple(known)
    assignments |= {
        name: AssignmentRules(name, late=rule if has_late else None, groups=groups)
        for name in order
        if name not in assignments
    }
    extensions = {
        student: _extensions(given, zone, assignments) for student, given in table.take_tables("extensions").items()
    }
    table.close()
    in_order = {name: assignments[name] for name in order if name in assignments}
    if drop_lowest and drop_lowest >= len(in_order):
        raise table.wrong("total.drop_lowest", f"is {drop_lowest}, and the course has {len(in_order)} assignments")
    return CourseRules(table.file, zone or UTC, path, topics, late_days, drop_lowest, in_order, extensions)


def _topics(table: _Table, known: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """Return the name of the path that the file takes, and its topics; both are empty where it names none."""
    ready = paths()
    names = ", ".join(f'"{name}"' for name in ready)
    path = table.take("path", _as_choice(ready), f"one of {names}", "")
    topics = table.take("topics", _as_names, 'a list of topics such as ["convolution", "pooling"]', None)
    if path and topics is not None:
        raise table.wrong("topics", "stands beside path: one of them says which topics the course has")
    if topics == ():
        raise table.wrong("topics", "is an empty list: leave it out, and the course has all of them")
    topics = ready[path] if path else topics or ()
    for topic in topics:
        _require(table, "path" if path else "topics", topic, known, "topic")
    _refuse_doubles(table, "topics", topics)
    return path, topics


def _late_rule(table: _Table, default: LateRule) -> LateRule:
    """Return the rule of a table; what it does not say is as in the default."""
    amount = 'points or percent, such as 2 or "10 %"'
    duration = 'a length of time such as "15 minutes" or "7 days"'
    rule = LateRule(
        penalty=table.take("penalty", _as_amount, amount, default.penalty),
        per=table.take("per", _as_choice(SECONDS), '"day" or "hour"', default.per),
        of=table.take("of", _as_choice(("score", "maximum")), '"score" or "maximum"', default.of),
        floor=table.take("floor", _as_amount, amount, default.floor),
        grace=table.take("grace", _as_duration, duration, default.grace),
        closes_after=table.take("closes_after", _as_duration, duration, default.closes_after),
        late_days=table.take("late_days_each", _as_count, "a number of days", default.late_days),
    )
    if rule.closes_after is not None and rule.closes_after < rule.grace:
        raise table.wrong("closes_after", "is shorter than the grace period")
    for key, each in (("penalty", rule.penalty), ("floor", rule.floor)):
        if each is not None and each.is_percent and each.value > 100:
            raise table.wrong(key, f"is {each}; it has to be 100 % at most")
    table.close()
    return rule


def _assignment(
    table: _Table, name: str, zone: tzinfo | None, late: LateRule | None, groups: dict[str, tuple[str, ...]]
) -> AssignmentRules:
    own_late = table.take_table("late")
    if own_late.values:
        late = _late_rule(own_late, late or LateRule())
    tasks = 'a list of tasks such as ["max_pool2d"]'
    own_groups = table.take_table("groups")
    extra = table.take("extra_credit", _as_extra, f"true, false, or {tasks}", False)
    left_out = table.take("left_out", _as_names, tasks, ())
    rules = AssignmentRules(
        name=name,
        due=_due(table, "due", zone),
        late=late,
        weight=table.take("weight", _as_weight, "a number above 0", None),
        extra_credit=extra is True,
        extra_tasks=extra if isinstance(extra, tuple) else (),
        left_out=left_out,
        groups=_groups(own_groups) if own_groups.values else groups,
    )
    _refuse_doubles(table, "extra_credit", rules.extra_tasks)
    _refuse_doubles(table, "left_out", left_out)
    for task in left_out:
        if task in rules.extra_tasks:
            raise table.wrong("left_out", f"names {task}, and so does extra_credit: a task is one or the other")
    table.close()
    return rules


def _due(table: _Table, key: str, zone: tzinfo | None) -> datetime | None:
    """Return a time with its zone: its own, or the course's."""
    due = table.take(key, _as_time, "a day and a time such as 2027-01-31T16:00:00+01:00", None)
    if due is None:
        return None
    if due.tzinfo is None and zone is None:
        raise table.wrong(
            key,
            f"is {due}, and nobody knows in which zone of time: write {due.isoformat()}+01:00 for example, or "
            'zone = "Europe/Berlin" at the beginning of the file',
        )
    return due if due.tzinfo else due.replace(tzinfo=zone)


def _groups(table: _Table) -> dict[str, tuple[str, ...]]:
    """Return {name: members}; nobody is in two groups."""
    groups: dict[str, tuple[str, ...]] = {}
    for name in list(table.values):
        members = table.take(name, _as_names, 'a list of students such as ["ada", "bob"]', ())
        if len(members) < 2:
            raise table.wrong(name, "has fewer than two members: that is no group")
        _refuse_doubles(table, name, members)
        for student in members:
            for other, theirs in groups.items():
                if student in theirs:
                    raise table.wrong(name, f"and {table.where(other)} overlap: {student} is in both")
        groups[name] = members
    return groups


def _extensions(
    table: _Table, zone: tzinfo | None, assignments: Mapping[str, AssignmentRules]
) -> dict[str, timedelta | datetime]:
    found: dict[str, timedelta | datetime] = {}
    for name in list(table.values):
        if name != EVERY:
            _require(table, "", name, assignments, "assignment of this course")
        value = table.values[name]
        if isinstance(value, str) and (duration := _duration(value)):
            del table.values[name]
            found[name] = duration
            continue
        if not isinstance(value, datetime) or name == EVERY:
            kind = '"2 days"' if name == EVERY else '"2 days", or a time such as 2027-01-31T16:00:00+01:00'
            raise table.wrong(_key(name), f"is {_shown(value)}; it has to be a length of time such as {kind}")
        until, due = _due(table, name, zone), assignments[name].due
        if until is None or due is None or until <= due:
            problem = "the assignment has no due date" if due is None else f"it was due on {due}"
            raise table.wrong(name, f"ends on {value}, and {problem}: that is no extension")
        found[name] = until
    for name in found:
        if name != EVERY and assignments[name].due is None:
            raise table.wrong(name, "is an extension of an assignment without a due date")
    return found


# --- values --------------------------------------------------------------------------------------------------------


def _as_table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _as_zone(value: Any) -> tzinfo:
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError from None


def _as_choice(choices: Iterable[str]) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in tuple(choices):
            raise ValueError
        return str(value)

    return parse


def _as_names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise TypeError
    return tuple(value)


def _as_extra(value: Any) -> bool | tuple[str, ...]:
    return value if isinstance(value, bool) else _as_names(value)


def _as_count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1000:
        raise TypeError
    return value


def _as_weight(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise TypeError
    return float(value)


def _as_amount(value: Any) -> Amount:
    if isinstance(value, str) and (match := _AMOUNT.fullmatch(value.strip())):
        return Amount(float(match[1]), match[2] == "%")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise TypeError
    return Amount(float(value))


def _duration(value: str) -> timedelta | None:
    match = _DURATION.fullmatch(value.strip())
    return timedelta(**{f"{match[2]}s": int(match[1])}) if match else None


def _as_duration(value: Any) -> timedelta:
    if not isinstance(value, str) or (duration := _duration(value)) is None:
        raise TypeError
    return duration


def _as_time(value: Any) -> datetime | None:
    found = datetime.fromisoformat(value) if isinstance(value, str) and len(value) > len("2027-01-31") else value
    if not isinstance(found, datetime) or found.year not in YEARS:
        raise TypeError
    return found


# --- sentences -----------------------------------------------------------------------------------------------------


def _require(table: _Table, key: str, name: str, choices: Iterable[str], what: str) -> None:
    """Refuse a name that is not among the choices; with no key it is the table's own name, or a key in it."""
    if name in choices:
        return
    place = table.where(key) if key else table.place
    raise UsageError(f"{table.file}: {place} names {name}, which is no {what}. {_nearest(name, choices)}")


def _refuse_doubles(table: _Table, key: str, names: Collection[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise table.wrong(key, f"names {name} twice")
        seen.add(name)


def _nearest(word: str, choices: Iterable[str]) -> str:
    """Say which name was meant, perhaps, or which there are."""
    choices = list(choices)
    found = difflib.get_close_matches(word, choices, n=1)
    if found:
        return f"Did you mean {found[0]}?"
    return f"There are: {', '.join(choices)}." if choices else "There are none."


def _key(name: str) -> str:
    return f'"{name}"' if name == EVERY else name


def _shown(value: Any) -> str:
    """Return a value as it may stand in a sentence."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value[:60]}"'
    if isinstance(value, datetime | date | time | int | float):
        return str(value)
    return "a list" if isinstance(value, list) else "a table"
