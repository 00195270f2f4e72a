"""One rule for what students are called, at home and where hand-ins are collected."""

import pytest

from convcourse import student_ids
from convgrader.errors import ArchiveError
from convgrader.nbgrader_plugin.collecting import Identity


@pytest.mark.parametrize(
    "name", ["ada", "Ada.L-2", "2027-0815", "o_neil", "ada l", "ada@school.example", "ünal", "-x", ""]
)
def test_who_may_hand_in_is_who_is_collected(name):
    try:
        is_collected = Identity.of(f"{name}__20270131T120000Z__pooling.zip").student == name
    except ArchiveError:
        is_collected = False
    assert student_ids.is_valid(name) == is_collected
