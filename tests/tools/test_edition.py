"""The instructor's edition holds every solution, and nothing that is public names it."""

import re

import pytest
import yaml

from tests.helpers.leaks import Searcher
from tests.helpers.leaks import solutions as bodies
from tests.helpers.visits import CONTENTS, ROOT
from tools import contents as course_contents
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


@pytest.fixture
def project(tmp_path):
    """A project with what an edition is made of."""
    for name in ("_toc.yml", "_config.yml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "solutions").symlink_to(ROOT / "solutions")
    return tmp_path


def test_the_edition_for_students_has_the_topics_that_are_named_and_no_others(project):
    assert edition.write(project, ["pooling", "layer"]) > edition.write(project, ["pooling"]) > 10
    folder = project / edition.ANSWERS
    assert {path.name for path in folder.iterdir()} == {"index.md", "pooling.md", "_config.yml", "_toc.yml"}
    found = Searcher(bodies(ROOT)).in_text("".join(path.read_text() for path in folder.glob("*.md")))
    assert "pooling.max_pool2d" in found and not [name for name in found if name.startswith("layer.")]
    config, contents = (yaml.safe_load((folder / name).read_text()) for name in ("_config.yml", "_toc.yml"))
    assert config["sphinx"]["config"]["course_instructor"] is False, "its tasks would link to what is not there"
    assert config["title"].endswith("(with solutions)") and "instructors" not in (folder / "index.md").read_text()
    assert contents["parts"][-1]["chapters"] == [{"file": "build/answers/index"}, {"file": "build/answers/pooling"}]


def test_a_topic_that_does_not_exist_is_a_sentence(project, capsys):
    assert edition.main([str(project), "--topics", "poolign"]) == 1
    assert capsys.readouterr().err == "_toc.yml has no assignment poolign.\n"
    assert not (project / edition.ANSWERS).exists()


@pytest.mark.slow
@pytest.mark.parametrize("stem", STEMS)
def test_the_answers_to_a_topic_give_no_later_one_away(stem):
    found = Searcher(bodies(ROOT)).in_text(edition.page(ROOT, stem))
    topics = {name.split(".")[0] for name in found}
    order = course_contents.stems(ROOT)
    assert [topic for topic in topics if order.index(topic) > order.index(stem)] == []
