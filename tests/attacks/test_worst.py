"""What a hostile submission costs is measured, and stays within what it may cost."""

import os
from dataclasses import astuple

import pytest

from convgrader.jobs import Budget
from tests.attacks import worst
from tests.attacks.costly import COSTLY
from tests.attacks.submissions import of_cells
from tests.helpers.courses import CONFINES

BUDGET = Budget(cell=2, notebook=4)
TRIED = ("deaf_cells", "evidence_of_millions", "outlives")
HELD = "import time\nheld = bytearray(b'x') * (64 << 20)\ntime.sleep(1)"
HOLDS = of_cells("holds", "memory", "holds 64 MB for a second", HELD)  # long enough to be seen


@pytest.fixture(scope="module")
def costs(generated, tmp_path_factory):
    """What a sample of the attacks costs, one after the other; only root may look into sandboxes."""
    attacks = [attack for attack in COSTLY if attack.name in TRIED] + [HOLDS]
    folder = tmp_path_factory.mktemp("worst") / "course"
    return worst.grade(generated, folder, attacks, BUDGET, looks_inside=os.getuid() == 0)[1]


@pytest.mark.skipif(not CONFINES, reason="attacks are run only where they can be confined")
@pytest.mark.parametrize("name", TRIED)
def test_no_attack_costs_more_than_its_budget(costs, name):
    assert max(costs[name].shares(BUDGET)) <= 1, costs[name]


@pytest.mark.skipif(not CONFINES, reason="attacks are run only where they can be confined")
def test_what_they_cost_is_seen(costs):
    deaf, holds = costs["deaf_cells"], costs["holds"]
    assert deaf.seconds > BUDGET.cell and deaf.cpu > 0.2, "it never stops working"
    assert os.getuid() or holds.sandbox > 80 > deaf.sandbox > 1, "64 MB beside what every sandbox has"


def test_the_table_has_the_nearest_to_a_bound_first():
    costs = {
        "deaf_cells": worst.Cost(seconds=25, cpu=3),
        "figures": worst.Cost(seconds=1, cpu=1, sandbox=2048 * 0.9),
        "outlives": worst.Cost(seconds=2, cpu=2, grader=8, sandbox=9),
    }
    table = worst.as_markdown(costs, worst.SHORT, count=2).splitlines()
    assert table[2] == "| *at most* | *25* | *25* | *1,024* | *2,048* |"
    assert [line.rsplit("|", 5)[1:-1] for line in table[3:]] == [
        [" 25.0 ", " 3.0 ", " 0 ", " 0 "],
        [" 1.0 ", " 1.0 ", " 0 ", " 1,843 "],
    ]
    assert astuple(costs["outlives"]) == (2, 2, 8, 9) and "never end" in table[3]
