"""``autograder report``: what a class has not understood; plugged into the command of convcourse by an entry point."""

import json
import re
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from convcourse import site
from convcourse.errors import UsageError
from convgrader import student_report, student_statistics, trials
from convgrader.class_statistics import (
    AssignmentReport,
    AssignmentResults,
    ClassReport,
    Cluster,
    NamedMistake,
    People,
    TaskReport,
    make_report,
)
from convgrader.errors import DatabaseError
from convgrader.outputs import write_table, write_text
from convgrader.student_statistics import HelpReport, who_needs_help
from convgrader.wording import counted, number, page, percent, print_line

if TYPE_CHECKING:
    pass

HELP = "say what a class has not understood (for instructors)"
DESCRIPTION = """\
Say what a class has not understood: for each task how it went, for each part the share that passed it, which mistakes
were made, by whom, and what to read about them, which answers are wrong alike, who needs help, and what to do in the
next class. With --student it is about one student.
"""
BESIDE = "beside"  # the place of a page without a name: beside the gradebook
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
    parser.add_argument(
        "assignments",
        nargs="*",
        metavar="ASSIGNMENT",
        help="its name, pooling for example (default: all graded ones)",
    )
    parser.add_argument("--student", metavar="ID", help="tell how one student fared, not the class")
    parser.add_argument(
        "--html",
        nargs="?",
        const=BESIDE,
        metavar="FILE",
        help="write a page with plots too (default: report-ASSIGNMENT.html beside the gradebook)",
    )
    parser.add_argument("--csv", metavar="FILE", help="write a table for a spreadsheet too")
    parser.add_argument("--json", metavar="FILE", help="write all of it for programs too")
    parser.add_argument("--anonymous", action="store_true", help="leave the names of students out")
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Print the report, and write it into files; return the exit status: 1 where there is nothing to tell."""
    from convgrader.batch import CourseFolders  # it imports much, and ``autograder --help`` need not wait for it
    from convgrader.nbgrader_plugin import class_results, course_rules

    try:
        _require_sense(options)
        course = CourseFolders.here()
        address = site.published(str(course.config.GradeCells.get("site") or ""))
        found = class_results.read(course.directory.db_url, course.directory.course_id, options.assignments)
        rules = course_rules.rules_here(course.config, course.directory)
        results = [_without_ungraded(each, course.submissions(each.name, rules=rules)) for each in found]
        if options.html == BESIDE:
            options.html = str(class_results.folder_of(course.directory.db_url) / _page_name(results, options.student))
        if options.student:
            _tell_of_student(results, options, address)
        else:
            _tell_of_class(results, options, address)
    except (UsageError, DatabaseError) as error:
        print_line(Console(stderr=True), f"autograder: {error}")
        return NOTHING_TO_TELL
    if options.html:
        Console().print()
        print_line(Console(), f"The page: {options.html}")
    return 0


def _require_sense(options: Namespace) -> None:
    """Refuse options that say nothing together, and a page under the name of something else."""
    if options.student and options.anonymous:
        raise UsageError("--student names a student: leave --anonymous out")
    if options.student and options.csv:
        raise UsageError("--csv is a table of the class: of one student --json and --html can be written")
    if options.html and options.html != BESIDE and not options.html.lower().endswith((".html", ".htm")):
        raise UsageError(f"--html {options.html}: the name of a page ends with .html; assignments stand before --html")


def _page_name(results: Sequence[AssignmentResults], student: str | None) -> str:
    """Return what a page is called: by the student, or by the assignment where it is one."""
    about = f"-student-{student}" if student else f"-{results[0].name}" if len(results) == 1 else ""
    return re.sub(r"[^\w.-]", "-", f"report{about}.html")


def _without_ungraded(results: AssignmentResults, handed_in: Collection[str]) -> AssignmentResults:
    """Return results in which nobody is missing who has handed in, or whose group has, and is only not graded yet."""
    return replace(results, missing=tuple(student for student in results.missing if student not in handed_in))


def _tell_of_class(results: Sequence[AssignmentResults], options: Namespace, address: str) -> None:
    report = make_report(results, options.anonymous)
    help_report = who_needs_help(results, options.anonymous)
    if options.json:
        _write_json(options.json, as_dict(report, help_report, address))
    if options.csv:
        write_csv(report, help_report, options.csv, address)
    if options.html:
        from convgrader.class_page import class_page  # Jinja: only who wants a page waits for it

        write_text(options.html, class_page(report, help_report, address, options.anonymous))
    show(report, help_report, Console(), address)


def _tell_of_student(results: Sequence[AssignmentResults], options: Namespace, address: str) -> None:
    if not student_statistics.knows(results, options.student):
        raise UsageError(f"the gradebook has no student {options.student}")
    report = student_statistics.report_on(results, options.student)
    if options.json:
        _write_json(options.json, student_report.as_dict(report, address))
    if options.html:
        from convgrader.class_page import student_page

        write_text(options.html, student_page(report, address))
    student_report.show(report, Console(), address)


# --- files ---------------------------------------------------------------------------------------------------------


def as_dict(report: ClassReport, help_report: HelpReport, address: str = "") -> dict[str, Any]:
    """Return a report for JSON; sections are pages, below the `address` of the site."""
    found = asdict(report) | {"need_help": asdict(help_report)}
    tasks = [task for assignment in found["assignments"] for task in assignment["tasks"]]
    for mistake in found["next_class"]:
        trial = trials.fitting(mistake["section"], mistake["sentence"])
        mistake["on_trial"] = {"claim": trial.claim, "page": address + trial.page} if trial else None
    for mistake in [*found["next_class"], *(mistake for task in tasks for mistake in task["mistakes"])]:
        mistake["section"] = page(mistake["section"], address)
    return found


def write_csv(report: ClassReport, help_report: HelpReport, path: str, address: str = "") -> None:
    """Write a row for each task, part, mistake, group of answers that are wrong alike, and student who needs help."""
    write_table(path, COLUMNS, (*_rows(report, address), *_help_rows(help_report)))


def _rows(report: ClassReport, address: str) -> Iterator[dict[str, Any]]:
    for assignment in report.assignments:
        for task in assignment.tasks:
            about = {"assignment": assignment.assignment, "notebook": task.notebook, "task": task.task}
            numbers = {each.name: getattr(task, each.name) for each in fields(task) if each.name in COLUMNS}
            yield about | numbers | {"kind": "task", "students": task.n}
            for part in task.parts:
                yield about | {"kind": "part", "item": part.name, "share": part.share, "problem": part.remark}
            for mistake in task.mistakes:
                what: dict[str, Any] = {
                    "item": mistake.sentence,
                    "points_lost": mistake.points_lost,
                    "call": mistake.call,
                }
                what["section"] = page(mistake.section, address)
                yield about | {"kind": "mistake"} | what | _people(mistake.students)
            for cluster in task.unnamed:
                what = {"outcomes": cluster.outcomes, "problem": cluster.problem, "call": cluster.call}
                yield about | {"kind": "wrong alike"} | what | _people(cluster.students)


def _help_rows(report: HelpReport) -> Iterator[dict[str, Any]]:
    for one in report.students:
        reasons = {"item": ", ".join(reason.kind for reason in one.reasons), "problem": _why(one.reasons)}
        yield {"kind": "needs help", "students": 1, "names": one.student} | reasons


def _people(students: People) -> dict[str, Any]:
    return {"students": students.count, "names": " ".join(students.names)}


def _write_json(path: str, found: dict[str, Any]) -> None:
    write_text(path, json.dumps(found, indent=1, ensure_ascii=False) + "\n")


# --- the terminal --------------------------------------------------------------------------------------------------


def show(report: ClassReport, help_report: HelpReport, console: Console, address: str = "") -> None:
    """Print a report."""
    for assignment in report.assignments:
        console.print(_table(assignment))
        for line in _warnings(assignment):
            print_line(console, line)
        for task in assignment.tasks:
            for line in _task_lines(task, address):
                print_line(console, line)
    console.print("\n[bold]Students who need help[/bold]")
    for line in _help_lines(help_report):
        print_line(console, line)
    console.print("\n[bold]What to do in the next class[/bold]")
    if not report.next_class:
        console.print("No verdict named a mistake.")
    for place, mistake in enumerate(report.next_class, 1):
        where = f"{mistake.assignment}, {mistake.task}"
        print_line(console, f"{place}. {mistake.sentence} ({where}: {_cost(mistake)})")
        print_line(console, f"   {page(mistake.section, address)}")
        if trial := trials.fitting(mistake.section, mistake.sentence):
            print_line(console, f'   On trial: "{trial.claim}"')


def _help_lines(report: HelpReport) -> Iterator[str]:
    kinds = "; ".join(f"{kind}: {count}" for kind, count in report.kinds.items() if count)
    yield f"{counted(report.count, 'student')} ({kinds})" if report.count else "Nobody."
    for one in report.students[:SHOWN]:
        yield f"  {one.student}: {_why(one.reasons)}"
    if len(report.students) > SHOWN:
        yield f"  {len(report.students) - SHOWN} more; --html and --json have more of them."


def _why(reasons: Sequence[student_statistics.Reason]) -> str:
    return "; ".join(reason.words for reason in reasons)


def _table(report: AssignmentReport) -> Table:
    """Return the numbers of all tasks; in a terminal of 80 columns names are folded, and nothing is cut."""
    title = f"{report.assignment}: {counted(report.students, 'submission')}"
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("task", overflow="fold")
    for heading in ("points", "n", "mean", "spread", "all", "none", "difficulty", "discrim."):
        table.add_column(heading, justify="right", overflow="fold", min_width=5)
    for task in report.tasks:
        numbers = [number(value) for value in (task.mean, task.spread)]
        shares = [percent(value) for value in (task.full, task.zero)]
        indices = [number(value) for value in (task.difficulty, task.discrimination)]
        table.add_row(escape(task.task), f"{task.points:g}", str(task.n), *numbers, *shares, *indices)
    return table


def _warnings(report: AssignmentReport) -> Iterator[str]:
    name = report.assignment
    if report.failed.count:
        yield f"{counted(report.failed.count, 'submission')} not graded, and not counted{_names(report.failed)}"
    if report.without_verdicts.count:
        yield (
            f"{counted(report.without_verdicts.count, 'submission')} graded before verdicts were kept: "
            f"`autograder grade {name}` grades them again{_names(report.without_verdicts)}"
        )


def _task_lines(task: TaskReport, address: str) -> Iterator[str]:
    """Yield what there is to say of a task beside its row."""
    parts = [f"{part.name} {percent(part.share)}{part.remark and f' ({part.remark})'}" for part in task.parts]
    if parts or task.to_grade:
        yield ""
        yield f"{task.task}: {'; '.join(parts) or _waiting(task.to_grade)}"
    if task.blank:
        yield f"  {counted(task.blank, 'student')} wrote nothing."
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
        yield f"    Read: {page(item.section, address)}"
    if item.students.names:
        yield f"    Made by{_names(item.students)}"


def _waiting(count: int) -> str:
    return f"{counted(count, 'answer')} still to grade by hand."


def _cost(mistake: NamedMistake) -> str:
    return f"{counted(mistake.students.count, 'student')}, {counted(mistake.points_lost, 'point')} lost"


def _names(students: People) -> str:
    names = students.names[:SHOWN]
    return f": {', '.join(names)}{', ...' if len(students.names) > SHOWN else ''}" if students.names else "."
