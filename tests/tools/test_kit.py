"""The student kit: what it holds, what it says, and that it is the same for the same sources."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbgrader.utils import compute_checksum

import convcourse
from convcourse import limits
from tools import answers, contents, kit, weave

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
STEMS = weave.ProjectPaths(ROOT).stems()


def test_the_kit_holds_what_it_should_and_nothing_else(built_kit):
    top = {"README.md", "LICENSE", "requirements.txt", kit.wheel_name(ROOT), "exercises"}
    assert {path.name for path in built_kit.iterdir()} == top
    with zipfile.ZipFile(built_kit / kit.wheel_name(ROOT)) as wheel:
        names = wheel.namelist()
    files = {
        path.relative_to(ROOT / "autograder/student").as_posix() for path in (ROOT / "autograder/student").rglob("*.py")
    }
    assert {name for name in names if name.endswith(".py")} == files, "the wheel is the folder, whole"
    assert {name.split("/")[0].split("-")[0] for name in names} == {"convcourse"}


def test_the_kit_lists_the_topics_in_the_order_of_the_course(built_kit):
    listed = re.findall(r"^- `(\w+)`: .* \(\d+ points\)$", (built_kit / "README.md").read_text(), re.MULTILINE)
    assert listed == contents.stems(ROOT) and len(listed) == len(STEMS)


def test_the_commands_in_the_kit_can_be_pasted(built_kit):
    commands = re.findall(r"^    (.*)", (built_kit / "README.md").read_text(), re.MULTILINE)
    assert {"python3", "source", "autograder", "jupyter"} <= {line.split()[0] for line in commands}
    assert [line for line in commands if re.search(r"   [^# ]|\(", line)] == []


def test_a_published_kit_fetches_its_wheel_and_is_the_same_otherwise(built_kit, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_KIT", "https://github.com/owner/kit.git")
    there = kit.build(ROOT, tmp_path / "student-kit")
    wheel = f"https://github.com/owner/kit/raw/main/{kit.wheel_name(ROOT)}"
    for stem in STEMS:
        here, other = ((k / f"exercises/{stem}/{stem}.ipynb").read_text(encoding="utf-8") for k in (built_kit, there))
        assert here == (ROOT / f"exercises/{stem}/{stem}.ipynb").read_text(encoding="utf-8")
        assert f"--no-deps {weave.WHEEL}" in here and "upload the .whl" in here
        assert other.count(f"--no-deps {wheel}") == 1 and "upload the .whl" not in other
        setup, *cells = nbformat.reads(other, as_version=4).cells
        assert cells == nbformat.reads(here, as_version=4).cells[1:]
        assert setup.metadata.nbgrader.checksum == compute_checksum(setup), "nbgrader sees a locked cell unchanged"
    assert "Upload" in (built_kit / "README.md").read_text() and "Upload" not in (there / "README.md").read_text()


def test_the_wheel_knows_where_the_site_is(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_SITE", "https://school.example/convnets/")
    with zipfile.ZipFile(kit.build_wheel(ROOT, tmp_path)) as wheel:
        assert wheel.read("convcourse/site.txt") == b"https://school.example/convnets/\n"


@pytest.fixture
def small_root(tmp_path):
    """A folder with a table of contents of two assignments, one of which is woven; and an earlier kit."""
    (tmp_path / "_toc.yml").write_text(
        "root: book/index\nchapters:\n- file: exercises/pooling/pooling\n- file: exercises/layer/layer\n"
    )
    (tmp_path / "exercises" / "pooling").mkdir(parents=True)
    shutil.copy(ROOT / "exercises/pooling/pooling.ipynb", tmp_path / "exercises/pooling")
    (tmp_path / "dist/student-kit").mkdir(parents=True)
    (tmp_path / "dist/student-kit/README.md").write_text("of last week")
    return tmp_path


def test_a_kit_without_an_assignment_of_the_table_of_contents_is_refused(small_root, capsys):
    assert kit.main(["--root", str(small_root)]) == 1
    said = capsys.readouterr().err
    assert "_toc.yml names layer, and there is no exercises/layer/layer.ipynb: run `make weave`" in said
    assert (small_root / "dist/student-kit/README.md").read_text() == "of last week"


def test_a_kit_has_the_assignments_of_the_table_of_contents_and_no_others(small_root):
    shutil.copytree(ROOT / "autograder/student", small_root / "autograder/student")
    shutil.copytree(ROOT / "locks", small_root / "locks")
    for name in ("LICENSE", "_config.yml"):
        shutil.copy(ROOT / name, small_root)
    (small_root / "_toc.yml").write_text("root: book/index\nchapters:\n- file: exercises/pooling/pooling\n")
    (small_root / "exercises" / "layer").mkdir()
    shutil.copy(ROOT / "exercises/layer/layer.ipynb", small_root / "exercises/layer")
    built = kit.build(small_root, small_root / "dist/student-kit")
    assert [path.name for path in (built / "exercises").iterdir()] == ["pooling"]
    assert re.findall(r"^- `(\w+)`:", (built / "README.md").read_text(), re.MULTILINE) == ["pooling"]


def test_a_kit_has_the_topics_that_the_rules_of_the_course_take(small_root, capsys):
    for name in ("autograder/student", "locks"):
        shutil.copytree(ROOT / name, small_root / name)
    for name in ("LICENSE", "_config.yml"):
        shutil.copy(ROOT / name, small_root)
    (small_root / "exercises" / "layer").mkdir()
    shutil.copy(ROOT / "exercises/layer/layer.ipynb", small_root / "exercises/layer")
    (small_root / "course").mkdir()
    (small_root / "course" / "course.toml").write_text('topics = ["layer"]')
    assert kit.main(["--root", str(small_root)]) == 0
    assert "It holds 1 of 2 notebooks: layer" in capsys.readouterr().out
    assert [path.name for path in (small_root / "dist/student-kit/exercises").iterdir()] == ["layer"]
    assert "`pooling`:" not in (small_root / "dist/student-kit/README.md").read_text()
    (small_root / "course" / "course.toml").write_text('topics = ["poolign"]')
    assert kit.main(["--root", str(small_root)]) == 1
    assert "There is no new kit: _toc.yml has no assignment poolign." in capsys.readouterr().err


def test_a_kit_that_fails_halfway_leaves_the_earlier_one(small_root, capsys):
    (small_root / "exercises" / "layer").mkdir()
    shutil.copy(ROOT / "exercises/layer/layer.ipynb", small_root / "exercises/layer")
    shutil.copytree(ROOT / "autograder/student", small_root / "autograder/student")
    shutil.copy(ROOT / "LICENSE", small_root)
    shutil.copy(ROOT / "_config.yml", small_root)
    (small_root / "autograder/student/pyproject.toml").write_text("not a project")
    assert kit.main(["--root", str(small_root)]) == 1
    assert "There is no new kit: the wheel could not be built" in capsys.readouterr().err
    assert [path.name for path in (small_root / "dist").iterdir()] == ["student-kit"]
    assert (small_root / "dist/student-kit/README.md").read_text() == "of last week"


def test_whatever_changes_in_the_checks_changes_the_version_that_pip_sees(built_kit, tmp_path, monkeypatch):
    for name in ("autograder/student", "_config.yml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        (tmp_path / name).parent.mkdir(exist_ok=True)
        copy(ROOT / name, tmp_path / name)
    assert kit.version(tmp_path) == kit.version(ROOT) and kit.wheel_name(ROOT) in kit.requirements(ROOT)
    assert re.fullmatch(re.escape(convcourse.__version__) + r"\+k[0-9a-f]{8}", kit.version(ROOT))
    with zipfile.ZipFile(built_kit / kit.wheel_name(ROOT)) as wheel:
        assert f'__version__ = "{kit.version(ROOT)}"'.encode() in wheel.read("convcourse/__init__.py")
    with open(tmp_path / "autograder/student/convcourse/checks/pooling.py", "a") as file:
        file.write("# another\n")
    changed = kit.version(tmp_path)
    assert changed != kit.version(ROOT)
    monkeypatch.setenv("COURSE_SITE", "https://school.example/convnets/")
    assert kit.version(tmp_path) != changed


def test_the_wheel_has_the_times_of_grading(tmp_path):
    for name in ("autograder/student", "_config.yml", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        (tmp_path / name).parent.mkdir(exist_ok=True)
        copy(ROOT / name, tmp_path / name)
    before = kit.version(tmp_path)
    config = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    (tmp_path / "nbgrader_config.py").write_text(
        config + "\nc.GradeCells.notebook_seconds = 5 * 60\n", encoding="utf-8"
    )
    assert kit.limits(ROOT) == {} and kit.limits(tmp_path) == {"NOTEBOOK_SECONDS": 300.0}
    assert kit.version(tmp_path) != before
    with zipfile.ZipFile(kit.build_wheel(tmp_path, tmp_path)) as wheel:
        text = wheel.read("convcourse/limits.py").decode()
    assert "\nNOTEBOOK_SECONDS = 300.0  #" in text and f"\nCELL_SECONDS = {limits.CELL_SECONDS}  #" in text


def test_two_kits_are_the_same_bytes(built_kit, tmp_path):
    again = kit.build(ROOT, tmp_path / "student-kit")
    archives = [kit.pack(f, f.with_suffix(".zip")) for f in (built_kit, again)]
    assert archives[0].read_bytes() == archives[1].read_bytes()


OURS = ("convcourse", "convgrader", "miniconv", "_editable_", "__editable__")


def clean_environment(folder):
    """Make a virtual environment that has what is installed here, but for all of ours; return its Python.

    Other packages are links, so that nothing is fetched: what the kit asks for is there, or pip refuses.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=100)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    where = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip())
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(OURS) and path.suffix != ".pth" and not (packages / path.name).exists():
            (packages / path.name).symlink_to(path, target_is_directory=path.is_dir())
    return python


@pytest.mark.skipif(os.name == "nt", reason="a link needs a right there that not everybody has")
def test_the_kit_is_installed_into_a_clean_environment_as_its_readme_says_and_checks_a_notebook(built_kit, tmp_path):
    """From the archive to a verdict and a hand-in, with the kit's own wheel and without this repository."""
    with zipfile.ZipFile(kit.pack(built_kit, tmp_path / "student-kit.zip")) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / "student-kit"
    python = clean_environment(folder / ".venv")
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COURSE_", "COVERAGE"))
    }
    clean |= {"OMP_NUM_THREADS": "1", "HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython"), "COLUMNS": "200"}

    def run(*command):
        done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, timeout=250)
        return done.returncode, done.stdout + done.stderr

    def autograder(*words):
        return run(python.with_name("autograder"), *words)

    assert run(python, "-c", "import convcourse")[0] == 1, "the environment is clean"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-cache-dir"]
    status, told = run(*pip, "-r", "requirements.txt")
    assert status == 0, told
    assert re.findall(r"^Successfully installed (.*)$", told, re.MULTILINE) == [f"convcourse-{kit.version(ROOT)}"]
    status, place = run(python, "-c", "import convcourse; print(convcourse.__version__, convcourse.__file__)")
    assert status == 0 and place.split()[0] == kit.version(ROOT) and Path(place.split()[1]).is_relative_to(folder)

    assert autograder("start", "pooling")[0] == 0
    mine = folder / "work/pooling/pooling.ipynb"
    notebook = nbformat.read(mine, as_version=4)
    right = answers.path_of(ROOT, "pooling").read_text(encoding="utf-8")
    by_name = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
    by_name["max_pool2d"].source = f"{right}\nmax_pool2d = {answers.styles(ROOT, 'pooling')['max_pool2d'][0]}"
    nbformat.write(notebook, mine)
    status, told = autograder("check", "work/pooling/pooling.ipynb", "max_pool2d", "avg_pool2d")
    assert "max_pool2d: 8 of 8 points" in told and "avg_pool2d: 0 of" in told, told
    assert status == 1, "not all is right"
    status, told = autograder("submit", "work/pooling/pooling.ipynb", "--student", "ada")
    assert status == 0 and len(list(mine.parent.glob("ada__*__pooling.zip"))) == 1, told
