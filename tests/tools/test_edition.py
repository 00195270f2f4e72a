"""The instructor's edition holds every solution, and nothing that is public names it."""

import re

import pytest
import yaml

from tests.helpers.leaks import Searcher
from tests.helpers.leaks import solutions as bodies
from tests.helpers.visits import CONTENTS, ROOT
from tools import edition, weave

STEMS = weave.ProjectPaths(ROOT).stems()


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.slow
def test_the_page_of_a_topic_holds_every_solution(stem):
    own = {name: code for name, code in bodies(ROOT).items() if name.startswith(f"{stem}.")}
    text = edition.page(ROOT, stem)
    assert own
    for name in own:
        assert f"({edition.anchor(stem, name.split('.', 1)[1])})=" in text
    squeezed = "".join(text.split())
    assert [name for name, code in own.items() if "".join(code.split()) not in squeezed] == []


@pytest.mark.parametrize("stem", [stem for stem in STEMS if weave.woven(ROOT, stem).model_answers])
def test_the_page_of_a_topic_holds_the_model_answer_of_its_written_question(stem):
    text = edition.page(ROOT, stem)
    source = (ROOT / "solutions" / "assignments" / f"{stem}.md").read_text(encoding="utf-8")
    (name, answer), *_ = re.findall(r"^#: written (\S+) \d+\n(.*?)^```", source, flags=re.MULTILINE | re.DOTALL)
    assert f"({edition.anchor(stem, name)})=" in text
    assert answer.strip() in text


def test_a_solution_links_back_to_its_task():
    text = edition.page(ROOT, "pooling")
    link = '<a href="../../exercises/pooling/pooling.html#max-pooling-8-points">2. Max pooling (8 points)</a>'
    assert text.index("(solution-pooling-max-pool2d)=") < text.index(link) < text.index("def max_pool2d(")


def test_the_search_for_leaks_would_find_the_pages():
    found = Searcher(bodies(ROOT)).in_text(edition.page(ROOT, "pooling"))
    assert "pooling.max_pool2d" in found


def test_the_public_table_of_contents_knows_nothing_of_it():
    assert not [name for name in CONTENTS if name.startswith("build")]
    public = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert "course_instructor" not in public["sphinx"]["config"]


def test_configuration_adds_the_appendix():
    config, contents = edition.configuration(ROOT, ["pooling"])
    assert config["sphinx"]["config"]["course_instructor"] is True
    assert contents["parts"][-1]["chapters"][1:] == [{"file": "build/instructor/pooling"}]
    assert contents["parts"][0]["chapters"][0] == {"file": "book/convolution"}
