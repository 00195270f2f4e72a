"""The class as its list says it, and who of it is meant by what a platform calls a student. Nothing is guessed."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from convcourse import student_ids
from convcourse.engine.display import printable
from convcourse.errors import UsageError
from convgrader.errors import StudentNotFoundError
from convgrader.platforms.tables import Table, plain_title, read_table

TITLES = {  # of columns, in our lists and in what platforms export
    "id": ("id",),
    "first_name": ("first name", "firstname", "given name"),
    "last_name": ("last name", "lastname", "surname", "family name"),
    "full_name": ("full name", "name", "student"),
    "email": ("email", "email address", "e-mail"),
    "login": ("login", "login id", "sis login id", "username", "user name"),
    "sis_id": ("sis id", "sis user id", "id number", "student id", "sid", "orgdefinedid"),
    "canvas_id": ("canvas id", "canvas user id"),
    "moodle_id": ("moodle id", "identifier", "participant"),
    "brightspace_id": ("brightspace id",),
    "handed_in": ("last modified (submission)",),
}
AS_ID = ("login", "sis_id", "canvas_id", "moodle_id", "brightspace_id")  # what stands in for an id, the best first
UNIQUE = ("id", *AS_ID, "email")
SHOWN = 5  # faults of a list
NOT_STUDENTS = ("points possible", "student, test", "test student")  # rows of Canvas's own


@dataclass(frozen=True)
class Student:
    """Somebody of the class; what a list does not say is empty."""

    id: str
    first_name: str = ""
    last_name: str = ""
    full_name: str = ""
    email: str = ""
    login: str = ""
    sis_id: str = ""
    canvas_id: str = ""
    moodle_id: str = ""
    brightspace_id: str = ""
    handed_in: str = ""  # when, as Moodle's worksheet says it

    @property
    def name(self) -> str:
        """The name to show."""
        return " ".join(filter(None, (self.first_name, self.last_name))) or self.full_name

    def name_keys(self) -> set[str]:
        """Return how platforms may write the name: either way round, without accents, or without such letters."""
        forward, backward = f"{self.first_name} {self.last_name}", f"{self.last_name} {self.first_name}"
        last, _, first = self.full_name.partition(",")
        names = (forward, backward, self.full_name, f"{first} {last}")
        return {key for name in names for key in (name_key(name), name_key(_ascii_alone(name))) if key}


@dataclass(frozen=True)
class Account:
    """Whom a platform means: what it calls somebody, by the columns of a list where that may stand."""

    ids: tuple[tuple[tuple[str, ...], str], ...]
    name: str = ""

    def __str__(self) -> str:
        """Return it as the platform writes it."""
        values = ", ".join(value for _, value in self.ids if value)
        return printable(f"{self.name} ({values})" if self.name and values else self.name or values)


def name_key(name: str) -> str:
    """Return the letters and digits of a name without accents and capitals.

    Examples
    --------
    >>> name_key("Müller-Weiß, Renée"), name_key("Mu\u0308ller")
    ('mullerweissrenee', 'muller')
    """
    plain = unicodedata.normalize("NFKD", name)
    return "".join(character for character in plain.casefold() if character.isalnum())


def _ascii_alone(name: str) -> str:
    return unicodedata.normalize("NFC", name).encode("ascii", "ignore").decode()


@dataclass(frozen=True)
class Roster:
    """A class."""

    students: tuple[Student, ...]
    source: str  # where it stands, for sentences
    notes: tuple[str, ...] = ()
    columns: Collection[str] = field(default_factory=frozenset)

    @cached_property
    def by_id(self) -> dict[str, Student]:
        """The students by their ids."""
        return {student.id: student for student in self.students}

    @cached_property
    def _by_value(self) -> dict[tuple[str, str], Student]:
        return {
            (name, getattr(student, name).casefold()): student
            for student in self.students
            for name in UNIQUE
            if getattr(student, name)
        }

    @cached_property
    def _by_name(self) -> dict[str, list[Student]]:
        found: dict[str, list[Student]] = {}
        for student in self.students:
            for key in student.name_keys():
                found.setdefault(key, []).append(student)
        return found

    def find(self, account: Account) -> Student:
        """Return who is meant; StudentNotFoundError says why nobody is, without a full stop."""
        by_name = self._named(account.name)
        for names, value in account.ids:
            students = {
                student.id: student
                for name in names
                if value and (student := self._by_value.get((name, value.casefold())))
            }
            if len(students) > 1:
                raise StudentNotFoundError(f"{value} is {' and '.join(sorted(students))}")
            for student in students.values():
                if by_name and student not in by_name:
                    raise StudentNotFoundError(f"{value} is {student.id}, and the name is that of {by_name[0].id}")
                return student
        if len(by_name) > 1:
            raise StudentNotFoundError(f"this is the name of {' and '.join(student.id for student in by_name)}")
        for student in by_name:
            for names, value in account.ids:
                known = next((getattr(student, name) for name in names if getattr(student, name)), "")
                if value and known and len(names) == 1:
                    raise StudentNotFoundError(f"the name is that of {student.id}, whose number is {known}")
            return student
        raise StudentNotFoundError("nobody in the class is called so")

    def _named(self, name: str) -> list[Student]:
        """Return who has this name, without the group that Moodle may put before it."""
        for start in (0, *(match.end() for match in re.finditer("-", name))):
            if found := self._by_name.get(name_key(name[start:])):
                return found
        return []


def read_roster(path: str, known: Collection[str] = ()) -> Roster:
    """Read a class from a table of ours, or from what Canvas, Moodle or Brightspace export.

    Parameters
    ----------
    path : str
    known : collection of str
        What the students of the gradebook are called: of several columns that may be ids, theirs is taken.
    """
    table = read_table(path)
    columns = {
        name: place for name, titles in TITLES.items() if (place := table.column(*titles)) is not None
    }  # fmt: skip
    if "id" in columns and plain_title(table.columns[0]) in ("student", "lastname"):  # Canvas: its own number
        columns["canvas_id"] = columns.pop("id")
    if not columns.keys() & set(UNIQUE):
        raise UsageError(
            f"{path} has no column `id`; it has {', '.join(map(printable, table.columns))}. Write the columns "
            "id,first_name,last_name,email, or give a gradebook or grading worksheet as your platform exports it"
        )
    repeated = [
        title for title, count in Counter(map(plain_title, table.columns)).items()
        if count > 1 and title and any(title in TITLES[name] for name in columns)
    ]  # fmt: skip
    if repeated:
        raise UsageError(f"{path} has several columns `{repeated[0]}`")
    rows = list(_rows(table, columns))
    notes = []
    if "id" not in columns:
        name = _column_for_ids(path, [row for _, row in rows], columns, known)
        notes.append(f"{path} has no column `id`: students are called by `{table.columns[columns[name]]}`.")
        rows = [(line, row | {"id": row[name]}) for line, row in rows]
    faults = list(_faults(rows, table.columns[columns["id"]] if "id" in columns else "id"))
    if faults:
        more = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        raise UsageError("\n  ".join([f"{path} cannot be used:", *faults[:SHOWN], *more]))
    if not rows:
        raise UsageError(f"{path} has no students")
    return Roster(tuple(Student(**row) for _, row in rows), path, tuple(notes), frozenset(columns))


def _rows(table: Table, columns: dict[str, int]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, {field: value}) of each student."""
    for line, cells in zip(table.lines, table.rows, strict=True):
        row = {name: cells[place] for name, place in columns.items()}
        if row.get("full_name", "").casefold().startswith(NOT_STUDENTS) or not any(row.values()):
            continue
        for name in ("moodle_id", "sis_id", "login"):
            if name in row:  # "Participant 4711"; "#4711"
                row[name] = row[name].removeprefix("Participant ").removeprefix("#")
        yield line, row


def _column_for_ids(path: str, rows: list[dict[str, str]], columns: Collection[str], known: Collection[str]) -> str:
    """Return the column that can stand in for ids: complete, unique, and such as a hand-in can bear."""
    usable = [
        name for name in AS_ID
        if name in columns and all(student_ids.is_valid(row[name]) for row in rows)
        and len({row[name].casefold() for row in rows}) == len(rows)
    ]  # fmt: skip
    if not usable:
        raise UsageError(f"{path} has no column `id`, and no other that names each student by {student_ids.RULE}")
    return max(usable, key=lambda name: (bool({row[name] for row in rows} & set(known)), -usable.index(name)))


def _faults(rows: Iterable[tuple[int, dict[str, str]]], title: str) -> Iterator[str]:
    """Yield a sentence for each row that cannot be, and for each value that stands twice and must not."""
    seen: dict[tuple[str, str], int] = {}
    for line, row in rows:
        if not student_ids.is_valid(row["id"]):
            yield f"line {line}: {printable(row['id'])!r} cannot be the {title} of a student: use {student_ids.RULE}"
        for name in UNIQUE:
            value = row.get(name, "").casefold()
            first = seen.setdefault((name, value), line)
            if value and first != line:
                yield f"line {line}: the {name} {printable(row[name])} stands in line {first} already"
