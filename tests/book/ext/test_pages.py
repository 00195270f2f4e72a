"""What stands around a page."""

from types import SimpleNamespace

import yaml

from book._ext import pages
from tests.helpers.visits import ROOT


def test_launch_buttons_are_shown_where_a_kit_is_published(monkeypatch):
    monkeypatch.setattr(pages, "offer_notebook", lambda app, page: None)

    def buttons(page):
        settings = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]["course_launch"]
        config = SimpleNamespace(course_launch=settings)
        app = SimpleNamespace(confdir=ROOT, config=config, env=SimpleNamespace(course_topics=["pooling"]))
        pages.read_addresses(app, config)
        context = {}
        pages.set_buttons(app, page, "", context, doctree=object())
        groups = {group["label"]: group["buttons"] for group in context["header_buttons"]}
        return [button["url"] for button in groups.get("launch-buttons", [])]

    monkeypatch.setenv("COURSE_KIT", "https://github.com/o/kit")
    assert len(buttons("book/pooling")) == 2 and all("o/kit" in url for url in buttons("book/pooling"))
    assert buttons("book/glossary") == []
    monkeypatch.delenv("COURSE_KIT")
    assert buttons("book/pooling") == []


def test_a_page_is_made_again_when_what_its_code_uses_has_changed():
    noted = []
    env = SimpleNamespace(doc2path=lambda name: str(ROOT / f"{name}.md"), note_dependency=noted.append)
    app = SimpleNamespace(env=env, srcdir=str(ROOT))
    for name in ("book/training", "book/glossary"):
        pages.note_uses(app, name, [(ROOT / f"{name}.md").read_text(encoding="utf-8")])
    assert str(ROOT / "solutions/networks/calibration.json") in noted
    assert str(ROOT / "book/drawings/training.py") in noted
