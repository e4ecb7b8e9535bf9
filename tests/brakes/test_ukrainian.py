"""The room's pages in Ukrainian, and what stays English: the history."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils.translation import override

from refunds.admin.values import sums
from refunds.brakes import undoing
from refunds.brakes.models import Pause, UndoneChunk
from refunds.brakes.receivers import health
from refunds.domain import cutoff
from refunds.models import Sweep
from refunds.operations import local

from ..admin.conftest import client, clock, commit, texts, user
from ..admin.latin import latin
from ..factories import PRESSED
from .approved import approved, small_chunks

__all__ = ["client", "clock", "small_chunks", "user"]  # fixtures

pytestmark = pytest.mark.django_db
PERMISSIONS = ("cancel_sweep", "undo_sweep", "pause_payments")
PAUSES = "/admin/refunds_brakes/pause/"
UK = {"Accept-Language": "uk"}


def english(text: str) -> set[str]:
    """Return the Latin words of the text or HTML, without the user's name and those of the core's texts."""
    with override("uk"):
        core = [cutoff.CITY, local(PRESSED), sums([]), sums([("GBP", 1, 1)]), *Sweep.objects.all()]
    return latin(text) - latin(" ".join(map(str, core))) - {"pat"}


def press(client: Client, address: str, **data: str) -> str:
    """Press the page's button, and return what the next page says; each in Ukrainian."""
    page = client.get(address, headers=UK)
    form = page.text.partition('<div id="content-main">')[2].partition("</form>")[0]
    assert (english(form + page.context["title"]), "Причина" in form, "Назад" in form) == (set(), True, True)
    with commit():
        (said,) = texts(client.post(address, {"reason": "r", **data}, headers=UK, follow=True))
    assert english(said) == set()
    return said


def test_sweep_is_cancelled_and_undone_in_ukrainian(client: Client) -> None:
    """The forms, the answers and the facts, with a decimal comma; a press that comes too late; and English history."""
    sweep = approved(5, done=1)
    page = f"/admin/refunds/sweep/{sweep.pk}/"
    cancelled = press(client, f"{page}cancel/")
    assert cancelled.startswith("Масове рішення скасовано. ")
    assert " 37,50 GBP. " in cancelled
    assert press(client, f"{page}cancel/").startswith("Нічого не змінено: ")
    begun = "Відкликання розпочато, частин: 1. Відтепер жодна виплата цього масового рішення не починається."
    assert press(client, f"{page}undo/") == begun
    assert press(client, f"{page}undo/").startswith("Нічого не змінено: ")
    facts = client.get(f"{page}change/", headers=UK).context["instants"][-2:]
    assert (facts[1][0], english(str(facts))) == ("Повернуто до стану «очікує рішення»", set())
    with override("uk"):
        undoing.undo_chunk(UndoneChunk.objects.get().pk, PRESSED)
    entries = ("Cancelled: r Left pending: 3 of 37.50 GBP", "Undo: r", "Undone: 2 of 25.00 GBP returned to requested")
    history = [(f"approve sweep {sweep.pk}", entry) for entry in entries]
    assert list(LogEntry.objects.order_by("pk").values_list("object_repr", "change_message")) == history


def test_payments_are_paused_and_go_on_in_ukrainian(client: Client) -> None:
    """The switch, the list of pauses, the finding of health, and a second press; and English history."""
    assert press(client, f"{PAUSES}switch/", press="pause").startswith("Виплати призупинено. ")
    with override("uk"):
        (found,) = health()
    assert (found.startswith("виплати призупинено з "), english(found)) == (True, set())
    assert press(client, f"{PAUSES}switch/", press="pause").startswith("Нічого не змінено: виплати вже призупинено ")
    shown = client.get(PAUSES, headers=UK)
    columns = ("Причина", "Хто призупинив", "Хто відновив")
    for text in ("Зупинення та відкликання", "Призупинення виплат", "Відновити виплати", *columns):
        assert text in shown.text
    assert press(client, f"{PAUSES}switch/", press="lift").startswith("Виплати відновлено. ")
    pause = Pause.objects.get()
    assert set(LogEntry.objects.values_list("object_repr", flat=True)) == {f"pause {pause.pk}"}
