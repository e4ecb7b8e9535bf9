"""Who may do what: every request in the table of docs/admin.md by every kind of user, and no page without a row."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import transaction
from django.test import Client, RequestFactory, TestCase
from django.urls import get_resolver, resolve
from pytest_django import Settings

from refunds.admin import tokens
from refunds.domain import cutoff
from refunds.domain.sweeps import Frozen
from refunds.models import ReturnRequest, WalletEntry
from refunds.notices import opt_outs
from refunds.notices.models import Notice, OptOut
from refunds.operations import sweeps

from ..factories import PRESSED, make_failed, make_refund, make_requests
from . import matrix
from .conftest import APPROVE_ALL, CHANGE_LIST, CSRF, Message, browser, make_user, state
from .kinds import SUPERUSER, app_permissions, everybody
from .matrix import Asked

pytestmark = pytest.mark.django_db

REQUESTS = matrix.requests()
POSTS = [asked for asked in REQUESTS if asked.method == "POST"]
OFFERED = {(asked.model, asked.action) for asked in REQUESTS if asked.action}
LACKS = [model for model in matrix.models() if (model, "delete_selected") not in OFFERED]
# Mail programs post to the customer's page, and Stripe to the webhook: a token or a signature is the proof, no cookie.
NO_CSRF = ("/opt-out/", "/payments/stripe/")
CHOSEN = {"_selected_action": "{pending}", "index": "0"}
FAILED = {"action": "try_again", "_selected_action": "{failed}"}
DELETED = {"action": "delete_selected", "_selected_action": "{optout}"}
# What is sent: by the words of the table where it has some, otherwise by the address.
FORMS: dict[str, dict[str, str]] = {
    "with one's own password": {"username": "{who}", "password": "pw", "next": "/admin/"},
    "with the old and a new one": {"old_password": "pw", "new_password1": "9x!Qz7_w", "new_password2": "9x!Qz7_w"},
    "for a request": {"app_label": "refunds", "model_name": "refund", "field_name": "request", "term": "1001"},
    "`approve_selected`": {"action": "approve_selected", **CHOSEN},
    "`approve_selected` confirmed": {
        "action": "approve_selected",
        "_selected_action": "{pending}",
        "approve": "Approve",
        "token": "{approve_token}",
    },
    "`decline_selected`": {"action": "decline_selected", **CHOSEN},
    "`decline_selected` with a reason": {
        "action": "decline_selected",
        "_selected_action": "{pending}",
        "decline": "Decline",
        "reason": "worn",
        "token": "{decline_token}",
    },
    "with its token": {"token": "{page_token}"},
    "with another token": {"token": "{page_token}x"},
    "`try_again`": {**FAILED, "index": "0"},
    "`try_again` by the button on its page": {**FAILED, "page": ""},
    "with a payment": {"payment": "ch_new", "seen": "0"},
    "with a receipt and a reason": {"receipt": "SEPA 17", "reason": "account closed", "seen": "0"},
    "with a reason": {"reason": "both are the same payment", "seen": "1"},
    "`delete_selected`": {**DELETED, "index": "0"},
    "`delete_selected` confirmed": {**DELETED, "post": "yes"},
    "optout/add/": {"address": "New@Example.com"},
    "optout/<id>/delete/": {"post": "yes"},
}


@pytest.fixture
def names(settings: Settings) -> dict[str, Any]:
    """One row of each model, and a pending request, by the name that addresses and forms call them."""
    settings.REFUNDS_GATEWAY = "tests.operations.payers.Scripted"  # takes any payment
    refund = make_refund(status="succeeded", settled_at=PRESSED, receipt="r")
    second = {"second_receipts": "r2", "second_receipt_at": PRESSED}
    doubled = make_refund(status="succeeded", settled_at=PRESSED, receipt="r", **second)
    entry = WalletEntry.objects.create(refund=refund, amount_minor=1250, currency="GBP")
    sweep, _ = sweeps.start_approve(key="k", frozen=Frozen(0), by=None, now=PRESSED)
    (failed,) = make_failed()
    pending = make_requests()[0]
    out = OptOut.objects.create(address="out@example.com", created_at=PRESSED)
    notice = Notice.objects.create(refund=refund, status="sent", notified_of="succeeded", notified_at=PRESSED)
    rows = {"returnrequest": refund.request, "refund": refund, "walletentry": entry, "sweep": sweep, "pending": pending}
    return {name: row.pk for name, row in {**rows, "optout": out, "notice": notice}.items()} | {
        "failed": failed,
        "doubled": doubled.pk,
        "id": pending.pk,
        "type": ContentType.objects.get_for_model(ReturnRequest).pk,
        "token": opt_outs.token("in@example.com"),
        "forged": opt_outs.token("in@example.com")[:-1],
    }


def everything() -> dict[str, Any]:
    """All rows that a request may change: the app's, users, and who is logged in."""
    return state() | {
        "users": list(User.objects.order_by("pk").values()),
        "sessions": set(Session.objects.values_list("session_key", flat=True)),
    }


def send(client: Client, asked: Asked, names: dict[str, Any], **extra: str) -> Any:
    """Ask as a browser would, with the form that the request wants."""
    form = {key: value.format(**names) for key, value in FORMS.get(asked.what or asked.address, {}).items()}
    with TestCase.captureOnCommitCallbacks(execute=True):
        return getattr(client, asked.method.lower())(asked.path(names), {**form, **extra})


def for_user(names: dict[str, Any], who: str, user: User | None) -> dict[str, Any]:
    """With the user's own name, and a good token of each confirmation page that is theirs."""
    pk = None if user is None else user.pk
    shown: dict[str, Any] = {"frozen": Frozen(names["pending"]), "user": pk, "expires_at": cutoff.upcoming(PRESSED)}
    return {
        **names,
        "who": who,
        "page_token": tokens.make(**shown),
        "approve_token": tokens.make(**shown, salt="refunds.admin.approve_selected"),
        "decline_token": tokens.make(**shown, salt="refunds.admin.decline_selected"),
    }


def answer(response: Any, changed: bool) -> str:
    """The answer in the words of the table."""
    said = str(response.status_code)
    if response.status_code == 200:
        said = "page"
    elif response.status_code == 302:
        address = "/".join("<id>" if part.isdigit() else part for part in response.url.split("/"))
        login = address.startswith("/admin/login/?next=/admin/")
        below = address.removeprefix("/admin/refunds/").removeprefix("/admin/refunds_notices/")
        said = "login" if login else f"→ `{below}`"
    return f"**{said}**" if changed else said


@pytest.mark.parametrize("asked", REQUESTS, ids=str)
def test_each_kind_of_user_is_answered_as_the_table_says(
    asked: Asked, names: dict[str, Any], queued: Callable[[], list[Message]]
) -> None:
    """And rows change, and messages go out, only where the table has it in bold."""
    users = {kind: kind.make() for kind in everybody(asked)}
    browsers = {kind: browser(user, enforce_csrf_checks=True) for kind, user in users.items()}
    User.objects.update(last_login=None)
    before, answers, expected = everything(), {}, {}
    for kind, client in browsers.items():
        with transaction.atomic():
            token = {} if asked.method == "GET" else {"csrfmiddlewaretoken": CSRF}
            response = send(client, asked, for_user(names, kind.name, users[kind]), **token)
            changed = everything() != before
            transaction.set_rollback(True)
        answers[kind.name], expected[kind.name] = answer(response, changed), asked.expected(kind.column)
        sent = queued()
        assert changed or (kind.name, sent) == (kind.name, [])
    assert answers == expected


@pytest.mark.parametrize("asked", [asked for asked in POSTS if not asked.address.startswith(NO_CSRF)], ids=str)
def test_a_forged_form_is_refused(asked: Asked, names: dict[str, Any], queued: Callable[[], list[Message]]) -> None:
    """A superuser's POST without a CSRF token, or with a wrong one, is 403 and changes nothing."""
    user = SUPERUSER.make()
    client = browser(user, enforce_csrf_checks=True)
    before = everything()
    for token in ({}, {"csrfmiddlewaretoken": ""}, {"csrfmiddlewaretoken": "d" * 32}):
        response = send(client, asked, for_user(names, "superuser", user), **token)
        assert (token, response.status_code) == (token, 403)
    assert (everything(), queued()) == (before, [])


def test_every_page_has_its_row() -> None:
    """Each route of the project, by GET and by POST, except other apps' own pages, such as Django's of users."""
    names = {"id": 1, "type": 1, "token": "x", "forged": "x", "failed": 1, "doubled": 1}
    in_table = {(asked.method, resolve(asked.path(names)).route) for asked in REQUESTS if not asked.action}
    others = ("admin/auth/", "admin/django_celery_beat/")
    there = [route for route in matrix.routes(get_resolver().url_patterns) if not route.startswith(others)]
    assert in_table == {(method, route) for route in there for method in ("GET", "POST")}


def test_every_action_has_its_row() -> None:
    """What a superuser is offered on each list is what the table names, and nothing else."""
    request = RequestFactory().get("/")
    request.user = make_user(is_superuser=True)
    offered = {
        (model._meta.model_name, action)
        for model, of_model in site._registry.items()
        if model._meta.app_label.startswith("refunds")
        for action in of_model.get_actions(request)
    }
    assert offered == OFFERED


def test_no_request_has_two_rows() -> None:
    """Each request, with each form, is in the table once."""
    assert len({str(asked) for asked in REQUESTS}) == len(REQUESTS)


def test_every_permission_of_the_apps_own_opens_something() -> None:
    """Those that models declare besides Django's are in the table, and it names none that there is not."""
    own = {codename for model in site._registry for codename, _ in model._meta.permissions}
    named = {name for asked in REQUESTS for one in asked.opened_by for name in one}
    assert own <= named <= app_permissions()


@pytest.mark.parametrize("model", LACKS)
def test_nobody_deletes_by_an_action_that_the_table_lacks(model: str, names: dict[str, Any]) -> None:
    """Django's own "delete selected" is not among the actions of the other lists, for superusers neither."""
    client = browser(SUPERUSER.make())
    before = everything()
    form = {"action": "delete_selected", "_selected_action": names[model], "index": "0", "post": "yes"}
    client.post(f"/admin/{matrix.labels()[model]}/{model}/", form)
    assert everything() == before


def test_superuser_sees_each_action_and_button_once() -> None:
    """The list of return requests offers approve, decline and the button, and nothing else."""
    page = browser(SUPERUSER.make()).get(CHANGE_LIST)
    choices = [value for value, _ in page.context["action_form"].fields["action"].choices]
    assert choices == ["", "approve_selected", "decline_selected"]
    assert page.text.count(f'href="{APPROVE_ALL}"') == 1
    assert "Add return request" not in page.text
