"""Whose score has moved and why, from two sets of verdicts written by hand."""

import pytest

from convgrader.jobs import TaskVerdict
from convgrader.moves import CellScore, compare


def verdict(earned, points=8.0, **options):
    return TaskVerdict("check-pool", "pool", points, earned, **options)


def scored(**verdicts):
    """Return {(student, notebook, cell): score} of one task."""
    return {(who, "pooling", "check-pool"): CellScore(one.earned, {"pool": one}) for who, one in verdicts.items()}


def why(old, new):
    (move,) = compare(scored(ada=old), scored(ada=new)).moves
    return list(move.why)


SIDES = {"plain": True, "stride": False}
REASONS = {
    "a part that holds now": (verdict(5, parts=SIDES), verdict(8, parts={"plain": True, "stride": True}),
     ['The part "stride" holds now.']),
    "a part that holds no longer": (verdict(5, parts=SIDES), verdict(0, parts={"plain": False, "stride": False}),
     ['The part "plain" holds no longer.']),
    "a part that is new": (verdict(5, parts=SIDES), verdict(4, parts=SIDES | {"pad": False}),
     ['The part "pad" is new, and does not hold.']),
    "a part that is gone": (verdict(5, parts=SIDES), verdict(8, parts={"plain": True}), ['The part "stride" is gone.']),
    "other weights": (verdict(5, parts=SIDES), verdict(6, parts=SIDES), ["Its parts weigh otherwise."]),
    "other points": (verdict(5, parts=SIDES), verdict(6.25, 10.0, parts=SIDES),
     ["It is worth 10 points and was worth 8 points."]),
    "a property": (verdict(8), verdict(6, broken=("It changes its input.",)),
     ["The verdict says now: It changes its input."]),
    "a mistake": (verdict(2, mistakes=("You ignored the stride.",)), verdict(5, mistakes=("You forgot the pad.",)),
     ["The verdict says now: You forgot the pad.", "The verdict says no longer: You ignored the stride."]),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "reasons"), REASONS.values(), ids=REASONS)
def test_each_reason_is_a_sentence(old, new, reasons):
    assert why(old, new) == reasons


def test_the_sums_of_those_that_moved_are_told_and_who_moved_alike_stands_together():
    """Ada and bob gain 3, eve loses 1, joe stays."""
    low, high = verdict(5, parts=SIDES), verdict(8, parts={"plain": True, "stride": True})
    before = scored(ada=low, bob=low, eve=high, joe=high)
    moves = compare(before, scored(ada=high, bob=high, eve=verdict(7, broken=("no",)), joe=high))
    assert moves.students == 4 and moves.totals == {"ada": (5, 8), "bob": (5, 8), "eve": (8, 7)}
    assert list(moves.lines()) == [
        "4 submissions graded again: the score of 3 students has moved, 2 up and 1 down.",
        "pool: 5 points -> 8 points, 2 students: ada, bob",
        '  The part "stride" holds now.',
        "pool: 8 points -> 7 points, 1 student: eve",
        '  The part "plain" is gone.',
        '  The part "stride" is gone.',
        "  The verdict says now: no",
    ]
    found = moves.as_dict()
    assert found["totals"]["ada"] == {"before": 5, "after": 8} and found["graded_again"] == 4
    assert found["moves"][0]["task"] == "pool" and found["moves"][0]["before"] == 5


def test_a_task_that_moves_up_while_another_moves_down_is_told_and_the_sum_is_not():
    keys = [("ada", "pooling", f"check-{name}") for name in "ab"]
    moves = compare(
        {keys[0]: CellScore(1.0), keys[1]: CellScore(2.0)}, {keys[0]: CellScore(2.0), keys[1]: CellScore(1.0)}
    )
    assert [(move.task, move.before, move.after) for move in moves.moves] == [("a", 1, 2), ("b", 2, 1)]
    assert moves.totals == {}


def test_what_has_no_verdict_on_one_side_says_so():
    key = ("ada", "pooling", "check-pool")
    bare, full = {key: CellScore(None)}, scored(ada=verdict(8))
    (move,) = compare(bare, full).moves
    assert (move.before, move.after, move.why) == (None, 8, ("It had no verdict before.",))
    assert compare(full, bare).moves[0].why == ("There is no verdict any more.",)
    assert compare({key: CellScore(1.0)}, {key: CellScore(2.0)}).moves[0].why == ("No check gives these points.",)


def test_binary_fractions_are_no_move():
    key = ("ada", "pooling", "check-pool")
    moves = compare({key: CellScore(0.1 + 0.2)}, {key: CellScore(0.3)})
    assert moves.moves == () and list(moves.lines()) == ["1 submission graded again, and no score has moved."]


def test_many_students_are_counted_and_ten_are_named():
    students = {f"s{number:02}": verdict(5) for number in range(12)}
    moves = compare(scored(**students), scored(**dict.fromkeys(students, verdict(8, broken=("x",)))))
    assert list(moves.lines())[1].endswith("12 students: s00, s01, s02, s03, s04, s05, s06, s07, s08, s09, ...")
