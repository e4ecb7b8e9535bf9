"""The refund's page in the admin shows when it is looked up, and whether it failed after it had succeeded."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils.text import slugify

from refunds.domain import cutoff
from refunds.models import Refund
from refunds.tracking.models import LookUp

from ..factories import NOON, PRESSED, local, make_failed, make_refund
from .rows import under_way

pytestmark = pytest.mark.django_db


def looked_up(pk: int) -> list[str]:
    """The fields of the look-up on the refund's page, for a user who can view refunds and nothing else."""
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_refund"))
    client = Client()
    client.force_login(user)
    page = client.get(reverse(f"admin:{Refund._meta.app_label}_refund_change", args=[pk]))
    assert page.status_code == 200
    fields = [field for fieldset in page.context["adminform"] for line in fieldset for field in line]
    shown = {field.field["name"]: str(field.contents()) for field in fields}
    names = ("next look-up", "failed after it had succeeded")
    return [shown[slugify(f"{name} ({cutoff.CITY})")] for name in names]


def test_page_says_when_a_refund_under_way_is_looked_up() -> None:
    """To the second, on the clocks of the cutoff's zone."""
    refund = under_way(look_at=NOON + timedelta(minutes=1))
    assert looked_up(refund.pk) == [local(NOON + timedelta(minutes=1)), "-"]


def test_page_says_when_a_refund_failed_after_it_had_succeeded() -> None:
    """Until an operator has acted."""
    (pk,) = make_failed()
    LookUp.objects.create(pk=pk, reversed_at=PRESSED)
    assert looked_up(pk) == ["-", local(PRESSED)]


def test_page_of_a_refund_without_a_look_up_shows_dashes() -> None:
    """The fields are on every refund's page."""
    assert looked_up(make_refund().pk) == ["-", "-"]
