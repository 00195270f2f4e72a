"""Where a chapter and its assignment meet."""

from book._ext.assignments import launch_links as links


def test_launch_links_open_the_kit_and_never_this_repository():
    launch = {
        "binder": "https://mybinder.org",
        "colab": "https://colab.research.google.com",
        "jupyterhub": "https://hub",
    }
    assert links(launch, "pooling") == []
    found = dict(links({**launch, "kit": "https://github.com/o/kit.git"}, "pooling"))
    assert list(found) == ["Binder", "Colab", "JupyterHub"]
    assert all("/kit" in link or "kit&" in link or "%2Fkit" in link for link in found.values())
    assert all("pooling.ipynb" in link for link in found.values())
    elsewhere = dict(links({**launch, "kit": "https://git.example.org/o/kit"}, "pooling"))
    assert list(elsewhere) == ["Binder", "JupyterHub"]
