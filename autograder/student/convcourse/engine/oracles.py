"""PyTorch as the oracle: its functions on NumPy arrays, and their gradients by autograd."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

torch.set_num_threads(1)


def tensor(value: Any, requires_grad: bool = False) -> Any:
    """Turn an array into a tensor of its own memory; leave everything else as it is."""
    if isinstance(value, np.ndarray):
        result = torch.from_numpy(np.array(value))
        return result.requires_grad_() if requires_grad and result.is_floating_point() else result
    return value


def array(value: Any) -> Any:
    """Turn tensors, also those in a tuple, into arrays."""
    if isinstance(value, torch.Tensor):
        return value.detach().numpy()
    if isinstance(value, tuple | list):
        return tuple(array(item) for item in value)
    return value


def on_torch(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` of tensors as a function of arrays.

    Examples
    --------
    >>> on_torch(torch.relu)(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    @functools.wraps(function)
    def oracle(*args: Any, **kwargs: Any) -> Any:
        return array(function(*map(tensor, args), **{key: tensor(value) for key, value in kwargs.items()}))

    return oracle


def gradient(function: Callable[..., Any], wrt: tuple[int, ...] = (0,)) -> Callable[..., Any]:
    """Return the oracle of a backward pass: ``(grad_output, *args) -> gradients`` for the arguments numbered `wrt`.

    Examples
    --------
    >>> gradient(torch.square)(np.array([1.0, 10.0]), np.array([2.0, 3.0]))
    array([ 4., 60.])
    """

    def oracle(grad_output: Any, *args: Any, **kwargs: Any) -> Any:
        tensors = [tensor(value, requires_grad=number in wrt) for number, value in enumerate(args)]
        output = function(*tensors, **kwargs)
        (output * tensor(grad_output)).sum().backward()  # backward(g) would import half of PyTorch
        zero = torch.zeros_like
        gradients = tuple(array(zero(tensors[n]) if tensors[n].grad is None else tensors[n].grad) for n in wrt)
        return gradients if len(gradients) > 1 else gradients[0]

    return oracle
