"""At home a failure is made small and its seed is said; when grading neither is done."""

from convcourse.engine import context, expected
from convcourse.engine.context import graded_run
from tests.helpers.doubling import DOUBLE, verdict_on


def test_nothing_is_shrunk_and_no_seed_is_shown_when_grading():
    shown = []
    with graded_run(123456789, shown.append):
        verdict = verdict_on(lambda x: 2 * x if x.shape[1] < 4 else x)
        context.show(verdict)
    assert shown == [verdict]
    tried = (*DOUBLE.cases, *expected.drawn(DOUBLE, 123456789))
    assert any(verdict.failure.case is case for case in tried)
    assert "seed" not in str(verdict) + verdict._repr_html_()
    assert "123456789" not in str(verdict)
