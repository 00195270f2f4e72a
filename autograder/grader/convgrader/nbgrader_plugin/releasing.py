"""Releasing an assignment: its students' notebook and its entry in the gradebook, both or neither.

``autograder release``, ``nbgrader generate_assignment`` and formgrader's button come here. nbgrader makes the notebook
in a folder of its own; `revising` takes it into the gradebook; then the folders are exchanged.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import SaveCells
from sqlalchemy import make_url
from traitlets.config import Config

from convcourse import checks
from convcourse.engine.check import Gradable
from convcourse.errors import UsageError
from convcourse.grade_ids import CHECK
from convgrader import lock
from convgrader.nbgrader_plugin import handed_out, revising
from convgrader.nbgrader_plugin.error_translation import as_nbgrader_error, database_errors
from convgrader.nbgrader_plugin.revising import Revision
from convgrader.notebooks.source import SourceCell, SourceNotebook

_KINDS = (utils.is_grade, utils.is_solution, utils.is_locked, utils.is_task)
_nbgrader_start = GenerateAssignment.start


@dataclass(frozen=True)
class Release:
    """What a release changes, or would change: sentences, how many have handed in already, and what nothing checks."""

    changes: tuple[str, ...]
    submissions: int
    unchecked: tuple[str, ...]

    @classmethod
    def of(cls, revisions: Sequence[Revision], submissions: int) -> "Release":
        """Return what these revisions change."""
        changes = tuple(line for revision in revisions for line in revision.sentences())
        return cls(changes, submissions, tuple(name for revision in revisions for name in unchecked(revision.new)))

    def lines(self, assignment: str) -> list[str]:
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


def release(
    directory: CourseDirectory, config: Config, renamed: dict[str, str] | None = None, preview: bool = False
) -> Release:
    """Release the assignment that `directory` names, all of it or nothing; with `preview` only say what would change.

    Parameters
    ----------
    directory : nbgrader.coursedir.CourseDirectory
    config : traitlets.config.Config
    renamed : dict or None
        Tasks that were called otherwise: new name -> old name.
    """
    assignment = directory.assignment_id
    _require_source(directory, assignment)
    target = Path(directory.format_path(directory.release_directory, ".", assignment)).resolve()
    parent = target.parent.parent  # where a folder can be moved from in one step
    draft = f".release-{assignment}+"
    with contextlib.ExitStack() as stack:
        if not preview:
            stack.enter_context(lock.exclusive(directory, assignment))
            for leftover in parent.glob(f"{draft}*"):  # by a release that was killed
                shutil.rmtree(leftover)
        workspace = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix=draft, dir=None if preview else parent))
        )
        notebooks = _generate_notebooks(directory, config, workspace / "made")
        if preview and not _has_gradebook(directory.db_url):
            return Release.of([revising.Revision(None, notebook) for notebook in notebooks.values()], 0)
        with _gradebook(directory) as gradebook:
            revisions = revising.compare(gradebook, assignment, notebooks, renamed or {})
            result = Release.of(revisions, revising.submission_count(gradebook, assignment))
            if not preview:
                revising.enter(gradebook, assignment, revisions)
                handed_out.remember(directory, assignment, workspace / "made" / assignment)
                _keep_times(workspace / "made" / assignment, target)
                with _replaced_folder(target, workspace / "made" / assignment, workspace / "earlier"):
                    gradebook.db.commit()
    return result


def unchecked(notebook: SourceNotebook) -> list[str]:
    """List the tasks that the checker of a notebook has no check for."""
    topics = set(notebook.plan.topics)
    if not topics:  # it brings checks of its own
        return []
    checked = {name for topic in topics & set(checks.topics()) for name in _load_checks(topic)}
    return [name.removeprefix(CHECK) for name in notebook.plan.points if name.removeprefix(CHECK) not in checked]


def _load_checks(topic: str) -> Mapping[str, Gradable]:
    """Return the checks of a topic; an author may have made a slip in them."""
    try:
        loaded: Mapping[str, Gradable] = checks.load(topic)
    except Exception as error:
        raise UsageError(f"the checks of {topic} cannot be run: {type(error).__name__}: {error}") from None
    return loaded


def _require_source(directory: CourseDirectory, assignment: str) -> None:
    source = Path(directory.format_path(directory.source_directory, ".", assignment))
    if not assignment or not list(source.glob("*.ipynb")):
        available = sorted(path.parent.name for path in source.parent.glob("*/*.ipynb"))
        raise UsageError(
            f"there is no {assignment!r} in {source.parent}; there are {', '.join(available) or 'none yet'}"
        )


def is_outdated(directory: CourseDirectory, assignment: str, sources: Mapping[str, SourceNotebook]) -> bool:
    """Say whether the gradebook has other tasks, or other points, than the source notebooks."""
    folder = Path(directory.format_path(directory.source_directory, ".", assignment))
    for name, recorded in sources.items():
        with contextlib.suppress(OSError, ValueError):  # a source that is gone or damaged keeps nobody from grading
            source = _as_source_notebook(name, nbformat.read(folder / f"{name}.ipynb", as_version=4))
            if revising.points_of(source) != revising.points_of(recorded):
                return True
    return False


def _has_gradebook(url: str) -> bool:
    """Say whether there is a gradebook: to look into one that is not there would make it."""
    parts = make_url(url)
    return parts.get_backend_name() != "sqlite" or os.path.exists(parts.database or "")


@contextlib.contextmanager
def _gradebook(directory: CourseDirectory) -> Iterator[Gradebook]:
    """Open the gradebook; what is not committed in the end is as if it had not been."""
    url = directory.db_url
    with database_errors(url), contextlib.closing(Gradebook(url, directory.course_id)) as gradebook:
        try:
            yield gradebook
        finally:
            gradebook.db.rollback()


def _keep_times(draft: Path, earlier: Path) -> None:
    """Give a file that is as it was the time that it had, so that nothing is built again because of it."""
    for path in draft.rglob("*"):
        before = earlier / path.relative_to(draft)
        if path.is_file() and before.is_file() and path.read_bytes() == before.read_bytes():
            os.utime(path, ns=(before.stat().st_atime_ns, before.stat().st_mtime_ns))


@contextlib.contextmanager
def _replaced_folder(target: Path, draft: Path, earlier: Path) -> Iterator[None]:
    """Put a folder in the place of another; if what is done meanwhile fails, put that one back."""
    target.parent.mkdir(parents=True, exist_ok=True)
    existed = target.exists()
    if existed:
        target.rename(earlier)
    try:
        draft.rename(target)
        yield
    except BaseException:
        if target.exists():
            target.rename(draft)
        if existed:
            earlier.rename(target)
        raise


def _generate_notebooks(directory: CourseDirectory, config: Config, folder: Path) -> dict[str, SourceNotebook]:
    """Have nbgrader make the students' notebooks in `folder`; return what they were made of."""
    draft_directory = CourseDirectory(config=config)
    draft_directory.root, draft_directory.assignment_id = directory.root, directory.assignment_id
    draft_directory.source_directory, draft_directory.release_directory = directory.source_directory, str(folder)
    notebooks: dict[str, SourceNotebook] = {}

    def record_notebook(notebook: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        name = resources["nbgrader"]["notebook"]
        notebooks[name] = _as_source_notebook(name, notebook)
        return notebook, resources

    converter = GenerateAssignment(coursedir=draft_directory, config=config)
    converter.no_database = True
    converter.preprocessors = [record_notebook if step is SaveCells else step for step in converter.preprocessors]
    _nbgrader_start(converter)
    return notebooks


def _as_source_notebook(name: str, notebook: NotebookNode) -> SourceNotebook:
    """Return a notebook as the gradebook will know it."""
    cells = tuple(_as_source_cell(cell) for cell in notebook.cells if any(kind(cell) for kind in _KINDS))
    return SourceNotebook(name, cells, dict(notebook.metadata.get("kernelspec", {})))


def _as_source_cell(cell: NotebookNode) -> SourceCell:
    """Return a cell as the gradebook will know it."""
    metadata = cell.metadata.nbgrader
    return SourceCell(
        metadata.grade_id, cell.cell_type, cell.source, metadata.get("checksum"), utils.is_locked(cell),
        grade=utils.is_grade(cell), solution=utils.is_solution(cell), task=utils.is_task(cell),
        points=float(metadata.points) if utils.is_grade(cell) or utils.is_task(cell) else None,
    )  # fmt: skip


def start(converter: GenerateAssignment) -> None:
    """Do what ``nbgrader generate_assignment`` is asked to do, as this module does it."""
    if converter.no_database:
        _nbgrader_start(converter)
        return
    with as_nbgrader_error(converter.log):
        result = release(converter.coursedir, converter.config)
    for line in result.lines(converter.coursedir.assignment_id):
        converter.log.info(line)
