"""What the sample class hands in: the same for a seed, without marks of the source, and after an assignment changed."""

import zipfile

import nbformat
import numpy as np
import pytest

from tests.helpers.sample_project import make_project
from tools import weave
from tools.sample_students import STEMS, STORIES, works
from tools.sample_work import Writer

pytestmark = pytest.mark.slow

SIZE = 28


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("course"), STEMS)


def code_of(data):
    notebook = nbformat.reads(data.decode(), as_version=4)
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.parametrize("stem", STEMS)
def test_two_classes_of_a_seed_are_the_same_and_of_another_are_not(project, tmp_path, stem):
    writer = Writer(project, stem)
    first, second, other = (writer.archives(tmp_path / str(n), SIZE, seed) for n, seed in enumerate((7, 7, 8)))
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert [path.read_bytes() for path in first] != [path.read_bytes() for path in other]


def test_a_smaller_class_is_the_beginning_of_a_larger_one(project, tmp_path):
    small, large = (Writer(project, "pooling").archives(tmp_path / str(size), size) for size in (20, 24))
    assert {path.name: path.read_bytes() for path in small}.items() <= {p.name: p.read_bytes() for p in large}.items()


@pytest.mark.parametrize("stem", STEMS)
def test_what_is_handed_in_holds_no_marks_of_the_source(project, tmp_path, stem):
    for path in Writer(project, stem).archives(tmp_path, SIZE):
        with zipfile.ZipFile(path) as file:
            data = file.read(file.namelist()[0])
        assert b"BEGIN SOLUTION" not in data and b"from answers" not in data


def test_the_woven_solution_does_not_need_the_reference_package(project):
    data = Writer(project, "pooling").submission(STORIES[0], np.random.default_rng(0))
    assert "miniconv" not in code_of(data)


def test_who_hands_in_twice_has_two_archives_and_the_later_says_more(project, tmp_path):
    names = [path.name.partition("__")[0] for path in Writer(project, "pooling").archives(tmp_path, SIZE)]
    twice = [work for work in works("pooling", SIZE) if work.draft]
    assert sorted(name for name in set(names) if names.count(name) == 2) == sorted(work.name for work in twice)
    for work in twice:
        assert work.draft.moment < work.moment and set(work.draft.left_out) > set(work.left_out)


@pytest.mark.parametrize("stem", STEMS)
def test_nobody_writes_as_another_does_even_where_they_copied(project, stem):
    codes = [code_of(Writer(project, stem).submission(work)) for work in works(stem, SIZE)[len(STORIES) :] if work.hand]
    assert len(set(codes)) == len(codes) > 10


def test_the_class_follows_an_assignment_that_changes(tmp_path):
    """The manual says to change points, and to add tasks of one's own: `make course` goes on."""
    changed = make_project(tmp_path)
    path = changed / "solutions" / "assignments" / "pooling.md"
    text = path.read_text(encoding="utf-8").replace("#: check max_pool2d 8", "#: check max_pool2d 16")
    gone = text.index("## 4. Lp pooling"), text.index("## 5. Any size")
    own = 'def own():\n    """Say."""\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION'
    added = f"## My own\n\n```{{code-cell}}\n#: answer own\n{own}\n```\n\n```{{code-cell}}\n#: check own 2\n```\n\n"
    path.write_text(text[: gone[0]] + added + text[gone[1] :], encoding="utf-8")
    weave.write(changed, "pooling")
    writer = Writer(changed, "pooling")
    earned = writer.expected(SIZE)
    assert earned["emil"]["max_pool2d"] == 10 and earned["max"]["max_pool2d"] == 0 and earned["ada"]["max_pool2d"] == 16
    assert all(tasks["own"] in (0, 2) and "lp_pool2d" not in tasks for tasks in earned.values())
    for work in works("pooling", SIZE):
        assert work.blank or work.unreadable or b"def own():" in writer.submission(work)


def test_an_edit_that_fits_nowhere_is_an_error(project):
    work = next(work for work in STORIES if work.edits)
    broken = type(work)("emil", "", 1, (type(work.edits[0])("max_pool2d", "windows", "nowhere", "", 0),))
    with pytest.raises(ValueError, match="stands 0 times in max_pool2d"):
        Writer(project, "pooling").submission(broken)
