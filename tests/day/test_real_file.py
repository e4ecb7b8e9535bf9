"""The first half-year of a real shop's returns, from file to ledger."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import Sum

from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Status
from refunds.frozen import freeze
from refunds.importing.files import ONLINE_RETAIL, Format, Source
from refunds.importing.importer import import_file
from refunds.models import Refund, ReturnRequest, WalletEntry
from refunds.operations import sweeps
from refunds.operations.audit import run_audit

from ..factories import CUTOFF, PRESSED
from .conftest import Start

TOTAL = 42_851_573  # 428,515.73 GBP


@pytest.mark.django_db(transaction=True)
def test_every_real_return_is_approved_and_refunded_once(start: Start, real_file: Path) -> None:
    """4,494 refunds of 428,515.73 GBP in all; a second approve-all and a second 18:00 change nothing."""
    celery = start(PRESSED)
    with real_file.open("rb") as stream:
        summary = import_file(
            Source(stream, real_file.name), layout=ONLINE_RETAIL, form=Format.CSV, now=celery.now, on_rejected=print
        )
    assert (summary.imported, summary.rejected, summary.totals) == (4494, 0, {"GBP": TOTAL})
    sweeps.start_approve(key="first", frozen=freeze(), by=None, now=celery.now)
    celery.advance(timedelta(seconds=1))
    books = run_audit()
    assert (books.count(Status.APPROVED), books.count(RefundStatus.SUCCEEDED)) == (4494, 4494)
    assert books.problems == []
    for ledger in (Refund, WalletEntry):
        assert ledger.objects.aggregate(total=Sum("amount_minor")) == {"total": TOTAL}
    before = [list(model.objects.order_by("pk").values()) for model in (ReturnRequest, Refund, WalletEntry)]
    sweeps.start_approve(key="second", frozen=freeze(), by=None, now=celery.now)
    celery.run_until(CUTOFF + timedelta(minutes=1))
    sweeps.decline_pending(celery.now)
    celery.advance(timedelta(minutes=1))
    assert [list(model.objects.order_by("pk").values()) for model in (ReturnRequest, Refund, WalletEntry)] == before
