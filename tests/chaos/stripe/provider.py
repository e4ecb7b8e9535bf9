"""Stripe's part, played by a server of its own: the npm package stripe-stateful-mock on loopback.

It keeps charges and refunds, refuses to give back more than was paid, and answers an idempotency key with its first
answer. It knows neither payment intents nor refunds that take days: a bank in front of it gives a refund the status
that a test wants, in every answer but the first one to an idempotency key, which stays as it was.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Self
from urllib.parse import urlencode
from urllib.request import urlopen

import stripe

PACKAGE = "stripe-stateful-mock"
# The folder node_modules that has the package.
FOLDER = "REFUNDS_NODE_MODULES"
# The mock takes any key of a sandbox.
API_KEY = "sk_test_storm"
# Seconds; the mock answers in milliseconds, so that only a hang ends like this.
LONG = 30
# Not the package's own command, which listens on every interface. Standard input is a pipe that ends with
# the process that started this, however that ends.
SERVE = """
const {createExpressApp} = require("stripe-stateful-mock");
require("loglevel").setLevel("silent");
const app = createExpressApp();
const bank = {begins: "succeeded", statuses: {}, first: {}};
const turned = (refund, isNew) => {
  if (isNew) bank.statuses[refund.id] ??= bank.begins;
  return {...refund, status: bank.statuses[refund.id] ?? refund.status};
};
const server = require("http").createServer((request, response) => {
  const address = new URL(request.url, "http://bank");
  if (address.pathname === "/bank") {
    const {begins, receipt, status} = Object.fromEntries(address.searchParams);
    if (begins) bank.begins = begins; else bank.statuses[receipt] = status;
    return response.end("{}");
  }
  const end = response.end.bind(response), key = request.headers["idempotency-key"];
  response.end = (chunk, ...rest) => {
    if (!address.pathname.startsWith("/v1/refunds") || response.statusCode !== 200) return end(chunk, ...rest);
    const answer = JSON.parse(chunk.toString());
    const seen = answer.object === "list" ? {...answer, data: answer.data.map((each) => turned(each, false))}
      : turned(answer, request.method === "POST");
    let body = JSON.stringify(seen);
    if (key) body = bank.first[key] ??= body;
    response.setHeader("Content-Length", Buffer.byteLength(body));
    return end(body);
  };
  return app(request, response);
}).listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit()).resume();
"""


@dataclass(frozen=True)
class Given:
    """A refund in the provider's own books: its id, what it gave back of which charge, and our reference on it."""

    receipt: str
    charge: str
    amount_minor: int
    currency: str
    reference: str


def missing() -> str | None:
    """What this machine lacks to play Stripe's part, and how to come by it; None where it lacks nothing."""
    if shutil.which("node") is None:
        return "node is not installed: install Node.js 18 or later and npm, then tox run -e stripe"
    folder = os.environ.get(FOLDER, "")
    if not (Path(folder) / PACKAGE).is_dir():
        return f"the npm package {PACKAGE} is not in {FOLDER}={folder!r}: tox run -e stripe installs it"
    return None


class Provider:
    """The provider, running while it is entered; what it has been told is gone afterwards."""

    def __enter__(self) -> Self:
        """Raises RuntimeError where it does not start."""
        if lack := missing():
            raise RuntimeError(lack)
        self._process = subprocess.Popen(
            ["node", "-e", SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"NODE_PATH": os.environ[FOLDER]},
            text=True,
        )
        assert self._process.stdout is not None
        port = self._process.stdout.readline().strip()  # comes once it listens, or is empty once it has ended
        if not port:
            raise RuntimeError(f"{PACKAGE} did not start (exit status {self._process.wait()}); its words are above")
        self.port = int(port)
        self.client = client(self.url)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._process.communicate()  # closes its standard input, and waits for its end

    @property
    def url(self) -> str:
        """What a client takes for https://api.stripe.com."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def charge(self, amounts: Iterable[tuple[int, str]]) -> list[str]:
        """A charge of each amount (minor units, currency); their ids."""
        return [
            self.client.v1.charges.create(
                {"amount": amount, "currency": currency.lower(), "source": "tok_visa"}  # a card that always pays
            ).id
            for amount, currency in amounts
        ]

    def begin(self, status: str) -> None:
        """From now on a new refund has this status."""
        self._bank(begins=status)

    def turn(self, receipt: str, status: str) -> None:
        """The refund has another status from now on."""
        self._bank(receipt=receipt, status=status)

    def _bank(self, **asked: str) -> None:
        with urlopen(f"{self.url}/bank?{urlencode(asked)}", timeout=LONG) as answer:
            assert answer.status == HTTPStatus.OK

    def given(self) -> list[Given]:
        """Every refund that it has made, the latest first."""
        return [_given(refund) for refund in self.client.v1.refunds.list({"limit": 100}).auto_paging_iter()]


def client(url: str) -> stripe.StripeClient:
    """Stripe's own client, which neither repeats a call nor waits long for an answer."""
    return stripe.StripeClient(
        API_KEY,
        base_addresses={"api": url},
        http_client=stripe.RequestsClient(timeout=LONG),
        max_network_retries=0,
    )


def _given(refund: stripe.Refund) -> Given:
    return Given(
        receipt=refund.id,
        charge=str(refund.charge),
        amount_minor=refund.amount,
        currency=refund.currency.upper(),
        reference=(refund.to_dict()["metadata"] or {}).get("refund", ""),
    )
