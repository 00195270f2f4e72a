"""Time the reference package beside others in the same run: `python -m tools.benchmarks.reference`.

The others: PyTorch, or SciPy or scikit-learn where they have the function; and the NumPy that courses teach (columns by
fancy indexing, loops). All of them are right: what they return is compared before it is timed. Both sides are held to
one thread (`--threads 1 2`: then to two). Each number is the shortest of many runs, all sides in turn: processor time
with one thread, so that other programs on the machine weigh less, elapsed time with two. The columns:

    other, ours   milliseconds
    ratio         ours / other
    matmul        bare `np.matmul` of the same operations / other: the floor for NumPy
    taught        the taught NumPy / ours: how many times as fast ours is
    extra         MB that ours holds at its peak beyond its result; for convolutions also in columns of one sample

`--growth FILE` measures how the time of a layer grows with each of its sizes, and writes the table of its chapter.

PyTorch chooses its kernels by the processor. So does OpenBLAS, unless OPENBLAS_CORETYPE pins it to an older one, which
halves the speed of every matrix product: that variable is taken out, unless `--keep-coretype` is given.
"""

import argparse
import importlib
import json
import math
import os
import subprocess
import sys
import time
import tracemalloc
import warnings
from pathlib import Path

SHAPES = {  # name: (N, C, H = W, F, k, stride, padding, groups)
    "stem 7x7 / 2": (1, 3, 224, 64, 7, 2, 3, 1),
    "3x3, 64 ch": (32, 64, 32, 64, 3, 1, 1, 1),
    "5x5, 16 ch": (32, 16, 28, 32, 5, 1, 0, 1),
    "3x3, 128 ch": (8, 128, 16, 128, 3, 1, 1, 1),
    "1x1": (32, 64, 32, 64, 1, 1, 0, 1),
    "depthwise 3x3": (32, 64, 32, 64, 3, 1, 1, 64),
}
DENSE = list(SHAPES)[:4]
POOLS = {  # name: (N, C, H = W, k, stride)
    "2x2 / 2": (32, 64, 32, 2, 2),
    "3x3 / 2": (32, 64, 32, 3, 2),
    "3x3 / 1": (8, 16, 64, 3, 1),
    "4x4 / 4": (1, 16, 256, 4, 4),
    "16x16 / 16": (1, 16, 256, 16, 16),
    "64x64 / 64": (1, 16, 256, 64, 64),
}
ATTENTION = [(2, 4, 64, 32), (8, 8, 256, 64), (1, 8, 1024, 64)]  # (N, heads, L = S, E)
TRANSPOSED = {
    "4x4 / 2": (8, 64, 16, 32, 4, 2, 1),
    "3x3 / 1": (8, 32, 16, 32, 3, 1, 1),
    "2x2 / 2": (1, 64, 32, 64, 2, 2, 0),
}
BINS = {"32 to 7": ((32, 64, 32, 32), 7), "32 to 4": ((32, 64, 32, 32), 4), "224 to 7": ((1, 64, 224, 224), 7)}
ENLARGED = {"32 x 2": ((8, 16, 32, 32), 2), "56 x 4": ((1, 64, 56, 56), 4), "128 x 2": ((4, 3, 128, 128), 2)}
TARGETS = [  # what, at most, rows whose geometric mean of ratios counts
    ("conv2d forward, dense", 1.3, [f"{name}: forward" for name in DENSE]),
    ("conv2d three gradients, dense", 1.1, [f"{name}: gradients" for name in DENSE]),
    ("conv2d forward, 1x1", 1.4, ["1x1: forward"]),
    ("conv2d forward, depthwise", 6.0, ["depthwise 3x3: forward"]),
    ("max_pool2d forward", 0.3, ["max_pool2d 2x2 / 2: forward"]),
    ("max_pool2d forward and backward", 0.7, ["max_pool2d 2x2 / 2: both"]),
    ("attention forward", 2.0, [f"attention {shape}: forward" for shape in ATTENTION]),
    ("attention gradients", 2.0, [f"attention {shape}: gradients" for shape in ATTENTION]),
    ("conv_transpose2d forward", 2.0, [f"conv_transpose2d {name}" for name in TRANSPOSED]),
]
MEMORY = 1.5  # conv2d forward: extra memory in columns of one sample, with its padded copy
GROWTH = {
    "images (N)": (0, 2, 4),
    "channels (C)": (1, 2, 4),
    "side of the image (H = W)": (2, 2, 4),
    "side of the kernel": (4, 2, 4),
}
LAYER = (8, 32, 32, 32, 3)  # N, C, H = W, F, k of the layer whose sizes grow, padded with zeros to keep the size


# --- measuring -------------------------------------------------------------------------------------------------------


def fastest(functions, clock, seconds=0.3):
    """Return the shortest time in ms of each function, run in turn for `seconds` of the clock each."""
    best = [math.inf] * len(functions)
    for function in functions:
        function()
    end = clock() + seconds * len(functions)
    while clock() < end:
        for i, function in enumerate(functions):
            start = clock()
            function()
            best[i] = min(best[i], clock() - start)
    return [1e3 * t for t in best]


def extra_memory(function):
    """Return the bytes that NumPy holds at the peak of a call, beyond those of its result."""
    tracemalloc.start()
    result = function()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    arrays = result if isinstance(result, tuple) else (result,)
    return peak - sum(a.nbytes for a in arrays if a is not None)


def measure(torch, name, ours, other, matmul=None, taught=None, columns=None):
    """Return one row of the table as a dict; the others must agree with ours, to the precision of float32."""
    expected = _arrays(ours())
    for function in filter(None, (other, taught)):
        for one, two in zip(expected, _arrays(function()), strict=True):
            if abs(one - two).max() > 1e-3 * max(1, abs(one).max()):
                raise ValueError(f"{name}: the sides differ by up to {abs(one - two).max():g}")
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    sides = {"ours": ours, "other": other, "matmul": matmul, "taught": taught}
    times = fastest([function for function in sides.values() if function], clock)
    row = dict(zip((side for side, function in sides.items() if function), times, strict=True))
    return {"matmul": None, "taught": None, **row, "name": name, "extra": extra_memory(ours), "columns": columns}


def _arrays(result):
    """Return a result, ours or PyTorch's, as a list of arrays."""
    return [getattr(part, "detach", lambda part=part: part)().__array__() for part in _parts(result)]


def _parts(result):
    return result if isinstance(result, tuple | list) else (result,)


def draw(rng, *shape):
    """Return standard normal numbers in float32."""
    return rng.standard_normal(shape).astype("float32")


def of_tensors(torch, function, *arrays):
    """Return a function that calls PyTorch's `function` on these arrays, made tensors once."""
    tensors = [torch.tensor(array) for array in arrays]
    return lambda: function(*tensors)


def gradients_of(torch, function, arrays, grad):
    """Return a function that gives PyTorch's gradients of `function` for `arrays`; the forward pass has been run."""
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    out, grad = function(*tensors), torch.tensor(grad)
    return lambda: torch.autograd.grad(out, tensors, grad, retain_graph=True)


# --- the NumPy that courses teach ------------------------------------------------------------------------------------


def taught_indices(shape, k, stride):
    """Return, for padded images of a shape, the channel, the row and the column of every number of the columns."""
    import numpy as np

    _, c, height, width = shape
    rows, across = (height - k) // stride + 1, (width - k) // stride + 1
    i = np.tile(np.repeat(np.arange(k), k), c)[:, None] + stride * np.repeat(np.arange(rows), across)
    j = np.tile(np.arange(k), k * c)[:, None] + stride * np.tile(np.arange(across), rows)
    return np.repeat(np.arange(c), k * k)[:, None], i, j


def taught_conv2d(x, weight, bias, stride=1, padding=0):
    """Return the output of a layer by columns that fancy indexing fills, as exercises have it."""
    import numpy as np

    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    filters, _, k, _ = weight.shape
    columns = padded[(slice(None), *taught_indices(padded.shape, k, stride))]
    out = weight.reshape(filters, -1) @ columns.transpose(1, 2, 0).reshape(columns.shape[1], -1) + bias[:, None]
    size = (padded.shape[2] - k) // stride + 1
    return out.reshape(filters, size, size, len(x)).transpose(3, 0, 1, 2)


def taught_conv2d_backward(grad_output, x, weight, stride=1, padding=0):
    """Return the three gradients by the same columns, added back by `np.add.at`."""
    import numpy as np

    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    filters, _, k, _ = weight.shape
    where = (slice(None), *taught_indices(padded.shape, k, stride))
    columns = padded[where].transpose(1, 2, 0).reshape(weight[0].size, -1)
    grads = grad_output.transpose(1, 2, 3, 0).reshape(filters, -1)
    grad_columns = (weight.reshape(filters, -1).T @ grads).reshape(weight[0].size, -1, len(x)).transpose(2, 0, 1)
    grad_padded = np.zeros_like(padded)
    np.add.at(grad_padded, where, grad_columns)
    inside = slice(padding, padded.shape[2] - padding)
    return grad_padded[:, :, inside, inside], (grads @ columns.T).reshape(weight.shape), grad_output.sum((0, 2, 3))


def taught_loops(x, weight, bias):
    """Return the output of a layer by four loops."""
    import numpy as np

    k = weight.shape[2]
    size = x.shape[2] - k + 1
    out = np.zeros((len(x), len(weight), size, size), x.dtype)
    for n in range(len(x)):
        for f in range(len(weight)):
            for p in range(size):
                for q in range(size):
                    out[n, f, p, q] = np.sum(x[n, :, p : p + k, q : q + k] * weight[f]) + bias[f]
    return out


def taught_max_pool2d(x, k, stride):
    """Return maxima over columns that fancy indexing fills, of each channel as an image of its own."""
    images = x.reshape(-1, 1, *x.shape[2:])
    size = (x.shape[2] - k) // stride + 1
    columns = images[(slice(None), *taught_indices(images.shape, k, stride))]
    return columns.max(axis=1).reshape(*x.shape[:2], size, size)


# --- rows ------------------------------------------------------------------------------------------------------------


def conv2d_rows(rng, torch):
    """Yield the rows of conv2d, forward and the three gradients, bias included."""
    import numpy as np

    from miniconv.gradients import conv2d_backward
    from miniconv.layer import conv2d

    for name, (n, c, size, filters, k, stride, padding, groups) in SHAPES.items():
        x, weight, bias = draw(rng, n, c, size, size), draw(rng, filters, c // groups, k, k), draw(rng, filters)
        options = {"stride": stride, "padding": padding, "groups": groups}
        grad = draw(rng, *conv2d(x, weight, bias, **options).shape)
        places = grad.shape[2] * grad.shape[3]
        matrix, columns = weight.reshape(groups, filters // groups, -1), draw(rng, groups, c // groups * k * k, places)
        grads = grad.reshape(n, groups, filters // groups, places)

        def bare_forward(n=n, matrix=matrix, columns=columns):
            for _ in range(n):
                np.matmul(matrix, columns)

        def bare_gradients(matrix=matrix, columns=columns, grads=grads):
            for g in grads:
                np.matmul(matrix.transpose(0, 2, 1), g)
                np.matmul(columns, g.transpose(0, 2, 1))

        def forward(*arrays, options=options):
            return torch.nn.functional.conv2d(*arrays, **options)

        yield measure(
            torch,
            f"{name}: forward",
            lambda x=x, w=weight, b=bias, o=options: conv2d(x, w, b, **o),
            of_tensors(torch, forward, x, weight, bias),
            bare_forward,
            (lambda x=x, w=weight, b=bias, s=stride, p=padding: taught_conv2d(x, w, b, s, p)) if groups == 1 else None,
            columns.nbytes,
        )
        yield measure(
            torch,
            f"{name}: gradients",
            lambda g=grad, x=x, w=weight, b=bias, o=options: conv2d_backward(g, x, w, b, **o),
            gradients_of(torch, forward, (x, weight, bias), grad),
            bare_gradients,
            (lambda g=grad, x=x, w=weight, s=stride, p=padding: taught_conv2d_backward(g, x, w, s, p))
            if groups == 1
            else None,
            columns.nbytes,
        )
    x, weight, bias = draw(rng, 2, 3, 16, 16), draw(rng, 8, 3, 3, 3), draw(rng, 8)
    yield measure(
        torch,
        "two small images, taught by loops",
        lambda: conv2d(x, weight, bias),
        of_tensors(torch, torch.nn.functional.conv2d, x, weight, bias),
        taught=lambda: taught_loops(x, weight, bias),
    )


def pooling_rows(rng, torch):
    """Yield the rows of max pooling, and of means over a grid of bins."""
    pooling, functional = importlib.import_module("miniconv.pooling"), torch.nn.functional
    for name, (n, c, size, k, stride) in POOLS.items():
        x = draw(rng, n, c, size, size)
        tensor = torch.tensor(x, requires_grad=True)
        grad = draw(rng, *pooling.max_pool2d(x, k, stride).shape)

        torch_grad = torch.tensor(grad)

        def torch_both(tensor=tensor, k=k, stride=stride, grad=torch_grad):
            out = functional.max_pool2d(tensor, k, stride)
            return out, *torch.autograd.grad(out, tensor, grad)

        def both(x=x, k=k, stride=stride, grad=grad):
            return pooling.max_pool2d(x, k, stride), pooling.max_pool2d_backward(grad, x, k, stride)

        yield measure(
            torch,
            f"max_pool2d {name}: forward",
            lambda x=x, k=k, s=stride: pooling.max_pool2d(x, k, s),
            of_tensors(torch, lambda x, k=k, s=stride: functional.max_pool2d(x, k, s), x),
            taught=lambda x=x, k=k, s=stride: taught_max_pool2d(x, k, s),
        )
        yield measure(torch, f"max_pool2d {name}: both", both, torch_both)
    for name, (shape, size) in BINS.items():
        x, grad = draw(rng, *shape), draw(rng, *shape[:2], size, size)
        yield measure(
            torch,
            f"adaptive_avg_pool2d {name}: forward",
            lambda x=x, size=size: pooling.adaptive_avg_pool2d(x, size),
            of_tensors(torch, lambda x, size=size: functional.adaptive_avg_pool2d(x, size), x),
        )
        yield measure(
            torch,
            f"adaptive_avg_pool2d {name}: gradient",
            lambda g=grad, x=x, size=size: pooling.adaptive_avg_pool2d_backward(g, x, size),
            gradients_of(torch, lambda x, size=size: functional.adaptive_avg_pool2d(x, size), [x], grad),
        )


def attention_rows(rng, torch):
    """Yield the rows of scaled dot-product attention and of its gradients."""
    import numpy as np

    attention = importlib.import_module("miniconv.attention")
    theirs = torch.nn.functional.scaled_dot_product_attention
    for shape in ATTENTION:
        arrays, grad = [draw(rng, *shape) for _ in range(3)], draw(rng, *shape)
        yield measure(
            torch,
            f"attention {shape}: forward",
            lambda arrays=arrays: attention.scaled_dot_product_attention(*arrays),
            of_tensors(torch, theirs, *arrays),
            lambda a=arrays: np.matmul(np.matmul(a[0], a[1].swapaxes(-1, -2)), a[2]),
        )
        yield measure(
            torch,
            f"attention {shape}: gradients",
            lambda g=grad, arrays=arrays: attention.scaled_dot_product_attention_backward(g, *arrays),
            gradients_of(torch, theirs, arrays, grad),
        )


def upsampling_rows(rng, torch):
    """Yield the rows of transposed convolution and of enlarged pictures."""
    variants = importlib.import_module("miniconv.variants")
    outputs = importlib.import_module("miniconv.structured_outputs")
    for name, (n, c, size, filters, k, stride, padding) in TRANSPOSED.items():
        arrays = draw(rng, n, c, size, size), draw(rng, c, filters, k, k), draw(rng, filters)
        yield measure(
            torch,
            f"conv_transpose2d {name}",
            lambda a=arrays, s=stride, p=padding: variants.conv_transpose2d(*a, s, p),
            of_tensors(torch, lambda *t, s=stride, p=padding: torch.nn.functional.conv_transpose2d(*t, s, p), *arrays),
        )
    for mode, forward, backward in (
        ("bilinear", outputs.upsample_bilinear2d, outputs.upsample_bilinear2d_backward),
        ("nearest", outputs.upsample_nearest2d, outputs.upsample_nearest2d_backward),
    ):
        for name, (shape, scale) in ENLARGED.items():
            x, grad = draw(rng, *shape), draw(rng, *shape[:2], shape[2] * scale, shape[3] * scale)

            def theirs(x, mode=mode, scale=scale):
                return torch.nn.functional.interpolate(x, scale_factor=scale, mode=mode)

            yield measure(
                torch,
                f"{mode} {name}: forward",
                lambda x=x, f=forward, s=scale: f(x, scale_factor=s),
                of_tensors(torch, theirs, x),
            )
            yield measure(
                torch,
                f"{mode} {name}: gradient",
                lambda g=grad, x=x, f=backward, s=scale: f(g, x, scale_factor=s),
                gradients_of(torch, theirs, [x], grad),
            )


def scipy_rows(rng, torch):
    """Yield the rows beside SciPy and scikit-learn."""
    from scipy.signal import fftconvolve
    from sklearn.cluster import KMeans

    algorithms, features = importlib.import_module("miniconv.algorithms"), importlib.import_module("miniconv.features")
    for size, k in ((28, 5), (64, 15), (257, 17), (512, 31)):
        image, kernel = draw(rng, size, size), draw(rng, k, k)
        yield measure(
            torch,
            f"fft_convolve2d {size}, {k} (SciPy)",
            lambda a=(image, kernel): algorithms.fft_convolve2d(*a),
            lambda a=(image, kernel): fftconvolve(*a),
        )
    for count, size, clusters in ((2000, 36, 16), (10000, 36, 50)):
        points = draw(rng, count, size).astype(float)

        def theirs(points=points, clusters=clusters):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that ten steps are not the end
                means = KMeans(clusters, init=points[:clusters], n_init=1, max_iter=10, tol=0, algorithm="lloyd")
                return means.fit(points).cluster_centers_

        yield measure(
            torch,
            f"kmeans {count} x {size}, {clusters} (scikit-learn)",
            lambda points=points, clusters=clusters: features.kmeans(points, points[:clusters], 10)[0],
            theirs,
        )


PARTS = (conv2d_rows, pooling_rows, attention_rows, upsampling_rows, scipy_rows)


def measure_all(threads):
    """Print the rows as JSON; runs in a process that was started with its number of threads."""
    import numpy as np
    import torch

    torch.set_num_threads(threads)
    rng, rows = np.random.default_rng(0), []
    for part in PARTS:
        rows += list(part(rng, torch))
    print(json.dumps({"rows": rows, "versions": [np.__version__, torch.__version__]}))


def growth():
    """Return {what grows: [(times the size, times the products, times the time)]} of a layer, in one run."""
    import numpy as np

    from miniconv.layer import conv2d

    rng, layers, calls = np.random.default_rng(0), [("", 1, LAYER)], []
    for what, (axis, *factors) in GROWTH.items():
        for factor in factors:
            sizes = [size * factor if place == axis else size for place, size in enumerate(LAYER)]
            layers.append((what, factor, tuple(sizes)))
    for _, _, (n, c, size, filters, k) in layers:
        arrays = draw(rng, n, c, size, size), draw(rng, filters, c, k, k), draw(rng, filters)
        calls.append(lambda arrays=arrays: conv2d(*arrays, padding="same"))
    times, growths = fastest(calls, time.process_time, seconds=0.6), {}
    for (what, factor, sizes), milliseconds in zip(layers[1:], times[1:], strict=True):
        growths.setdefault(what, []).append((factor, _products(sizes) / _products(LAYER), milliseconds / times[0]))
    return growths


def _products(layer):
    n, c, size, filters, k = layer
    return n * filters * size**2 * c * k**2


def growth_table(growths):
    """Return the growth as a table in Markdown."""
    lines = [
        "| what grows | twice: products | twice: time | four times: products | four times: time |",
        "|---|---|---|---|---|",
    ]
    for what, columns in growths.items():
        lines.append(f"| {what} | " + " | ".join(f"{count:.0f} | {clock:.1f}" for _, count, clock in columns) + " |")
    return "\n".join(lines) + "\n"


def environment(threads, keep_coretype):
    """Return the environment of a measuring process: its number of threads, and OpenBLAS free to choose its kernels."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    chosen = {**os.environ, **dict.fromkeys(names, str(threads))}
    if not keep_coretype:
        chosen.pop("OPENBLAS_CORETYPE", None)
    return chosen


def table(rows):
    """Return the lines of the table."""
    lines = [f"{'':40}{'other':>8}{'ours':>8}{'ratio':>7}{'matmul':>8}{'taught':>8}{'extra':>8}"]
    for row in rows:
        line = f"{row['name']:40}{row['other']:8.2f}{row['ours']:8.2f}{row['ours'] / row['other']:7.2f}"
        line += f"{row['matmul'] / row['other']:8.2f}" if row["matmul"] else f"{'':8}"
        line += f"{row['taught'] / row['ours']:8.2f}" if row["taught"] else f"{'':8}"
        line += f"{row['extra'] / 1e6:8.2f}"
        lines.append(line + (f"  = {row['extra'] / row['columns']:.2f} x columns" if row["columns"] else ""))
    return lines


def verdicts(rows):
    """Return a line per target: its figure, met or not met."""
    by_name, lines = {row["name"]: row for row in rows}, []
    for what, limit, names in TARGETS:
        figure = _mean([by_name[name]["ours"] / by_name[name]["other"] for name in names])
        floors = [by_name[name]["matmul"] / by_name[name]["other"] for name in names if by_name[name]["matmul"]]
        floor = f" (bare np.matmul: {_mean(floors):.2f})" if floors else ""
        lines.append(_verdict(what, limit, figure) + floor)
    memory = max(by_name[f"{name}: forward"]["extra"] / by_name[f"{name}: forward"]["columns"] for name in DENSE)
    small, large = (by_name[f"max_pool2d {name}: both"]["ours"] for name in ("4x4 / 4", "64x64 / 64"))
    return [
        *lines,
        _verdict("conv2d extra memory, in columns", MEMORY, memory),
        _verdict("max_pool2d, window 64 / window 4", 4.0, large / small),
        _verdict("ours / taught, the worst of all", 1.0, max(r["ours"] / r["taught"] for r in rows if r["taught"])),
    ]


def _mean(ratios):
    """Return the geometric mean: of ratios, so that twice as fast and twice as slow cancel."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def _verdict(what, limit, figure):
    return f"{what:36} at most {limit:4}: {figure:.2f} {'met' if figure <= limit else 'NOT MET'}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--keep-coretype", action="store_true", help="leave OPENBLAS_CORETYPE as it is")
    parser.add_argument("--growth", type=Path, help="measure how time grows instead, and write the table to this file")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure == "growth":
        print(json.dumps(growth()))
    elif options.measure:
        measure_all(int(options.measure))
    elif options.growth:
        options.growth.write_text(growth_table(_measured("growth", environment(1, options.keep_coretype))))
    else:
        compare(options)


def compare(options):
    """Print the table of all functions, and what became of the targets."""
    for threads in options.threads:
        env = environment(threads, options.keep_coretype)
        result = _measured(threads, env)
        kernels = f"OpenBLAS for {env.get('OPENBLAS_CORETYPE', 'this processor')}"
        numpy, torch = result["versions"]
        print(
            f"\n{threads} thread{'s' * (threads > 1)}; float32; NumPy {numpy} ({kernels}), PyTorch {torch}; times in ms"
        )
        print("\n".join(table(result["rows"])))
        note = "" if threads == 1 else " (the targets are for one thread; shown for comparison)"
        print(f"\nTargets, ratio to PyTorch{note}")
        print("\n".join(verdicts(result["rows"])))


def _measured(what, env):
    """Run a process that measures, and return what it found."""
    command = [sys.executable, "-m", "tools.benchmarks.reference", "--measure", str(what)]
    return json.loads(subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout)


if __name__ == "__main__":
    main()
