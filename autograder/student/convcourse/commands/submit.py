"""``autograder submit``: pack a notebook for handing in, and say what its grading will see otherwise."""

import getpass
import os
import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from convcourse import student_ids
from convcourse.commands.kit import Kit
from convcourse.commands.notebook import (
    DEFINED,
    assignment_of,
    assignments,
    find_root,
    names_of,
    read_notebook,
    short,
    writing,
)
from convcourse.commands.notebook import HELP as NOTEBOOK
from convcourse.commands.portability import differences
from convcourse.errors import UsageError

if TYPE_CHECKING:
    from convcourse.commands.notebook import ReleasedNotebook, SubmittedNotebook
    from convcourse.terminal import Commands

BLANK = "nothing is written in this notebook. Is it the one that you worked in, and is it saved?"
HELP = "pack a notebook for handing in"


def add_parser(commands: "Commands") -> None:
    """Add ``submit`` to the parser of ``autograder``."""
    parser = commands.add_parser("submit", help=HELP, description=submit.__doc__)
    parser.add_argument("notebook", type=Path, metavar="PATH", help=NOTEBOOK)
    parser.add_argument(
        "--student", metavar="NAME", help=f"your name in the course: {student_ids.RULE} (default: login)"
    )
    parser.set_defaults(run=lambda options: submit(options.notebook, options.student))


def submit(path: str | Path, student: str | None = None, now: float | None = None) -> int:
    """Pack a notebook into the archive that the instructor collects, and say what will be graded otherwise than here.

    Every notebook is packed that can be graded.
    """
    path = Path(path)
    notebook = read_notebook(path)
    kit = Kit(find_root(path.resolve().parent))
    stem = assignment_of(notebook, path, assignments(kit.root))
    released_path = kit.released(stem)
    if student is None:
        student = os.environ.get("JUPYTERHUB_USER") or _login()
    if not student_ids.is_valid(student):
        raise UsageError(
            f"{student!r} cannot name a student: use {student_ids.RULE} (--student NAME). If your course calls you so, "
            "ask your instructor for another name"
        )
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    name = f"{student}__{stamp}__{stem}"
    archive = path.parent / f"{name}.zip"
    try:
        with writing(archive), zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.write(path, f"{name}.ipynb")
            for model in models_beside(path):
                file.write(model, f"{student}__{stamp}__{model.name}")
    except UsageError:
        archive.unlink(missing_ok=True)  # half an archive is not to be handed in
        raise
    print(f"Hand this in: {short(archive)}")
    for model in models_beside(path):
        print(f"With it: {model.name}")
    released = read_notebook(released_path)
    changed = [*([BLANK] if is_blank(notebook, released) else []), *remarks(notebook, released)]
    for message in [*changed, *differences(notebook, path.parent), *kit.outdated_notes(path, notebook, stem)]:
        print(f"Note: {message}")
    return 0


def models_beside(path: str | Path) -> list[Path]:
    """List the files of trained networks beside a notebook: weights, layers, log."""
    names = [weights.stem for weights in sorted(Path(path).parent.glob("[!.]*.safetensors"))]
    files = [Path(path).parent / f"{name}{end}" for name in names for end in (".json", ".log.json", ".safetensors")]
    return [file for file in files if re.fullmatch(r"\w+(\.log)?\.\w+", file.name) and file.is_file()]


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise UsageError("say who you are: --student NAME") from None


def is_blank(notebook: "SubmittedNotebook", released: "ReleasedNotebook") -> bool:
    """Say whether a notebook holds nothing but what was handed out."""
    submitted, handed_out = ({cell.source.strip() for cell in each.cells} for each in (notebook, released))
    return submitted <= handed_out | {""}


def remarks(notebook: "SubmittedNotebook", released: "ReleasedNotebook") -> Iterator[str]:
    """Say what is not as it was released, where that matters to the grade: a sentence each."""
    names = names_of(notebook, released)
    submitted = {name: cell for name, cell in zip(names, notebook.cells, strict=True) if name}
    defined = {name for cell in notebook.cells for name in DEFINED.findall(cell.source)}
    for cell in released.cells:
        metadata = cell.metadata.get("nbgrader", {})
        name, answer = metadata.get("grade_id"), submitted.get(metadata.get("grade_id"))
        if metadata.get("locked") and answer is not None and answer.source != cell.source:
            yield f"the locked cell {name} was changed; it is put back as it was when graded."
        if not metadata.get("solution"):
            continue
        if metadata.get("grade") and answer is None:
            yield f"the cell {name} is missing, so your answer there counts as blank; `autograder update` puts it back."
        elif not metadata.get("grade") and answer is None and name not in defined:
            yield f"nothing defines {name}: its check will earn nothing. `autograder update` puts its cell back."
