"""The checks of `serve` before it starts anything."""

import re
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import Mock

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection

from refunds.project.embedded.files import Claim, next_to, running
from refunds.project.embedded.screen import superuser
from refunds.project.embedded.supervisor import Supervisor
from refunds.project.management.commands import serve

DATABASE = "refunds (postgresql)"


@pytest.fixture
def _nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test when serve starts a child or runs a migration."""
    started = Mock(side_effect=pytest.fail.Exception("something was started"))
    monkeypatch.setattr(Supervisor, "start", started)
    monkeypatch.setattr(serve, "call_command", started)


def refused(port: int = 0) -> CommandError:
    """Return the error with which serve refuses to start."""
    with pytest.raises(CommandError) as raised:
        call_command("serve", port=port)
    return raised.value


@pytest.fixture
def folder(_nothing_starts: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, with the files of a database on a server."""
    monkeypatch.setattr(serve, "database_name", lambda: DATABASE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_port_in_use_is_refused_first(folder: Path) -> None:
    """The error names the port, also one that is out of range. Nothing was started, and no file is left."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for port in (listener.getsockname()[1], -1, 65_536):
            line = str(refused(port))
            assert line.startswith(f"cannot listen on 127.0.0.1:{port}: ")
            assert line.endswith("Nothing was started; choose another by --port or --host")
            assert list(folder.iterdir()) == []


def test_closed_output_ends_serve_before_it_starts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that nobody reads, of serve or of the migrations, ends serve without an error."""
    monkeypatch.setenv("DJANGO_SECRET_KEY", "of the environment")
    closed = Mock(side_effect=BrokenPipeError)
    call_command("serve", port=0, stdout=Mock(write=closed))
    monkeypatch.setattr(serve, "call_command", closed)
    call_command("serve", port=0, stdout=Mock())
    assert list(folder.iterdir()) == []


def test_second_serve_is_refused_by_the_first_ones_process_id(folder: Path) -> None:
    """Its address and its start are named too, the exit status is 2, and the record of the first one stays."""
    first = Claim(connection.settings_dict)
    first.write(pid=4711, address="http://127.0.0.1:8000/admin/", since="2026-11-29T12:00:00+02:00")
    error = refused()
    assert str(error) == (
        f"serve already runs on {DATABASE}: process id 4711, http://127.0.0.1:8000/admin/, since "
        "2026-11-29T12:00:00+02:00. Nothing was started; use that one, or end it first by Ctrl-C or SIGTERM"
    )
    assert error.returncode == 2
    assert running(connection.settings_dict)["pid"] == 4711
    first.release()
    assert list(folder.iterdir()) == []


def test_payments_are_held_for_a_minute_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first press can be undone."""
    monkeypatch.setenv("DJANGO_SECRET_KEY", "of the environment")
    assert serve.child_environment()["REFUNDS_HOLD"] == "60"
    monkeypatch.setenv("REFUNDS_HOLD", "0")
    assert serve.child_environment()["REFUNDS_HOLD"] == "0"


def test_key_is_that_of_the_environment_or_of_a_private_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With DJANGO_SECRET_KEY serve uses no file. A key that others can read starts nothing, and is not changed."""
    monkeypatch.setenv("DJANGO_SECRET_KEY", "of the environment")
    assert serve.child_environment()["DJANGO_SECRET_KEY"] == "of the environment"
    assert list(folder.iterdir()) == []
    monkeypatch.delenv("DJANGO_SECRET_KEY")
    key = folder / "refunds-key"
    key.write_text("k" * 50)
    key.chmod(0o600)
    assert serve.child_environment()["DJANGO_SECRET_KEY"] == "k" * 50
    key.chmod(0o644)
    error = refused()
    assert re.search(rf"^other users can read {key}, .* chmod 600 .* Nothing was started$", str(error))
    assert (error.returncode, list(folder.iterdir()), key.read_text()) == (2, [key], "k" * 50)


@pytest.mark.usefixtures("_nothing_starts")
def test_database_in_memory_is_refused() -> None:
    """The database of these tests is in memory: every child would have its own, empty one."""
    assert "name a file in DATABASE_URL" in str(refused())


@pytest.mark.parametrize("package", ["fakeredis", "lupa"])
def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, folder: Path, package: str) -> None:
    """Without fakeredis or its Lua, the error says what to install or set instead."""
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "refunds.project.embedded.redis_server", raising=False)
    assert str(refused()) == (
        f"the embedded Redis needs the package {package}: pip install '.[embedded]' in the clone of refunds, or name "
        "another broker in CELERY_BROKER_URL"
    )
    assert [path.name for path in folder.iterdir()] == ["refunds-key"]


def test_children_use_the_broker_of_the_environment_or_the_embedded_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """The screen shows no password of the URL. Broker and result backend are databases 0 and 1 of one server.

    A backend of the user's own stays.
    """
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://:secret@elsewhere/0")
    nothing: dict[str, str] = {}
    ours: dict[str, str] = {}
    theirs = {"CELERY_RESULT_BACKEND": "redis://elsewhere/5"}
    with ExitStack() as undo:
        assert serve.Command()._broker(nothing, undo) == "the one in CELERY_BROKER_URL"
        monkeypatch.delenv("CELERY_BROKER_URL")
        serve.Command()._broker(ours, undo)
        serve.Command()._broker(theirs, undo)
    assert nothing == {}
    assert ours["CELERY_BROKER_URL"].removesuffix("/0") == ours["CELERY_RESULT_BACKEND"].removesuffix("/1")
    assert theirs["CELERY_RESULT_BACKEND"] == "redis://elsewhere/5"


@pytest.mark.django_db
def test_superuser_is_made_once() -> None:
    """The first run creates admin with a random password. The next run finds it and creates nothing."""
    name, password = superuser()
    user = get_user_model().objects.get()
    assert name == "admin" == user.get_username()
    assert len(password or "") >= 16
    assert user.check_password(password or "")
    assert user.is_superuser
    assert superuser() == ("admin", None)
    assert get_user_model().objects.get() == user


@pytest.mark.django_db
def test_users_who_exist_are_left_alone() -> None:
    """Serve makes no plain user called admin a superuser. A superuser of another name is enough."""
    users = get_user_model().objects
    plain = users.create_user("admin", password="known")
    with pytest.raises(CommandError, match="python -m refunds createsuperuser"):
        superuser()
    plain.refresh_from_db()
    assert (plain.is_superuser, users.count()) == (False, 1)
    users.create_superuser("root", password="known")
    assert superuser() == ("root", None)
    assert users.count() == 2


def test_children_start_no_processes() -> None:
    """The worker's pool and the web server's reloader would start processes, which could survive a kill."""
    worker, beat, web = serve.programs("127.0.0.1", 8000, "schedule", 1)
    assert [program.name for program in (worker, beat, web)] == ["worker", "beat", "web"]
    assert " --pool solo " in " ".join(worker.command)
    assert "--noreload" in web.command


def test_beat_keeps_its_schedule_next_to_the_database() -> None:
    """In the working directory two databases would share it."""
    config = {"ENGINE": "django.db.backends.sqlite3", "NAME": "data/refunds.sqlite3"}
    assert next_to(config, "beat") == Path("data/refunds.sqlite3-beat").absolute()


def test_address_has_a_free_port_and_brackets_for_ipv6() -> None:
    """For 0, serve finds a port. URLs and Django's server write the brackets."""
    assert serve.free_port("127.0.0.1", 0) > 0
    assert [serve.authority(host, 80) for host in ("::1", "localhost")] == ["[::1]:80", "localhost:80"]
    with pytest.raises(CommandError, match=r"^cannot listen on \[::1\]:-1: "):
        serve.free_port("::1", -1)
