"""The embedded payer: a customer's credit in a ledger beside the refunds themselves."""

from datetime import datetime

from django.db import transaction

from .. import queries
from ..domain.refunds import TRY_AGAIN
from ..domain.sweeps import IdRange
from ..errors import BadInput
from ..models import WalletEntry
from .base import Order, Settled


class Wallet:
    """Credits customers in the ledger of wallet entries.

    The entry's primary key is the refund: a second one cannot be.
    """

    @staticmethod
    def check_payment(payment: str) -> None:
        """Raise BadInput for any id: the wallet credits the customer."""
        raise BadInput(
            f'the wallet credits the customer and needs no payment, so there is none to correct; use "{TRY_AGAIN}"'
        )

    def refund(self, order: Order, idempotency_key: str) -> Settled:
        """Credit one refund, which settles it; the refund's id does the work of the idempotency key."""
        entry = WalletEntry(
            refund_id=order.refund_id,
            customer=order.customer,
            amount_minor=order.amount_minor,
            currency=order.currency,
        )
        WalletEntry.objects.bulk_create([entry], ignore_conflicts=True)
        return Settled(f"{queries.RECEIPT}{order.refund_id}")

    def refund_range(self, id_range: IdRange, now: datetime) -> int:
        """Credit and settle all that is due in the range, in one transaction of a few statements; return how many."""
        with transaction.atomic(savepoint=False):  # nobody goes on in a transaction in which this has failed
            return queries.credit_and_settle(id_range, now)
