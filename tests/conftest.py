"""What all tests share."""

from importlib.util import find_spec

from hypothesis import settings

# The same examples in every run: what fails here fails everywhere. `pytest --hypothesis-profile=explore` tries others.
settings.register_profile("explore", settings())
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

# What a student installs is tested without the grader too.
pytest_plugins = ["tests.helpers.grading_fixtures"] if find_spec("convgrader") else []
