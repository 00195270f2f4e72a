"""Install the course into an environment, as the lock says: ``python -m tools.install .venv``.

uv does it where it can be had, pip where not. uv does not read pip's settings: where pip is told of another index, of a
folder of wheels or of a certificate, uv is told the same.
"""

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

if __package__ is None:  # run as a file
    sys.path.insert(0, str(Path(__file__).parents[1]))

from tools.dependencies import pins
from tools.lock import FOLDER

PROJECTS = ("autograder/student", "autograder/grader", "solutions")  # our own packages, installed from where they lie
SETTINGS = {  # of pip -> uv's variable for the same
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}


def python_of(environment: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return Path(environment) / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def like_pip(settings: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that tell uv what pip's settings say; what is set for uv already stays as it is.

    `settings` is what ``pip config list`` prints: a line ``global.index-url='https://...'`` for each.
    """
    variables = {}
    for line in settings.splitlines():
        key, _, value = line.partition("=")
        variable = SETTINGS.get(key.split(".")[-1])
        if variable and variable not in environ:
            variables[variable] = " ".join(shlex.split(value))
    if "UV_FIND_LINKS" in variables:
        variables["UV_FIND_LINKS"] = variables["UV_FIND_LINKS"].replace(" ", ",")
    return variables


def run(*command: str | Path, **options: Any) -> None:
    """Run a command; end the program with its status where it fails."""
    done = subprocess.run([str(word) for word in command], check=False, **options)
    if done.returncode:
        sys.exit(done.returncode)


def installer(python: Path, root: Path, flags: Sequence[str]) -> tuple[list[str | Path], dict[str, str]]:
    """Return the command that installs into an environment, and its variables: uv's, or pip's where there is no uv."""
    pip: list[str | Path] = [python, "-m", "pip"]
    (uv,) = [pin for pin in pins(root) if pin.name == "uv"]
    got = subprocess.run([*pip, "install", "--quiet", *flags, str(uv)], check=False, capture_output=True, text=True)
    if got.returncode:
        print("There is no uv for this machine; pip installs, which takes some minutes.")
        return [*pip, "install"], dict(os.environ)
    settings = subprocess.run([*pip, "config", "list"], check=False, capture_output=True, text=True).stdout
    environ = {**os.environ, **like_pip(settings, os.environ), "UV_INDEX_STRATEGY": "unsafe-best-match"}
    return [python, "-m", "uv", "pip", "install", "--python", python], environ


def install(environment: Path, root: Path, flags: Sequence[str] = ()) -> None:
    """Make an environment, or bring an old one to what the lock says."""
    python, locks = python_of(environment), Path(root) / FOLDER
    if not python.exists():
        run(sys.executable, "-m", "venv", environment)
    command, environ = installer(python, root, flags)
    command = [*command, *flags]
    run(*command, "--no-deps", "--require-hashes", "-r", locks / "course.txt", env=environ)
    run(*command, "torch", "-c", locks / "torch.txt", env=environ)
    editable = [word for project in PROJECTS for word in ("--editable", Path(root) / project)]
    run(*command, "--no-deps", "--no-build-isolation", *editable, env=environ)


def main(arguments: Sequence[str] | None = None) -> None:
    """Install the course into an environment, which is made where there is none."""
    parser = argparse.ArgumentParser(prog="python -m tools.install", description=main.__doc__)
    parser.add_argument("environment", type=Path, help="the folder of the environment, such as .venv")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the project (default: this folder)")
    options, flags = parser.parse_known_args(arguments)
    install(options.environment.absolute(), options.root.absolute(), flags)


if __name__ == "__main__":
    main()
