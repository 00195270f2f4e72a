"""Time the reference package beside PyTorch in the same run: `python -m tools.benchmarks.reference`.

Both sides are held to one thread, then to two. Each number is the shortest of many runs, ours and PyTorch's in turn:
processor time with one thread, so that other programs on the machine weigh less, elapsed time with two. The columns:

    torch, ours   milliseconds
    ratio         ours / torch
    matmul        bare `np.matmul` of the same operations / torch: the floor for NumPy
    over it       ours / bare `np.matmul`
    extra         MB that ours holds at its peak beyond its result; for convolutions also in columns of one sample

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

SHAPES = {  # name: (N, C, H = W, F, k, stride, padding, groups)
    "stem 7x7 / 2": (1, 3, 224, 64, 7, 2, 3, 1),
    "3x3, 64 ch": (32, 64, 32, 64, 3, 1, 1, 1),
    "5x5, 16 ch": (32, 16, 28, 32, 5, 1, 0, 1),
    "3x3, 128 ch": (8, 128, 16, 128, 3, 1, 1, 1),
    "1x1": (32, 64, 32, 64, 1, 1, 0, 1),
    "depthwise 3x3": (32, 64, 32, 64, 3, 1, 1, 64),
}
DENSE = list(SHAPES)[:4]
TARGETS = [  # what, at most, rows whose geometric mean counts
    ("conv2d forward, dense", 1.9, [f"{name}: forward" for name in DENSE]),
    ("conv2d three gradients, dense", 1.7, [f"{name}: gradients" for name in DENSE]),
    ("conv2d forward, 1x1", 1.4, ["1x1: forward"]),
    ("conv2d forward, depthwise", 6.0, ["depthwise 3x3: forward"]),
    ("max_pool2d forward", 0.3, ["max_pool2d 2x2: forward"]),
    ("max_pool2d forward and backward", 1.0, ["max_pool2d 2x2: both"]),
]
MEMORY = 1.5  # conv2d forward: extra memory in columns of one sample, with its padded copy


def fastest(functions, clock, seconds=1.0):
    """Return the shortest time in ms of each function, run in turn for `seconds`."""
    best = [math.inf] * len(functions)
    for function in functions:
        function()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
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


def measure(torch, name, ours, theirs, matmul=None, columns=None):
    """Return one row of the table as a dict."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    times = fastest([ours, theirs] + ([matmul] if matmul else []), clock)
    row = {"name": name, "ours": times[0], "torch": times[1], "extra": extra_memory(ours)}
    return {**row, "matmul": times[2] if matmul else None, "columns": columns}


def conv2d_rows(rng, torch):
    """Yield the rows of conv2d, forward and the three gradients, bias included."""
    import numpy as np

    from miniconv.gradients import conv2d_backward
    from miniconv.layer import conv2d

    def draw(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    for name, (n, c, size, filters, k, stride, padding, groups) in SHAPES.items():
        x, weight, bias = draw(n, c, size, size), draw(filters, c // groups, k, k), draw(filters)
        options = {"stride": stride, "padding": padding, "groups": groups}
        tensors = [torch.tensor(a, requires_grad=True) for a in (x, weight, bias)]
        out = torch.nn.functional.conv2d(*tensors, **options)
        grad = draw(*out.shape)
        torch_grad = torch.tensor(grad)
        places = out.shape[2] * out.shape[3]
        matrix, columns = weight.reshape(groups, filters // groups, -1), draw(groups, c // groups * k * k, places)
        grads = grad.reshape(n, groups, filters // groups, places)

        def bare_forward(n=n, matrix=matrix, columns=columns):
            for _ in range(n):
                np.matmul(matrix, columns)

        def bare_gradients(matrix=matrix, columns=columns, grads=grads):
            for g in grads:
                np.matmul(matrix.transpose(0, 2, 1), g)
                np.matmul(columns, g.transpose(0, 2, 1))

        def torch_forward(tensors=tensors, options=options):
            with torch.no_grad():
                return torch.nn.functional.conv2d(*tensors, **options)

        yield measure(
            torch,
            f"{name}: forward",
            lambda x=x, w=weight, b=bias, o=options: conv2d(x, w, b, **o),
            torch_forward,
            bare_forward,
            columns.nbytes,
        )
        yield measure(
            torch,
            f"{name}: gradients",
            lambda g=grad, x=x, w=weight, b=bias, o=options: conv2d_backward(g, x, w, b, **o),
            lambda y=out, t=tensors, g=torch_grad: torch.autograd.grad(y, t, g, retain_graph=True),
            bare_gradients,
            columns.nbytes,
        )


def pooling_rows(rng, torch):
    """Yield the rows of 2x2 max pooling."""
    import numpy as np

    pooling = importlib.import_module("miniconv.pooling")
    x = rng.standard_normal((32, 64, 32, 32)).astype(np.float32)
    grad = rng.standard_normal((32, 64, 16, 16)).astype(np.float32)
    tensor, torch_grad = torch.tensor(x, requires_grad=True), torch.tensor(grad)

    def torch_forward():
        with torch.no_grad():
            return torch.nn.functional.max_pool2d(tensor, 2)

    def torch_both():
        return torch.autograd.grad(torch.nn.functional.max_pool2d(tensor, 2), tensor, torch_grad)

    yield measure(torch, "max_pool2d 2x2: forward", lambda: pooling.max_pool2d(x, 2), torch_forward)
    yield measure(
        torch,
        "max_pool2d 2x2: both",
        lambda: (pooling.max_pool2d(x, 2), pooling.max_pool2d_backward(grad, x, 2)),
        torch_both,
    )


def attention_rows(rng, torch):
    """Yield the row of scaled dot-product attention."""
    import numpy as np

    attention = importlib.import_module("miniconv.attention").scaled_dot_product_attention
    arrays = [rng.standard_normal((8, 8, 256, 64)).astype(np.float32) for _ in range(3)]
    tensors = [torch.tensor(a) for a in arrays]

    def bare():
        query, key, value = arrays
        return np.matmul(np.matmul(query, key.swapaxes(-1, -2)), value)

    yield measure(
        torch,
        "attention (8, 8, 256, 64): forward",
        lambda: attention(*arrays),
        lambda: torch.nn.functional.scaled_dot_product_attention(*tensors),
        bare,
    )


def measure_all(threads):
    """Print the rows as JSON; runs in a process that was started with its number of threads."""
    import numpy as np
    import torch

    torch.set_num_threads(threads)
    rng, rows, absent = np.random.default_rng(0), [], []
    for part in (conv2d_rows, pooling_rows, attention_rows):
        try:
            rows += list(part(rng, torch))
        except ModuleNotFoundError as error:
            absent.append(str(error.name))
    print(json.dumps({"rows": rows, "absent": absent, "versions": [np.__version__, torch.__version__]}))


def environment(threads, keep_coretype):
    """Return the environment of a measuring process: its number of threads, and OpenBLAS free to choose its kernels."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    chosen = {**os.environ, **dict.fromkeys(names, str(threads))}
    if not keep_coretype:
        chosen.pop("OPENBLAS_CORETYPE", None)
    return chosen


def table(rows):
    """Return the lines of the table."""
    lines = [f"{'':36}{'torch':>8}{'ours':>8}{'ratio':>7}{'matmul':>8}{'over it':>9}{'extra':>8}"]
    for row in rows:
        line = f"{row['name']:36}{row['torch']:8.2f}{row['ours']:8.2f}{row['ours'] / row['torch']:7.2f}"
        bare = row["matmul"]
        line += f"{bare / row['torch']:8.2f}{row['ours'] / bare:9.2f}" if bare else f"{'':17}"
        line += f"{row['extra'] / 1e6:8.2f}"
        lines.append(line + (f"  = {row['extra'] / row['columns']:.2f} x columns" if row["columns"] else ""))
    return lines


def verdicts(rows):
    """Return a line per target: its figure, met or not met."""
    by_name = {row["name"]: row for row in rows}
    lines = []
    for what, limit, names in TARGETS:
        if any(name not in by_name for name in names):
            lines.append(f"{what:36} at most {limit:4}: not measured, the module is not there")
            continue
        logs = [math.log(by_name[name]["ours"] / by_name[name]["torch"]) for name in names]
        floors = [
            math.log(by_name[name]["matmul"] / by_name[name]["torch"]) for name in names if by_name[name]["matmul"]
        ]
        figure = math.exp(sum(logs) / len(logs))
        floor = f" (bare np.matmul: {math.exp(sum(floors) / len(floors)):.2f})" if floors else ""
        lines.append(f"{what:36} at most {limit:4}: {figure:.2f} {'met' if figure <= limit else 'NOT MET'}{floor}")
    worst = max(by_name[f"{name}: forward"]["extra"] / by_name[f"{name}: forward"]["columns"] for name in DENSE)
    met = "met" if worst <= MEMORY else "NOT MET"
    return [*lines, f"{'conv2d extra memory, dense':36} at most {MEMORY:4} columns of one sample: {worst:.2f} {met}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--keep-coretype", action="store_true", help="leave OPENBLAS_CORETYPE as it is")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure_all(options.measure)
        return
    for threads in options.threads:
        env = environment(threads, options.keep_coretype)
        command = [sys.executable, "-m", "tools.benchmarks.reference", "--measure", str(threads)]
        result = json.loads(subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout)
        kernels = f"OpenBLAS for {env.get('OPENBLAS_CORETYPE', 'this processor')}"
        numpy, torch = result["versions"]
        print(
            f"\n{threads} thread{'s' * (threads > 1)}; float32; NumPy {numpy} ({kernels}), PyTorch {torch}; times in ms"
        )
        print("\n".join(table(result["rows"])))
        if result["absent"]:
            print("Not there:", ", ".join(result["absent"]))
        note = "" if threads == 1 else " (the targets are for one thread; shown for comparison)"
        print(f"\nTargets, ratio to PyTorch{note}")
        print("\n".join(verdicts(result["rows"])))


if __name__ == "__main__":
    main()
