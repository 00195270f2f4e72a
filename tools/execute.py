"""Execute the chapters side by side, into the cache that the build reads: python book/_ext/execute.py [ROOT].

The build itself runs one chapter after the other. Chapters that have not changed are not run again; when the reference
package or a plotting helper has changed, all are.
"""

import hashlib
import logging
import shutil
import sys
from pathlib import Path

import yaml
from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor

READER = {"name": "myst_nb_md", "type": "plugin"}


def chapters(root):
    """Return the pages of the table of contents that have code to run."""
    contents = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    names, stack = [], [contents]
    while stack:
        entry = stack.pop()
        names += [entry[key] for key in ("root", "file") if key in entry]
        stack += [below for key in ("parts", "chapters", "sections") for below in entry.get(key, [])]
    files = [root / f"{name}.md" for name in sorted(names)]
    return [file for file in files if file.is_file() and "{code-cell}" in file.read_text(encoding="utf-8")]


def imported(root):
    """Return a hash of what chapters import from the repository."""
    digest = hashlib.sha256()
    for path in sorted([*(root / "book").glob("*.py"), *(root / "solutions").rglob("*.py"), root / "requirements.txt"]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def execute(root, build="_build", timeout=300):
    """Run what is not in the cache; return the chapters that failed. The build shows their errors."""
    folder = root / build / ".jupyter_cache"
    stamp, now = root / build / ".imported", imported(root)
    if folder.exists() and (not stamp.exists() or stamp.read_text() != now):
        shutil.rmtree(folder)
    cache = get_cache(str(folder))
    files = chapters(root)
    for file in files:
        cache.add_nb_to_project(str(file), read_data=READER)
    executor = load_executor("local-parallel", cache, logger=logging.getLogger("execute"))
    result = executor.run_and_cache(filter_uris=[str(file) for file in files], timeout=timeout)
    stamp.write_text(now)
    return sorted(Path(uri).stem for uri in [*result.excepted, *result.errored]), len(result.all())


if __name__ == "__main__":
    failed, ran = execute(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve())
    print(f"{ran} chapters executed, {len(failed)} of them failed{': ' + ', '.join(failed) if failed else ''}")
