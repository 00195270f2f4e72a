"""Checks of arguments that every module shares: a clear error instead of a silent broadcast."""

import numpy as np


def as_array(x, name, shape):
    """Return `x` as an array of real numbers whose axes are those of `shape`, or raise.

    Parameters
    ----------
    x : array_like
        Not copied when it is an array already.
    name : str
        What the error calls it.
    shape : str or None
        The axes in words, for example ``"(N, C, H, W)"``; None accepts any number of axes.

    Raises
    ------
    TypeError
        If `x` holds anything but integers or floats (object, string, bool, complex).
    ValueError
        If the number of axes is wrong or one of them is empty.

    Examples
    --------
    >>> as_array([[1, 2]], "image", "(H, W)").shape
    (1, 2)
    >>> as_array([1, 2], "image", "(H, W)")
    Traceback (most recent call last):
    ValueError: image must have shape (H, W), got shape (2,)
    """
    array = np.asarray(x)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if shape is not None and array.ndim != shape.count(",") + (not shape.endswith(",)")):
        raise ValueError(f"{name} must have shape {shape}, got shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    return array


def as_int(value, name, minimum):
    """Return `value` as an int of at least `minimum`, or raise.

    Examples
    --------
    >>> as_int(3, "stride", 1)
    3
    >>> as_int(0, "stride", 1)
    Traceback (most recent call last):
    ValueError: stride must be at least 1, got 0
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")
    return int(value)


def as_pair(value, name, minimum):
    """Return an int, or a pair of ints, as a pair (vertical, horizontal), or raise.

    Examples
    --------
    >>> as_pair(2, "stride", 1), as_pair((2, 1), "stride", 1)
    ((2, 2), (2, 1))
    """
    if isinstance(value, tuple | list):
        if len(value) != 2:
            raise ValueError(f"{name} must be an integer or a pair of integers, got {value!r}")
        return as_int(value[0], name, minimum), as_int(value[1], name, minimum)
    return (as_int(value, name, minimum),) * 2
