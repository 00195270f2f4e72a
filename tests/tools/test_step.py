"""A step says what it does and how long it took; what it prints is shown where it fails, or where one asks."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

STEP = Path(__file__).parents[2] / "tools" / "step.py"


def step(folder, code, **variables):
    environment = {key: value for key, value in os.environ.items() if key != "VERBOSE"} | variables
    command = [sys.executable, str(STEP), "Baking the bread", sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_a_step_that_works_is_one_line(tmp_path):
    done = step(tmp_path, "print('flour'); print('water')")
    assert done.returncode == 0
    assert re.fullmatch(r"Baking the bread +\d+ s\n", done.stdout)
    assert (tmp_path / ".make/logs/baking-the-bread.txt").read_text() == "flour\nwater\n"


def test_a_step_that_fails_shows_what_it_printed_and_keeps_its_status(tmp_path):
    done = step(tmp_path, "import sys; print('smoke'); sys.exit('fire')")
    assert done.returncode == 1
    assert "failed" in done.stdout and done.stdout.splitlines()[1:] == ["smoke", "fire"]


def test_verbose_shows_all_of_it(tmp_path):
    done = step(tmp_path, "print('flour')", VERBOSE="1")
    assert done.returncode == 0 and re.fullmatch(r"Baking the bread:\nflour\nBaking the bread: \d+ s\n", done.stdout)
    assert not (tmp_path / ".make").exists()


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (59.2, "59 s"), (60, "1 min 0 s"), (125, "2 min 5 s")])
def test_times_are_as_a_person_reads_them(monkeypatch, seconds, words):
    from tools import step

    monkeypatch.setattr(step.time, "monotonic", lambda: 100 + seconds)
    assert step.passed(100) == words
