"""Execute the chapters side by side, into the cache that the build reads: ``python -m tools.execute``.

The build itself runs one chapter after the other. A chapter is run again when its code has changed, or something of
this project that its code imports or reads.
"""

import argparse
import ast
import hashlib
import json
import logging
import tempfile
from collections.abc import Iterator, Sequence
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor
from jupytext.myst import myst_to_notebook

from tools import contents

READER = {"name": "myst_nb_md", "type": "plugin"}
IMPORTED = ("book", "solutions", "autograder/student")  # folders of this project that chapters import from


def chapters(root: Path) -> list[Path]:
    """Return the pages of the table of contents that have code to run."""
    return [path for path in contents.pages(root) if "{code-cell}" in path.read_text(encoding="utf-8")]


def uses(root: Path, page: Path) -> list[Path]:
    """Return the files of this project that the code of a page imports, or names: what its outputs hang on."""
    root = Path(root).resolve()
    notebook = myst_to_notebook(page.read_text(encoding="utf-8"), code_directive="{code-cell}")
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    modules = _modules(root, code)
    records = (file.parent / "results" / f"{file.stem}.json" for file in modules if file.parent.name == "experiments")
    return sorted({*modules, *filter(Path.is_file, records), *_named(root, page.parent, code)})


def _modules(root: Path, code: str) -> set[Path]:
    """Return the files of the modules that a piece of code imports, and those import."""
    finder = ModuleFinder(path=[str(root / folder) for folder in IMPORTED])
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "chapter.py"
        script.write_text(code, encoding="utf-8")
        finder.run_script(str(script))
        places = [getattr(module, "__file__", None) for module in finder.modules.values()]
        files = {Path(file).resolve() for file in places if file}
        return {file for file in files if file.is_relative_to(root)}


def _named(root: Path, folder: Path, code: str) -> Iterator[Path]:
    """Return the files that a piece of code names, and those in the folders that it names."""
    texts = {node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)}
    for text in texts:
        if isinstance(text, str) and "/" in text and len(text) < 200 and "\0" not in text and "\n" not in text:
            place = (folder / text).resolve()
            if place.is_relative_to(root) and place != root:
                yield from [place] if place.is_file() else (path for path in place.glob("*") if path.is_file())


def fingerprint(root: Path, page: Path) -> str:
    """Return a hash of all that the outputs of a page hang on beside its own code."""
    digest = hashlib.sha256()
    for path in [*uses(root, page), root / "requirements.txt"]:
        digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.hexdigest()


def forget_outdated(cache: Any, files: list[Path], now: dict[Path, str], stamps: dict[str, str]) -> None:
    """Take out of the cache what was run with other files than those there are now.

    `now` has the fingerprint of every page, `stamps` those with which the cache's records were made. A record belongs
    to the code of a page: a page whose code is as it was finds its old record again.
    """
    for file in files:
        record = cache.get_cached_project_nb(str(file))
        if record is not None and stamps.get(record.hashkey) != now[file]:
            cache.remove_cache(record.pk)


def stamped(cache: Any, files: list[Path], now: dict[Path, str], stamps: dict[str, str]) -> dict[str, str]:
    """Return the fingerprint of every record of the cache: of those of the pages as they are now, the present one."""
    records = {file: cache.get_cached_project_nb(str(file)) for file in files}
    hash_keys = {record.hashkey for record in cache.list_cache_records()}
    stamps = {key: stamp for key, stamp in stamps.items() if key in hash_keys}
    return stamps | {record.hashkey: now[file] for file, record in records.items() if record is not None}


def execute(
    root: Path, build: str = "_build", stems: list[str] | None = None, timeout: int = 300
) -> tuple[list[str], int]:
    """Run what is not in the cache; return (the chapters that failed, how many ran). The build shows the errors.

    `build` is the folder that the build writes into; `stems` are the chapters to look at, all by default.
    """
    folder, path = root / build / ".jupyter_cache", root / build / ".executed.json"
    cache = get_cache(str(folder))
    files = [file for file in chapters(root) if stems is None or file.stem in stems]
    for file in files:
        cache.add_nb_to_project(str(file), read_data=READER)
    now = {file: fingerprint(root, file) for file in files}
    stamps = json.loads(path.read_text()) if path.is_file() else {}
    forget_outdated(cache, files, now, stamps)
    executor = load_executor("local-parallel", cache, logger=logging.getLogger("execute"))
    result = executor.run_and_cache(filter_uris=[str(file) for file in files], timeout=timeout)
    path.write_text(json.dumps(stamped(cache, files, now, stamps), indent=1) + "\n")
    return sorted(Path(uri).stem for uri in [*result.excepted, *result.errored]), len(result.all())


def main(arguments: Sequence[str] | None = None) -> None:
    """Execute the chapters whose code, imports or data have changed."""
    parser = argparse.ArgumentParser(prog="python -m tools.execute", description=main.__doc__)
    parser.add_argument("stems", nargs="*", metavar="STEM", help="these chapters alone (default: all)")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the project (default: this folder)")
    parser.add_argument("--build", default="_build", help="the folder that the build writes into (default: _build)")
    options = parser.parse_args(arguments)
    failed, ran = execute(options.root.resolve(), options.build, options.stems or None)
    print(f"{ran} chapters executed, {len(failed)} of them failed{': ' + ', '.join(failed) if failed else ''}")


if __name__ == "__main__":
    main()
