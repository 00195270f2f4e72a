"""What all experiments have in common when they are tested."""

import pytest
import torch


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Keep PyTorch to one thread: with layers as small as these, more only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
