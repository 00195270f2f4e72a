"""``autograder feedback``: pages for a learning platform; plugged into the command of convcourse by an entry point."""

import logging
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING

from convcourse.errors import UsageError
from convgrader.errors import DatabaseError

if TYPE_CHECKING:
    pass

HELP = "make the feedback of an assignment for a learning platform (for instructors)"
DESCRIPTION = """\
Make a page for each student with every verdict, always anew, and pack them into an archive whose names the platform
knows. What was not collected from that platform by autograder collect has no such name, and is listed.
"""


def add_parser(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the command to the parser of ``autograder``."""
    parser = commands.add_parser("feedback", help=HELP, description=DESCRIPTION)
    parser.add_argument("assignment", metavar="ASSIGNMENT", help="its name, pooling for example")
    parser.add_argument("--for", dest="platform", choices=("canvas", "moodle"), help="who is to read the archive")
    parser.add_argument(
        "--roster", metavar="FILE", help="the list of the class (default: course/students.csv, else the gradebook)"
    )
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Make the pages and the archive; return the exit status: 1 if somebody's page is not in it."""
    from nbgrader.converters.base import NbGraderException

    from convgrader.batch import CourseFolders  # it imports much, and ``autograder --help`` need not wait for it
    from convgrader.nbgrader_plugin.returning import CurrentFeedback, write_archive
    from convgrader.platforms.class_list import read_class
    from convgrader.platforms.returning import archive_names

    course = CourseFolders.here()
    directory, assignment = course.directory, options.assignment
    try:
        roster = read_class(directory, course.config, assignment, options.roster).roster
    except DatabaseError as error:
        raise UsageError(str(error)) from None
    directory.assignment_id = assignment
    feedback = CurrentFeedback(coursedir=directory, config=course.config, log=_quiet_log())
    try:
        feedback.start()
    except (NbGraderException, SystemExit) as error:
        raise UsageError(f"the pages of {assignment} cannot be made: {error}") from None
    pages = list(feedback.current_pages())
    path = Path(feedback.pack())
    left_out: dict[str, str] = {}
    if options.platform:
        names, left_out = archive_names(directory, assignment, options.platform, pages, roster)
        path = write_archive(path.with_name(f"{assignment}-{options.platform}.zip"), names)
    print(f"{len(pages) - len(left_out)} page{'s' if len(pages) - len(left_out) != 1 else ''}: {_short(path)}")
    for student, why in left_out.items():
        print(f"  {student}: {why}")
    return 1 if left_out else 0


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _quiet_log() -> logging.Logger:
    """Return a log that tells of pages that cannot be made, and not of those that are made anew."""
    log = logging.getLogger("convgrader.feedback")
    log.setLevel(logging.WARNING)
    log.addFilter(lambda record: not record.getMessage().startswith("Removing existing"))  # pages are made anew
    return log
