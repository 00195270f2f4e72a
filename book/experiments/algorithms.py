"""What the chapter on algorithms measures: seconds, and the kernels that a small network learns on the digits."""

import time

import torch
from sklearn.datasets import load_digits


def seconds(function, *args, repeats=5):
    """Return the times of `repeats` calls function(*args), a list in seconds, after one call that is not counted."""
    function(*args)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function(*args)
        times.append(time.perf_counter() - start)
    return times


def digit_network(filters, kernel):
    """Return a network for digits (N, 1, 8, 8): one convolution layer, ReLU, max pooling and a dense layer."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, filters, kernel, padding=kernel // 2),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(filters * 16, 10),
    )


def learned_kernels(seed, kernel=5, filters=8, steps=150):
    """Train one convolution layer on the first 1500 scanned digits.

    Returns
    -------
    kernels : (filters, kernel, kernel) array
    accuracy : float
        Share of the other digits that the network names.
    """
    torch.manual_seed(seed)
    digits = load_digits()
    x = torch.tensor(digits.images / 16, dtype=torch.float32)[:, None]
    y = torch.tensor(digits.target)
    net = digit_network(filters, kernel)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(steps):
        batch = torch.randint(0, 1500, (128,))
        loss = torch.nn.functional.cross_entropy(net(x[batch]), y[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        accuracy = float((net(x[1500:]).argmax(1) == y[1500:]).float().mean())
    return net[0].weight.detach().numpy()[:, 0].astype(float), accuracy
