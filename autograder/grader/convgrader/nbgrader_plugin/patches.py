"""What is changed in nbgrader itself, because it has no option for it: tried with 0.9.6, the version that is pinned."""

import glob
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, DictLoader, FileSystemLoader, PrefixLoader
from nbgrader.api import Gradebook
from nbgrader.apps import api, autogradeapp, generatefeedbackapp
from nbgrader.apps.api import NbGraderAPI
from nbgrader.apps.dbapp import DbStudentAddApp, DbStudentImportApp
from nbgrader.apps.nbgraderapp import NbGraderApp
from nbgrader.apps.zipcollectapp import ZipCollectApp
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default.release_feedback import ExchangeReleaseFeedback
from nbgrader.server_extensions.formgrader import formgrader
from nbgrader.utils import temp_attrs
from nbgrader.validator import Validator

from convcourse import student_ids
from convcourse.errors import UsageError
from convgrader.errors import DatabaseError
from convgrader.nbgrader_plugin import releasing
from convgrader.nbgrader_plugin.error_translation import database_errors
from convgrader.nbgrader_plugin.feedback import PageExporter
from convgrader.nbgrader_plugin.times import time_of
from convgrader.notebooks import files

STUDENTS = f"""\
{{% extends 'nbgrader/manage_students.tpl' %}}
{{% block messages %}}<p>As a student's ID, `autograder submit` takes {student_ids.RULE}.</p>{{% endblock %}}
"""
_original_start = {app: app.start for app in (ZipCollectApp, DbStudentAddApp, DbStudentImportApp, NbGraderApp)}
_original_validate = Validator.validate
_original_copy_files = ExchangeReleaseFeedback.copy_files
_original_transfer_files = ZipCollectApp._transfer_files


def use_converters(autograde: type[Autograde], feedback: type[GenerateFeedback]) -> None:
    """Have nbgrader's commands and formgrader's buttons grade, and make feedback, by classes of ours."""
    api.Autograde = autogradeapp.Autograde = autograde
    api.GenerateFeedback = generatefeedbackapp.GenerateFeedback = feedback


def read_bounded_timestamps() -> None:
    """Have nbgrader read times as this package does: one that is none fails formgrader, for the whole class."""
    CourseDirectory.get_existing_timestamp = _existing_timestamp
    NbGraderAPI.get_submitted_timestamp = _submitted_timestamp


def _existing_timestamp(directory: CourseDirectory, folder: str) -> datetime | None:
    return time_of(files.timestamp(folder))


def _submitted_timestamp(api: NbGraderAPI, assignment_id: str, student_id: str) -> datetime | None:
    directory = api.coursedir
    return time_of(files.timestamp(directory.format_path(directory.submitted_directory, student_id, assignment_id)))


def use_page_exporter() -> None:
    """Have formgrader make its pages of submissions by our exporter, whose cost is bounded."""
    formgrader.HTMLExporter = PageExporter


def release_exchange_pages_only() -> None:
    """Have ``release_feedback`` name whose page it cannot release and go on: one of them fails it for the class."""
    ExchangeReleaseFeedback.copy_files = _release_pages


def _release_pages(exchange: ExchangeReleaseFeedback) -> None:
    excluded = exchange.coursedir.student_id_exclude
    folders = {os.path.dirname(page) for page in glob.glob(os.path.join(exchange.src_path, "*.html"))}
    elsewhere = {Path(folder).parent.name for folder in folders if not _is_from_exchange(folder)}
    left_out = sorted(elsewhere.difference(excluded.split(",")))
    if left_out:
        exchange.log.warning("Not released, since it did not come by nbgrader's exchange: %s", ", ".join(left_out))
    with temp_attrs(exchange.coursedir, student_id_exclude=",".join([excluded, *left_out])):
        _original_copy_files(exchange)


def _is_from_exchange(folder: str) -> bool:
    """Say whether there is what the exchange writes beside a submission, and knows its page by."""
    try:
        for name in ("timestamp.txt", "submission_secret.txt"):
            files.read_regular(os.path.join(folder, name)).decode()
    except (OSError, ValueError):
        return False
    return True


def refuse_to_validate_submissions() -> None:
    """Have ``validate`` refuse what students handed in: it runs a notebook with the rights of whoever asks."""
    Validator.validate = _validate


def _validate(validator: Validator, filename: str) -> Any:
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
    return _original_validate(validator, filename)


def show_student_id_rule() -> None:
    """Have formgrader's page of students, where they are added, say which names a hand-in can bear."""
    formgrader.FileSystemLoader = _loader_with_our_page


def _loader_with_our_page(folders: str | Sequence[str]) -> ChoiceLoader:
    theirs = FileSystemLoader(folders)
    return ChoiceLoader([DictLoader({"manage_students.tpl": STUDENTS}), theirs, PrefixLoader({"nbgrader": theirs})])


def release_atomically() -> None:
    """Have nbgrader release an assignment as we do: again, too, once students have handed it in."""
    GenerateAssignment.start = releasing.start


def report_database_errors() -> None:
    """Have every command end with a sentence where the database or the course's rules cannot be used: ours or not."""
    NbGraderApp.start = _start_and_translate


def _start_and_translate(app: NbGraderApp) -> None:
    command = app
    while command.subapp is not None:
        command = command.subapp
    try:
        with database_errors(command.coursedir.db_url):
            _original_start[NbGraderApp](app)
    except (DatabaseError, UsageError) as error:
        command.fail(str(error))


def report_left_out_files() -> None:
    """Have ``zip_collect`` end with whom the gradebook does not know, and what it did not collect: exit status 1."""
    ZipCollectApp.start = _start_and_report


def write_timestamps_with_zone() -> None:
    """Have ``zip_collect`` say in ``timestamp.txt`` that its times are UTC."""
    ZipCollectApp._transfer_files = _transfer_with_zone


def _transfer_with_zone(app: ZipCollectApp, collected: dict[Any, dict[str, Any]] | None) -> None:
    for submission in (collected or {}).values():
        if submission["timestamp"] is not None:
            submission["timestamp"] = submission["timestamp"].replace(tzinfo=UTC)
    _original_transfer_files(app, collected)


def _start_and_report(app: ZipCollectApp) -> None:
    _original_start[ZipCollectApp](app)
    _report_unknown_students(app)
    reasons = app.extractor_plugin_inst.left_out
    if reasons:
        app.log.warning("All is collected but for %d:", len(reasons))
        for path, reason in reasons.items():
            app.log.warning("  %s: %s", path, reason)
        app.exit(1)


def _report_unknown_students(app: ZipCollectApp) -> None:
    """Name who handed in and is not in the gradebook: a slip in a name would make one student two."""
    with Gradebook(app.coursedir.db_url, app.coursedir.course_id) as gradebook:
        registered = {student.id for student in gradebook.students}
    unknown = sorted(app.extractor_plugin_inst.students - registered)
    if registered and unknown:
        app.log.warning(
            "Not in the gradebook: %s. Grading adds them. Where a name is a slip, rename the archive, remove the "
            "folder of that name from %s, and collect again.", ", ".join(unknown), app.coursedir.submitted_directory,
        )  # fmt: skip


def report_invalid_student_ids() -> None:
    """Have ``db student add`` and ``import`` end with a list of the names that no hand-in can bear, and status 1."""
    DbStudentAddApp.start = DbStudentImportApp.start = _start_and_report_students


def _start_and_report_students(app: DbStudentAddApp | DbStudentImportApp) -> None:
    _original_start[type(app)](app)
    with Gradebook(app.coursedir.db_url, app.course_id, app.authenticator) as gradebook:
        names = [student.id for student in gradebook.students if not student_ids.is_valid(student.id)]
    if names:
        app.log.warning("These are in the gradebook, and `autograder submit` takes no hand-in of theirs:")
        for name in names:
            app.log.warning("  %r", name)
        app.log.warning("It takes %s. Enter them under other names.", student_ids.RULE)
        app.exit(1)
