"""``autograder start``: a copy to work in, which is never overwritten."""

import shutil

from convcourse import cli


def test_start_copies_and_never_overwrites(started, capsys):
    started.write_text("mine")
    assert cli.main(["start", "pooling"]) == 2
    assert "is there already and is left alone" in capsys.readouterr().err
    assert started.read_text() == "mine"


def test_start_of_an_unknown_assignment_lists_the_known(started, capsys):
    assert cli.main(["start", "poling"]) == 2
    assert "there is no assignment 'poling'; there are pooling" in capsys.readouterr().err


def test_start_of_nothing_lists_the_known(started, capsys):
    assert cli.main(["start"]) == 2
    assert "name an assignment: pooling" in capsys.readouterr().err


def test_start_where_nothing_can_be_written(started, capsys):
    shutil.rmtree("work")
    with open("work", "w"):
        assert cli.main(["start", "pooling"]) == 2
    assert capsys.readouterr().err == "autograder: cannot write work/pooling: Not a directory\n"


def test_start_outside_of_a_course(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["start", "pooling"]) == 2
    assert "there is no folder `exercises`" in capsys.readouterr().err
