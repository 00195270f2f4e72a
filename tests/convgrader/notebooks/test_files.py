"""Files that were handed in are read and copied in bounds, and no link is followed."""

import hashlib
import os

import pytest

from convgrader.notebooks import files


def test_notebooks_are_found_wherever_they_lie_and_all_of_them_count(tmp_path):
    names = ("pooling.ipynb", "my work/pooling (1).ipynb", ".ipynb_checkpoints/pooling.ipynb", "__MACOSX/x.ipynb")
    digests = set()
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
        digests.add(files.digest(tmp_path, ["pooling"]))
    (tmp_path / "link.ipynb").symlink_to("pooling.ipynb")
    assert files.notebooks(tmp_path) == ["pooling.ipynb", "my work/pooling (1).ipynb"]
    assert len(digests) == 2


def test_a_notebook_alone_counts_as_earlier_versions_counted_it(tmp_path):
    """Records of a gradebook hold such digests: what has not changed is to stay so through an upgrade."""
    (tmp_path / "pooling.ipynb").write_text("notebook")
    (tmp_path / "notes.txt").write_text("mine")
    mine = hashlib.sha256(b"mine").digest()
    assert files.digest(tmp_path, ["pooling"]) == hashlib.sha256(b"notebook" + b"notes.txt" + mine).hexdigest()


@pytest.mark.parametrize("name", ["pooling", "second"])
def test_an_assignments_own_notebooks_count_however_many_others_there_are(tmp_path, name):
    for number in range(files.MAX_NOTEBOOKS + 5):
        (tmp_path / f"a{number}.ipynb").write_text("another")
    digests = {files.digest(tmp_path, ["pooling", "second"])}
    for text in ("first", "second"):
        (tmp_path / f"{name}.ipynb").write_text(text)
        digests.add(files.digest(tmp_path, ["pooling", "second"]))
    assert len(digests) == 3


def test_other_files_count_and_links_do_not(tmp_path):
    first = files.digest(tmp_path, ["pooling"])
    (tmp_path / "weights.bin").write_bytes(b"1")
    second = files.digest(tmp_path, ["pooling"])
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    assert files.digest(tmp_path, ["pooling"]) == second != first
    (tmp_path / "weights.bin").write_bytes(b"2")
    assert files.digest(tmp_path, ["pooling"]) not in (first, second)


def test_what_is_too_much_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILES", 5)
    for number in range(9):
        (tmp_path / f"{number}.txt").write_text("x" * number)
    assert [inside for inside, _ in files.attached_files(tmp_path)] == ["0.txt", "1.txt", "2.txt", "3.txt", "4.txt"]
    assert [inside for inside, _ in files.attached_files(tmp_path, max_bytes=4)] == ["0.txt", "1.txt", "2.txt"]


def test_odd_folders_are_copied_as_far_as_they_go(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "pooling.ipynb").mkdir(parents=True)
    (source / "pooling.ipynb" / "data.txt").write_text("no notebook")
    (source / "data").mkdir()
    (source / "data" / "mine.txt").write_text("mine")
    (source / "notes").write_text("a file where the instructor has a folder")
    (target / "notes").mkdir(parents=True)
    (target / "data").write_text("the instructor's")
    deep = source
    for _ in range(12):
        deep = deep / ("d" * 200)
        deep.mkdir()
    (deep / "x").write_text("too deep")
    (source / "kept.txt").write_text("kept")
    files.copy_files(source, target)
    assert sorted(path.name for path in target.iterdir()) == ["data", "kept.txt", "notes"]
    assert (target / "data").read_text() == "the instructor's"


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("/etc/passwd", path)])
def test_what_is_no_file_is_not_read(make, tmp_path):
    make(tmp_path / "pooling.ipynb")
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    with pytest.raises(OSError, match="The notebook"):
        files.read_regular(tmp_path / "pooling.ipynb")
    assert not before or len(os.listdir("/proc/self/fd")) == before


def test_what_cannot_be_opened_is_left_out(tmp_path, monkeypatch):
    gone = [("gone.txt", str(tmp_path / "gone.txt"))]  # root may read all
    monkeypatch.setattr(files, "attached_files", lambda *_: gone)
    files.copy_files(tmp_path, tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_time_is_read_up_to_its_bound_and_from_files_alone(tmp_path):
    stamp = tmp_path / "timestamp.txt"
    assert files.timestamp(tmp_path) == ""
    stamp.write_text(" 2027-01-31 12:00:00 UTC\n")
    assert files.timestamp(tmp_path) == "2027-01-31 12:00:00 UTC"
    stamp.write_bytes(b"\xff")
    assert files.timestamp(tmp_path) == ""
    stamp.write_text("9" * 1000)
    assert len(files.timestamp(tmp_path)) <= 100
    stamp.unlink()
    os.mkfifo(stamp)
    assert files.timestamp(tmp_path) == ""
    stamp.unlink()
    stamp.symlink_to("/etc/hostname")
    assert files.timestamp(tmp_path) == ""


def test_a_graded_copy_takes_the_place_of_the_one_before(tmp_path):
    for name in ("ada", "bob"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.ipynb").write_text(name)
        (tmp_path / name / f"{name}.ipynb").chmod(0o444)
    files.copy_graded(tmp_path / "ada", tmp_path / "bob")
    files.copy_graded(tmp_path / "ada", tmp_path / "eve")
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.ipynb")) == [
        "ada/ada.ipynb", "bob/ada.ipynb", "eve/ada.ipynb",
    ]  # fmt: skip
    assert (tmp_path / "eve" / "ada.ipynb").stat().st_mode & 0o777 == 0o444
