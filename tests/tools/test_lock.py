"""The lock names all that is installed, to the last package, and is as old as the pins that it was made from."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import dependencies, lock

ROOT = Path(__file__).parents[2]
FILES = ("course.txt", "torch.txt", "student.txt")
PLATFORMS = {  # as uv calls it -> the versions of Python that there must be something for
    "x86_64-unknown-linux-gnu": ("3.11", "3.13"),
    "aarch64-unknown-linux-gnu": ("3.11", "3.13"),
    "aarch64-apple-darwin": ("3.11", "3.13"),
    "x86_64-apple-darwin": ("3.11", "3.12"),
    "x86_64-pc-windows-msvc": ("3.11", "3.13"),
}


def names(file):
    return {line.split(" ")[0] for line in lock.requirements(ROOT, file)}


def test_the_lock_is_fresh():
    assert not lock.is_stale(ROOT), "run `make lock`"


def test_every_pin_stands_in_the_lock():
    pinned = {f"{pin.name}=={pin.version}" for pin in dependencies.pins(ROOT)}
    assert pinned <= names("course.txt") | names("torch.txt")
    assert {f"{pin.name}=={pin.version}" for pin in dependencies.needed_by(ROOT, "student")} <= names("student.txt")


def test_students_get_what_the_course_has():
    """A package may have more versions in the course's lock, one for each range of Pythons, and no other one."""
    assert names("student.txt") <= names("course.txt") | names("torch.txt")
    others = {"nbgrader", "jupyter-book", "pytest", "ruff", "sqlalchemy"}
    assert not others & {name.split("==")[0] for name in names("student.txt")}


def test_every_package_has_its_hashes_but_pytorch_and_no_file_names_an_index():
    text = (ROOT / lock.FOLDER / "course.txt").read_text(encoding="utf-8")
    for requirement in re.findall(r"^[a-z0-9].*(?:\n .*)*", text, re.MULTILINE):
        assert "--hash=sha256:" in requirement, requirement
    assert not {name for name in names("course.txt") if lock.CUDA.match(name) or name.startswith("torch==")}
    for file in FILES:
        assert not re.search(
            r"https?:|index-url|find-links|/", (ROOT / lock.FOLDER / file).read_text().split("\n", 1)[1]
        )


@pytest.mark.parametrize(
    "change", [("numpy==2.4.6", "numpy==2.4.5"), ("rich==", "# rich=="), (None, "\nuvicorn==1.0\n")]
)
def test_another_pin_makes_it_stale_and_a_remark_does_not(tmp_path, change):
    for name in FILES:
        (tmp_path / lock.FOLDER).mkdir(exist_ok=True)
        (tmp_path / lock.FOLDER / name).write_bytes((ROOT / lock.FOLDER / name).read_bytes())
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    (tmp_path / "requirements.txt").write_text(text + "# A remark.\n", encoding="utf-8")
    assert not lock.is_stale(tmp_path)
    old, new = change
    (tmp_path / "requirements.txt").write_text(text.replace(old, new) if old else text + new, encoding="utf-8")
    assert lock.is_stale(tmp_path)
    (tmp_path / "requirements.txt").write_text(text, encoding="utf-8")
    (tmp_path / lock.FOLDER / "student.txt").unlink()
    assert lock.is_stale(tmp_path)


def test_a_package_that_nobody_has_is_a_sentence(tmp_path, capsys):
    (tmp_path / "requirements.txt").write_text("this-package-is-not-there==1.0  # student >=1.0\n")
    assert lock.main(["--root", str(tmp_path)]) == 1
    assert "There is no new lock:" in capsys.readouterr().err
    assert not (tmp_path / lock.FOLDER).exists()


@pytest.mark.full
def test_the_index_gives_the_same_lock():
    """Asks the package index. Hashes are left out: a release may get another wheel."""
    for name, text in lock.locks(ROOT).items():
        lines = [line.removesuffix(" \\") for line in text.splitlines() if re.match(r"[a-z0-9]", line)]
        assert lines == lock.requirements(ROOT, name)


@pytest.mark.full
@pytest.mark.parametrize("file", ["course.txt", "student.txt"])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_is_locked_is_there_as_wheels_on_every_platform(file, platform, tmp_path):
    """Asks the package index. Windows on ARM has no torch: the guide says which Python to take there."""
    for python in PLATFORMS[platform]:
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-config", "--no-deps"]
        command += ["--only-binary", ":all:", "--no-binary", "yattag"]  # which has no wheel, and is Python alone
        command += ["--python-version", python, "--python-platform", platform, str(ROOT / lock.FOLDER / file)]
        environment = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}  # the oldest that Apple's Macs get torch for
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, f"Python {python}: {done.stderr}"
