"""What can be imported is what the notebook hands out, at home as in grading."""

import importlib
import subprocess
import sys

import numpy as np
import pytest

from convcourse import checker, functional, provided


@pytest.fixture(autouse=True)
def fresh():
    importlib.reload(provided)
    yield
    importlib.reload(provided)


def test_before_a_notebook_has_begun_everything_can_be_imported():
    from convcourse.provided import conv2d, relu

    assert conv2d is functional.conv2d and relu(np.array([-1.0, 2.0])).tolist() == [0, 2]


def test_a_notebook_hands_out_what_it_says_and_no_more():
    checker("training", provided=["conv2d"])
    from convcourse.provided import conv2d

    assert conv2d is functional.conv2d
    with pytest.raises(ImportError, match="max_pool2d is not handed out with this notebook, which hands out conv2d"):
        from convcourse.provided import max_pool2d
    checker("pooling")
    with pytest.raises(ImportError, match="which hands out nothing: write your own"):
        from convcourse.provided import max_pool2d  # noqa: F401


def test_what_there_is_not_is_an_error_like_any_other():
    with pytest.raises(ImportError, match="cannot import name 'magic'"):
        from convcourse.provided import magic  # noqa: F401


def test_a_checker_hands_out_in_its_own_process_alone():
    code = "import convcourse.provided as p; print(p.relu)"
    assert "relu" in subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
