"""The table of contents, ``_toc.yml``: the order of chapters and assignments stands there and nowhere else."""

from pathlib import Path

import yaml

BELOW = ("parts", "chapters", "sections", "entries")  # the keys of an entry that hold further entries


def files(root):
    """Return the pages that the table of contents of `root` names, in order, without their endings."""
    return _files(yaml.safe_load((Path(root) / "_toc.yml").read_text(encoding="utf-8")))


def _files(entry):
    own = [entry[key] for key in ("root", "file") if key in entry]
    return own + [name for key in BELOW for below in entry.get(key, []) for name in _files(below)]


def stems(root):
    """Return the topics in the order of their assignments."""
    parts = [Path(name).parts for name in files(root)]
    return [stem for folder, *rest in parts if folder == "exercises" for stem in rest[:1]]


def pages(root):
    """Return the paths of all pages written in Markdown that there are, in order."""
    paths = [Path(root) / f"{name}.md" for name in files(root)]
    return [path for path in paths if path.is_file()]
