"""What the student kit in a folder brings: the released notebooks, and the version of the checks."""

import re
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import convcourse
from convcourse.commands.notebook import assignments, name_of, names_of, read_notebook, writing
from convcourse.errors import UsageError

if TYPE_CHECKING:
    from convcourse.commands.notebook import ReleasedNotebook, SubmittedNotebook

REQUIREMENTS = "requirements.txt"
WHEEL = re.compile(r"^\./(?P<file>convcourse-(?P<version>[\w.+]+)-py3-none-any\.whl)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Kit:
    """The folder of the course, which holds ``exercises``: an unpacked kit, or a clone."""

    root: Path

    def released(self, stem: str) -> Path:
        """Return the path of an assignment's notebook as it was handed out; refuse what is no assignment."""
        stems = assignments(self.root)
        if stem not in stems:
            raise UsageError(f"there is no assignment {stem!r}; there are {', '.join(stems) or 'none'}")
        return self.root / "exercises" / stem / f"{stem}.ipynb"

    def copy(self, stem: str) -> Path:
        """Return the path of the student's copy of an assignment's notebook."""
        return self.root / "work" / stem / f"{stem}.ipynb"

    def started_from(self, stem: str) -> Path:
        """Return the path of the release that the student's copy follows, kept from when it was made or updated."""
        return self.root / "work" / ".released" / f"{stem}.ipynb"

    def remember(self, stem: str) -> None:
        """Keep the release that the student's copy follows from now on."""
        with writing(self.started_from(stem)):
            self.started_from(stem).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.released(stem), self.started_from(stem))

    @property
    def wheel(self) -> Path | None:
        """The file of the checks that the requirements name; None in a clone, which has none."""
        match = self._wheel()
        return self.root / match["file"] if match else None

    def outdated_checks_note(self) -> str | None:
        """Say that the installed checks are not those of this kit, or return None."""
        match = self._wheel()
        if match is None or match["version"] == convcourse.__version__:
            return None
        return (
            f"The checks that are installed, version {convcourse.__version__}, are not those of this folder, version "
            f"{match['version']}: run `autograder update`."
        )

    def outdated_notebook_note(self, path: Path, notebook: "SubmittedNotebook", stem: str) -> str | None:
        """Say that a notebook does not follow the newest release, or return None."""
        released, base = read_notebook(self.released(stem)), self.base(path, stem)
        present = {name_of(cell) for cell in base.cells} if base else set(names_of(notebook, released))
        new = [cell.metadata.nbgrader for cell in released.cells if name_of(cell) and name_of(cell) not in present]
        tasks = [metadata.grade_id for metadata in new if metadata.get("solution")]
        if not tasks and (base is None or base.cells == released.cells):
            return None
        if base is None:
            return (
                f"This notebook lacks tasks that {stem} has here ({', '.join(tasks)}): run `autograder update`. "
                "What you wrote stays."
            )
        brought = f", with new tasks ({', '.join(tasks)})" if tasks else ""
        return (
            f"This notebook follows an earlier release of {stem}; this folder has a newer one{brought}: run "
            "`autograder update`. What you wrote stays."
        )

    def base(self, path: str | Path, stem: str) -> "ReleasedNotebook | None":
        """Return the release that a notebook follows, None where that is not known."""
        kept = self.started_from(stem)
        return read_notebook(kept) if kept.is_file() and Path(path).resolve() == self.copy(stem).resolve() else None

    def outdated_notes(self, path: Path, notebook: "SubmittedNotebook", stem: str) -> list[str]:
        """List a sentence for each that is older than this kit: the checks, the notebook."""
        return [
            message
            for message in (self.outdated_checks_note(), self.outdated_notebook_note(path, notebook, stem))
            if message
        ]

    def take_over(self, source: str | Path) -> None:
        """Put the files of a newer kit, a folder or a zip file, into this folder; work/ stays as it is."""
        with tempfile.TemporaryDirectory() as place:
            folder = _unpacked(Path(source), Path(place))
            with writing(self.root):
                for path in sorted(folder.rglob("*")):
                    target = self.root / path.relative_to(folder)
                    if path.is_file() and not target.is_relative_to(self.root / "work"):
                        target.parent.mkdir(parents=True, exist_ok=True)
                        shutil.copyfile(path, target)
                self.remove_other_wheels()

    def remove_other_wheels(self) -> None:
        """Leave of several files of the checks that of this kit: on Colab a notebook could not tell which to take."""
        for path in self.root.glob("convcourse-*.whl") if self.wheel else ():
            if path != self.wheel:
                path.unlink(missing_ok=True)

    def _wheel(self) -> re.Match[str] | None:
        path = self.root / REQUIREMENTS
        return WHEEL.search(path.read_text(encoding="utf-8")) if path.is_file() else None


def _unpacked(source: Path, place: Path) -> Path:
    """Return the folder that holds a kit's files: `source` itself, or what a zip file holds, unpacked to `place`."""
    if not source.is_dir():
        try:
            with zipfile.ZipFile(source) as archive:
                archive.extractall(place)
        except FileNotFoundError:
            raise UsageError(f"there is no file {source}") from None
        except (zipfile.BadZipFile, OSError):
            raise UsageError(f"{source} is no zip file, or was cut off: download it again") from None
    for folder in [source] if source.is_dir() else [place, *sorted(place.iterdir())]:
        if WHEEL.search(_text(folder / REQUIREMENTS)) and (folder / "exercises").is_dir():
            return folder
    raise UsageError(f"{source} is not a student kit: it has no exercises, or no checks among its {REQUIREMENTS}")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
