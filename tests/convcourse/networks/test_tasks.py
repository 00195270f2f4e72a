"""The tasks are drawn from a seed, and no picture is in two splits."""

import pytest
import torch

from convcourse.networks import TASK_NAMES, tasks
from tests.helpers.tiny_networks import TASKS


def test_the_names_are_known_without_pytorch():
    assert tuple(tasks.TASKS) == TASK_NAMES


@pytest.mark.parametrize("name", TASKS)
def test_pictures_depend_on_the_seed_and_the_split_alone(name):
    task = tasks.find(name)
    x, target = task.draw(5, 3)
    assert x.shape == (5, *task.input_shape[1:]) and x.dtype == torch.float32
    assert (
        target.shape == ((5, 32, 32) if task.per_pixel else (5,)) and target.min() >= 0 and target.max() < task.classes
    )
    assert torch.equal(x, task.draw(5, 3)[0])
    for other in (task.draw(5, 4)[0], task.draw(5, 3, "validation")[0], task.draw_test(5, 3)[0]):
        assert not torch.equal(x, other)
    with pytest.raises(ValueError, match="when grading"):
        task.draw(5, 3, "test")


def test_no_scan_is_in_two_splits():
    pieces = [range(2000)[part] for part in tasks._SCANS.values()]
    assert sum(len(piece) for piece in pieces) == 2000 and len({i for piece in pieces for i in piece}) == 2000
    assert len(range(1797)[tasks._SCANS["test"]]) == 500


def test_scenes_answer_their_question():
    x, target = tasks.find("scenes").draw(200, 0)
    assert 0.4 < target.float().mean() < 0.6
    assert torch.equal(x[:, 1:].amax((2, 3)).sum(1), torch.ones(200))


def test_iou_by_hand():
    task = tasks.find("shapes")
    assert task.score(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 1, 1])) == pytest.approx((1 / 2 + 2 / 3) / 2)
