"""The experiments of the chapter on gradients: the network against PyTorch, the programs against their control."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from experiments import gradients as experiments
from miniconv.gradients import conv2d_input
from miniconv.layer import conv2d, unfold


def weights(seed=0):
    return experiments.start(np.random.default_rng(seed))


def test_the_right_program_has_the_gradients_of_pytorch():
    x, labels = experiments.SCANS[:7], experiments.LABELS[:7]
    tensors = [torch.tensor(w, requires_grad=True) for w in weights()]
    scores = F.conv2d(F.conv2d(torch.tensor(x), tensors[0]).relu(), tensors[1])[:, :, 0, 0]
    expected = torch.autograd.grad(F.cross_entropy(scores, torch.tensor(labels[:, :, 0, 0])), tensors)
    for ours, theirs in zip(experiments.gradients(conv2d_input, x, labels, *weights()), expected):
        assert np.allclose(ours, theirs.numpy(), atol=1e-12)


def test_the_other_program_is_wrong_for_the_first_layer_and_right_for_the_second():
    x, labels = experiments.SCANS[:7], experiments.LABELS[:7]
    (a1, a2), (b1, b2) = (
        experiments.gradients(f, x, labels, *weights()) for f in (conv2d_input, experiments.other_input)
    )
    assert not np.allclose(a1, b1, atol=1e-3)
    assert np.array_equal(a2, b2)


@pytest.mark.parametrize("program", [conv2d_input, experiments.other_input, experiments.nothing])
def test_the_quick_gradients_are_the_gradients(program):
    x, labels = experiments.SCANS[:7], experiments.LABELS[:7]
    loss, *quick = experiments.quick_gradients(program, unfold(x, 3), labels[:, :, 0, 0], *weights())
    for ours, slow in zip(quick, experiments.gradients(program, x, labels, *weights())):
        assert np.allclose(ours, slow, atol=1e-14)
    _, p = experiments.network(x, *weights())
    assert loss == pytest.approx(-np.mean(np.log(p[labels > 0])))


def test_the_control_keeps_its_first_layer():
    first, second = experiments.gradients(
        experiments.nothing, experiments.SCANS[:7], experiments.LABELS[:7], *weights()
    )
    assert not first.any() and second.any()


def test_training_lowers_the_loss_and_depends_on_the_seed_alone():
    losses, fitted, read = experiments.train(conv2d_input, 0, marks=(10, 20))
    assert losses[0] > 2 and losses[-1] < 1.5 and len(losses) == 20
    assert fitted[1] > 0.6 and 0.4 < read[1] < fitted[1]
    assert experiments.train(conv2d_input, 0, marks=(3,))[0] == losses[:3]
    assert experiments.train(conv2d_input, 0, marks=(10,))[1:] == (fitted[:1], read[:1])
    assert experiments.train(conv2d_input, 1, marks=(1,))[0] != losses[:1]


def test_accuracies_of_unseen_digits_are_of_unseen_digits(monkeypatch):
    """With labels that say nothing the training set can be learned, and the others stay at chance."""
    shuffled = np.random.default_rng(0).permutation(experiments.TARGET)
    monkeypatch.setattr(experiments, "TARGET", shuffled)
    monkeypatch.setattr(experiments, "LABELS", np.eye(10)[shuffled][:, :, None, None])
    _, (fitted,), (read,) = experiments.train(experiments.nothing, 0, marks=(150,), count=30)
    assert fitted > 0.9 and read == pytest.approx(0.1, abs=0.04)


@pytest.mark.slow
def test_what_the_page_says_of_the_three_programs():
    found = experiments.three_programs.recorded()
    assert found["train"][:, :, 1:].min() == 1  # trained out from the second look on
    assert (np.diff(found["loss"][:, :, -1]) > 0).all()  # the right gradient is the fastest, none the slowest
    assert found["loss"][:, :, -1].max() < 0.06
    right, wrong, kept = found["test"].transpose(1, 2, 0)
    assert (right > kept)[0].all() and np.sum(right > kept, axis=1)[-1] == 9  # an early stop would decide otherwise
    assert np.abs(np.mean([right - kept, wrong - kept], axis=2)[:, 1:]).max() < 0.006


def test_cosine_by_hand():
    assert experiments.cosine(np.array([1, 0]), np.array([1, 1])) == pytest.approx(np.sqrt(0.5))
    assert experiments.cosine(np.array([[1, 2]]), np.array([[-2, -4]])) == pytest.approx(-1)


def test_what_the_page_says_of_the_angles():
    found = experiments.told.recorded()
    wrong, control = found["program B"].T, found["unrelated weights"].T
    assert np.median(wrong[0]) > 0.2 > np.abs(np.median(control[0]))
    assert np.sum(wrong[0] > 0) > 15 > np.sum(control[0] > 0)
    assert np.median(control[1]) > 0.2  # the network turns towards what it is told
    unmoved = found["first layer kept"].T
    assert unmoved[0] == pytest.approx(control[0])  # the same weights, the same start
    assert 5 < np.sum(unmoved[1] > 0) < 15 and abs(np.median(unmoved[1])) < 0.15
    kept = experiments.three_programs.recorded(rerun=False)["loss"][:, 2]
    assert found["loss"][:, 0] == pytest.approx(kept[:, 0])  # the same starts and scans
    assert (found["loss"][:, 20] < kept[:, 20]).all()


def test_weights_that_are_left_alone_send_the_gradient_and_turned_ones_what_program_b_sends():
    assert experiments.at_first(0, lambda w, rng: w) == pytest.approx(1)
    turned = experiments.at_first(0, lambda w, rng: w[..., ::-1, ::-1])
    assert turned == pytest.approx(experiments.told.recorded(rerun=False)["program B"][0, 0], abs=1e-4)


def test_what_goes_through_the_weights_of_the_network_is_its_gradient():
    x, labels = experiments.SCANS[:7], experiments.LABELS[:7]
    w1, w2 = weights()
    ours = experiments.gradients(experiments.through(w2), x, labels, w1, w2)
    for one, other in zip(ours, experiments.gradients(conv2d_input, x, labels, w1, w2)):
        assert np.array_equal(one, other)
    first, second = experiments.gradients(experiments.through(weights(1)[1]), x, labels, w1, w2)
    assert not np.allclose(first, ours[0], atol=1e-3) and np.array_equal(second, ours[1])


def test_there_and_back_with_one_weight_is_the_image_and_with_its_negative_the_negative():
    image = np.random.default_rng(0).standard_normal((1, 1, 6, 7))
    one = np.ones((1, 1))
    assert experiments.there_and_back(image, one) == pytest.approx(1)
    assert experiments.there_and_back(image, one, -one) == pytest.approx(-1)


def test_there_and_back_with_several_kernels_is_the_sum_of_what_each_sends_back():
    rng = np.random.default_rng(0)
    image, kernels = rng.standard_normal((1, 1, 6, 7)), rng.standard_normal((3, 2, 2))
    sent = sum(conv2d_input(image.shape, k[None, None], conv2d(image, k[None, None])) for k in kernels)
    found = experiments.there_and_back(image, kernels)
    assert found == pytest.approx(np.corrcoef(sent.ravel(), image.ravel())[0, 1])
