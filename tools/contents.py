"""The table of contents, ``_toc.yml``: the order of chapters and assignments stands there and nowhere else."""

import re
from pathlib import Path
from typing import Any

import yaml

NESTED_KEYS = ("parts", "chapters", "sections", "entries")  # the keys of an entry that hold further entries
LABEL = re.compile(r"^\(([\w-]+)\)=\s*$|\bname:\s*([a-z]\w*-[\w-]+)", re.MULTILINE)


def files(root: Path) -> list[str]:
    """Return the pages that the table of contents of `root` names, in order, without their endings."""
    return _files(yaml.safe_load(_path(root).read_text(encoding="utf-8")))


def _path(root: Path) -> Path:
    return Path(root) / "_toc.yml"


def _files(entry: dict[str, Any]) -> list[str]:
    names = [entry[key] for key in ("root", "file") if key in entry]
    return names + [name for key in NESTED_KEYS for nested in entry.get(key, []) for name in _files(nested)]


def stems(root: Path) -> list[str]:
    """Return the topics in the order of their assignments."""
    parts = [Path(name).parts for name in files(root)]
    return [stem for folder, *rest in parts if folder == "exercises" for stem in rest[:1]]


def pages(root: Path) -> list[Path]:
    """Return the paths of all pages written in Markdown that there are, in order."""
    paths = [Path(root) / f"{name}.md" for name in files(root)]
    return [path for path in paths if path.is_file()]


def labels(path: Path) -> list[str]:
    """Return the labels of sections and figures of a page."""
    text = re.sub(r"\A---\n.*?\n---\n", "", Path(path).read_text(encoding="utf-8"), flags=re.DOTALL)
    return [next(filter(None, groups)) for groups in LABEL.findall(text)]


def entered(root: Path, stem: str, after: str | None = None) -> dict[Path, str]:
    """Return {file: its text} with a topic entered: its chapter and its notebook, behind those of another topic.

    The other topic is the last one if it is not named. Nothing is returned where the topic is entered already. What
    cannot be done is a LookupError.
    """
    path, topics = _path(root), stems(root)
    if after is not None and after not in topics:
        raise LookupError(f"_toc.yml has no assignment {after}; it has {', '.join(topics)}")
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    for form in ("book/{0}", "exercises/{0}/{0}"):
        named = [line.partition("file: ")[2].strip() for line in lines]
        places = [named.index(name) for name in map(form.format, [after] if after else topics) if name in named]
        if form.format(stem) in named:
            continue
        if not places:
            raise LookupError(f"_toc.yml has no line after which {form.format(stem)} belongs: write it there by hand")
        lines.insert(max(places) + 1, lines[max(places)].replace(named[max(places)], form.format(stem)))
    return {path: "".join(lines)} if "".join(lines) != text else {}
