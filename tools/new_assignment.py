"""Write the skeleton of an assignment, and say what it lacks: ``autograder new-assignment ASSIGNMENT``.

An assignment has one name, its stem, in all places: its text, its checks, its right answers, its chapter, and two lines
of ``_toc.yml``. Its tasks are written by ``autograder new-task``.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tools import contents, draft
from tools.draft import AuthorError, Draft, Places, todo
from tools.new_task import course, show

TEXT = """\
---
jupytext: {{text_representation: {{extension: .md, format_name: myst}}}}
kernelspec: {{display_name: Python 3, language: python, name: python3}}
---

# {title}

TODO: what students will do here, what they need for it, and how long it takes.
"""
CHECKS = '''\
"""{title}: the checks of the assignment."""

import numpy as np

from convcourse.engine.check import Check
from convcourse.engine.model import Case, Mistake

CHECKS = ()
'''
ANSWERS = '''\
"""Right answers to the tasks of the assignment, in several styles."""

import numpy as np
'''
CHAPTER = """\
---
jupytext: {{text_representation: {{extension: .md, format_name: myst}}}}
kernelspec: {{display_name: Python 3, language: python, name: python3}}
---
({label})=
# {title}

TODO: the question that this chapter answers.

```{{code-cell}} ipython3
import numpy as np
```

({label}-first)=
## TODO: a section for each task, with a label above its heading

TODO: what the task asks for, explained.

**Assignment: the notebook `{stem}`.**

```{{assignment}}
```
"""


def write(root: Path, stem: str, title: str, after: str | None = None) -> list[str]:
    """Write the parts of an assignment that are not there; return a line for each."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", stem):
        raise AuthorError(f"{stem} cannot name an assignment: use small letters, digits and _")
    places, label = Places(root, stem), stem.replace("_", "-")
    texts = {places.text: TEXT, places.checks: CHECKS, places.answers: ANSWERS, places.chapter: CHAPTER}
    about = {"title": title, "stem": stem, "label": label}
    made = {path: text.format(**about) for path, text in texts.items() if not path.exists()}
    try:
        made |= contents.entered(root, stem, after)
    except LookupError as error:
        raise AuthorError(error.args[0]) from None
    for path, text in made.items():
        path.write_text(text, encoding="utf-8", newline="\n")
    return [f"written: {path.relative_to(root)}" for path in made]


def lacking(root: Path, stem: str) -> list[str]:
    """Return what an assignment lacks before students can have it: a list of sentences."""
    places, named = Places(root, stem), contents.files(root)
    missing = [] if f"exercises/{stem}/{stem}" in named else [f"_toc.yml does not name exercises/{stem}/{stem}."]
    pages = [places.chapter] if f"book/{stem}" in named else []
    for path in (*pages, places.text, places.checks, places.answers):
        missing += todo(path) if path.is_file() else [f"There is no {path.relative_to(root)}."]
    try:
        read = Draft.read(root, stem)
    except AuthorError as error:
        return [*missing, f"{error}."]
    if not read.tasks:
        missing.append(f"It has no task: autograder new-task {stem} NAME writes one.")
    tasks = [name for name in read.tasks if name in read.checks]  # trained networks have no check of this kind
    return missing or [f"{name}: {sentence}" for name in tasks for sentence in draft.lacking(read, name)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the skeleton of an assignment, or what is not there of it, and say what it lacks.

    The exit status is 0 if nothing is missing, 1 if something is, 2 if nothing could be done.
    """
    parser = argparse.ArgumentParser(prog="autograder new-assignment", description=main.__doc__)
    parser.add_argument("assignment", metavar="ASSIGNMENT", help="its name in all places: sound for example")
    parser.add_argument("--title", help="its title (default: its name)")
    parser.add_argument("--after", metavar="OTHER", help="the assignment that it follows (default: the last one)")
    parser.add_argument("--check", action="store_true", help="write nothing, and say what is missing")
    options = parser.parse_args(arguments)
    stem = options.assignment
    try:
        root = course(Path.cwd())
        if not options.check:
            for line in write(root, stem, options.title or stem.replace("_", " ").capitalize(), options.after):
                print(line)
        return show(stem, lacking(root, stem))
    except AuthorError as error:
        print(f"autograder new-assignment: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
