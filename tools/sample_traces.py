"""What the sample class wrote into course/: kept by content, told apart from the work of students, and removed.

A student may have the name of one of the sample class. So it is never a name that is removed, but a file that holds
what the sample class handed in, what grading made of such a file, and an entry of the gradebook with the mark ``MARK``.
"""

import contextlib
import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from nbgrader.api import Gradebook, MissingEntry

from convgrader.nbgrader_plugin import grading_log
from convgrader.nbgrader_plugin.gradebook import url_of
from convgrader.notebooks import files

MARK = "(sample class)"  # the last name of its students
FILE = "sample-class.json"


@dataclass
class SampleTraces:
    """What the class that handed in `stem` wrote.

    Parameters
    ----------
    root : path
        The project.
    stem : str
    contents : set
        The digests of the files that were handed in: of the archives, and of the notebooks in them.
    submissions : dict
        The digests of the submissions as grading takes them: student -> digest.
    is_marked : bool
        Its students have the mark in the gradebook; earlier versions of the course did not set it.
    """

    root: Path
    stem: str
    contents: set[str] = field(default_factory=set)
    submissions: dict[str, str | None] = field(default_factory=dict)
    is_marked: bool = True

    @classmethod
    def of(cls, root: Path, stem: str, archives: Iterable[Path], is_marked: bool = True) -> Self:
        """Look at the archives that the class handed in, and at what was collected of them."""
        traces = cls(Path(root), stem, is_marked=is_marked)
        for archive in archives:
            traces.contents.add(_digest(archive.read_bytes()))
            with zipfile.ZipFile(archive) as opened:
                traces.contents |= {_digest(opened.read(name)) for name in opened.namelist()}
        for notebook in sorted((traces.course / "submitted").glob(f"*/{stem}/{stem}.ipynb")):
            if _digest(notebook.read_bytes()) in traces.contents:
                student = notebook.parents[1].name
                traces.submissions[student] = traces.digest_of(student)
        return traces

    @classmethod
    def read(cls, root: Path, stem: str) -> Self | None:
        """Read what `write` wrote; None if there is nothing."""
        path = Path(root) / "course" / FILE
        if not path.is_file():
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(Path(root), stem, set(content["contents"]), content["submissions"])

    def write(self) -> None:
        """Keep it in course/, beside the work of the class."""
        content = {"contents": sorted(self.contents), "submissions": self.submissions}
        (self.course / FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    @property
    def course(self) -> Path:
        return self.root / "course"

    # --- telling apart -------------------------------------------------------------------------------------------

    def is_own_submission(self, student: str) -> bool:
        """Say whether what lies in submitted/ is what the class handed in."""
        return student in self.submissions and self.digest_of(student) == self.submissions[student]

    def digest_of(self, student: str) -> str | None:
        """Return the digest of what lies in submitted/, as grading takes it; None if nothing does."""
        folder = self.course / "submitted" / student / self.stem
        return files.digest(folder, [self.stem]) if (folder / f"{self.stem}.ipynb").is_file() else None

    def own_gradings(self, gradebook: Gradebook | None) -> list[str]:
        """List the students whose grades, feedback and graded notebook are of what the class handed in."""
        records = grading_log.records(gradebook, self.stem) if gradebook else {}
        gradings = {student: records.get((student, self.stem)) for student in self.submissions}
        return [
            student
            for student, record in gradings.items()
            if (record.digest == self.submissions[student] if record else self.is_own_submission(student))
        ]

    def is_own_entry(self, student: Any) -> bool:
        """Say whether a student's row in the gradebook was made for the class."""
        names = (student.first_name, student.last_name, student.email)
        return student.last_name == MARK or (not self.is_marked and not any(names) and student.id in self.submissions)

    def strangers(self) -> list[str]:
        """List the students whose work lies in course/, or who are in the gradebook, and are not of the class."""
        students = set()
        for folder in (self.course / "submitted").glob("*/*"):
            if folder.is_dir() and not (folder.name == self.stem and self.is_own_submission(folder.parent.name)):
                students.add(folder.parent.name)
        for path in (self.course / "downloaded").glob("*/archive/**/*"):
            if path.is_file() and _digest(path.read_bytes()) not in self.contents:
                students.add(path.name)
        with _gradebook(self.course) as gradebook:
            students |= {s.id for s in gradebook.students if not self.is_own_entry(s)} if gradebook else set()
        return sorted(students)

    # --- removing ------------------------------------------------------------------------------------------------

    def remove(self) -> None:
        """Remove what the class wrote, and nothing else."""
        with _gradebook(self.course) as gradebook:
            gradings = self.own_gradings(gradebook)
            if gradings:  # it holds their pages; `nbgrader generate_feedback` makes it anew of those that are left
                (self.course / "feedback" / f"{self.stem}.zip").unlink(missing_ok=True)
            for student in gradings:
                for step in ("autograded", "feedback"):
                    _remove(self.course / step / student / self.stem)
                if gradebook:
                    with contextlib.suppress(MissingEntry):
                        gradebook.remove_submission(self.stem, student)
                    grading_log.forget(gradebook, student, self.stem)
            for student in filter(self.is_own_submission, self.submissions):
                _remove(self.course / "submitted" / student / self.stem)
            if gradebook:
                self._remove_entries(gradebook)
        for path in sorted((self.course / "downloaded" / self.stem).rglob("*"), reverse=True):
            if path.is_file() and _digest(path.read_bytes()) in self.contents:
                path.unlink()
            elif path.is_dir() and not any(path.iterdir()) and path.name != "archive":
                path.rmdir()
        for name in (FILE, "sample-class.txt"):
            (self.course / name).unlink(missing_ok=True)

    def _remove_entries(self, gradebook: Gradebook) -> None:
        """Remove the students of the class from the gradebook."""
        for student in filter(self.is_own_entry, gradebook.students):
            if student.submissions:  # of a real student with that name, who was never entered
                gradebook.update_or_create_student(student.id, first_name=None, last_name=None)
            else:
                gradebook.remove_student(student.id)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def _gradebook(course: Path) -> Iterator[Gradebook | None]:
    """Open the gradebook of a course, or give None if there is none."""
    path = course / "gradebook.db"
    if not path.is_file():
        yield None
        return
    with Gradebook(url_of(path)) as gradebook:
        yield gradebook


def _remove(folder: Path) -> None:
    """Remove a folder that nbgrader made read-only, and the student's folder around it if nothing else is in it."""
    if folder.exists():
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir():
                path.chmod(0o755)
        shutil.rmtree(folder)
        if not any(folder.parent.iterdir()):
            folder.parent.rmdir()
