"""A student's path: start an assignment, check a notebook in the terminal, pack it for handing in."""

import contextlib
import getpass
import json
import os
import re
import shutil
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from autograder.cli import Complaint

CHECK_CELL = re.compile(r"""check\(\s*["'](?P<name>\w+)["']\s*,\s*points\s*=\s*(?P<points>[0-9.]+)\s*\)""")
STUDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]*")
NOTEBOOK = "the notebook, work/pooling/pooling.ipynb for example"


def add_parser(commands):
    """Add the three commands to the parser of ``autograder``."""
    _start_parser(commands)
    _check_parser(commands)
    _submit_parser(commands)


def _start_parser(commands):
    parser = commands.add_parser("start", description=start.__doc__)
    parser.add_argument("assignment", nargs="?", help="its name, pooling for example (default: list them)")
    parser.set_defaults(run=lambda options: start(options.assignment))


def _check_parser(commands):
    parser = commands.add_parser("check", description=check.__doc__)
    parser.add_argument("notebook", type=Path, metavar="PATH", help=NOTEBOOK)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="only these checks (default: all)")
    parser.add_argument(
        "--cell-seconds", type=int, default=120, metavar="N", help="stop a cell after this long (default: 120)"
    )
    parser.set_defaults(run=lambda options: check(options.notebook, options.tasks, options.cell_seconds))


def _submit_parser(commands):
    parser = commands.add_parser("submit", description=submit.__doc__)
    parser.add_argument("notebook", type=Path, metavar="PATH", help=NOTEBOOK)
    parser.add_argument(
        "--student", metavar="NAME", help="your name in the course: letters, digits, dots and dashes (default: login)"
    )
    parser.set_defaults(run=lambda options: submit(options.notebook, options.student))


# --- start -------------------------------------------------------------------------------------------------------


def start(assignment, here=None):
    """Copy the notebook of an assignment to work/. What is there already is never overwritten."""
    root = find_root(here)
    if not assignment:
        raise Complaint(f"name an assignment: {', '.join(known(root))}")
    if assignment not in known(root):
        raise Complaint(f"there is no assignment {assignment!r}; there are {', '.join(known(root))}")
    source = root / "exercises" / assignment / f"{assignment}.ipynb"
    target = root / "work" / assignment
    notebook = target / source.name
    if notebook.exists():
        raise Complaint(
            f"{_short(notebook)} is there already and is left alone: go on in it, or rename it to start again"
        )
    with _writing(target):
        target.mkdir(parents=True, exist_ok=True)
        for path in sorted(source.parent.iterdir()):
            if path.is_file() and not (target / path.name).exists():
                shutil.copyfile(path, target / path.name)
    print(f"Your copy: {_short(notebook)}")
    print(f"Open it:   jupyter lab {_short(notebook)}")
    print(f"Check it:  autograder check {_short(notebook)}")
    return 0


def find_root(here=None):
    """Return the folder that holds ``exercises``: this one or the nearest above it."""
    here = Path(here or Path.cwd()).resolve()
    for folder in [here, *here.parents]:
        if (folder / "exercises").is_dir():
            return folder
    raise Complaint(
        f"there is no folder `exercises` in {here} or above it: go to the folder of the course (or of the unpacked kit)"
    )


def known(root):
    """List the assignments below a root."""
    return sorted(path.stem for path in root.glob("exercises/*/*.ipynb") if path.stem == path.parent.name)


@contextlib.contextmanager
def _writing(path):
    """Say in a sentence why a file or folder could not be written."""
    try:
        yield
    except OSError as error:
        raise Complaint(f"cannot write {_short(path)}: {error.strerror or error}") from None


def _short(path):
    try:
        return path.resolve().relative_to(Path.cwd().resolve())
    except ValueError:
        return path


# --- reading a notebook ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Graded:
    """A check cell of a notebook: which cell, the task it checks, its points."""

    index: int
    name: str
    points: float


def read_notebook(path):
    """Read a notebook file; everything that can be wrong with it is said in a sentence."""
    import nbformat

    path = Path(path)
    if path.is_dir():
        raise Complaint(f"{path} is a folder: name the notebook in it, {path / path.resolve().name}.ipynb for example")
    if not path.is_file():
        raise Complaint(f"there is no file {path}")
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text)
    except OSError as error:
        raise Complaint(f"cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise Complaint(f"{path} is not a notebook: it does not hold JSON. Was it saved by JupyterLab?") from None
    if not isinstance(data, dict) or not isinstance(data.get("cells"), list):
        raise Complaint(f"{path} is not a notebook: it has no list of cells")
    try:
        notebook = nbformat.reads(text, as_version=4)
        nbformat.validate(notebook)
    except Exception as error:  # nbformat raises what its JSON schema library raises
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Complaint(f"{path} is not a valid notebook: {reason}") from None
    return notebook


def assignment_of(notebook, path):
    """Return the stem that a notebook belongs to: its metadata say it, or its first cell."""
    course = notebook.metadata.get("course", {})
    stem = course.get("assignment") if isinstance(course, dict) else None
    if not isinstance(stem, str):
        text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
        match = re.search(r"""checker\(\s*["'](\w+)["']\s*\)""", text)
        stem = match.group(1) if match else None
    if stem is None:
        raise Complaint(f"{path} is not an assignment of this course: it has no cell `check = checker(...)`")
    return stem


def check_cells(notebook):
    """List the check cells of a notebook."""
    found = []
    for index, cell in enumerate(notebook.cells):
        match = CHECK_CELL.fullmatch(cell.source.strip()) if cell.cell_type == "code" else None
        if match:
            found.append(Graded(index, match.group("name"), float(match.group("points"))))
    return found


# --- check -------------------------------------------------------------------------------------------------------


def check(path, tasks=(), cell_seconds=120):
    """Run a notebook from the top, and print the verdict of every check and a table of points. It is not changed.

    The exit status is 0 with full points, 1 without, 2 when the notebook could not be read.
    """
    from rich.console import Console
    from rich.table import Table

    notebook = read_notebook(path)
    assignment_of(notebook, path)
    graded = check_cells(notebook)
    if not graded:
        raise Complaint(f"{path} has no check cells")
    unknown = set(tasks) - {cell.name for cell in graded}
    if unknown:
        names = ", ".join(dict.fromkeys(cell.name for cell in graded))
        raise Complaint(f"{path} has no check of {', '.join(sorted(unknown))}; it has {names}")
    wanted = [cell for cell in graded if not tasks or cell.name in tasks]
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    with console.status("running the notebook"):
        _execute(notebook, {c.index for c in graded} - {c.index for c in wanted}, Path(path).parent, cell_seconds)
    table = Table(title=f"{Path(path).name}")
    table.add_column("task")
    table.add_column("points", justify="right")
    table.add_column("of", justify="right")
    total = 0.0
    for cell in wanted:
        text, earned = _outcome(notebook.cells[cell.index])
        console.print(text, markup=False)
        console.print()
        total += min(max(earned, 0.0), cell.points)
        colour = "green" if earned == cell.points else "red" if earned == 0 else "yellow"
        table.add_row(cell.name, f"[{colour}]{earned:g}[/]", f"{cell.points:g}")
    possible = sum(cell.points for cell in wanted)
    table.add_section()
    table.add_row("total", f"{total:g}", f"{possible:g}")
    console.print(table)
    for name in _errors_elsewhere(notebook, {c.index for c in graded}):
        console.print(name, markup=False)
    return 0 if total == possible else 1


def _execute(notebook, skipped, folder, cell_seconds):
    """Run the cells in a kernel of this Python, each for `cell_seconds` at most; errors stay in the outputs."""
    import nbclient
    from jupyter_client.manager import AsyncKernelManager

    for index in skipped:
        notebook.cells[index].metadata["tags"] = ["skip-execution"]
    manager = AsyncKernelManager(kernel_name="python3")
    manager.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    client = nbclient.NotebookClient(
        notebook,
        km=manager,
        timeout=cell_seconds,
        interrupt_on_timeout=True,
        allow_errors=True,
        skip_cells_with_tag="skip-execution",
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(folder.resolve())}},
    )
    try:
        client.execute()
    except nbclient.exceptions.DeadKernelError:
        raise Complaint("the notebook's code ended the kernel: it uses too much memory, or exits Python") from None
    finally:
        for index in skipped:
            notebook.cells[index].metadata.pop("tags", None)


def _outcome(cell):
    """Return the verdict's text and the points of an executed check cell."""
    texts, earned = [], 0.0
    for output in cell.get("outputs", []):
        if output.output_type == "execute_result":
            try:
                earned = float(output.data.get("text/plain", "0"))
            except ValueError:
                earned = 0.0
        elif output.output_type == "display_data":
            texts.append(output.data.get("text/plain", ""))
        elif output.output_type == "error":
            texts.append(f"{output.ename}: {output.evalue}")
        elif output.output_type == "stream":
            texts.append(output.text.rstrip())
    return "\n".join(texts), earned


def _errors_elsewhere(notebook, graded):
    """Name the errors of cells that are not checks: why a function is missing, often."""
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []) if cell.cell_type == "code" and index not in graded else []:
            if output.output_type == "error":
                first = cell.source.strip().splitlines()[0] if cell.source.strip() else ""
                reason = "took too long and was stopped" if output.ename == "KeyboardInterrupt" else output.ename
                says = f": {output.evalue}" if output.evalue else ""
                yield f"Cell {index + 1} (`{first}`) raised: {reason}{says}"


# --- submit ------------------------------------------------------------------------------------------------------


def submit(path, student=None, now=None):
    """Check that a notebook is whole, and pack it into the archive that the instructor collects."""
    path = Path(path)
    notebook = read_notebook(path)
    stem = assignment_of(notebook, path)
    root = find_root(path.resolve().parent)
    if stem not in known(root):
        raise Complaint(f"there is no assignment {stem!r}; there are {', '.join(known(root))}")
    released = read_notebook(root / "exercises" / stem / f"{stem}.ipynb")
    complaints = missing_parts(notebook, released)
    if complaints:
        again = f"The notebook as you were given it is exercises/{stem}/{stem}.ipynb: copy the cells from there."
        raise Complaint(
            f"{path} is not whole, so nothing was packed:\n" + "\n".join(f"  - {c}" for c in complaints) + f"\n{again}"
        )
    if student is None:
        student = os.environ.get("JUPYTERHUB_USER") or _login()
    if not STUDENT.fullmatch(student):
        raise Complaint(f"{student!r} cannot name a student: use letters, digits, dots and dashes (--student NAME)")
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    name = f"{student}__{stamp}__{stem}"
    archive = path.parent / f"{name}.zip"
    try:
        with _writing(archive), zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.write(path, f"{name}.ipynb")
            for model in models_beside(path):
                file.write(model, f"{student}__{stamp}__{model.name}")
    except Complaint:
        archive.unlink(missing_ok=True)  # half an archive is not to be handed in
        raise
    print(f"Hand this in: {_short(archive)}")
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
        raise Complaint("say who you are: --student NAME") from None


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
