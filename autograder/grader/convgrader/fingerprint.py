"""What decides a score beside the submission and the seed: the checks, what they rest on, and the assignment itself."""

import hashlib
from importlib import metadata
from pathlib import Path

import convcourse

ORACLES = ("numpy", "torch", "scipy", "scikit-image", "scikit-learn")  # another version of these may judge otherwise
SHARED = ("calls", "engine", "networks", "provided.py")  # what the checks of every topic rest on


def fingerprint(sources):
    """Return the fingerprint of all that the scores of an assignment hang on, as 64 hexadecimal digits.

    Where it changes, what was graded before has to be graded again for all scores to be of one kind.

    Parameters
    ----------
    sources : dict
        The assignment's notebooks: name -> SourceNotebook.
    """
    found = hashlib.sha256()
    topics = {topic for source in sources.values() for topic in source.plan.topics}
    for path in _files(topics):
        found.update(path.name.encode() + path.read_bytes())
    for name in ORACLES:
        found.update(f"{name}=={metadata.version(name)}".encode())
    for source in sources.values():
        plan = source.plan
        found.update(repr((source.name, plan.locked, plan.graded)).encode())
    return found.hexdigest()


def _files(topics):
    """Return the files of convcourse that the checks of some topics are made of, in order."""
    package = Path(convcourse.__file__).parent
    shared = [package / name for name in SHARED]
    found = [path for place in shared for path in ([place] if place.is_file() else place.glob("*.py"))]
    return sorted([*found, *(package / "checks" / f"{topic}.py" for topic in topics)])
