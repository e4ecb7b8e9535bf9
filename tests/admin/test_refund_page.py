"""The page of a refund: what it shows, the button of a failed refund, and what optional rooms can add."""

from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.http import HttpRequest
from django.test import Client

from refunds.admin import values
from refunds.admin.refunds import REQUEST_FIELD, RETRY, SWEEP_LINK, WALLET_LINK, RefundAdmin
from refunds.models import Refund

from ..factories import NOON, PRESSED, local, make_failed, make_processing, make_refund, refund_rows
from .conftest import REFUNDS, browser, make_user, queued, texts, try_again, unchanged

pytestmark = pytest.mark.django_db
PERMISSIONS = ("retry_refund",)
BUTTON = 'value="Try again"'


def page_of(pk: int) -> str:
    return f"{REFUNDS}{pk}/change/"


def fields(client: Client, pk: int) -> dict[str, str]:
    """Return what the refund's page shows, by the name of the field."""
    lines = [line for fieldset in client.get(page_of(pk)).context["adminform"] for line in fieldset]
    return {field.field["name"]: str(field.contents()) for line in lines for field in line}


def press(client: Client, pk: int, query: str = "") -> Any:
    """Press the button on the refund's page as a browser does: the page's form, sent to the button's address."""
    page = client.get(page_of(pk) + query)
    assert page.text.count(BUTTON) == 1
    assert page.text.index('id="refund_form"') < page.text.index(BUTTON) < page.text.rindex("</form>")
    filters = page.context["preserved_filters"]
    for name, value in (("action", "try_again"), ("_selected_action", pk), ("page", filters)):
        assert f'<input type="hidden" name="{name}" value="{value}">' in page.text
    assert f'{BUTTON} formaction="{REFUNDS}"' in page.text
    return try_again(client, [pk], page=filters)


def test_page_shows_what_to_search_for_at_the_provider(client: Client) -> None:
    """It has payment, reference, the next attempt's key, attempts, rounds and the whole failure."""
    columns = {"attempts": 4, "key_number": 2, "tried_again": 3, "payment": "pi_3Q", "key": "k-77"}
    refund = make_refund(status="failed", settled_at=PRESSED, failure="no " * 49 + "no", **columns)
    shown = fields(client, refund.pk)
    of_core = {name: value for name, value in shown.items() if name in RefundAdmin.fields}
    assert of_core == {
        "amount": "12.50 GBP", "status": "failed", "failure": "no " * 49 + "no", "attempts": "4", "tried_again": "3",
        "payment": "pi_3Q", "earlier": "-", "reference": "k-77", "idempotency_key": "k-77:2", "receipt": "-",
        "created": local(NOON), "first_attempt": "-", "due": local(NOON), "accepted": "-", "settled": local(PRESSED),
    }  # fmt: skip


def test_page_of_a_refund_under_way_shows_what_it_waits_for(client: Client) -> None:
    """It also has the provider's id and the time of acceptance. The wallet needs no payment: it is a dash."""
    shown = fields(client, make_processing(failure="Stripe: pending: insufficient_funds").pk)
    expected = {"status": "processing", "receipt": "re_1", "failure": "Stripe: pending: insufficient_funds"}
    expected |= {"accepted": local(NOON), "settled": "-", "payment": "-"}
    assert shown | expected == shown


def test_button_tries_this_refund_again_and_redirects_back(client: Client) -> None:
    """The refund's own page comes back, pending and without the button; another failed refund stays as it was.

    From a list of refunds that waited when it was made to the page and back: "Close" leads to that list again.
    """
    pk, other = make_failed(2)
    before = refund_rows(other)
    filters = "?_changelist_filters=status%3Dpending%26q%3D1001"
    page = press(client, pk, filters)
    assert page.redirect_chain == [(page_of(pk) + filters, 302)]
    assert texts(page) == ["Tried again: 1."]
    assert f'href="{REFUNDS}?status=pending&amp;q=1001" class="closelink"' in page.text
    assert BUTTON not in page.text
    assert refund_rows(pk)[pk]["status"] == "pending"
    assert refund_rows(other) == before
    assert [entry.object_id for entry in LogEntry.objects.all()] == [str(pk)]
    assert [message.kwargs for message in queued()] == [{"first_id": pk, "last_id": pk}]
    Refund.objects.filter(pk=pk).update(status="failed", failure="no", settled_at=NOON)
    assert press(client, pk).redirect_chain == [(page_of(pk), 302)]


@pytest.mark.parametrize("filters", ["https://example.com/", "//example.com", "a=b\r\nLocation: //x", "%00", "=&&="])
def test_button_redirects_to_no_other_page(client: Client, filters: str) -> None:
    """The form's value can only change the filters of the list. A form without one refund leads to the list."""
    pk, other = make_failed(2)
    ((url, status),) = try_again(client, [pk], page=filters).redirect_chain
    assert (url.partition("?")[0], status) == (page_of(pk), 302)
    for chosen in ([other + 1], [pk, other]):
        assert try_again(client, chosen, page="").redirect_chain == [(REFUNDS, 302)]


PAID = {"status": "succeeded", "settled_at": PRESSED, "receipt": "r"}


@pytest.mark.parametrize("make", [make_refund, partial(make_refund, **PAID), make_processing])
def test_refund_in_another_state_has_no_button(client: Client, make: Callable[[], Refund]) -> None:
    """A pending, processing or succeeded refund cannot be tried again; a page left open gets a warning."""
    pk = make().pk
    assert BUTTON not in client.get(page_of(pk)).text
    with unchanged():
        page = try_again(client, [pk], page="")
    assert texts(page) == ["Tried again: 0. Left as they were: 1 (not failed)."]
    assert page.redirect_chain == [(page_of(pk), 302)]


def test_user_who_can_only_view_has_neither_button_nor_action() -> None:
    """The view permission shows the failed refund and offers nothing."""
    (pk,) = make_failed()
    viewer = browser(make_user("view_refund", username="viewer"))
    assert BUTTON not in viewer.get(page_of(pk)).text
    assert viewer.get(REFUNDS).context["action_form"] is None


@pytest.fixture
def _no_rooms() -> Generator[None]:
    """Show the core's own page, whatever rooms this project has; what a test adds goes with it.

    Not `extra_urls`: the project reads them once, with its other URLs.
    """
    lists: list[list[Any]] = [RefundAdmin.fields, RefundAdmin.viewers, RefundAdmin.extra_links]
    before = [list(values) for values in lists]
    core = (REQUEST_FIELD, SWEEP_LINK, WALLET_LINK)
    RefundAdmin.fields[:] = [field for field in RefundAdmin.fields if isinstance(field, str) or field in core]
    RefundAdmin.viewers[:] = [RETRY]
    RefundAdmin.extra_links.clear()
    yield
    for each, old in zip(lists, before, strict=True):
        each[:] = old


@pytest.mark.usefixtures("_no_rooms")
def test_room_adds_fields_and_links(client: Client) -> None:
    """Without rooms the page has the core's fields and no link. A room's link leads to the room's page."""
    (pk,) = make_failed()

    def links(_admin: RefundAdmin, request: HttpRequest, refund: Refund) -> list[tuple[str, str]]:
        return [(f"Look at {refund.pk}", "/elsewhere/")] if request.user.username == "pat" else []

    assert list(fields(client, pk)) == [getattr(field, "__name__", field) for field in RefundAdmin.fields]
    assert client.get(page_of(pk)).context["links"] == []
    RefundAdmin.fields.append(values.column("twice the amount", lambda refund: 2 * refund.amount_minor))
    RefundAdmin.extra_links.append(links)
    assert fields(client, pk)["twice-the-amount"] == "2500"
    page = client.get(page_of(pk)).text
    assert f'href="/elsewhere/">Look at {pk}</a>' in page
    assert page.count(BUTTON) == 1


@pytest.mark.usefixtures("_no_rooms")
def test_room_lets_users_with_its_permission_view_refunds() -> None:
    """Without it they cannot, also if they have other permissions."""
    viewer = browser(make_user("view_sweep", username="viewer"))
    assert viewer.get(REFUNDS).status_code == 403
    RefundAdmin.viewers.append(f"{Refund._meta.app_label}.view_sweep")
    assert viewer.get(REFUNDS).status_code == 200
    assert "Refunds" in viewer.get("/admin/").text
