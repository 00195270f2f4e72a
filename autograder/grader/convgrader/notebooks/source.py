"""An assignment's notebook as the instructor wrote it."""

import functools
from dataclasses import dataclass, field

from convcourse.grade_ids import TRAIN
from convgrader.notebooks.plan import GradingPlan


@dataclass(frozen=True)
class SourceCell:
    """One of the instructor's cells."""

    name: str
    cell_type: str
    source: str
    checksum: str | None
    locked: bool
    grade: bool = False
    solution: bool = False
    task: bool = False
    points: float | None = None

    def metadata(self):
        """Return the metadata that nbgrader expects in the notebook."""
        metadata = {
            "grade": self.grade, "grade_id": self.name, "locked": self.locked, "solution": self.solution,
            "task": self.task, "schema_version": 3, "cell_type": self.cell_type,
        }  # fmt: skip
        if self.checksum:
            metadata["checksum"] = self.checksum
        if self.points is not None:
            metadata["points"] = self.points
        return {"nbgrader": metadata}


@dataclass(frozen=True)
class SourceNotebook:
    """An assignment's notebook as the instructor wrote it."""

    name: str
    cells: tuple = ()
    kernelspec: dict = field(default_factory=dict)
    released: tuple = ()  # the texts of all cells that students were handed, those without a name too

    def by_name(self):
        """Return the cells by their grade_id."""
        return {cell.name: cell for cell in self.cells}

    def scores(self, each):
        """Return {grade_id: score} with the same score for all that is graded, by machine or by hand."""
        return {cell.name: each for cell in self.cells if cell.grade or cell.task}

    @functools.cached_property
    def released_texts(self):
        """The texts of all cells that were handed out, without blanks around them."""
        return {text.strip() for text in (*self.released, *(cell.source for cell in self.cells))}

    @functools.cached_property
    def plan(self):
        """What has to be known to grade it."""
        code = [cell for cell in self.cells if cell.locked and cell.cell_type == "code"]
        locked = {cell.name: cell.source for cell in code if not cell.name.startswith(TRAIN)}
        points = {cell.name: cell.points for cell in self.cells if cell.grade and cell.name in locked}
        return GradingPlan(locked, points, tuple(cell.name for cell in self.cells if cell.solution))
