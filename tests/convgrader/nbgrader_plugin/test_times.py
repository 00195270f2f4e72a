"""When something was handed in is read from what may be anybody's text."""

from datetime import datetime

import pytest

from convgrader.nbgrader_plugin.times import time_of


@pytest.mark.parametrize("text", ["", "soon", "9999-12-31 23:00:00 UTC", "0001-01-01", "9" * 33 + "m", "\x00"])
def test_what_is_no_time_of_a_course_is_none(text):
    assert time_of(text) is None


@pytest.mark.parametrize("text", ["2027-01-31 12:00:00 UTC", "2027-01-31 12:00:00", "2027-01-31 14:00:00+02:00"])
def test_times_come_in_utc_without_saying_so(text):
    assert time_of(text) == datetime(2027, 1, 31, 12)  # noqa: DTZ001 (as nbgrader has them)
