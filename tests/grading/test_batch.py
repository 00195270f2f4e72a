"""The batch writes what nbgrader would write, survives being killed anywhere, and names what it cannot write."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import psutil
import pytest
from grading.courses import CONFINES, GRADE, answer
from grading.fixtures import copy_of
from rich.console import Console

from autograder.cli import Complaint
from autograder.grading import batch, confine, pool
from autograder.grading.confine import Limits
from autograder.grading.examiner import Session
from autograder.grading.results import Budget
from autograder.grading.template import Template, refuse_if_impossible

FULL = 48.0
BUDGET = Budget(cell=3, notebook=30)
OWN = "submitted_notebook n ON n.id = x.notebook_id JOIN submitted_assignment s ON s.id = n.assignment_id"
CELL = "JOIN base_cell b ON b.id = x.cell_id ORDER BY 1, 2"
TABLES = {
    "grade": "SELECT s.student_id, b.name, x.auto_score, x.manual_score, x.needs_manual_grade, x.extra_credit "
    f"FROM grade x JOIN {OWN} {CELL}",
    "comment": f"SELECT s.student_id, b.name, x.auto_comment, x.manual_comment FROM comment x JOIN {OWN} {CELL}",
    "submission": "SELECT student_id, timestamp, extension FROM submitted_assignment ORDER BY 1",
    "notebook": "SELECT s.student_id, n.flagged, n.late_submission_penalty FROM submitted_notebook n "
    "JOIN submitted_assignment s ON n.assignment_id = s.id ORDER BY 1",
}


def variants(released, answers):
    """Return honest submissions of several kinds."""
    right, helpers = answers
    half = {name: source for name, source in right.items() if name < "claim"}
    wrong = {**right, "max_pool2d": "def max_pool2d(x, *a, **k):\n    return x", "written-pooling": "What stays."}
    return {
        "all": answer(released, {**right, "written-pooling": "It keeps what, not where."}, [helpers]),
        "half": answer(released, half, [helpers]),
        "none": released,
        "wrong": answer(released, wrong, [helpers]),
        "fails": answer(released, {**right, "avg_pool2d": "raise ValueError('no')"}, [helpers]),
    }


@pytest.fixture
def handed_in(course, released, answers):
    """A course with a few submissions, one of them late."""
    for student, nb in variants(released, answers).items():
        folder = course.submit(student, nb)
        (folder / "timestamp.txt").write_text("2030-01-02 03:04:05 UTC")
        (folder / "notes.txt").write_text("mine")
    return course


def rows(course, table):
    return course.query(TABLES[table])


def test_it_leaves_the_same_rows_and_files_as_nbgrader(handed_in, tmp_path):
    with_plugin = copy_of(handed_in, tmp_path / "plugin")
    stock = copy_of(handed_in, tmp_path / "stock", plugin=False)
    assert not handed_in.grade(workers=2).failures
    for other in (with_plugin, stock):
        code, log = other.nbgrader("autograde", "pooling")
        assert code == 0, log
        for table in TABLES:
            assert rows(handed_in, table) == rows(other, table), table
        for student in ("all", "half", "none", "wrong", "fails"):
            ours, theirs = (c.root / "autograded" / student / "pooling" for c in (handed_in, other))
            assert sorted(os.listdir(ours)) == sorted(set(os.listdir(theirs)) - {".hypothesis"})
            assert (ours / "pooling.ipynb").stat().st_mode == (theirs / "pooling.ipynb").stat().st_mode
    assert handed_in.total("all") == FULL and handed_in.total("none") == 0


def test_marks_and_comments_by_hand_survive_a_regrade(handed_in, here):
    handed_in.grade(pool=here, students=["all", "wrong"])
    seeds = handed_in.query("SELECT seed FROM autograder_seed")
    before = handed_in.scores()
    handed_in.query("UPDATE grade SET manual_score = 1.5, needs_manual_grade = 0 WHERE auto_score IS NULL")
    handed_in.query("UPDATE grade SET extra_credit = 2 WHERE auto_score = 8")
    handed_in.query("UPDATE comment SET manual_comment = 'well said'")
    handed_in.grade(pool=here, students=["all", "wrong"])
    assert handed_in.scores() == before and handed_in.query("SELECT seed FROM autograder_seed") == seeds
    assert handed_in.query("SELECT count(*) FROM grade WHERE manual_score = 1.5 AND needs_manual_grade = 1") == [(2,)]
    assert handed_in.query("SELECT count(*) FROM grade WHERE extra_credit = 2") == [(1,)]
    assert {c for (c,) in handed_in.query("SELECT manual_comment FROM comment")} == {"well said"}


def test_late_penalties_are_nbgraders(handed_in, here, monkeypatch):
    (handed_in.root / "late.py").write_text(
        "from nbgrader.plugins import BasePlugin\n"
        "class OnePoint(BasePlugin):\n"
        "    def late_submission_penalty(self, student_id, score, seconds):\n"
        "        return min(1.0, score)\n"
    )
    with (handed_in.root / "nbgrader_config.py").open("a") as config:
        config.write("c.AssignLatePenalties.plugin_class = 'late.OnePoint'\n")
    monkeypatch.syspath_prepend(str(handed_in.root))
    handed_in.query("UPDATE assignment SET duedate = '2030-01-01 00:00:00.000000'")
    handed_in.grade(pool=here, students=["all", "none"])
    assert rows(handed_in, "notebook") == [("all", 0, 1.0), ("none", 0, 0.0)]


def test_odd_files_stop_nobody_but_their_own(handed_in, here, released):
    (handed_in.submit("time", released) / "timestamp.txt").write_text("9" * 33 + "m")
    folder = handed_in.root / "submitted" / "folder" / "pooling" / "pooling.ipynb"
    folder.mkdir(parents=True)
    (folder / "data.txt").write_text("no notebook")
    deep = handed_in.submit("deep", released)
    for _ in range(15):
        deep = deep / ("d" * 240)
        deep.mkdir()
    summary = handed_in.grade(pool=here, students=["time", "folder", "deep", "all"])
    assert {student for student, _, _ in summary.failures} == {"folder"} and handed_in.total("all") == FULL


@pytest.mark.parametrize("command", ["autograder", "nbgrader"])
def test_links_and_pipes_are_not_followed(course, released, answers, command):
    right, helpers = answers
    course.submit("alice", answer(released, right, [helpers]))
    eve = course.submit("eve", released)
    (eve / "book.db").symlink_to("../../../gradebook.db")
    (eve / "notes.txt").write_text("mine")
    for student, make in (
        ("mallory", lambda path: path.symlink_to("../../alice/pooling/pooling.ipynb")),
        ("pia", os.mkfifo),
    ):
        (course.root / "submitted" / student / "pooling").mkdir(parents=True)
        make(course.root / "submitted" / student / "pooling" / "pooling.ipynb")
    if command == "nbgrader":
        course.nbgrader("autograde", "pooling")
        course.nbgrader("generate_feedback", "pooling")
        assert "book.db" not in os.listdir(course.root / "feedback" / "eve" / "pooling")
    else:
        course.grade()
    assert course.total("alice") == FULL and course.total("mallory") == course.total("pia") == 0
    assert sorted(os.listdir(course.root / "autograded" / "eve" / "pooling")) == ["notes.txt", "pooling.ipynb"]


@pytest.mark.parametrize("command", ["autograder", "nbgrader"])
def test_verdicts_link_to_the_site_that_the_configuration_names(course, released, command):
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write("c.Examine.site = 'https://school.example/convnets'\n")
    course.submit("eve", released)
    if command == "nbgrader":
        assert course.nbgrader("autograde", "pooling")[0] == 0
    else:
        subprocess.run([*GRADE, "--workers", "1"], cwd=course.root, capture_output=True, check=True)
    shown = json.dumps([cell.get("outputs") for cell in course.graded("eve").cells])
    assert "https://school.example/convnets/book/pooling.html#pooling-max" in shown


def test_an_assignment_that_was_not_handed_in_earns_nothing(course, here):
    (course.root / "submitted" / "dora" / "pooling").mkdir(parents=True)
    summary = course.grade(pool=here)
    assert course.total("dora") == 0 and summary.students[0][4] == "nothing was handed in"


def test_the_command_prints_json_and_says_by_its_status_whether_all_were_graded(handed_in):
    handed_in.submit("broken", "{")
    command = [*GRADE, "--json", "--workers", "1"]
    found = subprocess.run([*command, "--students", "none"], cwd=handed_in.root, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["graded"] == 1
    found = subprocess.run(
        [*command, "--students", "none", "broken"], cwd=handed_in.root, capture_output=True, text=True
    )
    said = json.loads(found.stdout)
    assert found.returncode == 1 and said["failed"] == 1
    assert "not a notebook" in next(s["reason"] for s in said["submissions"] if s["student"] == "broken")
    found = subprocess.run([*command, "--students", "nobody"], cwd=handed_in.root, capture_output=True, text=True)
    assert found.returncode == 2 and "nobody" in found.stderr


@pytest.mark.parametrize("count, says", [(1, "1 submission graded before"), (2, "2 submissions graded before")])
def test_where_all_were_graded_before_no_empty_table_is_shown(count, says, capsys):
    batch.Summary(SimpleNamespace(name="pooling", sources={}), count).print(Console())
    assert capsys.readouterr().out == f"{says} and not changed since: left out.\n"


def test_it_refuses_what_it_cannot_do(handed_in, here, monkeypatch):
    with pytest.raises(Complaint, match="no assignment unknown"):
        handed_in.grade("unknown", pool=here)
    refuse_if_impossible.cache_clear()
    monkeypatch.setattr(confine, "why_not", lambda: "Confinement needs Linux; this is elsewhere.")
    with pytest.raises(Complaint, match="--unconfined"):
        handed_in.grade(workers=1, confined=True)
    refuse_if_impossible.cache_clear()


def test_without_confinement_it_gives_the_same_scores(handed_in, here, tmp_path):
    other = copy_of(handed_in, tmp_path / "other")
    handed_in.grade(pool=here)
    other.grade(workers=1, confined=False)
    assert other.scores() == handed_in.scores()


def test_a_second_batch_waits_for_the_first(handed_in, here):
    os.chdir(handed_in.root)
    with batch._alone(batch.Course.here(), "pooling"), pytest.raises(Complaint, match="being graded already"):
        handed_in.grade(pool=here)


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="needs Linux, and root to mount")
def test_a_full_disk_and_a_read_only_folder_are_named(handed_in, here):
    graded = handed_in.root / "autograded"
    graded.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(graded)], check=True)
    try:
        with pytest.raises(Complaint, match=r"autograded.*No space left"):
            handed_in.grade(pool=here)
        subprocess.run(["mount", "-o", "remount,ro", str(graded)], check=True)
        with pytest.raises(Complaint, match=r"autograded.*Read-only"):
            handed_in.grade(pool=here)
    finally:
        subprocess.run(["umount", str(graded)], check=True)
    handed_in.grade(pool=here, resume=True)
    assert handed_in.total("all") == FULL


# --- killed in the middle ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def undisturbed(generated, released, answers, here, tmp_path_factory):
    """A course with 24 submissions, graded without interruption."""
    course = copy_of(generated, tmp_path_factory.mktemp("undisturbed") / "course")
    kinds = list(variants(released, answers).values())
    for number in range(24):
        course.submit(f"s{number:02}", kinds[number % len(kinds)])
    course.grade(pool=here)
    return course


@pytest.fixture
def started(undisturbed, generated, tmp_path):
    """The same submissions, and a batch that has graded a few of them."""
    course = copy_of(generated, tmp_path / "started")
    for folder in sorted((undisturbed.root / "submitted").iterdir()):
        course.submit(folder.name, (folder / "pooling" / "pooling.ipynb").read_text())
    command = [*GRADE, "--workers", "2"]
    process = subprocess.Popen(command, cwd=course.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    stop = time.monotonic() + 120
    while time.monotonic() < stop and process.poll() is None and done(course) < 4:
        time.sleep(0.02)
    yield course, process
    with contextlib.suppress(OSError):
        process.kill()
    process.stderr.close()
    process.wait()


def done(course):
    with contextlib.suppress(Exception):
        return course.query("SELECT count(*) FROM autograder_record")[0][0]
    return 0


def below(process, word):
    """Return the processes that a batch started whose command line or role has a word in it."""
    with contextlib.suppress(psutil.Error):
        return [p for p in psutil.Process(process.pid).children(recursive=True) if word in " ".join(p.cmdline())]
    return []


def finish(course, here):
    os.chdir(course.root)
    return course.grade(pool=here, resume=True)


def assert_equal(course, undisturbed):
    assert course.scores() == undisturbed.scores()
    assert course.query("SELECT count(*) FROM submitted_assignment") == [(24,)]
    for folder in (course.root / "submitted").iterdir():
        name = f"{folder.name}/pooling/pooling.ipynb"
        one, other = ((c.root / "submitted" / name).read_bytes() for c in (course, undisturbed))
        assert hashlib.sha256(one).digest() == hashlib.sha256(other).digest()
        assert (course.root / "autograded" / name).exists()
    left = [n for s in (course.root / "autograded").iterdir() for n in os.listdir(s) if n != "pooling"]
    assert left == []


def test_the_batch_is_killed(started, undisturbed, here):
    course, process = started
    helpers = below(process, "autograder")
    process.kill()
    process.wait()
    assert 4 <= done(course) < 24
    _, alive = psutil.wait_procs(helpers, timeout=10)
    assert not alive  # what it started ends with it
    summary = finish(course, here)
    assert summary.skipped >= 4 and summary.skipped + summary.count == 24
    assert_equal(course, undisturbed)


@pytest.mark.parametrize("victim", ["autograder.grading.pool", "autograder.grading.template"])
def test_a_helper_is_killed(started, undisturbed, here, victim):
    course, process = started
    for helper in sorted(below(process, victim), key=lambda p: -p.pid)[:1]:  # the youngest: a worker, its template
        with contextlib.suppress(psutil.Error):
            helper.send_signal(signal.SIGKILL)
    process.stderr.read()
    assert process.wait(120) in (0, 2)
    finish(course, here)
    assert_equal(course, undisturbed)


@pytest.mark.skipif(not CONFINES, reason="a sandbox that is not confined could kill itself")
def test_a_sandbox_is_killed_and_its_submission_graded_again(template):
    session = Session(template, BUDGET, {})
    session.run("def f():\n    return 7")
    assert session.call("call", "f", (), {}, 1.0).value == 7
    os.kill(session.pid, signal.SIGKILL)
    assert session.call("call", "f", (), {}, 1.0).value == 7
    template.process.kill()
    assert session.call("call", "f", (), {}, 1.0).value == 7
    session.close()


@pytest.mark.skipif(not CONFINES, reason="a sandbox that is not confined could kill itself")
def test_a_sandbox_whose_end_is_seen_late_is_graded_again_too(template):
    session = Session(template, BUDGET, {})
    session.run("def f():\n    return 7")
    outer = psutil.Process(session.pid)  # waits for the one that runs the student's code
    outer.suspend()
    outer.children()[0].kill()
    late = threading.Timer(0.3, outer.resume)
    late.start()
    assert session.call("call", "f", (), {}, 1.0).value == 7
    late.join()
    session.close()


def test_a_sandbox_that_only_hangs_up_is_not_waited_for_long(template):
    session = Session(template, BUDGET, {})
    start = time.monotonic()
    said = session.run("import os, time\nos.closerange(3, 100)\ntime.sleep(20)")
    assert said[0]["ename"] == "SandboxError"
    assert time.monotonic() - start < 10
    session.close()


def test_a_worker_that_dies_twice_costs_one_submission(handed_in, monkeypatch):
    monkeypatch.setattr(pool, "SLACK", 5.0)
    with (handed_in.root / "nbgrader_config.py").open("a") as config:
        config.write("c.Examine.notebook_seconds = 40\n")
    real = pool.Worker.give

    def give(self, job, seconds):
        real(self, job, seconds)
        if job.student == "half":
            os.kill(self.pid, signal.SIGKILL)

    monkeypatch.setattr(pool.Worker, "give", give)
    summary = handed_in.grade(workers=1)
    assert [(s, r) for s, _, r in summary.failures] == [("half", "the process that graded it ended twice")]
    assert handed_in.total("all") == FULL and handed_in.total("half") == 0


def test_memory_of_all_its_processes_together_is_bounded(template):
    small = Template(template.is_confined, Limits(memory=600 << 20))
    session = Session(small, Budget(cell=20, notebook=30), {})
    try:
        source = "import os, time\nfor _ in range(3):\n    if os.fork() == 0:\n        a = b'x' * (250 << 20)\n"
        said = session.run(source + "        time.sleep(20)\nimport time\ntime.sleep(20)")
        assert "too much memory" in said[0]["evalue"]
    finally:
        session.close()
        small.stop()
