"""The kinds of inputs on which wrong answers passed once: every check has them in its table, or says why it need not.

The table of the kinds stands in CONTRIBUTING.md. The first five are made of the table's cases by `engine/kinds.py`; the
others have to stand in the table itself. What a kind concerns is read off signature and docstring of the function.
"""

import re
from pathlib import Path

import pytest

from convcourse import checks
from convcourse.engine import kinds
from tools import answers, reliability
from tools.demands import TABLE_DEMANDS, VARIED_KINDS, TaskSpec
from tools.mutation import solved

ROOT = Path(__file__).parents[3]
TOPICS = checks.topics()
ALL = [(topic, check) for topic in TOPICS for check in checks.of_functions(topic).values()]
SPACES = {topic: solved(ROOT, topic)[1] for topic in TOPICS}


# --- the tests -----------------------------------------------------------------------------------------------------


def name_of(item):
    return item if isinstance(item, str) else getattr(item, "name", "")


@pytest.mark.parametrize(("topic", "check"), ALL, ids=name_of)
def test_every_check_has_every_kind_in_its_table_or_says_why_not(topic, check):
    for kind, lacking in TABLE_DEMANDS.items():
        found = list(lacking(TaskSpec(check, SPACES[topic][check.name])))
        if kind in check.exempt:
            assert found, f"{check.name} is exempt from {kind!r} for nothing"
        else:
            assert not found, f"{check.name}: {'; '.join(found)} (or exempt={{{kind!r}: why}})"


@pytest.mark.parametrize(("topic", "check"), ALL, ids=name_of)
def test_every_check_tries_the_kinds_that_are_made_of_its_cases_or_says_why_not(topic, check):
    has_arrays = any(kinds.floats_in(case) for case in check.cases)
    for name, kind in VARIED_KINDS.items():
        concerned = has_arrays and (check.judge is None or kind is kinds.AGAIN)
        if kind is kinds.BYTES:
            concerned = concerned and TaskSpec(check, SPACES[topic][check.name]).takes_images
        if name in check.exempt:
            assert concerned, f"{check.name} is exempt from {name!r} for nothing"
        elif concerned:
            assert kinds.variations(check, kind), f"{check.name} tries nothing of the kind {name!r}"


@pytest.mark.parametrize(("topic", "check"), ALL, ids=name_of)
def test_reasons_are_given_for_kinds_that_exist(topic, check):
    assert set(check.exempt) <= {*VARIED_KINDS, *TABLE_DEMANDS}
    assert all(len(reason.split()) > 2 for reason in check.exempt.values())


@pytest.mark.parametrize(("topic", "check"), ALL, ids=name_of)
@pytest.mark.slow
def test_a_right_answer_that_is_damaged_loses_points(topic, check):
    right = next(iter(answers.functions(ROOT, topic)[check.name].values()))
    for damage in reliability.DAMAGES:
        if reliability.can_show(check, damage, right):
            assert reliability.tried(check, damage(right)).share < 1, damage.__name__


def test_the_kinds_are_those_of_the_table_for_contributors():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([\w ]+)` \|", text, re.MULTILINE) == [*VARIED_KINDS, *TABLE_DEMANDS]
