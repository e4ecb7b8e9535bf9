"""The lists: what they show, find and filter, and which queries they never make."""

from typing import Any

import pytest
from django.contrib.admin import site
from django.core.cache import cache
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from refunds.admin.base import CappedPaginator
from refunds.admin.values import in_zone
from refunds.domain.returns import Status
from refunds.models import Refund, ReturnRequest, WalletEntry

from ..factories import CUTOFF, NOON, PRESSED, SECOND, local, make_processing, make_refund, make_requests
from .conftest import APPROVE_ALL, CHANGE_LIST, REFUNDS, browser, make_user
from .matrix import core_models

pytestmark = pytest.mark.django_db
PERMISSIONS = ("view_returnrequest", "view_refund", "view_walletentry", "view_sweep")


def shown(client: Client, address: str) -> list[int]:
    """The primary keys on the page, in its order."""
    return [row.pk for row in client.get(address).context["cl"].result_list]


def test_request_list_shows_amounts_in_major_units_and_instants_in_the_zone(client: Client) -> None:
    """The newest come first, with amounts in major units and times in the cutoff's zone."""
    (row,) = make_requests(amount_minor=1_234_567, customer="c-9", received_at=CUTOFF - SECOND, return_id="R-17")
    make_requests(currency="JPY", status=Status.DECLINED, decided_at=CUTOFF)
    page = client.get(CHANGE_LIST)
    for cell in ("12,345.67 GBP", "1,250 JPY", "c-9", local(CUTOFF - SECOND), local(CUTOFF), local(NOON)):
        assert f">{cell}<" in page.text
    assert [row.currency for row in page.context["cl"].result_list] == ["JPY", "GBP"]
    winter = NOON.replace(month=1)  # with the zone's own offset on that day
    assert (in_zone(winter), in_zone(None)) == (local(winter), "-")
    assert "R-17" in client.get(f"{CHANGE_LIST}{row.pk}/change/").text  # the shop's own id


def test_request_list_filters_and_searches(client: Client) -> None:
    """By status, currency, and part of an order line or of a customer; a search for NUL is refused and lists all."""
    (pending,) = make_requests(order_line="A-77/1")
    (approved,) = make_requests(status=Status.APPROVED, decided_at=PRESSED, customer="zoe")
    (other,) = make_requests(currency="UAH")
    for query, found in {
        "status=requested": [other, pending], "status=approved": [approved], "currency=UAH": [other],
        "q=77/": [pending], "q=ZO": [approved],
    }.items():  # fmt: skip
        assert (query, shown(client, f"{CHANGE_LIST}?{query}")) == (query, [row.pk for row in found])
    page = client.get(f"{CHANGE_LIST}?q=%00", follow=True)
    assert "Null characters are not allowed." in page.text
    assert list(page.context["cl"].result_list) == [other, approved, pending]


@pytest.mark.parametrize("value", ["nonsense", "%00", "%3Cscript%3E", "requested%00", "'--", "%FF"])
@pytest.mark.parametrize("name", ["status", "currency"])
def test_filter_by_an_unknown_choice_finds_nothing(client: Client, name: str, value: str) -> None:
    """Text that no row can have, NUL included, which PostgreSQL refuses, is an empty list."""
    make_requests()
    assert shown(client, f"{CHANGE_LIST}?{name}={value}") == []


def test_refund_list_filters_and_searches(client: Client) -> None:
    """By status, whole receipt, or part of an order line; a failure is shortened. The ledger has each credit."""
    pending = make_refund()
    paid = make_refund(status="succeeded", settled_at=PRESSED, receipt="wallet:1")
    make_refund(status="succeeded", settled_at=PRESSED, receipt="wallet:12")
    failed = make_refund(status="failed", settled_at=PRESSED, failure="no " * 50, order_line="B-9/1")
    under_way = make_processing()
    for query, found in {
        "status=pending": pending, "status=failed": failed, "status=processing": under_way,
        "q=re_1": under_way, "q=wallet:1": paid, "q=B-9": failed,
    }.items():  # fmt: skip
        assert (query, shown(client, f"{REFUNDS}?{query}")) == (query, [found.pk])
    assert ("no " * 20)[:59] + "…" in client.get(REFUNDS).text
    assert "no " * 50 not in client.get(REFUNDS).text
    assert "no " * 49 in client.get(f"{REFUNDS}{failed.pk}/change/").text
    WalletEntry.objects.create(refund=paid, customer="zoe", amount_minor=1250, currency="GBP")
    ledger = client.get("/admin/refunds/walletentry/?q=zoe").text
    assert ">zoe<" in ledger
    assert ">12.50 GBP<" in ledger


@pytest.mark.parametrize("model", ["returnrequest", "refund"])
def test_list_takes_the_same_queries_for_any_number_of_rows(client: Client, model: str) -> None:
    """No list makes a query per row."""
    statements = []
    for more in (1, 150):
        make_requests(more, status=Status.APPROVED)
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            client.get(f"/admin/refunds/{model}/")
        statements.append(len(captured))
    assert statements[0] == statements[1]


def test_no_list_counts_a_whole_table(client: Client) -> None:
    """Every count has a limit, and no filter reads its choices from the rows."""
    make_requests(2)
    for model in core_models():
        with CaptureQueriesContext(connection) as captured:
            client.get(f"/admin/refunds/{model}/?_facets=1")
        of_model = [query["sql"] for query in captured if f'FROM "refunds_{model}"' in query["sql"]]
        counts = [sql for sql in of_model if "COUNT(*)" in sql]
        assert len(counts) == 1
        assert "LIMIT 100001" in counts[0]
        assert "SUM(" not in counts[0]
        assert not any("DISTINCT" in sql for sql in of_model)


def test_pages_end_where_counting_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of more rows than are counted has as many pages as are counted."""
    monkeypatch.setattr("refunds.admin.base.COUNTED", 5)
    make_requests(12)
    paginator = CappedPaginator(ReturnRequest.objects.order_by("-pk"), 2)
    assert (paginator.count, paginator.num_pages) == (5, 3)


@pytest.mark.parametrize(
    ("model", "status", "index"),
    [
        (ReturnRequest, "requested", "request_pending"),
        (Refund, "pending", "refund_pending"),
        (Refund, "processing", "refund_processing"),
        (Refund, "failed", "refund_failed"),
    ],
)
def test_filter_by_pending_uses_the_partial_index(model: Any, status: str, index: str) -> None:
    """The condition reaches the database as a literal, without which SQLite would not see that the index fits."""
    request = RequestFactory().get("/", {"status": status})
    request.user = make_user("view_returnrequest", "view_refund")
    queryset = site.get_model_admin(model).get_changelist_instance(request).get_queryset(request)
    assert f"{model._meta.db_table}.status = '{status}'" in queryset.query.sql_with_params()[0]
    if connection.vendor == "sqlite":
        assert f"INDEX {index}" in queryset.order_by().values("pk").explain()


def test_currency_filter_offers_only_accepted_currencies(client: Client, settings: Settings) -> None:
    """Rows in a currency that the setting has lost keep their decimals, and a URL still finds them."""
    settings.REFUNDS_CURRENCIES = ("EUR", "ISK")
    (yen,) = make_requests(currency="JPY", amount_minor=1_234)
    page = client.get(CHANGE_LIST)
    assert [choice for choice, _ in page.context["cl"].filter_specs[1].lookup_choices] == ["EUR", "ISK"]
    assert ">1,234 JPY<" in page.text
    found = client.get(f"{CHANGE_LIST}?currency=JPY")
    assert [row.pk for row in found.context["cl"].result_list] == [yen.pk]
    assert [choice for choice, _ in found.context["cl"].filter_specs[1].lookup_choices] == ["EUR", "ISK", "JPY"]
    assert shown(client, f"{CHANGE_LIST}?currency=XAU") == []


def test_list_has_the_button_once_and_only_with_the_permission(client: Client) -> None:
    """A user without the permission sees no link to the button's page. Nobody can add a request here."""
    assert APPROVE_ALL not in client.get(CHANGE_LIST).text
    page = browser(make_user(username="boss", is_superuser=True)).get(CHANGE_LIST).text
    assert page.count(f'href="{APPROVE_ALL}"') == 1
    assert "Add return request" not in page
