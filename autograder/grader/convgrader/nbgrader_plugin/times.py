"""Times of submissions: what nbgrader writes into ``timestamp.txt``, and students may write too."""

from datetime import datetime

from nbgrader import utils

YEARS = range(1970, 2200)  # others cannot be shown in every zone of time


def time_of(text: str) -> datetime | None:
    """Read when something was handed in, as nbgrader writes it; None if that is no time of a course.

    Examples
    --------
    >>> time_of("2027-01-31 12:00:00 UTC"), time_of("9999-12-31 23:00:00 UTC"), time_of("9" * 33 + "m")
    (datetime.datetime(2027, 1, 31, 12, 0), None, None)
    """
    try:
        time = utils.parse_utc(text) if text else None
    except Exception:  # a student may have written it, and what reads it raises many things
        return None
    return time if time and time.year in YEARS else None
