"""What only the checks of the topic `training` promise."""

from convcourse.calls.call import LocalFunction
from convcourse.checks.training import SGD_STEP
from convcourse.engine.context import current_context
from solutions.answers.training import sgd_step__loop


def test_a_step_computed_in_double_precision_is_right():
    """Nothing asks for float32 where float32 went in, and the numbers differ by rounding alone."""

    def widened(*args, **kwargs):
        return tuple({name: a.astype(float) for name, a in found.items()} for found in sgd_step__loop(*args, **kwargs))

    assert SGD_STEP.run(lambda name: LocalFunction(widened), 4, current_context()).earned == 4
