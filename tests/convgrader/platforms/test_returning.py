"""The names of feedback pages: by them a platform knows whose each is."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

from convgrader.platforms.returning import archive_names
from convgrader.platforms.roster import Roster, Student


def names(tmp_path, platform, records, students=()):
    """Return ({student: name in the archive}, who is left out) of pages of ada, bob and cy."""
    directory = SimpleNamespace(
        submitted_directory="submitted",
        format_path=lambda step, student, assignment: os.path.join(tmp_path, step, student, assignment),
    )
    for student, record in records.items():
        folder = tmp_path / "collected" / "pooling" / student
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hand_in.json").write_text(json.dumps(record))
    pages = [(student, Path(f"{student}/pooling.html")) for student in ("ada", "bob", "cy")]
    found, left_out = archive_names(directory, "pooling", platform, pages, Roster(students, "a list"))
    return {page.parent.name: name for page, name in found}, left_out


def test_canvas_gets_the_name_that_it_gave(tmp_path):
    records = {
        "ada": {
            "platform": "canvas",
            "names": {"d.json": "lovelaceada_4711_8_d.json", "pooling.ipynb": "x/lovelaceada_LATE_4711_9_p.zip"},
        },
        "bob": {"platform": "canvas", "names": {"other.ipynb": "bbob_12_10_other-1.ipynb"}},
        "cy": {"platform": "moodle", "names": {"pooling.ipynb": "Cy_7_assignsubmission_file_/pooling.ipynb"}},
    }  # fmt: skip
    found, left_out = names(tmp_path, "canvas", records)
    assert found == {"ada": "lovelaceada_LATE_4711_9_p.html", "bob": "bbob_12_10_other-1.html"}
    assert left_out == {"cy": "what was handed in was not collected from Canvas."}


def test_moodle_gets_the_folder_that_it_gave_or_one_of_the_participants_number(tmp_path):
    records = {
        "ada": {"platform": "moodle", "names": {"pooling.ipynb": "all/Ada_4711_assignsubmission_file_/pooling.ipynb"}},
        "bob": {"platform": "moodle", "names": {"pooling.ipynb": "Bob B_12_assignsubmission_file_pooling.ipynb"}},
    }  # fmt: skip
    found, left_out = names(tmp_path, "moodle", records, (Student("cy", "C/y", "Young", moodle_id="13"),))
    assert found == {
        "ada": "Ada_4711_assignsubmission_file_/pooling.html",
        "bob": "Bob B_12_assignsubmission_file_/pooling.html",
        "cy": "C y Young_13_assignsubmission_file_/pooling.html",
    }
    assert not left_out
