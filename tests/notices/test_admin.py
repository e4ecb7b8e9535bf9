"""Notices and opt-outs in the admin: staff find both, and add and delete opt-outs."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils.html import escape
from django.utils.translation import override
from freezegun.api import FrozenDateTimeFactory

from refunds import signals
from refunds.admin.base import COUNTED
from refunds.admin.words import WORDS
from refunds.domain.sweeps import Frozen
from refunds.models import Chunk, Refund, ReturnRequest
from refunds.notices.models import OUTCOMES, Notice, NoticeStatus, OptOut
from refunds.notices.queries import OPTED_OUT, REOPENED
from refunds.notices.sending import notify_customer
from refunds.operations import button

from ..admin.conftest import browser, clock, make_user, state, texts
from ..admin.test_refund_page import fields
from ..factories import NOON, PRESSED, SECOND, local, make_refund, never_read_tables
from ..rows.plans import explained
from .mails import ADDRESS, YES, make_pending, notice_of, opted_out, settle, subjects

__all__ = ["clock"]
pytestmark = pytest.mark.django_db
ROOM = f"/admin/{Notice._meta.app_label}"
NOTICES, OPT_OUTS = f"{ROOM}/notice/", f"{ROOM}/optout/"
ZOE, MARKUP = "zoe@shop.example", "<script>alert(1)</script>"
MALFORMED = ("x", "-1", "1.5", "²", str(2**63), "9" * 19, "9" * 5000)


@pytest.fixture
def client() -> Client:
    """Return the browser of a user who can view notices, and view, add and delete opt-outs."""
    return browser(make_user("view_notice", "view_optout", "add_optout", "delete_optout"))


@pytest.fixture
def superuser() -> Client:
    """Return the browser of a superuser."""
    return browser(make_user(is_superuser=True))


def make_notice(address: str, **columns: Any) -> Notice:
    """A notice of a paid refund."""
    refund = make_refund(status="succeeded", settled_at=NOON, receipt="r", customer_email=address)
    return Notice.objects.create(request=refund.request, **columns)


@pytest.fixture
def notices() -> dict[str, Notice]:
    """Return a notice of each status, newest last."""
    sent: dict[str, Any] = {"notified_of": "failed", "notified_at": NOON}
    each = {"pending": {"due_at": NOON}, "sent": sent, "suppressed": {"reason": "opted out"}}
    return {status: make_notice(f"{status}@example.com", status=status, **each[status]) for status in each}


@pytest.fixture
def out() -> OptOut:
    """Return the first of two opt-outs."""
    first, _ = [OptOut.objects.create(address=address, created_at=NOON) for address in (ADDRESS, ZOE)]
    return first


def shown(client: Client, address: str, column: str) -> list[str]:
    """A column of the rows on a list, in its order."""
    return [getattr(row, column) for row in client.get(address).context["cl"].result_list]


def test_page_of_the_refund_says_why_no_notice_was_sent(notices: dict[str, Notice]) -> None:
    """The reason stays with the refund."""
    page = fields(browser(make_user("view_refund")), notices["suppressed"].pk)
    assert page["notice"] == "suppressed: opted out"


def test_list_shows_and_finds_notices(client: Client, notices: dict[str, Notice]) -> None:
    """The newest is first. They are found by status, by the id of the refund, and by a part of the address."""
    assert shown(client, NOTICES, "status") == ["suppressed", "sent", "pending"]
    assert [shown(client, f"{NOTICES}?status={status}", "status") for status in notices] == [[each] for each in notices]
    for query, wanted in (("status=lost", []), (f"q={notices['sent'].pk}", ["sent"]), ("q=PENDING@ex", ["pending"])):
        assert shown(client, f"{NOTICES}?{query}", "status") == wanted
    page = client.get(NOTICES).text
    assert (page.count(">suppressed@example.com<"), page.count(">opted out<")) == (1, 1)


def test_list_filters_by_sweep_with_totals_and_links(superuser: Client, notices: dict[str, Notice]) -> None:
    """The page of the sweep leads there. The list leads to the refunds, and the page of a refund to its notice."""
    (sweep, _), sent = button.start_approve(key="k", frozen=Frozen(0), by=None, now=PRESSED), notices["sent"]
    ReturnRequest.objects.filter(pk=sent.pk).update(sweep=sweep)
    Chunk.objects.create(sweep=sweep, first_id=sent.pk, last_id=sent.pk, dispatched_at=PRESSED)
    address = f"{NOTICES}?sweep={sweep.pk}"
    assert f'href="{address}"' in superuser.get(f"/admin/refunds/sweep/{sweep.pk}/change/").text
    assert shown(superuser, address, "status") == ["sent"]
    page, refund = superuser.get(address).text, f"/admin/refunds/refund/{sent.pk}/change/"
    assert [text in page for text in ("Total: 1 of 12.50 GBP", f'href="{refund}"')] == [True, True]
    assert f'href="{NOTICES}{sent.pk}/change/"' in superuser.get(refund).text


def test_list_is_in_the_language_of_the_browser(client: Client, notices: dict[str, Notice]) -> None:
    """States and reasons that the code writes are translated. The rows keep English, and so does what others wrote."""
    Notice.objects.filter(status="sent").update(status="suppressed", reason=OPTED_OUT)
    with override(None):
        page = client.get(NOTICES, headers={"accept-language": "uk"}).text
    cells = ("без листа", "клієнт відмовився від листів", "opted out")
    assert [f">{cell}<" in page for cell in cells] == [True] * len(cells)
    assert set(WORDS) >= {*NoticeStatus, *OUTCOMES, OPTED_OUT, REOPENED}


def test_page_shows_the_reason_and_links_to_the_refund(superuser: Client, notices: dict[str, Notice]) -> None:
    """Nobody can change a notice, not even a superuser."""
    notice, opts, before = notices["suppressed"], Refund._meta, state()
    page = superuser.get(f"{NOTICES}{notice.pk}/change/").text
    link = f'href="/admin/{opts.app_label}/{opts.model_name}/{notice.pk}/change/"'
    assert [text in page for text in (">opted out<", link)] == [True, True]
    for refused in ("add/", f"{notice.pk}/delete/", f"{notice.pk}/change/"):
        assert superuser.post(f"{NOTICES}{refused}").status_code == 403
    assert state() == before


def test_counts_have_a_limit_and_pending_notices_an_index(client: Client, notices: dict[str, Notice]) -> None:
    """No list of this room counts a whole table; there are few pending notices among those of years."""
    never_read_tables()
    with explained() as plans:
        for address in (f"{NOTICES}?_facets=1", f"{NOTICES}?status=pending", f"{OPT_OUTS}?_facets=1"):
            client.get(address)
    counts = [plan for plan in plans if "COUNT(*)" in plan.statement and ROOM.rpartition("/")[2] in plan.statement]
    assert [f"LIMIT {COUNTED + 1}" in plan.statement for plan in counts] == [True] * 3
    assert counts[1].indexes == {"refund_to_notify"}


@pytest.mark.parametrize("bad", ["0", *MALFORMED, str(2**63 - 1), "_00", "%00", "%FF"])
@pytest.mark.parametrize(("address", "refused"), [(NOTICES, 403), (OPT_OUTS, 302)])
def test_page_of_an_unknown_id_leads_to_the_index(superuser: Client, address: str, refused: int, bad: str) -> None:
    """It does so also where no row can have the id; nothing is changed."""
    before = state()
    for page in ("change", "history"):
        response = superuser.get(f"{address}{bad}/{page}/")
        assert (response.status_code, response["Location"]) == (302, "/admin/")
    assert superuser.post(f"{address}{bad}/delete/").status_code == refused
    assert state() == before


@pytest.mark.parametrize("address", [NOTICES, OPT_OUTS])
def test_user_without_permission_does_not_learn_which_rows_exist(address: str) -> None:
    """Every page of an unknown id is refused, as that of a known id is."""
    client = browser(make_user())
    pages = [f"{address}{pk}/{page}/" for page in ("change", "history", "delete") for pk in (1, 2**63)]
    assert {client.get(page).status_code for page in pages} == {403}


def test_lookup_without_a_filter_is_refused(client: Client) -> None:
    """Some would end in a database error, most would read the whole table."""
    lookups = ("notified_of__regex=(", "due_at__year=99999", "request__customer=c")
    assert {client.get(f"{NOTICES}?{lookup}").status_code for lookup in lookups} <= {302, 400}


def test_text_of_strangers_is_escaped(superuser: Client) -> None:
    """It is an imported address, and a reason that repeats it."""
    notice = make_notice(MARKUP, status="suppressed", reason=f"the address {MARKUP} is wrong").pk
    out = OptOut.objects.create(address=MARKUP, created_at=NOON).pk
    for page in ("notice/", f"notice/{notice}/change/", "optout/", f"optout/{out}/change/", f"optout/{out}/delete/"):
        text = superuser.get(f"{ROOM}/{page}").text
        assert MARKUP not in text
        assert str(escape(MARKUP)) in text


def test_list_shows_and_finds_opt_outs(client: Client, out: OptOut) -> None:
    """The newest is first, in the cutoff's zone. A viewer is offered neither to add nor to delete."""
    assert shown(client, OPT_OUTS, "address") == [ZOE, ADDRESS]
    assert shown(client, f"{OPT_OUTS}?q=EXAMPLE.com", "address") == [ADDRESS]
    assert client.get(OPT_OUTS).text.count(f">{local(NOON)}<") == 2
    viewer = browser(make_user("view_optout", username="viewer"))
    for offer in (f"{OPT_OUTS}add/", "delete_selected"):
        assert [offer in each.get(OPT_OUTS).text for each in (client, viewer)] == [True, False]


def test_opt_out_cannot_be_changed(client: Client, out: OptOut) -> None:
    """Its page shows address and instant as text."""
    before, address = state(), f"{OPT_OUTS}{out.pk}/change/"
    page = client.get(address).text
    assert [text in page for text in (f">{ADDRESS}<", f">{local(NOON)}<", '<input type="email"')] == [True, True, False]
    assert client.post(address, {"address": "d@example.com"}).status_code == 403
    assert state() == before


def test_add_opts_out_and_suppresses_pending_notices(client: Client, clock: FrozenDateTimeFactory) -> None:
    """It stores the address in lower case and the present time; the history names who did it."""
    refund = make_refund(customer_email="C@example.com", status="failed", failure="no", settled_at=NOON)
    make_pending([refund.pk], NOON)
    assert "opted out (" not in client.get(f"{OPT_OUTS}add/").text
    clock.tick(5 * SECOND)
    response = client.post(f"{OPT_OUTS}add/", {"address": " C@Example.COM "}, follow=True)
    assert opted_out() == [(ADDRESS, PRESSED + 5 * SECOND)]
    assert [text for text in texts(response) if "was added successfully" in text]
    assert (notice_of(refund), LogEntry.objects.get().object_id) == (("", None, None), str(OptOut.objects.get().pk))


def test_add_refuses_a_known_or_invalid_address(client: Client, out: OptOut) -> None:
    """The form says why, once, and nothing is changed."""
    before = state()
    for address, error in (
        (ADDRESS.upper(), f"{ADDRESS} has opted out already."),
        ("nobody", "Enter a valid email address."),
        ("", "This field is required."),
        ("x" * 255 + "@example.com", "Ensure this value has at most 254 characters"),
    ):
        page = client.post(f"{OPT_OUTS}add/", {"address": address})
        assert (page.status_code, page.text.count(error)) == (200, 1)
    assert state() == before


@pytest.mark.parametrize("by_action", [False, True])
def test_next_outcome_after_a_deleted_opt_out_is_mailed(client: Client, out: OptOut, by_action: bool) -> None:
    """An outcome before it is not mailed."""
    before, after = make_refund(customer_email=ADDRESS), make_refund(customer_email=ADDRESS)
    settle(before, YES, PRESSED)
    form = {"action": "delete_selected", "_selected_action": out.pk, "post": "yes"}
    assert client.post(OPT_OUTS if by_action else f"{OPT_OUTS}{out.pk}/delete/", form).status_code == 302
    assert opted_out() == [(ZOE, NOON)]
    settle(after, YES, PRESSED)
    assert [notify_customer(refund.pk, PRESSED) for refund in (before, after)] == [False, True]
    assert (len(subjects()), notice_of(before)) == (1, ("", None, None))


@pytest.mark.parametrize("bad", [*MALFORMED, "", "\x00", "<script>"])
def test_malformed_id_deletes_nothing(client: Client, out: OptOut, bad: str) -> None:
    """The answer is a message, not an error page."""
    before = state()
    form = {"action": "delete_selected", "_selected_action": [out.pk, bad], "post": "yes"}
    page = client.post(OPT_OUTS, form, follow=True)
    assert texts(page) == ["Nothing was changed: a chosen id is not the id of any opt-out. Choose from the list again."]
    assert state() == before


def test_room_says_how_many_notices_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """To users who can view notices, at most as many as a list counts, with a link to those."""
    viewer, other = make_user("view_notice"), make_user(username="other")

    def waits(user: Any) -> list[tuple[str, str]]:
        return [line for answer in signals.answers(signals.waiting_requested, user=user, now=NOON) for line in answer]

    assert waits(viewer) == []
    make_pending([make_refund().pk], NOON)
    link = f"{NOTICES}?status=pending"
    assert (waits(viewer), waits(other)) == ([("notices: 1", link)], [])
    monkeypatch.setattr("refunds.notices.admin.COUNTED", 0)
    assert waits(viewer) == [("notices: more than 0", link)]


def test_room_tells_when_a_customer_was_notified() -> None:
    """Of the last mail and of the next one, to users who can view notices."""
    viewer, other = make_user("view_notice"), make_user(username="other")
    notice = make_notice(ADDRESS, status="pending", due_at=PRESSED, notified_of="failed", notified_at=NOON)

    def told(user: Any, row: Any) -> list[tuple[Any, ...]]:
        found = signals.answers(signals.history_requested, row=row, user=user, now=PRESSED)
        return [line for answer in found for line in answer]

    page = f"{NOTICES}{notice.pk}/change/"
    request = notice.request
    assert told(viewer, request) == [(NOON, "Mail sent: refund failed", page), (PRESSED, "Mail due", page)]
    assert told(other, request) == told(viewer, make_refund().request) == []
