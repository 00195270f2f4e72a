"""From the student's folder to the grader's: the three files travel with the notebook."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from convcourse.commands.start import start
from convcourse.commands.submit import submit
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
