"""What a terminal cannot show is written plainly."""

import io
import sys

import pytest

from convcourse.engine import context
from convcourse.engine.model import Verdict
from convcourse.terminal import plain, print_everything


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_everything_can_be_printed(encoding, monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", out)
    print_everything()
    print("✓ ✗ für 3 × 3 … \U0001f600 \udc80")
    out.flush()
    printed = out.buffer.getvalue().decode(encoding, "surrogatepass")
    assert printed.startswith("✓ ✗ für" if encoding == "utf-8" else "+ x f")
    assert "f\xfcr" in printed if encoding != "ascii" else "fur" in printed


def test_a_stream_that_is_no_file_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    print_everything()


def test_a_verdict_of_a_script_is_printed_too(monkeypatch):
    """Not by the command alone: a student may run a file of their own."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", out)
    context.show(Verdict("f", 2.0, 2.0, {}))
    out.flush()
    assert out.buffer.getvalue().decode("cp1252").startswith("+ f: 2 of 2 points")


def test_marks_stay_apart():
    assert plain("✓") != plain("✗")
