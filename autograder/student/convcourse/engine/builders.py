"""What the checks of all topics are built with: arrays for their cases, and the usual wrong answers."""

import inspect
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from convcourse.calls.values import Array
from convcourse.engine.model import Mistake


class Arrays:
    """Arrays for the cases of one check, or of a few, each drawn from a key of its own.

    The key is the names, the array's shape, and how many of this shape were drawn under these names before: another
    array under other names, or of another shape, changes none of them.

    Examples
    --------
    >>> x, y = Arrays("pooling", "max_pool2d"), Arrays("pooling", "max_pool2d")
    >>> first = x(2, 3)
    >>> _ = y(7)
    >>> bool((y(2, 3) == first).all()), bool((y(2, 3) == first).all())
    (True, False)
    """

    def __init__(self, *names: str) -> None:
        self.names = names
        self.drawn: Counter[tuple[Any, ...]] = Counter()

    def __call__(self, *shape: int, dtype: DTypeLike = np.float64) -> Array:
        """Draw normal numbers."""
        return self.generator(*shape).standard_normal(shape).astype(dtype)

    def generator(self, *key: Any) -> np.random.Generator:
        """Return a generator for whatever else is to be drawn under a key."""
        self.drawn[key] += 1
        # Not hash(), which differs from process to process: these arrays are the same in every one.
        return np.random.default_rng([zlib.crc32(repr((*self.names, *key)).encode()), self.drawn[key]])


def lopsided(x: Array) -> Array:
    """Return numbers of float32 whose first are a million times larger: among running sums of float32 the others drown.

    Examples
    --------
    >>> lopsided(np.ones((3, 2)))[:, 0].tolist()
    [1000000.0, 1.0, 1.0]
    """
    factors = np.where(np.arange(x.shape[-2]) < x.shape[-2] / 3, 1e6, 1)
    return (factors[:, None] * x).astype(np.float32)


def pair(value: Any) -> tuple[Any, ...]:
    """Return an option for both axes: a pair as it is, a number twice.

    Examples
    --------
    >>> pair(3), pair([1, 2])
    ((3, 3), (1, 2))
    """
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def swapped(value: Any) -> Any:
    """Return an option with its axes exchanged; a number stays."""
    return value[::-1] if isinstance(value, tuple) else value


def altered(
    function: Callable[..., Any], signature: str, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> Callable[..., Any]:
    """Build a wrong answer that changes its arguments, then does right.

    Parameters
    ----------
    function : callable
        What is right; it is called by keywords.
    signature : str
        The student's parameters with their defaults: ``"x, kernel_size, stride=None"``.
    change : callable
        ``change(arguments) -> arguments``, both dicts with every parameter of the signature.

    Examples
    --------
    >>> twice = altered(lambda x, by: x * by, "x, by=1", lambda arguments: arguments | {"by": 2 * arguments["by"]})
    >>> twice(10), twice(10, by=3)
    (20, 60)
    """
    return handed(signature, lambda arguments: function(**change(arguments)), 0)


def handed(signature: str, change: Callable[..., Any], positional: int | None = None) -> Callable[..., Any]:
    """Build a function that hands its arguments on, defaults filled in: the first by position, the others in a dict.

    Parameters
    ----------
    signature : str
    change : callable
        What is called with them.
    positional : int, optional
        How many are handed on by position; all of them if it is not said, and then there is no dict.

    Examples
    --------
    >>> handed("x, stride=1, padding=0", lambda x, options: (x, options), 1)(5, padding=2)
    (5, {'stride': 1, 'padding': 2})
    """
    parameters = inspect.signature(eval(f"lambda {signature}: None"))

    def wrong(*args: Any, **kwargs: Any) -> Any:
        bound = parameters.bind(*args, **kwargs)
        bound.apply_defaults()
        values = list(bound.arguments.items())
        if positional is None:
            return change(*bound.arguments.values())
        return change(*(value for _, value in values[:positional]), dict(values[positional:]))

    return wrong


def claim_mistakes(
    is_true: bool, message: str, evidence: Callable[..., Any], alone_message: str = ""
) -> tuple[Mistake, Mistake]:
    """Return the mistakes that every claim on trial has: it is misjudged, or judged without evidence.

    Parameters
    ----------
    is_true : bool
        Whether the claim is true.
    message : str
        What the judge says to whoever misjudges it.
    evidence : callable
        What comes with the wrong verdict, for the arguments of the check.
    alone_message : str
        What the judge says to a verdict alone.

    Examples
    --------
    >>> [mistake.name for mistake in claim_mistakes(True, "You judged it false.", lambda: None)]
    ['disbelieves it', 'returns the verdict alone']
    """
    return (
        Mistake("disbelieves it" if is_true else "believes it", message, lambda *args: (not is_true, evidence(*args))),
        Mistake("returns the verdict alone", alone_message, lambda *args: is_true),
    )
