"""Collecting what was downloaded: a bad archive costs itself, and nobody hands in for somebody else."""

import contextlib
import io
import os
import sqlite3
import subprocess
import sys
import zipfile
from datetime import UTC, datetime

import pytest
from jinja2 import Environment
from nbgrader.server_extensions.formgrader import formgrader, handlers

from convcourse import student_ids
from convgrader.errors import ArchiveError
from convgrader.nbgrader_plugin import collecting, patches
from convgrader.nbgrader_plugin.gradebook import time_of
from convgrader.notebooks import archives
from tools.small_course import SmallCourse, environment

pytestmark = pytest.mark.slow

THEN = "20270131T120000Z"
LATER = "20270201T120000Z"
NOTEBOOK = b'{"cells": []}'


def zipped(members, **options):
    """Return the bytes of an archive; a member is bytes, or a ZipInfo with bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def named(student, stamp=THEN, file="pooling.ipynb"):
    return f"{student}__{stamp}__{file}"


def honest(student, stamp=THEN, data=NOTEBOOK):
    return zipped({named(student, stamp): data})


def link():
    info = zipfile.ZipInfo(named("eve"))
    info.external_attr = 0o120777 << 16
    return zipped({info: b"/etc/passwd"})


def locked():
    data = bytearray(honest("eve"))
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    return bytes(data)


def talkative():
    """Describe a few files at length: the list is read before the files."""
    members = [zipfile.ZipInfo(f"{number}.json") for number in range(10)]
    for member in members:
        member.comment = bytes(60_000)
    return zipped(dict.fromkeys(members, b""))


def lying():
    """Say that a file is shorter than it is."""
    data = bytearray(zipped({named("eve"): bytes(archives.MAX_MEMBER + 1)}))
    at = data.index(b"PK\1\2") + 24
    data[at : at + 4] = (100).to_bytes(4, "little")
    return bytes(data)


def zip64():
    data = honest("eve")
    at = data.index(b"PK\5\6")
    return data[:at] + b"PK\6\7" + bytes(16) + data[at:]


ONE = named("eve")
BAD = {  # name of the archive -> (its bytes, what is said of it)
    "month 13": ("eve__20271301T120000Z__pooling.zip", honest("eve"), "no such time"),
    "no zip": (named("eve", file="pooling.zip"), b"hello", "no zip archive"),
    "cut off": (named("eve", file="pooling.zip"), honest("eve")[:-30], "cut off"),
    "damaged": (named("eve", file="pooling.zip"), honest("eve").replace(b"\xab", b"\xba"), "damaged|cannot|no zip"),
    "a password": (named("eve", file="pooling.zip"), locked(), "password"),
    "a file and one below it": (
        named("eve", file="pooling.zip"), zipped({ONE: NOTEBOOK, f"{ONE}/{ONE}": NOTEBOOK}), "same name",
    ),
    "a way out": (named("eve", file="pooling.zip"), zipped({f"../{ONE}": NOTEBOOK}), "leads out"),
    "an absolute path": (named("eve", file="pooling.zip"), zipped({f"/tmp/{ONE}": NOTEBOOK}), "leads out"),
    "a link": (named("eve", file="pooling.zip"), link(), "not a file"),
    "an archive in it": (named("eve", file="pooling.zip"), zipped({"all.zip": honest("ada")}), "archive in it"),
    "many files": (named("eve", file="pooling.zip"), zipped({f"{n}.json": b"" for n in range(50)}), "more than"),
    "very many files": (named("eve", file="pooling.zip"), zipped({f"{n}": b"" for n in range(9000)}), "more than"),
    "a long list": (named("eve", file="pooling.zip"), talkative(), "more than"),
    "64-bit sizes": (named("eve", file="pooling.zip"), zip64(), "no zip archive"),
    "a large file": (named("eve", file="pooling.zip"), zipped({ONE: bytes(33 << 20)}), "larger than 32 MB"),
    "large together": (
        named("eve", file="pooling.zip"),
        zipped({named("eve", file=f"{name}.json"): bytes(30 << 20) for name in "abc"}), "larger than 64 MB",
    ),
    "longer than it says": (named("eve", file="pooling.zip"), lying(), "damaged|larger than it says"),
    "nothing in it": (named("eve", file="pooling.zip"), zipped({}), "nothing in it"),
    "no name": ("pooling.zip", honest("eve"), "STUDENT__TIME__FILE"),
    "another kind": (named("eve", file="pooling.tar"), b"", "neither a zip archive"),
}  # fmt: skip


@pytest.fixture
def downloaded(tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    return folder


def collect(downloaded, tmp_path):
    """Return ({student: {file: (bytes, time)}}, what was left out)."""
    extractor, collector = collecting.ArchiveExtractor(), collecting.ArchiveCollector()
    extracted = tmp_path / "extracted"
    extractor.extract(str(downloaded), str(extracted))
    collected = {}
    for path in sorted(path for path in extracted.rglob("*") if path.is_file()):
        about = collector.collect(str(path))
        collected.setdefault(about["student_id"], {})[about["file_id"]] = path.read_bytes(), about["timestamp"]
    return collected, extractor.left_out


def put(folder, name, data, stamp="2027-03-01"):
    (folder / name).write_bytes(data)
    seconds = datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp()
    os.utime(folder / name, (seconds, seconds))


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_archive_costs_itself_alone(downloaded, tmp_path, bad):
    name, data, message = BAD[bad]
    put(downloaded, name, data)
    put(downloaded, named("zoe", file="pooling.zip"), honest("zoe"))
    collected, left_out = collect(downloaded, tmp_path)
    assert collected == {"zoe": {"pooling.ipynb": (NOTEBOOK, "2027-01-31T12:00:00+00:00")}}
    ((path, reason),) = left_out.items()
    assert name in path and any(part in reason for part in message.split("|")), reason
    assert reason.endswith(".") and not reason.endswith("..")


def test_nobody_hands_in_for_another(downloaded, tmp_path):
    put(downloaded, named("bob", file="pooling.zip"), honest("bob", data=b"bob's own"))
    members = {named("eve"): b"eve's own", named("bob", LATER): b"forged"}
    put(downloaded, named("eve", file="pooling.zip"), zipped(members))
    collected, left_out = collect(downloaded, tmp_path)
    assert collected["bob"]["pooling.ipynb"][0] == b"bob's own"
    assert collected["eve"] == {"pooling.ipynb": (b"eve's own", "2027-01-31T12:00:00+00:00")}
    assert "named as bob's, in an archive of eve" in str(left_out)


def test_the_newest_is_taken_whole_and_no_time_lies_in_the_future(downloaded, tmp_path):
    first = zipped({named("ada"): b"old", named("ada", file="digits.json"): b"{}"})
    put(downloaded, named("ada", file="pooling.zip"), first, "2027-01-31")
    put(downloaded, named("ada", "20991231T000000Z", "pooling.zip"), honest("ada", "20991231T000000Z"), "2027-02-02")
    collected, left_out = collect(downloaded, tmp_path)
    assert collected == {"ada": {"pooling.ipynb": (NOTEBOOK, "2027-02-02T00:00:00+00:00")}} and not left_out


def test_single_files_and_what_a_platform_puts_before_a_name(downloaded, tmp_path):
    put(downloaded, named("ada"), NOTEBOOK)
    put(downloaded, named("ada", file="digits.log.json"), b"{}")
    put(downloaded, f"Bob B_4711_assignsubmission_file_{named('bob', file='pooling.zip')}", honest("bob"))
    extra = {f"__MACOSX/._{named('cy')}": b"", ".DS_Store": b"", f"work/{named('cy')}": NOTEBOOK}
    put(downloaded, named("cy", file="pooling.zip"), zipped(extra))
    collected, left_out = collect(downloaded, tmp_path)
    assert not left_out
    assert {student: set(files) for student, files in collected.items()} == {
        "ada": {"pooling.ipynb", "digits.log.json"}, "bob": {"pooling.ipynb"}, "cy": {"pooling.ipynb"},
    }  # fmt: skip


@pytest.mark.parametrize("name", ["o'neil", "o\u2019neil", "renée", "rene\u0301e", "x@neil", "a+neil"])
def test_half_of_a_name_is_nobodys(downloaded, tmp_path, name):
    """What o'neil hands in is not neil's."""
    put(downloaded, named(name, file="pooling.zip"), honest("neil"))
    collected, left_out = collect(downloaded, tmp_path)
    assert not collected and all("STUDENT__TIME__FILE" in reason for reason in left_out.values()) and left_out


def test_what_is_named_as_nobodys_is_of_whoever_handed_the_archive_in(downloaded, tmp_path):
    """A student packs a folder by hand: the notebook is found by what it holds when it is graded."""
    members = {
        "work/pooling (1).ipynb": NOTEBOOK, "work/.ipynb_checkpoints/pooling-checkpoint.ipynb": b"old",
        "my.final__20270131T120000Z.IPYNB": NOTEBOOK, "digits.log.json": b"{}", "digits.safetensors": b"",
    }  # fmt: skip
    put(downloaded, named("ada", file="pooling.zip"), zipped({**members, "notes.txt": b"mine", " .ipynb": NOTEBOOK}))
    collected, left_out = collect(downloaded, tmp_path)
    names = {"pooling_1.ipynb", "my_final_20270131T120000Z.ipynb", "digits.log.json", "digits.safetensors"}
    assert set(collected) == {"ada"} and set(collected["ada"]) == names
    assert [path.rpartition(", ")[2] for path in left_out] == ["notes.txt", " .ipynb"]
    put(downloaded, named("bob", file="pooling.zip"), zipped({"a b.ipynb": NOTEBOOK, "a-b.ipynb": NOTEBOOK}))
    collected, left_out = collect(downloaded, tmp_path / "again")
    assert set(collected) == {"ada"} and any("same name" in reason for reason in left_out.values())


def test_a_name_that_no_disk_would_take_costs_that_file_alone(downloaded, tmp_path):
    members = {named("eve", file=f"{'卷' * 150}.ipynb"): NOTEBOOK, named("eve"): NOTEBOOK}
    put(downloaded, named("eve", file="pooling.zip"), zipped(members))
    collected, left_out = collect(downloaded, tmp_path)
    assert set(collected["eve"]) == {"pooling.ipynb"} and "its name is too long" in str(left_out)


def test_links_and_folders_among_the_downloads_are_not_followed(downloaded, tmp_path):
    secret = tmp_path / named("ada")
    secret.write_bytes(NOTEBOOK)
    (downloaded / named("ada")).symlink_to(secret)
    collected, left_out = collect(downloaded, tmp_path)
    assert collected == {} and "not a file" in str(left_out)


def test_memory_stays_flat(tmp_path):
    """An archive of 60 MB, packed into 60 KB, is taken apart in less than 40 MB."""
    folder = tmp_path / "archive"
    folder.mkdir()
    members = {named("eve", file=f"{name}.json"): bytes(30 << 20) for name in "ab"}
    put(folder, named("eve", file="pooling.zip"), zipped(members))
    code = (
        "import resource, sys; from convgrader.nbgrader_plugin import collecting as c\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"c.ArchiveExtractor().extract({str(folder)!r}, {str(tmp_path / 'out')!r})\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    kilobytes = int(done.stdout)
    assert kilobytes < 40_000 and sum(f.stat().st_size for f in (tmp_path / "out").rglob("*.json")) == 60 << 20


def course_with_our_collector(root):
    course = SmallCourse(root)
    with open(course.root / "nbgrader_config.py", "a") as config:
        config.write("from convgrader.nbgrader_plugin.collecting import use_collector\nuse_collector(c)\n")
    return course


@pytest.mark.full
def test_the_command_collects_the_rest_and_says_so(tmp_path):
    course = course_with_our_collector(tmp_path / "course")
    folder = course.root / "downloaded" / "pooling" / "archive"
    folder.mkdir(parents=True)
    put(folder, named("zoe", file="pooling.zip"), honest("zoe"))
    command = [sys.executable, "-m", "nbgrader", "zip_collect", "pooling", "--force"]
    run = lambda: subprocess.run(command, cwd=course.root, capture_output=True, text=True, env=environment())  # noqa: E731
    assert run().returncode == 0
    put(folder, named("eve", file="pooling.zip"), b"hello")
    done = run()
    assert done.returncode == 1 and "eve__" in done.stderr and "cut off" in done.stderr
    assert [path.name for path in (course.root / "submitted").iterdir()] == ["zoe"]
    stamp = (course.root / "submitted" / "zoe" / "pooling" / "timestamp.txt").read_text()
    assert stamp == "2027-01-31 12:00:00+00:00" and time_of(stamp) == datetime(2027, 1, 31, 12)  # noqa: DTZ001 (nbgrader's times have no zone)


@pytest.mark.full
def test_whoever_the_gradebook_does_not_know_is_named(tmp_path):
    """A slip in a name would make one student two; where nobody was entered, there is nobody to compare with."""
    course = course_with_our_collector(tmp_path / "course")
    folder = course.root / "downloaded" / "pooling" / "archive"
    folder.mkdir(parents=True)
    for student in ("ada", "adda"):
        put(folder, named(student, file="pooling.zip"), honest(student))
    assert "Not in the gradebook" not in course.nbgrader("zip_collect", "pooling", "--force")[1]
    course.nbgrader("db", "student", "add", "ada")
    status, output = course.nbgrader("zip_collect", "pooling", "--force")
    assert status == 0 and "Not in the gradebook: adda. " in output
    with contextlib.closing(sqlite3.connect(course.root / "gradebook.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        status, output = course.nbgrader("zip_collect", "pooling", "--force")
    assert status == 1 and "cannot use the database sqlite:" in output and "Traceback" not in output


def test_a_name_that_says_nothing_is_refused():
    with pytest.raises(ArchiveError, match="STUDENT__TIME__FILE"):
        collecting.Identity.of("a" * 500 + named("ada"))


@pytest.mark.full
def test_an_import_tells_whose_hand_ins_will_not_be_taken(tmp_path):
    """The same rule as `autograder submit` has: all are entered, and those who cannot hand in are listed."""
    course = course_with_our_collector(tmp_path / "course")
    (course.root / "students.csv").write_text(
        "id,last_name\nada,Lovelace\no_neil,O'Neil\nanna lee,Lee\nb@school.example,B\n"
    )

    def run(*words):
        command = [sys.executable, "-m", "nbgrader", "db", "student", *words]
        return subprocess.run(command, cwd=course.root, capture_output=True, text=True, env=environment(), timeout=200)

    assert run("add", "ada").returncode == 0
    result = run("import", "students.csv")
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert all(f"  {name!r}" in result.stderr for name in ("o_neil", "anna lee", "b@school.example"))
    assert "  'ada'" not in result.stderr and student_ids.RULE in result.stderr
    assert "o_neil" in run("list").stdout + run("list").stderr


def test_formgraders_page_tells_the_rule_where_students_are_added(monkeypatch):
    monkeypatch.setattr(formgrader, "FileSystemLoader", formgrader.FileSystemLoader)
    patches.show_student_id_rule()
    pages = Environment(loader=formgrader.FileSystemLoader([handlers.template_path]))
    page = pages.get_template("manage_students.tpl").render(base_url="")
    assert student_ids.RULE in page and page.index(student_ids.RULE) < page.index("Add new student")
    assert student_ids.RULE not in pages.get_template("manage_assignments.tpl").render(base_url="", windows=False)
