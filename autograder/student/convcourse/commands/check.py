"""``autograder check``: run a notebook from the top, and print its verdicts and a table of points."""

import functools
import math
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convcourse.commands.kit import Kit
from convcourse.commands.notebook import HELP as NOTEBOOK
from convcourse.commands.notebook import assignment_of, assignments, check_cells, find_root, read_notebook
from convcourse.commands.portability import differences
from convcourse.engine.model import SCORED
from convcourse.errors import UsageError
from convcourse.grade_ids import TRAIN
from convcourse.limits import CELL_SECONDS, NOTEBOOK_SECONDS

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from convcourse.commands.notebook import SubmittedNotebook
    from convcourse.terminal import Commands

LOADED = "import torch as _torch"  # what grading has loaded already takes none of a notebook's time at home either
HELP = "run a notebook and print its verdicts and scores"


def add_parser(commands: "Commands") -> None:
    """Add ``check`` to the parser of ``autograder``."""
    parser = commands.add_parser("check", help=HELP, description=check.__doc__)
    parser.add_argument("notebook", type=Path, metavar="PATH", help=NOTEBOOK)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="only these checks (default: all)")
    for unit, seconds in (("cell", CELL_SECONDS), ("notebook", NOTEBOOK_SECONDS)):
        parser.add_argument(
            f"--{unit}-seconds", type=float, default=seconds, metavar="N",
            help=f"stop a {unit} after this long (default: {seconds:g}, as in grading)",
        )  # fmt: skip
    parser.set_defaults(
        run=lambda options: check(options.notebook, options.tasks, options.cell_seconds, options.notebook_seconds)
    )


def check(
    path: str | Path,
    tasks: Sequence[str] = (),
    cell_seconds: float = CELL_SECONDS,
    notebook_seconds: float = NOTEBOOK_SECONDS,
) -> int:
    """Run a notebook from the top, and print the verdict of every check and a table of points. It is not changed.

    It has the time that it has in grading. The exit status is 0 with full points, 1 without, 2 when the notebook could
    not be read.
    """
    from rich.console import Console
    from rich.table import Table

    notebook, folder = read_notebook(path), Path(path).resolve().parent
    notes = _notes(notebook, Path(path))
    graded = check_cells(notebook)
    if not graded:
        raise UsageError(f"{path} has no check cells")
    unknown = set(tasks) - {cell.name for cell in graded}
    if unknown:
        names = ", ".join(dict.fromkeys(cell.name for cell in graded))
        raise UsageError(f"{path} has no check of {', '.join(sorted(unknown))}; it has {names}")
    wanted = [cell for cell in graded if not tasks or cell.name in tasks]
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    skipped = {c.index for c in graded} - {c.index for c in wanted}
    with console.status("running the notebook"):
        slow = _execute(notebook, skipped, folder, cell_seconds, notebook_seconds)
    table = Table(title=f"{Path(path).name}")
    table.add_column("task", overflow="fold")
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
    for message in (*_errors_elsewhere(notebook, {c.index for c in graded}), *slow, *notes):
        console.print(message, markup=False)
    return 0 if total == possible else 1


def _notes(notebook: "SubmittedNotebook", path: Path) -> list[str]:
    """List sentences on what is not there when the notebook is graded, and on what is older than the newest release."""
    stem = assignment_of(notebook, path)
    try:
        kit = Kit(find_root(path.resolve().parent))
        outdated = kit.outdated_notes(path, notebook, stem) if stem in assignments(kit.root) else []
    except UsageError:  # a notebook by itself
        outdated = []
    return [*differences(notebook, path.resolve().parent), *outdated]


def _execute(
    notebook: "SubmittedNotebook",
    skipped: Collection[int],
    folder: Path,
    cell_seconds: float,
    notebook_seconds: float,
) -> Iterator[str]:
    """Run the cells in a kernel of this Python; errors stay in the outputs. Return what to say of the time it took."""
    import nbclient
    from jupyter_client.manager import AsyncKernelManager

    for index in skipped:
        notebook.cells[index].metadata["tags"] = ["skip-execution"]
    manager = AsyncKernelManager(kernel_name="python3")
    if manager.kernel_spec is None:
        raise UsageError("there is no Python kernel here: install ipykernel")
    manager.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    client = _timed_client()(
        notebook,
        km=manager,
        interrupt_on_timeout=True,
        allow_errors=True,
        skip_cells_with_tag="skip-execution",
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
    )
    client.cell_seconds, client.notebook_seconds, client.spent = cell_seconds, notebook_seconds, {}
    client.checks = {cell.index for cell in check_cells(notebook)}
    client.free = {index for index, cell in enumerate(notebook.cells) if _trains(cell)}
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    setup, first.source = first.source, f"{first.source}\n{LOADED}"
    try:
        client.execute()
    except nbclient.exceptions.DeadKernelError:
        raise UsageError("the notebook's code ended the kernel: it uses too much memory, or exits Python") from None
    finally:
        first.source = setup
        for index in skipped:
            notebook.cells[index].metadata.pop("tags", None)
    return _on_time(notebook, client.spent, notebook_seconds)


@functools.cache
def _timed_client() -> Any:
    """Return the class of clients that give a notebook the time that it has in grading."""
    import nbclient
    from nbformat.v4 import new_output

    class TimedClient(nbclient.NotebookClient):
        cell_seconds: float
        notebook_seconds: float
        spent: dict[int, float]  # seconds of the notebook's time, by cell
        checks: Collection[int]
        free: Collection[int]  # the cells that take none of the notebook's time

        async def async_execute_cell(
            self,
            cell: "NotebookNode",
            cell_index: int,
            execution_count: int | None = None,
            store_history: bool = True,
        ) -> "NotebookNode":
            """Run a cell in the time that is left. The first, which loads the course, takes none.

            A cell has its own limit too; a check has only that of the notebook. One that trains takes none of the
            notebook's time, since it does nothing in grading.
            """
            if cell.cell_type != "code":
                return cell
            left = self.notebook_seconds - sum(self.spent.values())
            if left <= 0:
                message = f"It was not reached: the notebook took longer than {self.notebook_seconds:g} s."
                cell.outputs = [new_output("error", ename="TimeLimitError", evalue=message)]
                return cell
            limit = left if cell_index in self.checks else min(self.cell_seconds, left)
            self.timeout = math.ceil(limit) if self.spent else None
            start = time.monotonic()
            try:
                return await super().async_execute_cell(cell, cell_index, execution_count, store_history)
            finally:
                counts = self.spent and cell_index not in self.free
                self.spent[cell_index] = time.monotonic() - start if counts else 0.0

    return TimedClient


def _on_time(notebook: "SubmittedNotebook", spent: dict[int, float], limit: float) -> Iterator[str]:
    """Say that a notebook took too long, or nearly so, and which cell took most of the time."""
    total = sum(spent.values())
    if total > limit / 2:
        slowest = max(spent, key=lambda index: spent[index])
        yield (
            f"The notebook took {total:.0f} s here, most of it in {_label(notebook, slowest)}: {spent[slowest]:.0f} s. "
            f"When it is graded it has {limit:g} s with all its checks; what is not reached by then earns nothing."
        )


def _trains(cell: "NotebookNode") -> bool:
    """Say whether a cell trains a network."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", "")).startswith(TRAIN)


def _label(notebook: "SubmittedNotebook", index: int) -> str:
    """Name a cell by its number in JupyterLab and its first line."""
    number = sum(cell.cell_type == "code" for cell in notebook.cells[: index + 1])
    source = notebook.cells[index].source.strip()
    return f"cell [{number}]" + (f" (`{source.splitlines()[0]}`)" if source else "")


def _outcome(cell: "NotebookNode") -> tuple[str, float]:
    """Return the verdict's text and the points of an executed check cell."""
    texts, earned = [], 0.0
    for output in cell.get("outputs", []):
        if output.output_type == "display_data":
            texts.append(output.data.get("text/plain", ""))
            earned = float(output.data.get(SCORED, {}).get("earned", earned))
        elif output.output_type == "error":
            texts.append(f"{output.ename}: {output.evalue}")
        elif output.output_type == "stream":
            texts.append(output.text.rstrip())
    return "\n".join(texts), earned


def _errors_elsewhere(notebook: "SubmittedNotebook", graded: Collection[int]) -> Iterator[str]:
    """Name the errors of cells that are not checks: why a function is missing, often."""
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []) if cell.cell_type == "code" and index not in graded else []:
            if output.output_type == "error":
                stopped = output.ename == "KeyboardInterrupt"
                reason = "took too long and was stopped" if stopped else output.ename
                message = f": {output.evalue}" if output.evalue else ""
                if stopped and _trains(cell):
                    message = ". Run it in Jupyter, where it has all the time it needs; here its files are then taken."
                yield f"C{_label(notebook, index)[1:]} raised: {reason}{message}"
