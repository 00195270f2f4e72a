"""Reads what a class wrote to each task out of the folders of submissions, and what was handed out."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbgrader import api
from nbgrader.coursedir import CourseDirectory
from sqlalchemy import make_url

from convcourse.errors import UsageError
from convgrader.errors import MalformedNotebookError
from convgrader.nbgrader_plugin import grading_log, handed_out
from convgrader.nbgrader_plugin.error_translation import database_errors
from convgrader.notebooks import discovery, files, reader
from convgrader.notebooks.answers import Answers, is_blank
from convgrader.notebooks.bindings import defined_functions
from convgrader.notebooks.reader import SubmittedCell
from convgrader.notebooks.source import SourceCell, SourceNotebook
from convgrader.similarity.report import TaskAnswers

_NAME = re.compile(r"[^\W\d]\w*")


@dataclass
class ClassAnswers:
    """What was read: the answers by task, and of whom nothing could be read, with the reason."""

    tasks: list[TaskAnswers] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    submissions: int = 0
    beside: int = 0  # notebooks of other terms


def read(
    directory: CourseDirectory, assignment: str, folders: Mapping[str, str], also: Sequence[Path] = ()
) -> ClassAnswers:
    """Return what a class wrote in an assignment.

    Parameters
    ----------
    directory : nbgrader.coursedir.CourseDirectory
    assignment : str
    folders : mapping of str to str
        Who handed in, and the folder of the submission.
    also : list of Path
        Folders with notebooks of other terms, wherever they lie in them.
    """
    sources = _sources(directory, assignment)
    folders = _once(folders)
    found = ClassAnswers(submissions=len(folders))
    texts: dict[str, dict[str, dict[str, str]]] = {name: {} for name in sources}  # notebook -> who -> task -> text
    for student, folder in folders.items():
        for name, source in sources.items():
            try:
                submitted, _ = discovery.discover_notebook(folder, source, sources)
            except (OSError, MalformedNotebookError) as error:
                found.unread[student] = str(error)
            else:
                texts[name][student] = dict(_answers(submitted, source))
    others: set[str] = set()
    for path, title in _notebooks(also):
        try:
            submitted = reader.read(files.read_regular(path))
        except (OSError, MalformedNotebookError) as error:
            found.unread[title] = str(error)
            continue
        for name, source in sources.items():
            if discovery.Candidate(title, tuple(submitted), source).is_of_assignment():
                texts[name][title] = dict(_answers(submitted, source))
                others.add(title)
    found.beside = len(others)
    for name, source in sources.items():
        given = tuple(sorted(source.released_texts))
        for cell in source.cells:
            if cell.solution and not cell.locked:
                answers = {who: tasks[cell.name] for who, tasks in texts[name].items() if cell.name in tasks}
                is_code = cell.cell_type == "code"
                beside = frozenset(others & answers.keys())
                found.tasks.append(TaskAnswers(assignment, name, cell.name, is_code, answers, given, beside))
    return found


def _once(folders: Mapping[str, str]) -> dict[str, str]:
    """Return {names: folder} with each folder once: a group that hands in together is not alike."""
    members: dict[str, list[str]] = {}
    for student, folder in folders.items():
        members.setdefault(os.path.realpath(folder), []).append(student)
    return {" + ".join(sorted(students)): folder for folder, students in members.items()}


def _sources(directory: CourseDirectory, assignment: str) -> dict[str, SourceNotebook]:
    """Return the notebooks of an assignment as they were released, with all texts that were ever handed out."""
    path = make_url(directory.db_url).database
    if directory.db_url.startswith("sqlite") and path and not Path(path).is_file():
        raise UsageError(f"there is no gradebook {path}: `autograder release` makes it, in the folder of the course")
    with database_errors(directory.db_url), api.Gradebook(directory.db_url, directory.course_id) as gradebook:
        try:
            names = [row.name for row in gradebook.find_assignment(assignment).notebooks]
        except api.MissingEntry:
            known = ", ".join(row.name for row in gradebook.assignments) or "none"
            raise UsageError(f"the gradebook has no assignment {assignment}; it has {known}") from None
        sources = {name: grading_log.source_of(gradebook, name, assignment) for name in sorted(names)}
    return {
        name: replace(source, released=handed_out.texts(directory, assignment, name))
        for name, source in sources.items()
    }


def _notebooks(folders: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Yield (path, how it is called) of the notebooks in folders of other terms."""
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"there is no folder {folder}")
        for parent, inside, names in os.walk(folder):
            inside[:] = sorted(name for name in inside if not name.startswith(".") and name != "__MACOSX")
            for name in sorted(names):
                path = Path(parent, name)
                if name.endswith(".ipynb") and not name.startswith(".") and files.is_regular(path):
                    yield path, f"{folder.name}/{path.relative_to(folder).with_suffix('')}"


# --- the answers of one submission ---------------------------------------------------------------------------------


def _answers(submitted: Sequence[SubmittedCell], source: SourceNotebook) -> Iterator[tuple[str, str]]:
    """Yield (task, text) of what somebody wrote; blanks are left out."""
    found = Answers(submitted, source)
    own = [text for kind, text in found.unassigned if kind == "code"]
    for cell in source.cells:
        if cell.solution and not cell.locked:
            text = _answer(found.answers.get(cell.name, ""), cell, own)
            if text:
                yield cell.name, text


def _answer(text: str, cell: SourceCell, own: Sequence[str]) -> str:
    """Return an answer with the cells of one's own that it calls functions of, "" if nothing was written."""
    text = "" if is_blank(text, cell) else text.strip()
    if cell.cell_type != "code":
        return text
    parts, names = [text] if text else [], {*_NAME.findall(text), cell.name}
    left = list(own)
    while needed := next((code for code in left if defined_functions(code) & names), None):
        left.remove(needed)
        parts.append(needed.strip())
        names |= set(_NAME.findall(needed))
    return "\n\n\n".join(parts)
