"""A real shop's returns, from file to ledger."""

from datetime import datetime
from pathlib import Path

import pytest
from celery_rehearsal import VirtualCelery
from django.db.models import Sum

from celery_app import app
from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Status
from refunds.frozen import freeze
from refunds.importing.files import ONLINE_RETAIL, Format, Source
from refunds.importing.importer import Summary, import_file
from refunds.management.audit import run_audit
from refunds.models import Refund, ReturnRequest, WalletEntry
from refunds.operations import button, sweeps

from ..data import count_and_total
from ..factories import CUTOFF, MINUTE, PRESSED, SECOND


def take(file: Path, now: datetime) -> Summary:
    """Import the file, of which every row is good."""
    with file.open("rb") as stream:
        source = Source(stream, file.name)
        return import_file(
            source, layout=ONLINE_RETAIL, form=Format.CSV, now=now, on_rejected=lambda bad: pytest.fail(str(bad))
        )


@pytest.mark.django_db(transaction=True)
def test_every_real_return_is_imported_approved_and_refunded_once(real_file: Path) -> None:
    """Nothing is rejected, and the refunds come to the file's total.

    The same file again adds nothing; a second approve-all and a second cutoff change nothing.
    """
    count, total = count_and_total(real_file)
    with VirtualCelery(app, start=PRESSED) as celery:
        found = [take(real_file, celery.now) for _ in range(2)]
        assert found == [Summary(imported=count, totals={"GBP": total}), Summary(known=count)]
        assert ReturnRequest.objects.count() == count
        button.start_approve(key="first", frozen=freeze(), by=None, now=celery.now)
        celery.advance(SECOND)
        books = run_audit()
        assert (books.count(Status.APPROVED), books.count(RefundStatus.SUCCEEDED)) == (count, count)
        assert books.problems == []
        for ledger in (ReturnRequest, Refund, WalletEntry):
            assert ledger.objects.aggregate(total=Sum("amount_minor")) == {"total": total}
        before = [list(model.objects.order_by("pk").values()) for model in (ReturnRequest, Refund, WalletEntry)]
        button.start_approve(key="second", frozen=freeze(), by=None, now=celery.now)
        celery.run_until(CUTOFF + MINUTE)
        sweeps.decline_pending(celery.now)
        celery.advance(MINUTE)
        assert [list(model.objects.order_by("pk").values()) for model in (ReturnRequest, Refund, WalletEntry)] == before
