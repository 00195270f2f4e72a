"""``autograder rules``: what ``course/course.toml`` means; plugged into the command of convcourse by an entry point."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from convcourse.engine.display import printable
from convcourse.errors import UsageError
from convgrader.errors import DatabaseError
from convgrader.outputs import write_table
from convgrader.rules import reader
from convgrader.rules.late import describe, length, shown
from convgrader.rules.model import EVERY, CourseRules
from convgrader.rules.total import Counted, counted, total
from convgrader.wording import print_line

if TYPE_CHECKING:
    from nbgrader.api import Gradebook
    from traitlets.config import Config

    from convgrader.nbgrader_plugin.course_rules import Applied

HELP = "say what the rules of the course mean: due dates, late work, groups, the total (for instructors)"
DESCRIPTION = """\
Say what course/course.toml means, before anything is graded by it. With assignments or students: what it comes to for
each of them. Nothing is written but with --apply. Grading, export and feedback follow the file by themselves.
"""
SLIPS = 1  # exit status


def add_parser(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the command to the parser of ``autograder``."""
    parser = commands.add_parser("rules", help=HELP, description=DESCRIPTION)
    parser.add_argument("assignments", nargs="*", metavar="ASSIGNMENT", help="what the rules come to in these")
    parser.add_argument("--students", nargs="+", default=(), metavar="ID", help="what the rules come to for these")
    parser.add_argument("--total", action="store_true", help="the total of each student, as far as the course has come")
    parser.add_argument("--csv", metavar="FILE", help="write the table for a spreadsheet too")
    parser.add_argument("--apply", action="store_true", help="write due dates, extensions and penalties now")
    parser.add_argument("--template", action="store_true", help="write a file of rules to begin with")
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Print what is asked for; return the exit status: 1 where the file names what there is not."""
    from nbgrader.api import Gradebook

    from convgrader.batch import CourseFolders  # it imports much, and ``autograder --help`` need not wait for it
    from convgrader.nbgrader_plugin import course_rules
    from convgrader.nbgrader_plugin.error_translation import database_errors

    course = CourseFolders.here()
    path = course_rules.path_of(course.config)
    if path is None:
        raise UsageError("nbgrader_config.py does not say where the rules are: c.CourseFile.path")
    if options.template:
        return _write_template(path)
    if not path.exists():
        raise UsageError(f"there is no {path}: autograder rules --template writes one to begin with")
    url = course_rules.url_to_read(course.directory)
    if options.apply and url != course.directory.db_url:
        raise UsageError("there is no gradebook yet to write into: autograder release makes it")
    try:
        with database_errors(url), closing(Gradebook(url, course.directory.course_id)) as gradebook:
            return _tell(options, gradebook, course.config, Console())
    except DatabaseError as error:
        raise UsageError(str(error)) from None


def _tell(options: Namespace, gradebook: "Gradebook", config: "Config", console: Console) -> int:
    """Print what is asked for, and write it; return the exit status."""
    from convgrader.nbgrader_plugin import course_rules, course_totals

    rules = course_rules.rules_of(config, gradebook)
    if rules is None:
        raise UsageError("the file of rules is gone")
    known = course_totals.students(gradebook)
    _require(options.assignments, rules.assignments, f"assignment of {rules.file}")
    _require(options.students, known, "student of the gradebook")
    now, slips = course_totals.now(), course_totals.slips(rules, gradebook)
    status = SLIPS if slips else 0
    if options.total:
        earned = course_totals.earned(rules, gradebook, now)
        chosen = {student: known[student] for student in options.students or known}
        rows = list(total_rows(rules, chosen, {student: counted(rules, earned.get(student, {})) for student in chosen}))
    elif options.assignments or options.students:
        applied = course_rules.work_out(rules, gradebook)
        rows = list(late_rows(applied, options.assignments or rules.assignments, options.students))
    else:
        show(rules, console)
        rows = list(due_rows(rules))
        slips += course_totals.remarks(rules, gradebook, config, now)
    _show_rows(rows, console)
    if options.csv:
        write_table(options.csv, list(rows[0]) if rows else [], rows)
    for line in slips:
        print_line(console, line)
    if options.apply:
        course_rules.apply(rules, gradebook)
        print_line(console, "Due dates, extensions and penalties are in the gradebook.")
    return status


def _write_template(path: Path) -> int:
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(reader.template())
    except FileExistsError:
        raise UsageError(f"there is a {path} already, and it stays as it is") from None
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
    print_line(Console(), f"{path} is there: nothing in it holds before you take the # away.")
    return 0


def _require(names: Iterable[str], known: Iterable[str], what: str) -> None:
    known = list(known)
    for name in names:
        if name not in known:
            there_are = ", ".join(known[:10]) + (", ..." if len(known) > 10 else "")
            raise UsageError(f"{name} is no {what}: there are {there_are or 'none'}")


# --- what is said --------------------------------------------------------------------------------------------------

Row = dict[str, Any]


def show(rules: CourseRules, console: Console) -> None:
    """Print what holds for the whole course."""
    what = f"The course takes {rules.path}" if rules.path else "The course has"
    print_line(console, f"{rules.file}. {what}: {', '.join(rules.assignments) or 'nothing'}.")
    by_rule: dict[str, list[str]] = {}
    for name, about in rules.assignments.items():
        by_rule.setdefault(describe(about.late), []).append(name)
    for words, names in by_rule.items():
        where = "" if len(by_rule) == 1 else f" ({', '.join(names)})"
        print_line(console, f"Late work{where}: {words}")
    if rules.late_days is not None:
        print_line(console, f"Each student has {rules.late_days} late days, spent in the order of due dates.")
    if rules.drop_lowest:
        print_line(console, f"Of the total the {rules.drop_lowest} lowest do not count.")
    for student, given in rules.extensions.items():
        for name in given:
            extension, due = given[name], rules.due(name, student)
            longer = length(extension) if isinstance(extension, timedelta) else ""
            until = f"until {shown(due.astimezone(rules.zone))}" if due else f"{longer} longer"
            print_line(console, f"Extension: {student}, {'all others' if name == EVERY else name}: {until}")
    groups = {(name, who) for one in rules.assignments.values() for name, who in one.groups.items()}
    for name, members in sorted(groups):
        print_line(console, f"Group {name}: {', '.join(members)}")


def due_rows(rules: CourseRules) -> Iterator[Row]:
    """Yield a row for each assignment."""
    for name, about in rules.assignments.items():
        due = rules.due(name)
        extra = "extra credit" if about.extra_credit else ", ".join(f"{task} is extra" for task in about.extra_tasks)
        left_out = ", ".join(f"without {task}" for task in about.left_out)
        yield {
            "assignment": name,
            "due": shown(due.astimezone(rules.zone)) if due else "",
            "weight": "by points" if about.weight is None else f"{about.weight:g}",
            "counts": ", ".join(filter(None, (extra, left_out))) or "in full",
        }


def late_rows(
    applied: "Mapping[tuple[str, str], Applied]", names: Iterable[str], students: Iterable[str]
) -> Iterator[Row]:
    """Yield a row for each assignment and student: when it was handed in, and what that comes to."""
    wanted = set(students)
    for name in names:
        for (assignment, student), one in sorted(applied.items()):
            if assignment == name and (not wanted or student in wanted):
                yield {
                    "assignment": name,
                    "student": student,
                    "due": shown(one.lateness.due),
                    "score": one.score,
                    "penalty": one.penalty,
                    "why": one.sentence or "in time",
                }


def total_rows(
    rules: CourseRules, students: Mapping[str, tuple[str, str]], totals: Mapping[str, Mapping[str, Counted]]
) -> Iterator[Row]:
    """Yield a row for each student: the total in percent, and the share of each assignment."""
    for student, (last_name, first_name) in students.items():
        whole = total(totals[student])
        row: Row = {"student": student, "last_name": last_name, "first_name": first_name}
        row["total"] = None if whole is None else round(whole, 2)
        for name in rules.assignments:
            one = totals[student].get(name)
            row[name] = "" if one is None else f"{100 * one.share:.1f}{' dropped' if one.is_dropped else ''}"
        yield row


def _show_rows(rows: list[Row], console: Console) -> None:
    if not rows:
        console.print("Nothing is graded yet that these rules say anything about.")
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading, value in rows[0].items():
        table.add_column(heading, justify="right" if isinstance(value, float) else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(printable(_as_text(value))) for value in row.values()))
    console.print(table)


def _as_text(value: Any) -> str:
    if isinstance(value, float):
        return f"{round(value, 4):g}"
    return "-" if value is None else str(value)
