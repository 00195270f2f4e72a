"""Kinds of inputs that every check tries: each catches what it is for, and lets a right answer pass."""

import time
from dataclasses import replace

import numpy as np
import pytest

from convcourse.engine import kinds
from convcourse.engine.check import Check
from convcourse.engine.model import COST, OVERWRITES, Case
from tests.helpers.doubling import verdict_on

X = np.array([[0.5, -1.25, 2.0], [3.5, 0.75, -0.5]])
MEANS = Check(  # of rows, weighted
    "means",
    oracle=lambda x, weight: (x * weight).mean(axis=1),
    cases=(Case((X, np.array([1.0, 0.5, 2.0]))), Case((X[:1], np.array([1.0, 0.5, 2.0])), {}, "values", "one row")),
    photographs=True,
)


def right(x, weight):
    return (x * weight).mean(axis=1)


def cut(x, weight):
    """Keep the results in an array of the input's dtype."""
    found = np.zeros(len(x), x.dtype)
    found[:] = right(x, weight)
    return found


def wraps(x, weight):
    """Add in the input's dtype."""
    total = np.add.reduce(x, axis=1, dtype=x.dtype)
    return right(x, weight) + total - x.astype(float).sum(axis=1)


def absolute(x, weight):
    """Take what is small for nothing."""
    return np.where(np.abs(right(x, weight)) < 1e-3, 0, right(x, weight)).astype(x.dtype)


def remembers():
    kept = {}
    return lambda x, weight: kept.setdefault((x.shape, x.dtype), right(x, weight)).copy()


def widened(x, weight):
    return right(x, weight).astype(float)


@pytest.mark.parametrize(
    ("function", "kind"),
    [(cut, kinds.WHOLE), (wraps, kinds.BYTES), (absolute, kinds.SCALE)],
    ids=["whole numbers", "bytes", "scale"],
)
def test_each_kind_finds_what_it_is_for(function, kind):
    table = replace(MEANS, exempt={other.name: "not of this test" for other in kinds.KINDS if other is not kind})
    assert all(table.oracle(*case.args) == pytest.approx(np.asarray(function(*case.args))) for case in table.cases)
    verdict = verdict_on(function, table)
    assert kind.message in verdict.broken and verdict.earned == 4 * (1 - COST)
    assert verdict.failure is not None, "the call that goes wrong is shown"
    exempt = replace(table, exempt={other.name: "not of this test" for other in kinds.KINDS})
    assert verdict_on(function, exempt).passed


def test_a_part_that_is_remembered_is_not_earned_and_no_seed_decides_that():
    verdict = verdict_on(remembers(), MEANS)
    assert verdict.earned == 0 and kinds.AGAIN.message in verdict.diagnosis
    exempt = replace(MEANS, exempt={other.name: "not of this test" for other in kinds.KINDS})
    assert verdict_on(remembers(), exempt).passed


def test_a_result_that_is_handed_out_twice_is_seen_without_arguments_too():
    constant = np.array([1.0, 2.0])
    table = Check("constant", oracle=lambda: np.array([1.0, 2.0]), cases=(Case(),))
    assert verdict_on(lambda: constant, table).broken == (OVERWRITES,)
    assert verdict_on(constant.copy, table).passed


def test_float32_is_asked_for_where_no_case_of_the_table_has_it():
    verdict = verdict_on(widened, MEANS)
    assert any("float32 in must give float32 out" in message for message in verdict.broken)


def test_a_right_answer_passes_all_of_them():
    assert verdict_on(right, MEANS).passed


def test_one_call_that_is_late_is_made_once_more():
    late = []

    def stalls(x, weight):
        if x.dtype == np.int64 and not late:
            late.append(x)
            time.sleep(0.4)
        return right(x, weight)

    assert verdict_on(stalls, replace(MEANS, limit=0.2)).passed and late


def test_bytes_are_tried_on_photographs_alone():
    plain = replace(MEANS, photographs=False)
    assert kinds.variations(plain, kinds.BYTES) == [] != kinds.variations(MEANS, kinds.BYTES)
    assert kinds.BYTES.message not in verdict_on(wraps, plain).broken


def test_whole_numbers_are_tried_in_all_arrays_and_in_each_alone():
    dtypes = [tuple(array.dtype.kind for array in given.args) for given, _ in kinds.variations(MEANS, kinds.WHOLE)]
    assert dtypes == [("i", "i"), ("i", "f"), ("f", "i")]
    three = Check("sums", oracle=lambda *x: sum(x), cases=(Case((X, X, X)),))
    dtypes = ["".join(array.dtype.kind for array in given.args) for given, _ in kinds.variations(three, kinds.WHOLE)]
    assert dtypes == ["iii", "iff", "fif", "ffi", "fii", "ifi", "iif"]


def test_every_part_is_tried_and_what_is_not_finite_is_left_alone():
    infinite = Case((np.array([[np.inf, 1.0]]), np.ones(2)), {}, "infinite")
    parts = replace(MEANS, cases=(*MEANS.cases, Case((X.T, np.ones(2)), {}, "tall"), infinite),
                    parts={"values": 1, "tall": 1, "infinite": 1})  # fmt: skip
    assert {given.part for given, _ in kinds.variations(parts, kinds.WHOLE)} == {"values", "tall"}
    again = [given for given, _ in kinds.variations(parts, kinds.AGAIN) if given.part == "infinite"]
    assert again == [infinite, infinite]


def test_where_a_part_has_failed_nothing_more_is_taken_away():
    verdict = verdict_on(lambda x, weight: cut(x, weight) + 1, MEANS)
    assert verdict.earned == 0 and verdict.broken == ()


def test_an_array_of_integers_is_charged_once_for_whole_numbers_and_bytes():
    assert verdict_on(cut, MEANS).broken == (kinds.WHOLE.message,)


def test_float32_will_do_for_bytes_and_not_where_float64_went_in():
    thirds = replace(MEANS, cases=(Case((X, np.array([1 / 3, 0.1, 0.7]))),))

    def single(x, weight):
        return right(x, weight).astype(np.float32 if x.dtype == np.uint8 else np.result_type(x, weight, np.float32))

    assert kinds.BYTES.message in verdict_on(single, thirds).broken
    bytes_alone = Check("means", oracle=lambda x: x.mean(axis=1), cases=(Case((X,)),), photographs=True)
    assert verdict_on(lambda x: x.mean(axis=1, dtype=np.result_type(x, np.float32)), bytes_alone).passed
