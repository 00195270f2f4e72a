"""Scores in the tables that platforms read, and what each of them would change there.

A score that is not finished changes nothing: the cell keeps what the platform has, since an empty cell would take a
grade away. What the platform excuses or locks stays as well.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from convcourse.engine.display import printable
from convcourse.errors import UsageError
from convgrader.errors import StudentNotFoundError
from convgrader.platforms.roster import NOT_STUDENTS, Account, Roster, Student
from convgrader.platforms.scores import ABSENT, GRADED, AssignmentScores, Score
from convgrader.platforms.tables import Table, harmless, plain_title

TITLE = re.compile(r"(?P<title>.*)\s\((?P<number>\d+)\)")  # of a column of Canvas's
NOTE_ROW = re.compile(r"\s*(muted|manual posting.*)?\s*", re.IGNORECASE)
MOODLE_WORKSHEET = ("Identifier", "Grade", "Last modified (grade)")
NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")


@dataclass(frozen=True)
class Change:
    """What happens to a student's grade on a platform."""

    student: str
    name: str
    old: str
    new: str
    reason: str = ""  # why it stays as it is, where a score would say otherwise or there is none

    @property
    def is_change(self) -> bool:
        """Say whether the grade becomes another."""
        return not _is_same(self.old, self.new)


@dataclass
class Filled:
    """A table for a platform."""

    rows: list[list[str]]
    changes: list[Change] = field(default_factory=list)
    strangers: dict[str, str] = field(default_factory=dict)  # in the platform's table -> why nobody of the class
    missing: list[str] = field(default_factory=list)  # who has a score, and no row in the platform's table
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Rules:
    """Which scores go, and how they are written.

    Parameters
    ----------
    unfinished : bool
        Scores go too where an answer waits for a person or nothing could be graded.
    zero : bool
        Whoever handed in nothing gets 0.
    scale : bool
        Points are converted where the platform's are others.
    column : str or None
        The title of the platform's column.
    """

    unfinished: bool = False
    zero: bool = False
    scale: bool = False
    column: str | None = None

    def points(self, score: Score) -> float | None:
        """Return the points that go, None if none do."""
        if score.state == ABSENT:
            return 0.0 if self.zero else None
        return score.points if score.state == GRADED or self.unfinished else None

    def factor(self, platform: str, theirs: str, ours: float) -> float:
        """Return what points are multiplied by; UsageError where the platform's are others and nobody said so."""
        maximum = _number(theirs)
        if maximum is None or maximum == round(ours, 2) or ours == 0:
            return 1.0
        if self.scale:
            return maximum / ours
        raise UsageError(
            f"{platform} has {maximum:g} points for this assignment, and the gradebook {ours:g}: change it there to "
            f"{ours:g}, or have scores converted by --scale"
        )


def for_canvas(scores: AssignmentScores, roster: Roster, into: Table | None, rules: Rules) -> Filled:
    """Return a table for Canvas's *Import Grades*: what names students, and one column of grades.

    `into` is Canvas's exported gradebook; without it, the class must have numbers or logins of Canvas's.
    """
    return _new_for_canvas(scores, roster, rules) if into is None else _into_canvas(scores, roster, into, rules)


def _new_for_canvas(scores: AssignmentScores, roster: Roster, rules: Rules) -> Filled:
    if not any(student.canvas_id or student.sis_id or student.login for student in roster.students):
        raise UsageError(
            f"Canvas needs its own numbers of students, and {roster.source} has no canvas_id, sis_id or login: "
            "export the gradebook from Canvas, and give it by --into FILE"
        )
    title = rules.column or scores.assignment
    filled = Filled([["Student", "ID", "SIS User ID", "SIS Login ID", "Section", title]])
    filled.rows.append(["    Points Possible", "", "", "", "", _written(scores.points)])
    filled.notes.append("Canvas's own grades are not known here: --into FILE, its gradebook, shows the changes.")
    for student in roster.students:
        points = rules.points(scores.of(student.id))
        if points is not None:
            ids = [student.canvas_id, student.sis_id, student.login]
            filled.rows.append([harmless(student.name), *map(harmless, ids), "", _written(points)])
        filled.changes.append(_change(student, "", points, scores))
    return filled


def _into_canvas(scores: AssignmentScores, roster: Roster, into: Table, rules: Rules) -> Filled:
    section = into.column("Section")
    number = into.column("ID")
    titles = [plain_title(title) for title in into.columns]
    if titles[0] not in ("student", "lastname") or number is None or section is None:
        raise UsageError(
            f"{into.path} is no gradebook of Canvas's: its columns begin with {_some(into.columns[:5])}, and not with "
            "Student, ID, ..., Section"
        )
    place = _canvas_column(into, section, scores.assignment, rules.column)
    title = into.columns[place]
    filled = Filled([[*into.columns[: section + 1], title]])
    factor = 1.0
    find = _finder(roster, into, {"canvas_id": ("ID",), "sis_id": ("SIS User ID",), "login": ("SIS Login ID",)})
    seen: set[str] = set()
    for row in into.rows:
        if "points possible" in row[0].casefold():
            if "read only" in row[place].casefold():
                raise UsageError(f"Canvas says that its column {title} is read only")
            factor = rules.factor("Canvas", row[place], scores.points)
            filled.rows.append([*row[: section + 1], row[place]])
            continue
        if all(NOTE_ROW.fullmatch(cell) for cell in row):
            filled.rows.append([*row[: section + 1], row[place]])
            continue
        if row[0].casefold().startswith(NOT_STUDENTS):  # Canvas's own "Student, Test"
            continue
        new = _place(filled, row, find, scores, rules, row[place], factor, seen)
        if new is not None:
            filled.rows.append([*map(harmless, row[: section + 1]), new])
    _finish(filled, scores, seen, rules)
    return filled


def _canvas_column(into: Table, section: int, assignment: str, wanted: str | None) -> int:
    """Return the column of an assignment, which ends in Canvas's number for it."""
    titles = dict(enumerate(into.columns[section + 1 :], section + 1))
    name = plain_title(wanted or assignment)
    found = [
        place for place, title in titles.items()
        if name in (plain_title(title), plain_title(match["title"]) if (match := TITLE.fullmatch(title)) else None)
    ]  # fmt: skip
    return _one_column(into, found, wanted or assignment, list(filter(TITLE.fullmatch, titles.values())))


def _one_column(into: Table, found: Sequence[int], name: str, titles: Sequence[str]) -> int:
    if len(found) == 1:
        return found[0]
    how = "several columns" if found else "no column"
    raise UsageError(f"{into.path} has {how} {name}: say which by --column TITLE. There are {_some(titles)}")


def for_moodle(scores: AssignmentScores, roster: Roster, into: Table | None, rules: Rules) -> Filled:
    """Return a table for Moodle.

    `into` is the grading worksheet of the assignment, or Moodle's exported gradebook; without it, the table is one for
    the import of a gradebook, and the class must have e-mail addresses, ID numbers or user names.
    """
    if into is None:
        return _new_for_moodle(scores, roster, rules)
    if all(into.column(title) is not None for title in MOODLE_WORKSHEET):
        return _into_worksheet(scores, roster, into, rules)
    if into.column("Identifier") is not None:
        raise UsageError(
            f"{into.path} is no grading worksheet of Moodle's: it needs the columns {_some(MOODLE_WORKSHEET)}. Moodle "
            "names them in English if its language is English when you download it"
        )
    return _into_moodle_gradebook(scores, roster, into, rules)


def _new_for_moodle(scores: AssignmentScores, roster: Roster, rules: Rules) -> Filled:
    titles = {"email": "Email address", "sis_id": "ID number", "login": "Username"}
    present = [name for name in titles if any(getattr(student, name) for student in roster.students)]
    if not present:
        raise UsageError(
            f"Moodle needs e-mail addresses, ID numbers or user names of students, and {roster.source} has none: "
            "download the grading worksheet of the assignment, and give it by --into FILE"
        )
    filled = Filled([[*(titles[name] for name in present), rules.column or scores.assignment]])
    filled.notes.append("Moodle's own grades are not known here: --into FILE, its worksheet, shows the changes.")
    for student in roster.students:
        points = rules.points(scores.of(student.id))
        if points is not None:  # an empty cell would take a grade away
            filled.rows.append([*(harmless(getattr(student, name)) for name in present), _written(points)])
        filled.changes.append(_change(student, "", points, scores))
    return filled


def _into_worksheet(scores: AssignmentScores, roster: Roster, into: Table, rules: Rules) -> Filled:
    grade, most, name = into.column("Grade"), into.column("Maximum grade"), into.column("Full name")
    free = into.column("Grade can be changed")
    assert grade is not None  # noqa: S101 (looked at before)
    comma = any("," in row[place] for row in into.rows for place in (grade, most) if place is not None)
    find = _finder(
        roster, into, {"moodle_id": ("Identifier",), "email": ("Email address",), "sis_id": ("ID number",)}
    )  # fmt: skip
    filled = Filled([list(into.columns)])
    seen: set[str] = set()
    for row in into.rows:
        factor = rules.factor("Moodle", row[most], scores.points) if most is not None else 1.0
        locked = "locked in Moodle" if free is not None and row[free].casefold() == "no" else ""
        new = _place(filled, row, find, scores, rules, row[grade], factor, seen, comma, locked)
        cells = [harmless(cell) if place == name else cell for place, cell in enumerate(row)]
        cells[grade] = row[grade] if new is None else new
        filled.rows.append(cells)
    _finish(filled, scores, seen, rules)
    return filled


def _into_moodle_gradebook(scores: AssignmentScores, roster: Roster, into: Table, rules: Rules) -> Filled:
    fields: Mapping[str, tuple[str, ...]] = {
        "email": ("Email address",),
        "sis_id": ("ID number",),
        "login": ("Username",),
    }
    keys = [place for titles in fields.values() if (place := into.column(*titles)) is not None]
    if not keys:
        raise UsageError(
            f"{into.path} is no table of Moodle's: it has {_some(into.columns)}, and neither Identifier nor "
            "Email address, ID number or Username"
        )
    name = rules.column or scores.assignment
    titles = [re.sub(r"\A[^:]*: | \((?:Real|Points)\)\Z", "", title) for title in into.columns]
    found = [
        place for place, title in enumerate(into.columns)
        if place not in keys and plain_title(name) in (plain_title(title), plain_title(titles[place]))
    ]  # fmt: skip
    place = _one_column(into, found, name, [title for number, title in enumerate(into.columns) if number not in keys])
    filled = Filled([[into.columns[key] for key in (*keys, place)]])
    find = _finder(roster, into, fields)
    comma = any(re.fullmatch(r"\d+,\d+", row[place]) for row in into.rows)
    seen: set[str] = set()
    for row in into.rows:
        before = len(filled.changes)
        new = _place(filled, row, find, scores, rules, row[place], 1.0, seen, comma)
        if new and len(filled.changes) > before and not filled.changes[-1].reason:  # others would be wiped or frozen
            filled.rows.append([*(harmless(row[key]) for key in keys), new])
    _finish(filled, scores, seen, rules)
    return filled


def for_csv(scores: AssignmentScores, roster: Roster, rules: Rules) -> Filled:
    """Return a table for a spreadsheet: a row for each student of the class, with what the score is worth."""
    filled = Filled([[
        "id", "last_name", "first_name", "email", "canvas_id", "sis_id", "login", "moodle_id", "score", "max_score",
        "late_submission_penalty", "state",
    ]])  # fmt: skip
    for student in roster.students:
        score = scores.of(student.id)
        points = rules.points(score)
        texts = (
            student.id, student.last_name, student.first_name or student.full_name, student.email, student.canvas_id,
            student.sis_id, student.login, student.moodle_id,
        )  # fmt: skip
        filled.rows.append(
            [
                *map(harmless, texts), "" if points is None else _written(points), _written(scores.points),
                _written(score.penalty), score.state,
            ]
        )  # fmt: skip
        filled.changes.append(_change(student, "", points, scores))
    _finish(filled, scores, {student.id for student in roster.students}, rules)
    return filled


# --- one row -------------------------------------------------------------------------------------------------------

Finder = Callable[[Sequence[str]], tuple[Account, Student]]


def _finder(roster: Roster, into: Table, fields: Mapping[str, tuple[str, ...]]) -> Finder:
    """Return what finds the student of a row; it raises StudentNotFoundError."""
    places = {name: into.column(*titles) for name, titles in fields.items()}
    name, first, last = (
        into.column("Student", "Full name"),
        into.column("FirstName", "First name"),
        into.column("LastName", "Last name"),
    )

    def find(row: Sequence[str]) -> tuple[Account, Student]:
        ids = tuple(
            ((field,), row[place].removeprefix("Participant "))
            for field, place in places.items()
            if place is not None and row[place]
        )
        shown = row[name] if name is not None else " ".join(row[each] for each in (first, last) if each is not None)
        last_name, _, first_name = shown.partition(",")
        account = Account(ids, f"{first_name} {last_name}".strip() if first_name else shown)
        try:
            return account, roster.find(account)
        except StudentNotFoundError as error:
            raise StudentNotFoundError(f"{account}\n{error}") from None

    return find


def _place(
    filled: Filled,
    row: Sequence[str],
    find: Finder,
    scores: AssignmentScores,
    rules: Rules,
    old: str,
    factor: float,
    seen: set[str],
    comma: bool = False,
    locked: str = "",
) -> str | None:
    """Return the new grade of a row, and note what it changes; None if the row is nobody's of the class."""
    try:
        account, student = find(row)
        if student.id in seen:
            raise StudentNotFoundError(f"{account}\nthe table has two rows for this student")
    except StudentNotFoundError as error:
        who, _, why = str(error).partition("\n")
        filled.strangers[printable(who)] = f"{why}."
        return None
    seen.add(student.id)
    points = rules.points(scores.of(student.id))
    reason = locked or ("excused in Canvas" if old.casefold() == "ex" else "")
    if points is None or reason:
        change = Change(student.id, student.name, old, old, reason or scores.of(student.id).state)
    else:
        new = _written(points * factor).replace(".", "," if comma else ".")
        change = Change(student.id, student.name, old, old if _is_same(old, new) else new)
    filled.changes.append(change)
    return change.new


def _finish(filled: Filled, scores: AssignmentScores, seen: set[str], rules: Rules) -> None:
    filled.missing = sorted(
        student for student, score in scores.scores.items()
        if student not in seen and rules.points(score) is not None
    )  # fmt: skip


def _change(student: Student, old: str, points: float | None, scores: AssignmentScores) -> Change:
    if points is None:
        return Change(student.id, student.name, old, old, scores.of(student.id).state)
    return Change(student.id, student.name, old, _written(points))


def _written(points: float) -> str:
    """Return points as platforms compare them.

    Examples
    --------
    >>> _written(47.996), _written(0.125)
    ('48.00', '0.13')
    """
    return f"{round(points + 1e-9, 2):.2f}"


def _number(text: str) -> float | None:
    match = NUMBER.search(text)
    return float(match[0].replace(",", ".")) if match else None


def _is_same(old: str, new: str) -> bool:
    """Say whether two grades are the same for a platform: "-" is none."""
    if old in ("", "-") or new in ("", "-"):
        return old in ("", "-") and new in ("", "-")
    if NUMBER.fullmatch(old) and NUMBER.fullmatch(new):
        return round(_number(old) or 0, 2) == round(_number(new) or 0, 2)
    return old == new


def _some(titles: Sequence[str], most: int = 12) -> str:
    shown = [printable(title) for title in titles[:most]]
    return ", ".join(shown + (["..."] if len(titles) > most else [])) or "none"
