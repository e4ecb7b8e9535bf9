"""The provider: what it must do for a storm against it to prove anything."""

import os
import shutil
import signal
import subprocess
import sys

import pytest
import stripe

from ...project.running import Watch
from .provider import Given, Provider, missing

pytestmark = pytest.mark.stripe


def test_its_books_are_what_it_was_told(provider: Provider) -> None:
    """Each charge has an id of its own; refunds are listed with amount, currency, charge and our reference."""
    euros, yen = provider.charge([(1250, "EUR"), (900, "JPY")])
    first = provider.client.v1.refunds.create({"charge": euros, "amount": 1000, "metadata": {"refund": "a"}})
    second = provider.client.v1.refunds.create({"charge": yen, "amount": 900, "metadata": {"refund": "b"}})
    assert euros != yen
    assert set(provider.given()) == {
        Given(first.id, euros, 1000, "EUR", "a"),
        Given(second.id, yen, 900, "JPY", "b"),
    }


def test_all_pages_are_read(provider: Provider) -> None:
    """More refunds than one page holds are all there."""
    charges = provider.charge([(500, "EUR")] * 201)
    receipts = {provider.client.v1.refunds.create({"charge": charge}).id for charge in charges}
    given = provider.given()
    assert len(given) == len(receipts) == 201
    assert {refund.receipt for refund in given} == receipts


def test_a_key_gets_its_first_answer_again(provider: Provider) -> None:
    """The same key and words give back nothing more; without the key the same words do."""
    (charge,) = provider.charge([(1000, "EUR")])
    refund = provider.client.v1.refunds.create
    keyed = [refund({"charge": charge, "amount": 100}, {"idempotency_key": "k"}).id for _ in range(2)]
    assert keyed[0] == keyed[1]
    assert refund({"charge": charge, "amount": 100}).id != keyed[0]
    assert len(provider.given()) == 2


def test_more_than_was_paid_is_refused(provider: Provider) -> None:
    """What is left of a charge bounds its refunds."""
    (charge,) = provider.charge([(1000, "EUR")])
    provider.client.v1.refunds.create({"charge": charge, "amount": 600})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        provider.client.v1.refunds.create({"charge": charge, "amount": 600})
    assert [refund.amount_minor for refund in provider.given()] == [600]


def test_it_ends_with_the_process_that_started_it(provider: Provider) -> None:
    """A killed owner leaves no provider behind."""
    code = (
        "from tests.chaos.stripe.provider import Provider\n"
        "running = Provider().__enter__()\n"
        "print(running.pid, flush=True)\n"
        "input()\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True) as owner:
        assert owner.stdout is not None
        watch = Watch([int(owner.stdout.readline())])
        owner.send_signal(signal.SIGKILL)
        assert watch.wait() == 0


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without node, or without the package, the reason names what to install."""
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/node")
    monkeypatch.setenv("REFUNDS_NODE_MODULES", "/nowhere")
    assert missing() == (
        "the npm package stripe-stateful-mock is not in REFUNDS_NODE_MODULES='/nowhere': tox run -e stripe installs it"
    )
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert missing() == "node is not installed: install Node.js 18 or later and npm, then tox run -e stripe"
    with pytest.raises(RuntimeError, match="node is not installed"):
        Provider().__enter__()
