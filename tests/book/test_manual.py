"""The pages beside the chapters: the words of the glossary, the page of attacks, what the manual says about Colab."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from IPython.core.interactiveshell import InteractiveShell

from tools import contents

BOOK = Path(__file__).parents[2] / "book"
# Words that readers search for, other names of what a page calls differently among them.
SEARCHED = """
Adam; band accuracy; batch; checkerboard artefacts; glimpse; linear probe; logits; momentum; ridge regression;
standardise; steerable; weight decay; activation map; atrous convolution; backpropagation; batch normalization;
causal convolution; data augmentation; deconvolution; depthwise separable convolution; Dice score; encoder; FFT; filter;
fully connected layer; fractionally strided convolution; global average pooling; inductive bias; IoU; MLP; neuron;
overfitting; positional encoding; same padding; semantic segmentation; SGD; shortcut connection;
spike-triggered average; tied weights; translation equivariance; U-Net; upsampling; weight sharing;
Winograd's algorithm; zero padding
"""


def page(name):
    return (BOOK / name).read_text(encoding="utf-8")


def terms():
    """Return the words that the glossary explains, each with what is said of it."""
    entries = re.findall(r"((?:^\S.*\n)+)((?:^  .+\n?)+)", page("glossary.md").split(":sorted:")[1], re.MULTILINE)
    return {word: text.strip() for words, text in entries for word in words.splitlines()}


@pytest.mark.parametrize("word", [" ".join(word.split()) for word in SEARCHED.split(";")])
def test_a_word_that_readers_search_for_is_in_the_glossary(word):
    assert len(terms()[word]) > 20


@pytest.mark.parametrize("stem", contents.stems(BOOK.parent))
def test_a_chapter_links_its_words_to_the_glossary_and_each_is_there(stem):
    links = re.findall(r"\{term\}`(?:[^`<]*<)?([^`>]+)>?`", page(f"{stem}.md"))
    assert len(links) > 3
    assert not sorted({word.lower() for word in links} - {word.lower() for word in terms()})


def test_no_word_is_explained_twice():
    words = re.findall(r"^\w.*$", page("glossary.md").split(":sorted:")[1], re.MULTILINE)
    assert len({word.lower() for word in words}) == len(words)


@pytest.mark.parametrize("part", page("questions.md").split("\n### ")[1:], ids=lambda part: part.splitlines()[0][:50])
def test_a_question_is_answered_and_leads_to_its_evidence(part):
    question, _, answer = part.partition("\n")
    assert question.endswith("?") and len(answer) > 150
    places = re.findall(r"\[\]\(#([\w-]+)\)", answer.split("Evidence: ")[1])
    known = {label for path in contents.pages(BOOK.parent) for label in contents.labels(path)}
    assert places and set(places) <= known


def test_the_questions_that_every_course_hears_are_asked():
    asked = " ".join(re.findall(r"^### (.*)", page("questions.md"), re.MULTILINE))
    for word in ("tied weights", "normalisation", "residual connections", "padding", "invariant", "FFT", "prior"):
        assert word in asked, word
    better = page("questions.md").split("better than dense ones?")[1].split("###")[0]
    assert "#motivation-sparse" in better, "few inputs save operations, shared numbers save memory"


def test_the_attacks_have_a_page_of_their_own_and_the_manual_leads_to_it():
    holding = [path.name for path in contents.pages(BOOK.parent) if "{include} _attacks.md" in path.read_text("utf-8")]
    assert holding == ["attacks.md"]
    assert "(attacks.md)" in page("grading.md")


def test_the_larger_settings_for_colab_change_numbers_and_drop_none():
    of_colab, of_the_task = (
        set(re.findall(r"(\w+)=", re.search(r"digits_settings = dict\((.*)\)", text)[1]))
        for text in (page("colab.md"), (BOOK.parent / "solutions/assignments/training.md").read_text(encoding="utf-8"))
    )
    assert of_colab == of_the_task


def test_the_two_lines_for_colab_mount_the_drive_and_go_there(tmp_path, monkeypatch):
    (tmp_path / "drive/MyDrive").mkdir(parents=True)
    block = re.search(r"```python\n((?:(?!```).*\n)*?.*google\.colab(?:.*\n)*?)\s*```", page("colab.md"))[1]
    lines = [line.strip() for line in block.splitlines()]
    assert len(lines) == 2
    mounted, colab = [], ModuleType("google.colab")
    colab.drive = ModuleType("drive")
    colab.drive.mount = mounted.append
    monkeypatch.setitem(sys.modules, "google", ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    monkeypatch.chdir(tmp_path)
    cell = "\n".join(lines).replace("/content", str(tmp_path))
    InteractiveShell(ipython_dir=str(tmp_path)).run_cell(cell).raise_error()
    assert mounted == [f"{tmp_path}/drive"]
    assert Path.cwd() == tmp_path / "drive/MyDrive"
