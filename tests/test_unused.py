"""A private name that nothing uses is a piece of code that nobody needs."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("autograder", "solutions/miniconv", "tools", "book/_ext", "book/drawings", "book/experiments")
TREES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for folder in (*FOLDERS, "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
}


def private(tree):
    """Return the private names that a module defines at its top."""
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    targets = [name for node in tree.body for target in getattr(node, "targets", ()) for name in ast.walk(target)]
    found |= {name.id for name in targets if isinstance(name, ast.Name)}
    return {name for name in found if name.startswith("_") and not name.endswith("__")}


def read(tree):
    """Return the names that a module reads."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def borrowed(tree):
    """Return the names that a module takes from others: as attributes, by import, in a text that names one."""
    found = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    found |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return found | {text.rpartition(".")[2] for text in texts if len(text) < 200}


def test_every_private_name_is_used():
    taken = set().union(*map(borrowed, TREES.values()))
    unused = {
        name: found
        for name, tree in TREES.items()
        if name.startswith(FOLDERS) and (found := private(tree) - read(tree) - taken)
    }
    assert unused == {}
