"""What a platform hands over is read file by file: what leads out of it, is locked or is no file costs itself alone.

What students pack themselves is tried through `nbgrader zip_collect`, in
tests/convgrader/nbgrader_plugin/test_collecting.py.
"""

import zipfile
from datetime import UTC, datetime

import pytest

from convgrader.errors import ArchiveError
from convgrader.notebooks import archives
from convgrader.notebooks.archives import stored_files


def archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def content(path):
    with stored_files(path) as (files, left_out):
        return {file.name: b"".join(file.blocks()) for file in files}, left_out


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


def test_a_bad_file_in_an_archive_costs_itself_alone(tmp_path):
    members = {
        "ada/pooling.ipynb": b"ada", "../eve.ipynb": b"", "/tmp/eve.ipynb": b"", "a\\eve.ipynb": b"",
        f"{'x' * 300}.ipynb": b"", link("eve/link.ipynb"): b"/etc/passwd", "eve/large.ipynb": bytes(33 << 20),
        "__MACOSX/ada/._pooling.ipynb": b"", "ada/.DS_Store": b"", "ada/.ipynb_checkpoints/pooling.ipynb": b"",
    }  # fmt: skip
    found, left_out = content(archive(tmp_path / "all.zip", members))
    assert found == {"ada/pooling.ipynb": b"ada"}
    assert len(left_out) == 6 and all(reason.endswith(".") and " in it" not in reason for reason in left_out.values())
    assert left_out["../eve.ipynb"] == "a name leads out of it."


def test_a_folder_is_read_like_the_archive_that_it_came_from_and_no_link_is_followed(tmp_path):
    folder = tmp_path / "all"
    (folder / "ada").mkdir(parents=True)
    (folder / "ada" / "pooling.ipynb").write_bytes(b"ada")
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "ada" / "link.ipynb").symlink_to(tmp_path / "secret")
    (folder / "elsewhere").symlink_to(tmp_path)
    found, left_out = content(folder)
    assert found == {"ada/pooling.ipynb": b"ada"} and left_out == {"ada/link.ipynb": "it is not a file."}


def test_what_is_no_archive_is_said_in_a_sentence(tmp_path):
    path = tmp_path / "all.zip"
    for data in (b"", b"hello", archive(tmp_path / "whole.zip", {"a": b"b" * 999}).read_bytes()[:-30]):
        path.write_bytes(data)
        with pytest.raises(ArchiveError, match="no zip archive, or was cut off"):
            content(path)
    with pytest.raises(ArchiveError, match="no such file"):
        content(tmp_path / "nothing.zip")


def test_the_files_of_a_class_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_FILES", 2)
    (tmp_path / "all").mkdir()
    for name in "abc":
        (tmp_path / "all" / name).write_bytes(b"")
    for path in (tmp_path / "all", archive(tmp_path / "all.zip", dict.fromkeys("abc", b""))):
        with pytest.raises(ArchiveError, match="more than 2 files"):
            content(path)


def test_a_file_that_cannot_be_unpacked_says_so(tmp_path):
    path = archive(tmp_path / "all.zip", {"ada.ipynb": bytes(range(256)) * 40})
    data = bytearray(path.read_bytes())
    data[60:90] = bytes(30)
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="damaged"):
        content(path)


def test_times_that_are_none_are_unknown(tmp_path):
    info = zipfile.ZipInfo("ada.ipynb", (2026, 11, 3, 21, 4, 6))
    never = zipfile.ZipInfo("bob.ipynb", (2026, 1, 1, 0, 0, 0))
    path = archive(tmp_path / "all.zip", {info: b"", never: b""})
    path.write_bytes(path.read_bytes().replace(b"\x21\x5c", b"\x00\x5c"))  # the day 0 of January
    with stored_files(path) as (files, _):
        times = [file.time for file in files]
    assert times == [datetime(2026, 11, 3, 21, 4, 6).astimezone(UTC), None]
