"""What optional rooms can add to the page of a refund, and the page without them."""

from collections.abc import Generator
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client

from refunds.admin import base
from refunds.admin.refunds import RETRY, RefundAdmin
from refunds.models import Refund

from ..factories import make_failed
from .conftest import REFUNDS, browser, make_user
from .test_refund_page import fields

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_rooms() -> Generator[None]:
    """The core's own page, whatever rooms this project has; what a test adds goes with it.

    Not `extra_urls`: the project reads them once, with its other URLs.
    """
    lists: list[list[Any]] = [RefundAdmin.fields, RefundAdmin.viewers, RefundAdmin.extra_links]
    before = [list(values) for values in lists]
    RefundAdmin.fields[:] = [name for name in RefundAdmin.fields if isinstance(name, str)]
    RefundAdmin.viewers[:] = [RETRY]
    RefundAdmin.extra_links.clear()
    yield
    for values, old in zip(lists, before, strict=True):
        values[:] = old


def test_page_without_rooms_has_the_cores_fields_and_its_button(client: Client) -> None:
    """A failed refund can be tried again, and nothing else."""
    (pk,) = make_failed()
    page = client.get(f"{REFUNDS}{pk}/change/")
    assert list(fields(client, pk)) == RefundAdmin.fields
    assert page.context["links"] == []
    assert page.text.count('value="Try again"') == 1


def test_room_adds_fields_and_links(client: Client) -> None:
    """A field shows what it returns for the refund, and a link leads to the room's page."""
    (pk,) = make_failed()

    def links(_admin: RefundAdmin, request: HttpRequest, refund: Refund) -> list[tuple[str, str]]:
        return [(f"Look at {refund.pk}", "/elsewhere/")] if request.user.is_superuser else []

    RefundAdmin.fields.append(base.column("twice the amount", lambda refund: 2 * refund.amount_minor))
    RefundAdmin.extra_links.append(links)
    assert fields(client, pk)["twice-the-amount"] == "2500"
    assert f'href="/elsewhere/">Look at {pk}</a>' in client.get(f"{REFUNDS}{pk}/change/").text


def test_room_lets_users_with_its_permission_view_refunds() -> None:
    """Without it they cannot, also if they have other permissions."""
    client = browser(make_user("view_sweep"))
    assert client.get(REFUNDS).status_code == 403
    RefundAdmin.viewers.append(f"{Refund._meta.app_label}.view_sweep")
    assert client.get(REFUNDS).status_code == 200
    assert "Refunds" in client.get("/admin/").text
