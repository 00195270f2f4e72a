"""What browser tests share: a page that remembers what went wrong on it, axe."""

from pathlib import Path

import axe_playwright_python

from tools import contents

ROOT = Path(__file__).parents[2]
CONTENTS = contents.files(ROOT)
AXE = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js"))
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Visit:
    """A page in a context of its own, with the errors and the outside requests seen so far."""

    def __init__(self, chromium, **options):
        self.context = chromium.new_context(viewport={"width": options.pop("width", 1280), "height": 900}, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.errors, self.outside = [], []
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self.note)

    def note(self, request):
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.outside.append(request.url)

    def scroll(self):
        """Go down the page and back, so that everything lazy is loaded."""
        self.page.evaluate(
            """async () => {
                for (let y = 0; y < document.documentElement.scrollHeight; y += 700) {
                    scrollTo({top: y, behavior: "instant"});
                    await new Promise((resolve) => setTimeout(resolve, 20));
                }
                scrollTo({top: 0, behavior: "instant"});
                while (document.querySelector("script[src*=mathjax]") && !window.MathJax?.startup?.promise)
                    await new Promise((resolve) => setTimeout(resolve, 20));
                await window.MathJax?.startup?.promise;
                await new Promise((resolve) => setTimeout(resolve, 100));
            }"""
        )

    def axe(self, rules=None):
        """Return what axe finds, one line for each violation; of some rules only, where they are given."""
        if not self.page.evaluate("typeof axe === 'object'"):
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": TAGS}
        # What MathJax draws is hidden from assistive technology, which reads the MathML beside it: only that is judged.
        what = {"exclude": [["mjx-math"]]}
        options = {"runOnly": only, "preload": False, "resultTypes": ["violations"]}
        found = self.page.evaluate("([what, options]) => axe.run(what, options)", [what, options])["violations"]
        return [f"{v['id']}: {', '.join(str(n['target']) for n in v['nodes'][:3])}" for v in found]
