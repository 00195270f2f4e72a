"""nbgrader grades as the batch does, and all that it is told to use can be found."""

import contextlib
import importlib
import json
import os
import shutil
import sqlite3
import time

import pytest
from nbgrader.apps.api import NbGraderAPI
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from convgrader import lock
from convgrader.errors import DatabaseError
from convgrader.nbgrader_plugin import autograding, patches
from convgrader.nbgrader_plugin.autograding import SafeAutograde, use_convgrader
from convgrader.nbgrader_plugin.gradebook import GradebookWriter
from convgrader.sandbox.clock import GRACE
from tests.helpers.courses import ROOT, answer
from tests.helpers.grading_fixtures import FULL, copy_of

pytestmark = pytest.mark.slow


def test_every_name_in_the_configuration_exists():
    config = Config()
    use_convgrader(config, unconfined=True)
    names = [*config.HTMLExporter.filters.values(), config.GenerateFeedback.exporter_class]
    for name in [*names, config.ExportApp.plugin_class]:
        module, _, attribute = name.rpartition(".")
        assert getattr(importlib.import_module(module), attribute)
    assert config.GradeCells.unconfined is True


RUNS = """
from nbgrader.preprocessors import Execute

def run(*_):
    open({marker!r}, "w").close()
    raise ValueError("a notebook was run")

Execute.preprocess = run
"""


@pytest.mark.full
def test_nbgrader_itself_runs_nothing_of_a_student(course, released):
    """All that it would run goes by one class, which is broken here."""
    marker = course.root / "executed"
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write(RUNS.format(marker=str(marker)))
    course.submit("ada", released)
    handed_in = [f"{step}/ada/pooling/pooling.ipynb" for step in ("submitted", "autograded")]
    handed_in.append("downloaded/pooling/extracted/ada.ipynb")
    (course.root / handed_in[-1]).parent.mkdir(parents=True)
    shutil.copy(course.root / handed_in[0], course.root / handed_in[-1])
    for status, words in (
        (0, ["autograde", "pooling"]), (0, ["autograde", "pooling", "--force"]), (0, ["generate_feedback", "pooling"]),
        (0, ["export"]), *((1, ["validate", path]) for path in handed_in),
    ):  # fmt: skip
        done, output = course.nbgrader(*words)
        assert done == status and "Traceback" not in output and not marker.exists(), output
    assert "was handed in" in output
    course.nbgrader("validate", "release/pooling/pooling.ipynb")
    assert marker.exists(), "an instructor's notebook is run as ever"


def test_both_ways_say_the_same_of_every_accident(course, released, answers, in_process_pool, tmp_path):
    """Under another name, in a folder, of another assignment, nothing, no notebook: same scores, same pages."""
    right, helpers = answers
    full = json.dumps(answer(released, right, [helpers]))
    handed_in = {
        "ok": {"pooling.ipynb": full}, "renamed": {"pooling (1).ipynb": full}, "folder": {"mine/pooling.ipynb": full},
        "several": {"a.ipynb": full, "b.ipynb": json.dumps(answer(released, right))}, "empty": {},
        "other": {"pooling.ipynb": (ROOT / "exercises" / "shapes" / "shapes.ipynb").read_text()},
        "broken": {"pooling.ipynb": "{"}, "mark": {"pooling.ipynb": "\ufeff" + full},
    }  # fmt: skip
    for student, files in handed_in.items():
        folder = course.root / "submitted" / student / "pooling"
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    stock_course = copy_of(course, tmp_path / "theirs")
    summary = course.grade(pool=in_process_pool)
    status, output = stock_course.nbgrader("autograde", "pooling")
    assert {student for student, _, _ in summary.failures} == {"several", "empty", "other", "broken"} and status == 1
    assert {student for student, _, _ in summary.remarks} == {"renamed", "folder"}
    for student, _, reason in [*summary.failures, *summary.remarks]:
        assert reason in output and student in output
        assert reason in course.graded(student).cells[0].source
    totals = {student: course.total(student) for student in handed_in}
    assert totals == {**dict.fromkeys(handed_in, 0), **dict.fromkeys(("ok", "renamed", "folder", "mark"), FULL)}
    assert course.scores() == stock_course.scores()
    for student in handed_in:
        assert [c.source for c in course.graded(student).cells] == [
            c.source for c in stock_course.graded(student).cells
        ]


@pytest.mark.full
def test_it_is_refused_while_another_process_grades_or_releases_the_same(course, released):
    course.submit("ada", released)
    with lock.exclusive(CourseDirectory(root=str(course.root)), "pooling"):
        status, output = course.nbgrader("autograde", "pooling")
    assert status == 1 and "pooling is being graded or released already" in output and "Traceback" not in output
    assert course.nbgrader("autograde", "pooling")[0] == 0


@pytest.mark.full
def test_what_keeps_it_from_grading_is_a_sentence(course, released):
    course.submit("ada", released)
    course.submit("bob", released)
    for assignment, message in (("shapes", "has no assignment shapes"), ("pooling", "cannot use the database sqlite:")):
        with contextlib.closing(sqlite3.connect(course.root / "gradebook.db")) as other:
            other.execute("BEGIN EXCLUSIVE" if assignment == "pooling" else "SELECT 1")
            status, output = course.nbgrader("autograde", assignment)
        assert status == 1 and message in output and "Traceback" not in output
    (course.root / "autograded").write_text("no folder")
    status, output = course.nbgrader("autograde", "pooling")
    assert status == 1 and output.count("cannot write") == 1 and "Traceback" not in output, "and it goes no further"


@pytest.mark.parametrize("words", ["db student list", "db student add ada", "db assignment list"])
@pytest.mark.sample(1)
def test_every_command_names_a_database_that_somebody_holds(course, words):
    with contextlib.closing(sqlite3.connect(course.root / "gradebook.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        status, output = course.nbgrader(*words.split())
    assert status == 1 and "cannot use the database sqlite:" in output and "Traceback" not in output


@pytest.mark.parametrize("words", ["autograde pooling", "export", "db student list"])
@pytest.mark.sample(1)
def test_every_command_names_a_database_that_is_none(course, released, words):
    course.submit("ada", released)
    (course.root / "gradebook.db").write_text("the gradebook of another program, or half of one\n" * 100)
    status, output = course.nbgrader(*words.split())
    assert status == 1 and "cannot use the database sqlite:" in output and "Traceback" not in output


def test_a_submission_that_could_not_be_recorded_is_graded_again(course, released, zygote, monkeypatch, caplog):
    course.submit("ada", released)
    course.submit("bob", released)
    directory = CourseDirectory(root=str(course.root), course_id="test", db_url=course.url, assignment_id="pooling")
    monkeypatch.setattr(autograding, "warm_zygote", lambda is_confined: zygote)
    write, tried = GradebookWriter.write, []

    def fail(self, result, checks=""):
        tried.append(result.student)
        raise DatabaseError("cannot use the database")

    monkeypatch.setattr(GradebookWriter, "write", fail)
    with pytest.raises(NbGraderException, match="cannot use the database"):
        SafeAutograde(coursedir=directory).start()
    assert tried == ["ada"] and "Traceback" not in caplog.text
    monkeypatch.setattr(GradebookWriter, "write", write)
    SafeAutograde(coursedir=directory).start()
    assert {*course.scores()} == {"ada", "bob"}


JUNK = {
    "no time": "not a time", "long": "9" * 33 + "m", "end of time": "9999-12-31 23:59:59 -1200", "year 1": "0001-01-01",
    "zone": "2027-01-31 12:00:00 /etc/passwd", "offset": "2027-01-31 12:00:00 99999999999999999999", "nul": "\0",
    "bytes": b"\xff\xfe", "empty": "", "pipe": None,
}  # fmt: skip


def test_a_time_that_is_none_fails_nobody(course, released):
    """Whatever stands in timestamp.txt, both ways grade it and formgrader lists the class."""
    for number, junk in enumerate(JUNK.values()):
        stamp = course.submit(f"student-{number}", released) / "timestamp.txt"
        os.mkfifo(stamp) if junk is None else stamp.write_bytes(junk if isinstance(junk, bytes) else junk.encode())
    status, output = course.nbgrader("autograde", "pooling")
    assert status == 0, output
    assert not course.grade().failures
    patches.read_bounded_timestamps()
    directory = CourseDirectory(root=str(course.root), course_id="test", db_url=course.url)
    listed = NbGraderAPI(directory, timezone="Asia/Tokyo").get_submissions("pooling")
    assert {about["student"] for about in listed} == {f"student-{number}" for number in range(len(JUNK))}
    assert all(about["autograded"] for about in listed)


def test_the_time_of_a_submission_is_bounded_in_nbgraders_own_process_too(course, released, answers):
    right, helpers = answers
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write("c.GradeCells.cell_seconds = 2\nc.GradeCells.notebook_seconds = 6\n")
    deaf = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\nwhile True:\n    pass"
    course.submit("honest", answer(released, right, [helpers]))
    course.submit("worst", answer(released, right, [helpers, *[deaf] * 20]))
    taken = {}
    for student in ("honest", "worst"):
        start = time.monotonic()
        status, output = course.nbgrader("autograde", "pooling", "--student", student)
        taken[student] = time.monotonic() - start
        assert status == 0, output
    assert course.total("honest") == FULL and course.total("worst") == 0
    assert taken["worst"] < taken["honest"] + 6 + GRACE + 3
