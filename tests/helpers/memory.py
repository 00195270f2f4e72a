"""How much memory a piece of work takes at its peak, beyond what the process held before."""

import contextlib
from pathlib import Path

import pytest

_SELF = Path("/proc/self")


@contextlib.contextmanager
def peak():
    """Yield a list that holds the bytes once the body is done; skip the test where Linux does not tell."""
    if not (_SELF / "clear_refs").exists():
        pytest.skip("needs Linux, which tells the peak of a process")
    (_SELF / "clear_refs").write_text("5")  # the peak so far is forgotten
    before, found = _bytes("VmRSS"), []
    yield found
    found.append(_bytes("VmHWM") - before)


def _bytes(name):
    lines = (_SELF / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) << 10
