"""What all tests share."""

import os
import sys
from collections import defaultdict
from importlib.util import find_spec
from zlib import crc32

import pytest
from hypothesis import settings

# The same examples in every run: what fails here fails everywhere. `pytest --hypothesis-profile=explore` tries others.
settings.register_profile("explore", settings())
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

# What a student installs is tested without the grader too.
pytest_plugins = ["tests.helpers.grading_fixtures"] if find_spec("convgrader") else []


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep a sample of a family of dear tests for `make test`, the same in every run; the others become `full`."""
    families = defaultdict(list)
    for item in items:
        if mark := item.get_closest_marker("sample"):
            families[item.path, item.originalname, mark.args].append(item)
    for (_, _, (count,)), family in families.items():
        for item in sorted(family, key=lambda one: crc32(one.name.encode()))[count:]:
            item.add_marker("full")


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
