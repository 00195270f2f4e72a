"""What costs much is graded beside honest students, by both commands and by an ordinary user: it costs what it may."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.attacks.costly import COSTLY, SAMPLE
from tests.attacks.submissions import ATTACKS
from tests.helpers.courses import CONFINES, ROOT, answer
from tests.helpers.grading_fixtures import FULL, copy_of
from tools.small_course import nbgrader

HONEST = ("alice", "zoe")
CELL, NOTEBOOK, GRACE = 2, 12, 5

pytestmark = [
    pytest.mark.skipif(not CONFINES, reason="attacks are run only where they can be confined"),
    pytest.mark.full,
    pytest.mark.timeout(2400),
]


def handed_in(generated, released, answers, folder, attacks):
    """Return a course with attacks and honest submissions, in which notebooks have little time."""
    course = copy_of(generated, folder / "course")
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write(f"c.GradeCells.cell_seconds = {CELL}\nc.GradeCells.notebook_seconds = {NOTEBOOK}\n")
    right, helpers = answers
    for student in HONEST:
        course.submit(student, answer(released, right, [helpers]))
    for attack in attacks:
        course.submit(attack.name, attack.make(released))
    return course


@pytest.fixture(scope="module")
def batch(generated, released, answers, tmp_path_factory):
    """The course after `autograder grade`."""
    course = handed_in(generated, released, answers, tmp_path_factory.mktemp("costly"), COSTLY)
    course.grade(workers=2)
    return course


@pytest.fixture(scope="module")
def by_nbgrader(generated, released, answers, tmp_path_factory):
    """The course after `nbgrader autograde`."""
    course = handed_in(generated, released, answers, tmp_path_factory.mktemp("costly") / "nbgrader", COSTLY)
    nbgrader(course.root, "autograde", "pooling", timeout=2000)
    return course


def test_there_are_enough_of_them():
    names = [attack.name for attack in (*ATTACKS, *COSTLY)]
    assert len(COSTLY) >= 40 and len(set(names)) == len(names) and len(SAMPLE) >= 10


@pytest.mark.parametrize("attack", COSTLY, ids=lambda attack: attack.name)
@pytest.mark.parametrize("route", ["batch", "by_nbgrader"])
def test_it_earns_what_its_honest_part_earns(route, attack, request):
    scores = request.getfixturevalue(route).scores(attack.name)
    assert sum(score or 0 for score in scores.values()) == attack.earns


@pytest.mark.parametrize("student", HONEST)
@pytest.mark.parametrize("route", ["batch", "by_nbgrader"])
def test_others_keep_their_scores(route, student, request):
    assert request.getfixturevalue(route).total(student) == FULL


def test_none_takes_longer_than_its_budget(batch):
    late = batch.query("SELECT student, seconds FROM autograder_record WHERE seconds > ?", NOTEBOOK + GRACE)
    assert not late


def test_a_page_is_made_for_each_of_them(batch):
    started = time.monotonic()
    status, said = nbgrader(batch.root, "generate_feedback", "pooling", timeout=1000)
    assert status == 0, said
    assert time.monotonic() - started < 10 * len(COSTLY)
    pages = {path.parts[-3]: path for path in (batch.root / "feedback").glob("*/pooling/pooling.html")}
    assert {*pages} == {attack.name for attack in COSTLY} | {*HONEST}
    assert max(path.stat().st_size for path in pages.values()) < 32 << 20


# Python may lie where root alone may look: in a world of its own, an ordinary user finds it at the same place.
AS_NOBODY = """\
set -e
mount --make-rprivate /
if ! setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$PYTHON"; then
    mkdir "$WORK/python" && mount --bind "$PREFIX" "$WORK/python"
    mount -t tmpfs -o mode=755 tmpfs "/$(echo "$PREFIX" | cut -d/ -f2)"
    mkdir -p "$PREFIX" && mount --move "$WORK/python" "$PREFIX"
fi
cd "$WORK/course"
exec setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$WORK" MPLCONFIGDIR="$WORK" \
    "$PYTHON" -m convcourse grade pooling --workers 2 --json
"""


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="needs root, to become somebody else")
def test_an_ordinary_user_grades_them_too(generated, released, answers):
    work = Path("/var/tmp") / f"ordinary-{os.getpid()}"
    work.mkdir()
    try:
        attacks = [attack for attack in COSTLY if attack in SAMPLE or attack.family == "processes and memory"]
        attacks += [attack for attack in ATTACKS if attack.family in ("stealing", "leaving behind")]
        course = handed_in(generated, released, answers, work, attacks)
        for path in (work, *work.rglob("*")):
            os.chown(path, 65534, 65534)
        env = dict(
            os.environ, WORK=str(work), PYTHON=sys.executable, PREFIX=sys.base_prefix, PYTHONDONTWRITEBYTECODE="1"
        )
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", AS_NOBODY], env=env, cwd=ROOT, capture_output=True, text=True, timeout=1000
        )
        assert done.returncode == 0, done.stderr
        totals = {row["student"]: row["score"] for row in json.loads(done.stdout)["submissions"]}
        assert totals == {attack.name: attack.earns for attack in attacks} | dict.fromkeys(HONEST, FULL)
        shown = [
            output.get("text", "")
            for attack in attacks
            for cell in course.graded(attack.name).cells
            for output in cell.get("outputs", ())
        ]
        assert not [text for text in shown if "STOLEN" in text]
    finally:
        shutil.rmtree(work)
