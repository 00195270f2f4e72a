"""A project in a folder of its own, with the assignment `pooling` woven: for tests that grade."""

import shutil
from pathlib import Path

from tools import weave

ROOT = Path(__file__).parents[2]


def make_project(folder):
    """Copy what grading `pooling` needs into `folder`, weave it, and return the folder."""
    folder = Path(folder)
    shutil.copyfile(ROOT / "nbgrader_config.py", folder / "nbgrader_config.py")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "solutions" / "miniconv", folder / "solutions" / "miniconv", ignore=ignored)
    shutil.copytree(ROOT / "solutions" / "answers", folder / "solutions" / "answers", ignore=ignored)
    (folder / "solutions" / "assignments").mkdir()
    shutil.copyfile(
        ROOT / "solutions" / "assignments" / "pooling.md", folder / "solutions" / "assignments" / "pooling.md"
    )
    weave.write(folder, "pooling")
    return folder
