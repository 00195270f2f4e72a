"""Find the notebook to grade in what was handed in, by what it holds: under another name, in a folder, among others.

Where it is not clear which one is meant, nothing is guessed: MalformedNotebookError says in a sentence why.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from convcourse.engine.display import printable
from convcourse.grade_ids import CHECK
from convgrader.errors import MalformedNotebookError
from convgrader.notebooks import files, reader
from convgrader.notebooks.bindings import defined_names

TOPIC = re.compile(r"""\bchecker\(\s*["'](\w+)["']""")
MAX_READ = 40 << 20  # bytes of the notebooks that are read to find the right one
MAX_SHOWN = 60  # characters of a name in a sentence
BLANK = "The notebook is as it was handed out: nothing was written in it."


@dataclass(frozen=True)
class Candidate:
    """A notebook that was handed in, taken apart, beside the instructor's."""

    name: str  # its path inside the submission
    parts: tuple
    source: object  # SourceNotebook

    @property
    def topics(self):
        """The topics whose checks its cells ask for."""
        return {topic for kind, text, _, _ in self.parts if kind == "code" for topic in TOPIC.findall(text)}

    def belongs(self):
        """Say whether it is a notebook of this assignment: it holds most of its tasks, or some and no other topic."""
        tasks = set(self.source.plan.answers)
        there = {name.removeprefix(CHECK) for _, _, name, _ in self.parts if name}
        code = "\n".join(text for kind, text, _, _ in self.parts if kind == "code")
        held = tasks & (there | defined_names(code))
        return 2 * len(held) >= len(tasks) or (bool(held) and not self.is_of_another_topic())

    def is_of_another_topic(self):
        """Say whether it asks for checks, and for none of this assignment's."""
        return bool(self.topics) and not self.topics & set(self.source.plan.topics)

    def is_blank(self):
        """Say whether it is the notebook as it was handed out: no cell holds anything else."""
        given = self.source.texts
        return all(text.strip() in given for _, text, _, _ in self.parts if text.strip())

    def complaint(self):
        """Say why it is not the one."""
        if self.is_of_another_topic():
            return f"{shown(self.name)} is a notebook of {' and '.join(sorted(self.topics))}"
        return f"{shown(self.name)} holds no task of {self.source.name}"


def notebook_of(folder, source, siblings=()):
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
    parts : list
        What `reader.read` gives.
    remark : str
        What the instructor and the student are to know of the choice, "" if there was none.
    """
    own = f"{source.name}.ipynb"
    others = [name for name in files.notebooks(folder) if name != own and name not in {f"{n}.ipynb" for n in siblings}]
    complaint, first = "", None
    if not others and not os.path.lexists(Path(folder) / own):
        raise MalformedNotebookError("Nothing was handed in: there is no notebook.")
    if os.path.lexists(Path(folder) / own):
        try:
            first = Candidate(own, tuple(reader.read(files.read_regular(Path(folder) / own))), source)
        except (OSError, MalformedNotebookError) as error:
            if not others:
                raise
            complaint = f"{own}: {error}"
        if first and first.belongs() and (not others or not first.is_blank()):
            return list(first.parts), _beside(own, others) or (BLANK if first.is_blank() else "")
    found = [*([first] if first else []), *_readable(folder, others, source)]
    wanted = [candidate for candidate in found if candidate.belongs()]
    wanted = [candidate for candidate in wanted if not candidate.is_blank()] or wanted
    if not wanted:
        reasons = [complaint.rstrip("."), *(candidate.complaint() for candidate in found)]
        reason = "; ".join(filter(None, reasons)) or "nothing that can be read was handed in"
        raise MalformedNotebookError(f"There is no notebook of {source.name}: {reason}.")
    if any(candidate.parts != wanted[0].parts for candidate in wanted) and wanted[0] is not first:
        names = ", ".join(shown(candidate.name) for candidate in wanted)
        raise MalformedNotebookError(f"Several notebooks may be meant ({names}): name one of them {own}.")
    chosen = wanted[0]
    if chosen is first:
        return list(chosen.parts), BLANK
    why = complaint or (first.complaint() if first and not first.belongs() else "")
    why = why or (f"{own} was not worked on" if first else f"there is no {own}")
    return list(chosen.parts), f"The file {shown(chosen.name)} was graded, since {why.rstrip('.')}."


def _readable(folder, names, source):
    """Yield the notebooks that can be read, so many bytes of them."""
    room = MAX_READ
    for name in names:
        try:
            data = files.read_regular(Path(folder) / name)
            room -= len(data)
            if room < 0:
                return
            yield Candidate(name, tuple(reader.read(data)), source)
        except (OSError, MalformedNotebookError):
            continue


def _beside(own, others):
    """Say what was handed in beside the notebook that is graded."""
    if not others:
        return ""
    names = ", ".join(shown(name) for name in others[:3]) + (", ..." if len(others) > 3 else "")
    return f"The file {own} was graded, and not {names}."


def shown(name):
    """Return a name that a student chose as it may stand in a sentence."""
    name = printable(name.encode("utf-8", "replace").decode())
    return name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}..."
