"""``autograder new-task`` and ``new-assignment``: plugged into the command of convcourse by entry points.

They write into a checkout of the course, so what they do is the checkout's own, in ``tools``, which nothing that is
installed imports: it runs as a program.
"""

import subprocess
import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path

from convcourse.errors import UsageError

COMMANDS = {
    "new-task": ("tools.new_task", "write the skeleton of a task, and say what it lacks (for instructors)"),
    "new-assignment": ("tools.new_assignment", "the same for an assignment (for instructors)"),
}


def add_parser(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add both commands to the parser of ``autograder``."""
    for name, (tool, summary) in COMMANDS.items():
        # The tool reads what follows its name, --help too: to this parser nothing is an option.
        parser = commands.add_parser(name, help=summary, add_help=False, prefix_chars="\0")
        parser.add_argument("arguments", nargs="*")
        parser.set_defaults(run=run, tool=tool)


def run(options: Namespace) -> int:
    """Run a tool of the checkout in which the command is called; return its exit status."""
    if not Path(*options.tool.split(".")).with_suffix(".py").is_file():
        raise UsageError("this folder holds no course: run the command where solutions/ and _toc.yml lie")
    return subprocess.run([sys.executable, "-m", options.tool, *options.arguments], check=False).returncode
