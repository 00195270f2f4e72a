"""The sample class is told apart by what it wrote: it goes; what students did stays, under the same names too."""

import json
import shutil

import pytest
from nbgrader.api import Gradebook

from convgrader.nbgrader_plugin import grading_log
from convgrader.nbgrader_plugin.gradebook import url_of
from tests.helpers.sample_project import make_project
from tools import sample_class, weave
from tools.sample_students import DUE, STEMS, STORIES
from tools.sample_traces import MARK, SampleTraces

pytestmark = pytest.mark.slow

STEM = "pooling"
SIZE = 28


def gradebook(root):
    return Gradebook(url_of(root / "course" / "gradebook.db"))


def grade_by_hand(root, *students, stem=STEM):
    """Write what grading would, without running anything: a record, a grade, folders."""
    with gradebook(root) as book:
        task = {"pooling": "check-max_pool2d", "shapes": "check-conv_output_shape"}[stem]
        for student in students:
            submission = book.update_or_create_submission(stem, student)
            book.find_grade(task, stem, stem, student).auto_score = 3.0
            folder = root / "course" / "submitted" / student / stem
            digest = SampleTraces(root).digest_of(stem, student)
            record = grading_log.Record(student, stem, stem, digest, 1, "graded", "", 3.0, 1.0)
            grading_log.prepare(book)
            grading_log.save(book, record)
            book.db.commit()
            assert submission.student.id == student and folder.is_dir()
            for step in ("autograded", "feedback"):
                made = root / "course" / step / student / stem
                made.mkdir(parents=True, exist_ok=True)
                (made / "made").write_text(digest)
                made.chmod(0o555)
    (root / "course" / "feedback" / f"{stem}.zip").write_text("the pages of all")


def hand_in(root, student, text="mine", stem=STEM):
    """Put the work of a real student in the place of what lies there."""
    folder = root / "course" / "submitted" / student / stem
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.ipynb").write_text(text)
    (folder / "timestamp.txt").write_text("2027-01-01 12:00:00 UTC")


def left(root):
    """Return the files below course/ that are of a class, and the students in the gradebook."""
    with gradebook(root) as book:
        students = {student.id for student in book.students}
        graded = {s.student.id for stem in STEMS for s in book.assignment_submissions(stem)}
    course = root / "course"
    steps = ("submitted", "autograded", "feedback", "downloaded")
    found = {p.relative_to(course).as_posix() for step in steps for p in (course / step).rglob("*") if p.is_file()}
    return found, students, graded


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """A project in which the sample class has handed in, and some of it is graded; not to be changed."""
    root = make_project(tmp_path_factory.mktemp("project"), STEMS)
    for stem in STEMS:
        assert sample_class.nbgrader(root, "generate_assignment", stem)[0] == 0
    sample_class.collect(root, SIZE)
    for stem in STEMS:
        grade_by_hand(root, "ada", "bela", "chen", "amara", stem=stem)
    return root


@pytest.fixture
def project(collected, tmp_path):
    return shutil.copytree(collected, tmp_path / "project")


def forget(root):
    assert sample_class.main(["--root", str(root), "--forget"]) == 0


@pytest.mark.full
def test_the_class_goes_without_a_trace_but_for_the_assignment(project):
    assert sample_class.traces(project).strangers() == []
    forget(project)
    assert left(project) == (set(), set(), set())
    course = {path.name for path in (project / "course").iterdir()}
    assert not course & {"sample-class.json", "sample-class.txt"} and "gradebook.db" in course
    with gradebook(project) as book:
        assert sorted(row.name for row in book.assignments) == sorted(STEMS)
        assert not any(grading_log.records(book, stem) for stem in STEMS)
    forget(project)  # once more, where nothing is


@pytest.mark.parametrize("entered", [True, False])
def test_a_student_with_the_same_name_keeps_what_was_handed_in_and_graded(project, entered):
    """Ada Lovelace, the manual's own example, handed in after the sample class and was graded."""
    hand_in(project, "ada")
    if entered:
        with gradebook(project) as book:
            book.update_or_create_student("ada", first_name="Ada", last_name="Lovelace")
    grade_by_hand(project, "ada")
    forget(project)
    files, students, graded = left(project)
    assert files == {
        f"submitted/ada/{STEM}/{STEM}.ipynb", f"submitted/ada/{STEM}/timestamp.txt",
        f"autograded/ada/{STEM}/made", f"feedback/ada/{STEM}/made",
    }  # fmt: skip
    assert students == graded == {"ada"}
    with gradebook(project) as book:
        assert book.find_grade("check-max_pool2d", STEM, STEM, "ada").auto_score == 3
        assert book.find_student("ada").last_name == ("Lovelace" if entered else None)


def test_the_pages_for_the_learning_platform_stay_where_none_is_of_the_class(project):
    forget(project)
    pages = project / "course" / "feedback" / f"{STEM}.zip"
    pages.parent.mkdir(exist_ok=True)
    pages.write_text("of real students")
    forget(project)
    assert pages.is_file()


def test_a_student_with_the_same_name_who_is_not_graded_yet_keeps_the_hand_in_alone(project):
    hand_in(project, "ada")
    hand_in(project, "bela", stem="layer")
    with gradebook(project) as book:
        book.update_or_create_student("ada", first_name="Ada", last_name="Lovelace")
    forget(project)
    files, students, graded = left(project)
    assert files == {
        f"submitted/ada/{STEM}/{STEM}.ipynb", f"submitted/ada/{STEM}/timestamp.txt",
        "submitted/bela/layer/layer.ipynb", "submitted/bela/layer/timestamp.txt",
    }  # fmt: skip
    assert students == {"ada"} and graded == set()


def test_others_who_were_entered_or_handed_in_stay_and_the_class_goes(project):
    with gradebook(project) as book:
        book.add_student("zoe")
        book.update_or_create_student("dana", first_name=None, last_name=None)  # nbgrader db student add dana
        book.update_or_create_student("emil", first_name="Emil", last_name=MARK)
    hand_in(project, "zoe")
    own = project / "course" / "downloaded" / STEM / "archive" / f"ada__20270101T120000Z__{STEM}.zip"
    own.write_bytes(b"of a real Ada")
    assert sample_class.traces(project).strangers() == [own.name, "dana", "zoe"]
    forget(project)
    files, students, _ = left(project)
    assert files == {
        f"submitted/zoe/{STEM}/{STEM}.ipynb", f"submitted/zoe/{STEM}/timestamp.txt",
        own.relative_to(project / "course").as_posix(),
    }  # fmt: skip
    assert students == {"zoe", "dana"}


@pytest.mark.parametrize("what", ["entered", "handed in", "downloaded"])
def test_the_class_is_not_made_again_where_a_student_of_the_same_name_is(project, capsys, what):
    if what == "entered":
        with gradebook(project) as book:
            book.update_or_create_student("ada", first_name="Ada", last_name="Lovelace")
    elif what == "handed in":
        hand_in(project, "ada")
    else:
        (project / "course" / "downloaded" / STEM / "archive" / "ada.zip").write_bytes(b"mine")
    before = left(project)
    assert sample_class.main(["--root", str(project)]) == 0
    assert "holds the work of other students (ada" in capsys.readouterr().out
    assert left(project) == before


@pytest.mark.full
def test_marks_by_hand_that_were_kept_aside_go_too(project):
    """Otherwise a student with the same name would get them."""
    with gradebook(project) as book:
        book.find_grade("written-pooling", STEM, STEM, "ada").manual_score = 2
        book.db.commit()
    path = project / "solutions" / "assignments" / f"{STEM}.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("## 10.")], encoding="utf-8")
    weave.write(project, STEM)
    assert sample_class.nbgrader(project, "generate_assignment", STEM)[0] == 0
    forget(project)
    path.write_text(text, encoding="utf-8")
    weave.write(project, STEM)
    assert sample_class.nbgrader(project, "generate_assignment", STEM)[0] == 0
    with gradebook(project) as book:
        book.add_student("ada")
    hand_in(project, "ada")
    grade_by_hand(project, "ada")
    assert sample_class.nbgrader(project, "generate_assignment", STEM)[0] == 0
    with gradebook(project) as book:
        assert book.find_grade("written-pooling", STEM, STEM, "ada").manual_score is None


@pytest.fixture(scope="module")
def collected_before(tmp_path_factory):
    """A project with the sixteen alone, in one assignment, as earlier versions had it; not to be changed."""
    root = make_project(tmp_path_factory.mktemp("earlier"))
    assert sample_class.nbgrader(root, "generate_assignment", STEM)[0] == 0
    sample_class.collect(root, len(STORIES))
    grade_by_hand(root, "ada", "bela")
    return root


@pytest.mark.parametrize("version", ["0.3", "before"])
@pytest.mark.sample(1)
def test_a_class_of_an_earlier_version_goes_too(collected_before, tmp_path, version):
    """It had one assignment; or it kept no list of what it wrote, and did not mark its students."""
    root = shutil.copytree(collected_before, tmp_path / "project")
    path = root / "course" / "sample-class.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"submissions": content["submissions"][STEM]}))
    with gradebook(root) as book:
        for student in book.students:
            student.first_name, student.last_name = (student.id.title(), MARK) if version == "0.3" else (None, None)
        book.add_student("zoe")
    if version == "before":
        path.unlink()
    hand_in(root, "bela")
    forget(root)
    files = {f"submitted/bela/{STEM}/{STEM}.ipynb", f"submitted/bela/{STEM}/timestamp.txt"}
    graded = {f"{step}/bela/{STEM}/made" for step in ("autograded", "feedback")}
    with gradebook(root) as book:
        assert {student.id for student in book.students} <= {"bela", "zoe"}
    assert left(root)[0] - graded == files


def test_a_student_with_the_name_of_one_of_ours_keeps_the_assignment_that_is_their_own(project):
    """Amara handed in shapes; what the class has of the same name in pooling goes."""
    hand_in(project, "amara", stem="shapes")
    with gradebook(project) as book:
        book.update_or_create_student("amara", first_name="Amara", last_name="Okafor")
    grade_by_hand(project, "amara", stem="shapes")
    forget(project)
    files, students, graded = left(project)
    assert files == {
        "submitted/amara/shapes/shapes.ipynb", "submitted/amara/shapes/timestamp.txt",
        "autograded/amara/shapes/made", "feedback/amara/shapes/made",
    }  # fmt: skip
    assert students == graded == {"amara"}


@pytest.mark.parametrize("touched", [True, False])
def test_rules_and_due_dates_of_the_class_go_unless_somebody_has_changed_the_file(project, touched):
    rules = project / "course" / "course.toml"
    assert "[assignments.pooling]" in rules.read_text()
    with gradebook(project) as book:
        for stem in STEMS:
            book.update_or_create_assignment(stem, duedate=DUE[stem].replace(tzinfo=None))
    if touched:
        rules.write_text(rules.read_text().replace("10 %", "20 %"))
    forget(project)
    with gradebook(project) as book:
        assert rules.exists() == touched == all(assignment.duedate for assignment in book.assignments)


@pytest.mark.parametrize("given", ["file", "gradebook"])
@pytest.mark.sample(1)
def test_rules_are_never_written_over_those_of_the_course(project, given):
    forget(project)
    rules = project / "course" / "course.toml"
    if given == "file":
        rules.write_text("# ours")
    else:
        with gradebook(project) as book:
            book.update_or_create_assignment(STEM, duedate="2027-01-31 16:00:00 UTC")
    sample_class.collect(project, len(STORIES))
    assert rules.exists() == (given == "file")
    forget(project)
    assert rules.exists() == (given == "file")
    with gradebook(project) as book:
        assert (book.find_assignment(STEM).duedate is None) == (given == "file")


def test_what_the_class_wrote_twice_goes_too(project):
    """Two archives of one student lie in the download, and one of them was taken in."""
    names = [path.name for path in (project / "course" / "downloaded" / STEM / "archive").iterdir()]
    assert len(names) > len({name.partition("__")[0] for name in names})
    forget(project)
    assert not list((project / "course" / "downloaded" / STEM / "archive").iterdir())


def test_the_marks_of_the_class_end_its_last_names(project):
    with gradebook(project) as book:
        assert book.find_student("amara").last_name == f"Okafor {MARK}"
        assert {student.id for student in book.students} == set(sample_class.students(SIZE))


def test_a_folder_without_anything_is_left_alone(tmp_path):
    assert SampleTraces(tmp_path).strangers() == []
    forget(tmp_path)


def test_the_gradebook_is_asked_once_for_all_students_of_an_assignment(project, monkeypatch):
    asked, records = [], grading_log.records
    monkeypatch.setattr(grading_log, "records", lambda *a: asked.append(a) or records(*a))
    forget(project)
    assert len(asked) == len(STEMS)
