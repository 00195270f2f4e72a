"""The interactive figures show the reference package's numbers: the same random cases go through both."""

import itertools
import json
import math
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.algorithms import layer_products
from miniconv import (
    algorithms,
    attention,
    convolution,
    gradients,
    layer,
    motivation,
    pooling,
    priors,
    shapes,
    structured_outputs,
    visual_cortex,
)
from tests.helpers.arrays import assert_close

ROOT = Path(__file__).parents[2]
NODE = shutil.which("node")


def node(*arguments, text=None):
    """Run node, or report the test as not run where there is none."""
    if NODE is None:
        pytest.skip("not run: node is not installed")
    return subprocess.run([NODE, *arguments], input=text, capture_output=True, text=True, timeout=120, cwd=ROOT)


def evaluate(module, calls):
    """Return what the functions of a compute module give for [(name, args), ...]; an error message for a refusal."""
    payload = {"module": module, "calls": [{"name": name, "args": args} for name, args in calls]}
    done = node("tests/js/evaluate.mjs", text=json.dumps(payload, default=lambda array: array.tolist()))
    assert done.returncode == 0, done.stderr
    return [result.get("value", result.get("error")) for result in json.loads(done.stdout)]


def draws(count=40, seed=0):
    """Return that many independent generators."""
    return [np.random.default_rng([seed, index]) for index in range(count)]


def outcome(function, *arguments, **options):
    """Return the function's value, or None where it refuses."""
    try:
        return function(*arguments, **options)
    except ValueError:
        return None


def agree(actual, expected):
    """Numbers equal, refusals equal."""
    if expected is None:
        assert isinstance(actual, str)
    else:
        assert_close(np.asarray(actual, dtype=float), np.asarray(expected, dtype=float), scale=1e3)


def test_modules_pass_their_own_tests():
    done = node("--test", *sorted(str(path) for path in (ROOT / "tests/js").glob("*.test.mjs")))
    assert done.returncode == 0, done.stdout[-3000:]


def test_sizes():
    cases = [g.integers((1, 1, 1, 0, 1), (30, 8, 5, 5, 4)).tolist() for g in draws(200)]
    actual = evaluate("shapes", [("convOutput", case) for case in cases])
    for got, (n, k, s, p, d) in zip(actual, cases, strict=True):
        expected = outcome(shapes.conv_output_shape, (n,), k, s, p, d)
        agree(got, expected and expected[0])
    for ceil in (False, True):
        actual = evaluate("shapes", [("poolOutput", [*case, ceil]) for case in cases])
        for got, (n, k, s, p, d) in zip(actual, cases, strict=True):
            expected = outcome(shapes.pool_output_shape, (n,), k, s, p, d, ceil)
            agree(got, expected and expected[0])
    actual = evaluate("shapes", [("transposeOutput", [n, k, s, p, 0, d]) for n, k, s, p, d in cases])
    for got, (n, k, s, p, d) in zip(actual, cases, strict=True):
        expected = outcome(shapes.conv_transpose_output_shape, (n,), k, s, p, 0, d)
        agree(got, expected and expected[0])


def test_what_no_window_reads():
    cases = [g.integers((1, 1, 1, 0, 1), (14, 5, 6, 5, 4)).tolist() for g in draws(200)]
    sizes = [outcome(shapes.conv_output_shape, (n,), *rest) for n, *rest in cases]
    fitting = [(n, m[0], *rest) for (n, *rest), m in zip(cases, sizes, strict=True) if m]
    assert len(fitting) > 100
    for got, (n, _, *rest) in zip(evaluate("shapes", [("unread", case) for case in fitting]), fitting, strict=True):
        assert got == np.flatnonzero(~motivation.connectivity([rest], n).any(axis=0)).tolist()


def test_a_layer_of_several_channels():
    def case(generator):
        channels, filters, kernel = generator.integers(1, 4, 3)
        x = generator.integers(-5, 6, (channels, *generator.integers(3, 7, 2))).astype(float)
        weight = generator.integers(-3, 4, (filters, channels, kernel, kernel)).astype(float)
        return x, weight, {"stride": int(generator.integers(1, 4)), "padding": int(generator.integers(0, 3))}

    cases = [case(g) for g in draws()]
    maps = [layer.conv2d(x[None], weight, **options)[0] for x, weight, options in cases]
    for got, expected in zip(evaluate("layer", [("layer", case) for case in cases]), maps, strict=True):
        agree(got, expected)
    calls = [
        ("unfold", [x, weight.shape[2], y.shape[1:], options])
        for (x, weight, options), y in zip(cases, maps, strict=True)
    ]
    for got, (x, weight, options) in zip(evaluate("layer", calls), cases, strict=True):
        agree(got, layer.unfold(x[None], weight.shape[2], **options)[0])


def test_products_of_a_layer():
    cases = [g.integers(1, (65, 129, 129, 257, 16, 300)).tolist() for g in draws()]
    for got, case in zip(evaluate("layers", [("layerProducts", case) for case in cases]), cases, strict=True):
        assert np.allclose(got, layer_products(*case))
    assert evaluate("layers", [("powerOfTwo", [room]) for room in (1, 2, 3, 128, 129)]) == [1, 2, 4, 128, 256]


def test_scores_of_a_mask():
    cases = [g.integers(0, 2, (2, *g.integers(2, 9, 2))) * (g.random((2, 1, 1)) > 0.2) for g in draws(60)]
    cases = [(mask, label, int(1 + index % 4)) for index, (mask, label) in enumerate(cases)]
    for got, (mask, label, width) in zip(evaluate("segmentation", [("scores", c) for c in cases]), cases, strict=True):
        iou = structured_outputs.intersection_over_union(mask, label, 2)[1]
        border = structured_outputs.band_accuracy(mask[None], label[None], width)
        expected = {"iou": iou, "dice": 2 * iou / (1 + iou), "share": np.mean(mask == label), "border": border}
        for name, value in expected.items():
            assert np.isclose(np.nan if got[name] is None else got[name], value, equal_nan=True), name


@pytest.mark.slow
def test_a_kernel_as_a_sum_of_outer_products():
    cases = [g.normal(size=(k, k)) for g, k in zip(draws(18), itertools.cycle(range(3, 12)))]
    for parts, kernel in zip(evaluate("rank", [("decompose", [kernel]) for kernel in cases]), cases, strict=True):
        assert_close(np.array(parts["values"]), np.linalg.svd(kernel)[1], scale=10)
        for rank in (1, len(kernel)):
            terms = zip(parts["columns"][:rank], parts["values"], parts["rows"], strict=False)
            kept = sum(value * np.outer(column, row) for column, value, row in terms)
            (got,) = evaluate("rank", [("missed", [parts, rank])])
            error = np.linalg.norm(kernel - kept) / np.linalg.norm(kernel)
            assert abs(got - error) < 1e-12
            if rank == 1:
                assert abs(got - algorithms.separate_kernel(kernel)[2]) < 1e-12
            else:
                assert_close(kept, kernel, scale=10)


def layer_case(generator):
    """Return an image, a kernel and the options of a layer, all small."""
    x = generator.integers(-5, 6, tuple(generator.integers(3, 9, 2))).astype(float)
    w = generator.integers(-3, 4, tuple(generator.integers(1, 4, 2))).astype(float)
    names = ("stride", "padding", "dilation")
    return x, w, dict(zip(names, map(int, (generator.integers(1, 4), generator.integers(0, 3), 1)), strict=True))


def test_cross_correlation_and_its_gradients():
    cases = [layer_case(g) for g in draws()]
    actual = evaluate("convolution", [("crossCorrelate", case) for case in cases])
    outputs = [layer.conv2d(x[None, None], w[None, None], **options) for x, w, options in cases]
    for got, expected in zip(actual, outputs, strict=True):
        agree(got, expected[0, 0])
    above = [np.random.default_rng(3).integers(-3, 4, y.shape).astype(float) for y in outputs]
    calls = [("convBackward", [g[0, 0], *case]) for g, case in zip(above, cases, strict=True)]
    for got, g, (x, w, options) in zip(evaluate("gradients", calls), above, cases, strict=True):
        expected = gradients.conv2d_backward(g, x[None, None], w[None, None], **options)
        agree(got["gradX"], expected[0][0, 0])
        agree(got["gradW"], expected[1][0, 0])


def test_convolution_flips():
    cases = [layer_case(g)[:2] for g in draws()]
    for got, (x, w) in zip(evaluate("convolution", [("convolve", case) for case in cases]), cases, strict=True):
        agree(got, convolution.convolve2d(x, w, "valid"))


def test_transposed_convolution_is_the_adjoint():
    cases = [layer_case(g) for g in draws()]
    actual = evaluate("convolution", [("transpose", case) for case in cases])
    for got, (x, w, options) in zip(actual, cases, strict=True):
        size = outcome(shapes.conv_transpose_output_shape, x.shape, w.shape, options["stride"], options["padding"])
        if size is None:
            assert isinstance(got, str)
            continue
        weight = w[None, None]
        agree(got, gradients.conv2d_input((1, 1, *size), weight, x[None, None], **options)[0, 0])


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_matrices(mode):
    cases = [layer_case(g)[:2] for g in draws()]
    actual = evaluate("convolution", [("matrix2d", [w, list(x.shape), mode]) for x, w in cases])
    for got, (x, w) in zip(actual, cases, strict=True):
        agree(got, convolution.convolution_matrix2d(w, x.shape, mode))
    actual = evaluate("convolution", [("matrix1d", [w[0], x.shape[1], mode]) for x, w in cases])
    for got, (x, w) in zip(actual, cases, strict=True):
        agree(got, convolution.convolution_matrix1d(w[0], x.shape[1], mode))


def test_receptive_fields():
    def stack(generator):
        depth = generator.integers(1, 5)
        return [tuple(map(int, generator.integers((1, 1, 0, 1), (5, 4, 3, 4)))) for _ in range(depth)]

    names = ("kernel", "stride", "padding", "dilation")
    cases = [stack(g) for g in draws(60)]
    named = [[dict(zip(names, values, strict=True)) for values in case] for case in cases]
    fields = evaluate("receptive", [("receptiveField", [case]) for case in named])
    counts = evaluate("receptive", [("sizes", [case, 40]) for case in named])
    checked = 0
    for got, count, case, layers in zip(fields, counts, cases, named, strict=True):
        assert (got["size"], got["jump"], got["start"]) == motivation.receptive_field(case)
        reads = outcome(motivation.connectivity, case, 40)
        if reads is None:
            assert isinstance(count, str)
            continue
        assert count[-1] == len(reads)
        unit = len(reads) // 2
        ways = evaluate("receptive", [("paths", [layers, 40, unit])])[0] if checked < 8 else None
        if ways is not None:
            assert [way > 0 for way in ways] == reads[unit].tolist()
            checked += 1
    assert checked == 8


def test_the_sentence_about_a_receptive_field_is_computed():
    """What it says of a stack holds, for random stacks and for those at the ends of every range, for any unit."""
    names, length = ("kernel", "stride", "padding", "dilation"), 32
    random = [
        [tuple(map(int, g.integers((1, 1, 0, 1), (8, 5, 7, 9)))) for _ in range(g.integers(1, 6))] for g in draws(300)
    ]
    extreme = [
        [(1, 1, 6, 1)],
        [(1, 1, 0, 1)] * 5,
        [(7, 1, 6, 1)] * 5,
        [(2, 1, 0, d) for d in (1, 2, 4)],
        [(1, 4, 0, 1)],
    ]
    calls, expected = [], []
    for stack in extreme + random:
        reads = outcome(motivation.connectivity, stack, length)
        for unit in [] if reads is None else sorted({0, len(reads) // 2, len(reads) - 1}):
            layers = [dict(zip(names, layer, strict=True)) for layer in stack]
            calls.append(("describe", [layers, length, unit]))
            expected.append((motivation.receptive_field(stack), path_counts(stack, length)[unit], reads[unit], unit))
    assert len(calls) > 300
    for said, ((size, jump, start), ways, reads, unit) in zip(evaluate("receptive", calls), expected, strict=True):
        first, last = start + unit * jump, start + unit * jump + size - 1
        assert f"sees {f'{size} places, from {first} to {last}' if size > 1 else f'place {first}'}" in said
        inside = sum(0 <= place < length for place in range(first, last + 1))
        hidden = re.search(r", (?:(\d+) of them )?in the padding", said)
        assert (int(hidden[1] or 1) if hidden else 0) == size - inside, said
        only = re.search(r"Of the (\d+) inputs? there it reads only (\d+)", said)
        assert (only is not None) == (reads.sum() < inside)
        assert only is None or (int(only[1]), int(only[2])) == (inside, reads.sum())
        assert f"right neighbour begins {jump} place{'s' * (jump != 1)} further on" in said
        check_paths(said, ways)


def path_counts(stack, length):
    """Return the number of paths from each input to each output of a stack, as a product of matrices."""
    ways = np.eye(length)
    for kernel, stride, padding, dilation in stack:
        step = np.zeros(((len(ways) + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1, len(ways)))
        for (output, tap), _ in np.ndenumerate(np.empty((len(step), kernel))):
            place = output * stride - padding + tap * dilation
            if 0 <= place < len(ways):
                step[output, place] = 1
        ways = step @ ways
    return ways


def check_paths(said, ways):
    """Compare the last sentence of a receptive field with the number of paths from each input."""
    counts = ways[ways > 0]
    if most := re.search(
        r"Most paths, (\d+), lead to it from .*?(\d[\d, and]*); fewest, (\d+), from (\d+) inputs?\.", said
    ):
        assert (int(most[1]), int(most[3])) == (counts.max(), counts.min()) and counts.max() > counts.min()
        assert list(map(int, re.findall(r"\d+", most[2]))) == np.flatnonzero(ways == counts.max()).tolist()
        assert int(most[4]) == (counts == counts.min()).sum()
    elif equal := re.search(r"From each of the (\d+) inputs (\d+) paths? leads? to it", said):
        assert (int(equal[1]), int(equal[2])) == (counts.size, counts[0]) and counts.size > 1 and not np.ptp(counts)
    elif single := re.search(r"(\d+) paths? leads? to it from input (\d+)\.", said):
        assert counts.size == 1 and (int(single[1]), int(single[2])) == (counts[0], np.flatnonzero(ways)[0])
    else:
        assert "No path leads" in said and counts.size == 0, said


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_the_sentence_about_a_row_of_the_matrix_is_computed(mode):
    cases = [layer_case(g)[:2] for g in draws()] + [(np.arange(8.0)[None], np.array([[0.0, 5.0, 0.0]]))]
    calls, expected = [], []
    for x, w in cases:
        outputs = convolution.convolve2d(x, w, mode)
        meets = convolution.convolution_matrix2d(np.ones(w.shape), x.shape, mode) != 0
        weights = convolution.convolution_matrix2d(w, x.shape, mode)
        for row in {0, outputs.size // 2, outputs.size - 1}:
            calls.append(("describeRow", [w, x, mode, row]))
            place = np.unravel_index(row, outputs.shape)
            name = str(row) if len(x) == 1 else f"({place[0]}, {place[1]})"
            expected.append((row, name, outputs[place], meets[row], weights[row], w.size))
    for got, (row, name, output, meets, weights, taps) in zip(evaluate("convolution", calls), expected, strict=True):
        said, there = got["sentence"], int(meets.sum())
        assert said.startswith(f"Row {row} makes output {name}: ")
        assert ("the whole kernel" in said) == (there == taps)
        hangs = re.search(r"(\d+) of its (\d+) taps? meets? the input", said)
        assert hangs is None if there == taps else (int(hangs[1]), int(hangs[2])) == (there, taps)
        none = re.search(r"; (\d+) taps? there (is|are) 0", said)
        assert (int(none[1]) if none else 0) == (meets & (weights == 0)).sum()
        assert got["sum"].endswith(f" = {output:g}".replace("-", "−"))
        assert got["sum"].count("·") == there


def test_the_sentence_about_both_operations_is_computed():
    image = np.array([[0, 0, 0, 0, 0], [0, 0, 2, 0, 0], [0, 0, 0, 0, 0.0]])
    equal, accident = np.array([[1, 2, 1]]), np.array([[1.0, 2, 3]])
    calls = [("compareOperations", [image, kernel, "convolution", [1, 0]]) for kernel in (equal, accident)]
    calls.append(("compareOperations", [np.zeros((3, 3)), accident, "correlation", [0, 0]]))
    symmetric, different, blind = evaluate("convolution", calls)
    assert "for every image" in symmetric
    assert (
        different == f"Cross-correlation gives {convolution.cross_correlate2d(image, accident, 'valid')[1, 0]:g} here."
    )
    assert "for this image" in blind


def test_pooling_and_its_gradients():
    cases = [(g.integers(-4, 5, (7, 6)).astype(float), int(g.integers(1, 4)), int(g.integers(1, 4))) for g in draws()]
    functions = {
        "max": pooling.max_pool2d,
        "average": pooling.avg_pool2d,
        "l2": lambda x, k, s: pooling.lp_pool2d(x, 2, k, s),
    }
    for kind, function in functions.items():
        actual = evaluate("pooling", [("pool", [x, kind, k, s]) for x, k, s in cases])
        for got, (x, k, s) in zip(actual, cases, strict=True):
            agree(got, function(x[None, None], k, s)[0, 0])
    backwards = {
        "maxPoolBackward": pooling.max_pool2d_backward,
        "averagePoolBackward": pooling.avg_pool2d_backward,
    }
    for name, function in backwards.items():
        shape = [pooling.max_pool2d(x[None, None], k, s).shape for x, k, s in cases]
        above = [np.random.default_rng(5).normal(size=size) for size in shape]
        actual = evaluate("gradients", [(name, [g[0, 0], x, k, s]) for g, (x, k, s) in zip(above, cases, strict=True)])
        for got, g, (x, k, s) in zip(actual, above, cases, strict=True):
            agree(got, function(g, x[None, None], k, s)[0, 0])


def test_shifts():
    cases = [(g.normal(size=(5, 6)), int(g.integers(-6, 7)), int(g.integers(-6, 7))) for g in draws()]
    for got, (x, down, right) in zip(evaluate("pooling", [("shift", case) for case in cases]), cases, strict=True):
        agree(got, motivation.shift2d(x, (down, right)))


def test_outputs_that_see_ink():
    cases = [np.random.default_rng([7, i]).integers(0, 3, (2, 4, 5)) for i in range(40)]
    for got, (a, b) in zip(evaluate("pooling", [("compareInk", list(case)) for case in cases]), cases, strict=True):
        ink = (a > 0) | (b > 0)
        assert got == {"seen": ink.sum(), "changed": (a != b)[ink].sum()}


def test_layers_under_a_penalty():
    def case(generator):
        n, size = int(generator.integers(3, 8)), int(generator.integers(1, 4))
        x = generator.normal(size=(n + int(generator.integers(1, 10)), n))
        strength = float(generator.choice([0, 1e-3, 0.1, 1, 10, 1e4, math.inf]))
        return x, generator.normal(size=(len(x), n - size + 1)), strength

    cases = [case(g) for g in draws()]
    calls = [("fitWithConvPrior", [x, y, "Infinity" if strength == math.inf else strength]) for x, y, strength in cases]
    fits = [priors.fit_with_conv_prior(x[:, None], y[:, None], strength) for x, y, strength in cases]
    for got, fitted in zip(evaluate("priors", calls), fits, strict=True):
        assert_close(np.asarray(got), fitted, scale=1e6)
    kernels = [(1, fitted.shape[1] - len(fitted) + 1) for fitted in fits]
    nearest = [priors.project_to_convolution(a, (1, a.shape[1]), k) for a, k in zip(fits, kernels, strict=True)]
    for got, expected in zip(evaluate("priors", [("project", [a]) for a in fits]), nearest, strict=True):
        agree(got, expected)
    errors = evaluate("priors", [("trainingError", [a, x, y]) for a, (x, y, _) in zip(fits, cases, strict=True)])
    for got, a, (x, y, _) in zip(errors, fits, cases, strict=True):
        agree(got, np.mean((x @ a.T - y) ** 2))
    # What no convolution gets below is the price of the prior.
    calls = [("expectedError", [p, a, 0]) for p, a in zip(nearest, fits, strict=True)]
    for got, a, k in zip(evaluate("priors", calls), fits, kernels, strict=True):
        agree(got, priors.conv_prior_cost(a, (1, a.shape[1]), k))


def test_four_optimisers_step_as_those_of_pytorch_do():
    data = evaluate("descent", [("examples", [])])[0]
    x, y = (torch.tensor(data[name], dtype=torch.float64) for name in ("x", "y"))
    makers = {
        "sgd": lambda p, lr, mu, decay: torch.optim.SGD(p, lr, weight_decay=decay),
        "momentum": lambda p, lr, mu, decay: torch.optim.SGD(p, lr, momentum=mu, weight_decay=decay),
        "adam": lambda p, lr, mu, decay: torch.optim.Adam(p, lr, weight_decay=decay),
        "adamw": lambda p, lr, mu, decay: torch.optim.AdamW(p, lr, weight_decay=decay),
    }
    for rate, momentum, batch, decay in ((0.1, 0.9, 64, 0), (0.3, 0.5, 4, 0.3), (1.0, 0.0, 1, 0.03)):
        options = dict(start=[-1.4, 1.4], rate=rate, momentum=momentum, batch=batch, decay=decay, steps=40)
        rows = evaluate("descent", [("batches", [64, batch, 40])])[0]
        assert all(len(set(step)) == batch for step in rows) and len({tuple(step) for step in rows}) == 1 + 39 * (
            batch < 64
        )
        for name, got in zip(makers, evaluate("descent", [("path", [data, name, options]) for name in makers])):
            w = torch.tensor([-1.4, 1.4], dtype=torch.float64, requires_grad=True)
            optimizer, expected = makers[name]([w], rate, momentum, decay), [w.tolist()]
            for step in rows:
                optimizer.zero_grad()
                (0.5 * (x[step] @ w - y[step]).square().mean()).backward()
                optimizer.step()
                expected.append(w.tolist())
            agree(got, expected)


def test_the_landscape_of_the_optimisers():
    data = evaluate("descent", [("examples", [])])[0]
    x, y = np.array(data["x"]), np.array(data["y"])
    curvatures, lowest = evaluate("descent", [("curvatures", [data]), ("lowest", [data])])
    agree(curvatures, np.linalg.eigvalsh(x.T @ x / len(x)))
    agree(lowest, np.linalg.lstsq(x, y, rcond=None)[0])
    agree(evaluate("descent", [("loss", [data, [1, -2]])])[0], np.mean((x @ [1, -2] - y) ** 2) / 2)


def test_the_examples_of_the_prior_are_white():
    drawn = np.array(evaluate("priors", [("normal", [1, 20000])])[0])
    assert abs(drawn.mean()) < 0.03 and abs(drawn.var() - 1) < 0.04
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.03


def test_gabor_functions_and_cells():
    def parameters(generator):
        return {
            "frequency": float(generator.uniform(0, 0.5)),
            "angle": float(generator.uniform(-4, 4)),
            "phase": float(generator.uniform(-4, 4)),
            "sigma": generator.uniform(0.5, 6, 2).tolist(),
            "center": generator.uniform(-3, 3, 2).tolist(),
        }

    cases = [(int(g.integers(1, 16)), parameters(g)) for g in draws()]
    for got, (size, options) in zip(evaluate("gabor", [("gabor", case) for case in cases]), cases, strict=True):
        agree(got, visual_cortex.gabor(size, **options))
    for got, (size, options) in zip(evaluate("gabor", [("grating", case) for case in cases]), cases, strict=True):
        agree(got, visual_cortex.grating(size, options["frequency"], options["angle"], options["phase"]))
    size, options = 15, cases[0][1]
    picture = np.random.default_rng(1).normal(size=(size, size))
    names = ("frequency", "angle", "sigma", "center")
    pair = visual_cortex.quadrature_pair(size, **{name: options[name] for name in names})
    kernel, angles = visual_cortex.gabor(size, **options), np.linspace(0, math.pi, 7)
    calls = [
        ("quadraturePair", [size, options]),
        ("response", [kernel, picture]),
        ("complexResponse", [[pair[0], pair[1]], picture]),
        ("tuningCurve", [kernel, 0.2, angles]),
    ]
    expected = [
        pair,
        visual_cortex.simple_cell(picture, kernel),
        visual_cortex.complex_cell(picture, *pair),
        visual_cortex.grating_response(kernel, 0.2, angles),
    ]
    for got, value in zip(evaluate("gabor", calls), expected, strict=True):
        agree(got, np.squeeze(value))


def test_attention():
    shapes = (2, (5, 2), (5, 1))
    cases = [(*(g.normal(size=size) for size in shapes), float(g.uniform(0.05, 20))) for g in draws()]
    actual = evaluate("attention", [("attend", case) for case in cases])
    for got, (query, keys, values, temperature) in zip(actual, cases, strict=True):
        # A temperature t divides the scores: the same as queries divided by t.
        expected = attention.scaled_dot_product_attention((query / temperature)[None], keys, values)
        output = expected[0] if isinstance(expected, tuple) else expected
        agree(got["output"], np.squeeze(output, 0))
    scores = [g.normal(size=6) * 50 for g in draws()]
    for got, row in zip(evaluate("attention", [("softmax", [row]) for row in scores]), scores, strict=True):
        agree(got, attention.softmax(row))
