"""Small sites for the tests of the extensions."""

import io

import pytest


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Build a site of some pages with our extensions; returns a function (files, extensions, config) -> folder.

    What Sphinx had to say is in ``warnings.txt`` there.
    """
    from sphinx.application import Sphinx

    def build(files, extensions, source=None, **config):
        source = source or tmp_path_factory.mktemp("site")
        for name, content in files.items():
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        settings = {
            "extensions": ["myst_nb", *extensions], "root_doc": "index", "nb_execution_mode": "off",
            "myst_enable_extensions": ["amsmath", "dollarmath", "colon_fence"], "html_theme": "basic", **config,
        }  # fmt: skip
        folders = (source, None, source / "_build/html", source / "_build/doctrees")
        folders, said = [folder and str(folder) for folder in folders], io.StringIO()
        Sphinx(*folders, "html", settings, status=None, warning=said).build()
        (source / "warnings.txt").write_text(said.getvalue(), encoding="utf-8")
        return source

    return build
