"""Notebooks, as a student edits them."""

from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[2]


def edit(path, change):
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)


def by_name(notebook, name):
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)
