"""Every slip leaves the share that is said: the checks run here, without grading."""

import numpy as np
import pytest

from convcourse import checks
from tools import answers, extract, reliability
from tools.sample_slips import SLIPS
from tools.sample_work import Writer

pytestmark = pytest.mark.slow

CASES = [
    pytest.param(stem, edit, id=f"{stem}-{edit.task}-{number}")
    for stem, edits in SLIPS.items()
    for number, edit in enumerate(edits)
]


def tried(root, stem, edit):
    path, _ = Writer(root, stem).styles[edit.task]
    text = extract.standalone(path, f"{edit.task}__{edit.style}", edit.task)
    assert text.count(edit.old) == 1
    space = {"np": np}
    exec(text.replace(edit.old, edit.new), space)
    return reliability.tried(checks.of_functions(stem)[edit.task], space[edit.task], seeds=3)


@pytest.mark.parametrize(("stem", "edit"), CASES)
def test_a_slip_leaves_its_share_under_every_seed(request, stem, edit):
    result = tried(request.config.rootpath, stem, edit)
    assert result.share == pytest.approx(edit.share, abs=1e-6) and result.share < 1
    assert not result.missed


@pytest.mark.parametrize("stem", SLIPS)
def test_there_are_slips_with_a_name_and_without(request, stem):
    said = [bool(tried(request.config.rootpath, stem, edit).diagnosis) for edit in SLIPS[stem][:20]]
    assert any(said) and not all(said)


@pytest.mark.parametrize("stem", SLIPS)
def test_a_slip_is_of_a_task_that_has_its_style(request, stem):
    for edit in SLIPS[stem]:
        names = Writer(request.config.rootpath, stem).styles[edit.task][1]
        assert f"{edit.task}__{edit.style}" in names
    assert {edit.task for edit in SLIPS[stem]} >= set(answers.styles(request.config.rootpath, stem))
