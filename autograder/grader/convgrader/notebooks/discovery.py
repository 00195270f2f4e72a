"""Find the notebook to grade in what was handed in, by what it holds: under another name, in a folder, among others.

Where it is not clear which one is meant, nothing is guessed: MalformedNotebookError says in a sentence why.
"""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from convcourse.engine.display import printable
from convcourse.grade_ids import CHECK
from convgrader.errors import MalformedNotebookError
from convgrader.notebooks import files, reader
from convgrader.notebooks.bindings import defined_names
from convgrader.notebooks.files import StrPath
from convgrader.notebooks.reader import SubmittedCell
from convgrader.notebooks.source import SourceNotebook

TOPIC = re.compile(r"""\bchecker\(\s*["'](\w+)["']""")
MAX_READ = 40 << 20  # bytes of the notebooks that are read to find the right one
MAX_SHOWN = 60  # characters of a name in a sentence
BLANK = "The notebook is as it was handed out: nothing was written in it."


@dataclass(frozen=True)
class Candidate:
    """A notebook that was handed in, taken apart, beside the instructor's."""

    name: str  # its path inside the submission
    submitted: tuple[SubmittedCell, ...]
    source: SourceNotebook

    @property
    def topics(self) -> set[str]:
        """The topics whose checks its cells ask for."""
        return {topic for cell in self.submitted if cell.kind == "code" for topic in TOPIC.findall(cell.text)}

    def is_of_assignment(self) -> bool:
        """Say whether it is a notebook of this assignment: it holds most of its tasks, or some and no other topic."""
        tasks = set(self.source.plan.solution_ids)
        named = {cell.grade_id.removeprefix(CHECK) for cell in self.submitted if cell.grade_id}
        code = "\n".join(cell.text for cell in self.submitted if cell.kind == "code")
        tasks_present = tasks & (named | defined_names(code))
        return 2 * len(tasks_present) >= len(tasks) or (bool(tasks_present) and not self.is_of_another_topic())

    def is_of_another_topic(self) -> bool:
        """Say whether it asks for checks, and for none of this assignment's."""
        return bool(self.topics) and not self.topics & set(self.source.plan.topics)

    def is_blank(self) -> bool:
        """Say whether it is the notebook as it was handed out: no cell holds anything else."""
        released_texts = self.source.released_texts
        return all(cell.text.strip() in released_texts for cell in self.submitted if cell.text.strip())

    def mismatch(self) -> str:
        """Say why it is not the one."""
        if self.is_of_another_topic():
            return f"{printable_name(self.name)} is a notebook of {' and '.join(sorted(self.topics))}"
        return f"{printable_name(self.name)} holds no task of {self.source.name}"


def discover_notebook(
    folder: StrPath, source: SourceNotebook, siblings: Collection[str] = ()
) -> tuple[list[SubmittedCell], str]:
    """Find a notebook in a submission.

    Parameters
    ----------
    folder : str or Path
        The submission.
    source : SourceNotebook
        What it is to be a notebook of.
    siblings : collection of str
        The names of all notebooks of the assignment: the others are none of this one's business.

    Returns
    -------
    submitted : list of SubmittedCell
        What `reader.read` gives.
    remark : str
        What the instructor and the student are to know of the choice, "" if there was none.
    """
    file_name = f"{source.name}.ipynb"
    other_names = [
        name for name in files.notebooks(folder) if name != file_name and name not in {f"{n}.ipynb" for n in siblings}
    ]
    problem: str = ""
    default: Candidate | None = None
    if not other_names and not os.path.lexists(Path(folder) / file_name):
        raise MalformedNotebookError("Nothing was handed in: there is no notebook.")
    if os.path.lexists(Path(folder) / file_name):
        try:
            default = Candidate(file_name, tuple(reader.read(files.read_regular(Path(folder) / file_name))), source)
        except (OSError, MalformedNotebookError) as error:
            if not other_names:
                raise
            problem = f"{file_name}: {error}"
        if default is not None and default.is_of_assignment() and (not other_names or not default.is_blank()):
            remark = _ignored_remark(file_name, other_names) or (BLANK if default.is_blank() else "")
            return list(default.submitted), remark
    candidates = [*([default] if default else []), *_readable(folder, other_names, source)]
    matches = [candidate for candidate in candidates if candidate.is_of_assignment()]
    matches = [candidate for candidate in matches if not candidate.is_blank()] or matches
    if not matches:
        reasons = [problem.rstrip("."), *(candidate.mismatch() for candidate in candidates)]
        reason = "; ".join(filter(None, reasons)) or "nothing that can be read was handed in"
        raise MalformedNotebookError(f"There is no notebook of {source.name}: {reason}.")
    if any(candidate.submitted != matches[0].submitted for candidate in matches) and matches[0] is not default:
        names = ", ".join(printable_name(candidate.name) for candidate in matches)
        raise MalformedNotebookError(f"Several notebooks may be meant ({names}): name one of them {file_name}.")
    chosen = matches[0]
    if chosen is default:
        return list(chosen.submitted), BLANK
    reason = problem or (default.mismatch() if default and not default.is_of_assignment() else "")
    reason = reason or (f"{file_name} was not worked on" if default else f"there is no {file_name}")
    return list(chosen.submitted), f"The file {printable_name(chosen.name)} was graded, since {reason.rstrip('.')}."


def _readable(folder: StrPath, names: Iterable[str], source: SourceNotebook) -> Iterator[Candidate]:
    """Yield the notebooks that can be read, so many bytes of them."""
    bytes_left = MAX_READ
    for name in names:
        try:
            data = files.read_regular(Path(folder) / name)
            bytes_left -= len(data)
            if bytes_left < 0:
                return
            yield Candidate(name, tuple(reader.read(data)), source)
        except (OSError, MalformedNotebookError):
            continue


def _ignored_remark(file_name: str, other_names: Sequence[str]) -> str:
    """Say what was handed in beside the notebook that is graded."""
    if not other_names:
        return ""
    names = ", ".join(printable_name(name) for name in other_names[:3]) + (", ..." if len(other_names) > 3 else "")
    return f"The file {file_name} was graded, and not {names}."


def printable_name(name: str) -> str:
    """Return a name that a student chose as it may stand in a sentence."""
    name = printable(name.encode("utf-8", "replace").decode())
    return name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}..."
