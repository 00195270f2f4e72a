"""A copy of the course in a folder of its own, to write tasks into, and what the manual shows of that."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.draft import part
from tools.small_course import environment

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "book" / "authors.md"
FILES = ("_toc.yml", "_config.yml", "requirements.txt", "LICENSE", "nbgrader_config.py")
FOLDERS = ("autograder", "locks", "tools", "solutions/miniconv", "solutions/answers", "exercises/pooling")


def copy_of_the_course(folder):
    """Copy what an author works on: the assignment `pooling` alone, the pages, and all that is installed."""
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("solutions/assignments/pooling.md", *(f"book/{path.name}" for path in ROOT.glob("book/*.md"))):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def command(root, *words):
    """Run a command in a copy of the course, with the copy's packages; return (exit status, what it printed)."""
    packages = os.pathsep.join(str(root / "autograder" / name) for name in ("student", "grader"))
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=root,
        env=environment(PYTHONPATH=packages, COURSE_KIT="", COURSE_SITE=""),
        capture_output=True,
        text=True,
        timeout=280,
    )
    return done.returncode, done.stdout + done.stderr


def blocks():
    """Return the blocks of the manual's page that have a caption: {caption: text}, in order."""
    found = re.findall(
        r"^(````?)\{code-block\} \w+\n:caption: ([^\n]+)\n(.*?)^\1$", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    return {caption: body for _, caption, body in found}


def fill_in(path, name, text):
    """Put a text in the place of what the skeleton of a task has in a file."""
    lines = path.read_text().splitlines(keepends=True)
    place = part(path, name)
    rest = "".join(lines[place.stop :])
    path.write_text("".join(lines[: place.start]) + text + ("\n\n" + rest if rest else ""))
