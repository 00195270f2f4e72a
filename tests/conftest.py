"""What all tests share."""

from hypothesis import settings

# The same examples in every run: what fails here fails everywhere. `pytest --hypothesis-profile=explore` tries others.
settings.register_profile("explore", settings())
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

pytest_plugins = ["tests.helpers.grading_fixtures"]
