"""Write the skeleton of a task, and say what the task lacks: ``autograder new-task ASSIGNMENT NAME``.

A task stands in three places: its text and its right answer in the assignment, its check, and a second right answer.
"""

import argparse
import ast
import inspect
import keyword
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from convcourse import checks
from tools.draft import AuthorError, Draft, Places, kept_also, lacking, part
from tools.weave import ProjectPaths, WeaveError

TEXT = '''\

## {number}. TODO: a title

TODO: what is to be computed, and what it is good for. Say how arrays are shaped.

*By hand:* TODO: an example that is small enough to compute in the head.

```{{code-cell}}
#: answer {name}
def {name}(x):
    """TODO: say in one sentence what is returned.

    Parameters
    ----------
    x : (n,) float
        TODO: what it is, in which unit.

    Returns
    -------
    (n,) float
        TODO: what it is.

    Examples
    --------
    >>> {name}(np.array([1.0, 2.0]))  # TODO: the example by hand
    array([1., 2.])
    """
    ### BEGIN SOLUTION
    raise NotImplementedError  # TODO: the right answer
    ### END SOLUTION
```

```{{code-cell}}
#: check {name} {points:g}
```
'''
CHECK = """\
# --- {name} {line}


def _draw_{name}(sampler):
    return Case((sampler.array(sampler.integer(3, 9)),))  # TODO: one more call, drawn by chance


{constant} = Check(
    "{name}",
    section="{stem}#TODO",  # TODO: the label of the section that teaches it, as it stands in the page
    oracle=lambda x: x,  # TODO: what is right, by PyTorch, SciPy or NumPy, in another way than the right answer
    cases=(
        Case((np.array([3.0, -1.0, 2.0]),)),  # TODO: calls at the edges of the task, small ones first
    ),
    draw_case=_draw_{name},
    mistakes=(
        Mistake(
            "TODO: a mistake that students make",
            "TODO: what you say to a student who makes it.",
            lambda x: 2 * x,  # TODO: the mistake, as a function
        ),
    ),
)


"""
ANSWER = """

# --- {name} ---


def {name}__loops(x):
    raise NotImplementedError  # TODO: a right answer in another style, loops for example
"""


# --- writing -----------------------------------------------------------------------------------------------------


def write(root: Path, stem: str, name: str, points: float = 2) -> list[str]:
    """Write the parts of a task that are not there; return a line for each."""
    places = Places(root, stem)
    ProjectPaths(root).assignment(stem)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise AuthorError(f"{name} cannot name a task: it is the name of a function, in small letters, digits and _")
    made = []
    text = places.text.read_text(encoding="utf-8")
    if not _is_asked_for(text, name):
        number = 1 + max([0, *map(int, re.findall(r"^## (\d+)\.", text, re.MULTILINE))])
        made.append((places.text, text.rstrip("\n") + "\n" + TEXT.format(number=number, name=name, points=points)))
    text = places.checks.read_text(encoding="utf-8")
    if not _is_checked(text, name):
        made.append((places.checks, with_check(places.checks, text, stem, name)))
    text = places.answers.read_text(encoding="utf-8")
    if f"def {name}__" not in text:
        gap = "\n" if text.rstrip().endswith("import numpy as np") else "\n\n"
        made.append((places.answers, text.rstrip("\n") + "\n" + gap + ANSWER.format(name=name)))
    for path, new in made:
        path.write_text(new, encoding="utf-8", newline="\n")
    return [f"written: {path.relative_to(root)}, from line {part(path, name).start + 1}" for path, _ in made]


def _is_asked_for(text: str, name: str) -> bool:
    return re.search(rf"^#: (?:answer|solve) {name}\s*$", text, re.MULTILINE) is not None


def _is_checked(text: str, name: str) -> bool:
    return re.search(rf'^    "{name}",$|[Cc]heck\(\s*"{name}"', text, re.MULTILINE) is not None


def with_check(path: Path, text: str, stem: str, name: str) -> str:
    """Return the module of an assignment's checks with one check more, before the tuple that lists them all."""
    body = ast.parse(text, str(path)).body
    constant = name.upper()
    if any(isinstance(node, ast.Name) and node.id == constant for top in body for node in ast.walk(top)):
        raise AuthorError(f"{path.name} has a {constant} already: give the task another name")
    listed = next(
        node for node in reversed(body) if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CHECKS"
    )
    lines = text.splitlines(keepends=True)
    before, tail = lines[: listed.lineno - 1], "".join(lines[listed.lineno - 1 : listed.end_lineno]).rstrip()
    inside = tail.removesuffix(")").rstrip().removesuffix(",")
    if "\n" in inside:
        tail = f"{inside},\n    {constant},\n)\n"
    else:
        tail = f"{inside}{constant},)\n" if inside.endswith("(") else f"{inside}, {constant})\n"
    check = CHECK.format(stem=stem, name=name, constant=constant, line="-" * (112 - len(name)))
    return "".join(before) + check + tail + "".join(lines[listed.end_lineno :])


# --- the command -------------------------------------------------------------------------------------------------


def course(root: Path) -> Path:
    """Return the folder of a course, if it is the one whose checks are installed here."""
    root = Path(root).resolve()
    if not (root / "solutions" / "assignments").is_dir():
        raise AuthorError("this folder holds no course: run the command where solutions/ and _toc.yml lie")
    if not Path(inspect.getfile(checks)).resolve().is_relative_to(root):
        raise AuthorError("the checks that are installed here are not this folder's: activate the environment in .venv")
    return root


def show(about: str, missing: Sequence[str], also: Sequence[str] = ()) -> int:
    """Print what is missing from a task or an assignment; return the exit status."""
    print(f"{about}: nothing is missing." if not missing else f"{about} is not finished:")
    for sentence in missing:
        print(f"  - {sentence}")
    if also:
        print("To keep it in the course, make test asks for more:")
        for sentence in also:
            print(f"  - {sentence}")
    return 1 if missing else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the skeleton of a task, or what is not there of it, and say what it lacks. Call it again while you write.

    The exit status is 0 if nothing is missing, 1 if something is, 2 if nothing could be done.
    """
    parser = argparse.ArgumentParser(prog="autograder new-task", description=main.__doc__)
    parser.add_argument(
        "assignment", metavar="ASSIGNMENT", help="the assignment that gets the task: pooling for example"
    )
    parser.add_argument("name", metavar="NAME", help="the name of the function that students write")
    parser.add_argument("--points", type=float, default=2, help="what the task is worth (default: 2)")
    parser.add_argument("--check", action="store_true", help="write nothing, and say what is missing")
    options = parser.parse_args(arguments)
    try:
        root = course(Path.cwd())
        if not options.check:
            for line in write(root, options.assignment, options.name, options.points):
                print(line)
    except (AuthorError, WeaveError) as error:
        print(f"autograder new-task: {error}", file=sys.stderr)
        return 2
    about = f"{options.name} in {options.assignment}"
    try:
        draft = Draft.read(root, options.assignment)
    except AuthorError as error:
        return show(about, [f"{error}."])
    missing = lacking(draft, options.name)
    return show(about, missing, [] if missing else kept_also(draft, options.name))


if __name__ == "__main__":
    sys.exit(main())
