"""Names of feedback pages by which a platform knows whose they are."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from convgrader.platforms.keeping import RECORD, KeptHandIns, read_record
from convgrader.platforms.roster import Roster
from convgrader.platforms.uploads import CANVAS, MOODLE, TITLES

if TYPE_CHECKING:
    from nbgrader.coursedir import CourseDirectory


def archive_names(
    directory: "CourseDirectory",
    assignment: str,
    platform: str,
    pages: Iterable[tuple[str, Path]],
    roster: Roster,
) -> tuple[list[tuple[Path, str]], dict[str, str]]:
    """Return [(page, its name in the archive)], and {student: why there is no name}."""
    kept = KeptHandIns(directory, assignment)
    found: list[tuple[Path, str]] = []
    left_out: dict[str, str] = {}
    for student, page in pages:
        record = read_record(kept.root / student / RECORD)
        names = record.names if record and record.platform == platform else {}
        name = names.get(f"{page.stem}.ipynb") or next(iter(names.values()), "")
        known = roster.by_id.get(student)
        inside = ""
        if platform == "canvas":
            inside = _canvas_name(name)
        elif name:
            inside = _moodle_name(name, page.name)
        elif known and known.moodle_id and known.name:
            inside = f"{known.name.replace('/', ' ')}_{known.moodle_id}_assignsubmission_file_/{page.name}"
        if inside:
            found.append((page, inside))
        else:
            left_out[student] = f"what was handed in was not collected from {TITLES[platform]}."
    return found, left_out


def _canvas_name(name: str) -> str:
    """Return the downloaded name with the ending of a page: Canvas looks for the numbers in it.

    Examples
    --------
    >>> _canvas_name("pooling submissions/lovelaceada_LATE_4711_9_pooling-1.ipynb")
    'lovelaceada_LATE_4711_9_pooling-1.html'
    """
    own = PurePosixPath(name)
    return f"{own.stem}.html" if CANVAS.fullmatch(own.name) else ""


def _moodle_name(name: str, page: str) -> str:
    """Return where a page goes: into the folder that Moodle made for a participant.

    Examples
    --------
    >>> _moodle_name("all/Ada Lovelace_4711_assignsubmission_file_/pooling.ipynb", "pooling.html")
    'Ada Lovelace_4711_assignsubmission_file_/pooling.html'
    """
    match = next((match for part in PurePosixPath(name).parts if (match := MOODLE.fullmatch(part))), None)
    return f"{match['name']}_{match['user']}_assignsubmission_file_/{page}" if match else ""
