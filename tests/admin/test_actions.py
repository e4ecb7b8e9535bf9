"""Approve and Decline on chosen rows."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from freezegun.api import FrozenDateTimeFactory

from refunds.admin.actions import make_token
from refunds.domain import cutoff
from refunds.domain.returns import Status
from refunds.domain.sweeps import Frozen
from refunds.models import Refund, ReturnRequest

from ..factories import CUTOFF, NOON, PRESSED, make_requests
from .conftest import CHANGE_LIST, Message, browser, local, make_user, state, texts

pytestmark = pytest.mark.django_db

Queued = Callable[[], list[Message]]


@pytest.fixture
def user() -> User:
    """A user who can approve and decline chosen rows."""
    return make_user("approve_returnrequest", "decline_returnrequest")


@pytest.fixture
def client(user: User) -> Client:
    """That user's browser."""
    return browser(user)


def act(client: Client, action: str, chosen: list[Any], query: str = "", **data: Any) -> Any:
    """Send the list's form, as the list or the page after it does."""
    return client.post(CHANGE_LIST + query, {"action": action, "_selected_action": chosen, **data}, follow=True)


def confirm(client: Client, action: str, chosen: list[Any], query: str = "", **data: Any) -> Any:
    """Choose, and send the form of the page after it as it is, but for `data`."""
    page = act(client, action, chosen, query, **{name: data[name] for name in data if name == "select_across"})
    verb = action.partition("_")[0]
    return act(client, action, chosen, query, **{"token": page.context["token"], verb: "confirmed", **data})


def ids(rows: list[ReturnRequest]) -> list[int]:
    return [row.pk for row in rows]


def statuses() -> dict[int, str]:
    return dict(ReturnRequest.objects.values_list("pk", "status"))


def test_approve_decides_chosen_rows_and_reports_the_rest(
    client: Client, user: User, queued: Queued, django_capture_on_commit_callbacks: Any
) -> None:
    """Two pending rows get a refund each; one decided before and one received before the cutoff are left."""
    chosen = make_requests(2)
    declined = make_requests(1, status=Status.DECLINED, decided_at=PRESSED)
    owed = make_requests(1, received_at=CUTOFF - timedelta(days=1, microseconds=1))
    other = make_requests(1)
    with django_capture_on_commit_callbacks(execute=True):
        page = confirm(client, "approve_selected", ids(chosen + declined + owed))
    assert texts(page) == [
        "Approved: 2. Left as they were: 2 (decided before, or received before the last cutoff and to be declined)."
    ]
    assert statuses() == {
        **dict.fromkeys(ids(chosen), "approved"),
        declined[0].pk: "declined",
        owed[0].pk: "requested",
        other[0].pk: "requested",
    }
    assert set(ReturnRequest.objects.filter(pk__in=ids(chosen)).values_list("decided_by", "decided_at")) == {
        (user.pk, PRESSED)
    }
    assert set(Refund.objects.values_list("pk", flat=True)) == set(ids(chosen))
    assert [message.task for message in queued()] == ["refunds.pay_refunds"]


def test_approve_across_pages_decides_what_the_filters_match(client: Client) -> None:
    """With "select all" the filters in the URL count, and the ids in the form do not."""
    pounds = make_requests(120)
    make_requests(2, currency="UAH")
    page = confirm(client, "approve_selected", [pounds[0].pk], "?currency=GBP", select_across=1)
    assert texts(page) == ["Approved: 120."]
    assert set(ReturnRequest.objects.filter(status=Status.REQUESTED).values_list("currency", flat=True)) == {"UAH"}


def test_approve_asks_for_confirmation(client: Client) -> None:
    """The first form changes nothing; its page has count, sums and names of approvable rows, and no reason."""
    pending = make_requests(12)
    make_requests(1, currency="UAH")
    declined = make_requests(1, status=Status.DECLINED, decided_at=PRESSED)
    owed = make_requests(2, received_at=CUTOFF - timedelta(days=1, microseconds=1), customer="late")
    before = state()
    page = act(client, "approve_selected", ids(pending + declined + owed), index=0, select_across=0)
    assert state() == before
    assert "Chosen: 15. Still pending, and to be approved: 12." in page.text
    assert "Decided before, and left as they are: 1." in page.text
    assert "2 pending return requests were received before the last cutoff." in page.text
    assert page.text.count("<li>1001/1: 12.50 GBP, c-1</li>") == 10
    assert "and 2 more" in page.text
    assert "late" not in page.text.partition("<ul>\n  <li>1001")[2]
    assert 'value="Approve 12 return requests"' in page.text
    assert 'name="reason"' not in page.text


@pytest.mark.parametrize("chosen", ["all", "each"])
@pytest.mark.parametrize(("action", "verb"), [("approve_selected", "approved"), ("decline_selected", "declined")])
def test_rows_received_after_the_page_are_not_decided(client: Client, action: str, verb: str, chosen: str) -> None:
    """This holds for rows that the filters match or the form names; the message has their number."""
    shown = make_requests(2)
    across = {"select_across": 1} if chosen == "all" else {}
    page = act(client, action, ids(shown), "?currency=GBP", **across)
    late = make_requests(3, amount_minor=9_999_999)
    make_requests(1, currency="UAH")
    sent = {"token": page.context["token"], "reason": "r", action.partition("_")[0]: "x", **across}
    page = act(client, action, ids(shown + late), "?currency=GBP", **sent)
    assert texts(page) == [f"{verb.capitalize()}: 2. Not {verb}: 3 that came in after the page was made."]
    assert dict(ReturnRequest.objects.filter(status=verb).values_list("pk", "amount_minor")) == dict.fromkeys(
        ids(shown), 1250
    )


def test_decline_asks_for_a_reason_first(client: Client) -> None:
    """The first form changes nothing; its page counts the pending chosen rows and has their ids."""
    pending = make_requests(12)
    approved = make_requests(1, status=Status.APPROVED, decided_at=PRESSED)
    before = state()
    page = act(client, "decline_selected", ids(pending + approved), index=0, select_across=0)
    assert state() == before
    assert "Chosen: 13. Still pending, and to be declined: 12." in page.text
    assert page.text.count("<li>1001/1: 12.50 GBP, c-1</li>") == 10
    assert "and 2 more" in page.text
    assert page.context["ids"] == [str(pk) for pk in ids(pending + approved)]
    assert all(f'name="_selected_action" value="{pk}"' in page.text for pk in ids(pending))


def test_decline_stores_its_reason_on_each_row(client: Client, user: User) -> None:
    """Declined rows have the user, the time and the reason, and no refund."""
    chosen = make_requests(2)
    decided = make_requests(1, status=Status.APPROVED, decided_at=PRESSED)
    reason = "Worn <b>twice</b>."
    page = confirm(client, "decline_selected", ids(chosen + decided), reason=f" {reason} ")
    assert page.redirect_chain == [(CHANGE_LIST, 302)]
    assert texts(page) == ["Declined: 2. Left as they were: 1 (decided before)."]
    rows = ReturnRequest.objects.filter(pk__in=ids(chosen))
    assert set(rows.values_list("status", "decision_note", "decided_by", "decided_at")) == {
        ("declined", reason, user.pk, PRESSED)
    }
    assert Refund.objects.count() == len(decided)


def test_decline_across_pages_leaves_rows_received_since(client: Client) -> None:
    """The page names one id in no row's name; a request that comes in after it is not declined."""
    make_requests(150)
    make_requests(1, currency="UAH")
    page = act(client, "decline_selected", ["1"], "?currency=GBP", index=0, select_across=1)
    assert page.context["ids"] == ["0"]
    assert page.context["found"].count == 150
    assert page.text.count('name="_selected_action"') == 1
    since = make_requests(1)[0]
    sent = {"select_across": 1, "token": page.context["token"], "reason": "r", "decline": "x"}
    assert texts(act(client, "decline_selected", ["0"], "?currency=GBP", **sent)) == [
        "Declined: 150. Not declined: 1 that came in after the page was made."
    ]
    assert dict(ReturnRequest.objects.filter(status=Status.REQUESTED).values_list("pk", "currency")) == {
        since.pk - 1: "UAH",
        since.pk: "GBP",
    }


@pytest.mark.parametrize("reason", ["", " \n\t", "x" * 501, "nul \x00"])
def test_decline_without_a_usable_reason_changes_nothing(client: Client, reason: str) -> None:
    """A missing, blank or long reason, or one with a NUL, shows the page again with an error and new numbers."""
    chosen = make_requests(2)
    before = state()
    page = confirm(client, "decline_selected", ids(chosen), reason=reason)
    assert page.context["form"].errors["reason"]
    assert page.context["token"]
    assert 'class="errorlist"' in page.text
    assert state() == before


def spoilt(token: str) -> str:
    return token[:-1] + ("A" if token[-1] != "A" else "B")


def of_the_button(_: str) -> str:
    return make_token("approve_all", User.objects.get().pk, Frozen(2**62), PRESSED)


def of_another_user(_: str) -> str:
    return make_token("approve", 999, Frozen(2**62), PRESSED)


@pytest.mark.parametrize("action", ["approve_selected", "decline_selected"])
@pytest.mark.parametrize("spoil", [spoilt, of_the_button, of_another_user, lambda _: "", lambda _: "1:2:\x00<script>"])
def test_forged_page_changes_nothing(client: Client, action: str, spoil: Callable[[str], str]) -> None:
    """A forged snapshot, or a token of another page or user, leads to a fresh page with a message."""
    chosen = make_requests(2)
    token = spoil(act(client, action, ids(chosen)).context["token"])
    before = state()
    page = act(client, action, ids(chosen), **{"token": token, "reason": "r", action.partition("_")[0]: "x"})
    (said,) = texts(page)
    assert said.startswith("Nothing was changed: the form was not one that this page made for you. Check the numbers")
    assert page.context["found"].count == 2
    assert state() == before


@pytest.mark.parametrize("action", ["approve_selected", "decline_selected"])
@pytest.mark.parametrize(
    ("shown_at", "confirmed_at", "why"),
    [
        (CUTOFF - timedelta(seconds=1), CUTOFF, f"the cutoff of {local(CUTOFF)} ({cutoff.CITY}) passed"),
        (NOON, NOON + timedelta(hours=1, seconds=1), "open for more than an hour"),
    ],
)
def test_expired_page_changes_nothing(  # noqa: PLR0917  # three of them are one case
    client: Client, clock: FrozenDateTimeFactory, action: str, shown_at: datetime, confirmed_at: datetime, why: str
) -> None:
    """A page confirmed at the cutoff, or a second after its hour, leads to a fresh page that says why."""
    chosen = make_requests(2)
    clock.move_to(shown_at)
    token = act(client, action, ids(chosen)).context["token"]
    before = state()
    clock.move_to(confirmed_at)
    page = act(client, action, ids(chosen), **{"token": token, "reason": "r", action.partition("_")[0]: "x"})
    assert why in texts(page)[0]
    assert state() == before


def test_reason_of_the_maximum_length_is_stored(client: Client) -> None:
    """Five hundred characters are kept whole."""
    row = make_requests()[0]
    confirm(client, "decline_selected", [row.pk], reason="x" * 500)
    row.refresh_from_db()
    assert row.decision_note == "x" * 500


def test_page_groups_the_thousands_of_its_counts(client: Client) -> None:
    """They look as on the page of the button."""
    make_requests(1012)
    make_requests(1, status=Status.DECLINED, decided_at=PRESSED)
    page = act(client, "approve_selected", ["0"], select_across=1)
    assert "Chosen: 1,013. Still pending, and to be approved: 1,012." in page.text
    assert "and 1,002 more" in page.text
    assert 'value="Approve 1,012 return requests"' in page.text


def test_page_leads_back_to_the_list_by_its_breadcrumbs(client: Client) -> None:
    """The breadcrumbs are those of Django's pages: home, the app, the list."""
    page = act(client, "approve_selected", ids(make_requests()))
    assert f'&rsaquo; <a href="{CHANGE_LIST}">Return requests</a>' in page.text


def test_rows_that_can_only_be_declined_are_reported_as_pending(client: Client) -> None:
    """The message says that they are pending and cannot be approved."""
    page = act(client, "approve_selected", ids(make_requests(2, received_at=CUTOFF - timedelta(days=2))))
    assert "None of the 2 chosen can be approved." in page.text
    assert "2 pending return requests were received before the last cutoff" in page.text


@pytest.mark.parametrize(("verb", "past"), [("approve", "approved"), ("decline", "declined")])
def test_page_without_pending_rows_has_no_form(client: Client, verb: str, past: str) -> None:
    """If no chosen row is pending, there is nothing to confirm."""
    decided = make_requests(1, status=Status.APPROVED, decided_at=PRESSED)
    page = act(client, f"{verb}_selected", ids(decided))
    assert f"None of the 1 chosen can be {past}." in page.text
    assert f'name="{verb}"' not in page.text


@pytest.mark.parametrize("action", ["approve_selected", "decline_selected"])
@pytest.mark.parametrize("bad", ["x", "-1", "1.5", "²", "9" * 19, "9" * 5000, "", "<script>"])
def test_malformed_id_changes_nothing(client: Client, action: str, bad: str) -> None:
    """An id that no row can have is answered with a message, not with an error page."""
    good = make_requests()[0]
    before = state()
    page = act(client, action, [good.pk, bad], index=0)
    assert texts(page) == [
        "Nothing was changed: a chosen id is not the id of any return request. Choose from the list again."
    ]
    assert state() == before


@pytest.mark.parametrize("action", ["approve_selected", "decline_selected"])
@pytest.mark.parametrize("confirmed", [False, True])
def test_more_rows_than_a_request_can_decide_are_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch, action: str, confirmed: bool
) -> None:
    """Nothing is decided across more rows than the list counts, with or without the confirmation page."""
    make_requests(4)
    before = state()
    extra = {}
    if confirmed:
        token = act(client, action, ["0"], select_across=1).context["token"]
        extra = {"token": token, "reason": "r", action.partition("_")[0]: "x"}
    monkeypatch.setattr("refunds.admin.actions.COUNTED", 3)
    page = act(client, action, ["0"], select_across=1, **extra)
    assert texts(page) == ["Nothing was changed: more than 3 return requests match. Narrow the filters first."]
    assert state() == before


def test_action_by_get_changes_nothing(client: Client) -> None:
    """GET with the form's fields changes nothing."""
    row = make_requests()[0]
    before = state()
    client.get(f"{CHANGE_LIST}?action=approve_selected&_selected_action={row.pk}&index=0")
    assert state() == before


def test_permission_revoked_after_the_page_refuses_the_form(client: Client, user: User) -> None:
    """A user who can no longer decline when the reason is sent gets 403, and nothing is declined."""
    row = make_requests()[0]
    assert act(client, "decline_selected", [row.pk]).status_code == 200
    user.user_permissions.set([])
    user.user_permissions.add(*make_user("view_returnrequest", username="viewer").user_permissions.all())
    before = state()
    sent = act(client, "decline_selected", [row.pk], reason="r", token="t", decline="Decline")
    assert sent.status_code == 403
    assert state() == before
