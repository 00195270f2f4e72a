"""Where nbgrader finds the course: stock commands work from this folder, `nbgrader autograde pooling` for example."""

from pathlib import Path

from convcourse import site
from convgrader.nbgrader_plugin.autograding import use_convgrader
from convgrader.nbgrader_plugin.collecting import use_collector
from convgrader.nbgrader_plugin.gradebook import url_of

c = get_config()  # noqa: F821 (nbgrader defines it)

root = Path(__file__).resolve().parent
(root / "course").mkdir(exist_ok=True)

c.CourseDirectory.root = str(root)
c.CourseDirectory.course_id = "convnets"
c.CourseDirectory.source_directory = "course/source"  # made by `make weave`, never edited
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.submitted_directory = "course/submitted"
c.CourseDirectory.autograded_directory = "course/autograded"
c.CourseDirectory.feedback_directory = "course/feedback"
c.CourseDirectory.solution_directory = "course/solution"
c.CourseDirectory.source_with_tests_directory = "course/source_with_tests"
c.CourseDirectory.db_url = url_of(root / "course" / "gradebook.db")

# Due dates, late work, extensions, groups: `autograder rules --template` writes this file, and grading follows it.
c.CourseFile.path = str(root / "course" / "course.toml")

# exercises/ is generated and in git: releasing again replaces it, and enters the assignment into the gradebook.
c.GenerateAssignment.force = True

# What `autograder submit` writes goes, as the learning platform hands it over, into course/downloaded/<stem>/archive.
c.ZipCollectApp.downloaded_directory = "course/downloaded"
use_collector(c)

# For stock nbgrader alone: nothing of a student's output but the points needs to reach the database whole.
c.LimitOutput.max_lines = 1000
c.LimitOutput.max_traceback = 100

# Students' code runs in a sandbox, the checks outside of it. Without this line nbgrader grades as it always does,
# and believes what a submission says about itself.
use_convgrader(c)

# "Read:" in a verdict is a link, once `html: baseurl` in _config.yml (or COURSE_SITE) says where the site is.
c.GradeCells.site = site.configured(root)

c.ExportPlugin.to = str(root / "course" / "grades.csv")
