"""The command `autograder similar`: what it prints and writes, and sentences where there is nothing to compare."""

import csv
import json

import pytest

from convcourse import cli
from convgrader import similar
from convgrader.similarity import likeness
from tests.helpers.courses import answer
from tools import answers as right
from tools import extract, similarity

PATH = right.path_of(similarity.Path(__file__).parents[2], "pooling")


def own(style, disguise=None):
    """Return an answer to max pooling in a style, disguised."""
    code = extract.standalone(PATH, f"max_pool2d__{style}", "max_pool2d")
    return {"max_pool2d": disguise(code) if disguise else code}


@pytest.fixture
def handed_in(course, released, monkeypatch):
    """A class of four: bob has ada's answer under other names, eve has her own, gil's is blank."""
    monkeypatch.chdir(course.root)
    monkeypatch.setenv("COLUMNS", "100")
    course.submit("ada", answer(released, own("loops")))
    course.submit("bob", answer(released, own("loops", similarity.renamed)))
    course.submit("eve", answer(released, own("windows")))
    course.submit("gil", released)
    return course


def run(capsys, *arguments):
    status = cli.main(["similar", *arguments])
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def test_the_terminal_shows_the_pair_and_says_that_likeness_is_no_proof(handed_in, capsys):
    status, output = run(capsys, "pooling")
    lines = output.splitlines()
    assert status == 0 and lines[-1] == similar.NO_PROOF
    at = lines.index("1. ada and bob: 1 task alike")
    assert lines[at + 1] == "   max_pool2d 100%" and "2. " not in output
    (row,) = (line for line in lines if line.startswith(" max_pool2d "))
    assert row.split() == ["max_pool2d", "3", "0", "1", "0"]


def test_members_of_a_group_hand_in_one_work(handed_in, capsys):
    (handed_in.root / "course.toml").write_text('groups.red = ["ada", "bob"]')
    with (handed_in.root / "nbgrader_config.py").open("a") as config:
        config.write("\nc.CourseFile.path = 'course.toml'\n")
    status, output = run(capsys, "pooling")
    assert status == 0 and "ada and bob" not in output


def test_the_files_have_all_of_it_and_no_formula(handed_in, released, capsys):
    handed_in.submit("=cmd", answer(released, own("loops")))
    status, _ = run(capsys, "pooling", "--json", "found.json", "--csv", "found.csv", "--html", "found.html")
    found = json.loads((handed_in.root / "found.json").read_text(encoding="utf-8"))
    assert status == 0 and found["note"] == similar.NO_PROOF
    assert [pair["names"] for pair in found["pairs"]] == [["=cmd", "ada"], ["=cmd", "bob"], ["ada", "bob"]]
    assert found["pairs"][0]["tasks"][0]["likeness"] == 1.0
    with (handed_in.root / "found.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["kind"] for row in rows] == ["pair"] * 3 + ["group"]
    assert rows[0]["names"] == "'=cmd ada" and rows[0]["task"] == "max_pool2d"
    page = (handed_in.root / "found.html").read_text(encoding="utf-8")
    assert "ada and bob" in page and similar.NO_PROOF in page


def test_a_higher_threshold_shows_fewer(handed_in, released, capsys):
    added = "\n    x = np.round(x[::-1].copy() * 3, 4) + x.mean(axis=0)\n    return"
    handed_in.submit("bob", answer(released, own("loops", lambda code: code.replace("\n    return", added))))
    assert "1. ada and bob" in run(capsys, "pooling", "--threshold", "40")[1]
    assert "No two answers are 100% alike or more." in run(capsys, "pooling", "--threshold", "100%")[1]


def test_the_class_is_compared_with_other_terms(handed_in, released, capsys, tmp_path):
    old = tmp_path / "old"
    old.mkdir()
    (old / "zoe.ipynb").write_text(json.dumps(answer(released, own("windows"))))
    output = run(capsys, "pooling", "--also", str(old))[1]
    assert "1 notebook of other folders compared with the class." in output and "eve and old/zoe" in output


def test_a_class_of_one_has_no_pair(course, released, capsys, monkeypatch):
    monkeypatch.chdir(course.root)
    course.submit("ada", answer(released, own("loops")))
    status, output = run(capsys, "pooling")
    assert status == 0 and "No two answers are 50% alike or more." in output


def test_notebooks_as_they_were_handed_out_are_not_alike(course, released, capsys, monkeypatch):
    monkeypatch.chdir(course.root)
    for student in ("ada", "bob", "eve"):
        course.submit(student, released)
    assert "No two answers" in run(capsys, "pooling")[1]


def test_what_cannot_be_read_is_named(handed_in, capsys):
    handed_in.submit("max", "{")
    assert "max was not compared: The file is not a notebook" in run(capsys, "pooling")[1]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["layer"], 1, "the gradebook has no assignment layer; it has pooling"),
        (["pooling"], 1, "nothing was handed in for pooling"),
        (["pooling", "--workers", "0"], 2, "--workers must be at least 1"),
        (["pooling", "--also", "nowhere"], 1, "there is no folder nowhere"),
    ],
)
def test_where_there_is_nothing_to_compare_it_says_why(course, monkeypatch, capsys, arguments, status, message):
    monkeypatch.chdir(course.root)
    assert run(capsys, *arguments) == (status, f"autograder: {message}\n")


def test_a_file_that_cannot_be_written_is_told_in_a_sentence(handed_in, capsys):
    status, output = run(capsys, "pooling", "--html", "nowhere/found.html")
    assert (status, output) == (1, "autograder: cannot write nowhere/found.html: No such file or directory\n")


@pytest.mark.parametrize("text", ["0", "101", "many"])
def test_a_threshold_is_a_number_from_1_to_100(text, capsys):
    with pytest.raises(SystemExit):
        cli.main(["similar", "pooling", "--threshold", text])
    assert f"{text} is no number from 1 to 100" in capsys.readouterr().err


def test_the_default_is_the_threshold_that_was_measured():
    assert similar.DEFAULT / 100 == likeness.THRESHOLD
