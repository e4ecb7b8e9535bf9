"""Addresses that no page leads to: an id that no row has, and a lookup that no filter offers."""

import django
import pytest
from django.test import Client

from refunds.apps import LABEL
from refunds.domain.sweeps import Frozen
from refunds.operations import sweeps

from ..factories import PRESSED, make_requests
from .conftest import CHANGE_LIST, browser, make_user, state
from .matrix import core_models

pytestmark = pytest.mark.django_db

MODELS = core_models()
# 2^63 is the first number that is too large for a column of ids.
BAD_IDS = ["0", "x", "-1", "1.5", "²", str(2**63 - 1), str(2**63), "9" * 5000, "_00", "%00", "%FF"]


@pytest.fixture
def client() -> Client:
    """The browser of a superuser."""
    return browser(make_user(is_superuser=True))


@pytest.mark.parametrize("bad", BAD_IDS)
@pytest.mark.parametrize("model", MODELS)
def test_page_of_an_id_that_no_row_has_leads_to_the_index(client: Client, model: str, bad: str) -> None:
    """Also where no row can have it: the page and the history lead to the index, and nothing is changed."""
    before = state()
    for page in ("change", "history"):
        response = client.get(f"/admin/refunds/{model}/{bad}/{page}/")
        assert (response.status_code, response["Location"]) == (302, "/admin/")
    # Django 6.1 looks for the row before it asks for the permission.
    assert client.post(f"/admin/refunds/{model}/{bad}/change/").status_code == (
        302 if django.VERSION >= (6, 1) else 403
    )
    assert client.post(f"/admin/refunds/{model}/{bad}/delete/").status_code == 403
    assert state() == before


@pytest.mark.parametrize("model", MODELS)
def test_who_may_not_look_does_not_learn_which_rows_there_are(model: str) -> None:
    """Every page of an id that no row has is refused, as is that of one which a row has."""
    client = browser(make_user())
    for page in ("change", "history", "delete"):
        for pk in (1, 2**63):
            assert client.get(f"/admin/refunds/{model}/{pk}/{page}/").status_code == 403


@pytest.mark.parametrize(
    ("model", "query"),
    [
        ("returnrequest", "customer__regex=("),
        ("returnrequest", "requested_at__year=99999"),
        ("returnrequest", "customer__contains=c"),
        ("returnrequest", "status__exact=requested"),
        ("returnrequest", "status=requested&key=k"),
        ("refund", f"pk__gte={2**63}"),
        ("sweep", "kind__exact=%00"),
        ("sweep", "kind__regex=("),
    ],
)
def test_lookup_that_no_filter_offers_leads_to_the_list(client: Client, model: str, query: str) -> None:
    """Some would end in an error of the database, most would read the whole table: none is asked."""
    response = client.get(f"/admin/refunds/{model}/?{query}")
    assert (response.status_code, response["Location"]) == (302, f"/admin/refunds/{model}/?e=1")
    assert client.get(f"/admin/refunds/{model}/?e=1").status_code == 200


@pytest.mark.parametrize("query", ["decided_by__password__startswith=x", "sweep__started_by__password=x"])
def test_lookup_of_what_is_no_column_is_refused(client: Client, query: str) -> None:
    """No list tells by its length what a password's hash begins with: 400, and Django's line in the log."""
    assert client.get(f"{CHANGE_LIST}?{query}").status_code == 400


def test_filter_by_a_field_is_offered(client: Client) -> None:
    """The list of sweeps filters by kind."""
    sweep, _ = sweeps.start_approve(key="k", frozen=Frozen(0), by=None, now=PRESSED)
    for kind, found in (("approve", [sweep]), ("decline", [])):
        page = client.get("/admin/refunds/sweep/", {"kind__exact": kind})
        assert list(page.context["cl"].result_list) == found


@pytest.mark.parametrize(("term", "found"), [("1001", 1), ("%00", 0), ("1001%00", 0)])
def test_autocompletion_finds_what_a_search_finds(client: Client, term: str, found: int) -> None:
    """And nothing for a NUL, at which PostgreSQL fails and SQLite stops reading the pattern."""
    make_requests()
    of_field = f"app_label={LABEL}&model_name=refund&field_name=request"
    response = client.get(f"/admin/autocomplete/?{of_field}&term={term}")
    assert (response.status_code, len(response.json()["results"])) == (200, found)
