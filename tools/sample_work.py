"""What the sample class hands in, made from the released notebook and from the right answers in ``solutions/answers``.

The style of an answer, the slip in it and the hand that wrote it are the student's (`tools.sample_students`).
"""

import json
import math
import zipfile
from collections.abc import Iterable
from copy import deepcopy
from functools import cached_property
from pathlib import Path

import nbformat
import numpy as np

from tools import answers, extract
from tools.handwriting import written_by
from tools.sample_students import SEED, SIZE, STEMS, Work, replace_cells, works
from tools.weave import ProjectPaths, Solution, WovenAssignment, woven

WORDS = (  # of those whose stories are told
    (
        "Pooling to one number keeps that a shape is there and forgets where. Left and right then look the same. "
        "I would read the last layer from the whole map, or add the coordinates as two channels."
    ),
    "The position is lost. Pool less, or use strides instead.",
    "Because the network is too small. More layers would help.",
)


class Writer:
    """Writes what is handed in to one assignment; what all need for it is read once.

    Parameters
    ----------
    root : path
        The project.
    stem : str
        The assignment.
    """

    def __init__(self, root: Path, stem: str) -> None:
        self.root, self.stem = Path(root), stem
        self._texts: dict[tuple[str, str], str] = {}

    @cached_property
    def assignment(self) -> WovenAssignment:
        """The assignment with its solutions."""
        return woven(self.root, self.stem)

    @cached_property
    def released(self) -> nbformat.NotebookNode:
        """The notebook that students get."""
        return nbformat.read(ProjectPaths(self.root).released(self.stem), as_version=4)

    @cached_property
    def styles(self) -> dict[str, tuple[Path, list[str]]]:
        """The answers to each task, and the file they stand in: a task may be one of several assignments."""
        found: dict[str, tuple[Path, list[str]]] = {}
        for stem in (self.stem, *STEMS):
            path = answers.path_of(self.root, stem)
            if path.is_file():
                found = {task: (path, names) for task, names in answers.styles(self.root, stem).items()} | found
        return found

    def submission(self, work: Work, rng: np.random.Generator | None = None) -> bytes:
        """Return the file that a student hands in."""
        if work.unreadable:
            return b"%PDF-1.4 this is not the file you are looking for"
        notebook = deepcopy(self.released)
        words = work.words or str((rng or np.random.default_rng()).choice(WORDS))
        if not work.blank:
            solutions = [each for each in self.assignment.solutions if each.name not in work.left_out]
            codes = {solution.name: self.answer(work, solution) for solution in solutions}
            replace_cells(**codes, **dict.fromkeys(self.assignment.model_answers, words))(notebook)
        if work.change:
            work.change(notebook)
        return (json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()

    def answer(self, work: Work, solution: Solution) -> str:
        """Return the code of a student's answer to a task: of their style, with their mistake, or else ours."""
        task = solution.name
        if work.style is None or task not in self.styles:  # not, for example, to a task that you have added
            return solution.code
        names = self.styles[task][1]
        number = work.style if isinstance(work.style, int) else work.style.get(task, 0)
        edit = next((edit for edit in work.edits if edit.task == task), None)
        text = self._text(f"{task}__{edit.style}" if edit else names[number % len(names)], task)
        if edit:
            if text.count(edit.old) != 1:
                raise ValueError(f"{work.name}: {edit.old!r} stands {text.count(edit.old)} times in {task}")
            text = text.replace(edit.old, edit.new)
        return text if work.hand is None else written_by(work.hand, text, task)

    def _text(self, name: str, task: str) -> str:
        key = (name, task)
        if key not in self._texts:
            self._texts[key] = extract.standalone(self.styles[task][0], name, task)
        return self._texts[key]

    def archives(self, folder: Path, size: int = SIZE, seed: int = SEED) -> list[Path]:
        """Write what every student hands in, as ``autograder submit`` would, into `folder`; return the paths."""
        rng = np.random.default_rng(seed)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for work in _with_drafts(works(self.stem, size, seed)):
            assert work.moment, "all of the class have a time"
            name = f"{work.name}__{work.moment:%Y%m%dT%H%M%SZ}__{self.stem}"
            paths.append(folder / f"{name}.zip")
            with zipfile.ZipFile(paths[-1], "w") as file:
                file.writestr(zipfile.ZipInfo(f"{name}.ipynb", work.moment.timetuple()[:6]), self.submission(work, rng))
        return paths

    def expected(self, size: int = SIZE, seed: int = SEED) -> dict[str, dict[str, float]]:
        """Return {student: {task: points}} for all that is graded by machine."""
        full = {task.name: float(task.points) for task in self.assignment.tasks if not task.by_hand}
        return {
            work.name: {task: _earned(work, task, points) for task, points in full.items()}
            for work in works(self.stem, size, seed)
        }


def _with_drafts(all_works: Iterable[Work]) -> Iterable[Work]:
    """Yield also what was handed in before."""
    for work in all_works:
        if work.draft:
            yield work.draft
        yield work


def _earned(work: Work, task: str, points: float) -> float:
    """Return what a student should earn: whole hundredths of a point, as checks pay them."""
    if work.blank or work.unreadable or task in (*work.loses, *work.left_out):
        return 0.0
    share = next((edit.share for edit in work.edits if edit.task == task), 1)
    return math.floor(points * share * 100 + 1e-6) / 100
