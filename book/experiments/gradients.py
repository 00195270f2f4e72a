"""What the chapter on gradients trains: one small network, with a right gradient, a wrong one, and none at all."""

import numpy as np
from sklearn.datasets import load_digits

from experiments.recording import experiment
from miniconv.gradients import conv2d_input, conv2d_weight
from miniconv.layer import conv2d

SCANS, TARGET = load_digits().images[:, None] / 16, load_digits().target
LABELS = np.eye(10)[TARGET][:, :, None, None]


def other_input(size, weight, grad_output):
    """What one of the two programs takes for the gradient for the input."""
    return conv2d_input(size, weight[:, :, ::-1, ::-1], grad_output)


def nothing(size, weight, grad_output):
    """The control: the first layer is told nothing, and keeps the weights that it was given."""
    return np.zeros(size)


def start(rng):
    """Draw the weights of both layers: eight kernels of 3 x 3, and ten that see all of the 6 x 6 places."""
    return 0.3 * rng.standard_normal((8, 1, 3, 3)), 0.1 * rng.standard_normal((10, 8, 6, 6))


def network(x, w1, w2):
    """Return the hidden maps for images (N, 1, 8, 8), and the probabilities of the ten digits (N, 10, 1, 1)."""
    hidden = np.maximum(conv2d(x, w1), 0)
    scores = conv2d(hidden, w2)
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    return hidden, p / p.sum(axis=1, keepdims=True)


def gradients(gradient_for_input, x, labels, w1, w2):
    """Return the gradients of the mean cross-entropy for both weights."""
    hidden, p = network(x, w1, w2)
    g2 = (p - labels) / len(x)
    g1 = gradient_for_input(hidden.shape, w2, g2) * (hidden > 0)
    return conv2d_weight(x, w1.shape, g1), conv2d_weight(hidden, w2.shape, g2)


def train(gradient_for_input, seed, steps=200, rate=0.25, count=100):
    """Train the network on some of the scans by gradient descent.

    Returns the loss before each step, and the accuracies at the end on those scans and on all others.
    """
    rng = np.random.default_rng(seed)
    order, losses = rng.permutation(len(SCANS)), []
    (x, others), (labels, _) = (np.split(v[order], [count]) for v in (SCANS, LABELS))
    w1, w2 = start(rng)
    for _ in range(steps):
        losses.append(-np.mean(np.log(network(x, w1, w2)[1][labels > 0])))
        d1, d2 = gradients(gradient_for_input, x, labels, w1, w2)
        w1, w2 = w1 - rate * d1, w2 - rate * d2
    named = np.split(TARGET[order], [count])
    guesses = (network(v, w1, w2)[1].argmax(axis=1)[:, 0, 0] for v in (x, others))
    return losses, *(np.mean(guess == truth) for guess, truth in zip(guesses, named))


@experiment(seeds=5, within=0.02)
def three_programs(seed):
    """Train with the right gradient for the input, with that of `other_input`, and with none for the first layer.

    Returns
    -------
    dict
        `loss`, (3, 40): of the three on the training set, every fifth step. `train` and `test`, (3,): accuracies.
    """
    runs = [train(program, seed) for program in (conv2d_input, other_input, nothing)]
    losses, fitted, read = zip(*runs)
    return {"loss": [loss[::5] for loss in losses], "train": fitted, "test": read}


def cosine(a, b):
    """Return the cosine of the angle between two arrays, read as vectors."""
    return np.sum(a * b) / np.sqrt(np.sum(a**2) * np.sum(b**2))


def angles_to_the_gradient(seed):
    """Compare what the first layer gets with its gradient, at random weights: two cosines.

    The first is that of `other_input`, the second the control: the right program, but with second weights that have
    nothing to do with those of the network.
    """
    rng = np.random.default_rng(seed)
    x, labels = SCANS[:200], LABELS[:200]
    w1, w2 = start(rng)
    _, unrelated = start(rng)
    right, wrong, control = (
        gradients(program, x, labels, w1, w2)[0]
        for program in (conv2d_input, other_input, lambda size, _, g: conv2d_input(size, unrelated, g))
    )
    return cosine(right, wrong), cosine(right, control)


def there_and_back(image, kernel, back=None):
    """Send an image (1, 1, H, W) through a layer and back through its transpose, or that of the layer `back`.

    Returns the correlation of what comes back with the image.
    """
    kernel, back = kernel[None, None], (kernel if back is None else back)[None, None]
    returned = conv2d_input(image.shape, back, conv2d(image, kernel))
    return np.corrcoef(returned.ravel(), image.ravel())[0, 1]
