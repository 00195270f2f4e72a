"""The script for pages that are opened from the disk."""

import pytest

from book._ext import bundle


def test_the_script_for_pages_on_disk_refuses_what_it_does_not_know(tmp_path):
    (tmp_path / "a.js").write_text('import { b as c } from "./b.js";\nexport const a = c;\n')
    (tmp_path / "b.js").write_text("export function b() {}\n")
    assert 'const { b: c } = require("b.js");' in bundle.bundle(tmp_path)
    (tmp_path / "c.js").write_text('import { a } from "./a.js";\nexport { a };\n')
    assert "Object.assign(exports, { a });\n},\n  };" in bundle.bundle(tmp_path)
    (tmp_path / "b.js").write_text("export default 1;\n")
    with pytest.raises(ValueError, match="export default"):
        bundle.bundle(tmp_path)
