"""What the chapter on variants computes: the past that a stack of dilated causal layers sees."""

import numpy as np


def reached(length, dilations):
    """Return which units the last output of a stack of causal layers with two taps depends on.

    Every layer has one dilation. The mask (1 + layers, length) begins with the inputs and ends with the outputs.
    """
    seen = np.zeros((len(dilations) + 1, length), dtype=bool)
    seen[-1, -1] = True
    for depth in range(len(dilations), 0, -1):
        step = dilations[depth - 1]
        seen[depth - 1] = seen[depth]
        seen[depth - 1, :-step] |= seen[depth, step:]
    return seen
