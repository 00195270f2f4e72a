"""What the chapter on gradients trains: one small network, with a right gradient, two wrong ones, and none at all."""

import numpy as np
from sklearn.datasets import load_digits

from experiments.recording import experiment
from miniconv.gradients import conv2d_input, conv2d_weight
from miniconv.layer import conv2d, unfold

SCANS, TARGET = load_digits().images[:, None] / 16, load_digits().target
LABELS = np.eye(10)[TARGET][:, :, None, None]
# after so many steps the programs are asked what they have learned
MARKS = (200, 800, 1600)


def other_input(size, weight, grad_output):
    """What one of the programs takes for the gradient for the input."""
    return conv2d_input(size, weight[:, :, ::-1, ::-1], grad_output)


def nothing(size, weight, grad_output):
    """The control: the first layer is told nothing, and stays."""
    return np.zeros(size)


def through(weight):
    """Return a program that sends all back through this weight."""

    def elsewhere(size, _, grad_output):
        return conv2d_input(size, weight, grad_output)

    return elsewhere


def start(rng):
    """Draw the weights of both layers.

    The first has eight kernels of 3 x 3, the second ten that see all of
    the 6 x 6 places.
    """
    return (
        0.3 * rng.standard_normal((8, 1, 3, 3)),
        0.1 * rng.standard_normal((10, 8, 6, 6)),
    )


def network(x, w1, w2):
    """Return hidden maps for images, and probabilities of the digits.

    The images are (N, 1, 8, 8), the probabilities (N, 10, 1, 1).
    """
    hidden = np.maximum(conv2d(x, w1), 0)
    scores = conv2d(hidden, w2)
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    return hidden, p / p.sum(axis=1, keepdims=True)


def gradients(gradient_for_input, x, labels, w1, w2):
    """Return the gradients of the mean cross-entropy for the weights."""
    hidden, p = network(x, w1, w2)
    g2 = (p - labels) / len(x)
    g1 = gradient_for_input(hidden.shape, w2, g2) * (hidden > 0)
    d1 = conv2d_weight(x, w1.shape, g1)
    d2 = conv2d_weight(hidden, w2.shape, g2)
    return d1, d2


def quick_gradients(gradient_for_input, columns, labels, w1, w2):
    """Return the loss, and what `gradients` returns, many times as fast.

    Both layers are products of matrices: `columns` (N, 9, 36) are the
    unfolded images, `labels` (N, 10). What comes back through the second
    layer is linear in what is sent, so the gradients of the ten scores
    are sent alone, and all others are mixed from what they give.
    """
    hidden = np.maximum(w1.reshape(8, 9) @ columns, 0)
    seen = hidden.reshape(len(hidden), -1)
    scores = seen @ w2.reshape(10, -1).T
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    g2 = (p - labels) / len(p)
    back = gradient_for_input(
        (10, *w2.shape[1:]),
        w2,
        np.eye(10)[:, :, None, None],
    ).reshape(10, -1)
    g1 = (g2 @ back).reshape(hidden.shape) * (hidden > 0)
    d1, d2 = np.tensordot(g1, columns, ([0, 2], [0, 2])), g2.T @ seen
    return (
        -np.mean(np.log(p[labels > 0])),
        d1.reshape(w1.shape),
        d2.reshape(w2.shape),
    )


def train(gradient_for_input, seed, marks=MARKS, rate=0.25, count=100):
    """Train the network on some of the scans by gradient descent.

    Returns the loss before each step, and after as many steps as `marks`
    say the accuracies on those scans and on all others.
    """
    rng = np.random.default_rng(seed)
    order, losses, fitted, read = rng.permutation(len(SCANS)), [], [], []
    (x, others), (labels, _), (truth, hidden) = (
        np.split(v[order], [count])
        for v in (
            SCANS,
            LABELS,
            TARGET,
        )
    )
    columns, (w1, w2) = unfold(x, 3), start(rng)
    for step in range(1, max(marks) + 1):
        loss, d1, d2 = quick_gradients(
            gradient_for_input,
            columns,
            labels[:, :, 0, 0],
            w1,
            w2,
        )
        losses.append(loss)
        w1, w2 = w1 - rate * d1, w2 - rate * d2
        if step in marks:
            for rates, images, digits in (
                (fitted, x, truth),
                (read, others, hidden),
            ):
                found = network(images, w1, w2)[1].argmax(axis=1)[:, 0, 0]
                rates.append(np.mean(found == digits))
    return losses, fitted, read


@experiment(seeds=20, within=0.02)
def three_programs(seed):
    """Train with the right gradient for the input, a wrong one, none.

    The wrong one is that of `other_input`; none, for the first layer, is
    the control. Whether all three are trained out is seen from the
    accuracies at half of the steps.

    Returns
    -------
    dict
        `loss`, (3, 80): of the three on the training set, every 20th
        step. `train` and `test`, (3, 3): accuracies of the three after
        the steps in `MARKS`.
    """
    programs = conv2d_input, other_input, nothing
    runs = [train(program, seed) for program in programs]
    losses, fitted, read = zip(*runs)
    return {
        "loss": [loss[::20] for loss in losses],
        "train": fitted,
        "test": read,
    }


def cosine(a, b):
    """Return the cosine of the angle between two arrays, as vectors."""
    return np.sum(a * b) / np.sqrt(np.sum(a**2) * np.sum(b**2))


@experiment(seeds=20, within=0.02)
def told(seed):
    """Compare what the first layer is told with its gradient.

    It is told by `other_input`, and by weights that have nothing to do
    with the network's, the control. In a second control the first layer
    is kept, and those weights say only what they would tell it. Starts
    and scans are those of `train`.

    Returns
    -------
    dict
        `program B`, `unrelated weights` and `first layer kept`, (2,):
        cosines of the angle to the gradient, before the first step and
        after 400 steps. `loss`, (21,): with unrelated weights, before
        every 20th step.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(SCANS))[:100]
    columns, labels = unfold(SCANS[order], 3), LABELS[order, :, 0, 0]
    weights = start(rng)
    elsewhere = through(start(np.random.default_rng([seed, 1]))[1])
    programs = {  # by which the network is trained, and what is compared
        "program B": (other_input, other_input),
        "unrelated weights": (elsewhere, elsewhere),
        "first layer kept": (nothing, elsewhere),
    }
    cosines, losses = {name: [] for name in programs}, []
    for name, (program, compared) in programs.items():
        w1, w2 = weights
        for step in range(401):
            known = columns, labels, w1, w2
            loss, d1, d2 = quick_gradients(program, *known)
            if step in (0, 400):
                _, told_it, _ = quick_gradients(compared, *known)
                _, right, _ = quick_gradients(conv2d_input, *known)
                cosines[name].append(cosine(told_it, right))
            if name == "unrelated weights" and step % 20 == 0:
                losses.append(loss)
            w1, w2 = w1 - 0.25 * d1, w2 - 0.25 * d2
    return cosines | {"loss": losses}


def at_first(seed, change):
    """Compare what a changed second layer sends back with the gradient.

    Returns the cosine of the angle for the first layer, before the first
    step of `train`. `change` takes the second layer's weights and a
    generator.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(SCANS))[:100]
    columns, labels = unfold(SCANS[order], 3), LABELS[order, :, 0, 0]
    w1, w2 = start(rng)
    known = columns, labels, w1, w2
    changed = through(change(w2, np.random.default_rng([seed, 2])))
    _, sent, _ = quick_gradients(changed, *known)
    _, right, _ = quick_gradients(conv2d_input, *known)
    return cosine(sent, right)


def there_and_back(image, kernel, back=None):
    """Send an image (1, 1, H, W) through a layer and back.

    The layer has one kernel, (kH, kW), or several, (F, kH, kW). The way
    back is through its transpose, or through that of the layer `back`.
    Returns the correlation of what comes back with the image.
    """
    there = kernel.reshape(-1, 1, *kernel.shape[-2:])
    back = there if back is None else back.reshape(there.shape)
    returned = conv2d_input(image.shape, back, conv2d(image, there))
    return np.corrcoef(returned.ravel(), image.ravel())[0, 1]
