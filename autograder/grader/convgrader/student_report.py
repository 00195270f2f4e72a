"""``autograder report --student``: one student over the term, in the terminal and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from convcourse.engine.display import printable
from convgrader.student_statistics import RULES, StudentAssignment, StudentReport
from convgrader.wording import counted, number, page, percent, print_line


def as_dict(report: StudentReport, address: str = "") -> dict[str, Any]:
    """Return a report for JSON; sections are pages, below the `address` of the site."""
    found = asdict(report)
    for assignment in found["assignments"]:
        assignment["to_read"] = [page(section, address) for section in assignment["to_read"]]
        for task in assignment["tasks"]:
            task["section"] = page(task["section"], address)
    return found


def show(report: StudentReport, console: Console, address: str = "") -> None:
    """Print a report."""
    console.print(_table(report))
    for reason in report.reasons:
        print_line(console, f"{reason.words}: {RULES[reason.kind]}")
    for assignment in report.assignments:
        for line in _lines(assignment, address):
            print_line(console, line)


def _table(report: StudentReport) -> Table:
    title = escape(printable(report.student))
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("assignment", overflow="fold")
    for heading in ("score", "points", "share", "place", "class mean", "spread", "deviations"):
        table.add_column(heading, justify="right", overflow="fold")
    for each in report.assignments:
        table.add_row(escape(each.assignment), *_cells(each))
    return table


def _cells(each: StudentAssignment) -> tuple[str, ...]:
    of_class = number(each.totals.mean), number(each.totals.spread)
    place = each.standing
    if place is None:
        return each.state, "", "", "", *of_class, "-"
    return (
        number(place.score), f"{each.totals.points:g}", percent(place.share), f"{place.rank} of {each.students}",
        *of_class, number(place.deviations),
    )  # fmt: skip


def _lines(each: StudentAssignment, address: str) -> Iterator[str]:
    """Yield what there is to say of an assignment beside its row."""
    found = [task for task in each.tasks if task.said]
    if found or each.waiting:
        yield ""
        yield each.assignment
    if each.waiting:
        yield f"  {counted(each.waiting, 'answer')} still to grade by hand."
    for task in found:
        yield f"  {task.task}: {task.said}"
        if task.call:
            yield f"    {task.call}"
    if each.to_read:
        yield "  To read, the costliest first:"
        yield from (f"    {page(section, address)}" for section in each.to_read)
