"""``autograder answers``: the solutions of an assignment, once nobody can hand it in in time any more."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from rich.console import Console

from convcourse.errors import UsageError
from convgrader.errors import DatabaseError
from convgrader.rules.late import shown
from convgrader.rules.model import CourseRules

if TYPE_CHECKING:
    from convgrader.batch import CourseFolders

HELP = "make the notebook with the solutions, once the deadline has passed (for instructors)"
DESCRIPTION = """\
Make an assignment's notebook with the solutions and the model answers to its questions. Before the due date, and before
the last extension has ended, it refuses. The due date is that of course/course.toml, or of the gradebook.
"""
MARKS = ("### BEGIN SOLUTION", "### END SOLUTION")
NONE_PASSED = 1  # exit status


def add_parser(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the command to the parser of ``autograder``."""
    parser = commands.add_parser("answers", help=HELP, description=DESCRIPTION)
    parser.add_argument("assignments", nargs="*", metavar="ASSIGNMENT", help="its name, pooling for example")
    parser.add_argument("--passed", action="store_true", help="only list the assignments whose deadline has passed")
    parser.add_argument("--now", action="store_true", help="make it in any case, for those who teach")
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Make the notebooks, or list what may be released; return the exit status."""
    from convgrader.batch import CourseFolders  # it imports much, and ``autograder --help`` need not wait for it

    if bool(options.assignments) == options.passed:
        raise UsageError("answers needs the name of an assignment, or --passed without one")
    course, console, now = CourseFolders.here(), Console(), datetime.now(UTC)
    rules = _rules(course)
    if options.passed:
        names = [name for name in rules.assignments if not reason_against(rules, name, now)]
        console.print(*names, sep="\n", highlight=False)
        return 0 if names else NONE_PASSED
    for name in options.assignments:
        reason = "" if options.now else reason_against(rules, name, now)
        if reason:
            raise UsageError(reason)
    for name in options.assignments:
        for path in write(course, name):
            console.print(f"{path}", highlight=False, soft_wrap=True)
    return 0


def _rules(course: "CourseFolders") -> CourseRules:
    """Return the rules of the course; without a file what the gradebook has of due dates and extensions."""
    from nbgrader.api import Gradebook

    from convgrader.nbgrader_plugin import course_rules
    from convgrader.nbgrader_plugin.error_translation import database_errors

    url = course_rules.url_to_read(course.directory)
    try:
        with database_errors(url), closing(Gradebook(url, course.directory.course_id)) as gradebook:
            found = course_rules.rules_of(course.config, gradebook)
            return found or course_rules.rules_of_gradebook(course.config, gradebook)
    except DatabaseError as error:
        raise UsageError(str(error)) from None


def reason_against(rules: CourseRules, name: str, now: datetime) -> str:
    """Say why the answers to an assignment cannot be released yet, "" if they can."""
    if name not in rules.assignments:
        return f"the course has no assignment {name}: there are {', '.join(rules.assignments) or 'none'}"
    due, last = rules.due(name), rules.last_due(name)
    if due is None or last is None:
        return f"{name} has no due date, so nobody knows when its answers may be seen: --now makes them all the same"
    until = shown(last.astimezone(rules.zone))
    if now >= last:
        return ""
    if last == due:
        return f"{name} is due on {until}: its answers can be released then"
    return f"{name} was or is due before, and the last extension ends on {until}: its answers can be released then"


def write(course: "CourseFolders", name: str) -> list[Path]:
    """Write the notebooks of an assignment with the solutions; return their paths."""
    sources = sorted(Path(course.path("source", ".", name)).glob("*.ipynb"))
    if not sources:
        raise UsageError(f"there is no notebook in {course.path('source', '.', name)}: make weave makes it")
    folder = Path(course.path("solution", ".", name))
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source in sources:
            notebook = nbformat.read(source, as_version=4)
            for cell in notebook.cells:
                lines = cell.source.splitlines()
                cell.source = "\n".join(line for line in lines if line.strip() not in MARKS)
            written.append(folder / source.name)
            nbformat.write(notebook, written[-1])
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror or error}") from None
    return written
