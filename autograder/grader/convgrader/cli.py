"""``autograder grade``: plugged into the command of convcourse by an entry point."""

import os
from argparse import ArgumentParser, Namespace, _SubParsersAction

HELP = "grade the submissions of an assignment (for instructors)"
USAGE = (
    "autograder grade [-h] ASSIGNMENT [--students ID ...] [--workers N] [--resume | --changed] [--json] [--unconfined]"
)
DESCRIPTION = "Grade all submissions of an assignment, and write the scores into the gradebook."


def add_parser(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the command to the parser of ``autograder``."""
    parser = commands.add_parser("grade", help=HELP, usage=USAGE, description=DESCRIPTION)
    parser.add_argument("assignment", metavar="ASSIGNMENT", help="its name, pooling for example")
    parser.add_argument("--students", nargs="+", metavar="ID", help="only these")
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes side by side (default: as many as processors)",
    )
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="leave out what is graded and has not changed since")
    again.add_argument(
        "--changed",
        action="store_true",
        help="grade again what a change of points or of a check touches, and say whose score moved, and why",
    )
    parser.add_argument("--json", action="store_true", help="write the results to standard output as JSON")
    parser.add_argument(
        "--unconfined",
        action="store_true",
        help="run students' code with your own rights, where this machine cannot confine it: it can read, change and "
        "delete all that you can",
    )
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Grade; return the exit status."""
    from convgrader import batch  # it imports much, and ``autograder --help`` need not wait for it

    return batch.run(options)
