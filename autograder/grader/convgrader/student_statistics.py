"""Single students in numbers: who needs help, by a rule that the report states, and how one fared over a term."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from convgrader.class_statistics import (
    AssignmentResults,
    TaskResults,
    Totals,
    causes_of,
    is_blank,
    points_of,
    scores_of,
    sentence_of,
    totals_of,
)
from convgrader.jobs import TaskVerdict

FEWEST = 10  # students: among fewer, a place in the class says little
FALL = 1.0  # standard deviations between the last assignment and the mean of those before
LOSS = 0.1  # the share of the points that such a student earns less than before, at least
FAR = -1.0  # standard deviations from the mean
HALF = 0.5  # the share of the points that who is far below earns less than
BLANK_TASKS = 0.25  # the share of an assignment's tasks
RULES = {  # kind of a reason -> when it holds
    "not handed in": "nothing was handed in for an assignment",
    "blank": "nothing was written in at least a quarter of the tasks of an assignment",
    "fell behind": (
        "the score of the last assignment lies at least one standard deviation lower in the class than those before "
        "did on average, and is at least a tenth of the points lower"
    ),
    "far below": (
        "the scores lie on average at least one standard deviation below the mean of the class, and make less than "
        "half of the points"
    ),
}


# --- who needs help ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """Where a score stands in a class.

    Parameters
    ----------
    share : float
        The score as a share of the points.
    deviations : float or None
        How many standard deviations it lies above the mean; None in a small class, or where all scores are the same.
    rank : int
        One more than the number of students with a higher score.
    """

    score: float
    share: float
    deviations: float | None
    rank: int


@dataclass(frozen=True)
class Reason:
    """One of `RULES` that a student meets: its kind, and the numbers in a few words."""

    kind: str
    words: str


@dataclass(frozen=True)
class NeedsHelp:
    """A student who needs help, and why."""

    student: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class HelpReport:
    """How many students need help, and by which rule; those themselves are left out of an anonymous report."""

    count: int
    kinds: dict[str, int]
    students: tuple[NeedsHelp, ...]


def standings_of(results: AssignmentResults) -> dict[str, Standing]:
    """Return the place of each student of an assignment."""
    scores, points = scores_of(results), points_of(results)
    mean, spread = statistics.fmean(scores.values()), statistics.pstdev(scores.values())
    is_class = len(scores) >= FEWEST and spread > 0
    ranks: dict[float, int] = {}
    for place, score in enumerate(sorted(scores.values(), reverse=True), 1):
        ranks.setdefault(score, place)
    return {
        student: Standing(
            score, score / points if points else 0.0, (score - mean) / spread if is_class else None, ranks[score]
        )
        for student, score in scores.items()
    }


def who_needs_help(results: Sequence[AssignmentResults], anonymous: bool = False) -> HelpReport:
    """Return who needs help, those with most reasons and the lowest scores first; assignments are in their order."""
    standings = {each.name: standings_of(each) for each in results}
    known = sorted({student for each in results for student in (*each.students, *each.failed, *each.missing)})
    found = []
    for student in known:
        places = [standings[each.name][student] for each in results if student in standings[each.name]]
        reasons = (*_missing(student, results), *_blank(student, results), *_fallen(places), *_far_below(places))
        if reasons:
            share = statistics.fmean(place.share for place in places) if places else 0.0
            found.append((-len(reasons), share, NeedsHelp(student, reasons)))
    found.sort(key=lambda one: one[:2])
    of_kinds = [{reason.kind for reason in one.reasons} for *_, one in found]
    kinds = {kind: sum(kind in kinds for kinds in of_kinds) for kind in RULES}
    return HelpReport(len(found), kinds, () if anonymous else tuple(one for *_, one in found))


def _missing(student: str, results: Sequence[AssignmentResults]) -> tuple[Reason, ...]:
    names = [each.name for each in results if student in each.missing]
    return (Reason("not handed in", f"not handed in: {', '.join(names)}"),) if names else ()


def _blank(student: str, results: Sequence[AssignmentResults]) -> tuple[Reason, ...]:
    words = []
    for each in results:
        verdicts = [task.verdicts[student] for task in each.tasks if student in task.verdicts]
        blank = sum(map(is_blank, verdicts))
        if blank and blank >= BLANK_TASKS * len(verdicts):
            words.append(f"{each.name} ({blank} of {len(verdicts)} tasks)")
    return (Reason("blank", f"left blank: {', '.join(words)}"),) if words else ()


def _fallen(places: Sequence[Standing]) -> tuple[Reason, ...]:
    known = [place for place in places if place.deviations is not None]
    if len(known) < 2 or known[-1] is not places[-1]:
        return ()
    before, share = (statistics.fmean(values) for values in zip(*map(_numbers, known[:-1])))
    now, share_now = _numbers(known[-1])
    if before - now < FALL - 1e-9 or share - share_now < LOSS - 1e-9:
        return ()
    return (Reason("fell behind", f"fell behind: from {_signed(before)} to {_signed(now)} standard deviations"),)


def _far_below(places: Sequence[Standing]) -> tuple[Reason, ...]:
    numbers = [_numbers(place) for place in places if place.deviations is not None]
    if not numbers:
        return ()
    deviations, share = (statistics.fmean(values) for values in zip(*numbers))
    if deviations > FAR + 1e-9 or share >= HALF:
        return ()
    return (
        Reason("far below", f"far below: {_signed(deviations)} standard deviations, {100 * share:.0f} % of the points"),
    )


def _signed(deviations: float) -> str:
    return f"{round(deviations, 1) + 0.0:+.1f}"


def _numbers(place: Standing) -> tuple[float, float]:
    return place.deviations or 0.0, place.share


# --- one student ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StudentTask:
    """What a student earned in a task: None where nobody has given points; what was wrong, and what explains it."""

    notebook: str
    task: str
    points: float
    score: float | None
    class_mean: float | None
    is_blank: bool = False
    failed: tuple[str, ...] = ()
    mistakes: tuple[str, ...] = ()
    problem: str = ""
    call: str = ""
    section: str = ""

    @property
    def said(self) -> str:
        """What was wrong with the answer, in words; "" where nothing was."""
        return "Nothing was written." if self.is_blank else " ".join(self.mistakes) or self.problem


@dataclass(frozen=True)
class StudentAssignment:
    """One assignment of a student.

    Parameters
    ----------
    state : str
        "graded", "not graded" where that failed, or "not handed in"; `standing` is None unless it is graded.
    students : int
        How many of the class are graded.
    totals : Totals
        What the class earned in the tasks that `standing` counts.
    waiting : int
        The student's answers that wait for a person.
    to_read : tuple of str
        The sections that explain what cost points, the costliest first.
    """

    assignment: str
    state: str
    students: int
    totals: Totals
    standing: Standing | None = None
    waiting: int = 0
    tasks: tuple[StudentTask, ...] = ()
    to_read: tuple[str, ...] = ()


@dataclass(frozen=True)
class StudentReport:
    """One student over a term, and by which rules help is needed."""

    student: str
    assignments: tuple[StudentAssignment, ...]
    reasons: tuple[Reason, ...]


def knows(results: Sequence[AssignmentResults], student: str) -> bool:
    """Say whether a student is of the class."""
    return any(student in people for each in results for people in (each.students, each.failed, each.missing))


def report_on(results: Sequence[AssignmentResults], student: str) -> StudentReport:
    """Return how a student fared in assignments, which are in their order."""
    needing = {one.student: one.reasons for one in who_needs_help(results).students}
    return StudentReport(
        student, tuple(_student_assignment(each, student) for each in results), needing.get(student, ())
    )


def _student_assignment(results: AssignmentResults, student: str) -> StudentAssignment:
    count, totals = len(results.students), totals_of(results)
    if student not in results.students:
        state = "not graded" if student in results.failed else "not handed in"
        return StudentAssignment(results.name, state, count, totals)
    tasks = tuple(_student_task(task, student) for task in results.tasks)
    lost: dict[str, float] = {}
    for task in tasks:
        if task.section and task.score is not None and task.score < task.points:
            lost[task.section] = lost.get(task.section, 0.0) + task.points - task.score
    return StudentAssignment(
        results.name,
        "graded",
        count,
        totals,
        standings_of(results)[student],
        sum(student in task.waiting for task in results.tasks),
        tasks,
        tuple(sorted(lost, key=lambda section: -lost[section])),
    )


def _student_task(task: TaskResults, student: str) -> StudentTask:
    scores = [score for score in task.scores.values() if score is not None]
    verdict = task.verdicts.get(student) or TaskVerdict("", task.name, task.points, task.points)
    return StudentTask(
        task.notebook,
        task.name,
        task.points,
        task.scores.get(student),
        statistics.fmean(scores) if scores else None,
        is_blank(verdict),
        tuple(part for part, holds in verdict.parts.items() if not holds),
        tuple(sentence_of(cause, verdict) for cause in causes_of(verdict)),
        verdict.problem,
        verdict.call,
        verdict.section,
    )
