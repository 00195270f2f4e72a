"""A Jupyter server for tests that drive it in a browser."""

import contextlib
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tools import small_course


@contextlib.contextmanager
def server(folder, application="server", environment=None):
    """Start ``jupyter server`` or ``jupyter lab`` in `folder`; yields its address, http://127.0.0.1:PORT."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", application, "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--ip=127.0.0.1", "--IdentityProvider.token=", "--ServerApp.port_retries=0"]
    log_file = Path(folder) / "server.log"
    with open(log_file, "w") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, env=small_course.environment(**(environment or {}))
        )
        address = f"http://127.0.0.1:{port}"
        try:
            for _ in range(240):
                try:
                    urllib.request.urlopen(f"{address}/api/status", timeout=5).close()
                    break
                except OSError:
                    assert process.poll() is None, log_file.read_text()
                    time.sleep(0.25)
            yield address
        finally:
            process.terminate()
            process.wait(30)
