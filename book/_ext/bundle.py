"""The site's modules in one classic script: a page that is opened from the disk may not import modules."""

import json
import re
from pathlib import Path

STATIC = Path(__file__).parent.parent / "_static"
IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.MULTILINE)
HANDED_ON = re.compile(r"^export \{([^}]*)\};$", re.MULTILINE)
SCRIPT = """\
"use strict";
window.courseModules = (() => {
  const made = {};
  const makers = {
%s
  };
  return function require(path) {
    if (!made[path]) makers[path](require, (made[path] = {}));
    return made[path];
  };
})();
"""


def as_maker(path, folder):
    """Return a module as a function that takes `require` and fills `exports`.

    Of the language's imports and exports it knows what our modules use, and refuses others.
    """
    text = path.read_text(encoding="utf-8")

    def required(match):
        target = (path.parent / match[2]).resolve().relative_to(folder.resolve()).as_posix()
        return f"const {{{match[1].replace(' as ', ': ')}}} = require({json.dumps(target)});"

    names = [match[1] for match in EXPORT.finditer(text)]
    names += [name.strip() for match in HANDED_ON.finditer(text) for name in match[1].split(",")]
    text = HANDED_ON.sub("", EXPORT.sub("", IMPORT.sub(required, text)))
    if left := re.search(r"^(import|export)\b.*|\bimport\.meta\b", text, re.MULTILINE):
        raise ValueError(f"{path.name}: {left[0]!r} is a form that book/_ext/bundle.py does not know")
    name = path.relative_to(folder).as_posix()
    return (
        f"{json.dumps(name)}: (require, exports) => {{\n{text}\nObject.assign(exports, {{ {', '.join(names)} }});\n}},"
    )


def bundle(folder=STATIC):
    """Return one script that holds every module below `folder` but course.js, which loads them."""
    folder = Path(folder)
    paths = [path for path in sorted(folder.rglob("*.js")) if "vendor" not in path.parts and path.name != "course.js"]
    return SCRIPT % "\n".join(as_maker(path, folder) for path in paths)


def write(app, error):
    if not error and app.builder.format == "html":
        (Path(app.outdir) / "_static" / "modules.js").write_text(bundle(), encoding="utf-8", newline="\n")


def setup(app):
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
