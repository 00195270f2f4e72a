"""The command ``autograder``: a student's start, check and submit; an instructor's grade; train."""

import argparse
import importlib
import importlib.util
import sys

DESCRIPTION = "Work on the notebooks of the course, and grade them. autograder COMMAND --help says more."

# name -> (module with add_parser(subparsers), one line of help); imported only when asked for
COMMANDS = {
    "start": ("autograder.student", "copy an assignment's notebook to work/"),
    "check": ("autograder.student", "run a notebook and print its verdicts and scores"),
    "submit": ("autograder.student", "check that a notebook is whole and pack it for handing in"),
    "grade": ("autograder.grading.batch", "grade the submissions of an assignment (for instructors)"),
    "train": ("autograder.training", "train the network of the last assignment"),
}


class Complaint(Exception):
    """What is wrong with what was asked for, in one sentence: printed, and the exit status is 2."""


def main(arguments=None):
    """Run one command and return its exit status: 0 when all is well, 1 when points are missing, 2 for bad input."""
    if sys.version_info < (3, 11):  # noqa: UP036 (started from a checkout, nothing else stops an older one)
        print("This course needs Python 3.11 or newer; this is", sys.version.split()[0], file=sys.stderr)
        return 2
    # jsonschema, which nbformat imports, would spend two seconds on a grammar of addresses that notebooks do not need.
    sys.modules.setdefault("rfc3987_syntax", None)
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    command = arguments[0] if arguments else ""
    try:
        options = _parser(arguments).parse_args(arguments)
        return options.run(options) or 0
    except Complaint as complaint:
        print(f"autograder: {complaint}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "autograder":
            raise
        print(f"autograder: {command} needs {error.name}, which is not installed here", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("autograder: stopped", file=sys.stderr)
        return 130


def commands():
    """Return the commands of this installation: name -> (module, help)."""
    return {name: found for name, found in COMMANDS.items() if importlib.util.find_spec(found[0])}


def _parser(arguments):
    parser = argparse.ArgumentParser(prog="autograder", description=DESCRIPTION)
    below = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    asked = next((word for word in arguments if not word.startswith("-")), None)
    found = commands()
    if asked in found:
        importlib.import_module(found[asked][0]).add_parser(below)
    for name, (_, says) in found.items():
        if name not in below.choices:
            below.add_parser(name, help=says)
    return parser
