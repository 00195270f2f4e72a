"""Build what an instructor hands out instead of this repository: notebooks, the wheel of ``convcourse``, a README.

The notebooks are those that ``_toc.yml`` names, or of these what ``course/course.toml`` or ``--path`` takes: a shorter
course has a smaller kit.

Where the kit is published as a repository of its own, its address makes the notebooks open anywhere: the site shows
launch buttons, and a notebook's first cell fetches the wheel from there. The address is ``course_launch.kit`` in
``_config.yml``, or the environment's ``COURSE_KIT``. Where the site has an address (``html.baseurl`` in
``_config.yml``, or ``COURSE_SITE``), the checks link to its sections.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbgrader.utils import compute_checksum
from traitlets.config.loader import PyFileConfigLoader

import convcourse
from convcourse import site
from tools import contents, lock, paths
from tools.weave import SETUP, ProjectPaths, setup_cell, text_of
from tools.weave import WHEEL as ANY_WHEEL

EPOCH = 1_767_225_600  # files in the wheel and the archive bear this time, so that two builds are the same
README = """\
# Convolutional networks: the notebooks

One notebook per topic. You write functions in NumPy; the check below each of them says what is wrong and shows the
smallest case that fails. No grade depends on how often you try.

## On your own computer

You need Python 3.11 or newer. In this folder, once:

    python3 -m venv .venv
    source .venv/bin/activate
    python -m pip install -r requirements.txt

On Windows the first two lines are, in PowerShell, `py -m venv .venv` and `.venv\\Scripts\\Activate.ps1`; if it refuses
to run scripts, allow it for this window: `Set-ExecutionPolicy -Scope Process RemoteSigned`. On Windows on ARM take
Python's "Windows installer (64-bit)", on a Mac with an Intel processor Python 3.11 or 3.12. Activate the environment
again in every new terminal. On Linux you get PyTorch with CUDA. The CPU build is enough, and smaller by some
gigabytes: `--extra-index-url` with PyTorch's index of CPU builds, behind the last line, takes that one. `python -m
pip install uv`, and `uv pip install -r requirements.txt` in the place of the last line, does the same in a fraction of
the time.

Then, for each topic:

    autograder start pooling                  # copies the notebook to work/
    jupyter lab work/pooling/pooling.ipynb

Fill a cell, run it, run the check below it. In the terminal the same verdicts and a table of points:

    autograder check work/pooling/pooling.ipynb

## On Colab, Binder or a JupyterHub

{elsewhere}

## When there is a newer kit

    autograder update --kit student-kit.zip

takes it over (on Windows `python -m convcourse update --kit student-kit.zip`): its checks, and the notebooks that you
have begun, cell by cell. What you wrote stays, and the notebook as it was is kept beside the new one. Where you have
unpacked the newer kit over this folder, `autograder update` is enough.

## Handing in

    autograder submit work/pooling/pooling.ipynb --student your-name

writes the archive to hand in, and says what will be otherwise when it is graded. Save the notebook first.

## The topics

{topics}
"""


class KitError(Exception):
    """Why there can be no kit, in a sentence."""


def version(root: Path) -> str:
    """Return the version of a kit's wheel: the course's own, and a fingerprint of all that is in the wheel.

    pip keeps what is installed where a version is the same, so whatever changes in the package changes its version.
    """
    folder, settings = Path(root) / "autograder" / "student", f"{site.configured(root)} {limits(root)}"
    digest = hashlib.sha256(settings.encode())
    for path in [*sorted((folder / "convcourse").rglob("*.py")), folder / "pyproject.toml"]:
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return f"{convcourse.__version__}+k{digest.hexdigest()[:8]}"


def limits(root: Path) -> dict[str, float]:
    """Return the times that ``nbgrader_config.py`` sets for grading, under their names in ``convcourse.limits``."""
    if not (Path(root) / "nbgrader_config.py").is_file():
        return {}
    config = PyFileConfigLoader("nbgrader_config.py", str(root)).load_config().get("GradeCells", {})
    return {name.upper(): float(config[name]) for name in ("cell_seconds", "notebook_seconds") if name in config}


def _rewrite(path: Path, pattern: str, text: str) -> None:
    """Put a text in the place of what a pattern finds in a line of a file."""
    source, count = re.subn(pattern, lambda _: text, path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if count != 1:
        raise RuntimeError(f"{path.name} has {count} lines like {pattern}, and not one")
    path.write_text(source, encoding="utf-8", newline="\n")


def wheel_name(root: Path) -> str:
    """Return the name of a kit's wheel."""
    return f"convcourse-{version(root)}-py3-none-any.whl"


def build_wheel(root: Path, folder: Path) -> Path:
    """Build the wheel that students install into `folder`; return it.

    It is ``autograder/student``, whole, with a version of its own, the times of grading and the address of the site.
    """
    root = Path(root)
    with tempfile.TemporaryDirectory() as copy:
        source = Path(copy) / "autograder" / "student"
        shutil.copytree(root / "autograder" / "student", source, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copyfile(root / "LICENSE", source / "LICENSE")
        package = source / "convcourse"
        (package / site.FILE).write_text(site.configured(root) + "\n", encoding="utf-8", newline="\n")
        _rewrite(package / "__init__.py", r"(?<=^__version__ = ).*", f'"{version(root)}"')
        for name, seconds in limits(root).items():
            _rewrite(package / "limits.py", rf"(?<=^{name} = )[\d.]+", repr(seconds))
        command = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--wheel-dir",
            str(folder),
            str(source),
        ]
        done = subprocess.run(
            command, check=False, env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}, capture_output=True, text=True
        )
    wheel = Path(folder) / wheel_name(root)
    if done.returncode or not wheel.is_file():
        raise KitError(f"the wheel could not be built:\n{done.stdout}{done.stderr}")
    return wheel


def requirements(root: Path) -> str:
    """Return the lines of the students' requirements: what the lock pins for them, and the wheel."""
    return "\n".join([*lock.requirements(root, "student.txt"), f"./{wheel_name(root)}"]) + "\n"


def topics(root: Path, stems: Sequence[str]) -> str:
    """Return one line per notebook: its name, its title, its points."""
    lines = []
    for stem in stems:
        notebook = nbformat.read(ProjectPaths(Path(root)).released(stem), as_version=4)
        titles = [c.source for c in notebook.cells if c.cell_type == "markdown" and c.source.startswith("# ")]
        title = titles[0].splitlines()[0].removeprefix("# ") if titles else stem
        points = sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in notebook.cells)
        lines.append(f"- `{stem}`: {title} ({points:g} points)")
    return "\n".join(lines)


def wheel_address(root: Path) -> str:
    """Return where a notebook's first cell finds the wheel: in the published kit, else beside the notebook."""
    address, branch = site.kit(root)
    return f"{address}/raw/{branch}/{wheel_name(root)}" if address else ANY_WHEEL


def notebook(path: Path, wheel: str) -> str:
    """Return the text of a student's notebook whose first cell finds the wheel at `wheel`."""
    released = nbformat.read(path, as_version=4)
    provided = released.metadata["course"]["provided"]
    for cell in released.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("grade_id") == SETUP:
            cell.source = setup_cell(path.stem, provided, wheel)
            about["checksum"] = compute_checksum(cell)
    return text_of(released)


def refuse_if_incomplete(root: Path, stems: Sequence[str]) -> None:
    """Refuse to make a kit without an assignment that it is to have."""
    released = ProjectPaths(Path(root)).released
    missing = [stem for stem in stems if not released(stem).is_file()]
    if missing:
        raise KitError(
            f"_toc.yml names {', '.join(missing)}, and there is no {released(missing[0]).relative_to(root)}: run "
            "`make weave`, or take the assignment out of _toc.yml"
        )


def build(root: Path, folder: Path, stems: Sequence[str] | None = None) -> Path:
    """Write the kit into `folder`, in the place of an earlier one once it is whole; return the folder.

    `stems` are its topics; None stands for all of the table of contents.
    """
    root, folder = Path(root), Path(folder)
    stems = contents.stems(root) if stems is None else stems
    refuse_if_incomplete(root, stems)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".kit-", dir=folder.parent) as place:
        draft = Path(place) / folder.name
        draft.mkdir()
        _fill(root, draft, stems)
        if folder.exists():
            folder.rename(Path(place) / "earlier")
        draft.rename(folder)
    return folder


def _fill(root: Path, folder: Path, stems: Sequence[str]) -> None:
    address = wheel_address(root)
    build_wheel(root, folder)
    for path in [path for stem in stems for path in sorted(root.glob(f"exercises/{stem}/*"))]:
        if path.is_file() and path.name != ".gitkeep":
            target = folder / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".ipynb":
                target.write_text(notebook(path, address), encoding="utf-8", newline="\n")
            else:
                shutil.copyfile(path, target)
    (folder / "requirements.txt").write_text(requirements(root), encoding="utf-8", newline="\n")
    elsewhere = "Open the notebook" if address != ANY_WHEEL else f"Upload the notebook and `{wheel_name(root)}`"
    elsewhere += ", and run the first cell: it installs the checks if they are not there."
    text = README.format(elsewhere=elsewhere, topics=topics(root, stems))
    (folder / "README.md").write_text(text, encoding="utf-8", newline="\n")
    shutil.copyfile(root / "LICENSE", folder / "LICENSE")


def pack(folder: Path, archive: Path) -> Path:
    """Pack a folder into a zip file, the same bytes for the same content."""
    folder, archive = Path(folder), Path(archive)
    draft = archive.with_suffix(".new")
    with zipfile.ZipFile(draft, "w") as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                info = zipfile.ZipInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}", (2026, 1, 1, 0, 0, 0))
                info.external_attr = 0o644 << 16
                file.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return draft.replace(archive)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the student kit: a folder and a zip file in dist/."""
    parser = argparse.ArgumentParser(prog="python -m tools.kit", description=main.__doc__)
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the project (default: this folder)")
    parser.add_argument("--path", metavar="NAME", help="a course that comes ready-made, 7-weeks for example")
    options = parser.parse_args(arguments)
    try:
        stems = paths.chosen(options.root, options.path)
        folder = build(options.root, options.root / "dist" / "student-kit", stems)
    except (KitError, paths.UnknownTopicsError) as error:
        print(f"There is no new kit: {error}.", file=sys.stderr)
        return 1
    archive = pack(folder, folder.with_suffix(".zip"))
    if len(stems) < len(contents.stems(options.root)):
        print(f"It holds {len(stems)} of {len(contents.stems(options.root))} notebooks: {', '.join(stems)}")
    print(f"The kit: {folder.relative_to(options.root)}/ and {archive.relative_to(options.root)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
