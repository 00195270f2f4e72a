"""No test is left out in continuous integration without anybody's seeing it."""

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
