"""One clock for a notebook: what is begun ends in time, and it is known which cell took how much."""

import time

import pytest

from convgrader.errors import TimeUpError
from convgrader.sandbox.clock import GRACE, Clock


def test_nothing_takes_longer_than_what_is_left_and_grace_comes_once():
    clock = Clock(10)
    assert clock.within(3) == 3 + GRACE and 9 + GRACE < clock.within(30) <= 10 + GRACE
    clock.stop = time.monotonic() - 1
    assert clock.within(30) < GRACE
    clock.stop = time.monotonic() - 60
    assert 0 < clock.within(30) < 0.01


def test_it_says_which_cell_took_most_and_counts_no_second_twice():
    clock = Clock(0.1)
    clock.refuse_if_over()
    with clock.on("cell [1]"):
        time.sleep(0.2)
        with clock.on("cell [2]"):  # is run again, as when a sandbox is replaced
            time.sleep(0.3)
    with pytest.raises(TimeUpError, match=r"The time for the whole notebook, 0.1 s, is used up; cell \[2\] took most"):
        clock.refuse_if_over()
    assert 0.2 <= clock.spent["cell [1]"] < 0.3 <= clock.spent["cell [2]"]
