"""Fixtures of the admin: a frozen clock, users by permission, the content of the queues, and all rows."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import pytest
from celery import Celery
from celery.app import app_or_default
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client, TestCase
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory

from refunds import signals
from refunds.apps import LABEL
from refunds.domain import cutoff

from ..factories import BLINK, CUTOFF, DAY, PRESSED

# The app of the project, whichever that is.
app: Celery = app_or_default()

CHANGE_LIST = "/admin/refunds/returnrequest/"
APPROVE_ALL = f"{CHANGE_LIST}approve-all/"
REFUNDS = "/admin/refunds/refund/"
# The city of the cutoff in the HTML of a page: an apostrophe is escaped.
CITY = escape(cutoff.CITY)
# Any 32 letters are a CSRF secret to Django, as long as cookie and form agree.
CSRF = "c" * 32
# The last instant at which a request is received that can only be declined.
LATE = CUTOFF - DAY - BLINK
# Run what the block does on commit.
commit = partial(TestCase.captureOnCommitCallbacks, execute=True)


@dataclass(frozen=True)
class Message:
    """What a worker would get: the task, its arguments, and the instant it expires (ISO) or None."""

    task: str
    kwargs: dict[str, Any]
    expires: str | None


@pytest.fixture(autouse=True)
def clock() -> Generator[FrozenDateTimeFactory]:
    """Freeze the clock two minutes before the cutoff of an ordinary day, until the test moves it."""
    with freeze_time(PRESSED) as frozen:
        assert isinstance(frozen, FrozenDateTimeFactory)
        yield frozen


@pytest.fixture(autouse=True)
def _no_banner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what rooms say on each page: the statements and texts of these tests are those of the core."""
    monkeypatch.setattr(signals.banner_requested, "receivers", [])


def queued() -> list[Message]:
    """Take what is in the in-memory broker and return it, in the order of the queues."""
    found = []
    with app.connection_for_read() as connection:
        for queue in app.amqp.queues.values():
            declared = queue(connection.default_channel)
            declared.declare()
            while (message := declared.get(no_ack=True)) is not None:
                _, kwargs, _ = message.decode()
                found.append(Message(message.headers["task"], kwargs, message.headers["expires"]))
    return found


def state() -> dict[str, Any]:
    """Return every row of the app, histories, users, who is logged in, and how many mails were sent."""
    of_app: list[Any] = [model for model in apps.get_models() if model._meta.app_label.startswith(LABEL)]
    models = [*of_app, LogEntry, User]
    rows = {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}
    sessions = set(Session.objects.values_list("session_key", flat=True))
    return rows | {"sessions": sessions, "mails": len(mail.outbox)}


@contextmanager
def unchanged() -> Generator[None]:
    """Assert that the block changes no row and sends neither mail nor message."""
    queued()
    before = state()
    with commit():
        yield
    assert (state(), queued()) == (before, [])


def make_user(*permissions: str, username: str = "pat", **columns: Any) -> User:
    """Return a member of staff with these permissions of the app, rooms included."""
    user = User.objects.create_user(username, password="pw", **{"is_staff": True, **columns})
    of_app = Permission.objects.filter(content_type__app_label__startswith=LABEL)
    user.user_permissions.set(of_app.filter(codename__in=permissions))
    assert user.user_permissions.count() == len(permissions)
    return user


def browser(user: User | None, **options: Any) -> Client:
    """Return a client that is logged in as the user, if there is one, and holds the cookie for CSRF."""
    client = Client(**options)
    if user is not None:
        client.force_login(user)
    client.cookies["csrftoken"] = CSRF
    return client


@pytest.fixture
def user(request: pytest.FixtureRequest) -> User:
    """Return a user with the PERMISSIONS of the test's module, or a superuser where it has none."""
    names = getattr(request.module, "PERMISSIONS", None)
    return make_user(*names or (), is_superuser=names is None)


@pytest.fixture
def client(user: User) -> Client:
    """Return that user's browser."""
    return browser(user)


def texts(response: Any) -> list[str]:
    """Return the messages that the page after a redirect shows."""
    return [str(message) for message in response.context["messages"]]


def token_of(client: Client) -> str:
    """Return the token in the form of the page."""
    return str(client.get(APPROVE_ALL).context["token"])


def press(client: Client, token: str, **extra: Any) -> Any:
    """Send the page's form."""
    return client.post(APPROVE_ALL, {"token": token}, **extra)


def act(client: Client, action: str, chosen: list[Any], query: str = "", **data: Any) -> Any:
    """Send the form of the action's list, as the list or the page after it does, and commit."""
    address = REFUNDS if action == "try_again" else CHANGE_LIST
    with commit():
        return client.post(address + query, {"action": action, "_selected_action": chosen, **data}, follow=True)


def try_again(client: Client, chosen: list[Any], query: str = "", **data: Any) -> Any:
    """Send the form of the list of refunds, and commit."""
    return act(client, "try_again", chosen, query, **data)


def confirm(client: Client, action: str, chosen: list[Any], query: str = "", token: Any = None, **data: Any) -> Any:
    """Choose, and send the form of the page after it, with `data`. A `token` is that of an earlier page."""
    if token is None:
        across = {name: data[name] for name in data if name == "select_across"}
        token = act(client, action, chosen, query, **across).context["token"]
    verb = action.partition("_")[0]
    return act(
        client, action, chosen, query, **{"token": token, "code": "used", "note": "r", verb: "confirmed", **data}
    )
