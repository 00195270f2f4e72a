from grading.fixtures import *  # noqa: F403
