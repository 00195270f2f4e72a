"""Every number of a report, against a class that was worked out by hand."""

import math
import time
from dataclasses import replace

import pytest

from convgrader.class_statistics import (
    AssignmentResults,
    Cluster,
    NamedMistake,
    Part,
    People,
    TaskResults,
    causes_of,
    is_blank,
    make_report,
    parts_of,
    rest_of_score,
)
from convgrader.jobs import TaskVerdict

STRIDE, FLIP, COPY = "You ignored the stride.", "You flipped it.", "It changes its input."


def verdict(earned, **options):
    """Return a verdict on `pool`, worth 4 points and made of two parts."""
    defaults = {"parts": {"plain": earned > 0, "stride": earned == 4}, "outcomes": "rr", "section": "pooling#max"}
    return TaskVerdict("check-pool", "pool", 4.0, earned, **(defaults | options))


VERDICTS = {
    "ada": verdict(4.0),
    "bob": verdict(2.0, mistakes=(STRIDE,), outcomes="rw", problem="Twice.", call="pool(array(4, 4), 2)"),
    "cem": verdict(1.5, mistakes=(STRIDE,), broken=(COPY,), outcomes="rw", problem="Once.", call="pool([1, 2], 2)"),
    "dan": verdict(0.0, outcomes="we", digest="d1", problem="It is 1, expected 2.", call="pool([1], 1)"),
    "eve": verdict(0.0, outcomes="we", digest="d1", problem="It is 1, expected 3.", call="pool([1, 2, 3], 1)"),
    "fay": verdict(0.0, outcomes="we", digest="d2", problem="It is 9.", call="pool([9], 1)"),
    "gil": verdict(0.0, outcomes="bb", problem="It is not written yet."),
    "hal": verdict(0.0, parts={}, outcomes="", problem="There is no function called pool."),
}
POOL = TaskResults("pooling", "pool", 4.0, {student: each.earned for student, each in VERDICTS.items()}, VERDICTS)
MARKS = dict.fromkeys(VERDICTS, 2.0) | {"ada": None, "bob": 0.5}
WORDS = TaskResults("pooling", "why", 2.0, MARKS, waiting=frozenset({"ada"}))
CLASS = AssignmentResults("pooling", tuple(VERDICTS), (POOL, WORDS))


@pytest.fixture
def task():
    return make_report([CLASS]).assignments[0].tasks[0]


def test_the_numbers_of_a_task(task):
    """Scores 4, 2, 1.5 and five times 0: their sum is 7.5, the sum of their squares 22.25."""
    assert (task.n, task.mean, task.full, task.zero) == (8, 0.9375, 1 / 8, 5 / 8)
    assert task.spread == pytest.approx(math.sqrt((22.25 - 8 * 0.9375**2) / 7))
    assert task.difficulty == 1 - 0.9375 / 4 and task.discrimination is None and task.blank == 1


def test_the_distribution_of_a_task(task):
    """Of 4 points five earned none, cem 1.5, bob 2, and ada all: less than half, less than three quarters, all."""
    assert task.distribution == (5, 0, 1, 1, 0, 1)
    words = make_report([CLASS]).assignments[0].tasks[1]
    assert words.distribution == (0, 0, 1, 0, 0, 6), "0.5 of 2 is a quarter; who is not graded does not count"


def test_the_totals_of_an_assignment_leave_out_what_waits():
    """The scores of `pool` alone: 4, 2, 1.5 and five times 0, of 4."""
    totals = make_report([CLASS]).assignments[0].totals
    assert (totals.points, totals.mean, totals.distribution) == (4.0, 0.9375, (5, 0, 0, 1, 0, 1, 0, 0, 0, 1))
    assert totals.spread == pytest.approx(math.sqrt((22.25 - 8 * 0.9375**2) / 7))
    graded = replace(WORDS, scores=dict.fromkeys(VERDICTS, 2.0), waiting=frozenset())
    totals = make_report([replace(CLASS, tasks=(POOL, graded))]).assignments[0].totals
    assert (totals.points, totals.mean, sum(totals.distribution[3:])) == (6.0, 2.9375, 8), "2 of 6 is the lowest"


def test_who_has_handed_in_nothing_is_counted():
    (report,) = make_report([replace(CLASS, missing=("zoe", "yan"))]).assignments
    assert report.missing == People(2, ("yan", "zoe")) and report.students == 8


def test_an_answer_that_nobody_has_graded_yet_is_counted_as_that(task):
    words = make_report([CLASS]).assignments[0].tasks[1]
    assert (words.n, words.to_grade, words.full) == (7, 1, 6 / 7)
    assert words.mean == pytest.approx(12.5 / 7) and words.difficulty == pytest.approx(1 - 12.5 / 14)
    assert words.parts == words.mistakes == words.unnamed == () and words.blank == 0


def test_the_shares_that_passed_each_part(task):
    assert task.parts == (Part("plain", 3 / 8), Part("stride", 1 / 8)), "in a small class nothing is odd"


def test_the_mistakes_with_who_made_them_and_what_they_cost(task):
    """Bob lost 2 points by the stride; cem lost 2.5, half of it by the stride."""
    stride = NamedMistake("pooling", "pool", STRIDE, People(2, ("bob", "cem")), 3.25, "pool([1, 2], 2)", "pooling#max")
    copy = NamedMistake("pooling", "pool", COPY, People(1, ("cem",)), 1.25, "pool([1, 2], 2)", "pooling#max")
    assert task.mistakes == (stride, copy)
    assert make_report([CLASS]).next_class == (stride, copy)


def test_answers_that_are_wrong_alike_stand_together_the_most_frequent_first(task):
    assert task.unnamed == (
        Cluster(People(2, ("dan", "eve")), "we", "It is 1, expected 2.", "pool([1], 1)", "dan"),
        Cluster(People(1, ("fay",)), "we", "It is 9.", "pool([9], 1)", "fay"),
        Cluster(People(1, ("hal",)), "", "There is no function called pool.", "", "hal"),
    )


def test_an_anonymous_report_has_the_same_numbers_and_no_names():
    results = replace(CLASS, failed=("ian",), without_verdicts=("ada",))
    text = repr(make_report([results], anonymous=True))
    assert not [name for name in (*VERDICTS, "ian") if f"'{name}'" in text]
    (_, *examples) = make_report([results]).assignments[0].tasks[0].unnamed
    assert [one.student for one in examples] == ["fay", "hal"], "which others name"
    (report,) = make_report([results], anonymous=True).assignments
    assert (report.failed, report.without_verdicts, report.students) == (People(1), People(1), 8)
    assert [mistake.students.count for mistake in report.tasks[0].mistakes] == [2, 1]


def class_of(scores, others):
    """Return a class that earned `scores` in one task and `others` in another."""
    names = [f"s{number:02}" for number in range(len(scores))]
    tasks = (TaskResults("n", "a", 1.0, dict(zip(names, scores))), TaskResults("n", "b", 9.0, dict(zip(names, others))))
    return AssignmentResults("n", tuple(names), tasks)


def test_discrimination_is_the_correlation_with_the_rest_and_takes_twenty_students():
    """Ones and zeros in turn against 0, 1, ..., n - 1: minus sqrt(3 / (n^2 - 1))."""
    half = make_report([class_of([1.0, 0.0] * 10, range(20))]).assignments[0].tasks
    assert half[0].discrimination == half[1].discrimination == pytest.approx(-math.sqrt(3 / 399))
    fewer = make_report([class_of([1.0, 0.0] * 9 + [1.0], range(19))]).assignments[0].tasks
    assert fewer[0].discrimination is None
    same = make_report([class_of([1.0, 0.0] * 10, [0.1 + 0.2, 0.3] * 10)]).assignments[0].tasks
    assert same[0].discrimination is None, "sums that are equal but for rounding tell nobody apart"


def test_the_rest_leaves_out_the_task_itself_and_what_is_not_graded_yet():
    third = TaskResults("pooling", "third", 1.0, dict.fromkeys(VERDICTS, 0.25))
    results = replace(CLASS, tasks=(*CLASS.tasks, third))
    assert set(rest_of_score(results, POOL).values()) == {0.25}
    assert rest_of_score(results, WORDS)["bob"] == 2.25


def test_parts_that_nearly_nobody_or_everybody_passes_are_pointed_out():
    parts = [{"easy": number > 0, "hard": number == 0, "fair": number < 3} for number in range(20)]
    found = parts_of([verdict(0.0, parts=each) for each in parts])
    assert found == (
        Part("easy", 0.95, "nearly everybody passes it"),
        Part("hard", 0.05, "nearly nobody passes it"),
        Part("fair", 0.15),
    )


def test_of_a_class_of_one_no_spread_is_told():
    one = AssignmentResults("pooling", ("ada",), (replace(POOL, scores={"ada": 4.0}, verdicts={"ada": verdict(4.0)}),))
    (task,) = make_report([one]).assignments[0].tasks
    assert (task.n, task.mean, task.spread, task.full, task.discrimination) == (1, 4.0, None, 1.0, None)
    totals = make_report([one]).assignments[0].totals
    assert (totals.mean, totals.spread, totals.distribution) == (4.0, None, (0,) * 9 + (1,))
    nobody = make_report([replace(one, tasks=(replace(POOL, scores={"ada": None}, verdicts={}),))])
    (task,) = nobody.assignments[0].tasks
    assert (task.n, task.mean, task.full, task.difficulty, task.parts) == (0, None, None, None, ())


def test_what_a_networks_verdict_remarks_is_no_mistake():
    remark = "accuracy 0.913 on 2,000 test pictures"
    assert causes_of(verdict(2.0, broken=(remark,), outcomes="")) == []
    assert causes_of(verdict(2.0, broken=(COPY,), mistakes=(FLIP, COPY))) == [FLIP, COPY]


def test_a_message_that_is_no_sentence_is_told_by_the_problem_that_holds_it():
    made = verdict(0.0, mistakes=("all zeros",), problem="Your kernel is all zeros, which shows nothing.")
    (found,) = make_report([class_with(made)]).next_class
    assert found.sentence == "Your kernel is all zeros, which shows nothing."


def class_with(*verdicts):
    given = {f"s{number}": each for number, each in enumerate(verdicts)}
    scores = {student: each.earned for student, each in given.items()}
    return AssignmentResults("pooling", tuple(given), (replace(POOL, scores=scores, verdicts=given),))


def test_only_who_wrote_nothing_at_all_is_blank():
    assert [is_blank(verdict(0.0, outcomes=text)) for text in ("bb", "b-", "rb", "--", "", "be")] == [
        True, True, False, False, False, False,
    ]  # fmt: skip


def test_the_next_class_has_the_three_mistakes_that_cost_most_of_all_assignments():
    results = [
        replace(class_with(*[verdict(earned, mistakes=(f"Mistake {number}.",))]), name=f"week {number}")
        for number, earned in enumerate((3.0, 1.0, 0.0, 2.0))
    ]
    costly = make_report(results).next_class
    assert [(one.assignment, one.points_lost) for one in costly] == [("week 2", 4.0), ("week 1", 3.0), ("week 3", 2.0)]


def test_a_report_of_5000_students_is_soon_made():
    students = tuple(f"s{number}" for number in range(5000))
    tasks = []
    for task in range(12):
        kinds = [*VERDICTS.values()]
        verdicts = {student: kinds[(number * (task + 3)) % 8] for number, student in enumerate(students)}
        scores = {student: each.earned for student, each in verdicts.items()}
        tasks.append(replace(POOL, name=f"task {task}", scores=scores, verdicts=verdicts))
    start = time.monotonic()
    report = make_report([AssignmentResults("pooling", students, tuple(tasks))])
    print(f"12 tasks of 5,000 students: {time.monotonic() - start:.2f} s")
    assert sum(mistake.students.count for mistake in report.assignments[0].tasks[0].mistakes) == 3 * 625
