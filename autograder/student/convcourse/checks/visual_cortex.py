"""The visual cortex: Gabors, simple and complex cells, how cells are measured, the fovea, and four claims on trial."""

import math
import weakref
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from convcourse.engine import kinds
from convcourse.engine.builders import Arrays, claim_mistakes, lopsided, pair
from convcourse.engine.check import Check
from convcourse.engine.evidence import verdict_and_evidence
from convcourse.engine.model import Case, Mistake, Property
from convcourse.engine.oracles import tensor


def _cut(right):
    """Build a wrong answer that is right for floats and gives whole numbers for whole numbers."""

    def wrong(x, *args, **kwargs):
        y = right(_floats(x), *map(_floats, args), **kwargs)
        return np.trunc(y) if x.dtype.kind in "iu" else y

    return wrong


def _floats(x):
    return x.astype(float) if isinstance(x, np.ndarray) and x.dtype.kind in "iu" else x


# --- Gabors --------------------------------------------------------------------------------------------------------


def _gabor(shape, frequency, angle, phase=0.0, sigma=2.0, center=(0.0, 0.0), amplitude=1.0, **wrong):
    """Sample a Gabor in PyTorch; the keywords in `wrong` build wrong ones."""
    height, width = pair(shape)
    middle = wrong.get("middle", lambda n: (n - 1) / 2)
    x = torch.arange(width, dtype=torch.float64) - middle(width) - center[0]
    y = (torch.arange(height, dtype=torch.float64) - middle(height) - center[1])[:, None]
    u, v = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    sigma = pair(sigma)
    a, b = (x, y) if wrong.get("upright_window") else (u, v)
    window = torch.exp(-((a / sigma[0]) ** 2 + (b / sigma[1]) ** 2) / wrong.get("halving", 2))
    distance = torch.hypot(x, y) if wrong.get("rings") else u
    wave = torch.cos(wrong.get("turn", 2 * math.pi) * frequency * distance + phase)
    return (amplitude * window * wave).numpy()


def _gabor_with(change=None, **wrong):
    """Build a wrong Gabor: `change` gets all arguments by name and gives the ones to use."""

    def gabor(shape, frequency, angle, phase=0.0, sigma=2.0, center=(0.0, 0.0), amplitude=1.0):
        arguments = {"shape": shape, "frequency": frequency, "angle": angle, "phase": phase}
        arguments |= {"sigma": sigma, "center": center, "amplitude": amplitude}
        return _gabor(**(change(arguments) if change else arguments), **wrong)

    return gabor


def _turned(point, angle):
    """Turn a point of the rotated frame back into the array's frame."""
    x, y = point
    return x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)


def _lag(given):
    """Return the phase that a wave gains at the center when it stays where it was."""
    x, y = given["center"]
    return 2 * math.pi * given["frequency"] * (x * math.cos(given["angle"]) + y * math.sin(given["angle"]))


def _gabor_size(shape, frequency, angle, phase=0.0, sigma=2.0, center=(0.0, 0.0), amplitude=1.0):
    return np.array(float(abs(amplitude)))


def _draw_gabor(sampler):
    shape = 2 * sampler.integer(1, 4) + 1, 2 * sampler.integer(1, 4) + 1
    angle, phase = (float(value) for value in sampler.array(2))
    kwargs = {"phase": phase, "sigma": sampler.choice((2.0, 1.5))}
    part = sampler.choice(("turned", "window", "center"))
    if part == "window":
        kwargs["sigma"] = (sampler.choice((1.0, 1.5)), sampler.choice((2.5, 3.0)))
    if part == "center":
        kwargs["center"] = (sampler.choice((1.0, -1.5)), sampler.choice((0.5, -2.0)))
    return Case((shape, sampler.choice((0.1, 0.2, 0.3)), angle), kwargs, part)


GABOR = Check(
    "gabor",
    section="visual_cortex#visual_cortex-gabor",
    oracle=_gabor,
    scale=_gabor_size,
    parts={"upright": 2, "turned": 2, "window": 1, "center": 1},
    cases=(
        Case(((1, 5), 0.25, 0.0), {}, "upright", "f = 1/4: one cycle in four pixels"),
        Case(((3, 5), 0.2, 0.0), {"phase": 1.0}, "upright", "a phase"),
        Case(((3, 5), 0.5, 0), {"phase": 2, "sigma": 2, "amplitude": 3}, "upright", "whole numbers"),
        Case(
            ((4, 6), 0.15, 0.0),
            {"phase": 0.4, "amplitude": -3.0},
            "upright",
            "even sizes: the middle lies between pixels",
        ),
        Case(((7, 5), 0.2, np.pi / 2), {"phase": 0.3}, "turned", "brightness changes downwards"),
        Case(((7, 5), 0.1, 0.6), {"phase": -0.5, "sigma": 1.5}, "turned"),
        Case((7, 0.3, -2.0), {"phase": 2.0, "amplitude": 2.0}, "turned", "one number for the shape"),
        Case(
            ((7, 5), 0.15, 0.5),
            {"sigma": (1.0, 3.0), "phase": 0.2},
            "window",
            "short along the wave, long along the bars",
        ),
        Case(((7, 5), 0, 0.5), {"sigma": (1, 3), "phase": 0.2}, "window", "no wave: the window alone"),
        Case((9, 0.1, 2.0), {"sigma": (4.0, 1.5), "phase": 0.2}, "window"),
        Case(((5, 7), 0.2, 0.4), {"center": (2.0, -1.0), "phase": 0.2}, "center", "to the right and up"),
        Case(((5, 7), 0.1, 1.2), {"center": (-1.5, 0.5), "sigma": 1.5, "phase": 0.3, "amplitude": -2.0}, "center"),
        Case(((1, 1), 0.2, 0.4), {"center": (2, -1), "phase": 0.2}, "center", "one pixel"),
    ),
    draw_case=_draw_gabor,
    mistakes=(
        Mistake(
            "radians per pixel",
            "Your frequency counts radians for each pixel; it counts cycles: multiply by 2 pi.",
            _gabor_with(turn=1.0),
        ),
        Mistake(
            "degrees",
            "You took the angle for degrees: it is in radians.",
            _gabor_with(lambda g: g | {"angle": math.radians(g["angle"])}),
            share=1 / 3,
        ),
        Mistake(
            "y upwards",
            "You let y point up: rows of an image count downwards, so that pi / 2 points down.",
            _gabor_with(lambda g: g | {"angle": -g["angle"]}),
            share=1 / 3,
        ),
        Mistake(
            "angle of the bars",
            "Your angle is that of the bars; it is the direction in which the wave changes, at right angles to them.",
            _gabor_with(lambda g: g | {"angle": g["angle"] + math.pi / 2}),
        ),
        Mistake(
            "width first",
            "You took the width for the height: the first number of the shape counts the rows.",
            _gabor_with(lambda g: g | {"shape": pair(g["shape"])[::-1]}),
        ),
        Mistake(
            "sigmas swapped",
            "You swapped the two sigmas: the first is along the wave, the second along the bars.",
            _gabor_with(lambda g: g | {"sigma": pair(g["sigma"])[::-1]}),
            share=5 / 6,
        ),
        Mistake(
            "no factor two",
            "The Gaussian lacks its 2: exp(-x^2 / (2 sigma^2)).",
            _gabor_with(halving=1),
        ),
        Mistake(
            "middle at size // 2",
            "You put the middle at size // 2; for even sizes it lies between two pixels, at (size - 1) / 2.",
            _gabor_with(middle=lambda n: n // 2),
            share=2 / 3,
        ),
        Mistake(
            "center swapped",
            "You swapped the center: first x0 (to the right), then y0 (down).",
            _gabor_with(lambda g: g | {"center": tuple(g["center"])[::-1]}),
            share=5 / 6,
        ),
        Mistake(
            "center ignored",
            "You ignored the center.",
            _gabor_with(lambda g: g | {"center": (0.0, 0.0)}),
            share=5 / 6,
        ),
        Mistake(
            "center the other way",
            "You moved the center the wrong way: x0 is subtracted.",
            _gabor_with(lambda g: g | {"center": tuple(-c for c in g["center"])}),
            share=5 / 6,
        ),
        Mistake(
            "center after turning",
            "You subtracted the center after turning: x0 and y0 are counted along the rows and columns of the array.",
            _gabor_with(lambda g: g | {"center": _turned(g["center"], g["angle"])}),
            share=5 / 6,
        ),
        Mistake(
            "the window alone moves",
            "You moved the window and left the wave behind: the center holds for both.",
            _gabor_with(lambda g: g | {"phase": g["phase"] + _lag(g)}),
            share=5 / 6,
        ),
        Mistake(
            "the window does not turn",
            "Your window does not turn with the angle: the first sigma is along x', the second along y'.",
            _gabor_with(upright_window=True),
            share=5 / 6,
        ),
        Mistake(
            "sigma ignored",
            "You ignored sigma.",
            _gabor_with(lambda g: g | {"sigma": 2.0}),
            share=1 / 3,
        ),
        Mistake(
            "round window",
            "You used the first sigma for both directions.",
            _gabor_with(lambda g: g | {"sigma": pair(g["sigma"])[0]}),
            share=5 / 6,
        ),
        Mistake(
            "phase the other way",
            "You subtracted the phase; it is added.",
            _gabor_with(lambda g: g | {"phase": -g["phase"]}),
        ),
        Mistake(
            "phase in cycles",
            "You multiplied the phase by 2 pi as well: it is in radians already.",
            _gabor_with(lambda g: g | {"phase": 2 * math.pi * g["phase"]}),
        ),
        Mistake(
            "sine",
            "You took the sine; the wave is a cosine.",
            _gabor_with(lambda g: g | {"phase": g["phase"] - math.pi / 2}),
        ),
        Mistake(
            "phase ignored",
            "You ignored the phase.",
            _gabor_with(lambda g: g | {"phase": 0.0}),
        ),
        Mistake(
            "rings",
            "Your cosine takes the distance from the center, which makes rings; it takes x' alone.",
            _gabor_with(rings=True),
        ),
        Mistake(
            "amplitude ignored",
            "You ignored the amplitude.",
            _gabor_with(lambda g: g | {"amplitude": 1.0}),
            share=1 / 6,
        ),
    ),
)


def _quadrature(shape, frequency, angle, sigma=2.0, center=(0.0, 0.0), *, balanced=False, **wrong):
    even = _gabor(shape, frequency, angle, wrong.get("first", 0.0), sigma, center)
    odd = _gabor(shape, frequency, angle, wrong.get("second", -math.pi / 2), sigma, center)
    if balanced:
        window = _gabor(shape, 0.0, angle, 0.0, sigma, center)
        odd = wrong.get("balance_odd", lambda o, w: o)(odd, window)
        even = wrong.get("balance", lambda e, w: e - w * (e.sum() / w.sum()))(even, window)
    return even, odd


def _quadrature_with(**wrong):
    return lambda *args, **kwargs: _quadrature(*args, **kwargs, **wrong)


def _pair_size(shape, frequency, angle, sigma=2.0, center=(0.0, 0.0), *, balanced=False):
    return np.array(2.0)


def _draw_pair(sampler):
    shape = sampler.integer(3, 8), sampler.integer(3, 8)
    part = sampler.choice(("plain", "balanced"))
    kwargs = {"balanced": True} if part == "balanced" else {}
    return Case(
        (shape, sampler.choice((0.1, 0.2, 0.15)), float(sampler.array(1)[0]), sampler.choice((2.0, 1.5))), kwargs, part
    )


QUADRATURE_PAIR = Check(
    "quadrature_pair",
    builds_on=("gabor",),
    section="visual_cortex#visual_cortex-complex",
    oracle=_quadrature,
    scale=_pair_size,
    outputs=("even", "odd"),
    parts={"plain": 2, "balanced": 1},
    cases=(
        Case(((1, 3), 0.25, 0.0, 1.0), {}, "plain", "a cosine and a sine"),
        Case(((6, 4), 0.2, 0.7), {}, "plain", "the default window"),
        Case(((6, 4), 0.1, -2.0, (1.5, 2.5), (0.5, -1.0)), {}, "plain", "a window and a center of their own"),
        Case((5, 0.3, 1, 2, (1, -1)), {}, "plain", "whole numbers"),
        Case(((1, 5), 0.1, 0.0, 1.5), {"balanced": True}, "balanced", "a low frequency"),
        Case(((7, 6), 0.2, -0.4), {"balanced": True}, "balanced", "the default window"),
        Case(((7, 6), 0.1, 2.2, (1.0, 2.0), (0.5, 0.5)), {"balanced": True}, "balanced"),
    ),
    draw_case=_draw_pair,
    mistakes=(
        Mistake(
            "sine the other way",
            "Your odd kernel has the opposite sign: its phase is -pi / 2, which makes cos a sine.",
            _quadrature_with(second=math.pi / 2),
        ),
        Mistake(
            "half a cycle",
            "Your two kernels are half a cycle apart; a quarter is asked for.",
            _quadrature_with(second=math.pi),
        ),
        Mistake("the same twice", "Your two kernels have the same phase.", _quadrature_with(second=0.0)),
        Mistake(
            "odd first",
            "You returned the odd kernel first.",
            lambda *args, **kwargs: _quadrature(*args, **kwargs)[::-1],
        ),
        Mistake(
            "an eighth each way",
            "Your kernels have the phases pi / 4 and -pi / 4; the first has phase 0.",
            _quadrature_with(first=math.pi / 4, second=-math.pi / 4),
        ),
        Mistake(
            "never balanced",
            "You ignored `balanced`: the sum of the even kernel must then be zero.",
            _quadrature_with(balance=lambda even, window: even),
            share=2 / 3,
        ),
        Mistake(
            "balanced by the mean",
            "You subtracted the mean from every pixel, also far out; subtract a multiple of the window.",
            _quadrature_with(balance=lambda even, window: even - even.mean()),
            share=2 / 3,
        ),
        Mistake(
            "balances both",
            "You balanced the odd kernel too: only the even one is changed.",
            _quadrature_with(balance_odd=lambda odd, window: odd - window * (odd.sum() / window.sum())),
            share=2 / 3,
        ),
        Mistake(
            "the whole window",
            "You subtracted the window as it is; only as much of it as makes the sum zero.",
            _quadrature_with(balance=lambda even, window: even - window),
            share=2 / 3,
        ),
        Mistake(
            "always balanced",
            "You balance the even kernel always; only when `balanced` is true.",
            lambda *args, balanced=False, **kwargs: _quadrature(*args, balanced=True, **kwargs),
            share=1 / 3,
        ),
    ),
)

# --- cells ---------------------------------------------------------------------------------------------------------


def _simple(images, kernel, rectify=False):
    response = torch.einsum("...ij,ij->...", tensor(_floats(images)), tensor(_floats(kernel)))
    return (torch.relu(response) if rectify else response).numpy()[()]


def _rectified(change):
    return lambda images, kernel, rectify=False: change(_simple(images, kernel), rectify)


def _draw_simple(sampler):
    shape = sampler.integer(1, 4), sampler.integer(2, 5)
    part = sampler.choice(("one picture", "many pictures", "rectified"))
    lead = () if part == "one picture" else (sampler.integer(3, 6),)
    x = sampler.array(*lead, *shape)
    return Case((x, sampler.array(*shape)), {"rectify": True} if part == "rectified" else {}, part)


def _is_linear(call, sampler):
    x, y, kernel = sampler.array(3, 4, 5), sampler.array(3, 4, 5), sampler.array(4, 5)
    return np.allclose(call(2 * x - 3 * y, kernel), 2 * call(x, kernel) - 3 * call(y, kernel))


def _narrow(images, kernel, rectify=False):
    """Add up in the dtype of the pictures and the kernel."""
    response = np.einsum("...ij,ij->...", images, kernel)
    return np.maximum(response, 0) if rectify else response


_NARROW = (
    "You added up in the dtype of bytes and other small integers: such sums wrap around. Turn the pictures into floats."
)
_BRIGHT = np.full((3, 2, 4), 250, np.uint8) - np.arange(3, dtype=np.uint8)[:, None, None]
_WEIGHTS = np.array([[100, 120, 90, 100], [-20, 110, 120, 60]], np.int8)
_x = Arrays("visual_cortex", "simple_cell")
SIMPLE_CELL = Check(
    "simple_cell",
    section="visual_cortex#visual_cortex-simple",
    oracle=_simple,
    photographs=True,
    parts={"one picture": 1, "many pictures": 2, "rectified": 1},
    cases=(
        Case((np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[-1.0, 1.0], [-1.0, 1.0]])), {}, "one picture"),
        Case((np.ones((2, 3)), np.full((2, 3), -0.5)), {}, "one picture", "a negative response stays"),
        Case((_x(3, 5), _x(3, 5)), {}, "one picture"),
        Case((_x(6, 3, 4), _x(3, 4)), {}, "many pictures"),
        Case((_x(2, 3, 4, 5)[..., ::-1], np.asfortranarray(_x(4, 5))), {}, "many pictures", "not contiguous"),
        Case((_x(5, 2, 6, dtype=np.float32), _x(2, 6, dtype=np.float32)), {}, "many pictures", "float32"),
        Case((_x(2, 5, 1, 1), _x(1, 1)), {}, "many pictures", "one pixel each"),
        Case(
            (np.array([[[1.0, 0.0]], [[0.0, 1.0]], [[0.0, 3.0]]]), np.array([[-1.0, 1.0]])),
            {"rectify": True},
            "rectified",
        ),
        Case((-np.abs(_x(2, 3)), np.abs(_x(2, 3)), True), {}, "rectified", "one picture"),
        Case((_x(3, 4, 3, 4), _x(3, 4), True), {}, "rectified"),
        Case((_BRIGHT[0], _WEIGHTS), {}, "one picture", "bytes, and weights of int8"),
        Case((_BRIGHT, _WEIGHTS), {}, "many pictures", "bytes, and weights of int8"),
        Case((_BRIGHT, _WEIGHTS, True), {}, "rectified", "bytes, and weights of int8"),
    ),
    draw_case=_draw_simple,
    properties=(Property("linear", "Without rectifying it is not linear, and a weighted sum is.", _is_linear),),
    mistakes=(
        Mistake("cuts to whole numbers", kinds.WHOLE.message, _cut(_simple), share=0.75),
        Mistake("adds bytes", _NARROW, _narrow),
        Mistake(
            "flips the kernel",
            "You flipped the kernel: pixel (i, j) meets weight (i, j).",
            lambda images, kernel, rectify=False: _simple(images, kernel[::-1, ::-1].copy(), rectify),
        ),
        Mistake(
            "averages",
            "You divided by the number of pixels: the response is a sum.",
            lambda images, kernel, rectify=False: _simple(images, kernel / kernel.dtype.type(kernel.size), rectify),
        ),
        Mistake(
            "never rectifies",
            "You ignored `rectify`: a negative response becomes 0.",
            _rectified(lambda response, rectify: response),
            share=3 / 4,
        ),
        Mistake(
            "always rectifies",
            "You rectify always; only when `rectify` is true.",
            _rectified(lambda response, rectify: np.maximum(response, 0)),
            share=1 / 4,
        ),
        Mistake(
            "magnitudes",
            "You returned magnitudes: rectifying makes a negative response 0, not positive.",
            _rectified(lambda response, rectify: np.abs(response) if rectify else response),
            share=3 / 4,
        ),
        Mistake(
            "adds the pictures up",
            "You added the responses of all pictures up: there is one response for each.",
            _rectified(lambda response, rectify: response.sum()),
            share=1 / 4,
        ),
        Mistake(
            "first picture alone",
            "You return the response to the first picture for all of them.",
            _rectified(lambda response, rectify: np.full_like(response, response.flat[0])),
            share=1 / 4,
        ),
        Mistake(
            "rectifies the products",
            "You rectified before adding: first the sum, then max(0, .).",
            lambda images, kernel, rectify=False: (
                np.maximum(images * kernel, 0).sum((-2, -1)) if rectify else _simple(images, kernel)
            ),
            share=3 / 4,
        ),
    ),
)


def _complex(images, even, odd):
    pair = torch.stack([tensor(_floats(even)), tensor(_floats(odd))])
    return torch.linalg.vector_norm(torch.einsum("...ij,kij->...k", tensor(_floats(images)), pair), dim=-1).numpy()[()]


def _complex_by(change):
    return lambda images, even, odd: change(_simple(images, even), _simple(images, odd))


def _draw_complex(sampler):
    shape = sampler.integer(1, 4), sampler.integer(2, 5)
    part = sampler.choice(("one picture", "many pictures"))
    lead = () if part == "one picture" else (sampler.integer(3, 6),)
    return Case((sampler.array(*lead, *shape), sampler.array(*shape), sampler.array(*shape)), {}, part)


def _ignores_phase(call, sampler):
    angle = float(sampler.array(1)[0])
    pair = _quadrature(21, 0.2, angle, 3.0)
    phases = np.linspace(0, 2 * math.pi, 12, endpoint=False)
    shown = np.stack([_gabor(21, 0.2, angle, phase, 1e9) for phase in phases])
    responses = np.asarray(call(shown, *pair), dtype=float)
    return responses.max() - responses.min() < 0.01 * (responses.max() + responses.min())


_THREE_AND_FOUR = np.full((2, 4), 75, np.int8), np.full((2, 4), 100, np.int8)  # they make 5
_x = Arrays("visual_cortex", "complex_cell")
COMPLEX_CELL = Check(
    "complex_cell",
    builds_on=("simple_cell",),
    section="visual_cortex#visual_cortex-complex",
    oracle=_complex,
    photographs=True,
    parts={"one picture": 1, "many pictures": 2},
    cases=(
        Case((np.array([[3.0, 4.0]]), np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])), {}, "one picture"),
        Case((np.array([[-3.0, 4.0]]), np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])), {}, "one picture"),
        Case((np.array([[3.0, -4.0]]), np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])), {}, "one picture"),
        Case((_x(3, 5), _x(3, 5), _x(3, 5)), {}, "one picture"),
        Case((_x(6, 3, 4), _x(3, 4), _x(3, 4)), {}, "many pictures"),
        Case((_x(2, 3, 5, 4).swapaxes(2, 3), _x(4, 5), _x(4, 5)), {}, "many pictures", "not contiguous"),
        Case(tuple(_x(*s, dtype=np.float32) for s in [(5, 2, 6), (2, 6), (2, 6)]), {}, "many pictures", "float32"),
        Case((_x(2, 5, 1, 1), _x(1, 1), _x(1, 1)), {}, "many pictures", "one pixel each"),
        Case((_BRIGHT[0], *_THREE_AND_FOUR), {}, "one picture", "bytes, and weights of int8"),
        Case((_BRIGHT, *_THREE_AND_FOUR), {}, "many pictures", "bytes, and weights of int8"),
    ),
    draw_case=_draw_complex,
    properties=(
        Property(
            "phase",
            "With a quadrature pair its response to a grating must not depend on the phase (less than 1 %).",
            _ignores_phase,
        ),
    ),
    mistakes=(
        Mistake("cuts to whole numbers", kinds.WHOLE.message, _cut(_complex), share=0.75),
        Mistake(
            "adds bytes",
            _NARROW,
            lambda images, even, odd: np.hypot(
                *(_narrow(images, kernel).astype(float) for kernel in (even, odd))
            ).astype(np.result_type(images, even, odd, np.float32)),
        ),
        Mistake(
            "no root",
            "The root is missing: you returned the sum of the squares.",
            _complex_by(lambda a, b: a**2 + b**2),
        ),
        Mistake(
            "magnitudes added",
            "You added magnitudes; the length of a vector is the root of the sum of squares.",
            _complex_by(lambda a, b: np.abs(a) + np.abs(b)),
        ),
        Mistake(
            "root of the mean",
            "You took the mean of the squares; take their sum.",
            _complex_by(lambda a, b: np.sqrt((a**2 + b**2) / a.dtype.type(2))),
        ),
        Mistake("one cell alone", "You used the even cell alone.", _complex_by(lambda a, b: np.abs(a))),
        Mistake("odd cell alone", "You used the odd cell alone.", _complex_by(lambda a, b: np.abs(b))),
        Mistake("maximum", "You took the larger of the two responses.", _complex_by(np.maximum)),
        Mistake(
            "adds before squaring",
            "You added the two responses before squaring: square each, then add.",
            _complex_by(lambda a, b: np.abs(a + b)),
        ),
        Mistake(
            "rectifies the even cell",
            "You rectified the even cell first: its negative responses count like the positive ones.",
            _complex_by(lambda a, b: np.hypot(np.maximum(a, 0), b)),
        ),
        Mistake(
            "rectifies first",
            "You rectified the two cells first: their negative responses count like the positive ones.",
            _complex_by(lambda a, b: np.hypot(np.maximum(a, 0), np.maximum(b, 0))),
        ),
        Mistake(
            "one number for all",
            "You return one number for all pictures: there is one response for each.",
            _complex_by(lambda a, b: np.sqrt((a**2 + b**2).sum())),
            share=1 / 3,
        ),
    ),
)

# --- tuning --------------------------------------------------------------------------------------------------------


def _waves(shape, frequency, angles):
    """Return x' for each angle in turns: (n, H, W)."""
    y, x = (torch.arange(n, dtype=torch.float64) - (n - 1) / 2 for n in shape)
    angles = tensor(np.asarray(angles, dtype=float))[:, None, None]
    return 2 * math.pi * frequency * (x * torch.cos(angles) + y[:, None] * torch.sin(angles))


def _preferred(kernel, frequency, angles, *, strength=torch.hypot, turn=lambda a: a, at=None, pick=torch.argmax):
    waves = _waves(kernel.shape, frequency if at is None else at, turn(np.asarray(angles, dtype=float)))
    cosines, sines = ((f(waves) * tensor(kernel)).sum((1, 2)) for f in (torch.cos, torch.sin))
    return float(angles[int(pick(strength(cosines, sines)))])


def _preferred_with(**wrong):
    return lambda kernel, frequency, angles: _preferred(kernel, frequency, angles, **wrong)


def _index(kernel, frequency, angles):
    return float(np.flatnonzero(np.asarray(angles) == _preferred(kernel, frequency, angles))[0])


def _cell(size, frequency, degrees, phase, sigma, noise=0.0, dtype=np.float64):
    kernel = _gabor(size, frequency, math.radians(degrees), phase, sigma)
    return (kernel + noise * _x(*pair(size))).astype(dtype)


_FAINT = "You asked that something be better by some number, such as 1e-6: with a faint kernel nothing ever is."
# To the right a pure cosine; downwards, a little weaker, a mixture of cosine and sine.
_TWO_WAVES = _gabor(9, 0.25, 0.0, 0.0, 2.5) + 0.9 * _gabor(9, 0.25, math.pi / 2, 0.7, 2.5)
_EVERY_10 = np.radians(np.arange(0, 180, 10.0))
_EVERY_7 = np.radians(np.arange(3, 180, 7.0))


def _draw_preferred(sampler):
    part = sampler.choice(("even", "odd"))
    size, frequency = (sampler.integer(9, 12), sampler.integer(9, 12)), sampler.choice((0.2, 0.25))
    angle = float(_EVERY_10[sampler.integer(0, 17)])
    return Case(
        (_gabor(size, frequency, angle, 0.0 if part == "even" else math.pi / 2, 2.5), frequency, _EVERY_10), {}, part
    )


_x = Arrays("visual_cortex", "preferred_orientation")
PREFERRED_ORIENTATION = Check(
    "preferred_orientation",
    builds_on=("quadrature_pair", "complex_cell"),
    section="visual_cortex#visual_cortex-tuning",
    oracle=_preferred,
    scale=lambda kernel, frequency, angles: np.array(1.0),
    parts={"even": 1, "odd": 2, "noisy": 1},
    cases=(
        Case((np.array([[-1.0, 2, -1], [-1, 2, -1]]), 0.5, np.array([np.pi / 2, 0.0])), {}, "even", "upright bars"),
        Case(
            (np.array([[2.0]]), 0.2, [0.4, 0.1, 0.9]), {}, "even", "one pixel answers to all alike: the first of them"
        ),
        Case((_cell((11, 9), 0.2, 30, 0.0, 2.0, 0.05), 0.2, _EVERY_10), {}, "even"),
        Case((_cell((10, 12), 0.25, 120, 0.0, (2.0, 3.0), 0.05), 0.25, _EVERY_10), {}, "even"),
        Case((np.array([[-1.0, -1], [1, 1]]), 0.25, np.array([0.0, 1.5])), {}, "odd", "dark above, bright below"),
        Case((_cell((9, 11), 0.2, 50, np.pi / 2, 2.5, 0.05), 0.2, _EVERY_10), {}, "odd", "every phase must be tried"),
        Case((_cell((12, 9), 0.15, 160, -np.pi / 2, 2.5, 0.05), 0.15, _EVERY_10[::-1]), {}, "odd"),
        Case((_cell((13, 11), 0.2, 80, 1.5, 2.5, 0.2), 0.2, _EVERY_7), {}, "noisy", "the nearest of other angles"),
        Case((_cell((11, 13), 0.2, 143, 2.0, 2.5, 0.2, np.float32), 0.2, _EVERY_7), {}, "noisy", "float32"),
        Case((_cell((12, 12), 0.3, 17, 4.0, 2.0, 0.2).T, 0.3, _EVERY_10), {}, "noisy", "not contiguous"),
        Case((_TWO_WAVES, 0.25, np.array([0.0, np.pi / 2])), {}, "noisy", "two waves of different phases"),
        Case((_cell((9, 7), 0.1, 130, 1.0, 2.0) + 0.2, 0.1, _EVERY_10), {}, "noisy", "bright on average"),
        Case((1e-9 * _cell((9, 8), 0.2, 70, 1.0, 2.0, 0.1), 0.2, _EVERY_10), {}, "noisy", "a faint kernel"),
    ),
    draw_case=_draw_preferred,
    mistakes=(
        Mistake(
            "subtracts the mean",
            "You subtracted the kernel's mean first; the gratings are shown to the kernel as it is.",
            lambda kernel, frequency, angles: _preferred(kernel - kernel.mean(), frequency, angles),
            share=3 / 4,
        ),
        Mistake(
            "last of equals",
            "Among angles with equal responses you return the last; the first is asked for.",
            _preferred_with(pick=lambda s: len(s) - 1 - s.flip(0).argmax()),
            share=3 / 4,
        ),
        Mistake(
            "absolute threshold",
            _FAINT,
            lambda kernel, *rest: _preferred(kernel, *rest, strength=lambda c, s: (torch.hypot(c, s) * 1e6).floor()),
            share=3 / 4,
        ),
        Mistake("weakest", "You return the angle with the smallest response.", _preferred_with(pick=torch.argmin)),
        Mistake(
            "one phase",
            "You tried gratings of one phase (a cosine): an odd cell does not answer to it. Try every phase, or combine cosine and sine.",
            _preferred_with(strength=lambda c, s: c.abs()),
            share=1 / 4,
        ),
        Mistake(
            "sine alone",
            "You tried sine gratings alone: an even cell does not answer to them.",
            _preferred_with(strength=lambda c, s: s.abs()),
            share=1 / 2,
        ),
        Mistake(
            "adds cosine and sine",
            "You added the responses to cosine and sine; the largest over all phases is the root of the sum of their squares.",
            _preferred_with(strength=lambda c, s: c + s),
            share=1 / 4,
        ),
        Mistake(
            "adds magnitudes",
            "You added the magnitudes of the responses to cosine and sine; the best phase gives the root of the sum of their squares.",
            _preferred_with(strength=lambda c, s: c.abs() + s.abs()),
            share=3 / 4,
        ),
        Mistake(
            "the larger of two",
            "You took the larger of the responses to cosine and sine; the best phase may lie between them.",
            _preferred_with(strength=lambda c, s: torch.maximum(c.abs(), s.abs())),
            share=3 / 4,
        ),
        Mistake(
            "index",
            "You return the position of the angle in the list, not the angle.",
            _index,
        ),
        Mistake(
            "bars",
            "You return the direction of the bars; the direction in which the grating changes is asked for.",
            _preferred_with(turn=lambda a: a + math.pi / 2),
        ),
        Mistake(
            "y upwards",
            "You let y point up: rows of an image count downwards.",
            _preferred_with(turn=lambda a: -a),
        ),
        Mistake(
            "radians per pixel",
            "Your frequency counts radians for each pixel; it counts cycles: multiply by 2 pi.",
            lambda kernel, frequency, angles: _preferred(kernel, frequency / (2 * math.pi), angles),
        ),
        Mistake(
            "degrees",
            "You took the angles for degrees: they are in radians.",
            _preferred_with(turn=np.radians),
        ),
    ),
)

# --- measuring -----------------------------------------------------------------------------------------------------


def _reverse(stimuli, responses, *, centre=True, divide=None):
    x = tensor(_floats(stimuli))
    r = tensor(np.asarray(responses, dtype=float)).to(x.dtype)
    total = torch.einsum("t,tij->ij", r - r.mean() if centre else r, x)
    scale = len(r) * x.var(correction=0) if divide is None else divide(x, r)
    return (total / scale).numpy()


def _reverse_with(**wrong):
    return lambda stimuli, responses: _reverse(stimuli, responses, **wrong)


def _squares_bytes(stimuli, responses):
    """Take the mean of the squares, which wrap around, less the squared mean."""
    right = _reverse(_floats(stimuli), responses)
    if stimuli.dtype != np.uint8:
        return right
    return right * stimuli.var() / ((stimuli**2).mean() - stimuli.mean() ** 2)


def _reverse_size(stimuli, responses):
    stimuli, r = _floats(stimuli), np.asarray(responses, dtype=float)
    return np.einsum("t,tij->ij", np.abs(r) + np.abs(r).mean(), stimuli) / (len(r) * (stimuli**2).mean()) + 1e-9


def _trials(count, height, width, brightness=0.0, contrast=1.0, counts=False, dtype=np.float64):
    stimuli = brightness + contrast * _x(count, height, width)
    drive = _simple(stimuli, _x(height, width)) + _x(count) + 3
    responses = np.round(np.maximum(drive, 0)) if counts else drive
    return stimuli.astype(dtype), responses.astype(dtype)


def _draw_reverse(sampler):
    part = sampler.choice(("white noise", "brightness"))
    count, shape = sampler.integer(5, 12), (sampler.integer(1, 3), sampler.integer(2, 4))
    stimuli = sampler.choice((1.5, 2.0)) * sampler.array(count, *shape) + (2.0 if part == "brightness" else 0.0)
    return Case((stimuli, sampler.array(count) + 1), {}, part)


_FOUR = np.array([[[1.0, 1.0]], [[1.0, -1.0]], [[-1.0, 1.0]], [[-1.0, -1.0]]])

_NOISE = np.random.default_rng(5).integers(0, 256, (15, 2, 3)).astype(np.uint8)
_x = Arrays("visual_cortex", "reverse_correlation")
REVERSE_CORRELATION = Check(
    "reverse_correlation",
    section="visual_cortex#visual_cortex-reverse",
    oracle=_reverse,
    scale=_reverse_size,
    parts={"white noise": 2, "brightness": 1, "spike counts": 1},
    cases=(
        Case((2 * _FOUR, np.array([6.0, 2.0, 0.0, -4.0])), {}, "white noise", "the mean response is 1"),
        Case(_trials(30, 2, 3, contrast=2.0), {}, "white noise"),
        Case(_trials(40, 4, 3, contrast=0.5, dtype=np.float32), {}, "white noise", "float32"),
        Case((np.swapaxes(_x(25, 3, 4), 1, 2), _x(50)[::2] + 1), {}, "white noise", "not contiguous"),
        Case(
            _trials(30, 3, 2, brightness=2.0, contrast=1.5),
            {},
            "brightness",
            "the pictures are grey on average, not black",
        ),
        Case(_trials(20, 1, 4, brightness=-1.0), {}, "brightness"),
        Case((_NOISE, _x(15) + 1), {}, "brightness", "bytes"),
        Case(_trials(40, 2, 4, contrast=1.5, counts=True), {}, "spike counts"),
        Case((_x(48, 2, 4) * 2, np.array([0, 1, 0, 2, 5, 0, 0, 1, 0, 3, 1, 0] * 4)), {}, "spike counts", "integers"),
    ),
    draw_case=_draw_reverse,
    mistakes=(
        Mistake("cuts to whole numbers", kinds.WHOLE.message, _cut(_reverse), share=0.75),
        Mistake("squares bytes", kinds.BYTES.message, _squares_bytes, share=0.75),
        Mistake(
            "keeps the mean response",
            "You did not subtract the mean response: it multiplies what the random pictures add up to by chance.",
            _reverse_with(centre=False),
        ),
        Mistake(
            "no variance",
            "You did not divide by the variance of the stimuli: the result has the wrong unit.",
            _reverse_with(divide=lambda x, r: len(r)),
        ),
        Mistake(
            "standard deviation",
            "You divided by the standard deviation of the stimuli; their variance is asked for.",
            _reverse_with(divide=lambda x, r: len(r) * x.std(correction=0)),
        ),
        Mistake(
            "adds up",
            "You added up over the trials: divide by their number.",
            _reverse_with(divide=lambda x, r: x.var(correction=0)),
        ),
        Mistake(
            "spike-triggered average",
            "You divided by the sum of the responses (a spike-triggered average): the number of trials and the variance are asked for.",
            _reverse_with(centre=False, divide=lambda x, r: r.sum()),
        ),
        Mistake(
            "each pixel's own variance",
            "You divided by each pixel's own variance; one variance over all pixels of all trials is asked for.",
            _reverse_with(divide=lambda x, r: len(r) * x.var(0, correction=0)),
        ),
        Mistake(
            "squares for variance",
            "You took the mean square of the stimuli for their variance: subtract their mean first.",
            _reverse_with(divide=lambda x, r: len(r) * x.square().mean()),
        ),
        Mistake(
            "variance less one",
            "You divided by T H W - 1 in the variance; divide by T H W.",
            _reverse_with(divide=lambda x, r: len(r) * x.var(correction=1)),
        ),
        Mistake(
            "T - 1",
            "You divided by T - 1; divide by T.",
            _reverse_with(divide=lambda x, r: (len(r) - 1) * x.var(correction=0)),
        ),
    ),
)


def _basis(kernel, frequency, angle, sigma=2.0, center=(0.0, 0.0)):
    pair = _quadrature(kernel.shape, frequency, angle, sigma, center)
    return torch.stack([tensor(part).flatten() for part in pair], dim=1), tensor(kernel).double().flatten()


def _polar(cosine, sine):
    return math.hypot(cosine, sine), math.atan2(-sine, cosine)


def _project(kernel, frequency, angle, sigma=2.0, center=(0.0, 0.0)):
    basis, flat = _basis(kernel, frequency, angle, sigma, center)
    return _polar(*torch.linalg.lstsq(basis, flat[:, None], driver="gelsd").solution.flatten().tolist())


def _project_by(solve=None, form=_polar, change=lambda g: g):
    def wrong(kernel, frequency, angle, sigma=2.0, center=(0.0, 0.0)):
        arguments = change({"frequency": frequency, "angle": angle, "sigma": sigma, "center": center})
        basis, flat = _basis(kernel, **arguments)
        if solve is None:
            cosine, sine = torch.linalg.lstsq(basis, flat[:, None], driver="gelsd").solution.flatten().tolist()
        else:
            cosine, sine = solve(basis, flat).tolist()
        return form(cosine, sine)

    return wrong


def _planted(shape, frequency, angle, phase, amplitude, sigma=2.0, center=(0.0, 0.0), noise=0.0):
    return _gabor(shape, frequency, angle, phase, sigma, center, amplitude) + noise * _x(*pair(shape))


def _draw_project(sampler):
    shape, angle = (sampler.integer(5, 9), sampler.integer(5, 9)), float(sampler.array(1)[0])
    frequency, sigma = sampler.choice((0.15, 0.2, 0.25)), sampler.choice((1.5, 2.0))
    phase, amplitude = sampler.choice((0.7, -0.8, 2.5, -2.2)), sampler.choice((0.5, 2.0, 3.0))
    kernel = _gabor(shape, frequency, angle, phase, sigma, (0.0, 0.0), amplitude) + 0.05 * sampler.array(*shape)
    return Case((kernel, frequency, angle, sigma), {}, "centred")


_x = Arrays("visual_cortex", "project_on_gabor")
PROJECT_ON_GABOR = Check(
    "project_on_gabor",
    builds_on=("quadrature_pair",),
    section="visual_cortex#visual_cortex-fit",
    oracle=_project,
    scale=lambda kernel, frequency, angle, sigma=2.0, center=(0.0, 0.0): (
        np.array(30 * np.abs(kernel).max()),
        np.array(30.0),
    ),
    outputs=("amplitude", "phase"),
    parts={"centred": 3, "off the centre": 1},
    cases=(
        Case((_planted((1, 5), 0.2, 0.0, 1.0, 3.0), 0.2, 0.0), {}, "centred"),
        Case((_planted((7, 5), 0.2, 0.5, -0.8, 2.0, noise=0.3), 0.2, 0.5), {}, "centred", "with noise"),
        Case(
            (_planted((6, 9), 0.15, 2.0, 2.5, 1.5, 1.5, noise=0.2), 0.15, 2.0, 1.5),
            {},
            "centred",
            "the cosine is negative",
        ),
        Case((_planted((9, 8), 0.25, -1.0, -2.2, 0.5, (1.5, 2.5)), 0.25, -1.0, (1.5, 2.5)), {}, "centred"),
        Case(
            (_planted((8, 6), 0.2, 0.9, 0.6, 4.0, 2.0, noise=0.3).T, 0.2, 0.9),
            {},
            "centred",
            "a kernel of another angle",
        ),
        Case(
            (_planted((7, 7), 0.1, 0.4, 0.7, 2.0, 2.0, (2.5, -2.0), 0.2), 0.1, 0.4),
            {"center": (2.5, -2.0)},
            "off the centre",
            "even and odd overlap",
        ),
        Case(
            (_planted((5, 8), 0.12, 1.3, -1.9, 1.0, 2.5, (-3.0, 1.5), 0.2), 0.12, 1.3, 2.5, (-3.0, 1.5)),
            {},
            "off the centre",
        ),
    ),
    draw_case=_draw_project,
    mistakes=(
        Mistake(
            "sign of the phase",
            "Your phase has the wrong sign: cos(a + p) = cos p cos a - sin p sin a, with a minus.",
            _project_by(form=lambda c, s: (math.hypot(c, s), math.atan2(s, c))),
        ),
        Mistake(
            "inner products",
            "You took the inner products with the two Gabors as they are; least squares divides by their energies.",
            _project_by(lambda basis, flat: basis.T @ flat),
        ),
        Mistake(
            "one after the other",
            "You fitted the two Gabors separately; off the centre they overlap and must be fitted together.",
            _project_by(lambda basis, flat: (basis.T @ flat) / basis.square().sum(0)),
            share=3 / 4,
        ),
        Mistake(
            "divides by lengths",
            "You divided the inner products by the lengths of the Gabors; divide by their squares.",
            _project_by(lambda basis, flat: (basis.T @ flat) / basis.square().sum(0).sqrt()),
        ),
        Mistake(
            "arctangent of a ratio",
            "You used the arctangent of a ratio, which loses the quadrant: use arctan2.",
            _project_by(form=lambda c, s: (math.hypot(c, s), math.atan(-s / c))),
        ),
        Mistake(
            "squared amplitude",
            "You returned the square of the amplitude.",
            _project_by(form=lambda c, s: (c * c + s * s, math.atan2(-s, c))),
        ),
        Mistake(
            "degrees",
            "Your phase is in degrees; radians are asked for.",
            _project_by(form=lambda c, s: (math.hypot(c, s), math.degrees(math.atan2(-s, c)))),
        ),
        Mistake(
            "ignores the center",
            "You ignored the center of the Gabor.",
            _project_by(change=lambda g: g | {"center": (0.0, 0.0)}),
            share=3 / 4,
        ),
        Mistake(
            "phase first",
            "You returned the phase first: the amplitude comes first.",
            _project_by(form=lambda c, s: _polar(c, s)[::-1]),
        ),
    ),
)


def _search(kernel, frequencies, angles, sigma=2.0, *, score=None):
    """Try all pairs; `score` (smaller is better) gets the kernel, the model and the amplitude."""
    score = score or (lambda kernel, model, amplitude: float(((kernel - model) ** 2).sum()))
    best: Any = None
    for frequency in np.asarray(frequencies, dtype=float).tolist():
        for angle in np.asarray(angles, dtype=float).tolist():
            amplitude, phase = _project(kernel, frequency, angle, sigma)
            model = _gabor(kernel.shape, frequency, angle, phase, sigma, amplitude=amplitude)
            this = score(kernel, model, amplitude)
            if best is None or this < best[0]:
                best = (this, (frequency, angle, phase, amplitude))
    return best[1]


def _search_with(score):
    return lambda kernel, frequencies, angles, sigma=2.0: _search(kernel, frequencies, angles, sigma, score=score)


def _fixed_phase(kernel, frequencies, angles, sigma=2.0):
    pairs = [(f, a) for f in np.asarray(frequencies).tolist() for a in np.asarray(angles).tolist()]

    def fit(pair):
        model = _gabor(kernel.shape, *pair, 0.0, sigma)
        amplitude = float((kernel * model).sum() / (model**2).sum())
        return float(((kernel - amplitude * model) ** 2).sum()), amplitude

    best = min(pairs, key=lambda pair: fit(pair)[0])
    return (*best, 0.0, fit(best)[1])


def _largest_product(kernel, frequencies, angles, sigma=2.0):
    pairs = [(f, a) for f in np.asarray(frequencies).tolist() for a in np.asarray(angles).tolist()]
    products = [np.tensordot(_quadrature(kernel.shape, *pair, sigma), kernel, axes=2) for pair in pairs]
    best = pairs[int(np.argmax(np.linalg.norm(products, axis=1)))]
    amplitude, phase = _project(kernel, *best, sigma)
    return (*best, phase, amplitude)


_WINDOW_TELLS = np.array([[-0.3, 0.7, -0.4], [-0.5, 0.4, 0.2], [-0.9, -0.8, -0.2]])
_SQUARES_TELL = np.random.default_rng(3).standard_normal((7, 6))  # least magnitudes would choose another Gabor
_ENERGY_TELLS = np.random.default_rng(24).standard_normal((7, 6))  # the largest inner product would choose another
_FREQUENCIES, _FOUR_ANGLES = np.array([0.1, 0.2, 0.3]), np.array([0.0, 0.6, 1.4, 2.4])


def _draw_search(sampler):
    shape = sampler.integer(7, 9), sampler.integer(7, 9)
    frequency, angle = float(sampler.choice((0.1, 0.2, 0.3))), float(_FOUR_ANGLES[sampler.integer(0, 3)])
    kernel = _gabor(shape, frequency, angle, sampler.choice((0.7, 2.2)), 2.0, (0.0, 0.0), sampler.choice((1.0, 2.0)))
    return Case((kernel + 0.05 * sampler.array(*shape), _FREQUENCIES, _FOUR_ANGLES), {}, "planted")


_x = Arrays("visual_cortex", "best_gabor")
BEST_GABOR = Check(
    "best_gabor",
    builds_on=("gabor", "project_on_gabor"),
    section="visual_cortex#visual_cortex-fit",
    oracle=_search,
    scale=lambda kernel, frequencies, angles, sigma=2.0: (
        np.array(1.0),
        np.array(1.0),
        np.array(100.0),
        np.array(100 * float(np.abs(kernel).max())),
    ),
    outputs=("frequency", "angle", "phase", "amplitude"),
    exempt={"whole numbers": "no frequency is a whole number but 0; the table has a kernel of whole numbers"},
    parts={"planted": 2, "anything else": 1},
    draw_count=4,
    cases=(
        Case((_planted((7, 7), 0.2, 0.6, 1.0, 3.0), _FREQUENCIES, _FOUR_ANGLES), {}, "planted"),
        Case((_planted((7, 7), 0.1, 1.4, 0.7, 2.0), np.array([0.05, 0.1, 0.2]), _FOUR_ANGLES), {}, "planted"),
        Case(
            (_planted((9, 7), 0.3, 1.4, -2.0, 0.5, 1.5, noise=0.05), np.array([0.002, 0.1, 0.3]), _FOUR_ANGLES, 1.5),
            {},
            "planted",
        ),
        Case((_planted((8, 9), 0.1, 2.4, 2.0, 2.0, (2.0, 3.0)), _FREQUENCIES, _FOUR_ANGLES, (2.0, 3.0)), {}, "planted"),
        Case(
            (_x(7, 6), _FREQUENCIES[::-1], _FOUR_ANGLES), {}, "anything else", "noise: some Gabor is the best even so"
        ),
        Case((_x(6, 16)[:, ::2], np.array([0.25, 0.05]), _FOUR_ANGLES), {}, "anything else", "not contiguous"),
        Case(
            (_WINDOW_TELLS, [0.15, 0.2, 0.3], [0.0, 0.8, 1.6, 2.4]),
            {"sigma": (0.6, 1.5)},
            "anything else",
            "with a round window for the error, another Gabor is the best",
        ),
        Case((_SQUARES_TELL, _FREQUENCIES, _FOUR_ANGLES), {}, "anything else", "more noise"),
        Case((_ENERGY_TELLS, [0.1, 0.2, 0.3], [0.0, 0.6, 1.4, 2.4]), {}, "anything else", "lists of numbers"),
        Case((np.rint(20 * _x(6, 7)).astype(np.int8), _FREQUENCIES, _FOUR_ANGLES), {}, "anything else", "int8"),
        Case((_planted((7, 8), 0.3, 1.4, 1.0, 1e-6), _FREQUENCIES, _FOUR_ANGLES), {}, "planted", "a faint kernel"),
        Case((1e-6 * _x(8, 7), _FREQUENCIES, _FOUR_ANGLES), {}, "anything else", "faint noise"),
    ),
    draw_case=_draw_search,
    mistakes=(
        Mistake(
            "largest amplitude",
            "You kept the Gabor with the largest amplitude; the one with the smallest error is asked for.",
            _search_with(lambda kernel, model, amplitude: -amplitude),
        ),
        Mistake(
            "largest inner product",
            "You kept the Gabor with the largest inner products with the kernel: they grow with the Gabor's own energy. The smallest error is asked for.",
            _largest_product,
        ),
        Mistake(
            "absolute threshold",
            _FAINT,
            _search_with(lambda kernel, model, amplitude: math.floor(float(((kernel - model) ** 2).sum()) * 1e6)),
            share=0,
        ),
        Mistake(
            "sum of magnitudes",
            "You added the magnitudes of the differences; their squares are asked for.",
            _search_with(lambda kernel, model, amplitude: float(np.abs(kernel - model).sum())),
            share=2 / 3,
        ),
        Mistake(
            "worst",
            "You kept the Gabor with the largest error.",
            _search_with(lambda kernel, model, amplitude: -float(((kernel - model) ** 2).sum())),
        ),
        Mistake(
            "phase zero",
            "You tried phase 0 alone: take amplitude and phase from project_on_gabor.",
            _fixed_phase,
        ),
        Mistake(
            "ignores sigma",
            "You ignored sigma.",
            lambda kernel, frequencies, angles, sigma=2.0: _search(kernel, frequencies, angles),
        ),
        Mistake(
            "angle first",
            "You returned the angle first: frequency, angle, phase, amplitude.",
            lambda *args: tuple(_search(*args)[i] for i in (1, 0, 2, 3)),
        ),
        Mistake(
            "amplitude before phase",
            "You returned the amplitude before the phase: frequency, angle, phase, amplitude.",
            lambda *args: tuple(_search(*args)[i] for i in (0, 1, 3, 2)),
        ),
        Mistake(
            "first frequency alone",
            "You tried the first frequency alone.",
            lambda kernel, frequencies, angles, sigma=2.0: _search(kernel, frequencies[:1], angles, sigma),
        ),
        Mistake(
            "first angle alone",
            "You tried the first angle alone.",
            lambda kernel, frequencies, angles, sigma=2.0: _search(kernel, frequencies, angles[:1], sigma),
        ),
    ),
)

# --- the fovea -----------------------------------------------------------------------------------------------------


def _foveate(image, fixation, size=8, levels=3, *, pool=F.avg_pool2d, mode="constant", corner=None, grow=True):
    """Pool windows of the padded image in PyTorch; the keywords build wrong ones."""
    margin = size * 2**levels + max(image.shape)
    rows = np.pad(image, margin, mode=mode)
    glimpses = []
    for level in range(levels):
        block = 2**level
        length = size * block if grow else size
        top, left = (margin + f - (length // 2 if corner is None else corner(size, block)) for f in fixation)
        window = tensor(rows[top : top + length, left : left + length])[None]
        glimpses.append(pool(window, block if grow else 1)[0])
    return torch.stack(glimpses).numpy()


def _foveate_with(**wrong):
    return lambda image, fixation, size=8, levels=3: _foveate(image, fixation, size, levels, **wrong)


def _inside_alone(image, fixation, size=8, levels=3):
    """Divide by the number of pixels inside of the image."""
    covered = _foveate(np.ones_like(image), fixation, size, levels)
    return _foveate(image, fixation, size, levels) / np.where(covered > 0, covered, 1).astype(image.dtype)


def _draw_foveate(sampler):
    image = sampler.array(sampler.integer(12, 15), sampler.integer(12, 15))
    part = sampler.choice(("inside", "at the border"))
    size, levels = sampler.choice(((2, 2), (3, 2), (4, 2)))
    low, high = (4, 7) if part == "inside" else (0, 1)
    return Case((image, (sampler.integer(low, high), sampler.integer(low, high)), size, levels), {}, part)


_x = Arrays("visual_cortex", "inside")
_INSIDE = _x(15, 18)

_x = Arrays("visual_cortex", "foveate")
FOVEATE = Check(
    "foveate",
    section="visual_cortex#visual_cortex-fovea",
    oracle=_foveate,
    photographs=True,
    parts={"inside": 3, "at the border": 1},
    cases=(
        Case((np.arange(16.0).reshape(4, 4), (2, 2), 2, 2), {}, "inside"),
        Case((_INSIDE, (6, 10), 3, 2), {}, "inside", "an odd size"),
        Case((_INSIDE[:, ::-1], (8, 9), 2, 3), {}, "inside", "not contiguous"),
        Case((_x(16, 20, dtype=np.float32), (8, 11), 4, 2), {}, "inside", "float32"),
        Case((lopsided(_x(18, 20)), (9, 10), 4, 2), {}, "inside", "running sums of float32 lose digits"),
        Case((_x(5, 5), (2, 2), 5, 1), {}, "inside", "one level as large as the image: what goes in comes out"),
        Case((_x(5, 7), (0, 6), 2, 2), {}, "at the border", "zeros lie outside"),
        Case((_x(9, 6) + 1, (8, 1)), {"size": 3, "levels": 4}, "at the border", "windows larger than the image"),
        Case((_x(12, 10), (3, 2)), {}, "at the border", "the default: three levels of 8 x 8"),
        Case((_x(5, 7), (4, 0), 2), {}, "at the border", "three levels"),
        Case((_x(1, 1), (0, 0), 2, 2), {}, "at the border", "an image of one pixel"),
    ),
    draw_case=_draw_foveate,
    mistakes=(
        Mistake("cuts to whole numbers", kinds.WHOLE.message, _cut(_foveate), share=0.75),
        Mistake(
            "maxima",
            "You took the largest pixel of each block; its average is asked for.",
            _foveate_with(pool=F.max_pool2d),
        ),
        Mistake(
            "skips pixels",
            "You kept one pixel of each block; average over the block.",
            _foveate_with(pool=lambda x, k: x[:, ::k, ::k]),
        ),
        Mistake(
            "adds",
            "You added the pixels of each block up: divide by their number.",
            _foveate_with(pool=lambda x, k: F.avg_pool2d(x, k) * k * k),
        ),
        Mistake(
            "window at its corner",
            "Your windows begin at the fixation; it lies in their middle.",
            _foveate_with(corner=lambda size, block: 0),
        ),
        Mistake(
            "same window",
            "All your levels show the same window: each covers twice the width of the one before.",
            _foveate_with(grow=False),
        ),
        Mistake(
            "averages what is inside",
            "At the border you averaged over the pixels inside of the image; those outside count as zeros.",
            _inside_alone,
            share=3 / 4,
        ),
        Mistake(
            "repeats the border",
            "Outside of the image you repeated its border: zeros are asked for.",
            _foveate_with(mode="edge"),
            share=3 / 4,
        ),
        Mistake(
            "wraps around",
            "Your windows wrap around to the other side of the image: outside there are zeros. (A negative index counts from the end.)",
            _foveate_with(mode="wrap"),
            share=3 / 4,
        ),
        Mistake(
            "row and column swapped",
            "You swapped row and column of the fixation.",
            lambda image, fixation, size=8, levels=3: _foveate(image, tuple(fixation)[::-1], size, levels),
        ),
        Mistake(
            "coarse first",
            "Your levels begin with the coarsest: the sharp one comes first.",
            lambda image, fixation, size=8, levels=3: _foveate(image, fixation, size, levels)[::-1].copy(),
        ),
        Mistake(
            "half before doubling",
            "You halved the size before multiplying by 2^l: the window begins (size 2^l) // 2 before the fixation.",
            _foveate_with(corner=lambda size, block: size // 2 * block),
        ),
    ),
)

# --- the whole experiment ------------------------------------------------------------------------------------------


def _record(degrees, frequency, phase, trials, spikes, rng):
    """Show white noise to a planted cell; return what was shown and what the cell did."""
    kernel = _gabor(11, frequency, math.radians(degrees), phase, 2.2)
    stimuli = rng.standard_normal((trials, 11, 11))
    drive = _simple(stimuli, kernel)
    if spikes:
        return stimuli.astype(np.float32), rng.poisson(np.maximum(drive, 0)).astype(np.float32)
    return stimuli.astype(np.float32), (drive + 2 * rng.standard_normal(trials) + 5).astype(np.float32)


def _experiment(part, note, *cell, allowed=5, rng=None):
    rng = rng or _x.generator("experiment", *cell)
    case = Case(_record(*cell, part == "spikes", rng), {}, part, note)
    _PLANTED[case] = cell[0], allowed
    return case


def _draw_experiment(d):
    """Plant a cell and allow twice the error: noise alone must not fail under one seed what passes under another."""
    part, rng = d.choice(("rates", "spikes")), np.random.default_rng(d.integer(0, 2**30))
    cell = d.integer(0, 179), d.integer(17, 22) / 100, d.integer(-31, 31) / 10
    return _experiment(part, "", *cell, 1500, allowed=10, rng=rng)


_PLANTED: weakref.WeakKeyDictionary[Case, tuple[float, float]] = (
    weakref.WeakKeyDictionary()
)  # case -> the planted direction in degrees, and the error allowed


def _judge_orientation(value, case):
    angle = np.asarray(value, dtype=float)
    if angle.size != 1 or not np.isfinite(angle).all():
        raise ValueError("one angle in radians is asked for")
    planted, allowed = _PLANTED[case]
    gap = (math.degrees(angle.item()) - planted + 90) % 180 - 90
    if abs(gap) > allowed + 1e-6:
        return (
            f"Your angle is {abs(gap):.0f} degrees away from the direction that this cell prefers; "
            f"at most {allowed} are allowed."
        )
    return None


def _estimate(stimuli, responses, step=1.0):
    kernel = _reverse(stimuli, responses).astype(float)
    grid = np.radians(np.arange(0, 180, step))
    strengths = []
    for frequency in (0.15, 0.2, 0.25):
        waves = _waves(kernel.shape, frequency, grid)
        strengths.append([torch.hypot(*((f(waves) * tensor(kernel)).sum((1, 2)) for f in (torch.cos, torch.sin)))])
    best = torch.stack([s[0] for s in strengths]).max(0).values
    return float(grid[int(best.argmax())])


_x = Arrays("visual_cortex", "find_orientation")
FIND_ORIENTATION = Check(
    "find_orientation",
    builds_on=("reverse_correlation", "best_gabor"),
    section="visual_cortex#visual_cortex-tuning",
    judge=_judge_orientation,
    parts={"rates": 2, "spikes": 2},
    exempt={"again": "the judge knows the direction of a cell that was planted, and of no other"},
    limit=10.0,  # a search in plain loops takes a while
    cases=(
        _experiment("rates", "1,500 noise pictures and what the cell answered", 37, 0.2, 0.6, 1500),
        _experiment("rates", "", 114, 0.17, 2.0, 1500),
        _experiment("rates", "an odd cell: to its even part alone it is silent", 20, 0.2, -1.571, 1500),
        _experiment("spikes", "counts of spikes", 66, 0.22, -1.0, 2000),
        _experiment("spikes", "", 157, 0.18, 1.5, 2000),
        _experiment("spikes", "an odd cell", 103, 0.21, 1.571, 2000),
    ),
    draw_case=_draw_experiment,
    draw_count=2,
    mistakes=(
        Mistake("always upright", "You always return 0, whatever the cell did.", lambda stimuli, responses: 0.0),
        Mistake(
            "the bars",
            "That is the direction of the bars: brightness changes at right angles to it.",
            lambda stimuli, responses: _estimate(stimuli, responses) + math.pi / 2,
        ),
        Mistake(
            "y upwards",
            "You let y point up: rows of a picture count downwards.",
            lambda stimuli, responses: -_estimate(stimuli, responses),
        ),
        Mistake(
            "steps of 15 degrees",
            "You tried twelve directions, 15 degrees apart: the nearest of them may be 7 degrees off. Try more.",
            lambda stimuli, responses: _estimate(stimuli, responses, 15.0),
        ),
        Mistake(
            "in degrees",
            "Your angle is in degrees; radians are asked for.",
            lambda stimuli, responses: math.degrees(_estimate(stimuli, responses)),
        ),
        Mistake(
            "the best picture alone",
            "You looked at the one picture with the largest response: average over all of them.",
            lambda stimuli, responses: _estimate(
                stimuli, (np.arange(len(responses)) == responses.argmax()).astype(np.float32)
            ),
        ),
        Mistake(
            "no angle",
            "You returned the receptive field: find the direction of its wave.",
            lambda stimuli, responses: _reverse(stimuli, responses),
        ),
    ),
)

# --- claims on trial -----------------------------------------------------------------------------------------------


def _number(value):
    """Return a number, also out of an array of one number."""
    return float(np.asarray(value, dtype=float).reshape(()))


def _numbers(evidence, count):
    values = [_number(item) for item in evidence]
    if len(values) != count or not np.isfinite(values).all():
        raise ValueError(f"the evidence must be {count} finite numbers")
    return values


def _judge_half_turn(value, case):
    verdict, new_phase = verdict_and_evidence(value)
    if not verdict:
        return "You judged it false. What becomes of x' when the angle grows by pi?"
    angle, phase = case.args
    turned = _gabor((7, 9), 0.15, angle + math.pi, phase, (1.5, 2.5))
    same = _gabor((7, 9), 0.15, angle, _number(new_phase), (1.5, 2.5))
    if not np.isfinite(same).all() or np.abs(turned - same).max() > 1e-6:
        return (
            f"With the phase {_number(new_phase):.4g} it is not the Gabor of phase {phase:.4g} turned by half a turn."
        )
    return None


def _judge_brightness(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. Does the even kernel of a low frequency add up to zero?"
    frequency, angle, sigma, added = _numbers(evidence[:4], 4)
    picture = np.asarray(evidence[4], dtype=float)
    if picture.ndim != 2 or not 1 <= picture.size <= 4096 or not (np.abs(picture) <= 1).all():
        raise ValueError("the picture must be (H, W), at most 4,096 numbers from -1 to 1")
    if not 0 < frequency <= 0.5 or not 0.3 <= sigma <= 100 or not 0 < added <= 1:
        raise ValueError("frequency in (0, 0.5], sigma from 0.3 to 100 and added in (0, 1] are asked for")
    pair = _quadrature(picture.shape, frequency, angle, sigma)
    before, after = (float(_complex(p, *pair)) for p in (picture, picture + added))
    if abs(after - before) < max(0.1 * before, 1e-3 * np.abs(pair).sum()):
        return (
            f"No counterexample: the response is {before:.4g} before and {after:.4g} after. A tenth must change, "
            "and a thousandth of the sum of the weights' magnitudes."
        )
    return None


def _judge_band(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. How wide is the Fourier transform of a narrow window?"
    frequency, sigma, other = _numbers(evidence, 3)
    if not (0 <= frequency <= 0.5 and 0 <= other <= 0.5 and 0.3 <= sigma <= 100):
        raise ValueError("frequencies from 0 to 0.5 and a sigma from 0.3 to 100 are asked for")
    if abs(frequency - other) < 0.05 - 1e-9:  # 0.25 - 0.2 is a little less than 0.05
        return "The two frequencies must be at least 0.05 cycles per pixel apart."
    kernel = tensor(_gabor(41, frequency, 0.0, 0.0, sigma))
    own, answer = (
        float(torch.hypot(*((f(_waves((41, 41), at, [0.0])) * kernel).sum() for f in (torch.cos, torch.sin))))
        for at in (frequency, other)
    )
    if answer < 0.5 * own:
        return (
            f"No counterexample: to the other frequency it answers {answer / own:.1%} as strongly; half is asked for."
        )
    return None


def _trials_needed(pixels, energy, noise, error):
    return (pixels + 1 + pixels * noise / energy) / error


def _judge_trials(value, case):
    verdict, trials = verdict_and_evidence(value)
    if not verdict:
        return "You judged it false. The estimate is an average of independent terms: how does its variance fall?"
    right, count = _trials_needed(*case.args), _number(trials)
    pixels, *_, error = case.args
    measured = right - 2 / pixels / error  # if the estimate divides by the variance of the pictures that were shown
    if not any(abs(count - one) <= 0.02 * one + 1 for one in (right, measured)):
        return f"{count:.4g} trials give an error of {case.args[3] * right / max(count, 1e-9):.3g}, not of {case.args[3]:.3g}."
    return None


def _draw_half_turn(d):
    part, phase = d.choice(("positive phases", "negative phases")), d.integer(10, 300) / 100
    return Case((d.integer(-300, 300) / 100, phase if part == "positive phases" else -phase), {}, part)


def _draw_trials(d):
    part, side, energy, error = d.choice(("no noise", "noise")), d.integer(10, 20), d.integer(1, 9), d.integer(1, 50)
    return Case((side**2, float(energy), 0.0 if part == "no noise" else float(d.integer(1, 9)), error / 100), {}, part)


CLAIMS = (
    Check(
        "claim_half_turn",
        section="visual_cortex#visual_cortex-gabor",
        judge=_judge_half_turn,
        parts={"positive phases": 1, "negative phases": 1},
        cases=(
            Case((0.3, 0.7), {}, "positive phases"),
            Case((1.9, 2.0), {}, "positive phases"),
            Case((-0.5, 0.4), {}, "positive phases"),
            Case((0.3, -1.1), {}, "negative phases"),
            Case((2.5, -2.6), {}, "negative phases"),
        ),
        draw_case=_draw_half_turn,
        mistakes=(
            *claim_mistakes(True, "You judged it false.", lambda angle, phase: 0.0),
            Mistake("same phase", "The phase does change: x' turns into -x'.", lambda angle, phase: (True, phase)),
            Mistake(
                "half a cycle more",
                "Half a cycle more turns bright into dark; half a turn of the picture does not.",
                lambda angle, phase: (True, phase + math.pi),
            ),
            Mistake(
                "mirrored about a quarter",
                "You mirrored the phase and added half a cycle: that turns bright into dark.",
                lambda angle, phase: (True, math.pi - phase),
            ),
            Mistake(
                "takes the angle",
                "The new phase does not depend on the angle.",
                lambda angle, phase: (True, phase - 2 * angle),
            ),
        ),
    ),
    Check(
        "claim_brightness",
        builds_on=("gabor",),
        section="visual_cortex#visual_cortex-complex",
        judge=_judge_brightness,
        cases=(Case(),),
        mistakes=(
            *claim_mistakes(False, "You judged it true.", lambda: (0.05, 0.0, 2.0, 0.5, np.zeros((9, 9)))),
            Mistake(
                "a high frequency",
                "With many cycles under its window even the plain even kernel adds up to nearly zero.",
                lambda: (False, (0.25, 0.0, 4.0, 0.5, _gabor((41, 41), 0.25, 0.0, 0.3, 9.0))),
            ),
            Mistake(
                "no answer before or after",
                "A black picture is no help where the kernels add up to zero: no response before, none after.",
                lambda: (False, (0.25, 0.0, 6.0, 0.5, np.zeros((64, 64)))),
            ),
            Mistake(
                "a window between the pixels",
                "sigma from 0.3 to 100",
                lambda: (False, (0.1, 0.0, 1e-3, 0.5, np.zeros((2, 2)))),
            ),
            Mistake(
                "too bright",
                "At most 1 may be added to every pixel.",
                lambda: (False, (0.05, 0.0, 2.0, 5.0, np.ones((9, 9)))),
            ),
        ),
    ),
    Check(
        "claim_band",
        section="visual_cortex#visual_cortex-tuning",
        judge=_judge_band,
        cases=(Case(),),
        mistakes=(
            *claim_mistakes(False, "You judged it true.", lambda: (0.2, 2.0, 0.26)),
            Mistake("too near", "at least 0.05 cycles per pixel apart", lambda: (False, (0.2, 2.0, 0.21))),
            Mistake(
                "a wide window",
                "A wide window makes a narrow band: what does a narrow one make?",
                lambda: (False, (0.2, 8.0, 0.3)),
            ),
            Mistake(
                "aliases",
                "A frequency above 0.5 cycles per pixel cannot be shown on a grid of pixels.",
                lambda: (False, (0.2, 2.0, 0.8)),
            ),
        ),
    ),
    Check(
        "claim_trials",
        section="visual_cortex#visual_cortex-reverse",
        judge=_judge_trials,
        parts={"no noise": 1, "noise": 1},
        cases=(
            Case((100, 5.0, 0.0, 0.1), {}, "no noise"),
            Case((100, 5.0, 0.0, 0.01), {}, "no noise"),
            Case((400, 2.0, 0.0, 0.1), {}, "no noise"),
            Case((4, 1.0, 0.0, 0.1), {}, "no noise", "few pixels: the 1 counts"),
            Case((100, 5.0, 10.0, 0.1), {}, "noise"),
            Case((225, 8.0, 1.0, 0.02), {}, "noise"),
            Case((64, 2.0, 9.0, 0.5), {}, "noise"),
        ),
        draw_case=_draw_trials,
        mistakes=(
            *claim_mistakes(True, "You judged it false.", lambda d, e, n, error: 0),
            Mistake(
                "square root law",
                "The error is a share of energy, a square: it falls as 1 / T, its root as the root of that.",
                lambda d, e, n, error: (True, _trials_needed(d, e, n, error**2)),
            ),
            Mistake(
                "forgets the cell's noise",
                "You left out the noise of the cell.",
                lambda d, e, n, error: (True, _trials_needed(d, e, 0.0, error)),
                share=0.5,
            ),
            Mistake(
                "forgets the one",
                "The square of a pixel varies twice as much as the product of two: that adds 1 to the number of pixels.",
                lambda d, e, n, error: (True, (d + d * n / e) / error),
                share=0.5,
            ),
            Mistake(
                "forgets the noise of the pictures",
                "You left out the noise that the other pixels of the random pictures make.",
                lambda d, e, n, error: (True, d * n / (e * error)),
            ),
            Mistake(
                "does not count the pixels",
                "The errors of all pixels add up: more pixels need more trials.",
                lambda d, e, n, error: (True, _trials_needed(1, e, n, error)),
            ),
        ),
    ),
)

CHECKS = (
    GABOR,
    SIMPLE_CELL,
    QUADRATURE_PAIR,
    COMPLEX_CELL,
    PREFERRED_ORIENTATION,
    REVERSE_CORRELATION,
    PROJECT_ON_GABOR,
    BEST_GABOR,
    FIND_ORIENTATION,
    FOVEATE,
    *CLAIMS,
)
