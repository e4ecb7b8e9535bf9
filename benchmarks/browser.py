"""A superuser's browser: a session, cookies, forms, and the button."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from .measure import Real

LIST = "/admin/refunds/returnrequest/"
PAGE = "/admin/refunds/returnrequest/approve-all/"
SWEEP = re.compile(r"^/admin/refunds/sweep/(\d+)/change/$")
FIELD = re.compile(r'name="(csrfmiddlewaretoken|token)" value="([^"]+)"')
# Seconds for an answer.
LONG = 60


@dataclass(frozen=True)
class Answer:
    """What a browser got, and the seconds from connecting to the last byte."""

    status: int
    location: str
    text: str
    seconds: float

    @property
    def form(self) -> dict[str, str]:
        """The hidden fields of the page's form."""
        return dict(FIELD.findall(self.text))


class Browser:
    """A browser that keeps cookies, and opens a connection for each request, as the proxy before gunicorn does."""

    def __init__(self, port: int, session: str) -> None:
        self._port = port
        self._cookies = {"sessionid": session}

    def get(self, path: str) -> Answer:
        """Ask for a page; redirects are not followed."""
        return self._ask("GET", path, "")

    def post(self, path: str, form: Mapping[str, str]) -> Answer:
        """Send a form; redirects are not followed."""
        return self._ask("POST", path, urlencode(form))

    def press(self, page: Answer | None = None) -> tuple[int, Answer]:
        """Press the button of the confirmation page, or of a page asked for now: the sweep's id, and the answer.

        Raises RuntimeError where no sweep was started.
        """
        page = page or self.get(PAGE)
        answer = self.post(PAGE, page.form)
        if found := SWEEP.match(answer.location):
            return int(found[1]), answer
        raise RuntimeError(
            f"a press started no sweep (status {page.status} of the page, {answer.status} of the press); if 18:00 in "
            "Kyiv has just passed, run it again"
        )

    def _ask(self, method: str, path: str, body: str) -> Answer:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = HTTPConnection("127.0.0.1", self._port, timeout=LONG)
        began = Real.clock()
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        seconds = Real.clock() - began
        self._keep(response.headers)
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RuntimeError(f"{method} {path} was answered by {response.status}; the reason is above")
        return Answer(response.status, response.getheader("Location", ""), text, seconds)

    def _keep(self, headers: Message) -> None:
        for line in headers.get_all("Set-Cookie", []):
            self._cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
