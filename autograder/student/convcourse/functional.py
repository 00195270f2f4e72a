"""Functions of earlier topics: our signatures on top of PyTorch, NumPy arrays in and out.

They are no reference implementations; those are nothing that a student installs. A notebook that builds on an earlier
topic gets some of them from `convcourse.provided`, so that failing one assignment does not block the next.
"""

import numpy as np

FUNCTIONS = {}  # name -> function


def _registered(function):
    FUNCTIONS[function.__name__] = function
    return function


def _tensors(*arrays):
    """Return arrays as tensors of one dtype, that of the first float among them; None stays None."""
    import torch

    arrays = [None if a is None else np.asarray(a) for a in arrays]
    floats = [a.dtype for a in arrays if a is not None and a.dtype.kind == "f"]
    dtype = floats[0] if floats else np.dtype(float)
    return [None if a is None else torch.from_numpy(np.array(a, dtype)) for a in arrays]


def _torch():
    import torch.nn.functional

    return torch.nn.functional


def _size(value):
    """Turn an int or a sequence of ints, NumPy's too, into what PyTorch takes."""
    return tuple(int(v) for v in value) if isinstance(value, tuple | list | np.ndarray) else int(value)


def _per_axis(value, axes):
    value = _size(value)
    return value if isinstance(value, tuple) else (value,) * axes


# --- shapes ------------------------------------------------------------------------------------------------------


@_registered
def conv_output_shape(input_shape, kernel_size, stride=1, padding=0, dilation=1):
    """Return the spatial shape of a convolution's output."""
    import torch

    shape = _size(input_shape)
    axes = len(shape)
    sizes = [_per_axis(v, axes) for v in (kernel_size, stride, dilation)]
    padding = padding if isinstance(padding, str) else _per_axis(padding, axes)
    found = []
    for axis, (n, k, s, d) in enumerate(zip(shape, *sizes, strict=True)):  # one axis at a time: little to compute
        p = padding if isinstance(padding, str) else padding[axis]
        found.append(_torch().conv1d(torch.empty(1, 1, n), torch.empty(1, 1, k), None, s, p, d).shape[2])
    return tuple(found)


@_registered
def pool_output_shape(input_shape, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
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
def conv_transpose_output_shape(input_shape, kernel_size, stride=1, padding=0, output_padding=0, dilation=1):
    """Return the spatial shape of a transposed convolution's output."""
    shape = _size(input_shape)
    rest = [_per_axis(v, len(shape)) for v in (kernel_size, stride, padding, output_padding, dilation)]
    return tuple((n - 1) * s - 2 * p + d * (k - 1) + o + 1 for n, k, s, p, o, d in zip(shape, *rest, strict=True))


# --- convolution -------------------------------------------------------------------------------------------------


@_registered
def conv1d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlate x (N, C, L) with weight (O, C / groups, kL); returns (N, O, L_out)."""
    padding = padding if isinstance(padding, str) else _size(padding)
    return _torch().conv1d(*_tensors(x, weight, bias), _size(stride), padding, _size(dilation), groups).numpy()


@_registered
def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlate x (N, C, H, W) with weight (O, C / groups, kH, kW); returns (N, O, H_out, W_out)."""
    padding = padding if isinstance(padding, str) else _size(padding)
    return _torch().conv2d(*_tensors(x, weight, bias), _size(stride), padding, _size(dilation), groups).numpy()


@_registered
def conv2d_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """Return the gradient of `conv2d` for an input of shape `input_size`."""
    import torch

    weight, grad_output = _tensors(weight, grad_output)
    x = torch.zeros(_size(input_size), dtype=weight.dtype, requires_grad=True)
    y = _torch().conv2d(x, weight, None, _size(stride), _size(padding), _size(dilation), groups)
    return torch.autograd.grad((y * grad_output).sum(), x)[0].numpy()


@_registered
def conv2d_weight(x, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """Return the gradient of `conv2d` for a weight of shape `weight_size`."""
    import torch

    x, grad_output = _tensors(x, grad_output)
    weight = torch.zeros(_size(weight_size), dtype=x.dtype, requires_grad=True)
    y = _torch().conv2d(x, weight, None, _size(stride), _size(padding), _size(dilation), groups)
    return torch.autograd.grad((y * grad_output).sum(), weight)[0].numpy()


@_registered
def conv_transpose2d(x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Apply the transpose of a convolution: x (N, C, H, W), weight (C, O / groups, kH, kW)."""
    sizes = _size(stride), _size(padding), _size(output_padding)
    return _torch().conv_transpose2d(*_tensors(x, weight, bias), *sizes, groups, _size(dilation)).numpy()


@_registered
def unfold(x, kernel_size, dilation=1, padding=0, stride=1):
    """Return the patches of x (N, C, H, W) as columns: (N, C kH kW, L)."""
    (x,) = _tensors(x)
    return _torch().unfold(x, _size(kernel_size), _size(dilation), _size(padding), _size(stride)).numpy()


@_registered
def fold(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Add columns (N, C kH kW, L) up at their places in an image (N, C, H, W): the adjoint of `unfold`."""
    (x,) = _tensors(x)
    sizes = [_size(value) for value in (output_size, kernel_size, dilation, padding, stride)]
    return _torch().fold(x, *sizes).numpy()


# --- pooling -----------------------------------------------------------------------------------------------------


@_registered
def max_pool2d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """Return the largest value in each window of x (N, C, H, W), and where it is if `return_indices`."""
    (x,) = _tensors(x)
    sizes = _size(kernel_size), None if stride is None else _size(stride), _size(padding), _size(dilation)
    found = _torch().max_pool2d(x, *sizes, ceil_mode, return_indices)
    return tuple(t.numpy() for t in found) if return_indices else found.numpy()


@_registered
def avg_pool2d(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    """Return the mean of each window of x (N, C, H, W)."""
    (x,) = _tensors(x)
    sizes = _size(kernel_size), None if stride is None else _size(stride), _size(padding)
    return _torch().avg_pool2d(x, *sizes, ceil_mode, count_include_pad, divisor_override).numpy()


@_registered
def lp_pool2d(x, norm_type, kernel_size, stride=None, ceil_mode=False):
    """Return the Lp norm of each window of x (N, C, H, W)."""
    (x,) = _tensors(x)
    stride = None if stride is None else _size(stride)
    return _torch().lp_pool2d(x, float(norm_type), _size(kernel_size), stride, ceil_mode).numpy()


@_registered
def adaptive_avg_pool2d(x, output_size):
    """Return means over a grid of `output_size` bins, whatever the size of x (N, C, H, W)."""
    (x,) = _tensors(x)
    return _torch().adaptive_avg_pool2d(x, _size(output_size)).numpy()


# --- what stands around them -------------------------------------------------------------------------------------


@_registered
def relu(x):
    """Return max(x, 0), element by element."""
    (x,) = _tensors(x)
    return _torch().relu(x).numpy()


@_registered
def softmax(x, axis=-1):
    """Return exp(x) divided by its sum along `axis`."""
    (x,) = _tensors(x)
    return _torch().softmax(x, axis).numpy()
