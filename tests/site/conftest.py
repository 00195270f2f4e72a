"""The built site, served, and pages of a browser."""

import os
from pathlib import Path

import pytest

from tests.helpers.chromium import browser
from tests.helpers.visits import ROOT, Visit
from tools import serve


@pytest.fixture(scope="session")
def built():
    """The folder of the built site: $BUILT_SITE, or _build/html."""
    folder = Path(os.environ.get("BUILT_SITE", ROOT / "_build" / "html"))
    if not (folder / "book" / "index.html").is_file():
        pytest.skip(f"not run: the site is not built: {folder} has no book/index.html (make book)")
    return folder


@pytest.fixture(scope="session")
def site(built):
    """The address of the built site."""
    with serve.serving(built) as address:
        yield address


@pytest.fixture(scope="module")
def chromium():
    with browser() as started:
        yield started


@pytest.fixture
def visit(chromium):
    """Open pages: visit(width=..., color_scheme=...) returns a Visit; all are closed afterwards."""
    visits = []

    def open_(**options):
        visits.append(Visit(chromium, **options))
        return visits[-1]

    yield open_
    for one in visits:
        one.context.close()
