"""What the names in a platform's archive say: whose a file is, when it came, whether it was late.

=============  ======================================================================================================
Canvas         ``lovelaceada_LATE_4711_9_pooling-1.ipynb``: name, late, number of the student, number of the upload
Moodle         ``Ada Lovelace_4711_assignsubmission_file_/pooling.ipynb``: name, number of the participant
Gradescope     ``submission_1234/pooling.ipynb``, and ``submission_metadata.yml`` beside the folders
Brightspace    ``12345-67890 - Ada Lovelace - Nov 3, 2026 904 PM/pooling.ipynb``
a folder       ``ada/pooling.ipynb``: a folder for each student
=============  ======================================================================================================
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Any, NamedTuple

import yaml

from convcourse.engine.display import printable
from convcourse.errors import UsageError
from convgrader.errors import ArchiveError
from convgrader.nbgrader_plugin.collecting import Identity
from convgrader.notebooks.archives import StoredFile
from convgrader.platforms.roster import Account

CANVAS = re.compile(r"(?P<name>\w*?)_(?:(?P<late>LATE)_)?(?P<user>\d+)_(?P<upload>\d+)_(?P<file>.+)")
CANVAS_ANONYMOUS = re.compile(r"(?:LATE_)?anon_(?P<user>[A-Za-z0-9]+)_(?P<upload>\d+)_(?P<file>.+)")
CANVAS_TYPED = re.compile(r"\w+_\d+_(?:text|link)\.html")
MOODLE = re.compile(r"(?P<name>.+?)_(?P<user>\d+)_assignsubmission_(?P<plugin>[a-z]+)(?:_(?P<file>.*))?")
MOODLE_HIDDEN = "Participant"  # in place of a name, where the marking is blind
BRIGHTSPACE = re.compile(r"(?P<user>\d+)-\d+ - (?P<rest>.+)")
GRADESCOPE = re.compile(r"submission_\d+")
GRADESCOPE_LIST = "submission_metadata.yml"
DAY = re.compile(
    r"(?:(?P<month>[A-Za-z]+)\.? (?P<day>\d{1,2})|(?P<day_first>\d{1,2}) (?P<month_after>[A-Za-z]+)\.?),? "
    r"(?P<year>\d{4}),? (?P<hour>\d{1,2})[: ]?(?P<minute>\d\d)(?: ?(?P<half>[AaPp][Mm]))?"
)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MAX_LIST = 32 << 20  # bytes of Gradescope's list


@dataclass(frozen=True)
class Upload:
    """A file that somebody handed in, as the platform names it."""

    file: StoredFile
    name: str  # the student's own
    owners: tuple[Account, ...]  # several hand in together
    hand_in: str = ""  # what tells one student's hand-ins apart
    time: datetime | None = None
    is_late: bool | None = None  # None: the platform does not say
    number: int = 0  # of several uploads under one name the largest is the newest


class Found(NamedTuple):
    """What an archive holds."""

    uploads: list[Upload]
    left_out: dict[str, str]  # name -> why it is nobody's hand-in, in a sentence


def read_uploads(platform: str, files: Sequence[StoredFile], zone: tzinfo | None = None) -> Found:
    """Read the names in an archive of a platform; UsageError says whose archive it is if it is another's.

    Parameters
    ----------
    platform : str
        One of `PLATFORMS`.
    files : sequence of StoredFile
    zone : tzinfo or None
        Where the times of the platform hold; None is this machine's.
    """
    if not files:
        raise UsageError("there are no files in it")
    counts = {name: sum(1 for file in files if shape(file)) for name, shape in SHAPES.items()}
    others = [name for name, count in counts.items() if 2 * count > len(files)]
    if others and not counts.get(platform):
        raise UsageError(f"this looks like an archive of {TITLES[others[0]]}: try --from {others[0]}")
    if platform != "folder" and not counts[platform]:
        raise UsageError(
            f"no name in it is such as {TITLES[platform]} writes; the first is {printable(files[0].name)}. "
            "Where each student has a folder, use --from folder"
        )
    return PLATFORMS[platform](files, zone)


def _canvas(files: Sequence[StoredFile], _: tzinfo | None) -> Found:
    found = Found([], {})
    for file in files:
        name = file.parts[-1]
        if CANVAS_ANONYMOUS.fullmatch(name):
            found.left_out[file.name] = "Canvas left the names out: download the archive once the names are shown."
        elif match := CANVAS.fullmatch(name):
            owner = Account(((("canvas_id",), match["user"]),), match["name"])
            is_late, number = match["late"] is not None, int(match["upload"])
            found.uploads.append(Upload(file, match["file"], (owner,), is_late=is_late, number=number))
        elif CANVAS_TYPED.fullmatch(name):
            found.left_out[file.name] = "it was typed into Canvas, and is no file."
        else:
            found.left_out[file.name] = "its name is none that Canvas writes."
    return found


def _moodle(files: Sequence[StoredFile], _: tzinfo | None) -> Found:
    found = Found([], {})
    for file in files:
        match = _first_match(MOODLE, file)
        if match is None:
            found.left_out[file.name] = "its name is none that Moodle writes."
        elif match["plugin"] != "file":
            found.left_out[file.name] = f"it is no file that was handed in, but Moodle's {match['plugin']}."
        else:
            name = "" if match["name"] == MOODLE_HIDDEN else match["name"]
            owner = Account(((("moodle_id",), match["user"]),), name)
            own = match["file"] if match.string == file.parts[-1] and match["file"] else file.parts[-1]
            found.uploads.append(Upload(file, own, (owner,), number=_copy_number(own)))
    return found


def _brightspace(files: Sequence[StoredFile], zone: tzinfo | None) -> Found:
    found = Found([], {})
    for file in files:
        match = _first_match(BRIGHTSPACE, file)
        parts = match["rest"].split(" - ") if match else []
        times = [time_of(part, zone) for part in parts]
        place = next((number for number, time in enumerate(times) if number and time), None)
        if match is None or place is None:
            if file.parts[-1] != "index.html":  # Brightspace's own
                found.left_out[file.name] = "its name is none that Brightspace writes."
            continue
        owner = Account(((("brightspace_id",), match["user"]),), " - ".join(parts[:place]))
        own = " - ".join(parts[place + 1 :]) or file.parts[-1]
        hand_in = " - ".join(parts[: place + 1])
        found.uploads.append(Upload(file, own, (owner,), hand_in, times[place], number=_copy_number(own)))
    return found


def _gradescope(files: Sequence[StoredFile], _: tzinfo | None) -> Found:
    found = Found([], {})
    lists = [file for file in files if file.parts[-1] == GRADESCOPE_LIST and not any(map(_is_submission, file.parts))]
    if len(lists) != 1:
        raise UsageError(f"there is no {GRADESCOPE_LIST} in it, which says whose each submission is")
    known = _gradescope_list(lists[0])
    for file in files:
        folder = next(filter(_is_submission, file.parts[:-1]), None)
        if file is lists[0]:
            continue
        about = known.get(folder) if folder else None
        if about is None:
            found.left_out[file.name] = f"{GRADESCOPE_LIST} does not say whose it is."
            continue
        owners, time = about
        own = file.parts[-1]
        found.uploads.append(Upload(file, own, owners, folder or "", time, number=_copy_number(own)))
    return found


def _is_submission(part: str) -> bool:
    return GRADESCOPE.fullmatch(part) is not None


def _gradescope_list(file: StoredFile) -> dict[str, tuple[tuple[Account, ...], datetime | None]]:
    """Read {folder: (who handed it in, when)}; what is written there in another way is left out."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if file.size > MAX_LIST:
            raise UsageError(f"{GRADESCOPE_LIST} is larger than {MAX_LIST >> 20} MB")
        about: Any = yaml.load(b"".join(file.blocks()), loader)  # noqa: S506 (a safe loader, the quick one)
    except (yaml.YAMLError, ValueError, RecursionError, ArchiveError):
        raise UsageError(f"{GRADESCOPE_LIST} cannot be read") from None
    found: dict[str, tuple[tuple[Account, ...], datetime | None]] = {}
    for folder, entry in about.items() if isinstance(about, dict) else ():
        people = entry.get(":submitters") if isinstance(entry, dict) else None
        if not isinstance(people, list):
            continue
        owners = tuple(
            Account(
                ((("sis_id", "id", "login"), _text(one, ":sid")), (("email",), _text(one, ":email"))),
                _text(one, ":name"),
            )
            for one in people
            if isinstance(one, dict)
        )
        time = entry.get(":created_at")
        if isinstance(time, str):
            time = _iso_time(time)
        if isinstance(time, datetime):
            found[str(folder)] = owners, time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC)
        else:
            found[str(folder)] = owners, None
    return found


def _text(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key)
    return str(value).strip() if isinstance(value, str | int) else ""


def _iso_time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _folder(files: Sequence[StoredFile], _: tzinfo | None) -> Found:
    found = Found([], {})
    tops = {file.parts[0] for file in files}
    depth = min(len(file.parts) for file in files)
    skipped = 1 if len(tops) == 1 and depth > 2 else 0  # the folder that holds the students' folders
    for file in files:
        parts = file.parts[skipped:]
        own = parts[-1]
        if len(parts) > 1:
            who = parts[0]
        else:
            try:
                who = Identity.of(own).student
            except ArchiveError:
                found.left_out[file.name] = "it lies in no student's folder."
                continue
        owner = Account(((("id", "login", "sis_id", "email", "canvas_id", "moodle_id"), who),), who)
        found.uploads.append(Upload(file, own, (owner,), number=_copy_number(own)))
    return found


def _first_match(pattern: re.Pattern[str], file: StoredFile) -> re.Match[str] | None:
    """Match the first folder that fits, or the file's name."""
    return next((match for part in file.parts if (match := pattern.fullmatch(part))), None)


def _copy_number(name: str) -> int:
    """Return which copy of a file it is: browsers and platforms number them."""
    match = COPY.fullmatch(name)
    return int(match["number"] or match["bracketed"] or 0) if match else 0


COPY = re.compile(r"(?P<stem>.*?\S) ?(?:-(?P<number>\d{1,3})| ?\((?P<bracketed>\d{1,3})\))(?P<ending>(?:\.log)?\.\w+)")


def without_copy_number(name: str) -> str:
    """Return the name that a file had before it was numbered as a copy.

    Examples
    --------
    >>> without_copy_number("pooling-1.ipynb"), without_copy_number("pooling (2).ipynb"), without_copy_number("a.ipynb")
    ('pooling.ipynb', 'pooling.ipynb', 'a.ipynb')
    """
    match = COPY.fullmatch(name)
    return without_copy_number(match["stem"] + match["ending"]) if match else name


def time_of(text: str, zone: tzinfo | None = None) -> datetime | None:
    """Read a time as Brightspace and Moodle write it in English, in a zone; None is this machine's.

    Examples
    --------
    >>> str(time_of("Nov 3, 2026 904 PM", UTC)), str(time_of("Tuesday, 3 November 2026, 9:04 PM", UTC))
    ('2026-11-03 21:04:00+00:00', '2026-11-03 21:04:00+00:00')
    """
    match = DAY.search(text)
    if match is None:
        return None
    month = (match["month"] or match["month_after"])[:3].casefold()
    hour = int(match["hour"])
    if match["half"]:
        hour = hour % 12 + 12 * (match["half"].casefold() == "pm")
    try:
        day = date(int(match["year"]), MONTHS.index(month) + 1, int(match["day"] or match["day_first"]))
        local = datetime(day.year, day.month, day.day, hour, int(match["minute"]), tzinfo=zone)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


Reader = Callable[[Sequence[StoredFile], tzinfo | None], Found]
PLATFORMS: dict[str, Reader] = {
    "canvas": _canvas, "moodle": _moodle, "gradescope": _gradescope, "brightspace": _brightspace, "folder": _folder,
}  # fmt: skip
TITLES = {
    "canvas": "Canvas", "moodle": "Moodle", "gradescope": "Gradescope", "brightspace": "Brightspace",
    "folder": "a folder for each student",
}  # fmt: skip
SHAPES: dict[str, Callable[[StoredFile], object]] = {  # what tells an archive of each
    "canvas": lambda file: CANVAS.fullmatch(file.parts[-1]) or CANVAS_ANONYMOUS.fullmatch(file.parts[-1]),
    "moodle": lambda file: _first_match(MOODLE, file),
    "gradescope": lambda file: any(map(_is_submission, file.parts[:-1])),
    "brightspace": lambda file: _first_match(BRIGHTSPACE, file),
}
