"""What a check makes of a student's result is bounded like the result: whatever comes back, it costs little."""

import time

import numpy as np
import pytest

from convcourse import checks
from convcourse.calls.call import Outcome
from convcourse.engine.trial import Trial
from convgrader.sandbox import protocol
from tests.helpers.memory import peak

MIB, SIZE, ITEMS = 1 << 20, protocol.MAX_ARRAYS, protocol.MAX_ITEMS - 10_000
pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]


def deep(depth):
    return [deep(depth - 1)] if depth else 1


def largest():
    """Yield values that fill a frame: of many kinds, alone and as the items of a tuple."""
    arrays = (
        np.zeros(SIZE, np.int8),
        np.zeros((SIZE >> 13, 1024)),
        np.full((1, 1, SIZE >> 11, 1024), np.nan, np.float16),
    )
    yield from arrays
    yield from ([0.5] * ITEMS, [[0.5] * 400] * 400, deep(protocol.MAX_DEPTH - 2), [[] for _ in range(ITEMS)])
    yield from ([f"{number:017}" for number in range(ITEMS)], "x" * protocol.MAX_STRING)
    yield {number: np.zeros(100) for number in range(protocol.MAX_KEYS - 1)}
    yield tuple(np.zeros(5) for _ in range(50_000))
    yield [(1 << protocol.MAX_BITS) - 1] * 3000
    for number in (2, 3, 4, 5):
        yield tuple(np.zeros(SIZE // number, np.int8) for _ in range(number))
        yield tuple([0.5] * (ITEMS // number) for _ in range(number))


def first_of_each_part(check):
    return {case.part: case for case in reversed(check.cases)}.values()


@pytest.mark.parametrize("topic", checks.topics())
def test_no_result_costs_a_check_more_than_two_seconds_or_256_megabytes(topic):
    results, dear = list(largest()), []
    for name, check in checks.of_functions(topic).items():
        for case in first_of_each_part(check):
            trial = Trial(check, None, None)
            trial.judge(case, Outcome(value=1.0))  # what is right is computed once
            for number, result in enumerate(results):
                started = time.process_time()
                with peak() as memory:
                    trial.judge(case, Outcome(value=result))
                spent = time.process_time() - started, memory[0] / MIB
                if spent[0] > 2 or spent[1] > 256:
                    dear.append((name, case.part, number, *spent))
    assert not dear
