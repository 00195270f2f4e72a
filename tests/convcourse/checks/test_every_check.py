"""A check must reject every known mistake, by its own sentence, and accept every right answer in whatever style."""

from pathlib import Path

import numpy as np
import pytest

from convcourse import checks
from convcourse.calls.call import LocalFunction
from convcourse.engine import expected
from convcourse.engine.compare import same
from convcourse.engine.context import current_context, graded_run
from tools import answers
from tools.demands import trivial_answers
from tools.mutation import solved

ROOT = Path(__file__).parents[3]
TOPICS = checks.topics()
ALL = [(topic, check) for topic in TOPICS for check in checks.of_functions(topic).values()]
MISTAKES = [(topic, check, mistake) for topic, check in ALL for mistake in check.mistakes]
SEEDS = 3  # `make test-full` tries fifty (tests/tools/test_reliability.py)


ANSWERS = {topic: answers.functions(ROOT, topic) for topic in TOPICS}
RIGHT = [(t, check, style, function) for t, check in ALL for style, function in ANSWERS[t][check.name].items()]


def verdict_on(check, function, seed=0):
    with graded_run(seed, print):
        return check.run(lambda name: LocalFunction(function), 1.0, current_context())


def seeds_of(check):
    return range(SEEDS if check.draw_case else 1)


def name_of(item):
    return item if isinstance(item, str) else getattr(item, "name", "")


@pytest.mark.parametrize(("topic", "check", "style", "function"), RIGHT, ids=name_of)
@pytest.mark.slow
def test_right_answer_is_accepted_under_every_seed(topic, check, style, function):
    for seed in seeds_of(check):
        verdict = verdict_on(check, function, seed)
        assert verdict.passed, f"seed {seed}\n{verdict}"


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.slow
def test_the_reference_is_accepted_under_every_seed(topic):
    """The solution that an instructor has must not fail at a drawn case, which others may happen to get through."""
    space = solved(ROOT, topic)[1]
    for check in (check for t, check in ALL if t == topic and check.name in space):
        for seed in seeds_of(check):
            verdict = verdict_on(check, space[check.name], seed)
            assert verdict.passed, f"seed {seed}\n{verdict}"


@pytest.mark.slow
@pytest.mark.parametrize(("topic", "check", "mistake"), MISTAKES, ids=name_of)
def test_mistake_is_rejected_and_named_under_every_seed(topic, check, mistake):
    for seed in seeds_of(check):
        verdict = verdict_on(check, mistake.function, seed)
        assert verdict.earned == pytest.approx(mistake.share, abs=0.011), f"seed {seed}\n{verdict}"
        assert verdict.earned < 1
        if seed == 0:
            assert mistake.message in str(verdict), str(verdict)
            others = [other.message for other in check.mistakes if other.message not in mistake.message]
            assert not any(message and message in verdict.diagnosis for message in others), str(verdict)


@pytest.mark.parametrize(("topic", "check", "mistake"), MISTAKES, ids=name_of)
@pytest.mark.slow
def test_a_mistake_answers_the_same_whenever_it_is_asked(topic, check, mistake):
    """What it gave decides which sentence a student reads: it must not hang on what was tried before."""
    local = LocalFunction(mistake.function)
    for case, one in zip(check.cases, expected.mistake_outcomes(check, mistake), strict=True):
        other = local.call(case.args, case.kwargs, check.limit)
        assert one.kind == other.kind and (not one.ok or same(one.value, other.value)), case


@pytest.mark.parametrize(("topic", "check"), ALL, ids=name_of)
def test_there_are_enough_mistakes_and_right_answers(topic, check):
    assert len(ANSWERS[topic][check.name]) >= (3 if check.oracle else 2)
    assert len(check.mistakes) >= 4
    assert len({mistake.name for mistake in check.mistakes}) == len(check.mistakes)


@pytest.mark.parametrize(("topic", "check"), ALL, ids=name_of)
@pytest.mark.slow
def test_trivial_answers_earn_exactly_nothing(topic, check):
    shares = {mistake.share for mistake in check.mistakes}
    for does, function in trivial_answers(check).items():
        earned = verdict_on(check, function).earned
        assert earned == 0, f"what {does} earns {earned} (declared shares: {shares})"


BAD = {
    "raises": lambda *a, **k: 1 / 0,
    "None": lambda *a, **k: None,
    "a string": lambda *a, **k: "pooled",
    "an object": lambda *a, **k: object(),
    "a dict": lambda *a, **k: {"y": 1},
    "an empty array": lambda *a, **k: np.zeros((0,)),
    "NaN": lambda *a, **k: np.full((1, 1), np.nan),
    "objects": lambda *a, **k: np.array([None, "x"], dtype=object),
    "exits": lambda *a, **k: exit(),
    "more digits than Python writes": lambda *a, **k: 10**5000,
    "ragged": lambda *a, **k: [[1], [2, 3]],
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(("topic", "check"), ALL, ids=name_of)
def test_whatever_comes_back_gets_a_verdict_in_a_sentence(topic, check, bad):
    verdict = verdict_on(check, BAD[bad])
    assert verdict.earned == 0
    assert verdict.failure.problem
    assert "Traceback" not in str(verdict)
    assert verdict._repr_html_().startswith("<div")
