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


HELPED = """\
def mode_padding(kernel_size, mode):
    return (0, 0)

def output_size(n, kernel_size, mode):
    before, after = mode_padding(kernel_size, mode)
    return before + n + after - kernel_size + 1

def convolve1d(x, h, mode="full"):
    padded = np.pad(x, mode_padding(len(h), mode))
    return np.array([padded[t : t + len(h)] @ h[::-1] for t in range(output_size(len(x), len(h), mode))])
"""


@pytest.fixture
def helped():
    """The names of a notebook in which a wrong function is called by two right ones."""
    namespace = {"check": checker("convolution"), "np": np}
    exec(HELPED, namespace)
    return namespace


def test_a_fault_in_a_helper_is_paid_once_and_the_verdict_says_so(helped, capsys):
    assert eval('check("mode_padding", points=2)', helped) < 2
    assert "This counts" not in capsys.readouterr().out, "the helper's own task stays failed"
    assert eval('check("output_size", points=2)', helped) == 2
    message = "This counts with a right mode_padding in the place of yours, which fails its own check."
    assert message in capsys.readouterr().out
    assert eval('check("convolve1d", points=5)', helped) == 5
    message = (
        "This counts with a right mode_padding and output_size in the place of yours, which fail their own checks."
    )
    assert message in capsys.readouterr().out
    assert helped["mode_padding"](3, "full") == (0, 0), "the student's own is back"


def test_a_helper_that_was_checked_is_not_checked_again_until_it_is_another(helped):
    calls = []
    wrong = "def mode_padding(kernel_size, mode):\n    calls.append(mode)\n    return (0, 0)"
    helped["calls"] = calls
    exec(wrong, helped)
    eval('check("mode_padding", points=2)', helped)
    exec("def output_size(n, kernel_size, mode):\n    return 0", helped)
    before = len(calls)
    eval('check("output_size", points=2)', helped)
    assert len(calls) == before > 0
    exec(wrong, helped)
    eval('check("output_size", points=2)', helped)
    assert len(calls) > before


def test_a_right_helper_that_is_lent_does_not_make_an_answer_right(helped, capsys):
    exec("def output_size(n, kernel_size, mode):\n    return sum(mode_padding(kernel_size, mode))", helped)
    assert eval('check("output_size", points=2)', helped) == 0
    out = capsys.readouterr().out
    assert "This counts" not in out and "args, kwargs" not in out and "The call: output_size(" in out
    assert helped["mode_padding"](3, "full") == (0, 0)


def test_a_check_compares_with_its_oracle_and_not_with_the_helper_that_an_answer_calls(helped):
    """Wrong as its helper is, and so in agreement with it: that is no right answer."""
    exec("def convolve1d(x, h, mode='full'):\n    return np.correlate(x, h, mode)", helped)
    exec("def cross_correlate1d(x, h, mode='full'):\n    return convolve1d(x, h[::-1], mode)", helped)
    assert eval('check("convolve1d", points=5)', helped) == 0
    assert eval('check("cross_correlate1d", points=3)', helped) == 3, "with a right one in its place"
    exec("def cross_correlate1d(x, h, mode='full'):\n    return convolve1d(x, h, mode)[::-1]", helped)
    assert eval('check("cross_correlate1d", points=3)', helped) == 0


def test_a_helper_that_is_not_there_is_lent_and_is_gone_again(helped):
    del helped["mode_padding"]
    assert eval('check("mode_padding", points=2)', helped) == 0
    assert eval('check("output_size", points=2)', helped) == 2
    assert "mode_padding" not in helped


def test_a_function_that_is_not_there_is_not_tried_again(helped, capsys):
    del helped["output_size"]
    assert eval('check("output_size", points=2)', helped) == 0
    assert "There is no function called output_size" in capsys.readouterr().out


@pytest.mark.parametrize("needs", ["0.2", "0.2.0", "0"])
def test_a_notebook_of_this_version_or_an_older_one_fits(needs, monkeypatch):
    for version in ("0.2.0", "0.2.1", "0.3.0", "0.10.0"):
        monkeypatch.setattr(convcourse, "__version__", version)
        require_version(needs)


@pytest.mark.parametrize(
    ("needs", "version", "message"),
    [
        ("0.3", "0.2.9", "Unpack the newest student kit"),
        ("0.10", "0.9.0", "Unpack the newest student kit"),
        ("1.0", "0.9.0", "Unpack the newest student kit"),
        ("0.2", "1.0.0", "Unpack the student kit that this notebook came with"),
    ],
)
def test_a_notebook_that_does_not_fit_says_how_to_update(needs, version, message, monkeypatch):
    monkeypatch.setattr(convcourse, "__version__", version)
    with pytest.raises(
        VersionError, match=f"for version {needs} of convcourse; version {version} is installed. {message}"
    ):
        checker("pooling", needs)
