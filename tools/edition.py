"""Write what the editions with solutions add to the site: ``python -m tools.edition [ROOT] [--topics STEM ...]``.

Makes `build/instructor/`: a page per topic with the solution of every task and the module of the reference package, and
the configuration and table of contents that include them. Then, as `make book-instructor` does:

    jupyter-book build . --config build/instructor/_config.yml --toc build/instructor/_toc.yml \
        --path-output build/instructor-site -n -W --keep-going

With ``--topics`` it is the edition for students, in `build/answers/`, with the solutions of these topics alone: those
whose deadline has passed, as `make book-answers` asks ``autograder answers --passed``.

The public site never sees these files. Chapters are taken from the public build's cache, not run again.
"""

import argparse
import re
import shutil
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes

from tools import contents, weave

FOLDER = "build/instructor"
ANSWERS = "build/answers"  # for students
INTRODUCTION = """# Solutions

For instructors only: the reference code behind every assignment, and a model answer to its written question. The tasks
of the notebooks link here, and each solution links back to its task.

"""

FOR_STUDENTS = """# Solutions

The reference code behind the assignments whose deadline has passed, and a model answer to each written question.

"""


def anchor(stem: str, name: str) -> str:
    """Return the label of a task's solution."""
    return f"solution-{stem}-{name}".replace("_", "-").lower()


def task_link(stem: str, title: str) -> str:
    """Return a link to a task in its notebook; docutils makes the anchor of a heading out of its text."""
    target = nodes.make_id(re.sub(r"[$`*]", "", title))
    return f'<a href="../../exercises/{stem}/{stem}.html#{target}">{title}</a>'


def fenced(code: str) -> str:
    """Return code as a block of MyST that holds backticks too."""
    return f"`````python\n{code.rstrip()}\n`````\n"


def page(root: Path, stem: str) -> str:
    """Return the page of one topic."""
    text = f"(solutions-{stem.replace('_', '-')})=\n# Solutions: {stem.replace('_', ' ')}\n\n"
    text += f"The assignment: [](../../exercises/{stem}/{stem}.ipynb). The chapter: [](../../book/{stem}.md).\n"
    woven = weave.woven(root, stem)
    titles = {task.name: task.title for task in woven.tasks}
    answers = [(solution.name, fenced(solution.code)) for solution in woven.solutions]
    answers += [(name, f"{words}\n") for name, words in woven.model_answers.items()]
    for name, answer in answers:
        link = task_link(stem, titles[name])
        text += f"\n({anchor(stem, name)})=\n## {name}\n\nTask: {link}\n\n{answer}"
    module = root / "solutions" / "miniconv" / f"{stem}.py"
    if module.is_file():
        text += f"\n## The whole module\n\n`miniconv/{stem}.py`:\n\n{fenced(module.read_text(encoding='utf-8'))}"
    return text


def configuration(root: Path, stems: list[str], folder: str = FOLDER) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the edition's configuration and table of contents: the public ones, and more.

    The tasks of the notebooks link to their solutions in the instructor's edition, which has all of them.
    """
    is_instructors = folder == FOLDER
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    config["title"] += " (instructor's edition)" if is_instructors else " (with solutions)"
    config["execute"]["cache"] = str(root / "_build" / ".jupyter_cache")
    up = Path(folder).parts
    local = config["sphinx"]["local_extensions"]
    config["sphinx"]["local_extensions"] = {name: "/".join([".."] * len(up) + [path]) for name, path in local.items()}
    config["sphinx"]["config"]["course_instructor"] = is_instructors
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    pages = [{"file": f"{folder}/{stem}"} for stem in stems]
    caption = "For instructors" if is_instructors else "Solutions"
    appendix = {"caption": caption, "chapters": [{"file": f"{folder}/index"}, *pages]}
    toc["parts"].append(appendix)
    return config, toc


def write(root: Path, topics: Collection[str] | None = None) -> int:
    """Write the edition's files, of all topics for instructors or of some for students; return how many solutions.

    What an earlier edition had is removed: a topic that may not be seen any more must not stay.
    """
    place = FOLDER if topics is None else ANSWERS
    folder = root / place
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    stems = [stem for stem in contents.stems(root) if topics is None or stem in topics]
    count, index = 0, INTRODUCTION if topics is None else FOR_STUDENTS
    for stem in stems:
        woven = weave.woven(root, stem)
        names = [*(solution.name for solution in woven.solutions), *woven.model_answers]
        count += len(names)
        links = ", ".join(f"[{name}](#{anchor(stem, name)})" for name in names)
        index += f"- [](#solutions-{stem.replace('_', '-')}): {links}\n"
        (folder / f"{stem}.md").write_text(page(root, stem), encoding="utf-8")
    (folder / "index.md").write_text(index, encoding="utf-8")
    for name, values in zip(("_config.yml", "_toc.yml"), configuration(root, stems, place), strict=True):
        (folder / name).write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return count


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files of an edition with solutions."""
    parser = argparse.ArgumentParser(prog="python -m tools.edition", description=main.__doc__)
    parser.add_argument("root", nargs="?", type=Path, default=Path.cwd(), help="the project (default: this folder)")
    parser.add_argument("--topics", nargs="+", metavar="STEM", help="for students: the solutions of these alone")
    options = parser.parse_args(arguments)
    root = options.root.resolve()
    unknown = sorted(set(options.topics or ()) - set(contents.stems(root)))
    if unknown:
        print(f"_toc.yml has no assignment {', '.join(unknown)}.", file=sys.stderr)
        return 1
    print(f"{write(root, options.topics)} solutions written into {FOLDER if options.topics is None else ANSWERS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
