"""A student's score in the whole course: weights, extra credit, and the lowest ones that do not count."""

from collections.abc import Mapping
from dataclasses import dataclass

from convgrader.rules.model import AssignmentRules, CourseRules


@dataclass(frozen=True)
class Earned:
    """What a student has of an assignment: the points of each task, what being late costs, whether it counts by now.

    `maxima` are the points that the tasks are worth. `is_due` is False where the student still has time.
    """

    points: Mapping[str, float]
    maxima: Mapping[str, float]
    penalty: float = 0.0
    is_due: bool = True


@dataclass(frozen=True)
class Counted:
    """What an assignment counts for in the total: points after the penalty, of how many, and with what weight."""

    points: float
    maximum: float
    weight: float
    is_extra: bool = False
    is_dropped: bool = False

    @property
    def share(self) -> float:
        """Return the share of the points; extra credit may lift it above 1."""
        return self.points / self.maximum if self.maximum else 0.0


def count(rules: AssignmentRules, earned: Earned) -> Counted:
    """Return what an assignment counts for by itself: without tasks that are left out, extra tasks as points alone."""
    points = sum(value for task, value in earned.points.items() if task not in rules.left_out)
    uncounted = {*rules.left_out, *rules.extra_tasks}
    maximum = sum(value for task, value in earned.maxima.items() if task not in uncounted)
    weight = maximum if rules.weight is None else rules.weight
    return Counted(max(0.0, points - earned.penalty), maximum, weight, rules.extra_credit)


def counted(rules: CourseRules, earned: Mapping[str, Earned]) -> dict[str, Counted]:
    """Return what each assignment counts for that is due, with the lowest ones dropped.

    The lowest are those with the smallest share of their points, the earlier one of equals. One that is extra credit
    is never dropped: it can only help. At least one stays.
    """
    found = {name: count(rules.rules_of(name), one) for name, one in earned.items() if one.is_due}
    order = list(rules.assignments)
    regular = [name for name, one in found.items() if not one.is_extra and one.maximum]
    regular.sort(key=lambda name: (found[name].share, order.index(name) if name in order else len(order)))
    for name in regular[: min(rules.drop_lowest, len(regular) - 1)] if regular else ():
        one = found[name]
        found[name] = Counted(one.points, one.maximum, one.weight, is_dropped=True)
    return found


def total(assignments: Mapping[str, Counted]) -> float | None:
    """Return the percentage of a student: the mean of the shares by weight, and extra credit on top.

    None where nothing counts by now.

    Examples
    --------
    >>> total({"a": Counted(8, 10, 10), "b": Counted(15, 30, 30), "more": Counted(5, 10, 10, is_extra=True)})
    70.0
    """
    kept = [one for one in assignments.values() if not one.is_dropped]
    whole = sum(one.weight for one in kept if not one.is_extra)
    return 100 * sum(one.weight * one.share for one in kept) / whole if whole else None
