"""What is demanded of a table of cases and of a check. The course's own are held to it in tests/convcourse/checks."""

import numpy as np
import pytest

from convcourse.engine.check import Check
from convcourse.engine.model import Case
from tools.demands import TABLE_DEMANDS, TaskSpec, lacking_kinds, trivial_answers

X = np.arange(6.0).reshape(1, 1, 2, 3)


def pooled(x, size=2, padding=0, mode="largest"):
    """Return the largest number of every window, or its mean; of ties the first.

    Parameters
    ----------
    x : (N, C, H, W) float
        Images.
    size : int or (int, int)
        The window.
    padding : int or (int, int)
        Rows and columns around the image.
    mode : {'largest', 'mean'}
        What is returned.
    """
    return x


def task(*cases, **about):
    return TaskSpec(Check("pooled", oracle=pooled, cases=cases, **about), pooled)


@pytest.mark.parametrize(
    ("case", "lacking"),
    [
        (Case((X,)), ["size", "mode='mean'", "pads one axis", "1 x 1"]),
        (Case((X, 2, 0, "mean")), ["no case leaves size out"]),
        (Case((X, (2, 3), (0, 1), "mean")), ["leaves padding out"]),
    ],
)
def test_what_a_table_lacks_is_read_off_signature_and_docstring(case, lacking):
    found = " ".join(lacking_kinds(task(case)))
    assert [words for words in lacking if words not in found] == []


def test_a_kind_that_a_check_is_exempt_from_is_not_asked_for():
    bare = set(lacking_kinds(task(Case((X,)))))
    exempt = set(lacking_kinds(task(Case((X,)), exempt=dict.fromkeys(TABLE_DEMANDS, "for a reason"))))
    assert bare and not exempt


def test_trivial_answers_know_the_shape_of_what_is_right_and_nothing_else():
    check = Check("f", oracle=lambda x: (2 * x, x.sum()), cases=(Case((X,)),))
    answers = trivial_answers(check)
    zeros, total = answers["returns zeros of the right shape"](X)
    assert zeros.shape == X.shape and not zeros.any() and total == 0
    assert answers["returns its first argument"](X) is X
    assert (answers["returns what is right for the first case"](X + 1)[0] == 2 * X).all()
    with pytest.raises(NotImplementedError):
        answers["raises NotImplementedError"](X)


def test_where_a_judge_decides_nothing_is_known_of_the_right_shape():
    check = Check("f", judge=lambda value, case: None, cases=(Case((X,)),))
    assert not [does for does in trivial_answers(check) if "right" in does]
