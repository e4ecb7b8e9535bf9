"""What the optional rooms of the default project add to the page of a refund."""

import pytest
from django.contrib.auth.models import User
from django.utils.text import slugify

from refunds.domain import cutoff

from ..admin.conftest import browser, clock, local, make_user
from ..admin.test_refund_page import fields
from ..factories import NOON, PRESSED, make_failed, make_processing, make_refund

__all__ = ["clock"]  # a fixture

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    """A user who can only view refunds."""
    return make_user("view_refund")


def test_page_of_a_refund_under_way_says_when_it_is_looked_up(user: User) -> None:
    """The next look-up, in the cutoff's zone."""
    refund = make_processing(look_at=NOON)
    assert fields(browser(user), refund.pk)[slugify(f"next look-up ({cutoff.CITY})")] == local(NOON)


def test_page_of_a_refund_that_failed_after_it_had_succeeded_says_when(user: User) -> None:
    """Besides the reason, until it is tried again."""
    (pk,) = make_failed(reversed_at=PRESSED)
    assert fields(browser(user), pk)[slugify(f"failed after it had succeeded ({cutoff.CITY})")] == local(PRESSED)


def test_page_says_why_no_notice_was_sent(user: User) -> None:
    """The reason stays with the refund."""
    refund = make_refund(notice_suppressed="the customer has opted out")
    assert fields(browser(user), refund.pk)["notice"] == "the customer has opted out"
