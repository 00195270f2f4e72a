"""Grade all submissions of an assignment: safely, fast, and again from where it stopped."""

import contextlib
import glob
import json
import logging
import os
import sys
import time
from argparse import Namespace
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from convcourse.errors import UsageError
from convgrader import lock
from convgrader.errors import DatabaseError, IsolationError, PoolError
from convgrader.jobs import AssignmentSpec, Job
from convgrader.moves import compare
from convgrader.notebooks import files
from convgrader.pool import LocalPool, Pool
from convgrader.report import Summary
from convgrader.sandbox.zygote import require_isolation

if TYPE_CHECKING:  # workers warm up while nbgrader is imported
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    from convgrader.nbgrader_plugin.gradebook import GradebookWriter
    from convgrader.nbgrader_plugin.grading_log import Record
    from convgrader.rules.model import CourseRules

GRADED, FAILED = 0, 1  # exit statuses


def run(options: Namespace) -> int:
    """Grade; return the exit status: 0 if all were graded, 1 if some could not be."""
    if options.workers < 1:
        raise UsageError("--workers must be at least 1")
    pool = start_pool(options.workers, not options.unconfined)  # it warms up while nbgrader is imported
    with contextlib.closing(pool):
        summary = grade(
            CourseFolders.here(),
            options.assignment,
            students=options.students,
            resume=options.resume,
            changed=options.changed,
            confined=not options.unconfined,
            pool=pool,
        )
    if options.json:
        json.dump(summary.as_dict(), sys.stdout, indent=1)
        print()
    else:
        summary.print(Console())
    return FAILED if summary.failures else GRADED


class CourseFolders:
    """Where nbgrader's configuration says that things are."""

    def __init__(self, config: "Config", directory: "CourseDirectory") -> None:
        self.config, self.directory = config, directory

    @classmethod
    def here(cls) -> "CourseFolders":
        """Read ``nbgrader_config.py`` in the current folder, as nbgrader's own commands do."""
        from nbgrader.apps.baseapp import NbGrader

        app = NbGrader()
        app.log_level = logging.ERROR
        app.initialize([])
        app.log.setLevel(logging.ERROR)
        return cls(app.config, app.coursedir)

    def path(self, step: str, student: str, assignment: str) -> str:
        """Return the folder of one submission at one step ("submitted", "autograded", "source")."""
        return str(self.directory.format_path(getattr(self.directory, f"{step}_directory"), student, assignment))

    def submissions(
        self, assignment: str, students: Collection[str] | None = None, rules: "CourseRules | None" = None
    ) -> dict[str, str]:
        """Return {student: folder} of what was handed in, by the student or by another member of the group.

        Of `students` the whole groups are returned.
        """
        from convgrader.nbgrader_plugin import groups

        folders = {}
        pattern = self.path("submitted", "*", assignment)
        before, _, after = pattern.partition("*")
        for folder in sorted(glob.glob(glob.escape(before) + "*" + glob.escape(after))):
            student = folder[len(before) : len(folder) - len(after)]
            if os.path.isdir(folder) and not student.startswith("."):
                folders[student] = folder
        folders = groups.with_members(rules, assignment, folders)
        missing = sorted(set(students or ()) - set(folders))
        if missing:
            raise UsageError(f"nothing was handed in for {assignment} by {', '.join(missing)}")
        return {student: folders[student] for student in groups.of_same_groups(rules, assignment, students or folders)}


def grade(
    course: CourseFolders,
    assignment: str,
    students: Collection[str] | None = None,
    workers: int = 2,
    resume: bool = False,
    changed: bool = False,
    confined: bool = True,
    console: Console | None = None,
    pool: Pool | None = None,
) -> Summary:
    """Grade submissions of an assignment and record them; return a Summary.

    Parameters
    ----------
    resume, changed : bool
        Leave out what these checks have graded and what has not changed since; with `changed` also what has not been
        graded yet, so that whatever moves is due to the points or the checks.
    pool : convgrader.pool.Pool or None
        What runs the jobs; None starts worker processes here, and ends them in the end.
    """
    from nbgrader.api import MissingEntry

    from convgrader.nbgrader_plugin import course_rules, score_moves
    from convgrader.nbgrader_plugin.autograding import spec_of
    from convgrader.nbgrader_plugin.gradebook import GradebookWriter
    from convgrader.nbgrader_plugin.releasing import is_outdated

    with contextlib.ExitStack() as stack:
        if pool is None:
            pool = stack.enter_context(contextlib.closing(start_pool(workers, confined)))
        directory = course.directory
        submitted = Path(course.path("submitted", ".", ".")).resolve()
        if not submitted.is_dir():
            raise UsageError(f"nothing was handed in: there is no folder {submitted}")
        stack.enter_context(lock.exclusive(directory, assignment))
        try:
            writer = GradebookWriter(directory.db_url, assignment, directory.course_id, course.config)
            with contextlib.closing(writer):
                spec = spec_of(writer, directory, course.config)
                rules = course_rules.rules_of(course.config, writer.gradebook)
                jobs, summary = _plan_jobs(course, writer, spec, students, resume, changed, rules)
                graded_again = [job.student for job in jobs] if changed else []
                before = score_moves.scores(writer.gradebook, assignment, graded_again)
                console = console or Console(stderr=True)
                if is_outdated(directory, assignment, writer.sources):
                    console.print(
                        f"{assignment} has changed since it was released: autograder release {assignment} --preview "
                        "says how.", soft_wrap=True,
                    )  # fmt: skip
                handed_in = course.submissions(assignment, rules=rules).keys()
                if not students:
                    summary.absent = sorted(writer.students() - handed_in)
                _grade_all(writer, spec, jobs, summary, pool, console)
                writer.assign_penalties()
                if changed:
                    after = score_moves.scores(writer.gradebook, assignment, graded_again)
                    summary.moves = compare(before, after)
                records = writer.graded_before()
                by_other_checks = {student for (student, _), record in records.items() if record.checks != spec.checks}
                summary.by_other_checks = len(by_other_checks & handed_in)
                return summary
        except MissingEntry:
            raise UsageError(
                f"the gradebook has no assignment {assignment}: run `autograder release {assignment}` first"
            ) from None
        except (DatabaseError, PoolError) as error:
            raise UsageError(str(error)) from None


def start_pool(workers: int, confined: bool) -> LocalPool:
    """Start worker processes; refuse where students' code cannot be confined and has to be."""
    try:
        if confined:
            require_isolation()
    except IsolationError as error:
        raise UsageError(str(error)) from None
    if sys.platform == "win32":
        raise UsageError("grading needs processes that fork, which Windows has not: use Linux, or WSL 2 on Windows")
    return LocalPool(workers, confined)


def _grade_all(
    writer: "GradebookWriter", spec: AssignmentSpec, jobs: Sequence[Job], summary: Summary, pool: Pool, console: Console
) -> None:
    """Have the pool grade the jobs, and record each result at once; stop where the assignment itself fails.

    What a group has handed in is graded once, and recorded for each member.
    """
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TaskProgressColumn(show_speed=True),
        TextColumn("{task.fields[rate]}"), TextColumn("left"), TimeRemainingColumn(elapsed_when_finished=True),
    )  # fmt: skip
    start = time.monotonic()
    by_folder: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        by_folder[job.submitted_folder].append(job)
    of_first = {theirs[0].student: theirs for theirs in by_folder.values()}
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task(f"Grading {writer.name}", total=len(jobs), rate="")
        for result in pool.map(spec, [theirs[0] for theirs in of_first.values()]) if jobs else ():
            if result.fatal_error:
                raise UsageError(f"{result.fatal_error}; mend it and go on with --resume")
            first, *others = of_first[result.student]
            summary.add(result, writer.write(result, spec.checks))
            for job in others:
                _copy_graded(first, job)
                copy = replace(result, student=job.student)
                summary.add(copy, writer.write(copy, spec.checks))
            rate = summary.count / (time.monotonic() - start)
            progress.update(bar, advance=1 + len(others), rate=f"{rate:.1f}/s")
    summary.seconds = time.monotonic() - start


def _copy_graded(first: Job, job: Job) -> None:
    """Give another member of a group the graded notebook."""
    try:
        files.copy_graded(first.graded_folder, job.graded_folder)
    except OSError as error:
        raise UsageError(
            f"cannot write {job.graded_folder}: {error.strerror or error}; mend it and go on with --resume"
        ) from None


def _plan_jobs(
    course: CourseFolders,
    writer: "GradebookWriter",
    spec: AssignmentSpec,
    students: Collection[str] | None,
    resume: bool,
    changed: bool,
    rules: "CourseRules | None",
) -> tuple[list[Job], Summary]:
    """Return the jobs to do, and a Summary that counts those that are left out, and taken in again."""
    summary = Summary(writer)
    jobs: list[Job] = []
    records = writer.graded_before() if resume or changed else {}
    for student, folder in course.submissions(writer.name, students, rules).items():
        job = Job(student, folder, course.path("autograded", student, writer.name))
        earlier = [records[student, name] for name in writer.sources if (student, name) in records]
        is_unchanged = len(earlier) == len(writer.sources) and _is_unchanged(job, earlier)
        if is_unchanged and all(record.checks == spec.checks for record in earlier):
            summary.skipped += 1
        elif changed and not is_unchanged:
            summary.not_compared += 1
        else:
            summary.outdated += is_unchanged
            jobs.append(job)
    return jobs, summary


def _is_unchanged(job: Job, records: Collection["Record"]) -> bool:
    """Say whether what the records of a submission tell of, one for each notebook, is what lies there now."""
    names = [record.notebook for record in records]
    are_there = all((Path(job.graded_folder) / f"{name}.ipynb").exists() for name in names)
    return are_there and {record.digest for record in records} == {files.digest(job.submitted_folder, names)}
