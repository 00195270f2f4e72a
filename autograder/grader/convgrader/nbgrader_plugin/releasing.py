"""Releasing an assignment: its students' notebook and its entry in the gradebook, both or neither.

``autograder release``, ``nbgrader generate_assignment`` and formgrader's button come here. nbgrader makes the notebook
in a folder of its own; `revising` takes it into the gradebook; then the folders are exchanged.
"""

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import SaveCells
from sqlalchemy import make_url

from convcourse import checks
from convcourse.errors import UsageError
from convcourse.grade_ids import CHECK
from convgrader import lock
from convgrader.nbgrader_plugin import handed_out, revising
from convgrader.nbgrader_plugin.telling import in_a_sentence, naming
from convgrader.notebooks.source import SourceCell, SourceNotebook

_KINDS = (utils.is_grade, utils.is_solution, utils.is_locked, utils.is_task)
_generate = GenerateAssignment.start


@dataclass(frozen=True)
class Release:
    """What a release changes, or would change: sentences, how many have handed in already, and what nothing checks."""

    changes: tuple
    submissions: int
    unchecked: tuple

    @classmethod
    def of(cls, revisions, submissions):
        """Return what these revisions change."""
        changes = tuple(line for revision in revisions for line in revision.sentences())
        return cls(changes, submissions, tuple(name for revision in revisions for name in unchecked(revision.new)))

    def lines(self, assignment):
        """Say what changes, and what to do then."""
        lines = [f"{assignment}:", *(f"  {change}" for change in self.changes)]
        if not self.changes:
            lines = [f"{assignment}: nothing changes for those who grade."]
        elif self.submissions:
            again = f"autograder grade {assignment} --resume"
            lines.append(f"Handed in already: {self.submissions}. Grade them again: {again}")
        if self.unchecked:
            lines.append(
                f"Nothing in convcourse.checks checks {', '.join(self.unchecked)}: everybody earns 0 for that."
            )
        return lines


def release(directory, config, renamed=None, preview=False):
    """Release the assignment that `directory` names, all of it or nothing; with `preview` only say what would change.

    Parameters
    ----------
    directory : nbgrader.coursedir.CourseDirectory
    config : traitlets.config.Config
    renamed : dict or None
        Tasks that were called otherwise: new name -> old name.
    """
    assignment = directory.assignment_id
    _refuse_if_missing(directory, assignment)
    target = Path(directory.format_path(directory.release_directory, ".", assignment)).resolve()
    beside = None if preview else target.parent.parent  # where a folder can be moved from in one step
    draft = f".release-{assignment}+"
    with contextlib.ExitStack() as stack:
        if not preview:
            stack.enter_context(lock.held(directory, assignment))
            for left in beside.glob(f"{draft}*"):  # by a release that was killed
                shutil.rmtree(left)
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=draft, dir=beside)))
        notebooks = _generated(directory, config, place / "made")
        if preview and not _has_gradebook(directory.db_url):
            return Release.of([revising.Revision(None, notebook) for notebook in notebooks.values()], 0)
        with _gradebook(directory) as gradebook:
            revisions = revising.compare(gradebook, assignment, notebooks, renamed or {})
            found = Release.of(revisions, revising.handed_in(gradebook, assignment))
            if not preview:
                revising.enter(gradebook, assignment, revisions)
                handed_out.remember(directory, assignment, place / "made" / assignment)
                with _exchanged(target, place / "made" / assignment, place / "earlier"):
                    gradebook.db.commit()
    return found


def unchecked(notebook):
    """List the tasks that the checker of a notebook has no check for."""
    topics = set(notebook.plan.topics)
    if not topics:  # it brings checks of its own
        return []
    known = set().union(*map(_checks, topics & set(checks.topics())))
    return [name.removeprefix(CHECK) for name in notebook.plan.graded if name.removeprefix(CHECK) not in known]


def _checks(topic):
    """Return the checks of a topic; an author may have made a slip in them."""
    try:
        return checks.load(topic)
    except Exception as error:
        raise UsageError(f"the checks of {topic} cannot be run: {type(error).__name__}: {error}") from None


def _refuse_if_missing(directory, assignment):
    source = Path(directory.format_path(directory.source_directory, ".", assignment))
    if not assignment or not list(source.glob("*.ipynb")):
        there = sorted(path.parent.name for path in source.parent.glob("*/*.ipynb"))
        raise UsageError(f"there is no {assignment!r} in {source.parent}; there are {', '.join(there) or 'none yet'}")


def is_behind(directory, assignment, sources):
    """Say whether the gradebook has other tasks, or other points, than the source notebooks."""
    folder = Path(directory.format_path(directory.source_directory, ".", assignment))
    for name, known in sources.items():
        with contextlib.suppress(OSError, ValueError):  # a source that is gone or damaged keeps nobody from grading
            source = _notebook(name, nbformat.read(folder / f"{name}.ipynb", as_version=4))
            if revising.points_of(source) != revising.points_of(known):
                return True
    return False


def _has_gradebook(url):
    """Say whether there is a gradebook: to look into one that is not there would make it."""
    url = make_url(url)
    return url.get_backend_name() != "sqlite" or os.path.exists(url.database or "")


@contextlib.contextmanager
def _gradebook(directory):
    """Open the gradebook; what is not committed in the end is as if it had not been."""
    url = directory.db_url
    with naming(url), contextlib.closing(Gradebook(url, directory.course_id)) as gradebook:
        try:
            yield gradebook
        finally:
            gradebook.db.rollback()


@contextlib.contextmanager
def _exchanged(target, made, earlier):
    """Put a folder in the place of another; if what is done meanwhile fails, put that one back."""
    target.parent.mkdir(parents=True, exist_ok=True)
    existed = target.exists()
    if existed:
        target.rename(earlier)
    try:
        made.rename(target)
        yield
    except BaseException:
        if target.exists():
            target.rename(made)
        if existed:
            earlier.rename(target)
        raise


def _generated(directory, config, folder):
    """Have nbgrader make the students' notebooks in `folder`; return what they were made of."""
    there = CourseDirectory(config=config)
    there.root, there.assignment_id = directory.root, directory.assignment_id
    there.source_directory, there.release_directory = directory.source_directory, str(folder)
    found = {}

    def keep(notebook, resources):
        name = resources["nbgrader"]["notebook"]
        found[name] = _notebook(name, notebook)
        return notebook, resources

    converter = GenerateAssignment(coursedir=there, config=config)
    converter.no_database = True
    converter.preprocessors = [keep if step is SaveCells else step for step in converter.preprocessors]
    _generate(converter)
    return found


def _notebook(name, notebook):
    """Return a notebook as the gradebook will know it."""
    cells = tuple(_source(cell) for cell in notebook.cells if any(kind(cell) for kind in _KINDS))
    return SourceNotebook(name, cells, dict(notebook.metadata.get("kernelspec", {})))


def _source(cell):
    """Return a cell as the gradebook will know it."""
    about = cell.metadata.nbgrader
    return SourceCell(
        about.grade_id, cell.cell_type, cell.source, about.get("checksum"), utils.is_locked(cell),
        grade=utils.is_grade(cell), solution=utils.is_solution(cell), task=utils.is_task(cell),
        points=float(about.points) if utils.is_grade(cell) or utils.is_task(cell) else None,
    )  # fmt: skip


def start(converter):
    """Do what ``nbgrader generate_assignment`` is asked to do, as this module does it."""
    if converter.no_database:
        _generate(converter)
        return
    with in_a_sentence(converter.log):
        found = release(converter.coursedir, converter.config)
    for line in found.lines(converter.coursedir.assignment_id):
        converter.log.info(line)
