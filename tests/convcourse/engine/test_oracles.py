"""PyTorch's functions on arrays, and their gradients."""

import numpy as np
import torch

from convcourse.engine import oracles


def test_a_tensor_has_memory_of_its_own():
    x = np.ones(3)[::-1]
    x.flags.writeable = False
    oracles.tensor(x)[0] = 7
    assert x[0] == 1 and oracles.tensor("same") == "same"


def test_tuples_of_tensors_become_arrays():
    split = oracles.on_torch(lambda x: (x + 1, x + 2))
    one, two = split(np.zeros(2))
    assert type(one) is np.ndarray and two.tolist() == [2.0, 2.0]


def test_gradients_for_several_arguments_and_for_one_that_does_not_matter():
    product = oracles.gradient(lambda x, w, unused: x * w, (0, 1, 2))
    x, w, unused = product(np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([5.0, 6.0]), np.zeros(2))
    assert (x.tolist(), w.tolist(), unused.tolist()) == ([5.0, 12.0], [3.0, 8.0], [0.0, 0.0])


def test_one_thread_computes():
    assert torch.get_num_threads() == 1
