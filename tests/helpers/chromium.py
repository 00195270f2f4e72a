"""A browser for tests."""

import contextlib
import os

import pytest

from tools.browser import chromium


@contextlib.contextmanager
def browser():
    """Start Chromium; where there is none the test is reported as not run, and fails in continuous integration."""
    from playwright.sync_api import Error

    with contextlib.ExitStack() as stack:
        try:
            started = stack.enter_context(chromium())
        except Error as error:
            says = f"no Chromium here (apt-get install chromium, or playwright install chromium): {error}"
            if os.environ.get("CI"):
                pytest.fail(says)
            pytest.skip(says)
        yield started
