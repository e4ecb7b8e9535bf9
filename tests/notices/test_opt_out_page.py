"""The page by which a customer opts out, and the click of a mail program (RFC 8058)."""

from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape
from django.utils.translation import override
from pytest_django import Settings

from refunds.notices import letters, opt_outs
from refunds.notices.models import Notice

from ..admin.conftest import clock
from ..factories import NOON, PRESSED, make_refund
from .mails import ADDRESS, make_pending, opted_out, reason_of
from .test_opt_outs import forgeries

__all__ = ["clock"]
pytestmark = pytest.mark.django_db
ENCODED = {"data": "List-Unsubscribe=One-Click", "content_type": "application/x-www-form-urlencoded"}
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def client() -> Client:
    """Return a stranger's browser, or a mail program: without a cookie, and with CSRF checks."""
    return Client(enforce_csrf_checks=True)


def page(address: str = ADDRESS) -> str:
    """Where the link in a customer's mail leads."""
    return f"/opt-out/{opt_outs.token(address)}/"


def assert_kept_to_itself(response: Any) -> None:
    """No cache, no other site and no search engine learns the address, and no cookie is set. It varies by language."""
    assert response["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
    assert (response["Referrer-Policy"], response["X-Robots-Tag"]) == ("no-referrer", "noindex")
    assert response["X-Frame-Options"] == "DENY"
    assert not response.cookies
    assert response["Vary"] == "Accept-Language"


def test_link_asks_and_changes_nothing(client: Client) -> None:
    """GET and HEAD show the question, however often a scanner follows the link. Methods except POST are refused."""
    for _ in range(2):
        shown = client.get(page())
        assert (shown.status_code, client.head(page()).status_code) == (200, 200)
        assert "Stop mails about returns?" in shown.text
        assert f"<strong>{ADDRESS}</strong>" in shown.text
        assert shown.text.count('<form method="post">') == 1
        assert_kept_to_itself(shown)
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert client.generic(method, page()).status_code == 405
    assert opted_out() == []


def test_button_opts_out_and_says_so(client: Client) -> None:
    """The POST needs only its address; a second one, and the link itself, show the same."""
    refund = make_refund(status="succeeded", settled_at=NOON, receipt="r", customer_email=ADDRESS)
    make_pending([refund.pk], NOON)
    for response in (client.post(page()), client.post(page()), client.get(page())):
        assert response.status_code == 200
        assert f"We do not write to <strong>{ADDRESS}</strong> about returns any more." in response.text
        assert "<form" not in response.text
        assert_kept_to_itself(response)
    assert opted_out() == [(ADDRESS, PRESSED)]
    assert reason_of(refund) == "the customer has opted out"


@pytest.mark.parametrize("sent", [ENCODED, {"data": ONE_CLICK}])
def test_one_click_opts_out(client: Client, settings: Settings, sent: dict[str, Any]) -> None:
    """A mail program posts to the header's address without cookie or CSRF token, and is answered without a redirect."""
    settings.REFUNDS_PUBLIC_URL = "https://testserver"
    refund = make_refund(status="failed", settled_at=NOON, failure="no", customer_email="C@Example.com")
    headers = letters.to_customer(Notice(request=refund.request)).extra_headers
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = headers["List-Unsubscribe"].strip("<>")
    response = client.post(address.removeprefix("https://testserver"), secure=True, **sent)
    assert response.status_code == 200
    assert opted_out() == [(ADDRESS, PRESSED)]


def test_forged_link_changes_nothing_and_says_so(client: Client) -> None:
    """It is answered with 404, by GET and by POST."""
    links = [forged for forged in forgeries() if forged and "\x00" not in forged]
    for forged in (*links, "%00", "%FF", "\N{SNOWMAN}", "x" * 5_000):
        for response in (client.get(f"/opt-out/{forged}/"), client.post(f"/opt-out/{forged}/", ONE_CLICK)):
            assert response.status_code == 404
            assert "This link does not work" in response.text
            assert "Nothing was changed." in response.text
            assert "<form" not in response.text
            assert_kept_to_itself(response)
    assert opted_out() == []


@pytest.mark.parametrize("payload", ["<script>alert(1)</script>", "\"><img src=x onerror='a()'>", "&lt;b&gt;<b>&amp;"])
def test_address_is_shown_as_text(client: Client, payload: str) -> None:
    """It is escaped, whatever was imported."""
    for text in (client.get(page(payload)).text, client.post(page(payload)).text):
        assert (payload in text, str(escape(payload)) in text) == (False, True)


def test_link_has_only_characters_that_mail_programs_link(settings: Settings) -> None:
    """No address puts a character into the link at which a program would end it."""
    settings.REFUNDS_PUBLIC_URL = "https://returns.example.com"
    for address in (ADDRESS, "a+b'{}|~^`@example.com", "Ü@bücher.example", "x" * 254):
        link = opt_outs.link(address)
        assert link is not None
        assert set(link) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:/")
        assert link.endswith("/")


@pytest.mark.parametrize(
    ("asked", "language", "said"),
    [("uk", "uk", "Відшкодування виплачуються"), ("pl", "en", "Refunds are paid either way.")],
)
def test_page_is_in_the_language_of_the_browser(client: Client, asked: str, language: str, said: str) -> None:
    """A language that the project does not have gives the project's own."""
    with override(None):
        text = client.get(page(), headers={"accept-language": asked}).text
    assert (f'<html lang="{language}">' in text, f"<p>{said}" in text) == (True, True)
