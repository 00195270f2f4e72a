"""What one of our functions may be asked for by a student's code, before it is called and while it runs."""

import contextlib
import inspect
import math
import sys
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from convcourse.calls.call import arrays_in
from convcourse.calls.values import Function, SubmittedValue

if sys.platform != "win32":  # where nobody's code is confined
    import resource

MAX_ELEMENTS = 1 << 18  # of an array that a student's code hands to one of our functions
MAX_PRODUCT = 1 << 28  # of the elements of a padded map and of a window in one such call
MAX_NUMBER = 4096  # a number in one such call that is no element of an array
MAX_LENT = 1 << 32  # of the sizes of all arguments in one call of a helper that is lent, multiplied
MAX_MEMORY = 256 << 20  # bytes that one such call may allocate
MAX_CHECK_MEMORY = 1 << 30  # bytes that a check may allocate with whatever a student's code returned

SIDES = 4  # integers in a row, up to so many, may be a size
_GROW = {"stride", "padding", "dilation"}  # options of a layer that let its output grow
_MAPS = {"x", "grad_output", "input_size", "output_size", "input_shape"}  # what windows slide over, by its name
_WINDOWS = {"weight", "weight_size", "kernel_size"}


def bound_arrays(args: Sequence[SubmittedValue], kwargs: Mapping[str, SubmittedValue]) -> None:
    """Refuse arrays that one of our functions need not take from a student's code."""
    if any(array.size > MAX_ELEMENTS for array in arrays_in([*args, *kwargs.values()])):
        raise ValueError("the arrays are too large for a given function")


def bound_work(function: Function, args: Sequence[SubmittedValue], kwargs: Mapping[str, SubmittedValue]) -> None:
    """Refuse arguments with which a given function would take long or much memory."""
    arguments = inspect.signature(function).bind(*args, **kwargs).arguments
    for value in arguments.values():
        numbers = _numbers(value)
        if numbers and not max(map(abs, numbers)) <= MAX_NUMBER:
            raise ValueError("a number is too large for a given function")
    margin = 2 * max(map(abs, _numbers(arguments.get("padding"))), default=0)
    maps = [_elements(value, margin) for name, value in arguments.items() if name in _MAPS]
    windows = [_elements(value) for name, value in arguments.items() if name in _WINDOWS]
    if max(maps, default=1) * max(windows, default=1) > MAX_PRODUCT:
        raise ValueError("that is too much to compute for a given function")


def _numbers(value: SubmittedValue) -> list[float]:
    """Return the numbers in an option: it is one, or some of them, or an array of one axis."""
    if callable(value):
        raise TypeError("a given function takes no functions")
    if isinstance(value, list | tuple):
        return [number for item in value for number in _numbers(item)]
    if isinstance(value, np.ndarray):
        return [float(number) for number in value[:16]] if value.ndim == 1 and value.dtype.kind in "iu" else []
    return [float(value)] if isinstance(value, int | float | np.integer | np.floating) else []


def _elements(value: SubmittedValue, margin: float = 0) -> float:
    """Return how many elements an array, a shape or a window has, with a margin around its last two axes."""
    shape = value.shape if isinstance(value, np.ndarray) else [abs(number) for number in _numbers(value)]
    shape = [*shape] * 2 if len(shape) == 1 and not isinstance(value, np.ndarray) else [*shape]
    return math.prod([max(n, 1) for n in shape[:-2]] + [max(n, 1) + margin for n in shape[-2:]])


def bound_lent(args: Sequence[SubmittedValue], kwargs: Mapping[str, SubmittedValue]) -> None:
    """Refuse arguments with which a helper that is lent might take long, whatever it computes of them."""
    if math.prod(map(_extent, [*args, *kwargs.values()])) > MAX_LENT:
        raise ValueError("that is too much to compute for a helper that is lent")


def _extent(value: SubmittedValue) -> float:
    """Return at least 1, and at least how many elements an argument has, or stands for if it is a size or an option."""
    if callable(value):
        raise TypeError("a helper that is lent takes no functions")
    if isinstance(value, dict):
        growth = math.prod(_extent(item) for name, item in value.items() if name in _GROW)
        return max(growth, sum(array.size for array in arrays_in(value)))
    if isinstance(value, list | tuple) and any(isinstance(item, dict | np.ndarray) for item in value):
        return math.prod(map(_extent, value))
    array = np.asarray(value)
    is_image = isinstance(value, np.ndarray) and value.ndim > 1
    if array.dtype.kind not in "iu" or array.size > SIDES or is_image:
        return max(array.size, 1)
    sides: list[int] = [max(abs(side), 1) for side in array.ravel().tolist()]
    return math.prod(sides) if array.ndim else sides[0] ** 2  # one number may stand for a pair


@contextlib.contextmanager
def bounded_memory(limit: int = MAX_MEMORY) -> Iterator[None]:
    """Bound the bytes that the body may allocate: MemoryError beyond that."""
    used = _address_space()
    if not used:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    ceiling = used + limit
    if soft == resource.RLIM_INFINITY or soft > ceiling:
        resource.setrlimit(resource.RLIMIT_AS, (ceiling, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _address_space() -> int:
    """Return the bytes of address space in use, 0 where the system does not tell."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0
