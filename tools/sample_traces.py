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
from tools.sample_students import DUE

MARK = "(sample class)"  # ends the last names of its students
FILE = "sample-class.json"
RULES, REPORT = "course.toml", "report.html"  # written beside the class, and removed if they are as they were written
ONE = "pooling"  # the assignment of earlier sample classes, which had one


@dataclass
class SampleTraces:
    """What the class wrote.

    Parameters
    ----------
    root : path
        The project.
    contents : set
        The digests of the files that were handed in, of the archives and of the notebooks in them; and of the rules and
        the report.
    submissions : dict
        The digests of the submissions as grading takes them: assignment -> {student: digest}.
    is_marked : bool
        Its students have the mark in the gradebook; earlier versions of the course did not set it.
    """

    root: Path
    contents: set[str] = field(default_factory=set)
    submissions: dict[str, dict[str, str | None]] = field(default_factory=dict)
    is_marked: bool = True

    def add(self, stem: str, archives: Iterable[Path]) -> None:
        """Look at the archives that the class handed in to an assignment, and at what was collected of them."""
        for archive in archives:
            self.contents.add(_digest(archive.read_bytes()))
            with zipfile.ZipFile(archive) as opened:
                self.contents |= {_digest(opened.read(name)) for name in opened.namelist()}
        self.submissions[stem] = {
            notebook.parents[1].name: self.digest_of(stem, notebook.parents[1].name)
            for notebook in sorted((self.course / "submitted").glob(f"*/{stem}/{stem}.ipynb"))
            if _digest(notebook.read_bytes()) in self.contents
        }

    def keep(self, name: str) -> None:
        """Note a file in course/ as it is now."""
        self.contents.add(_digest((self.course / name).read_bytes()))

    @classmethod
    def read(cls, root: Path) -> Self | None:
        """Read what `write` wrote; None if there is nothing."""
        path = Path(root) / "course" / FILE
        if not path.is_file():
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        submissions = content["submissions"]
        if not all(isinstance(each, dict) for each in submissions.values()):  # of an earlier version
            submissions = {ONE: submissions}
        return cls(Path(root), set(content["contents"]), submissions)

    def write(self) -> None:
        """Keep it in course/, beside the work of the class."""
        content = {"contents": sorted(self.contents), "submissions": self.submissions}
        (self.course / FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    @property
    def course(self) -> Path:
        return self.root / "course"

    # --- telling apart -------------------------------------------------------------------------------------------

    def is_own_submission(self, stem: str, student: str) -> bool:
        """Say whether what lies in submitted/ is what the class handed in."""
        own = self.submissions.get(stem, {})
        return student in own and self.digest_of(stem, student) == own[student]

    def digest_of(self, stem: str, student: str) -> str | None:
        """Return the digest of what lies in submitted/, as grading takes it; None if nothing does."""
        folder = self.course / "submitted" / student / stem
        return files.digest(folder, [stem]) if (folder / f"{stem}.ipynb").is_file() else None

    def own_gradings(self, stem: str, gradebook: Gradebook | None) -> list[str]:
        """List the students whose grades, feedback and graded notebook are of what the class handed in."""
        records = grading_log.records(gradebook, stem) if gradebook else {}
        own = self.submissions[stem]
        gradings = {student: records.get((student, stem)) for student in own}
        return [
            student
            for student, record in gradings.items()
            if (record.digest == own[student] if record else self.is_own_submission(stem, student))
        ]

    def is_own_entry(self, student: Any) -> bool:
        """Say whether a student's row in the gradebook was made for the class."""
        names = (student.first_name, student.last_name, student.email)
        is_own = not self.is_marked and not any(names) and any(student.id in own for own in self.submissions.values())
        return (student.last_name or "").endswith(MARK) or is_own

    def strangers(self) -> list[str]:
        """List the students whose work lies in course/, or who are in the gradebook, and are not of the class."""
        students = set()
        for folder in (self.course / "submitted").glob("*/*"):
            if folder.is_dir() and not self.is_own_submission(folder.name, folder.parent.name):
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
            for stem in self.submissions:
                self._remove_assignment(stem, gradebook)
            if gradebook:
                self._remove_entries(gradebook)
            for path in filter(Path.is_file, (self.course / RULES, self.course / REPORT)):
                if _digest(path.read_bytes()) in self.contents:
                    path.unlink()
                    if gradebook and path.name == RULES:
                        _remove_due_dates(gradebook)
        for name in (FILE, "sample-class.txt"):
            (self.course / name).unlink(missing_ok=True)

    def _remove_assignment(self, stem: str, gradebook: Gradebook | None) -> None:
        """Remove what the class handed in to an assignment, and what grading made of it."""
        gradings = self.own_gradings(stem, gradebook)
        if gradings:  # it holds their pages; `nbgrader generate_feedback` makes it anew of those that are left
            (self.course / "feedback" / f"{stem}.zip").unlink(missing_ok=True)
        for student in gradings:
            for step in ("autograded", "feedback"):
                _remove(self.course / step / student / stem)
            if gradebook:
                with contextlib.suppress(MissingEntry):
                    gradebook.remove_submission(stem, student)
                grading_log.forget(gradebook, student, stem)
        for student in self.submissions[stem]:
            if self.is_own_submission(stem, student):
                _remove(self.course / "submitted" / student / stem)
        for path in sorted((self.course / "downloaded" / stem).rglob("*"), reverse=True):
            if path.is_file() and _digest(path.read_bytes()) in self.contents:
                path.unlink()
            elif path.is_dir() and not any(path.iterdir()) and path.name != "archive":
                path.rmdir()

    def _remove_entries(self, gradebook: Gradebook) -> None:
        """Remove the students of the class from the gradebook."""
        for student in filter(self.is_own_entry, gradebook.students):
            if student.submissions:  # of a real student with that name, who was never entered
                gradebook.update_or_create_student(student.id, first_name=None, last_name=None)
            else:
                gradebook.remove_student(student.id)


def _remove_due_dates(gradebook: Gradebook) -> None:
    """Remove the due dates of the class's own rules from the gradebook: they would count for real students too."""
    for assignment in gradebook.assignments:
        if (
            assignment.duedate
            and assignment.name in DUE
            and assignment.duedate == DUE[assignment.name].replace(tzinfo=None)
        ):
            assignment.duedate = None
    gradebook.db.commit()


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
