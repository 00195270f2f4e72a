"""What happens to a right notebook on its way costs nothing."""

import pytest

from tests.attacks.harmless import HARMLESS, submission
from tests.helpers.grading_fixtures import FULL, copy_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scores(generated, released, answers, tmp_path_factory):
    course = copy_of(generated, tmp_path_factory.mktemp("harmless") / "course")
    for damage in HARMLESS:
        course.submit(damage.name, submission(released, answers, damage))
    course.grade(workers=2)
    return {damage.name: course.total(damage.name) for damage in HARMLESS}


@pytest.mark.parametrize("damage", HARMLESS, ids=lambda damage: damage.name)
def test_a_right_notebook_keeps_its_points(scores, damage):
    assert scores[damage.name] == FULL
