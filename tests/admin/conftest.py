"""Fixtures of the admin: a frozen clock, users by permission, the content of the queues, and all rows."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

import pytest
from celery import Celery
from celery.app import app_or_default
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.test import Client, TestCase
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory

from refunds.apps import LABEL
from refunds.domain import cutoff

from ..factories import PRESSED

# The app of the project, whichever that is.
app: Celery = app_or_default()

CHANGE_LIST = "/admin/refunds/returnrequest/"
APPROVE_ALL = "/admin/refunds/returnrequest/approve-all/"
REFUNDS = "/admin/refunds/refund/"
# The city of the cutoff in the HTML of a page: an apostrophe is escaped.
CITY = escape(cutoff.CITY)
# Any 32 letters are a CSRF secret to Django, as long as cookie and form agree.
CSRF = "c" * 32


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


@pytest.fixture
def queued() -> Generator[Callable[[], list[Message]]]:
    """A call that takes what is in the in-memory broker and returns it, in the order of the queues."""
    with app.connection_for_read() as connection:
        queues = [queue(connection.default_channel) for queue in app.amqp.queues.values()]

        def take() -> list[Message]:
            found = []
            for queue in queues:
                while (message := queue.get(no_ack=True)) is not None:
                    _, kwargs, _ = message.decode()
                    found.append(Message(message.headers["task"], kwargs, message.headers["expires"]))
            return found

        for queue in queues:
            queue.declare()
        take()
        yield take
        take()


def state() -> dict[str, Any]:
    """Every row of the app, the histories, and the mails sent: equal before and after, where nothing has changed."""
    models: list[Any] = [model for model in apps.get_models() if model._meta.app_label.startswith(LABEL)]
    rows = {model.__name__: list(model._default_manager.order_by("pk").values()) for model in [*models, LogEntry]}
    return rows | {"mails": len(mail.outbox)}


def make_user(*permissions: str, username: str = "pat", **columns: Any) -> User:
    """A member of staff with these permissions of the app, rooms included."""
    user = User.objects.create_user(username, password="pw", **{"is_staff": True, **columns})
    of_app = Permission.objects.filter(content_type__app_label__startswith=LABEL)
    user.user_permissions.set(of_app.filter(codename__in=permissions))
    assert user.user_permissions.count() == len(permissions)
    return user


def browser(user: User | None, **options: Any) -> Client:
    """A client that is logged in as the user, if there is one, and holds the cookie for CSRF."""
    client = Client(**options)
    if user is not None:
        client.force_login(user)
    client.cookies["csrftoken"] = CSRF
    return client


def texts(response: Any) -> list[str]:
    """The messages that the page after a redirect shows."""
    return [str(message) for message in response.context["messages"]]


def local(instant: datetime) -> str:
    """An instant as pages show it."""
    return f"{instant.astimezone(cutoff.ZONE):%Y-%m-%d %H:%M:%S}"


def at(instant: datetime) -> str:
    """An instant as a message's headers carry it."""
    return instant.isoformat()


def token_of(client: Client) -> str:
    """The token in the form of the page."""
    token = client.get(APPROVE_ALL).context["token"]
    assert isinstance(token, str)
    return token


def press(client: Client, token: str, **extra: Any) -> Any:
    """Send the page's form."""
    return client.post(APPROVE_ALL, {"token": token}, **extra)


def try_again(client: Client, chosen: list[Any], query: str = "", **data: Any) -> Any:
    """Send the form of the list of refunds, and commit."""
    form = {"action": "try_again", "_selected_action": chosen, **data}
    with TestCase.captureOnCommitCallbacks(execute=True):
        return client.post(REFUNDS + query, form, follow=True)
