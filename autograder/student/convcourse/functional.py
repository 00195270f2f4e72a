"""Functions of earlier topics: our signatures on top of PyTorch, NumPy arrays in and out.

They are no reference implementations; those are nothing that a student installs. A notebook that builds on an earlier
topic gets some of them from `convcourse.provided`, so that failing one assignment does not block the next.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from convcourse.calls.values import Array, Shape

F = TypeVar("F", bound=Callable[..., Any])
Size = Any  # a whole number, or one for each axis, of any kind that NumPy has
FUNCTIONS: dict[str, Callable[..., Any]] = {}


def _registered(function: F) -> F:
    FUNCTIONS[function.__name__] = function
    return function


def _tensors(*arrays: Array | None) -> list[Any]:
    """Return arrays as tensors of one dtype, that of the first float among them; None stays None."""
    import torch

    floats = [dtype for dtype in (np.asarray(a).dtype for a in arrays if a is not None) if dtype.kind == "f"]
    dtype = floats[0] if floats else np.dtype(float)
    return [None if a is None else torch.from_numpy(np.array(a, dtype)) for a in arrays]


def _torch() -> Any:
    import torch.nn.functional

    return torch.nn.functional


def _size(value: Size) -> Any:
    """Turn an int or a sequence of ints, NumPy's too, into what PyTorch takes."""
    return tuple(int(v) for v in value) if isinstance(value, tuple | list | np.ndarray) else int(value)


def _numpy(tensor: Any) -> Array:
    array: Array = tensor.numpy()
    return array


def _per_axis(value: Size, axes: int) -> Shape:
    size = _size(value)
    return size if isinstance(size, tuple) else (size,) * axes


# --- shapes ------------------------------------------------------------------------------------------------------


@_registered
def conv_output_shape(
    input_shape: Size, kernel_size: Size, stride: Size = 1, padding: Size = 0, dilation: Size = 1
) -> Shape:
    """Return the spatial shape of a convolution's output."""
    import torch

    shape = _size(input_shape)
    axes = len(shape)
    sizes = [_per_axis(v, axes) for v in (kernel_size, stride, dilation)]
    padding = padding if isinstance(padding, str) else _per_axis(padding, axes)
    output = []
    for axis, (n, k, s, d) in enumerate(zip(shape, *sizes, strict=True)):  # one axis at a time: little to compute
        p = padding if isinstance(padding, str) else padding[axis]
        output.append(_torch().conv1d(torch.empty(1, 1, n), torch.empty(1, 1, k), None, s, p, d).shape[2])
    return tuple(output)


@_registered
def pool_output_shape(
    input_shape: Size,
    kernel_size: Size,
    stride: Size = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> Shape:
    """Return the spatial shape of a pooling's output; `stride` None stands for the kernel's size."""
    import torch

    shape = _size(input_shape)
    stride = kernel_size if stride is None else stride
    sizes = [_per_axis(v, len(shape)) for v in (kernel_size, stride, padding, dilation)]
    return tuple(
        _torch().max_pool1d(torch.empty(1, 1, n), k, s, p, d, ceil_mode).shape[2]
        for n, k, s, p, d in zip(shape, *sizes, strict=True)
    )


@_registered
def conv_transpose_output_shape(
    input_shape: Size,
    kernel_size: Size,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    dilation: Size = 1,
) -> Shape:
    """Return the spatial shape of a transposed convolution's output."""
    shape = _size(input_shape)
    rest = [_per_axis(v, len(shape)) for v in (kernel_size, stride, padding, output_padding, dilation)]
    return tuple((n - 1) * s - 2 * p + d * (k - 1) + o + 1 for n, k, s, p, o, d in zip(shape, *rest, strict=True))


# --- convolution -------------------------------------------------------------------------------------------------


@_registered
def conv1d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    """Cross-correlate x (N, C, L) with weight (O, C / groups, kL); returns (N, O, L_out)."""
    padding = padding if isinstance(padding, str) else _size(padding)
    return _numpy(_torch().conv1d(*_tensors(x, weight, bias), _size(stride), padding, _size(dilation), groups))


@_registered
def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    """Cross-correlate x (N, C, H, W) with weight (O, C / groups, kH, kW); returns (N, O, H_out, W_out)."""
    padding = padding if isinstance(padding, str) else _size(padding)
    return _numpy(_torch().conv2d(*_tensors(x, weight, bias), _size(stride), padding, _size(dilation), groups))


@_registered
def conv2d_input(
    input_size: Size,
    weight: Array,
    grad_output: Array,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    """Return the gradient of `conv2d` for an input of shape `input_size`."""
    import torch

    w, g = _tensors(weight, grad_output)
    x = torch.zeros(_size(input_size), dtype=w.dtype, requires_grad=True)
    y = _torch().conv2d(x, w, None, _size(stride), _size(padding), _size(dilation), groups)
    return _numpy(torch.autograd.grad((y * g).sum(), x)[0])


@_registered
def conv2d_weight(
    x: Array,
    weight_size: Size,
    grad_output: Array,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    """Return the gradient of `conv2d` for a weight of shape `weight_size`."""
    import torch

    input_, g = _tensors(x, grad_output)
    weight = torch.zeros(_size(weight_size), dtype=input_.dtype, requires_grad=True)
    y = _torch().conv2d(input_, weight, None, _size(stride), _size(padding), _size(dilation), groups)
    return _numpy(torch.autograd.grad((y * g).sum(), weight)[0])


@_registered
def conv_transpose2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Array:
    """Apply the transpose of a convolution: x (N, C, H, W), weight (C, O / groups, kH, kW)."""
    sizes = _size(stride), _size(padding), _size(output_padding)
    return _numpy(_torch().conv_transpose2d(*_tensors(x, weight, bias), *sizes, groups, _size(dilation)))


@_registered
def unfold(x: Array, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1) -> Array:
    """Return the patches of x (N, C, H, W) as columns: (N, C kH kW, L)."""
    (x,) = _tensors(x)
    return _numpy(_torch().unfold(x, _size(kernel_size), _size(dilation), _size(padding), _size(stride)))


@_registered
def fold(
    x: Array, output_size: Size, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1
) -> Array:
    """Add columns (N, C kH kW, L) up at their places in an image (N, C, H, W): the adjoint of `unfold`."""
    (x,) = _tensors(x)
    sizes = [_size(value) for value in (output_size, kernel_size, dilation, padding, stride)]
    return _numpy(_torch().fold(x, *sizes))


# --- pooling -----------------------------------------------------------------------------------------------------


@_registered
def max_pool2d(
    x: Array,
    kernel_size: Size,
    stride: Size = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Array | tuple[Array, Array]:
    """Return the largest value in each window of x (N, C, H, W), and where it is if `return_indices`."""
    (x,) = _tensors(x)
    sizes = _size(kernel_size), None if stride is None else _size(stride), _size(padding), _size(dilation)
    if return_indices:
        values, indices = _torch().max_pool2d(x, *sizes, ceil_mode, True)
        return values.numpy(), indices.numpy()
    return _numpy(_torch().max_pool2d(x, *sizes, ceil_mode))


@_registered
def avg_pool2d(
    x: Array,
    kernel_size: Size,
    stride: Size = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:
    """Return the mean of each window of x (N, C, H, W)."""
    (x,) = _tensors(x)
    sizes = _size(kernel_size), None if stride is None else _size(stride), _size(padding)
    return _numpy(_torch().avg_pool2d(x, *sizes, ceil_mode, count_include_pad, divisor_override))


@_registered
def lp_pool2d(x: Array, norm_type: float, kernel_size: Size, stride: Size = None, ceil_mode: bool = False) -> Array:
    """Return the Lp norm of each window of x (N, C, H, W)."""
    (x,) = _tensors(x)
    stride = None if stride is None else _size(stride)
    return _numpy(_torch().lp_pool2d(x, float(norm_type), _size(kernel_size), stride, ceil_mode))


@_registered
def adaptive_avg_pool2d(x: Array, output_size: Size) -> Array:
    """Return means over a grid of `output_size` bins, whatever the size of x (N, C, H, W)."""
    (x,) = _tensors(x)
    return _numpy(_torch().adaptive_avg_pool2d(x, _size(output_size)))


# --- what stands around them -------------------------------------------------------------------------------------


@_registered
def relu(x: Array) -> Array:
    """Return max(x, 0), element by element."""
    (x,) = _tensors(x)
    return _numpy(_torch().relu(x))


@_registered
def softmax(x: Array, axis: int = -1) -> Array:
    """Return exp(x) divided by its sum along `axis`."""
    (x,) = _tensors(x)
    return _numpy(_torch().softmax(x, axis))
