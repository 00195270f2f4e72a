"""What decides a score beside the submission and the seed: the checks, what they rest on, and the assignment itself."""

import ast
import hashlib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import convcourse
import convgrader

if TYPE_CHECKING:
    from convgrader.jobs import Budget
    from convgrader.notebooks.source import SourceNotebook

ORACLES = ("numpy", "torch", "scipy", "scikit-image", "scikit-learn")  # another version of these may judge otherwise
GRADER = ("convgrader.worker", "convgrader.sandbox.zygote")  # what reads, runs and scores a notebook: both processes


def fingerprint(sources: "dict[str, SourceNotebook]", budget: "Budget") -> str:
    """Return the fingerprint of all that the scores of an assignment hang on, as 64 hexadecimal digits.

    Where it changes, what was graded before has to be graded again for all scores to be of one kind.

    Parameters
    ----------
    sources : dict
        The assignment's notebooks: name -> SourceNotebook.
    budget : Budget
        The time that a submission has: with less of it another score may come out.
    """
    sha256 = hashlib.sha256(repr(budget).encode())
    topics = {topic for source in sources.values() for topic in source.plan.topics}
    for name, path in sorted(_imported_modules([*GRADER, *(f"convcourse.checks.{topic}" for topic in topics)]).items()):
        sha256.update(name.encode() + path.read_bytes())
    for name in ORACLES:
        sha256.update(f"{name}=={metadata.version(name)}".encode())
    for source in sources.values():
        plan = source.plan
        sha256.update(repr((source.name, plan.locked, plan.points, [cell.name for cell in source.cells])).encode())
    return sha256.hexdigest()


def _imported_modules(names: Iterable[str]) -> dict[str, Path]:
    """Return the modules of our packages that some modules import, with all that those import: name -> file."""
    folders = {package.__name__: Path(str(package.__file__)).parent for package in (convcourse, convgrader)}
    modules: dict[str, Path] = {}
    pending = list(names)
    while pending:
        name = pending.pop()
        top, *inside = name.split(".")
        if top not in folders or not inside or name in modules:
            continue
        path = folders[top].joinpath(*inside)
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if not path.is_file():  # a name in a module, not a module
            continue
        modules[name] = path
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                pending += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                pending += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return modules
