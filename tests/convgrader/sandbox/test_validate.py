"""What a sandbox reports is taken for what it is, and anything malformed is refused."""

import pytest

from convcourse.calls.call import Outcome
from convgrader.errors import ProtocolError
from convgrader.sandbox import protocol
from convgrader.sandbox.validate import as_outcome

FORGED = {
    "not_a_tuple": ["ok"],
    "short": ("ok", 1),
    "kind": ("great", 1, "", False, False),
    "problem": ("raised", 1, 7, False, False, False),
}


@pytest.mark.parametrize("name", FORGED)
def test_malformed_replies_are_refused(name):
    with pytest.raises(ProtocolError):
        as_outcome(FORGED[name])


def test_values_that_cannot_cross_are_named():
    outcome = as_outcome(("ok", [1, {"a": protocol.Unfit("generator")}], "", False, False, False))
    assert outcome == Outcome("unfit", problem="It returned a value of type generator.")
