"""The command `autograder feedback`: from a platform's archive to pages that the platform takes back."""

import json
import zipfile

import pytest

from convcourse import cli


@pytest.fixture
def here(course, monkeypatch):
    monkeypatch.chdir(course.root)
    (course.root / "students.csv").write_text("id,first_name,last_name\nada,Ada,Lovelace\nbob,Bob,B\n")
    return course


def test_pages_go_back_under_the_names_that_canvas_gave(here, released, in_process_pool, capsys):
    with zipfile.ZipFile("submissions.zip", "w") as archive:
        archive.writestr("lovelaceada_LATE_4711_9_ada__20270131T120000Z__pooling.ipynb", json.dumps(released))
    assert cli.main(["collect", "pooling", "submissions.zip", "--from", "canvas"]) == 0
    here.submit("bob", released)
    here.grade(pool=in_process_pool)
    capsys.readouterr()
    assert cli.main(["feedback", "pooling"]) == 0
    assert capsys.readouterr().out == "2 pages: feedback/pooling.zip\n"
    assert cli.main(["feedback", "pooling", "--for", "canvas"]) == 1
    printed = capsys.readouterr()
    assert printed.err == "" and printed.out == (
        "1 page: feedback/pooling-canvas.zip\n  bob: what was handed in was not collected from Canvas.\n"
    )
    with zipfile.ZipFile("feedback/pooling-canvas.zip") as archive:
        (name,) = archive.namelist()
        assert name == "lovelaceada_LATE_4711_9_ada__20270131T120000Z__pooling.html"
        assert "ada, pooling (Score:" in archive.read(name).decode()


def test_what_is_not_graded_has_no_pages(here, capsys):
    assert cli.main(["feedback", "pooling"]) == 2
    assert "the pages of pooling cannot be made" in capsys.readouterr().err
