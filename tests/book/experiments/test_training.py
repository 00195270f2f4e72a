"""The parts of the experiments on training, by hand; what they found is recorded, and asserted where it is told."""

import numpy as np
import pytest
import torch
from torch import nn

from experiments import training as experiments
from miniconv import training as miniconv


def test_the_three_parts_share_no_digit_and_depend_on_the_seed():
    parts = experiments.digits(0)
    assert {name: len(y) for name, (_, y) in parts.items()} == {"train": 1000, "validation": 297, "test": 500}
    rows = {x.numpy().tobytes() for x, _ in parts.values() for x in x}
    assert len(rows) == 1797  # no two of the scans are alike
    few = experiments.digits(0, 50)
    assert torch.equal(few["train"][0], parts["train"][0][:50]) and torch.equal(few["test"][0], parts["test"][0])
    assert not torch.equal(experiments.digits(1)["train"][0], parts["train"][0])


def test_a_rate_rises_in_a_tenth_and_falls_to_nothing():
    done = np.linspace(0, 1, 1001)
    rates = np.array([experiments.cosine(d) for d in done])
    assert rates[50] == pytest.approx(0.51) and rates[25] == pytest.approx(0.26)  # half-way, and a quarter of the way
    assert rates[0] == pytest.approx(0.01) and rates[550] == pytest.approx(0.5) and rates[-1] == pytest.approx(0)
    assert rates.max() == pytest.approx(1, abs=0.02) and done[rates.argmax()] == pytest.approx(0.1, abs=0.002)


def test_fitting_follows_the_gradient_of_its_batch_at_the_rate_of_the_schedule():
    x, y = torch.randn(40, 1, 8, 8), torch.arange(40) % 10
    torch.manual_seed(0)
    net = experiments.reader(4)
    before = [p.detach().clone() for p in net.parameters()]
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    losses = experiments.fit(net, x, y, 2, optimizer, 0, batch=8, schedule=lambda done: 0.0 if done else 1.0)
    rows = torch.randint(0, 40, (8,), generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    same = experiments.reader(4)
    loss = nn.functional.cross_entropy(same(x[rows]), y[rows])
    grads = torch.autograd.grad(loss, [*same.parameters()])
    assert losses[0] == pytest.approx(loss.item())
    for old, grad, new in zip(before, grads, net.parameters()):
        assert torch.allclose(old - 0.1 * grad, new, atol=1e-6)  # and the second step had the rate 0


def test_training_learns_by_heart_and_an_untrained_network_guesses():
    data = experiments.digits(0, 30)
    torch.manual_seed(0)
    net = experiments.reader(8)
    assert experiments.judged(net, *data["test"])[1] < 0.3
    experiments.fit(net, *data["train"], 150, torch.optim.Adam(net.parameters(), 0.01), 0)
    loss, right = experiments.judged(net, *data["train"])
    assert right == 1 and loss < 0.05 and experiments.judged(net, *data["test"])[1] < 1


def test_a_start_has_the_variance_that_its_name_says():
    net = experiments.chain(64, depth=2)
    for factor in experiments.STARTS.values():
        experiments.start(net, factor)
        assert net[2].weight.var().item() == pytest.approx(factor / 576, rel=0.05) and not net[2].bias.any()
    default = nn.Conv2d(64, 64, 3).weight.var().item()
    assert default == pytest.approx(experiments.STARTS["PyTorch's default"] / 576, rel=0.05)
    z = np.random.default_rng(0).standard_normal((64, 64, 3, 3))
    assert miniconv.kaiming_normal(z).var() == pytest.approx(experiments.STARTS["He"] / 576, rel=0.05)


def test_norms_stand_between_convolution_and_relu():
    kinds = [type(module).__name__ for module in experiments.chain(8, 2, nn.BatchNorm2d)]
    assert kinds == ["Conv2d", "BatchNorm2d", "ReLU"] * 2
    x = torch.randn(3, 8, 5, 5)
    x[:, :4] += 3  # half of the channels lie higher
    layer = experiments.NORMS["layer"](8)(x).flatten(1)
    assert torch.allclose(layer.mean(1), torch.zeros(3), atol=1e-5)
    assert experiments.NORMS["layer"](8)(x)[:, :4].mean() > 0.5  # over all channels together, and not by halves
    group = experiments.NORMS["group"](8)(x).unflatten(1, (2, 4)).flatten(2)
    assert torch.allclose(group.mean(2), torch.zeros(3, 2), atol=1e-5)


def test_augmentations_by_hand():
    x = torch.full((200, 1, 8, 8), -0.3)
    x[:, 0, 0, 3] = 0.7  # one spot of ink in the first row
    generator = torch.Generator().manual_seed(0)
    moved = experiments.shifted(x, generator)
    places = {tuple(map(int, (p == 0.7).nonzero()[0])) for p in moved[:, 0] if (p == 0.7).any()}
    assert places == {(r, c) for r in (0, 1) for c in (2, 3, 4)}  # and where it moved up, the ink is gone
    assert 40 < sum(not (p == 0.7).any() for p in moved) < 95
    for change, other in ((experiments.flipped, (0, 4)), (experiments.turned, (7, 4))):
        places = [tuple(map(int, (p == 0.7).nonzero()[0])) for p in change(x, generator)[:, 0]]
        assert set(places) == {(0, 3), other} and 70 < places.count(other) < 130


class Says(nn.Module):
    """Answer with given logits, whatever is asked."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, x):
        return self.logits


def test_calibration_error_by_hand():
    sure = float(np.log(0.95 / 0.05))
    net, y = Says([[sure, 0.0]] * 4), torch.tensor([0, 0, 0, 1])
    assert experiments.calibration_error(net, unread(4), y) == pytest.approx(0.95 - 0.75, abs=1e-4)
    mixed = Says([[sure, 0.0]] * 2 + [[0.0, 0.0]] * 2)
    assert experiments.calibration_error(mixed, unread(4), torch.tensor([0, 0, 0, 1])) == pytest.approx(0.025, abs=1e-4)


def unread(count):
    """Return inputs that nobody looks at."""
    return torch.zeros(count, 1)


def test_a_temperature_cools_who_is_too_sure():
    y = torch.tensor([0, 0, 0, 1])
    for scale in (5.0, 0.3):
        net = Says([[scale, 0.0]] * 4)
        t = experiments.temperature(net, unread(4), y)
        cooled = nn.Sequential(net, experiments.Divide(t))
        assert torch.softmax(cooled(unread(4)), 1)[0, 0].item() == pytest.approx(0.75, abs=0.02)


def test_noise_of_gradients_shrinks_with_the_root_of_the_batch():
    noise = experiments.batch_noise(0)["noise"]
    assert np.allclose(noise[:-1] / noise[1:], 2, rtol=0.25)


def test_what_one_unit_of_a_scenes_network_sees():
    for layers, seen in experiments.ENDS.values():
        reach, step = 1, 1
        for layer in layers:
            if layer["kind"] in ("conv2d", "max_pool2d"):
                reach += (layer["kernel_size"] - 1) * step
                step *= layer.get("stride", 2 if layer["kind"] == "max_pool2d" else 1)
        assert reach == seen


def test_layers_as_pytorch_draws_them_keep_their_size_and_not_what_tells_pictures_apart():
    found = experiments.as_drawn(0)
    assert found["out, PyTorch"] > -4 and found["apart, PyTorch"] < -13
    assert abs(found["out, He"]) < 1 and -2 < found["apart, He"] < 0
