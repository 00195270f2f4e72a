"""Who needs help, and one student over a term, against a class that was worked out by hand."""

import math
from dataclasses import replace

import pytest

from convgrader.class_statistics import AssignmentResults, TaskResults
from convgrader.jobs import TaskVerdict
from convgrader.student_statistics import (
    RULES,
    Reason,
    knows,
    report_on,
    standings_of,
    who_needs_help,
)

NAMES = tuple("abcdefghij")  # ten students


def assignment(name, scores, points=10.0, **options):
    """Return an assignment of one task, in which the first student earned the first score, and so on."""
    task = TaskResults(name, "task", points, dict(zip(NAMES, scores)))
    return AssignmentResults(name, NAMES[: len(scores)], (task,), **options)


# Five times 4 and five times 8: the mean is 6, the standard deviation 2.
FIRST = assignment("first", [8, 8, 8, 8, 8, 4, 4, 4, 4, 4])
# The same, with the places of a and f exchanged.
SECOND = assignment("second", [4, 8, 8, 8, 8, 8, 4, 4, 4, 4])


def reasons(student, *results):
    """Return {kind: words} of why a student needs help."""
    found = {one.student: one.reasons for one in who_needs_help(results).students}
    return {reason.kind: reason.words for reason in found.get(student, ())}


def test_the_place_of_a_score_in_its_class():
    places = standings_of(FIRST)
    assert (places["a"].score, places["a"].share, places["a"].deviations, places["a"].rank) == (8, 0.8, 1.0, 1)
    assert (places["j"].score, places["j"].share, places["j"].deviations, places["j"].rank) == (4, 0.4, -1.0, 6)


def test_in_a_class_of_nine_or_of_equals_nobody_stands_above_or_below():
    assert all(place.deviations is None for place in standings_of(assignment("nine", range(9))).values())
    assert all(place.deviations is None for place in standings_of(assignment("same", [5] * 10)).values())
    assert standings_of(assignment("nine", range(9)))["a"].rank == 9
    assert who_needs_help([assignment("nine", range(9))]).count == 0
    assert standings_of(assignment("one", [3.0]))["a"].rank == 1


def test_who_falls_by_a_standard_deviation_and_a_tenth_of_the_points_fell_behind():
    assert reasons("a", FIRST, SECOND) == {"fell behind": "fell behind: from +1.0 to -1.0 standard deviations"}
    assert "fell behind" not in reasons("f", FIRST, SECOND), "who rose did not fall"
    assert "fell behind" not in reasons("a", SECOND, FIRST), "the order of the assignments is that of the term"
    assert "fell behind" not in reasons("a", FIRST), "one assignment has none before it"


def test_a_fall_counts_from_the_mean_of_all_assignments_before():
    """Before, b stands at +1 and 0 on average 0.5; then at -0.5, which is a fall of just one."""
    middle = assignment("second", [8, 6, 6, 6, 6, 6, 6, 6, 6, 4])  # mean 6, spread sqrt(0.8)
    last = assignment("third", [8, 5, 8, 8, 8, 4, 4, 4, 4, 7])  # mean 6
    spread = math.sqrt((4 * 4 + 1 + 4 * 4 + 1) / 10)
    assert standings_of(last)["b"].deviations == pytest.approx(-1 / spread) and 1 / spread > 0.5
    assert reasons("b", FIRST, middle, last)["fell behind"] == "fell behind: from +0.5 to -0.5 standard deviations"
    higher = replace(last, tasks=(replace(last.tasks[0], scores={**last.tasks[0].scores, "b": 6.0}),))
    assert "fell behind" not in reasons("b", FIRST, middle, higher), "0.5 to 0 is no fall by one"


def test_a_fall_of_a_few_hundredths_of_the_points_is_none():
    """Where nearly all earn all, half a point may be two standard deviations."""
    easy = [[10, 10, 10, 10, 10, 9.5, 9.5, 9.5, 9.5, 9.5], [9.5, 10, 10, 10, 10, 10, 9.5, 9.5, 9.5, 9.5]]
    assert reasons("a", *[assignment(str(number), scores) for number, scores in enumerate(easy)]) == {}


def test_who_did_not_hand_in_the_last_assignment_is_told_so_and_not_that_they_fell():
    last = AssignmentResults("second", NAMES[1:], SECOND.tasks, missing=("a",))
    last = replace(
        last, tasks=(replace(last.tasks[0], scores={k: v for k, v in last.tasks[0].scores.items() if k > "a"}),)
    )
    assert reasons("a", FIRST, last) == {"not handed in": "not handed in: second"}
    assert reasons("a", last, FIRST) == {"not handed in": "not handed in: second"}


def test_a_standard_deviation_below_with_less_than_half_of_the_points_is_far_below():
    assert reasons("j", FIRST) == {"far below": "far below: -1.0 standard deviations, 40 % of the points"}
    assert reasons("j", assignment("easy", [10] * 5 + [6] * 5)) == {}, "more than half of the points"
    assert "far below" not in reasons("a", FIRST, SECOND), "on average a stands at 0"


def with_verdicts(letters):
    """Return an assignment of so many tasks, of which "b" are blank for a."""
    verdicts = [TaskVerdict("check-t", f"t{number}", 1.0, 0.0, outcomes=one * 3) for number, one in enumerate(letters)]
    tasks = [TaskResults("n", one.task, 1.0, dict.fromkeys(NAMES, 1.0), {"a": one}) for one in verdicts]
    return AssignmentResults("third", NAMES, tuple(tasks))


def test_a_quarter_of_the_tasks_left_blank_is_a_reason():
    assert reasons("a", with_verdicts("bwww")) == {"blank": "left blank: third (1 of 4 tasks)"}
    assert reasons("a", with_verdicts("bwwww")) == reasons("a", with_verdicts("wwww")) == {}


def test_most_reasons_stand_first_then_the_lowest_scores_and_kinds_are_counted():
    results = [replace(FIRST, missing=("z",)), replace(SECOND, missing=("j", "z"), students=NAMES[:9])]
    results[1] = replace(
        results[1], tasks=(replace(SECOND.tasks[0], scores=dict(zip(NAMES[:9], [4, 8, 8, 8, 8, 8, 2, 2, 2]))),)
    )
    found = who_needs_help(results)
    assert found.kinds == {"not handed in": 2, "blank": 0, "fell behind": 0, "far below": 5}
    assert [one.student for one in found.students][:2] == ["j", "z"] and found.count == len(found.students) == 6
    assert list(found.kinds) == list(RULES)
    hidden = who_needs_help(results, anonymous=True)
    assert (hidden.count, hidden.kinds, hidden.students) == (found.count, found.kinds, ())


def test_one_student_over_the_term():
    """In `pooling` bob earned 2 of 4 and 1 of 2, cem 4 and 2: of 6 points bob has 3, the mean is 4.5."""
    wrong = TaskVerdict(
        "check-pool", "pool", 4.0, 2.0, {"plain": True, "stride": False}, mistakes=("You ignored the stride.",),
        problem="It is 1.", call="pool([1], 2)", outcomes="rw", section="pooling#pooling-max",
    )  # fmt: skip
    other = TaskVerdict("check-lp", "lp", 2.0, 1.0, {"all": False}, problem="It is 2.", section="pooling#pooling-lp")
    tasks = (
        TaskResults("n", "lp", 2.0, {"bob": 1.0, "cem": 2.0}, {"bob": other}),
        TaskResults("n", "pool", 4.0, {"bob": 2.0, "cem": 4.0}, {"bob": wrong}),
        TaskResults("n", "why", 3.0, {"bob": None, "cem": 3.0}, waiting=frozenset({"bob"})),
    )
    pooling = AssignmentResults("pooling", ("bob", "cem"), tasks)
    layer = AssignmentResults("layer", ("cem",), (TaskResults("l", "sum", 1.0, {"cem": 1.0}),), missing=("bob",))
    shapes = replace(layer, name="shapes", missing=(), failed=("bob",))
    report = report_on([pooling, layer, shapes], "bob")
    first, second, third = report.assignments
    assert (first.state, first.standing.score, first.totals.points, first.totals.mean) == ("graded", 3.0, 6.0, 4.5)
    assert (first.standing.rank, first.students, first.standing.deviations, first.waiting) == (2, 2, None, 1)
    assert first.totals.spread == pytest.approx(math.sqrt(4.5)) and first.totals.distribution[5] == 1
    lp, pool, why = first.tasks
    assert (pool.score, pool.class_mean, pool.failed, pool.mistakes) == (2.0, 3.0, ("stride",), wrong.mistakes)
    assert (lp.said, pool.said, why.said) == ("It is 2.", "You ignored the stride.", "")
    assert (why.score, why.class_mean) == (None, 3.0)
    assert first.to_read == ("pooling#pooling-max", "pooling#pooling-lp"), "two points were lost there, and one here"
    assert (second.state, second.standing, third.state) == ("not handed in", None, "not graded")
    assert report.reasons == (Reason("not handed in", "not handed in: layer"),)


def test_only_who_is_of_the_class_is_known():
    results = [replace(FIRST, missing=("y",), failed=("z",))]
    assert [knows(results, student) for student in ("a", "y", "z", "x")] == [True, True, True, False]
