"""Whose score a regrade has moved, from what to what, and why: the verdicts before and after are compared."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from convcourse.grade_ids import CHECK
from convgrader.jobs import TaskVerdict

SHOWN = 10  # names of students on a line


@dataclass(frozen=True)
class CellScore:
    """What one cell earned: the points that count, None before anybody gave any, and its verdicts by task."""

    points: float | None
    verdicts: Mapping[str, TaskVerdict] = field(default_factory=dict)


Scores: TypeAlias = Mapping[tuple[str, str, str], CellScore]  # (student, notebook, name of the cell) -> score


@dataclass(frozen=True)
class Move:
    """A score of one task that is another one now."""

    student: str
    notebook: str
    task: str
    before: float | None
    after: float | None
    why: tuple[str, ...]


@dataclass(frozen=True)
class Moves:
    """All that a regrade has moved; `totals` holds {student: (points before, points now)} of those whose sum moved."""

    students: int  # how many were graded again
    moves: tuple[Move, ...]
    totals: Mapping[str, tuple[float, float]]

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        totals = {student: {"before": before, "after": after} for student, (before, after) in self.totals.items()}
        return {"graded_again": self.students, "totals": totals, "moves": [asdict(move) for move in self.moves]}

    def lines(self) -> Iterator[str]:
        """Say it for the terminal: those who moved alike on one line."""
        up = sum(after > before for before, after in self.totals.values())
        moved = len(self.totals)
        if not self.moves:
            yield f"{_counted(self.students, 'submission')} graded again, and no score has moved."
            return
        yield (
            f"{_counted(self.students, 'submission')} graded again: the score of {_counted(moved, 'student')} has "
            f"moved, {up} up and {moved - up} down."
        )
        alike: dict[tuple[str, float | None, float | None, tuple[str, ...]], list[str]] = {}
        for move in self.moves:
            alike.setdefault((move.task, move.before, move.after, move.why), []).append(move.student)
        for (task, before, after, why), students in alike.items():
            names = ", ".join(students[:SHOWN]) + (", ..." if len(students) > SHOWN else "")
            yield f"{task}: {_points(before)} -> {_points(after)}, {_counted(len(students), 'student')}: {names}"
            yield from (f"  {reason}" for reason in why)


def compare(before: Scores, after: Scores) -> Moves:
    """Return what has moved between two gradings of the same submissions."""
    moves: list[Move] = []
    sums: dict[str, list[float]] = {}
    for key in sorted({*before, *after}):
        student, notebook, cell = key
        old, new = before.get(key, CellScore(None)), after.get(key, CellScore(None))
        sums.setdefault(student, [0.0, 0.0])
        sums[student][0] += old.points or 0.0
        sums[student][1] += new.points or 0.0
        if not _is_same(old.points, new.points):
            task = cell.removeprefix(CHECK)
            moves.append(Move(student, notebook, task, old.points, new.points, tuple(_why(old, new))))
    totals = {
        student: (round(old, 6), round(new, 6)) for student, (old, new) in sums.items() if round(old - new, 6) != 0
    }
    return Moves(len(sums), tuple(moves), totals)


def _is_same(before: float | None, after: float | None) -> bool:
    if before is None or after is None:
        return before is after
    return round(before - after, 6) == 0


def _why(before: CellScore, after: CellScore) -> Iterator[str]:
    """Yield the reasons why a cell earns something else."""
    if not after.verdicts:
        yield "There is no verdict any more." if before.verdicts else "No check gives these points."
        return
    if not before.verdicts:
        yield "It had no verdict before."
        return
    found = False
    for task, new in after.verdicts.items():
        old = before.verdicts.get(task)
        name = f"{task}: " if len(after.verdicts) > 1 else ""
        for reason in _reasons(old, new) if old else ("It is checked now.",):
            found = True
            yield name + reason
    if not found:
        yield "Its parts weigh otherwise."


def _reasons(old: TaskVerdict, new: TaskVerdict) -> Iterator[str]:
    if old.points != new.points:
        yield f"It is worth {_points(new.points)} and was worth {_points(old.points)}."
    for part, holds in new.parts.items():
        if part not in old.parts:
            yield f'The part "{part}" is new, and {"holds" if holds else "does not hold"}.'
        elif holds != old.parts[part]:
            yield f'The part "{part}" {"holds now" if holds else "holds no longer"}.'
    for part in old.parts:
        if part not in new.parts:
            yield f'The part "{part}" is gone.'
    for sentence in (*new.broken, *new.mistakes):
        if sentence not in (*old.broken, *old.mistakes):
            yield f"The verdict says now: {sentence}"
    for sentence in (*old.broken, *old.mistakes):
        if sentence not in (*new.broken, *new.mistakes):
            yield f"The verdict says no longer: {sentence}"


def _points(value: float | None) -> str:
    return "none" if value is None else f"{_counted(round(value, 6) + 0.0, 'point')}"


def _counted(number: float, what: str) -> str:
    return f"{number:g} {what}{'' if number == 1 else 's'}"
