"""What goes to a worker and what comes back."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from convcourse.limits import CELL_SECONDS, NOTEBOOK_SECONDS

if TYPE_CHECKING:  # it imports IPython, which whoever starts workers need not wait for
    from convgrader.notebooks.source import SourceNotebook


# What a person grades: (notebook, grade_id) -> (mark or None, whether somebody has to look).
Marks = dict[tuple[str, str], tuple[float | None, bool]]


@dataclass(frozen=True)
class Budget:
    """Seconds for one cell and for one whole notebook, and how often a sandbox that ended is replaced."""

    cell: float = CELL_SECONDS
    notebook: float = NOTEBOOK_SECONDS
    sandboxes: int = 12


@dataclass(frozen=True)
class AssignmentSpec:
    """What a worker must know; it is sent to it once."""

    name: str
    sources: "dict[str, SourceNotebook]"
    seed: int
    checks: str = ""  # fingerprint of what decides the scores
    budget: Budget = field(default_factory=Budget)
    ignore: tuple[str, ...] = ()
    permissions: int = 0o444
    extra_folder: str = ""  # folder of files that the instructor adds to every submission
    site: str = ""  # where the course's site is published


@dataclass(frozen=True)
class Job:
    """One submission: where it is and where its graded copy goes."""

    student: str
    submitted_folder: str
    graded_folder: str


@dataclass
class NotebookResult:
    """The result for one notebook: scores and comments by grade_id; a score of None is for a person to give.

    `reason` says why a notebook could not be graded, or, where it was, what was odd about it.
    """

    notebook: str
    scores: dict[str, float | None] = field(default_factory=dict)
    comments: dict[str, str | None] = field(default_factory=dict)
    answer_digests: dict[str, str] = field(default_factory=dict)  # grade_id -> digest of what the student wrote to it
    digest: str = ""
    status: str = "graded"
    reason: str = ""
    seconds: float = 0.0

    @property
    def score(self) -> float:
        """The points earned without a person."""
        return float(sum(score or 0.0 for score in self.scores.values()))


@dataclass
class SubmissionResult:
    """The result for one student's submission. `fatal_error` names what keeps the whole batch from going on."""

    student: str
    notebooks: list[NotebookResult] = field(default_factory=list)
    timestamp: str = ""
    fatal_error: str = ""
