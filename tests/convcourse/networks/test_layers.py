"""A network is made of a list of layers that is bounded in all that costs; the reference package knows them all."""

import numpy as np
import pytest
import torch

from convcourse.engine.network_check import as_options
from convcourse.errors import ModelError
from convcourse.networks import files, layers, tasks
from convcourse.networks.layers import KINDS, as_modules, build, parameter_count, weights_of
from miniconv import training as miniconv
from tests.helpers.tiny_networks import LAYERS, REFERENCE, TASKS

CONV = {"kind": "conv2d", "out_channels": 4, "kernel_size": 3}
REFUSED = {
    "not a list": ({"kind": "relu"}, "list"),
    "no layers": ([], "list"),
    "too many layers": ([{"kind": "relu"}] * 99, "list"),
    "an unknown kind": ([{"kind": "eval"}], "kind among"),
    "no dict": (["relu"], "kind among"),
    "a kind that is no string": ([{"kind": ["relu"]}], "kind among"),
    "code": ([CONV | {"kernel_size": "__import__('os')"}], "whole number"),
    "a huge kernel": ([CONV | {"out_channels": 10**9}], "whole number"),
    "a negative size": ([CONV | {"kernel_size": -1}], "whole number"),
    "a float": ([CONV | {"kernel_size": 2.5}], "whole number"),
    "an unknown option": ([CONV | {"device": 1}], "cannot take"),
    "a missing option": ([{"kind": "conv2d", "out_channels": 3}], "cannot take"),
    "no size left": ([CONV | {"kernel_size": 40}], "cannot take"),
    "stride 0": ([CONV | {"stride": 0}], "cannot take"),
    "groups that do not divide": ([CONV | {"groups": 3}], "cannot take"),
    "too large maps": ([CONV | {"out_channels": 1, "padding": 900}], "too costly"),
    "too many parameters": ([{"kind": "flatten"}, {"kind": "linear", "out_features": 1000}], "budget"),
    "an option that is no name": ([CONV | {"\ud800": 1}], "whole number"),
    "dilation 0": ([CONV | {"dilation": 0, "stride": 4}, {"kind": "flatten"}, LAYERS["digits"][-1]], "cannot compute"),
    "no output": ([{"kind": "adaptive_max_pool2d", "output_size": [2, 0]}], "too costly"),
    "nothing to train": (
        [{"kind": "adaptive_avg_pool2d", "output_size": [2, 5]}, {"kind": "flatten"}],
        "no parameters",
    ),
    "another output": ([{"kind": "flatten"}, {"kind": "linear", "out_features": 9}], r"needs \(1, 10\)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_layers_off_the_list_or_out_of_bounds_are_refused(case):
    layers, message = REFUSED[case]
    with pytest.raises(ModelError, match=message):
        build(layers, tasks.find("digits"))


WIDE = [CONV | {"kernel_size": 1, "out_channels": 240}]
COSTLY = {
    "giant windows": [*WIDE, {"kind": "max_pool2d", "kernel_size": 65, "stride": 1, "padding": 32}],
    "giant averages": [*WIDE, {"kind": "avg_pool2d", "kernel_size": [65, 63], "stride": 1, "padding": [32, 31]}],
    "overlapping windows": [*WIDE, *[{"kind": "adaptive_max_pool2d", "output_size": 31}] * 9],
    "large maps": [CONV | {"padding": 240, "out_channels": 1}, *[{"kind": "relu"}] * 30],
    "idle lanes": [CONV | {"kernel_size": 99, "padding": 49, "out_channels": 2}],
    "many heads": [CONV | {"stride": 2, "padding": 1, "out_channels": 64}, {"kind": "attention", "num_heads": 64}],
}


@pytest.mark.parametrize("case", COSTLY)
def test_a_network_that_would_take_long_is_refused_before_it_is_made(case):
    tail = [{"kind": "adaptive_avg_pool2d", "output_size": 1}, {"kind": "flatten"}, LAYERS["digits"][-1]]
    with pytest.raises(ModelError, match="too costly"):
        build([*COSTLY[case], *tail], tasks.find("digits"))


@pytest.mark.parametrize("name", TASKS)
def test_twenty_times_the_cost_of_the_reference_is_allowed(name, monkeypatch):
    monkeypatch.setattr(layers, "MAX_COST", layers.MAX_COST // 20)
    build(files.read_recipe(REFERENCE / f"{name}.json")[1], tasks.find(name))


def test_every_kind_builds():
    layers = [
        CONV | {"padding": "same"},
        {"kind": "batch_norm2d"},
        {"kind": "relu"},
        {"kind": "avg_pool2d", "kernel_size": 2},
        {"kind": "conv_transpose2d", "out_channels": 4, "kernel_size": 2, "stride": 2},
        {"kind": "max_pool2d", "kernel_size": 2},
        {"kind": "attention", "num_heads": 2},
        {"kind": "adaptive_max_pool2d", "output_size": [4, 4]},
        {"kind": "adaptive_avg_pool2d", "output_size": 2},
        {"kind": "flatten"},
        {"kind": "dropout"},
        {"kind": "linear", "out_features": 10, "bias": False},
    ]
    assert {layer["kind"] for layer in layers} == set(KINDS)
    assert build(layers, tasks.find("digits"))(torch.zeros(2, 1, 32, 32)).shape == (2, 10)


# For every kind: layers with options that it may have, each for (N, 4, 8, 6).
OF_EVERY_KIND = {
    "conv2d": [
        CONV | {"kernel_size": [3, 2], "stride": [1, 2], "padding": [2, 1], "dilation": [2, 1], "groups": 2},
        CONV | {"padding": "same", "bias": False},
        CONV | {"padding": "valid"},
    ],
    "conv_transpose2d": [
        CONV | {"kind": "conv_transpose2d", "stride": [2, 1], "padding": 1, "output_padding": [1, 0], "groups": 2},
        CONV | {"kind": "conv_transpose2d", "kernel_size": [2, 3], "dilation": 2, "bias": False},
    ],
    "max_pool2d": [
        {"kernel_size": [2, 3]},
        {"kernel_size": 3, "stride": [2, 1], "padding": 1, "dilation": [2, 1], "ceil_mode": True},
    ],
    "avg_pool2d": [{"kernel_size": [2, 3]}, {"kernel_size": 3, "stride": [2, 1], "padding": 1, "ceil_mode": True}],
    "adaptive_avg_pool2d": [{"output_size": 3}, {"output_size": [2, 5]}],
    "adaptive_max_pool2d": [{"output_size": 3}, {"output_size": [2, 5]}],
    "batch_norm2d": [{}],
    "attention": [{}, {"num_heads": 2}],
    "linear": [{"out_features": 5}, {"out_features": 5, "bias": False}],
    "relu": [{}],
    "flatten": [{}],
    "dropout": [{}],
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_reference_package_knows_every_layer_of_the_allow_list(kind):
    """Shape, parameters, output and gradients in NumPy are those of the network that the grader builds."""
    for options in OF_EVERY_KIND[kind]:
        layer = {"kind": kind} | options
        torch.manual_seed(0)
        net = torch.nn.Sequential(*as_modules([layer], (2, 4, 8, 6))).to_empty(device="cpu").double()
        for name, value in weights_of(net).items():
            value.copy_(torch.rand(value.shape) + 0.5 if "running" in name else torch.randn(value.shape) / 2)
        x = torch.randn(2, 4, 8, 6, dtype=torch.float64, requires_grad=True)
        y = net(x)
        g = torch.randn(y.shape, dtype=torch.float64)
        (y * g).sum().backward()
        layers, pictures = as_options([layer]), x.detach().numpy()
        weights = {name: w.detach().numpy() for name, w in weights_of(net).items()}
        assert miniconv.network_summary(layers, (2, 4, 8, 6)) == (tuple(y.shape), parameter_count(net))
        found = miniconv.convnet_forward(layers, weights, pictures)
        np.testing.assert_allclose(found, y.detach(), atol=1e-12)
        grads, grad_x = miniconv.convnet_backward(g.numpy(), layers, weights, pictures)
        np.testing.assert_allclose(grad_x, x.grad, atol=1e-12)
        assert list(grads) == [name for name, _ in net.named_parameters()]
        for name, parameter in net.named_parameters():
            np.testing.assert_allclose(grads[name], parameter.grad, atol=1e-11)


def test_the_network_has_the_kinds_that_students_are_told_of():
    told = (REFERENCE.parent / "assignments" / "training.md").read_text(encoding="utf-8")
    assert all(f"`{kind}`" in told for kind in KINDS)
