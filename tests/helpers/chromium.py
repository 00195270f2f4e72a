"""A browser for tests: Debian's Chromium where it is installed, else Playwright's own."""

import contextlib
import os
import shutil

import pytest

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]


@contextlib.contextmanager
def browser():
    """Start Chromium; where there is none the test is reported as not run, and fails in continuous integration."""
    from playwright.sync_api import Error, sync_playwright

    debian = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=debian, args=FLAGS)
        except Error as error:
            says = f"no Chromium here (apt-get install chromium, or playwright install chromium): {error}"
            if os.environ.get("CI"):
                pytest.fail(says)
            pytest.skip(says)
        try:
            yield chromium
        finally:
            chromium.close()
