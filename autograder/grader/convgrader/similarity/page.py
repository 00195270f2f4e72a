"""The page of `autograder similar`: both answers side by side, on one page that runs and loads nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from convgrader import pages
from convgrader.similarity.report import AlikeTask, SimilarityReport, groups_of, marked_lines

PAIRS = 100  # that a page shows; files for programs have them all
NAMES = 100  # in one list
MAX_LINES, MAX_LINE = 400, 500  # of an answer, and characters of a line


@dataclass(frozen=True)
class Line:
    """A line of an answer; `is_alike` where the other answer has what stands on it too."""

    number: int
    text: str
    is_alike: bool


@dataclass(frozen=True)
class Side:
    """One of two answers, as far as a page shows it."""

    name: str
    lines: tuple[Line, ...]
    left_out: int


@dataclass(frozen=True)
class Comparison:
    """Two answers to a task, side by side."""

    task: str
    percent: str
    sides: tuple[Side, Side]


@dataclass(frozen=True)
class ShownPair:
    """Two students, and all tasks in which they are alike."""

    names: tuple[str, str]
    comparisons: tuple[Comparison, ...]


def page(report: SimilarityReport, no_proof: str) -> str:
    """Return the page: what students wrote, and their names, stand in it as text alone."""
    environment = pages.environment()
    environment.filters |= {"percent": _percent, "some": _some}
    return environment.get_template("similar.html.j2").render(
        report=report,
        assignments=list(dict.fromkeys(task.about.assignment for task in report.tasks)),
        groups=groups_of(report.tasks),
        pairs=list(_shown(report)),
        left_out=max(0, len(report.pairs) - PAIRS),
        no_proof=no_proof,
    )


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMES]) + (", ..." if len(names) > NAMES else "")


def _shown(report: SimilarityReport) -> Iterator[ShownPair]:
    pairs = report.pairs[:PAIRS]
    marks = iter(marked_lines([(each.about, pair.names) for pair in pairs for each in pair.tasks]))
    for pair in pairs:
        yield ShownPair(pair.names, tuple(_comparison(each, pair.names, next(marks)) for each in pair.tasks))


def _comparison(each: AlikeTask, names: tuple[str, str], marks: tuple[set[int], set[int]]) -> Comparison:
    one, other = (_side(name, each.about.answers[name], marked) for name, marked in zip(names, marks))
    return Comparison(each.about.task, _percent(each.likeness), (one, other))


def _side(name: str, text: str, marked: set[int]) -> Side:
    rows = text.rstrip().split("\n")
    lines = tuple(
        Line(number, row.expandtabs(4)[:MAX_LINE], number in marked and bool(row.strip()))
        for number, row in enumerate(rows[:MAX_LINES], 1)
    )
    return Side(name, lines, max(0, len(rows) - MAX_LINES))
