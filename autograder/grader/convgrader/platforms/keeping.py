"""The newest hand-in of each student lies where nbgrader grades it, and the earlier ones in a folder of ours.

``submitted/ada/pooling/`` has the newest. ``collected/pooling/ada/`` beside ``submitted`` has what is known of it,
``hand_in.json``, and each earlier one, ``1``, ``2`` and so on, with what was known of that, ``1.json``.
"""

import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from convcourse.errors import UsageError
from convgrader.nbgrader_plugin.times import time_of
from convgrader.notebooks import files
from convgrader.platforms.hand_ins import HandIn, digest_of

if TYPE_CHECKING:
    from nbgrader.coursedir import CourseDirectory

RECORD = "hand_in.json"
DRAFT = ".new"
Outcome = Literal["new", "replaced", "unchanged", "older", "contradicted"]


@dataclass(frozen=True)
class Record:
    """What is known of a hand-in that was collected."""

    platform: str = ""  # "": by hand, by nbgrader's own commands
    archive: str = ""
    downloaded: str = ""  # when, in the form of ISO 8601, as `time`
    time: str = ""
    number: int = 0
    digest: str = ""
    names: dict[str, str] = field(default_factory=dict)  # of its files -> as the platform calls them


class KeptHandIns:
    """What has been collected of one assignment.

    Parameters
    ----------
    directory : nbgrader.coursedir.CourseDirectory
    assignment : str
    """

    def __init__(self, directory: "CourseDirectory", assignment: str) -> None:
        self._directory, self._assignment = directory, assignment
        submitted = Path(directory.format_path(directory.submitted_directory, ".", ".")).resolve()
        self.root = submitted.parent / "collected" / assignment

    def submitted(self, student: str) -> Path:
        """Return the folder that nbgrader grades."""
        directory = self._directory
        return Path(directory.format_path(directory.submitted_directory, student, self._assignment))

    def draft(self, student: str) -> Path:
        """Return a folder, not there as yet, in which a hand-in is put together."""
        folder = self.root / student / DRAFT
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def discard(self, student: str) -> None:
        """Remove what was put together."""
        shutil.rmtree(self.root / student / DRAFT, ignore_errors=True)
        for folder in (self.root / student, self.root, self.root.parent):  # as far as nothing else is there
            with suppress(OSError):
                folder.rmdir()

    def record(self, student: str) -> Record | None:
        """Return what is known of what lies there to be graded, None where nothing lies there."""
        folder = self.submitted(student)
        if not folder.is_dir():
            return None
        digest = digest_of(folder)
        record = read_record(self.root / student / RECORD)
        if record is not None and record.digest == digest:
            return record
        time = time_of(files.timestamp(folder))
        return Record(time=time.replace(tzinfo=UTC).isoformat() if time else "", digest=digest)

    def compare(self, hand_in: HandIn, platform: str, downloaded: datetime) -> Outcome:
        """Say what a hand-in is beside the one that is there."""
        there = self.record(hand_in.student.id)
        if there is None:
            return "new"
        if there.digest == hand_in.digest:
            return "unchanged"
        if there.platform == platform == "canvas" and there.number != hand_in.number:  # Canvas numbers all uploads
            return "replaced" if hand_in.number > there.number else "older"
        mine, theirs = hand_in.time, _time(there.time)
        if theirs is None or mine == theirs:
            mine, theirs = downloaded, _time(there.downloaded)
        if theirs is None or mine > theirs:
            return "replaced"
        return "older" if mine < theirs else "contradicted"

    def keep(self, hand_in: HandIn, outcome: Outcome, platform: str, archive: str, downloaded: datetime) -> None:
        """Put a draft where it belongs, and what it replaces aside."""
        student = hand_in.student.id
        folder, target = self.root / student, self.submitted(student)
        record = Record(
            platform, archive, downloaded.isoformat(), hand_in.time.isoformat(), hand_in.number, hand_in.digest,
            hand_in.names,
        )  # fmt: skip
        draft = folder / DRAFT
        try:
            if outcome in ("older", "contradicted"):
                self._put_aside(student, draft, record)
                return
            if outcome == "unchanged":
                shutil.rmtree(draft)
                there = self.record(student)
                if there is not None and there.time and not hand_in.is_time_known:
                    record = replace(record, time=there.time)
            else:
                if outcome == "replaced":
                    self._put_aside(student, target, self.record(student) or Record())
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(draft, target)
            time = datetime.fromisoformat(record.time).astimezone(UTC)
            (target / "timestamp.txt").write_text(str(time.replace(microsecond=0)), encoding="utf-8")
            _write_record(folder / RECORD, record)
        except OSError as error:
            raise UsageError(f"cannot write {error.filename or target}: {error.strerror or error}") from None

    def _put_aside(self, student: str, hand_in: Path, record: Record) -> None:
        """Keep a hand-in that is not to be graded, unless it is kept already."""
        folder = self.root / student
        folder.mkdir(parents=True, exist_ok=True)
        numbers = [int(path.stem) for path in folder.glob("*.json") if path.stem.isdecimal()]
        if any((read_record(folder / f"{n}.json") or Record()).digest == record.digest for n in numbers):
            shutil.rmtree(hand_in)
            return
        number = max(numbers, default=0) + 1
        while os.path.lexists(folder / str(number)):
            number += 1
        shutil.move(hand_in, folder / str(number))
        _write_record(folder / f"{number}.json", record)


def read_record(path: Path) -> Record | None:
    """Read what is known of a hand-in; None where nothing is that can be read."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        return Record(**about)
    except (OSError, ValueError, TypeError):
        return None


def _write_record(path: Path, record: Record) -> None:
    draft = path.with_name(f".{path.name}")
    draft.write_text(json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
