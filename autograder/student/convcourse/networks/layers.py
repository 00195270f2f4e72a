"""From a layer list, which is data, to a network in PyTorch: an allow-list, with a bound on everything that costs.

Nothing of a student's is executed: the list says which layers, and the grader makes them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from convcourse.calls.values import Shape, SubmittedValue
from convcourse.errors import ModelError

if TYPE_CHECKING:
    from convcourse.networks.tasks import Task

MAX_LAYERS = 40
MAX_NUMBER = 1024  # of any option
MAX_ACTIVATION = 1 << 18  # numbers that one layer may give for one picture
MAX_COST = 5_500_000  # of all layers for one picture, in units of 2 ns or less: see `_cost`
LANES = 16  # channels that PyTorch works on at a time

Size = int | tuple[int, int]
Padding = Size | str


def _conv2d(
    shape: Shape,
    out_channels: int,
    kernel_size: Size,
    stride: Size = 1,
    padding: Padding = 0,
    dilation: Size = 1,
    groups: int = 1,
    bias: bool = True,
) -> nn.Module:
    return nn.Conv2d(shape[1], out_channels, kernel_size, stride, padding, dilation, groups, bias)


def _conv_transpose2d(
    shape: Shape,
    out_channels: int,
    kernel_size: Size,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
    bias: bool = True,
) -> nn.Module:
    return nn.ConvTranspose2d(
        shape[1], out_channels, kernel_size, stride, padding, output_padding, groups, bias, dilation
    )


def _max_pool2d(
    shape: Shape,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> nn.Module:
    return nn.MaxPool2d(kernel_size, stride, padding, dilation, ceil_mode=ceil_mode)


def _avg_pool2d(
    shape: Shape, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False
) -> nn.Module:
    return nn.AvgPool2d(kernel_size, stride, padding, ceil_mode)


def _adaptive_avg_pool2d(shape: Shape, output_size: Size) -> nn.Module:
    return nn.AdaptiveAvgPool2d(output_size)


def _adaptive_max_pool2d(shape: Shape, output_size: Size) -> nn.Module:
    return nn.AdaptiveMaxPool2d(output_size)


def _linear(shape: Shape, out_features: int, bias: bool = True) -> nn.Module:
    return nn.Linear(shape[-1], out_features, bias)


def _batch_norm2d(shape: Shape) -> nn.Module:
    return nn.BatchNorm2d(shape[1])


class SelfAttention(nn.MultiheadAttention):
    """Attention among all positions of a feature map (N, C, H, W), added to it: any place may look at any other."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]  # one argument, as every layer
        flat = x.flatten(2).transpose(1, 2)
        return x + super().forward(flat, flat, flat, need_weights=False)[0].transpose(1, 2).reshape(x.shape)


def _attention(shape: Shape, num_heads: int = 1) -> nn.Module:
    if len(shape) != 4 or shape[2] * shape[3] > 256:
        raise ModelError(f"attention takes a feature map of at most 256 positions, got shape {tuple(shape)}")
    return SelfAttention(shape[1], num_heads, batch_first=True)


KINDS: dict[str, Callable[..., nn.Module]] = {
    "conv2d": _conv2d,
    "conv_transpose2d": _conv_transpose2d,
    "max_pool2d": _max_pool2d,
    "avg_pool2d": _avg_pool2d,
    "adaptive_avg_pool2d": _adaptive_avg_pool2d,
    "adaptive_max_pool2d": _adaptive_max_pool2d,
    "batch_norm2d": _batch_norm2d,
    "attention": _attention,
    "linear": _linear,
    "relu": lambda shape: nn.ReLU(),
    "flatten": lambda shape: nn.Flatten(),
    "dropout": lambda shape: nn.Dropout(),
}


def build(layers: Any, task: "Task") -> nn.Sequential:
    """Return the network of a layer list for a task, in evaluation mode and with fresh weights, or raise ModelError.

    The shapes are found without computing anything, so no list costs time or memory before it is known to be small.
    """
    if not isinstance(layers, list) or not 1 <= len(layers) <= MAX_LAYERS:
        raise ModelError(f"The layers must be a list of 1 to {MAX_LAYERS} entries.")
    parsed = [_parsed(position, layer) for position, layer in enumerate(layers)]
    shapes = _trace(parsed, task)
    net = nn.Sequential(*[KINDS[kind](shape, **options) for (kind, options), shape in zip(parsed, shapes)]).eval()
    try:
        with torch.no_grad():
            net(torch.zeros(task.input_shape))  # it has sizes, and still PyTorch may refuse it: a dilation of 0
    except RuntimeError as error:
        raise ModelError(f"PyTorch cannot compute this network: {_shortened(error)}") from None
    return net


def as_modules(layers: Sequence[Mapping[str, Any]], input_shape: Sequence[int]) -> list[nn.Module]:
    """Return modules without values for any layer list of ours, not of a student's: for oracles."""
    modules: list[nn.Module] = []
    shape = tuple(input_shape)
    for position, layer in enumerate(layers):
        kind, options = _parsed(position, layer)
        with torch.device("meta"):
            modules.append(KINDS[kind](shape, **options).eval())
        shape = _output_shape(modules[-1], shape)
    return modules


def _parsed(position: int, layer: SubmittedValue) -> tuple[str, dict[str, Any]]:
    """Return (kind, options) of a layer whose options are small whole numbers, pairs of them, or bools."""
    if not isinstance(layer, dict) or not isinstance(layer.get("kind"), str) or layer["kind"] not in KINDS:
        raise ModelError(f"Layer {position} must be a dict with a kind among {', '.join(KINDS)}.")
    options = {}
    for name, value in layer.items():
        if name == "kind":
            continue
        numbers = value if isinstance(value, list | tuple) and len(value) == 2 else [value]
        small = all(isinstance(number, int) and 0 <= number <= MAX_NUMBER for number in numbers)
        if not name.isidentifier() or not (small or (value in ("same", "valid") and name == "padding")):
            raise ModelError(
                f"Layer {position}: an option is a whole number from 0 to {MAX_NUMBER}, two of them, or a bool."
            )
        options[name] = tuple(value) if isinstance(value, list) else value
    return layer["kind"], options


def _output_shape(module: nn.Module, shape: Shape) -> Shape:
    """Return the shape that a module without values gives."""
    with torch.no_grad():
        return tuple(module(torch.empty(shape, device="meta")).shape)


def _trace(parsed: Sequence[tuple[str, dict[str, Any]]], task: "Task") -> list[Shape]:
    """Return the shapes before each layer; refuse what is too large, does not fit together or does not answer."""
    shapes, parameters, cost = [task.input_shape], 0, 0
    for position, (kind, options) in enumerate(parsed):
        shape = shapes[-1]
        try:
            with torch.device("meta"):
                module = KINDS[kind](shape, **options).eval()
            before, shape = shape, _output_shape(module, shape)
        except (TypeError, ValueError, RuntimeError, IndexError, ZeroDivisionError, AssertionError) as error:
            if isinstance(error, ModelError):
                raise
            raise ModelError(
                f"Layer {position} ({kind}) cannot take shape {tuple(shape)}: {_shortened(error)}"
            ) from None
        parameters += parameter_count(module)
        fits = 1 <= math.prod(shape) <= MAX_ACTIVATION
        cost += _cost(kind, module, before, shape) if fits else 0
        if not fits or cost > MAX_COST:
            raise ModelError(f"Layer {position} ({kind}) is too costly: its output has shape {tuple(shape)}.")
        if parameters > task.budget:
            raise ModelError(f"The network has more than {task.budget:,} parameters, the budget of {task.name}.")
        shapes.append(shape)
    if shapes[-1] != task.output_shape:
        raise ModelError(f"The output has shape {shapes[-1]}; {task.name} needs {task.output_shape}.")
    if not parameters:
        raise ModelError("The network has no parameters, so there is nothing to train.")
    return shapes


def _shortened(error: Exception) -> str:
    return " ".join(str(error).split())[:150]


def _cost(kind: str, module: Any, before: Shape, shape: Shape) -> int:
    """Return what a layer costs for one picture: numbers it writes, numbers its windows read, products by their speed.

    Few channels leave most lanes idle: they are written as if they were sixteen, and their products cost up to sixteen
    times as much.
    """
    numel, places = math.prod(shape), math.prod(shape[2:])
    written = places * -(-shape[1] // LANES) * LANES
    if kind in ("max_pool2d", "avg_pool2d"):
        size = module.kernel_size
        return written + numel * int(math.prod(size if isinstance(size, tuple) else (size, size)))
    if kind in ("adaptive_avg_pool2d", "adaptive_max_pool2d"):
        return written + numel * math.prod(wide // out + 2 for wide, out in zip(before[2:], shape[2:]))
    if kind in ("conv2d", "conv_transpose2d"):
        together = min(LANES, module.in_channels // module.groups, module.out_channels // module.groups)
        used = places // 2 if kind == "conv2d" else math.prod(before[2:])  # a transposed one is slower
        return 3 * written + int(module.weight.numel() * used // together)  # it also brings its input in order
    if kind == "linear":
        return written + int(module.weight.numel() * (numel // shape[-1]) // LANES)
    if kind == "attention":
        scores = places**2 * int(3 * module.num_heads + shape[1] // 8)
        return written + parameter_count(module) * places // LANES + scores
    return written


def parameter_count(net: nn.Module) -> int:
    """Return how many trained parameters a network has."""
    return sum(parameter.numel() for parameter in net.parameters())


def weights_of(net: nn.Module) -> dict[str, torch.Tensor]:
    """Return the tensors that are saved: the state dict without PyTorch's own counters."""
    return {name: value for name, value in net.state_dict().items() if not name.endswith("num_batches_tracked")}


def put_weights(net: nn.Sequential, weights: Mapping[str, torch.Tensor]) -> nn.Sequential:
    """Give a network the weights of another; names, shapes and dtypes must be its own. Raises ModelError."""
    needed = weights_of(net)
    if set(needed) != set(weights):
        odd = min(set(needed) ^ set(weights), key=str)[:60]
        raise ModelError(f"The weights are not those of this network: {odd!r} is in one of the two alone.")
    for name, value in weights.items():
        if value.shape != needed[name].shape or value.dtype != torch.float32:
            was, wanted = tuple(value.shape), tuple(needed[name].shape)
            raise ModelError(
                f"The weight {name} has shape {was} and {value.dtype}; this network needs float32 {wanted}."
            )
        if not torch.isfinite(value).all():
            raise ModelError(f"The weight {name} holds NaN or infinity.")
    net.load_state_dict(weights, strict=False)
    return net
