"""Print how the built site does: Lighthouse (mobile and desktop), what a page weighs, and axe on every page.

    python -m tools.site_report [SITE] [--runs 3] [--markdown book/_pages.md]

Lighthouse is a tool of Node: `npm ci` installs it. Without it only weights and the axe table are printed. Its score for
speed is the median of some runs; it wants a machine that does nothing else, so the load is printed beside it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import axe_playwright_python

from tools import contents
from tools.browser import FLAGS, chromium, installed
from tools.serve import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Request

ROOT = Path(__file__).parents[1]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CATEGORIES = {"performance": "perf", "accessibility": "access", "best-practices": "best", "seo": "seo"}
SCROLL = """async () => {
    for (let y = 0; y < document.documentElement.scrollHeight; y += 700) {
        scrollTo({top: y, behavior: "instant"});
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}"""


HEAD = """\
| page | telephone | desktop | words after, s | all in view after, s | busy, s | all it loads, kB |
|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Speed:
    """What Lighthouse says of a page, each the median of its runs; seconds are those of its simulated telephone."""

    title: str
    mobile: float  # the score for performance
    desktop: float
    first: float  # seconds until the first words are there
    largest: float  # until the largest part of what is in view is there
    busy: float  # beyond 50 ms at a time, in which the page does not answer
    weight: int  # bytes of all that it loads, as they are sent


def measured(site: Path) -> list[str]:
    """Return the pages that are measured, as far as they are built: the first one and the chapters."""
    names = ["book/index", *(f"book/{stem}" for stem in contents.stems(ROOT))]
    return [name for name in names if (site / f"{name}.html").is_file()]


def as_markdown(speeds: Iterable[Speed]) -> str:
    """Return the table for the site."""
    return HEAD + "".join(
        f"| {one.title} | {one.mobile:.2f} | {one.desktop:.2f} | {one.first:.1f} | {one.largest:.1f} "
        f"| {one.busy:.2f} | {one.weight / 1000:.0f} |\n"
        for one in speeds
    )


def weight(browser: "Browser", address: str) -> tuple[str, int]:
    """Return the title of a page, and the bytes that a reader has loaded who has scrolled to its end."""
    page = browser.new_page()
    requests: list[Request] = []

    def note(request: "Request") -> None:
        if request.url.startswith("http"):
            requests.append(request)

    page.on("requestfinished", note)
    page.goto(address, wait_until="load")
    page.evaluate(SCROLL)
    page.wait_for_load_state("networkidle")
    title = page.locator("article h1").first.evaluate("(heading) => heading.firstChild.textContent")
    size = sum(request.sizes()["responseBodySize"] for request in requests)
    page.close()
    return title, size


def lighthouse(address: str, mobile: bool) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the scores of one page, {category: score}, and its report."""
    tool = ROOT / "node_modules/.bin/lighthouse"
    browser, flags = installed(), " ".join(("--headless=new", *FLAGS))
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "report.json"
        command = [str(tool), address, "--quiet", "--output=json", f"--output-path={output}", f"--chrome-flags={flags}"]
        command += [] if mobile else ["--preset=desktop"]
        environment = os.environ | ({"CHROME_PATH": browser} if browser else {})
        subprocess.run(command, check=True, env=environment, timeout=180, capture_output=True)
        report = json.loads(output.read_text(encoding="utf-8"))
    return {name: report["categories"][name]["score"] for name in CATEGORIES}, report


def failures(report: dict[str, Any]) -> list[str]:
    """Return the audits that cost a point, without those that only measure time."""
    audits = [
        ref["id"] for name in CATEGORIES if name != "performance" for ref in report["categories"][name]["auditRefs"]
    ]
    scores = {name: report["audits"][name]["score"] for name in audits}
    return sorted(name for name, score in scores.items() if score is not None and score < 1)


def times(report: dict[str, Any]) -> tuple[float, ...]:
    """Return score, seconds to the first words and to the largest part, and seconds that were blocked."""
    names = ("first-contentful-paint", "largest-contentful-paint", "total-blocking-time")
    score = report["categories"]["performance"]["score"]
    return (score, *(report["audits"][name]["numericValue"] / 1000 for name in names))


def speed(browser: "Browser", address: str, runs: int) -> Speed:
    """Measure one page, and print what each of its runs gave."""
    title, size = weight(browser, address)
    medians: dict[bool, list[float]] = {}
    for mobile in (True, False):
        found = []
        for _ in range(runs):
            scores, report = lighthouse(address, mobile)
            found.append(times(report))
            kind = "mobile" if mobile else "desktop"
            print(f"{title + ', ' + kind:40s}" + "".join(f"{score:8.2f}" for score in scores.values()), end="")
            print(f"{os.getloadavg()[0]:8.1f}", *failures(report), flush=True)
        medians[mobile] = [statistics.median(values) for values in zip(*found, strict=True)]
    score, first, largest, busy = medians[True]
    return Speed(title, score, medians[False][0], first, largest, busy, size)


def print_lighthouse(address: str, site: Path, runs: int) -> list[Speed]:
    """Print the table of Lighthouse scores; return what was measured."""
    if not (ROOT / "node_modules/.bin/lighthouse").exists():
        print("Lighthouse: not run, `npm ci` installs it")
        return []
    print(f"{'Lighthouse':40s}" + "".join(f"{short:>8s}" for short in (*CATEGORIES.values(), "load")))
    with chromium() as browser:
        return [speed(browser, f"{address}/{name}.html", runs) for name in measured(site)]


def print_axe(address: str, site: Path) -> None:
    """Print what axe finds on every page, in light and dark."""
    source = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js")).read_text(encoding="utf-8")
    print(f"\n{'axe: violations':34s}   light    dark")
    with chromium() as browser:
        for path in sorted(site.rglob("*.html")):
            name, violations = str(path.relative_to(site)), []
            for scheme in ("light", "dark"):
                page = browser.new_page(color_scheme=scheme)
                page.goto(f"{address}/{name}", wait_until="load")
                page.evaluate(source)
                options = {"runOnly": TAGS, "preload": False}
                violations.append(page.evaluate("(options) => axe.run(document, options)", options)["violations"])
                page.close()
            names = sorted({violation["id"] for one in violations for violation in one})
            print(f"{name:34s}" + "".join(f"{len(one):8d}" for one in violations), *names, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.site_report", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("site", type=Path, nargs="?", default=Path("_build/html"))
    parser.add_argument("--runs", type=int, default=3, help="how often Lighthouse looks at a page (3)")
    parser.add_argument("--markdown", type=Path, help="write the table of speeds to this file, and leave axe out")
    options = parser.parse_args(arguments)
    if not (options.site / "index.html").is_file():
        sys.exit(f"There is no site in {options.site}: build it first, with make book.")
    with serving(options.site) as address:
        speeds = print_lighthouse(address, options.site, options.runs)
        if options.markdown and speeds:
            options.markdown.write_text(as_markdown(speeds), encoding="utf-8", newline="\n")
        elif not options.markdown:
            print_axe(address, options.site)
    if speeds:
        print(as_markdown(speeds))


if __name__ == "__main__":
    main()
