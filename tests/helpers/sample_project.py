"""A project in a folder of its own, with the assignment `pooling` woven, or others: for tests that grade."""

import shutil
from pathlib import Path

from tools import weave

ROOT = Path(__file__).parents[2]


def make_project(folder, stems=("pooling",)):
    """Copy what grading these assignments needs into `folder`, weave them, and return the folder."""
    folder = Path(folder)
    shutil.copyfile(ROOT / "nbgrader_config.py", folder / "nbgrader_config.py")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "solutions" / "miniconv", folder / "solutions" / "miniconv", ignore=ignored)
    shutil.copytree(ROOT / "solutions" / "answers", folder / "solutions" / "answers", ignore=ignored)
    (folder / "solutions" / "assignments").mkdir()
    for stem in stems:
        shutil.copyfile(
            ROOT / "solutions" / "assignments" / f"{stem}.md", folder / "solutions" / "assignments" / f"{stem}.md"
        )
        weave.write(folder, stem)
    return folder
