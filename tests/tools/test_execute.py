"""A chapter is run again when its code, or what its code imports or reads, has changed; and only then."""

import json
from pathlib import Path

import pytest
from jupyter_cache import get_cache

from tools import execute

ROOT = Path(__file__).parents[2]
PAGE = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# Chapter

```{code-cell} ipython3
---
mystnb: {image: {alt: "import nothing"}}
---
import json
from drawings import chapter as drawings

TABLE = "../solutions/networks/table.json"
print(json.load(open(TABLE))["score"], drawings.colour())
```
"""


@pytest.fixture
def project(tmp_path):
    """A project with one chapter, which imports a drawing, which imports the style, and reads a table."""
    for name, text in {
        "_toc.yml": "format: jb-book\nroot: book/chapter\n",
        "requirements.txt": "numpy==2.4.6\n",
        "book/chapter.md": PAGE,
        "book/drawings/__init__.py": "",
        "book/drawings/chapter.py": "from drawings import style\n\n\ndef colour():\n    return style.COLOUR\n",
        "book/drawings/style.py": 'COLOUR = "blue"\n',
        "book/drawings/other.py": "",
        "solutions/networks/table.json": '{"score": 0.5}',
        "solutions/networks/other.json": "{}",
        "autograder/student/convcourse/__init__.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def names(root, page):
    return [path.relative_to(root).as_posix() for path in execute.uses(root, root / page)]


def test_what_a_chapter_uses_is_what_its_code_imports_and_names(project):
    assert names(project, "book/chapter.md") == [
        "book/drawings/__init__.py", "book/drawings/chapter.py", "book/drawings/style.py",
        "solutions/networks/table.json",
    ]  # fmt: skip


def test_the_chapter_on_training_uses_its_networks_its_trainer_and_its_checks_bounds():
    used = names(ROOT, "book/training.md")
    networks = "autograder/student/convcourse/networks"
    assert {f"{networks}/trainer.py", f"{networks}/layers.py", f"{networks}/tasks.py"} <= set(used)
    assert {"solutions/networks/calibration.json", "solutions/networks/digits.safetensors"} <= set(used)
    assert "solutions/miniconv/training.py" in used and "solutions/miniconv/priors.py" not in used


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("book/drawings/style.py", True),
        ("solutions/networks/table.json", True),
        ("requirements.txt", True),
        ("book/drawings/other.py", False),
        ("solutions/networks/other.json", False),
    ],
)
def test_its_fingerprint_changes_with_these_and_no_others(project, name, counts):
    page = project / "book/chapter.md"
    before = execute.fingerprint(project, page)
    (project / name).write_text((project / name).read_text() + " ")
    assert (execute.fingerprint(project, page) != before) is counts


def printed(project):
    """What a build would show of the page as it is now."""
    cache = get_cache(str(project / "_build/.jupyter_cache"))
    record = cache.get_cached_project_nb(str(project / "book/chapter.md"))
    return cache.get_cache_bundle(record.pk).nb.cells[-1].outputs[0].text


@pytest.mark.slow
def test_the_outputs_follow_what_a_chapter_reads(project):
    """Run, run again, change the table, run: the third run gives the new number."""

    assert execute.execute(project) == ([], 1) and printed(project) == "0.5 blue\n"
    assert execute.execute(project) == ([], 0)
    (project / "solutions/networks/table.json").write_text(json.dumps({"score": 0.75}))
    assert execute.execute(project) == ([], 1) and printed(project) == "0.75 blue\n"
    (project / "book/drawings/style.py").write_text('COLOUR = "green"\n')
    assert execute.execute(project) == ([], 1) and printed(project) == "0.75 green\n"


@pytest.mark.slow
def test_an_edit_that_is_undone_does_not_bring_back_what_another_module_gave(project):
    """The cache keeps what a page gave under its code: where only the page is as it was, that is not what it gives."""
    page, style = project / "book/chapter.md", project / "book/drawings/style.py"
    text, module = page.read_text(), style.read_text()
    assert execute.execute(project) == ([], 1)
    page.write_text(text.replace("print(", "print(1, "))
    style.write_text('COLOUR = "green"\n')
    assert execute.execute(project) == ([], 1) and printed(project) == "1 0.5 green\n"
    page.write_text(text)
    assert execute.execute(project) == ([], 1) and printed(project) == "0.5 green\n"
    page.write_text(text.replace("print(", "print(1, "))
    assert execute.execute(project) == ([], 0) and printed(project) == "1 0.5 green\n", "what still holds is not run"
    page.write_text(text)
    style.write_text(module)
    assert execute.execute(project) == ([], 1) and printed(project) == "0.5 blue\n"
