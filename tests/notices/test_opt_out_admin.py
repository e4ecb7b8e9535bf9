"""Opt-outs in the admin: staff find, add and delete them."""

from collections.abc import Generator
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory

from refunds.notices.models import OptOut
from refunds.notices.sending import notify_customer

from ..admin.conftest import browser, make_user, state, texts
from ..factories import NOON, PRESSED, local, make_refund
from .mails import ADDRESS, YES, make_pending, notice_of, settle, subjects

pytestmark = pytest.mark.django_db
LIST = "/admin/refunds_notices/optout/"


@pytest.fixture(autouse=True)
def clock() -> Generator[FrozenDateTimeFactory]:
    """A time of day before the cutoff; it moves when the test moves it."""
    with freeze_time(PRESSED) as frozen:
        assert isinstance(frozen, FrozenDateTimeFactory)
        yield frozen


@pytest.fixture
def client() -> Client:
    """The browser of a user who can view, add and delete opt-outs."""
    return browser(make_user("view_optout", "add_optout", "delete_optout"))


@pytest.fixture
def rows() -> list[OptOut]:
    """Two opt-outs."""
    return [OptOut.objects.create(address=address, created_at=NOON) for address in (ADDRESS, "zoe@shop.example")]


def shown(client: Client, address: str) -> list[str]:
    """The addresses on the page, in its order."""
    return [row.address for row in client.get(address).context["cl"].result_list]


def test_list_shows_addresses_and_instants_and_finds_by_a_part(client: Client, rows: list[OptOut]) -> None:
    """Newest first, in the cutoff's zone."""
    assert shown(client, LIST) == ["zoe@shop.example", ADDRESS]
    assert shown(client, f"{LIST}?q=EXAMPLE.com") == [ADDRESS]
    assert client.get(LIST).text.count(f">{local(NOON)}<") == 2


def test_page_shows_what_cannot_be_changed(client: Client, rows: list[OptOut]) -> None:
    """Address and instant, as text."""
    before = state()
    page = client.get(f"{LIST}{rows[0].pk}/change/")
    assert ">c@example.com<" in page.text
    assert f">{local(NOON)}<" in page.text
    assert '<input type="email"' not in page.text
    assert client.post(f"{LIST}{rows[0].pk}/change/", {"address": "d@example.com"}).status_code == 403
    assert state() == before


def test_add_opts_out_in_lower_case_and_suppresses_pending_notices(
    client: Client, clock: FrozenDateTimeFactory
) -> None:
    """Now; the history names who did it."""
    refund = make_refund(customer_email="C@example.com", status="failed", failure="no", settled_at=NOON)
    make_pending([refund.pk], NOON)
    page = client.get(f"{LIST}add/")
    assert "opted out (" not in page.text
    clock.tick(timedelta(seconds=5))
    response = client.post(f"{LIST}add/", {"address": " C@Example.COM "}, follow=True)
    row = OptOut.objects.get()
    assert (row.address, row.created_at) == (ADDRESS, PRESSED + timedelta(seconds=5))
    assert [text for text in texts(response) if "was added successfully" in text]
    assert notice_of(refund) == ("", None, None)
    assert LogEntry.objects.get().object_id == str(row.pk)


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("C@EXAMPLE.com", "c@example.com has opted out already."),
        ("nobody", "Enter a valid email address."),
        ("", "This field is required."),
        ("x" * 255 + "@example.com", "Ensure this value has at most 254 characters"),
    ],
)
def test_add_refuses_a_known_or_invalid_address(client: Client, rows: list[OptOut], address: str, error: str) -> None:
    """The form says why, once, and nothing is changed."""
    before = state()
    page = client.post(f"{LIST}add/", {"address": address})
    assert page.status_code == 200
    assert page.text.count(error) == 1
    assert state() == before


@pytest.mark.parametrize("by_action", [False, True])
def test_next_outcome_after_a_deleted_opt_out_is_mailed(client: Client, rows: list[OptOut], by_action: bool) -> None:
    """What was settled before is not mailed."""
    before, after = make_refund(customer_email=ADDRESS), make_refund(customer_email=ADDRESS)
    settle(before, YES, PRESSED)
    form = {"action": "delete_selected", "_selected_action": rows[0].pk, "post": "yes"}
    address = LIST if by_action else f"{LIST}{rows[0].pk}/delete/"
    assert client.post(address, form).status_code == 302
    assert shown(client, LIST) == ["zoe@shop.example"]
    settle(after, YES, PRESSED)
    assert [notify_customer(refund.pk, PRESSED) for refund in (before, after)] == [False, True]
    assert len(subjects()) == 1
    assert notice_of(before) == ("", None, None)


def test_viewer_is_offered_no_other_action(rows: list[OptOut]) -> None:
    """Neither the button to add nor the action to delete."""
    page = browser(make_user("view_optout")).get(LIST)
    assert f"{LIST}add/" not in page.text
    assert "delete_selected" not in page.text


@pytest.mark.parametrize("bad", ["x", "-1", "1.5", "²", "9" * 19, "9" * 5000, "", "\x00", "<script>"])
def test_malformed_id_deletes_nothing(client: Client, rows: list[OptOut], bad: str) -> None:
    """The answer is a message, not an error page."""
    before = state()
    form = {"action": "delete_selected", "_selected_action": [rows[0].pk, bad], "post": "yes"}
    page = client.post(LIST, form, follow=True)
    assert texts(page) == ["Nothing was changed: a chosen id is not the id of any opt-out. Choose from the list again."]
    assert state() == before
