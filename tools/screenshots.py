"""Take pictures with Chromium: the stills of the interactive figures, and the README's screenshots of the built site.

    python -m tools.screenshots stills                 into book/_static/figures/stills
    python -m tools.screenshots readme [SITE] [INTO]   of _build/html, into screenshots

Both need a browser: Debian's chromium, or `playwright install chromium`.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from PIL import Image

from tools.browser import chromium
from tools.serve import serving

if TYPE_CHECKING:
    from playwright.sync_api import Page


ROOT = Path(__file__).parents[1]
FIGURES = json.loads((ROOT / "book/_static/figures/titles.json").read_text(encoding="utf-8"))
BARE = """<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">
<link rel="stylesheet" href="/_static/course.css"><script defer src="/_static/course.js"></script>
<style>body {{ width: 690px; margin: 0; font-family: sans-serif; background: #fff }}
.cf-controls, .cf-key-help, .cf-formula {{ display: none }} .cf-stage, .cf-readout {{ padding: 6px; margin: 0 }}</style>
<article><figure class="interactive" style="border: 0; padding: 0; margin: 0">
<course-{name} data-options='{options}'></course-{name}></figure></article></html>"""
# {still: (figure, state)}: every figure as it starts, and the states that show the idea where the first one does not
STILLS = {name: (name, "{}") for name in FIGURES} | {
    "pooling-shift": ("pooling-shift", '{"right": 1}'),
    "convolution-arithmetic": ("convolution-arithmetic", '{"position": 4}'),
    "convolution-arithmetic-transposed": (
        "convolution-arithmetic",
        '{"kind": "transposed", "n": 4, "kernel": 3, "stride": 2, "padding": 0, "position": 5}',
    ),
}
# (file, page, width, colour scheme, what to bring to the top)
VIEWS: list[tuple[str, str, int, Literal["light", "dark"], str | None]] = [
    ("site-index.png", "book/index.html", 1280, "light", None),
    ("site-chapter.png", "book/pooling.html", 1280, "light", "figure.interactive"),
    ("site-chapter-dark.png", "book/pooling.html", 1280, "dark", "self-check"),
    ("site-telephone.png", "book/pooling.html", 400, "light", "figure.interactive"),
]


def save(page: "Page", path: Path, **options: Any) -> None:
    """Write a screenshot as a palette PNG, a third of the size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, **options)
    Image.open(path).convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        path, optimize=True
    )


def stills() -> None:
    """Draw every interactive figure without its controls, at twice the size it is shown in."""
    with serving(ROOT / "book") as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 720, "height": 600}, device_scale_factor=2)
        for still, (name, options) in STILLS.items():
            html = BARE.format(name=name, options=options)
            page.route("**/still.html", lambda route, _, html=html: route.fulfill(body=html, content_type="text/html"))
            page.goto(f"{address}/still.html")
            page.wait_for_selector(f"course-{name}[data-ready]")
            target = page.locator(".cf-stage").bounding_box()
            below = page.locator(".cf-say").bounding_box()
            assert target and below, f"{name} is drawn"
            height = below["y"] + below["height"] - target["y"] + 8
            clip = {"x": 0, "y": target["y"], "width": 690, "height": height}
            save(page, ROOT / "book/_static/figures/stills" / f"{still}.png", clip=clip)
            page.unroute("**/still.html")
            print(still)


def readme(site: Path, into: Path) -> None:
    """Take the README's screenshots of the main pages."""
    with serving(site) as address, chromium() as browser:
        for file, page_name, width, scheme, top in VIEWS:
            page = browser.new_page(viewport={"width": width, "height": 860}, color_scheme=scheme)
            page.goto(f"{address}/{page_name}")
            page.wait_for_function(
                "!document.querySelector('script[src*=mathjax]') || window.MathJax?.startup?.promise"
            )
            if top:
                page.locator(top).first.evaluate("(e) => scrollTo({top: e.offsetTop - 90, behavior: 'instant'})")
            page.wait_for_timeout(1200)
            save(page, into / file)
            page.close()
            print(into / file)


def main(arguments: Sequence[str]) -> None:
    if arguments[:1] == ["stills"]:
        stills()
    elif arguments[:1] == ["readme"]:
        site, into = [*arguments[1:], *["_build/html", "screenshots"][len(arguments) - 1 :]][:2]
        readme(Path(site), Path(into))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
