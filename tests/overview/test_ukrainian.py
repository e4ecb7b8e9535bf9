"""The room's pages in Ukrainian: each text, the numbers and the dates."""

from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override
from freezegun.api import FrozenDateTimeFactory

from refunds.admin.words import word
from refunds.domain import cutoff
from refunds.models import Refund, Sweep
from refunds.operations import sweeps
from refunds.overview.outcomes import TEXTS

from ..admin.conftest import CHANGE_LIST, client, clock, user
from ..admin.latin import latin
from ..factories import CUTOFF, PRESSED, SECOND, make_failed, make_requests
from .conftest import decide, press

__all__ = ["client", "clock", "user"]  # fixtures

pytestmark = pytest.mark.django_db
# What is Latin in Ukrainian texts too: currencies, the user's name, the program beat, the file's format.
DATA = {"gbp", "jpy", "boss", "beat", "csv"}


def get(client: Client, page: str) -> Any:
    """Return the page as a browser gets it that asks for Ukrainian."""
    answer = client.get(page, headers={"Accept-Language": "uk"})
    assert answer.status_code == 200
    return answer


def english(html: str, sweep: Sweep) -> set[str]:
    """Return the Latin words of the HTML, without data and without those of the core, which has tests of its own."""
    with override("uk"):
        core = [str(sweep), cutoff.CITY, *map(word, ("approved", "planning", "running", "expired", "done"))]
    return latin(html) - latin(" ".join(core)) - DATA


def test_overview_and_banner_are_in_ukrainian(client: Client) -> None:
    """Each section, with a decimal comma. A page in English before leaves none of its texts in the cache."""
    make_failed(2)
    make_requests(3)
    make_requests(1, currency="JPY")
    decide(sweep := press(), 1)
    assert "Nothing is overdue." in client.get("/admin/refunds/").text
    page = get(client, "/admin/refunds/")
    shown = page.text.partition('<div class="overview">')[2].partition('<div id="content-main"')[0]
    day = f"{PRESSED.astimezone(cutoff.ZONE):%d.%m.%Y}"
    for text in "Нічого не прострочено.", "Заявки на повернення, що очікують рішення", "25,00 GBP", f">{day}<":
        assert text in shown
    assert english(shown, sweep) == set()
    (_, until, _), *lines = page.context["lines"]
    assert until.startswith(f"Крайній строк {cutoff.TIME:%H:%M} (")
    assert english(until + " ".join(text for _, text, _ in lines), sweep) == {"time"}  # the script replaces it
    assert "Відшкодування не вдалося виплатити: 2 (25,00 GBP)" in [text for _, text, _ in lines]


def test_page_of_a_sweep_is_in_ukrainian(client: Client, clock: FrozenDateTimeFactory) -> None:
    """Its parts, sums, log and links, while it runs and once it has expired."""
    make_requests(5)
    decide(sweep := press(), 2, PRESSED + SECOND)
    chunks, expired = "Виконано частин: 2 з 3. Вирішено: 4.", "Строк минув. Без рішення залишилося: 1."
    for now, last in ((PRESSED + 9 * SECOND, chunks), (CUTOFF, expired)):
        clock.move_to(now)
        page = get(client, f"/admin/refunds/sweep/{sweep.pk}/progress/")
        assert page.context["events"][-1][1] == last
        parts = ["<div data-part=" + part for part in page.text.split("<div data-part=")[1:]]
        of_room = [part for part in parts if not part.startswith(('<div data-part="facts"', '<div data-part="links"'))]
        assert len(of_room) == len(parts) - 2
        assert "<td>50,00 GBP</td>" in "".join(of_room)
        texts = [text for pair in page.context["speed"] for text in pair]
        texts += [label for label, _ in page.context["pages"]]
        assert english(" ".join([*of_room, *texts]), sweep) == set()
    with override("uk"):
        assert latin(" ".join(map(str, TEXTS.values()))) == set()
    whole = get(client, f"/admin/refunds/sweep/{sweep.pk}/change/").text
    assert 'data-closed="Ця сторінка вам більше недоступна. ' in whole


def test_csv_is_in_english_in_any_language(client: Client) -> None:
    """Programs read it: names of sweeps, amounts and instants too."""
    make_requests(3)
    decide(sweep := press(), 1)
    decide(sweeps.decline_pending(CUTOFF)[0], None, CUTOFF)
    file = client.get(f"/admin/refunds/sweep/{sweep.pk}/outcome.csv").getvalue()
    assert b"declined by decline sweep" in file
    assert get(client, f"/admin/refunds/sweep/{sweep.pk}/outcome.csv").getvalue() == file


def test_timeline_is_in_ukrainian(client: Client) -> None:
    """What was decided and paid, but not what the history keeps and the provider said."""
    (row,) = make_requests(1)
    decide(sweep := press())
    for columns in (
        {"attempts": 0},
        {"failure": "busy"},
        {"attempts": 2, "first_attempt_at": PRESSED, "accepted_at": PRESSED},
        {"tried_again": 1, "status": "succeeded", "settled_at": PRESSED, "receipt": "re"},
        {"status": "failed", "receipt": ""},
    ):
        Refund.objects.update(**columns)
        found = [text for _, text, _ in get(client, f"{CHANGE_LIST}{row.pk}/change/").context["timeline"]]
        assert (found[0], english(" ".join(found), sweep) - {"busy", "re"}) == ("Клієнт подав заявку", set())
