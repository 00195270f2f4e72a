"""What a reader expects of the site: search, dark mode, moving on, downloads, previews, self-checks, print, 404."""

import json
import re

import nbformat
import pytest

from tests.helpers.visits import CONTENTS, ROOT
from tools import screenshots, site_report

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CHAPTER = "book/pooling.html"


@pytest.fixture
def chapter(site, visit):
    seen = visit()
    seen.page.goto(f"{site}/{CHAPTER}")
    return seen


def test_index_leads_to_the_landing_page(site, visit):
    seen = visit()
    seen.page.goto(f"{site}/")
    seen.page.wait_for_url("**/book/index.html")
    for heading in ("Three ways in", "Who it is for", "The chapters"):
        assert seen.page.get_by_role("heading", name=heading).count() == 1


def test_search_finds_a_chapter_by_mouse(chapter):
    chapter.page.locator("button.search-button-field:visible").click()
    chapter.page.locator("dialog[open] input[type=search]").fill("max pooling")
    chapter.page.keyboard.press("Enter")
    chapter.page.wait_for_url("**/search.html?q=max+pooling*")
    chapter.page.wait_for_selector("#search-results li a[href*='book/pooling.html']")
    assert chapter.errors == [] and chapter.outside == []


def test_search_opens_by_keyboard(chapter):
    chapter.page.wait_for_load_state("load")
    chapter.page.keyboard.press("Control+K")
    assert chapter.page.locator("dialog[open] input[type=search]").evaluate("(e) => e === document.activeElement")


@pytest.mark.parametrize("words", ["semantic segmentation", "data augmentation", "batch normalization", "U-Net", "IoU"])
def test_search_finds_the_standard_words(site, visit, words):
    seen = visit()
    seen.page.goto(f"{site}/search.html?q={words}")
    first = seen.page.locator("#search-results li > a").first
    first.wait_for()
    assert f"glossary.html#term-{words.replace(' ', '-')}" in first.get_attribute("href")


def test_search_and_sidebar_tell_assignments_from_chapters(site, visit):
    seen = visit()
    seen.page.goto(f"{site}/search.html?q=pooling")
    seen.page.locator("#search-results li a[href*='exercises/pooling']").first.wait_for()
    for place in ("#search-results li > a", "nav.bd-links a"):
        links = {link.get_attribute("href"): link.inner_text() for link in seen.page.locator(place).all()}
        for address, text in links.items():
            assert text.startswith("Assignment: ") == ("exercises/" in address), (place, address, text)


@pytest.mark.parametrize("width", [1280, 400])
def test_claims_are_chosen_by_keyboard_and_the_choice_stands_in_the_address(site, visit, width):
    seen = visit(width=width)
    page = seen.page
    page.goto(f"{site}/book/claims.html")
    page.get_by_label("Chapter").wait_for()
    rows = page.locator("article tbody tr")
    every = rows.count()
    assert page.get_by_role("status").inner_text() == f"Shown: all {every} claims."
    page.get_by_label("Verdict").press("f")
    page.get_by_label("Control").focus()
    page.keyboard.press("ArrowDown")
    chosen = page.locator("article tbody tr:visible")
    shown = chosen.count()
    assert 0 < shown < every
    assert page.get_by_role("status").inner_text() == f"Shown: {shown} of {every} claims."
    assert {text.split("\n")[0] for text in chosen.locator("td:first-child").all_inner_texts()} == {"false"}
    assert all("Beside it, as control:" in text for text in chosen.all_inner_texts())
    headings = page.locator("article h2:visible").count()
    assert headings < page.locator("article h2").count(), "a chapter without a chosen claim is not shown"
    page.reload()
    page.get_by_label("Chapter").wait_for()
    assert chosen.count() == shown and "verdict=false" in page.url
    page.get_by_label("Chapter").select_option("Pooling")
    assert page.locator("article h2:visible").count() == 1 and 0 < chosen.count() < shown
    page.evaluate("location.hash = 'shapes'")  # a link to a chapter that is hidden
    page.get_by_role("status").filter(has_text=f"all {every} claims").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.errors == [] and seen.axe() == []


def test_without_scripts_the_claims_are_plain_tables(site, visit):
    seen = visit(java_script_enabled=False)
    seen.page.goto(f"{site}/book/claims.html")
    rows = seen.page.locator("article tbody tr")
    assert rows.count() > 150 and all(row.is_visible() for row in rows.all())
    assert seen.page.locator("article select").count() == 0


def test_dark_mode_is_chosen_and_kept(chapter):
    theme = "document.documentElement.dataset.theme"
    button = chapter.page.locator("button.theme-switch-button:visible").first
    seen = set()
    for _ in range(3):
        button.click()
        seen.add(chapter.page.evaluate(theme))
    assert seen == {"light", "dark"}
    while chapter.page.evaluate("document.documentElement.dataset.mode") != "dark":
        button.click()
    chapter.page.reload()
    assert chapter.page.evaluate(theme) == "dark"


def test_previous_and_next(chapter):
    chapter.page.locator("a.right-next").click()
    chapter.page.wait_for_load_state()
    chapter.page.locator("a.left-prev").click()
    chapter.page.wait_for_url(f"**/{CHAPTER}")


def test_copy_button(chapter):
    chapter.context.grant_permissions(["clipboard-read", "clipboard-write"])
    cell = chapter.page.locator("div.highlight").first
    cell.hover()
    cell.locator("button.copybtn").click()
    copied = chapter.page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == cell.locator("pre").inner_text().strip()


def test_the_executed_notebook_is_offered_and_not_the_source(chapter, tmp_path):
    links = chapter.page.locator(".dropdown-download-buttons a")
    assert links.count() == 1
    address = links.get_attribute("href")
    answer = chapter.page.request.get(f"{chapter.page.url.rsplit('/', 1)[0]}/{address}")
    assert answer.ok
    notebook = nbformat.reads(answer.text(), as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert any(cell.outputs for cell in cells)
    assert not any(output.output_type == "error" for cell in cells for output in cell.outputs)
    assert chapter.page.request.get(f"{chapter.page.url.rsplit('/', 2)[0]}/_sources/book/pooling.md").status == 404


def test_a_link_shows_a_preview_by_mouse_and_by_keyboard(chapter):
    page = chapter.page
    link = page.locator("article a.bibtex, article p a.reference.internal").first
    link.scroll_into_view_if_needed()
    link.hover()
    page.wait_for_selector(".course-preview")
    assert page.locator(".course-preview").inner_text().strip()
    page.keyboard.press("Escape")
    assert page.locator(".course-preview").count() == 0
    page.mouse.move(5, 5)
    link.evaluate("(link) => link.previousElementSibling")
    page.keyboard.press("Tab")
    link.focus()
    page.wait_for_selector(".course-preview")
    assert link.get_attribute("aria-describedby") == "course-preview"
    assert chapter.errors == [] and chapter.outside == []


def test_a_preview_of_a_word_of_the_glossary_says_what_it_means(chapter):
    """Also where several words stand above one meaning."""
    link = chapter.page.locator("article a[href$='glossary.html#term-feature-map']").first
    link.scroll_into_view_if_needed()
    link.hover()
    chapter.page.wait_for_selector(".course-preview")
    shown = chapter.page.locator(".course-preview").inner_text()
    assert shown.startswith("feature map") and "The outputs of one kernel at all places" in shown


def test_a_preview_of_a_formula_further_down_is_drawn(site, visit):
    """Formulas are drawn when they come near the screen; a preview does not wait for that."""
    seen = visit()
    seen.page.goto(f"{site}/{CHAPTER}")
    seen.page.wait_for_selector("mjx-container")
    seen.page.evaluate(
        """() => {
            const formulas = [...document.querySelectorAll("article div.math")];
            const last = formulas.at(-1);
            last.id ||= "last-formula";
            const link = Object.assign(document.createElement("a"), {href: "#" + last.id, textContent: "the last one"});
            link.className = "reference internal";
            document.querySelector("article p").append(link);
            return import(new URL("../_static/previews.js", location)).then(({watch}) => watch([link]));
        }"""
    )
    seen.page.get_by_role("link", name="the last one").hover()
    seen.page.wait_for_selector(".course-preview mjx-container mjx-math")


def test_a_number_is_judged_kept_and_cleared(chapter):
    page = chapter.page
    check = page.locator("self-check[data-kind=number]").first
    field = check.get_by_role("textbox")
    key = check.get_attribute("data-key")
    field.fill("123456.75")
    field.press("Enter")
    assert check.get_by_role("status").inner_text().startswith("Not yet")
    assert not check.locator("details").evaluate("(e) => e.open")
    field.fill(check.get_attribute("data-answer"))
    check.get_by_role("button", name="Check").click()
    assert check.get_by_role("status").inner_text() == "Right."
    assert check.locator("details").evaluate("(e) => e.open")
    assert re.match(r"Self-checks: 1 of \d+ right", page.locator(".self-check-progress").inner_text())
    page.reload()
    check = page.locator(f"self-check[data-key='{key}']")
    assert check.get_by_role("textbox").input_value() == check.get_attribute("data-answer")
    assert check.get_by_role("status").inner_text() == "Right."
    check.get_by_role("button", name="Clear").click()
    page.reload()
    assert page.locator(f"self-check[data-key='{key}']").get_by_role("textbox").input_value() == ""


@pytest.mark.full
def test_every_self_check_accepts_its_own_answer(site, visit):
    """By the keyboard: formulas are drawn late, and what a mouse aims at may move until then."""
    seen = visit()
    for name in CONTENTS:
        seen.page.goto(f"{site}/{name}.html")
        for check in seen.page.locator("self-check[data-answer]").all():
            answer = check.get_attribute("data-answer")
            if check.get_attribute("data-kind") == "choice":
                check.get_by_role("radio").nth(int(answer)).press("Space")
            else:
                check.get_by_role("textbox").fill(answer)
            check.get_by_role("button", name="Check").press("Enter")
            assert check.get_by_role("status").inner_text() == "Right.", f"{name}: {check.get_attribute('id')}"
    assert seen.errors == []


def test_without_scripts_answers_are_folded_and_readable(site, visit):
    seen = visit(java_script_enabled=False)
    seen.page.goto(f"{site}/{CHAPTER}")
    details = seen.page.locator("self-check details").first
    assert details.get_attribute("open") is None
    details.locator("summary").click()
    assert details.locator(".self-check-answer").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_button_back_to_the_top_can_be_read(site, visit, scheme):
    """It is there on a narrow screen, after somebody has scrolled up."""
    seen = visit(color_scheme=scheme, width=400)
    seen.page.goto(f"{site}/{CHAPTER}")
    for top in (3000, 2600):
        seen.page.evaluate("(top) => scrollTo({top, behavior: 'instant'})", top)
        seen.page.wait_for_timeout(300)  # the theme hears of both
    button = seen.page.locator("#pst-back-to-top")
    button.wait_for()
    assert seen.axe(["color-contrast"]) == []
    button.hover()
    assert seen.axe(["color-contrast"]) == []


def test_wide_plots_can_be_enlarged_on_a_telephone(chapter):
    page = chapter.page
    assert page.locator("button.enlarge").count() == 0, "on a wide screen there is no need"
    page.set_viewport_size({"width": 400, "height": 900})
    button = page.locator("button.enlarge").first
    button.wait_for()
    image = button.locator("xpath=preceding-sibling::div[1]/img")
    own, fitted = int(image.get_attribute("width")), image.bounding_box()["width"]
    assert fitted <= 400 and fitted < 0.75 * own
    button.press("Enter")
    assert button.text_content() == "Fit to the screen" and image.bounding_box()["width"] == own
    assert page.evaluate("document.documentElement.scrollWidth") <= 400, "the figure scrolls, not the page"
    for _ in range(10):  # colours change gradually, and what scrolls can be reached by keyboard a moment later
        page.wait_for_timeout(300)
        if not (found := chapter.axe()):
            break
    assert found == []
    button.click()
    assert image.bounding_box()["width"] == fitted


def test_a_chapter_prints_as_a_document(chapter, tmp_path):
    chapter.page.wait_for_function("document.querySelector('mjx-container') !== null")
    chapter.page.emulate_media(media="print")
    for selector in (".bd-sidebar-primary", ".bd-header-article", ".cf-controls", ".self-check-form", "button.copybtn"):
        parts = chapter.page.locator(selector)
        assert parts.count() == 0 or not any(part.is_visible() for part in parts.all()), selector
    wide = chapter.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 1
    chapter.page.emulate_media(media=None)
    data = chapter.page.pdf(format="A4")
    assert chapter.page.locator("mjx-lazy").count() == 0
    pages = len(re.findall(rb"/Type\s*/Page[^s]", data))
    assert data.startswith(b"%PDF") and 4 <= pages <= 60


def test_an_unknown_address_gets_the_404_page(site, visit):
    seen = visit()
    answer = seen.page.goto(f"{site}/book/nowhere/at/all.html")
    assert answer.status == 404
    assert seen.page.get_by_role("heading", name="No page here").is_visible()
    seen.page.get_by_role("link", name="first page").click()
    seen.page.wait_for_url("**/book/index.html")


def test_the_page_keeps_its_place_while_it_loads(site, visit):
    page = visit(width=412).page
    page.add_init_script(
        """window.shift = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => (shift += entry.value)))
            .observe({type: "layout-shift", buffered: true});"""
    )
    page.goto(f"{site}/{CHAPTER}")
    page.wait_for_selector("article mjx-math")
    page.wait_for_timeout(500)
    assert page.evaluate("shift") < 0.05  # 0.07 when only the progress mark came later


def test_a_page_opened_from_the_disk_answers_too(built, visit):
    seen = visit()
    page = seen.page
    page.goto((built / CHAPTER).as_uri())
    check = page.locator("self-check[data-kind=number]").first
    check.get_by_role("textbox").fill(check.get_attribute("data-answer"))
    check.get_by_role("button", name="Check").click()
    assert check.get_by_role("status").inner_text() == "Right."
    page.locator("course-pooling-shift").scroll_into_view_if_needed()
    page.wait_for_selector("course-pooling-shift[data-ready]")
    page.wait_for_selector("article mjx-math", state="attached")
    page.goto((built / "book/claims.html").as_uri() + "?verdict=false")
    page.get_by_label("Control").wait_for()
    false = page.locator("article tbody tr:visible").count()
    page.get_by_label("Control").select_option("with a control")
    assert 0 < page.locator("article tbody tr:visible").count() < false
    assert seen.errors == []


def test_figures_are_webp(built):
    for page in sorted((built / "book").glob("*.html")):
        kinds = re.findall(r'_images/[^"]+(\.\w+)"', page.read_text(encoding="utf-8"))
        assert {*kinds} <= {".webp"}, page.name


@pytest.mark.full
def test_a_chapter_weighs_less_than_a_megabyte(site, built, chromium):
    """With all that it loads, down to its end, as it is sent."""
    weights = dict(site_report.weight(chromium, f"{site}/{name}.html") for name in site_report.measured(built))
    assert len(weights) > 10 and {title: size for title, size in weights.items() if size >= 1e6} == {}


def test_readme_pictures_show_pages_that_exist(built):
    assert [name for _, name, *_ in screenshots.VIEWS if not (built / name).is_file()] == []
    assert json.loads((ROOT / "package.json").read_text())["private"] is True
