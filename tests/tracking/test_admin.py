"""The refund's page in the admin shows when it is looked up, and whether it failed after it had succeeded."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from refunds.models import Refund
from refunds.tracking.models import LookUp

from ..factories import NOON, PRESSED, local, make_failed, make_refund
from .rows import under_way

pytestmark = pytest.mark.django_db


def looked_up(pk: int) -> list[dict[str, str]]:
    """The fields of the look-up on the refund's page, for a user who can view refunds and nothing else."""
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_refund"))
    client = Client()
    client.force_login(user)
    page = client.get(reverse(f"admin:{Refund._meta.app_label}_refund_change", args=[pk]))
    assert page.status_code == 200
    (formset,) = page.context["inline_admin_formsets"]
    forms = [[field for fieldset in form for line in fieldset for field in line] for form in formset]
    return [{field.field["name"]: str(field.contents()) for field in form} for form in forms]


def test_page_says_when_a_refund_under_way_is_looked_up() -> None:
    """To the second, on the clocks of the cutoff's zone."""
    due = NOON + timedelta(minutes=1)
    refund = under_way(look_at=due)
    assert looked_up(refund.pk) == [{"next": local(due), "reversed": "-"}]


def test_page_says_when_a_refund_failed_after_it_had_succeeded() -> None:
    """Until an operator has acted."""
    (pk,) = make_failed()
    LookUp.objects.create(pk=pk, reversed_at=PRESSED)
    assert looked_up(pk) == [{"next": "-", "reversed": local(PRESSED)}]


def test_page_of_a_refund_without_a_look_up_shows_none() -> None:
    """There is no form to add one either."""
    assert looked_up(make_refund().pk) == []
