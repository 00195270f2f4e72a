"""The command ``autograder``: a student's start, check, submit, update and train, and what other packages plug into it.

Another distribution adds a command by an entry point in the group ``convcourse.commands`` that names a module with
``add_parser(commands)``: ``autograder grade`` comes with convgrader, which students do not have.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points

from convcourse.errors import UsageError
from convcourse.terminal import print_everything

DESCRIPTION = "Work on the notebooks of the course, and grade them. autograder COMMAND --help says more."
GROUP = "convcourse.commands"
STUDENT_COMMANDS = {name: f"convcourse.commands.{name}" for name in ("start", "check", "submit", "update", "train")}
DISTRIBUTION_OF = dict.fromkeys(
    (
        "grade",
        "report",
        "similar",
        "release",
        "collect",
        "export",
        "feedback",
        "rules",
        "answers",
        "new-task",
        "new-assignment",
    ),
    "convgrader",
)  # of commands that others plug in


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 when all is well, 1 when points are missing, 2 for bad input."""
    if sys.version_info < (3, 11):  # noqa: UP036 (started from a checkout, nothing else stops an older one)
        print("This course needs Python 3.11 or newer; this is", sys.version.split()[0], file=sys.stderr)
        return 2
    print_everything()
    # jsonschema, which nbformat imports, would spend two seconds on a grammar of addresses that notebooks do not need.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None: its import fails
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    command = arguments[0] if arguments else ""
    try:
        options = _parser(arguments).parse_args(arguments)
        status: int = options.run(options) or 0
        return status
    except UsageError as error:
        print(f"autograder: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] in ("convcourse", "convgrader"):
            raise
        print(f"autograder: {command} needs {error.name}, which is not installed here", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("autograder: stopped", file=sys.stderr)
        return 130


def commands() -> dict[str, str]:
    """Return the commands of this installation: name -> the module that adds it. Nothing replaces ours."""
    return STUDENT_COMMANDS | {
        point.name: point.value for point in entry_points(group=GROUP) if point.name not in STUDENT_COMMANDS
    }


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="autograder", description=DESCRIPTION)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    name = next((word for word in arguments if not word.startswith("-")), "")
    available = STUDENT_COMMANDS if name in STUDENT_COMMANDS else commands()  # to look for others takes 0.1 s
    if name in DISTRIBUTION_OF and name not in available:
        raise UsageError(f"{name} comes with {DISTRIBUTION_OF[name]}, which is not installed here: instructors have it")
    modules = [available[name]] if name in available else available.values()
    for module in dict.fromkeys(modules):  # one may bring several commands
        importlib.import_module(module).add_parser(subparsers)
    return parser
