"""The command ``autograder release``: its options, and sentences where something cannot be done."""

import io

import pytest
from rich.console import Console

from convcourse import cli
from convgrader import batch
from tests.convgrader.nbgrader_plugin.test_releasing import add_task, change, named, rename_written


def autograder(course, capsys, *arguments):
    """Run the command in the folder of a course; return its status and what it printed."""
    status = cli.main(["release", *arguments])
    printed = capsys.readouterr()
    return status, printed.out + printed.err


@pytest.fixture
def changed(handed_in, monkeypatch):
    """A course whose assignment has one more task than the gradebook, and another name for one."""
    monkeypatch.chdir(handed_in.root)
    change(handed_in, add_task)
    change(handed_in, rename_written)
    return handed_in


def test_the_preview_says_that_it_is_one(changed, capsys):
    status, output = autograder(changed, capsys, "pooling", "--preview", "--renamed", "written-pooling=why")
    assert status == 0
    assert output.splitlines() == [
        "pooling:",
        "  renamed: written-pooling is why now",
        "  added: extra, 2 points",
        "  together: 13 tasks, 50 points before; 14 tasks, 52 points now",
        "Nothing in convcourse.checks checks extra: everybody earns 0 for that.",
        "This is a preview: nothing was changed.",
    ]
    assert "extra" not in (changed.root / "release/pooling/pooling.ipynb").read_text()


def test_a_release_takes_the_changes_in(changed, capsys):
    status, output = autograder(changed, capsys, "pooling", "--renamed", "written-pooling=why")
    assert status == 0 and "preview" not in output
    assert named(changed.released("pooling").cells, "why")
    assert autograder(changed, capsys, "pooling")[1].startswith("pooling: nothing changes for those who grade.\n")


@pytest.mark.parametrize("pairs", [["why"], ["why="], ["=why"], ["a=b", "c=b"], ["a=b", "a=c"]])
def test_a_pair_that_says_nothing_is_refused(changed, capsys, pairs):
    status, output = autograder(changed, capsys, "pooling", "--renamed", *pairs)
    assert status == 2 and f"--renamed {pairs[-1]} says nothing: write OLD=NEW" in output


def test_an_assignment_that_is_not_there_is_refused(changed, capsys):
    status, output = autograder(changed, capsys, "poling")
    assert status == 2
    assert "there is no 'poling' in" in output and output.endswith("source; there are pooling\n")


def test_a_gradebook_that_cannot_be_used_is_named(changed, capsys):
    (changed.root / "gradebook.db").unlink()
    (changed.root / "gradebook.db").mkdir()
    status, output = autograder(changed, capsys, "pooling")
    assert status == 2 and "cannot use the database sqlite:///" in output


def test_grading_says_that_an_assignment_has_changed_since_it_was_released(changed, capsys, in_process_pool):
    def output():
        console = Console(record=True, file=io.StringIO())
        batch.grade(batch.CourseFolders.here(), "pooling", students=["none"], console=console, pool=in_process_pool)
        return console.export_text()

    assert "pooling has changed since it was released: autograder release pooling --preview says how." in output()
    autograder(changed, capsys, "pooling")
    assert "has changed" not in output()
