"""The checks on right, damaged, doubled and mutated answers: a sample of two topics here, all in `test-full`."""

from pathlib import Path

import numpy as np
import pytest

from convcourse import checks
from convcourse.engine.check import Check
from convcourse.engine.model import Case, Mistake
from tools import answers, reliability

ROOT = Path(__file__).parents[2]
TOPICS = checks.topics()


def double(x):
    return 2 * x


def drawn(sampler):
    return Case((sampler.array(3),))


def check_of(*cases, **more):
    """Make a check of a function that doubles."""
    return Check("double", oracle=double, cases=tuple(Case((np.array(case),)) for case in cases), **more)


CHECK = check_of(
    [1.0, 2.0],
    [0.5, -1.5, 0.25],
    draw_case=drawn,
    mistakes=(Mistake("squares", "You squared.", np.square), Mistake("trebles", "You trebled.", lambda x: 3 * x)),
)


def test_a_right_answer_gets_all_and_no_draw_finds_anything():
    assert reliability.tried(CHECK, double, seeds=3) == reliability.TrialResult(1.0, "")


def test_what_a_draw_finds_and_the_table_misses_is_a_call_to_put_there():
    for_short = lambda x: 2 * x if x.size < 3 else x  # noqa: E731
    (found, *_) = reliability.tried(check_of([1.0, 2.0], draw_case=drawn), for_short, seeds=2).missed
    assert "double([" in found and "largest error" in found


def test_an_endless_answer_is_stopped():
    def endless(x):
        while True:
            pass

    assert reliability.tried_within(CHECK, endless, 0, seconds=0.1) is None


@pytest.mark.parametrize("damage", reliability.DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_answer_loses_points(damage):
    right = lambda x: x / np.float32(2)  # noqa: E731
    cases = tuple(Case((np.array(case),)) for case in ([1.0, 2.5], [0.5, -1.5, 0.25]))
    check = Check("halve", oracle=right, cases=cases, photographs=True)
    assert reliability.can_show(check, damage, right)
    assert reliability.tried(check, right).share == 1
    assert reliability.tried(check, damage(right)).share < 1


def test_two_mistakes_at_once_are_both_named():
    check = check_of(
        [1.0, 2.0],
        [0.5, -1.5, 0.25],
        mistakes=(
            Mistake("cuts", "You cut off the last.", lambda x: np.append(2 * x[:-1], 0.0) if x.size > 2 else 2 * x),
            Mistake("trebles pairs", "You trebled.", lambda x: 3 * x if x.size == 2 else 2 * x),
        ),
    )
    both = reliability.two_at_once(check, double, *check.mistakes)
    assert reliability.tried(check, both).diagnosis == "You cut off the last. You trebled."


def test_a_mistake_beside_a_part_that_raises_is_named():
    check = Check(
        "double",
        oracle=double,
        parts={"short": 1, "long": 1},
        cases=(Case((np.array([1.0, 2.5]),), {}, "short"), Case((np.array([1.0, 3.5, 2]),), {}, "long")),
        mistakes=(Mistake("trebles", "You trebled.", lambda x: 3 * x),),
    )
    half = reliability.beside_an_error(check, check.mistakes[0], "long")
    with pytest.raises(ValueError, match="not written"):
        half(np.ones(3))
    assert reliability.tried(check, half).diagnosis == "You trebled."


@pytest.mark.full
def test_mutants_are_single_changes_that_cosmic_ray_makes():
    made = list(reliability.mutants(ROOT, "pooling", "max_pool2d"))
    assert len(made) > 50
    assert len({code for _, _, code in made}) > 0.9 * len(made)
    assert {style for style, _, _ in made} == set(answers.styles(ROOT, "pooling")["max_pool2d"])


def test_what_is_true_of_a_wrong_answer():
    cuts = Mistake("cuts", "You cut.", lambda x: np.append(2 * x[:-1], 0.0) if x.size > 2 else 2 * x)
    trebles = Mistake("trebles", "You trebled.", lambda x: 3 * x if x.size < 3 else 2 * x)
    adds = Mistake("adds", "You added.", lambda x: x + 9)
    check = check_of([1.0, 2.0], [0.5, -1.5, 0.25], mistakes=(cuts, trebles, adds))
    both = reliability.two_at_once(check, double, cuts, trebles)
    assert reliability.alike(check, cuts.function) == (True, {"You cut."})
    assert reliability.alike(check, both) == (False, {"You cut.", "You trebled."})
    now_and_then = Mistake("rare", "You cut once.", lambda x: cuts.function(x) if x[0] == 0.5 else 2 * x)
    many = check_of([0.5, -1.5, 0.25], [1.0, 2.0, 3.0], [4.0, 1.0, 2.0], mistakes=(cuts, now_and_then))
    assert reliability.alike(many, cuts.function) == (True, {"You cut."}), "what explains all needs no second one"
    assert reliability.alike(check, np.square) == (False, set())
    assert reliability.alike(check, lambda x: adds.function(x) if x.size < 3 else 2 * x) == (False, {"You added."})


@pytest.mark.timeout(900)
@pytest.mark.parametrize("topic", TOPICS[::7])
@pytest.mark.slow
def test_no_check_lies_about_a_sample(topic):
    names = sorted(checks.of_functions(topic))
    figures = reliability.examine(ROOT, topic, seeds=1, count=1, only=names[:: len(names) // 3])
    assert not any(figures.counts[key] for key in figures.counts if key.endswith(reliability.LIES)), figures.faults


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("topic", TOPICS)
def test_no_check_lies_under_any_seed(topic):
    figures = reliability.examine(ROOT, topic, count=10)
    assert not any(figures.counts[key] for key in figures.counts if key.endswith(reliability.LIES)), figures.faults
