"""Serve the built site on this machine, compressed and with its 404 page: ``python -m tools.serve [FOLDER] [PORT]``."""

import contextlib
import functools
import gzip
import http.server
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

COMPRESSED = {".html", ".css", ".js", ".svg", ".json", ".txt", ".ipynb"}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of one folder; text compressed, anything unknown answered by 404.html."""

    protocol_version = "HTTP/1.1"
    extensions_map = {  # noqa: RUF012
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".ipynb": "application/x-ipynb+json",
        ".woff2": "font/woff2",
    }

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.is_dir():
            path = path / "index.html"
        status = 200
        if not path.is_file():
            path, status = Path(self.directory) / "404.html", 404
        if not path.is_file():
            self.send_error(404)
            return
        body = path.read_bytes()
        self.send_response(status)
        kind = self.guess_type(str(path))
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
        if path.suffix in COMPRESSED and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = compressed(str(path), path.stat().st_mtime_ns)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "public, max-age=3600" if "_static" in self.path else "no-cache")
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing for each request."""


@functools.lru_cache(maxsize=512)
def compressed(path: str, _changed: int) -> bytes:
    """Return a file, compressed; `_changed` makes the cache forget old versions."""
    return gzip.compress(Path(path).read_bytes(), compresslevel=6, mtime=0)


@contextlib.contextmanager
def serving(folder: Path, port: int = 0) -> Iterator[str]:
    """Serve `folder` in a thread; yields its address, http://127.0.0.1:PORT."""
    handler = functools.partial(Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main(arguments: Sequence[str]) -> None:
    folder = Path(arguments[0] if arguments else "_build/html")
    port = int(arguments[1]) if len(arguments) > 1 else 8000
    if not (folder / "index.html").is_file():
        sys.exit(f"There is no site in {folder}: build it first, with make book.")
    with serving(folder, port) as address:
        print(f"The course: {address}   (stop with Ctrl+C)", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1:])
