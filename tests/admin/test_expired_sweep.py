"""The page of a sweep that expired before it decided everything."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from freezegun import freeze_time

from refunds.domain.sweeps import Frozen
from refunds.models import Sweep
from refunds.operations import sweeps

from ..factories import CUTOFF, MINUTE, PRESSED, local, make_requests

pytestmark = pytest.mark.django_db


def test_page_shows_state_instant_and_number_of_rows_left(admin_client: Client) -> None:
    """The operator who pressed the button finds out that the rows are undecided, how many, and since when."""
    rows = make_requests(3)
    sweep, _ = sweeps.start_approve(key="k", frozen=Frozen(rows[-1].pk), by=None, now=PRESSED)
    sweeps.decline_pending(CUTOFF + MINUTE)
    opts = Sweep._meta
    address = reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[sweep.pk])
    with freeze_time(CUTOFF + 2 * MINUTE):
        admin_client.force_login(User.objects.get())  # sessions have an age
        page = admin_client.get(address).text
    for cell in ("<td>expired</td>", f"<td>{local(CUTOFF)}</td>", "<td>3: still pending when the sweep expired"):
        assert cell in page
