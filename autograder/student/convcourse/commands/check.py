"""``autograder check``: run a notebook from the top, and print its verdicts and a table of points."""

import sys
from pathlib import Path

from convcourse.commands.notebook import HELP as NOTEBOOK
from convcourse.commands.notebook import assignment_of, check_cells, read_notebook
from convcourse.engine.model import SCORED
from convcourse.errors import UsageError

HELP = "run a notebook and print its verdicts and scores"


def add_parser(commands):
    """Add ``check`` to the parser of ``autograder``."""
    parser = commands.add_parser("check", help=HELP, description=check.__doc__)
    parser.add_argument("notebook", type=Path, metavar="PATH", help=NOTEBOOK)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="only these checks (default: all)")
    parser.add_argument(
        "--cell-seconds", type=int, default=120, metavar="N", help="stop a cell after this long (default: 120)"
    )
    parser.set_defaults(run=lambda options: check(options.notebook, options.tasks, options.cell_seconds))


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
        raise UsageError(f"{path} has no check cells")
    unknown = set(tasks) - {cell.name for cell in graded}
    if unknown:
        names = ", ".join(dict.fromkeys(cell.name for cell in graded))
        raise UsageError(f"{path} has no check of {', '.join(sorted(unknown))}; it has {names}")
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
        raise UsageError("the notebook's code ended the kernel: it uses too much memory, or exits Python") from None
    finally:
        for index in skipped:
            notebook.cells[index].metadata.pop("tags", None)


def _outcome(cell):
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


def _errors_elsewhere(notebook, graded):
    """Name the errors of cells that are not checks: why a function is missing, often."""
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []) if cell.cell_type == "code" and index not in graded else []:
            if output.output_type == "error":
                first = cell.source.strip().splitlines()[0] if cell.source.strip() else ""
                reason = "took too long and was stopped" if output.ename == "KeyboardInterrupt" else output.ename
                says = f": {output.evalue}" if output.evalue else ""
                yield f"Cell {index + 1} (`{first}`) raised: {reason}{says}"
