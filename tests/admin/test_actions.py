"""Approve and Decline on chosen rows."""

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from refunds.domain.returns import Status
from refunds.models import Refund, ReturnRequest

from ..factories import CUTOFF, DAY, PRESSED, make_failed, make_requests
from .conftest import CHANGE_LIST, LATE, act, confirm, make_user, queued, texts, unchanged

pytestmark = pytest.mark.django_db
PERMISSIONS = ("approve_returnrequest", "decline_returnrequest", "retry_refund")
BOTH = pytest.mark.parametrize("action", ["approve_selected", "decline_selected"])


def ids(rows: list[ReturnRequest]) -> list[int]:
    return [row.pk for row in rows]


def decided(status: Status) -> list[ReturnRequest]:
    return make_requests(status=status, decided_at=PRESSED)


def test_approve_decides_chosen_rows_and_reports_the_rest(client: Client, user: User) -> None:
    """Two pending rows get a refund each; one decided before and one received before the cutoff are left."""
    chosen = make_requests(2)
    others = decided(Status.DECLINED) + make_requests(received_at=LATE) + make_requests()
    before = ReturnRequest.objects.filter(pk__in=ids(others)).order_by("pk")
    left = list(before.values())
    page = confirm(client, "approve_selected", ids(chosen + others[:2]))
    assert texts(page) == [
        "Approved: 2. Left as they were: 2 (decided before, or received before the last cutoff and to be declined)."
    ]
    assert list(before.values()) == left
    rows = ReturnRequest.objects.filter(pk__in=ids(chosen))
    assert set(rows.values_list("status", "decided_by", "decided_at")) == {("approved", user.pk, PRESSED)}
    assert set(Refund.objects.values_list("pk", flat=True)) == set(ids(chosen))
    assert [message.task for message in queued()] == ["refunds.pay_refunds"]


@BOTH
def test_press_is_one_entry_in_the_log_with_the_sums_of_what_it_decided(
    client: Client, user: User, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    """Also where it takes several transactions. What was decided before is not in the sums. No decision, no entry."""
    monkeypatch.setattr("refunds.domain.sweeps.CHUNK_ROWS", 2)
    chosen = make_requests(3) + decided(Status.DECLINED) + make_requests(2, currency="JPY", amount_minor=1_000_000)
    confirm(client, action, ids(chosen))
    confirm(client, action, ids(chosen[3:4]))
    entry = LogEntry.objects.get()
    assert (entry.user, entry.action_flag, entry.action_time) == (user, CHANGE, PRESSED)
    assert (entry.content_type, entry.object_id) == (ContentType.objects.get_for_model(ReturnRequest), None)
    verb = action.partition("_")[0].capitalize()
    assert entry.change_message == f"{verb} selected: 3 of 37.50 GBP, 2 of 2,000,000 JPY"
    assert str(entry) == f"Changed “selected return requests” — {entry.change_message}"


def test_decision_that_cannot_be_written_down_is_not_made(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry belongs to the transaction of its rows."""
    chosen = ids(make_requests(2))

    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(LogEntry, "save", fail)
    with pytest.raises(OSError, match="the disk is full"):
        confirm(client, "approve_selected", chosen)
    assert ReturnRequest.objects.filter(status=Status.REQUESTED).count() == 2
    assert (Refund.objects.count(), queued()) == (0, [])


@pytest.mark.parametrize("reason", ["Worn <b>twice</b>.", "x" * 500])
def test_decline_stores_its_whole_reason_on_each_row(client: Client, user: User, reason: str) -> None:
    """Declined rows have the user, the time and the reason, and no refund."""
    chosen, approved = make_requests(2), decided(Status.APPROVED)
    page = confirm(client, "decline_selected", ids(chosen + approved), reason=f" {reason} ")
    assert page.redirect_chain == [(CHANGE_LIST, 302)]
    assert texts(page) == ["Declined: 2. Left as they were: 1 (decided before)."]
    rows = ReturnRequest.objects.filter(pk__in=ids(chosen))
    columns = rows.values_list("status", "decision_note", "decided_by", "decided_at")
    assert set(columns) == {("declined", reason, user.pk, PRESSED)}
    assert Refund.objects.count() == len(approved)


@pytest.mark.parametrize(("action", "past"), [("approve_selected", "approved"), ("decline_selected", "declined")])
def test_first_form_leads_to_a_page_and_changes_nothing(client: Client, action: str, past: str) -> None:
    """Its page has the count and the first names of rows that can be decided, and the ids of the chosen ones."""
    pending = make_requests(12)
    other = decided(Status.APPROVED if past == "declined" else Status.DECLINED)
    with unchanged():
        page = act(client, action, ids(pending + other), index=0, select_across=0)
    assert f"Chosen: 13. Still pending, and to be {past}: 12." in page.text
    assert page.text.count("<li>1001/1: 12.50 GBP, c-1</li>") == 10
    assert "and 2 more" in page.text
    assert page.context["ids"] == [str(pk) for pk in ids(pending + other)]
    assert all(f'name="_selected_action" value="{pk}"' in page.text for pk in ids(pending))
    # The breadcrumbs are those of Django's pages: home, the app, the list.
    assert f'&rsaquo; <a href="{CHANGE_LIST}">Return requests</a>' in page.text


def test_page_of_approve_leaves_out_what_cannot_be_approved(client: Client) -> None:
    """It counts late and decided rows, names only rows that can be approved, and asks for no reason."""
    others = decided(Status.DECLINED) + make_requests(2, received_at=LATE, customer="late")
    page = act(client, "approve_selected", ids(make_requests(2) + others))
    assert "Chosen: 5. Still pending, and to be approved: 2." in page.text
    assert "Decided before, and left as they are: 1." in page.text
    assert "2 pending return requests were received before the last cutoff." in page.text
    assert "late" not in page.text.partition("<ul>\n  <li>1001")[2]
    assert 'value="Approve 2 return requests"' in page.text
    assert 'name="reason"' not in page.text


def test_approve_across_pages_decides_what_the_filters_match(client: Client) -> None:
    """With "select all" the filters in the URL count, and the form names one id that no row has.

    Counts group their thousands.
    """
    pounds = make_requests(1012)
    decided(Status.DECLINED)
    make_requests(currency="UAH")
    page = act(client, "approve_selected", [pounds[0].pk], "?currency=GBP", select_across=1)
    assert page.context["ids"] == ["0"]
    assert page.text.count('name="_selected_action"') == 1
    assert "Chosen: 1,013. Still pending, and to be approved: 1,012." in page.text
    assert "and 1,002 more" in page.text
    assert 'value="Approve 1,012 return requests"' in page.text
    token = page.context["token"]
    page = confirm(client, "approve_selected", [pounds[0].pk], "?currency=GBP", token, select_across=1)
    assert texts(page)[0].startswith("Approved: 1,012. Left as they were: 1 (decided before")
    assert set(ReturnRequest.objects.filter(status=Status.REQUESTED).values_list("currency", flat=True)) == {"UAH"}


@pytest.mark.parametrize("across", [{"select_across": 1}, {}])
@pytest.mark.parametrize(("action", "verb"), [("approve_selected", "approved"), ("decline_selected", "declined")])
def test_rows_received_after_the_page_are_not_decided(
    client: Client, action: str, verb: str, across: dict[str, int]
) -> None:
    """This holds for rows that the filters match or the form names; the message has their number."""
    shown = make_requests(2)
    token = act(client, action, ids(shown), "?currency=GBP", **across).context["token"]
    late = make_requests(3, amount_minor=9_999_999)
    make_requests(currency="UAH")
    page = confirm(client, action, ids(shown + late), "?currency=GBP", token, **across)
    assert texts(page) == [f"{verb.capitalize()}: 2. Not {verb}: 3 that came in after the page was made."]
    rows = ReturnRequest.objects.filter(status=verb).values_list("pk", "amount_minor")
    assert dict(rows) == dict.fromkeys(ids(shown), 1250)


@pytest.mark.parametrize("reason", ["", " \n\t", "x" * 501, "nul \x00"])
def test_decline_without_a_usable_reason_changes_nothing(client: Client, reason: str) -> None:
    """A missing, blank or long reason, or one with a NUL, shows the page again with an error and new numbers."""
    chosen = ids(make_requests(2))
    with unchanged():
        page = confirm(client, "decline_selected", chosen, reason=reason)
    assert page.context["form"].errors["reason"]
    assert page.context["token"]
    assert 'class="errorlist"' in page.text


@pytest.mark.parametrize(("verb", "past"), [("approve", "approved"), ("decline", "declined")])
def test_page_without_pending_rows_has_no_form(client: Client, verb: str, past: str) -> None:
    """If no chosen row can be decided, there is nothing to confirm; rows that can only be declined are mentioned."""
    page = act(client, f"{verb}_selected", ids(decided(Status.APPROVED)))
    assert f"None of the 1 chosen can be {past}." in page.text
    assert f'name="{verb}"' not in page.text
    late = act(client, "approve_selected", ids(make_requests(2, received_at=CUTOFF - 2 * DAY)))
    assert "None of the 2 chosen can be approved." in late.text
    assert "2 pending return requests were received before the last cutoff" in late.text


@pytest.mark.parametrize("action", ["approve_selected", "decline_selected", "try_again"])
@pytest.mark.parametrize("bad", ["x", "-1", "1.5", "²", "9" * 19, "9" * 5000, "", "<script>"])
def test_malformed_id_changes_nothing(client: Client, action: str, bad: str) -> None:
    """An id that no row can have is answered with a message, not with an error page."""
    good, rows = (make_failed()[0], "refund") if action == "try_again" else (make_requests()[0].pk, "return request")
    with unchanged():
        page = act(client, action, [good, bad], index=0)
    said = f"Nothing was changed: a chosen id is not the id of any {rows}. Choose from the list again."
    assert texts(page) == [said]


@BOTH
@pytest.mark.parametrize("confirmed", [False, True])
def test_more_rows_than_a_request_can_decide_are_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch, action: str, confirmed: bool
) -> None:
    """Nothing is decided across more rows than the list counts, with or without the confirmation page."""
    make_requests(4)
    token = act(client, action, ["0"], select_across=1).context["token"]
    monkeypatch.setattr("refunds.admin.actions.COUNTED", 3)
    with unchanged():
        page = (confirm if confirmed else act)(client, action, ["0"], token=token, select_across=1)
    assert texts(page) == ["Nothing was changed: more than 3 return requests match. Narrow the filters first."]


def test_action_by_get_changes_nothing(client: Client) -> None:
    """GET with the form's fields changes nothing."""
    row = make_requests()[0]
    with unchanged():
        client.get(f"{CHANGE_LIST}?action=approve_selected&_selected_action={row.pk}&index=0")


def test_permission_revoked_after_the_page_refuses_the_form(client: Client, user: User) -> None:
    """A user who can no longer decline when the reason is sent gets 403, and nothing is declined."""
    row = make_requests()[0]
    token = act(client, "decline_selected", [row.pk]).context["token"]
    user.user_permissions.set(make_user("view_returnrequest", username="viewer").user_permissions.all())
    with unchanged():
        assert confirm(client, "decline_selected", [row.pk], token=token).status_code == 403
