"""``autograder update``: newer checks, and notebooks that follow a newer release."""

import subprocess
import sys
import zipfile
from types import SimpleNamespace

import pytest

import convcourse
from convcourse import cli
from convcourse.commands import update
from convcourse.commands.kit import Kit
from convcourse.commands.notebook import read_notebook
from tests.helpers.notebooks import by_name, edit
from tests.helpers.releases import TASKS, name_wheel, write_release

ANSWER = "def avg_pool2d(x, kernel_size):\n    return x.mean()"


@pytest.fixture
def runs(monkeypatch):
    """The commands that are run, in the place of running them; set `runs.status` to have them fail."""
    found = SimpleNamespace(commands=[], status=0)

    def run(command, cwd, check):
        found.commands.append((command, cwd))
        return SimpleNamespace(returncode=found.status)

    monkeypatch.setattr(update.subprocess, "run", run)
    return found


@pytest.fixture
def newer(project, tmp_path):
    """A newer kit with a task more, as the folder that an instructor hands out."""
    folder = tmp_path / "newer"
    write_release(project, folder, [("max_pool2d", 8), *TASKS])
    name_wheel(folder, convcourse.__version__)
    return folder


def answered(path):
    edit(path, lambda nb: by_name(nb, "avg_pool2d").update(source=ANSWER))
    return path.read_bytes()


def test_a_kit_is_taken_over_and_the_notebook_merged_with_the_old_one_beside_it(started, newer, runs, capsys):
    before = answered(started)
    assert cli.main(["update", "--kit", str(newer)]) == 0
    out = capsys.readouterr().out
    now = read_notebook(started)
    assert by_name(now, "avg_pool2d").source == ANSWER and by_name(now, "check-max_pool2d")
    assert (started.parent / "pooling.before-update.ipynb").read_bytes() == before
    assert "work/pooling/pooling.ipynb follows the newest release now" in out.replace("\\", "/")
    assert "New tasks: max_pool2d." in out and "pooling.before-update.ipynb" in out
    assert runs.commands == [], "these checks are installed already"


def test_a_second_update_finds_nothing_to_do_and_a_later_one_overwrites_nothing(started, project, newer, runs, capsys):
    first = answered(started)
    assert cli.main(["update", "--kit", str(newer)]) == 0
    second = started.read_bytes()
    assert cli.main(["update"]) == 0
    assert capsys.readouterr().out.count("follows the newest release.") == 1
    assert started.read_bytes() == second
    write_release(project, started.parents[2], [*TASKS, ("channel_max_pool", 3)])
    assert cli.main(["update"]) == 0
    assert (started.parent / "pooling.before-update.ipynb").read_bytes() == first
    assert (started.parent / "pooling.before-update-2.ipynb").read_bytes() == second
    assert by_name(read_notebook(started), "avg_pool2d").source == ANSWER


def test_a_kit_unpacked_over_the_folder_is_enough(started, project, runs):
    answered(started)
    write_release(project, started.parents[2], [*TASKS, ("channel_max_pool", 3)])
    assert cli.main(["update"]) == 0
    now = read_notebook(started)
    assert by_name(now, "avg_pool2d").source == ANSWER and by_name(now, "channel_max_pool")


def test_of_a_kit_unpacked_over_the_folder_one_wheel_remains(started, runs, tmp_path):
    name_wheel(tmp_path, "0.1")
    wheel = name_wheel(tmp_path, "9.9+kbeef")
    assert cli.main(["update"]) == 0
    assert list(tmp_path.glob("*.whl")) == [wheel]


def test_what_nobody_has_written_goes_with_its_task(started, project, newer, runs, tmp_path):
    """Of the release that was started from, and of one that came in between, whose copy was kept then."""
    assert cli.main(["update", "--kit", str(newer)]) == 0
    assert by_name(read_notebook(started), "max_pool2d")
    write_release(project, tmp_path, TASKS[1:])
    assert cli.main(["update"]) == 0
    text = "".join(cell.source for cell in read_notebook(started).cells)
    assert "max_pool2d" not in text and "pool_output_shape" not in text


def test_before_a_kit_is_taken_over_the_releases_of_the_folder_are_kept(started, project, newer, runs, tmp_path):
    """For what was started when they were not kept yet."""
    Kit(tmp_path).started_from("pooling").unlink()
    write_release(project, newer, TASKS[1:])
    assert cli.main(["update", "--kit", str(newer)]) == 0
    assert "pool_output_shape" not in "".join(cell.source for cell in read_notebook(started).cells)


def test_a_notebook_started_before_releases_were_kept_follows_too(started, newer, runs, tmp_path):
    answered(started)
    Kit(tmp_path).started_from("pooling").unlink()
    assert cli.main(["update", "--kit", str(newer)]) == 0
    assert [cell.source for cell in read_notebook(started).cells].count("# Pooling") == 1
    assert by_name(read_notebook(started), "avg_pool2d").source == ANSWER


def test_a_notebook_elsewhere_is_updated_by_its_path(started, project, runs, tmp_path):
    answered(started)
    mine = started.rename(tmp_path / "mine.ipynb")
    write_release(project, tmp_path, [*TASKS, ("channel_max_pool", 3)])
    assert cli.main(["update", str(mine)]) == 0
    assert by_name(read_notebook(mine), "channel_max_pool")
    assert (tmp_path / "mine.before-update.ipynb").exists()


def test_the_kits_list_of_requirements_is_installed_where_its_checks_are_others(started, newer, runs, tmp_path, capsys):
    wheel, earlier = name_wheel(newer, "9.9+kbeef"), name_wheel(tmp_path, "0.1")
    assert cli.main(["update", "--kit", str(newer)]) == 0
    assert [path.name for path in tmp_path.glob("*.whl")] == [wheel.name] and not earlier.exists()
    (command, folder) = runs.commands[0]
    assert (command[0], command[1:4], command[-1]) == (sys.executable, ["-m", "pip", "install"], "requirements.txt")
    assert folder == tmp_path and "Installing convcourse-9.9+kbeef" in capsys.readouterr().out


def test_on_colab_a_notebook_and_a_kit_are_enough_and_the_rest_stays(
    started, newer, runs, tmp_path_factory, monkeypatch
):
    """There is no folder of the course there, until the kit makes one: then `autograder submit` works as well."""
    name_wheel(newer, "9.9+kbeef")
    answered(started)
    folder = tmp_path_factory.mktemp("content")
    mine = started.rename(folder / "pooling.ipynb")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab")
    assert cli.main(["update", "pooling.ipynb"]) == 2, "without a kit there is nothing to follow"
    assert cli.main(["update", "pooling.ipynb", "--kit", str(newer)]) == 0
    assert by_name(read_notebook(mine), "max_pool2d") and by_name(read_notebook(mine), "avg_pool2d").source == ANSWER
    ((command, _),) = runs.commands
    assert command[-2:] == ["--no-deps", str(folder / "convcourse-9.9+kbeef-py3-none-any.whl")]
    assert cli.main(["submit", "pooling.ipynb", "--student", "ada"]) == 0


def test_where_pip_fails_notebooks_stay_as_they_are(started, newer, runs, capsys):
    name_wheel(newer, "9.9+kbeef")
    before, runs.status = answered(started), 1
    assert cli.main(["update", "--kit", str(newer)]) == 2
    assert "your notebooks are as they were" in capsys.readouterr().err
    assert started.read_bytes() == before
    runs.status = 0
    assert cli.main(["update"]) == 0, "once more, when that is mended"
    assert by_name(read_notebook(started), "avg_pool2d").source == ANSWER
    assert by_name(read_notebook(started), "max_pool2d")


def test_a_notebook_that_cannot_be_read_is_named_and_nothing_is_changed(started, newer, runs, capsys):
    started.write_text("no notebook")
    assert cli.main(["update", "--kit", str(newer)]) == 2
    assert "it does not hold JSON" in capsys.readouterr().err
    assert started.read_text() == "no notebook"


def test_where_nothing_was_started_it_says_so(project, tmp_path, monkeypatch, capsys):
    write_release(project, tmp_path, TASKS)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["update"]) == 0
    assert "no notebook in work/ yet" in capsys.readouterr().out


@pytest.mark.slow
def test_pip_installs_a_wheel_whose_version_differs_behind_the_plus_alone(tmp_path):
    """What the versions of kits rest on; pip keeps what is installed where the version is the same."""
    place = tmp_path / "installed"
    for version, content in (("1.0+ka", "first"), ("1.0+kb", "second"), ("1.0+ka", "first")):
        wheel = tmp_path / f"tiny-{version}-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as file:
            file.writestr("tiny.py", f"SAYS = {content!r}\n")
            about = f"tiny-{version}.dist-info"
            file.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n")
            file.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            file.writestr(f"{about}/RECORD", "")
        if not place.exists():
            subprocess.run([sys.executable, "-m", "venv", place], check=True, timeout=200)
        python = next(path for path in (place / "bin/python", place / "Scripts/python.exe") if path.exists())
        pip = [python, "-m", "pip", "install", "--quiet", "--no-index", wheel]
        subprocess.run(pip, check=True, timeout=200)
        completed = subprocess.run([python, "-c", "import tiny; print(tiny.SAYS)"], capture_output=True, text=True)
        assert completed.stdout.strip() == content
