"""``autograder release``: plugged into the command of convcourse by an entry point."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterable

from convcourse.errors import UsageError
from convgrader.errors import DatabaseError

HELP = "release an assignment, or what has changed in it (for instructors)"
DESCRIPTION = """\
Make the students' notebook of an assignment, and take the assignment into the gradebook: both or neither. An assignment
may be released again after it was graded. Grades, marks by hand and comments stay; those of a task that is gone are
kept aside, and come back with it.
"""


def add_parser(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the command to the parser of ``autograder``."""
    parser = commands.add_parser("release", help=HELP, description=DESCRIPTION)
    parser.add_argument("assignment", metavar="ASSIGNMENT", help="its name, pooling for example")
    parser.add_argument("--preview", action="store_true", help="say what would change, and change nothing")
    parser.add_argument(
        "--renamed",
        nargs="+",
        default=(),
        metavar="OLD=NEW",
        help="tasks that have another name now: what was graded goes with them",
    )
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Release, or say what would change; return the exit status."""
    from convgrader.batch import CourseFolders  # it imports much, and ``autograder --help`` need not wait for it
    from convgrader.nbgrader_plugin import releasing

    course = CourseFolders.here()
    course.directory.assignment_id = options.assignment
    try:
        result = releasing.release(course.directory, course.config, _parse_renamed(options.renamed), options.preview)
    except DatabaseError as error:
        raise UsageError(str(error)) from None
    print(*result.lines(options.assignment), sep="\n")
    if options.preview:
        print("This is a preview: nothing was changed.")
    return 0


def _parse_renamed(pairs: Iterable[str]) -> dict[str, str]:
    """Read what ``--renamed`` says: {new name: old name}."""
    old_names: dict[str, str] = {}
    for pair in pairs:
        old, _, new = pair.partition("=")
        if not old or not new or new in old_names or old in old_names.values():
            raise UsageError(f"--renamed {pair} says nothing: write OLD=NEW, once for each task")
        old_names[new] = old
    return old_names
