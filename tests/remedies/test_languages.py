"""The room's pages in Ukrainian, and what of them stays English."""

import pytest
from django.test import Client
from django.utils.translation import override

from refunds.remedies.forms import Page
from refunds.remedies.receivers import paid_twice

from ..admin.conftest import client, clock, texts, unchanged, user
from ..factories import NOON
from .closers import provider
from .pages import CORRECT, EVERY_PAGE, FIELDS, NEW, SECOND, history, of, row, send

__all__ = ["client", "clock", "provider", "user"]  # fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider")]
PERMISSIONS = ("correct_payment", "settle_refund")


@pytest.fixture(autouse=True)
def ukrainian(client: Client) -> None:
    """The browser asks for Ukrainian."""
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "uk"


@EVERY_PAGE
def test_page_and_its_messages_are_in_the_browsers_language(client: Client, page: Page) -> None:
    """The title, the button, each text, and what the form and a second press are told."""
    refund = row(page)
    shown = client.get(of(refund, page)).text
    refused = send(client, refund, page, **dict.fromkeys(FIELDS[page], "a\u200bb")).text
    said = [texts(send(client, refund, page)), texts(send(client, refund, page))]
    with override("en"):
        english = page.remedy.label, str(page.does), str(page.said)
    with override("uk"):
        label, does, done = page.remedy.label, str(page.does), str(page.said)
    assert not {label, does, done} & {*english}
    assert f"<h1>{label}: відшкодування {refund.pk}</h1>" in shown
    assert f'value="{label}"' in shown
    assert does in shown
    assert refused.count("текст містить невидимий символ U+200B (ZERO WIDTH SPACE) у позиції 2") == len(FIELDS[page])
    assert said[0] == [done]
    assert said[1][0].startswith(f"Нічого не змінено: після створення сторінки хтось змінив відшкодування {refund.pk}")


def test_history_of_a_remedy_stays_english(client: Client) -> None:
    """Others read it in another language. It has no secret either."""
    send(client, row(CORRECT, payment="sk_live_1"), CORRECT)
    ((*_, noted),) = history()
    assert noted == f"Corrected the payment from '(a secret, not shown)' to '{NEW}', and tried again after: card closed"


def test_health_names_the_remedy_in_the_language_of_the_page() -> None:
    """The line quotes the label that the refund's page has."""
    row(SECOND)
    with unchanged(), override("uk"):
        (line,) = paid_twice(now=NOON)
    assert line.startswith("можливо, виплачено двічі: 1,")
    assert "«Другу квитанцію перевірено»" in line
