"""The course is installed as its lock says: by uv, as pip is told to, or by pip."""

import subprocess
from pathlib import Path

import pytest

from tools import install

ROOT = Path(__file__).parents[2]


@pytest.fixture
def commands(monkeypatch):
    """Let no command run; return what was asked for, and an answer for each first word after `-m pip`."""
    asked, answers = [], {}

    def answer(command, **options):
        asked.append(([str(word) for word in command], options.get("env", {})))
        status, text = answers.get(asked[-1][0][3], (0, ""))
        return subprocess.CompletedProcess(command, status, text, "")

    monkeypatch.setattr(install.subprocess, "run", answer)
    return asked, answers


def test_uv_is_told_what_pip_is_told():
    settings = "global.index-url='https://mirror.example/simple'\nglobal.find-links='/a /b'\n:env:.cert='/c.pem'\n"
    settings += "global.timeout='60'\n"
    assert install.like_pip(settings, {}) == {
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_FIND_LINKS": "/a,/b",
        "SSL_CERT_FILE": "/c.pem",
    }
    assert install.like_pip(settings, {"UV_DEFAULT_INDEX": "mine", "SSL_CERT_FILE": "mine"}) == {
        "UV_FIND_LINKS": "/a,/b"
    }
    assert install.like_pip("", {}) == {}


def test_the_lock_comes_first_then_pytorch_then_our_packages(commands, tmp_path):
    asked, answers = commands
    answers["config"] = (0, "global.find-links='/wheels'\n")
    install.install(tmp_path / "env", ROOT, ["--extra-index-url", "https://cpu.example"])
    made, got, _, locked, torch, ours = asked
    assert made[0][1:] == ["-m", "venv", str(tmp_path / "env")]
    assert got[0][1:5] == ["-m", "pip", "install", "--quiet"] and got[0][-1].startswith("uv==")
    for command, environment in (locked, torch, ours):
        assert command[1:5] == ["-m", "uv", "pip", "install"]
        assert command[7:9] == ["--extra-index-url", "https://cpu.example"]
        assert environment["UV_FIND_LINKS"] == "/wheels"
    assert locked[0][9:] == ["--no-deps", "--require-hashes", "-r", str(ROOT / "locks" / "course.txt")]
    assert torch[0][9:] == ["torch", "-c", str(ROOT / "locks" / "torch.txt")]
    assert ours[0][9:11] == ["--no-deps", "--no-build-isolation"] and ours[0].count("--editable") == 3


def test_pip_does_it_where_there_is_no_uv(commands, tmp_path, capsys):
    asked, answers = commands
    python = install.python_of(tmp_path)
    python.parent.mkdir()
    python.touch()
    answers["install"] = (1, "")
    with pytest.raises(SystemExit) as stopped:
        install.install(tmp_path, ROOT)
    assert stopped.value.code == 1, "the double refuses every `pip install`: what fails ends the program"
    assert [command[1:4] for command, _ in asked] == [["-m", "pip", "install"]] * 2
    assert "There is no uv for this machine" in capsys.readouterr().out


def test_it_installs_the_packages_that_the_makefile_names():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"PROJECTS := {' '.join(install.PROJECTS)} " in makefile


@pytest.mark.full
def test_a_clean_environment_runs_the_course(tmp_path):
    """Asks the package index."""
    install.install(tmp_path / "env", ROOT)
    code = "import convcourse, convgrader, miniconv, nbgrader, torch; print(torch.__version__, convcourse.__file__)"
    done = subprocess.run(
        [install.python_of(tmp_path / "env"), "-c", code], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    (pinned,) = (pin for pin in install.pins(ROOT) if pin.name == "torch" and "!=" in pin.marker)
    assert done.stdout.startswith(pinned.version) and str(ROOT) in done.stdout
