"""``autograder start``: copy an assignment's notebook to work/."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from convcourse.commands.kit import Kit
from convcourse.commands.notebook import assignments, find_root, quoted, read_notebook, short, writing
from convcourse.errors import UsageError

if TYPE_CHECKING:
    from convcourse.terminal import Commands

HELP = "copy an assignment's notebook to work/"


def add_parser(commands: "Commands") -> None:
    """Add ``start`` to the parser of ``autograder``."""
    parser = commands.add_parser("start", help=HELP, description=start.__doc__)
    parser.add_argument("assignment", nargs="?", help="its name, pooling for example (default: list them)")
    parser.set_defaults(run=lambda options: start(options.assignment))


def start(assignment: str | None, here: str | Path | None = None) -> int:
    """Copy the notebook of an assignment to work/. What is there already is never overwritten."""
    root = find_root(here)
    if not assignment:
        raise UsageError(f"name an assignment: {', '.join(assignments(root))}")
    kit = Kit(root)
    source, notebook = kit.released(assignment), kit.copy(assignment)
    if notebook.exists():
        raise UsageError(
            f"{short(notebook)} is there already and is left alone: go on in it, or rename it to start again"
            + "".join(f"\n{message}" for message in _outdated_notes(kit, notebook, assignment))
        )
    with writing(notebook.parent):
        notebook.parent.mkdir(parents=True, exist_ok=True)
        for path in sorted(source.parent.iterdir()):
            if path.is_file() and not (notebook.parent / path.name).exists():
                shutil.copyfile(path, notebook.parent / path.name)
    kit.remember(assignment)
    print(f"Your copy: {short(notebook)}")
    print(f"Open it:   jupyter lab {quoted(notebook)}")
    print(f"Check it:  autograder check {quoted(notebook)}")
    if note := kit.outdated_checks_note():
        print(note)
    return 0


def _outdated_notes(kit: Kit, notebook: Path, assignment: str) -> list[str]:
    """List what is older than the kit where there is a copy already, whatever it holds."""
    try:
        return kit.outdated_notes(notebook, read_notebook(notebook), assignment)
    except UsageError:
        return [message for message in [kit.outdated_checks_note()] if message]
