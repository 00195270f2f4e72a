"""The fingerprint of a submission changes with what was handed in, and follows no links."""

import os

from autograder.grading import files


def test_other_files_count_and_links_do_not(tmp_path):
    first = files.digest(tmp_path, b"notebook")
    (tmp_path / "weights.bin").write_bytes(b"1")
    second = files.digest(tmp_path, b"notebook")
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    assert files.digest(tmp_path, b"notebook") == second != first
    (tmp_path / "weights.bin").write_bytes(b"2")
    assert files.digest(tmp_path, b"notebook") not in (first, second)
