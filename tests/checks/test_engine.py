"""The engine on a function that is easy to see through: doubling."""

import re
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from autograder import checker, checks
from autograder.checks import draws, engine
from autograder.checks.calling import LocalFunction, Outcome, clone
from autograder.checks.compare import compare, same
from autograder.checks.display import as_html, as_text
from autograder.checks.engine import Case, Check, Mistake, Property


def draw(source):
    part = source.choice(("small", "large"))
    return Case((source.array(2, source.integer(2, 5)) + (100 if part == "large" else 0),), {}, part)


DOUBLE = Check(
    "double",
    oracle=lambda x: 2 * x,
    parts={"small": 1, "large": 3},
    cases=(
        Case((np.array([[1.0, -2.0]]),), {}, "small"),
        Case((np.array([[1.0, 2.0, 3.0]], dtype=np.float32),), {}, "small"),
        Case((np.array([[100.0, 200.0], [300.0, 400.0]]),), {}, "large"),
    ),
    draw=draw,
    mistakes=(
        Mistake("triples", "You tripled.", lambda x: 3 * x),
        Mistake("caps", "You capped at 100.", lambda x: np.minimum(2 * x, 100.0).astype(x.dtype), share=0.25),
    ),
    section="pooling#pooling-max",
)


def verdict_on(function, check=DOUBLE, points=4):
    return engine.run(check, function and LocalFunction(function), points)


def test_right_answer_earns_a_built_in_float_of_all_points():
    verdict = verdict_on(lambda x: x + x)
    assert type(verdict.earned) is float
    assert verdict.earned == 4.0
    assert verdict.passed


def test_parts_earn_their_weights_and_the_mistake_is_named():
    verdict = verdict_on(lambda x: np.minimum(2 * x, 100.0).astype(x.dtype))
    assert verdict.earned == 1.0
    assert verdict.parts == {"small": True, "large": False}
    assert verdict.diagnosis == "You capped at 100."


def test_an_unknown_error_is_not_given_a_name():
    assert verdict_on(lambda x: 2 * x + 1).diagnosis == ""
    assert verdict_on(lambda x: np.minimum(2 * x, 150.0).astype(x.dtype)).diagnosis == ""  # caps, but elsewhere


def test_whoever_only_raises_is_not_told_a_mistake_that_raises():
    raises = Mistake("raises", "You divide by zero.", lambda x: x / 0 if x.size == 2 else 1 / 0)
    check = Check("double", oracle=lambda x: 2 * x, cases=(Case((np.ones(3),)),), mistakes=(raises,))
    assert verdict_on(lambda x: x.nothing, check).diagnosis == ""


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda x: np.multiply(x, 2, out=x).copy() if x.flags.writeable else 2 * x, engine.MODIFIES),
        (lambda x: (2 * x).astype(np.float64), engine.DTYPE),
        (lambda x: (2 * x).tolist(), engine.LIST),
    ],
    ids=["changes its input", "loses float32", "returns a list"],
)
def test_broken_properties_take_a_quarter_away(function, says):
    verdict = verdict_on(function)
    assert says in verdict.broken
    assert verdict.earned == 3.0


def test_a_view_of_the_input_takes_a_quarter_away():
    same_as = Check("identity", oracle=lambda x: x, cases=(Case((np.arange(6.0).reshape(2, 3),)),))
    assert engine.VIEW in verdict_on(lambda x: x, same_as).broken
    assert verdict_on(lambda x: x[:, :], same_as).earned == 3.0
    assert verdict_on(lambda x: x.copy(), same_as).earned == 4.0
    assert verdict_on(lambda x: x, replace(same_as, views_allowed=True)).earned == 4.0


def test_a_list_counts_in_any_case_and_inside_a_tuple():
    assert engine.LIST in verdict_on(lambda x: (2 * x).tolist() if x.size == 2 else 2 * x).broken
    pair = Check("pair", oracle=lambda x: (x + 1, x + 2), cases=(Case((np.ones(2),)),))
    assert engine.LIST in verdict_on(lambda x: (x + 1, (x + 2).tolist()), pair).broken
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


def test_broken_properties_take_no_more_than_all():
    never = tuple(Property(name, "It never holds.", lambda call, d: False, cost=0.6) for name in "ab")
    check = Check("double", oracle=lambda x: 2 * x, cases=(Case((np.ones(2),)),), properties=never)
    assert verdict_on(lambda x: 2 * x, check).earned == 0.0


@pytest.mark.parametrize("gives", [None, "text", {}], ids=repr)
def test_a_property_does_not_hold_where_there_is_nothing_to_judge(gives):
    def once(x):
        if x.size == 3:
            raise RuntimeError if gives is None else ValueError
        return 2 * x

    tries = Property("tries", "It does not hold.", lambda call, d: (call(np.ones(3)) if gives is None else gives) - 1)
    check = Check("double", oracle=lambda x: 2 * x, cases=(Case((np.ones(2),)),), properties=(tries,))
    assert verdict_on(once, check).broken == ("It does not hold.",)


def test_what_is_missing_or_blank_is_said():
    assert "no function called double" in str(verdict_on(None))

    def blank(x):
        raise NotImplementedError

    assert "not written yet" in str(verdict_on(blank))


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

    check = replace(DOUBLE, limit=0.2, draw=None, mistakes=())
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


def stubborn():
    while True:
        try:
            time.sleep(0.001)
        except BaseException:
            continue


def busy():
    while True:
        pass


@pytest.mark.parametrize("function", [stubborn, busy, lambda: time.sleep(60)], ids=["stubborn", "busy", "asleep"])
def test_the_main_thread_gets_out_of_every_loop(function):
    start = time.monotonic()
    assert LocalFunction(function).call((), {}, 0.3).kind == "timeout"
    assert time.monotonic() - start < 2
    assert LocalFunction(lambda: 1 + sum(range(9))).call((), {}, 1).value == 37  # nothing is left behind


def test_another_thread_gets_out_of_a_busy_loop():
    found = []
    thread = threading.Thread(target=lambda: found.append(LocalFunction(busy).call((), {}, 0.3)))
    thread.start()
    thread.join(10)
    assert found[0].kind == "timeout"


def test_without_timers_the_main_thread_is_struck_by_a_second_one(monkeypatch):
    monkeypatch.delattr("signal.setitimer")
    for function in (stubborn, busy):
        assert LocalFunction(function).call((), {}, 0.3).kind == "timeout"


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
    with engine.grading(0, print):
        assert verdict_on(lambda x: 0 * x).failure.case.args[0].shape == (1, 2)


def test_a_failure_shrinks_within_its_part():
    halves, large = Case((np.full((1, 2), 0.5),), {}, "small"), Case((np.full((3, 4), 100.5),), {}, "large")
    check = replace(DOUBLE, cases=(halves, large), mistakes=())
    verdict = verdict_on(lambda x: 2 * x if x.max() < 50 and np.any(x % 1) else x, check)
    assert verdict.parts == {"small": True, "large": False}
    assert verdict.failure.case.part == "large"
    assert verdict.failure.case.size == 4


def test_nothing_is_shrunk_and_no_seed_is_shown_when_grading():
    shown = []
    with engine.grading(123456789, shown.append):
        verdict = verdict_on(lambda x: 2 * x if x.shape[1] < 4 else x)
        engine.show(verdict)
    assert shown == [verdict]
    tried = (*DOUBLE.cases, *engine.drawn(DOUBLE, 123456789))
    assert any(verdict.failure.case is case for case in tried)
    assert "seed" not in str(verdict) + verdict._repr_html_()
    assert "123456789" not in str(verdict)


def test_the_seed_decides_the_draws_and_the_table_does_not_change():
    one, again, other = (engine.drawn(DOUBLE, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a.args[0], b.args[0]) for a, b in zip(one, again, strict=True))
    assert not all(
        a.args[0].shape == b.args[0].shape and np.array_equal(a.args[0], b.args[0])
        for a, b in zip(one, other, strict=True)
    )
    (namesake,) = engine.drawn(replace(DOUBLE, name="twice", draws=1), 1)
    assert not np.array_equal(namesake.args[0], one[0].args[0])
    seen = []
    with engine.grading(2, print):
        verdict_on(lambda x: seen.append(x.copy()) or 2 * x)
    assert all(np.array_equal(a, b.args[0]) for a, b in zip(seen[-len(other) :], other, strict=True))


def test_the_tolerance_is_for_the_dtype_and_the_size_of_what_was_added_up():
    assert verdict_on(lambda x: (2 * x * (1 + 1e-6 * (x.dtype == np.float32))).astype(x.dtype)).passed
    assert not verdict_on(lambda x: (2 * x * (1 + 1e-6)).astype(x.dtype)).passed
    total = Check("total", oracle=lambda x: x.sum(keepdims=True), cases=(Case((np.array([1e6, 1e-3, -1e6]),)),))
    assert verdict_on(lambda x: x.sum(keepdims=True) + 1e-5, total).passed
    assert not verdict_on(lambda x: x.sum(keepdims=True) + 1e-3, total).passed
    scaled = replace(total, scale=lambda x: np.full(1, 1e9))
    assert verdict_on(lambda x: x.sum(keepdims=True) + 1e-3, scaled).passed
    assert not verdict_on(lambda x: x.sum(keepdims=True) + 1, scaled).passed


def test_partial_points_are_rounded_down():
    thirds = Check(
        "double",
        oracle=lambda x: 2 * x,
        parts={"a": 2, "b": 1},
        cases=(Case((np.ones(2),), {}, "a"), Case((np.ones(3),), {}, "b")),
    )
    assert verdict_on(lambda x: 2 * x if x.size == 2 else 3 * x, thirds, 1).earned == 0.66


def test_declarations_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="parts and cases"):
        Check("f", oracle=abs, cases=(Case((1,), {}, "here"),), parts={"there": 1})
    with pytest.raises(ValueError, match="oracle or a judge"):
        Check("f", cases=(Case(),))


def test_a_judge_that_chokes_on_an_answer_is_a_verdict():
    check = Check("claim", judge=lambda value, case: value[1]["key"], cases=(Case(),))
    assert "not of the form asked for" in str(verdict_on(lambda: 7, check))


@pytest.mark.parametrize("size", [1e200, -1e10])
def test_evidence_that_could_overflow_convinces_nobody(size):
    def judge(value, case):
        verdict, x = engine.verdict_and_evidence(value)
        return None if not verdict and np.square(x).sum() != 1 else "You judged it true."

    claim = Check("claim", judge=judge, cases=(Case(),))
    assert verdict_on(lambda: (False, np.ones(3)), claim).passed
    verdict = verdict_on(lambda: (False, [np.ones(3), np.array([size])]), claim)
    assert "keep the numbers of the evidence between" in str(verdict)
    assert verdict.earned == 0
    assert "must be True or False" in str(verdict_on(lambda: (0, np.ones(3)), claim))
    assert "return the verdict and the evidence" in str(verdict_on(lambda: False, claim))


def test_checker_looks_functions_up_where_it_is_called(capsys):
    namespace = {
        "check": checker("pooling"),
        "channel_max_pool": lambda x, k: x.reshape(len(x), -1, k, *x.shape[2:]).max(2),
    }
    assert eval('check("channel_max_pool", points=2)', namespace) == 2.0
    assert "✓ channel_max_pool: 2 of 2 points" in capsys.readouterr().out
    assert eval('check("avg_pool2d", points=2)', namespace) == 0.0
    with pytest.raises(ValueError, match="has no check called 'nothing'"):
        eval('check("nothing", points=2)', namespace)


def test_a_name_that_holds_no_function_is_a_verdict(capsys):
    assert eval('check("avg_pool2d", points=2)', {"check": checker("pooling"), "avg_pool2d": 5}) == 0.0
    assert "not callable" in capsys.readouterr().out


def test_an_unknown_topic_names_the_known_ones():
    with pytest.raises(ValueError, match="pooling"):
        checks.load("plumbing")


# --- comparing ------------------------------------------------------------------------------------------------------


def test_the_tolerance_is_a_backward_error_element_by_element():
    expected, scale = np.array([1e-8, 1.0]), np.array([1e6, 1.0])
    assert compare(expected + np.array([1e-6, 0]), expected, scale, 1e-10) is None
    assert compare(expected + np.array([0, 1e-6]), expected, scale, 1e-10).where == (1,)


@pytest.mark.parametrize(
    ("value", "expected", "equal"),
    [
        (np.array([np.nan, 1.0]), np.array([np.nan, 1.0]), True),
        (np.array([0.0, 1.0]), np.array([np.nan, 1.0]), False),
        (np.array([np.inf]), np.array([np.inf]), True),
        (np.array([-np.inf]), np.array([np.inf]), False),
        (3.0, 3, True),
        (np.int64(3), 3, True),
        (4, 3, False),
        (True, True, True),
        (1, True, False),
        ((1, 2), (1, 2), True),
        ([1, 2], (1, 2), True),
        ((2, 1), (1, 2), False),
        ((1,), (1, 2), False),
        ((1, 2, 3), (1, 2), False),
        (np.array([3]), 3, False),
        (True, 1, False),
        (np.ones((2, 3)), np.ones((3, 2)), False),
        (np.array([np.inf]), np.array([1.0]), False),
        ("valid", "valid", True),
        (np.str_("valid"), "valid", True),
        ("valid", "same", False),
        (None, None, True),
        (None, 3, False),
        (np.float32(0.5), 0.5, True),
        (np.zeros(0), np.zeros(0), True),
    ],
)
def test_compare(value, expected, equal):
    assert (compare(value, expected) is None) is equal


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


def test_complex_numbers_are_named():
    assert "complex" in compare(np.ones(2) + 0j, np.ones(2)).says


def test_a_single_number_may_be_of_either_precision():
    case = Case((np.ones(3, np.float32),))
    assert engine.dtype_kept(np.array(3.0), case) and not engine.dtype_kept(np.ones(2), case)


def test_an_infinite_scale_allows_nothing():
    assert compare(np.array([1.0]), np.array([2.0]), np.array([np.inf])) is not None
    assert compare(np.array([np.nan]), np.array([np.inf]), np.array([np.inf])) is not None


def test_where_is_an_element_that_is_wrong():
    value, expected, scale = np.array([1.0, 1e-3]), np.zeros(2), np.array([1e12, 1.0])
    assert compare(value, expected, scale).where == (1,)  # the larger error, of element 0, is rounding


def test_same_is_up_to_rounding_and_of_any_kind():
    assert same((1, [2.0, np.ones(2)]), [1, (2.0 + 1e-9, np.ones(2))])
    assert not same(np.ones(2), np.ones(3))
    assert not same(np.ones(2), np.ones((2, 1)))
    assert not same({"a": 1}, {"b": 1})
    assert not same({"a": 1}, {"a": 2})
    assert not same("a", 1)


def test_clones_keep_what_a_caller_can_see():
    for array in (np.asfortranarray(np.ones((2, 3))), np.ones((3, 4))[:, ::2], np.ones(3, np.float32)):
        copy = clone(array)
        assert copy.flags.c_contiguous == array.flags.c_contiguous
        assert copy.flags.f_contiguous == array.flags.f_contiguous
        assert copy.dtype == array.dtype
        assert not np.may_share_memory(copy, array)
    fixed = np.ones(2)
    fixed.flags.writeable = False
    assert not clone(fixed).flags.writeable


def test_outcomes_report_change_and_sharing_inside_tuples():
    def change(x):
        x[0] = 7.0
        return (x, 1)

    outcome = LocalFunction(change).call((np.zeros(2),), {}, 1)
    assert outcome.modified
    assert outcome.shares_memory
    assert isinstance(outcome, Outcome)


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: {"x": x}], ids=["array", "list", "dict"])
def test_arguments_are_copied_and_watched_however_they_are_handed_over(wrap):
    def change(value):
        (value if isinstance(value, np.ndarray) else value[0] if isinstance(value, list) else value["x"])[0] = 7.0

    x = np.zeros(2)
    for args, kwargs in (((wrap(x),), {}), ((), {"value": wrap(x)})):
        assert LocalFunction(change).call(args, kwargs, 1).modified
        assert np.array_equal(x, np.zeros(2))


def test_a_nan_stays_unchanged_and_another_shape_is_a_change():
    assert not LocalFunction(lambda x: 1).call((np.array([np.nan]),), {}, 1).modified
    assert LocalFunction(lambda x: setattr(x, "shape", (2, 1))).call((np.zeros(2),), {}, 1).modified


def test_draws_reach_both_ends_and_keep_the_dtype():
    source = draws.Draws(np.random.default_rng(0))
    assert {source.integer(1, 3) for _ in range(99)} == {1, 2, 3}
    assert source.array(2, dtype=np.float32).dtype == np.float32


def test_small_draws_prefer_small_numbers():
    source = draws.SmallDraws(lambda strategy: 0)
    assert source.integer(0, 5) == 0
    assert source.array(2, 2).dtype == np.float64
    assert np.array_equal(source.array(9), source.array(9).round())


# --- what a student reads ------------------------------------------------------------------------------------------


def test_text_says_the_call_the_numbers_and_where_to_read():
    text = as_text(verdict_on(lambda x: 3 * x))
    assert "You tripled." in text
    assert "The call: double(" in text
    assert "expected:" in text
    assert "book/pooling.html#pooling-max" in text
    assert "seed 0" in text


def test_html_escapes_what_a_student_wrote_and_loads_nothing():
    def evil(x):
        raise ValueError('<script>alert(1)</script><img src="http://x">\x1b[31m')

    page = as_html(verdict_on(evil))
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("https://a.b/c", "https://a.b/c/book/pooling.html#pooling-max"),
        ("https://a.b/c/", "https://a.b/c/book/pooling.html#pooling-max"),
        ("", None),
        ("javascript:alert(1)//", None),
    ],
)
def test_a_verdict_links_to_the_site_where_it_is_known(told, address, monkeypatch):
    monkeypatch.setenv("COURSE_SITE", told)
    verdict = verdict_on(lambda x: 3 * x)
    assert re.findall(r'href="(.*?)"', as_html(verdict)) == ([address] if address else [])
    assert f"Read: {address or 'book/pooling.html#pooling-max'}\n" in as_text(verdict)


def test_pictures_have_a_text_in_their_place():
    page = as_html(verdict_on(lambda x: 3 * x))
    assert page.count("<svg") == page.count('role="img"') == page.count("aria-label") >= 3


def test_a_large_array_is_shown_around_its_worst_element():
    check = Check("double", oracle=lambda x: 2 * x, cases=(Case((np.ones((1, 1, 60, 70)),)),))

    def wrong(x):
        y = 2 * x
        y[0, 0, 50, 60] = -1
        return y

    verdict = verdict_on(wrong, check)
    assert verdict.failure.difference.where == (0, 0, 50, 60)
    assert len(as_html(verdict)) < 60_000


def test_a_single_number_as_an_array_is_shown_too():
    check = Check("total", oracle=lambda x: np.asarray(x.sum()), cases=(Case((np.ones((2, 3)),)),))
    verdict = verdict_on(lambda x: np.asarray(x.sum() + 1), check)
    assert "got 7, expected 6" in as_text(verdict)
    assert "<svg" in as_html(verdict)


def test_a_case_of_two_checks_has_a_truth_in_each():
    case = Case((np.ones(2),))
    twice, thrice = (Check("f", oracle=lambda x, k=k: k * x, cases=(case,)) for k in (2, 3))
    assert verdict_on(lambda x: 2 * x, twice).passed
    assert verdict_on(lambda x: 3 * x, thrice).passed


def test_a_truth_is_not_that_of_a_case_that_is_gone(monkeypatch):
    case, gone = Case((np.ones((1, 2)),), {}, "small"), Case((np.ones((1, 3)),), {}, "small")
    monkeypatch.setitem(engine._truths, (id(DOUBLE), id(case)), (gone, engine.truth(DOUBLE, gone)))
    assert engine.truth(DOUBLE, case)[0].shape == (1, 2)
