"""`autograder new-task` and `new-assignment` are the checkout's own tools, called in its folder."""

from convcourse import cli


def test_the_tool_of_the_folder_is_run_with_all_that_follows_its_name(tmp_path, monkeypatch, capfd):
    (tmp_path / "tools").mkdir()
    for name in ("new_task", "new_assignment"):
        (tmp_path / "tools" / f"{name}.py").write_text("import sys\nprint(__name__, sys.argv[1:])\nsys.exit(1)\n")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["new-task", "pooling", "loudness", "--points", "3"]) == 1
    assert cli.main(["new-assignment", "--help"]) == 1
    assert capfd.readouterr().out.splitlines() == [
        "__main__ ['pooling', 'loudness', '--points', '3']",
        "__main__ ['--help']",
    ]


def test_where_there_is_no_course_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["new-task", "pooling", "loudness"]) == 2
    assert "this folder holds no course" in capsys.readouterr().err
