"""``autograder grade ASSIGNMENT``: grade all submissions, safely, fast, and again from where it stopped."""

import contextlib
import glob
import json
import logging
import os
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from autograder.cli import Complaint
from autograder.grading import files
from autograder.grading import pool as pools
from autograder.grading.confine import ConfinementError
from autograder.grading.results import Assignment, Budget, Job
from autograder.grading.template import refuse_if_impossible

GRADED, FAILED = 0, 1  # exit statuses
USAGE = "autograder grade [-h] ASSIGNMENT [--students ID ...] [--workers N] [--resume] [--json] [--unconfined]"
DESCRIPTION = "Grade all submissions of an assignment, and write the scores into the gradebook."


def add_parser(commands):
    """Add the command to the parser of ``autograder``."""
    parser = commands.add_parser("grade", usage=USAGE, description=DESCRIPTION)
    parser.add_argument("assignment", metavar="ASSIGNMENT", help="its name, pooling for example")
    parser.add_argument("--students", nargs="+", metavar="ID", help="only these")
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes side by side (default: as many as processors)",
    )
    parser.add_argument("--resume", action="store_true", help="leave out what is graded and has not changed since")
    parser.add_argument("--json", action="store_true", help="write the results to standard output as JSON")
    parser.add_argument(
        "--unconfined",
        action="store_true",
        help="run students' code with your own rights, where this machine cannot confine it: it can read, change and "
        "delete all that you can",
    )
    parser.set_defaults(run=run)


def run(options):
    """Grade; return the exit status: 0 if all were graded, 1 if some could not be."""
    if options.workers < 1:
        raise Complaint("--workers must be at least 1")
    pool = start_pool(options.workers, not options.unconfined)  # it warms up while nbgrader is imported
    with contextlib.closing(pool):
        summary = grade(
            Course.here(),
            options.assignment,
            students=options.students,
            resume=options.resume,
            confined=not options.unconfined,
            pool=pool,
        )
    if options.json:
        json.dump(summary.as_dict(), sys.stdout, indent=1)
        print()
    else:
        summary.print(Console())
    return FAILED if summary.failures else GRADED


class Course:
    """Where nbgrader's configuration says that things are."""

    def __init__(self, config, directory):
        self.config, self.directory = config, directory

    @classmethod
    def here(cls):
        """Read ``nbgrader_config.py`` in the current folder, as nbgrader's own commands do."""
        from nbgrader.apps.baseapp import NbGrader

        app = NbGrader()
        app.log_level = logging.ERROR
        app.initialize([])
        app.log.setLevel(logging.ERROR)
        return cls(app.config, app.coursedir)

    def path(self, step, student, assignment):
        """Return the folder of one submission at one step ("submitted", "autograded", "source")."""
        return self.directory.format_path(getattr(self.directory, f"{step}_directory"), student, assignment)

    def submissions(self, assignment, students=None):
        """Return {student: folder} of what was handed in."""
        found = {}
        pattern = self.path("submitted", "*", assignment)
        before, _, after = pattern.partition("*")
        for folder in sorted(glob.glob(glob.escape(before) + "*" + glob.escape(after))):
            student = folder[len(before) : len(folder) - len(after)]
            if os.path.isdir(folder) and not student.startswith("."):
                found[student] = folder
        missing = sorted(set(students or ()) - set(found))
        if missing:
            raise Complaint(f"nothing was handed in for {assignment} by {', '.join(missing)}")
        return {student: found[student] for student in (students or found)}


def grade(course, assignment, students=None, workers=2, resume=False, confined=True, console=None, pool=None):
    """Grade submissions of an assignment and record them; return a Summary.

    Parameters
    ----------
    pool : object or None
        What runs the jobs, by ``map(assignment, jobs)`` and ``close()``; by default worker processes here.
    """
    from nbgrader.api import MissingEntry

    from autograder.grading import gradebook

    pool = pool or start_pool(workers, confined)
    try:
        with contextlib.closing(pool), _alone(course, assignment):
            book = gradebook.Book(course.directory.db_url, assignment, course.directory.course_id, course.config)
            try:
                jobs, skipped = _jobs(course, assignment, students, book if resume else None)
                known = _assignment(course, book, confined)
                return _grade_all(book, known, jobs, skipped, pool, console or Console(stderr=True))
            finally:
                book.close()
    except MissingEntry:
        raise Complaint(
            f"the gradebook has no assignment {assignment}: run `nbgrader generate_assignment {assignment}` first"
        ) from None
    except (gradebook.DatabaseError, pools.PoolError) as error:
        raise Complaint(str(error)) from None


def start_pool(workers, confined):
    """Start worker processes; refuse where students' code cannot be confined and has to be."""
    try:
        if confined:
            refuse_if_impossible()
    except ConfinementError as error:
        raise Complaint(str(error)) from None
    if sys.platform == "win32":
        raise Complaint("grading needs processes that fork, which Windows has not: use Linux, or WSL 2 on Windows")
    return pools.LocalPool(workers, confined)


def _grade_all(book, known, jobs, skipped, pool, console):
    summary = Summary(book, skipped)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TaskProgressColumn(show_speed=True),
        TextColumn("{task.fields[rate]}"), TextColumn("left"), TimeRemainingColumn(elapsed_when_finished=True),
    )  # fmt: skip
    start = time.monotonic()
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task(f"Grading {book.name}", total=len(jobs), rate="")
        for result in pool.map(known, jobs) if jobs else ():
            if result.stopped:
                raise Complaint(f"{result.stopped}; mend it and go on with --resume")
            book.write(result)
            summary.add(result)
            rate = summary.count / (time.monotonic() - start)
            progress.update(bar, advance=1, rate=f"{rate:.1f}/s")
    summary.seconds = time.monotonic() - start
    return summary


def _assignment(course, book, confined):
    from autograder.grading.preprocessor import Examine

    config = Examine(config=course.config)
    extra = course.path("source", ".", book.name)
    return Assignment(
        name=book.name,
        sources=book.sources,
        seed=book.seed,
        budget=Budget(config.cell_seconds, config.notebook_seconds),
        is_confined=confined,
        ignore=tuple(course.directory.ignore),
        permissions=0o664 if course.directory.groupshared else 0o444,
        extra=extra if os.path.isdir(extra) else "",
        site=config.site,
    )


def _jobs(course, assignment, students, book):
    """Return the jobs to do and the number of those that --resume leaves out."""
    done, jobs, skipped = book.done() if book else {}, [], 0
    for student, folder in course.submissions(assignment, students).items():
        job = Job(student, folder, course.path("autograded", student, assignment))
        if book and all(_is_done(job, name, done.get((student, name))) for name in book.sources):
            skipped += 1
        else:
            jobs.append(job)
    return jobs, skipped


def _is_done(job, notebook, digest):
    if digest is None:
        return False
    path = Path(job.submitted) / f"{notebook}.ipynb"
    if digest == "":
        return not path.exists()
    if path.is_symlink() or not path.is_file() or not (Path(job.graded) / path.name).exists():
        return False
    return files.digest(job.submitted, files.read_regular(path)) == digest


@contextlib.contextmanager
def _alone(course, assignment):
    """Keep a second batch of the same assignment out; the lock goes with this process."""
    import fcntl

    folder = Path(course.path("submitted", ".", ".")).resolve()
    if not folder.is_dir():
        raise Complaint(f"nothing was handed in: there is no folder {folder}")
    path = folder.parent / f".grading-{assignment}.lock"
    try:
        file = open(path, "w")  # noqa: SIM115 (held until the end)
    except OSError as error:
        raise Complaint(f"cannot write {path}: {error.strerror}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Complaint(f"{assignment} is being graded already (lock {path})") from None
        yield


class Summary:
    """What a batch came to: sums for each task, and the submissions that could not be graded."""

    def __init__(self, book, skipped):
        self.assignment, self.skipped = book.name, skipped
        self.tasks = {
            (source.name, cell.name): {"points": cell.points, "sum": 0.0, "full": 0, "nothing": 0, "by_hand": 0}
            for source in book.sources.values()
            for cell in source.cells
            if cell.grade
        }
        self.count, self.seconds, self.failures, self.students = 0, 0.0, [], []

    def add(self, result):
        """Count one submission."""
        self.count += 1
        for graded in result.notebooks:
            if graded.status != "graded":
                self.failures.append((result.student, graded.notebook, graded.reason))
            self.students.append((result.student, graded.notebook, graded.score, graded.status, graded.reason))
            for name, score in graded.scores.items():
                task = self.tasks.get((graded.notebook, name))
                if task is None:
                    continue
                task["sum"] += score or 0.0
                task["full"] += score is not None and score >= task["points"]
                task["nothing"] += score == 0
                task["by_hand"] += score is None

    def as_dict(self):
        """Return all of it for JSON."""
        keys = ("student", "notebook", "score", "status", "reason")
        return {
            "assignment": self.assignment,
            "graded": self.count - len({student for student, _, _ in self.failures}),
            "failed": len({student for student, _, _ in self.failures}),
            "skipped": self.skipped,
            "seconds": round(self.seconds, 3),
            "tasks": [{"notebook": key[0], "task": key[1], **task} for key, task in self.tasks.items()],
            "submissions": [dict(zip(keys, row, strict=True)) for row in self.students],
        }

    def print(self, console):
        """Print the table of tasks and the failures."""
        if self.count:
            console.print(self._table())
        if self.skipped:
            console.print(f"{_counted(self.skipped)} graded before and not changed since: left out.", highlight=False)
        for student, notebook, reason in self.failures:
            console.print(f"[bold]not graded:[/bold] {student}, {notebook}: {reason}", highlight=False)

    def _table(self):
        table = Table(title=f"{self.assignment}: {_counted(self.count)} in {self.seconds:.1f} s")
        for heading in ("task", "points", "mean", "all points", "no points", "by hand"):
            table.add_column(heading, justify="left" if heading == "task" else "right")
        for (_, name), task in self.tasks.items():
            judged = self.count - task["by_hand"]
            mean = f"{task['sum'] / judged:.2f}" if judged else "-"
            shares = [f"{100 * task[key] / judged:.0f} %" if judged else "-" for key in ("full", "nothing")]
            table.add_row(name, f"{task['points']:g}", mean, *shares, str(task["by_hand"] or ""))
        return table


def _counted(number):
    return f"{number} submission{'' if number == 1 else 's'}"
