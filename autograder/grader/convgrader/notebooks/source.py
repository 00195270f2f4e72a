"""An assignment's notebook as the instructor wrote it."""

import functools
from dataclasses import dataclass, field
from typing import Any

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

    def metadata(self) -> dict[str, dict[str, Any]]:
        """Return the metadata that nbgrader expects in the notebook."""
        metadata: dict[str, Any] = {
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
    cells: tuple[SourceCell, ...] = ()
    kernelspec: dict[str, Any] = field(default_factory=dict)
    released: tuple[str, ...] = ()  # the texts of all cells that students were handed, those without a name too

    def by_name(self) -> dict[str, SourceCell]:
        """Return the cells by their grade_id."""
        return {cell.name: cell for cell in self.cells}

    def scores(self, each: float | None) -> dict[str, float | None]:
        """Return {grade_id: score} with the same score for all that is graded, by machine or by hand."""
        return {cell.name: each for cell in self.cells if cell.grade or cell.task}

    @functools.cached_property
    def released_texts(self) -> set[str]:
        """The texts of all cells that were handed out, without blanks around them."""
        return {text.strip() for text in (*self.released, *(cell.source for cell in self.cells))}

    @functools.cached_property
    def plan(self) -> GradingPlan:
        """What has to be known to grade it."""
        code = [cell for cell in self.cells if cell.locked and cell.cell_type == "code"]
        locked = {cell.name: cell.source for cell in code if not cell.name.startswith(TRAIN)}
        points = {cell.name: cell.points or 0.0 for cell in self.cells if cell.grade and cell.name in locked}
        return GradingPlan(locked, points, tuple(cell.name for cell in self.cells if cell.solution))
