"""Evidence of another form, or with numbers that overflow, convinces nobody."""

import numpy as np
import pytest

from convcourse.engine import evidence as module
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


@pytest.mark.parametrize(
    "evidence",
    [np.zeros(10_001), [0.0] * 10_001, ([np.zeros((50, 50))] * 5,), {"x": np.zeros(10_001)}, ["x"] * 10_001],
    ids=["array", "list", "arrays", "dict", "texts"],
)
def test_evidence_of_too_many_numbers_is_refused_before_anything_is_made_of_it(evidence, monkeypatch):
    monkeypatch.setattr(module, "_extremes", lambda evidence: pytest.fail("something was made of it"))
    with pytest.raises(ValueError, match="keep the evidence to 10,000 numbers"):
        verdict_and_evidence((False, evidence))


def test_evidence_of_ten_thousand_numbers_is_not():
    assert verdict_and_evidence((True, [np.zeros((50, 100)), np.ones(5000)]))[0] is True
