"""What decides a score beside the submission and the seed: the checks, what they rest on, and the assignment itself."""

import ast
import hashlib
from importlib import metadata
from pathlib import Path

import convcourse
import convgrader

ORACLES = ("numpy", "torch", "scipy", "scikit-image", "scikit-learn")  # another version of these may judge otherwise
GRADER = ("convgrader.worker", "convgrader.sandbox.zygote")  # what reads, runs and scores a notebook: both processes


def fingerprint(sources, budget):
    """Return the fingerprint of all that the scores of an assignment hang on, as 64 hexadecimal digits.

    Where it changes, what was graded before has to be graded again for all scores to be of one kind.

    Parameters
    ----------
    sources : dict
        The assignment's notebooks: name -> SourceNotebook.
    budget : Budget
        The time that a submission has: with less of it another score may come out.
    """
    found = hashlib.sha256(repr(budget).encode())
    topics = {topic for source in sources.values() for topic in source.plan.topics}
    for name, path in sorted(_imported([*GRADER, *(f"convcourse.checks.{topic}" for topic in topics)]).items()):
        found.update(name.encode() + path.read_bytes())
    for name in ORACLES:
        found.update(f"{name}=={metadata.version(name)}".encode())
    for source in sources.values():
        plan = source.plan
        found.update(repr((source.name, plan.locked, plan.graded, [cell.name for cell in source.cells])).encode())
    return found.hexdigest()


def _imported(names):
    """Return the modules of our packages that some modules import, with all that those import: name -> file."""
    folders = {package.__name__: Path(package.__file__).parent for package in (convcourse, convgrader)}
    todo, found = list(names), {}
    while todo:
        name = todo.pop()
        top, *inside = name.split(".")
        if top not in folders or not inside or name in found:
            continue
        place = folders[top].joinpath(*inside)
        path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if not path.is_file():  # a name in a module, not a module
            continue
        found[name] = path
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                todo += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                todo += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found
