"""From the student's folder, or a platform, to the grader's; the three files of a network travel with the notebook."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from convcourse import cli
from convcourse.commands.start import start
from convcourse.commands.submit import submit
from convgrader import lock
from convgrader.batch import CourseFolders
from tools.small_course import environment

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_submit_packs_the_networks_and_nbgrader_collects_them(tmp_path, monkeypatch, capsys):
    course, config = tmp_path / "course", (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    shutil.copytree(ROOT / "exercises" / "training", course / "exercises" / "training")
    (course / "nbgrader_config.py").write_text(config, encoding="utf-8")
    monkeypatch.chdir(course)
    start("training")
    for name in ("digits.json", "digits.log.json", "digits.safetensors", "shapes.json"):
        shutil.copy(ROOT / "solutions" / "networks" / name, course / "work" / "training")
    (course / "work/training/.digits.checkpoint.safetensors").write_bytes(b"")
    assert submit(course / "work/training/training.ipynb", "ada") == 0
    assert "With it: digits.safetensors" in capsys.readouterr().out
    (archive,) = (course / "work/training").glob("*.zip")
    names = {re.sub(r"^ada__\d{8}T\d{6}Z__", "", name) for name in zipfile.ZipFile(archive).namelist()}
    assert names == {"training.ipynb", "digits.json", "digits.log.json", "digits.safetensors"}

    downloaded = course / "course/downloaded/training/archive"
    downloaded.mkdir(parents=True)
    (course / "course/source/training").mkdir(parents=True)
    shutil.copy(ROOT / "exercises/training/training.ipynb", course / "course/source/training")
    shutil.copy(archive, downloaded)
    command = [sys.executable, "-m", "nbgrader", "zip_collect", "training", "--force"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    collected = {file.name for file in (course / "course/submitted/ada/training").iterdir()}
    assert names | {"timestamp.txt"} == collected


CLASS = "\ufeffid;first_name;last_name;canvas_id\nada;=cmd;Lovelace;4711\nbob;Bob;B;4712\n"


def downloaded(root, **members):
    with zipfile.ZipFile(root / "submissions.zip", "w") as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.ipynb", data)


def collect(capsys, *arguments):
    status = cli.main(["collect", "pooling", "submissions.zip", *arguments])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


@pytest.fixture
def taught(course, monkeypatch):
    monkeypatch.chdir(course.root)
    monkeypatch.setenv("COLUMNS", "120")
    (course.root / "students.csv").write_text(CLASS, encoding="utf-8")
    return course


def test_the_command_ends_with_a_table_of_who_is_missing_late_and_unknown(taught, capsys):
    downloaded(taught.root, lovelaceada_LATE_4711_9_pooling="{}", who_99_10_pooling="{}")
    status, output, _ = collect(capsys, "--from", "canvas")
    assert status == 1 and "pooling: 1 hand-in collected (1 new, 0 newer than before, 0 as before)." in output
    rows = {line.split()[0]: line.split()[1:] for line in output.splitlines() if line.startswith(" ") and line.strip()}
    assert rows["missing"][:4] == ["bob", "(Bob", "B)", "1"] and rows["late"][:3] == ["ada", "(=cmd", "Lovelace)"]
    assert rows["unknown"][:2] == ["who", "(99)"]
    assert (taught.root / "submitted/ada/pooling/pooling.ipynb").read_text() == "{}"
    status, output, _ = collect(capsys, "--from", "canvas", "--json")
    found = json.loads(output)
    assert status == 1 and found["missing"] == ["bob"] and found["collected"]["unchanged"] == 1
    downloaded(taught.root, lovelaceada_4711_9_pooling="{}")
    assert collect(capsys, "--from", "canvas")[0] == 0


def test_a_preview_changes_nothing(taught, capsys):
    downloaded(taught.root, lovelaceada_4711_9_pooling="{}")
    status, output, _ = collect(capsys, "--from", "canvas", "--preview")
    assert status == 0 and "nothing was changed" in output
    assert not list((taught.root / "submitted").iterdir()) and not (taught.root / "collected").exists()


def test_whoever_the_gradebook_does_not_know_is_named_in_the_end(taught, capsys):
    taught.query("INSERT INTO student (id) VALUES ('bob')")
    downloaded(taught.root, lovelaceada_4711_9_pooling="{}")
    assert "Not in the gradebook: ada. Grading adds them." in collect(capsys, "--from", "canvas")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "moodle"), "looks like an archive of Canvas: try --from canvas"),
        (("--from", "canvas", "--zone", "Europe/Nowhere"), "no zone of time called Europe/Nowhere"),
        (("--from", "canvas", "--roster", "nobody.csv"), "there is no file nobody.csv"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(taught, capsys, arguments, message):
    downloaded(taught.root, lovelaceada_4711_9_pooling="{}")
    status, _, errors = collect(capsys, *arguments)
    assert status == 2 and message in errors and "Traceback" not in errors


def test_nobody_collects_while_somebody_grades(taught, capsys):
    downloaded(taught.root, lovelaceada_4711_9_pooling="{}")
    with lock.exclusive(CourseFolders.here().directory, "pooling"):
        status, _, errors = collect(capsys, "--from", "canvas")
    assert status == 2 and "is being graded or released already" in errors
