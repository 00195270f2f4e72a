"""A function is tried against a check: points for parts, what properties cost, the sentence for a known mistake."""

import time
from dataclasses import replace

import numpy as np
import pytest

from convcourse.calls.call import LocalFunction, StudentFunction, clone
from convcourse.engine import model
from convcourse.engine.check import Check
from convcourse.engine.context import RunContext, graded_run
from convcourse.engine.model import Case, Mistake, Property
from convcourse.engine.trial import Trial
from tests.helpers.doubling import DOUBLE, verdict_on


def test_an_unknown_error_is_not_given_a_name():
    assert verdict_on(lambda x: 2 * x + 1).diagnosis == ""
    assert verdict_on(lambda x: np.minimum(2 * x, 150.0).astype(x.dtype)).diagnosis == ""  # caps, but elsewhere


class Batched(StudentFunction):
    """A function that takes all calls at once, as one in a sandbox does; keeps how many there were."""

    def __init__(self, function):
        self.local, self.batches = LocalFunction(function), []

    def call_all(self, calls, limit):
        outcomes = []
        self.batches.append(len(calls))
        for call in calls:
            outcome = self.local.call(call.args, call.kwargs, limit)
            outcomes.append(replace(outcome, value=clone(outcome.value)))
            if outcome.kind == "timeout":
                break
        return outcomes


def tried(function, check):
    batched = Batched(function)
    trial = Trial(check, batched, RunContext(at_home=False))
    trial.run()
    return trial, batched.batches


def cases(*numbers):
    return tuple(Case((np.full(2, float(number)),)) for number in numbers)


def test_the_table_is_asked_for_at_once_and_what_follows_from_a_case_too():
    check = Check("double", oracle=lambda x: 2 * x, cases=cases(*range(1, 8)))
    trial, batches = tried(lambda x: 2 * x, check)
    assert batches[0] == 7 and len(batches) == 5 and not trial.failures  # again, then three kinds


def test_the_cases_after_one_that_took_too_long_are_tried_until_a_second_one_does():
    check = Check("double", oracle=lambda x: 2 * x, cases=cases(*range(1, 8)), limit=0.05)

    def slow(x):
        while x[0] in (3, 5):
            pass
        return 2 * x

    trial, batches = tried(slow, check)
    assert batches == [7, 4]
    assert [outcome and outcome.kind for outcome in trial.outcomes] == [
        "ok",
        "ok",
        "timeout",
        "ok",
        "timeout",
        None,
        None,
    ]
    assert trial.given_up and trial.timeouts == 2


def test_a_kind_of_input_that_took_too_long_is_tried_once_more_before_it_is_blamed():
    check = Check("double", oracle=lambda x: 2 * x, cases=cases(1, 2), limit=0.05)
    late = []

    def once_late(x):
        if x.dtype == np.float32 and not late:
            late.append(x)
            while True:
                pass
        return 2 * x

    trial, _ = tried(once_late, check)
    assert not trial.kind_failures and len(late) == 1


def test_what_comes_after_a_failure_is_not_looked_at():
    check = Check(
        "double", oracle=lambda x: 2 * x, cases=cases(1, 2), draw_case=lambda s: Case((s.array(2),)), draw_count=4
    )
    drawn_cases = []

    def drifts(x):
        if abs(x[0]) in (1, 2):
            return 2 * x
        drawn_cases.append(x)
        return x if len(drawn_cases) == 2 else x.no_attribute if len(drawn_cases) > 2 else 2 * x

    trial, _ = tried(drifts, check)
    assert len(trial.failures) == 1 and "largest error" in trial.failures["values"].problem


def test_an_option_that_is_not_written_costs_its_part_and_no_more():
    def half(x):
        if x.max() >= 100:
            raise NotImplementedError
        return 2 * x

    verdict = verdict_on(half)
    assert verdict.parts == {"small": True, "large": False} and verdict.earned == 1.0
    assert "It is not written yet." in str(verdict)


def test_whoever_only_raises_is_not_told_a_mistake_that_raises():
    raises = Mistake("raises", "You divide by zero.", lambda x: x / 0 if x.size == 2 else 1 / 0)
    check = Check("double", oracle=lambda x: 2 * x, cases=(Case((np.ones(3),)),), mistakes=(raises,))
    assert verdict_on(lambda x: x.nothing, check).diagnosis == ""


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: np.multiply(x, 2, out=x).copy() if x.flags.writeable else 2 * x, model.MODIFIES),
        (lambda x: (2 * x).astype(np.float64), model.DTYPE),
        (lambda x: (2 * x).tolist(), model.LIST),
    ],
    ids=["changes its input", "loses float32", "returns a list"],
)
def test_broken_properties_take_a_quarter_away(function, message):
    verdict = verdict_on(function)
    assert message in verdict.broken
    assert verdict.earned == 3.0


def test_a_result_that_a_later_call_changes_takes_a_quarter_away():
    kept = {}

    def buffered(x):
        found = kept.setdefault((x.shape, x.dtype), np.empty_like(x))
        found[...] = 2 * x
        return found

    verdict = verdict_on(buffered)
    assert model.OVERWRITES in verdict.broken and verdict.earned == 3.0


def test_a_view_of_the_input_takes_a_quarter_away():
    same_as = Check("identity", oracle=lambda x: x, cases=(Case((np.arange(6.0).reshape(2, 3),)),))
    assert model.VIEW in verdict_on(lambda x: x, same_as).broken
    assert verdict_on(lambda x: x[:, :], same_as).earned == 3.0
    assert verdict_on(lambda x: x.copy(), same_as).earned == 4.0
    assert verdict_on(lambda x: x, replace(same_as, views_allowed=True)).earned == 4.0


def test_a_list_counts_in_any_case_and_inside_a_tuple():
    assert model.LIST in verdict_on(lambda x: (2 * x).tolist() if x.size == 2 else 2 * x).broken
    pair = Check("pair", oracle=lambda x: (x + 1, x + 2), cases=(Case((np.ones(2),)),))
    assert model.LIST in verdict_on(lambda x: (x + 1, (x + 2).tolist()), pair).broken
    assert verdict_on(lambda x: [x + 1, x + 2], pair).passed


def test_properties_never_earn():
    always = Property("always", "", lambda call, d: True)
    check = Check("double", oracle=lambda x: 2 * x, cases=(Case((np.ones(2),)),), properties=(always,))
    assert verdict_on(lambda x: 0 * x, check).earned == 0


def test_a_property_that_fails_costs_only_a_right_answer():
    never = Property("never", "It never holds.", lambda call, d: False)
    check = Check("double", oracle=lambda x: 2 * x, cases=(Case((np.ones(2),)),), properties=(never,))
    assert verdict_on(lambda x: 2 * x, check).earned == 3.0
    assert verdict_on(lambda x: x, check).broken == ()
    half = verdict_on(lambda x: 2 * x if x.max() < 50 else x.copy(), replace(DOUBLE, properties=(never,)))
    assert (half.earned, half.broken) == (1.0, ())


@pytest.mark.parametrize("gives", [None, "text", {}], ids=repr)
def test_a_property_does_not_hold_where_there_is_nothing_to_judge(gives):
    def once(x):
        if x.size == 3:
            raise RuntimeError if gives is None else ValueError
        return 2 * x

    tries = Property("tries", "It does not hold.", lambda call, d: (call(np.ones(3)) if gives is None else gives) - 1)
    check = Check("double", oracle=lambda x: 2 * x, cases=(Case((np.ones(2),)),), properties=(tries,))
    assert verdict_on(once, check).broken == ("It does not hold.",)


def test_an_endless_loop_is_stopped_and_not_tried_for_ever():
    def loop(x):
        while True:
            pass

    check = Check("double", oracle=lambda x: 2 * x, cases=DOUBLE.cases, parts=DOUBLE.parts, limit=0.2)
    start = time.monotonic()
    verdict = verdict_on(loop, check)
    assert time.monotonic() - start < 2
    assert "did not finish within 0.2 s" in str(verdict)
    assert verdict.earned == 0


def test_after_two_endless_loops_no_more_is_tried_and_after_one_the_rest_is():
    calls = []

    def stuck(x):
        calls.append(x)
        while x.max() < 50:
            pass
        return 2 * x

    check = replace(DOUBLE, limit=0.2, draw_case=None, mistakes=())
    assert verdict_on(stuck, check).earned == 0.0
    assert len(calls) == 2
    assert verdict_on(stuck, replace(check, cases=DOUBLE.cases[1:])).earned == 3.0


def test_an_endless_loop_for_one_input_keeps_the_points_of_the_others():
    def stuck(x):
        while x.max() >= 50:
            pass
        return 2 * x

    check = Check("double", oracle=lambda x: 2 * x, cases=DOUBLE.cases, parts=DOUBLE.parts, limit=0.2)
    assert verdict_on(stuck, check).earned == 1.0


def test_ten_megabytes_of_print_and_warnings_harm_nothing(capsys):
    def noisy(x):
        import warnings

        print("x" * 10_000_000)
        warnings.warn("watch out", stacklevel=1)
        np.log(np.zeros(3))
        return 2 * x

    check = Check("double", oracle=lambda x: 2 * x, cases=DOUBLE.cases[:2], parts={"small": 1})
    assert verdict_on(noisy, check).earned == 4.0
    assert capsys.readouterr() == ("", "")


def test_failures_shrink_to_the_smallest_case():
    verdict = verdict_on(lambda x: 2 * x if x.shape[1] < 4 else x)
    assert verdict.failure.case.args[0].shape == (2, 4)


def test_what_is_shown_is_the_smaller_failure():
    with graded_run(0, print):
        assert verdict_on(lambda x: 0 * x).failure.case.args[0].shape == (1, 2)


def test_a_failure_shrinks_within_its_part():
    halves, large = Case((np.full((1, 2), 0.5),), {}, "small"), Case((np.full((3, 4), 100.5),), {}, "large")
    check = replace(DOUBLE, cases=(halves, large), mistakes=())
    verdict = verdict_on(lambda x: 2 * x if x.max() < 50 and np.any(x % 1) else x, check)
    assert verdict.parts == {"small": True, "large": False}
    assert verdict.failure.case.part == "large"
    assert verdict.failure.case.size == 4


def test_the_tolerance_is_for_the_dtype_and_the_size_of_what_was_added_up():
    assert verdict_on(lambda x: (2 * x * (1 + 1e-6 * (x.dtype == np.float32))).astype(x.dtype)).passed
    assert not verdict_on(lambda x: (2 * x * (1 + 1e-6)).astype(x.dtype)).passed
    cases, exempt = (Case((np.array([1e6, 1e-3, -1e6]),)),), {"scale": "the test adds what is small beside 1e6 alone"}
    total = Check("total", oracle=lambda x: x.sum(keepdims=True), cases=cases, exempt=exempt)
    assert verdict_on(lambda x: x.sum(keepdims=True) + 1e-5, total).passed
    assert not verdict_on(lambda x: x.sum(keepdims=True) + 1e-3, total).passed
    scaled = replace(total, scale=lambda x: np.full(1, 1e9))
    assert verdict_on(lambda x: x.sum(keepdims=True) + 1e-3, scaled).passed
    assert not verdict_on(lambda x: x.sum(keepdims=True) + 1, scaled).passed


def test_a_judge_that_chokes_on_an_answer_is_a_verdict():
    check = Check("claim", judge=lambda value, case: value[1]["key"], cases=(Case(),))
    assert "not of the form asked for" in str(verdict_on(lambda: 7, check))


def test_rounding_where_nothing_is_left_does_not_hide_a_mistake():
    def squares(noise):
        return lambda x: float(((x - x.round()) ** 2).sum()) + noise

    table = (Case((np.array([1.3, 2.4]),)), Case((np.array([1.0, 2.0]),)))
    check = Check(
        "left_over", oracle=squares(0.0), scale=lambda x: float((x**2).sum()), cases=table,
        mistakes=(Mistake("doubles", "You doubled it.", lambda x: 2 * squares(0.0)(x) + 1e-16),),
    )  # fmt: skip
    assert verdict_on(lambda x: 2 * squares(0.0)(x) + 3e-16, check).diagnosis == "You doubled it."
    assert verdict_on(lambda x: 2 * squares(0.0)(x) + 1e-9, check).diagnosis == ""
