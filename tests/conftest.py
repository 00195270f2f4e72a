"""What all tests share."""

import os
import sys
from importlib.util import find_spec

import pytest
from hypothesis import settings

# The same examples in every run: what fails here fails everywhere. `pytest --hypothesis-profile=explore` tries others.
settings.register_profile("explore", settings())
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

# What a student installs is tested without the grader too.
pytest_plugins = ["tests.helpers.grading_fixtures"] if find_spec("convgrader") else []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Let a test that is skipped fail in continuous integration on Linux: there is all that a test may need.

    What needs root is left out where the tests run as somebody else.
    """
    report = yield
    if report.skipped and os.environ.get("CI") and sys.platform == "linux":
        reason = report.longrepr[2]
        if os.getuid() == 0 or not reason.startswith("Skipped: needs root"):
            report.outcome, report.longrepr = "failed", f"not run in continuous integration. {reason}"
    return report
