"""The page of beat's schedule: what the code declares, what the rows say, and the way back from an edit."""

from typing import Any

import pytest
from celery import current_app
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.test import Client
from django.utils.translation import override
from pytest_django import Settings

from refunds import signals
from refunds.admin.words import CITY
from refunds.beat import drift
from refunds.beat.admin import banner
from refunds.domain import cutoff
from refunds.schedule import beat_schedule

from ..admin.conftest import browser, client, clock, make_user, texts, unchanged, user
from ..factories import CUTOFF, HOUR, PRESSED, SECOND, local
from .beats import DECLARED, DECLINE, OURS, STOCK, daily, rows
from .test_drift import write

__all__ = ["client", "clock", "user"]  # fixtures

pytestmark = pytest.mark.django_db
PAGE = "/admin/refunds/sweep/schedule/"
NAME = "decline-pending"
EARLIER = (CUTOFF - HOUR).astimezone(cutoff.ZONE)
EDITED = DECLARED.replace(f" {cutoff.TIME.hour} ", f" {EARLIER.hour} ")


@pytest.fixture(params=[STOCK, OURS])
def stored(request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let beat read its schedule from the database, which has the declared one."""
    settings.CELERY_BEAT_SCHEDULER = request.param  # Celery before 5.6 reads this, whatever is assigned below
    assigned: Any = current_app.conf.changes
    monkeypatch.setitem(assigned, "beat_scheduler", request.param)
    write(beat_schedule())


def edit(**columns: Any) -> None:
    """Change the row of the decline, by default to an hour earlier."""
    rows().filter(name=NAME).update(**columns or {"crontab": daily(EARLIER)})


def shown(client: Client) -> dict[str, Any]:
    """Return the page's entries by name."""
    return {entry.name: entry for entry in client.get(PAGE).context["entries"]}


def viewer(*names: str) -> Client:
    """Return the browser of a user with these permissions of django-celery-beat."""
    made = User.objects.create_user("viewer", is_staff=True)
    made.user_permissions.set(Permission.objects.filter(content_type__app_label=drift.PACKAGE, codename__in=names))
    return browser(made)


def said(user: User) -> list[tuple[str, str, str]]:
    return [line for answer in signals.answers(signals.banner_requested, user=user, now=PRESSED) for line in answer]


@pytest.mark.usefixtures("stored")
def test_page_shows_each_entry_and_its_row(client: Client) -> None:
    """What is declared in words; whether the row is enabled, when it last ran, and when it is due."""
    rows().filter(name="reconcile").update(last_run_at=PRESSED - 10 * SECOND)
    decline, reconcile = (shown(client)[name] for name in (NAME, "reconcile"))
    assert (decline.task, decline.queue, reconcile.queue) == (DECLINE, "decisions", "reconciling")
    assert decline.when == f"every day at {cutoff.TIME:%H:%M} ({cutoff.ZONE.key})"
    assert reconcile.when == "every 0:00:30"
    assert (decline.row.enabled, decline.row.last_run, decline.row.due) == (True, None, CUTOFF)
    assert (reconcile.row.last_run, reconcile.row.due) == (PRESSED - 10 * SECOND, PRESSED + 20 * SECOND)
    assert decline.differences == reconcile.differences == []
    text = client.get(PAGE).text
    assert local(CUTOFF) in text
    assert "Restore" not in text
    text = client.get(PAGE, headers={"accept-language": "uk"}).text
    with override("uk"):
        assert f"Наступний запуск ({CITY})" in text


@pytest.mark.usefixtures("stored")
def test_edit_is_a_warning_with_a_way_back(client: Client, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page and the banner warn; the button restores the entry; the history of the row says who pressed it."""
    monkeypatch.setattr(signals.banner_requested, "receivers", [])
    signals.banner_requested.connect(banner)
    assert said(user) == []
    edit()
    entry = shown(client)[NAME]
    assert [(one.field, one.found, one.declared) for one in entry.differences] == [("schedule", EDITED, DECLARED)]
    assert (entry.row.due, shown(client)["reconcile"].differences) == (EARLIER + 24 * HOUR, [])
    page = client.get(PAGE).text
    assert f"schedule is {EDITED}, declared is {DECLARED}" in page
    assert page.count(f'<input type="submit" value="Restore {NAME}">') == page.count('value="Restore ') == 1
    rows_before = rows().values_list("pk", flat=True)
    cache.clear()
    assert said(user) == [("warning", f"Beat's schedule is not as declared: {NAME}. See the difference.", PAGE)]
    answer = client.post(PAGE, {"entry": NAME}, follow=True, headers={"accept-language": "uk"})
    assert texts(answer) == [f"{NAME} знову відповідає оголошеному. Запущений beat врахує це за кілька секунд."]
    assert drift.compare(beat_schedule()) == []
    assert (said(user), list(rows_before)) == ([], list(rows().values_list("pk", flat=True)))
    (log,) = LogEntry.objects.all()
    assert (log.user, log.get_edited_object()) == (user, rows().get(name=NAME))
    assert log.change_message == f"Restored as declared: {NAME}: schedule is '{EDITED}', declared is '{DECLARED}'"


@pytest.mark.usefixtures("stored")
def test_restored_entry_that_the_database_cannot_hold_is_told_to_differ(
    client: Client, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows hold whole seconds."""
    user.user_permissions.add(Permission.objects.get(codename="change_periodictask"))
    half = beat_schedule()[NAME] | {"schedule": SECOND / 2}
    monkeypatch.setitem(current_app.conf.beat_schedule, NAME, half)
    answer = client.post(PAGE, {"entry": NAME}, follow=True)
    assert texts(answer) == [f"{NAME} is stored, and still differs: the database cannot hold what the code declares."]


@pytest.mark.usefixtures("stored")
def test_row_that_is_never_due_again_is_restored(client: Client) -> None:
    """Its interval ends after the last year of the calendar."""
    interval = apps.get_model(drift.PACKAGE, "IntervalSchedule").objects.create(every=10_000_000, period="days")
    edit(crontab=None, interval=interval)
    assert shown(client)[NAME].row.due is None
    client.post(PAGE, {"entry": NAME})
    assert drift.compare(beat_schedule()) == []


@pytest.mark.usefixtures("stored")
def test_city_of_an_instant_is_in_the_language_of_the_page(client: Client) -> None:
    """As on each other page."""
    page = client.get(PAGE, headers={"accept-language": "uk"})
    with override("uk"):
        assert page.text.count(f"({CITY})</th>") == 4


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("lost", [{"name": "renamed"}, {"enabled": False}, {"args": "["}, {"crontab": None}])
def test_each_kind_of_edit_is_restored(client: Client, lost: dict[str, Any]) -> None:
    """Also a row that was renamed, cannot be read, or has no time; a renamed one is shown as undeclared."""
    edit(**lost)
    page = client.get(PAGE)
    (warning,) = shown(client)[NAME].warnings
    assert ("no row" in warning, "cannot be read: JSONDecodeError(" in warning) == ("name" in lost, "args" in lost)
    assert [row["name"] for row in page.context["others"]] == (["renamed"] if "name" in lost else [])
    client.post(PAGE, {"entry": NAME})
    assert drift.compare(beat_schedule()) == []


@pytest.mark.usefixtures("stored")
def test_button_without_a_difference_changes_nothing(client: Client) -> None:
    """Pressed twice, or for an entry that is not declared."""
    for name, why in (NAME, f"{NAME} is as declared"), ("by hand\x00", "the code declares no such entry"):
        with unchanged():
            answer = client.post(PAGE, {"entry": name}, follow=True)
        assert texts(answer) == [f"Nothing was changed: {why}."]


@pytest.mark.usefixtures("stored")
def test_restoring_needs_the_permission_to_change_rows() -> None:
    """The permission to view rows opens the page, without a button."""
    edit()
    reader = viewer("view_periodictask")
    page = reader.get(PAGE)
    assert (page.status_code, f"schedule is {EDITED}" in page.text, "Restore" in page.text) == (200, True, False)
    with unchanged():
        assert reader.post(PAGE, {"entry": NAME}).status_code == 403
    assert len(drift.compare(beat_schedule())) == 1


@pytest.mark.usefixtures("stored")
def test_banner_reads_the_rows_once_in_ten_seconds(user: User, django_assert_num_queries: Any) -> None:
    """Two statements an entry; and says nothing to a user who cannot open the page."""
    with django_assert_num_queries(4):
        assert banner(user=user) == []
    edit()
    with django_assert_num_queries(0):
        assert banner(user=user) == []
    cache.clear()
    assert len(banner(user=user)) == 1
    assert banner(user=make_user("view_walletentry", username="none")) == []


@pytest.mark.parametrize("installed", [True, False])
def test_scheduler_without_rows_shows_what_is_declared(
    client: Client, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    """A file, as by default: rows say nothing then, and there is nothing to restore; also without the package."""
    write(beat_schedule())
    edit()
    monkeypatch.setattr(apps, "is_installed", lambda name: installed and name == drift.PACKAGE)
    assert [(entry.row, entry.differences) for entry in shown(client).values()] == [(None, []), (None, [])]
    with unchanged():
        answer = client.post(PAGE, {"entry": NAME}, follow=True)
    assert texts(answer) == ["Nothing was changed: beat does not read its schedule from the database."]


@pytest.mark.parametrize(("permission", "status"), [("view_sweep", 200), ("view_refund", 403)])
def test_who_can_view_sweeps_can_view_the_schedule(permission: str, status: int) -> None:
    """It is the schedule that starts declines. The overview leads there."""
    reader = make_user(permission)
    assert browser(reader).get(PAGE).status_code == status
    tools = [tool for answer in signals.answers(signals.tools_requested, user=reader) for tool in answer]
    assert tools == ([("Beat's schedule", PAGE)] if status == 200 else [])
