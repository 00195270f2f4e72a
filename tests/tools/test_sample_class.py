"""The instructor's path on the sample class: collected by zip_collect, graded, and every score as it should be.

Most is tried on the sixteen and twelve others; `make test-full` grades the whole class.
"""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from nbgrader.api import Gradebook

from convgrader.nbgrader_plugin.gradebook import url_of
from convgrader.sandbox import isolation
from tests.helpers.sample_project import make_project
from tools import sample_class, weave
from tools.sample_students import DUE, STEMS, STORIES, works
from tools.sample_work import Writer

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SIZE = 28  # all habits are among the first twelve
EARLIER = dict.fromkeys((story.name for story in STORIES), 38.0) | {
    "emil": 33,  # 1 of 6: right only where no padding is given
    "hana": 36.4,  # 2.4 of 4 without ceil mode
}
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


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("course"), STEMS)


@pytest.fixture(scope="module")
def graded(project):
    """The sample class, graded; and what the command printed and returned."""
    status = sample_class.main(["--root", str(project), "--students", str(SIZE)])
    return project, status


@pytest.mark.parametrize("stem", STEMS)
def test_every_score_is_the_expected_one(graded, stem):
    project, status = graded
    assert sample_class.wrong_scores(project, stem, SIZE) == {} and status == 0


@pytest.mark.parametrize(("stem", "totals"), [("pooling", TOTALS), ("shapes", EARLIER)], ids=["pooling", "shapes"])
def test_those_with_a_story_earn_what_was_counted_by_hand(graded, stem, totals):
    project, _ = graded
    earned = sample_class.scores(project, stem)
    assert {name: sum(earned.get(name, {}).values()) for name in totals} == pytest.approx(totals)


@pytest.mark.parametrize("stem", STEMS)
def test_zip_collect_took_every_submission_in_with_its_time(graded, stem):
    project, _ = graded
    handed_in = {work.name: work.moment for work in works(stem, SIZE)}
    folders = (project / "course" / "submitted").glob(f"*/{stem}")
    assert {folder.parent.name for folder in folders} == set(handed_in)
    for name, moment in handed_in.items():
        folder = project / "course" / "submitted" / name / stem
        assert (folder / f"{stem}.ipynb").is_file()
        assert (folder / "timestamp.txt").read_text().startswith(f"{moment:%Y-%m-%d %H:%M:%S}"), name


def test_what_was_handed_in_before_is_not_graded(graded):
    project, _ = graded
    twice = [work for work in works("pooling", SIZE) if work.draft]
    assert twice
    for work in twice:
        folder = project / "course" / "submitted" / work.name / "pooling"
        assert (folder / "pooling.ipynb").read_bytes() == Writer(project, "pooling").submission(work)


def test_a_score_that_is_otherwise_is_found(graded, monkeypatch):
    project, _ = graded
    earned = {stem: sample_class.scores(project, stem) for stem in STEMS}
    earned["pooling"]["ada"]["max_pool2d"] = 7
    monkeypatch.setattr(sample_class, "scores", lambda root, stem: earned[stem])
    assert sample_class.wrong_scores(project, "pooling", SIZE) == {"ada": "max_pool2d 7 not 8"}
    assert "expected otherwise, pooling, ada: max_pool2d 7 not 8" in sample_class.table(project, SIZE)


@pytest.mark.full
def test_every_score_of_the_whole_class_is_the_expected_one(tmp_path):
    project = make_project(tmp_path, STEMS)
    assert sample_class.main(["--root", str(project)]) == 0
    assert [sample_class.wrong_scores(project, stem) for stem in STEMS] == [{}, {}]


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
        rows = {row["student_id"]: row for row in csv.DictReader(file) if row["assignment"] == "pooling"}
    assert float(rows["gus"]["score"]) == pytest.approx(45.57)
    assert float(rows["gus"]["max_score"]) == 50


def test_the_table_names_the_sixteen_and_sums_up_the_others(graded):
    project, _ = graded
    lines = (project / "course" / "sample-class.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(TOTALS) + 5 and "expected" not in "".join(lines)
    assert lines[1].split()[:2] == ["ada", "48"] and lines[17].startswith("and 12 others: ")
    assert lines[18].startswith("shapes:  28 handed in, ") and lines[19].startswith("pooling: 27 handed in, ")


def test_a_page_says_what_the_class_has_not_understood_and_goes_with_it(graded, tmp_path):
    project, _ = graded
    page = project / "course" / "report.html"
    assert all(word in page.read_text(encoding="utf-8") for word in ("pooling", "shapes"))
    copy = shutil.copytree(project / "course", tmp_path / "course").parent
    assert sample_class.main(["--root", str(copy), "--forget"]) == 0
    assert not (copy / "course" / "report.html").exists() and not (copy / "course" / "course.toml").exists()


def test_who_is_late_by_more_than_the_grace_loses_points_or_late_days(graded):
    project, _ = graded
    with Gradebook(url_of(project / "course" / "gradebook.db")) as gradebook:
        found = {s.student.id: s.late_submission_penalty or 0 for s in gradebook.assignment_submissions("pooling")}
    late = {work.name: work.moment - DUE["pooling"] for work in works("pooling", SIZE) if work.moment > DUE["pooling"]}
    assert {name for name, penalty in found.items() if penalty} <= set(late) and len(late) >= 3
    assert found[max(late, key=late.get)] > 0


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


@pytest.mark.full
def test_nbgraders_own_commands_work_from_the_root(tmp_path):
    project = make_project(tmp_path)
    folder = project / "course" / "submitted" / "bela" / "pooling"
    folder.mkdir(parents=True)
    data = Writer(project, "pooling").submission(STORIES[1], np.random.default_rng(0))
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
        assert sum(sample_class.scores(project, "pooling")["bela"].values()) == 48
