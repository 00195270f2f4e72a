"""What was downloaded, an archive or a folder, is read under bounds: no path leads out of it, and nothing grows."""

import contextlib
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from convgrader.errors import ArchiveError
from convgrader.notebooks.files import is_regular

MAX_MEMBERS = 40
MAX_MEMBER = 32 << 20  # bytes of a file
MAX_SUM = 64 << 20  # bytes of all files of an archive
MAX_NAME = 200  # characters, and bytes of what is written
MAX_DIRECTORY = 1 << 18  # bytes of an archive's own list of its files
MAX_FILES = 200_000  # in what a platform hands over for a whole class
END_RECORD = 22  # bytes
BLOCK = 1 << 16
ARCHIVES = (".zip", ".gz", ".tar", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_UNREADABLE = (zipfile.BadZipFile, zlib.error, OSError, ValueError, EOFError, RuntimeError, NotImplementedError)


def open_archive(file: Path | IO[bytes]) -> zipfile.ZipFile:
    """Open an archive that a student has made; ArchiveError where it is none, or its list of files is too long."""
    try:
        if _size_of_directory(file) > MAX_DIRECTORY:
            raise ArchiveError(f"it holds more than {MAX_MEMBERS} files")
        return zipfile.ZipFile(file)
    except _UNREADABLE:
        raise ArchiveError("it is no zip archive, or was cut off") from None


def _size_of_directory(source: Path | IO[bytes]) -> int:
    """Return the bytes of an archive's list of files, which Python reads as a whole, from the record at its end."""
    with open(source, "rb") if isinstance(source, Path) else contextlib.nullcontext(source) as file:
        file.seek(max(file.seek(0, os.SEEK_END) - END_RECORD - 0xFFFF, 0))
        tail = file.read()
    start = tail.rfind(b"PK\5\6")
    if start < 0 or len(tail) < start + END_RECORD or tail[max(start - 20, 0) : start].startswith(b"PK\6\7"):
        raise ArchiveError("it is no zip archive, or was cut off")
    return int.from_bytes(tail[start + 12 : start + 16], "little")


def checked_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """List the files of an archive that a student has made, once all of them have been looked at."""
    members = [member for member in archive.infolist() if not _is_ignored(member.filename, member.is_dir())]
    if len(members) > MAX_MEMBERS:
        raise ArchiveError(f"it holds more than {MAX_MEMBERS} files")
    names = set()
    for member in members:
        check_member(member)
        path = PurePosixPath(member.filename)
        if path.suffix.lower() in ARCHIVES:
            raise ArchiveError("there is an archive in it")
        if path.name in names:
            raise ArchiveError("two files in it have the same name")
        names.add(path.name)
    if sum(member.file_size for member in members) > MAX_SUM:
        raise ArchiveError(f"its files are larger than {MAX_SUM >> 20} MB together")
    return members


def check_member(member: zipfile.ZipInfo) -> None:
    """Look at one file of an archive; ArchiveError where it is not to be read."""
    path = PurePosixPath(member.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in member.filename or len(member.filename) > MAX_NAME:
        raise ArchiveError("a name in it leads out of it")
    if member.flag_bits & 1:
        raise ArchiveError("it is locked by a password")
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        raise ArchiveError("something in it is not a file")
    if member.file_size > MAX_MEMBER:
        raise ArchiveError(f"a file in it is larger than {MAX_MEMBER >> 20} MB")


def _is_ignored(name: str, is_folder: bool) -> bool:
    """Say whether it is a folder, or what operating systems and Jupyter add."""
    parts = PurePosixPath(name).parts
    is_added = "__MACOSX" in parts[:1] or ".ipynb_checkpoints" in parts or parts[-1:] == (".DS_Store",)
    return is_folder or not parts or is_added or parts[-1] in ("Thumbs.db", "desktop.ini")


def member_blocks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the bytes of a file of an archive."""
    return blocks(partial(archive.open, member), MAX_MEMBER)


def file_blocks(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file on the disk."""
    return blocks(lambda: open(path, "rb"), MAX_MEMBER)


def blocks(opened: Callable[[], IO[bytes]], max_bytes: int) -> Iterator[bytes]:
    """Yield the bytes of a file, and no more than it may have, whatever was said before."""
    try:
        with opened() as file:
            while block := file.read(BLOCK):
                max_bytes -= len(block)
                if max_bytes < 0:
                    raise ArchiveError("a file in it is larger than it says")
                yield block
    except _UNREADABLE:
        raise ArchiveError("it is damaged, or packed in a way that cannot be read") from None


@dataclass(frozen=True)
class StoredFile:
    """A file in what was downloaded for a whole class."""

    name: str  # its path inside, with slashes
    size: int
    time: datetime | None  # when it was last written, as far as that is known
    blocks: Callable[[], Iterator[bytes]]

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders that it lies in, and its own name."""
        return PurePosixPath(self.name).parts


@contextlib.contextmanager
def stored_files(path: Path) -> Iterator[tuple[list[StoredFile], dict[str, str]]]:
    """Give the files of an archive, or of a folder that it was unpacked into, and {name: why it is not read}.

    ArchiveError where nothing at all can be read.
    """
    if path.is_dir():
        yield _files_of_folder(path)
    elif not is_regular(path):
        raise ArchiveError("there is no such file")
    else:
        try:
            archive = zipfile.ZipFile(path)
        except _UNREADABLE:
            raise ArchiveError("it is no zip archive, or was cut off") from None
        with archive:
            yield _files_of_archive(archive)


def _files_of_archive(archive: zipfile.ZipFile) -> tuple[list[StoredFile], dict[str, str]]:
    found: list[StoredFile] = []
    left_out: dict[str, str] = {}
    for member in archive.infolist():
        if _is_ignored(member.filename, member.is_dir()):
            continue
        if len(found) == MAX_FILES:
            raise ArchiveError(f"it holds more than {MAX_FILES} files")
        try:
            check_member(member)
        except ArchiveError as error:
            left_out[member.filename] = str(error).replace(" in it", "") + "."
            continue
        try:
            time = datetime(*member.date_time).astimezone(UTC)
        except (ValueError, OverflowError):
            time = None
        found.append(StoredFile(member.filename, member.file_size, time, partial(member_blocks, archive, member)))
    return found, left_out


def _files_of_folder(folder: Path) -> tuple[list[StoredFile], dict[str, str]]:
    found: list[StoredFile] = []
    left_out: dict[str, str] = {}
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for path in (Path(parent, name) for name in sorted(names)):
            inside = path.relative_to(folder).as_posix()
            if _is_ignored(inside, is_folder=False):
                continue
            if len(found) == MAX_FILES:
                raise ArchiveError(f"it holds more than {MAX_FILES} files")
            if not is_regular(path):
                left_out[inside] = "it is not a file."
                continue
            about = path.stat()
            time = datetime.fromtimestamp(about.st_mtime, UTC)
            found.append(StoredFile(inside, about.st_size, time, partial(file_blocks, path)))
    return found, left_out
