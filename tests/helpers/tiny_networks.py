"""Networks that train in a moment, one for each task."""

from pathlib import Path

from convcourse.networks import tasks, trainer

REFERENCE = Path(__file__).parents[2] / "solutions" / "networks"  # recipes, weights and logs of the reference
TASKS = sorted(tasks.TASKS)
LAYERS = {
    "digits": [
        {"kind": "conv2d", "out_channels": 4, "kernel_size": 5, "stride": 4},
        {"kind": "relu"},
        {"kind": "flatten"},
        {"kind": "linear", "out_features": 10},
    ],
    "shapes": [
        {"kind": "conv2d", "out_channels": 4, "kernel_size": 3, "padding": 1},
        {"kind": "relu"},
        {"kind": "conv2d", "out_channels": 4, "kernel_size": [1, 1]},
    ],
    "scenes": [{"kind": "max_pool2d", "kernel_size": 4}, {"kind": "flatten"}, {"kind": "linear", "out_features": 2}],
}
TINY = trainer.Settings(steps=6, batch=8, every=3, lr=0.01)
