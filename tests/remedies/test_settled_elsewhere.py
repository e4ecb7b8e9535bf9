"""A refund that an operator has paid by another way."""

from typing import Any

import pytest
from django.dispatch import Signal

from refunds import signals
from refunds.domain.sweeps import IdRange
from refunds.errors import BadInput
from refunds.management.audit import run_audit
from refunds.models import Refund, WalletEntry
from refunds.operations import bulk_payments, health
from refunds.operations.payments import NotNow, pay_refund
from refunds.remedies.models import SettledElsewhere

from ..admin.conftest import unchanged
from ..factories import DAY, PRESSED, refund_rows
from ..operations.conftest import Commit, Published, commit, published
from ..operations.payers import Scripted
from .closers import failed_refund, provider, refund, settle

__all__ = ["commit", "provider", "published", "refund"]  # fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider")]


def test_refund_succeeds_with_the_receipt_and_the_reason(refund: Refund, published: Published, commit: Commit) -> None:
    """As entered, without the spaces around it; nothing is paid, and nothing is reported."""
    before = refund_rows()[refund.pk]
    with commit():
        done, (noted,) = settle(refund, " SEPA 17 ", reason=" account\nclosed ")
    assert done
    assert (noted.status, noted.failure) == ("failed", "no such charge")
    changed = {"status": "succeeded", "receipt": "SEPA 17", "settled_at": PRESSED, "failure": ""}
    assert refund_rows()[refund.pk] == before | changed
    assert SettledElsewhere.objects.get().reason == "account\nclosed"
    assert published == []
    assert pay_refund(refund.pk, PRESSED, gateway=Scripted(), jitter=0) == NotNow()
    assert (run_audit().problems, health.health(PRESSED)) == ([], [])


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"receipt": ""}, "the receipt is missing; enter it"),
        ({"receipt": "\t \u3000"}, "the receipt is missing; enter it"),
        ({"reason": "  "}, "the reason is missing; enter it"),
        ({"receipt": "x" * 256}, "the receipt has 256 characters; shorten it to 255"),
        ({"reason": "x" * 501}, "the reason has 501 characters; shorten it to 500"),
        ({"receipt": "a\nb"}, "the receipt has a character that cannot be seen"),
        ({"receipt": "a\x00b"}, "the receipt has a character that cannot be seen"),
        ({"receipt": "a\u202eb"}, r"U\+202E \(RIGHT-TO-LEFT OVERRIDE\) at position 2; remove it"),
        ({"receipt": "\u3164\u3164"}, r"U\+3164 \(HANGUL FILLER\) at position 1"),
        ({"reason": "a\ufeff"}, "the reason has a character that cannot be seen"),
        ({"reason": "a\u2028b"}, "the reason has a character that cannot be seen"),
        ({"receipt": "wallet:1"}, "the receipt begins with wallet:"),
        ({"receipt": " Wallet:1"}, "the receipt begins with wallet:"),
        ({"receipt": "sk_live_1"}, "the receipt has a secret in it, which is not shown"),
        ({"reason": "with whsec_1"}, "the reason has a secret in it, which is not shown"),
    ],
)
def test_bad_fields_change_nothing(refund: Refund, fields: dict[str, str], why: str) -> None:
    """Empty, too long, invisible, one of the wallet's own receipts, or a secret."""
    with unchanged(), pytest.raises(BadInput, match=why) as raised:
        settle(refund, **fields)
    assert "sk_live_1" not in str(raised.value)


def test_what_the_wallet_has_credited_is_not_settled_elsewhere(refund: Refund) -> None:
    """The customer would have it twice; the audit counts one that is credited after."""
    WalletEntry.objects.create(refund=refund, amount_minor=1250, currency="GBP")
    with unchanged(), pytest.raises(BadInput, match='the wallet has credited this refund already; use "Try again"'):
        settle(refund)
    Refund.objects.update(status="succeeded", receipt="SEPA 17", failure="")
    SettledElsewhere.objects.create(refund=refund, reason="why")
    assert run_audit().problems == ["credits for refunds that were settled elsewhere: 1"]


def test_settled_elsewhere_beats_try_again_and_the_other_way_round(published: Published) -> None:
    """Whichever is first; the other finds nothing that has failed."""
    first, second = failed_refund(), failed_refund()
    assert settle(first)[0]
    assert bulk_payments.try_again([first.pk, second.pk], PRESSED) == [second.pk]
    assert not settle(second)[0]


def test_signals_of_the_settlement_are_sent(
    refund: Refund, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside the transaction: first that the failure is no longer true, then that the refund is settled."""
    heard: list[tuple[str, dict[str, Any]]] = []
    for name in ("refunds_reopened", "refunds_settled"):
        monkeypatch.setattr(signals, name, signal := Signal())
        signal.connect(lambda name=name, **said: heard.append((name, said)), weak=False)
    assert settle(refund)[0]
    assert not settle(refund)[0]
    (first, reopened), (second, settled) = heard
    assert (first, reopened["ids"], reopened["now"]) == ("refunds_reopened", [refund.pk], PRESSED)
    assert (second, settled["id_range"]) == ("refunds_settled", IdRange(refund.pk, refund.pk))
    assert settled["now"] == PRESSED


def test_refund_that_fails_again_is_not_settled_elsewhere(refund: Refund, published: Published) -> None:
    """The provider reverses the receipt that the operator entered: the reason is kept in the history alone."""
    other = failed_refund()
    assert settle(refund)[0]
    assert settle(other)[0]
    later = PRESSED + DAY
    Refund.objects.filter(pk=refund.pk).update(status="failed", failure="reversed", receipt="", settled_at=later)
    signals.refunds_settled.send(Refund, id_range=IdRange(refund.pk, other.pk), now=later)
    assert list(SettledElsewhere.objects.values_list("pk", flat=True)) == [other.pk]
