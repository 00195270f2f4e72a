"""What is known of a hand-in that was collected; how the newest is kept is test_collecting.py's."""

import os
from datetime import timedelta
from types import SimpleNamespace

import pytest

from convcourse.errors import UsageError
from convgrader.platforms.hand_ins import HandIn, digest_of
from convgrader.platforms.keeping import DRAFT, KeptHandIns, Record, read_record
from convgrader.platforms.roster import Student
from tests.convgrader.platforms.test_hand_ins import DUE


@pytest.fixture
def kept(tmp_path):
    directory = SimpleNamespace(
        submitted_directory="submitted",
        format_path=lambda step, student, assignment: os.path.join(tmp_path, step, student, assignment),
    )
    return KeptHandIns(directory, "pooling")


def test_a_record_that_cannot_be_read_is_none(tmp_path):
    for text in ("", "[", "[]", '{"platform": 1, "unheard": 2}'):
        (tmp_path / "hand_in.json").write_text(text)
        assert read_record(tmp_path / "hand_in.json") is None
    assert read_record(tmp_path / "nothing.json") is None


def test_a_record_of_other_files_than_lie_there_counts_for_nothing(kept):
    hand_in = HandIn(Student("ada"), [], time=DUE, digest="d")
    (draft := kept.draft("ada")).mkdir(parents=True)
    (draft / "pooling.ipynb").write_text("{}")
    kept.keep(hand_in, "new", "canvas", "a.zip", DUE)
    assert kept.record("ada") == Record(time=DUE.isoformat(), digest=kept.record("ada").digest), "d is not the digest"
    assert kept.record("bob") is None


def drafted(kept, text):
    """Put a hand-in of ada's together and return its digest."""
    (draft := kept.draft("ada")).mkdir(parents=True)
    (draft / "pooling.ipynb").write_text(text)
    return digest_of(draft)


def test_the_same_again_without_a_time_keeps_the_time_that_was_known(kept):
    kept.keep(HandIn(Student("ada"), [], time=DUE, digest=drafted(kept, "1")), "new", "canvas", "a.zip", DUE)
    again = HandIn(Student("ada"), [], time=DUE + timedelta(1), is_time_known=False, digest=drafted(kept, "1"))
    kept.keep(again, "unchanged", "canvas", "b.zip", DUE)
    assert kept.record("ada").time == DUE.isoformat() and kept.record("ada").archive == "b.zip"


def test_a_folder_whose_record_is_lost_is_not_written_into(kept):
    lost = kept.root / "ada" / "1"
    lost.mkdir(parents=True)
    kept.keep(HandIn(Student("ada"), [], time=DUE, digest=drafted(kept, "1")), "new", "canvas", "a.zip", DUE)
    kept.keep(HandIn(Student("ada"), [], time=DUE, digest=drafted(kept, "2")), "replaced", "canvas", "b.zip", DUE)
    assert list(lost.iterdir()) == [] and (kept.root / "ada" / "2" / "pooling.ipynb").read_text() == "1"


def test_what_was_put_together_goes_and_leaves_no_folders(kept):
    kept.draft("ada").mkdir(parents=True)
    kept.discard("ada")
    assert not kept.root.parent.exists()


def test_a_disk_that_takes_nothing_is_said_in_a_sentence(kept):
    kept.root.mkdir(parents=True)
    (kept.root / "ada").mkdir()
    with pytest.raises(UsageError, match=rf"cannot write .*{DRAFT}"):
        kept.keep(HandIn(Student("ada"), [], time=DUE), "new", "canvas", "a.zip", DUE)
