"""``nbgrader zip_collect``: what was downloaded is taken apart here, and a bad archive costs that archive alone.

A hand-in is an archive as `autograder submit` writes it, or a single file: ``ada__20260131T120000Z__pooling.zip``. Its
name says whose it is. What lies inside and is named as another student's is left out; what is named in no such way is
of whoever handed the archive in. Of several hand-ins of one student the newest is taken, whole.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin
from traitlets.config import Config

from convcourse import student_ids
from convgrader.errors import ArchiveError
from convgrader.nbgrader_plugin import patches
from convgrader.notebooks.archives import MAX_NAME, checked_members, file_blocks, member_blocks, open_archive
from convgrader.notebooks.files import is_regular

ENDINGS = (".ipynb", ".json", ".safetensors")  # a notebook, and trained networks beside it
# What a learning platform puts before a name ends in one of these signs. After any other, as in o'neil and renée, half
# a name would be left.
NAME = re.compile(
    rf"(?:.*[_\s()\[\],;])?(?P<student_id>{student_ids.PATTERN})__(?P<timestamp>\d{{8}}T\d{{6}}Z)__(?P<file_name>[\w.]+)"
)
FILE_ID = re.compile(r"(?P<stem>.+?)(?P<ending>(\.log)?\.(ipynb|json|safetensors))", re.IGNORECASE)


def use_collector(config: Config) -> None:
    """Have ``nbgrader zip_collect`` take hand-ins apart as this module does, and imports tell whose it would not."""
    module = "convgrader.nbgrader_plugin.collecting"
    config.ZipCollectApp.extractor_plugin = f"{module}.ArchiveExtractor"
    config.ZipCollectApp.collector_plugin = f"{module}.ArchiveCollector"
    patches.report_left_out_files()
    patches.write_timestamps_with_zone()
    patches.report_invalid_student_ids()
    patches.show_student_id_rule()


@dataclass(frozen=True)
class Identity:
    """Whose a file is, and when it was handed in, as its name says."""

    student: str
    time: datetime
    file_name: str  # the name that the student's own file had

    @classmethod
    def of(cls, name: str) -> "Identity":
        """Read a file's name; ArchiveError with a sentence where it says nothing."""
        match = NAME.fullmatch(name) if len(name) <= MAX_NAME else None
        if match is None:
            raise ArchiveError("its name does not end in STUDENT__TIME__FILE, as `autograder submit` has it")
        try:
            time = datetime.strptime(match["timestamp"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise ArchiveError(f"there is no such time as {match['timestamp']}") from None
        return cls(match["student_id"], time, match["file_name"])


@dataclass(frozen=True)
class HandIn:
    """An archive or a single file that was downloaded."""

    path: Path
    identity: Identity
    time: datetime  # of its name, but never later than that of the file

    @classmethod
    def of(cls, path: Path) -> "HandIn":
        """Look at a file; ArchiveError where nothing can be collected from it."""
        if not is_regular(path):
            raise ArchiveError("it is not a file")
        if path.suffix not in (".zip", *ENDINGS):
            raise ArchiveError("it is neither a zip archive nor a notebook")
        identity = Identity.of(path.name)
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return cls(path, identity, min(identity.time, written))

    def files(self) -> Iterator[tuple[str, Callable[[], Iterator[bytes]]]]:
        """Yield (name, function that yields its bytes) of what is to be collected, looked through before."""
        if self.path.suffix != ".zip":
            yield self.path.name, partial(file_blocks, self.path)
            return
        with open_archive(self.path) as archive:
            for member in checked_members(archive):
                yield PurePosixPath(member.filename).name, partial(member_blocks, archive, member)


class ArchiveExtractor(ExtractorPlugin):
    """Takes hand-ins apart: bounded, one after the other, the newest of each student."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.left_out: dict[str, str] = {}  # path -> why it was not collected, in a sentence
        self.students: set[str] = set()  # whose hand-ins were found

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Write what is to be collected below `extracted_path`; see nbgrader's ExtractorPlugin."""
        newest: dict[tuple[str, str], HandIn] = {}
        for path in sorted(Path(archive_path).rglob("*")):
            if path.is_dir() and not path.is_symlink():
                continue
            try:
                hand_in = HandIn.of(path)
            except ArchiveError as error:
                self.left_out[str(path)] = f"{error}."
                continue
            newest_so_far = newest.setdefault((hand_in.identity.student, _single_file_name(hand_in)), hand_in)
            if (hand_in.time, hand_in.path.stat().st_mtime) > (newest_so_far.time, newest_so_far.path.stat().st_mtime):
                newest[hand_in.identity.student, _single_file_name(hand_in)] = hand_in
        self.students = {student for student, _ in newest}
        for number, hand_in in enumerate(newest.values()):
            self._write_hand_in(hand_in, Path(extracted_path) / f"{number:06}")

    def _write_hand_in(self, hand_in: HandIn, folder: Path) -> None:
        """Write one hand-in, all of it or nothing."""
        folder.mkdir(parents=True)
        written: list[Path] = []
        try:
            for name, content in hand_in.files():
                try:
                    path = folder / _collected_name(name, hand_in)
                except ArchiveError as error:
                    self.left_out[f"{hand_in.path}, {name}"] = f"{error}."
                    continue
                if path in written:
                    raise ArchiveError("two files in it have the same name")
                written.append(path)
                with open(path, "xb") as file:
                    file.writelines(content())
            if not written:
                raise ArchiveError("nothing in it can be collected")
        except ArchiveError as error:
            for path in written:
                path.unlink(missing_ok=True)
            self.left_out[str(hand_in.path)] = f"{error}."


def _single_file_name(hand_in: HandIn) -> str:
    """Return what tells the single files of a student apart; an archive is all that they handed in."""
    return hand_in.identity.file_name if hand_in.path.suffix != ".zip" else ""


def _collected_name(name: str, hand_in: HandIn) -> str:
    """Return the name under which a file of a hand-in is collected; ArchiveError where it cannot be."""
    try:
        identity = Identity.of(name)
    except ArchiveError:
        identity = Identity(hand_in.identity.student, hand_in.time, name)
    if identity.student != hand_in.identity.student:
        raise ArchiveError(f"it is named as {identity.student}'s, in an archive of {hand_in.identity.student}")
    collected = f"{identity.student}__{hand_in.time:%Y%m%dT%H%M%SZ}__{plain_name(identity.file_name)}"
    if len(os.fsencode(collected)) > MAX_NAME:
        raise ArchiveError("its name is too long")
    return collected


def plain_name(name: str) -> str:
    """Return a name of letters, digits and underscores for a file; ArchiveError if it is none that is graded.

    Examples
    --------
    >>> plain_name("my final-2.IPYNB")
    'my_final_2.ipynb'
    """
    parts = FILE_ID.fullmatch(name)
    stem = "_".join(re.sub(r"[\W_]", " ", parts["stem"]).split()) if parts else ""
    if parts is None or not stem:
        raise ArchiveError("it is neither a notebook nor a file of a network")
    return f"{stem}{parts['ending'].lower()}"


class ArchiveCollector(FileNameCollectorPlugin):
    """Says whose a file is that the extractor wrote."""

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """Return {student_id, file_id, timestamp}, or None; see nbgrader's FileNameCollectorPlugin."""
        try:
            identity = Identity.of(os.path.basename(submitted_file))
        except ArchiveError:
            return None
        return {
            "student_id": identity.student, "file_id": identity.file_name, "timestamp": identity.time.isoformat(),
        }  # fmt: skip
