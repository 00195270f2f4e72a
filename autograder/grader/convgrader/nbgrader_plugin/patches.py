"""What is changed in nbgrader itself, because it has no option for it: tried with 0.9.6, the version that is pinned."""

import glob
import os
from datetime import UTC
from pathlib import Path

from jinja2 import ChoiceLoader, DictLoader, FileSystemLoader, PrefixLoader
from nbgrader.api import Gradebook
from nbgrader.apps import api, autogradeapp, generatefeedbackapp
from nbgrader.apps.api import NbGraderAPI
from nbgrader.apps.dbapp import DbStudentAddApp, DbStudentImportApp
from nbgrader.apps.nbgraderapp import NbGraderApp
from nbgrader.apps.zipcollectapp import ZipCollectApp
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default.release_feedback import ExchangeReleaseFeedback
from nbgrader.server_extensions.formgrader import formgrader
from nbgrader.utils import temp_attrs
from nbgrader.validator import Validator

from convcourse import student_ids
from convgrader.errors import DatabaseError
from convgrader.nbgrader_plugin import releasing
from convgrader.nbgrader_plugin.feedback import PageExporter
from convgrader.nbgrader_plugin.gradebook import time_of
from convgrader.nbgrader_plugin.telling import naming
from convgrader.notebooks import files

STUDENTS = f"""\
{{% extends 'nbgrader/manage_students.tpl' %}}
{{% block messages %}}<p>As a student's ID, `autograder submit` takes {student_ids.RULE}.</p>{{% endblock %}}
"""
_start = {app: app.start for app in (ZipCollectApp, DbStudentAddApp, DbStudentImportApp, NbGraderApp)}
_validated = Validator.validate
_copy_files = ExchangeReleaseFeedback.copy_files
_transfer_files = ZipCollectApp._transfer_files


def convert_by(autograde, feedback):
    """Have nbgrader's commands and formgrader's buttons grade, and make feedback, by classes of ours."""
    api.Autograde = autogradeapp.Autograde = autograde
    api.GenerateFeedback = generatefeedbackapp.GenerateFeedback = feedback


def read_times_as_we_do():
    """Have nbgrader read times as this package does: one that is none fails formgrader, for the whole class."""
    CourseDirectory.get_existing_timestamp = _existing_timestamp
    NbGraderAPI.get_submitted_timestamp = _submitted_timestamp


def _existing_timestamp(directory, folder):
    return time_of(files.timestamp(folder))


def _submitted_timestamp(api, assignment_id, student_id):
    directory = api.coursedir
    return time_of(files.timestamp(directory.format_path(directory.submitted_directory, student_id, assignment_id)))


def show_pages_as_we_do():
    """Have formgrader make its pages of submissions by our exporter, whose cost is bounded."""
    formgrader.HTMLExporter = PageExporter


def release_pages_of_the_exchange_alone():
    """Have ``release_feedback`` name whose page it cannot release and go on: one of them fails it for the class."""
    ExchangeReleaseFeedback.copy_files = _release_pages


def _release_pages(exchange):
    exclude = exchange.coursedir.student_id_exclude
    folders = {os.path.dirname(page) for page in glob.glob(os.path.join(exchange.src_path, "*.html"))}
    others = {Path(folder).parent.name for folder in folders if not _came_by_the_exchange(folder)}
    others = sorted(others.difference(exclude.split(",")))
    if others:
        exchange.log.warning("Not released, since it did not come by nbgrader's exchange: %s", ", ".join(others))
    with temp_attrs(exchange.coursedir, student_id_exclude=",".join([exclude, *others])):
        _copy_files(exchange)


def _came_by_the_exchange(folder):
    """Say whether there is what the exchange writes beside a submission, and knows its page by."""
    try:
        for name in ("timestamp.txt", "submission_secret.txt"):
            files.read_regular(os.path.join(folder, name)).decode()
    except (OSError, ValueError):
        return False
    return True


def validate_nothing_of_students():
    """Have ``validate`` refuse what students handed in: it runs a notebook with the rights of whoever asks."""
    Validator.validate = _validate


def _validate(validator, filename):
    directory = CourseDirectory(config=validator.config)
    steps = (directory.submitted_directory, directory.autograded_directory)
    collecting = validator.config.ZipCollectApp
    downloaded = collecting.get("downloaded_directory", ZipCollectApp.downloaded_directory.default())
    for folder in (*(directory.format_path(step, ".", ".") for step in steps), Path(directory.root, downloaded)):
        if Path(filename).resolve().is_relative_to(Path(folder).resolve()):
            raise SystemExit(
                f"{filename} was handed in, and nbgrader validate would run its code with your rights: "
                "autograder grade runs it in a sandbox."
            )
    return _validated(validator, filename)


def tell_the_rule_for_names():
    """Have formgrader's page of students, where they are added, say which names a hand-in can bear."""
    formgrader.FileSystemLoader = _with_our_page


def _with_our_page(folders):
    theirs = FileSystemLoader(folders)
    return ChoiceLoader([DictLoader({"manage_students.tpl": STUDENTS}), theirs, PrefixLoader({"nbgrader": theirs})])


def release_all_or_nothing():
    """Have nbgrader release an assignment as we do: again, too, once students have handed it in."""
    GenerateAssignment.start = releasing.start


def name_the_database():
    """Have every command end with a sentence where the database cannot be used: those that are ours, and all others."""
    NbGraderApp.start = _start_on_database


def _start_on_database(app):
    command = app
    while command.subapp is not None:
        command = command.subapp
    try:
        with naming(command.coursedir.db_url):
            _start[NbGraderApp](app)
    except DatabaseError as error:
        command.fail(str(error))


def tell_what_was_left_out():
    """Have ``zip_collect`` end with whom the gradebook does not know, and what it did not collect: exit status 1."""
    ZipCollectApp.start = _start_and_tell


def write_times_with_their_zone():
    """Have ``zip_collect`` say in ``timestamp.txt`` that its times are UTC."""
    ZipCollectApp._transfer_files = _transfer_with_zone


def _transfer_with_zone(app, collected):
    for about in (collected or {}).values():
        if about["timestamp"] is not None:
            about["timestamp"] = about["timestamp"].replace(tzinfo=UTC)
    _transfer_files(app, collected)


def _start_and_tell(app):
    _start[ZipCollectApp](app)
    _tell_of_strangers(app)
    reasons = app.extractor_plugin_inst.left_out
    if reasons:
        app.log.warning("All is collected but for %d:", len(reasons))
        for path, reason in reasons.items():
            app.log.warning("  %s: %s", path, reason)
        app.exit(1)


def _tell_of_strangers(app):
    """Name who handed in and is not in the gradebook: a slip in a name would make one student two."""
    with Gradebook(app.coursedir.db_url, app.coursedir.course_id) as gradebook:
        known = {student.id for student in gradebook.students}
    strangers = sorted(app.extractor_plugin_inst.students - known)
    if known and strangers:
        app.log.warning(
            "Not in the gradebook: %s. Grading adds them. Where a name is a slip, rename the archive, remove the "
            "folder of that name from %s, and collect again.", ", ".join(strangers), app.coursedir.submitted_directory,
        )  # fmt: skip


def tell_who_cannot_hand_in():
    """Have ``db student add`` and ``import`` end with a list of the names that no hand-in can bear, and status 1."""
    DbStudentAddApp.start = DbStudentImportApp.start = _enter_and_tell


def _enter_and_tell(app):
    _start[type(app)](app)
    with Gradebook(app.coursedir.db_url, app.course_id, app.authenticator) as gradebook:
        names = [student.id for student in gradebook.students if not student_ids.is_valid(student.id)]
    if names:
        app.log.warning("These are in the gradebook, and `autograder submit` takes no hand-in of theirs:")
        for name in names:
            app.log.warning("  %r", name)
        app.log.warning("It takes %s. Enter them under other names.", student_ids.RULE)
        app.exit(1)
