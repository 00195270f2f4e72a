"""The commands of README and Makefile: they exist, and bad input gets a sentence."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):.*##", MAKEFILE, flags=re.MULTILINE))

needs_make = pytest.mark.skipif(not shutil.which("make"), reason="no make here")


def make(*arguments, folder=ROOT):
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, env=clean)


def test_every_tier_of_tests_is_linted_and_no_test_is_in_none():
    recipes = dict(re.findall(r"^(test[a-z-]*):(.*\n(?:\t.*\n)+)", MAKEFILE, flags=re.MULTILINE))
    assert recipes.keys() == {"test-quick", "test", "test-full"}
    assert " linted " in recipes["test-quick"] and " linted " in recipes["test"]
    assert '-m "not full and not slow and not browser"' in recipes["test-quick"]
    assert '-m "not full"' in recipes["test"] and "-m full" in recipes["test-full"]


@pytest.mark.parametrize("target", ["linted", "lint"])
def test_types_are_checked_where_code_is_linted(target):
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)[1]
    assert "-m ruff check" in recipe and "\t$(RUN) -m mypy\n" in recipe


def test_the_site_is_built_whole_so_that_its_search_knows_every_term():
    recipe = re.search(r"^\.make/book:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)[1]
    assert " --all " in recipe


@needs_make
def test_help_lists_every_command():
    done = make("help")
    assert done.returncode == 0
    assert all(f"make {target} " in done.stdout for target in TARGETS)
    assert {"course", "test", "serve", "weave", "book", "student-kit", "mutants", "bench", "page", "lint"} <= TARGETS


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md", "book/grading.md"]
)
def test_commands_named_in_the_text_exist(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert (
        set(re.findall(r"\bmake ([a-z]+(?:-[a-z]+)*)\b", " ".join(re.findall(r"`[^`]*`|^    .*", text, re.MULTILINE))))
        <= TARGETS
    )
    for module in re.findall(r"-m ([a-z][\w.]+)", text):
        assert find_spec(module), module
    for script in re.findall(r"python[\d.]* ([\w/.]+\.py)\b", text):
        assert (ROOT / script).is_file(), script


@needs_make
@pytest.mark.parametrize(
    ("stem", "message"), [("", "Which page?"), ("poling", "There is no book/poling.md; there are")]
)
def test_page_asks_for_a_page_that_exists(stem, message):
    done = make("--assume-old=.make/woven", "page", f"STEM={stem}")
    assert done.returncode == 2
    assert message in done.stdout


@needs_make
@pytest.mark.skipif(os.name == "nt", reason="a shell script stands for the old Python")
def test_an_older_python_is_refused_in_a_sentence(tmp_path):
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    for folder in ("solutions", "autograder/student", "autograder/grader"):
        (tmp_path / folder).mkdir(parents=True)
        shutil.copyfile(ROOT / folder / "pyproject.toml", tmp_path / folder / "pyproject.toml")
    old = tmp_path / "python3.10"
    pretends = "import sys; sys.version_info = (3, 10, 1); sys.version = '3.10.1'"
    old.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{pretends}; $2"\n')
    old.chmod(0o755)
    done = make("course", f"PYTHON={old}", folder=tmp_path)
    assert done.returncode == 2
    assert "This course needs Python 3.11 or newer" in done.stderr and "is 3.10.1" in done.stderr
    assert not (tmp_path / ".venv").exists()


@needs_make
@pytest.mark.parametrize("lost", ["exercises/small/small.ipynb", "course/source/small/small.ipynb", None])
def test_a_notebook_that_was_deleted_is_woven_again(tmp_path, lost):
    shutil.copyfile(ROOT / "Makefile", tmp_path / "Makefile")
    written = ["solutions/assignments/small.md", "exercises/small/small.ipynb", "course/source/small/small.ipynb"]
    for name in ["requirements.txt", *written, ".venv/.installed", ".make/woven"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    if lost:
        (tmp_path / lost).unlink()
    done = make("--dry-run", "weave", "WEAVING=", "PROJECTS=", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert ("-m tools.weave" in done.stdout) == bool(lost), done.stdout


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_continuous_integration_runs_the_test_command():
    path = ROOT / ".ci" / "run"
    assert os.access(path, os.X_OK)
    subprocess.run(["sh", "-n", str(path)], check=True)
    runs = re.findall(r"^CI=true make (.*)$", path.read_text(), flags=re.MULTILINE)
    assert runs == ["test", "test-full"], "and what that leaves out"
    assert ".ci/run" in (ROOT / ".github" / "workflows" / "tests.yml").read_text()
