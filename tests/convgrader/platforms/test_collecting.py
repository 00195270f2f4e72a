"""A class's hand-ins from an archive: the newest is graded, earlier ones are kept, and everybody else is listed."""

import os
import zipfile
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from convcourse.errors import UsageError
from convgrader.nbgrader_plugin.times import time_of
from convgrader.platforms.class_list import ClassList
from convgrader.platforms.collecting import collect
from convgrader.platforms.roster import Roster, Student
from tests.convgrader.platforms.test_uploads import EXPORT

DUE = datetime(2027, 2, 1, 12, tzinfo=UTC)
STUDENTS = (
    Student("ada", "Ada", "Lovelace", canvas_id="4711", sis_id="4711", moodle_id="4711"),
    Student("bob", "Bob", "B", canvas_id="12", sis_id="12"),
    Student("cy", "Cy", "Young"),
)


@pytest.fixture
def course(tmp_path):
    """What collecting needs of nbgrader's folders, and a way to collect."""
    submitted = tmp_path / "course" / "submitted"
    submitted.mkdir(parents=True)
    directory = SimpleNamespace(
        submitted_directory="submitted",
        format_path=lambda step, student, assignment: os.path.join(tmp_path, "course", step, student, assignment),
    )

    def run(platform, members, day=20, students=STUDENTS, due=DUE, **options):
        path = tmp_path / f"{platform}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        seconds = (datetime(2027, 2, 1, tzinfo=UTC) + timedelta(days=day)).timestamp()
        os.utime(path, (seconds, seconds))
        columns = {"handed_in"} if any(one.handed_in for one in students) else set()
        roster = Roster(students, "a list", columns=columns)
        extensions, groups = options.pop("extensions", {}), options.pop("groups", {})
        members = ClassList(roster, due, extensions, frozenset(), groups)
        options.setdefault("zone", UTC)
        return collect(directory, "pooling", platform, path, members, **options)

    return SimpleNamespace(run=run, root=tmp_path / "course", submitted=submitted)


def content(course, student):
    folder = course.submitted / student / "pooling"
    return {path.name: path.read_text() for path in folder.iterdir() if path.name != "timestamp.txt"}


def stamp(course, student):
    return time_of((course.submitted / student / "pooling" / "timestamp.txt").read_text())


def test_who_is_missing_late_double_unknown_and_refused_is_listed(course):
    found = course.run(
        "canvas",
        {
            "lovelaceada_LATE_4711_9_pooling-1.ipynb": "new",
            "lovelaceada_LATE_4711_8_pooling.ipynb": "old",
            "bbob_12_10_ada__20270131T120000Z__pooling.ipynb": "ada's",
            "who_99_11_pooling.ipynb": "",
            "notes.txt": "",
        },
    )
    assert found.counts == {"new": 1, "replaced": 0, "unchanged": 0, "older": 0, "contradicted": 0}
    assert found.missing == ["cy"] and found.late == {"ada": "less than a minute"}
    assert found.double == {"ada": "several files of one name: the newest is graded"}
    assert found.unknown == {"who (99)": "nobody in the class is called so."}
    assert found.refused == {"bob": "it is named as ada's, and bob handed it in."}
    assert set(found.left_out) == {"bbob_12_10_ada__20270131T120000Z__pooling.ipynb", "notes.txt"}
    assert not found.is_complete and content(course, "ada") == {"pooling.ipynb": "new"}
    assert stamp(course, "ada") == datetime(2027, 2, 1, 12, 0, 1)  # noqa: DTZ001 (nbgrader's times have no zone)
    assert found.as_dict()["collected"]["new"] == 1


@pytest.mark.parametrize("order", [(8, 9), (9, 8)])
def test_canvass_numbers_say_what_is_newer_whenever_it_is_collected(course, order):
    for day, number in enumerate(order):
        found = course.run("canvas", {f"lovelaceada_4711_{number}_pooling.ipynb": f"upload {number}"}, day)
    assert content(course, "ada") == {"pooling.ipynb": "upload 9"}
    kept = course.root / "collected" / "pooling" / "ada"
    assert sorted(path.name for path in kept.iterdir()) == ["1", "1.json", "hand_in.json"]
    assert (kept / "1" / "pooling.ipynb").read_text() == "upload 8"
    assert found.counts["replaced" if order == (8, 9) else "older"] == 1
    assert ("older than what was collected" in str(found.double)) == (order == (9, 8))


def test_collecting_again_changes_nothing_and_keeps_no_second_copy(course):
    members = {"lovelaceada_4711_9_ada__20270131T120000Z__pooling.ipynb": "9"}
    course.run("canvas", {"lovelaceada_4711_8_pooling.ipynb": "8"})
    course.run("canvas", members)
    before = {path: path.stat().st_mtime_ns for path in course.submitted.rglob("*.ipynb")}
    for _ in range(2):
        found = course.run("canvas", members)
        course.run("canvas", {"lovelaceada_4711_8_pooling.ipynb": "8"})
        assert found.counts["unchanged"] == 1
    assert before == {path: path.stat().st_mtime_ns for path in course.submitted.rglob("*.ipynb")}
    assert stamp(course, "ada") == datetime(2027, 1, 31, 12)  # noqa: DTZ001 (nbgrader's)
    assert sorted(path.name for path in (course.root / "collected/pooling/ada").iterdir()) == [
        "1",
        "1.json",
        "hand_in.json",
    ]


def test_what_lies_there_without_a_record_is_kept_and_counts_by_its_time(course):
    folder = course.submitted / "ada" / "pooling"
    folder.mkdir(parents=True)
    (folder / "pooling.ipynb").write_text("by hand")
    (folder / "timestamp.txt").write_text("2027-01-31 12:00:00+00:00")
    older, newer = ({f"ada/ada__{time}__pooling.ipynb": time} for time in ("20270130T120000Z", "20270131T130000Z"))
    assert course.run("folder", older).counts["older"] == 1 and content(course, "ada") == {"pooling.ipynb": "by hand"}
    assert course.run("folder", newer).counts["replaced"] == 1
    assert content(course, "ada") == {"pooling.ipynb": "20270131T130000Z"}
    texts = sorted(path.read_text() for path in course.root.glob("collected/pooling/ada/*/pooling.ipynb"))
    assert texts == ["20270130T120000Z", "by hand"]


def test_of_two_of_the_same_time_the_archive_that_was_downloaded_later_is_newer_or_nobody_knows(course):
    name = "ada/ada__20270131T120000Z__pooling.ipynb"
    assert course.run("folder", {name: "a"}, day=1).counts["new"] == 1
    assert course.run("folder", {name: "b"}, day=2).counts["replaced"] == 1
    found = course.run("folder", {name: "c"}, day=2)
    assert found.counts["contradicted"] == 1 and not found.is_complete and "of the same time" in found.double["ada"]
    assert content(course, "ada") == {"pooling.ipynb": "b"}


def test_what_hands_in_together_is_of_each_and_gradescopes_time_counts(course):
    found = course.run(
        "gradescope", {"e/submission_1/pooling.ipynb": "ours", "e/submission_metadata.yml": EXPORT.decode()}
    )
    assert content(course, "ada") == content(course, "bob") == {"pooling.ipynb": "ours"} and found.missing == ["cy"]
    assert stamp(course, "bob") == datetime(2026, 11, 3, 21, 4, 5)  # noqa: DTZ001 (nbgrader's)


def test_of_brightspaces_hand_ins_the_newest_is_graded(course):
    who = "1-2 - Ada Lovelace - "
    members = {f"{who}Feb 2, 2027 904 AM/pooling.ipynb": "late", f"{who}Jan 30, 2027 904 PM/pooling.ipynb": "early"}
    for outcome in ("new", "unchanged"):
        found = course.run("brightspace", members)
        assert found.counts[outcome] == 1 and sum(found.counts.values()) == 1
        assert found.double == {"ada": "2 hand-ins: the newest is graded"} and found.late == {"ada": "21 h 4 min"}
        assert content(course, "ada") == {"pooling.ipynb": "late"}
    assert (course.root / "collected/pooling/ada/1/pooling.ipynb").read_text() == "early"


def test_moodles_worksheet_gives_the_times(course):
    members = {"Ada Lovelace_4711_assignsubmission_file_/pooling.ipynb": "ada"}
    assert "Moodle's archive has no times" in str(course.run("moodle", members, preview=True).notes)
    ada = Student("ada", full_name="Ada Lovelace", moodle_id="4711", handed_in="Monday, 1 February 2027, 1:04 PM")
    found = course.run("moodle", members, students=(ada,))
    assert found.late == {"ada": "1 h 4 min"} and not found.notes
    assert course.run("moodle", members, students=(ada,), extensions={"ada": timedelta(days=1)}).late == {}


def test_a_preview_writes_nothing(course):
    found = course.run("canvas", {"lovelaceada_4711_9_pooling.ipynb": "9"}, preview=True)
    assert found.counts["new"] == 1 and found.missing == ["bob", "cy"]
    assert not list(course.submitted.iterdir()) and not (course.root / "collected").exists()


def test_a_bad_archive_is_named(course):
    with pytest.raises(UsageError, match=r"moodle.zip: this looks like an archive of Canvas"):
        course.run("moodle", {"lovelaceada_4711_9_pooling.ipynb": "9"})


def test_a_class_of_one_and_a_class_of_5000(course):
    """Every student of a large class is found by number and name, and each hand-in lies in its place."""
    students = tuple(Student(f"s{n}", f"First{n}", f"Last{n}", canvas_id=str(n)) for n in range(5000))
    members = {f"last{n}first{n}_{n}_{n + 9}_pooling.ipynb": str(n) for n in range(5000)}
    found = course.run("canvas", members, students=students)
    assert found.counts["new"] == 5000 and not found.missing and not found.unknown
    assert content(course, "s4999") == {"pooling.ipynb": "4999"}
    one = course.run("canvas", {"last0first0_0_99_pooling.ipynb": "again"}, students=students[:1])
    assert one.counts["replaced"] == 1 and not one.missing


def test_one_member_hands_in_for_a_group(course):
    groups = dict.fromkeys(("ada", "bob"), ("ada", "bob"))
    members = {"lovelaceada_4711_9_bob__20270131T120000Z__pooling.ipynb": "ours"}
    for preview in (True, False):
        found = course.run("canvas", members, groups=groups, preview=preview)
        assert found.missing == ["cy"] and not found.refused and not found.remarks
