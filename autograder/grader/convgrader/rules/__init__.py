"""The rules of a course, from ``course/course.toml``: due dates, late work, extensions, groups, and what counts."""
