"""`celery -A … preflight` as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import celery_rehearsal

NO_SOCKETS = """
import socket
def refuse(*_args, **_options):
    raise AssertionError("preflight opened a connection")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refuse
"""
# Not the installed entry point: a copy of the folder, tested without an installation, has none.
CELERY = """
from celery.bin.celery import celery
from celery_rehearsal.preflight.preflight_command import preflight
celery.add_command(preflight)
celery(auto_envvar_prefix="CELERY")
"""


def preflight(folder: Path, app: str, *options: str, simulates: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder. It has ended. Each warning of the program is an error, and each connection.

    With `simulates`, it is the kit that refuses connections: it does not start where sockets are patched already.
    """
    unwanted = ("PYTEST", "DJANGO", "COVERAGE", "COV_", "CELERY")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    added = [str(folder), str(Path(celery_rehearsal.__file__).parents[1]), environment.get("PYTHONPATH", "")]
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, added)), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            ("" if simulates else NO_SOCKETS) + CELERY,
            "-A",
            app,
            "preflight",
            *options,
        ],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
