"""``autograder start``: copy an assignment's notebook to work/."""

import shutil

from convcourse.commands.notebook import assignments, find_root, short, writing
from convcourse.errors import UsageError

HELP = "copy an assignment's notebook to work/"


def add_parser(commands):
    """Add ``start`` to the parser of ``autograder``."""
    parser = commands.add_parser("start", help=HELP, description=start.__doc__)
    parser.add_argument("assignment", nargs="?", help="its name, pooling for example (default: list them)")
    parser.set_defaults(run=lambda options: start(options.assignment))


def start(assignment, here=None):
    """Copy the notebook of an assignment to work/. What is there already is never overwritten."""
    root = find_root(here)
    if not assignment:
        raise UsageError(f"name an assignment: {', '.join(assignments(root))}")
    if assignment not in assignments(root):
        raise UsageError(f"there is no assignment {assignment!r}; there are {', '.join(assignments(root))}")
    source = root / "exercises" / assignment / f"{assignment}.ipynb"
    target = root / "work" / assignment
    notebook = target / source.name
    if notebook.exists():
        raise UsageError(
            f"{short(notebook)} is there already and is left alone: go on in it, or rename it to start again"
        )
    with writing(target):
        target.mkdir(parents=True, exist_ok=True)
        for path in sorted(source.parent.iterdir()):
            if path.is_file() and not (target / path.name).exists():
                shutil.copyfile(path, target / path.name)
    print(f"Your copy: {short(notebook)}")
    print(f"Open it:   jupyter lab {short(notebook)}")
    print(f"Check it:  autograder check {short(notebook)}")
    return 0
