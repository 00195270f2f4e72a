"""A browser for tests."""

import contextlib

import pytest

from tools.browser import chromium


@contextlib.contextmanager
def browser():
    """Start Chromium; where there is none the test is reported as not run."""
    from playwright.sync_api import Error

    with contextlib.ExitStack() as stack:
        try:
            started = stack.enter_context(chromium())
        except Error as error:
            pytest.skip(f"no Chromium here (apt-get install chromium, or playwright install chromium): {error}")
        yield started
