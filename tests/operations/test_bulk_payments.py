"""Sending many refunds to be paid: what is sent at once, and what is left to the reconciler."""

from datetime import timedelta

import pytest

from refunds import outbox
from refunds.domain.sweeps import IdRange
from refunds.gateways.wallet import Wallet
from refunds.models import WalletEntry
from refunds.operations import reconcile
from refunds.operations.bulk_payments import pay_refunds, try_again

from ..factories import NOON, PRESSED, make_failed, make_refund, make_requests, refund_rows
from .conftest import Commit, Limit, Published
from .payers import Paced, Scripted

pytestmark = pytest.mark.django_db
BLINK = timedelta(microseconds=1)


def each(ids: list[int]) -> list[dict[str, int]]:
    return [{"refund_id": pk} for pk in ids]


def test_range_sends_one_share_and_leaves_the_rest_to_the_reconciler(
    published: Published, commit: Commit, limit: Limit
) -> None:
    """At 50 calls a second 500 refunds are sent; three more, and those sent before or not due, are not."""
    limit(Paced(0.02))
    on_way = make_refund(dispatched_at=PRESSED + BLINK).pk
    not_due = make_refund(due_at=PRESSED + BLINK).pk
    ids = [row.pk for row in make_requests(503, status="approved")]
    outside = make_refund().pk
    before = refund_rows()
    with commit():
        assert pay_refunds(IdRange(on_way, ids[-1]), PRESSED, gateway=Scripted()) == 500
    share, rest = ids[:500], ids[500:]
    assert published == [(outbox.PAY_REFUND, each(share))]
    assert refund_rows(on_way, not_due, outside) == {pk: before[pk] for pk in (on_way, not_due, outside)}
    expected = {pk: before[pk] | {"dispatched_at": PRESSED + BLINK} for pk in share}
    assert refund_rows(*ids) == expected | {pk: before[pk] | {"dispatched_at": None} for pk in rest}


def test_doubled_range_sends_nothing_more(published: Published, commit: Commit, limit: Limit) -> None:
    """The refunds that the first message sent have their own messages, and the reconciler sends the others."""
    limit(Paced(1))
    ids = [row.pk for row in make_requests(15, status="approved")]
    id_range = IdRange(ids[0], ids[-1])
    for count in (10, 0):
        with commit():
            assert pay_refunds(id_range, PRESSED, gateway=Scripted()) == count
    assert published == [(outbox.PAY_REFUND, each(ids[:10]))]


def test_range_without_a_limit_is_sent_at_once(
    published: Published, commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many refunds as a chunk holds are sent; the rest of a wider range is left to the reconciler."""
    monkeypatch.setattr("refunds.domain.sweeps.CHUNK_ROWS", 4)
    ids = [row.pk for row in make_requests(6, status="approved")]
    with commit():
        assert pay_refunds(IdRange(ids[0], ids[-1]), PRESSED, gateway=Scripted()) == 4
    assert published == [(outbox.PAY_REFUND, each(ids[:4]))]
    dispatched = {pk: row["dispatched_at"] for pk, row in refund_rows().items()}
    assert dispatched == {**dict.fromkeys(ids[:4], PRESSED + BLINK), **dict.fromkeys(ids[4:])}


def test_wallet_pays_a_range_without_a_call(limit: Limit) -> None:
    """The wallet pays a range of refunds that are tried again at once, although calls are limited."""
    paced = limit(Paced(3600))
    ids = make_failed(3)
    try_again(ids, PRESSED)
    assert pay_refunds(IdRange(ids[0], ids[-1]), PRESSED, gateway=Wallet()) == 3
    assert {row["status"] for row in refund_rows().values()} == {"succeeded"}
    assert (WalletEntry.objects.count(), paced.calls) == (3, [])


def test_reconciler_sends_what_the_provider_can_take_until_its_next_run(
    published: Published, commit: Commit, limit: Limit
) -> None:
    """Of 70 unpaid refunds at 2 a second the 60 longest due are sent, the others at the next run."""
    limit(Paced(0.5))
    late = [row.pk for row in make_requests(10, status="approved", received_at=NOON + BLINK)]
    early = [row.pk for row in make_requests(60, status="approved")]
    for look, ids in ((PRESSED, early), (PRESSED + timedelta(seconds=30), late)):
        with commit():
            assert reconcile.reconcile(look, gateway=Scripted())["refunds"] == len(ids)
        assert published[-1] == (outbox.PAY_REFUND, each(ids))
        assert {row["dispatched_at"] for row in refund_rows(*ids).values()} == {look + BLINK}
