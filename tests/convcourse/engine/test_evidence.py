"""Evidence of another form, or with numbers that overflow, convinces nobody."""

import numpy as np
import pytest

from convcourse.engine.check import Check
from convcourse.engine.evidence import verdict_and_evidence
from convcourse.engine.model import Case
from tests.helpers.doubling import verdict_on


@pytest.mark.parametrize("size", [1e200, -1e10])
def test_evidence_that_could_overflow_convinces_nobody(size):
    def judge(value, case):
        verdict, x = verdict_and_evidence(value)
        return None if not verdict and np.square(x).sum() != 1 else "You judged it true."

    claim = Check("claim", judge=judge, cases=(Case(),))
    assert verdict_on(lambda: (False, np.ones(3)), claim).passed
    verdict = verdict_on(lambda: (False, [np.ones(3), np.array([size])]), claim)
    assert "keep the numbers of the evidence between" in str(verdict)
    assert verdict.earned == 0
    assert "must be True or False" in str(verdict_on(lambda: (0, np.ones(3)), claim))
    assert "return the verdict and the evidence" in str(verdict_on(lambda: False, claim))
