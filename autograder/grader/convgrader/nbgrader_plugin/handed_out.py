"""The texts of all releases of an assignment: what was handed out earlier is nobody's own words either."""

import contextlib
import json
from pathlib import Path

from nbgrader.coursedir import CourseDirectory

from convgrader.errors import MalformedNotebookError
from convgrader.notebooks import files, reader
from convgrader.notebooks.files import StrPath


def remember(directory: CourseDirectory, assignment: str, folder: StrPath) -> None:
    """Add the texts of the notebooks in `folder`, which are released now, to those of earlier releases."""
    released_texts = _released_texts(directory, assignment)
    for path in sorted(Path(folder).glob("*.ipynb")):
        released_texts[path.stem] = sorted({*released_texts.get(path.stem, ()), *_texts(path)})
    kept = _path(directory, assignment)
    kept.parent.mkdir(parents=True, exist_ok=True)
    draft = kept.with_suffix(".new")
    draft.write_text(json.dumps(released_texts, indent=1), encoding="utf-8")
    draft.replace(kept)


def texts(directory: CourseDirectory, assignment: str, notebook: str) -> tuple[str, ...]:
    """Return the texts of all cells of a notebook that students were handed, now or in an earlier release."""
    released = list(_released_texts(directory, assignment).get(notebook, ()))
    for step in (directory.release_directory, directory.source_directory):
        path = Path(directory.format_path(step, ".", assignment), f"{notebook}.ipynb")
        with contextlib.suppress(OSError, MalformedNotebookError):
            return tuple(released + _texts(path))
    return tuple(released)


def _texts(path: Path) -> list[str]:
    return [cell.text for cell in reader.read(files.read_regular(path))]


def _path(directory: CourseDirectory, assignment: str) -> Path:
    source = Path(directory.format_path(directory.source_directory, ".", assignment))
    return source.parent.parent / "handed_out" / f"{assignment}.json"


def _released_texts(directory: CourseDirectory, assignment: str) -> dict[str, list[str]]:
    """Return {notebook: texts} of earlier releases; a file that is gone or damaged keeps nobody from grading."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return dict(json.loads(_path(directory, assignment).read_text(encoding="utf-8")).items())
    return {}
