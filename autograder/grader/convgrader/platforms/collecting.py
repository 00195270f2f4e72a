"""Collect a class's hand-ins from what a platform hands over: each is the newest of a student, or is listed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from convcourse.engine.display import printable
from convcourse.errors import UsageError
from convgrader.errors import ArchiveError, StudentNotFoundError
from convgrader.notebooks.archives import stored_files
from convgrader.platforms.class_list import ClassList
from convgrader.platforms.hand_ins import NEVER, HandIn, settle_time, shown, write_files
from convgrader.platforms.keeping import KeptHandIns, Outcome
from convgrader.platforms.roster import Account, Student
from convgrader.platforms.uploads import TITLES, Upload, read_uploads, time_of

if TYPE_CHECKING:
    from nbgrader.coursedir import CourseDirectory

ASIDE: tuple[Outcome, ...] = ("older", "contradicted")  # what is not to be graded


@dataclass
class Collected:
    """What came of an archive."""

    assignment: str
    outcomes: dict[str, Outcome] = field(default_factory=dict)  # student -> what the newest hand-in was
    missing: list[str] = field(default_factory=list)
    late: dict[str, str] = field(default_factory=dict)  # student -> by how much
    double: dict[str, str] = field(default_factory=dict)  # student -> what became of the others
    unknown: dict[str, str] = field(default_factory=dict)  # whom the platform means -> why it is nobody
    refused: dict[str, str] = field(default_factory=dict)  # student -> why nothing of theirs was collected
    remarks: dict[str, str] = field(default_factory=dict)  # student -> what contradicts the platform
    left_out: dict[str, str] = field(default_factory=dict)  # file -> why
    unregistered: list[str] = field(default_factory=list)  # whom the gradebook does not know
    notes: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)  # of the students, by their ids

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many students there are of each outcome."""
        return {name: list(self.outcomes.values()).count(name) for name in get_args(Outcome)}

    @property
    def is_complete(self) -> bool:
        """Say whether all that was in the archive has been collected."""
        return not (self.unknown or self.left_out or self.counts["contradicted"])

    def as_dict(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "assignment": self.assignment, "collected": self.counts, "missing": self.missing, "late": self.late,
            "double": self.double, "unknown": self.unknown, "refused": self.refused, "remarks": self.remarks,
            "left_out": self.left_out, "not_in_the_gradebook": self.unregistered, "notes": self.notes,
        }  # fmt: skip


def collect(
    directory: "CourseDirectory",
    assignment: str,
    platform: str,
    archive: Path,
    members: ClassList,
    zone: tzinfo | None = None,
    preview: bool = False,
) -> Collected:
    """Collect what is in an archive; with `preview`, say what would come of it.

    Parameters
    ----------
    directory : nbgrader.coursedir.CourseDirectory
    assignment : str
    platform : str
        One of `convgrader.platforms.uploads.PLATFORMS`.
    archive : Path
        A zip archive, or the folder that it was unpacked into.
    members : ClassList
    zone : tzinfo or None
        Where the times of the platform hold; None is this machine's.
    preview : bool
    """
    kept = KeptHandIns(directory, assignment)
    names = {student.id: student.name for student in members.roster.students}
    found = Collected(assignment, notes=list(members.roster.notes), names=names)
    try:
        downloaded = datetime.fromtimestamp(archive.stat().st_mtime, UTC)
        with stored_files(archive) as (files, left_out):
            uploads, unread = read_uploads(platform, files, zone)
            found.left_out |= left_out | unread
            by_student: dict[str, list[HandIn]] = {}
            for hand_in in _hand_ins(uploads, members, zone, found):
                by_student.setdefault(hand_in.student.id, []).append(hand_in)
            for student in sorted(by_student):
                in_order = sorted(by_student[student], key=lambda hand_in: hand_in.platform_time or NEVER)
                for hand_in in in_order[-1:] if preview else in_order:
                    _collect_one(hand_in, kept, found, members, platform, archive, downloaded, preview)
                if len(by_student[student]) > 1:
                    found.double[student] = f"{len(by_student[student])} hand-ins: the newest is graded"
    except ArchiveError as error:
        raise UsageError(f"{archive}: {error}") from None
    except OSError as error:
        raise UsageError(f"cannot read {archive}: {error.strerror or error}") from None
    except UsageError as error:
        raise UsageError(f"{archive}: {error}") from None
    here = (set(by_student) if preview else set()) | found.refused.keys()
    for name in members.roster.by_id:
        group = members.groups.get(name, (name,))
        if name not in here and not any(one in here or kept.submitted(one).is_dir() for one in group):
            found.missing.append(name)
    if members.registered:
        found.unregistered = sorted(by_student.keys() - members.registered)
    if platform == "moodle" and "handed_in" not in members.roster.columns:
        found.notes.append(
            "Moodle's archive has no times: what counts is the time in the names that `autograder submit` gave. With "
            "Moodle's grading worksheet as --roster, Moodle's own times count."
        )
    return found


def _hand_ins(uploads: Sequence[Upload], members: ClassList, zone: tzinfo | None, found: Collected) -> list[HandIn]:
    """Put together what belongs to one hand-in of one student; note who is nobody of the class."""
    students: dict[Account, Student | None] = {}
    hand_ins: dict[tuple[str, str], HandIn] = {}
    for upload in uploads:
        owners = [owner for each in upload.owners if (owner := _student(each, members, students, found))]
        if not upload.owners:
            found.left_out[upload.file.name] = "nobody is named who handed it in."
        for owner in owners:
            key = owner.id, upload.hand_in
            if key not in hand_ins:
                group = members.groups.get(owner.id, ())
                together = tuple({*group, *(other.id for other in owners)} - {owner.id})
                time = upload.time or time_of(owner.handed_in, zone)
                hand_ins[key] = HandIn(owner, [], together, time, upload.is_late)
            hand_in = hand_ins[key]
            hand_in.uploads.append(upload)
            hand_in.is_late = hand_in.is_late or upload.is_late
    return list(hand_ins.values())


def _student(
    account: Account, members: ClassList, students: dict[Account, Student | None], found: Collected
) -> Student | None:
    if account not in students:
        try:
            students[account] = members.roster.find(account)
        except StudentNotFoundError as error:
            students[account] = None
            found.unknown[str(account)] = f"{error}."
    return students[account]


def _collect_one(
    hand_in: HandIn,
    kept: KeptHandIns,
    found: Collected,
    members: ClassList,
    platform: str,
    archive: Path,
    downloaded: datetime,
    preview: bool,
) -> None:
    """Collect one hand-in, and note what is to be said of it."""
    student = hand_in.student.id
    draft = kept.draft(student)
    try:
        try:
            write_files(hand_in, draft, members.roster)
        except ArchiveError as error:
            found.left_out |= hand_in.left_out or {hand_in.uploads[0].file.name: f"{error}."}
            found.refused[student] = f"{error}."
            return
        found.left_out |= hand_in.left_out
        found.refused.pop(student, None)
        due = members.due_for(student)
        settle_time(hand_in, downloaded, due, TITLES[platform])
        outcome = kept.compare(hand_in, platform, downloaded)
        if not preview:
            kept.keep(hand_in, outcome, platform, archive.name, downloaded)
    finally:
        kept.discard(student)
    _note(hand_in, outcome, due, found)


def _note(hand_in: HandIn, outcome: Outcome, due: datetime | None, found: Collected) -> None:
    student, time = hand_in.student.id, hand_in.time
    before = found.outcomes.get(student)
    if before is None or before in ASIDE or outcome not in ASIDE:
        found.outcomes[student] = "new" if before == "new" else outcome
    if hand_in.is_double:
        found.double[student] = "several files of one name: the newest is graded"
    if outcome in ASIDE:
        is_older = outcome == "older"
        found.double[student] = (
            f"what is in this archive, of {shown(time)}, is older than what was collected, and is kept aside"
            if is_older
            else f"something else was collected that is of the same time, {shown(time)}: this is kept aside"
        )
    elif (due is not None and time > due) or hand_in.is_late:
        found.late[student] = _late_by(time, due)
    else:
        found.late.pop(student, None)
    if hand_in.remarks:
        found.remarks[student] = printable("; ".join(dict.fromkeys(hand_in.remarks)))


def _late_by(time: datetime, due: datetime | None) -> str:
    """Say by how much something is late."""
    if due is None:
        return "late as the platform says; the gradebook has no due date"
    minutes = max(int((time - due).total_seconds()), 0) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{number} {unit}" for number, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if number]
    return " ".join(parts[:2]) or "less than a minute"
