"""``autograder similar``: answers that are alike; plugged into the command of convcourse by an entry point."""

import json
import os
from argparse import ArgumentParser, ArgumentTypeError, Namespace, _SubParsersAction
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from convcourse.errors import UsageError
from convgrader.errors import DatabaseError
from convgrader.outputs import write_table, write_text
from convgrader.wording import counted, print_line

if TYPE_CHECKING:  # both take a while, and ``autograder --help`` need not wait for them
    from convgrader.nbgrader_plugin.class_answers import ClassAnswers
    from convgrader.similarity.report import SimilarityReport, StudentPair, TaskReport

HELP = "show answers that are alike (for instructors)"
DESCRIPTION = """\
Show which students gave answers that are alike, whatever the names, the comments and the layout. What was handed out
does not count, and what many wrote counts little. Likeness is no proof: read both answers, and talk to both students.
"""
NO_PROOF = "Likeness is no proof that anybody copied. Read both answers, and talk to both students."
DEFAULT = 50  # per cent; chosen on half of the topics, see tools/similarity.py
SHOWN = 20  # pairs in the terminal
NAMES = 10  # of a group
NOTHING_TO_TELL = 1  # exit status
COLUMNS = ("kind", "assignment", "notebook", "task", "names", "likeness", "rarity")


def add_parser(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the command to the parser of ``autograder``."""
    parser = commands.add_parser("similar", help=HELP, description=DESCRIPTION)
    parser.add_argument("assignments", nargs="+", metavar="ASSIGNMENT", help="its name, pooling for example")
    parser.add_argument(
        "--threshold",
        type=_percentage,
        default=DEFAULT / 100,
        metavar="PERCENT",
        help=f"how alike two answers must be to be shown (default: {DEFAULT})",
    )
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        type=Path,
        metavar="FOLDER",
        help="compare with the notebooks in this folder too, those of an earlier term for example",
    )
    parser.add_argument("--csv", metavar="FILE", help="write a table for a spreadsheet too")
    parser.add_argument("--json", metavar="FILE", help="write all of it for programs too")
    parser.add_argument("--html", metavar="FILE", help="write a page with both texts side by side too")
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes side by side (default: as many as processors)",
    )
    parser.set_defaults(run=run)


def _percentage(text: str) -> float:
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = 0
    if not 1 <= number <= 100:
        raise ArgumentTypeError(f"{text} is no number from 1 to 100")
    return number / 100


def run(options: Namespace) -> int:
    """Compare, print and write; return the exit status: 1 where there is nothing to compare."""
    from convgrader.batch import CourseFolders
    from convgrader.nbgrader_plugin import class_answers, course_rules
    from convgrader.similarity import page
    from convgrader.similarity.report import make_report

    if options.workers < 1:
        raise UsageError("--workers must be at least 1")
    try:
        course = CourseFolders.here()
        rules = course_rules.rules_here(course.config, course.directory)  # members of a group hand in one work
        read = [
            class_answers.read(course.directory, name, course.submissions(name, rules=rules), options.also)
            for name in dict.fromkeys(options.assignments)
        ]
        if not any(each.submissions for each in read):
            raise UsageError(f"nothing was handed in for {', '.join(options.assignments)}")
        tasks = [task for each in read for task in each.tasks]
        report = make_report(tasks, options.threshold, workers=options.workers)
        if options.json:
            write_text(options.json, json.dumps(as_dict(report), indent=1, ensure_ascii=False) + "\n")
        if options.csv:
            write_csv(report, options.csv)
        if options.html:
            write_text(options.html, page.page(report, NO_PROOF))
    except (UsageError, DatabaseError) as error:
        print_line(Console(stderr=True), f"autograder: {error}")
        return NOTHING_TO_TELL
    show(report, read, Console())
    return 0


# --- files ---------------------------------------------------------------------------------------------------------


def as_dict(report: "SimilarityReport") -> dict[str, Any]:
    """Return a report for JSON."""
    return {
        "note": NO_PROOF,
        "threshold": report.threshold,
        "tasks": [
            {
                **_about(task),
                "compared": task.likeness.compared,
                "too_short": task.likeness.short,
                "groups": task.likeness.groups,
                "common": task.likeness.common,
            }
            for task in report.tasks
        ],
        "pairs": [
            {
                "names": pair.names,
                "rarity": round(pair.bits, 2),
                "tasks": [
                    {"assignment": each.about.assignment, "notebook": each.about.notebook, "task": each.about.task,
                     "likeness": round(each.likeness, 3)}
                    for each in pair.tasks
                ],
            }
            for pair in report.pairs
        ],
    }  # fmt: skip


def _about(task: "TaskReport") -> dict[str, str]:
    return {"assignment": task.about.assignment, "notebook": task.about.notebook, "task": task.about.task}


def write_csv(report: "SimilarityReport", path: str) -> None:
    """Write a row for each task of each pair, for each group, and for each answer that is too short."""
    write_table(path, COLUMNS, _rows(report))


def _rows(report: "SimilarityReport") -> Iterator[dict[str, Any]]:
    for pair in report.pairs:
        for each in pair.tasks:
            about = {"assignment": each.about.assignment, "notebook": each.about.notebook, "task": each.about.task}
            numbers = {"likeness": round(each.likeness, 3), "rarity": round(pair.bits, 2)}
            yield {"kind": "pair", "names": " ".join(pair.names)} | about | numbers
    for task in report.tasks:
        kinds = {"group": [names for names in task.likeness.groups if len(names) > 2], "common": task.likeness.common}
        for kind, groups in kinds.items():
            for names in groups:
                yield {"kind": kind, "names": " ".join(names)} | _about(task)
        if task.likeness.short:
            yield {"kind": "too short", "names": " ".join(task.likeness.short)} | _about(task)


# --- the terminal --------------------------------------------------------------------------------------------------


def show(report: "SimilarityReport", read: "list[ClassAnswers]", console: Console) -> None:
    """Print a report."""
    from convgrader.similarity.report import groups_of

    console.print(_table(report))
    for each in read:
        if each.beside:
            print_line(console, f"{counted(each.beside, 'notebook')} of other folders compared with the class.")
        for name, reason in each.unread.items():
            print_line(console, f"{name} was not compared: {reason}")
    for names, tasks in groups_of(report.tasks).items():
        alike = ", ".join(task.task for task in tasks)
        print_line(console, f"{len(names)} are alike together in {alike}: {_names(names)}")
    for task in report.tasks:
        for names in task.likeness.common:
            print_line(
                console,
                f"{len(names)} wrote nearly the same for {task.about.task}: the natural answer, or one that went round."
                f" Their pairs are not listed: {_names(names)}",
            )
    console.print("\n[bold]Pairs, those first whose likeness is rarest in the class[/bold]")
    for number, pair in enumerate(report.pairs[:SHOWN], 1):
        for line in _pair_lines(number, pair):
            print_line(console, line)
    if len(report.pairs) > SHOWN:
        print_line(console, f"{len(report.pairs) - SHOWN} more; --csv and --json have them all.")
    if not report.pairs:
        print_line(console, f"No two answers are {report.threshold:.0%} alike or more.")
    print_line(console, NO_PROOF)


def _table(report: "SimilarityReport") -> Table:
    """Return what there was to compare, task by task."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("task", overflow="fold")
    for heading in ("compared", "too short", "pairs", "common"):
        table.add_column(heading, justify="right", overflow="fold", min_width=5)
    for task in report.tasks:
        found = task.likeness
        common = sum(map(len, found.common))
        numbers = (found.compared, len(found.short), len(found.pairs), common)
        table.add_row(escape(task.about.task), *map(str, numbers))
    return table


def _pair_lines(number: int, pair: "StudentPair") -> Iterator[str]:
    one, other = pair.names
    yield f"{number}. {one} and {other}: {counted(len(pair.tasks), 'task')} alike"
    yield "   " + ", ".join(f"{each.about.task} {each.likeness:.0%}" for each in pair.tasks)


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names[:NAMES]) + (", ..." if len(names) > NAMES else "")
