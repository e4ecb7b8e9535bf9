"""What `serve` finds out and decides before it starts anything."""

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from refunds.management.commands import serve


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that someone listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails the test when a supervisor is made or a migration run."""

    def started(*_args: object, **_kwargs: object) -> None:
        pytest.fail("something was started")

    monkeypatch.setattr(serve, "Supervisor", started)
    monkeypatch.setattr(serve, "call_command", started)


@pytest.mark.usefixtures("nothing_starts")
def test_port_in_use_is_refused_first(taken: int) -> None:
    """A taken port is an error that names it, before anything is started or written."""
    with pytest.raises(CommandError) as raised:
        call_command("serve", port=taken)

    assert str(raised.value).startswith(f"cannot listen on 127.0.0.1:{taken}: ")
    assert str(raised.value).endswith("Nothing was started; choose another by --port or --host")


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize("port", [-1, 65_536])
def test_impossible_port_is_refused(port: int) -> None:
    """A number that is no port is the same kind of error."""
    with pytest.raises(CommandError, match=rf"^cannot listen on 127.0.0.1:{port}: "):
        call_command("serve", port=port)


def test_port_0_is_a_free_one() -> None:
    """0 finds a port, which the screen shows."""
    assert serve.free_port("127.0.0.1", 0) > 0


@pytest.mark.usefixtures("nothing_starts")
def test_database_in_memory_is_refused() -> None:
    """The database of these tests is in memory: every child would have its own, empty one."""
    with pytest.raises(CommandError, match="name a file in DATABASE_URL"):
        call_command("serve", port=0)


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize("package", ["fakeredis", "lupa"])
def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """Without fakeredis or its Lua, the error says what to install or set instead."""
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    monkeypatch.setattr(serve, "shared_database", lambda: "refunds.sqlite3")
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "refunds.embedded.redis_server", raising=False)

    with pytest.raises(CommandError) as raised:
        call_command("serve", port=0)

    assert str(raised.value) == (
        f"the embedded Redis needs the package {package}: pip install refunds[embedded], or name another broker in "
        "CELERY_BROKER_URL"
    )


def test_broker_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """With CELERY_BROKER_URL set there is no embedded Redis, and no password of the URL on the screen."""
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://:secret@elsewhere/0")
    environment: dict[str, str] = {}
    with ExitStack() as undo:
        assert serve.Command()._broker(environment, undo) == "the one of CELERY_BROKER_URL"
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
    """The first run makes admin with a random password; the next finds it and makes nothing."""
    name, password = serve.superuser()
    user = get_user_model().objects.get()

    assert name == "admin" == user.get_username()
    assert password is not None
    assert len(password) >= 16
    assert user.check_password(password)
    assert user.is_superuser
    assert serve.superuser() == ("admin", None)
    assert get_user_model().objects.get() == user


@pytest.mark.django_db
def test_superuser_of_another_name_is_enough() -> None:
    """A project that has a superuser gets no second one."""
    get_user_model().objects.create_superuser("root", password="known")

    assert serve.superuser() == ("root", None)
    assert get_user_model().objects.count() == 1


@pytest.mark.django_db
def test_plain_user_called_admin_is_left_alone() -> None:
    """An admin who is no superuser is not made one behind anyone's back."""
    user = get_user_model().objects.create_user("admin", password="known")

    with pytest.raises(CommandError, match="python -m refunds createsuperuser"):
        serve.superuser()

    user.refresh_from_db()
    assert not user.is_superuser
    assert get_user_model().objects.count() == 1


def test_no_grandchildren() -> None:
    """Neither the worker's pool nor the web server's reloader makes a process of its own, which could survive."""
    worker, beat, web = serve.programs("127.0.0.1", 8000, "schedule", "info")

    assert [program.name for program in (worker, beat, web)] == ["worker", "beat", "web"]
    assert " --pool solo " in " ".join(worker.command)
    assert "--noreload" in web.command


def test_beat_keeps_its_schedule_beside_the_database() -> None:
    """Not in the working directory, where two databases would share it."""
    assert serve.beat_file("data/refunds.sqlite3") == str(Path("data/refunds.sqlite3").absolute()) + "-beat"


def test_ipv6_address_is_bracketed() -> None:
    """As a URL and the web server want it."""
    assert serve.authority("::1", 80) == "[::1]:80"
    assert serve.authority("localhost", 80) == "localhost:80"
