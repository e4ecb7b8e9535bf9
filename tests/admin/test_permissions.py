"""Who may do what: every view by every kind of user, by GET and by POST, with a good and a bad form."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Max
from django.test import Client, TestCase

from refunds.admin import tokens
from refunds.domain import cutoff
from refunds.models import OptOut, ReturnRequest, Sweep, WalletEntry
from refunds.operations import sweeps

from ..factories import PRESSED, make_failed, make_refund, make_requests
from .conftest import APPROVE_ALL, CHANGE_LIST, CSRF, REFUNDS, Message, browser, make_user, state

pytestmark = pytest.mark.django_db

# To Django who may change may look; that, and no more, comes of it here. Who may delete may not even look.
LOOK = {"view_returnrequest", "change_returnrequest", "approve_all", "approve_returnrequest", "decline_returnrequest"}
FOLLOW = {"view_sweep", "approve_all"}
PAID = {"view_refund", "change_refund", "retry_refund"}
OPT_OUTS = {"view_optout", "add_optout", "delete_optout"}
PERMISSIONS = sorted(LOOK | FOLLOW | PAID | OPT_OUTS | {"view_walletentry", "delete_returnrequest"})
USERS = ["anonymous", "customer", "staff", *PERMISSIONS, "superuser"]


@dataclass(frozen=True)
class View:
    """A view: who may GET it and POST to it, what each is answered when it is let in, whether the POST changes."""

    address: str
    get: set[str]
    post: set[str] = field(default_factory=set)
    answer: int = 200
    looks: int = 200
    changes: bool = False
    form: dict[str, str] = field(default_factory=dict)


def pages(
    model: str, viewers: set[str], *, add: dict[str, str] | None = None, delete: dict[str, str] | None = None
) -> dict[str, View]:
    """The views that Django makes for a model. Superusers may look, and no more than that.

    Where there is a form to `add`, or to `delete`, they may do that, and so may who has Django's permission.
    """
    root = f"/admin/refunds/{model}/"
    adders = {f"add_{model}" if add else "nobody"}
    deleters = {f"delete_{model}" if delete else "nobody"}
    return {
        f"{model} list": View(root, viewers, viewers),
        f"{model} page": View(f"{root}{{{model}}}/change/", viewers),
        f"{model} history": View(f"{root}{{{model}}}/history/", viewers, viewers),
        f"{model} add": View(f"{root}add/", adders, adders, 302, changes=bool(add), form=add or {}),
        f"{model} delete": View(
            f"{root}{{{model}}}/delete/", deleters, deleters, 302, changes=bool(delete), form=delete or {}
        ),
    }


def action(name: str, permission: str, **options: Any) -> View:
    """The list's form with an action chosen."""
    form = {"action": name, "_selected_action": "{pending}", **options.pop("form", {})}
    # By GET the form's fields are filters that the list does not know: back to the list without them.
    return View(CHANGE_LIST, LOOK, {permission}, looks=302, form=form, **options)


CHOSEN = {"action": "try_again", "_selected_action": "{failed}"}
AGAIN = View(REFUNDS, PAID, {"retry_refund"}, 302, looks=302, changes=True, form={**CHOSEN, "index": "0"})
SENT = {"decline": "Decline", "reason": "worn", "up_to_id": "{pending}"}
VIEWS = {
    **pages("returnrequest", LOOK),
    **pages("sweep", FOLLOW),
    **pages("refund", PAID),
    **pages("walletentry", {"view_walletentry"}),
    **pages("optout", {"view_optout"}, add={"address": "New@Example.com"}, delete={"post": "yes"}),
    "button": View(APPROVE_ALL, {"approve_all"}, {"approve_all"}, 302, changes=True, form={"token": "{token}"}),
    "button, forged": View(APPROVE_ALL, {"approve_all"}, {"approve_all"}, 302, form={"token": "{token}x"}),
    "approve": action("approve_selected", "approve_returnrequest", answer=302, changes=True, form={"index": "0"}),
    "decline": action("decline_selected", "decline_returnrequest", form={"index": "0"}),
    "decline, sent": action("decline_selected", "decline_returnrequest", answer=302, changes=True, form=SENT),
    "delete selected": action("delete_selected", "nobody", form={"post": "yes"}),
    "try again": AGAIN,
    "try again, button": replace(AGAIN, form={**CHOSEN, "page": ""}),
}
# Django shows the list again, or leads back to it, for an action that it does not know.
ANSWERS_LOOKERS = "delete selected"
# What changes rows and has nothing for a worker to do.
SENDS_NOTHING = {"decline, sent", "optout add", "optout delete"}


@pytest.fixture
def names() -> dict[str, Any]:
    """One row of each model, and a pending request, by the name that addresses and forms call them."""
    refund = make_refund(status="succeeded", settled_at=PRESSED, receipt="r")
    entry = WalletEntry.objects.create(refund=refund, amount_minor=1250, currency="GBP")
    sweep, _ = sweeps.start_approve(key="k", up_to_id=0, by=None, now=PRESSED)
    (failed,) = make_failed()
    pending = make_requests()[0]
    out = OptOut.objects.create(address="out@example.com", created_at=PRESSED)
    rows = {"returnrequest": refund.request, "refund": refund, "walletentry": entry, "sweep": sweep, "pending": pending}
    return {name: row.pk for name, row in {**rows, "optout": out}.items()} | {"failed": failed}


def user_of(who: str) -> User | None:
    """The user by that name; a customer is one with every permission who is not of the staff."""
    if who == "anonymous":
        return None
    if who in {"customer", "superuser"}:
        return make_user(is_superuser=True, is_staff=who == "superuser")
    return make_user(*({who} - {"staff"}))


def token_for(user: User | None, names: dict[str, Any]) -> str:
    """A good token of the button's page, if the user has one."""
    pk = None if user is None else user.pk
    return tokens.make(up_to_id=names["pending"], user=pk, lapses_at=cutoff.upcoming(PRESSED))


def expected(view: View, who: str, method: str) -> int:
    """The status that the answer should have."""
    if method.startswith("POST without"):
        return 403
    if who in {"anonymous", "customer"}:
        return 302
    allowed = view.get if method == "GET" else view.post
    if who in allowed or (who == "superuser" and allowed and "nobody" not in allowed):
        return view.looks if method == "GET" else view.answer
    return 403


# The one that may change something comes last.
METHODS = ["GET", "POST without CSRF token", "POST without the right CSRF token", "POST"]


def send(client: Client, view: View, method: str, names: dict[str, Any]) -> Any:
    """Ask for the view by the method, with the form that it wants."""
    address = view.address.format(**names)
    form = {key: value.format(**names) for key, value in view.form.items()}
    csrf = {"POST": CSRF, "POST without the right CSRF token": "d" * 32}
    if method in csrf:
        form["csrfmiddlewaretoken"] = csrf[method]
    return client.get(address, form) if method == "GET" else client.post(address, form)


@pytest.mark.parametrize("who", USERS)
@pytest.mark.parametrize("name", [name for name in VIEWS if name != ANSWERS_LOOKERS])
def test_view_lets_in_whom_it_should(
    name: str, who: str, names: dict[str, Any], queued: Callable[[], list[Message]]
) -> None:
    """The status is as the table says; rows, mails and queue change where a press or a decision was let in alone."""
    view, user = VIEWS[name], user_of(who)
    outsider = who in {"anonymous", "customer"}
    client = browser(user, enforce_csrf_checks=True)
    names["token"] = token_for(user, names)
    before = state()
    for method in METHODS:
        with TestCase.captureOnCommitCallbacks(execute=True):
            response = send(client, view, method, names)
        status = expected(view, who, method)
        assert (method, response.status_code) == (method, status)
        if status == 302 and outsider:
            assert response.url.startswith("/admin/login/?next=")
        changed = method == "POST" and view.changes and status == 302 and not outsider
        after = state()
        assert (method, after != before) == (method, changed)
        assert (method, bool(queued())) == (method, changed and name not in SENDS_NOTHING)
        before = after


@pytest.mark.parametrize("who", [*sorted(LOOK), "superuser"])
def test_nobody_deletes_by_an_action(who: str, names: dict[str, Any]) -> None:
    """Django's own "delete selected" is not among the actions, for superusers neither."""
    before = state()
    send(browser(user_of(who)), VIEWS["delete selected"], "POST", names)
    assert state() == before


def test_superuser_sees_each_action_and_button_once(names: dict[str, Any]) -> None:
    """The list offers approve, decline and the button, and nothing else."""
    page = browser(user_of("superuser")).get(CHANGE_LIST)
    choices = [value for value, _ in page.context["action_form"].fields["action"].choices]
    assert choices == ["", "approve_selected", "decline_selected"]
    assert page.text.count(f'href="{APPROVE_ALL}"') == 1
    assert "Add return request" not in page.text
    assert ReturnRequest.objects.aggregate(last=Max("pk")) == {"last": names["pending"]}
    assert Sweep.objects.count() == 1
