"""What the directives of the course make of a page."""

import nbformat

from book._ext import course


def test_what_is_printed_piece_by_piece_stays_one_line():
    pieces = [nbformat.v4.new_output("stream", name="stdout", text=text) for text in ("1 ", "2 ", "3\n")]
    pieces.insert(1, nbformat.v4.new_output("stream", name="stderr", text="a warning\n"))
    merged = {output["name"]: output["text"] for output in course.merged_streams(pieces)}
    assert merged == {"stdout": "1 2 3\n", "stderr": "a warning\n"}
