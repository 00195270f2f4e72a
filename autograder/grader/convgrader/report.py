"""What a batch came to: sums for each task, and the submissions that could not be graded."""

from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from convcourse.engine.display import printable
from convgrader.jobs import Marks, SubmissionResult
from convgrader.moves import Moves
from convgrader.wording import print_line

if TYPE_CHECKING:  # it imports IPython, which whoever starts workers need not wait for
    from convgrader.notebooks.source import SourceNotebook

SHOWN = 10  # names of students who handed in nothing


class ReportedAssignment(Protocol):
    """What a summary must know of an assignment."""

    name: str
    sources: "dict[str, SourceNotebook]"


class TaskCounts(TypedDict):
    """What a batch came to in one task: its points, how many submissions of a kind, the sum of their points."""

    points: float
    scored: int
    full: int
    nothing: int
    by_hand: int
    sum: float


class Summary:
    """What a batch came to: sums for each task, and the submissions that could not be graded."""

    def __init__(self, assignment: ReportedAssignment) -> None:
        self.assignment = assignment.name
        self.skipped = 0  # what --resume leaves out: graded before, by these checks, and not changed since
        self.by_other_checks = 0  # what other checks than these have graded, and this batch has left as it was
        self.outdated = 0  # what --resume grades again because other checks graded it before
        self.not_compared = 0  # what --changed leaves out: new, or handed in again, since it was graded
        self.moves: Moves | None = None  # what --changed has moved
        self.tasks: dict[tuple[str, str], TaskCounts] = {
            (source.name, cell.name): TaskCounts(
                points=cell.points or 0.0, scored=0, full=0, nothing=0, by_hand=0, sum=0.0
            )
            for source in assignment.sources.values()
            for cell in source.cells
            if cell.grade
        }
        self.count, self.seconds = 0, 0.0
        self.students: list[tuple[str, str, float, str, str]] = []
        self.absent: list[str] = []  # students of the gradebook who handed in nothing
        self.failures: list[tuple[str, str, str]] = []  # (student, notebook, why it was not graded)
        self.remarks: list[tuple[str, str, str]] = []  # (student, notebook, what was odd about it)

    def add(self, result: SubmissionResult, marks: Marks | None = None) -> None:
        """Count one submission.

        `marks` are those that a person gave before and that stay, as `GradebookWriter.write` returns them.
        """
        self.count += 1
        for notebook_result in result.notebooks:
            if notebook_result.reason or notebook_result.status != "graded":
                rows = self.remarks if notebook_result.status == "graded" else self.failures
                rows.append((result.student, notebook_result.notebook, notebook_result.reason))
            about = (notebook_result.score, notebook_result.status, notebook_result.reason)
            self.students.append((result.student, notebook_result.notebook, *about))
            for name, score in notebook_result.scores.items():
                task = self.tasks.get((notebook_result.notebook, name))
                if task is None:
                    continue
                is_open = score is None and notebook_result.status == "graded"
                mark, is_waiting = (marks or {}).get((notebook_result.notebook, name), (None, is_open))
                task["by_hand"] += is_waiting
                score = score if mark is None else mark
                if score is not None:
                    task["scored"] += 1
                    task["sum"] += score
                    task["full"] += score >= task["points"]
                    task["nothing"] += score == 0

    def as_dict(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        keys = ("student", "notebook", "score", "status", "reason")
        return {
            "assignment": self.assignment,
            "graded": self.count - len({student for student, _, _ in self.failures}),
            "failed": len({student for student, _, _ in self.failures}),
            "skipped": self.skipped,
            "absent": self.absent,
            "outdated": self.outdated,
            "of_other_checks": self.by_other_checks,
            **({"left_for_resume": self.not_compared, **self.moves.as_dict()} if self.moves else {}),
            "seconds": round(self.seconds, 3),
            "tasks": [{"notebook": key[0], "task": key[1], **task} for key, task in self.tasks.items()],
            "submissions": [dict(zip(keys, row, strict=True)) for row in self.students],
        }

    def print(self, console: Console) -> None:
        """Print the table of tasks and the failures."""
        if self.count:
            console.print(self._table())
        if self.skipped:
            console.print(f"{_counted(self.skipped)} graded before and not changed since: left out.", highlight=False)
        if self.outdated:
            console.print(f"{_counted(self.outdated)} graded before with other checks: graded again.", highlight=False)
        if self.by_other_checks:
            console.print(
                f"{_counted(self.by_other_checks)} graded by other checks than these: "
                f"autograder grade {self.assignment} --resume brings them up to date.",
                highlight=False,
            )
        if self.moves:
            for line in self.moves.lines():
                print_line(console, line)
        if self.not_compared:
            console.print(
                f"{_counted(self.not_compared)} new, or handed in again since: left out; "
                f"autograder grade {self.assignment} --resume takes them.",
                highlight=False,
            )
        if self.absent:
            names = ", ".join(self.absent[:SHOWN]) + (", ..." if len(self.absent) > SHOWN else "")
            line = escape(printable(f"{names} ({len(self.absent)} of the gradebook)"))
            console.print(f"[bold]handed in nothing:[/bold] {line}", highlight=False)
        for word, rows in (("worth a look", self.remarks), ("not graded", self.failures)):
            for student, notebook, reason in rows:
                line = escape(printable(f"{student}, {notebook}: {reason}"))
                console.print(f"[bold]{word}:[/bold] {line}", highlight=False)

    def _table(self) -> Table:
        table = Table(title=f"{self.assignment}: {_counted(self.count)} in {self.seconds:.1f} s")
        for heading in ("task", "points", "mean", "all points", "no points", "by hand"):
            is_name = heading == "task"  # folded where the terminal is narrow: two that are cut could read alike
            table.add_column(heading, justify="left" if is_name else "right", overflow="fold", no_wrap=not is_name)
        for (_, name), task in self.tasks.items():
            scored = task["scored"]
            mean = f"{task['sum'] / scored:.2f}" if scored else "-"
            shares = [f"{100 * count / scored:.0f} %" if scored else "-" for count in (task["full"], task["nothing"])]
            table.add_row(name, f"{task['points']:g}", mean, *shares, str(task["by_hand"] or ""))
        return table


def _counted(number: int) -> str:
    return f"{number} submission{'' if number == 1 else 's'}"
