"""No test is left out without anybody's seeing it: what a sample leaves, `make test-full` runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ODD = """
import pytest

@pytest.fixture
def lacking():
    pytest.skip("not run: there is no such thing")

def test_needs_it(lacking):
    pass

@pytest.mark.skipif(True, reason="needs root, to mount")
def test_needs_root():
    pass
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere some tests have no meaning")
@pytest.mark.parametrize("is_ci", [True, False], ids=["CI", "home"])
@pytest.mark.slow
def test_what_is_skipped_at_home_fails_in_continuous_integration(is_ci, tmp_path):
    (tmp_path / "test_odd.py").write_text(ODD)
    env = {name: value for name, value in os.environ.items() if name != "CI"} | ({"CI": "true"} if is_ci else {})
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--tb=no",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        str(tmp_path),
    ]
    said = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=100).stdout
    failed = (1 + (os.getuid() == 0)) if is_ci else 0
    assert said.count("not run in continuous integration") == failed, said
    assert ("2 skipped" in said) == (failed == 0) and ("1 skipped" in said) == (failed == 1)


MANY = """
import pytest

@pytest.mark.sample(3)
@pytest.mark.parametrize("number", range(10))
def test_dear(number):
    pass

@pytest.mark.parametrize("number", range(2))
def test_cheap(number):
    pass
"""


@pytest.mark.slow
def test_a_sample_is_the_same_in_every_run_and_the_full_tests_have_the_rest(tmp_path):
    (tmp_path / "test_many.py").write_text(MANY)
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", "--collect-only", "-q", "-m"]

    def collected(marks):
        command = [sys.executable, "-m", "pytest", *options, marks, str(tmp_path)]
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100).stdout
        return {line.split("::")[1] for line in said.splitlines() if "::" in line}

    sample, rest = collected("not full"), collected("full")
    assert sample == collected("not full")
    assert len(sample) == 3 + 2 and len(rest) == 7 and not sample & rest
