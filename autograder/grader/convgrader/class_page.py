"""Reports as pages: one file each, which needs no network and no script, in the look of the course's site."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from convgrader import pages, trials, wording
from convgrader.class_statistics import AssignmentReport, ClassReport, tenth_of
from convgrader.student_statistics import FEWEST, RULES, HelpReport, StudentAssignment, StudentReport

SHOWN = 200  # names in one list
FIRST_HELP, SHOWN_HELP = 12, 200  # students who need help: before the fold, and in all
SHOWN_MISTAKES = 12  # of a task
SHOWN_CLUSTERS = 5  # groups of answers to a task that are wrong alike


def class_page(
    report: ClassReport, help_report: HelpReport, address: str = "", anonymous: bool = False, made: date | None = None
) -> str:
    """Return the report on a class as HTML; `address` is the site's, below which the links are."""
    to_grade = [(each.assignment, task) for each in report.assignments for task in each.tasks if task.to_grade]
    return _render("class", address, made, report=report, help=help_report, to_grade=to_grade, anonymous=anonymous)


def student_page(report: StudentReport, address: str = "", made: date | None = None) -> str:
    """Return the report on one student as HTML."""
    return _render("student", address, made, report=report)


def _render(name: str, address: str, made: date | None, **values: Any) -> str:
    environment = pages.environment()
    environment.filters |= {
        "counted": wording.counted, "number": wording.number, "percent": wording.percent, "outcomes": wording.outcomes,
        "remarks": remarks_on, "trial": trials.fitting, "tenth": _tenth,
        "page": lambda section, root=address: wording.page(section, root),
    }  # fmt: skip
    environment.globals |= {
        "address": address, "rules": RULES, "fewest": FEWEST, "shown": SHOWN, "first_help": FIRST_HELP,
        "shown_help": SHOWN_HELP, "shown_mistakes": SHOWN_MISTAKES, "shown_clusters": SHOWN_CLUSTERS,
    }  # fmt: skip
    day = made or date.today()  # noqa: DTZ011 (the day of whoever reads it)
    return environment.get_template(f"{name}.html.j2").render(made=f"{day.day} {day:%B %Y}", **values)


def remarks_on(report: AssignmentReport) -> list[str]:
    """Return what is odd about the tasks of an assignment and their parts."""
    return [*_odd_tasks(report), *_odd_parts(report)]


def _odd_tasks(report: AssignmentReport) -> Iterator[str]:
    for task in report.tasks:
        if task.discrimination is not None and task.discrimination < 0:
            yield f"{task.task}: whoever does well in the rest of the assignment does worse here."


def _odd_parts(report: AssignmentReport) -> Iterator[str]:
    for task in report.tasks:
        for part in task.parts:
            if part.remark:
                yield f"{task.task}, {part.name}: {part.remark} ({wording.percent(part.share)})."


def _tenth(each: StudentAssignment) -> int | None:
    return tenth_of(each.standing.score, each.totals.points) if each.standing else None
