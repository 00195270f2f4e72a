"""Other hands write the same answer: another text, and the same values."""

import ast
import re

import numpy as np
import pytest

from convcourse import checks
from tools import extract
from tools.handwriting import written_by
from tools.mutation import verdict_on
from tools.sample_slips import SLIPS
from tools.sample_work import Writer

CODE = """\
def _spread(n, k):
    return n * k if k else n


def f(x, stride=None):
    a, b = 1, 2
    y = _spread(2, 3) if stride is None else stride
    for i in range(3):
        if 0 < i:
            y += i * b
    return y + a
"""


def run(code, *arguments):
    space = {"np": np}
    exec(code, space)
    return space["f"](*arguments)


@pytest.mark.parametrize("hand", range(30))
def test_another_hand_writes_another_text_that_does_the_same(hand):
    text = written_by(hand, CODE, "f")
    assert text != CODE and [run(text, 0, s) for s in (None, 5)] == [run(CODE, 0, s) for s in (None, 5)]


def test_hands_differ_and_one_hand_always_writes_the_same():
    texts = [written_by(hand, CODE, "f") for hand in range(30)]
    assert len(set(texts)) > 20 and texts == [written_by(hand, CODE, "f") for hand in range(30)]


def test_the_task_keeps_its_name_and_its_arguments_and_helpers_get_one_of_the_cell():
    for hand in range(10):
        tree = ast.parse(written_by(hand, CODE, "f"))
        helper, task = (node for node in tree.body if isinstance(node, ast.FunctionDef))
        assert helper.name == "spread_f" and task.name == "f"
        assert [argument.arg for argument in task.args.args] == ["x", "stride"]


def test_remarks_stand_in_some_texts_and_choices_become_ifs():
    texts = [written_by(hand, CODE, "f") for hand in range(30)]
    assert 0 < sum("#" in text for text in texts) < 30
    assert any(re.search(r"if stride is None:", text) for text in texts)


@pytest.mark.full
@pytest.mark.parametrize("stem", SLIPS)
def test_right_answers_stay_right_in_every_hand(request, stem):
    writer = Writer(request.config.rootpath, stem)
    for task, check in checks.of_functions(stem).items():
        path, names = writer.styles[task]
        for name in names:
            for hand in range(3):
                space = {"np": np}
                exec(written_by(hand, extract.standalone(path, name, task), task), space)
                assert verdict_on(check, space[task]).passed, (name, hand)
