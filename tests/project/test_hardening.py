"""The pages run under a Content-Security-Policy without `unsafe-inline`, and a login always leads to a page."""

from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from http import HTTPStatus

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from freezegun import freeze_time

from refunds.notices import opt_outs

from ..factories import NOON, make_refund, make_requests

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse"
LOGIN = "/admin/login/"
INDEX = "/admin/"
LISTS = ("refund", "returnrequest", "sweep", "walletentry")


class Inline(HTMLParser):
    """What a policy without `unsafe-inline` blocks: scripts, styles and handlers that are written into a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        # A script of another type holds data, which no browser runs.
        runs = "src" not in names and (names.get("type") or "javascript").endswith("javascript")
        if tag == "style" or (tag == "script" and runs):
            self.found.append(tag)
        self.found += [f"{tag} {name}" for name in names if name == "style" or name.startswith("on")]
        self.found += [f"{tag} {name}" for name, value in attrs if (value or "").startswith("javascript:")]


def inline(html: str) -> list[str]:
    """The tags and attributes of a page that the policy blocks."""
    parser = Inline()
    parser.feed(html)
    return parser.found


@pytest.fixture
def superuser() -> User:
    """A user who can see every page."""
    return User.objects.create_superuser("ada", password=PASSWORD)


@pytest.fixture
def browser(superuser: User) -> Client:
    """A browser in which the superuser is logged in."""
    client = Client()
    client.force_login(superuser)
    return client


def pages(browser: Client) -> Iterator[str]:
    """The path of every page that this project serves, one of each kind."""
    refund = make_refund()
    make_requests()
    yield from (LOGIN, INDEX, "/admin/password_change/", "/admin/refunds/", "/no/such/page/")
    yield from (f"/admin/refunds/{name}/" for name in LISTS)
    yield from (f"/admin/refunds/{name}/{refund.pk}/change/" for name in ("refund", "returnrequest"))
    yield f"/admin/refunds/refund/{refund.pk}/history/"
    yield "/admin/refunds/returnrequest/approve-all/"
    yield from ("/admin/auth/user/", "/admin/auth/user/add/", "/admin/auth/group/add/")
    yield from ("/admin/refunds_notices/notice/", "/admin/refunds_notices/optout/")
    yield f"/opt-out/{opt_outs.token('c@example.com')}/"
    yield "/opt-out/forged/"


def test_inline_parts_of_a_page_are_found() -> None:
    """The search below sees each thing that the policy blocks."""
    page = "<style></style><script>x</script><script type='text/javascript'>x</script><b style='' onclick='x'>"
    assert inline(page) == ["style", "script", "script", "b style", "b onclick"]
    assert inline("<a href='javascript:x'>") == ["a href"]
    assert inline("<script src='x'></script><script type='application/json'>{}</script>") == []


def test_every_page_has_the_policy_and_nothing_that_it_blocks(browser: Client) -> None:
    """Scripts and styles come from this host's files alone, on every kind of page, errors included."""
    seen = list(pages(browser))
    assert len(seen) > 12
    for path in seen:
        answer = browser.get(path, follow=True)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy, path
        assert "unsafe" not in policy, path
        assert inline(answer.text) == [], path


def test_policy_forbids_frames_and_forms_of_other_sites() -> None:
    """The policy also sets what `default-src` does not cover: frames, targets of forms, the base of relative links."""
    policy = dict(part.split(" ", 1) for part in Client().get(LOGIN).headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "object-src": "'none'",
    }


@pytest.mark.parametrize("leads", ["", "?next=", "?next=https://elsewhere.example/", "?next=//elsewhere.example/"])
def test_login_without_a_next_page_leads_to_the_admin(superuser: User, leads: str) -> None:
    """Django's own default is a page that no project has."""
    answer = Client().post(
        f"{LOGIN}{leads}", {"username": "ada", "password": PASSWORD, "next": leads.removeprefix("?next=")}, follow=True
    )
    assert answer.redirect_chain == [(INDEX, HTTPStatus.FOUND)]
    assert answer.status_code == HTTPStatus.OK


def test_missing_page_links_to_the_admin(superuser: User) -> None:
    """A login whose `next` names no page ends on a page with a link."""
    answer = Client().post(
        f"{LOGIN}?next=/no/such/page/",
        {"username": "ada", "password": PASSWORD, "next": "/no/such/page/"},
        follow=True,
    )
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert "There is no page at this address" in answer.text
    assert f'href="{INDEX}"' in answer.text


def test_session_ends_after_eight_hours_of_use(superuser: User) -> None:
    """Use does not extend it beyond a working day."""
    with freeze_time(NOON) as clock:
        browser = Client()
        browser.post(LOGIN, {"username": "ada", "password": PASSWORD})
        (session,) = Session.objects.all()
        assert session.expire_date == NOON + timedelta(hours=8)
        for _ in range(7):
            clock.tick(timedelta(hours=1))
            assert browser.get(INDEX).status_code == HTTPStatus.OK
        clock.tick(timedelta(hours=1, seconds=1))
        assert browser.get(INDEX).status_code == HTTPStatus.FOUND
    assert settings.SESSION_COOKIE_AGE == 8 * 60 * 60
