"""Write the dependencies of the packages from the one list of them, requirements.txt.

A line there is a pin, and behind it who needs the package and in which versions: ``numpy==2.4.6  # student >=2.0``.
A pin for some machines alone has a marker of pip before that: ``; sys_platform == "darwin"``.
From these remarks come the lists in the packages' ``pyproject.toml``, the pins of the student kit, and what a notebook
on Colab installs before the wheel.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = {  # who -> the distribution's folder
    "student": "autograder/student",
    "grader": "autograder/grader",
    "package": "autograder/package",
    "reference": "solutions",
}
OTHERS = {"colab"}  # who else needs packages: a notebook on Colab, before the wheel
OURS = {"grader": ["convcourse"]}  # dependencies among ourselves, which no index has
LINE = re.compile(
    r"(?P<name>[\w.-]+)==(?P<version>[\w.]+)(?:\s*;\s*(?P<marker>[^#]*[^#\s]))?\s*(?:#\s*(?P<remark>.*))?"
)
REMARK = re.compile(r"(?P<who>\w+)(?:\s+(?P<range>[<>=!~][\w.<>=!~,]*))?")
LIST = re.compile(r"^dependencies = \[[^\]]*\]$", re.MULTILINE)


@dataclass(frozen=True)
class Pin:
    """A line of requirements.txt: `needed` says by whom, and in which versions, `marker` on which machines."""

    name: str
    version: str
    needed: dict[str, str] = field(default_factory=dict)
    marker: str = ""

    def __str__(self) -> str:
        return self.line(f"=={self.version}")

    def line(self, versions: str) -> str:
        """Return the package as a requirement of some versions."""
        return f"{self.name}{versions}{'; ' * bool(self.marker)}{self.marker}"


def pins(root: Path) -> list[Pin]:
    """Return the pins of requirements.txt, in order.

    Raises
    ------
    ValueError
        For a line that is none.
    """
    requirements = []
    for line in (Path(root) / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.fullmatch(line.strip())
        remarks = [REMARK.fullmatch(word.strip()) for word in (match["remark"] or "").split(", ")] if match else [None]
        if match is None or (match["remark"] and None in remarks):
            raise ValueError(f"requirements.txt: {line!r} is not of the form `name==1.2; marker  # who >=1.0`")
        needed = {remark["who"]: remark["range"] or "" for remark in remarks if remark}
        if unknown := set(needed) - {*PACKAGES, *OTHERS}:
            raise ValueError(f"requirements.txt: nobody is called {min(unknown)!r} in {line!r}")
        requirements.append(Pin(match["name"], match["version"], needed, match["marker"] or ""))
    return requirements


def needed_by(root: Path, who: str) -> list[Pin]:
    """Return the pins that somebody needs."""
    return [pin for pin in pins(root) if who in pin.needed]


def dependencies(root: Path, who: str) -> list[str]:
    """Return the dependencies of a package, as its pyproject.toml lists them."""
    return [*OURS.get(who, []), *(pin.line(pin.needed[who]) for pin in needed_by(root, who))]


def updated(root: Path, who: str) -> str:
    """Return the text of a package's pyproject.toml with its dependencies as they should be."""
    text = (Path(root) / PACKAGES[who] / "pyproject.toml").read_text(encoding="utf-8")
    lines = "".join(f'    "{name}",\n' for name in dependencies(root, who))
    return LIST.sub(f"dependencies = [\n{lines}]" if lines else "dependencies = []", text, count=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the dependencies of every package; with --check, write nothing and say what is stale."""
    parser = argparse.ArgumentParser(prog="python -m tools.dependencies", description=main.__doc__)
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the project (default: this folder)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a list is stale")
    options = parser.parse_args(arguments)
    stale = False
    for who, folder in PACKAGES.items():
        path, text = options.root / folder / "pyproject.toml", updated(options.root, who)
        if path.read_text(encoding="utf-8") == text:
            continue
        stale = True
        if options.check:
            print(f"{folder}/pyproject.toml is stale: run `make dependencies`", file=sys.stderr)
        else:
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"wrote {folder}/pyproject.toml")
    return int(stale and options.check)


if __name__ == "__main__":
    sys.exit(main())
