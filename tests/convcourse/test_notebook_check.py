"""The function `check` of a notebook finds the student's function by its name, and the package fits the notebook."""

import math

import numpy as np
import pytest

import convcourse
from convcourse import checker, checks
from convcourse.errors import VersionError
from convcourse.notebook_check import require_version


def test_checker_looks_functions_up_where_it_is_called(capsys):
    namespace = {
        "check": checker("pooling"),
        "channel_max_pool": lambda x, k: x.reshape(len(x), -1, k, *x.shape[2:]).max(2),
    }
    assert eval('check("channel_max_pool", points=2)', namespace) == 2.0
    assert "✓ channel_max_pool: 2 of 2 points" in capsys.readouterr().out
    assert eval('check("avg_pool2d", points=2)', namespace) == 0.0
    with pytest.raises(ValueError, match="has no check called 'nothing'"):
        eval('check("nothing", points=2)', namespace)


def test_a_name_that_holds_no_function_is_a_verdict(capsys):
    assert eval('check("avg_pool2d", points=2)', {"check": checker("pooling"), "avg_pool2d": 5}) == 0.0
    assert "not callable" in capsys.readouterr().out


def test_an_unknown_topic_names_the_known_ones():
    with pytest.raises(ValueError, match="pooling"):
        checks.load("plumbing")


def test_the_failing_call_can_be_made_again(capsys):
    namespace = {"check": checker("pooling"), "channel_max_pool": lambda x, pool_size: x}
    with pytest.raises(LookupError, match="no check has shown a failing call yet"):
        namespace["check"].case()
    eval('check("channel_max_pool", points=2)', namespace)
    assert "args, kwargs = check.case()" in capsys.readouterr().out
    args, _ = namespace["check"].case()
    assert isinstance(args[0], np.ndarray) and args[0].ndim == 4
    args[0][...] = 0
    assert namespace["check"].case()[0][0].any(), "each time a copy"
    eval('check("avg_pool2d", points=2)', namespace)
    assert namespace["check"].case() == ((), {}), "of a function that is not there"


def test_what_is_absent_in_grading_is_said_at_home(capsys):
    import torch
    from scipy.signal import convolve2d

    namespace = {"check": checker("pooling"), "torch": torch, "convolve2d": convolve2d, "np": np, "math": math}
    eval('check("channel_max_pool", points=2)', namespace)
    out = capsys.readouterr().out
    assert "scipy is imported here. Where submissions are graded there are NumPy and Matplotlib alone" in out
    assert "torch is imported here." in out and out.count("is imported here") == 2


def test_what_a_function_imports_when_it_is_called_is_said_too(capsys):
    def channel_max_pool(x, pool_size):
        def inner():
            import scipy.signal

            return scipy.signal

        import math  # noqa: F401

        return inner

    channel_max_pool.__module__ = "__main__"
    eval('check("channel_max_pool", points=2)', {"check": checker("pooling"), "channel_max_pool": channel_max_pool})
    out = capsys.readouterr().out
    assert "scipy is imported here." in out and out.count("is imported here") == 1


def test_an_older_numpy_than_gradings_is_said(monkeypatch, capsys):
    namespace = {"check": checker("pooling"), "channel_max_pool": lambda x, pool_size: x}
    eval('check("channel_max_pool", points=2)', namespace)
    assert "is installed here" not in capsys.readouterr().out
    monkeypatch.setattr(np, "__version__", "1.26.4")
    eval('check("channel_max_pool", points=2)', namespace)
    assert "NumPy 1.26.4 is installed here, and submissions are graded with NumPy 2" in capsys.readouterr().out


class HasCall:
    """An object of a student's with a method that looks like ours."""

    def call(self, *anything):
        return "full points, please"

    def __call__(self, x, pool_size):
        return np.zeros((1, 1, 1, 1))


def test_an_object_with_a_method_call_is_a_students_all_the_same(capsys):
    namespace = {"check": checker("pooling"), "channel_max_pool": HasCall()}
    assert eval('check("channel_max_pool", points=2)', namespace) == 0.0
    assert "✗ channel_max_pool: 0 of 2 points" in capsys.readouterr().out


@pytest.mark.parametrize("needs", ["0.2", "0.2.0", "0"])
def test_a_notebook_of_this_version_or_an_older_one_fits(needs, monkeypatch):
    for version in ("0.2.0", "0.2.1", "0.3.0", "0.10.0"):
        monkeypatch.setattr(convcourse, "__version__", version)
        require_version(needs)


@pytest.mark.parametrize(
    ("needs", "version", "says"),
    [
        ("0.3", "0.2.9", "Unpack the newest student kit"),
        ("0.10", "0.9.0", "Unpack the newest student kit"),
        ("1.0", "0.9.0", "Unpack the newest student kit"),
        ("0.2", "1.0.0", "Unpack the student kit that this notebook came with"),
    ],
)
def test_a_notebook_that_does_not_fit_says_how_to_update(needs, version, says, monkeypatch):
    monkeypatch.setattr(convcourse, "__version__", version)
    with pytest.raises(
        VersionError, match=f"for version {needs} of convcourse; version {version} is installed. {says}"
    ):
        checker("pooling", needs)
