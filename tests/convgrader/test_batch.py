"""The batch survives being killed anywhere, leaves nothing out, and names what it cannot do."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest
from rich.console import Console

from convcourse import checks, cli
from convcourse.errors import UsageError
from convgrader import batch, lock
from convgrader.nbgrader_plugin import autograding
from convgrader.notebooks import files
from convgrader.sandbox import isolation
from convgrader.sandbox.zygote import require_isolation
from tests.helpers.courses import GRADE, answer
from tests.helpers.grading_fixtures import FULL, copy_of, variants

pytestmark = pytest.mark.slow


def test_odd_files_stop_nobody_but_their_own(handed_in, in_process_pool, released):
    (handed_in.submit("time", released) / "timestamp.txt").write_text("9" * 33 + "m")
    folder = handed_in.root / "submitted" / "folder" / "pooling" / "pooling.ipynb"
    folder.mkdir(parents=True)
    (folder / "data.txt").write_text("no notebook")
    deep = handed_in.submit("deep", released)
    for _ in range(15):
        deep = deep / ("d" * 240)
        deep.mkdir()
    summary = handed_in.grade(pool=in_process_pool, students=["time", "folder", "deep", "all"])
    assert {student for student, _, _ in summary.failures} == {"folder"} and handed_in.total("all") == FULL


@pytest.mark.parametrize("command", ["autograder", "nbgrader"])
@pytest.mark.sample(1)
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
@pytest.mark.sample(1)
def test_verdicts_link_to_the_site_that_the_configuration_names(course, released, command):
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write("c.GradeCells.site = 'https://school.example/convnets'\n")
    course.submit("eve", released)
    if command == "nbgrader":
        assert course.nbgrader("autograde", "pooling")[0] == 0
    else:
        subprocess.run([*GRADE, "--workers", "1"], cwd=course.root, capture_output=True, check=True)
    shown = json.dumps([cell.get("outputs") for cell in course.graded("eve").cells])
    assert "https://school.example/convnets/book/pooling.html#pooling-max" in shown


def test_an_assignment_that_was_not_handed_in_earns_nothing(course, in_process_pool):
    (course.root / "submitted" / "dora" / "pooling").mkdir(parents=True)
    summary = course.grade(pool=in_process_pool)
    assert course.total("dora") == 0 and [who for who, _, _ in summary.failures] == ["dora"]


def test_students_of_the_gradebook_who_handed_in_nothing_are_named(course, released, in_process_pool):
    course.submit("ada", released)
    assert course.grade(pool=in_process_pool).absent == []
    course.query("INSERT INTO student (id) VALUES ('bob')")
    assert course.grade(pool=in_process_pool, resume=True).absent == ["bob"]
    assert course.grade(pool=in_process_pool, students=["ada"]).absent == [], "only these were asked for"


@pytest.mark.full
def test_the_command_prints_json_and_says_by_its_status_whether_all_were_graded(handed_in):
    handed_in.submit("broken", "{")
    command = [*GRADE, "--json", "--workers", "1"]
    result = subprocess.run([*command, "--students", "none"], cwd=handed_in.root, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["graded"] == 1
    result = subprocess.run(
        [*command, "--students", "none", "broken"], cwd=handed_in.root, capture_output=True, text=True
    )
    summary = json.loads(result.stdout)
    assert result.returncode == 1 and summary["failed"] == 1
    assert "not a notebook" in next(s["reason"] for s in summary["submissions"] if s["student"] == "broken")
    result = subprocess.run([*command, "--students", "nobody"], cwd=handed_in.root, capture_output=True, text=True)
    assert result.returncode == 2 and "nobody" in result.stderr


def test_it_refuses_what_it_cannot_do(handed_in, in_process_pool, monkeypatch):
    with pytest.raises(UsageError, match="no assignment unknown"):
        handed_in.grade("unknown", pool=in_process_pool)
    require_isolation.cache_clear()
    monkeypatch.setattr(isolation, "unsupported_reason", lambda: "Confinement needs Linux; this is elsewhere.")
    with pytest.raises(UsageError, match="--unconfined"):
        handed_in.grade(workers=1, confined=True)
    require_isolation.cache_clear()


def test_without_confinement_it_gives_the_same_scores(handed_in, in_process_pool, tmp_path):
    other = copy_of(handed_in, tmp_path / "other")
    handed_in.grade(pool=in_process_pool)
    other.grade(workers=1, confined=False)
    assert other.scores() == handed_in.scores()


def test_a_second_batch_is_refused_while_the_first_runs(handed_in, in_process_pool):
    os.chdir(handed_in.root)
    refused = pytest.raises(UsageError, match="being graded or released already")
    with lock.exclusive(batch.CourseFolders.here().directory, "pooling"), refused:
        handed_in.grade(pool=in_process_pool)


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="needs root, to mount, and Linux")
def test_a_full_disk_and_a_read_only_folder_are_named(handed_in, in_process_pool):
    graded = handed_in.root / "autograded"
    graded.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(graded)], check=True)
    try:
        with pytest.raises(UsageError, match=r"autograded.*No space left"):
            handed_in.grade(pool=in_process_pool)
        subprocess.run(["mount", "-o", "remount,ro", str(graded)], check=True)
        with pytest.raises(UsageError, match=r"autograded.*Read-only"):
            handed_in.grade(pool=in_process_pool)
    finally:
        subprocess.run(["umount", str(graded)], check=True)
    handed_in.grade(pool=in_process_pool, resume=True)
    assert handed_in.total("all") == FULL


# --- killed in the middle ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def undisturbed(generated, released, answers, in_process_pool, tmp_path_factory):
    """A course with 24 submissions, graded without interruption."""
    course = copy_of(generated, tmp_path_factory.mktemp("undisturbed") / "course")
    kinds = list(variants(released, answers).values())
    for number in range(24):
        course.submit(f"s{number:02}", kinds[number % len(kinds)])
    course.grade(pool=in_process_pool)
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


def finish(course, in_process_pool):
    os.chdir(course.root)
    return course.grade(pool=in_process_pool, resume=True)


def assert_equal(course, undisturbed):
    assert course.scores() == undisturbed.scores()
    assert course.query("SELECT count(*) FROM submitted_assignment") == [(24,)]
    for folder in (course.root / "submitted").iterdir():
        name = f"{folder.name}/pooling/pooling.ipynb"
        one, other = ((c.root / "submitted" / name).read_bytes() for c in (course, undisturbed))
        assert hashlib.sha256(one).digest() == hashlib.sha256(other).digest()
        assert (course.root / "autograded" / name).exists()
    leftovers = [n for s in (course.root / "autograded").iterdir() for n in os.listdir(s) if n != "pooling"]
    assert leftovers == []


@pytest.mark.full
def test_the_batch_is_killed(started, undisturbed, in_process_pool):
    course, process = started
    helpers = below(process, "convgrader")
    process.kill()
    process.wait()
    assert 4 <= done(course) < 24
    _, alive = psutil.wait_procs(helpers, timeout=10)
    assert not alive  # what it started ends with it
    summary = finish(course, in_process_pool)
    assert summary.skipped >= 4 and summary.skipped + summary.count == 24
    assert_equal(course, undisturbed)


@pytest.mark.parametrize("victim", ["convgrader.pool", "convgrader.sandbox.zygote"])
@pytest.mark.sample(1)
def test_a_helper_is_killed(started, undisturbed, in_process_pool, victim):
    course, process = started
    for helper in sorted(below(process, victim), key=lambda p: -p.pid)[:1]:  # the youngest: a worker, its zygote
        with contextlib.suppress(psutil.Error):
            helper.send_signal(signal.SIGKILL)
    process.stderr.read()
    assert process.wait(120) in (0, 2)
    finish(course, in_process_pool)
    assert_equal(course, undisturbed)


# --- graded by other checks ----------------------------------------------------------------------------------------


def test_what_other_checks_graded_is_graded_again(handed_in, in_process_pool, monkeypatch):
    handed_in.grade(pool=in_process_pool, students=["all", "half"])
    again = handed_in.grade(pool=in_process_pool, students=["all", "half"], resume=True)
    assert (again.skipped, again.outdated, again.count) == (2, 0, 0)
    monkeypatch.setattr(autograding, "fingerprint", lambda sources, budget: "of a check that was mended")
    of_two_kinds = handed_in.grade(pool=in_process_pool, students=["half"])
    counts = (again.by_other_checks, of_two_kinds.by_other_checks)
    assert counts == (0, 1), "the table says that not all are of one kind"
    handed_in.query("UPDATE autograder_record SET checks = 'of other checks'")
    mended = handed_in.grade(pool=in_process_pool, students=["all", "half", "none"], resume=True)
    assert mended.by_other_checks == 0
    assert (mended.skipped, mended.outdated, mended.count) == (0, 2, 3)
    assert handed_in.query("SELECT DISTINCT checks FROM autograder_record") == [("of a check that was mended",)]
    assert handed_in.grade(pool=in_process_pool, students=["all"], resume=True).skipped == 1


NO_PADDING = """
whole = max_pool2d
def max_pool2d(x, kernel_size, stride=None, padding=0, *rest, **more):
    return whole(x, kernel_size, stride, 0, *rest, **more)
"""


def test_a_change_of_a_check_regrades_what_it_touches_and_says_whose_score_moved(
    handed_in, released, answers, in_process_pool, monkeypatch
):
    """The part that failed weighs nearly nothing once the check is changed. What is new waits for --resume."""
    no_padding = answer(released, {"max_pool2d": answers[0]["max_pool2d"] + NO_PADDING}, [answers[1]])
    handed_in.submit("wrong", no_padding)
    handed_in.grade(pool=in_process_pool, students=["all", "half", "wrong"])
    assert not handed_in.grade(pool=in_process_pool, changed=True).moves.moves
    handed_in.submit("half", no_padding)
    check = checks.load("pooling")["max_pool2d"]
    weights = dict.fromkeys(check.parts, 0.1) | {"plain": 6}
    monkeypatch.setitem(vars(check), "parts", weights)
    monkeypatch.setattr(autograding, "fingerprint", lambda sources, budget: "of a check that was changed")
    before = handed_in.scores("wrong")["check-max_pool2d"]
    summary = handed_in.grade(pool=in_process_pool, changed=True)
    after = handed_in.scores("wrong")["check-max_pool2d"]
    assert before < after, (before, after)
    (move,) = summary.moves.moves
    assert (move.student, move.task, move.before, move.after) == ("wrong", "max_pool2d", before, after)
    assert move.why == ("Its parts weigh otherwise.",)
    assert summary.count == 2 and summary.not_compared == 3 and set(summary.moves.totals) == {"wrong"}
    found = summary.as_dict()
    assert found["left_for_resume"] == 3 and found["graded_again"] == 2 and found["moves"][0]["student"] == "wrong"
    console = Console(file=io.StringIO(), width=200)
    summary.print(console)
    printed = console.file.getvalue()
    assert "2 submissions graded again: the score of 1 student has moved, 1 up and 0 down." in printed
    assert "3 submissions new, or handed in again since: left out; autograder grade pooling --resume" in printed


def test_resume_and_changed_are_one_or_the_other(capsys):
    with pytest.raises(SystemExit):
        cli.main(["grade", "pooling", "--resume", "--changed"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_a_notebook_that_was_changed_is_graded_again_however_many_lie_beside_it(
    course, released, answers, in_process_pool
):
    right, helpers = answers
    folder = course.submit("ada", released)
    for number in range(files.MAX_NOTEBOOKS + 5):
        (folder / f"draft {number}.ipynb").write_text("{}")
    course.grade(pool=in_process_pool)
    assert course.grade(pool=in_process_pool, resume=True).skipped == 1
    course.submit("ada", answer(released, right, [helpers]))
    assert course.grade(pool=in_process_pool, resume=True).count == 1 and course.total("ada") == FULL


def test_whose_hand_in_is_gone_is_not_counted_among_those_that_other_checks_graded(course, released, in_process_pool):
    for student in ("ada", "bob"):
        course.submit(student, released)
    course.grade(pool=in_process_pool)
    course.query("UPDATE autograder_record SET checks = 'of other checks'")
    shutil.rmtree(course.root / "submitted" / "bob")
    assert course.grade(pool=in_process_pool, students=["ada"]).by_other_checks == 0


@pytest.mark.full
def test_what_nbgrader_graded_is_not_graded_again(handed_in, in_process_pool):
    """It grades by the same checks and leaves the same records."""
    handed_in.grade(pool=in_process_pool, students=["all"])
    assert handed_in.nbgrader("autograde", "pooling", "--student", "half", "--force")[0] == 0
    again = handed_in.grade(pool=in_process_pool, students=["all", "half"], resume=True)
    assert (again.skipped, again.count) == (2, 0)
