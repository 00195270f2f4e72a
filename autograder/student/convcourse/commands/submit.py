"""``autograder submit``: see that a notebook is whole, and pack it for handing in."""

import getpass
import os
import re
import time
import zipfile
from pathlib import Path

from convcourse.commands.notebook import HELP as NOTEBOOK
from convcourse.commands.notebook import assignment_of, assignments, find_root, read_notebook, short, writing
from convcourse.errors import UsageError

STUDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]*")
HELP = "check that a notebook is whole and pack it for handing in"


def add_parser(commands):
    """Add ``submit`` to the parser of ``autograder``."""
    parser = commands.add_parser("submit", help=HELP, description=submit.__doc__)
    parser.add_argument("notebook", type=Path, metavar="PATH", help=NOTEBOOK)
    parser.add_argument(
        "--student", metavar="NAME", help="your name in the course: letters, digits, dots and dashes (default: login)"
    )
    parser.set_defaults(run=lambda options: submit(options.notebook, options.student))


def submit(path, student=None, now=None):
    """Check that a notebook is whole, and pack it into the archive that the instructor collects."""
    path = Path(path)
    notebook = read_notebook(path)
    stem = assignment_of(notebook, path)
    root = find_root(path.resolve().parent)
    if stem not in assignments(root):
        raise UsageError(f"there is no assignment {stem!r}; there are {', '.join(assignments(root))}")
    released = read_notebook(root / "exercises" / stem / f"{stem}.ipynb")
    complaints = missing_parts(notebook, released)
    if complaints:
        again = f"The notebook as you were given it is exercises/{stem}/{stem}.ipynb: copy the cells from there."
        raise UsageError(
            f"{path} is not whole, so nothing was packed:\n" + "\n".join(f"  - {c}" for c in complaints) + f"\n{again}"
        )
    if student is None:
        student = os.environ.get("JUPYTERHUB_USER") or _login()
    if not STUDENT.fullmatch(student):
        raise UsageError(f"{student!r} cannot name a student: use letters, digits, dots and dashes (--student NAME)")
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
    for locked in changed_parts(notebook, released):
        print(f"Note: the locked cell {locked} was changed; it is put back as it was when graded.")
    return 0


def models_beside(path):
    """List the files of trained networks beside a notebook: weights, layers, log."""
    names = [weights.stem for weights in sorted(Path(path).parent.glob("[!.]*.safetensors"))]
    files = [Path(path).parent / f"{name}{end}" for name in names for end in (".json", ".log.json", ".safetensors")]
    return [file for file in files if re.fullmatch(r"\w+(\.log)?\.\w+", file.name) and file.is_file()]


def _login():
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise UsageError("say who you are: --student NAME") from None


def _named(notebook):
    """Return (grade_id, cell) of every cell that nbgrader knows."""
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader")
        if isinstance(about, dict) and isinstance(about.get("grade_id"), str):
            yield about["grade_id"], cell


def missing_parts(notebook, released):
    """Say what keeps a notebook from being graded as a whole: cells gone, doubled or of another kind."""
    there = {}
    for name, cell in _named(notebook):
        there.setdefault(name, []).append(cell)
    says = []
    for name, cell in _named(released):
        found = there.get(name, [])
        if not found:
            says.append(f"the cell {name} is missing")
        elif len(found) > 1:
            says.append(f"the cell {name} is there {len(found)} times: delete the copies")
        elif found[0].cell_type != cell.cell_type:
            says.append(f"the cell {name} is {found[0].cell_type}, it was {cell.cell_type}: change its type back")
    return says


def changed_parts(notebook, released):
    """List the locked cells whose text is not the released one."""
    original = {name: cell for name, cell in _named(released) if cell.metadata.nbgrader.get("locked")}
    return [name for name, cell in _named(notebook) if name in original and cell.source != original[name].source]
