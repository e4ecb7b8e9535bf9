"""The core's pages show what rooms say to the user, below Django's messages."""

from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.html import format_html

from refunds import signals
from refunds.models import Sweep

from ..factories import PRESSED, make_failed
from .conftest import act

pytestmark = pytest.mark.django_db


def room(user: User, now: datetime, **_: Any) -> list[tuple[str, str, str]]:
    """Say who asks, and one thing as HTML."""
    assert now == PRESSED
    return [("warning", f"<b>{user}", "/there/"), ("info", format_html("<b>{}</b>", "<i>"), "")]


def test_pages_show_the_lines_of_rooms(client: Client) -> None:
    """Each once, with its link, and as text unless format_html made it; nothing where no room says anything."""
    failed = make_failed()[0]
    below: tuple[str, ...] = ("sweep/", "returnrequest/", "returnrequest/approve-all/", f"refund/{failed}/change/")
    pages = [
        f"/admin/refunds/{page}" for page in (*below, f"refund/{failed}/history/", f"returnrequest/{failed}/change/")
    ]
    for page in pages:
        assert "<aside" not in client.get(page).text
    signals.banner_requested.connect(room)
    for page in pages:
        text = client.get(page).text
        assert text.count('<li class="warning"><a href="/there/">&lt;b&gt;pat</a></li>') == 1
        assert text.count('<li class="info"><b>&lt;i&gt;</b></li>') == 1
    assert "<aside" in act(client, "decline_selected", [failed]).text
    assert Sweep.objects.count() == 0
