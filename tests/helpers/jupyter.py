"""A Jupyter server for tests that drive it in a browser."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path


@contextlib.contextmanager
def server(folder, application="server", environment=None):
    """Start ``jupyter server`` or ``jupyter lab`` in `folder`; yields its address, http://127.0.0.1:PORT."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", application, "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--ip=127.0.0.1", "--IdentityProvider.token=", "--ServerApp.port_retries=0"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    variables = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", **(environment or {})}
    log_file = Path(folder) / "server.log"
    with open(log_file, "w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=variables)
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
