"""``nbgrader generate_feedback``: pages that say what the gradebook says now, and one archive of them to hand back."""

import os
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateFeedback
from nbgrader.preprocessors import GetGrades
from traitlets import Bool, List

from convgrader.nbgrader_plugin.error_translation import as_nbgrader_error, database_errors
from convgrader.nbgrader_plugin.gradebook import assign_penalties

OPEN = "Nobody has graded this answer yet."


class GradesSoFar(GetGrades):
    """Tells an answer that nobody has graded yet from one that earned nothing, and which rule for late work applies."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Put what the gradebook says into a notebook."""
        nb, resources = super().preprocess(nb, resources)
        resources["nbgrader"]["rules"] = self._sentences().get(resources["nbgrader"]["student"], [])
        return nb, resources

    def _sentences(self) -> dict[str, list[str]]:
        """Return what the command that makes the pages has found out: {student: sentences about the rules}."""
        owner = self.parent
        while owner is not None and not isinstance(owner, CurrentFeedback):
            owner = owner.parent
        return owner.sentences if owner is not None else {}

    def _get_score(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        super()._get_score(cell, resources)
        metadata = cell.metadata["nbgrader"]
        grade = self.gradebook.find_grade(metadata["grade_id"], self.notebook_id, self.assignment_id, self.student_id)
        metadata["is_open"] = grade.auto_score is None and grade.manual_score is None
        if metadata["is_open"]:
            metadata["comment"] = metadata.get("comment") or OPEN


class CurrentFeedback(GenerateFeedback):
    """Makes every page anew, since marks and comments change without a file that would show it, and packs them."""

    force = Bool(True, help="Whether to make pages anew that are there.").tag(config=True)
    preprocessors = List([GradesSoFar, CSSHTMLHeaderPreprocessor]).tag(config=True)
    sentences: dict[str, list[str]]  # student -> what the rules of the course have done, and why

    def convert_notebooks(self) -> None:
        """Make the pages, and then the archive."""
        directory = self.coursedir
        url = directory.db_url
        with as_nbgrader_error(self.log), database_errors(url), Gradebook(url, directory.course_id) as gradebook:
            applied = assign_penalties(gradebook, directory.assignment_id, self.config)
            self.sentences = {student: [words] for student, words in applied.items() if words}
            students = [
                submission.student_id for submission in gradebook.assignment_submissions(directory.assignment_id)
            ]
        missing = [student for student in sorted(students) if not self._is_graded(student)]
        if missing:
            self.log.warning(
                "No page, since the graded notebook is gone: %s. autograder grade %s --resume makes it anew.",
                ", ".join(missing), directory.assignment_id,
            )  # fmt: skip
        try:
            super().convert_notebooks()
        finally:
            self.log.info("All pages are in %s", self.pack())

    def _is_graded(self, student: str) -> bool:
        return any(Path(self._format_source(self.coursedir.assignment_id, student)).glob("*.ipynb"))

    def pack(self) -> Path:
        """Write ``feedback/pooling.zip``, with a page ``ada__pooling.html`` for each student; return its path.

        A page whose graded notebook is gone could not be made anew, and may say what is no longer so: it stays out.
        """
        path = Path(self._format_dest(".", ".")).resolve() / f"{self.coursedir.assignment_id}.zip"
        return write_archive(path, [(page, f"{student}__{page.name}") for student, page in self.current_pages()])

    def current_pages(self) -> Iterator[tuple[str, Path]]:
        """Yield (student, page) of all pages that say what is so."""
        pages = Path(self._format_dest(".", ".")).resolve()
        for page in sorted(pages.glob(f"*/{self.coursedir.assignment_id}/*.html")):
            student = page.parent.parent.name
            if self._is_graded(student):
                yield student, page


def write_archive(path: Path, files: Iterable[tuple[Path, str]]) -> Path:
    """Write an archive of files under the names that they have in it, whole or not at all; return its path."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            for file, name in files:
                archive.write(file, name)
        return draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
