"""``nbgrader autograde`` and formgrader's button grade as ``autograder grade`` does.

``nbgrader_config.py`` sets it::

    use_convgrader(c)

It also has feedback made into pages that run nothing. nbgrader does all the rest: its database, late penalties, manual
grades, folders.
"""

import contextlib
import glob
import os
import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets import Bool, Float, Unicode
from traitlets.config import Config, Configurable

from convcourse.errors import UsageError
from convgrader import lock
from convgrader.errors import DatabaseError
from convgrader.fingerprint import fingerprint
from convgrader.jobs import AssignmentSpec, Budget, Job, SubmissionResult
from convgrader.nbgrader_plugin import course_rules, feedback, groups, handed_out, patches
from convgrader.nbgrader_plugin.error_translation import as_nbgrader_error, database_errors
from convgrader.nbgrader_plugin.gradebook import GradebookWriter
from convgrader.nbgrader_plugin.returning import CurrentFeedback
from convgrader.notebooks import files
from convgrader.sandbox.zygote import warm_zygote
from convgrader.worker import SubmissionGrader


def use_convgrader(config: Config, unconfined: bool = False) -> None:
    """Have ``nbgrader autograde`` and formgrader's button grade with a sandbox."""
    patches.use_converters(SafeAutograde, CurrentFeedback)
    patches.read_bounded_timestamps()
    patches.use_page_exporter()
    patches.release_atomically()
    patches.release_exchange_pages_only()
    patches.report_database_errors()
    patches.refuse_to_validate_submissions()
    filter_module = feedback.__name__
    config.HTMLExporter.filters = {
        name: f"{filter_module}.{f.__name__}" for name, f in feedback.FILTERS.items()
    }  # formgrader's too
    config.GenerateFeedback.exporter_class = "convgrader.nbgrader_plugin.feedback.FeedbackExporter"
    config.FeedbackExporter.update(feedback.TEMPLATE)
    config.ExportApp.plugin_class = "convgrader.nbgrader_plugin.exporting.PlainCsvExport"
    config.GradeCells.unconfined = unconfined


class GradeCells(Configurable):
    """How the cells of a submission are graded: the options in ``nbgrader_config.py``."""

    unconfined = Bool(
        False,
        help="Run students' code with your own rights: it can read and change all that you can. For machines that "
        "cannot confine a process, and for submissions that you trust.",
    ).tag(config=True)
    cell_seconds = Float(Budget.cell, help="How long one cell may take.").tag(config=True)
    site = Unicode("", help="Where the course's site is published: verdicts link to its sections.").tag(config=True)
    notebook_seconds = Float(Budget.notebook, help="How long one submission may take as a whole.").tag(config=True)


def spec_of(writer: GradebookWriter, directory: CourseDirectory, config: Config) -> AssignmentSpec:
    """Return what must be known to grade an assignment.

    Parameters
    ----------
    writer : GradebookWriter
    directory : nbgrader.coursedir.CourseDirectory
    config : traitlets.config.Config
    """
    options = GradeCells(config=config)
    budget = Budget(options.cell_seconds, options.notebook_seconds)
    extra_folder = directory.format_path(directory.source_directory, ".", writer.name)
    return AssignmentSpec(
        name=writer.name,
        sources={
            name: replace(source, released=handed_out.texts(directory, writer.name, name))
            for name, source in writer.sources.items()
        },
        seed=writer.seed,
        checks=fingerprint(writer.sources, budget),
        budget=budget,
        ignore=tuple(directory.ignore),
        permissions=0o664 if directory.groupshared else 0o444,
        extra_folder=extra_folder if os.path.isdir(extra_folder) else "",
        site=options.site,
    )


class GradingStoppedError(BaseException):
    """No submission can be graded any more; nbgrader goes on after all that is an Exception."""


class SafeAutograde(Autograde):
    """Grades one submission after the other in this process, whatever lies in it."""

    assignments: dict[str, list[str]]  # folder of a submission -> paths of its notebooks
    notebooks: list[str]  # what is left for nbgrader to convert: nothing
    failures: list[str]
    gradebook_writer: GradebookWriter
    grader: SubmissionGrader
    members: dict[str, list[str]]  # folder of what was handed in -> the students that it counts for

    def start(self) -> None:
        """Grade; what keeps it from that is told in a sentence."""
        with as_nbgrader_error(self.log):
            super().start()

    def init_notebooks(self) -> None:
        """List the submissions; which notebook is meant is found out later."""
        directory, self.assignments, self.notebooks = self.coursedir, {}, []
        url, assignment = directory.db_url, directory.assignment_id
        try:
            with database_errors(url), Gradebook(url, directory.course_id) as gradebook:
                names = [f"{row.name}.ipynb" for row in gradebook.find_assignment(assignment).notebooks]
        except MissingEntry:
            raise UsageError(f"The gradebook has no assignment {assignment}.") from None
        for folder in glob.glob(self._format_source(assignment, directory.student_id)):
            if os.path.isdir(folder):
                self.assignments[folder] = [os.path.join(folder, name) for name in names]
        if not self.assignments:
            raise UsageError(f"Nothing was handed in for {assignment}.")

    def convert_notebooks(self) -> None:
        """Grade them, and fail in the end if some could not be graded."""
        with lock.exclusive(self.coursedir, self.coursedir.assignment_id):
            self._grade_all()
        for failure in self.failures:
            self.log.error("Not graded: %s", failure)
        if self.failures:
            raise NbGraderException("; ".join(self.failures))

    def _grade_all(self) -> None:
        directory, self.failures = self.coursedir, []
        import torch

        torch.set_num_threads(1)  # as workers have it: more would take memory that a check is then refused
        zygote = warm_zygote(not GradeCells(config=self.config).unconfined)
        zygote.wait()
        self.gradebook_writer = GradebookWriter(
            directory.db_url, directory.assignment_id, directory.course_id, self.config
        )
        with contextlib.closing(self.gradebook_writer):
            self.grader = SubmissionGrader(spec_of(self.gradebook_writer, directory, self.config), zygote)
            self.members = self._members()
            try:
                super().convert_notebooks()
            except GradingStoppedError as stopped:
                raise UsageError(str(stopped)) from None
            self.gradebook_writer.assign_penalties()

    def _members(self) -> dict[str, list[str]]:
        """Return {folder of what was handed in: the students that it counts for}."""
        writer, found = self.gradebook_writer, defaultdict(list)
        rules = course_rules.rules_of(self.config, writer.gradebook)
        pattern = self._format_source(writer.name, "*")
        folders = {Path(folder).parent.name: folder for folder in glob.glob(pattern) if os.path.isdir(folder)}
        for student, folder in groups.with_members(rules, writer.name, folders).items():
            found[folder].append(student)
        return found

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Grade one submission, for all members of a group: nothing is left for nbgrader to convert."""
        self.notebooks = []
        folder = self._format_source(assignment_id, student_id)
        members = self.members.get(folder, [])
        if not members:
            self.log.info("%s: what another member of the group handed in counts", student_id)
            return
        result = self.grader.grade(Job(student_id, folder, self._format_dest(assignment_id, student_id)))
        if result.fatal_error:
            raise GradingStoppedError(result.fatal_error)
        for member in members:
            self._record(result, member)
        for notebook_result in result.notebooks:
            if notebook_result.reason:
                self.log.warning("%s, %s: %s", student_id, notebook_result.notebook, notebook_result.reason)
            if notebook_result.status != "graded":
                self.failures.append(f"{student_id}, {notebook_result.notebook}: {notebook_result.reason}")

    def _record(self, result: SubmissionResult, student: str) -> None:
        """Write what a submission came to into the gradebook, for the student or another member of the group."""
        graded, own = (self._format_dest(self.gradebook_writer.name, each) for each in (result.student, student))
        if student != result.student:
            files.copy_graded(graded, own)
        try:
            self.gradebook_writer.write(replace(result, student=student), self.grader.assignment.checks)
        except DatabaseError as error:
            shutil.rmtree(own)  # nbgrader grades nothing again that has such a folder
            raise GradingStoppedError(str(error)) from None
