"""One clock for a notebook: what is begun ends in time, and it is known which cell took how much."""

import time

import pytest

from convgrader.errors import TimeUpError
from convgrader.sandbox.clock import GRACE, Clock


def test_nothing_takes_longer_than_what_is_left_and_grace_comes_once():
    clock = Clock(10)
    assert clock.within(3) == 3 + GRACE and 9 + GRACE < clock.within(30) <= 10 + GRACE
    clock.deadline = time.monotonic() - 1
    assert clock.within(30) < GRACE
    clock.deadline = time.monotonic() - 60
    assert 0 < clock.within(30) < 0.01


def test_it_says_which_cell_took_most_and_counts_no_second_twice():
    clock = Clock(0.1)
    clock.raise_if_expired()
    with clock.charge_to("cell [1]"):
        time.sleep(0.1)
        with clock.charge_to("cell [2]"):  # is run again, as when a sandbox is replaced
            time.sleep(0.5)
    with pytest.raises(TimeUpError, match=r"The time for the whole notebook, 0.1 s, is used up; cell \[2\] took most"):
        clock.raise_if_expired()
    assert 0.1 <= clock.spent["cell [1]"] < 0.5 <= clock.spent["cell [2]"]


def test_where_several_cells_took_the_time_it_names_them_all():
    clock = Clock(100)
    clock.spent.update({"cell [1]": 2.0, "cell [4], max_pool2d,": 31.0, "cell [6]": 32.0, "cell [7]": 33.0, None: 1.0})
    assert clock.expired_message().endswith(
        "is used up; it went to cell [7] (33 s), cell [6] (32 s), cell [4], max_pool2d (31 s)."
    )
