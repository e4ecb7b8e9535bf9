"""Who may do what in the default project: the tables of all docs pages, and no page without a row."""

from typing import Any

import pytest
from django.contrib.admin import site
from django.urls import get_resolver, resolve
from pytest_django import Settings

from refunds import signals
from refunds.brakes.models import Pause
from refunds.models import Refund
from refunds.notices import opt_outs
from refunds.notices.models import Notice

from ..admin import matrix
from ..admin.asking import FORMS, Forms, app_permissions, check_answers, check_forged, rows
from ..admin.conftest import clock, make_user
from ..admin.matrix import Asked
from ..brakes.approved import approved
from ..factories import PRESSED, make_refund

__all__ = ["clock"]  # a fixture

pytestmark = pytest.mark.django_db

PAGES = [page for page in sorted(matrix.DOCS.glob("*.md")) if matrix.HEADING in page.read_text("utf-8")]
MODELS = matrix.all_models()
REQUESTS = matrix.requests(MODELS, *PAGES)
# Mail programs post to the customer's page, and Stripe to the webhook: a token or a signature is the proof, no cookie.
NO_CSRF = ("/opt-out/", "/payments/stripe/")
POSTS = [asked for asked in REQUESTS if asked.method == "POST" and not asked.address.startswith(NO_CSRF)]
DELETED = {"action": "delete_selected", "_selected_action": "{optout}"}
ALL_FORMS: Forms = FORMS | {
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
    """The core's rows, an opt-out, a pause, a sweep to undo, and a refund with a notice and a second receipt."""
    settings.REFUNDS_GATEWAY = "tests.operations.payers.Scripted"  # takes any payment
    doubled = make_refund(status="succeeded", settled_at=PRESSED, receipt="r")
    signals.second_receipt.send(Refund, refund=doubled, receipt="r2", now=PRESSED)
    notice = Notice.objects.create(request=doubled.request, status="sent", notified_of="succeeded", notified_at=PRESSED)
    token = opt_outs.token("in@example.com")
    out = opt_outs.opt_out("out@example.com", PRESSED)
    pause = Pause.objects.create(
        reason="r", paused_at=PRESSED, paused_by=make_user(username="boss"), lifted_at=PRESSED, is_open=None,
        lifted_by=make_user(username="other"),
    )  # fmt: skip
    undoable = approved(1).pk
    made = {"doubled": doubled.pk, "notice": notice.pk, "optout": out.pk, "pause": pause.pk, "undoable": undoable}
    return rows() | made | {"token": token, "forged": token[:-1]}


@pytest.mark.parametrize("asked", REQUESTS, ids=str)
def test_each_kind_of_user_is_answered_as_the_tables_say(asked: Asked, names: dict[str, Any]) -> None:
    """And rows change, and messages go out, only where a table has it in bold."""
    check_answers(asked, names, ALL_FORMS, app_permissions())


@pytest.mark.parametrize("asked", POSTS, ids=str)
def test_forged_form_is_refused(asked: Asked, names: dict[str, Any]) -> None:
    """A superuser's POST without a CSRF token, or with a wrong one, is 403 and changes nothing."""
    check_forged(asked, names, ALL_FORMS)


def test_every_page_has_its_row() -> None:
    """Each route of the project, by GET and by POST, except other apps' own pages, such as Django's of users."""
    names = {"id": 1, "type": 1, "token": "x", "forged": "x", "failed": 1, "doubled": 1, "undoable": 1}
    in_table = {(asked.method, resolve(asked.path(names)).route) for asked in REQUESTS if not asked.action}
    others = ("admin/auth/", "admin/django_celery_beat/")
    there = [route for route in matrix.routes(get_resolver().url_patterns) if not route.startswith(others)]
    assert in_table == {(method, route) for route in there for method in ("GET", "POST")}


def test_every_action_has_its_row() -> None:
    """What a superuser is offered on each list is what the tables name, and nothing else."""
    offered = matrix.actions(MODELS, make_user(is_superuser=True))
    assert offered == {(asked.model, asked.action) for asked in REQUESTS if asked.action}


def test_every_permission_opens_something() -> None:
    """Those that models declare besides Django's are in a table, and the tables name none that there is not."""
    own = {codename for model in site._registry for codename, _ in model._meta.permissions}
    named = {name for asked in REQUESTS for one in asked.opened_by for name in one}
    assert own | {"correct_payment", "settle_refund"} <= named <= app_permissions()
