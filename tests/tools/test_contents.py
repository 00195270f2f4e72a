"""The one reader of the table of contents."""

from pathlib import Path

from tools import contents

ROOT = Path(__file__).parents[2]
TOC = """\
format: jb-book
root: book/index
parts:
  - caption: Chapters
    chapters:
      - file: book/b
        sections: [{file: book/c}]
      - file: book/a
  - caption: Assignments
    chapters: [{file: exercises/b/b}, {file: exercises/a/a}]
"""


def test_files_stems_and_pages_come_in_order(tmp_path):
    (tmp_path / "_toc.yml").write_text(TOC)
    (tmp_path / "book").mkdir()
    for name in ("a", "b"):
        (tmp_path / "book" / f"{name}.md").write_text("# Page\n")
    assert contents.files(tmp_path) == ["book/index", "book/b", "book/c", "book/a", "exercises/b/b", "exercises/a/a"]
    assert contents.stems(tmp_path) == ["b", "a"]
    assert contents.pages(tmp_path) == [tmp_path / "book/b.md", tmp_path / "book/a.md"]


def test_every_topic_is_in_the_courses_own():
    stems = contents.stems(ROOT)
    assert len(stems) == len(set(stems)) >= 14
    assert [f"book/{stem}" for stem in stems] == [name for name in contents.files(ROOT) if name[5:] in stems]


def test_nobody_else_reads_it():
    """Whoever needs the order of the course asks `tools.contents`; the instructor's edition adds to it."""
    readers = [
        path.relative_to(ROOT).as_posix()
        for folder in ("autograder", "book", "tools")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if '"_toc.yml"' in path.read_text(encoding="utf-8")
    ]
    assert set(readers) == {"tools/contents.py", "tools/edition.py"}
