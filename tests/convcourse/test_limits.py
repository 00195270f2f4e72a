"""What a hand-in may be stands in one place, and grading keeps to it."""

from convcourse import limits
from convgrader.jobs import Budget
from convgrader.notebooks import files, reader


def test_grading_has_the_limits_that_the_commands_at_home_tell_of():
    assert (Budget().cell, Budget().notebook) == (limits.CELL_SECONDS, limits.NOTEBOOK_SECONDS)
    assert (files.MAX_FILE, reader.MAX_CELLS) == (limits.MAX_FILE, limits.MAX_CELLS)


def test_numpy_and_the_standard_library_are_there_and_torch_is_not():
    assert [limits.is_present(name) for name in ("numpy", "math", "torch", "scipy")] == [True, True, False, False]
