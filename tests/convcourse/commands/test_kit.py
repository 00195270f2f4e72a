"""What the kit in a folder brings, and that it is said where a notebook or the checks are behind it."""

import shutil
import zipfile

import pytest

import convcourse
from convcourse import cli
from convcourse.commands.kit import Kit
from convcourse.commands.notebook import read_notebook
from convcourse.errors import UsageError
from tests.helpers.notebooks import by_name, edit
from tests.helpers.releases import TASKS, name_wheel, write_release


@pytest.fixture
def newer(project, tmp_path):
    """A newer kit, with a task more, in a folder and in a zip file of it."""
    folder = tmp_path / "newer" / "student-kit"
    write_release(project, folder, [*TASKS, ("channel_max_pool", 3)])
    name_wheel(folder, "9.9+kbeef")
    with zipfile.ZipFile(tmp_path / "newer.zip", "w") as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder.parent))
    return folder


@pytest.mark.parametrize("command", [["start", "poling"], ["submit", "poling.ipynb"], ["update", "poling.ipynb"]])
def test_what_is_no_assignment_is_told_in_the_same_words_by_all(started, tmp_path, capsys, command):
    edit(started, lambda nb: nb.metadata.update(course={"assignment": "poling"}))
    started.rename(tmp_path / "poling.ipynb")
    assert cli.main(command) == 2
    assert capsys.readouterr().err == "autograder: there is no assignment 'poling'; there are pooling\n"
    with pytest.raises(UsageError, match="there are none"):
        Kit(tmp_path / "nowhere").released("poling")


def test_a_clone_has_no_wheel_and_its_checks_are_never_behind(started, tmp_path):
    kit = Kit(tmp_path)
    assert (kit.wheel, kit.outdated_checks_note()) == (None, None)
    (tmp_path / "requirements.txt").write_text("numpy==2.0\n")
    assert (kit.wheel, kit.outdated_checks_note()) == (None, None)


def test_checks_of_another_version_than_the_folders_are_behind(started, tmp_path):
    assert name_wheel(tmp_path, convcourse.__version__) == Kit(tmp_path).wheel
    assert Kit(tmp_path).outdated_checks_note() is None
    name_wheel(tmp_path, f"{convcourse.__version__}+k12345678")
    message = Kit(tmp_path).outdated_checks_note()
    assert (
        f"version {convcourse.__version__}, are not those of this folder" in message
        and "`autograder update`" in message
    )


def test_a_fresh_copy_and_one_with_answers_are_not_behind(started, tmp_path):
    kit = Kit(tmp_path)
    assert kit.outdated_notes(started, read_notebook(started), "pooling") == []
    edit(started, lambda nb: by_name(nb, "avg_pool2d").update(source="def avg_pool2d(x):\n    return x"))
    assert kit.outdated_notes(started, read_notebook(started), "pooling") == []


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
def test_a_notebook_without_the_new_tasks_is_behind(started, newer, tmp_path, is_known):
    """Also if it is not known which release it follows: a file of another name, or started before that was kept."""
    kit, path = Kit(tmp_path), started if is_known else started.rename(started.with_name("mine.ipynb"))
    kit.take_over(newer)
    (message,) = [
        message for message in kit.outdated_notes(path, read_notebook(path), "pooling") if "notebook" in message
    ]
    assert ("with new tasks (channel_max_pool)" if is_known else "lacks tasks that pooling has here") in message
    assert "channel_max_pool): run `autograder update`" in message


def test_a_notebook_is_behind_where_only_points_have_changed(started, project, tmp_path):
    write_release(project, tmp_path, [(name, points + 1) for name, points in TASKS])
    assert "follows an earlier release" in Kit(tmp_path).outdated_notebook_note(
        started, read_notebook(started), "pooling"
    )


@pytest.mark.parametrize("packed", [True, False], ids=["zip", "folder"])
def test_a_newer_kit_is_taken_over_whole_and_work_stays(started, newer, tmp_path, packed):
    old, before = name_wheel(tmp_path, "0.1"), started.read_bytes()
    (newer / "work").mkdir()
    (newer / "work" / "pooling.ipynb").write_text("not yours")
    Kit(tmp_path).take_over(tmp_path / "newer.zip" if packed else newer)
    assert Kit(tmp_path).wheel == tmp_path / "convcourse-9.9+kbeef-py3-none-any.whl"
    assert Kit(tmp_path).wheel.exists() and not old.exists(), "of two wheels a notebook on Colab would not know which"
    assert Kit(tmp_path).released("pooling").read_bytes() == (newer / "exercises/pooling/pooling.ipynb").read_bytes()
    assert started.read_bytes() == before and not (tmp_path / "work" / "pooling.ipynb").exists()


NO_KITS = {
    "nothing": (None, "there is no file"),
    "no zip": (b"PK, but no more", "is no zip file, or was cut off"),
    "empty": ({}, "is not a student kit"),
    "another": ({"kit/exercises/a.ipynb": "", "kit/requirements.txt": "numpy==2.0"}, "no checks among its"),
}


@pytest.mark.parametrize(("content", "message"), NO_KITS.values(), ids=NO_KITS)
def test_what_is_no_kit_changes_nothing(started, tmp_path, content, message):
    path = tmp_path / "kit.zip"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in content.items():
                archive.writestr(name, text)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match=message):
        Kit(tmp_path).take_over(path)
    assert sorted(tmp_path.rglob("*")) == before


def test_start_and_check_say_what_is_behind(started, newer, tmp_path, capfd):
    Kit(tmp_path).take_over(newer)
    assert cli.main(["start", "pooling"]) == 2
    assert "follows an earlier release of pooling" in capfd.readouterr().err
    assert cli.main(["check", "work/pooling/pooling.ipynb", "avg_pool2d"]) == 1
    out = capfd.readouterr().out
    assert "with new tasks (channel_max_pool)" in out and "version 9.9+kbeef: run `autograder update`" in out
    shutil.rmtree("work")
    assert cli.main(["start", "pooling"]) == 0
    assert "version 9.9+kbeef: run `autograder update`" in capfd.readouterr().out
