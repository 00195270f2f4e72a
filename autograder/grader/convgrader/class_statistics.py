"""What a class has not understood, in numbers: scores in, a report out. Nothing is read or printed here."""

import statistics
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from convcourse.engine.outcomes import BLANK, NOT_CALLED
from convgrader.jobs import TaskVerdict

FEWEST = 20  # students: among fewer, a correlation and an extreme share say little
EXTREME = 0.05  # the share that nearly nobody is, or that is missing where it is nearly everybody
TO_DISCUSS = 3  # mistakes for the next class
QUARTERS = 4  # a task's points are divided into so many steps, between none and all of them
TENTHS = 10  # an assignment's, from nothing to all


# --- what goes in --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TaskResults:
    """What a class earned in one task: {student: score}, None where nobody has given any; {student: verdict}.

    `waiting` are those whose answer waits for a person.
    """

    notebook: str
    name: str
    points: float
    scores: Mapping[str, float | None]
    verdicts: Mapping[str, TaskVerdict] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()


@dataclass(frozen=True)
class AssignmentResults:
    """What a class earned in one assignment.

    Parameters
    ----------
    students : tuple of str
        Those whose submission was graded; `tasks` speak of no others.
    failed, without_verdicts : tuple of str
        Students whose submission could not be graded, and those that were graded before verdicts were kept.
    missing : tuple of str
        Students of the class who have handed in nothing.
    """

    name: str
    students: tuple[str, ...]
    tasks: tuple[TaskResults, ...]
    failed: tuple[str, ...] = ()
    without_verdicts: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


# --- what comes out ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class People:
    """How many students, and their names; these are left out of an anonymous report."""

    count: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """The share of a class that passed one part of a task, and what is odd about it."""

    name: str
    share: float
    remark: str = ""


@dataclass(frozen=True)
class NamedMistake:
    """A mistake that verdicts named, who made it, and what it cost them together."""

    assignment: str
    task: str
    sentence: str
    students: People
    points_lost: float
    call: str
    section: str


@dataclass(frozen=True)
class Cluster:
    """Answers that are wrong alike and have no name, with the example of one of them.

    `student` is who wrote it, and is left out of an anonymous report.
    """

    students: People
    outcomes: str
    problem: str
    call: str
    student: str = ""


@dataclass(frozen=True)
class TaskReport:
    """One task.

    Parameters
    ----------
    n : int
        How many scores there are; mean, spread and shares are theirs.
    spread : float or None
        The standard deviation (n - 1); None for a single score.
    difficulty : float or None
        The share of the points that the class lost: 0 where all earned all.
    discrimination : float or None
        Correlation with the rest of the score; None below 20 students, or where one of both is the same for all.
    distribution : tuple of int
        How many earned nothing, less than a quarter of the points, less than half, less than three quarters, less than
        all, and all of them.
    blank : int
        How many have written nothing.
    """

    notebook: str
    task: str
    points: float
    n: int
    to_grade: int
    mean: float | None
    spread: float | None
    full: float | None
    zero: float | None
    difficulty: float | None
    discrimination: float | None
    distribution: tuple[int, ...]
    blank: int
    parts: tuple[Part, ...]
    mistakes: tuple[NamedMistake, ...]
    unnamed: tuple[Cluster, ...]


@dataclass(frozen=True)
class Totals:
    """The points of an assignment, without the tasks that wait for a person.

    `distribution` has how many earned less than a tenth of them, less than two tenths, and so on; the last step is nine
    tenths and more.
    """

    points: float
    mean: float
    spread: float | None
    distribution: tuple[int, ...]


@dataclass(frozen=True)
class AssignmentReport:
    """One assignment."""

    assignment: str
    students: int
    failed: People
    without_verdicts: People
    missing: People
    totals: Totals
    tasks: tuple[TaskReport, ...]


@dataclass(frozen=True)
class ClassReport:
    """Assignments, and of all of them the mistakes that cost the class most."""

    assignments: tuple[AssignmentReport, ...]
    next_class: tuple[NamedMistake, ...]


# --- how -----------------------------------------------------------------------------------------------------------

Counting = Callable[[Iterable[str]], People]


def make_report(results: Sequence[AssignmentResults], anonymous: bool = False) -> ClassReport:
    """Return the report on a class; where it is `anonymous`, without names."""

    def people(students: Iterable[str]) -> People:
        names = tuple(sorted(students))
        return People(len(names), () if anonymous else names)

    assignments = tuple(_assignment_report(each, people) for each in results)
    mistakes = [mistake for each in assignments for task in each.tasks for mistake in task.mistakes]
    costly = sorted((one for one in mistakes if one.points_lost > 0), key=lambda one: -one.points_lost)
    return ClassReport(assignments, tuple(costly[:TO_DISCUSS]))


def _assignment_report(results: AssignmentResults, people: Counting) -> AssignmentReport:
    return AssignmentReport(
        results.name,
        len(results.students),
        people(results.failed),
        people(results.without_verdicts),
        people(results.missing),
        totals_of(results),
        tuple(_task_report(results, task, people) for task in results.tasks),
    )


def points_of(results: AssignmentResults) -> float:
    """Return the points of the tasks that `scores_of` counts."""
    return sum(task.points for task in _graded(results.tasks))


def scores_of(results: AssignmentResults) -> dict[str, float]:
    """Return {student: points in all tasks}; those with an answer that nobody has graded yet do not count."""
    return _sums(results.students, _graded(results.tasks))


def totals_of(results: AssignmentResults) -> Totals:
    """Return what the scores of a whole assignment are like."""
    points, scores = points_of(results), [*scores_of(results).values()]
    spread = statistics.stdev(scores) if len(scores) > 1 else None
    tenths = [tenth_of(score, points) for score in scores]
    return Totals(points, statistics.fmean(scores), spread, tuple(map(tenths.count, range(TENTHS))))


def tenth_of(score: float, points: float) -> int:
    """Return the step of a score in the distribution of an assignment.

    Examples
    --------
    >>> tenth_of(0, 20), tenth_of(3.9, 20), tenth_of(4, 20), tenth_of(20, 20), tenth_of(21, 20), tenth_of(0, 0)
    (0, 1, 2, 9, 9, 0)
    """
    return _step(score, points, TENTHS)


def step_of(score: float, points: float) -> int:
    """Return the step of a score in the distribution of a task.

    Examples
    --------
    >>> [step_of(score, 4) for score in (0, 0.5, 1, 1.9, 3.9, 4)], step_of(0, 0)
    ([0, 1, 2, 2, 4, 5], 0)
    """
    if score <= 0:
        return 0
    return QUARTERS + 1 if score >= points else 1 + _step(score, points, QUARTERS)


def _step(score: float, points: float, steps: int) -> int:
    return max(0, min(steps - 1, int(steps * score / points + 1e-9))) if points else 0


def _graded(tasks: Iterable[TaskResults]) -> list[TaskResults]:
    return [task for task in tasks if None not in task.scores.values()]


def _sums(students: Iterable[str], tasks: Sequence[TaskResults]) -> dict[str, float]:
    return {  # rounded, since equal sums are to be equal
        student: round(sum(task.scores.get(student) or 0.0 for task in tasks), 6) for student in students
    }


def _task_report(results: AssignmentResults, task: TaskResults, people: Counting) -> TaskReport:
    scores = {student: score for student, score in task.scores.items() if score is not None}
    numbers, n = list(scores.values()), len(scores)
    mean = statistics.fmean(numbers) if numbers else None
    blank = {student for student, verdict in task.verdicts.items() if is_blank(verdict)}
    return TaskReport(
        task.notebook,
        task.name,
        task.points,
        n,
        len(task.waiting),
        mean,
        spread=statistics.stdev(numbers) if n > 1 else None,
        full=sum(score >= task.points for score in numbers) / n if n else None,
        zero=sum(score == 0 for score in numbers) / n if n else None,
        difficulty=1 - mean / task.points if mean is not None and task.points else None,
        discrimination=discrimination(scores, rest_of_score(results, task)),
        distribution=tuple(map([step_of(score, task.points) for score in numbers].count, range(QUARTERS + 2))),
        blank=len(blank),
        parts=parts_of(task.verdicts.values()),
        mistakes=_named_mistakes(results.name, task, people),
        unnamed=_clusters(task, blank, people),
    )


def rest_of_score(results: AssignmentResults, task: TaskResults) -> dict[str, float]:
    """Return {student: points in the other tasks}; those with an answer that nobody has graded yet do not count."""
    return _sums(results.students, [each for each in _graded(results.tasks) if each is not task])


def discrimination(scores: Mapping[str, float], rest: Mapping[str, float]) -> float | None:
    """Return the correlation of a task's scores with the rest; None where it says little or there is none.

    Examples
    --------
    >>> students = [f"student {number}" for number in range(20)]
    >>> discrimination(dict.fromkeys(students[:10], 1.0) | dict.fromkeys(students[10:], 0.0),
    ...                dict(zip(students, range(20), strict=True)))
    -0.867...
    >>> discrimination({"ada": 1.0, "bob": 0.0}, {"ada": 1.0, "bob": 0.0})
    """
    if len(scores) < FEWEST:
        return None
    try:
        return statistics.correlation([*scores.values()], [rest[student] for student in scores])
    except statistics.StatisticsError:  # one of both is the same for all
        return None


def is_blank(verdict: TaskVerdict) -> bool:
    """Say whether nothing was written."""
    return BLANK in verdict.outcomes and set(verdict.outcomes) <= {BLANK, NOT_CALLED}


def parts_of(verdicts: Collection[TaskVerdict]) -> tuple[Part, ...]:
    """Return the share that passed each part; whoever has no such function has passed none."""
    names = dict.fromkeys(part for verdict in verdicts for part in verdict.parts)
    shares = {name: sum(verdict.parts.get(name, False) for verdict in verdicts) / len(verdicts) for name in names}
    is_class = len(verdicts) >= FEWEST
    return tuple(Part(name, share, _remark(share) if is_class else "") for name, share in shares.items())


def _remark(share: float) -> str:
    if share <= EXTREME:
        return "nearly nobody passes it"
    return "nearly everybody passes it" if share >= 1 - EXTREME else ""


def causes_of(verdict: TaskVerdict) -> list[str]:
    """Return the messages of known mistakes and broken properties that a verdict names.

    What a trained network's verdict, which has no table of cases, says beside its parts is nobody's mistake.
    """
    return list(dict.fromkeys((*verdict.mistakes, *(verdict.broken if verdict.outcomes else ()))))


def sentence_of(cause: str, verdict: TaskVerdict) -> str:
    """Return what a verdict says of a cause: the problem that holds the message, where that is no sentence itself."""
    return cause if cause.rstrip(")").endswith((".", "?")) else verdict.problem or cause


def _named_mistakes(assignment: str, task: TaskResults, people: Counting) -> tuple[NamedMistake, ...]:
    """Return the mistakes of a task, the costliest first; several in one verdict share what it lost equally."""
    made: dict[str, dict[str, float]] = {}
    for student, verdict in task.verdicts.items():
        causes = causes_of(verdict)
        for cause in causes:
            made.setdefault(cause, {})[student] = (verdict.points - verdict.earned) / len(causes)
    found = []
    for cause, losses in made.items():
        example = min((task.verdicts[student] for student in losses), key=_length)
        found.append(
            NamedMistake(
                assignment,
                task.name,
                sentence_of(cause, example),
                people(losses),
                round(sum(losses.values()), 6),
                example.call,
                example.section,
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.points_lost, -one.students.count)))


def _clusters(task: TaskResults, blank: Collection[str], people: Counting) -> tuple[Cluster, ...]:
    """Return the wrong answers of a task that nothing names, those that are wrong alike together, the largest first."""
    alike: dict[tuple[object, ...], list[str]] = {}
    for student, verdict in task.verdicts.items():
        if verdict.earned < verdict.points and student not in blank and not causes_of(verdict):
            failed = tuple(part for part, holds in verdict.parts.items() if not holds)
            is_table = verdict.outcomes or verdict.parts
            key = (verdict.outcomes, verdict.digest, failed) if is_table else (verdict.problem,)
            alike.setdefault(key, []).append(student)
    found = []
    for students in alike.values():
        student = min(students, key=lambda one: _length(task.verdicts[one]))
        example, named = task.verdicts[student], people([student]).names
        found.append(Cluster(people(students), example.outcomes, example.problem, example.call, *named))
    return tuple(sorted(found, key=lambda one: -one.students.count))


def _length(verdict: TaskVerdict) -> tuple[bool, int, str, str]:
    """Order verdicts by their failing call, the shortest first; one without a call only where there is no other."""
    return not verdict.call, len(verdict.call), verdict.call, verdict.problem
