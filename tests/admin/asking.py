"""Requests of the permission tables: who sends them, their rows and forms, and their expected answers."""

from typing import Any, NamedTuple

from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.test import Client

from refunds.admin.actions import make_token
from refunds.apps import LABEL
from refunds.domain.sweeps import Frozen
from refunds.models import ReturnRequest, WalletEntry
from refunds.operations import button

from ..factories import PRESSED, make_failed, make_refund, make_requests
from .conftest import CSRF, browser, commit, make_user, queued, state, unchanged
from .matrix import Asked

Forms = dict[str, dict[str, str]]
APPROVE = {"action": "approve_selected", "_selected_action": "{pending}"}
DECLINE = {"action": "decline_selected", "_selected_action": "{pending}"}
FAILED = {"action": "try_again", "_selected_action": "{failed}"}
# What is sent: by the words of the table where it has some, otherwise by the address.
FORMS: Forms = {
    "with one's own password": {"username": "{who}", "password": "pw", "next": "/admin/"},
    "with the old and a new one": {"old_password": "pw", "new_password1": "9x!Qz7_w", "new_password2": "9x!Qz7_w"},
    "for a request": {"app_label": LABEL, "model_name": "refund", "field_name": "request", "term": "1001"},
    "`approve_selected`": {**APPROVE, "index": "0"},
    "`approve_selected` confirmed": {**APPROVE, "approve": "Approve", "token": "{approve}"},
    "`decline_selected`": {**DECLINE, "index": "0"},
    "`decline_selected` with a reason": {**DECLINE, "decline": "Decline", "reason": "worn", "token": "{decline}"},
    "with its token": {"token": "{approve_all}"},
    "with another token": {"token": "{approve_all}x"},
    "`try_again`": {**FAILED, "index": "0"},
    "`try_again` by the button on its page": {**FAILED, "page": ""},
}


class Kind(NamedTuple):
    """A user by name, the column of the table that speaks of them, their permissions, and what else they are."""

    name: str
    column: str
    permissions: frozenset[str] = frozenset()
    flags: tuple[str, ...] = ("is_staff", "is_active")

    def make(self) -> User | None:
        """Make the user; None for the one who is not logged in."""
        if self == ANONYMOUS:
            return None
        flags = {flag: flag in self.flags for flag in ("is_staff", "is_active", "is_superuser")}
        return make_user(*self.permissions, username=self.name, **flags)


ANONYMOUS = Kind("anonymous", "outside")
# The permissions of the two who once had a login are all there are.
CUSTOMER = Kind("customer", "outside", flags=("is_active", "is_superuser"))
INACTIVE = Kind("inactive", "outside", flags=("is_staff", "is_superuser"))
SUPERUSER = Kind("superuser", "superuser", flags=("is_staff", "is_active", "is_superuser"))


def app_permissions(models: list[str] | None = None) -> frozenset[str]:
    """Return every permission of these models, Django's own included; without models, those of core and rooms."""
    found = Permission.objects.filter(content_type__app_label__startswith=LABEL)
    if models is not None:
        found = found.filter(content_type__model__in=models)
    return frozenset(found.values_list("codename", flat=True))


def everybody(asked: Asked, permissions: frozenset[str]) -> list[Kind]:
    """Return the users who tell the table's row right from wrong.

    One has all of `permissions` that open nothing, at once, because a permission takes nothing away: what any of them
    opened would be open to that one. Permissions that open only together are also given one by one.
    """
    named = frozenset(name for one in asked.opened_by for name in one)
    halves = [frozenset({name}) for one in asked.opened_by if len(one) > 1 for name in one]
    staff = [Kind(f"only {name}", "staff", one) for one in set(halves) for name in one]
    opened = [Kind(" ".join(sorted(one)), "opened", one) for one in asked.opened_by]
    others = Kind("all others", "staff", permissions - named)
    return [ANONYMOUS, CUSTOMER, INACTIVE, Kind("staff", "staff"), others, *staff, *opened, SUPERUSER]


def rows() -> dict[str, Any]:
    """Return one row of each model of the core, and a pending request, by the name that URLs and forms use."""
    refund = make_refund(status="succeeded", settled_at=PRESSED, receipt="r")
    entry = WalletEntry.objects.create(refund=refund, amount_minor=1250, currency="GBP")
    sweep, _ = button.start_approve(key="k", frozen=Frozen(0), by=None, now=PRESSED)
    (failed,) = make_failed()
    pending = make_requests()[0]
    made = {"returnrequest": refund.request, "refund": refund, "walletentry": entry, "sweep": sweep, "pending": pending}
    kind = ContentType.objects.get_for_model(ReturnRequest)
    return {name: row.pk for name, row in made.items()} | {"failed": failed, "id": pending.pk, "type": kind.pk}


def send(client: Client, asked: Asked, names: dict[str, Any], forms: Forms, **extra: str) -> Any:
    """Send the request as a browser would, with its form."""
    form = {key: value.format(**names) for key, value in forms.get(asked.what or asked.address, {}).items()}
    with commit():
        return getattr(client, asked.method.lower())(asked.path(names), {**form, **extra})


def for_user(names: dict[str, Any], who: str, user: User | None) -> dict[str, Any]:
    """Fill in the user's name, and valid tokens of the user's confirmation pages."""
    pk, frozen = user and user.pk, Frozen(names["pending"])
    pages = {
        page: make_token(page, pk, frozen, PRESSED, [("GBP", 1, 1250)])
        for page in ("approve_all", "approve", "decline")
    }
    return {**names, "who": who, **pages}


def answer(response: Any, changed: bool) -> str:
    """Return the answer in the words of the table."""
    said = str(response.status_code)
    if response.status_code == 200:
        said = "page"
    elif response.status_code == 302:
        address = "/".join("<id>" if part.isdigit() else part for part in response.url.split("/"))
        login = address.startswith("/admin/login/?next=/admin/")
        below = address.removeprefix("/admin/")
        label, _, page = below.partition("/")
        said = "login" if login else f"→ `{page if page and label.startswith(LABEL) else address}`"
    return f"**{said}**" if changed else said


def check_answers(asked: Asked, names: dict[str, Any], forms: Forms, permissions: frozenset[str]) -> None:
    """Each kind of user gets the table's answer. Rows change and messages are sent only where the cell is bold."""
    users = {kind: kind.make() for kind in everybody(asked, permissions)}
    browsers = {kind: browser(user, enforce_csrf_checks=True) for kind, user in users.items()}
    User.objects.update(last_login=None)
    before, answers, expected = state(), {}, {}
    for kind, client in browsers.items():
        with transaction.atomic():
            token = {} if asked.method == "GET" else {"csrfmiddlewaretoken": CSRF}
            response = send(client, asked, for_user(names, kind.name, users[kind]), forms, **token)
            changed = state() != before
            transaction.set_rollback(True)
        answers[kind.name], expected[kind.name] = answer(response, changed), asked.cells[kind.column]
        sent = queued()
        assert changed or (kind.name, sent) == (kind.name, [])
    assert answers == expected


def check_forged(asked: Asked, names: dict[str, Any], forms: Forms) -> None:
    """A superuser's POST without a CSRF token, or with a wrong one, is 403 and changes nothing."""
    user = SUPERUSER.make()
    client = browser(user, enforce_csrf_checks=True)
    with unchanged():
        for token in ({}, {"csrfmiddlewaretoken": ""}, {"csrfmiddlewaretoken": "d" * 32}):
            response = send(client, asked, for_user(names, "superuser", user), forms, **token)
            assert (token, response.status_code) == (token, 403)
