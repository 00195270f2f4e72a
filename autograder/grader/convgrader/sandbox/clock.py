"""The one clock of a notebook: whatever is waited for takes from it, and it knows which cell has taken how much."""

import contextlib
import time
from collections import Counter

from convgrader.errors import TimeUpError

GRACE = 2.0  # seconds that a sandbox, or a check, may take beyond a time limit before it is ended
NAMED = 5  # of several slow cells, so many are named


class Clock:
    """The time of one notebook, which runs from when this is made.

    Parameters
    ----------
    seconds : float
        After so many nothing is begun; what has begun is ended `GRACE` later.
    """

    def __init__(self, seconds):
        self.seconds = seconds
        self.deadline = time.monotonic() + seconds
        self.spent, self.cell, self.since = Counter(), None, time.monotonic()

    def left(self):
        """Return the seconds in which something may be begun, negative after that."""
        return self.deadline - time.monotonic()

    def within(self, seconds):
        """Return how long something may take that may take `seconds`, grace included, so that it ends in time."""
        return max(0.001, min(seconds, self.left()) + GRACE)

    def raise_if_expired(self):
        """Raise TimeUpError if the time is used up."""
        if self.left() <= 0:
            raise TimeUpError(self.expired_message())

    def expired_message(self):
        """Say that the time is used up, and by what."""
        self._charge(self.cell)
        cells = Counter({cell: seconds for cell, seconds in self.spent.items() if cell}).most_common()
        slowest = [(cell, seconds) for cell, seconds in cells if 2 * seconds > cells[0][1]][:NAMED]
        share = "".join(f"; {cell} took most of it, {seconds:.0f} s" for cell, seconds in slowest)
        if len(slowest) > 1:
            share = "; it went to " + ", ".join(f"{cell.rstrip(',')} ({seconds:.0f} s)" for cell, seconds in slowest)
        return f"The time for the whole notebook, {self.seconds:g} s, is used up{share}."

    @contextlib.contextmanager
    def charge_to(self, cell):
        """Count the time of the body for a cell, and not for the one that is being counted."""
        outer = self.cell
        self._charge(cell)
        try:
            yield
        finally:
            self._charge(outer)

    def _charge(self, following):
        """Count the time since the last change for the cell of now; go on with the following one."""
        now = time.monotonic()
        self.spent[self.cell] += now - self.since
        self.cell, self.since = following, now
