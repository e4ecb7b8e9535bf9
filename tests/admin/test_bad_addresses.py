"""Addresses that no page leads to: an id that no row has."""

import pytest
from django.test import Client

from .conftest import browser, make_user, state

pytestmark = pytest.mark.django_db

MODELS = ["returnrequest", "refund", "walletentry", "sweep", "optout"]
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
    assert client.post(f"/admin/refunds/{model}/{bad}/change/").status_code == 403
    assert client.post(f"/admin/refunds/{model}/{bad}/delete/").status_code == (302 if model == "optout" else 403)
    assert state() == before


@pytest.mark.parametrize("model", MODELS)
def test_who_may_not_look_does_not_learn_which_rows_there_are(model: str) -> None:
    """Every page of an id that no row has is refused, as is that of one which a row has."""
    client = browser(make_user())
    for page in ("change", "history", "delete"):
        for pk in (1, 2**63):
            assert client.get(f"/admin/refunds/{model}/{pk}/{page}/").status_code == 403
