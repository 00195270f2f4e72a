"""The site is served as a good host would: compressed, with its page for what is not there."""

import gzip
import urllib.error
import urllib.request

import pytest

from tools.serve import serving


@pytest.fixture
def address(tmp_path):
    (tmp_path / "index.html").write_text("<h1>Here</h1>" * 200)
    (tmp_path / "404.html").write_text("<h1>Nowhere</h1>")
    with serving(tmp_path) as address:
        yield address


def test_text_is_compressed_where_it_is_understood(address):
    request = urllib.request.Request(f"{address}/index.html", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request) as answer:
        data = answer.read()
        assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(data).startswith(b"<h1>Here</h1>") and len(data) < 200
    with urllib.request.urlopen(f"{address}/index.html") as answer:
        assert answer.read().startswith(b"<h1>Here</h1>")


def test_what_is_not_there_gets_the_page_for_that(address):
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"{address}/nothing.html")
    assert error.value.code == 404 and b"Nowhere" in error.value.read()
