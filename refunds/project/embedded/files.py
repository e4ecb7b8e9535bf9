"""Keep the files of `serve` next to its database: the record of the running process, and the key that signs sessions.

A running `serve` holds a lock on its record. The operating system releases the lock after a kill -9, so a reader need
not guess whether the process id belongs to another process now.
"""

import json
import os
import shelve
import tempfile
from collections.abc import Mapping
from glob import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

# Characters: Django's check requires as many (security.W009), and its get_random_secret_key makes as many.
SHORTEST_KEY: Final = 50


class Running(Exception):
    """Another `serve` runs on the database."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        super().__init__(record)
        self.record = record


class BadKey(Exception):
    """Other users can read the file of the key, or the key is too short."""


def database_file(config: Mapping[str, Any]) -> Path | None:
    """Return the file of a Django database; None if the database is in memory or on a server."""
    name = str(config["NAME"])
    if not config["ENGINE"].endswith(".sqlite3") or not name or ":memory:" in name or "mode=memory" in name:
        return None
    return Path(unquote(urlsplit(name).path) if name.startswith("file:") else name).resolve()


def next_to(config: Mapping[str, Any], kind: str) -> Path:
    """Return the path of a file of `serve`: next to a SQLite file, or in the working folder as `refunds-KIND`."""
    file = database_file(config)
    return Path(f"{file}-{kind}") if file else Path.cwd() / f"refunds-{kind}"


def running(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of the `serve` that runs on the database; empty if there is no such process of this user."""
    path = next_to(config, "serve")
    while True:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return {}
        with os.fdopen(descriptor) as file:
            if not _lock(descriptor, shared=True):
                record = _parsed(file.read())
                return record if record.get("database") == _identity(config) else {}
            if _is_at(descriptor, path):
                return {}  # a killed `serve` left the file
        # Another process replaced the file after it was opened: read the new one.


class Claim:
    """Holds the record of this process, and locks it until `release` or the end of the process."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Lock the record. Raises Running if another process has it, and OSError if the folder is not writable."""
        self._path = next_to(config, "serve")
        self._record: dict[str, Any] = {"database": _identity(config)}
        self._descriptor = self._claimed()

    def write(self, **facts: Any) -> None:
        """Add facts to the record. A reader sees the whole old record or the whole new one."""
        self._record |= facts
        descriptor, name = _private(self._path, json.dumps(self._record))
        _lock(descriptor)  # before another process can open it
        Path(name).replace(self._path)
        os.close(self._descriptor)
        self._descriptor = descriptor

    def release(self) -> None:
        """Remove the record, then its lock."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def _claimed(self) -> int:
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            if _lock(descriptor) and _is_at(descriptor, self._path):
                return descriptor
            # A reader holds a shared lock for an instant. A running `serve` holds an exclusive one.
            held = not _lock(descriptor, shared=True)
            with os.fdopen(descriptor) as file:
                if held and _is_at(descriptor, self._path):
                    raise Running(_parsed(file.read()))


def kept_key(config: Mapping[str, Any], new: str) -> str:
    """Return the key next to the database. If there is no key, store `new`. Raises BadKey and OSError.

    Call this while the process holds its `Claim`, so that no other process stores a key.
    """
    path = next_to(config, "key")
    if not path.exists():
        descriptor, name = _private(path, new)
        os.close(descriptor)
        Path(name).replace(path)
        return new
    with path.open(encoding="utf-8") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise BadKey(
                f"other users can read {path}, which signs sessions; run: chmod 600 {path}. If somebody could have "
                "read it, delete it instead: every user logs in again. Or set DJANGO_SECRET_KEY"
            )
        key = file.read().strip()
    if len(key) < SHORTEST_KEY:
        raise BadKey(
            f"the key in {path} has {len(key)} characters and needs {SHORTEST_KEY}; delete the file, and every user "
            "logs in again, or set DJANGO_SECRET_KEY"
        )
    return key


def drop_broken_schedule(path: Path) -> bool:
    """Remove beat's schedule file if it is unreadable, and return whether it was. Raises OSError.

    If beat is killed while it writes the file, a part of it is empty, and beat ends at every start (EOFError, Celery
    5.7.0). The file is not needed: the reconciler starts the sweep of a missed cutoff.
    """
    parts = list(path.parent.glob(f"{escape(path.name)}*"))  # the machine's dbm determines the number of files
    if not parts:
        return False
    try:
        with shelve.open(str(path), flag="r") as schedule:  # noqa: S301  # beat's own file, which beat unpickles too
            dict(schedule)
    except Exception:  # each dbm, and pickle, has its own errors
        for part in parts:
            part.unlink()
        return True
    return False


def _identity(config: Mapping[str, Any]) -> str:
    """Return a unique name of the database, without user and password."""
    return str(database_file(config) or f"{config['NAME']} {config.get('HOST', '')} {config.get('PORT', '')}")


def _private(path: Path, text: str) -> tuple[int, str]:
    """Write a new file, in the folder of `path`, that only its owner can read. Leave the file open."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    os.write(descriptor, text.encode())
    os.fsync(descriptor)
    return descriptor, name


def _lock(descriptor: int, *, shared: bool = False) -> bool:
    """Lock the file for as long as it is open here. Return False if another process has locked it."""
    import fcntl  # Windows lacks it. `serve` does not run there, and no other command locks a file.

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Return whether the open file still has this path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _parsed(text: str) -> dict[str, Any]:
    """Return the record; empty if `serve` has not written it yet."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
