"""``autograder export``: scores for a learning platform; plugged into the command of convcourse by an entry point."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from convcourse.engine.display import printable
from convcourse.errors import UsageError
from convgrader.errors import DatabaseError
from convgrader.wording import print_line

if TYPE_CHECKING:
    from convgrader.platforms.gradebooks import Filled

HELP = "write the scores of an assignment for a learning platform (for instructors)"
DESCRIPTION = """\
Write the scores of an assignment into a table that a learning platform imports, and say whose grade it would change
there. Nothing is sent. Scores that are not finished stay out: the platform keeps what it has.
"""


def add_parser(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the command to the parser of ``autograder``."""
    parser = commands.add_parser("export", help=HELP, description=DESCRIPTION)
    parser.add_argument("assignment", metavar="ASSIGNMENT", help="its name, pooling for example")
    parser.add_argument("file", metavar="FILE", type=Path, help="the table to write, a new file")
    parser.add_argument("--to", required=True, choices=("canvas", "moodle", "csv"), help="who reads it")
    parser.add_argument(
        "--into", metavar="GRADEBOOK", help="the platform's own table: its gradebook, or Moodle's grading worksheet"
    )
    parser.add_argument(
        "--roster", metavar="LIST", help="the list of the class (default: course/students.csv, else the gradebook)"
    )
    parser.add_argument("--column", metavar="TITLE", help="the title of the platform's column (default: ASSIGNMENT)")
    parser.add_argument("--scale", action="store_true", help="convert points where the platform has another maximum")
    parser.add_argument("--zero", action="store_true", help="enter 0 for whoever handed in nothing")
    parser.add_argument("--unfinished", action="store_true", help="take scores too that wait for a mark by hand")
    parser.add_argument("--preview", action="store_true", help="say what would change, and write nothing")
    parser.add_argument("--replace", action="store_true", help="write over FILE if it is there")
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Write the table, and say what it changes; return the exit status: 1 if a score has no place in it."""
    from convgrader.batch import CourseFolders  # it imports much, and ``autograder --help`` need not wait for it
    from convgrader.platforms import gradebooks
    from convgrader.platforms.class_list import read_class
    from convgrader.platforms.scores import read_scores
    from convgrader.platforms.tables import read_table, write_table

    if options.into and options.to == "csv":
        raise UsageError("--into goes with --to canvas and --to moodle")
    if options.into and options.file.resolve() == Path(options.into).resolve():
        raise UsageError(f"{options.file} is what the platform exported: write into another file")
    if options.file.exists() and not (options.replace or options.preview):
        raise UsageError(f"{options.file} is there already: choose another name, or add --replace")
    course = CourseFolders.here()
    try:
        roster = read_class(course.directory, course.config, options.assignment, options.roster).roster
        scores = read_scores(course.directory, course.config, options.assignment)
    except DatabaseError as error:
        raise UsageError(str(error)) from None
    rules = gradebooks.Rules(options.unfinished, options.zero, options.scale, options.column)
    into = read_table(options.into) if options.into else None
    if options.to == "csv":
        filled = gradebooks.for_csv(scores, roster, rules)
    else:
        fill = gradebooks.for_canvas if options.to == "canvas" else gradebooks.for_moodle
        filled = fill(scores, roster, into, rules)
    if filled.strangers and not filled.changes:
        raise UsageError(
            f"no row of {options.into} is of the class that {roster.source} lists: its numbers or names must be there. "
            "Give the list of the class by --roster FILE"
        )
    filled.notes += roster.notes
    show(filled, Console(), "no score" if options.to == "csv" else "left as the platform has it")
    if options.preview:
        print_line(Console(), "This is a preview: nothing was written.")
    else:
        write_table(str(options.file), filled.rows, into.delimiter if into and options.to == "canvas" else ",")
        print_line(Console(), f"Written: {options.file}")
    return 1 if filled.missing else 0


def show(filled: "Filled", console: Console, kept: str) -> None:
    """Print what a table changes, and what becomes of those whose score does not go."""
    changes = [change for change in filled.changes if change.is_change]
    same = sum(not change.is_change and not change.reason for change in filled.changes)
    if changes:
        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for heading in ("student", "name"):
            table.add_column(heading, overflow="fold")
        for heading in ("old", "", "new"):
            table.add_column(heading, justify="right", no_wrap=True)
        for change in changes:
            old = escape(printable(change.old)) or "-"
            table.add_row(*map(escape, map(printable, (change.student, change.name))), old, "→", change.new)
        console.print(table)
    first = sum(change.old in ("", "-") for change in changes)
    print_line(console, f"{first} new, {len(changes) - first} changed, {same} as before.")
    for reason in dict.fromkeys(change.reason for change in filled.changes if change.reason):
        students = [change.student for change in filled.changes if change.reason == reason]
        print_line(console, f"{reason[0].upper()}{reason[1:]}, {kept}: {', '.join(students)}")
    if filled.strangers:
        print_line(console, "In the platform's table, and not changed:")
        for who, why in filled.strangers.items():
            print_line(console, f"  {who}: {why}")
    if filled.missing:
        print_line(console, f"With a score, and not in the table: {', '.join(filled.missing)}")
    for note in filled.notes:
        print_line(console, note)
