"""Print how the built site does: Lighthouse (desktop, and mobile with compression), and axe on every page.

    python -m tools.site_report [SITE]

Lighthouse is a tool of Node: `npm ci` installs it. Without it only the axe table is printed.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import axe_playwright_python

from tools.browser import FLAGS, chromium, installed
from tools.serve import serving

ROOT = Path(__file__).parents[1]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CATEGORIES = {"performance": "perf", "accessibility": "access", "best-practices": "best", "seo": "seo"}
MEASURED = ["book/index", "book/convolution", "book/pooling", "book/attention"]


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


def print_lighthouse(address: str, site: Path) -> None:
    """Print the table of Lighthouse scores."""
    if not (ROOT / "node_modules/.bin/lighthouse").exists():
        print("Lighthouse: not run, `npm ci` installs it")
        return
    print(f"{'Lighthouse':34s}" + "".join(f"{short:>8s}" for short in CATEGORIES.values()))
    for name in MEASURED:
        if not (site / f"{name}.html").is_file():
            continue
        for mobile in (False, True):
            scores, report = lighthouse(f"{address}/{name}.html", mobile)
            kind = "mobile" if mobile else "desktop"
            lost = failures(report)
            print(
                f"{name + ', ' + kind:34s}" + "".join(f"{score:8.2f}" for score in scores.values()), *lost, flush=True
            )


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


def main(site: Path) -> None:
    if not (site / "index.html").is_file():
        sys.exit(f"There is no site in {site}: build it first, with make book.")
    with serving(site) as address:
        print_lighthouse(address, site)
        print_axe(address, site)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "_build/html"))
