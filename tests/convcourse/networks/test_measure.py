"""A trained network is measured on pictures that a seed draws."""

import math

import pytest
import torch

from convcourse.errors import ModelError
from convcourse.networks import tasks
from convcourse.networks.measure import load, measure, standard_error
from tests.helpers.tiny_networks import REFERENCE


def test_the_seed_and_the_split_decide_the_pictures():
    task = tasks.find("digits")
    _, net = load(REFERENCE, task)
    first = measure(net, task, 1, count=200)
    assert first == measure(net, task, 1, count=200) != measure(net, task, 2, count=200)
    assert first != measure(net, task, 1, "validation", count=200)
    assert 0.7 < first < 1


def test_what_answers_with_no_numbers_is_refused():
    task = tasks.find("digits")
    _, net = load(REFERENCE, task)
    with torch.no_grad():
        next(net.parameters()).mul_(1e38)
    with pytest.raises(ModelError, match="NaN or infinity"):
        measure(net, task, 1, count=20)


def test_the_standard_error_is_that_of_a_share():
    assert standard_error(0.5, 100) == pytest.approx(0.05)
    assert standard_error(1.0, 100) == pytest.approx(math.sqrt(1e-6)), "never quite certain"
