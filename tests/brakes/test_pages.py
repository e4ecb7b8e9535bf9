"""The pages that cancel and undo a sweep, and the switch that pauses payments."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.dispatch import Signal
from django.test import Client
from freezegun.api import FrozenDateTimeFactory

from refunds import signals
from refunds.brakes import undoing
from refunds.brakes.admin import banner
from refunds.brakes.models import Pause, Undo, UndoneChunk
from refunds.domain import cutoff
from refunds.models import Sweep

from ..admin.conftest import browser, client, clock, commit, make_user, texts, unchanged, user
from ..factories import CUTOFF, PRESSED, local
from .approved import approved, decline, small_chunks

__all__ = ["client", "clock", "small_chunks", "user"]  # fixtures

pytestmark = pytest.mark.django_db
PERMISSIONS = ("cancel_sweep", "undo_sweep", "pause_payments")
SWITCH = "/admin/refunds_brakes/pause/switch/"


def of(sweep: Sweep, page: str) -> str:
    return f"/admin/refunds/sweep/{sweep.pk}/{page}/"


def send(client: Client, address: str, reason: str = "wrong file", **data: str) -> Any:
    """Send the form, commit, and follow."""
    with commit():
        return client.post(address, {"reason": reason, **data}, follow=True)


def links(client: Client, sweep: Sweep) -> list[str]:
    """Return the labels of the buttons on the sweep's page."""
    return [label for label, _ in client.get(of(sweep, "change")).context["links"]]


def history() -> list[tuple[Any, ...]]:
    return list(LogEntry.objects.order_by("pk").values_list("user__username", "object_repr", "change_message"))


def test_sweep_under_way_is_cancelled_from_its_page(client: Client) -> None:
    """The message and the history say what is left, and the history says why."""
    sweep = approved(5, done=1)
    assert links(client, sweep) == ["Cancel the sweep", "Undo the sweep"]
    page = send(client, of(sweep, "cancel"))
    assert texts(page) == ["The sweep is cancelled. Left pending: 3 of 37.50 GBP. What it had decided stays decided."]
    assert history() == [("pat", str(sweep), "Cancelled: wrong file Left pending: 3 of 37.50 GBP")]
    assert (page.context["progress"].state, links(client, sweep)) == ("cancelled", ["Undo the sweep"])


def test_sweep_is_undone_from_its_page(client: Client) -> None:
    """The press answers at once, and messages do the work, which the page shows to its end."""
    sweep = approved(5)
    assert links(client, sweep) == ["Undo the sweep"]
    assert texts(send(client, of(sweep, "undo"))) == [
        "The undo has begun, in 3 parts. From now on no payment of this sweep begins."
    ]
    assert (Undo.objects.get().reason, links(client, sweep)) == ("wrong file", [])
    assert history() == [("pat", str(sweep), "Undo: wrong file")]
    first, *rest = UndoneChunk.objects.order_by("pk").values_list("pk", flat=True)
    for ids, back in ([first], "2 of 25.00 GBP, and more to come"), (rest, "5 of 62.50 GBP"):
        for pk in ids:
            undoing.undo_chunk(pk, PRESSED)
        page = client.get(of(sweep, "change")).context
        facts = dict(page["instants"])
        assert (facts[f"Undone ({cutoff.CITY})"], facts["Returned to requested"]) == (local(PRESSED), back)
        assert (page["refresh"] is None) is (not back.endswith("more to come"))


def test_switch_pauses_and_lifts(client: Client) -> None:
    """The page offers what the switch's position allows; the list shows who did both, when and why."""
    last: Any = None
    for press, label, position in (("pause", "Pause payments", True), ("lift", "Let payments go on", None)):
        assert label in client.get("/admin/refunds_brakes/pause/").text
        assert client.get(SWITCH).context["title"] == label
        last = send(client, SWITCH, press=press)
        assert Pause.objects.get().is_open is position
    assert texts(last) == ["Payments go on. Those that have waited begin within a minute."]
    assert last.text.count(f">{local(PRESSED)}</td>") == 2
    pause = str(Pause.objects.get())
    said = [("pat", pause, "Payments paused: wrong file"), ("pat", pause, "Lifted: wrong file")]
    assert history() == said


def test_each_page_says_that_payments_are_paused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who paused them, since when and why, escaped; with a link for a user who can let them go on."""
    sweep = approved(1)
    send(client, SWITCH, "<b>wrong</b>", press="pause")
    monkeypatch.setattr(signals, "banner_requested", Signal())
    signals.banner_requested.connect(banner)
    for viewer, link in ((client, True), (browser(make_user("view_sweep", username="viewer")), False)):
        assert "Payments are paused" in viewer.get("/admin/refunds/sweep/").text
        page = viewer.get(f"/admin/refunds/sweep/{sweep.pk}/history/").text
        assert f"Payments are paused since {local(PRESSED)}" in page
        assert "by pat: &lt;b&gt;wrong&lt;/b&gt;" in page
        assert (f'<li class="error"><a href="{SWITCH}">' in page) is link
    assert "Payments are paused" in client.get("/admin/refunds_brakes/pause/").text
    send(client, SWITCH, press="lift")
    assert "Payments are paused" not in client.get("/admin/refunds/sweep/").text


@pytest.mark.parametrize("press", ["pause", "lift"])
def test_switch_in_two_tabs_works_once(client: Client, press: str) -> None:
    """The second press of the same form changes nothing, and says so."""
    send(client, SWITCH, press="pause")
    if press == "lift":
        send(client, SWITCH, press="lift")
    with unchanged():
        (said,) = texts(send(client, SWITCH, press=press))
    assert said.startswith("Nothing was changed: payments are ")


@pytest.mark.parametrize("page", ["cancel", "undo"])
def test_page_of_a_sweep_that_is_over_changes_nothing(client: Client, clock: FrozenDateTimeFactory, page: str) -> None:
    """A decline cannot be stopped, by no button and by no form."""
    clock.move_to(CUTOFF)
    sweep = decline(CUTOFF)
    assert links(client, sweep) == []
    with unchanged():
        (said,) = texts(send(client, of(sweep, page)))
    assert said.startswith(f"Nothing was changed: decline sweep {sweep.pk} ")


@pytest.mark.parametrize("reason", ["", " \t\n", "x" * 501, "a\x00b"])
def test_reason_is_required_and_short(client: Client, reason: str) -> None:
    """The page shows the form again, with what is wrong."""
    sweep = approved(5, done=1)
    with unchanged():
        for address in (of(sweep, "cancel"), of(sweep, "undo"), SWITCH):
            page = send(client, address, reason)
            assert list(page.context["form"].errors) == ["reason"]


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_pages_need_their_permission(permission: str) -> None:
    """Without it GET and POST are 403, and the sweep's page has no link; an unknown sweep is 404."""
    sweep = approved(5, done=1)
    page = permission.partition("_")[0]
    address = SWITCH if page == "pause" else of(sweep, page)
    other = browser(make_user("view_sweep", *{*PERMISSIONS} - {permission}))
    allowed = browser(make_user(permission, username="may"))
    with unchanged():
        assert other.get(address).status_code == other.post(address, {"reason": "r"}).status_code == 403
        assert page not in [label.partition(" ")[0].lower() for label in links(other, sweep)]
        assert allowed.get(address).status_code == 200
        assert page == "pause" or allowed.get(f"/admin/refunds/sweep/0/{page}/").status_code == 404
        assert allowed.put(address).status_code == 405


def test_reason_is_escaped(client: Client) -> None:
    """The reason comes back as text, not as markup."""
    page = send(client, of(approved(5, done=1), "cancel"), "<script>alert(1)</script>" * 30)
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text
