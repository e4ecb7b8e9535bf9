"""The list of notices in the admin, and malformed addresses of the pages of this room."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from refunds.models import Refund
from refunds.notices.models import Notice, OptOut

from ..admin.conftest import browser, make_user, state
from ..admin.test_refund_page import fields
from ..factories import NOON, make_refund, never_read_tables

pytestmark = pytest.mark.django_db
ROOM = Notice._meta.app_label
LIST = f"/admin/{ROOM}/notice/"
MARKUP = "<script>alert(1)</script>"


@pytest.fixture
def client() -> Client:
    """The browser of a user who can view notices."""
    return browser(make_user("view_notice"))


@pytest.fixture
def rows() -> dict[str, Notice]:
    """A notice of each status, newest last."""
    sent = {"notified_of": "failed", "notified_at": NOON}
    return {
        "pending": Notice.objects.create(refund=paid("p@example.com"), status="pending", due_at=NOON),
        "sent": Notice.objects.create(refund=paid("s@example.com"), status="sent", **sent),
        "suppressed": Notice.objects.create(refund=paid("x@example.com"), status="suppressed", reason="opted out"),
    }


def paid(address: str) -> Refund:
    """A refund that was paid at noon."""
    return make_refund(status="succeeded", settled_at=NOON, receipt="r", customer_email=address)


def shown(client: Client, query: str = "") -> list[str]:
    """The statuses of the notices on the list, in its order."""
    return [notice.status for notice in client.get(f"{LIST}{query}").context["cl"].result_list]


def test_page_of_the_refund_says_why_no_notice_was_sent(rows: dict[str, Notice]) -> None:
    """The reason stays with the refund."""
    page = fields(browser(make_user("view_refund")), rows["suppressed"].pk)
    assert page["notice"] == "suppressed: opted out"


def test_list_shows_and_finds_notices(client: Client, rows: dict[str, Notice]) -> None:
    """Newest first; by status, by the id of the refund, and by a part of the address."""
    assert shown(client) == ["suppressed", "sent", "pending"]
    assert [shown(client, f"?status={status}") for status in rows] == [[status] for status in rows]
    assert shown(client, "?status=lost") == []
    assert shown(client, f"?q={rows['sent'].pk}") == ["sent"]
    assert shown(client, "?q=P@example") == ["pending"]
    page = client.get(LIST).text
    assert ">opted out<" in page
    assert page.count(">x@example.com<") == 1


def test_page_shows_the_reason_and_links_to_the_refund(rows: dict[str, Notice]) -> None:
    """For users who can view refunds."""
    client = browser(make_user("view_notice", "view_refund"))
    notice = rows["suppressed"]
    page = client.get(f"{LIST}{notice.pk}/change/").text
    assert ">opted out<" in page
    opts = Refund._meta
    assert f'href="/admin/{opts.app_label}/{opts.model_name}/{notice.pk}/change/"' in page


def test_notices_cannot_be_changed(rows: dict[str, Notice]) -> None:
    """Not by a superuser either."""
    client = browser(make_user(is_superuser=True))
    before = state()
    for page in ("add/", f"{rows['sent'].pk}/delete/", f"{rows['sent'].pk}/change/"):
        assert client.post(f"{LIST}{page}").status_code == 403
    assert state() == before


def test_list_of_pending_notices_uses_the_partial_index(client: Client, rows: dict[str, Notice]) -> None:
    """There are few of them among those of years."""
    never_read_tables()
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with CaptureQueriesContext(connection) as captured:
        client.get(f"{LIST}?status=pending")
    (sql,) = [query["sql"] for query in captured if "COUNT(" in query["sql"] and "due_at" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}")
        assert "refund_to_notify" in str(cursor.fetchall())


def test_every_count_has_a_limit(client: Client, rows: dict[str, Notice]) -> None:
    """No list of this room counts a whole table."""
    client = browser(make_user("view_notice", "view_optout", username="both"))
    for model in (Notice, OptOut):
        with CaptureQueriesContext(connection) as captured:
            client.get(f"/admin/{ROOM}/{model._meta.model_name}/?_facets=1")
        counts = [
            query["sql"] for query in captured if "COUNT(" in query["sql"] and model._meta.db_table in query["sql"]
        ]
        assert len(counts) == 1
        assert "LIMIT 100000" in counts[0]


@pytest.mark.parametrize(
    "bad", ["0", "x", "-1", "1.5", "²", str(2**63 - 1), str(2**63), "9" * 5000, "_00", "%00", "%FF"]
)
@pytest.mark.parametrize("model", ["notice", "optout"])
def test_page_of_an_unknown_id_leads_to_the_index(model: str, bad: str) -> None:
    """Also where no row can have the id; nothing is changed."""
    client = browser(make_user(is_superuser=True))
    before = state()
    for page in ("change", "history"):
        response = client.get(f"/admin/{ROOM}/{model}/{bad}/{page}/")
        assert (response.status_code, response["Location"]) == (302, "/admin/")
    response = client.post(f"/admin/{ROOM}/{model}/{bad}/delete/")
    assert response.status_code == (302 if model == "optout" else 403)
    assert state() == before


@pytest.mark.parametrize("model", ["notice", "optout"])
def test_user_without_permission_does_not_learn_which_rows_exist(model: str) -> None:
    """Every page of an unknown id is refused, as that of a known id is."""
    client = browser(make_user())
    for page in ("change", "history", "delete"):
        for pk in (1, 2**63):
            assert client.get(f"/admin/{ROOM}/{model}/{pk}/{page}/").status_code == 403


@pytest.mark.parametrize("lookup", ["notified_of__regex=(", "due_at__year=99999", "refund__customer=c"])
def test_lookup_without_a_filter_is_refused(client: Client, lookup: str) -> None:
    """Some would end in a database error, most would read the whole table."""
    assert client.get(f"{LIST}?{lookup}").status_code in {302, 400}


@pytest.fixture
def superuser() -> User:
    """A user whose name is markup."""
    return make_user(username=MARKUP, is_superuser=True)


@pytest.mark.parametrize(
    "page", ["notice/", "notice/{notice}/change/", "optout/", "optout/{out}/change/", "optout/{out}/delete/"]
)
def test_text_of_strangers_is_escaped(superuser: User, page: str) -> None:
    """An imported address, and a reason that repeats it."""
    notice = Notice.objects.create(refund=paid(MARKUP), status="suppressed", reason=f"the address {MARKUP} is wrong")
    out = OptOut.objects.create(address=MARKUP, created_at=NOON)
    text = browser(superuser).get(f"/admin/{ROOM}/{page.format(notice=notice.pk, out=out.pk)}").text
    assert MARKUP not in text
    assert text.count(str(escape(MARKUP))) >= 2
