"""What the chapter on why convolution computes: the units that one unit of a stack of layers depends on."""

import numpy as np


def dependence(layers):
    """Return which units of every level the middle unit of the last layer depends on.

    `layers` holds the connectivity (outputs, inputs) of each layer, the first layer first. The masks come back in the
    same order: the inputs, then the outputs of each layer.
    """
    outputs = len(layers[-1])
    masks = [np.arange(outputs) == outputs // 2]
    for reads in reversed(layers):
        masks.append(reads[masks[-1]].any(axis=0))
    return masks[::-1]
