"""``autograder update``: take over a newer kit: its checks, and its notebooks, cell by cell."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from convcourse.commands.kit import REQUIREMENTS, Kit
from convcourse.commands.notebook import assignment_of, assignments, find_root, read_notebook, short, writing
from convcourse.errors import UsageError

if TYPE_CHECKING:
    from convcourse.commands.merge import Merged
    from convcourse.commands.notebook import SubmittedNotebook
    from convcourse.terminal import Commands

HELP = "take over a newer release: its checks, and its tasks"


def add_parser(commands: "Commands") -> None:
    """Add ``update`` to the parser of ``autograder``."""
    parser = commands.add_parser("update", help=HELP, description=update.__doc__)
    parser.add_argument(
        "notebooks", nargs="*", type=Path, metavar="PATH", help="the notebooks (default: those of all topics in work/)"
    )
    parser.add_argument(
        "--kit", type=Path, metavar="KIT", help="the newer kit, a zip file or folder (default: unpacked here already)"
    )
    parser.set_defaults(run=lambda options: update(options.notebooks, options.kit))


def update(notebooks: Sequence[Path] = (), kit: Path | None = None, here: Path | None = None) -> int:
    """Install the checks of a newer student kit, and bring notebooks up to its release, cell by cell.

    Answers, cells of your own and outputs stay, and the notebook as it was stays beside the new one.
    """
    from convcourse.commands.merge import merge

    root = _root(here or (Path(notebooks[0]).resolve().parent if notebooks else Path.cwd()), kit)
    installed, merges = Kit(root), []
    if kit:
        _remember_all(installed)
        installed.take_over(kit)
    for path in notebooks or _started(installed):
        notebook = read_notebook(path)
        stem = assignment_of(notebook, path)
        released = read_notebook(installed.released(stem))
        merges.append((Path(path), stem, notebook, merge(notebook, installed.base(path, stem), released)))
    _install(installed)
    for path, stem, notebook, merged in merges:
        _write(path, notebook, merged, short(installed.released(stem)))
        if path.resolve() == installed.copy(stem).resolve():
            installed.remember(stem)
    return 0


def _root(here: Path, kit: Path | None) -> Path:
    """Return the folder of the course; where there is none, as on Colab, a kit makes one of the folder given."""
    try:
        return find_root(here)
    except UsageError:
        if kit is None:
            raise
        return Path(here)


def _started(kit: Kit) -> list[Path]:
    """List the notebooks in work/ that bear their assignment's name."""
    copies = [kit.copy(stem) for stem in assignments(kit.root) if kit.copy(stem).exists()]
    if not copies:
        print("There is no notebook in work/ yet: autograder start copies one there.")
    return copies


def _remember_all(kit: Kit) -> None:
    """Keep the releases of this folder, before newer ones take their place."""
    for stem in assignments(kit.root):
        if kit.copy(stem).exists() and not kit.started_from(stem).exists():
            kit.remember(stem)


def _install(kit: Kit) -> None:
    """Install the checks of the kit, and whatever else its list of requirements has."""
    if kit.wheel is None or not kit.outdated_checks_note():
        return
    print(f"Installing {kit.wheel.name} ...", flush=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet"]
    on_colab = "COLAB_RELEASE_TAG" in os.environ  # which has all else, in versions of its own
    command += ["--no-deps", str(kit.wheel)] if on_colab else ["--requirement", REQUIREMENTS]
    if subprocess.run(command, cwd=kit.root, check=False).returncode:
        raise UsageError(
            f"pip could not install {kit.wheel.name}, see above; your notebooks are as they were. Mend that, and run "
            "python -m convcourse update (under this name also on Windows, where a running autograder is not replaced)"
        )
    with writing(kit.root):
        kit.remove_other_wheels()


def _write(path: Path, notebook: "SubmittedNotebook", merged: "Merged", released: Path) -> None:
    """Write a notebook that was merged; keep the old one beside it, and say what has changed."""
    import nbformat

    if merged.notebook.cells == notebook.cells and merged.notebook.metadata == notebook.metadata:
        print(f"{short(path)} follows the newest release.")
        return
    backup, fresh = _free(path), path.with_name(f".{path.name}.new")
    with writing(path):
        fresh.write_text(nbformat.writes(merged.notebook) + "\n", encoding="utf-8", newline="\n")
        shutil.copyfile(path, backup)
        fresh.replace(path)
    print(f"{short(path)} follows the newest release now. If it is open in JupyterLab, reload it from disk.")
    for message in merged.sentences(released):
        print(f"  {message}")
    print(f"  As it was before: {short(backup)}")


def _free(path: Path) -> Path:
    """Return a name beside a notebook, for what it was, that no file has."""
    names = [f"{path.stem}.before-update.ipynb", *(f"{path.stem}.before-update-{n}.ipynb" for n in range(2, 1000))]
    return next(path.with_name(name) for name in names if not path.with_name(name).exists())
