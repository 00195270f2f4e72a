"""Every interactive figure, by mouse and by keyboard alone, in light and dark, without scripts, with little motion."""

import itertools
import json
import re

import numpy as np
import pytest
from sklearn.datasets import load_digits

from book._ext.course import FIGURES
from miniconv import motivation, pooling, priors, structured_outputs
from miniconv.layer import conv2d, unfold, window_counts
from miniconv.motivation import connectivity
from miniconv.shapes import conv_transpose_output_shape, pool_output_shape
from tests.helpers.visits import ROOT
from tools import figure_data, serve

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGE = """<!doctype html><html lang="en" data-theme="{theme}"><head><title>Figure</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/_static/course.css"><script defer src="/_static/course.js"></script>
<style>body {{ background: var(--course-paper); color: var(--course-ink); font-family: sans-serif }}</style></head>
<body><main><article><h1>Figure</h1>
<figure class="interactive"><figcaption class="interactive-title">{title}</figcaption>
<course-{name} data-options='{options}'><p class="interactive-still">A still.</p></course-{name}>
</figure></article></main></body></html>"""


@pytest.fixture(scope="module")
def address():
    with serve.serving(ROOT / "book") as address:
        yield address


@pytest.fixture
def figure(address, visit):
    """Open one figure alone: figure(name) returns (visit, its element)."""

    def open_(name, options="{}", theme="light", **more):
        seen = visit(color_scheme=theme, **more)
        html = PAGE.format(name=name, title=FIGURES[name], theme=theme, options=options)
        seen.page.route("**/figure.html", lambda route: route.fulfill(body=html, content_type="text/html"))
        seen.page.goto(f"{address}/figure.html")
        element = seen.page.locator(f"course-{name}")
        if more.get("java_script_enabled", True):
            seen.page.wait_for_selector(f"course-{name}[data-ready]")
        return seen, element

    return open_


def said(element):
    return element.locator(".cf-say").inner_text()


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.sample(16)
def test_no_barrier_no_error(name, theme, width, figure):
    seen, element = figure(name, theme=theme, width=width)
    assert seen.axe() == []
    assert seen.errors == []
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert element.locator("svg").first.get_attribute("aria-label")


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.sample(4)
def test_every_control_answers_to_the_keyboard_and_reset_undoes_it(name, figure):
    """Tab reaches every control; arrow keys change what is said; Reset brings the first state back."""
    seen, element = figure(name)
    first = said(element)
    focusable = (
        "input:not([type=radio]):visible:enabled, button:visible:enabled, svg[tabindex='0'], input[type=radio]:checked"
    )
    wanted = element.locator(focusable).count()
    reached, moved = 0, 0
    for _ in range(wanted + 3):
        seen.page.keyboard.press("Tab")
        inside = seen.page.evaluate(f"document.activeElement.closest('course-{name}') !== null")
        if not inside:
            break
        reached += 1
        kind = seen.page.evaluate("document.activeElement.type ?? document.activeElement.localName")
        if kind in ("range", "number", "svg"):
            before = element.inner_html()
            seen.page.keyboard.press("ArrowRight")
            seen.page.keyboard.press("ArrowUp")
            moved += element.inner_html() != before
    assert reached == wanted
    assert moved >= 1
    element.get_by_role("button", name="Reset").press("Enter")
    assert said(element) == first
    assert seen.errors == []


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.sample(4)
def test_what_is_seen_is_announced(name, figure):
    seen, element = figure(name)
    live = element.get_by_role("status")
    text = said(element)
    seen.page.wait_for_function("(text) => document.querySelector('.cf-live').textContent === text", arg=text)
    assert live.count() == 1


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.sample(4)
def test_without_scripts_the_still_stands_there(name, figure):
    _, element = figure(name, java_script_enabled=False)
    assert element.locator(".interactive-still").is_visible()


@pytest.mark.parametrize("name", ["convolution-arithmetic", "flip-and-slide"])
def test_playing(name, figure):
    seen, element = figure(name)
    before = element.inner_html()
    element.get_by_role("button", name="Step").click()
    assert element.inner_html() != before
    after = element.inner_html()
    element.get_by_role("button", name="Play").click()
    seen.page.wait_for_timeout(900)
    element.get_by_role("button", name="Pause").click()
    assert element.inner_html() != after


@pytest.mark.parametrize("name", ["convolution-arithmetic", "flip-and-slide"])
def test_nothing_plays_where_motion_is_to_be_reduced(name, figure):
    _, element = figure(name, reduced_motion="reduce")
    assert element.get_by_role("button", name="Play").count() == 0
    element.get_by_role("button", name="Step").click()


def drag(seen, target, dx, dy, start=(0.5, 0.5)):
    """Press on a place of the element, move, let go."""
    box = target.bounding_box()
    x, y = box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"]
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x + dx, y + dy, steps=4)
    seen.page.mouse.up()


def test_pooling_shift_by_mouse(figure):
    seen, element = figure("pooling-shift")
    drag(seen, element.locator("svg").first, 30, 0)
    assert "Moved 0 down and 2 to the right" in said(element)
    assert "multiple of the stride" in said(element)
    element.get_by_label("average").check()
    assert "Of the 40 outputs that see ink before or after, 40 changed (100 %)" in said(element)


def test_pooling_shift_shows_what_the_first_page_says(figure):
    """One pixel changes 20 of 33 outputs, two pixels more of them; windows of 8 change none for three pixels."""
    _, element = figure("pooling-shift")
    counts = {}
    for kernel, right in itertools.product((2, 8), (1, 2, 3, 4)):
        element.evaluate("(figure, state) => figure.set(state)", {"kernel": kernel, "stride": kernel, "right": right})
        words = r"Of the (\d+) outputs that see ink before or after, (\w+) changed"
        seen, changed = re.search(words, said(element)).groups()
        counts[kernel, right] = int(seen), 0 if changed in ("no", "none") else int(changed)
    assert counts[2, 1] == (33, 20)
    assert counts[2, 2][1] > 20
    assert [counts[8, right] for right in (1, 2, 3)] == [(4, 0)] * 3
    assert counts[8, 4][1] > 0


def test_pooling_shift_counts_outputs_that_see_ink(figure):
    """At every corner of its settings, against the reference on the picture as it is drawn."""
    _, element = figure("pooling-shift")
    fills = element.locator("svg").first.locator("rect").evaluate_all("(all) => all.map((rect) => rect.style.fill)")
    greys = np.array([int(re.search(r"\d+", fill).group()) for fill in fills]).reshape(16, 16)
    image = np.round(greys / 255 * 9) / 9
    pools = {"max": pooling.max_pool2d, "average": pooling.avg_pool2d}
    for kind, kernel, stride, down, right in itertools.product(pools, (1, 8), (1, 8), (-8, 0), (0, 1, 8)):
        state = {"kind": kind, "kernel": kernel, "stride": stride, "down": down, "right": right}
        element.evaluate("(figure, state) => figure.set(state)", state)
        if not (down or right):
            assert "Not moved yet" in said(element)
            continue
        moved = motivation.shift2d(image, (down, right))
        before, after = (pools[kind](v[None, None], kernel, stride).round(9) for v in (image, moved))
        ink = (before > 0) | (after > 0)
        changed = (before != after)[ink].sum()
        told = re.search(r"Of the (\d+) outputs? that sees? ink before or after, (\d+) changed", said(element))
        assert [int(number) for number in told.groups()] == [ink.sum(), changed]


def test_prior_strength_says_what_the_reference_computes(figure):
    """From strength 0 to infinity, in both worlds: entries, errors, and the convolution in the end."""
    seen, element = figure("prior-strength")
    pattern = r"The training error is (\S+), the error on new pictures (\S+), 1 of it noise"
    for truth, examples, step in itertools.product(("same", "place"), (8, 24), (0, 13, 30)):
        state = {"world": truth, "examples": examples, "step": step}
        element.evaluate("(figure, state) => figure.set(state)", state)
        data = element.evaluate("(figure) => figure.data")
        x, y = np.array(data["x"]), np.array(data["y"])
        strength = {0: 0.0, 13: 1.0, 30: np.inf}[step]
        matrix = priors.fit_with_conv_prior(x[:, None], y[:, None], strength)
        training, fresh = (float(number) for number in re.search(pattern, said(element)).groups())
        assert training == pytest.approx(np.mean((x @ matrix.T - y) ** 2), abs=0.006)
        assert fresh == pytest.approx(np.sum((matrix - data["truth"]) ** 2) / 4 + 1, abs=0.006)
        assert ("a convolution with 3 weights" in said(element)) == (step == 30)
        if step < 30:
            outside = np.abs(matrix * (priors.correlation_matrix([[1, 1, 1]], (1, 6)) == 0)).max()
            told = re.search(r"Outside the band the largest entry is (\S+);", said(element)).group(1)
            assert float(told) == pytest.approx(outside, abs=0.006)
    assert seen.errors == []


def test_prior_strength_by_keyboard(figure):
    _, element = figure("prior-strength")
    picture = element.locator("svg").first
    picture.press("End")
    assert "Strength infinite. Every entry outside the band is 0" in said(element)
    picture.press("ArrowLeft")
    assert "Strength 10000. Outside the band the largest entry is less than 0.01" in said(element)
    picture.press("Home")
    assert "Strength 0." in said(element)


def test_optimisers_come_to_rest_below_the_rate_that_the_figure_names(figure):
    """Of all examples, SGD and momentum fall on one side of the limit and rise on the other; Adam's rule is its own."""
    seen, element = figure("optimizer-paths")
    pattern = (
        r"the loss is (.+) by SGD, (.+) by SGD with momentum, (.+) by Adam, (.+) by AdamW; the least is (\S+)\. (.+)$"
    )
    far = {}
    for chosen, rate, decay in itertools.product(("sgd", "momentum"), (0, 12, 20, 24), (0, 5)):
        element.evaluate("(figure, state) => figure.set(state)", {"chosen": chosen, "rate": rate, "decay": decay})
        *losses, least, rule = re.search(pattern, said(element)).groups()
        limit = float(re.search(r"below the rate (\d+\.\d+)", rule).group(1))
        loss = {"sgd": losses[0], "momentum": losses[1]}[chosen]
        rests = 10 ** ((rate - 16) / 8) < limit
        assert (loss == "more than 1000") != rests, (chosen, rate, decay, loss, limit)
        assert decay or not rests or float(loss) >= float(least) - 0.001
        far[chosen, rate, decay] = rests
    assert set(far.values()) == {True, False}
    for decay, words in (
        (0, "Without weight decay Adam and AdamW take one path."),
        (4, "AdamW decays the weights beside the step."),
    ):
        element.evaluate("(figure, state) => figure.set(state)", {"chosen": "adam", "rate": 8, "decay": decay})
        *losses, _, rule = re.search(pattern, said(element)).groups()
        assert words in rule and (losses[2] == losses[3]) == (decay == 0)
    element.evaluate("(figure, state) => figure.set(state)", {"chosen": "sgd", "batch": 0, "decay": 0})
    assert "here a batch adds noise" in said(element)
    assert seen.errors == []


def test_optimiser_paths_by_keyboard(figure):
    _, element = figure("optimizer-paths")
    picture = element.locator("svg").first
    picture.press("End")
    assert "more than 1000 by SGD," in said(element)
    picture.press("Home")
    assert element.get_by_label("rate η").input_value() == "0"
    assert "more than 1000" not in said(element)
    before = said(element)
    picture.press("ArrowRight")
    assert said(element) != before


def test_attention_by_mouse(figure):
    seen, element = figure("attention-explorer", options='{"position": -20}')
    assert "Temperature 0" in said(element)
    plane = element.locator("svg").first
    before = said(element)
    drag(seen, plane, -120, 90, start=((1.5 / 3.2 + 1) / 2, (1 - 1 / 3.2) / 2))
    assert said(element) != before
    slider = element.get_by_label("temperature")
    slider.press("End")
    assert "plain average" in said(element)


@pytest.mark.parametrize(
    ("state", "heard"),
    [
        ({"query": [0, 0]}, "All keys have the same weight, 0.2."),
        ({"position": 20}, "All keys have the same weight, 0.2."),
        ({"position": -20}, "Key a has the largest weight, 1. All of the weight is with one key."),
        ({"keys": [[2, 1], [2, 1], [0, 0], [0, 0], [0, 0]]}, "Keys a and b tie with the largest weight, 0.46 each."),
        (
            {"query": [3, 3], "keys": [[3, 3], [0, 0], [0, 0], [0, 0], [0, 0]]},
            "Nearly all of the weight is with one key.",
        ),
        ({"query": [1, 0], "keys": [[1, 2], [1, 0], [1, -1], [0, 0], [0, 0]]}, "Keys a, b and c tie with the largest"),
    ],
)
def test_attention_says_which_keys_lead(state, heard, figure):
    """A tie is no lead: at the origin and at an infinite temperature all keys are alike."""
    _, element = figure("attention-explorer", options=json.dumps(state))
    assert heard in said(element)
    assert "/ 0)" not in said(element) and "as over 1 " not in said(element)


def test_gabor_by_mouse(figure):
    seen, element = figure("gabor-explorer")
    before = said(element)
    drag(seen, element.locator("svg").nth(1), 0, 60, start=(0.9, 0.5))
    assert said(element) != before


@pytest.mark.parametrize(
    ("layer", "stride", "padding", "place"),
    [
        ("conv", 1, 0, (0, 0)),
        ("conv", 1, 2, (3, 3)),
        ("conv", 3, 0, (5, 2)),
        ("conv", 3, 1, (2, 5)),
        ("max", 3, 0, (2, 2)),
        ("max", 1, 0, (0, 5)),
        ("average", 2, 0, (5, 5)),
    ],
)
def test_gradient_flow_counts_the_outputs_that_read_an_input(layer, stride, padding, place, figure):
    """What it says at the edges of its range is what a count gives."""
    kernel = 3 if layer == "conv" else 2
    outputs = (6 + 2 * padding - kernel) // stride + 1
    rows, columns = (sum(0 <= i + padding - p * stride < kernel for p in range(outputs)) for i in place)
    state = {"layer": layer, "stride": stride, "padding": padding, "side": "input", "r": place[0], "c": place[1]}
    _, element = figure("gradient-flow", options=json.dumps(state))
    readers = rows * columns
    expected = (
        f"{readers} output{'s read' if readers > 1 else ' reads'} it" if readers else "no output reads this input"
    )
    assert expected in said(element)


def test_gabor_says_what_its_cells_do_while_the_bars_move(figure):
    def complex_cell(text):
        return float(re.search(r"the complex cell (?:runs from|keeps to) .*\(modulation ([\d.]+)\)", text)[1])

    _, element = figure("gabor-explorer")
    assert complex_cell(said(element)) < 0.05
    sliders = element.get_by_role("slider", name="frequency").all()
    assert len(sliders) == 2
    for slider in sliders:
        slider.press("Home")
        slider.press("ArrowRight")
        slider.press("ArrowRight")
    assert complex_cell(said(element)) > 0.5
    sliders[0].press("Home")
    sliders[1].press("End")
    assert "stays silent" in said(element)


def test_gradient_flow_by_mouse(figure):
    _, element = figure("gradient-flow")
    element.locator("svg").first.locator("[data-r='0'][data-c='0']").hover()
    assert "input (0, 0) is 1: 1 output reads it" in said(element)
    element.locator("svg").nth(2).locator("[data-r='1'][data-c='1']").hover()
    assert "output (1, 1)" in said(element)


def test_convolution_matrix_by_mouse(figure):
    _, element = figure("convolution-matrix")
    element.get_by_label("image (2-D)").check()
    element.locator("svg").first.locator("[data-r='5'][data-c='3']").hover()
    assert "Row 5 makes output (1, 1): the whole kernel, turned, lies on the input." in said(element)
    element.get_by_label("full").check()
    element.get_by_label("row of the matrix").press("Home")
    assert "Row 0 makes output (0, 0): the kernel hangs over, and 1 of its 4 taps meets the input." in said(element)


def test_flip_and_slide_by_mouse(figure):
    _, element = figure("flip-and-slide")
    element.get_by_role("button", name="blur").click()
    assert "the same when it is turned" in said(element)
    element.locator("svg").nth(2).locator("[data-r='2'][data-c='3']").click()
    assert "Output (2, 3)" in said(element)


def test_convolution_arithmetic_by_mouse(figure):
    _, element = figure("convolution-arithmetic")
    element.locator("svg").nth(1).locator("[data-r='1'][data-c='1']").click()
    assert "Output (1, 1) reads 9 inputs" in said(element)
    element.get_by_label("transposed convolution").check()
    assert "The output is 9 × 9" in said(element)
    element.get_by_label("kernel k").fill("4")
    assert "The output is 10 × 10" in said(element)


def told(element, names, values):
    """Put a figure into one state after the other; return for each the state, what is said, and what it shows.

    What it shows is {"orange": how many cells of a colour for the unread, "x": its image, "weight": its weights}.
    """
    states = [dict(zip(names.split(), state, strict=True)) for state in values]
    found = element.evaluate(
        """(figure, states) => states.map((state) => {
            figure.set(state);
            const [text, orange] = [".cf-say", "rect[style*=warm]"].map((what) => [...figure.querySelectorAll(what)]);
            return [text[0].textContent, { orange: orange.length, x: figure.x, weight: figure.weight }];
        })""",
        states,
    )
    return [(state, *rest) for state, rest in zip(values, found, strict=True)]


def numbers(pattern, text):
    """Return the whole numbers in the group of a pattern; none where it does not match."""
    found = re.search(pattern, text)
    return [int(number) for number in re.findall(r"\d+", found.group(1))] if found else []


def test_convolution_arithmetic_says_which_inputs_no_window_reads(figure):
    _, element = figure("convolution-arithmetic")
    states = list(itertools.product((1, 5, 6, 9), (1, 3, 5), (1, 2, 4), (0, 1, 4), (1, 3)))
    for (n, *rest), text, shown in told(element, "n kernel stride padding dilation", states):
        try:
            unread = np.flatnonzero(~connectivity([rest], n).any(axis=0)).tolist()
        except ValueError:
            assert "The kernel spans" in text
            continue
        count = n**2 - (n - len(unread)) ** 2
        assert ("Every input is read by some window." in text) == (not unread)
        assert ("No window reads any of the inputs" in text) == (len(unread) == n)
        assert shown["orange"] == count
        if 0 < len(unread) < n:
            assert numbers(r"No window reads rows? ([\d, and]+) and columns? ", text) == unread
            assert f": {count} of the {n**2} inputs" in text


def test_convolution_arithmetic_says_what_a_transposed_layer_cuts_away(figure):
    _, element = figure("convolution-arithmetic", options='{"kind": "transposed"}')
    states = list(itertools.product((1, 5, 9), (1, 3, 5), (1, 4), (0, 1, 4), (1, 3), (0, 80)))
    for (n, k, s, p, d, position), text, _ in told(element, "n kernel stride padding dilation position", states):
        try:
            (m,) = conv_transpose_output_shape((n,), k, s, p, 0, d)
        except ValueError:
            assert "cuts the whole output away" in text
            continue
        place = 0 if position == 0 else n - 1
        kept = sum(0 <= place * s + tap * d - p < m for tap in range(k)) ** 2
        assert f"Input ({place}, {place}) adds to {kept} output" in text
        assert ("cut away" in text) == (kept < k**2)
        assert f"The output is {m} × {m}." in text


def test_shape_calculator_says_which_columns_no_window_reads(figure):
    _, element = figure("shape-calculator")
    assert "No window reads column 11." in said(element)
    values = itertools.product((1, 2, 13, 32), (1, 4, 9), (1, 3, 6), (0, 2, 4), (1, 4), (False, True))
    states = [(state[0], *state) for state in values]
    for (_, n, k, s, p, d, ceil), text, shown in told(
        element, "height width kernel stride padding dilation ceil", states
    ):
        try:
            (m,) = pool_output_shape((n,), k, s, p, d, ceil)
        except ValueError:
            assert "half the window" in text or "The window spans" in text
            continue
        read = {window * s - p + tap * d for window in range(m) for tap in range(k)}
        unread = [place for place in range(n) if place not in read]
        assert f"A {n} × {n} input gives a {m} × {m} output." in text
        assert ("Every column is read." in text) == (not unread)
        assert ("No window reads any column." in text) == (len(unread) == n)
        assert shown["orange"] == len(unread)
        if 0 < len(unread) < n:
            assert numbers(r"No window reads columns? ([\d, and]+)\.", text) == unread
        assert numbers(r"reaches (\d+) columns? beyond the padded input", text) == [
            over for over in [max(read) - n - p + 1] if over > 0
        ]


def test_layer_explorer_says_what_the_reference_computes(figure):
    """At every corner of its settings: the value, the block, the padding in it, and what the layer costs."""
    seen, element = figure("layer-explorer")
    pattern = r"Output \((\d), (\d), (\d)\) is (\S+): the block has .* = (\d+) numbers?(?:, (\d+) of them padding)?,"
    states = list(itertools.product((1, 3), (1, 2, 3), (1, 2), (0, 1), "01", (0, 9), (0, 9)))
    for state, text, shown in told(element, "channels kernel stride padding filter p q", states):
        x, weight = np.array(shown["x"]), np.array(shown["weight"])
        stride, padding = state[2:4]
        y = conv2d(x[None], weight, stride=stride, padding=padding)[0]
        counts = window_counts(x.shape[1:], weight.shape[2:], stride, padding)
        f, p, q, value, size, zeros = re.search(pattern, text).groups()
        at = int(f), int(p), int(q)
        assert at == (int(state[4]), *(0 if place == 0 else len(counts) - 1 for place in state[5:]))
        assert float(value.replace("\u2212", "-")) == y[at]
        assert int(size) == weight[0].size
        assert int(zeros or 0) == weight[0].size - len(x) * counts[at[1:]]
        columns = unfold(x[None], weight.shape[2:], stride=stride, padding=padding)
        assert f"has {weight.size} weights and makes {y.size} outputs with {y.size * weight[0].size} multiply" in text
        assert f"columns hold {columns.size} numbers, the image {x.size}." in text
        assert ("is a dense layer at each place" in text) == (weight.shape[2] == 1)
    assert seen.errors == []


def test_layer_explorer_by_mouse(figure):
    _, element = figure("layer-explorer")
    element.locator("svg").nth(2).locator("[data-r='0'][data-c='2']").click()
    assert "Output (0, 0, 2)" in said(element)
    element.locator("svg").nth(3).locator("[data-r='4'][data-c='7']").click()
    assert "Output (0, 2, 1)" in said(element)
    element.locator("svg").first.locator("[data-r='1'][data-c='1']").last.click()
    assert "Output (0, 0, 0)" in said(element)


def test_the_products_of_a_layer_follow_the_map(figure):
    _, element = figure("fft-layer")
    assert "the FFT takes 45.33 times the products of the definition" in said(element)
    element.locator("[data-r='1'][data-c='4']").click()
    element.get_by_label("images N").fill("32")
    assert "64 channels, 64 filters of 5 × 5" in said(element)
    assert "8192 transforms serve 131072 convolutions" in said(element)
    element.get_by_label("n + k − 1").check()
    assert "the definition takes 4.06 times" in said(element)


MASK_OBJECTS = ("coin", "two", "rod", "nothing")


@pytest.mark.parametrize("object_", MASK_OBJECTS)
def test_a_painted_mask_is_scored_as_the_reference_scores_it(object_, figure):
    """The label, nothing, all, blocks, and the label grown, shrunk and moved: what is said is what a count gives."""
    seen, element = figure("mask-painter")
    element.evaluate("(figure, object) => figure.set({ object })", object_)
    label = np.array(element.evaluate("(figure) => figure.label"))
    masks = {"label": label, "nothing": 0 * label, "all": 0 * label + 1}
    for name, button in (("grown", "Grow by a pixel"), ("shrunk", "Shrink by a pixel"), ("moved", "Move right")):
        element.get_by_role("button", name="Take the label").click()
        element.get_by_role("button", name=button).click()
        masks[name] = np.array(element.evaluate("(figure) => figure.state.mask"))
    assert (masks["grown"] >= label).all() and (masks["shrunk"] <= label).all()
    assert np.array_equal(masks["moved"][:, 1:], label[:, :-1])
    for (name, mask), width in itertools.product(masks.items(), (1, 4)):
        element.evaluate("(figure, state) => figure.set(state)", {"mask": mask.tolist(), "width": width})
        text = said(element)
        iou = structured_outputs.intersection_over_union(mask, label, 2)[1]
        assert ("IoU and Dice are 0/0" in text) == np.isnan(iou), name
        if not np.isnan(iou):
            told = [float(number) for number in re.search(r"IoU \S+ = (\S+), Dice \S+ = (\S+)\. ", text).groups()]
            assert told == pytest.approx([iou, 2 * iou / (1 + iou)], abs=6e-4)
        assert float(re.search(r"Right pixels: \S+ = (\S+)\. ", text)[1]) == pytest.approx(
            np.mean(mask == label), abs=6e-4
        )
        border = structured_outputs.band_accuracy(mask[None], label[None], width)
        assert ("the band is empty" in text) == np.isnan(border)
        if not np.isnan(border):
            assert float(re.search(r"In the band .* = (\S+) are right", text)[1]) == pytest.approx(border, abs=6e-4)
    assert seen.errors == []


def test_a_mask_is_painted_by_mouse_and_by_keyboard(figure):
    seen, element = figure("mask-painter")
    element.get_by_role("button", name="Clear").click()
    canvas = element.locator("svg").first
    drag(seen, canvas, 160, 0, start=(0.025, 0.5 / 14))  # in steps of two and a half pixels, without gaps
    assert "11 pixels marked" in said(element)
    drag(seen, canvas, 32, 0, start=(0.025, 0.5 / 14))  # begun on a marked one, it wipes
    assert "8 pixels marked" in said(element)
    canvas.press("Enter")
    assert "9 pixels marked" in said(element)
    canvas.press("ArrowDown")
    element.get_by_label("3 × 3").check()
    canvas.press("Enter")
    assert f"{9 + 7} pixels marked" in said(element)


def test_a_mask_is_painted_by_touch(figure):
    seen, element = figure("mask-painter", has_touch=True)
    element.get_by_role("button", name="Clear").click()
    box = element.locator("svg").first.bounding_box()
    seen.page.touchscreen.tap(box["x"] + 5, box["y"] + 5)
    assert "1 pixel marked" in said(element)
    assert element.locator("svg").first.evaluate("(svg) => getComputedStyle(svg).touchAction") == "none"


def test_the_rank_of_a_kernel_is_what_a_decomposition_gives(figure):
    seen, element = figure("kernel-rank")
    pattern = r"kernel of (\d+) × \d+ has rank (\d+)\. A sum of (\d+) outer products? (is exact|misses (\S+) %)"
    states = [*itertools.product(("blur", "gabor", "disc", "diagonal", "noise"), (3, 11), (0, 30, 90), (1, 2, 11))]
    states = [dict(zip(("kernel", "side", "angle", "rank"), state, strict=True)) for state in states]
    states += [{"kernel": "learned", "learned": which, "rank": rank} for which in (1, 8) for rank in (1, 4, 5)]
    for state in states:
        element.evaluate("(figure, state) => figure.set(state)", state)
        text = said(element)
        kernel = np.array(element.evaluate("(figure) => figure.kernel"))
        values = np.linalg.svd(kernel)[1]
        k, full, rank = (int(number) for number in re.search(pattern, text).groups()[:3])
        assert (k, full) == (len(kernel), np.sum(values > 1e-9 * values[0]))
        assert rank == min(state["rank"], k)
        exact = "is exact" in text
        assert exact == (rank >= full)
        if not exact:
            error = 100 * np.linalg.norm(values[rank:]) / np.linalg.norm(values)
            assert float(re.search(pattern, text)[5]) == pytest.approx(error, abs=0.06)
        products = 2 * k * rank
        assert f"= {products} products for each output" in text
        word = "fewer than" if products < k * k else "as many as" if products == k * k else "more than"
        assert f"{word} the {k * k} of the definition" in text
    assert seen.errors == []


def test_the_rank_is_dragged_and_moved_by_keys(figure):
    seen, element = figure("kernel-rank")
    bars = element.locator("svg").nth(1)
    drag(seen, bars, 70, 0, start=(0.05, 0.5))
    assert "A sum of 3 outer products" in said(element)
    bars.press("End")
    assert "A sum of 9 outer products is exact" in said(element)
    bars.press("ArrowRight")
    assert "A sum of 9 outer products is exact" in said(element)
    bars.press("Home")
    assert "A sum of 1 outer product misses" in said(element)


def test_every_unit_is_shown_as_it_was_recorded(figure):
    """All 32 units, before and after training: the classes of their digits, how many agree, what ascent found."""
    seen, element = figure("unit-explorer")
    labels, units = load_digits().target, figure_data.units()
    words = r"the six digits that excite it most are ([\d, and]+), (all|no two|\d) of one class; .*? it (\S+) times"
    for layer, index in itertools.product(range(4), range(8)):
        element.evaluate("(figure, state) => figure.set(state)", {"layer": str(layer + 1), "index": index})
        text, shares = said(element), []
        assert f"Layer {layer + 1}, unit {units['trained'][layer][index]['unit']}: " in text
        assert f"a window of {2 * layer + 3} × {2 * layer + 3}" in text
        for (told, same, factor), network in zip(re.findall(words, text), ("untrained", "trained"), strict=True):
            unit = units[network][layer][index]
            classes = labels[unit["digits"]]
            assert [int(number) for number in re.findall(r"\d", told)] == classes.tolist()
            most = np.bincount(classes).max()
            assert same == {1: "no two", 6: "all"}.get(most, str(most))
            assert float(factor) == pytest.approx(unit["values"][6] / unit["values"][0], abs=0.006)
            counts = [np.bincount(labels[other["digits"]]).max() / 6 for other in units[network][layer]]
            shares.append(100 * np.mean(counts))
        before, after = re.search(r"makes up (\d+) % of such digits before training and (\d+) % after", text).groups()
        assert [int(before), int(after)] == pytest.approx(shares, abs=0.51)
    assert seen.errors == []


def test_units_are_chosen_by_keys(figure):
    _, element = figure("unit-explorer")
    picture = element.locator("svg").first
    picture.press("ArrowDown")
    assert "Layer 3" in said(element)
    before = said(element)
    picture.press("ArrowRight")
    assert said(element) != before


def test_strokes_of_a_transposed_convolution_add_up(figure):
    options = '{"kind": "transposed", "n": 4, "kernel": 3, "stride": 2, "padding": 0, "position": 0}'
    _, element = figure("convolution-arithmetic", options=options)
    assert "After 1 input, outputs: 72 with 0, 9 with 1 strokes." in said(element)
    element.locator("svg").first.press("End")
    assert "After 16 inputs, outputs: 36 with 1, 36 with 2, 9 with 4 strokes." in said(element)
    overlaps = element.locator("svg").nth(1).locator("[data-r='2'][data-c='2']")
    assert overlaps.text_content() == "4"


def test_receptive_field_by_mouse(figure):
    _, element = figure("receptive-field")
    assert "sees 8 places" in said(element)
    element.get_by_role("button", name="Add a layer").click()
    assert "sees 12 places" in said(element)
    element.get_by_label("dilation").last.fill("2")
    assert "sees 16 places" in said(element)


def test_receptive_field_with_one_path_from_each_input(figure):
    """The stack that the chapter asks the reader to build."""
    _, element = figure("receptive-field")
    for index, dilation in enumerate((1, 2, 4)):
        for name, value in (("kernel", 2), ("stride", 1), ("padding", 0), ("dilation", dilation)):
            element.get_by_label(name).nth(index).fill(str(value))
    assert "From each of the 8 inputs 1 path leads to it." in said(element)
    assert "begins 1 place further on" in said(element)


def test_shape_calculator_by_mouse(figure):
    _, element = figure("shape-calculator")
    assert "gives a 4 × 5 output" in said(element)
    element.get_by_label("ceil mode").check()
    assert "gives a 4 × 6 output" in said(element)
    element.get_by_label("convolution", exact=True).check()
    element.get_by_label("kernel k").fill("9")
    element.get_by_label("height").fill("3")
    assert "The kernel spans 9" in said(element)


def test_stills_are_there():
    asked = re.findall(r"^:still: (.+)", "".join(path.read_text() for path in ROOT.glob("book/*.md")), re.MULTILINE)
    there = {path.stem for path in ROOT.glob("book/_static/figures/stills/*.png")}
    assert there == {*FIGURES, *asked}
