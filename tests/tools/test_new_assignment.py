"""`autograder new-assignment`: all places of one stem, what is missing from them, and the manual's example."""

import pytest

from tests.helpers.own_course import blocks, command, copy_of_the_course, fill_in
from tools import contents, new_assignment, weave
from tools.draft import AuthorError, Places

NEW = ("convcourse", "new-assignment", "sound")


@pytest.fixture
def root(tmp_path):
    return copy_of_the_course(tmp_path)


def test_a_skeleton_has_every_place_and_can_be_woven(root):
    lines = new_assignment.write(root, "sound", "Sound", after="pooling")
    places = Places(root, "sound")
    files = [path.relative_to(root).as_posix() for path in (places.text, places.checks, places.answers, places.chapter)]
    assert lines == [f"written: {name}" for name in [*files, "_toc.yml"]]
    stems = contents.stems(root)
    assert stems[stems.index("pooling") + 1] == "sound" and "book/sound" in contents.files(root)
    assert weave.woven(root, "sound").tasks == []
    assert new_assignment.write(root, "sound", "Sound") == []


def test_a_comment_in_the_table_of_contents_stays(root):
    toc = root / "_toc.yml"
    toc.write_text("# ours\n" + toc.read_text())
    new_assignment.write(root, "sound", "Sound")
    assert toc.read_text().startswith("# ours\n") and contents.stems(root)[-1] == "sound"


@pytest.mark.parametrize(
    ("stem", "after", "message"), [("Sound", None, "small letters"), ("sound", "noise", "no assignment noise")]
)
def test_what_cannot_be_is_refused_and_nothing_is_written(root, stem, after, message):
    with pytest.raises(AuthorError, match=message):
        new_assignment.write(root, stem, "Sound", after)
    assert not Places(root, stem).text.exists()


@pytest.mark.slow
def test_the_example_of_the_manual_is_an_assignment_from_which_nothing_is_missing(root):
    status, said = command(root, *NEW, "--title", "Sound", "--after", "pooling")
    assert status == 1 and "It has no task: autograder new-task sound NAME writes one." in said
    assert "book/sound.md:8: the question that this chapter answers." in said
    assert command(root, "convcourse", "new-task", "sound", "loudness")[0] == 1
    shown, places = blocks(), Places(root, "sound")
    for path, caption in (
        (places.text, "solutions/assignments/pooling.md"),
        (places.checks, "autograder/student/convcourse/checks/pooling.py"),
        (places.answers, "solutions/answers/pooling.py"),
    ):
        text = shown[caption].replace("## 11. ", "## 1. ").replace("pooling#pooling-lp", "sound#sound-loudness")
        fill_in(path, "loudness", text)
    before, _, rest = places.chapter.read_text().partition("(sound-first)=")
    section = shown["book/sound.md"] + "\n**" + rest.partition("**")[2]
    places.chapter.write_text(before.replace("TODO: the", "The") + section)
    places.text.write_text(places.text.read_text().replace("TODO: what", "What"))
    assert command(root, *NEW) == (0, "sound: nothing is missing.\n")
    assert command(root, "tools.weave")[0] == 0
    status, said = command(root, "convcourse", "release", "sound")
    assert status == 0 and "new in the gradebook: 1 task" in said, said
    assert (root / "exercises/sound/sound.ipynb").is_file()


@pytest.mark.slow
def test_the_tasks_of_the_course_lack_nothing(monkeypatch, capsys):
    assert new_assignment.lacking(new_assignment.Path(__file__).parents[2], "layer") == []
