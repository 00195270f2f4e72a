from grading.fixtures import template  # noqa: F401
