"""Every interactive figure, by mouse and by keyboard alone, in light and dark, without scripts, with little motion."""

import json
import re

import pytest

from book._ext.course import FIGURES
from tests.helpers.visits import ROOT
from tools import serve

pytestmark = pytest.mark.browser

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
def test_no_barrier_no_error(name, theme, width, figure):
    seen, element = figure(name, theme=theme, width=width)
    assert seen.axe() == []
    assert seen.errors == []
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert element.locator("svg").first.get_attribute("aria-label")


@pytest.mark.parametrize("name", FIGURES)
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
def test_what_is_seen_is_announced(name, figure):
    seen, element = figure(name)
    live = element.get_by_role("status")
    text = said(element)
    seen.page.wait_for_function("(text) => document.querySelector('.cf-live').textContent === text", arg=text)
    assert live.count() == 1


@pytest.mark.parametrize("name", FIGURES)
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
    assert int(re.search(r"(\d+) of 64 outputs", said(element)).group(1)) > 0


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
    assert "Row 5 makes output (1, 1)" in said(element)


def test_flip_and_slide_by_mouse(figure):
    _, element = figure("flip-and-slide")
    element.get_by_role("button", name="blur").click()
    assert "looks the same when flipped" in said(element)
    element.locator("svg").nth(2).locator("[data-r='2'][data-c='3']").click()
    assert "row 3, column 4" in said(element)


def test_convolution_arithmetic_by_mouse(figure):
    _, element = figure("convolution-arithmetic")
    element.locator("svg").nth(1).locator("[data-r='1'][data-c='1']").click()
    assert "Output (1, 1) reads 9 inputs" in said(element)
    element.get_by_label("transposed convolution").check()
    assert "The output is 9 × 9" in said(element)
    element.get_by_label("kernel k").fill("4")
    assert "The output is 10 × 10" in said(element)


def test_the_products_of_a_layer_follow_the_map(figure):
    _, element = figure("fft-layer")
    assert "the FFT takes 45.33 times the products of the definition" in said(element)
    element.locator("[data-r='1'][data-c='4']").click()
    element.get_by_label("images N").fill("32")
    assert "64 channels, 64 filters of 5 × 5" in said(element)
    assert "8192 transforms serve 131072 convolutions" in said(element)
    element.get_by_label("n + k − 1").check()
    assert "the definition takes 4.06 times" in said(element)


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
