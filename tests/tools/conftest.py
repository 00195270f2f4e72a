import pytest

from tests.helpers.leaks import ROOT
from tools import kit


@pytest.fixture(scope="session")
def built_kit(tmp_path_factory):
    """The student kit, built from this tree."""
    return kit.build(ROOT, tmp_path_factory.mktemp("kit") / "student-kit")
