"""``autograder report``: what a class has not understood; plugged into the command of convcourse by an entry point."""

import csv
import json
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from convcourse import site
from convcourse.engine.display import page_of, printable
from convcourse.errors import UsageError
from convgrader.class_statistics import (
    AssignmentReport,
    ClassReport,
    Cluster,
    NamedMistake,
    People,
    TaskReport,
    make_report,
)
from convgrader.errors import DatabaseError

HELP = "say what a class has not understood (for instructors)"
DESCRIPTION = """\
Say what a class has not understood: for each task how it went, for each part the share that passed it, which mistakes
were made, by whom, and what to read about them, which answers are wrong alike, and what to do in the next class.
"""
NOTHING_TO_TELL = 1  # exit status
SHOWN = 10  # names of students
CLUSTERS = 3  # of a task that are shown in the terminal: files have them all
COLUMNS = (  # of a CSV: what does not belong to the kind of a row is empty
    "assignment", "notebook", "task", "kind", "item", "students", "share", "points", "mean", "spread", "full", "zero",
    "difficulty", "discrimination", "blank", "to_grade", "points_lost", "outcomes", "problem", "call", "section",
    "names",
)  # fmt: skip


def add_parser(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the command to the parser of ``autograder``."""
    parser = commands.add_parser("report", help=HELP, description=DESCRIPTION)
    parser.add_argument("assignments", nargs="+", metavar="ASSIGNMENT", help="its name, pooling for example")
    parser.add_argument("--csv", metavar="FILE", help="write a table for a spreadsheet too")
    parser.add_argument("--json", metavar="FILE", help="write all of it for programs too")
    parser.add_argument("--anonymous", action="store_true", help="leave the names of students out")
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Print the report, and write it into files; return the exit status: 1 where there is nothing to tell."""
    from convgrader.batch import CourseFolders  # it imports much, and ``autograder --help`` need not wait for it
    from convgrader.nbgrader_plugin import class_results

    course = CourseFolders.here()
    address = site.published(str(course.config.GradeCells.get("site") or ""))
    try:
        results = class_results.read(course.directory.db_url, course.directory.course_id, options.assignments)
        report = make_report(results, options.anonymous)
        if options.json:
            _write(options.json, json.dumps(as_dict(report, address), indent=1, ensure_ascii=False) + "\n")
        if options.csv:
            write_csv(report, options.csv, address)
    except (UsageError, DatabaseError) as error:
        _print(Console(stderr=True), f"autograder: {error}")
        return NOTHING_TO_TELL
    show(report, Console(), address)
    return 0


# --- files ---------------------------------------------------------------------------------------------------------


def as_dict(report: ClassReport, address: str = "") -> dict[str, Any]:
    """Return a report for JSON; sections are pages, below the `address` of the site."""
    found = asdict(report)
    tasks = [task for assignment in found["assignments"] for task in assignment["tasks"]]
    for mistake in [*found["next_class"], *(mistake for task in tasks for mistake in task["mistakes"])]:
        mistake["section"] = _page(mistake["section"], address)
    return found


def write_csv(report: ClassReport, path: str, address: str = "") -> None:
    """Write a row for each task, part, mistake and group of answers that are wrong alike."""
    from convgrader.nbgrader_plugin.exporting import as_cell

    try:
        with open(path, "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(COLUMNS)
            for row in _rows(report, address):
                table.writerow([as_cell(row.get(column)) for column in COLUMNS])
    except OSError as error:
        raise _unwritable(path, error) from None


def _rows(report: ClassReport, address: str) -> Iterator[dict[str, Any]]:
    for assignment in report.assignments:
        for task in assignment.tasks:
            about = {"assignment": assignment.assignment, "notebook": task.notebook, "task": task.task}
            numbers = {each.name: getattr(task, each.name) for each in fields(task) if each.name in COLUMNS}
            yield about | numbers | {"kind": "task", "students": task.n}
            for part in task.parts:
                yield about | {"kind": "part", "item": part.name, "share": part.share, "problem": part.remark}
            for mistake in task.mistakes:
                what = {"item": mistake.sentence, "points_lost": mistake.points_lost, "call": mistake.call}
                page = {"section": _page(mistake.section, address)}
                yield about | {"kind": "mistake"} | what | page | _people(mistake.students)
            for cluster in task.unnamed:
                what = {"outcomes": cluster.outcomes, "problem": cluster.problem, "call": cluster.call}
                yield about | {"kind": "wrong alike"} | what | _people(cluster.students)


def _people(students: People) -> dict[str, Any]:
    return {"students": students.count, "names": " ".join(students.names)}


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: str, error: OSError) -> UsageError:
    return UsageError(f"cannot write {path}: {error.strerror or error}")


# --- the terminal --------------------------------------------------------------------------------------------------


def show(report: ClassReport, console: Console, address: str = "") -> None:
    """Print a report."""
    for assignment in report.assignments:
        console.print(_table(assignment))
        for line in _warnings(assignment):
            _print(console, line)
        for task in assignment.tasks:
            for line in _task_lines(task, address):
                _print(console, line)
    console.print("\n[bold]What to do in the next class[/bold]")
    if not report.next_class:
        console.print("No verdict named a mistake.")
    for number, mistake in enumerate(report.next_class, 1):
        where = f"{mistake.assignment}, {mistake.task}"
        _print(console, f"{number}. {mistake.sentence} ({where}: {_cost(mistake)})")
        _print(console, f"   {_page(mistake.section, address)}")


def _print(console: Console, line: str) -> None:
    console.print(escape(printable(line)), highlight=False, soft_wrap=True)


def _table(report: AssignmentReport) -> Table:
    """Return the numbers of all tasks; in a terminal of 80 columns names are folded, and nothing is cut."""
    title = f"{report.assignment}: {_counted(report.students, 'submission')}"
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("task", overflow="fold")
    for heading in ("points", "n", "mean", "spread", "all", "none", "difficulty", "discrim."):
        table.add_column(heading, justify="right", overflow="fold", min_width=5)
    for task in report.tasks:
        numbers = [_number(value) for value in (task.mean, task.spread)]
        shares = [_percent(value) for value in (task.full, task.zero)]
        indices = [_number(value) for value in (task.difficulty, task.discrimination)]
        table.add_row(escape(task.task), f"{task.points:g}", str(task.n), *numbers, *shares, *indices)
    return table


def _warnings(report: AssignmentReport) -> Iterator[str]:
    name = report.assignment
    if report.failed.count:
        yield f"{_counted(report.failed.count, 'submission')} not graded, and not counted{_names(report.failed)}"
    if report.without_verdicts.count:
        yield (
            f"{_counted(report.without_verdicts.count, 'submission')} graded before verdicts were kept: "
            f"`autograder grade {name}` grades them again{_names(report.without_verdicts)}"
        )


def _task_lines(task: TaskReport, address: str) -> Iterator[str]:
    """Yield what there is to say of a task beside its row."""
    parts = [f"{part.name} {_percent(part.share)}{part.remark and f' ({part.remark})'}" for part in task.parts]
    if parts or task.to_grade:
        yield ""
        yield f"{task.task}: {'; '.join(parts) or _waiting(task.to_grade)}"
    if task.blank:
        yield f"  {_counted(task.blank, 'student')} wrote nothing."
    if parts and task.to_grade:
        yield f"  {_waiting(task.to_grade)}"
    for mistake in task.mistakes:
        yield f"  {mistake.sentence} ({_cost(mistake)})"
        yield from _details(mistake, address)
    for cluster in task.unnamed[:CLUSTERS]:
        count = cluster.students.count
        alike = f"{count} answers are wrong alike" if count > 1 else "1 answer is wrong in its own way"
        yield f"  No known mistake: {alike}. {cluster.problem}"
        yield from _details(cluster, address)
    if left := sum(cluster.students.count for cluster in task.unnamed[CLUSTERS:]):
        yield f"  No known mistake: {left} more; --csv and --json have them all."


def _details(item: NamedMistake | Cluster, address: str) -> Iterator[str]:
    if item.call:
        yield f"    {item.call}"
    if isinstance(item, NamedMistake) and item.section:
        yield f"    Read: {_page(item.section, address)}"
    if item.students.names:
        yield f"    Made by{_names(item.students)}"


def _waiting(count: int) -> str:
    return f"{_counted(count, 'answer')} still to grade by hand."


def _cost(mistake: NamedMistake) -> str:
    return f"{_counted(mistake.students.count, 'student')}, {_counted(mistake.points_lost, 'point')} lost"


def _names(students: People) -> str:
    names: Iterable[str] = students.names[:SHOWN]
    return f": {', '.join(names)}{', ...' if len(students.names) > SHOWN else ''}" if students.names else "."


def _counted(number: float, what: str) -> str:
    return f"{number:g} {what}{'' if number == 1 else 's'}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{round(value, 2) + 0.0:.2f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def _page(section: str, address: str) -> str:
    return address + page_of(section) if section else ""
