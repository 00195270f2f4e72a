"""A check of a function that is easy to see through: doubling."""

import numpy as np

from convcourse.calls.call import LocalFunction
from convcourse.engine.check import Check
from convcourse.engine.context import current_context
from convcourse.engine.model import Case, Mistake


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
    draw_case=draw,
    mistakes=(
        Mistake("triples", "You tripled.", lambda x: 3 * x),
        Mistake("caps", "You capped at 100.", lambda x: np.minimum(2 * x, 100.0).astype(x.dtype), share=0.25),
    ),
    section="pooling#pooling-max",
)


def verdict_on(function, check=DOUBLE, points=4):
    return check.run(lambda name: function and LocalFunction(function), points, current_context())
