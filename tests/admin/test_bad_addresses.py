"""URLs that no page links to: an id that no row has, and a lookup that no filter offers."""

import django
import pytest
from django.test import Client

from refunds.apps import LABEL

from ..factories import make_requests
from .conftest import CHANGE_LIST, browser, make_user, unchanged
from .matrix import core_models

pytestmark = pytest.mark.django_db

MODELS = core_models()
# 2^63 is the first number that is too large for a column of ids.
BAD_PATHS = ["0", "x", "-1", "1.5", "²", str(2**63 - 1), str(2**63), "9" * 5000, "_00", "%00", "%FF"]


@pytest.mark.parametrize("bad", BAD_PATHS)
@pytest.mark.parametrize("model", MODELS)
def test_page_of_an_unknown_id_redirects_to_the_index(client: Client, model: str, bad: str) -> None:
    """The page and the history redirect also for an id that no row can have, and nothing is changed."""
    page = f"/admin/refunds/{model}/{bad}"
    # Django 6.1 looks for the row before it asks for the permission.
    changed = 302 if django.VERSION >= (6, 1) else 403
    with unchanged():
        for address in (f"{page}/change/", f"{page}/history/"):
            response = client.get(address)
            assert (response.status_code, response["Location"]) == (302, "/admin/")
        assert client.post(f"{page}/change/").status_code == changed
        assert client.post(f"{page}/delete/").status_code == 403


@pytest.mark.parametrize("model", MODELS)
def test_user_without_permission_does_not_learn_which_rows_exist(model: str) -> None:
    """The pages of an unknown id are refused as those of an existing row are."""
    client = browser(make_user())
    for page in ("change", "history", "delete"):
        for pk in (1, 2**63):
            assert client.get(f"/admin/refunds/{model}/{pk}/{page}/").status_code == 403


BAD_FILTERS = ["customer__regex=(", "requested_at__year=99999", "customer__contains=c", "status__exact=requested"]
LOOKUPS = {
    "returnrequest": [*BAD_FILTERS, "status=requested&key=k"],
    "refund": [f"pk__gte={2**63}"],
    "sweep": ["kind__exact=%00", "kind__regex=("],
}


@pytest.mark.parametrize(("model", "query"), [(model, query) for model in LOOKUPS for query in LOOKUPS[model]])
def test_lookup_without_a_filter_redirects_to_the_list(client: Client, model: str, query: str) -> None:
    """No such lookup reaches the database, where it would raise an error or read the whole table."""
    response = client.get(f"/admin/refunds/{model}/?{query}")
    assert (response.status_code, response["Location"]) == (302, f"/admin/refunds/{model}/?e=1")
    assert client.get(f"/admin/refunds/{model}/?e=1").status_code == 200


@pytest.mark.parametrize("query", ["decided_by__password__startswith=x", "sweep__started_by__password=x"])
def test_lookup_through_a_relation_is_refused(client: Client, query: str) -> None:
    """The answer is 400 with Django's log line, so that no list reveals how a password's hash begins."""
    assert client.get(f"{CHANGE_LIST}?{query}").status_code == 400


@pytest.mark.parametrize(("term", "found"), [("1001", 1), ("%00", 0), ("1001%00", 0)])
def test_autocompletion_finds_what_a_search_finds(client: Client, term: str, found: int) -> None:
    """It finds nothing for a NUL, at which PostgreSQL fails and SQLite stops reading the pattern."""
    make_requests()
    of_field = f"app_label={LABEL}&model_name=refund&field_name=request"
    response = client.get(f"/admin/autocomplete/?{of_field}&term={term}")
    assert (response.status_code, len(response.json()["results"])) == (200, found)
