"""What one student has handed in: the newest files, the time that counts, and what contradicts the platform."""

import contextlib
import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path, PurePosixPath

from convgrader.errors import ArchiveError
from convgrader.nbgrader_plugin.collecting import Identity, plain_name
from convgrader.notebooks.archives import (
    MAX_MEMBER,
    MAX_MEMBERS,
    MAX_NAME,
    MAX_SUM,
    checked_members,
    member_blocks,
    open_archive,
)
from convgrader.platforms.roster import Roster, Student
from convgrader.platforms.uploads import Upload, without_copy_number

TOLERANCE = timedelta(minutes=5)  # by which the clock of a student's machine may be wrong
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class HandIn:
    """What a student handed in at one time."""

    student: Student
    uploads: list[Upload]
    together: tuple[str, ...] = ()  # who else handed it in
    platform_time: datetime | None = None  # when, as the platform says
    is_late: bool | None = None  # as the platform says; None if it does not
    claimed: datetime | None = None  # when, as the student's machine says
    time: datetime = NEVER  # when it counts as handed in, once that is settled
    is_time_known: bool = True  # False: somebody has to look
    number: int = 0  # of the newest upload, where the platform numbers them
    names: dict[str, str] = field(default_factory=dict)  # name of a file -> what the platform calls it
    digest: str = ""
    remarks: list[str] = field(default_factory=list)  # what somebody should look at
    left_out: dict[str, str] = field(default_factory=dict)  # file -> why, in a sentence
    is_double: bool = False


def write_files(hand_in: HandIn, folder: Path, roster: Roster) -> None:
    """Write the files of a hand-in into a new folder, and note in it what they are; ArchiveError if there are none."""
    folder.mkdir(parents=True)
    written: dict[str, str] = {}
    space = MAX_SUM
    newest = {upload.file.name: upload for upload in _newest(hand_in)}
    for upload in newest.values():
        try:
            with _contents(upload) as files:
                for own, blocks in files:
                    _note_name(hand_in, own, roster)
                    name = plain_name(without_copy_number(_own_name(own)))
                    if len(name.encode()) > MAX_NAME:
                        raise ArchiveError("its name is too long")
                    if name in written:
                        raise ArchiveError("two files have the same name")
                    if len(written) == MAX_MEMBERS:
                        raise ArchiveError(f"there are more than {MAX_MEMBERS} files")
                    written[name], size = _write(folder / name, blocks, space)
                    space -= size
                    hand_in.names[name] = upload.file.name
        except ArchiveError as error:
            hand_in.left_out[upload.file.name] = f"{error}."
    for upload in hand_in.uploads:
        if upload.file.name not in newest:
            hand_in.is_double = True
    if not written:
        reasons = " ".join(dict.fromkeys(hand_in.left_out.values()))
        raise ArchiveError(reasons.removesuffix(".") or "nothing in it can be collected")
    hand_in.number = max(upload.number for upload in newest.values())
    hand_in.digest = _digest(written)


def _newest(hand_in: HandIn) -> Iterator[Upload]:
    """Yield the newest upload under each name; of several archives the newest alone, since each held all of it."""
    best: dict[str, Upload] = {}
    for upload in hand_in.uploads:
        own = _own_name(upload.name)
        name = "an archive" if own.lower().endswith(".zip") else without_copy_number(own).casefold()
        if name not in best or _age(upload) > _age(best[name]):
            best[name] = upload
    yield from best.values()


def _age(upload: Upload) -> tuple[int, datetime]:
    return upload.number, _claimed_time(upload.name) or NEVER


def _own_name(name: str) -> str:
    """Return the name of a file without what `autograder submit` writes before it."""
    with contextlib.suppress(ArchiveError):
        return Identity.of(name).file_name
    return name


def _claimed_time(name: str) -> datetime | None:
    with contextlib.suppress(ArchiveError):
        return Identity.of(without_copy_number(name)).time
    return None


def _note_name(hand_in: HandIn, name: str, roster: Roster) -> None:
    """Compare what `autograder submit` wrote into a name with what the platform says; ArchiveError for another's."""
    try:
        identity = Identity.of(without_copy_number(name))
    except ArchiveError:
        return
    mine = {value.casefold() for value in (hand_in.student.id, hand_in.student.login, hand_in.student.sis_id) if value}
    mine |= {student.casefold() for student in hand_in.together}
    if identity.student.casefold() not in mine:
        if identity.student in roster.by_id:
            raise ArchiveError(f"it is named as {identity.student}'s, and {hand_in.student.id} handed it in")
        hand_in.remarks.append(f"its name says {identity.student}")
    hand_in.claimed = max(filter(None, (hand_in.claimed, identity.time)))


@contextlib.contextmanager
def _contents(upload: Upload) -> Iterator[Iterator[tuple[str, Callable[[], Iterator[bytes]]]]]:
    """Give (name, function that yields the bytes) of a file, or of all files in an archive that a student packed."""
    if not upload.name.lower().endswith(".zip"):
        if upload.file.size > MAX_MEMBER:
            raise ArchiveError(f"it is larger than {MAX_MEMBER >> 20} MB")
        yield iter([(upload.name, upload.file.blocks)])
        return
    with tempfile.TemporaryFile() as copy:
        copy.writelines(upload.file.blocks())
        with open_archive(copy) as archive:
            members = checked_members(archive)
            yield ((PurePosixPath(member.filename).name, partial(member_blocks, archive, member)) for member in members)


def _write(path: Path, blocks: Callable[[], Iterator[bytes]], space: int) -> tuple[str, int]:
    """Write a file, whole or not at all; return its digest and its size."""
    digest = hashlib.sha256()
    size = 0
    try:
        with open(path, "xb") as file:
            for block in blocks():
                size += len(block)
                if size > space:
                    raise ArchiveError(f"the files are larger than {MAX_SUM >> 20} MB together")
                digest.update(block)
                file.write(block)
    except ArchiveError:
        path.unlink(missing_ok=True)
        raise
    return digest.hexdigest(), size


def _digest(digests: dict[str, str]) -> str:
    lines = "\n".join(f"{digest} {name}" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def digest_of(folder: Path) -> str:
    """Return the digest of a hand-in that lies in a folder, as `write_files` has it."""
    digests = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name != "timestamp.txt" and path.is_file() and not path.is_symlink():
            with open(path, "rb") as file:
                digests[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return _digest(digests)


def settle_time(hand_in: HandIn, downloaded: datetime, due: datetime | None, platform: str) -> None:
    """Decide when a hand-in counts as handed in: the platform's word goes before that of the student's machine.

    Parameters
    ----------
    hand_in : HandIn
    downloaded : datetime
        When the archive was downloaded: nothing in it is younger.
    due : datetime or None
        The end of this student's time.
    platform : str
        What the platform is called.
    """
    claimed = min(hand_in.claimed, downloaded) if hand_in.claimed else None
    if hand_in.platform_time is not None:
        hand_in.time = hand_in.platform_time
        if hand_in.claimed and hand_in.claimed > hand_in.time + TOLERANCE:
            hand_in.remarks.append(
                f"its name says {shown(hand_in.claimed)}, and it was handed in before, at {shown(hand_in.time)}"
            )
        return
    if hand_in.is_late and due is not None and (claimed is None or claimed <= due):
        hand_in.time = due + timedelta(seconds=1)
        says = f", and its name says {shown(claimed)}" if claimed else ""
        hand_in.remarks.append(f"late, as {platform} says{says}; by how much nobody knows: counted as one second")
    elif claimed is not None:
        hand_in.time = claimed
        if hand_in.is_late is False and due is not None and claimed > due:
            hand_in.remarks.append(f"late by the time in its name, {shown(claimed)}, and not late as {platform} says")
    else:
        hand_in.is_time_known = False
        hand_in.time = downloaded if due is None or hand_in.is_late else min(downloaded, due)
        hand_in.remarks.append("when it was handed in is not known")


def shown(time: datetime) -> str:
    """Return a time as sentences have it.

    Examples
    --------
    >>> shown(datetime(2026, 11, 3, 21, 4, 30, tzinfo=UTC))
    '2026-11-03 21:04 UTC'
    """
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
