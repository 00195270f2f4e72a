"""Every attack is graded in one batch among honest submissions: it earns what its honest part earns, and harms none."""

import hashlib
import os
import re
import time
from pathlib import Path

import psutil
import pytest

from tests.attacks.costly import SAMPLE
from tests.attacks.submissions import ATTACKS
from tests.helpers.courses import CONFINES, answer
from tests.helpers.grading_fixtures import FULL, copy_of

HONEST = ("alice", "bob", "carol")
MARKED = ("/tmp", "/var/tmp", "/dev/shm", str(Path.home()), "/home", os.path.expanduser("~root"), ".", "..")

TRIED = [*ATTACKS, *SAMPLE]  # test_costly.py grades all that cost much

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CONFINES, reason="attacks are run only where they can be confined"),
]


class Batch:
    """The course after the batch, and what was there before."""

    def __init__(self, course):
        self.course = course
        self.before = self.files()
        self.processes = {process.pid for process in psutil.process_iter()}
        start = time.monotonic()
        self.summary = course.grade(workers=2)
        self.seconds = time.monotonic() - start
        self.scores = course.scores()
        self.status = {(student, status) for student, _, _, status, _ in self.summary.students}

    def files(self):
        """Return {path: hash} of all submitted files."""
        found = sorted(path for path in (self.course.root / "submitted").rglob("*") if path.is_file())
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.fixture(scope="module")
def batch(generated, released, answers, tmp_path_factory):
    course = copy_of(generated, tmp_path_factory.mktemp("attacks") / "course")
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write("c.GradeCells.cell_seconds = 2\nc.GradeCells.notebook_seconds = 20\n")
    right, helpers = answers
    for number, attack in enumerate(TRIED):
        course.submit(f"{number:03}-{attack.name}", attack.make(released))
    for student in HONEST:
        course.submit(student, answer(released, right, [helpers]))
    return Batch(course)


IDS = [attack.name for attack in TRIED]


def student_of(attack):
    return f"{TRIED.index(attack):03}-{attack.name}"


def test_there_are_enough_of_them():
    assert len(ATTACKS) >= 60 and len(set(IDS)) == len(IDS)


@pytest.mark.parametrize("attack", TRIED, ids=IDS)
def test_it_earns_what_its_honest_part_earns(batch, attack):
    scores = batch.scores[student_of(attack)]
    assert sum(score or 0 for score in scores.values()) == attack.earns
    assert len(scores) == 13  # no grade was added


@pytest.mark.parametrize("student", HONEST)
def test_others_keep_their_scores(batch, student):
    assert sum(score or 0 for score in batch.scores[student].values()) == FULL


def test_the_batch_ends_and_says_who_could_not_be_graded(batch):
    failed = {student.split("-", 1)[1] for student, _, _ in batch.summary.failures}
    assert failed == {"not_json", "empty_file", "deep_json", "huge_file", "many_cells"}
    assert batch.summary.count == len(TRIED) + len(HONEST)


def outputs(batch, attack):
    nb = batch.course.graded(student_of(attack))
    return nb, [output for cell in nb.cells if cell.cell_type == "code" for output in cell.outputs]


@pytest.mark.parametrize("attack", [a for a in ATTACKS if a.family == "stealing"], ids=lambda a: a.name)
def test_nothing_is_stolen(batch, attack):
    assert not [o for o in outputs(batch, attack)[1] if "STOLEN" in o.get("text", "")]


@pytest.mark.parametrize("attack", [a for a in ATTACKS if a.family == "reaching the reader"], ids=lambda a: a.name)
def test_nothing_that_runs_reaches_the_reader(batch, attack):
    nb, shown = outputs(batch, attack)
    for output in shown:
        for kind, text in output.get("data", {}).items():
            assert kind in ("text/plain", "text/html", "image/png")
            assert kind == "text/plain" or ("<script" not in text.lower() and not re.search(r"<[^>]*\sonerror=", text))
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", str(output.get("text", "")))
    for cell in nb.cells:
        if cell.cell_type != "code":
            assert "<script" not in cell.source and "<img" not in cell.source and "javascript:" not in cell.source
            assert "MARK" not in "".join(cell.get("attachments", {}))


def test_nothing_is_left_behind(batch):
    left = [os.path.join(folder, name) for folder in MARKED if os.path.isdir(folder) for name in os.listdir(folder)]
    assert not [path for path in left if "MARK" in path]
    time.sleep(0.2)
    new = {process.pid for process in psutil.process_iter()} - batch.processes
    assert not [pid for pid in new if _belongs_to_us(pid)]


def _belongs_to_us(pid):
    """Say whether a process is one of the batch's, and nobody else's: other tests may be running beside this one."""
    try:
        process = psutil.Process(pid)
        above = [parent.pid for parent in process.parents()]
        return "convgrader" in " ".join(process.cmdline()) and (above[:1] == [1] or os.getpid() in above)
    except psutil.Error:
        return False


def test_no_submitted_file_is_changed(batch):
    assert batch.files() == batch.before


def test_the_database_is_as_nbgrader_left_it(batch):
    kinds = batch.course.query("SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view')")
    assert kinds == [("trigger", "autograder_removal")], "ours, which removes our rows with nbgrader's"
    per_student = batch.course.query("SELECT count(*) FROM submitted_assignment GROUP BY student_id")
    assert set(per_student) == {(1,)}


def test_the_worst_cost_a_bounded_time(batch):
    worst = max(seconds for (seconds,) in batch.course.query("SELECT seconds FROM autograder_record"))
    assert worst < 20 + 10


@pytest.fixture
def linked(course, released, answers):
    """A course in which eve hands in links to what she may not read."""
    right, helpers = answers
    course.submit("alice", answer(released, right, [helpers]))
    folder = course.root / "submitted" / "eve" / "pooling"
    folder.mkdir(parents=True)
    (folder / "pooling.ipynb").symlink_to("../../alice/pooling/pooling.ipynb")
    (folder / "notes.txt").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe.txt")
    (folder / "timestamp.txt").write_text("not a time")
    return course


def test_links_and_pipes_are_not_followed(linked, in_process_pool):
    summary = linked.grade(pool=in_process_pool)
    assert linked.total("alice") == FULL and linked.total("eve") == 0
    assert [student for student, _, _ in summary.failures] == ["eve"]
    assert sorted(os.listdir(linked.root / "autograded" / "eve" / "pooling")) == ["pooling.ipynb", "timestamp.txt"]
