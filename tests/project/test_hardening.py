"""The pages run under a Content-Security-Policy without `unsafe-inline`, and a login always leads to a page."""

from html.parser import HTMLParser
from http import HTTPStatus

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from freezegun import freeze_time

from refunds.notices import opt_outs

from ..factories import HOUR, NOON, SECOND, make_refund, make_requests

pytestmark = pytest.mark.django_db
ADA = {"username": "ada", "password": "correct horse"}
# Also what `default-src` does not cover: frames, targets of forms, the base of relative links.
POLICY = {"default-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'", "object-src 'none'"}
LOGIN, INDEX, MISSING = "/admin/login/", "/admin/", "/no/such/page/"


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
    """Return the tags and attributes of a page that the policy blocks."""
    parser = Inline()
    parser.feed(html)
    return parser.found


@pytest.fixture
def superuser() -> User:
    """Return a user who can see every page."""
    return User.objects.create_superuser(**ADA)


def pages() -> list[str]:
    """Return the path of every page that this project serves, one of each kind."""
    refund = make_refund()
    make_requests()
    below = [
        *("", "refund/", "returnrequest/", "sweep/", "walletentry/", "returnrequest/approve-all/"),
        *(f"refund/{refund.pk}/change/", f"refund/{refund.pk}/history/", f"returnrequest/{refund.pk}/change/"),
    ]
    others = ["auth/user/", "auth/user/add/", "auth/group/add/", "refunds_notices/notice/", "refunds_notices/optout/"]
    admin = [LOGIN, INDEX, "/admin/password_change/", *(f"/admin/refunds/{path}" for path in below)]
    opt_out = f"/opt-out/{opt_outs.token('c@example.com')}/"
    return [*admin, *(f"/admin/{path}" for path in others), opt_out, "/opt-out/forged/", MISSING]


def test_inline_parts_of_a_page_are_found() -> None:
    """The search below sees each thing that the policy blocks."""
    page = "<style></style><script>x</script><script type='text/javascript'>x</script><b style='' onclick='x'>"
    assert inline(page) == ["style", "script", "script", "b style", "b onclick"]
    assert inline("<a href='javascript:x'>") == ["a href"]
    assert inline("<script src='x'></script><script type='application/json'>{}</script>") == []


def test_every_page_has_the_policy_and_nothing_that_it_blocks(superuser: User, client: Client) -> None:
    """Scripts and styles come from this host's files alone, on every kind of page, errors included."""
    client.force_login(superuser)
    for path in pages():
        answer = client.get(path, follow=True)
        assert set(answer.headers["Content-Security-Policy"].split("; ")) == POLICY, path
        assert inline(answer.text) == [], path


@pytest.mark.usefixtures("superuser")
@pytest.mark.parametrize("leads", [None, "", "https://elsewhere.example/", "//elsewhere.example/", MISSING])
def test_login_leads_to_a_page(client: Client, leads: str | None) -> None:
    """Without another page it leads to the admin: Django's own default is a page that no project has.

    Where `next` names no page, it ends on a page with a link.
    """
    address, form = (LOGIN, ADA) if leads is None else (f"{LOGIN}?next={leads}", ADA | {"next": leads})
    answer = client.post(address, form, follow=True)
    if leads == MISSING:
        assert answer.status_code == HTTPStatus.NOT_FOUND
        assert "There is no page at this address" in answer.text
        assert f'href="{INDEX}"' in answer.text
    else:
        assert answer.redirect_chain == [(INDEX, HTTPStatus.FOUND)]
        assert answer.status_code == HTTPStatus.OK


@pytest.mark.usefixtures("superuser")
def test_session_ends_after_eight_hours_of_use(client: Client) -> None:
    """Use does not extend it beyond a working day."""
    with freeze_time(NOON) as clock:
        client.post(LOGIN, ADA)
        assert Session.objects.get().expire_date == NOON + 8 * HOUR
        for _ in range(7):
            clock.tick(HOUR)
            assert client.get(INDEX).status_code == HTTPStatus.OK
        clock.tick(HOUR + SECOND)
        assert client.get(INDEX).status_code == HTTPStatus.FOUND
