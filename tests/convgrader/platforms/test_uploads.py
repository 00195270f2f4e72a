"""What the names in an archive say, platform by platform, and whose archive it is."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from convcourse.errors import UsageError
from convgrader.notebooks.archives import StoredFile
from convgrader.platforms import uploads
from convgrader.platforms.uploads import read_uploads, time_of, without_copy_number

EXPORT = b"""---
submission_1:
  :submitters:
  - :name: Ada Lovelace
    :sid: '4711'
    :email: ada@x.org
  - :name: Bob B
    :sid: 12
  :created_at: 2026-11-03 21:04:05.123456789 Z
  :score: 1.0
submission_2:
  :submitters: []
  :created_at: '2026-11-03T21:04:05+01:00'
"""


def files(*names, contents=()):
    data = dict.fromkeys(names, b"") | dict(contents)
    return [StoredFile(name, len(data[name]), None, lambda name=name: iter([data[name]])) for name in data]


def read(platform, *names, zone=UTC, contents=()):
    """Return ([(own name, who, hand-in, time, late, number)], left out)."""
    found = read_uploads(platform, files(*names, contents=contents), zone)
    return [
        (one.name, [str(owner) for owner in one.owners], one.hand_in, one.time, one.is_late, one.number)
        for one in found.uploads
    ], found.left_out  # fmt: skip


def test_canvas_says_name_number_lateness_and_which_upload_is_the_newest():
    found, left_out = read(
        "canvas",
        "lovelaceada_LATE_4711_9_pooling-1.ipynb",
        "pooling submissions/müller_bob_12_345_ada__20270131T120000Z__pooling.zip",
        "cycy_13_text.html",
        "anon_Ab12c_7_pooling.ipynb",
        "anon_12345_7_pooling.ipynb",
        "LATE_anon_12345_8_pooling.ipynb",
        "notes.txt",
    )
    assert found == [
        ("pooling-1.ipynb", ["lovelaceada (4711)"], "", None, True, 9),
        ("ada__20270131T120000Z__pooling.zip", ["müller_bob (12)"], "", None, False, 345),
    ]
    reasons = list(left_out.values())
    assert "typed into Canvas" in reasons[0] and all("left the names out" in reason for reason in reasons[1:4])
    assert reasons[4] == "its name is none that Canvas writes."


def test_moodle_says_name_and_participant_in_folders_and_without():
    found, left_out = read(
        "moodle",
        "Ada Lovelace_4711_assignsubmission_file_/week 3/pooling (2).ipynb",
        "Group A-Bob B_12_assignsubmission_file_pooling.ipynb",
        "Participant_13_assignsubmission_file_/pooling.ipynb",
        "Ada Lovelace_4711_assignsubmission_onlinetext_/onlinetext.html",
        "readme.txt",
    )
    assert found == [
        ("pooling (2).ipynb", ["Ada Lovelace (4711)"], "", None, None, 2),
        ("pooling.ipynb", ["Group A-Bob B (12)"], "", None, None, 0),
        ("pooling.ipynb", ["13"], "", None, None, 0),
    ]
    assert "Moodle's onlinetext" in next(iter(left_out.values())) and "none that Moodle writes" in str(left_out)


def test_gradescope_says_it_in_its_list():
    inside = "assignment_7_export/"
    found, left_out = read(
        "gradescope", f"{inside}submission_1/pooling.ipynb", f"{inside}submission_2/pooling.ipynb",
        f"{inside}submission_3/pooling.ipynb", contents={f"{inside}submission_metadata.yml": EXPORT},
    )  # fmt: skip
    time = datetime(2026, 11, 3, 21, 4, 5, 123456, UTC)
    people = ["Ada Lovelace (4711, ada@x.org)", "Bob B (12)"]
    assert found[0] == ("pooling.ipynb", people, "submission_1", time, None, 0)
    assert found[1] == ("pooling.ipynb", [], "submission_2", datetime(2026, 11, 3, 20, 4, 5, tzinfo=UTC), None, 0)
    assert list(left_out) == [f"{inside}submission_3/pooling.ipynb"]


@pytest.mark.parametrize(
    "text", [b"a: [", b"\x80", b"[1, 2]", b"submission_1: 3", b"- &a [*a]", b"!!python/name:os.system"]
)
def test_a_list_of_gradescopes_that_is_none_costs_no_traceback(text):
    names = ("submission_1/pooling.ipynb",)
    try:
        found, left_out = read("gradescope", *names, contents={"submission_metadata.yml": text})
    except UsageError as error:
        assert "cannot be read" in str(error)  # noqa: PT017
    else:
        assert not found and list(left_out) == list(names)


def test_gradescopes_list_must_be_there():
    with pytest.raises(UsageError, match=r"there is no submission_metadata.yml"):
        read("gradescope", "submission_1/pooling.ipynb", "submission_1/submission_metadata.yml")


def test_brightspace_says_name_and_local_time_and_each_time_is_a_hand_in():
    found, left_out = read(
        "brightspace",
        "12345-67890 - Ada Lovelace - Nov 3, 2026 904 PM/pooling.ipynb",
        "12345-67890 - Ada Lovelace - Nov 3, 2026 1104 AM - pooling - old.ipynb",
        "12346-67890 - Bob - B - 3 November, 2026 104 PM/pooling.ipynb",
        "index.html",
        "12347-67890 - Cy - whenever/pooling.ipynb",
        zone=ZoneInfo("Europe/Berlin"),
    )
    assert [(name, who, time) for name, who, _, time, _, _ in found] == [
        ("pooling.ipynb", ["Ada Lovelace (12345)"], datetime(2026, 11, 3, 20, 4, tzinfo=UTC)),
        ("pooling - old.ipynb", ["Ada Lovelace (12345)"], datetime(2026, 11, 3, 10, 4, tzinfo=UTC)),
        ("pooling.ipynb", ["Bob - B (12346)"], datetime(2026, 11, 3, 12, 4, tzinfo=UTC)),
    ]
    assert found[0][2] != found[1][2] and list(left_out) == ["12347-67890 - Cy - whenever/pooling.ipynb"]


def test_a_folder_says_who_and_so_does_a_name_of_autograder_submit():
    named = "bob__20270131T120000Z__pooling.ipynb"
    found, left_out = read("folder", "ada/week 3/pooling.ipynb", named, "pooling.ipynb")
    assert [(name, who[0]) for name, who, *_ in found] == [("pooling.ipynb", "ada (ada)"), (named, "bob (bob)")]
    assert left_out == {"pooling.ipynb": "it lies in no student's folder."}
    found, _ = read("folder", "class/ada/pooling.ipynb", "class/bob/pooling.ipynb")
    assert [who[0] for _, who, *_ in found] == ["ada (ada)", "bob (bob)"]


ONE_OF_EACH = {
    "canvas": "lovelaceada_4711_9_pooling.ipynb",
    "moodle": "Ada Lovelace_4711_assignsubmission_file_/pooling.ipynb",
    "gradescope": "submission_1/pooling.ipynb",
    "brightspace": "12345-67890 - Ada Lovelace - Nov 3, 2026 904 PM/pooling.ipynb",
}


@pytest.mark.parametrize("platform", uploads.PLATFORMS)
@pytest.mark.parametrize("other", ONE_OF_EACH)
def test_an_archive_of_another_platform_is_recognised(platform, other):
    if platform == other:
        return
    with pytest.raises(UsageError, match=f"looks like an archive of {uploads.TITLES[other]}: try --from {other}"):
        read(platform, ONE_OF_EACH[other])


def test_one_students_name_for_a_file_makes_no_other_platform_of_it():
    found, _ = read("folder", f"ada/{ONE_OF_EACH['canvas']}", "bob/pooling.ipynb")
    assert len(found) == 2


@pytest.mark.parametrize("platform", ONE_OF_EACH)
def test_an_archive_of_none_says_what_is_in_it(platform):
    with pytest.raises(UsageError, match=r"no name in it .* first is ada/pooling.ipynb.*--from folder"):
        read(platform, "ada/pooling.ipynb")
    with pytest.raises(UsageError, match="no files in it"):
        read(platform)


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("pooling-1.ipynb", "pooling.ipynb"), ("pooling (1).ipynb", "pooling.ipynb"),
        ("pooling(1)-2.ipynb", "pooling.ipynb"),
        ("digits-1.log.json", "digits.log.json"), ("lenet-1998.ipynb", "lenet-1998.ipynb"), ("-1.ipynb", "-1.ipynb"),
    ],
)  # fmt: skip
def test_copies_are_known_by_their_numbers(name, own):
    assert without_copy_number(name) == own


@pytest.mark.parametrize(
    "text", ["", "Nov 31, 2026 904 PM", "Foo 3, 2026 904 PM", "Nov 3, 2026 2575", "Nov 3, 9999 904 PM Z"]
)
def test_what_is_no_time_is_none(text):
    assert time_of(text, ZoneInfo("Etc/GMT-14")) is None or "9999" in text


def test_noon_and_midnight_are_told_apart():
    assert str(time_of("Nov 3, 2026 1230 PM", UTC)) == "2026-11-03 12:30:00+00:00"
    assert str(time_of("Nov 3, 2026 1230 AM", UTC)) == "2026-11-03 00:30:00+00:00"
