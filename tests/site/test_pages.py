"""Every page: no error, no request elsewhere, no barrier in either theme, fits a telephone, a full head."""

import pytest

from tests.helpers.visits import CONTENTS

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PAGES = [*CONTENTS, "search", "genindex", "404"]

HEAD = """() => ({
    descriptions: [...document.querySelectorAll("meta[name=description]")].map((meta) => meta.content),
    icon: document.querySelectorAll("link[rel=icon]").length,
    updated: document.body.innerText.includes("Last updated on"),
    searches: [...document.querySelectorAll("button.search-button-field")].filter((b) => b.offsetParent).length,
})"""
IMAGES = """() => [...document.querySelectorAll("article img")].map((image, index) => [
    image.getAttribute("src"), image.alt.trim() !== "", index === 0 || image.loading === "lazy"])"""
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

CUT_OFF = """() => {
    document.querySelectorAll("article details").forEach((details) => { details.open = true; });
    const code = [...document.querySelectorAll("article .cell_input pre, article details pre")];
    return code.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.innerText.slice(0, 60));
}"""


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.sample(8)
def test_page(name, site, visit):
    seen = visit(color_scheme="light")
    page, scripts = seen.page, []
    page.on("request", lambda request: "mathjax/startup" in request.url and scripts.append(request.url))
    assert page.goto(f"{site}/{name}.html").status == 200
    math = page.locator("article .math").count() > 0
    seen.scroll()
    assert (seen.errors, seen.outside) == ([], [])
    assert len(scripts) == int(math), "MathJax is loaded once where there is math, and nowhere else"

    head = page.evaluate(HEAD)
    assert len(head["descriptions"]) == 1 and 30 <= len(head["descriptions"][0]) <= 200
    assert (head["icon"], head["updated"], head["searches"]) == (1, True, 1)
    images = page.evaluate(IMAGES)
    assert [source for source, words, _ in images if not words] == [], "images without words"
    assert [source for source, _, lazy in images if not lazy] == [], "images that are not lazy"

    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert seen.axe() == []
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    page.wait_for_timeout(500)  # the theme's colours change gradually
    assert seen.axe(rules=["color-contrast", "link-in-text-block"]) == [], "in the dark, where only colours differ"

    assert page.evaluate(CUT_OFF) == [], "code that one has to scroll sideways to read"
    page.set_viewport_size({"width": 400, "height": 900})
    page.wait_for_timeout(100)
    assert page.evaluate(WIDE) <= 0, "wider than a telephone"
    assert (seen.errors, seen.outside) == ([], [])
