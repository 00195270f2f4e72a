"""The small network that runs through the first seven chapters: one photograph, two convolutions, ten thousand weights.

Its first kernels are made by hand, so that its first maps can be read; the other weights are drawn.
"""

import numpy as np
from skimage import data

from miniconv import layer, pooling

SIZE = 64  # pixels of a side of the photograph
LAYERS = (  # as `miniconv.shapes.trace_shapes` takes them
    {"kind": "conv2d", "out_channels": 4, "kernel_size": 3, "padding": 1},
    {"kind": "relu"},
    {"kind": "max_pool2d", "kernel_size": 2},
    {"kind": "conv2d", "out_channels": 6, "kernel_size": 3, "padding": 1},
    {"kind": "relu"},
    {"kind": "max_pool2d", "kernel_size": 2},
    {"kind": "flatten"},
    {"kind": "linear", "out_features": 8},
)
NAMES = ("conv 1", "ReLU 1", "pool 1", "conv 2", "ReLU 2", "pool 2", "flatten", "dense")
_RIGHT = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 4
KERNELS = np.stack([_RIGHT, -_RIGHT, _RIGHT.T, -_RIGHT.T])[:, None]  # brighter to the right, left, below, above


def photograph():
    """Return one coin of a photograph of many, its values between 0 and 1: (1, 1, 64, 64)."""
    return data.coins()[None, None, 17 : 17 + SIZE, 181 : 181 + SIZE] / 255


def weights(seed=0):
    """Return the weights and biases of the three layers that have some: a list of (weight, bias)."""
    rng = np.random.default_rng(seed)
    second = rng.standard_normal((6, 4, 3, 3)) * np.sqrt(2 / 36)
    dense = rng.standard_normal((8, 6 * 16 * 16)) * np.sqrt(1 / 1536)
    return [(KERNELS, np.zeros(4)), (second, np.zeros(6)), (dense, np.zeros(8))]


def forward(x, seed=0):
    """Return what every layer gives for images (N, 1, 64, 64): a list of eight arrays, in the order of `NAMES`."""
    (first, b1), (second, b2), (dense, b3) = weights(seed)
    outputs = [layer.conv2d(x, first, b1, padding=1)]
    outputs.append(np.maximum(outputs[-1], 0))
    outputs.append(pooling.max_pool2d(outputs[-1], 2))
    outputs.append(layer.conv2d(outputs[-1], second, b2, padding=1))
    outputs.append(np.maximum(outputs[-1], 0))
    outputs.append(pooling.max_pool2d(outputs[-1], 2))
    outputs.append(outputs[-1].reshape(len(x), -1))
    outputs.append(outputs[-1] @ dense.T + b3)
    return outputs
