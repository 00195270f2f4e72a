"""The one clock of a notebook: whatever is waited for takes from it, and it knows which cell has taken how much."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator

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

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.deadline = time.monotonic() + seconds
        self.spent: dict[str | None, float] = defaultdict(float)
        self.cell: str | None = None
        self.since = time.monotonic()

    def left(self) -> float:
        """Return the seconds in which something may be begun, negative after that."""
        return self.deadline - time.monotonic()

    def within(self, seconds: float) -> float:
        """Return how long something may take that may take `seconds`, grace included, so that it ends in time."""
        return max(0.001, min(seconds, self.left()) + GRACE)

    def raise_if_expired(self) -> None:
        """Raise TimeUpError if the time is used up."""
        if self.left() <= 0:
            raise TimeUpError(self.expired_message())

    def expired_message(self) -> str:
        """Say that the time is used up, and by what."""
        self._charge(self.cell)
        cells = sorted(((c, s) for c, s in self.spent.items() if c), key=lambda pair: pair[1], reverse=True)
        slowest = [(cell, seconds) for cell, seconds in cells if 2 * seconds > cells[0][1]][:NAMED]
        share = "".join(f"; {cell} took most of it, {seconds:.0f} s" for cell, seconds in slowest)
        if len(slowest) > 1:
            share = "; it went to " + ", ".join(f"{cell.rstrip(',')} ({seconds:.0f} s)" for cell, seconds in slowest)
        return f"The time for the whole notebook, {self.seconds:g} s, is used up{share}."

    @contextlib.contextmanager
    def charge_to(self, cell: str | None) -> Iterator[None]:
        """Count the time of the body for a cell, and not for the one that is being counted."""
        outer = self.cell
        self._charge(cell)
        try:
            yield
        finally:
            self._charge(outer)

    def _charge(self, following: str | None) -> None:
        """Count the time since the last change for the cell of now; go on with the following one."""
        now = time.monotonic()
        self.spent[self.cell] += now - self.since
        self.cell, self.since = following, now
