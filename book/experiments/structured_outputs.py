"""What the networks of the chapter on structured outputs share: how they are trained, and how they are asked."""

import torch


def train(model, x, y, seed, epochs, loss, batch=16, rate=1e-2):
    """Train a PyTorch model with Adam, in an order that the seed decides, and return it.

    `x` and `y` are arrays of as many inputs and targets; `loss` maps the model's output and the targets of a batch to
    a number. The model itself is changed.
    """
    order = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(model.parameters(), rate)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    for _ in range(epochs):
        for chosen in torch.randperm(len(x), generator=order).split(batch):
            optimiser.zero_grad()
            loss(model(x[chosen]), y[chosen]).backward()
            optimiser.step()
    return model


@torch.no_grad()
def predict(model, x):
    """Return what a PyTorch model answers to an array, as an array."""
    return model(torch.tensor(x, dtype=torch.float32)).numpy()
