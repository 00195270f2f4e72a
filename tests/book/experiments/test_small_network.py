"""The small network computes what PyTorch's layers compute, and has the shapes that its description says."""

import numpy as np
import torch

from experiments import small_network
from miniconv.shapes import trace_shapes


def test_it_is_the_network_of_its_description():
    outputs = small_network.forward(small_network.photograph())
    traced = trace_shapes(small_network.LAYERS, (1, 1, 64, 64))
    assert [output.shape for output in outputs] == [shape for shape, _ in traced]
    assert sum(count for _, count in traced) == sum(w.size + b.size for w, b in small_network.weights())
    assert len(small_network.NAMES) == len(small_network.LAYERS)


def test_it_computes_what_pytorch_computes():
    x = np.random.default_rng(0).random((2, 1, 64, 64))
    conv = [torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.Conv2d(4, 6, 3, padding=1)]
    dense = torch.nn.Linear(1536, 8)
    layers = [
        conv[0], torch.nn.ReLU(), torch.nn.MaxPool2d(2), conv[1], torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Flatten(), dense,
    ]  # fmt: skip
    network = torch.nn.Sequential(*layers).double()
    with torch.no_grad():
        for module, (weight, bias) in zip([*conv, dense], small_network.weights(), strict=True):
            module.weight.copy_(torch.tensor(weight))
            module.bias.copy_(torch.tensor(bias))
        assert np.allclose(network(torch.tensor(x)).numpy(), small_network.forward(x)[-1])
