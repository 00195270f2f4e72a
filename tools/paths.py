"""The courses that come ready-made, and their hours: ``python -m tools.paths`` writes the table of the site.

Which topics a course has stands in ``autograder/grader/convgrader/rules/paths.toml``, and the hours of a topic in the
table of chapters in ``book/index.md``. An instructor's own choice is `path` or `topics` in ``course/course.toml``.
"""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tools import contents

DATA = "autograder/grader/convgrader/rules/paths.toml"
PAGE = "book/_paths.md"
RULES = "course/course.toml"
_HOURS = r"\]\({stem}\.md\).*\| ([\d.]+) h \| ([\d.]+)(?: to ([\d.]+))? h \|$"


class UnknownTopicsError(Exception):
    """Which topics a course has cannot be said; the message is a sentence without a full stop."""


def read(root: Path) -> dict[str, dict[str, Any]]:
    """Return the courses that come ready-made: {name: what paths.toml says of it}."""
    return tomllib.loads((Path(root) / DATA).read_text(encoding="utf-8"))


def chosen(root: Path, path: str | None = None) -> list[str]:
    """Return the topics of a path, or of what ``course/course.toml`` says, else of ``_toc.yml``; in its order."""
    all_stems, rules = contents.stems(root), Path(root) / RULES
    wanted: Any = None
    try:
        values = tomllib.loads(rules.read_text(encoding="utf-8-sig")) if path is None and rules.is_file() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnknownTopicsError(f"{RULES} cannot be read: {error}") from None
    path, wanted = path or values.get("path"), values.get("topics")
    if path is not None:
        ready = read(root)
        if path not in ready:
            raise UnknownTopicsError(f"there is no course {path}: there are {', '.join(ready)}")
        wanted = ready[path]["topics"]
    if wanted is None:
        return all_stems
    unknown = [str(topic) for topic in wanted if topic not in all_stems] if isinstance(wanted, list) else [str(wanted)]
    if unknown or not wanted:
        raise UnknownTopicsError(f"_toc.yml has no assignment {', '.join(unknown) or 'at all of this course'}")
    return [stem for stem in all_stems if stem in wanted]


def hours(root: Path, topics: Iterable[str]) -> tuple[float, float, float]:
    """Return the hours of reading, and the least and the most hours of work, by the table of chapters."""
    index = (Path(root) / "book" / "index.md").read_text(encoding="utf-8")
    total = [0.0, 0.0, 0.0]
    for stem in topics:
        found = re.search(_HOURS.format(stem=stem), index, re.MULTILINE)
        if found is None:
            raise LookupError(f"the table of chapters in book/index.md has no hours for {stem}")
        reading, least, most = found.groups()
        for place, value in enumerate((reading, least, most or least)):
            total[place] += float(value)
    return total[0], total[1], total[2]


def table(root: Path) -> str:
    """Return the table of the courses that come ready-made."""
    lines = ["| Course | Chapters | Read | Do | For | You need |", "|---|---|--:|--:|---|---|"]
    for name, about in read(root).items():
        reading, least, most = hours(root, about["topics"])
        work = f"{least:g} h" if least == most else f"{least:g} to {most:g} h"
        is_all = about["topics"] == contents.stems(root)
        links = ", ".join(f"[{stem.replace('_', ' ')}]({stem}.md)" for stem in about["topics"])
        chapters = "all, in their order" if is_all else links
        weeks = name.replace("-", " ")
        lines.append(f"| {weeks} | {chapters} | {reading:g} h | {work} | {about['for']} | {about['needs']} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (Path.cwd() / PAGE).write_text(table(Path.cwd()), encoding="utf-8", newline="\n")
    print(f"{PAGE} is written")
