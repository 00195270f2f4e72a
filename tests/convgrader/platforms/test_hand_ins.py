"""A student's hand-in: which files are the newest, when it counts as handed in, and what contradicts the platform."""

import io
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from convgrader.errors import ArchiveError
from convgrader.notebooks.archives import StoredFile
from convgrader.platforms import hand_ins
from convgrader.platforms.hand_ins import HandIn, digest_of, settle_time, write_files
from convgrader.platforms.roster import Roster, Student
from convgrader.platforms.uploads import Upload

ADA, BOB = Student("ada", "Ada", "Lovelace", login="alove"), Student("bob", "Bob", "B")
CLASS = Roster((ADA, BOB), "a list")
DUE = datetime(2027, 2, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
STAMP, LATER = "20270131T120000Z", "20270202T120000Z"


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__dot__", "."), data)
    return buffer.getvalue()


def upload(name, data=b"{}", number=0, size=None):
    stored = StoredFile(f"ada/{number}/{name}", len(data) if size is None else size, None, lambda: iter([data]))
    return Upload(stored, name, (), number=number)


def written(tmp_path, *uploads):
    """Return ({name: bytes}, the hand-in) of what is written."""
    hand_in = HandIn(ADA, list(uploads))
    write_files(hand_in, tmp_path / "draft", CLASS)
    return {path.name: path.read_bytes() for path in (tmp_path / "draft").iterdir()}, hand_in


def test_the_newest_copy_of_each_file_is_taken(tmp_path):
    found, hand_in = written(
        tmp_path, upload("pooling.ipynb", b"old", 7), upload("pooling-1.ipynb", b"new", 9),
        upload("pooling (2).ipynb", b"middle", 8), upload("digits.safetensors", b"net", 3),
    )  # fmt: skip
    assert found == {"pooling.ipynb": b"new", "digits.safetensors": b"net"}
    assert hand_in.is_double and hand_in.number == 9 and not hand_in.left_out
    assert hand_in.names["pooling.ipynb"] == "ada/9/pooling-1.ipynb"
    assert hand_in.digest == digest_of(tmp_path / "draft")
    (tmp_path / "draft" / "timestamp.txt").write_text("now")
    assert hand_in.digest == digest_of(tmp_path / "draft")


def test_an_archive_of_autograder_submit_is_taken_apart_and_the_newest_is_taken_whole(tmp_path):
    old = zipped(**{f"ada__{STAMP}__pooling__dot__ipynb": b"old", f"ada__{STAMP}__digits__dot__json": b"{}"})
    new = zipped(**{f"ada__{LATER}__pooling__dot__ipynb": b"new"})
    found, hand_in = written(
        tmp_path, upload(f"ada__{LATER}__pooling-1.zip", new), upload(f"ada__{STAMP}__pooling.zip", old)
    )
    assert found == {"pooling.ipynb": b"new"} and hand_in.is_double
    assert hand_in.claimed == datetime(2027, 2, 2, 12, tzinfo=UTC)


def test_what_is_named_as_another_students_is_refused_and_a_strangers_name_is_told(tmp_path):
    found, hand_in = written(
        tmp_path, upload(f"bob__{STAMP}__pooling.ipynb"), upload(f"adal__{STAMP}__layer.ipynb"), upload("notes.txt")
    )
    assert list(found) == ["layer.ipynb"] and hand_in.remarks == ["its name says adal"]
    assert list(hand_in.left_out.values()) == [
        "it is named as bob's, and ada handed it in.", "it is neither a notebook nor a file of a network.",
    ]  # fmt: skip
    for name in ("ALOVE", "Ada", "ada"):
        hand_in = HandIn(ADA, [upload(f"{name}__{STAMP}__pooling.ipynb")])
        write_files(hand_in, tmp_path / name / "draft", CLASS)
        assert not hand_in.remarks


def test_those_who_hand_in_together_may_bear_each_others_names(tmp_path):
    hand_in = HandIn(ADA, [upload(f"bob__{STAMP}__pooling.ipynb")], together=("bob",))
    write_files(hand_in, tmp_path / "draft", CLASS)
    assert not hand_in.remarks


@pytest.mark.parametrize(
    ("uploads", "message"),
    [
        ([upload("pooling.zip", b"hello")], "no zip archive"),
        ([upload("pooling.zip", zipped(a__dot__zip=b""))], "an archive in it"),
        ([upload("pooling.zip", zipped())], "nothing in it can be collected"),
        ([upload("pooling.ipynb", size=33 << 20)], "larger than 32 MB"),
        ([upload("a b.ipynb"), upload("a_b.ipynb")], None),
        ([upload("notes.txt")], "neither a notebook"),
    ],
)
def test_what_cannot_be_collected_has_its_reason(tmp_path, uploads, message):
    if message is None:
        found, hand_in = written(tmp_path, *uploads)
        assert list(found) == ["a_b.ipynb"] and list(hand_in.left_out.values()) == ["two files have the same name."]
        return
    with pytest.raises(ArchiveError, match=message):
        written(tmp_path, *uploads)


def test_all_files_of_a_student_are_bounded_together(tmp_path, monkeypatch):
    monkeypatch.setattr(hand_ins, "MAX_SUM", 10)
    found, hand_in = written(tmp_path, upload("a.ipynb", bytes(6)), upload("b.ipynb", bytes(6)), upload("c.json", b"1"))
    assert list(found) == ["a.ipynb", "c.json"] and "larger than" in str(hand_in.left_out)
    monkeypatch.setattr(hand_ins, "MAX_MEMBERS", 1)
    hand_in = HandIn(ADA, [upload("a.ipynb"), upload("b.ipynb")])
    write_files(hand_in, tmp_path / "again", CLASS)
    assert "more than 1 files" in str(hand_in.left_out)


@pytest.mark.parametrize(
    ("known", "time", "remark"),
    [
        (dict(platform_time=DUE + DAY, claimed=DUE - DAY), DUE + DAY, ""),
        (dict(platform_time=DUE, claimed=DUE + DAY), DUE, "says 2027-02-02 12:00 UTC, and it was handed in before"),
        (dict(is_late=True, claimed=DUE + DAY), DUE + DAY, ""),
        (dict(is_late=True, claimed=DUE - DAY), DUE + timedelta(seconds=1), ", and its name says 2027-01-31"),
        (dict(is_late=True), DUE + timedelta(seconds=1), "late, as Canvas says; by how much nobody knows"),
        (dict(is_late=False, claimed=DUE - DAY), DUE - DAY, ""),
        (dict(is_late=False, claimed=DUE + DAY), DUE + DAY, "late by the time in its name, 2027-02-02 12:00 UTC"),
        (dict(is_late=False), DUE, "is not known"),
        (dict(claimed=DUE + 99 * DAY), DUE + 5 * DAY, ""),
        ({}, DUE, "is not known"),
    ],
)  # fmt: skip
def test_the_platforms_time_goes_before_that_of_the_students_machine(known, time, remark):
    hand_in = HandIn(ADA, [], **known)
    settle_time(hand_in, DUE + 5 * DAY, DUE, "Canvas")
    assert hand_in.time == time
    assert remark in "; ".join(hand_in.remarks) and bool(hand_in.remarks) == bool(remark)
    assert hand_in.is_time_known == ("not known" not in remark)


def test_without_a_due_date_the_archives_time_is_the_latest_possible():
    hand_in = HandIn(ADA, [], is_late=True)
    settle_time(hand_in, DUE, None, "Canvas")
    assert hand_in.time == DUE
