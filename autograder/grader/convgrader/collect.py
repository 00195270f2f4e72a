"""``autograder collect``: hand-ins from a learning platform; plugged into convcourse's command by an entry point."""

import json
import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from convcourse.engine.display import printable
from convcourse.errors import UsageError
from convgrader import lock
from convgrader.errors import DatabaseError
from convgrader.wording import print_line

if TYPE_CHECKING:
    from convgrader.platforms.collecting import Collected

HELP = "collect what was handed in on a learning platform (for instructors)"
DESCRIPTION = """\
Collect hand-ins from what a learning platform hands over: whose they are and when they came is what the platform says.
The newest of each student is graded; earlier ones are kept aside. Who is missing, late, double or unknown is listed.
"""
PLATFORMS = ("canvas", "moodle", "gradescope", "brightspace", "folder")
COMPLETE, INCOMPLETE = 0, 1  # exit statuses
SHOWN = 30  # of each kind


def add_parser(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the command to the parser of ``autograder``."""
    parser = commands.add_parser("collect", help=HELP, description=DESCRIPTION)
    parser.add_argument("assignment", metavar="ASSIGNMENT", help="its name, pooling for example")
    parser.add_argument(
        "archive", metavar="ARCHIVE", type=Path, help="the zip archive, or the folder it was unpacked to"
    )
    parser.add_argument("--from", dest="platform", required=True, choices=PLATFORMS, help="whose archive it is")
    parser.add_argument(
        "--roster", metavar="FILE", help="the list of the class (default: course/students.csv, else the gradebook)"
    )
    parser.add_argument(
        "--zone",
        metavar="ZONE",
        help="where the platform's times hold, Europe/Berlin for example (default: that of course.toml, else here)",
    )
    parser.add_argument("--preview", action="store_true", help="say what would come of it, and change nothing")
    parser.add_argument("--json", action="store_true", help="write the table to standard output as JSON")
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Collect; return the exit status: 1 where something in the archive was not collected."""
    from convgrader.batch import CourseFolders  # it imports much, and ``autograder --help`` need not wait for it
    from convgrader.platforms.class_list import read_class
    from convgrader.platforms.collecting import collect

    try:
        zone = ZoneInfo(options.zone) if options.zone else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"there is no zone of time called {printable(options.zone)}") from None
    course = CourseFolders.here()
    directory = course.directory
    try:
        members = read_class(directory, course.config, options.assignment, options.roster)
        with lock.exclusive(directory, options.assignment):
            found = collect(
                directory,
                options.assignment,
                options.platform,
                options.archive,
                members,
                zone or members.zone,
                options.preview,
            )
    except DatabaseError as error:
        raise UsageError(str(error)) from None
    if options.json:
        json.dump(found.as_dict(), sys.stdout, indent=1, ensure_ascii=False)
        print()
    else:
        show(found, Console(), options.preview)
    return COMPLETE if found.is_complete else INCOMPLETE


def show(found: "Collected", console: Console, preview: bool = False) -> None:
    """Print what came of an archive."""
    count = found.counts
    total = count["new"] + count["replaced"] + count["unchanged"]
    counts = f"{count['new']} new, {count['replaced']} newer than before, {count['unchanged']} as before"
    print_line(console, f"{found.assignment}: {_hand_ins(total)} ({counts}).")
    if any(rows := list(_rows(found))):
        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for heading in ("", "who", "what"):
            table.add_column(heading, overflow="fold")
        for kind, who, what in rows:
            table.add_row(kind, escape(printable(who)), escape(printable(what)))
        console.print(table)
    if found.left_out:
        print_line(console, f"Not collected, {len(found.left_out)}:")
        for name, reason in list(found.left_out.items())[:SHOWN]:
            print_line(console, f"  {name}: {reason}")
        if len(found.left_out) > SHOWN:
            print_line(console, f"  and {len(found.left_out) - SHOWN} more; --json has them all")
    if found.unregistered:
        print_line(console, f"Not in the gradebook: {_some(found.unregistered)}. Grading adds them.")
    for note in found.notes:
        print_line(console, note)
    if preview:
        print_line(console, "This is a preview: nothing was changed.")


def _rows(found: "Collected") -> Iterator[tuple[str, str, str]]:
    """Yield the rows of the table: who is missing, late, double, unknown, or to be looked at."""
    if found.missing:
        yield (
            "missing",
            _some([_called(who, found) for who in found.missing]),
            f"{len(found.missing)} handed in nothing",
        )
    for kind, people in (
        ("late", found.late), ("double", found.double), ("unknown", found.unknown), ("refused", found.refused),
        ("look", found.remarks),
    ):  # fmt: skip
        for who, what in list(people.items())[:SHOWN]:
            yield kind, _called(who, found), what
        if len(people) > SHOWN:
            yield kind, f"and {len(people) - SHOWN} more", "--json has them all"


def _called(student: str, found: "Collected") -> str:
    """Return the id of a student with the name; whom a platform means is no id, and stays as it is."""
    name = found.names.get(student, "")
    return f"{student} ({name})" if name else student


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _hand_ins(count: int) -> str:
    return f"{count} hand-in{'' if count == 1 else 's'} collected"
