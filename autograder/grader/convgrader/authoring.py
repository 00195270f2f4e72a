"""``autograder new-task`` and ``new-assignment``: plugged into the command of convcourse by entry points.

They write into a checkout of the course, so what they do is the checkout's own, in ``tools``, which nothing that is
installed imports: it runs as a program.
"""

import subprocess
import sys
from pathlib import Path

from convcourse.errors import UsageError

COMMANDS = {
    "new-task": ("tools.new_task", "write the skeleton of a task, and say what it lacks (for instructors)"),
    "new-assignment": ("tools.new_assignment", "the same for an assignment (for instructors)"),
}


def add_parser(commands):
    """Add both commands to the parser of ``autograder``."""
    for name, (tool, says) in COMMANDS.items():
        # The tool reads what follows its name, --help too: to this parser nothing is an option.
        parser = commands.add_parser(name, help=says, add_help=False, prefix_chars="\0")
        parser.add_argument("arguments", nargs="*")
        parser.set_defaults(run=run, tool=tool)


def run(options):
    """Run a tool of the checkout in which the command is called; return its exit status."""
    if not Path(*options.tool.split(".")).with_suffix(".py").is_file():
        raise UsageError("this folder holds no course: run the command where solutions/ and _toc.yml lie")
    return subprocess.run([sys.executable, "-m", options.tool, *options.arguments], check=False).returncode
