"""What the chapter on convolution computes: two functions of time, one of them sliding over the other."""

import numpy as np


def slide(first, second, lags, dt):
    """Sample two functions of time and their convolution from -1 s to 4 s; both functions are 0 before time 0.

    Returns
    -------
    t : (T,) array
        Times, `dt` apart.
    x : (T,) array
        The first function.
    turned : (lags, T) array
        The second function, turned round and moved to each lag.
    y : (T,) array
        The convolution.
    """
    t = np.arange(-1, 4, dt)
    turned = np.array([second(lag - t) for lag in lags])
    start = round(1 / dt)  # the full convolution begins at -2 s
    y = dt * np.convolve(first(t), second(t))[start : start + len(t)]
    return t, first(t), turned, y
