"""The instructor's path on the sample class: collected by zip_collect, graded, and every score as it should be."""

import csv
import shutil
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbgrader.api import Gradebook

from convgrader.nbgrader_plugin.gradebook import url_of
from convgrader.sandbox import isolation
from tests.helpers.sample_project import make_project
from tools import sample_class, weave

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TOTALS = {
    "ada": 48,
    "bela": 48,
    "chen": 48,
    "dana": 48,
    "emil": 45,  # 5 of 8: nothing for padding
    "fay": 43,  # 2 of 7: right only where windows do not overlap
    "gus": 45.57,  # 3.57 of 5 and 4 of 5: wrong only where the padding must not count
    "hana": 43,  # 3 of 5 without ceil mode; 0 of 3 without the root
    "ivo": 0,
    "jun": 37,  # max_pool2d (8) is not Python, lp_pool2d (3) raises
    "kim": 45,  # lp_pool2d (3) never ends
    "lena": 0,
    "max": 40,  # max_pool2d (8) is gone
    "nora": 40,  # four claims (8) without evidence
    "olga": 48,
    "pete": 48,
}


def test_the_class_is_large_and_mixed_enough():
    assert len(sample_class.CLASS) >= 12
    assert {student.name for student in sample_class.CLASS} == set(TOTALS)


def test_the_expected_points_add_up_to_the_totals(project):
    added = {name: sum(tasks.values()) for name, tasks in sample_class.expected(project).items()}
    assert added == pytest.approx(TOTALS)


def test_two_classes_of_a_seed_are_the_same_and_of_another_are_not(project, tmp_path):
    first, second, other = (sample_class.archives(project, tmp_path / str(n), seed) for n, seed in enumerate((7, 7, 8)))
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert [path.read_bytes() for path in first] != [path.read_bytes() for path in other]


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
    earned = sample_class.expected(changed)
    assert earned["emil"]["max_pool2d"] == 10 and earned["max"]["max_pool2d"] == 0 and earned["ada"]["max_pool2d"] == 16
    assert all(tasks["own"] in (0, 2) and "lp_pool2d" not in tasks for tasks in earned.values())
    for student in sample_class.CLASS:
        data = sample_class.submission(changed, student, np.random.default_rng(0))
        assert student.blank or b"def own():" in data


@pytest.mark.full
def test_points_that_are_changed_in_the_text_reach_notebook_and_gradebook(tmp_path):
    """As the manual says: change them in one place, weave, release."""
    changed = make_project(tmp_path)
    for points in (8, 9.5):
        path = changed / "solutions" / "assignments" / "pooling.md"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("#: check max_pool2d 8", f"#: check max_pool2d {points}"), encoding="utf-8")
        weave.write(changed, "pooling")
        assert sample_class.nbgrader(changed, "generate_assignment", "pooling")[0] == 0
        notebook = (changed / "exercises" / "pooling" / "pooling.ipynb").read_text(encoding="utf-8")
        assert f"## 2. Max pooling ({points} points)" in notebook
        assert f'check(\\"max_pool2d\\", points={points})' in notebook
        with Gradebook(url_of(changed / "course" / "gradebook.db")) as gradebook:
            assert gradebook.find_grade_cell("check-max_pool2d", "pooling", "pooling").max_score == points
            assert gradebook.find_assignment("pooling").max_score == 42 + points


def test_what_is_handed_in_holds_no_marks_of_the_source(project, tmp_path):
    for path in sample_class.archives(project, tmp_path):
        with zipfile.ZipFile(path) as file:
            data = file.read(file.namelist()[0])
        assert b"BEGIN SOLUTION" not in data


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def graded(project):
    """The sample class, graded; and what the command printed and returned."""
    status = sample_class.main(["--root", str(project)])
    return project, status


def test_every_score_is_the_expected_one(graded):
    project, status = graded
    found, expected = sample_class.scores(project), sample_class.expected(project)
    for name, tasks in expected.items():
        assert found.get(name, dict.fromkeys(tasks, 0.0)) == pytest.approx(tasks), name
        assert sum(found.get(name, {}).values()) == pytest.approx(TOTALS[name]), name
    assert status == 0


def test_zip_collect_took_every_submission_in_with_its_time(graded):
    project, _ = graded
    for number, student in enumerate(sample_class.CLASS):
        folder = project / "course" / "submitted" / student.name / "pooling"
        assert (folder / "pooling.ipynb").is_file()
        assert (folder / "timestamp.txt").read_text().startswith("2026-09-21"), number
    assert {path.name for path in (project / "course" / "submitted").iterdir()} == set(TOTALS)


def test_everybody_with_a_notebook_gets_feedback(graded):
    project, _ = graded
    for name in set(TOTALS) - {"lena"}:
        page = project / "course" / "feedback" / name / "pooling" / "pooling.html"
        assert "max_pool2d" in page.read_text(encoding="utf-8"), name


def test_grades_are_exported(graded):
    project, _ = graded
    status, said = sample_class.nbgrader(project, "export")
    assert status == 0, said
    with open(project / "course" / "grades.csv", encoding="utf-8") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert float(rows["gus"]["score"]) == pytest.approx(45.57)
    assert float(rows["gus"]["max_score"]) == 50


def test_the_table_is_written_and_says_nothing_unexpected(graded):
    project, _ = graded
    text = (project / "course" / "sample-class.txt").read_text(encoding="utf-8")
    assert len(text.splitlines()) == len(TOTALS) + 2
    assert "expected" not in text


def test_releasing_again_gives_the_same_notebook(graded):
    project, _ = graded
    assert (project / "exercises/pooling/pooling.ipynb").read_bytes() == (
        ROOT / "exercises/pooling/pooling.ipynb"
    ).read_bytes()


def test_the_sample_class_keeps_out_of_a_real_course(graded, tmp_path, capsys):
    project, _ = graded
    real = tmp_path / "real"
    shutil.copytree(project / "course" / "submitted" / "ada", real / "course" / "submitted" / "zoe")
    assert sample_class.main(["--root", str(real)]) == 0
    assert "the work of other students (zoe)" in capsys.readouterr().out
    assert sample_class.main(["--root", str(real), "--forget"]) == 0
    assert sorted(path.name for path in (real / "course").iterdir()) == ["submitted"]


def test_the_woven_solution_does_not_need_the_reference_package(project):
    rng = np.random.default_rng(0)
    notebook = nbformat.reads(sample_class.submission(project, sample_class.CLASS[0], rng).decode(), as_version=4)
    assert "miniconv" not in "".join(cell.source for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.full
def test_nbgraders_own_commands_work_from_the_root(tmp_path):
    project = make_project(tmp_path)
    folder = project / "course" / "submitted" / "bela" / "pooling"
    folder.mkdir(parents=True)
    data = sample_class.submission(project, sample_class.CLASS[1], np.random.default_rng(0))
    (folder / "pooling.ipynb").write_bytes(data)
    steps = ["generate_assignment"] + (
        [] if isolation.unsupported_reason() else ["autograde", "generate_feedback", "export"]
    )
    for step in steps:
        status, said = sample_class.nbgrader(project, step, "pooling")
        assert status == 0, said
    if "export" in steps:
        assert (project / "course" / "feedback" / "bela" / "pooling" / "pooling.html").is_file()
        assert ",bela," in (project / "course" / "grades.csv").read_text()
        assert sum(sample_class.scores(project)["bela"].values()) == 48
