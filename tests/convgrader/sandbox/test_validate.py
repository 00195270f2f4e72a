"""What a sandbox reports is taken for what it is, and anything malformed is refused."""

import pytest

from convcourse.calls.call import Outcome
from convgrader.errors import ProtocolError
from convgrader.sandbox import protocol
from convgrader.sandbox.protocol import MAX_OUTPUTS
from convgrader.sandbox.validate import MAX_TEXTS, as_outcome, error_output, validated_outputs

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
    outcome = as_outcome(("ok", [1, {"a": protocol.Unserializable("generator")}], "", False, False, False))
    assert outcome == Outcome("unfit", problem="It returned a value of type generator.")


@pytest.mark.parametrize("texts", [["x" * 1000, *["y"] * 2000], {"x" * 100: ["y"] * 20_000}], ids=["list", "dict"])
def test_texts_of_which_an_array_would_be_large_are_refused(texts):
    outcome = as_outcome(("ok", texts, "", False, False, False))
    assert outcome.problem == "It returned a value of type list of long texts."
    assert as_outcome(("ok", ["x" * 1000] * 1000, "", False, False, False)).ok
    assert as_outcome(("ok", "x" * MAX_TEXTS, "", False, False, False)).ok


def test_what_is_printed_in_a_row_is_one_output_and_their_number_is_bounded():
    text = {"output_type": "stream", "text": "a"}
    picture = {"output_type": "display_data", "data": {"text/plain": "p"}}
    assert [output.get("text") for output in validated_outputs([text] * 5000)] == ["a" * 5000]
    many = validated_outputs([picture, text] * 5000)
    assert len(many) == MAX_OUTPUTS + 1 and many[-1]["text"] == f"{10_000 - MAX_OUTPUTS} more outputs are left out.\n"
    assert validated_outputs([picture], limit=0)[0]["text"] == "1 more outputs are left out.\n"


def test_an_error_of_ours_holds_no_control_characters_either():
    shown = error_output("Err\x1b[2Jor", "it said \x9b31m\x00")
    assert (shown["ename"], shown["evalue"], shown["traceback"]) == (
        "Err[2Jor",
        "it said 31m",
        ["Err[2Jor: it said 31m"],
    )
