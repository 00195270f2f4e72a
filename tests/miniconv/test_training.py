"""The NumPy network against PyTorch: forward, backward, loss and optimiser."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from miniconv.gradients import numerical_gradient
from miniconv.training import (
    adamw_step,
    attention2d_backward,
    batch_norm,
    batch_norm2d,
    batch_norm2d_backward,
    batch_norm_backward,
    convnet_activations,
    convnet_backward,
    convnet_forward,
    cosine_schedule,
    cross_entropy,
    cross_entropy_backward,
    early_stopping,
    kaiming_normal,
    layer_backward,
    layer_forward,
    linear,
    linear_backward,
    network_summary,
    relu_backward,
    sgd_step,
    shift_and_flip,
)
from tests.helpers.arrays import assert_close

CONV = {"kind": "conv2d", "out_channels": 4, "kernel_size": 3, "padding": 1}
HEAD = [{"kind": "flatten"}, {"kind": "linear", "out_features": 3}]
NETS = {  # name: (layers, the same in PyTorch for 2 channels of 6 x 8)
    "conv, relu, max pooling, linear": (
        [CONV, {"kind": "relu"}, {"kind": "max_pool2d", "kernel_size": 2}, *HEAD],
        lambda: [nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(48, 3)],
    ),
    "groups, stride, dilation, no bias": (
        [CONV | {"groups": 2, "stride": (2, 1), "dilation": 2, "padding": 2, "bias": False}, {"kind": "relu"}, *HEAD],
        lambda: [
            nn.Conv2d(2, 4, 3, (2, 1), 2, 2, 2, bias=False),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(4 * 3 * 8, 3),
        ],
    ),
    "batch norm, average pooling": (
        [CONV, {"kind": "batch_norm2d"}, {"kind": "relu"}, {"kind": "avg_pool2d", "kernel_size": 2}, *HEAD],
        lambda: [
            nn.Conv2d(2, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(48, 3),
        ],
    ),
    "down and up again: a label per pixel": (
        [
            CONV | {"stride": 2},
            {"kind": "relu"},
            {"kind": "conv_transpose2d", "out_channels": 3, "kernel_size": 2, "stride": 2},
        ],
        lambda: [nn.Conv2d(2, 4, 3, 2, 1), nn.ReLU(), nn.ConvTranspose2d(4, 3, 2, 2)],
    ),
    "global pooling, two dense layers, dropout": (
        [
            CONV,
            {"kind": "adaptive_avg_pool2d", "output_size": 1},
            {"kind": "flatten"},
            {"kind": "linear", "out_features": 5},
            {"kind": "relu"},
            {"kind": "dropout"},
            {"kind": "linear", "out_features": 3, "bias": False},
        ],
        lambda: [
            nn.Conv2d(2, 4, 3, padding=1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 5),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(5, 3, bias=False),
        ],
    ),
    "adaptive max pooling": (
        [CONV, {"kind": "adaptive_max_pool2d", "output_size": (2, 3)}, *HEAD],
        lambda: [nn.Conv2d(2, 4, 3, padding=1), nn.AdaptiveMaxPool2d((2, 3)), nn.Flatten(), nn.Linear(24, 3)],
    ),
}


def network(name, dtype=torch.float64, seed=0):
    """Return layers, PyTorch's network in evaluation mode, and its weights as NumPy arrays."""
    torch.manual_seed(seed)
    layers, build = NETS[name]
    net = nn.Sequential(*build()).to(dtype).eval()
    for module in net:
        if isinstance(module, nn.BatchNorm2d):
            for value in (module.weight, module.bias, module.running_mean, module.running_var):
                value.data.uniform_(0.5, 2)
    return layers, net, {key: value.detach().numpy().copy() for key, value in net.state_dict().items()}


def draw(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("name", NETS)
def test_forward_agrees_with_pytorch(name, dtype):
    x = draw(3, 2, 6, 8, dtype=dtype)
    layers, net, weights = network(name, torch.from_numpy(x).dtype)
    y = convnet_forward(layers, weights, x)
    assert y.dtype == dtype
    assert_close(y, net(torch.from_numpy(x)).detach().numpy(), scale=10.0)


@pytest.mark.parametrize("name", NETS)
def test_backward_agrees_with_autograd(name):
    layers, net, weights = network(name)
    x = torch.from_numpy(draw(3, 2, 6, 8)).requires_grad_()
    y = net(x)
    g = draw(*y.shape, seed=1)
    (y * torch.from_numpy(g)).sum().backward()
    grads, grad_x = convnet_backward(g, layers, weights, x.detach().numpy())
    assert list(grads) == [key for key, _ in net.named_parameters()]
    assert_close(grad_x, x.grad.numpy(), scale=50.0)
    for key, parameter in net.named_parameters():
        assert_close(grads[key], parameter.grad.numpy(), scale=100.0)


def test_backward_agrees_with_central_differences():
    layers, _, weights = network("batch norm, average pooling")
    x, g = draw(2, 2, 6, 8), draw(2, 3, seed=1)
    grads, grad_x = convnet_backward(g, layers, weights, x)
    for key in ("0.weight", "1.weight", "1.bias", "5.bias"):
        numerical = numerical_gradient(
            lambda w, key=key: convnet_forward(layers, weights | {key: w}, x), weights[key], g
        )
        assert_close(grads[key], numerical, tolerance=1e-6)
    assert_close(grad_x, numerical_gradient(lambda v: convnet_forward(layers, weights, v), x, g), tolerance=1e-6)


@pytest.mark.parametrize("name", NETS)
def test_summary_counts_what_pytorch_has(name):
    layers, net, _ = network(name)
    shape, count = network_summary(layers, (3, 2, 6, 8))
    assert shape == tuple(net(torch.zeros(3, 2, 6, 8, dtype=torch.float64)).shape)
    assert count == sum(parameter.numel() for parameter in net.parameters())


def test_activations_are_the_input_and_every_output():
    layers, net, weights = network("conv, relu, max pooling, linear")
    x = draw(2, 2, 6, 8)
    outputs = convnet_activations(layers, weights, x)
    assert len(outputs) == len(layers) + 1
    value = torch.from_numpy(x)
    for module, output in zip(net, outputs[1:], strict=True):
        value = module(value)
        assert_close(output, value.detach().numpy(), scale=10.0)
    assert_close(outputs[-1], convnet_forward(layers, weights, x))


@given(st.integers(1, 4), st.integers(2, 5), st.sampled_from([(), (2, 3), (1, 1)]), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_cross_entropy_and_its_gradient_agree_with_pytorch(n, k, space, seed):
    rng = np.random.default_rng(seed)
    logits, target = 5 * rng.standard_normal((n, k, *space)), rng.integers(0, k, (n, *space))
    tensor = torch.from_numpy(logits).requires_grad_()
    loss = nn.functional.cross_entropy(tensor, torch.from_numpy(target))
    (2.5 * loss).backward()
    assert_close(cross_entropy(logits, target), loss.detach().numpy(), scale=20.0)
    grad = cross_entropy_backward(2.5, logits, target)
    assert_close(grad, tensor.grad.numpy(), scale=2.5)
    assert_close(grad.sum(1), np.zeros_like(grad.sum(1)), scale=2.5)


def test_cross_entropy_of_huge_logits_is_finite():
    logits = np.array([[1e4, 0.0], [0.0, 1e4]], dtype=np.float32)
    assert cross_entropy(logits, np.array([0, 0])) == 5000
    assert cross_entropy(logits, np.array([0, 0])).dtype == np.float32
    assert np.isfinite(cross_entropy_backward(1.0, logits, np.array([0, 0]))).all()


@given(st.sampled_from([0.0, 0.5, 0.9]), st.sampled_from([0.0, 0.1]), st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_sgd_steps_agree_with_pytorch(momentum, weight_decay, steps):
    weights = {"a": draw(3, 2), "b": draw(4)}
    parameters = {key: nn.Parameter(torch.from_numpy(value.copy())) for key, value in weights.items()}
    optimiser = torch.optim.SGD(parameters.values(), lr=0.1, momentum=momentum, weight_decay=weight_decay)
    velocity = None
    for step in range(steps):
        grads = {key: draw(*value.shape, seed=step) for key, value in weights.items()}
        for key, parameter in parameters.items():
            parameter.grad = torch.from_numpy(grads[key].copy())
        optimiser.step()
        weights, velocity = sgd_step(weights, grads, velocity, 0.1, momentum, weight_decay)
    for key, parameter in parameters.items():
        assert_close(weights[key], parameter.detach().numpy(), scale=2.0)


def test_weights_without_a_gradient_stay():
    weights, velocity = sgd_step({"a": np.ones(2), "mean": np.ones(3)}, {"a": np.ones(2)}, lr=0.5)
    assert weights["mean"].tolist() == [1, 1, 1] and weights["a"].tolist() == [0.5, 0.5] and list(velocity) == ["a"]


def test_velocities_wait_while_their_weights_have_no_gradient():
    parameters = {name: nn.Parameter(torch.ones(2, dtype=torch.float64)) for name in "ab"}
    optimizer = torch.optim.SGD(parameters.values(), lr=0.1, momentum=0.9)
    weights, velocity = {name: np.ones(2) for name in "ab"}, None
    for step, names in enumerate(("a", "ab", "b", "", "ab")):
        grads = {name: np.full(2, step + 1.0) for name in names}
        for name, parameter in parameters.items():
            parameter.grad = torch.tensor(grads[name]) if name in grads else None
        optimizer.step()
        weights, velocity = sgd_step(weights, grads, velocity, 0.1, 0.9)
        for name in "ab":
            assert_close(weights[name], parameters[name].detach().numpy())


def test_a_small_network_learns_by_its_own_steps():
    """Loss falls to a tenth: the parts fit together."""
    layers, _, weights = network("conv, relu, max pooling, linear")
    x, target = draw(12, 2, 6, 8), np.arange(12) % 3
    velocity, losses = None, []
    for _ in range(30):
        logits = convnet_forward(layers, weights, x)
        losses.append(cross_entropy(logits, target))
        grads, _ = convnet_backward(cross_entropy_backward(1.0, logits, target), layers, weights, x)
        weights, velocity = sgd_step(weights, grads, velocity, lr=0.1, momentum=0.9)
    assert losses[-1] < losses[0] / 10


def test_nothing_that_goes_in_is_changed():
    layers, _, weights = network("batch norm, average pooling")
    x, target = draw(2, 6, 8, 2).transpose(0, 3, 1, 2), np.array([0, 2])
    for value in (*weights.values(), x):
        value.flags.writeable = False
    logits = convnet_forward(layers, weights, x)
    grads, _ = convnet_backward(cross_entropy_backward(1.0, logits, target), layers, weights, x)
    before = weights["0.weight"].copy()
    sgd_step(weights, grads, None, 0.1, 0.9, 0.1)
    assert (weights["0.weight"] == before).all()
    for kind in ("flatten", "dropout"):
        assert not np.may_share_memory(layer_forward(0, {"kind": kind}, {}, x), x)


def test_nan_passes_through():
    assert np.isnan(linear(np.array([[np.nan, 1]]), np.ones((2, 2)))).all()
    assert np.isnan(layer_forward(0, {"kind": "relu"}, {}, np.array([np.nan]))).all()
    assert np.isnan(cross_entropy(np.array([[np.nan, 1.0]]), np.array([0])))
    one = np.ones(1)
    assert np.isnan(batch_norm2d(np.full((1, 1, 1, 1), np.nan), one, one, one, one)).all()
    assert relu_backward(np.ones(4), np.array([np.nan, 0.0, 1.0, -1.0])).tolist() == [1, 0, 1, 0]  # as PyTorch's


def test_whole_numbers_and_lists_are_taken_as_floats():
    x, ints = np.arange(6).reshape(1, 1, 2, 3), [[2], [1], [3], [0]]
    floats = [np.array(v, float) for v in ints]
    assert_close(batch_norm2d(x, *ints), batch_norm2d(x, *floats))
    for ours, right in zip(batch_norm2d_backward(x, x, *ints), batch_norm2d_backward(x, x, *floats), strict=True):
        assert_close(ours, right)
    weights = [[[1], [2], [3]], [1, 0, 1], [[2]], [1]]
    arrays = [np.array(w, float) for w in weights]
    for ours, right in zip(
        attention2d_backward(x.tolist(), x.tolist(), *weights), attention2d_backward(x, x, *arrays), strict=True
    ):
        assert_close(ours, right)


def test_a_step_from_whole_numbers_is_not_cut_to_whole_numbers():
    weights, velocity = sgd_step({"a": np.array([3])}, {"a": np.array([5])}, {"a": np.array([1])}, 0.1, 0.5)
    assert weights["a"] == pytest.approx([2.45]) and velocity["a"] == pytest.approx([5.5])


def test_a_bias_that_a_layer_says_it_does_not_have_is_not_added():
    layer = {"kind": "linear", "out_features": 1, "bias": False}
    assert layer_forward(0, layer, {"0.weight": np.ones((1, 1)), "0.bias": np.ones(1)}, np.ones((1, 1))) == 1


# --- AdamW ---------------------------------------------------------------------------------------------------------


def one_adamw_step(gradient, weight_decay=0.0):
    weights, state = adamw_step({"a": np.ones(1)}, {"a": np.array([gradient])}, None, 0.1, (0.5, 0.75), 0, weight_decay)
    return weights["a"][0], state["a"]


def test_the_first_step_of_adam_has_the_length_of_the_rate():
    assert one_adamw_step(2.0) == (pytest.approx(0.9), (1, 1.0, 1.0))
    assert one_adamw_step(2000.0)[0] == pytest.approx(0.9)
    assert one_adamw_step(-2.0)[0] == pytest.approx(1.1)
    assert one_adamw_step(2.0, weight_decay=0.5)[0] == pytest.approx(0.85)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("eps", [1e-8, 0.1])
def test_adamw_steps_agree_with_pytorch(eps, decay, dtype):
    """Also where a weight has no gradient for a while."""
    weights = {"a": draw(3, 2, dtype=dtype), "b": draw(4, dtype=dtype)}
    options = {"lr": 0.1, "betas": (0.8, 0.95), "eps": eps, "weight_decay": decay}
    parameters = {name: nn.Parameter(torch.from_numpy(w.copy())) for name, w in weights.items()}
    optimizer, state = torch.optim.AdamW(parameters.values(), **options), None
    for step, names in enumerate(("a", "ab", "b", "", "ab", "ab")):
        grads = {name: draw(*weights[name].shape, seed=step, dtype=dtype) for name in names}
        for name, parameter in parameters.items():
            parameter.grad = torch.from_numpy(grads[name].copy()) if name in grads else None
        optimizer.step()
        weights, state = adamw_step(weights, grads, state, **options)
        for name, parameter in parameters.items():
            assert weights[name].dtype == dtype
            assert_close(weights[name], parameter.detach().numpy(), scale=2.0)
    for name, parameter in parameters.items():
        steps, *means = state[name]
        assert steps == optimizer.state[parameter]["step"]
        for mean, key in zip(means, ("exp_avg", "exp_avg_sq"), strict=True):
            assert_close(mean, optimizer.state[parameter][key].numpy(), scale=2.0)


def test_without_decay_adamw_is_adam_and_with_decay_it_is_not():
    weights, grads = {"a": draw(3)}, {"a": draw(3, seed=1)}
    for decay in (0.0, 0.5):
        parameter = nn.Parameter(torch.from_numpy(weights["a"].copy()))
        parameter.grad = torch.from_numpy(grads["a"].copy())
        torch.optim.Adam([parameter], lr=0.1, weight_decay=decay).step()
        new = adamw_step(weights, grads, None, 0.1, weight_decay=decay)[0]["a"]
        assert np.allclose(new, parameter.detach().numpy(), rtol=1e-12) == (decay == 0)


def test_a_step_of_adamw_changes_nothing_that_goes_in_and_hands_out_nothing_of_it():
    weights, grads = {"a": draw(3), "b": draw(2)}, {"a": draw(3, seed=1)}
    state = {name: (4, draw(*w.shape), draw(*w.shape) ** 2) for name, w in weights.items()}
    given = [*weights.values(), *grads.values(), *state["a"][1:], *state["b"][1:]]
    for array in given:
        array.flags.writeable = False
    new, kept = adamw_step(weights, grads, state)
    assert kept["b"][0] == 4 and kept["a"][0] == 5 and state["a"][0] == 4
    for found in (*new.values(), *kept["a"][1:], *kept["b"][1:]):
        assert not any(np.may_share_memory(found, array) for array in given)


def test_a_step_of_adamw_from_whole_numbers_is_not_cut_to_whole_numbers():
    ints = {"a": np.array([3])}, {"a": np.array([5])}, {"a": (1, np.array([1]), np.array([2]))}
    floats = {"a": np.array([3.0])}, {"a": np.array([5.0])}, {"a": (1, np.array([1.0]), np.array([2.0]))}
    ours, right = adamw_step(*ints, lr=0.1), adamw_step(*floats, lr=0.1)
    assert ours[0]["a"] == right[0]["a"] != 3
    assert ours[1]["a"] == right[1]["a"]


# --- the schedule --------------------------------------------------------------------------------------------------


def test_the_schedule_by_hand():
    rates = [cosine_schedule(step, 10, 0.8, warmup=2) for step in range(10)]
    assert rates[:3] == [0.4, 0.8, 0.8] and rates[6] == pytest.approx(0.4)
    assert cosine_schedule(2, 4, 1.0, lr_min=0.5) == pytest.approx(0.75)


@pytest.mark.parametrize("lr_min", [0.0, 0.1])
@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (1, 1), (7, 0), (7, 1), (12, 5), (6, 6), (6, 5)])
def test_the_schedule_agrees_with_the_schedulers_of_pytorch(steps, warmup, lr_min):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.5)
    rise = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / max(warmup, 1), total_iters=max(warmup - 1, 0))
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps - warmup, 1), lr_min)
    scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [rise, fall], [warmup])
    for step in range(steps):
        assert cosine_schedule(step, steps, 0.5, warmup, lr_min) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()


@given(st.integers(1, 60), st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_the_schedule_rises_to_lr_then_falls_and_stays_above_lr_min(steps, warmup):
    warmup = min(warmup, steps)
    rates = np.array([cosine_schedule(step, steps, 0.3, warmup, 0.05) for step in range(steps)])
    assert (np.diff(rates[:warmup]) > 0).all() and (np.diff(rates[warmup:]) < 0).all()
    assert rates.max() == pytest.approx(0.3) and (rates[warmup:] > 0.05).all() and (rates > 0).all()


# --- the first weights ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nonlinearity", ["linear", "relu", "tanh"])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 2, 5), (1, 2, 3, 3)], ids=str)
def test_first_weights_are_those_that_pytorch_draws_from_the_same_numbers(shape, mode, nonlinearity):
    z, right = (torch.empty(shape, dtype=torch.float64) for _ in range(2))
    z.normal_(generator=torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(1)
    nn.init.kaiming_normal_(right, mode=mode, nonlinearity=nonlinearity, generator=generator)
    assert_close(kaiming_normal(z.numpy(), mode, nonlinearity), right.numpy(), scale=3.0)


def test_first_weights_by_hand():
    assert kaiming_normal(np.ones((16, 8, 3, 3))).flat[0] == pytest.approx(1 / 6)
    assert kaiming_normal(np.ones((16, 8, 3, 3)), "fan_out").flat[0] == pytest.approx(0.1179, abs=1e-4)
    assert kaiming_normal(np.ones((2, 8), np.float32)).dtype == np.float32
    assert kaiming_normal(np.ones((2, 8), int)).tolist() == [[0.5] * 8] * 2


def test_with_these_weights_the_signal_keeps_its_size_through_thirty_layers_and_with_others_it_does_not():
    def size_after(nonlinearity):
        rng = np.random.default_rng(0)
        x = rng.standard_normal((64, 256))
        for _ in range(30):
            x = np.maximum(x @ kaiming_normal(rng.standard_normal((256, 256)), nonlinearity=nonlinearity).T, 0)
        return np.mean(x**2)

    assert 0.1 < size_after("relu") < 10
    assert size_after("linear") < 1e-6 and size_after("tanh") > 1e3


# --- batch normalisation -------------------------------------------------------------------------------------------

SHAPES = {"maps": (3, 2, 4, 5), "one picture": (1, 3, 2, 2), "one pixel": (4, 2, 1, 1), "a matrix": (5, 3)}


def norm_arguments(*shape, dtype=np.float64):
    """Draw x, running mean and variance, weight and bias."""
    c = shape[1]
    x = 3 * draw(*shape, dtype=dtype) + 2
    return (
        x,
        draw(c, seed=1, dtype=dtype),
        draw(c, seed=2, dtype=dtype) ** 2,
        *(draw(c, seed=s, dtype=dtype) for s in (3, 4)),
    )


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_batch_norm_agrees_with_pytorch(shape, training, dtype):
    args = norm_arguments(*shape, dtype=dtype)
    x, mean, var, weight, bias = (torch.from_numpy(a.copy()) for a in args)
    y = nn.functional.batch_norm(x, mean, var, weight, bias, training, 0.3, 0.01)  # writes into mean and var
    found = batch_norm(*args, training, 0.3, 0.01)
    assert [a.dtype for a in found] == [dtype] * 3
    for ours, right in zip(found, (y, mean, var), strict=True):
        assert_close(ours, right.numpy(), scale=50.0)


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_batch_norm_backward_agrees_with_autograd(shape, training):
    args, g = norm_arguments(*shape), draw(*shape, seed=5)
    x, mean, var, weight, bias = (torch.from_numpy(a.copy()).requires_grad_(n in (0, 3, 4)) for n, a in enumerate(args))
    (nn.functional.batch_norm(x, mean, var, weight, bias, training, eps=0.01) * torch.from_numpy(g)).sum().backward()
    found = batch_norm_backward(g, *args, training, 0.01)
    for ours, right in zip(found, (x.grad, weight.grad, bias.grad), strict=True):
        assert_close(ours, right.numpy(), scale=100.0)


def test_batch_norm_backward_in_training_agrees_with_central_differences():
    x, mean, var, weight, bias = norm_arguments(2, 2, 2, 3)
    g = draw(2, 2, 2, 3, seed=5)
    numerical = numerical_gradient(lambda v: batch_norm(v, mean, var, weight, bias, True)[0], x, g)
    assert_close(batch_norm_backward(g, x, mean, var, weight, bias, True)[0], numerical, tolerance=1e-6)


def test_in_training_a_channel_gets_the_mean_bias_and_the_deviation_weight():
    x, mean, var, weight, bias = norm_arguments(3, 2, 4, 5)
    y = batch_norm(x, mean, var, weight, bias, True, eps=0.0)[0]
    assert_close(y.mean((0, 2, 3)), bias)
    assert_close(y.std((0, 2, 3)), np.abs(weight))


def test_in_training_no_gradient_moves_or_stretches_a_channel():
    x, *others = norm_arguments(3, 2, 4, 5)
    grad_x = batch_norm_backward(draw(3, 2, 4, 5, seed=5), x, *others, True, eps=0.0)[0]
    assert_close(grad_x.sum((0, 2, 3)), np.zeros(2), scale=10.0)
    assert_close((grad_x * x).sum((0, 2, 3)), np.zeros(2), scale=100.0)


def test_running_statistics_come_to_those_of_a_batch_that_is_seen_again_and_again():
    x, mean, var, weight, bias = norm_arguments(3, 2, 4, 5)
    for _ in range(300):
        _, mean, var = batch_norm(x, mean, var, weight, bias, True)
    assert_close(mean, x.mean((0, 2, 3)), scale=10.0)
    assert_close(var, x.var((0, 2, 3), ddof=1), scale=20.0)


def test_batch_norm_returns_new_arrays_and_changes_none():
    args = norm_arguments(2, 3, 2, 2)
    for array in args:
        array.flags.writeable = False
    for training in (False, True):
        for found in (*batch_norm(*args, training), *batch_norm_backward(args[0], *args, training)):
            assert not any(np.may_share_memory(found, array) for array in args)


# --- pictures and masks --------------------------------------------------------------------------------------------


def test_what_is_shifted_and_mirrored_is_what_torch_rolls_and_flips_where_nothing_comes_in():
    images, masks = draw(3, 2, 6, 7), np.arange(126).reshape(3, 6, 7)
    shifts, flips = np.array([[1, 2], [-2, 1], [0, -1]]), np.array([True, False, True])
    found, labels = shift_and_flip(images, masks, shifts, flips)
    for n, ((down, right), flip) in enumerate(zip(shifts.tolist(), flips, strict=True)):
        inside = np.s_[max(down, 0) : 6 + min(down, 0), max(right, 0) : 7 + min(right, 0)]
        for ours, before in ((found[n], images[n]), (labels[n], masks[n])):
            pixels = torch.from_numpy(before)
            pixels = pixels.flip(-1) if flip else pixels
            rolled = torch.roll(pixels, (down, right), (-2, -1)).numpy()
            assert (ours[..., *inside] == rolled[..., *inside]).all()
        assert (labels[n] == -100).sum() == 42 - labels[n][inside].size
        assert not found[n][:, labels[n] == -100].any()


def test_a_mask_moves_as_its_picture_does():
    masks = np.random.default_rng(0).integers(1, 5, (4, 5, 6))
    shifts, flips = np.array([[0, 0], [2, -3], [-9, 1], [-1, 4]]), np.array([True, False, True, True])
    images, labels = shift_and_flip(masks[:, None] + 0.0, masks, shifts, flips, ignore_index=0)
    assert (images[:, 0] == labels).all() and labels[1].any() and not labels[2].any()


def test_masks_of_bytes_have_room_for_what_is_ignored_and_the_loss_of_pytorch_ignores_it():
    images, masks = draw(1, 1, 2, 3), np.array([[[1, 0, 1], [0, 1, 0]]], np.uint8)
    _, labels = shift_and_flip(images, masks, np.array([[0, 1]]), np.array([False]))
    assert labels.tolist() == [[[-100, 1, 0], [-100, 0, 1]]] and labels.dtype == np.int64
    logits = torch.from_numpy(draw(1, 2, 2, 3))
    loss = nn.functional.cross_entropy(logits, torch.from_numpy(labels))
    assert_close(cross_entropy(logits[..., 1:].numpy(), labels[..., 1:]), loss.numpy(), scale=10.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.int64])
def test_pictures_keep_their_type_and_stay_as_they_are(dtype):
    images, masks = np.ones((2, 1, 2, 2), dtype), np.zeros((2, 2, 2), int)
    images.flags.writeable = masks.flags.writeable = False
    found, labels = shift_and_flip(images, masks, np.zeros((2, 2), int), np.array([False, True]))
    assert found.dtype == dtype and (found == images).all() and (labels == masks).all()
    assert not np.may_share_memory(found, images) and not np.may_share_memory(labels, masks)


# --- early stopping ------------------------------------------------------------------------------------------------

STOPS = {  # (losses, patience, min_delta, what is right)
    "stops, and never sees the best": ([3, 2, 2.5, 2.25, 1], 2, 0.0, (1, 3)),
    "asks for more progress than there is": ([3, 2, 2.5, 2.25, 1], 2, 1.5, (0, 2)),
    "equal is no progress": ([1, 1, 1], 2, 0.0, (0, 2)),
    "runs to the end": ([3, 2, 1], 1, 0.0, (2, 2)),
    "small steps add up": ([4, 3.75, 3.5, 3.25], 3, 0.5, (3, 3)),
    "NaN is no progress": ([3, np.nan, 2, np.nan, np.nan, 1], 2, 0.0, (2, 4)),
    "NaN at first": ([np.nan, 2, 1], 2, 0.0, (2, 2)),
    "nothing but NaN": ([np.nan] * 5, 3, 0.0, (0, 2)),
    "one measurement": ([5], 1, 0.0, (0, 0)),
}


@pytest.mark.parametrize("name", STOPS)
def test_early_stopping_by_hand(name):
    losses, patience, min_delta, right = STOPS[name]
    assert early_stopping(losses, patience, min_delta) == right
    assert early_stopping(np.array(losses, np.float32), patience, min_delta) == right


EIGHTHS = st.one_of(st.integers(0, 16).map(lambda n: n / 8), st.sampled_from([np.nan, np.inf]))


@given(st.lists(EIGHTHS, min_size=1, max_size=12), st.integers(1, 4), st.sampled_from([0.0, 0.125, 0.5]))
@settings(max_examples=100, deadline=None)
def test_training_stops_where_pytorch_would_lower_the_rate(losses, patience, min_delta):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, patience=patience - 1, threshold=min_delta, threshold_mode="abs"
    )
    kept, stopped = early_stopping(losses, patience, min_delta)
    number = -1
    while number + 1 < len(losses) and optimizer.param_groups[0]["lr"] == 1:
        number += 1
        plateau.step(losses[number])
    assert stopped == number
    assert plateau.best == (losses[kept] if np.isfinite(losses[kept]) else np.inf)


X = np.ones((1, 1, 2, 2))
MOVES = np.zeros((1, 2), int), np.array([False])
ERRORS = {
    "velocity of another shape": (lambda: sgd_step({"a": X}, {"a": X}, {"a": X[0]}, 0.1, 0.9), r"velocity 'a'"),
    "loss with many gradients": (lambda: cross_entropy_backward(np.ones(2), np.ones((3, 2)), [0, 1, 0]), r"\(2,\)"),
    "dropout, another gradient": (lambda: layer_backward(X[0], 0, {"kind": "dropout"}, {}, X), r"\(1, 1, 2, 2\)"),
    "no heads": (lambda: network_summary([{"kind": "attention", "num_heads": 0}], (1, 4, 2, 2)), "num_heads"),
    "no dict": (lambda: network_summary(["relu"], (1, 4, 2, 2)), "layer 0"),
    "unknown kind": (lambda: layer_forward(3, {"kind": "gru"}, {}, X), "layer 3"),
    "no kind": (lambda: layer_forward(3, {}, {}, X), "layer 3"),
    "missing weight": (lambda: layer_forward(1, CONV, {"1.bias": X}, X), r"1\.weight"),
    "missing bias": (lambda: layer_forward(1, CONV, {"1.weight": X}, X), r"1\.bias"),
    "unknown kind, backward": (lambda: layer_backward(X, 3, {"kind": "gru"}, {}, X), "layer 3"),
    "linear sizes": (lambda: linear(np.ones((2, 3)), np.ones((4, 2))), r"\(2, 3\)"),
    "linear bias": (lambda: linear(np.ones((2, 3)), np.ones((4, 3)), np.ones(3)), r"\(4,\)"),
    "linear gradient": (lambda: linear_backward(np.ones((2, 3)), np.ones((2, 3)), np.ones((4, 3))), r"\(2, 4\)"),
    "relu gradient": (lambda: relu_backward(np.ones(2), np.ones(3)), r"\(3,\)"),
    "batch norm": (lambda: batch_norm2d(X, *[np.ones(2)] * 4), r"\(1,\)"),
    "batch norm gradient": (lambda: batch_norm2d_backward(X[:, :, 0], X, *[np.ones(1)] * 4), r"\(1, 1, 2\)"),
    "batch norm of a row": (lambda: batch_norm(X[0, 0, 0], *[np.ones(2)] * 4), r"\(N, C\)"),
    "batch norm of other channels": (lambda: batch_norm(X, *[np.ones(2)] * 4), r"\(1,\), one per channel"),
    "one number per channel": (lambda: batch_norm(X[..., :1, :1], *[np.ones(1)] * 4, True), "more than one number"),
    "one number per channel, backward": (
        lambda: batch_norm_backward(X[..., :1, :1], X[..., :1, :1], *[np.ones(1)] * 4, True),
        "more than one number",
    ),
    "batch norm, another gradient": (lambda: batch_norm_backward(X[0], X, *[np.ones(1)] * 4), r"\(1, 2, 2\)"),
    "masks of another size": (lambda: shift_and_flip(X, np.ones((1, 2, 3), int), *MOVES), r"masks .*\(1, 2, 2\)"),
    "masks of fractions": (lambda: shift_and_flip(X, X[0], *MOVES), "masks must hold integers"),
    "shifts of fractions": (lambda: shift_and_flip(X, X[0].astype(int), X[0, 0, :1], MOVES[1]), "shifts must hold"),
    "a shift for all": (lambda: shift_and_flip(X, X[0].astype(int), np.ones(2, int), MOVES[1]), r"shifts .*\(N, 2\)"),
    "flips of numbers": (lambda: shift_and_flip(X, X[0].astype(int), MOVES[0], np.ones(1, int)), "True or False"),
    "flips of other samples": (
        lambda: shift_and_flip(X, X[0].astype(int), MOVES[0], np.ones(2, bool)),
        r"flips .*\(1,\)",
    ),
    "target shape": (lambda: cross_entropy(np.ones((2, 3)), np.array([0])), r"\(2, 3\)"),
    "target range": (lambda: cross_entropy(np.ones((2, 3)), np.array([0, 3])), r"0 \.\.\. 2"),
    "target dtype": (lambda: cross_entropy(np.ones((1, 3)), np.array([0.5])), "integers"),
    "logits of objects": (lambda: cross_entropy(np.array([[None, 1]]), np.array([0])), "real numbers"),
    "gradient of the network": (lambda: convnet_backward(X, [{"kind": "flatten"}], {}, X), r"\(1, 4\)"),
    "step of another shape": (lambda: sgd_step({"a": np.ones(2)}, {"a": np.ones(3)}), r"\(3,\)"),
    "step for no weight": (lambda: sgd_step({"a": np.ones(2)}, {"b": np.ones(3)}), "no weight"),
    "AdamW, gradient of another shape": (lambda: adamw_step({"a": X}, {"a": X[0]}), r"gradient 'a'.*\(1, 2, 2\)"),
    "AdamW, mean of another shape": (lambda: adamw_step({"a": X}, {}, {"a": (1, X[0], X)}), "mean of the gradients"),
    "AdamW, mean square of another shape": (lambda: adamw_step({"a": X}, {}, {"a": (1, X, X[0])}), "of the squares"),
    "AdamW, state of no weight": (lambda: adamw_step({"a": X}, {}, {"b": (1, X, X)}), "no weight"),
    "AdamW, negative eps": (lambda: adamw_step({}, {}, eps=-1.0), "negative"),
    "AdamW, a mean that never forgets": (lambda: adamw_step({}, {}, betas=(0.9, 1.0)), "below 1"),
    "schedule of no steps": (lambda: cosine_schedule(0, 0, 0.1), "steps must be at least 1, got 0"),
    "warm-up longer than the training": (lambda: cosine_schedule(0, 5, 0.1, 6), "warm-up of 6 steps is longer.* 5"),
    "step after the last": (lambda: cosine_schedule(5, 5, 0.1), "the last is number 4, got 5"),
    "step before the first": (lambda: cosine_schedule(-1, 5, 0.1), "at least 0"),
    "rates upside down": (lambda: cosine_schedule(0, 5, 0.1, lr_min=0.2), "lr_min must be from 0 to lr"),
    "first weights of a bias": (lambda: kaiming_normal(np.ones(3)), r"\(K, D\).*\(3,\)"),
    "unknown fan": (lambda: kaiming_normal(np.ones((2, 3)), "fan"), "mode must be among.*'fan'"),
    "unknown nonlinearity": (lambda: kaiming_normal(np.ones((2, 3)), "fan_in", "gelu"), "nonlinearity.*'gelu'"),
    "stopping without losses": (lambda: early_stopping([], 2), "losses must not be empty"),
    "stopping without patience": (lambda: early_stopping([1.0], 0), "patience must be at least 1"),
    "negative min_delta": (lambda: early_stopping([1.0], 1, -0.5), "min_delta must not be negative"),
    "attention without places": (lambda: network_summary([*HEAD, {"kind": "attention"}], (1, 2, 3, 4)), "layer 2"),
    "heads that do not divide": (
        lambda: network_summary([{"kind": "attention", "num_heads": 2}], (1, 3, 4, 4)),
        "layer 0.*divide",
    ),
    "negative rate": (lambda: sgd_step({}, {}, lr=-1.0), "negative"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_cannot_be_is_refused(name):
    call, words = ERRORS[name]
    with pytest.raises((ValueError, TypeError), match=words):
        call()
