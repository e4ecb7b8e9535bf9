"""What the optional rooms of the default project add to the page of a refund."""

import pytest
from django.contrib.auth.models import User

from refunds.notices.models import Notice

from ..admin.conftest import browser, clock, make_user
from ..admin.test_refund_page import fields
from ..factories import make_refund

__all__ = ["clock"]  # a fixture

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    """A user who can only view refunds."""
    return make_user("view_refund")


def test_page_says_why_no_notice_was_sent(user: User) -> None:
    """The reason stays with the refund."""
    refund = make_refund()
    Notice.objects.create(refund=refund, status="suppressed", reason="the customer has opted out")
    assert fields(browser(user), refund.pk)["notice"] == "suppressed: the customer has opted out"
