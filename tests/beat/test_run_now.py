"""django-celery-beat's "Run selected tasks" on the entry of the decline obeys the cutoff."""

import pytest
from django.test import Client
from django_celery_beat.models import PeriodicTask

from refunds.models import ReturnRequest

from ..admin.conftest import browser, make_user
from ..day.conftest import Start
from ..factories import CUTOFF, DAY, HOUR, MINUTE, make_requests
from .beats import begin

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("decline")]


@pytest.fixture
def client() -> Client:
    """Return a superuser's browser."""
    return browser(make_user(is_superuser=True))


def run_now(client: Client) -> None:
    """Choose the entry on its list, and press."""
    row = PeriodicTask.objects.get(name="decline-pending")
    form = {"action": "run_tasks", "_selected_action": row.pk}
    page = client.post("/admin/django_celery_beat/periodictask/", form, follow=True)
    assert [str(said) for said in page.context["messages"]] == ["1 task was successfully run"]


def test_entry_that_is_run_before_the_cutoff_declines_only_what_an_earlier_one_has_missed(
    start: Start, client: Client
) -> None:
    """An hour before the cutoff, today's requests stay pending; yesterday's are declined."""
    missed, todays = make_requests(received_at=CUTOFF - DAY - HOUR) + make_requests()
    celery = begin(start, CUTOFF - HOUR)
    run_now(client)
    celery.advance(MINUTE)
    assert dict(ReturnRequest.objects.values_list("pk", "status")) == {missed.pk: "declined", todays.pk: "requested"}
    celery.run_until(CUTOFF + HOUR)
    assert ReturnRequest.objects.get(pk=todays.pk).status == "declined"
