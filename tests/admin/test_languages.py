"""The core's pages in Ukrainian: words, numbers, amounts and instants; what the history keeps stays English."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils.translation import gettext_lazy, override
from pytest_django import Settings

from refunds.admin.values import in_zone, name_of, number, sums
from refunds.admin.words import label
from refunds.models import Refund, ReturnRequest, Sweep, money

from ..factories import NOON, local, make_failed, make_requests
from .conftest import APPROVE_ALL, CHANGE_LIST, REFUNDS, commit, press, token_of

pytestmark = pytest.mark.django_db
PERMISSIONS = ("approve_all", "retry_refund", "decline_returnrequest")
BLANK = "\N{NO-BREAK SPACE}"  # between thousands


@pytest.fixture(autouse=True)
def ukrainian(client: Client) -> None:
    """The browser asks for Ukrainian."""
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "uk,en;q=0.5"


def test_numbers_amounts_and_instants_follow_the_language() -> None:
    """English has a comma between thousands and the day last; Ukrainian a space, a decimal comma and the day first."""
    totals = [("GBP", 1_000, 123_450), ("JPY", 1, 900)]
    assert sums(totals) == "1,000 of 1,234.50 GBP, 1 of 900 JPY"
    assert (in_zone(NOON), sums([])) == (local(NOON), "none")
    with override("uk"):
        assert number(1_234_567) == f"1{BLANK}234{BLANK}567"
        assert money(123_450, "GBP") == f"1{BLANK}234,50 GBP"
        assert sums(totals) == f"1{BLANK}000 на суму 1{BLANK}234,50 GBP, 1 на суму 900 JPY"
        day, clock = local(NOON).split()
        assert in_zone(NOON) == f"{'.'.join(reversed(day.split('-')))} {clock}"


def test_pages_are_in_the_language_that_the_browser_asks_for(client: Client) -> None:
    """List, page of a row, confirmation and refund; the forms of the plural are those for 1, 2 and 5."""
    for count, form in ((1, "1 заявку на повернення"), (1, "2 заявки на повернення"), (3, "5 заявок на повернення")):
        make_requests(count, amount_minor=123_450)
        assert f'value="Схвалити {form}"' in client.get(APPROVE_ALL).text
    listed = client.get(CHANGE_LIST).text
    for text in ("заявки на повернення: 5", "очікує рішення", f"1{BLANK}234,50 GBP", "Схвалити всі, що очікують"):
        assert text in listed
    assert (
        "рядок замовлення"
        in client.get(f"{CHANGE_LIST}{ReturnRequest.objects.latest('pk').pk}/change/").text.casefold()
    )
    assert "«Спробувати ще раз» одразу" in client.get(f"{REFUNDS}{make_failed()[0]}/change/").text
    assert "return request" not in listed


def test_history_and_names_in_it_stay_english(client: Client, user: User) -> None:
    """Whatever the language of the user who pressed: other users read the history in theirs."""
    make_requests(2, amount_minor=123_450)
    with commit():
        page = press(client, token_of(client))
    entry = LogEntry.objects.get()
    sweep = Sweep.objects.get()
    assert entry.object_repr == f"approve sweep {sweep.pk}"
    assert entry.change_message == "Approve all pending: 2 of 2,469.00 GBP, as the page showed"
    shown = client.get(page.url).text
    assert f"Масове рішення {sweep.pk} (схвалення)" in shown


def test_label_of_a_code_is_translated_where_it_can_be(settings: Settings) -> None:
    """A setting has plain texts, so that programs can print it; a project's own label stays as it is."""
    settings.REFUNDS_DECLINE_CODES = settings.REFUNDS_DECLINE_CODES | {
        "odd": "An odd one",
        "plain": gettext_lazy("others"),
    }
    with override("uk"):
        shown = [label(code) for code in ("damaged", "odd", "plain", "lost", "")]
    assert shown == ["пошкоджене клієнтом", "An odd one", "інші", "lost", ""]
    assert {type(text) for code, text in settings.REFUNDS_DECLINE_CODES.items() if code != "plain"} == {str}


def test_columns_have_english_names_in_any_language() -> None:
    """The style sheet and the tests find a column by its name."""
    with override("uk"):
        assert name_of(gettext_lazy("decided by")) == "decided-by"
        assert str(gettext_lazy("decided by")) == "хто вирішив"


def test_row_names_follow_the_language() -> None:
    """A refund's name has its amount."""
    refund = Refund(pk=7, amount_minor=123_450, currency="GBP")
    assert str(refund) == "refund 7: 1,234.50 GBP"
    with override("uk"):
        assert str(refund) == f"відшкодування 7: 1{BLANK}234,50 GBP"
